//! Where the MLflow server is and how to get in: the variables and the file that MLflow's own client reads.
//!
//! Names after MLflow's documentation: `MLFLOW_TRACKING_URI`, `_USERNAME`, `_PASSWORD`, `_TOKEN`, `_INSECURE_TLS`,
//! `_SERVER_CERT_PATH`, `_CLIENT_CERT_PATH`, `MLFLOW_WORKSPACE`, `MLFLOW_HTTP_REQUEST_TIMEOUT`,
//! `MLFLOW_HTTP_REQUEST_MAX_RETRIES`, and `~/.mlflow/credentials`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Url;

use crate::error::{Error, Result};

/// How to prove who we are. Never shown: `Debug` leaves the secrets out.
#[derive(Clone, PartialEq, Eq, Default)]
pub enum Credentials {
    /// Nothing is sent.
    #[default]
    None,
    /// HTTP basic authentication.
    Basic {
        /// The user's name.
        user: String,
        /// The password.
        password: String,
    },
    /// A bearer token.
    Bearer(String),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "Credentials::None",
            Self::Basic { .. } => "Credentials::Basic(hidden)",
            Self::Bearer(_) => "Credentials::Bearer(hidden)",
        })
    }
}

/// How often a request is tried, and how long is waited in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Number of tries in all, at least 1.
    pub attempts: u32,
    /// Wait before the second try; doubles with each further one.
    pub base: Duration,
    /// Longest wait, also where the server asks for more.
    pub cap: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { attempts: 5, base: Duration::from_millis(500), cap: Duration::from_secs(20) }
    }
}

/// Everything that is needed to talk to an MLflow server.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The server's root, without user name and password.
    pub url: Url,
    /// How to prove who we are.
    pub credentials: Credentials,
    /// The workspace, sent as a header with each request.
    pub workspace: Option<String>,
    /// Accept any certificate.
    pub insecure_tls: bool,
    /// The only certificate authorities to trust, as a PEM file.
    pub server_cert: Option<PathBuf>,
    /// Our certificate and its key in one PEM file.
    pub client_cert: Option<PathBuf>,
    /// Longest time for one request; uploads and downloads get more by their size.
    pub timeout: Duration,
    /// How to try again.
    pub retry: RetryPolicy,
}

impl Settings {
    /// Settings for a server that needs no login.
    ///
    /// # Errors
    /// `Usage` when `url` is not an http(s) address.
    pub fn new(url: &str) -> Result<Self> {
        Self::read(Some(url), &|_| None, None)
    }

    /// Settings from the environment of this process; `url` takes the place of `MLFLOW_TRACKING_URI`.
    ///
    /// # Errors
    /// `Usage` when a variable is missing or makes no sense.
    pub fn from_env(url: Option<&str>) -> Result<Self> {
        let home = std::env::var_os("HOME").or_else(|| std::env::var_os("USERPROFILE"));
        let file = home.map(|home| Path::new(&home).join(".mlflow").join("credentials"));
        Self::read(url, &|name| std::env::var(name).ok().filter(|v| !v.is_empty()), file.as_deref())
    }

