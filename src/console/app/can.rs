//! Why an action cannot be done here and now.

use crate::console::keys::{Action, Context};
use crate::console::views::Tab;
use crate::flow::{Step, StepState};
use crate::gate::Verdict;

use super::App;

fn unless(blocked: bool, why: &str) -> Result<(), String> {
    if blocked { Err(why.to_owned()) } else { Ok(()) }
}

/// The step to which an action goes.
pub(super) fn step_of(action: Action) -> Option<Step> {
    Some(match action {
        Action::GoLoad => Step::Load,
        Action::GoInspect => Step::Inspect,
        Action::GoPrepare => Step::Prepare,
        Action::GoTrain => Step::Train,
        Action::GoCompare => Step::Compare,
        Action::GoTest => Step::Test,
        Action::GoApprove => Step::Approve,
        Action::GoPush => Step::Push,
        Action::GoWatch => Step::Watch,
        _ => return None,
    })
}

impl App {
    /// Whether an action can be done here and now, else why not.
    ///
    /// # Errors
    /// The reason, as a sentence for the person.
    pub fn can(&self, action: Action) -> Result<(), String> {
        if let Some(step) = step_of(action) {
            return self.may_enter(step);
        }
        match action {
            Action::Filter => return unless(!self.is_filterable(), "there is no list to filter here"),
            Action::OpenFile | Action::GoCatalog => return Ok(()),
            Action::CompareVersions if self.screen == super::Screen::Walk => {
                let first = self.walk.as_ref().is_none_or(|w| w.desk.since.is_none());
                return unless(first, "the catalog knows no version of this table before this one");
            }
            Action::CompareVersions | Action::Describe | Action::NameOwner => {
                return unless(self.catalog.current().is_none(), "there is no dataset yet");
            }
            Action::CancelJob => return unless(self.working().next().is_none(), "nothing runs that could be stopped"),
            _ => {}
        }
        let Some(walk) = self.walk.as_ref().filter(|_| self.screen == super::Screen::Walk) else {
            return Ok(());
        };
        let busy = walk.job.as_ref().filter(|j| !j.replaceable);
        let quiet = || match busy {
            Some(job) => Err(format!("{} runs: wait for it, or stop it first", job.step)),
            None => Ok(()),
        };
        let step = walk.step;
        match action {
            Action::NextStep => match step.next() {
                Some(next) => self.may_enter(next),
                None => Err("watch is the last step; the walk begins again when the model must be retrained".into()),
            },
            Action::PreviousStep => unless(step.previous().is_none(), "load is the first step"),
            Action::NextPane | Action::PreviousPane => unless(walk.panes() < 2, "there is only one pane here"),
            Action::ScrollLeft | Action::ScrollRight => {
                unless(!walk.scrolls(), "this view has nothing to scroll sideways")
            }
            Action::Repeat => match step {
                Step::Approve => Err("a decision is not repeated; make a new one".into()),
                Step::Push => Err("pushing again is done with push: it is safe to repeat".into()),
                Step::Watch => {
                    unless(walk.watch.source.is_empty(), "name the new rows first: the field source")?;
                    quiet()
                }
                _ => quiet(),
            },
            Action::CorrectMeaning => {
                unless(walk.columns().is_empty(), "the table is not read yet")?;
                quiet()
            }
            Action::ChooseTarget | Action::ChooseSplit | Action::DeriveColumn => {
                unless(walk.held.is_none(), "the table is not read yet")?;
                quiet()
            }
            Action::ToggleColumn => {
                unless(walk.desk.walk.flow.prepare.target.is_empty(), "choose the target first")?;
                quiet()
            }
            Action::Mark | Action::NextChart | Action::PreviousChart if step == Step::Compare => {
                unless(walk.desk.runs.is_empty(), "there are no runs")
            }
            Action::NextChart | Action::PreviousChart if step == Step::Inspect => {
                let columns = walk.views.inspect.tab == Tab::Columns;
                unless(!columns, "charts stand beside the columns: the tab columns")
            }
            Action::NextChart | Action::PreviousChart => unless(walk.desk.watch.is_none(), "nothing was watched yet"),
            Action::ShowRows => {
                let rows = walk.finding_at_cursor().is_some_and(|f| !f.rows.is_empty());
                unless(!rows, "no single rows stand behind this; the tab rows has all of them")
            }
            Action::MendFinding => {
                unless(walk.finding_at_cursor().is_none(), "put the cursor on a finding first")?;
                quiet()
            }
            Action::UndoStep => {
                unless(walk.desk.walk.flow.load.recipe.is_none(), "there is no step of cleaning to take back")?;
                quiet()
            }
            Action::LookDeeper => {
                let target = walk.desk.walk.flow.prepare.target.is_empty();
                unless(target, "choose the target first: models have to predict something")?;
                unless(walk.views.inspect.tab != Tab::Verdict, "the deeper look belongs to the verdict: the last tab")?;
                quiet()
            }
            Action::DraftRules => quiet(),
            Action::SortRows
            | Action::FreezeColumns
            | Action::FindText
            | Action::FindNext
            | Action::FindPrevious
            | Action::GoToRow
            | Action::CopyCell
            | Action::CopyRow
            | Action::FirstColumn
            | Action::LastColumn => unless(walk.held.is_none(), "the table is still being read"),
            Action::SideBySide => {
                unless(walk.marked.len() < 2 && !walk.views.compare.side_by_side, "mark at least two runs first")
            }
            Action::Open if step == Step::Compare => {
                unless(walk.desk.compare.is_none(), "the runs are still being compared")?;
                quiet()
            }
            Action::Approve | Action::Reject => {
                unless(walk.desk.gates.is_none(), "the gates were not asked yet")?;
                quiet()
            }
            Action::Push => {
                unless(walk.state(Step::Approve) != StepState::Done, "only an approved model can be pushed")?;
                unless(walk.push.to.trim().is_empty(), "name the registry first: the field to")?;
                unless(walk.push.name.trim().is_empty(), "name the model first: the field name")?;
                quiet()
            }
            _ => Ok(()),
        }
    }

    /// Whether the walk's gates have a failure that an approval must override.
    #[must_use]
    pub fn must_override(&self) -> bool {
        self.walk.as_ref().and_then(|w| w.desk.gates.as_ref()).is_some_and(|g| g.verdict == Verdict::Fail)
    }

    fn is_filterable(&self) -> bool {
        match self.view_context() {
            Context::Picker => true,
            Context::Catalog => !self.catalog.on_diff,
            Context::Start => false,
            _ => self.walk.as_ref().is_some_and(super::WalkState::filters),
        }
    }
}
