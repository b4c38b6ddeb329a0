//! The calls of MLflow's REST API that a push needs, each with the rule whether it may be repeated.

use std::collections::BTreeSet;

use reqwest::{Method, Url};
use serde_json::{Value, json};

use super::failure::Failure;
use super::http::{Call, Http, JSON_LIMIT, Payload, Repeat};
use crate::engine::Control;
use crate::error::{Error, Result};

/// Pages of a listing that are read at most.
const PAGES: usize = 200;

/// What kind of server answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    /// Its version, for example `3.17.2`.
    pub version: String,
    /// Whether it knows logged models (MLflow 3).
    pub logged_models: bool,
}

/// An experiment.
#[derive(Debug)]
pub(super) struct Experiment {
    pub id: String,
    pub deleted: bool,
}

/// A run.
#[derive(Debug)]
pub(super) struct Run {
    pub id: String,
    pub artifact_uri: String,
    pub finished: bool,
    /// Logged models that are linked as the run's outputs.
    pub outputs: Vec<String>,
    /// Names of the metrics that are recorded.
    pub metrics: BTreeSet<String>,
    /// An earlier try made it.
    pub resumed: bool,
}

/// A logged model (MLflow 3).
#[derive(Debug)]
pub(super) struct LoggedModel {
    pub id: String,
    pub artifact_uri: String,
    pub ready: bool,
    pub run_id: String,
}

/// A version of a registered model.
#[derive(Debug, Clone)]
pub(super) struct VersionRecord {
    pub name: String,
    pub version: String,
    pub status: String,
    pub created_ms: Option<u64>,
    pub tags: Vec<(String, String)>,
}

impl VersionRecord {
    pub(super) fn tag(&self, key: &str) -> Option<&str> {
        self.tags.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    pub(super) fn number(&self) -> u64 {
        self.version.parse().unwrap_or(u64::MAX)
    }
}

/// A registered model: its name, and aliases with the version each points to.
#[derive(Debug)]
pub(super) struct Registered {
    pub name: String,
    pub aliases: Vec<(String, String)>,
}

/// A text field, also where a proxy made a number of it; empty when it is absent.
fn text(value: &Value, key: &str) -> String {
    match value.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

fn items<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn pairs(value: &Value, list: &str, key: &str, other: &str) -> Vec<(String, String)> {
    items(value, list).iter().map(|item| (text(item, key), text(item, other))).collect()
}

fn version_record(value: &Value) -> VersionRecord {
    VersionRecord {
        name: text(value, "name"),
        version: text(value, "version"),
        status: text(value, "status"),
        created_ms: text(value, "creation_timestamp").parse().ok(),
        tags: pairs(value, "tags", "key", "value"),
    }
}

fn registered(value: &Value) -> Registered {
    Registered { name: text(value, "name"), aliases: pairs(value, "aliases", "alias", "version") }
}

fn run(value: &Value) -> Run {
    let info = value.get("info").unwrap_or(&Value::Null);
    let outputs = value.get("outputs").unwrap_or(&Value::Null);
    Run {
        id: text(info, "run_id"),
        artifact_uri: text(info, "artifact_uri"),
        finished: text(info, "status") == "FINISHED",
        outputs: items(outputs, "model_outputs").iter().map(|o| text(o, "model_id")).collect(),
        metrics: value
            .get("data")
            .map(|data| items(data, "metrics").iter().map(|m| text(m, "key")).collect())
            .unwrap_or_default(),
        resumed: false,
    }
}

fn logged_model(value: &Value) -> LoggedModel {
    let info = value.get("info").unwrap_or(&Value::Null);
    LoggedModel {
        id: text(info, "model_id"),
        artifact_uri: text(info, "artifact_uri"),
        ready: text(info, "status") == "LOGGED_MODEL_READY",
        run_id: text(info, "source_run_id"),
    }
}

/// An id that the server gave out; it goes into paths and filters, so it must be plain.
fn given(id: &str, what: &str) -> Result<(), Failure> {
    let plain = !id.is_empty() && id.len() < 300 && id.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    if plain {
        Ok(())
    } else {
        Err(Error::remote(format!("the server's answer names no usable {what}"))
            .hint("Check that MLFLOW_TRACKING_URI is an MLflow server")
            .into())
    }
}

/// The API of one server, as one piece of work uses it.
#[derive(Clone, Copy)]
pub(super) struct Api<'a> {
    pub http: &'a Http,
    pub control: &'a Control,
}

impl Api<'_> {
    /// An address below the server's root.
    pub(super) fn url(&self, path: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.http.base.clone();
        let joined = format!("{}{path}", url.path().trim_end_matches('/'));
        url.set_path(&joined);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    fn json(&self, call: &Call<'_>) -> Result<Value, Failure> {
        let body = self.http.send(call, self.control)?;
        if body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&body).map_err(|_| {
            Error::remote(format!("cannot {}: {} does not answer in JSON", call.what, self.http.shown()))
                .hint("Check that MLFLOW_TRACKING_URI is the root of an MLflow server")
                .into()
        })
    }

