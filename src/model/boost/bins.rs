//! Features reduced to bin codes of one byte: the only form in which boosting looks at the rows.
//!
//! Values fall into at most 255 bins at quantiles of the training rows; the code after the last bin stands for a missing
//! value. Edges are `f32`, and a value is compared as `f32`, as the grown tree and its ONNX form compare it.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::engine::Control;
use crate::error::Result;

/// Edges are found on at most this many rows drawn by chance, as in scikit-learn and LightGBM.
const SAMPLE: usize = 200_000;
/// Rows coded at a time.
const CHUNK: usize = 4096;
/// Features that lie side by side in one word.
pub(super) const PER_WORD: usize = 8;

/// Encoded rows, row after row, without gaps.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    pub(super) values: &'a [f64],
    pub(super) features: usize,
}

impl Matrix<'_> {
    pub(super) fn rows(&self) -> usize {
        self.values.len().checked_div(self.features).unwrap_or(0)
    }
}

/// Where one feature's bins end.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Edges {
    /// Ascending; bin `c` holds `x <= upper[c]` and greater than the edges before. The last bin has no edge.
    pub(super) upper: Vec<f32>,
    /// Whether a training value is plus infinity as `f32`, which no threshold is above.
    pub(super) unbounded: bool,
}

impl Edges {
    /// Bins of values, without the one of missing values: 1 to 255.
    pub(super) fn bins(&self) -> usize {
        self.upper.len() + 1
    }

    fn code(&self, value: f64) -> u8 {
        if value.is_nan() {
            return self.bins() as u8;
        }
        let value = value as f32;
        self.upper.partition_point(|e| *e < value) as u8
    }

    /// `sorted` holds finite values; at most `most` bins are made of them.
    fn of(sorted: &[f32], most: usize) -> Vec<f32> {
        let mut distinct: Vec<(f32, usize)> = Vec::new();
        for value in sorted {
            match distinct.last_mut() {
                Some((last, count)) if last == value => *count += 1,
                _ => distinct.push((*value, 1)),
            }
        }
        if distinct.len() <= most {
            return distinct.windows(2).map(|w| between(w[0].0, w[1].0)).collect();
        }
        // A value as common as a whole bin gets its own; the others share what bins are left in equal parts.
        let fair = sorted.len() as f64 / most as f64;
        let common = |count: usize| count as f64 >= fair;
        let mut bins_left = most - distinct.iter().filter(|d| common(d.1)).count();
        let mut rows_left: usize = distinct.iter().filter(|d| !common(d.1)).map(|d| d.1).sum();
        let mut upper = Vec::with_capacity(most);
        let mut inside = 0;
        for pair in distinct.windows(2) {
            let ((value, count), (next, next_count)) = (pair[0], pair[1]);
            inside += count;
            let share = rows_left as f64 / bins_left.max(1) as f64;
            let full = inside as f64 >= share;
            // Before a common value a half-full bin is closed, so that the value stays alone.
            if common(count) || full || (common(next_count) && inside as f64 >= share / 2.0) {
                if !common(count) {
                    rows_left = rows_left.saturating_sub(inside);
                    bins_left = bins_left.saturating_sub(1);
                }
                upper.push(between(value, next));
                inside = 0;
                if upper.len() + 1 == most {
                    break;
                }
            }
        }
        upper
    }
}

/// A number from `a` on and below `b`: the middle, where `f32` has one.
fn between(a: f32, b: f32) -> f32 {
    let middle = a / 2.0 + b / 2.0;
    if a <= middle && middle < b { middle } else { a }
}

/// All rows as codes.
pub(super) struct Binned {
    pub(super) rows: usize,
    pub(super) edges: Vec<Edges>,
    /// Words a row.
    pub(super) words: usize,
    /// Row after row, eight codes a word, lowest byte first: for histograms, which need all features of a row.
    pub(super) by_row: Vec<u64>,
    /// Feature after feature: for dividing rows by one feature.
    columns: Vec<u8>,
}

