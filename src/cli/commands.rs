//! The commands that do something.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use serde_json::json;

use super::args::{Decide, FailOn, Format, Reading, SqlArgs, SqlDialect, Train};
use super::output::{cell, figure, json, line, table};
use super::{Answer, Call};
use crate::bundle::sql::Dialect;
use crate::data::{self, LoadOptions, Profile, ProfileOptions, Severity};
use crate::error::{Error, Result};
use crate::figures;
use crate::flow::record::{RunRecord, RunStatus, TrainRecord};
use crate::flow::spec::{LabelsSpec, LoadSpec, PushSpec, TrainSpec, WatchSpec};
use crate::flow::{self, Flow, Step, Walk, Workshop};
use crate::gate::{GateReport, Verdict as GateVerdict};
use crate::health::{self, DriftOptions};
use crate::model::prepare::PrepareSpec;
use crate::model::split::Split;
use crate::team::Verdict;

pub(super) fn profile(
    call: &Call,
    source: &str,
    reading: &Reading,
    target: Option<&str>,
    deep: bool,
    fail_on: FailOn,
    seen: &dyn Fn(&data::Profile),
) -> Result<Answer> {
    let options = ProfileOptions { target: target.map(str::to_owned), ..ProfileOptions::default() };
    let profile = match target.filter(|_| deep) {
        None => data::profile_source(source, &reading.options(), &options, &call.control)?,
        Some(target) => {
            // Models want the rows themselves.
            let dataset = data::load(source, &reading.options(), &call.control)?;
            dataset.spec(target)?;
            let profile = data::profile_with(&dataset, &options, &call.control)?;
            let spec = PrepareSpec { target: target.to_owned(), ..PrepareSpec::default() };
            let seed = Flow::default().seed;
            flow::assess_deep(&dataset, &profile, &spec, seed, crate::store::now_ms(), &call.control)?
                .into_profile(profile)
        }
    };
    seen(&profile);
    super::output::clear_progress();
    if call.json {
        json(&profile)?;
    } else {
        let count = |n: u64| figures::count(usize::try_from(n).unwrap_or(usize::MAX));
        line(format!("{}: {} rows, {} columns", profile.source, count(profile.rows), profile.columns.len()))?;
        for note in &profile.notes {
            line(format!("  {note}"))?;
        }
        line("")?;
        // Codes and names have no middle, whatever digits they are made of.
        let number = |c: &data::ColumnProfile, v: Option<f64>| {
            let measured = matches!(c.kind, data::Meaning::Number | data::Meaning::Boolean);
            v.filter(|_| measured).map_or_else(|| "–".into(), figures::figure)
        };
        let rows: Vec<Vec<String>> = profile
            .columns
            .iter()
            .map(|c| {
                vec![
                    c.name.clone(),
                    c.kind.to_string(),
                    count(c.missing),
                    format!("{}{}", if c.precision.distinct.exact { "" } else { "~" }, count(c.distinct)),
                    number(c, c.mean),
                    number(c, c.std),
                    c.min.as_ref().map_or_else(|| "–".into(), cell),
                    c.max.as_ref().map_or_else(|| "–".into(), cell),
                    c.top.first().map_or_else(String::new, |t| format!("{} ({})", cell(&t.value), count(t.count))),
                ]
            })
            .collect();
        table(&["column", "kind", "missing", "distinct", "mean", "std", "min", "max", "commonest"], &rows)?;
        if let Some(words) = estimates(&profile) {
            line(words)?;
        }
        line("")?;
        for finding in &profile.findings {
            let column = finding.column.as_deref().map(|c| format!(" {c}")).unwrap_or_default();
            line(format!("{:8} {}{column}: {}", finding.severity, finding.check, finding.message))?;
            line(format!("         {}", finding.remedy))?;
        }
        line("")?;
        line(format!("feasibility: {}", profile.feasibility.verdict.name()))?;
        for reason in &profile.feasibility.reasons {
            line(format!("  {} {}", if reason.ok { "+" } else { "-" }, reason.message))?;
            if !reason.change.is_empty() {
                line(format!("    {}", reason.change))?;
            }
        }
    }
    let bound = match fail_on {
        FailOn::Never => return Ok(Answer::Yes),
        FailOn::Note => Severity::Note,
        FailOn::Warning => Severity::Warning,
        FailOn::Serious => Severity::Serious,
        FailOn::Blocking => Severity::Blocking,
    };
    Ok(Answer::from(!profile.findings.iter().any(|f| f.severity >= bound)))
}

