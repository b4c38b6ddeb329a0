use ndarray::Array2;
use serde::Deserialize;

use super::*;
use crate::model::{Encoding, InputColumn, Tree};

/// Made by `tests/python/reference_shap.py` with the shap package.
#[derive(Deserialize)]
struct Reference {
    background: Vec<Vec<f64>>,
    rows: Vec<Vec<f64>>,
    trees: Vec<TreesCase>,
    linear: Vec<LinearCase>,
}

#[derive(Deserialize)]
struct TreesCase {
    outputs: usize,
    trees: Vec<FlatTree>,
    base: Vec<f64>,
    /// Row, feature, output.
    values: Vec<Vec<Vec<f64>>>,
}

#[derive(Deserialize)]
struct FlatTree {
    feature: Vec<u32>,
    threshold: Vec<f64>,
    left: Vec<u32>,
    right: Vec<u32>,
    value: Vec<f64>,
    cover: Vec<f64>,
}

#[derive(Deserialize)]
struct LinearCase {
    coef: Vec<Vec<f64>>,
    intercept: Vec<f64>,
    base: Vec<f64>,
    values: Vec<Vec<Vec<f64>>>,
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("../../../tests/reference/shap.json")).unwrap()
}

fn matrix(rows: &[Vec<f64>]) -> Array2<f64> {
    Array2::from_shape_fn((rows.len(), rows[0].len()), |(i, j)| rows[i][j])
}

fn number(name: &str) -> InputColumn {
    InputColumn {
        name: name.into(),
        encoding: Encoding::Number { impute: Some(0.0), mean: 0.0, scale: 1.0, indicator: false },
    }
}

fn model(task: Task, classes: usize, width: usize, fitted: Fitted) -> FittedModel {
    FittedModel {
        estimator: "test".into(),
        task,
        target: "y".into(),
        classes: (0..classes).map(|k| k.to_string()).collect(),
        plan: FeaturePlan { inputs: (0..width).map(|f| number(&format!("x{f}"))).collect() },
        fitted,
        calibration: None,
    }
}

fn ensemble(case: &TreesCase) -> (Vec<Tree>, Vec<Vec<f64>>) {
    let tree = |t: &FlatTree| Tree {
        feature: t.feature.clone(),
        threshold: t.threshold.iter().map(|v| *v as f32).collect(),
        left: t.left.clone(),
        right: t.right.clone(),
        value: t.value.iter().map(|v| *v as f32).collect(),
        missing_left: Vec::new(),
    };
    (case.trees.iter().map(tree).collect(), case.trees.iter().map(|t| t.cover.clone()).collect())
}

#[test]
fn trees_equal_the_shap_package() {
    let reference = reference();
    let rows = matrix(&reference.rows);
    for case in &reference.trees {
        let (trees, covers) = ensemble(case);
        let (members, scale) = TreeShap::forest(&trees, case.outputs);
        let shap = TreeShap::with_covers(members, scale, vec![0.0; case.outputs], covers);
        // Of one output the package tells the base of one; of two classes both are told.
        for output in 0..case.outputs {
            assert!((shap.base(output) - case.base[output]).abs() < 1e-6);
            for (r, row) in rows.outer_iter().enumerate() {
                for (f, ours) in shap.row(row, output).iter().enumerate() {
                    let theirs = case.values[r][f][output];
                    assert!((ours - theirs).abs() < 1e-6, "row {r}, feature {f}: {ours} is not {theirs}");
                }
            }
        }
    }
}

#[test]
fn trees_of_one_output_each_are_added_to_their_own() {
    let reference = reference();
    let rows = matrix(&reference.rows);
    // Two trees that speak for two outputs in turn, as boosting grows them.
    let (trees, covers) = ensemble(&reference.trees[1]);
    let alone = |t: usize| {
        let member = Member { tree: &trees[t], first: 0, outputs: 1 };
        TreeShap::with_covers(vec![member], 0.5, vec![0.0], vec![covers[t].clone()])
    };
    let members = (0..2).map(|t| Member { tree: &trees[t], first: t, outputs: 1 }).collect();
    let both = TreeShap::with_covers(members, 0.5, vec![1.0, 2.0], covers[..2].to_vec());
    for output in 0..2 {
        assert!((both.base(output) - alone(output).base(0) - [1.0, 2.0][output]).abs() < 1e-12);
        assert_eq!(both.row(rows.row(3), output), alone(output).row(rows.row(3), 0));
    }
    assert_ne!(both.row(rows.row(3), 0), both.row(rows.row(3), 1));
}

