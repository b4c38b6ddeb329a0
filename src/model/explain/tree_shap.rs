//! Path-dependent TreeSHAP (Lundberg et al. 2020, algorithm 2), equal to the shap package's.
//!
//! What a tree expects of a row when a feature is not known is the mean over both branches, weighted by the rows that went either
//! way. The algorithm keeps, along one way through the tree, for each number of known features the weight of all subsets of that
//! size, so that exponentially many subsets cost the square of the depth.

use ndarray::{ArrayView1, ArrayView2};
use rayon::prelude::*;

use crate::model::Tree;

/// Rows that pass each node of a tree.
#[must_use]
pub fn covers(tree: &Tree, rows: ArrayView2<'_, f64>) -> Vec<f64> {
    let mut cover = vec![0.0; tree.len()];
    for row in rows.outer_iter() {
        let mut n = 0;
        loop {
            cover[n] += 1.0;
            if tree.is_leaf(n) {
                break;
            }
            n = tree.child(n, row);
        }
    }
    cover
}

/// A tree of an ensemble, and which outputs of the model its leaf values are added to.
#[derive(Clone, Copy)]
pub struct Member<'a> {
    /// The tree.
    pub tree: &'a Tree,
    /// The output that a leaf's first value belongs to.
    pub first: usize,
    /// Values a leaf.
    pub outputs: usize,
}

impl Member<'_> {
    /// What a leaf adds to an output.
    fn value(&self, leaf: usize, output: usize) -> f64 {
        let own = output.checked_sub(self.first).filter(|k| *k < self.outputs);
        own.and_then(|k| self.tree.value.get(leaf * self.outputs + k)).map_or(0.0, |v| f64::from(*v))
    }
}

/// Trees with the rows that passed their nodes.
pub struct TreeShap<'a> {
    members: Vec<Member<'a>>,
    covers: Vec<Vec<f64>>,
    scale: f64,
    base: Vec<f64>,
}

/// One feature on the way through a tree.
#[derive(Clone, Copy)]
struct Step {
    feature: Option<usize>,
    /// Share of the rows that take this way when the feature is not known.
    zero: f64,
    /// Whether the row takes it when the feature is known.
    one: f64,
    weight: f64,
}

impl<'a> TreeShap<'a> {
    /// For an ensemble that answers with `base + scale · Σ leaf values`, output by output; `rows` (encoded) tell the covers.
    #[must_use]
    pub fn new(members: Vec<Member<'a>>, scale: f64, base: Vec<f64>, rows: ArrayView2<'_, f64>) -> Self {
        let covers = members.par_iter().map(|m| covers(m.tree, rows)).collect();
        Self::with_covers(members, scale, base, covers)
    }

    /// The same with covers that are known.
    #[must_use]
    pub fn with_covers(members: Vec<Member<'a>>, scale: f64, base: Vec<f64>, covers: Vec<Vec<f64>>) -> Self {
        Self { members, covers, scale, base }
    }

    /// The members of a forest, which answers with the mean of its trees: `scale` is one over their number.
    #[must_use]
    pub fn forest(trees: &'a [Tree], outputs: usize) -> (Vec<Member<'a>>, f64) {
        let members = trees.iter().map(|tree| Member { tree, first: 0, outputs }).collect();
        (members, 1.0 / trees.len().max(1) as f64)
    }

    /// The answer when nothing is known.
    #[must_use]
    pub fn base(&self, output: usize) -> f64 {
        let of_tree = |(member, cover): (&Member<'_>, &Vec<f64>)| -> f64 {
            let whole = cover.first().copied().unwrap_or(0.0);
            (0..member.tree.len())
                .filter(|&n| member.tree.is_leaf(n) && whole > 0.0)
                .map(|n| cover[n] / whole * member.value(n, output))
                .sum()
        };
        let sum: f64 = self.members.iter().zip(&self.covers).map(of_tree).sum();
        self.base.get(output).copied().unwrap_or(0.0) + self.scale * sum
    }

