//! The points behind the charts: ROC, precision-recall and calibration.

use serde::{Deserialize, Serialize};

/// Descending distinct scores with the positives and negatives at each.
fn steps(truth: &[bool], scores: &[f64]) -> Vec<(f64, f64)> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    order
        .chunk_by(|&a, &b| scores[a] == scores[b])
        .map(|tied| {
            let p = tied.iter().filter(|&&i| truth[i]).count() as f64;
            (p, tied.len() as f64 - p)
        })
        .collect()
}

/// ROC points (false-positive rate, true-positive rate) from (0, 0) to (1, 1), one per distinct score.
/// Empty when one class is absent.
#[must_use]
pub fn roc(truth: &[bool], scores: &[f64]) -> Vec<(f64, f64)> {
    let steps = steps(truth, scores);
    let (pos, neg) = steps.iter().fold((0.0, 0.0), |(p, n), s| (p + s.0, n + s.1));
    if pos == 0.0 || neg == 0.0 {
        return Vec::new();
    }
    let (mut tp, mut fp) = (0.0, 0.0);
    std::iter::once((0.0, 0.0))
        .chain(steps.into_iter().map(|(p, n)| {
            tp += p;
            fp += n;
            (fp / neg, tp / pos)
        }))
        .collect()
}

/// Precision-recall points (recall, precision) in order of rising recall, one per distinct score. Empty without positives.
#[must_use]
pub fn precision_recall(truth: &[bool], scores: &[f64]) -> Vec<(f64, f64)> {
    let steps = steps(truth, scores);
    let pos: f64 = steps.iter().map(|s| s.0).sum();
    if pos == 0.0 {
        return Vec::new();
    }
    let (mut tp, mut said) = (0.0, 0.0);
    steps
        .into_iter()
        .map(|(p, n)| {
            tp += p;
            said += p + n;
            (tp / pos, tp / said)
        })
        .collect()
}

/// One bin of a calibration curve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CalibrationBin {
    /// Mean predicted probability.
    pub predicted: f64,
    /// Share of positives.
    pub observed: f64,
    /// Lower end of Wilson's 95 % interval of the share.
    pub low: f64,
    /// Upper end of it.
    pub high: f64,
    /// Rows in the bin.
    pub rows: usize,
}

/// Calibration in at most `bins` bins of equal width (scikit-learn's `calibration_curve(strategy="uniform")`), with
/// Wilson intervals. Empty bins are left out.
#[must_use]
pub fn calibration(truth: &[bool], scores: &[f64], bins: usize) -> Vec<CalibrationBin> {
    let mut sums = vec![(0usize, 0.0, 0.0); bins];
    for (t, s) in truth.iter().zip(scores) {
        // A value on an edge belongs to the bin below it.
        let bin = (1..bins).filter(|k| *k as f64 * (1.0 / bins as f64) < *s).count();
        if let Some((n, p, hits)) = sums.get_mut(bin) {
            *n += 1;
            *p += s;
            *hits += f64::from(u8::from(*t));
        }
    }
    sums.into_iter()
        .filter(|(n, ..)| *n > 0)
        .map(|(rows, p, hits)| {
            let n = rows as f64;
            let (low, high) = wilson(hits, n);
            CalibrationBin { predicted: p / n, observed: hits / n, low, high, rows }
        })
        .collect()
}

/// Wilson's 95 % interval of a share (Wilson 1927).
#[must_use]
pub fn wilson(hits: f64, n: f64) -> (f64, f64) {
    let z = 1.959_963_984_540_054;
    let share = hits / n;
    let below = 1.0 + z * z / n;
    let centre = (share + z * z / (2.0 * n)) / below;
    let half = z / below * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
    ((centre - half).max(0.0), (centre + half).min(1.0))
}
