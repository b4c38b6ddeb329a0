//! Histograms whose edges are what they say.

use serde::{Deserialize, Serialize};

use super::Tally;

/// Counts of values between edges. Bin `i` holds `edges[i] <= value < edges[i + 1]`; the last bin includes its upper
/// edge (as `numpy.histogram`). What lies outside the drawn range is counted in `below` and `above`, never dropped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// Ascending bin edges, one more than there are bins.
    pub edges: Vec<f64>,
    /// Values per bin.
    pub counts: Vec<u64>,
    /// Values under the first edge.
    pub below: u64,
    /// Values over the last edge.
    pub above: u64,
}

/// More bins than this cannot be told apart in a terminal.
const MOST_BINS: usize = 60;

impl Histogram {
    /// Counts a tally between given ascending edges.
    #[must_use]
    pub fn with_edges(tally: &Tally<f64>, edges: Vec<f64>) -> Self {
        let bins = edges.len().saturating_sub(1);
        let mut histogram = Self { edges, counts: vec![0; bins], below: 0, above: 0 };
        for &(value, n) in tally.entries() {
            let edge = histogram.edges.partition_point(|e| *e <= value);
            let at_last_edge = histogram.edges.last().is_some_and(|e| *e == value);
            if edge == 0 {
                histogram.below += n;
            } else if let Some(count) =
                histogram.counts.get_mut(if at_last_edge { bins.saturating_sub(1) } else { edge - 1 })
            {
                *count += n;
            } else {
                histogram.above += n;
            }
        }
        histogram
    }

    /// Chooses edges for a tally and counts. `None` without values.
    ///
    /// Whole numbers with a small range get one bin each, centred on the number. Otherwise the width is the one of
    /// Freedman and Diaconis (1981), `2 IQR / n^(1/3)`, with at most 60 bins. When a few far values would press all others
    /// into one bin, the drawn range ends one central span (1 % to 99 %) outside of it, and `below` and `above` say how many are left out.
    #[must_use]
    pub fn of(tally: &Tally<f64>) -> Option<Self> {
        let (min, max) = (tally.entries().first()?.0, tally.entries().last()?.0);
        if !(min.is_finite() && max.is_finite() && (max - min).is_finite()) {
            return None;
        }
        let whole = tally.entries().iter().all(|(v, _)| v.fract() == 0.0);
        if min == max {
            let half = if whole && min.abs() < 1e15 { 0.5 } else { (min.abs() * 1e-3).max(f64::MIN_POSITIVE) };
            return Some(Self::with_edges(tally, vec![min - half, max + half]));
        }
        if whole && max - min < MOST_BINS as f64 {
            let bins = (max - min) as usize + 1;
            return Some(Self::with_edges(tally, (0..=bins).map(|i| min - 0.5 + i as f64).collect()));
        }
        let [q01, q25, q75, q99] = <[f64; 4]>::try_from(tally.quantiles(&[0.01, 0.25, 0.75, 0.99])).ok()?;
        let (mut low, mut high) = (min, max);
        let span = q99 - q01;
        if span > 0.0 && max - min > 10.0 * span {
            low = low.max(q01 - span);
            high = high.min(q99 + span);
        }
        let width = 2.0 * (q75 - q25) / (tally.total() as f64).cbrt();
        let wanted = ((high - low) / width).ceil();
        let bins = if wanted.is_finite() { (wanted as usize).clamp(1, MOST_BINS) } else { 10 };
        let mut edges: Vec<f64> = (0..bins)
            .map(|i| {
                let along = (high - low) * i as f64;
                // Near the end of the number range the product is infinite where the quotient is not.
                low + if along.is_finite() { along / bins as f64 } else { (high - low) * (i as f64 / bins as f64) }
            })
            .collect();
        edges.push(high);
        edges.dedup();
        Some(Self::with_edges(tally, edges))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn equals_numpy_histogram() {
        // np.histogram([0, 1, 1, 2, 3, 4, 4.5, 10], bins=[0, 1, 2, 4.5])  ->  [1, 2, 4]
        let tally = Tally::from_unsorted(vec![0.0, 1.0, 1.0, 2.0, 3.0, 4.0, 4.5, 10.0, -1.0]);
        let h = Histogram::with_edges(&tally, vec![0.0, 1.0, 2.0, 4.5]);
        assert_eq!(h.counts, [1, 2, 4]);
        assert_eq!((h.below, h.above), (1, 1));
    }

    #[test]
    fn whole_numbers_get_a_bin_each() {
        let h = Histogram::of(&Tally::from_unsorted(vec![1.0, 1.0, 3.0])).unwrap();
        assert_eq!(h.edges, [0.5, 1.5, 2.5, 3.5]);
        assert_eq!(h.counts, [2, 0, 1]);
    }

    #[test]
    fn a_far_value_does_not_flatten_the_rest() {
        let mut values: Vec<f64> = (0..1000).map(|i| f64::from(i) / 100.0).collect();
        values.push(1e9);
        let h = Histogram::of(&Tally::from_unsorted(values)).unwrap();
        assert_eq!(h.above, 1);
        assert!(h.counts.iter().filter(|c| **c > 0).count() > 3);
    }

    #[test]
    fn edges_stay_finite_at_the_end_of_the_number_range() {
        let h = Histogram::of(&Tally::from_unsorted(vec![-1e300, 2.0, 1e300, 1.7e308, 5e-324])).unwrap();
        assert!(h.edges.iter().all(|e| e.is_finite()) && h.edges.windows(2).all(|w| w[0] < w[1]), "{h:?}");
        assert_eq!(h.counts.iter().sum::<u64>() + h.below + h.above, 5);
    }

    proptest! {
        #[test]
        fn no_value_is_lost_and_edges_ascend(values in prop::collection::vec(-1e12f64..1e12, 1..200)) {
            let h = Histogram::of(&Tally::from_unsorted(values.clone())).unwrap();
            prop_assert_eq!(h.counts.iter().sum::<u64>() + h.below + h.above, values.len() as u64);
            prop_assert!(h.edges.windows(2).all(|w| w[0] < w[1]));
        }
    }
}
