//! Rows by the values of a column. A value and its row's number make one key, so that equal values stay as they stood and
//! nothing but the keys is moved.

use std::collections::HashMap;

use polars::prelude::*;
use rayon::prelude::*;

use crate::error::Result;

/// So many different texts are sorted by themselves, and the rows by their places; more are compared row by row.
const MOST_DISTINCT: usize = if cfg!(test) { 8 } else { 1 << 16 };

/// The rows (counted from 0) by a column's values; missing values come last in either direction, equal ones stay as they are
/// in `rows`' own order. Texts are ordered by their bytes.
///
/// # Errors
/// When the column's type has no order.
pub(super) fn by_column(rows: Vec<u32>, column: &Column, descending: bool) -> Result<Vec<u32>> {
    // Equal keys are told apart by their place in `rows`.
    let series = column.as_materialized_series();
    if let DataType::String = series.dtype() {
        let texts: Vec<Option<&str>> = series.str()?.iter().collect();
        return Ok(match ranks(&texts) {
            Some(ranks) => by_keys(&rows, &ranks, descending),
            None => by_texts(&rows, &texts, descending),
        });
    }
    let keys: Vec<Option<u64>> = match series.dtype() {
        DataType::Float64 => series.f64()?.iter().map(|v| v.and_then(of_float)).collect(),
        _ => series.cast(&DataType::Int64)?.i64()?.iter().map(|v| v.map(of_integer)).collect(),
    };
    Ok(by_keys(&rows, &keys, descending))
}

/// A number whose order as an unsigned integer is that of the floats; NaN is missing, -0 equals 0.
fn of_float(value: f64) -> Option<u64> {
    let bits = (value + 0.0).to_bits();
    (!value.is_nan()).then_some(if bits >> 63 == 0 { bits | 1 << 63 } else { !bits })
}

/// A number whose order as an unsigned integer is that of the signed ones.
fn of_integer(value: i64) -> u64 {
    value.cast_unsigned() ^ 1 << 63
}

fn by_keys(rows: &[u32], keys: &[Option<u64>], descending: bool) -> Vec<u32> {
    let (mut known, missing) = parted(rows, keys);
    if descending {
        known.par_iter_mut().for_each(|(key, _)| *key = !*key);
    }
    known.par_sort_unstable();
    finish(rows, known.into_iter().map(|(_, place)| place), &missing)
}

/// The place of each text among the different ones; `None` when these are too many to be told apart first.
fn ranks(texts: &[Option<&str>]) -> Option<Vec<Option<u64>>> {
    let mut places: HashMap<&str, u64> = HashMap::new();
    for text in texts.iter().flatten() {
        // Most texts repeat: looking is cheaper than inserting.
        if !places.contains_key(text) {
            if places.len() == MOST_DISTINCT {
                return None;
            }
            places.insert(text, 0);
        }
    }
    let mut sorted: Vec<&str> = places.keys().copied().collect();
    sorted.sort_unstable();
    for (place, text) in (0..).zip(&sorted) {
        places.insert(text, place);
    }
    Some(texts.par_iter().map(|t| t.and_then(|t| places.get(t).copied())).collect())
}

fn by_texts(rows: &[u32], texts: &[Option<&str>], descending: bool) -> Vec<u32> {
    // Most texts differ in their first eight bytes; only where they do not, the texts themselves are looked at.
    let starts: Vec<Option<u64>> = texts.par_iter().map(|t| t.map(start)).collect();
    let (mut known, missing) = parted(rows, &starts);
    let text = |place: u32| {
        let row = rows.get(place as usize).copied().unwrap_or(0);
        texts.get(row as usize).copied().flatten().unwrap_or("")
    };
    known.par_sort_unstable_by(|a, b| {
        let values = a.0.cmp(&b.0).then_with(|| text(a.1).cmp(text(b.1)));
        let values = if descending { values.reverse() } else { values };
        values.then(a.1.cmp(&b.1))
    });
    finish(rows, known.into_iter().map(|(_, place)| place), &missing)
}

/// The first eight bytes as a number of the same order; shorter texts are filled up with zeros.
fn start(text: &str) -> u64 {
    let mut first = [0; 8];
    for (to, from) in first.iter_mut().zip(text.bytes()) {
        *to = from;
    }
    u64::from_be_bytes(first)
}

/// Keys with their places in `rows`, and the places without one.
fn parted(rows: &[u32], keys: &[Option<u64>]) -> (Vec<(u64, u32)>, Vec<u32>) {
    let mut known = Vec::with_capacity(rows.len());
    let mut missing = Vec::new();
    for (place, row) in (0u32..).zip(rows) {
        match keys.get(*row as usize).copied().flatten() {
            Some(key) => known.push((key, place)),
            None => missing.push(place),
        }
    }
    (known, missing)
}

fn finish(rows: &[u32], known: impl Iterator<Item = u32>, missing: &[u32]) -> Vec<u32> {
    known.chain(missing.iter().copied()).filter_map(|place| rows.get(place as usize).copied()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The standard library's stable sort, missing values moved to the end.
    fn reference<T: PartialOrd + Copy>(values: &[Option<T>], descending: bool) -> Vec<u32> {
        let mut rows: Vec<u32> = (0..values.len() as u32).collect();
        rows.sort_by(|a, b| match (values[*a as usize], values[*b as usize]) {
            (Some(a), Some(b)) if descending => b.partial_cmp(&a).unwrap(),
            (Some(a), Some(b)) => a.partial_cmp(&b).unwrap(),
            (a, b) => a.is_none().cmp(&b.is_none()),
        });
        rows
    }

    fn ours(column: Column, descending: bool) -> Vec<u32> {
        by_column((0..column.len() as u32).collect(), &column, descending).unwrap()
    }

    proptest! {
        #[test]
        fn rows_come_as_a_stable_sort_gives_them(
            whole in prop::collection::vec(prop::option::of(prop_oneof![-3i64..3, any::<i64>()]), 0..60),
            real in prop::collection::vec(prop::option::of(prop_oneof![Just(-0.0), Just(0.0), -2.0..2.0, any::<f64>()]), 0..60),
            texts in prop::collection::vec(prop::option::of(prop_oneof!["[ab]", "[a-c\0é]{0,11}"]), 0..60),
            descending in any::<bool>(),
        ) {
            prop_assert_eq!(ours(Column::new("x".into(), &whole), descending), reference(&whole, descending));
            let known: Vec<Option<f64>> = real.iter().map(|v| v.filter(|v| !v.is_nan())).collect();
            prop_assert_eq!(ours(Column::new("x".into(), &real), descending), reference(&known, descending));
            // With more and with fewer different texts than are told apart first.
            let plain: Vec<Option<&str>> = texts.iter().map(Option::as_deref).collect();
            prop_assert_eq!(ours(Column::new("x".into(), &plain), descending), reference(&plain, descending));
        }
    }
}
