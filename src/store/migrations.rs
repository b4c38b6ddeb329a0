//! Numbered steps of the database's shape. They are only ever added to; a step that has shipped is never edited.

use rusqlite::{Connection, TransactionBehavior};

use crate::error::{Error, Result};

const STEPS: &[&str] = &[
    // 1: walks, their steps, runs, pushes, and the audit log.
    "CREATE TABLE walks (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, flow TEXT NOT NULL,
        created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL
     ) STRICT;
     CREATE TABLE steps (
        walk TEXT NOT NULL REFERENCES walks(id), step TEXT NOT NULL, state TEXT NOT NULL, record TEXT NOT NULL,
        updated_ms INTEGER NOT NULL, PRIMARY KEY (walk, step)
     ) STRICT;
     CREATE TABLE runs (
        id TEXT PRIMARY KEY, walk TEXT NOT NULL REFERENCES walks(id), estimator TEXT NOT NULL, state TEXT NOT NULL,
        record TEXT NOT NULL, created_ms INTEGER NOT NULL
     ) STRICT;
     CREATE INDEX runs_of_walk ON runs(walk);
     CREATE TABLE pushes (
        run TEXT NOT NULL REFERENCES runs(id), target TEXT NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL,
        record TEXT NOT NULL, updated_ms INTEGER NOT NULL, PRIMARY KEY (run, target, name)
     ) STRICT;
     CREATE TABLE audit (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, who TEXT NOT NULL, action TEXT NOT NULL,
        subject TEXT NOT NULL, detail TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL UNIQUE
     ) STRICT;
     CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
        BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
     CREATE TRIGGER audit_is_never_shortened BEFORE DELETE ON audit
        BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;",
    CATALOG,
];

// The catalog: datasets, their versions by fingerprint, the sources that lead to them, and lineage that runs and pushes
// do not tell by themselves.
const CATALOG: &str = "CREATE TABLE datasets (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, owner TEXT NOT NULL, description TEXT NOT NULL,
        tags TEXT NOT NULL, sensitivity TEXT NOT NULL, created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL
     ) STRICT;
     CREATE TABLE dataset_versions (
        fingerprint TEXT PRIMARY KEY, dataset INTEGER NOT NULL REFERENCES datasets(id), number INTEGER NOT NULL,
        source TEXT NOT NULL, rows INTEGER NOT NULL, bytes INTEGER, columns TEXT NOT NULL, profile TEXT,
        distribution TEXT, first_seen_ms INTEGER NOT NULL, last_seen_ms INTEGER NOT NULL, UNIQUE (dataset, number)
     ) STRICT;
     CREATE TABLE dataset_sources (
        source TEXT PRIMARY KEY, dataset INTEGER NOT NULL REFERENCES datasets(id), last_seen_ms INTEGER NOT NULL
     ) STRICT;
     CREATE TABLE lineage (
        from_kind TEXT NOT NULL, from_id TEXT NOT NULL, what TEXT NOT NULL, to_kind TEXT NOT NULL, to_id TEXT NOT NULL,
        detail TEXT NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (from_kind, from_id, what, to_kind, to_id)
     ) STRICT;
     CREATE INDEX lineage_to ON lineage(to_kind, to_id);";

/// Brings the database up to the newest step.
pub(super) fn run(db: &mut Connection) -> Result<()> {
    let version = |db: &Connection| db.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0));
    let newest = STEPS.len() as i64;
    if version(db)? == newest {
        return Ok(());
    }
    // Another process may be upgrading at the same moment: look again once the write lock is ours.
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let have = version(&transaction)?;
    if have > newest {
        return Err(Error::local(format!(
            "the workspace was made by a newer Pilothouse (its shape is {have}, ours {newest})"
        ))
        .hint("Use the newer version, or another workspace"));
    }
    for step in STEPS.iter().skip(usize::try_from(have).unwrap_or(0)) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", newest)?;
    transaction.commit()?;
    Ok(())
}
