//! Has a model a chance? The second verdict: models are fitted on a bounded part of the rows.
//!
//! It adds to the first verdict of [`crate::data::Feasibility`], which counts alone give: whether the columns tell the target
//! at all, whether more rows would help, whether the answers come late and whether the rows are old.

use std::sync::Arc;

use ndarray::Axis;
use rand::SeedableRng;
use rand::seq::{SliceRandom, index};
use rand_chacha::ChaCha8Rng;
use statrs::distribution::{ContinuousCDF, StudentsT};

use super::estimators::{self, Estimator, Params};
use super::prepare::{Prepared, keys, take_rows};
use super::split::{self, Sides};
use super::{FeaturePlan, Prediction, Target, Task, metrics};
use crate::data::{Dataset, FeasibilityVerdict, Reason, brief, column, counted, figure, thousands};
use crate::engine::Control;
use crate::error::{Error, Result};

use FeasibilityVerdict::{Care, Go, NotYet};

/// At most this many rows are fitted on; of more, a random part.
pub const MOST_ROWS: usize = 10_000;

/// Folds, and the shares of the training rows of each at which the curve is measured.
const FOLDS: usize = 5;
const SHARES: [f64; 3] = [0.25, 0.5, 1.0];

/// Trees of the forest that measures: fewer than a candidate has, as only differences count.
const TREES: usize = 40;

/// Share of the way from the baseline to perfection from which the columns tell enough, and which a doubling of the rows
/// must add for the curve to count as rising.
const TELLS: f64 = 0.1;
const RISES: f64 = 0.05;

/// What was said about rows by models that had not seen them.
#[derive(Debug, Clone)]
pub struct OutOfFold {
    /// The rows' numbers in the dataset.
    pub rows: Vec<u32>,
    /// Their targets.
    pub truth: Target,
    /// What the models said.
    pub prediction: Prediction,
}

/// The measurement behind the second verdict.
#[derive(Debug, Clone)]
pub struct Curve {
    /// The metric: `roc_auc`, `accuracy` or `r2`.
    pub metric: &'static str,
    /// Rows used.
    pub rows: usize,
    /// The baseline's mean over the folds.
    pub baseline: f64,
    /// One entry for each share of the training rows (25, 50 and 100 %): one score a fold.
    pub scores: Vec<Vec<f64>>,
    /// Rows judged by over rows learned from, mean over the folds.
    pub test_ratio: f64,
    /// What the models that learned from all training rows said.
    pub out_of_fold: OutOfFold,
}

/// A mean over folds with its 95 % interval, corrected for folds that share training rows (Nadeau and Bengio 2003): the
/// variance counts `1/k + test/train` times.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Estimate {
    /// Over the defined values; `None` with fewer than two.
    #[must_use]
    pub fn of(values: &[f64], test_ratio: f64) -> Option<Self> {
        let known: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
        let k = known.len() as f64;
        if known.len() < 2 {
            return None;
        }
        let mean = known.iter().sum::<f64>() / k;
        let variance = known.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (k - 1.0);
        let t = StudentsT::new(0.0, 1.0, k - 1.0).ok()?.inverse_cdf(0.975);
        let half = t * (variance * (1.0 / k + test_ratio)).sqrt();
        Some(Self { mean, low: mean - half, high: mean + half })
    }
}

fn metric_of(task: Task) -> &'static str {
    match task {
        Task::Binary => "roc_auc",
        Task::Multiclass => "accuracy",
        Task::Regression => "r2",
    }
}

fn title_of(metric: &str) -> &str {
    match metric {
        "roc_auc" => "AUC",
        "r2" => "R²",
        other => other,
    }
}

