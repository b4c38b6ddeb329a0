//! Steps that read values as something else: numbers, dates, yes and no, text.

use chrono::format::{Item, StrftimeItems};
use chrono::{DateTime, NaiveDate, NaiveDateTime};
use polars::prelude::*;

use super::apply::{Failed, Work, known};
use super::spec::{Failures, Target};
use crate::data::csv::dates::DAY;
use crate::data::csv::guess::{Shape, number, shape};
use crate::data::display::brief;
use crate::data::finding::{counted, thousands};
use crate::data::write::texts;
use crate::data::{ColumnSpec, Meaning, Physical, column};
use crate::error::{Error, Result};

/// How numbers are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Numbers {
    /// Signs, units and thousands separators are taken off.
    pub strip: bool,
    /// The decimal sign.
    pub decimal: char,
}

impl Numbers {
    /// The number in a text, whole or not.
    fn read(self, text: &str) -> Option<Number> {
        let mut text = text.trim().to_owned();
        if self.strip {
            text = self.stripped(&text)?;
        }
        if self.decimal == ',' {
            if text.contains('.') {
                return None;
            }
            text = text.replacen(',', ".", 1);
        }
        match shape(text.as_bytes()) {
            Shape::Integer => number::<i64>(text.as_bytes()).map(Number::Whole),
            Shape::Float => number::<f64>(text.as_bytes()).map(Number::Broken),
            Shape::Infinite | Shape::Not => None,
        }
    }

    /// The digits under currency and percent signs, one unit, and thousands separators, which must stand before groups of
    /// three: `1,234.50` is a number and `1,2` is not.
    fn stripped(self, text: &str) -> Option<String> {
        let is_sign = |c: char| "$€£¥%".contains(c) || c.is_whitespace();
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let text = text.trim_start_matches(is_sign);
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) if !negative => (true, rest),
            Some(_) => return None,
            None => (negative, text),
        };
        let body = text.trim_end_matches(|c: char| is_sign(c) || c.is_alphabetic());
        if text.strip_prefix(body).is_none_or(|unit| unit.chars().filter(|c| c.is_alphabetic()).count() > 4) {
            return None;
        }
        let (whole, fraction) = match body.rsplit_once(self.decimal) {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (body, None),
        };
        let separator = whole.chars().find(|c| !c.is_ascii_digit());
        let whole = match separator {
            None => whole.to_owned(),
            Some(c) if ",.' \u{a0}\u{202f}\u{2019}".contains(c) && c != self.decimal => {
                let mut groups = whole.split(c);
                let first = groups.next().unwrap_or_default();
                let three = |g: &str| g.len() == 3 && g.bytes().all(|b| b.is_ascii_digit());
                let rest: Vec<&str> = groups.collect();
                if first.is_empty() || first.len() > 3 || !rest.iter().all(|g| three(g)) {
                    return None;
                }
                format!("{first}{}", rest.concat())
            }
            Some(_) => return None,
        };
        let sign = if negative { "-" } else { "" };
        let point = fraction.map(|f| format!("{}{f}", self.decimal)).unwrap_or_default();
        Some(format!("{sign}{whole}{point}"))
    }
}

enum Number {
    Whole(i64),
    Broken(f64),
}

/// Puts a converted column in the place of the old one.
fn put(work: &mut Work<'_>, name: &str, series: Series, physical: Physical, meaning: Meaning) -> Result<()> {
    work.data.frame.with_column(series.with_name(name.into()).into())?;
    if let Some(spec) = work.data.columns.iter_mut().find(|c| c.name == name) {
        spec.physical = physical;
        spec.meaning = meaning;
    }
    Ok(())
}

pub(super) fn cast(
    work: &mut Work<'_>,
    columns: &[String],
    to: Target,
    how: Numbers,
    failures: Failures,
) -> Result<()> {
    known(&work.data, columns)?;
    let mut lost = 0;
    for name in columns {
        work.control.check()?;
        let spec = work.data.spec(name)?.clone();
        let column = column::get(&work.data.frame, name)?.clone();
        let present = (column.len() - column.null_count()) as u64;
        let mut failed = Failed::new(failures);
        let (series, physical, meaning) = match to {
            Target::Category => (None, spec.physical, Meaning::Category),
            Target::Text if spec.physical == Physical::String => (None, spec.physical, Meaning::Text),
            Target::Text => {
                let texts: StringChunked = texts(&column, spec.physical)?.into_iter().collect();
                (Some(texts.into_series()), Physical::String, Meaning::Text)
            }
            Target::Number => to_number(&spec, &column, how, &mut failed)?,
            Target::Boolean => to_boolean(&spec, &column, &mut failed)?,
        };
        failed.check(name, if to == Target::Boolean { "yes or no" } else { "number" })?;
        lost += failed.count;
        match series {
            Some(series) => {
                put(work, name, series, physical, meaning)?;
                work.changed(name, present, failed.count, None);
            }
            None => {
                work.data.set_meaning(name, meaning)?;
                work.changed(name, 0, 0, None);
            }
        }
    }
    let what = match to {
        Target::Number => "numbers",
        Target::Text => "text",
        Target::Boolean => "true and false",
        Target::Category => "categories",
    };
    work.report.message = match to {
        Target::Category => format!("{} taken for categories", super::apply::list(columns)),
        _ => format!("{} rewritten as {what}{}", work.told(), lost_words(lost)),
    };
    Ok(())
}

