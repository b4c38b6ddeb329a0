//! What changed between two versions of a dataset: columns, counts, numbers, and whether the change is more than chance.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{CatalogColumn, Entry, Version, distribution_of, profile_of, show};
use crate::data::{self, Cell, ColumnProfile, Dataset, LoadOptions, Profile};
use crate::engine::Control;
use crate::error::{Error, Kind, Result};
use crate::flow::workshop::Workshop;
use crate::health::{self, DriftOptions, DriftReference, DriftReport};

/// Files up to this size are read again for a comparison of all rows; for larger ones the kept distribution must do.
const READ_AGAIN: i64 = 256 << 20;

/// Cells up to which a table is read again when its size is not known (a pattern of files, a table of a database).
const CELLS_AGAIN: i64 = 20_000_000;

/// How a column's place in the schema changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// Only the newer version has it.
    Added,
    /// Only the older version has it.
    Removed,
    /// It is stored in another way.
    Type,
    /// It means something else.
    Meaning,
}

/// A change of the schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SchemaChange {
    /// The column.
    pub column: String,
    /// How it changed.
    pub change: Change,
    /// What it was: the type and the meaning.
    pub from: Option<String>,
    /// What it is.
    pub to: Option<String>,
}

/// A value before and after.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pair<T> {
    /// In the older version.
    pub from: T,
    /// In the newer version.
    pub to: T,
}

/// The numbers of one column before and after.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ColumnChange {
    /// The column.
    pub column: String,
    /// Rows without a value.
    pub missing: Pair<u64>,
    /// Their share of all rows.
    pub missing_share: Pair<f64>,
    /// Distinct values.
    pub distinct: Pair<u64>,
    /// Mean, for numbers.
    pub mean: Option<Pair<f64>>,
    /// Standard deviation, for numbers.
    pub std: Option<Pair<f64>>,
    /// Quantiles by their share, for numbers and dates.
    pub quantiles: BTreeMap<String, Pair<Cell>>,
    /// The difference of the means in standard deviations of the older version.
    pub shift: Option<f64>,
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Side {
    /// The version's number.
    pub version: i64,
    /// SHA-256 of its bytes.
    pub fingerprint: String,
    /// Where it was first read from.
    pub source: String,
    /// Rows.
    pub rows: i64,
}

/// The comparison of two versions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VersionDiff {
    /// The dataset.
    pub dataset: String,
    /// The version compared with.
    pub from: Side,
    /// The version compared.
    pub to: Side,
    /// Changes of the schema.
    pub schema: Vec<SchemaChange>,
    /// Columns that both have, with their numbers; empty when the numbers of one side are not at hand.
    pub columns: Vec<ColumnChange>,
    /// Why there are no numbers.
    pub columns_missing: Option<String>,
    /// Drift of the columns that both have; `None` when it cannot be told.
    pub drift: Option<DriftReport>,
    /// From what the drift was computed, or why it was not.
    pub drift_from: String,
    /// Whether schema or distribution changed.
    pub differs: bool,
}

fn said(column: &CatalogColumn) -> String {
    let stored = serde_json::to_value(column.physical).ok();
    let stored = stored.as_ref().and_then(|v| v.as_str()).unwrap_or_default();
    format!("{stored}, {}", column.meaning)
}

/// Changes of the schema in the order of the older version's columns, then those added.
#[must_use]
pub fn schema_changes(from: &[CatalogColumn], to: &[CatalogColumn]) -> Vec<SchemaChange> {
    let change = |column: &CatalogColumn, change, from: Option<&CatalogColumn>, to: Option<&CatalogColumn>| {
        SchemaChange { column: column.name.clone(), change, from: from.map(said), to: to.map(said) }
    };
    let mut changes = Vec::new();
    for old in from {
        match to.iter().find(|c| c.name == old.name) {
            None => changes.push(change(old, Change::Removed, Some(old), None)),
            Some(new) if new.physical != old.physical => {
                changes.push(change(old, Change::Type, Some(old), Some(new)));
            }
            Some(new) if new.meaning != old.meaning => {
                changes.push(change(old, Change::Meaning, Some(old), Some(new)));
            }
            Some(_) => {}
        }
    }
    let added = to.iter().filter(|c| !from.iter().any(|o| o.name == c.name));
    changes.extend(added.map(|new| change(new, Change::Added, None, Some(new))));
    changes
}

