//! The profile: what is in every column, what is wrong with the table, and whether a model has a chance.

use std::collections::BTreeMap;

use chrono::DateTime;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::checks::{self, Table};
use super::column;
use super::csv::Reading;
use super::feasibility::{self, Feasibility};
use super::finding::Finding;
use super::{ColumnSpec, Dataset, Meaning, Physical};
use crate::engine::{Control, Distinct, FREQUENT_SHARE, Histogram, Repeated, Shape, Summary, Values};
use crate::error::Result;

/// What the profile should know beyond the table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProfileOptions {
    /// The column to predict.
    pub target: Option<String>,
    /// Columns from which the target was derived: each of them gives the answer away.
    pub leaks: Vec<String>,
    /// The column that says when a row happened; found by itself when absent.
    pub time: Option<String>,
}

/// A value in the profile: a number, or text for dates and words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Cell {
    /// A number.
    Number(f64),
    /// A word, or a date in ISO 8601.
    Text(String),
}

/// One of the most frequent values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Top {
    /// The value.
    pub value: Cell,
    /// Rows that have it.
    pub count: u64,
    /// Their share of the rows that have any value, 0 to 1.
    pub share: f64,
}

/// The profile of one column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnProfile {
    /// Its name.
    pub name: String,
    /// Its meaning.
    pub kind: Meaning,
    /// Its storage.
    pub physical: Physical,
    /// Rows without a value.
    pub missing: u64,
    /// Distinct values among the others.
    pub distinct: u64,
    /// Mean of numbers; share of true of booleans.
    pub mean: Option<f64>,
    /// Sample standard deviation of numbers (divisor n - 1, as pandas).
    pub std: Option<f64>,
    /// Smallest number or earliest date.
    pub min: Option<Cell>,
    /// Largest number or latest date.
    pub max: Option<Cell>,
    /// Quantiles by their share (`0.05`), linearly interpolated as numpy does by default. Empty for text.
    pub quantiles: BTreeMap<String, Cell>,
    /// The most frequent values, at most ten.
    pub top: Vec<Top>,
    /// Counts between edges, for numbers and dates (days or seconds since 1970, as stored).
    pub histogram: Option<Histogram>,
    /// Adjusted Fisher-Pearson skewness of numbers, as pandas.
    pub skewness: Option<f64>,
    /// Zeros among numbers.
    pub zeros: Option<u64>,
    /// Negative numbers.
    pub negative: Option<u64>,
    /// Infinite numbers.
    pub infinite: u64,
    /// Spellings that were read as missing, with counts.
    pub missing_spellings: Vec<(String, u64)>,
    /// The `strftime` format of dates.
    pub format: Option<String>,
    /// Lengths of texts.
    #[serde(default)]
    pub texts: Option<TextShape>,
    /// What of this is exact and what is estimated. Counts of rows, of missing, infinite, zero and negative values, mean,
    /// deviation, skewness, minimum and maximum always come from all rows.
    #[serde(default)]
    pub precision: Precision,
}

/// The lengths of the texts of a column, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TextShape {
    /// Of the shortest.
    pub shortest: u64,
    /// Of the longest.
    pub longest: u64,
    /// On average.
    pub mean: f64,
    /// Texts with a character beyond ASCII.
    pub non_ascii: u64,
}

/// How exact a figure is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Accuracy {
    /// Whether it was counted from all rows.
    pub exact: bool,
    /// Its error when it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<f64>,
    /// What the error is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub what: String,
}

impl Default for Accuracy {
    fn default() -> Self {
        Self { exact: true, error: None, what: String::new() }
    }
}

impl Accuracy {
    fn within(error: f64, what: &str) -> Self {
        Self { exact: false, error: Some(error), what: what.to_owned() }
    }
}

/// How exact the figures of a column are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Precision {
    /// Of the number of distinct values.
    pub distinct: Accuracy,
    /// Of the quantiles and of the histogram.
    pub quantiles: Accuracy,
    /// Of the list of the most frequent values; the counts in it are exact.
    pub top: Accuracy,
}

impl Precision {
    fn of(summary: &Summary) -> Self {
        let Some(sketch) = &summary.sketch else { return Self::default() };
        Self {
            distinct: Accuracy::within(Distinct::ERROR, "relative standard error"),
            quantiles: match &summary.values {
                Values::Numbers(_) => Accuracy::within(sketch.rank_error, "share of the rows, at most"),
                Values::Texts(_) => Accuracy::default(),
            },
            top: Accuracy::within(FREQUENT_SHARE, "share of the rows below which a value may be absent"),
        }
    }
}

