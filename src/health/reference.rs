//! The shape of the training data, kept in little room, so that a watch needs no training rows.

use std::collections::{BTreeMap, BTreeSet};

use polars::frame::DataFrame;
use polars::prelude::{Column, DataType};
use serde::{Deserialize, Serialize};

use crate::data::{ColumnSpec, Meaning, column};
use crate::engine::Control;
use crate::error::{Error, Result};

/// Bins for numbers with many values; fewer when there are few rows.
const BINS: usize = 10;
/// Numbers with at most this many values are compared value by value.
const FEW_VALUES: usize = 20;
/// The most categories that get a bin of their own.
const MOST_LEVELS: usize = 30;
/// Categories with fewer rows, or a smaller share, are taken together.
const LEAST_ROWS: u64 = 5;
const LEAST_SHARE: f64 = 0.005;
/// The most rare categories whose names are kept, to tell unseen ones.
const MOST_RARE: usize = 2000;
/// The most values kept of a number's distribution.
const SKETCH: usize = 1001;

/// What the columns looked like in the training data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DriftReference {
    /// Rows of the training data.
    pub rows: u64,
    /// The columns that are compared.
    pub columns: Vec<ReferenceColumn>,
}

/// One column's shape.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReferenceColumn {
    /// The column's name.
    pub name: String,
    /// What it is about.
    pub meaning: Meaning,
    /// How values are put into bins.
    pub bins: Bins,
    /// Rows in each bin; the last bin holds missing values.
    pub counts: Vec<u64>,
    /// For numbers: up to 1,001 values that stand for the distribution, in rising order, each with the same weight.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sketch: Vec<f64>,
    /// For numbers: the standard deviation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub std: Option<f64>,
}

/// How values are put into bins. After these bins comes the one for missing values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
pub enum Bins {
    /// Numbers: bin i holds values above edge i − 1 and up to edge i; the last one those above all edges.
    Quantiles {
        /// The inner edges, rising.
        edges: Vec<f64>,
        /// Least value of the reference.
        min: f64,
        /// Greatest value of the reference.
        max: f64,
    },
    /// One bin for each level, then one for all others.
    Levels {
        /// The levels that have their own bin.
        names: Vec<String>,
        /// The rare levels, in the bin for others; unseen ones go there too.
        rare: Vec<String>,
        /// Whether `rare` is complete, so that unseen levels can be told.
        complete: bool,
    },
    /// One bin: a value is present. For texts, moments and identifiers, whose values always change.
    Presence,
}

/// A column's values in the form in which they are put into bins.
pub(super) enum Values {
    /// NaN is missing.
    Numbers(Vec<f64>),
    Texts(Vec<Option<String>>),
    Present(Vec<bool>),
}

/// The values put into bins.
pub(super) struct Binned {
    /// Rows per bin; the last one missing.
    pub counts: Vec<u64>,
    /// Which rows have a value outside what the reference knows.
    pub outside: Vec<bool>,
    /// For numbers: finite values in rising order.
    pub sorted: Vec<f64>,
}

impl DriftReference {
    /// Learns the shape of `frame`, which should be the training rows, for the columns in `specs`.
    ///
    /// # Errors
    /// When the frame has no rows or lacks a column, or the work is cancelled.
    pub fn fit(frame: &DataFrame, specs: &[ColumnSpec], control: &Control) -> Result<Self> {
        if frame.height() == 0 {
            return Err(
                Error::input("the reference data have no rows").hint("Compare with the data the model was trained on")
            );
        }
        let mut columns = Vec::with_capacity(specs.len());
        for (i, spec) in specs.iter().enumerate() {
            control.check()?;
            control.report(format!("reference of {}", spec.name), Some(i as f64 / specs.len() as f64), "");
            let column = column::get(frame, &spec.name)?;
            let values = match spec.meaning {
                Meaning::Number => {
                    read_numbers(column).map_or_else(|| read_texts(column, false), |v| Ok(Values::Numbers(v)))
                }
                Meaning::Category => read_texts(column, false),
                Meaning::Boolean => read_texts(column, true),
                Meaning::DateTime | Meaning::Text | Meaning::Identifier => Ok(read_presence(column)),
            }?;
            columns.push(ReferenceColumn::fit(&spec.name, spec.meaning, values));
        }
        Ok(Self { rows: frame.height() as u64, columns })
    }
}

