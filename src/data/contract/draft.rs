//! A first contract from a table that is believed to be right: what holds in it, with room for what is still normal.

use std::collections::BTreeSet;

use super::spec::{
    ColumnRules, ColumnType, Contract, ExtraColumns, Length, NotNull, Pattern, Range, Relation, Rows, Unique, ValueSet,
};
use crate::data::display::brief;
use crate::data::finding::{counted, percent};
use crate::data::profile::{ColumnProfile, Profile, cell};
use crate::data::scalar::Scalar;
use crate::data::{Cell, ColumnSpec, Dataset, Meaning, Physical, Severity, column};
use crate::engine::{Control, Summary};
use crate::error::Result;

/// Up to this many different values a column gets a list of them.
const FEW: usize = 20;

/// A list of values is believed when each came so many times on average.
const OFTEN: usize = 10;

/// Room left on both sides of a range, as a share of the span that was seen.
const MARGIN: f64 = 0.25;

/// Two dates are taken for start and end when the order holds in this share of the rows.
const ORDERED: f64 = 0.98;

/// Drafts a contract from a table and its profile.
///
/// The rules hold for this table and leave room: ranges are wider than what was seen by a quarter of the span, lists are
/// made for few values only and tolerate new ones at the rate at which rare ones came, tolerances are rounded down. The
/// reasons stand as comments in [`Contract::remarks`] and [`ColumnRules::remarks`].
///
/// # Errors
/// When the work is cancelled.
pub fn draft(data: &Dataset, profile: &Profile, control: &Control) -> Result<Contract> {
    let rows = data.rows() as u64;
    let least = (rows / 2).max(1);
    let mut columns = Vec::with_capacity(data.columns.len());
    for (i, spec) in data.columns.iter().enumerate() {
        control.check()?;
        control.report("rules", Some(i as f64 / data.columns.len().max(1) as f64), brief(&spec.name, 40));
        let Some(seen) = profile.columns.iter().find(|c| c.name == spec.name) else { continue };
        columns.push(of_column(data, spec, seen, profile, control)?);
    }
    Ok(Contract {
        name: table_name(&data.source),
        version: "1.0.0".to_owned(),
        description: None,
        owner: None,
        extra_columns: ExtraColumns::Allow,
        rows: Some(Rows { min: Some(least), max: None, severity: Severity::Serious, why: None }),
        columns,
        unique: Vec::new(),
        relations: orders(data, control)?,
        remarks: vec![
            format!("Drafted from {} with {}.", brief(&data.source, 120), counted(rows, "row")),
            "Every rule holds for that table. Read them one by one: strike what is chance, tighten what is a promise.".to_owned(),
            "A tolerance `mostly = 0.99` lets one row in a hundred break the rule; `severity = \"warning\"` reports without failing.".to_owned(),
            format!("rows: half of the {} seen are asked for.", counted(rows, "row")),
        ],
    })
}

/// The table's name: the file's name without folders and ending.
fn table_name(source: &str) -> String {
    let name = source.rsplit(['/', '\\', ':']).next().unwrap_or(source);
    let stem = name.split('.').next().unwrap_or(name);
    if stem.is_empty() || stem == "-" { "table".to_owned() } else { stem.to_owned() }
}

