//! Staged tests with a verdict, a threshold, evidence and a reason.
