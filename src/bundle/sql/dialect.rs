//! What differs between the engines: quoting, literals, casts, and how each behaves at the ends of the numbers.

use std::fmt;

use crate::data::brief;
use crate::error::{Error, Result};

/// A database engine whose SQL can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dialect {
    /// PostgreSQL, from version 12.
    Postgres,
    /// DuckDB.
    DuckDb,
    /// Spark SQL, from version 3.3.
    Spark,
}

/// The longest name that PostgreSQL keeps, in bytes; it cuts longer ones.
const LONGEST_POSTGRES_NAME: usize = 63;

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Postgres, Self::DuckDb, Self::Spark];

    /// The word on the command line and in file names.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::DuckDb => "duckdb",
            Self::Spark => "spark",
        }
    }

    /// The name for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::DuckDb => "DuckDB",
            Self::Spark => "Spark SQL",
        }
    }

    /// The form in which two names are one to the engine: PostgreSQL keeps 63 bytes, the others disregard case even between
    /// quotes.
    pub(super) fn folded(self, name: &str) -> String {
        match self {
            Self::Postgres => self.kept(name).to_owned(),
            Self::DuckDb | Self::Spark => name.to_lowercase(),
        }
    }

    /// The part of a name that the engine keeps.
    pub(super) fn kept(self, name: &str) -> &str {
        let mut end = name.len();
        if self == Self::Postgres {
            end = end.min(LONGEST_POSTGRES_NAME);
            while !name.is_char_boundary(end) {
                end -= 1;
            }
        }
        name.get(..end).unwrap_or(name)
    }

    /// A quoted name.
    ///
    /// # Errors
    /// When the engine cannot hold it: PostgreSQL and DuckDB know no NUL in a name, and Spark replaces `${` wherever it stands.
    pub(super) fn identifier(self, name: &str) -> Result<String> {
        let impossible = match self {
            _ if name.is_empty() => Some("an empty name"),
            _ if name.contains('\0') => Some("a NUL character"),
            Self::Spark if name.contains("${") => Some("`${`, which Spark replaces by a setting"),
            _ => None,
        };
        if let Some(what) = impossible {
            return Err(Error::input(format!(
                "the name `{}` cannot stand in {}: it has {what}",
                brief(name, 60),
                self.title()
            ))
            .hint("Rename the column and train again, or use the ONNX form"));
        }
        let name = self.kept(name);
        Ok(match self {
            Self::Spark => format!("`{}`", name.replace('`', "``")),
            Self::Postgres | Self::DuckDb => format!("\"{}\"", name.replace('"', "\"\"")),
        })
    }

    /// A text literal; `None` where the engine has no such text (PostgreSQL knows no NUL).
    ///
    /// Control characters never stand as themselves, so that a file of SQL survives editors and clients.
    pub(super) fn text(self, text: &str) -> Option<String> {
        let special = text.chars().any(unprintable);
        match self {
            Self::Postgres if text.contains('\0') => None,
            // `E'…'` means the same whatever `standard_conforming_strings` is.
            Self::Postgres if special || text.contains('\\') => Some(format!("E'{}'", escaped(text, "''"))),
            Self::DuckDb if special => Some(self.pieces(text)),
            Self::Postgres | Self::DuckDb => Some(format!("'{}'", text.replace('\'', "''"))),
            // A dollar too: Spark replaces `${…}` even inside of literals. Two quotes are one only since Spark 4.
            Self::Spark => Some(format!("'{}'", escaped(text, "\\'").replace('$', "\\u0024"))),
        }
    }

    /// A text as `'plain' || chr(10) || 'plain'`.
    fn pieces(self, text: &str) -> String {
        let mut parts = Vec::new();
        let mut plain = String::new();
        for c in text.chars() {
            if unprintable(c) {
                if !plain.is_empty() {
                    parts.push(format!("'{}'", std::mem::take(&mut plain)));
                }
                parts.push(format!("chr({})", u32::from(c)));
            } else if c == '\'' {
                plain.push_str("''");
            } else {
                plain.push(c);
            }
        }
        if !plain.is_empty() {
            parts.push(format!("'{plain}'"));
        }
        format!("({})", parts.join(" || "))
    }

    /// A finite double that reads back with the same bits. Negative ones stand in parentheses, because `--` starts a comment.
    pub(super) fn double(self, value: f64) -> String {
        let size = value.abs();
        let short = if size == 0.0 || (1e-5..1e15).contains(&size) { format!("{size}") } else { format!("{size:e}") };
        let sign = if value.is_sign_negative() { "-" } else { "" };
        match self {
            Self::Postgres => format!("'{sign}{short}'::float8"),
            Self::DuckDb => {
                // Without an exponent it would be a decimal number.
                let literal = if short.contains('e') { short } else { format!("{short}e0") };
                if sign.is_empty() { literal } else { format!("(-{literal})") }
            }
            Self::Spark if sign.is_empty() => format!("{short}D"),
            Self::Spark => format!("(-{short}D)"),
        }
    }

    /// Item `index` (an expression that counts from 1) of a constant list.
    pub(super) fn item(self, list: impl Iterator<Item = f64>, index: &str) -> String {
        match self {
            Self::Postgres => {
                let items: Vec<String> = list.map(|v| v.to_string()).collect();
                format!("('{{{}}}'::float8[])[{index}]", items.join(","))
            }
            Self::DuckDb => {
                let items: Vec<String> = list.map(|v| self.double(v)).collect();
                format!("([{}])[{index}]", items.join(","))
            }
            Self::Spark => {
                let items: Vec<String> = list.map(|v| self.double(v)).collect();
                format!("element_at(array({}), {index})", items.join(","))
            }
        }
    }

    /// A column as double. A `boolean` one was true or false in training: PostgreSQL has no cast from that.
    pub(super) fn as_double(self, column: &str, boolean: bool) -> String {
        match self {
            Self::Postgres if boolean => format!(
                "CASE CAST({column} AS text) WHEN 'true' THEN {one} WHEN '1' THEN {one} WHEN 'false' THEN {nought} \
                 WHEN '0' THEN {nought} ELSE CAST(CAST({column} AS text) AS float8) END",
                one = self.double(1.0),
                nought = self.double(0.0)
            ),
            Self::Postgres => format!("CAST({column} AS float8)"),
            Self::DuckDb | Self::Spark => format!("CAST({column} AS DOUBLE)"),
        }
    }

    /// A column as text that compares byte by byte.
    pub(super) fn as_text(self, column: &str) -> String {
        match self {
            Self::Postgres => format!("CAST({column} AS text) COLLATE \"C\""),
            Self::DuckDb => format!("CAST({column} AS VARCHAR)"),
            Self::Spark => format!("CAST({column} AS STRING)"),
        }
    }

    /// What ends a step, so that the engine computes its columns once. Without it PostgreSQL would put each expression
    /// wherever its name is used; `OFFSET 0` holds it back without storing the rows.
    pub(super) fn fence(self) -> &'static str {
        match self {
            Self::Postgres => "\n  OFFSET 0",
            Self::DuckDb | Self::Spark => "",
        }
    }

    /// `1 / (1 + exp(-z))`. PostgreSQL ends the query where `exp` leaves the range of doubles.
    pub(super) fn sigmoid(self, z: &str) -> String {
        let one = self.double(1.0);
        let plain = format!("{one} / ({one} + exp(-{z}))");
        match self {
            Self::Postgres => format!(
                "CASE WHEN {z} > {} THEN {one} WHEN {z} < {} THEN {} ELSE {plain} END",
                self.double(700.0),
                self.double(-700.0),
                self.double(0.0)
            ),
            Self::DuckDb | Self::Spark => plain,
        }
    }

    /// `exp(z)`.
    pub(super) fn exp(self, z: &str) -> String {
        match self {
            Self::Postgres => format!(
                "CASE WHEN {z} < {} THEN {} WHEN {z} > {} THEN 'Infinity'::float8 ELSE exp({z}) END",
                self.double(-700.0),
                self.double(0.0),
                self.double(709.78)
            ),
            Self::DuckDb | Self::Spark => format!("exp({z})"),
        }
    }

    /// `exp(z)` for `z` of at most 0.
    pub(super) fn exp_of_negative(self, z: &str) -> String {
        match self {
            Self::Postgres => {
                format!("CASE WHEN {z} < {} THEN {} ELSE exp({z}) END", self.double(-700.0), self.double(0.0))
            }
            Self::DuckDb | Self::Spark => format!("exp({z})"),
        }
    }

    /// Whether arithmetic that leaves the range of doubles ends the query instead of giving infinity or nought.
    pub(super) fn raises(self) -> bool {
        self == Self::Postgres
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Characters that do not stand as themselves in a literal: controls, and what turns or hides text.
fn unprintable(c: char) -> bool {
    matches!(crate::data::display(c.encode_utf8(&mut [0; 4])), std::borrow::Cow::Owned(_))
}

/// A text with backslash escapes.
fn escaped(text: &str, quote: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    for c in text.chars() {
        match c {
            '\'' => out.push_str(quote),
            '\\' => out.push_str("\\\\"),
            // Both engines read the halves of a character beyond 16 bits as one.
            c if unprintable(c) => {
                out.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
            }
            c => out.push(c),
        }
    }
    out
}
