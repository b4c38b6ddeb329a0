//! Ordinary least squares and the elastic net by linfa.

use std::sync::Arc;

use linfa::prelude::*;
use ndarray::{Array1, Array2, Axis};

use super::{Estimator, Given, Params, abandonable, wrong_target};
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
            let kept = independent_columns(&x);
            if kept.is_empty() {
                // Nothing varies: the best line is the mean.
                return Ok(Fitted::Linear { coef: vec![0.0; x.ncols()], intercept: y.mean().unwrap_or(0.0) });
            }
            let part = x.select(Axis(1), &kept);
            let fitted = linfa_linear::LinearRegression::new()
                .fit(&DatasetBase::new(part, y))
                .map_err(|e| Error::input(format!("least squares failed: {e}")))?;
            let mut coef = vec![0.0; x.ncols()];
            for (&at, &w) in kept.iter().zip(fitted.params()) {
                coef[at] = w;
            }
            Ok(Fitted::Linear { coef, intercept: fitted.intercept() })
        })?
    }
}

/// Columns that are not linear combinations of a constant and of columns before them, by Cholesky elimination on the
/// centred Gram matrix. The combinations get a coefficient of 0, which leaves the fitted values as they are.
fn independent_columns(x: &Array2<f64>) -> Vec<usize> {
    let Some(mean) = x.mean_axis(Axis(0)) else { return Vec::new() };
    let centred = x - &mean;
    let mut gram = centred.t().dot(&centred);
    let size: Vec<f64> = gram.diag().to_vec();
    let mut kept = Vec::new();
    for j in 0..gram.ncols() {
        // What is left of the column's length after the kept ones have been projected out.
        if size[j] <= 0.0 || gram[[j, j]] <= 1e-9 * size[j] {
            continue;
        }
        kept.push(j);
        let pivot = gram[[j, j]];
        let row = gram.row(j).to_owned();
        for k in j + 1..gram.ncols() {
            let factor = row[k] / pivot;
            if factor != 0.0 {
                let mut line = gram.row_mut(k);
                for l in j + 1..row.len() {
                    line[l] -= factor * row[l];
                }
            }
        }
    }
    kept
}

/// scikit-learn's `ElasticNet` on a target scaled to unit deviation, so that `alpha` means the same for every unit.
pub(super) struct ElasticNet {
    alpha: f64,
    l1_ratio: f64,
    max_iter: usize,
    tol: f64,
}

impl ElasticNet {
    pub(super) fn new(given: &mut Given<'_>) -> Result<Self> {
        Ok(Self {
            alpha: given.number("alpha", 0.01, 0.0, 1e6)?,
            l1_ratio: given.number("l1_ratio", 0.5, 0.0, 1.0)?,
            max_iter: given.count("max_iter", 2000, 1, 100_000)?,
            tol: given.number("tol", 1e-4, 1e-12, 1.0)?,
        })
    }
}

impl Estimator for ElasticNet {
    fn name(&self) -> &'static str {
        "elastic_net"
    }

    fn title(&self) -> &'static str {
        "elastic net"
    }

    fn params(&self) -> Params {
        Params::from([
            ("alpha".into(), self.alpha.into()),
            ("l1_ratio".into(), self.l1_ratio.into()),
            ("max_iter".into(), self.max_iter.into()),
            ("tol".into(), self.tol.into()),
        ])
    }

    fn fit(&self, x: &Arc<Array2<f64>>, y: &Target, _seed: u64, control: &Control) -> Result<Fitted> {
        let Target::Numbers(y) = y else { return Err(wrong_target(self.name())) };
        let y = Array1::from_vec(y.clone());
        let mean = y.mean().unwrap_or(0.0);
        let scale = Some(y.std(0.0)).filter(|s| *s > 0.0).unwrap_or(1.0);
        let scaled = y.mapv(|v| (v - mean) / scale);
        let (x, alpha, l1_ratio, max_iter, tol) =
            (Arc::clone(x), self.alpha, self.l1_ratio, self.max_iter as u32, self.tol);
        abandonable(control, move || {
            let fitted = linfa_elasticnet::ElasticNet::params()
                .penalty(alpha)
                .l1_ratio(l1_ratio)
                .max_iterations(max_iter)
                .tolerance(tol)
                .fit(&DatasetBase::new(x.view(), scaled))
                .map_err(|e| Error::input(format!("the elastic net failed: {e}")))?;
            Ok(Fitted::Linear {
                coef: fitted.hyperplane().iter().map(|w| w * scale).collect(),
                intercept: fitted.intercept() * scale + mean,
            })
        })?
    }
}
