//! What a metric is computed from: the truth and the prediction of some rows. What several metrics need is made once.

use std::cell::OnceCell;

use ndarray::ArrayView2;

use super::labels::Confusion;
use crate::model::{Prediction, Target};

/// Truth and prediction of some rows.
pub struct Rows<'a> {
    truth: &'a Target,
    prediction: &'a Prediction,
    features: Option<usize>,
    confusion: OnceCell<Confusion>,
}

impl<'a> Rows<'a> {
    /// Rows with as many truths as scores.
    #[must_use]
    pub fn new(truth: &'a Target, prediction: &'a Prediction) -> Self {
        Self { truth, prediction, features: None, confusion: OnceCell::new() }
    }

    /// With the number of features that the model reads: what `r2_adjusted` needs.
    #[must_use]
    pub fn with_features(mut self, features: usize) -> Self {
        self.features = Some(features);
        self
    }

    /// Number of features that the model reads, when it was told.
    pub(super) fn features(&self) -> Option<usize> {
        self.features
    }

    /// Class codes; empty for numbers.
    pub(super) fn codes(&self) -> &'a [usize] {
        match self.truth {
            Target::Classes { codes, .. } => codes,
            Target::Numbers(_) => &[],
        }
    }

    /// Number of classes; 0 for numbers.
    pub(super) fn count(&self) -> usize {
        match self.truth {
            Target::Classes { count, .. } => *count,
            Target::Numbers(_) => 0,
        }
    }

    /// True numbers; empty for classes.
    pub(super) fn numbers(&self) -> &'a [f64] {
        match self.truth {
            Target::Classes { .. } => &[],
            Target::Numbers(y) => y,
        }
    }

    /// Predicted numbers.
    pub(super) fn predicted(&self) -> Vec<f64> {
        self.prediction.column(0)
    }

    /// Class probabilities, shape (rows, K).
    pub(super) fn scores(&self) -> ArrayView2<'a, f64> {
        self.prediction.scores.view()
    }

    /// Rows of class `k` and their scores for it.
    pub(super) fn against_rest(&self, k: usize) -> (Vec<bool>, Vec<f64>) {
        (self.codes().iter().map(|c| *c == k).collect(), self.prediction.column(k))
    }

    /// Counts of true against predicted classes, made once.
    pub(super) fn confusion(&self) -> &Confusion {
        self.confusion.get_or_init(|| Confusion::new(self.codes(), &self.prediction.classes(), self.count()))
    }
}
