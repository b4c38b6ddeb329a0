//! Steps that leave out rows or compute a column from each.

use polars::prelude::UniqueKeepStrategy;

use super::apply::{Work, known, list};
use super::spec::Keep;
use crate::data::display::brief;
use crate::data::finding::counted;
use crate::data::{self, expression};
use crate::error::Result;

pub(super) fn deduplicate(work: &mut Work<'_>, columns: &[String], keep: Keep) -> Result<()> {
    known(&work.data, columns)?;
    let subset = (!columns.is_empty()).then_some(columns);
    let (which, word) = match keep {
        Keep::First => (UniqueKeepStrategy::First, "first"),
        Keep::Last => (UniqueKeepStrategy::Last, "last"),
    };
    let before = work.data.rows();
    work.data.frame = work.data.frame.unique_stable(subset, which, None)?;
    let gone = (before - work.data.rows()) as u64;
    let equal = if columns.is_empty() { "every column".to_owned() } else { list(columns) };
    work.report.message = format!("{} left out that equal another in {equal}; the {word} stays", counted(gone, "row"));
    Ok(())
}

pub(super) fn filter(work: &mut Work<'_>, condition: &str) -> Result<()> {
    let holds = expression::condition(&work.data, condition, work.control)?;
    let unknown = holds.null_count() as u64;
    let gone = expression::keep(&mut work.data, condition, &holds)? as u64;
    let unknown = if unknown > 0 {
        format!(", {} of them because a value is missing", counted(unknown, "row"))
    } else {
        String::new()
    };
    work.report.message =
        format!("{} left out for which {} does not hold{unknown}", counted(gone, "row"), brief(condition, 120));
    Ok(())
}

pub(super) fn derive(work: &mut Work<'_>, column: &str, expression: &str) -> Result<()> {
    data::derive(&mut work.data, column, expression, work.control)?;
    work.report.columns_added.push(column.to_owned());
    let missing = work.data.frame.column(column)?.null_count() as u64;
    let missing = if missing > 0 { format!(", missing in {}", counted(missing, "row")) } else { String::new() };
    work.report.message = format!("column {} added{missing}", brief(column, 60));
    Ok(())
}
