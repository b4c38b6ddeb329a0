//! A real server of the S3 protocol (moto) that checks signatures, on a loopback port.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running server with a bucket `tables`.
pub struct Storage {
    pub port: u16,
    /// Access key and secret key of a user who may read.
    pub keys: (String, String),
    server: Child,
}

/// Ends the server when the pipe from the test breaks.
const KEEPER: &str = r#""$@" >/dev/null 2>&1 & pid=$!; read -r _; kill $pid; wait $pid"#;

impl Storage {
    /// Starts a server and puts the files of a folder into its bucket.
    pub fn start(folder: &Path) -> Self {
        let python = super::python("PILOTHOUSE_TEST_S3_PYTHON");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
        let server = Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(python.parent().expect("a folder").join("moto_server"))
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            // The three requests that make the user; all others must be signed by its keys.
            .env("INITIAL_NO_AUTH_ACTION_COUNT", "3")
            .stdin(Stdio::piped())
            .spawn()
            .expect("moto_server starts");
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(started.elapsed() < Duration::from_secs(60), "moto does not come up");
            std::thread::sleep(Duration::from_millis(100));
        }
        let endpoint = format!("http://127.0.0.1:{port}");
        let said =
            super::run_python(&python, "s3_server_setup.py", &[&endpoint, folder.to_str().expect("a plain path")]);
        let (key, secret) = said.trim().split_once(' ').expect("two keys");
        Self { port, keys: (key.to_owned(), secret.to_owned()), server }
    }
}

impl Drop for Storage {
    fn drop(&mut self) {
        drop(self.server.stdin.take());
        let _ = self.server.wait();
    }
}
