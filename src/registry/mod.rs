//! Remote registries behind one trait: an MLflow server, or a folder on disk in OCI image layout.
//!
//! A push takes a bundle as plain data (file names and bytes) and leaves either one whole, read-back
//! version or nothing that anyone can see: the version is created only after every file came back with
//! the SHA-256 that was sent, and the alias moves only after the version was read back.

use std::collections::BTreeMap;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::engine::Control;
use crate::error::{Error, Result};

pub mod folder;
pub mod mlflow;
pub mod names;

pub use crate::bundle::MlmodelIds;

/// The file that MLflow reads first in a model folder; it is written per registry, and uploaded last.
pub const MLMODEL: &str = "MLmodel";

/// Everything one push needs. The bundle is plain data: this room does not know what is inside the files.
pub struct PushRequest<'a> {
    /// The bundle's files by relative path with `/`; an entry named `MLmodel` is ignored, see `mlmodel`.
    pub files: &'a BTreeMap<String, Vec<u8>>,
    /// The bundle's digest as text of letters, digits and `:`; the key that makes a repeated push one push.
    pub digest: &'a str,
    /// The registered model's name.
    pub name: &'a str,
    /// The alias that shall point to the version, if any.
    pub alias: Option<&'a str>,
    /// What is known about the run that made the model.
    pub run: &'a RunFacts,
    /// Writes `MLmodel` once the registry has given out its identifiers. Must be a pure function of them.
    pub mlmodel: &'a dyn Fn(&MlmodelIds) -> String,
}

/// What is known about the run that made the model, for the registry's records.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunFacts {
    /// Our identifier of the run.
    pub run_id: String,
    /// The run's name for people.
    pub run_name: String,
    /// The experiment (MLflow) under which the run is filed.
    pub experiment: String,
    /// Parameters as name and text.
    pub params: Vec<(String, String)>,
    /// Metrics as name and value.
    pub metrics: Vec<(String, f64)>,
    /// Further facts, for example who approved the model; they appear on the run and on the version.
    pub tags: Vec<(String, String)>,
    /// The training data.
    pub dataset: DatasetFacts,
    /// Who trained the model.
    pub user: String,
    /// Start of the training, milliseconds since 1970 UTC.
    pub started_ms: u64,
    /// End of the training, milliseconds since 1970 UTC.
    pub ended_ms: u64,
    /// The kind of model, for example `logistic regression`.
    pub model_type: String,
    /// The version's description for people.
    pub description: String,
}

/// What is known about the training data.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DatasetFacts {
    /// The data's name, usually the file name.
    pub name: String,
    /// The data's fingerprint.
    pub digest: String,
    /// Where it came from: a path or a URL.
    pub source: String,
    /// Number of rows.
    pub rows: u64,
    /// Columns as name and MLflow column type (`double`, `long`, `string`, `boolean`, `datetime`).
    pub schema: Vec<(String, String)>,
}

/// What a push left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PushReceipt {
    /// Which registry, for people; without secrets.
    pub registry: String,
    /// The registered model's name.
    pub name: String,
    /// The version in the registry.
    pub version: String,
    /// The alias that now points to the version.
    pub alias: Option<String>,
    /// The version to which that alias pointed before, if it did.
    pub previous_alias_version: Option<String>,
    /// How to name the version to that registry's own tools.
    pub uri: String,
    /// The bundle's digest.
    pub digest: String,
    /// The version was there from an earlier push; at most the alias moved.
    pub already_there: bool,
}

/// A registered model as a registry lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RegisteredModel {
    /// Its name.
    pub name: String,
    /// Its versions, oldest first.
    pub versions: Vec<Version>,
}

/// One version of a registered model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Version {
    /// The version's number as text.
    pub version: String,
    /// The bundle's digest, if the version was pushed by us.
    pub digest: Option<String>,
    /// Aliases that point to it.
    pub aliases: Vec<String>,
    /// When it was created, milliseconds since 1970 UTC.
    pub created_ms: Option<u64>,
    /// The registry's word for its state, for example `READY`.
    pub state: String,
}

/// A place that keeps versions of models under names and aliases.
pub trait Registry: Send + Sync {
    /// Which registry this is, for people; never with secrets.
    fn describe(&self) -> String;

