//! The feasibility card: the verdict, each reason with its number, and what would change it.

use ratatui::layout::Rect;

use super::{InspectView, verdict_words};
use crate::console::theme::Role;
use crate::console::views::{columns, rows};
use crate::console::widgets::{Cell, Col, Ui, table};
use crate::data::{FeasibilityVerdict, Profile};

/// The mark and colour of one reason's verdict.
fn mark(ui: &Ui<'_>, verdict: FeasibilityVerdict) -> (&'static str, Role) {
    match verdict {
        FeasibilityVerdict::Go => (ui.glyphs.done, Role::Good),
        FeasibilityVerdict::Care => (ui.glyphs.warning, Role::Warn),
        FeasibilityVerdict::NotYet => (ui.glyphs.refused, Role::Bad),
    }
}

/// Draws the card.
pub fn draw(ui: &mut Ui<'_>, area: Rect, view: &InspectView, profile: &Profile) {
    let feasibility = &profile.feasibility;
    let (sign, role) = mark(ui, feasibility.verdict);
    let words = verdict_words(feasibility.verdict);
    ui.spans(area.x + 1, area.y, area.width.saturating_sub(2), &[(sign, role), (" ", role), (words, Role::Strong)]);
    let question = match &profile.target {
        Some(target) => format!("Is this enough, relevant and fresh data to predict {target}?"),
        None => "Without a target this is about the table alone; choose one in prepare to learn more.".to_owned(),
    };
    let (_, below) = rows(area, 1);
    let used =
        ui.paragraph(Rect { x: below.x + 1, width: below.width.saturating_sub(2), ..below }, &question, Role::Muted);
    let (_, body) = rows(below, used + 1);
    let (list, detail) =
        if body.width >= 100 { columns(body, body.width * 55 / 100) } else { rows(body, body.height * 3 / 5) };
    let reasons = &feasibility.reasons;
    let cols = [Col::fixed("", 1), Col::fixed("REASON", 20), Col::fill("WHAT IS SO", 20)];
    let marks: Vec<(&'static str, Role)> = reasons.iter().map(|r| mark(ui, r.verdict)).collect();
    table(ui, list, &cols, &view.reasons, reasons.len(), true, |i| {
        let (Some(reason), Some((sign, role))) = (reasons.get(i), marks.get(i)) else { return Vec::new() };
        vec![Cell::new(*sign, *role), Cell::text(reason.name.replace('-', " ")), Cell::text(&reason.message)]
    });
    let Some(reason) = reasons.get(view.reasons.at(reasons.len())).filter(|_| detail.height > 2) else { return };
    let inside = ui.pane(detail, &reason.name.replace('-', " "), "", false);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    let used = ui.paragraph(inside, &reason.message, Role::Strong);
    let (_, rest) = rows(inside, used + 1);
    if reason.change.is_empty() {
        ui.paragraph(rest, "Nothing has to change here.", Role::Muted);
    } else {
        ui.say(rest.x, rest.y, rest.width, "WHAT WOULD CHANGE IT", Role::Title);
        let (_, rest) = rows(rest, 1);
        ui.paragraph(rest, &reason.change, Role::Text);
    }
}
