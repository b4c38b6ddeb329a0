//! One object over HTTP into the spool, going on where a broken connection left off.
//!
//! A server's `ETag` (or date of change) goes along with the request for the rest, so that the rest of another version is
//! never put behind the beginning of this one: when the object has changed, or the server does not do ranges, the
//! fetching begins anew.

use std::io::Read;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use reqwest::blocking::{Client, ClientBuilder, RequestBuilder};
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, IF_RANGE, LAST_MODIFIED, RANGE, RETRY_AFTER};
use reqwest::{Certificate, Url, redirect};

use super::spool::{Spool, SpoolFile, Spooled};
use crate::data::display::brief;
use crate::engine::Control;
use crate::error::{Error, Result};
use crate::net::{backoff, install_ring, is_loopback, pause, root_cause};

/// Tries without progress before giving up.
const TRIES: u32 = 5;
/// Beginnings from zero before giving up.
const BEGINNINGS: u32 = 4;
/// What counts as progress, bytes: a server that gives a few bytes a connection would keep us busy for ever.
const PROGRESS: u64 = 256 << 10;
const BASE: Duration = Duration::from_millis(200);
const CAP: Duration = Duration::from_secs(5);
/// The longest wait that a server may ask for.
const LONGEST: Duration = Duration::from_secs(30);
/// The longest silence.
const SILENCE: Duration = Duration::from_secs(60);
const CHUNK: usize = 256 << 10;
/// Bytes of an error's body that are looked at.
const REFUSAL: usize = 16 << 10;

/// An object that can be asked for, anew for each try.
pub trait Ask {
    /// A request for the whole object, without ranges.
    ///
    /// # Errors
    /// When it cannot be made.
    fn request(&self) -> Result<RequestBuilder>;

