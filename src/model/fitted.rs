//! A fitted model: feature plan, estimator and classes; it predicts, is stored as JSON, and is exported.

use ndarray::{Array1, Array2, ArrayView2, Axis};
use polars::frame::DataFrame;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::calibration::Calibration;
use super::{FeaturePlan, Task, Tree};
use crate::error::Result;

/// How raw scores become answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// The raw score is the number.
    Identity,
    /// The raw score is the number's logarithm.
    Log,
    /// Two classes: the raw score is the log odds of the second.
    Logit,
    /// Raw scores of K classes.
    Softmax,
}

/// A fitted estimator as plain parameters. K is the number of classes, F the number of features.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Fitted {
    /// Always the same answer: K class shares, or one number.
    Dummy {
        /// The answer.
        output: Vec<f64>,
    },
    /// `x · coef + intercept`.
    Linear {
        /// F coefficients.
        coef: Vec<f64>,
        /// The intercept.
        intercept: f64,
    },
    /// Two classes: one row of coefficients, the sigmoid is the probability of the second class.
    /// More: K rows, softmax.
    Logistic {
        /// 1 or K rows of F coefficients.
        coef: Vec<Vec<f64>>,
        /// 1 or K intercepts.
        intercept: Vec<f64>,
    },
    /// Independent normal features per class.
    GaussianNb {
        /// K class shares.
        prior: Vec<f64>,
        /// K rows of F means.
        theta: Vec<Vec<f64>>,
        /// K rows of F variances (smoothed).
        var: Vec<Vec<f64>>,
    },
    /// The mean of the trees' leaf values, plus `base`. `outputs` is K for classes and 1 for numbers.
    Trees {
        /// Added to the mean (0 for classes).
        base: f64,
        /// Values per leaf.
        outputs: usize,
        /// The trees.
        trees: Vec<Tree>,
    },
    /// Boosted trees: raw scores are `base + scale · Σ leaf values`.
    Boosted {
        /// How raw scores become answers.
        link: Link,
        /// One a raw score.
        base: Vec<f64>,
        /// The unit of the leaf values.
        scale: f64,
        /// Trees with one value a leaf, round after round; within a round one tree a raw score.
        trees: Vec<Tree>,
    },
}

impl Fitted {
    /// Scores for encoded rows: shape (rows, K) of class probabilities, or (rows, 1) of numbers.
    #[must_use]
    pub fn scores(&self, x: ArrayView2<'_, f64>) -> Array2<f64> {
        let rows = x.nrows();
        match self {
            Self::Dummy { output } => Array2::from_shape_fn((rows, output.len()), |(_, k)| output[k]),
            Self::Linear { coef, intercept } => {
                let coef = Array1::from_vec(coef.clone());
                (x.dot(&coef) + *intercept).insert_axis(Axis(1))
            }
            Self::Logistic { coef, intercept } if coef.len() == 1 => {
                let z = x.dot(&Array1::from_vec(coef[0].clone())) + intercept[0];
                let mut p = Array2::zeros((rows, 2));
                for (i, z) in z.into_iter().enumerate() {
                    p[[i, 1]] = sigmoid(z);
                    p[[i, 0]] = 1.0 - p[[i, 1]];
                }
                p
            }
            Self::Logistic { coef, intercept } => {
                let mut z = Array2::zeros((rows, coef.len()));
                for (k, c) in coef.iter().enumerate() {
                    z.column_mut(k).assign(&(x.dot(&Array1::from_vec(c.clone())) + intercept[k]));
                }
                softmax_rows(&mut z);
                z
            }
            Self::GaussianNb { prior, theta, var } => {
                let mut z = Array2::zeros((rows, prior.len()));
                for k in 0..prior.len() {
                    let constant =
                        prior[k].ln() - 0.5 * var[k].iter().map(|v| (std::f64::consts::TAU * v).ln()).sum::<f64>();
                    for (i, row) in x.outer_iter().enumerate() {
                        let d: f64 =
                            row.iter().zip(&theta[k]).zip(&var[k]).map(|((x, t), v)| (x - t).powi(2) / v).sum();
                        z[[i, k]] = constant - 0.5 * d;
                    }
                }
                softmax_rows(&mut z);
                z
            }
            Self::Trees { base, outputs, trees } => {
                let count = trees.len() as f64;
                let k = *outputs;
                let mut flat = vec![0.0; rows * k];
                flat.par_chunks_mut(k.max(1)).enumerate().for_each(|(i, out)| {
                    let row = x.row(i);
                    for tree in trees {
                        let leaf = tree.leaf(row);
                        for (o, v) in out.iter_mut().zip(&tree.value[leaf * k..(leaf + 1) * k]) {
                            *o += f64::from(*v);
                        }
                    }
                    for o in out {
                        *o = base + *o / count;
                    }
                });
                Array2::from_shape_fn((rows, k), |(i, j)| flat[i * k + j])
            }
            Self::Boosted { link, base, scale, trees } => {
                let k = base.len();
                let mut flat = vec![0.0; rows * k];
                flat.par_chunks_mut(k.max(1)).enumerate().for_each(|(i, out)| {
                    let row = x.row(i);
                    for round in trees.chunks(k.max(1)) {
                        for (o, tree) in out.iter_mut().zip(round) {
                            *o += f64::from(tree.value[tree.leaf(row)]);
                        }
                    }
                    for (o, b) in out.iter_mut().zip(base) {
                        *o = b + scale * *o;
                    }
                });
                let mut z = Array2::from_shape_fn((rows, k), |(i, j)| flat[i * k + j]);
                match link {
                    Link::Identity => z,
                    Link::Log => z.mapv(f64::exp),
                    Link::Logit => Array2::from_shape_fn((rows, 2), |(i, j)| {
                        let p = sigmoid(z[[i, 0]]);
                        if j == 1 { p } else { 1.0 - p }
                    }),
                    Link::Softmax => {
                        softmax_rows(&mut z);
                        z
                    }
                }
            }
        }
    }
}

fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

fn softmax_rows(z: &mut Array2<f64>) {
    for mut row in z.outer_iter_mut() {
        let top = row.fold(f64::NEG_INFINITY, |a, &b| a.max(b));
        row.mapv_inplace(|v| (v - top).exp());
        let sum = row.sum();
        row.mapv_inplace(|v| v / sum);
    }
}

/// What a model says about some rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// Shape (rows, K) of class probabilities in the order of the model's classes, or (rows, 1) of numbers.
    pub scores: Array2<f64>,
}

impl Prediction {
    /// Index of each row's most probable class; of equal ones the first.
    #[must_use]
    pub fn classes(&self) -> Vec<usize> {
        self.scores
            .outer_iter()
            .map(|row| (1..row.len()).fold(0, |best, k| if row[k] > row[best] { k } else { best }))
            .collect()
    }

    /// One column of the scores: the probability of class `k`, or the number (`k` = 0).
    #[must_use]
    pub fn column(&self, k: usize) -> Vec<f64> {
        self.scores.column(k).to_vec()
    }
}

/// Everything needed to score raw rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FittedModel {
    /// The estimator's name, for example `random_forest`.
    pub estimator: String,
    /// What is predicted.
    pub task: Task,
    /// The target column.
    pub target: String,
    /// Class names; for two classes the second is the positive one. Empty for numbers.
    pub classes: Vec<String>,
    /// How raw columns become features.
    pub plan: FeaturePlan,
    /// The estimator's parameters.
    pub fitted: Fitted,
    /// What makes the estimator's scores into chances, when that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
}

impl FittedModel {
    /// Scores encoded rows, calibrated.
    #[must_use]
    pub fn score_encoded(&self, x: ArrayView2<'_, f64>) -> Array2<f64> {
        let scores = self.fitted.scores(x);
        match &self.calibration {
            Some(calibration) => calibration.apply(&scores),
            None => scores,
        }
    }

    /// Scores raw rows.
    ///
    /// # Errors
    /// When an input column is absent or of the wrong type.
    pub fn predict(&self, frame: &DataFrame) -> Result<Prediction> {
        let x = self.plan.transform(frame)?;
        Ok(Prediction { scores: self.score_encoded(x.view()) })
    }
}
