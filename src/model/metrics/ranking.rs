//! Metrics of order: which rows score higher than which.

use super::mean;
use super::rows::Rows;

/// Area under the ROC curve: the chance that a random positive scores above a random negative, ties counting half.
/// NaN when one side is empty.
#[must_use]
pub fn roc_auc(truth: &[bool], scores: &[f64]) -> f64 {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    let (mut below, mut wins) = (0.0, 0.0);
    let (mut pos, mut neg) = (0.0, 0.0);
    for tied in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
        let p = tied.iter().filter(|&&i| truth[i]).count() as f64;
        let n = tied.len() as f64 - p;
        wins += p * (below + n / 2.0);
        below += n;
        pos += p;
        neg += n;
    }
    if pos == 0.0 || neg == 0.0 { f64::NAN } else { wins / (pos * neg) }
}

/// `Σ (R_n - R_{n-1}) P_n` over descending thresholds, without interpolation. NaN without positives.
#[must_use]
pub fn average_precision(truth: &[bool], scores: &[f64]) -> f64 {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let total = truth.iter().filter(|t| **t).count() as f64;
    let (mut hits, mut seen, mut sum) = (0.0, 0.0, 0.0);
    for tied in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
        let p = tied.iter().filter(|&&i| truth[i]).count() as f64;
        hits += p;
        seen += tied.len() as f64;
        sum += p / total * (hits / seen);
    }
    if total == 0.0 { f64::NAN } else { sum }
}

/// A measure of two classes, such as [`roc_auc`].
type OfTwo = fn(&[bool], &[f64]) -> f64;

/// Each class against the rest: the plain mean.
pub(super) fn rest_macro(rows: &Rows<'_>, measure: OfTwo) -> f64 {
    mean((0..rows.count()).map(|k| {
        let (truth, scores) = rows.against_rest(k);
        measure(&truth, &scores)
    }))
}

/// Each class against the rest, weighted by its rows.
pub(super) fn rest_weighted(rows: &Rows<'_>, measure: OfTwo) -> f64 {
    let all = rows.codes().len() as f64;
    (0..rows.count())
        .map(|k| {
            let (truth, scores) = rows.against_rest(k);
            let own = truth.iter().filter(|t| **t).count() as f64;
            own / all * measure(&truth, &scores)
        })
        .sum()
}

/// Every row and class as one yes-or-no question.
pub(super) fn rest_micro(rows: &Rows<'_>, measure: OfTwo) -> f64 {
    let (mut truth, mut scores) = (Vec::new(), Vec::new());
    for k in 0..rows.count() {
        let (t, s) = rows.against_rest(k);
        truth.extend(t);
        scores.extend(s);
    }
    measure(&truth, &scores)
}

/// Every pair of classes among their own rows, both ways (Hand and Till 2001); `weighted` by the rows of the pair.
pub(super) fn one_against_one(rows: &Rows<'_>, weighted: bool) -> f64 {
    let codes = rows.codes();
    let scores = rows.scores();
    let (mut sum, mut weights) = (0.0, 0.0);
    for a in 0..rows.count() {
        for b in a + 1..rows.count() {
            let pair: Vec<usize> = (0..codes.len()).filter(|&i| codes[i] == a || codes[i] == b).collect();
            let of = |k: usize| {
                let truth: Vec<bool> = pair.iter().map(|&i| codes[i] == k).collect();
                let column: Vec<f64> = pair.iter().map(|&i| scores[[i, k]]).collect();
                roc_auc(&truth, &column)
            };
            let weight = if weighted { pair.len() as f64 / codes.len() as f64 } else { 1.0 };
            sum += weight * f64::midpoint(of(a), of(b));
            weights += weight;
        }
    }
    sum / weights
}

/// Share of rows whose class is among the `k` most probable; of equal scores the later class counts as more probable, as in
/// scikit-learn. NaN when there are no more than `k` classes, for then every row would be a hit.
pub(super) fn top_k(rows: &Rows<'_>, k: usize) -> f64 {
    if rows.count() <= k {
        return f64::NAN;
    }
    mean(rows.codes().iter().zip(rows.scores().outer_iter()).map(|(class, row)| {
        let own = row[*class];
        let before = row.iter().enumerate().filter(|(j, s)| **s > own || (**s == own && j > class)).count();
        f64::from(u8::from(before < k))
    }))
}
