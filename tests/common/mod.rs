//! What tests of the shipped binary share.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test support, used in parts")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// The shipped binary in a folder of its own, with nothing of the caller's environment that could matter.
pub struct House {
    pub folder: tempfile::TempDir,
}

impl House {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pilothouse"));
        command.current_dir(self.path()).env_remove("PILOTHOUSE_WORKSPACE").env_remove("MLFLOW_TRACKING_URI");
        for name in std::env::vars_os().map(|(name, _)| name) {
            if name.to_string_lossy().starts_with("OPENLINEAGE") {
                command.env_remove(name);
            }
        }
        command
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.command().args(args).output().unwrap()
    }

    /// Runs a command that must end with `code`, and reads its JSON answer.
    pub fn json(&self, code: i32, args: &[&str]) -> Value {
        let output = self.run(&[args, &["--json", "--quiet"]].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{args:?}: {e}: {said}"))
    }

    /// Writes a file into the folder and returns its name.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        std::fs::write(self.path().join(name), bytes).unwrap();
        name.to_owned()
    }

    /// Runs a command that must fail with `code` and without a panic, and returns what it said.
    pub fn refused(&self, code: i32, args: &[&str]) -> String {
        let output = self.run(args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert!(!said.contains("panicked"), "{args:?}: {said}");
        said
    }
}

/// The Python with scikit-learn, onnxruntime and MLflow that `tests/setup` made.
pub fn python() -> PathBuf {
    std::env::var_os("PILOTHOUSE_TEST_PYTHON")
        .map(PathBuf::from)
        .expect("PILOTHOUSE_TEST_PYTHON is not set: run the tests with tests/run")
}

/// Runs a script of `tests/python` and returns what it printed.
pub fn script(name: &str, args: &[&str]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python").join(name);
    let output = Command::new(python()).arg(path).args(args).output().unwrap();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A sample table of the repository.
pub fn sample(file: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sample_data").join(file).display().to_string()
}
