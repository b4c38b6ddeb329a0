//! Step train: the candidates, how far each is, and what has come of those that are done.

use ratatui::layout::Rect;

use super::{longest, rows, status};
use crate::console::app::{App, WalkState};
use crate::console::format;
use crate::console::keys::Action;
use crate::console::theme::Role;
use crate::console::widgets::{Cell, Col, List, Ui, table};
use crate::engine::Progress;
use crate::flow::Step;
use crate::flow::record::{RunRecord, RunStatus};
use crate::flow::view::candidate_names;
use crate::model::metrics;

/// The view's cursor.
#[derive(Debug, Default)]
pub struct TrainView {
    /// The candidates.
    pub list: List,
}

/// A row of the leaderboard.
pub enum Row {
    /// A run that ended.
    Run(Box<RunRecord>),
    /// A candidate that is being fitted, with its progress and seconds.
    Fitting(String, Progress, u64),
    /// A candidate whose turn has not come.
    Waiting(String),
}

/// Runs by their ranking metric over the folds, the best first; failed ones last.
pub fn ranked(runs: &[RunRecord]) -> Vec<&RunRecord> {
    let mut out: Vec<&RunRecord> = runs.iter().collect();
    out.sort_by(|a, b| {
        let failed = |r: &RunRecord| r.status == RunStatus::Failed;
        let by_score = if metrics::higher_is_better(&a.metric) {
            b.cv.mean.total_cmp(&a.cv.mean)
        } else {
            a.cv.mean.total_cmp(&b.cv.mean)
        };
        failed(a).cmp(&failed(b)).then(by_score)
    });
    out
}

/// The rows: finished runs by rank, then what is being fitted, then what waits.
pub fn board(app: &App, walk: &WalkState) -> Vec<Row> {
    let running = walk.runs(Step::Train);
    let stopped = walk.problem(Step::Train).is_some();
    let runs: &[RunRecord] = if running || stopped { &walk.live } else { &walk.desk.runs };
    let mut out: Vec<Row> = ranked(runs).into_iter().map(|r| Row::Run(Box::new(r.clone()))).collect();
    if !running && !stopped {
        return out;
    }
    // The first run tells the task while what preparing left was not read yet.
    let known = runs.first().map(|r| r.task).or_else(|| walk.desk.prepare.as_ref().map(|p| p.task));
    let Some(task) = known else { return out };
    let job = walk.job.as_ref().and_then(|j| app.jobs.get(j.id));
    let mut waiting = Vec::new();
    for (name, title) in candidate_names(&walk.desk.walk, task) {
        if runs.iter().any(|r| r.model == name) {
            continue;
        }
        match job.and_then(|j| j.progress.get(&name)) {
            Some(p) => {
                let seconds = walk.begun.get(&name).map_or(0, |t| app.now.saturating_duration_since(*t).as_secs());
                out.push(Row::Fitting(title, p.clone(), seconds));
            }
            None => waiting.push(Row::Waiting(title)),
        }
    }
    out.extend(waiting);
    out
}

/// The share of all candidates' work that is done.
pub fn progress(app: &App, walk: &WalkState) -> f64 {
    let board = board(app, walk);
    let done: f64 = board
        .iter()
        .map(|row| match row {
            Row::Run(_) => 1.0,
            Row::Fitting(_, p, _) => p.share.unwrap_or(0.0).clamp(0.0, 1.0),
            Row::Waiting(_) => 0.0,
        })
        .sum();
    done / board.len().max(1) as f64
}

