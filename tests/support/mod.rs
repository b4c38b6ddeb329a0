//! What the integration tests share: real servers and a proxy that breaks connections.
#![allow(dead_code, reason = "each test binary uses its part")]

pub mod cut_proxy;
pub mod fault_proxy;
pub mod mlflow;
pub mod postgres;
pub mod s3;
pub mod web;

use std::path::PathBuf;
use std::process::Command;

/// The interpreter that `tests/setup` made; its variable's name says which.
pub fn python(variable: &str) -> PathBuf {
    let path = std::env::var_os(variable).unwrap_or_else(|| {
        panic!("{variable} is not set: run the tests by `tests/run`, or `source <(tests/setup)` first")
    });
    let path = PathBuf::from(path);
    assert!(path.is_file(), "{variable} names {}, which is not there: run `tests/setup`", path.display());
    path
}

/// Runs a script of `tests/python` and hands back what it printed; panics with its errors when it fails.
pub fn run_python(python: &std::path::Path, script: &str, arguments: &[&str]) -> String {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/python").join(script);
    let output = Command::new(python).arg(&script).args(arguments).output().expect("python starts");
    assert!(
        output.status.success(),
        "{} {arguments:?} failed\n{}\n{}",
        script.display(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("the script prints UTF-8")
}
