//! What each rule counts, told by a small table.

use chrono::{DateTime, Utc};

use super::*;
use crate::data::{Dataset, LoadOptions, Severity, load};
use crate::engine::Control;

fn table(csv: &str) -> Dataset {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.csv");
    std::fs::write(&path, csv).unwrap();
    load(path.to_str().unwrap(), &LoadOptions::default(), &Control::default()).unwrap()
}

fn now() -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("2020-03-10T12:00:00Z").unwrap().to_utc()
}

fn report(data: &Dataset, rules: &str) -> Report {
    let contract = Contract::parse(&format!("name = 't'\n{rules}")).unwrap();
    check(data, &contract, now(), &Control::default()).unwrap()
}

/// The only rule of that kind.
fn only(data: &Dataset, rules: &str, kind: &str) -> Outcome {
    let report = report(data, rules);
    let mut found = report.rules.into_iter().filter(|r| r.kind == kind);
    let outcome = found.next().unwrap();
    assert!(found.next().is_none());
    outcome
}

const TRIPS: &str = "id,fare,flag,start,end,day\n\
                     1,5.5,Y,2020-03-01 10:00:00,2020-03-01 10:10:00,2020-03-08\n\
                     2,-2,N,2020-03-01 11:00:00,2020-03-01 10:59:00,2020-03-09\n\
                     2,300,X,2020-03-02 10:00:00,,2020-03-01\n\
                     4,,yes,2020-03-02 12:00:00,2020-03-02 12:00:00,\n";

#[test]
fn every_rule_counts_its_rows() {
    let data = table(TRIPS);
    let rule = |column: &str, rule: &str| format!("[[column]]\nname = '{column}'\n{rule}\n");
    let counts = |o: &Outcome| (o.checked, o.failing, o.verdict);
    let failing = |column: &str, text: &str, kind: &str| counts(&only(&data, &rule(column, text), kind));
    use Verdict::{Fail, Pass};
    assert_eq!(failing("fare", "range = { min = 0, max = 250 }", "range"), (3, 2, Fail));
    assert_eq!(failing("fare", "range = { min = -2, max = 300 }", "range"), (3, 0, Pass));
    assert_eq!(failing("fare", "range = { min = -2, max = 299.9, mostly = 0.66 }", "range"), (3, 1, Pass));
    assert_eq!(failing("fare", "not_null = {}", "not_null"), (4, 1, Fail));
    assert_eq!(failing("fare", "not_null = { mostly = 0.75 }", "not_null"), (4, 1, Pass));
    assert_eq!(failing("id", "unique = {}", "unique"), (4, 1, Fail));
    assert_eq!(failing("flag", "values = { of = ['Y', 'N'] }", "values"), (4, 2, Fail));
    assert_eq!(failing("id", "values = { of = [1, 2, 4] }", "values"), (4, 0, Pass));
    assert_eq!(failing("id", "values = { of = ['1', '2'] }", "values"), (4, 1, Fail));
    assert_eq!(failing("flag", "pattern = { regex = '^[A-Z]$' }", "pattern"), (4, 1, Fail));
    assert_eq!(failing("flag", "length = { max = 1 }", "length"), (4, 1, Fail));
    assert_eq!(failing("day", "range = { min = 2020-03-02 }", "range"), (3, 1, Fail));
    // A whole day as the upper bound of moments is all of that day.
    assert_eq!(failing("start", "range = { max = '2020-03-02' }", "range"), (4, 0, Pass));
    assert_eq!(failing("start", "range = { max = '2020-03-02 11:00:00' }", "range"), (4, 1, Fail));

    let order = "[[relation]]\nname = 'in order'\ncondition = '\"end\" >= start'\n";
    let broken = only(&data, order, "relation");
    // The row without an end cannot be told.
    assert_eq!(counts(&broken), (3, 1, Fail));
    assert_eq!(broken.examples[0].row, 2);
    assert!(broken.examples[0].value.contains("start 2020-03-01 11:00"), "{:?}", broken.examples);
    let keys = only(&data, "[[unique]]\ncolumns = ['id', 'flag']\n", "unique");
    assert_eq!(counts(&keys), (4, 0, Pass));
    let keys = only(&data, "[[unique]]\ncolumns = ['id']\n", "unique");
    assert_eq!((keys.failing, keys.examples[0].row), (1, 3));
}

