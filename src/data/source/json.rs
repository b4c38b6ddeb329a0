//! JSON: an array of objects, or objects one after the other (NDJSON). Nested objects become columns with dots.
//!
//! Two passes: the first finds the columns, wherever their keys first appear, and what they hold; the second writes the
//! rows. Only one object is in memory at a time.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::rc::Rc;

use serde::de::{Deserializer as _, SeqAccess, Visitor};
use serde_json::{Deserializer, Map, Value};

use super::plain::{self, BLOCK};
use super::spool::{Spool, Spooled};
use super::table::{Cell, Head, Rows};
use crate::data::Physical;
use crate::data::csv::dates::{self, DAY, Order, Style};
use crate::data::display::brief;
use crate::engine::Control;
use crate::error::{Error, Result};

/// The largest single object, bytes.
const LARGEST: u64 = 64 << 20;

/// The most columns.
const WIDEST: usize = 20_000;

/// Rows between two reports.
const STRIDE: u64 = 1 << 12;

type Object = Map<String, Value>;

/// How much was read, and how much of it when the last object ended.
#[derive(Debug, Default)]
struct Meter {
    all: std::cell::Cell<u64>,
    base: std::cell::Cell<u64>,
}

/// A reader that refuses objects of more than [`LARGEST`] bytes.
struct Bounded<R> {
    input: R,
    meter: Rc<Meter>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.input.read(buffer)?;
        let all = self.meter.all.get() + n as u64;
        self.meter.all.set(all);
        if all - self.meter.base.get() > LARGEST {
            return Err(std::io::Error::other(format!("one object is larger than {} MB", LARGEST >> 20)));
        }
        Ok(n)
    }
}

/// What happens to each object; `false` ends the walk.
type Take<'a> = dyn FnMut(u64, &Object) -> Result<bool> + 'a;

fn broken(error: &serde_json::Error, line: u64) -> Error {
    let place = line + error.line().saturating_sub(1) as u64;
    let words = error.to_string();
    let words = words.rsplit_once(" at line ").map_or(words.as_str(), |(words, _)| words);
    if error.is_eof() {
        return Error::input(format!("line {place}: the JSON ends in the middle ({words})"))
            .hint("The file may be cut off; fetch or write it again");
    }
    Error::input(format!("line {place}, column {}: this is not JSON ({})", error.column(), brief(words, 120)))
        .hint("Write an array of objects, or one object a line")
}

fn not_an_object(row: u64, value: &Value) -> Error {
    let what = match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    Error::input(format!("row {row} is {what}, not an object with names"))
        .hint("Write each row as an object, for example {\"a\": 1, \"b\": 2}")
}

/// Calls `take` with every object of a file.
fn walk(path: &Path, what: &str, control: &Control, take: &mut Take<'_>) -> Result<u64> {
    let (file, metadata) = plain::open(path)?;
    let size = metadata.len();
    let mut rows = 0;
    let mut each = |value: &Value, read: u64| -> Result<bool> {
        rows += 1;
        if rows % STRIDE == 1 {
            control.check()?;
            let share = (size > 0).then(|| (read as f64 / size as f64).min(1.0));
            control.report(what, share, format!("{} of {} MB", read >> 20, size >> 20));
        }
        match value {
            Value::Object(object) => take(rows, object),
            other => Err(not_an_object(rows, other)),
        }
    };
    stream(file, &mut each)?;
    Ok(rows)
}

