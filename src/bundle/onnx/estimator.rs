//! Each estimator as graph nodes: the matrix of features in, `[N, K]` scores out.

use super::features::Features;
use super::graph::{Graph, Value, ValueType, floats, int, ints, text, texts};
use crate::model::{Fitted, FittedModel, Link, Tree};

/// Columns that a tree ensemble may write, at most. Each tree and class has its own as long as they fit, so that leaf
/// values leave the ensemble as they are and are added in double; beyond that, trees share columns and `float` sums.
const MOST_COLUMNS: usize = 4096;

/// Appends the estimator. The model must have passed [`super::validate`].
pub(super) fn scores(graph: &mut Graph, model: &FittedModel, features: &Features) -> Value {
    match &model.fitted {
        Fitted::Dummy { output } => graph.with_row("Add", &features.zeros, output),
        Fitted::Linear { coef, intercept } => {
            linear(graph, features, std::slice::from_ref(coef), std::slice::from_ref(intercept))
        }
        Fitted::Logistic { coef, intercept } => {
            let z = linear(graph, features, coef, intercept);
            if coef.len() == 1 { sigmoid_pair(graph, &z) } else { softmax(graph, &z) }
        }
        Fitted::GaussianNb { prior, theta, var } => gaussian(graph, features, prior, theta, var),
        Fitted::Trees { base, outputs, trees } => {
            let sum = sum_of_leaves(graph, features, trees, *outputs, 1);
            let mean = graph.with_row("Div", &sum, &[trees.len() as f64]);
            if *base == 0.0 { mean } else { graph.with_row("Add", &mean, &[*base]) }
        }
        Fitted::Boosted { link, base, scale, trees } => {
            let z = boosted(graph, features, base, *scale, trees);
            match link {
                Link::Identity => z,
                Link::Log => graph.node("Exp", &[&z], vec![]),
                Link::Logit => sigmoid_pair(graph, &z),
                Link::Softmax => softmax(graph, &z),
            }
        }
    }
}

/// `X · Wᵀ + b` for K rows of coefficients: `[N, K]`.
fn linear(graph: &mut Graph, features: &Features, coef: &[Vec<f64>], intercept: &[f64]) -> Value {
    let mut weights = vec![0.0; features.width * coef.len()];
    for (k, row) in coef.iter().enumerate() {
        for (f, c) in row.iter().enumerate() {
            if let Some(w) = weights.get_mut(f * coef.len() + k) {
                *w = *c;
            }
        }
    }
    let weights = graph.doubles(&[features.width, coef.len()], &weights);
    let z = graph.node("MatMul", &[&features.matrix, &weights], vec![]);
    graph.with_row("Add", &z, intercept)
}

/// `1 / (1 + exp(-z))`, spelled out because runtimes compute their own in other ways.
pub(super) fn sigmoid(graph: &mut Graph, z: &str) -> Value {
    let one = graph.doubles(&[1, 1], &[1.0]);
    let minus = graph.node("Neg", &[z], vec![]);
    let e = graph.node("Exp", &[&minus], vec![]);
    let below = graph.node("Add", &[&e, &one], vec![]);
    graph.node("Div", &[&one, &below], vec![])
}

/// `[N, 1]` to `[1 - p, p]` with `p = 1 / (1 + exp(-z))`.
fn sigmoid_pair(graph: &mut Graph, z: &str) -> Value {
    let p = sigmoid(graph, z);
    let one = graph.doubles(&[1, 1], &[1.0]);
    let rest = graph.node("Sub", &[&one, &p], vec![]);
    graph.node("Concat", &[&rest, &p], vec![int("axis", 1)])
}

/// Row-wise softmax, with the row's maximum taken away first. Spelled out because tract's own is for `float` only.
fn softmax(graph: &mut Graph, z: &str) -> Value {
    let top = graph.node("ReduceMax", &[z], vec![ints("axes", vec![1]), int("keepdims", 1)]);
    let shifted = graph.node("Sub", &[z, &top], vec![]);
    let e = graph.node("Exp", &[&shifted], vec![]);
    let sum = graph.sum(&e, 1, true);
    graph.node("Div", &[&e, &sum], vec![])
}

/// Log densities class by class as `(x - theta)² / var`, which loses no digits where the expanded square would, and needs
/// `[N, F]` at a time where broadcasting over classes would need `[N, K, F]`.
fn gaussian(graph: &mut Graph, features: &Features, prior: &[f64], theta: &[Vec<f64>], var: &[Vec<f64>]) -> Value {
    let mut distances = Vec::with_capacity(prior.len());
    let mut constants = Vec::with_capacity(prior.len());
    for ((prior, theta), var) in prior.iter().zip(theta).zip(var) {
        constants.push(prior.ln() - 0.5 * var.iter().map(|v| (std::f64::consts::TAU * v).ln()).sum::<f64>());
        let (theta, var) = if theta.is_empty() { (&[0.0][..], &[1.0][..]) } else { (&theta[..], &var[..]) };
        let away = graph.with_row("Sub", &features.matrix, theta);
        let square = graph.node("Mul", &[&away, &away], vec![]);
        let share = graph.with_row("Div", &square, var);
        distances.push(graph.sum(&share, 1, true));
    }
    let distances = graph.beside(&distances).unwrap_or_default();
    let half = graph.with_row("Mul", &distances, &[-0.5]);
    let z = graph.with_row("Add", &half, &constants);
    softmax(graph, &z)
}

