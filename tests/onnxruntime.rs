//! The exported models in the hands of others: onnxruntime, MLflow's pyfunc wrapper and its scoring server must say what the
//! native model says, with missing values and unseen categories among the rows.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use pilothouse as house;
use pilothouse::bundle::{self, BundleInput, CardFacts, MlmodelIds, parity};
use pilothouse::data::column;
use pilothouse::model::{Encoding, Levels};
use polars::frame::DataFrame;

#[allow(dead_code)]
#[path = "../src/bundle/fixtures.rs"]
mod fixtures;

use fixtures::Case;

/// Numbers and probabilities are computed in double everywhere, so the runtimes agree far more closely than the 1e-5 of a push.
const TOLERANCE: f64 = 1e-9;

fn python() -> String {
    std::env::var("PILOTHOUSE_TEST_PYTHON").expect(
        "set PILOTHOUSE_TEST_PYTHON to a Python that has the packages of `bundle::TESTED` and httpx; `tests/run` does so",
    )
}

/// The rows of a case with missing and unseen values among them.
fn rows(case: &Case) -> DataFrame {
    let names: Vec<&str> = case.model.plan.inputs.iter().map(|i| i.name.as_str()).collect();
    let mut frame = DataFrame::new(
        case.rows.height(),
        case.model
            .plan
            .inputs
            .iter()
            .map(|i| {
                let column = column::get(&case.rows, &i.name).unwrap();
                if i.is_text() {
                    polars::prelude::Column::new(i.name.as_str().into(), column::texts(column).unwrap())
                } else {
                    polars::prelude::Column::new(i.name.as_str().into(), column::numbers(column).unwrap())
                }
            })
            .collect(),
    )
    .unwrap();
    frame.vstack_mut(&parity::perturbed(&case.model, &case.rows).unwrap().select(names).unwrap()).unwrap();
    frame
}

fn write_case(case: &Case, rows: &DataFrame, dir: &Path) {
    let card = CardFacts { source: "fixtures".into(), ..CardFacts::default() };
    let input = BundleInput {
        model: &case.model,
        name: "fixture",
        run_id: "r1",
        example: rows,
        card: &card,
        recipe: None,
        contract: None,
    };
    let made = bundle::build(&input).unwrap();
    bundle::write(&made, &dir.join("model")).unwrap();
    let ids = MlmodelIds {
        artifact_path: "mlflow-artifacts:/1/models/m-1/artifacts".into(),
        model_id: None,
        run_id: "r1".into(),
        mlflow_version: "3.17.2".into(),
        utc_time: "2026-01-02 03:04:05.000006".into(),
    };
    std::fs::write(dir.join("model").join("MLmodel"), bundle::mlmodel(&made, &ids)).unwrap();
    let columns: Vec<serde_json::Value> = case
        .model
        .plan
        .inputs
        .iter()
        .map(|i| {
            let column = column::get(rows, &i.name).unwrap();
            let values: Vec<Option<String>> = if i.is_text() {
                column::texts(column).unwrap()
            } else {
                column::numbers(column).unwrap().iter().map(|v| Some(format!("{v:?}"))).collect()
            };
            serde_json::json!({"name": i.name, "text": i.is_text(), "values": values})
        })
        .collect();
    std::fs::write(dir.join("rows.json"), serde_json::json!({"columns": columns}).to_string()).unwrap();
}

fn value(text: &str) -> f64 {
    match text {
        "None" => f64::NAN,
        text => text.parse().unwrap(),
    }
}

