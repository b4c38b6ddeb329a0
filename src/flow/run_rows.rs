//! The table that a run learned from, read again: what is not kept with a run (training rows, columns that the model does not read)
//! is taken from its source, provided that this is unchanged.

use polars::frame::DataFrame;

use crate::data::Dataset;
use crate::engine::Control;
use crate::error::{Error, Result};
use crate::model::Prepared;

use super::data_steps::{prepared, read};
use super::record::RunRecord;
use super::workshop::Workshop;

/// A run's table and split.
pub(super) struct RunRows {
    /// The table.
    pub(super) dataset: Dataset,
    /// Its target and sides.
    pub(super) prepared: Prepared,
}

/// Reads a run's table again.
///
/// # Errors
/// When it cannot be read, or is not what the run learned from any more.
pub(super) fn run_rows(shop: &Workshop, run: &RunRecord, test: &[u32], control: &Control) -> Result<RunRows> {
    let walk = shop.walk(&run.walk)?;
    control.report("reading", None, &run.data.source);
    let dataset = read(&walk.flow.load, &walk.flow.derive, &control.silent())?;
    let changed = |what: &str| {
        Err(Error::input(format!("{what} since run {} was trained", run.id)).hint("Train again, and use the new run"))
    };
    if dataset.fingerprint != run.data.fingerprint {
        return changed(&format!("the data of {} changed", run.data.source));
    }
    let prepared = prepared(shop, &walk, &dataset)?;
    if prepared.sides.test != test {
        return changed("the walk's choices changed");
    }
    Ok(RunRows { dataset, prepared })
}

/// The values of a column as words, one a row; numbers of many values in four bands of equal size.
///
/// # Errors
/// When the column is not in the frame.
pub(super) fn group_values(frame: &DataFrame, column: &str) -> Result<Vec<Option<String>>> {
    let values = crate::data::column::get(frame, column)?;
    let texts = crate::data::column::texts(values)?;
    let distinct: std::collections::BTreeSet<&String> = texts.iter().flatten().collect();
    if distinct.len() <= BANDS_FROM {
        return Ok(texts);
    }
    let Ok(numbers) = crate::data::column::numbers(values) else { return Ok(texts) };
    let mut sorted: Vec<f64> = numbers.iter().copied().filter(|v| v.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let cut = |q: usize| sorted.get(q * sorted.len() / 4).copied().unwrap_or(f64::NAN);
    let cuts = [cut(1), cut(2), cut(3)];
    Ok(numbers
        .into_iter()
        .map(|v| {
            v.is_finite().then(|| {
                // Numbered, so that bands sort as they lie.
                match cuts.iter().filter(|c| v >= **c).count() {
                    0 => format!("1: below {}", cuts[0]),
                    3 => format!("4: {} and more", cuts[2]),
                    band => format!("{}: {} to {}", band + 1, cuts[band - 1], cuts[band]),
                }
            })
        })
        .collect())
}

/// Numbers of more values than this are told in bands.
const BANDS_FROM: usize = 20;
