//! Sums of gradients by bin: the inner loop of boosting.
//!
//! Gradients are whole numbers here: each round scales them to 18 bits of gradient and 18 of curvature. Sums of whole numbers
//! are exact in every order, so the trees do not depend on the number of threads, and a child's histogram is its parent's
//! less its sibling's without any rounding. Both sums share one 64-bit word while at most [`BLOCK`] rows are added
//! up, which makes one addition a value and keeps the table within the first caches.

use rayon::prelude::*;

use super::bins::{Binned, PER_WORD};
use crate::engine::Control;
use crate::error::Result;

/// Rows whose sums fit into 32 bits each.
const BLOCK: usize = 1 << 14;
/// Gradients lie between `-GRADIENT` and `GRADIENT`.
pub(super) const GRADIENT: f64 = ((1 << 17) - 1) as f64;
/// Curvatures lie between 0 and `CURVATURE`.
pub(super) const CURVATURE: f64 = ((1 << 18) - 1) as f64;
/// Rows gathered at a time: their codes stay in the first cache.
const TILE: usize = 256;
/// Cells a feature: 255 bins and the one of missing values.
const CELLS: usize = 256;

/// Sum of gradients, sum of curvatures.
pub(super) type Sums = [i64; 2];

/// One row's gradient and curvature in one word.
pub(super) fn pack(gradient: i32, curvature: u32) -> u64 {
    (u64::from(gradient as u32) << 32) | u64::from(curvature)
}

pub(super) fn unpack(word: u64) -> Sums {
    [i64::from((word >> 32) as u32 as i32), i64::from(word as u32)]
}

/// For every feature [`CELLS`] sums, of which the first `bins + 1` are in use.
pub(super) struct Histogram {
    cells: Vec<Sums>,
}

impl Histogram {
    pub(super) fn new(features: usize) -> Self {
        Self { cells: vec![[0; 2]; features * CELLS] }
    }

    /// The sums of one feature's bins, the missing values' last.
    pub(super) fn of(&self, binned: &Binned, feature: usize) -> &[Sums] {
        &self.cells[feature * CELLS..][..=binned.edges[feature].bins()]
    }

    fn used<'a>(&'a mut self, binned: &'a Binned) -> impl IndexedParallelIterator<Item = &'a mut [Sums]> {
        self.cells.par_chunks_mut(CELLS).zip(&binned.edges).map(|(c, e)| &mut c[..=e.bins()])
    }

    /// Makes a parent's histogram the other child's.
    pub(super) fn take_away(&mut self, binned: &Binned, child: &Self) {
        let few = few_cells(binned.features());
        self.used(binned).with_min_len(few).zip(child.cells.par_chunks(CELLS)).for_each(|(mine, theirs)| {
            for (a, b) in mine.iter_mut().zip(theirs) {
                a[0] -= b[0];
                a[1] -= b[1];
            }
        });
    }

    /// Fills the histogram with the number of rows in each bin, as curvature. For few rows.
    pub(super) fn count(&mut self, binned: &Binned, rows: &[u32], control: &Control) -> Result<()> {
        self.clear(binned);
        let mut table = Table::new(binned);
        for block in rows.chunks(BLOCK) {
            table.add(binned, |_| pack(0, 1), block);
            table.flush(binned, self, control)?;
        }
        Ok(())
    }

    /// Fills the histogram with the sums over `rows`.
    pub(super) fn fill(&mut self, binned: &Binned, gradients: &[u64], rows: &[u32], control: &Control) -> Result<()> {
        // Parts by the number of rows alone; sums of whole numbers would be equal for any parts.
        let parts = rows.len().div_ceil(BLOCK).clamp(1, 8);
        let length = rows.len().div_ceil(parts).max(1);
        if parts == 1 {
            let mut table = Table::new(binned);
            table.add(binned, |row| gradients[row], rows);
            self.clear(binned);
            return table.flush(binned, self, control);
        }
        let sums: Vec<Self> = rows
            .par_chunks(length)
            .map(|part| {
                let mut sum = Self::new(binned.features());
                let mut table = Table::new(binned);
                for block in part.chunks(BLOCK) {
                    table.add(binned, |row| gradients[row], block);
                    table.flush(binned, &mut sum, control)?;
                }
                Ok(sum)
            })
            .collect::<Result<_>>()?;
        self.used(binned).enumerate().for_each(|(f, mine)| {
            mine.fill([0; 2]);
            for sum in &sums {
                for (a, b) in mine.iter_mut().zip(&sum.cells[f * CELLS..]) {
                    a[0] += b[0];
                    a[1] += b[1];
                }
            }
        });
        Ok(())
    }

    fn clear(&mut self, binned: &Binned) {
        for (cells, edges) in self.cells.chunks_mut(CELLS).zip(&binned.edges) {
            cells[..=edges.bins()].fill([0; 2]);
        }
    }
}

