//! Metrics by period, beside the range that the hold-out says is normal.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use super::period::{Every, seconds};
use super::score::{self, Estimate};
use crate::engine::Control;
use crate::error::{Error, Result};
use crate::model::metrics;

/// What was predicted and what is known of the truth, row by row.
#[derive(Debug, Clone, Copy)]
pub enum Answers<'a> {
    /// Numbers.
    Numbers {
        /// The truth; NaN where it is not known yet.
        truth: &'a [f64],
        /// The predictions.
        predicted: &'a [f64],
    },
    /// Classes. With two, the second is the positive one.
    Classes {
        /// The index of the true class; `None` where it is not known yet.
        truth: &'a [Option<usize>],
        /// Probabilities, shape (rows, K).
        scores: ArrayView2<'a, f64>,
    },
}

/// How performance over time is judged.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PerformanceOptions {
    /// Length of a period; chosen by the time span when absent.
    pub every: Option<Every>,
    /// How long labels take to be final, in seconds. Labels of younger rows are not counted.
    pub label_delay: Option<f64>,
    /// The present, in seconds since 1970; the latest row's time when absent.
    pub now: Option<f64>,
}

/// One metric in one period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// `mae`, `rmse`, `medae`, `mean_error` (mean of prediction minus truth), `roc_auc`, `log_loss`, `accuracy`, `positive_rate`, `mean_score` or `calibration_gap` (mean score
    /// minus positive rate).
    pub name: String,
    /// The value.
    #[serde(deserialize_with = "crate::engine::undefined::number")]
    pub value: f64,
    /// Its 95% interval.
    pub interval: Option<(f64, f64)>,
}

/// One period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Period {
    /// When it begins, in seconds since 1970 (UTC).
    pub start: f64,
    /// When the next one begins.
    #[serde(deserialize_with = "crate::engine::undefined::number")]
    pub end: f64,
    /// Its name, for example `2020-04`.
    pub label: String,
    /// Rows in it.
    pub rows: usize,
    /// Rows whose label is known and old enough.
    pub labelled: usize,
    /// Whether its labels cannot be trusted yet; it is shown and not judged.
    pub immature: bool,
    /// The metrics that could be computed.
    pub metrics: Vec<Metric>,
    /// The names of metrics that left their normal range.
    pub outside: Vec<String>,
}

/// The normal range of one metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Band {
    /// The metric.
    pub metric: String,
    /// Its value on the whole hold-out.
    #[serde(deserialize_with = "crate::engine::undefined::number")]
    pub centre: f64,
    /// Lower end.
    #[serde(deserialize_with = "crate::engine::undefined::number")]
    pub low: f64,
    /// Upper end.
    #[serde(deserialize_with = "crate::engine::undefined::number")]
    pub high: f64,
}

/// Performance by period, and whether it broke.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Performance {
    /// Length of a period.
    pub every: Every,
    /// The periods that have rows, in order.
    pub periods: Vec<Period>,
    /// The normal ranges; empty without a hold-out.
    pub bands: Vec<Band>,
    /// Whether a metric of quality left its normal range for the worse in any period.
    pub broken: bool,
    /// The index of the first such period.
    pub first_broken: Option<usize>,
    /// What a reader should know, for example about labels that are not final.
    pub notes: Vec<String>,
}

/// A period with fewer labelled rows is shown and not judged.
const LEAST_ROWS: usize = 30;

/// Which way a metric gets worse.
#[derive(Clone, Copy, PartialEq)]
enum Worse {
    Up,
    Down,
    /// It describes and does not judge.
    Neither,
}

fn worse(metric: &str) -> Worse {
    match metrics::find(metric).map(|m| m.best) {
        Some(metrics::Best::Low) => Worse::Up,
        Some(metrics::Best::High) => Worse::Down,
        Some(metrics::Best::Zero) | None => Worse::Neither,
    }
}

