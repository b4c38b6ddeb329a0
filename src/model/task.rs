//! What is being predicted.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The kind of prediction that a target asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// Two classes.
    Binary,
    /// Three classes or more.
    Multiclass,
    /// A number.
    Regression,
}

impl Task {
    /// Whether the target is a class.
    #[must_use]
    pub fn is_classification(self) -> bool {
        self != Self::Regression
    }

    /// The word used in files, tables and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Multiclass => "multiclass",
            Self::Regression => "regression",
        }
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
