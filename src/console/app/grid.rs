//! The grid of rows: sorting, filtering, finding, going to a row, copying.

use std::sync::Arc;

use crate::console::keys::Action;
use crate::console::views::Tab;
use crate::data::Dataset;
use crate::flow::Step;
use crate::flow::view::Held;

use super::overlay::{Overlay, Prompt, Purpose};
use super::work::{self, Order};
use super::{App, Tone};

impl App {
    /// Opens a tab of step inspect, and starts what it needs.
    pub(super) fn show_tab(&mut self, tab: Tab) {
        if let Some(walk) = &mut self.walk {
            walk.views.inspect.tab = tab;
            self.look_closer();
        }
    }

    /// Starts what the open tab of step inspect shows beside the profile, when it is not there.
    pub(super) fn look_closer(&mut self) {
        let Some(walk) = self.walk.as_ref().filter(|w| w.step == Step::Inspect) else { return };
        let tab = walk.views.inspect.tab;
        let done = match tab {
            Tab::Columns => return self.draw_up_column(),
            Tab::Findings | Tab::Verdict => true,
            Tab::Rows => walk.held.is_some(),
            Tab::Related => walk.related.is_some(),
            Tab::Gaps => walk.gaps.is_some(),
        };
        if done {
            return;
        }
        let Some(held) = &walk.held else {
            if walk.job.is_none() {
                self.start(Order::Ready { upto: Step::Load, again: None, change: None }, false);
            }
            return;
        };
        let (key, data) = (held.rows_key(), Arc::clone(&held.dataset));
        let time = walk.desk.profile.as_ref().and_then(|p| p.time.clone());
        let started = match tab {
            Tab::Related => {
                self.jobs.start_latest("related", "comparing columns", move |c| work::related(key, &data, c))
            }
            _ => self.jobs.start_latest("gaps", "counting gaps", move |c| work::gaps(key, &data, time.as_deref(), c)),
        };
        if let Err(e) = started {
            self.fail(&e);
        }
    }

    /// The table that the grid shows.
    fn grid_data(&self) -> Option<Arc<Dataset>> {
        Some(Arc::clone(&self.walk.as_ref()?.held.as_ref()?.dataset))
    }

    /// Puts the rows in the order asked for; the latest wish wins.
    pub(super) fn order_rows(&mut self) {
        let Some(data) = self.grid_data() else { return };
        let Some(walk) = &mut self.walk else { return };
        let grid = &mut walk.views.inspect.grid;
        let query = grid.query();
        if query.is_plain() {
            grid.order = None;
            grid.problem = None;
        }
        // Also when nothing is asked for: what runs belongs to an older wish.
        let started =
            self.jobs.start_latest("rows", "ordering rows", move |control| work::order(&data, query, control));
        if let Err(e) = started {
            self.fail(&e);
        }
    }

    /// Carries out what the grid's keys ask for. Whether it was one of them.
    pub(super) fn act_on_grid(&mut self, action: Action) -> bool {
        let Some(data) = self.grid_data() else { return false };
        let Some(walk) = &mut self.walk else { return false };
        let grid = &mut walk.views.inspect.grid;
        let last = data.columns.len().saturating_sub(1);
        match action {
            Action::ScrollLeft => grid.column = grid.column.saturating_sub(1),
            Action::ScrollRight => grid.column = (grid.column + 1).min(last),
            Action::FirstColumn => grid.column = 0,
            Action::LastColumn => grid.column = last,
            Action::FreezeColumns => {
                grid.frozen = if grid.frozen == grid.column + 1 { 0 } else { grid.column + 1 };
            }
            Action::SortRows => {
                let Some(name) = data.columns.get(grid.column).map(|c| c.name.clone()) else { return true };
                grid.sort = match grid.sort.take() {
                    Some((by, false)) if by == name => Some((by, true)),
                    Some((by, true)) if by == name => None,
                    _ => Some((name, false)),
                };
                self.order_rows();
            }
            Action::FindText => {
                let help = "Letters that any cell of the row contains. The keys ; and , go on and back.";
                self.overlay = Some(Overlay::Prompt(Prompt::new("Find a row", help, Purpose::FindText)));
            }
            Action::FindNext | Action::FindPrevious => self.find_row(action == Action::FindNext),
            Action::GoToRow => {
                let help = format!("Its number in the table, 1 to {}", data.rows());
                self.overlay = Some(Overlay::Prompt(Prompt::new("Go to a row", help, Purpose::GoToRow)));
            }
            Action::CopyCell | Action::CopyRow => self.copy(&data, action == Action::CopyRow),
            Action::Open => {
                if let Some(name) = data.columns.get(grid.column).map(|c| c.name.clone()) {
                    walk.show_column(&name);
                    self.show_tab(Tab::Columns);
                }
            }
            _ => return false,
        }
        true
    }

