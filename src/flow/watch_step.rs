//! Watch and predict: a model against new rows.

use std::collections::HashMap;

use polars::prelude::{Column, DataFrame, NamedFrom, Series};
use serde::{Deserialize, Serialize};

use crate::data::contract;

use crate::data::{self, Dataset, LoadOptions, Meaning, Severity, column, counted};
use crate::engine::Control;
use crate::error::{Error, Result};
use crate::health::{
    self, Answers, DriftOptions, DriftReport, Performance, PerformanceOptions, Regime, Verdict, performance_over_time,
};
use crate::model::{FittedModel, Prediction, Target, Task};
use crate::store::now_ms;

use super::catalog::record::{note_table, note_use};
use super::data_steps::{ReadFor, Reading, known_later, read_for};
use super::record::RunRecord;
use super::spec::{LabelsSpec, LoadSpec, WatchSpec};
use super::step::Step;
use super::workshop::{Walk, Workshop};

/// What watching leaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WatchRecord {
    /// The run watched.
    pub run: String,
    /// The new rows' source.
    pub source: String,
    /// New rows scored.
    pub rows: usize,
    /// Rows whose true answer is known.
    pub labelled: usize,
    /// Drift of each column against the training data.
    pub drift: DriftReport,
    /// Performance over time, where there is a time column and some answers are known.
    pub performance: Option<Performance>,
    /// How the new rows keep the walk's contract, as they arrive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<contract::Report>,
    /// What drift and performance mean for the model.
    pub regime: Regime,
    /// The metric that is followed first, as named in the periods.
    pub metric: String,
    /// In plain words.
    pub words: String,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
}

impl WatchRecord {
    /// Whether a column drifted, performance left its range, or the contract is broken.
    #[must_use]
    pub fn alarm(&self) -> bool {
        self.drift.verdict == Verdict::Drift
            || self.performance.as_ref().is_some_and(|p| p.broken)
            || self.contract_broken()
    }

    /// Whether the new rows break a rule of severity serious or worse.
    #[must_use]
    pub fn contract_broken(&self) -> bool {
        self.rules.as_ref().is_some_and(|r| r.verdict == contract::Verdict::Fail)
    }

    /// How the contract was kept, in a sentence; `None` without a contract.
    #[must_use]
    pub fn rules_words(&self) -> Option<String> {
        let report = self.rules.as_ref()?;
        let name = data::brief(&report.contract, 40);
        let broken: Vec<String> = report
            .broken(Severity::Note)
            .map(|r| match r.failing {
                0 => data::brief(&r.rule, 40),
                n => format!("{} in {}", data::brief(&r.rule, 40), counted(n, "row")),
            })
            .collect();
        let asked = counted(report.rules.len() as u64, "rule");
        if broken.is_empty() {
            return Some(format!("The contract {name} is kept ({asked})"));
        }
        let more = broken.len().saturating_sub(3);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let few: Vec<&str> = broken.iter().take(3).map(String::as_str).collect();
        let (count, few) = (broken.len(), few.join(", "));
        Some(if self.contract_broken() {
            format!("The contract {name} is broken: {count} of {asked} ({few}{more})")
        } else {
            format!("The contract {name} is kept in what is serious; {count} of {asked} not ({few}{more})")
        })
    }

    /// The first period in which performance left its range for the worse.
    #[must_use]
    pub fn broken_since(&self) -> Option<&str> {
        let performance = self.performance.as_ref()?;
        performance.periods.get(performance.first_broken?).map(|p| p.label.as_str())
    }
}

/// Reads new rows as the model's training rows were read: same spellings, meanings, recipe and derived columns. What the
/// recipe computed from the training rows is used again, not computed from the new ones.
fn read_new(run: &RunRecord, walk: &Walk, source: &str, filter: Option<&String>, control: &Control) -> Result<Reading> {
    let spec = LoadSpec { source: source.into(), filter: filter.cloned(), ..walk.flow.load.clone() };
    // Corrections of columns that the new table does not have are no mistake. Neither are derived columns whose
    // ingredients it does not have (the target's, before its labels are known).
    read_for(&ReadFor::Scoring(run.recipe.as_ref()), &spec, &walk.flow.derive, control)
}

