//! The whole walk without a person at the keyboard.

use serde::Serialize;

use crate::data::Profile;
use crate::engine::Control;
use crate::error::Result;
use crate::gate::{GateReport, Verdict as GateVerdict};
use crate::team::{Decision, Verdict};

use super::record::{CompareRecord, LoadRecord, PrepareRecord, RunRecord, TrainRecord};
use super::ship_steps::{PushRecord, chosen_run, decide, push_step, stands, test_step};
use super::spec::Flow;
use super::step::Step;
use super::train_step::{compare_step, train_step};
use super::watch_step::{WatchRecord, watch_step};
use super::workshop::{Walk, Workshop};
use super::{data_steps, record};

/// What a whole walk left.
#[derive(Debug, Clone, Serialize)]
pub struct WalkReport {
    /// The walk's name.
    pub walk: String,
    /// How far it came: the last step that was done.
    pub reached: Step,
    /// Why it stopped before the end, when it did.
    pub stopped: Option<String>,
    /// What was read.
    pub load: LoadRecord,
    /// How the rows were prepared.
    pub prepare: PrepareRecord,
    /// The runs.
    pub runs: Vec<RunRecord>,
    /// The id of the best.
    pub best: String,
    /// The best against the others.
    pub compare: CompareRecord,
    /// The gates.
    pub gate: GateReport,
    /// The decision.
    pub approve: Option<Decision>,
    /// The push.
    pub push: Option<PushRecord>,
    /// The watch.
    pub watch: Option<WatchRecord>,
}

/// Walks a flow from load to watch. Steps that were done before with the same choices are not repeated, so that a walk
/// that was cut off goes on where it stopped. It stops before the push when a gate fails or nobody approves.
///
/// # Errors
/// When a step fails, or when cancelled. What was done until then stays done.
pub fn run_walk(
    shop: &Workshop,
    flow: &Flow,
    control: &Control,
    on_step: &dyn Fn(Step),
    on_run: &dyn Fn(&RunRecord),
) -> Result<WalkReport> {
    on_step(Step::Load);
    let (walk, dataset) = data_steps::begin_checked(shop, flow, control)?;
    let load: LoadRecord = shop.need(&walk, Step::Load)?;

    on_step(Step::Inspect);
    if shop.left::<Profile>(&walk, Step::Inspect)?.is_none() {
        data_steps::inspect(shop, &walk, &dataset, control)?;
    }

    on_step(Step::Prepare);
    let (prepared, prepare) = data_steps::prepare_step(shop, &walk, &dataset, control)?;

    on_step(Step::Train);
    let (TrainRecord { best, .. }, runs) = train_step(shop, &walk, &dataset, &prepared, control, on_run)?;

    on_step(Step::Compare);
    let compare = match shop.left::<CompareRecord>(&walk, Step::Compare)? {
        Some(record) => record,
        None => compare_step(shop, &walk, None, control)?,
    };

    on_step(Step::Test);
    let run = chosen_run(shop, &walk)?;
    let gate = match shop.left::<GateReport>(&walk, Step::Test)?.filter(|g| g.run == run.id) {
        Some(report) => report,
        None => test_step(shop, &walk, &run, control)?,
    };
    let mut report = WalkReport {
        walk: flow.name.clone(),
        reached: Step::Test,
        stopped: None,
        load,
        prepare,
        runs,
        best,
        compare,
        gate,
        approve: None,
        push: None,
        watch: None,
    };

    on_step(Step::Approve);
    report.approve = approve(shop, &walk, &report.gate)?;
    match &report.approve {
        Some(decision) if decision.verdict == Verdict::Approved => report.reached = Step::Approve,
        Some(decision) => {
            report.stopped = Some(format!("run {} was rejected: {}", decision.run, decision.reason));
            return Ok(report);
        }
        None => {
            report.stopped = Some(if report.gate.verdict == GateVerdict::Fail {
                let failed: Vec<&str> = report.gate.failed().map(|g| g.name.as_str()).collect();
                format!("run {} failed the gates {}", run.id, failed.join(", "))
            } else {
                format!("run {} waits for approval: `pilothouse approve {} --reason TEXT`", run.id, run.id)
            });
            return Ok(report);
        }
    }

    if let Some(spec) = &flow.push {
        on_step(Step::Push);
        report.push = Some(push_step(shop, &walk, spec, control)?);
        report.reached = Step::Push;
    }
    if let Some(spec) = &flow.watch {
        on_step(Step::Watch);
        report.watch = Some(watch_step(shop, &walk, &run, spec, control)?);
        report.reached = Step::Watch;
    }
    Ok(report)
}

/// The decision that stands for this very package and its gates, or a new one when the flow says why.
fn approve(shop: &Workshop, walk: &Walk, gate: &GateReport) -> Result<Option<Decision>> {
    let before = shop.left::<Decision>(walk, Step::Approve)?.filter(|d| stands(d, gate));
    if before.is_some() {
        return Ok(before);
    }
    let spec = &walk.flow.approve;
    let blocked = gate.verdict == GateVerdict::Fail && spec.override_reason.is_none();
    match &spec.reason {
        Some(reason) if !blocked => {
            decide(shop, walk, Verdict::Approved, reason, spec.override_reason.as_deref()).map(Some)
        }
        _ => Ok(None),
    }
}

/// The runs of a walk's training, in the order of the candidates.
///
/// # Errors
/// When the workspace cannot be read.
pub fn runs_of(shop: &Workshop, walk: &Walk) -> Result<Vec<record::RunRecord>> {
    match shop.left::<TrainRecord>(walk, Step::Train)? {
        Some(trained) => trained.runs.iter().map(|id| shop.run(id)).collect(),
        None => Ok(Vec::new()),
    }
}
