//! One push, step by step, so that each step can be cut off and the next push goes on from there.
//!
//! MLflow has no transactions, no idempotency keys and no compare-and-swap. What stands in for them: the digest is
//! a tag of the run, the logged model and the version, and is searched before each of them is created, and again
//! when the answer to a creation was lost; the version comes after every file was read back; the alias comes last,
//! and is read before and after it is set.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::api::{Api, LoggedModel, Run, Server, VersionRecord};
use super::artifacts::{Folder, Sums};
use super::failure::{Failure, is_cancel};
use crate::error::{Error, Result};
use crate::registry::{MLMODEL, MlmodelIds, PushReceipt, PushRequest, harmless, sha256_hex, utc_text};

/// Tag of the bundle's digest on logged models and versions.
pub(super) const SHA256: &str = "sha256";
/// The same under a name that nobody else uses.
pub(super) const DIGEST: &str = "pilothouse.digest";
/// Tag of a version that lists each file with its SHA-256, as JSON.
pub(super) const FILES: &str = "pilothouse.files";
const KEY: &str = "push.idempotency_key";
const OUR_RUN: &str = "pilothouse.run";
const OUR_MODEL: &str = "pilothouse.model";

const PARAMS_PER_BATCH: usize = 100;
const METRICS_PER_BATCH: usize = 500;
const TAGS: usize = 60;
const PARAM_CHARS: usize = 5_900;
const TAG_CHARS: usize = 4_900;
const KEY_CHARS: usize = 240;
/// Longest list of files that fits into a tag.
const FILES_CHARS: usize = 90_000;

/// Where the model's files go.
struct Place<'a> {
    folder: Folder<'a>,
    artifact_path: String,
    model_id: Option<String>,
    /// What the version names as its source.
    source: String,
    state: State,
}

/// How far an earlier try came with the files.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing is there.
    Fresh,
    /// Some files may be there.
    Begun,
    /// Everything is there, and was read back.
    Ready,
}

/// Everything one push carries from step to step.
struct Push<'a> {
    api: Api<'a>,
    request: &'a PushRequest<'a>,
    server: Server,
}

/// Pushes a bundle to the server.
pub(super) fn push(api: Api<'_>, request: &PushRequest<'_>) -> Result<PushReceipt> {
    crate::registry::check_request(request)?;
    let push = Push { api, request, server: api.server()? };
    push.say(0.0, "looking for an earlier push");
    let (version, already_there) = match push.existing()? {
        Some(version) => (version, true),
        None => push.create()?,
    };
    push.say(0.97, "setting the alias");
    let previous = push.point_alias(&version)?;
    push.say(1.0, "done");
    Ok(PushReceipt {
        registry: super::describe(api.http),
        name: request.name.into(),
        uri: format!("models:/{}/{version}", request.name),
        version,
        alias: request.alias.map(String::from),
        previous_alias_version: previous,
        digest: request.digest.into(),
        already_there,
    })
}

impl<'a> Push<'a> {
    fn say(&self, share: f64, note: &str) {
        self.api.control.report("push", Some(share), note);
    }

    fn versions(&self) -> Result<Vec<VersionRecord>, Failure> {
        let filter = format!("name='{}' and tags.{SHA256}='{}'", self.request.name, self.request.digest);
        self.api.versions(Some(&filter))
    }

    /// A version of this digest from an earlier push, after all its files were read back.
    fn existing(&self) -> Result<Option<String>> {
        match self.versions()?.first() {
            None => Ok(None),
            Some(found) => self.whole(found).map(Some),
        }
    }

    /// Checks that a version reads back as what shall be pushed. `MLmodel` names the run that was pushed first, so it
    /// is compared with the list that was stored with the version.
    fn whole(&self, found: &VersionRecord) -> Result<String> {
        let broken = |error: Error| {
            let mut told = error.clone().at(format!("version {} of {} is there", found.version, self.request.name));
            if is_cancel(&error) {
                return error;
            }
            if error.message.contains("SHA-256") || error.message.contains("missing") {
                told = told.hint("It is not what was pushed. Delete that version in MLflow, then push again");
            }
            told
        };
        let mut sums = file_sums(self.request.files);
        let stored = stored_sums(found).unwrap_or_default();
        match stored.get(MLMODEL) {
            Some(sum) => {
                sums.insert(MLMODEL.into(), sum.clone());
            }
            None => {
                return Err(broken(Error::remote(format!("its list of files is missing (tag {FILES})"))));
            }
        }
        let uri = self.api.version_uri(self.request.name, &found.version)?;
        let folder = Folder::new(self.api, &uri).map_err(broken)?;
        let progress = |path: &str| self.say(0.5, &format!("reading {path} back"));
        folder.verify(&sums, &progress).map_err(broken)?;
        Ok(found.version.clone())
    }

