//! Tables of PostgreSQL, and answers to statements: streamed out of a read-only transaction into the spool.

mod settings;
mod text;
mod tls;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use postgres::types::{Kind, Type};
use postgres::{CancelToken, Client, Config, IsolationLevel};

use self::settings::{Settings, SslMode, Surroundings};
use self::text::Reading;
use super::name::Wanted;
use super::spool::{Spool, Spooled};
use super::table::{Cell, Rows};
use crate::data::Physical;
use crate::data::display::brief;
use crate::engine::Control;
use crate::error::{Error, Result};

/// Rows between two looks at the cancel flag.
const STRIDE: u64 = 1 << 10;

fn surroundings(variable: &dyn Fn(&str) -> Option<String>) -> Surroundings<'_> {
    Surroundings {
        variable,
        home: variable("HOME").map(PathBuf::from),
        user: whoami::username().unwrap_or_else(|_| "postgres".to_owned()),
        sockets: if cfg!(unix) { vec!["/var/run/postgresql".into(), "/run/postgresql".into()] } else { Vec::new() },
    }
}

/// A failure in words: the server's where it spoke, else the connection's.
fn failed(error: &postgres::Error, settings: &Settings, done: &str) -> Error {
    let shown = settings.shown();
    if let Some(told) = error.as_db_error() {
        let code = told.code().code();
        let words = brief(told.message(), 300);
        // Classes of SQLSTATE: 28 is about logins, 3D about databases, 42 about names, syntax and rights.
        return match code.get(..2).unwrap_or_default() {
            "28" => Error::remote(format!("{shown}: {words}"))
                .hint("Check PGUSER, and the password in PGPASSWORD or ~/.pgpass (which only you may read)"),
            "3D" => Error::remote(format!("{shown}: {words}")).hint("Check the database in the address or PGDATABASE"),
            "25" => Error::usage(format!("{shown}: {words}")).hint("Statements are run for reading only"),
            "42" | "22" | "0A" => Error::input(format!("{shown}: {words}")).hint("Check the table or the statement"),
            "57" => {
                Error::remote(format!("{shown}: {words}{done}")).hint("Nothing of it was kept or recorded. Try again")
            }
            _ => Error::remote(format!("{shown}: {words} ({code}){done}")).hint("Ask who runs the server"),
        };
    }
    let cause = crate::net::root_cause(error);
    let hint = if cause.contains("password") {
        "Give the password in PGPASSWORD, or in ~/.pgpass (which only you may read)"
    } else if settings.ssl != SslMode::Disable && cause.to_ascii_lowercase().contains("certificate") {
        "Name the authority's file in PGSSLROOTCERT"
    } else if done.is_empty() {
        "Check PGHOST and PGPORT, and that the server runs and can be reached from here"
    } else {
        "Nothing of it was kept or recorded. Check the connection and try again"
    };
    Error::remote(format!("{shown}: {}{done}", brief(&cause, 200))).hint(hint)
}

fn connect(settings: &Settings) -> Result<Client> {
    let mut config = Config::new();
    config
        .host(&settings.host)
        .port(settings.port)
        .user(&settings.user)
        .dbname(&settings.database)
        .application_name("pilothouse")
        .connect_timeout(Duration::from_secs(settings.connect_timeout))
        .ssl_mode(match settings.ssl {
            SslMode::Disable => postgres::config::SslMode::Disable,
            SslMode::Prefer => postgres::config::SslMode::Prefer,
            SslMode::Require | SslMode::Verify => postgres::config::SslMode::Require,
        });
    if let Some(password) = &settings.password {
        config.password(password);
    }
    if let Some(options) = &settings.options {
        config.options(options);
    }
    config.connect(tls::connector(settings)?).map_err(|e| failed(&e, settings, ""))
}

