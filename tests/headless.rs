//! The headless face of the shipped binary: promised JSON, exit codes, and clear words for bad input.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on must stop")]

mod common;

use common::House;
use serde_json::Value;

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn profile_keeps_its_promise() {
    let house = House::new();
    let profile = house.json(0, &["profile", "sample:credit", "--target", "Status"]);
    assert_eq!(profile["rows"], 4454);
    for key in ["source", "rows", "columns", "findings", "feasibility"] {
        assert!(keys(&profile).contains(&key), "{key}");
    }
    let column = &profile["columns"][1];
    for key in ["name", "kind", "missing", "distinct", "mean", "std", "min", "max", "quantiles", "top"] {
        assert!(keys(column).contains(&key), "{key}");
    }
    for finding in profile["findings"].as_array().unwrap() {
        for key in ["check", "column", "severity", "message", "evidence"] {
            assert!(keys(finding).contains(&key), "{key}");
        }
    }
    for key in ["verdict", "reasons"] {
        assert!(keys(&profile["feasibility"]).contains(&key), "{key}");
    }
    assert!(!house.path().join(".pilothouse").exists(), "a profile keeps nothing");
}

#[test]
fn fail_on_decides_the_exit_code() {
    let house = House::new();
    house.write("one.csv", "a,b\n1,x\n1,y\n1,x\n");
    house.json(0, &["profile", "one.csv"]);
    house.json(1, &["profile", "one.csv", "--fail-on", "note"]);
}

