//! The seam between what is asked of a table and where it is computed.

use super::{Control, Repeated, Shape, Summary};
use crate::error::Result;

/// All that is known about a table after its rows were read once: the only thing that crosses from an executor to the
/// rooms above.
#[derive(Debug, Clone, Default)]
pub struct Aggregates {
    /// Rows in the table.
    pub rows: u64,
    /// One summary a column, in order.
    pub columns: Vec<Summary>,
    /// The looks of texts, for columns of text that have a value.
    pub shapes: Vec<Option<Shape>>,
    /// Rows that repeat an earlier one in every column.
    pub repeated: Repeated,
    /// The numbers (from 0, ascending) of the rows in the uniform sample.
    pub sampled: Vec<u64>,
}

/// What computes aggregates: a scan in this process today; the aggregates are such that a cluster could compute parts of
/// them and merge.
pub trait Executor {
    /// The sampled rows, in the form in which this executor has them.
    type Rows;

    /// Reads every row once.
    ///
    /// # Errors
    /// When the table cannot be read or is not well formed, or the work is cancelled.
    fn aggregate(&mut self, control: &Control) -> Result<(Aggregates, Self::Rows)>;
}
