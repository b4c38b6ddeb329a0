//! A workspace as the use cases see it: walks, steps with their states, and runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::record::{RunRecord, TrainRecord};
use super::spec::Flow;
use super::step::{Step, StepState};
use crate::error::{Error, Result};
use crate::store::{RunRow, Store, WalkRow, now_ms, sha256};

/// Opens the store anew for each use case, so that it can be shared between threads.
#[derive(Debug, Clone)]
pub struct Workshop {
    root: PathBuf,
}

/// A walk with the state of each of its steps.
#[derive(Debug, Clone, PartialEq)]
pub struct Walk {
    /// Its id.
    pub id: String,
    /// Its choices.
    pub flow: Flow,
    /// How each step stands.
    pub states: BTreeMap<Step, StepState>,
    /// When it last changed, in milliseconds since 1970.
    pub updated_ms: i64,
}

impl Walk {
    /// How a step stands.
    #[must_use]
    pub fn state(&self, step: Step) -> StepState {
        self.states.get(&step).copied().unwrap_or(StepState::Open)
    }

    /// The first step that is not done.
    #[must_use]
    pub fn here(&self) -> Step {
        Step::ALL.into_iter().find(|s| self.state(*s) != StepState::Done).unwrap_or(Step::Watch)
    }
}

/// A step's record as stored: the key of the choices it was made with, and what it left.
#[derive(Debug, Serialize, serde::Deserialize)]
struct Kept<T> {
    key: String,
    record: T,
}

impl Workshop {
    /// Opens the workspace in the folder `root`, making it when it is not there.
    ///
    /// # Errors
    /// When the folder cannot be written or is damaged.
    pub fn open(root: &Path) -> Result<Self> {
        Store::open(root)?;
        Ok(Self { root: root.to_owned() })
    }

