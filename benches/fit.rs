//! One fit of one estimator on rows made elsewhere, for `benches/fit-vs-peers`:
//!
//! ```text
//! fit ESTIMATOR TASK X Y FEATURES TRAIN_ROWS SCORES [PARAM=VALUE...]
//! ```
//!
//! X and Y hold doubles in little-endian order, row after row. The first `TRAIN_ROWS` rows are fitted on; the scores of the others
//! (the second class's, or the number) are written to `SCORES`. Prints the seconds of the fit and of the scoring.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::time::Instant;

use ndarray::{Array2, Axis, Slice};
use pilothouse::engine::Control;
use pilothouse::model::estimators::{self, Params};
use pilothouse::model::{Target, Task};

fn doubles(path: &str) -> Vec<f64> {
    std::fs::read(path).unwrap().chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect()
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let [estimator, task, x, y, features, rows, scores, params @ ..] = &args[..] else {
        println!("fit: run by benches/fit-vs-peers");
        return;
    };
    let task: Task = serde_json::from_value(task.as_str().into()).unwrap();
    let (features, rows): (usize, usize) = (features.parse().unwrap(), rows.parse().unwrap());
    let (x, y) = (doubles(x), doubles(y));
    let x = Array2::from_shape_vec((y.len(), features), x).unwrap();
    let train = Arc::new(x.slice_axis(Axis(0), Slice::from(..rows)).to_owned());
    let truth = if task.is_classification() {
        let codes: Vec<usize> = y[..rows].iter().map(|v| *v as usize).collect();
        Target::Classes { count: codes.iter().max().unwrap() + 1, codes }
    } else {
        Target::Numbers(y[..rows].to_vec())
    };
    let params: Params = params
        .iter()
        .map(|p| {
            let (key, value) = p.split_once('=').unwrap();
            (key.to_owned(), serde_json::from_str(value).unwrap())
        })
        .collect();
    let estimator = estimators::make(estimator, task, &params).unwrap();
    let start = Instant::now();
    let fitted = estimator.fit(&train, &truth, 1, &Control::default()).unwrap();
    let fit = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let said = fitted.scores(x.slice_axis(Axis(0), Slice::from(rows..)));
    let scoring = start.elapsed().as_secs_f64();
    let last = said.column(said.ncols() - 1);
    std::fs::write(scores, last.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>()).unwrap();
    println!("{fit} {scoring}");
}
