//! Permutation importance with intervals: how surely does a column help, given that other rows might have been kept back?

use ndarray::Array2;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::engine::Control;
use crate::error::Result;
use crate::model::resample::{Units, take};
use crate::model::{FittedModel, Prediction, Target, metrics};

/// Shuffles a column; each is judged on rows drawn anew.
const REPEATS: u64 = 40;
/// Rows that are scored; with more, intervals are narrowed by the root of the share.
const ROWS: usize = 2_000;

/// How much worse a metric gets without a column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImportanceRange {
    /// The raw column.
    pub column: String,
    /// Mean loss of the metric (positive: the column helps).
    #[serde(deserialize_with = "crate::engine::undefined::number")]
    pub mean: f64,
    /// Lower end of the 95 % interval.
    #[serde(deserialize_with = "crate::engine::undefined::number")]
    pub low: f64,
    /// Upper end of it.
    #[serde(deserialize_with = "crate::engine::undefined::number")]
    pub high: f64,
}

/// Shuffles each raw column of the encoded rows `x` and judges the answers on resampled rows (or groups of rows). The interval is
/// normal; its width has both the choice of rows and the shuffling in it.
///
/// # Errors
/// When cancelled.
pub fn importance_ranges(
    model: &FittedModel,
    x: &Array2<f64>,
    truth: &Target,
    metric: &str,
    groups: Option<&[u32]>,
    seed: u64,
    control: &Control,
) -> Result<Vec<ImportanceRange>> {
    let all = x.nrows();
    // The rows kept back are in the order of the table: every k-th is as good as a draw, and the same each time.
    let step = all.div_ceil(ROWS).max(1);
    let rows: Vec<usize> = (0..all).step_by(step).collect();
    let shrink = (rows.len() as f64 / all.max(1) as f64).sqrt();
    let index: Vec<u32> = rows.iter().map(|r| *r as u32).collect();
    let (x, truth) = (x.select(ndarray::Axis(0), &rows), truth.take(&index));
    let groups: Option<Vec<u32>> = groups.map(|g| rows.iter().filter_map(|r| g.get(*r)).copied().collect());
    let units = Units::new(rows.len(), groups.as_deref());
    let sign = if metrics::higher_is_better(metric) { 1.0 } else { -1.0 };
    let plain = Prediction { scores: model.score_encoded(x.view()) };
    let mut starts = vec![0];
    for input in &model.plan.inputs {
        starts.push(starts.last().copied().unwrap_or(0) + input.width());
    }
    let mut found: Vec<ImportanceRange> = model
        .plan
        .inputs
        .iter()
        .enumerate()
        .map(|(at, input)| {
            let losses: Vec<f64> = (0..REPEATS)
                .into_par_iter()
                .map(|repeat| {
                    control.check()?;
                    let mut rng = ChaCha8Rng::seed_from_u64(seed);
                    rng.set_stream(1 + at as u64 * REPEATS + repeat);
                    let mut order: Vec<usize> = (0..x.nrows()).collect();
                    order.shuffle(&mut rng);
                    let mut shuffled = x.clone();
                    for f in starts[at]..starts[at + 1] {
                        for (row, from) in order.iter().enumerate() {
                            shuffled[[row, f]] = x[[*from, f]];
                        }
                    }
                    let without = Prediction { scores: model.score_encoded(shuffled.view()) };
                    let drawn = units.draw(seed, repeat);
                    let there = truth.take(&drawn);
                    let score = |p: &Prediction| sign * metrics::one(metric, &there, &take(p, &drawn));
                    Ok(score(&plain) - score(&without))
                })
                .collect::<Result<_>>()?;
            let defined: Vec<f64> = losses.into_iter().filter(|l| l.is_finite()).collect();
            let n = defined.len() as f64;
            let mean = defined.iter().sum::<f64>() / n;
            let deviation = (defined.iter().map(|l| (l - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
            let half = 1.959_963_984_540_054 * deviation * shrink;
            Ok(ImportanceRange { column: input.name.clone(), mean, low: mean - half, high: mean + half })
        })
        .collect::<Result<_>>()?;
    found.sort_by(|a, b| b.mean.total_cmp(&a.mean).then_with(|| a.column.cmp(&b.column)));
    Ok(found)
}
