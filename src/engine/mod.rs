//! Mergeable aggregates, and the seam at which an executor of them stands.
//!
//! Nothing above this room may depend on which executor ran: only [`Aggregates`] cross the line. A column's aggregate
//! ([`NumberColumn`], [`TextColumn`]) takes the parts of the column in any order, needs bounded memory, and ends as a
//! [`Summary`], which says what of it is exact and what is estimated with which error ([`Sketch`]). [`Summary::of`] is the
//! exact way for tables in memory. The room also owns [`Control`], the handle by which every long computation in the house
//! reports progress and learns that it should stop.

mod buckets;
mod control;
mod counts;
mod distinct;
mod executor;
mod guard;
pub mod hash;
mod histogram;
mod moments;
mod number_column;
mod numbers;
mod row_hashes;
mod row_sample;
mod sketch;
mod summary;
mod tails;
mod tally;
mod text_column;
pub mod undefined;
mod value_sample;

pub use buckets::{Bucket, Buckets, Edges};
pub use control::{Control, Progress};
pub use counts::Counts;
pub use distinct::Distinct;
pub use executor::{Aggregates, Executor};
pub use guard::{guarded, guarding};
pub use histogram::Histogram;
pub use moments::Moments;
pub use number_column::{NumberColumn, NumberPlan};
pub use numbers::numbers;
pub use row_hashes::{Repeated, RowHashes};
pub use row_sample::RowSample;
pub use sketch::{FREQUENT_SHARE, Sketch};
pub use summary::{Summary, Values};
pub use tails::{End, KEPT, Tail};
pub use tally::{Countable, Tally};
pub use text_column::{Shape, TextColumn, TextPlan};
pub use value_sample::ValueSample;
