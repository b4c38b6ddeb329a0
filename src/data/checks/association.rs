//! How strongly two columns, or a column and the target, belong together.

use std::collections::BTreeMap;

use super::table::MISSING;

/// Ranks from 1, ties sharing their mean rank (`scipy.stats.rankdata`). The values must be free of NaN.
pub fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<(f64, usize)> = values.iter().copied().enumerate().map(|(i, v)| (v, i)).collect();
    order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0usize;
    for tie in order.chunk_by(|a, b| a.0 == b.0) {
        let rank = before as f64 + (tie.len() as f64 + 1.0) / 2.0;
        for (_, i) in tie {
            if let Some(place) = ranks.get_mut(*i) {
                *place = rank;
            }
        }
        before += tie.len();
    }
    ranks
}

/// Pearson's correlation; `None` without spread.
pub fn pearson(x: &[f64], y: &[f64]) -> Option<f64> {
    let n = x.len().min(y.len()) as f64;
    let (mx, my) = (x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
    let (mut sxy, mut sxx, mut syy) = (0.0, 0.0, 0.0);
    for (a, b) in x.iter().zip(y) {
        sxy += (a - mx) * (b - my);
        sxx += (a - mx) * (a - mx);
        syy += (b - my) * (b - my);
    }
    (sxx > 0.0 && syy > 0.0).then(|| (sxy / (sxx * syy).sqrt()).clamp(-1.0, 1.0))
}

/// Rows where both have a value.
pub fn complete(x: &[f64], y: &[f64]) -> (Vec<f64>, Vec<f64>) {
    x.iter().zip(y).filter(|(a, b)| !a.is_nan() && !b.is_nan()).unzip()
}

/// Spearman's rank correlation over rows where both have a value (`scipy.stats.spearmanr`).
pub fn spearman(x: &[f64], y: &[f64]) -> Option<f64> {
    let (x, y) = complete(x, y);
    if x.len() < 10 {
        return None;
    }
    pearson(&ranks(&x), &ranks(&y))
}

/// Cramér's V with the bias correction of Bergsma (2013), over rows where both have a level.
pub fn cramers_v(x: &[u32], y: &[u32]) -> Option<f64> {
    let mut cells: BTreeMap<(u32, u32), f64> = BTreeMap::new();
    let mut rows: BTreeMap<u32, f64> = BTreeMap::new();
    let mut columns: BTreeMap<u32, f64> = BTreeMap::new();
    let mut n = 0.0;
    for (a, b) in x.iter().zip(y).filter(|(a, b)| **a != MISSING && **b != MISSING) {
        *cells.entry((*a, *b)).or_default() += 1.0;
        *rows.entry(*a).or_default() += 1.0;
        *columns.entry(*b).or_default() += 1.0;
        n += 1.0;
    }
    if n < 10.0 || rows.len() < 2 || columns.len() < 2 {
        return None;
    }
    // chi-square over n = sum of n_ij^2 / (n_i n_j), minus one.
    let phi2 = cells.iter().filter_map(|((a, b), k)| Some(k * k / (rows.get(a)? * columns.get(b)?))).sum::<f64>() - 1.0;
    let (r, k) = (rows.len() as f64, columns.len() as f64);
    let corrected = (phi2 - (k - 1.0) * (r - 1.0) / (n - 1.0)).max(0.0);
    let (rc, kc) = (r - (r - 1.0).powi(2) / (n - 1.0), k - (k - 1.0).powi(2) / (n - 1.0));
    let least = (rc - 1.0).min(kc - 1.0);
    (least > 0.0).then(|| (corrected / least).sqrt().min(1.0))
}

/// The correlation ratio: the root of the share of a number's variance that lies between levels, corrected for their number
/// (epsilon squared, Kelley 1935), so that many levels with few rows each do not look strong.
pub fn correlation_ratio(levels: &[u32], values: &[f64]) -> Option<f64> {
    let mut groups: BTreeMap<u32, (f64, f64)> = BTreeMap::new();
    let (mut n, mut sum) = (0.0, 0.0);
    for (level, v) in levels.iter().zip(values).filter(|(l, v)| **l != MISSING && !v.is_nan()) {
        let group = groups.entry(*level).or_default();
        group.0 += 1.0;
        group.1 += v;
        n += 1.0;
        sum += v;
    }
    let k = groups.len() as f64;
    if n < 10.0 || k < 2.0 || n - k < 1.0 {
        return None;
    }
    let mean = sum / n;
    let total: f64 =
        levels.iter().zip(values).filter(|(l, v)| **l != MISSING && !v.is_nan()).map(|(_, v)| (v - mean).powi(2)).sum();
    let between: f64 = groups.values().map(|(m, s)| m * (s / m - mean).powi(2)).sum();
    if total <= 0.0 {
        return None;
    }
    let within = (total - between).max(0.0);
    Some((1.0 - (within / (n - k)) / (total / (n - 1.0))).max(0.0).sqrt())
}

/// Area under the ROC curve of a score for a yes (`sklearn.metrics.roc_auc_score`); `None` when one side has no row.
pub fn auc(scores: &[f64], yes: &[bool]) -> Option<f64> {
    let positives = yes.iter().filter(|y| **y).count() as f64;
    let negatives = yes.len() as f64 - positives;
    if positives == 0.0 || negatives == 0.0 {
        return None;
    }
    let sum: f64 = ranks(scores).iter().zip(yes).filter(|(_, y)| **y).map(|(r, _)| r).sum();
    Some((sum - positives * (positives + 1.0) / 2.0) / (positives * negatives))
}

/// Cuts numbers into bins of about equal count and gives each row its bin; missing values are a bin of their own.
pub fn bins(values: &[f64], count: usize) -> Vec<u32> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let mut edges: Vec<f64> = (1..count).filter_map(|i| sorted.get(i * sorted.len() / count).copied()).collect();
    edges.dedup();
    values.iter().map(|v| if v.is_nan() { MISSING } else { edges.partition_point(|e| e <= v) as u32 }).collect()
}

