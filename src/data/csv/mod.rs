//! Delimited text: a strict scan of every row, then the columns.
//!
//! Two passes over the bytes, each in parallel over parts that start at records. The first refuses what is broken
//! (ragged rows, bytes that are not UTF-8) and narrows down what each column holds by looking at all rows, not at a
//! sample; the second builds the Polars columns. Both passes read with the same reader, so that what was checked is what is loaded.

mod build;
pub(super) mod dates;
pub(super) mod dialect;
pub(super) mod fast;
pub(super) mod guess;
pub(super) mod missing;

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use polars::prelude::*;
use rayon::prelude::*;

use self::build::ColumnBuilder;
pub use self::dialect::{delimiter_name, find_delimiter, reader};
use self::guess::trim;
pub(super) use self::guess::{Guess, Reading};
pub(super) use self::missing::Spellings;
use super::display::brief;
use super::{LoadOptions, Physical};
use crate::engine::Control;
use crate::error::{Error, Result};

/// Bytes per part: small enough that a cancel takes effect at once, large enough that parts cost nothing.
const PART: usize = 4 << 20;

/// The spelling under which infinite numbers are counted among what was read as missing.
pub const INFINITE: &str = "inf";

/// What was read from a delimited text.
#[derive(Debug)]
pub struct Table {
    /// The rows.
    pub frame: DataFrame,
    /// Per column: storage, spellings of "missing", date format.
    pub columns: Vec<Found>,
    /// Remarks for the user.
    pub notes: Vec<String>,
}

/// What was found out about one column.
#[derive(Debug)]
pub struct Found {
    /// The column's name.
    pub name: String,
    /// How it is stored.
    pub physical: Physical,
    /// Spellings read as missing.
    pub missing_spellings: Vec<(String, u64)>,
    /// How dates were written.
    pub date_format: Option<String>,
}

/// Reads delimited text (UTF-8 without a byte order mark).
///
/// # Errors
/// When there is no header or no row, names repeat, a row has more or fewer fields than the header, bytes are not UTF-8,
/// a quote stays open, or the work is cancelled.
pub fn read(bytes: &[u8], options: &LoadOptions, control: &Control) -> Result<Table> {
    let mut notes = Vec::new();
    let delimiter = delimiter(bytes, options, &mut notes)?;
    let (header, start) = header(bytes, delimiter, &mut notes)?;
    let body = bytes.get(start..).unwrap_or_default();
    let parts = dialect::split(body, delimiter, PART).map_err(|e| match dialect::split(bytes, delimiter, PART) {
        // Once more over the whole file, for the right line number.
        Err(exact) => exact,
        Ok(_) => e,
    })?;
    let file = File { bytes, start, delimiter, names: header, spellings: Spellings::with(&options.missing) };

    let done = AtomicUsize::new(0);
    let progress = |what: &str, from: f64, range: &Range<usize>| {
        let now = done.fetch_add(range.len(), Ordering::Relaxed) + range.len();
        let share = now as f64 / body.len().max(1) as f64;
        control.report(what, Some(from + share / 2.0), format!("{} of {} MB", now >> 20, body.len() >> 20));
    };
    let scanned: Vec<Result<(usize, Vec<Guess>)>> = parts
        .par_iter()
        .map(|range| {
            let found = file.scan(range, control)?;
            progress("checking rows", 0.0, range);
            Ok(found)
        })
        .collect();
    let mut guesses = file.fresh();
    let mut rows = 0;
    let mut sizes = Vec::with_capacity(parts.len());
    for part in scanned {
        let (count, found) = part?;
        rows += count;
        sizes.push(count);
        guesses.iter_mut().zip(found).for_each(|(all, part)| all.merge(part));
    }
    if rows == 0 {
        return Err(Error::input("there is a header but no row under it").hint("Check that the export finished"));
    }
    if file.names.len() == 1 {
        notes.push(ONE_COLUMN.to_owned());
    }

    done.store(0, Ordering::Relaxed);
    let readings: Vec<Reading> = guesses.iter().map(Guess::reading).collect();
    let built: Vec<Vec<Series>> = parts
        .par_iter()
        .zip(&sizes)
        .map(|(range, size)| {
            let series = file.build(range, *size, &readings, control)?;
            progress("reading values", 0.5, range);
            Ok(series)
        })
        .collect::<Result<_>>()?;
    let columns = join(built, file.names.len(), control)?;
    let mut found = Vec::with_capacity(columns.len());
    for ((name, guess), reading) in file.names.iter().zip(&guesses).zip(&readings) {
        describe(name, guess, *reading, &mut notes);
        found.push(Found {
            name: name.clone(),
            physical: physical(*reading),
            missing_spellings: spellings(guess, *reading),
            date_format: guess.date_format(),
        });
    }
    let mut table = Table { frame: DataFrame::new(rows, columns)?, columns: found, notes };
    drop_trailing(&mut table)?;
    Ok(table)
}

