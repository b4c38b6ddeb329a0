//! Metrics of predicted numbers: `y` is the truth, `p` the prediction.

use super::{mean, median};

fn absolute(y: &[f64], p: &[f64]) -> Vec<f64> {
    y.iter().zip(p).map(|(y, p)| (y - p).abs()).collect()
}

pub(super) fn mae(y: &[f64], p: &[f64]) -> f64 {
    mean(absolute(y, p).into_iter())
}

pub(super) fn mse(y: &[f64], p: &[f64]) -> f64 {
    mean(y.iter().zip(p).map(|(y, p)| (y - p).powi(2)))
}

pub(super) fn medae(y: &[f64], p: &[f64]) -> f64 {
    median(absolute(y, p))
}

pub(super) fn max_error(y: &[f64], p: &[f64]) -> f64 {
    absolute(y, p).into_iter().fold(f64::NAN, f64::max)
}

pub(super) fn mape(y: &[f64], p: &[f64]) -> f64 {
    mean(y.iter().zip(p).map(|(y, p)| (y - p).abs() / y.abs().max(f64::EPSILON)))
}

pub(super) fn mean_error(y: &[f64], p: &[f64]) -> f64 {
    mean(y.iter().zip(p).map(|(y, p)| p - y))
}

/// Mean of `(ln(1+y) - ln(1+p))²`. NaN when a truth or a prediction is -1 or less.
pub(super) fn msle(y: &[f64], p: &[f64]) -> f64 {
    if y.iter().chain(p).any(|v| *v <= -1.0) {
        return f64::NAN;
    }
    mean(y.iter().zip(p).map(|(y, p)| (y.ln_1p() - p.ln_1p()).powi(2)))
}

/// 1 when nothing is left of nothing, 0 when something is left of nothing (scikit-learn's `force_finite`).
fn explained(left: f64, total: f64) -> f64 {
    if total != 0.0 {
        1.0 - left / total
    } else if left == 0.0 {
        1.0
    } else {
        0.0
    }
}

/// Coefficient of determination, `1 - Σ(y-p)² / Σ(y-ȳ)²`. NaN with fewer than two rows.
pub(super) fn r2(y: &[f64], p: &[f64]) -> f64 {
    if y.len() < 2 {
        return f64::NAN;
    }
    let centre = mean(y.iter().copied());
    let total: f64 = y.iter().map(|v| (v - centre).powi(2)).sum();
    let left: f64 = y.iter().zip(p).map(|(y, p)| (y - p).powi(2)).sum();
    explained(left, total)
}

/// `1 - (1 - R²)(n - 1)/(n - features - 1)` (Ezekiel 1930). NaN with too few rows for so many features.
pub(super) fn r2_adjusted(y: &[f64], p: &[f64], features: usize) -> f64 {
    let free = y.len() as f64 - features as f64 - 1.0;
    if free > 0.0 { 1.0 - (1.0 - r2(y, p)) * (y.len() as f64 - 1.0) / free } else { f64::NAN }
}

pub(super) fn explained_variance(y: &[f64], p: &[f64]) -> f64 {
    let errors: Vec<f64> = y.iter().zip(p).map(|(y, p)| y - p).collect();
    let bias = mean(errors.iter().copied());
    let centre = mean(y.iter().copied());
    explained(mean(errors.iter().map(|e| (e - bias).powi(2))), mean(y.iter().map(|v| (v - centre).powi(2))))
}

/// Mean Tweedie deviance of `power` 1 (Poisson), 2 (gamma) or between. NaN where it is not defined: a prediction that is not
/// positive, a negative truth, with power 2 also a truth of 0.
pub(super) fn tweedie(y: &[f64], p: &[f64], power: f64) -> f64 {
    let least = if power >= 2.0 { f64::MIN_POSITIVE } else { 0.0 };
    if y.iter().any(|v| *v < least) || p.iter().any(|v| *v <= 0.0) {
        return f64::NAN;
    }
    mean(y.iter().zip(p).map(|(&y, &p)| {
        if power == 1.0 {
            2.0 * (if y == 0.0 { 0.0 } else { y * (y / p).ln() } - y + p)
        } else if power == 2.0 {
            2.0 * ((p / y).ln() + y / p - 1.0)
        } else {
            2.0 * (y.powf(2.0 - power) / ((1.0 - power) * (2.0 - power)) - y * p.powf(1.0 - power) / (1.0 - power)
                + p.powf(2.0 - power) / (2.0 - power))
        }
    }))
}

/// Share of the Tweedie deviance that is explained, beside always saying the mean. NaN with fewer than two rows, where the
/// deviance is not defined, and for a constant truth.
pub(super) fn d2_tweedie(y: &[f64], p: &[f64], power: f64) -> f64 {
    let always = vec![mean(y.iter().copied()); y.len()];
    let total = tweedie(y, &always, power);
    if y.len() < 2 || total <= 0.0 { f64::NAN } else { 1.0 - tweedie(y, p, power) / total }
}

/// Mean pinball loss of the quantile `alpha`.
pub(super) fn pinball(y: &[f64], p: &[f64], alpha: f64) -> f64 {
    mean(y.iter().zip(p).map(|(y, p)| {
        let off = y - p;
        if off >= 0.0 { alpha * off } else { (alpha - 1.0) * off }
    }))
}

/// Share of the pinball loss that is explained, beside always saying the quantile `alpha` of these rows. NaN with fewer than two.
pub(super) fn d2_pinball(y: &[f64], p: &[f64], alpha: f64) -> f64 {
    if y.len() < 2 {
        return f64::NAN;
    }
    let mut sorted = y.to_vec();
    sorted.sort_by(f64::total_cmp);
    // The inverse of the distribution function, the mean of two neighbours where it jumps (scikit-learn's own since 1.7).
    let place = alpha * sorted.len() as f64;
    let above = (place.ceil() as usize).clamp(1, sorted.len()) - 1;
    let quantile = if place.fract() == 0.0 && above + 1 < sorted.len() {
        f64::midpoint(sorted[above], sorted[above + 1])
    } else {
        sorted[above]
    };
    explained(pinball(y, p, alpha), pinball(y, &vec![quantile; y.len()], alpha))
}