/// Which rows were looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Examined {
    /// Rows that the figures of columns come from: all.
    pub rows: u64,
    /// Rows on which rows and columns were compared with each other (order of dates, missing in time, correlation, leaks).
    pub sampled_rows: u64,
}

/// What is known of all rows of a table of which only a sample is at hand.
#[derive(Debug, Clone, Default)]
pub struct Whole {
    /// Rows of the table.
    pub rows: u64,
    /// The numbers (from 0) of the rows at hand.
    pub sampled: Vec<u64>,
    /// Rows that repeat an earlier one.
    pub repeated: Repeated,
    /// Of each column of text that is nearly numbers or dates, the cells that are not.
    pub misfits: Vec<Option<Misfits>>,
}

/// Cells because of which a column is text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfits {
    /// What the other cells are.
    pub reading: Reading,
    /// How many there are.
    pub count: u64,
    /// The first ten: the row (from 0) and what stands there.
    pub first: Vec<(u64, String)>,
}

impl Misfits {
    /// None seen yet of a column that is nearly `reading`.
    #[must_use]
    pub fn of(reading: Reading) -> Self {
        Self { reading, count: 0, first: Vec::new() }
    }
}

/// The profile of a table. Its JSON is promised to users.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// Where the table came from.
    pub source: String,
    /// Rows.
    pub rows: u64,
    /// The columns, in order.
    pub columns: Vec<ColumnProfile>,
    /// What was found, the most severe first.
    pub findings: Vec<Finding>,
    /// Whether a model has a chance.
    pub feasibility: Feasibility,
    /// The target, when one was named.
    pub target: Option<String>,
    /// The column that says when a row happened.
    pub time: Option<String>,
    /// SHA-256 of the source.
    pub fingerprint: String,
    /// What loading did that a person should know.
    pub notes: Vec<String>,
    /// Which rows were looked at.
    #[serde(default)]
    pub examined: Examined,
}

/// The shares at which quantiles are given.
pub const QUANTILES: [(&str, f64); 7] =
    [("0.01", 0.01), ("0.05", 0.05), ("0.25", 0.25), ("0.5", 0.5), ("0.75", 0.75), ("0.95", 0.95), ("0.99", 0.99)];

/// Profiles a table, with findings for a target when one is named.
///
/// # Errors
/// When there is no column of the target's name, or the work is cancelled.
pub fn profile(data: &Dataset, target: Option<&str>, control: &Control) -> Result<Profile> {
    let options = ProfileOptions { target: target.map(str::to_owned), ..ProfileOptions::default() };
    profile_with(data, &options, control)
}

/// Tables in memory with more cells than this are profiled in one pass instead of column by column: sorting each column of ten
/// million rows takes half a minute and as much memory again as the table.
const HELD_CELLS: usize = 40_000_000;

/// [`profile`] with all that is known. Of a very large table some figures are estimated, and said to be so.
///
/// # Errors
/// When a named column does not exist, or the work is cancelled.
pub fn profile_with(data: &Dataset, options: &ProfileOptions, control: &Control) -> Result<Profile> {
    if data.rows().saturating_mul(data.columns.len()) > HELD_CELLS {
        return super::stream::profile_held(data, options, &super::stream::Limits::default(), control);
    }
    let summaries = summaries(data, control)?;
    let shapes: Vec<Option<Shape>> = summaries.par_iter().map(shape).collect();
    assemble(data, &summaries, &shapes, None, options, control)
}

/// The lengths of the distinct texts of a summary.
fn shape(summary: &Summary) -> Option<Shape> {
    let tally = summary.values.texts().filter(|t| t.distinct() > 0)?;
    let mut shape = Shape::default();
    tally.entries().iter().for_each(|(text, n)| shape.push(text, *n));
    Some(shape)
}

/// The profile from summaries of all rows; `data` holds all rows, or a sample of them when `whole` says so.
///
/// # Errors
/// When a named column does not exist, or the work is cancelled.
pub fn assemble(
    data: &Dataset,
    summaries: &[Summary],
    shapes: &[Option<Shape>],
    whole: Option<&Whole>,
    options: &ProfileOptions,
    control: &Control,
) -> Result<Profile> {
    let columns: Vec<ColumnProfile> = (data.columns.par_iter().zip(summaries).zip(shapes))
        .map(|((spec, summary), shape)| of_column(spec, summary, shape.as_ref()))
        .collect();
    let table = Table::new(data, summaries, options, whole, control)?;
    let findings = checks::run(&table)?;
    let feasibility = feasibility::assess(&table)?;
    Ok(Profile {
        source: data.source.clone(),
        rows: table.rows() as u64,
        columns,
        findings,
        feasibility,
        target: options.target.clone(),
        time: table.time().map(|t| t.spec.name.clone()),
        fingerprint: data.fingerprint.clone(),
        notes: data.notes.clone(),
        examined: Examined { rows: table.rows() as u64, sampled_rows: data.rows() as u64 },
    })
}

