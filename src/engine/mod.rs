//! Executors of mergeable aggregates. Today there is one: Polars in this process.
//!
//! Nothing above this room may depend on which executor ran. The room also owns [`Control`], the handle by which
//! every long computation in the house reports progress and learns that it should stop.

mod control;

pub use control::{Control, Progress};
