//! Boosting as a whole: against scikit-learn, and on tables that are awkward.

use ndarray::Array2;
use serde_json::Value;

use super::*;
use crate::model::{Fitted, Link};

fn params() -> BoostParams {
    BoostParams {
        learning_rate: 0.3,
        max_iter: 12,
        max_leaf_nodes: 8,
        max_depth: usize::MAX,
        min_samples_leaf: 10,
        min_child_weight: 1e-3,
        l2_regularization: 0.0,
        max_bins: 255,
        subsample: 1.0,
        colsample_bytree: 1.0,
        n_iter_no_change: 10,
        tol: 1e-7,
    }
}

fn boost(x: &Array2<f64>, y: &Target, loss: Loss, params: &BoostParams, watch: &[u32]) -> Boosted {
    let values = x.as_slice().unwrap();
    let boosting = Boosting { values, features: x.ncols(), y, loss, params, watch, seed: 3 };
    boosting.run(&Control::default(), &|_, _| {}).unwrap()
}

fn fitted(boosted: Boosted, link: Link) -> Fitted {
    Fitted::Boosted { link, base: boosted.base, scale: boosted.scale, trees: boosted.trees }
}

/// Numbers in 0..1 that look random.
fn noise(rows: usize, features: usize) -> Array2<f64> {
    Array2::from_shape_fn((rows, features), |(i, f)| ((i * (2 * f + 3) + f) as f64 * 0.618_033_988_75).fract())
}

fn steps(x: &Array2<f64>) -> Target {
    Target::Classes { codes: x.outer_iter().map(|r| usize::from(r[0] + 0.5 * r[1] > 0.8)).collect(), count: 2 }
}

/// Made by `tests/python/reference_boosting.py` with scikit-learn.
#[test]
fn predictions_are_those_of_scikit_learn() {
    let all: Value = serde_json::from_str(include_str!("../../../tests/reference/boosting.json")).unwrap();
    let rows = all["x"].as_array().unwrap();
    let x = Array2::from_shape_fn((rows.len(), 5), |(i, f)| rows[i][f].as_f64().unwrap_or(f64::NAN));
    for case in all["cases"].as_array().unwrap() {
        let y: Vec<f64> = case["y"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
        let classes = |count| Target::Classes { codes: y.iter().map(|v| *v as usize).collect(), count };
        let (y, loss, link) = match (case["task"].as_str().unwrap(), case["loss"].as_str().unwrap()) {
            ("binary", _) => (classes(2), Loss::Logistic, Link::Logit),
            ("multiclass", _) => (classes(3), Loss::Softmax, Link::Softmax),
            (_, "poisson") => (Target::Numbers(y), Loss::Poisson, Link::Log),
            _ => (Target::Numbers(y), Loss::SquaredError, Link::Identity),
        };
        let params = BoostParams { l2_regularization: case["l2"].as_f64().unwrap(), ..params() };
        let scores = fitted(boost(&x, &y, loss, &params, &[]), link).scores(x.view());
        let theirs = case["scores"].as_array().unwrap();
        let spread = if let Target::Numbers(v) = &y { v.iter().fold(0.0_f64, |a, v| a.max(v.abs())) } else { 1.0 };
        let mut apart: Vec<f64> = Vec::new();
        for (row, theirs) in scores.outer_iter().zip(theirs) {
            apart.extend(row.iter().enumerate().map(|(k, ours)| (ours - theirs[k].as_f64().unwrap()).abs() / spread));
        }
        apart.sort_by(f64::total_cmp);
        println!("{}: largest {:e}, median {:e}", case["name"], apart[apart.len() - 1], apart[apart.len() / 2]);
        // Gradients of 18 bits here, of 24 there.
        assert!(apart[apart.len() - 1] < 1e-4, "{} is {} apart", case["name"], apart[apart.len() - 1]);
    }
}

#[test]
fn the_number_of_threads_does_not_change_a_bit() {
    // More rows than are divided in one part and summed in one block.
    let x = noise(70_000, 9);
    let y = steps(&x);
    let watch: Vec<u32> = (0..70_000).step_by(10).collect();
    let params = BoostParams { subsample: 0.8, colsample_bytree: 0.5, max_leaf_nodes: 31, ..params() };
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| boost(&x, &y, Loss::Logistic, &params, &watch))
    };
    let one = with(1);
    assert!(one.trees.len() > 3 && one.trees.iter().any(|t| t.len() == 61));
    assert_eq!(one, with(2));
    assert_eq!(one, with(3));
    let other = Boosting {
        values: x.as_slice().unwrap(),
        features: 9,
        y: &y,
        loss: Loss::Logistic,
        params: &params,
        watch: &watch,
        seed: 4,
    };
    assert_ne!(one, other.run(&Control::default(), &|_, _| {}).unwrap());
}

