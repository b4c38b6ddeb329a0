//! Profiles of files that are too large to be held: every row is read once, in blocks; the figures of columns come from
//! aggregates over all rows, and what compares rows or columns with each other sees a uniform sample of the rows.
//!
//! What is exact and what is estimated is said in the profile: per column in [`super::Precision`], for the whole in
//! [`super::Examined`]. Small files take the exact way through [`super::load`].

mod blocks;
mod cells;
mod csv_load;
mod csv_scan;
mod frame_scan;
mod gather;
mod many;
#[cfg(test)]
mod many_tests;
mod parquet_scan;
mod records;
mod strict;
#[cfg(test)]
mod tests;
mod values;

use std::collections::HashMap;

use self::csv_scan::CsvScan;
use self::frame_scan::FrameScan;
use self::parquet_scan::ParquetScan;
use super::dataset::did_you_mean;
use super::finding::thousands;
use super::profile::{self, Misfits, Whole};
use super::row_groups::CLAIMS_TOO_MUCH;
use super::source::{self, Form, Local, LocalFile, Place};
use super::{ColumnSpec, Dataset, LoadOptions, Meaning, Physical, Profile, ProfileOptions, brief, csv, load, meaning};
use crate::engine::{Aggregates, Control, Executor, Shape, Summary};
use crate::error::{Error, Kind as ErrorKind, Result};

/// From which size on a file is streamed, and how much is kept then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Text files of this many bytes or more are streamed.
    pub from_bytes: u64,
    /// Parquet files of this many cells or more are streamed.
    pub from_cells: u64,
    /// Distinct values of a column up to which each is counted; beyond, the column is sketched.
    pub most_distinct: usize,
    /// Distinct values that are counted in all columns together; a wide table counts fewer of each column.
    pub most_counted: usize,
    /// Rows of the sample on which rows and columns are compared.
    pub sample_rows: usize,
    /// Bytes of a text file, or of a column of numbers, that are read at once.
    pub block: usize,
}

impl Limits {
    /// Distinct values of one column of a table with `width` columns that are counted.
    fn distinct_of(&self, width: usize) -> usize {
        self.most_distinct.min((self.most_counted / width.max(1)).max(1000))
    }

    /// Bytes of distinct texts of one such column that are kept.
    fn text_bytes_of(&self, width: usize) -> usize {
        (TEXT_BYTES / width.max(1)).clamp(1 << 16, 16 << 20)
    }
}

/// Bytes of distinct texts of all columns together.
const TEXT_BYTES: usize = 256 << 20;

/// Bytes that the sampled records may take.
const SAMPLE_BYTES: f64 = 128e6;

impl Default for Limits {
    fn default() -> Self {
        Self {
            from_bytes: 24 << 20,
            from_cells: 4_000_000,
            most_distinct: 50_000,
            most_counted: 6_000_000,
            sample_rows: 100_000,
            block: blocks::BLOCK,
        }
    }
}

/// Profiles a source of any size: small ones exactly and in memory, large local files as a stream.
///
/// # Errors
/// As [`load`] and [`super::profile_with`].
pub fn profile_source(
    source: &str,
    load: &LoadOptions,
    options: &ProfileOptions,
    control: &Control,
) -> Result<Profile> {
    profile_source_with(source, load, options, &Limits::default(), control)
}

/// [`profile_source`] with limits of one's own.
///
/// # Errors
/// As [`profile_source`].
pub fn profile_source_with(
    source: &str,
    load_options: &LoadOptions,
    options: &ProfileOptions,
    limits: &Limits,
    control: &Control,
) -> Result<Profile> {
    Ok(examine(source, load_options, options, limits, control)?.0)
}

/// The profile of a source of any size, and the rows that were at hand for it: all, or the uniform sample of a table that was
/// streamed, in the order of the table.
///
/// # Errors
/// As [`profile_source`].
pub fn examine(
    source: &str,
    load_options: &LoadOptions,
    options: &ProfileOptions,
    limits: &Limits,
    control: &Control,
) -> Result<(Profile, Dataset)> {
    let mut local = source::localize(source, control)?;
    let place = |e: Error, name: String| if e.kind == ErrorKind::Cancelled { e } else { e.at(name) };
    let found = if local.several || !local.partitions.is_empty() {
        several(&mut local, load_options, options, limits, control).map_err(|failed| {
            let file = failed.file.and_then(|i| local.files.get(i));
            place(failed.error, file.map_or_else(|| source::shown(source), |f| brief(&f.name, 200)))
        })?
    } else {
        streamed(&mut local, load_options, options, limits, control).map_err(|e| place(e, source::shown(source)))?
    };
    if let Some((mut profile, data)) = found {
        profile.notes.splice(0..0, local.notes.iter().cloned());
        return Ok((profile, data));
    }
    let data = load::load_local(local, source, load_options, limits, control)?;
    for name in options.target.iter().chain(&options.time).chain(&options.leaks) {
        data.spec(name)?;
    }
    let profile = profile::profile_with(&data, options, control)?;
    Ok((profile, data))
}

