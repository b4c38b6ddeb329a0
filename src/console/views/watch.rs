//! Step watch: new rows against the training data, column by column, and performance over time.

use ratatui::layout::Rect;

use super::push::draw_fields;
use super::{columns, longest, rows, status};
use crate::chart::Chart;
use crate::console::app::{App, WalkState};
use crate::console::format;
use crate::console::keys::Action;
use crate::console::theme::Role;
use crate::console::widgets::{Cell, ChartPane, Col, List, Ui, table, wrap};
use crate::data::{Severity, contract};
use crate::flow::{Step, WatchRecord, drift_chart, performance_charts};
use crate::health::{ColumnDrift, RegimeState};

/// The view's cursors.
#[derive(Debug, Default)]
pub struct WatchView {
    /// The fields.
    pub fields: List,
    /// The columns.
    pub columns: List,
    /// Whether the fields have the keys, else the columns.
    pub on_fields: bool,
    /// Which chart is shown.
    pub chart: usize,
    pane: ChartPane,
}

/// The fields: name, value, help.
pub fn fields(walk: &WalkState) -> [(&'static str, String, &'static str); 4] {
    let watch = &walk.watch;
    let labels = watch.labels.as_ref();
    [
        ("new rows", watch.source.clone(), "a file, or sample:NAME"),
        ("time", watch.time.clone().unwrap_or_default(), "the column that says when; the first date when empty"),
        (
            "answers",
            labels.map(|l| l.source.clone()).unwrap_or_default(),
            "a table of true answers that came later, if any",
        ),
        ("by key", labels.map(|l| l.key.clone()).unwrap_or_default(), "the column that both tables share"),
    ]
}

/// The columns, the strongest effect first; drifted ones before others.
pub fn ordered(record: &WatchRecord) -> Vec<&ColumnDrift> {
    let mut out: Vec<&ColumnDrift> = record.drift.columns.iter().collect();
    out.sort_by(|a, b| b.drifted.cmp(&a.drifted).then(b.effect.total_cmp(&a.effect)).then(a.name.cmp(&b.name)));
    out
}

/// The charts of a watch: performance over time when there is any, and drift.
pub fn charts(record: &WatchRecord) -> Vec<(&'static str, Chart)> {
    let over_time = performance_charts(record).into_iter().map(|c| ("performance over time", c));
    over_time.chain([("drift by column", drift_chart(record))]).collect()
}

/// Draws the view.
pub fn draw(ui: &mut Ui<'_>, area: Rect, app: &App, walk: &WalkState) {
    let area = status::draw(ui, area, app, walk, Step::Watch);
    let view = &walk.views.watch;
    let on_fields = view.on_fields || walk.desk.watch.is_none();
    let roomy = area.height >= 20;
    let shown = fields(walk);
    let form = if on_fields || roomy { 5 } else { 0 };
    let (upper, body) = rows(area, form);
    if form > 0 {
        let inside = ui.pane(upper, "what is watched", "", on_fields);
        draw_fields(ui, inside, &view.fields, &shown, on_fields);
    }
    let Some(record) = &walk.desk.watch else {
        if walk.problem(Step::Watch).is_none() && walk.job.is_none() {
            let edit = app.key(Action::Open);
            let again = app.key(Action::Repeat);
            let text = format!(
                "Name new rows with {edit}, then {again} scores them and compares each column with the training data."
            );
            let (_, below) = rows(body, 1);
            status::empty(ui, below, &text);
        }
        return;
    };
    let (_, body) = rows(body, u16::from(roomy));
    let used = draw_words(ui, body, record);
    let (_, body) = rows(body, used + u16::from(roomy));
    let (list, chart) = if body.width >= 100 {
        columns(body, body.width * 45 / 100)
    } else {
        let half = if body.height >= 14 { body.height * 2 / 5 } else { body.height };
        rows(body, half)
    };
    draw_columns(ui, list, walk, record, !on_fields);
    if chart.height > 4 {
        let charts = charts(record);
        let at = view.chart % charts.len().max(1);
        if let Some((name, chart_of)) = charts.get(at) {
            let turn = app.key(Action::NextChart);
            let note =
                if charts.len() > 1 { format!("{} of {}, {turn} turns", at + 1, charts.len()) } else { String::new() };
            let inside = ui.pane(chart, name, &note, false);
            let mut bare = chart_of.clone();
            bare.title.clear();
            let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
            view.pane.draw(ui, inside, &bare);
        }
    }
}

