//! Columns that begin or end at some date, or fail for a while.

use super::{Table, View};
use crate::data::finding::{Finding, Severity, percent};
use crate::data::profile::iso;
use crate::error::Result;

/// Missing share from which a span counts as empty, and up to which the rest counts as filled.
const EMPTY: f64 = 0.98;
const FILLED: f64 = 0.5;

/// Spans with fewer rows say nothing about a share.
const FEWEST: u64 = 5;

/// The rows' dates cut into spans of equal calendar length.
struct Spans {
    /// The span of each row; `None` when its date is missing or far off.
    of_row: Vec<Option<usize>>,
    /// First day of each span (days since 1970).
    starts: Vec<f64>,
    rows: Vec<u64>,
}

/// Cuts the central dates (0.5 % to 99.5 %, so that a wrong year does not stretch them) into months, or into days or weeks when they
/// span less than half a year. `None` when there is no time column or fewer than four spans.
fn spans(table: &Table<'_>) -> Result<Option<Spans>> {
    let Some(time) = table.time() else { return Ok(None) };
    let Some(tally) = time.summary.values.numbers() else { return Ok(None) };
    let [low, high] = tally.quantiles(&[0.005, 0.995])[..] else { return Ok(None) };
    let (low, high) = ((low / time.per_day()).floor(), (high / time.per_day()).floor());
    let length = match high - low {
        span if span >= 180.0 => None,
        span if span >= 40.0 => Some(7.0),
        span if span >= 3.0 => Some(1.0),
        _ => return Ok(None),
    };
    let number = |day: f64| -> i64 {
        match length {
            Some(days) => ((day - low) / days).floor() as i64,
            None => month(day),
        }
    };
    let first = number(low);
    let count = usize::try_from(number(high) - first + 1).unwrap_or(0);
    if !(4..=2400).contains(&count) {
        return Ok(None);
    }
    let mut rows = vec![0u64; count];
    let of_row = time
        .days()?
        .into_iter()
        .map(|day| {
            let at = usize::try_from(number(day) - first).ok().filter(|at| !day.is_nan() && *at < count)?;
            if let Some(n) = rows.get_mut(at) {
                *n += 1;
            }
            Some(at)
        })
        .collect();
    let starts = (0..count as i64)
        .map(|i| length.map_or_else(|| month_start(first + i), |days| low + i as f64 * days))
        .collect();
    Ok(Some(Spans { of_row, starts, rows }))
}

/// Months since year 0 of a day since 1970.
fn month(day: f64) -> i64 {
    use chrono::Datelike;
    chrono::DateTime::from_timestamp((day * 86_400.0) as i64, 0)
        .map_or(0, |d| i64::from(d.year()) * 12 + i64::from(d.month0()))
}

fn month_start(month: i64) -> f64 {
    let year = i32::try_from(month.div_euclid(12)).unwrap_or(1970);
    let m = u32::try_from(month.rem_euclid(12)).unwrap_or(0) + 1;
    let days = chrono::NaiveDate::from_ymd_opt(year, m, 1)
        .map(|d| d.signed_duration_since(chrono::NaiveDate::default()).num_days());
    days.unwrap_or(0) as f64
}

/// What one column looks like over the spans.
struct Course {
    /// Spans that have enough rows, as indices into `Spans`.
    spans: Vec<usize>,
    /// Missing rows and all rows per such span.
    counts: Vec<(u64, u64)>,
    /// How many spans at the start and at the end are empty while the rest is filled.
    before: usize,
    after: usize,
}

