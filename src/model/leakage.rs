//! The leakage battery: does the side kept back share more with the training side than it should, or less?
//!
//! It looks at the split that step prepare chose. A shared row, entity or moment makes the judgement too kind; a value, class
//! or association that is new to the other side makes it say nothing about either.

use std::collections::{BTreeMap, BTreeSet};

use super::prepare::Prepared;
use super::split::Split;
use super::{Target, Task};
use crate::data::measures::{correlation_ratio, pearson, ranks};
use crate::data::{
    ColumnSpec, Dataset, Finding, Meaning, Physical, Severity, brief, column, counted, figure, in_order, mix, percent,
};
use crate::engine::Control;
use crate::error::Result;

/// The names of these checks.
pub const CHECKS: [&str; 7] = [
    "split-shared-rows",
    "split-near-duplicates",
    "split-shared-entities",
    "split-labels",
    "split-new-values",
    "split-time",
    "split-association",
];

/// Share of the rows kept back up to which sharing is chance (Deepchecks' gate).
const TOLERATED: f64 = 0.05;

/// How many times as often as by chance rows must agree before chance is ruled out; columns that go together make it
/// likelier than the figure for independent columns says.
const CHANCE: f64 = 50.0;

/// By how much a correlation may differ between the sides (Deepchecks' gate for its score), and by how many standard errors it must.
const CHANGE: f64 = 0.2;
const ERRORS: f64 = 4.0;

/// Rows of a side on which associations are computed.
const MOST_ROWS: usize = 20_000;

/// One column of the table as numbers that are equal where its values are.
struct Coded<'a> {
    spec: &'a ColumnSpec,
    codes: Vec<u64>,
}

impl<'a> Coded<'a> {
    fn of(dataset: &Dataset, spec: &'a ColumnSpec) -> Result<Self> {
        let values = column::get(&dataset.frame, &spec.name)?;
        let codes = if spec.physical == Physical::String {
            let mut numbers: BTreeMap<String, u64> = BTreeMap::new();
            column::texts(values)?
                .into_iter()
                .map(|text| {
                    let next = numbers.len() as u64 + 1;
                    text.map_or(0, |text| *numbers.entry(text).or_insert(next))
                })
                .collect()
        } else {
            column::numbers(values)?.into_iter().map(|v| if v.is_nan() { 0 } else { !(v + 0.0).to_bits() }).collect()
        };
        Ok(Self { spec, codes })
    }

    fn at(&self, row: u32) -> u64 {
        self.codes[row as usize]
    }

    /// What two rows share by chance, in nats.
    fn information(&self, rows: &[u32]) -> f64 {
        let mut counts: BTreeMap<u64, f64> = BTreeMap::new();
        for row in rows {
            *counts.entry(self.at(*row)).or_default() += 1.0;
        }
        let n = rows.len().max(1) as f64;
        -counts.values().map(|c| (c / n).powi(2)).sum::<f64>().max(f64::MIN_POSITIVE).ln()
    }
}

/// Looks at a split. `time` names the column that says when a row happened, when there is one.
///
/// # Errors
/// When a column is not in the table, or when cancelled.
pub fn check_split(
    dataset: &Dataset,
    prepared: &Prepared,
    time: Option<&str>,
    control: &Control,
) -> Result<Vec<Finding>> {
    let target = dataset.spec(&prepared.target_name)?;
    let columns: Vec<Coded<'_>> = prepared
        .features
        .iter()
        .chain([target])
        .map(|spec| {
            control.check()?;
            Coded::of(dataset, spec)
        })
        .collect::<Result<_>>()?;
    let mut findings = repeated(prepared, &columns, control)?;
    findings.extend(entities(dataset, prepared, control)?);
    findings.extend(labels(prepared));
    findings.extend(new_values(dataset, prepared, &columns, control)?);
    if let Some(time) = time.filter(|t| dataset.spec(t).is_ok()) {
        findings.extend(moments(dataset, prepared, time)?);
    }
    findings.extend(associations(dataset, prepared, &columns, control)?);
    Ok(in_order(findings))
}

