//! From cells to Polars columns, with the readings that the scan found.

use polars::prelude::*;

use super::dates::{self, DAY, Order};
use super::fast;
use super::guess::{Reading, boolean, comma_to_point, number, trim};
use super::missing::{Missing, Spellings};
use crate::error::Result;

/// Collects one column of one part of the file.
pub struct ColumnBuilder {
    reading: Reading,
    values: Values,
}

enum Values {
    Integer(PrimitiveChunkedBuilder<Int64Type>),
    Float(PrimitiveChunkedBuilder<Float64Type>),
    Boolean(BooleanChunkedBuilder),
    Days(PrimitiveChunkedBuilder<Int32Type>),
    Text(StringChunkedBuilder),
}

impl ColumnBuilder {
    /// A builder for a column of that name and reading.
    pub fn new(name: &str, reading: Reading, capacity: usize) -> Self {
        let name = PlSmallStr::from(name);
        let values = match reading {
            Reading::Integer | Reading::Datetime(_) => Values::Integer(PrimitiveChunkedBuilder::new(name, capacity)),
            Reading::Float | Reading::CommaFloat => Values::Float(PrimitiveChunkedBuilder::new(name, capacity)),
            Reading::Boolean => Values::Boolean(BooleanChunkedBuilder::new(name, capacity)),
            Reading::Date(_) => Values::Days(PrimitiveChunkedBuilder::new(name, capacity)),
            Reading::Text => Values::Text(StringChunkedBuilder::new(name, capacity)),
        };
        Self { reading, values }
    }

    /// Takes in one cell. A cell that does not fit the reading is a spelling of "missing", or infinite.
    pub fn push(&mut self, cell: &[u8], spellings: &Spellings) {
        let word = trim(cell);
        match &mut self.values {
            Values::Integer(values) => {
                let value = match self.reading {
                    _ if spellings.class(word).is_some() => None,
                    Reading::Datetime(order) => micros(order, word),
                    _ => number(word),
                };
                append(values, value);
            }
            Values::Float(values) => {
                let value = match self.reading {
                    _ if spellings.class(word).is_some() => None,
                    Reading::CommaFloat => comma_to_point(word),
                    _ => match fast::number(word, b'\n') {
                        Some((value, length, _)) if length == word.len() => Some(value),
                        _ => number(word),
                    },
                };
                append(values, value.filter(|v: &f64| v.is_finite()));
            }
            Values::Boolean(values) => match boolean(word) {
                Some(value) => values.append_value(value),
                None => values.append_null(),
            },
            Values::Days(values) => {
                let day = match self.reading {
                    _ if spellings.class(word).is_some() => None,
                    Reading::Date(order) => micros(order, word).map(|m| m.div_euclid(DAY)),
                    _ => None,
                };
                append(values, day.and_then(|d| i32::try_from(d).ok()));
            }
            Values::Text(values) => {
                // Blanks around a text are data (a level `WD ` is a finding); blanks alone are not.
                if spellings.class(word) == Some(Missing::Always) {
                    values.append_null();
                } else {
                    values.append_option(std::str::from_utf8(cell).ok());
                }
            }
        }
    }

    /// The column.
    ///
    /// # Errors
    /// When Polars cannot mark whole numbers as moments.
    pub fn finish(self) -> Result<Series> {
        Ok(match self.values {
            Values::Integer(values) => {
                let series = values.finish().into_series();
                match self.reading {
                    Reading::Datetime(_) => series.cast(&DataType::Datetime(TimeUnit::Microseconds, None))?,
                    _ => series,
                }
            }
            Values::Float(values) => values.finish().into_series(),
            Values::Boolean(values) => values.finish().into_series(),
            Values::Days(values) => values.finish().into_series().cast(&DataType::Date)?,
            Values::Text(values) => values.finish().into_series(),
        })
    }
}

/// Microseconds since 1970 of a cell.
fn micros(order: Order, cell: &[u8]) -> Option<i64> {
    match fast::moment(cell, b'\n') {
        Some((micros, length, _)) if order == Order::YmdDash && length == cell.len() => Some(micros),
        _ => dates::parse(order, cell).map(|m| m.micros),
    }
}

fn append<T: PolarsNumericType>(values: &mut PrimitiveChunkedBuilder<T>, value: Option<T::Native>) {
    match value {
        Some(value) => values.append_value(value),
        None => values.append_null(),
    }
}
