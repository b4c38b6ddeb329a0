//! The embedded registry: a folder on disk in OCI image layout, its models packed as CNCF ModelPack artifacts.
//!
//! Content is addressed by SHA-256 and written before it is named; `index.json` names it and is replaced in one
//! rename. So a crash at any moment leaves the old index, and what it names, valid.

mod disk;
mod layout;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use self::disk::{Disk, Lock};
use self::layout::{Descriptor, Index, Manifest};
use super::{MLMODEL, MlmodelIds, PushReceipt, PushRequest, RegisteredModel, Registry, Version, names, sha256_hex};
use crate::engine::Control;
use crate::error::{Error, Result};

const INDEX_LIMIT: u64 = 64 << 20;
const MANIFEST_LIMIT: u64 = 4 << 20;
const BLOB_LIMIT: u64 = 4 << 30;
const BLOBS: &str = "blobs/sha256";
/// The MLflow whose `MLmodel` layout the files in a folder follow.
const MLMODEL_LAYOUT: &str = "3.17.2";

/// A folder in OCI image layout.
#[derive(Debug)]
pub struct FolderRegistry {
    disk: Disk,
    shown: String,
}

impl FolderRegistry {
    /// Names the folder; nothing is read or written yet.
    ///
    /// # Errors
    /// `Usage` for an empty path.
    pub fn new(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        if folder.as_os_str().is_empty() {
            return Err(Error::usage("no folder was named for the registry").hint("Write `folder:DIR`"));
        }
        Ok(Self { disk: Disk::new(folder), shown: folder.display().to_string() })
    }

    fn damaged(&self, what: impl std::fmt::Display) -> Error {
        Error::local(format!("the registry in {} is damaged: {what}", self.shown))
    }

    fn index(&self) -> Result<Index> {
        let Some(bytes) = self.disk.read(layout::INDEX_FILE, INDEX_LIMIT)? else { return Ok(Index::default()) };
        serde_json::from_slice(&bytes).map_err(|e| {
            self.damaged(format!("{} cannot be read ({e})", layout::INDEX_FILE)).hint("Restore that file from a backup")
        })
    }

    /// Reads a blob and checks it against the digest that names it.
    fn blob(&self, entry: &Descriptor, limit: u64) -> Result<Vec<u8>> {
        let path = entry
            .blob_path()
            .ok_or_else(|| self.damaged(format!("`{}` is no SHA-256", crate::registry::harmless(&entry.digest, 80))))?;
        let bytes = self.disk.read(&path, limit)?.ok_or_else(|| self.damaged(format!("{path} is missing")))?;
        if format!("sha256:{}", sha256_hex(&bytes)) != entry.digest {
            return Err(self
                .damaged(format!("{path} is not what its name says"))
                .hint("Delete that file and push the model again, or restore it from a backup"));
        }
        Ok(bytes)
    }

    fn manifest(&self, entry: &Descriptor) -> Result<Manifest> {
        serde_json::from_slice(&self.blob(entry, MANIFEST_LIMIT)?)
            .map_err(|e| self.damaged(format!("the manifest {} cannot be read ({e})", entry.digest)))
    }

    /// The files of an entry, each checked.
    fn files(&self, entry: &Descriptor) -> Result<BTreeMap<String, Vec<u8>>> {
        let mut files = BTreeMap::new();
        for layer in &self.manifest(entry)?.layers {
            let path = layer.note(layout::FILE_PATH).unwrap_or_default();
            if !names::is_safe_path(path) {
                let shown = crate::registry::harmless(path, 60);
                return Err(self.damaged(format!("a file wants to be written to `{shown}`")));
            }
            files.insert(path.to_string(), self.blob(layer, BLOB_LIMIT)?);
        }
        Ok(files)
    }

    /// Makes sure that a blob is there with the right content, and reads it back.
    fn put(&self, path: &str, bytes: &[u8]) -> Result<()> {
        if self.disk.read(path, BLOB_LIMIT).ok().flatten().as_deref() == Some(bytes) {
            return Ok(());
        }
        self.disk.write(path, bytes)?;
        if self.disk.read(path, BLOB_LIMIT)?.as_deref() == Some(bytes) {
            Ok(())
        } else {
            Err(Error::local(format!("{path} in {} reads back differently than it was written", self.shown))
                .hint("Check the disk"))
        }
    }

    fn save(&self, _held: &Lock, index: &Index) -> Result<()> {
        if self.disk.read(layout::LAYOUT_FILE, INDEX_LIMIT)?.is_none() {
            self.disk.write(layout::LAYOUT_FILE, layout::LAYOUT_TEXT.as_bytes())?;
        }
        self.disk.write(layout::INDEX_FILE, &serde_json::to_vec_pretty(index)?)
    }
}

