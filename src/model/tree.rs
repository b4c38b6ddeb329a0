//! A grown decision tree as flat arrays: the form that predicts, is stored, and is exported.

use ndarray::ArrayView1;
use serde::{Deserialize, Serialize};

/// A binary tree. Node 0 is the root. A node is a leaf when `left[n] == 0` (the root is nobody's child).
///
/// Thresholds, leaf values and the compared features are `f32`, as in scikit-learn and in ONNX, so that a row takes
/// the same branch in every runtime.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Tree {
    /// Feature compared at each node (0 for leaves).
    pub feature: Vec<u32>,
    /// A row goes left when `x[feature] as f32 <= threshold`.
    pub threshold: Vec<f32>,
    /// Left child, or 0 for a leaf.
    pub left: Vec<u32>,
    /// Right child, or 0 for a leaf.
    pub right: Vec<u32>,
    /// Leaf outputs, `outputs` values per node, row-major (zeros at inner nodes): class shares, or one number.
    pub value: Vec<f32>,
    /// Nodes at which a row whose feature is missing (NaN) goes left. Empty where it goes right everywhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_left: Vec<bool>,
}

impl Tree {
    /// Number of nodes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.feature.len()
    }

    /// Whether nothing was grown.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.feature.is_empty()
    }

    /// Whether node `n` is a leaf.
    #[must_use]
    pub fn is_leaf(&self, n: usize) -> bool {
        self.left[n] == 0
    }

    /// The child of inner node `n` to which a row of features goes.
    #[must_use]
    pub fn child(&self, n: usize, row: ArrayView1<'_, f64>) -> usize {
        let x = row[self.feature[n] as usize] as f32;
        let left = x <= self.threshold[n] || (x.is_nan() && self.missing_goes_left(n));
        (if left { self.left[n] } else { self.right[n] }) as usize
    }

    /// The leaf that a row of features falls into.
    #[must_use]
    pub fn leaf(&self, row: ArrayView1<'_, f64>) -> usize {
        let mut n = 0;
        while !self.is_leaf(n) {
            n = self.child(n, row);
        }
        n
    }

    /// Whether a missing value goes left at node `n`.
    #[must_use]
    pub fn missing_goes_left(&self, n: usize) -> bool {
        self.missing_left.get(n).copied().unwrap_or(false)
    }

    /// Appends a leaf with `outputs` values of 0; returns its number.
    pub(super) fn push_node(&mut self, outputs: usize) -> usize {
        self.feature.push(0);
        self.threshold.push(0.0);
        self.left.push(0);
        self.right.push(0);
        self.missing_left.push(false);
        self.value.extend(std::iter::repeat_n(0.0, outputs));
        self.feature.len() - 1
    }

    /// Drops the ways of missing values where all go right.
    pub(super) fn forget_unused_ways(&mut self) {
        if !self.missing_left.contains(&true) {
            self.missing_left.clear();
        }
    }
}
