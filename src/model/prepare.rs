//! From a dataset to something that can be trained: target, task, features, and who is kept back.

use std::collections::BTreeSet;

use polars::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::split::{self, Keys, Sides, Split};
use super::target::{MAX_CLASSES, find_classes, find_task};
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
    /// Group or moment of every row of the dataset, when the split goes by one.
    pub keys: Keys,
    /// Why this split.
    pub split_reason: String,
    /// The target of every row of the dataset; rows without one hold a stand-in and are in no side.
    pub y: Target,
    /// Training and hold-out rows.
    pub sides: Sides,
    /// Cross-validation folds within the training rows.
    pub folds: Vec<Sides>,
    /// The group of each row kept back, as a number, when the split keeps groups together.
    pub test_groups: Option<Vec<u32>>,
    /// Rows dropped because the target is missing (or no number where one is needed).
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
    if classes.len() > MAX_CLASSES {
        return Err(Error::usage(format!("target `{}` has {} different values", spec.target, classes.len()))
            .hint(format!("At most {MAX_CLASSES} can be classes: use the task regression, or choose another target")));
    }
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
    let (y, known) = full_target(dataset, &spec.target, task, &classes)?;
    let mut rows: Vec<u32> = (0u32..).zip(&known).filter(|(_, known)| **known).map(|(row, _)| row).collect();
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

    let (split, split_reason) = match &spec.split {
        Some(split) => (split.clone(), "chosen".to_owned()),
        None => propose_split(dataset, task, &y, &rows)?,
    };
    let keys = keys(dataset, &split, &rows)?;
    let sides = split::hold_out(&split, &rows, &y, &keys, spec.test_share, seed)?;
    let mut folds = split::folds(&split, &sides.train, &y, &keys, spec.folds, seed)?;
    if let Target::Classes { codes, .. } = &y {
        // An early window of time, or one group, may hold a single class: there is nothing to learn from it.
        let varied = |rows: &[u32]| rows.windows(2).any(|w| codes[w[0] as usize] != codes[w[1] as usize]);
        folds.retain(|fold| varied(&fold.train));
        if folds.is_empty() {
            return Err(Error::input("in every fold the rows to learn from are of one class")
                .hint("Use fewer folds, or another split"));
        }
    }
    let test_groups = match &keys {
        Keys::Groups(groups) => {
            let mut numbers = std::collections::BTreeMap::new();
            Some(
                sides
                    .test
                    .iter()
                    .map(|&row| {
                        let next = numbers.len() as u32;
                        *numbers.entry(groups[row as usize].as_str()).or_insert(next)
                    })
                    .collect(),
            )
        }
        _ => None,
    };
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
        keys,
        y,
        sides,
        folds,
        test_groups,
        without_target,
        unused,
    })
}

