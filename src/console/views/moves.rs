//! What moving, filtering and opening mean in each view of a walk.

use crate::console::app::{ChartKey, Prompt, Purpose, WalkState};
use crate::console::widgets::{List, TextInput};
use crate::data::{Associations, ColumnProfile, ColumnSpec, Finding};
use crate::flow::record::{RunRecord, RunStatus};
use crate::flow::spec::LabelsSpec;
use crate::flow::{ColumnChart, RunChart, Step};

use super::{Tab, push, train, watch};

/// Most runs drawn over one another.
const OVERLAID: usize = 6;

impl WalkState {
    /// The columns of step load that pass the filter.
    #[must_use]
    pub fn load_rows(&self) -> Vec<usize> {
        self.views.load.columns.filtered(self.columns(), |c| format!("{} {}", c.name, c.meaning))
    }

    /// The findings that pass the filter.
    #[must_use]
    pub fn finding_rows(&self) -> Vec<usize> {
        let findings = self.desk.profile.as_ref().map(|p| p.findings.as_slice()).unwrap_or_default();
        self.views.inspect.findings.filtered(findings, |f| {
            format!("{} {} {} {}", f.severity, f.column.as_deref().unwrap_or(""), f.check, f.message)
        })
    }

    /// The profiled columns that pass the filter.
    #[must_use]
    pub fn profile_rows(&self) -> Vec<usize> {
        let columns = self.desk.profile.as_ref().map(|p| p.columns.as_slice()).unwrap_or_default();
        self.views.inspect.columns.filtered(columns, |c| format!("{} {}", c.name, c.kind))
    }

    /// The pairs of columns that pass the filter, the strongest first.
    #[must_use]
    pub fn related_rows(&self) -> Vec<usize> {
        let pairs = self.related.as_ref().map(Associations::pairs).unwrap_or_default();
        self.views.inspect.related.filtered(&pairs, |p| format!("{} {} {}", p.a, p.b, p.measure.title()))
    }

    /// The columns of the map of gaps that pass the filter.
    #[must_use]
    pub fn gap_rows(&self) -> Vec<usize> {
        let columns = self.gaps.as_ref().map(|g| g.columns.as_slice()).unwrap_or_default();
        self.views.inspect.gaps.filtered(columns, Clone::clone)
    }

    /// The columns of step prepare that pass the filter.
    #[must_use]
    pub fn prepare_rows(&self) -> Vec<usize> {
        let left = self.desk.prepare.as_ref().map(|p| p.left_out.as_slice()).unwrap_or_default();
        self.views.prepare.columns.filtered(self.columns(), |c| {
            let why = left.iter().find(|l| l.column == c.name).map_or("", |l| l.kind.as_str());
            format!("{} {} {why}", c.name, c.meaning)
        })
    }

    /// The watched columns that pass the filter, counted in the order in which they are shown.
    #[must_use]
    pub fn drift_rows(&self) -> Vec<usize> {
        let order = self.desk.watch.as_ref().map(watch::ordered).unwrap_or_default();
        self.views
            .watch
            .columns
            .filtered(&order, |c| format!("{} {}", c.name, if c.drifted { "drifted" } else { "stable" }))
    }

