//! One frame: header, steps, view, message and keys, and what lies over them. Reads the state and does nothing else.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};

use super::app::{App, Chooser, Overlay, Prompt, Screen, Tone};
use super::format;
use super::keys::{Action, Context, Resolved};
use super::theme::Role;
use super::views;
use super::widgets::{Ui, width, wrap};
use crate::flow::Step;

/// The least terminal in which views can be read.
const LEAST: (u16, u16) = (40, 12);

/// Draws a frame. Returns where the real cursor goes, when a text field has the keys.
pub fn draw(app: &App, buffer: &mut Buffer) -> Option<(u16, u16)> {
    let area = buffer.area;
    let mut ui = Ui::new(buffer, &app.theme, &app.glyphs);
    ui.clear(area);
    if area.width < LEAST.0 || area.height < LEAST.1 {
        let text = format!(
            "too small: {}{}{} of at least {}{}{}",
            area.width, app.glyphs.times, area.height, LEAST.0, app.glyphs.times, LEAST.1
        );
        ui.paragraph(area, &text, Role::Warn);
        return None;
    }
    let row = |y: u16| Rect { y, height: 1, ..area };
    header(&mut ui, row(area.top()), app);
    let mut top = area.top() + 1;
    if app.screen == Screen::Walk && app.walk.is_some() {
        steps(&mut ui, row(top), app);
        top += 1;
    }
    let rule = ui.theme.style(Role::Faint);
    let airy = area.height >= 20;
    if airy {
        ui.fill(row(top), " ", rule);
        top += 1;
    }
    let body = Rect { y: top, height: area.bottom().saturating_sub(2).saturating_sub(top), ..area };
    views::draw(&mut ui, body, app);
    message(&mut ui, row(area.bottom() - 2), app);
    footer(&mut ui, row(area.bottom() - 1), app);
    let body = Rect { y: area.y + 1, height: area.height - 2, ..area };
    match &app.overlay {
        Some(Overlay::Help(list)) => views::draw_help(&mut ui, body, app, list),
        Some(Overlay::Chooser(chooser)) => draw_chooser(&mut ui, body, chooser),
        Some(Overlay::Prompt(prompt)) => draw_prompt(&mut ui, body, prompt),
        Some(Overlay::Confirm(confirm)) => {
            let lines = wrap(&confirm.question, 56);
            let high = u16::try_from(lines.len()).unwrap_or(1) + 4;
            let inside = ui.popup(body, 60, high, &confirm.title);
            let used = ui.paragraph(inside, &confirm.question, Role::Text);
            let yes = app.keymap.key_of(Context::Confirm, Action::Yes);
            let no = app.keymap.key_of(Context::Confirm, Action::Back);
            ui.spans(
                inside.x,
                inside.y + used + 1,
                inside.width,
                &[(&yes, Role::Key), (" yes   ", Role::Text), (&no, Role::Key), (" no", Role::Text)],
            );
        }
        Some(Overlay::Filter(_)) | None => {}
    }
    let cursor = ui.cursor;
    coalesce(buffer);
    cursor
}

/// Gives blanks the ink of what stands before them: it cannot be seen, and saves the terminal from being told to change
/// colours for every gap (half of the bytes of moving a cursor).
fn coalesce(buffer: &mut Buffer) {
    let width = usize::from(buffer.area.width).max(1);
    let visible = Modifier::REVERSED | Modifier::UNDERLINED | Modifier::CROSSED_OUT;
    for row in buffer.content.chunks_mut(width) {
        let mut before: Option<(Color, Modifier)> = None;
        for cell in row {
            if let Some((fg, modifier)) = before
                && cell.symbol() == " "
                && !cell.modifier.union(modifier).intersects(visible)
            {
                cell.fg = fg;
                cell.modifier = modifier;
            }
            before = Some((cell.fg, cell.modifier));
        }
    }
}

fn header(ui: &mut Ui<'_>, row: Rect, app: &App) {
    let into = format!(" {} ", ui.glyphs.into);
    let mut x = row.x + 1;
    x += ui.say(x, row.y, 12, "pilothouse", Role::Accent);
    let place: Vec<String> = match (app.screen, &app.walk) {
        (Screen::Walk, Some(walk)) => vec![walk.desk.walk.flow.name.clone(), walk.step.name().to_owned()],
        (Screen::Picker, _) => vec!["open a file".into()],
        (Screen::Catalog, _) => vec!["datasets".into()],
        _ => vec!["start".into()],
    };
    for (i, part) in place.iter().enumerate() {
        x += ui.say(x, row.y, 3, &into, Role::Muted);
        let role = if i + 1 == place.len() { Role::Strong } else { Role::Text };
        x += ui.say(x, row.y, 24, part, role);
    }
    let who = &app.place.who;
    let right = ui.right(row.right() - 1, row.y, row.width.saturating_sub(x + 2).min(30), who, Role::Muted);
    let mut edge = right.saturating_sub(3);
    let jobs: Vec<_> = app.working().collect();
    if let Some((_, oldest)) = jobs.first() {
        let elapsed = format::elapsed(app.now.saturating_duration_since(oldest.started));
        let text = format!("{} {} {elapsed}", ui.glyphs.here, format::of(jobs.len(), "job"));
        if edge > x + width(&text) + 2 {
            edge = ui.right(edge, row.y, 24, &text, Role::Accent).saturating_sub(3);
        }
    }
    let workspace = app.place.short(&app.place.workspace);
    let workspace = workspace.strip_suffix("/.pilothouse").unwrap_or(&workspace);
    if row.width >= 100 && edge > x + 16 {
        let most = (edge - x - 4).min(36);
        let text = tail(workspace, most, ui.glyphs.cut);
        ui.right(edge, row.y, most, &text, Role::Muted);
    }
}

