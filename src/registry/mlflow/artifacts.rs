//! A folder of files in the server's artifact store, reached through the server.

use std::collections::BTreeMap;

use reqwest::{Method, Url};

use super::api::Api;
use super::http::{Call, Payload, Repeat};
use crate::error::{Error, Result};
use crate::registry::{MLMODEL, harmless, names, sha256_hex};

const SERVICE: &str = "/api/2.0/mlflow-artifacts/artifacts";
/// Largest file that is fetched.
const FILE_LIMIT: u64 = 4 << 30;

/// SHA-256 of each file by its path.
pub(super) type Sums = BTreeMap<String, String>;

/// A folder in the artifact store.
pub(super) struct Folder<'a> {
    api: Api<'a>,
    root: Url,
}

impl<'a> Folder<'a> {
    /// Finds the folder that an artifact address names.
    ///
    /// # Errors
    /// When the server does not pass artifacts on, or the address tries to climb.
    pub(super) fn new(api: Api<'a>, uri: &str) -> Result<Self> {
        let root = locate(&api.url(SERVICE, &[]), uri)?;
        Ok(Self { api, root })
    }

    fn url(&self, path: &str) -> Result<Url> {
        names::file(path)?;
        let mut url = self.root.clone();
        url.path_segments_mut()
            .map_err(|()| Error::remote("the artifact address cannot hold a path"))?
            .pop_if_empty()
            .extend(path.split('/'));
        Ok(url)
    }

    /// Uploads one file; it replaces what is there, so it may be repeated.
    fn put(&self, path: &str, bytes: &[u8]) -> Result<()> {
        let what = format!("upload {path}");
        let call = Call {
            method: Method::PUT,
            url: self.url(path)?,
            payload: Payload::Bytes(bytes),
            repeat: Repeat::Safe,
            limit: 1 << 20,
            what: &what,
        };
        self.api.http.send(&call, self.api.control)?;
        Ok(())
    }

    /// Downloads one file of at most `limit` bytes; `None` when it is not there.
    fn get(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>> {
        let what = format!("read {path} back");
        let call = Call {
            method: Method::GET,
            url: self.url(path)?,
            payload: Payload::Empty,
            repeat: Repeat::Safe,
            limit,
            what: &what,
        };
        match self.api.http.send(&call, self.api.control) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(failure) if failure.is_absent() => Ok(None),
            Err(failure) => Err(failure.into()),
        }
    }

    /// Uploads a model's files, `MLmodel` last: a folder without it is not taken for a model. Where an earlier try may
    /// have left files (`resumed`), what reads back right is not touched, so that a file is never written while
    /// somebody may read it.
    pub(super) fn upload(
        &self,
        files: &BTreeMap<String, Vec<u8>>,
        resumed: bool,
        progress: &dyn Fn(&str),
    ) -> Result<()> {
        let (last, first): (Vec<_>, Vec<_>) = files.iter().partition(|(path, _)| path.as_str() == MLMODEL);
        for (path, bytes) in first.into_iter().chain(last) {
            progress(path);
            if resumed && self.get(path, FILE_LIMIT)?.as_ref() == Some(bytes) {
                continue;
            }
            self.put(path, bytes)?;
        }
        Ok(())
    }

    /// Reads every file back and compares it with what it must be.
    pub(super) fn verify(&self, sums: &Sums, progress: &dyn Fn(&str)) -> Result<()> {
        for (path, sum) in sums {
            progress(path);
            self.checked(path, sum)?;
        }
        Ok(())
    }

    /// Reads all files back, each checked.
    pub(super) fn fetch(&self, sums: &Sums) -> Result<BTreeMap<String, Vec<u8>>> {
        sums.iter().map(|(path, sum)| Ok((path.clone(), self.checked(path, sum)?))).collect()
    }

