//! Counts of numbers between edges that were chosen beforehand: quantiles with a bound that is known, not hoped for.
//!
//! A spread sample of the column suggests the edges (each holds about the same share of the sample, values that are
//! frequent in it have a bucket of their own, and beyond its ends the edges go on to the end of the number range). Then
//! every value is counted exactly. Counts add up in any order, and a quantile lies in a bucket whose share of the rows is known:
//! a bad sample makes the bound wider, never wrong.

use std::sync::Arc;

/// Buckets of about equal share.
const EQUAL: usize = 4096;

/// Single values of the sample's ends that become edges.
const ENDS: usize = 32;

/// Frequent values that get a bucket of their own.
const FREQUENT: usize = 512;

/// The edges of buckets, with an index that finds the bucket of a value without walking through all of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Edges {
    edges: Vec<f64>,
    /// Where the grid starts, and how many cells it has per unit.
    low: f64,
    scale: f64,
    middle: f64,
    /// Per cell of the grid the number of edges at or below its start; one more at the end.
    first: Vec<u32>,
}

/// The next larger number.
fn after(value: f64) -> f64 {
    value.next_up()
}

impl Edges {
    /// Chooses edges from a sample of the column; NaN and infinities are ignored.
    #[must_use]
    pub fn plan(sample: &[f64]) -> Self {
        let mut sorted: Vec<f64> = sample.iter().filter(|v| v.is_finite()).map(|v| v + 0.0).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let n = sorted.len();
        let at = |i: usize| sorted.get(i.min(n.saturating_sub(1))).copied();
        let mut edges = vec![0.0, after(0.0)];
        edges.extend((0..EQUAL).filter_map(|i| at(i * n / EQUAL)));
        edges.extend((0..ENDS).filter_map(at));
        edges.extend((0..ENDS).filter_map(|i| at(n.saturating_sub(i + 1))));
        let mut runs: Vec<(usize, f64)> = sorted
            .chunk_by(|a, b| a == b)
            .filter(|run| run.len() > 2)
            .filter_map(|run| Some((run.len(), *run.first()?)))
            .collect();
        runs.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.total_cmp(&b.1)));
        edges.extend(runs.iter().take(FREQUENT).flat_map(|(_, v)| [*v, after(*v)]));
        let (low, middle, high) = match (at(0), at(n / 2), at(n.saturating_sub(1))) {
            (Some(low), Some(middle), Some(high)) => (low, middle, high),
            _ => (0.0, 0.0, 0.0),
        };
        beyond(high, high - middle, 1.0, &mut edges);
        beyond(low, middle - low, -1.0, &mut edges);
        edges.retain(|e| e.is_finite());
        edges.sort_unstable_by(f64::total_cmp);
        edges.dedup();
        // The grid covers the bulk; what lies outside falls into its first or last cell.
        let (from, to) = (at(n / 50).unwrap_or(0.0), at(n - n / 50).unwrap_or(0.0));
        let cells = edges.len() * 2;
        let scale = cells as f64 / (to - from);
        let scale = if scale.is_finite() && scale > 0.0 { scale } else { 0.0 };
        let mut index = Self { edges, low: from, scale, middle, first: Vec::new() };
        index.first = vec![0; cells + 2];
        // An edge belongs to the cell that the same arithmetic gives for values, so that rounding cannot part them.
        for edge in &index.edges {
            let cell = index.cell(*edge) + 1;
            index.first.iter_mut().skip(cell).take(1).for_each(|n| *n += 1);
        }
        let mut sum = 0;
        for n in &mut index.first {
            sum += *n;
            *n = sum;
        }
        index
    }

    /// The median of the sample; 0 without one.
    #[must_use]
    pub fn middle(&self) -> f64 {
        self.middle
    }

    fn cell(&self, value: f64) -> usize {
        // A cast saturates: what is below becomes 0.
        (((value - self.low) * self.scale) as usize).min(self.first.len().saturating_sub(2))
    }

    /// The bucket of a value: the number of edges at or below it.
    #[inline]
    #[must_use]
    pub fn bucket(&self, value: f64) -> usize {
        let cell = self.cell(value);
        let from = self.first.get(cell).copied().unwrap_or(0) as usize;
        let to = self.first.get(cell + 1).copied().unwrap_or(0) as usize;
        match self.edges.get(from..to) {
            Some(few) if few.len() <= 8 => from + few.iter().filter(|e| **e <= value).count(),
            Some(many) => from + many.partition_point(|e| *e <= value),
            None => 0,
        }
    }

    /// How many buckets there are: one more than edges.
    #[must_use]
    pub fn buckets(&self) -> usize {
        self.edges.len() + 1
    }
}

/// Edges from the end of the sample to the end of the number range, further and further apart.
fn beyond(from: f64, span: f64, sign: f64, edges: &mut Vec<f64>) {
    let mut step = if span > 0.0 && span.is_finite() { span * 0.05 } else { (from.abs() * 1e-6).max(1e-9) };
    edges.push(if sign > 0.0 { after(from) } else { from });
    let mut edge = from;
    for i in 0..1200 {
        edge += sign * step;
        if !edge.is_finite() {
            break;
        }
        edges.push(edge);
        step *= if i < 60 { 1.25 } else { 3.0 };
    }
}

