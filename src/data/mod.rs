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
mod samples;
mod source;

pub(crate) use checks::association;
pub use checks::names as check_names;
pub(crate) use checks::{in_order, mix};
pub use dataset::{ColumnSpec, Dataset, Meaning, Physical};
pub use display::{brief, display};
pub use expression::{derive, expression_columns, filter};
pub use feasibility::{Feasibility, FeasibilityVerdict, Reason};
pub use finding::{Finding, Severity};
pub(crate) use finding::{counted, figure, percent, thousands};
pub use load::{LoadOptions, load};
pub use preview::{Preview, preview};
pub use profile::{Cell, ColumnProfile, Profile, ProfileOptions, QUANTILES, Top, iso, profile, profile_with};
pub use samples::{Sample, sample, samples};
