//! The catalog, lineage events and reports of the shipped binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on must stop")]

mod common;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use common::House;
use serde_json::Value;

/// A fixed pseudo-random number in 0..n for a row.
fn noise(row: usize, salt: usize, n: usize) -> usize {
    let mut x =
        (row as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (salt as u64 + 7).wrapping_mul(0xd1b5_4a32_d192_ed03);
    x ^= x >> 29;
    x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x ^= x >> 32;
    (x % n as u64) as usize
}

/// Orders: an amount around `middle`, a country, and who bought. `from` is the first row's number.
fn orders(rows: usize, from: usize, middle: usize) -> String {
    let mut csv = "order_id,amount,country,returned\n".to_owned();
    for row in from..from + rows {
        let amount = middle + noise(row, 1, 50) + noise(row, 2, 50);
        let country = ["at", "be", "ch"][noise(row, 3, 3)];
        csv.push_str(&format!("o{row},{amount},{country},{}\n", ["no", "yes"][noise(row, 4, 2)]));
    }
    csv
}

fn named<'a>(catalog: &'a Value, name: &str) -> &'a Value {
    catalog.as_array().unwrap().iter().find(|d| d["name"] == name).unwrap_or_else(|| panic!("{name}: {catalog:#}"))
}

#[test]
fn a_dataset_comes_into_the_catalog_by_being_used() {
    let house = House::new();
    house.write("orders.csv", orders(900, 0, 100));
    // Without a workspace a profile leaves nothing; with one that is asked for it does.
    house.json(0, &["profile", "orders.csv"]);
    assert!(!house.path().join(".pilothouse").exists());
    house.json(0, &["profile", "orders.csv", "--workspace", ".pilothouse"]);
    let catalog = house.json(0, &["catalog"]);
    let first = named(&catalog, "orders")["versions"][0].clone();
    assert_eq!(
        (&first["number"], &first["rows"], first["columns"].as_array().unwrap().len()),
        (&1.into(), &900.into(), 4)
    );
    assert_eq!(first["bytes"], std::fs::metadata(house.path().join("orders.csv")).unwrap().len());
    assert!(first["profile"].is_string());

    // The same bytes again, by another use and under another name: no new version.
    house.json(0, &["train", "orders.csv", "--target", "returned", "--models", "gaussian_nb"]);
    std::fs::copy(house.path().join("orders.csv"), house.path().join("copy.csv")).unwrap();
    house.json(0, &["profile", "copy.csv"]);
    let catalog = house.json(0, &["catalog"]);
    assert_eq!(catalog.as_array().unwrap().len(), 1, "{catalog:#}");
    assert_eq!(named(&catalog, "orders")["versions"].as_array().unwrap().len(), 1);
    assert_eq!(named(&catalog, "orders")["sources"].as_array().unwrap().len(), 2);
    // Training keeps the distribution of the columns as well.
    assert!(named(&catalog, "orders")["versions"][0]["distribution"].is_string());

    // New bytes under the same name are the next version; another table is another dataset.
    house.write("orders.csv", orders(900, 900, 100));
    house.json(0, &["profile", "orders.csv"]);
    std::fs::create_dir(house.path().join("else")).unwrap();
    house.write("else/orders.csv", "a,b\n1,2\n3,4\n");
    house.json(0, &["profile", "else/orders.csv"]);
    let catalog = house.json(0, &["catalog"]);
    assert_eq!(named(&catalog, "orders")["versions"].as_array().unwrap().len(), 2);
    assert_eq!(named(&catalog, "orders-2")["versions"].as_array().unwrap().len(), 1);
    assert!(house.refused(3, &["catalog", "show", "nothing"]).contains("orders"));
}

