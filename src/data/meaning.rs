//! What a column is about, told by its name and its values.

use std::collections::HashMap;

use polars::prelude::*;

use super::{Meaning, Physical, column};
use crate::engine::{Control, Shape, Summary, Values};
use crate::error::Result;

/// Last words of names that identify something.
const IDENTIFIES: &[&str] = &["id", "ids", "uuid", "guid", "key", "identifier", "pk"];

/// Last words of names of codes: numbers that are only names of classes.
const CODES: &[&str] =
    &["code", "codes", "type", "zip", "zipcode", "postcode", "postal", "category", "status", "zone", "sku"];

/// Up to this many different numbers, a column with the name of a code is a category without further questions.
const FEW_CODES: usize = 30;

/// Above this many, a column whose name says id names entities.
const MANY_CODES: usize = 1000;

/// The lower-case words of a column's name: split at everything that is no letter or digit, and at `camelCase`.
#[must_use]
pub fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        if !c.is_alphanumeric() {
            words.push(String::new());
        } else {
            if c.is_uppercase() && before.is_lowercase() {
                words.push(String::new());
            }
            if let Some(word) = words.last_mut() {
                word.extend(c.to_lowercase());
            }
        }
        before = c;
    }
    words.retain(|w| !w.is_empty());
    words
}

/// Finds the meaning of a column.
///
/// # Errors
/// When the work is cancelled.
pub fn find(name: &str, physical: Physical, column: &Column, control: &Control) -> Result<Meaning> {
    control.check()?;
    Ok(match physical {
        Physical::Boolean => Meaning::Boolean,
        Physical::Date | Physical::Datetime => Meaning::DateTime,
        Physical::Float | Physical::Integer => of_numbers(name, physical, column)?,
        Physical::String => of_texts(name, column, control)?,
    })
}

/// Finds the meaning of a column that was read row by row, from its aggregate and a sample of its rows in their order.
///
/// # Errors
/// When the sample is not of the column's type.
pub fn of_summary(
    name: &str,
    physical: Physical,
    summary: &Summary,
    shape: Option<&Shape>,
    sample: &Column,
) -> Result<Meaning> {
    let n = usize::try_from(summary.present()).unwrap_or(usize::MAX);
    // An estimate cannot tell "all different" from "nearly all": here they mean the same.
    let distinct = match &summary.sketch {
        Some(sketch) if sketch.repeated == 0.0 => n,
        _ => summary.distinct(),
    };
    Ok(match (physical, &summary.values) {
        (Physical::Boolean, _) => Meaning::Boolean,
        (Physical::Date | Physical::Datetime, _) => Meaning::DateTime,
        (Physical::String, Values::Texts(tally)) => {
            let digits = tally.entries().iter().filter(|(t, _)| t.bytes().any(|b| b.is_ascii_digit())).count();
            let blanks = usize::try_from(shape.map_or(0, |s| s.blanks)).unwrap_or(usize::MAX);
            texts_mean(name, n, distinct, blanks, digits * 2 > tally.distinct())
        }
        (_, values) => {
            let whole = values.numbers().is_some_and(|t| t.entries().iter().all(|(v, _)| v.fract() == 0.0));
            let rising = |c: &Column| -> Result<bool> {
                Ok(column::numbers(c)?.windows(2).all(|w| matches!(w, [a, b] if a < b)))
            };
            numbers_mean(
                name,
                physical,
                &Numbers {
                    n,
                    whole,
                    counts_up: n >= 20 && summary.missing == 0 && distinct == n && rising(sample)?,
                    span: summary.moments.max - summary.moments.min,
                    distinct,
                },
            )
        }
    })
}

/// What has to be known of numbers to tell quantities from names.
struct Numbers {
    /// Rows with a value.
    n: usize,
    /// Whether all are whole.
    whole: bool,
    /// Whether every row has a larger value than the one before.
    counts_up: bool,
    /// Largest less smallest, of numbers that count up.
    span: f64,
    /// Distinct values, of names that identify.
    distinct: usize,
}

fn identifies(words: &[String]) -> (bool, bool) {
    let ends_in = |list: &[&str]| words.last().is_some_and(|w| list.contains(&w.as_str()));
    (ends_in(IDENTIFIES), ends_in(CODES))
}

fn of_numbers(name: &str, physical: Physical, column: &Column) -> Result<Meaning> {
    let (identifies, code) = identifies(&words(name));
    if !identifies && !code && physical == Physical::Float {
        return Ok(Meaning::Number);
    }
    let mut values: Vec<f64> = column::numbers(column)?.into_iter().filter(|v| !v.is_nan()).collect();
    let n = values.len();
    let counts_up = n >= 20 && n == column.len() && values.windows(2).all(|w| matches!(w, [a, b] if a < b));
    let whole = values.iter().all(|v| v.fract() == 0.0);
    let span = values.last().zip(values.first()).map_or(f64::MAX, |(a, b)| a - b);
    if identifies || code {
        values = different(values);
    }
    Ok(numbers_mean(name, physical, &Numbers { n, whole, counts_up, span, distinct: values.len() }))
}

/// The different values. Names repeat: sorted in pieces, few are left to be sorted at last.
fn different(mut values: Vec<f64>) -> Vec<f64> {
    let mut few: Vec<f64> = Vec::new();
    for piece in values.chunks_mut(1 << 16) {
        piece.sort_unstable_by(f64::total_cmp);
        let before = few.len();
        for value in piece.iter() {
            if few.len() == before || few.last() != Some(value) {
                few.push(*value);
            }
        }
    }
    drop(values);
    few.sort_unstable_by(f64::total_cmp);
    few.dedup();
    few
}

