//! The bundle: all files of an exported model with one digest over them, and its form as a folder.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use polars::frame::DataFrame;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{card, environment, onnx, signature};
use crate::error::{Error, Result};
use crate::model::FittedModel;

/// The file beside the bundle's files that lists them with their digests.
pub const INDEX_FILE: &str = "bundle.json";
/// The largest index that is read, in bytes.
const LARGEST_INDEX: u64 = 1 << 20;
/// The largest file that is read, in bytes: what protobuf allows for a model.
const LARGEST_FILE: u64 = 1 << 31;

/// An exported model: everything that is the same wherever it is pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// Contents by relative path, with `/` between folders.
    pub files: BTreeMap<String, Vec<u8>>,
    /// See [`digest`].
    pub digest: String,
}

/// What a bundle is made from.
#[derive(Debug, Clone, Copy)]
pub struct BundleInput<'a> {
    /// The model.
    pub model: &'a FittedModel,
    /// The name under which it is registered.
    pub name: &'a str,
    /// The run that made it.
    pub run_id: &'a str,
    /// A few raw rows; the first five become the input example.
    pub example: &'a DataFrame,
    /// What the card tells beyond the model.
    pub card: &'a card::CardFacts,
    /// The steps that cleaned its rows, with what was computed from them, in TOML.
    pub recipe: Option<&'a str>,
    /// What the table that it learned from promised, in TOML.
    pub contract: Option<&'a str>,
}

/// The recipe's file in a bundle.
pub const RECIPE_FILE: &str = "recipe.toml";
/// The contract's file in a bundle.
pub const CONTRACT_FILE: &str = "contract.toml";

#[derive(Debug, Serialize, Deserialize)]
struct Index {
    digest: String,
    files: BTreeMap<String, String>,
}

/// Exports the model and packs it. Equal input gives an equal digest.
///
/// # Errors
/// When the model cannot be exported (see [`onnx::export`]) or the example lacks one of its columns.
pub fn build(input: &BundleInput<'_>) -> Result<Bundle> {
    let model = input.model;
    let example = signature::example(model, input.example)?;
    let serving = serde_json::json!({ "dataframe_split": example });
    let mut files = BTreeMap::new();
    files.insert("model.onnx".to_owned(), onnx::export(model)?);
    files.insert("native.json".to_owned(), serde_json::to_vec(model)?);
    files.insert("signature.json".to_owned(), serde_json::to_vec(&signature::signature(model))?);
    files.insert("input_example.json".to_owned(), serde_json::to_vec(&example)?);
    files.insert("serving_input_example.json".to_owned(), serde_json::to_vec(&serving)?);
    files.insert("requirements.txt".to_owned(), environment::requirements().into_bytes());
    files.insert("python_env.yaml".to_owned(), environment::python_env().into_bytes());
    files.insert("conda.yaml".to_owned(), environment::conda().into_bytes());
    let attached = [(RECIPE_FILE, input.recipe), (CONTRACT_FILE, input.contract)];
    for (name, text) in attached.iter().filter_map(|(name, text)| Some((*name, (*text)?))) {
        files.insert(name.to_owned(), text.as_bytes().to_vec());
    }
    let sums: Vec<(&str, String)> =
        attached.iter().filter_map(|(name, _)| Some((*name, hex(&Sha256::digest(files.get(*name)?))))).collect();
    let card = card::card(model, input.name, input.run_id, input.card, &sums);
    files.insert("model_card.md".to_owned(), card.into_bytes());
    let digest = digest(&files);
    Ok(Bundle { files, digest })
}

impl Bundle {
    /// The native model inside.
    ///
    /// # Errors
    /// When the bundle has none, or it is inconsistent.
    pub fn native(&self) -> Result<FittedModel> {
        let bytes = self.files.get("native.json").ok_or_else(|| Error::input("the bundle has no native.json"))?;
        let model =
            serde_json::from_slice(bytes).map_err(|e| Error::input(format!("native.json cannot be read: {e}")))?;
        onnx::validate(&model)?;
        Ok(model)
    }
}

