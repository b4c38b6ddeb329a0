//! Calibration: probabilities that mean what they say, by a curve fitted on rows that the model had not seen.
//!
//! The curve of a class is fitted one against the rest; with more than two classes the results are divided by their sum, as
//! scikit-learn's `CalibratedClassifierCV` does.

use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};

use super::{Prediction, Target};
use crate::error::{Error, Result};

/// The form of the curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CalibrationMethod {
    /// A sigmoid of the score (Platt 1999): two numbers a class, for little data.
    Sigmoid,
    /// A curve that never falls (Zadrozny and Elkan 2002): any shape, for a thousand rows and more.
    Isotonic,
}

impl CalibrationMethod {
    /// The word used in files and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sigmoid => "sigmoid",
            Self::Isotonic => "isotonic",
        }
    }
}

impl std::str::FromStr for CalibrationMethod {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        [Self::Sigmoid, Self::Isotonic]
            .into_iter()
            .find(|m| m.name() == word)
            .ok_or_else(|| Error::usage(format!("there is no calibration `{word}`")).hint("Choose sigmoid or isotonic"))
    }
}

/// A fitted curve of one class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "form")]
pub enum Curve {
    /// `1 / (1 + exp(slope · score + intercept))`.
    Sigmoid {
        /// Negative when a higher score means a higher chance.
        slope: f64,
        /// The intercept.
        intercept: f64,
    },
    /// Straight lines between the points (`x` rising by at least [`GAP`], `y` never falling), level beyond the first and the last.
    Isotonic {
        /// Scores.
        x: Vec<f64>,
        /// Chances.
        y: Vec<f64>,
    },
}

/// Scores are told apart to this much when an isotonic curve is fitted: no part of the curve is so steep that the last digit of a
/// score, in which runtimes may differ, would matter.
pub const GAP: f64 = 1e-6;

impl Curve {
    /// Fits the curve. `None` when one outcome does not occur.
    fn fit(method: CalibrationMethod, scores: &[f64], truth: &[bool]) -> Option<Self> {
        if truth.iter().all(|t| *t) || !truth.iter().any(|t| *t) {
            return None;
        }
        Some(match method {
            CalibrationMethod::Sigmoid => sigmoid(scores, truth),
            CalibrationMethod::Isotonic => isotonic(scores, truth),
        })
    }

    /// The chance that goes with a score.
    #[must_use]
    pub fn apply(&self, score: f64) -> f64 {
        match self {
            Self::Sigmoid { slope, intercept } => 1.0 / (1.0 + (slope * score + intercept).exp()),
            Self::Isotonic { x, y } => {
                let after = x.partition_point(|v| *v <= score);
                let (Some(first), Some(last)) = (y.first(), y.last()) else { return score };
                match (after.checked_sub(1), after < x.len()) {
                    (None, _) => *first,
                    (_, false) => *last,
                    (Some(before), true) => {
                        y[before] + (y[after] - y[before]) / (x[after] - x[before]) * (score - x[before])
                    }
                }
            }
        }
    }
}

