//! A bar for how far something is.

use super::ui::Ui;
use crate::console::theme::Role;

/// Draws a bar of `wide` places; an unknown share draws an empty one.
pub fn bar(ui: &mut Ui<'_>, x: u16, y: u16, wide: u16, share: Option<f64>) {
    let share = share.unwrap_or(0.0).clamp(0.0, 1.0);
    let done = (share * f64::from(wide)).round() as u16;
    ui.say(x, y, done, &ui.glyphs.bar_done.repeat(usize::from(done)), Role::Accent);
    let open = wide.saturating_sub(done);
    ui.say(x + done, y, open, &ui.glyphs.bar_open.repeat(usize::from(open)), Role::Faint);
}
