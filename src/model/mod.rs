//! Feature plan, splits, estimators behind one trait, evaluation and explanation.

mod fitted;
mod plan;
mod task;
mod tree;

pub use fitted::{Fitted, FittedModel, Prediction};
pub use plan::{Encoding, FeaturePlan, InputColumn, Levels};
pub use task::Task;
pub use tree::Tree;
