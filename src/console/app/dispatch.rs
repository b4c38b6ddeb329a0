//! From keys to actions to changes of the state.

use crate::console::keys::{Action, Context, Found, Key};
use crate::console::views::{self, StartItem};
use crate::console::widgets::{List, TextInput};
use crate::flow::Step;
use crate::team::Verdict;

use super::can::step_of;
use super::overlay::{Confirm, Overlay, Prompt, Purpose};
use super::steps::split_derivation;
use super::work::Order;
use super::{App, Screen, Tone};

impl App {
    /// Takes a key.
    pub fn key_pressed(&mut self, key: Key) {
        self.toast = None;
        let context = self.context();
        let pending = self.pending.take();
        match self.keymap.find(context, pending, key) {
            Found::Action(action) => self.act(action),
            Found::Prefix => self.pending = Some(key),
            Found::Nothing => {
                if let Some(letter) = key.typed() {
                    let input = match &mut self.overlay {
                        Some(Overlay::Prompt(p)) => Some(&mut p.input),
                        Some(Overlay::Filter(input)) => Some(input),
                        Some(Overlay::Chooser(c)) => Some(&mut c.input),
                        _ => None,
                    };
                    if let Some(input) = input {
                        input.insert(letter);
                        self.typed();
                        return;
                    }
                }
                let typed = pending.map_or_else(|| key.to_string(), |first| format!("{first} {key}"));
                let help = self.key(Action::Help);
                if self.overlay.is_none() {
                    self.say(Tone::Warn, format!("`{typed}` does nothing here; {help} lists the keys"));
                }
            }
        }
    }

    /// Carries out an action, or says why not.
    pub fn act(&mut self, action: Action) {
        if self.overlay.is_some() {
            self.act_on_overlay(action);
            return;
        }
        if let Err(why) = self.can(action) {
            self.say(Tone::Warn, why);
            return;
        }
        if let Some(step) = step_of(action) {
            self.enter(step);
            return;
        }
        match action {
            Action::Quit => self.leave(),
            Action::Back => self.back(),
            Action::Palette => self.overlay = Some(Overlay::Chooser(self.palette())),
            Action::Help => self.overlay = Some(Overlay::Help(List::default())),
            Action::Redraw => self.redraw = true,
            Action::CancelJob => self.cancel_job(),
            Action::Filter => self.open_filter(),
            Action::GoStart => self.show_start(),
            Action::GoCatalog => self.show_catalog(),
            Action::CompareVersions => self.compare_versions(),
            Action::Describe | Action::NameOwner => self.ask_about_dataset(action == Action::NameOwner),
            Action::OpenFile => {
                let folder = self.picker.folder.clone();
                self.open_folder(folder);
            }
            Action::ParentFolder => match self.picker.folder.parent() {
                Some(parent) => self.open_folder(parent.to_owned()),
                None => self.say(Tone::Warn, "this is the topmost folder"),
            },
            Action::NextStep | Action::PreviousStep => {
                let step = self.walk.as_ref().map(|w| w.step);
                let to =
                    if action == Action::NextStep { step.and_then(Step::next) } else { step.and_then(Step::previous) };
                if let Some(to) = to {
                    self.enter(to);
                }
            }
            Action::Repeat => self.repeat(),
            Action::Open => self.open(),
            Action::Approve | Action::Reject => self.ask_reason(action),
            Action::Push => self.ask_name(),
            Action::CorrectMeaning => self.choose_meaning(),
            Action::ChooseTarget => self.choose_target(),
            Action::ChooseSplit => self.choose_split(),
            Action::DeriveColumn => {
                let walk = self.walk.as_ref();
                let made = walk.and_then(|w| {
                    let name = &w.column_at_cursor()?.name;
                    Some(format!(
                        "{name} = {}",
                        w.desk.walk.flow.derive.get(name)?.split_whitespace().collect::<Vec<_>>().join(" ")
                    ))
                });
                let help = match made {
                    Some(_) => "Change the expression. Without one the column is taken away.",
                    None => {
                        "name = expression, in SQL over the columns, for example  minutes = EXTRACT(EPOCH FROM dropoff - \
                         pickup) / 60"
                    }
                };
                let mut prompt = Prompt::new("Compute a column", help, Purpose::Derive);
                prompt.input = TextInput::new(&made.unwrap_or_default());
                self.overlay = Some(Overlay::Prompt(prompt));
            }
            Action::ToggleColumn => self.toggle_column(),
            Action::Mark => self.mark(),
            Action::NextPane | Action::PreviousPane => self.turn_pane(action == Action::NextPane),
            Action::ShowRows => self.show_rows(),
            Action::MendFinding => self.mend(),
            Action::UndoStep => self.undo_step(),
            Action::DraftRules => self.draft_rules(),
            Action::LookDeeper => self.start(Order::Deeper, true),
            action if self.view_context() == Context::Rows && self.act_on_grid(action) => {}
            Action::SideBySide => {
                if let Some(walk) = &mut self.walk {
                    walk.views.compare.side_by_side = !walk.views.compare.side_by_side;
                }
            }
            Action::NextChart | Action::PreviousChart => {
                if let Some(walk) = &mut self.walk {
                    walk.turn_chart(action == Action::NextChart);
                }
                self.draw_up_charts();
                self.draw_up_column();
            }
            Action::ScrollLeft | Action::ScrollRight => {
                if let Some(walk) = &mut self.walk {
                    walk.scroll(action == Action::ScrollRight);
                }
            }
            moving => self.go(moving),
        }
    }

