//! From a dataset to something that can be trained: target, task, features, and who is kept back.

use std::collections::BTreeSet;

use polars::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::split::{self, Keys, Sides, Split};
use super::target::{find_classes, find_task, read_target};
use super::{Target, Task};
use crate::data::{ColumnSpec, Dataset, Meaning, column};
use crate::error::{Error, Result};

/// The user's choices for this step: the `[prepare]` part of a flow file. What is left open is decided from the data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PrepareSpec {
    /// The column to predict.
    pub target: String,
    /// `binary`, `multiclass` or `regression`.
    pub task: Option<Task>,
    /// Of two classes, the one whose probability is reported.
    pub positive: Option<String>,
    /// Columns that the model must not see, with the reason.
    pub leave_out: std::collections::BTreeMap<String, String>,
    /// Columns to keep although they would be left out by themselves.
    pub keep: Vec<String>,
    /// How rows are kept apart.
    pub split: Option<Split>,
    /// Share of the rows kept back for the final judgement, 0.05 to 0.5.
    pub test_share: f64,
    /// Cross-validation folds, 2 to 20.
    pub folds: usize,
    /// At most this many rows are used; beyond, a random part is drawn (and said so).
    pub max_rows: usize,
}

impl Default for PrepareSpec {
    fn default() -> Self {
        Self {
            target: String::new(),
            task: None,
            positive: None,
            leave_out: std::collections::BTreeMap::new(),
            keep: Vec::new(),
            split: None,
            test_share: 0.25,
            folds: 5,
            max_rows: 200_000,
        }
    }
}

/// A column that the model does not see, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// The column.
    pub column: String,
    /// One word: `identifier`, `constant`, `empty`, `date`, `text`, `leak`, `chosen`.
    pub kind: String,
    /// The reason in plain words.
    pub reason: String,
}

/// A dataset made ready for training. Recomputed from the dataset and the spec, always to the same result.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// What is predicted.
    pub task: Task,
    /// The target column.
    pub target_name: String,
    /// Class names, the positive one second; empty for numbers.
    pub classes: Vec<String>,
    /// The raw columns that the model sees.
    pub features: Vec<ColumnSpec>,
    /// The columns that it does not see.
    pub left_out: Vec<LeftOut>,
    /// How rows are kept apart, and why so when it was not chosen.
    pub split: Split,
    /// Why this split.
    pub split_reason: String,
    /// The target of every row of the dataset; rows without one hold a stand-in and are in no side.
    pub y: Target,
    /// Training and hold-out rows.
    pub sides: Sides,
    /// Cross-validation folds within the training rows.
    pub folds: Vec<Sides>,
    /// Rows dropped because the target is missing.
    pub without_target: usize,
    /// Rows left unused because of `max_rows`.
    pub unused: usize,
}

/// A column known to give the target away, and how it was noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leak {
    /// The column.
    pub column: String,
    /// The evidence in words.
    pub reason: String,
}

