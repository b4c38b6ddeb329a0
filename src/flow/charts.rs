//! Charts of runs and of a watch, from what they left in the workspace.

use crate::chart::{Chart, kinds};
use crate::error::{Error, Result};
use crate::model::{Target, Task, curves, metrics};

use super::record::RunRecord;
use super::workshop::Workshop;

/// Rows of equal score kept together on a calibration chart.
const BINS: usize = 10;

/// What a chart of runs shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RunChart {
    /// Found positives against false alarms.
    Roc,
    /// Precision against recall.
    PrecisionRecall,
    /// Which class was taken for which.
    Confusion,
    /// Observed shares against scores.
    Calibration,
    /// Predicted against actual numbers.
    PredictedActual,
    /// Errors against predictions.
    Residuals,
    /// What the model rests on.
    Importance,
    /// By how much each column moves the answers.
    Contributions,
    /// Where the model is worse than elsewhere.
    WeakSegments,
}

impl RunChart {
    /// The charts of a task, the most telling first.
    #[must_use]
    pub fn of(task: Task) -> &'static [Self] {
        match task {
            Task::Binary => &[
                Self::Roc,
                Self::PrecisionRecall,
                Self::Confusion,
                Self::Calibration,
                Self::Importance,
                Self::Contributions,
                Self::WeakSegments,
            ],
            Task::Multiclass => &[
                Self::Confusion,
                Self::Roc,
                Self::PrecisionRecall,
                Self::Calibration,
                Self::Importance,
                Self::Contributions,
                Self::WeakSegments,
            ],
            Task::Regression => {
                &[Self::PredictedActual, Self::Residuals, Self::Importance, Self::Contributions, Self::WeakSegments]
            }
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Roc => "ROC",
            Self::PrecisionRecall => "precision-recall",
            Self::Confusion => "confusion",
            Self::Calibration => "calibration",
            Self::PredictedActual => "predicted-actual",
            Self::Residuals => "residuals",
            Self::Importance => "importance",
            Self::Contributions => "contributions",
            Self::WeakSegments => "weak-segments",
        }
    }

    /// Whether several runs can share one chart.
    #[must_use]
    pub fn overlays(self) -> bool {
        matches!(self, Self::Roc | Self::PrecisionRecall | Self::Calibration | Self::PredictedActual)
    }
}

/// One question of yes or no: who is positive, and the scores for it.
struct Yes {
    name: String,
    truth: Vec<bool>,
    scores: Vec<f64>,
}

/// The binary questions of runs: the positive class of each run, or, with many classes, each class of the first run
/// against the rest.
fn questions(shop: &Workshop, runs: &[RunRecord]) -> Result<Vec<Yes>> {
    let mut out = Vec::new();
    for run in runs {
        let hold_out = shop.hold_out(run)?;
        let prediction = hold_out.prediction();
        let Target::Classes { codes, .. } = &hold_out.truth else {
            return Err(Error::usage(format!("run {} predicts numbers: it has no such chart", run.id)));
        };
        let wanted: Vec<usize> = if run.task == Task::Binary { vec![1] } else { (0..run.classes.len()).collect() };
        for k in wanted {
            let name = match run.task {
                Task::Binary => run.title.clone(),
                _ => run.classes.get(k).cloned().unwrap_or_default(),
            };
            out.push(Yes { name, truth: codes.iter().map(|c| *c == k).collect(), scores: prediction.column(k) });
        }
        if run.task == Task::Multiclass {
            break;
        }
    }
    Ok(out)
}

