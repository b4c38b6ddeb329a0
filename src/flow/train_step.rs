//! Train and compare: candidates in turn, each recorded as soon as it is done.

use std::collections::BTreeMap;
use std::io::Cursor;

use polars::frame::DataFrame;
use polars::prelude::{ParquetReader, ParquetWriter, SerReader};

use crate::data::Dataset;
use crate::engine::Control;
use crate::error::{Error, Kind, Result};
use crate::health::DriftReference;
use crate::model::estimators::{self, Params};
use crate::model::paired::paired;
use crate::model::prepare::take_rows;
use crate::model::train::{CrossValidation, Encoded, HoldOut, Training, encode, train};
use crate::model::{FittedModel, Prepared, metrics};
use crate::store::{now_ms, sha256};
use crate::team::Identity;

use super::record::{AgainstBest, CompareRecord, DataFacts, LoadRecord, RunFiles, RunRecord, RunStatus, TrainRecord};
use super::spec::LoadSpec;
use super::step::Step;
use super::workshop::{Walk, Workshop};

/// Raw rows kept with a run for the tests of its package.
const KEPT_ROWS: usize = 5_000;

/// The candidates of a walk: those chosen, or all that fit the task.
///
/// # Errors
/// When a name or parameter is unknown.
pub fn candidates(walk: &Walk, prepared: &Prepared) -> Result<Vec<Box<dyn estimators::Estimator>>> {
    let spec = &walk.flow.train;
    let all = estimators::names(prepared.task);
    let mut chosen: Vec<String> =
        if spec.models.is_empty() { all.iter().map(|n| (*n).to_owned()).collect() } else { spec.models.clone() };
    // Without the baseline nothing can be said to be learned.
    if !chosen.iter().any(|n| n == "dummy") {
        chosen.insert(0, "dummy".into());
    }
    if let Some(unknown) = spec.params.keys().find(|n| !chosen.contains(n)) {
        return Err(Error::usage(format!("parameters are given for `{unknown}`, which is not among the models"))
            .hint(format!("The models are {}", chosen.join(", "))));
    }
    let none = Params::new();
    chosen.iter().map(|n| estimators::make(n, prepared.task, spec.params.get(n).unwrap_or(&none))).collect()
}

/// The ranking metric of a walk.
///
/// # Errors
/// When the metric is not one of the task.
pub fn ranking_metric(walk: &Walk, prepared: &Prepared) -> Result<String> {
    let metric = walk.flow.train.metric.clone().unwrap_or_else(|| metrics::primary(prepared.task).to_owned());
    // The adjusted R² wants the number of columns, which is the same for all candidates: it would rank them as R² does.
    let fit = |m: &&metrics::MetricInfo| m.ranks && m.name != "r2_adjusted";
    if metrics::of_task(prepared.task).filter(fit).any(|m| m.name == metric) {
        return Ok(metric);
    }
    let names: Vec<&str> = metrics::of_task(prepared.task).filter(fit).map(|m| m.name).collect();
    Err(Error::usage(format!("`{metric}` cannot rank models of a {} task", prepared.task))
        .hint(format!("Choose from {}", names.join(", "))))
}

/// Versions that decide a run's result.
fn versions() -> BTreeMap<String, String> {
    BTreeMap::from([
        ("pilothouse".into(), env!("CARGO_PKG_VERSION").into()),
        ("linfa".into(), "0.8".into()),
        ("polars".into(), polars::VERSION.into()),
    ])
}

/// The id of a run: equal data, choices, estimator, parameters, seed and version give an equal id.
fn run_id(walk: &Walk, dataset: &Dataset, metric: &str, estimator: &dyn estimators::Estimator) -> Result<String> {
    // All that decides how the bytes are read counts; where they lie does not.
    let reading = LoadSpec { source: String::new(), rules: None, ..walk.flow.load.clone() };
    let parts = serde_json::to_string(&(
        &dataset.fingerprint,
        reading,
        &walk.flow.derive,
        &walk.flow.prepare,
        walk.flow.seed,
        metric,
        estimator.name(),
        estimator.params(),
        env!("CARGO_PKG_VERSION"),
    ))?;
    // Runs without calibration keep the ids that they had before there was any.
    let calibration = walk.flow.train.calibrate.map_or_else(String::new, |c| format!(" calibrated by {}", c.name()));
    Ok(sha256(format!("{parts}{calibration}").as_bytes())[..12].to_owned())
}