impl Binned {
    /// Finds edges on the rows `fit` and codes every row.
    pub(super) fn new(x: Matrix<'_>, fit: &[u32], max_bins: usize, seed: u64, control: &Control) -> Result<Self> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let drawn: Vec<u32> = if fit.len() > SAMPLE {
            let mut at = rand::seq::index::sample(&mut rng, fit.len(), SAMPLE).into_vec();
            at.sort_unstable();
            at.into_iter().map(|i| fit[i]).collect()
        } else {
            fit.to_vec()
        };
        let edges: Vec<Edges> = (0..x.features)
            .into_par_iter()
            .map(|f| {
                control.check()?;
                let mut values: Vec<f32> = drawn
                    .iter()
                    .map(|&r| x.values[r as usize * x.features + f] as f32)
                    .filter(|v| !v.is_nan())
                    .collect();
                values.par_sort_unstable_by(f32::total_cmp);
                let unbounded = values.last() == Some(&f32::INFINITY);
                for v in &mut values {
                    // Minus nought is nought, and infinities lie with the extremes.
                    *v = v.clamp(f32::MIN, f32::MAX) + 0.0;
                }
                Ok(Edges { upper: Edges::of(&values, max_bins), unbounded })
            })
            .collect::<Result<_>>()?;
        let words = x.features.div_ceil(PER_WORD);
        let rows = x.rows();
        let parts: Vec<(Vec<u64>, Vec<u8>)> = x
            .values
            .par_chunks(CHUNK * x.features.max(1))
            .map(|part| {
                control.check()?;
                let here = part.len() / x.features.max(1);
                let mut by_row = vec![0u64; here * words];
                let mut columns = vec![0u8; here * x.features];
                for (f, edges) in edges.iter().enumerate() {
                    let column = &mut columns[f * here..(f + 1) * here];
                    let (word, shift) = (f / PER_WORD, 8 * (f % PER_WORD));
                    let values = part.iter().skip(f).step_by(x.features);
                    let packed = by_row.iter_mut().skip(word).step_by(words);
                    for ((code, value), word) in column.iter_mut().zip(values).zip(packed) {
                        *code = edges.code(*value);
                        *word |= u64::from(*code) << shift;
                    }
                }
                Ok((by_row, columns))
            })
            .collect::<Result<_>>()?;
        let mut by_row = Vec::with_capacity(rows * words);
        for (part, _) in &parts {
            by_row.extend_from_slice(part);
        }
        let mut columns = Vec::with_capacity(rows * x.features);
        for f in 0..x.features {
            for (_, part) in &parts {
                let here = part.len() / x.features;
                columns.extend_from_slice(&part[f * here..(f + 1) * here]);
            }
        }
        Ok(Self { rows, edges, words, by_row, columns })
    }

    pub(super) fn features(&self) -> usize {
        self.edges.len()
    }

    pub(super) fn column(&self, feature: usize) -> &[u8] {
        &self.columns[feature * self.rows..(feature + 1) * self.rows]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_have_a_bin_each() {
        let upper = Edges::of(&[1.0, 1.0, 2.0, 4.0], 255);
        assert_eq!(upper, [1.5, 3.0]);
        let edges = Edges { upper, unbounded: false };
        let codes = [1.0, 1.5, 1.6, 3.1, f64::INFINITY, f64::NEG_INFINITY, f64::NAN].map(|v| edges.code(v));
        assert_eq!(codes, [0, 0, 1, 2, 2, 0, 3]);
        // Neighbours have no middle; the largest of all have one.
        let next = 1.0_f32.next_up();
        assert_eq!(Edges::of(&[1.0, next, f32::MAX.next_down(), f32::MAX], 255)[0], 1.0);
        assert!(Edges::of(&[f32::MIN, f32::MAX], 255)[0].abs() < 1.0);
        assert!(Edges::of(&[], 255).is_empty());
    }

    #[test]
    fn many_values_share_bins_of_equal_size_and_common_ones_stay_alone() {
        let mut sorted: Vec<f32> = (0..9000).map(|i| i as f32).collect();
        sorted.extend(vec![4000.5; 3000]);
        sorted.sort_by(f32::total_cmp);
        let upper = Edges::of(&sorted, 100);
        assert!((95..100).contains(&upper.len()), "{}", upper.len());
        let edges = Edges { upper, unbounded: false };
        let mut sizes = vec![0; edges.bins()];
        for v in &sorted {
            sizes[usize::from(edges.code(f64::from(*v)))] += 1;
        }
        let alone = usize::from(edges.code(4000.5));
        assert_eq!(sizes[alone], 3000);
        assert!(sizes.iter().enumerate().all(|(b, n)| b == alone || (40..=140).contains(n)), "{sizes:?}");
        assert_eq!(Edges::of(&sorted, 2).len(), 1);
    }

    #[test]
    fn rows_are_coded_alike_by_row_and_by_column() {
        let values: Vec<f64> =
            (0..11 * 5000).map(|i| if i % 17 == 0 { f64::NAN } else { (i % 3000 * (i % 7) % 1013) as f64 }).collect();
        let x = Matrix { values: &values, features: 11 };
        let rows: Vec<u32> = (0..5000).collect();
        let binned = Binned::new(x, &rows, 40, 1, &Control::default()).unwrap();
        assert_eq!((binned.words, binned.features()), (2, 11));
        for row in 0..5000 {
            for f in 0..11 {
                let word = binned.by_row[row * 2 + f / 8];
                let code = word.to_le_bytes()[f % 8];
                assert_eq!(code, binned.column(f)[row]);
                assert_eq!(code, binned.edges[f].code(values[row * 11 + f]));
            }
        }
    }
}
