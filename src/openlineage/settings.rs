//! Where events go, by the environment variables of the OpenLineage clients.

use std::path::PathBuf;

use reqwest::Url;

/// How events leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// Posted to an address, with a bearer token if there is one.
    Http {
        /// Where to.
        url: Url,
        /// The token.
        token: Option<String>,
    },
    /// Appended to a file, one event a line.
    File(PathBuf),
    /// Nowhere, because the wish cannot be understood; the sentence says why.
    Unusable(String),
}

/// What the environment says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How events leave; `None` when none are wanted.
    pub transport: Option<Transport>,
    /// The namespace of our jobs.
    pub namespace: String,
}

/// The path that a service listens on, unless told otherwise.
const ENDPOINT: &str = "api/v1/lineage";

/// The address of the service with its endpoint, which is taken from the root as the other clients do.
fn address(base: &str, endpoint: Option<String>) -> Result<Url, String> {
    let url = Url::parse(base).ok().filter(|u| matches!(u.scheme(), "http" | "https") && u.has_host());
    let endpoint = endpoint.unwrap_or_else(|| ENDPOINT.to_owned());
    url.and_then(|u| u.join(&endpoint).ok())
        .ok_or_else(|| format!("OPENLINEAGE_URL `{}` is not an http or https address", crate::data::redact(base)))
}

/// The key in `OPENLINEAGE__TRANSPORT__AUTH`, which is JSON.
fn token(auth: &str) -> Option<String> {
    let auth: serde_json::Value = serde_json::from_str(auth).ok()?;
    ["apiKey", "api_key", "apikey"].iter().find_map(|k| auth.get(k)?.as_str().map(str::to_owned))
}

impl Settings {
    /// Reads the settings; `get` looks up a variable.
    ///
    /// `OPENLINEAGE_DISABLED=true` turns everything off. `OPENLINEAGE__TRANSPORT__TYPE` chooses `http`, `file`, `noop` (or
    /// `console`, which is not for us); without it `OPENLINEAGE_URL` means `http`.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Self {
        let transport = if get("OPENLINEAGE_DISABLED").is_some_and(|v| v.trim().eq_ignore_ascii_case("true")) {
            None
        } else {
            let chosen = get("OPENLINEAGE__TRANSPORT__TYPE").map(|t| t.trim().to_lowercase());
            let url = get("OPENLINEAGE__TRANSPORT__URL").or_else(|| get("OPENLINEAGE_URL"));
            match (chosen.as_deref(), url) {
                (Some("file"), _) => Some(match get("OPENLINEAGE__TRANSPORT__LOG_FILE_PATH") {
                    Some(path) => Transport::File(path.strip_prefix("file://").unwrap_or(&path).into()),
                    None => Transport::Unusable("OPENLINEAGE__TRANSPORT__LOG_FILE_PATH does not name a file".into()),
                }),
                (Some("http" | "async_http") | None, Some(url)) => {
                    let endpoint = get("OPENLINEAGE__TRANSPORT__ENDPOINT").or_else(|| get("OPENLINEAGE_ENDPOINT"));
                    let token = get("OPENLINEAGE__TRANSPORT__AUTH")
                        .and_then(|auth| token(&auth))
                        .or_else(|| get("OPENLINEAGE_API_KEY"));
                    Some(match address(&url, endpoint) {
                        Ok(url) => Transport::Http { url, token },
                        Err(why) => Transport::Unusable(why),
                    })
                }
                (Some("http" | "async_http"), None) => {
                    Some(Transport::Unusable("OPENLINEAGE_URL does not name an address".into()))
                }
                (Some("noop"), _) | (None, None) => None,
                (Some(other), _) => Some(Transport::Unusable(format!(
                    "the transport `{}` is not known here; use http or file",
                    crate::data::brief(other, 40)
                ))),
            }
        };
        Self { transport, namespace: get("OPENLINEAGE_NAMESPACE").unwrap_or_else(|| "default".to_owned()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Settings {
        Settings::read(|name| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    fn http(variables: &[(&str, &str)]) -> (String, Option<String>) {
        match read(variables).transport {
            Some(Transport::Http { url, token }) => (url.to_string(), token),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_address_is_enough() {
        assert_eq!(http(&[("OPENLINEAGE_URL", "http://h:5000")]), ("http://h:5000/api/v1/lineage".into(), None));
        let all = [
            ("OPENLINEAGE_URL", "https://h/base/"),
            ("OPENLINEAGE_ENDPOINT", "lineage?x=1"),
            ("OPENLINEAGE_API_KEY", "k"),
        ];
        assert_eq!(http(&all), ("https://h/base/lineage?x=1".into(), Some("k".into())));
        let auth = [
            ("OPENLINEAGE__TRANSPORT__TYPE", "http"),
            ("OPENLINEAGE__TRANSPORT__URL", "http://h"),
            ("OPENLINEAGE__TRANSPORT__AUTH", r#"{"type":"api_key","apiKey":"k2"}"#),
        ];
        assert_eq!(http(&auth).1.as_deref(), Some("k2"));
    }

    #[test]
    fn a_file_wins_over_an_address_and_nothing_means_nothing() {
        let file = [
            ("OPENLINEAGE__TRANSPORT__TYPE", "file"),
            ("OPENLINEAGE__TRANSPORT__LOG_FILE_PATH", "/tmp/x"),
            ("OPENLINEAGE_URL", "http://h"),
        ];
        assert_eq!(read(&file).transport, Some(Transport::File("/tmp/x".into())));
        assert_eq!(read(&[]), Settings { transport: None, namespace: "default".into() });
        assert_eq!(read(&[("OPENLINEAGE_NAMESPACE", "team")]).namespace, "team");
        assert_eq!(read(&[("OPENLINEAGE_URL", "http://h"), ("OPENLINEAGE_DISABLED", "True")]).transport, None);
    }

    #[test]
    fn what_cannot_be_understood_is_said_without_secrets() {
        for variables in [
            &[("OPENLINEAGE_URL", "ftp://ana:hunter2@h")][..],
            &[("OPENLINEAGE__TRANSPORT__TYPE", "kafka")],
            &[("OPENLINEAGE__TRANSPORT__TYPE", "file")],
            &[("OPENLINEAGE__TRANSPORT__TYPE", "http")],
        ] {
            let Some(Transport::Unusable(why)) = read(variables).transport else { panic!("{variables:?}") };
            assert!(!why.contains("hunter2"), "{why}");
        }
    }
}