impl ReferenceColumn {
    fn fit(name: &str, meaning: Meaning, values: Values) -> Self {
        let (bins, sketch, std) = match &values {
            Values::Numbers(v) => number_bins(v),
            Values::Texts(v) => (levels(v.iter().flatten().map(String::as_str)), Vec::new(), None),
            Values::Present(_) => (Bins::Presence, Vec::new(), None),
        };
        let counts = bins.put(values).counts;
        Self { name: name.to_owned(), meaning, bins, counts, sketch, std }
    }

    /// Reads the same column of other data in the form in which this one is binned. `None` when it holds something else
    /// there (texts where numbers are needed).
    pub(super) fn read(&self, column: &Column) -> Option<Values> {
        match &self.bins {
            Bins::Presence => Some(read_presence(column)),
            _ if self.meaning == Meaning::Number && !self.sketch.is_empty() => {
                read_numbers(column).map(Values::Numbers)
            }
            _ => read_texts(column, self.meaning == Meaning::Boolean).ok(),
        }
    }

    /// Rows with a missing value.
    pub(super) fn missing(&self) -> u64 {
        self.counts.last().copied().unwrap_or(0)
    }
}

fn read_numbers(column: &Column) -> Option<Vec<f64>> {
    if column.null_count() == column.len() {
        return Some(vec![f64::NAN; column.len()]);
    }
    column::numbers(column).ok()
}

/// Texts; truth values are spelled `true` and `false` however they are stored.
fn read_texts(column: &Column, truth: bool) -> Result<Values> {
    let texts = column::texts(column)?;
    let spell = |t: String| match t.to_lowercase().as_str() {
        "1" | "true" | "yes" | "y" | "t" => "true".to_owned(),
        "0" | "false" | "no" | "n" | "f" => "false".to_owned(),
        _ => t,
    };
    Ok(Values::Texts(if truth { texts.into_iter().map(|t| t.map(spell)).collect() } else { texts }))
}

fn read_presence(column: &Column) -> Values {
    let missing = column.as_materialized_series().is_null();
    let nan = (*column.dtype() == DataType::Float64).then(|| column::numbers(column).ok()).flatten();
    let present = missing
        .iter()
        .enumerate()
        .map(|(i, null)| null == Some(false) && nan.as_ref().is_none_or(|v| v.get(i).is_some_and(|x| !x.is_nan())));
    Values::Present(present.collect())
}

fn number_bins(values: &[f64]) -> (Bins, Vec<f64>, Option<f64>) {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let (Some(min), Some(max)) = (sorted.first().copied(), sorted.last().copied()) else {
        return (levels(std::iter::empty()), Vec::new(), None);
    };
    let n = sorted.len();
    let mean = sorted.iter().sum::<f64>() / n as f64;
    let std = (sorted.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n as f64).sqrt();
    let sketch = sketch(&sorted);
    let distinct = sorted.chunk_by(|a, b| a == b).take(FEW_VALUES + 1).count();
    if distinct <= FEW_VALUES {
        let texts: Vec<String> = sorted.iter().map(ToString::to_string).collect();
        return (levels(texts.iter().map(String::as_str)), sketch, Some(std));
    }
    let bins = BINS.min(n / 10).max(2);
    let mut edges: Vec<f64> =
        (1..bins).filter_map(|k| sorted.get((k * n).div_ceil(bins).max(1) - 1)).copied().filter(|e| *e < max).collect();
    edges.dedup();
    (Bins::Quantiles { edges, min, max }, sketch, Some(std))
}

/// All values when there are few, else evenly spaced quantiles.
fn sketch(sorted: &[f64]) -> Vec<f64> {
    let n = sorted.len();
    if n <= SKETCH {
        return sorted.to_vec();
    }
    let place = |i: usize| ((i as f64 + 0.5) / SKETCH as f64 * n as f64) as usize;
    (0..SKETCH).filter_map(|i| sorted.get(place(i).min(n - 1))).copied().collect()
}

