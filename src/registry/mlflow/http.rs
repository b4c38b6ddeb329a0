//! One HTTP request with a time limit, a size limit, and tries again where that is safe.

use std::io::Read;
use std::time::Duration;

use reqwest::blocking::{Body, Client, RequestBuilder, Response};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Certificate, Identity, Method, Url, redirect};
use serde_json::Value;

use super::env::{Credentials, RetryPolicy, Settings};
use super::failure::{self, Failure};
use crate::engine::Control;
use crate::error::{Error, Result};
use crate::net::{backoff, install_ring, is_loopback, pause, root_cause};

/// Bodies that are parsed are never larger than this.
pub(super) const JSON_LIMIT: u64 = 32 << 20;
/// The slowest transfer that is waited for, bytes per second.
const SLOWEST: u64 = 50_000;
const CHUNK: usize = 64 << 10;

/// Whether a request may be sent again when nobody knows if it was carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// Doing it twice is doing it once.
    Safe,
    /// Doing it twice makes two things: only what was surely not carried out is sent again.
    Never,
}

/// What is sent.
#[derive(Debug, Clone, Copy)]
pub(super) enum Payload<'a> {
    /// No body.
    Empty,
    /// A JSON document.
    Json(&'a Value),
    /// Raw bytes.
    Bytes(&'a [u8]),
}

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Call<'a> {
    pub method: Method,
    pub url: Url,
    pub payload: Payload<'a>,
    pub repeat: Repeat,
    /// Largest answer that is read, bytes.
    pub limit: u64,
    /// What this is for, as the object of "cannot …": `create the run`.
    pub what: &'a str,
}

/// The connection to one server.
#[derive(Debug)]
pub(super) struct Http {
    client: Client,
    credentials: Credentials,
    workspace: Option<String>,
    pub base: Url,
    timeout: Duration,
    pub retry: RetryPolicy,
}