    /// The list that has the keys, with its number of rows.
    pub fn focus(&mut self) -> Option<(&mut List, usize)> {
        let views = &self.views;
        let count = match self.step {
            Step::Load if views.load.on_rows => self.held.as_ref().map_or(0, |h| h.head.len()),
            Step::Load => self.load_rows().len(),
            Step::Inspect => match views.inspect.tab {
                Tab::Findings => self.finding_rows().len(),
                Tab::Columns => self.profile_rows().len(),
                Tab::Rows => self.grid_rows().unwrap_or(0),
                Tab::Related => self.related_rows().len(),
                Tab::Gaps => self.gap_rows().len(),
                Tab::Verdict => self.desk.profile.as_ref().map_or(0, |p| p.feasibility.reasons.len()),
            },
            Step::Prepare => self.prepare_rows().len(),
            Step::Train => self.desk.runs.len().max(self.live.len() + 1),
            Step::Compare => self.desk.runs.len(),
            Step::Test => self.desk.gates.as_ref().map_or(0, |g| g.gates.len()),
            Step::Approve => self.desk.audit.as_ref().map_or(0, Vec::len),
            Step::Push => push::fields(self).len(),
            Step::Watch if self.on_watch_fields() => watch::fields(self).len(),
            Step::Watch => self.drift_rows().len(),
        };
        let on_fields = self.on_watch_fields();
        let views = &mut self.views;
        let list = match self.step {
            Step::Load if views.load.on_rows => &mut views.load.rows,
            Step::Load => &mut views.load.columns,
            Step::Inspect => match views.inspect.tab {
                Tab::Findings => &mut views.inspect.findings,
                Tab::Columns => &mut views.inspect.columns,
                Tab::Rows => &mut views.inspect.grid.list,
                Tab::Related => &mut views.inspect.related,
                Tab::Gaps => &mut views.inspect.gaps,
                Tab::Verdict => &mut views.inspect.reasons,
            },
            Step::Prepare => &mut views.prepare.columns,
            Step::Train => &mut views.train.list,
            Step::Compare => &mut views.compare.list,
            Step::Test => &mut views.test.list,
            Step::Approve => &mut views.approve.list,
            Step::Push => &mut views.push.list,
            Step::Watch if on_fields => &mut views.watch.fields,
            Step::Watch => &mut views.watch.columns,
        };
        Some((list, count))
    }

    fn on_watch_fields(&self) -> bool {
        self.views.watch.on_fields || self.desk.watch.is_none()
    }

    /// Whether the list that has the keys can be filtered.
    #[must_use]
    pub fn filters(&self) -> bool {
        match self.step {
            Step::Load => !self.views.load.on_rows && !self.columns().is_empty(),
            Step::Inspect => match self.views.inspect.tab {
                Tab::Findings | Tab::Columns => self.desk.profile.is_some(),
                Tab::Rows => self.held.is_some(),
                Tab::Related => self.related.is_some(),
                Tab::Gaps => self.gaps.is_some(),
                Tab::Verdict => false,
            },
            Step::Prepare => !self.columns().is_empty(),
            Step::Watch => !self.on_watch_fields(),
            _ => false,
        }
    }

    /// How many panes take the keys in turn.
    #[must_use]
    pub fn panes(&self) -> usize {
        match self.step {
            Step::Load if self.held.is_some() => 2,
            Step::Inspect if self.desk.profile.is_some() => Tab::ALL.len(),
            Step::Watch if self.desk.watch.is_some() => 2,
            _ => 1,
        }
    }

    /// To the next pane.
    pub fn next_pane(&mut self) {
        match self.step {
            Step::Load => self.views.load.on_rows = !self.views.load.on_rows,
            Step::Watch => self.views.watch.on_fields = !self.views.watch.on_fields,
            _ => {}
        }
    }

    /// Whether something can be scrolled sideways.
    #[must_use]
    pub fn scrolls(&self) -> bool {
        let grid = self.step == Step::Inspect && self.views.inspect.tab == Tab::Rows;
        (self.step == Step::Load || grid) && self.held.is_some()
    }

    /// Scrolls the rows of step load by a column.
    pub fn scroll(&mut self, right: bool) {
        let last = self.columns().len().saturating_sub(1);
        let scroll = &mut self.views.load.scroll;
        *scroll = if right { (*scroll + 1).min(last) } else { scroll.saturating_sub(1) };
    }

    /// Closes what is open within the view. Whether anything was.
    pub fn close(&mut self) -> bool {
        if self.step == Step::Compare && self.views.compare.side_by_side {
            self.views.compare.side_by_side = false;
            return true;
        }
        if self.step == Step::Inspect && self.views.inspect.tab != Tab::Findings {
            self.views.inspect.tab = Tab::Findings;
            return true;
        }
        false
    }