fn compare(case: &Case, rows: &DataFrame, way: &str, answers: &BTreeMap<String, Vec<String>>) {
    // The server's rows hold missing values where JSON cannot hold infinite ones.
    let rows = if way == "server" { finite(rows) } else { rows.clone() };
    let rows = if matches!(way, "server" | "mlflow_none") { none_spelled(case, &rows) } else { rows };
    let native = case.model.predict(&rows).unwrap();
    let names = bundle::onnx::output_names(&case.model);
    assert_eq!(
        answers.keys().cloned().collect::<Vec<_>>(),
        {
            let mut n = names.clone();
            n.sort();
            n
        },
        "{} by {way}",
        case.name
    );
    let classes = case.model.task.is_classification();
    for (k, name) in names.iter().skip(usize::from(classes)).enumerate() {
        let answers = &answers[name];
        assert_eq!(answers.len(), rows.height(), "{} by {way}", case.name);
        for (i, answer) in answers.iter().enumerate() {
            let (ours, theirs) = (native.scores[[i, k]], value(answer));
            let close = ours == theirs
                || (ours.is_nan() && theirs.is_nan())
                || (ours - theirs).abs() <= TOLERANCE * if classes { 1.0 } else { ours.abs().max(1.0) };
            assert!(close, "{} by {way}, row {i}, {name}: native {ours}, served {theirs}", case.name);
        }
    }
    if classes {
        for (i, (best, label)) in native.classes().into_iter().zip(&answers[&names[0]]).enumerate() {
            let row = native.scores.row(i);
            if row.iter().any(|v| v.is_nan()) {
                continue;
            }
            let tied = row.iter().enumerate().any(|(k, v)| k != best && (v - row[best]).abs() <= 2e-5);
            assert!(tied || *label == case.model.classes[best], "{} by {way}, row {i}: {label}", case.name);
        }
    }
}

/// Python's `None` reaches onnxruntime as the text `None`. Where that is a real value of a column, it is that value (the card says so).
fn none_spelled(case: &Case, rows: &DataFrame) -> DataFrame {
    let mut rows = rows.clone();
    for input in &case.model.plan.inputs {
        let Encoding::OneHot { levels: Levels::Text(levels), .. } = &input.encoding else { continue };
        if levels.iter().any(|l| l == "None") {
            let texts = column::texts(column::get(&rows, &input.name).unwrap()).unwrap();
            let spelled: Vec<String> = texts.into_iter().map(|t| t.unwrap_or_else(|| "None".into())).collect();
            rows.with_column(polars::prelude::Column::new(input.name.as_str().into(), spelled)).unwrap();
        }
    }
    rows
}

fn finite(rows: &DataFrame) -> DataFrame {
    let columns = rows.columns().iter().map(|c| match c.f64() {
        Ok(values) => {
            let values: Vec<f64> = values.iter().map(|v| v.filter(|v| v.is_finite()).unwrap_or(f64::NAN)).collect();
            polars::prelude::Column::new(c.name().clone(), values)
        }
        Err(_) => c.clone(),
    });
    DataFrame::new(rows.height(), columns.collect()).unwrap()
}

#[test]
fn onnxruntime_and_mlflow_say_what_the_native_model_says() {
    let python = python();
    let dir = tempfile::tempdir().unwrap();
    let mut cases = fixtures::cases();
    cases.extend((0..12).map(|seed| {
        let mut case = fixtures::random(seed);
        case.name = format!("random {seed}, {}", case.name);
        case
    }));
    let rows: Vec<DataFrame> = cases.iter().map(rows).collect();
    for (at, (case, rows)) in cases.iter().zip(&rows).enumerate() {
        let dir = dir.path().join(format!("{at:03}"));
        std::fs::create_dir(&dir).unwrap();
        write_case(case, rows, &dir);
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/run_onnx.py");
    let done = Command::new(python).arg(script).arg(dir.path()).output().unwrap();
    let complaint = String::from_utf8_lossy(&done.stderr);
    let name = |at: usize| cases.get(at).map_or("", |c| c.name.as_str());
    let culprit = complaint.lines().rev().find_map(|l| l.split(':').next()?.parse().ok()).map_or("", name);
    assert!(done.status.success(), "{culprit}: {complaint}");

    let versions: BTreeMap<String, String> = serde_json::from_slice(&done.stdout).unwrap();
    for (package, version) in bundle::TESTED {
        assert_eq!(versions[package], version, "requirements.txt must name the version that was tested");
    }
    for (at, (case, rows)) in cases.iter().zip(&rows).enumerate() {
        let text = std::fs::read_to_string(dir.path().join(format!("{at:03}")).join("out.json")).unwrap();
        let out: BTreeMap<String, BTreeMap<String, Vec<String>>> = serde_json::from_str(&text).unwrap();
        assert_eq!(out.keys().collect::<Vec<_>>(), ["mlflow_nan", "mlflow_none", "onnxruntime", "server"]);
        for (way, answers) in &out {
            compare(case, rows, way, answers);
        }
    }
}
