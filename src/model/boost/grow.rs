//! One boosted tree, grown leaf by leaf: always the leaf whose division gains most.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicU16, Ordering as Memory};

use rayon::prelude::*;

use super::bins::Binned;
use super::histogram::{Histogram, Sums, unpack};
use super::split::{Limits, Split, Whole, best};
use crate::engine::Control;
use crate::error::Result;
use crate::model::Tree;

/// Rows divided at a time, when there are many.
const PART: usize = 1 << 14;

/// In nodes of at most so many rows, rows are counted bin by bin where curvatures do not count them.
const FEW: usize = 4096;

/// How large a tree may become.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) max_leaf_nodes: usize,
    pub(super) max_depth: usize,
    pub(super) min_samples_leaf: usize,
}

/// What stays the same from tree to tree: room that is used again.
pub(super) struct Grower<'a> {
    binned: &'a Binned,
    /// Row numbers, the rows of a node side by side; a node's are in one of the two.
    buffers: [Vec<u32>; 2],
    spare: Vec<Histogram>,
    /// Number of the leaf that each row fell into, counted in the order of `Grown::leaves`.
    leaf_of: Vec<AtomicU16>,
}

/// A tree in terms of bins.
pub(super) struct Grown {
    pub(super) tree: Tree,
    /// Last code that goes left, by node.
    codes: Vec<u8>,
    /// Node and sums of each leaf.
    pub(super) leaves: Vec<(usize, Sums)>,
}

struct Node {
    at: usize,
    start: usize,
    end: usize,
    buffer: usize,
    depth: usize,
    sums: Sums,
    histogram: Option<Histogram>,
    split: Option<Split>,
    /// Features whose best split turned out to leave too few rows on one side.
    barred: Vec<u32>,
}

impl Node {
    fn gain(&self) -> f64 {
        self.split.as_ref().map_or(0.0, |s| s.gain)
    }
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Node {}
impl PartialOrd for Node {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Node {
    fn cmp(&self, other: &Self) -> Ordering {
        self.gain().total_cmp(&other.gain()).then_with(|| other.at.cmp(&self.at))
    }
}

impl<'a> Grower<'a> {
    pub(super) fn new(binned: &'a Binned) -> Self {
        Self {
            binned,
            buffers: [Vec::new(), Vec::new()],
            spare: Vec::new(),
            leaf_of: (0..binned.rows).map(|_| AtomicU16::new(0)).collect(),
        }
    }

    /// Number of the leaf in [`Grown::leaves`] that the row fell into in the last tree.
    pub(super) fn leaf_of(&self) -> &[AtomicU16] {
        &self.leaf_of
    }

    /// Grows a tree on `rows`, choosing among `features`. Leaf values are left at 0.
    pub(super) fn grow(
        &mut self,
        gradients: &[u64],
        rows: &[u32],
        features: &[u32],
        size: Size,
        limits: Limits,
        control: &Control,
    ) -> Result<Grown> {
        let binned = self.binned;
        self.buffers[0].clear();
        self.buffers[0].extend_from_slice(rows);
        self.buffers[1].resize(rows.len(), 0);
        let mut grown = Grown { tree: Tree::default(), codes: Vec::new(), leaves: Vec::new() };
        let at = grown.push();
        let sums = total(gradients, rows);
        let mut root = Node {
            at,
            start: 0,
            end: rows.len(),
            buffer: 0,
            depth: 0,
            sums,
            histogram: None,
            split: None,
            barred: Vec::new(),
        };
        if self.may_split(&root, size) {
            let mut histogram = self.room();
            histogram.fill(binned, gradients, rows, control)?;
            root.histogram = Some(histogram);
            self.search(&mut root, features, limits, control)?;
        }
        let mut done = Vec::new();
        let mut open = BinaryHeap::from([root]);
        while let Some(mut node) = open.pop() {
            control.check()?;
            let count = open.len() + done.len() + 1;
            let Some(split) = node.split.take().filter(|_| count < size.max_leaf_nodes) else {
                self.spare.extend(node.histogram.take());
                done.push(node);
                continue;
            };
            let mut goes_left = [false; 256];
            goes_left[..=split.code].fill(true);
            let missing = binned.edges[split.feature].bins();
            goes_left[missing] = split.missing_left;
            let (middle, buffer) = self.divide(&node, split.feature, &goes_left);
            node.buffer = buffer;
            let fewest = middle.min(node.end - node.start - middle);
            if fewest < size.min_samples_leaf.max(1) {
                // The rows were fewer than their share of the curvature told: look for another feature.
                node.barred.push(split.feature as u32);
                let others: Vec<u32> = features.iter().copied().filter(|f| !node.barred.contains(f)).collect();
                self.search(&mut node, &others, limits, control)?;
                open.push(node);
                continue;
            }
            let (left, right) = (grown.push(), grown.push());
            // Where training saw nothing missing, it goes with the many.
            let none_missing = node.histogram.as_ref().is_none_or(|h| h.of(binned, split.feature)[missing] == [0; 2]);
            let missing_left = if none_missing { 2 * middle >= node.end - node.start } else { split.missing_left };
            grown.divide(node.at, &split, missing_left, [left, right], binned);
            let depth = node.depth + 1;
            let cut = node.start + middle;
            let child = |at, start, end, sums| Node {
                at,
                start,
                end,
                buffer,
                depth,
                sums,
                histogram: None,
                split: None,
                barred: Vec::new(),
            };
            let rest = [node.sums[0] - split.left[0], node.sums[1] - split.left[1]];
            let mut children = [child(left, node.start, cut, split.left), child(right, cut, node.end, rest)];
            let last = count + 1 == size.max_leaf_nodes;
            if !last && children.iter().any(|c| self.may_split(c, size)) {
                let mut small = self.room();
                let smaller = usize::from(middle * 2 > node.end - node.start);
                let rows = &self.buffers[buffer][children[smaller].start..children[smaller].end];
                small.fill(binned, gradients, rows, control)?;
                if let Some(mut large) = node.histogram.take() {
                    large.take_away(binned, &small);
                    children[1 - smaller].histogram = Some(large);
                }
                children[smaller].histogram = Some(small);
                for child in &mut children {
                    if self.may_split(child, size) {
                        self.search(child, features, limits, control)?;
                    }
                }
            }
            self.spare.extend(node.histogram.take());
            open.extend(children);
        }
        done.sort_by_key(|n| n.at);
        grown.leaves = done.iter().map(|n| (n.at, n.sums)).collect();
        done.par_iter().enumerate().for_each(|(leaf, node)| {
            for &row in &self.buffers[node.buffer][node.start..node.end] {
                self.leaf_of[row as usize].store(leaf as u16, Memory::Relaxed);
            }
        });
        Ok(grown)
    }

