//! Uncertainty: bootstrap intervals, the paired comparison of two models, and permutation importance.

use std::collections::BTreeMap;

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

/// What is drawn anew in each repeat: single rows, or whole groups of rows.
enum Units {
    Rows(usize),
    Groups(Vec<Vec<u32>>),
}

impl Units {
    /// Rows of one group (the snapshots of one customer) say less than as many strangers: where there are groups, whole
    /// groups are drawn, or the intervals would be too narrow (Field and Welsh 2007, the cluster bootstrap).
    fn new(rows: usize, groups: Option<&[u32]>) -> Self {
        let Some(groups) = groups.filter(|g| g.len() == rows) else { return Self::Rows(rows) };
        let mut members: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (row, group) in groups.iter().enumerate() {
            members.entry(*group).or_default().push(row as u32);
        }
        if members.len() < 2 { Self::Rows(rows) } else { Self::Groups(members.into_values().collect()) }
    }

    fn draw(&self, seed: u64, repeat: u64) -> Vec<u32> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(repeat);
        match self {
            Self::Rows(rows) => {
                let n = (*rows).min(MAX_ROWS);
                (0..n).map(|_| rng.random_range(0..*rows as u32)).collect()
            }
            Self::Groups(groups) => {
                let mut index = Vec::new();
                for _ in 0..groups.len() {
                    if index.len() >= MAX_ROWS {
                        break;
                    }
                    index.extend(&groups[rng.random_range(0..groups.len())]);
                }
                index
            }
        }
    }
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

