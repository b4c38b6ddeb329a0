//! The feature plan in SQL: what is read, how missing and unknown values are told, and how each feature is spelled.

use std::collections::BTreeSet;

use super::dialect::Dialect;
use super::query::{Computed, Query};
use crate::error::{Error, Result};
use crate::model::{Encoding, FeaturePlan, Levels};

/// Where a feature comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Source {
    /// The value of column `column`, `(v - mean) / scale`. With `gaps`, `v` is NULL where the column is missing.
    Value { column: usize, mean: f64, scale: f64, gaps: bool },
    /// 1 where column `column` is missing.
    Missing { column: usize },
    /// 1 where the code of column `column` is `code`.
    Level { column: usize, code: usize },
}

/// All features of a plan, in order.
pub(super) fn features(plan: &FeaturePlan) -> Vec<Source> {
    let mut features = Vec::with_capacity(plan.width());
    for (column, input) in plan.inputs.iter().enumerate() {
        match &input.encoding {
            Encoding::Number { impute, mean, scale, indicator } => {
                features.push(Source::Value { column, mean: *mean, scale: *scale, gaps: impute.is_none() });
                if *indicator {
                    features.push(Source::Missing { column });
                }
            }
            // The code after the last level stands for missing values, where training saw some.
            Encoding::OneHot { .. } => {
                features.extend((0..input.width()).map(|code| Source::Level { column, code }));
            }
        }
    }
    features
}

impl Source {
    pub(super) fn column(self) -> usize {
        match self {
            Self::Value { column, .. } | Self::Missing { column } | Self::Level { column, .. } => column,
        }
    }

    /// The name of the encoded column that the feature looks at: `v…` a number without gaps, `m…` 1 where it was missing,
    /// `c…` the code of a level, -1 for none.
    pub(super) fn name(self) -> String {
        match self {
            Self::Value { column, .. } => format!("v{column}"),
            Self::Missing { column } => format!("m{column}"),
            Self::Level { column, .. } => format!("c{column}"),
        }
    }

    /// Whether an indicator is 1, as a condition; `None` for a number.
    pub(super) fn is_set(self) -> Option<String> {
        match self {
            Self::Value { .. } => None,
            Self::Missing { .. } => Some(format!("{} = 1", self.name())),
            Self::Level { code, .. } => Some(format!("{} = {code}", self.name())),
        }
    }
}

/// What the query reads beside the model.
pub(super) struct Reading<'a> {
    /// Quoted.
    pub(super) table: &'a str,
    /// Quoted names of the columns handed through, as `k1`, `k2`, …
    pub(super) keys: &'a [String],
    /// Columns that were true or false in training.
    pub(super) booleans: &'a BTreeSet<String>,
    pub(super) prefix: String,
}