    /// A refusal in words.
    fn refusal(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> Error;

    /// The object's name for people.
    fn shown(&self) -> String;
}

/// What the thread that speaks to the server tells.
enum Event {
    Head(u16, Box<HeaderMap>),
    Block(Vec<u8>),
    End,
    /// The words, and whether trying again could help.
    Broke(String, bool),
}

/// A client for an address, with the waits and redirects of this house.
///
/// # Errors
/// When TLS cannot be set up.
pub fn client(url: &Url, authority: Option<&[Certificate]>, follow: bool) -> Result<Client> {
    install_ring();
    let builder = || -> ClientBuilder {
        let builder = Client::builder()
            .user_agent(concat!("pilothouse/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(10))
            // Of each wait, not of the whole transfer.
            .timeout(SILENCE)
            .redirect(redirect::Policy::custom(move |attempt| {
                if !follow {
                    // What is signed for one host, with its token, is for no other.
                    return attempt.stop();
                }
                let was_safe = attempt.previous().last().is_some_and(|from| from.scheme() == "https");
                if attempt.previous().len() > 10 {
                    attempt.error("it redirects more than ten times")
                } else if was_safe && attempt.url().scheme() != "https" {
                    attempt.error("it redirects from https to an address without TLS")
                } else {
                    attempt.follow()
                }
            }));
        if is_loopback(url) { builder.no_proxy() } else { builder }
    };
    let built = match authority {
        Some(certificates) => builder().tls_certs_only(certificates.to_vec()).build(),
        None => builder().build(),
    };
    built
        // Without TLS no certificates are looked at; do not fail on a box that has none installed.
        .or_else(|error| match url.scheme() {
            "http" => builder().tls_certs_only(std::iter::empty::<Certificate>()).build(),
            _ => Err(error),
        })
        .map_err(|e| {
            Error::local(format!("the HTTP client cannot start: {}", root_cause(&e)))
                .hint("Install the system's CA certificates (package ca-certificates)")
        })
}

/// Sends a request on a thread of its own, so that a cancel need not wait for a silent server.
fn send(request: RequestBuilder) -> Receiver<Event> {
    let (tell, told) = sync_channel(4);
    std::thread::spawn(move || speak(request, &tell));
    told
}

fn speak(request: RequestBuilder, tell: &SyncSender<Event>) {
    let broke = |error: &(dyn std::error::Error + 'static), again: bool| {
        drop(tell.send(Event::Broke(brief(&root_cause(error), 160), again)));
    };
    let mut response = match request.send() {
        Ok(response) => response,
        Err(e) => {
            let words = root_cause(&e).to_ascii_lowercase();
            return broke(&e, !e.is_builder() && !e.is_redirect() && !words.contains("certificate"));
        }
    };
    if tell.send(Event::Head(response.status().as_u16(), Box::new(response.headers().clone()))).is_err() {
        return;
    }
    loop {
        let mut block = vec![0u8; CHUNK];
        match response.read(&mut block) {
            Ok(0) => return drop(tell.send(Event::End)),
            Ok(n) => {
                block.truncate(n);
                if tell.send(Event::Block(block)).is_err() {
                    return;
                }
            }
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return broke(&e, true),
        }
    }
}

fn next(events: &Receiver<Event>, control: &Control) -> Result<Event> {
    loop {
        control.check()?;
        match events.recv_timeout(Duration::from_millis(50)) {
            Ok(event) => return Ok(event),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Ok(Event::Broke("the connection ended without a word".to_owned(), true));
            }
        }
    }
}

fn header(headers: &HeaderMap, name: impl reqwest::header::AsHeaderName) -> Option<&str> {
    headers.get(name).and_then(|v| v.to_str().ok()).map(str::trim).filter(|v| !v.is_empty())
}

/// What tells one version of the object from another, in a form that `If-Range` takes: a strong `ETag`, else a date.
fn validator(headers: &HeaderMap) -> Option<String> {
    header(headers, ETAG)
        .filter(|tag| !tag.starts_with("W/"))
        .or_else(|| header(headers, LAST_MODIFIED))
        .map(str::to_owned)
}

/// First byte and whole size of `bytes FIRST-LAST/SIZE`.
fn content_range(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let (range, size) = header(headers, CONTENT_RANGE)?.strip_prefix("bytes ")?.split_once('/')?;
    Some((range.split_once('-')?.0.parse().ok()?, size.parse().ok()))
}

/// The digest of the content that a server may tell, SHA-256 in base64.
fn told_digest(headers: &HeaderMap) -> Option<String> {
    let parts = ["repr-digest", "digest"].iter().filter_map(|name| header(headers, *name)).flat_map(|v| v.split(','));
    parts
        .filter_map(|part| part.trim().split_once('='))
        .find(|(name, _)| name.eq_ignore_ascii_case("sha-256"))
        .map(|(_, value)| value.trim_matches(':').to_owned())
}

/// Hex digits as base64.
fn base64_of_hex(hex: &str) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: Vec<u32> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
    let bytes: Vec<u32> = bits.chunks(2).map(|pair| pair.iter().fold(0, |sum, d| sum * 16 + d)).collect();
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let all = three.iter().fold(0, |sum, b| sum << 8 | b) << (8 * (3 - three.len()));
        for at in 0..4 {
            let letter = LETTERS.get((all >> (18 - 6 * at) & 63) as usize).copied().unwrap_or(b'=');
            text.push(if at <= three.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

/// How far a transfer is.
struct Transfer<'a> {
    ask: &'a dyn Ask,
    control: &'a Control,
    out: SpoolFile,
    validator: Option<String>,
    total: Option<u64>,
    digest: Option<String>,
    failures: u32,
    beginnings: u32,
    /// Bytes at the last break.
    mark: u64,
    changed: bool,
    /// The most bytes that one beginning came to, and of how many.
    farthest: (u64, Option<u64>),
}

enum Outcome {
    Done,
    Broke { words: String, again: bool, wait: Option<Duration> },
}

impl Transfer<'_> {
    /// Begins anew: nothing that was fetched is kept.
    fn forget(&mut self) -> Result<()> {
        self.note_distance();
        (self.validator, self.total, self.digest, self.mark) = (None, None, None, 0);
        self.out.restart()
    }

    fn note_distance(&mut self) {
        if self.out.written() >= self.farthest.0 {
            self.farthest = (self.out.written(), self.total.or(self.farthest.1));
        }
    }

    fn once(&mut self) -> Result<Outcome> {
        let from = self.out.written();
        let mut request = self.ask.request()?.header("Accept-Encoding", "identity");
        let resuming = match &self.validator {
            Some(validator) if from > 0 => {
                request = request.header(RANGE, format!("bytes={from}-")).header(IF_RANGE, validator);
                true
            }
            _ => {
                self.forget()?;
                false
            }
        };
        if !resuming {
            self.beginnings += 1;
        }
        let events = send(request);
        let (status, headers) = match next(&events, self.control)? {
            Event::Head(status, headers) => (status, headers),
            Event::Broke(words, again) => return Ok(Outcome::Broke { words, again, wait: None }),
            Event::Block(_) | Event::End => return Err(Error::remote("the answer has no beginning")),
        };
        match status {
            200 => {
                if resuming {
                    self.beginnings += 1;
                    self.changed |= validator(&headers) != self.validator;
                    self.forget()?;
                }
                self.validator = validator(&headers);
                self.total = header(&headers, CONTENT_LENGTH).and_then(|n| n.parse().ok());
                self.digest = told_digest(&headers);
            }
            206 if resuming => {
                let fits = content_range(&headers).is_some_and(|(first, size)| {
                    first == from && (size.is_none() || self.total.is_none() || size == self.total)
                }) && header(&headers, ETAG).is_none_or(|tag| {
                    self.validator.as_deref().is_none_or(|known| !known.contains('"') || known == tag)
                });
                if !fits {
                    self.changed = true;
                    self.forget()?;
                    let words = "the server sent another part than it was asked for".to_owned();
                    return Ok(Outcome::Broke { words, again: true, wait: None });
                }
                if self.total.is_none() {
                    self.total = content_range(&headers).and_then(|(_, size)| size);
                }
            }
            416 if resuming => {
                if self.total == Some(from) {
                    return Ok(Outcome::Done);
                }
                self.forget()?;
                let words = "the server does not have the rest".to_owned();
                return Ok(Outcome::Broke { words, again: true, wait: None });
            }
            _ => return self.refused(status, &headers, &events),
        }
        self.body(&events)
    }

    fn body(&mut self, events: &Receiver<Event>) -> Result<Outcome> {
        loop {
            match next(events, self.control)? {
                Event::Block(block) => {
                    self.out.add(&block)?;
                    let got = self.out.written();
                    if let Some(total) = self.total.filter(|t| got > *t) {
                        self.forget()?;
                        let words = format!("the server sent more than the {total} bytes that it announced");
                        return Ok(Outcome::Broke { words, again: true, wait: None });
                    }
                    let share = self.total.filter(|t| *t > 0).map(|t| got as f64 / t as f64);
                    let note = match self.total {
                        Some(total) => format!("{} of {} MB", got >> 20, total >> 20),
                        None => format!("{} MB", got >> 20),
                    };
                    self.control.report("fetching", share, note);
                }
                Event::End => {
                    let got = self.out.written();
                    return Ok(match self.total {
                        Some(total) if got != total => Outcome::Broke {
                            words: format!("the answer ended at {got} of {total} bytes"),
                            again: true,
                            wait: None,
                        },
                        _ => Outcome::Done,
                    });
                }
                Event::Broke(words, again) => return Ok(Outcome::Broke { words, again, wait: None }),
                Event::Head(..) => {}
            }
        }
    }

    fn refused(&self, status: u16, headers: &HeaderMap, events: &Receiver<Event>) -> Result<Outcome> {
        let mut body = Vec::new();
        while body.len() < REFUSAL {
            match next(events, self.control)? {
                Event::Block(block) => body.extend_from_slice(&block),
                _ => break,
            }
        }
        body.truncate(REFUSAL);
        let error = self.ask.refusal(status, headers, &body);
        if matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504) {
            let asked = header(headers, RETRY_AFTER).and_then(|v| v.parse().ok()).map(Duration::from_secs);
            return Ok(Outcome::Broke { words: error.message, again: true, wait: asked.map(|w| w.min(LONGEST)) });
        }
        Err(error)
    }

    /// How far it got, in words.
    fn gave_up(&self, words: &str, again: bool) -> Error {
        let (got, total) = self.farthest;
        let far = match total {
            Some(total) => format!("after {got} of {total} bytes"),
            None => format!("after {got} bytes"),
        };
        let tries = if again { format!(", and {} tries did not get further", self.failures) } else { String::new() };
        Error::remote(format!("{} cannot be fetched: it broke off {far}{tries} ({words})", self.ask.shown()))
            .hint("Nothing of it was kept or recorded. Check the address and the connection, and try again")
    }
}

/// Fetches an object, with notes of what a person should know.
///
/// # Errors
/// Of kind `Remote`, saying how far it got; `Local` when the disk is full; `Cancelled`.
pub fn fetch(ask: &dyn Ask, spool: &Spool, control: &Control) -> Result<(Spooled, Vec<String>)> {
    let mut transfer = Transfer {
        ask,
        control,
        out: spool.file()?,
        validator: None,
        total: None,
        digest: None,
        failures: 0,
        beginnings: 0,
        mark: 0,
        changed: false,
        farthest: (0, None),
    };
    let mut broke = 0;
    loop {
        control.check()?;
        match transfer.once()? {
            Outcome::Done => break,
            Outcome::Broke { words, again, wait } => {
                broke += 1;
                transfer.note_distance();
                let got = transfer.out.written();
                transfer.failures = if got >= transfer.mark + PROGRESS { 1 } else { transfer.failures + 1 };
                transfer.mark = got;
                if !again || transfer.failures >= TRIES || transfer.beginnings >= BEGINNINGS {
                    return Err(transfer.gave_up(&words, again));
                }
                control.report("fetching", None, format!("the connection broke ({words}); going on"));
                pause(wait.unwrap_or_else(|| backoff(BASE, CAP, transfer.failures)), control)?;
            }
        }
    }
    let mut notes = Vec::new();
    if transfer.changed {
        notes.push("the file changed on the server while it was fetched; the newer one was taken, whole".to_owned());
    } else if broke > 0 {
        notes.push(format!("the connection broke {broke} times while it was fetched; all bytes arrived"));
    }
    if transfer.total.is_none() {
        notes.push("the server did not say how long the file is, so a cut end would not show".to_owned());
    }
    let (told, shown) = (transfer.digest.take(), ask.shown());
    let spooled = transfer.out.finish()?;
    if told.is_some_and(|told| told != base64_of_hex(&spooled.digest)) {
        return Err(Error::remote(format!(
            "{shown}: the bytes that arrived are not those whose digest the server told"
        ))
        .hint("Nothing of it was recorded. Try again, and ask who runs the server"));
    }
    Ok((spooled, notes))
}

/// A small answer (a list, an error), whole.
///
/// # Errors
/// Of kind `Remote`; `Cancelled`.
pub fn small(ask: &dyn Ask, limit: usize, control: &Control) -> Result<Vec<u8>> {
    let mut failures = 0;
    loop {
        let events = send(ask.request()?);
        let mut wait = None;
        let words = match next(&events, control)? {
            Event::Head(status, headers) => {
                let mut body = Vec::new();
                let ended = loop {
                    match next(&events, control)? {
                        Event::Block(block) if body.len() + block.len() <= limit => body.extend_from_slice(&block),
                        Event::Block(_) => {
                            return Err(Error::remote(format!("{}: the answer is too long", ask.shown())));
                        }
                        Event::End => break None,
                        Event::Broke(words, _) => break Some(words),
                        Event::Head(..) => {}
                    }
                };
                match (status, ended) {
                    (_, Some(words)) => words,
                    (200, None) => return Ok(body),
                    (408 | 429 | 500 | 502 | 503 | 504, None) => {
                        wait = header(&headers, RETRY_AFTER).and_then(|v| v.parse().ok()).map(Duration::from_secs);
                        ask.refusal(status, &headers, &body).message
                    }
                    (status, None) => return Err(ask.refusal(status, &headers, &body)),
                }
            }
            Event::Broke(words, true) => words,
            Event::Broke(words, false) => return Err(unreachable_server(ask, &words)),
            Event::Block(_) | Event::End => String::new(),
        };
        failures += 1;
        if failures >= TRIES {
            return Err(unreachable_server(ask, &words));
        }
        pause(wait.map_or_else(|| backoff(BASE, CAP, failures), |w| w.min(LONGEST)), control)?;
    }
}

fn unreachable_server(ask: &dyn Ask, words: &str) -> Error {
    Error::remote(format!("{} cannot be reached ({words})", ask.shown()))
        .hint("Check the address and the connection, and try again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        // RFC 4648, section 10.
        for (hex, text) in [("66", "Zg=="), ("666f", "Zm8="), ("666f6f", "Zm9v"), ("666f6f62", "Zm9vYg==")] {
            assert_eq!(base64_of_hex(hex), text);
        }
    }

    #[test]
    fn headers_are_read() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_RANGE, "bytes 5-9/10".parse().unwrap());
        assert_eq!(content_range(&headers), Some((5, Some(10))));
        headers.insert(CONTENT_RANGE, "bytes 5-9/*".parse().unwrap());
        assert_eq!(content_range(&headers), Some((5, None)));
        headers.insert(CONTENT_RANGE, "bytes */10".parse().unwrap());
        assert_eq!(content_range(&headers), None);
        headers.insert(ETAG, "W/\"a\"".parse().unwrap());
        assert_eq!(validator(&headers), None);
        headers.insert(ETAG, "\"a\"".parse().unwrap());
        assert_eq!(validator(&headers).as_deref(), Some("\"a\""));
        headers.insert("Digest", "md5=x,SHA-256=abc=".parse().unwrap());
        assert_eq!(told_digest(&headers).as_deref(), Some("abc="));
    }

    /// The headers of a server's answer, one a line.
    #[test]
    fn fuzz_http_headers() {
        use crate::fuzz_driver::{Outcome, Target, fuzz};
        use reqwest::header::{HeaderName, HeaderValue};
        let seeds = [
            "content-range: bytes 5-9/10\netag: \"a\"\ncontent-length: 10\ndigest: md5=x,SHA-256=abc=\nlast-modified: Mon, 01 Jan 2020 00:00:00 GMT\nretry-after: 5",
            "content-range: bytes */10\netag: W/\"a\"\nrepr-digest: sha-256=:abc=:\nretry-after: Mon, 01 Jan 2020 00:00:00 GMT",
        ];
        let words = [
            "bytes ",
            "/",
            "-",
            "*",
            ":",
            ",",
            "=",
            "\n",
            "18446744073709551616",
            "-1",
            "sha-256",
            "W/",
            "\"",
            "etag: ",
            "digest: ",
            "content-range: ",
            "\u{1b}",
            "é",
        ];
        let target = Target {
            name: "http_headers",
            seeds: seeds.iter().map(|s| s.as_bytes().to_vec()).collect(),
            tokens: words.iter().map(|w| w.as_bytes().to_vec()).collect(),
            codes: &[],
            largest: 4 << 10,
            remake: None,
        };
        fuzz(target, |bytes| {
            let mut headers = HeaderMap::new();
            for line in bytes.split(|b| *b == b'\n').take(100) {
                let Some(at) = line.iter().position(|b| *b == b':') else { continue };
                let (name, value) =
                    (HeaderName::from_bytes(&line[..at]), HeaderValue::from_bytes(line[at + 1..].trim_ascii()));
                if let (Ok(name), Ok(value)) = (name, value) {
                    headers.append(name, value);
                }
            }
            let length: Option<u64> = header(&headers, CONTENT_LENGTH).and_then(|n| n.parse().ok());
            let wait: Option<u64> = header(&headers, RETRY_AFTER).and_then(|v| v.parse().ok());
            let wait = wait.map(|s| Duration::from_secs(s).min(LONGEST));
            let found = (
                validator(&headers).is_some(),
                content_range(&headers).map(|(_, size)| size.is_some()),
                told_digest(&headers).is_some(),
            );
            // What came as a validator goes back as a header.
            if let Some(validator) = validator(&headers) {
                assert!(HeaderValue::from_str(&validator).is_ok());
            }
            let digest = base64_of_hex(&String::from_utf8_lossy(bytes));
            let shape = format!("{found:?} length {} wait {} {}", length.is_some(), wait.is_some(), digest.len() % 4);
            Outcome { code: None, shape, texts: Vec::new() }
        });
    }
}
