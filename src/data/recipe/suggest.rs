//! Steps that mend what a profile found.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::apply::{Purpose, apply};
use super::spec::{Action, Failures, Keep, Recipe, Step, Target};
use crate::data::checks::{BELIEVED_FROM, BELIEVED_TO, COMPUTED, DATE_FORM, bare, garbled};
use crate::data::expression::quoted;
use crate::data::finding::{Finding, Severity};
use crate::data::profile::Profile;
use crate::data::scalar::Scalar;
use crate::data::{Dataset, Physical, column, display};
use crate::engine::{Control, Summary, Tally};
use crate::error::Result;

/// A step that names more spellings than this is read by nobody.
const MOST_SPELLINGS: usize = 1000;

/// For each finding for which a step is the remedy, that step; in the order in which the steps should be done.
///
/// The target is never touched, and nothing is suggested that would be computed over all rows. What is suggested is a
/// draft: a negative fare may be a refund.
///
/// # Errors
/// When the work is cancelled.
pub fn suggest(data: &Dataset, profile: &Profile, control: &Control) -> Result<Vec<(Finding, Step)>> {
    let mut found = Vec::new();
    for finding in &profile.findings {
        control.check()?;
        let is_target = finding.column.is_some() && finding.column == profile.target;
        let step = match (&finding.column, finding.check.as_ref()) {
            // Its values stay as they are; rows without one say nothing.
            (Some(name), "target-missing") if is_target && finding.severity < Severity::Blocking => {
                Some((7, Action::Filter { condition: format!("{} IS NOT NULL", quoted(name)) }))
            }
            _ if is_target => None,
            (Some(name), "far-dates") if data.spec(name).is_ok() => {
                far_dates(data, name, finding, profile.time.as_ref() == Some(name))?.map(|action| (6, action))
            }
            (Some(name), check) if data.spec(name).is_ok() => on_column(data, check, name, finding, control)?,
            (None, "duplicate-rows") => Some((5, Action::Deduplicate { columns: Vec::new(), keep: Keep::First })),
            _ => None,
        };
        if let Some((order, action)) = step {
            found.push((order, finding.clone(), Step::from(action)));
        }
    }
    found.sort_by_key(|(order, _, _)| *order);
    // Two findings may ask for the same step.
    let mut steps: Vec<(Finding, Step)> = Vec::new();
    let mut dropped: BTreeSet<String> = BTreeSet::new();
    for (_, finding, step) in found {
        let gone = finding.column.as_ref().is_some_and(|c| dropped.contains(c));
        if gone || steps.iter().any(|(_, s)| *s == step) {
            continue;
        }
        if let Action::Drop { columns } = &step.action {
            dropped.extend(columns.iter().cloned());
        }
        steps.push((finding, step));
    }
    Ok(steps)
}