/// All metrics on the rows kept back, each with its percentile bootstrap interval (300 repeats) over rows, or over
/// `groups` where the split keeps groups together (one number a row).
///
/// # Errors
/// When cancelled.
pub fn with_intervals(
    task: Task,
    truth: &Target,
    prediction: &Prediction,
    groups: Option<&[u32]>,
    seed: u64,
    control: &Control,
) -> Result<Vec<Metric>> {
    let rows = truth.len();
    let units = Units::new(rows, groups);
    let repeats: Vec<Vec<(&'static str, f64)>> = (0..REPEATS)
        .into_par_iter()
        .map(|repeat| {
            control.check()?;
            let index = units.draw(seed, repeat);
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
    #[serde(deserialize_with = "crate::engine::undefined::number")]
    pub difference: f64,
    /// Lower end of the difference's 95 % interval.
    #[serde(deserialize_with = "crate::engine::undefined::number")]
    pub low: f64,
    /// Upper end of it.
    #[serde(deserialize_with = "crate::engine::undefined::number")]
    pub high: f64,
    /// Whether the interval leaves out 0.
    pub real: bool,
}

/// Paired bootstrap: both models are judged on the same resampled rows (or groups of rows), 300 times.
///
/// # Errors
/// When cancelled.
pub fn paired(
    metric: &str,
    truth: &Target,
    a: &Prediction,
    b: &Prediction,
    groups: Option<&[u32]>,
    seed: u64,
    control: &Control,
) -> Result<PairedTest> {
    let rows = truth.len();
    let units = Units::new(rows, groups);
    let difference = metrics::one(metric, truth, a) - metrics::one(metric, truth, b);
    let differences: Vec<f64> = (0..REPEATS)
        .into_par_iter()
        .map(|repeat| {
            control.check()?;
            let index = units.draw(seed, repeat);
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
    #[serde(deserialize_with = "crate::engine::undefined::number")]
    pub mean: f64,
    /// Standard deviation over the repeats (population, as scikit-learn's `importances_std`).
    #[serde(deserialize_with = "crate::engine::undefined::number")]
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
    let mut shuffled = x.clone();
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
            for f in features.clone() {
                for (row, &from) in order.iter().enumerate() {
                    shuffled[[row, f]] = x[[from, f]];
                }
            }
            losses.push(whole - score(&shuffled));
        }
        for f in features {
            shuffled.column_mut(f).assign(&x.column(f));
        }
        let mean = losses.iter().sum::<f64>() / losses.len() as f64;
        let std = (losses.iter().map(|l| (l - mean).powi(2)).sum::<f64>() / losses.len() as f64).sqrt();
        all.push(Importance { column: input.name.clone(), mean, std });
    }
    all.sort_by(|a, b| b.mean.total_cmp(&a.mean).then_with(|| a.column.cmp(&b.column)));
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Encoding, InputColumn};

    fn uniform(n: usize, seed: u64) -> Vec<f64> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        (0..n).map(|_| rng.random_range(0.0..1.0)).collect()
    }

    fn column(values: &[f64]) -> Prediction {
        Prediction { scores: Array2::from_shape_fn((values.len(), 1), |(i, _)| values[i]) }
    }

    #[test]
    fn a_model_does_not_differ_from_itself_and_a_worse_one_does() {
        let truth = uniform(400, 1);
        let good: Vec<f64> = truth.iter().zip(uniform(400, 2)).map(|(t, e)| t + 0.1 * (e - 0.5)).collect();
        let bad: Vec<f64> = truth.iter().zip(uniform(400, 3)).map(|(t, e)| t + 0.5 * (e - 0.5)).collect();
        let test = |a: &[f64], b: &[f64]| {
            paired("mae", &Target::Numbers(truth.clone()), &column(a), &column(b), None, 5, &Control::default())
                .unwrap()
        };
        let same = test(&good, &good);
        assert_eq!((same.difference, same.low, same.high, same.real), (0.0, 0.0, 0.0, false));
        let other = test(&good, &bad);
        assert!(other.real && other.high < 0.0, "{other:?}");
        let turned = test(&bad, &good);
        // Turned round, up to the rounding of the interpolation between two quantiles.
        assert!((turned.low + other.high).abs() < 1e-12 && (turned.high + other.low).abs() < 1e-12);
    }

    #[test]
    fn two_equally_good_models_are_rarely_told_apart() {
        let mut called = 0;
        for seed in 0..100 {
            let truth = uniform(200, 1000 + seed);
            let with = |s: u64| -> Vec<f64> { truth.iter().zip(uniform(200, s)).map(|(t, e)| t + e - 0.5).collect() };
            let (a, b) = (column(&with(2000 + seed)), column(&with(3000 + seed)));
            let target = Target::Numbers(truth.clone());
            called += usize::from(paired("mae", &target, &a, &b, None, seed, &Control::default()).unwrap().real);
        }
        // 5 of 100 are expected; more than 12 has a probability under 0.001 (binomial).
        assert!(called <= 12, "{called} false calls of 100");
    }

    #[test]
    fn intervals_cover_and_groups_widen_them() {
        // 60 groups of 10 rows that share one error: the effective size is 60, not 600.
        let (mut rows_cover, mut groups_cover) = (0, 0);
        let groups: Vec<u32> = (0..600).map(|i| i / 10).collect();
        for seed in 0..60 {
            let errors = uniform(60, 500 + seed);
            let predicted: Vec<f64> = groups.iter().map(|g| errors[*g as usize]).collect();
            let truth = Target::Numbers(vec![0.0; 600]);
            let covers = |groups: Option<&[u32]>| {
                let found =
                    with_intervals(Task::Regression, &truth, &column(&predicted), groups, seed, &Control::default())
                        .unwrap();
                let mae = found.iter().find(|m| m.name == "mae").unwrap();
                // The mean of a uniform error is one half.
                usize::from((mae.low.unwrap()..=mae.high.unwrap()).contains(&0.5))
            };
            rows_cover += covers(None);
            groups_cover += covers(Some(&groups));
        }
        assert!(groups_cover >= 51, "{groups_cover} of 60 intervals over groups hold the truth");
        assert!(rows_cover <= 45, "{rows_cover} of 60 intervals over rows: the groups would not matter");
    }

    #[test]
    fn an_undefined_metric_has_no_interval() {
        let truth = Target::Classes { codes: vec![1; 50], count: 2 };
        let scores =
            Array2::from_shape_fn((50, 2), |(i, k)| if k == 1 { i as f64 / 50.0 } else { 1.0 - i as f64 / 50.0 });
        let found = with_intervals(Task::Binary, &truth, &Prediction { scores }, None, 1, &Control::default()).unwrap();
        let auc = &found[0];
        assert!(auc.value.is_nan() && auc.low.is_none() && auc.high.is_none());
        let text = serde_json::to_string(&found).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Metric>>(&text).unwrap().len(), found.len());
    }

    #[test]
    fn a_column_of_noise_gains_nothing() {
        let (signal, noise) = (uniform(500, 7), uniform(500, 8));
        let x = Array2::from_shape_fn((500, 2), |(i, f)| if f == 0 { signal[i] } else { noise[i] });
        let input = |name: &str| InputColumn {
            name: name.into(),
            encoding: Encoding::Number { impute: Some(0.0), mean: 0.0, scale: 1.0, indicator: false },
        };
        let plan = FeaturePlan { inputs: vec![input("signal"), input("noise")] };
        let fitted = Fitted::Linear { coef: vec![1.0, 0.0], intercept: 0.0 };
        let truth = Target::Numbers(signal.clone());
        let found = permutation_importance(&fitted, &plan, &x, &truth, "mae", 3, &Control::default()).unwrap();
        assert_eq!(found[0].column, "signal");
        // Two independent uniform numbers are a third apart on average.
        assert!((found[0].mean - 1.0 / 3.0).abs() < 0.05, "{found:?}");
        assert_eq!((found[1].mean, found[1].std), (0.0, 0.0));
    }

    #[test]
    fn cancelled_judging_ends() {
        let control = Control::default();
        control.cancel();
        let truth = Target::Numbers(vec![0.0; 30]);
        assert!(with_intervals(Task::Regression, &truth, &column(&[0.0; 30]), None, 1, &control).is_err());
    }
}
