//! Looking at a table row by row: which rows, in which order, and their cells as text. Made for millions of rows: only
//! the cells that are seen become text.

use std::sync::atomic::{AtomicUsize, Ordering};

use polars::prelude::*;
use rayon::prelude::*;

use super::search::Words;
use super::{Dataset, column, expression, order};
use crate::engine::Control;
use crate::error::{Error, Result};

/// Which rows to look at, and in which order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowQuery {
    /// An SQL condition over the columns, or words that a row must contain; empty for all rows.
    pub filter: String,
    /// The column to sort by, and whether the largest come first. Missing values always come last.
    pub sort: Option<(String, bool)>,
    /// Only these rows, counted from 1; empty for all.
    pub only: Vec<u64>,
}

impl RowQuery {
    /// Whether it asks for all rows as they stand in the file.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.filter.trim().is_empty() && self.sort.is_none() && self.only.is_empty()
    }
}

/// Rows whose text is made at a time, and between two looks at the cancel flag.
const STRIDE: usize = 1 << 14;

/// The rows that a query asks for, counted from 0, in its order.
///
/// A filter is taken for an SQL condition when it can be one (`fare_amount < 0 AND tip_amount > 0`); otherwise a row
/// passes when its cells contain every word of it, in any case.
///
/// # Errors
/// When the filter looks like a condition but cannot be understood, the column to sort by does not exist, or the work
/// is cancelled.
pub fn row_order(data: &Dataset, query: &RowQuery, control: &Control) -> Result<Vec<u32>> {
    let mut rows: Vec<u32> = if query.only.is_empty() {
        (0..u32::try_from(data.rows()).unwrap_or(u32::MAX)).collect()
    } else {
        let all = data.rows() as u64;
        let inside = query.only.iter().filter(|row| (1..=all).contains(row));
        inside.filter_map(|row| u32::try_from(row - 1).ok()).collect()
    };
    let filter = query.filter.trim();
    if !filter.is_empty() {
        control.report("filter", None, super::brief(filter, 60));
        let keep = passing(data, filter, control)?;
        rows.retain(|row| keep.get(*row as usize).copied().unwrap_or(false));
    }
    if let Some((name, descending)) = &query.sort {
        control.check()?;
        control.report("sort", None, super::brief(name, 60));
        data.spec(name)?;
        rows = order::by_column(rows, column::get(&data.frame, name)?, *descending)?;
        control.check()?;
    }
    Ok(rows)
}

/// Whether a text is meant as a condition and not as words to look for.
fn looks_like_sql(filter: &str) -> bool {
    let lower = filter.to_ascii_lowercase();
    let words: Vec<&str> = lower.split_whitespace().collect();
    filter.contains(['<', '>', '='])
        || words.windows(2).any(|w| matches!(w, ["is", "null" | "not"] | ["not", "in" | "like" | "between"]))
        || words.iter().skip(1).any(|w| matches!(*w, "like" | "between" | "in"))
}

fn passing(data: &Dataset, filter: &str, control: &Control) -> Result<Vec<bool>> {
    if looks_like_sql(filter) {
        return expression::holds(data, filter, control);
    }
    let words = Words::each(filter)?;
    let columns: Vec<&Column> = data.frame.columns().iter().filter(|c| words.may_stand_in(c)).collect();
    let done = AtomicUsize::new(0);
    let starts: Vec<usize> = (0..data.rows()).step_by(STRIDE).collect();
    let parts: Vec<Vec<bool>> = starts
        .par_iter()
        .map(|start| {
            control.check()?;
            let mut found = vec![0u64; STRIDE.min(data.rows() - start)];
            for column in &columns {
                words.mark(&column.slice(*start as i64, STRIDE), &mut found)?;
            }
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            control.report("filter", Some(done as f64 / starts.len() as f64), super::brief(filter, 60));
            Ok(found.into_iter().map(|set| set == words.all()).collect())
        })
        .collect::<Result<_>>()?;
    Ok(parts.concat())
}

