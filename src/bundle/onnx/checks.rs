//! Whether a fitted model is sound enough to be exported: shapes fit, numbers are finite, trees are trees.
//!
//! A model may come from a file, so nothing is taken for granted here, and the exporter need not look twice.

use std::collections::BTreeSet;

use crate::error::{Error, Result};
use crate::model::calibration::{Calibration, Curve};
use crate::model::{Encoding, FeaturePlan, Fitted, FittedModel, Levels, Link, Task, Tree};

fn broken(what: impl std::fmt::Display) -> Error {
    Error::input(format!("the fitted model is inconsistent: {what}")).hint("Train it again")
}

/// Checks that the parts of a model fit together.
///
/// # Errors
/// Names the part that does not fit: a parameter of the wrong length, a number that is not finite, a tree with a cycle,
/// two columns or two classes with one name.
pub fn validate(model: &FittedModel) -> Result<()> {
    plan(&model.plan)?;
    let classes = model.classes.len();
    match model.task {
        Task::Regression if classes != 0 => return Err(broken("a model of numbers has classes")),
        Task::Binary if classes != 2 => return Err(broken(format!("a model of two classes has {classes}"))),
        Task::Multiclass if classes < 2 => return Err(broken(format!("a model of several classes has {classes}"))),
        _ => {}
    }
    let names: BTreeSet<&str> = model.classes.iter().map(String::as_str).collect();
    if names.len() < classes {
        return Err(broken("two classes have the same name"));
    }
    let outputs = if model.task.is_classification() { classes } else { 1 };
    fitted(model, model.plan.width(), outputs)?;
    model.calibration.as_ref().map_or(Ok(()), |c| calibration(c, model.task, classes))
}

fn calibration(calibration: &Calibration, task: Task, classes: usize) -> Result<()> {
    let count = if classes == 2 { 1 } else { classes };
    if !task.is_classification() || calibration.curves.len() != count {
        return Err(broken(format!("{} calibration curves for {classes} classes", calibration.curves.len())));
    }
    for curve in &calibration.curves {
        let sound = match curve {
            Curve::Sigmoid { slope, intercept } => slope.is_finite() && intercept.is_finite(),
            Curve::Isotonic { x, y } => {
                !x.is_empty()
                    && x.len() == y.len()
                    && x.iter().chain(y).all(|v| v.is_finite())
                    && x.windows(2).all(|w| w[0] < w[1])
                    && y.windows(2).all(|w| w[0] <= w[1])
                    && y.iter().all(|p| (0.0..=1.0).contains(p))
            }
        };
        if !sound {
            return Err(broken("a calibration curve that falls, or leaves the numbers between 0 and 1"));
        }
    }
    Ok(())
}

fn plan(plan: &FeaturePlan) -> Result<()> {
    let mut names = BTreeSet::new();
    for input in &plan.inputs {
        if input.name.is_empty() {
            return Err(broken("an input column has no name"));
        }
        if !names.insert(input.name.as_str()) {
            return Err(broken(format!("column `{}` is read twice", input.name)));
        }
        let sound = match &input.encoding {
            Encoding::Number { impute, mean, scale, .. } => {
                impute.is_none_or(f64::is_finite) && mean.is_finite() && scale.is_finite() && *scale != 0.0
            }
            Encoding::OneHot { levels: Levels::Number(levels), .. } => levels.iter().all(|l| l.is_finite()),
            Encoding::OneHot { levels: Levels::Text(levels), .. } => {
                levels.iter().collect::<BTreeSet<_>>().len() == levels.len()
            }
        };
        if !sound {
            return Err(broken(format!(
                "the encoding of column `{}` has a value that is not finite, a zero scale or a level twice",
                input.name
            )));
        }
    }
    Ok(())
}

fn vector(what: &str, values: &[f64], length: usize) -> Result<()> {
    if values.len() != length {
        return Err(broken(format!("{} {what} where {length} are needed", values.len())));
    }
    if values.iter().any(|v| !v.is_finite()) {
        return Err(broken(format!("{what} that are not finite")));
    }
    Ok(())
}

