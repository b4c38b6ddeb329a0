//! One tree, and a forest of them.

use std::sync::Arc;

use ndarray::Array2;

use super::{Estimator, Given, Params};
use crate::engine::Control;
use crate::error::Result;
use crate::model::grow::{GrowParams, grow};
use crate::model::{Fitted, Target, Task};

fn fit(x: &Array2<f64>, y: &Target, params: &GrowParams, seed: u64, control: &Control) -> Result<Fitted> {
    // Leaf values are kept as distances from the mean: as `f32` they are then precise where it matters.
    let (base, outputs) = match y {
        Target::Classes { count, .. } => (0.0, *count),
        Target::Numbers(v) => (v.iter().sum::<f64>() / v.len().max(1) as f64, 1),
    };
    Ok(Fitted::Trees { base, outputs, trees: grow(x, y, base, params, seed, control)? })
}

pub(super) struct DecisionTree {
    max_depth: usize,
    min_samples_leaf: usize,
}

impl DecisionTree {
    pub(super) fn new(given: &mut Given<'_>) -> Result<Self> {
        Ok(Self {
            max_depth: given.count("max_depth", 6, 1, 64)?,
            min_samples_leaf: given.count("min_samples_leaf", 10, 1, 1_000_000)?,
        })
    }
}

impl Estimator for DecisionTree {
    fn name(&self) -> &'static str {
        "decision_tree"
    }

    fn title(&self) -> &'static str {
        "decision tree"
    }

    fn params(&self) -> Params {
        Params::from([
            ("max_depth".into(), self.max_depth.into()),
            ("min_samples_leaf".into(), self.min_samples_leaf.into()),
        ])
    }

    fn fit(&self, x: &Arc<Array2<f64>>, y: &Target, seed: u64, control: &Control) -> Result<Fitted> {
        let params = GrowParams {
            n_estimators: 1,
            max_depth: self.max_depth,
            min_samples_leaf: self.min_samples_leaf,
            max_features: x.ncols(),
            bootstrap: false,
        };
        fit(x, y, &params, seed, control)
    }
}

pub(super) struct RandomForest {
    n_estimators: usize,
    max_depth: usize,
    min_samples_leaf: usize,
    /// Share of the features drawn at each split; 0 stands for the square root of their number.
    max_features: f64,
}

impl RandomForest {
    pub(super) fn new(given: &mut Given<'_>, task: Task) -> Result<Self> {
        let (leaf, share) = if task.is_classification() { (3, 0.0) } else { (2, 1.0 / 3.0) };
        Ok(Self {
            n_estimators: given.count("n_estimators", 100, 1, 5000)?,
            max_depth: given.count("max_depth", 24, 1, 64)?,
            min_samples_leaf: given.count("min_samples_leaf", leaf, 1, 1_000_000)?,
            max_features: given.number("max_features", share, 0.0, 1.0)?,
        })
    }
}

impl Estimator for RandomForest {
    fn name(&self) -> &'static str {
        "random_forest"
    }

    fn title(&self) -> &'static str {
        "random forest"
    }

    fn params(&self) -> Params {
        let max_features = if self.max_features == 0.0 { "sqrt".into() } else { self.max_features.into() };
        Params::from([
            ("n_estimators".into(), self.n_estimators.into()),
            ("max_depth".into(), self.max_depth.into()),
            ("min_samples_leaf".into(), self.min_samples_leaf.into()),
            ("max_features".into(), max_features),
        ])
    }

    fn fit(&self, x: &Arc<Array2<f64>>, y: &Target, seed: u64, control: &Control) -> Result<Fitted> {
        let features = x.ncols() as f64;
        let drawn = if self.max_features == 0.0 { features.sqrt() } else { features * self.max_features };
        let params = GrowParams {
            n_estimators: self.n_estimators,
            max_depth: self.max_depth,
            min_samples_leaf: self.min_samples_leaf,
            max_features: (drawn as usize).max(1),
            bootstrap: true,
        };
        fit(x, y, &params, seed, control)
    }
}
