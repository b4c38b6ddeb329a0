//! Metrics with the 95% intervals that formulas give at once: the watch makes one of each for every period.

use crate::model::curves;
use crate::model::delong::Placements;

/// A metric's value with its 95% interval; the interval is missing when there are too few rows for one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The value.
    pub value: f64,
    /// The interval.
    pub interval: Option<(f64, f64)>,
}

/// The normal quantile of a two-sided 95% interval.
const Z: f64 = 1.959_963_984_540_054;

fn mean_of(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Variance with n − 1.
fn variance_of(values: &[f64]) -> Option<f64> {
    let mean = mean_of(values)?;
    (values.len() > 1).then(|| values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64)
}

/// A mean with the interval of the central limit theorem.
#[must_use]
pub fn mean(values: &[f64]) -> Option<Estimate> {
    let value = mean_of(values)?;
    let error = variance_of(values).map(|v| (v / values.len() as f64).sqrt());
    Some(Estimate { value, interval: error.map(|e| (value - Z * e, value + Z * e)) })
}

/// Mean absolute error.
#[must_use]
pub fn mae(truth: &[f64], predicted: &[f64]) -> Option<Estimate> {
    let errors: Vec<f64> = truth.iter().zip(predicted).map(|(t, p)| (t - p).abs()).collect();
    mean(&errors)
}

/// Root of the mean squared error; its interval by the delta method.
#[must_use]
pub fn rmse(truth: &[f64], predicted: &[f64]) -> Option<Estimate> {
    let squares: Vec<f64> = truth.iter().zip(predicted).map(|(t, p)| (t - p).powi(2)).collect();
    let value = mean_of(&squares)?.sqrt();
    let error =
        variance_of(&squares).filter(|_| value > 0.0).map(|v| (v / squares.len() as f64).sqrt() / (2.0 * value));
    Some(Estimate { value, interval: error.map(|e| ((value - Z * e).max(0.0), value + Z * e)) })
}

/// Median absolute error: what a typical row is off by, whatever a few wild ones do. Its interval by order statistics.
#[must_use]
pub fn median_ae(truth: &[f64], predicted: &[f64]) -> Option<Estimate> {
    let mut errors: Vec<f64> = truth.iter().zip(predicted).map(|(t, p)| (t - p).abs()).collect();
    errors.sort_by(f64::total_cmp);
    let n = errors.len();
    let (below, above) = (*errors.get(n.checked_sub(1)? / 2)?, *errors.get(n / 2)?);
    let half = Z * (n as f64).sqrt() / 2.0;
    let at = |place: f64| errors.get(place.clamp(0.0, (n - 1) as f64) as usize).copied();
    let middle = n as f64 / 2.0;
    let interval = at((middle - half).floor()).zip(at((middle + half).ceil())).filter(|_| n >= 6);
    Some(Estimate { value: f64::midpoint(below, above), interval })
}

/// A share of `hits` among `rows` with Wilson's interval.
#[must_use]
pub fn share(hits: usize, rows: usize) -> Option<Estimate> {
    let (hits, n) = (hits as f64, rows as f64);
    (rows > 0).then(|| Estimate { value: hits / n, interval: Some(curves::wilson(hits, n)) })
}

/// Area under the ROC curve, equal scores counting half, with the interval of DeLong, DeLong and Clarke-Pearson (1988).
/// `None` without rows of both classes.
#[must_use]
pub fn auc(truth: &[bool], score: &[f64]) -> Option<Estimate> {
    let placed = Placements::new(truth, score)?;
    Some(Estimate { value: placed.auc(), interval: placed.interval() })
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::model::metrics::log_losses;

    fn near(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-9, "{a} is not {b}");
    }

    // Expected values: scikit-learn (roc_auc_score, log_loss, mean_absolute_error,
    // median_absolute_error, root_mean_squared_error), statsmodels'
    // proportion_confint(method="wilson"), and DeLong's variance written out in NumPy, on the same inputs.

    #[test]
    fn metrics_of_classes_equal_scikit_learn() {
        let truth = [0, 1, 1, 0, 1, 0, 0, 1, 0, 1, 1, 0];
        let score = [0.1, 0.8, 0.35, 0.4, 0.35, 0.2, 0.9, 0.7, 0.35, 0.6, 0.5, 0.05];
        let auc = auc(&truth.map(|t| t == 1), &score).unwrap();
        near(auc.value, 0.75);
        let half = Z * 0.028_240_740_740_740_74_f64.sqrt();
        near(auc.interval.unwrap().0, 0.75 - half);
        near(auc.interval.unwrap().1, (0.75 + half).min(1.0));
        let scores = ndarray::Array2::from_shape_fn((12, 2), |(i, k)| if k == 1 { score[i] } else { 1.0 - score[i] });
        near(mean(&log_losses(&truth.map(|t| t as usize), scores.view())).unwrap().value, 0.625_618_878_565_692_5);
        let three = array![[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [0.3, 0.4, 0.3]];
        near(mean(&log_losses(&[0, 2, 0], three.view())).unwrap().value, 0.690_491_124_010_219_7);
        assert_eq!(super::auc(&[true, true], &[0.1, 0.2]), None);
    }

    #[test]
    fn metrics_of_numbers_equal_scikit_learn() {
        let (truth, predicted) = ([3.0, 5.0, 2.5, 7.0], [2.5, 5.0, 4.0, 8.0]);
        near(mae(&truth, &predicted).unwrap().value, 0.75);
        near(median_ae(&truth, &predicted).unwrap().value, 0.75);
        near(median_ae(&truth[..3], &predicted[..3]).unwrap().value, 0.5);
        assert_eq!(median_ae(&[], &[]), None);
        let errors: Vec<f64> = (1..=100).map(f64::from).collect();
        // Ranks 50 ± 1.96 · 5 of a hundred sorted values, outwards.
        assert_eq!(median_ae(&vec![0.0; 100], &errors).unwrap().interval, Some((41.0, 61.0)));
        near(rmse(&truth, &predicted).unwrap().value, 0.935_414_346_693_485_3);
        assert_eq!((mae(&[], &[]), rmse(&[], &[])), (None, None));
        assert_eq!(mae(&[1.0], &[3.0]).unwrap().interval, None);
    }

    #[test]
    fn shares_have_wilsons_interval() {
        let s = share(3, 20).unwrap();
        near(s.interval.unwrap().0, 0.052_368_745_896_216_595);
        near(s.interval.unwrap().1, 0.360_418_864_740_756_97);
        assert_eq!(share(0, 0), None);
    }
}
