//! What a contract can say. Every rule carries a severity and a reason; rules about rows carry a tolerance.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::data::scalar::Scalar;
use crate::data::{Meaning, Physical, Severity};

/// What a table promises.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// The contract's name, usually the table's.
    pub name: String,
    /// Its version, for people and for the export.
    #[serde(default = "first_version")]
    pub version: String,
    /// What the table is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Whether columns may come along that the contract does not name.
    #[serde(default)]
    pub extra_columns: ExtraColumns,
    /// How many rows there must be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<Rows>,
    /// The columns and their rules.
    #[serde(default, rename = "column")]
    pub columns: Vec<ColumnRules>,
    /// Columns that together name a row.
    #[serde(default, rename = "unique", skip_serializing_if = "Vec::is_empty")]
    pub unique: Vec<UniqueKey>,
    /// Conditions that hold within each row.
    #[serde(default, rename = "relation", skip_serializing_if = "Vec::is_empty")]
    pub relations: Vec<Relation>,
    /// Comments at the head of the file when it is written; they are no part of the contract.
    #[serde(skip)]
    pub remarks: Vec<String>,
}

fn first_version() -> String {
    "1.0.0".to_owned()
}

/// What happens to columns that the contract does not name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExtraColumns {
    /// They may come along.
    #[default]
    Allow,
    /// They break the contract.
    Refuse,
}

/// How a column must be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    /// Numbers, whole or not.
    Number,
    /// Whole numbers.
    Integer,
    /// True and false.
    Boolean,
    /// Text; whatever stands in a file can be text.
    Text,
    /// Dates without a time of day.
    Date,
    /// Dates with or without a time of day.
    Datetime,
}

impl ColumnType {
    /// The word in the file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
            Self::Text => "text",
            Self::Date => "date",
            Self::Datetime => "datetime",
        }
    }

    /// The type of a column that is stored like this.
    #[must_use]
    pub fn of(physical: Physical) -> Self {
        match physical {
            Physical::Float => Self::Number,
            Physical::Integer => Self::Integer,
            Physical::Boolean => Self::Boolean,
            Physical::String => Self::Text,
            Physical::Date => Self::Date,
            Physical::Datetime => Self::Datetime,
        }
    }

    /// Whether a column that is stored like this keeps the promise.
    #[must_use]
    pub fn fits(self, physical: Physical) -> bool {
        match self {
            Self::Number => matches!(physical, Physical::Float | Physical::Integer),
            Self::Integer => physical == Physical::Integer,
            Self::Boolean => physical == Physical::Boolean,
            Self::Text => true,
            Self::Date => physical == Physical::Date,
            Self::Datetime => matches!(physical, Physical::Date | Physical::Datetime),
        }
    }
}

/// A column and what it promises.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnRules {
    /// The column's name.
    pub name: String,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How it is stored.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<ColumnType>,
    /// What it is about. Another meaning is worth a note, no more: meanings are found from the values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meaning: Option<Meaning>,
    /// Whether it must be there.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub required: bool,
    /// How much it matters that the column is there and has its type.
    #[serde(default = "serious", skip_serializing_if = "is_serious")]
    pub severity: Severity,
    /// Every row has a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_null: Option<NotNull>,
    /// No value comes twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unique: Option<Unique>,
    /// Values lie between two bounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<Range>,
    /// Values are among these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<ValueSet>,
    /// Texts match a regular expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<Pattern>,
    /// Texts have so many characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<Length>,
    /// The newest value is not older than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fresh: Option<Fresh>,
    /// Comments above the column when the file is written; they are no part of the contract.
    #[serde(skip)]
    pub remarks: Vec<String>,
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_yes(value: &bool) -> bool {
    *value
}

fn serious() -> Severity {
    Severity::Serious
}

fn is_serious(severity: &Severity) -> bool {
    *severity == Severity::Serious
}

fn all() -> f64 {
    1.0
}

fn is_all(share: &f64) -> bool {
    *share == 1.0
}

/// What every rule about rows has in common.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Terms<'a> {
    /// The share of the checked rows that must keep it.
    pub mostly: f64,
    /// How much it matters.
    pub severity: Severity,
    /// Why it is there.
    pub why: Option<&'a str>,
}