/// What half of the rows taught: rows and sum of the numbers per bin, and over all bins.
#[derive(Default)]
struct Half {
    bins: BTreeMap<u32, (f64, f64)>,
    all: (f64, f64),
}

/// Predicts numbers from the bin of each row, by the bin's mean in the other half of the rows: what one column alone can
/// say about rows that it has not seen. Rows whose bin the other half lacks get its overall mean.
pub fn predict_by_bin(bins: &[u32], y: &[f64]) -> Vec<f64> {
    // Halves are drawn by a multiplicative hash of the row, so that no order of the rows can coincide with them.
    let second = |row: usize| (row as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 63 == 1;
    let (mut a, mut b) = (Half::default(), Half::default());
    for (row, (bin, y)) in bins.iter().zip(y).enumerate() {
        let half = if second(row) { &mut b } else { &mut a };
        let known = half.bins.entry(*bin).or_default();
        *known = (known.0 + 1.0, known.1 + y);
        half.all = (half.all.0 + 1.0, half.all.1 + y);
    }
    let mean = |(n, sum): (f64, f64)| if n > 0.0 { sum / n } else { 0.0 };
    bins.iter()
        .enumerate()
        .map(|(row, bin)| {
            let other = if second(row) { &a } else { &b };
            mean(other.bins.get(bin).copied().unwrap_or(other.all))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: Option<f64>, want: f64) {
        let got = got.unwrap();
        assert!((got - want).abs() < 1e-9, "{got} is not {want}");
    }

    const X: [f64; 12] = [1.0, 2.0, 2.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 3.5];
    const Y: [f64; 12] = [2.0, 1.0, 4.0, 3.0, 7.0, 8.0, 6.0, 5.0, 12.0, 10.0, 11.0, 9.0];

    #[test]
    fn ranks_and_spearman_equal_scipy() {
        assert_eq!(ranks(&[10.0, 20.0, 20.0, 5.0]), [2.0, 3.5, 3.5, 1.0]);
        // scipy.stats.spearmanr(X, Y).statistic
        close(spearman(&X, &Y), SPEARMAN);
    }

    #[test]
    fn auc_equals_scikit_learn() {
        // sklearn.metrics.roc_auc_score([y > 6 for y in Y], X)
        let yes: Vec<bool> = Y.iter().map(|y| *y > 6.0).collect();
        close(auc(&X, &yes), AUC);
        assert_eq!(auc(&X, &[true; 12]), None);
    }

    #[test]
    fn cramers_v_equals_the_formula() {
        // a 2x2 table 30 10 / 5 25; the corrected V written out in numpy, see the module of the formula
        let mut x = Vec::new();
        let mut y = Vec::new();
        for (a, b, n) in [(0, 0, 30), (0, 1, 10), (1, 0, 5), (1, 1, 25)] {
            x.extend(std::iter::repeat_n(a, n));
            y.extend(std::iter::repeat_n(b, n));
        }
        close(cramers_v(&x, &y), CRAMER);
        close(cramers_v(&x, &x), 1.0);
    }

    #[test]
    fn the_correlation_ratio_is_one_for_a_function_and_small_for_chance() {
        let levels: Vec<u32> = (0..300).map(|i| i % 3).collect();
        let exact: Vec<f64> = levels.iter().map(|l| f64::from(*l) * 2.0).collect();
        close(correlation_ratio(&levels, &exact), 1.0);
        let chance: Vec<f64> = (0..300).map(|i| f64::from((i * 7919) % 101)).collect();
        assert!(correlation_ratio(&levels, &chance).unwrap() < 0.2);
        // Every row a level of its own: nothing can be said.
        let own: Vec<u32> = (0..300).collect();
        assert_eq!(correlation_ratio(&own, &chance), None);
    }

    #[test]
    fn a_bin_predicts_only_what_the_other_half_taught() {
        let y: Vec<f64> = (0..100).map(f64::from).collect();
        let own: Vec<u32> = (0..100).collect();
        // Levels seen once teach nothing about themselves.
        assert!(pearson(&predict_by_bin(&own, &y), &y).is_none_or(|r| r.abs() < 0.9));
        let tens = bins(&y, 10);
        assert!(pearson(&predict_by_bin(&tens, &y), &y).unwrap() > 0.95);
    }

    const SPEARMAN: f64 = 0.781_087_012_197_256_1;
    const AUC: f64 = 0.805_555_555_555_555_6;
    const CRAMER: f64 = 0.568_796_458_994_521_1;
}
