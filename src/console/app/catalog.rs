//! The catalog's screen: reading it, comparing versions, saying what a dataset is.

use crate::console::widgets::TextInput;
use crate::flow::catalog::Description;

use super::overlay::{Overlay, Prompt, Purpose};
use super::{App, Screen, Tone, work};

impl App {
    /// Opens the catalog.
    pub(super) fn show_catalog(&mut self) {
        self.screen = Screen::Catalog;
        self.read_catalog(None);
    }

    /// Reads the catalog, after saying something about a dataset when there is something to say.
    pub(super) fn read_catalog(&mut self, say: Option<(String, Description)>) {
        let workspace = self.place.workspace.clone();
        let started = self.jobs.start_latest("catalog", "reading the catalog", move |_| work::catalog(&workspace, say));
        if let Err(e) = started {
            self.fail(&e);
        }
    }

    /// Reads where the dataset under the cursor came from and went.
    pub(super) fn read_lineage(&mut self) {
        let Some(name) = self.catalog.current().map(|e| e.name.clone()) else { return };
        if self.screen != Screen::Catalog || self.catalog.lineage.as_ref().is_some_and(|(of, _)| *of == name) {
            return;
        }
        let plain = self.glyphs.chart == crate::chart::Style::Plain;
        let workspace = self.place.workspace.clone();
        let started =
            self.jobs.start_latest("lineage", "reading the lineage", move |_| work::lineage(&workspace, name, plain));
        if let Err(e) = started {
            self.fail(&e);
        }
    }

    /// Compares the last two versions of the dataset under the cursor.
    pub(super) fn compare_versions(&mut self) {
        let Some(entry) = self.catalog.current() else { return };
        if entry.versions.len() < 2 {
            let text = format!("{} has one version only; load or profile its new bytes to get a second", entry.name);
            self.say(Tone::Warn, text);
            return;
        }
        let (workspace, name) = (self.place.workspace.clone(), entry.name.clone());
        self.catalog.on_diff = true;
        self.catalog.diff = None;
        self.catalog.changes.cursor = 0;
        let started =
            self.jobs.start_latest("diff", "comparing versions", move |c| work::version_diff(&workspace, name, c));
        if let Err(e) = started {
            self.fail(&e);
        }
    }

    /// Asks what the dataset under the cursor is, or who answers for it.
    pub(super) fn ask_about_dataset(&mut self, owner: bool) {
        let Some(entry) = self.catalog.current() else { return };
        let (title, help, purpose, text) = if owner {
            (
                "Who answers for it?",
                "A person or a team that can be asked about these data.",
                Purpose::Owner(entry.name.clone()),
                &entry.owner,
            )
        } else {
            (
                "What is it?",
                "A sentence that tells others what these data are.",
                Purpose::Description(entry.name.clone()),
                &entry.description,
            )
        };
        let mut prompt = Prompt::new(title, help, purpose);
        prompt.input = TextInput::new(text);
        self.overlay = Some(Overlay::Prompt(prompt));
    }

    /// Keeps the answer.
    pub(super) fn say_about_dataset(&mut self, purpose: Purpose, text: String) {
        let say = match purpose {
            Purpose::Owner(name) => (name, Description { owner: Some(text), ..Description::default() }),
            Purpose::Description(name) => (name, Description { description: Some(text), ..Description::default() }),
            _ => return,
        };
        self.read_catalog(Some(say));
    }
}
