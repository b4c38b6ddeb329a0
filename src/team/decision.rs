//! A person's decision about exactly one model.

use serde::{Deserialize, Serialize};

use super::Identity;

/// Yes or no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The model may be pushed.
    Approved,
    /// It may not.
    Rejected,
}

impl Verdict {
    /// The word used in files and tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Rejected => "rejected",
        }
    }
}

/// Who decided what about which bytes, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The run.
    pub run: String,
    /// Root digest of the bundle: exactly what was approved.
    pub digest: String,
    /// Yes or no.
    pub verdict: Verdict,
    /// Who.
    pub by: Identity,
    /// Why.
    pub reason: String,
    /// Gates that had failed and were overridden, with nothing in it for a clean approval.
    #[serde(default)]
    pub overridden: Vec<String>,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
}
