//! The help of a view, made from the bindings in force.

use ratatui::layout::Rect;

use crate::console::app::App;
use crate::console::keys::{Action, Context, Resolved};
use crate::console::theme::Role;
use crate::console::widgets::{List, Ui, width};

enum Line<'a> {
    Text(String, Role),
    Key(&'a Resolved),
}

fn about(context: Context) -> &'static str {
    match context {
        Context::Start => {
            "Walks in this workspace, samples, and files of your own. A walk leads from raw data to a model in a registry."
        }
        Context::Picker => {
            "CSV and Parquet files begin a walk; a flow file (.toml) brings its own choices. The pane beside shows the first rows."
        }
        Context::Load => {
            "What each column is called, what it means and how it is stored. The meaning decides how a model may use it."
        }
        Context::Inspect => {
            "What was found in the data, the worst first, and whether a model has a chance. Each finding says what to do about it."
        }
        Context::Prepare => {
            "What is predicted, from which columns, and which rows are kept back for judging. Everything is fitted on training rows only."
        }
        Context::Train => {
            "Each candidate is fitted on folds of the training rows, then on all of them, and judged on rows that it never saw."
        }
        Context::Compare => {
            "Intervals are 95 %. One model is called better only where a paired test on the same rows says so."
        }
        Context::Test => {
            "Gates at three stages: data, model, package. A failed gate blocks approval unless it is overridden with a recorded reason."
        }
        Context::Approve => {
            "The decision is about exactly this package: its digest is recorded with your name and reason in the audit log."
        }
        Context::Push => {
            "The package is checked once more, sent, read back and compared, before the alias moves. It is safe to repeat."
        }
        Context::Watch => {
            "New rows against the training data: a column has drifted when the effect is large and chance does not explain it."
        }
        _ => "",
    }
}

fn lines(app: &App) -> Vec<Line<'_>> {
    let context = app.view_context();
    let mut lines = vec![Line::Text(about(context).to_owned(), Role::Text)];
    for part in context.stack() {
        let bindings: Vec<&Resolved> =
            app.keymap.all().iter().filter(|b| b.context == part && !b.chords.is_empty()).collect();
        if bindings.is_empty() {
            continue;
        }
        lines.push(Line::Text(String::new(), Role::Text));
        lines.push(Line::Text(part.title().to_uppercase(), Role::Title));
        lines.extend(bindings.into_iter().map(Line::Key));
    }
    if !app.keymap.problems.is_empty() {
        lines.push(Line::Text(String::new(), Role::Text));
        lines.push(Line::Text("PROBLEMS IN KEYS.TOML".to_owned(), Role::Title));
        lines.extend(app.keymap.problems.iter().map(|p| Line::Text(p.clone(), Role::Warn)));
    }
    lines
}

/// How many rows the help has, as far as scrolling goes.
#[must_use]
pub fn rows(app: &App) -> usize {
    lines(app).len()
}

/// Draws the help over the screen.
pub fn draw(ui: &mut Ui<'_>, area: Rect, app: &App, list: &List) {
    let lines = lines(app);
    let wide = area.width.saturating_sub(4).min(92);
    let high = area.height.saturating_sub(2).min(u16::try_from(lines.len() + 4).unwrap_or(u16::MAX));
    let title = format!("Help: {}", app.view_context().title().to_lowercase());
    let inside = ui.popup(area, wide, high, &title);
    let keys_wide = lines
        .iter()
        .filter_map(|l| match l {
            Line::Key(b) => Some(width(&b.keys())),
            Line::Text(..) => None,
        })
        .max()
        .unwrap_or(0)
        .min(24);
    list.window(lines.len(), inside.height);
    // The cursor is the first row shown, but never leaves rows of the page empty.
    let first = list.cursor.min(lines.len().saturating_sub(usize::from(inside.height).saturating_sub(2)));
    // The last row is kept for saying that there is more.
    let long = lines.len() > usize::from(inside.height) || first > 0;
    let page = Rect { height: inside.height.saturating_sub(u16::from(long)), ..inside };
    let mut y = page.y;
    let mut seen = 0;
    for line in lines.iter().skip(first) {
        if y >= page.bottom() {
            break;
        }
        seen += 1;
        match line {
            Line::Text(text, role) => {
                let room = Rect { y, height: page.bottom() - y, ..page };
                y += ui.paragraph(room, text, *role).max(1);
            }
            Line::Key(b) => {
                ui.say(inside.x, y, keys_wide, &b.keys(), Role::Key);
                ui.say(inside.x + keys_wide + 2, y, inside.width.saturating_sub(keys_wide + 2), b.help, Role::Text);
                y += 1;
            }
        }
    }
    let left = lines.len().saturating_sub(first + seen);
    if left > 0 {
        let down = app.keymap.key_of(Context::Help, Action::Down);
        let text = format!("{left} more, {down} goes on");
        ui.right(inside.right(), inside.bottom().saturating_sub(1), inside.width, &text, Role::Muted);
    }
}
