//! Upright bars: histograms and counts by category.

use plotters::prelude::Ranged;
use plotters_backend::DrawingBackend;

use super::xy::is_named;
use crate::chart::describe::{Bar, Chart, Direction, Series, Tone, drawable};
use crate::chart::grid::Ink;
use crate::chart::page::{Area, Page};
use crate::chart::scale::Scale;
use crate::error::Result;

/// The ink of a bar: its tone, or else its series.
pub(super) fn bar_ink(bar: &Bar, series: Ink) -> Ink {
    match bar.tone {
        Tone::Plain => series,
        Tone::Good => Ink::Good,
        Tone::Warn => Ink::Warn,
        Tone::Bad => Ink::Bad,
        Tone::Muted => Ink::Muted,
    }
}

/// Where a histogram has more bars than places, neighbours are added up; `None` when nothing had to be joined.
pub(super) fn join_narrow(chart: &Chart, places: i32) -> Option<Chart> {
    let places = places.max(1) as usize;
    if is_named(&chart.x.kind) {
        return None;
    }
    let most =
        chart.series.iter().filter_map(|s| if let Series::Bars { bars, .. } = s { Some(bars.len()) } else { None });
    let together = most.max()?.div_ceil(places);
    if together < 2 {
        return None;
    }
    let mut chart = chart.clone();
    for series in &mut chart.series {
        if let Series::Bars { bars, direction: Direction::Vertical, .. } = series {
            *bars = bars.chunks(together).filter_map(join).collect();
        }
    }
    Some(chart)
}

fn join(bars: &[Bar]) -> Option<Bar> {
    let (first, last) = (bars.first()?, bars.last()?);
    let reference: f64 = bars.iter().filter_map(|b| b.reference).sum();
    Some(Bar {
        value: bars.iter().map(|b| b.value).filter(|v| drawable(*v)).sum(),
        span: first.span.zip(last.span).map(|((from, _), (_, to))| (from, to)),
        reference: first.reference.map(|_| reference),
        interval: None,
        ..first.clone()
    })
}

pub(super) fn draw<DB: DrawingBackend>(
    page: &Page<DB>,
    bars: &[Bar],
    area: &Area,
    (x, y): (&Scale, &Scale),
    ink: Ink,
) -> Result<()> {
    let (left, right, top, bottom) = page.pixels(area);
    let height = |value: f64| y.position(value).map(|p| y.map(&p, (bottom + 1, top)));
    let zero = height(0.0).unwrap_or(bottom + 1);
    let mut outline: Vec<(i32, i32)> = Vec::new();
    for (i, bar) in bars.iter().enumerate() {
        // Bars of a category leave a gap to the next.
        let (from, to) = bar.span.unwrap_or((i as f64 - 0.35, i as f64 + 0.35));
        let (Some(from), Some(to)) = (x.position(from), x.position(to)) else { continue };
        if to < x.low || from > x.high || !drawable(bar.value) {
            continue;
        }
        let start = page.snap(x.map(&from, (left, right + 1)));
        let end = page.snap(x.map(&to, (left, right + 1))).max(start + page.metrics.across.min(4));
        let gap = i32::from(!page.metrics.characters);
        if let Some(tip) = height(bar.value).filter(|_| bar.value != 0.0) {
            // The least bar is one pixel: something that is there is seen to be there.
            let tip = if bar.value > 0.0 { tip.min(zero - 1) } else { tip.max(zero + 1) };
            page.block((start, tip.min(zero)), (end - gap, tip.max(zero)), bar_ink(bar, ink))?;
        }
        if let Some((low, high)) = bar.interval {
            let middle = (start + end) / 2;
            if let (Some(low), Some(high)) = (height(low), height(high)) {
                page.line((middle, low), (middle, high), Ink::Label)?;
            }
        }
        if let Some(level) = bar.reference.and_then(height) {
            let level = level.min(bottom);
            outline.extend([(start, level), (end - 1, level)]);
        }
    }
    if outline.is_empty() { Ok(()) } else { page.pattern(outline, Ink::Series(1), 0) }
}