/// The aggregates of all columns, computed in parallel.
///
/// # Errors
/// When the work is cancelled.
pub fn summaries(data: &Dataset, control: &Control) -> Result<Vec<Summary>> {
    let done = std::sync::atomic::AtomicUsize::new(0);
    let all = data.columns.len().max(1);
    data.columns
        .par_iter()
        .map(|spec| {
            let summary = Summary::of(column::get(&data.frame, &spec.name)?, control)?;
            let done = 1 + done.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            control.report("profile", Some(done as f64 / all as f64 * 0.6), super::brief(&spec.name, 40));
            Ok(summary)
        })
        .collect()
}

/// A number of a column as the profile shows it: dates in ISO 8601, booleans as words.
#[must_use]
pub fn cell(physical: Physical, value: f64) -> Cell {
    match physical {
        Physical::Date => Cell::Text(iso(value * 86_400.0, false)),
        Physical::Datetime => Cell::Text(iso(value, true)),
        Physical::Boolean => Cell::Text(if value == 0.0 { "false" } else { "true" }.to_owned()),
        Physical::Float | Physical::Integer | Physical::String => Cell::Number(value),
    }
}

/// Seconds since 1970 in ISO 8601, with or without the time of day.
#[must_use]
pub fn iso(seconds: f64, time: bool) -> String {
    // A float holds microseconds exactly only to about 2255; rounding to milliseconds hides the rest.
    let millis = (seconds * 1000.0).round();
    match DateTime::from_timestamp_millis(millis as i64) {
        Some(moment) if !time => moment.format("%Y-%m-%d").to_string(),
        Some(moment) if moment.timestamp_subsec_millis() == 0 => moment.format("%Y-%m-%dT%H:%M:%S").to_string(),
        Some(moment) => moment.format("%Y-%m-%dT%H:%M:%S%.3f").to_string(),
        None => format!("{seconds} s"),
    }
}

fn of_column(spec: &ColumnSpec, summary: &Summary, shape: Option<&Shape>) -> ColumnProfile {
    let physical = spec.physical;
    let counts = matches!(physical, Physical::Float | Physical::Integer);
    let dated = matches!(physical, Physical::Date | Physical::Datetime);
    let present = summary.present().max(1) as f64;
    let top = |value: Cell, count: u64| Top { value, count, share: count as f64 / present };
    let tops = match summary.known() {
        Values::Numbers(t) => t.top(10).into_iter().map(|(v, n)| top(cell(physical, v), n)).collect(),
        Values::Texts(t) => t.top(10).into_iter().map(|(v, n)| top(Cell::Text(v), n)).collect(),
    };
    let any = summary.moments.count > 0;
    let number = |v: f64, wanted: bool| (wanted && any).then_some(v);
    let tally = summary.values.numbers();
    let quantiles = match tally.filter(|_| counts || dated) {
        Some(t) => {
            let values = t.quantiles(&QUANTILES.map(|(_, q)| q));
            QUANTILES.iter().zip(values).map(|((name, _), v)| ((*name).to_owned(), cell(physical, v))).collect()
        }
        None => BTreeMap::new(),
    };
    let count_if = |test: fn(f64) -> bool| {
        tally.filter(|_| counts).map(|t| t.entries().iter().filter(|(v, _)| test(*v)).map(|(_, n)| n).sum())
    };
    let drawn = matches!(spec.meaning, Meaning::Number | Meaning::DateTime);
    ColumnProfile {
        name: spec.name.clone(),
        kind: spec.meaning,
        physical,
        missing: summary.missing,
        distinct: summary.distinct() as u64,
        mean: number(summary.moments.mean, counts || physical == Physical::Boolean),
        std: summary.moments.std().filter(|_| counts),
        min: number(summary.moments.min, counts || dated).map(|v| cell(physical, v)),
        max: number(summary.moments.max, counts || dated).map(|v| cell(physical, v)),
        quantiles,
        top: tops,
        histogram: tally.filter(|_| drawn).and_then(Histogram::of),
        skewness: summary.moments.skewness().filter(|_| counts),
        zeros: count_if(|v| v == 0.0),
        negative: count_if(|v| v < 0.0),
        infinite: summary.infinite,
        missing_spellings: spec.missing_spellings.clone(),
        format: spec.date_format.clone(),
        texts: shape.map(|s| TextShape {
            shortest: s.shortest,
            longest: s.longest,
            mean: s.characters as f64 / present,
            non_ascii: s.non_ascii,
        }),
        precision: Precision::of(summary),
    }
}
