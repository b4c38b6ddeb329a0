//! The SQL form of a fitted model, preprocessing inside: one query over a table of raw rows.
//!
//! - Numbers, booleans and number codes are read as `double`; what is missing, NaN or infinite is missing, as in the native
//!   model. Text is missing where it is NULL; an empty text is a text.
//! - The answers have the names of the ONNX form: `label` and a probability per class, or `prediction`. Before them stand the
//!   columns handed through.
//! - Literals read back with the same bits. Trees compare raw values with exact thresholds (`trees`), so rows take the
//!   branches of the native trees; sums of squares are added in the native order. PostgreSQL ends a query where arithmetic
//!   leaves the range of doubles, so that there the ends of the range are cut off (`columns`).
//! - Nothing of the data stands unquoted: names and levels are quoted, control characters escaped (`dialect`).
//!
//! The query is not run here: the gate of a package is its ONNX form. `tests/sql_models.rs` runs queries in the real engines.

mod calibration;
mod columns;
mod dialect;
mod linear;
mod names;
mod query;
mod trees;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

pub use dialect::Dialect;

use self::columns::{Reading, encode, features};
use self::query::{Computed, Query};
use self::trees::Ensemble;
use super::onnx::validate;
use crate::data::display;
use crate::error::{Error, Result};
use crate::model::{Encoding, Fitted, FittedModel, Link};

/// The most columns that PostgreSQL takes in a step.
const MOST_COLUMNS: usize = 1600;

/// The engines in which the tests run queries beside the native model.
pub const TESTED: [(Dialect, &str); 3] =
    [(Dialect::Postgres, "15"), (Dialect::DuckDb, "2.0.0"), (Dialect::Spark, "4.3.0")];

/// What a query is written for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlOptions {
    /// The engine.
    pub dialect: Dialect,
    /// The table or view that is read: `table`, `schema.table` or `catalog.schema.table`, without quotes.
    pub table: String,
    /// Columns of the table handed through to the answer. Where empty, the model's own input columns are.
    pub keys: Vec<String>,
    /// Input columns that were true or false in training.
    pub booleans: BTreeSet<String>,
    /// Lines for the comment at the top, such as the run and how the model was checked.
    pub notes: Vec<String>,
}

impl SqlOptions {
    /// A query over the table `input`.
    #[must_use]
    pub fn new(dialect: Dialect) -> Self {
        Self { dialect, table: "input".into(), keys: Vec::new(), booleans: BTreeSet::new(), notes: Vec::new() }
    }
}

/// Writes the model as one query.
///
/// The same model and options give the same text.
///
/// # Errors
/// When the model is inconsistent (see [`validate`]), reads no columns, has a name or class that the engine cannot hold, or is
/// larger than the engine takes.
pub fn export(model: &FittedModel, options: &SqlOptions) -> Result<String> {
    validate(model)?;
    let dialect = options.dialect;
    let inputs: Vec<String> = model.plan.inputs.iter().map(|i| i.name.clone()).collect();
    if inputs.is_empty() {
        return Err(Error::input("a model that reads no columns cannot be written as SQL")
            .hint("Train it with at least one column as a feature"));
    }
    let backwards = |e: &Encoding| matches!(e, Encoding::Number { scale, .. } if *scale < 0.0);
    if let Some(input) = model.plan.inputs.iter().find(|i| backwards(&i.encoding)) {
        return Err(Error::input(format!(
            "the fitted model is inconsistent: the scale of `{}` is negative",
            input.name
        ))
        .hint("Train it again"));
    }
    let gaps = model.plan.inputs.iter().any(|i| matches!(i.encoding, Encoding::Number { impute: None, .. }));
    if gaps && !matches!(model.fitted, Fitted::Dummy { .. } | Fitted::Trees { .. } | Fitted::Boosted { .. }) {
        return Err(Error::input("the fitted model is inconsistent: only trees know a way for missing values")
            .hint("Train it again"));
    }
    let keys = if options.keys.is_empty() { &inputs } else { &options.keys };
    names::distinct(dialect, inputs.iter().chain(&options.keys).map(String::as_str))?;
    let quoted = keys.iter().map(|key| dialect.identifier(key)).collect::<Result<Vec<_>>>()?;
    let table = names::table(dialect, &options.table)?;
    let answers = names::answers(dialect, model, keys);
    let reading =
        Reading { table: &table, keys: &quoted, booleans: &options.booleans, prefix: names::prefix(&options.table) };

    let features = features(&model.plan);
    let (mut query, mut scores) = estimate(model, dialect, &features, reading)?;
    if let Some(calibration) = &model.calibration {
        scores = calibration::calibrated(&mut query, calibration, &scores)?;
    }
    let mut outputs: Vec<Computed> =
        quoted.iter().enumerate().map(|(at, key)| (key.clone(), format!("k{}", at + 1))).collect();
    let mut answered = answers.iter();
    if model.task.is_classification()
        && let Some(name) = answered.next()
    {
        outputs.push((dialect.identifier(name)?, label(dialect, &model.classes, &scores)?));
    }
    for (name, score) in answered.zip(&scores) {
        outputs.push((dialect.identifier(name)?, score.clone()));
    }
    let widest = query.widest().max(outputs.len());
    if dialect == Dialect::Postgres && widest > MOST_COLUMNS {
        return Err(Error::input(format!("the query would have {widest} columns, and {MOST_COLUMNS} are the most"))
            .hint("Name the columns handed through with --key, or train with fewer columns"));
    }
    let head = head(model, options, &answers)?;
    Ok(format!("{head}{}", query.finish(&outputs)))
}

