//! Pushes to real MLflow servers (3.17.2 and 2.22.5, from `tests/setup`), looked at by MLflow's own client, and with
//! the connection broken at each request of a push in turn.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on must stop")]

mod support;

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use pilothouse::engine::Control;
use pilothouse::error::Result;
use pilothouse::registry::mlflow::{MlflowRegistry, RetryPolicy, Settings};
use pilothouse::registry::{DatasetFacts, MlmodelIds, PushReceipt, PushRequest, Registry, RunFacts};
use serde_json::Value;
use sha2::{Digest, Sha256};
use support::fault_proxy::{FaultProxy, Side};
use support::mlflow::Server;

type Files = BTreeMap<String, Vec<u8>>;

/// One server each for all tests of this file.
fn mlflow3() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start("PILOTHOUSE_TEST_PYTHON"))
}

fn mlflow2() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start("PILOTHOUSE_TEST_MLFLOW2_PYTHON"))
}

/// A real model in ONNX, made by `make_bundle.py`.
fn bundle() -> &'static Files {
    static FILES: OnceLock<Files> = OnceLock::new();
    FILES.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        support::run_python(
            &support::python("PILOTHOUSE_TEST_PYTHON"),
            "make_bundle.py",
            &[dir.path().to_str().unwrap()],
        );
        std::fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap()))
            .collect()
    })
}

/// The files that a model needs at least, with a mark that makes their digest their own.
fn small_bundle(mark: &str) -> Files {
    let mut files: Files = bundle().iter().filter(|(name, _)| name.as_str() == "model.onnx").map(own).collect();
    files.insert("mark.txt".into(), mark.as_bytes().to_vec());
    files
}

fn own((name, bytes): (&String, &Vec<u8>)) -> (String, Vec<u8>) {
    (name.clone(), bytes.clone())
}