/// The character between columns: the one that was named, or the one that the head of the file shows.
///
/// # Errors
/// When the one that was named cannot separate columns.
pub fn delimiter(head: &[u8], options: &LoadOptions, notes: &mut Vec<String>) -> Result<u8> {
    if let Some(odd) = options.delimiter.filter(|d| matches!(d, b'"' | b'\n' | b'\r') || !d.is_ascii()) {
        return Err(Error::usage(format!("{} cannot separate columns", delimiter_name(odd)))
            .hint("Use a comma, a semicolon, a tab, a bar or another ASCII character"));
    }
    let delimiter = options.delimiter.unwrap_or_else(|| find_delimiter(head));
    if delimiter != b',' && options.delimiter.is_none() {
        notes.push(format!("columns are separated by {}", delimiter_name(delimiter)));
    }
    Ok(delimiter)
}

/// The note about a table of one column.
pub const ONE_COLUMN: &str = "there is only one column; if another character separates them, name it as the delimiter";

/// The note about a trailing delimiter.
pub const TRAILING: &str = "every line ends with a delimiter; the empty last column was dropped";

/// Builds the columns of records whose readings are known; `bytes` holds records only, no header.
///
/// # Errors
/// When the work is cancelled.
pub fn rows(
    bytes: &[u8],
    delimiter: u8,
    names: &[String],
    readings: &[Reading],
    options: &LoadOptions,
    control: &Control,
) -> Result<Vec<Column>> {
    let file = File { bytes, start: 0, delimiter, names: names.to_vec(), spellings: Spellings::with(&options.missing) };
    let parts = dialect::split(bytes, delimiter, PART)?;
    let built = parts.par_iter().map(|range| file.build(range, 0, readings, control)).collect::<Result<_>>()?;
    join(built, names.len(), control)
}

/// The storage of a reading.
/// The spellings that were read as missing. Infinite numbers stand among them, however they were written, by the word that the
/// check of infinite values looks for.
pub fn spellings(guess: &Guess, reading: Reading) -> Vec<(String, u64)> {
    let mut spellings = guess.found.spellings(reading == Reading::Text);
    if guess.infinite > 0 && matches!(reading, Reading::Float | Reading::CommaFloat) {
        spellings.push((INFINITE.to_owned(), guess.infinite));
    }
    spellings
}

pub fn physical(reading: Reading) -> Physical {
    match reading {
        Reading::Integer => Physical::Integer,
        Reading::Float | Reading::CommaFloat => Physical::Float,
        Reading::Boolean => Physical::Boolean,
        Reading::Date(_) => Physical::Date,
        Reading::Datetime(_) => Physical::Datetime,
        Reading::Text => Physical::String,
    }
}

/// What a person should know about how a column was read.
pub fn describe(name: &str, guess: &Guess, reading: Reading, notes: &mut Vec<String>) {
    let name = brief(name, 60);
    if guess.infinite > 0 && matches!(reading, Reading::Float | Reading::CommaFloat) {
        notes.push(format!("{name}: {} infinite values were read as missing", guess.infinite));
    }
    if reading == Reading::CommaFloat {
        notes.push(format!("{name}: numbers have a decimal comma"));
    }
    if guess.digits_matter > 0 && reading == Reading::Text {
        notes.push(format!("{name}: kept as text, because numbers would lose leading zeros or digits"));
    }
    notes.extend(guess.date_remarks().into_iter().map(|remark| format!("{name}: {remark}")));
}

