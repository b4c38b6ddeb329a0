//! Data contracts and recipes through the shipped binary: drafts, checks, exports, cleaning, and both inside a walk.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on must stop")]

mod common;

use common::{House, script};
use serde_json::Value;

fn rule<'a>(report: &'a Value, name: &str) -> &'a Value {
    report["rules"].as_array().unwrap().iter().find(|r| r["rule"] == name).unwrap_or_else(|| panic!("no rule {name}"))
}

#[test]
fn a_draft_is_kept_by_its_table_and_broken_by_another() {
    let house = House::new();
    for sample in ["credit", "taxi", "churn", "houses"] {
        let (source, file) = (format!("sample:{sample}"), format!("{sample}.toml"));
        house.json(0, &["rules", "draft", &source, "-o", &file]);
        let text = std::fs::read_to_string(house.path().join(&file)).unwrap();
        assert!(text.contains("# Drafted from"), "{text}");
        let report = house.json(0, &["rules", "check", &source, "--rules", &file, "--fail-on", "note"]);
        assert_eq!(report["verdict"], "pass", "{sample}");
    }
    // What was worked on by hand is never written over.
    assert_eq!(house.run(&["rules", "draft", "sample:credit", "-o", "credit.toml"]).status.code(), Some(2));
    let report = house.json(1, &["rules", "check", "sample:churn", "--rules", "credit.toml", "--junit", "out.xml"]);
    assert_eq!(
        (report["verdict"].as_str(), rule(&report, "Income.column")["verdict"].as_str()),
        (Some("fail"), Some("fail"))
    );
    let xml = std::fs::read_to_string(house.path().join("out.xml")).unwrap();
    assert!(xml.contains("<failure") && xml.contains("Income.column"), "{xml}");
}