#[test]
fn being_missing_is_told_from_every_value() {
    // Only what is missing has an answer of its own, above and below the values.
    for sign in [1.0, -1.0] {
        let x = Array2::from_shape_fn(
            (300, 2),
            |(i, f)| if f == 0 && i % 3 == 0 { f64::NAN } else { sign * (i % 50) as f64 },
        );
        let y = Target::Numbers((0..300).map(|i| if i % 3 == 0 { 5.0 } else { 1.0 }).collect());
        let p = BoostParams { max_iter: 60, ..params() };
        let model = fitted(boost(&x, &y, Loss::SquaredError, &p, &[]), Link::Identity);
        let scores = model.scores(x.view());
        for (i, score) in scores.iter().enumerate() {
            assert!((score - if i % 3 == 0 { 5.0 } else { 1.0 }).abs() < 1e-3, "row {i}: {score}");
        }
    }
    // Where nothing was missing in training, it goes with the many.
    let x = Array2::from_shape_fn((100, 1), |(i, _)| f64::from(u8::from(i >= 70)));
    let y = Target::Numbers((0..100).map(|i| f64::from(u8::from(i >= 70))).collect());
    let model = fitted(boost(&x, &y, Loss::SquaredError, &params(), &[]), Link::Identity);
    let missing = model.scores(Array2::from_elem((1, 1), f64::NAN).view());
    assert_eq!(missing, model.scores(Array2::zeros((1, 1)).view()));
}

#[test]
fn awkward_tables_give_finite_answers() {
    let wild = [1e300, -1e300, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 0.0, -0.0, f64::MIN_POSITIVE];
    let x = Array2::from_shape_fn((400, 4), |(i, f)| match f {
        0 => wild[i % 8],
        1 => 7.0,
        2 => f64::NAN,
        _ => (i / 8) as f64,
    });
    let p = BoostParams { min_samples_leaf: 1, ..params() };
    let numbers = |scale: f64| Target::Numbers((0..400).map(|i| scale * ((i % 8) as f64 - 3.0)).collect());
    for scale in [1.0, 1e-300, 1e300] {
        let y = numbers(scale);
        let model = boost(&x, &y, Loss::SquaredError, &p, &[]);
        assert!(!model.trees.is_empty() && model.trees.iter().flat_map(|t| &t.threshold).all(|t| t.is_finite()));
        assert!(
            model.trees.iter().flat_map(|t| &t.feature).all(|f| *f != 1 && *f != 2),
            "nothing can be told from a constant"
        );
        let scores = fitted(model, Link::Identity).scores(x.view());
        assert!(scores.iter().all(|s| s.is_finite()), "{scale}");
        // What is missing, infinite, huge and nought is told apart by the first feature alone.
        for (a, b) in [(0, 1), (0, 4), (4, 5), (1, 5)] {
            assert!((scores[[a, 0]] - scores[[b, 0]]).abs() > 0.5 * scale, "{scale}: rows {a} and {b}");
        }
    }
    // A leaf knows a value by the same comparison as training did: the sum over the training rows is kept.
    let model = fitted(boost(&x, &numbers(1.0), Loss::SquaredError, &p, &[]), Link::Identity);
    let mean = model.scores(x.view()).mean().unwrap();
    assert!((mean - 0.5).abs() < 1e-5, "{mean}");
}

