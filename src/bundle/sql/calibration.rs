//! Calibration curves in SQL: scores in, chances out.

use super::columns::within;
use super::dialect::Dialect;
use super::query::{Query, balanced_sum};
use crate::error::Result;
use crate::model::calibration::{Calibration, Curve};

/// Adds the steps that calibrate `scores` (expressions over the last step), and returns the names of the chances.
///
/// # Errors
/// When a curve leaves the numbers with which the engine can count.
pub(super) fn calibrated(query: &mut Query, calibration: &Calibration, scores: &[String]) -> Result<Vec<String>> {
    let dialect = query.dialect;
    let one = dialect.double(1.0);
    // The one curve of two classes speaks for the second.
    let first = usize::from(calibration.curves.len() == 1);
    // A sigmoid names its argument more than once, so that it is computed in a step of its own.
    let mut arguments = Vec::new();
    for (k, (curve, score)) in (first..).zip(calibration.curves.iter().zip(scores.iter().skip(first))) {
        arguments.push((format!("w{k}"), argument(dialect, curve, score)?));
    }
    query.step(arguments, |name| name.starts_with('k'));
    let chances = (first..).zip(&calibration.curves).map(|(k, curve)| {
        let argument = format!("w{k}");
        let chance = match curve {
            Curve::Sigmoid { .. } => dialect.sigmoid(&argument),
            Curve::Isotonic { x, y } => broken_line(dialect, x, y, &argument),
        };
        (format!("q{k}"), chance)
    });
    query.step(chances.collect(), |name| name.starts_with('k'));
    if first == 1 {
        query.step(vec![("q0".into(), format!("{one} - q1"))], |_| true);
        return Ok(vec!["q0".into(), "q1".into()]);
    }
    let names: Vec<String> = (0..calibration.curves.len()).map(|k| format!("q{k}")).collect();
    query.step(vec![("total".into(), balanced_sum(&names))], |_| true);
    let (nought, even) = (dialect.double(0.0), dialect.double(1.0 / names.len().max(1) as f64));
    let shares = names.iter().enumerate();
    // A row that every curve calls impossible says nothing.
    let shares =
        shares.map(|(k, q)| (format!("p{k}"), format!("CASE WHEN total = {nought} THEN {even} ELSE {q} / total END")));
    query.step(shares.collect(), |name| name.starts_with('k'));
    Ok((0..names.len()).map(|k| format!("p{k}")).collect())
}

/// What a curve looks at: the score, or of a sigmoid the negative of `slope · score + intercept`.
fn argument(dialect: Dialect, curve: &Curve, score: &str) -> Result<String> {
    let Curve::Sigmoid { slope, intercept } = curve else { return Ok(score.to_owned()) };
    within(dialect, "a slope of a calibration", *slope, 1e-100, 1e100)?;
    let (slope, intercept) = (dialect.double(-slope), dialect.double(-intercept));
    let whole = format!("{slope} * {score} + {intercept}");
    // Where PostgreSQL's product would fall below the numbers, it adds nothing.
    Ok(if dialect.raises() {
        format!("CASE WHEN {score} < {} THEN {intercept} ELSE {whole} END", dialect.double(1e-200))
    } else {
        whole
    })
}

/// Straight lines between points, level beyond the first and the last.
fn broken_line(dialect: Dialect, x: &[f64], y: &[f64], score: &str) -> String {
    let points: Vec<(f64, f64)> = x.iter().copied().zip(y.iter().copied()).collect();
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return score.to_owned() };
    let mut cases = format!(" WHEN {score} < {} THEN {}", dialect.double(first.0), dialect.double(first.1));
    for ((x0, y0), (x1, y1)) in points.iter().zip(points.iter().skip(1)) {
        // Computed as the native curve does it.
        let slope = (y1 - y0) / (x1 - x0);
        let line = if slope == 0.0 {
            dialect.double(*y0)
        } else {
            format!("{} + {} * ({score} - {})", dialect.double(*y0), dialect.double(slope), dialect.double(*x0))
        };
        cases.push_str(&format!(" WHEN {score} < {} THEN {line}", dialect.double(*x1)));
    }
    format!("CASE{cases} ELSE {} END", dialect.double(last.1))
}
