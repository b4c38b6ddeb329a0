//! Sources against the real thing: files written by pyarrow, gzip, bzip2 and SQLite; a web server with faults; a server
//! that speaks S3 and checks signatures (moto); PostgreSQL. `tests/setup` provides them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on must stop")]

mod common;
mod support;

use std::path::Path;
use std::sync::OnceLock;

use common::House;
use pilothouse::data::{Dataset, LoadOptions, Meaning, Physical, SchemaChanges, load, preview};
use pilothouse::engine::Control;
use pilothouse::error::{Error, Kind, Result};
use serde_json::Value;
use sha2::{Digest, Sha256};
use support::cut_proxy::CutProxy;
use support::postgres::{PASSWORD, Postgres};
use support::s3::Storage;
use support::web::{Manners, Web};

fn read(source: impl AsRef<str>) -> Result<Dataset> {
    load(source.as_ref(), &LoadOptions::default(), &Control::default())
}

fn refused(source: impl AsRef<str>, kind: Kind, words: &[&str]) -> Error {
    let error = read(source).expect_err("it is refused");
    assert_eq!(error.kind, kind, "{error}");
    for word in words {
        assert!(error.to_string().contains(word), "`{word}` is not in: {error}");
    }
    assert!(error.hint.is_some(), "no hint: {error}");
    error
}

/// Tables written by other tools, once for all tests.
fn tables() -> &'static Path {
    static DIR: OnceLock<tempfile::TempDir> = OnceLock::new();
    DIR.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let python = support::python("PILOTHOUSE_TEST_PYTHON");
        support::run_python(&python, "write_tables.py", &[dir.path().to_str().unwrap()]);
        dir
    })
    .path()
}

fn table(name: &str) -> String {
    tables().join(name).display().to_string()
}

fn sum(data: &Dataset, column: &str) -> f64 {
    let column = data.frame.column(column).unwrap().cast(&polars::prelude::DataType::Float64).unwrap();
    column.f64().unwrap().iter().flatten().sum()
}

fn text(data: &Dataset, column: &str, row: usize) -> Option<String> {
    data.frame.column(column).unwrap().str().unwrap().get(row).map(str::to_owned)
}

fn physical(data: &Dataset, column: &str) -> Physical {
    data.spec(column).unwrap().physical
}

