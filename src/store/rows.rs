//! The rows of the database. Records are JSON that the rooms above define.

use rusqlite::{OptionalExtension, Row, params};

use super::{Store, now_ms};
use crate::error::Result;

/// A walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalkRow {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The flow as JSON.
    pub flow: String,
    /// When it began.
    pub created_ms: i64,
    /// When it last changed.
    pub updated_ms: i64,
}

/// The state of one step of a walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRow {
    /// The step's name.
    pub step: String,
    /// `done`, `failed`, `running`…
    pub state: String,
    /// What the step left, as JSON.
    pub record: String,
    /// When it last changed.
    pub updated_ms: i64,
}

/// A training run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRow {
    /// Its id: a hash of everything that decides its result.
    pub id: String,
    /// The walk that it belongs to.
    pub walk: String,
    /// The estimator's name.
    pub estimator: String,
    /// `done` or `failed`.
    pub state: String,
    /// Everything known about it, as JSON.
    pub record: String,
    /// When it was recorded.
    pub created_ms: i64,
}

/// A push of a run to a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushRow {
    /// The run.
    pub run: String,
    /// The registry.
    pub target: String,
    /// The registered model's name.
    pub name: String,
    /// `started`, `done` or `failed`.
    pub state: String,
    /// The receipt, as JSON.
    pub record: String,
    /// When it last changed.
    pub updated_ms: i64,
}

fn walk(row: &Row<'_>) -> rusqlite::Result<WalkRow> {
    Ok(WalkRow {
        id: row.get(0)?,
        name: row.get(1)?,
        flow: row.get(2)?,
        created_ms: row.get(3)?,
        updated_ms: row.get(4)?,
    })
}

fn run(row: &Row<'_>) -> rusqlite::Result<RunRow> {
    Ok(RunRow {
        id: row.get(0)?,
        walk: row.get(1)?,
        estimator: row.get(2)?,
        state: row.get(3)?,
        record: row.get(4)?,
        created_ms: row.get(5)?,
    })
}

const RUN: &str = "SELECT id, walk, estimator, state, record, created_ms FROM runs";

impl Store {
    /// Adds a walk, or changes its name and flow.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn put_walk(&self, row: &WalkRow) -> Result<()> {
        self.db.execute(
            "INSERT INTO walks VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (id) DO UPDATE SET name = ?2, flow = ?3, updated_ms = ?5",
            params![row.id, row.name, row.flow, row.created_ms, row.updated_ms],
        )?;
        Ok(())
    }

    /// All walks, the last changed first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn walks(&self) -> Result<Vec<WalkRow>> {
        let mut query =
            self.db.prepare("SELECT id, name, flow, created_ms, updated_ms FROM walks ORDER BY updated_ms DESC, id")?;
        Ok(query.query_map([], walk)?.collect::<rusqlite::Result<_>>()?)
    }

    /// One walk.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn walk(&self, id: &str) -> Result<Option<WalkRow>> {
        Ok(self
            .db
            .query_row("SELECT id, name, flow, created_ms, updated_ms FROM walks WHERE id = ?1", [id], walk)
            .optional()?)
    }

    /// Sets the state of a step, and marks the walk as changed.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn put_step(&mut self, walk: &str, step: &str, state: &str, record: &str) -> Result<()> {
        let now = now_ms();
        self.transaction(|t| {
            t.execute(
                "INSERT INTO steps VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (walk, step) DO UPDATE SET state = ?3, record = ?4, updated_ms = ?5",
                params![walk, step, state, record, now],
            )?;
            t.execute("UPDATE walks SET updated_ms = ?2 WHERE id = ?1", params![walk, now])?;
            Ok(())
        })
    }

    /// Forgets steps (their inputs changed).
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn forget_steps(&mut self, walk: &str, steps: &[&str]) -> Result<()> {
        self.transaction(|t| {
            for step in steps {
                t.execute("DELETE FROM steps WHERE walk = ?1 AND step = ?2", params![walk, step])?;
            }
            Ok(())
        })
    }

    /// The steps of a walk that have a state.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn steps(&self, walk: &str) -> Result<Vec<StepRow>> {
        let mut query =
            self.db.prepare("SELECT step, state, record, updated_ms FROM steps WHERE walk = ?1 ORDER BY step")?;
        Ok(query
            .query_map([walk], |row| {
                Ok(StepRow { step: row.get(0)?, state: row.get(1)?, record: row.get(2)?, updated_ms: row.get(3)? })
            })?
            .collect::<rusqlite::Result<_>>()?)
    }

    /// Records a run. The same run recorded twice (by two processes, say) stays one row and belongs to the latest walk.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn put_run(&self, row: &RunRow) -> Result<()> {
        self.db.execute(
            "INSERT INTO runs VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (id) DO UPDATE SET walk = ?2, state = ?4, record = ?5",
            params![row.id, row.walk, row.estimator, row.state, row.record, row.created_ms],
        )?;
        Ok(())
    }

    /// Runs whose id begins with `prefix`, the oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn runs_like(&self, prefix: &str) -> Result<Vec<RunRow>> {
        let mut query =
            self.db.prepare(&format!("{RUN} WHERE substr(id, 1, length(?1)) = ?1 ORDER BY created_ms, id"))?;
        Ok(query.query_map([prefix], run)?.collect::<rusqlite::Result<_>>()?)
    }

    /// Records the state of a push.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn put_push(&self, row: &PushRow) -> Result<()> {
        self.db.execute(
            "INSERT INTO pushes VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (run, target, name) DO UPDATE SET state = ?4, record = ?5, updated_ms = ?6",
            params![row.run, row.target, row.name, row.state, row.record, row.updated_ms],
        )?;
        Ok(())
    }

    /// All pushes of a run.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn pushes(&self, run: &str) -> Result<Vec<PushRow>> {
        let mut query = self.db.prepare(
            "SELECT run, target, name, state, record, updated_ms FROM pushes WHERE run = ?1 ORDER BY updated_ms",
        )?;
        Ok(query
            .query_map([run], |row| {
                Ok(PushRow {
                    run: row.get(0)?,
                    target: row.get(1)?,
                    name: row.get(2)?,
                    state: row.get(3)?,
                    record: row.get(4)?,
                    updated_ms: row.get(5)?,
                })
            })?
            .collect::<rusqlite::Result<_>>()?)
    }
}
