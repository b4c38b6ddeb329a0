//! A scale: how the values of one axis become pixels. It is a plotters coordinate, with ticks of our own.

use std::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};

use super::describe::{Axis, AxisKind, drawable};
use super::ticks::{self, Tick};

/// How one axis maps values to positions and positions to pixels. A *position* is the value itself, or its
/// logarithm on a log axis.
#[derive(Debug, Clone)]
pub(super) struct Scale {
    log: bool,
    /// Position of the axis' start.
    pub low: f64,
    /// Position of the axis' end; always above `low`.
    pub high: f64,
    /// The ticks, in rising order.
    pub ticks: Vec<Tick>,
}

impl Scale {
    /// A scale over `axis.range`, or else over `data` (the least and greatest value), without ticks yet.
    /// With `round`, ends that follow from the data are moved outwards to round numbers.
    pub(super) fn new(axis: &Axis, data: Option<(f64, f64)>, round: Option<usize>) -> Self {
        let log = axis.kind == AxisKind::Log;
        let given = axis.range.filter(|(a, b)| drawable(*a) && drawable(*b) && a < b && (!log || *a > 0.0));
        let (low, high) = match (given, &axis.kind) {
            (Some(range), _) => range,
            (None, AxisKind::Categories(names)) => (-0.5, names.len().max(1) as f64 - 0.5),
            (None, _) => widen(data.unwrap_or((0.0, 1.0)), log),
        };
        let mut scale = Self { log, low, high, ticks: Vec::new() };
        if log {
            scale.low = low.log10();
            scale.high = high.log10();
        } else if let (None, AxisKind::Linear, Some(most)) = (given, &axis.kind, round) {
            let step = ticks::round_step(low, high, most);
            scale.low = (low / step + 1e-9).floor() * step;
            scale.high = (high / step - 1e-9).ceil() * step;
        }
        if scale.high.partial_cmp(&scale.low) != Some(std::cmp::Ordering::Greater) {
            scale.high = scale.low + scale.low.abs().max(1.0);
        }
        scale
    }

    /// Sets at most about `most` ticks.
    pub(super) fn tick(&mut self, kind: &AxisKind, most: usize) {
        self.ticks = match kind {
            AxisKind::Linear => ticks::linear(self.low, self.high, most),
            AxisKind::Log => ticks::log(self.low, self.high, most),
            AxisKind::Time => ticks::time(self.low, self.high, most),
            AxisKind::Categories(names) => {
                let every = names.len().div_ceil(most.max(1)).max(1);
                let named = names.iter().enumerate().step_by(every);
                named.map(|(i, name)| Tick { at: i as f64, label: name.clone() }).collect()
            }
        };
    }

    /// The position of a value; `None` when it has none on this axis.
    pub(super) fn position(&self, value: f64) -> Option<f64> {
        match (drawable(value), self.log) {
            (false, _) => None,
            (true, false) => Some(value),
            (true, true) => (value > 0.0).then(|| value.log10()),
        }
    }

    /// Whether a position lies on the axis.
    pub(super) fn holds(&self, position: f64) -> bool {
        let slack = (self.high - self.low) * 1e-9;
        position >= self.low - slack && position <= self.high + slack
    }
}

/// A range that is not empty.
fn widen((low, high): (f64, f64), log: bool) -> (f64, f64) {
    if log {
        let low = if low > 0.0 { low } else { high.max(1e-3) / 1e3 };
        return if high > low { (low, high) } else { (low / 2.0, low * 2.0) };
    }
    if high > low {
        return (low, high);
    }
    let margin = if low == 0.0 { 1.0 } else { low.abs() * 0.1 };
    (low - margin, low + margin)
}

impl Ranged for Scale {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, position: &f64, limit: (i32, i32)) -> i32 {
        let share = ((position - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        let share = if share.is_nan() { 0.0 } else { share };
        limit.0 + (f64::from(limit.1 - limit.0) * share).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        self.ticks.iter().take(hint.max_num_points()).map(|t| t.at).collect()
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}
