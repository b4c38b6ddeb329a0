//! The flow: the whole walk as data, read from and written to TOML.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::attached::{Attached, Steps};
use crate::data::contract::Contract;
use crate::data::{Meaning, SchemaChanges, brief, source};
use crate::error::{Error, Result};
use crate::gate::Thresholds;
use crate::model::calibration::CalibrationMethod;
use crate::model::estimators::Params;
use crate::model::prepare::PrepareSpec;

/// A walk's choices, step by step. Everything has a default but the source and the target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Flow {
    /// The walk's name; one workspace has one walk of a name.
    pub name: String,
    /// Decides every random choice. Same seed, same models.
    pub seed: u64,
    /// What to read.
    pub load: LoadSpec,
    /// New columns by Polars SQL expression, in the order of their names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub derive: BTreeMap<String, String>,
    /// Target, columns and split.
    pub prepare: PrepareSpec,
    /// Candidates.
    pub train: TrainSpec,
    /// Thresholds of the gates.
    pub test: Thresholds,
    /// Approval without a person at the keyboard.
    pub approve: ApproveSpec,
    /// Where the approved model goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub push: Option<PushSpec>,
    /// What the model is watched on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watch: Option<WatchSpec>,
}

impl Default for Flow {
    fn default() -> Self {
        Self {
            name: "walk".into(),
            seed: 42,
            load: LoadSpec::default(),
            derive: BTreeMap::new(),
            prepare: PrepareSpec::default(),
            train: TrainSpec::default(),
            test: Thresholds::default(),
            approve: ApproveSpec::default(),
            push: None,
            watch: None,
        }
    }
}

/// What to read and how.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoadSpec {
    /// A path, a pattern, a folder, `-` for standard input, `sample:NAME`, or an address; see `docs/sources.md`.
    pub source: String,
    /// The field delimiter of a CSV file, found by itself when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<char>,
    /// More spellings that mean "missing".
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// Corrections of what columns mean.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub meaning: BTreeMap<String, Meaning>,
    /// What is done when the files of one source have different columns: `refuse` (the default) or `fill`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema_changes: Option<SchemaChanges>,
    /// Keep only rows for which this SQL condition holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Steps of cleaning, done before filter and derived columns: a recipe file, or the steps themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipe: Option<Attached<Steps>>,
    /// What the table promises as it arrives, before anything is done to it: a contract file, or the contract itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<Attached<Contract>>,
}

/// The candidates and how they are ranked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainSpec {
    /// Estimators by name; all that fit the task when empty.
    pub models: Vec<String>,
    /// The ranking metric; the task's usual one when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// Whether and how the probabilities of classes are calibrated: `sigmoid` or `isotonic`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calibrate: Option<CalibrationMethod>,
    /// Parameters per estimator, by scikit-learn's names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, Params>,
}

/// How a flow without a person decides. Without a reason such a walk stops before the push.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApproveSpec {
    /// Recorded as the reason of the approval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Recorded as the reason for overriding failed gates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub override_reason: Option<String>,
}

/// Where a model goes and what it is called there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PushSpec {
    /// `mlflow` (by `MLFLOW_TRACKING_URI`), an `http(s)://` address, or a folder.
    pub to: String,
    /// The registered model's name.
    #[serde(rename = "as")]
    pub name: String,
    /// The alias that then points to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
}

impl PushSpec {
    /// Refuses an address that carries a password: flows and pushes are recorded, and secrets must not be.
    ///
    /// # Errors
    /// When `to` is an address with a user name or password in it.
    pub fn check(&self) -> Result<()> {
        let host = self.to.split_once("://").map(|(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or(rest));
        if host.is_some_and(|h| h.contains('@')) {
            return Err(Error::usage("the registry's address holds a user name or password, and it would be recorded")
                .hint("Give them in MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"));
        }
        Ok(())
    }
}

/// What an approved model is watched on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WatchSpec {
    /// New rows.
    pub source: String,
    /// Keep only rows for which this SQL condition holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// The column that says when a row happened; the first date column when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// A second table that holds the true answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<LabelsSpec>,
}

/// True answers that arrive in a table of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelsSpec {
    /// The table.
    pub source: String,
    /// The column that both tables share.
    pub key: String,
}

