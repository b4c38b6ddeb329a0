//! Checks of a raw table. One concept a file; each check looks at the [`Table`] and adds its findings.

pub(crate) mod association;
mod categories;
mod constant;
mod correlation;
mod dates;
mod duplicates;
mod identifiers;
mod leak;
mod missing;
mod missing_in_time;
mod mixed_types;
mod near_duplicates;
mod order;
mod outliers;
mod personal;
mod row_outliers;
mod table;
mod target;
mod texts;

pub(in crate::data) use dates::{BELIEVED_FROM, BELIEVED_TO};
pub use duplicates::mix;
pub(in crate::data) use leak::COMPUTED;
pub(in crate::data) use mixed_types::DATE_FORM;
pub(super) use table::MISSING;
pub use table::{Table, TargetKind, View};
pub(in crate::data) use texts::{bare, garbled};

use std::collections::BTreeMap;

use super::finding::{Finding, Severity};
use crate::error::Result;

/// A check: looks at the table and gives its findings.
type Check = fn(&Table<'_>) -> Result<Vec<Finding>>;

/// All checks, by name, in the order in which they run and in which equally severe findings are listed.
static CHECKS: &[(&str, Check)] = &[
    ("target-missing", target::missing),
    ("target-one-class", target::one_class),
    ("target-unusable", target::unusable),
    ("leak", leak::derived),
    ("leak", leak::single_column),
    ("leak", leak::dates),
    ("repeated-entity", identifiers::repeated),
    ("identifier-label", identifiers::tells_target),
    ("identifier", identifiers::identifier),
    ("all-missing", constant::all_missing),
    ("single-value", constant::single_value),
    ("near-constant", constant::near_constant),
    ("class-imbalance", target::imbalance),
    ("rare-class", target::rare_class),
    ("conflicting-labels", duplicates::conflicting_labels),
    ("duplicate-rows", duplicates::rows),
    ("near-duplicate-rows", near_duplicates::rows),
    ("time-column", dates::time_column),
    ("far-dates", dates::far),
    ("date-gaps", dates::gaps),
    ("date-order", dates::order),
    ("time-disorder", order::time_disorder),
    ("row-order", order::row_order),
    ("missing-before", missing_in_time::before),
    ("missing-after", missing_in_time::after),
    ("missing-block", missing_in_time::block),
    ("missing-share", missing::share),
    ("mixed-missing-spellings", missing::spellings),
    ("infinite-values", missing::infinite),
    ("mixed-types", mixed_types::mixed),
    ("mixed-types", mixed_types::dates),
    ("disguised-numbers", mixed_types::disguised),
    ("negative-amounts", outliers::negative),
    ("placeholder-values", outliers::placeholders),
    ("outliers", outliers::far),
    ("skew", outliers::skew),
    ("row-outliers", row_outliers::rows),
    ("correlated-columns", correlation::pairs),
    ("high-cardinality", categories::cardinality),
    ("level-imbalance", categories::imbalance),
    ("text-variants", texts::variants),
    ("stray-blanks", texts::stray_blanks),
    ("broken-characters", texts::broken),
    ("special-characters", texts::special),
    ("text-length", texts::length),
    ("free-text", identifiers::free_text),
    ("personal-data", personal::personal),
];

/// Checks that look at rows, not at aggregates alone: of a large table they see a sample, and their findings say so.
const BY_ROWS: &[&str] = &[
    "leak",
    "conflicting-labels",
    "date-order",
    "missing-before",
    "missing-after",
    "missing-block",
    "correlated-columns",
    "row-outliers",
    "identifier-label",
];

/// Checks whose findings name rows of the whole table by themselves; the rows of all others are those at hand.
const OWN_ROWS: &[&str] = &[
    "duplicate-rows",
    "conflicting-labels",
    "far-dates",
    "date-order",
    "outliers",
    "negative-amounts",
    "placeholder-values",
    "mixed-types",
];

/// The names of all checks; several kinds of evidence may share one name (`leak`).
pub fn names() -> impl Iterator<Item = &'static str> {
    let mut before = "";
    CHECKS.iter().map(|(name, _)| *name).filter(move |name| std::mem::replace(&mut before, name) != *name)
}

