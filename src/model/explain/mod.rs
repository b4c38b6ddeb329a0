//! Why a model says what it says: contributions of columns to one answer and to all, dependence on one column, similar rows.
//!
//! Contributions are Shapley values (Lundberg and Lee 2017): they add up to the answer. They are computed per encoded feature and
//! told per raw column, whose features' contributions are added.

mod dependence;
mod importance;
mod linear;
mod neighbours;
mod sampled;
mod tree_shap;

use ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

pub use dependence::{Dependence, GridPoint, partial_dependence};
pub use importance::{ImportanceRange, importance_ranges};
pub use neighbours::{Neighbour, nearest};
pub use tree_shap::{Member, TreeShap, covers};

use super::{FeaturePlan, Fitted, FittedModel, Link, Task};
use crate::engine::Control;
use crate::error::Result;

/// How contributions were computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShapMethod {
    /// Exact for a weighted sum; what is not known of a row is taken from the background rows, column by column.
    Linear,
    /// Exact for trees; what is not known of a row is what the rows on its way through the tree had (path-dependent TreeSHAP).
    Tree,
    /// Estimated from random orders of the columns, with a standard error.
    Sampled,
}

/// What a column adds to an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contribution {
    /// The raw column.
    pub column: String,
    /// What it adds, on the scale of the explanation.
    pub value: f64,
    /// Standard error, where the contribution is estimated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<f64>,
}

/// The scale on which contributions add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// The logarithm of the odds (more than two classes: of the class's weight in the softmax).
    LogOdds,
    /// A probability, before calibration if there is one.
    Probability,
    /// The unit of the target.
    Target,
    /// The logarithm of the target, for models that learn it.
    LogTarget,
}

impl Scale {
    /// What a contribution is counted in, in words.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::LogOdds => "log odds",
            Self::Probability => "probability",
            Self::Target => "units of the target",
            Self::LogTarget => "log of the target",
        }
    }
}

/// Why one row got its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RowExplanation {
    /// The answer without knowing anything of the row.
    pub base: f64,
    /// The columns, the largest contribution first.
    pub contributions: Vec<Contribution>,
    /// Base and contributions together: the answer.
    pub total: f64,
}

/// Mean size of a column's contributions over many rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GlobalContribution {
    /// The raw column.
    pub column: String,
    /// Mean of the absolute contributions.
    pub mean_absolute: f64,
    /// Mean of the contributions themselves.
    pub mean: f64,
}

/// Explains a model's answers for one output.
pub struct Explainer<'a> {
    model: &'a FittedModel,
    background: ArrayView2<'a, f64>,
    output: usize,
    trees: Option<TreeShap<'a>>,
    means: Vec<f64>,
}

/// Background rows beyond which no more are used by the sampled method.
const SAMPLED_BACKGROUND: usize = 100;

impl<'a> Explainer<'a> {
    /// Prepares explanations of output `output` (a class, or 0 for numbers). `background` are encoded rows that stand for what is
    /// not known of a row.
    #[must_use]
    pub fn new(model: &'a FittedModel, background: ArrayView2<'a, f64>, output: usize) -> Self {
        let trees = match &model.fitted {
            Fitted::Trees { base, outputs, trees } => {
                let (members, scale) = TreeShap::forest(trees, *outputs);
                Some(TreeShap::new(members, scale, vec![*base; *outputs], background))
            }
            Fitted::Boosted { base, scale, trees, .. } => {
                let members = trees.iter().enumerate();
                let members = members.map(|(t, tree)| Member { tree, first: t % base.len().max(1), outputs: 1 });
                Some(TreeShap::new(members.collect(), *scale, base.clone(), background))
            }
            _ => None,
        };
        let means =
            (0..background.ncols()).map(|f| background.column(f).sum() / background.nrows().max(1) as f64).collect();
        Self { model, background, output, trees, means }
    }

    /// How contributions are computed for this model.
    #[must_use]
    pub fn method(&self) -> ShapMethod {
        match &self.model.fitted {
            Fitted::Trees { .. } | Fitted::Boosted { .. } => ShapMethod::Tree,
            Fitted::Linear { .. } | Fitted::Logistic { .. } | Fitted::Dummy { .. } => ShapMethod::Linear,
            Fitted::GaussianNb { .. } => ShapMethod::Sampled,
        }
    }

