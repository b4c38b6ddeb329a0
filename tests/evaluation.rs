//! Evaluation and explanation by the shipped binary: what `compare`, `evaluate`, `explain` and `train --calibrate` promise.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on must stop")]

mod common;

use common::House;
use serde_json::Value;

fn credit(house: &House, more: &[&str]) -> Value {
    let args = ["train", "sample:credit", "--target", "Status", "--positive", "bad"];
    house.json(0, &[&args[..], more].concat())
}

fn id<'a>(trained: &'a Value, model: &str) -> &'a str {
    trained["runs"].as_array().unwrap().iter().find(|r| r["model"] == model).unwrap()["id"].as_str().unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn runs_are_judged_by_the_test_that_fits_and_explained() {
    let house = House::new();
    let trained = credit(&house, &["--models", "logistic_regression,decision_tree"]);
    let (logistic, tree) = (id(&trained, "logistic_regression"), id(&trained, "decision_tree"));

    let compared = house.json(0, &["compare", logistic, tree, "--cost-fn", "5"]);
    let test = &compared["tests"][0];
    assert_eq!(test["test"]["method"], "de_long");
    assert!(number(&test["test"]["p"]) <= 1.0 && number(&test["folds"]["folds"]) == 5.0);
    let choice = &compared["thresholds"][0]["threshold"];
    // A miss five times as dear as a false alarm: call sooner than at one half, and pay less by it.
    assert!(number(&choice["threshold"]["value"]) < 0.4);
    assert!(number(&choice["cost"]["value"]) < number(&choice["cost_at_half"]));

    let found = house.json(0, &["evaluate", logistic, "--by", "Home"]);
    let metrics = found["metrics"].as_array().unwrap();
    let run = house.json(0, &["show", logistic]);
    for headline in run["metrics"].as_array().unwrap() {
        let line = metrics.iter().find(|m| m["name"] == headline["name"]).unwrap();
        assert_eq!((&line["value"], &line["low"]), (&headline["value"], &headline["low"]), "{}", line["name"]);
    }
    assert!(metrics.iter().any(|m| m["name"] == "f2" && m["definition"] == "fbeta_score(beta=2)"));
    let groups = found["by"]["groups"].as_array().unwrap();
    let rows: f64 = groups.iter().map(|g| number(&g["rows"])).sum();
    assert_eq!(rows, number(&found["rows"]));
    let owners = groups.iter().find(|g| g["group"] == "owner").unwrap();
    let selected = owners["figures"].as_array().unwrap().iter().find(|f| f["name"] == "selection_rate").unwrap();
    assert!(selected["real"] == true && number(&selected["difference"]) < 0.0, "{selected}");

    for (run, method, scale) in [(logistic, "linear", "log_odds"), (tree, "tree", "probability")] {
        let told = house.json(0, &["explain", run, "--row", "17", "--column", "Amount", "--charts", "charts"]);
        assert_eq!((&told["method"], &told["scale"]), (&method.into(), &scale.into()));
        let row = &told["row"];
        let parts = row["explanation"]["contributions"].as_array().unwrap();
        let sum: f64 = number(&row["explanation"]["base"]) + parts.iter().map(|c| number(&c["value"])).sum::<f64>();
        let answer = if scale == "log_odds" { 1.0 / (1.0 + (-sum).exp()) } else { sum };
        assert!((answer - number(&row["answer"])).abs() < 1e-9, "{answer} is not {}", row["answer"]);
        assert_eq!(row["similar"].as_array().unwrap().len(), 5);
        assert!(told["dependence"]["points"].as_array().unwrap().len() > 10);
        for chart in ["contributions", "row", "dependence"] {
            let svg = std::fs::read_to_string(house.path().join(format!("charts/{chart}.svg"))).unwrap();
            assert!(svg.contains("<svg"), "{chart}");
        }
    }
    // The same answer as predicting the row.
    house.json(0, &["predict", tree, "sample:credit", "-o", "scores.csv"]);
    let scores = std::fs::read_to_string(house.path().join("scores.csv")).unwrap();
    let line = scores.lines().nth(17).unwrap();
    let told = house.json(0, &["explain", tree, "--row", "17"]);
    let predicted: f64 = line.rsplit(',').next().unwrap().parse().unwrap();
    assert!((predicted - number(&told["row"]["answer"])).abs() < 1e-12);

    let wrong = house.json(2, &["explain", tree, "--row", "999999"]);
    assert!(wrong["error"]["message"].as_str().unwrap().contains("no row 999999"));
    house.json(2, &["evaluate", tree, "--cost-fp", "-3"]);
    house.json(2, &["explain", tree, "--column", "nothing"]);
}

#[test]
fn calibration_mends_what_naive_bayes_overstates_and_leaves_with_the_model() {
    let house = House::new();
    let plain = credit(&house, &["--models", "gaussian_nb", "--name", "plain"]);
    for method in ["sigmoid", "isotonic"] {
        let trained = credit(&house, &["--models", "gaussian_nb", "--calibrate", method, "--name", method]);
        let run = id(&trained, "gaussian_nb");
        assert_ne!(run, id(&plain, "gaussian_nb"));
        let shown = house.json(0, &["show", run]);
        let mended = shown["calibration"]["metrics"].as_array().unwrap();
        for metric in mended {
            assert!(number(&metric[2]) < number(&metric[1]), "{method}: {metric}");
        }
        let before = house.json(0, &["show", id(&plain, "gaussian_nb")]);
        let value = |run: &Value, name: &str| {
            number(&run["metrics"].as_array().unwrap().iter().find(|m| m["name"] == name).unwrap()["value"])
        };
        assert!((value(&before, "log_loss") - number(&mended[0][1])).abs() < 1e-12);
        assert!((value(&shown, "log_loss") - number(&mended[0][2])).abs() < 1e-12);
        // Nothing is learned or lost of the order but ties.
        assert!((value(&before, "roc_auc") - value(&shown, "roc_auc")).abs() < 0.01);
        // Exporting runs the ONNX beside the model.
        house.json(0, &["export", run, "--format", "onnx", "-o", "model.onnx"]);
    }
    house.json(2, &["train", "sample:houses", "--target", "Sale_Price", "--calibrate", "sigmoid"]);
}
