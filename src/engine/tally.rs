//! Exact counts of distinct values, kept in order so that two tallies merge like sorted lists.

use std::cmp::Ordering;

/// What can be counted: something with a total order.
pub trait Countable: Clone {
    /// The total order of the values.
    fn order(&self, other: &Self) -> Ordering;
}

impl Countable for f64 {
    fn order(&self, other: &Self) -> Ordering {
        self.total_cmp(other)
    }
}

impl Countable for String {
    fn order(&self, other: &Self) -> Ordering {
        self.cmp(other)
    }
}

/// Distinct values in ascending order, each with how often it occurred.
///
/// Merging is exact and gives the same result in any order. Quantiles, distinct counts and the most frequent values
/// follow from it without further passes over the rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Tally<T> {
    entries: Vec<(T, u64)>,
}

impl<T> Default for Tally<T> {
    fn default() -> Self {
        Self { entries: Vec::new() }
    }
}

impl<T: Countable> Tally<T> {
    /// Counts values that come in any order.
    #[must_use]
    pub fn from_unsorted(mut values: Vec<T>) -> Self {
        values.sort_unstable_by(Countable::order);
        let mut entries: Vec<(T, u64)> = Vec::new();
        for value in values {
            match entries.last_mut() {
                Some((last, count)) if last.order(&value) == Ordering::Equal => *count += 1,
                _ => entries.push((value, 1)),
            }
        }
        Self { entries }
    }

    /// Takes counts of values that are distinct but in any order.
    #[must_use]
    pub fn from_counts(mut entries: Vec<(T, u64)>) -> Self {
        entries.sort_unstable_by(|a, b| a.0.order(&b.0));
        Self { entries }
    }

    /// Takes counts of values that come in any order and may repeat.
    #[must_use]
    pub fn from_repeated(entries: Vec<(T, u64)>) -> Self {
        let sorted = Self::from_counts(entries).entries;
        let mut entries: Vec<(T, u64)> = Vec::with_capacity(sorted.len());
        for (value, n) in sorted {
            match entries.last_mut() {
                Some((last, count)) if last.order(&value) == Ordering::Equal => *count += n,
                _ => entries.push((value, n)),
            }
        }
        Self { entries }
    }

    /// The counts of both tallies together.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        if self.entries.is_empty() {
            return other;
        }
        if other.entries.is_empty() {
            return self;
        }
        let mut entries = Vec::with_capacity(self.entries.len().max(other.entries.len()));
        let mut left = self.entries.into_iter().peekable();
        let mut right = other.entries.into_iter().peekable();
        loop {
            let order = match (left.peek(), right.peek()) {
                (Some((a, _)), Some((b, _))) => a.order(b),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => break,
            };
            match order {
                Ordering::Less => entries.extend(left.next()),
                Ordering::Greater => entries.extend(right.next()),
                Ordering::Equal => {
                    if let (Some((value, a)), Some((_, b))) = (left.next(), right.next()) {
                        entries.push((value, a + b));
                    }
                }
            }
        }
        Self { entries }
    }

    /// The distinct values in ascending order with their counts.
    #[must_use]
    pub fn entries(&self) -> &[(T, u64)] {
        &self.entries
    }

    /// How many values were counted.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.entries.iter().map(|(_, n)| n).sum()
    }

    /// How many distinct values there are.
    #[must_use]
    pub fn distinct(&self) -> usize {
        self.entries.len()
    }

    /// The `limit` most frequent values, most frequent first; of equally frequent ones the smaller value first.
    #[must_use]
    pub fn top(&self, limit: usize) -> Vec<(T, u64)> {
        let mut order: Vec<usize> = (0..self.entries.len()).collect();
        let count = |i: &usize| self.entries.get(*i).map_or(0, |(_, n)| *n);
        let by_count = |a: &usize, b: &usize| count(b).cmp(&count(a)).then(a.cmp(b));
        if order.len() > limit && limit > 0 {
            order.select_nth_unstable_by(limit - 1, by_count);
            order.truncate(limit);
        }
        order.sort_unstable_by(by_count);
        order.truncate(limit);
        order.into_iter().filter_map(|i| self.entries.get(i).cloned()).collect()
    }
}

impl Tally<f64> {
    /// The quantiles at the ascending shares `at` (0 to 1) by linear interpolation between order statistics, the
    /// default of `numpy.quantile` and `pandas.Series.quantile` (type 7 of Hyndman and Fan, 1996). Empty without values.
    #[must_use]
    pub fn quantiles(&self, at: &[f64]) -> Vec<f64> {
        let total = self.total();
        if total == 0 {
            return Vec::new();
        }
        let mut ends = Vec::with_capacity(self.entries.len());
        let mut running = 0u64;
        for (_, n) in &self.entries {
            running += n;
            ends.push(running);
        }
        // The value with the zero-based rank `rank` is the first whose running count exceeds it.
        let value = |rank: u64| {
            let i = ends.partition_point(|end| *end <= rank);
            self.entries.get(i).or(self.entries.last()).map_or(f64::NAN, |(v, _)| *v)
        };
        at.iter()
            .map(|share| {
                let place = share.clamp(0.0, 1.0) * (total - 1) as f64;
                let below = place.floor();
                let (low, high) = (value(below as u64), value((below as u64 + 1).min(total - 1)));
                let part = place - below;
                // The two branches keep the result exact at both ends, as numpy's `_lerp` does.
                if part == 0.0 {
                    low
                } else if part < 0.5 {
                    low + (high - low) * part
                } else {
                    high - (high - low) * (1.0 - part)
                }
            })
            .collect()
    }

    /// One quantile; `None` without values.
    #[must_use]
    pub fn quantile(&self, at: f64) -> Option<f64> {
        self.quantiles(&[at]).first().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quantiles_equal_numpy() {
        // np.quantile([3, 1, 4, 1, 5, 9, 2, 6, 5, 3.5], [.01, .05, .25, .5, .75, .95, .99])
        let tally = Tally::from_unsorted(vec![3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0, 5.0, 3.5]);
        let expected = [1.0, 1.0, 2.25, 3.75, 5.0, 7.65, 8.73];
        for (got, want) in tally.quantiles(&[0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99]).iter().zip(expected) {
            assert!((got - want).abs() < 1e-12, "{got} {want}");
        }
        assert!(Tally::<f64>::default().quantiles(&[0.5]).is_empty());
    }

    #[test]
    fn top_breaks_ties_by_value() {
        let words = ["b", "a", "c", "b", "a"].map(str::to_owned).to_vec();
        let tally = Tally::from_unsorted(words);
        assert_eq!(tally.top(2), [("a".to_owned(), 2), ("b".to_owned(), 2)]);
        assert_eq!(tally.top(9).len(), 3);
        assert!(tally.top(0).is_empty());
    }

    proptest! {
        #[test]
        fn merging_in_any_order_gives_the_same(
            a in prop::collection::vec(-5i32..5, 0..40),
            b in prop::collection::vec(-5i32..5, 0..40),
            c in prop::collection::vec(-5i32..5, 0..40),
        ) {
            let tally = |v: &[i32]| Tally::from_unsorted(v.iter().map(|x| f64::from(*x)).collect());
            let all: Vec<i32> = a.iter().chain(&b).chain(&c).copied().collect();
            let whole = tally(&all);
            prop_assert_eq!(&tally(&a).merge(tally(&b)).merge(tally(&c)), &whole);
            prop_assert_eq!(&tally(&c).merge(tally(&a).merge(tally(&b))), &whole);
            prop_assert_eq!(whole.total(), all.len() as u64);
        }
    }
}
