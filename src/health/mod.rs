//! Drift, performance over time.
