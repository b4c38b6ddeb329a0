//! The confusion matrix.

use crate::chart::describe::{Axis, Chart, Series};
use crate::chart::number::{grouped, percent};

/// How often each class (rows, the truth) was taken for each class (columns). `counts[truth][predicted]`.
/// Cells show the count and the share of their row.
#[must_use]
pub fn confusion(classes: &[String], counts: &[Vec<u64>]) -> Chart {
    let sums: Vec<u64> = counts.iter().map(|row| row.iter().sum()).collect();
    let share = |row: usize, n: u64| {
        let sum = sums.get(row).copied().unwrap_or(0);
        if sum == 0 { 0.0 } else { n as f64 / sum as f64 }
    };
    let cells = |f: &dyn Fn(usize, u64) -> String| -> Vec<Vec<String>> {
        counts.iter().enumerate().map(|(r, row)| row.iter().map(|n| f(r, *n)).collect()).collect()
    };
    let values = counts.iter().enumerate().map(|(r, row)| row.iter().map(|n| share(r, *n)).collect()).collect();
    let text = cells(&|row, n| format!("{}\n{}", grouped(n as f64), percent(share(row, n))));
    Chart {
        title: "Confusion matrix".to_owned(),
        x: Axis::linear("predicted"),
        y: Axis::linear("truth"),
        series: vec![Series::Heat { rows: classes.to_vec(), columns: classes.to_vec(), values, text }],
        sentence: sentence(classes, counts, &sums),
    }
}

fn sentence(classes: &[String], counts: &[Vec<u64>], sums: &[u64]) -> String {
    let all: u64 = sums.iter().sum();
    if all == 0 {
        return "There are no rows to compare.".to_owned();
    }
    let right: u64 = counts.iter().enumerate().filter_map(|(i, row)| row.get(i)).sum();
    let mut worst: Option<(u64, &str, &str, u64)> = None;
    for ((truth, row), sum) in classes.iter().zip(counts).zip(sums) {
        for (predicted, n) in classes.iter().zip(row) {
            if predicted != truth && *n > worst.map_or(0, |w| w.0) {
                worst = Some((*n, truth, predicted, *sum));
            }
        }
    }
    let error = worst.map_or("; there is no error".to_owned(), |(n, truth, predicted, sum)| {
        format!(
            "; the commonest error takes `{truth}` for `{predicted}`: {} of {} rows ({})",
            grouped(n as f64),
            grouped(sum as f64),
            percent(n as f64 / sum as f64)
        )
    });
    format!(
        "{} of {} rows are right ({}){error}.",
        grouped(right as f64),
        grouped(all as f64),
        percent(right as f64 / all as f64)
    )
}
