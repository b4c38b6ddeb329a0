//! A calibration as graph nodes: `[N, K]` scores in, `[N, K]` calibrated chances out.

use super::estimator::sigmoid;
use super::graph::{Graph, Value};
use crate::model::calibration::{Calibration, Curve};

/// Appends the calibration. The model must have passed [`super::validate`].
pub(super) fn calibrated(graph: &mut Graph, calibration: &Calibration, scores: &str) -> Value {
    if let [curve] = &calibration.curves[..] {
        let score = upright_column(graph, scores, 1);
        let p = apply(graph, curve, &score);
        let one = graph.doubles(&[1, 1], &[1.0]);
        let rest = graph.node("Sub", &[&one, &p], vec![]);
        return graph.beside(&[rest, p]).unwrap_or_default();
    }
    let columns: Vec<Value> = calibration
        .curves
        .iter()
        .enumerate()
        .map(|(k, curve)| {
            let score = upright_column(graph, scores, k);
            apply(graph, curve, &score)
        })
        .collect();
    let raw = graph.beside(&columns).unwrap_or_default();
    let sum = graph.sum(&raw, 1, true);
    let shares = graph.node("Div", &[&raw, &sum], vec![]);
    // Where every curve says 0 the classes are equally likely.
    let zero = graph.doubles(&[1, 1], &[0.0]);
    let nothing = graph.node("Equal", &[&sum, &zero], vec![]);
    let count = calibration.curves.len();
    let even = graph.doubles(&[1, count], &vec![1.0 / count as f64; count]);
    graph.node("Where", &[&nothing, &even, &shares], vec![])
}

fn upright_column(graph: &mut Graph, scores: &str, k: usize) -> Value {
    let index = graph.integers(&[1], &[k as i64]);
    graph.node("Gather", &[scores, &index], vec![super::graph::int("axis", 1)])
}

/// `[N, 1]` to `[N, 1]`.
fn apply(graph: &mut Graph, curve: &Curve, score: &str) -> Value {
    match curve {
        Curve::Sigmoid { slope, intercept } => {
            // The graph's sigmoid is of the negative of what the curve takes.
            let product = graph.with_row("Mul", score, &[-slope]);
            let z = graph.with_row("Add", &product, &[-intercept]);
            sigmoid(graph, &z)
        }
        Curve::Isotonic { x, y } => {
            let start = y.first().copied().unwrap_or(0.0);
            let slopes: Vec<f64> = x.windows(2).zip(y.windows(2)).map(|(x, y)| (y[1] - y[0]) / (x[1] - x[0])).collect();
            // Each piece adds its slope times the way that the score has come within it.
            let (from, to) = (&x[..slopes.len()], &x[x.len() - slopes.len()..]);
            if slopes.is_empty() {
                let level = graph.with_row("Mul", score, &[0.0]);
                return graph.with_row("Add", &level, &[start]);
            }
            let above = graph.with_row("Max", score, from);
            let within = graph.with_row("Min", &above, to);
            let way = graph.with_row("Sub", &within, from);
            let slopes = graph.doubles(&[slopes.len(), 1], &slopes);
            let risen = graph.node("MatMul", &[&way, &slopes], vec![]);
            graph.with_row("Add", &risen, &[start])
        }
    }
}