    /// The workspace's folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn store(&self) -> Result<Store> {
        Store::open(&self.root)
    }

    /// A walk that is not kept, to check a flow before it changes anything.
    pub(super) fn draft(&self, flow: &Flow) -> Walk {
        let id = sha256(flow.name.as_bytes())[..8].to_owned();
        Walk { id, flow: flow.clone(), states: BTreeMap::new(), updated_ms: now_ms() }
    }

    /// Begins a walk, or takes up the one of the same name. Steps whose choices are unchanged stay done.
    ///
    /// # Errors
    /// When the workspace cannot be written, the flow holds a password, or a file that it names cannot be read.
    pub fn begin(&self, flow: &Flow) -> Result<Walk> {
        let flow = &flow.pinned()?;
        if let Some(push) = &flow.push {
            push.check()?;
        }
        flow.check_secrets()?;
        let id = sha256(flow.name.as_bytes())[..8].to_owned();
        let store = self.store()?;
        let created_ms = store.walk(&id)?.map_or_else(now_ms, |w| w.created_ms);
        store.put_walk(&WalkRow {
            id: id.clone(),
            name: flow.name.clone(),
            flow: serde_json::to_string(flow)?,
            created_ms,
            updated_ms: now_ms(),
        })?;
        self.walk(&id)
    }

    /// All walks, the last changed first.
    ///
    /// # Errors
    /// When the workspace cannot be read.
    pub fn walks(&self) -> Result<Vec<Walk>> {
        self.store()?.walks()?.into_iter().map(|row| self.read_walk(row)).collect()
    }

    /// One walk.
    ///
    /// # Errors
    /// When there is none of this id.
    pub fn walk(&self, id: &str) -> Result<Walk> {
        let row = self.store()?.walk(id)?.ok_or_else(|| Error::input(format!("there is no walk `{id}`")))?;
        self.read_walk(row)
    }

    fn read_walk(&self, row: WalkRow) -> Result<Walk> {
        let flow: Flow = serde_json::from_str(&row.flow)?;
        let mut states = BTreeMap::new();
        for kept in self.store()?.steps(&row.id)? {
            let Some(step) = Step::from_name(&kept.step) else { continue };
            let same =
                serde_json::from_str::<Kept<serde_json::Value>>(&kept.record).is_ok_and(|k| k.key == step.key(&flow));
            let state = match (same, kept.state.as_str()) {
                (false, _) => StepState::Stale,
                (true, "refused") => StepState::Refused,
                (true, _) => StepState::Done,
            };
            states.insert(step, state);
        }
        Ok(Walk { id: row.id, flow, states, updated_ms: row.updated_ms })
    }

    /// Keeps what a step left, with the key of the choices that it was made with.
    pub(super) fn keep<T: Serialize>(&self, walk: &Walk, step: Step, refused: bool, record: &T) -> Result<()> {
        let kept = Kept { key: step.key(&walk.flow), record };
        let state = if refused { "refused" } else { "done" };
        self.store()?.put_step(&walk.id, step.name(), state, &serde_json::to_string(&kept)?)
    }

    /// What a step left, when that still holds.
    ///
    /// # Errors
    /// When the workspace cannot be read.
    pub fn left<T: DeserializeOwned>(&self, walk: &Walk, step: Step) -> Result<Option<T>> {
        for row in self.store()?.steps(&walk.id)? {
            if row.step == step.name() {
                let kept: Kept<serde_json::Value> = serde_json::from_str(&row.record)?;
                if kept.key == step.key(&walk.flow) {
                    return Ok(Some(serde_json::from_value(kept.record)?));
                }
            }
        }
        Ok(None)
    }

    /// What a step left.
    ///
    /// # Errors
    /// When the step was not done or no longer holds; the message names the step to do.
    pub fn need<T: DeserializeOwned>(&self, walk: &Walk, step: Step) -> Result<T> {
        self.left(walk, step)?.ok_or_else(|| {
            Error::usage(format!("the walk `{}` has not done the step {step} yet", walk.flow.name))
                .hint(format!("Do {step} first"))
        })
    }

    pub(super) fn forget(&self, walk: &Walk, steps: &[Step]) -> Result<()> {
        let names: Vec<&str> = steps.iter().map(|s| s.name()).collect();
        self.store()?.forget_steps(&walk.id, &names)
    }

    pub(super) fn keep_run(&self, run: &RunRecord) -> Result<()> {
        let state = serde_json::to_value(run.status)?;
        self.store()?.put_run(&RunRow {
            id: run.id.clone(),
            walk: run.walk.clone(),
            estimator: run.model.clone(),
            state: state.as_str().unwrap_or_default().to_owned(),
            record: serde_json::to_string(run)?,
            created_ms: run.created_ms,
        })
    }

    /// All runs, the oldest first.
    ///
    /// # Errors
    /// When the workspace cannot be read.
    pub fn runs(&self) -> Result<Vec<RunRecord>> {
        self.runs_like("")
    }

    fn runs_like(&self, prefix: &str) -> Result<Vec<RunRecord>> {
        self.store()?.runs_like(prefix)?.iter().map(|row| Ok(serde_json::from_str(&row.record)?)).collect()
    }

    /// A run by its id, a unique prefix of one, or `best`: the best of the walk that changed last.
    ///
    /// # Errors
    /// When there is none, or more than one fits.
    pub fn run(&self, name: &str) -> Result<RunRecord> {
        if name == "best" {
            for walk in self.walks()? {
                if let Some(trained) = self.left::<TrainRecord>(&walk, Step::Train)? {
                    return self.run(&trained.best);
                }
            }
            return Err(Error::input("nothing has been trained in this workspace yet")
                .hint("Run `pilothouse train SOURCE --target COLUMN` first"));
        }
        let mut found = self.runs_like(name)?;
        match found.len() {
            1 => Ok(found.remove(0)),
            0 => Err(Error::input(format!("there is no run `{name}`"))
                .hint("`pilothouse runs` lists them; a run is named by its id, a unique prefix of it, or `best`")),
            n => Err(Error::input(format!("`{name}` fits {n} runs")).hint("Give more letters of the id")),
        }
    }

    pub(super) fn put_json<T: Serialize>(&self, value: &T) -> Result<String> {
        self.store()?.put_file(&serde_json::to_vec(value)?)
    }

    pub(super) fn get_json<T: DeserializeOwned>(&self, digest: &str) -> Result<T> {
        Ok(serde_json::from_slice(&self.store()?.get_file(digest)?)?)
    }
}