fn classes_chart(chart: RunChart, shop: &Workshop, runs: &[RunRecord]) -> Result<Chart> {
    let questions = questions(shop, runs)?;
    let one =
        |i: usize, metric: &str| runs.get(i).filter(|r| r.task == Task::Binary).and_then(|r| r.metric_named(metric));
    let interval = |i: usize, metric: &str| one(i, metric).and_then(|m| Some((m.low?, m.high?)));
    if chart == RunChart::Calibration {
        let bins: Vec<Vec<kinds::CalibrationBin>> = questions
            .iter()
            .map(|q| {
                curves::calibration(&q.truth, &q.scores, BINS)
                    .iter()
                    .map(|b| kinds::CalibrationBin {
                        predicted: b.predicted,
                        observed: b.observed,
                        low: b.low,
                        high: b.high,
                        rows: b.rows as u64,
                    })
                    .collect()
            })
            .collect();
        let models: Vec<(&str, &[kinds::CalibrationBin])> =
            questions.iter().zip(&bins).map(|(q, b)| (q.name.as_str(), b.as_slice())).collect();
        return Ok(kinds::calibration(&models));
    }
    let roc = chart == RunChart::Roc;
    let points: Vec<Vec<(f64, f64)>> = questions
        .iter()
        .map(|q| if roc { curves::roc(&q.truth, &q.scores) } else { curves::precision_recall(&q.truth, &q.scores) })
        .collect();
    let curves: Vec<kinds::Curve<'_>> = questions
        .iter()
        .zip(&points)
        .enumerate()
        .map(|(i, (q, points))| kinds::Curve {
            name: &q.name,
            points,
            auc: if roc {
                metrics::roc_auc(&q.truth, &q.scores)
            } else {
                metrics::average_precision(&q.truth, &q.scores)
            },
            interval: interval(i, if roc { "roc_auc" } else { "average_precision" }),
        })
        .collect();
    let base =
        questions.first().map_or(0.0, |q| q.truth.iter().filter(|t| **t).count() as f64 / q.truth.len().max(1) as f64);
    Ok(if roc { kinds::roc(&curves) } else { kinds::precision_recall(&curves, base) })
}

/// A chart of one or more runs, overlaid where that can be read, else of the first.
///
/// # Errors
/// When there is no run, the chart does not belong to the task, or a run's files cannot be read.
pub fn run_chart(shop: &Workshop, chart: RunChart, runs: &[RunRecord]) -> Result<Chart> {
    let first = runs.first().ok_or_else(|| Error::usage("there is no run to draw").hint("Name a run"))?;
    if !RunChart::of(first.task).contains(&chart) {
        return Err(Error::usage(format!("a {} task has no {} chart", first.task, chart.name())));
    }
    let numbers = |run: &RunRecord| -> Result<(Vec<f64>, Vec<f64>)> {
        let hold_out = shop.hold_out(run)?;
        match &hold_out.truth {
            Target::Numbers(truth) => Ok((truth.clone(), hold_out.prediction().column(0))),
            Target::Classes { .. } => Err(Error::usage(format!("run {} predicts classes", run.id))),
        }
    };
    match chart {
        RunChart::Roc | RunChart::PrecisionRecall | RunChart::Calibration => classes_chart(chart, shop, runs),
        RunChart::Confusion => {
            let hold_out = shop.hold_out(first)?;
            let Target::Classes { codes, .. } = &hold_out.truth else {
                return Err(Error::usage(format!("run {} predicts numbers", first.id)));
            };
            let counts = metrics::confusion(codes, &hold_out.prediction().classes(), first.classes.len());
            let mut chart = kinds::confusion(&first.classes, &counts);
            chart.title = format!("Confusion of {}", first.title);
            Ok(chart)
        }
        RunChart::PredictedActual => {
            let all: Vec<(Vec<f64>, Vec<f64>)> = runs.iter().map(numbers).collect::<Result<_>>()?;
            let models: Vec<(&str, &[f64])> =
                runs.iter().zip(&all).map(|(r, (_, p))| (r.title.as_str(), p.as_slice())).collect();
            let actual = all.first().map(|(a, _)| a.as_slice()).unwrap_or_default();
            Ok(kinds::predicted_actual(&first.target, actual, &models))
        }
        RunChart::Residuals => {
            let (actual, predicted) = numbers(first)?;
            let mut chart = kinds::residuals(&first.target, &actual, &predicted);
            chart.title = format!("Residuals of {}", first.title);
            Ok(chart)
        }
        RunChart::Importance => {
            let pick = |f: fn(&crate::model::evaluate::Importance) -> f64| -> Vec<f64> {
                first.importance.iter().map(f).collect()
            };
            let names: Vec<String> = first.importance.iter().map(|i| i.column.clone()).collect();
            let mut chart = kinds::importance(
                &first.metric,
                &names,
                &pick(|i| i.mean),
                &pick(|i| i.mean - 2.0 * i.std),
                &pick(|i| i.mean + 2.0 * i.std),
            );
            chart.title = format!("Importance in {}", first.title);
            Ok(chart)
        }
        RunChart::Contributions => {
            let mut chart = super::explain::contributions_of(shop, first)?;
            chart.title = format!("What moves the answers of {}", first.title);
            Ok(chart)
        }
        RunChart::WeakSegments => {
            let mut chart = super::evaluate::segments_chart(shop, first)?;
            chart.title = format!("Where {} is weak", first.title);
            Ok(chart)
        }
    }
}