/// What of the figures is estimated, in words; `None` when all are exact.
fn estimates(profile: &Profile) -> Option<String> {
    let sketched = profile.columns.iter().filter(|c| !c.precision.distinct.exact);
    let distinct = sketched.clone().filter_map(|c| c.precision.distinct.error).fold(0.0, f64::max);
    let quantiles = sketched.clone().filter_map(|c| c.precision.quantiles.error).fold(0.0, f64::max);
    (sketched.count() > 0).then(|| {
        format!(
            "~ is an estimate (standard error {:.1} %); quantiles of these columns are at most {:.3} % of the rows off; all else is exact",
            distinct * 100.0,
            quantiles * 100.0
        )
    })
}

/// The walk's name for a source: the file's name without folders and ending, or the table's.
fn walk_name(source: &str) -> String {
    let plain = |word: &str| -> String {
        let kept = word.chars().map(|c| if c.is_alphanumeric() || "_- ".contains(c) { c } else { '-' });
        kept.collect::<String>().trim_matches(['-', ' ']).to_owned()
    };
    let name = match source.split_once("table=") {
        Some((_, table)) => plain(table.split('&').next().unwrap_or(table)),
        None => {
            let path = source.split_once("://").map_or(source, |(_, rest)| rest).split('?').next().unwrap_or(source);
            let name = path.trim_end_matches('/').rsplit(['/', ':']).next().unwrap_or(path);
            plain(name.split('.').next().unwrap_or(name))
        }
    };
    if name.is_empty() { "walk".into() } else { name }
}

fn flow_of(args: Train) -> Result<Flow> {
    let mut derive = BTreeMap::new();
    for part in &args.derive {
        let Some((name, expression)) = part.split_once('=') else {
            return Err(Error::usage(format!("--derive {part}: there is no `=`")).hint("Write NAME=EXPRESSION"));
        };
        derive.insert(name.trim().to_owned(), expression.trim().to_owned());
    }
    let split = match (args.time, args.group) {
        (Some(column), _) => Some(Split::Time { column }),
        (_, Some(column)) => Some(Split::Group { column }),
        _ => None,
    };
    Ok(Flow {
        name: args.name.unwrap_or_else(|| walk_name(&args.source)),
        seed: args.seed,
        load: LoadSpec { filter: args.filter, ..args.reading.spec(args.source) },
        derive,
        prepare: PrepareSpec {
            target: args.target,
            positive: args.positive,
            leave_out: args.leave_out.into_iter().map(|c| (c, "chosen on the command line".into())).collect(),
            split,
            test_share: args.test_share,
            folds: args.folds,
            ..PrepareSpec::default()
        },
        train: TrainSpec {
            models: args.models,
            metric: args.metric,
            calibrate: args.calibrate,
            params: BTreeMap::new(),
        },
        ..Flow::default()
    })
}

/// The first of `name`, `name-2`… whose walk, if there is one, is about the same table and target: another target of the
/// same file is a walk of its own.
fn free_name(shop: &Workshop, flow: &Flow) -> Result<String> {
    let walks = shop.walks()?;
    let about = |f: &Flow| (f.load.source.clone(), f.prepare.target.clone());
    let fits = |name: &String| walks.iter().all(|w| w.flow.name != *name || about(&w.flow) == about(flow));
    let more = (2..).map(|n| format!("{}-{n}", flow.name));
    Ok(std::iter::once(flow.name.clone()).chain(more).find(fits).unwrap_or_default())
}

