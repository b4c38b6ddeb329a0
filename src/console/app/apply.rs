//! What jobs bring home, applied to the state when it still belongs there.

use crate::error::{Kind, Result};
use crate::flow::Step;
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
                walk.desk = *desk;
                if held.is_some() {
                    walk.held = held;
                }
                // What was marked or drawn up may be of runs that are no longer there.
                let runs = &walk.desk.runs;
                walk.marked.retain(|id| runs.iter().any(|r| r.id == *id));
                self.after(step);
            }
            (Err(error), Some(step)) => {
                let Some(walk) = &mut self.walk else { return };
                walk.job = None;
                if error.kind != Kind::Cancelled {
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
            Outcome::Folder(path, entries) if self.jobs.is_latest("folder", id) => {
                self.picker.show(path, entries);
                self.preview_file();
            }
            Outcome::Preview(path, preview) if self.jobs.is_latest("preview", id) => {
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