    /// Looks for the text in the next row, or the one before.
    pub(super) fn find_row(&mut self, forward: bool) {
        let Some(data) = self.grid_data() else { return };
        let Some(walk) = &self.walk else { return };
        let grid = &walk.views.inspect.grid;
        if grid.find.is_empty() {
            let key = self.key(Action::FindText);
            self.say(Tone::Warn, format!("say what to find first: key {key}"));
            return;
        }
        let order = grid.order.clone();
        let count = order.as_ref().map_or(data.rows(), |o| o.len());
        let from = grid.list.at(count);
        let key = walk.held.as_ref().map(Held::rows_key).unwrap_or_default();
        let search = work::Search { key, query: grid.query(), text: grid.find.clone(), from, forward };
        let started = self.jobs.start_latest("find", "finding a row", move |control| {
            work::find(&data, order.as_deref().map(Vec::as_slice), search, control)
        });
        if let Err(e) = started {
            self.fail(&e);
        }
    }

    /// Puts the cursor on a row by its number in the table.
    ///
    /// # Errors
    /// Why it cannot.
    pub(super) fn go_to_row(&mut self, text: &str) -> Result<(), String> {
        let rows = self.grid_data().map_or(0, |d| d.rows());
        let number: usize = text
            .replace([',', '_', ' '], "")
            .parse()
            .ok()
            .filter(|n| (1..=rows).contains(n))
            .ok_or_else(|| format!("that is no number from 1 to {rows}"))?;
        let Some(walk) = &mut self.walk else { return Ok(()) };
        let grid = &mut walk.views.inspect.grid;
        let place = match &grid.order {
            None => Some(number - 1),
            Some(order) => order.iter().position(|row| *row as usize == number - 1),
        };
        grid.list.cursor = place.ok_or("the filter leaves this row out; esc clears it")?;
        Ok(())
    }

    /// Shows the rows behind the finding under the cursor; all rows when it names none.
    pub(super) fn show_rows(&mut self) {
        let Some(walk) = &mut self.walk else { return };
        let found = walk.finding_at_cursor().cloned();
        let at = found
            .as_ref()
            .and_then(|f| f.column.as_ref())
            .and_then(|n| walk.columns().iter().position(|c| c.name == *n));
        let grid = &mut walk.views.inspect.grid;
        grid.list.filter.clear();
        grid.list.cursor = 0;
        grid.sort = None;
        if let Some(at) = at {
            grid.column = at;
        }
        grid.only = found.filter(|f| !f.rows.is_empty()).map(|f| {
            let column = f.column.map(|c| format!(" of {c}")).unwrap_or_default();
            (f.rows, format!("examples for {}{column}", f.check))
        });
        self.show_tab(Tab::Rows);
        self.order_rows();
    }

    /// All rows again, when only some are shown. Whether that changed anything.
    pub(super) fn show_all_rows(&mut self) -> bool {
        let Some(walk) = &mut self.walk else { return false };
        let inspect = &mut walk.views.inspect;
        if walk.step != Step::Inspect || inspect.tab != Tab::Rows || inspect.grid.only.take().is_none() {
            return false;
        }
        self.order_rows();
        true
    }

    fn copy(&mut self, data: &Dataset, whole: bool) {
        let Some(walk) = &self.walk else { return };
        let grid = &walk.views.inspect.grid;
        let count = grid.order.as_ref().map_or(data.rows(), |o| o.len());
        let Some(row) = grid.row_at(grid.list.at(count)) else { return };
        let cell = |name: &str| {
            let cells = crate::data::cells(data, name, &[row]).unwrap_or_default();
            cells.into_iter().next().flatten().unwrap_or_default()
        };
        let (text, what) = if whole {
            // Tabs and line ends inside a cell would make it two.
            let cells: Vec<String> =
                data.columns.iter().map(|c| cell(&c.name).replace(['\t', '\n', '\r'], " ")).collect();
            (cells.join("\t"), format!("row {}", row + 1))
        } else {
            let Some(spec) = data.columns.get(grid.column) else { return };
            (cell(&spec.name), format!("the cell of {}", crate::data::brief(&spec.name, 40)))
        };
        self.clipboard = Some(text);
        self.say(Tone::Good, format!("{what} was sent to the terminal's clipboard"));
    }

    /// Draws up the chart of the column under the cursor, when it has to be made from the rows.
    pub(super) fn draw_up_column(&mut self) {
        let Some(walk) = &self.walk else { return };
        let Some((name, chart)) = walk.wanted_column_chart() else { return };
        if walk.column_chart(&name, chart).is_some() {
            return;
        }
        let (Some(held), Some(profile)) = (&walk.held, &walk.desk.profile) else {
            if walk.job.is_none() {
                self.start(Order::Ready { upto: Step::Load, again: None, change: None }, false);
            }
            return;
        };
        let (key, data, profile) = (held.rows_key(), Arc::clone(&held.dataset), profile.clone());
        let started = self.jobs.start_latest("column", "drawing up a chart", move |control| {
            work::column(key, &data, &profile, name, chart, control)
        });
        if let Err(e) = started {
            self.fail(&e);
        }
    }
}
