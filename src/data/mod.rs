//! Sources, schema and meaning of columns, profile, quality findings, feasibility and expressions.

mod association;
mod checks;
pub mod column;
pub mod contract;
mod csv;
mod dataset;
mod display;
mod expression;
mod feasibility;
mod finding;
mod join;
mod load;
mod meaning;
mod missingness;
mod order;
mod parquet;
mod parquet_bounds;
mod preview;
mod profile;
pub mod recipe;
mod redact;
mod row_groups;
mod rows;
mod samples;
mod scalar;
mod search;
pub mod source;
mod stream;
mod toml_text;
mod write;

pub use association::{
    ASSOCIATION_SAMPLE, Association, Associations, Measure, NotCompared, associations, associations_of, sample_rows,
};
pub(crate) use checks::association as measures;
pub use checks::names as check_names;
pub(crate) use checks::{in_order, mix};
pub use dataset::{ColumnSpec, Dataset, Meaning, Physical};
pub use display::{brief, display, harmless_json};
pub use expression::{derive, expression_columns, filter};
pub use feasibility::{Feasibility, FeasibilityVerdict, Reason};
pub use finding::{Finding, Severity, counted, figure, percent, thousands};
pub use load::{LoadOptions, load};
pub use missingness::{MissingBlock, Missingness, missingness, missingness_of};
pub use preview::{Preview, preview};
pub use profile::{
    Accuracy, Cell, ColumnProfile, Examined, Precision, Profile, ProfileOptions, QUANTILES, TextShape, Top, iso,
    profile, profile_with,
};
pub use redact::redact;
pub use rows::{RowQuery, cells, find_row, row_order};
pub use samples::{Sample, sample, samples};
pub use scalar::Scalar;
pub use source::SchemaChanges;
pub use stream::{Limits, examine, profile_source, profile_source_with};
pub use write::{FileType, Written, csv_to, write};
