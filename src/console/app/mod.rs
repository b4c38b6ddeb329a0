//! The state of the console. Keys and results of jobs change it, on one thread; drawing reads it.

mod apply;
mod can;
mod catalog;
mod choose;
mod dispatch;
mod grid;
mod mend;
mod overlay;
mod steps;
mod walk;
mod work;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::error::Error;
use crate::jobs::{Job, JobId, Jobs};

use super::glyphs::Glyphs;
use super::keys::{Action, Context, Key, Keymap};
use super::theme::Theme;
use super::views::{CatalogView, PickerView, StartView};
use super::widgets::TextInput;

pub use overlay::{Chooser, Overlay, Prompt, Purpose};
#[cfg(test)]
pub use walk::WalkJob;
pub use walk::WalkState;
pub use work::{ChartKey, Outcome};

/// Where the console runs.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// The workspace's folder.
    pub workspace: PathBuf,
    /// The folder in which the program was started.
    pub folder: PathBuf,
    /// The person's home, shown as `~`.
    pub home: Option<PathBuf>,
    /// `user@host`.
    pub who: String,
}

impl Place {
    /// A path, shortened by `~`.
    #[must_use]
    pub fn short(&self, path: &std::path::Path) -> String {
        match self.home.as_ref().and_then(|home| path.strip_prefix(home).ok()) {
            Some(rest) if rest.as_os_str().is_empty() => "~".into(),
            Some(rest) => format!("~/{}", rest.display()),
            None => path.display().to_string(),
        }
    }
}

/// What is on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Screen {
    /// The start screen.
    Start,
    /// The file picker.
    Picker,
    /// The catalog.
    Catalog,
    /// A walk.
    Walk,
}

/// How a message sounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Something went well.
    Good,
    /// Something cannot be done now.
    Warn,
    /// Something failed.
    Bad,
}

/// A message that stays until the next key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toast {
    /// How it sounds.
    pub tone: Tone,
    /// What it says.
    pub text: String,
}

/// The console.
pub struct App {
    /// Where it runs.
    pub place: Place,
    /// Colours.
    pub theme: Theme,
    /// Shapes.
    pub glyphs: Glyphs,
    /// Keys.
    pub keymap: Keymap,
    /// Background work.
    pub jobs: Jobs<Outcome>,
    /// Which of it does steps of walks; the rest are looks at files and charts, over in a blink.
    pub step_jobs: BTreeSet<JobId>,
    /// What is on the screen.
    pub screen: Screen,
    /// The start screen.
    pub start: StartView,
    /// The file picker.
    pub picker: PickerView,
    /// The catalog.
    pub catalog: CatalogView,
    /// The walk that is open.
    pub walk: Option<WalkState>,
    /// What lies over the screen.
    pub overlay: Option<Overlay>,
    /// A message.
    pub toast: Option<Toast>,
    /// The first key of a sequence.
    pub pending: Option<Key>,
    /// The moment of the last event.
    pub now: Instant,
    /// The same in milliseconds since 1970.
    pub now_ms: i64,
    /// A step of cleaning that waits for a yes.
    pub suggested: Option<mend::Suggested>,
    /// A text for the clipboard of the terminal.
    pub clipboard: Option<String>,
    /// The program is to end.
    pub quit: bool,
    /// The whole screen is to be drawn anew.
    pub redraw: bool,
}

impl App {
    /// A console that has just begun. `wake` is called when a job has something to say.
    pub fn new(
        place: Place,
        theme: Theme,
        glyphs: Glyphs,
        keymap: Keymap,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        let toast = keymap.problems.first().map(|first| Toast {
            tone: Tone::Warn,
            text: match keymap.problems.len() {
                1 => first.clone(),
                n => format!("{first} (and {} more, see ?)", n - 1),
            },
        });
        let mut app = Self {
            picker: PickerView::new(place.folder.clone()),
            place,
            theme,
            glyphs,
            keymap,
            jobs: Jobs::new(wake),
            step_jobs: BTreeSet::new(),
            screen: Screen::Start,
            start: StartView::default(),
            catalog: CatalogView::default(),
            walk: None,
            overlay: None,
            toast,
            pending: None,
            now: Instant::now(),
            now_ms: 0,
            suggested: None,
            clipboard: None,
            quit: false,
            redraw: false,
        };
        app.tick();
        app
    }

    /// Takes note of the time.
    pub fn tick(&mut self) {
        self.now = Instant::now();
        self.now_ms = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX));
    }

    /// Whether clocks on the screen run.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.jobs.running().next().is_some()
    }

    /// The steps of walks that are at work.
    pub fn working(&self) -> impl Iterator<Item = (JobId, &Job)> {
        self.jobs.running().filter(|(id, _)| self.step_jobs.contains(id))
    }

    /// Where keys are looked up now.
    #[must_use]
    pub fn context(&self) -> Context {
        match &self.overlay {
            Some(Overlay::Help(_)) => Context::Help,
            Some(Overlay::Chooser(_)) => Context::Chooser,
            Some(Overlay::Prompt(_) | Overlay::Filter(_)) => Context::Input,
            Some(Overlay::Confirm(_)) => Context::Confirm,
            None => self.view_context(),
        }
    }

    /// The context of the view, whatever lies over it.
    #[must_use]
    pub fn view_context(&self) -> Context {
        match (self.screen, &self.walk) {
            (Screen::Picker, _) => Context::Picker,
            (Screen::Catalog, _) => Context::Catalog,
            (Screen::Walk, Some(walk)) => walk.context(),
            (Screen::Start | Screen::Walk, _) => Context::Start,
        }
    }

    /// Shows a message.
    pub fn say(&mut self, tone: Tone, text: impl Into<String>) {
        self.toast = Some(Toast { tone, text: text.into() });
    }

    /// Shows a failure.
    pub fn fail(&mut self, error: &Error) {
        self.say(Tone::Bad, error.to_string());
    }

    /// Takes pasted text.
    pub fn paste(&mut self, text: &str) {
        match &mut self.overlay {
            Some(Overlay::Prompt(prompt)) => {
                prompt.input.paste(text);
                self.typed();
            }
            Some(Overlay::Filter(input)) => {
                input.paste(text);
                self.typed();
            }
            Some(Overlay::Chooser(chooser)) => {
                chooser.input.paste(text);
                chooser.sort();
            }
            _ => self.say(Tone::Warn, "nothing here takes text"),
        }
    }

    /// Opens a text field that filters the list under the cursor.
    fn open_filter(&mut self) {
        if let Some((list, _)) = self.focus() {
            let input = TextInput::new(&list.filter);
            self.overlay = Some(Overlay::Filter(input));
        }
    }

    /// An action's key in the present view, for sentences.
    #[must_use]
    pub fn key(&self, action: Action) -> String {
        self.keymap.key_of(self.view_context(), action)
    }
}
