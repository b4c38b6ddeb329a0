//! Gradient-boosted trees over histograms (Friedman 2001, with the second-order gains of Chen and Guestrin 2016, grown leaf by
//! leaf as by Ke et al. 2017): rows become codes of one byte, each tree is grown where the loss falls fastest, and what is
//! missing goes to the side where it does less harm.
//!
//! Gradients are summed as whole numbers, so that a model does not depend on the number of threads.

mod bins;
mod grow;
mod histogram;
mod loss;
mod split;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::atomic::Ordering;

use rand::SeedableRng;
use rand::seq::index::sample;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use self::bins::{Binned, Matrix};
use self::grow::{Grower, Grown, Size};
pub(crate) use self::loss::Loss;
use self::loss::{Scales, Truth};
use self::split::Limits;
use super::{Target, Tree};
use crate::engine::Control;
use crate::error::Result;

/// How trees are boosted: scikit-learn's names where it has one, else LightGBM's.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BoostParams {
    /// How much of each tree's answer counts.
    pub(crate) learning_rate: f64,
    /// Rounds at most; a round grows one tree, or one a class.
    pub(crate) max_iter: usize,
    pub(crate) max_leaf_nodes: usize,
    pub(crate) max_depth: usize,
    pub(crate) min_samples_leaf: usize,
    /// Least sum of curvatures in a leaf.
    pub(crate) min_child_weight: f64,
    pub(crate) l2_regularization: f64,
    /// Bins of values a feature, 2 to 255.
    pub(crate) max_bins: usize,
    /// Share of the rows that each round sees.
    pub(crate) subsample: f64,
    /// Share of the features that each tree sees.
    pub(crate) colsample_bytree: f64,
    /// Rounds without a gain on the rows watched after which boosting stops.
    pub(crate) n_iter_no_change: usize,
    /// What counts as a gain of the mean loss.
    pub(crate) tol: f64,
}

/// The sum of trees: a raw score is `base + scale · Σ leaf values`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Boosted {
    /// One a raw score.
    pub(crate) base: Vec<f64>,
    pub(crate) scale: f64,
    /// Round after round; within a round one tree a raw score.
    pub(crate) trees: Vec<Tree>,
}

/// What to learn from.
pub(crate) struct Boosting<'a> {
    /// Encoded rows, row after row; NaN is missing.
    pub(crate) values: &'a [f64],
    pub(crate) features: usize,
    pub(crate) y: &'a Target,
    pub(crate) loss: Loss,
    pub(crate) params: &'a BoostParams,
    /// Rows kept apart, to stop when the loss on them no longer falls. None: all rounds are run on all rows.
    pub(crate) watch: &'a [u32],
    pub(crate) seed: u64,
}

/// Rows brought up to date together.
const CHUNK: usize = 1 << 13;

