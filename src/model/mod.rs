//! Feature plan, splits, estimators behind one trait, evaluation and explanation.

mod boost;
pub mod calibration;
pub mod confident;
pub mod curves;
pub mod delong;
pub mod estimators;
pub mod evaluate;
pub mod explain;
pub mod feasibility;
mod fitted;
pub mod groups;
mod grow;
pub mod label_errors;
pub mod leakage;
pub mod many;
pub mod metrics;
pub mod paired;
mod plan;
pub mod prepare;
mod resample;
pub mod segments;
pub mod split;
mod target;
mod task;
pub mod threshold;
pub mod train;
mod tree;

pub use fitted::{Fitted, FittedModel, Link, Prediction};
pub use plan::{Encoding, FeaturePlan, InputColumn, Levels};
pub use prepare::Prepared;
pub use target::{Target, find_classes, find_task};
pub use task::Task;
pub use tree::Tree;
