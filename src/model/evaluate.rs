//! Uncertainty: bootstrap intervals, the paired comparison of two models, and permutation importance.

use ndarray::Array2;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::metrics::{self, Metric};
use super::{FeaturePlan, Fitted, Prediction, Target, Task};
use crate::engine::Control;
use crate::error::Result;

/// Bootstrap repeats.
const REPEATS: u64 = 300;
/// Beyond this many rows an interval is computed on a random part of them and scaled by the root of the share.
const MAX_ROWS: usize = 20_000;

fn take(prediction: &Prediction, index: &[u32]) -> Prediction {
    let wide = prediction.scores.ncols();
    let scores = Array2::from_shape_fn((index.len(), wide), |(i, k)| prediction.scores[[index[i] as usize, k]]);
    Prediction { scores }
}

fn resample(rows: usize, seed: u64, repeat: u64) -> Vec<u32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(repeat);
    let n = rows.min(MAX_ROWS);
    (0..n).map(|_| rng.random_range(0..rows as u32)).collect()
}

/// 2.5 % and 97.5 % quantiles of the finite values, drawn towards `centre` by `shrink`.
fn interval(mut values: Vec<f64>, centre: f64, shrink: f64) -> Option<(f64, f64)> {
    values.retain(|v| v.is_finite());
    if values.len() < 20 || !centre.is_finite() {
        return None;
    }
    values.sort_by(f64::total_cmp);
    let at = |q: f64| {
        let position = q * (values.len() - 1) as f64;
        let (low, part) = (position.floor() as usize, position.fract());
        let high = (low + 1).min(values.len() - 1);
        centre + (values[low] + part * (values[high] - values[low]) - centre) * shrink
    };
    Some((at(0.025), at(0.975)))
}

/// All metrics on the rows kept back, each with its percentile bootstrap interval over rows (300 repeats).
///
/// # Errors
/// When cancelled.
pub fn with_intervals(
    task: Task,
    truth: &Target,
    prediction: &Prediction,
    seed: u64,
    control: &Control,
) -> Result<Vec<Metric>> {
    let rows = truth.len();
    let repeats: Vec<Vec<(&'static str, f64)>> = (0..REPEATS)
        .into_par_iter()
        .map(|repeat| {
            control.check()?;
            let index = resample(rows, seed, repeat);
            Ok(metrics::evaluate(task, &truth.take(&index), &take(prediction, &index)))
        })
        .collect::<Result<_>>()?;
    let shrink = (rows.min(MAX_ROWS) as f64 / rows.max(1) as f64).sqrt();
    Ok(metrics::evaluate(task, truth, prediction)
        .into_iter()
        .enumerate()
        .map(|(m, (name, value))| {
            let ends = interval(repeats.iter().map(|r| r[m].1).collect(), value, shrink);
            Metric { name: name.into(), value, low: ends.map(|e| e.0), high: ends.map(|e| e.1) }
        })
        .collect())
}

/// Whether one model is really better than another on the same rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PairedTest {
    /// The metric compared.
    pub metric: String,
    /// Value of the first less value of the second.
    pub difference: f64,
    /// Lower end of the difference's 95 % interval.
    pub low: f64,
    /// Upper end of it.
    pub high: f64,
    /// Whether the interval leaves out 0.
    pub real: bool,
}

/// Paired bootstrap: both models are judged on the same resampled rows, 300 times.
///
/// # Errors
/// When cancelled.
pub fn paired(
    metric: &str,
    truth: &Target,
    a: &Prediction,
    b: &Prediction,
    seed: u64,
    control: &Control,
) -> Result<PairedTest> {
    let rows = truth.len();
    let difference = metrics::one(metric, truth, a) - metrics::one(metric, truth, b);
    let differences: Vec<f64> = (0..REPEATS)
        .into_par_iter()
        .map(|repeat| {
            control.check()?;
            let index = resample(rows, seed, repeat);
            let truth = truth.take(&index);
            Ok(metrics::one(metric, &truth, &take(a, &index)) - metrics::one(metric, &truth, &take(b, &index)))
        })
        .collect::<Result<_>>()?;
    let shrink = (rows.min(MAX_ROWS) as f64 / rows.max(1) as f64).sqrt();
    let (low, high) = interval(differences, difference, shrink).unwrap_or((f64::NAN, f64::NAN));
    Ok(PairedTest { metric: metric.into(), difference, low, high, real: low > 0.0 || high < 0.0 })
}

/// How much worse the model gets when one raw column is shuffled among the rows kept back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Importance {
    /// The raw column.
    pub column: String,
    /// Mean loss of the metric over the repeats (positive: the column helps).
    pub mean: f64,
    /// Standard deviation over the repeats (population, as scikit-learn's `importances_std`).
    pub std: f64,
}

/// Shuffles per column; at most this many rows are scored.
const IMPORTANCE_REPEATS: u64 = 5;
const IMPORTANCE_ROWS: usize = 5_000;

/// Permutation importance (Breiman 2001; scikit-learn's `permutation_importance`) per raw column, largest first.
/// `x` holds encoded rows; all features of a column are shuffled together.
///
/// # Errors
/// When cancelled.
pub fn permutation_importance(
    fitted: &Fitted,
    plan: &FeaturePlan,
    x: &Array2<f64>,
    truth: &Target,
    metric: &str,
    seed: u64,
    control: &Control,
) -> Result<Vec<Importance>> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let rows: Vec<usize> = if x.nrows() > IMPORTANCE_ROWS {
        let mut some = rand::seq::index::sample(&mut rng, x.nrows(), IMPORTANCE_ROWS).into_vec();
        some.sort_unstable();
        some
    } else {
        (0..x.nrows()).collect()
    };
    let x = x.select(ndarray::Axis(0), &rows);
    let truth = truth.take(&rows.iter().map(|&r| r as u32).collect::<Vec<_>>());
    let sign = if metrics::higher_is_better(metric) { 1.0 } else { -1.0 };
    let score = |x: &Array2<f64>| sign * metrics::one(metric, &truth, &Prediction { scores: fitted.scores(x.view()) });
    let whole = score(&x);
    let mut start = 0;
    let mut all = Vec::with_capacity(plan.inputs.len());
    for (at, input) in plan.inputs.iter().enumerate() {
        let features = start..start + input.width();
        start = features.end;
        let mut losses = Vec::new();
        for repeat in 0..IMPORTANCE_REPEATS {
            control.check()?;
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(1 + at as u64 * IMPORTANCE_REPEATS + repeat);
            let mut order: Vec<usize> = (0..x.nrows()).collect();
            order.shuffle(&mut rng);
            let mut shuffled = x.clone();
            for f in features.clone() {
                for (row, &from) in order.iter().enumerate() {
                    shuffled[[row, f]] = x[[from, f]];
                }
            }
            losses.push(whole - score(&shuffled));
        }
        let mean = losses.iter().sum::<f64>() / losses.len() as f64;
        let std = (losses.iter().map(|l| (l - mean).powi(2)).sum::<f64>() / losses.len() as f64).sqrt();
        all.push(Importance { column: input.name.clone(), mean, std });
    }
    all.sort_by(|a, b| b.mean.total_cmp(&a.mean).then_with(|| a.column.cmp(&b.column)));
    Ok(all)
}