pub(super) fn train(call: &Call, args: Train) -> Result<Answer> {
    let named = args.name.is_some();
    let mut flow = flow_of(args)?;
    let shop = call.shop()?;
    if !named {
        flow.name = free_name(&shop, &flow)?;
    }
    let (walk, dataset) = flow::begin_checked(&shop, &flow, &call.control)?;
    flow::inspect(&shop, &walk, &dataset, &call.control)?;
    let (prepared, record) = flow::prepare_step(&shop, &walk, &dataset, &call.control)?;
    let (trained, runs) = flow::train_step(&shop, &walk, &dataset, &prepared, &call.control, &|_| {})?;
    super::output::clear_progress();
    if call.json {
        json(&json!({
            "task": record.task,
            "target": record.target,
            "split": { "method": record.split, "reason": record.split_reason, "train_rows": record.train_rows,
                       "test_rows": record.test_rows },
            "metric": trained.metric,
            "left_out": record.left_out,
            "findings": record.findings,
            "runs": runs.iter().map(run_json).collect::<Vec<_>>(),
            "best": trained.best,
        }))?;
    } else {
        line(format!(
            "{} rows to learn from, {} kept back, split {} ({})",
            figures::count(record.train_rows),
            figures::count(record.test_rows),
            record.split,
            record.split_reason
        ))?;
        for out in &record.left_out {
            line(format!("  without {}: {}", out.column, out.reason))?;
        }
        for finding in &record.findings {
            line(format!("  {}: {}: {}", finding.severity, finding.check, finding.message))?;
        }
        line("")?;
        leaderboard(&runs, &trained)?;
    }
    Ok(Answer::Yes)
}

/// A run as promised in `train --json`: the metrics are an object of numbers, the intervals stand beside them.
pub(super) fn run_json(run: &RunRecord) -> serde_json::Value {
    let number = |v: f64| if v.is_finite() { json!(v) } else { serde_json::Value::Null };
    json!({
        "id": run.id,
        "model": run.model,
        "params": run.params,
        "metrics": run.metrics.iter().map(|m| (m.name.clone(), number(m.value))).collect::<serde_json::Map<_, _>>(),
        "intervals": run.metrics.iter().filter_map(|m| Some((m.name.clone(), json!([m.low?, m.high?]))))
            .collect::<serde_json::Map<_, _>>(),
        "cv": { "mean": run.cv.mean, "std": run.cv.std, "folds": run.cv.folds },
        "fit_seconds": run.fit_seconds,
        "status": run.status,
        "error": run.error,
    })
}

pub(super) fn leaderboard(runs: &[RunRecord], trained: &TrainRecord) -> Result<()> {
    let rows: Vec<Vec<String>> = runs
        .iter()
        .map(|run| {
            let metric = run.metric_named(&trained.metric);
            let interval = metric.and_then(|m| Some(format!("{} to {}", figure(m.low?), figure(m.high?))));
            vec![
                run.id.clone(),
                run.title.clone(),
                figure(run.score()),
                interval.unwrap_or_else(|| "–".into()),
                figure(run.cv.mean),
                format!("{:.1} s", run.fit_seconds),
                match (run.status, run.id == trained.best) {
                    (RunStatus::Failed, _) => run.error.clone().unwrap_or_default(),
                    (_, true) => "best by cross-validation".into(),
                    _ => String::new(),
                },
            ]
        })
        .collect();
    table(&["run", "model", &trained.metric, "95 %", "cv", "fit", ""], &rows)
}

/// The walk to which a run belongs, provided that it has not moved on to other choices since.
fn walk_of(shop: &Workshop, run: &RunRecord) -> Result<Walk> {
    let walk = shop.walk(&run.walk)?;
    let current = shop.left::<TrainRecord>(&walk, Step::Train)?.is_some_and(|t| t.runs.contains(&run.id));
    if !current {
        return Err(Error::usage(format!("the walk `{}` has moved on since run {}", walk.flow.name, run.id)).hint(
            "Train again with that run's choices (`pilothouse show` lists them), or use one of the walk's present runs",
        ));
    }
    Ok(walk)
}

pub(super) fn gate(call: &Call, run: &str) -> Result<Answer> {
    let shop = call.shop()?;
    let run = shop.run(run)?;
    let walk = walk_of(&shop, &run)?;
    let before = flow::chosen_run(&shop, &walk).ok().map(|r| r.id);
    flow::compare_step(&shop, &walk, Some(&run.id), &call.control)?;
    let report = flow::test_step(&shop, &walk, &run, &call.control)?;
    super::output::clear_progress();
    if let Some(before) = before.filter(|b| *b != run.id) {
        super::output::remark(&format!(
            "the walk {} now goes on with run {} in place of {before}",
            walk.flow.name, run.id
        ));
    }
    if call.json {
        json(&report)?;
    } else {
        gates(&report)?;
    }
    Ok(Answer::from(report.verdict == GateVerdict::Pass))
}

