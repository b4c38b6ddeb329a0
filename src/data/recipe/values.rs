//! Steps that change values in place: fill, clip, map, trim, missing.

use std::collections::{BTreeMap, HashMap, HashSet};

use polars::prelude::*;

use super::apply::{Work, known, leak_remark};
use super::spec::{Action, FillWith};
use crate::data::display::brief;
use crate::data::finding::{counted, thousands};
use crate::data::profile::iso;
use crate::data::scalar::{Scalar, words};
use crate::data::{ColumnSpec, Dataset, Physical, column};
use crate::engine::{Summary, Values};
use crate::error::{Error, Result};

fn replace(data: &mut Dataset, name: &str, series: Series, physical: Physical) -> Result<()> {
    data.frame.with_column(series.with_name(name.into()).into())?;
    if let Some(spec) = data.columns.iter_mut().find(|c| c.name == name) {
        spec.physical = physical;
    }
    Ok(())
}

/// A value as a series of one, and how a column that holds it is stored: a broken number makes whole ones broken.
fn single(spec: &ColumnSpec, value: &Scalar) -> Result<(Series, Physical)> {
    if spec.physical == Physical::String {
        return match value.as_text() {
            Some(text) => Ok((Series::new("".into(), [text]), Physical::String)),
            None => Err(Error::input(format!("column `{}` holds text, and `{value}` is none", brief(&spec.name, 60)))
                .hint(format!("Write the value in quotes: \"{value}\""))),
        };
    }
    let number = value.number_in(spec)?;
    Ok(match spec.physical {
        Physical::Integer if number.fract() == 0.0 && number.abs() < 9e15 => {
            (Series::new("".into(), [number as i64]), Physical::Integer)
        }
        Physical::Boolean => (Series::new("".into(), [number != 0.0]), Physical::Boolean),
        Physical::Date => (Series::new("".into(), [number as i32]).cast(&DataType::Date)?, Physical::Date),
        Physical::Datetime => {
            let micros = Series::new("".into(), [(number * 1e6).round() as i64]);
            (micros.cast(&DataType::Datetime(TimeUnit::Microseconds, None))?, Physical::Datetime)
        }
        _ => (Series::new("".into(), [number]), Physical::Float),
    })
}

/// The column with `value` where `mask` is false, and how it is stored then.
fn with_value(spec: &ColumnSpec, column: &Column, mask: &BooleanChunked, value: &Scalar) -> Result<(Series, Physical)> {
    let (one, physical) = single(spec, value)?;
    let series = column.as_materialized_series().cast(one.dtype())?;
    Ok((series.zip_with(mask, &one.new_from_index(0, column.len()))?, physical))
}

pub(super) fn fill(work: &mut Work<'_>, columns: &[String], with: FillWith, value: Option<&Scalar>) -> Result<()> {
    known(&work.data, columns)?;
    let mut told = Vec::new();
    for name in columns {
        work.control.check()?;
        let spec = work.data.spec(name)?.clone();
        let column = column::get(&work.data.frame, name)?.clone();
        let before = column.null_count();
        let computed = match with {
            FillWith::Constant => value.cloned(),
            FillWith::Forward => None,
            FillWith::Mean | FillWith::Median | FillWith::MostFrequent => {
                Some(typical(&spec, &Summary::of(&column, work.control)?, with)?)
            }
        };
        let (series, physical) = match &computed {
            Some(value) => with_value(&spec, &column, &column.is_not_null(), value)?,
            None => {
                let filled = column.as_materialized_series().fill_null(FillNullStrategy::Forward(None))?;
                (filled, spec.physical)
            }
        };
        let filled = (before - series.null_count()) as u64;
        if before > 0 {
            replace(&mut work.data, name, series, physical)?;
        }
        let what = match (&computed, with) {
            (Some(value), FillWith::Mean) => format!("{value}, the mean"),
            (Some(value), FillWith::Median) => format!("{value}, the median"),
            (Some(value), FillWith::MostFrequent) => format!("{value}, the most frequent value"),
            (Some(value), _) => value.to_string(),
            (None, _) => "the last value above".to_owned(),
        };
        let left = before as u64 - filled;
        let left = if left > 0 { format!(" ({} at the top have none above)", thousands(left)) } else { String::new() };
        told.push(format!("{} of {} filled with {what}{left}", counted(filled, "cell"), brief(name, 40)));
        let fitted = computed.clone().filter(|_| with != FillWith::Constant);
        work.changed(name, filled, 0, fitted);
        let (with, value) = match computed {
            Some(value) => (FillWith::Constant, Some(value)),
            None => (with, None),
        };
        work.fitted.push(Action::Fill { columns: vec![name.clone()], with, value });
    }
    work.report.message = format!("{}{}", told.join("; "), leak_remark(with));
    Ok(())
}

