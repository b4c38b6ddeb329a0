//! What is new in a version of a dataset beside the one before, from what the catalog keeps; nothing is read again.

use serde::Serialize;

use super::diff::{Change, SchemaChange, column_changes, schema_changes};
use super::{Version, of_fingerprint, profile_of};
use crate::data::{counted, thousands};
use crate::error::Result;
use crate::flow::workshop::Workshop;

/// A mean that moved by this many standard deviations is worth a look.
const SHIFT: f64 = 0.1;

/// And so is a share of missing values that moved by this much.
const MISSING: f64 = 0.01;

/// A version beside the one before.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Since {
    /// The dataset.
    pub dataset: String,
    /// The version's number.
    pub version: i64,
    /// The number of the one before.
    pub before: i64,
    /// What changed, in words.
    pub words: String,
}

/// What certain bytes have that the version before them had not; `None` for a first version and for bytes that the catalog does
/// not know.
///
/// # Errors
/// When the workspace cannot be read.
pub fn since(shop: &Workshop, fingerprint: &str) -> Result<Option<Since>> {
    let Some((entry, version)) = of_fingerprint(shop, fingerprint)? else { return Ok(None) };
    let Some(before) = entry.versions.iter().rev().find(|v| v.number < version.number) else { return Ok(None) };
    Ok(Some(Since {
        words: words(shop, before, &version),
        dataset: entry.name,
        version: version.number,
        before: before.number,
    }))
}

fn words(shop: &Workshop, before: &Version, version: &Version) -> String {
    let mut parts = schema_words(&schema_changes(&before.columns, &version.columns));
    let rows = version.rows - before.rows;
    if rows != 0 {
        let more = if rows > 0 { "more" } else { "fewer" };
        parts.push(format!("{} {more} rows", thousands(rows.unsigned_abs())));
    }
    // A profile that is damaged or was written in another form counts for nothing.
    let kept = |v| profile_of(shop, v).unwrap_or_default();
    if let (Some(old), Some(new)) = (kept(before), kept(version)) {
        let moved = column_changes(&old, &new)
            .iter()
            .filter(|c| {
                c.shift.is_some_and(|s| s.abs() >= SHIFT)
                    || (c.missing_share.to - c.missing_share.from).abs() >= MISSING
            })
            .count() as u64;
        if moved > 0 {
            parts.push(format!("the numbers of {} moved", counted(moved, "column")));
        }
    }
    if parts.is_empty() { "nothing that the catalog keeps has changed".to_owned() } else { parts.join(", ") }
}

/// The changes of the schema, counted by kind.
fn schema_words(changes: &[SchemaChange]) -> Vec<String> {
    let of = |wanted: &[Change]| changes.iter().filter(|c| wanted.contains(&c.change)).count() as u64;
    [(&[Change::Type, Change::Meaning][..], "changed"), (&[Change::Added], "new"), (&[Change::Removed], "gone")]
        .into_iter()
        .filter_map(|(kinds, word)| {
            Some(of(kinds)).filter(|n| *n > 0).map(|n| format!("{} {word}", counted(n, "column")))
        })
        .collect()
}
