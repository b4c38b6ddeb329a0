//! Lines, points, upright bars, spans and rules on two axes.

use plotters::prelude::Ranged;
use plotters_backend::DrawingBackend;

use super::axes::{self, Frame, Wants};
use super::bars;
use crate::chart::describe::{At, AxisKind, Chart, Series, drawable};
use crate::chart::grid::Ink;
use crate::chart::legend::{Legend, series_ink, series_number};
use crate::chart::page::{Area, Page, Plot};
use crate::chart::reduce;
use crate::chart::scale::Scale;
use crate::error::Result;

pub(super) fn draw<DB: DrawingBackend>(page: &Page<DB>, chart: &Chart) -> Result<()> {
    let events = chart.series.iter().any(|s| matches!(s, Series::Rule { at: At::Vertical(_), .. }));
    let note = !chart.y.label.is_empty() || events;
    let needless = Legend::new(chart, page.rows >= 10).is_needless();
    let wants = Wants { note, name: !chart.x.label.is_empty(), legend: !needless };
    let mut frame = Frame::new(page.rows, wants);
    if frame.note.is_some() && !page.metrics.characters {
        frame.top += 1; // The uppermost tick's label is centred on the edge and would touch the note.
    }
    let legend = Legend::new(chart, frame.note.is_some());

    // Bars that are narrower than a place are joined before the scale is found: joined bars are taller.
    let joined = bars::join_narrow(chart, page.columns - 8);
    let chart = joined.as_ref().unwrap_or(chart);
    let rows = frame.bottom - frame.top;
    let (data_x, data_y) = (range(chart, false), range(chart, true));
    let most = usize::try_from(rows / 2).unwrap_or(1).clamp(1, 5);
    let mut y = Scale::new(&chart.y, data_y, Some(most));
    y.tick(&chart.y.kind, most);
    let mut x = Scale::new(&chart.x, data_x, None);

    let widest = y.ticks.iter().map(|t| page.width(&t.label)).max().unwrap_or(0);
    let labels = if page.columns - widest - 2 >= 12 { widest } else { 0 };
    let left = if labels > 0 { labels + 2 } else { 1 };
    let area = Area { left, right: page.columns, top: frame.top, bottom: frame.bottom };
    axes::tick_across(page, &mut x, &chart.x.kind, area.columns());

    frame.draw_title(page, chart)?;
    let plot = page.plot(&area, x.clone(), y.clone());
    draw_series(page, chart, &plot, &area, (&x, &y))?;
    if let Some(row) = frame.note {
        axes::draw_note(page, chart, &area, row, &x)?;
    }
    axes::draw_left(page, &area, frame.axis, &y, labels)?;
    if let Some(row) = frame.axis {
        axes::draw_below(page, &area, row, &x)?;
    }
    frame.draw_foot(page, chart, &legend, left)
}

/// The least and greatest value that the series have along one axis; bars reach down to 0.
fn range(chart: &Chart, vertical: bool) -> Option<(f64, f64)> {
    let pick = |p: &(f64, f64)| if vertical { p.1 } else { p.0 };
    let mut values: Vec<f64> = Vec::new();
    for series in &chart.series {
        match series {
            Series::Line { points, band, .. } => {
                values.extend(reduce::extent(points.iter().map(pick)).into_iter().flat_map(|(a, b)| [a, b]));
                for (at, low, high) in band.iter().flatten() {
                    values.extend(if vertical { [*low, *high] } else { [*at, *at] });
                }
            }
            Series::Points { points, errors, .. } => {
                values.extend(reduce::extent(points.iter().map(pick)).into_iter().flat_map(|(a, b)| [a, b]));
                if vertical {
                    values.extend(errors.iter().flat_map(|(low, high)| [*low, *high]));
                }
            }
            Series::Bars { bars, .. } if vertical => {
                values.push(0.0);
                for bar in bars {
                    values.extend([Some(bar.value), bar.reference].into_iter().flatten());
                    values.extend(bar.interval.into_iter().flat_map(|(low, high)| [low, high]));
                }
            }
            Series::Bars { bars, .. } => {
                values.extend(bars.iter().filter_map(|b| b.span).flat_map(|(from, to)| [from, to]));
            }
            Series::Span { low, high, .. } if vertical => values.extend([*low, *high]),
            Series::Rule { at: At::Horizontal(at), .. } if vertical => values.push(*at),
            Series::Span { .. } | Series::Rule { .. } | Series::Heat { .. } => {}
        }
    }
    reduce::extent(values.into_iter())
}