/// Brings the columns that a model reads to the types it was trained on: a column of digits that was a category of text
/// is text again, and a column without any value is a column of missing ones.
///
/// # Errors
/// When a column is absent, or holds words where the model needs numbers.
pub fn align(model: &FittedModel, dataset: &Dataset) -> Result<DataFrame> {
    let rows = dataset.rows();
    let columns = model
        .plan
        .inputs
        .iter()
        .map(|input| {
            dataset.spec(&input.name).map_err(|e| e.at("the model reads a column that is not there"))?;
            let values = column::get(&dataset.frame, &input.name)?;
            let empty = values.null_count() == rows;
            let series = if input.is_text() {
                let texts = if empty { vec![None; rows] } else { column::texts(values)? };
                Series::new(input.name.as_str().into(), texts)
            } else {
                let numbers = if empty {
                    vec![None; rows]
                } else {
                    column::numbers(values)
                        .map_err(|e| e.at(&dataset.source).hint("The model was trained on numbers here"))?
                        .into_iter()
                        .map(|v| Some(v).filter(|v| v.is_finite()))
                        .collect::<Vec<_>>()
                };
                Series::new(input.name.as_str().into(), numbers)
            };
            Ok(Column::from(series))
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(DataFrame::new(rows, columns)?)
}

/// Scores a table with a run's model.
///
/// # Errors
/// When the table lacks a column that the model reads.
pub fn predict(
    shop: &Workshop,
    run: &RunRecord,
    source: &str,
    control: &Control,
) -> Result<(FittedModel, Dataset, Prediction)> {
    let walk = shop.walk(&run.walk)?;
    let dataset = read_new(run, &walk, source, None, control)?.dataset;
    let model = shop.model(run)?;
    let prediction = model.predict(&align(&model, &dataset)?)?;
    Ok((model, dataset, prediction))
}

/// Step watch: scores new rows, compares each column with the training data, and follows performance over time.
///
/// # Errors
/// When the new rows or labels cannot be read, or lack a column that the model reads.
pub fn watch_step(
    shop: &Workshop,
    walk: &Walk,
    run: &RunRecord,
    spec: &WatchSpec,
    control: &Control,
) -> Result<WatchRecord> {
    let mut sources = vec![spec.source.as_str()];
    sources.extend(spec.labels.as_ref().map(|l| l.source.as_str()));
    super::tell::told(
        &format!("{}.watch", walk.flow.name),
        "Scores new rows and follows drift and performance",
        &sources,
        || watch(shop, walk, run, spec, control),
        |(table, _)| {
            let labels = spec.labels.iter().map(|l| crate::openlineage::Dataset::at(&l.source));
            let inputs = std::iter::once(super::tell::table(shop, table)).chain(labels);
            (inputs.chain(super::tell::model_of(run)).collect(), Vec::new())
        },
    )
    .map(|(_, record)| record)
}

fn watch(
    shop: &Workshop,
    walk: &Walk,
    run: &RunRecord,
    spec: &WatchSpec,
    control: &Control,
) -> Result<(Dataset, WatchRecord)> {
    control.report("watch", Some(0.1), "reading new rows");
    let Reading { raw, dataset, .. } = read_new(run, walk, &spec.source, spec.filter.as_ref(), control)?;
    control.report("watch", Some(0.3), "rules");
    let rules = rules(walk, &raw, control)?;
    let model = shop.model(run)?;
    control.report("watch", Some(0.4), "scoring");
    let frame = align(&model, &dataset)?;
    let prediction = model.predict(&frame)?;
    control.report("watch", Some(0.6), "drift");
    let drift = shop.drift_reference(run)?.compare(&dataset.frame, &DriftOptions::default(), &control.silent())?;
    control.report("watch", Some(0.8), "performance");
    let labels = spec.labels.as_ref().map(|l| data::load(&l.source, &LoadOptions::default(), control)).transpose()?;
    let (truth, remark) = truth(&model, &dataset, spec.labels.as_ref().zip(labels.as_ref()))?;
    let labelled = truth.iter().filter(|t| t.is_some()).count();
    let times = times(&dataset, spec)?;
    let performance = match times {
        Some(times) if labelled > 0 => Some(follow(shop, run, &times, &truth, &prediction, control)?),
        _ => None,
    };
    let regime = health::regime(&drift, performance.as_ref());
    let metric = match model.task {
        Task::Regression => "mae",
        Task::Binary => "roc_auc",
        Task::Multiclass => "log_loss",
    };
    let mut record = WatchRecord {
        run: run.id.clone(),
        source: dataset.source.clone(),
        rows: dataset.rows(),
        labelled,
        drift,
        performance,
        rules,
        regime,
        metric: metric.into(),
        words: String::new(),
        at_ms: now_ms(),
    };
    record.words = words(&record, remark.as_deref());
    let on = note_table(shop, &raw, false, control)?;
    let detail = serde_json::json!({
        "on": on, "source": data::redact(&raw.source), "rows": record.rows, "words": record.words,
        "alarm": record.alarm(),
    });
    note_use(shop, &on, "watch", &run.id, &detail)?;
    if let Some(labels) = &labels {
        let print = note_table(shop, labels, false, control)?;
        let detail = serde_json::json!({
            "on": on, "source": data::redact(&labels.source), "rows": labels.rows(),
        });
        note_use(shop, &print, "labels", &run.id, &detail)?;
    }
    shop.keep(walk, Step::Watch, false, &record)?;
    Ok((dataset, record))
}

/// How new rows keep the walk's contract as they arrive; what is known only later is not asked.
fn rules(walk: &Walk, raw: &Dataset, control: &Control) -> Result<Option<contract::Report>> {
    let Some(rules) = walk.flow.load.rules()? else { return Ok(None) };
    let asked = rules.for_new_rows(raw, &known_later(&walk.flow)?);
    let mut report = contract::check(raw, &asked, chrono::Utc::now(), &control.silent())?;
    // It is the same contract, whatever of it can be asked.
    report.digest = rules.digest()?;
    Ok(Some(report))
}

/// Performance by period beside the range seen on the rows kept back at training.
fn follow(
    shop: &Workshop,
    run: &RunRecord,
    times: &[f64],
    truth: &[Option<f64>],
    prediction: &Prediction,
    control: &Control,
) -> Result<Performance> {
    let hold_out = shop.hold_out(run)?;
    let before = hold_out.prediction();
    let options = PerformanceOptions::default();
    match &hold_out.truth {
        Target::Numbers(known) => {
            let truth: Vec<f64> = truth.iter().map(|t| t.unwrap_or(f64::NAN)).collect();
            let (predicted, kept) = (prediction.column(0), before.column(0));
            let now = Answers::Numbers { truth: &truth, predicted: &predicted };
            let reference = Answers::Numbers { truth: known, predicted: &kept };
            performance_over_time(times, &now, Some((&reference, None)), &options, control)
        }
        Target::Classes { codes, .. } => {
            let truth: Vec<Option<usize>> = truth.iter().map(|t| t.map(|v| v as usize)).collect();
            let known: Vec<Option<usize>> = codes.iter().map(|c| Some(*c)).collect();
            let now = Answers::Classes { truth: &truth, scores: prediction.scores.view() };
            let reference = Answers::Classes { truth: &known, scores: before.scores.view() };
            performance_over_time(times, &now, Some((&reference, None)), &options, control)
        }
    }
}

fn words(record: &WatchRecord, remark: Option<&str>) -> String {
    let drifted = record.drift.drifted();
    let names: Vec<&str> = drifted.iter().take(5).map(|c| c.name.as_str()).collect();
    let more = if drifted.len() > names.len() { " and others" } else { "" };
    let columns = record.drift.columns.len();
    let first = if drifted.is_empty() {
        format!("None of {columns} columns has drifted")
    } else {
        format!("{} of {columns} columns have drifted ({}{more})", drifted.len(), names.join(", "))
    };
    let second = match (&record.performance, record.broken_since()) {
        (None, _) if record.labelled == 0 => {
            let why = remark.map(|r| format!(" ({r})")).unwrap_or_default();
            format!("no true answers are known yet{why}, so performance cannot be measured")
        }
        (None, _) => "there is no time column, so performance is not followed over time".to_owned(),
        (Some(_), Some(period)) => format!("performance left its range for the worse first in {period}"),
        (Some(_), None) => "performance stayed within the range seen at training".to_owned(),
    };
    let rules = record.rules_words().map(|w| format!(" {w}.")).unwrap_or_default();
    format!("{first}; {second}. {}{rules}", record.regime.advice)
}

/// The true answer of each row, `None` where it is not known: from a second table by key, or from the table itself.
/// Classes are their codes. The remark says why none is known although answers were given.
fn truth(
    model: &FittedModel,
    dataset: &Dataset,
    labels: Option<(&LabelsSpec, &Dataset)>,
) -> Result<(Vec<Option<f64>>, Option<String>)> {
    let mut foreign = None;
    let mut read_column = |dataset: &Dataset| -> Result<Vec<Option<f64>>> {
        let values = column::get(&dataset.frame, &model.target)?;
        if model.task == Task::Regression {
            return Ok(column::numbers(values)?.into_iter().map(|v| Some(v).filter(|v| v.is_finite())).collect());
        }
        Ok(column::texts(values)?
            .iter()
            .map(|v| {
                let v = v.as_ref()?;
                let code = model.classes.iter().position(|c| c == v);
                if code.is_none() && foreign.is_none() {
                    foreign = Some(format!("`{v}` is none of the classes {}", model.classes.join(", ")));
                }
                code.map(|k| k as f64)
            })
            .collect())
    };
    if let Some((labels, table)) = labels {
        for (name, of) in [(&labels.key, table), (&labels.key, dataset), (&model.target, table)] {
            of.spec(name)?;
        }
        let answers = read_column(table)?;
        let keys = column::texts(column::get(&table.frame, &labels.key)?)?;
        let by_key: HashMap<String, f64> = keys.into_iter().zip(answers).filter_map(|(k, a)| Some((k?, a?))).collect();
        let keys = column::texts(column::get(&dataset.frame, &labels.key)?)?;
        let found: Vec<Option<f64>> = keys.into_iter().map(|k| by_key.get(&k?).copied()).collect();
        let remark = foreign.or_else(|| {
            (found.iter().all(Option::is_none) && !by_key.is_empty())
                .then(|| format!("none of the {} keys of {} is among the new rows", by_key.len(), labels.source))
        });
        return Ok((found, remark));
    }
    if dataset.spec(&model.target).is_ok() {
        let found = read_column(dataset)?;
        return Ok((found, foreign));
    }
    Ok((vec![None; dataset.rows()], None))
}

/// Seconds since 1970 of each row, NaN where missing.
fn times(dataset: &Dataset, spec: &WatchSpec) -> Result<Option<Vec<f64>>> {
    let column = match &spec.time {
        Some(name) => Some(dataset.spec(name)?),
        None => dataset.columns.iter().find(|c| c.meaning == Meaning::DateTime),
    };
    let Some(column) = column else { return Ok(None) };
    if column.meaning != Meaning::DateTime {
        return Err(Error::usage(format!("`{}` is not a date or time", column.name))
            .hint("Name a date column under [watch] time"));
    }
    let values = column::numbers(column::get(&dataset.frame, &column.name)?)?;
    let day = if column.physical == data::Physical::Date { 86_400.0 } else { 1.0 };
    Ok(Some(values.into_iter().map(|v| v * day).collect()))
}
