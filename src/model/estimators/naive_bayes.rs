//! Gaussian naive Bayes by linfa.

use std::sync::Arc;

use linfa::prelude::*;
use linfa_bayes::GaussianNb;
use ndarray::{Array1, Array2};
use serde_json::Value;

use super::{Estimator, Given, Params, abandonable, wrong_target};
use crate::engine::Control;
use crate::error::{Error, Result};
use crate::model::{Fitted, Target};

pub(super) struct GaussianNaiveBayes {
    var_smoothing: f64,
}

impl GaussianNaiveBayes {
    pub(super) fn new(given: &mut Given<'_>) -> Result<Self> {
        Ok(Self { var_smoothing: given.number("var_smoothing", 1e-9, 0.0, 1.0)? })
    }
}

impl Estimator for GaussianNaiveBayes {
    fn name(&self) -> &'static str {
        "gaussian_nb"
    }

    fn title(&self) -> &'static str {
        "naive Bayes (Gaussian)"
    }

    fn params(&self) -> Params {
        Params::from([("var_smoothing".into(), self.var_smoothing.into())])
    }

    fn fit(&self, x: &Arc<Array2<f64>>, y: &Target, _seed: u64, control: &Control) -> Result<Fitted> {
        let Target::Classes { codes, count } = y else { return Err(wrong_target(self.name())) };
        let (x, codes, count, smoothing) = (Arc::clone(x), Array1::from_vec(codes.clone()), *count, self.var_smoothing);
        let fitted = abandonable(control, move || {
            GaussianNb::<f64, usize>::params()
                .var_smoothing(smoothing)
                .fit(&DatasetBase::new(x.view(), codes))
                .map_err(|e| Error::input(format!("naive Bayes failed: {e}")))
                // linfa keeps means and variances private; its serialised form is the way to them.
                .and_then(|model| Ok(serde_json::to_value(model)?))
        })??;
        read(&fitted, count).ok_or_else(|| Error::local("linfa's naive Bayes has another form than expected"))
    }
}

/// Reads the parameters out of linfa's serialised form. A class without rows (in a fold) gets a share of nought.
fn read(model: &Value, count: usize) -> Option<Fitted> {
    let info = model.get("class_info")?.as_object()?;
    let vector = |v: &Value| -> Option<Vec<f64>> { v.get("data")?.as_array()?.iter().map(Value::as_f64).collect() };
    let width = info.values().next().and_then(|c| vector(c.get("theta")?)).map_or(0, |t| t.len());
    let mut prior = vec![0.0; count];
    let mut theta = vec![vec![0.0; width]; count];
    let mut var = vec![vec![1.0; width]; count];
    for (class, info) in info {
        let k: usize = class.parse().ok().filter(|k| *k < count)?;
        prior[k] = info.get("prior")?.as_f64()?;
        theta[k] = vector(info.get("theta")?)?;
        // A feature that is constant in every class has no variance even after smoothing.
        var[k] = vector(info.get("sigma")?)?.into_iter().map(|v| v.max(1e-12)).collect();
    }
    Some(Fitted::GaussianNb { prior, theta, var })
}