/// Calls `each` with every value of an array, or with every value of a sequence, and with the bytes read so far.
fn stream<R: Read>(input: R, each: &mut dyn FnMut(&Value, u64) -> Result<bool>) -> Result<()> {
    let mut input = BufReader::with_capacity(BLOCK, input);
    let head = input.fill_buf().map_err(|e| plain::read_error(Path::new("the file"), &e))?;
    let mark = if head.starts_with(&[0xef, 0xbb, 0xbf]) { 3 } else { 0 };
    let head = head.get(mark..).unwrap_or_default();
    let array = head.trim_ascii_start().first() == Some(&b'[');
    // One object a line is the common form, and lines are parsed much faster than a stream of bytes.
    let first = head.split(|b| *b == b'\n').next().unwrap_or_default();
    let lines = !array && first.len() < head.len() && serde_json::from_slice::<serde::de::IgnoredAny>(first).is_ok();
    input.consume(mark);
    if lines { by_lines(input, each) } else { by_stream(input, array, each) }
}

fn by_lines<R: BufRead>(mut input: R, each: &mut dyn FnMut(&Value, u64) -> Result<bool>) -> Result<()> {
    let (mut line, mut number, mut read) = (Vec::new(), 0, 0);
    loop {
        line.clear();
        let n = Read::by_ref(&mut input)
            .take(LARGEST)
            .read_until(b'\n', &mut line)
            .map_err(|e| plain::read_error(Path::new("the file"), &e))?;
        if n == 0 {
            return Ok(());
        }
        number += 1;
        read += n as u64;
        if n as u64 == LARGEST {
            return Err(Error::input(format!("line {number}: one object is larger than {} MB", LARGEST >> 20)));
        }
        for value in Deserializer::from_slice(&line).into_iter::<Value>() {
            if !each(&value.map_err(|e| broken(&e, number))?, read)? {
                return Ok(());
            }
        }
    }
}

fn by_stream<R: Read>(input: R, array: bool, each: &mut dyn FnMut(&Value, u64) -> Result<bool>) -> Result<()> {
    let meter = Rc::new(Meter::default());
    let mut bounded = Bounded { input, meter: Rc::clone(&meter) };
    let mut count = |value: &Value| {
        meter.base.set(meter.all.get());
        each(value, meter.all.get())
    };
    if !array {
        for value in Deserializer::from_reader(&mut bounded).into_iter::<Value>() {
            if !count(&value.map_err(|e| broken(&e, 1))?)? {
                return Ok(());
            }
        }
        return Ok(());
    }
    let mut outcome = Ok(true);
    let mut reader = Deserializer::from_reader(&mut bounded);
    let ended = reader.deserialize_seq(Elements { each: &mut count, outcome: &mut outcome });
    if !outcome? {
        return Ok(());
    }
    ended.and_then(|()| reader.end()).map_err(|e| broken(&e, 1))
}

/// Hands the elements of an array on as they come, without keeping them.
struct Elements<'a> {
    each: &'a mut dyn FnMut(&Value) -> Result<bool>,
    outcome: &'a mut Result<bool>,
}