/// Reads the target, and whether each row has one; where not, a stand-in (first class, 0) keeps its place.
fn full_target(dataset: &Dataset, name: &str, task: Task, classes: &[String]) -> Result<(Target, Vec<bool>)> {
    let column = column::get(&dataset.frame, name)?;
    if task == Task::Regression {
        let values = column::numbers(column)?;
        let known = values.iter().map(|v| v.is_finite()).collect();
        let values = values.into_iter().map(|v| if v.is_finite() { v } else { 0.0 }).collect();
        return Ok((Target::Numbers(values), known));
    }
    let index: std::collections::BTreeMap<&str, usize> =
        classes.iter().enumerate().map(|(k, class)| (class.as_str(), k)).collect();
    let found: Vec<Option<usize>> = column::texts(column)?
        .iter()
        .map(|value| value.as_deref().and_then(|value| index.get(value).copied()))
        .collect();
    let known = found.iter().map(Option::is_some).collect();
    let codes = found.into_iter().map(|code| code.unwrap_or(0)).collect();
    Ok((Target::Classes { codes, count: classes.len() }, known))
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

/// What a split needs to know of the rows.
pub(super) fn keys(dataset: &Dataset, split: &Split, rows: &[u32]) -> Result<Keys> {
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
            if let Some(row) = rows.iter().find(|row| values[**row as usize].is_nan()) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{LoadOptions, load};
    use crate::engine::Control;

    fn table(name: &str, text: &str) -> Dataset {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        load(path.to_str().unwrap(), &LoadOptions::default(), &Control::default()).unwrap()
    }

    fn spec(target: &str) -> PrepareSpec {
        PrepareSpec { target: target.into(), ..PrepareSpec::default() }
    }

    fn rows(n: usize, cells: impl Fn(usize) -> String, header: &str) -> String {
        (0..n).fold(format!("{header}\n"), |text, i| text + &cells(i) + "\n")
    }

    #[test]
    fn rows_without_a_target_are_in_no_side() {
        let text = rows(
            120,
            |i| format!("{},{}", i * 7 % 31, if i % 4 == 0 { String::new() } else { format!("{}.5", i * 13 % 101) }),
            "x,y",
        );
        let prepared = prepare(&table("t.csv", &text), &spec("y"), &[], 1).unwrap();
        assert_eq!(prepared.without_target, 30);
        assert_eq!(prepared.sides.train.len() + prepared.sides.test.len(), 90);
        assert!(prepared.sides.train.iter().chain(&prepared.sides.test).all(|r| r % 4 != 0));
        // The folds stay within the training rows, and each of these is judged once.
        let mut judged: Vec<u32> = prepared.folds.iter().flat_map(|f| f.test.clone()).collect();
        judged.sort_unstable();
        assert_eq!(judged, prepared.sides.train);
    }

    #[test]
    fn a_number_with_many_values_cannot_be_made_classes() {
        let text = rows(300, |i| format!("{},{}.25", i % 7, i * 17 % 293), "x,y");
        let spec = PrepareSpec { task: Some(Task::Multiclass), ..spec("y") };
        let error = prepare(&table("t.csv", &text), &spec, &[], 1).unwrap_err();
        assert!(error.message.contains("different values") && error.exit_code() == 2, "{error}");
    }

    #[test]
    fn leaving_out_wins_over_keeping_and_keeping_over_a_leak() {
        let text = rows(100, |i| format!("{},{},{},{}", i * 7 % 31, i * 3 % 17, i * 5 % 23, i % 2), "a,b,c,y");
        let data = table("t.csv", &text);
        let leak = |column: &str| Leak { column: column.into(), reason: "found".into() };
        let spec = PrepareSpec {
            keep: vec!["a".into(), "b".into()],
            leave_out: [("a".to_owned(), "mine".to_owned())].into(),
            ..spec("y")
        };
        let prepared = prepare(&data, &spec, &[leak("a"), leak("b"), leak("c")], 1).unwrap();
        let kinds: Vec<(&str, &str)> = prepared.left_out.iter().map(|l| (l.column.as_str(), l.kind.as_str())).collect();
        assert_eq!(kinds, [("a", "chosen"), ("c", "leak")]);
        assert_eq!(prepared.features[0].name, "b");
    }

    #[test]
    fn a_fold_that_could_learn_one_class_only_is_left_out() {
        // The first third of the time holds one class.
        let text = rows(300, |i| format!("{},{},{}", i * 7 % 31, i, usize::from(i > 100 && i % 3 == 0)), "x,t,y");
        let spec = PrepareSpec { split: Some(Split::Time { column: "t".into() }), ..spec("y") };
        let prepared = prepare(&table("t.csv", &text), &spec, &[], 1).unwrap();
        assert!(!prepared.folds.is_empty() && prepared.folds.len() < 5);
        let Target::Classes { codes, .. } = &prepared.y else { unreachable!() };
        for fold in &prepared.folds {
            assert!(fold.train.iter().any(|r| codes[*r as usize] == 1));
        }
    }

    #[test]
    fn the_groups_of_the_rows_kept_back_are_numbered() {
        let text = rows(200, |i| format!("{},c{},{}", i * 7 % 31, i / 4, i % 2), "x,customer,y");
        let spec = PrepareSpec { split: Some(Split::Group { column: "customer".into() }), ..spec("y") };
        let prepared = prepare(&table("t.csv", &text), &spec, &[], 1).unwrap();
        let groups = prepared.test_groups.unwrap();
        for (i, a) in prepared.sides.test.iter().enumerate() {
            for (j, b) in prepared.sides.test.iter().enumerate() {
                assert_eq!(groups[i] == groups[j], a / 4 == b / 4);
            }
        }
    }
}