/// Names of the columns, and where the first row starts.
pub fn header(bytes: &[u8], delimiter: u8, notes: &mut Vec<String>) -> Result<(Vec<String>, usize)> {
    let mut reader = reader(bytes, delimiter);
    let mut record = csv::ByteRecord::new();
    let any = reader.read_byte_record(&mut record).map_err(|e| Error::input(e.to_string()))?;
    if !any || record.iter().all(|cell| trim(cell).is_empty()) {
        return Err(Error::input("the file is empty").hint("Check that the export finished"));
    }
    let start = usize::try_from(reader.position().byte()).unwrap_or(bytes.len());
    let mut names: Vec<String> = Vec::with_capacity(record.len());
    for (i, cell) in record.iter().enumerate() {
        let name = std::str::from_utf8(cell).map_err(|_| not_utf8(&format!("line 1: the name of column {}", i + 1)))?;
        let name = match name.trim() {
            "" => {
                let made = format!("column_{}", i + 1);
                if i + 1 < record.len() {
                    notes.push(format!("column {} has no name; it is called {made}", i + 1));
                }
                made
            }
            name => name.to_owned(),
        };
        names.push(name);
    }
    tell_apart(&mut names, notes);
    if names.iter().all(|n| matches!(guess::shape(n.as_bytes()), guess::Shape::Integer | guess::Shape::Float)) {
        notes.push("the first line holds only numbers; it was taken for the names of the columns".to_owned());
    }
    Ok((names, start))
}

/// Repeated names that are told one by one.
const REPEATS_TOLD: usize = 20;

/// Gives columns that are called alike names of their own, as pandas does (`a`, `a.1`), and never one that another column has.
fn tell_apart(names: &mut [String], notes: &mut Vec<String>) {
    let given: HashSet<String> = names.iter().cloned().collect();
    if given.len() == names.len() {
        return;
    }
    // Where each name stands first, and the number that its next repetition may get.
    let mut seen: HashMap<String, (usize, usize)> = HashMap::new();
    let mut repeats = 0usize;
    for (i, name) in names.iter_mut().enumerate() {
        let Some((first, next)) = seen.get_mut(name.as_str()) else {
            seen.insert(name.clone(), (i, 1));
            continue;
        };
        let made = loop {
            let made = format!("{name}.{next}");
            *next += 1;
            if !given.contains(&made) {
                break made;
            }
        };
        repeats += 1;
        if repeats <= REPEATS_TOLD {
            notes.push(format!(
                "columns {} and {} are both called `{}`; the second is called `{}` here: look whether both are wanted",
                *first + 1,
                i + 1,
                brief(name, 60),
                brief(&made, 60)
            ));
        }
        *name = made;
    }
    if repeats > REPEATS_TOLD {
        notes.push(format!("{} more columns repeat a name and were told apart alike", repeats - REPEATS_TOLD));
    }
}

/// A nameless last column without any value comes from a delimiter at the end of each line.
pub fn drop_trailing(table: &mut Table) -> Result<()> {
    let Table { frame, columns, notes } = table;
    let made = format!("column_{}", columns.len());
    let Some(last) = columns.last().filter(|f| f.name == made && columns.len() > 1) else { return Ok(()) };
    if frame.column(&last.name)?.null_count() == frame.height() {
        *frame = frame.drop(&last.name)?;
        columns.pop();
        notes.push(TRAILING.to_owned());
    }
    Ok(())
}

/// The error for bytes that are not UTF-8.
pub fn not_utf8(place: &str) -> Error {
    Error::input(format!("{place} is not UTF-8"))
        .hint("Convert the file to UTF-8, for example with `iconv -f WINDOWS-1252 -t UTF-8 IN > OUT`")
}

/// The error for a record with more or fewer fields than the header.
pub fn ragged(place: &str, found: usize, expected: usize) -> Error {
    let why = if found > expected {
        "Put text that contains the delimiter in quotes, or name the delimiter"
    } else {
        "Complete the row or remove it; a line break inside a text must stand in quotes"
    };
    let fields = if found == 1 { "field" } else { "fields" };
    Error::input(format!("{place}: {found} {fields} where the header has {expected}")).hint(why)
}

