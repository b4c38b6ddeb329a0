//! Bar charts: importance, drift by column, histograms, values by category.

use super::list;
use crate::chart::describe::{At, Axis, AxisKind, Bar, Chart, Direction, Series, Tone, drawable};
use crate::chart::number::{grouped, short};
use crate::chart::reduce::extent;

/// Permutation importance: how much `metric` worsens when a feature is shuffled, with intervals, greatest first.
/// `names`, `means`, `lows` and `highs` belong together; the shortest decides how many there are.
#[must_use]
pub fn importance(metric: &str, names: &[String], means: &[f64], lows: &[f64], highs: &[f64]) -> Chart {
    let mut rows: Vec<(&String, f64, f64, f64)> = names
        .iter()
        .zip(means)
        .zip(lows.iter().zip(highs))
        .map(|((name, mean), (low, high))| (name, *mean, *low, *high))
        .filter(|r| drawable(r.1))
        .collect();
    rows.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let idle: Vec<&str> = rows.iter().filter(|r| r.2 <= 0.0).map(|r| r.0.as_str()).collect();
    let sentence = match rows.first() {
        None => "There is no feature to weigh.".to_owned(),
        Some((name, mean, low, high)) => {
            let lead = format!(
                "`{name}` matters most: shuffling it worsens {metric} by {} (95% interval {} to {}).",
                short(*mean),
                short(*low),
                short(*high)
            );
            let rest = if idle.is_empty() {
                String::new()
            } else {
                format!(" {} of {} features cannot be told from useless: {}.", idle.len(), rows.len(), list(&idle, 5))
            };
            lead + &rest
        }
    };
    let bars = rows
        .iter()
        .map(|(name, mean, low, high)| Bar {
            label: (*name).clone(),
            value: *mean,
            interval: Some((*low, *high)),
            tone: if *low <= 0.0 { Tone::Muted } else { Tone::Plain },
            ..Bar::default()
        })
        .collect();
    Chart {
        title: "Feature importance".to_owned(),
        x: Axis::linear(format!("how much worse {metric} gets when shuffled")),
        y: Axis::default(),
        series: vec![Series::Bars { name: "importance".to_owned(), bars, direction: Direction::Horizontal }],
        sentence,
    }
}

/// One column of the drift chart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DriftBar<'a> {
    /// The column's name.
    pub name: &'a str,
    /// The effect size (PSI).
    pub effect: f64,
    /// Whether the column drifted: effect and calibrated p together.
    pub drifted: bool,
}

