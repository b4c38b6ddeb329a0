//! What jobs bring home, applied to the state when it still belongs there.

use std::sync::Arc;

use crate::console::keys::Context;
use crate::error::{Kind, Result};
use crate::flow::Step;
use crate::flow::view::{Desk, Held};
use crate::jobs::JobId;

use super::overlay::Overlay;
use super::walk::WalkState;
use super::work::Outcome;
use super::{App, Screen, Tone};

impl App {
    /// Takes in everything that jobs have said. Whether one of them ended, else there is only progress to show.
    pub fn take_in(&mut self) -> bool {
        let ended = self.jobs.drain();
        self.take_live();
        let any = !ended.is_empty();
        for (id, result) in ended {
            self.apply(id, result);
        }
        any
    }

    /// Runs that the training has finished, and candidates it has begun.
    fn take_live(&mut self) {
        let now = self.now;
        let Some(walk) = &mut self.walk else { return };
        let Some(job) = walk.job.as_ref().and_then(|j| self.jobs.get(j.id)) else { return };
        for name in job.progress.keys() {
            walk.begun.entry(name.clone()).or_insert(now);
        }
        if let Ok(runs) = walk.live_source.lock()
            && runs.len() > walk.live.len()
        {
            walk.live.clone_from(&runs);
        }
    }

    fn apply(&mut self, id: JobId, result: Result<Outcome>) {
        let step = self.walk.as_ref().and_then(|w| w.job.as_ref()).filter(|j| j.id == id).map(|j| j.step);
        match (result, step) {
            (Ok(Outcome::Step(desk, held)), Some(step)) => {
                let Some(walk) = &mut self.walk else { return };
                walk.job = None;
                let about = |d: &Desk| d.profile.as_ref().map(|p| (p.target.clone(), p.time.clone()));
                if about(&walk.desk) != about(&desk) {
                    // Drawn for another target, or along another time.
                    walk.column = None;
                    walk.gaps = None;
                }
                walk.desk = *desk;
                let other = |h: &Held| walk.held.as_ref().is_none_or(|old| old.rows_key() != h.rows_key());
                let reordered = held.as_ref().is_some_and(other);
                let replaced = reordered && walk.held.is_some();
                if held.is_some() {
                    walk.held = held;
                }
                if replaced {
                    // Numbers of rows, and perhaps a column, of the table as it was.
                    let grid = &mut walk.views.inspect.grid;
                    (grid.only, grid.sort, grid.problem) = (None, None, None);
                }
                if reordered {
                    walk.views.inspect.grid.reset();
                    walk.column = None;
                    walk.related = None;
                    walk.gaps = None;
                }
                // What was marked or drawn up may be of runs that are no longer there.
                let runs = &walk.desk.runs;
                walk.marked.retain(|id| runs.iter().any(|r| r.id == *id));
                if reordered && !walk.views.inspect.grid.query().is_plain() {
                    self.order_rows();
                }
                self.look_closer();
                self.after(step);
            }
            (Err(error), Some(step)) => {
                let Some(walk) = &mut self.walk else { return };
                let before = walk.job.take().and_then(|j| j.before);
                if error.kind != Kind::Cancelled {
                    if let Some(before) = before {
                        // What was done with the old choices still holds: say what was wrong, and stay.
                        walk.desk.walk.flow = before;
                        self.fail(&error);
                        return;
                    }
                    walk.problem = Some((step, error.clone()));
                    if walk.step != step {
                        self.say(Tone::Bad, format!("{step} failed: {}", error.message));
                    }
                }
            }
            (Ok(outcome), _) => self.apply_other(id, outcome),
            (Err(error), None) => {
                if error.kind != Kind::Cancelled {
                    self.fail(&error);
                }
            }
        }
    }

    /// What a finished step asks for next.
    fn after(&mut self, step: Step) {
        match step {
            Step::Approve => {
                let verdict = self.walk.as_ref().and_then(|w| w.desk.decision.as_ref()).map(|d| d.verdict);
                if let Some(verdict) = verdict {
                    let next = self.key(crate::console::keys::Action::NextStep);
                    let good = verdict == crate::team::Verdict::Approved;
                    let text = if good {
                        format!("approved and recorded; {next} goes on to push")
                    } else {
                        "rejected and recorded".into()
                    };
                    self.say(if good { Tone::Good } else { Tone::Warn }, text);
                }
            }
            Step::Push => self.say(Tone::Good, "pushed, read back and recorded"),
            _ => {}
        }
        self.arrive();
    }