fn has_note(data: &Dataset, words: &str) -> bool {
    data.notes.iter().any(|n| n.contains(words))
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

fn csv(rows: usize) -> Vec<u8> {
    let mut text = "n,word\n".to_owned();
    (0..rows).for_each(|i| text += &format!("{i},w{}\n", i % 7));
    text.into_bytes()
}

#[test]
fn compressed_files_are_known_by_content() {
    let plain = read(table("plain.csv")).unwrap();
    for name in ["two-members.csv.gz", "two-streams.csv.bz2", "plain.csv.zst", "named-wrongly.csv"] {
        let data = read(table(name)).unwrap();
        assert!(data.frame.equals(&plain.frame), "{name}");
        assert_eq!(data.fingerprint, plain.fingerprint, "the same content has the same fingerprint");
        assert!(has_note(&data, "unpacked"), "{:?}", data.notes);
    }
    assert_eq!(plain.fingerprint, sha256(&std::fs::read(table("plain.csv")).unwrap()));
    refused(table("cut.csv.gz"), Kind::Input, &["cut.csv.gz", "gzip", "too early"]);
    let nested = read(table("nested.parquet.gz")).unwrap();
    assert!(nested.frame.equals_missing(&read(table("nested.parquet")).unwrap().frame));
}

/// The values are those that `write_tables.py` puts in; sums by arithmetic.
#[test]
fn arrow_and_nested_parquet_are_read_in_every_packing() {
    let names = [
        "file-plain.arrow",
        "file-lz4.arrow",
        "file-zstd.arrow",
        "stream-plain.arrows",
        "stream-lz4.arrows",
        "stream-zstd.arrows",
        "two.feather",
        "nested.parquet",
    ];
    for name in names {
        let data = read(table(name)).unwrap();
        assert_eq!(data.rows(), 5000, "{name}");
        assert_eq!(sum(&data, "id"), 12_497_500.0, "{name}");
        assert_eq!(data.frame.column("amount").unwrap().null_count(), 500, "{name}");
        assert_eq!(sum(&data, "amount"), (12_497_500.0 - 1_247_500.0) / 4.0, "{name}");
        assert_eq!(text(&data, "kind", 4999).as_deref(), Some("b"), "{name}");
        assert_eq!(text(&data, "code", 7).as_deref(), Some("007"), "{name}");
        assert_eq!((physical(&data, "when"), physical(&data, "flag")), (Physical::Datetime, Physical::Boolean));
        // 2020-01-01 00:00 at +02:00 is 22:00 of the day before in UTC.
        let when = data.frame.column("when").unwrap().to_physical_repr();
        assert_eq!(when.i64().unwrap().get(0), Some(1_577_829_600_000_000), "{name}");
        assert_eq!(sum(&data, "price"), 12_497_500.0 + 0.25 * 4999.0, "{name}");
        assert_eq!(data.frame.column("place.city").unwrap().null_count(), 1000, "{name}");
        assert_eq!(data.frame.column("place.at.y").unwrap().null_count(), 1000, "{name}");
        assert_eq!(sum(&data, "place.at.x"), 12_497_500.0 - 2_497_500.0, "{name}");
        for lost in ["tags", "raw"] {
            assert!(has_note(&data, &format!("{lost}: left out")), "{name}: {:?}", data.notes);
        }
        assert_eq!(data.fingerprint, sha256(&std::fs::read(table(name)).unwrap()), "{name}");
    }
}

#[test]
fn json_is_flattened_and_late_keys_are_columns() {
    let lines = read(table("rows.ndjson")).unwrap();
    assert_eq!(lines.rows(), 3000);
    let names: Vec<&str> = lines.columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["a", "b.c", "b.d.e", "late", "tags", "day"]);
    let kinds: Vec<Physical> = lines.columns.iter().map(|c| c.physical).collect();
    use Physical::{Boolean, Date, Float, Integer, String};
    assert_eq!(kinds, [Integer, Float, String, Boolean, String, Date]);
    assert_eq!(sum(&lines, "b.c"), 4_498_500.0 / 2.0);
    assert_eq!(text(&lines, "tags", 1501).as_deref(), Some("[\"p\",\"q\"]"));
    assert!(
        has_note(&lines, "late (row 1501)") && has_note(&lines, "tags: 1 lists were kept as text"),
        "{:?}",
        lines.notes
    );
    for name in ["rows.json", "pretty.json", "rows.ndjson.gz"] {
        assert!(read(table(name)).unwrap().frame.equals_missing(&lines.frame), "{name}");
    }
}

#[test]
fn broken_json_is_told_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let refuse = |text: &str, words: &[&str]| {
        let path = dir.path().join("x.json");
        std::fs::write(&path, text).unwrap();
        refused(path.to_str().unwrap(), Kind::Input, words);
    };
    refuse("{\"a\":1}\n{\"a\":}\n", &["line 2", "not JSON"]);
    refuse("[{\"a\":1},\n{\"a\":1", &["line 2", "ends"]);
    refuse("[{\"a\":1}, 7]", &["row 2", "a number"]);
    refuse("[]", &["no row"]);
    refuse("{\"a.b\":1,\"a\":{\"b\":2}}\n", &["row 1", "`a.b`", "twice"]);
}

#[test]
fn sqlite_is_read_with_its_types_and_only_read() {
    let data = read(table("one.db")).unwrap();
    assert_eq!(data.rows(), 2000);
    let kinds: Vec<(&str, Physical)> = data.columns.iter().map(|c| (c.name.as_str(), c.physical)).collect();
    use Physical::{Boolean, Date, Datetime, Float, Integer, String};
    assert_eq!(
        kinds,
        [
            ("id", Integer),
            ("code", String),
            ("amount", Float),
            ("placed", Date),
            ("seen", Datetime),
            ("paid", Boolean),
            ("mixed", String)
        ]
    );
    assert_eq!(text(&data, "code", 7).as_deref(), Some("007"));
    assert_eq!(text(&data, "mixed", 3).as_deref(), Some("3"));
    assert!(has_note(&data, "photo: left out") && has_note(&data, "mixed: holds 1000 texts and 1000 numbers"));
    refused(table("several.db"), Kind::Input, &["several tables: a, b c"]);
    let several = format!("sqlite:{}", table("several.db"));
    assert_eq!(text(&read(format!("{several}?table=b%20c")).unwrap(), "y", 0).as_deref(), Some("007"));
    let asked = read(format!("{several}?query=SELECT x * 2 AS double FROM a WHERE x LIKE '%2%';")).unwrap();
    assert_eq!(sum(&asked, "double"), 4.0);
    refused(format!("{several}?table=c"), Kind::Input, &["no table `c`", "a, b c"]);
    refused(format!("{several}?query=SELECT nothing FROM a"), Kind::Input, &["nothing"]);
    let before = std::fs::read(table("several.db")).unwrap();
    for evil in
        ["DELETE FROM a", "DROP TABLE a", "ATTACH 'x.db' AS x", "PRAGMA journal_mode=WAL", "SELECT 1; DROP TABLE a"]
    {
        assert!(read(format!("{several}?query={evil}")).is_err(), "{evil}");
    }
    assert_eq!(std::fs::read(table("several.db")).unwrap(), before);
}