#[test]
fn too_little_to_learn_from_gives_the_constant() {
    let base = |x: &Array2<f64>, y: &Target, loss| {
        let model = boost(x, y, loss, &params(), &[]);
        assert!(model.trees.is_empty());
        model.base
    };
    assert_eq!(base(&Array2::zeros((1, 3)), &Target::Numbers(vec![4.0]), Loss::SquaredError), [4.0]);
    assert_eq!(base(&noise(100, 2), &Target::Numbers(vec![4.0; 100]), Loss::SquaredError), [4.0]);
    assert_eq!(
        base(&Array2::zeros((100, 3)), &Target::Numbers((0..100).map(f64::from).collect()), Loss::SquaredError),
        [49.5]
    );
    let three_of_four = Target::Classes { codes: vec![0, 1, 1, 1, 0, 1, 1, 1], count: 2 };
    let odds = base(&Array2::zeros((8, 0)), &three_of_four, Loss::Logistic);
    assert!((odds[0] - 3f64.ln()).abs() < 1e-12);
    let one_class = Target::Classes { codes: vec![1; 100], count: 3 };
    let shares = base(&noise(100, 2), &one_class, Loss::Softmax);
    assert!(shares[1].abs() < 1e-12 && shares[0] < -30.0);
}

#[test]
fn leaves_hold_no_fewer_rows_than_asked_for() {
    // The curvature of sure rows is small: the search counts them by their share of it and must be corrected.
    // Nodes above and below the size up to which rows are counted one by one.
    let x = noise(9000, 4);
    let y =
        Target::Classes { codes: (0..9000).map(|i| usize::from(x[[i, 0]] > 0.97 || i % 97 == 0)).collect(), count: 2 };
    let p = BoostParams { min_samples_leaf: 40, min_child_weight: 0.0, max_leaf_nodes: 60, max_iter: 30, ..params() };
    let model = boost(&x, &y, Loss::Logistic, &p, &[]);
    assert!(model.trees.len() > 5);
    for tree in &model.trees {
        let mut sizes = vec![0; tree.len()];
        for row in x.outer_iter() {
            sizes[tree.leaf(row)] += 1;
        }
        assert!((0..tree.len()).all(|n| !tree.is_leaf(n) || sizes[n] >= 40), "{sizes:?}");
    }
}

#[test]
fn rows_kept_apart_stop_it_and_the_best_round_is_kept() {
    let x = noise(2000, 3);
    // Nothing to learn but chance.
    let y = Target::Numbers((0..2000).map(|i| ((i * i) as f64 * 0.414_213_562).fract()).collect());
    let watch: Vec<u32> = (0..2000).step_by(4).collect();
    let p = BoostParams { max_iter: 200, n_iter_no_change: 5, ..params() };
    let heard = std::sync::Mutex::new(Vec::new());
    let boosting = Boosting {
        values: x.as_slice().unwrap(),
        features: 3,
        y: &y,
        loss: Loss::SquaredError,
        params: &p,
        watch: &watch,
        seed: 1,
    };
    let model =
        boosting.run(&Control::default(), &|round, loss| heard.lock().unwrap().push((round, loss.unwrap()))).unwrap();
    let heard = heard.into_inner().unwrap();
    let best = heard.iter().fold((0, f64::INFINITY), |best, one| if one.1 < best.1 { *one } else { best });
    assert_eq!((model.trees.len(), heard.len()), (best.0, best.0 + 5));
    // The loss that was heard is that of the answers.
    let scores = fitted(model.clone(), Link::Identity).scores(x.view());
    let Target::Numbers(truth) = &y else { unreachable!() };
    let unit = model.scale;
    let loss: f64 = watch.iter().map(|&r| ((scores[[r as usize, 0]] - truth[r as usize]) / unit).powi(2) / 2.0).sum();
    assert!((loss / watch.len() as f64 - best.1).abs() < 1e-9);
    // Rows that are watched are not learned from.
    let changed =
        Target::Numbers(truth.iter().enumerate().map(|(i, v)| if i % 4 == 0 { v * 0.999 } else { *v }).collect());
    let again = Boosting { y: &changed, ..boosting }.run(&Control::default(), &|_, _| {}).unwrap();
    let common = again.trees.len().min(model.trees.len());
    assert_eq!(again.trees[..common], model.trees[..common]);
}

#[test]
fn cancelled_boosting_ends() {
    let control = Control::default();
    control.cancel();
    let x = noise(100, 2);
    let y = steps(&x);
    let boosting = Boosting {
        values: x.as_slice().unwrap(),
        features: 2,
        y: &y,
        loss: Loss::Logistic,
        params: &params(),
        watch: &[],
        seed: 1,
    };
    assert!(boosting.run(&control, &|_, _| {}).is_err());
}
