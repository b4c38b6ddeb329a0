//! Where values are missing: the share of missing cells of every column, block by block of the rows or period by period.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Days, NaiveDate};
use polars::prelude::*;
use serde::{Deserialize, Serialize};

use super::{ColumnSpec, Meaning, Physical, column};
use crate::engine::Control;
use crate::error::Result;

/// Rows that stand together in the map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingBlock {
    /// What it is called: `rows 1 to 500`, `2020-04`.
    pub label: String,
    /// Rows in it.
    pub rows: u64,
}

/// The map of missing values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Missingness {
    /// The time column by which rows stand together; `None` when they stand in the order of the table.
    pub by: Option<String>,
    /// The blocks, the first rows or the earliest period first.
    pub blocks: Vec<MissingBlock>,
    /// The columns, in the order of the table.
    pub columns: Vec<String>,
    /// Share of missing cells from 0 to 1, by column and block.
    pub shares: Vec<Vec<f64>>,
}

impl Missingness {
    /// Whether nothing is missing anywhere.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shares.iter().flatten().all(|s| *s == 0.0)
    }
}

/// How rows are put into blocks.
struct Blocks {
    by: Option<String>,
    labels: Vec<String>,
    /// The block of each row.
    of: Vec<u32>,
}

/// How long a period is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl Step {
    const ALL: [Self; 5] = [Self::Day, Self::Week, Self::Month, Self::Quarter, Self::Year];

    /// The first day of the period that holds a day.
    fn start(self, day: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Day => Some(day),
            Self::Week => day.checked_sub_days(Days::new(u64::from(day.weekday().num_days_from_monday()))),
            Self::Month => day.with_day(1),
            Self::Quarter => NaiveDate::from_ymd_opt(day.year(), day.month0() / 3 * 3 + 1, 1),
            Self::Year => NaiveDate::from_ymd_opt(day.year(), 1, 1),
        }
    }

    fn label(self, start: NaiveDate) -> String {
        match self {
            Self::Day => start.format("%Y-%m-%d").to_string(),
            Self::Week => start.format("%G-W%V").to_string(),
            Self::Month => start.format("%Y-%m").to_string(),
            Self::Quarter => format!("{} Q{}", start.year(), start.month0() / 3 + 1),
            Self::Year => start.year().to_string(),
        }
    }

    /// About how many periods a number of days has.
    fn periods(self, days: f64) -> f64 {
        days / match self {
            Self::Day => 1.0,
            Self::Week => 7.0,
            Self::Month => 30.4,
            Self::Quarter => 91.3,
            Self::Year => 365.25,
        }
    }
}

/// Blocks of equally many rows, in the order of the table.
fn by_order(rows: usize, of: u64, wanted: usize) -> Blocks {
    let blocks = wanted.clamp(1, rows.max(1));
    // The same cut for labels and rows: block k begins at row k * rows / blocks.
    let begin = |k: usize| (k * rows).div_ceil(blocks);
    let labels = (0..blocks).map(|k| match of.checked_div(rows as u64) {
        // Of a uniform sample, about so far in the whole table.
        Some(_) if of > rows as u64 => {
            let at = |row: usize| (u128::from(of) * row as u128).div_ceil(rows as u128);
            format!("about rows {} to {}", at(begin(k)) + 1, at(begin(k + 1)))
        }
        _ => format!("rows {} to {}", begin(k) + 1, begin(k + 1)),
    });
    let labels = labels.collect();
    let mut of = Vec::with_capacity(rows);
    for k in 0..blocks {
        of.resize(begin(k + 1), k as u32);
    }
    Blocks { by: None, labels, of }
}