/// Rows kept back that stand among the training rows too: in all columns that the model reads and the target, or in all but one.
fn repeated(prepared: &Prepared, columns: &[Coded<'_>], control: &Control) -> Result<Vec<Finding>> {
    let (train, test) = (&prepared.sides.train, &prepared.sides.test);
    let hash = |index: usize, c: &Coded<'_>, row: u32| mix(index as u64 + 1, c.at(row));
    let whole =
        |row: &u32| columns.iter().enumerate().fold(0u64, |sum, (index, c)| sum.wrapping_add(hash(index, c, *row)));
    let (train_whole, test_whole): (Vec<u64>, Vec<u64>) =
        (train.iter().map(whole).collect(), test.iter().map(whole).collect());
    let mut known = train_whole.clone();
    known.sort_unstable();
    let same: Vec<bool> = test_whole.iter().map(|h| known.binary_search(h).is_ok()).collect();
    let information: Vec<f64> = columns.iter().map(|c| c.information(train)).collect();
    let all: f64 = information.iter().sum();
    // How often rows of both sides would agree by chance, were the columns independent.
    let pairs = (train.len() * test.len()) as f64;
    let unlikely = |found: usize, information: f64| found as f64 > CHANCE * pairs * (-information).exp();
    let mut findings = Vec::new();
    let rows = |hit: &[bool]| -> Vec<usize> {
        test.iter().zip(hit).filter(|(_, hit)| **hit).map(|(row, _)| *row as usize).collect()
    };
    let shared = rows(&same);
    let share = shared.len() as f64 / test.len().max(1) as f64;
    // Where few columns have few values each, equal rows are chance; many of them still flatter the model.
    if !shared.is_empty() && (share > TOLERATED || unlikely(shared.len(), all)) {
        let severity = match share > TOLERATED {
            true if unlikely(shared.len(), all) => Severity::Serious,
            true => Severity::Warning,
            false => Severity::Note,
        };
        let message = format!(
            "{} kept back ({}) also stand among the rows to learn from, equal in every column that the model reads and in {}",
            counted(shared.len() as u64, "row"),
            percent(share),
            brief(&prepared.target_name, 60)
        );
        findings.push(
            Finding::new("split-shared-rows", severity, message)
                .with("rows", shared.len())
                .with("share", share)
                .remedy("Keep one of each before splitting, or split by what they have in common: a model that learns by heart looks good on them")
                .rows(shared),
        );
    }
    let mut near = vec![false; test.len()];
    for (index, c) in columns.iter().enumerate() {
        control.check()?;
        if index + 1 == columns.len() {
            // Another answer to the same row is a conflicting label, which has a check of its own.
            continue;
        }
        let mut known: Vec<u64> =
            train.iter().zip(&train_whole).map(|(row, sum)| sum.wrapping_sub(hash(index, c, *row))).collect();
        known.sort_unstable();
        let here: Vec<usize> = (test.iter().zip(&test_whole).enumerate())
            .filter(|(i, (row, sum))| {
                !same[*i] && known.binary_search(&sum.wrapping_sub(hash(index, c, **row))).is_ok()
            })
            .map(|(i, _)| i)
            .collect();
        if unlikely(here.len(), all - information[index]) {
            here.into_iter().for_each(|i| near[i] = true);
        }
    }
    let near = rows(&near);
    if !near.is_empty() {
        let share = near.len() as f64 / test.len().max(1) as f64;
        let message = format!(
            "{} kept back ({}) differ from a row to learn from in a single column",
            counted(near.len() as u64, "row"),
            percent(share)
        );
        findings.push(
            Finding::new("split-near-duplicates", if share > TOLERATED { Severity::Warning } else { Severity::Note }, message)
                .with("rows", near.len())
                .with("share", share)
                .remedy("If they are one entity entered twice, keep them on one side: name what they have in common and split by it")
                .rows(near),
        );
    }
    Ok(findings)
}

/// Entities (values of identifiers) that stand on both sides.
fn entities(dataset: &Dataset, prepared: &Prepared, control: &Control) -> Result<Vec<Finding>> {
    let (train, test) = (&prepared.sides.train, &prepared.sides.test);
    let mut findings = Vec::new();
    let identifiers =
        dataset.columns.iter().filter(|c| c.meaning == Meaning::Identifier && c.name != prepared.target_name);
    for spec in identifiers {
        control.check()?;
        if matches!(&prepared.split, Split::Group { column } if *column == spec.name) {
            continue;
        }
        let coded = Coded::of(dataset, spec)?;
        let known: BTreeSet<u64> = train.iter().map(|row| coded.at(*row)).filter(|code| *code != 0).collect();
        let shared: Vec<usize> =
            test.iter().filter(|row| known.contains(&coded.at(**row))).map(|row| *row as usize).collect();
        if shared.is_empty() {
            continue;
        }
        let share = shared.len() as f64 / test.len().max(1) as f64;
        let later = matches!(prepared.split, Split::Time { .. });
        let severity = match (share > TOLERATED, later) {
            (true, false) => Severity::Serious,
            (true, true) => Severity::Warning,
            _ => Severity::Note,
        };
        let name = brief(&spec.name, 60);
        let message = format!(
            "{} of the rows kept back have a {name} that stands among the rows to learn from: the model may recognise them",
            percent(share)
        );
        let remedy = if later {
            format!("Right if it will score those that it knows; otherwise split by group {name}")
        } else {
            format!("Split by group {name}")
        };
        findings.push(
            Finding::new("split-shared-entities", severity, message)
                .on(&spec.name)
                .with("rows", shared.len())
                .with("share", share)
                .remedy(remedy)
                .rows(shared),
        );
    }
    Ok(findings)
}

/// Classes that one of the sides lacks.
fn labels(prepared: &Prepared) -> Vec<Finding> {
    let Target::Classes { codes, count } = &prepared.y else { return Vec::new() };
    let counts = |rows: &[u32]| {
        let mut counts = vec![0u64; *count];
        rows.iter().for_each(|row| counts[codes[*row as usize]] += 1);
        counts
    };
    let (train, test) = (counts(&prepared.sides.train), counts(&prepared.sides.test));
    let mut findings = Vec::new();
    for (class, (learned, judged)) in train.iter().zip(&test).enumerate() {
        let name = prepared.classes.get(class).map_or_else(String::new, |c| brief(c, 40));
        let (severity, message) = match (learned, judged) {
            (0, n) if *n > 0 => (
                Severity::Serious,
                format!("The class `{name}` is kept back in {} and in no row to learn from", counted(*n, "row")),
            ),
            (n, 0) if *n > 0 => {
                (Severity::Warning, format!("The class `{name}` is in no row kept back: the model is not judged on it"))
            }
            _ => continue,
        };
        let rows = prepared.sides.test.iter().filter(|row| codes[**row as usize] == class).map(|row| *row as usize);
        findings.push(
            Finding::new("split-labels", severity, message)
                .on(&prepared.target_name)
                .with("class", name)
                .with("rows_to_learn_from", *learned)
                .with("rows_kept_back", *judged)
                .remedy("Use another split, keep more rows back, or join rare classes into one")
                .rows(rows),
        );
    }
    findings
}

/// Values of categories that are kept back and not learned from.
fn new_values(
    dataset: &Dataset,
    prepared: &Prepared,
    columns: &[Coded<'_>],
    control: &Control,
) -> Result<Vec<Finding>> {
    let (train, test) = (&prepared.sides.train, &prepared.sides.test);
    let mut findings = Vec::new();
    for c in columns.iter().filter(|c| c.spec.meaning == Meaning::Category && c.spec.name != prepared.target_name) {
        control.check()?;
        let known: BTreeSet<u64> = train.iter().map(|row| c.at(*row)).collect();
        let rows: Vec<usize> = test
            .iter()
            .filter(|row| c.at(**row) != 0 && !known.contains(&c.at(**row)))
            .map(|row| *row as usize)
            .collect();
        let Some(first) = rows.first() else { continue };
        let share = rows.len() as f64 / test.len().max(1) as f64;
        let values: BTreeSet<u64> = rows.iter().map(|row| c.at(*row as u32)).collect();
        let texts = column::texts(&column::get(&dataset.frame, &c.spec.name)?.slice(*first as i64, 1))?;
        let example = texts.into_iter().flatten().next().unwrap_or_default();
        let message = format!(
            "{} has {} in the rows kept back that no row to learn from has, such as `{}` ({} of them)",
            brief(&c.spec.name, 60),
            counted(values.len() as u64, "value"),
            brief(&example, 24),
            percent(share)
        );
        findings.push(
            Finding::new("split-new-values", if share > TOLERATED { Severity::Warning } else { Severity::Note }, message)
                .on(&c.spec.name)
                .with("values", values.len())
                .with("rows", rows.len())
                .with("share", share)
                .remedy("The model treats them like values it never saw; join rare values into one, as new ones will also come later")
                .rows(rows),
        );
    }
    Ok(findings)
}

/// Rows kept back that are not later than those learned from.
fn moments(dataset: &Dataset, prepared: &Prepared, time: &str) -> Result<Vec<Finding>> {
    let spec = dataset.spec(time)?;
    if spec.physical == Physical::String {
        return Ok(Vec::new());
    }
    let values = column::numbers(column::get(&dataset.frame, time)?)?;
    let at = |row: &u32| values[*row as usize];
    let newest = prepared.sides.train.iter().map(at).filter(|v| !v.is_nan()).fold(f64::MIN, f64::max);
    let known: Vec<&u32> = prepared.sides.test.iter().filter(|row| !at(row).is_nan()).collect();
    let older: Vec<usize> = known.iter().filter(|row| at(row) <= newest).map(|row| **row as usize).collect();
    if older.is_empty() {
        return Ok(Vec::new());
    }
    let share = older.len() as f64 / known.len().max(1) as f64;
    let by_time = matches!(&prepared.split, Split::Time { column } if column == time);
    let name = brief(time, 60);
    let (severity, message) = if by_time {
        (
            Severity::Serious,
            format!("{} of the rows kept back are not later in {name} than those to learn from", percent(share)),
        )
    } else {
        (
            Severity::Note,
            format!(
                "{} of the rows kept back are not later in {name} than the newest row to learn from: they say how well the model fills in the past, not how well it foresees",
                percent(share)
            ),
        )
    };
    Ok(vec![
        Finding::new("split-time", severity, message)
            .on(time)
            .with("rows", older.len())
            .with("share", share)
            .remedy(format!("Split by time {name} if the model will judge rows later than those it learned from"))
            .rows(older),
    ])
}

/// Features whose association with the target differs between the sides.
fn associations(
    dataset: &Dataset,
    prepared: &Prepared,
    columns: &[Coded<'_>],
    control: &Control,
) -> Result<Vec<Finding>> {
    let thin = |rows: &[u32]| -> Vec<u32> {
        let step = rows.len().div_ceil(MOST_ROWS).max(1);
        rows.iter().copied().step_by(step).collect()
    };
    let (train, test) = (thin(&prepared.sides.train), thin(&prepared.sides.test));
    let answers = answers(prepared);
    let y = |rows: &[u32]| -> Vec<f64> { rows.iter().map(|row| answers[*row as usize]).collect() };
    let (y_train, y_test) = (y(&train), y(&test));
    let error = (1.0 / train.len().max(1) as f64 + 1.0 / test.len().max(1) as f64).sqrt();
    let mut findings = Vec::new();
    for c in columns.iter().filter(|c| c.spec.name != prepared.target_name) {
        control.check()?;
        let category = matches!(c.spec.meaning, Meaning::Category) || c.spec.physical == Physical::String;
        let of = |rows: &[u32], y: &[f64]| -> Result<Option<f64>> {
            if category {
                let mut numbers: BTreeMap<u64, u32> = BTreeMap::new();
                let mut number = |code: u64| {
                    let next = numbers.len() as u32;
                    *numbers.entry(code).or_insert(next)
                };
                let levels: Vec<u32> = rows.iter().map(|row| number(c.at(*row))).collect();
                // Corrected for the number of values, so that the smaller side does not look stronger.
                return Ok(correlation_ratio(&levels, &ranks(y)));
            }
            let all = column::numbers(column::get(&dataset.frame, &c.spec.name)?)?;
            let x: Vec<f64> = rows.iter().map(|row| all[*row as usize]).collect();
            Ok(rank_correlation(&x, y))
        };
        let (Some(before), Some(after)) = (of(&train, &y_train)?, of(&test, &y_test)?) else { continue };
        let change = (before - after).abs();
        if change <= CHANGE || change <= ERRORS * error {
            continue;
        }
        let name = brief(&c.spec.name, 60);
        let message = format!(
            "{name} goes with {} differently in the rows kept back: correlation {} there, {} in those to learn from",
            brief(&prepared.target_name, 60),
            figure(after),
            figure(before)
        );
        findings.push(
            Finding::new("split-association", Severity::Warning, message)
                .on(&c.spec.name)
                .with("learned", before)
                .with("kept_back", after)
                .with("change", change)
                .remedy("The two sides are not alike: something changed in time, or the split cut along a cause. Ask which, before trusting either figure"),
        );
    }
    Ok(findings)
}

/// The target as numbers: itself, whether it is the second of two classes, or whether it is the most frequent of several.
fn answers(prepared: &Prepared) -> Vec<f64> {
    match &prepared.y {
        Target::Numbers(values) => values.clone(),
        Target::Classes { codes, count } => {
            let mut counts = vec![0u64; *count];
            prepared.sides.train.iter().for_each(|row| counts[codes[*row as usize]] += 1);
            let most = (0..*count).max_by_key(|k| counts[*k]).unwrap_or(0);
            let yes = if prepared.task == Task::Binary { 1 } else { most };
            codes.iter().map(|code| f64::from(u8::from(*code == yes))).collect()
        }
    }
}

fn rank_correlation(x: &[f64], y: &[f64]) -> Option<f64> {
    let (x, y): (Vec<f64>, Vec<f64>) = x.iter().zip(y).filter(|(x, _)| !x.is_nan()).unzip();
    if x.len() < 50 { None } else { pearson(&ranks(&x), &ranks(&y)) }
}

#[cfg(test)]
mod tests;
