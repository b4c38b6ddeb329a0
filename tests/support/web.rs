//! A small web server with the faults of large ones.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// How the server behaves.
#[derive(Debug, Clone)]
pub struct Manners {
    /// The whole file.
    pub body: Vec<u8>,
    /// Each of the first so many answers is cut after so many bytes of body.
    pub cut: (usize, usize),
    /// Whether `Range` is heeded.
    pub ranges: bool,
    /// The version, as `ETag`.
    pub etag: Option<String>,
    /// From this request on (from 0), another body and version.
    pub changes: Option<(usize, Vec<u8>)>,
    /// More bytes are announced than are sent.
    pub lie: usize,
    /// The length is not told; the end of the connection ends the body.
    pub no_length: bool,
    /// Redirects to this place.
    pub redirect: Option<String>,
    /// Further lines of the head.
    pub head: String,
    /// The status in place of 200.
    pub status: Option<&'static str>,
}

impl Manners {
    /// An honest server.
    pub fn of(body: impl Into<Vec<u8>>) -> Self {
        Self {
            body: body.into(),
            cut: (0, 0),
            ranges: true,
            etag: Some("\"one\"".into()),
            changes: None,
            lie: 0,
            no_length: false,
            redirect: None,
            head: String::new(),
            status: None,
        }
    }
}

/// The server; its threads end with the test's process.
pub struct Web {
    /// Its address, without the last slash.
    pub url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Web {
    pub fn new(manners: Manners) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&requests);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (manners, shared) = (manners.clone(), Arc::clone(&shared));
                std::thread::spawn(move || drop(answer(client, &manners, &shared)));
            }
        });
        Self { url, requests }
    }

    /// The heads of the requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("not poisoned").clone()
    }
}

fn answer(client: TcpStream, manners: &Manners, requests: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(client);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    let number = {
        let mut requests = requests.lock().expect("not poisoned");
        requests.push(head.clone());
        requests.len() - 1
    };
    let mut client = reader.into_inner();
    if let Some(place) = manners.redirect.as_ref().filter(|_| !head.starts_with("GET /there")) {
        return write!(
            client,
            "HTTP/1.1 302 Found\r\nLocation: {place}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
    }
    let (body, etag) = match &manners.changes {
        Some((from, other)) if number >= *from => (other, Some("\"two\"".to_owned())),
        _ => (&manners.body, manners.etag.clone()),
    };
    let field = |name: &str| {
        head.lines().find_map(|l| {
            let (n, v) = l.split_once(':')?;
            n.eq_ignore_ascii_case(name).then(|| v.trim().to_owned())
        })
    };
    let wanted = field("range").and_then(|r| r.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    let wanted = wanted.filter(|_| manners.ranges && field("if-range").is_none_or(|tag| Some(tag) == etag));
    let from = wanted.unwrap_or(0).min(body.len());
    let part = &body[from..];
    let mut out = match (manners.status, wanted) {
        (Some(status), _) => format!("HTTP/1.1 {status}\r\n"),
        (None, Some(from)) => {
            format!("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {from}-{}/{}\r\n", body.len() - 1, body.len())
        }
        (None, None) => "HTTP/1.1 200 OK\r\n".to_owned(),
    };
    if !manners.no_length {
        out += &format!("Content-Length: {}\r\n", part.len() + manners.lie);
    }
    if let Some(etag) = etag {
        out += &format!("ETag: {etag}\r\n");
    }
    out += &manners.head;
    client.write_all(format!("{out}Connection: close\r\n\r\n").as_bytes())?;
    let cut = if number < manners.cut.0 { manners.cut.1.min(part.len()) } else { part.len() };
    client.write_all(&part[..cut])?;
    client.flush()?;
    client.shutdown(Shutdown::Write)
}
