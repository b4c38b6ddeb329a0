//! Charts of a watch: performance over time, and drift by column.

use crate::chart::{Chart, kinds};

use super::watch_step::WatchRecord;

/// Performance period by period, with the range that the rows kept back promise and the first period outside it: first
/// the metrics that left their range there, then the one that is followed. Empty without periods.
#[must_use]
pub fn performance_charts(record: &WatchRecord) -> Vec<Chart> {
    let Some(performance) = &record.performance else { return Vec::new() };
    let broken = performance.first_broken.and_then(|i| performance.periods.get(i));
    let mut names: Vec<&str> = Vec::new();
    let left = broken.map(|p| p.outside.as_slice()).unwrap_or_default();
    // The followed metric comes first when it is among those that left.
    let followed = std::iter::once(record.metric.as_str());
    let first = followed.clone().filter(|m| left.iter().any(|l| l == m));
    for name in first.chain(left.iter().map(String::as_str)).chain(followed) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
        .into_iter()
        .map(|name| {
            let points: Vec<kinds::TimePoint> = performance
                .periods
                .iter()
                .filter_map(|period| {
                    let metric = period.metrics.iter().find(|m| m.name == name)?;
                    Some(kinds::TimePoint { time: period.start, value: metric.value, interval: metric.interval })
                })
                .collect();
            let mark = broken.filter(|p| p.outside.iter().any(|o| o == name));
            let events: Vec<(f64, &str)> = mark.map(|p| (p.start, p.label.as_str())).into_iter().collect();
            let reference = performance.bands.iter().find(|b| b.metric == name).map(|b| (b.low, b.high));
            let mut chart =
                kinds::over_time(&kinds::OverTime { metric: name, points: &points, events: &events, reference });
            if let (Some(period), Some((low, high))) = (mark, reference) {
                // The chart counts both sides of the range; what counts here is the first time for the worse.
                let ends =
                    points.first().zip(points.last()).map(|(a, b)| format!("from {:.3} to {:.3}", a.value, b.value));
                chart.sentence = format!(
                    "{name} goes {}. It left its normal range of {low:.3} to {high:.3} for the worse first in {}.",
                    ends.unwrap_or_default(),
                    period.label
                );
            }
            chart
        })
        .filter(Chart::has_data)
        .collect()
}

/// Effect of the drift of each column, the strongest first, with the least effect that counts.
#[must_use]
pub fn drift_chart(record: &WatchRecord) -> Chart {
    let bars: Vec<kinds::DriftBar<'_>> = record
        .drift
        .columns
        .iter()
        .map(|c| kinds::DriftBar { name: &c.name, effect: c.effect, drifted: c.drifted })
        .collect();
    kinds::drift(&bars, crate::health::DriftOptions::default().least_effect)
}
