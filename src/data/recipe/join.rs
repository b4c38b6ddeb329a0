//! Bringing in columns of another table by equal keys.

use std::collections::HashMap;

use polars::prelude::*;

use super::apply::{Work, known, list};
use super::spec::Action;
use crate::data::display::brief;
use crate::data::finding::counted;
use crate::data::write::texts;
use crate::data::{self, Dataset, LoadOptions, Physical, column};
use crate::error::{Error, Result};

/// A table's keys, one a row, as text; `None` where a part is missing, which equals nothing, as in SQL.
fn keys(data: &Dataset, columns: &[String]) -> Result<Vec<Option<String>>> {
    let mut keys: Vec<Option<String>> = vec![Some(String::new()); data.rows()];
    for name in columns {
        let physical = data.spec(name)?.physical;
        let column = column::get(&data.frame, name)?;
        let values = match physical {
            // The whole number 2, the number 2.0 and the text "2" are one key.
            Physical::Float | Physical::Integer => column::texts(column)?,
            _ => texts(column, physical)?,
        };
        for (key, value) in keys.iter_mut().zip(values) {
            *key = match (key.take(), value) {
                // The length in front keeps `a|b` and `c` apart from `a` and `b|c`.
                (Some(key), Some(value)) => Some(format!("{key}{}:{value}", value.len())),
                _ => None,
            };
        }
    }
    Ok(keys)
}

/// Refuses keys that can never be equal.
fn comparable(left: &Dataset, on: &[String], right: &Dataset, with: &[String]) -> Result<()> {
    let dated = |p: Physical| matches!(p, Physical::Date | Physical::Datetime);
    for (a, b) in on.iter().zip(with) {
        let (x, y) = (left.spec(a)?.physical, right.spec(b)?.physical);
        if (dated(x) || dated(y)) && x != y {
            return Err(Error::input(format!(
                "the keys `{}` and `{}` are stored differently, so no row would match",
                brief(a, 60),
                brief(b, 60)
            ))
            .hint("Bring both to dates of one form first (parse_dates, or derive a day from the moment)"));
        }
    }
    Ok(())
}

/// A left join: every row stays, in its order, with the other table's values or none.
pub(super) fn join(work: &mut Work<'_>, action: &Action) -> Result<()> {
    let Action::Join { source, on, with, columns, prefix, allow_multiply } = action else { return Ok(()) };
    known(&work.data, on)?;
    let other = data::load(source, &LoadOptions::default(), work.control)?;
    let with = if with.is_empty() { on } else { with };
    known(&other, with)?;
    known(&other, columns)?;
    comparable(&work.data, on, &other, with)?;
    let bring: Vec<String> = if columns.is_empty() {
        other.columns.iter().map(|c| c.name.clone()).filter(|c| !with.contains(c)).collect()
    } else {
        columns.clone()
    };
    let prefix = prefix.clone().unwrap_or_default();
    let named = |name: &String| format!("{prefix}{name}");
    if let Some(taken) = bring.iter().map(named).find(|n| work.data.columns.iter().any(|c| c.name == *n)) {
        return Err(Error::input(format!("there is a column `{}` in both tables", brief(&taken, 60)))
            .hint("Name the columns to bring in under `columns`, or give them a `prefix`"));
    }

    let mut by_key: HashMap<String, Vec<IdxSize>> = HashMap::new();
    for (row, key) in keys(&other, with)?.into_iter().enumerate() {
        if let Some(key) = key {
            by_key.entry(key).or_default().push(row as IdxSize);
        }
    }
    work.control.check()?;
    let (mut left, mut right): (Vec<IdxSize>, Vec<Option<IdxSize>>) = (Vec::new(), Vec::new());
    let (mut matched, mut several, mut added, mut example) = (0u64, 0u64, 0u64, None);
    for (row, key) in keys(&work.data, on)?.into_iter().enumerate() {
        let rows = key.as_ref().and_then(|k| by_key.get(k));
        match rows {
            Some(rows) => {
                matched += 1;
                if rows.len() > 1 {
                    several += 1;
                    added += rows.len() as u64 - 1;
                    example.get_or_insert((row, rows.len()));
                    if *allow_multiply && added > 100_000_000 {
                        return Err(Error::input("the join would make more than a hundred million rows")
                            .hint("Bring the other table to one row a key first"));
                    }
                }
                if rows.len() == 1 || *allow_multiply {
                    left.extend(rows.iter().map(|_| row as IdxSize));
                    right.extend(rows.iter().copied().map(Some));
                }
            }
            None => {
                left.push(row as IdxSize);
                right.push(None);
            }
        }
    }
    if let Some((row, times)) = example.filter(|_| !allow_multiply) {
        let shown: Vec<String> = on
            .iter()
            .map(|name| {
                let cell = work.data.frame.column(name).map(|c| c.slice(row as i64, 1));
                let text = cell.ok().and_then(|c| column::texts(&c).ok()?.pop().flatten());
                format!("{} {}", brief(name, 40), brief(&text.unwrap_or_default(), 40))
            })
            .collect();
        return Err(Error::input(format!(
            "{} would become several, because {} has their key more than once (row {}: {} comes {times} times)",
            counted(several, "row"),
            data::source::shown(source),
            row + 1,
            shown.join(", ")
        ))
        .hint("Bring the other table to one row a key first, or write allow_multiply = true if that is meant"));
    }

    let rows_before = work.data.rows() as u64;
    if added > 0 {
        work.data.frame = work.data.frame.take(&IdxCa::from_vec("".into(), left))?;
    }
    let right: IdxCa = right.into_iter().collect();
    for name in &bring {
        work.control.check()?;
        let mut spec = other.spec(name)?.clone();
        let values = column::get(&other.frame, name)?.as_materialized_series().take(&right)?;
        spec.name = named(name);
        work.data.frame.with_column(values.with_name(spec.name.as_str().into()).into())?;
        work.report.columns_added.push(spec.name.clone());
        work.data.columns.push(spec);
    }
    work.depends = other.fingerprint;
    let grown = if added > 0 {
        format!("; {} became several, which added {}", counted(several, "row"), counted(added, "row"))
    } else {
        String::new()
    };
    work.report.message = format!(
        "{} brought in from {} ({}): {} matched, {} did not{grown}",
        counted(bring.len() as u64, "column"),
        data::source::shown(source),
        list(&work.report.columns_added),
        counted(matched, "row"),
        counted(rows_before - matched, "row"),
    );
    Ok(())
}