#[test]
fn a_long_statement_is_cancelled() {
    let control = Control::default();
    let stopper = control.clone();
    std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(300));
        stopper.cancel();
    });
    let endless = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r";
    let source = format!("sqlite:{}?query={endless}", table("one.db"));
    assert_eq!(load(&source, &LoadOptions::default(), &control).unwrap_err().kind, Kind::Cancelled);
}

#[test]
fn western_text_is_read_and_said() {
    let house = House::new();
    house.write("latin.csv", b"name;city\nM\xfcller;Z\xfcrich\nS\xf8ren;\xc5rhus\nO'Neil \x80;caf\xe9\n");
    let data = read(house.path().join("latin.csv").to_str().unwrap()).unwrap();
    assert_eq!(text(&data, "name", 2).as_deref(), Some("O'Neil €"));
    assert_eq!(text(&data, "city", 1).as_deref(), Some("Århus"));
    assert!(has_note(&data, "line 2") && has_note(&data, "Windows-1252"), "{:?}", data.notes);
    let shown = preview(house.path().join("latin.csv"), 5).unwrap();
    assert_eq!(shown.rows[0], ["Müller", "Zürich"]);
    // UTF-8 with broken bytes stays an error.
    house.write("broken.csv", b"name\nZ\xc3\xbcrich\nM\xfcller\nS\xf8ren\n\xc5rhus\n");
    refused(house.path().join("broken.csv").to_str().unwrap(), Kind::Input, &["line 3", "UTF-8"]);
}

#[test]
fn patterns_folders_and_partitions_are_one_table() {
    let house = House::new();
    for (year, month) in [(2019, 12), (2020, 1), (2020, 2)] {
        let folder = house.path().join(format!("sales/year={year}/month={month:02}"));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("part-0.csv"), format!("id,amount\n{month},{year}.5\n9,1\n")).unwrap();
        std::fs::write(folder.join("_SUCCESS"), "").unwrap();
    }
    let root = house.path().display().to_string();
    let all = read(format!("{root}/sales")).unwrap();
    assert_eq!(all.rows(), 6);
    assert_eq!((sum(&all, "year"), sum(&all, "month")), (2.0 * (2019.0 + 2020.0 * 2.0), 2.0 * 15.0));
    assert_eq!(physical(&all, "month"), Physical::Integer);
    let some = read(format!("{root}/sales/year=2020/**/*.csv")).unwrap();
    assert_eq!((some.rows(), sum(&some, "year")), (4, 8080.0));
    // SHA-256 over the lines "digest  name", as `sha256sum` in the folder prints them, sorted.
    let names = ["year=2019/month=12/part-0.csv", "year=2020/month=01/part-0.csv", "year=2020/month=02/part-0.csv"];
    let mut lines: Vec<String> = names
        .iter()
        .map(|n| format!("{}  {n}\n", sha256(&std::fs::read(house.path().join("sales").join(n)).unwrap())))
        .collect();
    lines.sort();
    assert_eq!(all.fingerprint, sha256(lines.concat().as_bytes()));
    refused(format!("{root}/*.parquet"), Kind::Input, &["no file fits"]);
    // The headless face takes them, too.
    let answer = house.json(0, &["profile", "sales/*/*/*.csv"]);
    assert_eq!(answer["rows"], 6);
}