fn rows(what: &str, values: &[Vec<f64>], count: usize, length: usize) -> Result<()> {
    if values.len() != count {
        return Err(broken(format!("{} rows of {what} where {count} are needed", values.len())));
    }
    values.iter().try_for_each(|row| vector(what, row, length))
}

fn fitted(model: &FittedModel, features: usize, outputs: usize) -> Result<()> {
    let classes = model.task.is_classification();
    match &model.fitted {
        Fitted::Dummy { output } => vector("constant answers", output, outputs),
        Fitted::Linear { .. } | Fitted::Logistic { .. } | Fitted::GaussianNb { .. }
            if classes == matches!(model.fitted, Fitted::Linear { .. }) =>
        {
            Err(broken(format!("{} does not answer a {} task", model.estimator, model.task)))
        }
        Fitted::Linear { coef, intercept } => {
            vector("coefficients", coef, features)?;
            vector("intercepts", &[*intercept], 1)
        }
        Fitted::Logistic { coef, intercept } => {
            let count = if coef.len() == 1 && outputs == 2 { 1 } else { outputs };
            rows("coefficients", coef, count, features)?;
            vector("intercepts", intercept, count)
        }
        Fitted::GaussianNb { prior, theta, var } => {
            vector("class shares", prior, outputs)?;
            rows("means", theta, outputs, features)?;
            rows("variances", var, outputs, features)?;
            if prior.iter().chain(var.iter().flatten()).any(|v| *v <= 0.0) {
                return Err(broken("a class share or a variance that is not positive"));
            }
            Ok(())
        }
        Fitted::Boosted { link, base, scale, trees } => {
            let fits = match link {
                Link::Identity | Link::Log => !classes,
                Link::Logit => classes && outputs == 2,
                Link::Softmax => classes,
            };
            if !fits {
                return Err(broken(format!("{} does not answer a {} task", model.estimator, model.task)));
            }
            vector("bases", base, if *link == Link::Softmax { outputs } else { 1 })?;
            vector("scales", &[*scale], 1)?;
            if !trees.len().is_multiple_of(base.len()) {
                return Err(broken("a round of boosting with too few trees"));
            }
            each_tree(trees, features, 1)
        }
        Fitted::Trees { base, outputs: per_leaf, trees } => {
            vector("bases", &[*base], 1)?;
            if *per_leaf != outputs {
                return Err(broken(format!("{per_leaf} values per leaf where {outputs} are needed")));
            }
            if trees.is_empty() {
                return Err(broken("a forest without trees"));
            }
            each_tree(trees, features, outputs)
        }
    }
}

fn each_tree(trees: &[Tree], features: usize, outputs: usize) -> Result<()> {
    let one = |(t, one)| tree(one, features, outputs).map_err(|why| broken(format!("tree {t}: {why}")));
    trees.iter().enumerate().try_for_each(one)
}

/// Every node is reached once from the root, and every leaf and every threshold is a finite number.
fn tree(tree: &Tree, features: usize, outputs: usize) -> Result<(), &'static str> {
    let nodes = tree.len();
    let lengths = [tree.threshold.len(), tree.left.len(), tree.right.len(), tree.value.len() / outputs.max(1)];
    if nodes == 0 || lengths.iter().any(|l| *l != nodes) || tree.value.len() != nodes * outputs {
        return Err("its arrays differ in length");
    }
    if !tree.missing_left.is_empty() && tree.missing_left.len() != nodes {
        return Err("its arrays differ in length");
    }
    if tree.value.iter().any(|v| !v.is_finite()) {
        return Err("a leaf value is not finite");
    }
    let mut seen = vec![false; nodes];
    let mut stack = vec![0usize];
    while let Some(n) = stack.pop() {
        if std::mem::replace(&mut seen[n], true) {
            return Err("two ways lead to one node");
        }
        let (left, right) = (tree.left[n] as usize, tree.right[n] as usize);
        if left == 0 {
            continue;
        }
        if right == 0 || left >= nodes || right >= nodes {
            return Err("a child does not exist");
        }
        if tree.feature[n] as usize >= features {
            return Err("a feature does not exist");
        }
        if !tree.threshold[n].is_finite() {
            return Err("a threshold is not finite");
        }
        stack.extend([left, right]);
    }
    Ok(())
}
