//! The steps of the walk, what each one needs, and whether what it left still holds.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::spec::{Flow, LoadSpec};
use crate::store::sha256;

/// A step of the walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// Read the data.
    Load,
    /// Look at its quality.
    Inspect,
    /// Choose target, columns and split.
    Prepare,
    /// Fit the candidates.
    Train,
    /// Rank and choose.
    Compare,
    /// Pass the gates.
    Test,
    /// A person decides.
    Approve,
    /// Into a registry.
    Push,
    /// Is it still right?
    Watch,
}

impl Step {
    /// The walk in order.
    pub const ALL: [Self; 9] = [
        Self::Load,
        Self::Inspect,
        Self::Prepare,
        Self::Train,
        Self::Compare,
        Self::Test,
        Self::Approve,
        Self::Push,
        Self::Watch,
    ];

    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Inspect => "inspect",
            Self::Prepare => "prepare",
            Self::Train => "train",
            Self::Compare => "compare",
            Self::Test => "test",
            Self::Approve => "approve",
            Self::Push => "push",
            Self::Watch => "watch",
        }
    }

    /// The step by its name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name() == name)
    }

    /// The step after this one.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        Self::ALL.into_iter().find(|s| *s > self)
    }

    /// The step before this one.
    #[must_use]
    pub fn previous(self) -> Option<Self> {
        Self::ALL.into_iter().rev().find(|s| *s < self)
    }

    /// A hash of all choices that this step's result depends on: when it changes, what the step left is stale.
    #[must_use]
    pub fn key(self, flow: &Flow) -> String {
        let json = |value: &dyn erased::Json| value.json();
        let parts = match self {
            // A contract judges the table and changes nothing in it.
            Self::Load => vec![json(&LoadSpec { rules: None, ..flow.load.clone() }), json(&flow.derive)],
            Self::Inspect => vec![Self::Load.key(flow), json(&flow.prepare.target)],
            Self::Prepare => vec![Self::Inspect.key(flow), json(&flow.prepare), json(&flow.seed)],
            Self::Train => vec![Self::Prepare.key(flow), json(&flow.train)],
            Self::Compare => vec![Self::Train.key(flow)],
            Self::Test => {
                let mut parts = vec![Self::Train.key(flow), json(&flow.test)];
                parts.extend(flow.load.rules.as_ref().map(|rules| json(rules)));
                parts
            }
            // The decision is bound to the model's digest, not to the wording of the flow.
            Self::Approve => vec![Self::Train.key(flow)],
            Self::Push => vec![Self::Train.key(flow), json(&flow.push)],
            Self::Watch => vec![Self::Train.key(flow), json(&flow.watch)],
        };
        sha256(parts.join("\n").as_bytes())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Serialisation behind a reference, so that parts of different types can stand in one list.
mod erased {
    pub(super) trait Json {
        fn json(&self) -> String;
    }

    impl<T: serde::Serialize> Json for T {
        fn json(&self) -> String {
            serde_json::to_string(self).unwrap_or_default()
        }
    }
}

/// How a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StepState {
    /// Not begun.
    Open,
    /// Left a record that still holds.
    Done,
    /// Left a record that says no (a failed gate, a rejection).
    Refused,
    /// Its choices changed since.
    Stale,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_makes_only_later_steps_stale() {
        let a = Flow::default();
        let mut b = a.clone();
        b.train.metric = Some("accuracy".into());
        for step in Step::ALL {
            assert_eq!(step.key(&a) == step.key(&b), step < Step::Train, "{step}");
        }
    }
}