/// Step train: fits every candidate, the baseline first. `on_run` hears of each run as it is recorded. Candidates that an
/// earlier, interrupted training finished are not fitted again. A candidate that fails is recorded as failed and the
/// others go on.
///
/// # Errors
/// When nothing could be trained, or when cancelled (finished candidates stay recorded).
pub fn train_step(
    shop: &Workshop,
    walk: &Walk,
    dataset: &Dataset,
    prepared: &Prepared,
    control: &Control,
    on_run: &dyn Fn(&RunRecord),
) -> Result<(TrainRecord, Vec<RunRecord>)> {
    super::tell::told(
        &format!("{}.train", walk.flow.name),
        "Fits and ranks models",
        &[&dataset.source],
        || train_all(shop, walk, dataset, prepared, control, on_run),
        |(_, runs)| {
            let data = runs.first().map(|r| super::tell::data_of(shop, r));
            (data.into_iter().collect(), runs.iter().filter_map(super::tell::model_of).collect())
        },
    )
}

fn train_all(
    shop: &Workshop,
    walk: &Walk,
    dataset: &Dataset,
    prepared: &Prepared,
    control: &Control,
    on_run: &dyn Fn(&RunRecord),
) -> Result<(TrainRecord, Vec<RunRecord>)> {
    let metric = ranking_metric(walk, prepared)?;
    let candidates = candidates(walk, prepared)?;
    let calibrate = walk.flow.train.calibrate;
    if let Some(method) = calibrate.filter(|_| !prepared.task.is_classification()) {
        return Err(Error::usage(format!(
            "the target is a number and has no chances to calibrate ({})",
            method.name()
        ))
        .hint("Leave out the calibration"));
    }
    let training = Training { metric: metric.clone(), seed: walk.flow.seed, calibrate };
    let mut runs: Vec<RunRecord> = Vec::new();
    let mut shared = None;
    let store = shop.store()?;
    // What the recipe computed from these rows is used again on rows to come.
    let recipe = shop.left::<LoadRecord>(walk, Step::Load)?.and_then(|l| l.recipe).map(|r| r.fitted);
    for estimator in &candidates {
        control.check()?;
        let id = run_id(walk, dataset, &metric, estimator.as_ref())?;
        // A record that an older version wrote in another form, or whose files are gone, counts for nothing.
        let before = store
            .runs_like(&id)?
            .pop()
            .filter(|row| row.state == "done")
            .and_then(|row| serde_json::from_str::<RunRecord>(&row.record).ok())
            .filter(|run| {
                let files = &run.files;
                [&files.model, &files.hold_out, &files.rows, &files.drift_reference].iter().all(|f| store.has_file(f))
            });
        if let Some(mut run) = before {
            run.walk.clone_from(&walk.id);
            run.recipe.clone_from(&recipe);
            shop.keep_run(&run)?;
            control.report(estimator.name(), Some(1.0), "recorded before");
            on_run(&run);
            runs.push(run);
            continue;
        }
        let shared = match &mut shared {
            Some(shared) => shared,
            none => {
                control.report(estimator.name(), None, "encoding");
                none.insert(Shared::new(shop, dataset, prepared, control)?)
            }
        };
        let run = match train(estimator.as_ref(), prepared, &shared.encoded, &training, control) {
            Ok(trained) => {
                let files = RunFiles {
                    model: shop.put_json(&trained.model)?,
                    hold_out: shop.put_json(&trained.hold_out)?,
                    rows: shared.rows.clone(),
                    drift_reference: shared.drift_reference.clone(),
                };
                let base = record(walk, dataset, prepared, &metric, estimator.as_ref(), id);
                RunRecord {
                    cv: trained.cv,
                    metrics: trained.metrics,
                    train_score: trained.train_score,
                    importance: trained.importance,
                    calibration: trained.calibration,
                    fit_seconds: trained.fit_seconds,
                    files,
                    ..base
                }
            }
            Err(error) if error.kind == Kind::Cancelled => return Err(error),
            Err(error) => RunRecord {
                status: RunStatus::Failed,
                error: Some(error.to_string()),
                ..record(walk, dataset, prepared, &metric, estimator.as_ref(), id)
            },
        };
        let run = RunRecord { recipe: recipe.clone(), ..run };
        // A cancel that came while the last numbers were computed still counts.
        control.check()?;
        shop.keep_run(&run)?;
        control.report(estimator.name(), Some(1.0), if run.status == RunStatus::Done { "done" } else { "failed" });
        on_run(&run);
        runs.push(run);
    }
    let best = best_of(&runs, &metric).ok_or_else(|| match runs.iter().find_map(|r| r.error.clone()) {
        Some(why) if runs.iter().all(|r| r.status == RunStatus::Failed) => {
            Error::input(format!("no candidate could be trained: {why}"))
        }
        _ => Error::input(format!("{metric} is undefined in every fold, so the candidates cannot be ranked"))
            .hint("Use fewer folds, another split, or another metric"),
    })?;
    let record = TrainRecord { runs: runs.iter().map(|r| r.id.clone()).collect(), best: best.id.clone(), metric };
    shop.keep(walk, Step::Train, false, &record)?;
    Ok((record, runs))
}

