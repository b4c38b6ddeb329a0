//! A chart in words, for screen readers and for the plain face.

use super::describe::{At, AxisKind, Chart, Series, drawable};
use super::{number, ticks};

/// How many bars or cells are read out.
const MOST: usize = 12;

/// The chart's sentence and the few numbers that a reader needs to follow it.
#[must_use]
pub fn words(chart: &Chart) -> String {
    let mut lines = Vec::new();
    if !chart.title.is_empty() {
        lines.push(format!("{}.", chart.title));
    }
    if !chart.sentence.is_empty() {
        lines.push(chart.sentence.clone());
    }
    if !chart.has_data() {
        lines.push("No data.".to_owned());
        return lines.join("\n");
    }
    lines.extend(chart.series.iter().filter_map(|s| say(chart, s)));
    lines.join("\n")
}

fn say(chart: &Chart, series: &Series) -> Option<String> {
    let name = if series.name().is_empty() { "Values" } else { series.name() };
    let at = |x: f64| match &chart.x.kind {
        AxisKind::Time => ticks::moment(x),
        AxisKind::Categories(names) => names.get(x.round().max(0.0) as usize).cloned().unwrap_or_default(),
        AxisKind::Linear | AxisKind::Log => number::short(x),
    };
    match series {
        Series::Line { points, .. } | Series::Points { points, .. } => {
            let real: Vec<&(f64, f64)> = points.iter().filter(|p| drawable(p.0) && drawable(p.1)).collect();
            let least = real.iter().copied().min_by(|a, b| a.1.total_cmp(&b.1))?;
            let greatest = real.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1))?;
            let (first, last) = (real.first()?, real.last()?);
            Some(format!(
                "{name}: {} points from {} at {} to {} at {}; least {} at {}, greatest {} at {}.",
                real.len(),
                number::short(first.1),
                at(first.0),
                number::short(last.1),
                at(last.0),
                number::short(least.1),
                at(least.0),
                number::short(greatest.1),
                at(greatest.0),
            ))
        }
        Series::Bars { bars, .. } => {
            let mut parts: Vec<String> = bars
                .iter()
                .take(MOST)
                .enumerate()
                .map(|(i, bar)| {
                    let label = match (bar.label.is_empty(), bar.span) {
                        (false, _) => bar.label.clone(),
                        (true, Some((from, to))) => format!("{} to {}", at(from), at(to)),
                        (true, None) => at(i as f64),
                    };
                    let value = if bar.text.is_empty() { number::short(bar.value) } else { bar.text.clone() };
                    match bar.interval {
                        Some((low, high)) => {
                            format!("{label} {value} ({} to {})", number::short(low), number::short(high))
                        }
                        None => format!("{label} {value}"),
                    }
                })
                .collect();
            if bars.len() > MOST {
                parts.push(format!("and {} more", bars.len() - MOST));
            }
            Some(format!("{name}: {}.", parts.join("; ")))
        }
        Series::Heat { rows, columns, text, .. } => {
            let parts = rows.iter().zip(text).take(MOST).map(|(row, cells)| {
                let cells: Vec<String> = columns
                    .iter()
                    .zip(cells)
                    .take(MOST)
                    .map(|(column, cell)| format!("{column} {}", cell.replace('\n', ", ")))
                    .collect();
                format!("{} {row}: {}.", chart.y.label, cells.join("; ")).trim_start().to_owned()
            });
            Some(parts.collect::<Vec<_>>().join("\n"))
        }
        Series::Span { low, high, .. } => Some(format!("{name}: {} to {}.", number::short(*low), number::short(*high))),
        Series::Rule { at: At::Horizontal(y), label } if !label.is_empty() => {
            Some(format!("{label}: {}.", number::short(*y)))
        }
        Series::Rule { at: At::Vertical(x), label } if !label.is_empty() => Some(format!("{label}: at {}.", at(*x))),
        Series::Rule { .. } => None,
    }
}
