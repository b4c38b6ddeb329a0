//! Executors of mergeable aggregates. Today there is one: Polars in this process.
//!
//! Nothing above this room may depend on which executor ran. [`Summary`] is the aggregate: summaries of parts of a
//! column merge into the summary of the whole in any order, so that parts may be computed anywhere. The room also owns
//! [`Control`], the handle by which every long computation in the house reports progress and learns that it should stop.

mod control;
mod guard;
mod histogram;
mod moments;
mod numbers;
mod summary;
mod tally;
pub mod undefined;

pub use control::{Control, Progress};
pub use guard::{guarded, guarding};
pub use histogram::Histogram;
pub use moments::Moments;
pub use numbers::numbers;
pub use summary::{Summary, Values};
pub use tally::{Countable, Tally};
