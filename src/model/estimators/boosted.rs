//! Gradient-boosted trees: scikit-learn's `HistGradientBoosting`, LightGBM.

use std::sync::Arc;

use ndarray::Array2;

use super::{Estimator, Given, Params, wrong_target};
use crate::engine::Control;
use crate::error::{Error, Result};
use crate::model::boost::{BoostParams, Boosting, Loss};
use crate::model::split::{Keys, Split, hold_out};
use crate::model::{Fitted, Link, Target, Task};

/// With more training rows than this, boosting stops early by itself, as in scikit-learn.
const MANY_ROWS: usize = 10_000;

pub(super) struct BoostedTrees {
    loss: &'static str,
    params: BoostParams,
    /// `None` is `auto`.
    early_stopping: Option<bool>,
    validation_fraction: f64,
}

impl BoostedTrees {
    pub(super) fn new(given: &mut Given<'_>, task: Task) -> Result<Self> {
        let losses: &[&str] = if task.is_classification() { &["log_loss"] } else { &["squared_error", "poisson"] };
        Ok(Self {
            loss: given.word("loss", losses)?,
            params: BoostParams {
                learning_rate: given.number("learning_rate", 0.1, 1e-6, 1.0)?,
                max_iter: given.count("max_iter", 100, 1, 100_000)?,
                max_leaf_nodes: given.count("max_leaf_nodes", 31, 2, 65_535)?,
                // 0 stands for no bound.
                max_depth: given.count("max_depth", 0, 0, 10_000)?,
                min_samples_leaf: given.count("min_samples_leaf", 20, 1, 1_000_000)?,
                min_child_weight: given.number("min_child_weight", 1e-3, 0.0, 1e9)?,
                l2_regularization: given.number("l2_regularization", 0.0, 0.0, 1e9)?,
                max_bins: given.count("max_bins", 255, 2, 255)?,
                subsample: given.number("subsample", 1.0, 1e-3, 1.0)?,
                colsample_bytree: given.number("colsample_bytree", 1.0, 1e-3, 1.0)?,
                n_iter_no_change: given.count("n_iter_no_change", 10, 1, 100_000)?,
                tol: given.number("tol", 1e-7, 0.0, 1.0)?,
            },
            early_stopping: given.flag("early_stopping")?,
            validation_fraction: given.number("validation_fraction", 0.1, 0.01, 0.5)?,
        })
    }

    fn loss_for(&self, y: &Target) -> Result<(Loss, Link)> {
        match (self.loss, y) {
            ("log_loss", Target::Classes { count: 2, .. }) => Ok((Loss::Logistic, Link::Logit)),
            ("log_loss", Target::Classes { .. }) => Ok((Loss::Softmax, Link::Softmax)),
            ("squared_error", Target::Numbers(_)) => Ok((Loss::SquaredError, Link::Identity)),
            ("poisson", Target::Numbers(v)) if v.iter().any(|v| *v < 0.0) => {
                Err(Error::input("the Poisson loss is for counts, and the target holds numbers below 0")
                    .hint("Use the loss squared_error"))
            }
            ("poisson", Target::Numbers(_)) => Ok((Loss::Poisson, Link::Log)),
            _ => Err(wrong_target(self.name())),
        }
    }
}

