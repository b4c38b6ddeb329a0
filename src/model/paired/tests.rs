use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;

use super::*;

/// Made by `tests/python/reference_tests.py`.
#[derive(Deserialize)]
struct Reference {
    delong: Vec<DeLongCase>,
    mcnemar: Vec<McNemarCase>,
    folds: Vec<FoldsCase>,
    bca: Vec<BcaCase>,
}

#[derive(Deserialize)]
struct DeLongCase {
    truth: Vec<usize>,
    a: Vec<f64>,
    b: Vec<f64>,
    auc: f64,
    interval: (f64, f64),
    difference: f64,
    low: f64,
    high: f64,
    p: f64,
}

#[derive(Deserialize)]
struct McNemarCase {
    counts: [usize; 4],
    difference: f64,
    low: f64,
    high: f64,
    p: f64,
}

#[derive(Deserialize)]
struct FoldsCase {
    a: Vec<f64>,
    b: Vec<f64>,
    ratio: f64,
    difference: f64,
    low: f64,
    high: f64,
    p: f64,
}

#[derive(Deserialize)]
struct BcaCase {
    repeats: Vec<f64>,
    value: f64,
    left_out: Vec<f64>,
    percentile: (f64, f64),
    bca: (f64, f64),
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("../../../tests/reference/tests.json")).unwrap()
}

fn near(a: f64, b: f64, what: &str) {
    assert!((a - b).abs() <= 1e-9 * b.abs().max(1.0), "{what}: {a} is not {b}");
}

fn two_classes(positive: &[f64]) -> Prediction {
    Prediction {
        scores: Array2::from_shape_fn(
            (positive.len(), 2),
            |(i, k)| {
                if k == 1 { positive[i] } else { 1.0 - positive[i] }
            },
        ),
    }
}

fn numbers(values: &[f64]) -> Prediction {
    Prediction { scores: Array2::from_shape_fn((values.len(), 1), |(i, _)| values[i]) }
}

fn uniform(n: usize, seed: u64) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..n).map(|_| rng.random_range(0.0..1.0)).collect()
}

