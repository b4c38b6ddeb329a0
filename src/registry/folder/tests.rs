use std::sync::atomic::Ordering;

use proptest::prelude::*;

use super::*;
use crate::error::Kind;
use crate::registry::RunFacts;
use crate::registry::tests::{sample_files, sample_mlmodel, sample_run};

fn request<'a>(
    files: &'a BTreeMap<String, Vec<u8>>,
    digest: &'a str,
    alias: Option<&'a str>,
    run: &'a RunFacts,
) -> PushRequest<'a> {
    PushRequest { files, digest, name: "churn", alias, run, mlmodel: &sample_mlmodel }
}

fn push(registry: &FolderRegistry, digest: &str, alias: Option<&str>) -> Result<PushReceipt> {
    let mut files = sample_files();
    files.insert("model.onnx".into(), digest.as_bytes().to_vec());
    registry.push(&request(&files, digest, alias, &sample_run()), &Control::default())
}

fn at(dir: &tempfile::TempDir) -> FolderRegistry {
    FolderRegistry::new(dir.path().join("models")).unwrap()
}

/// Everything the index names reads back whole, under every version and alias.
fn is_sound(registry: &FolderRegistry) -> usize {
    let models = registry.models().unwrap();
    for model in &models {
        for version in &model.versions {
            let digest = version.digest.clone().unwrap();
            for name in version.aliases.iter().chain([&version.version]) {
                let files = registry.fetch(&model.name, name).unwrap();
                assert_eq!(files["model.onnx"], digest.as_bytes());
                assert!(files.contains_key(MLMODEL));
            }
        }
    }
    models.iter().map(|m| m.versions.len()).sum()
}

#[test]
fn a_push_is_listed_and_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let registry = at(&dir);
    assert!(registry.models().unwrap().is_empty());
    assert!(registry.check().unwrap().contains("will be created"));
    let first = push(&registry, "d1", Some("champion")).unwrap();
    assert_eq!((first.version.as_str(), first.already_there), ("1", false));
    assert_eq!(first.previous_alias_version, None);
    let again = push(&registry, "d1", Some("champion")).unwrap();
    assert_eq!((again.version.as_str(), again.already_there), ("1", true));
    assert_eq!(again.previous_alias_version.as_deref(), Some("1"));
    let second = push(&registry, "d2", Some("champion")).unwrap();
    assert_eq!((second.version.as_str(), second.previous_alias_version.as_deref()), ("2", Some("1")));
    let back = push(&registry, "d1", Some("champion")).unwrap();
    assert_eq!((back.version.as_str(), back.previous_alias_version.as_deref()), ("1", Some("2")));

    let models = registry.models().unwrap();
    assert_eq!(models.len(), 1);
    assert_eq!(models[0].versions[0].aliases, ["champion"]);
    assert!(models[0].versions[1].aliases.is_empty());
    assert!(models[0].versions.iter().all(|v| v.state == "READY" && v.created_ms.is_some()));
    assert_eq!(is_sound(&registry), 2);
    assert!(registry.check().unwrap().contains("1 models, 2 versions"));
    let error = registry.fetch("churn", "9").unwrap_err();
    assert_eq!((error.kind, error.hint.as_deref()), (Kind::Input, Some("There is 1, champion, 2")));
}

