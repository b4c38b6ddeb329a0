//! Columns that say nothing, or nearly nothing.

use super::Table;
use crate::data::finding::{Finding, Severity, counted, percent};
use crate::error::Result;

/// A value with this share or more leaves nothing to learn from.
const NEARLY_ALL: f64 = 0.99;

/// No row has a value.
pub fn all_missing(table: &Table<'_>) -> Result<Vec<Finding>> {
    let empty = table.columns().filter(|c| c.summary.present() == 0);
    Ok(empty
        .map(|c| {
            Finding::new("all-missing", Severity::Warning, format!("{} has no value in any row", c.name()))
                .on(&c.spec.name)
                .with("rows", c.summary.rows)
                .remedy("Leave the column out, or find out why the export lost it")
        })
        .collect())
}

/// All values are the same.
pub fn single_value(table: &Table<'_>) -> Result<Vec<Finding>> {
    let single = table.features().filter(|c| c.summary.distinct() == 1);
    Ok(single
        .map(|c| {
            let but = match c.summary.missing {
                0 => String::new(),
                n => format!(" ({} without any)", counted(n, "row")),
            };
            Finding::new(
                "single-value",
                Severity::Warning,
                format!("{} has the same value in every row{but}", c.name()),
            )
            .on(&c.spec.name)
            .with("missing", c.summary.missing)
            .remedy("Leave the column out; whether the value is missing may still say something")
        })
        .collect())
}

/// One value stands in nearly all rows.
pub fn near_constant(table: &Table<'_>) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for c in table.features().filter(|c| c.summary.distinct() > 1 && c.summary.present() >= 100) {
        let share = c.summary.top_count() as f64 / c.summary.present() as f64;
        if share >= NEARLY_ALL {
            let others = c.summary.present() - c.summary.top_count();
            let message = format!(
                "{} has one value in {} of the rows; only {} differ",
                c.name(),
                percent(share),
                counted(others, "row")
            );
            findings.push(
                Finding::new("near-constant", Severity::Note, message)
                    .on(&c.spec.name)
                    .with("share", share)
                    .with("others", others)
                    .remedy("Leave the column out unless the few other rows are what matters")
                    .rows(c.rows_with_top(false)?),
            );
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fires, silent, table};

    #[test]
    fn columns_that_say_nothing_are_found() {
        let csv = table("e,s,n,x", 300, |i| format!(",7,{},{}", u8::from(i == 5), i % 9));
        fires("all-missing", &csv, None, Some("e"));
        fires("single-value", &csv, None, Some("s"));
        assert_eq!(fires("near-constant", &csv, None, Some("n")).rows, [6]);
    }

    #[test]
    fn columns_that_vary_are_left_alone() {
        let csv = table("a,b", 300, |i| format!("{},{}", i % 2, i % 9));
        for check in ["all-missing", "single-value", "near-constant"] {
            silent(check, &csv, None);
        }
    }
}
