//! What the steps leave in the workspace, as JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::data::contract;
use crate::data::recipe::{Recipe, StepReport};
use crate::data::{ColumnSpec, Finding};
use crate::model::Task;
use crate::model::calibration::CalibrationReport;
use crate::model::estimators::Params;
use crate::model::evaluate::Importance;
use crate::model::metrics::Metric;
use crate::model::paired::{FoldTest, PairedTest};
use crate::model::prepare::LeftOut;
use crate::model::train::CrossValidation;
use crate::team::Identity;

/// What loading leaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoadRecord {
    /// As the user wrote it.
    pub source: String,
    /// SHA-256 of the bytes, and of the recipe's steps when there are some.
    pub fingerprint: String,
    /// SHA-256 of the bytes alone, under which the catalog knows them.
    #[serde(default)]
    pub version: String,
    /// Rows, after recipe and filter.
    pub rows: usize,
    /// The columns.
    pub columns: Vec<ColumnSpec>,
    /// What loading did that a person should know.
    pub notes: Vec<String>,
    /// How the table kept its contract as it arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<contract::Report>,
    /// What the recipe did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<RecipeRecord>,
}

/// What a recipe left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecipeRecord {
    /// What each step did.
    pub steps: Vec<StepReport>,
    /// The recipe with every computed value written down; new rows are cleaned with these values.
    pub fitted: Recipe,
}

/// What preparing leaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PrepareRecord {
    /// The target column.
    pub target: String,
    /// The task found from it.
    pub task: Task,
    /// The classes, the positive one second; empty for numbers.
    pub classes: Vec<String>,
    /// The columns that the model reads.
    pub features: Vec<String>,
    /// The columns that it does not, with the reason.
    pub left_out: Vec<LeftOut>,
    /// How rows are kept apart, in words.
    pub split: String,
    /// Why so.
    pub split_reason: String,
    /// Rows to fit on.
    pub train_rows: usize,
    /// Rows to judge by.
    pub test_rows: usize,
    /// Rows dropped because the target is missing.
    pub without_target: usize,
    /// Rows left unused because of the limit.
    pub unused: usize,
    /// Share of missing cells over the model's columns.
    pub missing_share: f64,
    /// What the two sides share that they should not, or lack of each other, the most severe first.
    #[serde(default)]
    pub findings: Vec<Finding>,
}

/// Where a run's data came from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DataFacts {
    /// The source.
    pub source: String,
    /// SHA-256 of its bytes.
    pub fingerprint: String,
    /// Rows in it.
    pub rows: usize,
    /// Rows fitted on.
    pub train_rows: usize,
    /// Rows judged by.
    pub test_rows: usize,
    /// The split in words.
    pub split: String,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// With a model.
    Done,
    /// Without one; the record says why.
    Failed,
}

/// Digests of the files that belong to a run, in the workspace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunFiles {
    /// The fitted model as JSON.
    pub model: String,
    /// Predictions on the rows kept back, as JSON.
    pub hold_out: String,
    /// The raw rows kept back (at most 5,000), as Parquet: what the package is tested on.
    pub rows: String,
    /// The training data's distribution, for drift.
    pub drift_reference: String,
}

/// Everything known about a training run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// A hash of data, choices, estimator, parameters, seed and version: equal runs have equal ids.
    pub id: String,
    /// The walk.
    pub walk: String,
    /// The estimator's name.
    pub model: String,
    /// The estimator's name for people.
    pub title: String,
    /// How it ended.
    pub status: RunStatus,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Parameters by scikit-learn's names.
    pub params: Params,
    /// The seed.
    pub seed: u64,
    /// The target column.
    pub target: String,
    /// What is predicted.
    pub task: Task,
    /// The classes, the positive one second.
    pub classes: Vec<String>,
    /// The ranking metric.
    pub metric: String,
    /// The ranking metric over the folds.
    pub cv: CrossValidation,
    /// All metrics on the rows kept back.
    pub metrics: Vec<Metric>,
    /// The ranking metric on the training rows.
    #[serde(deserialize_with = "crate::engine::undefined::number")]
    pub train_score: f64,
    /// Permutation importance per raw column, largest first.
    pub importance: Vec<Importance>,
    /// How probabilities were calibrated and what that mended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<CalibrationReport>,
    /// Columns that the model does not see.
    pub left_out: Vec<LeftOut>,
    /// Seconds of fitting, folds included.
    pub fit_seconds: f64,
    /// Where the data came from.
    pub data: DataFacts,
    /// Versions of this program and of the libraries that decide the result.
    pub versions: BTreeMap<String, String>,
    /// Who trained it.
    pub by: Identity,
    /// When, in milliseconds since 1970.
    pub created_ms: i64,
    /// The recipe that cleaned its rows, with what was computed from them; new rows are cleaned by the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<Recipe>,
    /// Its files.
    pub files: RunFiles,
}

impl RunRecord {
    /// A metric on the rows kept back.
    #[must_use]
    pub fn metric_named(&self, name: &str) -> Option<&Metric> {
        self.metrics.iter().find(|m| m.name == name)
    }

    /// The ranking metric on the rows kept back; NaN for a failed run.
    #[must_use]
    pub fn score(&self) -> f64 {
        self.metric_named(&self.metric).map_or(f64::NAN, |m| m.value)
    }
}

/// What training leaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainRecord {
    /// The runs in the order of the candidates.
    pub runs: Vec<String>,
    /// The best by cross-validation.
    pub best: String,
    /// The ranking metric.
    pub metric: String,
}

/// What comparing leaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CompareRecord {
    /// The run with which the walk goes on.
    pub chosen: String,
    /// The best against each of the others, on the rows kept back.
    pub tests: Vec<AgainstBest>,
}

/// The best run against another one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgainstBest {
    /// The other run.
    pub run: String,
    /// Best less other.
    pub test: PairedTest,
    /// The same over the cross-validation folds, when both runs had the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folds: Option<FoldTest>,
}
