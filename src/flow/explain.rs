//! Why a run's model answers as it does: for one row and over all, from the rows kept back and the rows it learned from.

use ndarray::{Array2, Axis};
use polars::frame::DataFrame;
use serde::Serialize;

use crate::chart::Chart;
use crate::data::column;
use crate::engine::Control;
use crate::error::{Error, Result};
use crate::model::explain::{
    Dependence, Explainer, GlobalContribution, ImportanceRange, RowExplanation, Scale, ShapMethod, importance_ranges,
    nearest, partial_dependence,
};
use crate::model::prepare::take_rows;
use crate::model::train::HoldOut;
use crate::model::{FittedModel, Target};

use super::explain_charts::contributions_chart;
use super::record::RunRecord;
use super::run_rows::{RunRows, run_rows};
use super::workshop::Workshop;

/// What is asked.
#[derive(Debug, Clone, Default)]
pub struct ExplainOptions {
    /// A row of the run's table, counted from 1 as `predict` counts.
    pub row: Option<usize>,
    /// A column whose effect is followed.
    pub column: Option<String>,
    /// The class whose chance is explained; the positive one, or the one that the row was given.
    pub class: Option<String>,
}

/// Rows that stand for what is not known of a row, at most.
const BACKGROUND: usize = 20_000;
/// Rows over which contributions are averaged.
const GLOBAL_ROWS: usize = 100;
/// Similar rows that are told.
const SIMILAR: usize = 5;

/// A training row like the one that is explained.
#[derive(Debug, Clone, Serialize)]
pub struct SimilarRow {
    /// Its number in the table, from 1.
    pub row: usize,
    /// How far it is, in deviations (a category that differs counts as one).
    pub distance: f64,
    /// What it turned out to be.
    pub truth: String,
}

/// One row explained.
#[derive(Debug, Clone, Serialize)]
pub struct ExplainedRow {
    /// Its number in the table, from 1.
    pub row: usize,
    /// Whether the model was judged by it, learned from it, or neither.
    pub side: &'static str,
    /// What it turned out to be, where that is known.
    pub truth: Option<String>,
    /// What the model says: the class's chance (calibrated, if the model is), or the number.
    pub answer: f64,
    /// Base, contributions and total.
    pub explanation: RowExplanation,
    /// The values of the columns, in the order of the contributions; none where missing.
    pub values: Vec<Option<String>>,
    /// Training rows most like it.
    pub similar: Vec<SimilarRow>,
}

/// Why a model answers as it does.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    /// The run.
    pub run: String,
    /// The class that is explained; none for numbers.
    pub class: Option<String>,
    /// How contributions were computed.
    pub method: ShapMethod,
    /// The scale on which they add up.
    pub scale: Scale,
    /// Which rows stand for what is not known of a row.
    pub background: String,
    /// How much worse the ranking metric gets without each column.
    pub importance: Vec<ImportanceRange>,
    /// How much each column moves the answers.
    pub contributions: Vec<GlobalContribution>,
    /// Rows over which these are averaged.
    pub rows: usize,
    /// The row asked for.
    pub row: Option<ExplainedRow>,
    /// The dependence asked for.
    pub dependence: Option<Dependence>,
}

/// Every k-th row, so that at most `most` are left.
fn thinned(x: Array2<f64>, most: usize) -> Array2<f64> {
    let step = x.nrows().div_ceil(most).max(1);
    let rows: Vec<usize> = (0..x.nrows()).step_by(step).collect();
    if step == 1 { x } else { x.select(Axis(0), &rows) }
}

/// By how much each column moves a run's answers, from the rows kept with it alone.
pub(super) fn contributions_of(shop: &Workshop, run: &RunRecord) -> Result<Chart> {
    let control = Control::default();
    let model = shop.model(run)?;
    let kept = model.plan.transform_with(&shop.kept_rows(run)?, &control)?;
    let explainer = Explainer::new(&model, kept.view(), output(&model, None, None)?);
    let found = explainer.global(&thinned(kept.clone(), GLOBAL_ROWS), run.seed, &control)?;
    Ok(contributions_chart(&found, explainer.scale()))
}

/// Explains a run.
///
/// # Errors
/// When the run has no model, the row or column does not exist, its table is needed and cannot be read as it was, or when cancelled.
pub fn explain(shop: &Workshop, run: &RunRecord, options: &ExplainOptions, control: &Control) -> Result<Explanation> {
    let model = shop.model(run)?;
    let hold_out = shop.hold_out(run)?;
    let kept = model.plan.transform_with(&shop.kept_rows(run)?, control)?;
    // Training rows say best what is usual. Without them the rows kept back do; a single row cannot be found without the table.
    let source = match run_rows(shop, run, &hold_out.rows, control) {
        Ok(source) => Some(source),
        Err(error) if options.row.is_some() || error.kind == crate::error::Kind::Cancelled => return Err(error),
        Err(_) => None,
    };
    let (background, words) = match &source {
        Some(source) => {
            let rows = take_rows(&source.dataset.frame, &source.prepared.sides.train)?;
            let x = thinned(model.plan.transform_with(&rows, control)?, BACKGROUND);
            let words = format!("{} training rows", x.nrows());
            (x, words)
        }
        None => (kept.clone(), format!("{} rows kept back (the table could not be read as it was)", kept.nrows())),
    };
    let asked = match options.row {
        Some(number) => Some(Asked::new(&model, source.as_ref(), number, control)?),
        None => None,
    };
    let output = output(&model, options.class.as_deref(), asked.as_ref())?;
    let explainer = Explainer::new(&model, background.view(), output);
    let row = match (&asked, &source) {
        (Some(asked), Some(source)) => {
            Some(explained(&model, &explainer, asked, source, &background, output, run.seed, control)?)
        }
        _ => None,
    };
    let dependence = match &options.column {
        Some(name) => Some(partial_dependence(&model, thinned(kept.clone(), 2_000).view(), name, output, control)?),
        None => None,
    };
    control.report("contributions", None, "");
    let some = thinned(kept.clone(), GLOBAL_ROWS);
    let contributions = explainer.global(&some, run.seed, control)?;
    control.report("importance", None, "");
    Ok(Explanation {
        run: run.id.clone(),
        class: model.classes.get(output).filter(|_| run.task.is_classification()).cloned(),
        method: explainer.method(),
        scale: explainer.scale(),
        background: words,
        importance: importance(&model, &kept, &hold_out, run, control)?,
        contributions,
        rows: some.nrows(),
        row,
        dependence,
    })
}

