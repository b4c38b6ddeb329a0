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
{ "$@" >"$dir/log" 2>&1; : >"$dir/ended"; } &
read -r _
kill -TERM 0
wait; wait
rm -rf "$dir"
"#;

/// A process that answers on a loopback port, with a folder of its own; it ends with the value.
struct Kept {
    url: String,
    keeper: Child,
}

impl Kept {
    /// Starts `python -m mlflow ARGUMENTS --host .. --port ..` in `dir`, and waits until it answers.
    fn start(python: &Path, dir: &Path, arguments: &[String], environment: &[(&str, &str)]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
        // MLflow starts the servers that lie beside its interpreter by their names.
        let beside = python.parent().expect("an interpreter lies in a folder").to_path_buf();
        let others = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(std::iter::once(beside).chain(std::env::split_paths(&others)));
        let keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(dir)
            .arg(python)
            .args(["-m", "mlflow"])
            .args(arguments)
            .args(["--host", "127.0.0.1", "--workers", "1", "--port", &port.to_string()])
            .env("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
            .env("PATH", path.expect("a list of folders"))
            .env_remove("MLFLOW_TRACKING_URI")
            .envs(environment.iter().copied())
            .current_dir(dir)
            .process_group(0)
            .stdin(Stdio::piped())
            .spawn()
            .expect("sh starts");
        let mut kept = Self { url: format!("http://127.0.0.1:{port}"), keeper };
        let started = Instant::now();
        while !is_healthy(port) {
            let ended = dir.join("ended").exists() || kept.keeper.try_wait().expect("it can be asked").is_some();
            assert!(
                !ended && started.elapsed() < Duration::from_secs(240),
                "MLflow does not come up:\n{}",
                std::fs::read_to_string(dir.join("log")).unwrap_or_default()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
        kept
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

fn folder() -> PathBuf {
    tempfile::Builder::new().prefix("pilothouse-mlflow-").tempdir().expect("a temporary folder").keep()
}

/// A running server.
pub struct Server {
    /// Its address.
    pub url: String,
    /// The interpreter whose MLflow it is; its client fits the server.
    pub python: PathBuf,
    /// Where the artifacts are.
    pub artifacts: PathBuf,
    _kept: Kept,
}

impl Server {
    /// Starts the MLflow of the interpreter that `variable` names, and waits until it answers.
    pub fn start(variable: &str) -> Self {
        let python = super::python(variable);
        let dir = folder();
        let artifacts = dir.join("artifacts");
        let arguments = [
            "server".into(),
            "--backend-store-uri".into(),
            format!("sqlite:///{}", dir.join("mlflow.db").display()),
            "--artifacts-destination".into(),
            artifacts.display().to_string(),
        ];
        let kept = Kept::start(&python, &dir, &arguments, &[]);
        Self { url: kept.url.clone(), python, artifacts, _kept: kept }
    }

    /// The folder under which the artifacts are.
    pub fn artifacts(&self) -> &Path {
        &self.artifacts
    }
}

/// `mlflow models serve` with one model of a server.
pub struct Scoring(Kept);

impl Scoring {
    /// Serves `uri` with the MLflow of the server that holds it, and waits until it answers.
    pub fn start(server: &Server, uri: &str) -> Self {
        let arguments = ["models", "serve", "-m", uri, "--env-manager", "local"].map(String::from);
        Self(Kept::start(&server.python, &folder(), &arguments, &[("MLFLOW_TRACKING_URI", &server.url)]))
    }

    /// Status line and body of the answer to `POST /invocations` with a JSON body.
    pub fn invoke(&self, body: &str) -> (String, String) {
        let address = self.0.url.strip_prefix("http://").expect("a plain address");
        let mut stream = TcpStream::connect(address).expect("the scoring server listens");
        write!(
            stream,
            "POST /invocations HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .expect("the request is sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the answer is text");
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer of HTTP");
        (head.lines().next().unwrap_or_default().to_string(), body.to_string())
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
