//! The baseline: scikit-learn's `DummyClassifier(strategy="prior")` and `DummyRegressor(strategy="mean")`.

use std::sync::Arc;

use ndarray::Array2;

use super::{Estimator, Params};
use crate::engine::Control;
use crate::error::Result;
use crate::model::{Fitted, Target};

pub(super) struct Dummy;

impl Estimator for Dummy {
    fn name(&self) -> &'static str {
        "dummy"
    }

    fn title(&self) -> &'static str {
        "baseline (always the same)"
    }

    fn params(&self) -> Params {
        Params::new()
    }

    fn fit(&self, _x: &Arc<Array2<f64>>, y: &Target, _seed: u64, _control: &Control) -> Result<Fitted> {
        let n = y.len().max(1) as f64;
        let output = match y {
            Target::Classes { codes, count } => {
                let mut shares = vec![0.0; *count];
                for &c in codes {
                    shares[c] += 1.0;
                }
                shares.iter().map(|s| s / n).collect()
            }
            Target::Numbers(v) => vec![v.iter().sum::<f64>() / n],
        };
        Ok(Fitted::Dummy { output })
    }
}