/// Every file of the bundle with the `MLmodel` that fits a folder.
fn with_mlmodel(request: &PushRequest<'_>) -> BTreeMap<String, Vec<u8>> {
    let ids = MlmodelIds {
        artifact_path: "model".into(),
        model_id: None,
        run_id: request.run.run_id.clone(),
        mlflow_version: MLMODEL_LAYOUT.into(),
        utc_time: super::utc_text(request.run.ended_ms),
    };
    let mut files = request.files.clone();
    files.insert(MLMODEL.into(), (request.mlmodel)(&ids).into_bytes());
    files
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).ok().and_then(|d| u64::try_from(d.as_millis()).ok()).unwrap_or(0)
}

impl Registry for FolderRegistry {
    fn describe(&self) -> String {
        format!("folder {}", self.shown)
    }

    fn push(&self, request: &PushRequest<'_>, control: &Control) -> Result<PushReceipt> {
        super::check_request(request)?;
        control.check()?;
        if !self.disk.is_ours_or_empty()? {
            return Err(Error::usage(format!("{} holds other files and is not a model registry", self.shown))
                .hint("Name an empty or a new folder"));
        }
        let held = self.disk.lock(control)?;
        self.disk.sweep(&held, &["", BLOBS]);
        let mut index = self.index()?;
        let found = index
            .manifests
            .iter()
            .find(|e| e.version_of(request.name).is_some() && e.note(layout::DIGEST) == Some(request.digest))
            .cloned();
        let already_there = found.is_some();
        let packed = layout::pack(request, &with_mlmodel(request))?;
        let entry = match found {
            Some(entry) => {
                self.same_files(&entry, request).map_err(|e| {
                    let version = entry.note(layout::VERSION).unwrap_or_default();
                    e.at(format!("version {version} of {} exists, but is not whole", request.name))
                })?;
                entry
            }
            None => {
                let mut done = 0.0;
                #[allow(clippy::cast_precision_loss, reason = "a share for a progress bar")]
                let all = packed.blobs.len() as f64 + 1.0;
                for (path, bytes) in &packed.blobs {
                    control.check()?;
                    self.put(path, bytes)?;
                    done += 1.0;
                    control.report("push", Some(done / all), "writing");
                }
                let manifest_path =
                    packed.manifest.blob_path().ok_or_else(|| self.damaged("a digest could not be made"))?;
                self.put(&manifest_path, &packed.manifest_bytes)?;
                next_version(&index, request, packed.manifest)
            }
        };
        control.check()?;
        let version = entry.note(layout::VERSION).unwrap_or_default().to_string();
        let mut changed = !already_there;
        if !already_there {
            index.manifests.push(entry.clone());
        }
        let mut previous = None;
        if let Some(alias) = request.alias {
            let at = index
                .manifests
                .iter()
                .position(|e| e.note(layout::MODEL) == Some(request.name) && e.note(layout::ALIAS) == Some(alias));
            let fresh = alias_entry(&entry, request.name, alias, &version);
            match at.and_then(|at| index.manifests.get_mut(at)) {
                Some(old) => {
                    previous = old.note(layout::VERSION).map(String::from);
                    changed |= previous.as_deref() != Some(version.as_str()) || old.digest != fresh.digest;
                    *old = fresh;
                }
                None => {
                    index.manifests.push(fresh);
                    changed = true;
                }
            }
        }
        if changed {
            self.save(&held, &index)?;
        }
        control.report("push", Some(1.0), "done");
        Ok(PushReceipt {
            registry: self.describe(),
            name: request.name.into(),
            uri: format!("oci:{}:{}:{version}", self.shown, request.name),
            version,
            alias: request.alias.map(String::from),
            previous_alias_version: previous,
            digest: request.digest.into(),
            already_there,
        })
    }

