//! The rows of the table as a grid: any number of them, of which only those that are seen become text.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use ratatui::layout::Rect;

use crate::console::app::WalkState;
use crate::console::format;
use crate::console::theme::Role;
use crate::console::views::{load::meaning_role, status};
use crate::console::widgets::{List, Ui, width};
use crate::data::{self, Dataset, Physical, RowQuery, brief, display};

/// A cell is cut to this many places; the whole of it stands under the grid.
const WIDEST: u16 = 32;
/// A column is never narrower.
const NARROWEST: u16 = 3;
const GAP: u16 = 2;

/// The grid's cursor, order and place.
#[derive(Debug, Default)]
pub struct GridView {
    /// The row of the cursor, counted in the order that is shown; its filter is the rows' filter.
    pub list: List,
    /// The column of the cursor.
    pub column: usize,
    /// How many columns stay at the left.
    pub frozen: usize,
    /// The column by which rows are sorted, and whether downwards.
    pub sort: Option<(String, bool)>,
    /// Only these rows, counted from 1, and what they are in words.
    pub only: Option<(Vec<u64>, String)>,
    /// The rows in the order asked for; none: all, as in the file.
    pub order: Option<Arc<Vec<u32>>>,
    /// What is wrong with the filter.
    pub problem: Option<String>,
    /// The text looked for last.
    pub find: String,
    first: Cell<usize>,
    page: RefCell<Page>,
}

/// The cells on the screen, kept between frames.
#[derive(Debug, Default)]
struct Page {
    key: Option<(usize, usize, Vec<usize>, usize)>,
    cells: Vec<Vec<Option<String>>>,
    /// The widest cell seen in each column, so that columns do not jump while one scrolls.
    widths: Vec<u16>,
}

impl GridView {
    /// What the rows are asked for.
    #[must_use]
    pub fn query(&self) -> RowQuery {
        RowQuery {
            filter: self.list.filter.clone(),
            sort: self.sort.clone(),
            only: self.only.as_ref().map(|(rows, _)| rows.clone()).unwrap_or_default(),
        }
    }

    /// The order in words, for the heading.
    #[must_use]
    pub fn about(&self) -> String {
        let mut parts = Vec::new();
        parts.extend(self.only.as_ref().map(|(_, what)| what.clone()));
        if let Some((name, down)) = &self.sort {
            parts.push(format!("by {} {}", brief(name, 24), if *down { "downwards" } else { "upwards" }));
        }
        parts.join(", ")
    }

    /// The row of the table, counted from 0, at a place of the order.
    #[must_use]
    pub fn row_at(&self, place: usize) -> Option<u32> {
        match &self.order {
            Some(order) => order.get(place).copied(),
            None => u32::try_from(place).ok(),
        }
    }

    /// Forgets what was seen of another table.
    pub fn reset(&mut self) {
        self.order = None;
        self.page = RefCell::default();
    }
}

fn is_right(physical: Physical) -> bool {
    matches!(physical, Physical::Float | Physical::Integer)
}

/// Draws the grid.
pub fn draw(ui: &mut Ui<'_>, area: Rect, walk: &WalkState) {
    let view = &walk.views.inspect.grid;
    let Some(held) = &walk.held else {
        status::empty(ui, area, "Reading the table.");
        return;
    };
    let data = &held.dataset;
    if area.height < 4 || area.width < 16 {
        return;
    }
    let (body, foot) = (Rect { height: area.height - 1, ..area }, area.bottom() - 1);
    let count = view.order.as_ref().map_or(data.rows(), |o| o.len());
    let height = body.height - 1;
    let top = view.list.window(count, height);
    let shown: Vec<u32> = (top..count).take(usize::from(height)).filter_map(|place| view.row_at(place)).collect();
    let gutter = width(&format::count(data.rows())).max(3);
    let room = body.width.saturating_sub(gutter + GAP + 2);
    let left = body.x + 1 + gutter + GAP;
    let mut page = view.page.borrow_mut();
    page.widths.resize(data.columns.len(), 0);
    let columns = columns_shown(view, data, &mut page, &shown, room);
    draw_heading(ui, Rect { x: left, width: room, ..body }, view, data, &columns);
    let cursor = view.list.at(count);
    for (line, (y, row)) in (body.y + 1..body.bottom()).zip(&shown).enumerate() {
        let number = format::count(*row as usize + 1);
        ui.right(body.x + 1 + gutter, y, gutter, &number, Role::Faint);
        for (k, (column, x, w)) in columns.iter().enumerate() {
            let Some(spec) = data.columns.get(*column) else { continue };
            let here = top + line == cursor && *column == view.column;
            match page.cells.get(k).and_then(|c| c.get(line)).and_then(Option::as_deref) {
                Some(text) => {
                    let shown = display(text);
                    let role = if here { Role::Accent } else { Role::Text };
                    let pad = if is_right(spec.physical) { w.saturating_sub(width(&shown)) } else { 0 };
                    ui.say(left + x + pad, y, w - pad, &shown, role);
                }
                None => {
                    let pad = if is_right(spec.physical) { w.saturating_sub(1) } else { 0 };
                    ui.say(left + x + pad, y, 1, ui.glyphs.none, if here { Role::Accent } else { Role::Faint });
                }
            }
        }
        if top + line == cursor {
            ui.say(body.x, y, 1, ui.glyphs.cursor, Role::Accent);
            ui.select(Rect { x: body.x + 1, y, width: body.width.saturating_sub(1), height: 1 });
        }
    }
    if count > usize::from(height) {
        ui.position(body.y, cursor, count);
    }
    let foot = Rect { x: area.x + 1, y: foot, width: area.width.saturating_sub(2), height: 1 };
    draw_foot(ui, foot, view, data, count, cursor);
}

