//! Sources, schema and meaning of columns, profile, quality findings, feasibility and expressions.

mod checks;
pub mod column;
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
mod rows;
mod samples;
mod source;

pub use checks::names as check_names;
pub use dataset::{ColumnSpec, Dataset, Meaning, Physical};
pub use display::{brief, display};
pub use expression::{derive, expression_columns, filter};
pub use feasibility::{Feasibility, FeasibilityVerdict, Reason};
pub use finding::{Finding, Severity, thousands};
pub use load::{LoadOptions, load};
pub use preview::{Preview, preview};
pub use profile::{Cell, ColumnProfile, Profile, ProfileOptions, QUANTILES, Top, iso, profile, profile_with};
pub use rows::{RowQuery, cells, find_row, row_order};
pub use samples::{Sample, sample, samples};
