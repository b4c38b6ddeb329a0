//! Confident learning (Northcutt, Jiang and Chuang 2021): which labels contradict out-of-fold probabilities.
//!
//! The counts and the choice of rows equal those of cleanlab 2 (`compute_confident_joint`, and `find_label_issues` with
//! its default filter, prune by noise rate); `tests/python/reference_labels.py` makes the reference values.

use ndarray::ArrayView2;

/// Slack of a comparison with a threshold.
const SLACK: f64 = 1e-6;

/// A class without rows has a threshold that no probability reaches.
const NEVER: f64 = 2.0;

/// For each class the mean probability that its own rows give it: from there on a row counts as confidently of the class.
#[must_use]
pub fn thresholds(labels: &[usize], probabilities: ArrayView2<'_, f64>) -> Vec<f64> {
    let mut sums = vec![(0.0, 0.0); probabilities.ncols()];
    for (label, row) in labels.iter().zip(probabilities.outer_iter()) {
        sums[*label].0 += 1.0;
        sums[*label].1 += row[*label];
    }
    sums.into_iter().map(|(n, sum): (f64, f64)| if n > 0.0 { (sum / n).max(2.0 * SLACK) } else { NEVER }).collect()
}

/// The confident joint: rows by given label (first index) and by the class that they confidently belong to (second),
/// brought to the counts of the given labels.
#[must_use]
pub fn confident_joint(labels: &[usize], probabilities: ArrayView2<'_, f64>) -> Vec<Vec<u64>> {
    let k = probabilities.ncols();
    let thresholds = thresholds(labels, probabilities);
    let mut joint = vec![vec![0.0; k]; k];
    let mut given = vec![0.0; k];
    for (label, row) in labels.iter().zip(probabilities.outer_iter()) {
        given[*label] += 1.0;
        let confident: Vec<usize> = (0..k).filter(|j| row[*j] >= thresholds[*j] - SLACK).collect();
        let class = match confident.as_slice() {
            [] => continue,
            [one] => *one,
            _ => (1..k).fold(0, |best, j| if row[j] > row[best] { j } else { best }),
        };
        joint[*label][class] += 1.0;
    }
    for (i, row) in joint.iter_mut().enumerate() {
        row[i] = f64::max(row[i], 1.0);
    }
    let mut calibrated: Vec<Vec<f64>> = joint
        .iter()
        .zip(&given)
        .map(|(row, n)| {
            let sum = row.iter().sum::<f64>();
            row.iter().map(|v| v / sum * n).collect()
        })
        .collect();
    let all: f64 = given.iter().sum();
    let sum: f64 = calibrated.iter().flatten().sum();
    calibrated.iter_mut().flatten().for_each(|v| *v = *v / sum * all);
    calibrated.iter().map(|row| round_keeping_sum(row)).collect()
}

/// The share of the labels that the joint holds for wrong, 0 to 1.
#[must_use]
pub fn noise(joint: &[Vec<u64>]) -> f64 {
    let all: u64 = joint.iter().flatten().sum();
    let right: u64 = joint.iter().enumerate().map(|(i, row)| row[i]).sum();
    if all == 0 { 0.0 } else { (all - right) as f64 / all as f64 }
}

/// Rows whose labels are likely wrong, ascending: for each pair of classes as many as the joint counts, those with the largest
/// margin of the other class over the given one; never a row whose given label is the most probable one.
#[must_use]
pub fn label_issues(labels: &[usize], probabilities: ArrayView2<'_, f64>) -> Vec<usize> {
    let k = probabilities.ncols();
    let joint = at_least_one_right(&confident_joint(labels, probabilities));
    let mut wrong = vec![false; labels.len()];
    for given in 0..k {
        let rows: Vec<usize> = (0..labels.len()).filter(|row| labels[*row] == given).collect();
        if rows.len() <= 1 {
            continue;
        }
        for other in (0..k).filter(|other| *other != given) {
            let mut order = rows.clone();
            let margin = |row: &usize| probabilities[[*row, other]] - probabilities[[*row, given]];
            order.sort_by(|a, b| margin(b).total_cmp(&margin(a)).then(a.cmp(b)));
            for row in order.into_iter().take(joint[given][other] as usize) {
                wrong[row] = true;
            }
        }
    }
    (0..labels.len())
        .filter(|row| {
            let own = probabilities[[*row, labels[*row]]] + SLACK;
            let before = (0..labels[*row]).any(|j| probabilities[[*row, j]] >= own);
            let after = (labels[*row] + 1..k).any(|j| probabilities[[*row, j]] > own);
            wrong[*row] && (before || after)
        })
        .collect()
}

/// Leaves every class one row that is held for right: what its diagonal lacks is taken evenly from its other counts.
fn at_least_one_right(joint: &[Vec<u64>]) -> Vec<Vec<u64>> {
    let mut kept = joint.to_vec();
    for (i, row) in kept.iter_mut().enumerate().filter(|(i, row)| row[*i] == 0) {
        let others = row.iter().filter(|n| **n > 0).count().saturating_sub(1).max(1) as f64;
        for n in row.iter_mut() {
            *n = (*n as f64 - 1.0 / others).max(0.0).round_ties_even() as u64;
        }
        row[i] = 1;
    }
    kept
}

/// Rounds numbers so that their rounded sum stays: those that lost most by rounding are raised first.
fn round_keeping_sum(values: &[f64]) -> Vec<u64> {
    let mut rounded: Vec<f64> = values.iter().map(|v| v.round_ties_even()).collect();
    let wanted = values.iter().sum::<f64>().round_ties_even();
    loop {
        let missing = wanted - rounded.iter().sum::<f64>();
        if missing.abs() < 0.5 {
            return rounded.into_iter().map(|v| v.max(0.0) as u64).collect();
        }
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|a, b| (values[*a] - rounded[*a]).total_cmp(&(values[*b] - rounded[*b])));
        if missing > 0.0 {
            order.reverse();
        }
        for at in order.into_iter().take(missing.abs() as usize) {
            rounded[at] += missing.signum();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use serde::Deserialize;

    /// Made by `tests/python/reference_labels.py` with cleanlab.
    #[derive(Deserialize)]
    struct Reference {
        cases: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        labels: Vec<usize>,
        probabilities: Vec<Vec<f64>>,
        thresholds: Vec<f64>,
        joint: Vec<Vec<u64>>,
        issues: Vec<usize>,
    }

    #[test]
    fn thresholds_joint_and_issues_equal_cleanlabs() {
        let reference: Reference = serde_json::from_str(include_str!("../../tests/reference/labels.json")).unwrap();
        assert!(reference.cases.len() >= 4);
        for case in reference.cases {
            let k = case.probabilities[0].len();
            let p = Array2::from_shape_fn((case.labels.len(), k), |(i, j)| case.probabilities[i][j]);
            for (ours, theirs) in thresholds(&case.labels, p.view()).iter().zip(&case.thresholds) {
                assert!((ours - theirs).abs() < 1e-12, "{ours} {theirs}");
            }
            assert_eq!(confident_joint(&case.labels, p.view()), case.joint);
            assert_eq!(label_issues(&case.labels, p.view()), case.issues);
        }
    }

    #[test]
    fn sums_are_kept() {
        assert_eq!(round_keeping_sum(&[1.4, 1.4, 1.2]), [1, 2, 1]);
        assert_eq!(round_keeping_sum(&[0.5, 0.5, 2.0]), [0, 1, 2]);
        assert!((noise(&[vec![90, 10], vec![0, 100]]) - 0.05).abs() < 1e-12);
    }
}
