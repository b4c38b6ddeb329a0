//! Menus: what a column means, the target, the split, and the palette of all commands.

use crate::console::keys::Action;
use crate::console::views;
use crate::flow::Step;
use crate::model::split::Split;

use super::overlay::{Choice, Chooser, Item, Overlay};
use super::{App, Screen, Tone};

impl App {
    pub(super) fn choose_meaning(&mut self) {
        let Some(spec) = self.walk.as_ref().and_then(|w| w.column_at_cursor()) else { return };
        let (name, meaning) = (spec.name.clone(), spec.meaning);
        let items = crate::data::Meaning::ALL
            .into_iter()
            .map(|m| Item::new(m.name(), views::meaning_help(m), Choice::Meaning(name.clone(), m)))
            .collect();
        let chooser = Chooser::new(format!("What is {name}?"), items).on(&Choice::Meaning(name, meaning));
        self.overlay = Some(Overlay::Chooser(chooser));
    }

    pub(super) fn choose_target(&mut self) {
        let Some(walk) = &self.walk else { return };
        let items = walk
            .columns()
            .iter()
            .enumerate()
            .map(|(i, c)| {
                let examples = walk.held.as_ref().and_then(|h| h.examples.get(i)).map_or("", String::as_str);
                Item::new(&c.name, format!("{}  {examples}", c.meaning), Choice::Target(c.name.clone()))
            })
            .collect();
        let now = Choice::Target(walk.desk.walk.flow.prepare.target.clone());
        self.overlay = Some(Overlay::Chooser(Chooser::new("Which column is to be predicted?", items).on(&now)));
    }

    pub(super) fn choose_split(&mut self) {
        let items = vec![
            Item::new("automatic", "found from the data, with the reason", Choice::Split(None)),
            Item::new("random", "rows by chance", Choice::Split(Some(Split::Random))),
            Item::new("stratified", "rows by chance, each class in its share", Choice::Split(Some(Split::Stratified))),
            Item::new("group…", "all rows of one customer, say, on one side", Choice::SplitBy { time: false }),
            Item::new("time…", "the latest rows are kept back", Choice::SplitBy { time: true }),
        ];
        let now = self.walk.as_ref().and_then(|w| w.desk.walk.flow.prepare.split.clone());
        let chooser = Chooser::new("How are rows kept apart for judging?", items).on(&Choice::Split(now));
        self.overlay = Some(Overlay::Chooser(chooser));
    }

    pub(super) fn choose_split_column(&mut self, time: bool) {
        let Some(walk) = &self.walk else { return };
        let items: Vec<Item> = walk
            .columns()
            .iter()
            .filter(|c| !time || matches!(c.meaning, crate::data::Meaning::DateTime | crate::data::Meaning::Number))
            .map(|c| {
                let column = c.name.clone();
                let split = if time { Split::Time { column } } else { Split::Group { column } };
                Item::new(&c.name, c.meaning.name(), Choice::Split(Some(split)))
            })
            .collect();
        let title = if time { "By which moment are rows ordered?" } else { "Which column names the group?" };
        self.overlay = Some(Overlay::Chooser(Chooser::new(title, items)));
    }

    /// All commands, steps and columns.
    pub(super) fn palette(&self) -> Chooser {
        let here = self.view_context();
        let active = here.stack();
        let mut items: Vec<Item> = Vec::new();
        let skip = [Action::Up, Action::Down, Action::Palette];
        for binding in self.keymap.all().iter().filter(|b| active.contains(&b.context) && !skip.contains(&b.action)) {
            if items.iter().any(|i| i.choice == Choice::Do(binding.action)) {
                continue;
            }
            let mut item = Item::new(binding.action.name().replace('_', " "), binding.help, Choice::Do(binding.action));
            item.key = binding.first();
            item.blocked = self.can(binding.action).err();
            items.push(item);
        }
        if let Some(walk) = self.walk.as_ref().filter(|_| self.screen == Screen::Walk) {
            for spec in walk.columns() {
                items.push(Item::new(
                    format!("column {}", spec.name),
                    spec.meaning.name(),
                    Choice::Column(spec.name.clone()),
                ));
            }
        }
        Chooser::new("Commands", items)
    }

    pub(super) fn choose(&mut self) {
        let Some(Overlay::Chooser(chooser)) = &self.overlay else { return };
        let Some(item) = chooser.current().cloned() else { return };
        if let Some(why) = item.blocked {
            self.say(Tone::Warn, why);
            return;
        }
        self.overlay = None;
        match item.choice {
            Choice::Do(action) => self.act(action),
            Choice::Column(name) => {
                if let Some(walk) = &mut self.walk {
                    walk.show_column(&name);
                }
                self.arrive();
                self.draw_up_column();
            }
            Choice::Meaning(name, meaning) => {
                let upto = self.walk.as_ref().map_or(Step::Load, |w| w.step);
                self.change(upto.min(Step::Prepare), move |flow| {
                    flow.load.meaning.insert(name, meaning);
                });
            }
            Choice::Target(name) => self.change(Step::Prepare, move |flow| {
                flow.prepare.leave_out.remove(&name);
                if flow.prepare.target != name {
                    // Both belonged to the old target.
                    flow.prepare.task = None;
                    flow.prepare.positive = None;
                    flow.train.metric = None;
                }
                flow.prepare.target = name;
            }),
            Choice::Split(split) => self.change(Step::Prepare, move |flow| flow.prepare.split = split),
            Choice::SplitBy { time } => self.choose_split_column(time),
        }
    }
}