fn of_column(
    data: &Dataset,
    spec: &ColumnSpec,
    seen: &ColumnProfile,
    profile: &Profile,
    control: &Control,
) -> Result<ColumnRules> {
    let rows = data.rows() as u64;
    let present = rows - seen.missing;
    let mut rules = ColumnRules {
        name: spec.name.clone(),
        description: None,
        kind: Some(ColumnType::of(spec.physical)),
        meaning: Some(spec.meaning),
        required: true,
        severity: Severity::Serious,
        not_null: None,
        unique: None,
        range: None,
        values: None,
        pattern: None,
        length: None,
        fresh: None,
        remarks: Vec::new(),
    };
    if present == 0 {
        rules.kind = None;
        rules.meaning = None;
        rules.remarks.push("no row has a value: nothing else can be promised".to_owned());
        return Ok(rules);
    }
    missing(&mut rules, seen.missing, rows);
    let values = data.frame.column(&spec.name)?;
    if seen.distinct == present && spec.meaning == Meaning::Identifier && seen.missing == 0 {
        rules.unique = Some(Unique { mostly: 1.0, severity: Severity::Serious, why: None });
    }
    if spec.meaning == Meaning::DateTime {
        dates(&mut rules, seen, profile);
        return Ok(rules);
    }
    let listed = spec.meaning == Meaning::Category && seen.distinct as usize <= FEW;
    if listed && seen.distinct as usize * OFTEN <= present as usize {
        let summary = Summary::of(values, control)?;
        levels(&mut rules, spec, &summary);
    } else if spec.meaning == Meaning::Number {
        range(&mut rules, spec, seen, profile);
    }
    if spec.physical == Physical::String && rules.values.is_none() {
        shapes(&mut rules, spec, &column::texts(values)?);
    }
    Ok(rules)
}

/// No row may lack a value where none does; elsewhere half as many again as were seen, and one row in a hundred.
fn missing(rules: &mut ColumnRules, missing: u64, rows: u64) {
    let mut mostly = 1.0;
    if missing > 0 {
        let share = missing as f64 / rows as f64;
        let allowed = (share * 1.5 + 0.01).min(1.0);
        mostly = ((1.0 - allowed) * 100.0).floor() / 100.0;
        let seen = format!("{} of {} ({}) have no value", missing, counted(rows, "row"), percent(share));
        if mostly <= 0.0 {
            rules.remarks.push(format!("{seen}: too many to promise any"));
            return;
        }
        rules.remarks.push(format!("{seen}; up to {} are allowed", percent(1.0 - mostly)));
    }
    rules.not_null = Some(NotNull { mostly, severity: Severity::Serious, why: None });
}

/// A date column promises freshness only when its owner says so; the draft shows how.
fn dates(rules: &mut ColumnRules, seen: &ColumnProfile, profile: &Profile) {
    let (Some(Cell::Text(min)), Some(Cell::Text(max))) = (&seen.min, &seen.max) else { return };
    rules.remarks.push(format!("seen from {min} to {max}"));
    if profile.time.as_deref() == Some(rules.name.as_str()) {
        rules.remarks.push("to promise that new rows keep coming: fresh = { within = \"7d\" }".to_owned());
    }
}

/// The values of a column with few of them.
///
/// How often a value comes that was not seen before is about how often values came once (Good and Turing, 1953); twice
/// that, and one row in a thousand, are tolerated.
fn levels(rules: &mut ColumnRules, spec: &ColumnSpec, summary: &Summary) {
    let (of, once): (Vec<Scalar>, usize) = if let Some(tally) = summary.values.texts() {
        let of = tally.entries().iter().map(|(t, _)| Scalar::Text(t.clone())).collect();
        (of, tally.entries().iter().filter(|(_, n)| *n == 1).count())
    } else if let Some(tally) = summary.values.numbers() {
        let scalar = |v: f64| match cell(spec.physical, v) {
            Cell::Number(v) => Scalar::Number(v),
            Cell::Text(_) if spec.physical == Physical::Boolean => Scalar::Bool(v != 0.0),
            Cell::Text(text) => Scalar::Text(text),
        };
        let of = tally.entries().iter().map(|(v, _)| scalar(*v)).collect();
        (of, tally.entries().iter().filter(|(_, n)| *n == 1).count())
    } else {
        return;
    };
    let unseen = 2.0 * once as f64 / summary.present() as f64 + 0.001;
    let mostly = ((1.0 - unseen) * 1000.0).floor() / 1000.0;
    let came = if once == 0 { "none came only once".to_owned() } else { format!("{once} came only once") };
    rules.remarks.push(format!(
        "{} seen, {came}: new ones are tolerated in {} of the rows",
        counted(of.len() as u64, "different value"),
        percent(1.0 - mostly)
    ));
    rules.values = Some(ValueSet { of, mostly, severity: Severity::Serious, why: None });
}