/// What all candidates of a training have in common; made once, when the first of them needs it.
struct Shared {
    encoded: Vec<Encoded>,
    rows: String,
    drift_reference: String,
}

impl Shared {
    fn new(shop: &Workshop, dataset: &Dataset, prepared: &Prepared, control: &Control) -> Result<Self> {
        let kept: Vec<u32> = prepared.sides.test.iter().copied().take(KEPT_ROWS).collect();
        let train_rows = take_rows(&dataset.frame, &prepared.sides.train)?;
        let reference = DriftReference::fit(&train_rows, &prepared.features, &control.silent())?;
        Ok(Self {
            encoded: encode(dataset, prepared, control)?,
            rows: shop.store()?.put_file(&parquet(&features_of(dataset, prepared, &kept)?)?)?,
            drift_reference: shop.put_json(&reference)?,
        })
    }
}

fn record(
    walk: &Walk,
    dataset: &Dataset,
    prepared: &Prepared,
    metric: &str,
    estimator: &dyn estimators::Estimator,
    id: String,
) -> RunRecord {
    RunRecord {
        id,
        walk: walk.id.clone(),
        model: estimator.name().into(),
        title: estimator.title().into(),
        status: RunStatus::Done,
        error: None,
        params: estimator.params(),
        seed: walk.flow.seed,
        target: prepared.target_name.clone(),
        task: prepared.task,
        classes: prepared.classes.clone(),
        metric: metric.into(),
        cv: CrossValidation { metric: metric.into(), folds: Vec::new(), mean: 0.0, std: 0.0, ratio: None },
        metrics: Vec::new(),
        train_score: 0.0,
        importance: Vec::new(),
        calibration: None,
        left_out: prepared.left_out.clone(),
        fit_seconds: 0.0,
        data: DataFacts {
            source: dataset.source.clone(),
            fingerprint: dataset.fingerprint.clone(),
            rows: dataset.rows(),
            train_rows: prepared.sides.train.len(),
            test_rows: prepared.sides.test.len(),
            split: prepared.split.describe(),
        },
        versions: versions(),
        by: Identity::current(),
        created_ms: now_ms(),
        recipe: None,
        files: RunFiles::default(),
    }
}

/// The best run by cross-validation: the hold-out only judges, it does not choose.
fn best_of<'a>(runs: &'a [RunRecord], metric: &str) -> Option<&'a RunRecord> {
    let mut best: Option<&RunRecord> = None;
    for run in runs.iter().filter(|r| r.status == RunStatus::Done && !r.cv.mean.is_nan()) {
        if best.is_none_or(|b| metrics::is_better(metric, run.cv.mean, b.cv.mean)) {
            best = Some(run);
        }
    }
    best
}

fn features_of(dataset: &Dataset, prepared: &Prepared, rows: &[u32]) -> Result<DataFrame> {
    let names: Vec<&str> = prepared.features.iter().map(|f| f.name.as_str()).collect();
    Ok(take_rows(&dataset.frame, rows)?.select(names)?)
}

fn parquet(frame: &DataFrame) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).finish(&mut frame.clone())?;
    Ok(bytes)
}