/// A rule about rows: its own fields, and what all such rules have.
macro_rules! rule {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
            /// The share of the checked rows that must keep it, above 0 and at most 1.
            #[serde(default = "all", skip_serializing_if = "is_all")]
            pub mostly: f64,
            /// How much it matters.
            #[serde(default = "serious", skip_serializing_if = "is_serious")]
            pub severity: Severity,
            /// Why it is there.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub why: Option<String>,
        }

        impl $name {
            pub(super) fn terms(&self) -> Terms<'_> {
                Terms { mostly: self.mostly, severity: self.severity, why: self.why.as_deref() }
            }
        }
    };
}

rule! {
    /// Every row has a value.
    NotNull {}
}

rule! {
    /// No value comes twice. Rows without a value are not compared, as in SQL.
    Unique {}
}

rule! {
    /// Values lie between two bounds, both included. Dates are texts: `"2019-12-31"`.
    Range {
        /// The smallest value allowed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min: Option<Scalar>,
        /// The largest value allowed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<Scalar>,
    }
}

rule! {
    /// Values are among these.
    ValueSet {
        /// The allowed values.
        of: Vec<Scalar>,
    }
}

rule! {
    /// Texts match a regular expression somewhere; `^` and `$` tie it to the whole text.
    Pattern {
        /// The expression, in the syntax of Rust's `regex` crate (linear time, no look-around).
        regex: String,
    }
}

rule! {
    /// Texts have so many characters.
    Length {
        /// At least so many.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min: Option<u64>,
        /// At most so many.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<u64>,
    }
}

rule! {
    /// Columns that together name a row. Rows that lack one of the values are not compared, as in SQL.
    UniqueKey {
        /// The columns.
        columns: Vec<String>,
    }
}

rule! {
    /// A condition that holds within each row. Rows for which it cannot be told are not counted, as in SQL.
    Relation {
        /// What it says, in words.
        name: String,
        /// The condition in SQL, for example `dropoff >= pickup`.
        condition: String,
    }
}

/// How many rows there must be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rows {
    /// At least so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<u64>,
    /// At most so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u64>,
    /// How much it matters.
    #[serde(default = "serious", skip_serializing_if = "is_serious")]
    pub severity: Severity,
    /// Why it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// The newest value of a date column is at most so old.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fresh {
    /// The greatest age, for example `36h` or `7d`.
    pub within: Span,
    /// How much it matters.
    #[serde(default = "serious", skip_serializing_if = "is_serious")]
    pub severity: Severity,
    /// Why it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A span of time: a whole number and `m`, `h`, `d` or `w`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// How many units.
    pub count: u32,
    /// Minutes per unit.
    minutes: u32,
}

impl Span {
    /// The units: their letter, minutes, and name in the standard.
    const UNITS: [(char, u32); 4] = [('m', 1), ('h', 60), ('d', 1440), ('w', 10_080)];

    /// Reads `36h`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let unit = text.chars().last()?;
        let (_, minutes) = Self::UNITS.into_iter().find(|(letter, _)| *letter == unit)?;
        let count: u32 = text.strip_suffix(unit)?.trim().parse().ok()?;
        (count > 0).then_some(Self { count, minutes })
    }

    /// Its length in seconds.
    #[must_use]
    pub fn seconds(self) -> i64 {
        i64::from(self.count) * i64::from(self.minutes) * 60
    }

    /// The unit's letter.
    #[must_use]
    pub fn unit(self) -> char {
        Self::UNITS.into_iter().find(|(_, minutes)| *minutes == self.minutes).map_or('m', |(letter, _)| letter)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.count, self.unit())
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| serde::de::Error::custom(format!("\"{text}\" is no span of time; write 90m, 36h, 7d or 4w")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_written() {
        assert_eq!(Span::parse("36h").unwrap().seconds(), 36 * 3600);
        assert_eq!(Span::parse(" 4 w").unwrap().to_string(), "4w");
        for bad in ["", "h", "-1h", "1.5h", "7", "0d", "99999999999d", "7é"] {
            assert!(Span::parse(bad).is_none(), "{bad}");
        }
    }
}