fn pair<T>(from: Option<T>, to: Option<T>) -> Option<Pair<T>> {
    from.zip(to).map(|(from, to)| Pair { from, to })
}

fn column_change(old: &ColumnProfile, new: &ColumnProfile, rows: (u64, u64)) -> ColumnChange {
    let share = |missing: u64, rows: u64| missing as f64 / rows.max(1) as f64;
    let quantiles = old
        .quantiles
        .iter()
        .filter_map(|(q, from)| Some((q.clone(), Pair { from: from.clone(), to: new.quantiles.get(q)?.clone() })))
        .collect();
    let mean = pair(old.mean, new.mean);
    ColumnChange {
        column: old.name.clone(),
        missing: Pair { from: old.missing, to: new.missing },
        missing_share: Pair { from: share(old.missing, rows.0), to: share(new.missing, rows.1) },
        distinct: Pair { from: old.distinct, to: new.distinct },
        shift: mean.as_ref().zip(old.std).and_then(|(m, s)| (s > 0.0).then(|| (m.to - m.from) / s)),
        mean,
        std: pair(old.std, new.std),
        quantiles,
    }
}

/// The numbers of the columns that both profiles have.
#[must_use]
pub fn column_changes(old: &Profile, new: &Profile) -> Vec<ColumnChange> {
    let find = |name: &str| new.columns.iter().find(|c| c.name == name);
    old.columns.iter().filter_map(|o| Some(column_change(o, find(&o.name)?, (old.rows, new.rows)))).collect()
}

/// The rows of a version, when one of the dataset's files still holds exactly its bytes and they are read as before.
fn rows(entry: &Entry, version: &Version, control: &Control) -> Result<Option<Dataset>> {
    let local = |s: &&String| !s.contains("://") && s.as_str() != "-";
    for source in std::iter::once(&version.source).chain(&entry.sources).filter(local) {
        let size = std::fs::metadata(source).ok().and_then(|m| i64::try_from(m.len()).ok());
        let too_large = match size {
            Some(size) => size > READ_AGAIN || version.bytes.is_some_and(|b| b != size),
            None => version.rows.saturating_mul(version.columns.len() as i64) > CELLS_AGAIN,
        };
        if too_large {
            continue;
        }
        let mut table = match data::load(source, &LoadOptions::default(), control) {
            Ok(table) => table,
            Err(error) if error.kind == Kind::Cancelled => return Err(error),
            Err(_) => continue,
        };
        let same = |(spec, column): (&data::ColumnSpec, &CatalogColumn)| {
            spec.name == column.name && spec.physical == column.physical
        };
        let alike =
            table.columns.len() == version.columns.len() && table.columns.iter().zip(&version.columns).all(same);
        if table.fingerprint == version.fingerprint && alike {
            for (spec, column) in table.columns.iter_mut().zip(&version.columns) {
                spec.meaning = column.meaning;
            }
            return Ok(Some(table));
        }
    }
    Ok(None)
}

/// One version with what is at hand of it.
struct AtHand<'a> {
    version: &'a Version,
    rows: Option<Dataset>,
    profile: Option<Profile>,
    shape: Option<DriftReference>,
}

impl<'a> AtHand<'a> {
    fn of(shop: &Workshop, entry: &Entry, version: &'a Version, control: &Control) -> Result<Self> {
        let rows = rows(entry, version, control)?;
        // What an older version wrote in another form, or what is damaged, counts for nothing.
        let profile = match (profile_of(shop, version).unwrap_or_default(), &rows) {
            (Some(profile), _) => Some(profile),
            (None, Some(rows)) => {
                let profile = data::profile(rows, None, control)?;
                super::note_profile(shop, &profile)?;
                Some(profile)
            }
            (None, None) => None,
        };
        let shape = distribution_of(shop, version).unwrap_or_default();
        Ok(Self { version, rows, profile, shape })
    }

    fn lacks(&self, what: &str) -> String {
        format!(
            "{what} of version {} are not at hand: {} no longer holds its bytes, and nothing usable was kept",
            self.version.number,
            data::brief(&self.version.source, 80)
        )
    }

    fn side(&self) -> Side {
        Side {
            version: self.version.number,
            fingerprint: self.version.fingerprint.clone(),
            source: self.version.source.clone(),
            rows: self.version.rows,
        }
    }
}

