//! Datasets, their versions and their lineage. A version is known by the fingerprint of its bytes, so that the same bytes
//! seen again, under whatever name, never make a second one.

use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::{Store, now_ms};
use crate::error::Result;

/// A dataset: a name under which versions are kept together, and what people say about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetRow {
    /// Its number in this workspace.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Who answers for it; empty when nobody is named.
    pub owner: String,
    /// What it is; empty when nobody has said.
    pub description: String,
    /// Its tags, as a JSON array.
    pub tags: String,
    /// How careful to be with it; empty when nobody has said.
    pub sensitivity: String,
    /// When it was first seen.
    pub created_ms: i64,
    /// When it was last described or got a new version.
    pub updated_ms: i64,
}

/// One version of a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRow {
    /// SHA-256 of the bytes.
    pub fingerprint: String,
    /// The dataset.
    pub dataset: i64,
    /// Its number within the dataset, from 1.
    pub number: i64,
    /// Where it was first read from, without secrets.
    pub source: String,
    /// Rows.
    pub rows: i64,
    /// Size of the source, where it is known.
    pub bytes: Option<i64>,
    /// The columns, as JSON.
    pub columns: String,
    /// Digest of its profile's file, when one was made.
    pub profile: Option<String>,
    /// Digest of the file with the distribution of its columns, when one was made.
    pub distribution: Option<String>,
    /// When it was first seen.
    pub first_seen_ms: i64,
    /// When it was last seen.
    pub last_seen_ms: i64,
}

/// Something that was read.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// The name that a new dataset gets.
    pub name: &'a str,
    /// Where it was read from, as the user wrote it, without secrets.
    pub source: &'a str,
    /// The same place, however it is written (a file's absolute path); `None` when it cannot be read again (standard input).
    pub place: Option<&'a str>,
    /// SHA-256 of the bytes.
    pub fingerprint: &'a str,
    /// Rows.
    pub rows: i64,
    /// Size, where it is known.
    pub bytes: Option<i64>,
    /// The columns, as JSON.
    pub columns: &'a str,
    /// Whether the columns were corrected by hand, so that they replace those kept for the same bytes.
    pub corrected: bool,
    /// Digest of the profile's file.
    pub profile: Option<&'a str>,
    /// Digest of the file with the columns' distribution.
    pub distribution: Option<&'a str>,
}

/// A step of lineage between two things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgeRow {
    /// What kind of thing it begins at (`version`, `run`).
    pub from_kind: String,
    /// Which one.
    pub from_id: String,
    /// What was done, one word.
    pub what: String,
    /// What kind of thing it leads to.
    pub to_kind: String,
    /// Which one.
    pub to_id: String,
    /// The rest, as JSON.
    pub detail: String,
    /// When.
    pub at_ms: i64,
}

const DATASET: &str = "SELECT id, name, owner, description, tags, sensitivity, created_ms, updated_ms FROM datasets";
const VERSION: &str = "SELECT fingerprint, dataset, number, source, rows, bytes, columns, profile, distribution, \
                       first_seen_ms, last_seen_ms FROM dataset_versions";

fn dataset(row: &Row<'_>) -> rusqlite::Result<DatasetRow> {
    Ok(DatasetRow {
        id: row.get(0)?,
        name: row.get(1)?,
        owner: row.get(2)?,
        description: row.get(3)?,
        tags: row.get(4)?,
        sensitivity: row.get(5)?,
        created_ms: row.get(6)?,
        updated_ms: row.get(7)?,
    })
}

fn version(row: &Row<'_>) -> rusqlite::Result<VersionRow> {
    Ok(VersionRow {
        fingerprint: row.get(0)?,
        dataset: row.get(1)?,
        number: row.get(2)?,
        source: row.get(3)?,
        rows: row.get(4)?,
        bytes: row.get(5)?,
        columns: row.get(6)?,
        profile: row.get(7)?,
        distribution: row.get(8)?,
        first_seen_ms: row.get(9)?,
        last_seen_ms: row.get(10)?,
    })
}

