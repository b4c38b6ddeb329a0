//! Linear models, logistic regression and naive Bayes: raw scores as `y0`, `y1`, …

use super::columns::{Source, scale, within};
use super::query::{Computed, Query, balanced_sum};
use crate::error::Result;

/// Terms that a step adds at most, one after the other.
const TERMS: usize = 100;

/// The features that a linear model looks at.
pub(super) fn used(features: &[Source], coef: &[Vec<f64>]) -> Vec<Source> {
    let looked_at = |f: usize| coef.iter().any(|row| row.get(f).is_some_and(|c| *c != 0.0));
    features.iter().enumerate().filter(|(f, _)| looked_at(*f)).map(|(_, s)| *s).collect()
}

/// `x · coef + intercept` for each row of coefficients.
pub(super) fn linear(query: &mut Query, features: &[Source], coef: &[Vec<f64>], intercept: &[f64]) -> Result<()> {
    let dialect = query.dialect;
    scale(query, &used(features, coef));
    let mut scores: Vec<Computed> = Vec::new();
    for (k, (row, intercept)) in coef.iter().zip(intercept).enumerate() {
        let mut terms = vec![dialect.double(*intercept)];
        let mut at = 0;
        while let Some(source) = features.get(at) {
            let weight = row.get(at).copied().unwrap_or(0.0);
            let mut next = at + 1;
            match source {
                // With what PostgreSQL makes of the features, anything smaller adds less than 1e-100.
                Source::Value { .. } if dialect.raises() && weight.abs() < 1e-200 => {}
                Source::Value { .. } if weight == 0.0 => {}
                Source::Value { column, .. } => {
                    within(dialect, "a coefficient", weight, 1e-200, 1e200)?;
                    terms.push(format!("{} * z{column}", dialect.double(weight)));
                }
                Source::Missing { .. } | Source::Level { .. } => {
                    // The levels of one column exclude each other: one look-up.
                    while features.get(next).is_some_and(|s| s.name() == source.name()) {
                        next += 1;
                    }
                    let group =
                        features.get(at..next).unwrap_or_default().iter().zip(row.get(at..next).unwrap_or_default());
                    let cases: String = group
                        .filter(|(_, weight)| **weight != 0.0)
                        .filter_map(|(s, weight)| {
                            Some(format!(" WHEN {} THEN {}", s.is_set()?, dialect.double(*weight)))
                        })
                        .collect();
                    if !cases.is_empty() {
                        terms.push(format!("CASE{cases} ELSE {} END", dialect.double(0.0)));
                    }
                }
            }
            at = next;
        }
        scores.push((format!("y{k}"), balanced_sum(&terms)));
    }
    query.step(scores, |name| name.starts_with('k'));
    Ok(())
}

/// Log densities up to what all classes share: the constant less half of the squared distances.
///
/// The squares are added one after the other as the native model adds them: where a variance is tiny, they are so large that
/// another order would show in the ninth digit.
pub(super) fn gaussian(
    query: &mut Query,
    features: &[Source],
    prior: &[f64],
    theta: &[Vec<f64>],
    var: &[Vec<f64>],
) -> Result<()> {
    let dialect = query.dialect;
    scale(query, features);
    let classes = prior.len();
    let nought = dialect.double(0.0);
    // Steps of a bounded width too: each class has a sum of its own.
    for (part, chunk) in features.chunks(TERMS).enumerate() {
        let mut sums: Vec<Computed> = Vec::new();
        for k in 0..classes {
            let (Some(theta), Some(var)) = (theta.get(k), var.get(k)) else { continue };
            let mut terms = if part == 0 { vec![] } else { vec![format!("d{k}")] };
            for (f, source) in chunk.iter().enumerate() {
                let at = part * TERMS + f;
                let (Some(&theta), Some(&var)) = (theta.get(at), var.get(at)) else { continue };
                terms.push(match (source, source.is_set()) {
                    (Source::Value { column, .. }, _) => {
                        within(dialect, "a mean", theta, 0.0, 1e100)?;
                        within(dialect, "a variance", var, 1e-90, 1e30)?;
                        let theta = if dialect.raises() && theta.abs() < 1e-100 { 0.0 } else { theta };
                        let away = if theta == 0.0 {
                            format!("z{column}")
                        } else {
                            format!("(z{column} - {})", dialect.double(theta))
                        };
                        format!("{away} * {away} / {}", dialect.double(var))
                    }
                    (_, Some(set)) => {
                        let (yes, no) = ((1.0 - theta).powi(2) / var, (0.0 - theta).powi(2) / var);
                        format!("CASE WHEN {set} THEN {} ELSE {} END", dialect.double(yes), dialect.double(no))
                    }
                    (_, None) => nought.clone(),
                });
            }
            sums.push((format!("d{k}"), terms.join(" + ")));
        }
        query.step(sums, |_| true);
    }
    let scores = (0..classes)
        .filter_map(|k| {
            let constant =
                prior.get(k)?.ln() - 0.5 * var.get(k)?.iter().map(|v| (std::f64::consts::TAU * v).ln()).sum::<f64>();
            let distance = if features.is_empty() { nought.clone() } else { format!("d{k}") };
            Some((format!("y{k}"), format!("{} - {} * {distance}", dialect.double(constant), dialect.double(0.5))))
        })
        .collect();
    query.step(scores, |name| name.starts_with('k'));
    Ok(())
}

/// Raw scores to the probabilities of two classes, `p0` and `p1`.
pub(super) fn two_classes(query: &mut Query) {
    let dialect = query.dialect;
    query.step(vec![("p1".into(), dialect.sigmoid("y0"))], |name| name.starts_with('k'));
    query.step(vec![("p0".into(), format!("{} - p1", dialect.double(1.0)))], |_| true);
}

/// Raw scores to probabilities by a softmax that cannot overflow.
pub(super) fn softmax(query: &mut Query, classes: usize) {
    let dialect = query.dialect;
    let list = |letter: char| (0..classes).map(|k| format!("{letter}{k}")).collect::<Vec<_>>();
    query.step(vec![("top".into(), format!("greatest({})", list('y').join(", ")))], |_| true);
    // `d` once more, so that the difference is computed once.
    query.step((0..classes).map(|k| (format!("d{k}"), format!("y{k} - top"))).collect(), |name| name.starts_with('k'));
    let powers = (0..classes).map(|k| (format!("e{k}"), dialect.exp_of_negative(&format!("d{k}"))));
    query.step(powers.collect(), |name| name.starts_with('k'));
    query.step(vec![("total".into(), balanced_sum(&list('e')))], |_| true);
    query
        .step((0..classes).map(|k| (format!("p{k}"), format!("e{k} / total"))).collect(), |name| name.starts_with('k'));
}