/// A name as a statement quotes it: `schema.table`, each part quoted unless it is already.
fn quoted(name: &str) -> Result<String> {
    let (mut parts, mut inside) = (vec![String::new()], false);
    let mut letters = name.chars().peekable();
    while let Some(letter) = letters.next() {
        match (letter, inside) {
            ('"', true) if letters.peek() == Some(&'"') => {
                letters.next();
                parts.last_mut().into_iter().for_each(|p| p.push('"'));
            }
            ('"', _) => inside = !inside,
            ('.', false) => parts.push(String::new()),
            (letter, _) => parts.last_mut().into_iter().for_each(|p| p.push(letter)),
        }
    }
    if inside || parts.iter().any(String::is_empty) || parts.len() > 2 {
        return Err(Error::usage(format!("`{}` is not the name of a table", brief(name, 80)))
            .hint("Write TABLE or SCHEMA.TABLE; a dot in a name stands in double quotes"));
    }
    Ok(parts.iter().map(|p| format!("\"{}\"", p.replace('"', "\"\""))).collect::<Vec<_>>().join("."))
}

/// How a type's values are read, and what a person should know of it.
fn reading(kind: &Type) -> (Option<Reading>, Option<&'static str>) {
    if let Kind::Domain(inner) = kind.kind() {
        return reading(inner);
    }
    let found = match *kind {
        Type::INT2 | Type::INT4 | Type::INT8 | Type::OID => Reading::Integer,
        Type::FLOAT4 | Type::FLOAT8 | Type::NUMERIC => Reading::Float,
        Type::BOOL => Reading::Boolean,
        Type::DATE => Reading::Day,
        Type::TIMESTAMP => Reading::Moment,
        Type::TIMESTAMPTZ => return (Some(Reading::Moment), Some("times with a zone were converted to UTC")),
        Type::TIME => return (Some(Reading::Hours), Some("times of day became hours since midnight")),
        Type::BYTEA => return (None, Some("left out; its values are binary")),
        Type::INTERVAL => return (Some(Reading::Text), Some("intervals were kept as text")),
        Type::JSON | Type::JSONB => return (Some(Reading::Text), Some("JSON was kept as text")),
        _ if matches!(kind.kind(), Kind::Array(_)) => return (Some(Reading::Text), Some("lists were kept as text")),
        _ => Reading::Text,
    };
    (Some(found), None)
}

/// Does the work, and cancels its statement on the server when the work is cancelled here.
fn watched<T>(
    token: &CancelToken,
    settings: &Settings,
    control: &Control,
    work: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                if control.is_cancelled() {
                    // The work ends by an error of its own; this only makes it end soon.
                    if let Ok(connector) = tls::connector(settings) {
                        drop(token.cancel_query(connector));
                    }
                    std::thread::sleep(Duration::from_millis(200));
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let outcome = work();
        done.store(true, Ordering::SeqCst);
        if control.is_cancelled() { Err(Error::cancelled()) } else { outcome }
    })
}

/// Writes a table or the answer to a statement into the spool as Parquet, with notes.
///
/// # Errors
/// Of kind `Remote` when the server cannot be reached, refuses, or the connection breaks (saying after how many rows);
/// `Input` when there is no such table or the statement is wrong; `Usage` when settings are wrong; `Cancelled`.
pub fn convert(address: &str, wanted: &Wanted, spool: &Spool, control: &Control) -> Result<(Spooled, Vec<String>)> {
    let variable = |name: &str| std::env::var(name).ok();
    let settings = Settings::read(address, &surroundings(&variable))?;
    let query = match wanted {
        Wanted::Query(query) => query.clone(),
        Wanted::Table(name) => format!("SELECT * FROM {}", quoted(name)?),
        Wanted::Only => {
            return Err(Error::usage("the address names no table")
                .hint("Add ?table=NAME or ?query=SELECT … to it, for example postgresql:///?table=public.orders"));
        }
    };
    control.report("asking the database", None, settings.shown());
    let mut client = connect(&settings)?;
    let token = client.cancel_token();
    watched(&token, &settings, control, || copy(&mut client, &settings, &query, spool, control))
}

