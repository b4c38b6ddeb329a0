//! Where values are missing: columns down, blocks of rows across, the darker the more.

use ratatui::layout::Rect;

use crate::console::app::WalkState;
use crate::console::format;
use crate::console::theme::Role;
use crate::console::views::{longest, rows, status};
use crate::console::widgets::{Ui, heat};

/// How many blocks of rows are asked for; the map uses as many as fit.
pub const BLOCKS: usize = 60;

/// Draws the map.
pub fn draw(ui: &mut Ui<'_>, area: Rect, walk: &WalkState) {
    let view = &walk.views.inspect;
    let Some(map) = &walk.gaps else {
        status::empty(ui, area, "Counting what is missing.");
        return;
    };
    if map.is_empty() {
        status::empty(ui, area, "No value is missing anywhere.");
        return;
    }
    let found = walk.gap_rows();
    let names = longest(map.columns.iter().map(String::as_str), 6, 24.min(area.width / 3));
    let left = area.x + 2 + names + 1;
    // Share, gap, and the map.
    let share = 7;
    let room = area.right().saturating_sub(left + share + 2).max(1);
    let blocks = map.blocks.len();
    let cell = (room / u16::try_from(blocks).unwrap_or(u16::MAX).max(1)).max(1);
    let fit = usize::from(room / cell).min(blocks);
    let (body, words) = rows(area, area.height.saturating_sub(3));
    let across = match &map.by {
        Some(time) => format!("by {time}"),
        None => "rows from first to last".to_owned(),
    };
    ui.say(area.x + 2, area.y, names, "COLUMN", Role::Title);
    ui.right(left + share, area.y, share, "MISSING", Role::Title);
    ui.say(left + share + 2, area.y, room, &across.to_uppercase(), Role::Title);
    let height = body.height.saturating_sub(1);
    let first = view.gaps.window(found.len(), height);
    let cursor = view.gaps.at(found.len());
    for (y, at) in (body.y + 1..body.bottom()).zip(first..found.len()) {
        let Some((name, shares)) = found.get(at).and_then(|i| Some((map.columns.get(*i)?, map.shares.get(*i)?))) else {
            continue;
        };
        ui.say(area.x + 2, y, names, name, Role::Text);
        let total = overall(shares, &map.blocks.iter().map(|b| b.rows as f64).collect::<Vec<_>>());
        ui.right(left + share, y, share, &format::percent(total), if total > 0.3 { Role::Warn } else { Role::Muted });
        if at == cursor {
            ui.say(area.x, y, 1, ui.glyphs.cursor, Role::Accent);
            ui.select(Rect { x: area.x + 1, y, width: area.width.saturating_sub(1), height: 1 });
        }
        for (k, value) in shares.iter().take(fit).enumerate() {
            heat(ui, left + share + 2 + k as u16 * cell, y, cell, if *value > 0.0 { value.max(0.13) } else { 0.0 });
        }
    }
    if found.len() > usize::from(height) {
        ui.position(area.y, cursor, found.len());
    }
    let Some(i) = found.get(cursor) else {
        let at = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
        return status::empty(ui, at, "Nothing here fits the filter.");
    };
    let (Some(name), Some(shares)) = (map.columns.get(*i), map.shares.get(*i)) else { return };
    let label = |k: usize| map.blocks.get(k).map_or("", |b| b.label.as_str());
    let worst = shares.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
    let least = shares.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1));
    let text = match (worst, least) {
        (Some((_, most)), _) if *most == 0.0 => format!("{name} has no missing value."),
        (Some((k, most)), Some((m, low))) if most - low > 0.1 => format!(
            "{name} is missing most in {} ({}), least in {} ({}). A gap that comes and goes with the rows is rarely an accident: \
             ask what changed there.",
            label(k),
            format::percent(*most),
            label(m),
            format::percent(*low)
        ),
        (Some((_, most)), _) => {
            format!("{name} is missing about evenly, at most {} of a block.", format::percent(*most))
        }
        _ => String::new(),
    };
    let words = Rect {
        x: words.x + 1,
        y: words.y + 1,
        width: words.width.saturating_sub(2),
        height: words.height.saturating_sub(1),
    };
    ui.paragraph(words, &text, Role::Muted);
}

/// The share over all blocks.
fn overall(shares: &[f64], rows: &[f64]) -> f64 {
    let all: f64 = rows.iter().sum();
    let missing: f64 = shares.iter().zip(rows).map(|(s, n)| s * n).sum();
    if all > 0.0 { missing / all } else { 0.0 }
}
