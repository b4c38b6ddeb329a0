//! How a text file is cut into records: its delimiter, and where records begin.

use std::ops::Range;

use crate::error::{Error, Result};

/// The delimiters that are tried.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Bytes looked at to find the delimiter.
const HEAD: usize = 1 << 16;

/// A delimiter in words.
#[must_use]
pub fn delimiter_name(delimiter: u8) -> String {
    match delimiter {
        b',' => "comma".to_owned(),
        b';' => "semicolon".to_owned(),
        b'\t' => "tab".to_owned(),
        b'|' => "bar".to_owned(),
        other => format!("`{}`", other.escape_ascii()),
    }
}

/// A reader over some bytes that gives every record as it is, whatever its number of fields.
#[must_use]
pub fn reader(bytes: &[u8], delimiter: u8) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .buffer_capacity(1 << 16)
        .from_reader(bytes)
}

/// Finds the delimiter: the one that cuts the first records into the same number of fields, and into the most.
#[must_use]
pub fn find_delimiter(bytes: &[u8]) -> u8 {
    let head = bytes.get(..HEAD).unwrap_or(bytes);
    let whole = head.len() == bytes.len();
    let mut best = (b',', 0.0);
    for delimiter in DELIMITERS {
        let mut counts: Vec<usize> = Vec::new();
        for record in reader(head, delimiter).byte_records().take(200) {
            let Ok(record) = record else { break };
            counts.push(record.len());
        }
        if !whole && counts.len() > 1 {
            counts.pop(); // the head may end in the middle of it
        }
        let Some(&first) = counts.first() else { continue };
        if first < 2 {
            continue;
        }
        let agree = counts.iter().filter(|n| **n == first).count() as f64 / counts.len() as f64;
        // Agreement counts more than width; the width only decides between delimiters that both fit.
        let score = agree * 1000.0 + first.min(900) as f64;
        if score > best.1 {
            best = (delimiter, score);
        }
    }
    best.0
}

/// Cuts the records in `bytes` into ranges of about `size` bytes, each starting at the start of a record.
///
/// The walk over the bytes has the states of the `csv` crate's reader: a quote opens a quoted field only where a field
/// starts; two quotes inside are one; after the closing quote the field goes on unquoted.
///
/// # Errors
/// When a quoted field is still open at the end of the file.
pub fn split(bytes: &[u8], delimiter: u8, size: usize) -> Result<Vec<Range<usize>>> {
    let size = size.max(1);
    let mut ranges = Vec::with_capacity(bytes.len() / size + 1);
    let mut start = 0;
    if !bytes.contains(&b'"') {
        while start < bytes.len() {
            let from = start + size;
            let rest = bytes.get(from..).unwrap_or_default();
            let end = rest.iter().position(|b| *b == b'\n').map_or(bytes.len(), |n| from + n + 1);
            ranges.push(start..end);
            start = end;
        }
        return Ok(ranges);
    }
    #[derive(PartialEq)]
    enum State {
        FieldStart,
        Plain,
        Quoted,
        QuoteInQuoted,
    }
    let mut state = State::FieldStart;
    let mut opened = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        state = match (&state, byte) {
            (State::Quoted, b'"') => State::QuoteInQuoted,
            (State::Quoted, _) => State::Quoted,
            (State::QuoteInQuoted, b'"') => State::Quoted,
            (State::FieldStart, b'"') => {
                opened = at;
                State::Quoted
            }
            (_, b'\n') => {
                if at + 1 - start >= size {
                    ranges.push(start..at + 1);
                    start = at + 1;
                }
                State::FieldStart
            }
            (_, b'\r') => State::FieldStart,
            (_, b) if b == delimiter => State::FieldStart,
            _ => State::Plain,
        };
    }
    if state == State::Quoted {
        return Err(Error::input(format!("line {}: a quote opens here and is never closed", line_of(bytes, opened)))
            .hint("Close the quote, or write a quote inside a quoted field twice"));
    }
    if start < bytes.len() {
        ranges.push(start..bytes.len());
    }
    Ok(ranges)
}

/// The line (counted from 1) on which the byte `at` stands.
#[must_use]
pub fn line_of(bytes: &[u8], at: usize) -> usize {
    let before = bytes.get(..at).unwrap_or(bytes);
    1 + before.iter().filter(|b| **b == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn delimiters_are_found() {
        assert_eq!(find_delimiter(b"a,b\n1,2\n"), b',');
        assert_eq!(find_delimiter(b"a;b\n1,5;2\n2,5;3\n"), b';');
        assert_eq!(find_delimiter(b"a\tb\n1, 2\t2\n"), b'\t');
        assert_eq!(find_delimiter(b"a|b|c\n1|2|3\n"), b'|');
        assert_eq!(find_delimiter(b"a\n1\n"), b',');
        assert_eq!(find_delimiter(b"name,remark\n\"x;y\",\"a;b;c\"\nz,\"d;e\"\n"), b',');
    }

    #[test]
    fn an_open_quote_is_named_with_its_line() {
        let error = split(b"a,b\n1,\"x\n2,y\n", b',', 4).unwrap_err();
        assert!(error.message.contains("line 2"), "{error}");
    }

    proptest! {
        /// Cutting must not change what the reader sees, whatever quotes and line ends there are.
        #[test]
        fn records_survive_the_cut(text in "[ab,\"\n\r]{0,80}", size in 1usize..20) {
            let all = |bytes: &[u8]| -> Vec<csv::ByteRecord> { reader(bytes, b',').byte_records().map(Result::unwrap).collect() };
            if let Ok(ranges) = split(text.as_bytes(), b',', size) {
                let parts: Vec<_> = ranges.iter().flat_map(|r| all(&text.as_bytes()[r.clone()])).collect();
                prop_assert_eq!(parts, all(text.as_bytes()));
            }
        }
    }
}
