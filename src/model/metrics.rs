//! Metrics by scikit-learn's names and definitions (1.9; `tests/python/reference_metrics.py` makes the reference values).

use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

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

/// The metrics of a task, in the order in which they are shown.
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
    !matches!(name, "log_loss" | "brier" | "mae" | "rmse" | "mse" | "medae" | "mape" | "max_error" | "mean_error")
}

/// Whether `a` is a better value of the metric than `b`; NaN is worse than any number.
#[must_use]
pub fn is_better(name: &str, a: f64, b: f64) -> bool {
    if a.is_nan() {
        return false;
    }
    b.is_nan() || if higher_is_better(name) { a > b } else { a < b }
}

/// All metrics of the task on some rows, in the order of [`names`]. Undefined ones (the AUC of a single class) are NaN.
#[must_use]
pub fn evaluate(task: Task, truth: &Target, prediction: &Prediction) -> Vec<(&'static str, f64)> {
    names(task).iter().map(|name| (*name, one(name, truth, prediction))).collect()
}

/// One metric by name; NaN when it is undefined or does not fit the target.
#[must_use]
pub fn one(name: &str, truth: &Target, prediction: &Prediction) -> f64 {
    match truth {
        Target::Numbers(y) => {
            let p = prediction.column(0);
            match name {
                "mae" => mean(y.iter().zip(&p).map(|(y, p)| (y - p).abs())),
                "mse" => mean_squared_error(y, &p),
                "rmse" => mean_squared_error(y, &p).sqrt(),
                "r2" => r2(y, &p),
                "medae" => median(y.iter().zip(&p).map(|(y, p)| (y - p).abs()).collect()),
                "mape" => mean(y.iter().zip(&p).map(|(y, p)| (y - p).abs() / y.abs().max(f64::EPSILON))),
                "max_error" => y.iter().zip(&p).map(|(y, p)| (y - p).abs()).fold(f64::NAN, f64::max),
                "explained_variance" => explained_variance(y, &p),
                "mean_error" => mean(y.iter().zip(&p).map(|(y, p)| p - y)),
                _ => f64::NAN,
            }
        }
        Target::Classes { codes, count } => {
            let scores = prediction.scores.view();
            let binary = *count == 2;
            match name {
                "log_loss" => log_loss(codes, scores),
                "brier" => brier(codes, scores),
                "roc_auc" if binary => roc_auc(&positives(codes), &prediction.column(1)),
                "average_precision" if binary => average_precision(&positives(codes), &prediction.column(1)),
                "roc_auc_ovr" => roc_auc_ovr(codes, *count, prediction),
                _ => {
                    let confusion = confusion(codes, &prediction.classes(), *count);
                    match name {
                        "accuracy" => accuracy(&confusion),
                        "balanced_accuracy" => balanced_accuracy(&confusion),
                        "precision" if binary => per_class(&confusion)[1].0,
                        "recall" if binary => per_class(&confusion)[1].1,
                        "f1" if binary => per_class(&confusion)[1].2,
                        "precision_macro" => mean(present(&confusion).into_iter().map(|c| c.0)),
                        "recall_macro" => mean(present(&confusion).into_iter().map(|c| c.1)),
                        "f1_macro" => mean(present(&confusion).into_iter().map(|c| c.2)),
                        "mcc" => matthews(&confusion),
                        _ => f64::NAN,
                    }
                }
            }
        }
    }
}

fn positives(codes: &[usize]) -> Vec<bool> {
    codes.iter().map(|c| *c == 1).collect()
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

fn mean_squared_error(y: &[f64], p: &[f64]) -> f64 {
    mean(y.iter().zip(p).map(|(y, p)| (y - p).powi(2)))
}

/// Coefficient of determination, `1 - Σ(y-p)² / Σ(y-ȳ)²`; for a constant target 1 when exact, else 0.
fn r2(y: &[f64], p: &[f64]) -> f64 {
    let centre = mean(y.iter().copied());
    let total: f64 = y.iter().map(|v| (v - centre).powi(2)).sum();
    let left: f64 = y.iter().zip(p).map(|(y, p)| (y - p).powi(2)).sum();
    ratio_score(left, total)
}

fn explained_variance(y: &[f64], p: &[f64]) -> f64 {
    let errors: Vec<f64> = y.iter().zip(p).map(|(y, p)| y - p).collect();
    let bias = mean(errors.iter().copied());
    let centre = mean(y.iter().copied());
    ratio_score(mean(errors.iter().map(|e| (e - bias).powi(2))), mean(y.iter().map(|v| (v - centre).powi(2))))
}

fn ratio_score(left: f64, total: f64) -> f64 {
    if total != 0.0 {
        1.0 - left / total
    } else if left == 0.0 {
        1.0
    } else {
        0.0
    }
}

/// Mean of `-ln p(true class)`, probabilities kept `f64::EPSILON` away from 0 and 1. Of two classes the first has what the
/// second leaves (leaf shares kept as `f32` add up to 1 only nearly).
fn log_loss(codes: &[usize], scores: ArrayView2<'_, f64>) -> f64 {
    let inside = |p: f64| p.clamp(f64::EPSILON, 1.0 - f64::EPSILON);
    mean(codes.iter().zip(scores.outer_iter()).map(|(c, row)| {
        let p = if row.len() == 2 && *c == 0 { 1.0 - row[1] } else { row[*c] };
        -inside(p).ln()
    }))
}

/// Two classes: mean of `(p - y)²`. More: mean over rows of the squared distance to the true class's corner.
fn brier(codes: &[usize], scores: ArrayView2<'_, f64>) -> f64 {
    let whole =
        mean(codes.iter().zip(scores.outer_iter()).map(|(c, row)| {
            row.iter().enumerate().map(|(k, p)| (p - f64::from(u8::from(k == *c))).powi(2)).sum::<f64>()
        }));
    if scores.ncols() == 2 { whole / 2.0 } else { whole }
}

/// Area under the ROC curve: the chance that a random positive scores above a random negative, ties counting half.
/// NaN when one side is empty.
#[must_use]
pub fn roc_auc(truth: &[bool], scores: &[f64]) -> f64 {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    let (mut below, mut wins) = (0.0, 0.0);
    let (mut pos, mut neg) = (0.0, 0.0);
    for tied in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
        let p = tied.iter().filter(|&&i| truth[i]).count() as f64;
        let n = tied.len() as f64 - p;
        wins += p * (below + n / 2.0);
        below += n;
        pos += p;
        neg += n;
    }
    if pos == 0.0 || neg == 0.0 { f64::NAN } else { wins / (pos * neg) }
}