/// Prepares a dataset. `leaks` are columns that earlier steps found to give the target away.
///
/// # Errors
/// When the target cannot be predicted, no feature is left, or a side of the split would be empty.
pub fn prepare(dataset: &Dataset, spec: &PrepareSpec, leaks: &[Leak], seed: u64) -> Result<Prepared> {
    if spec.target.is_empty() {
        return Err(Error::usage("no target was chosen").hint("Name the column to predict with --target"));
    }
    if !(0.05..=0.5).contains(&spec.test_share) {
        return Err(Error::usage(format!("test_share is {}", spec.test_share)).hint("Use a share between 0.05 and 0.5"));
    }
    if !(2..=20).contains(&spec.folds) {
        return Err(Error::usage(format!("folds is {}", spec.folds)).hint("Use between 2 and 20 folds"));
    }
    for name in spec.leave_out.keys().chain(&spec.keep) {
        dataset.spec(name)?;
    }
    let found = find_task(dataset, &spec.target)?;
    let task = spec.task.unwrap_or(found);
    let target_spec = dataset.spec(&spec.target)?;
    if task.is_classification() != found.is_classification() && found.is_classification() {
        let number = target_spec.physical != crate::data::Physical::String;
        if !number {
            return Err(Error::usage(format!(
                "target `{}` holds words and cannot be a regression target",
                spec.target
            )));
        }
    }
    let classes = if task.is_classification() {
        find_classes(&dataset.frame, target_spec, spec.positive.as_deref())?
    } else {
        Vec::new()
    };
    let task = match (task.is_classification(), classes.len()) {
        (true, 2) => Task::Binary,
        (true, _) => Task::Multiclass,
        (false, _) => Task::Regression,
    };

    let (features, left_out) = choose_features(dataset, spec, leaks)?;
    if features.is_empty() {
        return Err(Error::input(format!("{}: no column is left to learn from", dataset.source))
            .hint("Load a table with more columns, or keep one that was left out"));
    }

    // Rows without a target cannot be learned from or judged by.
    let target_column = column::get(&dataset.frame, &spec.target)?;
    let missing = target_column.is_null();
    let mut rows: Vec<u32> =
        missing.iter().enumerate().filter(|(_, m)| *m == Some(false)).map(|(i, _)| i as u32).collect();
    let without_target = dataset.rows() - rows.len();
    let unused = rows.len().saturating_sub(spec.max_rows);
    if unused > 0 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut chosen: Vec<u32> =
            rand::seq::index::sample(&mut rng, rows.len(), spec.max_rows).into_iter().map(|i| rows[i]).collect();
        chosen.sort_unstable();
        rows = chosen;
    }
    if rows.len() < 20 {
        return Err(Error::input(format!("{}: only {} rows have a target", dataset.source, rows.len()))
            .hint("At least 20 are needed to train and test; a useful model needs hundreds"));
    }
    let y = full_target(dataset, &spec.target, task, &classes)?;

    let (split, split_reason) = match &spec.split {
        Some(split) => (split.clone(), "chosen".to_owned()),
        None => propose_split(dataset, task, &y, &rows)?,
    };
    let keys = keys(dataset, &split)?;
    let sides = split::hold_out(&split, &rows, &y, &keys, spec.test_share, seed)?;
    let folds = split::folds(&split, &sides.train, &y, &keys, spec.folds, seed)?;
    if let Target::Classes { codes, count } = &y {
        let seen: BTreeSet<usize> = sides.train.iter().map(|&r| codes[r as usize]).collect();
        if seen.len() < *count {
            let absent: Vec<&str> = (0..*count).filter(|k| !seen.contains(k)).map(|k| classes[k].as_str()).collect();
            return Err(Error::input(format!("no training row is of class {}", absent.join(", ")))
                .hint("The class is too rare for this split: use another split, or drop or merge the class"));
        }
    }
    Ok(Prepared {
        task,
        target_name: spec.target.clone(),
        classes,
        features,
        left_out,
        split,
        split_reason,
        y,
        sides,
        folds,
        without_target,
        unused,
    })
}

/// Reads the target with a stand-in (first class, 0) where it is missing.
fn full_target(dataset: &Dataset, name: &str, task: Task, classes: &[String]) -> Result<Target> {
    let column = column::get(&dataset.frame, name)?;
    if column.null_count() == 0 {
        return read_target(&dataset.frame, name, task, classes);
    }
    if task == Task::Regression {
        let values = column::numbers(column)?;
        return Ok(Target::Numbers(values.into_iter().map(|v| if v.is_finite() { v } else { 0.0 }).collect()));
    }
    let codes = column::texts(column)?
        .iter()
        .map(|v| v.as_ref().and_then(|v| classes.iter().position(|c| c == v)).unwrap_or(0))
        .collect();
    Ok(Target::Classes { codes, count: classes.len() })
}

