//! The tables of several files as one.

use polars::prelude::*;

use super::display::brief;
use super::load::{LoadOptions, Part};
use super::source::{Found, common, dtype};
use super::{ColumnSpec, Meaning};
use crate::error::Result;

/// Puts the parts under one another. One part stays as it is.
///
/// # Errors
/// When they do not have the same columns; the message names files and columns.
pub fn parts(parts: Vec<Part>, options: &LoadOptions, notes: &mut Vec<String>) -> Result<(DataFrame, Vec<ColumnSpec>)> {
    let parts = match <[Part; 1]>::try_from(parts) {
        Ok([only]) => {
            notes.extend(only.notes);
            return Ok((only.frame, only.columns));
        }
        Err(parts) => parts,
    };
    let as_text = |name: &str| as_text(name, options);
    let files: Vec<(String, Vec<Found>)> = parts
        .iter()
        .map(|part| {
            let columns = part.columns.iter().zip(part.frame.columns()).enumerate().map(|(i, (spec, column))| Found {
                name: spec.name.clone(),
                physical: spec.physical,
                empty: match &part.empty {
                    Some(empty) => empty.get(i).copied().unwrap_or(false),
                    None => column.null_count() == column.len(),
                },
                as_text: as_text(&spec.name),
            });
            (part.name.clone(), columns.collect())
        })
        .collect();
    let common = common(&files, options.schema_changes)?;
    gathered(&parts, notes);
    notes.extend(common.notes);
    let mut specs: Vec<ColumnSpec> =
        common.columns.iter().map(|(name, physical)| ColumnSpec::new(name, *physical)).collect();
    for spec in &mut specs {
        let mut formats = Vec::new();
        for found in parts.iter().filter_map(|p| p.columns.iter().find(|c| c.name == spec.name)) {
            for (word, count) in &found.missing_spellings {
                match spec.missing_spellings.iter_mut().find(|(known, _)| known == word) {
                    Some((_, all)) => *all += count,
                    None => spec.missing_spellings.push((word.clone(), *count)),
                }
            }
            formats.push(found.date_format.as_ref());
        }
        // One form of dates only when all files agree.
        let first = formats.first().copied().flatten();
        spec.date_format = first.filter(|_| formats.iter().all(|f| *f == first)).cloned();
    }
    let mut all: Option<DataFrame> = None;
    for part in parts {
        let rows = part.frame.height();
        let columns = specs.iter().map(|spec| fitted(&part.frame, spec, rows)).collect::<Result<Vec<_>>>()?;
        let frame = DataFrame::new(rows, columns)?;
        match &mut all {
            Some(all) => {
                all.vstack_mut(&frame)?;
            }
            none => *none = Some(frame),
        }
    }
    let mut frame = all.unwrap_or_default();
    frame.rechunk_mut();
    Ok((frame, specs))
}

/// Whether the user says that a column is no quantity, so that whole numbers may become text.
pub fn as_text(name: &str, options: &LoadOptions) -> bool {
    matches!(options.meaning.get(name), Some(Meaning::Category | Meaning::Text | Meaning::Identifier))
}

/// A part's column in the storage that all have in common.
fn fitted(frame: &DataFrame, spec: &ColumnSpec, rows: usize) -> Result<Column> {
    let to = dtype(spec.physical);
    let Ok(column) = frame.column(&spec.name) else {
        return Ok(Column::full_null(spec.name.as_str().into(), rows, &to));
    };
    if column.dtype() == &to {
        return Ok(column.clone());
    }
    // A column without a value fits every storage.
    if column.null_count() == rows {
        return Ok(Column::full_null(spec.name.as_str().into(), rows, &to));
    }
    Ok(column.cast(&to)?)
}

/// Adds the parts' notes: one that several files share is said once.
fn gathered(parts: &[Part], notes: &mut Vec<String>) {
    let mut shared: Vec<(&String, &str, usize)> = Vec::new();
    for part in parts {
        for note in &part.notes {
            match shared.iter_mut().find(|(known, ..)| *known == note) {
                Some((_, _, count)) => *count += 1,
                None => shared.push((note, &part.name, 1)),
            }
        }
    }
    for (note, file, count) in shared {
        notes.push(match count {
            n if n == parts.len() => note.clone(),
            1 => format!("{}: {note}", brief(file, 80)),
            n => format!("{} and {} other files: {note}", brief(file, 80), n - 1),
        });
    }
}
