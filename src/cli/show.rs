//! The commands that only look.

use std::path::Path;

use serde_json::json;

use super::commands::run_json;
use super::output::{figure, json, line, table, text};
use super::{Answer, Call};
use crate::error::{Error, Result};
use crate::flow::record::{RunRecord, RunStatus};
use crate::flow::{self, Workshop};
use crate::model::threshold::Costs;

pub(super) fn runs(call: &Call) -> Result<Answer> {
    let shop = call.shop()?;
    let runs = shop.runs()?;
    // The walk of a run, when the walk still stands for it.
    let mut walks = std::collections::BTreeMap::new();
    for walk in shop.walks()? {
        for run in flow::runs_of(&shop, &walk)? {
            walks.insert(run.id, walk.flow.name.clone());
        }
    }
    if call.json {
        json(&runs.iter().map(run_json).collect::<Vec<_>>())?;
        return Ok(Answer::Yes);
    }
    let rows: Vec<Vec<String>> = runs
        .iter()
        .map(|r| {
            let state = if r.status == RunStatus::Done { "done" } else { "failed" };
            let source = r.data.source.rsplit('/').next().unwrap_or_default().to_owned();
            vec![
                r.id.clone(),
                r.title.clone(),
                r.target.clone(),
                source,
                r.metric.clone(),
                figure(r.score()),
                state.into(),
                walks.get(&r.id).cloned().unwrap_or_else(|| "–".into()),
            ]
        })
        .collect();
    if rows.is_empty() {
        line("No runs yet. `pilothouse train SOURCE --target COLUMN` makes some.")?;
    } else {
        table(&["run", "model", "target", "data", "metric", "value", "state", "walk"], &rows)?;
    }
    Ok(Answer::Yes)
}

pub(super) fn run(call: &Call, name: &str, rows: bool) -> Result<Answer> {
    let shop = call.shop()?;
    let run = shop.run(name)?;
    if call.json {
        let mut value = serde_json::to_value(&run)?;
        if rows {
            value["hold_out"] = serde_json::to_value(shop.hold_out(&run)?)?;
        }
        json(&value)?;
        return Ok(Answer::Yes);
    }
    line(format!("{} {} predicting {} ({})", run.id, run.title, run.target, run.task))?;
    line(format!(
        "data {} ({} rows, {} to learn from, {} kept back, split {})",
        run.data.source, run.data.rows, run.data.train_rows, run.data.test_rows, run.data.split
    ))?;
    line(format!("seed {}, by {}, {:.1} s", run.seed, run.by, run.fit_seconds))?;
    for (name, value) in &run.params {
        line(format!("  {name} = {value}"))?;
    }
    if let Some(error) = &run.error {
        line(format!("failed: {error}"))?;
        return Ok(Answer::Yes);
    }
    line("")?;
    let metrics: Vec<Vec<String>> = run
        .metrics
        .iter()
        .map(|m| {
            let interval =
                m.low.zip(m.high).map_or_else(|| "–".into(), |(a, b)| format!("{} to {}", figure(a), figure(b)));
            vec![m.name.clone(), figure(m.value), interval]
        })
        .collect();
    table(&["metric", "value", "95 %"], &metrics)?;
    line("")?;
    if let Some(calibration) = &run.calibration {
        line(format!("calibrated by {} on {} training rows", calibration.method.name(), calibration.rows))?;
        for (name, without, with) in &calibration.metrics {
            line(format!("  {name}: {} without, {} with", figure(*without), figure(*with)))?;
        }
        line("")?;
    }
    let importance: Vec<Vec<String>> =
        run.importance.iter().take(15).map(|i| vec![i.column.clone(), figure(i.mean), figure(i.std)]).collect();
    table(&["column", &format!("loss of {} when shuffled", run.metric), "±"], &importance)?;
    Ok(Answer::Yes)
}

/// A p with two digits that count.
fn p_value(p: f64) -> String {
    if p < 0.001 { "< 0.001".into() } else { format!("{p:.3}") }
}

fn named(shop: &Workshop, names: &[String]) -> Result<Vec<RunRecord>> {
    names.iter().map(|n| shop.run(n)).collect()
}

