//! The estimators: one trait, with linfa's algorithms (and our trees) behind it.

mod boosted;
mod dummy;
mod elastic_net;
mod linear;
mod logistic;
mod naive_bayes;
mod trees;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use ndarray::Array2;
use serde_json::Value;

use super::{Fitted, Target, Task};
use crate::engine::Control;
use crate::error::{Error, Result};

/// Parameters by scikit-learn's names.
pub type Params = BTreeMap<String, Value>;

/// A learning algorithm with its parameters set.
pub trait Estimator: Send + Sync {
    /// The name in files and on the command line, for example `random_forest`.
    fn name(&self) -> &'static str;

    /// The name for people, for example `random forest`.
    fn title(&self) -> &'static str;

    /// Every parameter with its value, as recorded with the run.
    fn params(&self) -> Params;

    /// Fits encoded rows `x` (rows, features) to `y` (one value a row). The same seed gives the same parameters.
    ///
    /// # Errors
    /// When the algorithm fails on these rows, or when cancelled.
    fn fit(&self, x: &Arc<Array2<f64>>, y: &Target, seed: u64, control: &Control) -> Result<Fitted>;

    /// Whether it takes missing values (NaN) as they are: see [`super::FeaturePlan::without_imputing`].
    fn takes_missing(&self) -> bool {
        false
    }

    /// The share of `rows` training rows that it wants to watch so as to stop early; none for most.
    fn watched_share(&self, _rows: usize) -> Option<f64> {
        None
    }

    /// [`Estimator::fit`] with the rows to watch chosen by the caller, who knows of groups and time. An empty list means that
    /// none can be kept apart.
    ///
    /// # Errors
    /// As [`Estimator::fit`].
    fn fit_watching(
        &self,
        x: &Arc<Array2<f64>>,
        y: &Target,
        _watch: &[u32],
        seed: u64,
        control: &Control,
    ) -> Result<Fitted> {
        self.fit(x, y, seed, control)
    }
}

/// The estimators for a task in the order in which they are tried: the baseline first.
#[must_use]
pub fn names(task: Task) -> &'static [&'static str] {
    match task {
        Task::Binary | Task::Multiclass => {
            &["dummy", "logistic_regression", "gaussian_nb", "decision_tree", "random_forest", "boosted_trees"]
        }
        Task::Regression => {
            &["dummy", "linear_regression", "elastic_net", "decision_tree", "random_forest", "boosted_trees"]
        }
    }
}

/// Makes an estimator by name with its default parameters, changed by `params`.
///
/// # Errors
/// When the name is not one for this task, or a parameter is unknown or out of range.
pub fn make(name: &str, task: Task, params: &Params) -> Result<Box<dyn Estimator>> {
    if !names(task).contains(&name) {
        return Err(Error::usage(format!("there is no estimator `{name}` for a {task} target"))
            .hint(format!("Choose from {}", names(task).join(", "))));
    }
    let mut given = Given { name, params: params.clone() };
    let estimator: Box<dyn Estimator> = match name {
        "logistic_regression" => Box::new(logistic::Logistic::new(&mut given)?),
        "gaussian_nb" => Box::new(naive_bayes::GaussianNaiveBayes::new(&mut given)?),
        "linear_regression" => Box::new(linear::LinearRegression),
        "elastic_net" => Box::new(elastic_net::ElasticNet::new(&mut given)?),
        "decision_tree" => Box::new(trees::DecisionTree::new(&mut given)?),
        "random_forest" => Box::new(trees::RandomForest::new(&mut given, task)?),
        "boosted_trees" => Box::new(boosted::BoostedTrees::new(&mut given, task)?),
        _ => Box::new(dummy::Dummy),
    };
    given.finish()?;
    Ok(estimator)
}

/// The title of an estimator by name (the name itself when unknown).
#[must_use]
pub fn title(name: &str) -> String {
    [Task::Binary, Task::Regression]
        .into_iter()
        .find_map(|task| make(name, task, &Params::new()).ok())
        .map_or_else(|| name.to_owned(), |e| e.title().to_owned())
}

/// Parameters that the user gave, taken out one by one so that a misspelt one is noticed.
struct Given<'a> {
    name: &'a str,
    params: Params,
}

impl Given<'_> {
    fn number(&mut self, key: &str, default: f64, low: f64, high: f64) -> Result<f64> {
        let Some(value) = self.params.remove(key) else { return Ok(default) };
        value.as_f64().filter(|v| (low..=high).contains(v)).ok_or_else(|| {
            Error::usage(format!("{}: parameter `{key}` is {value}", self.name))
                .hint(format!("It must be a number between {low} and {high}"))
        })
    }

    fn count(&mut self, key: &str, default: usize, low: usize, high: usize) -> Result<usize> {
        Ok(self.number(key, default as f64, low as f64, high as f64)? as usize)
    }

    /// One of some words.
    fn word(&mut self, key: &str, words: &[&'static str]) -> Result<&'static str> {
        let Some(value) = self.params.remove(key) else { return Ok(words.first().copied().unwrap_or_default()) };
        words.iter().copied().find(|w| value.as_str() == Some(w)).ok_or_else(|| {
            Error::usage(format!("{}: parameter `{key}` is {value}", self.name))
                .hint(format!("It must be one of {}", words.join(", ")))
        })
    }

    /// True or false, or `None` for `"auto"`, the default.
    fn flag(&mut self, key: &str) -> Result<Option<bool>> {
        match self.params.remove(key) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(Value::String(word)) if word == "auto" => Ok(None),
            Some(value) => Err(Error::usage(format!("{}: parameter `{key}` is {value}", self.name))
                .hint("It must be true, false or \"auto\"")),
        }
    }

    fn finish(self) -> Result<()> {
        match self.params.keys().next() {
            None => Ok(()),
            Some(key) => Err(Error::usage(format!("{}: there is no parameter `{key}`", self.name))),
        }
    }
}

/// Runs a computation that cannot be interrupted on a thread of its own. On cancel the caller returns at once; the thread
/// runs to its end unheard and its result is dropped.
fn abandonable<T: Send + 'static>(control: &Control, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let (tell, hear) = channel();
    std::thread::Builder::new().name("fit".into()).spawn(move || {
        // The receiver is gone when the caller gave up: nothing to do about it.
        let _ = tell.send(work());
    })?;
    loop {
        match hear.recv_timeout(Duration::from_millis(20)) {
            Ok(result) => return Ok(result),
            Err(RecvTimeoutError::Timeout) => control.check()?,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Error::input("the algorithm failed on these rows").hint("Try another estimator"));
            }
        }
    }
}

fn wrong_target(name: &str) -> Error {
    Error::usage(format!("{name} cannot fit this kind of target"))
}
