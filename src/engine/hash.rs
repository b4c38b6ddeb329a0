//! Hashes of values. They are the same on every machine and in every run, so that sketches made anywhere can be merged.

/// An odd constant with well spread bits (the golden ratio's fraction).
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finaliser of SplitMix64 (Steele, Lea and Flood 2014). It is a permutation: different words keep different hashes.
#[must_use]
pub fn word(value: u64) -> u64 {
    let mut x = value.wrapping_add(GOLDEN);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// The hash of a number. Zero and minus zero are one value.
#[must_use]
pub fn number(value: f64) -> u64 {
    word((value + 0.0).to_bits())
}

/// Both halves of a product, folded: every bit of both factors reaches every bit of the result.
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

/// The hash of some bytes. It resists accidents, not people who look for collisions.
#[must_use]
pub fn bytes(data: &[u8]) -> u64 {
    let (chunks, rest) = data.as_chunks::<8>();
    let mut hash = (data.len() as u64).wrapping_mul(GOLDEN) ^ 0x2545_f491_4f6c_dd1d;
    for chunk in chunks {
        hash = fold(hash ^ u64::from_le_bytes(*chunk), 0xa076_1d64_78bd_642f);
    }
    let mut last = [0u8; 8];
    last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    word(fold(hash ^ u64::from_le_bytes(last), 0xe703_7ed1_a0b4_28db) ^ hash)
}

/// What a cell adds to the hash of its row. A row's hash is the wrapping sum over its cells, so that columns may be taken
/// in any order and by several threads.
#[must_use]
pub fn cell(column: usize, value: u64) -> u64 {
    value.wrapping_mul((word(column as u64) << 1) | 1)
}

/// The hash that stands for a missing cell.
pub const MISSING: u64 = 0x7a5c_13d9_4b2e_8f61;

/// A [`std::hash::Hasher`] that passes on a hash made here.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ready(u64);

impl std::hash::Hasher for Ready {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, data: &[u8]) {
        self.0 = fold(self.0 ^ bytes(data), GOLDEN);
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }

    fn write_u8(&mut self, _: u8) {
        // The end mark after a text; the bytes' hash has the length in it.
    }
}

/// Makes [`Ready`] hashers.
pub type Quick = std::hash::BuildHasherDefault<Ready>;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn different_bytes_have_different_hashes() {
        let mut seen = HashSet::new();
        for i in 0..200_000u32 {
            assert!(seen.insert(bytes(i.to_string().as_bytes())), "{i}");
        }
        for n in 0..100 {
            assert!(seen.insert(bytes(&vec![0u8; n])), "{n} zeros");
        }
        assert_eq!(number(-0.0), number(0.0));
    }

    #[test]
    fn the_bits_are_even() {
        for (name, hashes) in [
            ("numbers", (0..4096).map(|i| number(f64::from(i))).collect::<Vec<_>>()),
            ("texts", (0..4096).map(|i| bytes(format!("row {i}").as_bytes())).collect()),
        ] {
            for bit in 0..64 {
                let ones = hashes.iter().filter(|h| **h >> bit & 1 == 1).count();
                assert!((1792..2304).contains(&ones), "{name}: bit {bit} is set in {ones} of 4096");
            }
        }
    }
}
