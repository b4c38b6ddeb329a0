//! Which columns go together: the strongest pairs, and a map of all.

use ratatui::layout::Rect;

use crate::console::app::WalkState;
use crate::console::format;
use crate::console::theme::Role;
use crate::console::views::{columns, longest, rows, status};
use crate::console::widgets::{Cell, Col, Ui, heat, table, wrap};
use crate::data::{Association, Associations};

/// Places of one cell of the map.
const CELL: u16 = 2;

/// A pair in words.
fn sentence(pair: &Association, of: &Associations) -> String {
    let size = pair.value.abs();
    let strength = match size {
        s if s >= 0.9 => "say nearly the same",
        s if s >= 0.5 => "go together closely",
        s if s >= 0.3 => "go together to a degree",
        s if s >= 0.1 => "go together weakly",
        _ => "have little to do with each other",
    };
    let way = if pair.value < 0.0 { ", one falling as the other rises" } else { "" };
    let pearson = pair.pearson.map(|p| format!(" Pearson's correlation is {}.", format::figure(p))).unwrap_or_default();
    let sample = if of.rows < of.of {
        format!(
            " Computed on {} of {} rows drawn at random.",
            format::count(of.rows as usize),
            format::count(of.of as usize)
        )
    } else {
        String::new()
    };
    format!(
        "{} and {} {strength}{way}: {} {}.{pearson}{sample}",
        pair.a,
        pair.b,
        pair.measure.title(),
        format::figure(pair.value)
    )
}

/// Draws the pairs and the map.
pub fn draw(ui: &mut Ui<'_>, area: Rect, walk: &WalkState) {
    let view = &walk.views.inspect;
    let Some(found) = &walk.related else {
        status::empty(ui, area, "Comparing the columns with each other.");
        return;
    };
    let pairs = walk.related_rows();
    let all = found.pairs();
    if all.is_empty() {
        status::empty(ui, area, "There are no two columns that could be compared.");
        return;
    }
    let names = longest(found.columns.iter().map(String::as_str), 4, 18);
    let map_wide = names + 2 + found.columns.len() as u16 * CELL + 2;
    let wide = area.width >= 90;
    let (list, rest) = if wide {
        let map = map_wide.clamp(30, area.width.saturating_sub(44));
        columns(area, area.width.saturating_sub(map + 2))
    } else {
        rows(area, (area.height * 2 / 5).max(5))
    };
    let cols = [
        Col::fill("COLUMN", 8),
        Col::fill("WITH", 8),
        Col::fixed("STRENGTH", 8).right(),
        Col::fixed("MEASURE", 17).drop(1),
    ];
    table(ui, list, &cols, &view.related, pairs.len(), true, |i| {
        let Some(pair) = pairs.get(i).and_then(|i| all.get(*i)) else { return Vec::new() };
        let role = if pair.value.abs() >= 0.9 { Role::Warn } else { Role::Text };
        vec![
            Cell::text(&pair.a),
            Cell::text(&pair.b),
            Cell::new(format!("{:.2}", pair.value), role),
            Cell::muted(pair.measure.title().trim_end_matches(" correlation").trim_end_matches("'s")),
        ]
    });
    let Some(pair) = pairs.get(view.related.at(pairs.len())).and_then(|i| all.get(*i)) else { return };
    let text = sentence(pair, found);
    let lines = u16::try_from(wrap(&text, rest.width.saturating_sub(2)).len()).unwrap_or(1).min(rest.height / 2);
    let (map, words) = rows(rest, rest.height.saturating_sub(lines + 1));
    draw_map(ui, map, found, pair, names);
    ui.paragraph(
        Rect {
            x: words.x + 1,
            y: words.y + 1,
            width: words.width.saturating_sub(2),
            height: words.height.saturating_sub(1),
        },
        &text,
        Role::Muted,
    );
}

fn draw_map(ui: &mut Ui<'_>, area: Rect, found: &Associations, here: &Association, names: u16) {
    let left = area.x + 1 + names + 1;
    let fit = usize::from(area.right().saturating_sub(left) / CELL);
    let all = found.columns.len();
    let shown = all.min(fit).min(usize::from(area.height.saturating_sub(1)));
    let note = if shown < all {
        format!("{shown} of {all} columns, stronger is closer")
    } else {
        "stronger is closer".to_owned()
    };
    let inside = ui.pane(area, "map", &note, false);
    // As far as needed to have the pair in sight.
    let place = |name: &str| found.columns.iter().position(|c| c == name).unwrap_or(0);
    let (a, b) = (place(&here.a), place(&here.b));
    let first = (a.max(b) + 1).saturating_sub(shown).min(a.min(b));
    for (line, (y, i)) in (inside.y..inside.bottom()).zip(first..first + shown).enumerate() {
        let Some(name) = found.columns.get(i) else { break };
        let role = if i == a || i == b { Role::Accent } else { Role::Muted };
        ui.say(inside.x + 1, y, names, name, role);
        // Half of the map says it all: the other half would repeat it.
        for (step, j) in (first..first + line).enumerate() {
            let x = left + step as u16 * CELL;
            match found.strength.get(i).and_then(|r| r.get(j)).copied().flatten() {
                Some(value) => heat(ui, x, y, CELL, value.abs()),
                None => {
                    ui.say(x, y, 1, ui.glyphs.none, Role::Faint);
                }
            }
            if (i == a && j == b) || (i == b && j == a) {
                ui.say(x, y, 1, ui.glyphs.cursor, Role::Accent);
            }
        }
    }
}