/// The mean, median or most frequent value of a column.
fn typical(spec: &ColumnSpec, summary: &Summary, with: FillWith) -> Result<Scalar> {
    let name = brief(&spec.name, 60);
    if summary.present() == 0 {
        return Err(Error::input(format!("column `{name}` has no value to compute one from"))
            .hint("Drop the column, or fill it with a constant"));
    }
    let numbers = match (&summary.values, spec.physical) {
        (Values::Numbers(tally), Physical::Float | Physical::Integer) => Some(tally),
        _ => None,
    };
    match (with, numbers) {
        (FillWith::Mean, Some(_)) => Ok(Scalar::Number(summary.moments.mean)),
        (FillWith::Median, Some(tally)) => tally
            .quantile(0.5)
            .map(Scalar::Number)
            .ok_or_else(|| Error::input(format!("column `{name}` has no value to compute one from"))),
        (FillWith::Mean | FillWith::Median, None) => Err(Error::input(format!(
            "column `{name}` holds {}, which have neither mean nor median",
            words(spec.physical)
        ))
        .hint("Use with = \"most_frequent\", \"forward\" or \"constant\"")),
        _ => {
            let most = match &summary.values {
                Values::Texts(tally) => tally.top(1).pop().map(|(text, _)| Scalar::Text(text)),
                Values::Numbers(tally) => tally.top(1).pop().map(|(v, _)| match spec.physical {
                    Physical::Boolean => Scalar::Bool(v != 0.0),
                    Physical::Date => Scalar::Text(iso(v * 86_400.0, false)),
                    Physical::Datetime => Scalar::Text(iso(v, true)),
                    Physical::Float | Physical::Integer | Physical::String => Scalar::Number(v),
                }),
            };
            most.ok_or_else(|| Error::input(format!("column `{name}` has no value to compute one from")))
        }
    }
}

pub(super) fn clip(work: &mut Work<'_>, columns: &[String], min: Option<&Scalar>, max: Option<&Scalar>) -> Result<()> {
    known(&work.data, columns)?;
    let (mut low, mut high) = (0, 0);
    for name in columns {
        work.control.check()?;
        let spec = work.data.spec(name)?.clone();
        if matches!(spec.physical, Physical::String | Physical::Boolean) {
            return Err(Error::input(format!("column `{}` holds {}", brief(name, 60), words(spec.physical)))
                .hint("Only numbers and dates can be clipped; cast the column to a number first"));
        }
        // Whole numbers stay whole: 2.5 as the lower bound of whole numbers is 3.
        let inward = |value: &Scalar, up: bool| match value {
            Scalar::Number(v) if spec.physical == Physical::Integer => {
                Scalar::Number(if up { v.ceil() } else { v.floor() })
            }
            other => other.clone(),
        };
        let (min, max) = (min.map(|v| inward(v, true)), max.map(|v| inward(v, false)));
        let least = min.as_ref().map(|v| v.number_in(&spec)).transpose()?;
        let most = max.as_ref().map(|v| v.number_in(&spec)).transpose()?;
        if let (Some(least), Some(most)) = (least, most)
            && least > most
        {
            return Err(Error::usage("min is greater than max").hint("Exchange them"));
        }
        let mut cells = 0;
        for (bound, value, below) in [(least, &min, true), (most, &max, false)] {
            let (Some(bound), Some(value)) = (bound, value) else { continue };
            let column = column::get(&work.data.frame, name)?.clone();
            let inside: BooleanChunked = column::numbers(&column)?
                .into_iter()
                .map(|v| Some(v.is_nan() || if below { v >= bound } else { v <= bound }))
                .collect();
            let outside = (inside.len() - inside.sum().unwrap_or(0) as usize) as u64;
            if outside > 0 {
                let (series, physical) = with_value(&spec, &column, &inside, value)?;
                replace(&mut work.data, name, series, physical)?;
            }
            cells += outside;
            *(if below { &mut low } else { &mut high }) += outside;
        }
        work.changed(name, cells, 0, None);
    }
    let parts = [
        min.map(|v| format!("{} raised to {v}", counted(low, "cell"))),
        max.map(|v| format!("{} lowered to {v}", counted(high, "cell"))),
    ];
    work.report.message =
        format!("{}: {}", super::apply::list(columns), parts.into_iter().flatten().collect::<Vec<_>>().join(", "));
    Ok(())
}

/// A text column with each value replaced, and how many cells changed. `None` makes a cell missing.
fn rewrite<'a>(texts: &'a StringChunked, mut new: impl FnMut(&'a str) -> Option<&'a str>) -> (Series, u64) {
    let mut changed = 0;
    let rewritten: StringChunked = texts
        .iter()
        .map(|text| {
            let text = text?;
            let after = new(text);
            changed += u64::from(after != Some(text));
            after
        })
        .collect();
    (rewritten.into_series(), changed)
}