fn gates(report: &GateReport) -> Result<()> {
    let rows: Vec<Vec<String>> = report
        .gates
        .iter()
        .map(|g| {
            let verdict = if g.verdict == GateVerdict::Pass { "pass" } else { "FAIL" };
            vec![g.stage.name().into(), verdict.into(), g.name.clone(), g.message.clone(), g.evidence.clone()]
        })
        .collect();
    table(&["stage", "verdict", "gate", "", "evidence"], &rows)?;
    let failed = report.failed().count();
    line(if failed == 0 {
        format!("run {}: all {} gates passed", report.run, report.gates.len())
    } else {
        format!("run {}: {failed} of {} gates failed", report.run, report.gates.len())
    })
}

pub(super) fn decide(call: &Call, args: &Decide, verdict: Verdict) -> Result<Answer> {
    let shop = call.shop()?;
    let run = shop.run(&args.run)?;
    let walk = walk_of(&shop, &run)?;
    let tested = shop.left::<GateReport>(&walk, Step::Test)?.filter(|g| g.run == run.id);
    if tested.is_none() {
        return Err(Error::usage(format!("the gates of run {} were not asked yet", run.id))
            .hint(format!("Run `pilothouse gate {}` first", run.id)));
    }
    let decision = flow::decide(&shop, &walk, verdict, &args.reason, args.override_reason.as_deref())?;
    if call.json {
        json(&decision)?;
    } else {
        line(format!("run {} {} by {}: {}", decision.run, verdict.name(), decision.by, decision.reason))?;
        line(format!("digest {}", decision.digest))?;
    }
    Ok(Answer::Yes)
}

pub(super) fn export(call: &Call, run: &str, format: Format, output: &Path, sql: SqlArgs) -> Result<Answer> {
    if format != Format::Sql && (sql.dialect.is_some() || sql.table.is_some() || !sql.keys.is_empty()) {
        return Err(Error::usage("--dialect, --table and --key are for --format sql"));
    }
    let shop = call.shop()?;
    let run = shop.run(run)?;
    if format == Format::Sql {
        return export_sql(call, &shop, &run, output, sql);
    }
    let name = shop.walk(&run.walk)?.flow.name;
    let package = flow::package(&shop, &run, &name)?;
    let write = |file: &str| -> Result<()> {
        let bytes = package.files.get(file).ok_or_else(|| Error::local(format!("the package holds no {file}")))?;
        std::fs::write(output, bytes)
            .map_err(|e| Error::local(format!("{}: {e}", output.display())).hint("Choose another path with --output"))
    };
    match format {
        Format::Onnx => {
            let parity = flow::parity(&shop, &run, &package, &call.control)?;
            if !parity.agrees {
                return Err(Error::input(format!("ONNX and model disagree by {:.1e}", parity.largest_difference)));
            }
            write("model.onnx")?;
        }
        Format::Card => write("model_card.md")?,
        // Handled above: the query is no part of the package.
        Format::Sql => {}
        Format::Folder => crate::flow::write_package(&package, output)?,
    }
    if call.json {
        json(&json!({ "run": run.id, "output": output, "digest": package.digest }))?;
    } else {
        line(format!("{} written, package digest {}", output.display(), package.digest))?;
    }
    Ok(Answer::Yes)
}

fn export_sql(call: &Call, shop: &Workshop, run: &RunRecord, output: &Path, sql: SqlArgs) -> Result<Answer> {
    let dialect = match sql.dialect {
        None | Some(SqlDialect::Postgres) => Dialect::Postgres,
        Some(SqlDialect::Duckdb) => Dialect::DuckDb,
        Some(SqlDialect::Spark) => Dialect::Spark,
    };
    let table = sql.table.unwrap_or_else(|| "input".to_owned());
    let text = flow::sql_form(shop, run, dialect, &table, sql.keys)?;
    std::fs::write(output, &text)
        .map_err(|e| Error::local(format!("{}: {e}", output.display())).hint("Choose another path with --output"))?;
    if call.json {
        json(
            &json!({ "run": run.id, "output": output, "dialect": dialect.name(), "table": table, "bytes": text.len() }),
        )?;
    } else {
        line(format!("{} written for {}, {} bytes", output.display(), dialect.title(), figures::count(text.len())))?;
    }
    Ok(Answer::Yes)
}

