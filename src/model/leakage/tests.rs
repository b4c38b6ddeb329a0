//! Splits with one fault each, and one without.

use super::*;
use crate::data::{LoadOptions, load};
use crate::model::prepare::{PrepareSpec, prepare};

/// A fixed pseudo-random number in 0..n for a row.
fn noise(i: usize, salt: u64, n: u64) -> u64 {
    mix(salt, i as u64) % n
}

fn found(header: &str, rows: usize, row: impl Fn(usize) -> String, split: Split, time: Option<&str>) -> Vec<Finding> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    let text = (0..rows).fold(format!("{header}\n"), |text, i| text + &row(i) + "\n");
    std::fs::write(&path, text).unwrap();
    let data = load(path.to_str().unwrap(), &LoadOptions::default(), &Control::default()).unwrap();
    let spec = PrepareSpec { target: "y".into(), split: Some(split), ..PrepareSpec::default() };
    let prepared = prepare(&data, &spec, &[], 1).unwrap();
    let found = check_split(&data, &prepared, time, &Control::default()).unwrap();
    for f in &found {
        assert!(CHECKS.contains(&&*f.check) && !f.message.is_empty() && !f.remedy.is_empty() && !f.evidence.is_empty());
    }
    found
}

fn checks(found: &[Finding]) -> Vec<&str> {
    found.iter().map(|f| f.check.as_ref()).collect()
}

fn plain(i: usize) -> String {
    format!("{},{},c{},{}", noise(i, 1, 10_000), noise(i, 2, 10_000), noise(i, 3, 4), noise(i, 4, 2))
}

#[test]
fn independent_rows_give_nothing() {
    assert_eq!(checks(&found("a,b,c,y", 600, plain, Split::Random, None)), [""; 0]);
}

#[test]
fn rows_of_both_sides_are_found() {
    let twice = found("a,b,c,y", 600, |i| plain(i / 2), Split::Random, None);
    assert_eq!(checks(&twice), ["split-shared-rows"]);
    assert_eq!((twice[0].severity, twice[0].rows.len()), (Severity::Serious, 10));
    // The same, one column varied: the whole is new, the rest is known.
    let wide = |i: usize| format!("{},{}", noise(i / 2, 7, 10_000), plain(i / 2));
    let near = found("d,a,b,c,y", 600, |i| format!("{}{}", i % 2 + 1, wide(i)), Split::Random, None);
    assert_eq!(checks(&near), ["split-near-duplicates"]);
}

#[test]
fn few_values_agree_by_chance() {
    let coarse = |i: usize| format!("{},{},{}", noise(i, 1, 3), noise(i, 2, 3), noise(i, 4, 2));
    let f = found("a,b,y", 600, coarse, Split::Random, None);
    assert_eq!((checks(&f), f[0].severity), (vec!["split-shared-rows"], Severity::Warning));
}

#[test]
fn entities_of_both_sides_are_found_unless_the_split_keeps_them() {
    let row = |i: usize| format!("{},{}", 1000 + i / 3, plain(i));
    let f = found("customer_id,a,b,c,y", 600, row, Split::Random, None);
    assert_eq!((checks(&f), f[0].severity), (vec!["split-shared-entities"], Severity::Serious));
    let kept = Split::Group { column: "customer_id".into() };
    assert_eq!(checks(&found("customer_id,a,b,c,y", 600, row, kept, None)), [""; 0]);
}

#[test]
fn values_and_associations_that_change_in_time_are_found() {
    let row = |i: usize| {
        let y = noise(i, 4, 2);
        // From row 450 on another colour appears, and `a` turns round.
        let a = if (i < 450) == (y == 1) { noise(i, 1, 60_000) } else { 40_000 + noise(i, 1, 60_000) };
        format!("{i},{a},{},{y}", if i > 500 { "new" } else { ["red", "blue"][i % 2] })
    };
    let split = Split::Time { column: "t".into() };
    let f = found("t,a,c,y", 600, row, split, Some("t"));
    assert_eq!(checks(&f), ["split-new-values", "split-association"]);
    assert_eq!((f[0].column.as_deref(), f[1].column.as_deref()), (Some("c"), Some("a")));
    let f = found("t,a,c,y", 600, row, Split::Random, Some("t"));
    assert_eq!(checks(&f), ["split-time"]);
}

#[test]
fn a_class_that_is_not_judged_is_found() {
    let row = |i: usize| format!("{i},{},{}", noise(i, 1, 900), ["a", "b", "c"][if i < 60 { 2 } else { i % 2 }]);
    let f = found("t,x,y", 600, row, Split::Time { column: "t".into() }, Some("t"));
    assert!(checks(&f).contains(&"split-labels"), "{f:#?}");
}
