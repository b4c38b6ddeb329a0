//! Step compare: the leaderboard with paired tests, charts of the marked runs, and runs side by side.

use ratatui::layout::Rect;

use super::train::ranked;
use super::{columns, longest, rows, status};
use crate::console::app::{App, WalkState};
use crate::console::format;
use crate::console::keys::Action;
use crate::console::theme::Role;
use crate::console::widgets::{Cell, ChartPane, Col, List, Ui, table, width};
use crate::flow::record::{CompareRecord, RunRecord, RunStatus};
use crate::flow::{RunChart, Step, differences};
use crate::model::metrics;

/// The view's cursors.
#[derive(Debug, Default)]
pub struct CompareView {
    /// The runs.
    pub list: List,
    /// Which chart is shown, counted within those of the task.
    pub chart: usize,
    /// Whether the marked runs are shown side by side instead of a chart.
    pub side_by_side: bool,
    pane: ChartPane,
}

/// Whether the chosen run is really better than another, in words.
///
/// `to` parts the ends of the interval; without it there is no room for one.
fn verdict(compare: &CompareRecord, run: &RunRecord, to: Option<&str>) -> (String, Role) {
    if compare.chosen == run.id {
        return ("chosen".into(), Role::Accent);
    }
    let Some(against) = compare.tests.iter().find(|t| t.run == run.id) else { return (String::new(), Role::Muted) };
    let t = &against.test;
    if !t.real {
        return ("no clear difference".into(), Role::Muted);
    }
    // The test's difference is the chosen run's value less the other's.
    let chosen_is_better = (t.difference > 0.0) == metrics::higher_is_better(&t.metric);
    let (low, high) = (t.low.abs().min(t.high.abs()), t.low.abs().max(t.high.abs()));
    let mut by = format!("by {}", format::score(t.difference.abs()));
    if let Some(to) = to {
        by.push_str(&format!(", {}{to}{}", format::score(low), format::score(high)));
    }
    if chosen_is_better { (format!("worse {by}"), Role::Warn) } else { (format!("better {by}"), Role::Good) }
}

/// Draws the view.
pub fn draw(ui: &mut Ui<'_>, area: Rect, app: &App, walk: &WalkState) {
    let area = status::draw(ui, area, app, walk, Step::Compare);
    let runs = ranked(&walk.desk.runs);
    let view = &walk.views.compare;
    if runs.is_empty() {
        status::empty(ui, area, "Nothing was trained yet.");
        return;
    }
    let wanted = u16::try_from(runs.len()).unwrap_or(u16::MAX).saturating_add(2);
    let (upper, lower) = rows(area, wanted.min(area.height / 2).max(4.min(area.height)));
    draw_board(ui, upper, walk, &runs);
    let lower = Rect {
        y: lower.y + u16::from(lower.height > 12),
        height: lower.height.saturating_sub(u16::from(lower.height > 12)),
        ..lower
    };
    if view.side_by_side && walk.marked.len() >= 2 {
        draw_side_by_side(ui, lower, walk, &runs);
        return;
    }
    let Some((key, shown)) = walk.wanted_chart() else { return };
    let names: Vec<&str> = shown.iter().map(|r| r.title.as_str()).collect();
    let charts = RunChart::of(shown.first().map_or(crate::model::Task::Binary, |r| r.task));
    let keys = app.key(Action::NextChart);
    let at = charts.iter().position(|c| *c == key.0).unwrap_or(0) + 1;
    let note = format!("{}: {at} of {}, {keys} turns", names.join(", "), charts.len());
    let inside = ui.pane(lower, key.0.name(), &note, false);
    match walk.charts.get(&key) {
        Some(chart) if inside.width >= 100 => {
            let (left, right) = columns(inside, (inside.width * 62 / 100).min(inside.height.saturating_mul(5)).max(60));
            let mut bare = chart.clone();
            let sentence = std::mem::take(&mut bare.sentence);
            bare.title.clear();
            view.pane.draw(ui, Rect { x: left.x + 1, width: left.width.saturating_sub(1), ..left }, &bare);
            let words = Rect {
                x: right.x,
                y: right.y + 1,
                width: right.width.saturating_sub(1),
                height: right.height.saturating_sub(1),
            };
            let used = ui.paragraph(words, &sentence, Role::Text);
            let rest = Rect { y: words.y + used + 1, height: words.height.saturating_sub(used + 1), ..words };
            draw_metrics(ui, rest, &shown);
        }
        Some(chart) => {
            let mut bare = chart.clone();
            bare.title.clear();
            let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
            view.pane.draw(ui, inside, &bare);
        }
        None => status::empty(ui, inside, "Drawing."),
    }
}