/// The end of a path that is too long.
fn tail(path: &str, most: u16, cut: &str) -> String {
    if width(path) <= most {
        return path.to_owned();
    }
    let mut letters: Vec<char> = path.chars().collect();
    while width(&letters.iter().collect::<String>()) + width(cut) > most && !letters.is_empty() {
        letters.remove(0);
    }
    format!("{cut}{}", letters.iter().collect::<String>())
}

fn steps(ui: &mut Ui<'_>, row: Rect, app: &App) {
    let Some(walk) = &app.walk else { return };
    let gap: u16 = if row.width >= 96 { 2 } else { 1 };
    let mut x = row.x + 1;
    // On a narrow screen only marks and the step that one is in.
    let full = row.width >= 78;
    for step in Step::ALL {
        let here = step == walk.step;
        let state = walk.state(step);
        let running = walk.runs(step);
        let (mark, role) = match state {
            _ if here || running => (ui.glyphs.here, Role::Accent),
            crate::flow::StepState::Done => (ui.glyphs.done, Role::Good),
            crate::flow::StepState::Refused => (ui.glyphs.refused, Role::Bad),
            crate::flow::StepState::Stale => (ui.glyphs.stale, Role::Warn),
            crate::flow::StepState::Open => (ui.glyphs.open, Role::Faint),
        };
        x += ui.say(x, row.y, 1, mark, role);
        if full || here {
            let name = match state {
                _ if here => Role::Accent,
                crate::flow::StepState::Open => Role::Muted,
                _ => Role::Text,
            };
            x += 1;
            x += ui.say(x, row.y, row.right().saturating_sub(x), step.name(), name);
        }
        x += gap;
    }
}

fn message(ui: &mut Ui<'_>, row: Rect, app: &App) {
    let room = row.width.saturating_sub(2);
    if let Some(input) = app.filter_input() {
        let used = ui.say(row.x + 1, row.y, room, "filter: ", Role::Key);
        let hint = "enter keeps it, esc clears it";
        let right = if row.width >= 70 { ui.right(row.right() - 1, row.y, 30, hint, Role::Muted) } else { row.right() };
        let field = Rect { x: row.x + 1 + used, width: right.saturating_sub(row.x + 2 + used), ..row };
        input.draw(ui, field);
        return;
    }
    if let Some(first) = app.pending {
        let mut text = format!("{first} ");
        for (key, help) in app.keymap.continuations(app.context(), first) {
            let name = help.strip_prefix("To the ").unwrap_or(help);
            let name = name.strip_prefix("step ").unwrap_or(name);
            let name = name.split(';').next().unwrap_or(name);
            text.push_str(&format!("  {key} {name}"));
        }
        ui.say(row.x + 1, row.y, room, &text, Role::Key);
        return;
    }
    if let Some(toast) = &app.toast {
        let (mark, role) = match toast.tone {
            Tone::Good => (ui.glyphs.done, Role::Good),
            Tone::Warn => (ui.glyphs.warning, Role::Warn),
            Tone::Bad => (ui.glyphs.refused, Role::Bad),
        };
        ui.spans(row.x + 1, row.y, room, &[(mark, role), (" ", role), (&toast.text, role)]);
    }
}

