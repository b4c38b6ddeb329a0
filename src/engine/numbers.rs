//! A column as plain numbers.

use polars::prelude::*;

use crate::error::{Error, Result};

/// Values as `f64`, missing as NaN. Booleans are 0 and 1, dates days since 1970, moments seconds since 1970.
///
/// # Errors
/// When the column is text, or of a type that has no numbers.
pub fn numbers(column: &Column) -> Result<Vec<f64>> {
    let series = column.as_materialized_series();
    let seconds = match series.dtype() {
        DataType::String => {
            return Err(Error::input(format!("column `{}` holds text where numbers are needed", column.name())));
        }
        DataType::Float64 => return Ok(series.f64()?.iter().map(|v| v.unwrap_or(f64::NAN)).collect()),
        DataType::Datetime(unit, _) => match unit {
            TimeUnit::Nanoseconds => 1e9,
            TimeUnit::Microseconds => 1e6,
            TimeUnit::Milliseconds => 1e3,
        },
        _ => 1.0,
    };
    let physical = series.to_physical_repr();
    let floats = physical.cast(&DataType::Float64)?;
    Ok(floats.f64()?.iter().map(|v| v.map_or(f64::NAN, |v| v / seconds)).collect())
}
