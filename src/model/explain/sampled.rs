//! Estimated Shapley values for any model: random orders of the raw columns, each walked forwards and backwards (Štrumbelj and
//! Kononenko 2014; Mitchell et al. 2022 on the second walk, which halves the error).

use ndarray::{Array2, ArrayView1, ArrayView2};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::Contribution;
use crate::engine::Control;
use crate::error::Result;
use crate::model::FittedModel;

/// Orders, each walked both ways.
const ORDERS: usize = 24;

/// Base and contributions by raw column, with standard errors over the orders. What is not known comes from the background rows.
pub(super) fn contributions(
    model: &FittedModel,
    background: ArrayView2<'_, f64>,
    row: ArrayView1<'_, f64>,
    output: usize,
    seed: u64,
    control: &Control,
) -> Result<(f64, Vec<Contribution>)> {
    let columns = model.plan.inputs.len();
    let mut starts = vec![0];
    for input in &model.plan.inputs {
        starts.push(starts.last().copied().unwrap_or(0) + input.width());
    }
    let mean = |x: &Array2<f64>| {
        let scores = model.fitted.scores(x.view());
        scores.column(output).sum() / scores.nrows().max(1) as f64
    };
    let unknown = background.to_owned();
    let base = mean(&unknown);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut sums = vec![(0.0, 0.0); columns];
    for _ in 0..ORDERS {
        control.check()?;
        let mut order: Vec<usize> = (0..columns).collect();
        order.shuffle(&mut rng);
        let mut both = vec![0.0; columns];
        for backwards in [false, true] {
            let mut x = unknown.clone();
            let mut before = base;
            for at in 0..columns {
                let column = order[if backwards { columns - 1 - at } else { at }];
                for f in starts[column]..starts[column + 1] {
                    x.column_mut(f).fill(row[f]);
                }
                let now = mean(&x);
                both[column] += (now - before) / 2.0;
                before = now;
            }
        }
        for (sum, value) in sums.iter_mut().zip(both) {
            *sum = (sum.0 + value, sum.1 + value * value);
        }
    }
    let n = ORDERS as f64;
    let all = model.plan.inputs.iter().zip(sums).map(|(input, (sum, square))| {
        let value = sum / n;
        let variance = ((square - n * value * value) / (n - 1.0)).max(0.0);
        Contribution { column: input.name.clone(), value, error: Some((variance / n).sqrt()) }
    });
    Ok((base, all.collect()))
}