    fn models(&self) -> Result<Vec<RegisteredModel>> {
        let index = self.index()?;
        let mut models: BTreeMap<&str, Vec<Version>> = BTreeMap::new();
        for entry in &index.manifests {
            let Some(name) = entry.note(layout::MODEL) else { continue };
            let Some(version) = entry.version_of(name) else { continue };
            let whole = entry.blob_path().is_some_and(|path| self.disk.path(&path).is_file());
            models.entry(name).or_default().push(Version {
                version: version.into(),
                digest: entry.note(layout::DIGEST).map(String::from),
                aliases: Vec::new(),
                created_ms: entry.note(layout::CREATED).and_then(layout::from_rfc3339),
                state: if whole { "READY" } else { "DAMAGED" }.into(),
            });
        }
        for entry in &index.manifests {
            let (Some(name), Some(alias), Some(version)) =
                (entry.note(layout::MODEL), entry.note(layout::ALIAS), entry.note(layout::VERSION))
            else {
                continue;
            };
            let versions = models.get_mut(name).into_iter().flatten();
            for found in versions.filter(|v| v.version == version) {
                found.aliases.push(alias.into());
            }
        }
        Ok(models
            .into_iter()
            .map(|(name, mut versions)| {
                versions.sort_by_key(|v| v.version.parse::<u64>().unwrap_or(u64::MAX));
                RegisteredModel { name: name.into(), versions }
            })
            .collect())
    }

    fn fetch(&self, name: &str, version_or_alias: &str) -> Result<BTreeMap<String, Vec<u8>>> {
        names::model(name)?;
        let index = self.index()?;
        let entry = index
            .manifests
            .iter()
            .find(|e| {
                e.version_of(name) == Some(version_or_alias)
                    || (e.note(layout::MODEL) == Some(name) && e.note(layout::ALIAS) == Some(version_or_alias))
            })
            .ok_or_else(|| {
                let shown = super::harmless(version_or_alias, 60);
                let there: Vec<&str> = index
                    .manifests
                    .iter()
                    .filter(|e| e.note(layout::MODEL) == Some(name))
                    .filter_map(|e| e.note(layout::ALIAS).or(e.note(layout::VERSION)))
                    .collect();
                let hint = if there.is_empty() {
                    "No model of that name was pushed there".to_string()
                } else {
                    format!("There is {}", super::harmless(&there.join(", "), 200))
                };
                Error::input(format!("there is no {name}:{shown} in {}", self.shown)).hint(hint)
            })?;
        self.files(entry)
    }

    fn check(&self) -> Result<String> {
        if !self.disk.is_ours_or_empty()? {
            return Err(Error::local(format!("{} holds other files and is not a model registry", self.shown))
                .hint("Name an empty or a new folder"));
        }
        if !self.disk.path("").exists() {
            return Ok(format!("{}: will be created by the first push", self.describe()));
        }
        let models = self.models()?;
        let versions: usize = models.iter().map(|m| m.versions.len()).sum();
        Ok(format!("{}: OCI image layout, {} models, {versions} versions", self.describe(), models.len()))
    }
}

impl FolderRegistry {
    /// Whether an existing version reads back whole and is what shall be pushed. `MLmodel` names the run that was
    /// pushed first, so it is only checked against the digest under which it was stored.
    fn same_files(&self, entry: &Descriptor, request: &PushRequest<'_>) -> Result<()> {
        let mut there = self.files(entry)?;
        if there.remove(MLMODEL).is_none() {
            return Err(self.damaged(format!("{MLMODEL} is missing")));
        }
        let wanted = request.files.iter().filter(|(path, _)| path.as_str() != MLMODEL);
        if there.iter().eq(wanted) {
            Ok(())
        } else {
            Err(Error::local("its files are not the ones of this digest")
                .hint("Push under another name, and find out who wrote that version"))
        }
    }
}

/// The index entry of a new version: one more than the highest there is.
fn next_version(index: &Index, request: &PushRequest<'_>, mut manifest: Descriptor) -> Descriptor {
    let highest = index.manifests.iter().filter_map(|e| e.version_of(request.name)?.parse::<u64>().ok()).max();
    let version = highest.unwrap_or(0).saturating_add(1).to_string();
    manifest.annotations = BTreeMap::from([
        (layout::REF_NAME.to_string(), format!("{}:{version}", request.name)),
        (layout::CREATED.to_string(), layout::rfc3339(now_ms())),
        (layout::MODEL.to_string(), request.name.to_string()),
        (layout::VERSION.to_string(), version),
        (layout::DIGEST.to_string(), request.digest.to_string()),
    ]);
    manifest
}

/// The index entry of an alias: the same content under a second reference name, so that OCI tools can use it.
fn alias_entry(version_entry: &Descriptor, name: &str, alias: &str, version: &str) -> Descriptor {
    let mut entry = version_entry.clone();
    entry.annotations = BTreeMap::from([
        (layout::REF_NAME.to_string(), format!("{name}:{alias}")),
        (layout::MODEL.to_string(), name.to_string()),
        (layout::ALIAS.to_string(), alias.to_string()),
        (layout::VERSION.to_string(), version.to_string()),
    ]);
    entry
}
