//! Charts of an explanation: what moves the answers, what made one row's answer, and the effect of one column.

use crate::chart::{Axis, AxisKind, Bar, Chart, Direction, Series, Tone};
use crate::data::brief;
use crate::model::explain::{Dependence, GlobalContribution, Scale};

use super::explain::{ExplainedRow, Explanation};

/// Bars in a chart of columns.
const BARS: usize = 15;

/// The charts with a name for the file of each.
#[must_use]
pub fn explain_charts(found: &Explanation) -> Vec<(&'static str, Chart)> {
    let mut charts = vec![("contributions", contributions_chart(&found.contributions, found.scale))];
    charts.extend(found.row.as_ref().map(|row| ("row", row_chart(row, found.scale))));
    charts.extend(found.dependence.as_ref().map(|d| ("dependence", dependence_chart(d))));
    charts
}

/// By how much each column moves the answers.
pub(super) fn contributions_chart(found: &[GlobalContribution], scale: Scale) -> Chart {
    let bars = found
        .iter()
        .take(BARS)
        .map(|c| Bar { label: brief(&c.column, 30), value: c.mean_absolute, ..Bar::default() })
        .collect();
    let first = found.first().map_or_else(String::new, |c| {
        format!("{} moves the answers most, by {:.3} on average.", brief(&c.column, 30), c.mean_absolute)
    });
    Chart {
        title: "What moves the answers".into(),
        x: Axis::linear(format!("mean size of the contribution ({})", scale.unit())),
        y: Axis::default(),
        series: vec![Series::Bars { name: String::new(), bars, direction: Direction::Horizontal }],
        sentence: first,
    }
}

fn row_chart(row: &ExplainedRow, scale: Scale) -> Chart {
    let bars = row
        .explanation
        .contributions
        .iter()
        .zip(&row.values)
        .take(BARS)
        .map(|(c, value)| Bar {
            label: format!("{} = {}", brief(&c.column, 20), brief(value.as_deref().unwrap_or("missing"), 12)),
            value: c.value,
            text: format!("{:+.3}", c.value),
            interval: c.error.map(|e| (c.value - 1.96 * e, c.value + 1.96 * e)),
            tone: if c.value < 0.0 { Tone::Warn } else { Tone::Good },
            ..Bar::default()
        })
        .collect();
    Chart {
        title: format!("Row {}", row.row),
        x: Axis::linear(format!("contribution ({})", scale.unit())),
        y: Axis::default(),
        series: vec![Series::Bars { name: String::new(), bars, direction: Direction::Horizontal }],
        sentence: format!(
            "Knowing nothing the model says {:.3}; the columns of row {} make that {:.3}.",
            row.explanation.base, row.row, row.explanation.total
        ),
    }
}

fn dependence_chart(d: &Dependence) -> Chart {
    let means = || d.points.iter().map(|p| p.mean).filter(|m| m.is_finite());
    let (low, high) = (means().fold(f64::INFINITY, f64::min), means().fold(f64::NEG_INFINITY, f64::max));
    let column = brief(&d.column, 30);
    let sentence = format!("The mean answer goes from {low:.3} to {high:.3} as {column} changes.");
    // The middle eight tenths of the single rows' curves.
    let band = |at: usize| -> Option<(f64, f64)> {
        let mut values: Vec<f64> = d.curves.iter().filter_map(|c| c.get(at)).copied().collect();
        values.sort_by(f64::total_cmp);
        let last = values.len().checked_sub(1)?;
        Some((values[last / 10], values[last - last / 10]))
    };
    let numbers: Vec<(f64, f64)> = d.points.iter().filter_map(|p| Some((p.number?, p.mean))).collect();
    let (x, series) = if numbers.len() > 1 {
        let spread = (0..d.points.len())
            .filter_map(|at| Some((d.points[at].number?, band(at)?)))
            .map(|(x, (low, high))| (x, low, high))
            .collect();
        let line = Series::Line { name: "mean; band: 8 of 10 rows".into(), points: numbers, band: Some(spread) };
        (Axis::linear(column), line)
    } else {
        let bars = d.points.iter().enumerate().map(|(at, p)| Bar {
            label: brief(&p.label, 20),
            value: p.mean,
            interval: band(at),
            ..Bar::default()
        });
        let names = d.points.iter().map(|p| brief(&p.label, 20)).collect();
        let axis = Axis { label: column, kind: AxisKind::Categories(names), range: None };
        (axis, Series::Bars { name: String::new(), bars: bars.collect(), direction: Direction::Vertical })
    };
    Chart { title: "Effect of one column".into(), x, y: Axis::linear("mean answer"), series: vec![series], sentence }
}
