//! Training one candidate: cross-validation for choosing, a fit on all training rows, and the judgement on the rows kept back.

use std::sync::Arc;
use std::time::Instant;

use ndarray::{Array2, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

use super::calibration::{Calibration, CalibrationMethod, CalibrationReport};
use super::estimators::Estimator;
use super::evaluate::{self, Importance};
use super::metrics::{self, Metric};
use super::paired::{FoldTest, corrected_t};
use super::prepare::take_rows;
use super::split::{self, Sides};
use super::{FeaturePlan, Fitted, FittedModel, Prediction, Prepared, Target};
use crate::data::Dataset;
use crate::engine::Control;
use crate::error::{Error, Result};

/// A metric over the cross-validation folds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CrossValidation {
    /// The metric's name.
    pub metric: String,
    /// One value a fold.
    #[serde(deserialize_with = "crate::engine::undefined::numbers")]
    pub folds: Vec<f64>,
    /// The mean of those in which the metric is defined (the AUC of a fold with one class is not).
    #[serde(deserialize_with = "crate::engine::undefined::number")]
    pub mean: f64,
    /// Their standard deviation (population).
    #[serde(deserialize_with = "crate::engine::undefined::number")]
    pub std: f64,
    /// Rows judged by over rows fitted on, the mean over the folds: what the corrected t-test needs to know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
}

impl CrossValidation {
    /// Both models over the same folds, by the corrected resampled t-test (Nadeau and Bengio 2003). The caller knows that the
    /// folds are the same. `None` when too few folds have a value.
    #[must_use]
    pub fn against(&self, other: &Self) -> Option<FoldTest> {
        // Records of older versions lack the ratio; it is that of k equal folds.
        let ratio = self.ratio.unwrap_or_else(|| 1.0 / (self.folds.len() as f64 - 1.0));
        (self.metric == other.metric).then(|| corrected_t(&self.folds, &other.folds, ratio)).flatten()
    }
}

/// A trained candidate with everything that is known about it.
#[derive(Debug, Clone)]
pub struct Trained {
    /// The model, fitted on all training rows.
    pub model: FittedModel,
    /// The ranking metric over the folds.
    pub cv: CrossValidation,
    /// All metrics on the rows kept back, with intervals.
    pub metrics: Vec<Metric>,
    /// The ranking metric on the training rows, to see by how much the model fits them better.
    pub train_score: f64,
    /// What the model says about the rows kept back.
    pub hold_out: HoldOut,
    /// Permutation importance on the rows kept back.
    pub importance: Vec<Importance>,
    /// What the calibration mended, when one was asked for.
    pub calibration: Option<CalibrationReport>,
    /// Seconds for the folds and for the final fit.
    pub fit_seconds: f64,
}

/// Predictions on the rows kept back: the evidence from which all charts and comparisons are made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HoldOut {
    /// Row numbers in the dataset, from 0.
    pub rows: Vec<u32>,
    /// The truth.
    pub truth: Target,
    /// Scores, row by row: K probabilities or one number each.
    pub scores: Vec<Vec<f64>>,
    /// The group of each row, when the split keeps groups together: intervals are then taken over groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<u32>>,
}

impl HoldOut {
    /// The scores as a prediction.
    #[must_use]
    pub fn prediction(&self) -> Prediction {
        let wide = self.scores.first().map_or(0, Vec::len);
        let scores = Array2::from_shape_fn((self.scores.len(), wide), |(i, k)| {
            self.scores[i].get(k).copied().unwrap_or(f64::NAN)
        });
        Prediction { scores }
    }
}

/// The encoded rows of one training side and one test side. Made once and shared by all candidates.
#[derive(Debug, Clone)]
pub struct Encoded {
    plan: FeaturePlan,
    x_train: Arc<Array2<f64>>,
    y_train: Target,
    x_test: Arc<Array2<f64>>,
    y_test: Target,
}

/// Encodes the hold-out split (first) and every fold; each plan is fitted on its own training rows only.
///
/// # Errors
/// When a column cannot be a feature, or when cancelled.
pub fn encode(dataset: &Dataset, prepared: &Prepared, control: &Control) -> Result<Vec<Encoded>> {
    std::iter::once(&prepared.sides)
        .chain(&prepared.folds)
        .map(|sides| {
            control.check()?;
            let train = take_rows(&dataset.frame, &sides.train)?;
            let test = take_rows(&dataset.frame, &sides.test)?;
            let plan = FeaturePlan::fit_with(&train, &prepared.features, control)?;
            Ok(Encoded {
                x_train: Arc::new(plan.transform_with(&train, control)?),
                y_train: prepared.y.take(&sides.train),
                x_test: Arc::new(plan.transform_with(&test, control)?),
                y_test: prepared.y.take(&sides.test),
                plan,
            })
        })
        .collect()
}