    /// What each feature adds to one output for one row.
    #[must_use]
    pub fn row(&self, row: ArrayView1<'_, f64>, output: usize) -> Vec<f64> {
        let mut phi = vec![0.0; row.len()];
        for (member, cover) in self.members.iter().zip(&self.covers) {
            // Of an ensemble with trees for each output, the others say nothing of this one.
            let speaks = (member.first..member.first + member.outputs).contains(&output);
            if speaks && !member.tree.is_empty() {
                let start = Step { feature: None, zero: 1.0, one: 1.0, weight: 0.0 };
                Walk { member, cover, row, output, phi: &mut phi }.on(0, Vec::new(), start);
            }
        }
        phi.iter_mut().for_each(|p| *p *= self.scale);
        phi
    }
}

/// A row's way, and the ways that it might have taken, through one tree.
struct Walk<'a, 'r> {
    member: &'a Member<'a>,
    cover: &'a [f64],
    row: ArrayView1<'r, f64>,
    output: usize,
    phi: &'a mut [f64],
}

impl Walk<'_, '_> {
    fn on(&mut self, node: usize, mut path: Vec<Step>, next: Step) {
        extend(&mut path, next);
        let (tree, cover, row) = (self.member.tree, self.cover, self.row);
        if tree.is_leaf(node) {
            let value = self.member.value(node, self.output);
            for i in 1..path.len() {
                let step = path[i];
                if let Some(feature) = step.feature {
                    self.phi[feature] += unwound_weight(&path, i) * (step.one - step.zero) * value;
                }
            }
            return;
        }
        let feature = tree.feature[node] as usize;
        let hot = tree.child(node, row);
        let cold = if hot == tree.left[node] as usize { tree.right[node] } else { tree.left[node] } as usize;
        let (mut zero, mut one) = (1.0, 1.0);
        if let Some(before) = path.iter().position(|s| s.feature == Some(feature)) {
            (zero, one) = (path[before].zero, path[before].one);
            unwind(&mut path, before);
        }
        for (child, taken) in [(hot, one), (cold, 0.0)] {
            // A node that no row passed is split evenly; the sum stays right whatever is said of it.
            let share = if cover[node] > 0.0 { cover[child] / cover[node] } else { 0.5 };
            let step = Step { feature: Some(feature), zero: zero * share, one: taken, weight: 0.0 };
            // Where the way is possible neither with nor without the feature, nothing is added.
            if step.zero != 0.0 || step.one != 0.0 {
                self.on(child, path.clone(), step);
            }
        }
    }
}

/// Lets the subsets on the way grow by a feature.
fn extend(path: &mut Vec<Step>, step: Step) {
    let depth = path.len();
    path.push(Step { weight: if depth == 0 { 1.0 } else { 0.0 }, ..step });
    for i in (0..depth).rev() {
        let weight = path[i].weight;
        path[i + 1].weight += step.one * weight * (i + 1) as f64 / (depth + 1) as f64;
        path[i].weight = step.zero * weight * (depth - i) as f64 / (depth + 1) as f64;
    }
}

/// Takes the feature at `at` out of the subsets again.
fn unwind(path: &mut Vec<Step>, at: usize) {
    let depth = path.len() - 1;
    let Step { zero, one, .. } = path[at];
    let mut next = path[depth].weight;
    for j in (0..depth).rev() {
        let weight = path[j].weight;
        if one != 0.0 {
            path[j].weight = next * (depth + 1) as f64 / ((j + 1) as f64 * one);
            next = weight - path[j].weight * zero * (depth - j) as f64 / (depth + 1) as f64;
        } else {
            path[j].weight = weight * (depth + 1) as f64 / (zero * (depth - j) as f64);
        }
    }
    for j in at..depth {
        let Step { feature, zero, one, .. } = path[j + 1];
        path[j] = Step { feature, zero, one, weight: path[j].weight };
    }
    path.pop();
}

/// The weight of all subsets without the feature at `at`.
fn unwound_weight(path: &[Step], at: usize) -> f64 {
    let depth = path.len() - 1;
    let Step { zero, one, .. } = path[at];
    let mut next = path[depth].weight;
    let mut total = 0.0;
    for j in (0..depth).rev() {
        if one != 0.0 {
            let part = next * (depth + 1) as f64 / ((j + 1) as f64 * one);
            total += part;
            next = path[j].weight - part * zero * (depth - j) as f64 / (depth + 1) as f64;
        } else {
            total += path[j].weight * (depth + 1) as f64 / (zero * (depth - j) as f64);
        }
    }
    total
}
