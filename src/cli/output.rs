//! Answers on standard output, progress on standard error.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::data;
use crate::engine::{Control, Progress};
use crate::error::{Error, Result};
use crate::figures;

/// Writes an answer as JSON.
///
/// # Errors
/// When standard output is closed.
pub(super) fn json<T: Serialize>(value: &T) -> Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, value)?;
    out.write_all(b"\n").map_err(Error::from)
}

/// Writes a line of an answer for people. Escapes in data are shown harmless.
///
/// # Errors
/// When standard output is closed.
pub(super) fn line(text: impl AsRef<str>) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", data::display(text.as_ref())).map_err(Error::from)
}

/// Writes a text of our own making, line breaks and all. What comes from data goes through [`line`].
///
/// # Errors
/// When standard output is closed.
pub(super) fn text(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", text.trim_end()).map_err(Error::from)
}

/// Rows under a header, columns as wide as they need be; columns of figures are aligned to the right.
///
/// # Errors
/// When standard output is closed.
pub(super) fn table(header: &[&str], rows: &[Vec<String>]) -> Result<()> {
    use unicode_width::UnicodeWidthStr as _;
    let width: Vec<usize> = header
        .iter()
        .enumerate()
        .map(|(i, h)| {
            rows.iter().filter_map(|r| r.get(i)).map(|c| data::display(c).width()).chain([h.width()]).max().unwrap_or(0)
        })
        .collect();
    let right: Vec<bool> = (0..header.len())
        .map(|i| {
            let mut cells = rows.iter().filter_map(|r| r.get(i)).filter(|c| !c.is_empty() && *c != "–").peekable();
            cells.peek().is_some()
                && cells.all(|c| c.starts_with(|ch: char| ch.is_ascii_digit() || "-+<~".contains(ch)))
        })
        .collect();
    let format = |cells: Vec<String>| {
        let mut text = String::new();
        for (i, cell) in cells.iter().enumerate() {
            let cell = data::display(cell);
            let space = " ".repeat(width[i].saturating_sub(cell.width()));
            let (before, after) = if right[i] { (space.as_str(), "") } else { ("", space.as_str()) };
            text.push_str(before);
            text.push_str(&cell);
            text.push_str(after);
            text.push_str("  ");
        }
        text.trim_end().to_owned()
    };
    line(format(
        header
            .iter()
            .map(|h| if h.contains(|c: char| c.is_ascii_digit()) { (*h).to_owned() } else { h.to_uppercase() })
            .collect(),
    ))?;
    for row in rows {
        line(format(row.clone()))?;
    }
    Ok(())
}

/// A figure with four significant digits or so; `–` for none.
pub(super) fn figure(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        "–".into()
    } else if size != 0.0 && !(1e-4..1e7).contains(&size) {
        format!("{value:.3e}")
    } else if size >= 1000.0 {
        format!("{value:.0}")
    } else if size >= 10.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.4}")
    }
}

/// A value of a profile.
pub(super) fn cell(value: &data::Cell) -> String {
    match value {
        data::Cell::Number(number) => figures::figure(*number),
        data::Cell::Text(text) => data::brief(text, 24),
    }
}

/// A handle that writes progress lines to standard error: at most ten a second on a terminal, one a second
/// elsewhere.
pub(super) fn control(quiet: bool) -> Control {
    if quiet {
        return Control::default();
    }
    let terminal = std::io::stderr().is_terminal();
    let last: Mutex<(Option<Instant>, String)> = Mutex::new((None, String::new()));
    Control::new(move |Progress { what, share, note }| {
        let Ok(mut last) = last.lock() else { return };
        let key = format!("{what} {note}");
        // A log wants to know that the work goes on, not every step of it.
        let pause = Duration::from_millis(if terminal { 100 } else { 1000 });
        let due = last.1 != key && last.0.is_none_or(|at| at.elapsed() >= pause);
        if !due {
            return;
        }
        *last = (Some(Instant::now()), key);
        let share = share.map(|s| format!("{:3.0} % ", s * 100.0)).unwrap_or_default();
        let text = format!("{share}{what} {note}");
        // Nobody reads standard error any more: the work goes on without it.
        let _ = if terminal {
            write!(std::io::stderr().lock(), "\r\x1b[K{}", data::display(&text))
        } else {
            writeln!(std::io::stderr().lock(), "{}", data::display(&text))
        };
    })
}

/// Says something beside the answer, on standard error.
pub(super) fn remark(text: &str) {
    clear_progress();
    // Nobody may be listening; the answer itself does not depend on it.
    let _ = writeln!(std::io::stderr().lock(), "pilothouse: {}", data::display(text));
}

/// Ends the progress line.
pub(super) fn clear_progress() {
    if std::io::stderr().is_terminal() {
        let _ = write!(std::io::stderr().lock(), "\r\x1b[K");
    }
}