/// Counts between edges.
#[derive(Debug, Clone, PartialEq)]
pub struct Buckets {
    edges: Arc<Edges>,
    counts: Vec<u64>,
}

/// One bucket with its count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// The smallest value that belongs into it; -infinity for the first.
    pub from: f64,
    /// The next value that does not; +infinity for the last.
    pub to: f64,
    /// Values in it.
    pub count: u64,
}

impl Bucket {
    /// Whether only one value belongs into it.
    #[must_use]
    pub fn is_single(&self) -> bool {
        after(self.from) == self.to
    }
}

impl Buckets {
    /// Empty buckets between edges.
    #[must_use]
    pub fn new(edges: Arc<Edges>) -> Self {
        let counts = vec![0; edges.buckets()];
        Self { edges, counts }
    }

    /// Counts a value (not NaN) `times` times.
    #[inline]
    pub fn add(&mut self, value: f64, times: u64) {
        let bucket = self.edges.bucket(value);
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += times;
        }
    }

    /// Takes in the counts of buckets with the same edges.
    ///
    /// # Errors
    /// When the edges differ.
    pub fn merge(&mut self, other: &Self) -> crate::error::Result<()> {
        if self.edges != other.edges {
            return Err(crate::error::Error::input("counts between different edges have no common sum"));
        }
        self.counts.iter_mut().zip(&other.counts).for_each(|(a, b)| *a += b);
        Ok(())
    }

    /// The buckets that hold something, in ascending order.
    pub fn filled(&self) -> impl Iterator<Item = Bucket> + '_ {
        let edge =
            |i: Option<usize>, otherwise: f64| i.and_then(|i| self.edges.edges.get(i)).copied().unwrap_or(otherwise);
        self.counts.iter().enumerate().filter(|(_, n)| **n > 0).map(move |(i, n)| Bucket {
            from: edge(i.checked_sub(1), f64::NEG_INFINITY),
            to: edge(Some(i), f64::INFINITY),
            count: *n,
        })
    }

    /// The largest number of values in a bucket that more than one value belongs to: a quantile taken from the
    /// buckets is at most so many places from the true one.
    #[must_use]
    pub fn widest(&self) -> u64 {
        self.filled().filter(|b| !b.is_single()).map(|b| b.count).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_index_finds_the_bucket_that_a_search_finds() {
        let noise = |i: u64| super::super::hash::word(i) as f64 / u64::MAX as f64;
        let samples: Vec<Vec<f64>> = vec![
            vec![],
            vec![5.0; 100],
            (0..10_000).map(|i| noise(i) * 100.0).collect(),
            (0..10_000).map(|i| (noise(i) * 40.0).exp()).collect(),
            (0..10_000).map(|i| 1.5e9 + f64::from(i)).collect(),
            vec![-f64::MAX, -1.0, 0.0, 3.0, f64::MAX],
            vec![f64::MIN_POSITIVE, 1e-300, f64::NAN, f64::INFINITY],
        ];
        for sample in samples {
            let edges = Edges::plan(&sample);
            let probes = sample.iter().copied().filter(|v| !v.is_nan());
            let more = [0.0, -0.0, 1.0, -1e9, 1e300, -1e300, f64::MAX, f64::MIN, f64::INFINITY, f64::NEG_INFINITY];
            for v in probes.chain(more).chain((0..2000).map(|i| (noise(i) - 0.5) * 1e3)) {
                assert_eq!(edges.bucket(v), edges.edges.partition_point(|e| *e <= v), "{v}");
            }
            assert!(edges.edges.len() < 2 * (EQUAL + FREQUENT) + 2600, "{}", edges.edges.len());
        }
    }

    #[test]
    fn zero_and_frequent_values_stand_alone() {
        let sample: Vec<f64> = (0..1000).map(|i| if i % 10 == 0 { 7.25 } else { f64::from(i) / 3.0 }).collect();
        let mut buckets = Buckets::new(Arc::new(Edges::plan(&sample)));
        for v in [7.25, 7.25, 0.0, -0.5, 7.250_000_1, 0.1] {
            buckets.add(v, 1);
        }
        let single: Vec<(f64, u64)> = buckets.filled().filter(Bucket::is_single).map(|b| (b.from, b.count)).collect();
        assert_eq!(single, [(0.0, 1), (7.25, 2)]);
    }

    proptest! {
        #[test]
        fn merging_in_any_order_gives_the_same(a in prop::collection::vec(-1e3f64..1e3, 0..200), b in prop::collection::vec(-1e9f64..1e9, 0..200)) {
            let edges = Arc::new(Edges::plan(&a));
            let of = |values: &[f64]| {
                let mut buckets = Buckets::new(Arc::clone(&edges));
                values.iter().for_each(|v| buckets.add(*v, 1));
                buckets
            };
            let whole = of(&a.iter().chain(&b).copied().collect::<Vec<_>>());
            let (mut ab, mut ba) = (of(&a), of(&b));
            ab.merge(&of(&b)).unwrap();
            ba.merge(&of(&a)).unwrap();
            prop_assert_eq!(&ab, &whole);
            prop_assert_eq!(&ba, &whole);
        }
    }
}