/// A profile, and the rows that were at hand for it.
type Examination = (Profile, Dataset);

/// The profile of one large file; `None` for what is better held in memory.
fn streamed(
    local: &mut Local,
    load: &LoadOptions,
    options: &ProfileOptions,
    limits: &Limits,
    control: &Control,
) -> Result<Option<Examination>> {
    let [file] = local.files.as_slice() else { return Ok(None) };
    let Some((path, size)) = on_disk(file) else { return Ok(None) };
    let found = match file.form {
        Form::Parquet => of_parquet(&path, load, options, limits, control)?,
        Form::Delimited { .. } if size < limits.from_bytes => None,
        Form::Delimited { .. } => match of_text(&path, size, load, options, limits, control) {
            // Only after the last byte is it known that a text is of another encoding.
            Err(e) if e.message.contains("UTF-8") && local.recode(0, control)? => {
                let Some((path, size)) = local.files.first().and_then(on_disk) else { return Ok(None) };
                of_text(&path, size, load, options, limits, control)?
            }
            other => other?,
        },
    };
    let Some((mut profile, data)) = found else { return Ok(None) };
    profile.source.clone_from(&local.source);
    if local.files.iter().all(|f| f.digest.is_some()) {
        profile.fingerprint = local.fingerprint(control)?;
    }
    Ok(Some((profile, data)))
}

/// The profile of several large files; `None` for what is better held in memory.
fn several(
    local: &mut Local,
    load: &LoadOptions,
    options: &ProfileOptions,
    limits: &Limits,
    control: &Control,
) -> std::result::Result<Option<Examination>, many::Failed> {
    // Only after the last byte is it known that a text is of another encoding; each may be.
    for _ in 0..=local.files.len() {
        let failed = match many::profile(local, load, options, limits, control) {
            Err(failed) if failed.error.message.contains("UTF-8") => failed,
            other => return other,
        };
        match failed.file {
            Some(file) if local.recode(file, control)? => {}
            _ => return Err(failed),
        }
    }
    Ok(None)
}

/// A large delimited text as a table, read block by block, and the SHA-256 of the file; `None` for what is better read at
/// once.
///
/// # Errors
/// As [`load`].
pub(super) fn load_text(
    file: &LocalFile,
    options: &LoadOptions,
    limits: &Limits,
    control: &Control,
) -> Result<Option<(csv::Table, String)>> {
    let Some((path, size)) = on_disk(file).filter(|(_, size)| *size >= limits.from_bytes) else { return Ok(None) };
    let mut scan = CsvScan::open(&path, size, options, *limits)?;
    let table = scan.load(control)?;
    Ok(Some((table, scan.fingerprint)))
}

/// The path and size of a file that lies on disk.
fn on_disk(file: &LocalFile) -> Option<(String, u64)> {
    let Place::File(path) = &file.place else { return None };
    let size = std::fs::metadata(path).ok()?.len();
    Some((path.to_str()?.to_owned(), size))
}

fn of_text(
    source: &str,
    size: u64,
    load: &LoadOptions,
    options: &ProfileOptions,
    limits: &Limits,
    control: &Control,
) -> Result<Option<Examination>> {
    let mut scan = CsvScan::open(source, size, load, *limits)?;
    known(&scan.names, options)?;
    let (aggregates, rows) = scan.aggregate(control)?;
    let frame = scan.frame(&rows, control)?;
    drop(rows);
    let specs = scan
        .names
        .iter()
        .zip(scan.guesses.iter().zip(scan.readings()))
        .map(|(name, (guess, reading))| ColumnSpec {
            missing_spellings: csv::spellings(guess, *reading),
            date_format: guess.date_format(),
            ..ColumnSpec::new(name, csv::physical(*reading))
        })
        .collect();
    let mut data = Dataset {
        source: source.to_owned(),
        frame,
        columns: specs,
        fingerprint: scan.fingerprint.clone(),
        notes: std::mem::take(&mut scan.notes),
    };
    let mut aggregates = aggregates;
    drop_trailing(&mut data, &mut aggregates.columns, &mut aggregates.shapes)?;
    let misfits = std::mem::take(&mut scan.misfits);
    finish(data, aggregates, misfits, load, options, control)
}

fn of_parquet(
    source: &str,
    load: &LoadOptions,
    options: &ProfileOptions,
    limits: &Limits,
    control: &Control,
) -> Result<Option<Examination>> {
    let mut scan = match ParquetScan::open(source, *limits, control) {
        Ok(scan) => scan,
        Err(e) if e.message.contains(CLAIMS_TOO_MUCH) || e.kind == ErrorKind::Cancelled => return Err(e),
        // What is damaged is refused by the loader in its words.
        Err(_) => return Ok(None),
    };
    let (rows, columns) = scan.shape();
    if (rows as u64).saturating_mul(columns as u64) < limits.from_cells {
        return Ok(None);
    }
    known(&scan.names, options)?;
    let (aggregates, frame) = match scan.aggregate(control) {
        Err(_) if scan.unsteady => return Ok(None),
        other => other?,
    };
    let specs = scan.names.iter().zip(&scan.physicals).map(|(name, p)| ColumnSpec::new(name, *p)).collect();
    let data = Dataset {
        source: source.to_owned(),
        frame,
        columns: specs,
        fingerprint: scan.fingerprint.clone(),
        notes: std::mem::take(&mut scan.notes),
    };
    finish(data, aggregates, Vec::new(), load, options, control)
}