#[test]
fn schema_changes_are_told_and_filled_only_on_request() {
    let house = House::new();
    house.write("2020-01.csv", "id,kind\n1,a\n2,b\n");
    house.write("2020-02.csv", "kind,id\na,3\n");
    house.write("2020-03.csv", "id,kind,extra\n4,a,x\n");
    let pattern = house.path().join("2020-*.csv").display().to_string();
    refused(&pattern, Kind::Input, &["2020-03.csv adds column `extra`", "fill"]);
    let said = house.refused(3, &["profile", "2020-*.csv"]);
    assert!(said.contains("2020-03.csv adds column `extra`"), "{said}");
    let answer = house.json(0, &["profile", "2020-*.csv", "--schema-changes", "fill"]);
    assert_eq!(answer["columns"].as_array().unwrap().iter().find(|c| c["name"] == "extra").unwrap()["missing"], 3);
    let options = LoadOptions { schema_changes: SchemaChanges::Fill, ..LoadOptions::default() };
    let filled = load(&pattern, &options, &Control::default()).unwrap();
    assert_eq!((filled.rows(), sum(&filled, "id")), (4, 10.0));
    assert!(has_note(&filled, "another order from 2020-02.csv on"), "{:?}", filled.notes);
    std::fs::remove_file(house.path().join("2020-03.csv")).unwrap();
    house.write("2020-04.csv", "id,kind\n0x7,a\n");
    refused(&pattern, Kind::Input, &["column `id` holds whole numbers", "2020-04.csv", "text"]);
    // A column that is said to be a code may be digits in one file and letters in another.
    let options = LoadOptions { meaning: [("id".to_owned(), Meaning::Category)].into(), ..LoadOptions::default() };
    let coded = load(&pattern, &options, &Control::default()).unwrap();
    assert_eq!(text(&coded, "id", 0).as_deref(), Some("1"));
    house.write("2020-05.csv", "ID,kind\n7,a\n");
    std::fs::remove_file(house.path().join("2020-04.csv")).unwrap();
    refused(&pattern, Kind::Input, &["2020-05.csv calls column `id` `ID`"]);
}

#[test]
fn reading_options_reach_profile_and_train() {
    let house = House::new();
    let mut text = "a^b^y\n".to_owned();
    (0..400).for_each(|i| {
        text += &format!("{}^{}^{}\n", i % 3, if i % 9 == 0 { "-999".into() } else { i.to_string() }, i % 2)
    });
    house.write("odd.txt", text);
    let options = ["--delimiter", "^", "--missing", "-999", "--meaning", "a=category"];
    let answer = house.json(0, &[&["profile", "odd.txt"], &options[..]].concat());
    let column = |name: &str| -> Value {
        answer["columns"].as_array().unwrap().iter().find(|c| c["name"] == name).unwrap().clone()
    };
    assert_eq!((column("b")["missing"].clone(), column("a")["kind"].clone()), (45.into(), "category".into()));
    house.json(
        0,
        &[&["train", "odd.txt", "--target", "y", "--models", "logistic_regression", "--folds", "2"], &options[..]]
            .concat(),
    );
    let said = house.refused(2, &["profile", "odd.txt", "--meaning", "a=thing"]);
    assert!(said.contains("thing"), "{said}");
}

#[test]
fn standard_input_may_be_of_any_format() {
    let house = House::new();
    for name in ["two-members.csv.gz", "rows.ndjson", "file-zstd.arrow", "nested.parquet"] {
        let input = std::fs::File::open(table(name)).unwrap();
        let output = house.command().args(["profile", "-", "--json", "--quiet"]).stdin(input).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{name}: {said}");
    }
}

#[test]
fn previews_read_little_of_every_format() {
    for (name, kind, header) in [
        ("plain.csv", "CSV, comma", "n"),
        ("plain.csv.zst", "CSV, comma, Zstandard", "n"),
        ("rows.ndjson", "JSON", "a"),
        ("pretty.json", "JSON", "a"),
        ("rows.ndjson.gz", "JSON, gzip", "a"),
        ("file-lz4.arrow", "Arrow", "id"),
        ("stream-plain.arrows", "Arrow", "id"),
        ("one.db", "SQLite", "id"),
    ] {
        let shown = preview(table(name), 3).unwrap();
        assert_eq!((shown.kind.as_str(), shown.header[0].as_str(), shown.rows.len()), (kind, header, 3), "{name}");
        assert!(shown.truncated, "{name}");
    }
    assert!(preview(table("nested.parquet.gz"), 3).unwrap_err().message.contains("unpacking"));
}