    fn checked(&self, path: &str, sum: &str) -> Result<Vec<u8>> {
        let bytes = self
            .get(path, FILE_LIMIT)?
            .ok_or_else(|| Error::remote(format!("{path} is missing in the registry")).hint("Push the model again"))?;
        let there = sha256_hex(&bytes);
        if there == sum {
            return Ok(bytes);
        }
        Err(Error::remote(format!("{path} reads back with SHA-256 {there} instead of {}", harmless(sum, 64)))
            .hint("Somebody or something changed it in the registry: do not use that version"))
    }
}

/// The address of a folder, from how MLflow names it. `mlflow-artifacts:/a/b` is behind the tracking server,
/// `mlflow-artifacts://host:port/a/b` behind another one, and an `http(s)` address is the service itself.
fn locate(service: &Url, uri: &str) -> Result<Url> {
    let shown = harmless(uri, 120);
    let mut root = service.clone();
    let path = if let Some(rest) = uri.strip_prefix("mlflow-artifacts:") {
        match rest.strip_prefix("//") {
            Some(with_host) => {
                let (host, path) = with_host.split_once('/').unwrap_or((with_host, ""));
                if !host.is_empty() {
                    let place = Url::parse(&format!("{}://{host}{SERVICE}", service.scheme()))
                        .map_err(|_| Error::remote(format!("the artifact address `{shown}` names no usable host")))?;
                    // The same host may serve below a path, for example behind a proxy.
                    let same = place.host_str() == service.host_str()
                        && place.port_or_known_default() == service.port_or_known_default();
                    if !same {
                        root = place;
                    }
                }
                path
            }
            None => rest.trim_start_matches('/'),
        }
        .to_string()
    } else if uri.starts_with("http://") || uri.starts_with("https://") {
        let mut url = Url::parse(uri).map_err(|_| Error::remote(format!("`{shown}` is no address")))?;
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_query(None);
        url.set_fragment(None);
        root = url;
        String::new()
    } else {
        let scheme = uri.split(':').next().unwrap_or_default();
        return Err(Error::remote(format!(
            "the server keeps artifacts at `{}:` and does not pass them on",
            harmless(scheme, 20)
        ))
        .hint("Run the server with --serve-artifacts, and use an experiment that was created since"));
    };
    let path = path.trim_end_matches('/');
    if !path.is_empty() {
        if !names::is_safe_path(path) {
            return Err(Error::remote(format!("the artifact address `{shown}` is not usable")));
        }
        root.path_segments_mut()
            .map_err(|()| Error::remote(format!("`{shown}` cannot hold a path")))?
            .pop_if_empty()
            .extend(path.split('/'));
    }
    Ok(root)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(uri: &str) -> Result<String> {
        locate(&Url::parse("http://h:5000/ml/api/2.0/mlflow-artifacts/artifacts").unwrap(), uri).map(String::from)
    }

    #[test]
    fn addresses_with_and_without_host() {
        let here = "http://h:5000/ml/api/2.0/mlflow-artifacts/artifacts/1/r/artifacts";
        assert_eq!(at("mlflow-artifacts:/1/r/artifacts").unwrap(), here);
        assert_eq!(at("mlflow-artifacts:///1/r/artifacts").unwrap(), here);
        assert_eq!(at("mlflow-artifacts://h:5000/1/r/artifacts").unwrap(), here);
        assert_eq!(
            at("mlflow-artifacts://other:81/1/r").unwrap(),
            "http://other:81/api/2.0/mlflow-artifacts/artifacts/1/r"
        );
        assert_eq!(at("http://h:5000/x/y").unwrap(), "http://h:5000/x/y");
    }

    #[test]
    fn addresses_that_climb_or_are_elsewhere_are_refused() {
        for bad in ["mlflow-artifacts:/1/../../x", "mlflow-artifacts:/a\\b", "mlflow-artifacts:/a%2e%2e/b"] {
            assert!(at(bad).is_err(), "{bad}");
        }
        let error = at("s3://bucket/key").unwrap_err();
        assert!(error.message.contains("s3") && error.hint.is_some());
    }
}
