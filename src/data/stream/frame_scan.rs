//! The scan of a table in memory that is too large for sorting every column: part by part of its rows, the columns of a part in
//! parallel, into the same aggregates that a file gives.

use std::sync::{Mutex, PoisonError};

use polars::prelude::*;
use rayon::prelude::*;

use super::gather::{Gathered, Place, Taken};
use super::parquet_scan::{PLACES, ROWS, sampled};
use super::{Limits, frequent};
use crate::data::{ColumnSpec, Dataset, thousands};
use crate::engine::{Aggregates, Control, Executor};
use crate::error::Result;

/// Rows that are taken in at once.
const PART: usize = 1 << 17;

/// A table in memory that is about to be read once.
pub struct FrameScan<'a> {
    data: &'a Dataset,
    limits: Limits,
}

impl<'a> FrameScan<'a> {
    /// A scan of a table.
    pub fn new(data: &'a Dataset, limits: Limits) -> Self {
        Self { data, limits }
    }

    /// The plan of a column, from values at evenly spaced places.
    fn plan(&self, spec: &ColumnSpec, values: &Column, control: &Control) -> Result<Taken> {
        control.check()?;
        let width = self.data.columns.len();
        let most = (self.limits.distinct_of(width), self.limits.text_bytes_of(width));
        let (mut numbers, mut texts) = (Vec::new(), Vec::new());
        for place in 0..PLACES {
            let piece = values.slice((place * self.data.rows() / PLACES) as i64, ROWS);
            match piece.as_materialized_series().str() {
                Ok(strings) => texts.extend(strings.iter().flatten().map(str::to_owned)),
                Err(_) => numbers.extend(crate::engine::numbers(&piece)?),
            }
        }
        Ok(Taken::plan(spec.physical, &numbers, frequent(texts.iter().map(String::as_str)), most))
    }
}

impl Executor for FrameScan<'_> {
    type Rows = DataFrame;

    fn aggregate(&mut self, control: &Control) -> Result<(Aggregates, DataFrame)> {
        let rows = self.data.rows();
        let this = &*self;
        let columns = self.data.columns.par_iter().zip(self.data.frame.columns());
        let plans = columns.map(|(spec, values)| this.plan(spec, values, control)).collect::<Result<Vec<_>>>()?;
        let mut to = Gathered::new(plans);
        for from in (0..rows).step_by(PART) {
            control.check()?;
            let share = from as f64 / rows.max(1) as f64;
            let note = format!("{} of {} rows", thousands(from as u64), thousands(rows as u64));
            control.report("profile", Some(share * 0.8), note);
            let hashes = Mutex::new(vec![0; PART.min(rows - from)]);
            to.columns.par_iter_mut().zip(self.data.frame.columns()).enumerate().try_for_each(
                |(column, (taken, values))| {
                    control.check()?;
                    let place = Place { column, as_moment: false };
                    taken.take(&values.slice(from as i64, PART), place, from as u64, &hashes).map(|_| ())
                },
            )?;
            to.hashes.push(&hashes.into_inner().unwrap_or_else(PoisonError::into_inner));
        }
        to.rows = rows as u64;
        let sampled = sampled(rows as u64, self.limits.sample_rows);
        let picked: IdxCa = sampled.iter().map(|row| Some(*row as IdxSize)).collect();
        let sample = self.data.frame.take(&picked)?;
        Ok((to.finish(sampled, control)?, sample))
    }
}
