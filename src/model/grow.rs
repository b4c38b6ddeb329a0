//! Growing trees: binned splits, a fresh draw of features at every split, bagging in parallel.
//!
//! Why not `linfa-trees`: it gives labels and no class shares, has no regression tree, cannot draw features per split, and
//! sums impurities in the order of a hash map, so that with three classes the same seed need not give the same tree.

use ndarray::Array2;
use rand::seq::index::sample;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::{Target, Tree};
use crate::engine::Control;
use crate::error::Result;

/// How trees are grown (scikit-learn's names).
#[derive(Debug, Clone, PartialEq)]
pub struct GrowParams {
    /// Trees in the ensemble.
    pub n_estimators: usize,
    /// Deepest level of a leaf; the root is level 0.
    pub max_depth: usize,
    /// Fewest training rows in a leaf.
    pub min_samples_leaf: usize,
    /// Features drawn at each split.
    pub max_features: usize,
    /// Whether each tree sees a bootstrap sample of the rows.
    pub bootstrap: bool,
}

/// At most this many candidate thresholds a feature; with fewer distinct values splits are exact.
const MAX_BINS: usize = 256;

/// Features reduced to bin codes, column by column.
struct Binned {
    rows: usize,
    /// Column-major: code of row `i` in feature `f` at `f * rows + i`.
    codes: Vec<u8>,
    /// Ascending thresholds a feature; code `c` means `x <= thresholds[c]` and greater than those before.
    thresholds: Vec<Vec<f32>>,
}

impl Binned {
    fn new(x: &Array2<f64>, control: &Control) -> Result<Self> {
        let rows = x.nrows();
        let columns: Vec<(Vec<u8>, Vec<f32>)> = (0..x.ncols())
            .into_par_iter()
            .map(|f| {
                control.check()?;
                let values: Vec<f32> = x.column(f).iter().map(|v| *v as f32).collect();
                let mut sorted = values.clone();
                sorted.sort_by(f32::total_cmp);
                let thresholds = thresholds(&sorted);
                let codes = values.iter().map(|v| thresholds.partition_point(|t| t < v) as u8).collect();
                Ok((codes, thresholds))
            })
            .collect::<Result<_>>()?;
        let mut codes = Vec::with_capacity(rows * columns.len());
        let mut all = Vec::with_capacity(columns.len());
        for (c, t) in columns {
            codes.extend(c);
            all.push(t);
        }
        Ok(Self { rows, codes, thresholds: all })
    }

    fn column(&self, feature: usize) -> &[u8] {
        &self.codes[feature * self.rows..(feature + 1) * self.rows]
    }
}

/// Midpoints between neighbouring distinct values; at most `MAX_BINS - 1` of them, at quantiles.
fn thresholds(sorted: &[f32]) -> Vec<f32> {
    let between = |a: f32, b: f32| {
        let mid = a + (b - a) / 2.0;
        if mid < b { mid } else { a }
    };
    let mut edges: Vec<f32> = sorted.windows(2).filter(|w| w[0] < w[1]).map(|w| between(w[0], w[1])).collect();
    if edges.len() >= MAX_BINS {
        edges = (1..MAX_BINS)
            .filter_map(|k| {
                // The first change of value at or after the k-th quantile.
                let at = k * sorted.len() / MAX_BINS;
                let next = at + sorted[at..].partition_point(|v| *v <= sorted[at]);
                sorted.get(next).map(|b| between(sorted[at], *b))
            })
            .collect();
        edges.dedup();
    }
    edges
}

/// Grows the ensemble. Leaf values are class shares (K a leaf) or means of the target less `base` (one a leaf).
///
/// # Errors
/// When cancelled.
pub fn grow(
    x: &Array2<f64>,
    y: &Target,
    base: f64,
    params: &GrowParams,
    seed: u64,
    control: &Control,
) -> Result<Vec<Tree>> {
    let binned = Binned::new(x, control)?;
    (0..params.n_estimators)
        .into_par_iter()
        .map(|t| {
            control.check()?;
            // Each tree has its own stream, so that the result does not depend on the number of threads.
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(t as u64 + 1);
            let n = x.nrows() as u32;
            let rows: Vec<u32> =
                if params.bootstrap { (0..n).map(|_| rng.random_range(0..n)).collect() } else { (0..n).collect() };
            Grower { binned: &binned, y, base, params, rng, control, tree: Tree::default() }.run(rows)
        })
        .collect()
}

struct Grower<'a> {
    binned: &'a Binned,
    y: &'a Target,
    base: f64,
    params: &'a GrowParams,
    rng: ChaCha8Rng,
    control: &'a Control,
    tree: Tree,
}

