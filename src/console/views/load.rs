//! Step load: the columns with their meaning, and the first rows.

use ratatui::layout::Rect;

use super::{longest, picker, rows, status};
use crate::console::app::{App, WalkState};
use crate::console::format;
use crate::console::theme::Role;
use crate::console::widgets::{Cell, Col, List, Ui, table};
use crate::data::{Meaning, Physical};
use crate::flow::Step;

/// The view's cursors.
#[derive(Debug, Default)]
pub struct LoadView {
    /// The columns.
    pub columns: List,
    /// The rows.
    pub rows: List,
    /// Whether the rows have the keys.
    pub on_rows: bool,
    /// The first column of the rows that is shown.
    pub scroll: usize,
}

/// The colour of a meaning.
pub fn meaning_role(meaning: Meaning) -> Role {
    match meaning {
        Meaning::Identifier => Role::Muted,
        Meaning::Number | Meaning::Boolean => Role::Info,
        Meaning::Category => Role::Good,
        Meaning::DateTime => Role::Warn,
        Meaning::Text => Role::Text,
    }
}

fn storage(physical: Physical) -> &'static str {
    match physical {
        Physical::Float => "float",
        Physical::Integer => "integer",
        Physical::Boolean => "boolean",
        Physical::String => "string",
        Physical::Date => "date",
        Physical::Datetime => "datetime",
    }
}

/// Draws the view.
pub fn draw(ui: &mut Ui<'_>, area: Rect, app: &App, walk: &WalkState) {
    let area = status::draw(ui, area, app, walk, Step::Load);
    let columns = walk.columns();
    let Some(load) = &walk.desk.load else {
        match &walk.preview {
            _ if walk.problem(Step::Load).is_some() => {}
            None => status::empty(ui, area, "Reading the table."),
            Some(preview) => {
                let note = format!("{}, {}; the whole is being read", preview.kind, format::bytes(preview.size_bytes));
                let inside = ui.pane(area, "the first rows", &note, true);
                picker::draw_rows(ui, inside, &preview.header, &preview.rows, 0);
            }
        }
        return;
    };
    let view = &walk.views.load;
    let mut y = area.y;
    let size = format!("{} rows {} {} columns", format::count(load.rows), ui.glyphs.times, load.columns.len());
    let source = app.place.short(std::path::Path::new(&load.source));
    let digest = format!("   sha256 {}", format::digest(&load.fingerprint));
    ui.spans(
        area.x + 1,
        y,
        area.width.saturating_sub(1),
        &[(&source, Role::Strong), ("   ", Role::Text), (&size, Role::Text), (&digest, Role::Muted)],
    );
    y += 1;
    for note in load.notes.iter().take(if area.height > 18 { 3 } else { 1 }) {
        let text = format!("{} {note}", ui.glyphs.note);
        ui.say(area.x + 1, y, area.width.saturating_sub(2), &text, Role::Muted);
        y += 1;
    }
    y += 1;
    let (_, body) = rows(area, y - area.y);
    let head = walk.held.as_ref().map(|h| h.head.as_slice()).unwrap_or_default();
    let share = if body.height >= 14 && !head.is_empty() { (body.height / 3).max(6) } else { 0 };
    let (upper, lower) = rows(body, body.height - share);

    let found = walk.load_rows();
    let note = if view.columns.filter.is_empty() { String::new() } else { format!("filter: {}", view.columns.filter) };
    let inside = ui.pane(upper, "columns", &note, !view.on_rows);
    let name = longest(columns.iter().map(|c| c.name.as_str()), 8, 32);
    let cols = [
        Col::fixed("NAME", name),
        Col::fixed("MEANING", 10),
        Col::fixed("STORED AS", 9).drop(2),
        Col::fixed("MISSING", 14).right().drop(1),
        Col::fill("FOR EXAMPLE", 12),
    ];
    let total = load.rows.max(1);
    table(ui, inside, &cols, &view.columns, found.len(), !view.on_rows, |i| {
        let Some((k, spec)) = found.get(i).and_then(|k| Some((*k, columns.get(*k)?))) else { return Vec::new() };
        let held = walk.held.as_ref();
        let missing = held.and_then(|h| h.missing.get(k)).copied();
        let missing = match missing {
            Some(0) => Cell::new("0", Role::Faint),
            Some(n) => {
                let share = n as f64 / total as f64;
                let role = if share > 0.3 { Role::Warn } else { Role::Text };
                Cell::new(format!("{} {:>6}", format::count(n), format::percent(share)), role)
            }
            None => Cell::muted(""),
        };
        let corrected = walk.desk.walk.flow.load.meaning.contains_key(&spec.name);
        let meaning = if corrected { format!("{}*", spec.meaning) } else { spec.meaning.to_string() };
        let example = held.and_then(|h| h.examples.get(k)).map_or("", String::as_str);
        vec![
            Cell::text(&spec.name),
            Cell::new(meaning, meaning_role(spec.meaning)),
            Cell::muted(storage(spec.physical)),
            missing,
            Cell::muted(example),
        ]
    });
    if share > 0 {
        let note = format!("the first {}; a wide table scrolls sideways", head.len());
        let inside = ui.pane(lower, "rows", &note, view.on_rows);
        let names: Vec<String> = columns.iter().map(|c| c.name.clone()).collect();
        let first = view.rows.window(head.len(), inside.height.saturating_sub(1));
        let shown = head.get(first..).unwrap_or_default();
        picker::draw_rows(ui, inside, &names, shown, view.scroll.min(names.len().saturating_sub(1)));
        if view.on_rows {
            let at = view.rows.at(head.len()).saturating_sub(first);
            let y = inside.y + 1 + u16::try_from(at).unwrap_or(0);
            if y < inside.bottom() {
                ui.say(inside.x, y, 1, ui.glyphs.cursor, Role::Accent);
                ui.select(Rect { x: inside.x + 1, y, width: inside.width.saturating_sub(1), height: 1 });
            }
        }
    }
}
