//! DeLong, DeLong and Clarke-Pearson (1988): the variance of an AUC, and of the difference of two on the same rows.
//!
//! Each row has a placement: for a positive the share of negatives that it scores above, for a negative the share of positives
//! that score above it, ties counting half. Their means are the AUC and their variances its variance. Made from sorted scores,
//! as Sun and Xu (2014) do, in n log n.

use super::resample::normal_p;

/// The normal quantile of a two-sided 95 % interval.
const Z: f64 = 1.959_963_984_540_054;

/// Placements of the rows of each class by one model's scores.
#[derive(Debug, Clone, PartialEq)]
pub struct Placements {
    positive: Vec<f64>,
    negative: Vec<f64>,
}

/// The share of `others` (sorted) below `value`, ties counting half.
fn below(value: f64, others: &[f64]) -> f64 {
    let less = others.partition_point(|o| *o < value);
    let same = others.partition_point(|o| *o <= value) - less;
    (less as f64 + same as f64 / 2.0) / others.len() as f64
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Covariance with n − 1; `None` for a single row.
fn covariance(a: &[f64], b: &[f64]) -> Option<f64> {
    let (x, y) = (mean(a), mean(b));
    (a.len() > 1).then(|| a.iter().zip(b).map(|(a, b)| (a - x) * (b - y)).sum::<f64>() / (a.len() - 1) as f64)
}

impl Placements {
    /// Places the rows. `None` without rows of both classes.
    #[must_use]
    pub fn new(truth: &[bool], scores: &[f64]) -> Option<Self> {
        let of = |class: bool| -> Vec<f64> {
            truth.iter().zip(scores).filter(|(t, _)| **t == class).map(|(_, s)| *s).collect()
        };
        let (positive, negative) = (of(true), of(false));
        if positive.is_empty() || negative.is_empty() {
            return None;
        }
        let sorted = |values: &[f64]| {
            let mut values = values.to_vec();
            values.sort_by(f64::total_cmp);
            values
        };
        let (high, low) = (sorted(&positive), sorted(&negative));
        Some(Self {
            positive: positive.iter().map(|v| below(*v, &low)).collect(),
            negative: negative.iter().map(|v| 1.0 - below(*v, &high)).collect(),
        })
    }

    /// The area under the ROC curve.
    #[must_use]
    pub fn auc(&self) -> f64 {
        mean(&self.positive)
    }

    fn covariance(&self, other: &Self) -> Option<f64> {
        let positive = covariance(&self.positive, &other.positive)? / self.positive.len() as f64;
        Some(positive + covariance(&self.negative, &other.negative)? / self.negative.len() as f64)
    }

    /// The 95 % interval of the AUC, cut off at 0 and 1; `None` with fewer than two rows of a class.
    #[must_use]
    pub fn interval(&self) -> Option<(f64, f64)> {
        let error = self.covariance(self)?.sqrt();
        Some(((self.auc() - Z * error).max(0.0), (self.auc() + Z * error).min(1.0)))
    }

    /// The AUC of this model less that of another on the same rows in the same order. `None` with fewer than two rows of a class.
    #[must_use]
    pub fn less(&self, other: &Self) -> Option<Difference> {
        let value = self.auc() - other.auc();
        let variance = self.covariance(self)? + other.covariance(other)? - 2.0 * self.covariance(other)?;
        let error = variance.max(0.0).sqrt();
        // Two models that order the rows alike do not differ, and there is nothing uncertain about it.
        let p = if error > 0.0 {
            normal_p(value / error)
        } else if value == 0.0 {
            1.0
        } else {
            0.0
        };
        Some(Difference { value, low: value - Z * error, high: value + Z * error, p })
    }
}

/// The difference of two AUCs on the same rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    /// The first less the second.
    pub value: f64,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Upper end of it.
    pub high: f64,
    /// Two-sided p of no difference.
    pub p: f64,
}
