//! The catalog: every dataset that the workspace has seen, what is known of it, where it came from and went, and what
//! changed between its last two versions.

use ratatui::layout::Rect;

use super::{columns, rows};
use crate::console::app::App;
use crate::console::format;
use crate::console::keys::Action;
use crate::console::theme::Role;
use crate::console::views::status;
use crate::console::widgets::{Cell, Col, List, Ui, table};
use crate::error::Error;
use crate::flow::catalog::diff::{Change, VersionDiff};
use crate::flow::catalog::{Entry, Since};

/// The screen's state.
#[derive(Debug, Default)]
pub struct CatalogView {
    /// The datasets; none before they were read.
    pub entries: Option<Vec<Entry>>,
    /// The cursor.
    pub list: List,
    /// Where a dataset came from and went, as lines; the dataset's name first.
    pub lineage: Option<(String, Vec<String>)>,
    /// What changed between the last two versions of a dataset, or why that cannot be told.
    pub diff: Option<(String, Result<VersionDiff, Error>)>,
    /// The cursor over the changes.
    pub changes: List,
    /// Whether the changes are shown in place of the details.
    pub on_diff: bool,
    /// The comparison to show as soon as the catalog is read.
    pub wanted: Option<Since>,
    /// Whether the walk is what one goes back to.
    pub back_to_walk: bool,
}

impl CatalogView {
    /// The datasets that pass the filter.
    #[must_use]
    pub fn rows(&self) -> Vec<usize> {
        self.list.filtered(self.entries.as_deref().unwrap_or_default(), |e| {
            let columns = e.newest().map(|v| v.columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(" "));
            format!(
                "{} {} {} {} {} {} {}",
                e.name,
                e.owner,
                e.description,
                e.tags.join(" "),
                e.sensitivity.map(|s| s.name()).unwrap_or_default(),
                e.sources.join(" "),
                columns.unwrap_or_default()
            )
        })
    }

    /// The dataset under the cursor.
    #[must_use]
    pub fn current(&self) -> Option<&Entry> {
        let rows = self.rows();
        self.entries.as_ref()?.get(*rows.get(self.list.at(rows.len()))?)
    }

    /// The changes that are shown, when they are of the dataset under the cursor.
    #[must_use]
    pub fn changes_shown(&self) -> Option<&VersionDiff> {
        let name = &self.current()?.name;
        self.diff.as_ref().filter(|(of, _)| of == name && self.on_diff).and_then(|(_, d)| d.as_ref().ok())
    }
}

/// Draws the screen.
pub fn draw(ui: &mut Ui<'_>, area: Rect, app: &App) {
    let view = &app.catalog;
    let entries = view.entries.as_deref().unwrap_or_default();
    if view.entries.is_none() {
        return status::empty(ui, area, "Reading the catalog.");
    }
    if entries.is_empty() {
        let text = "No dataset was seen in this workspace yet. Whatever is loaded, trained on or watched comes in here by itself.";
        return status::empty(ui, area, text);
    }
    let (list, detail) =
        if area.width >= 100 { columns(area, area.width * 52 / 100) } else { rows(area, (area.height * 2 / 5).max(5)) };
    let found = view.rows();
    let note = if view.list.filter.is_empty() { String::new() } else { format!("filter: {}", view.list.filter) };
    let inside = ui.pane(list, "datasets", &note, !view.on_diff);
    let cols = [
        Col::fill("NAME", 12),
        Col::fixed("VERSIONS", 8).right(),
        Col::fixed("ROWS", 11).right(),
        Col::fixed("OWNER", 12).drop(2),
        Col::fixed("SENSITIVITY", 12).drop(3),
        Col::fixed("SEEN", 9).drop(1),
    ];
    table(ui, inside, &cols, &view.list, found.len(), !view.on_diff, |i| {
        let Some(e) = found.get(i).and_then(|i| entries.get(*i)) else { return Vec::new() };
        let newest = e.newest();
        vec![
            Cell::text(&e.name),
            Cell::text(e.versions.len().to_string()),
            Cell::text(newest.map_or(String::new(), |v| format::count(usize::try_from(v.rows).unwrap_or(0)))),
            Cell::muted(&e.owner),
            Cell::new(e.sensitivity.map_or("", |s| s.name()), Role::Warn),
            Cell::muted(newest.map_or(String::new(), |v| format::ago(v.last_seen_ms, app.now_ms))),
        ]
    });
    if let Some(entry) = view.current().filter(|_| detail.height > 3) {
        match view.diff.as_ref().filter(|(name, _)| *name == entry.name && view.on_diff) {
            Some((_, Ok(diff))) => draw_diff(ui, detail, view, diff),
            Some((_, Err(error))) => {
                let inside = ui.pane(detail, &entry.name, "what changed", true);
                ui.paragraph(inner(inside), &error.to_string(), Role::Warn);
            }
            None if view.on_diff => {
                let inside = ui.pane(detail, &entry.name, "what changed", true);
                status::empty(ui, inside, "Comparing the versions.");
            }
            None => draw_entry(ui, detail, app, entry),
        }
    }
}

fn inner(area: Rect) -> Rect {
    Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area }
}