/// Platt's sigmoid with his smoothed targets, by Newton's method with backtracking (Lin, Lin and Weng 2007).
fn sigmoid(scores: &[f64], truth: &[bool]) -> Curve {
    let positives = truth.iter().filter(|t| **t).count() as f64;
    let negatives = truth.len() as f64 - positives;
    let (high, low) = ((positives + 1.0) / (positives + 2.0), 1.0 / (negatives + 2.0));
    let target = |t: bool| if t { high } else { low };
    // The loss of a row is -t·ln p - (1 - t)·ln(1 - p) with p = 1/(1 + exp(z)).
    let loss = |a: f64, b: f64| -> f64 {
        scores
            .iter()
            .zip(truth)
            .map(|(s, t)| {
                let z = a * s + b;
                if z >= 0.0 { target(*t) * z + (-z).exp().ln_1p() } else { (target(*t) - 1.0) * z + z.exp().ln_1p() }
            })
            .sum()
    };
    let (mut a, mut b) = (0.0, ((negatives + 1.0) / (positives + 1.0)).ln());
    let mut now = loss(a, b);
    for _ in 0..100 {
        let (mut ga, mut gb, mut haa, mut hab, mut hbb) = (0.0, 0.0, 1e-12, 0.0, 1e-12);
        for (s, t) in scores.iter().zip(truth) {
            let p = 1.0 / (1.0 + (a * s + b).exp());
            let (d1, d2) = (target(*t) - p, p * (1.0 - p));
            ga += s * d1;
            gb += d1;
            haa += s * s * d2;
            hab += s * d2;
            hbb += d2;
        }
        if ga.abs() < 1e-10 && gb.abs() < 1e-10 {
            break;
        }
        let det = haa * hbb - hab * hab;
        let (da, db) = (-(hbb * ga - hab * gb) / det, -(haa * gb - hab * ga) / det);
        let fall = ga * da + gb * db;
        let mut step = 1.0;
        while step > 1e-12 {
            let next = loss(a + step * da, b + step * db);
            if next < now + 1e-4 * step * fall {
                now = next;
                break;
            }
            step /= 2.0;
        }
        if step <= 1e-12 || !det.is_finite() || det == 0.0 {
            break;
        }
        (a, b) = (a + step * da, b + step * db);
    }
    Curve::Sigmoid { slope: a, intercept: b }
}

/// The non-falling curve nearest to the outcomes (pool adjacent violators), equal scores taken together, as scikit-learn's
/// `IsotonicRegression(out_of_bounds="clip")`.
fn isotonic(scores: &[f64], truth: &[bool]) -> Curve {
    let mut pairs: Vec<(f64, f64)> =
        scores.iter().zip(truth).map(|(s, t)| ((s / GAP).round() * GAP, f64::from(u8::from(*t)))).collect();
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    // (rows, sum of outcomes, first and last place among the distinct scores)
    let mut pools: Vec<(f64, f64, usize, usize)> = Vec::new();
    let mut x = Vec::new();
    for tied in pairs.chunk_by(|a, b| a.0 == b.0) {
        let place = x.len();
        x.push(tied[0].0);
        let mut pool = (tied.len() as f64, tied.iter().map(|p| p.1).sum::<f64>(), place, place);
        while let Some(last) = pools.last().copied() {
            if last.1 / last.0 < pool.1 / pool.0 {
                break;
            }
            pool = (last.0 + pool.0, last.1 + pool.1, last.2, pool.3);
            pools.pop();
        }
        pools.push(pool);
    }
    let mut curve = (Vec::new(), Vec::new());
    for (rows, sum, first, last) in pools {
        let mut put = |place: usize| {
            curve.0.push(x[place]);
            curve.1.push(sum / rows);
        };
        put(first);
        if last > first {
            put(last);
        }
    }
    Curve::Isotonic { x: curve.0, y: curve.1 }
}

/// The curves of a model: one for the positive of two classes, or one a class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// How they were fitted.
    pub method: CalibrationMethod,
    /// One for two classes, K for more.
    pub curves: Vec<Curve>,
}

impl Calibration {
    /// Fits the curves to what a model said of rows that it had not seen.
    ///
    /// # Errors
    /// When a class does not occur among the rows, or the target is a number.
    pub fn fit(method: CalibrationMethod, truth: &Target, prediction: &Prediction) -> Result<Self> {
        let Target::Classes { codes, count } = truth else {
            return Err(Error::usage("only probabilities of classes can be calibrated")
                .hint("Leave out the calibration: the target is a number"));
        };
        let classes = if *count == 2 { 1..2 } else { 0..*count };
        let curves = classes
            .map(|k| {
                let own: Vec<bool> = codes.iter().map(|c| *c == k).collect();
                Curve::fit(method, &prediction.column(k), &own)
            })
            .collect::<Option<_>>()
            .ok_or_else(|| {
                Error::input("a class does not occur among the rows for calibration")
                    .hint("Use fewer folds or another split, or leave out the calibration")
            })?;
        Ok(Self { method, curves })
    }

