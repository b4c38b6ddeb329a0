//! A table that draws only the rows that are seen.

use ratatui::layout::Rect;

use super::list::List;
use super::ui::Ui;
use crate::console::theme::Role;
use crate::data::display;
use crate::places::width;

/// Where a column's text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// At its left edge.
    Left,
    /// At its right edge, for numbers.
    Right,
}

/// A column of a table.
#[derive(Debug, Clone)]
pub struct Col {
    title: String,
    least: u16,
    fill: bool,
    align: Align,
    /// Given up first, when the table is too narrow: higher goes first, 0 never.
    drop: u8,
}

impl Col {
    /// A column of a fixed width.
    pub fn fixed(title: impl Into<String>, width: u16) -> Self {
        Self { title: title.into(), least: width, fill: false, align: Align::Left, drop: 0 }
    }

    /// A column that takes what is left, at least `least`.
    pub fn fill(title: impl Into<String>, least: u16) -> Self {
        Self { title: title.into(), least, fill: true, align: Align::Left, drop: 0 }
    }

    /// Aligned at the right.
    #[must_use]
    pub fn right(mut self) -> Self {
        self.align = Align::Right;
        self
    }

    /// May be left away in a narrow table; the highest number goes first.
    #[must_use]
    pub fn drop(mut self, order: u8) -> Self {
        self.drop = order;
        self
    }
}

/// One cell: text and its role.
#[derive(Debug, Clone)]
pub struct Cell {
    text: String,
    role: Role,
}

impl Cell {
    /// A cell in a role.
    pub fn new(text: impl Into<String>, role: Role) -> Self {
        Self { text: text.into(), role }
    }

    /// Ordinary text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(text, Role::Text)
    }

    /// Text of less weight.
    pub fn muted(text: impl Into<String>) -> Self {
        Self::new(text, Role::Muted)
    }
}

const GAP: u16 = 2;

/// The widths that `cols` get in `room` places; 0 for those left away.
fn layout(cols: &[Col], room: u16) -> Vec<u16> {
    let mut kept = vec![true; cols.len()];
    let need = |kept: &[bool]| -> u32 {
        let parts: Vec<u32> = cols.iter().zip(kept).filter(|(_, k)| **k).map(|(c, _)| u32::from(c.least)).collect();
        parts.iter().sum::<u32>() + u32::from(GAP) * (parts.len().saturating_sub(1)) as u32
    };
    while need(&kept) > u32::from(room) {
        let next = (0..cols.len()).filter(|i| kept[*i] && cols[*i].drop > 0).max_by_key(|i| cols[*i].drop);
        match next {
            Some(i) => kept[i] = false,
            None => break,
        }
    }
    let spare = u32::from(room).saturating_sub(need(&kept));
    let fills = cols.iter().zip(&kept).filter(|(c, k)| c.fill && **k).count() as u32;
    let mut widths: Vec<u16> = cols.iter().zip(&kept).map(|(c, k)| if *k { c.least } else { 0 }).collect();
    for (given, (i, col)) in (0..).zip(cols.iter().enumerate().filter(|(i, c)| c.fill && kept[*i])) {
        let share = if given + 1 == fills { spare - spare / fills * given } else { spare / fills };
        widths[i] = col.least.saturating_add(u16::try_from(share).unwrap_or(u16::MAX));
    }
    widths
}

/// Draws a heading and the rows of `count` that fit; `row` makes one row's cells. The cursor's row is marked by shape and
/// by ground when `focused`. The pane's heading says where in the list one is when it is longer than the area.
pub fn table(
    ui: &mut Ui<'_>,
    area: Rect,
    cols: &[Col],
    list: &List,
    count: usize,
    focused: bool,
    row: impl Fn(usize) -> Vec<Cell>,
) {
    if area.height < 2 || area.width < 6 {
        return;
    }
    let room = area.width - 3;
    let widths = layout(cols, room);
    let left = area.x + 2;
    let edge = area.right() - 1;
    let mut x = left;
    for (col, w) in cols.iter().zip(&widths).filter(|(_, w)| **w > 0) {
        put(ui, x, area.y, (*w).min(edge.saturating_sub(x)), &col.title, col.align, Role::Title);
        x = x.saturating_add(w + GAP);
    }
    let body = Rect { y: area.y + 1, height: area.height - 1, ..area };
    let first = list.window(count, body.height);
    let cursor = list.at(count);
    for (y, index) in (body.top()..body.bottom()).zip(first..count) {
        let cells = row(index);
        let mut x = left;
        for ((cell, w), col) in cells.iter().zip(&widths).zip(cols).filter(|((_, w), _)| **w > 0) {
            put(ui, x, y, (*w).min(edge.saturating_sub(x)), &cell.text, col.align, cell.role);
            x = x.saturating_add(w + GAP);
        }
        if index == cursor {
            let role = if focused { Role::Accent } else { Role::Faint };
            ui.say(area.x, y, 1, ui.glyphs.cursor, role);
            if focused {
                ui.select(Rect { x: area.x + 1, y, width: area.width - 1, height: 1 });
            }
        }
    }
    if count == 0 && !list.filter.is_empty() {
        ui.say(left, body.y, edge.saturating_sub(left), "Nothing here fits the filter.", Role::Muted);
    }
    if count > usize::from(body.height) {
        ui.position(area.y, cursor, count);
    }
}

fn put(ui: &mut Ui<'_>, x: u16, y: u16, w: u16, text: &str, align: Align, role: Role) {
    let shown = display(text);
    let pad = match align {
        Align::Left => 0,
        Align::Right => w.saturating_sub(width(&shown)),
    };
    ui.say(x + pad, y, w - pad, &shown, role);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrow_tables_give_up_columns_in_order() {
        let cols = [Col::fill("a", 10), Col::fixed("b", 10).drop(1), Col::fixed("c", 10).drop(2)];
        assert_eq!(layout(&cols, 40), [16, 10, 10]);
        assert_eq!(layout(&cols, 30), [18, 10, 0]);
        assert_eq!(layout(&cols, 12), [12, 0, 0]);
        assert_eq!(layout(&cols, 5), [10, 0, 0]);
        let two = [Col::fill("a", 5), Col::fill("b", 5)];
        assert_eq!(layout(&two, 21), [9, 10]);
    }
}
