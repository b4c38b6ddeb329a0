//! Tables of SQLite files, and answers to statements, read only.
//!
//! Two passes in one read transaction: SQLite keeps a type with every value, not with the column, so the first pass
//! finds what the columns hold and the second writes the rows.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Row};

use super::name::Wanted;
use super::plain::{self, shown};
use super::sniff::{Kind, sniff};
use super::spool::{Spool, Spooled};
use super::table::{Cell, Head, Rows};
use crate::data::Physical;
use crate::data::csv::dates::{self, DAY, Order, Style};
use crate::data::display::brief;
use crate::engine::{Control, guarded};
use crate::error::{Error, Result};

/// Rows between two looks at the cancel flag.
const STRIDE: u64 = 1 << 12;

/// The largest value, and the largest row, bytes. A view is a program: `zeroblob(1000000000)` takes a few bytes of the file.
const LARGEST: i32 = 256 << 20;

fn failed(error: &rusqlite::Error) -> Error {
    if error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted) {
        return Error::cancelled();
    }
    Error::input(format!("SQLite says: {}", brief(&error.to_string(), 200)))
        .hint("Check the table's or the statement's names; the file is opened for reading only")
}

fn open(path: &Path) -> Result<Connection> {
    let (mut file, _) = plain::open(path)?;
    let head = plain::head(&mut file, path, 4096)?;
    // An empty file is an empty database to SQLite; to a person it is not.
    if head.is_empty() || sniff(&head).ok() != Some(Kind::Sqlite) {
        return Err(Error::input(format!("{} is not an SQLite database", shown(path)))
            .hint("Name the path alone; what it holds is found by its content"));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|e| failed(&e))?;
    connection.busy_timeout(Duration::from_secs(5)).map_err(|e| failed(&e))?;
    // A hostile schema must not call functions or reach other files.
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, LARGEST).map_err(|e| failed(&e))?;
    connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA query_only = ON").map_err(|e| failed(&e))?;
    Ok(connection)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The names of the tables and views.
fn tables(connection: &Connection) -> Result<Vec<String>> {
    let mut statement = connection
        .prepare("SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name")
        .map_err(|e| failed(&e))?;
    let names = statement.query_map([], |row| row.get::<_, String>(0)).map_err(|e| failed(&e))?;
    names.collect::<rusqlite::Result<_>>().map_err(|e| failed(&e))
}

/// The statement that gives what is wanted.
fn statement(connection: &Connection, path: &Path, wanted: &Wanted) -> Result<String> {
    let all = |name: &str| format!("SELECT * FROM {}", quoted(name));
    let list = |names: &[String]| {
        let shown: Vec<String> = names.iter().take(20).map(|n| brief(n, 40)).collect();
        let more = if names.len() > 20 { format!(" and {} more", names.len() - 20) } else { String::new() };
        format!("{}{more}", shown.join(", "))
    };
    let example = |name: &str| format!("Name one, for example sqlite:{}?table={}", shown(path), brief(name, 40));
    match wanted {
        Wanted::Query(query) => Ok(query.clone()),
        Wanted::Table(name) => {
            let names = tables(connection)?;
            if names.contains(name) {
                return Ok(all(name));
            }
            Err(Error::input(format!("there is no table `{}`; there are {}", brief(name, 60), list(&names)))
                .hint("Check the name; capitals count"))
        }
        Wanted::Only => match tables(connection)?.as_slice() {
            [] => Err(Error::input("the database has no table")),
            [one] => Ok(all(one)),
            several => Err(Error::input(format!("the database has several tables: {}", list(several)))
                .hint(example(several.first().map_or("", String::as_str)))),
        },
    }
}

/// What was seen of a column.
#[derive(Debug, Default)]
struct Seen {
    integers: u64,
    not_flags: bool,
    floats: u64,
    texts: u64,
    blobs: u64,
    not_dates: bool,
    with_time: bool,
}

impl Seen {
    fn see(&mut self, value: ValueRef<'_>) {
        match value {
            ValueRef::Null => {}
            ValueRef::Integer(v) => {
                self.integers += 1;
                self.not_flags |= !matches!(v, 0 | 1);
            }
            ValueRef::Real(_) => self.floats += 1,
            ValueRef::Blob(_) => self.blobs += 1,
            ValueRef::Text(text) => {
                self.texts += 1;
                if !self.not_dates {
                    match dates::parse(Order::YmdDash, text) {
                        Some(moment) => self.with_time |= moment.style.has(Style::TIME),
                        None => self.not_dates = true,
                    }
                }
            }
        }
    }