/// Draws from the lowest layer to the highest; the first series comes last, so it lies on top.
fn draw_series<DB: DrawingBackend>(
    page: &Page<DB>,
    chart: &Chart,
    plot: &Plot<DB>,
    area: &Area,
    scales: (&Scale, &Scale),
) -> Result<()> {
    for series in &chart.series {
        if let Series::Span { low, high, .. } = series {
            draw_span(page, plot, scales, (*low, *high))?;
        }
    }
    for (i, series) in chart.series.iter().enumerate().rev() {
        let number = series_number(chart, i);
        if let Series::Line { band: Some(band), .. } = series {
            draw_band(page, plot, scales, band, Ink::Band(number as u8))?;
        }
    }
    for (i, series) in chart.series.iter().enumerate().rev() {
        if let Series::Bars { bars, .. } = series {
            bars::draw(page, bars, area, scales, series_ink(chart, i))?;
        }
    }
    for series in &chart.series {
        if let Series::Rule { at, .. } = series {
            draw_rule(page, area, scales, *at)?;
        }
    }
    for (i, series) in chart.series.iter().enumerate().rev() {
        let (ink, number) = (series_ink(chart, i), series_number(chart, i));
        match series {
            Series::Line { points, .. } => draw_line(page, plot, area, scales, points, (ink, number))?,
            Series::Points { points, errors, .. } => draw_points(page, plot, area, scales, points, errors, ink)?,
            _ => {}
        }
    }
    Ok(())
}

fn draw_line<DB: DrawingBackend>(
    page: &Page<DB>,
    plot: &Plot<DB>,
    area: &Area,
    (x, y): (&Scale, &Scale),
    points: &[(f64, f64)],
    (ink, number): (Ink, usize),
) -> Result<()> {
    let columns = (area.columns() * page.metrics.across).max(1) as usize;
    let reduced;
    let points = if points.len() > 4 * columns {
        reduced = reduce::line(points, columns);
        &reduced
    } else {
        points
    };
    let positions = points.iter().map(|p| Some((x.position(p.0)?, y.position(p.1)?)));
    for path in clip(positions, x, y) {
        page.path(plot, path, ink, number)?;
    }
    Ok(())
}

/// Splits a line into the pieces that lie inside the two scales (Liang and Barsky's clipping, piece by piece).
fn clip(points: impl Iterator<Item = Option<(f64, f64)>>, x: &Scale, y: &Scale) -> Vec<Vec<(f64, f64)>> {
    let mut paths: Vec<Vec<(f64, f64)>> = Vec::new();
    let mut path: Vec<(f64, f64)> = Vec::new();
    let mut before: Option<(f64, f64)> = None;
    for point in points {
        let Some(b) = point else {
            paths.push(std::mem::take(&mut path));
            before = None;
            continue;
        };
        let a = before.unwrap_or(b);
        before = Some(b);
        let Some((from, to)) = clip_piece(a, b, x, y) else {
            paths.push(std::mem::take(&mut path));
            continue;
        };
        if path.last() != Some(&from) {
            paths.push(std::mem::take(&mut path));
            path.push(from);
        }
        if to != from {
            path.push(to);
        }
    }
    paths.push(path);
    paths.retain(|p| !p.is_empty());
    paths
}

fn clip_piece(a: (f64, f64), b: (f64, f64), x: &Scale, y: &Scale) -> Option<((f64, f64), (f64, f64))> {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let (mut start, mut end) = (0.0_f64, 1.0_f64);
    for (p, q) in [(-dx, a.0 - x.low), (dx, x.high - a.0), (-dy, a.1 - y.low), (dy, y.high - a.1)] {
        if p == 0.0 {
            if q < 0.0 {
                return None;
            }
        } else if p < 0.0 {
            start = start.max(q / p);
        } else {
            end = end.min(q / p);
        }
    }
    if start > end {
        return None;
    }
    let at = |t: f64| {
        if t <= 0.0 {
            a
        } else if t >= 1.0 {
            b
        } else {
            (a.0 + t * dx, a.1 + t * dy)
        }
    };
    Some((at(start), at(end)))
}

