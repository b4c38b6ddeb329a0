//! A uniform sample of rows that depends on the row numbers alone.

use super::hash;

/// The rows whose numbers have the lowest hashes: every set of rows of that size is as likely as any other, the same table
/// gives the same sample, and samples of parts merge into the sample of the whole in any order.
#[derive(Debug, Clone)]
pub struct RowSample<T> {
    limit: usize,
    bound: u64,
    rows: Vec<(u64, u64, T)>,
}

impl<T> RowSample<T> {
    /// An empty sample of at most `limit` rows.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), bound: u64::MAX, rows: Vec::new() }
    }

    /// An empty sample of a table that is expected to have `rows` rows: what would be thrown out later is not taken in
    /// now. The result is the same as long as the guess is not more than half too high.
    #[must_use]
    pub fn expecting(limit: usize, rows: u64) -> Self {
        let share = 2.0 * limit as f64 / rows.max(1) as f64;
        let bound = if share < 1.0 { (share * u64::MAX as f64) as u64 } else { u64::MAX };
        Self { bound, ..Self::new(limit) }
    }

    /// Offers a row (from 0); `content` is called only when it is taken.
    #[inline]
    pub fn offer(&mut self, row: u64, content: impl FnOnce() -> T) {
        let hash = hash::word(row);
        if hash <= self.bound {
            self.rows.push((hash, row, content()));
            if self.rows.len() > self.limit * 2 {
                self.shrink();
            }
        }
    }

    fn shrink(&mut self) {
        if self.rows.len() > self.limit {
            let (_, last, _) = self.rows.select_nth_unstable_by_key(self.limit - 1, |(hash, ..)| *hash);
            self.bound = last.0;
            self.rows.truncate(self.limit);
        }
    }

    /// Takes in the rows of another part of the table.
    pub fn merge(&mut self, other: Self) {
        self.bound = self.bound.min(other.bound);
        self.rows.extend(other.rows);
        let bound = self.bound;
        self.rows.retain(|(hash, ..)| *hash <= bound);
        self.shrink();
    }

    /// The sampled rows with their numbers, in the order of the table.
    #[must_use]
    pub fn into_rows(mut self) -> Vec<(u64, T)> {
        self.shrink();
        self.rows.sort_unstable_by_key(|(_, row, _)| *row);
        self.rows.into_iter().map(|(_, row, content)| (row, content)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(rows: impl IntoIterator<Item = u64>) -> RowSample<()> {
        let mut sample = RowSample::new(50);
        rows.into_iter().for_each(|row| sample.offer(row, || ()));
        sample
    }

    fn numbers(sample: RowSample<()>) -> Vec<u64> {
        sample.into_rows().into_iter().map(|(row, ())| row).collect()
    }

    #[test]
    fn all_rows_of_a_small_table_are_in_it() {
        assert_eq!(numbers(of(0..20)), (0..20).collect::<Vec<_>>());
    }

    #[test]
    fn a_good_guess_changes_nothing() {
        for guess in [4000, 5000, 7000] {
            let mut sample = RowSample::expecting(1000, guess);
            (0..5000).for_each(|row| sample.offer(row, || ()));
            let mut plain = RowSample::new(1000);
            (0..5000).for_each(|row| plain.offer(row, || ()));
            assert_eq!(numbers(sample), numbers(plain));
        }
    }

    #[test]
    fn every_part_of_the_table_has_its_share() {
        let mut sample = RowSample::new(10_000);
        (0..1_000_000u64).for_each(|row| sample.offer(row, || ()));
        let rows = numbers(sample);
        for part in 0..10u64 {
            let n = rows.iter().filter(|row| **row / 100_000 == part).count();
            // Hypergeometric: 1000 expected, standard deviation 30.
            assert!((880..1120).contains(&n), "{part}: {n}");
        }
    }

    proptest! {
        #[test]
        fn merging_in_any_order_gives_the_same(cut in 0u64..3000) {
            let whole = numbers(of(0..3000));
            let (mut ab, mut ba) = (of(0..cut), of(cut..3000));
            ab.merge(of(cut..3000));
            ba.merge(of(0..cut));
            prop_assert_eq!(&numbers(ab), &whole);
            prop_assert_eq!(&numbers(ba), &whole);
        }
    }
}
