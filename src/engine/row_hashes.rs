//! Rows that repeat an earlier row, found by comparing 64-bit hashes.

use rayon::prelude::*;

use super::Control;
use crate::error::Result;

/// The hashes of rows. Up to 16.7 million rows every hash is kept (8 bytes a row) and the count is exact up to collisions:
/// among ten million different rows two share a hash with a probability of 3 in a million. Beyond, only the hashes below a
/// bound are kept and the count is scaled up.
#[derive(Debug, Clone, Default)]
pub struct RowHashes {
    /// In the order of the rows.
    hashes: Vec<u64>,
    rows: u64,
    /// How often the bound was halved.
    halved: u32,
}

/// Rows of which every hash is kept.
pub const MOST_ROWS: usize = 1 << 24;

/// Parts in which hashes are sorted.
const PARTS: usize = 256;

/// What the hashes say.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Repeated {
    /// Rows that repeat an earlier one.
    pub rows: u64,
    /// Whether `rows` was counted (hashes compared) or scaled up from a part of the hashes.
    pub counted: bool,
    /// The first rows (from 0) that do so, at most ten; empty when not all hashes were kept.
    pub examples: Vec<u64>,
}

impl RowHashes {
    /// Takes in the hashes of the next rows.
    pub fn push(&mut self, hashes: &[u64]) {
        self.rows += hashes.len() as u64;
        let halved = self.halved;
        self.hashes.extend(hashes.iter().filter(|h| within(**h, halved)));
        self.shrink();
    }

    fn shrink(&mut self) {
        while self.hashes.len() > MOST_ROWS {
            self.halved += 1;
            let halved = self.halved;
            self.hashes.retain(|h| within(*h, halved));
        }
    }

    /// Takes in the rows that `other` has seen, as rows after one's own.
    pub fn merge(&mut self, other: &Self) {
        self.rows += other.rows;
        self.halved = self.halved.max(other.halved);
        let halved = self.halved;
        self.hashes.retain(|h| within(*h, halved));
        self.hashes.extend(other.hashes.iter().filter(|h| within(**h, halved)));
        self.shrink();
    }

    /// Counts the rows that repeat an earlier one.
    ///
    /// # Errors
    /// When the work is cancelled.
    pub fn finish(self, control: &Control) -> Result<Repeated> {
        // Sorted in parts by their first bits: each is done in a moment, so that a cancel need not wait.
        let expected = self.hashes.len() / PARTS;
        let mut parts: Vec<Vec<u64>> = (0..PARTS).map(|_| Vec::with_capacity(expected)).collect();
        for hash in &self.hashes {
            if let Some(part) = parts.get_mut((hash << self.halved) as usize >> (64 - PARTS.ilog2())) {
                part.push(*hash);
            }
        }
        control.check()?;
        let found: Vec<(u64, Vec<u64>)> = parts
            .into_par_iter()
            .map(|mut part| {
                control.check()?;
                part.sort_unstable();
                let again = part.windows(2).filter_map(|w| matches!(w, [a, b] if a == b).then_some(*w.first()?));
                let mut several: Vec<u64> = again.collect();
                let repeats = several.len() as u64;
                several.dedup();
                Ok((repeats, several))
            })
            .collect::<Result<_>>()?;
        let repeats: u64 = found.iter().map(|(n, _)| n).sum();
        if self.halved > 0 {
            // Copies of a row are kept or dropped together: where most repeat, the distinct ones are the better measure.
            let kept = self.hashes.len() as u64;
            let distinct = ((kept - repeats) << self.halved).max(1);
            let rows = if kept == 0 || repeats * 2 > kept {
                self.rows.saturating_sub(distinct)
            } else {
                repeats << self.halved
            };
            let rows = rows.min(self.rows.saturating_sub(1));
            return Ok(Repeated { rows, counted: false, examples: Vec::new() });
        }
        let several: Vec<u64> = found.into_iter().flat_map(|(_, several)| several).collect();
        let mut seen = vec![false; several.len()];
        let mut examples = Vec::new();
        if !several.is_empty() {
            for (row, hash) in self.hashes.iter().enumerate() {
                let Some(known) = several.binary_search(hash).ok().and_then(|at| seen.get_mut(at)) else { continue };
                if std::mem::replace(known, true) {
                    examples.push(row as u64);
                    if examples.len() == 10 {
                        break;
                    }
                }
            }
        }
        Ok(Repeated { rows: repeats, counted: true, examples })
    }
}

fn within(hash: u64, halved: u32) -> bool {
    hash.leading_zeros() >= halved
}

#[cfg(test)]
mod tests {
    use super::super::hash;
    use super::*;

    #[test]
    fn repeats_are_counted_with_their_rows() {
        let mut hashes = RowHashes::default();
        hashes.push(&[1, 2, 3, 2].map(hash::word));
        hashes.push(&[4, 1, 2].map(hash::word));
        assert_eq!(
            hashes.finish(&Control::default()).unwrap(),
            Repeated { rows: 3, counted: true, examples: vec![3, 5, 6] }
        );
        assert_eq!(RowHashes::default().finish(&Control::default()).unwrap().rows, 0);
    }

    #[test]
    fn a_few_rows_that_repeat_millions_of_times_are_not_lost() {
        for distinct in [1u64, 8] {
            let mut hashes = RowHashes::default();
            let block: Vec<u64> = (0..1u64 << 20).map(|i| hash::word(i % distinct)).collect();
            for _ in 0..20 {
                hashes.push(&block);
            }
            let found = hashes.finish(&Control::default()).unwrap();
            let share = found.rows as f64 / (20u64 << 20) as f64;
            assert!((0.99..1.0).contains(&share), "{distinct}: {share}");
        }
    }

    #[test]
    fn more_rows_than_are_kept_are_estimated() {
        // Every value occurs twice, so half of the rows repeat.
        let mut hashes = RowHashes::default();
        let block: Vec<u64> = (0..1u64 << 20).map(hash::word).collect();
        for i in 0..20u64 {
            hashes.push(&block.iter().map(|h| hash::word(h ^ (i / 2))).collect::<Vec<_>>());
        }
        let found = hashes.finish(&Control::default()).unwrap();
        assert!(!found.counted && found.examples.is_empty());
        let share = found.rows as f64 / (20u64 << 20) as f64;
        assert!((share - 0.5).abs() < 0.01, "{share}");
    }
}
