//! Step approve: exactly what would be approved, the decision, and the audit log.

use ratatui::layout::Rect;

use super::{rows, status};
use crate::console::app::{App, WalkState};
use crate::console::format;
use crate::console::keys::Action;
use crate::console::theme::Role;
use crate::console::widgets::{Cell, Col, List, Ui, table};
use crate::flow::{LogEntry, Step};
use crate::gate::Verdict as Gates;
use crate::team::Verdict;

/// The view's cursor.
#[derive(Debug, Default)]
pub struct ApproveView {
    /// The audit log.
    pub list: List,
}

/// Draws the view.
pub fn draw(ui: &mut Ui<'_>, area: Rect, app: &App, walk: &WalkState) {
    let area = status::draw(ui, area, app, walk, Step::Approve);
    let Some(report) = &walk.desk.gates else {
        status::empty(ui, area, "The gates were not asked yet: go back to test.");
        return;
    };
    let log = if area.height >= 16 { (area.height / 3).max(6) } else { 0 };
    let (upper, lower) = rows(area, area.height - log);
    let inside = ui.pane(upper, "what is decided about", "", true);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    let mut y = inside.y;
    if let Some(run) = walk.desk.chosen() {
        y = status::fact(ui, inside, y, "model", &format!("{}, run {}", run.title, run.id), Role::Strong);
        let about = format!(
            "{} of {} ({} rows), trained by {}",
            run.target,
            run.data.source,
            format::count(run.data.rows),
            run.by
        );
        y = status::fact(ui, inside, y, "predicts", &about, Role::Text);
        y = status::fact(ui, inside, y, "package", &report.digest, Role::Text);
        let metrics: Vec<String> = run
            .metrics
            .iter()
            .take(5)
            .map(|m| match (m.low, m.high) {
                (Some(l), Some(h)) if m.name == run.metric => {
                    format!(
                        "{} {} ({} to {})",
                        format::metric(&m.name),
                        format::score(m.value),
                        format::score(l),
                        format::score(h)
                    )
                }
                _ => format!("{} {}", format::metric(&m.name), format::score(m.value)),
            })
            .collect();
        y = status::fact(ui, inside, y, "metrics", &metrics.join(", "), Role::Text);
    }
    let failed: Vec<&str> = report.failed().map(|g| g.name.as_str()).collect();
    let (gates, role) = match report.verdict {
        Gates::Pass => (format!("{} all {} passed", ui.glyphs.done, report.gates.len()), Role::Good),
        Gates::Fail => (format!("{} {} failed: {}", ui.glyphs.refused, failed.len(), failed.join(", ")), Role::Bad),
    };
    y = status::fact(ui, inside, y, "gates", &gates, role) + 1;
    draw_decision(ui, Rect { y, height: inside.bottom().saturating_sub(y), ..inside }, app, walk, &report.digest);
    if log > 0 {
        draw_log(ui, lower, walk);
    }
}

fn draw_decision(ui: &mut Ui<'_>, area: Rect, app: &App, walk: &WalkState, digest: &str) {
    if area.height == 0 {
        return;
    }
    let decision = walk.desk.decision.as_ref().filter(|d| d.digest == digest);
    let approve = app.key(Action::Approve);
    let reject = app.key(Action::Reject);
    match decision {
        Some(d) => {
            let (mark, role) = match d.verdict {
                Verdict::Approved => (ui.glyphs.done, Role::Good),
                Verdict::Rejected => (ui.glyphs.refused, Role::Bad),
            };
            let text = format!("{mark} {} by {} on {}", d.verdict.name(), d.by, format::moment(d.at_ms));
            let mut y = area.y;
            y = status::fact(ui, area, y, "decision", &text, role);
            y = status::fact(ui, area, y, "reason", &d.reason, Role::Text);
            if !d.overridden.is_empty() {
                y = status::fact(ui, area, y, "overridden", &d.overridden.join(", "), Role::Warn);
            }
            let next = app.key(Action::NextStep);
            if d.verdict == Verdict::Approved && y < area.bottom() {
                ui.spans(
                    area.x,
                    y + u16::from(y + 1 < area.bottom()),
                    area.width,
                    &[(&next, Role::Key), (" goes on to push", Role::Muted)],
                );
            }
        }
        None => {
            ui.spans(
                area.x,
                area.y,
                area.width,
                &[
                    (&approve, Role::Key),
                    (" approves exactly this package, ", Role::Text),
                    (&reject, Role::Key),
                    (" rejects it. Both ask for a reason.", Role::Text),
                ],
            );
        }
    }
}

fn words(entry: &LogEntry) -> String {
    let of = |name: &str| entry.detail.get(name).and_then(serde_json::Value::as_str).unwrap_or("");
    match entry.action.as_str() {
        "pushed" => format!("{} version {} to {}", of("name"), of("version"), of("to")),
        _ => of("reason").to_owned(),
    }
}

fn draw_log(ui: &mut Ui<'_>, area: Rect, walk: &WalkState) {
    let log = match &walk.desk.audit {
        Ok(log) => log,
        Err(error) => {
            let inside = ui.pane(area, "audit log", "", false);
            ui.paragraph(
                Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside },
                &error.to_string(),
                Role::Bad,
            );
            return;
        }
    };
    let inside = ui.pane(area, "audit log", "the chain of hashes holds", false);
    if log.is_empty() {
        status::empty(ui, inside, "Nothing was decided in this workspace yet.");
        return;
    }
    let cols = [
        Col::fixed("WHEN", 16),
        Col::fixed("WHO", 18).drop(2),
        Col::fixed("WHAT", 9),
        Col::fixed("PACKAGE", 12).drop(1),
        Col::fill("WHY", 12),
    ];
    let count = log.len();
    table(ui, inside, &cols, &walk.views.approve.list, count, false, |i| {
        // The latest first.
        let Some(e) = log.get(count - 1 - i) else { return Vec::new() };
        let role = match e.action.as_str() {
            "rejected" => Role::Bad,
            "approved" => Role::Good,
            _ => Role::Info,
        };
        vec![
            Cell::muted(format::moment(e.at_ms)),
            Cell::text(&e.who),
            Cell::new(&e.action, role),
            Cell::muted(format::digest(&e.subject)),
            Cell::text(words(e)),
        ]
    });
}