    /// The list that has the keys, with its number of rows.
    pub fn focus(&mut self) -> Option<(&mut List, usize)> {
        match self.screen {
            Screen::Start => {
                let count = self.start.items().len();
                Some((&mut self.start.list, count))
            }
            Screen::Picker => {
                let count = self.picker.rows().len();
                Some((&mut self.picker.list, count))
            }
            Screen::Catalog => {
                let changes = self.catalog.changes_shown().map(views::change_count);
                match changes {
                    Some(count) => Some((&mut self.catalog.changes, count)),
                    None => {
                        let count = self.catalog.rows().len();
                        Some((&mut self.catalog.list, count))
                    }
                }
            }
            Screen::Walk => self.walk.as_mut()?.focus(),
        }
    }

    fn go(&mut self, action: Action) {
        if let Some((list, count)) = self.focus() {
            list.act(action, count);
        }
        match self.screen {
            Screen::Picker => self.preview_file(),
            Screen::Catalog => self.read_lineage(),
            Screen::Walk if self.walk.as_ref().is_some_and(|w| w.step == Step::Compare) => self.draw_up_charts(),
            Screen::Walk => self.draw_up_column(),
            _ => {}
        }
    }

    fn leave(&mut self) {
        if self.working().next().is_some() {
            let question = "Work is running. What is finished is kept; the rest is done again next time. Leave?".into();
            self.overlay = Some(Overlay::Confirm(Confirm { title: "Leave?".into(), question, yes: Action::Quit }));
        } else {
            self.quit = true;
        }
    }

    fn back(&mut self) {
        if let Some((list, _)) = self.focus()
            && !list.filter.is_empty()
        {
            list.filter.clear();
            list.cursor = 0;
            self.filter_changed();
            return;
        }
        if self.show_all_rows() {
            return;
        }
        match self.screen {
            Screen::Start => {}
            Screen::Picker => self.show_start(),
            Screen::Catalog if self.catalog.on_diff => {
                self.catalog.on_diff = false;
                if std::mem::take(&mut self.catalog.back_to_walk) && self.walk.is_some() {
                    self.screen = Screen::Walk;
                }
            }
            Screen::Catalog => self.show_start(),
            Screen::Walk => {
                let closed = self.walk.as_mut().is_some_and(|w| w.close());
                if !closed {
                    self.show_start();
                }
            }
        }
    }

    fn show_start(&mut self) {
        self.screen = Screen::Start;
        self.read_walks();
    }

    fn open(&mut self) {
        match self.screen {
            Screen::Start => match self.start.current() {
                Some(StartItem::Walk(id)) => self.resume_walk(id),
                Some(StartItem::Sample(name)) => self.open_source(format!("sample:{name}")),
                Some(StartItem::File) => self.act(Action::OpenFile),
                None => {}
            },
            Screen::Picker => {
                if let Some(entry) = self.picker.current().cloned() {
                    if entry.is_folder {
                        self.open_folder(entry.path);
                    } else {
                        self.open_source(entry.path.display().to_string());
                    }
                }
            }
            Screen::Catalog => {
                let Some(entry) = self.catalog.current() else { return };
                match entry.place() {
                    Some(source) => self.open_source(source),
                    None => self.say(Tone::Warn, "it came by standard input and cannot be read again"),
                }
            }
            Screen::Walk => self.open_in_walk(),
        }
    }

    fn open_in_walk(&mut self) {
        let Some(walk) = &mut self.walk else { return };
        match walk.step {
            Step::Load => self.choose_meaning(),
            Step::Inspect => {
                walk.finding_to_column();
                self.draw_up_column();
            }
            Step::Compare => {
                if let Some(run) = walk.run_at_cursor().map(|r| r.id.clone()) {
                    if walk.desk.compare.as_ref().is_some_and(|c| c.chosen == run) {
                        let next = self.key(Action::NextStep);
                        self.say(Tone::Warn, format!("this run is chosen already; {next} goes on to test"));
                    } else {
                        self.start(Order::Compare(Some(run)), true);
                    }
                }
            }
            Step::Push | Step::Watch => {
                if let Some(prompt) = walk.field_prompt() {
                    self.overlay = Some(Overlay::Prompt(prompt));
                }
            }
            _ => {}
        }
    }

