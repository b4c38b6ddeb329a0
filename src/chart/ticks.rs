//! Where ticks stand: round numbers, powers of ten, and the calendar.

use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveTime, TimeDelta, Timelike};

use super::number;

/// One tick: its position on the scale and its label.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    /// Position in the scale's own unit (the logarithm on a log axis).
    pub at: f64,
    /// What is written beside it.
    pub label: String,
}

/// The smallest round step (1, 2, 2.5 or 5 times a power of ten) of which at most `most` intervals cover the range.
pub(super) fn round_step(low: f64, high: f64, most: usize) -> f64 {
    let raw = (high - low) / most.max(1) as f64;
    if !(raw.is_finite() && raw > 0.0) {
        return 1.0;
    }
    let power = 10f64.powf(raw.log10().floor());
    [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|m| m * power).find(|s| *s >= raw * (1.0 - 1e-9)).unwrap_or(10.0 * power)
}

/// Round numbers between `low` and `high`, with at most `most` intervals.
pub(super) fn linear(low: f64, high: f64, most: usize) -> Vec<Tick> {
    let step = round_step(low, high, most);
    let first = (low / step - 1e-6).ceil();
    let count = ((high / step + 1e-6).floor() - first).clamp(0.0, 64.0) as usize;
    let values: Vec<f64> =
        (0..=count).map(|i| (first + i as f64) * step).filter(|v| *v <= high + step * 1e-6).collect();
    let labels = number::tick_labels(&values, step);
    values.into_iter().zip(labels).map(|(at, label)| Tick { at, label }).collect()
}

/// Powers of ten between the logarithms `low` and `high`; round numbers when there are fewer than two.
pub(super) fn log(low: f64, high: f64, most: usize) -> Vec<Tick> {
    let every = (((high - low) / most.max(1) as f64).ceil()).max(1.0);
    let first = (low / every - 1e-9).ceil() * every;
    let powers: Vec<f64> = (0..=64).map(|i| first + f64::from(i) * every).take_while(|p| *p <= high + 1e-9).collect();
    if powers.len() >= 2 {
        return powers.into_iter().map(|p| Tick { at: p, label: power_label(p) }).collect();
    }
    linear(10f64.powf(low), 10f64.powf(high), most)
        .into_iter()
        .filter(|t| t.at > 0.0)
        .map(|t| Tick { at: t.at.log10(), label: t.label })
        .collect()
}

fn power_label(power: f64) -> String {
    if (-3.0..=3.0).contains(&power) {
        number::tick_labels(&[10f64.powf(power)], 10f64.powf(power)).pop().unwrap_or_default()
    } else {
        format!("1e{power:.0}")
    }
}

/// Steps of the calendar from fine to coarse.
const STEPS: [(Unit, u32); 21] = [
    (Unit::Hour, 1),
    (Unit::Hour, 3),
    (Unit::Hour, 6),
    (Unit::Hour, 12),
    (Unit::Day, 1),
    (Unit::Day, 2),
    (Unit::Day, 7),
    (Unit::Day, 14),
    (Unit::Month, 1),
    (Unit::Month, 2),
    (Unit::Month, 3),
    (Unit::Month, 6),
    (Unit::Year, 1),
    (Unit::Year, 2),
    (Unit::Year, 5),
    (Unit::Year, 10),
    (Unit::Year, 20),
    (Unit::Year, 50),
    (Unit::Year, 100),
    (Unit::Year, 500),
    (Unit::Year, 1000),
];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Unit {
    Hour,
    Day,
    Month,
    Year,
}

impl Unit {
    fn seconds(self) -> f64 {
        match self {
            Self::Hour => 3600.0,
            Self::Day => 86_400.0,
            Self::Month => 30.44 * 86_400.0,
            Self::Year => 365.25 * 86_400.0,
        }
    }
}

/// Calendar ticks (UTC) between two moments in seconds since 1970, about `most` of them.
pub(super) fn time(low: f64, high: f64, most: usize) -> Vec<Tick> {
    let span = high - low;
    let fits = |(unit, n): &(Unit, u32)| span / (unit.seconds() * f64::from(*n)) <= most.max(1) as f64;
    let calendar = STEPS.iter().find(|s| fits(s)).and_then(|(unit, n)| along(low, high, *unit, *n));
    match calendar {
        Some(ticks) if !ticks.is_empty() && span >= 2.0 * 3600.0 => ticks,
        _ => ends(low, high),
    }
}

