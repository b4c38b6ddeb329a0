//! Fuzzing of every reader of outside bytes, and of the expression parser. `tests/run` tries each for two seconds;
//! `tests/fuzz-campaign` for ten minutes, each in a process of its own. `docs/fuzzing.md` has the figures.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test must stop"
)]

mod cases;
mod columnar;
mod delimited;
mod driver;
mod escapes;
mod expressions;
mod json;
mod paths;
mod rules;
mod sqlite;
