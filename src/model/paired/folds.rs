//! Two models over the same cross-validation folds: the corrected resampled t-test (Nadeau and Bengio 2003).

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// What the folds say about two models.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FoldTest {
    /// Mean over the folds of the first's value less the second's.
    pub difference: f64,
    /// Lower end of its 95 % interval.
    pub low: f64,
    /// Upper end of it.
    pub high: f64,
    /// Two-sided p of no difference.
    pub p: f64,
    /// Folds in which both have a value.
    pub folds: usize,
}

/// Training rows are shared between folds, so the plain t-test calls too much real: its variance, σ²/k, becomes
/// σ²·(1/k + `ratio`), where `ratio` is rows judged by over rows fitted on. Folds in which a value is undefined do not
/// count. `None` with fewer than two folds.
#[must_use]
pub fn corrected_t(first: &[f64], second: &[f64], ratio: f64) -> Option<FoldTest> {
    let differences: Vec<f64> = first.iter().zip(second).map(|(a, b)| a - b).filter(|d| d.is_finite()).collect();
    let folds = differences.len();
    if folds < 2 || first.len() != second.len() {
        return None;
    }
    let k = folds as f64;
    let difference = differences.iter().sum::<f64>() / k;
    let variance = differences.iter().map(|d| (d - difference).powi(2)).sum::<f64>() / (k - 1.0);
    let error = (variance * (1.0 / k + ratio)).sqrt();
    let t = StudentsT::new(0.0, 1.0, k - 1.0).ok()?;
    let p = if error > 0.0 {
        2.0 * t.cdf(-(difference / error).abs())
    } else if difference == 0.0 {
        1.0
    } else {
        0.0
    };
    let half = t.inverse_cdf(0.975) * error;
    Some(FoldTest { difference, low: difference - half, high: difference + half, p, folds })
}
