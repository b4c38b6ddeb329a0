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

/// TOML that was written by us, in which no text of the data steers a terminal: such characters stand as escapes
/// (`\\u009b`). It says the same to a reader.
pub fn harmless(toml: String) -> String {
    if !toml.chars().any(|c| c != '\n' && steers(c)) {
        return toml;
    }
    let mut out = String::with_capacity(toml.len() + 64);
    let mut rest = toml.as_str();
    while let Some(c) = rest.chars().next() {
        let (piece, after) = rest.split_at(text_at(rest).unwrap_or(c.len_utf8()));
        match c {
            '\'' if piece.chars().any(steers) => {
                // A literal text knows no escapes; it becomes one that does.
                let quotes = if piece.starts_with("'''") { 3 } else { 1 };
                let inside = piece.get(quotes..piece.len() - quotes).unwrap_or_default();
                // The first line break of a text of several lines does not count.
                let inside = if quotes == 3 { inside.strip_prefix('\n').unwrap_or(inside) } else { inside };
                out.push('"');
                for c in inside.chars() {
                    match c {
                        '"' | '\\' => out.extend(['\\', c]),
                        c => escaped(&mut out, c),
                    }
                }
                out.push('"');
            }
            '"' if piece.chars().any(steers) => {
                let many = piece.starts_with("\"\"\"");
                piece.chars().for_each(|c| if many && c == '\n' { out.push(c) } else { escaped(&mut out, c) });
            }
            '\'' | '"' | '\n' => out.push_str(piece),
            _ => out.push_str(&super::display::display(piece)),
        }
        rest = after;
    }
    out
}

fn steers(c: char) -> bool {
    matches!(super::display::display(c.encode_utf8(&mut [0; 4])), std::borrow::Cow::Owned(_))
}

fn escaped(out: &mut String, c: char) {
    if steers(c) {
        out.push_str(&format!("\\U{:08x}", c as u32));
    } else {
        out.push(c);
    }
}

/// The length of the text in quotes with which TOML goes on, quotes and all.
fn text_at(toml: &str) -> Option<usize> {
    for quotes in ["\"\"\"", "'''", "\"", "'"] {
        let Some(inside) = toml.strip_prefix(quotes) else { continue };
        let mut at = 0;
        while let Some(here) = inside.get(at..) {
            // At the end of a text of several lines, quotes may stand before the quotes that end it.
            if here.starts_with(quotes) && (quotes.len() == 1 || !here.get(1..).unwrap_or_default().starts_with(quotes))
            {
                return Some(at + 2 * quotes.len());
            }
            let mut chars = here.chars();
            let c = chars.next()?;
            at += c.len_utf8();
            if c == '\\' && quotes.starts_with('"') {
                at += chars.next()?.len_utf8();
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[test]
    fn written_toml_says_the_same_without_characters_that_steer() {
        use std::collections::BTreeMap;
        let texts = [
            "\u{9b}2J",
            "a\\b\u{202e}",
            "\"'\u{9b}",
            "'\u{200b}\n\n\"\"\"x",
            "\u{1b}[31m\u{7f}",
            "plain",
            "# \u{feff}",
        ];
        let map: BTreeMap<String, Vec<&str>> = texts.iter().map(|t| ((*t).to_owned(), texts.to_vec())).collect();
        for written in [toml::to_string(&map).unwrap(), toml::to_string_pretty(&map).unwrap()] {
            let safe = harmless(format!("# a remark\n{written}"));
            assert!(!safe.chars().any(|c| c != '\n' && steers(c)), "{safe}");
            assert_eq!(
                toml::from_str::<BTreeMap<String, Vec<String>>>(&safe).unwrap(),
                toml::from_str(&written).unwrap(),
                "{safe}"
            );
        }
    }

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
