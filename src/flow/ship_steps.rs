//! Test, approve, push: from a chosen run to a version in a registry.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::bundle::{self, Bundle, BundleInput, CardFacts, MetricFact};
use crate::data::recipe::{Action, Recipe};
use crate::data::{self, Profile, Severity, contract};
use crate::engine::Control;
use crate::error::{Error, Result};
use crate::gate::{
    self, BrokenRule, DataFacts as GateData, GateReport, ModelFacts, PackageFacts, RulesFact, data_gates, model_gates,
    package_gates,
};
use crate::model::{FittedModel, Task, leakage, metrics};
use crate::registry::{self, DatasetFacts, PushReceipt, PushRequest, RunFacts};
use crate::store::{AuditRow, PushRow, now_ms};
use crate::team::{AuditEntry, Decision, Identity, Verdict, seal, verify};

use super::data_steps::{LEAK, found_leaks, rules_report};
use super::record::{CompareRecord, PrepareRecord, RunRecord, TrainRecord};
use super::spec::PushSpec;
use super::step::Step;
use super::train_step::compare_two;
use super::workshop::{Walk, Workshop};

/// Rows scored to measure the time a row takes.
const TIMED_ROWS: usize = 1_000;

/// The run with which a walk goes on: the chosen one, else the best.
///
/// # Errors
/// When nothing was trained.
pub fn chosen_run(shop: &Workshop, walk: &Walk) -> Result<RunRecord> {
    let id = match shop.left::<CompareRecord>(walk, Step::Compare)? {
        Some(record) => record.chosen,
        None => shop.need::<TrainRecord>(walk, Step::Train)?.best,
    };
    shop.run(&id)
}

/// The portable package of a run, with the recipe that cleaned its rows and the contract of its walk. The same run and contract
/// always give the same bytes.
///
/// # Errors
/// When the run has no model, or cannot be expressed as ONNX.
pub fn package(shop: &Workshop, run: &RunRecord, name: &str) -> Result<Bundle> {
    let model = shop.model(run)?;
    let rows = shop.kept_rows(run)?;
    let example = rows.head(Some(5));
    let recipe = run.recipe.as_ref().map(|recipe| portable(recipe).to_toml()).transpose()?;
    let flow = shop.walk(&run.walk)?.flow;
    let contract = flow.load.rules()?.map(|rules| rules.to_toml()).transpose()?;
    let inputs = model.plan.inputs.iter().map(|i| i.name.clone()).collect();
    let card = CardFacts { derived: derived_for(&flow.derive, inputs), ..card_facts(run) };
    bundle::build(&BundleInput {
        model: &model,
        name,
        run_id: &run.id,
        example: &example,
        card: &card,
        recipe: recipe.as_deref(),
        contract: contract.as_deref(),
    })
}

/// The computed columns that some inputs are, or are made of, with their expressions.
fn derived_for(derive: &BTreeMap<String, String>, mut wanted: Vec<String>) -> Vec<(String, String)> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    while let Some(name) = wanted.pop() {
        if let Some(expression) = derive.get(&name).filter(|_| !found.contains_key(&name)) {
            wanted.extend(data::expression_columns(expression));
            found.insert(name, expression.clone());
        }
    }
    found.into_iter().collect()
}

/// The recipe without the secrets that an address of a joined table may hold.
fn portable(recipe: &Recipe) -> Recipe {
    let mut recipe = recipe.clone();
    for step in &mut recipe.steps {
        if let Action::Join { source, .. } = &mut step.action {
            *source = data::redact(source);
        }
    }
    recipe
}

fn card_facts(run: &RunRecord) -> CardFacts {
    CardFacts {
        source: run.data.source.clone(),
        fingerprint: run.data.fingerprint.clone(),
        rows: run.data.rows as u64,
        train_rows: run.data.train_rows as u64,
        test_rows: run.data.test_rows as u64,
        split: run.data.split.clone(),
        seed: Some(run.seed),
        parameters: run
            .params
            .iter()
            .map(|(k, v)| (k.clone(), v.to_string()))
            .chain(run.calibration.iter().map(|c| ("calibration".to_owned(), c.method.name().to_owned())))
            .collect(),
        metrics: run
            .metrics
            .iter()
            .map(|m| MetricFact { name: m.name.clone(), value: m.value, low: m.low, high: m.high })
            .collect(),
        left_out: run.left_out.iter().map(|l| (l.column.clone(), l.reason.clone())).collect(),
        intended_use: vec![format!(
            "Predicting `{}` for rows like those of {}: the same columns, gathered in the same way.",
            run.target, run.data.source
        )],
        limits: vec![
            "Judged on rows kept back from the same source. Watch it: other times and places may differ.".into(),
        ],
        trained_by: Some(run.by.to_string()),
        ..CardFacts::default()
    }
}

