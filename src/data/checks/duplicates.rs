//! Rows that repeat, and equal rows with different answers.

use std::hash::Hasher;

use super::table::{MISSING, codes};
use super::{Table, TargetKind, View};
use crate::data::finding::{Finding, Severity, counted, percent};
use crate::data::{Meaning, column};
use crate::engine::Repeated;
use crate::error::Result;

/// Mixes a value into a row's hash (the finaliser of SplitMix64, Steele, Lea and Flood 2014). With 64 bits, two of three
/// million different rows share a hash with a probability of 2 in ten million.
pub fn mix(hash: u64, value: u64) -> u64 {
    let mut x = (hash.rotate_left(23) ^ value).wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// A hash of each row over some columns. The same table gives the same hashes on every machine.
fn hashes<'a>(table: &Table<'_>, columns: impl Iterator<Item = View<'a>>) -> Result<Vec<u64>> {
    let mut rows = vec![0u64; table.data.rows()];
    for view in columns {
        table.control.check()?;
        if view.summary.values.texts().is_some() {
            let texts = view.column.as_materialized_series().str()?;
            for (hash, text) in rows.iter_mut().zip(texts.iter()) {
                let value = text.map_or(1, |t| {
                    let mut hasher = std::hash::DefaultHasher::new();
                    hasher.write(t.as_bytes());
                    hasher.finish()
                });
                *hash = mix(*hash, value);
            }
        } else {
            for (hash, value) in rows.iter_mut().zip(column::numbers(view.column)?) {
                *hash = mix(*hash, if value.is_nan() { 1 } else { (value + 0.0).to_bits() });
            }
        }
    }
    Ok(rows)
}

/// Rows sorted so that equal hashes stand together; rows of one hash in ascending order.
fn grouped(hashes: &[u64]) -> Vec<(u64, u32)> {
    use rayon::slice::ParallelSliceMut;
    let mut order: Vec<(u64, u32)> = hashes.iter().enumerate().map(|(row, hash)| (*hash, row as u32)).collect();
    order.par_sort_unstable();
    order
}

/// Rows that repeat an earlier row in every column (Deepchecks' gate is 5 %).
pub fn rows(table: &Table<'_>) -> Result<Vec<Finding>> {
    if let Some(whole) = table.whole() {
        return Ok(if table.columns().count() < 2 { Vec::new() } else { repeated(table, &whole.repeated) });
    }
    // A column without a repeated value makes every row different.
    if table.columns().any(|c| c.summary.distinct() == table.rows()) || table.columns().count() < 2 {
        return Ok(Vec::new());
    }
    let order = grouped(&hashes(table, table.columns())?);
    let mut repeated: Vec<usize> = order
        .windows(2)
        .filter_map(|w| matches!(w, [a, b] if a.0 == b.0).then(|| w.last().map(|b| b.1 as usize))?)
        .collect();
    if repeated.is_empty() {
        return Ok(Vec::new());
    }
    repeated.sort_unstable();
    let rows = repeated.len() as u64;
    let examples = repeated.into_iter().take(10).map(|row| row as u64).collect();
    Ok(self::repeated(table, &Repeated { rows, counted: true, examples }))
}

fn repeated(table: &Table<'_>, found: &Repeated) -> Vec<Finding> {
    if found.rows == 0 {
        return Vec::new();
    }
    let share = found.rows as f64 / table.rows() as f64;
    let severity = if share > 0.05 { Severity::Warning } else { Severity::Note };
    let about = if found.counted { "" } else { "About " };
    let message = format!(
        "{about}{} ({}) in the table repeat an earlier row in every column",
        counted(found.rows, "row"),
        percent(share)
    );
    vec![
        Finding::new("duplicate-rows", severity, message)
            .with("rows", found.rows)
            .with("share", share)
            .remedy("Keep one of each if the export doubled them; otherwise keep copies on one side of the split")
            .rows(found.examples.iter().map(|row| usize::try_from(*row).unwrap_or(usize::MAX))),
    ]
}

/// Rows that are equal in every feature and differ in the class.
pub fn conflicting_labels(table: &Table<'_>) -> Result<Vec<Finding>> {
    let Some(target) = table.target().filter(|_| table.target_kind() == Some(TargetKind::Classes)) else {
        return Ok(Vec::new());
    };
    let features: Vec<View<'_>> = table.features().filter(|c| c.spec.meaning != Meaning::Identifier).collect();
    if features.is_empty() || features.iter().any(|c| c.summary.distinct() == table.rows()) {
        return Ok(Vec::new());
    }
    let order = grouped(&hashes(table, features.into_iter())?);
    let classes = codes(&target)?;
    let class = |row: u32| classes.get(row as usize).copied().unwrap_or(MISSING);
    let mut rows: Vec<usize> = Vec::new();
    let mut groups = 0u64;
    for group in order.chunk_by(|a, b| a.0 == b.0) {
        let mut known = group.iter().map(|(_, row)| class(*row)).filter(|c| *c != MISSING);
        let first = known.next();
        if known.any(|c| Some(c) != first) {
            groups += 1;
            rows.extend(group.iter().map(|(_, row)| *row as usize));
        }
    }
    if groups == 0 {
        return Ok(Vec::new());
    }
    rows.sort_unstable();
    let share = rows.len() as f64 / table.data.rows() as f64;
    let severity = if share > 0.05 { Severity::Serious } else { Severity::Warning };
    let message = format!(
        "{} ({}) are equal in every feature to another row but differ in {}",
        counted(rows.len() as u64, "row"),
        percent(share),
        target.name()
    );
    Ok(vec![
        Finding::new("conflicting-labels", severity, message)
            .on(&target.spec.name)
            .with("rows", rows.len())
            .with("groups", groups)
            .with("share", share)
            .remedy(
                "No model can get all of them right: look for wrong labels, or for a column that would tell them apart",
            )
            .rows(table.places(rows)),
    ])
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fires, silent, table};

    #[test]
    fn repeated_rows_are_counted() {
        let f = fires("duplicate-rows", "a,b\n1,x\n2,y\n1,x\n1,x\n1,\n", None, None);
        assert!(f.evidence.contains("rows 2"), "{f:?}");
        assert_eq!(f.rows, [3, 4]);
        silent("duplicate-rows", "a,b\n1,x\n2,x\n2,y\n", None);
        silent("duplicate-rows", "a\n1\n1\n", None);
    }

    #[test]
    fn equal_rows_with_different_answers_are_found() {
        let csv = table("a,b,y", 40, |i| {
            format!("{},{},{}", i % 7, i % 3, if i == 21 { "no" } else { ["yes", "no"][i % 7 % 2] })
        });
        let f = fires("conflicting-labels", &csv, Some("y"), Some("y"));
        assert!(f.evidence.contains("groups 1"), "{f:?}");
        silent(
            "conflicting-labels",
            &table("a,b,y", 40, |i| format!("{},{},{}", i % 7, i % 3, ["yes", "no"][i % 7 % 2])),
            Some("y"),
        );
    }
}