pub(super) fn predict(call: &Call, run: &str, source: &str, output: &Path, force: bool) -> Result<Answer> {
    super::output::free(output, force)?;
    let shop = call.shop()?;
    let run = shop.run(run)?;
    let (model, dataset, prediction) = flow::predict(&shop, &run, source, &call.control)?;
    super::output::clear_progress();
    let mut header = vec!["row".to_owned()];
    if model.task.is_classification() {
        header.push("label".into());
        header.extend(model.classes.iter().map(|c| format!("p_{c}")));
    } else {
        header.push("prediction".into());
    }
    let labels = prediction.classes();
    let mut writer = csv::Writer::from_writer(Vec::new());
    let failed = |e: csv::Error| Error::local(format!("{}: {e}", output.display()));
    writer.write_record(&header).map_err(failed)?;
    for (row, scores) in prediction.scores.outer_iter().enumerate() {
        let mut record = vec![(row + 1).to_string()];
        if model.task.is_classification() {
            record.push(model.classes.get(labels[row]).cloned().unwrap_or_default());
        }
        record.extend(scores.iter().map(ToString::to_string));
        writer.write_record(&record).map_err(failed)?;
    }
    let bytes = writer.into_inner().map_err(|e| Error::local(e.to_string()))?;
    if output == Path::new("-") {
        std::io::stdout().lock().write_all(&bytes)?;
        return Ok(Answer::Yes);
    }
    std::fs::write(output, bytes)
        .map_err(|e| Error::local(format!("{}: {e}", output.display())).hint("Choose another path with --output"))?;
    if call.json {
        json(&json!({ "run": run.id, "rows": dataset.rows(), "output": output }))?;
    } else {
        line(format!("{} rows scored with run {} into {}", dataset.rows(), run.id, output.display()))?;
    }
    Ok(Answer::Yes)
}

pub(super) fn push(call: &Call, run: &str, to: String, name: String, alias: Option<String>) -> Result<Answer> {
    let shop = call.shop()?;
    let run = shop.run(run)?;
    let mut walk = walk_of(&shop, &run)?;
    let spec = PushSpec { to, name, alias };
    // The push belongs to the walk: a later `run` or console sees it as done.
    walk.flow.push = Some(spec.clone());
    let decision: Option<crate::team::Decision> = shop.left(&walk, Step::Approve)?;
    if decision.is_none_or(|d| d.run != run.id) {
        return Err(Error::usage(format!("run {} is not approved", run.id))
            .hint(format!("Run `pilothouse gate {0}` and `pilothouse approve {0} --reason TEXT` first", run.id)));
    }
    let walk = shop.begin(&walk.flow)?;
    let record = flow::push_step(&shop, &walk, &spec, &call.control)?;
    super::output::clear_progress();
    if call.json {
        json(&record)?;
    } else {
        let again = if record.already_there { " (it was there already)" } else { "" };
        line(format!("{} version {} in {}{again}", record.name, record.version, record.registry))?;
        if let Some(alias) = &record.alias {
            line(format!("alias {alias} points to it"))?;
        }
        line(&record.uri)?;
    }
    Ok(Answer::Yes)
}

pub(super) fn drift(call: &Call, reference: &str, current: &str) -> Result<Answer> {
    let options = LoadOptions::default();
    let before = data::load(reference, &options, &call.control)?;
    let after = data::load(current, &options, &call.control)?;
    let report = health::drift(&before.frame, &after.frame, &before.columns, &DriftOptions::default(), &call.control)?;
    super::output::clear_progress();
    if call.json {
        json(&report)?;
    } else {
        drift_table(&report)?;
        let drifted = report.drifted().len();
        line(format!("{drifted} of {} columns drifted", report.columns.len()))?;
    }
    Ok(Answer::from(report.verdict == health::Verdict::Stable))
}

