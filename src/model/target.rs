//! The target column as a model sees it, and the task found from it.

use std::collections::BTreeMap;

use polars::frame::DataFrame;
use serde::{Deserialize, Serialize};

use super::Task;
use crate::data::{ColumnSpec, Dataset, Meaning, Physical, column};
use crate::error::{Error, Result};

/// The values to predict, one per row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// Class codes (indices into the list of classes).
    Classes {
        /// One code a row.
        codes: Vec<usize>,
        /// Number of classes.
        count: usize,
    },
    /// Numbers.
    Numbers(Vec<f64>),
}

impl Target {
    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Classes { codes, .. } => codes.len(),
            Self::Numbers(v) => v.len(),
        }
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows at `index` (every index must be in range).
    #[must_use]
    pub fn take(&self, index: &[u32]) -> Self {
        match self {
            Self::Classes { codes, count } => {
                Self::Classes { codes: index.iter().map(|&i| codes[i as usize]).collect(), count: *count }
            }
            Self::Numbers(v) => Self::Numbers(index.iter().map(|&i| v[i as usize]).collect()),
        }
    }
}

/// Integers with at most this many distinct values are taken for classes.
const MAX_INTEGER_CLASSES: usize = 10;
/// Above this many classes the target is taken for an identifier or free text.
pub(super) const MAX_CLASSES: usize = 100;

/// Finds the task that a column asks for.
///
/// # Errors
/// When the column cannot be a target: a date, free text, one value only, nothing at all.
pub fn find_task(dataset: &Dataset, name: &str) -> Result<Task> {
    let spec = dataset.spec(name)?;
    let column = column::get(&dataset.frame, name)?;
    let place = || format!("{}: target `{name}`", dataset.source);
    if column.null_count() == column.len() {
        return Err(Error::input("every value is missing").at(place()).hint("Choose another target"));
    }
    let distinct = column.as_materialized_series().drop_nulls().n_unique()?;
    if distinct < 2 {
        return Err(Error::input("there is only one value, so there is nothing to predict")
            .at(place())
            .hint("Load data in which the target varies, or choose another target"));
    }
    match (spec.meaning, spec.physical) {
        (Meaning::DateTime, _) => Err(Error::input("a date or time cannot be predicted as it is")
            .at(place())
            .hint("Derive a number from it, for example the minutes between two moments")),
        (Meaning::Text, _) => Err(Error::input("free text cannot be predicted")
            .at(place())
            .hint("Choose a target with a few values or a number, or correct the column's meaning to category")),
        (Meaning::Number, Physical::Integer) if distinct <= MAX_INTEGER_CLASSES => Ok(by_classes(distinct)),
        (Meaning::Number, Physical::Float | Physical::Integer) => {
            Ok(if distinct == 2 { Task::Binary } else { Task::Regression })
        }
        _ if distinct > MAX_CLASSES => Err(Error::input(format!("{distinct} different values are too many classes"))
            .at(place())
            .hint("Choose another target, or correct its meaning to number if it is one")),
        _ => Ok(by_classes(distinct)),
    }
}

fn by_classes(distinct: usize) -> Task {
    if distinct == 2 { Task::Binary } else { Task::Multiclass }
}

/// Words that name the outcome of interest when two classes are found.
const POSITIVE_WORDS: [&str; 12] =
    ["yes", "true", "1", "y", "bad", "churned", "fraud", "default", "positive", "spam", "failed", "t"];

/// Reads the target's classes, sorted; for two classes the positive one stands second.
///
/// The positive class is `positive` when given, else a word such as `yes`, `true`, `1` or `bad`, else the last in order.
///
/// # Errors
/// When `positive` is not among the classes.
pub fn find_classes(frame: &DataFrame, spec: &ColumnSpec, positive: Option<&str>) -> Result<Vec<String>> {
    let values = column::texts(column::get(frame, &spec.name)?)?;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for value in values.iter().flatten() {
        *counts.entry(value).or_default() += 1;
    }
    let mut classes: Vec<String> = counts.into_keys().map(str::to_owned).collect();
    if spec.physical != Physical::String {
        classes.sort_by(|a, b| match (a.parse::<f64>(), b.parse::<f64>()) {
            (Ok(a), Ok(b)) => a.total_cmp(&b),
            _ => a.cmp(b),
        });
    }
    if let Some(word) = positive
        && !classes.iter().any(|c| c == word)
    {
        return Err(Error::input(format!("the positive class `{word}` is not among the values of `{}`", spec.name))
            .hint(format!("They are {}", classes.join(", "))));
    }
    if classes.len() == 2 {
        let first_is_positive = match positive {
            Some(word) => classes[0] == word,
            None => {
                let known = |c: &str| POSITIVE_WORDS.contains(&c.to_ascii_lowercase().as_str());
                known(&classes[0]) && !known(&classes[1])
            }
        };
        if first_is_positive {
            classes.swap(0, 1);
        }
    }
    Ok(classes)
}