#[test]
fn a_web_file_is_fetched_whole() {
    let body = csv(50_000);
    let web = Web::new(Manners::of(body.clone()));
    let data = read(format!("{}/a.csv", web.url)).unwrap();
    assert_eq!((data.rows(), data.fingerprint), (50_000, sha256(&body)));
    assert_eq!(web.requests().len(), 1);

    let packed = std::fs::read(table("plain.csv.zst")).unwrap();
    let web = Web::new(Manners { redirect: Some("/there".into()), ..Manners::of(packed) });
    assert_eq!(read(format!("{}/x", web.url)).unwrap().rows(), 20_000);

    // printf 'a,b\n1,2\n' | openssl dgst -sha256 -binary | base64
    for (digest, fits) in [("SS1epJYFbxpqZZIkEDL6t2TDIVljF5MLT6Dh6Lw7dHA=", true), ("AAAA", false)] {
        let head = format!("Repr-Digest: sha-256=:{digest}:\r\n");
        let web = Web::new(Manners { head, ..Manners::of("a,b\n1,2\n") });
        let source = format!("{}/a.csv", web.url);
        if fits {
            assert_eq!(read(&source).unwrap().rows(), 1)
        } else {
            drop(refused(&source, Kind::Remote, &["digest"]))
        }
    }
}

#[test]
fn a_broken_connection_goes_on_where_it_was() {
    let body = csv(50_000);
    let web = Web::new(Manners { cut: (2, 100_000), ..Manners::of(body.clone()) });
    let data = read(format!("{}/a.csv", web.url)).unwrap();
    assert_eq!(data.fingerprint, sha256(&body));
    assert!(has_note(&data, "broke 2 times"), "{:?}", data.notes);
    let requests = web.requests();
    assert!(requests[1].to_lowercase().contains("range: bytes=100000-"), "{requests:?}");
    assert!(requests[2].to_lowercase().contains("range: bytes=200000-"), "{requests:?}");
    assert!(requests[1].to_lowercase().contains("if-range: \"one\""), "{requests:?}");
}

#[test]
fn a_server_without_ranges_or_versions_is_asked_anew() {
    let body = csv(50_000);
    for manners in [
        Manners { ranges: false, cut: (1, 100_000), ..Manners::of(body.clone()) },
        Manners { etag: None, cut: (1, 100_000), ..Manners::of(body.clone()) },
        Manners { etag: Some("W/\"weak\"".into()), cut: (1, 100_000), ..Manners::of(body.clone()) },
    ] {
        let data = read(format!("{}/a.csv", Web::new(manners).url)).unwrap();
        assert_eq!(data.fingerprint, sha256(&body));
    }
}

#[test]
fn two_versions_are_never_mixed() {
    let (old, new) = (csv(50_000), csv(40_000));
    let web = Web::new(Manners { cut: (1, 100_000), changes: Some((1, new.clone())), ..Manners::of(old) });
    let data = read(format!("{}/a.csv", web.url)).unwrap();
    assert_eq!(data.fingerprint, sha256(&new));
    assert!(has_note(&data, "changed on the server"), "{:?}", data.notes);
}

#[test]
fn what_does_not_arrive_is_said_and_not_recorded() {
    let body = csv(50_000);
    // Always cut at the same place of each answer, but with no ranges: it never gets further.
    let stuck = Web::new(Manners { ranges: false, cut: (99, 100_000), ..Manners::of(body.clone()) });
    let whole = body.len();
    refused(format!("{}/a.csv", stuck.url), Kind::Remote, &["after 100000 of", &whole.to_string(), "not get further"]);
    // More is announced than there is.
    let liar = Web::new(Manners { lie: 5000, ..Manners::of(body.clone()) });
    refused(format!("{}/a.csv", liar.url), Kind::Remote, &["broke off after", &(whole + 5000).to_string()]);
    let house = House::new();
    let said = house.refused(4, &["train", &format!("{}/a.csv", stuck.url), "--target", "word"]);
    assert!(said.contains("after 100000 of"), "{said}");
    let runs = house.json(0, &["runs"]);
    assert!(runs.as_array().map_or_else(|| runs["runs"].as_array().unwrap().is_empty(), Vec::is_empty), "{runs}");
    // The length is not told, and the end looks like any other.
    let silent = Web::new(Manners { no_length: true, ..Manners::of(body) });
    assert!(has_note(&read(format!("{}/a.csv", silent.url)).unwrap(), "did not say how long"));
}

#[test]
fn refusals_and_web_pages_are_told_apart() {
    let with = |status| format!("{}/a.csv", Web::new(Manners { status: Some(status), ..Manners::of("no") }).url);
    refused(with("404 Not Found"), Kind::Remote, &["404", "no such file"]);
    refused(with("401 Unauthorized"), Kind::Remote, &["401", "login"]);
    refused(with("503 Busy"), Kind::Remote, &["503"]);
    let page = Web::new(Manners::of("<!DOCTYPE html><html>Please log in</html>"));
    refused(format!("{}/a.csv", page.url), Kind::Input, &["web page"]);
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    refused(format!("http://{closed}/a.csv"), Kind::Remote, &["refused"]);
    let secret = Web::new(Manners { status: Some("403 Forbidden"), ..Manners::of("no") });
    let error = refused(format!("{}/a.csv?X-Amz-Signature=s3cret", secret.url), Kind::Remote, &["403"]);
    assert!(!error.to_string().contains("s3cret"), "{error}");
    let house = House::new();
    let said = house.refused(2, &["train", &format!("{}/a.csv?sig=s3cret", secret.url), "--target", "y"]);
    assert!(said.contains("recorded") && !said.contains("s3cret"), "{said}");
}