fn drift_table(report: &health::DriftReport) -> Result<()> {
    let rows: Vec<Vec<String>> = report
        .columns
        .iter()
        .map(|c| {
            let word = if c.drifted { "DRIFTED" } else { "stable" };
            let [p, q] = [c.p, c.q].map(figures::p_value);
            vec![c.name.clone(), word.into(), figure(c.effect), p, q, c.message.clone()]
        })
        .collect();
    table(&["column", "", "effect (PSI)", "p", "q", "what happened"], &rows)
}

pub(super) fn watch(
    call: &Call,
    run: &str,
    source: String,
    time: Option<String>,
    labels: Option<(String, String)>,
) -> Result<Answer> {
    let shop = call.shop()?;
    let run = shop.run(run)?;
    let walk = shop.walk(&run.walk)?;
    let spec = WatchSpec { source, filter: None, time, labels: labels.map(|(source, key)| LabelsSpec { source, key }) };
    let record = flow::watch_step(&shop, &walk, &run, &spec, &call.control)?;
    super::output::clear_progress();
    if call.json {
        json(&record)?;
    } else {
        drift_table(&record.drift)?;
        line("")?;
        let rows: Vec<Vec<String>> = record
            .performance
            .iter()
            .flat_map(|p| &p.periods)
            .map(|p| {
                let value = p.metrics.iter().find(|m| m.name == record.metric).map(|m| m.value);
                vec![
                    p.label.clone(),
                    p.rows.to_string(),
                    p.labelled.to_string(),
                    value.map_or_else(|| "–".into(), figure),
                    if p.outside.is_empty() { String::new() } else { format!("outside: {}", p.outside.join(", ")) },
                ]
            })
            .collect();
        if !rows.is_empty() {
            table(&["period", "rows", "labelled", &record.metric, ""], &rows)?;
            line("")?;
        }
        broken_rules(&record)?;
        line(&record.words)?;
    }
    Ok(Answer::from(!record.alarm()))
}

/// The rules of the contract that new rows break, when there are any.
fn broken_rules(record: &flow::WatchRecord) -> Result<()> {
    let rows: Vec<Vec<String>> = record
        .rules
        .iter()
        .flat_map(|r| r.broken(data::Severity::Note))
        .map(|r| vec![data::brief(&r.rule, 40), r.severity.name().into(), r.failing.to_string(), r.message.clone()])
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    table(&["broken rule", "severity", "rows", "what was found"], &rows)?;
    line("")
}

pub(super) fn run(call: &Call, flow: &str, fail_on_drift: bool) -> Result<Answer> {
    let flow = match flow.strip_prefix("sample:") {
        Some(name) => Flow::parse(flow::sample_flow(name)?.toml)?,
        None => Flow::read(Path::new(flow))?,
    };
    let shop = call.shop()?;
    let control = call.control.clone();
    let report = flow::run_walk(&shop, &flow, &call.control, &|step| control.report(step.name(), None, ""), &|run| {
        control.report(run.model.clone(), Some(1.0), format!("{} {}", run.metric, figure(run.score())))
    })?;
    super::output::clear_progress();
    if call.json {
        json(&report)?;
    } else {
        line(format!("{}: {} rows from {}", report.walk, report.load.rows, report.load.source))?;
        let trained = TrainRecord {
            runs: Vec::new(),
            best: report.best.clone(),
            metric: report.runs.first().map(|r| r.metric.clone()).unwrap_or_default(),
        };
        leaderboard(&report.runs, &trained)?;
        line("")?;
        gates(&report.gate)?;
        if let Some(decision) = &report.approve {
            line(format!("{} by {}: {}", decision.verdict.name(), decision.by, decision.reason))?;
        }
        if let Some(push) = &report.push {
            line(format!("pushed as {} version {} to {}: {}", push.name, push.version, push.registry, push.uri))?;
        }
        if let Some(watch) = &report.watch {
            broken_rules(watch)?;
            line(&watch.words)?;
        }
        if let Some(why) = &report.stopped {
            line(format!("stopped after {}: {why}", report.reached))?;
        }
    }
    // What a contract promises was asked for by name; drift is for people to judge unless the caller says otherwise.
    let broken = report.watch.as_ref().is_some_and(flow::WatchRecord::contract_broken);
    let drifted = report.watch.as_ref().is_some_and(flow::WatchRecord::alarm);
    Ok(Answer::from(report.stopped.is_none() && !broken && !(fail_on_drift && drifted)))
}