/// Draws the view.
pub fn draw(ui: &mut Ui<'_>, area: Rect, app: &App, walk: &WalkState) {
    let area = status::draw(ui, area, app, walk, Step::Train);
    let board = board(app, walk);
    if board.is_empty() {
        if walk.problem(Step::Train).is_none() {
            status::empty(ui, area, "Making the data ready: load, inspect, prepare.");
        }
        return;
    }
    let metric = board
        .iter()
        .find_map(|r| match r {
            Row::Run(run) => Some(run.metric.clone()),
            _ => None,
        })
        .unwrap_or_else(|| walk.desk.prepare.as_ref().map_or("", |p| metrics::primary(p.task)).to_owned());
    let below = if area.height >= 16 { 5 } else { 0 };
    let (list, foot) = rows(area, area.height - below);
    let done = board.iter().filter(|r| matches!(r, Row::Run(_))).count();
    let note = format!("{done} of {} done, ranked by {} over the folds", board.len(), format::metric(&metric));
    let inside = ui.pane(list, "candidates", &note, true);
    let name = format::metric(&metric).to_uppercase();
    let titles = board.iter().map(|r| match r {
        Row::Run(run) => run.title.as_str(),
        Row::Fitting(title, ..) | Row::Waiting(title) => title.as_str(),
    });
    let cols = [
        Col::fixed("MODEL", longest(titles, 12, area.width / 3)),
        Col::fixed(name.clone(), 10.max(crate::console::widgets::width(&name))).right(),
        Col::fixed("95 %", 15).drop(2),
        Col::fixed("FOLDS", 9).right().drop(1),
        Col::fixed("FIT", 8).right(),
        Col::fill("STATE", 22),
    ];
    let glyphs = *ui.glyphs;
    let running = walk.runs(Step::Train);
    table(ui, inside, &cols, &walk.views.train.list, board.len(), true, |i| match board.get(i) {
        Some(Row::Run(run)) if run.status == RunStatus::Failed => {
            let why = run.error.clone().unwrap_or_default();
            vec![
                Cell::text(&run.title),
                Cell::muted(""),
                Cell::muted(""),
                Cell::muted(""),
                Cell::muted(""),
                Cell::new(format!("{} failed: {why}", glyphs.refused), Role::Bad),
            ]
        }
        Some(Row::Run(run)) => {
            let m = run.metric_named(&run.metric);
            let range =
                m.and_then(|m| Some(format!("{}{}{}", format::score(m.low?), glyphs.to, format::score(m.high?))));
            let best = walk.desk.train.as_ref().is_some_and(|t| t.best == run.id) && !walk.runs(Step::Train);
            let state =
                if best { format!("{} best over the folds", glyphs.done) } else { format!("{} done", glyphs.done) };
            vec![
                Cell::text(&run.title),
                Cell::new(format::score(run.score()), Role::Strong),
                Cell::muted(range.unwrap_or_default()),
                Cell::text(format::score(run.cv.mean)),
                Cell::muted(format::seconds(run.fit_seconds)),
                Cell::new(state, Role::Good),
            ]
        }
        Some(Row::Fitting(title, p, seconds)) => {
            let share = p.share.unwrap_or(0.0).clamp(0.0, 1.0);
            let full = (share * 12.0).round() as usize;
            let bar = format!("{}{}", glyphs.bar_done.repeat(full), glyphs.bar_open.repeat(12 - full));
            vec![
                Cell::new(title, Role::Strong),
                Cell::muted(""),
                Cell::muted(""),
                Cell::muted(""),
                Cell::text(format!("{seconds} s")),
                Cell::new(format!("{} {bar} {}", glyphs.here, p.note), Role::Accent),
            ]
        }
        Some(Row::Waiting(title)) => vec![
            Cell::muted(title),
            Cell::muted(""),
            Cell::muted(""),
            Cell::muted(""),
            Cell::muted(""),
            Cell::muted(format!("{} {}", glyphs.open, if running { "waits" } else { "not done" })),
        ],
        None => Vec::new(),
    });
    if below == 0 {
        return;
    }
    let inside = ui.pane(foot, "how they are judged", "", false);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    let facts = board.iter().find_map(|r| match r {
        Row::Run(run) => Some((run.data.train_rows, run.data.test_rows, run.data.split.clone())),
        _ => None,
    });
    let prepared = walk.desk.prepare.as_ref().map(|p| (p.train_rows, p.test_rows, p.split.clone()));
    let Some((train_rows, test_rows, split)) = facts.or(prepared) else { return };
    let finished = walk.desk.train.is_some() && walk.job.is_none();
    let next = app.key(Action::NextStep);
    let more = if finished { format!(" {next} goes on to compare.") } else { String::new() };
    let text = format!(
        "{} rows to learn from, {} kept back, split {}. FOLDS chooses: the mean over folds of the training rows. The metric and \
         its interval come from the rows kept back, which no candidate has seen.{more}",
        format::count(train_rows),
        format::count(test_rows),
        split
    );
    ui.paragraph(inside, &text, Role::Muted);
}