fn lost_words(lost: u64) -> String {
    if lost > 0 { format!(", {} of them could not be read and became missing", thousands(lost)) } else { String::new() }
}

type Converted = (Option<Series>, Physical, Meaning);

fn to_number(spec: &ColumnSpec, column: &Column, how: Numbers, failed: &mut Failed) -> Result<Converted> {
    let name = brief(&spec.name, 60);
    match spec.physical {
        Physical::Float | Physical::Integer => Ok((None, spec.physical, Meaning::Number)),
        Physical::Boolean => {
            let whole = column.as_materialized_series().cast(&DataType::Int64)?;
            Ok((Some(whole), Physical::Integer, Meaning::Number))
        }
        Physical::Date | Physical::Datetime => Err(Error::input(format!("column `{name}` holds dates"))
            .hint("Derive a number from it, for example EXTRACT(HOUR FROM column)")),
        Physical::String => {
            let texts = column.as_materialized_series().str()?;
            let mut read = Vec::with_capacity(texts.len());
            for (row, text) in texts.iter().enumerate() {
                let number = text.and_then(|t| how.read(t));
                if let (Some(text), None) = (text, &number) {
                    failed.note(row, text);
                }
                read.push(number);
            }
            if read.iter().all(|n| matches!(n, None | Some(Number::Whole(_)))) && read.iter().any(Option::is_some) {
                let whole: Int64Chunked = read
                    .iter()
                    .map(|n| match n {
                        Some(Number::Whole(v)) => Some(*v),
                        _ => None,
                    })
                    .collect();
                return Ok((Some(whole.into_series()), Physical::Integer, Meaning::Number));
            }
            let floats: Float64Chunked = read
                .iter()
                .map(|n| match n {
                    Some(Number::Whole(v)) => Some(*v as f64),
                    Some(Number::Broken(v)) => Some(*v),
                    None => None,
                })
                .collect();
            Ok((Some(floats.into_series()), Physical::Float, Meaning::Number))
        }
    }
}

fn to_boolean(spec: &ColumnSpec, column: &Column, failed: &mut Failed) -> Result<Converted> {
    let read: Vec<Option<bool>> = match spec.physical {
        Physical::Boolean => return Ok((None, spec.physical, Meaning::Boolean)),
        Physical::Date | Physical::Datetime => {
            return Err(Error::input(format!("column `{}` holds dates", brief(&spec.name, 60)))
                .hint("Derive a condition from it, for example day >= DATE('2020-01-01')"));
        }
        Physical::Float | Physical::Integer | Physical::String => {
            let mut read = Vec::with_capacity(column.len());
            for (row, text) in column::texts(column)?.iter().enumerate() {
                let value = text.as_deref().and_then(|t| match t.trim().to_lowercase().as_str() {
                    "true" | "t" | "yes" | "y" | "1" => Some(true),
                    "false" | "f" | "no" | "n" | "0" => Some(false),
                    _ => None,
                });
                if let (Some(text), None) = (text, value) {
                    failed.note(row, text);
                }
                read.push(value);
            }
            read
        }
    };
    let booleans: BooleanChunked = read.into_iter().collect();
    Ok((Some(booleans.into_series()), Physical::Boolean, Meaning::Boolean))
}

/// A date in a form: microseconds since 1970, and whether there was a time of day.
fn moment(text: &str, format: &str) -> Option<(i64, bool)> {
    // `%z` reads offsets only; Z and UTC are the zone without one.
    let east = format.ends_with("%z").then(|| ["Z", "UTC"].iter().find_map(|zone| text.strip_suffix(zone))).flatten();
    if let Some(bare) = east {
        return moment(&format!("{}+0000", bare.trim_end()), format);
    }
    if let Ok(zoned) = DateTime::parse_from_str(text, format) {
        return Some((zoned.timestamp_micros(), true));
    }
    if let Ok(bare) = NaiveDateTime::parse_from_str(text, format) {
        return Some((bare.and_utc().timestamp_micros(), true));
    }
    let day = NaiveDate::parse_from_str(text, format)
        // A month alone means its first day.
        .or_else(|_| NaiveDate::parse_from_str(&format!("{text} 01"), &format!("{format} %d")))
        .ok()?;
    Some((day.and_hms_opt(0, 0, 0)?.and_utc().timestamp_micros(), false))
}