/// The two ends, for stretches without a calendar tick inside or outside the calendar.
fn ends(low: f64, high: f64) -> Vec<Tick> {
    let values = if high > low { vec![low, high] } else { vec![low] };
    values.into_iter().map(|at| Tick { at, label: moment(at) }).collect()
}

/// A moment as a date, with the time of day when it is not midnight.
pub(super) fn moment(seconds: f64) -> String {
    match DateTime::from_timestamp(seconds.floor() as i64, 0) {
        Some(at) if at.time() == NaiveTime::MIN => at.format("%Y-%m-%d").to_string(),
        Some(at) => at.format("%Y-%m-%d %H:%M").to_string(),
        None => number::short(seconds),
    }
}

fn along(low: f64, high: f64, unit: Unit, n: u32) -> Option<Vec<Tick>> {
    let from = DateTime::from_timestamp(low.ceil() as i64, 0)?.naive_utc();
    let day = from.date();
    let mut at = match unit {
        Unit::Hour => day.and_time(NaiveTime::from_hms_opt(from.hour() / n * n, 0, 0)?),
        // Counted from a Monday (5 January 1970), so that weeks begin on Mondays whatever the range is.
        Unit::Day => {
            let monday = NaiveDate::from_ymd_opt(1970, 1, 5)?;
            let past = (day - monday).num_days().rem_euclid(i64::from(n));
            day.checked_sub_signed(TimeDelta::days(past))?.and_time(NaiveTime::MIN)
        }
        Unit::Month => NaiveDate::from_ymd_opt(day.year(), day.month0() / n * n + 1, 1)?.and_time(NaiveTime::MIN),
        Unit::Year => {
            NaiveDate::from_ymd_opt(day.year().div_euclid(n as i32) * n as i32, 1, 1)?.and_time(NaiveTime::MIN)
        }
    };
    let mut ticks = Vec::new();
    for _ in 0..200 {
        let seconds = at.and_utc().timestamp() as f64;
        if seconds > high {
            break;
        }
        if seconds >= low {
            let label = match unit {
                Unit::Hour if at.hour() != 0 => at.format("%H:%M"),
                Unit::Hour | Unit::Day => at.format("%-d %b"),
                Unit::Month => at.format("%Y-%m"),
                Unit::Year => at.format("%Y"),
            };
            ticks.push(Tick { at: seconds, label: label.to_string() });
        }
        at = match unit {
            Unit::Hour => at.checked_add_signed(TimeDelta::hours(i64::from(n)))?,
            Unit::Day => at.checked_add_signed(TimeDelta::days(i64::from(n)))?,
            Unit::Month => at.checked_add_months(Months::new(n))?,
            Unit::Year => at.checked_add_months(Months::new(12 * n))?,
        };
    }
    Some(ticks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().map(|t| t.label.as_str()).collect()
    }

    #[test]
    fn linear_ticks_are_round_and_inside() {
        assert_eq!(labels(&linear(0.0, 1.0, 5)), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(&linear(0.0, 1.0, 2)), ["0.0", "0.5", "1.0"]);
        assert_eq!(labels(&linear(0.13, 0.37, 3)), ["0.2", "0.3"]);
        assert_eq!(labels(&linear(0.0, 73_000.0, 4)), ["0", "20k", "40k", "60k"]);
    }

    #[test]
    fn log_ticks_are_powers_of_ten() {
        assert_eq!(labels(&log(-2.0, 4.0, 6)), ["0.01", "0.1", "1", "10", "100", "1000", "1e4"]);
        assert_eq!(labels(&log(0.1, 0.9, 4)), ["2", "4", "6"]);
    }

    #[test]
    fn time_ticks_follow_the_calendar() {
        let (from, to) = (1_514_764_800.0, 1_609_372_800.0); // 2018-01-01 to 2020-12-31
        assert_eq!(labels(&time(from, to, 6)), ["2018-01", "2018-07", "2019-01", "2019-07", "2020-01", "2020-07"]);
        assert_eq!(labels(&time(from, to, 3)), ["2018", "2019", "2020"]);
        assert_eq!(labels(&time(from, from + 86_400.0 * 3.0, 4)), ["1 Jan", "2 Jan", "3 Jan", "4 Jan"]);
        assert_eq!(labels(&time(from, from + 43_200.0, 4)), ["1 Jan", "03:00", "06:00", "09:00", "12:00"]);
        assert_eq!(labels(&time(from, from, 4)), ["2018-01-01"]);
        assert!(!time(-1e99, 1e99, 4).is_empty());
    }
}