fn choose_features(dataset: &Dataset, spec: &PrepareSpec, leaks: &[Leak]) -> Result<(Vec<ColumnSpec>, Vec<LeftOut>)> {
    let (mut features, mut left_out) = (Vec::new(), Vec::new());
    for column in &dataset.columns {
        if column.name == spec.target {
            continue;
        }
        let keep = spec.keep.contains(&column.name);
        let values = column::get(&dataset.frame, &column.name)?;
        let present = values.len() - values.null_count();
        let because =
            |kind: &str, reason: String| Some(LeftOut { column: column.name.clone(), kind: kind.into(), reason });
        let reason = if let Some(reason) = spec.leave_out.get(&column.name) {
            because("chosen", if reason.is_empty() { "chosen".into() } else { reason.clone() })
        } else if let (Some(leak), false) = (leaks.iter().find(|l| l.column == column.name), keep) {
            because("leak", leak.reason.clone())
        } else if present == 0 {
            because("empty", "every value is missing".into())
        } else if values.as_materialized_series().drop_nulls().n_unique()? < 2 && values.null_count() == 0 {
            because("constant", "it holds one value only".into())
        } else {
            match column.meaning {
                Meaning::Identifier if !keep => {
                    because("identifier", "it names a row or an entity; a model would learn it by heart".into())
                }
                Meaning::DateTime => because(
                    "date",
                    "a moment as such does not repeat; derive an hour, a weekday or an age to use it".into(),
                ),
                Meaning::Text => because("text", "free text is not read yet; derive a category or a number".into()),
                _ => None,
            }
        };
        match reason {
            Some(reason) => left_out.push(reason),
            None => {
                let mut kept = column.clone();
                // An identifier that the user insists on is read by its storage.
                if kept.meaning == Meaning::Identifier {
                    kept.meaning = match kept.physical {
                        crate::data::Physical::String => Meaning::Category,
                        _ => Meaning::Number,
                    };
                }
                features.push(kept);
            }
        }
    }
    Ok((features, left_out))
}

/// The split that the data ask for: by an identifier that comes back, else by class, else by chance.
fn propose_split(dataset: &Dataset, task: Task, y: &Target, rows: &[u32]) -> Result<(Split, String)> {
    for spec in dataset.columns.iter().filter(|c| c.meaning == Meaning::Identifier) {
        let column = column::get(&dataset.frame, &spec.name)?.as_materialized_series();
        let distinct = column.n_unique()?;
        let repeats = column.len() as f64 / distinct.max(1) as f64;
        if repeats > 1.05 && distinct >= 20 && column.null_count() == 0 {
            let reason = format!(
                "{distinct} values of `{}` come {repeats:.1} times each: rows split at random would let the model recognise them",
                spec.name
            );
            return Ok((Split::Group { column: spec.name.clone() }, reason));
        }
    }
    if let (true, Target::Classes { codes, count }) = (task.is_classification(), y) {
        let mut counts = vec![0usize; *count];
        for &r in rows {
            counts[codes[r as usize]] += 1;
        }
        if counts.iter().all(|c| *c >= 2) {
            return Ok((Split::Stratified, "every class keeps its share on both sides".into()));
        }
    }
    Ok((Split::Random, "no identifier comes back, so rows can be drawn by chance".into()))
}

fn keys(dataset: &Dataset, split: &Split) -> Result<Keys> {
    Ok(match split {
        Split::Group { column } => {
            dataset.spec(column)?;
            let values = column::texts(column::get(&dataset.frame, column)?)?;
            Keys::Groups(values.into_iter().map(|v| v.unwrap_or_else(|| "missing".into())).collect())
        }
        Split::Time { column } => {
            dataset.spec(column)?;
            let values = column::numbers(column::get(&dataset.frame, column)?)
                .map_err(|e| e.hint("A split by time needs a date, a moment or a number"))?;
            if let Some(row) = values.iter().position(|v| v.is_nan()) {
                return Err(Error::input(format!("{}: `{column}` is missing in row {}", dataset.source, row + 1))
                    .hint("Drop those rows with a filter, or split by another column"));
            }
            Keys::Moments(values)
        }
        Split::Random | Split::Stratified => Keys::None,
    })
}

/// The rows at `index`, in that order.
///
/// # Errors
/// When an index is out of range.
pub fn take_rows(frame: &DataFrame, index: &[u32]) -> Result<DataFrame> {
    let index = IdxCa::from_vec("index".into(), index.iter().map(|&i| IdxSize::from(i)).collect());
    Ok(frame.take(&index)?)
}
