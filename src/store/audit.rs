//! The append-only audit log. Each entry carries the hash of the one before.

use rusqlite::{OptionalExtension, Row, params};

use super::{Store, now_ms};
use crate::error::Result;

/// One entry as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// Position, from 1.
    pub seq: i64,
    /// When.
    pub at_ms: i64,
    /// Who, as `user@host`.
    pub who: String,
    /// What was done, one word.
    pub action: String,
    /// To what: a digest or a run id.
    pub subject: String,
    /// The rest, as JSON.
    pub detail: String,
    /// Hash of the entry before (empty for the first).
    pub previous: String,
    /// Hash of this entry.
    pub hash: String,
}

fn entry(row: &Row<'_>) -> rusqlite::Result<AuditRow> {
    Ok(AuditRow {
        seq: row.get(0)?,
        at_ms: row.get(1)?,
        who: row.get(2)?,
        action: row.get(3)?,
        subject: row.get(4)?,
        detail: row.get(5)?,
        previous: row.get(6)?,
        hash: row.get(7)?,
    })
}

const ENTRY: &str = "SELECT seq, at_ms, who, action, subject, detail, previous, hash FROM audit";

impl Store {
    /// Appends an entry. `seal` computes its hash from the entry with `previous` filled in and `hash` empty. Reading the
    /// last hash and writing the new entry is one transaction, so that two processes cannot fork the chain.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn append_audit(
        &mut self,
        who: &str,
        action: &str,
        subject: &str,
        detail: &str,
        seal: impl FnOnce(&AuditRow) -> String,
    ) -> Result<AuditRow> {
        self.transaction(|t| {
            let last = t.query_row(&format!("{ENTRY} ORDER BY seq DESC LIMIT 1"), [], entry).optional()?;
            let mut row = AuditRow {
                seq: last.as_ref().map_or(1, |l| l.seq + 1),
                at_ms: now_ms(),
                who: who.into(),
                action: action.into(),
                subject: subject.into(),
                detail: detail.into(),
                previous: last.map(|l| l.hash).unwrap_or_default(),
                hash: String::new(),
            };
            row.hash = seal(&row);
            t.execute(
                "INSERT INTO audit VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![row.seq, row.at_ms, row.who, row.action, row.subject, row.detail, row.previous, row.hash],
            )?;
            Ok(row)
        })
    }

    /// The whole log, the oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn audit(&self) -> Result<Vec<AuditRow>> {
        let mut query = self.db.prepare(&format!("{ENTRY} ORDER BY seq"))?;
        Ok(query.query_map([], entry)?.collect::<rusqlite::Result<_>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_chain_and_cannot_be_changed() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path()).unwrap();
        for n in 0..3 {
            store.append_audit("ana@box", "approve", "d", &n.to_string(), |row| format!("h{}", row.seq)).unwrap();
        }
        let log = store.audit().unwrap();
        assert_eq!(log[2].previous, log[1].hash);
        assert!(store.db.execute("UPDATE audit SET who = 'eve'", []).is_err());
        assert!(store.db.execute("DELETE FROM audit", []).is_err());
        assert_eq!(store.audit().unwrap(), log);
    }
}
