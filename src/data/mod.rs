//! Sources, schema and meaning of columns, profile, quality findings, feasibility and recipes.

pub mod column;
mod dataset;

pub use dataset::{ColumnSpec, Dataset, Meaning, Physical};