fn numbers_mean(name: &str, physical: Physical, of: &Numbers) -> Meaning {
    let words = words(name);
    let (identifies, code) = identifies(&words);
    let (n, distinct) = (of.n, of.distinct);
    if (!identifies && !code && physical == Physical::Float) || n == 0 || !of.whole {
        return Meaning::Number;
    }
    if !identifies && !code {
        // A row number: every row has the next higher one, with few left out. A year or a day may also do so.
        let time = words.iter().any(|w| ["year", "date", "day", "month", "week", "time", "jahr"].contains(&w.as_str()));
        return if of.counts_up && of.span < 2.0 * n as f64 && !time { Meaning::Identifier } else { Meaning::Number };
    }
    if code {
        return if distinct == n && n > MANY_CODES { Meaning::Identifier } else { Meaning::Category };
    }
    let category = distinct < n && (distinct <= FEW_CODES || (distinct <= MANY_CODES && distinct * 20 <= n));
    if category { Meaning::Category } else { Meaning::Identifier }
}

fn of_texts(name: &str, column: &Column, control: &Control) -> Result<Meaning> {
    let texts = column.as_materialized_series().str()?;
    let mut counts: HashMap<&str, u32> = HashMap::new();
    let (mut n, mut blanks) = (0usize, 0usize);
    for (i, text) in texts.iter().enumerate() {
        if i % (1 << 18) == 0 {
            control.check()?;
        }
        if let Some(text) = text {
            n += 1;
            blanks += text.trim().bytes().filter(|b| *b == b' ').count();
            *counts.entry(text).or_default() += 1;
        }
    }
    let with_digits = counts.keys().filter(|t| t.bytes().any(|b| b.is_ascii_digit())).count() * 2 > counts.len();
    Ok(texts_mean(name, n, counts.len(), blanks, with_digits))
}

fn texts_mean(name: &str, n: usize, distinct: usize, blanks: usize, with_digits: bool) -> Meaning {
    if n == 0 || distinct <= 2 {
        return Meaning::Category;
    }
    let share = distinct as f64 / n as f64;
    let words_per_value = 1.0 + blanks as f64 / n as f64;
    let last = words(name).pop().unwrap_or_default();
    let prose = words_per_value >= 4.0 && distinct > 50 && share > 0.1;
    if prose {
        return Meaning::Text;
    }
    if IDENTIFIES.contains(&last.as_str()) {
        let category = distinct <= FEW_CODES || (distinct <= MANY_CODES && distinct * 20 <= n);
        return if category && distinct < n { Meaning::Category } else { Meaning::Identifier };
    }
    if n < 20 || share <= 0.5 {
        return Meaning::Category;
    }
    // Nearly every row has a value of its own: words are text, and what has digits or no blanks names something.
    if words_per_value < 1.5 && (with_digits || distinct == n) { Meaning::Identifier } else { Meaning::Text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(name: &str, values: impl IntoIterator<Item = i64>) -> Meaning {
        let values: Vec<i64> = values.into_iter().collect();
        find(name, Physical::Integer, &Column::new(name.into(), values), &Control::default()).unwrap()
    }

    fn texts(name: &str, values: impl IntoIterator<Item = String>) -> Meaning {
        let values: Vec<String> = values.into_iter().collect();
        find(name, Physical::String, &Column::new(name.into(), values), &Control::default()).unwrap()
    }

    #[test]
    fn names_fall_into_words() {
        assert_eq!(words("customerId"), ["customer", "id"]);
        assert_eq!(words("PassengerID"), ["passenger", "id"]);
        assert_eq!(words("rate_code-id 2"), ["rate", "code", "id", "2"]);
        assert!(words("  ").is_empty());
    }

    #[test]
    fn numbers_that_name_something_are_no_quantities() {
        assert_eq!(numbers("vendor_id", (0..200).map(|i| i % 2)), Meaning::Category);
        assert_eq!(numbers("customer_id", (0..200).map(|i| i / 2)), Meaning::Identifier);
        assert_eq!(numbers("row", 1..100), Meaning::Identifier);
        assert_eq!(numbers("year", 1900..2000), Meaning::Number);
        assert_eq!(numbers("orders_180d", (0..200).map(|i| i % 7)), Meaning::Number);
        assert_eq!(numbers("payment_type", (0..200).map(|i| i % 4)), Meaning::Category);
        assert_eq!(numbers("price", (0..100).map(|i| i * i)), Meaning::Number);
    }

    #[test]
    fn texts_are_categories_until_they_name_or_tell() {
        assert_eq!(texts("colour", (0..100).map(|i| format!("c{}", i % 5))), Meaning::Category);
        assert_eq!(texts("prediction_id", (0..100).map(|i| format!("p{i:04}"))), Meaning::Identifier);
        assert_eq!(texts("token", (0..100).map(|i| format!("{:x}", i * 7919))), Meaning::Identifier);
        assert_eq!(texts("remark", (0..100).map(|i| format!("the {i} th trip was quite long"))), Meaning::Text);
        assert_eq!(
            texts("name", (0..100).map(|i| format!("Anna Number {}", char::from(b'a' + (i % 26))))),
            Meaning::Category
        );
        assert_eq!(texts("few", ["a".to_owned(), "b".to_owned(), "c".to_owned()]), Meaning::Category);
    }
}
