//! Going from step to step, and starting their work.

use std::path::PathBuf;

use crate::console::app::overlay::Overlay;
use crate::console::keys::Action;
use crate::error::Error;
use crate::flow::{Flow, Step, StepState};

use super::walk::WalkJob;
use super::work::{self, Change, LiveRuns, Order, Outcome};
use super::{App, Screen, Tone};

impl App {
    /// Reads the walks of the workspace.
    pub fn read_walks(&mut self) {
        let workspace = self.place.workspace.clone();
        let started = self.jobs.start_latest("walks", "reading the workspace", move |_| work::walks(&workspace));
        if let Err(e) = started {
            self.fail(&e);
        }
    }

    /// Begins a walk from a source, or takes it up.
    pub fn open_source(&mut self, source: String) {
        let workspace = self.place.workspace.clone();
        let title = format!("opening {source}");
        if let Err(e) = self.jobs.start_latest("open", title, move |_| work::open(&workspace, &source)) {
            self.fail(&e);
        }
    }

    /// Takes up a walk.
    pub fn resume_walk(&mut self, id: String) {
        if self.walk.as_ref().is_some_and(|w| w.desk.walk.id == id) {
            self.screen = Screen::Walk;
            self.arrive();
            return;
        }
        let workspace = self.place.workspace.clone();
        if let Err(e) = self.jobs.start_latest("open", "opening the walk", move |_| work::resume(&workspace, &id)) {
            self.fail(&e);
        }
    }

    /// Reads a folder into the file picker.
    pub fn open_folder(&mut self, path: PathBuf) {
        self.screen = Screen::Picker;
        if let Err(e) = self.jobs.start_latest("folder", "reading the folder", move |_| work::folder(&path)) {
            self.fail(&e);
        }
    }

    /// Reads the first rows of the file under the picker's cursor; the latest wins.
    pub fn preview_file(&mut self) {
        let Some(entry) = self.picker.current().filter(|e| e.is_table()).cloned() else {
            self.picker.preview = None;
            return;
        };
        if self.picker.preview.as_ref().is_some_and(|(path, _)| *path == entry.path) {
            return;
        }
        let started = self.jobs.start_latest("preview", "preview", move |_| work::preview(&entry.path));
        if let Err(e) = started {
            self.fail(&e);
        }
    }

    /// Why a step cannot be entered now.
    pub fn may_enter(&self, step: Step) -> Result<(), String> {
        let Some(walk) = &self.walk else { return Err("no walk is open".into()) };
        let done = |s: Step| walk.state(s) == StepState::Done;
        let key = |action| self.key(action);
        match step {
            Step::Load | Step::Inspect | Step::Prepare => Ok(()),
            Step::Train if walk.desk.walk.flow.prepare.target.is_empty() => {
                Err(format!("train needs a target: choose one in prepare (key {})", key(Action::GoPrepare)))
            }
            Step::Train => Ok(()),
            Step::Compare if !done(Step::Train) => {
                Err(format!("nothing to compare yet: train first (key {})", key(Action::GoTrain)))
            }
            Step::Test if !done(Step::Train) => {
                Err(format!("nothing to test yet: train first (key {})", key(Action::GoTrain)))
            }
            Step::Compare | Step::Test => Ok(()),
            Step::Approve if !matches!(walk.state(Step::Test), StepState::Done | StepState::Refused) => {
                Err(format!("nothing to approve yet: the model must be tested first (key {})", key(Action::GoTest)))
            }
            Step::Approve => Ok(()),
            Step::Push | Step::Watch => match walk.state(Step::Approve) {
                StepState::Done => Ok(()),
                StepState::Refused => Err(format!("the model was rejected: only an approved one can go to {step}")),
                StepState::Open | StepState::Stale => {
                    Err(format!("{step} needs an approved model: approve it first (key {})", key(Action::GoApprove)))
                }
            },
        }
    }

