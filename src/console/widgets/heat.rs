//! Cells of a heat map: colour where there is some, shade where there is none.

use ratatui::style::Color;

use super::ui::Ui;
use crate::chart::{Ink, Style};

/// Writes a cell `wide` places wide for a strength from 0 to 1.
pub fn heat(ui: &mut Ui<'_>, x: u16, y: u16, wide: u16, strength: f64) {
    let level = (strength.clamp(0.0, 1.0) * 8.0).round() as u8;
    if level == 0 {
        return; // nothing keeps the ground that stands there, the cursor's too
    }
    let shades =
        if ui.glyphs.chart == Style::Plain { [" ", ".", ":", "+", "#"] } else { [" ", "░", "▒", "▓", "█"] };
    let style = ui.theme.ink(Ink::Heat(level));
    let coloured = style.bg.is_some_and(|ground| ground != Color::Reset);
    // A shade over a coloured ground would lighten the dark ones.
    let shade = if coloured { " " } else { shades.get(usize::from(level.div_ceil(2))).copied().unwrap_or(" ") };
    ui.put(x, y, wide, &shade.repeat(usize::from(wide)), style);
}