fn draw_entry(ui: &mut Ui<'_>, area: Rect, app: &App, entry: &Entry) {
    let inside = inner(ui.pane(area, &entry.name, &entry.tags.join(" "), false));
    let mut y = inside.y;
    let say = |ui: &mut Ui<'_>, y: &mut u16, name: &str, text: &str, role: Role| {
        if *y >= inside.bottom() {
            return;
        }
        ui.say(inside.x, *y, 12, name, Role::Muted);
        let room = Rect {
            x: inside.x + 13,
            y: *y,
            width: inside.width.saturating_sub(13),
            height: (inside.bottom() - *y).min(3),
        };
        *y += ui.paragraph(room, text, role).max(1);
    };
    let nobody = |text: &str, key: Action| {
        if text.is_empty() { format!("not said; {} says it", app.key(key)) } else { text.to_owned() }
    };
    say(ui, &mut y, "what it is", &nobody(&entry.description, Action::Describe), Role::Text);
    say(ui, &mut y, "owner", &nobody(&entry.owner, Action::NameOwner), Role::Text);
    if let Some(newest) = entry.newest() {
        let size = newest.bytes.and_then(|b| u64::try_from(b).ok()).map(|b| format!(", {}", format::bytes(b)));
        let text = format!(
            "{} of {}: {} rows {} {} columns{}, sha256 {}, first seen {}",
            newest.number,
            entry.versions.len(),
            format::count(usize::try_from(newest.rows).unwrap_or(0)),
            ui.glyphs.times,
            newest.columns.len(),
            size.unwrap_or_default(),
            newest.short(),
            format::ago(newest.first_seen_ms, app.now_ms)
        );
        say(ui, &mut y, "version", &text, Role::Text);
        say(ui, &mut y, "from", &newest.source, Role::Text);
        let names: Vec<&str> = newest.columns.iter().map(|c| c.name.as_str()).collect();
        say(ui, &mut y, "columns", &names.join(", "), Role::Muted);
    }
    let Some((_, lines)) = app.catalog.lineage.as_ref().filter(|(name, _)| *name == entry.name) else { return };
    y += 1;
    if y + 1 >= inside.bottom() {
        return;
    }
    ui.say(inside.x, y, inside.width, "WHAT CAME OF IT", Role::Title);
    for (y, line) in (y + 1..inside.bottom()).zip(lines) {
        ui.say(inside.x, y, inside.width, line, Role::Text);
    }
}

/// One line of the changes: the column, what changed, and how much it matters.
fn lines(diff: &VersionDiff) -> Vec<(String, String, Role)> {
    let mut out = Vec::new();
    for change in &diff.schema {
        let (from, to) = (change.from.as_deref().unwrap_or(""), change.to.as_deref().unwrap_or(""));
        let text = match change.change {
            Change::Added => format!("new: {to}"),
            Change::Removed => format!("gone; it was {from}"),
            Change::Type | Change::Meaning => format!("{from} became {to}"),
        };
        out.push((change.column.clone(), text, Role::Bad));
    }
    let drifted =
        |name: &str| diff.drift.as_ref().is_some_and(|d| d.columns.iter().any(|c| c.name == name && c.drifted));
    for c in &diff.columns {
        let mut parts = Vec::new();
        if let Some(d) = diff.drift.as_ref().and_then(|d| d.columns.iter().find(|x| x.name == c.column)) {
            parts.push(format!("effect {:.3}", d.effect));
        }
        if (c.missing_share.from - c.missing_share.to).abs() >= 0.0005 {
            let (a, b) = (format::percent(c.missing_share.from), format::percent(c.missing_share.to));
            parts.push(format!("missing {a} to {b}"));
        }
        if let Some(mean) = c.mean.as_ref().filter(|m| m.from != m.to) {
            parts.push(format!("mean {} to {}", format::figure(mean.from), format::figure(mean.to)));
        }
        if c.distinct.from != c.distinct.to {
            parts.push(format!(
                "{} to {} distinct",
                format::count(c.distinct.from as usize),
                format::count(c.distinct.to as usize)
            ));
        }
        if parts.is_empty() {
            parts.push("the same".into());
        }
        out.push((c.column.clone(), parts.join(", "), if drifted(&c.column) { Role::Warn } else { Role::Text }));
    }
    // What moved comes before what did not.
    out.sort_by_key(|(_, text, role)| (*role != Role::Bad, *role != Role::Warn, text == "the same"));
    out
}

/// How many lines the changes have.
#[must_use]
pub fn change_count(diff: &VersionDiff) -> usize {
    diff.schema.len() + diff.columns.len()
}

fn draw_diff(ui: &mut Ui<'_>, area: Rect, view: &CatalogView, diff: &VersionDiff) {
    let title = format!("{} {} to {}", diff.dataset, diff.from.version, diff.to.version);
    let inside = ui.pane(area, &title, "what changed", true);
    let (mark, role, word) = if diff.differs {
        (ui.glyphs.warning, Role::Warn, "they differ")
    } else if diff.drift.is_none() {
        // Silence about drift is no answer.
        (ui.glyphs.warning, Role::Warn, "the same columns; drift cannot be told")
    } else {
        (ui.glyphs.done, Role::Good, "no difference that matters")
    };
    let count = |n: i64| format::count(usize::try_from(n).unwrap_or(0));
    let size = format!("   {} to {} rows", count(diff.from.rows), count(diff.to.rows));
    ui.spans(
        inside.x + 1,
        inside.y,
        inside.width.saturating_sub(2),
        &[(mark, role), (" ", role), (word, Role::Strong), (&size, Role::Muted)],
    );
    let why = diff.columns_missing.as_deref().unwrap_or(&diff.drift_from);
    let (_, below) = rows(inside, 1);
    let used = ui.paragraph(Rect { height: below.height.min(3), ..inner(below) }, why, Role::Muted);
    let (_, body) = rows(below, used + 1);
    let lines = lines(diff);
    let cols = [
        Col::fixed("COLUMN", super::longest(lines.iter().map(|l| l.0.as_str()), 6, 24)),
        Col::fill("WHAT CHANGED", 12),
    ];
    table(ui, body, &cols, &view.changes, lines.len(), true, |i| {
        let Some((name, text, role)) = lines.get(i) else { return Vec::new() };
        vec![Cell::text(name), Cell::new(text, *role)]
    });
}
