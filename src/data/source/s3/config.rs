//! Where the storage is and who we are there: the environment and the files that AWS tools share.

use std::collections::BTreeMap;
use std::path::PathBuf;

use reqwest::Url;

use super::sign::Credentials;
use crate::error::{Error, Result};

/// What is needed to speak to the storage.
#[derive(Debug, Clone)]
pub(super) struct Config {
    /// `None`: requests are not signed, as public buckets allow.
    pub credentials: Option<Credentials>,
    pub region: String,
    /// Another server than Amazon's.
    pub endpoint: Option<Url>,
    /// The bucket in the path, not in the host's name.
    pub path_style: bool,
    /// The file of the authority that signed the server's certificate.
    pub authority: Option<PathBuf>,
}

type Settings = BTreeMap<String, BTreeMap<String, String>>;

/// Reads a file of sections in brackets. Indented lines belong to the setting above them: `s3 =`, then
/// `  addressing_style = path` is the setting `s3.addressing_style`.
fn ini(text: &str) -> Settings {
    let mut sections = Settings::new();
    let (mut section, mut above) = (String::new(), String::new());
    for line in text.lines() {
        let content = line.trim();
        if content.is_empty() || content.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = content.strip_prefix('[').and_then(|c| c.split(']').next()) {
            section = name.split_whitespace().collect::<Vec<_>>().join(" ");
            above.clear();
            continue;
        }
        let Some((name, value)) = content.split_once('=') else { continue };
        let (mut name, value) = (name.trim().to_ascii_lowercase(), value.trim());
        if line.starts_with([' ', '\t']) && !above.is_empty() {
            name = format!("{above}.{name}");
        } else if value.is_empty() {
            above = name;
            continue;
        } else {
            above.clear();
        }
        sections.entry(section.clone()).or_default().insert(name, value.to_owned());
    }
    sections
}

impl Config {
    /// From the environment of this process.
    ///
    /// # Errors
    /// When an address is wrong, or a profile that was asked for does not exist.
    pub(super) fn from_environment() -> Result<Self> {
        Self::with(&|name| std::env::var(name).ok().filter(|v| !v.is_empty()))
    }

    fn with(variable: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let home = variable("HOME").or_else(|| variable("USERPROFILE")).map(PathBuf::from).unwrap_or_default();
        let file = |name: &str, usual: &str| {
            let path = variable(name).map_or_else(|| home.join(".aws").join(usual), PathBuf::from);
            std::fs::read_to_string(path).map(|text| ini(&text)).unwrap_or_default()
        };
        let shared = file("AWS_SHARED_CREDENTIALS_FILE", "credentials");
        let config = file("AWS_CONFIG_FILE", "config");
        let asked = variable("AWS_PROFILE").or_else(|| variable("AWS_DEFAULT_PROFILE"));
        let profile = asked.clone().unwrap_or_else(|| "default".to_owned());
        let in_config = config.get(&format!("profile {profile}")).or_else(|| config.get(&profile));
        if asked.is_some() && in_config.is_none() && !shared.contains_key(&profile) {
            return Err(Error::usage(format!("there is no AWS profile `{profile}`"))
                .hint("Check AWS_PROFILE and the files ~/.aws/credentials and ~/.aws/config"));
        }
        let setting = |name: &str| in_config.and_then(|s| s.get(name)).cloned();
        let secret = |name: &str| shared.get(&profile).and_then(|s| s.get(name)).cloned().or_else(|| setting(name));
        let of = |key: Option<String>, secret: Option<String>, token: Option<String>| {
            Some(Credentials { key: key?, secret: secret?, token })
        };
        let by_environment =
            of(variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY"), variable("AWS_SESSION_TOKEN"));
        let by_files = || of(secret("aws_access_key_id"), secret("aws_secret_access_key"), secret("aws_session_token"));
        // A profile that was asked for wins over keys in the environment, as in Amazon's own tools.
        let credentials =
            if asked.is_some() { by_files().or(by_environment) } else { by_environment.or_else(by_files) };
        let service = setting("services").and_then(|name| config.get(&format!("services {name}")));
        let endpoint = variable("AWS_ENDPOINT_URL_S3")
            .or_else(|| variable("AWS_ENDPOINT_URL"))
            .or_else(|| service.and_then(|s| s.get("s3.endpoint_url")).cloned())
            .or_else(|| setting("s3.endpoint_url"))
            .or_else(|| setting("endpoint_url"));
        let endpoint = endpoint
            .map(|text| {
                Url::parse(&text).ok().filter(|u| matches!(u.scheme(), "http" | "https") && u.has_host()).ok_or_else(
                    || {
                        Error::usage("the address of the S3 endpoint is not an http(s) address")
                            .hint("Check AWS_ENDPOINT_URL_S3 and AWS_ENDPOINT_URL")
                    },
                )
            })
            .transpose()?;
        let region = variable("AWS_REGION")
            .or_else(|| variable("AWS_DEFAULT_REGION"))
            .or_else(|| setting("region"))
            .unwrap_or_else(|| "us-east-1".to_owned());
        let style = setting("s3.addressing_style");
        Ok(Self {
            credentials,
            region,
            path_style: style.as_deref() == Some("path") || (endpoint.is_some() && style.as_deref() != Some("virtual")),
            endpoint,
            authority: variable("AWS_CA_BUNDLE").or_else(|| setting("ca_bundle")).map(PathBuf::from),
        })
    }

    /// The address, without path, at which a bucket is reached, and the path that leads to it.
    ///
    /// # Errors
    /// When the bucket's name makes no address.
    pub(super) fn bucket(&self, bucket: &str) -> Result<(Url, String)> {
        let wrong = |_| Error::usage("the bucket's name makes no address").hint("Check the name after s3://");
        let plain = bucket.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
        if !plain {
            return Err(wrong(()));
        }
        let base = match &self.endpoint {
            Some(url) => url.clone(),
            None => Url::parse(&format!("https://s3.{}.amazonaws.com", self.region)).map_err(|_| wrong(()))?,
        };
        let below = base.path().trim_end_matches('/').to_owned();
        // TLS certificates cover one level of names, so a bucket with dots goes into the path.
        if self.path_style
            || bucket.contains('.')
            || base.host_str().is_some_and(|h| h.parse::<std::net::IpAddr>().is_ok())
        {
            return Ok((base, format!("{below}/{bucket}")));
        }
        let host = format!("{bucket}.{}", base.host_str().unwrap_or_default());
        let mut url = base;
        url.set_host(Some(&host)).map_err(|_| wrong(()))?;
        Ok((url, below))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(files: &[(&str, &str)], variables: &[(&str, &str)]) -> Result<Config> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join(".aws")).unwrap();
        for (name, text) in files {
            std::fs::write(dir.path().join(".aws").join(name), text).unwrap();
        }
        let home = dir.path().display().to_string();
        let variables: BTreeMap<String, String> = variables
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .chain([("HOME".to_owned(), home)])
            .collect();
        Config::with(&|name| variables.get(name).cloned())
    }

