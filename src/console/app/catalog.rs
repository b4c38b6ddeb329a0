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
            self.catalog.wanted = None;
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

    /// Opens the catalog on what changed in the walk's table since the version before.
    pub(super) fn compare_with_before(&mut self) {
        let Some(since) = self.walk.as_ref().and_then(|w| w.desk.since.clone()) else { return };
        self.screen = Screen::Catalog;
        self.catalog.wanted = Some(since);
        self.read_catalog(None);
    }

    /// Goes to the dataset that was asked for, once the catalog is read, and compares the versions.
    pub(super) fn arrive_at_dataset(&mut self) {
        let Some(since) = self.catalog.wanted.take() else { return };
        self.catalog.list.filter.clear();
        let place = self.catalog.entries.iter().flatten().position(|e| e.name == since.dataset);
        let Some(place) = place.filter(|_| self.screen == Screen::Catalog) else { return };
        self.catalog.list.cursor = place;
        self.catalog.back_to_walk = true;
        self.start_diff(since.dataset, Some((since.before, since.version)));
    }

    /// Compares the last two versions of the dataset under the cursor.
    pub(super) fn compare_versions(&mut self) {
        if self.screen == Screen::Walk {
            return self.compare_with_before();
        }
        let Some(entry) = self.catalog.current() else { return };
        if entry.versions.len() < 2 {
            let text = format!("{} has one version only; load or profile its new bytes to get a second", entry.name);
            self.say(Tone::Warn, text);
            return;
        }
        let name = entry.name.clone();
        self.catalog.back_to_walk = false;
        self.start_diff(name, None);
    }

    /// Compares two versions of a dataset, without numbers the last two.
    fn start_diff(&mut self, name: String, versions: Option<(i64, i64)>) {
        let workspace = self.place.workspace.clone();
        self.catalog.on_diff = true;
        self.catalog.diff = None;
        self.catalog.changes.cursor = 0;
        let started = self
            .jobs
            .start_latest("diff", "comparing versions", move |c| work::version_diff(&workspace, name, versions, c));
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
