//! Recipes: cleaning as recorded steps, which can be undone, shown and run again on the next version of the data.
//!
//! A [`Recipe`] is read from TOML, or drafted from a profile's findings ([`suggest`]). [`apply`] is pure: a dataset goes in,
//! another comes out with a [`StepReport`] for each step. Whatever a step computed from the rows (a mean to fill with) is
//! recorded in the recipe that [`Applied::fitted`] holds, so that new rows are treated with the values of the old ones.
//!
//! A recipe sees all rows, also those that are kept back for testing. Steps that compute something from them say so; where a
//! model follows, its own imputation, fitted on training rows only, is the better place.

mod apply;
mod convert;
mod hash;
mod history;
mod join;
mod read;
mod rows;
mod spec;
mod suggest;
mod values;

pub use apply::{Applied, ColumnChange, Purpose, StepReport, apply};
pub use history::History;
pub use spec::{Action, Failures, FillWith, Keep, Recipe, Step, Target};
pub use suggest::{suggest, to_commented_toml};