/// The files of a run that ended well.
fn files(run: &RunRecord) -> Result<&RunFiles> {
    if run.status == RunStatus::Failed {
        let why = run.error.as_deref().unwrap_or("for no recorded reason");
        return Err(Error::input(format!("run {} failed and has no model: {why}", run.id))
            .hint("Use another run; `pilothouse runs` lists them"));
    }
    Ok(&run.files)
}

impl Workshop {
    /// The fitted model of a run.
    ///
    /// # Errors
    /// When the run failed, or its file is gone or damaged.
    pub fn model(&self, run: &RunRecord) -> Result<FittedModel> {
        self.get_json(&files(run)?.model)
    }

    /// What the model said about the rows kept back.
    ///
    /// # Errors
    /// As [`Workshop::model`].
    pub fn hold_out(&self, run: &RunRecord) -> Result<HoldOut> {
        self.get_json(&files(run)?.hold_out)
    }

    /// The raw rows kept back (at most 5,000 of them).
    ///
    /// # Errors
    /// As [`Workshop::model`].
    pub fn kept_rows(&self, run: &RunRecord) -> Result<DataFrame> {
        let bytes = self.store()?.get_file(&files(run)?.rows)?;
        Ok(ParquetReader::new(Cursor::new(bytes)).finish()?)
    }

    /// The distribution of the run's training data.
    ///
    /// # Errors
    /// As [`Workshop::model`].
    pub fn drift_reference(&self, run: &RunRecord) -> Result<DriftReference> {
        self.get_json(&files(run)?.drift_reference)
    }
}

/// One run against another by the first run's metric: on the rows kept back, and over the folds where these are the same.
///
/// # Errors
/// When the runs were judged on different rows.
pub fn compare_two(shop: &Workshop, a: &RunRecord, b: &RunRecord, control: &Control) -> Result<AgainstBest> {
    let (left, right) = (shop.hold_out(a)?, shop.hold_out(b)?);
    if left.rows != right.rows || left.truth != right.truth || a.data.fingerprint != b.data.fingerprint {
        return Err(Error::input(format!("runs {} and {} were judged on different rows", a.id, b.id))
            .hint("Only runs of the same data, target and split can be compared"));
    }
    // Groups that only one of them knows of are as good: they number the same rows.
    let groups = left.groups.as_deref().or(right.groups.as_deref());
    let test = paired(&a.metric, &left.truth, &left.prediction(), &right.prediction(), groups, a.seed, control)?;
    // The same rows, split and seed make the same folds.
    let same = a.data == b.data && a.seed == b.seed && a.cv.folds.len() == b.cv.folds.len();
    let folds = if same { a.cv.against(&b.cv) } else { None };
    Ok(AgainstBest { run: b.id.clone(), test, folds })
}

/// Step compare: the best against each other run by a paired test, and the choice of the run to go on with.
///
/// # Errors
/// When nothing was trained, or `chosen` is not one of the walk's runs.
pub fn compare_step(shop: &Workshop, walk: &Walk, chosen: Option<&str>, control: &Control) -> Result<CompareRecord> {
    let trained: TrainRecord = shop.need(walk, Step::Train)?;
    let chosen = chosen.unwrap_or(&trained.best);
    if !trained.runs.iter().any(|r| r == chosen) {
        return Err(Error::usage(format!("run {chosen} does not belong to this walk")));
    }
    let best = shop.run(chosen)?;
    if best.status == RunStatus::Failed {
        return Err(Error::usage(format!("run {chosen} failed and cannot be chosen")));
    }
    let mut tests = Vec::new();
    for id in trained.runs.iter().filter(|r| *r != chosen) {
        let other = shop.run(id)?;
        if other.status == RunStatus::Done {
            tests.push(compare_two(shop, &best, &other, control)?);
        }
    }
    let before: Option<CompareRecord> = shop.left(walk, Step::Compare)?;
    let record = CompareRecord { chosen: chosen.to_owned(), tests };
    if before.is_some_and(|b| b.chosen != record.chosen) {
        shop.forget(walk, &[Step::Test, Step::Approve, Step::Push, Step::Watch])?;
    }
    shop.keep(walk, Step::Compare, false, &record)?;
    Ok(record)
}