/// Runs all checks. The most severe findings come first; among equally severe ones each check has its first word before any
/// has its second, so that one defect in many columns does not push the others from the first screen.
///
/// # Errors
/// When the work is cancelled.
pub fn run(table: &Table<'_>) -> Result<Vec<Finding>> {
    let mut findings: Vec<Finding> = Vec::new();
    for (i, (name, check)) in CHECKS.iter().enumerate() {
        table.control.check()?;
        table.control.report("checks", Some(0.6 + 0.4 * i as f64 / CHECKS.len() as f64), *name);
        for mut finding in check(table)? {
            if let Some(whole) = table.whole() {
                if BY_ROWS.contains(name) {
                    finding.sampled(table.data.rows() as u64, whole.rows);
                }
                if !OWN_ROWS.contains(name) {
                    finding.rows = table.places(at_hand(&finding.rows)).map(|row| row as u64 + 1).collect();
                }
            }
            // A column is said to leak once, by the strongest evidence.
            let known = |f: &Finding| f.check == "leak" && finding.check == "leak" && f.column == finding.column;
            if !findings.iter().any(known) {
                findings.push(finding);
            }
        }
    }
    Ok(in_order(findings))
}

/// The places (from 0) of rows that are counted from 1.
fn at_hand(rows: &[u64]) -> Vec<usize> {
    rows.iter().map(|row| usize::try_from(row.saturating_sub(1)).unwrap_or(usize::MAX)).collect()
}

/// Findings in the order in which a person should read them. The order of the checks decides among equals.
pub fn in_order(findings: Vec<Finding>) -> Vec<Finding> {
    let mut said: BTreeMap<(Severity, String), usize> = BTreeMap::new();
    let mut keyed: Vec<(Severity, usize, Finding)> = findings
        .into_iter()
        .map(|finding| {
            let nth = said.entry((finding.severity, finding.check.to_string())).or_default();
            *nth += 1;
            (finding.severity, *nth, finding)
        })
        .collect();
    keyed.sort_by_key(|(severity, nth, _)| (std::cmp::Reverse(*severity), *nth));
    keyed.into_iter().map(|(_, _, finding)| finding).collect()
}

#[cfg(test)]
mod sample_tests;

#[cfg(test)]
pub(crate) mod testing {
    //! Small tables for the checks' tests.

    use crate::data::finding::Finding;
    use crate::data::profile::{Profile, ProfileOptions, profile_with};
    use crate::data::{LoadOptions, load};
    use crate::engine::Control;

    /// Profiles a table given as CSV.
    pub fn profile_csv(csv: &str, options: &ProfileOptions) -> Profile {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.csv");
        std::fs::write(&path, csv).unwrap();
        let data = load(path.to_str().unwrap(), &LoadOptions::default(), &Control::default()).unwrap();
        profile_with(&data, options, &Control::default()).unwrap()
    }

    /// The findings of one check on a table given as CSV.
    pub fn findings(check: &str, csv: &str, target: Option<&str>) -> Vec<Finding> {
        assert!(super::names().any(|n| n == check), "there is no check `{check}`");
        let options = ProfileOptions { target: target.map(str::to_owned), ..ProfileOptions::default() };
        profile_csv(csv, &options).findings.into_iter().filter(|f| f.check == check).collect()
    }

    /// The check fires on exactly this column.
    pub fn fires(check: &str, csv: &str, target: Option<&str>, column: Option<&str>) -> Finding {
        let found = findings(check, csv, target);
        let columns: Vec<_> = found.iter().map(|f| f.column.as_deref()).collect();
        assert_eq!(columns, [column], "{check}: {found:#?}");
        assert!(!found[0].message.is_empty() && !found[0].remedy.is_empty());
        found[0].clone()
    }

    /// The check finds nothing.
    pub fn silent(check: &str, csv: &str, target: Option<&str>) {
        let found = findings(check, csv, target);
        assert!(found.is_empty(), "{check}: {found:#?}");
    }

    /// A CSV from a header and a function of the row number.
    pub fn table(header: &str, rows: usize, row: impl Fn(usize) -> String) -> String {
        let mut csv = format!("{header}\n");
        for i in 0..rows {
            csv.push_str(&row(i));
            csv.push('\n');
        }
        csv
    }

    /// A fixed pseudo-random number in 0..n for a row.
    pub fn noise(i: usize, salt: usize, n: usize) -> usize {
        let mut x =
            (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (salt as u64 + 7).wrapping_mul(0xd1b5_4a32_d192_ed03);
        x ^= x >> 29;
        x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x ^= x >> 32;
        (x % n as u64) as usize
    }
}