/// Joins the parts of each column into one piece of memory.
fn join(parts: Vec<Vec<Series>>, width: usize, control: &Control) -> Result<Vec<Column>> {
    let mut by_column: Vec<Vec<Series>> = (0..width).map(|_| Vec::with_capacity(parts.len())).collect();
    for part in parts {
        by_column.iter_mut().zip(part).for_each(|(column, series)| column.push(series));
    }
    by_column
        .into_iter()
        .map(|parts| {
            control.check()?;
            let mut parts = parts.into_iter();
            let mut all = parts.next().ok_or_else(|| Error::input("there is no row"))?;
            for part in parts {
                all.append_owned(part)?;
            }
            Ok(Column::from(all.rechunk()))
        })
        .collect()
}

struct File<'a> {
    bytes: &'a [u8],
    start: usize,
    delimiter: u8,
    names: Vec<String>,
    spellings: Spellings,
}

/// Rows between two looks at the cancel flag.
const STRIDE: usize = 1 << 13;

impl File<'_> {
    fn fresh(&self) -> Vec<Guess> {
        self.names.iter().map(|_| Guess::new(self.delimiter != b',')).collect()
    }

    fn part(&self, range: &Range<usize>) -> &[u8] {
        self.bytes.get(self.start + range.start..self.start + range.end).unwrap_or_default()
    }

    /// Calls `visit` with every record of a part.
    fn walk(
        &self,
        range: &Range<usize>,
        control: &Control,
        mut visit: impl FnMut(&csv::ByteRecord) -> Result<()>,
    ) -> Result<usize> {
        let mut reader = reader(self.part(range), self.delimiter);
        let mut record = csv::ByteRecord::new();
        let mut rows = 0;
        while reader.read_byte_record(&mut record).map_err(|e| Error::input(e.to_string()))? {
            if rows % STRIDE == 0 {
                control.check()?;
            }
            visit(&record)?;
            rows += 1;
        }
        Ok(rows)
    }

    fn scan(&self, range: &Range<usize>, control: &Control) -> Result<(usize, Vec<Guess>)> {
        control.check()?;
        let clean = std::str::from_utf8(self.part(range)).is_ok();
        let mut guesses = self.fresh();
        let rows = self.walk(range, control, |record| {
            if record.len() != self.names.len() {
                return Err(self.ragged(range, record));
            }
            if !clean && let Some(at) = record.iter().position(|cell| std::str::from_utf8(cell).is_err()) {
                let name = self.names.get(at).map_or("", String::as_str);
                return Err(not_utf8(&format!("{}: column `{}`", self.place(range, record), brief(name, 60))));
            }
            for (guess, cell) in guesses.iter_mut().zip(record) {
                guess.see(trim(cell), &self.spellings);
            }
            Ok(())
        })?;
        Ok((rows, guesses))
    }

    fn build(&self, range: &Range<usize>, rows: usize, readings: &[Reading], control: &Control) -> Result<Vec<Series>> {
        let mut builders: Vec<ColumnBuilder> =
            self.names.iter().zip(readings).map(|(name, reading)| ColumnBuilder::new(name, *reading, rows)).collect();
        self.walk(range, control, |record| {
            for (builder, cell) in builders.iter_mut().zip(record) {
                builder.push(cell, &self.spellings);
            }
            Ok(())
        })?;
        builders.into_iter().map(ColumnBuilder::finish).collect()
    }

    fn ragged(&self, range: &Range<usize>, record: &csv::ByteRecord) -> Error {
        ragged(&self.place(range, record), record.len(), self.names.len())
    }

    /// Line and row of a record in words. Counting from the start of the file is slow, and done once, for the message.
    fn place(&self, range: &Range<usize>, record: &csv::ByteRecord) -> String {
        let offset = record.position().map_or(0, |p| usize::try_from(p.byte()).unwrap_or(0));
        let mut at = self.start + range.start + offset;
        while matches!(self.bytes.get(at), Some(b'\n' | b'\r')) {
            at += 1;
        }
        let before = self.bytes.get(self.start..at).unwrap_or_default();
        let row = 1 + reader(before, self.delimiter).byte_records().count();
        format!("line {} (row {row})", dialect::line_of(self.bytes, at))
    }
}