/// The step for a finding about a column, and its place among the others.
fn on_column(
    data: &Dataset,
    check: &str,
    name: &str,
    finding: &Finding,
    control: &Control,
) -> Result<Option<(u8, Action)>> {
    let columns = vec![name.to_owned()];
    let spec = data.spec(name)?;
    let summary = || Summary::of(column::get(&data.frame, name)?, control);
    let text = spec.physical == Physical::String;
    Ok(match check {
        "all-missing" | "single-value" | "personal-data" => Some((0, Action::Drop { columns })),
        // What little there is says more about how the table was made than about its rows.
        "missing-share" if finding.severity >= Severity::Serious => Some((0, Action::Drop { columns })),
        // A column from which the target is computed must stay until it is.
        "leak" if !finding.evidence.ends_with(COMPUTED) => Some((0, Action::Drop { columns })),
        "broken-characters" if text => {
            let summary = summary()?;
            let values = summary.values.texts().map(mended).unwrap_or_default();
            (!values.is_empty()).then(|| (1, Action::Map { column: name.to_owned(), values }))
        }
        "stray-blanks" if text => Some((1, Action::Trim { columns })),
        "placeholder-values" => {
            let value = finding.noted("value").and_then(|v| v.replace(',', "").parse().ok());
            let values: Vec<Scalar> = value.map(Scalar::Number).into_iter().collect();
            (!values.is_empty()).then_some((2, Action::Missing { columns, values, below: None, above: None }))
        }
        "special-characters" if text => {
            let summary = summary()?;
            let signs = summary.values.texts().map(signs_only).unwrap_or_default();
            (!signs.is_empty()).then_some((2, Action::Missing { columns, values: signs, below: None, above: None }))
        }
        "text-variants" if text => {
            let summary = summary()?;
            let values = summary.values.texts().map(commonest).unwrap_or_default();
            (!values.is_empty()).then(|| (3, Action::Map { column: name.to_owned(), values }))
        }
        "mixed-types" if text && finding.noted(DATE_FORM).is_some() => {
            dates(data, columns, finding, control)?.map(|action| (4, action))
        }
        "disguised-numbers" | "mixed-types" if text => {
            cast(data, columns, check == "disguised-numbers", control)?.map(|action| (4, action))
        }
        "negative-amounts" => {
            let column = quoted(name);
            Some((6, Action::Filter { condition: format!("{column} >= 0 OR {column} IS NULL") }))
        }
        "date-order" => {
            let start = finding.evidence.strip_prefix("after ").and_then(|e| e.split_once(", rows ")).map(|(s, _)| s);
            let known = start.and_then(|s| data.columns.iter().find(|c| display(&c.name) == s));
            known.map(|start| {
                let (start, end) = (quoted(&start.name), quoted(name));
                (6, Action::Filter { condition: format!("{end} >= {start} OR {end} IS NULL OR {start} IS NULL") })
            })
        }
        _ => None,
    })
}

/// The cast to numbers that loses the fewest values: with a decimal point or a decimal comma. `None` when even that loses more
/// than a few dressed numbers, or more than the words among plain ones.
fn cast(data: &Dataset, columns: Vec<String>, strip: bool, control: &Control) -> Result<Option<Action>> {
    let present = columns.iter().filter_map(|c| column::get(&data.frame, c).ok()).map(|c| c.len() - c.null_count());
    let most = present.sum::<usize>() as f64 * if strip { 0.05 } else { 0.5 };
    let mut best: Option<(u64, Action)> = None;
    for decimal in [None, Some(',')] {
        let columns = columns.clone();
        let action = Action::Cast { columns, to: Target::Number, strip, decimal, failures: Failures::Missing };
        let one = Recipe { steps: vec![Step::from(action.clone())] };
        let Ok(applied) = apply(data, &one, Purpose::Clean, control) else { continue };
        let lost = applied.reports.iter().flat_map(|r| &r.columns).map(|c| c.lost).sum();
        if best.as_ref().is_none_or(|(fewest, _)| lost < *fewest) {
            best = Some((lost, action));
        }
    }
    control.check()?;
    Ok(best.filter(|(lost, _)| *lost as f64 <= most).map(|(_, action)| action))
}

/// Reads dates in the form in which most are written; `None` when that would lose more than the cells that are none.
fn dates(data: &Dataset, columns: Vec<String>, finding: &Finding, control: &Control) -> Result<Option<Action>> {
    let Some(format) = finding.noted(DATE_FORM).map(str::to_owned) else { return Ok(None) };
    let odd: u64 = finding.noted("words").and_then(|n| n.parse().ok()).unwrap_or(0);
    let action = Action::ParseDates { columns, format, failures: Failures::Missing };
    let one = Recipe { steps: vec![Step::from(action.clone())] };
    let lost = apply(data, &one, Purpose::Clean, control)
        .map(|applied| applied.reports.iter().flat_map(|r| &r.columns).map(|c| c.lost).sum::<u64>());
    control.check()?;
    Ok(lost.ok().filter(|lost| *lost <= odd).map(|_| action))
}

