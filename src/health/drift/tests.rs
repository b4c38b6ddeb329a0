use polars::prelude::*;
use rand::Rng;
use rayon::prelude::*;

use super::super::reference::Bins;
use super::*;
use crate::data::{Meaning, Physical};

fn spec(name: &str, physical: Physical, meaning: Meaning) -> ColumnSpec {
    ColumnSpec { name: name.to_owned(), physical, meaning, missing_spellings: Vec::new(), date_format: None }
}

fn numbers(values: Vec<f64>) -> DataFrame {
    frame(vec![Column::new("x".into(), values)])
}

fn frame(columns: Vec<Column>) -> DataFrame {
    DataFrame::new(columns.first().map_or(0, Column::len), columns).unwrap()
}

fn number_spec() -> Vec<ColumnSpec> {
    vec![spec("x", Physical::Float, Meaning::Number)]
}

/// A normal deviate by Box and Muller.
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (u, v): (f64, f64) = (rng.random::<f64>().max(1e-300), rng.random());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

fn sample(n: usize, shift: f64, rng: &mut ChaCha8Rng) -> Vec<f64> {
    (0..n).map(|_| normal(rng) + shift).collect()
}

fn check(reference: &DataFrame, current: &DataFrame, specs: &[ColumnSpec]) -> DriftReport {
    drift(reference, current, specs, &DriftOptions::default(), &Control::default()).unwrap()
}

/// How often p falls below 0.05, and how often drift is called, for a shift of the mean.
fn rates(n_ref: usize, n_cur: usize, shift: f64, repeats: u64) -> (f64, f64) {
    let calls = (0..repeats).into_par_iter().map(|repeat| {
        let mut rng = ChaCha8Rng::seed_from_u64(1000 + repeat);
        let reference = numbers(sample(n_ref, 0.0, &mut rng));
        let current = numbers(sample(n_cur, shift, &mut rng));
        let report = check(&reference, &current, &number_spec());
        (u64::from(report.columns[0].p <= 0.05), u64::from(report.columns[0].drifted))
    });
    let (small, called) = calls.reduce(|| (0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    (small as f64 / repeats as f64, called as f64 / repeats as f64)
}

#[test]
fn false_alarms_stay_near_five_percent_at_every_size() {
    for n_cur in [50, 100, 200, 500, 1000, 5000] {
        let (small, called) = rates(5000, n_cur, 0.0, 600);
        println!("n_cur {n_cur}: p <= 0.05 in {small}, called {called}");
        // 600 repeats have a standard error of 0.009.
        assert!(small <= 0.07, "{n_cur}: {small}");
        assert!(called <= 0.06, "{n_cur}: {called}");
    }
    let (small, _) = rates(300, 300, 0.0, 600);
    println!("300 and 300: {small}");
    assert!(small <= 0.07, "{small}");
}

#[test]
fn a_shift_of_half_a_deviation_is_found() {
    for (n_cur, least) in [(50, 0.5), (100, 0.9), (500, 0.99), (5000, 0.99)] {
        let (_, called) = rates(5000, n_cur, 0.5, 100);
        println!("n_cur {n_cur}: called {called}");
        assert!(called >= least, "{n_cur}: {called}");
    }
}

#[test]
fn a_million_rows_do_not_alarm_on_trifles() {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let reference = numbers(sample(200_000, 0.0, &mut rng));
    let current = numbers(sample(200_000, 0.03, &mut rng));
    let report = check(&reference, &current, &number_spec());
    let x = &report.columns[0];
    assert!(x.q < 1e-6 && !x.drifted && report.verdict == Verdict::Stable, "{x:?}");
    assert!(x.message.contains("too little to matter"), "{}", x.message);
    assert!((x.wasserstein.unwrap() - 0.03).abs() < 0.01);
}

#[test]
fn missing_unseen_absent_and_changed_columns_are_drift() {
    let rows = 2000;
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let x = sample(rows, 0.0, &mut rng);
    let cities: Vec<&str> = (0..rows).map(|i| ["lyon", "nice", "metz"][i % 3]).collect();
    let flags: Vec<bool> = (0..rows).map(|i| i % 4 == 0).collect();
    let reference = frame(vec![
        Column::new("x".into(), x.clone()),
        Column::new("y".into(), x.clone()),
        Column::new("z".into(), x.clone()),
        Column::new("same".into(), x.clone()),
        Column::new("city".into(), cities.clone()),
        Column::new("flag".into(), flags),
    ]);
    let current = frame(vec![
        Column::new("x".into(), x.iter().enumerate().map(|(i, v)| (i % 3 != 0).then_some(*v)).collect::<Vec<_>>()),
        Column::new("z".into(), cities.clone()),
        Column::new("same".into(), x.iter().rev().copied().collect::<Vec<_>>()),
        Column::new("city".into(), (0..rows).map(|i| if i % 5 == 0 { "brest" } else { cities[i] }).collect::<Vec<_>>()),
        Column::new("flag".into(), (0..rows as i64).map(|i| i64::from(i % 4 == 0)).collect::<Vec<_>>()),
    ]);
    let specs = vec![
        spec("x", Physical::Float, Meaning::Number),
        spec("y", Physical::Float, Meaning::Number),
        spec("z", Physical::Float, Meaning::Number),
        spec("same", Physical::Float, Meaning::Number),
        spec("city", Physical::String, Meaning::Category),
        spec("flag", Physical::Boolean, Meaning::Boolean),
    ];
    let report = check(&reference, &current, &specs);
    let by = |name: &str| report.columns.iter().find(|c| c.name == name).unwrap();
    let names: Vec<&str> = report.columns.iter().filter(|c| c.drifted).map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["x", "y", "z", "city"]);
    assert!((by("x").missing_current - 0.3335).abs() < 1e-3 && by("x").message.contains("missing 33% instead of 0%"));
    assert_eq!((by("y").method, by("z").method), (Method::Absent, Method::ChangedKind));
    assert!(by("y").message.contains("absent") && by("z").message.contains("holds text"));
    assert!((by("city").unseen - 0.2).abs() < 1e-9);
    assert!((report.out_of_support - 0.2).abs() < 1e-9);
    // A boolean stored as 0 and 1 is the same boolean.
    assert_eq!(by("flag").effect, 0.0);
    assert!(by("same").effect < 1e-12 && !by("same").drifted);
    let json: serde_json::Value = serde_json::to_value(&report).unwrap();
    assert_eq!(json["verdict"], "drift");
    assert_eq!(json["columns"][1]["method"], "absent");
    assert!(json["columns"][0]["effect"].is_f64() && json["rows_reference"] == 2000);
}

#[test]
fn a_constant_column_that_moves_is_drift() {
    let report = check(&numbers(vec![3.0; 500]), &numbers(vec![4.0; 500]), &number_spec());
    assert!(report.columns[0].drifted && report.columns[0].unseen == 1.0);
    let report = check(&numbers(vec![3.0; 500]), &numbers(vec![3.0; 70]), &number_spec());
    assert!(!report.columns[0].drifted && report.columns[0].p == 1.0);
}

#[test]
fn a_stored_reference_gives_the_same_report() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let (reference, current) = (numbers(sample(3000, 0.0, &mut rng)), numbers(sample(90, 0.4, &mut rng)));
    let fitted = DriftReference::fit(&reference, &number_spec(), &Control::default()).unwrap();
    assert!(matches!(&fitted.columns[0].bins, Bins::Quantiles { edges, .. } if edges.len() == 9));
    let json = serde_json::to_string(&fitted).unwrap();
    assert!(json.len() < 40_000, "{}", json.len());
    let stored: DriftReference = serde_json::from_str(&json).unwrap();
    let compare = |r: &DriftReference| r.compare(&current, &DriftOptions::default(), &Control::default()).unwrap();
    assert_eq!(compare(&stored), compare(&fitted));
    assert_eq!(compare(&fitted), check(&reference, &current, &number_spec()));
}