pub(super) fn compare(call: &Call, names: &[String], charts: Option<&Path>, costs: Option<&Costs>) -> Result<Answer> {
    let shop = call.shop()?;
    let runs = named(&shop, names)?;
    let (first, others) = runs.split_first().ok_or_else(|| Error::usage("name two runs or more"))?;
    if let Some(twice) = runs.iter().enumerate().find_map(|(i, r)| runs.iter().take(i).find(|b| b.id == r.id)) {
        return Err(Error::usage(format!("run {} was named twice", twice.id))
            .hint("Name different runs; `pilothouse runs` lists them"));
    }
    let tests =
        others.iter().map(|other| flow::compare_two(&shop, first, other, &call.control)).collect::<Result<Vec<_>>>()?;
    let differs = flow::differences(&runs);
    let thresholds = match costs {
        Some(costs) => runs
            .iter()
            .map(|run| Ok((run.id.clone(), flow::threshold(&shop, run, costs, &call.control)?)))
            .collect::<Result<Vec<_>>>()?,
        None => Vec::new(),
    };
    if let Some(folder) = charts {
        std::fs::create_dir_all(folder)?;
        for kind in flow::RunChart::of(first.task) {
            let chart = flow::run_chart(&shop, *kind, &runs)?;
            let file = folder.join(format!("{}.svg", kind.name().to_lowercase()));
            std::fs::write(file, crate::chart::svg(&chart, 900, 600)?)?;
        }
    }
    super::output::clear_progress();
    if call.json {
        let mut answer =
            json!({ "runs": runs.iter().map(run_json).collect::<Vec<_>>(), "differs": differs, "tests": tests });
        if !thresholds.is_empty() {
            let all = thresholds.iter().map(|(run, t)| json!({ "run": run, "threshold": t })).collect::<Vec<_>>();
            answer["thresholds"] = serde_json::Value::from(all);
        }
        json(&answer)?;
        return Ok(Answer::Yes);
    }
    let mut header = vec![""];
    header.extend(runs.iter().map(|r| r.id.as_str()));
    let mut rows: Vec<Vec<String>> =
        differs.into_iter().map(|d| std::iter::once(d.what).chain(d.values).collect()).collect();
    for metric in &first.metrics {
        let mut row = vec![metric.name.clone()];
        row.extend(runs.iter().map(|r| {
            r.metric_named(&metric.name).map_or_else(
                || "–".into(),
                |m| match m.low.zip(m.high) {
                    Some((low, high)) => format!("{} ({} to {})", figure(m.value), figure(low), figure(high)),
                    None => figure(m.value),
                },
            )
        }));
        rows.push(row);
    }
    table(&header, &rows)?;
    line("")?;
    for test in tests {
        let word = if test.test.real { "a real difference" } else { "no real difference" };
        let p = test.test.p.map_or_else(String::new, |p| format!(", p {}", p_value(p)));
        line(format!(
            "{} less {}: {} {} ({} to {}), {word} on the rows kept back by {}{p}",
            first.id,
            test.run,
            test.test.metric,
            figure(test.test.difference),
            figure(test.test.low),
            figure(test.test.high),
            test.test.method.name(),
        ))?;
        if let Some(folds) = &test.folds {
            line(format!(
                "  over {} folds: {} ({} to {}), p {} by the corrected resampled t-test",
                folds.folds,
                figure(folds.difference),
                figure(folds.low),
                figure(folds.high),
                p_value(folds.p),
            ))?;
        }
    }
    for (run, choice) in &thresholds {
        line("")?;
        super::judge::threshold(run, choice)?;
    }
    Ok(Answer::Yes)
}

pub(super) fn models(call: &Call, to: &str) -> Result<Answer> {
    let models = flow::registered_models(to)?;
    if call.json {
        json(&models)?;
        return Ok(Answer::Yes);
    }
    let rows: Vec<Vec<String>> = models
        .iter()
        .flat_map(|m| {
            m.versions.iter().map(|v| {
                let digest = v.digest.as_deref().unwrap_or_default().chars().take(16).collect();
                vec![m.name.clone(), v.version.clone(), v.aliases.join(", "), v.state.clone(), digest]
            })
        })
        .collect();
    table(&["model", "version", "aliases", "state", "digest"], &rows)?;
    Ok(Answer::Yes)
}

pub(super) fn audit(call: &Call) -> Result<Answer> {
    let log = call.shop()?.audit()?;
    if call.json {
        json(&log)?;
        return Ok(Answer::Yes);
    }
    let rows: Vec<Vec<String>> = log
        .iter()
        .map(|e| {
            let when =
                chrono::DateTime::from_timestamp_millis(e.at_ms).map(|t| t.format("%Y-%m-%d %H:%M:%S").to_string());
            let subject = e.subject.chars().take(16).collect();
            let reason = e.detail.get("reason").or_else(|| e.detail.get("uri")).and_then(|v| v.as_str()).unwrap_or("");
            vec![
                e.seq.to_string(),
                when.unwrap_or_default(),
                e.who.clone(),
                e.action.clone(),
                subject,
                reason.to_owned(),
            ]
        })
        .collect();
    table(&["#", "when (UTC)", "who", "what", "digest", "why"], &rows)?;
    line(format!("{} entries, the chain holds", log.len()))?;
    Ok(Answer::Yes)
}

pub(super) fn flow(call: &Call, name: Option<&str>) -> Result<Answer> {
    match name {
        Some(name) => text(flow::sample_flow(name)?.toml)?,
        None if call.json => json(&flow::sample_flows().iter().map(|f| f.name).collect::<Vec<_>>())?,
        None => {
            let rows: Vec<Vec<String>> =
                flow::sample_flows().iter().map(|f| vec![f.name.to_owned(), f.about.to_owned()]).collect();
            table(&["flow", ""], &rows)?;
        }
    }
    Ok(Answer::Yes)
}