#[test]
fn the_walk_by_single_commands() {
    let house = House::new();
    let trained = house.json(
        0,
        &["train", "sample:credit", "--target", "Status", "--positive", "bad", "--models", "logistic_regression"],
    );
    for key in ["task", "split", "metric", "runs", "best"] {
        assert!(keys(&trained).contains(&key), "{key}");
    }
    for key in ["id", "model", "metrics", "fit_seconds", "status"] {
        assert!(keys(&trained["runs"][0]).contains(&key), "{key}");
    }
    let best = trained["best"].as_str().unwrap();
    let ids: Vec<&str> = trained["runs"].as_array().unwrap().iter().map(|r| r["id"].as_str().unwrap()).collect();
    let compared = house.json(0, &["compare", ids[1], ids[0], "--charts", "charts"]);
    assert_eq!(compared["tests"][0]["test"]["real"], true);
    assert!(house.path().join("charts/roc.svg").is_file());

    // Nothing goes out that was not tested and approved.
    assert!(house.refused(2, &["push", best, "--to", "models", "--as", "credit"]).contains("not approved"));
    assert!(house.refused(2, &["approve", best, "--reason", "good"]).contains("gate"));
    let gates = house.json(0, &["gate", &best[..6]]);
    assert_eq!(gates["verdict"], "pass", "{gates:#}");
    for key in ["name", "stage", "verdict", "value", "threshold", "message", "evidence"] {
        assert!(keys(&gates["gates"][0]).contains(&key), "{key}");
    }
    assert!(house.refused(2, &["approve", best, "--reason", " "]).contains("reason"));
    let decision = house.json(0, &["approve", "best", "--reason", "looks right"]);
    assert_eq!(decision["digest"], gates["digest"]);
    let first = house.json(0, &["push", "best", "--to", "models", "--as", "credit", "--alias", "champion"]);
    let again = house.json(0, &["push", "best", "--to", "models", "--as", "credit", "--alias", "champion"]);
    assert_eq!((&first["version"], &again["already_there"]), (&again["version"], &Value::Bool(true)));
    let models = house.json(0, &["models", "--to", "models"]);
    assert_eq!(models[0]["versions"].as_array().unwrap().len(), 1);
    assert_eq!(models[0]["versions"][0]["aliases"][0], "champion");
    let actions: Vec<String> = house
        .json(0, &["audit"])
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["action"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(actions, ["approved", "pushed", "pushed"]);

    house.json(0, &["predict", "best", "sample:credit", "-o", "scores.csv"]);
    let scores = std::fs::read_to_string(house.path().join("scores.csv")).unwrap();
    assert_eq!(scores.lines().next(), Some("row,label,p_good,p_bad"));
    assert_eq!(scores.lines().count(), 4455);
    house.json(0, &["export", "best", "--format", "onnx", "-o", "m.onnx"]);
    house.json(0, &["export", "best", "--format", "card", "-o", "card.md"]);
    assert!(std::fs::read_to_string(house.path().join("card.md")).unwrap().contains("Status"));
}

#[test]
fn a_failed_gate_blocks_until_it_is_overridden_with_a_reason() {
    let house = House::new();
    let flow = house.write(
        "flow.toml",
        "name = 'strict'\n[load]\nsource = 'sample:credit'\n[prepare]\ntarget = 'Status'\n\
         [train]\nmodels = ['gaussian_nb']\n[test.metrics]\nroc_auc = 0.99\n[approve]\nreason = 'go'\n\
         [push]\nto = 'models'\nas = 'credit'\n",
    );
    let report = house.json(1, &["run", &flow]);
    assert_eq!(report["gate"]["verdict"], "fail");
    assert!(report["push"].is_null() && report["stopped"].as_str().unwrap().contains("roc_auc"));
    assert!(!house.path().join("models").exists());
    let run = report["gate"]["run"].as_str().unwrap();
    assert!(house.refused(2, &["approve", run, "--reason", "go"]).contains("roc_auc"));
    let decision = house.json(0, &["approve", run, "--reason", "go", "--override", "a pilot only"]);
    // Naive Bayes is over-confident on this table, so its calibration fails as well.
    assert!(decision["overridden"].as_array().unwrap().iter().any(|g| g == "roc_auc"), "{decision}");
    assert!(decision["reason"].as_str().unwrap().contains("a pilot only"));
    house.json(0, &["push", run, "--to", "models", "--as", "credit"]);
    // A rejected one stays here.
    house.json(0, &["reject", run, "--reason", "not after all"]);
    assert!(house.refused(2, &["push", run, "--to", "models", "--as", "credit"]).contains("rejected"));
}

#[test]
fn every_sample_flow_works_and_a_second_run_repeats_nothing() {
    for name in ["churn", "taxi", "houses", "credit"] {
        let house = House::new();
        let flow = format!("sample:{name}");
        let first = house.json(0, &["run", &flow]);
        assert!(first["stopped"].is_null(), "{name}: {}", first["stopped"]);
        assert_eq!(first["push"]["version"], "1", "{name}");
        let second = house.json(0, &["run", &flow]);
        assert_eq!(first["runs"], second["runs"], "{name}");
        assert_eq!(second["push"]["already_there"], true, "{name}");
    }
}

#[test]
fn the_same_seed_gives_the_same_models_in_another_workspace() {
    let train = |house: &House| {
        let mut trained = house.json(0, &["train", "sample:credit", "--target", "Status", "--seed", "7"]);
        for run in trained["runs"].as_array_mut().unwrap() {
            run["fit_seconds"].take();
        }
        let package = house.json(0, &["export", "best", "--format", "folder", "-o", "package"]);
        (trained, std::fs::read(house.path().join("package/model.onnx")).unwrap(), package["digest"].clone())
    };
    assert_eq!(train(&House::new()).0, train(&House::new()).0);
}

#[test]
fn the_taxi_walk_finds_the_leak_and_the_break_of_april_2020() {
    let house = House::new();
    let report = house.json(0, &["run", "sample:taxi"]);
    let leak =
        report["prepare"]["left_out"].as_array().unwrap().iter().find(|l| l["column"] == "dropoff_datetime").unwrap();
    assert_eq!(leak["kind"], "leak");
    let performance = &report["watch"]["performance"];
    let periods = performance["periods"].as_array().unwrap();
    assert_eq!(periods.len(), 36, "2018-01 to 2020-12");
    let broken: Vec<&str> = periods
        .iter()
        .filter(|p| p["outside"].as_array().unwrap().iter().any(|m| m == "mae"))
        .map(|p| p["label"].as_str().unwrap())
        .collect();
    assert!(broken.contains(&"2020-04"), "{broken:?}");
    assert!(broken.iter().all(|month| *month >= "2019-07"), "{broken:?}");
}

#[test]
fn bad_input_is_refused_with_clear_words() {
    let house = House::new();
    let said = |name: &str, bytes: &[u8]| {
        house.write(name, bytes);
        house.refused(3, &["train", name, "--target", "y"])
    };
    assert!(said("empty.csv", b"").contains("empty"));
    assert!(said("header.csv", b"x,y\n").contains("no row under it"));
    let ragged = said("ragged.csv", b"x,y\n1,2\n1,2,3\n");
    assert!(ragged.contains("3") && ragged.contains("ragged.csv"), "{ragged}");
    assert!(said("utf8.csv", b"x,y\n1,\xff\xfe2\n").contains("UTF-8"));
    assert!(said("one_class.csv", "x,y\n1,a\n2,a\n".repeat(30).replacen("x,y\n", "", 0).as_bytes()).len() > 10);
    let mut table = String::from("x,y\n");
    for i in 0..60 {
        table += &format!("{i},a\n");
    }
    assert!(said("single.csv", table.as_bytes()).contains("only one value"));
    assert!(said("rubbish.csv", &[0u8, 159, 146, 150, 0, 1, 2, 3].repeat(50)).contains("rubbish.csv"));
    let mut column = String::from("y\n");
    for i in 0..60 {
        column += &format!("{}\n", i % 2);
    }
    assert!(said("one_column.csv", column.as_bytes()).contains("no column"));
    let mut hollow = String::from("x,y\n");
    for i in 0..60 {
        hollow += &format!(",{}\n", i % 2);
    }
    assert!(said("hollow.csv", hollow.as_bytes()).contains("no column"));
    // A folder of tables is a source; one without is not.
    std::fs::create_dir(house.path().join("empty")).unwrap();
    assert!(house.refused(3, &["profile", "empty"]).contains("directory"));
    assert!(house.refused(3, &["profile", "gone.csv"]).contains("gone.csv"));
    let mut infinite = String::from("x,y\n");
    for i in 0..80 {
        infinite += &format!("{},{}\n", ["1.5", "NaN", "inf", "-inf"][i % 4], i % 2);
    }
    house.write("infinite.csv", infinite);
    house.json(0, &["profile", "infinite.csv", "--target", "y"]);
    assert!(house.refused(3, &["train", "infinite.csv", "--target", "nothere"]).contains("nothere"));
}

#[test]
fn usage_errors_are_two_and_json_errors_are_json() {
    let house = House::new();
    house.refused(2, &["fly"]);
    house.refused(2, &["train", "sample:credit", "--target", "Status", "--models", "magic"]);
    let said = house.json(3, &["profile", "gone.csv"]);
    assert_eq!(said["error"]["kind"], "input");
    assert!(house.refused(2, &[]).contains("terminal"));
}

#[test]
fn an_unreachable_registry_is_a_remote_error() {
    let house = House::new();
    assert!(house.refused(4, &["models", "--to", "http://127.0.0.1:9"]).contains("127.0.0.1:9"));
}

#[test]
fn escapes_in_data_are_shown_harmless() {
    let house = House::new();
    let mut table = String::from("x\u{1b}]0;owned\u{7},y\n");
    for i in 0..40 {
        table += &format!("\u{1b}[31mred{},{}\n", i % 3, i % 2);
    }
    house.write("escape.csv", table);
    let output = house.run(&["profile", "escape.csv"]);
    assert!(!output.stdout.contains(&0x1b) && !output.stdout.contains(&7));
}

#[test]
fn undefined_metrics_and_hostile_numbers_leave_a_workspace_that_reads() {
    let house = House::new();
    // By time, the rows kept back are all of one class: their AUC is undefined.
    let mut table = String::from("x,t,y\n");
    for i in 0..400 {
        table += &format!("{},{i},{}\n", i * 7 % 31, if i < 300 { i % 2 } else { 0 });
    }
    house.write("late.csv", table);
    let trained = house.json(0, &["train", "late.csv", "--target", "y", "--time", "t", "--models", "gaussian_nb"]);
    let best = trained["best"].as_str().unwrap();
    assert!(trained["runs"][0]["metrics"]["roc_auc"].is_null());
    assert_eq!(house.json(0, &["runs"]).as_array().unwrap().len(), 2);
    house.json(0, &["show", best]);
    let gates = house.json(1, &["gate", best]);
    for gate in gates["gates"].as_array().unwrap() {
        if ["beats_baseline", "gain", "train_gap"].contains(&gate["name"].as_str().unwrap()) {
            assert_eq!(gate["verdict"], "fail", "{gate}");
        }
    }
    assert!(house.refused(2, &["approve", best, "--reason", "go"]).contains("gain"));
    // Trained again, nothing is fitted again, although its metrics are undefined.
    let again = house.json(0, &["train", "late.csv", "--target", "y", "--time", "t", "--models", "gaussian_nb"]);
    assert_eq!(trained["runs"], again["runs"]);

    let mut table = String::from("x,z,y\n");
    for i in 0..200 {
        let wild = ["1e300", "-1e300", "1.7e308", "5e-324", "2"][i % 5];
        table += &format!("{wild},{},{}.5\n", i % 13, i * 17 % 101);
    }
    house.write("wild.csv", table);
    house.json(0, &["profile", "wild.csv", "--target", "y"]);
    let trained = house.json(0, &["train", "wild.csv", "--target", "y"]);
    for run in trained["runs"].as_array().unwrap() {
        if run["status"] == "done" {
            let id = run["id"].as_str().unwrap();
            house.json(0, &["predict", id, "wild.csv", "-o", "out.csv", "--force"]);
            assert!(!std::fs::read_to_string(house.path().join("out.csv")).unwrap().contains("NaN"), "{run}");
        }
    }
    // A target beyond measure is an answer or a clear refusal, never a panic.
    let mut table = String::from("x,y\n");
    for i in 0..200 {
        table += &format!("{},{}e307\n", i % 13, (i % 34) as f64 / 2.0 - 8.0);
    }
    house.write("huge.csv", table);
    let output = house.run(&["train", "huge.csv", "--target", "y", "--json"]);
    assert!(matches!(output.status.code(), Some(0 | 3)), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"));
    house.json(0, &["runs"]);
}

#[test]
fn other_spellings_of_missing_are_another_run() {
    let house = House::new();
    let mut table = String::from("x,y\n");
    for i in 0..200 {
        table += &format!("{},{}\n", if i % 5 == 0 { 999 } else { i % 31 }, i % 2);
    }
    house.write("t.csv", table);
    let flow = |missing: &str| {
        format!(
            "name = 'm'\n[load]\nsource = 't.csv'\nmissing = [{missing}]\n[prepare]\ntarget = 'y'\n\
             [train]\nmodels = ['gaussian_nb']\n"
        )
    };
    house.write("flow.toml", flow(""));
    let first = house.json(1, &["run", "flow.toml"]);
    house.write("flow.toml", flow("'999'"));
    let second = house.json(1, &["run", "flow.toml"]);
    assert_ne!(first["runs"][1]["id"], second["runs"][1]["id"]);
}

#[test]
fn thresholds_raised_after_the_approval_block_the_push() {
    let house = House::new();
    let flow = |least: &str| {
        format!(
            "name = 'raised'\n[load]\nsource = 'sample:credit'\n[prepare]\ntarget = 'Status'\n\
             [train]\nmodels = ['logistic_regression']\n[test]\nmax_row_ms = 1000.0\n[test.metrics]\nroc_auc = {least}\n\
             [approve]\nreason = 'go'\n[push]\nto = 'models'\nas = 'credit'\n"
        )
    };
    house.write("flow.toml", flow("0.6"));
    assert_eq!(house.json(0, &["run", "flow.toml"])["push"]["version"], "1");
    house.write("flow.toml", flow("0.99"));
    let report = house.json(1, &["run", "flow.toml"]);
    assert!(
        report["push"].is_null() && report["stopped"].as_str().unwrap().contains("roc_auc"),
        "{}",
        report["stopped"]
    );
    let run = report["gate"]["run"].as_str().unwrap();
    assert!(house.refused(2, &["push", run, "--to", "models", "--as", "credit"]).contains("roc_auc"));
}

#[test]
fn labels_that_do_not_join_and_narrow_tables_are_told() {
    let house = House::new();
    let mut table = String::from("id,when,x,flag,y\n");
    for i in 0..300 {
        table +=
            &format!("k{i},2024-0{}-11,{},{},{}\n", i % 9 + 1, i * 7 % 31, ["yes", "no"][i % 3 % 2], ["a", "b"][i % 2]);
    }
    house.write("t.csv", table);
    house.json(0, &["train", "t.csv", "--target", "y", "--models", "gaussian_nb"]);
    house.write("labels.csv", "id,y\nz1,a\nz2,b\n");
    let output =
        house.run(&["watch", "best", "t.csv", "--time", "when", "--labels", "labels.csv", "--key", "id", "--quiet"]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("none of the 2 keys"), "{output:?}");
    // One row, one spelling of a flag, a column of no value: all are scored.
    house.write("one.csv", "x,flag,when,id\n3,yes,2024-01-01,k\n");
    house.json(0, &["predict", "best", "one.csv", "-o", "out.csv"]);
    house.write("hollow.csv", "x,flag\n,\n3,no\n");
    assert!(house.refused(2, &["predict", "best", "hollow.csv", "-o", "out.csv"]).contains("--force"));
    house.json(0, &["predict", "best", "hollow.csv", "-o", "out.csv", "--force"]);
    house.write("empty.csv", "x,flag\n");
    house.refused(3, &["predict", "best", "empty.csv", "-o", "none.csv"]);
    house.write("lacking.csv", "x\n1\n");
    assert!(house.refused(3, &["predict", "best", "lacking.csv", "-o", "none.csv"]).contains("flag"));
    house.write("words.csv", "x,flag\nmany,yes\nfew,no\n");
    assert!(house.refused(3, &["predict", "best", "words.csv", "-o", "none.csv"]).contains("`x`"));
}