/// Calendar periods of a time column; dates far from all others are taken together, and so are rows without one.
fn by_time(values: &Column, spec: &ColumnSpec, wanted: usize) -> Result<Option<Blocks>> {
    let per_day = if spec.physical == Physical::Date { 1.0 } else { 86_400.0 };
    let days: Vec<f64> = column::numbers(values)?.into_iter().map(|v| v / per_day).collect();
    let mut sorted: Vec<f64> = days.iter().copied().filter(|d| d.is_finite()).collect();
    if sorted.is_empty() {
        return Ok(None);
    }
    sorted.sort_unstable_by(f64::total_cmp);
    let at = |place: f64| sorted.get(place as usize).copied().unwrap_or(0.0);
    let end = (sorted.len() - 1) as f64;
    let (mut low, mut high) = (at(0.0), at(end));
    // A few dates of a wrong year must not press all others into one period.
    let (inner_low, inner_high) = (at((end * 0.005).ceil()), at((end * 0.995).floor()));
    if high - low > 3.0 * (inner_high - inner_low).max(1.0) {
        (low, high) = (inner_low, inner_high);
    }
    let step = Step::ALL.into_iter().find(|s| s.periods(high - low) < wanted as f64).unwrap_or(Step::Year);
    let date = |day: f64| DateTime::from_timestamp((day.floor() * 86_400.0) as i64, 0).map(|t| t.date_naive());
    let (Some(first), Some(last)) = (date(low).and_then(|d| step.start(d)), date(high)) else { return Ok(None) };
    // In the order in which the blocks stand: what is earlier, the periods, what is later, what has no date.
    let key = |day: f64| -> (u8, NaiveDate) {
        match date(day).filter(|_| day.is_finite()) {
            None => (3, first),
            Some(d) if d < first => (0, first),
            Some(d) if d > last => (2, first),
            Some(d) => (1, step.start(d).unwrap_or(first)),
        }
    };
    let keys: Vec<(u8, NaiveDate)> = days.iter().map(|d| key(*d)).collect();
    let mut places: BTreeMap<(u8, NaiveDate), u32> = keys.iter().map(|k| (*k, 0)).collect();
    let mut labels = Vec::with_capacity(places.len());
    for (i, ((group, start), place)) in places.iter_mut().enumerate() {
        *place = i as u32;
        labels.push(match group {
            0 => format!("before {}", step.label(first)),
            2 => format!("after {}", step.label(step.start(last).unwrap_or(last))),
            3 => "no date".to_owned(),
            _ => step.label(*start),
        });
    }
    let of = keys.iter().map(|k| places.get(k).copied().unwrap_or(0)).collect();
    Ok(Some(Blocks { by: Some(spec.name.clone()), labels, of }))
}

/// The share of missing cells of every column in about `wanted` blocks: calendar periods of the column `time` when it is
/// named and holds dates, else equally many rows in the order of the table. All rows count.
///
/// # Errors
/// When a column is absent, or the work is cancelled.
pub fn missingness(
    frame: &DataFrame,
    columns: &[ColumnSpec],
    time: Option<&str>,
    wanted: usize,
    control: &Control,
) -> Result<Missingness> {
    missingness_of(frame, columns, time, wanted, frame.height() as u64, control)
}