impl Estimator for BoostedTrees {
    fn name(&self) -> &'static str {
        "boosted_trees"
    }

    fn title(&self) -> &'static str {
        "gradient-boosted trees"
    }

    fn params(&self) -> Params {
        let p = &self.params;
        Params::from([
            ("loss".into(), self.loss.into()),
            ("learning_rate".into(), p.learning_rate.into()),
            ("max_iter".into(), p.max_iter.into()),
            ("max_leaf_nodes".into(), p.max_leaf_nodes.into()),
            ("max_depth".into(), p.max_depth.into()),
            ("min_samples_leaf".into(), p.min_samples_leaf.into()),
            ("min_child_weight".into(), p.min_child_weight.into()),
            ("l2_regularization".into(), p.l2_regularization.into()),
            ("max_bins".into(), p.max_bins.into()),
            ("subsample".into(), p.subsample.into()),
            ("colsample_bytree".into(), p.colsample_bytree.into()),
            ("early_stopping".into(), self.early_stopping.map_or("auto".into(), Into::into)),
            ("validation_fraction".into(), self.validation_fraction.into()),
            ("n_iter_no_change".into(), p.n_iter_no_change.into()),
            ("tol".into(), p.tol.into()),
        ])
    }

    fn takes_missing(&self) -> bool {
        true
    }

    fn watched_share(&self, rows: usize) -> Option<f64> {
        self.early_stopping.unwrap_or(rows > MANY_ROWS).then_some(self.validation_fraction)
    }

    /// Watches rows by chance, each class in its share.
    fn fit(&self, x: &Arc<Array2<f64>>, y: &Target, seed: u64, control: &Control) -> Result<Fitted> {
        let watch = match self.watched_share(x.nrows()) {
            Some(share) => {
                let rows: Vec<u32> = (0..x.nrows() as u32).collect();
                let split = if matches!(y, Target::Classes { .. }) { Split::Stratified } else { Split::Random };
                // Where the rows are too few to keep some apart, none are.
                hold_out(&split, &rows, y, &Keys::None, share, seed).map_or_else(|_| Vec::new(), |sides| sides.test)
            }
            None => Vec::new(),
        };
        self.fit_watching(x, y, &watch, seed, control)
    }

    fn fit_watching(
        &self,
        x: &Arc<Array2<f64>>,
        y: &Target,
        watch: &[u32],
        seed: u64,
        control: &Control,
    ) -> Result<Fitted> {
        let (loss, link) = self.loss_for(y)?;
        let values = x.as_standard_layout();
        let values = values.as_slice().ok_or_else(|| Error::local("the encoded rows do not lie row after row"))?;
        let mut params = self.params.clone();
        if params.max_depth == 0 {
            params.max_depth = usize::MAX;
        }
        let rounds = params.max_iter;
        let boosting = Boosting { values, features: x.ncols(), y, loss, params: &params, watch, seed };
        let boosted = boosting.run(control, &|round, loss| {
            let loss = loss.map_or_else(String::new, |loss| format!(", loss {loss:.4} on watched rows"));
            control.report(self.name(), Some(round as f64 / rounds as f64), format!("round {round} of {rounds}{loss}"));
        })?;
        Ok(Fitted::Boosted { link, base: boosted.base, scale: boosted.scale, trees: boosted.trees })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn given(params: &[(&str, serde_json::Value)], task: Task) -> Result<Box<dyn Estimator>> {
        let params: Params = params.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
        crate::model::estimators::make("boosted_trees", task, &params)
    }

    #[test]
    fn parameters_are_checked_and_recorded() {
        let made = given(&[("max_iter", json!(7)), ("early_stopping", json!(false))], Task::Binary).unwrap();
        let params = made.params();
        assert_eq!(
            (&params["max_iter"], &params["early_stopping"], &params["loss"]),
            (&json!(7), &json!(false), &json!("log_loss"))
        );
        // What was recorded makes the same estimator again.
        let again: Vec<(&str, serde_json::Value)> = params.iter().map(|(k, v)| (k.as_str(), v.clone())).collect();
        assert_eq!(given(&again, Task::Binary).unwrap().params(), params);
        for (key, value) in [
            ("early_stopping", json!("yes")),
            ("loss", json!("poisson")),
            ("max_bins", json!(256)),
            ("trees", json!(1)),
        ] {
            assert!(given(&[(key, value.clone())], Task::Binary).is_err(), "{key} {value}");
        }
    }

    #[test]
    fn early_stopping_is_for_many_rows_unless_asked_for() {
        let share = |value, rows| given(&[("early_stopping", value)], Task::Regression).unwrap().watched_share(rows);
        assert_eq!((share(json!("auto"), 10_000), share(json!("auto"), 10_001)), (None, Some(0.1)));
        assert_eq!((share(json!(true), 100), share(json!(false), 100_000)), (Some(0.1), None));
    }

    #[test]
    fn negative_counts_are_refused() {
        let made = given(&[("loss", json!("poisson"))], Task::Regression).unwrap();
        let x = Arc::new(Array2::zeros((3, 1)));
        let error = made.fit(&x, &Target::Numbers(vec![1.0, -1.0, 2.0]), 1, &Control::default()).unwrap_err();
        assert!(error.message.contains("below 0"), "{error}");
    }
}
