//! A uniform sample of the distinct values of a column, each with its exact count.

use std::collections::HashMap;

use super::hash::Quick;

/// The distinct values with the lowest hashes, with how often each occurred (distinct sampling, Gibbons 2001).
///
/// A value below the final bound was below every earlier one, so it was counted from its first row on: the counts are
/// exact. The sample depends only on the values and their counts, not on their order or on how parts were merged.
#[derive(Debug, Clone)]
pub struct ValueSample<T> {
    limit: usize,
    /// Hashes above it are not in the sample.
    bound: u64,
    entries: HashMap<u64, (T, u64), Quick>,
}

impl<T> ValueSample<T> {
    /// An empty sample of at most `limit` values.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), bound: u64::MAX, entries: HashMap::default() }
    }

    /// Counts a value `times` times; `value` is called only when it is new to the sample.
    pub fn push(&mut self, hash: u64, times: u64, value: impl FnOnce() -> T) {
        if hash > self.bound {
            return;
        }
        self.entries.entry(hash).or_insert_with(|| (value(), 0)).1 += times;
        if self.entries.len() > self.limit * 2 {
            self.shrink();
        }
    }

    fn shrink(&mut self) {
        if self.entries.len() <= self.limit {
            return;
        }
        let mut hashes: Vec<u64> = self.entries.keys().copied().collect();
        let (_, bound, _) = hashes.select_nth_unstable(self.limit - 1);
        self.bound = *bound;
        self.entries.retain(|hash, _| *hash <= self.bound);
    }

    /// Takes in everything that `other` has seen.
    pub fn merge(&mut self, other: Self) {
        self.bound = self.bound.min(other.bound);
        let bound = self.bound;
        self.entries.retain(|hash, _| *hash <= bound);
        for (hash, (value, n)) in other.entries {
            self.push(hash, n, || value);
        }
    }

    /// The sampled values with their counts, lowest hash first.
    #[must_use]
    pub fn into_values(mut self) -> Vec<(T, u64)> {
        self.shrink();
        let mut all: Vec<(u64, (T, u64))> = self.entries.into_iter().collect();
        all.sort_unstable_by_key(|(hash, _)| *hash);
        all.into_iter().map(|(_, entry)| entry).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::hash;
    use super::*;
    use proptest::prelude::*;

    fn of(values: &[i32]) -> ValueSample<i32> {
        let mut sample = ValueSample::new(8);
        values.iter().for_each(|v| sample.push(hash::word(*v as u64), 1, || *v));
        sample
    }

    #[test]
    fn counts_are_exact() {
        let values: Vec<i32> = (0..10_000).map(|i| i % 500).collect();
        let sample = of(&values).into_values();
        assert_eq!(sample.len(), 8);
        assert!(sample.iter().all(|(_, n)| *n == 20), "{sample:?}");
    }

    proptest! {
        #[test]
        fn merging_in_any_order_gives_the_same(a in prop::collection::vec(0i32..60, 0..200), b in prop::collection::vec(0i32..60, 0..200)) {
            let whole = of(&a.iter().chain(&b).copied().collect::<Vec<_>>()).into_values();
            let (mut ab, mut ba) = (of(&a), of(&b));
            ab.merge(of(&b));
            ba.merge(of(&a));
            prop_assert_eq!(&ab.into_values(), &whole);
            prop_assert_eq!(&ba.into_values(), &whole);
        }
    }
}