#[test]
fn the_table_itself_has_rules() {
    let data = table(TRIPS);
    let verdict = |rules: &str, kind: &str| only(&data, rules, kind).verdict;
    assert_eq!(verdict("[rows]\nmin = 4\nmax = 4\n", "rows"), Verdict::Pass);
    assert_eq!(verdict("[rows]\nmin = 5\n", "rows"), Verdict::Fail);
    assert_eq!(verdict("[[column]]\nname = 'gone'\n", "column"), Verdict::Fail);
    assert_eq!(verdict("[[column]]\nname = 'gone'\nrequired = false\nunique = {}\n", "column"), Verdict::Skipped);
    assert_eq!(verdict("extra_columns = 'refuse'\n[[column]]\nname = 'id'\n", "extra_columns"), Verdict::Fail);
    for (kind, fits) in [("number", true), ("integer", false), ("text", true), ("date", false)] {
        let rules = format!("[[column]]\nname = 'fare'\ntype = '{kind}'\n");
        assert_eq!(verdict(&rules, "type") == Verdict::Pass, fits, "{kind}");
    }
    assert_eq!(verdict("[[column]]\nname = 'start'\nmeaning = 'datetime'\n", "meaning"), Verdict::Pass);
}

#[test]
fn freshness_is_measured_against_the_moment_that_is_stated() {
    let data = table(TRIPS);
    let fresh = |column: &str, within: &str| {
        only(&data, &format!("[[column]]\nname = '{column}'\nfresh = {{ within = '{within}' }}\n"), "fresh")
    };
    // The newest day is the 9th, which ends 12 hours before now.
    assert_eq!((fresh("day", "12h").verdict, fresh("day", "11h").verdict), (Verdict::Pass, Verdict::Fail));
    // The newest start is the 2nd at noon, eight days before now.
    assert_eq!((fresh("start", "8d").verdict, fresh("start", "7d").verdict), (Verdict::Pass, Verdict::Fail));
    assert!(fresh("start", "7d").message.contains("8 days old"), "{}", fresh("start", "7d").message);
    assert_eq!(fresh("fare", "8d").verdict, Verdict::Fail);
}

#[test]
fn what_cannot_be_checked_is_broken() {
    let data = table(TRIPS);
    for rules in [
        "[[column]]\nname = 'flag'\nrange = { min = 0 }\n",
        "[[column]]\nname = 'fare'\nrange = { min = 2020-01-01 }\n",
        "[[relation]]\nname = 'r'\ncondition = 'nope > 1'\n",
        "[[relation]]\nname = 'r'\ncondition = 'fare + 1'\n",
        "[[relation]]\nname = 'r'\ncondition = 'fare > AVG(fare)'\n",
        "[[unique]]\ncolumns = ['nope']\n",
    ] {
        let report = report(&data, rules);
        assert_eq!(report.verdict, Verdict::Fail, "{rules}");
        assert!(report.rules.iter().any(|r| r.message.starts_with("cannot be checked")), "{:#?}", report.rules);
    }
}

#[test]
fn severities_decide_the_verdict_and_junit_follows() {
    let data = table(TRIPS);
    let rules = "[[column]]\nname = 'fare'\nrange = { min = 0, severity = 'warning', why = 'refunds <are> \"rare\"' }\n\
                 [[column]]\nname = 'day'\nrequired = false\n[[column]]\nname = 'gone'\nrequired = false\n";
    let report = report(&data, rules);
    assert_eq!(report.verdict, Verdict::Pass);
    assert_eq!(report.broken(Severity::Warning).count(), 1);
    let calm = junit(&report, Some(Severity::Serious));
    assert!(calm.contains("failures=\"0\"") && calm.contains("<system-out>") && calm.contains("<skipped"), "{calm}");
    let strict = junit(&report, Some(Severity::Warning));
    assert!(strict.contains("failures=\"1\"") && strict.contains("refunds &lt;are&gt; &quot;rare&quot;"), "{strict}");
    assert!(!strict.contains('\u{1b}'));
}

#[test]
fn escapes_in_values_are_shown_harmless() {
    let data = table(&format!("t\n\u{1b}[31mred\n{}", "blue\n".repeat(20)));
    let broken = only(&data, "[[column]]\nname = 't'\nvalues = { of = ['blue'] }\n", "values");
    assert_eq!(broken.examples[0].value, "␛[31mred");
}

#[test]
fn another_contract_has_another_digest() {
    let digest = |text: &str| Contract::parse(text).unwrap().digest().unwrap();
    assert_eq!(digest("name = 'a'"), digest("# a comment\nname = 'a'\n"));
    assert_ne!(digest("name = 'a'"), digest("name = 'b'"));
}
