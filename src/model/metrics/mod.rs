//! Metrics by scikit-learn's definitions (1.9; `tests/python/reference_metrics.py` makes the reference values).
//!
//! [`METRICS`] is the one table of them. `hinge_loss` is not among them: it is defined on distances from a margin, and our models
//! answer with probabilities.

mod labels;
mod numbers;
mod probability;
mod ranking;
mod rows;
mod table;

use serde::{Deserialize, Serialize};

pub use labels::Confusion;
pub use probability::{ECE_BINS, log_losses};
pub use ranking::{average_precision, roc_auc};
pub use rows::Rows;
pub use table::{Best, METRICS, MetricInfo, Reads, find, of_task};

use super::{Prediction, Target, Task};

/// A named figure, with the 95 % interval where one was computed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// scikit-learn's name, for example `roc_auc`.
    pub name: String,
    /// The value on the rows kept back.
    #[serde(deserialize_with = "crate::engine::undefined::number")]
    pub value: f64,
    /// Lower end of the 95 % bootstrap interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// Upper end of the 95 % bootstrap interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
}

/// The metric by which candidates are ranked unless the user names another.
#[must_use]
pub fn primary(task: Task) -> &'static str {
    match task {
        Task::Binary => "roc_auc",
        Task::Multiclass => "log_loss",
        Task::Regression => "mae",
    }
}

/// The metrics of a task that every run has, in the order in which they are shown. The table has more of them.
#[must_use]
pub fn names(task: Task) -> &'static [&'static str] {
    match task {
        Task::Binary => &[
            "roc_auc",
            "average_precision",
            "log_loss",
            "brier",
            "accuracy",
            "balanced_accuracy",
            "f1",
            "precision",
            "recall",
            "mcc",
        ],
        Task::Multiclass => &[
            "log_loss",
            "accuracy",
            "balanced_accuracy",
            "f1_macro",
            "precision_macro",
            "recall_macro",
            "roc_auc_ovr",
            "brier",
            "mcc",
        ],
        Task::Regression => &["mae", "rmse", "r2", "medae", "mape", "max_error", "explained_variance", "mean_error"],
    }
}

/// Whether more of a metric is better. `mean_error` (bias) is best at 0 and is never ranked by.
#[must_use]
pub fn higher_is_better(name: &str) -> bool {
    find(name).is_none_or(|m| m.best == Best::High)
}

/// Whether `a` is a better value of the metric than `b`; NaN is worse than any number.
#[must_use]
pub fn is_better(name: &str, a: f64, b: f64) -> bool {
    if a.is_nan() {
        return false;
    }
    b.is_nan() || if higher_is_better(name) { a > b } else { a < b }
}

/// The metrics of a task that every run has, on some rows, in the order of [`names`]. Undefined ones (the AUC of a single class)
/// are NaN.
#[must_use]
pub fn evaluate(task: Task, truth: &Target, prediction: &Prediction) -> Vec<(&'static str, f64)> {
    let rows = Rows::new(truth, prediction);
    names(task).iter().map(|name| (*name, of_rows(name, task, &rows))).collect()
}

/// Metrics by name; NaN for those that are undefined or do not fit the target.
#[must_use]
pub fn several(names: &[&str], truth: &Target, prediction: &Prediction) -> Vec<f64> {
    let rows = Rows::new(truth, prediction);
    let task = task_of(truth);
    names.iter().map(|name| of_rows(name, task, &rows)).collect()
}

/// One metric by name; NaN when it is undefined or does not fit the target.
#[must_use]
pub fn one(name: &str, truth: &Target, prediction: &Prediction) -> f64 {
    of_rows(name, task_of(truth), &Rows::new(truth, prediction))
}

/// What each row adds to a metric that is a mean over rows; `None` for other metrics. Resampling such a metric needs only these.
#[must_use]
pub fn row_values(name: &str, truth: &Target, prediction: &Prediction) -> Option<Vec<f64>> {
    let scores = prediction.scores.view();
    match (name, truth) {
        ("log_loss", Target::Classes { codes, .. }) => Some(log_losses(codes, scores)),
        ("brier", Target::Classes { codes, .. }) => Some(probability::briers(codes, scores)),
        ("mae" | "mse" | "mean_error", Target::Numbers(y)) => {
            let part = |(p, y): (&f64, &f64)| match name {
                "mae" => (y - p).abs(),
                "mse" => (y - p).powi(2),
                _ => p - y,
            };
            Some(scores.column(0).iter().zip(y).map(part).collect())
        }
        _ => None,
    }
}

fn of_rows(name: &str, task: Task, rows: &Rows<'_>) -> f64 {
    find(name).filter(|m| m.tasks.contains(&task)).map_or(f64::NAN, |m| m.of(rows))
}

/// The task that a target belongs to, told by its number of classes.
fn task_of(truth: &Target) -> Task {
    match truth {
        Target::Numbers(_) => Task::Regression,
        Target::Classes { count: 2, .. } => Task::Binary,
        Target::Classes { .. } => Task::Multiclass,
    }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values.fold((0.0, 0u64), |(s, n), v| (s + v, n + 1));
    if n == 0 { f64::NAN } else { sum / n as f64 }
}

fn median(mut values: Vec<f64>) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    values.sort_by(f64::total_cmp);
    let m = values.len() / 2;
    if values.len() % 2 == 1 { values[m] } else { f64::midpoint(values[m - 1], values[m]) }
}