fn copy(
    client: &mut Client,
    settings: &Settings,
    query: &str,
    spool: &Spool,
    control: &Control,
) -> Result<(Spooled, Vec<String>)> {
    let early = |e: postgres::Error| failed(&e, settings, "");
    let mut transaction = client
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .read_only(true)
        .start()
        .map_err(early)?;
    // One spelling for every value, whatever the server's and the role's settings.
    transaction
        .batch_execute(
            "SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL IntervalStyle = 'iso_8601'; \
             SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'; SET LOCAL client_encoding = 'UTF8'",
        )
        .map_err(early)?;
    // Only one statement can be prepared, so what follows it in the words cannot slip in.
    let prepared = transaction.prepare(query).map_err(early)?;
    if prepared.columns().is_empty() || !prepared.params().is_empty() {
        return Err(Error::usage("the statement does not read a table").hint("Write one SELECT, VALUES or WITH"));
    }
    let mut notes = Vec::new();
    let mut columns: Vec<(String, Physical)> = Vec::new();
    let mut readings: Vec<Option<Reading>> = Vec::new();
    for column in prepared.columns() {
        let name = column.name().to_owned();
        let (reading, note) = reading(column.type_());
        notes.extend(note.map(|note| format!("{}: {note}", brief(&name, 60))));
        if let Some(reading) = reading {
            if columns.iter().any(|(n, _)| *n == name) {
                return Err(Error::input(format!("the answer has two columns `{}`", brief(&name, 60)))
                    .hint("Give one of them another name: SELECT a AS b"));
            }
            columns.push((name, reading.physical()));
        }
        readings.push(reading);
    }
    let mut rows = Rows::new(&columns, true, spool)?;
    let mut lost = vec![0u64; readings.len()];
    {
        let mut input = transaction.copy_out(&format!("COPY ({query}) TO STDOUT")).map_err(early)?;
        let (mut line, mut fields) = (Vec::new(), Vec::new());
        loop {
            let done = format!(" after {} rows", rows.rows());
            let broke = |e: &std::io::Error| match e.get_ref().and_then(|e| e.downcast_ref::<postgres::Error>()) {
                Some(told) => failed(told, settings, &done),
                None => Error::remote(format!("{}: {}{done}", settings.shown(), brief(&e.to_string(), 200)))
                    .hint("Nothing of it was kept or recorded. Check the connection and try again"),
            };
            if !text::row(&mut input, &mut line, &mut fields, &broke)? {
                break;
            }
            if fields.len() != readings.len() {
                return Err(Error::remote(format!(
                    "{}: a row has {} values instead of {}",
                    settings.shown(),
                    fields.len(),
                    readings.len()
                )));
            }
            let mut to = 0;
            for ((field, reading), lost) in fields.iter().zip(&readings).zip(&mut lost) {
                let Some(reading) = reading else { continue };
                rows.set(to, field.as_deref().map_or(Cell::Missing, |field| reading.cell(field, lost)));
                to += 1;
            }
            rows.end_row()?;
            if rows.rows() % STRIDE == 0 {
                control.check()?;
                control.report("reading the database", None, format!("{} rows", rows.rows()));
            }
        }
    }
    transaction.rollback().map_err(early)?;
    if rows.rows() == 0 {
        return Err(Error::input("there is no row in the table").hint("Check the table or the statement"));
    }
    for (column, lost) in prepared.columns().iter().zip(&lost).filter(|(_, lost)| **lost > 0) {
        notes.push(format!(
            "{}: {lost} infinite values, or dates out of range, became missing",
            brief(column.name(), 60)
        ));
    }
    Ok((rows.finish(None)?, notes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted() {
        assert_eq!(quoted("orders").unwrap(), "\"orders\"");
        assert_eq!(quoted("shop.Orders").unwrap(), "\"shop\".\"Orders\"");
        assert_eq!(quoted("\"a.b\".\"c\"\"d\"").unwrap(), "\"a.b\".\"c\"\"d\"");
        assert_eq!(quoted("x\"; DROP TABLE y; --\"").unwrap(), "\"x; DROP TABLE y; --\"");
        for bad in ["", "a.", "a.b.c", "\"a"] {
            assert!(quoted(bad).is_err(), "{bad}");
        }
    }
}
