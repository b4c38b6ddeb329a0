//! Is one model really better than another? Each kind of evidence has its test, and the answer says which one was asked.

mod folds;
mod mcnemar;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

pub use folds::{FoldTest, corrected_t};
pub use mcnemar::{McNemar, mcnemar};

use super::delong::Placements;
use super::metrics;
use super::resample::{MAX_ROWS, Units, bca_interval, percentile_interval, take};
use super::{Prediction, Target};
use crate::engine::Control;
use crate::error::Result;

/// Bootstrap repeats of a comparison.
const REPEATS: u64 = 1000;

/// How two models were compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// DeLong's test of two correlated AUCs.
    DeLong,
    /// McNemar's exact test of rows that only one model gets right; Newcombe's interval of the difference.
    McNemar,
    /// Both judged on the same resampled rows; the interval is bias-corrected and accelerated.
    #[default]
    PairedBootstrap,
    /// The same with whole groups of rows resampled.
    GroupBootstrap,
}

impl Method {
    /// In a few words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::DeLong => "DeLong's test",
            Self::McNemar => "McNemar's test",
            Self::PairedBootstrap => "paired bootstrap",
            Self::GroupBootstrap => "paired bootstrap over groups",
        }
    }
}

/// Whether one model is really better than another on the same rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PairedTest {
    /// The metric compared.
    pub metric: String,
    /// Value of the first less value of the second.
    #[serde(deserialize_with = "crate::engine::undefined::number")]
    pub difference: f64,
    /// Lower end of the difference's 95 % interval.
    #[serde(deserialize_with = "crate::engine::undefined::number")]
    pub low: f64,
    /// Upper end of it.
    #[serde(deserialize_with = "crate::engine::undefined::number")]
    pub high: f64,
    /// Whether the interval leaves out 0 (and, where the test has a p, that is at most 0.05).
    pub real: bool,
    /// The test.
    #[serde(default)]
    pub method: Method,
    /// Two-sided p of no difference, where the test has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p: Option<f64>,
}

/// Compares two models on the same rows by the test that fits: DeLong's for the AUC of two classes, McNemar's for accuracy,
/// else a paired bootstrap. Rows that come in `groups` are not independent, which the first two take for granted: then
/// whole groups are resampled, whatever the metric.
///
/// # Errors
/// When cancelled.
pub fn paired(
    metric: &str,
    truth: &Target,
    a: &Prediction,
    b: &Prediction,
    groups: Option<&[u32]>,
    seed: u64,
    control: &Control,
) -> Result<PairedTest> {
    let units = Units::new(truth.len(), groups);
    if !units.grouped()
        && let Some(test) = by_formula(metric, truth, a, b)
    {
        return Ok(test);
    }
    bootstrap(metric, truth, a, b, &units, seed, control)
}

fn by_formula(metric: &str, truth: &Target, a: &Prediction, b: &Prediction) -> Option<PairedTest> {
    let Target::Classes { codes, count } = truth else { return None };
    let (method, difference, low, high, p) = match metric {
        "roc_auc" if *count == 2 => {
            let positive: Vec<bool> = codes.iter().map(|c| *c == 1).collect();
            let d = Placements::new(&positive, &a.column(1))?.less(&Placements::new(&positive, &b.column(1))?)?;
            (Method::DeLong, d.value, d.low, d.high, d.p)
        }
        "accuracy" | "zero_one_loss" | "hamming_loss" => {
            let right = |p: &Prediction| -> Vec<bool> { p.classes().iter().zip(codes).map(|(p, t)| p == t).collect() };
            let test = mcnemar(&right(a), &right(b))?;
            if metric == "accuracy" {
                (Method::McNemar, test.difference, test.low, test.high, test.p)
            } else {
                (Method::McNemar, -test.difference, -test.high, -test.low, test.p)
            }
        }
        _ => return None,
    };
    let real = (low > 0.0 || high < 0.0) && p <= 0.05;
    Some(PairedTest { metric: metric.into(), difference, low, high, real, method, p: Some(p) })
}

/// Both models are judged on the same resampled rows, a thousand times.
fn bootstrap(
    metric: &str,
    truth: &Target,
    a: &Prediction,
    b: &Prediction,
    units: &Units,
    seed: u64,
    control: &Control,
) -> Result<PairedTest> {
    let rows = truth.len();
    let difference = metrics::one(metric, truth, a) - metrics::one(metric, truth, b);
    // Of a mean over rows, the differences of the rows are all that has to be resampled.
    let by_row: Option<Vec<f64>> = metrics::row_values(metric, truth, a)
        .zip(metrics::row_values(metric, truth, b))
        .map(|(a, b)| a.iter().zip(b).map(|(a, b)| a - b).collect());
    let on = |index: &[u32]| -> Result<f64> {
        control.check()?;
        if let Some(differences) = &by_row {
            return Ok(index.iter().map(|i| differences[*i as usize]).sum::<f64>() / index.len() as f64);
        }
        let truth = truth.take(index);
        Ok(metrics::one(metric, &truth, &take(a, index)) - metrics::one(metric, &truth, &take(b, index)))
    };
    let repeats: Vec<f64> =
        (0..REPEATS).into_par_iter().map(|repeat| on(&units.draw(seed, repeat))).collect::<Result<_>>()?;
    let ends = if rows > MAX_ROWS {
        percentile_interval(repeats, difference, (MAX_ROWS as f64 / rows as f64).sqrt(), units.tail())
    } else {
        let left_out: Vec<f64> =
            units.without_each_block().into_par_iter().map(|index| on(&index)).collect::<Result<_>>()?;
        bca_interval(repeats, difference, &left_out, units.tail())
    };
    let (low, high) = ends.unwrap_or((f64::NAN, f64::NAN));
    let method = if units.grouped() { Method::GroupBootstrap } else { Method::PairedBootstrap };
    Ok(PairedTest { metric: metric.into(), difference, low, high, real: low > 0.0 || high < 0.0, method, p: None })
}

#[cfg(test)]
mod tests;
