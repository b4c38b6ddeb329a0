//! Columns within columns: structures are spread over columns of their own, lists are left out.

use polars::prelude::*;

use crate::data::display::brief;
use crate::error::{Error, Result};

/// Structures within structures are followed this far.
const DEEPEST: usize = 32;

/// Whether a column of this type can be brought into a table.
fn is_cell(dtype: &DataType) -> bool {
    use DataType as D;
    match dtype {
        D::Boolean | D::String | D::Date | D::Time | D::Null | D::Datetime(..) | D::Duration(_) => true,
        D::Categorical(..) | D::Enum(..) | D::Decimal(..) => true,
        other => other.is_primitive_numeric(),
    }
}

/// Spreads a column of structures (`address` becomes `address.street`, `address.city`) and leaves out what is no table cell,
/// with a note for each. Any other column stays as it is.
///
/// # Errors
/// When a spread column would have the name of another.
pub fn flat(column: Column, notes: &mut Vec<String>) -> Result<Vec<Column>> {
    let mut columns = vec![column];
    for _ in 0..DEEPEST {
        if !columns.iter().any(|c| matches!(c.dtype(), DataType::Struct(_))) {
            break;
        }
        let mut spread = Vec::with_capacity(columns.len() * 2);
        for column in columns {
            let DataType::Struct(fields) = column.dtype() else {
                spread.push(column);
                continue;
            };
            let (name, count) = (column.name().clone(), fields.len());
            if !name.contains('.') {
                notes.push(format!(
                    "{}: a structure of {count} fields became columns such as `{}`",
                    brief(&name, 60),
                    brief(&format!("{name}.{}", fields.first().map_or("", |f| f.name())), 80)
                ));
            }
            for field in column.struct_()?.fields_as_series() {
                let called = format!("{name}.{}", field.name());
                spread.push(field.with_name(called.into()).into());
            }
        }
        columns = spread;
    }
    let mut kept: Vec<Column> = Vec::with_capacity(columns.len());
    for column in columns {
        let name = column.name();
        if !is_cell(column.dtype()) {
            notes.push(format!(
                "{}: left out; its cells are of the type {}, which is no table cell",
                brief(name, 60),
                brief(&column.dtype().to_string(), 60)
            ));
        } else if kept.iter().any(|k| k.name() == name) {
            return Err(twice(name));
        } else {
            kept.push(column);
        }
    }
    Ok(kept)
}

/// [`flat`] for all columns of a frame.
///
/// # Errors
/// As [`flat`].
pub fn flat_frame(frame: DataFrame, notes: &mut Vec<String>) -> Result<DataFrame> {
    let mut kept: Vec<Column> = Vec::with_capacity(frame.width());
    for column in frame.columns() {
        for column in flat(column.clone(), notes)? {
            if kept.iter().any(|k| k.name() == column.name()) {
                return Err(twice(column.name()));
            }
            kept.push(column);
        }
    }
    Ok(DataFrame::new(frame.height(), kept)?)
}

/// The error for two columns of one name.
pub fn twice(name: &str) -> Error {
    Error::input(format!("there are two columns `{}` once structures are spread", brief(name, 60)))
        .hint("Rename one of them in the file")
}
