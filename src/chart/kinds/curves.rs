//! ROC and precision-recall curves.

use super::COLUMNS;
use crate::chart::describe::{At, Axis, Chart, Series};
use crate::chart::number::{percent, score};

/// One model's curve.
#[derive(Debug, Clone, Copy)]
pub struct Curve<'a> {
    /// The model's name.
    pub name: &'a str,
    /// ROC: (false positive rate, true positive rate). Precision-recall: (recall, precision).
    pub points: &'a [(f64, f64)],
    /// Area under the curve: AUC for ROC, average precision for precision-recall.
    pub auc: f64,
    /// The area's 95% interval.
    pub interval: Option<(f64, f64)>,
}

fn lines(curves: &[Curve<'_>]) -> Vec<Series> {
    curves
        .iter()
        .map(|c| Series::Line { name: format!("{} {}", c.name, score(c.auc)), points: c.points.to_vec(), band: None })
        .collect()
}

fn between(interval: Option<(f64, f64)>) -> String {
    interval.map_or(String::new(), |(low, high)| format!(", 95% interval {} to {}", score(low), score(high)))
}

/// The curve with the greatest area.
fn best<'a, 'b>(curves: &'b [Curve<'a>]) -> Option<&'b Curve<'a>> {
    curves.iter().filter(|c| c.auc.is_finite()).max_by(|a, b| a.auc.total_cmp(&b.auc))
}

fn others(curves: &[Curve<'_>], best: &Curve<'_>) -> String {
    let rest: Vec<String> = curves
        .iter()
        .filter(|c| !std::ptr::eq(*c, best))
        .take(4)
        .map(|c| format!("{} {}", c.name, score(c.auc)))
        .collect();
    if rest.is_empty() { String::new() } else { format!(" The others: {}.", rest.join(", ")) }
}

/// Receiver operating characteristic: how many positives are found for how many false alarms, with the chance line.
#[must_use]
pub fn roc(curves: &[Curve<'_>]) -> Chart {
    let sentence = best(curves).map_or_else(
        || "There is no ROC curve: it needs rows of both classes.".to_owned(),
        |c| {
            let worth = match c.auc {
                a if a < 0.55 => "; that is hardly better than chance",
                a if a > 0.99 => "; that is so good that a leak is worth ruling out",
                _ => "",
            };
            format!(
                "{} ranks a random positive above a random negative {} of the time (AUC {}{}){worth}. Chance is 50%.{}",
                c.name,
                percent(c.auc),
                score(c.auc),
                between(c.interval),
                others(curves, c)
            )
        },
    );
    let mut series = lines(curves);
    series.push(Series::Rule { at: At::Diagonal, label: "chance".to_owned() });
    Chart {
        title: "ROC".to_owned(),
        x: Axis::share("false positive rate"),
        y: Axis::share("true positive rate"),
        series,
        sentence,
    }
    .reduce(COLUMNS)
}

/// Precision against recall. `base_rate` is the share of positives, the precision of guessing.
#[must_use]
pub fn precision_recall(curves: &[Curve<'_>], base_rate: f64) -> Chart {
    let sentence = best(curves).map_or_else(
        || "There is no precision-recall curve: it needs rows of both classes.".to_owned(),
        |c| {
            format!(
                "{} has an average precision of {}{}; guessing has {}, the share of positives.{}",
                c.name,
                score(c.auc),
                between(c.interval),
                score(base_rate),
                others(curves, c)
            )
        },
    );
    let mut series = lines(curves);
    series.push(Series::Rule { at: At::Horizontal(base_rate), label: "guessing".to_owned() });
    Chart {
        title: "Precision and recall".to_owned(),
        x: Axis::share("recall"),
        y: Axis::share("precision"),
        series,
        sentence,
    }
    .reduce(COLUMNS)
}
