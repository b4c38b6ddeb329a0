//! Hand-made and random fitted models with rows to score. Shared with `tests/onnxruntime.rs`, which includes this file by path;
//! both name the crate `house` in the parent module.

use polars::prelude::*;
use rand::Rng;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::house::model::calibration::{Calibration, CalibrationMethod, Curve};
use super::house::model::{Encoding, FeaturePlan, Fitted, FittedModel, InputColumn, Levels, Link, Task, Tree};

/// A model and rows for it.
pub struct Case {
    pub name: String,
    pub model: FittedModel,
    pub rows: DataFrame,
}

fn input(name: &str, encoding: Encoding) -> InputColumn {
    InputColumn { name: name.into(), encoding }
}

fn number(impute: f64, mean: f64, scale: f64, indicator: bool) -> Encoding {
    Encoding::Number { impute: Some(impute), mean, scale, indicator }
}

fn left_missing(mean: f64, scale: f64) -> Encoding {
    Encoding::Number { impute: None, mean, scale, indicator: false }
}

fn words(levels: &[&str], missing: bool) -> Encoding {
    Encoding::OneHot { levels: Levels::Text(levels.iter().map(|l| (*l).into()).collect()), missing }
}

fn codes(levels: &[f64], missing: bool) -> Encoding {
    Encoding::OneHot { levels: Levels::Number(levels.to_vec()), missing }
}

/// Every kind of column, with names that need care.
pub fn plan() -> FeaturePlan {
    FeaturePlan {
        inputs: vec![
            input("age", number(41.5, 43.2, 12.7, true)),
            input("household income", number(50_000.0, 51_234.5, 20_345.6, false)),
            input("smoker", number(0.0, 0.3, 0.458, false)),
            input("visits", number(2.0, 0.0, 1.0, true)),
            input("zone", codes(&[1.0, 4.0, 7.5], true)),
            input("rate/code", codes(&[1.0, 2.0], false)),
            input("city", words(&["København, DK", "Oslo", "São Paulo"], true)),
            input("plan.type", words(&["basic", "premium"], false)),
            input("hole", words(&[], true)),
            input("void", words(&[], false)),
            input("label", words(&["None", "x"], true)),
        ],
    }
}

/// The plan with numbers that stay missing where they are.
pub fn plan_with_gaps() -> FeaturePlan {
    let mut plan = plan();
    plan.inputs[0].encoding = left_missing(43.2, 12.7);
    plan.inputs[3].encoding = left_missing(0.0, 1.0);
    plan
}

/// Rows with missing, unseen and extreme values, stored as loading stores them (floats, integers, booleans, text).
pub fn rows() -> DataFrame {
    let age = [Some(20.0), None, Some(f64::NAN), Some(65.5), Some(1e12), Some(-3.25), Some(41.5), Some(f64::INFINITY)];
    let income = [Some(1.0), Some(2e5), None, Some(-50.5), Some(0.1), Some(51_234.5), Some(7e4), Some(30_000.25)];
    let smoker = [Some(true), Some(false), None, Some(true), Some(false), Some(false), Some(true), None];
    let visits = [Some(0i64), Some(3), None, Some(-1), Some(9_007_199_254_740_993), Some(2), Some(1), Some(0)];
    let zone = [Some(1.0), Some(4.0), Some(7.5), None, Some(9.0), Some(1.5), Some(f64::NAN), Some(4.0)];
    let rate = [Some(1i64), Some(2), Some(3), None, Some(1), Some(0), Some(2), Some(1)];
    let city = [
        Some("Oslo"),
        Some("København, DK"),
        None,
        Some("Atlantis"),
        Some("São Paulo"),
        Some("oslo"),
        Some(" Oslo"),
        None,
    ];
    let plan =
        [Some("basic"), Some("premium"), None, Some("gold"), Some("basic"), Some("premium"), None, Some("\u{1b}[31m")];
    let hole = [None, Some("?"), None, None, Some("y"), None, None, None::<&str>];
    let void = [None, None, Some("a"), None, None, None, None, None::<&str>];
    let label = [Some("None"), Some("x"), Some("y"), Some("x"), Some("None"), Some("x"), Some("z"), Some("x")];
    let columns = vec![
        Column::new("age".into(), age),
        Column::new("household income".into(), income),
        Column::new("smoker".into(), smoker),
        Column::new("visits".into(), visits),
        Column::new("zone".into(), zone),
        Column::new("rate/code".into(), rate),
        Column::new("city".into(), city),
        Column::new("plan.type".into(), plan),
        Column::new("hole".into(), hole),
        Column::new("void".into(), void),
        Column::new("label".into(), label),
        Column::new("not a feature".into(), [1i32, 2, 3, 4, 5, 6, 7, 8]),
    ];
    DataFrame::new(8, columns).unwrap()
}