/// The dataset to which new bytes belong: the one their source belongs to, else one of the same name whose newest version
/// looks alike, else a new one under the first free name.
fn home(t: &Transaction<'_>, seen: &Seen<'_>, alike: &dyn Fn(&str) -> bool, now: i64) -> Result<i64> {
    let by_source = t
        .query_row("SELECT dataset FROM dataset_sources WHERE source = ?1", [seen.place], |row| row.get(0))
        .optional()?;
    if let Some(id) = by_source {
        return Ok(id);
    }
    let mut n = 1;
    loop {
        let name = if n == 1 { seen.name.to_owned() } else { format!("{}-{n}", seen.name) };
        n += 1;
        let Some(there) = t.query_row(&format!("{DATASET} WHERE name = ?1"), [&name], dataset).optional()? else {
            t.execute(
                "INSERT INTO datasets (name, owner, description, tags, sensitivity, created_ms, updated_ms)
                 VALUES (?1, '', '', '[]', '', ?2, ?2)",
                params![name, now],
            )?;
            return Ok(t.last_insert_rowid());
        };
        let newest = t
            .query_row(&format!("{VERSION} WHERE dataset = ?1 ORDER BY number DESC LIMIT 1"), [there.id], version)
            .optional()?;
        if newest.is_none_or(|v| alike(&v.columns)) {
            return Ok(there.id);
        }
    }
}