    /// Goes to a step, or says why not.
    pub fn enter(&mut self, step: Step) {
        if let Err(why) = self.may_enter(step) {
            self.say(Tone::Warn, why);
            return;
        }
        if let Some(walk) = &mut self.walk {
            walk.step = step;
            self.screen = Screen::Walk;
            self.arrive();
        }
    }

    /// Reads the first rows of a table that was not read before: they are there at once, however long the whole takes.
    fn look_ahead(&mut self) {
        let Some(walk) = &self.walk else { return };
        if walk.step != Step::Load || walk.desk.load.is_some() || walk.preview.is_some() {
            return;
        }
        let path = PathBuf::from(&walk.desk.walk.flow.load.source);
        if let Err(e) = self.jobs.start_latest("preview", "preview", move |_| work::preview(&path)) {
            self.fail(&e);
        }
    }

    /// Starts what the step on the screen needs, when nothing stands against it.
    pub fn arrive(&mut self) {
        self.look_ahead();
        let Some(walk) = &self.walk else { return };
        let step = walk.step;
        if walk.problem(step).is_some() {
            return;
        }
        let open = matches!(walk.state(step), StepState::Open | StepState::Stale);
        let held = walk.held.as_ref().is_some_and(|h| h.is_of(&walk.desk.walk));
        let target = &walk.desk.walk.flow.prepare.target;
        let ready = |upto| Order::Ready { upto, again: None, change: None };
        let order = match step {
            Step::Load if open || !held => ready(Step::Load),
            Step::Inspect if open => ready(Step::Inspect),
            Step::Prepare if target.is_empty() && !held => ready(Step::Inspect),
            Step::Prepare if !target.is_empty() && (open || !held) => ready(Step::Prepare),
            Step::Train if open => Order::Train,
            Step::Compare if open => Order::Compare(None),
            Step::Test if open => Order::Test,
            Step::Watch if open && !walk.watch.source.is_empty() => Order::Watch(walk.watch.clone()),
            Step::Compare => return self.draw_up_charts(),
            _ => return,
        };
        self.start(order, false);
    }

    /// Starts work for the walk. Work of the first three steps makes room for newer work of its sort; other work is left
    /// in peace, and `loud` says so.
    pub fn start(&mut self, order: Order, loud: bool) {
        let Some(walk) = &mut self.walk else { return };
        if let Some(job) = &walk.job {
            if job.replaceable && order.is_ready() {
                self.jobs.cancel(job.id);
            } else {
                if loud {
                    let text = format!("{} runs: wait for it, or stop it first", job.step);
                    self.say(Tone::Warn, text);
                }
                return;
            }
        }
        let step = order.step();
        walk.problem = None;
        if matches!(order, Order::Train) {
            walk.live.clear();
            walk.begun.clear();
            walk.live_source = LiveRuns::default();
        }
        let (workspace, id) = (self.place.workspace.clone(), walk.desk.walk.id.clone());
        let (held, live) = (walk.held.clone(), walk.live_source.clone());
        let replaceable = order.is_ready();
        let before = order.before().cloned();
        let title = format!("{step} of {}", walk.desk.walk.flow.name);
        let started =
            self.jobs.start(title, move |control| work::carry_out(&workspace, &id, order, held, &live, control));
        match started {
            Ok(id) => {
                self.step_jobs.insert(id);
                if let Some(walk) = &mut self.walk {
                    walk.job = Some(WalkJob { id, step, replaceable, before });
                }
            }
            Err(e) => self.fail(&e),
        }
    }

    /// Changes the walk's choices and makes ready what depends on them.
    pub fn change(&mut self, upto: Step, change: impl FnOnce(&mut Flow)) {
        let Some(walk) = &mut self.walk else { return };
        if walk.job.as_ref().is_some_and(|j| !j.replaceable) {
            let text = format!(
                "{} runs on the present choices: wait for it, or stop it first",
                walk.job.as_ref().map_or("work", |j| j.step.name())
            );
            self.say(Tone::Warn, text);
            return;
        }
        let before = walk.desk.walk.flow.clone();
        let mut flow = before.clone();
        change(&mut flow);
        // Shown at once; the job writes it down.
        walk.desk.walk.flow = flow.clone();
        let change = Some(Box::new(Change { before, flow }));
        self.start(Order::Ready { upto, again: None, change }, true);
    }