/// [`missingness`] of a uniform sample, in the order of the table, that stands for a table of `of` rows: the shares are those
/// of the sample.
///
/// # Errors
/// As [`missingness`].
pub fn missingness_of(
    frame: &DataFrame,
    columns: &[ColumnSpec],
    time: Option<&str>,
    wanted: usize,
    of: u64,
    control: &Control,
) -> Result<Missingness> {
    let dated = columns.iter().find(|c| {
        Some(c.name.as_str()) == time
            && c.meaning == Meaning::DateTime
            && matches!(c.physical, Physical::Date | Physical::Datetime)
    });
    let blocks = match dated {
        Some(spec) => by_time(column::get(frame, &spec.name)?, spec, wanted)?,
        None => None,
    };
    let blocks = blocks.unwrap_or_else(|| by_order(frame.height(), of, wanted));
    let mut rows = vec![0_u64; blocks.labels.len()];
    for block in &blocks.of {
        if let Some(n) = rows.get_mut(*block as usize) {
            *n += 1;
        }
    }
    let mut shares = Vec::with_capacity(columns.len());
    for spec in columns {
        control.check()?;
        let values = column::get(frame, &spec.name)?;
        let mut missing = vec![0_u64; rows.len()];
        let mut count = |row: usize| {
            if let Some(n) = blocks.of.get(row).and_then(|b| missing.get_mut(*b as usize)) {
                *n += 1;
            }
        };
        let series = values.as_materialized_series();
        if spec.physical == Physical::Float {
            series.f64()?.iter().enumerate().filter(|(_, v)| v.is_none_or(f64::is_nan)).for_each(|(row, _)| count(row));
        } else if series.null_count() > 0 {
            series.is_null().iter().enumerate().filter(|(_, v)| *v == Some(true)).for_each(|(row, _)| count(row));
        }
        shares.push(missing.iter().zip(&rows).map(|(m, n)| *m as f64 / (*n).max(1) as f64).collect());
    }
    Ok(Missingness {
        by: blocks.by,
        blocks: blocks.labels.into_iter().zip(rows).map(|(label, rows)| MissingBlock { label, rows }).collect(),
        columns: columns.iter().map(|c| c.name.clone()).collect(),
        shares,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(name: &str, physical: Physical, meaning: Meaning) -> ColumnSpec {
        ColumnSpec { name: name.into(), physical, meaning, missing_spellings: Vec::new(), date_format: None }
    }

    /// Sixty rows as in `tests/python/associations.py`: every third day from 2021-01-10 on.
    fn table(odd: Option<i32>) -> (DataFrame, Vec<ColumnSpec>) {
        let b: Vec<Option<f64>> = (0..60).map(|i| (i % 7 != 3).then_some(1.0)).collect();
        let words: Vec<Option<&str>> = (0..60).map(|i| (i < 30).then_some("x")).collect();
        let first = NaiveDate::from_ymd_opt(2021, 1, 10).unwrap().to_epoch_days();
        let days: Vec<Option<i32>> =
            (0..60).map(|i| if i == 59 && odd.is_some() { odd } else { Some(first + i * 3) }).collect();
        let days = Column::new("day".into(), days).cast(&DataType::Date).unwrap();
        let frame = DataFrame::new(60, vec![Column::new("b".into(), b), Column::new("w".into(), words), days]).unwrap();
        let specs = vec![
            spec("b", Physical::Float, Meaning::Number),
            spec("w", Physical::String, Meaning::Category),
            spec("day", Physical::Date, Meaning::DateTime),
        ];
        (frame, specs)
    }

    fn of(odd: Option<i32>, time: Option<&str>, wanted: usize) -> Missingness {
        let (frame, specs) = table(odd);
        missingness(&frame, &specs, time, wanted, &Control::default()).unwrap()
    }

    #[test]
    fn blocks_of_rows_equal_pandas() {
        let map = of(None, None, 4);
        // pandas: df.isna().groupby(i // 15).mean(), see tests/python/associations.py.
        assert_eq!(map.shares[0], [2.0 / 15.0, 2.0 / 15.0, 2.0 / 15.0, 3.0 / 15.0]);
        assert_eq!(map.shares[1], [0.0, 0.0, 1.0, 1.0]);
        assert_eq!(map.blocks[1], MissingBlock { label: "rows 16 to 30".into(), rows: 15 });
        assert_eq!((map.by.as_deref(), map.is_empty()), (None, false));
        let odd = of(None, None, 7);
        assert_eq!(odd.blocks.iter().map(|b| b.rows).sum::<u64>(), 60);
    }

    #[test]
    fn periods_equal_pandas() {
        let map = of(None, Some("day"), 24);
        let labels: Vec<&str> = map.blocks.iter().map(|b| b.label.as_str()).collect();
        // Half a year in weeks is more than 24 blocks, so months.
        assert_eq!(labels, ["2021-01", "2021-02", "2021-03", "2021-04", "2021-05", "2021-06", "2021-07"]);
        // pandas: groupby(day.to_period("M")).
        let wanted = [0.125, 1.0 / 9.0, 0.2, 0.1, 2.0 / 11.0, 0.1, 0.5];
        assert!(map.shares[0].iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-12), "{:?}", map.shares[0]);
    }

    #[test]
    fn a_date_of_a_wrong_year_stands_apart() {
        let map = of(Some(40_000), Some("day"), 24);
        assert_eq!(map.blocks.last().unwrap().label, "after 2021-07");
        assert_eq!(map.blocks.last().unwrap().rows, 1);
        assert_eq!(map.blocks.len(), 8);
    }

    #[test]
    fn an_empty_table_has_an_empty_map() {
        let (frame, specs) = table(None);
        let map = missingness(&frame.head(Some(0)), &specs, None, 10, &Control::default()).unwrap();
        assert_eq!((map.blocks.len(), map.is_empty()), (1, true));
    }
}