    /// The column under the cursor, in the steps that list columns.
    #[must_use]
    pub fn column_at_cursor(&self) -> Option<&ColumnSpec> {
        let (rows, list) = match self.step {
            Step::Load => (self.load_rows(), &self.views.load.columns),
            Step::Prepare => (self.prepare_rows(), &self.views.prepare.columns),
            _ => return None,
        };
        self.columns().get(*rows.get(list.at(rows.len()))?)
    }

    /// The run under the cursor of step compare.
    #[must_use]
    pub fn run_at_cursor(&self) -> Option<&RunRecord> {
        let runs = train::ranked(&self.desk.runs);
        runs.get(self.views.compare.list.at(runs.len())).copied()
    }

    /// The finding under the cursor, when the findings are open.
    #[must_use]
    pub fn finding_at_cursor(&self) -> Option<&Finding> {
        if self.step != Step::Inspect || self.views.inspect.tab != Tab::Findings {
            return None;
        }
        let rows = self.finding_rows();
        let at = self.views.inspect.findings.at(rows.len());
        self.desk.profile.as_ref()?.findings.get(*rows.get(at)?)
    }

    /// The profile of the column under the cursor of step inspect.
    #[must_use]
    pub fn profiled_column(&self) -> Option<&ColumnProfile> {
        let rows = self.profile_rows();
        let at = self.views.inspect.columns.at(rows.len());
        self.desk.profile.as_ref()?.columns.get(*rows.get(at)?)
    }

    /// The chart of a column that the view shows, when it has to be made from the rows.
    #[must_use]
    pub fn wanted_column_chart(&self) -> Option<(String, ColumnChart)> {
        if self.step != Step::Inspect || self.views.inspect.tab != Tab::Columns {
            return None;
        }
        let column = self.profiled_column()?;
        let charts = ColumnChart::of(self.desk.profile.as_ref()?, column);
        let chart = *charts.get(self.views.inspect.chart % charts.len().max(1))?;
        (chart != ColumnChart::Distribution).then(|| (column.name.clone(), chart))
    }

    /// How many rows the grid shows; none before the table is in memory.
    #[must_use]
    pub fn grid_rows(&self) -> Option<usize> {
        let held = self.held.as_ref()?;
        Some(self.views.inspect.grid.order.as_ref().map_or(held.dataset.rows(), |order| order.len()))
    }

    /// From the finding under the cursor to its column.
    pub fn finding_to_column(&mut self) {
        if let Some(name) = self.finding_at_cursor().and_then(|f| f.column.clone()) {
            self.views.inspect.tab = Tab::Columns;
            self.show_column(&name);
        }
    }

    /// Puts the cursor on a column; from a step that lists none, goes to inspect (or load) first.
    pub fn show_column(&mut self, name: &str) {
        if !matches!(self.step, Step::Load | Step::Inspect | Step::Prepare) {
            self.step = if self.desk.profile.is_some() { Step::Inspect } else { Step::Load };
        }
        let in_table = self.columns().iter().position(|c| c.name == name).unwrap_or(0);
        let in_profile = self.desk.profile.iter().flat_map(|p| &p.columns).position(|c| c.name == name).unwrap_or(0);
        let on = |list: &mut List, at: usize| {
            list.filter.clear();
            list.cursor = at;
        };
        match self.step {
            Step::Load => {
                self.views.load.on_rows = false;
                on(&mut self.views.load.columns, in_table);
            }
            Step::Inspect => {
                self.views.inspect.tab = Tab::Columns;
                on(&mut self.views.inspect.columns, in_profile);
            }
            _ => on(&mut self.views.prepare.columns, in_table),
        }
    }

