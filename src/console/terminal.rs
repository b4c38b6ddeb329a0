//! Taking the terminal over and giving it back, whatever happens.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Read, Seek, Stdout, Write};
use std::os::fd::OwnedFd;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};
use crossterm::{cursor, execute, queue};
use ratatui::Terminal;
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::layout::Position;

use super::app::App;
use super::draw;
use crate::error::{Error, Result};

/// Whether the terminal is ours, so that it is given back once and only once.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Where standard error went before, and what gathers it meanwhile.
static ASIDE: Mutex<Option<(OwnedFd, File)>> = Mutex::new(None);

/// Of what libraries said meanwhile so much is shown when the terminal is given back.
const MOST_SAID: u64 = 4 << 10;

/// Bytes of a frame are gathered and written at once.
type Out = BufWriter<Stdout>;

/// The screen while the console has it. Dropping it gives the terminal back.
pub struct Screen {
    terminal: Terminal<CrosstermBackend<Out>>,
}

fn failed(e: io::Error) -> Error {
    Error::local(format!("the terminal: {e}"))
        .hint("The console needs a terminal; without one use the commands, see `pilothouse --help`")
}

/// Gives the terminal back. Safe to call at any time and more than once.
pub fn restore() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        // Nothing can be done where this fails: the terminal may be gone (SIGHUP).
        let _ =
            execute!(io::stdout(), EndSynchronizedUpdate, DisableBracketedPaste, cursor::Show, LeaveAlternateScreen);
        let _ = disable_raw_mode();
        give_errors_back();
    }
}

/// Keeps standard error from the screen: libraries write warnings there at any time, and one line of theirs scrolls
/// everything away. Left alone where it goes into a file.
fn put_errors_aside() -> io::Result<()> {
    if io::stderr().is_terminal() {
        let before = rustix::io::fcntl_dupfd_cloexec(io::stderr(), 0)?;
        let aside = tempfile::tempfile()?;
        rustix::stdio::dup2_stderr(&aside)?;
        if let Ok(mut kept) = ASIDE.lock() {
            *kept = Some((before, aside));
        }
    }
    Ok(())
}

/// Gives standard error back and shows what was said meanwhile.
fn give_errors_back() {
    let Some((before, mut aside)) = ASIDE.lock().ok().and_then(|mut kept| kept.take()) else { return };
    let _ = rustix::stdio::dup2_stderr(before);
    let mut said = Vec::new();
    if aside.rewind().is_ok() && aside.take(MOST_SAID).read_to_end(&mut said).is_ok() && !said.is_empty() {
        for line in String::from_utf8_lossy(&said).lines() {
            eprintln!("{}", crate::data::display(line));
        }
    }
}

/// Gives the terminal back before a panic of this thread is told. Panics of background jobs are errors of these jobs
/// and must not write over the screen.
fn install_hook() {
    let owner = std::thread::current().id();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !TAKEN.load(Ordering::SeqCst) {
            before(info);
        } else if std::thread::current().id() == owner {
            restore();
            before(info);
        }
    }));
}

impl Screen {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// When standard output is no terminal that can be driven.
    pub fn take() -> Result<Self> {
        install_hook();
        TAKEN.store(true, Ordering::SeqCst);
        let take = || -> io::Result<Self> {
            // A comfort: where there is no room for a temporary file the console goes without.
            let _ = put_errors_aside();
            enable_raw_mode()?;
            let mut out = BufWriter::with_capacity(1 << 16, io::stdout());
            queue!(out, EnterAlternateScreen, EnableBracketedPaste, cursor::Hide)?;
            Ok(Self { terminal: Terminal::new(CrosstermBackend::new(out))? })
        };
        take().map_err(|e| {
            restore();
            failed(e)
        })
    }

    /// Draws a frame; only what changed is written.
    ///
    /// # Errors
    /// When the terminal cannot be written.
    pub fn draw(&mut self, app: &mut App) -> Result<()> {
        if std::mem::take(&mut app.redraw) {
            // `Terminal::clear` would ask the terminal where its cursor is and wait for the answer, which the thread that
            // reads the input takes away. Both buffers are blank after this, so everything is drawn.
            self.terminal.backend_mut().clear().map_err(failed)?;
            self.terminal.swap_buffers();
        }
        let app = &*app;
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate).map_err(failed)?;
        self.terminal
            .draw(|frame| {
                let cursor = draw::draw(app, frame.buffer_mut());
                if let Some((x, y)) = cursor {
                    frame.set_cursor_position(Position { x, y });
                }
            })
            .map_err(failed)?;
        queue!(self.terminal.backend_mut(), EndSynchronizedUpdate).map_err(failed)?;
        Write::flush(self.terminal.backend_mut()).map_err(failed)?;
        Backend::flush(self.terminal.backend_mut()).map_err(failed)
    }
}

impl Screen {
    /// Hands a text to the terminal's clipboard (OSC 52), through tmux too. A terminal that does not know it does nothing.
    ///
    /// # Errors
    /// When the terminal cannot be written.
    pub fn copy(&mut self, text: &str) -> Result<()> {
        let out = self.terminal.backend_mut();
        out.write_all(clipboard(text, std::env::var_os("TMUX").is_some()).as_bytes()).map_err(failed)?;
        Write::flush(out).map_err(failed)
    }
}

/// The bytes that hand a text to the clipboard. tmux hands on what stands in its own envelope, in which escapes are doubled.
fn clipboard(text: &str, tmux: bool) -> String {
    let code = base64::engine::general_purpose::STANDARD.encode(text);
    if tmux { format!("\x1bPtmux;\x1b\x1b]52;c;{code}\x07\x1b\\") } else { format!("\x1b]52;c;{code}\x07") }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

#[cfg(test)]
mod tests {
    use super::clipboard;

    #[test]
    fn a_copy_is_an_osc_52_and_wrapped_for_tmux() {
        assert_eq!(clipboard("hi", false), "\x1b]52;c;aGk=\x07");
        assert_eq!(clipboard("hi", true), "\x1bPtmux;\x1b\x1b]52;c;aGk=\x07\x1b\\");
    }
}
