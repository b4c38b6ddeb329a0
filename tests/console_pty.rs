//! The shipped binary in a real pseudo-terminal, key by key. Waiting is always for what is on the screen.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on must stop")]

use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// Long enough for the slowest machine; only a failure takes it.
const LONG: Duration = Duration::from_secs(240);
const SHORT: Duration = Duration::from_secs(30);

struct Seen {
    screen: vt100::Parser,
    bytes: usize,
    raw: Vec<u8>,
}

struct Console {
    seen: Arc<Mutex<Seen>>,
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
}

impl Console {
    fn start(folder: &Path, rows: u16, cols: u16, more: &[&str]) -> Self {
        let pair = native_pty_system().openpty(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_pilothouse"));
        command.args(more);
        command.cwd(folder);
        command.env_clear();
        for (name, value) in [
            ("TERM", "xterm-256color"),
            ("LANG", "C.UTF-8"),
            ("HOME", folder.to_str().unwrap()),
            ("PATH", "/usr/bin:/bin"),
        ] {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let keys = pair.master.take_writer().unwrap();
        let seen = Arc::new(Mutex::new(Seen {
            screen: vt100::Parser::new(rows.try_into().unwrap(), cols.try_into().unwrap(), 0),
            bytes: 0,
            raw: Vec::new(),
        }));
        let fill = seen.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 65536];
            while let Ok(n) = reader.read(&mut buffer) {
                if n == 0 {
                    break;
                }
                let mut seen = fill.lock().unwrap();
                seen.bytes += n;
                seen.screen.process(&buffer[..n]);
                seen.raw.extend_from_slice(&buffer[..n]);
            }
        });
        Self { seen, master: pair.master, keys, child }
    }

    fn text(&self) -> String {
        self.seen.lock().unwrap().screen.screen().contents()
    }

    fn bytes(&self) -> usize {
        self.seen.lock().unwrap().bytes
    }

    fn set_size(&self, rows: u16, cols: u16) {
        let size = |n: u16| std::num::NonZero::new(n).unwrap();
        self.seen.lock().unwrap().screen.screen_mut().set_size(size(rows), size(cols));
        self.master.resize(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    fn type_keys(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    fn wait_for(&self, what: &str, time: Duration, found: impl Fn(&str) -> bool) {
        let end = Instant::now() + time;
        loop {
            let text = self.text();
            if found(&text) {
                return;
            }
            assert!(Instant::now() < end, "waited in vain for {what}; the screen:\n{text}");
            std::thread::sleep(Duration::from_millis(15));
        }
    }

    fn wait_text(&self, wanted: &str, time: Duration) {
        self.wait_for(&format!("`{wanted}`"), time, |t| t.contains(wanted));
    }

    /// Waits until at least `least` bytes have come in all, and then no more.
    fn wait_bytes(&self, least: usize) {
        let end = Instant::now() + SHORT;
        while self.bytes() < least && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20));
        }
        self.settle();
    }

    /// Waits until nothing was written for a while: the screen has settled.
    fn settle(&self) {
        let mut before = self.bytes();
        let mut quiet = Instant::now();
        let end = Instant::now() + SHORT;
        while quiet.elapsed() < Duration::from_millis(700) {
            std::thread::sleep(Duration::from_millis(20));
            let now = self.bytes();
            if now != before {
                before = now;
                quiet = Instant::now();
            }
            assert!(Instant::now() < end, "the screen never settles:\n{}", self.text());
        }
    }

    fn wait_end(&mut self) -> u32 {
        let end = Instant::now() + SHORT;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.exit_code();
            }
            assert!(Instant::now() < end, "the program does not end:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(15));
        }
    }

    fn signal(&self, name: &str) {
        let pid = self.child.process_id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// The terminal was given back: the alternate screen left and the cursor shown, after everything else.
    fn assert_restored(&self) {
        let end = Instant::now() + SHORT;
        loop {
            let raw = String::from_utf8_lossy(&self.seen.lock().unwrap().raw).into_owned();
            let last = |what: &str| raw.rfind(what);
            let left = last("\u{1b}[?1049l") > last("\u{1b}[?1049h");
            let shown = last("\u{1b}[?25h") > last("\u{1b}[?25l");
            let pasted = last("\u{1b}[?2004l") > last("\u{1b}[?2004h");
            if left && shown && pasted {
                return;
            }
            assert!(Instant::now() < end, "not restored: screen {left}, cursor {shown}, paste {pasted}");
            std::thread::sleep(Duration::from_millis(15));
        }
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

/// Picks a sample on the start screen.
fn pick(console: &mut Console, sample: &str) {
    console.wait_text("BEGIN WITH A SAMPLE", SHORT);
    console.settle();
    for _ in 0..12 {
        let on = console.text().lines().any(|l| l.contains('▌') && l.split_whitespace().any(|w| w == sample));
        if on {
            break;
        }
        let before = console.text();
        console.type_keys("j");
        console.wait_for("the cursor to move", SHORT, |t| t != before);
    }
    console.type_keys("\r");
    console.wait_text(&format!("▸ {sample} ▸ load"), SHORT);
}

#[test]
fn the_whole_walk_key_by_key() {
    let folder = tempfile::tempdir().unwrap();
    let mut c = Console::start(folder.path(), 36, 120, &[]);
    c.wait_text("Nothing has been walked here yet", SHORT);
    pick(&mut c, "churn");
    c.wait_text("11,085 rows", SHORT);
    c.wait_text("customer_id", SHORT);

    c.type_keys("n");
    c.wait_text("▸ churn ▸ inspect", SHORT);
    c.wait_text("WHAT WAS FOUND", LONG);
    c.type_keys("\t");
    c.wait_text("DISTINCT", SHORT);

    c.type_keys("n");
    c.wait_text("▸ churn ▸ prepare", SHORT);
    c.wait_text("to learn from", LONG);
    c.wait_text("by group", SHORT);

    c.type_keys("n");
    c.wait_text("▸ churn ▸ train", SHORT);
    c.wait_text("✓ best over the folds", LONG);

    c.type_keys("n");
    c.wait_text("▸ churn ▸ compare", SHORT);
    c.wait_text("✓ chosen", LONG);
    c.wait_text("AUC", SHORT);
    c.type_keys("gg ");
    c.wait_text("1 marked", SHORT);
    c.type_keys(" ");
    c.wait_text("2 marked", SHORT);
    c.type_keys("v");
    c.wait_text("2 of 7", SHORT);
    c.type_keys("c");
    c.wait_text("only what differs", SHORT);
    c.type_keys("c");
    c.wait_for("the chart again", SHORT, |t| !t.contains("only what differs"));

    c.type_keys("n");
    c.wait_text("▸ churn ▸ test", SHORT);
    c.wait_text("gates passed", LONG);

    // A step whose time has not come says why.
    c.type_keys("8");
    c.wait_text("push needs an approved model", SHORT);

    c.type_keys("n");
    c.wait_text("▸ churn ▸ approve", SHORT);
    c.type_keys("a");
    c.wait_text("Approve this package: why?", SHORT);
    c.type_keys("\r");
    c.wait_text("a decision needs a reason", SHORT);
    c.type_keys("better than guessing and calibrated\r");
    c.wait_text("approved and recorded", SHORT);
    c.wait_text("better than guessing and calibrated", SHORT);

    c.type_keys("n");
    c.wait_text("▸ churn ▸ push", SHORT);
    c.type_keys("P");
    c.wait_text("Type the model's name", SHORT);
    c.type_keys("wrong\r");
    c.wait_text("that is not the model's name", SHORT);
    c.type_keys("\u{15}churn\r");
    c.wait_text("read back and compared", LONG);
    assert!(folder.path().join("models").is_dir(), "the registry folder");

    c.type_keys("n");
    c.wait_text("▸ churn ▸ watch", SHORT);
    c.wait_text("EFFECT", LONG);
    c.wait_text("drifted", SHORT);
    c.settle();

    c.type_keys("q");
    assert_eq!(c.wait_end(), 0);
    c.assert_restored();

    // The next start offers the walk, and takes it up where it was.
    let mut c = Console::start(folder.path(), 24, 80, &[]);
    c.wait_text("TAKE UP A WALK", SHORT);
    c.wait_text("done to the end", SHORT);
    c.type_keys("\r");
    c.wait_text("▸ churn ▸ watch", SHORT);
    c.wait_text("EFFECT", SHORT);
    c.type_keys("q");
    assert_eq!(c.wait_end(), 0);
}

#[test]
fn an_idle_console_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let c = Console::start(folder.path(), 24, 80, &[]);
    c.wait_text("BEGIN WITH A SAMPLE", SHORT);
    c.settle();
    let before = c.bytes();
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(c.bytes(), before);
}

#[test]
fn moving_the_cursor_and_a_repaint_are_cheap() {
    let folder = tempfile::tempdir().unwrap();
    let mut c = Console::start(folder.path(), 24, 80, &[]);
    c.wait_text("BEGIN WITH A SAMPLE", SHORT);
    c.settle();
    assert!(c.bytes() <= 12_000, "first screen: {} bytes", c.bytes());
    pick(&mut c, "credit");
    c.wait_text("4,454 rows", SHORT);
    c.settle();
    let before = c.bytes();
    c.type_keys("j");
    c.wait_bytes(before + 1);
    let moved = c.bytes() - before;
    assert!(moved > 0 && moved <= 600, "moving the cursor: {moved} bytes");
    let before = c.bytes();
    c.type_keys("\u{c}");
    c.wait_bytes(before + 500);
    let repaint = c.bytes() - before;
    assert!(repaint > 500 && repaint <= 12_000, "a repaint: {repaint} bytes");
}

#[test]
fn signals_give_the_terminal_back() {
    for signal in ["-TERM", "-HUP", "-INT"] {
        let folder = tempfile::tempdir().unwrap();
        let mut c = Console::start(folder.path(), 24, 80, &[]);
        c.wait_text("BEGIN WITH A SAMPLE", SHORT);
        c.signal(signal);
        c.wait_end();
        c.assert_restored();
    }
}

/// What a library writes to standard error stands where that leads, which `/proc` shows to others.
#[cfg(target_os = "linux")]
#[test]
fn what_libraries_say_waits_until_the_screen_is_given_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut console = Console::start(dir.path(), 24, 80, &[]);
    console.wait_text("BEGIN WITH A SAMPLE", SHORT);
    console.settle();
    let before = console.text();
    let errors = format!("/proc/{}/fd/2", console.child.process_id().unwrap());
    let mut errors = std::fs::OpenOptions::new().append(true).open(errors).unwrap();
    errors.write_all(b"a stray \x1b[2Jwarning\n").unwrap();
    console.settle();
    assert_eq!(console.text(), before);
    console.type_keys("q");
    console.wait_text("warning", SHORT);
    assert_eq!(console.wait_end(), 0);
    console.assert_restored();
    let text = console.text();
    assert!(text.contains("a stray") && text.contains("[2Jwarning"), "{text}");
}