    /// Calibrated probabilities.
    #[must_use]
    pub fn apply(&self, scores: &Array2<f64>) -> Array2<f64> {
        let mut out = scores.clone();
        if let [curve] = &self.curves[..] {
            for mut row in out.outer_iter_mut() {
                let p = curve.apply(row[1]);
                row[0] = 1.0 - p;
                row[1] = p;
            }
            return out;
        }
        for (k, curve) in self.curves.iter().enumerate() {
            out.column_mut(k).mapv_inplace(|s| curve.apply(s));
        }
        let even = 1.0 / self.curves.len().max(1) as f64;
        for mut row in out.axis_iter_mut(Axis(0)) {
            let sum = row.sum();
            // A row that every curve calls impossible says nothing.
            row.mapv_inplace(|p| if sum == 0.0 { even } else { p / sum });
        }
        out
    }
}

/// How much a calibration mended, on the rows kept back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CalibrationReport {
    /// The form of the curve.
    pub method: CalibrationMethod,
    /// Training rows that it was fitted on: scored by the models of the folds, none of which had seen its rows.
    pub rows: usize,
    /// Name, value without and value with calibration.
    pub metrics: Vec<(String, f64, f64)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by `tests/python/reference_calibration.py`.
    #[derive(Deserialize)]
    struct Reference {
        cases: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        scores: Vec<f64>,
        truth: Vec<u8>,
        at: Vec<f64>,
        isotonic: Vec<f64>,
        sigmoid: Vec<f64>,
    }

    #[test]
    fn curves_equal_scikit_learns() {
        let reference: Reference =
            serde_json::from_str(include_str!("../../tests/reference/calibration.json")).unwrap();
        for case in reference.cases {
            let truth: Vec<bool> = case.truth.iter().map(|t| *t == 1).collect();
            for (method, want, near) in
                [(CalibrationMethod::Isotonic, &case.isotonic, 1e-9), (CalibrationMethod::Sigmoid, &case.sigmoid, 1e-7)]
            {
                let curve = Curve::fit(method, &case.scores, &truth).unwrap();
                for (at, want) in case.at.iter().zip(want) {
                    let ours = curve.apply(*at);
                    assert!((ours - want).abs() < near, "{method:?} at {at}: {ours} is not {want}");
                }
            }
        }
    }

    #[test]
    fn a_curve_never_falls_and_is_nowhere_too_steep() {
        let scores: Vec<f64> = (0..500).map(|i| 0.5 + f64::from(i % 97) * 1e-8 + f64::from(i / 100) * 0.01).collect();
        let truth: Vec<bool> = (0..500).map(|i| (i * 7919) % 13 < 6).collect();
        let Some(Curve::Isotonic { x, y }) = Curve::fit(CalibrationMethod::Isotonic, &scores, &truth) else { panic!() };
        assert!(x.windows(2).all(|w| w[1] - w[0] > 0.9 * GAP) && y.windows(2).all(|w| w[0] <= w[1]));
        assert_eq!(Curve::fit(CalibrationMethod::Sigmoid, &[0.1, 0.2], &[true, true]), None);
    }

    #[test]
    fn rows_add_up_to_one_also_where_every_curve_says_no() {
        let never = Curve::Isotonic { x: vec![0.2, 0.9], y: vec![0.0, 0.8] };
        let calibration = Calibration { method: CalibrationMethod::Isotonic, curves: vec![never; 3] };
        let scores = ndarray::array![[0.1, 0.1, 0.1], [0.9, 0.55, 0.0]];
        let out = calibration.apply(&scores);
        assert!((out[[0, 0]] - 1.0 / 3.0).abs() < 1e-15);
        // By hand: 0.8 and 0.4 of 1.2.
        assert!((out[[1, 0]] - 0.8 / 1.2).abs() < 1e-12 && (out[[1, 1]] - 0.4 / 1.2).abs() < 1e-12);
        assert!(
            Calibration::fit(CalibrationMethod::Sigmoid, &Target::Numbers(vec![1.0]), &Prediction { scores }).is_err()
        );
    }
}