/// Work on fewer features than this is not worth another thread.
fn few_cells(features: usize) -> usize {
    features.div_ceil(2).max(8)
}

/// Packed sums over at most [`BLOCK`] rows.
struct Table {
    words: Vec<[[u64; CELLS]; PER_WORD]>,
    codes: Vec<u64>,
    gradients: [u64; TILE],
}

impl Table {
    fn new(binned: &Binned) -> Self {
        Self {
            words: vec![[[0; CELLS]; PER_WORD]; binned.words],
            codes: vec![0; TILE * binned.words],
            gradients: [0; TILE],
        }
    }

    fn add(&mut self, binned: &Binned, gradient_of: impl Fn(usize) -> u64, rows: &[u32]) {
        let width = binned.words;
        let last = binned.features() - (width - 1) * PER_WORD;
        for tile in rows.chunks(TILE) {
            // Rows of a deep leaf lie far apart. Fetching them in a loop of its own lets the processor wait for many at once.
            for ((&row, gradient), codes) in
                tile.iter().zip(&mut self.gradients).zip(self.codes.chunks_exact_mut(width))
            {
                let row = row as usize;
                *gradient = gradient_of(row);
                for (to, from) in codes.iter_mut().zip(&binned.by_row[row * width..][..width]) {
                    *to = *from;
                }
            }
            let gradients = &self.gradients[..tile.len()];
            for (k, table) in self.words.iter_mut().enumerate() {
                let codes = self.codes.iter().skip(k).step_by(width).zip(gradients);
                if k + 1 < width || last > PER_WORD / 2 {
                    for (codes, gradient) in codes {
                        for (cells, code) in table.iter_mut().zip(codes.to_le_bytes()) {
                            let cell = &mut cells[usize::from(code)];
                            *cell = cell.wrapping_add(*gradient);
                        }
                    }
                } else {
                    for (codes, gradient) in codes {
                        for (cells, code) in table.iter_mut().zip((*codes as u32).to_le_bytes()) {
                            let cell = &mut cells[usize::from(code)];
                            *cell = cell.wrapping_add(*gradient);
                        }
                    }
                }
            }
        }
    }

    /// Moves the packed sums into `sum`.
    fn flush(&mut self, binned: &Binned, sum: &mut Histogram, control: &Control) -> Result<()> {
        control.check()?;
        let tables = self.words.iter_mut().flatten().zip(&binned.edges);
        for ((packed, edges), cells) in tables.zip(sum.cells.chunks_mut(CELLS)) {
            let used = edges.bins();
            for (word, cell) in packed[..=used].iter_mut().zip(cells) {
                let [gradient, curvature] = unpack(std::mem::take(word));
                cell[0] += gradient;
                cell[1] += curvature;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::bins::Matrix;
    use super::*;

    #[test]
    fn sums_are_exact_at_the_bounds() {
        // One bin takes all rows of a block and more, each with the largest gradient.
        let rows = 40_000;
        for features in [1, 4, 5, 8, 13] {
            let values: Vec<f64> = (0..rows * features).map(|i| ((i / features) % (i % features + 1)) as f64).collect();
            let all: Vec<u32> = (0..rows as u32).collect();
            let control = Control::default();
            let binned = Binned::new(Matrix { values: &values, features }, &all, 255, 1, &control).unwrap();
            let one = |r: usize| {
                let sign = if r.is_multiple_of(5) { 1 } else { -1 };
                (sign * (GRADIENT as i32 - (r % 7) as i32), CURVATURE as u32 - (r % 3) as u32)
            };
            let gradients: Vec<u64> = (0..rows).map(|r| pack(one(r).0, one(r).1)).collect();
            let some: Vec<u32> = all.iter().copied().filter(|r| r % 11 != 0).collect();
            let mut histogram = Histogram::new(features);
            // What was in it before does not count.
            histogram.fill(&binned, &gradients, &all, &control).unwrap();
            let whole = histogram.cells.clone();
            histogram.fill(&binned, &gradients, &some, &control).unwrap();
            for f in 0..features {
                let mut naive = vec![[0i64; 2]; binned.edges[f].bins() + 1];
                for &r in &some {
                    let (g, h) = one(r as usize);
                    let cell = &mut naive[usize::from(binned.column(f)[r as usize])];
                    cell[0] += i64::from(g);
                    cell[1] += i64::from(h);
                }
                assert_eq!(histogram.of(&binned, f), naive, "feature {f} of {features}");
            }
            // The parent less the child is the sibling.
            let rest: Vec<u32> = all.iter().copied().filter(|r| r % 11 == 0).collect();
            let mut parent = Histogram { cells: whole };
            parent.take_away(&binned, &histogram);
            histogram.fill(&binned, &gradients, &rest, &control).unwrap();
            assert!((0..features).all(|f| parent.of(&binned, f) == histogram.of(&binned, f)));
        }
    }
}
