//! Exact counts of distinct numbers, up to a limit, in a table that is made for speed.

/// Counts by number, in open addressing with linear probing (Knuth, TAOCP 3, 6.4, algorithm L). The numbers are kept by
/// their bits: NaN has no place here, and minus zero must have been made zero.
#[derive(Debug, Clone)]
pub struct Counts {
    /// Bits and count; a count of zero marks a free slot.
    slots: Vec<(u64, u64)>,
    used: usize,
    shift: u32,
}

impl Default for Counts {
    fn default() -> Self {
        Self { slots: vec![(0, 0); 64], used: 0, shift: 64 - 6 }
    }
}

impl Counts {
    /// Counts a number `times` times.
    #[inline]
    pub fn add(&mut self, value: f64, times: u64) {
        let bits = value.to_bits();
        let mask = self.slots.len() - 1;
        // Numbers differ in their upper bits above all; folding them down lets the product spread them.
        let mut at = ((bits ^ bits >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> self.shift) as usize;
        loop {
            match self.slots.get_mut(at & mask) {
                Some((known, count)) if *count > 0 && *known == bits => {
                    *count += times;
                    return;
                }
                Some(slot) if slot.1 == 0 => {
                    *slot = (bits, times);
                    self.used += usize::from(times > 0);
                    break;
                }
                _ => at += 1,
            }
        }
        if self.used * 2 > self.slots.len() {
            self.grow();
        }
    }

    fn grow(&mut self) {
        let larger = vec![(0, 0); self.slots.len() * 2];
        let old = std::mem::replace(&mut self.slots, larger);
        self.shift -= 1;
        self.used = 0;
        for (bits, count) in old {
            if count > 0 {
                self.add(f64::from_bits(bits), count);
            }
        }
    }

    /// How many distinct numbers there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.used
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// The numbers with their counts, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (f64, u64)> + '_ {
        self.slots.iter().filter(|(_, n)| *n > 0).map(|(bits, n)| (f64::from_bits(*bits), *n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn counts_equal_those_of_a_plain_map() {
        let mut counts = Counts::default();
        let mut plain: BTreeMap<u64, u64> = BTreeMap::new();
        for i in 0..300_000u64 {
            let value = (super::super::hash::word(i) % 40_000) as f64 / 8.0 - 100.0;
            counts.add(value, 1);
            *plain.entry(value.to_bits()).or_default() += 1;
        }
        let found: BTreeMap<u64, u64> = counts.iter().map(|(v, n)| (v.to_bits(), n)).collect();
        assert_eq!(found, plain);
        assert_eq!(counts.len(), plain.len());
    }
}
