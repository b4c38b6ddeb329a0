//! Step inspect: the feasibility verdict, the findings, and every column in detail.

use ratatui::layout::Rect;

use super::load::meaning_role;
use super::{columns, longest, rows, status};
use crate::chart::{self, kinds};
use crate::console::app::{App, WalkState};
use crate::console::format;
use crate::console::theme::Role;
use crate::console::widgets::{Cell, ChartPane, Col, List, Ui, bar, table, wrap};
use crate::data::{self, ColumnProfile, FeasibilityVerdict, Finding, Profile, Severity};
use crate::flow::Step;

/// The view's cursors.
#[derive(Debug, Default)]
pub struct InspectView {
    /// The findings.
    pub findings: List,
    /// The columns.
    pub columns: List,
    /// Whether the columns are shown, else the findings.
    pub on_columns: bool,
    chart: ChartPane,
}

/// The colour of a severity.
fn severity_role(severity: Severity) -> Role {
    match severity {
        Severity::Note => Role::Info,
        Severity::Warning => Role::Warn,
        Severity::Serious | Severity::Blocking => Role::Bad,
    }
}

fn cell(value: &data::Cell) -> String {
    match value {
        data::Cell::Number(n) => format::figure(*n),
        data::Cell::Text(t) => t.clone(),
    }
}

/// Draws the view.
pub fn draw(ui: &mut Ui<'_>, area: Rect, app: &App, walk: &WalkState) {
    let area = status::draw(ui, area, app, walk, Step::Inspect);
    let Some(profile) = &walk.desk.profile else {
        if walk.problem(Step::Inspect).is_none() {
            status::empty(ui, area, "Looking at every column.");
        }
        return;
    };
    let used = draw_verdict(ui, area, profile);
    let (_, body) = rows(area, used + 1);
    let view = &walk.views.inspect;
    let wide = body.width >= 100;
    let (list, detail) = if wide {
        columns(body, body.width * 55 / 100)
    } else if body.height >= 12 {
        let keep = if view.on_columns { body.height / 2 } else { (body.height * 3 / 5).max(6) };
        rows(body, keep)
    } else {
        (body, Rect { height: 0, ..body })
    };
    if view.on_columns {
        draw_columns(ui, list, walk, profile);
        let found = walk.profile_rows();
        let column = found.get(view.columns.at(found.len())).and_then(|i| profile.columns.get(*i));
        if let Some(column) = column.filter(|_| detail.height > 2) {
            draw_column(ui, detail, view, column, profile.rows);
        }
    } else {
        draw_findings(ui, list, walk, profile);
        let found = walk.finding_rows();
        let finding = found.get(view.findings.at(found.len())).and_then(|i| profile.findings.get(*i));
        if let Some(finding) = finding.filter(|_| detail.height > 2) {
            draw_finding(ui, detail, finding);
        }
    }
}

/// The verdict and its reasons, the worst first. Returns the rows used.
fn draw_verdict(ui: &mut Ui<'_>, area: Rect, profile: &Profile) -> u16 {
    let (mark, word, role) = match profile.feasibility.verdict {
        FeasibilityVerdict::Go => (ui.glyphs.done, "a model has a chance", Role::Good),
        FeasibilityVerdict::Care => (ui.glyphs.warning, "it can be tried, with care", Role::Warn),
        FeasibilityVerdict::NotYet => (ui.glyphs.refused, "not yet: something has to change first", Role::Bad),
    };
    let size = format!(
        "   {} rows {} {} columns",
        format::count(profile.rows as usize),
        ui.glyphs.times,
        profile.columns.len()
    );
    ui.spans(
        area.x + 1,
        area.y,
        area.width.saturating_sub(2),
        &[(mark, role), (" ", role), (word, Role::Strong), (&size, Role::Muted)],
    );
    let most = if area.height > 24 { 4 } else { 1 };
    let mut y = area.y + 1;
    let against: Vec<&data::Reason> = profile.feasibility.reasons.iter().filter(|r| !r.ok).collect();
    let shown: Vec<&data::Reason> =
        if against.is_empty() { profile.feasibility.reasons.iter().collect() } else { against };
    for reason in shown.into_iter().take(most) {
        let mark = if reason.ok { ui.glyphs.done } else { ui.glyphs.warning };
        let text = if reason.change.is_empty() {
            reason.message.clone()
        } else {
            format!("{}. {}", reason.message.trim_end_matches('.'), reason.change)
        };
        ui.say(area.x + 3, y, 1, mark, if reason.ok { Role::Good } else { Role::Warn });
        let room = Rect { x: area.x + 5, y, width: area.width.saturating_sub(6), height: 2.min(area.bottom() - y) };
        y += ui.paragraph(room, &text, Role::Text);
    }
    y - area.y
}