/// Measures the learning curve: a small random forest, cross-validated by the split that was prepared, on 25, 50 and 100 % of
/// each fold's training rows.
///
/// # Errors
/// When the rows do not suffice for folds, or when cancelled.
pub fn learning_curve(dataset: &Dataset, prepared: &Prepared, seed: u64, control: &Control) -> Result<Curve> {
    let mut rows: Vec<u32> = prepared.sides.train.iter().chain(&prepared.sides.test).copied().collect();
    rows.sort_unstable();
    if rows.len() > MOST_ROWS {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rows = index::sample(&mut rng, rows.len(), MOST_ROWS).into_iter().map(|i| rows[i]).collect();
        rows.sort_unstable();
    }
    let keys = keys(dataset, &prepared.split, &rows)?;
    let folds = split::folds(&prepared.split, &rows, &prepared.y, &keys, FOLDS, seed)?;
    let params = Params::from([("n_estimators".to_owned(), TREES.into())]);
    let forest = estimators::make("random_forest", prepared.task, &params)?;
    let dummy = estimators::make("dummy", prepared.task, &Params::new())?;
    let metric = metric_of(prepared.task);
    let steps = (folds.len() * SHARES.len()) as f64;
    let mut scores = vec![Vec::new(); SHARES.len()];
    let (mut baseline, mut said, mut ratio) = (Vec::new(), Vec::new(), 0.0);
    for (f, sides) in folds.iter().enumerate() {
        let truth = prepared.y.take(&sides.test);
        for (s, share) in SHARES.into_iter().enumerate() {
            control.check()?;
            let done = (f * SHARES.len() + s) as f64 / steps;
            control.report(
                "feasibility",
                Some(done),
                format!("fold {} of {}, {:.0} % of the rows", f + 1, folds.len(), share * 100.0),
            );
            let part = Sides { train: part(&sides.train, share, seed + f as u64), test: sides.test.clone() };
            let prediction = fit_and_say(dataset, prepared, &part, forest.as_ref(), seed, control)?;
            scores[s].push(metrics::one(metric, &truth, &prediction));
            if share == 1.0 {
                said.push((sides.test.clone(), prediction.scores));
                let always = fit_and_say(dataset, prepared, &part, dummy.as_ref(), seed, control)?;
                baseline.push(metrics::one(metric, &truth, &always));
                ratio += sides.test.len() as f64 / sides.train.len() as f64 / folds.len() as f64;
            }
        }
    }
    let judged: Vec<u32> = said.iter().flat_map(|(rows, _)| rows.iter().copied()).collect();
    let views: Vec<_> = said.iter().map(|(_, scores)| scores.view()).collect();
    let all = ndarray::concatenate(Axis(0), &views).map_err(|e| Error::local(e.to_string()))?;
    let defined: Vec<f64> = baseline.into_iter().filter(|v| v.is_finite()).collect();
    Ok(Curve {
        metric,
        rows: rows.len(),
        baseline: defined.iter().sum::<f64>() / defined.len() as f64,
        scores,
        test_ratio: ratio,
        out_of_fold: OutOfFold {
            truth: prepared.y.take(&judged),
            rows: judged,
            prediction: Prediction { scores: all },
        },
    })
}

/// A random share of the rows; of classes at least one row each stays, as far as chance allows.
fn part(rows: &[u32], share: f64, seed: u64) -> Vec<u32> {
    if share >= 1.0 {
        return rows.to_vec();
    }
    let mut some = rows.to_vec();
    some.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    some.truncate(((rows.len() as f64 * share).round() as usize).max(2));
    some.sort_unstable();
    some
}

fn fit_and_say(
    dataset: &Dataset,
    prepared: &Prepared,
    sides: &Sides,
    estimator: &dyn Estimator,
    seed: u64,
    control: &Control,
) -> Result<Prediction> {
    let train = take_rows(&dataset.frame, &sides.train)?;
    let plan = FeaturePlan::fit_with(&train, &prepared.features, control)?;
    let x = Arc::new(plan.transform_with(&train, control)?);
    let fitted = estimator.fit(&x, &prepared.y.take(&sides.train), seed, control)?;
    control.check()?;
    let test = plan.transform_with(&take_rows(&dataset.frame, &sides.test)?, control)?;
    Ok(Prediction { scores: fitted.scores(test.view()) })
}