#[test]
fn boosted_trees_are_explained_on_their_raw_scores() {
    let reference = reference();
    let (background, rows) = (matrix(&reference.background), matrix(&reference.rows));
    let (mut trees, _) = ensemble(&reference.trees[1]);
    trees.truncate(6);
    for tree in &mut trees {
        tree.missing_left = (0..tree.len()).map(|n| n % 2 == 0).collect();
        tree.value.iter_mut().for_each(|v| *v /= 100.0);
    }
    let mut gaps = rows.clone();
    gaps.column_mut(0).fill(f64::NAN);
    for (link, task, classes, base, scale) in [
        (Link::Identity, Task::Regression, 0, vec![0.5], Scale::Target),
        (Link::Log, Task::Regression, 0, vec![0.5], Scale::LogTarget),
        (Link::Logit, Task::Binary, 2, vec![0.5], Scale::LogOdds),
        (Link::Softmax, Task::Multiclass, 3, vec![0.5, -0.5, 0.25], Scale::LogOdds),
    ] {
        let fitted = Fitted::Boosted { link, base, scale: 0.75, trees: trees.clone() };
        let model = model(task, classes, rows.ncols(), fitted);
        for x in [&rows, &gaps] {
            let answers = model.fitted.scores(x.view());
            for r in 0..x.nrows() {
                let told = |output| {
                    let explainer = Explainer::new(&model, background.view(), output);
                    assert_eq!((explainer.method(), explainer.scale()), (ShapMethod::Tree, scale));
                    explainer.row(x.row(r), 1, &Control::default()).unwrap().total
                };
                for output in 0..answers.ncols() {
                    let answer = answers[[r, output]];
                    let (ours, theirs) = match link {
                        Link::Identity => (told(output), answer),
                        Link::Log => (told(output), answer.ln()),
                        Link::Logit => (told(output), (answer / (1.0 - answer)).ln()),
                        // Raw scores are known up to what all classes share.
                        Link::Softmax => (told(output) - told(0), (answer / answers[[r, 0]]).ln()),
                    };
                    assert!((ours - theirs).abs() < 1e-9, "{link:?}, row {r}, output {output}: {ours} is not {theirs}");
                }
            }
        }
    }
}

#[test]
fn covers_count_rows_and_contributions_add_up_to_the_answer() {
    let reference = reference();
    let (background, rows) = (matrix(&reference.background), matrix(&reference.rows));
    // A single tree sees every training row once: its covers are what the package took from the tree.
    let (trees, known) = ensemble(&reference.trees[0]);
    assert_eq!(covers(&trees[0], background.view()), known[0]);
    for (case, task, classes) in [(1, Task::Regression, 0), (2, Task::Multiclass, 3), (3, Task::Binary, 2)] {
        let case = &reference.trees[case];
        let (trees, _) = ensemble(case);
        let model = model(task, classes, rows.ncols(), Fitted::Trees { base: 0.25, outputs: case.outputs, trees });
        let output = case.outputs - 1;
        let explainer = Explainer::new(&model, background.view(), output);
        let answers = model.fitted.scores(rows.view());
        for (r, row) in rows.outer_iter().enumerate() {
            let told = explainer.row(row, 1, &Control::default()).unwrap();
            assert!((told.total - answers[[r, output]]).abs() < 1e-9, "{} is not {}", told.total, answers[[r, output]]);
        }
    }
    // Few rows leave nodes that none of them passes; the sum is right all the same.
    let (trees, _) = ensemble(&reference.trees[1]);
    let few = background.slice_axis(Axis(0), (..3).into());
    let model = model(Task::Regression, 0, rows.ncols(), Fitted::Trees { base: 0.0, outputs: 1, trees });
    let explainer = Explainer::new(&model, few, 0);
    for (r, row) in rows.outer_iter().enumerate() {
        let told = explainer.row(row, 1, &Control::default()).unwrap();
        let answer = model.fitted.scores(rows.view())[[r, 0]];
        assert!((told.total - answer).abs() < 1e-9, "row {r}: {} is not {answer}", told.total);
    }
}

