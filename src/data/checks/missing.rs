//! Values that are not there, and how their absence is written.

use super::{Table, View};
use crate::data::brief;
use crate::data::csv::INFINITE;
use crate::data::finding::{Finding, Severity, counted, percent, thousands};
use crate::error::Result;

/// Shares from which a column is noted, warned of, and called serious (the first is Deepchecks' gate).
const SHARES: [(f64, Severity); 3] = [(0.95, Severity::Serious), (0.3, Severity::Warning), (0.05, Severity::Note)];

/// A large share of the rows has no value.
pub fn share(table: &Table<'_>) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for c in table.features().filter(|c| c.summary.present() > 0) {
        let share = c.summary.missing_share();
        let Some((_, severity)) = SHARES.iter().find(|(from, _)| share > *from) else { continue };
        let message = format!("{} is missing in {} of the rows", c.name(), percent(share));
        let remedy = match severity {
            Severity::Serious => "Leave the column out, or keep only whether it is there",
            Severity::Warning => {
                "Find out whether absence has a meaning (never happened, does not apply); if so keep an indicator of it"
            }
            _ => "Impute on the training rows; an indicator of absence is added by itself",
        };
        findings.push(
            Finding::new("missing-share", *severity, message)
                .on(&c.spec.name)
                .with("missing", c.summary.missing)
                .with("share", share)
                .remedy(remedy)
                .rows(c.rows_missing()),
        );
    }
    Ok(findings)
}

/// Absence is written in more than one way.
pub fn spellings(table: &Table<'_>) -> Result<Vec<Finding>> {
    // An infinite number is no spelling of "missing", though it is read so; it has a check of its own.
    let words = |c: &View<'_>| c.spec.missing_spellings.iter().filter(|(w, _)| w != INFINITE).count();
    let several = table.columns().filter(|c| words(c) > 1);
    Ok(several
        .map(|c| {
            let shown: Vec<String> = c
                .spec
                .missing_spellings
                .iter()
                .filter(|(word, _)| word != INFINITE)
                .take(6)
                .map(|(word, n)| {
                    let word = if word.is_empty() { "empty".to_owned() } else { format!("`{}`", brief(word, 20)) };
                    format!("{word} ({})", thousands(*n))
                })
                .collect();
            let message = format!(
                "{} writes a missing value in {} ways: {}",
                c.name(),
                c.spec.missing_spellings.len(),
                shown.join(", ")
            );
            Finding::new("mixed-missing-spellings", Severity::Note, message)
                .on(&c.spec.name)
                .with("spellings", shown.clone())
                .remedy("Make sure that they all mean the same; two sources may have been joined")
        })
        .collect())
}

/// Numbers that are infinite, also those that loading a text file has made missing.
pub fn infinite(table: &Table<'_>) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for c in table.columns() {
        let read: u64 = c.spec.missing_spellings.iter().filter(|(word, _)| word == INFINITE).map(|(_, n)| n).sum();
        let infinite = c.summary.infinite + read;
        if infinite == 0 {
            continue;
        }
        let message = format!("{} is infinite in {}", c.name(), counted(infinite, "row"));
        let finding = Finding::new("infinite-values", Severity::Serious, message)
            .on(&c.spec.name)
            .with("infinite", infinite)
            .with("read_as_missing", (read > 0).then_some(read))
            .remedy("Look for a division by zero or an overflow where the column is made; make these values missing");
        findings.push(if c.summary.infinite > 0 {
            finding.rows(c.rows_with_number(f64::is_infinite)?)
        } else {
            finding
        });
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::super::testing::{fires, silent, table};
    use crate::data::{ColumnSpec, Dataset, Meaning, Physical, profile};
    use crate::engine::Control;

    #[test]
    fn missing_values_are_weighed_by_their_share() {
        let csv = table("a,b", 100, |i| format!("{},{i}", if i < 40 { String::new() } else { i.to_string() }));
        let f = fires("missing-share", &csv, None, Some("a"));
        assert_eq!(f.evidence, "missing 40, share 0.4");
        silent(
            "missing-share",
            &table("a,b", 100, |i| format!("{},{i}", if i < 5 { String::new() } else { i.to_string() })),
            None,
        );
    }

    #[test]
    fn several_spellings_are_found() {
        fires("mixed-missing-spellings", "a,b\n1,2\nNA,3\n,4\n", None, Some("a"));
        silent("mixed-missing-spellings", "a,b\n1,2\nNA,3\nNA,4\n", None);
    }

    #[test]
    fn infinite_numbers_are_found() {
        let of = |values: [f64; 3]| {
            let spec = ColumnSpec {
                name: "x".into(),
                physical: Physical::Float,
                meaning: Meaning::Number,
                missing_spellings: vec![],
                date_format: None,
            };
            let frame = DataFrame::new(3, vec![Column::new("x".into(), values)]).unwrap();
            let data =
                Dataset { source: "t".into(), frame, columns: vec![spec], fingerprint: String::new(), notes: vec![] };
            let p = profile(&data, None, &Control::default()).unwrap();
            p.findings.iter().filter(|f| f.check == "infinite-values").count()
        };
        assert_eq!(of([1.0, f64::INFINITY, 3.0]), 1);
        assert_eq!(of([1.0, 2.0, 3.0]), 0);
    }
}
