//! Does the exported graph say what the native model says? Both are run on the same rows, in this process.

use ndarray::Array2;
use polars::frame::DataFrame;
use polars::prelude::{Column, NamedFrom, Series};
use prost::Message;
use serde::{Deserialize, Serialize};
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::ToDim;

use super::onnx::output_names;
use crate::data::column;
use crate::engine::Control;
use crate::error::{Error, Result};
use crate::model::{Encoding, FeaturePlan, FittedModel, Levels, Prediction};

/// Largest difference that still counts as agreement.
pub const TOLERANCE: f64 = 1e-5;
/// Labels may differ where the two highest native scores are this close or closer.
pub const TIE: f64 = 2e-5;
/// Rows run at a time.
const BATCH: usize = 1024;

/// How far the exported graph and the native model are apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parity {
    /// Rows compared: the given ones and those made from them.
    pub rows: usize,
    /// How many of `rows` were made, with missing and unseen values.
    pub perturbed: usize,
    /// Largest difference: of probabilities, or of numbers relative to `max(1, |y|)`. It is `f64::MAX` where only one side is
    /// a number.
    pub largest_difference: f64,
    /// Rows whose label differs although the native model was not undecided between its two best classes.
    pub labels_differing: usize,
    /// What `largest_difference` may be at most.
    pub tolerance: f64,
    /// The verdict.
    pub agrees: bool,
    /// The row of the largest difference: an index into the given rows, followed by the made ones.
    pub worst_row: Option<usize>,
}

/// Runs `onnx` on `rows`, and on [`perturbed`] copies of them, and compares with the native model.
///
/// # Errors
/// When the graph cannot be run or does not have the model's inputs and outputs, when a column is absent, or when cancelled.
pub fn check(model: &FittedModel, onnx: &[u8], rows: &DataFrame, control: &Control) -> Result<Parity> {
    let runner = Runner::new(model, onnx)?;
    let given = Columns::read(&model.plan, rows)?;
    let made = given.perturbed(&model.plan);
    let (given_rows, made_rows) = (given.rows, made.rows);
    let mut parity = Parity {
        rows: given_rows + made_rows,
        perturbed: made_rows,
        largest_difference: 0.0,
        labels_differing: 0,
        tolerance: TOLERANCE,
        agrees: false,
        worst_row: None,
    };
    for (columns, offset) in [(given, 0), (made, given_rows)] {
        let mut from = 0;
        while from < columns.rows {
            control.check()?;
            let batch = columns.slice(from, BATCH);
            let native = model.predict(&batch.frame()?)?;
            let (labels, scores) = runner.run(&batch)?;
            compare(model, &native, &labels, &scores, offset + from, &mut parity);
            from += batch.rows;
            let share = (offset + from) as f64 / parity.rows as f64;
            control.report("ONNX beside native", Some(share), format!("{} of {} rows", offset + from, parity.rows));
        }
    }
    parity.agrees = parity.largest_difference <= TOLERANCE && parity.labels_differing == 0;
    Ok(parity)
}

/// Scores raw rows with the exported graph: the same shape as the native prediction.
///
/// # Errors
/// As [`check`].
pub fn predict(model: &FittedModel, onnx: &[u8], rows: &DataFrame) -> Result<Prediction> {
    let runner = Runner::new(model, onnx)?;
    let columns = Columns::read(&model.plan, rows)?;
    let mut scores = Array2::zeros((0, runner.scores));
    let mut from = 0;
    while from < columns.rows {
        let batch = columns.slice(from, BATCH);
        let (_, part) = runner.run(&batch)?;
        scores.append(ndarray::Axis(0), part.view()).map_err(|e| Error::local(e.to_string()))?;
        from += batch.rows;
    }
    Ok(Prediction { scores })
}

/// Rows made from the given ones: for each column one row in which it is missing and ones in which it has a value that training
/// never saw, then a row in which everything is missing and one in which nothing is known. Only the model's columns are kept.
///
/// # Errors
/// When a column is absent or of the wrong type.
pub fn perturbed(model: &FittedModel, rows: &DataFrame) -> Result<DataFrame> {
    Columns::read(&model.plan, rows)?.perturbed(&model.plan).frame()
}

