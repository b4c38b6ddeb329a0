//! A walk that is open on the screen.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use crate::chart::Chart;
use crate::console::keys::Context;
use crate::console::views::{Tab, Views};
use crate::data::{Associations, Missingness, Preview};
use crate::error::Error;
use crate::flow::record::RunRecord;
use crate::flow::spec::{PushSpec, WatchSpec};
use crate::flow::view::{Desk, Held};
use crate::flow::{ColumnChart, Flow, Step, StepState};
use crate::jobs::JobId;

use super::work::{ChartKey, LiveRuns};

/// The work that runs for a walk.
#[derive(Debug)]
pub struct WalkJob {
    /// Its id.
    pub id: JobId,
    /// The step that it does.
    pub step: Step,
    /// Whether a newer job of this sort replaces it.
    pub replaceable: bool,
    /// The choices to go back to when it fails.
    pub before: Option<Flow>,
}

/// A walk that is open on the screen.
#[derive(Debug)]
pub struct WalkState {
    /// What its steps left.
    pub desk: Desk,
    /// The table, when it is in memory.
    pub held: Option<Held>,
    /// The first rows, to look at while the whole is read.
    pub preview: Option<Preview>,
    /// The step on the screen.
    pub step: Step,
    /// The work that runs for it.
    pub job: Option<WalkJob>,
    /// The step that failed last, and why.
    pub problem: Option<(Step, Error)>,
    /// Runs of the training that runs, or of one that was stopped.
    pub live: Vec<RunRecord>,
    /// Where that training puts its runs.
    pub live_source: LiveRuns,
    /// When each candidate was first heard of.
    pub begun: BTreeMap<String, Instant>,
    /// Runs marked for charts and side by side.
    pub marked: BTreeSet<String>,
    /// Charts drawn up so far.
    pub charts: BTreeMap<ChartKey, Chart>,
    /// Which columns go together, once that was asked for.
    pub related: Option<Associations>,
    /// Where values are missing, once that was asked for.
    pub gaps: Option<Missingness>,
    /// The chart of a column that was drawn up last.
    pub column: Option<(String, ColumnChart, Chart)>,
    /// What would be pushed.
    pub push: PushSpec,
    /// What would be watched.
    pub watch: WatchSpec,
    /// The views' cursors.
    pub views: Views,
}

impl WalkState {
    /// A walk as it was left, on the first step that is not done.
    #[must_use]
    pub fn new(desk: Desk) -> Self {
        let flow = &desk.walk.flow;
        let push = match (&desk.push, &flow.push) {
            (Some(done), _) => PushSpec { to: done.to.clone(), name: done.name.clone(), alias: done.alias.clone() },
            (None, Some(spec)) => spec.clone(),
            (None, None) => PushSpec { to: "models".into(), name: flow.name.clone(), alias: Some("champion".into()) },
        };
        let watch = flow.watch.clone().unwrap_or_default();
        let step = if desk.walk.state(Step::Load) == StepState::Done { desk.walk.here() } else { Step::Load };
        Self {
            held: None,
            preview: None,
            step,
            job: None,
            problem: None,
            live: Vec::new(),
            live_source: LiveRuns::default(),
            begun: BTreeMap::new(),
            marked: BTreeSet::new(),
            charts: BTreeMap::new(),
            related: None,
            gaps: None,
            column: None,
            push,
            watch,
            views: Views::default(),
            desk,
        }
    }

    /// The context of the step on the screen.
    #[must_use]
    pub fn context(&self) -> Context {
        match self.step {
            Step::Load => Context::Load,
            Step::Inspect if self.views.inspect.tab == Tab::Rows => Context::Rows,
            Step::Inspect => Context::Inspect,
            Step::Prepare => Context::Prepare,
            Step::Train => Context::Train,
            Step::Compare => Context::Compare,
            Step::Test => Context::Test,
            Step::Approve => Context::Approve,
            Step::Push => Context::Push,
            Step::Watch => Context::Watch,
        }
    }

    /// How a step stands.
    #[must_use]
    pub fn state(&self, step: Step) -> StepState {
        self.desk.walk.state(step)
    }

    /// Whether work for `step` runs.
    #[must_use]
    pub fn runs(&self, step: Step) -> bool {
        self.job.as_ref().is_some_and(|j| j.step == step)
    }

    /// Why `step` failed, when it did.
    #[must_use]
    pub fn problem(&self, step: Step) -> Option<&Error> {
        self.problem.as_ref().filter(|(s, _)| *s == step).map(|(_, e)| e)
    }

    /// Whether the table in memory is the one of this key.
    #[must_use]
    pub fn shows(&self, rows: &str) -> bool {
        self.held.as_ref().is_some_and(|held| held.rows_key() == rows)
    }

    /// The chart of a column, when it is drawn up.
    #[must_use]
    pub fn column_chart(&self, name: &str, chart: ColumnChart) -> Option<&Chart> {
        self.column.as_ref().filter(|(n, c, _)| n == name && *c == chart).map(|(.., chart)| chart)
    }

    /// The names of the columns, from the table or from what loading left.
    #[must_use]
    pub fn columns(&self) -> &[crate::data::ColumnSpec] {
        match (&self.held, &self.desk.load) {
            (Some(held), _) => &held.dataset.columns,
            (None, Some(load)) => &load.columns,
            (None, None) => &[],
        }
    }
}
