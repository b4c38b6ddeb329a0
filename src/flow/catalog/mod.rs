//! The catalog: every dataset that this workspace has seen, what people say about it, and where it went.
//!
//! The use cases record what they read by themselves; the faces only ask and describe.

pub mod diff;
pub mod lineage;
pub(super) mod record;
mod search;
mod since;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::workshop::Workshop;
use crate::data::{ColumnSpec, Meaning, Physical, Profile};
use crate::error::{Error, Result};
use crate::health::DriftReference;
use crate::store::{DatasetRow, VersionRow};

pub(super) use record::default_name;
pub use record::note_profile;
pub use search::{Hit, search};
pub use since::{Since, since};

/// How careful to be with a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sensitivity {
    /// Anybody may see it.
    Public,
    /// Everybody in the house may.
    Internal,
    /// Only those who work with it.
    Confidential,
    /// Only those named, for example because it is about persons.
    Restricted,
}

impl Sensitivity {
    /// All of them, the least careful first.
    pub const ALL: [Self; 4] = [Self::Public, Self::Internal, Self::Confidential, Self::Restricted];

    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Confidential => "confidential",
            Self::Restricted => "restricted",
        }
    }
}

impl fmt::Display for Sensitivity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Sensitivity {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|s| s.name() == word).ok_or_else(|| {
            Error::usage(format!("`{word}` is not a sensitivity"))
                .hint("Use public, internal, confidential or restricted")
        })
    }
}

/// A column as the catalog keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogColumn {
    /// Its name.
    pub name: String,
    /// How it is stored.
    pub physical: Physical,
    /// What it is about.
    pub meaning: Meaning,
}

impl From<&ColumnSpec> for CatalogColumn {
    fn from(spec: &ColumnSpec) -> Self {
        Self { name: spec.name.clone(), physical: spec.physical, meaning: spec.meaning }
    }
}

/// One version of a dataset: certain bytes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Version {
    /// Its number within the dataset, from 1.
    pub number: i64,
    /// SHA-256 of the bytes.
    pub fingerprint: String,
    /// Where it was first read from; secrets are left out.
    pub source: String,
    /// Rows.
    pub rows: i64,
    /// Size in bytes, where it is known.
    pub bytes: Option<i64>,
    /// The columns.
    pub columns: Vec<CatalogColumn>,
    /// Digest of the file with its profile in the workspace, when one was made.
    pub profile: Option<String>,
    /// Digest of the file with the distribution of its columns, when one was made.
    pub distribution: Option<String>,
    /// When it was first seen, in milliseconds since 1970.
    pub first_seen_ms: i64,
    /// When it was last seen.
    pub last_seen_ms: i64,
}

impl Version {
    fn read(row: VersionRow) -> Result<Self> {
        Ok(Self {
            number: row.number,
            columns: serde_json::from_str(&row.columns)?,
            fingerprint: row.fingerprint,
            source: row.source,
            rows: row.rows,
            bytes: row.bytes,
            profile: row.profile,
            distribution: row.distribution,
            first_seen_ms: row.first_seen_ms,
            last_seen_ms: row.last_seen_ms,
        })
    }

    /// The first characters of the fingerprint, enough to tell versions apart.
    #[must_use]
    pub fn short(&self) -> &str {
        self.fingerprint.get(..12).unwrap_or(&self.fingerprint)
    }
}

/// A dataset with its versions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Who answers for it; empty when nobody is named.
    pub owner: String,
    /// What it is; empty when nobody has said.
    pub description: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// How careful to be with it, when somebody has said.
    pub sensitivity: Option<Sensitivity>,
    /// Places that lead to it (files by their absolute path), the last used first.
    pub sources: Vec<String>,
    /// Its versions, the oldest first.
    pub versions: Vec<Version>,
    /// When it was first seen, in milliseconds since 1970.
    pub created_ms: i64,
    /// When it was last described or got a new version.
    pub updated_ms: i64,
    #[serde(skip)]
    id: i64,
}

impl Entry {
    fn read(row: DatasetRow) -> Result<Self> {
        Ok(Self {
            id: row.id,
            name: row.name,
            owner: row.owner,
            description: row.description,
            tags: serde_json::from_str(&row.tags)?,
            sensitivity: Some(row.sensitivity).filter(|s| !s.is_empty()).map(|s| s.parse()).transpose()?,
            sources: Vec::new(),
            versions: Vec::new(),
            created_ms: row.created_ms,
            updated_ms: row.updated_ms,
        })
    }

    /// The newest version.
    #[must_use]
    pub fn newest(&self) -> Option<&Version> {
        self.versions.last()
    }

    /// Where the newest version can be read again, from whichever folder; `None` for standard input.
    #[must_use]
    pub fn place(&self) -> Option<String> {
        let source = &self.newest()?.source;
        record::place(source).filter(|place| self.sources.contains(place)).or_else(|| {
            // A relative path was written in another folder.
            let path = std::path::Path::new(source.trim_start_matches("./"));
            let absolute = self.sources.iter().find(|s| std::path::Path::new(s).ends_with(path));
            absolute.cloned().or_else(|| (source != "-").then(|| source.clone()))
        })
    }

    /// A version by its number, with or without a `v` before it, or by the first characters of its fingerprint.
    ///
    /// # Errors
    /// When there is none.
    pub fn version(&self, name: &str) -> Result<&Version> {
        let number = name.strip_prefix('v').unwrap_or(name).parse::<i64>().ok();
        self.versions
            .iter()
            .find(|v| Some(v.number) == number)
            .or_else(|| self.versions.iter().find(|v| name.len() >= 4 && v.fingerprint.starts_with(name)))
            .ok_or_else(|| {
                Error::input(format!("{} has no version `{name}`", self.name)).hint(format!(
                    "It has the versions 1 to {}; a version is named by its number or by its fingerprint",
                    self.versions.len()
                ))
            })
    }
}