#[test]
fn linear_models_equal_the_shap_package() {
    let reference = reference();
    let (background, rows) = (matrix(&reference.background), matrix(&reference.rows));
    for (case, task, classes) in [(0, Task::Regression, 0), (1, Task::Binary, 2), (2, Task::Multiclass, 3)]
        .map(|(c, t, k)| (&reference.linear[c], t, k))
    {
        let fitted = if task == Task::Regression {
            Fitted::Linear { coef: case.coef[0].clone(), intercept: case.intercept[0] }
        } else {
            Fitted::Logistic { coef: case.coef.clone(), intercept: case.intercept.clone() }
        };
        let model = model(task, classes, rows.ncols(), fitted);
        for output in 0..case.base.len() {
            // The package explains the second of two classes as its only output.
            let ours = if task == Task::Binary { 1 } else { output };
            let explainer = Explainer::new(&model, background.view(), ours);
            for (r, row) in rows.outer_iter().enumerate() {
                let told = explainer.row(row, 1, &Control::default()).unwrap();
                assert!((told.base - case.base[output]).abs() < 1e-9);
                for (f, theirs) in case.values[r].iter().enumerate() {
                    let ours = told.contributions.iter().find(|c| c.column == format!("x{f}")).unwrap().value;
                    assert!((ours - theirs[output]).abs() < 1e-9, "{ours} is not {}", theirs[output]);
                }
            }
        }
        if task == Task::Binary {
            // The first class says the opposite.
            let told = |output| {
                Explainer::new(&model, background.view(), output)
                    .row(rows.row(0), 1, &Control::default())
                    .unwrap()
                    .total
            };
            assert!((told(0) + told(1)).abs() < 1e-12);
        }
    }
}

/// Naive Bayes over four columns.
fn bayes() -> (FittedModel, Array2<f64>) {
    let reference = reference();
    let x = matrix(&reference.background).select(Axis(0), &(0..60).collect::<Vec<_>>()).select(Axis(1), &[0, 1, 2, 3]);
    let fitted = Fitted::GaussianNb {
        prior: vec![0.4, 0.6],
        theta: vec![vec![0.0, 0.4, -0.3, 0.2], vec![0.6, -0.2, 0.1, 0.7]],
        var: vec![vec![1.0, 0.7, 1.3, 0.3], vec![0.8, 1.1, 0.9, 0.2]],
    };
    (model(Task::Binary, 2, 4, fitted), x)
}

#[test]
fn sampled_contributions_hold_the_exact_ones_and_add_up() {
    let (model, x) = bayes();
    let row = x.row(7).to_owned();
    // The mean answer when the columns in `known` are the row's.
    let value = |known: usize| {
        let mixed = Array2::from_shape_fn(x.dim(), |(i, f)| if known >> f & 1 == 1 { row[f] } else { x[[i, f]] });
        model.fitted.scores(mixed.view()).column(1).mean().unwrap()
    };
    let told = Explainer::new(&model, x.view(), 1).row(row.view(), 3, &Control::default()).unwrap();
    assert!((told.base - value(0)).abs() < 1e-12 && (told.total - value(15)).abs() < 1e-12);
    let weight = [1.0 / 4.0, 1.0 / 12.0, 1.0 / 12.0, 1.0 / 4.0];
    for f in 0..4 {
        let exact: f64 = (0..16usize)
            .filter(|known| known >> f & 1 == 0)
            .map(|known| weight[known.count_ones() as usize] * (value(known | 1 << f) - value(known)))
            .sum();
        let ours = told.contributions.iter().find(|c| c.column == format!("x{f}")).unwrap();
        let error = ours.error.unwrap();
        assert!((ours.value - exact).abs() <= 4.0 * error + 1e-9, "{ours:?} is not {exact}");
        assert!(error < 0.02, "{ours:?}");
    }
}

