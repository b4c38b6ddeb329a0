//! Data contracts: what a table promises, written as data, checked headless, exported as a standard.
//!
//! A [`Contract`] is read from TOML ([`Contract::parse`]), drafted from a table that is believed to be right ([`draft`]),
//! checked against a table ([`check`]) and exported as Open Data Contract Standard YAML ([`to_odcs`]). `docs/rules.md`
//! describes the file.

mod check;
#[cfg(test)]
mod check_tests;
mod draft;
mod junit;
mod new_rows;
mod odcs;
mod read;
mod report;
mod spec;
mod write;
mod yaml;

pub use check::check;
pub use draft::draft;
pub use junit::junit;
pub use odcs::to_odcs;
pub use report::{Example, Outcome, Report, Verdict};
pub use spec::{
    ColumnRules, ColumnType, Contract, ExtraColumns, Fresh, Length, NotNull, Pattern, Range, Relation, Rows, Span,
    Unique, UniqueKey, ValueSet,
};