/// SHA-256 (hex) over the files' raw SHA-256 digests in the order of their names: the root digest of OpenSSF Model Signing v1.0,
/// so that a signature over it can be checked with that project's tools too.
#[must_use]
pub fn digest(files: &BTreeMap<String, Vec<u8>>) -> String {
    let mut root = Sha256::new();
    for bytes in files.values() {
        root.update(Sha256::digest(bytes));
    }
    hex(&root.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Writes the bundle's files and its index into `dir`, which is created when absent. Files that the bundle does not name stay.
///
/// # Errors
/// When a name would lead out of the folder, or the disk fails.
pub fn write(bundle: &Bundle, dir: &Path) -> Result<()> {
    for (name, bytes) in &bundle.files {
        let path = inside(dir, name)?;
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|e| Error::from(e).at(parent.display()))?;
        }
        replace(&path, bytes)?;
    }
    let index = Index {
        digest: bundle.digest.clone(),
        files: bundle.files.iter().map(|(name, bytes)| (name.clone(), hex(&Sha256::digest(bytes)))).collect(),
    };
    // Last, so that an index is there only when all it names is.
    replace(&dir.join(INDEX_FILE), &serde_json::to_vec_pretty(&index)?)
}

/// Puts a file in place whole: a reader sees the old bytes or the new ones, never half of them.
fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let fail = |e: std::io::Error| Error::from(e).at(path.display());
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(parent).map_err(fail)?;
    std::io::Write::write_all(&mut file, bytes).map_err(fail)?;
    file.as_file().sync_all().map_err(fail)?;
    file.persist(path).map_err(|e| fail(e.error))?;
    Ok(())
}

/// Reads a bundle that [`write()`] made, and checks every file and the digest.
///
/// # Errors
/// When the index is absent or broken, a name leads out of the folder, a file is absent, a link, too large or changed.
pub fn read(dir: &Path) -> Result<Bundle> {
    let index_path = dir.join(INDEX_FILE);
    let bytes = read_file(&index_path, LARGEST_INDEX)?;
    let index: Index = serde_json::from_slice(&bytes)
        .map_err(|e| Error::input(format!("{} is not a bundle's index: {e}", index_path.display())))?;
    let mut files = BTreeMap::new();
    for (name, expected) in &index.files {
        let path = inside(dir, name)?;
        no_links(dir, name)?;
        let bytes = read_file(&path, LARGEST_FILE)?;
        if hex(&Sha256::digest(&bytes)) != *expected {
            return Err(Error::input(format!("{} was changed since the bundle was written", path.display()))
                .hint("Export the model again"));
        }
        files.insert(name.clone(), bytes);
    }
    let digest = digest(&files);
    if digest != index.digest {
        return Err(Error::input(format!("{}: the files do not have the digest {}", dir.display(), index.digest))
            .hint("Export the model again"));
    }
    Ok(Bundle { files, digest })
}

fn read_file(path: &Path, most: u64) -> Result<Vec<u8>> {
    let fail = |e: std::io::Error| Error::input(format!("{} cannot be read: {e}", path.display()));
    let file = fs::File::open(path).map_err(fail)?;
    if !file.metadata().map_err(fail)?.is_file() {
        return Err(Error::input(format!("{} is not a file", path.display())));
    }
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() as u64 > most {
        return Err(Error::input(format!("{} is larger than {most} bytes", path.display())));
    }
    Ok(bytes)
}

/// The path of a file in the bundle; only plain names below `dir` are allowed.
fn inside(dir: &Path, name: &str) -> Result<PathBuf> {
    let path = Path::new(name);
    let plain = path.components().all(|c| matches!(c, Component::Normal(_)))
        && name.split('/').all(|part| !part.is_empty())
        && !name.contains(['\\', '\0', ':'])
        && name != INDEX_FILE;
    if !plain {
        return Err(Error::input(format!("`{}` is not a file name that a bundle may have", name.escape_debug())));
    }
    Ok(dir.join(path))
}

/// Refuses a name any part of which is a symbolic link.
fn no_links(dir: &Path, name: &str) -> Result<()> {
    let mut path = dir.to_path_buf();
    for part in name.split('/') {
        path.push(part);
        let link = fs::symlink_metadata(&path).is_ok_and(|m| m.file_type().is_symlink());
        if link {
            return Err(Error::input(format!("{} is a link, and a bundle has none", path.display())));
        }
    }
    Ok(())
}