    /// The scale of base, contributions and total.
    #[must_use]
    pub fn scale(&self) -> Scale {
        match (self.model.task, &self.model.fitted) {
            (_, Fitted::Boosted { link: Link::Log, .. }) => Scale::LogTarget,
            (Task::Regression, _) => Scale::Target,
            (_, Fitted::Logistic { .. } | Fitted::Boosted { .. }) => Scale::LogOdds,
            _ => Scale::Probability,
        }
    }

    /// Which raw score of the trees speaks for the output, and whether for or against it.
    fn raw_score(&self) -> (usize, f64) {
        match (&self.model.fitted, self.output) {
            // One raw score speaks for the second of two classes.
            (Fitted::Boosted { link: Link::Logit, .. }, 0) => (0, -1.0),
            (Fitted::Boosted { link: Link::Logit, .. }, _) => (0, 1.0),
            (_, output) => (output, 1.0),
        }
    }

    /// Explains one encoded row.
    ///
    /// # Errors
    /// When cancelled.
    pub fn row(&self, row: ArrayView1<'_, f64>, seed: u64, control: &Control) -> Result<RowExplanation> {
        control.check()?;
        let (base, mut contributions) = match &self.model.fitted {
            Fitted::GaussianNb { .. } => {
                let rows = self.background.nrows().min(SAMPLED_BACKGROUND);
                let background = self.background.slice_axis(Axis(0), (..rows).into());
                sampled::contributions(self.model, background, row, self.output, seed, control)?
            }
            fitted => {
                let (base, features) = match (fitted, &self.trees) {
                    (_, Some(trees)) => {
                        let (score, sign) = self.raw_score();
                        let features = trees.row(row, score).into_iter().map(|v| sign * v).collect();
                        (sign * trees.base(score), features)
                    }
                    _ => linear::contributions(fitted, &self.means, row, self.output),
                };
                (base, by_column(&self.model.plan, &features))
            }
        };
        let total = base + contributions.iter().map(|c| c.value).sum::<f64>();
        contributions.sort_by(|a, b| b.value.abs().total_cmp(&a.value.abs()).then_with(|| a.column.cmp(&b.column)));
        Ok(RowExplanation { base, contributions, total })
    }

    /// Explains many encoded rows and says how much each column moves the answers, the most first.
    ///
    /// # Errors
    /// When cancelled.
    pub fn global(&self, rows: &Array2<f64>, seed: u64, control: &Control) -> Result<Vec<GlobalContribution>> {
        let all: Vec<RowExplanation> = (0..rows.nrows())
            .into_par_iter()
            .map(|r| self.row(rows.row(r), seed.wrapping_add(r as u64), control))
            .collect::<Result<_>>()?;
        let mut found: Vec<GlobalContribution> = self
            .model
            .plan
            .inputs
            .iter()
            .map(|input| {
                let values: Vec<f64> = all
                    .iter()
                    .filter_map(|e| e.contributions.iter().find(|c| c.column == input.name).map(|c| c.value))
                    .collect();
                let n = values.len().max(1) as f64;
                GlobalContribution {
                    column: input.name.clone(),
                    mean_absolute: values.iter().map(|v| v.abs()).sum::<f64>() / n,
                    mean: values.iter().sum::<f64>() / n,
                }
            })
            .collect();
        found.sort_by(|a, b| b.mean_absolute.total_cmp(&a.mean_absolute).then_with(|| a.column.cmp(&b.column)));
        Ok(found)
    }
}

/// Features' contributions added up over each raw column.
fn by_column(plan: &FeaturePlan, features: &[f64]) -> Vec<Contribution> {
    let mut start = 0;
    plan.inputs
        .iter()
        .map(|input| {
            let own = features.get(start..start + input.width()).unwrap_or_default();
            start += input.width();
            Contribution { column: input.name.clone(), value: own.iter().sum(), error: None }
        })
        .collect()
}

#[cfg(test)]
mod tests;