impl Http {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        install_ring();
        let mut builder = Client::builder()
            .user_agent(concat!("pilothouse/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(settings.timeout.min(Duration::from_secs(10)))
            .timeout(settings.timeout)
            // A redirect could carry a login to a stranger, and turns POST into GET: say so instead of following.
            .redirect(redirect::Policy::none());
        if is_loopback(&settings.url) {
            builder = builder.no_proxy();
        }
        if settings.url.scheme() == "http" {
            // No certificates will be looked at; do not fail on a box that has none installed.
            builder = builder.tls_certs_only(std::iter::empty::<Certificate>());
        } else if let Some(path) = &settings.server_cert {
            let pem = read_pem(path, "MLFLOW_TRACKING_SERVER_CERT_PATH")?;
            let certificates = Certificate::from_pem_bundle(&pem).ok().filter(|found| !found.is_empty());
            let certificates = certificates.ok_or_else(|| {
                Error::usage(format!("{}: holds no certificate in PEM format", path.display()))
                    .hint("Set MLFLOW_TRACKING_SERVER_CERT_PATH to the authority's PEM file")
            })?;
            builder = builder.tls_certs_only(certificates);
        } else if settings.insecure_tls {
            builder = builder.tls_danger_accept_invalid_certs(true);
        }
        if let Some(path) = &settings.client_cert {
            let pem = read_pem(path, "MLFLOW_TRACKING_CLIENT_CERT_PATH")?;
            let identity = Identity::from_pem(&pem).map_err(|_| {
                Error::usage(format!("{}: holds no certificate with its key in PEM format", path.display()))
                    .hint("Put the certificate and the unencrypted private key into that one file")
            })?;
            builder = builder.identity(identity);
        }
        let client = builder.build().map_err(|e| {
            Error::local(format!("the HTTP client cannot start: {}", root_cause(&e)))
                .hint("Install the system's CA certificates (package ca-certificates)")
        })?;
        if let Some(workspace) = &settings.workspace
            && HeaderValue::from_str(workspace).is_err()
        {
            return Err(Error::usage("MLFLOW_WORKSPACE holds characters that cannot be sent"));
        }
        Ok(Self {
            client,
            credentials: settings.credentials.clone(),
            workspace: settings.workspace.clone(),
            base: settings.url.clone(),
            timeout: settings.timeout,
            retry: settings.retry,
        })
    }

    /// The server's address for people.
    pub(super) fn shown(&self) -> String {
        self.base.as_str().trim_end_matches('/').to_string()
    }

    pub(super) fn has_login(&self) -> bool {
        self.credentials != Credentials::None
    }

    /// Sends a request, again where that is safe, and hands back the body of a 2xx answer.
    pub(super) fn send(&self, call: &Call<'_>, control: &Control) -> Result<Vec<u8>, Failure> {
        let mut attempt = 0;
        loop {
            control.check()?;
            let failure = match self.once(call, control) {
                Ok(body) => return Ok(body),
                Err(failure) => failure,
            };
            let again = match &failure {
                Failure::Unsent { .. } => true,
                Failure::Lost { .. } => call.repeat == Repeat::Safe,
                Failure::Refused { .. } | Failure::Other(_) => false,
            };
            attempt += 1;
            if !again || attempt >= self.retry.attempts {
                return Err(failure);
            }
            self.wait(attempt, failure.retry_after(), control)?;
        }
    }

    /// Waits before try number `attempt + 1`, as long as the server asked for if it did; wakes up early when cancelled.
    pub(super) fn wait(&self, attempt: u32, asked: Option<Duration>, control: &Control) -> Result<()> {
        let policy = &self.retry;
        let wait = asked.map_or_else(|| backoff(policy.base, policy.cap, attempt), |asked| asked.min(policy.cap));
        pause(wait, control)
    }

    fn once(&self, call: &Call<'_>, control: &Control) -> Result<Vec<u8>, Failure> {
        let request = self.request(call, control);
        let response = request.send().map_err(|e| self.no_answer(&e, call.what, control))?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = self.read_body(response, call, control)?;
        if (200..300).contains(&status) {
            return Ok(body);
        }
        let html = !header(&headers, CONTENT_TYPE.as_str()).contains("json");
        let answer = failure::Answer {
            status,
            html,
            body: &body,
            location: header(&headers, LOCATION.as_str()),
            retry_after: header(&headers, RETRY_AFTER.as_str()).trim().parse().ok().map(Duration::from_secs),
            logged_in: self.has_login(),
            server: &self.shown(),
            path: call.url.path(),
            what: call.what,
        };
        Err(failure::from_answer(&answer))
    }

    fn request(&self, call: &Call<'_>, control: &Control) -> RequestBuilder {
        let mut request = self.client.request(call.method.clone(), call.url.clone());
        // A login goes only to the host that the user named, even when the server points elsewhere.
        if call.url.host_str() == self.base.host_str() {
            request = match &self.credentials {
                Credentials::None => request,
                Credentials::Basic { user, password } => request.basic_auth(user, Some(password)),
                Credentials::Bearer(token) => request.bearer_auth(token),
            };
        }
        if let Some(workspace) = &self.workspace {
            request = request.header("X-MLFLOW-WORKSPACE", workspace);
        }
        let size = match call.payload {
            Payload::Empty => 0,
            Payload::Json(value) => {
                let text = value.to_string();
                let size = text.len();
                request = request.header(CONTENT_TYPE, "application/json").body(text);
                size
            }
            Payload::Bytes(bytes) => {
                let reader = Upload { bytes: bytes.to_vec(), at: 0, control: control.clone() };
                let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                request = request.header(CONTENT_TYPE, "application/octet-stream").body(Body::sized(reader, size));
                bytes.len()
            }
        };
        let size = u64::try_from(size).unwrap_or(u64::MAX);
        let expected = if call.limit == JSON_LIMIT { 0 } else { call.limit };
        request.timeout(self.timeout + Duration::from_secs(size.saturating_add(expected) / SLOWEST))
    }

    /// Reads at most the call's limit, and stops when cancelled.
    fn read_body(&self, mut response: Response, call: &Call<'_>, control: &Control) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        let mut chunk = vec![0u8; CHUNK];
        loop {
            control.check()?;
            let read = response.read(&mut chunk).map_err(|e| Failure::Lost {
                error: Error::remote(format!(
                    "cannot {}: the connection to {} broke off ({})",
                    call.what,
                    self.shown(),
                    super::super::harmless(&root_cause(&e), 120)
                ))
                .hint("Try again"),
                retry_after: None,
            })?;
            if read == 0 {
                return Ok(body);
            }
            body.extend_from_slice(chunk.get(..read).unwrap_or_default());
            if u64::try_from(body.len()).unwrap_or(u64::MAX) > call.limit {
                return Err(Failure::Other(Error::remote(format!(
                    "cannot {}: {} answers with more than {} bytes",
                    call.what,
                    self.shown(),
                    call.limit
                ))));
            }
        }
    }

    fn no_answer(&self, error: &reqwest::Error, what: &str, control: &Control) -> Failure {
        if control.is_cancelled() {
            return Failure::Other(Error::cancelled());
        }
        let server = self.shown();
        let cause = super::super::harmless(&root_cause(error), 160);
        if error.is_builder() {
            return Failure::Other(Error::remote(format!("cannot {what}: {cause}")));
        }
        let said = if error.is_timeout() {
            Error::remote(format!("cannot {what}: no answer from {server} in time"))
                .hint("Try again; MLFLOW_HTTP_REQUEST_TIMEOUT sets the seconds to wait")
        } else {
            Error::remote(format!("cannot {what}: no connection to {server} ({cause})"))
                .hint("Check MLFLOW_TRACKING_URI, and that the server runs and can be reached from here")
        };
        // A failed TLS handshake will fail again, and deserves its own advice.
        if cause.to_ascii_lowercase().contains("certificate") {
            return Failure::Other(
                Error::remote(format!("cannot {what}: the certificate of {server} is not trusted ({cause})"))
                    .hint("Set MLFLOW_TRACKING_SERVER_CERT_PATH to the PEM file of the authority that signed it"),
            );
        }
        if error.is_connect() {
            Failure::Unsent { error: said, retry_after: None }
        } else {
            Failure::Lost { error: said, retry_after: None }
        }
    }
}

/// A body that stops being sent when the work is cancelled.
struct Upload {
    bytes: Vec<u8>,
    at: usize,
    control: Control,
}

impl Read for Upload {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.control.is_cancelled() {
            return Err(std::io::Error::other("cancelled"));
        }
        let mut rest = self.bytes.get(self.at..).unwrap_or_default();
        let read = rest.read(buffer)?;
        self.at += read;
        Ok(read)
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
}

fn read_pem(path: &std::path::Path, variable: &str) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|e| Error::usage(format!("{}: {e}", path.display())).hint(format!("Check {variable}")))
}
