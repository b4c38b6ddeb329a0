//! What can go wrong with a request, in words, and whether the server may have carried it out all the same.

use std::time::Duration;

use serde::Deserialize;

use crate::error::{Error, Kind};
use crate::registry::harmless;

/// A request that did not end with a 2xx answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// The server surely did not carry it out, and may later.
    Unsent {
        /// In words.
        error: Error,
        /// How long the server asks us to wait.
        retry_after: Option<Duration>,
    },
    /// Nobody knows whether it was carried out.
    Lost {
        /// In words.
        error: Error,
        /// How long the server asks us to wait.
        retry_after: Option<Duration>,
    },
    /// The server said no; asking again will not help.
    Refused {
        /// MLflow's `error_code`, or the HTTP status as text where the answer is not MLflow's.
        code: String,
        /// In words.
        error: Error,
    },
    /// Not the server's doing: cancelled, or an answer that cannot be used.
    Other(Error),
}

impl Failure {
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unsent { retry_after, .. } | Self::Lost { retry_after, .. } => *retry_after,
            Self::Refused { .. } | Self::Other(_) => None,
        }
    }

    /// Whether the server refused with this MLflow error code.
    pub(super) fn is(&self, wanted: &str) -> bool {
        matches!(self, Self::Refused { code, .. } if code == wanted)
    }

    /// Whether what was asked for is not there.
    pub(super) fn is_absent(&self) -> bool {
        self.is("RESOURCE_DOES_NOT_EXIST") || self.is("404")
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unsent { error, .. }
            | Failure::Lost { error, .. }
            | Failure::Refused { error, .. }
            | Failure::Other(error) => error,
        }
    }
}

/// An answer that is not 2xx.
pub(super) struct Answer<'a> {
    pub status: u16,
    pub html: bool,
    pub body: &'a [u8],
    pub location: &'a str,
    pub retry_after: Option<Duration>,
    pub logged_in: bool,
    pub server: &'a str,
    pub path: &'a str,
    pub what: &'a str,
}

#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    error_code: String,
    #[serde(default)]
    message: String,
}

/// Turns an answer that is not 2xx into words.
pub(super) fn from_answer(answer: &Answer<'_>) -> Failure {
    let Answer { status, what, server, .. } = *answer;
    let said = if answer.html { None } else { serde_json::from_slice::<Said>(answer.body).ok() };
    let (code, message) = match &said {
        Some(said) => (said.error_code.as_str(), harmless(&said.message, 300)),
        None => ("", String::new()),
    };
    let with = if message.is_empty() { String::new() } else { format!(": {message}") };
    let error = match status {
        401 if answer.logged_in => Error::remote(format!("cannot {what}: {server} does not accept the login"))
            .hint("Check MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"),
        401 => Error::remote(format!("cannot {what}: {server} wants a login"))
            .hint("Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"),
        403 => Error::remote(format!("cannot {what}: {server} does not give this user the right{with}"))
            .hint("Ask the server's administrator for EDIT on the experiment and on the registered model"),
        404 if said.is_none() => {
            Error::remote(format!("cannot {what}: {server} has nothing at {}", harmless(answer.path, 120)))
                .hint("Check that MLFLOW_TRACKING_URI is the root of an MLflow server")
        }
        300..=399 => {
            Error::remote(format!("cannot {what}: {server} redirects to {}", redirect_target(answer.location)))
                .hint("Set MLFLOW_TRACKING_URI to the address that answers by itself")
        }
        413 => Error::remote(format!("cannot {what}: the file is too large for {server}"))
            .hint("Raise the limit of the proxy in front of it"),
        429 => Error::remote(format!("cannot {what}: {server} asks to slow down{with}")).hint("Try again later"),
        408 | 500 | 502 | 503 | 504 => Error::remote(format!("cannot {what}: {server} is in trouble ({status}{with})"))
            .hint("Try again later, or look at the server's log"),
        _ if message.is_empty() => {
            Error::remote(format!("cannot {what}: {server} answers {status}")).hint("Look at the server's log")
        }
        _ => Error::remote(format!("cannot {what}: MLflow says: {message}")),
    };
    // MLflow 2 answers 500 for a file that is not there.
    if status == 500 && (message.contains("No such file") || message.contains("No such artifact")) {
        return Failure::Refused { code: "RESOURCE_DOES_NOT_EXIST".into(), error };
    }
    match status {
        429 => Failure::Unsent { error, retry_after: answer.retry_after },
        408 | 500 | 502 | 503 | 504 => Failure::Lost { error, retry_after: answer.retry_after },
        _ => Failure::Refused { code: if code.is_empty() { status.to_string() } else { code.to_string() }, error },
    }
}

/// A redirect's target for people: scheme, host and path; a query could hold a secret.
fn redirect_target(location: &str) -> String {
    let open = location.split(['?', '#']).next().unwrap_or_default();
    // A login could stand between `//` and `@`.
    let open = match (open.split_once("://"), open.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://{rest}"),
        _ => open.to_string(),
    };
    if open.is_empty() { "elsewhere".into() } else { harmless(&open, 200) }
}

/// Whether an error means that the person stopped the work.
pub(super) fn is_cancel(error: &Error) -> bool {
    error.kind == Kind::Cancelled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, html: bool, body: &str) -> Failure {
        from_answer(&Answer {
            status,
            html,
            body: body.as_bytes(),
            location: "https://ana:hush@other.example/login?token=hush",
            retry_after: Some(Duration::from_secs(3)),
            logged_in: false,
            server: "http://h",
            path: "/api",
            what: "create the run",
        })
    }

    #[test]
    fn html_answers_become_words() {
        for (status, word) in [(401, "wants a login"), (403, "right"), (404, "nothing at /api"), (418, "answers 418")] {
            let error = Error::from(answer(status, true, "<!doctype html><h1>\u{1b}]0;Boo</h1>"));
            assert!(error.message.contains(word), "{error}");
            assert!(!error.to_string().contains("html") && !error.to_string().contains('\u{1b}'));
            assert_eq!(error.exit_code(), 4);
        }
        let redirect = Error::from(answer(302, true, "")).to_string();
        assert!(redirect.contains("https://other.example/login") && !redirect.contains("hush"), "{redirect}");
    }

    #[test]
    fn json_answers_keep_their_code_and_message() {
        let failure = answer(400, false, r#"{"error_code":"RESOURCE_ALREADY_EXISTS","message":"it is\nthere"}"#);
        assert!(failure.is("RESOURCE_ALREADY_EXISTS"));
        assert!(Error::from(failure).message.contains("it is there"));
        assert!(answer(404, false, r#"{"error_code":"RESOURCE_DOES_NOT_EXIST"}"#).is_absent());
        // MLflow 2.22.5's answer to GET of an artifact that is not there.
        let body = r#"{"error_code":"INTERNAL_ERROR","message":"[Errno 2] No such file or directory: 'x'"}"#;
        assert!(answer(500, false, body).is_absent());
    }

    #[test]
    fn what_may_have_been_done_is_told_from_what_was_not() {
        for status in [408, 500, 502, 503, 504] {
            let failure = answer(status, true, "");
            assert!(matches!(failure, Failure::Lost { .. }), "{status}");
            assert_eq!(failure.retry_after(), Some(Duration::from_secs(3)));
        }
        assert!(matches!(answer(429, true, ""), Failure::Unsent { .. }));
        assert!(matches!(answer(400, true, ""), Failure::Refused { .. }));
    }
}