fn importance(
    model: &FittedModel,
    kept: &Array2<f64>,
    hold_out: &HoldOut,
    run: &RunRecord,
    control: &Control,
) -> Result<Vec<ImportanceRange>> {
    // The rows kept with a run are the first of those kept back.
    let first: Vec<u32> = (0..kept.nrows().min(hold_out.truth.len()) as u32).collect();
    let groups = hold_out.groups.as_deref().and_then(|g| g.get(..first.len()));
    importance_ranges(model, kept, &hold_out.truth.take(&first), &run.metric, groups, run.seed, control)
}

/// The row asked for, encoded.
struct Asked {
    index: u32,
    frame: DataFrame,
    x: Array2<f64>,
    scores: Vec<f64>,
}

impl Asked {
    fn new(model: &FittedModel, source: Option<&RunRows>, number: usize, control: &Control) -> Result<Self> {
        let source = source.ok_or_else(|| Error::local("the table was not read"))?;
        let rows = source.dataset.rows();
        if number == 0 || number > rows {
            return Err(Error::usage(format!("there is no row {number}; the table has {rows}"))
                .hint(format!("Rows are counted from 1 to {rows}")));
        }
        let index = (number - 1) as u32;
        let frame = take_rows(&source.dataset.frame, &[index])?;
        let x = model.plan.transform_with(&frame, control)?;
        let scores = model.score_encoded(x.view()).row(0).to_vec();
        Ok(Self { index, frame, x, scores })
    }
}

/// Which output is explained: the class asked for; of two classes the positive one; else the class that the row is given.
fn output(model: &FittedModel, class: Option<&str>, asked: Option<&Asked>) -> Result<usize> {
    if !model.task.is_classification() {
        return match class {
            None => Ok(0),
            Some(class) => Err(Error::usage(format!("the model predicts a number, and no class `{class}`"))),
        };
    }
    if let Some(class) = class {
        return model.classes.iter().position(|c| c == class).ok_or_else(|| {
            Error::usage(format!("the model knows no class `{class}`"))
                .hint(format!("Its classes are {}", model.classes.join(", ")))
        });
    }
    if model.classes.len() == 2 {
        return Ok(1);
    }
    let best = |scores: &[f64]| (1..scores.len()).fold(0, |best, k| if scores[k] > scores[best] { k } else { best });
    Ok(asked.map_or(0, |a| best(&a.scores)))
}

fn truth_in_words(model: &FittedModel, y: &Target, row: u32) -> Option<String> {
    match y {
        Target::Classes { codes, .. } => codes.get(row as usize).and_then(|c| model.classes.get(*c)).cloned(),
        Target::Numbers(v) => v.get(row as usize).map(ToString::to_string),
    }
}

#[allow(clippy::too_many_arguments, reason = "called in one place")]
fn explained(
    model: &FittedModel,
    explainer: &Explainer<'_>,
    asked: &Asked,
    source: &RunRows,
    background: &Array2<f64>,
    output: usize,
    seed: u64,
    control: &Control,
) -> Result<ExplainedRow> {
    let explanation = explainer.row(asked.x.row(0), seed, control)?;
    let values = explanation
        .contributions
        .iter()
        .map(|c| Ok(column::texts(column::get(&asked.frame, &c.column)?)?.into_iter().next().flatten()))
        .collect::<Result<_>>()?;
    let sides = &source.prepared.sides;
    let side = if sides.test.binary_search(&asked.index).is_ok() {
        "kept back"
    } else if sides.train.binary_search(&asked.index).is_ok() {
        "learned from"
    } else {
        "not used"
    };
    // The background is every k-th training row.
    let step = sides.train.len().div_ceil(BACKGROUND).max(1);
    let similar = nearest(&model.plan, background.view(), asked.x.row(0), SIMILAR + 1)
        .into_iter()
        .filter_map(|n| Some((sides.train.get(n.row * step).copied()?, n.distance)))
        .filter(|(row, _)| *row != asked.index)
        .take(SIMILAR)
        .map(|(row, distance)| SimilarRow {
            row: row as usize + 1,
            distance,
            truth: truth_in_words(model, &source.prepared.y, row).unwrap_or_default(),
        })
        .collect();
    Ok(ExplainedRow {
        row: asked.index as usize + 1,
        side,
        // Rows in no side hold a stand-in where the target is missing.
        truth: truth_in_words(model, &source.prepared.y, asked.index).filter(|_| side != "not used"),
        answer: asked.scores.get(output).copied().unwrap_or(f64::NAN),
        explanation,
        values,
        similar,
    })
}
