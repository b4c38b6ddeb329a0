//! Step prepare: target, columns and split.

use ratatui::layout::Rect;

use super::load::meaning_role;
use super::{columns, longest, rows, status};
use crate::console::app::{App, WalkState};
use crate::console::format;
use crate::console::keys::Action;
use crate::console::theme::Role;
use crate::console::widgets::{Cell, Col, List, Ui, table};
use crate::flow::Step;
use crate::flow::record::PrepareRecord;

/// The view's cursor.
#[derive(Debug, Default)]
pub struct PrepareView {
    /// The columns.
    pub columns: List,
}

/// Draws the view.
pub fn draw(ui: &mut Ui<'_>, area: Rect, app: &App, walk: &WalkState) {
    let area = status::draw(ui, area, app, walk, Step::Prepare);
    let flow = &walk.desk.walk.flow;
    if walk.columns().is_empty() {
        if walk.problem(Step::Prepare).is_none() {
            status::empty(ui, area, "Reading the table.");
        }
        return;
    }
    let (list, summary) = if area.width >= 100 {
        columns(area, area.width * 56 / 100)
    } else {
        let below = 8.min(area.height / 2);
        rows(area, area.height - below)
    };
    draw_columns(ui, list, walk);
    let title = if flow.prepare.target.is_empty() { "choose a target" } else { "what is predicted" };
    let inside = ui.pane(summary, title, "", false);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    match &walk.desk.prepare {
        Some(prepared) => draw_summary(ui, inside, walk, prepared),
        None if flow.prepare.target.is_empty() => {
            let key = app.key(Action::ChooseTarget);
            let used = ui.spans(
                inside.x,
                inside.y,
                inside.width,
                &[(&key, Role::Key), (" chooses the column to predict.", Role::Text)],
            );
            let _ = used;
            let text = "The task follows from it: two values make it a choice of two classes, several a choice of many, numbers \
                        a regression. Columns that name rows, never change or give the target away are left out by themselves, \
                        each with its reason.";
            let room = Rect { y: inside.y + 2, height: inside.height.saturating_sub(2), ..inside };
            ui.paragraph(room, text, Role::Muted);
        }
        None => {}
    }
}

fn draw_columns(ui: &mut Ui<'_>, area: Rect, walk: &WalkState) {
    let view = &walk.views.prepare;
    let flow = &walk.desk.walk.flow;
    let all = walk.columns();
    let found = walk.prepare_rows();
    let prepared = walk.desk.prepare.as_ref();
    let note = match (&view.columns.filter, prepared) {
        (f, _) if !f.is_empty() => format!("filter: {f}"),
        (_, Some(p)) => format!("{} in, {} left out", p.features.len(), p.left_out.len()),
        _ => String::new(),
    };
    let inside = ui.pane(area, "columns", &note, true);
    let name = longest(all.iter().map(|c| c.name.as_str()), 8, 26);
    let cols = [
        Col::fixed("", 2),
        Col::fixed("NAME", name),
        Col::fixed("MEANING", 10).drop(1),
        Col::fill("WHY OUT, OR HOW MADE", 12),
    ];
    let glyphs = *ui.glyphs;
    table(ui, inside, &cols, &view.columns, found.len(), true, |i| {
        let Some(spec) = found.get(i).and_then(|i| all.get(*i)) else { return Vec::new() };
        let left = prepared.and_then(|p| p.left_out.iter().find(|l| l.column == spec.name));
        let made = flow.derive.get(&spec.name);
        let kept = flow.prepare.keep.contains(&spec.name);
        let target = flow.prepare.target == spec.name;
        let (mark, role) = match left {
            _ if target => (Cell::new(glyphs.target, Role::Accent), Role::Strong),
            Some(_) => (Cell::new(glyphs.refused, Role::Warn), Role::Muted),
            None if prepared.is_some() => (Cell::new(glyphs.done, Role::Good), Role::Text),
            None => (Cell::new(glyphs.open, Role::Faint), Role::Text),
        };
        let why = match (left, made) {
            _ if target && made.is_none() => Cell::new("the target", Role::Accent),
            (Some(l), _) => {
                Cell::new(format!("{}: {}", l.kind, l.reason), if l.kind == "leak" { Role::Bad } else { Role::Muted })
            }
            (None, Some(e)) => Cell::muted(format!("= {}", e.split_whitespace().collect::<Vec<_>>().join(" "))),
            (None, None) if kept => Cell::new("kept by hand", Role::Warn),
            (None, None) => Cell::muted(""),
        };
        vec![mark, Cell::new(&spec.name, role), Cell::new(spec.meaning.name(), meaning_role(spec.meaning)), why]
    });
}