    fn read(url: Option<&str>, var: &dyn Fn(&str) -> Option<String>, credentials: Option<&Path>) -> Result<Self> {
        let text = match url {
            Some(url) => url.to_string(),
            None => var("MLFLOW_TRACKING_URI").ok_or_else(|| {
                Error::usage("MLFLOW_TRACKING_URI is not set")
                    .hint("Set it to the server's address, for example http://127.0.0.1:5000")
            })?,
        };
        let (url, in_url) = server_url(&text)?;
        let flag = |name: &str| var(name).is_some_and(|v| matches!(v.to_ascii_lowercase().as_str(), "true" | "1"));
        let insecure_tls = flag("MLFLOW_TRACKING_INSECURE_TLS");
        let server_cert = var("MLFLOW_TRACKING_SERVER_CERT_PATH").map(PathBuf::from);
        if insecure_tls && server_cert.is_some() {
            return Err(Error::usage("MLFLOW_TRACKING_INSECURE_TLS and MLFLOW_TRACKING_SERVER_CERT_PATH are both set")
                .hint("Unset one of them: the first trusts everybody, the second only one authority"));
        }
        let number = |name: &str| -> Result<Option<u32>> {
            var(name)
                .map(|v| v.trim().parse::<u32>().map_err(|_| Error::usage(format!("{name} is not a whole number"))))
                .transpose()
        };
        let mut retry = RetryPolicy::default();
        if let Some(retries) = number("MLFLOW_HTTP_REQUEST_MAX_RETRIES")? {
            retry.attempts = retries.saturating_add(1).min(20);
        }
        let seconds = number("MLFLOW_HTTP_REQUEST_TIMEOUT")?.unwrap_or(60).max(1);
        Ok(Self {
            url,
            credentials: pick_credentials(in_url, var, credentials),
            workspace: var("MLFLOW_WORKSPACE"),
            insecure_tls,
            server_cert,
            client_cert: var("MLFLOW_TRACKING_CLIENT_CERT_PATH").map(PathBuf::from),
            timeout: Duration::from_secs(seconds.into()),
            retry,
        })
    }
}

