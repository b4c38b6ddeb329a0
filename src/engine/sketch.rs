//! What a summary says about itself when a column has too many distinct values to count each.

use super::Values;

/// The part of a [`super::Summary`] that is estimated, with its error. Where a summary has none, all of it is exact.
#[derive(Debug, Clone, PartialEq)]
pub struct Sketch {
    /// About how many distinct values there are; relative standard error [`super::Distinct::ERROR`].
    pub distinct: u64,
    /// About the share of the distinct values that occur more than once, from a uniform sample of 2,048 of them.
    pub repeated: f64,
    /// A quantile of the summary's values is at most this share of the rows from the true one. This is a bound, not an estimate.
    pub rank_error: f64,
    /// Frequent values with exact counts: those frequent in a spread sample taken beforehand, and a uniform sample of
    /// the distinct values. See [`FREQUENT_SHARE`].
    pub frequent: Values,
    /// The days (since 1970) that have a row, of dates; exact.
    pub days: Option<Vec<f64>>,
}

/// A value that stands in this share of the rows or more is among the frequent ones, unless its rows lie exactly between
/// the evenly spaced pieces of the file that were looked at beforehand.
pub const FREQUENT_SHARE: f64 = 0.002;