    fn apply_other(&mut self, id: JobId, outcome: Outcome) {
        match outcome {
            Outcome::Walks(walks) if self.jobs.is_latest("walks", id) => self.start.walks = Some(walks),
            Outcome::Catalog(entries) if self.jobs.is_latest("catalog", id) => {
                self.catalog.entries = Some(entries);
                self.catalog.lineage = None;
                self.arrive_at_dataset();
                self.read_lineage();
            }
            Outcome::Lineage(name, lines) if self.jobs.is_latest("lineage", id) => {
                self.catalog.lineage = Some((name, lines));
            }
            Outcome::Diff(name, diff) if self.jobs.is_latest("diff", id) => {
                self.catalog.diff = Some((name, diff.map(|d| *d)));
            }
            Outcome::Folder(path, entries) if self.jobs.is_latest("folder", id) => {
                self.picker.show(path, entries);
                self.preview_file();
            }
            Outcome::Preview(path, preview) if self.jobs.is_latest("preview", id) => {
                if let (Some(walk), Ok(preview)) = (&mut self.walk, &preview)
                    && walk.desk.walk.flow.load.source == path.to_string_lossy()
                {
                    walk.preview = Some(preview.clone());
                }
                self.picker.preview = Some((path, preview));
            }
            Outcome::Opened(desk) if self.jobs.is_latest("open", id) => {
                let same = self.walk.as_ref().is_some_and(|w| w.desk.walk.id == desk.walk.id && w.job.is_some());
                if !same {
                    self.walk = Some(WalkState::new(*desk));
                }
                self.screen = Screen::Walk;
                self.arrive();
            }
            Outcome::Tried(result) if self.jobs.is_latest("derive", id) => {
                if let Some(Overlay::Prompt(prompt)) = &mut self.overlay {
                    match result {
                        Ok(values) => {
                            prompt.error = None;
                            prompt.info = Some(format!("first values: {}", values.join(", ")));
                        }
                        Err(e) => prompt.error = Some(e.to_string()),
                    }
                }
            }
            Outcome::Column(rows, name, kind, chart) if self.jobs.is_latest("column", id) => {
                if let Some(walk) = self.walk.as_mut().filter(|w| w.shows(&rows)) {
                    walk.column = Some((name, kind, chart));
                }
            }
            Outcome::Suggested(rows, step) if self.jobs.is_latest("mend", id) => {
                // A question must not fall into what somebody types, nor be about another table.
                let here = self.overlay.is_none() && self.view_context() == Context::Inspect;
                if here && self.walk.as_ref().is_some_and(|w| w.shows(&rows)) {
                    self.suggested(step);
                }
            }
            Outcome::Said(text) => self.say(Tone::Good, text),
            Outcome::Related(key, found) => {
                if let Some(walk) = self.walk.as_mut().filter(|w| w.shows(&key)) {
                    walk.related = Some(found);
                }
            }
            Outcome::Gaps(key, found) => {
                if let Some(walk) = self.walk.as_mut().filter(|w| w.shows(&key)) {
                    walk.gaps = Some(found);
                }
            }
            Outcome::Rows(query, rows) if self.jobs.is_latest("rows", id) => {
                let Some(walk) = &mut self.walk else { return };
                let grid = &mut walk.views.inspect.grid;
                if grid.query() != query {
                    return;
                }
                match rows {
                    Ok(rows) => {
                        grid.problem = None;
                        grid.order = if query.is_plain() { None } else { Some(Arc::new(rows)) };
                    }
                    // The rows stay as they were: a condition is rarely right before its last letter.
                    Err(e) => grid.problem = Some(e.message),
                }
            }
            Outcome::Found(rows, query, text, place) if self.jobs.is_latest("find", id) => {
                // A place in an order that is no longer shown says nothing.
                let same = |w: &&mut WalkState| w.shows(&rows) && w.views.inspect.grid.query() == query;
                match (place, self.walk.as_mut().filter(same)) {
                    (Some(place), Some(walk)) => walk.views.inspect.grid.list.cursor = place,
                    (None, Some(_)) => self.say(Tone::Warn, format!("no row contains `{text}`")),
                    (_, None) => {}
                }
            }
            Outcome::Chart(key, chart) => {
                if let Some(walk) = &mut self.walk {
                    walk.charts.insert(key, chart);
                }
            }
            // Late: something newer took its place.
            _ => {}
        }
    }
}