pub(super) fn parse_dates(work: &mut Work<'_>, columns: &[String], format: &str, failures: Failures) -> Result<()> {
    known(&work.data, columns)?;
    if format.len() > 100 || StrftimeItems::new(format).any(|item| item == Item::Error) {
        return Err(Error::usage(format!("`{}` is no form of dates", brief(format, 60)))
            .hint("Use strftime signs, for example %d.%m.%Y or %Y-%m-%d %H:%M:%S"));
    }
    let mut lost = 0;
    for name in columns {
        work.control.check()?;
        let spec = work.data.spec(name)?.clone();
        if matches!(spec.physical, Physical::Date | Physical::Datetime) {
            work.changed(name, 0, 0, None);
            continue;
        }
        let column = column::get(&work.data.frame, name)?.clone();
        let present = (column.len() - column.null_count()) as u64;
        let mut failed = Failed::new(failures);
        let mut timed = false;
        let mut micros = Vec::with_capacity(column.len());
        for (row, text) in column::texts(&column)?.iter().enumerate() {
            let read = text.as_deref().and_then(|t| moment(t.trim(), format));
            if let (Some(text), None) = (text, read) {
                failed.note(row, text);
            }
            timed |= read.is_some_and(|(_, time)| time);
            micros.push(read.map(|(micros, _)| micros));
        }
        failed.check(name, &format!("date of the form {}", brief(format, 40)))?;
        lost += failed.count;
        let (series, physical) = if timed {
            let moments: Int64Chunked = micros.into_iter().collect();
            (moments.into_series().cast(&DataType::Datetime(TimeUnit::Microseconds, None))?, Physical::Datetime)
        } else {
            let days: Int32Chunked =
                micros.into_iter().map(|m| m.and_then(|m| i32::try_from(m.div_euclid(DAY)).ok())).collect();
            (days.into_series().cast(&DataType::Date)?, Physical::Date)
        };
        put(work, name, series, physical, Meaning::DateTime)?;
        if let Some(spec) = work.data.columns.iter_mut().find(|c| c.name == *name) {
            spec.date_format = Some(format.to_owned());
        }
        work.changed(name, present, failed.count, None);
    }
    let already = work.report.columns.iter().filter(|c| c.cells == 0).count() as u64;
    let already =
        if already > 0 { format!("; {} held dates already", counted(already, "column")) } else { String::new() };
    work.report.message = format!("{} read as dates{}{already}", work.told(), lost_words(lost));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_under_their_dress() {
        let plain = Numbers { strip: true, decimal: '.' };
        let comma = Numbers { strip: true, decimal: ',' };
        let value = |how: Numbers, text: &str| match how.read(text) {
            Some(Number::Whole(v)) => Some(v as f64),
            Some(Number::Broken(v)) => Some(v),
            None => None,
        };
        for (text, expected) in [
            ("$1,234.50", Some(1234.5)),
            ("-$5", Some(-5.0)),
            ("$-5", Some(-5.0)),
            ("12 %", Some(12.0)),
            ("1'000 km", Some(1000.0)),
            ("3 kg", Some(3.0)),
            ("1,2", None),
            ("12,34,567", None),
            ("1.2.3", None),
            ("about 5", None),
            ("12345 kilograms", None),
            ("--5", None),
            ("", None),
            ("€", None),
            ("007", None),
        ] {
            assert_eq!(value(plain, text), expected, "{text}");
        }
        assert_eq!(value(comma, "1.234,50 €"), Some(1234.5));
        assert_eq!(value(comma, "1.5"), None);
        assert_eq!(value(Numbers { strip: false, decimal: '.' }, "$5"), None);
    }

    #[test]
    fn dates_are_read_in_the_form_that_is_named() {
        assert_eq!(moment("31.12.1970", "%d.%m.%Y"), Some((364 * DAY, false)));
        assert_eq!(moment("1970-01-02 00:01", "%Y-%m-%d %H:%M"), Some((DAY + 60_000_000, true)));
        assert_eq!(moment("1970-01-01T02:00:00+0200", "%Y-%m-%dT%H:%M:%S%z"), Some((0, true)));
        for zoned in ["1970-01-01T02:00:00Z", "1970-01-01T02:00:00UTC"] {
            assert_eq!(moment(zoned, "%Y-%m-%dT%H:%M:%S%z"), Some((7_200_000_000, true)));
        }
        assert_eq!(moment("1970-02", "%Y-%m"), Some((31 * DAY, false)));
        assert_eq!(moment("31.02.1970", "%d.%m.%Y"), None);
        assert_eq!(moment("19700102", "%Y%m%d"), Some((DAY, false)));
    }
}
