//! Gates that are cheap to ask before anything is trained.

use super::{Gate, Stage, Thresholds};
use crate::data::thousands;

/// What is known of the data.
#[derive(Debug, Clone, PartialEq)]
pub struct DataFacts {
    /// Rows to fit on.
    pub train_rows: usize,
    /// Rows to judge by.
    pub test_rows: usize,
    /// Share of missing cells over the model's columns.
    pub missing_share: f64,
    /// Serious findings about columns that the model uses: `check` of `column`.
    pub serious: Vec<String>,
    /// Columns that give the target away and are used all the same.
    pub leaks_used: Vec<String>,
    /// Feasibility's verdict: whether it is not "not yet", and its reasons.
    pub feasible: bool,
    /// The reasons.
    pub feasibility: String,
}

/// The data stage.
#[must_use]
pub fn data_gates(facts: &DataFacts, t: &Thresholds) -> Vec<Gate> {
    let gate = |name, pass, value, threshold, message, evidence| {
        Gate::new(name, Stage::Data, pass, value, threshold, message, evidence)
    };
    let (train, test) = (facts.train_rows, facts.test_rows);
    vec![
        gate(
            "train_rows",
            train >= t.min_train_rows,
            train as f64,
            t.min_train_rows as f64,
            format!(
                "{} rows to learn from, at least {} asked for",
                thousands(train as u64),
                thousands(t.min_train_rows as u64)
            ),
            "rows with a target on the training side".into(),
        ),
        gate(
            "test_rows",
            test >= t.min_test_rows,
            test as f64,
            t.min_test_rows as f64,
            format!(
                "{} rows to judge by, at least {} asked for",
                thousands(test as u64),
                thousands(t.min_test_rows as u64)
            ),
            "rows with a target that were kept back".into(),
        ),
        gate(
            "missing_share",
            facts.missing_share <= t.max_missing_share,
            facts.missing_share,
            t.max_missing_share,
            format!(
                "{:.1} % of the cells are missing, at most {:.0} % allowed",
                100.0 * facts.missing_share,
                100.0 * t.max_missing_share
            ),
            "cells of the columns that the model reads".into(),
        ),
        gate(
            "serious_findings",
            facts.serious.len() <= t.max_serious_findings,
            facts.serious.len() as f64,
            t.max_serious_findings as f64,
            format!("{} serious findings, at most {} allowed", facts.serious.len(), t.max_serious_findings),
            if facts.serious.is_empty() { "none".into() } else { facts.serious.join("; ") },
        ),
        gate(
            "no_leak",
            facts.leaks_used.is_empty(),
            facts.leaks_used.len() as f64,
            0.0,
            if facts.leaks_used.is_empty() {
                "no column that gives the target away is used".into()
            } else {
                format!("{} give the target away", facts.leaks_used.join(", "))
            },
            "columns found by the leak checks or behind the target's own formula".into(),
        ),
        gate(
            "feasible",
            facts.feasible,
            f64::from(u8::from(facts.feasible)),
            1.0,
            if facts.feasible {
                "the data can carry a model".into()
            } else {
                "the data cannot carry a model yet".into()
            },
            facts.feasibility.clone(),
        ),
    ]
}