impl Course {
    fn of(spans: &Spans, view: &View<'_>) -> Option<Self> {
        let mut missing = vec![0u64; spans.rows.len()];
        let nulls = view.column.as_materialized_series().is_null();
        for (null, span) in nulls.iter().zip(&spans.of_row) {
            if let (Some(true), Some(at)) = (null, span)
                && let Some(n) = missing.get_mut(*at)
            {
                *n += 1;
            }
        }
        let kept: Vec<usize> =
            (0..spans.rows.len()).filter(|i| spans.rows.get(*i).is_some_and(|n| *n >= FEWEST)).collect();
        if kept.len() < 4 {
            return None;
        }
        let counts: Vec<(u64, u64)> =
            kept.iter().filter_map(|i| Some((*missing.get(*i)?, *spans.rows.get(*i)?))).collect();
        let empty = |c: &&(u64, u64)| c.0 as f64 >= EMPTY * c.1 as f64;
        let before = counts.iter().take_while(empty).count();
        let after = counts.iter().rev().take_while(empty).count();
        let rest = share(counts.get(before..counts.len().saturating_sub(after)).unwrap_or_default());
        let shown = rest.is_some_and(|s| s < FILLED);
        Some(Self { spans: kept, before: if shown { before } else { 0 }, after: if shown { after } else { 0 }, counts })
    }

    fn filled(&self) -> &[(u64, u64)] {
        self.counts.get(self.before..self.counts.len() - self.after).unwrap_or_default()
    }

    /// The start of the `n`-th kept span.
    fn start(&self, spans: &Spans, n: usize) -> String {
        self.spans.get(n).and_then(|i| spans.starts.get(*i)).map_or_else(String::new, |day| iso(day * 86_400.0, false))
    }
}

fn share(counts: &[(u64, u64)]) -> Option<f64> {
    let (missing, all) = counts.iter().fold((0, 0), |(m, n), c| (m + c.0, n + c.1));
    (all > 0).then(|| missing as f64 / all as f64)
}