/// Standard normal numbers (Box and Muller 1958).
fn normal(n: usize, seed: u64) -> Vec<f64> {
    let (u, v) = (uniform(n, seed), uniform(n, seed + 1_000_000));
    u.iter().zip(v).map(|(u, v)| (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos()).collect()
}

fn compare(metric: &str, truth: &Target, a: &Prediction, b: &Prediction, groups: Option<&[u32]>) -> PairedTest {
    paired(metric, truth, a, b, groups, 5, &Control::default()).unwrap()
}

#[test]
fn delong_equals_its_definition() {
    for case in reference().delong {
        let positive: Vec<bool> = case.truth.iter().map(|c| *c == 1).collect();
        let placed = Placements::new(&positive, &case.a).unwrap();
        near(placed.auc(), case.auc, "AUC");
        let (low, high) = placed.interval().unwrap();
        near(low, case.interval.0, "low");
        near(high, case.interval.1, "high");
        let truth = Target::Classes { codes: case.truth, count: 2 };
        let test = compare("roc_auc", &truth, &two_classes(&case.a), &two_classes(&case.b), None);
        assert_eq!(test.method, Method::DeLong);
        near(test.difference, case.difference, "difference");
        near(test.low, case.low, "low");
        near(test.high, case.high, "high");
        near(test.p.unwrap(), case.p, "p");
        assert_eq!(test.real, case.p < 0.05);
    }
}

#[test]
fn mcnemar_equals_scipys_exact_test() {
    for case in reference().mcnemar {
        let [e, f, g, h] = case.counts;
        let pairs = [(true, true, e), (true, false, f), (false, true, g), (false, false, h)];
        let of = |pick: fn(&(bool, bool, usize)) -> bool| -> Vec<bool> {
            pairs.iter().flat_map(|pair| std::iter::repeat_n(pick(pair), pair.2)).collect()
        };
        let (first, second) = (of(|p| p.0), of(|p| p.1));
        let test = mcnemar(&first, &second).unwrap();
        near(test.difference, case.difference, "difference");
        near(test.low, case.low, "low");
        near(test.high, case.high, "high");
        near(test.p, case.p, "p");
        // The same by way of predictions: the second class is always true.
        let scores = |right: &[bool]| two_classes(&right.iter().map(|r| f64::from(u8::from(*r))).collect::<Vec<_>>());
        let truth = Target::Classes { codes: vec![1; first.len()], count: 2 };
        let said = compare("accuracy", &truth, &scores(&first), &scores(&second), None);
        assert_eq!((said.method, said.low, said.p), (Method::McNemar, test.low, Some(test.p)));
        let turned = compare("zero_one_loss", &truth, &scores(&first), &scores(&second), None);
        assert_eq!((turned.low, turned.difference), (-said.high, -said.difference));
    }
    assert_eq!(mcnemar(&[], &[]), None);
}

#[test]
fn folds_equal_the_corrected_t() {
    for case in reference().folds {
        let test = corrected_t(&case.a, &case.b, case.ratio).unwrap();
        near(test.difference, case.difference, "difference");
        near(test.low, case.low, "low");
        near(test.high, case.high, "high");
        near(test.p, case.p, "p");
    }
    assert_eq!(corrected_t(&[0.5, f64::NAN], &[0.4, 0.4], 0.5), None);
    let same = corrected_t(&[0.5, 0.6], &[0.5, 0.6], 0.5).unwrap();
    assert_eq!((same.difference, same.p), (0.0, 1.0));
}

#[test]
fn bootstrap_intervals_equal_scipys() {
    for case in reference().bca {
        let (low, high) = percentile_interval(case.repeats.clone(), case.value, 1.0, 0.025).unwrap();
        near(low, case.percentile.0, "percentile");
        near(high, case.percentile.1, "percentile");
        let (low, high) = bca_interval(case.repeats, case.value, &case.left_out, 0.025).unwrap();
        near(low, case.bca.0, "BCa");
        near(high, case.bca.1, "BCa");
    }
}

#[test]
fn groups_ask_for_the_bootstrap_over_groups() {
    let truth = Target::Classes { codes: (0..60).map(|i| i % 2).collect(), count: 2 };
    let (a, b) = (two_classes(&uniform(60, 1)), two_classes(&uniform(60, 2)));
    let groups: Vec<u32> = (0..60).map(|i| i / 6).collect();
    for metric in ["roc_auc", "accuracy", "log_loss"] {
        assert_eq!(compare(metric, &truth, &a, &b, Some(&groups)).method, Method::GroupBootstrap);
    }
    assert_eq!(compare("log_loss", &truth, &a, &b, None).method, Method::PairedBootstrap);
}

#[test]
fn a_model_does_not_differ_from_itself_and_a_worse_one_does() {
    let truth = uniform(400, 1);
    let good: Vec<f64> = truth.iter().zip(uniform(400, 2)).map(|(t, e)| t + 0.1 * (e - 0.5)).collect();
    let bad: Vec<f64> = truth.iter().zip(uniform(400, 3)).map(|(t, e)| t + 0.5 * (e - 0.5)).collect();
    let truth = Target::Numbers(truth);
    let same = compare("mae", &truth, &numbers(&good), &numbers(&good), None);
    assert_eq!((same.difference, same.low, same.high, same.real), (0.0, 0.0, 0.0, false));
    let other = compare("mae", &truth, &numbers(&good), &numbers(&bad), None);
    assert!(other.real && other.high < 0.0, "{other:?}");
    let turned = compare("mae", &truth, &numbers(&bad), &numbers(&good), None);
    assert!(turned.real && turned.low > 0.0, "{turned:?}");
    let labels = Target::Classes { codes: (0..40).map(|i| i % 2).collect(), count: 2 };
    let scores = two_classes(&uniform(40, 9));
    let auc = compare("roc_auc", &labels, &scores, &scores, None);
    assert_eq!((auc.difference, auc.p, auc.real), (0.0, Some(1.0), false));
}

#[test]
fn a_cancelled_comparison_ends() {
    let control = Control::default();
    control.cancel();
    let truth = Target::Numbers(vec![0.0; 30]);
    let zeros = numbers(&[0.0; 30]);
    assert!(paired("mae", &truth, &zeros, &zeros, None, 1, &control).is_err());
}

/// How often an interval holds the truth in 500 simulated repeats. With 95 % the count lies in 93 to 97 % of 500 in 97 of 100
/// simulations; the seeds are fixed.
fn covers(what: &str, interval: impl Fn(u64) -> (f64, f64) + Sync, truth: f64) {
    let hits: usize = (0..500u64)
        .into_par_iter()
        .map(|seed| {
            let (low, high) = interval(seed * 10);
            usize::from(low <= truth && truth <= high)
        })
        .sum();
    println!("{what}: {hits} of 500 intervals hold the truth");
    assert!((465..=485).contains(&hits), "{what}: {hits} of 500 intervals hold the truth");
}

/// 60 positives and 90 negatives whose scores lie one deviation apart: an AUC of Φ(1/√2).
fn scored(seed: u64, apart: f64) -> (Vec<bool>, Vec<f64>) {
    let truth: Vec<bool> = (0..150).map(|i| i < 60).collect();
    let scores = truth.iter().zip(normal(150, seed)).map(|(t, e)| if *t { apart + e } else { e }).collect();
    (truth, scores)
}

#[test]
fn delongs_intervals_cover() {
    let one = |seed| {
        let (truth, scores) = scored(seed, 1.0);
        Placements::new(&truth, &scores).unwrap().interval().unwrap()
    };
    covers("DeLong, one AUC", one, 0.760_249_938_906_523_6);
    let two = |seed| {
        let (truth, a) = scored(seed, 1.0);
        // Half of the noise is shared, as between two models of one table.
        let b: Vec<f64> = a.iter().zip(normal(150, seed + 5)).map(|(a, e)| 0.5 * a + 0.75_f64.sqrt() * e).collect();
        let d = Placements::new(&truth, &a).unwrap().less(&Placements::new(&truth, &b).unwrap()).unwrap();
        (d.low, d.high)
    };
    // Φ(1/√2) - Φ(0.5/√2).
    covers("DeLong, two AUCs", two, 0.760_249_938_906_523_6 - 0.638_163_195_084_118_5);
}

#[test]
fn bootstrap_intervals_cover() {
    let errors = |seed: u64| -> (Target, Prediction, Prediction) {
        let (a, b) = (normal(120, seed), normal(120, seed + 3));
        let b: Vec<f64> = a.iter().zip(b).map(|(a, b)| 0.8 * a + 0.9 * b).collect();
        (Target::Numbers(vec![0.0; 120]), numbers(&a), numbers(&b))
    };
    let mae = |seed: u64| {
        let (truth, a, b) = errors(seed);
        let test = paired("mae", &truth, &a, &b, None, seed, &Control::default()).unwrap();
        (test.low, test.high)
    };
    // The mean of |N(0, σ²)| is σ√(2/π), and σ² is 1 and 0.64 + 0.81.
    let of = |variance: f64| (2.0 * variance / std::f64::consts::PI).sqrt();
    covers("BCa, difference of MAE", mae, of(1.0) - of(1.45));
    // 120 groups of four rows that share most of their error: single rows as units would cover far less.
    let grouped = |seed: u64| {
        let (shared, own, coin) = (normal(120, seed), normal(480, seed + 3), uniform(120, seed + 4));
        let a: Vec<f64> = own.iter().enumerate().map(|(i, e)| 0.8 * shared[i / 4] + 0.6 * e).collect();
        let b: Vec<f64> = a.iter().enumerate().map(|(i, a)| if coin[i / 4] < 0.5 { 0.5 * a } else { *a }).collect();
        let truth = Target::Numbers(vec![0.0; 480]);
        let groups: Vec<u32> = (0..480).map(|i| i / 4).collect();
        let test = paired("mae", &truth, &numbers(&a), &numbers(&b), Some(&groups), seed, &Control::default());
        let test = test.unwrap();
        (test.low, test.high)
    };
    // Half of the groups, by chance, have half the error.
    covers("BCa over groups, difference of MAE", grouped, of(1.0) / 4.0);
}