/// Rows scored between two looks at the cancel flag.
const CHUNK: usize = 4096;

/// How a candidate is trained, beside its own parameters.
#[derive(Debug, Clone)]
pub struct Training {
    /// The ranking metric.
    pub metric: String,
    /// Decides every random choice.
    pub seed: u64,
    /// Whether and how probabilities are calibrated.
    pub calibrate: Option<CalibrationMethod>,
}

/// Metrics that tell what a calibration mended.
const MENDED: [&str; 3] = ["log_loss", "brier", "ece"];

/// What the models of some folds said of the rows that they had not seen.
fn out_of_fold(parts: &[(&Target, &Prediction)]) -> Result<(Target, Prediction)> {
    let views: Vec<_> = parts.iter().map(|p| p.1.scores.view()).collect();
    let scores = ndarray::concatenate(Axis(0), &views).map_err(|e| Error::local(e.to_string()))?;
    let (mut all, mut classes) = (Vec::new(), 0);
    for (truth, _) in parts {
        if let Target::Classes { codes, count } = truth {
            all.extend(codes);
            classes = *count;
        }
    }
    Ok((Target::Classes { codes: all, count: classes }, Prediction { scores }))
}

/// The calibration that the folds `parts` give.
fn calibrate(method: CalibrationMethod, parts: &[(&Target, &Prediction)]) -> Result<Calibration> {
    let (truth, prediction) = out_of_fold(parts)?;
    Calibration::fit(method, &truth, &prediction)
}

/// Scores encoded rows, chunk by chunk.
///
/// # Errors
/// When a score is no number (extreme values made the parameters or the sum overflow), or when cancelled.
fn judge(fitted: &Fitted, x: ArrayView2<'_, f64>, control: &Control) -> Result<Prediction> {
    let mut parts = Vec::new();
    for chunk in x.axis_chunks_iter(Axis(0), CHUNK) {
        control.check()?;
        parts.push(fitted.scores(chunk));
    }
    let views: Vec<_> = parts.iter().map(Array2::view).collect();
    let scores = ndarray::concatenate(Axis(0), &views).map_err(|e| Error::local(e.to_string()))?;
    if scores.iter().any(|v| !v.is_finite()) {
        return Err(Error::input("the model's answers are not finite numbers")
            .hint("Leave out columns that hold extreme values, or try another estimator"));
    }
    Ok(Prediction { scores })
}

