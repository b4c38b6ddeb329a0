//! The file picker: folders and files, with the first rows of the file under the cursor.

use std::path::PathBuf;

use ratatui::layout::Rect;

use super::{columns, rows};
use crate::console::app::App;
use crate::console::format;
use crate::console::theme::Role;
use crate::console::widgets::{Cell, Col, List, Ui, table, width};
use crate::data::Preview;
use crate::error::Error;

/// Something in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Its path.
    pub path: PathBuf,
    /// Whether it is a folder.
    pub is_folder: bool,
    /// Its size in bytes.
    pub size: u64,
}

impl Entry {
    /// Whether it may be a table (flow files are opened as well, but have no rows to show).
    #[must_use]
    pub fn is_table(&self) -> bool {
        !self.is_folder && !self.name.to_lowercase().ends_with(".toml")
    }

    fn looks_usable(&self) -> bool {
        let name = self.name.to_lowercase();
        self.is_folder || [".csv", ".tsv", ".txt", ".parquet", ".pq", ".toml"].iter().any(|e| name.ends_with(e))
    }
}

/// The picker's state.
#[derive(Debug)]
pub struct PickerView {
    /// The folder shown.
    pub folder: PathBuf,
    /// What is in it; none before it was read.
    pub entries: Option<Vec<Entry>>,
    /// The cursor.
    pub list: List,
    /// The first rows of a file.
    pub preview: Option<(PathBuf, Result<Preview, Error>)>,
}

impl PickerView {
    /// A picker that begins in `folder`.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, entries: None, list: List::default(), preview: None }
    }

    /// Shows a folder; coming from below, the cursor is on the folder one comes from.
    pub fn show(&mut self, folder: PathBuf, entries: Vec<Entry>) {
        let from = entries.iter().position(|e| e.path == self.folder);
        self.list = List::default();
        self.list.cursor = from.unwrap_or(0);
        self.folder = folder;
        self.entries = Some(entries);
        self.preview = None;
    }

    /// The entries that pass the filter.
    #[must_use]
    pub fn rows(&self) -> Vec<usize> {
        self.list.filtered(self.entries.as_deref().unwrap_or_default(), |e| e.name.clone())
    }

    /// The entry under the cursor.
    #[must_use]
    pub fn current(&self) -> Option<&Entry> {
        let rows = self.rows();
        self.entries.as_ref()?.get(*rows.get(self.list.at(rows.len()))?)
    }
}

/// Draws the picker.
pub fn draw(ui: &mut Ui<'_>, area: Rect, app: &App) {
    let view = &app.picker;
    let (left, right) = if area.width >= 80 {
        columns(area, (area.width / 3).clamp(32, 56))
    } else {
        rows(area, area.height.saturating_sub(area.height / 3))
    };
    let found = view.rows();
    let entries = view.entries.as_deref().unwrap_or_default();
    let note = if view.list.filter.is_empty() { String::new() } else { format!("filter: {}", view.list.filter) };
    let inside = ui.pane(left, &app.place.short(&view.folder), &note, true);
    let cols = [Col::fill("NAME", 10), Col::fixed("SIZE", 9).right()];
    table(ui, inside, &cols, &view.list, found.len(), true, |i| {
        let Some(entry) = found.get(i).and_then(|i| entries.get(*i)) else { return Vec::new() };
        let role = match entry {
            e if e.is_folder => Role::Info,
            e if e.looks_usable() => Role::Text,
            _ => Role::Muted,
        };
        let name = if entry.is_folder { format!("{}/", entry.name) } else { entry.name.clone() };
        let size = if entry.is_folder { String::new() } else { format::bytes(entry.size) };
        vec![Cell::new(name, role), Cell::muted(size)]
    });
    if view.entries.is_some() && found.is_empty() {
        let text = if entries.is_empty() { "This folder is empty." } else { "Nothing here fits the filter." };
        super::status::empty(ui, Rect { y: inside.y + 1, height: inside.height.min(2), ..inside }, text);
    }
    draw_preview(ui, right, view);
}

fn draw_preview(ui: &mut Ui<'_>, area: Rect, view: &PickerView) {
    let current = view.current();
    let title = current.map_or("preview", |e| e.name.as_str());
    match (&view.preview, current) {
        (Some((path, Ok(p))), Some(e)) if *path == e.path => {
            let rows = p.total_rows.map_or(String::new(), |n| {
                format!(", {} rows", format::count(usize::try_from(n).unwrap_or(usize::MAX)))
            });
            let note = format!("{}{rows}, {} columns, {}", p.kind, p.header.len(), format::bytes(p.size_bytes));
            let inside = ui.pane(area, title, &note, false);
            draw_rows(ui, inside, &p.header, &p.rows, 0);
        }
        (Some((path, Err(error))), Some(e)) if *path == e.path => {
            let inside = ui.pane(area, title, "", false);
            let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
            ui.paragraph(inside, &error.to_string(), Role::Warn);
        }
        (_, Some(e)) if e.is_folder => {
            let inside = ui.pane(area, title, "folder", false);
            super::status::empty(ui, inside, "Enter opens it.");
        }
        _ => {
            ui.pane(area, title, "", false);
        }
    }
}

/// Draws rows of text under their columns' names, beginning with column `from`.
pub fn draw_rows(ui: &mut Ui<'_>, area: Rect, header: &[String], data: &[Vec<String>], from: usize) {
    if area.height < 2 {
        return;
    }
    let mut x = area.x + 1;
    for (k, name) in header.iter().enumerate().skip(from) {
        if x + 3 >= area.right() {
            break;
        }
        let seen = data.iter().take(usize::from(area.height));
        let wide = seen.filter_map(|r| r.get(k)).map(|c| width(c)).chain([width(name)]).max().unwrap_or(3).clamp(3, 24);
        let room = wide.min(area.right() - 1 - x);
        ui.say(x, area.y, room, name, Role::Title);
        for (y, row) in (area.y + 1..area.bottom()).zip(data) {
            match row.get(k).map(String::as_str) {
                Some("") | None => ui.say(x, y, room, ui.glyphs.none, Role::Faint),
                Some(text) => ui.say(x, y, room, text, Role::Text),
            };
        }
        x = x.saturating_add(wide + 2);
    }
}
