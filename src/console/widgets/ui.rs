//! The surface that widgets draw on: a buffer, the theme and the shapes.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::console::glyphs::Glyphs;
use crate::console::theme::{Role, Theme};
use crate::data::display;
use crate::places::{fit, width, wrap};

/// A buffer with the means to write on it.
pub struct Ui<'a> {
    buffer: &'a mut Buffer,
    /// Colours.
    pub theme: &'a Theme,
    /// Shapes.
    pub glyphs: &'a Glyphs,
    /// Where the real cursor goes, when a text field has the focus.
    pub cursor: Option<(u16, u16)>,
    /// The free part of the last pane's heading: from, to, row. A table puts its position there.
    heading: (u16, u16, u16),
}

impl<'a> Ui<'a> {
    /// A surface over `buffer`.
    pub fn new(buffer: &'a mut Buffer, theme: &'a Theme, glyphs: &'a Glyphs) -> Self {
        Self { buffer, theme, glyphs, cursor: None, heading: (0, 0, 0) }
    }

    /// Blanks an area.
    pub fn clear(&mut self, area: Rect) {
        let style = self.theme.style(Role::Text);
        self.fill(area, " ", style);
    }

    /// Fills an area with one character.
    pub fn fill(&mut self, area: Rect, symbol: &str, style: Style) {
        let area = area.intersection(self.buffer.area);
        for y in area.top()..area.bottom() {
            for x in area.left()..area.right() {
                if let Some(cell) = self.buffer.cell_mut((x, y)) {
                    cell.reset();
                    cell.set_symbol(symbol).set_style(style);
                }
            }
        }
    }

    /// Writes text from (x, y) on at most `most` places, cut with an ellipsis; escapes in it are made harmless.
    /// Returns the places used.
    pub fn put(&mut self, x: u16, y: u16, most: u16, text: &str, style: Style) -> u16 {
        let area = self.buffer.area;
        if y < area.top() || y >= area.bottom() || x >= area.right() {
            return 0;
        }
        let most = most.min(area.right() - x);
        let shown = display(text);
        let shown = fit(&shown, most, self.glyphs.cut);
        let end = self.buffer.set_stringn(x, y, &shown, usize::from(most), style).0;
        end - x
    }

    /// Writes text in a role.
    pub fn say(&mut self, x: u16, y: u16, most: u16, text: &str, role: Role) -> u16 {
        let style = self.theme.style(role);
        self.put(x, y, most, text, style)
    }

    /// Writes pieces of text one after the other. Returns the places used.
    pub fn spans(&mut self, x: u16, y: u16, most: u16, spans: &[(&str, Role)]) -> u16 {
        let mut used = 0;
        for (text, role) in spans {
            if used >= most {
                break;
            }
            used += self.say(x + used, y, most - used, text, *role);
        }
        used
    }

    /// Writes text that ends at the right edge `right` (exclusive). Returns its first place.
    pub fn right(&mut self, right: u16, y: u16, most: u16, text: &str, role: Role) -> u16 {
        let w = width(&display(text)).min(most);
        let x = right.saturating_sub(w);
        self.say(x, y, w, text, role);
        x
    }

    /// Writes a paragraph, wrapped. Returns the rows used.
    pub fn paragraph(&mut self, area: Rect, text: &str, role: Role) -> u16 {
        let shown = display_lines(text);
        let mut used = 0;
        let lines = wrap(&shown, area.width);
        for (i, line) in lines.iter().enumerate() {
            if used >= area.height {
                break;
            }
            if used + 1 == area.height && i + 1 < lines.len() {
                // The rest does not fit: say so.
                let cut = format!("{line}{}", self.glyphs.cut);
                self.say(area.x, area.y + used, area.width, &cut, role);
            } else {
                self.say(area.x, area.y + used, area.width, line, role);
            }
            used += 1;
        }
        used
    }

    /// A pane's heading with a line to the right of it. Returns the area below.
    pub fn pane(&mut self, area: Rect, title: &str, note: &str, focused: bool) -> Rect {
        if area.height == 0 || area.width == 0 {
            return area;
        }
        let faint = self.theme.style(Role::Faint);
        self.fill(Rect { height: 1, ..area }, self.glyphs.line, faint);
        let role = if focused { Role::Accent } else { Role::Title };
        let mark = if focused { self.glyphs.into } else { self.glyphs.line };
        let x = area.x + 1;
        let used = self.spans(
            x,
            area.y,
            area.width.saturating_sub(2),
            &[(" ", Role::Faint), (title, role), (" ", Role::Faint)],
        );
        let style = self.theme.style(if focused { Role::Accent } else { Role::Faint });
        self.put(area.x, area.y, 1, mark, style);
        let mut free = area.right().saturating_sub(1);
        if !note.is_empty() {
            let most = area.width.saturating_sub(used + 5);
            let text = format!(" {note} ");
            if most > 6 {
                let text = fit(&display(&text), most, self.glyphs.cut);
                free = self.right(area.right().saturating_sub(1), area.y, most, &text, Role::Muted);
            }
        }
        self.heading = (x + used, free, area.y);
        Rect { y: area.y + 1, height: area.height - 1, ..area }
    }