impl Answers<'_> {
    fn rows(&self) -> usize {
        match self {
            Self::Numbers { predicted, .. } => predicted.len(),
            Self::Classes { scores, .. } => scores.nrows(),
        }
    }

    fn labels(&self) -> usize {
        match self {
            Self::Numbers { truth, .. } => truth.len(),
            Self::Classes { truth, .. } => truth.len(),
        }
    }

    fn is_labelled(&self, row: usize) -> bool {
        match self {
            Self::Numbers { truth, predicted } => {
                truth.get(row).is_some_and(|v| v.is_finite()) && predicted.get(row).is_some_and(|v| v.is_finite())
            }
            Self::Classes { truth, scores } => truth.get(row).is_some_and(|t| t.is_some_and(|k| k < scores.ncols())),
        }
    }

    /// The metrics over some labelled rows.
    fn metrics(&self, rows: &[usize]) -> Vec<Metric> {
        let found: Vec<(&str, Option<Estimate>)> = match self {
            Self::Numbers { truth, predicted } => {
                let pick = |v: &[f64]| -> Vec<f64> { rows.iter().filter_map(|r| v.get(*r).copied()).collect() };
                let (t, p) = (pick(truth), pick(predicted));
                let off: Vec<f64> = p.iter().zip(&t).map(|(p, t)| p - t).collect();
                vec![
                    ("mae", score::mae(&t, &p)),
                    ("rmse", score::rmse(&t, &p)),
                    ("medae", score::median_ae(&t, &p)),
                    ("mean_error", score::mean(&off)),
                ]
            }
            Self::Classes { truth, scores } => class_metrics(truth, *scores, rows),
        };
        found
            .into_iter()
            .filter_map(|(name, e)| e.map(|e| (name, e)))
            .filter(|(_, e)| e.value.is_finite())
            .map(|(name, e)| Metric {
                name: name.to_owned(),
                value: e.value,
                interval: e.interval.filter(|(low, high)| low.is_finite() && high.is_finite()),
            })
            .collect()
    }
}

fn class_metrics(
    truth: &[Option<usize>],
    scores: ArrayView2<'_, f64>,
    rows: &[usize],
) -> Vec<(&'static str, Option<Estimate>)> {
    let known: Vec<(usize, usize)> = rows
        .iter()
        .filter_map(|r| truth.get(*r).copied().flatten().map(|k| (*r, k)))
        .filter(|(r, _)| *r < scores.nrows())
        .collect();
    let classes: Vec<usize> = known.iter().map(|(_, k)| *k).collect();
    let picked = scores.select(ndarray::Axis(0), &known.iter().map(|(r, _)| *r).collect::<Vec<_>>());
    let best = |row: ndarray::ArrayView1<'_, f64>| (1..row.len()).fold(0, |b, k| if row[k] > row[b] { k } else { b });
    let right = picked.outer_iter().zip(&classes).filter(|(row, k)| best(*row) == **k).count();
    let log_loss = score::mean(&metrics::log_losses(&classes, picked.view()));
    let accuracy = score::share(right, classes.len());
    if scores.ncols() != 2 {
        return vec![("log_loss", log_loss), ("accuracy", accuracy)];
    }
    let positive: Vec<bool> = classes.iter().map(|k| *k == 1).collect();
    let score = picked.column(1).to_vec();
    let gaps: Vec<f64> = score.iter().zip(&positive).map(|(s, p)| s - f64::from(u8::from(*p))).collect();
    vec![
        ("roc_auc", score::auc(&positive, &score)),
        ("log_loss", log_loss),
        ("accuracy", accuracy),
        ("positive_rate", score::share(positive.iter().filter(|p| **p).count(), positive.len())),
        ("mean_score", score::mean(&score)),
        ("calibration_gap", score::mean(&gaps)),
    ]
}