    const CREDENTIALS: &str = "[default]\naws_access_key_id = A\naws_secret_access_key=B\n[other]\naws_access_key_id=C\naws_secret_access_key=D\naws_session_token=E\n";
    const CONFIG: &str = "[default]\nregion = eu-west-1\n[profile other]\nregion=eu-north-1\nservices = mine\ns3 =\n    addressing_style = virtual\n\n[services mine]\ns3 =\n  endpoint_url = http://localhost:9000\n";

    #[test]
    fn files_profiles_and_variables_are_heeded() {
        let files = [("credentials", CREDENTIALS), ("config", CONFIG)];
        let config = with(&files, &[]).unwrap();
        assert_eq!(config.credentials.as_ref().unwrap().key, "A");
        assert_eq!(config.bucket("b").unwrap().0.as_str(), "https://b.s3.eu-west-1.amazonaws.com/");
        assert_eq!(config.bucket("b.c").unwrap().1, "/b.c");
        let config = with(&files, &[("AWS_PROFILE", "other")]).unwrap();
        assert_eq!(config.credentials.as_ref().unwrap().token.as_deref(), Some("E"));
        assert_eq!((config.region.as_str(), config.path_style), ("eu-north-1", false));
        assert_eq!(config.bucket("b").unwrap().0.as_str(), "http://b.localhost:9000/");
        let config = with(
            &files,
            &[
                ("AWS_ACCESS_KEY_ID", "X"),
                ("AWS_SECRET_ACCESS_KEY", "Y"),
                ("AWS_ENDPOINT_URL", "http://127.0.0.1:1/s3"),
                ("AWS_REGION", "r"),
            ],
        )
        .unwrap();
        assert_eq!(config.credentials.as_ref().unwrap().key, "X");
        assert_eq!(config.bucket("b").unwrap().1, "/s3/b");
        assert!(with(&[], &[]).unwrap().credentials.is_none());
        assert_eq!(with(&files, &[("AWS_PROFILE", "gone")]).unwrap_err().exit_code(), 2);
        assert!(with(&[], &[("AWS_ENDPOINT_URL_S3", "localhost")]).is_err());
        assert!(config.bucket("b/../c").is_err());
        assert!(!format!("{config:?}").contains('Y'));
    }
}
