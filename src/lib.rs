//! Pilothouse: one terminal from which a team takes machine-learning models from raw data to production.
//!
//! Each module is a room; data flows through them in the order of the walk
//! (load, inspect, prepare, train, compare, test, approve, push, watch). See `docs/architecture.md`.

pub mod bundle;
pub mod chart;
pub mod cli;
pub mod console;
pub mod data;
pub mod engine;
pub mod error;
mod figures;
pub mod flow;
#[cfg(test)]
#[path = "../tests/fuzz/driver.rs"]
mod fuzz_driver;
pub mod gate;
pub mod health;
pub mod jobs;
pub mod model;
mod net;
pub mod openlineage;
mod places;
pub mod registry;
pub mod store;
pub mod team;