#[test]
fn a_storm_of_resizes_is_survived() {
    let folder = tempfile::tempdir().unwrap();
    let mut c = Console::start(folder.path(), 24, 80, &[]);
    pick(&mut c, "credit");
    c.wait_text("4,454 rows", SHORT);
    for i in 0..60u16 {
        let (rows, cols) = [(5, 20), (12, 40), (60, 200), (1, 1), (24, 80), (3, 300), (80, 10)][usize::from(i) % 7];
        c.set_size(rows, cols);
        c.type_keys(["j", "n", "p", "?", "\u{1b}", ":", "\u{1b}"][usize::from(i) % 7]);
        std::thread::sleep(Duration::from_millis(10));
    }
    c.set_size(36, 120);
    c.type_keys("\u{1b}");
    c.type_keys("\u{c}");
    c.wait_text("pilothouse", SHORT);
    c.signal("-TERM");
    c.wait_end();
    c.assert_restored();
}

#[test]
fn training_stops_within_a_second_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut c = Console::start(folder.path(), 30, 110, &[]);
    pick(&mut c, "churn");
    c.wait_text("11,085 rows", SHORT);
    c.type_keys("4");
    c.wait_text("▸ churn ▸ train", SHORT);
    c.wait_for("a candidate in its folds", LONG, |t| t.contains("fold ") && t.contains(" of 5"));
    c.type_keys("x");
    c.wait_text("was stopped", Duration::from_secs(1));
    c.wait_text("tries again", SHORT);
    c.settle();
    let quiet = c.bytes();
    c.settle();
    assert_eq!(c.bytes(), quiet, "nothing runs on the screen");
    c.type_keys("r");
    c.wait_text("✓ best over the folds", LONG);
}

#[test]
fn bad_files_are_told_and_nothing_breaks() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("empty.csv"), "").unwrap();
    let mut c = Console::start(folder.path(), 30, 110, &[]);
    c.wait_text("BEGIN WITH A SAMPLE", SHORT);
    c.type_keys("o");
    c.wait_text("empty.csv", SHORT);
    c.type_keys("/empty");
    c.wait_text("filter: empty", SHORT);
    c.type_keys("\r");
    c.wait_for("a reason in the preview", SHORT, |t| t.to_lowercase().contains("is empty"));
    c.type_keys("\r");
    c.wait_text("▸ empty ▸ load", SHORT);
    c.wait_text("tries again", SHORT);
    c.type_keys("gs");
    c.wait_text("TAKE UP A WALK", SHORT);
    c.type_keys("q");
    assert_eq!(c.wait_end(), 0);
}