fn digest(files: &Files) -> String {
    let mut hash = Sha256::new();
    for (name, bytes) in files {
        hash.update(name);
        hash.update(Sha256::digest(bytes));
    }
    hex(&hash.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The least that MLflow's ONNX flavour loads (`registry.md`, "MLmodel for ONNX + pyfunc").
fn mlmodel(ids: &MlmodelIds) -> String {
    let column = |name: &str| format!(r#"{{"type": "double", "name": "{name}", "required": true}}"#);
    let model_id = ids.model_id.as_ref().map(|id| format!("model_id: {id}\nmodel_uuid: {id}\n")).unwrap_or_default();
    format!(
        "artifact_path: {}\nflavors:\n  onnx:\n    data: model.onnx\n    onnx_session_options: null\n    providers:\n    \
         - CPUExecutionProvider\n  python_function:\n    data: model.onnx\n    loader_module: mlflow.onnx\n    \
         python_version: 3.11.7\nmlflow_version: {}\n{model_id}run_id: {}\nsignature:\n  inputs: '[{}, {}]'\n  \
         outputs: null\n  params: null\nutc_time_created: '{}'\n",
        ids.artifact_path,
        ids.mlflow_version,
        ids.run_id,
        column("age"),
        column("income"),
        ids.utc_time
    )
}

fn facts(experiment: &str, run_id: &str) -> RunFacts {
    RunFacts {
        run_id: run_id.into(),
        run_name: "logistic 1".into(),
        experiment: experiment.into(),
        params: vec![("l2".into(), "0.1".into()), ("odd/ä:key".into(), "x".repeat(9000))],
        metrics: vec![("roc_auc".into(), 0.87), ("undefined".into(), f64::NAN)],
        tags: vec![("approved_by".into(), "bob".into()), ("sha256".into(), "must not win".into())],
        dataset: DatasetFacts {
            name: "churn.csv".into(),
            digest: "sha256:9f2c1a7e9f2c1a7e9f2c1a7e9f2c1a7e9f2c1a7e".into(),
            source: "data/churn.csv".into(),
            rows: 1000,
            schema: vec![("age".into(), "double".into()), ("income".into(), "double".into())],
        },
        user: "ana".into(),
        started_ms: 1_790_000_000_000,
        ended_ms: 1_790_000_004_000,
        model_type: "logistic regression".into(),
        description: "Made by a test".into(),
    }
}

fn open(url: &str, attempts: u32) -> MlflowRegistry {
    let mut settings = Settings::new(url).unwrap();
    settings.retry = RetryPolicy { attempts, base: Duration::from_millis(5), cap: Duration::from_millis(20) };
    MlflowRegistry::new(settings).unwrap()
}

fn push(registry: &dyn Registry, files: &Files, name: &str, experiment: &str) -> Result<PushReceipt> {
    let digest = digest(files);
    let run = facts(experiment, &format!("run-{}", digest.get(..12).unwrap()));
    let request = PushRequest { files, digest: &digest, name, alias: Some("champion"), run: &run, mlmodel: &mlmodel };
    registry.push(&request, &Control::default())
}

fn client_sees(server: &Server, prefix: &str, options: &[&str]) -> Value {
    let arguments = [&[server.url.as_str(), prefix], options].concat();
    let said = support::run_python(&server.python, "mlflow_client.py", &arguments);
    serde_json::from_str(said.lines().last().unwrap()).unwrap()
}

/// Whether downloaded files are the bundle's, with an MLmodel on top; by SHA-256.
fn assert_same_files(seen: &Value, files: &Files) {
    let seen = seen.as_object().unwrap();
    assert!(seen.contains_key("MLmodel"));
    assert_eq!(seen.len(), files.len() + 1);
    for (name, bytes) in files {
        assert_eq!(seen[name], hex(&Sha256::digest(bytes)), "{name}");
    }
}

fn a_push_is_loaded_by_mlflows_client(server: &Server, name: &str, logged_models: bool) {
    let registry = open(&server.url, 5);
    assert!(registry.check().unwrap().contains("MLflow "));
    let first = push(&registry, bundle(), name, "walk").unwrap();
    assert_eq!((first.version.as_str(), first.already_there), ("1", false));
    assert_eq!(first.previous_alias_version, None);
    assert_eq!(first.uri, format!("models:/{name}/1"));
    let again = push(&registry, bundle(), name, "walk").unwrap();
    assert_eq!((again.version.as_str(), again.already_there), ("1", true));
    assert_eq!(again.previous_alias_version.as_deref(), Some("1"));

    let seen = client_sees(server, name, &["--predict"]);
    let model = &seen[name];
    assert_eq!(model["predicted"], true);
    assert_eq!(model["versions"].as_array().unwrap().len(), 1, "{model}");
    assert_eq!(model["aliases"]["champion"], "1");
    assert_eq!(model["runs"], 1);
    let version = &model["versions"][0];
    assert_eq!(version["status"], "READY");
    assert_eq!(version["run_status"], "FINISHED");
    assert_eq!(version["tags"]["sha256"], digest(bundle()));
    assert_eq!(version["tags"]["approved_by"], "bob");
    assert_eq!(version["run_tags"]["mlflow.user"], "ana");
    assert_eq!(version["run_params"]["l2"], "0.1");
    assert_eq!(version["run_metrics"]["roc_auc"], "0.87");
    assert_eq!(version["run_metrics"]["undefined"], "nan");
    assert_eq!(version["datasets"][0], "churn.csv");
    assert_same_files(&version["files"], bundle());
    if logged_models {
        assert_eq!(model["logged_models"], serde_json::json!(["READY"]));
        assert_eq!(model["logged_metrics"], serde_json::json!(["roc_auc", "undefined"]));
        assert_eq!(version["outputs"], 1);
    }

    let fetched = registry.fetch(name, "champion").unwrap();
    assert!(bundle().iter().all(|(file, bytes)| &fetched[file] == bytes));
    assert!(registry.fetch(name, "nobody").is_err_and(|e| e.message.contains("there is no")));
    assert!(registry.fetch(name, "99").is_err());
    let listed = registry.models().unwrap();
    let listed = listed.iter().find(|m| m.name == name).unwrap();
    assert_eq!(listed.versions[0].aliases, ["champion"]);
    assert_eq!(listed.versions[0].digest.as_deref(), Some(digest(bundle()).as_str()));

    // A second model takes the alias over; pushing the first again gives it back without a new version.
    let other = small_bundle("other");
    let second = push(&registry, &other, name, "walk").unwrap();
    assert_eq!((second.version.as_str(), second.previous_alias_version.as_deref()), ("2", Some("1")));
    let back = push(&registry, bundle(), name, "walk").unwrap();
    assert_eq!((back.version.as_str(), back.previous_alias_version.as_deref()), ("1", Some("2")));

    // Somebody changes a file behind our back: no alias moves to it.
    let moved = push(&registry, &other, name, "walk").unwrap();
    assert_eq!(moved.version, "2");
    tamper(server.artifacts(), bundle());
    let error = push(&registry, bundle(), name, "walk").unwrap_err();
    assert!(error.message.contains("version 1 of") && error.message.contains("SHA-256"), "{error}");
    assert_eq!(client_sees(server, name, &[])[name]["aliases"]["champion"], "2");
}

/// Changes the one file of a bundle that no other test's bundle has.
fn tamper(artifacts: &std::path::Path, files: &Files) {
    let mut folders = vec![artifacts.to_path_buf()];
    let mut changed = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.ends_with("conda.yaml") && std::fs::read(&entry).unwrap() == files["conda.yaml"] {
                std::fs::write(entry, b"changed").unwrap();
                changed += 1;
            }
        }
    }
    assert_eq!(changed, 1);
}

#[test]
fn mlflow_3_loads_what_was_pushed() {
    a_push_is_loaded_by_mlflows_client(mlflow3(), "walk-three", true);
}

#[test]
fn mlflow_2_loads_what_was_pushed() {
    a_push_is_loaded_by_mlflows_client(mlflow2(), "walk-two", false);
}

/// What must hold at any moment: at most one version of a digest, and no alias on anything but a whole version.
fn assert_clean(direct: &MlflowRegistry, name: &str, files: &Files, before: Option<&Files>) -> usize {
    let digest = digest(files);
    let models = direct.models().unwrap();
    let Some(model) = models.iter().find(|m| m.name == name) else { return 0 };
    let count = model.versions.iter().filter(|v| v.digest.as_deref() == Some(&digest)).count();
    assert!(count <= 1, "{count} versions of one digest: {model:?}");
    match model.versions.iter().find(|v| !v.aliases.is_empty()) {
        Some(live) => {
            // Reads every file back and compares it with the list in the version's tag.
            let fetched = direct.fetch(name, "champion").unwrap();
            let expected = if live.digest.as_deref() == Some(&digest) { files } else { before.expect("known") };
            assert!(expected.iter().all(|(file, bytes)| &fetched[file] == bytes));
        }
        None => assert!(before.is_none(), "the alias is gone"),
    }
    count
}

/// Breaks the connection at each request of a first push in turn; then a push without faults must end it.
fn broken_first_pushes(server: &Server, side: Side) {
    let proxy = FaultProxy::new(&server.url);
    let direct = open(&server.url, 1);
    let hasty = open(&proxy.url, 1);
    proxy.arm(None);
    let prefix = format!("first-{side:?}");
    push(&hasty, &small_bundle("clean"), &format!("{prefix}-clean"), &format!("{prefix}-clean")).unwrap();
    let requests = proxy.requests();
    println!("a first push takes {} requests:\n{}", requests.len(), requests.join("\n"));
    let mut failed = 0;
    for at in 0..requests.len() {
        let name = format!("{prefix}-{at}");
        let files = small_bundle(&name);
        proxy.arm(Some((at, side)));
        let result = push(&hasty, &files, &name, &name);
        assert!(proxy.requests().len() > at, "the fault at {at} was reached");
        let versions = assert_clean(&direct, &name, &files, None);
        match &result {
            Ok(receipt) => assert_eq!((versions, receipt.version.as_str()), (1, "1"), "at {at}"),
            Err(error) => {
                failed += 1;
                assert_eq!(error.exit_code(), 4, "at {at}: {error}");
            }
        }
        proxy.arm(None);
        let end = push(&hasty, &files, &name, &name).unwrap();
        assert_eq!(end.version, "1", "at {at}: {:?}", requests.get(at));
        assert_eq!(assert_clean(&direct, &name, &files, None), 1);
    }
    assert!(failed > requests.len() / 2, "without tries again most faults end a push: {failed}");

    let seen = client_sees(server, &prefix, &[]);
    let seen = seen.as_object().unwrap();
    assert_eq!(seen.len(), requests.len() + 1);
    for (name, model) in seen {
        assert_eq!(model["versions"].as_array().unwrap().len(), 1, "{name}");
        assert_eq!(model["aliases"]["champion"], "1", "{name}");
        assert_eq!(model["runs"], 1, "{name}: one run, whatever was lost");
        let version = &model["versions"][0];
        assert_eq!(version["run_status"], "FINISHED", "{name}");
        assert_same_files(&version["files"], &small_bundle(name.strip_suffix("-clean").map_or(name, |_| "clean")));
        if let Some(logged) = model.get("logged_models").filter(|_| version["outputs"] != 0) {
            assert_eq!(*logged, serde_json::json!(["READY"]), "{name}: one logged model");
            assert_eq!(version["outputs"], 1, "{name}: linked once");
        }
    }
}

/// The same while an older version is live: its alias never leaves a whole version; and with tries again each push must
/// get through at once. The sides of the break alternate.
fn broken_pushes_over_a_live_model(server: &Server, attempts: u32) {
    let proxy = FaultProxy::new(&server.url);
    let direct = open(&server.url, 1);
    let registry = open(&proxy.url, attempts);
    let name = "live-model".to_string();
    let mut live = small_bundle(&name);
    push(&direct, &live, &name, &name).unwrap();
    let mut at = 0;
    loop {
        let files = small_bundle(&format!("{name}-{at}"));
        proxy.arm(Some((at, if at % 2 == 0 { Side::After } else { Side::Before })));
        let result = push(&registry, &files, &name, &name);
        let reached = proxy.requests().len() > at;
        assert_clean(&direct, &name, &files, Some(&live));
        let receipt = result.unwrap_or_else(|e| panic!("at {at}: {e}"));
        assert_eq!(receipt.version, (at + 2).to_string());
        if !reached {
            assert!(at > 10);
            return;
        }
        assert_eq!(assert_clean(&direct, &name, &files, Some(&live)), 1);
        live = files;
        at += 1;
    }
}

#[test]
fn mlflow_3_survives_requests_that_never_arrive() {
    broken_first_pushes(mlflow3(), Side::Before);
}

#[test]
fn mlflow_3_survives_answers_that_are_lost() {
    broken_first_pushes(mlflow3(), Side::After);
}

#[test]
fn mlflow_3_keeps_a_live_alias_whole() {
    broken_pushes_over_a_live_model(mlflow3(), 3);
}

#[test]
fn mlflow_2_survives_requests_that_never_arrive() {
    broken_first_pushes(mlflow2(), Side::Before);
}

#[test]
fn mlflow_2_survives_answers_that_are_lost() {
    broken_first_pushes(mlflow2(), Side::After);
}

#[test]
fn mlflow_2_keeps_a_live_alias_whole() {
    broken_pushes_over_a_live_model(mlflow2(), 3);
}

/// MLflow cannot lock: two pushes of one digest at the same moment may each make a version. One of them gives way.
#[test]
fn pushes_at_the_same_moment_end_with_one_version() {
    for round in 0..6 {
        let server = if round % 2 == 0 { mlflow3() } else { mlflow2() };
        let name = format!("race-{round}");
        let files = small_bundle(&name);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| push(&open(&server.url, 3), &files, &name, &name));
            }
        });
        let end = push(&open(&server.url, 3), &files, &name, &name).unwrap();
        let seen = client_sees(server, &name, &[]);
        let versions = seen[&name]["versions"].as_array().unwrap();
        assert_eq!(versions.len(), 1, "{seen}");
        assert_eq!(versions[0]["version"], end.version.as_str());
        assert_eq!(seen[&name]["aliases"]["champion"], end.version.as_str());
        assert_same_files(&versions[0]["files"], &files);
    }
}