/// The range of a quantity with a quarter of its span on both sides; what was never negative stays so.
fn range(rules: &mut ColumnRules, spec: &ColumnSpec, seen: &ColumnProfile, profile: &Profile) {
    let (Some(Cell::Number(min)), Some(Cell::Number(max))) = (&seen.min, &seen.max) else { return };
    let (min, max) = (*min, *max);
    let span = if max > min { max - min } else { max.abs().max(1.0) };
    let room = span * MARGIN;
    let whole = spec.physical == Physical::Integer;
    let low = if min >= 0.0 && min - room < 0.0 { 0.0 } else { outward(min - room, span, false, whole) };
    let high = if max <= 0.0 && max + room > 0.0 { 0.0 } else { outward(max + room, span, true, whole) };
    if !low.is_finite() || !high.is_finite() {
        return;
    }
    rules.remarks.push(format!("seen from {min} to {max}; a quarter of the span is left on both sides"));
    let (mut low, mut mostly) = (low.min(min), 1.0);
    // What the profile takes for impossible is no promise, only tolerated.
    let odd = profile.findings.iter().any(|f| f.check == "negative-amounts" && f.column.as_ref() == Some(&spec.name));
    if let Some(negative) = seen.negative.filter(|n| odd && *n > 0) {
        let present = (profile.rows - seen.missing).max(1) as f64;
        low = 0.0;
        mostly = ((1.0 - (1.5 * negative as f64 / present + 0.001)) * 1000.0).floor() / 1000.0;
        rules.remarks.push(format!(
            "{} negative, which such a quantity cannot be; up to {} of the rows are let through",
            counted(negative, "value"),
            percent(1.0 - mostly)
        ));
    }
    rules.range = Some(Range {
        min: Some(Scalar::Number(low)),
        max: Some(Scalar::Number(high.max(max))),
        mostly,
        severity: Severity::Serious,
        why: None,
    });
}

/// Rounds a bound away from the values to a hundredth of the span, so that it reads well.
fn outward(bound: f64, span: f64, up: bool, whole: bool) -> f64 {
    let mut step = 10f64.powf((span / 20.0).log10().floor());
    if whole {
        step = step.max(1.0);
    }
    // A step below one is divided by its inverse, which is exact: 12.3 rather than 12.299999999999999.
    let inverse = (1.0 / step).round();
    let rounded = |v: f64| if up { v.ceil() } else { v.floor() };
    if step < 1.0 { rounded(bound * inverse) / inverse } else { rounded(bound / step) * step }
}

/// A run of like characters in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Run {
    Digits,
    Upper,
    Lower,
    Sign(char),
}

/// The runs of a text with their lengths; `None` for texts with other characters or too many runs.
fn runs(text: &str) -> Option<Vec<(Run, usize)>> {
    let mut runs: Vec<(Run, usize)> = Vec::new();
    for c in text.chars() {
        let run = match c {
            '0'..='9' => Run::Digits,
            'A'..='Z' => Run::Upper,
            'a'..='z' => Run::Lower,
            ' '..='~' => Run::Sign(c),
            _ => return None,
        };
        match runs.last_mut() {
            Some((last, n)) if *last == run => *n += 1,
            _ => runs.push((run, 1)),
        }
        if runs.len() > 12 {
            return None;
        }
    }
    Some(runs)
}

