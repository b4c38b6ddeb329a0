//! A proxy between client and server that hangs up at one chosen request.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// At which side of the server the connection breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The request never reaches the server.
    Before,
    /// The server carries the request out, and its answer is lost.
    After,
}

#[derive(Default)]
struct State {
    fault: Option<(usize, Side)>,
    requests: Vec<String>,
}

/// The proxy; its thread ends with the test's process.
pub struct FaultProxy {
    /// The address that the client shall use.
    pub url: String,
    state: Arc<Mutex<State>>,
}

impl FaultProxy {
    /// A proxy in front of `http://host:port`.
    pub fn new(upstream: &str) -> Self {
        let upstream = upstream.strip_prefix("http://").expect("a plain address").to_string();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (upstream, shared) = (upstream.clone(), Arc::clone(&shared));
                // A client that goes away is no concern of the proxy.
                std::thread::spawn(move || drop(pass(client, &upstream, &shared)));
            }
        });
        Self { url, state }
    }

    /// Starts counting anew, and hangs up at request number `fault` (from 0), if any.
    pub fn arm(&self, fault: Option<(usize, Side)>) {
        *self.state.lock().expect("not poisoned") = State { fault, requests: Vec::new() };
    }

    /// The requests since the last [`FaultProxy::arm`], as method and path.
    pub fn requests(&self) -> Vec<String> {
        self.state.lock().expect("not poisoned").requests.clone()
    }
}

/// Passes one request on; each connection carries only one.
fn pass(client: TcpStream, upstream: &str, state: &Mutex<State>) -> std::io::Result<()> {
    let mut client = BufReader::new(client);
    let mut head = String::new();
    let mut size = 0;
    loop {
        let start = head.len();
        client.read_line(&mut head)?;
        let line = head[start..].to_ascii_lowercase();
        if line.trim().is_empty() {
            head.truncate(start);
            break;
        }
        if let Some(length) = line.strip_prefix("content-length:") {
            size = length.trim().parse().unwrap_or(0);
        }
        assert!(!line.starts_with("transfer-encoding:"), "the client sends bodies with their length");
    }
    if head.is_empty() {
        return Ok(());
    }
    let mut body = vec![0; size];
    client.read_exact(&mut body)?;
    let fault = {
        let mut state = state.lock().expect("not poisoned");
        let number = state.requests.len();
        let line = head.lines().next().unwrap_or_default();
        state.requests.push(line.trim_end_matches(" HTTP/1.1").to_string());
        state.fault.filter(|(at, _)| *at == number).map(|(_, side)| side)
    };
    if fault == Some(Side::Before) {
        return Ok(());
    }
    let mut server = TcpStream::connect(upstream)?;
    server.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes())?;
    server.write_all(&body)?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer)?;
    if fault == Some(Side::After) {
        return Ok(());
    }
    client.get_mut().write_all(&answer)
}
