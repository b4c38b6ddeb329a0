//! An MLflow server, 3.x or 2.x, by its REST API.

mod api;
mod artifacts;
mod env;
mod failure;
mod http;
mod push;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use self::api::Api;
use self::artifacts::Folder;
pub use self::env::{Credentials, RetryPolicy, Settings};
use self::http::Http;
use super::{PushReceipt, PushRequest, RegisteredModel, Registry, Version, harmless, names};
use crate::engine::Control;
use crate::error::{Error, Result};

/// An MLflow server.
#[derive(Debug)]
pub struct MlflowRegistry {
    http: Http,
}

fn describe(http: &Http) -> String {
    format!("MLflow at {}", http.shown())
}

impl MlflowRegistry {
    /// Prepares the connection; nothing is sent yet.
    ///
    /// # Errors
    /// `Usage` when a certificate file cannot be used, `Local` when TLS cannot start.
    pub fn new(settings: Settings) -> Result<Self> {
        Ok(Self { http: Http::new(&settings)? })
    }
}

impl Registry for MlflowRegistry {
    fn describe(&self) -> String {
        describe(&self.http)
    }

    fn push(&self, request: &PushRequest<'_>, control: &Control) -> Result<PushReceipt> {
        push::push(Api { http: &self.http, control }, request)
    }

    fn models(&self) -> Result<Vec<RegisteredModel>> {
        let control = Control::default();
        let api = Api { http: &self.http, control: &control };
        let mut models = BTreeMap::new();
        for found in api.all_registered()? {
            models.insert(found.name, (found.aliases, Vec::new()));
        }
        for found in api.versions(None)? {
            let Some((aliases, versions)) = models.get_mut(&found.name) else { continue };
            let of_it = aliases.iter().filter(|(_, version)| *version == found.version);
            versions.push(Version {
                digest: found.tag(push::DIGEST).or(found.tag(push::SHA256)).map(String::from),
                aliases: of_it.map(|(alias, _)| alias.clone()).collect(),
                created_ms: found.created_ms,
                state: found.status,
                version: found.version,
            });
        }
        Ok(models.into_iter().map(|(name, (_, versions))| RegisteredModel { name, versions }).collect())
    }

    fn fetch(&self, name: &str, version_or_alias: &str) -> Result<BTreeMap<String, Vec<u8>>> {
        names::model(name)?;
        let control = Control::default();
        let api = Api { http: &self.http, control: &control };
        let shown = harmless(version_or_alias, 60);
        let absent = |there: &str| {
            Error::input(format!("there is no {name}:{shown} in {}", self.describe())).hint(there.to_string())
        };
        let is_number = !version_or_alias.is_empty() && version_or_alias.chars().all(|c| c.is_ascii_digit());
        let version = if is_number {
            version_or_alias.to_string()
        } else {
            names::alias(version_or_alias)?;
            let registered = api.registered(name)?.ok_or_else(|| absent("No model of that name was pushed there"))?;
            let found = registered.aliases.iter().find(|(alias, _)| alias == version_or_alias);
            let aliases: Vec<&str> = registered.aliases.iter().map(|(alias, _)| alias.as_str()).collect();
            let there = format!("Its aliases are: {}", harmless(&aliases.join(", "), 200));
            found.map(|(_, version)| version.clone()).ok_or_else(|| absent(&there))?
        };
        let record = api.version(name, &version)?.ok_or_else(|| absent("Name a version that exists, or an alias"))?;
        let sums = push::stored_sums(&record).ok_or_else(|| {
            Error::input(format!("version {version} of {name} carries no list of its files"))
                .hint("Only versions that were pushed by pilothouse can be fetched and checked")
        })?;
        Folder::new(api, &api.version_uri(name, &version)?)?.fetch(&sums)
    }

    fn check(&self) -> Result<String> {
        let control = Control::default();
        let api = Api { http: &self.http, control: &control };
        let server = api.server()?;
        api.knock()?;
        let login = if self.http.has_login() { "login accepted" } else { "without login" };
        Ok(format!("{}: MLflow {}, {login}", self.describe(), harmless(&server.version, 40)))
    }
}