fn roc_auc_ovr(codes: &[usize], count: usize, prediction: &Prediction) -> f64 {
    mean((0..count).map(|k| {
        let truth: Vec<bool> = codes.iter().map(|c| *c == k).collect();
        roc_auc(&truth, &prediction.column(k))
    }))
}

/// `Σ (R_n - R_{n-1}) P_n` over descending thresholds, without interpolation. NaN without positives.
#[must_use]
pub fn average_precision(truth: &[bool], scores: &[f64]) -> f64 {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let total = truth.iter().filter(|t| **t).count() as f64;
    let (mut hits, mut seen, mut sum) = (0.0, 0.0, 0.0);
    for tied in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
        let p = tied.iter().filter(|&&i| truth[i]).count() as f64;
        hits += p;
        seen += tied.len() as f64;
        sum += p / total * (hits / seen);
    }
    if total == 0.0 { f64::NAN } else { sum }
}

/// Counts with true classes as rows and predicted classes as columns.
#[must_use]
pub fn confusion(truth: &[usize], predicted: &[usize], count: usize) -> Vec<Vec<u64>> {
    let mut table = vec![vec![0; count]; count];
    for (&t, &p) in truth.iter().zip(predicted) {
        table[t][p] += 1;
    }
    table
}

fn accuracy(table: &[Vec<u64>]) -> f64 {
    let hits: u64 = table.iter().enumerate().map(|(k, row)| row[k]).sum();
    let all: u64 = table.iter().flatten().sum();
    if all == 0 { f64::NAN } else { hits as f64 / all as f64 }
}

/// Mean recall over the classes that occur in the truth.
fn balanced_accuracy(table: &[Vec<u64>]) -> f64 {
    mean(table.iter().enumerate().filter_map(|(k, row)| {
        let n: u64 = row.iter().sum();
        (n > 0).then(|| row[k] as f64 / n as f64)
    }))
}

/// Precision, recall and F1 of each class; 0 where undefined.
fn per_class(table: &[Vec<u64>]) -> Vec<(f64, f64, f64)> {
    let share = |a: u64, b: u64| if b == 0 { 0.0 } else { a as f64 / b as f64 };
    (0..table.len())
        .map(|k| {
            let hit = table[k][k];
            let truth: u64 = table[k].iter().sum();
            let said: u64 = table.iter().map(|row| row[k]).sum();
            (share(hit, said), share(hit, truth), share(2 * hit, said + truth))
        })
        .collect()
}

/// Classes that occur in the truth or in the prediction: the ones over which scikit-learn averages.
fn present(table: &[Vec<u64>]) -> Vec<(f64, f64, f64)> {
    per_class(table)
        .into_iter()
        .enumerate()
        .filter(|(k, _)| table[*k].iter().sum::<u64>() + table.iter().map(|row| row[*k]).sum::<u64>() > 0)
        .map(|(_, c)| c)
        .collect()
}

/// Matthews' correlation for any number of classes (Gorodkin 2004); 0 when undefined.
fn matthews(table: &[Vec<u64>]) -> f64 {
    let truth: Vec<f64> = table.iter().map(|row| row.iter().sum::<u64>() as f64).collect();
    let said: Vec<f64> = (0..table.len()).map(|k| table.iter().map(|row| row[k]).sum::<u64>() as f64).collect();
    let all: f64 = truth.iter().sum();
    let hits: f64 = table.iter().enumerate().map(|(k, row)| row[k] as f64).sum();
    let cross: f64 = truth.iter().zip(&said).map(|(t, s)| t * s).sum();
    let spread = |v: &[f64]| all * all - v.iter().map(|x| x * x).sum::<f64>();
    let below = (spread(&truth) * spread(&said)).sqrt();
    if below == 0.0 { 0.0 } else { (hits * all - cross) / below }
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
        metrics: BTreeMap<String, f64>,
        #[serde(default)]
        roc: Vec<(f64, f64)>,
        #[serde(default)]
        calibration: Vec<(f64, f64)>,
    }

    fn cases() -> Vec<(Case, Target, Prediction)> {
        let reference: Reference = serde_json::from_str(include_str!("../../tests/reference/metrics.json")).unwrap();
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
            let ours = evaluate(case.task, &target, &prediction);
            assert_eq!(ours.len(), case.metrics.len(), "{}", case.task);
            for (name, value) in ours {
                let want = case.metrics[name];
                assert!((value - want).abs() <= 1e-9 * want.abs().max(1.0), "{} {name}: {value} but {want}", case.task);
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