/// The next row, in the order looked at, that contains a text in any cell (in any case): its place in `order` (or in the
/// file without one). Looks from the place after `from`, or before it, and goes on at the other end.
///
/// # Errors
/// When the work is cancelled.
pub fn find_row(
    data: &Dataset,
    order: Option<&[u32]>,
    text: &str,
    from: usize,
    forward: bool,
    control: &Control,
) -> Result<Option<usize>> {
    let count = order.map_or(data.rows(), <[u32]>::len);
    if count == 0 || text.is_empty() {
        return Ok(None);
    }
    let wanted = Words::whole(text)?;
    let columns: Vec<&Column> = data.frame.columns().iter().filter(|c| wanted.may_stand_in(c)).collect();
    // Places in the order of the search, the starting one last.
    let place = |step: usize| {
        let step = (step + 1) % count;
        if forward { (from + step) % count } else { (from + count - step) % count }
    };
    for start in (0..count).step_by(STRIDE) {
        control.check()?;
        control.report("find", Some(start as f64 / count as f64), super::brief(text, 60));
        let places: Vec<usize> = (start..(start + STRIDE).min(count)).map(place).collect();
        let rows: Vec<u32> = places
            .iter()
            .map(|p| order.map_or(u32::try_from(*p).ok(), |o| o.get(*p).copied()).unwrap_or(u32::MAX))
            .collect();
        let first = columns
            .par_iter()
            .map(|column| {
                let mut found = vec![0; rows.len()];
                wanted.mark(&column.take_slice(&rows)?, &mut found)?;
                Ok(found.iter().position(|set| *set != 0))
            })
            .collect::<Result<Vec<Option<usize>>>>()?
            .into_iter()
            .flatten()
            .min();
        if let Some(first) = first {
            return Ok(places.get(first).copied());
        }
    }
    Ok(None)
}

/// The cells of some rows (counted from 0) of one column as text; missing ones are `None`.
///
/// # Errors
/// When there is no such column or row.
pub fn cells(data: &Dataset, name: &str, rows: &[u32]) -> Result<Vec<Option<String>>> {
    let all = data.rows();
    if rows.iter().any(|row| *row as usize >= all) {
        return Err(Error::input(format!("the table has only {all} rows")));
    }
    column::texts(&column::get(&data.frame, name)?.take_slice(rows)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{LoadOptions, load};

    fn table() -> Dataset {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.csv");
        std::fs::write(&path, "city,fare,day\nRome,5,2020-01-02\nOslo,,2020-01-01\nrome,-2,2020-01-03\nBonn,5,\n")
            .unwrap();
        load(path.to_str().unwrap(), &LoadOptions::default(), &Control::default()).unwrap()
    }

    fn order(query: RowQuery) -> Vec<u32> {
        row_order(&table(), &query, &Control::default()).unwrap()
    }

    fn filtered(filter: &str) -> Vec<u32> {
        order(RowQuery { filter: filter.into(), ..RowQuery::default() })
    }

    #[test]
    fn rows_are_sorted_with_missing_ones_last_and_equal_ones_as_they_stood() {
        let by = |name: &str, down| order(RowQuery { sort: Some((name.into(), down)), ..RowQuery::default() });
        assert_eq!(by("fare", false), [2, 0, 3, 1]);
        assert_eq!(by("fare", true), [0, 3, 2, 1]);
        assert_eq!(by("day", true), [2, 0, 1, 3]);
        assert_eq!(by("city", false), [3, 1, 0, 2]);
        let gone = RowQuery { sort: Some(("nope".into(), false)), ..RowQuery::default() };
        assert!(row_order(&table(), &gone, &Control::default()).is_err());
    }

    #[test]
    fn a_filter_is_a_condition_or_words() {
        assert_eq!(filtered("fare < 0"), [2]);
        assert_eq!(filtered("fare IS NULL"), [1]);
        assert_eq!(filtered("ROME"), [0, 2]);
        assert_eq!(filtered("rome 01-03"), [2]);
        assert_eq!(filtered("fare"), Vec::<u32>::new());
        assert_eq!(order(RowQuery { only: vec![4, 1, 99, 0], ..RowQuery::default() }), [3, 0]);
        let wrong = RowQuery { filter: "fare <".into(), ..RowQuery::default() };
        assert!(row_order(&table(), &wrong, &Control::default()).is_err());
    }

    #[test]
    fn finding_goes_on_at_the_other_end() {
        let find = |order: Option<&[u32]>, from, forward| {
            find_row(&table(), order, "rome", from, forward, &Control::default()).unwrap()
        };
        assert_eq!(find(None, 0, true), Some(2));
        assert_eq!(find(None, 2, true), Some(0));
        assert_eq!(find(None, 1, false), Some(0));
        assert_eq!(find(Some(&[1, 3]), 0, true), None);
        assert_eq!(find(Some(&[3, 2]), 0, true), Some(1));
    }

    #[test]
    fn cells_are_text_and_rows_that_are_not_there_an_error() {
        let data = table();
        assert_eq!(cells(&data, "fare", &[1, 2]).unwrap(), [None, Some("-2".to_owned())]);
        assert!(cells(&data, "fare", &[4]).is_err());
        let cancelled = Control::default();
        cancelled.cancel();
        assert!(row_order(&data, &RowQuery { filter: "x".into(), ..RowQuery::default() }, &cancelled).is_err());
    }
}