/// Under the grid: what is wrong with the filter, or the whole of the cell under the cursor.
fn draw_foot(ui: &mut Ui<'_>, row: Rect, view: &GridView, data: &Dataset, count: usize, cursor: usize) {
    if let Some(problem) = &view.problem {
        ui.say(row.x, row.y, row.width, problem, Role::Bad);
        return;
    }
    if count == 0 {
        ui.say(row.x, row.y, row.width, "No row passes the filter.", Role::Warn);
        return;
    }
    let (Some(at), Some(spec)) = (view.row_at(cursor), data.columns.get(view.column)) else { return };
    let text = data::cells(data, &spec.name, &[at]).ok().and_then(|c| c.into_iter().next().flatten());
    let (text, role) = text.as_deref().map_or(("missing", Role::Muted), |t| (t, Role::Text));
    let name = format!("{}  ", brief(&spec.name, 40));
    let meaning = format!("{}  ", spec.meaning);
    ui.spans(row.x, row.y, row.width, &[(&name, Role::Strong), (&meaning, meaning_role(spec.meaning)), (text, role)]);
}

fn draw_heading(ui: &mut Ui<'_>, area: Rect, view: &GridView, data: &Dataset, columns: &[(usize, u16, u16)]) {
    for (column, x, w) in columns {
        let Some(spec) = data.columns.get(*column) else { continue };
        let arrow = match &view.sort {
            Some((name, down)) if *name == spec.name => ui.glyphs.sorted.get(usize::from(*down)).copied().unwrap_or(""),
            _ => "",
        };
        let role = if *column == view.column { Role::Accent } else { Role::Title };
        let most = w.saturating_sub(width(arrow));
        let name = display(&spec.name);
        let pad = if is_right(spec.physical) { most.saturating_sub(width(&name)) } else { 0 };
        let used = ui.say(area.x + x + pad, area.y, most - pad, &name, role);
        ui.say(area.x + x + pad + used, area.y, width(arrow), arrow, Role::Accent);
        if *column + 1 == view.frozen && *x + *w + 1 < area.width {
            ui.say(area.x + x + w, area.y, 1, ui.glyphs.frame[4], Role::Faint);
        }
    }
}

/// The columns that fit, with their place and width: the frozen ones, then those from the first of the moving part on, such
/// that the cursor's column is among them. Fills the page's cells.
fn columns_shown(view: &GridView, data: &Dataset, page: &mut Page, rows: &[u32], room: u16) -> Vec<(usize, u16, u16)> {
    let all = data.columns.len();
    let cursor = view.column.min(all.saturating_sub(1));
    let frozen = view.frozen.min(all);
    // The cells of a first guess give the widths; a second look is needed only when widths have grown.
    let mut first = view.first.get().max(frozen);
    if cursor >= frozen && cursor < first {
        first = cursor;
    }
    // Columns that cannot be in sight together with the cursor's need not be tried.
    if cursor >= frozen {
        first = first.max(cursor.saturating_sub(usize::from(room / (NARROWEST + GAP))));
    }
    loop {
        let mut wanted: Vec<usize> = (0..frozen).chain(first..all).collect();
        // At least three places a column: no more than these can be seen.
        wanted.truncate(usize::from(room / (NARROWEST + GAP)) + 1);
        fill(page, view, data, rows, &wanted);
        let mut placed = Vec::new();
        let mut x = 0;
        let full = |column: usize| {
            let name = data.columns.get(column).map_or(0, |c| width(&display(&c.name)) + 1);
            let seen = page.widths.get(column).copied().unwrap_or(0);
            seen.max(name.min(18)).clamp(NARROWEST, WIDEST)
        };
        for column in wanted {
            let w = full(column);
            if x + NARROWEST > room {
                break;
            }
            placed.push((column, x, w.min(room - x)));
            x += w + GAP;
        }
        // The last one may be cut off; the cursor wants its column whole, when it is not the only one.
        let whole = |(column, x, w): &(usize, u16, u16)| *column == cursor && (x + w < room || *w >= full(*column));
        let seen = placed.iter().any(whole) || cursor < frozen;
        if seen || first >= cursor || first + 1 >= all {
            view.first.set(first);
            return placed;
        }
        first += 1;
    }
}

fn fill(page: &mut Page, view: &GridView, data: &Dataset, rows: &[u32], columns: &[usize]) {
    let order = view.order.as_ref().map_or(0, |o| Arc::as_ptr(o) as usize);
    let first = rows.first().copied().unwrap_or(0) as usize;
    let key = (first, rows.len(), columns.to_vec(), order);
    if page.key.as_ref() == Some(&key) {
        return;
    }
    page.cells = columns
        .iter()
        .map(|column| {
            let name = data.columns.get(*column).map_or("", |c| c.name.as_str());
            let cells = data::cells(data, name, rows).unwrap_or_default();
            let widest = cells.iter().flatten().map(|c| width(&display(c))).max().unwrap_or(1);
            if let Some(w) = page.widths.get_mut(*column) {
                *w = (*w).max(widest).min(WIDEST);
            }
            cells
        })
        .collect();
    page.key = Some(key);
}
