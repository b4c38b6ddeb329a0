//! Is the model still where it was trained? Drift of its inputs, performance over time, and the verdict on both.
//!
//! - [`DriftReference`] keeps the training data's shape in a few kilobytes; [`DriftReference::compare`] and [`drift()`]
//!   say which columns moved, by an effect size *and* a calibrated p corrected over columns.
//! - [`performance_over_time`] computes metrics by period where labels have come, and the first period that leaves
//!   the range seen on the hold-out.
//! - [`regime()`] puts both together in one verdict.

mod drift;
mod performance;
mod period;
mod permutation;
mod reference;
mod regime;
pub mod score;
mod shapes;
pub mod stats;

pub use drift::{ColumnDrift, DriftOptions, DriftReport, Method, Verdict, drift};
pub use performance::{Answers, Band, Metric, Performance, PerformanceOptions, Period, performance_over_time};
pub use period::{Every, times};
pub use reference::{Bins, DriftReference, ReferenceColumn};
pub use regime::{Regime, RegimeState, regime};