/// Class names that need care in an output's name.
pub fn classes(count: usize) -> Vec<String> {
    ["no", "yes, sure", "yes  sure", "Ünïcode ✓", ""].into_iter().take(count).map(str::to_owned).collect()
}

fn model(estimator: &str, task: Task, count: usize, plan: FeaturePlan, fitted: Fitted) -> FittedModel {
    let classes = if task == Task::Regression { vec![] } else { classes(count) };
    FittedModel { estimator: estimator.into(), task, target: "target".into(), classes, plan, fitted, calibration: None }
}

fn spread(rng: &mut ChaCha8Rng, n: usize, width: f64) -> Vec<f64> {
    (0..n).map(|_| rng.random_range(-width..width)).collect()
}

fn shares(rng: &mut ChaCha8Rng, k: usize) -> Vec<f64> {
    let raw: Vec<f64> = (0..k).map(|_| rng.random_range(0.05..1.0)).collect();
    let sum: f64 = raw.iter().sum();
    raw.iter().map(|v| v / sum).collect()
}

/// A random tree. Half of the thresholds are values that occur in `seen` (encoded rows), where the branches part.
pub fn tree(
    rng: &mut ChaCha8Rng,
    seen: &[Vec<f64>],
    features: usize,
    outputs: usize,
    depth: usize,
    task: Task,
) -> Tree {
    let mut tree = Tree::default();
    grow(rng, seen, features, outputs, depth, task, &mut tree);
    tree
}

fn grow(
    rng: &mut ChaCha8Rng,
    seen: &[Vec<f64>],
    features: usize,
    outputs: usize,
    depth: usize,
    task: Task,
    tree: &mut Tree,
) -> u32 {
    let n = tree.feature.len();
    tree.feature.push(0);
    tree.threshold.push(0.0);
    tree.left.push(0);
    tree.right.push(0);
    let leaf = depth == 0 || features == 0 || rng.random_bool(0.1);
    if leaf {
        let value: Vec<f32> = match task {
            Task::Regression => vec![rng.random_range(-1e5..1e5)],
            _ if rng.random_bool(0.3) => {
                let pure = rng.random_range(0..outputs);
                (0..outputs).map(|k| f32::from(u8::from(k == pure))).collect()
            }
            _ => shares(rng, outputs).into_iter().map(|v| v as f32).collect(),
        };
        tree.value.extend(value);
        return n as u32;
    }
    tree.value.extend(vec![0.0; outputs]);
    let feature = rng.random_range(0..features);
    let known = if seen.is_empty() || rng.random_bool(0.5) { None } else { seen.get(rng.random_range(0..seen.len())) };
    let threshold = known.map_or_else(|| rng.random_range(-2.0..2.0), |row| row[feature] as f32);
    tree.feature[n] = feature as u32;
    tree.threshold[n] = if threshold.is_finite() { threshold } else { 0.5 };
    let left = grow(rng, seen, features, outputs, depth - 1, task, tree);
    let right = grow(rng, seen, features, outputs, depth - 1, task, tree);
    tree.left[n] = left;
    tree.right[n] = right;
    n as u32
}

/// A tree with small answers and a way of its own for missing values at every node.
fn boosted_tree(rng: &mut ChaCha8Rng, seen: &[Vec<f64>], features: usize) -> Tree {
    let mut tree = tree(rng, seen, features, 1, 5, Task::Regression);
    tree.value.iter_mut().for_each(|v| *v /= 1e6);
    tree.missing_left = (0..tree.len()).map(|_| rng.random_bool(0.5)).collect();
    tree
}