/// What the curve says: whether the columns tell the target, and whether more rows would help.
///
/// # Errors
/// When the metric is defined in fewer than two folds.
pub fn curve_reasons(curve: &Curve) -> Result<Vec<Reason>> {
    let undefined = || {
        Error::input(format!("{} is defined in fewer than two folds", curve.metric))
            .hint("Load more rows of the rarest class, or choose another split")
    };
    let of = |s: usize| curve.scores.get(s).and_then(|v| Estimate::of(v, curve.test_ratio)).ok_or_else(undefined);
    let (quarter, half, whole) = (of(0)?, of(1)?, of(2)?);
    let title = title_of(curve.metric);
    let way = (1.0 - curve.baseline).max(1e-9);
    let (gain, sure) = ((whole.mean - curve.baseline) / way, (whole.low - curve.baseline) / way);
    let short = |v: f64| figure((v * 1000.0).round() / 1000.0);
    let verdict = if sure >= TELLS {
        Go
    } else if sure > 0.0 || gain > TELLS {
        Care
    } else {
        NotYet
    };
    let message = format!(
        "A small forest reaches an {title} of {} ({} to {}) on rows that it did not see; always the same answer reaches {}",
        short(whole.mean),
        short(whole.low),
        short(whole.high),
        short(curve.baseline)
    );
    let predictability = Reason::new(
        "predictability",
        verdict,
        whole.mean - curve.baseline,
        message,
        "The columns hardly tell the target: join a table that says more about it, derive better columns, or ask another question",
    );
    let steps: Vec<f64> = match (curve.scores.get(1), curve.scores.get(2)) {
        (Some(half), Some(whole)) => whole.iter().zip(half).map(|(w, h)| w - h).collect(),
        _ => Vec::new(),
    };
    let step = Estimate::of(&steps, curve.test_ratio).ok_or_else(undefined)?;
    let rising = step.low > 0.0 && step.mean / way >= RISES;
    let little = step.low > 0.0 && !rising;
    let what = if rising {
        format!(
            "the curve still rises, by {} ({} to {}) with the last doubling",
            short(step.mean),
            short(step.low),
            short(step.high)
        )
    } else if little {
        format!(
            "the last doubling still added {} ({} to {}): more rows would help a little",
            short(step.mean),
            short(step.low),
            short(step.high)
        )
    } else {
        format!(
            "the last doubling added {} ({} to {}), which may be chance: better columns would help more than more rows of this kind",
            short(step.mean),
            short(step.low),
            short(step.high)
        )
    };
    let message = format!(
        "With 25, 50 and 100 % of {} rows the {title} is {}, {} and {}: {what}",
        thousands(curve.rows as u64),
        short(quarter.mean),
        short(half.mean),
        short(whole.mean)
    );
    let learning = Reason::new(
        "learning-curve",
        if rising { Care } else { Go },
        step.mean,
        message,
        "Collect more rows: a model of all that there could be would be better than one of these",
    );
    Ok(vec![predictability, learning])
}