/// Runs the package's ONNX beside the native model on the rows kept back.
///
/// # Errors
/// When the package cannot be run at all, or when cancelled.
pub fn parity(shop: &Workshop, run: &RunRecord, package: &Bundle, control: &Control) -> Result<bundle::parity::Parity> {
    let onnx = package.files.get("model.onnx").ok_or_else(|| Error::local("the package holds no model.onnx"))?;
    bundle::parity::check(&shop.model(run)?, onnx, &shop.kept_rows(run)?, control)
}

/// Step test: the gates of all three stages for the chosen run. Independent of any walk's state but its records.
///
/// # Errors
/// When an earlier step is missing, or when cancelled. A failed gate is an answer, not an error.
pub fn test_step(shop: &Workshop, walk: &Walk, run: &RunRecord, control: &Control) -> Result<GateReport> {
    let t = &walk.flow.test;
    let prepared: PrepareRecord = shop.need(walk, Step::Prepare)?;
    let profile: Option<Profile> = shop.left(walk, Step::Inspect)?;
    control.report("test", Some(0.1), "data");
    let mut facts = data_facts(walk, &prepared, profile.as_ref(), run);
    if let Some(rules) = walk.flow.load.rules()? {
        facts.rules = Some(rules_fact(&rules_report(shop, walk, &rules, control)?));
    }
    let mut gates = data_gates(&facts, t);
    control.report("test", Some(0.3), "model");
    gates.extend(model_gates(&model_facts(shop, walk, run, control)?, t));
    control.report("test", Some(0.6), "package");
    let package = package(shop, run, &walk.flow.name)?;
    let parity = parity(shop, run, &package, control)?;
    let model = shop.model(run)?;
    let batch = shop.kept_rows(run)?.head(Some(TIMED_ROWS));
    let started = Instant::now();
    model.predict(&batch)?;
    let row_ms = started.elapsed().as_secs_f64() * 1e3 / batch.height().max(1) as f64;
    gates.extend(package_gates(
        &PackageFacts {
            parity_difference: parity.largest_difference,
            labels_differing: parity.labels_differing,
            parity_rows: parity.rows,
            row_ms,
            timed_rows: batch.height(),
            bytes: package.files.values().map(Vec::len).sum(),
            files: package.files.keys().cloned().collect(),
        },
        t,
    ));
    control.check()?;
    let report = GateReport::new(&run.id, &package.digest, gates);
    shop.keep(walk, Step::Test, report.verdict == gate::Verdict::Fail, &report)?;
    Ok(report)
}

fn data_facts(walk: &Walk, prepared: &PrepareRecord, profile: Option<&Profile>, run: &RunRecord) -> GateData {
    let model_columns = &prepared.features;
    let findings = profile.map(|p| p.findings.as_slice()).unwrap_or_default();
    let used = |column: &Option<String>| column.as_ref().is_none_or(|c| model_columns.contains(c));
    GateData {
        train_rows: run.data.train_rows,
        test_rows: run.data.test_rows,
        missing_share: prepared.missing_share,
        serious: findings
            .iter()
            // A second look at the table foretells what the split shares; the split that was made counts.
            .filter(|f| !leakage::CHECKS.contains(&f.check.as_ref()))
            .chain(&prepared.findings)
            .filter(|f| f.severity >= Severity::Serious && f.check != LEAK)
            // An entity on both sides concerns the judgement, whether or not the model reads its name.
            .filter(|f| used(&f.column) || prepared.findings.contains(f))
            .map(|f| format!("{} of {}", f.check, f.column.as_deref().unwrap_or("the table")))
            .collect(),
        leaks_used: profile
            .map(|p| found_leaks(&walk.flow, p))
            .unwrap_or_default()
            .into_iter()
            .filter(|c| model_columns.contains(c))
            .collect(),
        // What was not looked at cannot pass.
        feasible: profile.is_some_and(|p| p.feasibility.verdict != crate::data::FeasibilityVerdict::NotYet),
        feasibility: profile
            .map(|p| p.feasibility.reasons.iter().map(|r| r.message.clone()).collect::<Vec<_>>().join("; "))
            .unwrap_or_else(|| "the data were not inspected: do the step inspect".into()),
        rules: None,
    }
}

