//! The event loop: keys and wakes of jobs come in over one channel; all that wait are taken in, then at most one frame is
//! drawn. When nothing happens nothing runs.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use crossterm::event::{Event, KeyEventKind};

use super::app::{App, Place};
use super::glyphs::Glyphs;
use super::keys::{Key, Keymap};
use super::terminal::Screen;
use super::theme::Theme;
use crate::error::{Error, Result};

/// Least time between frames at home, and over SSH.
const FRAME: Duration = Duration::from_millis(16);
const FRAME_FAR: Duration = Duration::from_millis(33);
/// Least time between frames that only show progress.
const PROGRESS: Duration = Duration::from_millis(100);
/// How often clocks move while a job runs.
const TICK: Duration = Duration::from_millis(500);

/// What the loop hears.
enum Heard {
    /// The terminal.
    Terminal(Event),
    /// Input cannot be read any more.
    InputEnded,
    /// A job has something to say.
    Wake,
    /// The process is asked to end.
    Terminate,
}

fn read_input(tell: &Sender<Heard>) {
    loop {
        let heard = match crossterm::event::read() {
            Ok(event) => Heard::Terminal(event),
            Err(_) => Heard::InputEnded,
        };
        let last = matches!(heard, Heard::InputEnded);
        if tell.send(heard).is_err() || last {
            return;
        }
    }
}

/// What there is to draw, and how soon.
#[derive(Default)]
struct Due {
    input: bool,
    progress: bool,
}

/// Runs the console until it is left.
///
/// # Errors
/// When the terminal fails.
pub fn run(place: Place, theme: Theme, glyphs: Glyphs, keymap: Keymap, open: Option<String>, far: bool) -> Result<()> {
    let (tell, hear) = channel();
    {
        let tell = tell.clone();
        // SIGTERM, SIGHUP and SIGINT; a handler that stands already keeps its place.
        let _ = ctrlc::set_handler(move || {
            let _ = tell.send(Heard::Terminate);
        });
    }
    let wake = tell.clone();
    let mut app = App::new(place, theme, glyphs, keymap, move || {
        let _ = wake.send(Heard::Wake);
    });
    let mut screen = Screen::take()?;
    std::thread::Builder::new()
        .name("input".into())
        .spawn(move || read_input(&tell))
        .map_err(|e| Error::local(format!("no thread for input: {e}")))?;
    app.read_walks();
    if let Some(source) = open {
        app.open_source(source);
    }
    screen.draw(&mut app)?;
    let result = turn(&mut app, &mut screen, &hear, if far { FRAME_FAR } else { FRAME });
    app.jobs.cancel_all();
    result
}

fn turn(app: &mut App, screen: &mut Screen, hear: &Receiver<Heard>, frame: Duration) -> Result<()> {
    let mut last = Instant::now();
    let mut due = Due::default();
    loop {
        let wait = match (&due, app.is_busy()) {
            (Due { input: true, .. }, _) => Some(frame.saturating_sub(last.elapsed())),
            (Due { progress: true, .. }, _) => Some(PROGRESS.saturating_sub(last.elapsed())),
            (_, true) => Some(TICK.saturating_sub(last.elapsed())),
            (_, false) => None,
        };
        let first = match wait {
            None => hear.recv().map_err(|_| Error::local("the input ended"))?,
            Some(wait) => match hear.recv_timeout(wait) {
                Ok(heard) => heard,
                Err(RecvTimeoutError::Disconnected) => return Err(Error::local("the input ended")),
                Err(RecvTimeoutError::Timeout) => {
                    app.tick();
                    screen.draw(app)?;
                    last = Instant::now();
                    due = Due::default();
                    continue;
                }
            },
        };
        app.tick();
        let mut wakes = false;
        for heard in std::iter::once(first).chain(std::iter::from_fn(|| hear.try_recv().ok())) {
            match heard {
                Heard::Terminal(Event::Key(key)) if key.kind != KeyEventKind::Release => {
                    app.key_pressed(Key::from(key));
                    due.input = true;
                }
                Heard::Terminal(Event::Paste(text)) => {
                    app.paste(&text);
                    due.input = true;
                }
                Heard::Terminal(Event::Resize(..)) => due.input = true,
                Heard::Terminal(_) => {}
                Heard::Wake => wakes = true,
                Heard::Terminate => return Ok(()),
                Heard::InputEnded => {
                    // The terminal is gone: what was done is in the workspace.
                    return Ok(());
                }
            }
        }
        if wakes {
            if app.take_in() {
                // A result that ended is shown like an answer to a key.
                due.input = true;
            } else {
                due.progress = true;
            }
        }
        if app.quit {
            return Ok(());
        }
        if let Some(text) = app.clipboard.take() {
            screen.copy(&text)?;
        }
        let ready = (due.input && last.elapsed() >= frame) || (due.progress && last.elapsed() >= PROGRESS);
        if ready {
            screen.draw(app)?;
            last = Instant::now();
            due = Due::default();
        }
    }
}
