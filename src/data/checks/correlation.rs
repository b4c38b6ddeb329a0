//! Columns that say the same twice.

use rayon::prelude::*;

use super::association::{correlation_ratio, cramers_v, pearson, ranks, spearman};
use super::{Table, View};
use crate::data::finding::{Finding, Severity, figure};
use crate::error::Result;

/// Association from which two columns carry the same (Deepchecks' and Evidently's gate).
const STRONG: f64 = 0.9;

/// Pairs reported one by one; what lies beyond is summed up.
const SHOWN: usize = 10;

/// Columns compared pairwise; a table with more compares its first ones.
const MOST_COLUMNS: usize = 300;

/// Levels beyond which a category is not compared: with few rows a level, association is chance.
const MOST_LEVELS: usize = 200;

/// A column of the sample, ready for comparison.
struct Prepared<'a> {
    view: View<'a>,
    /// Numbers of quantities, with NaN where missing.
    numbers: Option<Vec<f64>>,
    /// Ranks, when no value is missing.
    ranks: Option<Vec<f64>>,
    /// Levels of categories.
    codes: Option<Vec<u32>>,
}

/// Pairs of features with a strong association: Spearman's correlation of two numbers, Cramér's V of two categories, the
/// correlation ratio of a category and a number, on at most 10,000 rows.
pub fn pairs(table: &Table<'_>) -> Result<Vec<Finding>> {
    let columns: Vec<Prepared<'_>> = table
        .usable()
        .filter(|c| c.is_number() || c.summary.distinct() <= MOST_LEVELS)
        .take(MOST_COLUMNS)
        .map(|view| {
            let numbers = view.is_number().then(|| table.sampled_numbers(&view)).transpose()?;
            let codes = view.is_category().then(|| table.sampled_codes(&view)).transpose()?;
            let ranks = numbers.as_ref().filter(|v| v.iter().all(|v| !v.is_nan())).map(|v| ranks(v));
            Ok(Prepared { view, numbers, ranks, codes })
        })
        .collect::<Result<_>>()?;
    let mut strong: Vec<(f64, &'static str, usize, usize)> = (0..columns.len())
        .into_par_iter()
        .map(|i| {
            table.control.check()?;
            let mut found = Vec::new();
            if let Some(a) = columns.get(i) {
                for (j, b) in columns.iter().enumerate().skip(i + 1) {
                    found.extend(association(a, b).filter(|(r, _)| r.abs() > STRONG).map(|(r, name)| (r, name, i, j)));
                }
            }
            Ok(found)
        })
        .collect::<Result<Vec<_>>>()?
        .into_iter()
        .flatten()
        .collect();
    strong.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()).then((a.2, a.3).cmp(&(b.2, b.3))));
    let mut findings = Vec::new();
    for (r, name, i, j) in strong.iter().take(SHOWN) {
        let (Some(a), Some(b)) = (columns.get(*i), columns.get(*j)) else { continue };
        let (a, b) = (&a.view, &b.view);
        let message = format!(
            "{} and {} say nearly the same ({name} {})",
            a.name(),
            b.name(),
            figure((r * 1000.0).round() / 1000.0)
        );
        findings.push(
            Finding::new("correlated-columns", Severity::Note, message)
                .on(&b.spec.name)
                .with("with", a.spec.name.clone())
                .with("measure", *name)
                .with("value", *r)
                .with("rows", table.sample().len())
                .remedy("Linear models share the effect between the two at random, and importances too; keep one if you want to explain"),
        );
    }
    if strong.len() > SHOWN {
        let more = strong.len() - SHOWN;
        findings.push(
            Finding::new(
                "correlated-columns",
                Severity::Note,
                format!("{more} more pairs of columns say nearly the same"),
            )
            .with("pairs", strong.len())
            .remedy("Keep one of each group if you want to explain the model"),
        );
    }
    Ok(findings)
}

fn association(a: &Prepared<'_>, b: &Prepared<'_>) -> Option<(f64, &'static str)> {
    match (&a.numbers, &b.numbers, &a.codes, &b.codes) {
        (Some(x), Some(y), ..) => {
            let r = match (&a.ranks, &b.ranks) {
                (Some(x), Some(y)) if x.len() >= 10 => pearson(x, y),
                (Some(_), Some(_)) => None,
                _ => spearman(x, y),
            };
            r.map(|r| (r, "rank correlation"))
        }
        (_, _, Some(x), Some(y)) => cramers_v(x, y).map(|v| (v, "Cramér's V")),
        (Some(x), _, _, Some(y)) | (_, Some(x), Some(y), _) => {
            correlation_ratio(y, x).map(|v| (v, "correlation ratio"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fires, noise, silent, table};

    #[test]
    fn pairs_of_every_kind_are_found() {
        let numbers =
            table("a,b,c", 200, |i| format!("{},{},{}", noise(i, 1, 90), noise(i, 1, 90) * 2 + 1, noise(i, 2, 90)));
        let f = fires("correlated-columns", &numbers, None, Some("b"));
        assert!(f.evidence.starts_with("with a, measure rank correlation, value 1"), "{f:?}");
        let gaps = table("a,b", 200, |i| {
            format!("{},{}", if i % 9 == 0 { String::new() } else { noise(i, 1, 90).to_string() }, noise(i, 1, 90))
        });
        fires("correlated-columns", &gaps, None, Some("b"));
        let words = table("a,b", 200, |i| format!("x{},y{}", noise(i, 1, 4), noise(i, 1, 4)));
        fires("correlated-columns", &words, None, Some("b"));
        let both = table("a,b", 200, |i| format!("x{},{}", noise(i, 1, 4), noise(i, 1, 4) * 100 + noise(i, 2, 5)));
        fires("correlated-columns", &both, None, Some("b"));
    }

    #[test]
    fn chance_is_left_alone() {
        let csv = table("a,b,c,d", 200, |i| {
            format!("{},{},x{},y{}", noise(i, 1, 90), noise(i, 2, 90), noise(i, 3, 4), noise(i, 4, 60))
        });
        silent("correlated-columns", &csv, None);
    }
}