fn rules_fact(report: &contract::Report) -> RulesFact {
    let examples = |rule: &contract::Outcome| {
        let rows: Vec<String> = rule.examples.iter().map(|e| format!("row {}: {}", e.row, e.value)).collect();
        if rows.is_empty() { "no row in particular".to_owned() } else { rows.join("; ") }
    };
    RulesFact {
        contract: format!("{} {}", report.contract, report.version),
        asked: report.rules.len(),
        broken: report
            .broken(Severity::Serious)
            .map(|rule| BrokenRule {
                name: rule.rule.clone(),
                share: rule.share,
                allowed: rule.threshold,
                message: rule.message.clone(),
                examples: examples(rule),
            })
            .collect(),
    }
}

fn model_facts(shop: &Workshop, walk: &Walk, run: &RunRecord, control: &Control) -> Result<ModelFacts> {
    let trained: TrainRecord = shop.need(walk, Step::Train)?;
    let mut baseline = None;
    for id in &trained.runs {
        let other = shop.run(id)?;
        if other.model == "dummy" {
            baseline = Some(other);
        }
    }
    let baseline =
        baseline.ok_or_else(|| Error::local("the walk has no baseline run").hint("Repeat the step train"))?;
    let over_baseline = if baseline.id == run.id {
        None
    } else {
        Some(compare_two(shop, run, &baseline, control)?.test).map(|t| (t.low, t.high))
    };
    let higher = metrics::higher_is_better(&run.metric);
    let hold_out = shop.hold_out(run)?;
    let calibration_error = (run.task == Task::Binary)
        .then(|| metrics::one("ece", &hold_out.truth, &hold_out.prediction()))
        .filter(|e| e.is_finite());
    Ok(ModelFacts {
        metric: run.metric.clone(),
        higher_is_better: higher,
        value: run.score(),
        train_value: run.train_score,
        baseline: baseline.score(),
        perfect: if higher { 1.0 } else { 0.0 },
        over_baseline,
        calibration_error,
        metrics: run.metrics.iter().map(|m| (m.name.clone(), m.value, metrics::higher_is_better(&m.name))).collect(),
    })
}

/// An entry of the audit log, for people.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LogEntry {
    /// Position, from 1.
    pub seq: i64,
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// `user@host`.
    pub who: String,
    /// One word.
    pub action: String,
    /// A digest or a run id.
    pub subject: String,
    /// The rest.
    pub detail: serde_json::Value,
    /// The entry's hash.
    pub hash: String,
}

/// The parts of a stored entry that its hash covers.
fn sealed(row: &AuditRow) -> AuditEntry<'_> {
    AuditEntry {
        seq: row.seq,
        at_ms: row.at_ms,
        who: &row.who,
        action: &row.action,
        subject: &row.subject,
        detail: &row.detail,
        previous: &row.previous,
    }
}

impl Workshop {
    pub(super) fn log<T: Serialize>(&self, action: &str, subject: &str, detail: &T) -> Result<()> {
        let who = Identity::current().to_string();
        let detail = serde_json::to_string(detail)?;
        self.store()?.append_audit(&who, action, subject, &detail, |row| seal(&sealed(row)))?;
        Ok(())
    }

    /// The audit log, the oldest entry first, after its chain was checked.
    ///
    /// # Errors
    /// When the chain does not hold.
    pub fn audit(&self) -> Result<Vec<LogEntry>> {
        let rows = self.store()?.audit()?;
        verify(rows.iter().map(|row| (sealed(row), row.hash.as_str())))?;
        rows.into_iter()
            .map(|row| {
                Ok(LogEntry {
                    seq: row.seq,
                    at_ms: row.at_ms,
                    who: row.who,
                    action: row.action,
                    subject: row.subject,
                    detail: serde_json::from_str(&row.detail)?,
                    hash: row.hash,
                })
            })
            .collect()
    }
}

