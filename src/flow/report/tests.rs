use super::*;

fn report(csv: &str, target: Option<&str>) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    std::fs::write(&path, csv).unwrap();
    let control = Control::default();
    let dataset = data::load(path.to_str().unwrap(), &LoadOptions::default(), &control).unwrap();
    make(&dataset, target, &control).unwrap()
}

/// A table whose names and values try to break out of every format.
fn evil() -> Report {
    let mut csv = String::from("\"<script>alert(1)</script>\",\"a|b`c\",\"x]]>&\",y\n");
    for i in 0..60 {
        csv.push_str(&format!(
            "\"</td><img src=x onerror=alert({})>\",\"|{}|\n\",\"\u{1b}[2J{}\",{}\n",
            i % 3,
            i % 4,
            i % 2,
            i % 5
        ));
    }
    report(&csv, None)
}

#[test]
fn no_format_lets_data_be_markup() {
    let report = evil();
    let html = report.write(Format::Html).unwrap();
    assert!(!html.contains("<script") && !html.contains("<img") && !html.contains('\u{1b}'));
    assert_eq!(html.matches("</html>").count(), 1);
    // Nothing is fetched: no address but the name spaces of the page itself.
    assert!(!html.contains("http://") && !html.contains("https://") && !html.contains("url("));
    let markdown = report.write(Format::Markdown).unwrap();
    assert!(!markdown.contains("<script") && !markdown.contains("<img") && !markdown.contains('\u{1b}'));
    for line in markdown.lines().filter(|l| l.starts_with('|')) {
        // Bars within cells are escaped, so every row of a table keeps its number of cells.
        let bars = line.replace("\\\\", "").replace("\\|", "").matches('|').count();
        assert!([3, 6, 11].contains(&bars), "{line}");
    }
    let junit = report.write(Format::Junit(Severity::Note)).unwrap();
    assert!(!junit.contains("<script") && !junit.contains("]]>") && !junit.contains('\u{1b}'));
}

#[test]
fn json_is_a_profile_with_more() {
    let report = report(
        &format!("a,b\n{}", (0..50).map(|i| format!("{},{}\n", i * 7 % 50, i * 7 % 50 * 2)).collect::<String>()),
        None,
    );
    let json: serde_json::Value = serde_json::from_str(&report.write(Format::Json).unwrap()).unwrap();
    assert_eq!(json["rows"], 50);
    assert_eq!(json["associations"]["strength"][0][1], 1.0);
    assert!(json["findings"].is_array() && json["missingness"]["blocks"].is_array());
    let profile: Profile = serde_json::from_value(json).unwrap();
    assert_eq!(profile, report.profile);
}

#[test]
fn junit_fails_at_its_bound_and_names_every_check() {
    let report = report("a,b\n1,x\n1,y\n1,x\n", None);
    let count = |bound| {
        let text = report.write(Format::Junit(bound)).unwrap();
        let failures = text.matches("<failure ").count();
        assert!(text.contains(&format!("failures=\"{failures}\"")), "{text}");
        (failures, text.matches("<testcase ").count())
    };
    let (notes, cases) = count(Severity::Note);
    assert_eq!(notes, report.profile.findings.len());
    for bound in Severity::ALL {
        let worse = report.profile.findings.iter().filter(|f| f.severity >= bound).count();
        assert_eq!(count(bound), (worse, cases), "{bound}");
    }
    assert!(notes > count(Severity::Blocking).0 && cases > 20);
}

#[test]
fn the_page_says_what_it_rests_on() {
    let html = report("a,b\n1,x\n2,y\n3,x\n", None).write(Format::Html).unwrap();
    assert!(html.contains("Associations are computed on all 3 rows"));
    assert!(
        html.contains("prefers-color-scheme") && html.contains("@media print") && html.contains("<html lang=\"en\">")
    );
}

/// A table that is streamed gives the report of the loaded one, but for what a sample gives; and it says so.
#[test]
fn a_large_table_is_streamed_into_its_report() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.csv");
    let rows: String = (0..6000).map(|i| format!("{i},{},{}\n", i % 7, if i < 3000 { "" } else { "x" })).collect();
    std::fs::write(&path, format!("n,k,late\n{rows}")).unwrap();
    let source = path.to_str().unwrap();
    let limits = data::Limits { from_bytes: 0, sample_rows: 1000, ..data::Limits::default() };
    let streamed = of_source(source, None, &limits, &Control::default()).unwrap();
    let whole = of_source(source, None, &data::Limits::default(), &Control::default()).unwrap();
    assert_eq!(streamed.profile.columns, whole.profile.columns);
    assert_eq!((streamed.associations.rows, streamed.associations.of, whole.associations.rows), (1000, 6000, 6000));
    assert!(
        streamed.missingness.blocks.last().unwrap().label.ends_with("to 6000"),
        "{:?}",
        streamed.missingness.blocks
    );
    assert!(streamed.missingness.blocks[0].label.starts_with("about rows 1 to"), "{:?}", streamed.missingness.blocks);
    assert!(streamed.write(Format::Html).unwrap().contains("from 6,000, the map of missing values on 1,000"));
    assert!(!whole.write(Format::Html).unwrap().contains("the map of missing values on"));
}