/// Counts with true classes as rows and predicted classes as columns.
#[must_use]
pub fn confusion(truth: &[usize], predicted: &[usize], count: usize) -> Vec<Vec<u64>> {
    Confusion::new(truth, predicted, count).0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::curves;
    use ndarray::Array2;
    use serde::Deserialize;
    use std::collections::BTreeMap;

    /// Made by `tests/python/reference_metrics.py` with scikit-learn.
    #[derive(Deserialize)]
    struct Reference {
        cases: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        task: Task,
        #[serde(default)]
        classes: usize,
        truth: Vec<f64>,
        scores: Vec<Vec<f64>>,
        /// `None` where scikit-learn refuses or warns that the metric is undefined.
        metrics: BTreeMap<String, Option<f64>>,
        #[serde(default)]
        roc: Vec<(f64, f64)>,
        #[serde(default)]
        calibration: Vec<(f64, f64)>,
    }

    fn cases() -> Vec<(Case, Target, Prediction)> {
        let reference: Reference = serde_json::from_str(include_str!("../../../tests/reference/metrics.json")).unwrap();
        reference
            .cases
            .into_iter()
            .map(|case| {
                let wide = case.scores[0].len();
                let scores = Array2::from_shape_fn((case.scores.len(), wide), |(i, k)| case.scores[i][k]);
                let target = match case.task {
                    Task::Regression => Target::Numbers(case.truth.clone()),
                    task => Target::Classes {
                        codes: case.truth.iter().map(|v| *v as usize).collect(),
                        count: if task == Task::Binary { 2 } else { case.classes },
                    },
                };
                (case, target, Prediction { scores })
            })
            .collect()
    }

    #[test]
    fn every_metric_equals_scikit_learns() {
        for (case, target, prediction) in cases() {
            let rows = Rows::new(&target, &prediction).with_features(7);
            let ours: Vec<_> = of_task(case.task).map(|m| (m.name, m.of(&rows))).collect();
            assert_eq!(ours.len(), case.metrics.len(), "{}", case.task);
            for (name, value) in ours {
                match case.metrics[name] {
                    Some(want) => {
                        let near = (value - want).abs() <= 1e-9 * want.abs().max(1.0);
                        assert!(near, "{} {name}: {value} but {want}", case.task);
                    }
                    None => assert!(value.is_nan(), "{} {name}: {value} but it is undefined", case.task),
                }
            }
        }
    }

    #[test]
    fn the_table_names_each_metric_once_and_says_when_it_is_undefined() {
        for (i, m) in METRICS.iter().enumerate() {
            assert!(METRICS[..i].iter().all(|o| o.name != m.name), "{} stands twice", m.name);
            assert!(!m.tasks.is_empty() && !m.definition.is_empty(), "{}", m.name);
        }
        for task in [Task::Binary, Task::Multiclass, Task::Regression] {
            assert!(names(task).iter().all(|n| of_task(task).any(|m| m.name == *n)), "{task}");
            assert!(of_task(task).any(|m| m.name == primary(task) && m.ranks));
        }
        // Whatever the reference says is undefined is announced.
        for (case, ..) in cases() {
            for (name, value) in case.metrics {
                assert!(value.is_some() || !find(&name).unwrap().undefined.is_empty(), "{name}");
            }
        }
    }

    #[test]
    fn means_over_rows_are_means_of_what_the_rows_add() {
        let mut seen = std::collections::BTreeSet::new();
        for (case, target, prediction) in cases() {
            for m in of_task(case.task) {
                let Some(parts) = row_values(m.name, &target, &prediction) else { continue };
                seen.insert(m.name);
                let (ours, whole) = (mean(parts.into_iter()), one(m.name, &target, &prediction));
                assert!((ours - whole).abs() <= 1e-12 * whole.abs().max(1.0), "{}: {ours} is not {whole}", m.name);
            }
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["brier", "log_loss", "mae", "mean_error", "mse"]);
    }

    #[test]
    fn no_rows_give_no_number_and_no_panic() {
        for (task, truth, wide) in [
            (Task::Binary, Target::Classes { codes: vec![], count: 2 }, 2),
            (Task::Multiclass, Target::Classes { codes: vec![], count: 4 }, 4),
            (Task::Regression, Target::Numbers(vec![]), 1),
        ] {
            let prediction = Prediction { scores: Array2::zeros((0, wide)) };
            for m in of_task(task) {
                let value = m.of(&Rows::new(&truth, &prediction));
                assert!(value.is_nan(), "{} of nothing is {value}", m.name);
            }
        }
    }

    #[test]
    fn curves_equal_scikit_learns() {
        for (case, target, prediction) in cases().into_iter().filter(|c| !c.0.roc.is_empty()) {
            let Target::Classes { codes, .. } = target else { unreachable!() };
            let truth: Vec<bool> = codes.iter().map(|c| *c == 1).collect();
            let scores = prediction.column(1);
            let near = |a: &(f64, f64), b: &(f64, f64)| (a.0 - b.0).abs() < 1e-12 && (a.1 - b.1).abs() < 1e-12;
            let roc = curves::roc(&truth, &scores);
            assert_eq!(roc.len(), case.roc.len());
            assert!(roc.iter().zip(&case.roc).all(|(a, b)| near(a, b)));
            let bins: Vec<(f64, f64)> =
                curves::calibration(&truth, &scores, 10).iter().map(|b| (b.predicted, b.observed)).collect();
            assert_eq!(bins.len(), case.calibration.len());
            assert!(bins.iter().zip(&case.calibration).all(|(a, b)| near(a, b)), "{bins:?} {:?}", case.calibration);
        }
    }

    #[test]
    fn a_single_class_has_no_auc() {
        assert!(roc_auc(&[true, true], &[0.1, 0.2]).is_nan());
        assert!(average_precision(&[false], &[0.1]).is_nan());
    }
}