/// The first two steps: reads the columns that `used` features look at, and encodes them.
///
/// # Errors
/// When a column's name cannot be written.
pub(super) fn encode(dialect: Dialect, plan: &FeaturePlan, used: &[Source], reading: Reading<'_>) -> Result<Query> {
    let names: BTreeSet<String> = used.iter().map(|s| s.name()).collect();
    let columns: BTreeSet<usize> = used.iter().map(|s| s.column()).collect();
    let mut read: Vec<Computed> =
        reading.keys.iter().enumerate().map(|(at, key)| (format!("k{}", at + 1), format!("t.{key}"))).collect();
    let mut encoded = Vec::new();
    for column in columns {
        let Some(input) = plan.inputs.get(column) else { continue };
        let quoted = format!("t.{}", dialect.identifier(&input.name)?);
        let raw = format!("x{column}");
        let value = if input.is_text() {
            dialect.as_text(&quoted)
        } else {
            dialect.as_double(&quoted, reading.booleans.contains(&input.name))
        };
        read.push((raw.clone(), value));
        // False for NaN and infinity in all engines, where NaN is above all numbers; unknown where the value is missing.
        let finite = format!("{raw} BETWEEN {} AND {}", dialect.double(f64::MIN), dialect.double(f64::MAX));
        let mut wanted = |name: String, expression: String| {
            if names.contains(&name) {
                encoded.push((name, expression));
            }
        };
        match &input.encoding {
            Encoding::Number { impute, .. } => {
                let otherwise = impute.map_or_else(String::new, |v| format!(" ELSE {}", dialect.double(v)));
                wanted(format!("v{column}"), format!("CASE WHEN {finite} THEN {raw}{otherwise} END"));
                wanted(format!("m{column}"), format!("CASE WHEN {finite} THEN 0 ELSE 1 END"));
            }
            Encoding::OneHot { levels: Levels::Text(levels), missing } => {
                let cases: String = levels
                    .iter()
                    .enumerate()
                    .filter_map(|(code, level)| Some(format!(" WHEN {raw} = {} THEN {code}", dialect.text(level)?)))
                    .collect();
                let absent = missing.then(|| format!(" WHEN {raw} IS NULL THEN {}", levels.len())).unwrap_or_default();
                wanted(format!("c{column}"), case(&format!("{absent}{cases}")));
            }
            Encoding::OneHot { levels: Levels::Number(levels), missing } => {
                let cases: String = levels
                    .iter()
                    .enumerate()
                    .map(|(code, level)| format!(" WHEN {raw} = {} THEN {code}", dialect.double(*level)))
                    .collect();
                // Levels are finite, so a value that is not finite equals none of them.
                let absent =
                    missing.then(|| format!(" WHEN {finite} THEN -1 ELSE {} END", levels.len())).unwrap_or_default();
                let expression = match (cases.is_empty(), absent.is_empty()) {
                    (_, true) => case(&cases),
                    (_, false) => format!("CASE{cases}{absent}"),
                };
                wanted(format!("c{column}"), expression);
            }
        }
    }
    let mut query = Query::new(dialect, reading.prefix, reading.table, read);
    if !encoded.is_empty() {
        query.step(encoded, |name| !name.starts_with('x'));
    }
    Ok(query)
}

/// `CASE … ELSE -1 END`, or -1 where there are no cases.
fn case(cases: &str) -> String {
    if cases.is_empty() { "-1".to_owned() } else { format!("CASE{cases} ELSE -1 END") }
}

/// In PostgreSQL, scaled numbers farther out than this count as this far, and nearer to nought than its inverse as nought: their
/// products would end the query. A value that far out is 10^100 standard deviations from the mean.
const FARTHEST: f64 = 1e100;

/// The step that scales numbers: `z…` beside the other columns.
pub(super) fn scale(query: &mut Query, used: &[Source]) {
    let dialect = query.dialect;
    let scaled: Vec<Computed> = used
        .iter()
        .filter_map(|source| match source {
            Source::Value { column, mean, scale, .. } => {
                Some((format!("z{column}"), standardised(dialect, &source.name(), *mean, *scale)))
            }
            _ => None,
        })
        .collect();
    if !scaled.is_empty() {
        query.step(scaled, |name| !name.starts_with('v'));
    }
}

fn standardised(dialect: Dialect, value: &str, mean: f64, scale: f64) -> String {
    let mut value = value.to_owned();
    if dialect.raises() {
        let reach = (FARTHEST * scale.abs()).min(f64::MAX / 4.0);
        let limit = |v: f64| dialect.double(v.clamp(f64::MIN, f64::MAX));
        value = format!("least(greatest({value}, {}), {})", limit(mean - reach), limit(mean + reach));
    }
    // Taking away 0 and dividing by 1 change nothing.
    let away = if mean == 0.0 { value } else { format!("({value} - {})", dialect.double(mean)) };
    let scaled = if scale == 1.0 { away.clone() } else { format!("{away} / {}", dialect.double(scale)) };
    if dialect.raises() {
        let least = (scale.abs() / FARTHEST).max(f64::MIN_POSITIVE);
        let nought = dialect.double(0.0);
        format!("CASE WHEN abs({away}) < {} THEN {nought} ELSE {scaled} END", dialect.double(least))
    } else {
        scaled
    }
}

/// Refuses parameters with which PostgreSQL's arithmetic would end the query.
///
/// # Errors
/// Names the estimator.
pub(super) fn within(dialect: Dialect, what: &str, size: f64, low: f64, high: f64) -> Result<()> {
    if dialect.raises() && size != 0.0 && !(low..=high).contains(&size.abs()) {
        return Err(Error::input(format!(
            "{what} of {size:e} leaves the numbers with which {} can count",
            dialect.title()
        ))
        .hint("Use another dialect or the ONNX form, or train again without the columns that hold extreme values"));
    }
    Ok(())
}