#[test]
fn one_drifted_column_among_many_is_found() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let names: Vec<String> = (0..60).map(|i| format!("c{i}")).collect();
    let table = |n: usize, shift: f64, rng: &mut ChaCha8Rng| {
        frame(
            names
                .iter()
                .enumerate()
                .map(|(i, c)| Column::new(c.into(), sample(n, if i == 7 { shift } else { 0.0 }, rng)))
                .collect(),
        )
    };
    let (reference, current) = (table(1000, 0.0, &mut rng), table(100, 1.0, &mut rng));
    let specs: Vec<ColumnSpec> = names.iter().map(|n| spec(n, Physical::Float, Meaning::Number)).collect();
    let report = check(&reference, &current, &specs);
    assert_eq!(report.drifted().iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["c7"]);
}

#[test]
fn odd_tables_give_an_answer_or_a_clear_error() {
    let control = Control::default();
    let options = DriftOptions::default();
    let some = numbers(vec![1.0, 2.0, 3.0]);
    let none = numbers(Vec::new());
    assert!(drift(&none, &some, &number_spec(), &options, &control).unwrap_err().message.contains("no rows"));
    assert!(drift(&some, &none, &number_spec(), &options, &control).unwrap_err().message.contains("no rows"));
    assert!(drift(&some, &some, &[], &options, &control).unwrap_err().message.contains("no column"));
    let odd = numbers(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300, 0.0]);
    for (a, b) in [(&odd, &some), (&some, &odd), (&odd, &odd)] {
        let report = check(a, b, &number_spec());
        assert!(report.columns[0].effect.is_finite());
        assert!(serde_json::to_string(&report).is_ok());
    }
    let missing = frame(vec![Column::full_null("x".into(), 3, &DataType::String)]);
    let report = check(&some, &missing, &number_spec());
    assert_eq!(report.columns[0].missing_current, 1.0);
    control.cancel();
    assert_eq!(
        drift(&some, &some, &number_spec(), &options, &control).unwrap_err().kind,
        crate::error::Kind::Cancelled
    );
}

#[test]
fn texts_and_moments_are_compared_by_presence_only() {
    let words = |n: usize, gap: usize| -> Vec<Option<String>> {
        (0..n).map(|i| (i % gap != 0).then(|| format!("note {i}"))).collect()
    };
    let specs = vec![spec("note", Physical::String, Meaning::Text)];
    let table = |gap| frame(vec![Column::new("note".into(), words(1000, gap))]);
    assert!(!check(&table(10), &table(10), &specs).columns[0].drifted);
    assert!(check(&table(10), &table(2), &specs).columns[0].drifted);
}
