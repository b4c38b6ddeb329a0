//! The start screen: walks to take up, samples to begin with, and files.

use ratatui::layout::Rect;

use super::rows;
use crate::console::app::App;
use crate::console::format;
use crate::console::keys::Action;
use crate::console::theme::Role;
use crate::console::widgets::{List, Ui};
use crate::data;
use crate::flow::{Step, StepState, Walk, sample_flows};

/// What can be chosen on the start screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartItem {
    /// A walk, by its id.
    Walk(String),
    /// A sample, by its name.
    Sample(&'static str),
    /// A file.
    File,
}

/// The start screen's state.
#[derive(Debug, Default)]
pub struct StartView {
    /// The walks, the last changed first; none before they were read.
    pub walks: Option<Vec<Walk>>,
    /// The cursor.
    pub list: List,
}

impl StartView {
    /// Everything that can be chosen.
    #[must_use]
    pub fn items(&self) -> Vec<StartItem> {
        let walks = self.walks.iter().flatten().map(|w| StartItem::Walk(w.id.clone()));
        walks.chain(sample_flows().iter().map(|s| StartItem::Sample(s.name))).chain([StartItem::File]).collect()
    }

    /// What the cursor is on.
    #[must_use]
    pub fn current(&self) -> Option<StartItem> {
        let items = self.items();
        items.get(self.list.at(items.len())).cloned()
    }

    fn walk(&self, id: &str) -> Option<&Walk> {
        self.walks.iter().flatten().find(|w| w.id == id)
    }
}

enum Line {
    Blank,
    Heading(&'static str, &'static str),
    Item(usize, StartItem),
}

/// Where a walk stopped, in words.
fn stopped(walk: &Walk) -> String {
    let here = walk.here();
    match walk.state(here) {
        StepState::Done => "done to the end".into(),
        StepState::Refused => format!("refused at {here}"),
        StepState::Stale => format!("to be done again from {here}"),
        StepState::Open => format!("stopped at {here}"),
    }
}

/// Draws the start screen.
pub fn draw(ui: &mut Ui<'_>, area: Rect, app: &App) {
    let view = &app.start;
    let items = view.items();
    let cursor = view.list.at(items.len());
    let mut lines = Vec::new();
    let has_walks = view.walks.as_ref().is_some_and(|w| !w.is_empty());
    for (i, item) in items.into_iter().enumerate() {
        let heading = match (&item, lines.last()) {
            (StartItem::Walk(_), None) => Some(("TAKE UP A WALK", "each goes on where it stopped")),
            (StartItem::Sample(_), None | Some(Line::Item(_, StartItem::Walk(_)))) => {
                Some(("BEGIN WITH A SAMPLE", "real data inside this program"))
            }
            (StartItem::File, _) => {
                Some(("BEGIN WITH YOUR OWN DATA", "CSV, Parquet, JSON, Arrow, SQLite, or a flow file"))
            }
            _ => None,
        };
        if let Some((title, note)) = heading {
            if !lines.is_empty() {
                lines.push(Line::Blank);
            }
            lines.push(Line::Heading(title, note));
        }
        lines.push(Line::Item(i, item));
    }
    let detail = if area.height >= 16 { 5 } else { 0 };
    let (top, body) = rows(area, if has_walks || area.height < 14 { 0 } else { 3 });
    if top.height > 0 {
        let text = "Nothing has been walked here yet. A sample shows the whole way in a few minutes: from raw rows to an \
                    approved model in a registry.";
        ui.paragraph(Rect { x: top.x + 1, width: top.width.saturating_sub(2), ..top }, text, Role::Text);
    }
    let (list, below) = rows(body, body.height.saturating_sub(detail));
    let on = lines.iter().position(|l| matches!(l, Line::Item(i, _) if *i == cursor)).unwrap_or(0);
    let height = usize::from(list.height);
    view.list.window(lines.len(), list.height);
    let first = if lines.len() <= height { 0 } else { on.saturating_sub(height / 2).min(lines.len() - height) };
    for (y, line) in (list.top()..list.bottom()).zip(lines.iter().skip(first)) {
        match line {
            Line::Blank => {}
            Line::Heading(title, note) => {
                ui.spans(list.x + 1, y, list.width, &[(title, Role::Title), ("   ", Role::Text), (note, Role::Muted)]);
            }
            Line::Item(i, item) => draw_item(ui, Rect { y, height: 1, ..list }, app, item, *i == cursor),
        }
    }
    if detail > 0
        && let Some(item) = view.current()
    {
        draw_detail(ui, below, app, &item);
    }
}