    fn get(&self, what: &str, path: &str, query: &[(&str, &str)]) -> Result<Value, Failure> {
        let url = self.url(&format!("/api/2.0/mlflow/{path}"), query);
        self.json(&Call {
            method: Method::GET,
            url,
            payload: Payload::Empty,
            repeat: Repeat::Safe,
            limit: JSON_LIMIT,
            what,
        })
    }

    fn send(&self, what: &str, method: Method, path: &str, body: &Value, repeat: Repeat) -> Result<Value, Failure> {
        let url = self.url(&format!("/api/2.0/mlflow/{path}"), &[]);
        self.json(&Call { method, url, payload: Payload::Json(body), repeat, limit: JSON_LIMIT, what })
    }

    fn post(&self, what: &str, path: &str, body: &Value, repeat: Repeat) -> Result<Value, Failure> {
        self.send(what, Method::POST, path, body, repeat)
    }

    /// Which MLflow answers. `/version` may be closed or hidden by a proxy; then MLflow 3 is known by
    /// `server-info`, which MLflow 2 does not have.
    pub(super) fn server(&self) -> Result<Server, Failure> {
        let call = |path: &str| Call {
            method: Method::GET,
            url: self.url(path, &[]),
            payload: Payload::Empty,
            repeat: Repeat::Safe,
            limit: 1 << 20,
            what: "ask the server for its version",
        };
        match self.http.send(&call("/version"), self.control) {
            Ok(body) => {
                let version = String::from_utf8_lossy(&body).trim().trim_matches('"').to_string();
                let major = version.split('.').next().and_then(|m| m.parse::<u32>().ok());
                if let (Some(major), true) = (major, version.len() < 40) {
                    return Ok(Server { version, logged_models: major >= 3 });
                }
            }
            Err(failure @ Failure::Refused { .. }) if !failure.is("401") => {}
            Err(failure) => return Err(failure),
        }
        match self.http.send(&call("/api/3.0/mlflow/server-info"), self.control) {
            Ok(body) if serde_json::from_slice::<Value>(&body).is_ok_and(|v| v.is_object()) => {
                Ok(Server { version: "3".into(), logged_models: true })
            }
            Ok(_) => Err(Error::remote(format!("{} is not an MLflow server", self.http.shown()))
                .hint("Check MLFLOW_TRACKING_URI")
                .into()),
            Err(failure) if failure.is_absent() => Ok(Server { version: "2".into(), logged_models: false }),
            Err(failure) => Err(failure),
        }
    }

    /// One cheap call that needs the login.
    pub(super) fn knock(&self) -> Result<(), Failure> {
        let body = json!({ "max_results": 1 });
        self.post("list experiments", "experiments/search", &body, Repeat::Safe).map(drop)
    }

