//! Sources, schema and meaning of columns, profile, quality findings, feasibility and expressions.

mod checks;
pub mod column;
pub mod contract;
mod csv;
mod dataset;
mod display;
mod expression;
mod feasibility;
mod finding;
mod load;
mod meaning;
mod parquet;
mod preview;
mod profile;
pub mod recipe;
mod samples;
mod scalar;
mod source;
mod toml_text;
mod write;

pub use checks::names as check_names;
pub use dataset::{ColumnSpec, Dataset, Meaning, Physical};
pub use display::{brief, display};
pub use expression::{derive, expression_columns, filter};
pub use feasibility::{Feasibility, FeasibilityVerdict, Reason};
pub use finding::{Finding, Severity};
pub use load::{LoadOptions, load};
pub use preview::{Preview, preview};
pub use profile::{Cell, ColumnProfile, Profile, ProfileOptions, QUANTILES, Top, profile, profile_with};
pub use samples::{Sample, sample, samples};
pub use scalar::Scalar;
pub use write::{FileType, Written, csv_to, write};
