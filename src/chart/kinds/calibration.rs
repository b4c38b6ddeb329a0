//! The calibration chart: do things that are said to happen in 70% of cases happen in 70%?

use crate::chart::describe::{At, Axis, Chart, Series, drawable};
use crate::chart::number::{percent, score};

/// Rows with similar scores, taken together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CalibrationBin {
    /// Mean score.
    pub predicted: f64,
    /// Share of positives.
    pub observed: f64,
    /// Lower end of the share's interval.
    pub low: f64,
    /// Upper end of the share's interval.
    pub high: f64,
    /// Rows in the bin.
    pub rows: u64,
}

/// Observed shares against mean scores, with intervals, for one or more models `(name, bins)`.
///
/// The sentence gives the expected calibration error, the mean distance weighted by rows
/// (Naeini, Cooper and Hauskrecht, AAAI 2015).
#[must_use]
pub fn calibration(models: &[(&str, &[CalibrationBin])]) -> Chart {
    let mut series: Vec<Series> = models
        .iter()
        .map(|(name, bins)| Series::Points {
            name: (*name).to_owned(),
            points: bins.iter().map(|b| (b.predicted, b.observed)).collect(),
            errors: bins.iter().map(|b| (b.low, b.high)).collect(),
        })
        .collect();
    series.push(Series::Rule { at: At::Diagonal, label: "as predicted".to_owned() });
    let sentences: Vec<String> = models.iter().map(|(name, bins)| sentence(name, bins)).collect();
    Chart {
        title: "Calibration".to_owned(),
        x: Axis::share("mean score"),
        y: Axis::share("share of positives"),
        series,
        sentence: sentences.join(" "),
    }
}

fn sentence(name: &str, bins: &[CalibrationBin]) -> String {
    let real: Vec<&CalibrationBin> =
        bins.iter().filter(|b| drawable(b.predicted) && drawable(b.observed) && b.rows > 0).collect();
    let rows: f64 = real.iter().map(|b| b.rows as f64).sum();
    let mean = |f: fn(&CalibrationBin) -> f64| real.iter().map(|b| f(b) * b.rows as f64).sum::<f64>() / rows;
    // The bin with the most weight in the error: where the eye should go.
    let weight = |b: &CalibrationBin| (b.observed - b.predicted).abs() * b.rows as f64;
    let Some(worst) = real.iter().max_by(|a, b| weight(a).total_cmp(&weight(b))) else {
        return format!("{name}: no bins to judge calibration by.");
    };
    let error = mean(|b| (b.observed - b.predicted).abs());
    let gap = mean(|b| b.predicted - b.observed);
    let outside = real.iter().filter(|b| b.predicted < b.low || b.predicted > b.high).count();
    let verdict = if outside == 0 {
        "agrees with what happened within the intervals".to_owned()
    } else {
        let way = match gap {
            g if g > 0.01 => "scores are too high on the whole",
            g if g < -0.01 => "scores are too low on the whole",
            _ => "too high and too low scores even out",
        };
        format!(
            "is off in {outside} of {} bins, {way}; of rows scored about {}, {} were positive",
            real.len(),
            percent(worst.predicted),
            percent(worst.observed)
        )
    };
    format!("{name} {verdict} (expected calibration error {}).", score(error))
}
