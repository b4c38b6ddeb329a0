//! The charts of the house, built from plain slices. Each writes its own sentence.

mod bars;
mod calibration;
mod curves;
mod numbers;
mod table;
mod time;

pub use bars::{DriftBar, bars_by_category, drift, histogram, importance};
pub use calibration::{CalibrationBin, calibration};
pub use curves::{Curve, precision_recall, roc};
pub use numbers::{predicted_actual, residuals};
pub use table::confusion;
pub use time::{OverTime, TimePoint, over_time};

/// Columns to which a chart's series are reduced when it is built: twice the widest terminal.
pub(crate) const COLUMNS: usize = 1024;

/// "a, b and c"; more than `most` become "a, b and 5 more".
fn list(names: &[&str], most: usize) -> String {
    match names {
        [] => String::new(),
        [only] => (*only).to_owned(),
        _ if names.len() > most => format!("{} and {} more", names[..most].join(", "), names.len() - most),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
