//! A real MLflow server on a loopback port, with a database and artifacts of its own.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Stops the server's process group, and only it, when the pipe from the test breaks: by drop, or because the test's
/// process ended in whatever way. Then it removes the server's folder.
const KEEPER: &str = r#"
dir=$1; shift
trap : TERM
"$@" >"$dir/log" 2>&1 &
read -r _
kill -TERM 0
wait; wait
rm -rf "$dir"
"#;

/// A running server.
pub struct Server {
    /// Its address.
    pub url: String,
    /// The interpreter whose MLflow it is; its client fits the server.
    pub python: PathBuf,
    /// Where the artifacts are.
    pub artifacts: PathBuf,
    keeper: Child,
}

impl Server {
    /// Starts the MLflow of the interpreter that `variable` names, and waits until it answers.
    pub fn start(variable: &str) -> Self {
        let python = super::python(variable);
        let dir = tempfile::Builder::new().prefix("pilothouse-mlflow-").tempdir().expect("a temporary folder").keep();
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
        let artifacts = dir.join("artifacts");
        let keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(&dir)
            .arg(&python)
            .args(["-m", "mlflow", "server", "--host", "127.0.0.1", "--workers", "1", "--port", &port.to_string()])
            .arg("--backend-store-uri")
            .arg(format!("sqlite:///{}", dir.join("mlflow.db").display()))
            .arg("--artifacts-destination")
            .arg(&artifacts)
            .env("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
            .env_remove("MLFLOW_TRACKING_URI")
            .current_dir(&dir)
            .process_group(0)
            .stdin(Stdio::piped())
            .spawn()
            .expect("sh starts");
        let mut server = Self { url: format!("http://127.0.0.1:{port}"), python, artifacts, keeper };
        let started = Instant::now();
        while !is_healthy(port) {
            let ended = server.keeper.try_wait().expect("the keeper can be asked").is_some();
            assert!(
                !ended && started.elapsed() < Duration::from_secs(240),
                "MLflow does not come up:\n{}",
                std::fs::read_to_string(dir.join("log")).unwrap_or_default()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
        server
    }

    /// The folder under which the artifacts are.
    pub fn artifacts(&self) -> &Path {
        &self.artifacts
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

fn is_healthy(port: u16) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}
