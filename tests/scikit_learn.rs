//! Training judged by scikit-learn on the same rows and split: every metric is equal, and every model scores like its
//! counterpart. `tests/python/counterparts.py` fits the counterparts at test time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on must stop")]

mod common;

use common::{House, python, sample, script};
use serde_json::{Value, json};

/// A training to be judged: the sample, its file, and how `train` is called.
struct Case<'a> {
    sample: &'a str,
    table: String,
    args: Vec<&'a str>,
    /// The score that must agree to 0.01.
    score: &'a str,
    /// Models whose counterpart may be further away, with how far and why.
    exempt: &'a [(&'a str, f64, &'a str)],
}

const MISSING: [&str; 7] = ["", "NA", "N/A", "NaN", "nan", "null", "NULL"];

fn judge(case: &Case<'_>) {
    let house = House::new();
    let mut args = vec!["train"];
    args.extend(&case.args);
    let trained = house.json(0, &args);
    let ids: Vec<String> =
        trained["runs"].as_array().unwrap().iter().map(|r| r["id"].as_str().unwrap().to_owned()).collect();
    let shown: Vec<Value> = ids.iter().map(|id| house.json(0, &["show", id, "--rows"])).collect();
    house.json(0, &["export", &ids[0], "--format", "folder", "-o", "package"]);
    let native: Value =
        serde_json::from_slice(&std::fs::read(house.path().join("package/native.json")).unwrap()).unwrap();
    let features: Vec<Value> = native["plan"]["inputs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|input| {
            let levels = &input["encoding"]["levels"];
            json!({ "name": input["name"], "text": levels.get("text").is_some(), "code": levels.get("number").is_some() })
        })
        .collect();
    let first = &shown[0];
    let truth = &first["hold_out"]["truth"];
    let request = json!({
        "sample": case.sample,
        "table": case.table,
        "missing": MISSING,
        "target": first["target"],
        "task": first["task"],
        "classes": first["classes"],
        "test_rows": first["hold_out"]["rows"],
        "truth": truth.get("numbers").or_else(|| truth["classes"].get("codes")),
        "features": features,
        "runs": shown.iter().map(|run| json!({
            "model": run["model"], "params": run["params"], "scores": run["hold_out"]["scores"],
        })).collect::<Vec<_>>(),
    });
    let path = house.path().join("request.json");
    std::fs::write(&path, request.to_string()).unwrap();
    let answer: Value = serde_json::from_str(&script("counterparts.py", &[path.to_str().unwrap()])).unwrap();

    println!("{}: model, {} ours, scikit-learn's", case.sample, case.score);
    for (run, judged) in shown.iter().zip(answer.as_array().unwrap()) {
        let model = run["model"].as_str().unwrap();
        for metric in run["metrics"].as_array().unwrap() {
            let (name, ours) = (metric["name"].as_str().unwrap(), metric["value"].as_f64().unwrap());
            let theirs = judged["on_our_scores"][name].as_f64().unwrap_or_else(|| panic!("{name} is not judged"));
            assert!(
                (ours - theirs).abs() <= 1e-9 * theirs.abs().max(1.0),
                "{} {model} {name}: {ours} but scikit-learn says {theirs}",
                case.sample
            );
        }
        let ours = run["metrics"].as_array().unwrap().iter().find(|m| m["name"] == case.score).unwrap()["value"]
            .as_f64()
            .unwrap();
        let theirs = judged["counterpart"][case.score].as_f64().unwrap();
        println!("  {model:22} {ours:.4} {theirs:.4}");
        let allowed = case.exempt.iter().find(|e| e.0 == model).map_or(0.01, |e| e.1);
        assert!((ours - theirs).abs() <= allowed, "{} {model}: {ours:.4} but scikit-learn {theirs:.4}", case.sample);
    }
}

#[test]
fn churn_is_judged_equal() {
    judge(&Case {
        sample: "churn",
        table: sample("retail_churn_train.csv"),
        args: vec!["sample:churn", "--target", "churned", "--group", "customer_id"],
        score: "roc_auc",
        exempt: &[],
    });
}

#[test]
fn credit_is_judged_equal() {
    judge(&Case {
        sample: "credit",
        table: sample("credit_scoring.csv"),
        args: vec!["sample:credit", "--target", "Status", "--positive", "bad"],
        score: "roc_auc",
        exempt: &[],
    });
}

#[test]
fn houses_are_judged_equal() {
    judge(&Case {
        sample: "houses",
        table: sample("ames_housing.csv"),
        args: vec!["sample:houses", "--target", "Sale_Price"],
        score: "r2",
        exempt: &[],
    });
}

#[test]
fn taxi_is_judged_equal() {
    judge(&Case {
        sample: "taxi",
        table: sample("nyc_taxi_2018_2020.csv"),
        args: vec![
            "sample:taxi",
            "--target",
            "trip_minutes",
            "--filter",
            "pickup_datetime >= DATE('2018-01-01') AND pickup_datetime < DATE('2019-07-01') \
             AND EXTRACT(EPOCH FROM dropoff_datetime - pickup_datetime) BETWEEN 60 AND 7200",
            "--derive",
            "trip_minutes=EXTRACT(EPOCH FROM dropoff_datetime - pickup_datetime) / 60",
            "--derive",
            "pickup_hour=EXTRACT(HOUR FROM pickup_datetime)",
            "--time",
            "pickup_datetime",
            "--leave-out",
            "fare_amount",
            "--leave-out",
            "total_amount",
        ],
        score: "r2",
        exempt: &[],
    });
}

/// Three classes: the iris that ships with scikit-learn.
#[test]
fn iris_is_judged_equal() {
    let house = House::new();
    let path = house.path().join("iris.csv");
    let code = "import sys, sklearn.datasets as d; i = d.load_iris(as_frame=True); f = i.frame; \
                f['species'] = i.target_names[i.target]; f.drop(columns='target').to_csv(sys.argv[1], index=False)";
    assert!(std::process::Command::new(python()).args(["-c", code]).arg(&path).status().unwrap().success());
    judge(&Case {
        sample: "iris",
        table: path.display().to_string(),
        args: vec![path.to_str().unwrap(), "--target", "species"],
        score: "roc_auc_ovr",
        exempt: &[],
    });
}