fn draw_points<DB: DrawingBackend>(
    page: &Page<DB>,
    plot: &Plot<DB>,
    area: &Area,
    (x, y): (&Scale, &Scale),
    points: &[(f64, f64)],
    errors: &[(f64, f64)],
    ink: Ink,
) -> Result<()> {
    let place = |p: &(f64, f64)| -> Option<(f64, f64)> {
        let (px, py) = (x.position(p.0)?, y.position(p.1)?);
        (x.holds(px) && y.holds(py)).then_some((px, py))
    };
    // Few points are marks; many are dots, one for each dot of the area at most.
    let few = points.len() <= (area.columns() / 2).max(4) as usize;
    if few {
        for (point, (low, high)) in points.iter().zip(errors) {
            let ends = (place(&(point.0, low.max(y_low(y)))), place(&(point.0, high.min(y_high(y)))));
            if let (Some(from), Some(to)) = ends {
                page.line(plot.map_coordinate(&from), plot.map_coordinate(&to), Ink::Label)?;
            }
        }
    }
    let reduced;
    let points = if few {
        points
    } else {
        reduced = reduce::points(points, 4 * area.columns().max(1) as usize, 8 * area.rows().max(1) as usize);
        &reduced
    };
    let radius = if few { page.metrics.mark } else { 1 };
    for at in points.iter().filter_map(place) {
        page.mark(plot.map_coordinate(&at), radius, ink)?;
    }
    Ok(())
}

fn y_low(scale: &Scale) -> f64 {
    if scale.position(1.0) == Some(0.0) { 10f64.powf(scale.low) } else { scale.low }
}

fn y_high(scale: &Scale) -> f64 {
    if scale.position(1.0) == Some(0.0) { 10f64.powf(scale.high) } else { scale.high }
}

fn draw_band<DB: DrawingBackend>(
    page: &Page<DB>,
    plot: &Plot<DB>,
    (x, y): (&Scale, &Scale),
    band: &[(f64, f64, f64)],
    ink: Ink,
) -> Result<()> {
    let corner =
        |at: f64, edge: f64| Some((x.position(at)?.clamp(x.low, x.high), y.position(edge)?.clamp(y.low, y.high)));
    let whole = |p: &(f64, f64, f64)| drawable(p.0) && drawable(p.1) && drawable(p.2);
    for run in band.chunk_by(|a, b| whole(a) == whole(b)) {
        let mut corners: Vec<(f64, f64)> = run.iter().filter_map(|p| corner(p.0, p.2)).collect();
        corners.extend(run.iter().rev().filter_map(|p| corner(p.0, p.1)));
        if corners.len() > 3 {
            page.polygon(corners.iter().map(|c| plot.map_coordinate(c)).collect(), ink)?;
        }
    }
    Ok(())
}

fn draw_span<DB: DrawingBackend>(
    page: &Page<DB>,
    plot: &Plot<DB>,
    (x, y): (&Scale, &Scale),
    (low, high): (f64, f64),
) -> Result<()> {
    let (Some(low), Some(high)) = (y.position(low), y.position(high)) else { return Ok(()) };
    let (low, high) = (low.clamp(y.low, y.high), high.clamp(y.low, y.high));
    // Dots are kept for the uncertainty of lines: where places are characters a span has edges and no filling.
    if !page.metrics.characters {
        let corners = [(x.low, low), (x.high, low), (x.high, high), (x.low, high)];
        page.polygon(corners.iter().map(|c| plot.map_coordinate(c)).collect(), Ink::Band(0))?;
    }
    for edge in [low, high].into_iter().filter(|e| *e > y.low && *e < y.high) {
        page.line(plot.map_coordinate(&(x.low, edge)), plot.map_coordinate(&(x.high, edge)), Ink::Rule)?;
    }
    Ok(())
}

fn draw_rule<DB: DrawingBackend>(page: &Page<DB>, area: &Area, (x, y): (&Scale, &Scale), at: At) -> Result<()> {
    let (left, right, top, bottom) = page.pixels(area);
    match at {
        At::Diagonal => page.line((left, bottom), (right, top), Ink::Rule),
        At::Horizontal(value) => match y.position(value).filter(|p| y.holds(*p)) {
            Some(p) => {
                let pixel = y.map(&p, (bottom, top));
                page.line((left, pixel), (right, pixel), Ink::Rule)
            }
            None => Ok(()),
        },
        At::Vertical(value) => match x.position(value).filter(|p| x.holds(*p)) {
            Some(p) => {
                let pixel = x.map(&p, (left, right));
                page.line((pixel, top), (pixel, bottom), Ink::Rule)
            }
            None => Ok(()),
        },
    }
}

/// Whether an axis names places.
pub(super) fn is_named(kind: &AxisKind) -> bool {
    matches!(kind, AxisKind::Categories(_))
}