/// The steps from raw rows to scores, and the expressions of the scores.
fn estimate(
    model: &FittedModel,
    dialect: Dialect,
    features: &[columns::Source],
    reading: Reading<'_>,
) -> Result<(Query, Vec<String>)> {
    let encoded = |used: &[columns::Source]| encode(dialect, &model.plan, used, reading);
    let list = |letter: char, count: usize| (0..count).map(|k| format!("{letter}{k}")).collect::<Vec<_>>();
    Ok(match &model.fitted {
        Fitted::Dummy { output } => (encoded(&[])?, output.iter().map(|v| dialect.double(*v)).collect()),
        Fitted::Linear { coef, intercept } => {
            let coef = std::slice::from_ref(coef);
            let mut query = encoded(&linear::used(features, coef))?;
            linear::linear(&mut query, features, coef, std::slice::from_ref(intercept))?;
            (query, list('y', 1))
        }
        Fitted::Logistic { coef, intercept } => {
            let mut query = encoded(&linear::used(features, coef))?;
            linear::linear(&mut query, features, coef, intercept)?;
            if coef.len() == 1 {
                linear::two_classes(&mut query);
            } else {
                linear::softmax(&mut query, coef.len());
            }
            (query, list('p', model.classes.len()))
        }
        Fitted::GaussianNb { prior, theta, var } => {
            let mut query = encoded(features)?;
            linear::gaussian(&mut query, features, prior, theta, var)?;
            linear::softmax(&mut query, prior.len());
            (query, list('p', prior.len()))
        }
        Fitted::Trees { base, outputs, trees } => {
            let mut query = encoded(&trees::used(features, trees))?;
            let members = trees.iter().map(|tree| (tree, 0)).collect();
            trees::sums(&mut query, features, &Ensemble { members, values: *outputs, scores: *outputs })?;
            let count = dialect.double(trees.len() as f64);
            let base = if *base == 0.0 { String::new() } else { format!("{} + ", dialect.double(*base)) };
            let means = (0..*outputs).map(|k| (format!("p{k}"), format!("{base}y{k} / {count}")));
            query.step(means.collect(), |name| name.starts_with('k'));
            (query, list('p', *outputs))
        }
        Fitted::Boosted { link, base, scale, trees } => {
            let mut query = encoded(&trees::used(features, trees))?;
            let members = trees.iter().enumerate().map(|(t, tree)| (tree, t % base.len().max(1))).collect();
            trees::sums(&mut query, features, &Ensemble { members, values: 1, scores: base.len() })?;
            columns::within(dialect, "a scale", *scale, 1e-200, 1e200)?;
            let unit = dialect.double(*scale);
            let raw = base
                .iter()
                .enumerate()
                .map(|(k, b)| (format!("y{k}"), format!("{} + {unit} * y{k}", dialect.double(*b))));
            query.step(raw.collect(), |name| name.starts_with('k'));
            match link {
                Link::Identity => return Ok((query, list('y', 1))),
                Link::Log => query.step(vec![("p0".into(), dialect.exp("y0"))], |name| name.starts_with('k')),
                Link::Logit => linear::two_classes(&mut query),
                Link::Softmax => linear::softmax(&mut query, base.len()),
            }
            (query, list('p', model.classes.len().max(1)))
        }
    })
}

/// The most probable class; of equal ones the first.
fn label(dialect: Dialect, classes: &[String], scores: &[String]) -> Result<String> {
    let cases = classes
        .iter()
        .zip(scores)
        .map(|(class, score)| {
            let text = dialect.text(class).ok_or_else(|| {
                Error::input(format!(
                    "the class `{}` cannot be written for {}: it has a NUL character",
                    crate::data::brief(class, 60),
                    dialect.title()
                ))
                .hint("Rename the class, or use another dialect")
            })?;
            Ok(format!(" WHEN {score} THEN {text}"))
        })
        .collect::<Result<String>>()?;
    Ok(format!("CASE greatest({}){cases} END", scores.join(", ")))
}

/// The comment at the top.
fn head(model: &FittedModel, options: &SqlOptions, answers: &[String]) -> Result<String> {
    let native = serde_json::to_vec(model)?;
    let digest: String = Sha256::digest(&native).iter().map(|b| format!("{b:02x}")).collect();
    let mut lines = vec![
        format!(
            "{} ({}) that predicts {}: a query for {}, written by Pilothouse {}.",
            model.estimator.replace('_', " "),
            model.task,
            model.target,
            options.dialect.title(),
            env!("CARGO_PKG_VERSION")
        ),
        format!("Native model (JSON), SHA-256: {digest}"),
    ];
    lines.extend(options.notes.iter().cloned());
    let handed = if options.keys.is_empty() { "the model's input columns".to_owned() } else { options.keys.join(", ") };
    lines.push(format!("Reads: {}. Hands through: {handed}.", options.table));
    if model.task.is_classification() {
        for (at, (answer, class)) in answers.iter().skip(1).zip(&model.classes).enumerate() {
            let label = answers.first().map_or("", String::as_str);
            let most = if at == 0 { format!("Answers: {label}, the most probable class; ") } else { "  ".to_owned() };
            lines.push(format!("{most}{answer}, the probability of {class}"));
        }
    } else {
        lines.push(format!("Answers: {}", answers.join(", ")));
    }
    Ok(lines.iter().map(|line| format!("{}\n", comment(line))).collect())
}

/// One line of comment. Spark goes on with a comment that ends in a backslash, and replaces `${…}` even there.
fn comment(text: &str) -> String {
    let text = display(text).replace('\\', "/").replace("${", "$ {");
    format!("-- {text}")
}
