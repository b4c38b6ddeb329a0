//! What a check of a contract found.

use serde::{Deserialize, Serialize};

use crate::data::Severity;

/// The answer to one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Kept, within its tolerance.
    Pass,
    /// Broken, or impossible to check.
    Fail,
    /// Not asked, because an optional column is not there.
    Skipped,
}

impl Verdict {
    /// The word used in files and tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Skipped => "skipped",
        }
    }
}

/// A row that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// The row, counted from 1 without the header.
    pub row: u64,
    /// What stands there. Safe to show on a terminal.
    pub value: String,
}

/// The answer to one rule, with its evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The rule's name: `rows`, `Income.range`, `unique(a, b)` or a relation's own name.
    pub rule: String,
    /// Its kind: `rows`, `column`, `type`, `meaning`, `not_null`, `unique`, `range`, `values`, `pattern`, `length`, `fresh`,
    /// `relation`, `extra_columns`.
    pub kind: String,
    /// The column that it is about, when it is about one.
    pub column: Option<String>,
    /// How much it matters.
    pub severity: Severity,
    /// Kept or not.
    pub verdict: Verdict,
    /// Rows to which it applies (rows without a value are left out of most rules).
    pub checked: u64,
    /// Rows among them that break it.
    pub failing: u64,
    /// Their share, 0 to 1; 0 when no row was checked.
    pub share: f64,
    /// The greatest share that is allowed, `1 - mostly`.
    pub threshold: f64,
    /// Some of the rows that break it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<Example>,
    /// What was found, as one sentence. Safe to show on a terminal.
    pub message: String,
    /// Why the rule is there, in its author's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What a check of a contract against a table found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The contract's name.
    pub contract: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the contract's content: another contract has another.
    pub digest: String,
    /// The table.
    pub source: String,
    /// SHA-256 of the table.
    pub fingerprint: String,
    /// Rows of the table.
    pub rows: u64,
    /// The moment against which freshness was measured, RFC 3339.
    pub now: String,
    /// Fail when a rule of severity `serious` or `blocking` is broken.
    pub verdict: Verdict,
    /// The rules, in the order of the contract.
    pub rules: Vec<Outcome>,
}

impl Report {
    /// The broken rules that matter at least so much.
    pub fn broken(&self, at_least: Severity) -> impl Iterator<Item = &Outcome> {
        self.rules.iter().filter(move |r| r.verdict == Verdict::Fail && r.severity >= at_least)
    }
}