    /// Everything up to a new version. The flag says that another push made it first.
    fn create(&self) -> Result<(String, bool)> {
        let experiment = self.experiment()?;
        let run = self.run(&experiment)?;
        let mut files = self.request.files.clone();
        files.remove(MLMODEL);
        let mut sums = file_sums(&files);
        let place = self.place(&experiment, &run, &sums)?;
        let mlmodel = self.mlmodel(&place, &run);
        sums.insert(MLMODEL.into(), sha256_hex(&mlmodel));
        files.insert(MLMODEL.into(), mlmodel);

        self.log_facts(&run, place.model_id.as_deref())?;
        self.transfer(&place, &files, &sums)?;
        if let Some(model) = place.model_id.as_deref() {
            if place.state != State::Ready {
                self.api.mark_ready(model)?;
            }
            self.link(&run, model)?;
        }
        if !run.finished {
            self.api.finish_run(&run.id, self.request.run.ended_ms)?;
        }
        self.version(&run, &place, &sums)
    }

    fn experiment(&self) -> Result<String> {
        let wanted = self.request.run.experiment.trim();
        let name = if wanted.is_empty() { self.request.name } else { wanted };
        let found = match self.api.experiment(name)? {
            Some(found) => found,
            None => {
                self.api.create_experiment(name)?;
                self.api.experiment(name)?.ok_or_else(|| {
                    Error::remote(format!("the experiment {} was created, but is not there", harmless(name, 80)))
                })?
            }
        };
        if found.deleted {
            return Err(Error::remote(format!(
                "the experiment {} was deleted on the server, and its name is still taken",
                harmless(name, 80)
            ))
            .hint(format!("Restore it (mlflow experiments restore -x {}), or name another experiment", found.id)));
        }
        Ok(found.id)
    }

    /// The run of an earlier, unfinished try, or a new one.
    fn run(&self, experiment: &str) -> Result<Run> {
        let facts = self.request.run;
        let ours = plain(&facts.run_id);
        let filter = format!(
            "tags.`{KEY}` = '{}' and tags.`{OUR_RUN}` = '{ours}' and tags.`{OUR_MODEL}` = '{}'",
            self.request.digest, self.request.name
        );
        let find = || Ok(self.api.runs(experiment, &filter)?.into_iter().next());
        if let Some(found) = find()? {
            return Ok(Run { resumed: true, ..found });
        }
        let mut tags = vec![
            tag("mlflow.user", &facts.user),
            tag("mlflow.source.name", "pilothouse"),
            tag("mlflow.source.type", "LOCAL"),
            tag(KEY, self.request.digest),
            tag(OUR_RUN, &ours),
            tag(OUR_MODEL, self.request.name),
        ];
        tags.retain(|t| t.get("value").and_then(Value::as_str).is_some_and(|v| !v.is_empty()));
        tags.extend(self.own_tags());
        let body = json!({
            "experiment_id": experiment, "run_name": facts.run_name, "start_time": facts.started_ms, "tags": tags,
        });
        Ok(self.create_once(&find, &|| self.api.create_run(&body))?)
    }

    /// The caller's tags, fit for MLflow; its own names cannot be overwritten by them.
    fn own_tags(&self) -> Vec<Value> {
        let own: BTreeMap<&str, &str> = self
            .request
            .run
            .tags
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .filter(|(k, v)| !k.is_empty() && !v.is_empty() && !k.starts_with("mlflow.") && ![KEY, SHA256].contains(k))
            .filter(|(k, _)| ![DIGEST, FILES, OUR_RUN, OUR_MODEL].contains(k))
            .collect();
        own.into_iter().take(TAGS).map(|(k, v)| tag(&key(k), v)).collect()
    }

    /// Creates something of which there must not be two: when the answer is lost, it is searched before it is
    /// created again.
    fn create_once<T>(
        &self,
        find: &dyn Fn() -> Result<Option<T>, Failure>,
        create: &dyn Fn() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut attempt = 0;
        loop {
            let failure = match create() {
                Ok(made) => return Ok(made),
                Err(failure) => failure,
            };
            if !matches!(failure, Failure::Lost { .. }) {
                return Err(failure);
            }
            attempt += 1;
            // The server may still be at it: give it the time before looking.
            self.api.http.wait(attempt, failure.retry_after(), self.api.control)?;
            if let Some(found) = find()? {
                return Ok(found);
            }
            if attempt >= self.api.http.retry.attempts {
                return Err(failure);
            }
        }
    }

