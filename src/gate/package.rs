//! Gates on the files that would be shipped.

use super::{Gate, Stage, Thresholds};

/// What is known of the package.
#[derive(Debug, Clone, PartialEq)]
pub struct PackageFacts {
    /// Largest difference between the package's scores and the model's.
    pub parity_difference: f64,
    /// Rows whose label differs beyond ties.
    pub labels_differing: usize,
    /// Rows compared.
    pub parity_rows: usize,
    /// Milliseconds to score one row in a batch.
    pub row_ms: f64,
    /// Rows in that batch.
    pub timed_rows: usize,
    /// Size of all files in bytes.
    pub bytes: usize,
    /// The files' names.
    pub files: Vec<String>,
}

/// The package stage.
#[must_use]
pub fn package_gates(facts: &PackageFacts, t: &Thresholds) -> Vec<Gate> {
    let gate = |name, pass, value, threshold, message, evidence| {
        Gate::new(name, Stage::Package, pass, value, threshold, message, evidence)
    };
    let megabytes = facts.bytes as f64 / 1e6;
    vec![
        gate(
            "parity",
            facts.parity_difference <= t.max_parity_difference && facts.labels_differing == 0,
            facts.parity_difference,
            t.max_parity_difference,
            format!(
                "ONNX and model differ by at most {:.1e}, and {} labels differ",
                facts.parity_difference, facts.labels_differing
            ),
            format!(
                "the exported bytes run on {} rows: rows kept back, and copies of them with missing and unseen values",
                facts.parity_rows
            ),
        ),
        gate(
            "row_time",
            facts.row_ms <= t.max_row_ms,
            facts.row_ms,
            t.max_row_ms,
            format!("{:.4} ms to score a row, at most {} allowed", facts.row_ms, t.max_row_ms),
            format!("the native model on a batch of {} rows", facts.timed_rows),
        ),
        gate(
            "package_size",
            megabytes <= t.max_package_mb,
            megabytes,
            t.max_package_mb,
            format!("{megabytes:.2} MB, at most {} allowed", t.max_package_mb),
            facts.files.join(", "),
        ),
    ]
}
