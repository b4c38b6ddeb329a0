//! The smallest or the largest values of a column, exact and with their rows.

/// The values that are kept of each end.
pub const KEPT: usize = 2048;

/// Which end of the range is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The smallest values.
    Low,
    /// The largest values.
    High,
}

/// The [`KEPT`] most extreme values of one end with the rows (from 0) in which they stand; of equal values the earliest
/// rows. A rare event at the end of the range is thus known to the row, however many rows there are.
#[derive(Debug, Clone)]
pub struct Tail {
    end: End,
    /// Only values beyond it (or equal to it, in earlier rows) can still matter.
    bound: Option<(f64, u64)>,
    values: Vec<(f64, u64)>,
}

impl Tail {
    /// Nothing kept yet.
    #[must_use]
    pub fn new(end: End) -> Self {
        Self { end, bound: None, values: Vec::new() }
    }

    /// Takes in a value (not NaN) of a row.
    #[inline]
    pub fn push(&mut self, value: f64, row: u64) {
        if let Some((bound, at)) = self.bound {
            let beyond = if self.end == End::Low { value < bound } else { value > bound };
            if !(beyond || value == bound && row < at) {
                return;
            }
        }
        self.values.push((value, row));
        if self.values.len() >= KEPT * 2 {
            self.shrink();
        }
    }

    fn shrink(&mut self) {
        let mut values = std::mem::take(&mut self.values);
        let sign = if self.end == End::Low { 1.0 } else { -1.0 };
        let order = |a: &(f64, u64), b: &(f64, u64)| (sign * a.0).total_cmp(&(sign * b.0)).then(a.1.cmp(&b.1));
        if values.len() > KEPT {
            let (_, bound, _) = values.select_nth_unstable_by(KEPT - 1, order);
            self.bound = Some(*bound);
            values.truncate(KEPT);
        }
        values.sort_unstable_by(order);
        self.values = values;
    }

    /// Takes in everything that `other` has seen.
    pub fn merge(&mut self, other: &Self) {
        other.values.iter().for_each(|(value, row)| self.push(*value, *row));
        self.shrink();
    }

    /// The kept values with their rows, the most extreme first.
    #[must_use]
    pub fn into_values(mut self) -> Vec<(f64, u64)> {
        self.shrink();
        self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(end: End, values: &[(f64, u64)]) -> Tail {
        let mut tail = Tail::new(end);
        values.iter().for_each(|(v, row)| tail.push(*v, *row));
        tail
    }

    #[test]
    fn both_ends_are_exact() {
        let values: Vec<(f64, u64)> = (0..100_000u64).map(|i| ((i * 7919 % 100_003) as f64, i)).collect();
        let mut sorted = values.clone();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        assert_eq!(of(End::Low, &values).into_values(), sorted[..KEPT]);
        sorted.reverse();
        assert_eq!(of(End::High, &values).into_values(), sorted[..KEPT]);
        // Sorted either way, and all equal: the hardest orders.
        assert_eq!(of(End::Low, &sorted).into_values()[0].0, 0.0);
        let equal: Vec<(f64, u64)> = (0..9000).map(|i| (1.0, 8999 - i)).collect();
        assert_eq!(of(End::High, &equal).into_values()[KEPT - 1], (1.0, KEPT as u64 - 1));
    }

    proptest! {
        #[test]
        fn merging_in_any_order_gives_the_same(seed in 0u64..1000, cut in 0usize..9000) {
            let values: Vec<(f64, u64)> = (0..9000u64).map(|i| ((super::super::hash::word(i ^ seed << 32) % 700) as f64, i)).collect();
            let (a, b) = values.split_at(cut);
            for end in [End::Low, End::High] {
                let whole = of(end, &values).into_values();
                let (mut ab, mut ba) = (of(end, a), of(end, b));
                ab.merge(&of(end, b));
                ba.merge(&of(end, a));
                prop_assert_eq!(&ab.into_values(), &whole);
                prop_assert_eq!(&ba.into_values(), &whole);
            }
        }
    }
}
