//! Reading a frame's columns into plain vectors, the form in which statistics and models want them.

use polars::prelude::*;

use crate::engine::guarded;
use crate::error::{Error, Result};

/// The column called `name`.
///
/// # Errors
/// When the frame has no such column.
pub fn get<'a>(frame: &'a DataFrame, name: &str) -> Result<&'a Column> {
    frame.column(name).map_err(|_| Error::input(format!("there is no column `{}`", super::brief(name, 60))))
}

/// Values as `f64`, missing as NaN. Booleans are 0 and 1, dates days since 1970, moments seconds since 1970.
///
/// # Errors
/// When the column is text.
pub fn numbers(column: &Column) -> Result<Vec<f64>> {
    crate::engine::numbers(column)
}

/// Values as text, missing as `None`. Numbers are written in their shortest form (`2`, `2.5`).
///
/// # Errors
/// When the column's type has no text form.
pub fn texts(column: &Column) -> Result<Vec<Option<String>>> {
    let series = column.as_materialized_series();
    if let DataType::Float64 = series.dtype() {
        return Ok(series.f64()?.iter().map(|v| v.filter(|v| !v.is_nan()).map(|v| v.to_string())).collect());
    }
    // Polars panics at moments outside of its calendar, which only a look at a raw file meets.
    let strings = guarded("a value cannot be shown", || Ok(series.cast(&DataType::String)?))?;
    Ok(strings.str()?.iter().map(|v| v.map(str::to_owned)).collect())
}