fn draw_findings(ui: &mut Ui<'_>, area: Rect, walk: &WalkState, profile: &Profile) {
    let view = &walk.views.inspect;
    let found = walk.finding_rows();
    let note = match (&view.findings.filter, profile.columns.len()) {
        (f, _) if !f.is_empty() => format!("filter: {f}"),
        (_, n) => format!("tab: all {n} columns"),
    };
    let title = format!("findings {}", profile.findings.len());
    let inside = ui.pane(area, &title, &note, true);
    if profile.findings.is_empty() {
        status::empty(ui, inside, "No check found anything to object to.");
        return;
    }
    let cols = [Col::fixed("SEVERITY", 10), Col::fill("WHAT WAS FOUND", 20)];
    let glyphs = *ui.glyphs;
    table(ui, inside, &cols, &view.findings, found.len(), true, |i| {
        let Some(f) = found.get(i).and_then(|i| profile.findings.get(*i)) else { return Vec::new() };
        vec![
            Cell::new(format!("{} {}", glyphs.severity(f.severity), f.severity), severity_role(f.severity)),
            Cell::text(&f.message),
        ]
    });
}

fn draw_finding(ui: &mut Ui<'_>, area: Rect, f: &Finding) {
    let title = f.column.as_deref().unwrap_or("the table");
    let inside = ui.pane(area, title, &f.check, false);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    let mut y = inside.y;
    let mut part = |ui: &mut Ui<'_>, heading: &str, text: &str, role: Role| {
        if text.is_empty() || y + u16::from(!heading.is_empty()) >= inside.bottom() {
            return;
        }
        if !heading.is_empty() {
            ui.say(inside.x, y, inside.width, heading, Role::Title);
            y += 1;
        }
        let room = Rect { y, height: inside.bottom().saturating_sub(y), ..inside };
        y += ui.paragraph(room, text, role) + u16::from(inside.height > 9);
    };
    part(ui, "", &f.message, Role::Strong);
    part(ui, "WHAT TO DO", &f.remedy, Role::Text);
    part(ui, "EVIDENCE", &f.evidence, Role::Muted);
    if !f.rows.is_empty() {
        let rows: Vec<String> = f.rows.iter().map(ToString::to_string).collect();
        part(ui, "", &format!("for example rows {}", rows.join(", ")), Role::Muted);
    }
}

fn draw_columns(ui: &mut Ui<'_>, area: Rect, walk: &WalkState, profile: &Profile) {
    let view = &walk.views.inspect;
    let found = walk.profile_rows();
    let note = match &view.columns.filter {
        f if !f.is_empty() => format!("filter: {f}"),
        _ => format!("tab: {} findings", profile.findings.len()),
    };
    let inside = ui.pane(area, &format!("columns {}", profile.columns.len()), &note, true);
    let name = longest(profile.columns.iter().map(|c| c.name.as_str()), 8, 30);
    let cols = [
        Col::fill("NAME", name.min(16)),
        Col::fixed("MEANING", 10),
        Col::fixed("MISSING", 8).right(),
        Col::fixed("DISTINCT", 9).right(),
        Col::fixed("FINDINGS", 8).right().drop(1),
    ];
    let total = profile.rows.max(1) as f64;
    table(ui, inside, &cols, &view.columns, found.len(), true, |i| {
        let Some(c) = found.get(i).and_then(|i| profile.columns.get(*i)) else { return Vec::new() };
        let own = profile.findings.iter().filter(|f| f.column.as_deref() == Some(c.name.as_str()));
        let worst = own.clone().map(|f| f.severity).max();
        let n = own.count();
        let missing = c.missing as f64 / total;
        vec![
            Cell::text(&c.name),
            Cell::new(c.kind.name(), meaning_role(c.kind)),
            Cell::new(format::percent(missing), if missing > 0.3 { Role::Warn } else { Role::Muted }),
            Cell::text(format::count(c.distinct as usize)),
            worst.map_or(Cell::new("", Role::Faint), |w| Cell::new(n.to_string(), severity_role(w))),
        ]
    });
}