/// Step approve: a person's decision about the package that was tested. `override_reason` lets a model pass whose gates
/// failed; it is recorded with the gates' names.
///
/// # Errors
/// When the gates were not asked, or failed and were not overridden, or no reason is given.
pub fn decide(
    shop: &Workshop,
    walk: &Walk,
    verdict: Verdict,
    reason: &str,
    override_reason: Option<&str>,
) -> Result<Decision> {
    if reason.trim().is_empty() {
        return Err(Error::usage("a decision needs a reason").hint("Say in a sentence why"));
    }
    let report: GateReport = shop.need(walk, Step::Test)?;
    let failed: Vec<String> = report.failed().map(|g| g.name.clone()).collect();
    let override_reason = override_reason.map(str::trim).filter(|r| !r.is_empty());
    if verdict == Verdict::Approved && !failed.is_empty() && override_reason.is_none() {
        return Err(Error::usage(format!("run {} failed the gates {}", report.run, failed.join(", ")))
            .hint("Mend it, or override the gates with a reason that is recorded"));
    }
    let overridden = if verdict == Verdict::Approved { failed } else { Vec::new() };
    let reason = match override_reason {
        Some(why) if !overridden.is_empty() => format!("{} (gates overridden: {why})", reason.trim()),
        _ => reason.trim().to_owned(),
    };
    let decision = Decision {
        run: report.run.clone(),
        digest: report.digest.clone(),
        verdict,
        by: Identity::current(),
        reason,
        overridden,
        at_ms: now_ms(),
    };
    shop.log(verdict.name(), &decision.digest, &decision)?;
    shop.keep(walk, Step::Approve, verdict == Verdict::Rejected, &decision)?;
    Ok(decision)
}

/// Whether a decision still holds beside the latest report: it is about the same package, and an approval covers every
/// gate that fails by now (thresholds may have been raised since).
pub(super) fn stands(decision: &Decision, report: &GateReport) -> bool {
    decision.digest == report.digest
        && (decision.verdict == Verdict::Rejected || report.failed().all(|g| decision.overridden.contains(&g.name)))
}

/// What a push leaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushRecord {
    /// Which registry.
    pub registry: String,
    /// The target as the user wrote it.
    pub to: String,
    /// The registered model.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The alias that now points to it.
    pub alias: Option<String>,
    /// The version to which the alias pointed before.
    pub previous_alias_version: Option<String>,
    /// How that registry's tools name it.
    pub uri: String,
    /// The package's digest.
    pub digest: String,
    /// Whether an earlier push had brought it there.
    pub already_there: bool,
}

impl PushRecord {
    fn new(to: &str, receipt: PushReceipt) -> Self {
        Self {
            registry: receipt.registry,
            to: to.to_owned(),
            name: receipt.name,
            version: receipt.version,
            alias: receipt.alias,
            previous_alias_version: receipt.previous_alias_version,
            uri: receipt.uri,
            digest: receipt.digest,
            already_there: receipt.already_there,
        }
    }
}

/// Step push: sends exactly the package that was approved, after running its ONNX once more. Safe to repeat.
///
/// # Errors
/// When the run is not approved, the package no longer has the approved digest, ONNX and model disagree, or the registry
/// fails or refuses.
pub fn push_step(shop: &Workshop, walk: &Walk, spec: &PushSpec, control: &Control) -> Result<PushRecord> {
    super::tell::told(
        &format!("{}.push", walk.flow.name),
        "Puts an approved model into a registry",
        &[],
        || push_approved(shop, walk, spec, control),
        |(run, record)| (super::tell::model_of(run).into_iter().collect(), vec![super::tell::registered(record)]),
    )
    .map(|(_, record)| record)
}

fn push_approved(shop: &Workshop, walk: &Walk, spec: &PushSpec, control: &Control) -> Result<(RunRecord, PushRecord)> {
    spec.check()?;
    let decision: Decision = shop.need(walk, Step::Approve)?;
    if decision.verdict != Verdict::Approved {
        return Err(Error::usage(format!("run {} was rejected: {}", decision.run, decision.reason))
            .hint("Only an approved model can be pushed"));
    }
    let report: GateReport = shop.need(walk, Step::Test)?;
    if report.digest != decision.digest {
        return Err(Error::usage("the package that was tested is not the one that was approved")
            .hint("Do the step approve again"));
    }
    if !stands(&decision, &report) {
        let failed: Vec<&str> = report.failed().map(|g| g.name.as_str()).collect();
        return Err(Error::usage(format!(
            "the approval of run {} does not cover what was tested since: the gates {} fail",
            decision.run,
            failed.join(", ")
        ))
        .hint("Approve again with a reason for overriding them, or mend the model"));
    }
    let run = shop.run(&decision.run)?;
    control.report("push", Some(0.0), "building the package");
    let package = package(shop, &run, &walk.flow.name)?;
    if package.digest != decision.digest {
        return Err(Error::usage("the package is no longer the one that was approved")
            .hint("Do the steps test and approve again"));
    }
    control.report("push", Some(0.1), "running the ONNX beside the model");
    let parity = parity(shop, &run, &package, control)?;
    if !parity.agrees {
        return Err(Error::input(format!(
            "ONNX and model disagree by {:.1e} ({} labels differ): nothing was pushed",
            parity.largest_difference, parity.labels_differing
        )));
    }
    let registry = registry::open(&spec.to)?;
    let row = |state: &str, record: String| PushRow {
        run: run.id.clone(),
        target: spec.to.clone(),
        name: spec.name.clone(),
        state: state.into(),
        record,
        updated_ms: now_ms(),
    };
    shop.store()?.put_push(&row("started", "null".into()))?;
    let mlmodel = |ids: &bundle::MlmodelIds| bundle::mlmodel(&package, ids);
    let facts = run_facts(walk, &run, &shop.model(&run)?, &decision);
    let request = PushRequest {
        files: &package.files,
        digest: &package.digest,
        name: &spec.name,
        alias: spec.alias.as_deref(),
        run: &facts,
        mlmodel: &mlmodel,
    };
    control.report("push", Some(0.2), format!("to {}", registry.describe()));
    let receipt = registry.push(&request, control)?;
    let record = PushRecord::new(&spec.to, receipt);
    shop.store()?.put_push(&row("done", serde_json::to_string(&record)?))?;
    // A push that found its version in place changed nothing: the log has it already.
    let known = shop.left::<PushRecord>(walk, Step::Push)?.is_some_and(|before| before == record);
    if !known {
        shop.log("pushed", &record.digest, &record)?;
    }
    shop.keep(walk, Step::Push, false, &record)?;
    Ok((run, record))
}