fn draw_item(ui: &mut Ui<'_>, row: Rect, app: &App, item: &StartItem, selected: bool) {
    let x = row.x + 3;
    let room = row.width.saturating_sub(4);
    let names =
        sample_flows().iter().map(|s| s.name).chain(app.start.walks.iter().flatten().map(|w| w.flow.name.as_str()));
    let name_room = super::longest(names, 12, 26);
    let role = if selected { Role::Strong } else { Role::Text };
    match item {
        StartItem::Walk(id) => {
            let Some(walk) = app.start.walk(id) else { return };
            ui.say(x, row.y, name_room, &walk.flow.name, role);
            let mut marks = String::new();
            for step in Step::ALL {
                marks.push_str(ui.glyphs.state(walk.state(step)));
            }
            let used = name_room + 2;
            ui.say(x + used, row.y, 9, &marks, Role::Info);
            let state = stopped(walk);
            let more = used + 11;
            ui.say(x + more, row.y, room.saturating_sub(more), &state, Role::Text);
            if room > 75 {
                let ago = format::ago(walk.updated_ms, app.now_ms);
                ui.right(row.right() - 2, row.y, 14, &ago, Role::Muted);
                let source = app.place.short(std::path::Path::new(&walk.flow.load.source));
                ui.say(x + more + 28, row.y, room.saturating_sub(more + 28 + 16), &source, Role::Muted);
            }
        }
        StartItem::Sample(name) => {
            ui.say(x, row.y, name_room, name, role);
            let about = sample_flows().iter().find(|s| s.name == *name).map_or("", |s| s.about);
            ui.say(x + name_room + 2, row.y, room.saturating_sub(name_room + 2), about, Role::Muted);
        }
        StartItem::File => {
            let cut = ui.glyphs.cut;
            ui.say(x, row.y, name_room, &format!("open a file{cut}"), role);
            let key = app.key(Action::OpenFile);
            ui.spans(x + name_room + 2, row.y, room, &[(&key, Role::Key), (" from anywhere here", Role::Muted)]);
        }
    }
    if selected {
        ui.say(row.x + 1, row.y, 1, ui.glyphs.cursor, Role::Accent);
        ui.select(Rect { x: row.x + 2, width: row.width.saturating_sub(3), ..row });
    }
}

fn draw_detail(ui: &mut Ui<'_>, area: Rect, app: &App, item: &StartItem) {
    let inner = |title: &str, ui: &mut Ui<'_>| {
        let inside = ui.pane(area, title, "", false);
        Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside }
    };
    match item {
        StartItem::Walk(id) => {
            let Some(walk) = app.start.walk(id) else { return };
            let inside = inner(&walk.flow.name, ui);
            let target = &walk.flow.prepare.target;
            let target = if target.is_empty() { "no target yet".to_owned() } else { format!("target {target}") };
            let text = format!("{}, {target}, {}.", walk.flow.load.source, stopped(walk));
            ui.paragraph(inside, &text, Role::Text);
        }
        StartItem::Sample(name) => {
            let inside = inner(name, ui);
            if let Some(sample) = data::sample(name) {
                let text = format!(
                    "{} {} rows {} {} columns. {}",
                    sample.title,
                    format::count(sample.rows),
                    ui.glyphs.times,
                    sample.columns,
                    sample.about
                );
                ui.paragraph(inside, &text, Role::Text);
            }
        }
        StartItem::File => {
            let inside = inner("your own data", ui);
            let text = "Delimiter, quoting, dates, missing values and the meaning of columns are found by themselves and can \
                        be corrected. The file is only read.";
            ui.paragraph(inside, text, Role::Text);
        }
    }
}
