//! The walk: steps, their state, and the use cases that both faces call.

pub mod catalog;
mod charts;
mod column_charts;
mod data_steps;
mod deep;
mod differences;
pub mod record;
mod registries;
pub mod report;
mod run;
mod samples;
mod ship_steps;
pub mod spec;
mod step;
mod tell;
mod train_step;
pub mod view;
mod watch_charts;
mod watch_step;
mod workshop;

pub use charts::{RunChart, run_chart};
pub use column_charts::{ColumnChart, column_chart, distribution};
pub use data_steps::{LEAK, begin_checked, formula_leaks, inspect, leaks_used, load, prepare_step, prepared, read};
pub use deep::{Deep, assess_deep, inspect_deep};
pub use differences::{Difference, differences};
pub use registries::{check_registry, registered_models, write_package};
pub use run::{WalkReport, run_walk, runs_of};
pub use samples::{SampleFlow, sample_flow, sample_flows};
pub use ship_steps::{LogEntry, PushRecord, chosen_run, decide, package, parity, push_step, test_step};
pub use spec::Flow;
pub use step::{Step, StepState};
pub use tell::told_profile;
pub use train_step::{candidates, compare_step, compare_two, ranking_metric, train_step};
pub use watch_charts::{drift_chart, performance_charts};
pub use watch_step::{WatchRecord, align, predict, watch_step};
pub use workshop::{Walk, Workshop};