    /// The folder for the files: a logged model's on MLflow 3, the run's on MLflow 2.
    fn place(&self, experiment: &str, run: &Run, sums: &Sums) -> Result<Place<'a>> {
        if !self.server.logged_models {
            let artifact_path = format!("{}/model", run.artifact_uri.trim_end_matches('/'));
            return Ok(Place {
                folder: Folder::new(self.api, &artifact_path)?,
                source: artifact_path,
                artifact_path: "model".into(),
                model_id: None,
                state: if run.resumed { State::Begun } else { State::Fresh },
            });
        }
        let filter = format!("tags.{SHA256} = '{}'", self.request.digest);
        let find = || -> Result<Vec<LoggedModel>, Failure> {
            let mut found = self.api.logged_models(experiment, &filter)?;
            found.retain(|m| m.run_id == run.id);
            Ok(found)
        };
        let mut unfinished = None;
        for model in find()? {
            if !model.ready {
                unfinished.get_or_insert(model);
                continue;
            }
            // A ready one may be in use elsewhere: it is taken as it is when it is whole, and else left alone.
            let place = self.logged_place(model, State::Ready)?;
            let mut all = sums.clone();
            all.insert(MLMODEL.into(), sha256_hex(&self.mlmodel(&place, run)));
            match place.folder.verify(&all, &|path| self.say(0.1, &format!("reading {path} back"))) {
                Ok(()) => return Ok(place),
                Err(error) if is_cancel(&error) => return Err(error),
                Err(_) => {}
            }
        }
        if let Some(model) = unfinished {
            return self.logged_place(model, State::Begun);
        }
        let facts = self.request.run;
        let params: Vec<Value> =
            self.params().into_iter().take(PARAMS_PER_BATCH).map(|(k, v)| json!({ "key": k, "value": v })).collect();
        let mut body = json!({
            // MLflow refuses dots in a logged model's name.
            "experiment_id": experiment, "name": self.request.name.replace('.', "_"), "source_run_id": run.id,
            "params": params,
            "tags": [tag(SHA256, self.request.digest), tag(OUR_RUN, &plain(&facts.run_id))],
        });
        if let (Some(fields), false) = (body.as_object_mut(), facts.model_type.is_empty()) {
            fields.insert("model_type".into(), cut(&facts.model_type, KEY_CHARS).into());
        }
        let pending = || Ok(find()?.into_iter().find(|m| !m.ready));
        let made = self.create_once(&pending, &|| self.api.create_logged_model(&body))?;
        self.logged_place(made, State::Fresh)
    }

    fn logged_place(&self, model: LoggedModel, state: State) -> Result<Place<'a>> {
        Ok(Place {
            folder: Folder::new(self.api, &model.artifact_uri)?,
            source: format!("models:/{}", model.id),
            artifact_path: model.artifact_uri,
            model_id: Some(model.id),
            state,
        })
    }

    fn mlmodel(&self, place: &Place<'_>, run: &Run) -> Vec<u8> {
        let ids = MlmodelIds {
            artifact_path: place.artifact_path.clone(),
            model_id: place.model_id.clone(),
            run_id: run.id.clone(),
            mlflow_version: self.server.version.clone(),
            utc_time: utc_text(self.request.run.ended_ms),
        };
        (self.request.mlmodel)(&ids).into_bytes()
    }

    fn params(&self) -> BTreeMap<String, String> {
        self.request.run.params.iter().map(|(k, v)| (key(k), cut(v, PARAM_CHARS))).collect()
    }

    fn log_facts(&self, run: &Run, model: Option<&str>) -> Result<()> {
        let facts = self.request.run;
        self.say(0.15, "recording the run");
        let params: Vec<Value> = self.params().into_iter().map(|(k, v)| json!({ "key": k, "value": v })).collect();
        let values: BTreeMap<String, f64> = facts.metrics.iter().map(|(k, v)| (key(k), *v)).collect();
        // What an earlier try recorded stays as it is.
        let metrics: Vec<(String, Value)> = values
            .into_iter()
            .filter(|(k, _)| !run.metrics.contains(k))
            .map(|(k, v)| (k.clone(), self.metric(&k, v, model)))
            .collect();
        let mut params = params.chunks(PARAMS_PER_BATCH);
        let mut metrics = metrics.chunks(METRICS_PER_BATCH);
        loop {
            let (p, m) = (params.next(), metrics.next());
            if p.is_none() && m.is_none() {
                break;
            }
            let (p, m) = (p.unwrap_or_default(), m.unwrap_or_default());
            let points: Vec<&Value> = m.iter().map(|(_, point)| point).collect();
            let body = json!({ "run_id": run.id, "params": p, "metrics": points });
            // MLflow records the parameters of a batch before its metrics, and the metrics in one transaction.
            let recorded = || -> Result<Option<()>, Failure> {
                let there = self.api.run(&run.id)?.metrics;
                Ok((!m.is_empty() && m.iter().all(|(k, _)| there.contains(k))).then_some(()))
            };
            self.create_once(&recorded, &|| self.api.log_batch(&body))?;
        }
        if !facts.dataset.name.is_empty() {
            self.api.log_inputs(&self.dataset(&run.id))?;
        }
        Ok(())
    }

    /// A metric point; on MLflow 3 it also appears on the logged model, with the data it was measured on.
    fn metric(&self, name: &str, value: f64, model: Option<&str>) -> Value {
        let data = &self.request.run.dataset;
        let mut point = Map::new();
        point.insert("key".into(), name.into());
        let number = if value.is_finite() {
            json!(value)
        } else if value.is_nan() {
            json!("NaN")
        } else {
            json!(if value > 0.0 { "Infinity" } else { "-Infinity" })
        };
        point.insert("value".into(), number);
        point.insert("timestamp".into(), self.request.run.ended_ms.into());
        point.insert("step".into(), 0.into());
        if let Some(model) = model {
            point.insert("model_id".into(), model.into());
            if !data.name.is_empty() {
                point.insert("dataset_name".into(), cut(&data.name, 480).into());
                point.insert("dataset_digest".into(), dataset_digest(&data.digest).into());
            }
        }
        Value::Object(point)
    }

    fn dataset(&self, run: &str) -> Value {
        let data = &self.request.run.dataset;
        let columns: Vec<Value> =
            data.schema.iter().map(|(name, kind)| json!({ "type": kind, "name": name, "required": true })).collect();
        let schema = json!({ "mlflow_colspec": columns }).to_string();
        let cells = data.rows.saturating_mul(u64::try_from(columns.len()).unwrap_or(u64::MAX));
        let mut dataset = json!({
            "name": cut(&data.name, 480),
            "digest": dataset_digest(&data.digest),
            "source_type": "local",
            "source": json!({ "uri": cut(&data.source, 8_000) }).to_string(),
            "profile": json!({ "num_rows": data.rows, "num_elements": cells }).to_string(),
        });
        // MLflow's limit on a schema is a little over a million characters.
        if let (Some(fields), true) = (dataset.as_object_mut(), schema.len() < 900_000) {
            fields.insert("schema".into(), schema.into());
        }
        let context = json!([{ "key": "mlflow.data.context", "value": "training" }]);
        json!({ "run_id": run, "datasets": [{ "tags": context, "dataset": dataset }] })
    }

    /// Uploads and reads back; what was whole already was read back when it was found.
    fn transfer(&self, place: &Place<'_>, files: &BTreeMap<String, Vec<u8>>, sums: &Sums) -> Result<()> {
        if place.state == State::Ready {
            return Ok(());
        }
        let done = std::cell::Cell::new(0.0);
        #[allow(clippy::cast_precision_loss, reason = "a share for a progress bar")]
        let all = files.len() as f64 * 2.0;
        let step = |note: String| {
            self.say(0.2 + 0.65 * (done.get() / all), &note);
            done.set(done.get() + 1.0);
        };
        place.folder.upload(files, place.state == State::Begun, &|path| step(format!("uploading {path}")))?;
        place.folder.verify(sums, &|path| step(format!("reading {path} back")))
    }

    /// Links the model as the run's output, once.
    fn link(&self, run: &Run, model: &str) -> Result<()> {
        if run.outputs.iter().any(|linked| linked == model) {
            return Ok(());
        }
        let find = || Ok(self.api.run(&run.id)?.outputs.into_iter().find(|linked| linked == model).map(drop));
        Ok(self.create_once(&find, &|| self.api.link_output(&run.id, model))?)
    }

    /// Creates the version, unless another push made it meanwhile, and reads it back.
    fn version(&self, run: &Run, place: &Place<'_>, sums: &Sums) -> Result<(String, bool)> {
        self.say(0.9, "creating the version");
        let facts = self.request.run;
        let listed = serde_json::to_string(sums)?;
        if listed.len() > FILES_CHARS {
            return Err(Error::usage(format!("a bundle of {} files is too large for MLflow", sums.len())));
        }
        if self.api.registered(self.request.name)?.is_none() {
            self.api.create_registered(self.request.name, "")?;
        }
        if let Some(other) = self.versions()?.first() {
            return Ok((self.whole(other)?, true));
        }
        let mut tags = vec![
            tag(SHA256, self.request.digest),
            tag(DIGEST, self.request.digest),
            tag(OUR_RUN, &plain(&facts.run_id)),
            json!({ "key": FILES, "value": listed }),
        ];
        tags.extend(self.own_tags());
        let mut body = json!({
            "name": self.request.name, "source": place.source, "run_id": run.id,
            "description": cut(&facts.description, TAG_CHARS), "tags": tags,
        });
        if let (Some(fields), Some(model)) = (body.as_object_mut(), &place.model_id) {
            fields.insert("model_id".into(), model.as_str().into());
        }
        let find = || Ok(self.versions()?.into_iter().next());
        let made = self.create_once(&find, &|| self.api.create_version(&body))?;
        self.settle(&made)
    }

    /// Reads the new version back. Two pushes at the same moment may both have created one: the lower number stays,
    /// and who made the higher takes it back before any alias points to it.
    fn settle(&self, made: &VersionRecord) -> Result<(String, bool)> {
        let there = self.versions()?;
        if !there.iter().any(|v| v.version == made.version && v.status == "READY") {
            return Err(Error::remote(format!(
                "version {} of {} was created, but does not read back as ready",
                harmless(&made.version, 20),
                self.request.name
            ))
            .hint("Push again; the alias was not moved"));
        }
        match there.first() {
            Some(first) if first.version != made.version => {
                self.api.delete_version(self.request.name, &made.version)?;
                Ok((self.whole(first)?, true))
            }
            _ => Ok((made.version.clone(), false)),
        }
    }

    /// Moves the alias and hands back where it pointed before.
    fn point_alias(&self, version: &str) -> Result<Option<String>> {
        let Some(alias) = self.request.alias else { return Ok(None) };
        let name = self.request.name;
        let read = || -> Result<Option<String>, Failure> {
            let aliases = self.api.registered(name)?.map(|r| r.aliases).unwrap_or_default();
            Ok(aliases.into_iter().find(|(a, _)| a.eq_ignore_ascii_case(alias)).map(|(_, v)| v))
        };
        let before = read()?;
        if before.as_deref() == Some(version) {
            return Ok(before);
        }
        self.api.set_alias(name, alias, version)?;
        match read()? {
            Some(after) if after == version => Ok(before),
            after => Err(Error::remote(format!(
                "alias {alias} of {name} was set to version {version}, but points to {}",
                after.map_or("nothing".into(), |v| format!("version {}", harmless(&v, 20)))
            ))
            .hint("Somebody else moved it at the same moment: agree on who is right, then push again")),
        }
    }
}

