//! Sideways bars, one row each: importance, drift by column.

use plotters::prelude::Ranged;
use plotters::style::text_anchor::HPos;
use plotters_backend::DrawingBackend;

use super::axes::{self, Frame, Wants};
use super::bars::bar_ink;
use crate::chart::describe::{At, AxisKind, Bar, Chart, Series, drawable};
use crate::chart::grid::Ink;
use crate::chart::legend::{Legend, series_ink};
use crate::chart::number;
use crate::chart::page::{Area, Page};
use crate::chart::reduce;
use crate::chart::scale::Scale;
use crate::error::Result;

pub(super) fn draw<DB: DrawingBackend>(page: &Page<DB>, chart: &Chart) -> Result<()> {
    let Some((index, all)) = chart.series.iter().enumerate().find_map(|(i, s)| match s {
        Series::Bars { bars, .. } => Some((i, bars)),
        _ => None,
    }) else {
        return Ok(());
    };
    let legend = Legend::new(chart, false);
    let wants = Wants { note: false, name: !chart.x.label.is_empty(), legend: !legend.is_needless() };
    let frame = Frame::new(page.rows, wants);
    frame.draw_title(page, chart)?;

    let room = frame.bottom - frame.top;
    let shown = if all.len() as i32 > room { (room - 1).max(1) } else { all.len() as i32 };
    let spread = if all.len() as i32 * 2 - 1 <= room { 2 } else { 1 };
    let bars: Vec<&Bar> = all.iter().take(shown as usize).collect();
    let bottom = (frame.top + if spread == 2 { 2 * shown - 1 } else { shown }).min(frame.bottom);

    let values: Vec<String> =
        bars.iter().map(|b| if b.text.is_empty() { number::short(b.value) } else { b.text.clone() }).collect();
    let label_width = bars.iter().map(|b| page.width(&b.label)).max().unwrap_or(0).min(page.columns * 2 / 5);
    let value_width = values.iter().map(|v| page.width(v)).max().unwrap_or(0).min(page.columns / 4);
    let left = label_width + 2;
    let with_values = page.columns - left - value_width > 10;
    let right = if with_values { page.columns - value_width - 1 } else { page.columns };
    let area = Area { left, right, top: frame.top, bottom };

    let ends = bars.iter().flat_map(|b| {
        let (low, high) = b.interval.unwrap_or((b.value, b.value));
        [0.0, b.value, low, high]
    });
    let rules = chart.series.iter().filter_map(|s| match s {
        Series::Rule { at: At::Vertical(at), .. } => Some(*at),
        _ => None,
    });
    let mut x = Scale::new(&chart.x, reduce::extent(ends.chain(rules)), None);
    axes::tick_across(page, &mut x, &AxisKind::Linear, area.columns());

    let (from, to, top, foot) = page.pixels(&area);
    for series in &chart.series {
        let Series::Rule { at: At::Vertical(at), .. } = series else { continue };
        if let Some(p) = x.position(*at).filter(|p| x.holds(*p)) {
            let pixel = x.map(&p, (from, to));
            page.line((pixel, top), (pixel, foot), Ink::Rule)?;
        }
    }
    for (i, (bar, text)) in bars.iter().zip(&values).enumerate() {
        let row = frame.top + i as i32 * spread;
        page.text(label_width, row, HPos::Right, &page.cut(&bar.label, label_width), Ink::Label)?;
        draw_bar(page, bar, row, &x, (from, to), bar_ink(bar, series_ink(chart, index)))?;
        if with_values {
            page.text(page.columns, row, HPos::Right, &page.cut(text, value_width), Ink::Label)?;
        }
    }
    if all.len() > bars.len() {
        let more = format!("and {} more", all.len() - bars.len());
        page.text(left, frame.bottom - 1, HPos::Left, &page.cut(&more, page.columns - left), Ink::Muted)?;
    }
    let axis = frame.axis.map(|_| if all.len() > bars.len() { frame.bottom } else { bottom });
    let area = Area { bottom: axis.unwrap_or(bottom), ..area };
    axes::draw_left(page, &area, axis, &x, 0)?;
    if let Some(row) = axis {
        axes::draw_below(page, &area, row, &x)?;
    }
    // What was not needed for bars stays empty below the foot, so the foot moves up with the axis.
    let up = frame.axis.zip(axis).map_or(0, |(planned, real)| planned - real);
    let foot = Frame { name: frame.name.map(|r| r - up), legend: frame.legend.map(|r| r - up), ..frame };
    foot.draw_foot(page, chart, &legend, left)
}

fn draw_bar<DB: DrawingBackend>(
    page: &Page<DB>,
    bar: &Bar,
    row: i32,
    x: &Scale,
    (from, to): (i32, i32),
    ink: Ink,
) -> Result<()> {
    let pixel = |value: f64| x.position(value).map(|p| x.map(&p.clamp(x.low, x.high), (from, to + 1)));
    let (Some(zero), true) = (pixel(0.0).map(|z| page.snap(z)), drawable(bar.value)) else { return Ok(()) };
    let Some(tip) = pixel(bar.value) else { return Ok(()) };
    let (top, bottom) = (row * page.metrics.down, (row + 1) * page.metrics.down);
    let inset = if page.metrics.characters { 0 } else { 3 };
    if bar.value != 0.0 {
        let tip = if bar.value > 0.0 { tip.max(zero + 1) } else { tip.min(zero - 1) };
        page.block((zero.min(tip), top + inset), (zero.max(tip), bottom - inset), ink)?;
    }
    let Some((low, high)) = bar.interval.filter(|(l, h)| drawable(*l) && drawable(*h)) else { return Ok(()) };
    // A cell has one ink: the part of the interval inside the bar would hide the bar's end.
    let (low, high) = match page.metrics.characters {
        true if bar.value >= 0.0 => (low.max(bar.value), high),
        true => (low, high.min(bar.value)),
        false => (low, high),
    };
    let (Some(low), Some(high)) = (pixel(low), pixel(high)) else { return Ok(()) };
    let ((low_column, _), (high_column, _)) = (page.place((low, 0)), page.place((high.min(to), 0)));
    if page.metrics.characters && low_column == high_column {
        return Ok(());
    }
    let (_, middle) = page.centre(0, row);
    let (start, end) = if page.metrics.characters {
        (page.centre(low_column, row).0, page.centre(high_column, row).0)
    } else {
        (low, high)
    };
    page.line((start, middle), (end, middle), Ink::Label)?;
    let half = if page.metrics.characters { page.metrics.down / 2 - 1 } else { 3 };
    for at in [start, end] {
        page.line((at, middle - half), (at, middle + half), Ink::Label)?;
    }
    Ok(())
}