#[test]
fn columns_of_several_features_are_told_as_one_and_global_means_are_means() {
    let reference = reference();
    let background = matrix(&reference.background);
    let case = &reference.linear[0];
    let mut model =
        model(Task::Regression, 0, 5, Fitted::Linear { coef: case.coef[0].clone(), intercept: case.intercept[0] });
    model.plan.inputs.truncate(3);
    let levels = crate::model::Levels::Text(vec!["a".into(), "b".into()]);
    model.plan.inputs.push(InputColumn { name: "c".into(), encoding: Encoding::OneHot { levels, missing: false } });
    let explainer = Explainer::new(&model, background.view(), 0);
    let rows = matrix(&reference.rows);
    let told = explainer.row(rows.row(0), 1, &Control::default()).unwrap();
    let c = told.contributions.iter().find(|c| c.column == "c").unwrap().value;
    assert!((c - case.values[0][3][0] - case.values[0][4][0]).abs() < 1e-9);
    assert!(told.contributions.windows(2).all(|w| w[0].value.abs() >= w[1].value.abs()));
    let global = explainer.global(&rows, 1, &Control::default()).unwrap();
    let mean: f64 = case.values.iter().map(|v| v[0][0].abs()).sum::<f64>() / case.values.len() as f64;
    assert!((global.iter().find(|g| g.column == "x0").unwrap().mean_absolute - mean).abs() < 1e-9);
}

#[test]
fn partial_dependence_of_a_weighted_sum_is_a_line() {
    let reference = reference();
    let x = matrix(&reference.background);
    let fitted = Fitted::Linear { coef: vec![2.0, -1.0, 0.0, 0.5, 0.0], intercept: 1.0 };
    let mut model = model(Task::Regression, 0, 5, fitted);
    model.plan.inputs[0].encoding = Encoding::Number { impute: Some(0.0), mean: 10.0, scale: 4.0, indicator: false };
    let told = partial_dependence(&model, x.view(), "x0", 0, &Control::default()).unwrap();
    assert_eq!(told.points.len(), 20);
    // By hand: two per deviation of four.
    for pair in told.points.windows(2) {
        let slope = (pair[1].mean - pair[0].mean) / (pair[1].number.unwrap() - pair[0].number.unwrap());
        assert!((slope - 0.5).abs() < 1e-9);
    }
    assert_eq!((told.curves.len(), told.curves[0].len(), told.rows), (50, 20, 300));
    let own = model.fitted.scores(x.view())[[0, 0]];
    let at_own = told.curves[0][0] + 0.5 * (x[[0, 0]] * 4.0 + 10.0 - told.points[0].number.unwrap());
    assert!((own - at_own).abs() < 1e-9);
    assert!(partial_dependence(&model, x.view(), "nothing", 0, &Control::default()).is_err());
}

#[test]
fn a_row_is_nearest_to_itself_and_a_category_counts_once() {
    let levels = crate::model::Levels::Text(vec!["a".into(), "b".into()]);
    let category = InputColumn { name: "c".into(), encoding: Encoding::OneHot { levels, missing: false } };
    let plan = FeaturePlan { inputs: vec![number("x"), category] };
    let rows = ndarray::array![[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [3.0, 1.0, 0.0]];
    let found = nearest(&plan, rows.view(), rows.row(0), 3);
    assert_eq!(found.iter().map(|n| (n.row, n.distance)).collect::<Vec<_>>(), [(0, 0.0), (1, 1.0), (2, 3.0)]);
    assert_eq!(nearest(&plan, rows.view(), rows.row(0), 1).len(), 1);
}

#[test]
fn importance_intervals_hold_the_truth_and_noise_gains_nothing() {
    let x = matrix(&reference().background);
    let fitted = Fitted::Linear { coef: vec![1.0, 0.0, 0.0, 0.0, 0.0], intercept: 0.0 };
    let model = model(Task::Regression, 0, 5, fitted);
    let truth = crate::model::Target::Numbers(x.column(0).to_vec());
    let found = importance_ranges(&model, &x, &truth, "mse", None, 3, &Control::default()).unwrap();
    assert_eq!(found[0].column, "x0");
    // Shuffled, the error is twice the variance.
    let variance = x.column(0).var(0.0);
    assert!(found[0].low < 2.0 * variance && 2.0 * variance < found[0].high, "{:?}", found[0]);
    assert!(found[1..].iter().all(|f| (f.mean, f.low, f.high) == (0.0, 0.0, 0.0)));
    let control = Control::default();
    control.cancel();
    assert!(importance_ranges(&model, &x, &truth, "mse", None, 3, &control).is_err());
}