/// Dates outside the believed ones become missing; where the column orders the rows in time, the rows are left out instead,
/// because a row without a time has no place in a split by time.
fn far_dates(data: &Dataset, name: &str, finding: &Finding, is_time: bool) -> Result<Option<Action>> {
    let (Some(from), Some(to)) = (finding.noted(BELIEVED_FROM), finding.noted(BELIEVED_TO)) else { return Ok(None) };
    let day = |text: &str| text.parse::<chrono::NaiveDate>().ok();
    let (Some(first), Some(last)) = (day(from), day(to)) else { return Ok(None) };
    if !is_time {
        let (below, above) = (Scalar::Text(from.to_owned()), Scalar::Text(to.to_owned()));
        let columns = vec![name.to_owned()];
        return Ok(Some(Action::Missing { columns, values: Vec::new(), below: Some(below), above: Some(above) }));
    }
    let column = quoted(name);
    // The day after, so that all of the last day stays.
    let end = match data.spec(name)?.physical {
        Physical::Date => format!("<= DATE('{last}')"),
        _ => format!("< DATE('{}')", last.succ_opt().unwrap_or(last)),
    };
    let condition = format!("({column} >= DATE('{first}') AND {column} {end}) OR {column} IS NULL");
    Ok(Some(Action::Filter { condition }))
}

/// Texts that were UTF-8 and were read as Windows-1252, each with what it was. What cannot be told for certain stays.
fn mended(tally: &Tally<String>) -> BTreeMap<String, String> {
    let whole = |text: &str| {
        let (bytes, _, lossy) = encoding_rs::WINDOWS_1252.encode(text);
        let read = String::from_utf8(bytes.into_owned()).ok().filter(|_| !lossy)?;
        (!read.is_empty() && read != text && !garbled(&read)).then_some(read)
    };
    let broken = tally.entries().iter().filter(|(t, _)| garbled(t));
    broken.filter_map(|(t, _)| Some((t.clone(), whole(t)?))).take(MOST_SPELLINGS).collect()
}

/// Values without a letter or digit.
fn signs_only(tally: &Tally<String>) -> Vec<Scalar> {
    let odd = tally.entries().iter().filter(|(t, _)| !t.is_empty() && !t.chars().any(char::is_alphanumeric));
    odd.take(50).map(|(t, _)| Scalar::Text(t.clone())).collect()
}

/// Each variant of a word to its commonest writing; of equally common ones to the first in order. Writings are compared
/// without the blanks at their ends, which an earlier step takes off.
fn commonest(tally: &Tally<String>) -> BTreeMap<String, String> {
    let mut trimmed: BTreeMap<&str, u64> = BTreeMap::new();
    for (text, n) in tally.entries() {
        *trimmed.entry(text.trim()).or_default() += n;
    }
    let mut groups: BTreeMap<String, Vec<(&str, u64)>> = BTreeMap::new();
    for (text, n) in trimmed {
        groups.entry(bare(text)).or_default().push((text, n));
    }
    let mut map = BTreeMap::new();
    for (key, group) in groups {
        let best = group.iter().max_by(|a, b| a.1.cmp(&b.1).then(b.0.cmp(a.0)));
        let Some((best, _)) = best.filter(|_| !key.is_empty()) else { continue };
        for (text, _) in group.iter().filter(|(t, _)| t != best) {
            map.insert((*text).to_owned(), (*best).to_owned());
        }
    }
    map
}

