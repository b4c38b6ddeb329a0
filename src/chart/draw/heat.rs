//! Tables of coloured cells: the confusion matrix.

use plotters::style::text_anchor::HPos;
use plotters_backend::DrawingBackend;

use crate::chart::describe::{Chart, drawable};
use crate::chart::grid::{Ink, Style};
use crate::chart::page::Page;
use crate::error::Result;

/// The parts of a [`crate::chart::Series::Heat`].
pub(super) struct Table<'a> {
    pub rows: &'a [String],
    pub columns: &'a [String],
    pub values: &'a [Vec<f64>],
    pub text: &'a [Vec<String>],
}

impl Table<'_> {
    fn value(&self, row: usize, column: usize) -> f64 {
        let value = self.values.get(row).and_then(|r| r.get(column)).copied().unwrap_or(0.0);
        if drawable(value) { value.clamp(0.0, 1.0) } else { 0.0 }
    }

    fn lines(&self, row: usize, column: usize) -> Vec<&str> {
        self.text.get(row).and_then(|r| r.get(column)).map(|t| t.split('\n').collect()).unwrap_or_default()
    }

    fn widest(&self, page: &Page<impl DrawingBackend>) -> i32 {
        let cells = self.text.iter().flatten().flat_map(|t| t.split('\n')).map(|l| page.width(l)).max().unwrap_or(0);
        cells.max(2)
    }
}

/// Strength 0 to 1 as one of the nine inks.
fn level(value: f64) -> u8 {
    (value * 8.0).round().clamp(0.0, 8.0) as u8
}

pub(super) fn draw<DB: DrawingBackend>(page: &Page<DB>, chart: &Chart, table: &Table<'_>) -> Result<()> {
    let title = page.rows >= 5;
    let axis_names = page.rows >= 7 && !chart.x.label.is_empty();
    let top = i32::from(title) + i32::from(axis_names) + 1;
    if title {
        page.text(0, 0, HPos::Left, &page.cut(&chart.title, page.columns), Ink::Title)?;
    }
    let names = table.rows.iter().map(|n| page.width(n)).max().unwrap_or(0).max(page.width(&chart.y.label));
    let left = names.min(page.columns / 3) + 2;

    let text_width = table.widest(page);
    let (many_columns, many_rows) = (table.columns.len().max(1) as i32, table.rows.len().max(1) as i32);
    // Numbers when they fit, shades when only those fit, and the first part of the table when even they do not.
    let room = page.columns - left;
    let numbers = room / many_columns > text_width;
    let header = table.columns.iter().map(|n| page.width(n)).max().unwrap_or(0);
    let widest = text_width.max(header.min(12)).max(6) + 2;
    let cell = if numbers { (room / many_columns).min(widest.max(12)) } else { (room / many_columns).clamp(1, 3) };
    let columns = many_columns.min(room / cell.max(1)).max(1);
    let below = page.rows - top;
    let height = (below / many_rows).clamp(1, if numbers { 3 } else { 1 });
    let cut_off = many_rows * height > below || columns < many_columns;
    let rows = many_rows.min(((below - i32::from(cut_off)) / height).max(1));

    if axis_names {
        let row = i32::from(title);
        page.text(left, row, HPos::Left, &page.cut(&chart.x.label, room), Ink::Muted)?;
        page.text(0, top - 1, HPos::Left, &page.cut(&chart.y.label, left - 2), Ink::Muted)?;
    }
    for column in 0..columns {
        let Some(name) = table.columns.get(column as usize) else { continue };
        let middle = left + column * cell + (cell - 1) / 2;
        page.text(middle, top - 1, HPos::Center, &page.cut(name, cell - i32::from(cell > 2)), Ink::Label)?;
    }
    for row in 0..rows {
        let Some(name) = table.rows.get(row as usize) else { continue };
        let first = top + row * height;
        page.text(left - 2, first + (height - 1) / 2, HPos::Right, &page.cut(name, left - 2), Ink::Label)?;
        for column in 0..columns {
            let place = (row as usize, column as usize);
            draw_cell(page, table, place, (left + column * cell, first), (cell, height), numbers)?;
        }
    }
    if cut_off {
        let note = format!("{rows} of {many_rows} rows, {columns} of {many_columns} columns");
        page.text(0, page.rows - 1, HPos::Left, &page.cut(&note, page.columns), Ink::Muted)?;
    }
    Ok(())
}

fn draw_cell<DB: DrawingBackend>(
    page: &Page<DB>,
    table: &Table<'_>,
    (row, column): (usize, usize),
    (x, y): (i32, i32),
    (width, height): (i32, i32),
    numbers: bool,
) -> Result<()> {
    let value = table.value(row, column);
    let ink = Ink::Heat(level(value));
    let m = &page.metrics;
    page.block((x * m.across, y * m.down), ((x + width) * m.across, (y + height) * m.down), ink)?;
    if !numbers {
        if m.characters {
            let shades =
                if m.style == Style::Plain { [' ', '.', ':', '+', '#'] } else { [' ', '░', '▒', '▓', '█'] };
            let shade = shades[usize::from(level(value)).div_ceil(2).min(4)];
            let text: String = std::iter::repeat_n(shade, (width - i32::from(width > 2)).max(1) as usize).collect();
            return page.text(x, y, HPos::Left, &text, ink);
        }
        return Ok(());
    }
    let lines = table.lines(row, column);
    let middle = x + (width - 1) / 2;
    let shown = (lines.len() as i32).min(height);
    for (i, line) in lines.iter().take(shown as usize).enumerate() {
        let line = page.cut(line, width);
        if m.characters {
            page.text(middle, y + i as i32, HPos::Center, &line, ink)?;
        } else {
            let top = y * m.down + (height - shown) * m.down / 2;
            let at = (x * m.across + width * m.across / 2, top + i as i32 * m.down + m.down / 2);
            page.text_at(at, HPos::Center, &line, ink)?;
        }
    }
    // A third row holds a bar, so that the strength is seen without colour.
    if height >= 3 && m.characters {
        let full = f64::from(width - 2) * value;
        let count = full.round().clamp(0.0, f64::from(width - 2)) as usize;
        let bar = if m.style == Style::Plain { '#' } else { '▬' };
        let text: String = std::iter::repeat_n(bar, count).collect();
        return page.text(x + 1, y + 2, HPos::Left, &text, ink);
    }
    Ok(())
}