    fn may_split(&self, node: &Node, size: Size) -> bool {
        node.end - node.start >= 2 * size.min_samples_leaf.max(1) && node.depth < size.max_depth
    }

    fn search(&mut self, node: &mut Node, features: &[u32], limits: Limits, control: &Control) -> Result<()> {
        let Some(histogram) = &node.histogram else { return Ok(()) };
        let whole = Whole { sums: node.sums, rows: node.end - node.start };
        if limits.curvature_counts || whole.rows > FEW {
            node.split = best(histogram, None, self.binned, features, whole, limits);
            return Ok(());
        }
        let mut counts = self.room();
        counts.count(self.binned, &self.buffers[node.buffer][node.start..node.end], control)?;
        node.split = best(histogram, Some(&counts), self.binned, features, whole, limits);
        self.spare.push(counts);
        Ok(())
    }

    fn room(&mut self) -> Histogram {
        self.spare.pop().unwrap_or_else(|| Histogram::new(self.binned.features()))
    }

    /// Brings the rows that go left before the others, each in their order. Returns how many go left and the buffer in which
    /// they all are.
    fn divide(&mut self, node: &Node, feature: usize, goes_left: &[bool; 256]) -> (usize, usize) {
        let column = self.binned.column(feature);
        let [a, b] = &mut self.buffers;
        let (from, to) = if node.buffer == 0 { (a, b) } else { (b, a) };
        let (from, to) = (&mut from[node.start..node.end], &mut to[node.start..node.end]);
        if from.len() <= 2 * PART {
            return (divide_part(from, to, column, goes_left), node.buffer);
        }
        let lefts: Vec<usize> = from
            .par_chunks_mut(PART)
            .zip(to.par_chunks_mut(PART))
            .map(|(rows, spare)| divide_part(rows, spare, column, goes_left))
            .collect();
        let middle = lefts.iter().sum();
        let (mut left, mut right) = to.split_at_mut(middle);
        let mut moves = Vec::with_capacity(lefts.len());
        for (rows, count) in from.chunks(PART).zip(lefts) {
            let (here, rest) = left.split_at_mut(count);
            let (there, others) = right.split_at_mut(rows.len() - count);
            moves.push((rows, count, here, there));
            (left, right) = (rest, others);
        }
        moves.into_par_iter().for_each(|(rows, count, here, there)| {
            here.copy_from_slice(&rows[..count]);
            there.copy_from_slice(&rows[count..]);
        });
        (middle, 1 - node.buffer)
    }
}

/// Divides in place without a branch; `spare` has room for all rows.
fn divide_part(rows: &mut [u32], spare: &mut [u32], column: &[u8], goes_left: &[bool; 256]) -> usize {
    let (mut left, mut right) = (0, 0);
    for at in 0..rows.len() {
        let row = rows[at];
        let is_left = goes_left[usize::from(column[row as usize])];
        rows[left] = row;
        spare[right] = row;
        left += usize::from(is_left);
        right += usize::from(!is_left);
    }
    rows[left..].copy_from_slice(&spare[..right]);
    left
}

fn total(gradients: &[u64], rows: &[u32]) -> Sums {
    rows.par_chunks(PART)
        .map(|part| {
            part.iter().fold([0; 2], |sum: Sums, &row| {
                let one = unpack(gradients[row as usize]);
                [sum[0] + one[0], sum[1] + one[1]]
            })
        })
        .reduce(|| [0; 2], |a, b| [a[0] + b[0], a[1] + b[1]])
}

impl Grown {
    fn push(&mut self) -> usize {
        self.codes.push(0);
        self.tree.push_node(1)
    }

    fn divide(&mut self, node: usize, split: &Split, missing_left: bool, children: [usize; 2], binned: &Binned) {
        self.codes[node] = split.code as u8;
        let tree = &mut self.tree;
        tree.feature[node] = split.feature as u32;
        // After the last bin only what is missing is left.
        tree.threshold[node] = binned.edges[split.feature].upper.get(split.code).copied().unwrap_or(f32::MAX);
        tree.missing_left[node] = missing_left;
        tree.left[node] = children[0] as u32;
        tree.right[node] = children[1] as u32;
    }

    /// The node of the leaf that a row of codes falls into.
    pub(super) fn leaf(&self, binned: &Binned, row: usize) -> usize {
        let tree = &self.tree;
        let mut node = 0;
        while tree.left[node] != 0 {
            let feature = tree.feature[node] as usize;
            let code = usize::from(binned.column(feature)[row]);
            let left = if code == binned.edges[feature].bins() {
                tree.missing_left[node]
            } else {
                code <= usize::from(self.codes[node])
            };
            node = if left { tree.left[node] } else { tree.right[node] } as usize;
        }
        node
    }
}
