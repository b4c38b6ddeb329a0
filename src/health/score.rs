//! Metrics with their 95% intervals, as the watch needs them.

use ndarray::ArrayView2;

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
    if rows == 0 {
        return None;
    }
    let (n, p) = (rows as f64, hits as f64 / rows as f64);
    let base = 1.0 + Z * Z / n;
    let centre = (p + Z * Z / (2.0 * n)) / base;
    let half = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt() / base;
    Some(Estimate { value: p, interval: Some(((centre - half).max(0.0), (centre + half).min(1.0))) })
}

/// Area under the ROC curve, equal scores counting half, with the interval of DeLong, DeLong and Clarke-Pearson (1988).
/// `None` without rows of both classes.
#[must_use]
pub fn auc(truth: &[bool], score: &[f64]) -> Option<Estimate> {
    let of = |class: bool| -> Vec<f64> {
        let mut v: Vec<f64> = truth.iter().zip(score).filter(|(t, _)| **t == class).map(|(_, s)| *s).collect();
        v.sort_by(f64::total_cmp);
        v
    };
    let (positive, negative) = (of(true), of(false));
    if positive.is_empty() || negative.is_empty() {
        return None;
    }
    // The share of `others` below each value.
    let below = |values: &[f64], others: &[f64]| -> Vec<f64> {
        let n = others.len() as f64;
        let rank = |v: &f64| {
            let less = others.partition_point(|o| o < v);
            let same = others.partition_point(|o| o <= v) - less;
            (less as f64 + same as f64 / 2.0) / n
        };
        values.iter().map(rank).collect()
    };
    let placed = below(&positive, &negative);
    let value = mean_of(&placed)?;
    let spread = variance_of(&placed).zip(variance_of(&below(&negative, &positive)));
    let error = spread.map(|(p, n)| (p / positive.len() as f64 + n / negative.len() as f64).sqrt());
    let interval = error.map(|e| ((value - Z * e).max(0.0), (value + Z * e).min(1.0)));
    Some(Estimate { value, interval })
}

/// The log loss of each row: minus the logarithm of the probability given to what happened, probabilities clipped to
/// the machine's epsilon and normalised as in scikit-learn's `log_loss`. `scores` has the shape (rows, K).
#[must_use]
pub fn log_losses(truth: &[usize], scores: ArrayView2<'_, f64>) -> Vec<f64> {
    let clip = |p: f64| p.clamp(f64::EPSILON, 1.0 - f64::EPSILON);
    truth
        .iter()
        .zip(scores.outer_iter())
        .map(|(class, row)| {
            let sum: f64 = row.iter().sum();
            -clip(row.get(*class).copied().unwrap_or(0.0) / if sum > 0.0 { sum } else { 1.0 }).ln()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

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
