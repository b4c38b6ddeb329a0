//! The feature plan as graph nodes: raw columns in, the matrix of features out.

use super::graph::{Graph, Value, ValueType};
use crate::model::{Encoding, FeaturePlan, InputColumn, Levels};

/// How a missing text arrives. ONNX strings cannot be missing: onnxruntime's Python binding (checked with 1.32) spells `None`,
/// NaN and pandas' `NA` in an object array as text; a runtime without such a habit can send the empty string.
pub(crate) const MISSING_SPELLINGS: [&str; 6] = ["", "None", "nan", "NaN", "<NA>", "NaT"];

/// The encoded rows.
pub(super) struct Features {
    /// `[N, width]` doubles.
    pub(super) matrix: Value,
    /// `[N, 1]` zeros, from which constant answers get their number of rows.
    pub(super) zeros: Value,
    /// Number of columns of `matrix`. It is 1 (a column of zeros) where the plan makes no features at all.
    pub(super) width: usize,
}

/// Declares the inputs and encodes them.
pub(super) fn encode(graph: &mut Graph, plan: &FeaturePlan) -> Features {
    let single = plan.inputs.len() == 1;
    let mut values = Vec::with_capacity(plan.inputs.len());
    for input in &plan.inputs {
        let kind = if input.is_text() { ValueType::Text } else { ValueType::Double };
        graph.input(&input.name, kind, single);
        // MLflow's wrapper hands a model with one input the frame's values as [N, 1], any other model [N] per column.
        let value = if single {
            let flat = graph.integers(&[1], &[-1]);
            graph.node("Reshape", &[&input.name, &flat], vec![])
        } else {
            input.name.clone()
        };
        values.push(value);
    }
    let mut pieces = Vec::new();
    for (input, value) in plan.inputs.iter().zip(&values) {
        column(graph, input, value, &mut pieces);
    }
    let zeros = match (plan.inputs.first(), values.first()) {
        (Some(input), Some(value)) => rows_of_zeros(graph, input, value),
        _ => String::new(),
    };
    match graph.beside(&pieces) {
        Some(matrix) => Features { matrix, zeros, width: plan.width() },
        None => Features { matrix: zeros.clone(), zeros, width: 1 },
    }
}

fn column(graph: &mut Graph, input: &InputColumn, value: &str, pieces: &mut Vec<Value>) {
    match &input.encoding {
        Encoding::Number { impute, mean, scale, indicator } => {
            let missing = graph.is_missing(value);
            // What is infinite is missing too, so that one NaN stands for all that is no number.
            let impute = graph.doubles(&[1], &[impute.unwrap_or(f64::NAN)]);
            let mut x = graph.node("Where", &[&missing, &impute, value], vec![]);
            // Taking away 0 and dividing by 1 change nothing, not even the sign of zero.
            if *mean != 0.0 {
                let mean = graph.doubles(&[1], &[*mean]);
                x = graph.node("Sub", &[&x, &mean], vec![]);
            }
            if *scale != 1.0 {
                let scale = graph.doubles(&[1], &[*scale]);
                x = graph.node("Div", &[&x, &scale], vec![]);
            }
            pieces.push(graph.upright(&x));
            if *indicator {
                let flag = graph.cast(&missing, ValueType::Double);
                pieces.push(graph.upright(&flag));
            }
        }
        Encoding::OneHot { levels: Levels::Number(levels), missing } => {
            if !levels.is_empty() {
                let upright = graph.upright(value);
                let levels = graph.doubles(&[1, levels.len()], levels);
                let hit = graph.node("Equal", &[&upright, &levels], vec![]);
                pieces.push(graph.cast(&hit, ValueType::Double));
            }
            if *missing {
                let absent = graph.is_missing(value);
                let flag = graph.cast(&absent, ValueType::Double);
                pieces.push(graph.upright(&flag));
            }
        }
        Encoding::OneHot { levels: Levels::Text(levels), missing } => {
            let mut codes: Vec<(&str, i64)> = levels.iter().zip(0..).map(|(l, i)| (l.as_str(), i)).collect();
            if *missing {
                let absent = levels.len() as i64;
                codes.extend(spellings_of_missing(levels).map(|s| (s, absent)));
            }
            if codes.is_empty() {
                return;
            }
            let code = graph.text_to_int(value, &codes, -1);
            let upright = graph.upright(&code);
            let wanted: Vec<i64> = (0..input.width() as i64).collect();
            let wanted = graph.integers(&[1, wanted.len()], &wanted);
            let hit = graph.node("Equal", &[&upright, &wanted], vec![]);
            pieces.push(graph.cast(&hit, ValueType::Double));
        }
    }
}

/// The spellings of a missing text that are not real values of the column.
pub(crate) fn spellings_of_missing(levels: &[String]) -> impl Iterator<Item = &'static str> {
    MISSING_SPELLINGS.into_iter().filter(|s| !levels.iter().any(|l| l == s))
}

fn rows_of_zeros(graph: &mut Graph, input: &InputColumn, value: &str) -> Value {
    let zero = if input.is_text() {
        let code = graph.text_to_int(value, &[("", 0)], 0);
        graph.cast(&code, ValueType::Double)
    } else {
        // Not the value times 0: that would be NaN where it is infinite or missing.
        let flag = graph.is_missing(value);
        let flag = graph.cast(&flag, ValueType::Double);
        let zero = graph.doubles(&[1], &[0.0]);
        graph.node("Mul", &[&flag, &zero], vec![])
    };
    graph.upright(&zero)
}