/// Raw scores of boosted trees: `base + scale · Σ leaf values`, shape `[N, K]`.
fn boosted(graph: &mut Graph, features: &Features, base: &[f64], scale: f64, trees: &[Tree]) -> Value {
    if trees.is_empty() {
        return graph.with_row("Add", &features.zeros, base);
    }
    let mut z = sum_of_leaves(graph, features, trees, 1, base.len());
    if scale != 1.0 {
        z = graph.with_row("Mul", &z, &[scale]);
    }
    graph.with_row("Add", &z, base)
}

/// The sum of the trees' leaf values, shape `[N, outputs · turns]`: each leaf has `outputs` values, and trees take `turns` (in
/// boosting, the trees of one round are for one class each).
fn sum_of_leaves(graph: &mut Graph, features: &Features, trees: &[Tree], outputs: usize, turns: usize) -> Value {
    let scores = outputs * turns;
    let rounds = trees.len().div_ceil(turns).min((MOST_COLUMNS / scores.max(1)).max(1));
    let columns = rounds * scores;
    // With one or two labels the operator takes special paths that differ between runtimes.
    let labels = columns.max(3);
    let x = graph.cast(&features.matrix, ValueType::Float);
    let attributes = ensemble(trees, outputs, rounds * turns, labels);
    let mut leaves = graph.tree_ensemble(&x, attributes);
    if labels > columns {
        let [from, to, axis] = [0, columns as i64, 1].map(|i| graph.integers(&[1], &[i]));
        leaves = graph.node("Slice", &[&leaves, &from, &to, &axis], vec![]);
    }
    let leaves = graph.cast(&leaves, ValueType::Double);
    // 0 keeps the number of rows, also when it is zero.
    let shape = graph.integers(&[3], &[0, rounds as i64, scores as i64]);
    let by_round = graph.node("Reshape", &[&leaves, &shape], vec![]);
    graph.sum(&by_round, 1, false)
}

/// The attributes of a `TreeEnsembleClassifier` that writes tree t's value for class k to column `(t mod groups) · K + k`.
fn ensemble(trees: &[Tree], outputs: usize, groups: usize, labels: usize) -> Vec<tract_onnx::pb::AttributeProto> {
    let nodes: usize = trees.iter().map(Tree::len).sum();
    let [mut tree_ids, mut node_ids, mut features, mut yes, mut no] =
        std::array::from_fn(|_| Vec::with_capacity(nodes));
    let mut thresholds = Vec::with_capacity(nodes);
    let mut modes = Vec::with_capacity(nodes);
    let [mut leaf_trees, mut leaf_nodes, mut leaf_columns] = std::array::from_fn(|_| Vec::new());
    let mut leaf_values = Vec::new();
    for (t, tree) in trees.iter().enumerate() {
        for n in 0..tree.len() {
            let leaf = tree.is_leaf(n);
            tree_ids.push(t as i64);
            node_ids.push(n as i64);
            features.push(if leaf { 0 } else { i64::from(tree.feature[n]) });
            thresholds.push(if leaf { 0.0 } else { tree.threshold[n] });
            yes.push(i64::from(tree.left[n]));
            no.push(if leaf { 0 } else { i64::from(tree.right[n]) });
            modes.push(if leaf { "LEAF" } else { "BRANCH_LEQ" });
            if !leaf {
                continue;
            }
            let values = &tree.value[n * outputs..(n + 1) * outputs];
            for (k, value) in values.iter().enumerate() {
                // Zeros add nothing; one entry stays so that every leaf and every tree is named.
                if *value != 0.0 || (k == 0 && values.iter().all(|v| *v == 0.0)) {
                    leaf_trees.push(t as i64);
                    leaf_nodes.push(n as i64);
                    leaf_columns.push(((t % groups) * outputs + k) as i64);
                    leaf_values.push(*value);
                }
            }
        }
    }
    let mut attributes = vec![
        ints("nodes_treeids", tree_ids),
        ints("nodes_nodeids", node_ids),
        ints("nodes_featureids", features),
        floats("nodes_values", thresholds),
        texts("nodes_modes", modes.into_iter()),
        ints("nodes_truenodeids", yes),
        ints("nodes_falsenodeids", no),
        ints("class_treeids", leaf_trees),
        ints("class_nodeids", leaf_nodes),
        ints("class_ids", leaf_columns),
        floats("class_weights", leaf_values),
        ints("classlabels_int64s", (0..labels as i64).collect()),
        text("post_transform", "NONE"),
    ];
    if trees.iter().any(|t| t.missing_left.contains(&true)) {
        let ways = trees.iter().flat_map(|t| (0..t.len()).map(|n| i64::from(t.missing_goes_left(n))));
        attributes.push(ints("nodes_missing_value_tracks_true", ways.collect()));
    }
    attributes
}