impl Flow {
    /// Refuses sources with a password or a signature in their address: flows are recorded, and secrets must not be.
    ///
    /// # Errors
    /// When a source of the flow holds a secret.
    pub fn check_secrets(&self) -> Result<()> {
        let watch = self.watch.as_ref();
        let labels = watch.and_then(|w| w.labels.as_ref()).map(|l| &l.source);
        for source in [Some(&self.load.source), watch.map(|w| &w.source), labels].into_iter().flatten() {
            if source::has_secret(source) {
                return Err(Error::usage(format!(
                    "the source {} holds a password, a token or a signature, and it would be recorded",
                    brief(&source::without_secrets(source), 200)
                ))
                .hint(
                    "Give a password in PGPASSWORD or ~/.pgpass; fetch the file behind a signed address first, or pipe it in and name `-`",
                ));
            }
        }
        Ok(())
    }

    /// Reads a flow file. Relative paths in it are taken from the file's folder when they exist there.
    ///
    /// # Errors
    /// When the file cannot be read or says something unknown; the message has line and column.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .map_err(|e| Error::input(format!("{}: {e}", path.display())).hint("Name a flow file in TOML"))?;
        let mut flow = Self::parse(&text).map_err(|e| e.at(path.display()))?;
        if let Some(folder) = path.parent() {
            let beside = |source: &mut String| {
                let there = folder.join(&*source);
                if !source.is_empty() && !Path::new(&*source).exists() && there.exists() {
                    *source = there.display().to_string();
                }
            };
            beside(&mut flow.load.source);
            flow.attached_beside(folder);
            if let Some(watch) = &mut flow.watch {
                beside(&mut watch.source);
                if let Some(labels) = &mut watch.labels {
                    beside(&mut labels.source);
                }
            }
        }
        flow.pinned()
    }

    /// Reads a flow from TOML.
    ///
    /// # Errors
    /// When the text is not TOML or says something unknown.
    pub fn parse(text: &str) -> Result<Self> {
        let flow: Self = toml::from_str(text).map_err(|e| {
            let line = e.span().map_or(1, |s| text.get(..s.start).map_or(1, |before| before.matches('\n').count() + 1));
            Error::usage(format!("line {line}: {}", brief(&e.message().replace('\n', " "), 300)))
                .hint("See docs/flows.md for what a flow can say")
        })?;
        if flow.load.source.is_empty() {
            return Err(Error::usage("the flow names no source").hint("Add source = \"file.csv\" under [load]"));
        }
        Ok(flow)
    }

    /// The flow as TOML.
    ///
    /// # Errors
    /// Never for a flow that was read or made here.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string_pretty(self).map_err(|e| Error::local(format!("the flow cannot be written: {e}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_an_address_is_refused() {
        let to = |to: &str| PushSpec { to: to.into(), name: "m".into(), alias: None }.check();
        assert!(to("https://ana:secret@mlflow.example/x").is_err());
        assert!(to("https://mlflow.example/a@b").is_ok() && to("models").is_ok() && to("mlflow").is_ok());
    }

    #[test]
    fn a_secret_in_a_source_is_refused() {
        let of = |source: &str| {
            let mut flow = Flow::default();
            flow.load.source = source.into();
            flow.check_secrets()
        };
        let error = of("postgres://ana:s3cret@h/d?table=t").unwrap_err();
        assert!(error.exit_code() == 2 && !error.to_string().contains("s3cret"), "{error}");
        assert!(of("https://h/x.csv?X-Amz-Signature=s3cret").is_err());
        let hostile = of("postgres://\u{1b}[31m\u{202e}:x@h/d?table=t").unwrap_err();
        assert_eq!(crate::data::display(&hostile.message), hostile.message, "it does not steer a terminal");
        assert!(of("postgres://ana@h/d?table=t").is_ok() && of("x.csv").is_ok());
    }

    #[test]
    fn a_flow_survives_toml_and_a_misspelt_key_is_refused() {
        let flow = Flow::parse(
            "name = 'a'\n[load]\nsource = 'x.csv'\n[prepare]\ntarget = 'y'\n[push]\nto = 'models'\nas = 'm'",
        )
        .unwrap();
        assert_eq!(Flow::parse(&flow.to_toml().unwrap()).unwrap(), flow);
        let error = Flow::parse("[load]\nsource = 'x.csv'\n[prepare]\ntraget = 'y'").unwrap_err();
        assert!(error.message.contains("traget"), "{error}");
    }
}