    pub(super) fn experiment(&self, name: &str) -> Result<Option<Experiment>, Failure> {
        match self.get("look up the experiment", "experiments/get-by-name", &[("experiment_name", name)]) {
            Ok(answer) => {
                let found = answer.get("experiment").unwrap_or(&Value::Null);
                let id = text(found, "experiment_id");
                given(&id, "experiment")?;
                Ok(Some(Experiment { id, deleted: text(found, "lifecycle_stage") == "deleted" }))
            }
            Err(failure) if failure.is("RESOURCE_DOES_NOT_EXIST") => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Creates an experiment; that it exists already is fine, so this may be repeated.
    pub(super) fn create_experiment(&self, name: &str) -> Result<(), Failure> {
        match self.post("create the experiment", "experiments/create", &json!({ "name": name }), Repeat::Safe) {
            Ok(_) => Ok(()),
            Err(failure) if failure.is("RESOURCE_ALREADY_EXISTS") => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    /// Runs that a filter finds, oldest first.
    pub(super) fn runs(&self, experiment: &str, filter: &str) -> Result<Vec<Run>, Failure> {
        let body = json!({
            "experiment_ids": [experiment], "filter": filter, "run_view_type": "ACTIVE_ONLY",
            "max_results": 20, "order_by": ["attributes.start_time ASC", "attributes.run_id ASC"],
        });
        let answer = self.post("look for the run", "runs/search", &body, Repeat::Safe)?;
        Ok(items(&answer, "runs").iter().map(run).filter(|r| given(&r.id, "run").is_ok()).collect())
    }

    pub(super) fn run(&self, id: &str) -> Result<Run, Failure> {
        let answer = self.get("read the run", "runs/get", &[("run_id", id)])?;
        Ok(run(answer.get("run").unwrap_or(&Value::Null)))
    }

    pub(super) fn create_run(&self, body: &Value) -> Result<Run, Failure> {
        let answer = self.post("create the run", "runs/create", body, Repeat::Never)?;
        let created = run(answer.get("run").unwrap_or(&Value::Null));
        given(&created.id, "run")?;
        Ok(created)
    }

    /// The same parameters and the same finite metric points are stored once; but MLflow 2 fails at a `NaN` that it
    /// has already, so this is not repeated blindly.
    pub(super) fn log_batch(&self, body: &Value) -> Result<(), Failure> {
        self.post("record parameters and metrics", "runs/log-batch", body, Repeat::Never).map(drop)
    }

    /// The same data set is linked once, so this may be repeated.
    pub(super) fn log_inputs(&self, body: &Value) -> Result<(), Failure> {
        self.post("record the training data", "runs/log-inputs", body, Repeat::Safe).map(drop)
    }

    /// Each call adds one more link, so this must not be repeated blindly.
    pub(super) fn link_output(&self, run: &str, model: &str) -> Result<(), Failure> {
        let body = json!({ "run_id": run, "models": [{ "model_id": model, "step": 0 }] });
        self.post("link the model to its run", "runs/outputs", &body, Repeat::Never).map(drop)
    }

    pub(super) fn finish_run(&self, run: &str, end_ms: u64) -> Result<(), Failure> {
        let body = json!({ "run_id": run, "status": "FINISHED", "end_time": end_ms });
        self.post("finish the run", "runs/update", &body, Repeat::Safe).map(drop)
    }

    pub(super) fn logged_models(&self, experiment: &str, filter: &str) -> Result<Vec<LoggedModel>, Failure> {
        let body = json!({ "experiment_ids": [experiment], "filter": filter, "max_results": 50 });
        let answer = self.post("look for the logged model", "logged-models/search", &body, Repeat::Safe)?;
        Ok(items(&answer, "models").iter().map(logged_model).filter(|m| given(&m.id, "model").is_ok()).collect())
    }

    pub(super) fn create_logged_model(&self, body: &Value) -> Result<LoggedModel, Failure> {
        let answer = self.post("create the logged model", "logged-models", body, Repeat::Never)?;
        let created = logged_model(answer.get("model").unwrap_or(&Value::Null));
        given(&created.id, "model")?;
        Ok(created)
    }

    pub(super) fn mark_ready(&self, model: &str) -> Result<(), Failure> {
        let body = json!({ "model_id": model, "status": "LOGGED_MODEL_READY" });
        let path = format!("logged-models/{model}");
        self.send("mark the logged model as ready", Method::PATCH, &path, &body, Repeat::Safe).map(drop)
    }

    pub(super) fn registered(&self, name: &str) -> Result<Option<Registered>, Failure> {
        match self.get("look up the registered model", "registered-models/get", &[("name", name)]) {
            Ok(answer) => Ok(Some(registered(answer.get("registered_model").unwrap_or(&Value::Null)))),
            Err(failure) if failure.is("RESOURCE_DOES_NOT_EXIST") => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Creates a registered model; that it exists already is fine, so this may be repeated.
    pub(super) fn create_registered(&self, name: &str, description: &str) -> Result<(), Failure> {
        let body = json!({ "name": name, "description": description });
        match self.post("create the registered model", "registered-models/create", &body, Repeat::Safe) {
            Ok(_) => Ok(()),
            Err(failure) if failure.is("RESOURCE_ALREADY_EXISTS") => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    /// Versions that a filter finds, oldest first; failed ones are left out.
    pub(super) fn versions(&self, filter: Option<&str>) -> Result<Vec<VersionRecord>, Failure> {
        let mut query = vec![("max_results", "1000")];
        query.extend(filter.map(|f| ("filter", f)));
        let mut found = self.pages("model-versions/search", "model_versions", &query, version_record)?;
        found.retain(|v| v.status != "FAILED_REGISTRATION" && !v.version.is_empty());
        found.sort_by_key(VersionRecord::number);
        Ok(found)
    }

    pub(super) fn all_registered(&self) -> Result<Vec<Registered>, Failure> {
        self.pages("registered-models/search", "registered_models", &[("max_results", "500")], registered)
    }

    fn pages<T>(
        &self,
        path: &str,
        list: &str,
        query: &[(&str, &str)],
        read: impl Fn(&Value) -> T,
    ) -> Result<Vec<T>, Failure> {
        let mut found = Vec::new();
        let mut token = String::new();
        for _ in 0..PAGES {
            let mut query = query.to_vec();
            if !token.is_empty() {
                query.push(("page_token", &token));
            }
            let answer = self.get("list the registered models", path, &query)?;
            found.extend(items(&answer, list).iter().map(&read));
            token = text(&answer, "next_page_token");
            if token.is_empty() {
                break;
            }
        }
        Ok(found)
    }

    /// Creates a version. A second call makes a second version: never repeated blindly.
    pub(super) fn create_version(&self, body: &Value) -> Result<VersionRecord, Failure> {
        let answer = self.post("create the version", "model-versions/create", body, Repeat::Never)?;
        Ok(version_record(answer.get("model_version").unwrap_or(&Value::Null)))
    }

    pub(super) fn delete_version(&self, name: &str, version: &str) -> Result<(), Failure> {
        let body = json!({ "name": name, "version": version });
        let what = "take back a version that was made twice";
        match self.send(what, Method::DELETE, "model-versions/delete", &body, Repeat::Safe) {
            Ok(_) => Ok(()),
            Err(failure) if failure.is_absent() => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    pub(super) fn version(&self, name: &str, version: &str) -> Result<Option<VersionRecord>, Failure> {
        match self.get("read the version", "model-versions/get", &[("name", name), ("version", version)]) {
            Ok(answer) => Ok(Some(version_record(answer.get("model_version").unwrap_or(&Value::Null)))),
            Err(failure) if failure.is("RESOURCE_DOES_NOT_EXIST") => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Where a version's files are.
    pub(super) fn version_uri(&self, name: &str, version: &str) -> Result<String, Failure> {
        let query = [("name", name), ("version", version)];
        let answer = self.get("ask where the version's files are", "model-versions/get-download-uri", &query)?;
        Ok(text(&answer, "artifact_uri"))
    }

    pub(super) fn set_alias(&self, name: &str, alias: &str, version: &str) -> Result<(), Failure> {
        let body = json!({ "name": name, "alias": alias, "version": version });
        self.post("set the alias", "registered-models/alias", &body, Repeat::Safe).map(drop)
    }
}
