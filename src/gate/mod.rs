//! Staged tests with a verdict, a threshold, evidence and a reason.
//!
//! A gate takes plain facts and a threshold and says pass or fail; who gathers the facts is `flow`.

mod data;
mod model;
mod package;

use serde::{Deserialize, Serialize};

pub use data::{BrokenRule, DataFacts, RulesFact, data_gates};
pub use model::{ModelFacts, model_gates};
pub use package::{PackageFacts, package_gates};

/// When a gate is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Is the data good enough?
    Data,
    /// Is the model?
    Model,
    /// Is the package that would be shipped?
    Package,
}

impl Stage {
    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Model => "model",
            Self::Package => "package",
        }
    }
}

/// The answer of a gate, or of all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Within the threshold.
    Pass,
    /// Not.
    Fail,
}

/// One gate's answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// Its name, as in a flow file.
    pub name: String,
    /// When it is asked.
    pub stage: Stage,
    /// Pass or fail.
    pub verdict: Verdict,
    /// What was measured.
    #[serde(deserialize_with = "crate::engine::undefined::number")]
    pub value: f64,
    /// What was asked for.
    #[serde(deserialize_with = "crate::engine::undefined::number")]
    pub threshold: f64,
    /// The reason in plain words.
    pub message: String,
    /// What the value rests on.
    pub evidence: String,
}

impl Gate {
    fn new(
        name: &str,
        stage: Stage,
        pass: bool,
        value: f64,
        threshold: f64,
        message: String,
        evidence: String,
    ) -> Self {
        let verdict = if pass { Verdict::Pass } else { Verdict::Fail };
        Self { name: name.into(), stage, verdict, value, threshold, message, evidence }
    }
}

/// All gates of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GateReport {
    /// The run.
    pub run: String,
    /// Pass when every gate passed.
    pub verdict: Verdict,
    /// The gates in order of stage.
    pub gates: Vec<Gate>,
    /// Root digest of the package that was tested.
    pub digest: String,
}

impl GateReport {
    /// Sums up the gates.
    #[must_use]
    pub fn new(run: &str, digest: &str, gates: Vec<Gate>) -> Self {
        let verdict = if gates.iter().all(|g| g.verdict == Verdict::Pass) { Verdict::Pass } else { Verdict::Fail };
        Self { run: run.into(), verdict, gates, digest: digest.into() }
    }

    /// The gates that failed.
    pub fn failed(&self) -> impl Iterator<Item = &Gate> {
        self.gates.iter().filter(|g| g.verdict == Verdict::Fail)
    }
}

/// The thresholds: the `[test]` part of a flow file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Thresholds {
    /// Fewest training rows.
    pub min_train_rows: usize,
    /// Fewest rows to judge by (Deepchecks asks for 100 too).
    pub min_test_rows: usize,
    /// Largest share of missing cells over the model's columns.
    pub max_missing_share: f64,
    /// How many serious findings the data may have.
    pub max_serious_findings: usize,
    /// Smallest share of the way from the baseline to perfection (Deepchecks' gain, 10 %).
    pub min_gain: f64,
    /// The best may fit its training rows better than fresh ones by at most this share.
    pub max_train_gap: f64,
    /// Largest mean distance between predicted and observed probability.
    pub max_calibration_error: f64,
    /// Bounds for metrics by name: the least where more is better, the most where less is better.
    pub metrics: std::collections::BTreeMap<String, f64>,
    /// Largest difference between the package's scores and the model's.
    pub max_parity_difference: f64,
    /// Longest scoring time of one row, in milliseconds, in a batch of at most 1,000.
    pub max_row_ms: f64,
    /// Largest package, in MB.
    pub max_package_mb: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            min_train_rows: 200,
            min_test_rows: 100,
            max_missing_share: 0.5,
            max_serious_findings: 5,
            min_gain: 0.1,
            max_train_gap: 0.5,
            max_calibration_error: 0.1,
            metrics: std::collections::BTreeMap::new(),
            max_parity_difference: 1e-5,
            max_row_ms: 1.0,
            max_package_mb: 200.0,
        }
    }
}