    /// Stops the work of the walk, else any work.
    pub fn cancel_job(&mut self) {
        let Some(job) = self.walk.as_mut().and_then(|w| w.job.take()) else {
            let others: Vec<_> = self.working().map(|(id, _)| id).collect();
            for id in others {
                self.jobs.cancel(id);
            }
            self.say(Tone::Warn, "stopped");
            return;
        };
        self.jobs.cancel(job.id);
        let again = self.key(Action::Repeat);
        self.say(Tone::Warn, format!("{} was stopped; {again} goes on where it was", job.step));
        if let Some(walk) = &mut self.walk {
            let message = format!("{} was stopped before it was done", job.step);
            let stopped = Error { message, ..Error::cancelled() };
            walk.problem = Some((job.step, stopped.hint("What was finished is kept")));
        }
    }

    /// Does the step on the screen again.
    pub fn repeat(&mut self) {
        let Some(walk) = &mut self.walk else { return };
        let step = walk.step;
        walk.problem = None;
        let order = match step {
            Step::Load | Step::Inspect | Step::Prepare => Order::Ready { upto: step, again: Some(step), change: None },
            Step::Train => Order::Train,
            Step::Compare => Order::Compare(walk.desk.compare.as_ref().map(|c| c.chosen.clone())),
            Step::Test => Order::Test,
            Step::Watch => Order::Watch(walk.watch.clone()),
            Step::Approve | Step::Push => return,
        };
        self.start(order, true);
    }

    /// Has the chart on the screen drawn up for the marked runs, or for the one under the cursor.
    pub fn draw_up_charts(&mut self) {
        let Some(walk) = &self.walk else { return };
        let Some((key, runs)) = walk.wanted_chart() else { return };
        if walk.charts.contains_key(&key) {
            return;
        }
        let workspace = self.place.workspace.clone();
        let started = self.jobs.start_latest("chart", "chart", move |_| work::chart(&workspace, key.0, &runs));
        if let Err(e) = started {
            self.fail(&e);
        }
    }

    /// Has a derived column tried out; the latest wins.
    pub fn try_derive(&mut self) {
        let Some(Overlay::Prompt(prompt)) = &mut self.overlay else { return };
        let text = prompt.input.text();
        prompt.info = None;
        let Some((name, expression)) = split_derivation(&text) else {
            prompt.error = (!text.trim().is_empty()).then(|| "write it as: name = expression".to_owned());
            return;
        };
        let Some(held) = self.walk.as_ref().and_then(|w| w.held.clone()) else { return };
        let (name, expression) = (name.to_owned(), expression.to_owned());
        let again = self.walk.as_ref().is_some_and(|w| w.desk.walk.flow.derive.contains_key(&name));
        let started = self.jobs.start_latest("derive", "trying the expression", move |control| {
            Ok(Outcome::Tried(crate::flow::view::try_derive(&held.dataset, &name, &expression, again, control)))
        });
        if let Err(e) = started {
            self.fail(&e);
        }
    }
}

/// `name = expression` in its two parts.
pub(super) fn split_derivation(text: &str) -> Option<(&str, &str)> {
    let (name, expression) = text.split_once('=')?;
    let (name, expression) = (name.trim(), expression.trim());
    (!name.is_empty() && !expression.is_empty()).then_some((name, expression))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_derivation_has_a_name_and_an_expression() {
        assert_eq!(split_derivation("a = b + 1"), Some(("a", "b + 1")));
        assert_eq!(split_derivation("a=b = c"), Some(("a", "b = c")));
        assert_eq!((split_derivation("a ="), split_derivation("a")), (None, None));
    }
}