fn compare(
    model: &FittedModel,
    native: &Prediction,
    labels: &[String],
    scores: &Array2<f64>,
    at: usize,
    parity: &mut Parity,
) {
    let classes = model.task.is_classification();
    for (i, (ours, theirs)) in native.scores.outer_iter().zip(scores.outer_iter()).enumerate() {
        for (a, b) in ours.iter().zip(&theirs) {
            let difference = if a == b || (a.is_nan() && b.is_nan()) {
                0.0
            } else if (a - b).is_finite() {
                (a - b).abs() / if classes { 1.0 } else { a.abs().max(1.0) }
            } else {
                f64::MAX
            };
            if difference > parity.largest_difference || parity.worst_row.is_none() {
                parity.largest_difference = difference;
                parity.worst_row = Some(at + i);
            }
        }
    }
    if !classes {
        return;
    }
    for ((row, best), label) in native.scores.outer_iter().zip(native.classes()).zip(labels) {
        if model.classes.get(best) == Some(label) || row.iter().any(|v| v.is_nan()) {
            continue;
        }
        let top = row.get(best).copied().unwrap_or(f64::NAN);
        let runner_up =
            row.iter().enumerate().filter(|(k, _)| *k != best).map(|(_, v)| *v).fold(f64::NEG_INFINITY, f64::max);
        if top - runner_up > TIE {
            parity.labels_differing += 1;
        }
    }
}

/// The graph, ready to run in tract.
struct Runner {
    plan: std::sync::Arc<TypedRunnableModel>,
    /// For each graph input, the place of its column in the model's plan.
    order: Vec<usize>,
    labelled: bool,
    scores: usize,
}

fn unusable(error: impl std::fmt::Display) -> Error {
    Error::local(format!("the exported ONNX cannot be run: {error}"))
        .hint("Nothing was pushed; please report this model")
}

impl Runner {
    fn new(model: &FittedModel, onnx: &[u8]) -> Result<Self> {
        let proto = tract_onnx::pb::ModelProto::decode(onnx).map_err(unusable)?;
        let graph = proto.graph.as_ref().ok_or_else(|| unusable("it has no graph"))?;
        let outputs: Vec<&str> = graph.output.iter().map(|o| o.name.as_str()).collect();
        if outputs != output_names(model) {
            return Err(unusable(format!("its outputs are {}", outputs.join(", "))));
        }
        let place = |name: &str| model.plan.inputs.iter().position(|i| i.name == name);
        let order = graph
            .input
            .iter()
            .map(|i| place(&i.name).ok_or_else(|| unusable(format!("the model has no column `{}`", i.name))))
            .collect::<Result<Vec<_>>>()?;
        if order.len() != model.plan.inputs.len() {
            return Err(unusable(format!("it has {} inputs, the model {}", order.len(), model.plan.inputs.len())));
        }
        let mut tract =
            super::ensemble::reader().model_for_proto_model(&proto).map_err(|e| unusable(format!("{e:#}")))?;
        let rows = tract.symbols.sym("N");
        for (at, column) in order.iter().enumerate() {
            let text = model.plan.inputs.get(*column).is_some_and(crate::model::InputColumn::is_text);
            let kind = if text { String::datum_type() } else { f64::datum_type() };
            // A model with a single column is fed [N, 1], see `onnx`.
            let shape = if order.len() == 1 { tvec![rows.to_dim(), 1.to_dim()] } else { tvec![rows.to_dim()] };
            let fact = InferenceFact::dt_shape(kind, shape);
            tract.set_input_fact(at, fact).map_err(|e| unusable(format!("{e:#}")))?;
        }
        // Typed but not decluttered: decluttering turns a division into a product with the reciprocal, which differs in the
        // last digit and may send a row down another branch of a tree.
        let plan = tract.into_typed().and_then(|m| m.into_runnable()).map_err(|e| unusable(format!("{e:#}")))?;
        let labelled = model.task.is_classification();
        Ok(Self { plan, order, labelled, scores: outputs.len() - usize::from(labelled) })
    }

    /// Labels (none for numbers) and scores of shape (rows, K).
    fn run(&self, columns: &Columns) -> Result<(Vec<String>, Array2<f64>)> {
        let mut inputs: TVec<TValue> = tvec![];
        for (_, values) in self.order.iter().filter_map(|at| columns.values.get(*at)) {
            let mut tensor = match values {
                Values::Numbers(v) => tensor1(v),
                // A missing text travels as the empty string.
                Values::Texts(v) => tensor1(&v.iter().map(|v| v.clone().unwrap_or_default()).collect::<Vec<_>>()),
            };
            if self.order.len() == 1 {
                tensor = tensor.into_shape(&[columns.rows, 1]).map_err(unusable)?;
            }
            inputs.push(tensor.into_tvalue());
        }
        let outputs = self.plan.run(inputs).map_err(|e| unusable(format!("{e:#}")))?;
        let mut outputs = outputs.into_iter();
        let mut labels = Vec::new();
        if self.labelled {
            let first = outputs.next().ok_or_else(|| unusable("it gives no label"))?;
            let view = first.to_plain_array_view::<String>().map_err(unusable)?;
            labels = view.iter().cloned().collect();
            if labels.len() != columns.rows {
                return Err(unusable(format!("{} labels for {} rows", labels.len(), columns.rows)));
            }
        }
        let mut scores = Array2::zeros((columns.rows, self.scores));
        for (k, output) in outputs.enumerate().take(self.scores) {
            let view = output.to_plain_array_view::<f64>().map_err(unusable)?;
            if view.len() != columns.rows {
                return Err(unusable(format!("{} scores for {} rows", view.len(), columns.rows)));
            }
            for (i, v) in view.iter().enumerate() {
                scores[[i, k]] = *v;
            }
        }
        Ok((labels, scores))
    }
}