/// The other metrics of the runs that are drawn.
fn draw_metrics(ui: &mut Ui<'_>, area: Rect, shown: &[RunRecord]) {
    let Some(first) = shown.first() else { return };
    if area.height < 3 {
        return;
    }
    let name = longest(first.metrics.iter().map(|m| m.name.as_str()), 8, 20);
    let mut x = area.x + name + 2;
    let room = area.right().saturating_sub(x) / u16::try_from(shown.len()).unwrap_or(1).max(1);
    if room < 7 {
        return;
    }
    for run in shown {
        ui.say(x, area.y, room.saturating_sub(1), &run.title, Role::Title);
        x += room;
    }
    for (y, metric) in (area.y + 1..area.bottom()).zip(&first.metrics) {
        ui.say(area.x, y, name, &format::metric(&metric.name), Role::Muted);
        let mut x = area.x + name + 2;
        for run in shown {
            if let Some(m) = run.metric_named(&metric.name) {
                let range = match (m.low, m.high) {
                    (Some(l), Some(h)) if room >= 22 => {
                        format!("  {}{}{}", format::score(l), ui.glyphs.to, format::score(h))
                    }
                    _ => String::new(),
                };
                let used = ui.say(x, y, room, &format::score(m.value), Role::Text);
                ui.say(x + used, y, room.saturating_sub(used), &range, Role::Muted);
            }
            x += room;
        }
    }
}

fn draw_board(ui: &mut Ui<'_>, area: Rect, walk: &WalkState, runs: &[&RunRecord]) {
    let metric = runs.first().map_or("", |r| r.metric.as_str());
    let name = format::metric(metric).to_uppercase();
    let marked = walk.marked.len();
    let note = if marked == 0 {
        format!(
            "best over the folds first, {}",
            if metrics::higher_is_better(metric) { "more is better" } else { "less is better" }
        )
    } else {
        format!("{marked} marked")
    };
    let inside = ui.pane(area, "leaderboard", &note, true);
    let roomy = area.width >= 100;
    let cols = [
        Col::fixed("", 1),
        Col::fixed(
            "MODEL",
            longest(runs.iter().map(|r| r.title.as_str()), 12, if roomy { area.width / 3 } else { 26 }),
        ),
        Col::fixed(name.clone(), 8.max(width(&name))).right(),
        Col::fixed("95 %", 15).drop(1),
        Col::fixed("FOLDS", 8).right().drop(3),
        Col::fixed("FIT", 7).right().drop(2),
        Col::fill("AGAINST THE CHOSEN", if roomy { 27 } else { 19 }),
    ];
    let glyphs = *ui.glyphs;
    table(ui, inside, &cols, &walk.views.compare.list, runs.len(), true, |i| {
        let Some(run) = runs.get(i) else { return Vec::new() };
        let mark = if walk.marked.contains(&run.id) { Cell::new(glyphs.mark, Role::Accent) } else { Cell::text(" ") };
        if run.status == RunStatus::Failed {
            let why = format!("{} failed: {}", glyphs.refused, run.error.as_deref().unwrap_or(""));
            let blank = || Cell::muted("");
            return vec![mark, Cell::muted(&run.title), blank(), blank(), blank(), blank(), Cell::new(why, Role::Bad)];
        }
        let m = run.metric_named(&run.metric);
        let range = m.and_then(|m| Some(format!("{}{}{}", format::score(m.low?), glyphs.to, format::score(m.high?))));
        let (words, role) = walk
            .desk
            .compare
            .as_ref()
            .map_or((String::new(), Role::Muted), |c| verdict(c, run, roomy.then_some(glyphs.to)));
        let words = if role == Role::Accent { format!("{} {words}", glyphs.done) } else { words };
        vec![
            mark,
            Cell::text(&run.title),
            Cell::new(format::score(run.score()), Role::Strong),
            Cell::muted(range.unwrap_or_default()),
            Cell::muted(format::score(run.cv.mean)),
            Cell::muted(format::seconds(run.fit_seconds)),
            Cell::new(words, role),
        ]
    });
}

fn draw_side_by_side(ui: &mut Ui<'_>, area: Rect, walk: &WalkState, runs: &[&RunRecord]) {
    let shown: Vec<RunRecord> = runs.iter().filter(|r| walk.marked.contains(&r.id)).map(|r| (*r).clone()).collect();
    let inside = ui.pane(area, "side by side", "only what differs", false);
    let mut lines: Vec<(String, Vec<String>)> = differences(&shown).into_iter().map(|d| (d.what, d.values)).collect();
    lines.push(("run".into(), shown.iter().map(|r| r.id.clone()).collect()));
    for metric in shown.first().map(|r| r.metrics.as_slice()).unwrap_or_default() {
        let values: Vec<String> = shown
            .iter()
            .map(|r| {
                r.metric_named(&metric.name).map_or_else(String::new, |m| match (m.low, m.high) {
                    (Some(l), Some(h)) => {
                        format!("{}  {}{}{}", format::score(m.value), format::score(l), ui.glyphs.to, format::score(h))
                    }
                    _ => format::score(m.value),
                })
            })
            .collect();
        lines.push((format::metric(&metric.name), values));
    }
    lines.push(("fit".into(), shown.iter().map(|r| format::seconds(r.fit_seconds)).collect()));
    let name = longest(lines.iter().map(|(n, _)| n.as_str()), 6, 22);
    let room = inside.width.saturating_sub(name + 4) / u16::try_from(shown.len()).unwrap_or(1).max(1);
    if room < 8 {
        status::empty(ui, inside, "Too many runs for this width: unmark some.");
        return;
    }
    for (y, (what, values)) in (inside.top()..inside.bottom()).zip(&lines) {
        ui.say(inside.x + 1, y, name, what, Role::Muted);
        let mut x = inside.x + name + 3;
        for value in values {
            let role = if y == inside.top() { Role::Title } else { Role::Text };
            ui.say(x, y, room.saturating_sub(2), value, role);
            x += room;
        }
    }
}