fn each(
    table: &Table<'_>,
    mut look: impl FnMut(&View<'_>, &Spans, &Course) -> Option<Finding>,
) -> Result<Vec<Finding>> {
    let time = table.time().map(|t| t.index);
    let concerned =
        |c: &View<'_>| c.summary.missing_share() > 0.005 && c.summary.present() > 0 && Some(c.index) != time;
    if !table.columns().any(|c| concerned(&c)) {
        return Ok(Vec::new());
    }
    let Some(spans) = spans(table)? else { return Ok(Vec::new()) };
    let mut findings = Vec::new();
    for view in table.columns().filter(concerned) {
        table.control.check()?;
        if let Some(course) = Course::of(&spans, &view) {
            findings.extend(look(&view, &spans, &course));
        }
    }
    Ok(findings)
}

/// A column has no value before some date.
pub fn before(table: &Table<'_>) -> Result<Vec<Finding>> {
    each(table, |view, spans, course| {
        if course.before == 0 {
            return None;
        }
        let from = course.start(spans, course.before);
        Some(
            Finding::new("missing-before", Severity::Warning, format!("{} is empty until {from}", view.name()))
                .on(&view.spec.name)
                .with("from", from)
                .with("share_after", share(course.filled()))
                .remedy(
                    "Learn only from rows since then, or leave the column out; its absence tells the model the date",
                )
                .rows(view.rows_missing()),
        )
    })
}

/// A column has no value after some date.
pub fn after(table: &Table<'_>) -> Result<Vec<Finding>> {
    each(table, |view, spans, course| {
        if course.after == 0 {
            return None;
        }
        let until = course.start(spans, course.counts.len() - course.after);
        Some(
            Finding::new("missing-after", Severity::Serious, format!("{} is empty since {until}", view.name()))
                .on(&view.spec.name)
                .with("until", until)
                .with("share_before", share(course.filled()))
                .remedy("Leave the column out: rows to come will not have it; or repair what delivers it")
                .rows(rows_since(view, spans, course)),
        )
    })
}

/// Rows without a value in the spans from which on there is none.
fn rows_since(view: &View<'_>, spans: &Spans, course: &Course) -> Vec<usize> {
    let first = course.spans.get(course.counts.len() - course.after).copied().unwrap_or(usize::MAX);
    let nulls = view.column.as_materialized_series().is_null();
    let since = nulls
        .iter()
        .zip(&spans.of_row)
        .enumerate()
        .filter(|(_, (null, span))| *null == Some(true) && span.is_some_and(|span| span >= first));
    since.map(|(row, _)| row).take(10).collect()
}

/// A column is missing more often in some span than elsewhere.
pub fn block(table: &Table<'_>) -> Result<Vec<Finding>> {
    each(table, |view, spans, course| {
        let filled = course.filled();
        let mut shares: Vec<f64> = filled.iter().map(|(m, n)| *m as f64 / *n as f64).collect();
        shares.sort_unstable_by(f64::total_cmp);
        let usual = shares.get(shares.len() / 2).copied()?;
        // A span stands out when it is over the usual share by two points and by four standard errors of a share.
        let out = |c: &(u64, u64)| {
            let p = usual.max(1.0 / c.1 as f64);
            c.0 as f64 / c.1 as f64 > usual + (4.0 * (p * (1.0 - p).max(0.0) / c.1 as f64).sqrt()).max(0.02)
        };
        let (mut best, mut run) = ((0, 0), (0, 0));
        for (i, c) in filled.iter().enumerate() {
            run = if out(c) { (if run.1 == 0 { i } else { run.0 }, run.1 + 1) } else { (0, 0) };
            if run.1 > best.1 {
                best = run;
            }
        }
        let (first, length) = best;
        // Right after a beginning the column is still being introduced; that is one finding, not two.
        if course.before > 0 && first == 0 {
            return None;
        }
        // Half of the time or more is not a failure but a change of what is usual; so is a column that is mostly absent.
        if length == 0 || length * 2 > filled.len() || usual > 0.3 {
            return None;
        }
        let inside = filled.get(first..first + length)?;
        let peak = inside.iter().map(|(m, n)| *m as f64 / *n as f64).fold(0.0, f64::max);
        let from = course.start(spans, course.before + first);
        let open = course.before + first + length >= course.counts.len();
        let until = if open { "the end".to_owned() } else { course.start(spans, course.before + first + length) };
        let inside_of = |span: usize| {
            course.spans.get(course.before + first..course.before + first + length).is_some_and(|s| s.contains(&span))
        };
        let nulls = view.column.as_materialized_series().is_null();
        let rows: Vec<usize> = (nulls.iter().zip(&spans.of_row).enumerate())
            .filter(|(_, (null, span))| *null == Some(true) && span.is_some_and(inside_of))
            .map(|(row, _)| row)
            .take(10)
            .collect();
        let message = format!(
            "{} goes missing from {from} to {until}: up to {} of the rows, elsewhere {}",
            view.name(),
            percent(peak),
            percent(usual)
        );
        Some(
            Finding::new("missing-block", Severity::Warning, message)
                .on(&view.spec.name)
                .with("from", from)
                .with("until", (!open).then_some(until))
                .with("peak", peak)
                .with("usual", usual)
                .with("share", share(inside))
                .remedy("Find out what failed then; columns that go missing together share a cause")
                .rows(rows),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fires, noise, silent, table};

    /// Two years of daily rows with a column `x` that may be absent on some days.
    fn days(absent: impl Fn(usize) -> bool) -> String {
        table("day,x", 730, |i| {
            let date = chrono::NaiveDate::from_ymd_opt(2018, 1, 1).unwrap() + chrono::Days::new(i as u64);
            format!("{date},{}", if absent(i) { String::new() } else { noise(i, 1, 50).to_string() })
        })
    }

    #[test]
    fn beginnings_ends_and_failures_are_dated() {
        let f = fires("missing-before", &days(|i| i < 365), None, Some("x"));
        assert!(f.evidence.starts_with("from 2019-01-01"), "{f:?}");
        let f = fires("missing-after", &days(|i| i >= 365), None, Some("x"));
        assert!(f.evidence.starts_with("until 2019-01-01"), "{f:?}");
        let f = fires("missing-block", &days(|i| (365..424).contains(&i) && i % 3 == 0), None, Some("x"));
        assert!(f.evidence.starts_with("from 2019-01-01, until 2019-03-01"), "{f:?}");
    }

    #[test]
    fn chance_is_left_alone() {
        for check in ["missing-before", "missing-after", "missing-block"] {
            silent(check, &days(|i| noise(i, 2, 10) == 0), None);
            silent(check, &days(|_| false), None);
        }
    }
}
