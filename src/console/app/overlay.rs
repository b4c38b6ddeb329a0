//! What can lie over the screen: help, choosers, prompts, filters, questions.

use crate::console::keys::Action;
use crate::console::widgets::{List, TextInput, contains, matches};
use crate::data::Meaning;
use crate::model::split::Split;

/// Something over the screen that takes the keys.
#[derive(Debug, Clone)]
pub enum Overlay {
    /// The keys of the view.
    Help(List),
    /// A list to choose from by typing.
    Chooser(Chooser),
    /// A question that is answered with text.
    Prompt(Prompt),
    /// The filter of a list.
    Filter(TextInput),
    /// A question of yes or no.
    Confirm(Confirm),
}

/// What an item of a chooser does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// Carries out an action.
    Do(Action),
    /// Shows a column.
    Column(String),
    /// Sets what a column means.
    Meaning(String, Meaning),
    /// Sets the target.
    Target(String),
    /// Sets the split; none lets it be found by itself.
    Split(Option<Split>),
    /// Asks for the column of a split: by group, or by time.
    SplitBy {
        /// By time, else by group.
        time: bool,
    },
}

/// An item of a chooser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What is matched and shown.
    pub label: String,
    /// More about it.
    pub note: String,
    /// The key that does the same.
    pub key: String,
    /// Why it cannot be chosen now.
    pub blocked: Option<String>,
    /// What it does.
    pub choice: Choice,
}

impl Item {
    /// An item that can be chosen.
    pub fn new(label: impl Into<String>, note: impl Into<String>, choice: Choice) -> Self {
        Self { label: label.into(), note: note.into(), key: String::new(), blocked: None, choice }
    }
}

/// A list to choose from by typing.
#[derive(Debug, Clone)]
pub struct Chooser {
    /// What is chosen.
    pub title: String,
    /// All items.
    pub items: Vec<Item>,
    /// What was typed.
    pub input: TextInput,
    /// The cursor.
    pub list: List,
    /// The items that fit, the best first.
    pub order: Vec<usize>,
}

impl Chooser {
    /// A chooser over `items`.
    pub fn new(title: impl Into<String>, items: Vec<Item>) -> Self {
        let order = (0..items.len()).collect();
        Self { title: title.into(), items, input: TextInput::default(), list: List::default(), order }
    }

    /// Puts the cursor on the item with this choice.
    #[must_use]
    pub fn on(mut self, choice: &Choice) -> Self {
        self.list.cursor = self.items.iter().position(|i| i.choice == *choice).unwrap_or(0);
        self
    }

    /// Finds the items that fit what was typed.
    pub fn sort(&mut self) {
        let query = self.input.text();
        let mut found: Vec<(i64, usize)> = self
            .items
            .iter()
            .enumerate()
            .filter_map(|(i, item)| {
                let by_label = matches(&query, &item.label);
                let by_note = matches(&query, &format!("{} {}", item.label, item.note)).map(|s| s / 4 - 1_000);
                Some((by_label.or(by_note)?, i))
            })
            .collect();
        // Scattered letters count only where nothing holds the words themselves.
        let holds =
            |i: usize| self.items.get(i).is_some_and(|item| contains(&format!("{} {}", item.label, item.note), &query));
        if found.iter().any(|(_, i)| holds(*i)) {
            found.retain(|(_, i)| holds(*i));
        }
        if !query.trim().is_empty() {
            found.sort_by_key(|(score, i)| (std::cmp::Reverse(*score), *i));
        }
        self.order = found.into_iter().map(|(_, i)| i).collect();
        self.list.cursor = 0;
    }

    /// The item under the cursor.
    #[must_use]
    pub fn current(&self) -> Option<&Item> {
        self.items.get(*self.order.get(self.list.at(self.order.len()))?)
    }
}

/// What a typed answer is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// A new column.
    Derive,
    /// Why the model is approved.
    Approve,
    /// Why failed gates do not stand against it; holds the reason of the approval.
    Override(String),
    /// Why it is rejected.
    Reject,
    /// A field of the push.
    PushField(usize),
    /// The model's name once more, before a push.
    PushName,
    /// What the dataset of this name is.
    Description(String),
    /// Who answers for the dataset of this name.
    Owner(String),
    /// A text to find in the rows.
    FindText,
    /// A row's number.
    GoToRow,
    /// A field of the watch.
    WatchField(usize),
}

/// A question that is answered with text.
#[derive(Debug, Clone)]
pub struct Prompt {
    /// What is asked.
    pub title: String,
    /// More about it.
    pub help: String,
    /// The answer.
    pub input: TextInput,
    /// What is wrong with it.
    pub error: Option<String>,
    /// What it would give.
    pub info: Option<String>,
    /// What it is for.
    pub purpose: Purpose,
}

impl Prompt {
    /// An empty answer to a question.
    pub fn new(title: impl Into<String>, help: impl Into<String>, purpose: Purpose) -> Self {
        Self { title: title.into(), help: help.into(), input: TextInput::default(), error: None, info: None, purpose }
    }
}

/// A question of yes or no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirm {
    /// A word or two above the question.
    pub title: String,
    /// The question.
    pub question: String,
    /// What yes does.
    pub yes: Action,
}