impl Store {
    /// Notes that something was read, in one transaction. Bytes that were seen before keep their version; what is new about
    /// them (a profile, corrected columns) is added. `alike` tells from the columns of a dataset's newest version whether
    /// bytes from another source with the same name belong to it. Returns the version and whether it is new.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn see(&mut self, seen: &Seen<'_>, alike: &dyn Fn(&str) -> bool) -> Result<(VersionRow, bool)> {
        let now = now_ms();
        self.transaction(|t| {
            let one = format!("{VERSION} WHERE fingerprint = ?1");
            let known = t.query_row(&one, [seen.fingerprint], version).optional()?;
            let fresh = known.is_none();
            let id = match &known {
                Some(known) => {
                    t.execute(
                        "UPDATE dataset_versions SET last_seen_ms = ?2, columns = CASE WHEN ?3 THEN ?4 ELSE columns END,
                         bytes = COALESCE(?5, bytes), profile = COALESCE(?6, profile),
                         distribution = COALESCE(?7, distribution) WHERE fingerprint = ?1",
                        params![
                            seen.fingerprint,
                            now,
                            seen.corrected,
                            seen.columns,
                            seen.bytes,
                            seen.profile,
                            seen.distribution
                        ],
                    )?;
                    known.dataset
                }
                None => {
                    let id = home(t, seen, alike, now)?;
                    t.execute(
                        "INSERT INTO dataset_versions VALUES (?1, ?2,
                         (SELECT COALESCE(MAX(number), 0) + 1 FROM dataset_versions WHERE dataset = ?2),
                         ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9)",
                        params![
                            seen.fingerprint,
                            id,
                            seen.source,
                            seen.rows,
                            seen.bytes,
                            seen.columns,
                            seen.profile,
                            seen.distribution,
                            now
                        ],
                    )?;
                    t.execute("UPDATE datasets SET updated_ms = ?2 WHERE id = ?1", params![id, now])?;
                    id
                }
            };
            if let Some(place) = seen.place {
                t.execute(
                    "INSERT INTO dataset_sources VALUES (?1, ?2, ?3)
                     ON CONFLICT (source) DO UPDATE SET last_seen_ms = ?3",
                    params![place, id, now],
                )?;
            }
            Ok((t.query_row(&one, [seen.fingerprint], version)?, fresh))
        })
    }

    /// All datasets by name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn datasets(&self) -> Result<Vec<DatasetRow>> {
        let mut query = self.db.prepare(&format!("{DATASET} ORDER BY name"))?;
        Ok(query.query_map([], dataset)?.collect::<rusqlite::Result<_>>()?)
    }

    /// The versions of all datasets, the oldest of each first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn versions(&self) -> Result<Vec<VersionRow>> {
        let mut query = self.db.prepare(&format!("{VERSION} ORDER BY dataset, number"))?;
        Ok(query.query_map([], version)?.collect::<rusqlite::Result<_>>()?)
    }

    /// One version.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn version(&self, fingerprint: &str) -> Result<Option<VersionRow>> {
        Ok(self.db.query_row(&format!("{VERSION} WHERE fingerprint = ?1"), [fingerprint], version).optional()?)
    }

    /// The sources of all datasets as (source, dataset), the last seen first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn sources(&self) -> Result<Vec<(String, i64)>> {
        let mut query =
            self.db.prepare("SELECT source, dataset FROM dataset_sources ORDER BY last_seen_ms DESC, source")?;
        Ok(query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?)
    }

    /// Keeps what people say about a dataset. `change` gets the row as it is and changes it, within one transaction.
    ///
    /// # Errors
    /// When there is no dataset of this number, `change` refuses, the new name is taken, or the database cannot be written.
    pub fn describe_dataset(
        &mut self,
        id: i64,
        change: impl FnOnce(&mut DatasetRow) -> Result<()>,
    ) -> Result<DatasetRow> {
        self.transaction(|t| {
            let mut row = t.query_row(&format!("{DATASET} WHERE id = ?1"), [id], dataset)?;
            change(&mut row)?;
            row.updated_ms = now_ms();
            t.execute(
                "UPDATE datasets SET name = ?2, owner = ?3, description = ?4, tags = ?5, sensitivity = ?6,
                 updated_ms = ?7 WHERE id = ?1",
                params![id, row.name, row.owner, row.description, row.tags, row.sensitivity, row.updated_ms],
            )?;
            Ok(row)
        })
    }

    /// Makes the versions and sources of one dataset those of another; the emptied one goes away. Versions are numbered
    /// anew by the time they were first seen.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn merge_datasets(&mut self, from: i64, into: i64) -> Result<()> {
        self.transaction(|t| {
            let mut query =
                t.prepare(&format!("{VERSION} WHERE dataset IN (?1, ?2) ORDER BY first_seen_ms, number"))?;
            let all: Vec<VersionRow> = query.query_map([from, into], version)?.collect::<rusqlite::Result<_>>()?;
            drop(query);
            // Out of the way of each other first: (dataset, number) is unique at every moment.
            for (i, row) in all.iter().enumerate() {
                t.execute(
                    "UPDATE dataset_versions SET number = ?2 WHERE fingerprint = ?1",
                    params![row.fingerprint, -(i as i64) - 1],
                )?;
            }
            for (i, row) in all.iter().enumerate() {
                t.execute(
                    "UPDATE dataset_versions SET dataset = ?2, number = ?3 WHERE fingerprint = ?1",
                    params![row.fingerprint, into, i as i64 + 1],
                )?;
            }
            t.execute("UPDATE dataset_sources SET dataset = ?2 WHERE dataset = ?1", params![from, into])?;
            t.execute("DELETE FROM datasets WHERE id = ?1", [from])?;
            t.execute("UPDATE datasets SET updated_ms = ?2 WHERE id = ?1", params![into, now_ms()])?;
            Ok(())
        })
    }

    /// Records a step of lineage; the same step again replaces its detail.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn put_edge(&self, edge: &EdgeRow) -> Result<()> {
        self.db.execute(
            "INSERT INTO lineage VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (from_kind, from_id, what, to_kind, to_id) DO UPDATE SET detail = ?6, at_ms = ?7",
            params![edge.from_kind, edge.from_id, edge.what, edge.to_kind, edge.to_id, edge.detail, edge.at_ms],
        )?;
        Ok(())
    }

    /// All recorded steps of lineage, the oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn edges(&self) -> Result<Vec<EdgeRow>> {
        let mut query = self.db.prepare(
            "SELECT from_kind, from_id, what, to_kind, to_id, detail, at_ms FROM lineage ORDER BY at_ms, from_id, to_id",
        )?;
        let edge = |row: &Row<'_>| {
            Ok(EdgeRow {
                from_kind: row.get(0)?,
                from_id: row.get(1)?,
                what: row.get(2)?,
                to_kind: row.get(3)?,
                to_id: row.get(4)?,
                detail: row.get(5)?,
                at_ms: row.get(6)?,
            })
        };
        Ok(query.query_map([], edge)?.collect::<rusqlite::Result<_>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen<'a>(name: &'a str, source: &'a str, fingerprint: &'a str) -> Seen<'a> {
        Seen {
            name,
            source,
            place: Some(source).filter(|s| *s != "-"),
            fingerprint,
            rows: 3,
            bytes: None,
            columns: "[]",
            corrected: false,
            profile: None,
            distribution: None,
        }
    }

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        (folder, store)
    }

    #[test]
    fn the_same_bytes_make_one_version_and_new_bytes_the_next() {
        let (_folder, mut store) = store();
        let see = |store: &mut Store, name: &str, source: &str, print: &str| {
            let (row, fresh) = store.see(&seen(name, source, print), &|_| true).unwrap();
            (row.dataset, row.number, fresh)
        };
        let (id, ..) = see(&mut store, "orders", "a/orders.csv", "f1");
        assert_eq!(see(&mut store, "orders", "a/orders.csv", "f1"), (id, 1, false));
        assert_eq!(see(&mut store, "orders", "a/orders.csv", "f2"), (id, 2, true));
        // Another place with the same name, and a copy under another name.
        assert_eq!(see(&mut store, "orders", "b/orders.csv", "f3"), (id, 3, true));
        assert_eq!(see(&mut store, "copy", "copy.csv", "f1"), (id, 1, false));
        // Going back to old bytes is no new version.
        assert_eq!(see(&mut store, "orders", "a/orders.csv", "f1"), (id, 1, false));
        assert_eq!(store.versions().unwrap().len(), 3);
        assert_eq!(store.sources().unwrap().len(), 3);
    }

    #[test]
    fn another_table_of_the_same_name_is_another_dataset() {
        let (_folder, mut store) = store();
        let (a, _) = store.see(&seen("data", "a/data.csv", "f1"), &|_| false).unwrap();
        let (b, _) = store.see(&seen("data", "b/data.csv", "f2"), &|_| false).unwrap();
        // A known source stays where it is, whatever it holds now.
        let (again, _) = store.see(&seen("data", "a/data.csv", "f3"), &|_| false).unwrap();
        assert!(a.dataset != b.dataset && again.dataset == a.dataset && again.number == 2);
        let names: Vec<String> = store.datasets().unwrap().into_iter().map(|d| d.name).collect();
        assert_eq!(names, ["data", "data-2"]);
        store.merge_datasets(b.dataset, a.dataset).unwrap();
        let numbers: Vec<i64> = store.versions().unwrap().iter().map(|v| v.number).collect();
        assert_eq!((numbers, store.datasets().unwrap().len()), (vec![1, 2, 3], 1));
    }

    #[test]
    fn standard_input_is_no_place() {
        let (_folder, mut store) = store();
        let (a, _) = store.see(&seen("input", "-", "f1"), &|_| false).unwrap();
        let (b, _) = store.see(&seen("input", "-", "f2"), &|_| false).unwrap();
        assert!(a.dataset != b.dataset && store.sources().unwrap().is_empty());
    }

    #[test]
    fn what_comes_later_is_added_and_corrections_stay() {
        let (_folder, mut store) = store();
        store.see(&Seen { columns: "[1]", corrected: true, ..seen("d", "d.csv", "f") }, &|_| true).unwrap();
        let (row, _) = store.see(&Seen { profile: Some("p"), ..seen("d", "d.csv", "f") }, &|_| true).unwrap();
        let (row, _) = store.see(&Seen { bytes: Some(9), ..seen("d", "d.csv", &row.fingerprint) }, &|_| true).unwrap();
        assert_eq!((row.columns.as_str(), row.profile.as_deref(), row.bytes), ("[1]", Some("p"), Some(9)));
        store
            .describe_dataset(row.dataset, |d| {
                d.owner = "ana".into();
                Ok(())
            })
            .unwrap();
        assert_eq!(store.datasets().unwrap()[0].owner, "ana");
    }

    #[test]
    fn a_workspace_of_the_first_shape_is_brought_up() {
        let (folder, store) = store();
        store
            .db
            .execute_batch(
                "DROP TABLE lineage; DROP TABLE dataset_sources; DROP TABLE dataset_versions; DROP TABLE datasets;
             PRAGMA user_version = 1;",
            )
            .unwrap();
        drop(store);
        let store = Store::open(folder.path()).unwrap();
        assert!(store.datasets().unwrap().is_empty() && store.edges().unwrap().is_empty());
    }
}