/// Texts that all have one shape get a pattern; others a greatest length.
fn shapes(rules: &mut ColumnRules, spec: &ColumnSpec, texts: &[Option<String>]) {
    let mut shape: Option<Vec<(Run, usize, usize)>> = None;
    let mut same = spec.meaning != Meaning::Text;
    let mut longest = 0;
    for text in texts.iter().flatten() {
        longest = longest.max(text.chars().count());
        if !same {
            continue;
        }
        same = match (runs(text), &mut shape) {
            (None, _) => false,
            (Some(runs), None) => {
                shape = Some(runs.into_iter().map(|(run, n)| (run, n, n)).collect());
                true
            }
            (Some(runs), Some(shape)) if runs.len() == shape.len() => {
                let mut fits = true;
                for ((run, n), (known, least, most)) in runs.into_iter().zip(shape.iter_mut()) {
                    fits &= run == *known;
                    *least = (*least).min(n);
                    *most = (*most).max(n);
                }
                fits
            }
            _ => false,
        };
    }
    let all_fixed = |shape: &[(Run, usize, usize)]| shape.iter().any(|(_, least, most)| least == most);
    match shape.filter(|s| same && !s.is_empty() && all_fixed(s)) {
        Some(shape) => {
            let mut regex = String::from("^");
            for (run, least, most) in shape {
                regex.push_str(&match run {
                    Run::Digits => "[0-9]".to_owned(),
                    Run::Upper => "[A-Z]".to_owned(),
                    Run::Lower => "[a-z]".to_owned(),
                    Run::Sign(c) => regex::escape(&c.to_string()),
                });
                match (least, most) {
                    (1, 1) => {}
                    (n, m) if n == m => regex.push_str(&format!("{{{n}}}")),
                    _ => regex.push('+'),
                }
            }
            regex.push('$');
            rules.remarks.push("every value has this shape; one row in a hundred may have another".to_owned());
            rules.pattern = Some(Pattern { regex, mostly: 0.99, severity: Severity::Serious, why: None });
        }
        None if longest > 0 => {
            rules.remarks.push(format!("the longest value has {}", counted(longest as u64, "character")));
            let max = Some(longest as u64 * 2);
            rules.length = Some(Length { min: Some(1), max, mostly: 1.0, severity: Severity::Warning, why: None });
        }
        None => {}
    }
}

/// Pairs of dates of which one comes after the other in nearly every row.
fn orders(data: &Dataset, control: &Control) -> Result<Vec<Relation>> {
    let mut found = Vec::new();
    let mut names = BTreeSet::new();
    let dated: Vec<&ColumnSpec> = data.columns.iter().filter(|c| c.meaning == Meaning::DateTime).take(8).collect();
    for (i, a) in dated.iter().enumerate() {
        for b in dated.iter().skip(i + 1) {
            control.check()?;
            if a.physical != b.physical {
                continue;
            }
            let first = column::numbers(column::get(&data.frame, &a.name)?)?;
            let second = column::numbers(column::get(&data.frame, &b.name)?)?;
            let both = first.iter().zip(&second).filter(|(x, y)| !x.is_nan() && !y.is_nan());
            let (mut rising, mut falling, mut n) = (0u64, 0u64, 0u64);
            for (x, y) in both {
                rising += u64::from(y >= x);
                falling += u64::from(x >= y);
                n += 1;
            }
            let (start, end, holds) = if rising >= falling { (a, b, rising) } else { (b, a, falling) };
            let share = holds as f64 / n.max(1) as f64;
            // Two columns that are always equal are no start and end.
            if n < 50 || share < ORDERED || rising.min(falling) == n {
                continue;
            }
            let mostly = if holds == n { 1.0 } else { ((share - 0.5 * (1.0 - share)) * 1000.0).floor() / 1000.0 };
            let name = format!("{} is not before {}", end.name, start.name);
            if names.insert(name.clone()) {
                found.push(Relation {
                    name,
                    condition: format!("{} >= {}", quoted(&end.name), quoted(&start.name)),
                    mostly,
                    severity: Severity::Serious,
                    why: (holds < n).then(|| {
                        format!("drafted: {} break it, half as many again are allowed", counted(n - holds, "row"))
                    }),
                });
            }
        }
    }
    Ok(found)
}

