//! A proxy in front of any server that cuts connections after some bytes of the server's answer.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The proxy; its threads end with the test's process.
pub struct CutProxy {
    /// The port on loopback.
    pub port: u16,
    /// Connections cut so far.
    pub cuts: Arc<AtomicUsize>,
}

impl CutProxy {
    /// A proxy that cuts each of the first `times` connections whose server sends more than `after` bytes.
    pub fn new(upstream: u16, after: usize, times: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let cuts = Arc::new(AtomicUsize::new(0));
        let shared = Arc::clone(&cuts);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let cuts = Arc::clone(&shared);
                std::thread::spawn(move || drop(pass(client, upstream, after, times, &cuts)));
            }
        });
        Self { port, cuts }
    }
}

fn pass(client: TcpStream, upstream: u16, after: usize, times: usize, cuts: &AtomicUsize) -> std::io::Result<()> {
    let mut server = TcpStream::connect(("127.0.0.1", upstream))?;
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    std::thread::spawn(move || {
        drop(std::io::copy(&mut from_client, &mut to_server));
        drop(to_server.shutdown(Shutdown::Write));
    });
    let mut client = client;
    let mut buffer = [0u8; 4096];
    let mut sent = 0;
    loop {
        let n = server.read(&mut buffer)?;
        if n == 0 {
            break;
        }
        if sent + n > after && cuts.load(Ordering::SeqCst) < times {
            cuts.fetch_add(1, Ordering::SeqCst);
            client.write_all(&buffer[..after - sent])?;
            break;
        }
        client.write_all(&buffer[..n])?;
        sent += n;
    }
    client.shutdown(Shutdown::Both)?;
    server.shutdown(Shutdown::Both)
}