struct Best {
    feature: usize,
    code: usize,
    gain: f64,
}

impl Grower<'_> {
    fn run(mut self, mut rows: Vec<u32>) -> Result<Tree> {
        let outputs = self.outputs();
        self.tree.push_node(outputs);
        // (node, start, end, depth): a node's rows are `rows[start..end]`.
        let mut open = vec![(0usize, 0usize, rows.len(), 0usize)];
        while let Some((node, start, end, depth)) = open.pop() {
            self.control.check()?;
            let part = &mut rows[start..end];
            let best = if depth < self.params.max_depth { self.best_split(part) } else { None };
            let Some(best) = best else {
                self.set_leaf(node, part, outputs);
                continue;
            };
            let column = self.binned.column(best.feature);
            let mut middle = 0;
            for i in 0..part.len() {
                if usize::from(column[part[i] as usize]) <= best.code {
                    part.swap(i, middle);
                    middle += 1;
                }
            }
            let left = self.tree.push_node(outputs);
            let right = self.tree.push_node(outputs);
            self.tree.feature[node] = best.feature as u32;
            self.tree.threshold[node] = self.binned.thresholds[best.feature][best.code];
            self.tree.left[node] = left as u32;
            self.tree.right[node] = right as u32;
            open.push((right, start + middle, end, depth + 1));
            open.push((left, start, start + middle, depth + 1));
        }
        self.tree.forget_unused_ways();
        Ok(self.tree)
    }

    fn outputs(&self) -> usize {
        match self.y {
            Target::Classes { count, .. } => *count,
            Target::Numbers(_) => 1,
        }
    }

    fn set_leaf(&mut self, node: usize, rows: &[u32], outputs: usize) {
        let n = rows.len() as f64;
        let value = &mut self.tree.value[node * outputs..(node + 1) * outputs];
        match self.y {
            Target::Classes { codes, count } => {
                let mut shares = vec![0.0; *count];
                for &r in rows {
                    shares[codes[r as usize]] += 1.0;
                }
                for (v, s) in value.iter_mut().zip(shares) {
                    *v = (s / n) as f32;
                }
            }
            Target::Numbers(y) => {
                let sum: f64 = rows.iter().map(|&r| y[r as usize] - self.base).sum();
                value[0] = (sum / n) as f32;
            }
        }
    }

    /// The best split over a fresh draw of features. As in scikit-learn, features that cannot split do not count as drawn.
    fn best_split(&mut self, rows: &[u32]) -> Option<Best> {
        let least = self.params.min_samples_leaf.max(1);
        if rows.len() < 2 * least || self.is_pure(rows) {
            return None;
        }
        let features = self.binned.thresholds.len();
        let mut best: Option<Best> = None;
        let mut tried = 0;
        for feature in sample(&mut self.rng, features, features) {
            if tried >= self.params.max_features {
                break;
            }
            let Some(found) = self.best_of_feature(rows, feature, least) else { continue };
            tried += 1;
            if best.as_ref().is_none_or(|b| found.gain > b.gain) {
                best = Some(found);
            }
        }
        best.filter(|b| b.gain > 0.0)
    }

    fn is_pure(&self, rows: &[u32]) -> bool {
        match self.y {
            Target::Classes { codes, .. } => rows.windows(2).all(|w| codes[w[0] as usize] == codes[w[1] as usize]),
            Target::Numbers(y) => rows.windows(2).all(|w| y[w[0] as usize] == y[w[1] as usize]),
        }
    }

    /// `None` when all rows fall into one bin. A split too small for a leaf gives a gain of 0.
    fn best_of_feature(&self, rows: &[u32], feature: usize, least: usize) -> Option<Best> {
        let column = self.binned.column(feature);
        let (mut low, mut high) = (u8::MAX, 0);
        for &r in rows {
            let code = column[r as usize];
            low = low.min(code);
            high = high.max(code);
        }
        if low >= high {
            return None;
        }
        let (low, high) = (usize::from(low), usize::from(high));
        let bins = high - low + 1;
        let mut best = Best { feature, code: low, gain: 0.0 };
        match self.y {
            Target::Classes { codes, count } => {
                let k = *count;
                let mut counts = vec![0u32; bins * k];
                for &r in rows {
                    let bin = usize::from(column[r as usize]) - low;
                    counts[bin * k + codes[r as usize]] += 1;
                }
                let mut total = vec![0.0; k];
                for chunk in counts.chunks_exact(k) {
                    for (t, c) in total.iter_mut().zip(chunk) {
                        *t += f64::from(*c);
                    }
                }
                let n = rows.len() as f64;
                // Maximising sum of squared counts over size on both sides minimises the weighted Gini impurity.
                let parent = total.iter().map(|t| t * t).sum::<f64>() / n;
                let mut left = vec![0.0; k];
                let mut n_left = 0.0;
                for bin in 0..bins - 1 {
                    let chunk = &counts[bin * k..(bin + 1) * k];
                    if chunk.iter().all(|c| *c == 0) {
                        continue;
                    }
                    for (l, c) in left.iter_mut().zip(chunk) {
                        *l += f64::from(*c);
                        n_left += f64::from(*c);
                    }
                    let n_right = n - n_left;
                    if (n_left as usize) < least || (n_right as usize) < least {
                        continue;
                    }
                    let (mut a, mut b) = (0.0, 0.0);
                    for (l, t) in left.iter().zip(&total) {
                        a += l * l;
                        b += (t - l) * (t - l);
                    }
                    let gain = a / n_left + b / n_right - parent;
                    if gain > best.gain + 1e-12 {
                        best.gain = gain;
                        best.code = low + bin;
                    }
                }
            }
            Target::Numbers(y) => {
                let mut sums = vec![0.0; bins];
                let mut counts = vec![0u32; bins];
                for &r in rows {
                    let bin = usize::from(column[r as usize]) - low;
                    sums[bin] += y[r as usize] - self.base;
                    counts[bin] += 1;
                }
                let total: f64 = sums.iter().sum();
                let n = rows.len() as f64;
                let parent = total * total / n;
                let (mut left, mut n_left) = (0.0, 0.0);
                for bin in 0..bins - 1 {
                    if counts[bin] == 0 {
                        continue;
                    }
                    left += sums[bin];
                    n_left += f64::from(counts[bin]);
                    let n_right = n - n_left;
                    if (n_left as usize) < least || (n_right as usize) < least {
                        continue;
                    }
                    let right = total - left;
                    let gain = left * left / n_left + right * right / n_right - parent;
                    if gain > best.gain {
                        best.gain = gain;
                        best.code = low + bin;
                    }
                }
            }
        }
        Some(best)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    fn params() -> GrowParams {
        GrowParams { n_estimators: 1, max_depth: 30, min_samples_leaf: 1, max_features: 2, bootstrap: false }
    }

    #[test]
    fn a_full_tree_learns_xor_by_heart() {
        let x = Array2::from_shape_vec((4, 2), vec![0., 0., 0., 1., 1., 0., 1., 1.]).unwrap();
        let y = Target::Numbers(vec![1.0, 2.0, 3.0, 5.0]);
        let trees = grow(&x, &y, 0.0, &params(), 1, &Control::default()).unwrap();
        for (row, want) in x.outer_iter().zip([1.0f32, 2.0, 3.0, 5.0]) {
            assert!((trees[0].value[trees[0].leaf(row)] - want).abs() < 1e-6);
        }
    }

    #[test]
    fn leaves_respect_the_least_size_and_shares_sum_to_one() {
        let n = 200;
        let x = Array2::from_shape_fn((n, 3), |(i, f)| ((i * (7 + f * 13)) % 101) as f64);
        let codes: Vec<usize> = (0..n).map(|i| (i * i) % 3).collect();
        let y = Target::Classes { codes, count: 3 };
        let p = GrowParams { min_samples_leaf: 10, ..params() };
        let tree = &grow(&x, &y, 0.0, &p, 3, &Control::default()).unwrap()[0];
        let mut sizes = vec![0; tree.len()];
        for row in x.outer_iter() {
            sizes[tree.leaf(row)] += 1;
        }
        for node in (0..tree.len()).filter(|&n| tree.is_leaf(n)) {
            assert!(sizes[node] >= 10);
            let sum: f32 = tree.value[node * 3..node * 3 + 3].iter().sum();
            assert!((sum - 1.0).abs() < 1e-5);
        }
    }

    #[test]
    fn the_number_of_threads_does_not_change_the_forest() {
        let x = Array2::from_shape_fn((300, 5), |(i, f)| ((i * (3 + f * 17)) % 97) as f64);
        let y = Target::Classes { codes: (0..300).map(|i| usize::from(i % 97 > 40)).collect(), count: 2 };
        let p = GrowParams { n_estimators: 8, bootstrap: true, ..params() };
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| grow(&x, &y, 0.0, &p, 5, &Control::default()).unwrap())
        };
        assert_eq!(with(1), with(2));
    }

    #[test]
    fn cancelled_growth_ends() {
        let control = Control::default();
        control.cancel();
        let x = Array2::zeros((10, 2));
        assert!(grow(&x, &Target::Numbers(vec![0.0; 10]), 0.0, &params(), 1, &control).is_err());
    }
}
