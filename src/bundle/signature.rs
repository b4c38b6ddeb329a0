//! MLflow's model signature and the input examples.
//!
//! Columns are `required`: MLflow means by that that the column must be there, not that each cell has a value. Cells may be missing:
//! NaN in a `double` column, `None` or NaN in a `string` column (tests/onnxruntime.rs runs both through MLflow's wrapper).

use polars::frame::DataFrame;
use serde_json::{Value, json};

use super::onnx::output_names;
use crate::data::column;
use crate::error::Result;
use crate::model::FittedModel;

/// Rows in an input example, at most.
const EXAMPLE_ROWS: usize = 5;

/// The signature as MLflow stores it: `inputs` and `outputs` are JSON texts.
pub(super) fn signature(model: &FittedModel) -> Value {
    let inputs: Vec<Value> = model
        .plan
        .inputs
        .iter()
        .map(|i| json!({"type": if i.is_text() { "string" } else { "double" }, "name": i.name, "required": true}))
        .collect();
    let outputs: Vec<Value> = output_names(model)
        .iter()
        .enumerate()
        .map(|(at, name)| {
            let label = at == 0 && model.task.is_classification();
            json!({"type": if label { "string" } else { "double" }, "name": name, "required": true})
        })
        .collect();
    json!({"inputs": ascii(&Value::Array(inputs)), "outputs": ascii(&Value::Array(outputs)), "params": null})
}

/// The first rows of `frame` in the orientation that pandas calls `split`; only the model's columns, missing as null.
pub(super) fn example(model: &FittedModel, frame: &DataFrame) -> Result<Value> {
    let rows = frame.height().min(EXAMPLE_ROWS);
    let frame = frame.head(Some(rows));
    let mut data = vec![Vec::new(); rows];
    for input in &model.plan.inputs {
        let column = column::get(&frame, &input.name)?;
        let values: Vec<Value> = if input.is_text() {
            column::texts(column)?.into_iter().map(Value::from).collect()
        } else {
            // An infinite number has no JSON form and becomes null like a missing one.
            column::numbers(column)?.into_iter().map(Value::from).collect()
        };
        for (row, value) in data.iter_mut().zip(values) {
            row.push(value);
        }
    }
    let columns: Vec<&str> = model.plan.inputs.iter().map(|i| i.name.as_str()).collect();
    Ok(json!({"columns": columns, "data": data}))
}

/// JSON in ASCII alone, so that it can stand in YAML without regard to which characters YAML calls printable.
pub(super) fn ascii(value: &Value) -> String {
    let mut out = String::new();
    for c in value.to_string().chars() {
        if matches!(c, ' '..='~') {
            out.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}