#[test]
fn people_describe_and_find_datasets() {
    let house = House::new();
    house.write("orders.csv", orders(60, 0, 100));
    house.write("stock.csv", "article,amount\na,1\nb,2\nc,3\n");
    for file in ["orders.csv", "stock.csv"] {
        house.json(0, &["profile", file, "--workspace", ".pilothouse"]);
    }
    let set = house.json(
        0,
        &[
            "catalog",
            "set",
            "orders",
            "--owner",
            "sales@example.org",
            "--description",
            "what customers bought",
            "--tag",
            "weekly",
            "--tag",
            "shop",
            "--sensitivity",
            "confidential",
        ],
    );
    assert_eq!((&set["owner"], &set["sensitivity"]), (&"sales@example.org".into(), &"confidential".into()));
    let set = house.json(0, &["catalog", "set", "orders", "--untag", "shop", "--rename", "sales"]);
    assert_eq!((&set["name"], &set["tags"]), (&"sales".into(), &serde_json::json!(["weekly"])));
    // What was said survives new bytes, and the source still leads to it.
    house.write("orders.csv", orders(60, 60, 100));
    house.json(0, &["profile", "orders.csv"]);
    let shown = house.json(0, &["catalog", "show", "orders.csv"]);
    assert_eq!((&shown["name"], shown["versions"].as_array().unwrap().len()), (&"sales".into(), 2));

    let found = |words: &[&str]| -> Vec<String> {
        let args: Vec<&str> = ["catalog", "--search"].iter().chain(words).copied().collect();
        let hits = house.json(0, &args);
        hits.as_array().unwrap().iter().map(|h| h["dataset"]["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(found(&["amount"]), ["sales", "stock"]);
    assert_eq!(found(&["customers", "BOUGHT"]), ["sales"]);
    assert_eq!(found(&["weekly"]), ["sales"]);
    assert_eq!(found(&["article"]), ["stock"]);
    assert!(found(&["moon"]).is_empty());

    house.refused(2, &["catalog", "set", "sales", "--sensitivity", "secret"]);
    assert!(house.refused(2, &["catalog", "set", "sales", "--rename", "stock"]).contains("already"));
    assert!(house.refused(2, &["catalog", "set", "sales"]).contains("--owner"));
    let merged = house.json(0, &["catalog", "set", "sales", "--merge", "stock"]);
    assert_eq!(merged["versions"].as_array().unwrap().len(), 3);
    assert_eq!(house.json(0, &["catalog"]).as_array().unwrap().len(), 1);
}

#[test]
fn a_diff_tells_chance_from_change() {
    let house = House::new();
    let profile = |csv: &str| {
        house.write("orders.csv", csv);
        house.json(0, &["profile", "orders.csv", "--workspace", ".pilothouse"]);
    };
    // Each version in a file of its own as well, so that its rows stay at hand.
    for (name, csv) in [
        ("v1.csv", orders(900, 0, 100)),
        ("v2.csv", orders(800, 900, 100)),
        ("v3.csv", orders(900, 2_000, 160)),
        ("v4.csv", orders(900, 0, 100).replace("country", "land")),
    ] {
        profile(&csv);
        house.write(name, &csv);
        house.json(0, &["profile", name]);
    }
    // Other rows of the same kind: counts differ, nothing drifted.
    let same = house.json(0, &["catalog", "diff", "orders", "1", "2"]);
    assert_eq!((&same["differs"], same["schema"].as_array().unwrap().len()), (&false.into(), 0));
    assert_eq!((&same["from"]["rows"], &same["to"]["rows"]), (&900.into(), &800.into()));
    assert_eq!(same["drift"]["verdict"], "stable");
    assert!(same["drift_from"].as_str().unwrap().contains("all rows of version 1"), "{same:#}");
    // The amount moved by sixty.
    let moved = house.json(1, &["catalog", "diff", "orders", "v2", "v3"]);
    let amount = moved["columns"].as_array().unwrap().iter().find(|c| c["column"] == "amount").unwrap();
    let means = (amount["mean"]["from"].as_f64().unwrap(), amount["mean"]["to"].as_f64().unwrap());
    assert!((means.1 - means.0 - 60.0).abs() < 5.0 && amount["shift"].as_f64().unwrap() > 2.0, "{amount:#}");
    let drifted: Vec<&str> = moved["drift"]["columns"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|c| c["drifted"] == true)
        .map(|c| c["name"].as_str().unwrap())
        .collect();
    assert_eq!(drifted, ["amount"]);
    // A renamed column is one that went and one that came.
    let renamed = house.json(1, &["catalog", "diff", "orders", "1", "4"]);
    let changes: Vec<(&str, &str)> = renamed["schema"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| (c["column"].as_str().unwrap(), c["change"].as_str().unwrap()))
        .collect();
    assert_eq!(changes, [("country", "removed"), ("land", "added")]);
    assert_eq!(renamed["drift"]["verdict"], "stable");
    // In words.
    let said = house.run(&["catalog", "diff", "orders", "2", "3", "--quiet"]);
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(said.contains("DRIFTED") && said.contains("1 of 4 columns drifted"), "{said}");
    assert!(house.refused(3, &["catalog", "diff", "orders", "1", "9"]).contains("no version `9`"));
}

#[test]
fn a_diff_without_rows_uses_what_was_kept_or_says_that_it_cannot() {
    let house = House::new();
    let train = |csv: &str| {
        house.write("orders.csv", csv);
        house.json(0, &["train", "orders.csv", "--target", "returned", "--models", "gaussian_nb"]);
    };
    train(&orders(900, 0, 100));
    train(&orders(900, 900, 160));
    std::fs::remove_file(house.path().join("orders.csv")).unwrap();
    let diff = house.json(1, &["catalog", "diff", "orders"]);
    let from = diff["drift_from"].as_str().unwrap();
    assert_eq!(from.matches("the kept distribution (900 rows)").count(), 2, "{from}");
    assert_eq!(diff["drift"]["verdict"], "drift");
    assert!(diff["columns_missing"].is_null(), "the profiles were kept: {diff:#}");

    // What an earlier version wrote in another form counts for nothing, and fails nothing.
    let catalog = house.json(0, &["catalog"]);
    let digest = named(&catalog, "orders")["versions"][0]["profile"].as_str().unwrap().to_owned();
    let file = house.path().join(".pilothouse/files").join(&digest[..2]).join(&digest[2..]);
    std::fs::write(file, "{}").unwrap();
    let diff = house.json(1, &["catalog", "diff", "orders"]);
    assert!(diff["columns_missing"].as_str().unwrap().contains("version 1"), "{diff:#}");

    // From standard input only a profile is kept: numbers, but no distribution.
    let pipe = |csv: &str| {
        let mut child = house
            .command()
            .args(["profile", "-", "--quiet"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(csv.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    };
    pipe(&orders(100, 0, 10));
    pipe(&orders(100, 100, 90));
    let diff = house.json(0, &["catalog", "diff", "input"]);
    assert!(diff["drift"].is_null() && diff["drift_from"].as_str().unwrap().contains("not at hand"), "{diff:#}");
    assert_eq!(diff["columns"].as_array().unwrap().len(), 4);
}

#[test]
fn lineage_goes_from_bytes_to_a_watched_model_and_back() {
    let house = House::new();
    let trained = house.json(
        0,
        &["train", "sample:credit", "--target", "Status", "--positive", "bad", "--models", "logistic_regression"],
    );
    let best = trained["best"].as_str().unwrap();
    house.json(0, &["gate", best]);
    house.json(0, &["approve", best, "--reason", "looks right"]);
    house.json(0, &["push", best, "--to", "models", "--as", "credit-risk", "--alias", "champion"]);
    let csv = std::fs::read_to_string(common::sample("credit_scoring.csv")).unwrap();
    let half: String = csv.lines().take(2_000).map(|l| format!("{l}\n")).collect();
    house.write("new.csv", half);
    house.json(0, &["watch", best, "new.csv"]);

    let kinds = |name: &str| -> Vec<String> {
        let lineage = house.json(0, &["catalog", "lineage", name]);
        lineage["nodes"].as_array().unwrap().iter().map(|n| n["kind"].as_str().unwrap().to_owned()).collect()
    };
    // From the data, from the run and from the watched rows the same story is told.
    for name in ["credit", best, "new"] {
        let kinds = kinds(name);
        for kind in ["version", "run", "watch"] {
            assert!(kinds.iter().any(|k| k == kind), "{name}: {kind} is not in {kinds:?}");
        }
    }
    assert!(kinds("credit").iter().any(|k| k == "model") && kinds(best).iter().any(|k| k == "model"));
    let tree = |name: &str, plain: &[&str]| {
        let output = house.run(&[&["catalog", "lineage", name], plain].concat());
        String::from_utf8(output.stdout).unwrap()
    };
    let text = tree("credit", &[]);
    assert!(text.starts_with("credit · 1 version\n└─ credit version 1 · 4454 rows from sample:credit"), "{text}");
    assert!(text.contains(&format!("run {best} ")) && text.contains("model credit-risk version 1"), "{text}");
    assert!(
        text.contains("alias champion") && text.contains(&format!("watch of run {best} on new version 1")),
        "{text}"
    );
    let text = tree(best, &["--plain"]);
    assert!(text.starts_with("from\n`- credit version 1") && text.contains("\nto\nrun "), "{text}");
    assert!(!text.contains('└'), "{text}");
    assert!(house.refused(3, &["catalog", "lineage", "nothing"]).contains("no dataset and no run"));
}

#[test]
fn true_answers_are_part_of_the_lineage() {
    let house = House::new();
    house.write("orders.csv", orders(600, 0, 100));
    let trained = house.json(0, &["train", "orders.csv", "--target", "returned", "--models", "gaussian_nb"]);
    let best = trained["best"].as_str().unwrap();
    let live = orders(200, 600, 100);
    let cut = |keep: &[usize]| -> String {
        let pick =
            |l: &str| keep.iter().map(|k| l.split(',').nth(*k).unwrap().to_owned()).collect::<Vec<_>>().join(",");
        live.lines().map(|l| pick(l) + "\n").collect()
    };
    house.write("live.csv", cut(&[0, 1, 2]));
    house.write("answers.csv", cut(&[0, 3]));
    house.json(0, &["watch", best, "live.csv", "--labels", "answers.csv", "--key", "order_id"]);
    let lineage = house.json(0, &["catalog", "lineage", "answers"]);
    let edges = lineage["edges"].as_array().unwrap();
    let watch = format!("watch:{best}:");
    for (what, from) in [("true answers", "version:"), ("new rows", "version:"), ("watched", "run:")] {
        let found = edges.iter().any(|e| {
            let starts = |key: &str, with: &str| e[key].as_str().unwrap().starts_with(with);
            e["what"] == what && starts("from", from) && starts("to", &watch)
        });
        assert!(found, "{what}: {lineage:#}");
    }
}

#[test]
fn a_kill_leaves_the_old_catalog_or_the_new_one() {
    let house = House::new();
    house.write("orders.csv", orders(3_000, 0, 100));
    house.json(0, &["profile", "orders.csv", "--workspace", ".pilothouse"]);
    // Kills are spread over the time that an undisturbed training takes here.
    let begun = std::time::Instant::now();
    house.json(0, &["train", "orders.csv", "--target", "returned", "--models", "gaussian_nb"]);
    let whole = begun.elapsed();
    let mut killed = 0;
    for round in 0..24_u32 {
        house.write("orders.csv", orders(3_000, round as usize * 10 + 10, 100));
        let mut child = house
            .command()
            .args(["train", "orders.csv", "--target", "returned", "--models", "gaussian_nb", "--quiet"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(whole * round / 24);
        child.kill().unwrap();
        killed += usize::from(!child.wait().unwrap().success());
        let catalog = house.json(0, &["catalog"]);
        let versions = named(&catalog, "orders")["versions"].as_array().unwrap().clone();
        for (i, version) in versions.iter().enumerate() {
            // A version is whole: numbered without gaps, and the files that it names are there.
            assert_eq!(version["number"], i + 1);
            for file in ["profile", "distribution"] {
                if let Some(digest) = version[file].as_str() {
                    let path = house.path().join(".pilothouse/files").join(&digest[..2]).join(&digest[2..]);
                    assert!(path.is_file(), "{file} of version {i}");
                }
            }
        }
        assert!(versions.len() <= round as usize + 2, "{versions:#?}");
    }
    assert!(killed > 0, "none was killed");
    house.json(0, &["profile", "orders.csv"]);
    house.json(0, &["profile", "orders.csv"]);
    let catalog = house.json(0, &["catalog"]);
    let prints: Vec<&str> = named(&catalog, "orders")["versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v["fingerprint"].as_str().unwrap())
        .collect();
    let unique: std::collections::BTreeSet<&&str> = prints.iter().collect();
    assert_eq!(unique.len(), prints.len());
}

/// What a receiver of events heard: head and body of each request.
fn receiver(status: &'static str) -> (String, Receiver<(String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (say, heard) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { return };
            let mut reader = BufReader::new(stream);
            // One connection may bring several requests.
            loop {
                let (mut head, mut length) = (String::new(), 0);
                loop {
                    let mut line = String::new();
                    if reader.read_line(&mut line).unwrap_or(0) == 0 {
                        break;
                    }
                    if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    if line == "\r\n" {
                        break;
                    }
                    head.push_str(&line);
                }
                if head.is_empty() {
                    break;
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                if say.send((head, serde_json::from_slice(&body).unwrap())).is_err() {
                    return;
                }
                let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
                if reader.get_mut().write_all(answer.as_bytes()).is_err() {
                    break;
                }
            }
        }
    });
    (address, heard)
}

/// Runs a command with these variables; it must end with `code`. Returns what it said on standard error.
fn with(house: &House, variables: &[(&str, &str)], code: i32, args: &[&str]) -> String {
    let output = house.command().envs(variables.iter().copied()).args(args).arg("--quiet").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
    said
}

/// The real client reads the events; returns its line for each of them.
fn judged(house: &House, events: &[Value]) -> Vec<String> {
    let lines: String = events.iter().map(|e| format!("{e}\n")).collect();
    house.write("heard.ndjson", lines);
    judged_file(&house.path().join("heard.ndjson"))
}

fn judged_file(path: &Path) -> Vec<String> {
    let python = std::env::var_os("PILOTHOUSE_TEST_OPENLINEAGE_PYTHON")
        .expect("PILOTHOUSE_TEST_OPENLINEAGE_PYTHON is not set: run the tests with tests/run");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/openlineage_events.py");
    let output = Command::new(python).arg(script).arg(path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn events_of_a_whole_walk_are_those_of_the_specification() {
    let house = House::new();
    let (address, heard) = receiver("201 Created");
    let variables =
        [("OPENLINEAGE_URL", address.as_str()), ("OPENLINEAGE_API_KEY", "k-123"), ("OPENLINEAGE_NAMESPACE", "team")];
    house.write("orders.csv", orders(600, 0, 100));
    with(&house, &variables, 0, &["profile", "orders.csv", "--workspace", ".pilothouse"]);
    house.json(
        0,
        &[
            "catalog",
            "set",
            "orders",
            "--owner",
            "team:sales",
            "--description",
            "orders",
            "--tag",
            "weekly",
            "--sensitivity",
            "internal",
        ],
    );
    house.write(
        "flow.toml",
        "name = 'orders'\n[load]\nsource = 'orders.csv'\n[prepare]\ntarget = 'returned'\n[train]\nmodels = ['gaussian_nb']\n\
         [approve]\nreason = 'a test'\noverride_reason = 'chance data'\n[push]\nto = 'models'\nas = 'returns'\n\
         [watch]\nsource = 'orders.csv'\n",
    );
    with(&house, &variables, 0, &["run", "flow.toml"]);
    with(&house, &variables, 3, &["profile", "absent.csv"]);
    drop(std::net::TcpStream::connect(address.trim_start_matches("http://")));
    let mut events = Vec::new();
    while let Ok((head, body)) = heard.recv_timeout(Duration::from_secs(1)) {
        assert!(head.starts_with("POST /api/v1/lineage HTTP/1.1"), "{head}");
        assert!(head.to_lowercase().contains("authorization: bearer k-123"), "{head}");
        assert_eq!(body["job"]["namespace"], "team");
        events.push(body);
    }
    let told = judged(&house, &events);
    assert_eq!(
        told,
        [
            "START orders.profile 1 0",
            "COMPLETE orders.profile 1 0",
            "START orders.load 1 0",
            "COMPLETE orders.load 1 0",
            "START orders.profile 1 0",
            "COMPLETE orders.profile 1 0",
            "START orders.train 1 0",
            "COMPLETE orders.train 1 2",
            "START orders.push 0 0",
            "COMPLETE orders.push 1 1",
            "START orders.watch 1 0",
            "COMPLETE orders.watch 2 0",
            "START absent.profile 1 0",
            "FAIL absent.profile 1 0",
        ]
    );
    for pair in events.chunks(2) {
        assert_eq!(pair[0]["run"]["runId"], pair[1]["run"]["runId"]);
    }
    // The numbers are those of the profile, and what people said goes along.
    let table = &events[5]["inputs"][0];
    assert_eq!(table["namespace"], "file");
    assert!(table["name"].as_str().unwrap().ends_with("/orders.csv"));
    assert_eq!(table["facets"]["ownership"]["owners"][0]["name"], "team:sales");
    assert_eq!(table["facets"]["documentation"]["description"], "orders");
    assert_eq!(table["facets"]["schema"]["fields"][1]["name"], "amount");
    let metrics = &table["inputFacets"]["dataQualityMetrics"];
    let profile = house.json(0, &["profile", "orders.csv"]);
    let amount = profile["columns"].as_array().unwrap().iter().find(|c| c["name"] == "amount").unwrap();
    assert_eq!(
        (&metrics["rowCount"], &metrics["columnMetrics"]["amount"]["distinctCount"]),
        (&600.into(), &amount["distinct"])
    );
    let sum = metrics["columnMetrics"]["amount"]["sum"].as_f64().unwrap();
    assert!((sum - amount["mean"].as_f64().unwrap() * 600.0).abs() < 1e-6 * sum);
    // The same bytes are the same version in every event.
    let version = |e: &Value| e["inputs"][0]["facets"]["version"]["datasetVersion"].clone();
    assert_eq!((version(&events[1]), version(&events[3])), (version(&events[7]), version(&events[11])));
    assert!(events[13]["run"]["facets"]["errorMessage"]["message"].as_str().unwrap().contains("absent.csv"));
}

#[test]
fn events_are_appended_to_a_file() {
    let house = House::new();
    house.write("orders.csv", orders(60, 0, 100));
    let path = house.path().join("events.ndjson");
    let variables = [
        ("OPENLINEAGE__TRANSPORT__TYPE", "file"),
        ("OPENLINEAGE__TRANSPORT__LOG_FILE_PATH", path.to_str().unwrap()),
        // A file is chosen, so this is left alone.
        ("OPENLINEAGE_URL", "http://127.0.0.1:9"),
    ];
    assert_eq!(with(&house, &variables, 0, &["profile", "orders.csv"]), "");
    assert_eq!(with(&house, &variables, 0, &["profile", "orders.csv"]), "");
    let told = judged_file(&path);
    assert_eq!(told.len(), 4, "{told:?}");
    assert!(!house.path().join(".pilothouse").exists(), "events need no workspace");
    // Turned off, nothing is added.
    with(&house, &[&variables[..], &[("OPENLINEAGE_DISABLED", "true")]].concat(), 0, &["profile", "orders.csv"]);
    assert_eq!(judged_file(&path).len(), 4);
}

#[test]
fn a_receiver_that_is_away_costs_one_sentence_and_nothing_else() {
    let house = House::new();
    house.write("orders.csv", orders(60, 0, 100));
    let once = |said: &str| {
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains("lineage events were not all delivered") && !said.contains("hunter2"), "{said}");
    };
    // Nobody listens.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nobody = format!("http://ana:hunter2@127.0.0.1:{port}");
    once(&with(&house, &[("OPENLINEAGE_URL", &nobody)], 0, &["profile", "orders.csv", "--json"]));
    // Somebody listens and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", silent.local_addr().unwrap());
    once(&with(&house, &[("OPENLINEAGE_URL", &address)], 0, &["profile", "orders.csv"]));
    // Somebody refuses.
    let (address, _heard) = receiver("403 Forbidden");
    let said = with(&house, &[("OPENLINEAGE_URL", &address)], 0, &["profile", "orders.csv"]);
    once(&said);
    assert!(said.contains("403"), "{said}");
    // The wish makes no sense.
    once(&with(&house, &[("OPENLINEAGE__TRANSPORT__TYPE", "kafka")], 0, &["profile", "orders.csv"]));
    // A failure of the command stays that failure.
    let output =
        house.command().env("OPENLINEAGE_URL", &nobody).args(["profile", "absent.csv", "--quiet"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("there is no file absent.csv"));
}

#[test]
fn a_report_is_written_in_every_format() {
    let house = House::new();
    let answer = house.json(0, &["report", "sample:credit", "--target", "Status", "-o", "r.html"]);
    assert!(answer["findings"].as_u64().unwrap() > 0);
    for file in ["r.md", "r.json", "r.xml"] {
        house.json(0, &["report", "sample:credit", "--target", "Status", "-o", file]);
    }
    let read = |file: &str| std::fs::read_to_string(house.path().join(file)).unwrap();
    let html = read("r.html");
    for id in ["feasibility", "findings", "columns", "associations", "missing"] {
        assert!(html.contains(&format!("<h2 id=\"{id}\">")), "{id}");
    }
    // One file that asks for nothing else.
    for word in ["<script", "<link", "<img", "src=", "url(", "@import", "http://", "https://"] {
        assert!(!html.contains(word), "{word}");
    }
    let json: Value = serde_json::from_str(&read("r.json")).unwrap();
    let profile = house.json(0, &["profile", "sample:credit", "--target", "Status"]);
    for (key, value) in profile.as_object().unwrap() {
        assert_eq!(&json[key], value, "{key}");
    }
    assert_eq!(json["associations"]["rows"], 4454);
    // Python's own parser reads the XML, and counts as it says.
    let counted = Command::new("python3")
        .args([
            "-c",
            "import sys, xml.etree.ElementTree as e\nr = e.parse(sys.argv[1]).getroot()\n\
             print(r.tag, r.get('tests') == str(len(r.findall('.//testcase'))), r.get('failures') == str(len(r.findall('.//failure'))))",
        ])
        .arg(house.path().join("r.xml"))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&counted.stdout).trim(), "testsuites True True");
    assert!(read("r.md").starts_with("# Data report: sample:credit"));
    assert!(!house.path().join(".pilothouse").exists(), "a report keeps nothing");

    assert!(house.refused(2, &["report", "sample:credit", "-o", "r.xml", "--fail-on", "note"]).contains("--force"));
    house.json(1, &["report", "sample:credit", "-o", "r.xml", "--force", "--fail-on", "note"]);
    assert!(read("r.xml").contains("<failure type=\"note\""));
    assert!(house.refused(2, &["report", "sample:credit", "-o", "r.doc"]).contains("--format"));
    let output = house.run(&["report", "sample:credit", "-o", "-", "--format", "markdown", "--quiet"]);
    assert!(String::from_utf8(output.stdout).unwrap().contains("## Findings"));
    assert!(house.refused(3, &["report", "sample:credit", "--target", "Nope", "-o", "x.html"]).contains("Nope"));
    assert!(!house.path().join("x.html").exists());
}
