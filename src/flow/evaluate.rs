//! Everything that the rows kept back say of a run: all metrics, the best threshold, where it is weak, how groups fare.

use serde::Serialize;

use crate::chart::{Axis, Bar, Chart, Direction, Series, short};
use crate::data::{brief, column};
use crate::engine::Control;
use crate::error::{Error, Result};
use crate::model::calibration::CalibrationReport;
use crate::model::delong::Placements;
use crate::model::evaluate::with_intervals;
use crate::model::groups::{Answered, ByGroup, by_group};
use crate::model::metrics::{self, Best, Rows};
use crate::model::segments::{Segment, row_losses, weak_segments};
use crate::model::threshold::{Costs, ThresholdChoice, choose};
use crate::model::train::HoldOut;
use crate::model::{Prediction, Target, Task};

use super::record::RunRecord;
use super::run_rows::{group_values, run_rows};
use super::workshop::Workshop;

/// What is asked beside the metrics.
#[derive(Debug, Clone, Default)]
pub struct EvaluateOptions {
    /// A column whose values are judged one by one.
    pub by: Option<String>,
    /// What errors cost: the threshold is chosen by it.
    pub costs: Option<Costs>,
}

/// A metric of the table, with its interval and its meaning.
#[derive(Debug, Clone, Serialize)]
pub struct MetricLine {
    /// Its name.
    pub name: &'static str,
    /// The value; none where it is undefined.
    pub value: Option<f64>,
    /// Lower end of the 95 % interval.
    pub low: Option<f64>,
    /// Upper end of it.
    pub high: Option<f64>,
    /// Which value is best.
    pub best: Best,
    /// scikit-learn's function, or where the definition comes from.
    pub definition: &'static str,
    /// Why it has no value here.
    pub undefined: Option<&'static str>,
}

/// What the rows kept back say.
#[derive(Debug, Clone, Serialize)]
pub struct Evaluation {
    /// The run.
    pub run: String,
    /// Rows kept back.
    pub rows: usize,
    /// Whether intervals are over groups of rows.
    pub over_groups: bool,
    /// Every metric of the task.
    pub metrics: Vec<MetricLine>,
    /// DeLong's interval of `roc_auc`, where rows are independent.
    pub delong: Option<(f64, f64)>,
    /// What a calibration mended.
    pub calibration: Option<CalibrationReport>,
    /// The threshold by costs.
    pub threshold: Option<ThresholdChoice>,
    /// Parts of the rows on which the model is worse, the surest first.
    pub weak_segments: Vec<Segment>,
    /// Rows on which segments were looked for: at most the 5,000 that are kept with a run.
    pub segment_rows: usize,
    /// The groups asked for.
    pub by: Option<ByGroup>,
}

/// Positives and their scores on the rows kept back.
fn positives(hold_out: &HoldOut, prediction: &Prediction) -> Option<(Vec<bool>, Vec<f64>)> {
    match &hold_out.truth {
        Target::Classes { codes, count: 2 } => Some((codes.iter().map(|c| *c == 1).collect(), prediction.column(1))),
        _ => None,
    }
}

/// The threshold of a run by costs.
///
/// # Errors
/// When the run's target does not have two classes, or the costs are not sound.
pub fn threshold(shop: &Workshop, run: &RunRecord, costs: &Costs, control: &Control) -> Result<ThresholdChoice> {
    let hold_out = shop.hold_out(run)?;
    let prediction = hold_out.prediction();
    let (truth, scores) = positives(&hold_out, &prediction).ok_or_else(|| {
        Error::usage(format!("a threshold needs two classes, and run {} predicts a {} target", run.id, run.task))
            .hint("Leave out the costs")
    })?;
    choose(&truth, &scores, costs, hold_out.groups.as_deref(), run.seed, control)
}

/// Evaluates a run.
///
/// # Errors
/// When the run has no model, the column is nowhere to be found, costs are given for other than two classes, or when cancelled.
pub fn evaluate(shop: &Workshop, run: &RunRecord, options: &EvaluateOptions, control: &Control) -> Result<Evaluation> {
    let hold_out = shop.hold_out(run)?;
    let prediction = hold_out.prediction();
    let groups = hold_out.groups.as_deref();
    let threshold = options.costs.as_ref().map(|costs| threshold(shop, run, costs, control)).transpose()?;
    control.report("metrics", None, "");
    let lines = metric_lines(shop, run, &hold_out, &prediction, control)?;
    let delong = positives(&hold_out, &prediction)
        .filter(|_| groups.is_none())
        .and_then(|(truth, scores)| Placements::new(&truth, &scores)?.interval());
    control.report("weak segments", None, "");
    let (weak, segment_rows) = segments(shop, run, &hold_out, &prediction, control)?;
    let by = match &options.by {
        Some(name) => {
            control.report("groups", None, name);
            let values = values_of(shop, run, &hold_out, name, control)?;
            let answered = Answered { truth: &hold_out.truth, prediction: &prediction, clusters: groups };
            Some(by_group(name, &values, group_metrics(run), answered, run.seed, control)?)
        }
        None => None,
    };
    Ok(Evaluation {
        run: run.id.clone(),
        rows: hold_out.rows.len(),
        over_groups: groups.is_some(),
        metrics: lines,
        delong,
        calibration: run.calibration.clone(),
        threshold,
        weak_segments: weak,
        segment_rows,
        by,
    })
}