fn levels<'a>(values: impl Iterator<Item = &'a str>) -> Bins {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    let rows: u64 = counts.values().sum();
    let mut common: Vec<(&str, u64)> = counts
        .iter()
        .map(|(name, n)| (*name, *n))
        .filter(|(_, n)| *n >= LEAST_ROWS && *n as f64 >= LEAST_SHARE * rows as f64)
        .collect();
    common.sort_by_key(|(name, n)| (std::cmp::Reverse(*n), *name));
    common.truncate(MOST_LEVELS);
    let names: BTreeSet<&str> = common.iter().map(|(name, _)| *name).collect();
    let rare: Vec<String> = counts.keys().filter(|n| !names.contains(*n)).map(|n| (*n).to_owned()).collect();
    let complete = rare.len() <= MOST_RARE;
    Bins::Levels {
        names: names.into_iter().map(str::to_owned).collect(),
        rare: if complete { rare } else { Vec::new() },
        complete,
    }
}

impl Bins {
    /// Bins without the one for missing values.
    fn present(&self) -> usize {
        match self {
            Self::Quantiles { edges, .. } => edges.len() + 1,
            Self::Levels { names, .. } => names.len() + 1,
            Self::Presence => 1,
        }
    }

    /// Puts values into the bins.
    pub(super) fn put(&self, values: Values) -> Binned {
        let missing = self.present();
        let mut binned = Binned { counts: vec![0; missing + 1], outside: Vec::new(), sorted: Vec::new() };
        let mut add = |bin: usize, outside: bool| {
            if let Some(count) = binned.counts.get_mut(bin) {
                *count += 1;
            }
            binned.outside.push(outside);
        };
        match (self, &values) {
            (Self::Quantiles { edges, min, max }, Values::Numbers(v)) => {
                for x in v {
                    if x.is_nan() {
                        add(missing, false);
                    } else {
                        add(edges.partition_point(|e| e < x), x < min || x > max);
                    }
                }
            }
            (Self::Levels { .. }, Values::Numbers(v)) => {
                let known = Known::new(self);
                for x in v {
                    let text = (!x.is_nan()).then(|| x.to_string());
                    let (bin, outside) = known.find(text.as_deref());
                    add(bin, outside);
                }
            }
            (Self::Levels { .. }, Values::Texts(v)) => {
                let known = Known::new(self);
                for text in v {
                    let (bin, outside) = known.find(text.as_deref());
                    add(bin, outside);
                }
            }
            (_, Values::Present(v)) => v.iter().for_each(|p| add(if *p { 0 } else { missing }, false)),
            // Values of another kind than the bins': nothing is known of them.
            (_, Values::Numbers(v)) => v.iter().for_each(|_| add(missing, false)),
            (_, Values::Texts(v)) => v.iter().for_each(|_| add(missing, false)),
        }
        if let Values::Numbers(v) = values {
            binned.sorted = v;
            binned.sorted.retain(|x| x.is_finite());
            binned.sorted.sort_by(f64::total_cmp);
        }
        binned
    }
}

/// Finds a level's bin.
struct Known<'a> {
    own: BTreeMap<&'a str, usize>,
    rare: BTreeSet<&'a str>,
    complete: bool,
}

impl<'a> Known<'a> {
    fn new(bins: &'a Bins) -> Self {
        let (names, rare, complete) = match bins {
            Bins::Levels { names, rare, complete } => (names.as_slice(), rare.as_slice(), *complete),
            _ => (&[][..], &[][..], false),
        };
        Self {
            own: names.iter().enumerate().map(|(i, n)| (n.as_str(), i)).collect(),
            rare: rare.iter().map(String::as_str).collect(),
            complete,
        }
    }

    /// The bin, and whether the level was never seen.
    fn find(&self, level: Option<&str>) -> (usize, bool) {
        let others = self.own.len();
        match level {
            None => (others + 1, false),
            Some(name) => match self.own.get(name) {
                Some(bin) => (*bin, false),
                None => (others, self.complete && !self.rare.contains(name)),
            },
        }
    }
}