/// All datasets, by name.
///
/// # Errors
/// When the workspace cannot be read.
pub fn list(shop: &Workshop) -> Result<Vec<Entry>> {
    let store = shop.store()?;
    let mut entries: Vec<Entry> = store.datasets()?.into_iter().map(Entry::read).collect::<Result<_>>()?;
    for row in store.versions()? {
        let id = row.dataset;
        if let Some(entry) = entries.iter_mut().find(|e| e.id == id) {
            entry.versions.push(Version::read(row)?);
        }
    }
    for (source, id) in store.sources()? {
        if let Some(entry) = entries.iter_mut().find(|e| e.id == id) {
            entry.sources.push(source);
        }
    }
    Ok(entries)
}

/// One dataset, by its name, a source that leads to it, or the first characters of a version's fingerprint.
///
/// # Errors
/// When there is none; the message lists the nearest names.
pub fn show(shop: &Workshop, name: &str) -> Result<Entry> {
    let mut entries = list(shop)?;
    let source = record::place(name).unwrap_or_default();
    let print = |e: &Entry| name.len() >= 6 && e.versions.iter().any(|v| v.fingerprint.starts_with(name));
    let found = entries
        .iter()
        .position(|e| e.name == name)
        .or_else(|| entries.iter().position(|e| e.sources.contains(&source)))
        .or_else(|| entries.iter().position(print));
    match found {
        Some(at) => Ok(entries.swap_remove(at)),
        None => {
            let names: Vec<&str> = entries.iter().take(12).map(|e| e.name.as_str()).collect();
            let hint = if names.is_empty() {
                "Nothing was loaded in this workspace yet".to_owned()
            } else {
                format!("`pilothouse catalog` lists them: {}", names.join(", "))
            };
            Err(Error::input(format!("the catalog has no dataset `{}`", crate::data::brief(name, 80))).hint(hint))
        }
    }
}

/// What to say about a dataset; what is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Description {
    /// A new name.
    pub name: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// What it is.
    pub description: Option<String>,
    /// Tags to add.
    pub tags: Vec<String>,
    /// Tags to take away.
    pub untag: Vec<String>,
    /// How careful to be with it.
    pub sensitivity: Option<Sensitivity>,
}

/// Says something about a dataset.
///
/// # Errors
/// When there is no such dataset, the new name is taken or empty, or a tag is empty or holds a comma.
pub fn set(shop: &Workshop, name: &str, say: &Description) -> Result<Entry> {
    let entry = show(shop, name)?;
    if let Some(new) = &say.name {
        if new.trim().is_empty() {
            return Err(Error::usage("a dataset needs a name").hint("Give it a word or two"));
        }
        if list(shop)?.iter().any(|e| e.name == new.trim() && e.id != entry.id) {
            return Err(Error::usage(format!("there is a dataset `{new}` already"))
                .hint("Choose another name, or bring the two together with `catalog set --merge`"));
        }
    }
    if let Some(bad) = say.tags.iter().find(|t| t.trim().is_empty() || t.contains(',')) {
        return Err(Error::usage(format!("`{bad}` is no tag")).hint("A tag is a word or a few, without commas"));
    }
    shop.store()?.describe_dataset(entry.id, |row| {
        let mut tags: Vec<String> = serde_json::from_str(&row.tags)?;
        tags.extend(say.tags.iter().map(|t| t.trim().to_owned()));
        tags.retain(|t| !say.untag.contains(t));
        tags.sort();
        tags.dedup();
        row.tags = serde_json::to_string(&tags)?;
        let put = |to: &mut String, new: &Option<String>| {
            if let Some(new) = new {
                new.trim().clone_into(to);
            }
        };
        put(&mut row.name, &say.name);
        put(&mut row.owner, &say.owner);
        put(&mut row.description, &say.description);
        if let Some(sensitivity) = say.sensitivity {
            sensitivity.name().clone_into(&mut row.sensitivity);
        }
        Ok(())
    })?;
    show(shop, say.name.as_deref().map_or(entry.name.as_str(), str::trim))
}

/// Makes the versions of the dataset `other` versions of `name`: they are the same thing from two places.
///
/// # Errors
/// When either does not exist, or both are one.
pub fn merge(shop: &Workshop, name: &str, other: &str) -> Result<Entry> {
    let (into, from) = (show(shop, name)?, show(shop, other)?);
    if into.id == from.id {
        return Err(Error::usage(format!("`{name}` and `{other}` are one dataset already")));
    }
    shop.store()?.merge_datasets(from.id, into.id)?;
    show(shop, &into.name)
}

/// The dataset and the version that certain bytes belong to.
///
/// # Errors
/// When the workspace cannot be read.
pub fn of_fingerprint(shop: &Workshop, fingerprint: &str) -> Result<Option<(Entry, Version)>> {
    let Some(row) = shop.store()?.version(fingerprint)? else { return Ok(None) };
    let entry = list(shop)?.into_iter().find(|e| e.id == row.dataset);
    Ok(entry.zip(Some(Version::read(row)?)))
}

/// The profile of a version, when one is kept.
///
/// # Errors
/// When its file is gone or damaged.
pub fn profile_of(shop: &Workshop, version: &Version) -> Result<Option<Profile>> {
    version.profile.as_ref().map(|digest| shop.get_json(digest)).transpose()
}

/// The distribution of a version's columns, when one is kept.
///
/// # Errors
/// When its file is gone or damaged.
pub fn distribution_of(shop: &Workshop, version: &Version) -> Result<Option<DriftReference>> {
    version.distribution.as_ref().map(|digest| shop.get_json(digest)).transpose()
}
