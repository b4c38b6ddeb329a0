//! The shipped binary against real MLflow servers (3.17.2 and 2.22.5, from `tests/setup`): what it pushes is loaded by
//! MLflow's own client and served by `mlflow models serve`, and both say what `pilothouse predict` says; and neither
//! kill -9 nor a lost connection leaves more than one version, or an alias on a broken one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on must stop")]

mod common;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use common::House;
use pilothouse::registry::Registry;
use pilothouse::registry::mlflow::{MlflowRegistry, Settings};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value};
use support::fault_proxy::{FaultProxy, Side};
use support::mlflow::{Scoring, Server};

/// How far a served score may lie from ours: absolute for probabilities, relative for numbers.
const TOLERANCE: f64 = 1e-5;

/// A task, the one estimator that may win it, and where the result goes.
struct Case {
    name: &'static str,
    flow: String,
    /// `mlflow`, which takes the address from `MLFLOW_TRACKING_URI`, or none for the address itself.
    by_variable: bool,
    serve: bool,
}

impl Case {
    /// A sample's own flow, or one for the iris flowers.
    fn new(name: &'static str, estimator: &str, settings: &str) -> Self {
        let house = House::new();
        let mut flow: toml::Table = if name == "iris" {
            toml::from_str(
                "name = 'iris'\n[load]\nsource = 'rows.csv'\n[prepare]\ntarget = 'species'\n\
                 [approve]\nreason = 'flowers'\n[push]\nto = 'mlflow'\nas = 'iris'\nalias = 'champion'",
            )
            .unwrap()
        } else {
            let said = house.run(&["flow", name]);
            toml::from_str(std::str::from_utf8(&said.stdout).unwrap()).unwrap()
        };
        flow.remove("watch");
        flow.insert("train".into(), toml::from_str(&format!("models = ['{estimator}']\n{settings}")).unwrap());
        // 150 flowers are too few for the gates, and a forest that is not the best of its candidates may fail one too.
        if name == "iris" || estimator == "random_forest" {
            flow["approve"].as_table_mut().unwrap().insert("override_reason".into(), "only a test".into());
        }
        Self { name, flow: toml::to_string(&flow).unwrap(), by_variable: true, serve: true }
    }

    fn by_address(mut self) -> Self {
        self.by_variable = false;
        self
    }

    fn not_served(mut self) -> Self {
        self.serve = false;
        self
    }

    /// The table that the model is trained on.
    fn table(&self, house: &House) -> PathBuf {
        match self.name {
            "iris" => {
                let path = house.path().join("rows.csv");
                common::script("iris_csv.py", &[path.to_str().unwrap()]);
                path
            }
            "churn" => common::sample("retail_churn_train.csv").into(),
            "houses" => common::sample("ames_housing.csv").into(),
            other => panic!("no table for {other}"),
        }
    }
}

/// A model in a server, the rows to ask it for, and what `pilothouse predict` says of them.
struct Pushed {
    rows: PathBuf,
    count: usize,
    /// The header after the row number, and the cells under it.
    header: Vec<String>,
    ours: Vec<Vec<String>>,
    house: House,
}

