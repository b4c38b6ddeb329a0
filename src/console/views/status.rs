//! What stands above every view: work that runs, or why it failed.

use ratatui::layout::Rect;

use super::train;
use crate::console::app::{App, WalkState};
use crate::console::format;
use crate::console::keys::Action;
use crate::console::theme::Role;
use crate::console::widgets::{Ui, bar};
use crate::flow::Step;

/// Draws the state of the step's work. Returns the area below.
pub fn draw(ui: &mut Ui<'_>, area: Rect, app: &App, walk: &WalkState, step: Step) -> Rect {
    let mut y = area.y;
    if let Some(job) = walk.job.as_ref().and_then(|j| Some((j, app.jobs.get(j.id)?))) {
        let (about, job) = job;
        let latest = job.latest.as_ref();
        let mut x = area.x + 1;
        let here = ui.glyphs.here;
        x += ui.spans(
            x,
            y,
            area.width,
            &[(here, Role::Accent), (" ", Role::Text), (about.step.name(), Role::Strong), ("  ", Role::Text)],
        );
        let wide = 20.min(area.width / 4);
        let fitted = (about.step == Step::Train).then(|| train::progress(app, walk));
        let share = fitted.or_else(|| latest.and_then(|p| p.share));
        if share.is_some() {
            bar(ui, x, y, wide, share);
            x += wide + 2;
        }
        let elapsed = format::elapsed(app.now.saturating_duration_since(job.started));
        x += ui.say(x, y, 9, &elapsed, Role::Text) + 2;
        if let Some(p) = latest {
            let text = match (about.step, p.note.as_str()) {
                (Step::Train, note) => format!("{}: {note}", p.what.replace('_', " ")),
                (_, "") => p.what.clone(),
                (_, note) => note.to_owned(),
            };
            let room = area.right().saturating_sub(x + 18);
            x += ui.say(x, y, room, &text, Role::Muted) + 2;
        }
        let stop = app.key(Action::CancelJob);
        ui.spans(x, y, area.right().saturating_sub(x), &[(&stop, Role::Key), (" stops it", Role::Muted)]);
        y += 2;
    } else if let Some(error) = walk.problem(step) {
        let mark = ui.glyphs.refused;
        ui.say(area.x + 1, y, 2, mark, Role::Bad);
        let room = Rect { x: area.x + 3, y, width: area.width.saturating_sub(4), height: area.height.min(4) };
        y += ui.paragraph(room, &error.message, Role::Bad);
        if let Some(hint) = &error.hint {
            let room = Rect { y, height: area.bottom().saturating_sub(y).min(3), ..room };
            y += ui.paragraph(room, hint, Role::Text);
        }
        if app.can(Action::Repeat).is_ok() {
            let again = app.key(Action::Repeat);
            ui.spans(room.x, y, room.width, &[(&again, Role::Key), (" tries again", Role::Muted)]);
            y += 1;
        }
        y += 1;
    }
    Rect { y: y.min(area.bottom()), height: area.bottom().saturating_sub(y), ..area }
}

/// Draws a sentence that stands for a view that has nothing to show yet.
pub fn empty(ui: &mut Ui<'_>, area: Rect, text: &str) {
    let area = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    ui.paragraph(area, text, Role::Muted);
}

/// A name and its value on one line. Returns the row below.
pub fn fact(ui: &mut Ui<'_>, area: Rect, y: u16, name: &str, value: &str, role: Role) -> u16 {
    const NAME: u16 = 14;
    if y >= area.bottom() {
        return y;
    }
    ui.say(area.x, y, NAME, name, Role::Muted);
    let room = Rect { x: area.x + NAME, y, width: area.width.saturating_sub(NAME), height: area.bottom() - y };
    y + ui.paragraph(Rect { height: room.height.min(4), ..room }, value, role).max(1)
}
