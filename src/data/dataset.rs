//! A loaded table together with what its columns mean.

use std::fmt;
use std::str::FromStr;

use polars::frame::DataFrame;
use serde::{Deserialize, Serialize};

use super::display::brief;
use crate::error::{Error, Result};

/// What a column is about, as opposed to how it is stored. Found by itself, and correctable by the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Meaning {
    /// A quantity.
    Number,
    /// One of a limited set of values.
    Category,
    /// A date or a moment.
    DateTime,
    /// Yes or no.
    Boolean,
    /// Free words.
    Text,
    /// Names one row or one entity (customer number, order id); never a feature.
    Identifier,
}

impl Meaning {
    /// All meanings, in the order in which the console offers them.
    pub const ALL: [Self; 6] =
        [Self::Number, Self::Category, Self::DateTime, Self::Boolean, Self::Text, Self::Identifier];

    /// The word used in files, tables and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Category => "category",
            Self::DateTime => "datetime",
            Self::Boolean => "boolean",
            Self::Text => "text",
            Self::Identifier => "identifier",
        }
    }
}

impl fmt::Display for Meaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Meaning {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|m| m.name() == word).ok_or_else(|| {
            Error::usage(format!("`{word}` is not a meaning of a column"))
                .hint("Use number, category, datetime, boolean, text or identifier")
        })
    }
}

/// How a column is stored in the frame. Loading maps every source to these six and to no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Physical {
    /// Polars `Float64`.
    Float,
    /// Polars `Int64`.
    Integer,
    /// Polars `Boolean`.
    Boolean,
    /// Polars `String`.
    String,
    /// Polars `Date`.
    Date,
    /// Polars `Datetime` in microseconds without a zone (zoned values are converted to UTC).
    Datetime,
}

/// One column: its name, storage and meaning, and what loading learned about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnSpec {
    /// The name in the source.
    pub name: String,
    /// How it is stored.
    pub physical: Physical,
    /// What it is about.
    pub meaning: Meaning,
    /// Spellings that were read as missing, with their counts (the empty cell is the empty string).
    #[serde(default)]
    pub missing_spellings: Vec<(String, u64)>,
    /// The `strftime` format in which dates were written, when there was one.
    #[serde(default)]
    pub date_format: Option<String>,
}

impl ColumnSpec {
    /// A column of which only name and storage are known; what it is about is found later.
    #[must_use]
    pub fn new(name: impl Into<String>, physical: Physical) -> Self {
        Self { name: name.into(), physical, meaning: Meaning::Number, missing_spellings: Vec::new(), date_format: None }
    }
}

/// A table in memory with the meaning of its columns.
///
/// `columns` and `frame` have the same columns in the same order.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// Where it came from, as the user wrote it (`-` for standard input, `sample:churn` for an embedded sample).
    pub source: String,
    /// The rows.
    pub frame: DataFrame,
    /// The columns' specifications.
    pub columns: Vec<ColumnSpec>,
    /// SHA-256 (hex) of the source's bytes.
    pub fingerprint: String,
    /// What loading did that a person should know, for example `sheet-like trailing column dropped`.
    pub notes: Vec<String>,
}

impl Dataset {
    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.frame.height()
    }

    /// The specification of a column.
    ///
    /// # Errors
    /// When there is no such column; the message lists the nearest names.
    pub fn spec(&self, name: &str) -> Result<&ColumnSpec> {
        self.columns.iter().find(|c| c.name == name).ok_or_else(|| self.no_such_column(name))
    }

    /// The error for a column that does not exist, with the columns that do.
    #[must_use]
    pub fn no_such_column(&self, name: &str) -> Error {
        let all = self.columns.len();
        let names: Vec<String> = self.columns.iter().take(12).map(|c| brief(&c.name, 40)).collect();
        let more = if all > names.len() { format!(" and {} more", all - names.len()) } else { String::new() };
        let near = did_you_mean(name, self.columns.iter().map(|c| c.name.as_str()));
        Error::input(format!("{}: there is no column `{}`", brief(&self.source, 200), brief(name, 60)))
            .hint(format!("{near}The columns are {}{more}", names.join(", ")))
    }

    /// Corrects the meaning of a column.
    ///
    /// # Errors
    /// When there is no such column.
    pub fn set_meaning(&mut self, name: &str, meaning: Meaning) -> Result<()> {
        match self.columns.iter_mut().find(|c| c.name == name) {
            Some(spec) => {
                spec.meaning = meaning;
                Ok(())
            }
            None => Err(self.no_such_column(name)),
        }
    }
}
/// `Did you mean ...? ` for a name that differs from a known one by letter case or a slip in every third letter; else nothing.
#[must_use]
pub(super) fn did_you_mean<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    // Longer names are no slips, and comparing them takes their product.
    if name.chars().count() > 200 {
        return String::new();
    }
    let wanted = name.trim().to_lowercase();
    let most = (wanted.chars().count() / 3).min(3);
    let near = known
        .filter(|k| k.len() <= 800)
        .map(|k| (strsim::osa_distance(&wanted, &k.trim().to_lowercase()), k))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance);
    near.map(|(_, k)| format!("Did you mean `{}`? ", brief(k, 60))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::did_you_mean;

    #[test]
    fn slips_are_told_and_other_words_are_not() {
        let near = |name: &str| did_you_mean(name, ["Status", "fare_amount", "x"].into_iter());
        assert_eq!(near("status"), "Did you mean `Status`? ");
        assert_eq!(near("fare_amuont"), "Did you mean `fare_amount`? ");
        assert_eq!(near("X"), "Did you mean `x`? ");
        assert_eq!((near("y"), near("Income"), near(&"s".repeat(300))), (String::new(), String::new(), String::new()));
    }
}