/// One case for an estimator kind and a task, with random parameters for the plan.
pub fn fit(rng: &mut ChaCha8Rng, kind: &str, task: Task, k: usize, plan: FeaturePlan, rows: &DataFrame) -> Case {
    let f = plan.width();
    let outputs = if task == Task::Regression { 1 } else { k };
    let seen: Vec<Vec<f64>> = plan.transform(rows).unwrap().outer_iter().map(|r| r.to_vec()).collect();
    let fitted = match kind {
        "dummy" if task == Task::Regression => Fitted::Dummy { output: vec![1234.5678] },
        "dummy" => Fitted::Dummy { output: shares(rng, k) },
        "linear" => Fitted::Linear { coef: spread(rng, f, 3.0), intercept: 17.25 },
        "logistic" => {
            let rows = if k == 2 { 1 } else { k };
            Fitted::Logistic {
                coef: (0..rows).map(|_| spread(rng, f, 1.5)).collect(),
                intercept: spread(rng, rows, 1.0),
            }
        }
        "softmax" => {
            Fitted::Logistic { coef: (0..k).map(|_| spread(rng, f, 1.5)).collect(), intercept: spread(rng, k, 1.0) }
        }
        "gaussian_nb" => Fitted::GaussianNb {
            prior: shares(rng, k),
            theta: (0..k).map(|_| spread(rng, f, 1.0)).collect(),
            var: (0..k).map(|_| (0..f).map(|_| 10f64.powf(rng.random_range(-9.0..1.0))).collect()).collect(),
        },
        "boosted" => {
            let link = match task {
                Task::Regression if rng.random_bool(0.3) => Link::Log,
                Task::Regression => Link::Identity,
                Task::Binary if rng.random_bool(0.8) => Link::Logit,
                _ => Link::Softmax,
            };
            let each = if link == Link::Softmax { k } else { 1 };
            let rounds = rng.random_range(0..30);
            let trees = (0..rounds * each).map(|_| boosted_tree(rng, &seen, f)).collect();
            let scale = if link == Link::Identity { 1234.5 } else { 1.0 };
            Fitted::Boosted { link, base: spread(rng, each, 2.0), scale, trees }
        }
        "stump" => Fitted::Trees { base: 0.0, outputs, trees: vec![tree(rng, &seen, f, outputs, 0, task)] },
        "tree" => Fitted::Trees { base: 0.0, outputs, trees: vec![tree(rng, &seen, f, outputs, 5, task)] },
        _ => {
            let count = rng.random_range(2..40);
            let base = if task == Task::Regression { rng.random_range(-1e6..1e6) } else { 0.0 };
            Fitted::Trees { base, outputs, trees: (0..count).map(|_| tree(rng, &seen, f, outputs, 6, task)).collect() }
        }
    };
    Case { name: format!("{kind} {task} {k}"), model: model(kind, task, k, plan, fitted), rows: rows.clone() }
}

/// Random curves; isotonic ones have a step as steep as fitting allows, and say 0 for all low scores.
fn calibration(rng: &mut ChaCha8Rng, method: CalibrationMethod, k: usize) -> Calibration {
    let count = if k == 2 { 1 } else { k };
    let curve = |rng: &mut ChaCha8Rng| match method {
        CalibrationMethod::Sigmoid => {
            Curve::Sigmoid { slope: rng.random_range(-6.0..-1.0), intercept: rng.random_range(-1.0..3.0) }
        }
        CalibrationMethod::Isotonic => {
            let at = rng.random_range(0.2..0.6);
            Curve::Isotonic { x: vec![0.05, at, at + 1e-6, 0.8, 0.95], y: vec![0.0, 0.1, 0.45, 0.45, 0.9] }
        }
    };
    Calibration { method, curves: (0..count).map(|_| curve(rng)).collect() }
}