    fn toggle_column(&mut self) {
        let Some(walk) = &self.walk else { return };
        let Some(name) = walk.column_at_cursor().map(|c| c.name.clone()) else { return };
        if walk.desk.walk.flow.prepare.target == name {
            self.say(Tone::Warn, format!("{name} is the target; choose another one to use it as a column"));
            return;
        }
        let used = walk.desk.prepare.as_ref().is_none_or(|p| p.features.contains(&name));
        self.change(Step::Prepare, move |flow| {
            let prepare = &mut flow.prepare;
            if used {
                match prepare.keep.iter().position(|k| *k == name) {
                    // It was kept by hand: back to what is decided by itself.
                    Some(i) => drop(prepare.keep.remove(i)),
                    None => drop(prepare.leave_out.insert(name, "left out by hand".into())),
                }
            } else if prepare.leave_out.remove(&name).is_none() && !prepare.keep.contains(&name) {
                prepare.keep.push(name);
            }
        });
    }

    fn mark(&mut self) {
        let Some(walk) = &mut self.walk else { return };
        let Some((id, done)) =
            walk.run_at_cursor().map(|r| (r.id.clone(), r.status == crate::flow::record::RunStatus::Done))
        else {
            return;
        };
        if !done {
            self.say(Tone::Warn, "this run failed: there is nothing to draw");
            return;
        }
        if !walk.marked.remove(&id) {
            walk.marked.insert(id);
        }
        self.draw_up_charts();
        self.go(Action::Down);
    }

    fn ask_reason(&mut self, action: Action) {
        let approve = action == Action::Approve;
        let (title, purpose) = if approve {
            ("Approve this package: why?", Purpose::Approve)
        } else {
            ("Reject this package: why?", Purpose::Reject)
        };
        let help = "Your name, the reason and the package's digest go into the audit log, where they stay.";
        self.overlay = Some(Overlay::Prompt(Prompt::new(title, help, purpose)));
    }

    fn ask_name(&mut self) {
        let Some(walk) = &self.walk else { return };
        let alias = walk.push.alias.as_ref().map_or(String::new(), |a| format!(" and move the alias {a} to it"));
        let help = format!(
            "This will make a version of {} in {}{alias}. Type the model's name to go ahead.",
            walk.push.name, walk.push.to
        );
        self.overlay = Some(Overlay::Prompt(Prompt::new("Push", help, Purpose::PushName)));
    }

    fn act_on_overlay(&mut self, action: Action) {
        let help_rows = views::help_rows(self);
        if action == Action::Back {
            if let Some(Overlay::Filter(_)) = &self.overlay
                && let Some((list, _)) = self.focus()
            {
                list.filter.clear();
                self.filter_changed();
            }
            self.overlay = None;
            return;
        }
        match &mut self.overlay {
            Some(Overlay::Help(list)) => {
                list.act(action, help_rows);
            }
            Some(Overlay::Chooser(chooser)) => {
                if action == Action::Accept {
                    self.choose();
                } else if !chooser.list.act(action, chooser.order.len()) && chooser.input.act(action) {
                    chooser.sort();
                }
            }
            Some(Overlay::Prompt(prompt)) => {
                if action == Action::Accept {
                    self.answer();
                } else if prompt.input.act(action) {
                    self.typed();
                }
            }
            Some(Overlay::Filter(input)) => {
                if action == Action::Accept {
                    self.overlay = None;
                } else if input.act(action) {
                    self.typed();
                }
            }
            Some(Overlay::Confirm(confirm)) if action == Action::Yes => {
                let yes = confirm.yes;
                self.overlay = None;
                self.quit |= yes == Action::Quit;
                if yes == Action::MendFinding {
                    self.do_step();
                }
            }
            Some(Overlay::Confirm(_)) => {}
            None => {}
        }
    }

    /// What follows from a change of a text field.
    pub(super) fn typed(&mut self) {
        match &mut self.overlay {
            Some(Overlay::Chooser(chooser)) => chooser.sort(),
            Some(Overlay::Filter(input)) => {
                let text = input.text();
                if let Some((list, _)) = self.focus() {
                    list.filter = text;
                    list.cursor = 0;
                }
                self.filter_changed();
            }
            Some(Overlay::Prompt(prompt)) if prompt.purpose == Purpose::Derive => self.try_derive(),
            Some(Overlay::Prompt(prompt)) => prompt.error = None,
            _ => {}
        }
    }

