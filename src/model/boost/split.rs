//! The best division of one node's rows, found from its histogram.

use rayon::prelude::*;

use super::bins::Binned;
use super::histogram::{Histogram, Sums};

/// What a division must keep, in the units of the histogram.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Added to the sum of curvatures.
    pub(super) l2: f64,
    /// Least sum of curvatures in a child.
    pub(super) min_weight: f64,
    /// Least number of rows in a child.
    pub(super) min_rows: usize,
    /// Whether the sum of curvatures is the number of rows.
    pub(super) curvature_counts: bool,
}

/// A node as the search sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whole {
    pub(super) sums: Sums,
    pub(super) rows: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Split {
    pub(super) feature: usize,
    /// The last bin that goes left.
    pub(super) code: usize,
    pub(super) missing_left: bool,
    pub(super) gain: f64,
    pub(super) left: Sums,
}

/// A node's contribution to the gain: `G² / (H + l2)`.
fn worth(gradient: f64, curvature: f64, l2: f64) -> f64 {
    gradient * gradient / (curvature + l2)
}

/// The best split over the features, or `None` when none gains. Of equal ones the first feature and the lowest bin win.
pub(super) fn best(
    histogram: &Histogram,
    counts: Option<&Histogram>,
    binned: &Binned,
    features: &[u32],
    whole: Whole,
    limits: Limits,
) -> Option<Split> {
    let one = |f: &u32| {
        let f = *f as usize;
        let counts = counts.map(|c| c.of(binned, f));
        best_of(f, histogram.of(binned, f), counts, binned.edges[f].unbounded, whole, limits)
    };
    let found: Vec<Option<Split>> =
        features.par_iter().with_min_len(features.len().div_ceil(2).max(8)).map(one).collect();
    found.into_iter().flatten().reduce(|best, other| if other.gain > best.gain { other } else { best })
}

fn best_of(
    feature: usize,
    cells: &[Sums],
    counts: Option<&[Sums]>,
    unbounded: bool,
    whole: Whole,
    limits: Limits,
) -> Option<Split> {
    let (missing, values) = cells.split_last()?;
    let [g, h] = whole.sums.map(|v| v as f64);
    let parent = worth(g, h, limits.l2);
    // Uncounted rows are taken for their share of the curvature, as in LightGBM; the grower counts again.
    let per_row = if h > 0.0 { h / whole.rows as f64 } else { 1.0 };
    let share = if counts.is_some() { 0.0 } else { (limits.min_rows as f64 - 0.5) * per_row };
    let least = limits.min_weight.max(share);
    let count = |code: usize| counts.and_then(|c| c.get(code)).map_or(0, |c| c[1] as usize);
    let mut best: Option<Split> = None;
    let mut most = parent * (1.0 + 1e-12);
    let mut scan = |missing_left: bool, upto: usize| {
        let mut left = if missing_left { *missing } else { [0; 2] };
        let mut rows_left = if missing_left { count(values.len()) } else { 0 };
        for (code, cell) in values.iter().enumerate().take(upto) {
            left[0] += cell[0];
            left[1] += cell[1];
            rows_left += count(code);
            let (gl, hl) = (left[0] as f64, left[1] as f64);
            if hl < least || (counts.is_some() && rows_left < limits.min_rows) {
                continue;
            }
            let (gr, hr) = (g - gl, h - hl);
            if hr < least || (counts.is_some() && whole.rows - rows_left < limits.min_rows) {
                break;
            }
            let value = worth(gl, hl, limits.l2) + worth(gr, hr, limits.l2);
            if value > most {
                most = value;
                best = Some(Split { feature, code, missing_left, gain: value - parent, left });
            }
        }
    };
    let bins = values.len();
    let none_missing = if counts.is_some() { count(values.len()) == 0 } else { *missing == [0; 2] };
    if none_missing {
        scan(false, bins - 1);
        return best;
    }
    // All values left and what is missing right; no threshold is above infinity.
    scan(false, if unbounded { bins - 1 } else { bins });
    scan(true, bins - 1);
    best
}