    /// The column's storage; `None` leaves it out.
    fn physical(&self, name: &str, declared: &str, notes: &mut Vec<String>) -> Option<Physical> {
        let name = brief(name, 60);
        let numbers = self.integers + self.floats;
        if self.blobs > 0 {
            notes.push(format!("{name}: left out; {} of its values are binary", self.blobs));
            return None;
        }
        let says = |word: &str| declared.to_ascii_uppercase().contains(word);
        Some(match (self.texts, numbers) {
            (0, 0) if says("CHAR") || says("TEXT") => Physical::String,
            (0, 0) => Physical::Float,
            (0, _) if self.floats > 0 => Physical::Float,
            (0, _) if says("BOOL") && !self.not_flags => Physical::Boolean,
            (0, _) => Physical::Integer,
            // SQLite has no dates; a column that is declared as one and holds only such texts is one.
            (_, 0) if !self.not_dates && (says("DATE") || says("TIME")) => {
                if self.with_time {
                    Physical::Datetime
                } else {
                    Physical::Date
                }
            }
            (_, 0) => Physical::String,
            (texts, numbers) => {
                notes.push(format!("{name}: holds {texts} texts and {numbers} numbers; all were kept as text"));
                Physical::String
            }
        })
    }
}

fn cell<'a>(value: ValueRef<'a>, physical: Physical, text: &'a mut String) -> Cell<'a> {
    match (physical, value) {
        (_, ValueRef::Null | ValueRef::Blob(_)) => Cell::Missing,
        (Physical::Integer, ValueRef::Integer(v)) => Cell::Integer(v),
        (Physical::Boolean, ValueRef::Integer(v)) => Cell::Boolean(v != 0),
        (Physical::Float, ValueRef::Integer(v)) => Cell::Float(v as f64),
        (Physical::Float, ValueRef::Real(v)) => Cell::Float(v),
        (Physical::String, ValueRef::Integer(v)) => {
            *text = v.to_string();
            Cell::Text(text)
        }
        (Physical::String, ValueRef::Real(v)) => {
            *text = v.to_string();
            Cell::Text(text)
        }
        (Physical::String, ValueRef::Text(bytes)) => match std::str::from_utf8(bytes) {
            Ok(words) => Cell::Text(words),
            Err(_) => {
                *text = String::from_utf8_lossy(bytes).into_owned();
                Cell::Text(text)
            }
        },
        (Physical::Date | Physical::Datetime, ValueRef::Text(bytes)) => match dates::parse(Order::YmdDash, bytes) {
            Some(moment) if physical == Physical::Datetime => Cell::Moment(moment.micros),
            Some(moment) => i32::try_from(moment.micros.div_euclid(DAY)).map_or(Cell::Missing, Cell::Day),
            None => Cell::Missing,
        },
        _ => Cell::Missing,
    }
}

/// Interrupts the database when the work is cancelled, however long a single step takes.
fn watched<T>(connection: &Connection, control: &Control, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let (done, handle) = (AtomicBool::new(false), connection.get_interrupt_handle());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                if control.is_cancelled() {
                    handle.interrupt();
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let outcome = work();
        done.store(true, Ordering::SeqCst);
        outcome
    })
}

struct Plan {
    query: String,
    names: Vec<String>,
    declared: Vec<String>,
}

/// Plans the reading, behind the fence for libraries: rusqlite panics on names that are not UTF-8.
fn plan(connection: &Connection, path: &Path, wanted: &Wanted) -> Result<Plan> {
    guarded("this SQLite database cannot be read", || plan_unguarded(connection, path, wanted)).map_err(|e| {
        if e.hint.is_none() { e.hint("The file may be damaged; make it again from the original") } else { e }
    })
}

