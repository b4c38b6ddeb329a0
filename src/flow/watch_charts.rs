//! Charts of a watch: performance over time, and drift by column.

use crate::chart::{Chart, kinds};

use super::watch_step::WatchRecord;

/// Performance period by period, with the range that the rows kept back promise and the first period outside it.
/// `None` without periods.
#[must_use]
pub fn performance_chart(record: &WatchRecord) -> Option<Chart> {
    let performance = record.performance.as_ref()?;
    let points: Vec<kinds::TimePoint> = performance
        .periods
        .iter()
        .filter_map(|period| {
            let metric = period.metrics.iter().find(|m| m.name == record.metric)?;
            let time = period.start;
            Some(kinds::TimePoint { time, value: metric.value, interval: metric.interval })
        })
        .collect();
    let band = performance.bands.iter().find(|b| b.metric == record.metric);
    let broken = performance.first_broken.and_then(|i| performance.periods.get(i));
    let events: Vec<(f64, &str)> = broken.map(|p| (p.start, p.label.as_str())).into_iter().collect();
    let reference = band.map(|b| (b.low, b.high));
    Some(kinds::over_time(&kinds::OverTime { metric: &record.metric, points: &points, events: &events, reference }))
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