/// A column's name in an expression.
fn quoted(name: &str) -> String {
    crate::data::expression::quoted(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::contract::{Verdict, check};
    use crate::data::{LoadOptions, load, profile};
    use proptest::prelude::*;

    fn drafted(source: &str) -> (Dataset, Contract) {
        let control = Control::default();
        let data = load(source, &LoadOptions::default(), &control).unwrap();
        let profile = profile::profile(&data, None, &control).unwrap();
        let contract = draft(&data, &profile, &control).unwrap();
        (data, contract)
    }

    /// The promise of a draft: it is kept by its own table, also after it was written and read.
    fn keeps(source: &str) -> Contract {
        let (data, contract) = drafted(source);
        let text = contract.to_toml().unwrap();
        let read = Contract::parse(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
        let report = check(&data, &read, chrono::Utc::now(), &Control::default()).unwrap();
        let broken: Vec<_> = report.rules.iter().filter(|r| r.verdict != Verdict::Pass).collect();
        assert!(broken.is_empty(), "{source}: {broken:#?}\n{text}");
        contract
    }

    #[test]
    fn the_samples_keep_their_drafts() {
        for sample in ["churn", "churn-live", "taxi", "houses", "credit"] {
            keeps(&format!("sample:{sample}"));
        }
    }

    #[test]
    fn a_draft_is_sensible() {
        let contract = keeps("sample:taxi");
        let column = |name: &str| contract.columns.iter().find(|c| c.name == name).unwrap();
        let flag = column("store_and_fwd_flag").values.as_ref().unwrap();
        assert!(flag.of.contains(&Scalar::Text("N".into())), "{flag:?}");
        assert!(column("pickup_location_id").values.is_none(), "a list of 200 codes is chance, not a promise");
        let fare = column("fare_amount").range.as_ref().unwrap();
        // 48 of 18,000 fares are negative (0.27 %); half as many again and one in a thousand are tolerated.
        assert_eq!((fare.min.as_ref(), fare.mostly), (Some(&Scalar::Number(0.0)), 0.995));
        let order =
            contract.relations.iter().find(|r| r.name == "dropoff_datetime is not before pickup_datetime").unwrap();
        assert_eq!(order.condition, "\"dropoff_datetime\" >= \"pickup_datetime\"");
        let churn = keeps("sample:churn");
        let id = churn.columns.iter().find(|c| c.name == "customer_id").unwrap();
        assert!(id.unique.is_none(), "customers come again in churn");
        let orders = churn.columns.iter().find(|c| c.name == "orders_180d").unwrap().range.as_ref().unwrap();
        assert_eq!(orders.min, Some(Scalar::Number(0.0)));
    }

    #[test]
    fn bounds_are_rounded_away_from_the_values() {
        assert_eq!(outward(123.4, 100.0, true, false), 124.0);
        assert_eq!(outward(-0.123, 1.0, false, false), -0.13);
        assert_eq!(outward(7.2, 3.0, true, true), 8.0);
    }

    #[test]
    fn one_shape_gives_a_pattern() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.csv");
        let mut csv = String::from("order_id,note\n");
        for i in 0..60 {
            csv += &format!("AB-{:04},\"x{}\"\n", i, "y".repeat(i % 7));
        }
        std::fs::write(&path, csv).unwrap();
        let contract = keeps(path.to_str().unwrap());
        assert_eq!(contract.columns[0].pattern.as_ref().unwrap().regex, "^[A-Z]{2}\\-[0-9]{4}$");
        assert!(contract.columns[0].unique.is_some());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(120))]
        /// Whatever table is drafted from, it keeps its draft.
        #[test]
        fn any_table_keeps_its_draft(
            cells in prop::collection::vec(
                ("-?[0-9]{1,4}(\\.[0-9]{1,3})?|", "[A-C]|[a-z]{0,5}", "20(19|20)-0[1-9]-1[0-9]|", "[ -~\u{e9}]{0,6}"), 1..60),
        ) {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("t.csv");
            let mut writer = ::csv::Writer::from_path(&path).unwrap();
            writer.write_record(["n", "c d", "day", "any\"thing"]).unwrap();
            for (a, b, c, d) in &cells {
                writer.write_record([a, b, c, d]).unwrap();
            }
            writer.flush().unwrap();
            let path = path.to_str().unwrap().to_owned();
            if load(&path, &LoadOptions::default(), &Control::default()).is_ok() {
                keeps(&path);
            }
        }
    }
}