    /// Pushes a bundle. Safe to repeat: the same digest under the same name never makes a second version.
    ///
    /// # Errors
    /// `Remote` or `Local` when the registry fails or refuses, `Usage` for names that cannot be used,
    /// `Cancelled` when asked to stop. After any error no version exists that was not verified by
    /// reading it back, and the alias points where it did, or to a verified version.
    fn push(&self, request: &PushRequest<'_>, control: &Control) -> Result<PushReceipt>;

    /// All registered models, by name.
    ///
    /// # Errors
    /// When the registry cannot be read.
    fn models(&self) -> Result<Vec<RegisteredModel>>;

    /// The files of a version, named by its number or by an alias; each is checked against its SHA-256.
    ///
    /// # Errors
    /// When there is no such version, it cannot be read, or what comes back is not what was pushed.
    fn fetch(&self, name: &str, version_or_alias: &str) -> Result<BTreeMap<String, Vec<u8>>>;

    /// Whether the registry can be reached and used, with its version, as one line.
    ///
    /// # Errors
    /// When it cannot.
    fn check(&self) -> Result<String>;
}

/// Opens a registry: `mlflow` (from `MLFLOW_TRACKING_URI`), an `http(s)://` address of an MLflow server, or
/// `folder:DIR` or a path for an OCI image layout on disk. Nothing is contacted or written yet.
///
/// # Errors
/// `Usage` when the target or one of the MLflow variables makes no sense.
pub fn open(target: &str) -> Result<Box<dyn Registry>> {
    let target = target.trim();
    let lower = target.to_ascii_lowercase();
    if target.is_empty() {
        return Err(Error::usage("no registry was named")
            .hint("Name a folder, the http(s) address of an MLflow server, or `mlflow` for MLFLOW_TRACKING_URI"));
    }
    if lower == "mlflow" {
        return Ok(Box::new(mlflow::MlflowRegistry::new(mlflow::Settings::from_env(None)?)?));
    }
    if lower.starts_with("http://") || lower.starts_with("https://") {
        return Ok(Box::new(mlflow::MlflowRegistry::new(mlflow::Settings::from_env(Some(target))?)?));
    }
    if let Some(folder) = target.strip_prefix("folder:") {
        return Ok(Box::new(folder::FolderRegistry::new(folder)?));
    }
    if let Some((scheme, _)) = target.split_once("://") {
        return Err(Error::usage(format!("registries of the kind `{scheme}` are not supported"))
            .hint("Name a folder, the http(s) address of an MLflow server, or `mlflow` for MLFLOW_TRACKING_URI"));
    }
    Ok(Box::new(folder::FolderRegistry::new(target)?))
}

/// Checks everything in a request that could do harm in a path, a search filter or a reference.
fn check_request(request: &PushRequest<'_>) -> Result<()> {
    names::model(request.name)?;
    names::digest(request.digest)?;
    if let Some(alias) = request.alias {
        names::alias(alias)?;
    }
    if request.files.keys().all(|path| path == MLMODEL) {
        return Err(Error::usage("the bundle is empty").hint("Export the model first"));
    }
    request.files.keys().try_for_each(|path| names::file(path))
}

/// SHA-256 in lower-case hexadecimal.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Milliseconds since 1970 as the UTC text that `MLmodel` wants.
pub(crate) fn utc_text(ms: u64) -> String {
    i64::try_from(ms)
        .ok()
        .and_then(chrono::DateTime::from_timestamp_millis)
        .unwrap_or_default()
        .format("%Y-%m-%d %H:%M:%S%.6f")
        .to_string()
}

/// Text from outside, made fit for a message: no control characters, and not long.
pub(crate) fn harmless(text: &str, limit: usize) -> String {
    let mut clean: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(limit.saturating_add(1)).collect();
    if clean.chars().count() > limit {
        clean = clean.chars().take(limit).collect();
        clean.push('…');
    }
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A small bundle for the tests of this room.
    pub(crate) fn sample_files() -> BTreeMap<String, Vec<u8>> {
        BTreeMap::from([
            ("model.onnx".to_string(), vec![8u8, 0, 255, 13, 10]),
            ("requirements.txt".to_string(), b"mlflow\n".to_vec()),
            ("docs/card.md".to_string(), b"# card\n".to_vec()),
        ])
    }

    /// Facts that go with [`sample_files`].
    pub(crate) fn sample_run() -> RunFacts {
        RunFacts {
            run_id: "run-1".into(),
            run_name: "first".into(),
            experiment: "tests".into(),
            params: vec![("l2".into(), "0.1".into())],
            metrics: vec![("roc_auc".into(), 0.87), ("odd".into(), f64::NAN)],
            tags: vec![("approved_by".into(), "bob".into())],
            dataset: DatasetFacts {
                name: "churn.csv".into(),
                digest: "9f2c".into(),
                source: "churn.csv".into(),
                rows: 10,
                schema: vec![("age".into(), "double".into())],
            },
            user: "ana".into(),
            started_ms: 1_700_000_000_000,
            ended_ms: 1_700_000_001_000,
            model_type: "logistic regression".into(),
            description: "a test".into(),
        }
    }

    /// A stand-in for the bundle's `MLmodel` writer.
    pub(crate) fn sample_mlmodel(ids: &MlmodelIds) -> String {
        format!("artifact_path: {}\nrun_id: {}\nutc: '{}'\n", ids.artifact_path, ids.run_id, ids.utc_time)
    }

    #[test]
    fn hashes_are_sha256_in_hexadecimal() {
        // FIPS 180-4 example: the digest of "abc".
        assert_eq!(sha256_hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn times_are_utc_with_six_places() {
        assert_eq!(utc_text(1_700_000_000_123), "2023-11-14 22:13:20.123000");
        assert_eq!(utc_text(u64::MAX), "1970-01-01 00:00:00.000000");
    }

    #[test]
    fn foreign_text_is_tamed() {
        assert_eq!(harmless("a\u{1b}[31mb\nc", 80), "a [31mb c");
        assert_eq!(harmless("abcdef", 3), "abc…");
    }

    #[test]
    fn targets_are_told_apart() {
        assert!(open("folder:/tmp/some-models").is_ok_and(|r| r.describe().contains("some-models")));
        assert!(open("models/here").is_ok());
        assert!(open("http://127.0.0.1:9").is_ok_and(|r| r.describe().contains("127.0.0.1:9")));
        for bad in ["", "s3://bucket", "http://", "folder:"] {
            assert!(open(bad).is_err_and(|e| e.kind == crate::error::Kind::Usage), "{bad}");
        }
    }
}
