//! Exact contributions to a weighted sum: `coef · (x - mean of the background)`, as the shap package's `LinearExplainer` with
//! independent features.

use ndarray::ArrayView1;

use crate::model::Fitted;

/// Base and what each feature adds. A constant answer has a base and nothing else.
pub(super) fn contributions(
    fitted: &Fitted,
    means: &[f64],
    row: ArrayView1<'_, f64>,
    output: usize,
) -> (f64, Vec<f64>) {
    let none: &[f64] = &[];
    let (coef, intercept, sign) = match fitted {
        Fitted::Linear { coef, intercept } => (coef.as_slice(), *intercept, 1.0),
        // One row of coefficients speaks for the second of two classes.
        Fitted::Logistic { coef, intercept } if coef.len() == 1 => {
            let sign = if output == 0 { -1.0 } else { 1.0 };
            (coef[0].as_slice(), intercept.first().copied().unwrap_or(0.0), sign)
        }
        Fitted::Logistic { coef, intercept } => {
            let of_class = coef.get(output).map_or(none, Vec::as_slice);
            (of_class, intercept.get(output).copied().unwrap_or(0.0), 1.0)
        }
        Fitted::Dummy { output: answers } => (none, answers.get(output).copied().unwrap_or(0.0), 1.0),
        Fitted::GaussianNb { .. } | Fitted::Trees { .. } | Fitted::Boosted { .. } => (none, 0.0, 1.0),
    };
    let base = sign * (intercept + coef.iter().zip(means).map(|(c, m)| c * m).sum::<f64>());
    (base, coef.iter().zip(means).zip(row).map(|((c, m), x)| sign * c * (x - m)).collect())
}
