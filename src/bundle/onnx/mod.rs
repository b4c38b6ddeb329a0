//! The ONNX form of a fitted model, preprocessing inside: raw rows in, one output per class (or one number) out.
//!
//! - One rank-1 input per raw column: `double` (NaN is missing) or `string`. The input of a model with a
//!   single column is `[N, 1]`, because that is what MLflow's wrapper hands to a model with one input.
//! - Classes: `label` (string) and one probability per class. Numbers: `prediction`. All rank 1, all in `double`.
//! - Arithmetic is `float64` and in the order of the native model; trees compare `float32` features with `float32`
//!   thresholds, as the native trees do, and their leaf values are added in `float64`.
//! - Only operators that both onnxruntime and tract know are used, so the graph that is checked in this process is the
//!   graph that is served.

mod calibration;
mod checks;
mod estimator;
mod features;
mod graph;
mod names;

use prost::Message;

pub use checks::validate;
pub use names::output_names;

use self::graph::{Graph, ValueType};
use crate::error::{Error, Result};
use crate::model::FittedModel;

/// The largest file that protobuf readers accept.
const LARGEST: usize = i32::MAX as usize;

/// Writes the model as ONNX (IR 8, operator set 15, `ai.onnx.ml` 1).
///
/// The same model gives the same bytes.
///
/// # Errors
/// When the model is inconsistent (see [`validate`]), reads no columns, or would not fit into 2 GiB.
pub fn export(model: &FittedModel) -> Result<Vec<u8>> {
    validate(model)?;
    if model.plan.inputs.is_empty() {
        return Err(Error::input("a model that reads no columns cannot be exported")
            .hint("Train it with at least one column as a feature"));
    }
    let outputs = output_names(model);
    let mut graph =
        Graph::new(model.plan.inputs.iter().map(|i| i.name.as_str()).chain(outputs.iter().map(String::as_str)));
    let features = features::encode(&mut graph, &model.plan);
    let mut scores = estimator::scores(&mut graph, model, &features);
    if let Some(calibration) = &model.calibration {
        scores = calibration::calibrated(&mut graph, calibration, &scores);
    }
    let mut names = outputs.iter();
    if model.task.is_classification()
        && let Some(label) = names.next()
    {
        let best = graph.argmax_columns(&scores);
        graph.int_to_text(&best, &model.classes, label);
        graph.output(label, ValueType::Text);
    }
    for (k, name) in names.enumerate() {
        graph.column(&scores, k, name);
        graph.output(name, ValueType::Double);
    }
    let proto = graph.into_model(&format!("{} {}", model.estimator, model.task));
    let size = proto.encoded_len();
    if size > LARGEST {
        return Err(Error::input(format!("the model would be an ONNX file of {size} bytes, and 2 GiB is the most"))
            .hint("Grow fewer or shallower trees"));
    }
    Ok(proto.encode_to_vec())
}
