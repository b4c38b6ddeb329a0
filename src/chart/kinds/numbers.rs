//! Charts of predicted numbers.

use super::COLUMNS;
use crate::chart::describe::{At, Axis, Chart, Series, drawable};
use crate::chart::number::{percent, short};
use crate::chart::reduce::extent;

fn pairs(actual: &[f64], predicted: &[f64]) -> Vec<(f64, f64)> {
    actual.iter().zip(predicted).map(|(a, p)| (*a, *p)).filter(|(a, p)| drawable(*a) && drawable(*p)).collect()
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), v| (sum + v, count + 1.0));
    sum / count
}

/// Predicted values against actual ones, for one or more models `(name, predicted)`. `target` names the axis, with
/// its unit. Points on the diagonal are right.
#[must_use]
pub fn predicted_actual(target: &str, actual: &[f64], models: &[(&str, &[f64])]) -> Chart {
    let mut series = Vec::new();
    let mut sentences = Vec::new();
    let mut range: Option<(f64, f64)> = None;
    for (name, predicted) in models {
        let points = pairs(actual, predicted);
        if let Some((low, high)) = extent(points.iter().flat_map(|p| [p.0, p.1])) {
            range = Some(range.map_or((low, high), |(a, b)| (a.min(low), b.max(high))));
            let centre = mean(points.iter().map(|p| p.0));
            let left: f64 = points.iter().map(|(a, p)| (a - p).powi(2)).sum();
            let all: f64 = points.iter().map(|(a, _)| (a - centre).powi(2)).sum();
            let r2 = 1.0 - left / all;
            let off = mean(points.iter().map(|(a, p)| (a - p).abs()));
            let explained = match r2 {
                r if !r.is_finite() => String::new(),
                r if r < 0.0 => "; always saying the mean would do better".to_owned(),
                r => format!(" and explains {} of the variance", percent(r)),
            };
            sentences.push(format!("{name} is off by {} on average{explained}.", short(off)));
        } else {
            sentences.push(format!("{name} has no predictions with a known answer."));
        }
        series.push(Series::Points { name: (*name).to_owned(), points, errors: Vec::new() });
    }
    // Both axes have the same ends, so that the diagonal is where predicted equals actual.
    let range = range.filter(|(low, high)| low < high);
    if range.is_some() {
        series.push(Series::Rule { at: At::Diagonal, label: "exact".to_owned() });
    }
    Chart {
        title: format!("Predicted and actual {target}"),
        x: Axis { range, ..Axis::linear(format!("actual {target}")) },
        y: Axis { range, ..Axis::linear(format!("predicted {target}")) },
        series,
        sentence: sentences.join(" "),
    }
    .reduce(COLUMNS)
}

/// Residuals (actual minus predicted) against predicted values.
#[must_use]
pub fn residuals(target: &str, actual: &[f64], predicted: &[f64]) -> Chart {
    let points: Vec<(f64, f64)> = pairs(actual, predicted).into_iter().map(|(a, p)| (p, a - p)).collect();
    let bias = mean(points.iter().map(|p| p.1));
    let spread = mean(points.iter().map(|p| (p.1 - bias).powi(2))).sqrt();
    let sentence = if points.is_empty() {
        "There are no predictions with a known answer.".to_owned()
    } else {
        // A mean residual beyond two standard errors is more than chance.
        let error = spread / (points.len() as f64).sqrt();
        let lean = match bias {
            b if b > 2.0 * error => format!("predictions are too low by {} on average", short(b)),
            b if b < -2.0 * error => format!("predictions are too high by {} on average", short(-b)),
            _ => "predictions lean neither way".to_owned(),
        };
        let fan = fanning(&points);
        format!("Residuals scatter by {} (standard deviation); {lean}{fan}.", short(spread))
    };
    Chart {
        title: format!("Residuals of {target}"),
        x: Axis::linear(format!("predicted {target}")),
        y: Axis::linear("actual minus predicted"),
        series: vec![
            Series::Points { name: "residual".to_owned(), points, errors: Vec::new() },
            Series::Rule { at: At::Horizontal(0.0), label: "no error".to_owned() },
        ],
        sentence,
    }
    .reduce(COLUMNS)
}

/// Says so when errors in the upper half of the predictions are more than twice those in the lower half.
fn fanning(points: &[(f64, f64)]) -> &'static str {
    let mut sorted = points.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (low, high) = sorted.split_at(sorted.len() / 2);
    let size = |half: &[(f64, f64)]| mean(half.iter().map(|p| p.1.abs()));
    match size(high) / size(low) {
        r if low.len() < 20 || !r.is_finite() => "",
        r if r > 2.0 => "; errors grow with the prediction",
        r if r < 0.5 => "; errors shrink with the prediction",
        _ => "",
    }
}
