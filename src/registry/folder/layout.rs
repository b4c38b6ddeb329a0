//! The records of an OCI image layout (OCI image-spec v1.1) that holds models as CNCF ModelPack artifacts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::registry::{PushRequest, sha256_hex};

/// The file that marks a folder as an OCI image layout.
pub(super) const LAYOUT_FILE: &str = "oci-layout";
/// Its whole content.
pub(super) const LAYOUT_TEXT: &str = "{\"imageLayoutVersion\":\"1.0.0\"}";
/// The file that names what the layout holds.
pub(super) const INDEX_FILE: &str = "index.json";

pub(super) const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";
pub(super) const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
const ARTIFACT_TYPE: &str = "application/vnd.cncf.model.manifest.v1+json";
const CONFIG_TYPE: &str = "application/vnd.cncf.model.config.v1+json";

/// The name under which OCI tools find an entry of the index.
pub(super) const REF_NAME: &str = "org.opencontainers.image.ref.name";
pub(super) const CREATED: &str = "org.opencontainers.image.created";
/// Where a layer's file belongs in the model's folder.
pub(super) const FILE_PATH: &str = "org.cncf.model.filepath";
pub(super) const MODEL: &str = "dev.pilothouse.model";
pub(super) const VERSION: &str = "dev.pilothouse.version";
pub(super) const ALIAS: &str = "dev.pilothouse.alias";
pub(super) const DIGEST: &str = "dev.pilothouse.digest";

/// A reference to a blob by its content.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    pub media_type: String,
    pub digest: String,
    pub size: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// What other tools wrote is kept.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// `index.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Index {
    pub schema_version: u32,
    pub media_type: Option<String>,
    pub manifests: Vec<Descriptor>,
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl Default for Index {
    fn default() -> Self {
        Self { schema_version: 2, media_type: Some(INDEX_TYPE.into()), manifests: Vec::new(), other: Map::new() }
    }
}

/// A model's manifest.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    pub schema_version: u32,
    pub media_type: String,
    #[serde(default)]
    pub artifact_type: String,
    pub config: Descriptor,
    pub layers: Vec<Descriptor>,
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

impl Descriptor {
    pub(super) fn of(media_type: &str, bytes: &[u8]) -> Self {
        Self {
            media_type: media_type.into(),
            digest: format!("sha256:{}", sha256_hex(bytes)),
            size: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            annotations: BTreeMap::new(),
            other: Map::new(),
        }
    }

    pub(super) fn note(&self, key: &str) -> Option<&str> {
        self.annotations.get(key).map(String::as_str)
    }

    /// The blob's path in the layout; `None` for anything but a well-formed SHA-256, which thus cannot climb out.
    pub(super) fn blob_path(&self) -> Option<String> {
        let hex = self.digest.strip_prefix("sha256:")?;
        let fits = hex.len() == 64 && hex.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
        fits.then(|| format!("blobs/sha256/{hex}"))
    }

    /// Whether this entry is a version of `name` (not an alias).
    pub(super) fn version_of(&self, name: &str) -> Option<&str> {
        if self.note(MODEL) == Some(name) && self.note(ALIAS).is_none() { self.note(VERSION) } else { None }
    }
}

/// The ModelPack media type of a file, by what it is for.
fn layer_type(path: &str) -> &'static str {
    let lower = path.to_ascii_lowercase();
    match lower.rsplit('.').next().unwrap_or_default() {
        "onnx" | "bin" | "safetensors" => "application/vnd.cncf.model.weight.v1.raw",
        "md" | "html" | "svg" | "png" | "txt" if !lower.ends_with("requirements.txt") => {
            "application/vnd.cncf.model.doc.v1.raw"
        }
        "sql" | "py" | "rs" => "application/vnd.cncf.model.code.v1.raw",
        "csv" | "parquet" => "application/vnd.cncf.model.dataset.v1.raw",
        _ => "application/vnd.cncf.model.weight.config.v1.raw",
    }
}

/// One model, ready to be written: its blobs, and the manifest that binds them.
pub(super) struct Packed {
    /// Every blob but the manifest, by path in the layout.
    pub blobs: BTreeMap<String, Vec<u8>>,
    pub manifest: Descriptor,
    pub manifest_bytes: Vec<u8>,
}

/// Binds files into a ModelPack manifest. The same request gives the same bytes.
pub(super) fn pack(request: &PushRequest<'_>, files: &BTreeMap<String, Vec<u8>>) -> crate::error::Result<Packed> {
    let run = request.run;
    let created = rfc3339(run.ended_ms);
    let mut blobs = BTreeMap::new();
    let mut layers = Vec::with_capacity(files.len());
    for (path, bytes) in files {
        let mut layer = Descriptor::of(layer_type(path), bytes);
        layer.annotations.insert(FILE_PATH.into(), path.clone());
        blobs.insert(layer.blob_path().unwrap_or_default(), bytes.clone());
        layers.push(layer);
    }
    let diff_ids: Vec<&str> = layers.iter().map(|l| l.digest.as_str()).collect();
    let config = json!({
        "descriptor": {
            "createdAt": created,
            "authors": [run.user],
            "name": request.name,
            "title": run.run_name,
            "description": run.description,
        },
        "config": { "architecture": run.model_type, "format": "onnx" },
        "modelfs": { "type": "layers", "diffIds": diff_ids },
    });
    let config = serde_json::to_vec(&config)?;
    let config_entry = Descriptor::of(CONFIG_TYPE, &config);
    blobs.insert(config_entry.blob_path().unwrap_or_default(), config);

    let params: BTreeMap<&str, &str> = run.params.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let metrics: BTreeMap<&str, String> = run.metrics.iter().map(|(k, v)| (k.as_str(), v.to_string())).collect();
    let mut annotations = BTreeMap::from([
        (CREATED.to_string(), created),
        (MODEL.to_string(), request.name.to_string()),
        (DIGEST.to_string(), request.digest.to_string()),
        ("dev.pilothouse.run".into(), run.run_id.clone()),
        ("dev.pilothouse.dataset".into(), run.dataset.name.clone()),
        ("dev.pilothouse.dataset.digest".into(), run.dataset.digest.clone()),
        ("dev.pilothouse.params".into(), serde_json::to_string(&params)?),
        ("dev.pilothouse.metrics".into(), serde_json::to_string(&metrics)?),
    ]);
    for (key, value) in &run.tags {
        annotations.entry(format!("dev.pilothouse.tag.{key}")).or_insert_with(|| value.clone());
    }
    let manifest = Manifest {
        schema_version: 2,
        media_type: MANIFEST_TYPE.into(),
        artifact_type: ARTIFACT_TYPE.into(),
        config: config_entry,
        layers,
        annotations,
    };
    let manifest_bytes = serde_json::to_vec(&manifest)?;
    let mut manifest = Descriptor::of(MANIFEST_TYPE, &manifest_bytes);
    manifest.other.insert("artifactType".into(), ARTIFACT_TYPE.into());
    Ok(Packed { blobs, manifest, manifest_bytes })
}

/// Milliseconds since 1970 in the notation of RFC 3339.
pub(super) fn rfc3339(ms: u64) -> String {
    i64::try_from(ms)
        .ok()
        .and_then(chrono::DateTime::from_timestamp_millis)
        .unwrap_or_default()
        .to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

/// The other way round; `None` for anything else.
pub(super) fn from_rfc3339(text: &str) -> Option<u64> {
    u64::try_from(chrono::DateTime::parse_from_rfc3339(text).ok()?.timestamp_millis()).ok()
}