fn draw_summary(ui: &mut Ui<'_>, area: Rect, walk: &WalkState, p: &PrepareRecord) {
    let task = match p.task {
        crate::model::Task::Binary => "one of two classes",
        crate::model::Task::Multiclass => "one of many classes",
        crate::model::Task::Regression => "a number",
    };
    let mut y = status::fact(ui, area, area.y, "target", &p.target, Role::Strong);
    y = status::fact(ui, area, y, "task", &format!("{} ({task})", p.task), Role::Text);
    if let [no, yes] = p.classes.as_slice() {
        y = status::fact(ui, area, y, "classes", &format!("{yes} is the positive one, {no} the other"), Role::Text);
    } else if !p.classes.is_empty() {
        let names: Vec<&str> = p.classes.iter().take(8).map(String::as_str).collect();
        let more = if p.classes.len() > 8 { format!(" and {} more", p.classes.len() - 8) } else { String::new() };
        y = status::fact(ui, area, y, "classes", &format!("{}{more}", names.join(", ")), Role::Text);
    }
    let chosen = if walk.desk.walk.flow.prepare.split.is_some() {
        "it was chosen, not found by itself"
    } else {
        p.split_reason.as_str()
    };
    y = status::fact(ui, area, y, "split", &p.split, Role::Text);
    let all = (p.train_rows + p.test_rows).max(1) as f64;
    let rows = format!(
        "{} to learn from, {} kept back to judge by ({})",
        format::count(p.train_rows),
        format::count(p.test_rows),
        format::percent(p.test_rows as f64 / all)
    );
    y = status::fact(ui, area, y, "rows", &rows, Role::Text);
    if !chosen.is_empty() && area.bottom() > y + 1 {
        y = status::fact(ui, area, y, "why so", chosen, Role::Muted);
    }
    if p.without_target > 0 {
        let text = format!("{} without a target are not used", format::of(p.without_target, "row"));
        y = status::fact(ui, area, y, "", &text, Role::Warn);
    }
    if p.unused > 0 {
        let text = format!("{} not used: the limit of rows", format::of(p.unused, "row"));
        y = status::fact(ui, area, y, "", &text, Role::Warn);
    }
    y = status::fact(ui, area, y, "missing", &format!("{} of the cells", format::percent(p.missing_share)), Role::Text);
    let at_cursor = walk.column_at_cursor().and_then(|c| p.left_out.iter().find(|l| l.column == c.name));
    if let Some(left) = at_cursor
        && area.bottom() > y + 1
    {
        y += u16::from(area.height > 12);
        y = status::fact(ui, area, y, "left out", &format!("{}: {}", left.column, left.reason), Role::Warn);
    }
    // What the two sides share would let a model look better than it is.
    for finding in p.findings.iter().take(3) {
        if area.bottom() > y + 1 {
            let role = if finding.severity >= crate::data::Severity::Warning { Role::Warn } else { Role::Muted };
            y = status::fact(ui, area, y, &finding.severity.to_string(), &finding.message, role);
        }
    }
    if area.bottom() > y + 3 {
        let text = "Gaps are filled and categories encoded by what the training rows say, never by the rows kept back.";
        let room = Rect { y: y + 1, height: area.bottom() - y - 1, ..area };
        ui.paragraph(room, text, Role::Muted);
    }
}