/// Effect sizes by column, greatest first, with the threshold that an alarm needs beside its p.
#[must_use]
pub fn drift(columns: &[DriftBar<'_>], threshold: f64) -> Chart {
    let mut columns: Vec<DriftBar<'_>> = columns.to_vec();
    columns.sort_by(|a, b| {
        let key = |c: &DriftBar<'_>| if c.effect.is_nan() { f64::NEG_INFINITY } else { c.effect };
        b.drifted.cmp(&a.drifted).then(key(b).total_cmp(&key(a))).then(a.name.cmp(b.name))
    });
    let drifted: Vec<&str> = columns.iter().filter(|c| c.drifted).map(|c| c.name).collect();
    let sentence = if columns.is_empty() {
        "There is no column to compare.".to_owned()
    } else if drifted.is_empty() {
        format!("None of {} columns drifted.", columns.len())
    } else {
        format!("{} of {} columns drifted: {}.", drifted.len(), columns.len(), list(&drifted, 6))
    };
    let bars = columns
        .iter()
        .map(|c| Bar {
            label: c.name.to_owned(),
            value: if c.effect == f64::INFINITY { threshold * 10.0 } else { c.effect },
            text: if c.drifted { format!("{} drift", short(c.effect)) } else { short(c.effect) },
            tone: if c.drifted { Tone::Bad } else { Tone::Plain },
            ..Bar::default()
        })
        .collect();
    Chart {
        title: "Drift by column".to_owned(),
        x: Axis::linear("population stability index"),
        y: Axis::default(),
        series: vec![
            Series::Bars { name: "effect".to_owned(), bars, direction: Direction::Horizontal },
            Series::Rule { at: At::Vertical(threshold), label: "least effect for an alarm".to_owned() },
        ],
        sentence,
    }
}

/// Counts between edges (`edges` has one more entry than `counts`), beside the counts of other data when given.
/// Reference counts are scaled to the same total, so that shapes compare.
#[must_use]
pub fn histogram(column: &str, edges: &[f64], counts: &[u64], reference: Option<&[u64]>) -> Chart {
    let total: u64 = counts.iter().sum();
    let scale = reference.map_or(1.0, |r| total as f64 / (r.iter().sum::<u64>() as f64).max(1.0));
    let bars: Vec<Bar> = edges
        .windows(2)
        .zip(counts)
        .enumerate()
        .filter_map(|(i, (edge, count))| match edge {
            [from, to] if drawable(*from) && drawable(*to) => Some(Bar {
                value: *count as f64,
                span: Some((*from, *to)),
                reference: reference.map(|r| r.get(i).copied().unwrap_or(0) as f64 * scale),
                ..Bar::default()
            }),
            _ => None,
        })
        .collect();
    let peak = bars.iter().max_by(|a, b| a.value.total_cmp(&b.value)).and_then(|b| b.span);
    let ends = extent(edges.iter().copied());
    let sentence = match (total, peak, ends) {
        (1.., Some((from, to)), Some((low, high))) => {
            let compared =
                if reference.is_some() { " The outline is the reference, scaled to as many rows." } else { "" };
            format!(
                "{} values of `{column}` lie between {} and {}, most of them between {} and {}.{compared}",
                grouped(total as f64),
                short(low),
                short(high),
                short(from),
                short(to)
            )
        }
        _ => format!("`{column}` has no values to count."),
    };
    let mut series = vec![Series::Bars { name: column.to_owned(), bars, direction: Direction::Vertical }];
    if reference.is_some() && total > 0 {
        // Named in the legend; its line is drawn with the bars, at the level of each.
        series.push(Series::Line { name: "reference".to_owned(), points: Vec::new(), band: None });
    }
    Chart {
        title: format!("Distribution of {column}"),
        x: Axis { range: ends.filter(|(a, b)| a < b), ..Axis::linear(column) },
        y: Axis::linear("rows"),
        series,
        sentence,
    }
}

/// One upright bar a category, in the order given; `intervals` may be empty.
#[must_use]
pub fn bars_by_category(
    title: &str,
    measure: &str,
    names: &[String],
    values: &[f64],
    intervals: &[(f64, f64)],
) -> Chart {
    let bars: Vec<Bar> = names
        .iter()
        .zip(values)
        .enumerate()
        .map(|(i, (name, value))| Bar {
            label: name.clone(),
            value: *value,
            interval: intervals.get(i).copied(),
            ..Bar::default()
        })
        .collect();
    let real = || bars.iter().filter(|b| drawable(b.value));
    let greatest = real().max_by(|a, b| a.value.total_cmp(&b.value));
    let least = real().min_by(|a, b| a.value.total_cmp(&b.value));
    let sentence = match (greatest, least) {
        (Some(g), Some(l)) if real().count() > 1 => format!(
            "{measure} is greatest for `{}` ({}) and least for `{}` ({}).",
            g.label,
            short(g.value),
            l.label,
            short(l.value)
        ),
        (Some(g), _) => format!("{measure} of `{}` is {}.", g.label, short(g.value)),
        _ => "There is no category to show.".to_owned(),
    };
    Chart {
        title: title.to_owned(),
        x: Axis { kind: AxisKind::Categories(names.to_vec()), ..Axis::default() },
        y: Axis::linear(measure),
        series: vec![Series::Bars { name: measure.to_owned(), bars, direction: Direction::Vertical }],
        sentence,
    }
}
