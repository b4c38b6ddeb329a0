//! The `MLmodel` file, by which MLflow knows how to load a folder. It names ids that a server gives, so it is made at push
//! time and is not part of the bundle's digest.

use std::fmt::Write;

use super::environment::{PYTHON, version};
use super::folder::Bundle;

/// What only the push knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MlmodelIds {
    /// The folder's address, for example `mlflow-artifacts:/1/models/m-…/artifacts`; for MLflow 2 the path in the run (`model`).
    pub artifact_path: String,
    /// The logged model's id (`m-…`); MLflow 2 has none.
    pub model_id: Option<String>,
    /// The MLflow run.
    pub run_id: String,
    /// The server's version.
    pub mlflow_version: String,
    /// `YYYY-MM-DD HH:MM:SS.ffffff` in UTC.
    pub utc_time: String,
}

/// The text of the `MLmodel` file (YAML).
#[must_use]
pub fn mlmodel(bundle: &Bundle, ids: &MlmodelIds) -> String {
    let signature: serde_json::Value =
        bundle.files.get("signature.json").and_then(|b| serde_json::from_slice(b).ok()).unwrap_or_default();
    let side = |name: &str| signature.get(name).and_then(|v| v.as_str()).unwrap_or("[]").replace('\'', "''");
    let size: usize = bundle.files.values().map(Vec::len).sum();
    // Without a server's id, the digest makes an id that is the same for the same model.
    let uuid = ids.model_id.clone().unwrap_or_else(|| bundle.digest.chars().take(32).collect());
    let mut out = String::new();
    let mut line = |text: String| {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{text}");
    };
    line(format!("artifact_path: {}", quoted(&ids.artifact_path)));
    line("flavors:\n  onnx:\n    code: null\n    data: model.onnx\n    onnx_session_options: null".into());
    line(format!("    onnx_version: {}\n    providers:\n    - CPUExecutionProvider", version("onnx")));
    line("  python_function:\n    data: model.onnx\n    env:\n      conda: conda.yaml\n      virtualenv: python_env.yaml".into());
    line(format!("    loader_module: mlflow.onnx\n    python_version: {PYTHON}"));
    line("is_signature_from_type_hint: false".into());
    line(format!("mlflow_version: {}", quoted(&ids.mlflow_version)));
    if let Some(id) = &ids.model_id {
        line(format!("model_id: {}", quoted(id)));
    }
    line(format!(
        "model_size_bytes: {size}\nmodel_uuid: {}\nprompts: null\nrun_id: {}",
        quoted(&uuid),
        quoted(&ids.run_id)
    ));
    line("saved_input_example_info:\n  artifact_path: input_example.json\n  pandas_orient: split".into());
    line("  serving_input_path: serving_input_example.json\n  type: dataframe\nsignature:".into());
    line(format!("  inputs: '{}'\n  outputs: '{}'\n  params: null", side("inputs"), side("outputs")));
    line(format!("type_hint_from_example: false\nutc_time_created: {}", quoted(&ids.utc_time)));
    out
}

/// A double-quoted YAML scalar; all but printable ASCII is escaped.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            _ => out.push_str(&format!("\\U{:08x}", u32::from(c))),
        }
    }
    out.push('"');
    out
}