fn draw_column(ui: &mut Ui<'_>, area: Rect, view: &InspectView, c: &ColumnProfile, rows: u64) {
    let inside = ui.pane(area, &c.name, c.kind.name(), false);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    let mut facts: Vec<String> = Vec::new();
    let number = |name: &str, v: Option<f64>| v.map(|v| format!("{name} {}", format::figure(v)));
    facts.extend(number("mean", c.mean));
    facts.extend(number("deviation", c.std));
    if let (Some(a), Some(b)) = (&c.min, &c.max) {
        facts.push(format!("{} to {}", cell(a), cell(b)));
    }
    facts.extend(c.quantiles.get("0.5").map(|v| format!("median {}", cell(v))));
    facts.push(format!("{} distinct", format::count(c.distinct as usize)));
    if c.missing > 0 {
        facts.push(format!("{} missing", format::count(c.missing as usize)));
    }
    facts.extend(c.format.as_ref().map(|f| format!("written as {f}")));
    let text = facts.join(", ");
    let lines = u16::try_from(wrap(&text, inside.width).len()).unwrap_or(1).min(3);
    ui.paragraph(Rect { height: lines, ..inside }, &text, Role::Text);
    let below = Rect { y: inside.y + lines + 1, height: inside.height.saturating_sub(lines + 1), ..inside };
    match &c.histogram {
        Some(h) if below.height >= 8 && below.width >= 24 => {
            let mut chart = kinds::histogram(&c.name, &h.edges, &h.counts, None);
            if c.kind == data::Meaning::DateTime {
                chart.x.kind = chart::AxisKind::Time;
                let day = if c.physical == data::Physical::Date { 86_400.0 } else { 1.0 };
                let edges: Vec<f64> = h.edges.iter().map(|e| e * day).collect();
                chart = kinds::histogram(&c.name, &edges, &h.counts, None);
                chart.x.kind = chart::AxisKind::Time;
                // Said for numbers; dates in seconds would mislead.
                chart.sentence.clear();
            }
            chart.title.clear();
            view.chart.draw(ui, below, &chart);
        }
        _ => draw_top(ui, below, c, rows),
    }
}

/// The most frequent values as bars.
fn draw_top(ui: &mut Ui<'_>, area: Rect, c: &ColumnProfile, rows: u64) {
    let values: Vec<String> = c.top.iter().map(|t| cell(&t.value)).collect();
    let name = longest(values.iter().map(String::as_str), 4, (area.width / 2).max(4));
    let wide = area.width.saturating_sub(name + 18);
    let most = c.top.iter().map(|t| t.count).max().unwrap_or(1).max(1) as f64;
    for (y, top) in (area.top()..area.bottom()).zip(&c.top) {
        ui.say(area.x, y, name, &cell(&top.value), Role::Text);
        bar(ui, area.x + name + 2, y, wide, Some(top.count as f64 / most));
        let text = format!("{} {:>6}", format::count(top.count as usize), format::percent(top.share));
        ui.right(area.right(), y, 15, &text, Role::Muted);
    }
    if c.top.is_empty() && rows > 0 {
        ui.paragraph(area, "No value at all.", Role::Warn);
    }
}