fn text_column<'a>(data: &'a Dataset, name: &str) -> Result<&'a StringChunked> {
    let spec = data.spec(name)?;
    if spec.physical != Physical::String {
        return Err(Error::input(format!("column `{}` holds {}, not text", brief(name, 60), words(spec.physical)))
            .hint("Cast it to text in an earlier step"));
    }
    Ok(column::get(&data.frame, name)?.as_materialized_series().str()?)
}

pub(super) fn map(work: &mut Work<'_>, name: &str, values: &BTreeMap<String, String>) -> Result<()> {
    let lookup: HashMap<&str, &str> = values.iter().map(|(old, new)| (old.as_str(), new.as_str())).collect();
    let texts = text_column(&work.data, name)?.clone();
    let mut met: HashSet<&str> = HashSet::new();
    let (series, changed) = rewrite(&texts, |text| {
        Some(match lookup.get_key_value(text) {
            Some((old, new)) => {
                met.insert(old);
                new
            }
            None => text,
        })
    });
    replace(&mut work.data, name, series, Physical::String)?;
    work.changed(name, changed, 0, None);
    let unmet = lookup.len() - met.len();
    let unmet = if unmet > 0 { format!("; {unmet} of the old spellings did not occur") } else { String::new() };
    work.report.message = format!("{} respelt{unmet}", work.told());
    Ok(())
}

pub(super) fn trim(work: &mut Work<'_>, columns: &[String]) -> Result<()> {
    known(&work.data, columns)?;
    let all: Vec<String> = if columns.is_empty() {
        work.data.columns.iter().filter(|c| c.physical == Physical::String).map(|c| c.name.clone()).collect()
    } else {
        columns.to_vec()
    };
    for name in &all {
        work.control.check()?;
        let texts = text_column(&work.data, name)?.clone();
        let (series, changed) = rewrite(&texts, |text| Some(text.trim()).filter(|t| !t.is_empty()));
        let lost = (series.null_count() - texts.null_count()) as u64;
        if changed > 0 {
            replace(&mut work.data, name, series, Physical::String)?;
            work.changed(name, changed, lost, None);
        }
    }
    work.report.message = format!("{} freed of blanks at the ends", work.told());
    Ok(())
}

pub(super) fn missing(
    work: &mut Work<'_>,
    columns: &[String],
    values: &[Scalar],
    below: Option<&Scalar>,
    above: Option<&Scalar>,
) -> Result<()> {
    known(&work.data, columns)?;
    for name in columns {
        work.control.check()?;
        let spec = work.data.spec(name)?.clone();
        let column = column::get(&work.data.frame, name)?.clone();
        let bounded = below.is_some() || above.is_some();
        if bounded && matches!(spec.physical, Physical::String | Physical::Boolean) {
            return Err(Error::input(format!("column `{}` holds {}", brief(name, 60), words(spec.physical)))
                .hint("Only numbers and dates are below or above a bound; cast the column in an earlier step"));
        }
        let least = below.map(|v| v.number_in(&spec)).transpose()?.unwrap_or(f64::NEG_INFINITY);
        let most = above.map(|v| v.greatest_in(&spec)).transpose()?.unwrap_or(f64::INFINITY);
        let stays: BooleanChunked = if spec.physical == Physical::String {
            let stand_ins: HashSet<String> = values.iter().map(Scalar::in_text).collect();
            let texts = column.as_materialized_series().str()?;
            texts.iter().map(|t| Some(t.is_none_or(|t| !stand_ins.contains(t)))).collect()
        } else {
            // A stand-in of another kind (`?` among numbers) cannot stand there.
            let stand_ins: Vec<f64> = values.iter().filter_map(|v| v.number_in(&spec).ok()).collect();
            let goes = |v: f64| stand_ins.contains(&v) || v < least || v > most;
            column::numbers(&column)?.into_iter().map(|v| Some(!goes(v))).collect()
        };
        let gone = (stays.len() - stays.sum().unwrap_or(0) as usize) as u64;
        if gone > 0 {
            let none = Series::full_null("".into(), column.len(), column.dtype());
            let series = column.as_materialized_series().zip_with(&stays, &none)?;
            replace(&mut work.data, name, series, spec.physical)?;
        }
        work.changed(name, gone, 0, None);
    }
    let few: Vec<String> = values.iter().map(ToString::to_string).collect();
    let parts = [
        (!few.is_empty()).then(|| format!("held {}", super::apply::list(&few))),
        below.map(|v| format!("were below {v}")),
        above.map(|v| format!("were above {v}")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    work.report.message = format!("{} that {} made missing", work.told(), parts.join(" or "));
    Ok(())
}