/// The layout is what the OCI image specification and ModelPack say, read here as plain JSON.
#[test]
fn the_folder_is_an_oci_image_layout_with_a_model_pack() {
    let dir = tempfile::tempdir().unwrap();
    let registry = at(&dir);
    push(&registry, "d1", Some("champion")).unwrap();
    let root = dir.path().join("models");
    let json = |path: &Path| -> serde_json::Value { serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap() };
    assert_eq!(json(&root.join("oci-layout"))["imageLayoutVersion"], "1.0.0");
    let index = json(&root.join("index.json"));
    assert_eq!(index["schemaVersion"], 2);
    let names: Vec<_> =
        index["manifests"].as_array().unwrap().iter().map(|m| &m["annotations"][layout::REF_NAME]).collect();
    assert_eq!(names, ["churn:1", "churn:champion"]);
    let blob = |digest: &serde_json::Value| {
        let hex = digest.as_str().unwrap().strip_prefix("sha256:").unwrap();
        let bytes = std::fs::read(root.join(BLOBS).join(hex)).unwrap();
        assert_eq!(sha256_hex(&bytes), hex);
        bytes
    };
    let entry = &index["manifests"][0];
    assert_eq!(entry["mediaType"], "application/vnd.oci.image.manifest.v1+json");
    let bytes = blob(&entry["digest"]);
    assert_eq!(entry["size"], bytes.len());
    let manifest: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(manifest["artifactType"], "application/vnd.cncf.model.manifest.v1+json");
    assert_eq!(manifest["config"]["mediaType"], "application/vnd.cncf.model.config.v1+json");
    let config: serde_json::Value = serde_json::from_slice(&blob(&manifest["config"]["digest"])).unwrap();
    let layers = manifest["layers"].as_array().unwrap();
    let kinds: BTreeMap<_, _> = layers
        .iter()
        .map(|l| (l["annotations"]["org.cncf.model.filepath"].as_str().unwrap(), l["mediaType"].as_str().unwrap()))
        .collect();
    assert_eq!(kinds["model.onnx"], "application/vnd.cncf.model.weight.v1.raw");
    assert_eq!(kinds["docs/card.md"], "application/vnd.cncf.model.doc.v1.raw");
    assert_eq!(kinds[MLMODEL], "application/vnd.cncf.model.weight.config.v1.raw");
    let ids: Vec<_> = layers.iter().map(|l| &l["digest"]).collect();
    assert_eq!(config["modelfs"]["diffIds"].as_array().unwrap().iter().collect::<Vec<_>>(), ids);
}

#[test]
fn a_power_cut_at_any_step_leaves_the_old_state_and_the_next_push_ends_it() {
    for step in 0..400 {
        let dir = tempfile::tempdir().unwrap();
        push(&at(&dir), "d1", Some("champion")).unwrap();
        let cut = at(&dir);
        cut.disk.fuse.store(step, Ordering::SeqCst);
        let result = push(&cut, "d2", Some("champion"));
        drop(cut);

        let after = at(&dir);
        let versions = is_sound(&after);
        let champion = after.fetch("churn", "champion").unwrap();
        if result.is_err() {
            assert!(
                versions == 1 && champion["model.onnx"] == b"d1" || versions == 2 && champion["model.onnx"] == b"d2"
            );
        }
        let end = push(&after, "d2", Some("champion")).unwrap();
        assert_eq!(end.version, "2");
        assert_eq!(is_sound(&after), 2);
        let left: Vec<_> = walk(&dir.path().join("models")).filter(|name| name.starts_with(".tmp-")).collect();
        assert!(left.is_empty(), "crash leftovers are swept: {left:?}");
        if result.is_ok() {
            assert!(step >= 20, "the fuse must have bitten before");
            return;
        }
    }
    panic!("a push takes more steps than the test tries");
}

/// The same from nothing: the very first push cut off.
#[test]
fn a_power_cut_during_the_first_push_leaves_nothing_visible() {
    for step in 0..60 {
        let dir = tempfile::tempdir().unwrap();
        let cut = at(&dir);
        cut.disk.fuse.store(step, Ordering::SeqCst);
        let result = push(&cut, "d1", Some("champion"));
        let after = at(&dir);
        let versions = is_sound(&after);
        assert!(versions <= 1);
        assert_eq!(push(&after, "d1", Some("champion")).unwrap().version, "1");
        assert_eq!(is_sound(&after), 1);
        if result.is_ok() {
            return;
        }
    }
}

fn walk(root: &Path) -> impl Iterator<Item = String> + use<> {
    ["", BLOBS].map(|sub| root.join(sub)).into_iter().flat_map(|folder| {
        std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
    })
}

#[test]
fn damage_is_seen_and_the_alias_stays() {
    let dir = tempfile::tempdir().unwrap();
    let registry = at(&dir);
    push(&registry, "d1", None).unwrap();
    push(&registry, "d2", Some("champion")).unwrap();
    let blob = dir.path().join("models").join(BLOBS).join(sha256_hex(b"d1"));
    std::fs::write(&blob, b"dX").unwrap();
    assert!(registry.fetch("churn", "1").is_err_and(|e| e.message.contains("damaged")));
    let error = push(&registry, "d1", Some("champion")).unwrap_err();
    assert!(error.message.contains("version 1 of churn exists, but is not whole"), "{error}");
    assert_eq!(registry.fetch("churn", "champion").unwrap()["model.onnx"], b"d2");
}

