//! The text format of PostgreSQL's `COPY … TO STDOUT`, and the values in it.
//!
//! Columns stand between tabs, rows end with a line feed, a missing value is `\N`, and backslashes escape. The session
//! is set to ISO dates and UTC beforehand, so that every value has one spelling.

use std::io::BufRead;

use crate::data::Physical;
use crate::data::csv::dates::{self, DAY, Order};
use crate::data::source::table::Cell;
use crate::error::{Error, Result};

/// The longest row, bytes.
const LONGEST: u64 = 64 << 20;

/// How a value's text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    Integer,
    Float,
    Boolean,
    Text,
    Day,
    Moment,
    /// A time of day, as hours since midnight.
    Hours,
}

impl Reading {
    /// How its values are stored.
    pub(super) fn physical(self) -> Physical {
        match self {
            Self::Integer => Physical::Integer,
            Self::Float | Self::Hours => Physical::Float,
            Self::Boolean => Physical::Boolean,
            Self::Text => Physical::String,
            Self::Day => Physical::Date,
            Self::Moment => Physical::Datetime,
        }
    }

    /// The value of a text. What a table has no place for (infinite numbers and dates, years before our era) is missing,
    /// and counted in `lost`.
    pub(super) fn cell<'a>(self, text: &'a str, lost: &mut u64) -> Cell<'a> {
        let found = match self {
            Self::Text => return Cell::Text(text),
            Self::Integer => text.parse().ok().map(Cell::Integer),
            Self::Float => text.parse().ok().filter(|v: &f64| v.is_finite()).map(Cell::Float),
            Self::Boolean => match text {
                "t" => Some(Cell::Boolean(true)),
                "f" => Some(Cell::Boolean(false)),
                _ => None,
            },
            Self::Day => dates::parse(Order::YmdDash, text.as_bytes())
                .and_then(|m| i32::try_from(m.micros.div_euclid(DAY)).ok())
                .map(Cell::Day),
            Self::Moment => dates::parse(Order::YmdDash, text.as_bytes()).map(|m| Cell::Moment(m.micros)),
            Self::Hours => hours(text).map(Cell::Float),
        };
        found.unwrap_or_else(|| {
            *lost += 1;
            Cell::Missing
        })
    }
}

fn hours(text: &str) -> Option<f64> {
    let mut parts = text.split(':');
    let (h, m, s): (f64, f64, f64) =
        (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next().unwrap_or("0").parse().ok()?);
    let hours = h + m / 60.0 + s / 3600.0;
    (parts.next().is_none() && hours.is_finite()).then_some(hours)
}

/// Reads the next row into `fields`; `false` at the end.
///
/// # Errors
/// When reading fails (the caller knows the server's words), or a row is too long or not UTF-8.
pub(super) fn row(
    input: &mut impl BufRead,
    line: &mut Vec<u8>,
    fields: &mut Vec<Option<String>>,
    failed: &dyn Fn(&std::io::Error) -> Error,
) -> Result<bool> {
    line.clear();
    let n = std::io::Read::take(&mut *input, LONGEST).read_until(b'\n', line).map_err(|e| failed(&e))?;
    if n == 0 {
        return Ok(false);
    }
    if line.pop() != Some(b'\n') {
        let words = if n as u64 == LONGEST { "a row is larger than 64 MB" } else { "the last row has no end" };
        return Err(failed(&std::io::Error::other(words)));
    }
    fields.clear();
    for field in line.split(|b| *b == b'\t') {
        fields.push(if field == b"\\N" { None } else { Some(plain(field)?) });
    }
    Ok(true)
}