/// Refuses names of columns that do not exist before any row is read.
fn known(names: &[String], options: &ProfileOptions) -> Result<()> {
    for name in options.target.iter().chain(&options.time).chain(&options.leaks) {
        if !names.contains(name) {
            let shown: Vec<String> = names.iter().take(12).map(|n| brief(n, 40)).collect();
            let more = if names.len() > 12 { format!(" and {} more", names.len() - 12) } else { String::new() };
            let near = did_you_mean(name, names.iter().map(String::as_str));
            return Err(Error::input(format!("there is no column `{}`", brief(name, 60)))
                .hint(format!("{near}The columns are {}{more}", shown.join(", "))));
        }
    }
    Ok(())
}

/// The profile from the aggregates of all rows and a sample of the rows. `None` when a correction asks for values that the
/// stream does not have.
fn finish(
    mut data: Dataset,
    aggregates: Aggregates,
    misfits: Vec<Option<Misfits>>,
    load: &LoadOptions,
    options: &ProfileOptions,
    control: &Control,
) -> Result<Option<Examination>> {
    let Aggregates { rows, columns, shapes, repeated, sampled } = aggregates;
    for ((spec, summary), shape) in data.columns.iter_mut().zip(&columns).zip(&shapes) {
        control.check()?;
        let sample = data.frame.column(&spec.name)?;
        spec.meaning = meaning::of_summary(&spec.name, spec.physical, summary, shape.as_ref(), sample)?;
    }
    for (name, meaning) in &load.meaning {
        let Some(spec) = data.columns.iter_mut().find(|c| c.name == *name) else { return Ok(None) };
        let dated = matches!(spec.physical, Physical::Date | Physical::Datetime);
        match meaning {
            Meaning::Number if spec.physical == Physical::String || dated => return Ok(None),
            Meaning::DateTime if !dated => return Ok(None),
            _ => spec.meaning = *meaning,
        }
    }
    data.notes.extend(sample_note(rows, sampled.len() as u64));
    let whole = Whole { rows, sampled, repeated, misfits };
    let profile = profile::assemble(&data, &columns, &shapes, Some(&whole), options, control)?;
    Ok(Some((profile, data)))
}

/// Says what was seen of a table of which only a sample could be compared.
fn sample_note(rows: u64, sampled: u64) -> Option<String> {
    (sampled < rows).then(|| {
        format!(
            "all {} rows were read; what compares rows or columns with each other was done on a uniform sample of {}",
            thousands(rows),
            thousands(sampled)
        )
    })
}

/// The profile of a table in memory in one pass over its rows, for tables in which sorting every column takes too long and too
/// much memory. Says, as the profile of a large file does, what is estimated.
///
/// # Errors
/// When a named column does not exist, or the work is cancelled.
pub fn profile_held(data: &Dataset, options: &ProfileOptions, limits: &Limits, control: &Control) -> Result<Profile> {
    let (aggregates, frame) = FrameScan::new(data, *limits).aggregate(control)?;
    let Aggregates { rows, columns, shapes, repeated, sampled } = aggregates;
    let mut sample = Dataset {
        source: data.source.clone(),
        frame,
        columns: data.columns.clone(),
        fingerprint: data.fingerprint.clone(),
        notes: data.notes.clone(),
    };
    sample.notes.extend(sample_note(rows, sampled.len() as u64));
    let whole = Whole { rows, sampled, repeated, misfits: Vec::new() };
    profile::assemble(&sample, &columns, &shapes, Some(&whole), options, control)
}

/// A nameless last column without any value comes from a delimiter at the end of each line.
fn drop_trailing(data: &mut Dataset, columns: &mut Vec<Summary>, shapes: &mut Vec<Option<Shape>>) -> Result<()> {
    let made = format!("column_{}", data.columns.len());
    let empty = columns.last().is_some_and(|c| c.missing == c.rows);
    if data.columns.len() > 1 && empty && data.columns.last().is_some_and(|c| c.name == made) {
        data.frame = data.frame.drop(&made)?;
        data.columns.pop();
        columns.pop();
        shapes.pop();
        data.notes.push(csv::TRAILING.to_owned());
    }
    Ok(())
}

/// The texts that are frequent in a sample, at most 512.
fn frequent<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    texts.for_each(|text| *counts.entry(text).or_default() += 1);
    let mut several: Vec<(usize, &str)> = counts.into_iter().filter(|(_, n)| *n > 2).map(|(t, n)| (n, t)).collect();
    several.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    several.into_iter().take(512).map(|(_, text)| text.to_owned()).collect()
}