/// Splits an address into the server's root and the login that may stand in it.
fn server_url(text: &str) -> Result<(Url, Option<Credentials>)> {
    // The address may hold a password: no message repeats it before that was taken out.
    let bad = |why: &str| {
        Error::usage(format!("the MLflow address {why}"))
            .hint("Write it as http://HOST:PORT or https://HOST; a file or database store has to be served by `mlflow server`")
    };
    let mut url = Url::parse(text.trim()).map_err(|e| bad(&format!("cannot be read ({e})")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad(&format!(
            "is of the kind `{}`, which is not a server",
            super::super::harmless(url.scheme(), 20)
        )));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(bad("names no host"));
    }
    let mut login = None;
    if !url.username().is_empty() {
        login = Some(Credentials::Basic {
            user: percent_decoded(url.username()),
            password: percent_decoded(url.password().unwrap_or_default()),
        });
    }
    // These only fail for addresses without a host, which were refused above.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    let path = url.path().trim_end_matches('/').to_string();
    url.set_path(&path);
    Ok((url, login))
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let code = if first == b'%' { tail.get(..2).and_then(|h| std::str::from_utf8(h).ok()) } else { None };
        match code.and_then(|h| u8::from_str_radix(h, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The order of MLflow's client: user and password (variables before the file), then the token.
fn pick_credentials(
    in_url: Option<Credentials>,
    var: &dyn Fn(&str) -> Option<String>,
    file: Option<&Path>,
) -> Credentials {
    if let Some(found) = in_url {
        return found;
    }
    let (file_user, file_password) = file.map(read_credentials).unwrap_or_default();
    let user = var("MLFLOW_TRACKING_USERNAME").or(file_user);
    let password = var("MLFLOW_TRACKING_PASSWORD").or(file_password);
    match (user, password) {
        (Some(user), Some(password)) => Credentials::Basic { user, password },
        _ => var("MLFLOW_TRACKING_TOKEN").map_or(Credentials::None, Credentials::Bearer),
    }
}

/// Reads `mlflow_tracking_username` and `_password` from the `[mlflow]` section of an INI file.
fn read_credentials(path: &Path) -> (Option<String>, Option<String>) {
    // A credentials file is a few lines; anything large is something else.
    let small = std::fs::metadata(path).is_ok_and(|m| m.is_file() && m.len() < 65_536);
    let Some(text) = small.then(|| std::fs::read_to_string(path).ok()).flatten() else { return (None, None) };
    let (mut user, mut password, mut ours) = (None, None, false);
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            ours = line.eq_ignore_ascii_case("[mlflow]");
        } else if let (true, Some((key, value))) = (ours, line.split_once('=')) {
            match key.trim().to_ascii_lowercase().as_str() {
                "mlflow_tracking_username" => user = Some(value.trim().to_string()),
                "mlflow_tracking_password" => password = Some(value.trim().to_string()),
                _ => {}
            }
        }
    }
    (user, password)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn with(vars: &[(&str, &str)], url: Option<&str>) -> Result<Settings> {
        let vars: HashMap<String, String> = vars.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        Settings::read(url, &|name| vars.get(name).cloned(), None)
    }

    #[test]
    fn the_variables_of_mlflow_are_honoured() {
        let s = with(
            &[
                ("MLFLOW_TRACKING_URI", "https://host.example/mlflow/"),
                ("MLFLOW_TRACKING_USERNAME", "ana"),
                ("MLFLOW_TRACKING_PASSWORD", "s3cret"),
                ("MLFLOW_TRACKING_TOKEN", "tok"),
                ("MLFLOW_TRACKING_INSECURE_TLS", "true"),
                ("MLFLOW_TRACKING_CLIENT_CERT_PATH", "/c.pem"),
                ("MLFLOW_WORKSPACE", "team-a"),
                ("MLFLOW_HTTP_REQUEST_TIMEOUT", "7"),
                ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2"),
            ],
            None,
        )
        .unwrap();
        assert_eq!(s.url.as_str(), "https://host.example/mlflow");
        assert_eq!(s.credentials, Credentials::Basic { user: "ana".into(), password: "s3cret".into() });
        assert!(s.insecure_tls);
        assert_eq!((s.timeout, s.retry.attempts), (Duration::from_secs(7), 3));
        assert_eq!(s.workspace.as_deref(), Some("team-a"));
        assert!(s.client_cert.is_some());
        assert!(!format!("{s:?}").contains("s3cret"), "Debug must not show secrets");
    }

    #[test]
    fn a_token_is_used_without_user_and_password() {
        let s = with(&[("MLFLOW_TRACKING_TOKEN", "tok"), ("MLFLOW_TRACKING_USERNAME", "x")], Some("http://h")).unwrap();
        assert_eq!(s.credentials, Credentials::Bearer("tok".into()));
        assert!(!format!("{s:?}").contains("tok\""));
    }

    #[test]
    fn a_login_in_the_address_is_taken_out_of_it() {
        let s = with(&[], Some("http://ana:p%40ss@h:5000/")).unwrap();
        assert_eq!(s.url.as_str(), "http://h:5000/");
        assert_eq!(s.credentials, Credentials::Basic { user: "ana".into(), password: "p@ss".into() });
    }

    #[test]
    fn nonsense_is_refused_without_repeating_a_password() {
        assert!(with(&[], None).is_err());
        for bad in ["sqlite:///x.db", "databricks", "./mlruns", "file:///x", "http://"] {
            assert!(with(&[("MLFLOW_TRACKING_URI", bad)], None).is_err(), "{bad}");
        }
        let error = with(&[("MLFLOW_TRACKING_URI", "postgres://ana:hush@db/x")], None).unwrap_err();
        assert!(!error.to_string().contains("hush"));
        let both = [("MLFLOW_TRACKING_INSECURE_TLS", "1"), ("MLFLOW_TRACKING_SERVER_CERT_PATH", "/x")];
        assert!(with(&both, Some("https://h")).is_err());
        assert!(with(&[("MLFLOW_HTTP_REQUEST_TIMEOUT", "soon")], Some("https://h")).is_err());
    }

    #[test]
    fn the_credentials_file_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("credentials");
        std::fs::write(
            &path,
            "[other]\nmlflow_tracking_username = no\n[mlflow]\nmlflow_tracking_username = ana\nmlflow_tracking_password = a=b\n",
        )
        .unwrap();
        let s = Settings::read(Some("http://h"), &|_| None, Some(&path)).unwrap();
        assert_eq!(s.credentials, Credentials::Basic { user: "ana".into(), password: "a=b".into() });
        let none = Settings::read(Some("http://h"), &|_| None, Some(&dir.path().join("absent"))).unwrap();
        assert_eq!(none.credentials, Credentials::None);
    }
}
