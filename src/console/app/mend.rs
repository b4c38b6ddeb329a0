//! From findings to a mended table: steps of cleaning suggested, done and taken back; a contract drafted; a deeper look.

use std::sync::Arc;

use crate::console::keys::Action;
use crate::data::recipe;
use crate::flow::Step;
use crate::flow::attached::Attached;

use super::overlay::{Confirm, Overlay};
use super::{App, Tone, work};

/// A step of cleaning that waits for a yes, and what it would do.
#[derive(Debug, Clone)]
pub struct Suggested {
    /// The table that it was tried on.
    pub rows: String,
    /// The step.
    pub step: recipe::Step,
    /// What it would do, with exact numbers.
    pub effect: String,
}

impl App {
    /// Asks for the step that mends the finding under the cursor.
    pub(super) fn mend(&mut self) {
        let Some(walk) = &self.walk else { return };
        let (Some(held), Some(profile)) = (&walk.held, &walk.desk.profile) else {
            self.say(Tone::Warn, "the table is not in memory yet; the tab rows reads it");
            return;
        };
        let Some(finding) = walk.finding_at_cursor().cloned() else { return };
        if finding.column.as_ref().is_some_and(|c| walk.desk.walk.flow.derive.contains_key(c)) {
            self.say(Tone::Warn, "this column is computed by an expression: change that in prepare");
            return;
        }
        let (key, data, profile) = (held.rows_key(), Arc::clone(&held.dataset), profile.clone());
        let started = self
            .jobs
            .start_latest("mend", "trying out a remedy", move |c| work::suggest(key, &data, &profile, &finding, c));
        if let Err(e) = started {
            self.fail(&e);
        }
    }

    /// Shows what the suggested step would do, and asks.
    pub(super) fn suggested(&mut self, suggested: Option<Suggested>) {
        let Some(suggested) = suggested else {
            self.say(Tone::Warn, "no step of cleaning mends this by itself: what to do is said beside it");
            return;
        };
        let filtered = self.walk.as_ref().is_some_and(|w| w.desk.walk.flow.load.filter.is_some());
        let question = format!(
            "The step would give: {}{}. It becomes part of the walk's recipe; the file stays as it is, and {} takes it back. Do it?",
            suggested.effect.trim_end_matches('.'),
            if filtered { ", counted on the rows that pass the filter" } else { "" },
            self.key(Action::UndoStep)
        );
        self.suggested = Some(suggested);
        let title = "Mend the table?".to_owned();
        self.overlay = Some(Overlay::Confirm(Confirm { title, question, yes: Action::MendFinding }));
    }

    /// Adds the suggested step to the walk's recipe.
    pub(super) fn do_step(&mut self) {
        let Some(Suggested { rows, step, .. }) = self.suggested.take() else { return };
        if !self.walk.as_ref().is_some_and(|w| w.shows(&rows)) {
            self.say(Tone::Warn, "the table has changed since this was tried out: ask again");
            return;
        }
        self.change(Step::Inspect, move |flow| match &mut flow.load.recipe {
            Some(Attached::Content(steps)) => steps.push(step),
            other => *other = Some(Attached::Content(vec![step])),
        });
    }

    /// Takes the last step of the walk's recipe back.
    pub(super) fn undo_step(&mut self) {
        self.change(Step::Inspect, |flow| {
            if let Some(Attached::Content(steps)) = &mut flow.load.recipe {
                steps.pop();
                if steps.is_empty() {
                    flow.load.recipe = None;
                }
            }
        });
    }

    /// Drafts a contract of the table into a file beside the workspace.
    pub(super) fn draft_rules(&mut self) {
        let Some(walk) = &self.walk else { return };
        let (Some(held), Some(profile)) = (&walk.held, &walk.desk.profile) else {
            self.say(Tone::Warn, "the table is not in memory yet; the tab rows reads it");
            return;
        };
        let flow = &walk.desk.walk.flow;
        if flow.load.recipe.is_some() || flow.load.filter.is_some() || !flow.derive.is_empty() {
            let text = "rules are about the file as it arrives, and this table was changed after loading: `pilothouse rules \
                        draft` reads the file itself";
            self.say(Tone::Warn, text);
            return;
        }
        let (data, profile) = (Arc::clone(&held.dataset), profile.clone());
        let path = self.place.folder.join(format!("{}.rules.toml", flow.name.replace(['/', '\\'], "-")));
        let started =
            self.jobs.start_latest("rules", "drafting rules", move |c| work::draft_rules(&data, &profile, &path, c));
        if let Err(e) = started {
            self.fail(&e);
        }
    }
}