#[test]
fn s3_objects_and_patterns_are_fetched_with_signatures() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["year=2020/a b.csv", "year=2021/ü+&.csv", "year=2021/deep/c.csv", "other.txt"] {
        let path = folder.path().join("data").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "id,code\n1,007\n2,008\n").unwrap();
    }
    let body = csv(200_000);
    std::fs::write(folder.path().join("large.csv"), &body).unwrap();
    let storage = Storage::start(folder.path());
    let house = House::new();
    let run = |port: u16, keys: Option<(&str, &str)>, args: &[&str]| {
        let mut command = house.command();
        for name in ["AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION"] {
            command.env_remove(name);
        }
        command.env("HOME", house.path()).env("AWS_ENDPOINT_URL_S3", format!("http://127.0.0.1:{port}"));
        if let Some((key, secret)) = keys {
            command.env("AWS_ACCESS_KEY_ID", key).env("AWS_SECRET_ACCESS_KEY", secret);
        }
        let output = command.args(args).args(["--json", "--quiet"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!said.contains(&storage.keys.1), "the secret is not shown");
        (output.status.code(), serde_json::from_slice::<Value>(&output.stdout).unwrap_or_default(), said)
    };
    let keys = Some((storage.keys.0.as_str(), storage.keys.1.as_str()));
    let (code, answer, said) = run(storage.port, keys, &["profile", "s3://tables/data/year=2020/a b.csv"]);
    assert_eq!((code, &answer["rows"]), (Some(0), &2.into()), "{said}");
    let (code, answer, said) = run(storage.port, keys, &["profile", "s3://tables/data/year=*/*.csv"]);
    assert_eq!((code, &answer["rows"]), (Some(0), &4.into()), "{said}");
    assert!(answer["columns"].as_array().unwrap().iter().any(|c| c["name"] == "year"), "{answer}");
    let (code, answer, said) = run(storage.port, keys, &["profile", "s3://tables/data/**/*.csv"]);
    assert_eq!((code, &answer["rows"]), (Some(0), &6.into()), "{said}");

    // The keys may stand in the shared file instead.
    std::fs::create_dir(house.path().join(".aws")).unwrap();
    let shared = format!("[default]\naws_access_key_id={}\naws_secret_access_key={}\n", storage.keys.0, storage.keys.1);
    std::fs::write(house.path().join(".aws/credentials"), shared).unwrap();
    let proxy = CutProxy::new(storage.port, 700_000, 1);
    let (code, answer, said) = run(proxy.port, None, &["profile", "s3://tables/large.csv"]);
    assert_eq!((code, &answer["rows"]), (Some(0), &200_000.into()), "{said}");
    assert_eq!(proxy.cuts.load(std::sync::atomic::Ordering::SeqCst), 1, "the connection was cut");

    let never = CutProxy::new(storage.port, 100, 1000);
    let (code, _, said) = run(never.port, None, &["profile", "s3://tables/large.csv"]);
    assert_eq!(code, Some(4), "{said}");
    let (code, _, said) = run(storage.port, keys, &["profile", "s3://tables/gone.csv"]);
    assert!(code == Some(4) && said.contains("no such key"), "{said}");
    let (code, _, said) = run(storage.port, keys, &["profile", "s3://gone/x.csv"]);
    assert!(code == Some(4) && said.contains("no such bucket"), "{said}");
    let (code, _, said) = run(storage.port, Some((&storage.keys.0, "wrong")), &["profile", "s3://tables/large.csv"]);
    assert!(code == Some(4) && said.contains("403"), "{said}");
    std::fs::remove_dir_all(house.path().join(".aws")).unwrap();
    let (code, _, said) = run(storage.port, None, &["profile", "s3://tables/large.csv"]);
    assert!(code == Some(4) && said.contains("not signed"), "{said}");
}

