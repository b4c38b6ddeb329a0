//! Partial dependence (Friedman 2001) and individual curves (Goldstein et al. 2015): what a model answers when one column of every
//! row is set to the same value, as scikit-learn's `partial_dependence(method="brute", kind="both")`.

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::engine::Control;
use crate::error::{Error, Result};
use crate::model::{Encoding, FittedModel, Levels};

/// Points of the grid of a number.
const POINTS: usize = 20;
/// Rows whose own curves are kept.
const CURVES: usize = 50;

/// A value that the column is set to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GridPoint {
    /// The value in words; `missing` for a missing one.
    pub label: String,
    /// The value when it is a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<f64>,
    /// The mean answer.
    pub mean: f64,
}

/// The dependence on one column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dependence {
    /// The raw column.
    pub column: String,
    /// The grid.
    pub points: Vec<GridPoint>,
    /// Answers of single rows along the grid, one list a row.
    pub curves: Vec<Vec<f64>>,
    /// Rows over which the mean is taken.
    pub rows: usize,
}

/// Computes the dependence of output `output` on a raw column over encoded rows `x`. The grid of a number are quantiles from 5 to 95 %
/// of these rows; that of a category its levels.
///
/// # Errors
/// When the model does not read the column, or when cancelled.
pub fn partial_dependence(
    model: &FittedModel,
    x: ArrayView2<'_, f64>,
    column: &str,
    output: usize,
    control: &Control,
) -> Result<Dependence> {
    let mut start = 0;
    let mut found = None;
    for input in &model.plan.inputs {
        if input.name == column {
            found = Some(input);
            break;
        }
        start += input.width();
    }
    let input = found.ok_or_else(|| {
        let names: Vec<&str> = model.plan.inputs.iter().map(|i| i.name.as_str()).collect();
        Error::usage(format!("the model does not read a column `{column}`"))
            .hint(format!("It reads {}", names.join(", ")))
    })?;
    let width = input.width();
    let unit = |k: usize| (0..width).map(|f| f64::from(u8::from(f == k))).collect::<Vec<f64>>();
    let mut grid: Vec<(String, Option<f64>, Vec<f64>)> = Vec::new();
    let missing = match &input.encoding {
        Encoding::Number { impute, mean, scale, indicator } => {
            let mut coded = |value: f64, encoded: f64| {
                grid.push((
                    value.to_string(),
                    Some(value),
                    (0..width).map(|f| if f == 0 { encoded } else { 0.0 }).collect(),
                ));
            };
            // Imputed rows have no value of their own.
            let mut seen: Vec<f64> = x
                .outer_iter()
                .filter(|r| !indicator || r[start + 1] == 0.0)
                .map(|r| r[start])
                .filter(|v| !v.is_nan())
                .collect();
            seen.sort_by(f64::total_cmp);
            let mut distinct = seen.clone();
            distinct.dedup();
            if distinct.len() > POINTS {
                distinct = (0..POINTS)
                    .map(|k| 0.05 + 0.9 * k as f64 / (POINTS - 1) as f64)
                    .filter_map(|q| seen.get((q * (seen.len() - 1) as f64).round() as usize).copied())
                    .collect();
                distinct.dedup();
            }
            for encoded in distinct {
                coded(encoded * scale + mean, encoded);
            }
            // Without a value to take its place, missing is missing: told where there are rows of it.
            let code = impute.map_or(f64::NAN, |v| (v - mean) / scale);
            if *indicator {
                Some(vec![code, 1.0])
            } else {
                (impute.is_none() && x.column(start).iter().any(|v| v.is_nan())).then(|| vec![code])
            }
        }
        Encoding::OneHot { levels, missing } => {
            for (k, label) in levels.names().into_iter().enumerate() {
                let number = if let Levels::Number(v) = levels { v.get(k).copied() } else { None };
                grid.push((label, number, unit(k)));
            }
            missing.then(|| unit(width - 1))
        }
    };
    grid.extend(missing.map(|code| ("missing".to_owned(), None, code)));
    let mut changed: Array2<f64> = x.to_owned();
    let keep = x.nrows().min(CURVES);
    // Evenly spread rows, so that the same rows are shown every time.
    let shown: Vec<usize> = (0..keep).map(|k| k * x.nrows() / keep.max(1)).collect();
    let mut curves = vec![Vec::with_capacity(grid.len()); keep];
    let mut points = Vec::with_capacity(grid.len());
    for (label, number, code) in grid {
        control.check()?;
        for (f, v) in code.iter().enumerate() {
            changed.column_mut(start + f).fill(*v);
        }
        let answers = model.score_encoded(changed.view());
        let answers = answers.column(output);
        points.push(GridPoint { label, number, mean: answers.sum() / answers.len().max(1) as f64 });
        for (curve, row) in curves.iter_mut().zip(&shown) {
            curve.push(answers[*row]);
        }
    }
    Ok(Dependence { column: column.to_owned(), points, curves, rows: x.nrows() })
}
