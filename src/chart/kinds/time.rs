//! A metric over time.

use super::COLUMNS;
use crate::chart::describe::{At, Axis, Chart, Series, drawable};
use crate::chart::number::short;
use crate::chart::ticks::moment;

/// The metric in one period.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimePoint {
    /// When the period begins, in seconds since 1970 (UTC).
    pub time: f64,
    /// The metric; NaN where it could not be computed, which breaks the line.
    pub value: f64,
    /// Its 95% interval.
    pub interval: Option<(f64, f64)>,
}

/// What [`over_time`] shows.
#[derive(Debug, Clone, Copy, Default)]
pub struct OverTime<'a> {
    /// The metric's name, with its unit.
    pub metric: &'a str,
    /// The periods in order.
    pub points: &'a [TimePoint],
    /// Moments worth marking, in seconds since 1970.
    pub events: &'a [(f64, &'a str)],
    /// The range of the metric that is normal, from the hold-out.
    pub reference: Option<(f64, f64)>,
}

/// A metric by period with its interval, the normal range, and events.
#[must_use]
pub fn over_time(show: &OverTime<'_>) -> Chart {
    let band: Option<Vec<(f64, f64, f64)>> = show.points.iter().any(|p| p.interval.is_some()).then(|| {
        show.points
            .iter()
            .map(|p| p.interval.map_or((p.time, f64::NAN, f64::NAN), |(low, high)| (p.time, low, high)))
            .collect()
    });
    let points = show.points.iter().map(|p| (p.time, p.value)).collect();
    let mut series = vec![Series::Line { name: show.metric.to_owned(), points, band }];
    if let Some((low, high)) = show.reference.filter(|(l, h)| drawable(*l) && drawable(*h)) {
        series.push(Series::Span { name: "normal range".to_owned(), low, high });
    }
    series.extend(
        show.events.iter().map(|(time, name)| Series::Rule { at: At::Vertical(*time), label: (*name).to_owned() }),
    );
    Chart {
        title: format!("{} over time", show.metric),
        x: Axis::time(""),
        y: Axis::linear(""),
        series,
        sentence: sentence(show),
    }
    .reduce(COLUMNS)
}

fn sentence(show: &OverTime<'_>) -> String {
    let real: Vec<&TimePoint> = show.points.iter().filter(|p| drawable(p.value)).collect();
    let (Some(first), Some(last)) = (real.first(), real.last()) else {
        return format!("{} is not known for any period.", show.metric);
    };
    let course = format!(
        "{} goes from {} ({}) to {} ({}).",
        show.metric,
        short(first.value),
        moment(first.time),
        short(last.value),
        moment(last.time)
    );
    let Some((low, high)) = show.reference else { return course };
    let outside = |p: &&&TimePoint| p.value < low || p.value > high;
    let count = real.iter().filter(outside).count();
    let range = format!("the normal range of {} to {}", short(low), short(high));
    match real.iter().find(outside) {
        Some(p) => format!(
            "{course} It leaves {range} first in the period from {} ({}), and is outside it in {count} of {} periods.",
            moment(p.time),
            short(p.value),
            real.len()
        ),
        None => format!("{course} It stays within {range}."),
    }
}