/// The drift between two versions with the words that say from what, or why it cannot be told.
fn drift(old: &AtHand<'_>, new: &AtHand<'_>, control: &Control) -> Result<(Option<DriftReport>, String)> {
    let has = |name: &str| new.version.columns.iter().any(|c| c.name == name);
    let options = DriftOptions::default();
    let before = match (&old.rows, &old.shape) {
        (Some(rows), _) if rows.rows() > 0 => {
            let specs: Vec<_> = rows.columns.iter().filter(|c| has(&c.name)).cloned().collect();
            Some((DriftReference::fit(&rows.frame, &specs, control)?, "all rows".to_owned()))
        }
        (_, Some(shape)) => {
            let mut shape = shape.clone();
            shape.columns.retain(|c| has(&c.name));
            let words = format!("the kept distribution ({} rows)", shape.rows);
            Some((shape, words))
        }
        _ => None,
    };
    let Some((before, old_words)) = before else { return Ok((None, old.lacks("rows and distribution"))) };
    if before.columns.is_empty() {
        return Ok((None, "the two versions have no column in common".into()));
    }
    let (report, new_words) = match (&new.rows, &new.shape) {
        (Some(rows), _) if rows.rows() > 0 => (before.compare(&rows.frame, &options, control)?, "all rows".to_owned()),
        (_, Some(shape)) => {
            (before.compare_shape(shape, &options, control)?, format!("the kept distribution ({} rows)", shape.rows))
        }
        _ => return Ok((None, new.lacks("rows and distribution"))),
    };
    let words =
        format!("from {old_words} of version {} and {new_words} of version {}", old.version.number, new.version.number);
    Ok((Some(report), words))
}

/// Compares two versions of a dataset; without names the last two.
///
/// # Errors
/// When there is no such dataset or version, or only one version, or the work is cancelled.
pub fn diff(shop: &Workshop, name: &str, versions: Option<(&str, &str)>, control: &Control) -> Result<VersionDiff> {
    let entry = show(shop, name)?;
    let (old, new) = match (versions, entry.versions.as_slice()) {
        (Some((old, new)), _) => (entry.version(old)?, entry.version(new)?),
        (None, [.., old, new]) => (old, new),
        (None, _) => {
            return Err(Error::usage(format!("{} has one version only", entry.name))
                .hint("Load or profile its new bytes first; the catalog then notes the second version"));
        }
    };
    let old = AtHand::of(shop, &entry, old, control)?;
    let new = AtHand::of(shop, &entry, new, control)?;
    let schema = schema_changes(&old.version.columns, &new.version.columns);
    let (columns, columns_missing) = match (&old.profile, &new.profile) {
        (Some(a), Some(b)) => (column_changes(a, b), None),
        (None, _) => (Vec::new(), Some(old.lacks("the numbers"))),
        (_, None) => (Vec::new(), Some(new.lacks("the numbers"))),
    };
    let (drift, drift_from) = drift(&old, &new, control)?;
    let moved = drift.as_ref().is_some_and(|d| d.verdict == health::Verdict::Drift);
    Ok(VersionDiff {
        dataset: entry.name.clone(),
        from: old.side(),
        to: new.side(),
        differs: !schema.is_empty() || moved,
        schema,
        columns,
        columns_missing,
        drift,
        drift_from,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Meaning, Physical};

    fn column(name: &str, physical: Physical, meaning: Meaning) -> CatalogColumn {
        CatalogColumn { name: name.into(), physical, meaning }
    }

    #[test]
    fn every_kind_of_schema_change_is_told_once() {
        let old = [
            column("same", Physical::Float, Meaning::Number),
            column("gone", Physical::String, Meaning::Text),
            column("type", Physical::Integer, Meaning::Number),
            column("meaning", Physical::Integer, Meaning::Number),
        ];
        let new = [
            column("new", Physical::Date, Meaning::DateTime),
            column("meaning", Physical::Integer, Meaning::Category),
            column("type", Physical::String, Meaning::Category),
            column("same", Physical::Float, Meaning::Number),
        ];
        let changes = schema_changes(&old, &new);
        let told: Vec<(&str, Change)> = changes.iter().map(|c| (c.column.as_str(), c.change)).collect();
        assert_eq!(
            told,
            [("gone", Change::Removed), ("type", Change::Type), ("meaning", Change::Meaning), ("new", Change::Added)]
        );
        assert_eq!(changes[1].to.as_deref(), Some("string, category"));
        assert!(schema_changes(&old, &old).is_empty());
    }
}