/// Each estimator with each task that it can do, over the hand-made plan and rows, and some over a single column.
pub fn cases() -> Vec<Case> {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let rows = rows();
    let mut cases = Vec::new();
    for kind in ["dummy", "linear", "stump", "tree", "forest"] {
        cases.push(fit(&mut rng, kind, Task::Regression, 0, plan(), &rows));
    }
    for kind in ["dummy", "logistic", "softmax", "gaussian_nb", "stump", "tree", "forest"] {
        cases.push(fit(&mut rng, kind, Task::Binary, 2, plan(), &rows));
        cases.push(fit(&mut rng, kind, Task::Multiclass, 5, plan(), &rows));
    }
    for gaps in [plan(), plan_with_gaps()] {
        // Several each, since the link is drawn by chance.
        for _ in 0..3 {
            cases.push(fit(&mut rng, "boosted", Task::Regression, 0, gaps.clone(), &rows));
            cases.push(fit(&mut rng, "boosted", Task::Binary, 2, gaps.clone(), &rows));
        }
        cases.push(fit(&mut rng, "boosted", Task::Multiclass, 5, gaps.clone(), &rows));
    }
    for method in [CalibrationMethod::Sigmoid, CalibrationMethod::Isotonic] {
        for kind in ["logistic", "gaussian_nb", "forest"] {
            for (task, k) in [(Task::Binary, 2), (Task::Multiclass, 5)] {
                let mut case = fit(&mut rng, kind, task, k, plan(), &rows);
                case.name = format!("{} calibrated by {}", case.name, method.name());
                case.model.calibration = Some(calibration(&mut rng, method, k));
                cases.push(case);
            }
        }
    }
    for at in [0, 6, 9] {
        let single = FeaturePlan { inputs: vec![plan().inputs[at].clone()] };
        for kind in ["dummy", "linear", "forest"] {
            let mut case = fit(&mut rng, kind, Task::Regression, 0, single.clone(), &rows);
            case.name = format!("{} on {}", case.name, single.inputs[0].name);
            cases.push(case);
        }
        for kind in ["logistic", "gaussian_nb", "tree"] {
            let mut case = fit(&mut rng, kind, Task::Binary, 2, single.clone(), &rows);
            case.name = format!("{} on {}", case.name, single.inputs[0].name);
            cases.push(case);
        }
    }
    cases
}

/// A random plan, random rows for it, and a random estimator.
pub fn random(seed: u64) -> Case {
    let rng = &mut ChaCha8Rng::seed_from_u64(seed);
    let width = rng.random_range(1..7);
    let count = rng.random_range(0..30usize);
    let mut inputs = Vec::new();
    let mut columns = Vec::new();
    for at in 0..width {
        let name = format!("c{at}");
        let missing = rng.random_bool(0.5);
        if rng.random_bool(0.3) {
            let levels: Vec<String> = (0..rng.random_range(0..6)).map(|l| format!("v{l}")).collect();
            let values: Vec<Option<String>> =
                (0..count).map(|_| rng.random_bool(0.8).then(|| format!("v{}", rng.random_range(0..8)))).collect();
            columns.push(Column::new(name.as_str().into(), values));
            inputs.push(InputColumn { name, encoding: Encoding::OneHot { levels: Levels::Text(levels), missing } });
        } else if rng.random_bool(0.4) {
            let levels: Vec<f64> = (0..rng.random_range(0..6)).map(|l| f64::from(l) * 1.5 + 1.0).collect();
            let values: Vec<Option<f64>> = (0..count)
                .map(|_| rng.random_bool(0.8).then(|| f64::from(rng.random_range(0..8)) * 1.5 + 1.0))
                .collect();
            columns.push(Column::new(name.as_str().into(), values));
            inputs.push(InputColumn { name, encoding: Encoding::OneHot { levels: Levels::Number(levels), missing } });
        } else {
            let scale = 10f64.powf(rng.random_range(-6.0..6.0));
            let mean = rng.random_range(-10.0..10.0) * scale;
            let values: Vec<Option<f64>> =
                (0..count).map(|_| rng.random_bool(0.8).then(|| mean + rng.random_range(-3.0..3.0) * scale)).collect();
            columns.push(Column::new(name.as_str().into(), values));
            let encoding =
                if rng.random_bool(0.3) { left_missing(mean, scale) } else { number(mean * 1.1, mean, scale, missing) };
            inputs.push(InputColumn { name, encoding });
        }
    }
    let rows = DataFrame::new(count, columns).unwrap();
    let plan = FeaturePlan { inputs };
    let kinds = ["dummy", "linear", "logistic", "softmax", "gaussian_nb", "stump", "tree", "forest", "boosted"];
    let kind = kinds[rng.random_range(0..kinds.len())];
    let numbers =
        kind == "linear" || (matches!(kind, "dummy" | "stump" | "tree" | "forest" | "boosted") && rng.random_bool(0.4));
    if numbers {
        fit(rng, kind, Task::Regression, 0, plan, &rows)
    } else {
        let k = rng.random_range(2..6);
        fit(rng, kind, if k == 2 { Task::Binary } else { Task::Multiclass }, k, plan, &rows)
    }
}