#[test]
fn a_check_keeps_its_promise() {
    let house = House::new();
    house.write(
        "t.csv",
        "id,fare,at\n1,5,2020-03-01 10:00:00\n2,-2,2020-03-02 10:00:00\n2,\u{1b}[31mred,2020-03-03 10:00:00\n",
    );
    house.write(
        "rules.toml",
        "name = 't'\n[[column]]\nname = 'id'\nunique = {}\n[[column]]\nname = 'fare'\ntype = 'number'\npattern = { regex = '^[0-9]' }\n\
         [[column]]\nname = 'at'\nfresh = { within = '36h' }\n[[relation]]\nname = 'paid'\ncondition = 'id > 1'\nmostly = 0.6\n",
    );
    let check = |code, now: &str| house.json(code, &["rules", "check", "t.csv", "--rules", "rules.toml", "--now", now]);
    let report = check(1, "2020-03-04T12:00:00Z");
    for key in ["contract", "version", "digest", "source", "fingerprint", "rows", "now", "verdict", "rules"] {
        assert!(report.get(key).is_some(), "{key}");
    }
    let unique = rule(&report, "id.unique");
    for key in ["rule", "kind", "column", "severity", "verdict", "checked", "failing", "share", "threshold", "message"]
    {
        assert!(unique.get(key).is_some(), "{key}");
    }
    assert_eq!((unique["checked"].as_u64(), unique["failing"].as_u64()), (Some(3), Some(1)));
    assert_eq!(unique["examples"][0]["row"], 3);
    assert_eq!(rule(&report, "paid")["verdict"], "pass");
    assert_eq!(rule(&report, "at.fresh")["verdict"], "pass");
    assert_eq!(rule(&check(1, "2020-03-05T12:00:00+01:00"), "at.fresh")["verdict"], "fail");
    // Without --json the words are safe to show.
    let output = house.run(&["rules", "check", "t.csv", "--rules", "rules.toml"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(!output.stdout.contains(&0x1b), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(!house.path().join(".pilothouse").exists(), "a check keeps nothing");

    let refused = |code, args: &[&str]| house.refused(code, args);
    assert!(refused(2, &["rules", "check", "t.csv", "--rules", "rules.toml", "--now", "soon"]).contains("soon"));
    assert!(refused(3, &["rules", "check", "t.csv", "--rules", "gone.toml"]).contains("gone.toml"));
    house.write("bad.toml", "name = 't'\n[[column]]\nname = 'id'\nuniqe = {}\n");
    let said = refused(2, &["rules", "check", "t.csv", "--rules", "bad.toml"]);
    assert!(said.contains("bad.toml") && said.contains("line 4") && said.contains("uniqe"), "{said}");
}

/// The judge is the standard's own JSON schema, from its Python package, after PyYAML has read the file.
#[test]
fn an_export_is_valid_by_the_standards_own_schema() {
    let house = House::new();
    let export = |rules: &str| -> Value {
        house.json(0, &["rules", "export", rules, "--format", "odcs", "-o", "out.odcs.yaml"]);
        let path = house.path().join("out.odcs.yaml");
        serde_json::from_str(&script("odcs_check.py", &[path.to_str().unwrap()])).unwrap()
    };
    for sample in ["credit", "taxi", "churn", "houses"] {
        let file = format!("{sample}.toml");
        house.json(0, &["rules", "draft", &format!("sample:{sample}"), "-o", &file]);
        let document = export(&file);
        assert_eq!(
            (document["kind"].as_str(), document["apiVersion"].as_str()),
            (Some("DataContract"), Some("v3.1.0"))
        );
    }
    let odd = "line one\\nline: two # \\\"q\\\" \\u001b \\u0085 \\u2028 é 東京 'x'";
    house.write(
        "every.toml",
        format!(
            "name = 'trips: all'\nversion = '1.10'\ndescription = \"{odd}\"\nowner = 'yes'\nextra_columns = 'refuse'\n\
             [rows]\nmin = 10\nmax = 20\n\
             [[column]]\nname = 'no'\ntype = 'integer'\nunique = {{}}\nnot_null = {{ why = \"{odd}\" }}\nvalues = {{ of = [1, 2] }}\n\
             [[column]]\nname = 'fare \"x\"'\ntype = 'number'\nrange = {{ min = -1e20, max = 1e-7, mostly = 0.99, severity = 'warning' }}\n\
             [[column]]\nname = 'f2'\ntype = 'number'\nrange = {{ min = 0 }}\n\
             [[column]]\nname = 'flag'\ntype = 'text'\nvalues = {{ of = ['Y', 'no', '1e5', '1', '~', 'null'] }}\n\
             pattern = {{ regex = '^[YN]\\d+\"$' }}\nlength = {{ min = 1, max = 3 }}\nunique = {{ mostly = 0.5 }}\n\
             [[column]]\nname = 'day'\ntype = 'date'\nmeaning = 'datetime'\nrequired = false\nrange = {{ min = 2018-01-01, max = '2030-01-01' }}\nfresh = {{ within = '2w' }}\n\
             [[column]]\nname = 'at'\ntype = 'datetime'\nrange = {{ max = '2030-01-01 10:00:00' }}\nfresh = {{ within = '90m', why = 'dashboards' }}\n\
             [[column]]\nname = 'ok'\ntype = 'boolean'\n\
             [[unique]]\ncolumns = ['no', 'flag']\nmostly = 0.999\n\
             [[relation]]\nname = 'it''s paid'\ncondition = \"\\\"fare \\\"\\\"x\\\"\\\"\\\" >= 0 OR flag = 'it''s'\"\n"
        )
        .replace("'it''s paid'", "\"it's paid\""),
    );
    let document = export("every.toml");
    assert_eq!(document["description"]["purpose"], "line one\nline: two # \"q\" \u{1b} \u{85} \u{2028} é 東京 'x'");
    assert_eq!((document["version"].as_str(), document["id"].as_str()), (Some("1.10"), Some("trips: all")));
    let table = &document["schema"][0];
    let column = |name: &str| {
        table["properties"].as_array().unwrap().iter().find(|p| p["name"] == name).unwrap_or_else(|| panic!("{name}"))
    };
    assert_eq!((&column("no")["required"], &column("no")["unique"]), (&Value::Bool(true), &Value::Bool(true)));
    assert_eq!(column("f2")["logicalTypeOptions"]["minimum"], 0);
    assert_eq!(column("flag")["logicalTypeOptions"]["pattern"], "^[YN]\\d+\"$");
    let valid = &column("flag")["quality"][1]["arguments"]["validValues"];
    assert_eq!(*valid, serde_json::json!(["Y", "no", "1e5", "1", "~", "null"]));
    assert_eq!(column("day")["logicalTypeOptions"]["minimum"], "2018-01-01");
    assert_eq!(column("fare \"x\"")["quality"][0]["mustBeLessOrEqualTo"], 1.0);
    assert_eq!(table["quality"][0]["mustBeBetween"], serde_json::json!([10, 20]));
    assert_eq!(document["slaProperties"][0]["value"], 14);
}

#[test]
fn a_recipe_is_applied_to_a_new_version_in_one_command() {
    let house = House::new();
    house.write("zones.csv", "zone,borough\n1,North\n2,\"So\"\"uth, lower\"\n");
    house.write(
        "recipe.toml",
        "[[step]]\ndo = 'trim'\n[[step]]\ndo = 'map'\ncolumn = 'city'\nvalues = { zurich = 'Zürich' }\n\
         [[step]]\ndo = 'fill'\ncolumns = ['age']\nwith = 'median'\n[[step]]\ndo = 'deduplicate'\n\
         [[step]]\ndo = 'derive'\ncolumn = 'next'\nexpression = 'age + 1'\n\
         [[step]]\ndo = 'join'\nsource = 'zones.csv'\non = ['zone']\n",
    );
    let head = "city,age,zone,day\n";
    house.write(
        "v1.csv",
        format!("{head}zurich,30,1,2020-01-01\n Bern ,,2,\nBasel,40,3,2020-02-29\nBasel,40,3,2020-02-29\n"),
    );
    house.write("v2.csv", format!("{head}zurich,10,1,2021-01-01\nBern,20,2,2021-01-02\n"));
    for (table, rows) in [("v1.csv", 3), ("v2.csv", 2)] {
        for out in ["out.csv", "out.parquet"] {
            let done = house.json(0, &["clean", table, "--recipe", "recipe.toml", "-o", out, "--force"]);
            assert_eq!(
                (done["rows_after"].as_u64(), done["written"]["differing"].as_array().unwrap().len()),
                (Some(rows), 0)
            );
            assert_eq!(done["steps"].as_array().unwrap().len(), 6);
        }
        // Both say the same to whoever reads them.
        let read = |file: &str| house.json(0, &["profile", file])["columns"].clone();
        let (csv, parquet) = (read("out.csv"), read("out.parquet"));
        for (a, b) in csv.as_array().unwrap().iter().zip(parquet.as_array().unwrap()) {
            for key in ["name", "kind", "physical", "missing", "distinct", "min", "max", "top"] {
                assert_eq!(a[key], b[key], "{table} {key}");
            }
        }
    }
    let again = ["clean", "v1.csv", "--recipe", "recipe.toml", "-o", "out.csv", "--force"];
    assert!(house.refused(2, &again[..6]).contains("--force"));
    house.json(0, &again);
    let text = std::fs::read_to_string(house.path().join("out.csv")).unwrap();
    let expected = "city,age,zone,day,next,borough\nZürich,30,1,2020-01-01,31,North\n\
                    Bern,40,2,,41,\"So\"\"uth, lower\"\nBasel,40,3,2020-02-29,41,\n";
    assert_eq!(text, expected);
}

#[test]
fn suggested_steps_mend_what_was_found() {
    let house = House::new();
    let suggestions = house.json(0, &["clean", "sample:taxi", "--suggest", "-o", "suggested.toml"]);
    let found = suggestions["suggestions"].as_array().unwrap();
    assert!(found.iter().any(|s| s["finding"]["check"] == "negative-amounts"), "{suggestions:#}");
    let text = std::fs::read_to_string(house.path().join("suggested.toml")).unwrap();
    assert!(text.contains("# warning negative-amounts: "), "{text}");
    let done = house.json(0, &["clean", "sample:taxi", "--recipe", "suggested.toml", "-o", "clean.parquet"]);
    assert!(done["rows_after"].as_u64().unwrap() < 18_000);
    let again = house.json(0, &["profile", "clean.parquet"]);
    let checks: Vec<&str> =
        again["findings"].as_array().unwrap().iter().map(|f| f["check"].as_str().unwrap()).collect();
    assert!(!checks.contains(&"negative-amounts"), "{checks:?}");
}

#[test]
fn bad_recipes_are_refused_with_clear_words() {
    let house = House::new();
    house.write("t.csv", "a,b\n1,x\n2,y\n");
    let said = |code, recipe: &str| {
        house.write("r.toml", recipe);
        house.refused(code, &["clean", "t.csv", "--recipe", "r.toml", "-o", "out.csv"])
    };
    assert!(said(2, "[[step]]\ndo = 'dorp'\n").contains("line"));
    assert!(said(2, "[[step]]\ndo = 'clip'\ncolumns = ['a']\nmn = 3\n").contains("line 4"));
    let missing = said(3, "[[step]]\ndo = 'trim'\n[[step]]\ndo = 'drop'\ncolumns = ['c']\n");
    assert!(missing.contains("step 2 (drop)") && missing.contains("`c`"), "{missing}");
    assert!(!house.path().join("out.csv").exists());
    house.write("r.toml", "[[step]]\ndo = 'trim'\n");
    assert!(house.refused(2, &["clean", "t.csv", "--recipe", "r.toml", "-o", "out.xls"]).contains(".csv"));
    assert!(house.refused(2, &["clean", "t.csv"]).contains("--recipe"));
}

const FLOW: &str = "name = 'ruled'\n[load]\nsource = 'sample:credit'\nrules = 'rules.toml'\nrecipe = 'recipe.toml'\n\
                    [prepare]\ntarget = 'Status'\n[train]\nmodels = ['logistic_regression']\n";

#[test]
fn a_broken_contract_fails_the_test_step_and_a_changed_recipe_starts_anew() {
    let house = House::new();
    house.write("flow.toml", FLOW);
    house.write(
        "recipe.toml",
        "[[step]]\ndo = 'drop'\ncolumns = ['Records']\n[[step]]\ndo = 'fill'\ncolumns = ['Income']\nwith = 'median'\n",
    );
    house.write(
        "rules.toml",
        "name = 'credit'\n[[column]]\nname = 'Records'\n[[column]]\nname = 'Income'\nnot_null = {}\n",
    );
    let gate = |report: &Value, name: &str| {
        report["gate"]["gates"].as_array().unwrap().iter().find(|g| g["name"] == name).cloned()
    };
    // The contract is about the table as it arrives: Records is there, and Income lacks 381 values.
    let report = house.json(1, &["run", "flow.toml"]);
    assert_eq!(gate(&report, "rules").unwrap()["verdict"], "fail");
    let broken = gate(&report, "rules: Income.not_null").unwrap();
    assert!(broken["message"].as_str().unwrap().contains("381"), "{broken}");
    assert!(report["stopped"].as_str().unwrap().contains("rules"), "{}", report["stopped"]);
    let steps = report["load"]["recipe"]["steps"].as_array().unwrap();
    assert_eq!((steps.len(), steps[1]["cells_changed"].as_u64()), (2, Some(381)));
    assert!(!report["prepare"]["features"].as_array().unwrap().iter().any(|f| f == "Records"));

    // Another contract: the same runs, another answer of the gates.
    house.write("rules.toml", "name = 'credit'\n[[column]]\nname = 'Income'\nnot_null = { mostly = 0.9 }\n");
    let second = house.json(1, &["run", "flow.toml"]);
    assert_eq!(second["gate"]["verdict"], "pass", "{:#}", second["gate"]);
    assert_eq!(second["runs"], report["runs"]);
    assert!(second["stopped"].as_str().unwrap().contains("waits for approval"));

    // Another recipe: other runs.
    house.write("recipe.toml", "[[step]]\ndo = 'drop'\ncolumns = ['Records', 'Job']\n");
    let third = house.json(1, &["run", "flow.toml"]);
    assert_ne!(third["best"], second["best"]);
    assert!(!third["prepare"]["features"].as_array().unwrap().iter().any(|f| f == "Job"));

    // The package carries what a consumer needs to clean and check new rows.
    house.json(0, &["export", "best", "--format", "folder", "-o", "package"]);
    let carried = house.path().join("package/recipe.toml").display().to_string();
    house.json(0, &["clean", "sample:credit", "--recipe", &carried, "--new-rows", "-o", "clean.csv"]);
    let header = std::fs::read_to_string(house.path().join("clean.csv")).unwrap();
    assert!(!header.lines().next().unwrap().contains("Records"));
    let contract = std::fs::read_to_string(house.path().join("package/contract.toml")).unwrap();
    assert!(contract.contains("mostly = 0.9"), "{contract}");

    // New rows are cleaned like the old ones, row by row.
    house.json(0, &["predict", "best", "sample:credit", "-o", "scores.csv"]);
    let scores = std::fs::read_to_string(house.path().join("scores.csv")).unwrap();
    assert_eq!(scores.lines().count(), 4455);
}

#[test]
fn a_recipe_of_a_walk_keeps_the_rows_of_what_it_scores() {
    let house = House::new();
    house.write(
        "flow.toml",
        "name = 'cleaned'\n[load]\nsource = 'sample:credit'\nmeaning = { Monthly = 'number' }\n\
         [[load.recipe]]\ndo = 'filter'\ncondition = '\"Age\" > 40'\n[[load.recipe]]\ndo = 'rename'\ncolumns = { Income = 'Monthly' }\n\
         [[load.recipe]]\ndo = 'fill'\ncolumns = ['Monthly']\nwith = 'mean'\n\
         [prepare]\ntarget = 'Status'\n[train]\nmodels = ['logistic_regression']\n",
    );
    let report = house.json(1, &["run", "flow.toml"]);
    assert!(report["load"]["rows"].as_u64().unwrap() < 4454);
    assert!(report["prepare"]["features"].as_array().unwrap().iter().any(|f| f == "Monthly"));
    let fitted = &report["load"]["recipe"]["fitted"]["step"][2];
    assert_eq!(fitted["with"], "constant", "{fitted}");
    house.json(0, &["predict", "best", "sample:credit", "-o", "scores.csv"]);
    let scores = std::fs::read_to_string(house.path().join("scores.csv")).unwrap();
    assert_eq!(scores.lines().count(), 4455);
    let drift = house.run(&["watch", "best", "sample:credit", "--json", "--quiet"]);
    assert!(matches!(drift.status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&drift.stderr));
}

/// New rows are held to the contract of the walk: without the answers, and with amounts that no training row had.
#[test]
fn new_rows_that_break_the_contract_are_an_alarm() {
    let house = House::new();
    house.write(
        "rules.toml",
        "name = 'credit'\n[rows]\nmin = 4000\n[[column]]\nname = 'Status'\nnot_null = {}\n\
         [[column]]\nname = 'Age'\nrange = { min = 18, max = 100 }\n\
         [[relation]]\nname = 'answers'\ncondition = \"Status <> 'maybe'\"\n",
    );
    let flow = |watched: &str| {
        format!(
            "name = 'kept'\n[load]\nsource = 'sample:credit'\nrules = 'rules.toml'\n[prepare]\ntarget = 'Status'\n\
             [train]\nmodels = ['logistic_regression']\n[approve]\nreason = 'test'\noverride_reason = 'test'\n[watch]\nsource = '{watched}'\n"
        )
    };
    house.write("recipe.toml", "[[step]]\ndo = 'drop'\ncolumns = ['Status']\n");
    house.json(0, &["clean", "sample:credit", "--recipe", "recipe.toml", "-o", "new.csv"]);
    house.write("flow.toml", flow("new.csv"));
    let report = house.json(0, &["run", "flow.toml"]);
    let rules = &report["watch"]["rules"];
    assert_eq!(rules["verdict"], "pass", "{rules:#}");
    assert_eq!(rules["digest"], report["load"]["rules"]["digest"]);
    assert!(rules["rules"].as_array().unwrap().iter().all(|r| r["kind"] != "rows" && r["kind"] != "relation"));
    assert!(report["watch"]["words"].as_str().unwrap().contains("contract credit is kept"), "{}", report["watch"]);

    let rows = std::fs::read_to_string(house.path().join("new.csv")).unwrap();
    let at = rows.lines().next().unwrap().split(',').position(|c| c == "Age").unwrap();
    let mut broken: Vec<String> = rows.lines().map(str::to_owned).collect();
    for line in broken.iter_mut().skip(1).take(3) {
        let mut cells: Vec<&str> = line.split(',').collect();
        cells[at] = "999";
        *line = cells.join(",");
    }
    house.write("broken.csv", broken.join("\n") + "\n");
    let watched = house.json(1, &["watch", "best", "broken.csv"]);
    let range = rule(&watched["rules"], "Age.range");
    assert_eq!((range["verdict"].as_str(), range["failing"].as_u64()), (Some("fail"), Some(3)), "{range}");
    house.write("flow.toml", flow("broken.csv"));
    let report = house.json(1, &["run", "flow.toml"]);
    assert!(report["stopped"].is_null());
    assert!(report["watch"]["words"].as_str().unwrap().contains("Age.range in 3 rows"), "{}", report["watch"]["words"]);
    let text = house.run(&["watch", "best", "broken.csv"]);
    assert!(String::from_utf8_lossy(&text.stdout).contains("BROKEN RULE"), "{text:?}");
}