fn plan_unguarded(connection: &Connection, path: &Path, wanted: &Wanted) -> Result<Plan> {
    let query = statement(connection, path, wanted)?;
    let prepared = connection.prepare(&query).map_err(|e| failed(&e))?;
    if !prepared.readonly() || prepared.column_count() == 0 {
        return Err(Error::usage("the statement does not read a table").hint("Write one SELECT, VALUES or WITH"));
    }
    let names: Vec<String> = prepared.column_names().map(str::to_owned).collect();
    if let Some(twice) = names.iter().enumerate().find(|(at, n)| names.iter().take(*at).any(|m| m == *n)) {
        return Err(Error::input(format!("the answer has two columns `{}`", brief(twice.1, 60)))
            .hint("Give one of them another name: SELECT a AS b"));
    }
    // Declared types are known for tables; the answer to a statement has none.
    let declared = match wanted {
        Wanted::Query(_) => vec![String::new(); names.len()],
        _ => prepared.columns().map(|c| c.decl_type().unwrap_or_default().to_owned()).collect(),
    };
    drop(prepared);
    Ok(Plan { query, names, declared })
}

fn each_row(
    connection: &Connection,
    query: &str,
    most: u64,
    control: &Control,
    mut take: impl FnMut(&Row<'_>) -> Result<()>,
) -> Result<u64> {
    let mut statement = connection.prepare(query).map_err(|e| failed(&e))?;
    let mut rows = statement.query([]).map_err(|e| failed(&e))?;
    let mut count = 0;
    while count < most
        && let Some(row) = rows.next().map_err(|e| failed(&e))?
    {
        if count % STRIDE == 0 {
            control.check()?;
            control.report("reading the database", None, format!("{count} rows"));
        }
        take(row)?;
        count += 1;
    }
    Ok(count)
}

fn value<'a>(row: &'a Row<'_>, at: usize) -> Result<ValueRef<'a>> {
    row.get_ref(at).map_err(|e| failed(&e))
}

/// Writes a table or the answer to a statement into the spool as Parquet, with notes.
///
/// # Errors
/// When the file is no database, there are several tables, the statement fails or writes, or the work is cancelled.
pub fn convert(path: &Path, wanted: &Wanted, spool: &Spool, control: &Control) -> Result<(Spooled, Vec<String>)> {
    let mut connection = open(path)?;
    let plan = plan(&connection, path, wanted)?;
    // Both passes see the same rows, whoever writes meanwhile.
    let transaction = connection.transaction().map_err(|e| failed(&e))?;
    let mut notes = Vec::new();
    let spooled = watched(&transaction, control, || {
        let mut seen: Vec<Seen> = plan.names.iter().map(|_| Seen::default()).collect();
        let count = each_row(&transaction, &plan.query, u64::MAX, control, |row| {
            for (at, seen) in seen.iter_mut().enumerate() {
                seen.see(value(row, at)?);
            }
            Ok(())
        })?;
        if count == 0 {
            return Err(Error::input("there is no row in the table").hint("Check the table or the statement"));
        }
        let kept: Vec<(usize, (String, Physical))> = seen
            .iter()
            .zip(plan.names.iter().zip(&plan.declared))
            .enumerate()
            .filter_map(|(at, (seen, (name, declared)))| {
                Some((at, (name.clone(), seen.physical(name, declared, &mut notes)?)))
            })
            .collect();
        let columns: Vec<(String, Physical)> = kept.iter().map(|(_, column)| column.clone()).collect();
        let mut rows = Rows::new(&columns, true, spool)?;
        let mut text = String::new();
        each_row(&transaction, &plan.query, u64::MAX, control, |row| {
            for (to, (at, (_, physical))) in kept.iter().enumerate() {
                rows.set(to, cell(value(row, *at)?, *physical, &mut text));
            }
            rows.end_row()
        })?;
        rows.finish(None)
    });
    Ok((spooled?, notes))
}

/// Header and cells of the first rows of the only table, for a look at a file.
///
/// # Errors
/// As [`convert`].
pub fn head(path: &Path, rows: usize) -> Result<Head> {
    let connection = open(path)?;
    let plan = plan(&connection, path, &Wanted::Only)?;
    let mut cells = Vec::new();
    let mut text = String::new();
    each_row(&connection, &plan.query, rows as u64 + 1, &Control::default(), |row| {
        let mut line = Vec::with_capacity(plan.names.len());
        for at in 0..plan.names.len() {
            line.push(match cell(value(row, at)?, Physical::String, &mut text) {
                Cell::Text(words) => Some(words.to_owned()),
                _ => None,
            });
        }
        cells.push(line);
        Ok(())
    })?;
    let more = cells.len() > rows;
    cells.truncate(rows);
    Ok((plan.names, cells, more))
}
