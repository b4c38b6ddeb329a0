//! Sample tables inside the binary, so that the walk can be tried on a bare machine.

use include_dir::{Dir, include_dir};

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/sample_data");

/// One embedded sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// The name after `sample:`.
    pub name: &'static str,
    /// The file under `sample_data/`.
    pub file: &'static str,
    /// What it is, in a few words.
    pub title: &'static str,
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
    /// What to do with it: `classify`, `predict a number` or `watch`.
    pub task: &'static str,
    /// The column to predict; `None` where there is none or it is derived.
    pub target: Option<&'static str>,
    /// An SQL expression that derives the target, when it is not a column: its name and the expression.
    pub derived: Option<(&'static str, &'static str)>,
    /// What makes it instructive, as one sentence.
    pub about: &'static str,
}

impl Sample {
    /// The bytes of the file.
    #[must_use]
    pub fn bytes(&self) -> &'static [u8] {
        FILES.get_file(self.file).map_or(&[], |file| file.contents())
    }
}

static SAMPLES: &[Sample] = &[
    Sample {
        name: "churn",
        file: "retail_churn_train.csv",
        title: "Customers of a web shop: who will not order again?",
        rows: 11_085,
        columns: 18,
        task: "classify",
        target: Some("churned"),
        derived: None,
        about: "Four monthly snapshots; customers return in several of them, so rows split at random flatter the model.",
    },
    Sample {
        name: "credit",
        file: "credit_scoring.csv",
        title: "Applicants for a credit: good or bad?",
        rows: 4_454,
        columns: 14,
        task: "classify",
        target: Some("Status"),
        derived: None,
        about: "Small, with mixed types and 28 % bad: the quickest start.",
    },
    Sample {
        name: "houses",
        file: "ames_housing.csv",
        title: "Houses in Ames, Iowa: what is the price?",
        rows: 2_930,
        columns: 74,
        task: "predict a number",
        target: Some("Sale_Price"),
        derived: None,
        about: "Seventy-four columns, forty of them text.",
    },
    Sample {
        name: "taxi",
        file: "nyc_taxi_2018_2020.csv",
        title: "Taxi trips in New York, 2018 to 2020: how long do they take?",
        rows: 18_000,
        columns: 19,
        task: "predict a number",
        target: None,
        derived: Some((
            "trip_minutes",
            "(EXTRACT(EPOCH FROM dropoff_datetime) - EXTRACT(EPOCH FROM pickup_datetime)) / 60",
        )),
        about: "The spring of 2020 breaks what was learned before; wrong years, negative fares and gaps wait to be found.",
    },
    Sample {
        name: "churn-live",
        file: "retail_churn_live_predictions.csv",
        title: "Ten months of scores of a churn model",
        rows: 10_492,
        columns: 20,
        task: "watch",
        target: None,
        derived: None,
        about: "Belongs to `churn`; its labels come later, in `churn-labels`.",
    },
    Sample {
        name: "churn-labels",
        file: "retail_churn_live_labels.csv",
        title: "What became of the scored customers",
        rows: 10_492,
        columns: 3,
        task: "watch",
        target: None,
        derived: None,
        about: "Joined to `churn-live` by `prediction_id`; a \"no\" is known at the next order, a \"yes\" only after 90 days.",
    },
];

/// The embedded samples, those to start with first.
#[must_use]
pub fn samples() -> &'static [Sample] {
    SAMPLES
}

/// The sample of that name.
#[must_use]
pub fn sample(name: &str) -> Option<&'static Sample> {
    SAMPLES.iter().find(|s| s.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_is_embedded() {
        for sample in samples() {
            let lines = sample.bytes().iter().filter(|b| **b == b'\n').count();
            assert_eq!(lines, sample.rows + 1, "{}", sample.name);
        }
        assert!(FILES.get_file("README.md").is_some());
    }
}