fn run_facts(walk: &Walk, run: &RunRecord, model: &FittedModel, decision: &Decision) -> RunFacts {
    let text = |v: &serde_json::Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    let mut params: BTreeMap<String, String> = run.params.iter().map(|(k, v)| (k.clone(), text(v))).collect();
    params.insert("estimator".into(), run.model.clone());
    params.insert("seed".into(), run.seed.to_string());
    params.insert("split".into(), run.data.split.clone());
    let started = u64::try_from(run.created_ms).unwrap_or(0);
    RunFacts {
        run_id: run.id.clone(),
        run_name: format!("{} {}", run.title, run.id),
        experiment: walk.flow.name.clone(),
        params: params.into_iter().collect(),
        metrics: run.metrics.iter().filter(|m| m.value.is_finite()).map(|m| (m.name.clone(), m.value)).collect(),
        tags: vec![
            ("pilothouse.approved_by".into(), decision.by.to_string()),
            ("pilothouse.approval_reason".into(), decision.reason.clone()),
            ("pilothouse.run".into(), run.id.clone()),
        ],
        dataset: DatasetFacts {
            name: run.data.source.rsplit('/').next().unwrap_or_default().to_owned(),
            digest: run.data.fingerprint.chars().take(36).collect(),
            source: run.data.source.clone(),
            rows: run.data.rows as u64,
            schema: model
                .plan
                .inputs
                .iter()
                .map(|i| (i.name.clone(), if i.is_text() { "string" } else { "double" }.to_owned()))
                .collect(),
        },
        user: run.by.user.clone(),
        started_ms: started,
        ended_ms: started + (run.fit_seconds * 1e3) as u64,
        model_type: run.title.clone(),
        description: format!("{} predicting {}; {} {:.4}", run.title, run.target, run.metric, run.score()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::{Gate, Stage, Verdict as GateVerdict};

    fn report(digest: &str, failed: &[&str]) -> GateReport {
        let gates = failed
            .iter()
            .map(|name| Gate {
                name: (*name).into(),
                stage: Stage::Model,
                verdict: GateVerdict::Fail,
                value: 0.0,
                threshold: 1.0,
                message: String::new(),
                evidence: String::new(),
            })
            .collect();
        GateReport::new("run", digest, gates)
    }

    fn decision(verdict: Verdict, overridden: &[&str]) -> Decision {
        Decision {
            run: "run".into(),
            digest: "d".into(),
            verdict,
            by: Identity { user: "ana".into(), host: "box".into() },
            reason: "why".into(),
            overridden: overridden.iter().map(|g| (*g).to_owned()).collect(),
            at_ms: 0,
        }
    }

    #[test]
    fn an_approval_stands_for_its_digest_and_for_the_gates_it_saw() {
        let yes = decision(Verdict::Approved, &["gain"]);
        assert!(stands(&yes, &report("d", &[])) && stands(&yes, &report("d", &["gain"])));
        assert!(!stands(&yes, &report("d", &["gain", "roc_auc"])) && !stands(&yes, &report("e", &[])));
        let no = decision(Verdict::Rejected, &[]);
        assert!(stands(&no, &report("d", &["gain"])) && !stands(&no, &report("e", &[])));
    }
}