fn plain(field: &[u8]) -> Result<String> {
    let text =
        |bytes: Vec<u8>| String::from_utf8(bytes).map_err(|_| Error::remote("the server sent text that is not UTF-8"));
    if !field.contains(&b'\\') {
        return text(field.to_vec());
    }
    let mut out = Vec::with_capacity(field.len());
    let mut bytes = field.iter();
    while let Some(byte) = bytes.next() {
        out.push(match (byte, ()) {
            (b'\\', ()) => match bytes.next() {
                Some(b'b') => 8,
                Some(b'f') => 12,
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                Some(b't') => b'\t',
                Some(b'v') => 11,
                Some(other) => *other,
                None => b'\\',
            },
            (byte, ()) => *byte,
        });
    }
    text(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rows_are_cut_and_unescaped() {
        let mut input = &b"1\ta\\tb\\\\\\n\t\\N\t\n\\.x\tz\n"[..];
        let (mut line, mut fields) = (Vec::new(), Vec::new());
        let failed = |e: &std::io::Error| Error::remote(e.to_string());
        assert!(row(&mut input, &mut line, &mut fields, &failed).unwrap());
        assert_eq!(fields, [Some("1".into()), Some("a\tb\\\n".into()), None, Some(String::new())]);
        assert!(row(&mut input, &mut line, &mut fields, &failed).unwrap());
        assert!(!row(&mut input, &mut line, &mut fields, &failed).unwrap());
        assert!(row(&mut &b"cut"[..], &mut line, &mut fields, &failed).is_err());
    }

    #[test]
    fn values_have_their_types() {
        let mut lost = 0;
        assert_eq!(Reading::Moment.cell("2020-01-31 23:59:59.5+00", &mut lost), Cell::Moment(1_580_515_199_500_000));
        assert_eq!(Reading::Moment.cell("1969-12-31 23:59:59", &mut lost), Cell::Moment(-1_000_000));
        assert_eq!(Reading::Day.cell("1970-01-02", &mut lost), Cell::Day(1));
        assert_eq!(Reading::Hours.cell("13:30:00", &mut lost), Cell::Float(13.5));
        assert_eq!(Reading::Text.cell("007", &mut lost), Cell::Text("007"));
        assert_eq!(Reading::Integer.cell("-9223372036854775808", &mut lost), Cell::Integer(i64::MIN));
        assert_eq!(lost, 0);
        for (reading, text) in [
            (Reading::Float, "NaN"),
            (Reading::Float, "Infinity"),
            (Reading::Day, "infinity"),
            (Reading::Hours, "1e999:00:00"),
            (Reading::Day, "0044-03-15 BC"),
        ] {
            assert_eq!(reading.cell(text, &mut lost), Cell::Missing, "{text}");
        }
        assert_eq!(lost, 5);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut input = &bytes[..];
            let (mut line, mut fields, mut lost) = (Vec::new(), Vec::new(), 0);
            let failed = |e: &std::io::Error| Error::remote(e.to_string());
            while let Ok(true) = row(&mut input, &mut line, &mut fields, &failed) {
                for text in fields.iter().flatten() {
                    for reading in [Reading::Integer, Reading::Float, Reading::Boolean, Reading::Day, Reading::Moment, Reading::Hours] {
                        let _ = reading.cell(text, &mut lost);
                    }
                }
            }
        }
    }

    /// What a server sends: rows of the text format, and values of every type.
    #[test]
    fn fuzz_postgres_rows() {
        use crate::fuzz_driver::{Outcome, Target, fuzz};
        let seeds = [
            "1\ta\\tb\\\\\\n\t\\N\t\n\\.x\tz\n",
            "2020-01-31 23:59:59.5+00\t13:30:00\tt\t-1.5e300\n",
            "infinity\t0044-03-15 BC\tNaN\t24:00:00\n",
        ];
        let words = [
            "\t",
            "\n",
            "\\",
            "\\N",
            "\\.",
            "\\n",
            "Infinity",
            "-infinity",
            "1e999",
            "BC",
            ":",
            "+00",
            "9223372036854775808",
            "t",
            "f",
            "\u{1b}",
            "é",
        ];
        let target = Target {
            name: "postgres_rows",
            seeds: seeds.iter().map(|s| s.as_bytes().to_vec()).collect(),
            tokens: words.iter().map(|w| w.as_bytes().to_vec()).collect(),
            codes: &[4],
            largest: 16 << 10,
            remake: None,
        };
        const READINGS: [Reading; 7] = [
            Reading::Integer,
            Reading::Float,
            Reading::Boolean,
            Reading::Text,
            Reading::Day,
            Reading::Moment,
            Reading::Hours,
        ];
        fuzz(target, |bytes| {
            let mut input = bytes;
            let (mut line, mut fields, mut lost) = (Vec::new(), Vec::new(), 0);
            let failed = |e: &std::io::Error| Error::remote(e.to_string());
            let (mut kinds, mut rows) = (0u64, 0u32);
            loop {
                match row(&mut input, &mut line, &mut fields, &failed) {
                    Ok(true) => rows += 1,
                    Ok(false) => break,
                    Err(e) => {
                        return Outcome {
                            code: Some(e.exit_code()),
                            shape: e.message.clone(),
                            texts: vec![e.to_string()],
                        };
                    }
                }
                for text in fields.iter().flatten() {
                    for (i, reading) in READINGS.iter().enumerate() {
                        let cell = reading.cell(text, &mut lost);
                        if let Cell::Float(v) = cell {
                            assert!(v.is_finite(), "{text} as a number");
                        }
                        kinds |= u64::from(cell != Cell::Missing) << i;
                    }
                }
            }
            let letters: String = (0..7)
                .filter(|i| kinds >> i & 1 == 1)
                .map(|i| ["int", "flo", "boo", "tex", "day", "mom", "hou"][i])
                .collect();
            Outcome {
                code: None,
                shape: format!("rows{} {letters}", "x".repeat(rows.min(4) as usize)),
                texts: Vec::new(),
            }
        });
    }
}
