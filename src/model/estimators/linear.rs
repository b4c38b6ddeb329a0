//! Ordinary least squares by linfa.

use std::sync::Arc;

use linfa::prelude::*;
use ndarray::{Array1, Array2, Axis};

use super::{Estimator, Params, abandonable, wrong_target};
use crate::engine::Control;
use crate::error::{Error, Result};
use crate::model::{Fitted, Target};

pub(super) struct LinearRegression;

impl Estimator for LinearRegression {
    fn name(&self) -> &'static str {
        "linear_regression"
    }

    fn title(&self) -> &'static str {
        "linear regression (least squares)"
    }

    fn params(&self) -> Params {
        Params::new()
    }

    fn fit(&self, x: &Arc<Array2<f64>>, y: &Target, _seed: u64, control: &Control) -> Result<Fitted> {
        let Target::Numbers(y) = y else { return Err(wrong_target(self.name())) };
        let (x, y) = (Arc::clone(x), Array1::from_vec(y.clone()));
        abandonable(control, move || {
            // linfa's solver is exact only for independent columns, and indicators of one category never are.
            let basis = Basis::of(&x);
            if basis.kept.is_empty() {
                // Nothing varies: the best line is the mean.
                return Ok(Fitted::Linear { coef: vec![0.0; x.ncols()], intercept: y.mean().unwrap_or(0.0) });
            }
            let fitted = linfa_linear::LinearRegression::new()
                .fit(&DatasetBase::new(x.select(Axis(1), &basis.kept), y))
                .map_err(|e| Error::input(format!("least squares failed: {e}")))?;
            let (coef, shift) = basis.spread(fitted.params());
            Ok(Fitted::Linear { coef, intercept: fitted.intercept() + shift })
        })?
    }
}

/// Which columns are independent, and how the others are made of them.
struct Basis {
    /// Independent columns, ascending.
    kept: Vec<usize>,
    /// Columns that are a constant plus a combination of kept ones.
    dropped: Vec<usize>,
    /// (dropped, kept): the combinations.
    made_of: Array2<f64>,
    /// Mean of every column.
    mean: Array1<f64>,
}

impl Basis {
    /// Gauss-Jordan elimination on the centred Gram matrix; a column is dropped when next to nothing of its length is
    /// left after the columns before it have been projected out.
    fn of(x: &Array2<f64>) -> Self {
        let mean = x.mean_axis(Axis(0)).unwrap_or_else(|| Array1::zeros(x.ncols()));
        let centred = x - &mean;
        let mut gram = centred.t().dot(&centred);
        let size = gram.diag().to_owned();
        let (mut kept, mut dropped) = (Vec::new(), Vec::new());
        for j in 0..gram.ncols() {
            if size[j] <= 0.0 || gram[[j, j]] <= 1e-9 * size[j] {
                dropped.push(j);
                continue;
            }
            kept.push(j);
            let pivot = gram[[j, j]];
            let row = gram.row(j).mapv(|v| v / pivot);
            for k in (0..gram.nrows()).filter(|k| *k != j) {
                let factor = gram[[k, j]];
                if factor != 0.0 {
                    gram.row_mut(k).scaled_add(-factor, &row);
                }
            }
            gram.row_mut(j).assign(&row);
        }
        let made_of = Array2::from_shape_fn((dropped.len(), kept.len()), |(d, k)| gram[[kept[k], dropped[d]]]);
        Self { kept, dropped, made_of, mean }
    }

    /// Of all coefficients with the same fitted values, the shortest: what scikit-learn's `LinearRegression` gives. Also
    /// returns what the intercept gains.
    fn spread(&self, params: &Array1<f64>) -> (Vec<f64>, f64) {
        let a = &self.made_of;
        // The null space is spanned by e_d - Σ a_dk e_k; the coefficients' part in it is taken away.
        let mut gram = a.dot(&a.t());
        gram.diag_mut().mapv_inplace(|v| v + 1.0);
        let z = solve(gram, -a.dot(params));
        let inside = params + &a.t().dot(&z);
        let mut coef = vec![0.0; self.mean.len()];
        for (k, &at) in self.kept.iter().enumerate() {
            coef[at] = inside[k];
        }
        for (d, &at) in self.dropped.iter().enumerate() {
            coef[at] = -z[d];
        }
        let before: f64 = self.kept.iter().zip(params).map(|(&at, w)| w * self.mean[at]).sum();
        let after: f64 = coef.iter().zip(&self.mean).map(|(w, m)| w * m).sum();
        (coef, before - after)
    }
}

/// Solves a positive definite system by elimination; pivots of such a system never vanish.
fn solve(mut matrix: Array2<f64>, mut right: Array1<f64>) -> Array1<f64> {
    let n = right.len();
    for j in 0..n {
        for k in j + 1..n {
            let factor = matrix[[k, j]] / matrix[[j, j]];
            if factor != 0.0 {
                for l in j..n {
                    matrix[[k, l]] -= factor * matrix[[j, l]];
                }
                right[k] -= factor * right[j];
            }
        }
    }
    for j in (0..n).rev() {
        let known: f64 = (j + 1..n).map(|l| matrix[[j, l]] * right[l]).sum();
        right[j] = (right[j] - known) / matrix[[j, j]];
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependent_columns_share_their_weight() {
        // Two equal columns and an indicator with its opposite: the shortest solution halves each effect.
        let mut x = Array2::zeros((40, 4));
        for i in 0..40 {
            let (v, flag) = ((i * 7 % 13) as f64, f64::from(u8::from(i % 3 == 0)));
            for (at, value) in [v, v, flag, 1.0 - flag].into_iter().enumerate() {
                x[[i, at]] = value;
            }
        }
        let y: Vec<f64> = x.outer_iter().map(|r| 5.0 + 2.0 * r[0] + 3.0 * r[2]).collect();
        let fitted = LinearRegression.fit(&Arc::new(x), &Target::Numbers(y), 1, &Control::default()).unwrap();
        let Fitted::Linear { coef, intercept } = fitted else { panic!("not linear") };
        // numpy.linalg.lstsq on the centred columns gives the same.
        for (got, want) in coef.iter().zip([1.0, 1.0, 1.5, -1.5]) {
            assert!((got - want).abs() < 1e-9, "{coef:?}");
        }
        assert!((intercept - 6.5).abs() < 1e-9, "{intercept}");
    }
}
