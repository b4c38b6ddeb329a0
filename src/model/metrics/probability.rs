//! Metrics of class probabilities.

use ndarray::ArrayView2;

use super::mean;

/// The log loss of each row: `-ln p(true class)`, probabilities kept `f64::EPSILON` away from 0 and 1. Of two classes the first
/// has what the second leaves (leaf shares kept as `f32` add up to 1 only nearly). `scores` has the shape (rows, K).
#[must_use]
pub fn log_losses(codes: &[usize], scores: ArrayView2<'_, f64>) -> Vec<f64> {
    let inside = |p: f64| p.clamp(f64::EPSILON, 1.0 - f64::EPSILON);
    codes
        .iter()
        .zip(scores.outer_iter())
        .map(|(c, row)| {
            let p = if row.len() == 2 && *c == 0 { 1.0 - row[1] } else { row[*c] };
            -inside(p).ln()
        })
        .collect()
}

pub(super) fn log_loss(codes: &[usize], scores: ArrayView2<'_, f64>) -> f64 {
    mean(log_losses(codes, scores).into_iter())
}

/// Each row's part of the Brier score. Two classes: `(p - y)²`. More: the squared distance to the true class's corner.
pub(super) fn briers(codes: &[usize], scores: ArrayView2<'_, f64>) -> Vec<f64> {
    let half = if scores.ncols() == 2 { 0.5 } else { 1.0 };
    codes
        .iter()
        .zip(scores.outer_iter())
        .map(|(c, row)| {
            half * row.iter().enumerate().map(|(k, p)| (p - f64::from(u8::from(k == *c))).powi(2)).sum::<f64>()
        })
        .collect()
}

pub(super) fn brier(codes: &[usize], scores: ArrayView2<'_, f64>) -> f64 {
    mean(briers(codes, scores).into_iter())
}

/// Each class's share of the rows.
fn shares(codes: &[usize], count: usize) -> Vec<f64> {
    let mut shares = vec![0.0; count];
    for c in codes {
        shares[*c] += 1.0 / codes.len() as f64;
    }
    shares
}

/// `1 - loss / loss of always saying the classes' shares of these rows`. NaN with fewer than two rows or one class.
fn against_shares(codes: &[usize], scores: ArrayView2<'_, f64>, loss: fn(&[usize], ArrayView2<'_, f64>) -> f64) -> f64 {
    let shares = shares(codes, scores.ncols());
    if codes.len() < 2 || shares.iter().filter(|s| **s > 0.0).count() < 2 {
        return f64::NAN;
    }
    let always = ndarray::Array2::from_shape_fn(scores.dim(), |(_, k)| shares[k]);
    1.0 - loss(codes, scores) / loss(codes, always.view())
}

pub(super) fn d2_log_loss(codes: &[usize], scores: ArrayView2<'_, f64>) -> f64 {
    against_shares(codes, scores, log_loss)
}

pub(super) fn d2_brier(codes: &[usize], scores: ArrayView2<'_, f64>) -> f64 {
    against_shares(codes, scores, brier)
}

/// Bins of the expected calibration error.
pub const ECE_BINS: usize = 10;

/// Expected calibration error: `Σ rows in bin / rows · |share that came true - mean probability|` over ten bins of equal width.
///
/// Two classes: the probability of the positive class and the share of positives, in the bins of the calibration chart
/// (an edge belongs to the bin below it). More: the probability of the most probable class and the share of rows in which it is
/// the true one (Guo et al. 2017).
pub(super) fn ece(codes: &[usize], scores: ArrayView2<'_, f64>) -> f64 {
    let (mut rows, mut said, mut came) = ([0.0; ECE_BINS], [0.0; ECE_BINS], [0.0; ECE_BINS]);
    for (c, row) in codes.iter().zip(scores.outer_iter()) {
        let class = if row.len() == 2 {
            1
        } else {
            (1..row.len()).fold(0, |best, k| if row[k] > row[best] { k } else { best })
        };
        let p = row[class];
        let bin = (1..ECE_BINS).filter(|k| *k as f64 * (1.0 / ECE_BINS as f64) < p).count();
        rows[bin] += 1.0;
        said[bin] += p;
        came[bin] += f64::from(u8::from(*c == class));
    }
    let off: f64 = came.iter().zip(&said).map(|(c, s)| (c - s).abs()).sum();
    if codes.is_empty() { f64::NAN } else { off / codes.len() as f64 }
}