/// What it means for the model, in words. Returns the rows used.
fn draw_words(ui: &mut Ui<'_>, area: Rect, record: &WatchRecord) -> u16 {
    let (mark, head, role) = match record.regime.state {
        RegimeState::Same => (ui.glyphs.done, "the world is the one the model was trained in", Role::Good),
        RegimeState::MixShift => (ui.glyphs.warning, "the mix of rows has changed", Role::Warn),
        RegimeState::New => (ui.glyphs.refused, "the model no longer applies as it did", Role::Bad),
    };
    let size = format!("   {} rows, {} with an answer", format::count(record.rows), format::count(record.labelled));
    ui.spans(
        area.x + 1,
        area.y,
        area.width.saturating_sub(2),
        &[(mark, role), (" ", role), (head, Role::Strong), (&size, Role::Muted)],
    );
    let room = area.width.saturating_sub(4);
    let text = format!("{} {}", record.regime.reasons.join(" "), record.regime.advice);
    let lines = u16::try_from(wrap(&text, room).len()).unwrap_or(1).min(if area.height > 22 { 4 } else { 2 });
    let inside = Rect { x: area.x + 3, y: area.y + 1, width: room, height: lines.min(area.height.saturating_sub(1)) };
    let used = 1 + ui.paragraph(inside, &text, Role::Text);
    used + draw_rules(ui, Rect { y: area.y + used, height: area.height.saturating_sub(used), ..area }, record)
}

/// How the contract was kept, and what each broken rule found. Returns the rows used.
fn draw_rules(ui: &mut Ui<'_>, area: Rect, record: &WatchRecord) -> u16 {
    let (Some(report), Some(words)) = (&record.rules, record.rules_words()) else { return 0 };
    if area.height < 2 {
        return 0;
    }
    let broken: Vec<&contract::Outcome> = report.broken(Severity::Note).collect();
    let (mark, role) = match (record.contract_broken(), broken.is_empty()) {
        (true, _) => (ui.glyphs.refused, Role::Bad),
        (false, false) => (ui.glyphs.warning, Role::Warn),
        (false, true) => (ui.glyphs.done, Role::Good),
    };
    let width = area.width.saturating_sub(2);
    ui.spans(area.x + 1, area.y, width, &[(mark, role), (" ", role), (&words, Role::Strong)]);
    let shown = if area.height > 22 { 3 } else { usize::from(area.height > 14) };
    let mut used = 1;
    for rule in broken.iter().take(shown) {
        ui.spans(area.x + 3, area.y + used, width.saturating_sub(2), &[(&rule.message, Role::Text)]);
        used += 1;
    }
    used
}

fn draw_columns(ui: &mut Ui<'_>, area: Rect, walk: &WalkState, record: &WatchRecord, focused: bool) {
    let view = &walk.views.watch;
    let found = walk.drift_rows();
    let order = ordered(record);
    let drifted = record.drift.columns.iter().filter(|c| c.drifted).count();
    let note = match &view.columns.filter {
        f if !f.is_empty() => format!("filter: {f}"),
        _ => format!("{drifted} of {} drifted", order.len()),
    };
    let inside = ui.pane(area, "columns", &note, focused);
    // The row below the table says what happened to the column under the cursor.
    let about = if inside.height >= 8 { 3 } else { 0 };
    let (upper, lower) = rows(inside, inside.height - about);
    let name = longest(order.iter().map(|c| c.name.as_str()), 8, 24);
    let cols = [
        Col::fill("NAME", name.min(14)),
        Col::fixed("EFFECT", 7).right(),
        Col::fixed("P", 7).right(),
        Col::fixed("VERDICT", 9),
    ];
    let glyphs = *ui.glyphs;
    table(ui, upper, &cols, &view.columns, found.len(), focused, |i| {
        let Some(c) = found.get(i).and_then(|i| order.get(*i)) else { return Vec::new() };
        let (verdict, role) = if c.drifted {
            (format!("{} drifted", glyphs.warning), Role::Warn)
        } else {
            (format!("{} stable", glyphs.done), Role::Good)
        };
        vec![
            Cell::text(&c.name),
            Cell::text(format::score(c.effect)),
            Cell::muted(format::p_value(c.q)),
            Cell::new(verdict, role),
        ]
    });
    if about > 0
        && let Some(c) = found.get(view.columns.at(found.len())).and_then(|i| order.get(*i))
    {
        let inside = Rect { x: lower.x + 1, width: lower.width.saturating_sub(2), ..lower };
        ui.paragraph(inside, &c.message, Role::Muted);
    }
}