    /// What follows from a change of a filter.
    fn filter_changed(&mut self) {
        match self.view_context() {
            Context::Picker => self.preview_file(),
            Context::Rows => self.order_rows(),
            Context::Catalog => self.read_lineage(),
            Context::Inspect => self.draw_up_column(),
            _ => {}
        }
    }

    /// To the next pane or the one before.
    fn turn_pane(&mut self, forward: bool) {
        let Some(walk) = &mut self.walk else { return };
        if walk.step == Step::Inspect {
            let tab = walk.views.inspect.tab.turn(forward);
            self.show_tab(tab);
        } else {
            walk.next_pane();
        }
    }

    fn answer(&mut self) {
        let must_override = self.must_override();
        let Some(Overlay::Prompt(prompt)) = &mut self.overlay else { return };
        let text = prompt.input.text().trim().to_owned();
        match prompt.purpose.clone() {
            Purpose::Derive => {
                let emptied = text.trim_end().strip_suffix('=').map(|name| name.trim().to_owned());
                let flow = self.walk.as_ref().map(|w| &w.desk.walk.flow);
                if let Some(name) = emptied.filter(|n| flow.is_some_and(|f| f.derive.contains_key(n))) {
                    self.overlay = None;
                    self.change(Step::Prepare, move |flow| {
                        flow.derive.remove(&name);
                        flow.prepare.leave_out.remove(&name);
                        flow.prepare.keep.retain(|k| *k != name);
                        if flow.prepare.target == name {
                            flow.prepare.target.clear();
                        }
                    });
                    return;
                }
                let Some((name, expression)) = split_derivation(&text) else {
                    prompt.error = Some("write it as: name = expression".into());
                    return;
                };
                if prompt.error.is_some() {
                    return;
                }
                let (name, expression) = (name.to_owned(), expression.to_owned());
                self.overlay = None;
                self.change(Step::Prepare, move |flow| {
                    flow.derive.insert(name, expression);
                });
            }
            Purpose::Approve | Purpose::Reject | Purpose::Override(_) if text.is_empty() => {
                prompt.error = Some("a decision needs a reason: say in a sentence why".into());
            }
            Purpose::Approve if must_override => {
                let failed: Vec<String> = self
                    .walk
                    .iter()
                    .flat_map(|w| &w.desk.gates)
                    .flat_map(crate::gate::GateReport::failed)
                    .map(|g| g.name.clone())
                    .collect();
                let help =
                    format!("Failed: {}. Why does that not stand against it? This is recorded too.", failed.join(", "));
                self.overlay =
                    Some(Overlay::Prompt(Prompt::new("Override the failed gates?", help, Purpose::Override(text))));
            }
            Purpose::Approve => self.decide(Verdict::Approved, text, None),
            Purpose::Override(reason) => self.decide(Verdict::Approved, reason, Some(text)),
            Purpose::Reject => self.decide(Verdict::Rejected, text, None),
            Purpose::PushName => {
                let Some(walk) = &self.walk else { return };
                if text == walk.push.name {
                    let spec = walk.push.clone();
                    self.overlay = None;
                    self.start(Order::Push(spec), true);
                } else {
                    let wanted = walk.push.name.clone();
                    if let Some(Overlay::Prompt(prompt)) = &mut self.overlay {
                        prompt.error = Some(format!("that is not the model's name: {wanted}"));
                    }
                }
            }
            purpose @ (Purpose::Description(_) | Purpose::Owner(_)) => {
                self.overlay = None;
                self.say_about_dataset(purpose, text);
            }
            Purpose::FindText => {
                self.overlay = None;
                if let Some(walk) = &mut self.walk {
                    walk.views.inspect.grid.find = text;
                }
                self.find_row(true);
            }
            Purpose::GoToRow => match self.go_to_row(&text) {
                Ok(()) => self.overlay = None,
                Err(why) => {
                    if let Some(Overlay::Prompt(prompt)) = &mut self.overlay {
                        prompt.error = Some(why);
                    }
                }
            },
            Purpose::PushField(_) | Purpose::WatchField(_) => {
                let purpose = prompt.purpose.clone();
                self.overlay = None;
                if let Some(walk) = &mut self.walk {
                    walk.set_field(&purpose, &text);
                }
            }
        }
    }

    fn decide(&mut self, verdict: Verdict, reason: String, overriding: Option<String>) {
        self.overlay = None;
        self.start(Order::Decide { verdict, reason, overriding }, true);
    }

    /// What the filter field holds while it is open, for drawing.
    #[must_use]
    pub fn filter_input(&self) -> Option<&TextInput> {
        match &self.overlay {
            Some(Overlay::Filter(input)) => Some(input),
            _ => None,
        }
    }
}
