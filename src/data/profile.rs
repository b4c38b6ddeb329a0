//! The profile: what is in every column, what is wrong with the table, and whether a model has a chance.

use std::collections::BTreeMap;

use chrono::DateTime;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::checks::{self, Table};
use super::column;
use super::feasibility::{self, Feasibility};
use super::finding::Finding;
use super::{ColumnSpec, Dataset, Meaning, Physical};
use crate::engine::{Control, Histogram, Summary, Values};
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

/// [`profile`] with all that is known.
///
/// # Errors
/// When a named column does not exist, or the work is cancelled.
pub fn profile_with(data: &Dataset, options: &ProfileOptions, control: &Control) -> Result<Profile> {
    let summaries = summaries(data, control)?;
    let columns: Vec<ColumnProfile> =
        data.columns.par_iter().zip(&summaries).map(|(spec, summary)| of_column(spec, summary)).collect();
    let table = Table::new(data, &summaries, options, control)?;
    let findings = checks::run(&table)?;
    let feasibility = feasibility::assess(&table)?;
    Ok(Profile {
        source: data.source.clone(),
        rows: data.rows() as u64,
        columns,
        findings,
        feasibility,
        target: options.target.clone(),
        time: table.time().map(|t| t.spec.name.clone()),
        fingerprint: data.fingerprint.clone(),
        notes: data.notes.clone(),
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

fn of_column(spec: &ColumnSpec, summary: &Summary) -> ColumnProfile {
    let physical = spec.physical;
    let counts = matches!(physical, Physical::Float | Physical::Integer);
    let dated = matches!(physical, Physical::Date | Physical::Datetime);
    let present = summary.present().max(1) as f64;
    let top = |value: Cell, count: u64| Top { value, count, share: count as f64 / present };
    let tops = match &summary.values {
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
    }
}
