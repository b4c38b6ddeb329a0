//! Categories with too many values, or with nearly all rows in one.

use super::{Table, View};
use crate::data::finding::{Finding, Severity, percent, thousands};
use crate::error::Result;

/// More values than this (ydata-profiling's bound, and the number of indicators that the feature plan makes).
const MANY: usize = 50;

/// Share of the possible entropy that is lost before levels count as unbalanced (ydata-profiling's bound).
const UNBALANCED: f64 = 0.5;

/// Values with fewer rows than this teach nothing.
const FEW: u64 = 10;

/// A category with many values.
pub fn cardinality(table: &Table<'_>) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for c in table.features().filter(|c| c.is_category() && c.summary.distinct() > MANY) {
        let mut counts = c.summary.known().counts();
        let distinct = c.summary.distinct();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        let kept: u64 = counts.iter().take(MANY).sum();
        let lost = 1.0 - kept as f64 / c.summary.present() as f64;
        let severity = if lost > 0.3 { Severity::Warning } else { Severity::Note };
        let message = format!(
            "{} has {} different values; the rarest {} hold {} of the rows and share one code",
            c.name(),
            thousands(distinct as u64),
            thousands((distinct - MANY) as u64),
            percent(lost)
        );
        findings.push(
            Finding::new("high-cardinality", severity, message)
                .on(&c.spec.name)
                .with("distinct", distinct)
                .with("share_beyond", lost)
                .remedy("Group the values (a region for a place, a family for a product), or leave the column out"),
        );
    }
    Ok(findings)
}

/// A category whose rows lie nearly all in few values: 1 - H / log2(k), as ydata-profiling computes it.
pub fn imbalance(table: &Table<'_>) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let counted = |c: &View<'_>| c.summary.sketch.is_none() && c.summary.distinct() > 1 && c.summary.present() >= 100;
    for c in table.features().filter(|c| c.is_category() && counted(c)) {
        let counts = c.summary.values.counts();
        let n = c.summary.present() as f64;
        let entropy: f64 = counts.iter().map(|k| *k as f64 / n).map(|p| -p * p.log2()).sum();
        let score = 1.0 - entropy / (counts.len() as f64).log2();
        let top = c.summary.top_count() as f64 / n;
        let rare = counts.iter().filter(|k| **k < FEW).count();
        // From 99 % on it is a column that says nothing, and reported as such; without rare values there is nothing to do.
        if score <= UNBALANCED || top >= 0.99 || rare == 0 {
            continue;
        }
        let message = format!(
            "{} has {} of its rows in one value; {rare} of its {} values have under ten rows",
            c.name(),
            percent(top),
            counts.len()
        );
        findings.push(
            Finding::new("level-imbalance", Severity::Note, message)
                .on(&c.spec.name)
                .with("imbalance", score)
                .with("top_share", top)
                .with("rare_values", rare)
                .remedy("Join the rare values into one"),
        );
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fires, silent, table};

    #[test]
    fn many_values_are_found() {
        fires("high-cardinality", &table("c,n", 400, |i| format!("c{},{i}", i % 80)), None, Some("c"));
        silent("high-cardinality", &table("c,n", 400, |i| format!("c{},{i}", i % 40)), None);
    }

    #[test]
    fn one_value_before_all_others_is_found() {
        let csv = table("c,n", 400, |i| {
            format!("{},{i}", if i % 20 == 0 { format!("c{}", i % 60) } else { "most".to_owned() })
        });
        let f = fires("level-imbalance", &csv, None, Some("c"));
        assert!(f.evidence.contains("top share 0.95"), "{f:?}");
        silent("level-imbalance", &table("c,n", 400, |i| format!("c{},{i}", i % 4)), None);
    }
}
