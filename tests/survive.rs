//! kill -9 at random moments of a walk: the workspace opens, the walk goes on, and the registry holds one version.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on must stop")]

mod common;

use std::process::Stdio;
use std::time::Duration;

use common::House;
use rand::{Rng, SeedableRng};

const FLOW: &str = "name = 'survive'\n[load]\nsource = 'sample:credit'\n[prepare]\ntarget = 'Status'\npositive = 'bad'\n\
    [train.params.random_forest]\nn_estimators = 60\n[approve]\nreason = 'survival'\n\
    [push]\nto = 'models'\nas = 'credit'\nalias = 'champion'\n";

#[test]
fn twenty_kills_lose_nothing() {
    let house = House::new();
    let flow = house.write("flow.toml", FLOW);
    // How long an undisturbed walk takes here decides when the kills come.
    let undisturbed = House::new();
    undisturbed.write("flow.toml", FLOW);
    let started = std::time::Instant::now();
    let want = undisturbed.json(0, &["run", "flow.toml"]);
    let whole = started.elapsed();

    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(20);
    for kill in 0..20 {
        let mut child = house
            .command()
            .args(["run", &flow, "--quiet"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Early kills hit loading and training; later ones, when the runs are recorded, hit test and push.
        let until = whole.mul_f64(rng.random_range(0.02..1.0)).max(Duration::from_millis(5));
        std::thread::sleep(until);
        child.kill().unwrap();
        child.wait().unwrap();
        // The workspace opens, and its audit chain holds.
        house.json(0, &["runs"]);
        house.json(0, &["audit"]);
        if house.path().join("models").exists() {
            let models = house.json(0, &["models", "--to", "models"]);
            for model in models.as_array().unwrap() {
                assert!(model["versions"].as_array().unwrap().len() <= 1, "after kill {kill}");
            }
        }
    }
    let report = house.json(0, &["run", &flow]);
    assert_eq!(report["push"]["version"], "1");
    let metrics = |report: &serde_json::Value| -> Vec<serde_json::Value> {
        report["runs"].as_array().unwrap().iter().map(|r| r["metrics"].clone()).collect()
    };
    assert_eq!(metrics(&report), metrics(&want), "an interrupted walk ends where an undisturbed one does");
    let models = house.json(0, &["models", "--to", "models"]);
    assert_eq!(models[0]["versions"].as_array().unwrap().len(), 1);
    assert_eq!(models[0]["versions"][0]["aliases"][0], "champion");
}

#[test]
fn two_processes_share_one_workspace() {
    let house = House::new();
    let flow = house.write("flow.toml", FLOW);
    let start = || {
        house
            .command()
            .args(["run", &flow, "--quiet", "--json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let (first, second) = (start(), start());
    for child in [first, second] {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let models = house.json(0, &["models", "--to", "models"]);
    assert_eq!(models[0]["versions"].as_array().unwrap().len(), 1);
    house.json(0, &["audit"]);
}