#[test]
fn the_same_digest_over_other_files_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let registry = at(&dir);
    push(&registry, "d1", None).unwrap();
    let error = registry
        .push(&request(&sample_files(), "d1", Some("champion"), &sample_run()), &Control::default())
        .unwrap_err();
    assert!(error.message.contains("not the ones of this digest"), "{error}");
    assert!(registry.fetch("churn", "champion").is_err());
}

#[test]
fn bad_requests_and_strange_folders_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let registry = at(&dir);
    let run = sample_run();
    let files = BTreeMap::from([("../out".to_string(), vec![1])]);
    assert!(
        registry.push(&request(&files, "d", None, &run), &Control::default()).is_err_and(|e| e.kind == Kind::Usage)
    );
    assert!(registry.push(&request(&BTreeMap::new(), "d", None, &run), &Control::default()).is_err());
    assert!(!dir.path().join("models").exists(), "nothing is written for a bad request");

    let cancelled = Control::default();
    cancelled.cancel();
    let error = registry.push(&request(&sample_files(), "d", None, &run), &cancelled).unwrap_err();
    assert_eq!(error.kind, Kind::Cancelled);

    let other = tempfile::tempdir().unwrap();
    std::fs::write(other.path().join("thesis.doc"), b"x").unwrap();
    let strange = FolderRegistry::new(other.path()).unwrap();
    assert!(strange.check().is_err());
    assert!(push(&strange, "d", None).is_err_and(|e| e.message.contains("holds other files")));
}

/// A layout from a stranger cannot make us read or write outside of it.
#[test]
fn a_hostile_layout_cannot_climb_out() {
    let dir = tempfile::tempdir().unwrap();
    let registry = at(&dir);
    push(&registry, "d1", None).unwrap();
    let index_file = dir.path().join("models/index.json");
    let good = std::fs::read_to_string(&index_file).unwrap();
    let mut index: Index = serde_json::from_str(&good).unwrap();
    index.manifests[0].digest = "sha256:../../../../etc/passwd".into();
    std::fs::write(&index_file, serde_json::to_vec(&index).unwrap()).unwrap();
    assert!(registry.fetch("churn", "1").is_err_and(|e| e.message.contains("no SHA-256")));

    let mut index: Index = serde_json::from_str(&good).unwrap();
    let mut manifest = registry.manifest(&index.manifests[0]).unwrap();
    manifest.layers[0].annotations.insert(layout::FILE_PATH.into(), "../../evil".into());
    let bytes = serde_json::to_vec(&manifest).unwrap();
    let entry = Descriptor::of(layout::MANIFEST_TYPE, &bytes);
    std::fs::write(registry.disk.path(&entry.blob_path().unwrap()), &bytes).unwrap();
    index.manifests[0].digest = entry.digest;
    std::fs::write(&index_file, serde_json::to_vec(&index).unwrap()).unwrap();
    assert!(registry.fetch("churn", "1").is_err_and(|e| e.message.contains("wants to be written to")));

    std::fs::write(&index_file, b"{").unwrap();
    assert!(registry.models().is_err_and(|e| e.message.contains("index.json cannot be read")));
    assert!(push(&registry, "d2", None).is_err(), "a broken index is not replaced by an empty one");
}

#[test]
fn two_writers_take_turns() {
    let dir = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for n in 0..8 {
            let registry = at(&dir);
            // Four digests, each pushed by two at once.
            scope.spawn(move || push(&registry, &format!("d{}", n % 4), Some("champion")).unwrap());
        }
    });
    assert_eq!(is_sound(&at(&dir)), 4);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Any order of pushes, some cut off, ends with one version a digest and aliases on whole versions.
    #[test]
    fn any_history_of_pushes_and_cuts_stays_sound(
        steps in prop::collection::vec((0u8..4, 0u8..3, prop::option::of(0usize..60)), 1..8)
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut ever = std::collections::BTreeSet::new();
        for (digest, alias, cut) in steps {
            let registry = at(&dir);
            registry.disk.fuse.store(cut.unwrap_or(usize::MAX), Ordering::SeqCst);
            let alias = [None, Some("champion"), Some("challenger")][usize::from(alias)];
            let digest = format!("d{digest}");
            let result = push(&registry, &digest, alias);
            ever.insert(digest.clone());
            let after = at(&dir);
            let versions = is_sound(&after);
            prop_assert!(versions <= ever.len());
            if result.is_ok() && let Some(alias) = alias {
                prop_assert_eq!(&after.fetch("churn", alias).unwrap()["model.onnx"], digest.as_bytes());
            }
        }
    }
}
