//! The legend: one row of names, each with a sample of its mark.

use plotters::style::text_anchor::HPos;
use plotters_backend::DrawingBackend;

use super::backend::mark;
use super::describe::{At, Chart, Series};
use super::grid::{Ink, Style};
use super::page::Page;
use crate::error::Result;

/// What stands before a name.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Sample {
    Line(usize),
    Point,
    Bar,
    Strip,
    Rule,
    Upright,
    Diagonal,
}

/// The legend's entries in drawing order.
pub(super) struct Legend(Vec<(Sample, Ink, String)>);

/// The ink of the series at an index of `chart.series`: rules and spans do not use up colours.
pub(super) fn series_ink(chart: &Chart, index: usize) -> Ink {
    Ink::Series(series_number(chart, index) as u8)
}

/// The number, from 0, that a series has among those with data.
pub(super) fn series_number(chart: &Chart, index: usize) -> usize {
    let data = |s: &&Series| !matches!(s, Series::Rule { .. } | Series::Span { .. });
    chart.series.iter().take(index).filter(data).count() % 6
}

impl Legend {
    /// The entries of a chart. With `noted`, upright rules are named elsewhere.
    pub(super) fn new(chart: &Chart, noted: bool) -> Self {
        let mut entries = Vec::new();
        for (i, series) in chart.series.iter().enumerate() {
            let ink = series_ink(chart, i);
            let (sample, ink) = match series {
                Series::Line { .. } => (Sample::Line(series_number(chart, i)), ink),
                Series::Points { .. } => (Sample::Point, ink),
                Series::Bars { .. } => (Sample::Bar, ink),
                Series::Span { .. } => (Sample::Strip, Ink::Rule),
                Series::Rule { at: At::Vertical(_), .. } if noted => continue,
                Series::Rule { at: At::Vertical(_), .. } => (Sample::Upright, Ink::Rule),
                Series::Rule { at: At::Diagonal, .. } => (Sample::Diagonal, Ink::Rule),
                Series::Rule { .. } => (Sample::Rule, Ink::Rule),
                Series::Heat { .. } => continue,
            };
            if !series.name().is_empty() {
                entries.push((sample, ink, series.name().to_owned()));
            }
        }
        Self(entries)
    }

    /// Whether there is nothing to explain: a single series is named by the title.
    pub(super) fn is_needless(&self) -> bool {
        self.0.len() < 2
    }

    /// Writes the entries on one row. Long names are cut when not all fit, and entries that do not fit even then are
    /// counted.
    pub(super) fn draw<DB: DrawingBackend>(&self, page: &Page<DB>, row: i32, from: i32) -> Result<()> {
        let widths: Vec<i32> = self.0.iter().map(|(sample, _, name)| page.width(name) + sample.width() + 3).collect();
        let all = widths.iter().sum::<i32>() - 2;
        let from = if all > page.columns - from { 0 } else { from };
        let room = page.columns - from + 2;
        // The longest names give way first.
        let fits = |most: i32| widths.iter().map(|w| (*w).min(most)).sum::<i32>() <= room;
        let most = (10..=room).rev().find(|m| fits(*m)).unwrap_or(10);
        let mut column = from;
        for (i, (sample, ink, name)) in self.0.iter().enumerate() {
            let lead = sample.width() + 1;
            let name = shorten(page, name, most - lead - 2);
            let end = column + lead + page.width(&name);
            let left = self.0.len() - i;
            let reserve = if left > 1 { 4 } else { 0 };
            if end + reserve > page.columns && i > 0 {
                return page.text(column, row, HPos::Left, &format!("+{left}"), Ink::Muted);
            }
            draw_sample(page, *sample, *ink, column, row)?;
            page.text(column + lead, row, HPos::Left, &name, Ink::Label)?;
            column = end + 2;
        }
        Ok(())
    }
}

/// Cuts a name, and keeps a number at its end.
fn shorten<DB: DrawingBackend>(page: &Page<DB>, name: &str, most: i32) -> String {
    if let Some((words, last)) = name.rsplit_once(' ') {
        let rest = most - page.width(last) - 1;
        if page.width(name) > most && rest > 3 && last.parse::<f64>().is_ok() {
            return format!("{} {last}", page.cut(words, rest));
        }
    }
    page.cut(name, most)
}

impl Sample {
    /// Characters that the sample takes.
    fn width(self) -> i32 {
        match self {
            Self::Line(_) | Self::Strip | Self::Rule | Self::Diagonal => 2,
            Self::Point | Self::Bar | Self::Upright => 1,
        }
    }
}

fn draw_sample<DB: DrawingBackend>(page: &Page<DB>, sample: Sample, ink: Ink, column: i32, row: i32) -> Result<()> {
    if !page.metrics.characters {
        let m = &page.metrics;
        let (left, middle) = (column * m.across, page.centre(column, row).1);
        let right = left + 2 * m.across - 2;
        match sample {
            Sample::Line(number) => return page.pattern(vec![(left, middle), (right, middle)], ink, number),
            Sample::Rule | Sample::Strip => return page.line((left, middle), (right, middle), ink),
            Sample::Diagonal => return page.line((left, middle + m.down / 3), (right, middle - m.down / 3), ink),
            Sample::Point => return page.mark((left + m.across / 2, middle), m.mark, ink),
            Sample::Bar | Sample::Upright => {}
        }
    }
    let plain = page.metrics.style == Style::Plain;
    let text = match (sample, plain) {
        (Sample::Line(n), false) => ["──", "╌╌", "··", "┄┄"][n % 4].to_owned(),
        (Sample::Line(_), true) => format!("{0}{0}", mark(ink, Style::Plain)),
        (Sample::Point, _) => mark(ink, page.metrics.style).to_string(),
        (Sample::Bar, false) => "■".to_owned(),
        (Sample::Bar, true) => "#".to_owned(),
        (Sample::Strip, false) => "╌╌".to_owned(),
        (Sample::Strip, true) => "--".to_owned(),
        (Sample::Rule, false) => "╌╌".to_owned(),
        (Sample::Rule, true) => "--".to_owned(),
        (Sample::Upright, false) => "╎".to_owned(),
        (Sample::Upright, true) => ":".to_owned(),
        (Sample::Diagonal, false) => "⠐⠈".to_owned(),
        (Sample::Diagonal, true) => "..".to_owned(),
    };
    page.text(column, row, HPos::Left, &text, ink)
}