fn footer(ui: &mut Ui<'_>, row: Rect, app: &App) {
    let context = app.context();
    let mut all: Vec<_> = Vec::new();
    for binding in app.keymap.active(context).filter(|b| !b.label.is_empty()) {
        // What an inner place says about an action holds.
        if !all.iter().any(|b: &&Resolved| b.action == binding.action) {
            all.push(binding);
        }
    }
    // The keys of everywhere stand at the right, and are drawn first: they are the way to all others.
    let fixed = [Action::Palette, Action::Help, Action::Quit];
    let mut edge = row.right().saturating_sub(1);
    for binding in all.iter().rev().filter(|b| fixed.contains(&b.action)) {
        let key = binding.first();
        let wide = width(&key) + 1 + width(binding.label);
        let x = edge.saturating_sub(wide);
        ui.spans(x, row.y, wide, &[(&key, Role::Key), (" ", Role::Text), (binding.label, Role::Muted)]);
        edge = x.saturating_sub(2);
    }
    let mut x = row.x + 1;
    let over = app.overlay.is_some();
    let can = |b: &&&Resolved| !fixed.contains(&b.action) && (over || app.can(b.action).is_ok());
    let wide = |b: &Resolved| width(&b.first()) + 1 + width(b.label);
    // The way on is never crowded out by what can be done here.
    let mut kept = all.iter().filter(can).find(|b| b.action == Action::NextStep).map_or(0, |b| wide(b) + 2);
    for binding in all.iter().filter(can) {
        if binding.action == Action::NextStep {
            kept = 0;
        }
        let key = binding.first();
        let wide = wide(binding);
        if x + wide + kept > edge {
            continue;
        }
        ui.spans(x, row.y, wide, &[(&key, Role::Key), (" ", Role::Text), (binding.label, Role::Muted)]);
        x += wide + 2;
    }
}

fn draw_chooser(ui: &mut Ui<'_>, area: Rect, chooser: &Chooser) {
    let high = u16::try_from(chooser.items.len())
        .unwrap_or(u16::MAX)
        .saturating_add(4)
        .min(area.height.saturating_sub(2))
        .min(24);
    let wide = area.width.saturating_sub(4).min(84);
    // Shorter with fewer items that fit, but always beginning in the same row.
    let high = high.max(5);
    let shown = u16::try_from(chooser.order.len()).unwrap_or(u16::MAX).saturating_add(4).clamp(5, high);
    let place = Rect { y: area.y + (area.height - high) / 3, height: shown, ..area };
    let inside = ui.popup(place, wide, shown, &chooser.title);
    let mark = format!("{} ", ui.glyphs.into);
    let used = ui.say(inside.x, inside.y, 2, &mark, Role::Key);
    chooser.input.draw(ui, Rect { x: inside.x + used, width: inside.width.saturating_sub(used), height: 1, ..inside });
    if chooser.input.text().is_empty() {
        ui.say(inside.x + used + 2, inside.y, 20, "type to find", Role::Faint);
    }
    let list = Rect { y: inside.y + 1, height: inside.height.saturating_sub(1), ..inside };
    let count = chooser.order.len();
    let first = chooser.list.window(count, list.height);
    let cursor = chooser.list.at(count);
    let name = chooser.items.iter().map(|i| width(&i.label)).max().unwrap_or(8).clamp(8, list.width / 2);
    for (y, at) in (list.top()..list.bottom()).zip(first..count) {
        let Some(item) = chooser.order.get(at).and_then(|i| chooser.items.get(*i)) else { continue };
        let role = if item.blocked.is_some() { Role::Muted } else { Role::Text };
        ui.say(list.x + 2, y, name, &item.label, role);
        let x = list.x + 2 + name + 2;
        let key = width(&item.key);
        let room = list.right().saturating_sub(x + key + u16::from(key > 0) + 1);
        let note = item.blocked.as_deref().unwrap_or(&item.note);
        ui.say(x, y, room, note, Role::Muted);
        ui.right(list.right(), y, key, &item.key, Role::Key);
        if at == cursor {
            ui.say(list.x, y, 1, ui.glyphs.cursor, Role::Accent);
            ui.select(Rect { x: list.x + 1, y, width: list.width.saturating_sub(1), height: 1 });
        }
    }
    if count == 0 {
        ui.say(list.x + 2, list.y, list.width, "nothing fits", Role::Muted);
    }
}

fn draw_prompt(ui: &mut Ui<'_>, area: Rect, prompt: &Prompt) {
    let wide = area.width.saturating_sub(4).min(84);
    let inner = wide.saturating_sub(4);
    let help = u16::try_from(wrap(&prompt.help, inner).len()).unwrap_or(1);
    let note = prompt.error.as_deref().or(prompt.info.as_deref());
    let notes = note.map_or(1, |n| u16::try_from(wrap(n, inner).len()).unwrap_or(1).min(4));
    let inside = ui.popup(area, wide, help + notes + 5, &prompt.title);
    let used = ui.paragraph(inside, &prompt.help, Role::Muted);
    let y = inside.y + used + 1;
    if y >= inside.bottom() {
        return;
    }
    let mark = format!("{} ", ui.glyphs.into);
    let mark = ui.say(inside.x, y, 2, &mark, Role::Key);
    prompt.input.draw(ui, Rect { x: inside.x + mark, y, width: inside.width.saturating_sub(mark), height: 1 });
    let below = Rect { y: y + 1, height: inside.bottom().saturating_sub(y + 1), ..inside };
    match (&prompt.error, &prompt.info) {
        (Some(error), _) => ui.paragraph(below, error, Role::Bad),
        (None, Some(info)) => ui.paragraph(below, info, Role::Good),
        (None, None) => 0,
    };
}
