//! The views: one a step, the start screen, the file picker and the help. Each keeps its cursors and draws itself.

mod approve;
mod catalog;
mod compare;
mod help;
mod inspect;
mod load;
mod moves;
mod picker;
mod prepare;
mod push;
mod start;
mod status;
mod test;
mod train;
mod watch;

use ratatui::layout::Rect;

use crate::data::Meaning;
use crate::flow::Step;

use super::app::{App, Screen, WalkState};
use super::widgets::Ui;

pub use catalog::{CatalogView, change_count};
pub use help::{draw as draw_help, rows as help_rows};
pub use inspect::{BLOCKS, Tab};
pub use picker::{Entry, PickerView};
pub use start::{StartItem, StartView};

/// The cursors of a walk's views.
#[derive(Debug, Default)]
pub struct Views {
    /// Step load.
    pub load: load::LoadView,
    /// Step inspect.
    pub inspect: inspect::InspectView,
    /// Step prepare.
    pub prepare: prepare::PrepareView,
    /// Step train.
    pub train: train::TrainView,
    /// Step compare.
    pub compare: compare::CompareView,
    /// Step test.
    pub test: test::TestView,
    /// Step approve.
    pub approve: approve::ApproveView,
    /// Step push.
    pub push: push::PushView,
    /// Step watch.
    pub watch: watch::WatchView,
}

/// Draws the view that is on the screen.
pub fn draw(ui: &mut Ui<'_>, area: Rect, app: &App) {
    match (app.screen, &app.walk) {
        (Screen::Picker, _) => picker::draw(ui, area, app),
        (Screen::Catalog, _) => catalog::draw(ui, area, app),
        (Screen::Walk, Some(walk)) => draw_step(ui, area, app, walk),
        (Screen::Start | Screen::Walk, _) => start::draw(ui, area, app),
    }
}

fn draw_step(ui: &mut Ui<'_>, area: Rect, app: &App, walk: &WalkState) {
    match walk.step {
        Step::Load => load::draw(ui, area, app, walk),
        Step::Inspect => inspect::draw(ui, area, app, walk),
        Step::Prepare => prepare::draw(ui, area, app, walk),
        Step::Train => train::draw(ui, area, app, walk),
        Step::Compare => compare::draw(ui, area, app, walk),
        Step::Test => test::draw(ui, area, app, walk),
        Step::Approve => approve::draw(ui, area, app, walk),
        Step::Push => push::draw(ui, area, app, walk),
        Step::Watch => watch::draw(ui, area, app, walk),
    }
}

/// What a meaning says, in a few words.
#[must_use]
pub fn meaning_help(meaning: Meaning) -> &'static str {
    match meaning {
        Meaning::Number => "a quantity",
        Meaning::Category => "one of a limited set of values",
        Meaning::DateTime => "a date or a moment",
        Meaning::Boolean => "yes or no",
        Meaning::Text => "free words",
        Meaning::Identifier => "names one row or one entity; never a feature",
    }
}

/// Splits an area at `at` rows from the top.
fn rows(area: Rect, at: u16) -> (Rect, Rect) {
    let at = at.min(area.height);
    (Rect { height: at, ..area }, Rect { y: area.y + at, height: area.height - at, ..area })
}

/// Splits an area at `at` columns from the left, with a gap of two between.
fn columns(area: Rect, at: u16) -> (Rect, Rect) {
    let at = at.min(area.width);
    let right = (at + 2).min(area.width);
    (Rect { width: at, ..area }, Rect { x: area.x + right, width: area.width - right, ..area })
}

/// The width of the longest of some texts, within bounds.
fn longest<'a>(texts: impl Iterator<Item = &'a str>, least: u16, most: u16) -> u16 {
    texts.map(super::widgets::width).max().unwrap_or(0).clamp(least, most)
}