/// The suggested steps as a recipe in TOML, each under the finding that it mends.
///
/// # Errors
/// Never for steps that were suggested here.
pub fn to_commented_toml(source: &str, steps: &[(Finding, Step)]) -> Result<String> {
    let mut out = format!("# Suggested for {} from what its profile found.\n", display(source));
    out.push_str("# Read each step before you use it: what looks wrong may be right.\n");
    if steps.is_empty() {
        out.push_str("# Nothing was found that a step would mend.\n");
    }
    for (finding, step) in steps {
        let _ = writeln!(out, "\n# {} {}: {}", finding.severity, finding.check, display(&finding.message));
        if finding.check == "personal-data" {
            out.push_str(
                "# To keep it as a pseudonym: do = \"hash\" and salt_from = \"NAME\", an environment variable.\n",
            );
        }
        out.push_str(&Recipe { steps: vec![step.clone()] }.to_toml()?);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::recipe::{Purpose, apply};
    use crate::data::{LoadOptions, load, profile};

    fn suggested(csv: &str) -> (Dataset, Vec<(Finding, Step)>) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.csv");
        std::fs::write(&path, csv).unwrap();
        let control = Control::default();
        let data = load(path.to_str().unwrap(), &LoadOptions::default(), &control).unwrap();
        let profile = profile::profile(&data, None, &control).unwrap();
        let steps = suggest(&data, &profile, &control).unwrap();
        (data, steps)
    }

    #[test]
    fn each_remedy_mends_its_finding() {
        let mut csv = String::from("constant,city,price,fare,age,n\n");
        for i in 0..200usize {
            let city =
                ["Zürich", "zürich", "Bern", " Bern"][if i % 20 == 0 { 1 + 2 * (i / 20 % 2) } else { 2 * (i % 2) }];
            let price = format!("\"${},{:03}\"", 1 + i % 9, i);
            let fare = if i == 77 { -5.0 } else { 5.0 + (i % 40) as f64 / 4.0 };
            let age = if i % 30 == 0 { 999 } else { 20 + i % 50 };
            csv += &format!("7,{city},{price},{fare},{age},{}\n", i * i % 101);
        }
        let (data, steps) = suggested(&csv);
        let names: Vec<&str> = steps.iter().map(|(f, _)| f.check.as_ref()).collect();
        for check in [
            "single-value",
            "stray-blanks",
            "placeholder-values",
            "text-variants",
            "disguised-numbers",
            "negative-amounts",
        ] {
            assert!(names.contains(&check), "{check}: {names:?}");
        }
        let text = to_commented_toml("t.csv", &steps).unwrap();
        let recipe = Recipe::parse(&text).unwrap();
        assert_eq!(recipe.steps.len(), steps.len());
        let control = Control::default();
        let cleaned = apply(&data, &recipe, Purpose::Clean, &control).unwrap().data;
        assert_eq!(cleaned.rows(), 199);
        let cities = Summary::of(cleaned.frame.column("city").unwrap(), &control).unwrap();
        let cities: Vec<&str> = cities.values.texts().unwrap().entries().iter().map(|(t, _)| t.as_str()).collect();
        assert_eq!(cities, ["Bern", "Zürich"]);
        let again = profile::profile(&cleaned, None, &control).unwrap();
        let left = suggest(&cleaned, &again, &control).unwrap();
        assert!(left.is_empty(), "{left:#?}");
    }

    /// The checks for which a step is suggested, on a table given as CSV; doing the steps silences them.
    fn silenced(csv: &str, target: Option<&str>) -> (Vec<(Finding, Step)>, Dataset) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.csv");
        std::fs::write(&path, csv).unwrap();
        let control = Control::default();
        let data = load(path.to_str().unwrap(), &LoadOptions::default(), &control).unwrap();
        let profile = profile::profile(&data, target, &control).unwrap();
        let steps = suggest(&data, &profile, &control).unwrap();
        let recipe = Recipe::parse(&to_commented_toml("t.csv", &steps).unwrap()).unwrap();
        let cleaned = apply(&data, &recipe, Purpose::Clean, &control).unwrap().data;
        let again = profile::profile(&cleaned, target, &control).unwrap();
        for (finding, _) in &steps {
            let same = |f: &&Finding| f.check == finding.check && f.column == finding.column;
            assert_eq!(again.findings.iter().find(same), None, "{finding:?}");
        }
        (steps, cleaned)
    }

    fn day(i: usize) -> chrono::NaiveDate {
        chrono::NaiveDate::from_ymd_opt(2019, 6, 1).unwrap() + chrono::Days::new(i as u64)
    }

    #[test]
    fn wrong_years_become_missing_or_their_rows_are_left_out() {
        let mut csv = String::from("at,born,n\n");
        for i in 0..300usize {
            let at = match i {
                17 => "2001-05-01 10:00".to_owned(),
                18 => "2098-01-01 00:00".to_owned(),
                _ => format!("{} 23:59", day(i)),
            };
            let born = if i == 40 { "1900-01-01".to_owned() } else { day(i * 31 % 400).to_string() };
            csv += &format!("{at},{born},{}\n", i * 7 % 101);
        }
        let (steps, cleaned) = silenced(&csv, None);
        let of = |column: &str| {
            let far = |f: &Finding| f.check == "far-dates" && f.column.as_deref() == Some(column);
            steps.iter().find(|(f, _)| far(f)).map(|(_, s)| s.action.clone()).unwrap()
        };
        assert!(matches!(of("at"), Action::Filter { .. }), "{steps:#?}");
        assert!(matches!(of("born"), Action::Missing { .. }), "{steps:#?}");
        assert_eq!((cleaned.rows(), cleaned.frame.column("born").unwrap().null_count()), (298, 1));
    }

    #[test]
    fn slips_among_dates_become_missing_and_the_rest_dates() {
        let csv = |slip: &str, time: &str| {
            let mut csv = String::from("at,n\n");
            for i in 0..200usize {
                csv += &format!("{},{}\n", if i == 30 { slip.to_owned() } else { format!("{}{time}", day(i)) }, i % 7);
            }
            csv
        };
        for time in ["", " 10:30", "T10:30:00.5", "T10:30:00Z"] {
            let (steps, cleaned) = silenced(&csv("2019-02-30", time), None);
            let words = format!("{:?}", steps.iter().map(|(_, s)| s.action.name()).collect::<Vec<_>>());
            assert!(words.contains("parse_dates"), "{time}: {words}");
            let at = cleaned.frame.column("at").unwrap();
            assert_eq!((at.null_count(), at.dtype().is_temporal()), (1, true), "{time}");
        }
    }

    #[test]
    fn leaks_persons_and_broken_words_are_mended() {
        let mut csv = String::from("mail,city,gone,told,x,y\n");
        for i in 0..400usize {
            let y = usize::from(i * 7919 % 1000 < 400);
            let city = ["Zürich", "ZÃ¼rich", "Bern"][(i % 3) * usize::from(i % 9 < 3)];
            let gone = if i % 50 == 0 { "5" } else { "" };
            let target = if i == 9 { String::new() } else { y.to_string() };
            csv += &format!("p{i}@example.org,{city},{gone},{},{},{target}\n", y * 10 + i % 3, i * 31 % 97);
        }
        let (steps, cleaned) = silenced(&csv, Some("y"));
        let names: Vec<&str> = steps.iter().map(|(f, _)| f.check.as_ref()).collect();
        for check in ["personal-data", "broken-characters", "missing-share", "leak", "target-missing"] {
            assert!(names.contains(&check), "{check}: {names:?}");
        }
        let left: Vec<&str> = cleaned.columns.iter().map(|c| c.name.as_str()).collect();
        assert_eq!((left, cleaned.rows()), (vec!["city", "x", "y"], 399));
        let cities = Summary::of(cleaned.frame.column("city").unwrap(), &Control::default()).unwrap();
        assert_eq!(cities.distinct(), 2, "{steps:#?}");
    }

    #[test]
    fn numbers_with_a_decimal_comma_are_not_thrown_away() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.csv");
        let mut csv = String::from("k;v\n");
        for i in 0..200 {
            csv.push_str(&format!("{};{}.{:03},{:02}\n", i % 7, 1 + i % 9, i, i % 100));
        }
        std::fs::write(&path, csv).unwrap();
        let control = Control::default();
        let data = load(path.to_str().unwrap(), &LoadOptions::default(), &control).unwrap();
        let profile = profile::profile(&data, None, &control).unwrap();
        let steps = suggest(&data, &profile, &control).unwrap();
        let recipe = Recipe { steps: steps.into_iter().map(|(_, step)| step).collect() };
        let cleaned = apply(&data, &recipe, Purpose::Clean, &control).unwrap().data;
        let column = cleaned.frame.column("v").unwrap();
        assert_eq!(column.null_count(), 0, "{recipe:?}");
        assert_eq!(column.f64().unwrap().get(3), Some(4003.03));
    }

    #[test]
    fn the_taxi_sample_gets_its_remedies() {
        let control = Control::default();
        let data = load("sample:taxi", &LoadOptions::default(), &control).unwrap();
        let profile = profile::profile(&data, None, &control).unwrap();
        let steps = suggest(&data, &profile, &control).unwrap();
        assert!(
            steps.iter().any(|(f, s)| f.column.as_deref() == Some("fare_amount")
                && matches!(&s.action, Action::Filter { condition } if condition.contains(">= 0"))),
            "{steps:#?}"
        );
        let recipe = Recipe { steps: steps.into_iter().map(|(_, s)| s).collect() };
        apply(&data, &recipe, Purpose::Clean, &control).unwrap();
    }
}