/// Metrics by period. `times` are seconds since 1970 (NaN rows are left out). `reference` is the hold-out with its times,
/// if it has any; its metrics over chunks give the normal range, their mean ± 3 standard deviations as NannyML sets it.
///
/// A period is outside when a metric of quality passes the worse end of its range and its interval does not hold the
/// reference value either; periods with under 30 labelled rows or labels that are not final are not judged.
///
/// # Errors
/// When lengths differ, no row has a time, or the work is cancelled.
pub fn performance_over_time(
    times: &[f64],
    answers: &Answers<'_>,
    reference: Option<(&Answers<'_>, Option<&[f64]>)>,
    options: &PerformanceOptions,
    control: &Control,
) -> Result<Performance> {
    if times.len() != answers.rows() || answers.labels() != answers.rows() {
        return Err(Error::input(format!(
            "{} times, {} predictions and {} labels do not belong to the same rows",
            times.len(),
            answers.rows(),
            answers.labels()
        )));
    }
    // Times outside the calendar count as unknown, so that one wild value does not decide the length of a period.
    let ends = times
        .iter()
        .filter(|t| Every::Day.start(**t).is_some())
        .fold(None, |e: Option<(f64, f64)>, t| Some(e.map_or((*t, *t), |(a, b)| (a.min(*t), b.max(*t)))));
    let Some((first, last)) = ends else {
        return Err(Error::input("no row has a time").hint("Name the column that says when a row came to be"));
    };
    let every = options.every.unwrap_or_else(|| Every::for_span(last - first));
    let ripe = options.label_delay.map_or(f64::INFINITY, |delay| options.now.unwrap_or(last) - delay);
    let (groups, untimed) = group(times, every);
    let mut notes = Vec::new();
    if untimed > 0 {
        notes.push(format!("{untimed} rows have no time and are left out."));
    }

    let mut periods = Vec::with_capacity(groups.len());
    let mut young = 0;
    for (start, rows) in &groups {
        control.check()?;
        let known: Vec<usize> = rows.iter().copied().filter(|r| answers.is_labelled(*r)).collect();
        let usable: Vec<usize> = known.iter().copied().filter(|r| times.get(*r).is_some_and(|t| *t <= ripe)).collect();
        young += known.len() - usable.len();
        let not_ripe = rows.iter().any(|r| times.get(*r).is_some_and(|t| *t > ripe));
        periods.push(Period {
            start: seconds(*start),
            end: every.next(*start).map_or(f64::NAN, seconds),
            label: every.label(*start),
            rows: rows.len(),
            labelled: usable.len(),
            immature: not_ripe && usable.len() * 2 < rows.len(),
            metrics: answers.metrics(&usable),
            outside: Vec::new(),
        });
    }
    if young > 0 {
        notes.push(format!("{young} labels are younger than the label delay and not counted."));
    }
    mark_early(&mut periods, &mut notes);

    let bands = match reference {
        Some((answers, times)) => bands(answers, times, every, typical(&periods), control)?,
        None => Vec::new(),
    };
    for period in periods.iter_mut().filter(|p| !p.immature && p.labelled >= LEAST_ROWS) {
        period.outside = bands.iter().filter(|b| leaves(&period.metrics, b)).map(|b| b.metric.clone()).collect();
    }
    let judged = |p: &Period| p.outside.iter().any(|m| worse(m) != Worse::Neither);
    let first_broken = periods.iter().position(judged);
    Ok(Performance { every, periods, bands, broken: first_broken.is_some(), first_broken, notes })
}

/// The rows of each period, and how many rows have no time.
fn group(times: &[f64], every: Every) -> (BTreeMap<NaiveDate, Vec<usize>>, usize) {
    let mut groups: BTreeMap<NaiveDate, Vec<usize>> = BTreeMap::new();
    let mut untimed = 0;
    for (row, time) in times.iter().enumerate() {
        match every.start(*time) {
            Some(start) => groups.entry(start).or_default().push(row),
            None => untimed += 1,
        }
    }
    (groups, untimed)
}

/// Labelled rows in the period in the middle of all sizes.
fn typical(periods: &[Period]) -> usize {
    let mut sizes: Vec<usize> = periods.iter().map(|p| p.labelled).filter(|n| *n > 0).collect();
    sizes.sort_unstable();
    sizes.get(sizes.len() / 2).copied().unwrap_or(0)
}

/// Where a positive answer takes time to show, the newest labels all say no. A run of such periods at the end is marked,
/// if the scores promised ten positives or more.
fn mark_early(periods: &mut [Period], notes: &mut Vec<String>) {
    let value = |p: &Period, name: &str| p.metrics.iter().find(|m| m.name == name).map(|m| m.value);
    let mut early = Vec::new();
    for period in periods.iter_mut().rev().filter(|p| p.labelled > 0) {
        match (value(period, "positive_rate"), value(period, "mean_score")) {
            (Some(0.0), Some(score)) if score * period.labelled as f64 >= 10.0 => {
                period.immature = true;
                early.push(period.label.clone());
            }
            _ => break,
        }
    }
    if let (Some(from), Some(to)) = (early.last(), early.first()) {
        let when = if from == to { format!("of {from}") } else { format!("from {from} to {to}") };
        notes.push(format!(
            "Every label {when} is negative where the scores promise positives: they may not be final, and are not judged. \
             Give the label delay if it is known."
        ));
    }
}

fn leaves(metrics: &[Metric], band: &Band) -> bool {
    let Some(metric) = metrics.iter().find(|m| m.name == band.metric) else { return false };
    let certain = |low_side: bool| {
        metric.interval.is_none_or(|(low, high)| if low_side { high < band.centre } else { low > band.centre })
    };
    let below = metric.value < band.low && certain(true);
    let above = metric.value > band.high && certain(false);
    match worse(&metric.name) {
        Worse::Up => above,
        Worse::Down => below,
        Worse::Neither => above || below,
    }
}

/// The normal range of every metric, from chunks of the hold-out: its own periods when there are six or more, else runs
/// of rows as long as a typical period.
fn bands(
    answers: &Answers<'_>,
    times: Option<&[f64]>,
    every: Every,
    typical: usize,
    control: &Control,
) -> Result<Vec<Band>> {
    let rows: Vec<usize> = (0..answers.rows()).filter(|r| answers.is_labelled(*r)).collect();
    let whole = answers.metrics(&rows);
    let by_time: Vec<Vec<usize>> = times.map(|t| group(t, every).0.into_values().collect()).unwrap_or_default();
    let by_time: Vec<Vec<usize>> = by_time
        .into_iter()
        .map(|rows| rows.into_iter().filter(|r| answers.is_labelled(*r)).collect::<Vec<_>>())
        .filter(|rows| rows.len() >= LEAST_ROWS)
        .collect();
    let chunks = if by_time.len() >= 6 {
        by_time
    } else {
        let size = typical.clamp(LEAST_ROWS, (rows.len() / 5).max(LEAST_ROWS));
        rows.chunks_exact(size).map(<[usize]>::to_vec).collect()
    };
    let mut seen: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for chunk in &chunks {
        control.check()?;
        for metric in answers.metrics(chunk) {
            seen.entry(metric.name).or_default().push(metric.value);
        }
    }
    Ok(whole.into_iter().filter_map(|m| band(&m, seen.get(&m.name).map_or(&[], Vec::as_slice))).collect())
}

/// Mean ± 3 standard deviations over chunks; with fewer than three chunks the hold-out's own interval, widened to match.
fn band(whole: &Metric, values: &[f64]) -> Option<Band> {
    let n = values.len() as f64;
    let (middle, half) = if values.len() >= 3 {
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
        (mean, 3.0 * variance.sqrt())
    } else {
        let (low, high) = whole.interval?;
        (whole.value, (high - low) / 2.0 * 3.0 / 1.96)
    };
    let (least, most) = match whole.name.as_str() {
        name if worse(name) == Worse::Up => (0.0, f64::INFINITY),
        "mean_error" => (f64::NEG_INFINITY, f64::INFINITY),
        "calibration_gap" => (-1.0, 1.0),
        _ => (0.0, 1.0),
    };
    Some(Band {
        metric: whole.name.clone(),
        centre: whole.value,
        low: (middle - half).max(least),
        high: (middle + half).min(most),
    })
}

#[cfg(test)]
mod tests;