/// The model's raw columns as plain vectors, in the order of its plan.
struct Columns {
    values: Vec<(String, Values)>,
    rows: usize,
}

enum Values {
    /// NaN is missing.
    Numbers(Vec<f64>),
    Texts(Vec<Option<String>>),
}

impl Columns {
    fn read(plan: &FeaturePlan, frame: &DataFrame) -> Result<Self> {
        let values = plan
            .inputs
            .iter()
            .map(|input| {
                let column = column::get(frame, &input.name)?;
                let values = if input.is_text() {
                    Values::Texts(column::texts(column)?)
                } else {
                    Values::Numbers(column::numbers(column)?)
                };
                Ok((input.name.clone(), values))
            })
            .collect::<Result<_>>()?;
        Ok(Self { values, rows: frame.height() })
    }

    fn slice(&self, from: usize, most: usize) -> Self {
        let rows = most.min(self.rows.saturating_sub(from));
        let values = self.values.iter().map(|(name, values)| {
            let part = match values {
                Values::Numbers(v) => Values::Numbers(v.iter().skip(from).take(rows).copied().collect()),
                Values::Texts(v) => Values::Texts(v.iter().skip(from).take(rows).cloned().collect()),
            };
            (name.clone(), part)
        });
        Self { values: values.collect(), rows }
    }

    fn frame(&self) -> Result<DataFrame> {
        let columns = self.values.iter().map(|(name, values)| {
            Column::from(match values {
                Values::Numbers(v) => Series::new(name.as_str().into(), v),
                Values::Texts(v) => Series::new(name.as_str().into(), v),
            })
        });
        Ok(DataFrame::new(self.rows, columns.collect())?)
    }

    fn perturbed(&self, plan: &FeaturePlan) -> Self {
        // What happens to which column in each made row; `None` is every column.
        let mut changes: Vec<(Option<usize>, usize)> = Vec::new();
        for at in 0..plan.inputs.len() {
            changes.extend((0..Change::ALL.len()).map(|c| (Some(at), c)));
        }
        changes.extend((0..Change::ALL.len()).map(|c| (None, c)));
        let values = plan.inputs.iter().enumerate().map(|(at, input)| {
            let original = self.values.get(at).map(|v| &v.1);
            let change_at = |row: usize| {
                let (which, change) = changes[row];
                which.is_none_or(|w| w == at).then(|| Change::ALL[change])
            };
            let base = |row: usize| if self.rows == 0 { 0 } else { row % self.rows };
            let values = if input.is_text() {
                Values::Texts(
                    (0..changes.len())
                        .map(|row| match (change_at(row), original) {
                            (Some(Change::Missing), _) => None,
                            (Some(Change::Unseen | Change::Extreme), _) => Some(unseen_text(input)),
                            (None, Some(Values::Texts(v))) => v.get(base(row)).cloned().flatten(),
                            _ => None,
                        })
                        .collect(),
                )
            } else {
                Values::Numbers(
                    (0..changes.len())
                        .map(|row| match (change_at(row), original) {
                            (Some(Change::Missing), _) => f64::NAN,
                            (Some(Change::Unseen), _) => unseen_number(input),
                            (Some(Change::Extreme), _) => -1e9,
                            (None, Some(Values::Numbers(v))) => v.get(base(row)).copied().unwrap_or(f64::NAN),
                            _ => f64::NAN,
                        })
                        .collect(),
                )
            };
            (input.name.clone(), values)
        });
        Self { values: values.collect(), rows: changes.len() }
    }
}

#[derive(Debug, Clone, Copy)]
enum Change {
    Missing,
    Unseen,
    Extreme,
}

impl Change {
    const ALL: [Self; 3] = [Self::Missing, Self::Unseen, Self::Extreme];
}

fn unseen_text(input: &crate::model::InputColumn) -> String {
    let mut value = String::from("(never seen)");
    if let Encoding::OneHot { levels: Levels::Text(levels), .. } = &input.encoding {
        while levels.contains(&value) {
            value.push('!');
        }
    }
    value
}

fn unseen_number(input: &crate::model::InputColumn) -> f64 {
    match &input.encoding {
        Encoding::OneHot { levels: Levels::Number(levels), .. } => levels.iter().copied().fold(0.0, f64::max) + 1.5,
        Encoding::Number { mean, scale, .. } => mean + 12.3 * scale,
        Encoding::OneHot { .. } => f64::NAN,
    }
}
