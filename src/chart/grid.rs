//! A drawn chart as a grid of characters, each with the role that decides its colour.

/// Which characters may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Braille dots, blocks and box lines.
    Braille,
    /// ASCII only.
    Plain,
}

/// The role of a character; the console maps it to a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ink {
    /// Data of the series with this number (0 to 5, then again).
    Series(u8),
    /// Axis lines and ticks.
    Axis,
    /// Tick labels, legend names, whiskers.
    Label,
    /// The title.
    Title,
    /// Text of little weight: axis names, notes.
    Muted,
    /// The uncertainty of the series with this number.
    Band(u8),
    /// Thresholds, events, the chance line.
    Rule,
    /// All is well.
    Good,
    /// Worth a look.
    Warn,
    /// Wrong.
    Bad,
    /// A cell of a table, from 0 (nothing) to 8 (all): a background, with text on it.
    Heat(u8),
    /// Nothing is drawn here.
    #[default]
    None,
}

/// One character place. After a character that is two places wide comes one with `ch == '\0'`, which is not drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// The character.
    pub ch: char,
    /// Its role.
    pub ink: Ink,
}

impl Default for Cell {
    fn default() -> Self {
        Self { ch: ' ', ink: Ink::None }
    }
}

/// A drawn chart, row by row from the top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grid {
    /// Places per row.
    pub width: u16,
    /// Rows.
    pub height: u16,
    /// `width * height` cells.
    pub cells: Vec<Cell>,
}

impl Grid {
    /// The rows, top first.
    pub fn rows(&self) -> impl Iterator<Item = &[Cell]> {
        self.cells.chunks(usize::from(self.width).max(1))
    }

    /// The characters as text, a line a row, without trailing blanks.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        for row in self.rows() {
            let line: String = row.iter().filter(|c| c.ch != '\0').map(|c| c.ch).collect();
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }
}
