//! The training rows that are most like a row: numbers in units of their deviation, categories equal or not.

use ndarray::{ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::model::{Encoding, FeaturePlan};

/// A similar row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Neighbour {
    /// Its place among the rows searched, from 0.
    pub row: usize,
    /// Root of the sum over columns of the squared difference in deviations, or of 1 where categories differ.
    pub distance: f64,
}

/// The `count` rows of `among` (encoded) nearest to `row`, the nearest first; of equally near ones the earlier.
#[must_use]
pub fn nearest(
    plan: &FeaturePlan,
    among: ArrayView2<'_, f64>,
    row: ArrayView1<'_, f64>,
    count: usize,
) -> Vec<Neighbour> {
    // Two indicators differ when a category does: half of the sum counts it once.
    let weights: Vec<f64> = plan
        .inputs
        .iter()
        .flat_map(|input| {
            let categorical = matches!(input.encoding, Encoding::OneHot { .. });
            (0..input.width()).map(move |_| if categorical { 0.5 } else { 1.0 })
        })
        .collect();
    let mut all: Vec<Neighbour> = among
        .outer_iter()
        .enumerate()
        .map(|(place, other)| {
            let part = |((a, b), w): ((&f64, &f64), &f64)| match (a.is_nan(), b.is_nan()) {
                (false, false) => w * (a - b) * (a - b),
                // A plan may leave missing values as they are: missing is like missing, and one away from all else.
                (true, true) => 0.0,
                _ => 1.0,
            };
            let square: f64 = other.iter().zip(row).zip(&weights).map(part).sum();
            Neighbour { row: place, distance: square.sqrt() }
        })
        .collect();
    all.sort_by(|a, b| a.distance.total_cmp(&b.distance).then_with(|| a.row.cmp(&b.row)));
    all.truncate(count);
    all
}
