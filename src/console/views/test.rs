//! Step test: the gates by stage, each with its verdict and what it rests on.

use ratatui::layout::Rect;

use super::{columns, rows, status};
use crate::console::app::{App, WalkState};
use crate::console::format;
use crate::console::keys::Action;
use crate::console::theme::Role;
use crate::console::widgets::{Cell, Col, List, Ui, table};
use crate::flow::Step;
use crate::gate::{Gate, Verdict};

/// The view's cursor.
#[derive(Debug, Default)]
pub struct TestView {
    /// The gates.
    pub list: List,
}

/// A measured value, as short as it can be.
fn value(v: f64) -> String {
    if v.is_finite() { format::figure(v) } else { "–".into() }
}

/// Draws the view.
pub fn draw(ui: &mut Ui<'_>, area: Rect, app: &App, walk: &WalkState) {
    let area = status::draw(ui, area, app, walk, Step::Test);
    let Some(report) = &walk.desk.gates else {
        if walk.problem(Step::Test).is_none() {
            status::empty(ui, area, "Asking the gates.");
        }
        return;
    };
    let failed = report.failed().count();
    let (mark, words, role) = match report.verdict {
        Verdict::Pass => (ui.glyphs.done, format!("all {} gates passed", report.gates.len()), Role::Good),
        Verdict::Fail => (ui.glyphs.refused, format!("{failed} of {} gates failed", report.gates.len()), Role::Bad),
    };
    let run = walk.desk.chosen().map_or_else(|| report.run.clone(), |r| format!("{} {}", r.title, r.id));
    let digest = format!("   package {}", format::digest(&report.digest));
    ui.spans(
        area.x + 1,
        area.y,
        area.width.saturating_sub(2),
        &[
            (mark, role),
            (" ", role),
            (&words, Role::Strong),
            ("   ", Role::Text),
            (&run, Role::Text),
            (&digest, Role::Muted),
        ],
    );
    let (_, body) = rows(area, 2);
    let whole = u16::try_from(report.gates.len()).unwrap_or(u16::MAX).saturating_add(3);
    let (list, detail) = if body.height >= whole.saturating_add(7) {
        rows(body, whole)
    } else if body.width >= 110 {
        columns(body, body.width * 64 / 100)
    } else {
        let below = if body.height >= 14 { 6 } else { 0 };
        rows(body, body.height - below)
    };
    let view = &walk.views.test;
    let inside = ui.pane(list, "gates", "cheap ones first: data, model, package", true);
    let cols = [
        Col::fixed("STAGE", 7),
        Col::fixed("GATE", 17),
        Col::fixed("VERDICT", 7),
        Col::fixed("VALUE", 8).right(),
        Col::fixed("THRESHOLD", 9).right().drop(1),
        Col::fill("WHAT IT SAYS", 16),
    ];
    let glyphs = *ui.glyphs;
    let gates = &report.gates;
    table(ui, inside, &cols, &view.list, gates.len(), true, |i| {
        let Some(gate) = gates.get(i) else { return Vec::new() };
        let first = i == 0 || gates.get(i - 1).is_none_or(|g| g.stage != gate.stage);
        let (verdict, role) = match gate.verdict {
            Verdict::Pass => (format!("{} pass", glyphs.done), Role::Good),
            Verdict::Fail => (format!("{} FAIL", glyphs.refused), Role::Bad),
        };
        vec![
            Cell::muted(if first { gate.stage.name() } else { "" }),
            Cell::text(gate.name.replace('_', " ")),
            Cell::new(verdict, role),
            Cell::text(value(gate.value)),
            Cell::muted(value(gate.threshold)),
            Cell::new(&gate.message, if gate.verdict == Verdict::Fail { Role::Text } else { Role::Muted }),
        ]
    });
    if detail.height > 2
        && let Some(gate) = gates.get(view.list.at(gates.len()))
    {
        draw_gate(ui, detail, app, gate);
    }
}

fn draw_gate(ui: &mut Ui<'_>, area: Rect, app: &App, gate: &Gate) {
    let inside = ui.pane(area, &gate.name.replace('_', " "), gate.stage.name(), false);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    let role = if gate.verdict == Verdict::Fail { Role::Bad } else { Role::Strong };
    let mut y = inside.y + ui.paragraph(inside, &gate.message, role);
    let gap = u16::from(inside.height > 8);
    y += gap;
    let room = Rect { y, height: inside.bottom().saturating_sub(y), ..inside };
    y += ui.paragraph(room, &format!("Rests on: {}", gate.evidence), Role::Text) + gap;
    let next = app.key(Action::NextStep);
    let text = match gate.verdict {
        Verdict::Pass => format!("Thresholds stand under [test] in the flow file. {next} goes on to approve."),
        Verdict::Fail => {
            "A failed gate blocks approval, unless the person who approves overrides it with a reason that is recorded."
                .into()
        }
    };
    let room = Rect { y, height: inside.bottom().saturating_sub(y), ..inside };
    ui.paragraph(room, &text, Role::Muted);
}
