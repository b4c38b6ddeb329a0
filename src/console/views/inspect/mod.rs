//! Step inspect: the feasibility verdict, the findings, and every column in detail.

use ratatui::layout::Rect;

mod gaps;
mod grid;
mod related;
mod verdict;

pub use gaps::BLOCKS;
pub use grid::GridView;

use super::load::meaning_role;
use super::{columns, longest, rows, status};
use crate::console::app::{App, WalkState};
use crate::console::format;
use crate::console::keys::Action;
use crate::console::theme::Role;
use crate::console::widgets::{Cell, ChartPane, Col, List, Ui, bar, table, width, wrap};
use crate::data::{self, ColumnProfile, FeasibilityVerdict, Finding, Meaning, Profile, Severity};
use crate::flow::{self, ColumnChart, Step};

/// A verdict in words.
fn verdict_words(verdict: FeasibilityVerdict) -> &'static str {
    match verdict {
        FeasibilityVerdict::Go => "a model has a chance",
        FeasibilityVerdict::Care => "it can be tried, with care",
        FeasibilityVerdict::NotYet => "not yet: something has to change first",
    }
}

/// What of the table is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tab {
    /// What the checks found.
    #[default]
    Findings,
    /// Every column in detail.
    Columns,
    /// The rows.
    Rows,
    /// Which columns go together.
    Related,
    /// Where values are missing.
    Gaps,
    /// Whether a model has a chance.
    Verdict,
}

impl Tab {
    /// All, in the order in which the keys go through them.
    pub const ALL: [Self; 6] = [Self::Findings, Self::Columns, Self::Rows, Self::Related, Self::Gaps, Self::Verdict];

    /// Its place in that order.
    fn place(self) -> usize {
        Self::ALL.iter().position(|t| *t == self).unwrap_or(0)
    }

    /// The next, or the one before.
    #[must_use]
    pub fn turn(self, forward: bool) -> Self {
        let step = if forward { 1 } else { Self::ALL.len() - 1 };
        Self::ALL.get((self.place() + step) % Self::ALL.len()).copied().unwrap_or_default()
    }
}