/// Trains, pushes and predicts with the shipped binary.
fn push(case: &Case, server: &Server) -> Pushed {
    let house = House::new();
    let table = case.table(&house);
    let mut flow: toml::Table = toml::from_str(&case.flow).unwrap();
    flow["push"]["to"] = if case.by_variable { "mlflow".into() } else { server.url.as_str().into() };
    flow["push"]["as"] = case.name.into();
    house.write("flow.toml", toml::to_string(&flow).unwrap());
    let mut command = house.command();
    if case.by_variable {
        command.env("MLFLOW_TRACKING_URI", &server.url);
    }
    let output = command.args(["run", "flow.toml", "--json", "--quiet"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}\n{}", case.name, String::from_utf8_lossy(&output.stdout));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["push"]["version"], "1", "{}", case.name);
    assert_eq!(report["push"]["alias"], "champion", "{}", case.name);
    let run = report["gate"]["run"].as_str().unwrap().to_owned();

    house.json(0, &["export", &run, "--format", "folder", "-o", "package"]);
    let text = text_inputs(&std::fs::read_to_string(house.path().join("package/signature.json")).unwrap());
    let (rows, count) = raw_rows(&house, &table, &text);
    house.json(0, &["predict", &run, rows.to_str().unwrap(), "-o", "scores.csv"]);
    let mut scores = csv::Reader::from_path(house.path().join("scores.csv")).unwrap();
    let header = scores.headers().unwrap().iter().skip(1).map(String::from).collect();
    let ours = scores.records().map(|r| r.unwrap().iter().skip(1).map(String::from).collect()).collect();
    Pushed { rows, count, header, ours, house }
}

/// The model's inputs, and which of them are text.
fn text_inputs(signature: &str) -> BTreeMap<String, bool> {
    let signature: Value = serde_json::from_str(signature).unwrap();
    let inputs: Value = serde_json::from_str(signature["inputs"].as_str().unwrap()).unwrap();
    let input = |i: &Value| (i["name"].as_str().unwrap().to_owned(), i["type"] == "string");
    inputs.as_array().unwrap().iter().map(input).collect()
}

/// Rows of the table as they are; then one for each input without its cell, one for each text input with a value that
/// no training row had, and one in which every input is missing.
fn raw_rows(house: &House, table: &PathBuf, text: &BTreeMap<String, bool>) -> (PathBuf, usize) {
    let mut reader = csv::Reader::from_path(table).unwrap();
    let header = reader.headers().unwrap().clone();
    let all: Vec<Vec<String>> = reader.records().map(|r| r.unwrap().iter().map(String::from).collect()).collect();
    let mut rows: Vec<Vec<String>> = all.iter().step_by(all.len() / 40 + 1).cloned().collect();
    assert!(rows.len() > 20);
    let mut empty = all[0].clone();
    for (at, name) in header.iter().enumerate() {
        let Some(text) = text.get(name) else { continue };
        let mut missing = all[at % all.len()].clone();
        // A missing text travels in JSON as null, in Python as `None`, and reaches ONNX spelled so. Where that is a
        // value of the column, it is that value; the model card says so.
        let none = *text && all.iter().any(|row| row[at] == "None");
        missing[at] = if none { "None".into() } else { String::new() };
        empty[at].clone_from(&missing[at]);
        rows.push(missing);
        if *text {
            let mut unseen = all[(7 * at) % all.len()].clone();
            unseen[at] = "never seen before, \u{e4}\u{4e2d}".into();
            rows.push(unseen);
        }
    }
    rows.push(empty);
    let path = house.path().join("raw.csv");
    let mut writer = csv::Writer::from_path(&path).unwrap();
    writer.write_record(&header).unwrap();
    for row in &rows {
        writer.write_record(row).unwrap();
    }
    writer.flush().unwrap();
    (path, rows.len())
}

/// Largest distance between our scores and theirs; panics where one is too large or a label differs.
fn compare(what: &str, pushed: &Pushed, theirs: &[Value]) -> f64 {
    assert_eq!(pushed.ours.len(), pushed.count, "{what}");
    assert_eq!(theirs.len(), pushed.count, "{what}");
    let classes = pushed.header[0] == "label";
    let mut largest = 0.0_f64;
    for (at, (ours, theirs)) in pushed.ours.iter().zip(theirs).enumerate() {
        let theirs: &Map<String, Value> = theirs.as_object().unwrap();
        assert_eq!(theirs.len(), pushed.header.len(), "{what}: {theirs:?}");
        for (name, our) in pushed.header.iter().zip(ours).skip(usize::from(classes)) {
            let their = theirs[name].as_f64().unwrap_or_else(|| panic!("{what}, row {at}: {theirs:?}"));
            let our: f64 = our.parse().unwrap();
            let scale = if classes { 1.0 } else { our.abs().max(1.0) };
            let distance = (our - their).abs() / scale;
            assert!(distance <= TOLERANCE, "{what}, row {at}, {name}: {our} here, {their} there");
            largest = largest.max(distance);
        }
        if classes && theirs["label"] != ours[0].as_str() {
            let mut scores: Vec<f64> = ours.iter().skip(1).map(|s| s.parse().unwrap()).collect();
            scores.sort_by(|a, b| b.total_cmp(a));
            assert!(
                scores[0] - scores[1] <= 2.0 * TOLERANCE,
                "{what}, row {at}: {} is not {}",
                theirs["label"],
                ours[0]
            );
        }
    }
    largest
}

/// Pushes each case to the server and asks MLflow's client, and its scoring server, for the same rows.
fn same_predictions(server: &Server, version: &str, cases: &[Case]) {
    let pushed: Vec<Pushed> = cases.iter().map(|case| push(case, server)).collect();
    let mut arguments = vec![server.url.clone()];
    for (case, pushed) in cases.iter().zip(&pushed) {
        arguments.extend([case.name.to_owned(), pushed.rows.display().to_string()]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let said = support::run_python(&server.python, "mlflow_predict.py", &arguments);
    let seen: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    for (case, pushed) in cases.iter().zip(&pushed) {
        let seen = &seen[case.name];
        assert_eq!(seen["mlflow"], version);
        assert_eq!(seen["columns"], serde_json::json!(pushed.header), "{}", case.name);
        let what = format!("{} by the client of {version}", case.name);
        let far = compare(&what, pushed, seen["predictions"].as_array().unwrap());
        println!("{what}: {} rows, largest distance {far:.1e}", pushed.count);
        if case.serve {
            let scoring = Scoring::start(server, &format!("models:/{}@champion", case.name));
            let (status, body) = scoring.invoke(seen["body"].as_str().unwrap());
            assert!(status.contains(" 200 "), "{}: {status}\n{body}", case.name);
            let answer: Value = serde_json::from_str(&body).unwrap();
            let what = format!("{} by `mlflow models serve` of {version}", case.name);
            let far = compare(&what, pushed, answer["predictions"].as_array().unwrap());
            println!("{what}: {} rows, largest distance {far:.1e}", pushed.count);
        }
        pushed.house.json(0, &["audit"]);
    }
}

#[test]
fn mlflow_3_predicts_and_serves_what_pilothouse_predicts() {
    let server = Server::start("PILOTHOUSE_TEST_PYTHON");
    let cases = [
        Case::new("churn", "logistic_regression", ""),
        Case::new("iris", "random_forest", "params.random_forest.n_estimators = 25"),
        Case::new("houses", "linear_regression", "").by_address(),
    ];
    same_predictions(&server, "3.17.2", &cases);
}

#[test]
fn mlflow_2_predicts_and_serves_what_pilothouse_predicts() {
    let server = Server::start("PILOTHOUSE_TEST_MLFLOW2_PYTHON");
    let cases = [
        Case::new("churn", "random_forest", "params.random_forest.n_estimators = 25").by_address(),
        Case::new("iris", "logistic_regression", "").not_served(),
        Case::new("houses", "random_forest", "params.random_forest.n_estimators = 10").not_served(),
    ];
    same_predictions(&server, "2.22.5", &cases);
}

const TRAIN: [&str; 9] = [
    "train",
    "sample:credit",
    "--target",
    "Status",
    "--positive",
    "bad",
    "--models",
    "logistic_regression,decision_tree",
    "--quiet",
];

/// Tests and approves the best run of a workspace in which something was trained.
fn approve(house: &House) -> String {
    let gates = house.json(0, &["gate", "best"]);
    house.json(0, &["approve", "best", "--reason", "to be pushed under fire"]);
    gates["run"].as_str().unwrap().to_owned()
}

fn push_arguments<'a>(run: &'a str, to: &'a str, name: &'a str) -> [&'a str; 9] {
    ["push", run, "--to", to, "--as", name, "--alias", "champion", "--quiet"]
}

fn start(house: &House, args: &[&str]) -> Child {
    house.command().args(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// What must hold at any moment: at most one version, and an alias only on one whose files all read back with the
/// SHA-256 that was stored when it was made. Says how many versions there are, and whether the alias is set.
fn assert_clean(direct: &MlflowRegistry, name: &str) -> (usize, bool) {
    let models = direct.models().unwrap();
    let Some(model) = models.iter().find(|m| m.name == name) else { return (0, false) };
    assert!(model.versions.len() <= 1, "{model:?}");
    let live = model.versions.iter().any(|v| !v.aliases.is_empty());
    if live {
        let files = direct.fetch(name, "champion").unwrap();
        assert!(files.contains_key("MLmodel") && files.contains_key("model.onnx"), "{:?}", files.keys());
    }
    (model.versions.len(), live)
}

/// At the end MLflow's own client must see one version, alias on it, one run, for each model of the prefix.
fn assert_one_version_each(server: &Server, prefix: &str, names: &BTreeSet<String>) {
    let said = support::run_python(&server.python, "mlflow_client.py", &[&server.url, prefix]);
    let seen: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    assert_eq!(seen.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>(), *names);
    for (name, model) in seen.as_object().unwrap() {
        assert_eq!(model["versions"].as_array().unwrap().len(), 1, "{name}: {model}");
        assert_eq!(model["aliases"]["champion"], model["versions"][0]["version"], "{name}");
        assert_eq!(model["versions"][0]["status"], "READY", "{name}");
        assert_eq!(model["versions"][0]["run_status"], "FINISHED", "{name}");
        assert_eq!(model["runs"], 1, "{name}");
        assert_eq!(model["logged_models"], serde_json::json!(["READY"]), "{name}");
    }
}

/// Waits until a push has sent `requests` requests and `more` has passed, or has ended; then kills it.
fn kill_at(mut child: Child, proxy: &FaultProxy, requests: usize, more: Duration) -> bool {
    let patience = Instant::now() + Duration::from_secs(60);
    while proxy.requests().len() < requests && child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < patience, "a push takes a minute");
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(more);
    let alive = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait().unwrap();
    alive
}

fn survives_kills(server: &Server) {
    let mut rng = ChaCha8Rng::seed_from_u64(31);
    let house = House::new();
    // Kills during training: how long an undisturbed one takes here decides when.
    let other = House::new();
    let started = Instant::now();
    other.json(0, &TRAIN[..8]);
    let whole = started.elapsed();
    for _ in 0..8 {
        let mut child = start(&house, &TRAIN);
        std::thread::sleep(whole.mul_f64(rng.random_range(0.02..1.0)));
        child.kill().unwrap();
        child.wait().unwrap();
        house.json(0, &["runs"]);
    }
    house.json(0, &TRAIN[..8]);
    let run = approve(&house);

    // The proxy only counts: a kill comes after a random request, at a random moment around it.
    let proxy = FaultProxy::new(&server.url);
    let direct = MlflowRegistry::new(Settings::new(&server.url).unwrap()).unwrap();
    let mut names = BTreeSet::from(["kill-none".to_owned()]);
    proxy.arm(None);
    house.json(0, &push_arguments(&run, &proxy.url, "kill-none")[..8]);
    let requests = proxy.requests().len();
    let (mut killed, mut without_version, mut without_alias) = (0, 0, 0);
    for kill in 0..20 {
        // Two kills for each model, so that the second hits a push that goes on from where the first was cut off.
        let name = format!("kill-{}", kill / 2);
        names.insert(name.clone());
        proxy.arm(None);
        // Every fourth kill hits the end, where version and alias are made. The second push has less to do.
        let at = match kill % 4 {
            0 => rng.random_range(requests.saturating_sub(8)..requests),
            2 => rng.random_range(0..requests),
            _ => rng.random_range(0..requests / 2),
        };
        let child = start(&house, &push_arguments(&run, &proxy.url, &name));
        killed += usize::from(kill_at(child, &proxy, at, Duration::from_micros(rng.random_range(0..15_000))));
        let (versions, live) = assert_clean(&direct, &name);
        without_version += usize::from(versions == 0);
        without_alias += usize::from(versions == 1 && !live);
        house.json(0, &["runs"]);
        house.json(0, &["audit"]);
        if kill % 2 == 1 {
            let receipt = house.json(0, &push_arguments(&run, &proxy.url, &name)[..8]);
            assert_eq!(receipt["version"], "1", "after kill {kill} at request {at}");
            assert_eq!(assert_clean(&direct, &name), (1, true));
        }
    }
    println!(
        "a push takes {requests} requests; of 20 kills {killed} hit a living push, {without_version} left no version, \
         {without_alias} a version without alias, the others a whole push"
    );
    assert!(killed >= 10 && without_version >= 5, "the kills must come during the push");
    assert_one_version_each(server, "kill-", &names);
}

fn survives_lost_connections(server: &Server) {
    let house = House::new();
    house.json(0, &TRAIN[..8]);
    let run = approve(&house);
    let proxy = FaultProxy::new(&server.url);
    let direct = MlflowRegistry::new(Settings::new(&server.url).unwrap()).unwrap();
    let mut names = BTreeSet::new();
    let (mut at, mut refused) = (0, 0);
    loop {
        let name = format!("lost-{at}");
        let side = if at % 8 == 0 { Side::Before } else { Side::After };
        proxy.arm(Some((at, side)));
        let output = house
            .command()
            .env("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
            .args(push_arguments(&run, &proxy.url, &name))
            .output()
            .unwrap();
        let reached = proxy.requests().len() > at;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let (versions, live) = assert_clean(&direct, &name);
        names.insert(name.clone());
        match output.status.code() {
            Some(0) => assert_eq!((versions, live), (1, true), "at {at}, {side:?}"),
            Some(4) => {
                refused += 1;
                let address = proxy.url.strip_prefix("http://").unwrap();
                assert!(said.starts_with("pilothouse: ") && said.contains(address), "at {at}, {side:?}: {said}");
                assert!(!said.contains("panicked") && said.trim().lines().count() <= 3, "at {at}: {said}");
            }
            code => panic!("at {at}, {side:?}: exit code {code:?}: {said}"),
        }
        proxy.arm(None);
        let receipt = house.json(0, &push_arguments(&run, &proxy.url, &name)[..8]);
        assert_eq!(receipt["version"], "1", "at {at}, {side:?}");
        assert_eq!(assert_clean(&direct, &name), (1, true));
        if !reached {
            break;
        }
        at += 4;
    }
    println!("{} pushes lost a connection, {refused} ended with exit code 4", names.len() - 1);
    assert!(refused > 3 && names.len() > 5);

    // With tries again, as users have it, the push gets through at once.
    proxy.arm(Some((6, Side::After)));
    let receipt = house.json(0, &push_arguments(&run, &proxy.url, "lost-retried")[..8]);
    assert_eq!(receipt["version"], "1");
    names.insert("lost-retried".into());
    assert_one_version_each(server, "lost-", &names);
}

#[test]
fn kills_and_lost_connections_leave_one_whole_version() {
    let server = Server::start("PILOTHOUSE_TEST_PYTHON");
    survives_kills(&server);
    survives_lost_connections(&server);
}
