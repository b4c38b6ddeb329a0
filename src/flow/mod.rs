//! The walk: steps, their state, and the use cases that both faces call.

mod data_steps;
pub mod record;
mod run;
mod ship_steps;
pub mod spec;
mod step;
mod train_step;
mod watch_step;
mod workshop;

pub use data_steps::{LEAK, formula_leaks, inspect, leaks_used, load, prepare_step, prepared, read};
pub use run::{WalkReport, run_walk, runs_of};
pub use ship_steps::{LogEntry, PushRecord, chosen_run, decide, package, parity, push_step, test_step};
pub use spec::Flow;
pub use step::{Step, StepState};
pub use train_step::{candidates, compare_step, compare_two, ranking_metric, train_step};
pub use watch_step::{WatchRecord, align, predict, watch_step};
pub use workshop::{Walk, Workshop};