impl Boosting<'_> {
    /// Boosts. `tell` hears the number of each finished round and, where rows are watched, the mean loss on them.
    ///
    /// # Errors
    /// When cancelled.
    pub(crate) fn run(&self, control: &Control, tell: &dyn Fn(usize, Option<f64>)) -> Result<Boosted> {
        let mut watched = vec![false; self.y.len()];
        for &row in self.watch {
            watched[row as usize] = true;
        }
        let fit: Vec<u32> = (0u32..).zip(&watched).filter(|(_, w)| !**w).map(|(row, _)| row).collect();
        let outputs = self.loss.outputs(self.y);
        let (truth, scale, middle) = self.loss.truth(self.y, &fit);
        let start = self.loss.start(&truth, outputs, &fit);
        let base = start.iter().map(|s| middle + scale * s).collect();
        let mut trees = Vec::new();
        if self.features > 0 && !fit.is_empty() {
            let x = Matrix { values: self.values, features: self.features };
            let binned = Binned::new(x, &fit, self.params.max_bins, self.seed, control)?;
            trees = self.rounds(&binned, &fit, &truth, &start, control, tell)?;
        }
        Ok(Boosted { base, scale, trees })
    }

    fn rounds(
        &self,
        binned: &Binned,
        fit: &[u32],
        truth: &Truth,
        start: &[f64],
        control: &Control,
        tell: &dyn Fn(usize, Option<f64>),
    ) -> Result<Vec<Tree>> {
        let params = self.params;
        let size = Size {
            max_leaf_nodes: params.max_leaf_nodes,
            max_depth: params.max_depth,
            min_samples_leaf: params.min_samples_leaf.max(1),
        };
        let mut raw: Vec<Vec<f64>> = start.iter().map(|s| vec![*s; binned.rows]).collect();
        let mut gradients = vec![vec![0; binned.rows]; start.len()];
        let mut grower = Grower::new(binned);
        let mut trees = Vec::new();
        let mut progress = Watch::default();
        for round in 0..params.max_iter {
            control.check()?;
            // Each round has its own stream of chance.
            let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
            rng.set_stream(round as u64 + 1);
            let Some(scales) = self.loss.gradients(truth, &raw, fit, &mut gradients) else { break };
            let limits = Limits {
                l2: params.l2_regularization * scales.curvature,
                min_weight: params.min_child_weight * scales.curvature,
                min_rows: size.min_samples_leaf,
                curvature_counts: self.loss.has_even_curvature(),
            };
            let rows = draw(&mut rng, fit, params.subsample);
            let mut divided = false;
            for (raw, gradients) in raw.iter_mut().zip(&gradients) {
                let features: Vec<u32> = (0..binned.features() as u32).collect();
                let features = draw(&mut rng, &features, params.colsample_bytree);
                let mut grown = grower.grow(gradients, &rows, &features, size, limits, control)?;
                divided |= grown.leaves.len() > 1;
                self.answer(&mut grown, scales);
                bring_up_to_date(raw, &grower, &grown, &rows, binned);
                grown.tree.forget_unused_ways();
                trees.push(grown.tree);
            }
            if !divided && params.subsample >= 1.0 && params.colsample_bytree >= 1.0 {
                // Nor would any later round find a split.
                trees.truncate(round * start.len());
                break;
            }
            let loss = (!self.watch.is_empty()).then(|| self.loss.mean(truth, &raw, self.watch));
            tell(round + 1, loss);
            if loss.is_some_and(|loss| progress.goes_on(round + 1, loss, params).is_break()) {
                break;
            }
        }
        if !self.watch.is_empty() {
            trees.truncate(progress.best_round * start.len());
        }
        Ok(trees)
    }

    /// Newton's step in every leaf.
    fn answer(&self, grown: &mut Grown, scales: Scales) {
        for (node, sums) in &grown.leaves {
            let gradient = sums[0] as f64 / scales.gradient;
            let curvature = sums[1] as f64 / scales.curvature + self.params.l2_regularization;
            if curvature > 0.0 {
                grown.tree.value[*node] = (-self.params.learning_rate * gradient / curvature) as f32;
            }
        }
    }
}

/// How the loss on the rows watched has fallen.
struct Watch {
    best: f64,
    best_round: usize,
    since: usize,
}

impl Default for Watch {
    fn default() -> Self {
        Self { best: f64::INFINITY, best_round: 0, since: 0 }
    }
}

impl Watch {
    fn goes_on(&mut self, round: usize, loss: f64, params: &BoostParams) -> std::ops::ControlFlow<()> {
        if loss < self.best - params.tol {
            *self = Self { best: loss, best_round: round, since: 0 };
        } else {
            self.since += 1;
        }
        if self.since < params.n_iter_no_change {
            std::ops::ControlFlow::Continue(())
        } else {
            std::ops::ControlFlow::Break(())
        }
    }
}

/// A share of the items by chance, in their order.
fn draw<'a>(rng: &mut ChaCha8Rng, from: &'a [u32], share: f64) -> Cow<'a, [u32]> {
    if share >= 1.0 {
        return Cow::Borrowed(from);
    }
    let count = ((from.len() as f64 * share).ceil() as usize).clamp(1, from.len());
    let mut at = sample(rng, from.len(), count).into_vec();
    at.sort_unstable();
    Cow::Owned(at.into_iter().map(|i| from[i]).collect())
}

/// Adds the tree's answers to every row's raw score: rows that it was grown on are known by their leaf, the others walk.
fn bring_up_to_date(raw: &mut [f64], grower: &Grower<'_>, grown: &Grown, rows: &[u32], binned: &Binned) {
    let answers: Vec<f64> = grown.leaves.iter().map(|(node, _)| f64::from(grown.tree.value[*node])).collect();
    let leaf_of = grower.leaf_of();
    let mut grown_on = vec![rows.len() == binned.rows; binned.rows];
    if rows.len() < binned.rows {
        for &row in rows {
            grown_on[row as usize] = true;
        }
    }
    raw.par_chunks_mut(CHUNK).zip(leaf_of.par_chunks(CHUNK)).zip(grown_on.par_chunks(CHUNK)).enumerate().for_each(
        |(chunk, ((raw, leaf_of), grown_on))| {
            for (at, ((raw, leaf), on)) in raw.iter_mut().zip(leaf_of).zip(grown_on).enumerate() {
                *raw += if *on {
                    answers[usize::from(leaf.load(Ordering::Relaxed))]
                } else {
                    f64::from(grown.tree.value[grown.leaf(binned, chunk * CHUNK + at)])
                };
            }
        },
    );
}
