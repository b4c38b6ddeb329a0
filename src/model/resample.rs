//! Resampling: what is drawn anew in a bootstrap, and the interval that the repeats give.

use std::collections::BTreeMap;

use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

use super::Prediction;

/// Beyond this many rows an interval is computed on a random part of them and scaled by the root of the share.
pub(super) const MAX_ROWS: usize = 20_000;
/// Blocks of units that are left out in turn for the acceleration of an interval.
const BLOCKS: usize = 200;

/// The two-sided p of a standard normal value.
pub(super) fn normal_p(z: f64) -> f64 {
    2.0 * Normal::standard().cdf(-z.abs())
}

/// The rows at `index` of a prediction.
pub(super) fn take(prediction: &Prediction, index: &[u32]) -> Prediction {
    let wide = prediction.scores.ncols();
    let scores = Array2::from_shape_fn((index.len(), wide), |(i, k)| prediction.scores[[index[i] as usize, k]]);
    Prediction { scores }
}

/// What is drawn anew in each repeat: single rows, or whole groups of rows.
pub(super) enum Units {
    Rows(usize),
    Groups(Vec<Vec<u32>>),
}

impl Units {
    /// Rows of one group (the snapshots of one customer) say less than as many strangers: where there are groups, whole
    /// groups are drawn, or the intervals would be too narrow (Field and Welsh 2007, the cluster bootstrap).
    pub(super) fn new(rows: usize, groups: Option<&[u32]>) -> Self {
        let Some(groups) = groups.filter(|g| g.len() == rows) else { return Self::Rows(rows) };
        let mut members: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (row, group) in groups.iter().enumerate() {
            members.entry(*group).or_default().push(row as u32);
        }
        if members.len() < 2 { Self::Rows(rows) } else { Self::Groups(members.into_values().collect()) }
    }

    /// Whether whole groups are drawn.
    pub(super) fn grouped(&self) -> bool {
        matches!(self, Self::Groups(_))
    }

    pub(super) fn draw(&self, seed: u64, repeat: u64) -> Vec<u32> {
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

    fn count(&self) -> usize {
        match self {
            Self::Rows(rows) => *rows,
            Self::Groups(groups) => groups.len(),
        }
    }

    /// The share of repeats that a 95 % interval leaves out at each end. Resampled means of few units spread too little, by
    /// √((n-1)/n), and know the spread only roughly, which Student's t makes good: Hesterberg's expanded intervals (2015).
    pub(super) fn tail(&self) -> f64 {
        let n = self.count() as f64;
        let t = StudentsT::new(0.0, 1.0, n - 1.0).map_or(1.96, |t| t.inverse_cdf(0.975));
        Normal::standard().cdf(-(n / (n - 1.0)).sqrt() * t).clamp(0.001, 0.025)
    }

    /// The rows that are left when one block of units is left out, for each block: what a jackknife computes on. Single units are
    /// blocks of their own while there are few.
    pub(super) fn without_each_block(&self) -> Vec<Vec<u32>> {
        let blocks = self.count().min(BLOCKS);
        (0..blocks)
            .map(|block| {
                let stays = |unit: &usize| unit % blocks != block;
                match self {
                    Self::Rows(rows) => (0..*rows).filter(stays).map(|r| r as u32).collect(),
                    Self::Groups(groups) => (0..groups.len()).filter(stays).flat_map(|g| groups[g].clone()).collect(),
                }
            })
            .collect()
    }
}

/// The share `q` of sorted values, interpolated (NumPy's default).
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let position = q * (sorted.len() - 1) as f64;
    let (low, part) = (position.floor() as usize, position.fract());
    let high = (low + 1).min(sorted.len() - 1);
    sorted[low] + part * (sorted[high] - sorted[low])
}

/// The finite values in order; `None` when they are too few to say anything.
fn usable(mut values: Vec<f64>, centre: f64) -> Option<Vec<f64>> {
    values.retain(|v| v.is_finite());
    values.sort_by(f64::total_cmp);
    (values.len() >= 20 && centre.is_finite()).then_some(values)
}

/// The quantiles of the finite values that leave out `tail` at each end, drawn towards `centre` by `shrink`.
pub(super) fn percentile_interval(values: Vec<f64>, centre: f64, shrink: f64, tail: f64) -> Option<(f64, f64)> {
    let values = usable(values, centre)?;
    let at = |q: f64| centre + (quantile(&values, q) - centre) * shrink;
    Some((at(tail), at(1.0 - tail)))
}

/// The bias-corrected and accelerated interval (Efron 1987), as SciPy's `bootstrap(method="BCa")`: `left_out` are the values with
/// one unit or block left out, `tail` what is left out at each end. The percentile interval where the correction is not defined.
pub(super) fn bca_interval(values: Vec<f64>, centre: f64, left_out: &[f64], tail: f64) -> Option<(f64, f64)> {
    let values = usable(values, centre)?;
    let below = values.partition_point(|v| *v < centre) as f64;
    let at_most = values.partition_point(|v| *v <= centre) as f64;
    let normal = Normal::standard();
    let bias = normal.inverse_cdf((below + at_most) / (2.0 * values.len() as f64));
    let mean = left_out.iter().sum::<f64>() / left_out.len() as f64;
    let (square, cube) = left_out.iter().fold((0.0, 0.0), |(s, c), v| {
        let d = mean - v;
        (s + d * d, c + d * d * d)
    });
    let acceleration = cube / (6.0 * square.powf(1.5));
    let plain = (quantile(&values, tail), quantile(&values, 1.0 - tail));
    if !bias.is_finite() || !acceleration.is_finite() {
        return Some(plain);
    }
    let share = |q: f64| {
        let z = bias + normal.inverse_cdf(q);
        normal.cdf(bias + z / (1.0 - acceleration * z))
    };
    let (low, high) = (share(tail), share(1.0 - tail));
    if low.is_finite() && high.is_finite() {
        Some((quantile(&values, low), quantile(&values, high)))
    } else {
        Some(plain)
    }
}
