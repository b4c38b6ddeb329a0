//! A recipe in the making: steps are added and taken back, and the table is there after each.

use super::apply::{Purpose, StepReport, apply};
use super::spec::{Recipe, Step};
use crate::data::Dataset;
use crate::engine::Control;
use crate::error::Result;

/// The table before the first step and after each one. Tables share the columns that a step did not touch, so that a
/// snapshot costs what its step changed.
#[derive(Debug, Clone)]
pub struct History {
    start: Dataset,
    done: Vec<(Step, StepReport, Dataset)>,
}

impl History {
    /// No step yet.
    #[must_use]
    pub fn new(start: Dataset) -> Self {
        Self { start, done: Vec::new() }
    }

    /// The table as it is now.
    #[must_use]
    pub fn current(&self) -> &Dataset {
        self.done.last().map_or(&self.start, |(_, _, data)| data)
    }

    /// The steps so far.
    #[must_use]
    pub fn recipe(&self) -> Recipe {
        Recipe { steps: self.done.iter().map(|(step, _, _)| step.clone()).collect() }
    }

    /// What each step did.
    pub fn reports(&self) -> impl Iterator<Item = &StepReport> {
        self.done.iter().map(|(_, report, _)| report)
    }

    /// Adds a step.
    ///
    /// # Errors
    /// When it cannot be done; nothing has changed then.
    pub fn push(&mut self, step: Step, control: &Control) -> Result<()> {
        let mut applied = apply(self.current(), &Recipe { steps: vec![step.clone()] }, Purpose::Clean, control)
            .map_err(|mut e| {
                // The step is the first of a recipe of one, and the nth of this one.
                e.message = e.message.replacen("step 1 ", &format!("step {} ", self.done.len() + 1), 1);
                e
            })?;
        if let Some(mut report) = applied.reports.pop() {
            report.step = self.done.len() + 1;
            self.done.push((step, report, applied.data));
        }
        Ok(())
    }

    /// Takes the last step back and returns it.
    pub fn undo(&mut self) -> Option<Step> {
        self.done.pop().map(|(step, _, _)| step)
    }
}
