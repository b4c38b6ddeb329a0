//! The portable model: native form, ONNX, SQL, signature, card, environment and digest.
//!
//! [`onnx::export`] turns a fitted model into an ONNX graph that takes raw rows, [`parity::check`] runs that graph in this
//! process beside the native model, and [`build`] packs both with what MLflow and people need into a [`Bundle`].
//! What depends on a server (the `MLmodel` file with its ids) is written at push time by [`mlmodel`].

mod card;
mod ensemble;
mod environment;
mod folder;
mod mlmodel;
pub mod onnx;
pub mod parity;
mod signature;
pub mod sql;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod tests;
#[cfg(test)]
use crate as house;

pub use card::{CardFacts, GateFact, MetricFact};
pub use environment::TESTED;
pub use folder::{Bundle, BundleInput, CONTRACT_FILE, INDEX_FILE, RECIPE_FILE, build, digest, read, write};
pub use mlmodel::{MlmodelIds, mlmodel};
