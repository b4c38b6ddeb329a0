//! The workspace: one folder with a SQLite database and content-addressed files.
//!
//! Everything that is written is either a row in a transaction or a file under the hash of its content, so that a
//! process killed at any moment leaves a workspace that opens. Several processes may use one workspace at once.

mod audit;
mod catalog;
mod files;
mod migrations;
mod rows;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, TransactionBehavior};

use crate::error::{Error, Result};

pub use audit::AuditRow;
pub use catalog::{DatasetRow, EdgeRow, Seen, VersionRow};
pub use files::sha256;
pub use rows::{PushRow, RunRow, StepRow, WalkRow};

/// The folder's name inside a project.
pub const FOLDER: &str = ".pilothouse";

/// An open workspace. Not shared between threads: each thread opens its own.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    db: Connection,
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        let hint = match &error {
            rusqlite::Error::SqliteFailure(e, _) if e.code == rusqlite::ErrorCode::DiskFull => {
                "Free some disk space and try again"
            }
            rusqlite::Error::SqliteFailure(e, _) if e.code == rusqlite::ErrorCode::DatabaseBusy => {
                "Another process is writing to it: try again"
            }
            rusqlite::Error::SqliteFailure(e, _)
                if matches!(e.code, rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt) =>
            {
                "The file pilothouse.db is damaged: move it away to start afresh; the models under files/ stay readable"
            }
            _ => "",
        };
        let local = Error::local(format!("workspace: {error}"));
        if hint.is_empty() { local } else { local.hint(hint) }
    }
}

impl Store {
    /// Opens the workspace at `root`, making or upgrading it as needed.
    ///
    /// # Errors
    /// When the folder cannot be written, or was made by a newer Pilothouse.
    pub fn open(root: &Path) -> Result<Self> {
        let place = |e: std::io::Error| {
            Error::local(format!("workspace {}: {e}", root.display()))
                .hint("Choose a folder that you can write to with --workspace")
        };
        for folder in ["files", "tmp"] {
            std::fs::create_dir_all(root.join(folder)).map_err(place)?;
        }
        let mut db = Connection::open(root.join("pilothouse.db"))?;
        db.busy_timeout(Duration::from_secs(10))?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        // FULL: a committed step survives a power cut.
        db.pragma_update(None, "synchronous", "FULL")?;
        db.pragma_update(None, "foreign_keys", true)?;
        migrations::run(&mut db)?;
        Ok(Self { root: root.to_owned(), db })
    }

    /// The workspace's folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Runs `work` in one immediate transaction: all of it is kept, or none.
    fn transaction<T>(&mut self, work: impl FnOnce(&rusqlite::Transaction<'_>) -> Result<T>) -> Result<T> {
        let transaction = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let result = work(&transaction)?;
        transaction.commit()?;
        Ok(result)
    }
}

/// The workspace that belongs to `start`: the nearest folder named [`FOLDER`] in it or above, else one to be made in it.
#[must_use]
pub fn find(start: &Path) -> PathBuf {
    start
        .ancestors()
        .map(|folder| folder.join(FOLDER))
        .find(|folder| folder.join("pilothouse.db").is_file())
        .unwrap_or_else(|| start.join(FOLDER))
}

/// Whether there is a workspace in this folder.
#[must_use]
pub fn is_workspace(root: &Path) -> bool {
    root.join("pilothouse.db").is_file()
}

/// Milliseconds since 1970.
#[must_use]
pub fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_opens_twice_and_finds_itself_from_below() {
        let folder = tempfile::tempdir().unwrap();
        let root = find(folder.path());
        let first = Store::open(&root).unwrap();
        let second = Store::open(&root).unwrap();
        first
            .put_walk(&WalkRow { id: "w1".into(), name: "a".into(), flow: "{}".into(), created_ms: 1, updated_ms: 1 })
            .unwrap();
        assert_eq!(second.walks().unwrap().len(), 1);
        let below = folder.path().join("deep/er");
        std::fs::create_dir_all(&below).unwrap();
        assert_eq!(find(&below), root);
    }

    #[test]
    fn rubbish_in_place_of_the_database_is_a_clear_error() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("pilothouse.db"), vec![7u8; 4096]).unwrap();
        let error = Store::open(folder.path()).unwrap_err();
        assert!(error.to_string().contains("damaged"), "{error}");
    }
}