#[test]
fn postgresql_tables_and_statements_keep_their_types() {
    let server = Postgres::start();
    let mut client = server.client();
    client
        .batch_execute(
            "CREATE SCHEMA shop;
             CREATE DOMAIN code AS text;
             CREATE TYPE mood AS ENUM ('good', 'bad');
             CREATE TABLE shop.\"Orders\" (
                id bigint, small smallint, code code, price numeric(12, 2), rate real, paid boolean, placed date,
                seen timestamptz, local timestamp, at time, mood mood, doc jsonb, tags text[], raw bytea, note text,
                took interval);
             INSERT INTO shop.\"Orders\"
                SELECT i, i % 7, lpad(i::text, 3, '0'), i + 0.25, i / 2.0, i % 2 = 0, date '2020-01-31' + i % 10,
                       timestamptz '2020-01-31 12:00:00+02', timestamp '2020-01-31 12:00:00.5', time '13:30', 'good',
                       '{\"a\": 1}', ARRAY['p', 'q'], '\\x00ff', E'tab\\there \\\\ and\\nmore \\u00fc', interval '1 hour'
                FROM generate_series(0, 2999) i;
             UPDATE shop.\"Orders\" SET price = 'NaN', placed = 'infinity', note = NULL, paid = NULL WHERE id = 5;
             CREATE TABLE big AS SELECT i AS n, md5(i::text) AS word FROM generate_series(1, 200000) i;",
        )
        .unwrap();
    let house = House::new();
    let port = server.port.to_string();
    let with = |variables: &[(&str, &str)], args: &[&str]| {
        let mut command = house.command();
        for name in ["PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE", "PGSERVICE", "PGSSLMODE", "PGPASSFILE"] {
            command.env_remove(name);
        }
        command.env("HOME", house.path()).envs(variables.iter().copied());
        let output = command.args(args).args(["--json", "--quiet"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!said.contains("s3cret"), "the password is not shown: {said}");
        (output.status.code(), serde_json::from_slice::<Value>(&output.stdout).unwrap_or_default(), said)
    };
    let usual = [
        ("PGHOST", "localhost"),
        ("PGPORT", &port),
        ("PGUSER", "ana"),
        ("PGPASSWORD", PASSWORD),
        ("PGDATABASE", "postgres"),
    ];

    // The library itself, with the password in the address: types, values, notes, and no secret anywhere.
    let encoded = "s3cret%3A%5Cpw";
    let address = format!("postgres://ana:{encoded}@127.0.0.1:{port}/postgres");
    let data = read(format!("{address}?table=shop.Orders")).unwrap();
    assert_eq!(data.rows(), 3000);
    use Physical::{Boolean, Date, Datetime, Float, Integer, String as Text};
    let kinds: Vec<(&str, Physical)> = data.columns.iter().map(|c| (c.name.as_str(), c.physical)).collect();
    assert_eq!(
        kinds,
        [
            ("id", Integer),
            ("small", Integer),
            ("code", Text),
            ("price", Float),
            ("rate", Float),
            ("paid", Boolean),
            ("placed", Date),
            ("seen", Datetime),
            ("local", Datetime),
            ("at", Float),
            ("mood", Text),
            ("doc", Text),
            ("tags", Text),
            ("note", Text),
            ("took", Text)
        ]
    );
    assert_eq!(text(&data, "code", 4).as_deref(), Some("004"));
    assert_eq!(text(&data, "note", 0).as_deref(), Some("tab\there \\ and\nmore ü"));
    assert_eq!(text(&data, "took", 0).as_deref(), Some("PT1H"));
    assert_eq!(sum(&data, "price"), (0..3000).filter(|i| *i != 5).map(|i| f64::from(i) + 0.25).sum::<f64>());
    assert_eq!(sum(&data, "at"), 13.5 * 3000.0);
    let seen = data.frame.column("seen").unwrap().to_physical_repr();
    // 12:00 at +02 is 10:00 UTC: date -u -d '2020-01-31 10:00' +%s
    assert_eq!(seen.i64().unwrap().get(0), Some(1_580_464_800_000_000));
    for (note, there) in [("raw: left out", true), ("seen: times with a zone", true), ("price: 1 infinite", true)] {
        assert_eq!(has_note(&data, note), there, "{note}: {:?}", data.notes);
    }
    assert_eq!(data.source, format!("postgres://ana:***@127.0.0.1:{port}/postgres?table=shop.Orders"));
    assert_eq!(data.fingerprint, read(format!("{address}?table=shop.Orders")).unwrap().fingerprint);
    assert_ne!(
        data.fingerprint,
        read(format!("{address}?query=SELECT * FROM shop.\"Orders\" WHERE id > 0")).unwrap().fingerprint
    );

    // By variables, service file and password file; over TLS checked and not, and without.
    let (code, answer, said) = with(
        &usual,
        &["profile", "postgresql:///?query=SELECT count(*) AS n, code FROM shop.\"Orders\" GROUP BY code"],
    );
    assert_eq!((code, &answer["rows"]), (Some(0), &1000.into()), "{said}");
    let certificate = server.certificate.display().to_string();
    for more in [
        vec![("PGSSLMODE", "disable")],
        vec![("PGSSLMODE", "require")],
        vec![("PGSSLMODE", "verify-full"), ("PGSSLROOTCERT", certificate.as_str())],
    ] {
        let (code, _, said) = with(&[&usual[..], &more].concat(), &["profile", "postgresql:///?table=big"]);
        assert_eq!(code, Some(0), "{more:?}: {said}");
    }
    for more in [
        vec![("PGSSLMODE", "verify-full")],
        vec![("PGSSLMODE", "verify-full"), ("PGSSLROOTCERT", certificate.as_str()), ("PGHOST", "127.0.0.1")],
    ] {
        let (code, _, said) = with(&[&usual[..], &more].concat(), &["profile", "postgresql:///?table=big"]);
        assert!(code == Some(4) && said.contains("certificate"), "{more:?}: {said}");
    }
    house.write(
        ".pg_service.conf",
        format!("[mine]\nhost={}\nport={port}\nuser=ana\ndbname=postgres\n", server.dir.display()),
    );
    house.write(".pgpass", format!("*:{port}:*:ana:s3cret\\:\\\\pw\n"));
    {
        use std::os::unix::fs::PermissionsExt;
        let path = house.path().join(".pgpass");
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
        // The socket's folder belongs to the server's user.
        let (code, _, said) = with(&[("PGSERVICE", "mine")], &["profile", "postgresql:///?table=big"]);
        assert_eq!(code, Some(0), "{said}");
    }

    // What cannot be is told apart by exit code.
    for (variables, source, code, word) in [
        (vec![("PGPASSWORD", "s3cret wrong")], "postgresql:///?table=big", 4, "authentication"),
        (vec![("PGDATABASE", "gone")], "postgresql:///?table=big", 4, "gone"),
        (vec![("PGPORT", "1")], "postgresql:///?table=big", 4, "refused"),
        (vec![], "postgresql:///?table=gone", 3, "gone"),
        (vec![], "postgresql:///?query=SELEC 1", 3, "syntax"),
        (vec![], "postgresql:///?query=DELETE FROM big RETURNING n", 2, "read-only"),
        (vec![], "postgresql:///?query=SELECT 1; DROP TABLE big", 3, "multiple commands"),
        (vec![], "postgresql:///?query=SELECT 1) TO STDOUT; DROP TABLE big; COPY (SELECT 1", 3, "syntax"),
        (vec![], "postgresql:///", 2, "names no table"),
    ] {
        let (found, _, said) = with(&[&usual[..], &variables].concat(), &["profile", source]);
        assert!(found == Some(code) && said.contains(word), "{source}: {found:?} {said}");
    }
    assert_eq!(client.query_one("SELECT count(*) FROM big", &[]).unwrap().get::<_, i64>(0), 200_000);

    // A connection that breaks half-way is reported, and nothing is recorded.
    let proxy = CutProxy::new(server.port, 3_000_000, 1000);
    let cut = proxy.port.to_string();
    let broken = [&usual[..], &[("PGPORT", cut.as_str()), ("PGSSLMODE", "disable"), ("PGHOST", "127.0.0.1")]].concat();
    let (code, _, said) = with(&broken, &["train", "postgresql:///?table=big", "--target", "n"]);
    assert!(code == Some(4) && said.contains("rows") && said.contains("recorded"), "{code:?} {said}");
    let (_, runs, _) = with(&[], &["runs"]);
    assert!(!runs.to_string().contains("model"), "{runs}");

    // A flow would record a password, so it is refused; a cancel reaches the server.
    let (code, _, said) = with(&[], &["train", &format!("{address}?table=big"), "--target", "n"]);
    assert!(code == Some(2) && said.contains("recorded"), "{said}");
    let control = Control::default();
    let stopper = control.clone();
    std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(500));
        stopper.cancel();
    });
    let slow = format!("{address}?query=SELECT pg_sleep(600) AS a");
    assert_eq!(load(&slow, &LoadOptions::default(), &control).unwrap_err().kind, Kind::Cancelled);
}
