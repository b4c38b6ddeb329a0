//! The walk: steps, their state, and the use cases that both faces call.

pub mod attached;
mod charts;
mod data_steps;
mod differences;
pub mod record;
mod registries;
mod run;
mod samples;
mod ship_steps;
pub mod spec;
mod step;
mod train_step;
pub mod view;
mod watch_charts;
mod watch_step;
mod workshop;

pub use charts::{RunChart, run_chart};
pub use data_steps::{LEAK, begin_checked, formula_leaks, inspect, leaks_used, load, prepare_step, prepared, read};
pub use differences::{Difference, differences};
pub use registries::{check_registry, registered_models, write_package};
pub use run::{WalkReport, run_walk, runs_of};
pub use samples::{SampleFlow, sample_flow, sample_flows};
pub use ship_steps::{LogEntry, PushRecord, chosen_run, decide, package, parity, push_step, test_step};
pub use spec::Flow;
pub use step::{Step, StepState};
pub use train_step::{candidates, compare_step, compare_two, ranking_metric, train_step};
pub use watch_charts::{drift_chart, performance_charts};
pub use watch_step::{WatchRecord, align, predict, watch_step};
pub use workshop::{Walk, Workshop};
