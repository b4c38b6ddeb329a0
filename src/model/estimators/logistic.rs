//! Logistic regression by linfa's L-BFGS, with two or more classes.

use std::sync::Arc;

use linfa::prelude::*;
use linfa_logistic::{LogisticRegression, MultiLogisticRegression};
use ndarray::{Array1, Array2};

use super::{Estimator, Given, Params, abandonable, wrong_target};
use crate::engine::Control;
use crate::error::{Error, Result};
use crate::model::{Fitted, Target};

/// The loss is scikit-learn's: the sum of log losses plus `||w||² / (2 C)`, the intercept unpenalised.
pub(super) struct Logistic {
    c: f64,
    max_iter: usize,
    tol: f64,
}

impl Logistic {
    pub(super) fn new(given: &mut Given<'_>) -> Result<Self> {
        Ok(Self {
            c: given.number("C", 1.0, 1e-9, 1e9)?,
            max_iter: given.count("max_iter", 1000, 1, 100_000)?,
            tol: given.number("tol", 1e-4, 1e-12, 1.0)?,
        })
    }
}

impl Estimator for Logistic {
    fn name(&self) -> &'static str {
        "logistic_regression"
    }

    fn title(&self) -> &'static str {
        "logistic regression"
    }

    fn params(&self) -> Params {
        Params::from([
            ("C".into(), self.c.into()),
            ("max_iter".into(), self.max_iter.into()),
            ("tol".into(), self.tol.into()),
        ])
    }

    fn fit(&self, x: &Arc<Array2<f64>>, y: &Target, _seed: u64, control: &Control) -> Result<Fitted> {
        let Target::Classes { codes, count } = y else { return Err(wrong_target(self.name())) };
        let (x, codes, count) = (Arc::clone(x), Array1::from_vec(codes.clone()), *count);
        // scikit-learn's tolerance is for the gradient of the mean loss, linfa's for that of the sum.
        let tol = self.tol * x.nrows() as f64;
        let (alpha, max_iter) = (1.0 / self.c, self.max_iter as u64);
        abandonable(control, move || {
            let failed = |e: &dyn std::fmt::Display| {
                Error::input(format!("logistic regression did not converge: {e}"))
                    .hint("Leave out columns that hold extreme values, or lower C")
            };
            let data = DatasetBase::new(x.view(), codes);
            if count == 2 {
                let fitted = LogisticRegression::default()
                    .alpha(alpha)
                    .max_iterations(max_iter)
                    .gradient_tolerance(tol)
                    .fit(&data)
                    .map_err(|e| failed(&e))?;
                // linfa decides itself which label is the positive one.
                let sign = if fitted.labels().pos.class == 1 { 1.0 } else { -1.0 };
                Ok(Fitted::Logistic {
                    coef: vec![fitted.params().iter().map(|w| sign * w).collect()],
                    intercept: vec![sign * fitted.intercept()],
                })
            } else {
                let fitted = MultiLogisticRegression::default()
                    .alpha(alpha)
                    .max_iterations(max_iter)
                    .gradient_tolerance(tol)
                    .fit(&data)
                    .map_err(|e| failed(&e))?;
                // A class that is absent from these rows gets a probability of nought.
                let features = x.ncols();
                let (mut coef, mut intercept) = (vec![vec![0.0; features]; count], vec![-1e3; count]);
                for (k, &class) in fitted.classes().iter().enumerate() {
                    coef[class] = fitted.params().column(k).to_vec();
                    intercept[class] = fitted.intercept()[k];
                }
                Ok(Fitted::Logistic { coef, intercept })
            }
        })?
    }
}
