//! Periods of the calendar (UTC).

use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveTime, TimeDelta};
use polars::prelude::{Column, DataType};
use serde::{Deserialize, Serialize};

use crate::data::column;
use crate::error::{Error, Result};

/// How long a period is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Every {
    /// From midnight to midnight.
    Day,
    /// From Monday to Sunday.
    Week,
    /// A calendar month.
    Month,
}

impl Every {
    /// The period that shows a course best: months from three months on, weeks from three weeks on, else days.
    #[must_use]
    pub fn for_span(seconds: f64) -> Self {
        match seconds / 86_400.0 {
            d if d >= 85.0 => Self::Month,
            d if d >= 21.0 => Self::Week,
            _ => Self::Day,
        }
    }

    /// The start of the period that holds a moment (seconds since 1970). `None` outside the calendar.
    pub(super) fn start(self, seconds: f64) -> Option<NaiveDate> {
        if !seconds.is_finite() {
            return None;
        }
        let day = DateTime::from_timestamp(seconds.floor() as i64, 0)?.date_naive();
        match self {
            Self::Day => Some(day),
            Self::Week => day.checked_sub_signed(TimeDelta::days(i64::from(day.weekday().num_days_from_monday()))),
            Self::Month => day.with_day(1),
        }
    }

    /// The start, in seconds since 1970, of the period that holds a moment. `None` outside the calendar.
    #[must_use]
    pub fn start_of(self, moment: f64) -> Option<f64> {
        self.start(moment).map(seconds)
    }

    /// The start of the period after the one that begins at `start`.
    pub(super) fn next(self, start: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Day => start.succ_opt(),
            Self::Week => start.checked_add_signed(TimeDelta::days(7)),
            Self::Month => start.checked_add_months(Months::new(1)),
        }
    }

    /// A short name of the period that begins at `start`.
    pub(super) fn label(self, start: NaiveDate) -> String {
        match self {
            Self::Day => start.format("%Y-%m-%d"),
            Self::Week => start.format("%G-W%V"),
            Self::Month => start.format("%Y-%m"),
        }
        .to_string()
    }
}

/// A column of dates or moments as seconds since 1970, missing as NaN: the form that
/// [`super::performance_over_time`] and the charts want.
///
/// # Errors
/// When the column holds neither dates nor moments.
pub fn times(column: &Column) -> Result<Vec<f64>> {
    let unit = match column.dtype() {
        DataType::Date => 86_400.0, // Dates are read as days.
        DataType::Datetime(..) => 1.0,
        other => {
            return Err(Error::input(format!("column `{}` holds {other} where dates are needed", column.name()))
                .hint("Name a column whose meaning is datetime"));
        }
    };
    Ok(column::numbers(column)?.into_iter().map(|v| v * unit).collect())
}

/// Seconds since 1970 of a date's midnight.
pub(super) fn seconds(date: NaiveDate) -> f64 {
    date.and_time(NaiveTime::MIN).and_utc().timestamp() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_moments_become_seconds() {
        let days = Column::new("d".into(), [Some(1_i32), None]).cast(&DataType::Date).unwrap();
        let read = times(&days).unwrap();
        assert!(read[0] == 86_400.0 && read[1].is_nan());
        let unit = polars::prelude::TimeUnit::Microseconds;
        let moments = Column::new("m".into(), [1_500_000_i64]).cast(&DataType::Datetime(unit, None)).unwrap();
        assert_eq!(times(&moments).unwrap(), [1.5]);
        assert!(times(&Column::new("t".into(), ["2020"])).unwrap_err().message.contains("`t` holds"));
    }

    #[test]
    fn periods_begin_where_the_calendar_says() {
        let at = 1_586_000_000.0; // 2020-04-04 11:33:20, a Saturday
        let starts: Vec<String> = [Every::Day, Every::Week, Every::Month]
            .into_iter()
            .map(|e| format!("{} {}", e.start(at).unwrap(), e.label(e.start(at).unwrap())))
            .collect();
        assert_eq!(starts, ["2020-04-04 2020-04-04", "2020-03-30 2020-W14", "2020-04-01 2020-04"]);
        assert_eq!(Every::Month.start(f64::NAN), None);
        assert_eq!(Every::Month.start(1e300), None);
        assert_eq!(Every::for_span(400.0 * 86_400.0), Every::Month);
    }
}