    /// A pane's heading that names several views of one thing, the one that is open first in weight. Returns the area below.
    pub fn tabs(&mut self, area: Rect, names: &[&str], open: usize, note: &str) -> Rect {
        if area.height == 0 || area.width == 0 {
            return area;
        }
        let faint = self.theme.style(Role::Faint);
        self.fill(Rect { height: 1, ..area }, self.glyphs.line, faint);
        let style = self.theme.style(Role::Accent);
        self.put(area.x, area.y, 1, self.glyphs.into, style);
        let end = area.right().saturating_sub(1);
        let mut x = area.x + 1;
        // On a narrow screen the names before the open one give way.
        let wide = |from: usize| names.iter().skip(from).take(open + 1 - from).map(|n| width(n) + 3).sum::<u16>();
        let first = (0..=open).find(|from| x + wide(*from) <= end).unwrap_or(open);
        for (i, name) in names.iter().enumerate().skip(first) {
            let text = format!(" {name} ");
            if i > open && x + width(&text) > end {
                break;
            }
            x += self.say(x, area.y, end.saturating_sub(x), &text, if i == open { Role::Accent } else { Role::Muted });
            x += 1;
        }
        let mut free = end;
        let most = end.saturating_sub(x + 2);
        if !note.is_empty() && most > 6 {
            let text = fit(&display(&format!(" {note} ")), most, self.glyphs.cut);
            free = self.right(end, area.y, most, &text, Role::Muted);
        }
        self.heading = (x, free, area.y);
        Rect { y: area.y + 1, height: area.height - 1, ..area }
    }

    /// Says in the heading of the pane above row `y` where in its list one is.
    pub fn position(&mut self, y: u16, at: usize, count: usize) {
        let (from, to, row) = self.heading;
        let text = format!("{}/{count} ", at + 1);
        if row + 1 == y && from + width(&text) < to {
            self.say(from, row, to - from, &text, Role::Muted);
        }
    }

    /// A framed box in the middle of `area`. Returns the area inside.
    pub fn popup(&mut self, area: Rect, wide: u16, high: u16, title: &str) -> Rect {
        let (wide, high) = (wide.min(area.width), high.min(area.height));
        let outer = Rect {
            x: area.x + (area.width - wide) / 2,
            y: area.y + (area.height - high) / 3,
            width: wide,
            height: high,
        };
        self.clear(outer);
        if wide < 4 || high < 3 {
            return outer;
        }
        let [ul, ur, ll, lr, side] = self.glyphs.frame;
        let style = self.theme.style(Role::Accent);
        let line = self.glyphs.line;
        self.fill(Rect { height: 1, ..outer }, line, style);
        self.fill(Rect { y: outer.bottom() - 1, height: 1, ..outer }, line, style);
        for y in outer.top()..outer.bottom() {
            let (left, right) = match y {
                _ if y == outer.top() => (ul, ur),
                _ if y + 1 == outer.bottom() => (ll, lr),
                _ => (side, side),
            };
            self.put(outer.x, y, 1, left, style);
            self.put(outer.right() - 1, y, 1, right, style);
        }
        let title = format!(" {title} ");
        self.put(outer.x + 2, outer.y, wide.saturating_sub(4), &title, style);
        Rect { x: outer.x + 2, y: outer.y + 1, width: wide - 4, height: high - 2 }
    }

    /// Lays the look of the selected row over a row.
    pub fn select(&mut self, area: Rect) {
        let area = area.intersection(self.buffer.area);
        for y in area.top()..area.bottom() {
            for x in area.left()..area.right() {
                if let Some(cell) = self.buffer.cell_mut((x, y)) {
                    let style = self.theme.selected(cell.style());
                    cell.set_style(style);
                }
            }
        }
    }
}

/// Makes escapes harmless but keeps line ends.
fn display_lines(text: &str) -> String {
    text.split('\n').map(|line| display(line).into_owned()).collect::<Vec<_>>().join("\n")
}