/// Mean and population deviation of the defined values; NaN when none is.
fn mean_and_std(values: &[f64]) -> (f64, f64) {
    let defined: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    let n = defined.len() as f64;
    let mean = defined.iter().sum::<f64>() / n;
    (mean, (defined.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt())
}

impl Encoded {
    /// The rows for an estimator that takes missing values as they are.
    fn without_imputing(&self) -> Self {
        let Some(plan) = self.plan.without_imputing() else { return self.clone() };
        Self {
            x_train: Arc::new(self.plan.take_back_imputing(&self.x_train)),
            x_test: Arc::new(self.plan.take_back_imputing(&self.x_test)),
            plan,
            ..self.clone()
        }
    }
}

/// Fits on one training side. Where the estimator watches some of its rows, they are kept apart as the whole split keeps rows
/// apart: by group, by time, by class.
fn fit(
    estimator: &dyn Estimator,
    prepared: &Prepared,
    sides: &Sides,
    encoded: &Encoded,
    seed: u64,
    control: &Control,
) -> Result<Fitted> {
    let (x, y) = (&encoded.x_train, &encoded.y_train);
    let Some(share) = estimator.watched_share(sides.train.len()) else { return estimator.fit(x, y, seed, control) };
    // With a single group or moment nothing can be watched.
    let watched = split::hold_out(&prepared.split, &sides.train, &prepared.y, &prepared.keys, share, seed)
        .map_or_else(|_| Vec::new(), |inner| inner.test);
    let at: Vec<u32> = watched.iter().filter_map(|r| sides.train.binary_search(r).ok()).map(|at| at as u32).collect();
    estimator.fit_watching(x, y, &at, seed, control)
}

/// Trains one candidate on rows from [`encode`].
///
/// A calibration is fitted on what the models of the folds say of the rows that they had not seen, so that no row calibrates a
/// model that has learned from it and none is lost for learning. Each fold is judged with a calibration that the other folds give.
///
/// # Errors
/// When the estimator or the calibration fails, or when cancelled.
pub fn train(
    estimator: &dyn Estimator,
    prepared: &Prepared,
    encoded: &[Encoded],
    training: &Training,
    control: &Control,
) -> Result<Trained> {
    let Training { metric, seed, calibrate: method } = training;
    let (metric, seed) = (metric.as_str(), *seed);
    // The baseline stays what it is: the classes' shares.
    let method = method.filter(|_| estimator.name() != "dummy");
    let started = Instant::now();
    let own: Vec<Encoded>;
    let encoded = if estimator.takes_missing() {
        own = encoded.iter().map(Encoded::without_imputing).collect();
        &own
    } else {
        encoded
    };
    let (whole, folds) = encoded.split_first().ok_or_else(|| Error::local("there are no encoded rows to train on"))?;
    let steps = folds.len() as f64 + 2.0;
    let mut said = Vec::with_capacity(folds.len());
    for (k, fold) in folds.iter().enumerate() {
        let note = format!("fold {} of {}", k + 1, folds.len());
        control.report(estimator.name(), Some(k as f64 / steps), note.clone());
        let part = control.part(k as f64 / steps, (k + 1) as f64 / steps, note);
        let sides = prepared.folds.get(k).ok_or_else(|| Error::local("there are more encoded folds than folds"))?;
        let fitted = fit(estimator, prepared, sides, fold, seed, &part)?;
        control.check()?;
        said.push(judge(&fitted, fold.x_test.view(), control)?);
    }
    let parts: Vec<(&Target, &Prediction)> = folds.iter().map(|f| &f.y_test).zip(&said).collect();
    let calibration = method.map(|m| calibrate(m, &parts)).transpose()?;
    let mut scores = Vec::with_capacity(folds.len());
    for (k, (truth, prediction)) in parts.iter().enumerate() {
        let others = || parts.iter().enumerate().filter(|(other, _)| *other != k).map(|(_, p)| *p).collect::<Vec<_>>();
        scores.push(match method {
            // With a single fold there are no others: it is judged as it is.
            Some(method) if parts.len() > 1 => {
                let calibration = calibrate(method, &others())?;
                metrics::one(metric, truth, &Prediction { scores: calibration.apply(&prediction.scores) })
            }
            _ => metrics::one(metric, truth, prediction),
        });
    }
    control.report(estimator.name(), Some(folds.len() as f64 / steps), "all training rows");
    let part = control.part(folds.len() as f64 / steps, (folds.len() + 1) as f64 / steps, "all training rows");
    let fitted = fit(estimator, prepared, &prepared.sides, whole, seed, &part)?;
    let fit_seconds = started.elapsed().as_secs_f64();

    control.report(estimator.name(), Some((folds.len() as f64 + 1.0) / steps), "judging");
    let raw = judge(&fitted, whole.x_test.view(), control)?;
    let calibrated = |raw: Prediction| match &calibration {
        Some(c) => Prediction { scores: c.apply(&raw.scores) },
        None => raw,
    };
    let mended = calibration.as_ref().map(|c| {
        let after = Prediction { scores: c.apply(&raw.scores) };
        let (without, with) =
            (metrics::several(&MENDED, &whole.y_test, &raw), metrics::several(&MENDED, &whole.y_test, &after));
        CalibrationReport {
            method: c.method,
            rows: parts.iter().map(|p| p.0.len()).sum(),
            metrics: MENDED.iter().zip(without.into_iter().zip(with)).map(|(n, (a, b))| ((*n).into(), a, b)).collect(),
        }
    });
    let prediction = calibrated(raw);
    let groups = prepared.test_groups.as_deref();
    let mut names = metrics::names(prepared.task).to_vec();
    // The metric by which the models are ranked is always among them.
    if let Some(info) = metrics::find(metric).filter(|m| !names.contains(&m.name)) {
        names.push(info.name);
    }
    let all = evaluate::with_intervals(&names, &whole.y_test, &prediction, groups, seed, control)?;
    let on_train = calibrated(judge(&fitted, whole.x_train.view(), control)?);
    let train_score = metrics::one(metric, &whole.y_train, &on_train);
    let model = FittedModel {
        estimator: estimator.name().into(),
        task: prepared.task,
        target: prepared.target_name.clone(),
        classes: prepared.classes.clone(),
        plan: whole.plan.clone(),
        fitted,
        calibration,
    };
    let importance = evaluate::permutation_importance(&model, &whole.x_test, &whole.y_test, metric, seed, control)?;
    control.check()?;
    let (mean, std) = mean_and_std(&scores);
    let ratios: Vec<f64> = folds.iter().map(|f| f.x_test.nrows() as f64 / f.x_train.nrows() as f64).collect();
    let ratio = Some(mean_and_std(&ratios).0).filter(|r| r.is_finite());
    Ok(Trained {
        cv: CrossValidation { metric: metric.into(), folds: scores, mean, std, ratio },
        metrics: all,
        train_score,
        hold_out: HoldOut {
            rows: prepared.sides.test.clone(),
            truth: whole.y_test.clone(),
            scores: prediction.scores.outer_iter().map(|row| row.to_vec()).collect(),
            groups: prepared.test_groups.clone(),
        },
        importance,
        calibration: mended,
        fit_seconds,
        model,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Remembers which rows it was told to watch.
    struct Spy(std::sync::Mutex<Vec<u32>>);

    impl Estimator for Spy {
        fn name(&self) -> &'static str {
            "spy"
        }

        fn title(&self) -> &'static str {
            "spy"
        }

        fn params(&self) -> crate::model::estimators::Params {
            crate::model::estimators::Params::new()
        }

        fn fit(&self, _: &Arc<Array2<f64>>, _: &Target, _: u64, _: &Control) -> Result<Fitted> {
            Err(Error::local("it wants rows to watch"))
        }

        fn watched_share(&self, _rows: usize) -> Option<f64> {
            Some(0.25)
        }

        fn fit_watching(&self, _: &Arc<Array2<f64>>, _: &Target, watch: &[u32], _: u64, _: &Control) -> Result<Fitted> {
            self.0.lock().unwrap().extend(watch);
            Ok(Fitted::Dummy { output: vec![0.0] })
        }
    }

    #[test]
    fn watched_rows_are_whole_groups_or_the_latest() {
        let sides = Sides { train: (0..200).filter(|r| r % 3 != 0).collect(), test: (0..200).step_by(3).collect() };
        let group = |row: u32| row % 20;
        let column = "key".to_owned();
        let watched = |split: split::Split, keys: split::Keys| {
            let prepared = Prepared {
                task: crate::model::Task::Regression,
                target_name: "y".into(),
                classes: Vec::new(),
                features: Vec::new(),
                left_out: Vec::new(),
                split,
                split_reason: String::new(),
                keys,
                y: Target::Numbers(vec![0.0; 200]),
                sides: sides.clone(),
                folds: Vec::new(),
                test_groups: None,
                without_target: 0,
                unused: 0,
            };
            let x = Arc::new(Array2::zeros((sides.train.len(), 1)));
            let y = prepared.y.take(&sides.train);
            let (x_test, y_test) = (Arc::clone(&x), y.clone());
            let encoded = Encoded { plan: FeaturePlan::default(), x_train: x, y_train: y, x_test, y_test };
            let spy = Spy(std::sync::Mutex::default());
            fit(&spy, &prepared, &sides, &encoded, 7, &Control::default()).unwrap();
            let at = spy.0.into_inner().unwrap();
            at.into_iter().map(|at| sides.train[at as usize]).collect::<Vec<u32>>()
        };
        let groups = split::Keys::Groups((0..200).map(|r| group(r).to_string()).collect());
        let rows = watched(split::Split::Group { column: column.clone() }, groups);
        assert!((20..60).contains(&rows.len()), "{}", rows.len());
        for row in &sides.train {
            let together = rows.iter().any(|w| group(*w) == group(*row));
            assert_eq!(rows.contains(row), together, "row {row} is parted from its group");
        }
        let moments = split::Keys::Moments((0..200).map(|r| f64::from(1000 - r)).collect());
        let rows = watched(split::Split::Time { column: column.clone() }, moments);
        let latest: Vec<u32> = sides.train.iter().copied().take(rows.len()).collect();
        assert!((20..60).contains(&rows.len()) && rows == latest, "{rows:?}");
        // A single group cannot be parted: nothing is watched.
        let one = split::Keys::Groups(vec!["all".into(); 200]);
        assert!(watched(split::Split::Group { column }, one).is_empty());
    }

    #[test]
    fn undefined_folds_do_not_count() {
        // By hand: mean of 0.6 and 0.8, population deviation 0.1.
        let (mean, std) = mean_and_std(&[0.6, f64::NAN, 0.8]);
        assert!((mean - 0.7).abs() < 1e-12 && (std - 0.1).abs() < 1e-12);
        assert!(mean_and_std(&[f64::NAN]).0.is_nan());
    }

    #[test]
    fn answers_that_overflow_are_an_error_and_cancel_ends_judging() {
        let x = Array2::from_elem((10_000, 1), 1e300);
        let fitted = Fitted::Linear { coef: vec![1e300], intercept: 0.0 };
        assert!(judge(&fitted, x.view(), &Control::default()).unwrap_err().message.contains("finite"));
        let sound = Fitted::Linear { coef: vec![1.0], intercept: 1.0 };
        assert_eq!(judge(&sound, x.view(), &Control::default()).unwrap().scores, sound.scores(x.view()));
        let control = Control::default();
        control.cancel();
        assert!(judge(&sound, x.view(), &control).is_err());
    }
}