fn tag(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": cut(value, TAG_CHARS) })
}

/// Text cut to a number of bytes that the server accepts, at a character's end.
fn cut(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.into();
    }
    let mut end = limit;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", text.get(..end).unwrap_or_default())
}

/// A name that MLflow accepts for parameters, metrics and tags: letters, digits, `_ - . : /` and spaces; no path tricks.
fn key(name: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ' ');
    let clean: String = name.chars().map(|c| if fits(c) { c } else { '_' }).take(KEY_CHARS).collect();
    if clean.trim_matches('.').trim().is_empty() { "_".into() } else { clean }
}

/// Text that can stand in a search filter.
fn plain(text: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
    text.chars().map(|c| if fits(c) { c } else { '_' }).take(KEY_CHARS).collect()
}

/// MLflow keeps at most 36 characters of a data set's digest.
fn dataset_digest(digest: &str) -> String {
    let bare = digest.strip_prefix("sha256:").unwrap_or(digest);
    if bare.is_empty() { "unknown".into() } else { bare.chars().take(36).collect() }
}

/// SHA-256 of each file but `MLmodel`.
fn file_sums(files: &BTreeMap<String, Vec<u8>>) -> Sums {
    files.iter().filter(|(path, _)| path.as_str() != MLMODEL).map(|(p, b)| (p.clone(), sha256_hex(b))).collect()
}

/// The list of files that was stored with a version.
pub(super) fn stored_sums(version: &VersionRecord) -> Option<Sums> {
    serde_json::from_str(version.tag(FILES)?).ok()
}
