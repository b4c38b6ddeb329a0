//! The ratatui face: event loop, state, actions, views, widgets, keymap and themes.
//!
//! Keys become actions by one table ([`keys`]), actions change the state (`app`) or start background jobs, and the
//! results of jobs are applied on the same thread. Drawing reads the state and does nothing else.

mod app;
mod draw;
mod event_loop;
mod glyphs;
pub mod keys;
mod terminal;
mod theme;
mod views;
mod widgets;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use crate::error::Result;
use crate::figures as format;
use crate::team::Identity;

pub use keys::keys_markdown;
pub use theme::Theme;

/// How the console is opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConsoleOptions {
    /// The workspace's folder; made when it is not there.
    pub workspace: PathBuf,
    /// The theme's name; the one that fits the terminal when absent.
    pub theme: Option<String>,
    /// ASCII shapes and charts.
    pub plain: bool,
    /// A file, sample or flow file to open at once.
    pub open: Option<String>,
}

/// Opens the console and stays until the person leaves, or until the process is asked to end.
///
/// # Errors
/// When the workspace cannot be opened, the theme does not exist, or the terminal fails.
pub fn run(options: ConsoleOptions) -> Result<()> {
    let env = |name: &str| std::env::var(name).ok();
    // Before the screen is taken over, so that a broken workspace is told in the plain terminal.
    crate::flow::Workshop::open(&options.workspace)?;
    let depth = theme::Depth::from_env(env);
    let name = options.theme.clone().unwrap_or_else(|| theme::fitting(env("COLORFGBG").as_deref()).to_owned());
    let theme = Theme::named(&name, depth)?;
    let plain = options.plain || !glyphs::is_utf8(env);
    let config = env("XDG_CONFIG_HOME")
        .filter(|v| !v.is_empty())
        .map(PathBuf::from)
        .or_else(|| env("HOME").map(|h| PathBuf::from(h).join(".config")))
        .map(|folder| folder.join("pilothouse").join("keys.toml"));
    let keymap = config.map_or_else(keys::Keymap::default, |path| keys::Keymap::load(&path));
    let place = app::Place {
        workspace: options.workspace,
        folder: std::env::current_dir().unwrap_or_default(),
        home: env("HOME").map(PathBuf::from),
        who: Identity::current().to_string(),
    };
    let glyphs = if plain { glyphs::PLAIN } else { glyphs::UNICODE };
    event_loop::run(place, theme, glyphs, keymap, options.open, env("SSH_CONNECTION").is_some())
}
