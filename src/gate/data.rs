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
    /// How the table kept its contract, when it has one.
    pub rules: Option<RulesFact>,
}

/// How a table kept its contract.
#[derive(Debug, Clone, PartialEq)]
pub struct RulesFact {
    /// The contract and its version, in words.
    pub contract: String,
    /// How many rules were asked.
    pub asked: usize,
    /// The broken ones that matter.
    pub broken: Vec<BrokenRule>,
}

/// A rule that was broken.
#[derive(Debug, Clone, PartialEq)]
pub struct BrokenRule {
    /// Its name.
    pub name: String,
    /// The share of rows that break it.
    pub share: f64,
    /// The share that may.
    pub allowed: f64,
    /// What was found.
    pub message: String,
    /// Some of the rows.
    pub examples: String,
}

/// The data stage.
#[must_use]
pub fn data_gates(facts: &DataFacts, t: &Thresholds) -> Vec<Gate> {
    let gate = |name: &str, pass, value, threshold, message: String, evidence: String| {
        Gate::new(name, Stage::Data, pass, value, threshold, message, evidence)
    };
    let (train, test) = (facts.train_rows, facts.test_rows);
    let mut gates = vec![
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
    ];
    if let Some(rules) = &facts.rules {
        let names: Vec<&str> = rules.broken.iter().map(|r| r.name.as_str()).collect();
        gates.push(gate(
            "rules",
            names.is_empty(),
            names.len() as f64,
            0.0,
            if names.is_empty() {
                format!("the data keep the contract {}", rules.contract)
            } else {
                format!(
                    "the data break {} of {} rules of {}: {}",
                    names.len(),
                    rules.asked,
                    rules.contract,
                    names.join(", ")
                )
            },
            format!("{} rules, asked of the table as it arrived", rules.asked),
        ));
        for rule in &rules.broken {
            let name = format!("rules: {}", rule.name);
            gates.push(gate(&name, false, rule.share, rule.allowed, rule.message.clone(), rule.examples.clone()));
        }
    }
    gates
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::Verdict;

    #[test]
    fn a_broken_rule_fails_by_name() {
        let mut facts = DataFacts {
            train_rows: 1000,
            test_rows: 1000,
            missing_share: 0.0,
            serious: Vec::new(),
            leaks_used: Vec::new(),
            feasible: true,
            feasibility: String::new(),
            rules: Some(RulesFact { contract: "c 1.0.0".into(), asked: 7, broken: Vec::new() }),
        };
        let failed = |facts: &DataFacts| {
            let gates = data_gates(facts, &Thresholds::default());
            gates.into_iter().filter(|g| g.verdict == Verdict::Fail).map(|g| g.name).collect::<Vec<_>>()
        };
        assert!(failed(&facts).is_empty());
        facts.rules.as_mut().unwrap().broken.push(BrokenRule {
            name: "fare.range".into(),
            share: 0.1,
            allowed: 0.0,
            message: "m".into(),
            examples: "e".into(),
        });
        assert_eq!(failed(&facts), ["rules", "rules: fare.range"]);
    }
}
