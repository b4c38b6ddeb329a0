//! What a recipe can say.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::data::scalar::Scalar;

/// Steps of cleaning, in order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// The steps.
    #[serde(default, rename = "step")]
    pub steps: Vec<Step>,
}

/// One step and why it is there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// What it does.
    #[serde(flatten)]
    pub action: Action,
    /// Why, in its author's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl From<Action> for Step {
    fn from(action: Action) -> Self {
        Self { action, why: None }
    }
}

/// What a step does. In TOML the key `do` names it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Leaves columns out.
    Drop {
        /// The columns.
        columns: Vec<String>,
    },
    /// Leaves all other columns out.
    Keep {
        /// The columns that stay.
        columns: Vec<String>,
    },
    /// Gives columns other names.
    Rename {
        /// Old name = new name.
        columns: BTreeMap<String, String>,
    },
    /// Reads values as something else.
    Cast {
        /// The columns.
        columns: Vec<String>,
        /// As what.
        to: Target,
        /// Takes currency and percent signs, a unit and thousands separators off before reading a number.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        strip: bool,
        /// The decimal sign of numbers in text, `.` or `,`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        decimal: Option<char>,
        /// What happens to values that cannot be read.
        #[serde(default, skip_serializing_if = "Failures::is_refuse")]
        failures: Failures,
    },
    /// Reads texts as dates.
    ParseDates {
        /// The columns.
        columns: Vec<String>,
        /// Their form in `strftime` signs, for example `%d.%m.%Y %H:%M`.
        format: String,
        /// What happens to values that cannot be read.
        #[serde(default, skip_serializing_if = "Failures::is_refuse")]
        failures: Failures,
    },
    /// Puts a value where there is none.
    Fill {
        /// The columns.
        columns: Vec<String>,
        /// With what.
        with: FillWith,
        /// The value, for `with = "constant"`; a computed one is recorded here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<Scalar>,
    },
    /// Brings values outside two bounds to the nearer bound.
    Clip {
        /// The columns.
        columns: Vec<String>,
        /// The lower bound.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min: Option<Scalar>,
        /// The upper bound.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<Scalar>,
    },
    /// Replaces spellings.
    Map {
        /// The column.
        column: String,
        /// Old spelling = new spelling.
        values: BTreeMap<String, String>,
    },
    /// Takes blanks off both ends of texts; what is nothing but blanks becomes missing.
    Trim {
        /// The columns; all text columns when empty.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        columns: Vec<String>,
    },
    /// Makes values missing: stand-ins for "unknown", and numbers or dates that cannot be.
    Missing {
        /// The columns.
        columns: Vec<String>,
        /// The stand-ins.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        values: Vec<Scalar>,
        /// Numbers and dates below it become missing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        below: Option<Scalar>,
        /// Numbers and dates above it become missing; a whole day means all of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        above: Option<Scalar>,
    },
    /// Puts pseudonyms in the place of values: the SHA-256 of a secret text followed by the value.
    Hash {
        /// The columns.
        columns: Vec<String>,
        /// The environment variable that holds the secret text. The recipe itself never holds it.
        salt_from: String,
    },
    /// Leaves out rows that repeat others.
    Deduplicate {
        /// The columns that must be equal; all when empty.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        columns: Vec<String>,
        /// Which of equal rows stays.
        #[serde(default)]
        keep: Keep,
    },
    /// Keeps the rows for which an SQL condition holds.
    Filter {
        /// The condition.
        condition: String,
    },
    /// Adds a column by SQL expression.
    Derive {
        /// Its name.
        column: String,
        /// The expression.
        expression: String,
    },
    /// Brings in columns of another table, row by row, by equal keys (a left join).
    Join {
        /// The other table.
        source: String,
        /// The key columns of this table.
        on: Vec<String>,
        /// The key columns of the other table, when they are called differently.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        with: Vec<String>,
        /// The columns to bring in; all others than the keys when empty.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        columns: Vec<String>,
        /// Stands in front of the new columns' names.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        prefix: Option<String>,
        /// Lets a row become several when the other table has its key more than once.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        allow_multiply: bool,
    },
}

/// As what values are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// Numbers; whole ones when all are whole.
    Number,
    /// Text.
    Text,
    /// True and false.
    Boolean,
    /// One of a limited set of values; how it is stored stays.
    Category,
}

/// What happens to values that cannot be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Failures {
    /// The step is refused, and the first of them is shown.
    #[default]
    Refuse,
    /// They become missing, and are counted.
    Missing,
}

impl Failures {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    fn is_refuse(&self) -> bool {
        *self == Self::Refuse
    }
}

/// With what missing values are filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FillWith {
    /// The value that the step names.
    Constant,
    /// The mean of the values there are.
    Mean,
    /// Their median.
    Median,
    /// The most frequent value; of equally frequent ones the first in order.
    MostFrequent,
    /// The last value above, in the order of the rows.
    Forward,
}

/// Which of equal rows stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// The first.
    #[default]
    First,
    /// The last.
    Last,
}

impl Action {
    /// The word in the file.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Drop { .. } => "drop",
            Self::Keep { .. } => "keep",
            Self::Rename { .. } => "rename",
            Self::Cast { .. } => "cast",
            Self::ParseDates { .. } => "parse_dates",
            Self::Fill { .. } => "fill",
            Self::Clip { .. } => "clip",
            Self::Map { .. } => "map",
            Self::Trim { .. } => "trim",
            Self::Missing { .. } => "missing",
            Self::Hash { .. } => "hash",
            Self::Deduplicate { .. } => "deduplicate",
            Self::Filter { .. } => "filter",
            Self::Derive { .. } => "derive",
            Self::Join { .. } => "join",
        }
    }

    /// Whether it only changes columns, so that every row stays where it is.
    #[must_use]
    pub fn keeps_rows(&self) -> bool {
        match self {
            Self::Deduplicate { .. } | Self::Filter { .. } => false,
            Self::Join { allow_multiply, .. } => !allow_multiply,
            _ => true,
        }
    }

    /// The columns of the table that it reads by name.
    #[must_use]
    pub fn reads(&self) -> Vec<String> {
        match self {
            Self::Drop { columns }
            | Self::Keep { columns }
            | Self::Cast { columns, .. }
            | Self::ParseDates { columns, .. }
            | Self::Fill { columns, .. }
            | Self::Clip { columns, .. }
            | Self::Trim { columns }
            | Self::Missing { columns, .. }
            | Self::Hash { columns, .. }
            | Self::Deduplicate { columns, .. } => columns.clone(),
            Self::Rename { columns } => columns.keys().cloned().collect(),
            Self::Map { column, .. } => vec![column.clone()],
            Self::Filter { condition } => crate::data::expression_columns(condition),
            Self::Derive { expression, .. } => crate::data::expression_columns(expression),
            Self::Join { on, .. } => on.clone(),
        }
    }
}
