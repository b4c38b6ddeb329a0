//! The columns of a table that are being taken in, and the way that the columns of a file take to them.

use std::sync::{Arc, Mutex, PoisonError};

use polars::prelude::{Column, DataType};
use rayon::prelude::*;

use crate::data::{Physical, parquet};
use crate::engine::{
    Aggregates, Control, Edges, NumberColumn, NumberPlan, RowHashes, Shape, Summary, TextColumn, TextPlan, hash,
};
use crate::error::Result;

/// A column that is being taken in.
pub enum Taken {
    /// Numbers, dates, booleans.
    Numbers(NumberColumn),
    /// Texts.
    Texts(TextColumn),
}

impl Taken {
    /// A column of which nothing was seen but a sample.
    pub fn plan(physical: Physical, numbers: &[f64], frequent: Vec<String>, most: (usize, usize)) -> Self {
        let (most_distinct, most_bytes) = most;
        let per_day = match physical {
            Physical::String => return Self::Texts(TextColumn::new(TextPlan { most_distinct, most_bytes, frequent })),
            Physical::Date => Some(1.0),
            Physical::Datetime => Some(86_400.0),
            _ => None,
        };
        let edges = Arc::new(Edges::plan(numbers));
        Self::Numbers(NumberColumn::new(NumberPlan { most_distinct, edges, per_day }))
    }

    /// Takes in the rows of a column from row `first` of the table on, and adds their cells to the hashes of these rows.
    ///
    /// # Errors
    /// When the column is of none of the six storage types.
    pub fn take(&mut self, column: &Column, place: Place, first: u64, hashes: &Mutex<Vec<u64>>) -> Result<Seen> {
        let add = |values: &mut dyn Iterator<Item = u64>| {
            let mut hashes = hashes.lock().unwrap_or_else(PoisonError::into_inner);
            hashes.iter_mut().zip(values).for_each(|(hash, v)| *hash = hash.wrapping_add(hash::cell(place.column, v)));
        };
        let texts = column.dtype() == &DataType::String;
        let present = (column.len() - column.null_count()) as u64;
        Ok(match self {
            Self::Numbers(numbers) if !texts => {
                let mut values = crate::engine::numbers(column)?;
                let mut missing = 0;
                let scale = if place.as_moment { 86_400.0 } else { 1.0 };
                for value in &mut values {
                    // Infinite values are missing, as `parquet::finite` makes them; minus zero is zero.
                    *value = if value.is_finite() { *value * scale + 0.0 } else { f64::NAN };
                    missing += u64::from(value.is_nan());
                }
                numbers.push(first, &values);
                let of = |v: &f64| if v.is_nan() { hash::MISSING } else { hash::number(*v) };
                add(&mut values.iter().map(of));
                let values = values.len() as u64 - missing;
                Seen { values, not_finite: present.saturating_sub(values) }
            }
            Self::Texts(all) if texts => {
                let strings = column.as_materialized_series().str()?;
                strings.iter().for_each(|text| all.push(text));
                let of = |t: Option<&str>| t.map_or(hash::MISSING, |t| hash::bytes(t.as_bytes()));
                add(&mut strings.iter().map(of));
                Seen { values: present, not_finite: 0 }
            }
            // Numbers where the table has texts, or the other way round: the column seemed to be empty.
            taken => {
                let finite = parquet::finite(column.clone(), &mut Vec::new())?;
                taken.constant(first, column.len(), &Source::Missing);
                add(&mut std::iter::repeat_n(hash::MISSING, column.len()));
                Seen { values: (finite.len() - finite.null_count()) as u64, not_finite: 0 }
            }
        })
    }

    /// Takes in rows that all have the same value, or none.
    pub fn constant(&mut self, first_row: u64, rows: usize, source: &Source) {
        match self {
            Self::Numbers(numbers) => {
                let value = if let Source::Number(value) = source { *value } else { f64::NAN };
                numbers.push(first_row, &vec![value; rows]);
            }
            Self::Texts(texts) => {
                let value = if let Source::Text(value) = source { Some(value.as_str()) } else { None };
                (0..rows).for_each(|_| texts.push(value));
            }
        }
    }
}

/// What was seen of rows that were taken in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// Rows with a value.
    pub values: u64,
    /// Rows whose number is infinite or none, and so missing.
    pub not_finite: u64,
}

/// Where a column of the table comes from in one file.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// A column of the file.
    Column(usize),
    /// The file's path says it.
    Number(f64),
    /// The file's path says it.
    Text(String),
    /// The file does not have it.
    Missing,
}

/// Where a column of a file goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The table's column.
    pub column: usize,
    /// The file holds days where the table holds moments.
    pub as_moment: bool,
}

/// The way from the columns of one file to those of the table.
#[derive(Debug, Clone)]
pub struct Route {
    /// Per column of the table.
    pub sources: Vec<Source>,
    /// Per column of the file; a column may be left out.
    pub places: Vec<Option<Place>>,
    /// What the columns that are not in the file add to the hash of a row.
    pub base: u64,
}

impl Route {
    /// The way of a file that is the whole table.
    pub fn straight(width: usize) -> Self {
        Self {
            sources: (0..width).map(Source::Column).collect(),
            places: (0..width).map(|column| Some(Place { column, as_moment: false })).collect(),
            base: 0,
        }
    }

    /// The way of one of several files with `width` columns. `from` tells for a column of the table where it comes from, and
    /// whether days become moments.
    pub fn new(width: usize, from: Vec<(Source, bool)>) -> Self {
        let mut route = Self { sources: Vec::with_capacity(from.len()), places: vec![None; width], base: 0 };
        for (column, (source, as_moment)) in from.into_iter().enumerate() {
            let value = match &source {
                Source::Column(i) => {
                    if let Some(place) = route.places.get_mut(*i) {
                        *place = Some(Place { column, as_moment });
                    }
                    None
                }
                Source::Number(value) => Some(hash::number(*value)),
                Source::Text(text) => Some(hash::bytes(text.as_bytes())),
                Source::Missing => Some(hash::MISSING),
            };
            route.base = route.base.wrapping_add(value.map_or(0, |v| hash::cell(column, v)));
            route.sources.push(source);
        }
        route
    }

    /// Whether days of this column of the file become moments.
    pub fn as_moment(&self, column: usize) -> bool {
        self.places.get(column).copied().flatten().is_some_and(|place| place.as_moment)
    }
}

/// What is known of the rows that were taken in.
pub struct Gathered {
    /// The columns of the table.
    pub columns: Vec<Taken>,
    /// The hashes of the rows.
    pub hashes: RowHashes,
    /// Rows taken in.
    pub rows: u64,
}

impl Gathered {
    /// Nothing was taken in yet.
    pub fn new(columns: Vec<Taken>) -> Self {
        Self { columns, hashes: RowHashes::default(), rows: 0 }
    }

    /// The aggregates of all rows. `sampled` are the numbers of the rows in the sample.
    ///
    /// # Errors
    /// When the work is cancelled.
    pub fn finish(self, sampled: Vec<u64>, control: &Control) -> Result<Aggregates> {
        control.check()?;
        let (columns, shapes): (Vec<Summary>, Vec<Option<Shape>>) = self
            .columns
            .into_par_iter()
            .map(|taken| match taken {
                Taken::Numbers(numbers) => (numbers.finish(), None),
                Taken::Texts(texts) => texts.finish(),
            })
            .unzip();
        control.check()?;
        Ok(Aggregates { rows: self.rows, columns, shapes, repeated: self.hashes.finish(control)?, sampled })
    }
}