impl<'de> Visitor<'de> for Elements<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<(), A::Error> {
        while let Some(value) = values.next_element()? {
            *self.outcome = (self.each)(&value);
            if !matches!(self.outcome, Ok(true)) {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Calls `leaf` with the name and the value of everything in an object that is no object itself.
fn leaves<'a>(object: &'a Object, prefix: &str, leaf: &mut dyn FnMut(&str, &'a Value) -> Result<()>) -> Result<()> {
    for (key, value) in object {
        let joined;
        let name = if prefix.is_empty() {
            key.as_str()
        } else {
            joined = format!("{prefix}.{key}");
            &joined
        };
        match value {
            Value::Object(inner) => leaves(inner, name, leaf)?,
            value => leaf(name, value)?,
        }
    }
    Ok(())
}

/// What was seen of a column.
#[derive(Debug, Default)]
struct Seen {
    name: String,
    first_row: u64,
    last_row: u64,
    integers: u64,
    large: u64,
    floats: u64,
    booleans: u64,
    texts: u64,
    lists: u64,
    not_dates: bool,
    with_time: bool,
}

impl Seen {
    fn see(&mut self, value: &Value) {
        match value {
            Value::Null | Value::Object(_) => {}
            Value::Bool(_) => self.booleans += 1,
            Value::Number(n) if n.is_i64() => self.integers += 1,
            Value::Number(n) if n.is_u64() => self.large += 1,
            Value::Number(_) => self.floats += 1,
            Value::Array(_) => self.lists += 1,
            Value::String(text) => {
                self.texts += 1;
                if !self.not_dates {
                    match dates::parse(Order::YmdDash, text.as_bytes()) {
                        Some(moment) => self.with_time |= moment.style.has(Style::TIME),
                        None => self.not_dates = true,
                    }
                }
            }
        }
    }

    fn physical(&self, notes: &mut Vec<String>) -> Physical {
        let name = brief(&self.name, 60);
        let numbers = self.integers + self.large + self.floats;
        if self.lists > 0 {
            notes.push(format!("{name}: {} lists were kept as text", self.lists));
            return Physical::String;
        }
        let kinds = [(numbers, "numbers"), (self.booleans, "true or false"), (self.texts, "texts")];
        let found: Vec<&str> = kinds.iter().filter(|(n, _)| *n > 0).map(|(_, word)| *word).collect();
        match found.as_slice() {
            [] => Physical::Float,
            ["numbers"] if self.large > 0 && self.floats == 0 => {
                notes.push(format!("{name}: numbers too large for 64 bits were kept as text"));
                Physical::String
            }
            ["numbers"] if self.floats > 0 => Physical::Float,
            ["numbers"] => Physical::Integer,
            ["texts"] if !self.not_dates => {
                notes.push(format!("{name}: texts such as 2020-01-31 were read as dates"));
                if self.with_time { Physical::Datetime } else { Physical::Date }
            }
            ["texts"] => Physical::String,
            ["true or false"] => Physical::Boolean,
            several => {
                notes.push(format!("{name}: holds {}; all were kept as text", several.join(" and ")));
                Physical::String
            }
        }
    }
}

/// The columns of a file, in the order in which their keys appear.
fn columns(path: &Path, control: &Control) -> Result<(Vec<Seen>, HashMap<String, usize>)> {
    let mut seen: Vec<Seen> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let rows = walk(path, "finding columns", control, &mut |row, object| {
        leaves(object, "", &mut |name, value| {
            let at = match places.get(name) {
                Some(at) => *at,
                None if seen.len() == WIDEST => {
                    return Err(Error::input(format!("row {row}: there are more than {WIDEST} different keys"))
                        .hint("Keys that are data (dates, ids) belong into values"));
                }
                None => {
                    places.insert(name.to_owned(), seen.len());
                    seen.push(Seen { name: name.to_owned(), first_row: row, ..Seen::default() });
                    seen.len() - 1
                }
            };
            let Some(seen) = seen.get_mut(at) else { return Ok(()) };
            if seen.last_row == row {
                return Err(Error::input(format!(
                    "row {row}: `{}` stands there twice, once with a dot in its name and once nested",
                    brief(name, 60)
                ))
                .hint("Rename one of them"));
            }
            seen.last_row = row;
            seen.see(value);
            Ok(())
        })?;
        Ok(true)
    })?;
    if rows == 0 {
        return Err(Error::input("there is no row in the file").hint("Check that the export finished"));
    }
    if seen.is_empty() {
        return Err(Error::input("there is no column in the file"));
    }
    Ok((seen, places))
}

/// The cell of a value in a column of that storage; `text` lends its memory.
fn cell<'a>(value: Option<&'a Value>, physical: Physical, text: &'a mut String) -> Cell<'a> {
    let Some(value) = value else { return Cell::Missing };
    match (physical, value) {
        (_, Value::Null | Value::Object(_)) => Cell::Missing,
        (Physical::Integer, Value::Number(n)) => n.as_i64().map_or(Cell::Missing, Cell::Integer),
        (Physical::Float, Value::Number(n)) => n.as_f64().map_or(Cell::Missing, Cell::Float),
        (Physical::Boolean, Value::Bool(b)) => Cell::Boolean(*b),
        (Physical::String, Value::String(words)) => Cell::Text(words),
        (Physical::String, other) => {
            *text = other.to_string();
            Cell::Text(text)
        }
        (Physical::Date | Physical::Datetime, Value::String(words)) => {
            match dates::parse(Order::YmdDash, words.as_bytes()) {
                Some(moment) if physical == Physical::Datetime => Cell::Moment(moment.micros),
                Some(moment) => i32::try_from(moment.micros.div_euclid(DAY)).map_or(Cell::Missing, Cell::Day),
                None => Cell::Missing,
            }
        }
        _ => Cell::Missing,
    }
}

/// Writes a JSON file into the spool as Parquet, with notes.
///
/// # Errors
/// When it is not JSON (with line and column), not a table, too large in one object, or the work is cancelled.
pub fn convert(path: &Path, digest: String, spool: &Spool, control: &Control) -> Result<(Spooled, Vec<String>)> {
    let (seen, places) = columns(path, control)?;
    let mut notes = Vec::new();
    let kinds: Vec<(String, Physical)> = seen.iter().map(|s| (s.name.clone(), s.physical(&mut notes))).collect();
    let late: Vec<String> = seen
        .iter()
        .filter(|s| s.first_row > 1)
        .take(5)
        .map(|s| format!("{} (row {})", brief(&s.name, 40), s.first_row))
        .collect();
    if !late.is_empty() {
        let all = seen.iter().filter(|s| s.first_row > 1).count();
        let more = if all > late.len() { format!(" and {} more", all - late.len()) } else { String::new() };
        notes.push(format!(
            "keys that are not in the first row are missing where they do not stand: {}{more}",
            late.join(", ")
        ));
    }
    let mut rows = Rows::new(&kinds, false, spool)?;
    let mut text = String::new();
    walk(path, "reading values", control, &mut |_, object| {
        let mut found: Vec<Option<&Value>> = vec![None; kinds.len()];
        leaves(object, "", &mut |name, value| {
            if let Some(slot) = places.get(name).and_then(|at| found.get_mut(*at)) {
                *slot = Some(value);
            }
            Ok(())
        })?;
        for (at, (value, (_, physical))) in found.into_iter().zip(&kinds).enumerate() {
            rows.set(at, cell(value, *physical, &mut text));
        }
        rows.end_row()?;
        Ok(true)
    })?;
    Ok((rows.finish(Some(digest))?, notes))
}

/// Header and cells of the first rows, for a look at a file; only what is needed of it is read.
///
/// # Errors
/// When the first rows are not JSON or no table.
pub fn head<R: Read>(input: R, rows: usize) -> Result<Head> {
    let mut names: Vec<String> = Vec::new();
    let mut cells: Vec<Vec<Option<String>>> = Vec::new();
    let mut more = false;
    stream(input, &mut |value, _| {
        if cells.len() == rows {
            more = true;
            return Ok(false);
        }
        let Value::Object(object) = value else { return Err(not_an_object(cells.len() as u64 + 1, value)) };
        let mut row: Vec<Option<String>> = vec![None; names.len()];
        leaves(object, "", &mut |name, value| {
            let words = match value {
                Value::Null => None,
                Value::String(words) => Some(words.clone()),
                other => Some(other.to_string()),
            };
            match names.iter().position(|n| n == name) {
                Some(at) => row.get_mut(at).into_iter().for_each(|slot| slot.clone_from(&words)),
                None if names.len() < 500 => {
                    names.push(name.to_owned());
                    row.push(words);
                }
                None => {}
            }
            Ok(())
        })?;
        cells.push(row);
        Ok(true)
    })?;
    cells.iter_mut().for_each(|row| row.resize(names.len(), None));
    Ok((names, cells, more))
}