    /// The chart that the view shows: which, and of which runs. Marked runs, else the one under the cursor.
    #[must_use]
    pub fn wanted_chart(&self) -> Option<(ChartKey, Vec<RunRecord>)> {
        let done = |r: &&&RunRecord| r.status == RunStatus::Done;
        let ranked = train::ranked(&self.desk.runs);
        let mut runs: Vec<RunRecord> =
            ranked.iter().filter(|r| self.marked.contains(&r.id)).filter(done).map(|r| (*r).clone()).collect();
        if runs.is_empty() {
            let at = self.run_at_cursor().filter(|r| r.status == RunStatus::Done);
            runs.extend(at.or_else(|| self.desk.chosen()).cloned());
        }
        runs.truncate(OVERLAID);
        let charts = RunChart::of(runs.first()?.task);
        let chart = *charts.get(self.views.compare.chart % charts.len().max(1))?;
        if !chart.overlays() {
            // One run at a time: the one under the cursor when it is among them.
            let here = self.run_at_cursor().map(|r| r.id.clone());
            let at = runs.iter().position(|r| Some(&r.id) == here.as_ref()).unwrap_or(0);
            runs = vec![runs.swap_remove(at)];
        }
        Some(((chart, runs.iter().map(|r| r.id.clone()).collect()), runs))
    }

    /// To the next or previous chart.
    pub fn turn_chart(&mut self, forward: bool) {
        let turn = |at: usize, count: usize| {
            let count = count.max(1);
            if forward { (at + 1) % count } else { (at % count + count - 1) % count }
        };
        if self.step == Step::Compare {
            let count = self.desk.runs.first().map_or(1, |r| RunChart::of(r.task).len());
            self.views.compare.side_by_side = false;
            self.views.compare.chart = turn(self.views.compare.chart, count);
        } else if self.step == Step::Inspect {
            let of = |c: &ColumnProfile| self.desk.profile.as_ref().map_or(1, |p| ColumnChart::of(p, c).len());
            let count = self.profiled_column().map_or(1, of);
            self.views.inspect.chart = turn(self.views.inspect.chart, count);
        } else if let Some(record) = &self.desk.watch {
            self.views.watch.chart = turn(self.views.watch.chart, watch::charts(record).len());
        }
    }

    /// A text field over the field under the cursor, in push and watch.
    #[must_use]
    pub fn field_prompt(&self) -> Option<Prompt> {
        type Fields = (Vec<(&'static str, String, &'static str)>, usize, fn(usize) -> Purpose);
        let (fields, at, purpose): Fields = match self.step {
            Step::Push => {
                let fields = push::fields(self).to_vec();
                let at = self.views.push.list.at(fields.len());
                (fields, at, Purpose::PushField)
            }
            Step::Watch if self.on_watch_fields() => {
                let fields = watch::fields(self).to_vec();
                let at = self.views.watch.fields.at(fields.len());
                (fields, at, Purpose::WatchField)
            }
            _ => return None,
        };
        let (name, value, help) = fields.get(at)?;
        let mut prompt = Prompt::new(*name, *help, purpose(at));
        prompt.input = TextInput::new(value);
        Some(prompt)
    }

    /// Sets a field of push or watch.
    pub fn set_field(&mut self, purpose: &Purpose, text: &str) {
        let some = || Some(text.to_owned()).filter(|t| !t.is_empty());
        match purpose {
            Purpose::PushField(0) => self.push.to = text.to_owned(),
            Purpose::PushField(1) => self.push.name = text.to_owned(),
            Purpose::PushField(_) => self.push.alias = some(),
            Purpose::WatchField(0) => self.watch.source = text.to_owned(),
            Purpose::WatchField(1) => self.watch.time = some(),
            Purpose::WatchField(field) => {
                let empty = || LabelsSpec { source: String::new(), key: String::new() };
                let labels = self.watch.labels.get_or_insert_with(empty);
                let part = if *field == 2 { &mut labels.source } else { &mut labels.key };
                text.clone_into(part);
                if labels.source.is_empty() && labels.key.is_empty() {
                    self.watch.labels = None;
                }
            }
            _ => {}
        }
    }
}
