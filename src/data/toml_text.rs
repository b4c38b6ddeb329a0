//! TOML files written by people: what is wrong in them is said with the line and the key.

use serde::de::DeserializeOwned;

use super::display::brief;
use crate::error::{Error, Result};

/// Files of rules or steps are small; what is larger than this is something else.
const LARGEST: usize = 4 << 20;

/// Reads a value from TOML.
///
/// # Errors
/// Of kind `Usage`, with the line and the key, and `hint`.
pub fn parse<T: DeserializeOwned>(text: &str, hint: &str) -> Result<T> {
    if text.len() > LARGEST {
        return Err(Error::usage(format!("the text has {} MB", text.len() >> 20)).hint(hint));
    }
    toml::from_str(text).map_err(|e| wrong(text, &e, hint))
}

/// Reads a text file of at most a few megabytes.
///
/// # Errors
/// When it cannot be read.
pub fn read(path: &std::path::Path, hint: &str) -> Result<String> {
    let place = |e: &dyn std::fmt::Display| Error::input(format!("{}: {e}", path.display())).hint(hint);
    let size = std::fs::metadata(path).map_err(|e| place(&e))?;
    if size.is_dir() || size.len() > LARGEST as u64 {
        return Err(place(&"is no small text file"));
    }
    std::fs::read_to_string(path).map_err(|e| place(&e))
}

/// An error of the TOML reader in our words.
fn wrong(text: &str, error: &toml::de::Error, hint: &str) -> Error {
    let said = error.message().replace('\n', " ");
    let span = error.span().unwrap_or(0..0);
    let start = line_of(text, span.start);
    // A table that is read as a whole is blamed as a whole; the key that the message names is looked for inside it.
    let named = said.split('`').nth(1).filter(|_| said.starts_with("unknown field"));
    let inside = text.get(span.start..).unwrap_or_default();
    let line = named
        .and_then(|key| inside.lines().position(|l| key_of(l) == Some(key)).map(|below| start + below))
        .unwrap_or(start);
    let key = text.lines().nth(line - 1).and_then(key_of);
    let place = match key {
        Some(key) if !said.contains(&format!("`{key}`")) => format!("line {line}, `{}`", brief(key, 40)),
        _ => format!("line {line}"),
    };
    Error::usage(format!("{place}: {}", brief(&said, 300))).hint(hint)
}

/// The line, from 1, on which a byte stands.
fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at.min(text.len())).unwrap_or_default();
    1 + before.iter().filter(|b| **b == b'\n').count()
}

/// The key of a line `key = value`.
fn key_of(line: &str) -> Option<&str> {
    let (key, _) = line.split_once('=')?;
    let key = key.trim().trim_matches(['"', '\'']);
    (!key.is_empty() && !key.starts_with('#')).then_some(key)
}

/// The line, from 1, of the `n`th (from 0) header of a name, such as `[[step]]`; for errors found after reading.
#[must_use]
pub fn line_of_header(text: &str, header: &str, n: usize) -> Option<usize> {
    text.lines().enumerate().filter(|(_, l)| l.trim_start().starts_with(header)).nth(n).map(|(i, _)| i + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[expect(dead_code, reason = "only reading it matters")]
        inner: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
    enum Inner {
        Drop {
            #[expect(dead_code, reason = "only reading it matters")]
            columns: Vec<String>,
        },
    }

    #[test]
    fn the_line_and_the_key_are_named() {
        let wrong = |text: &str| parse::<Outer>(text, "do better").unwrap_err().to_string();
        let unknown = wrong("[[inner]]\ndo = 'drop'\ncolumns = []\n[[inner]]\ndo = 'drop'\ncolums = []\n");
        assert!(unknown.contains("line 6") && unknown.contains("`colums`"), "{unknown}");
        let kind = wrong("inner = 5\n");
        assert!(kind.contains("line 1, `inner`"), "{kind}");
        assert!(wrong("[[inner]\n").contains("line 1"));
        assert!(wrong("").contains("inner"));
    }
}