/// What is told of each group: skill, and for two classes the rates that fairness is spoken of in.
fn group_metrics(run: &RunRecord) -> &'static [&'static str] {
    match run.task {
        Task::Binary => &["roc_auc", "log_loss", "accuracy", "recall", "specificity", "precision"],
        Task::Multiclass => &["log_loss", "accuracy", "f1_macro"],
        Task::Regression => &["mae", "rmse", "mean_error"],
    }
}

fn metric_lines(
    shop: &Workshop,
    run: &RunRecord,
    hold_out: &HoldOut,
    prediction: &Prediction,
    control: &Control,
) -> Result<Vec<MetricLine>> {
    let names: Vec<&str> = metrics::of_task(run.task).map(|m| m.name).collect();
    let found = with_intervals(&names, &hold_out.truth, prediction, hold_out.groups.as_deref(), run.seed, control)?;
    let columns = shop.model(run)?.plan.inputs.len();
    let rows = Rows::new(&hold_out.truth, prediction).with_features(columns);
    // The adjusted R² is a function of R², so its interval follows from that of R².
    let adjusted = |r2: f64| {
        let rows = hold_out.rows.len() as f64;
        1.0 - (1.0 - r2) * (rows - 1.0) / (rows - columns as f64 - 1.0)
    };
    let r2 = found.iter().find(|m| m.name == "r2").map(|m| (m.low.map(adjusted), m.high.map(adjusted)));
    Ok(metrics::of_task(run.task)
        .zip(found)
        .map(|(info, metric)| {
            let value = Some(info.of(&rows)).filter(|v| v.is_finite());
            let (low, high) = match r2 {
                Some(ends) if info.name == "r2_adjusted" && value.is_some() => ends,
                _ => (metric.low, metric.high),
            };
            MetricLine {
                name: info.name,
                value,
                low,
                high,
                best: info.best,
                definition: info.definition,
                undefined: if value.is_none() && !info.undefined.is_empty() { Some(info.undefined) } else { None },
            }
        })
        .collect())
}

fn segments(
    shop: &Workshop,
    run: &RunRecord,
    hold_out: &HoldOut,
    prediction: &Prediction,
    control: &Control,
) -> Result<(Vec<Segment>, usize)> {
    let model = shop.model(run)?;
    let x = model.plan.transform_with(&shop.kept_rows(run)?, control)?;
    // The rows kept with a run are the first of those kept back.
    let rows = x.nrows().min(hold_out.rows.len());
    let mut losses = row_losses(&hold_out.truth, prediction);
    losses.truncate(rows);
    let groups = hold_out.groups.as_deref().and_then(|g| g.get(..rows));
    let important: Vec<String> = run.importance.iter().map(|i| i.column.clone()).collect();
    let x = x.slice_axis(ndarray::Axis(0), (..rows).into());
    Ok((weak_segments(&model.plan, x, &losses, &important, groups, run.seed, control)?, rows))
}

/// Bars in the chart of weak segments.
const BARS: usize = 8;

/// The weak segments of a run beside all other rows.
pub(super) fn segments_chart(shop: &Workshop, run: &RunRecord) -> Result<Chart> {
    let hold_out = shop.hold_out(run)?;
    let (found, rows) = segments(shop, run, &hold_out, &hold_out.prediction(), &Control::default())?;
    let loss = if run.task.is_classification() { "log loss" } else { "absolute error" };
    let words = |s: &Segment| -> String {
        let all: Vec<String> =
            s.conditions.iter().map(|c| format!("{} {}", brief(&c.column, 20), brief(&c.words, 30))).collect();
        all.join(", ")
    };
    let sentence = match found.first() {
        Some(s) => format!(
            "Where {}, the {loss} is {} in place of {} elsewhere ({:.0} % of the rows).",
            words(s),
            short(s.loss),
            short(s.elsewhere),
            s.share * 100.0
        ),
        None => format!("No part of the {rows} rows looked at is clearly worse than the rest."),
    };
    let bars = found
        .iter()
        .take(BARS)
        .map(|s| Bar {
            label: words(s),
            value: s.loss,
            interval: Some((s.elsewhere + s.low, s.elsewhere + s.high)),
            reference: Some(s.elsewhere),
            ..Bar::default()
        })
        .collect();
    Ok(Chart {
        title: String::new(),
        x: Axis::linear(format!("{loss}; outlined: all other rows")),
        y: Axis::default(),
        series: vec![Series::Bars { name: String::new(), bars, direction: Direction::Horizontal }],
        sentence,
    })
}

/// The values of a column for each row kept back: from the rows kept with the run, or from its source.
fn values_of(
    shop: &Workshop,
    run: &RunRecord,
    hold_out: &HoldOut,
    name: &str,
    control: &Control,
) -> Result<Vec<Option<String>>> {
    let kept = shop.kept_rows(run)?;
    if kept.height() == hold_out.rows.len() && column::get(&kept, name).is_ok() {
        return group_values(&kept, name);
    }
    let source = run_rows(shop, run, &hold_out.rows, control)?;
    source.dataset.spec(name)?;
    let rows = crate::model::prepare::take_rows(&source.dataset.frame, &hold_out.rows)?;
    group_values(&rows, name)
}