/// What time says: how old the newest row is, measured by how often rows come, and how much later the target becomes known.
/// `now_ms` is the present in milliseconds since 1970.
///
/// # Errors
/// When a column does not exist.
pub fn time_reasons(dataset: &Dataset, target: &str, time: &str, now_ms: i64) -> Result<Vec<Reason>> {
    let spec = dataset.spec(time)?;
    if !matches!(spec.physical, crate::data::Physical::Date | crate::data::Physical::Datetime) {
        return Ok(Vec::new());
    }
    let per_day = if spec.physical == crate::data::Physical::Datetime { 86_400.0 } else { 1.0 };
    let days: Vec<f64> =
        column::numbers(column::get(&dataset.frame, time)?)?.into_iter().map(|v| v / per_day).collect();
    let mut known: Vec<f64> = days.iter().copied().filter(|d| d.is_finite()).collect();
    known.sort_by(f64::total_cmp);
    let at = |share: f64| known.get((known.len().saturating_sub(1) as f64 * share).round() as usize).copied();
    let (Some(low), Some(high)) = (at(0.01), at(0.99)) else { return Ok(Vec::new()) };
    // Wrong years are no newest row; the same bounds as the check `far-dates`.
    let room = ((high - low) / 2.0).max(30.0);
    known.retain(|d| *d >= low - room && *d <= high + room);
    let (Some(first), Some(newest)) = (known.first().copied(), known.last().copied()) else { return Ok(Vec::new()) };
    let name = brief(time, 60);
    let mut distinct: Vec<f64> = known.iter().map(|d| d.floor()).collect();
    distinct.dedup();
    let mut gaps: Vec<f64> = distinct.windows(2).map(|w| w[1] - w[0]).collect();
    gaps.sort_by(f64::total_cmp);
    let cadence = gaps.get(gaps.len() / 2).copied().unwrap_or(1.0);
    let mut reasons = Vec::new();

    let age = (now_ms as f64 / 86_400_000.0 - newest).max(0.0);
    let bound = (10.0 * cadence).max(30.0);
    let message = format!(
        "The newest row is {} old, of {}; rows come every {}",
        counted(age.round() as u64, "day"),
        crate::data::iso(newest * 86_400.0, false),
        if cadence <= 1.0 { "day".to_owned() } else { counted(cadence as u64, "day") }
    );
    reasons.push(Reason::new(
        "freshness",
        if age <= bound { Go } else { Care },
        age,
        message,
        format!("Load rows of the last {}, or show that nothing has changed since: compare with new rows by `pilothouse drift`", counted(bound as u64, "day")),
    ));

    let nulls = column::get(&dataset.frame, target)?.as_materialized_series().is_null();
    let newest_labelled = days
        .iter()
        .zip(nulls.iter())
        .filter(|(d, null)| *null == Some(false) && **d >= low - room && **d <= high + room)
        .map(|(d, _)| *d)
        .fold(f64::NAN, f64::max);
    if newest_labelled.is_finite() {
        let delay = newest - newest_labelled;
        let bound = (0.05 * (newest - first)).max(cadence);
        let target = brief(target, 60);
        let message = if delay <= 0.0 {
            format!("{target} is known up to the newest row in {name}")
        } else {
            format!(
                "{target} is known up to {}, {} before the newest row in {name}: answers come that much later",
                crate::data::iso(newest_labelled * 86_400.0, false),
                counted(delay.round() as u64, "day")
            )
        };
        reasons.push(Reason::new(
            "label-delay",
            if delay <= bound { Go } else { Care },
            delay,
            message,
            "Wait for the answers of the newest rows, or find an earlier sign of them; until then only drift can be watched, not performance",
        ));
    }
    Ok(reasons)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{LoadOptions, load, mix};
    use crate::model::prepare::{PrepareSpec, prepare};
    use ndarray::Array2;

    fn noise(i: usize, salt: u64, n: u64) -> u64 {
        mix(salt, i as u64) % n
    }

    fn table(header: &str, rows: usize, row: impl Fn(usize) -> String) -> Dataset {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        let text = (0..rows).fold(format!("{header}\n"), |text, i| text + &row(i) + "\n");
        std::fs::write(&path, text).unwrap();
        load(path.to_str().unwrap(), &LoadOptions::default(), &Control::default()).unwrap()
    }

    fn reasons(data: &Dataset) -> Vec<Reason> {
        let prepared = prepare(data, &PrepareSpec { target: "y".into(), ..PrepareSpec::default() }, &[], 1).unwrap();
        let curve = learning_curve(data, &prepared, 1, &Control::default()).unwrap();
        // Every row is judged once, by models that had not seen it.
        let mut judged = curve.out_of_fold.rows.clone();
        judged.sort_unstable();
        assert_eq!(judged, (0..data.rows() as u32).collect::<Vec<_>>());
        curve_reasons(&curve).unwrap()
    }

    #[test]
    fn chance_is_not_yet_and_a_clear_target_may_go() {
        let chance = table("a,b,y", 400, |i| {
            format!("{},{},{}", noise(i, 1, 900), noise(i, 2, 900), ["no", "yes"][noise(i, 3, 2) as usize])
        });
        let r = reasons(&chance);
        assert_eq!((r[0].name.as_str(), r[0].verdict), ("predictability", NotYet), "{r:#?}");
        assert!(!r[0].change.is_empty());
        let clear = table("a,b,y", 400, |i| {
            let a = noise(i, 1, 900);
            format!("{a},{},{}", noise(i, 2, 900), if a + noise(i, 3, 300) > 600 { "yes" } else { "no" })
        });
        let r = reasons(&clear);
        assert_eq!(r[0].verdict, Go, "{r:#?}");
        assert!(r[0].number.unwrap() > 0.3 && r[0].change.is_empty());
    }

    #[test]
    fn a_curve_that_rises_asks_for_more_rows_and_a_flat_one_for_columns() {
        let curve = |scores: [[f64; 5]; 3]| Curve {
            metric: "roc_auc",
            rows: 400,
            baseline: 0.5,
            scores: scores.iter().map(|s| s.to_vec()).collect(),
            test_ratio: 0.25,
            out_of_fold: OutOfFold {
                rows: vec![],
                truth: Target::Numbers(vec![]),
                prediction: Prediction { scores: Array2::zeros((0, 2)) },
            },
        };
        let up =
            curve([[0.60, 0.61, 0.62, 0.60, 0.61], [0.66, 0.67, 0.68, 0.66, 0.67], [0.72, 0.73, 0.74, 0.73, 0.72]]);
        let r = curve_reasons(&up).unwrap();
        assert_eq!((r[1].name.as_str(), r[1].verdict), ("learning-curve", Care));
        assert!(r[1].message.contains("still rises") && !r[1].change.is_empty());
        let flat =
            curve([[0.72, 0.73, 0.74, 0.72, 0.73], [0.73, 0.72, 0.75, 0.73, 0.72], [0.72, 0.73, 0.74, 0.73, 0.74]]);
        let r = curve_reasons(&flat).unwrap();
        assert_eq!(r[1].verdict, Go);
        assert!(r[1].message.contains("better columns"), "{}", r[1].message);
    }

    #[test]
    fn the_interval_is_the_corrected_one() {
        // scipy: m ± stats.t.ppf(.975, 4) * sqrt(var(ddof=1) * (1/5 + 1/4)) for [.7, .72, .74, .71, .73]
        let e = Estimate::of(&[0.70, 0.72, 0.74, 0.71, 0.73], 0.25).unwrap();
        assert!((e.mean - 0.72).abs() < 1e-12 && (e.high - e.mean - CORRECTED).abs() < 1e-9, "{e:?}");
        assert!(Estimate::of(&[0.7, f64::NAN], 0.25).is_none());
    }

    const CORRECTED: f64 = 0.029_448_647_422_163_4;

    #[test]
    fn old_rows_and_late_answers_ask_for_care() {
        let day = |i: usize| chrono::NaiveDate::from_ymd_opt(2024, 1, 1).unwrap() + chrono::Days::new(i as u64 / 2);
        let data = |labelled: usize| {
            table("day,a,y", 400, |i| {
                format!(
                    "{},{},{}",
                    if i == 9 { "2091-01-01".into() } else { day(i).to_string() },
                    noise(i, 1, 90),
                    if i < labelled { ["no", "yes"][i % 2] } else { "" }
                )
            })
        };
        // 2024-07-18 is the newest day; the wrong year does not count.
        let now = |days: i64| (19_922 + days) * 86_400_000;
        let of = |data: &Dataset, now: i64| time_reasons(data, "y", "day", now).unwrap();
        let r = of(&data(400), now(5));
        assert_eq!(
            r.iter().map(|r| (r.name.as_str(), r.verdict, r.number)).collect::<Vec<_>>(),
            [("freshness", Go, Some(5.0)), ("label-delay", Go, Some(0.0))]
        );
        let r = of(&data(300), now(400));
        assert_eq!(
            r.iter().map(|r| (r.name.as_str(), r.verdict, r.number)).collect::<Vec<_>>(),
            [("freshness", Care, Some(400.0)), ("label-delay", Care, Some(50.0))]
        );
        assert!(r.iter().all(|r| !r.change.is_empty()));
    }

    #[test]
    fn cancelled_measuring_ends() {
        let data = table("a,y", 200, |i| format!("{},{}", noise(i, 1, 900), i % 2));
        let prepared = prepare(&data, &PrepareSpec { target: "y".into(), ..PrepareSpec::default() }, &[], 1).unwrap();
        let control = Control::default();
        control.cancel();
        assert!(learning_curve(&data, &prepared, 1, &control).is_err());
    }
}
