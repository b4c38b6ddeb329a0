//! Which rows of a chart hold what, and the axis lines with their ticks and labels.

use plotters::prelude::Ranged;
use plotters::style::text_anchor::HPos;
use plotters_backend::DrawingBackend;

use crate::chart::describe::{At, AxisKind, Chart, Series};
use crate::chart::grid::Ink;
use crate::chart::legend::Legend;
use crate::chart::page::{Area, Page};
use crate::chart::scale::Scale;
use crate::error::Result;

/// The rows of a chart. What there is no room for is `None`; the less needed goes first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub title: bool,
    /// The y axis' name and the names of events.
    pub note: Option<i32>,
    pub top: i32,
    pub bottom: i32,
    /// The axis line, with tick labels below it.
    pub axis: Option<i32>,
    /// The x axis' name.
    pub name: Option<i32>,
    pub legend: Option<i32>,
}

/// What a chart would like to show beside its data.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wants {
    pub note: bool,
    pub name: bool,
    pub legend: bool,
}

impl Frame {
    pub(super) fn new(rows: i32, wants: Wants) -> Self {
        let title = rows >= 5;
        let note = (wants.note && rows >= 10).then_some(1);
        let top = i32::from(title) + i32::from(note.is_some());
        let mut bottom = rows;
        let mut take = |wanted: bool, count: i32| {
            wanted.then(|| {
                bottom -= count;
                bottom
            })
        };
        let legend = take(wants.legend && rows >= 8, 1);
        let name = take(wants.name && rows >= 11, 1);
        let axis = take(rows >= 6, 2);
        Self { title, note, top, bottom, axis, name, legend }
    }

    /// Writes the title.
    pub(super) fn draw_title<DB: DrawingBackend>(&self, page: &Page<DB>, chart: &Chart) -> Result<()> {
        if self.title {
            page.text(0, 0, HPos::Left, &page.cut(&chart.title, page.columns), Ink::Title)?;
        }
        Ok(())
    }

    /// Writes the x axis' name and the legend, both beginning at column `from`.
    pub(super) fn draw_foot<DB: DrawingBackend>(
        &self,
        page: &Page<DB>,
        chart: &Chart,
        legend: &Legend,
        from: i32,
    ) -> Result<()> {
        if let Some(row) = self.name {
            let name = page.cut(&chart.x.label, page.columns - from);
            let middle = from + (page.columns - from) / 2;
            page.text(middle, row, HPos::Center, &name, Ink::Muted)?;
        }
        match self.legend {
            Some(row) => legend.draw(page, row, from),
            None => Ok(()),
        }
    }
}

/// Sets ticks on the horizontal scale, as many as fit side by side.
pub(super) fn tick_across<DB: DrawingBackend>(page: &Page<DB>, scale: &mut Scale, kind: &AxisKind, columns: i32) {
    let most_names = if let AxisKind::Categories(names) = kind { names.len().max(1) } else { 8 };
    let mut most = most_names.min((columns / 3).max(1) as usize);
    let gap = if matches!(kind, AxisKind::Categories(_)) { 1 } else { 2 };
    loop {
        scale.tick(kind, most);
        let places: Vec<(i32, i32)> =
            scale.ticks.iter().map(|t| (scale.map(&t.at, (0, columns - 1)), page.width(&t.label))).collect();
        let crowded = places.windows(2).any(|pair| match pair {
            [(a, wa), (b, wb)] => b - a < (wa + 1) / 2 + wb / 2 + gap,
            _ => false,
        });
        if !crowded || most <= 1 {
            return;
        }
        most -= 1;
    }
}

/// Draws the horizontal axis under an area, with ticks and labels. Labels may reach from column 0 to the page's end.
pub(super) fn draw_below<DB: DrawingBackend>(page: &Page<DB>, area: &Area, row: i32, scale: &Scale) -> Result<()> {
    let corner = page.centre(area.left - 1, row);
    let (left, right, _, _) = page.pixels(area);
    page.line(corner, (right, corner.1), Ink::Axis)?;
    let mut free = 0;
    for tick in scale.ticks.iter().filter(|t| scale.holds(t.at)) {
        let x = scale.map(&tick.at, (left, right));
        let (column, _) = page.place((x, 0));
        let label = page.cut(&tick.label, page.columns);
        let width = page.width(&label);
        let start = (column - width / 2).clamp(0, (page.columns - width).max(0));
        if start < free {
            continue;
        }
        free = start + width + 1;
        let at = if page.metrics.characters { page.centre(column, row).0 } else { x };
        page.line((at, corner.1), (at, (row + 1) * page.metrics.down - 1), Ink::Axis)?;
        if page.metrics.characters {
            page.text(start, row + 1, HPos::Left, &label, Ink::Label)?;
        } else {
            let half = width * page.metrics.across / 2;
            let middle = x.clamp(half, (page.columns * page.metrics.across - half).max(half));
            page.text_at((middle, page.centre(0, row + 1).1), HPos::Center, &label, Ink::Label)?;
        }
    }
    Ok(())
}

/// Draws the vertical axis left of an area. `labels` is the width kept for labels, 0 for none.
pub(super) fn draw_left<DB: DrawingBackend>(
    page: &Page<DB>,
    area: &Area,
    row: Option<i32>,
    scale: &Scale,
    labels: i32,
) -> Result<()> {
    let column = area.left - 1;
    let (x, _) = page.centre(column, 0);
    let (_, _, top, bottom) = page.pixels(area);
    let foot = row.map_or(bottom, |row| page.centre(column, row).1);
    page.line((x, top), (x, foot), Ink::Axis)?;
    let mut taken = i32::MAX;
    for tick in scale.ticks.iter().filter(|t| labels > 0 && scale.holds(t.at)) {
        let y = scale.map(&tick.at, (bottom, top));
        let (_, row) = page.place((0, y));
        if row >= taken {
            continue;
        }
        taken = row;
        let at = if page.metrics.characters { page.centre(column, row).1 } else { y };
        page.line((column * page.metrics.across, at), (x, at), Ink::Axis)?;
        let label_at = ((column - 1) * page.metrics.across, at);
        page.text_at(label_at, HPos::Right, &page.cut(&tick.label, labels), Ink::Label)?;
    }
    Ok(())
}

/// Writes the y axis' name above the axis, and the names of upright rules above their lines where there is room.
pub(super) fn draw_note<DB: DrawingBackend>(
    page: &Page<DB>,
    chart: &Chart,
    area: &Area,
    row: i32,
    x: &Scale,
) -> Result<()> {
    let name = page.cut(&chart.y.label, page.columns);
    page.text(0, row, HPos::Left, &name, Ink::Muted)?;
    let mut free = if name.is_empty() { 0 } else { page.width(&name) + 2 };
    let (left, right, _, _) = page.pixels(area);
    for series in &chart.series {
        let Series::Rule { at: At::Vertical(at), label } = series else { continue };
        let Some(position) = x.position(*at).filter(|p| x.holds(*p)) else { continue };
        let (column, _) = page.place((x.map(&position, (left, right)), 0));
        let room = page.columns - free;
        let label = page.cut(label, room);
        let width = page.width(&label);
        if width < 3 {
            continue;
        }
        let start = (column - width / 2).clamp(free, (page.columns - width).max(free));
        page.text(start, row, HPos::Left, &label, Ink::Rule)?;
        free = start + width + 2;
    }
    Ok(())
}