/// The view's cursors.
#[derive(Debug, Default)]
pub struct InspectView {
    /// What is looked at.
    pub tab: Tab,
    /// The findings.
    pub findings: List,
    /// The columns.
    pub columns: List,
    /// The rows.
    pub grid: GridView,
    /// The pairs of columns.
    pub related: List,
    /// The columns of the map of gaps.
    pub gaps: List,
    /// The reasons of the verdict.
    pub reasons: List,
    /// Which chart of a column is shown, counted round.
    pub chart: usize,
    pane: ChartPane,
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
    let view = &walk.views.inspect;
    let body = match view.tab {
        Tab::Columns if area.height < 28 => area,
        Tab::Findings | Tab::Columns => {
            let used = draw_since(ui, area, app, walk);
            let area = rows(area, used).1;
            let used = draw_verdict(ui, area, profile);
            rows(area, used + 1).1
        }
        // Rows, reasons and, on a small screen, charts want the room.
        Tab::Rows | Tab::Related | Tab::Gaps | Tab::Verdict => area,
    };
    let list = heading(ui, body, walk, profile);
    match view.tab {
        Tab::Rows => return grid::draw(ui, list, walk),
        Tab::Related => return related::draw(ui, list, walk),
        Tab::Gaps => return gaps::draw(ui, list, walk),
        Tab::Verdict => return verdict::draw(ui, list, view, profile),
        Tab::Findings | Tab::Columns => {}
    }
    let on_columns = view.tab == Tab::Columns;
    let (list, detail) = if list.width >= 100 {
        columns(list, list.width * 55 / 100)
    } else if list.height >= 11 {
        let keep = if on_columns { list.height * 2 / 5 } else { (list.height * 3 / 5).max(5) };
        rows(list, keep)
    } else {
        (list, Rect { height: 0, ..list })
    };
    if on_columns {
        draw_columns(ui, list, walk, profile);
        if let Some(column) = walk.profiled_column().filter(|_| detail.height > 2) {
            draw_column(ui, detail, walk, profile, column);
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

/// The names of the tabs, with how much is in each.
fn heading(ui: &mut Ui<'_>, area: Rect, walk: &WalkState, profile: &Profile) -> Rect {
    let view = &walk.views.inspect;
    let names = [
        format!("findings {}", profile.findings.len()),
        format!("columns {}", profile.columns.len()),
        match walk.grid_rows() {
            Some(shown) if shown as u64 != profile.rows => {
                format!("rows {} of {}", format::count(shown), format::count(profile.rows as usize))
            }
            _ => format!("rows {}", format::count(profile.rows as usize)),
        },
        "related".to_owned(),
        "gaps".to_owned(),
        "verdict".to_owned(),
    ];
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let filter = match view.tab {
        Tab::Findings => &view.findings.filter,
        Tab::Columns => &view.columns.filter,
        Tab::Rows => &view.grid.list.filter,
        Tab::Related => &view.related.filter,
        Tab::Gaps => &view.gaps.filter,
        Tab::Verdict => "",
    };
    let note = match filter {
        "" if view.tab == Tab::Rows => view.grid.about(),
        "" => String::new(),
        filter => format!("filter: {filter}"),
    };
    ui.tabs(area, &names, view.tab.place(), &note)
}

/// Which version of a dataset the table is, and what is new in it. Returns the rows used.
fn draw_since(ui: &mut Ui<'_>, area: Rect, app: &App, walk: &WalkState) -> u16 {
    let Some(since) = walk.desk.since.as_ref().filter(|_| area.height > 10) else { return 0 };
    let text =
        format!("version {} of {}; since version {}: {}", since.version, since.dataset, since.before, since.words);
    let key = format!("   {} compares", app.key(Action::CompareVersions));
    let mark = ui.glyphs.note;
    ui.spans(
        area.x + 1,
        area.y,
        area.width.saturating_sub(2),
        &[(mark, Role::Info), (" ", Role::Info), (&text, Role::Text), (&key, Role::Muted)],
    );
    1
}

/// The verdict and its reasons, the worst first. Returns the rows used.
fn draw_verdict(ui: &mut Ui<'_>, area: Rect, profile: &Profile) -> u16 {
    let word = verdict_words(profile.feasibility.verdict);
    let (mark, role) = match profile.feasibility.verdict {
        FeasibilityVerdict::Go => (ui.glyphs.done, Role::Good),
        FeasibilityVerdict::Care => (ui.glyphs.warning, Role::Warn),
        FeasibilityVerdict::NotYet => (ui.glyphs.refused, Role::Bad),
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

fn draw_findings(ui: &mut Ui<'_>, inside: Rect, walk: &WalkState, profile: &Profile) {
    let view = &walk.views.inspect;
    let found = walk.finding_rows();
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
        part(ui, "", &format!("for example rows {} (key o shows them)", rows.join(", ")), Role::Muted);
    }
}

fn draw_columns(ui: &mut Ui<'_>, inside: Rect, walk: &WalkState, profile: &Profile) {
    let view = &walk.views.inspect;
    let found = walk.profile_rows();
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

fn draw_column(ui: &mut Ui<'_>, area: Rect, walk: &WalkState, profile: &Profile, c: &ColumnProfile) {
    let view = &walk.views.inspect;
    let charts = ColumnChart::of(profile, c);
    let chart = charts.get(view.chart % charts.len().max(1)).copied().unwrap_or(ColumnChart::Distribution);
    let note = if charts.len() > 1 { format!("{}  {}", c.kind, chart.title()) } else { c.kind.name().to_owned() };
    let inside = ui.pane(area, &c.name, &note, false);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    let mut facts: Vec<String> = Vec::new();
    let number = |name: &str, v: Option<f64>| v.map(|v| format!("{name} {}", format::figure(v)));
    // What names a row has no middle.
    let measured = c.kind != Meaning::Identifier;
    facts.extend(number("mean", c.mean.filter(|_| measured)));
    facts.extend(number("deviation", c.std.filter(|_| measured)));
    if let (Some(a), Some(b)) = (&c.min, &c.max) {
        facts.push(format!("{} to {}", cell(a), cell(b)));
    }
    facts.extend(c.quantiles.get("0.5").filter(|_| measured).map(|v| format!("median {}", cell(v))));
    facts.push(format!("{} distinct", format::count(c.distinct as usize)));
    if c.missing > 0 {
        facts.push(format!("{} missing", format::count(c.missing as usize)));
    }
    facts.extend(c.format.as_ref().map(|f| format!("written as {f}")));
    let text = facts.join(", ");
    let lines = u16::try_from(wrap(&text, inside.width).len()).unwrap_or(1).min(3);
    ui.paragraph(Rect { height: lines, ..inside }, &text, Role::Text);
    let mut used = lines + 1;
    if measured && chart == ColumnChart::Distribution && inside.height >= used + 10 && draw_box(ui, inside, used - 1, c)
    {
        used += 1;
    }
    let below = Rect { y: inside.y + used, height: inside.height.saturating_sub(used), ..inside };
    if chart != ColumnChart::Distribution {
        match walk.column_chart(&c.name, chart) {
            Some(chart) => view.pane.draw(ui, below, chart),
            None => status::empty(ui, below, "Drawing up the chart."),
        }
        return;
    }
    match flow::distribution(c) {
        Some(mut chart) if below.height >= 6 && below.width >= 24 => {
            chart.title.clear();
            view.pane.draw(ui, below, &chart);
        }
        _ => draw_top(ui, below, c, profile.rows),
    }
}

/// A box plot of one line: whiskers at 1 and 99 %, the box from quarter to quarter, a bar at the median. Whether it was drawn.
fn draw_box(ui: &mut Ui<'_>, area: Rect, line: u16, c: &ColumnProfile) -> bool {
    let at = |q: &str| match c.quantiles.get(q) {
        Some(data::Cell::Number(n)) => Some(*n),
        _ => None,
    };
    let (Some(low), Some(q1), Some(middle), Some(q3), Some(high)) =
        (at("0.01"), at("0.25"), at("0.5"), at("0.75"), at("0.99"))
    else {
        return false;
    };
    let name = "1 % to 99 %  ";
    let room = area.width.saturating_sub(width(name) + 1);
    // Also when one of them is no number.
    if high.partial_cmp(&low) != Some(std::cmp::Ordering::Greater) || room < 12 {
        return false;
    }
    let y = area.y + line;
    ui.say(area.x, y, width(name), name, Role::Muted);
    let place = |v: f64| ((v - low) / (high - low) * f64::from(room - 1)).round() as u16;
    let left = area.x + width(name);
    for i in 0..room {
        let (symbol, role) = match i {
            _ if i == place(middle) => (ui.glyphs.bar_middle, Role::Strong),
            _ if i >= place(q1) && i <= place(q3) => (ui.glyphs.bar_done, Role::Info),
            _ => (ui.glyphs.line, Role::Muted),
        };
        ui.say(left + i, y, 1, symbol, role);
    }
    true
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
