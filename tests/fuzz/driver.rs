//! A fuzz driver: changed inputs, a little guided by the outcomes that they reach.
//!
//! It knows nothing of the crate, so that tests of the crate's inside include the same file. A target gives valid inputs
//! to begin with, words of its format, and what is done with one input. An input that leads to an outcome not seen before
//! (another message, another shape of table) is kept and changed further. What every case must keep: no panic, an end
//! within [`LONGEST`], an error of an expected exit code, no character in anything for people that could steer a terminal,
//! and a peak of memory below a bound. The input at hand lies in a file before it is tried, for an overflown stack or a
//! refused allocation ends the process and nothing can be said afterwards.
//!
//! Settings, by environment variable: `PILOTHOUSE_FUZZ_SECONDS` (of each target), `_SEED`, `_KEEP` (a folder for inputs),
//! `_INPUT` (a file to be tried alone), `_MEMORY_MB` (the bound; none where other tests share the process), `_FIGURES` (a file to which a line is added).

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{Seek, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Where all that is random comes from.
pub type Random = ChaCha8Rng;

/// The stack of a thread of the console's jobs and of Polars: Rust's usual one.
const STACK: usize = 2 << 20;

/// A case that takes longer ends the process.
const LONGEST: Duration = Duration::from_secs(60);

/// Most inputs that are kept to be changed further.
const KEPT: usize = 4000;

/// Words by which outcomes are told apart.
const WORDS: usize = 9;

/// After so many different failures a target ends.
const FAILURES: usize = 12;

/// What became of one input.
pub struct Outcome {
    /// The exit code of an error; `None` when it was read.
    pub code: Option<u8>,
    /// What tells this outcome from others; digits and quoted words do not count.
    pub shape: String,
    /// Everything that was said for people.
    pub texts: Vec<String>,
}

/// Makes inputs that are well formed, or changes one where its format allows it.
pub type Remake = Box<dyn FnMut(&mut Random, &[u8]) -> Vec<u8> + Send>;

/// What is fuzzed.
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// Valid inputs.
    pub seeds: Vec<Vec<u8>>,
    /// Words of the format.
    pub tokens: Vec<Vec<u8>>,
    /// The exit codes that its errors may have.
    pub codes: &'static [u8],
    /// The largest input, bytes.
    pub largest: usize,
    /// Every fourth input comes from here, when there is one.
    pub remake: Option<Remake>,
}

/// A setting by environment variable.
fn setting<T: FromStr>(name: &str) -> Option<T> {
    std::env::var(format!("PILOTHOUSE_FUZZ_{name}")).ok().and_then(|v| v.parse().ok())
}

/// What a target came to.
#[derive(Default)]
struct Figures {
    cases: u64,
    caught: u64,
    slowest: Duration,
    outcomes: BTreeMap<String, u64>,
    failures: BTreeMap<String, PathBuf>,
    /// Nothing more can be learned.
    spent: bool,
}

/// Fuzzes a target, and fails the test when an input broke a rule.
pub fn fuzz(target: Target, case: impl FnMut(&[u8]) -> Outcome + Send + 'static) {
    let keep: PathBuf = setting("KEEP").unwrap_or_else(|| std::env::temp_dir().join("pilothouse-fuzz"));
    std::fs::create_dir_all(&keep).expect("a folder for inputs");
    stay_quiet();
    let name = target.name;
    let seed: u64 = setting("SEED").unwrap_or(1);
    let work = move || campaign(target, case, seed, &keep);
    let thread = std::thread::Builder::new().name(format!("fuzz-{name}")).stack_size(STACK);
    let (figures, time) = thread.spawn(work).expect("a thread").join().expect("the driver does not panic");
    let peak = peak_mb();
    if let Some(path) = setting::<PathBuf>("FIGURES") {
        let line = format!(
            "{name} {:.0} {} {} {} {} {} {}\n",
            time.as_secs_f64(),
            figures.cases,
            figures.outcomes.len(),
            figures.caught,
            figures.slowest.as_millis(),
            peak.map_or_else(|| "-".to_owned(), |mb| mb.to_string()),
            figures.failures.len()
        );
        let file = std::fs::File::options().create(true).append(true).open(path);
        file.and_then(|mut f| f.write_all(line.as_bytes())).expect("figures are written");
    }
    let told: Vec<String> =
        figures.failures.iter().map(|(what, path)| format!("{what}\n    input: {}", path.display())).collect();
    assert!(told.is_empty(), "{name}, seed {seed}, {} cases:\n{}", figures.cases, told.join("\n"));
}

fn campaign(mut target: Target, mut case: impl FnMut(&[u8]) -> Outcome, seed: u64, keep: &Path) -> (Figures, Duration) {
    let mut figures = Figures::default();
    let begun = Instant::now();
    let watch = Watch::new(keep.join(format!("{}-{}.current", target.name, std::process::id())));
    if let Some(path) = setting::<PathBuf>("INPUT") {
        let input = std::fs::read(path).expect("the input is there");
        one(&target, &mut case, &input, &mut figures, &watch, seed, keep);
        return (figures, begun.elapsed());
    }
    let mut random = Random::seed_from_u64(seed);
    let mut corpus: Vec<Vec<u8>> = Vec::new();
    for input in std::mem::take(&mut target.seeds) {
        one(&target, &mut case, &input, &mut figures, &watch, seed, keep);
        corpus.push(input);
    }
    let whole = Duration::from_secs_f64(setting("SECONDS").unwrap_or(2.0));
    let mut input = Vec::new();
    while begun.elapsed() < whole && figures.failures.len() < FAILURES && !figures.spent {
        let base = chosen(&mut random, &corpus);
        match &mut target.remake {
            Some(remake) if random.random_ratio(1, 4) => {
                input = remake(&mut random, &corpus[base]);
                if random.random_ratio(1, 2) {
                    change(&mut random, &mut input, &corpus, &target);
                }
            }
            _ => {
                input.clone_from(&corpus[base]);
                for _ in 0..1 + random.random_range(0..4u32) * random.random_range(0..2u32) {
                    change(&mut random, &mut input, &corpus, &target);
                }
            }
        }
        input.truncate(target.largest);
        if one(&target, &mut case, &input, &mut figures, &watch, seed, keep) && corpus.len() < KEPT {
            corpus.push(input.clone());
        }
    }
    (figures, begun.elapsed())
}

/// Young inputs lead on; the old ones stay in play.
fn chosen(random: &mut Random, corpus: &[Vec<u8>]) -> usize {
    let from = if random.random_ratio(1, 2) { corpus.len() - corpus.len().div_ceil(4) } else { 0 };
    random.random_range(from..corpus.len())
}

/// Tries one input. Whether its outcome is a new one.
fn one(
    target: &Target,
    case: &mut impl FnMut(&[u8]) -> Outcome,
    input: &[u8],
    figures: &mut Figures,
    watch: &Watch,
    seed: u64,
    keep: &Path,
) -> bool {
    watch.begins(input);
    let begun = Instant::now();
    let outcome = catch_unwind(AssertUnwindSafe(|| case(input)));
    let took = begun.elapsed();
    watch.ended();
    figures.cases += 1;
    figures.slowest = figures.slowest.max(took);
    let mut wrong = None;
    let mut is_new = false;
    match outcome {
        Err(_) => wrong = Some(format!("panic: {}", LAST.with_borrow(Clone::clone))),
        Ok(outcome) => {
            if outcome.shape.contains("the decoder gave up") {
                figures.caught += 1;
            }
            if let Some(code) = outcome.code.filter(|code| !target.codes.contains(code)) {
                wrong = Some(format!("exit code {code}: {}", outcome.shape));
            }
            if let Some(text) = outcome.texts.iter().find(|text| text.chars().any(steers)) {
                wrong = Some(format!("characters that steer a terminal: {}", text.escape_debug()));
            }
            let seen = figures.outcomes.entry(stripped(&outcome)).or_default();
            *seen += 1;
            is_new = *seen == 1;
        }
    }
    // The kernel is asked rarely where cases are quick.
    if took > Duration::from_millis(1) || figures.cases.is_multiple_of(256) {
        let bound: Option<u64> = setting("MEMORY_MB");
        if let (Some(peak), Some(bound)) = (peak_mb(), bound)
            && peak > bound
        {
            wrong = Some(format!("memory: {peak} MB are more than {bound} MB"));
            // The peak never falls: nothing more can be learned in this process.
            figures.spent = true;
        }
    }
    if let Some(words) = wrong {
        let place: String = words.chars().filter(|c| !c.is_ascii_digit()).take(100).collect();
        if !figures.failures.contains_key(&place) {
            let path = keep.join(format!("{}-seed{seed}-case{}", target.name, figures.cases));
            std::fs::write(&path, input).expect("the input is kept");
            eprintln!("{}: {words}\n    input: {}", target.name, path.display());
            figures.failures.insert(place, path);
        }
    }
    is_new
}

/// An outcome without what differs between any two inputs: its first words outside of quotes.
fn stripped(outcome: &Outcome) -> String {
    let mut plain = String::new();
    let mut quote = None;
    for c in outcome.shape.chars().take(4000) {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if matches!(c, '`' | '"') => quote = Some(c),
            None => plain.push(if c.is_ascii_alphabetic() { c } else { ' ' }),
        }
    }
    let words: Vec<&str> = plain.split(' ').filter(|word| (3..=20).contains(&word.len())).take(WORDS).collect();
    format!("{:?} {}", outcome.code, words.join(" "))
}

/// Characters that steer a terminal, hide, or turn the direction of writing. Line feeds and tabs of a text of several lines
/// are the caller's to take away.
pub fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// One change of an input.
fn change(random: &mut Random, input: &mut Vec<u8>, corpus: &[Vec<u8>], target: &Target) {
    let at = place(random, input.len());
    let most = 1usize << random.random_range(0..8u32);
    let length = random.random_range(1..=most).min(input.len() - at);
    match random.random_range(0..14u32) {
        0 if at < input.len() => input[at] ^= 1 << random.random_range(0..8u32),
        1 if at < input.len() => input[at] = random.random(),
        2 if at < input.len() => input[at] = input[at].wrapping_add(random.random_range(0..32u8)).wrapping_sub(16),
        3 => drop(input.drain(at..at + length)),
        4 => {
            let piece = input[at..at + length].to_vec();
            let times =
                if random.random_ratio(1, 8) { random.random_range(1..2000) } else { random.random_range(1..4) };
            let room = target.largest.saturating_sub(input.len()) / piece.len().max(1);
            let pieces = piece.repeat(times.min(room));
            input.splice(at..at, pieces);
        }
        5 => input.truncate(at),
        6 | 7 if !target.tokens.is_empty() => {
            let token = &target.tokens[random.random_range(0..target.tokens.len())];
            let end = if random.random_ratio(1, 2) { at } else { (at + token.len()).min(input.len()) };
            input.splice(at..end, token.iter().copied());
        }
        8 | 9 => {
            // A number that is at some edge, over what may be a length, a count or a place.
            let number = number(random);
            let bytes = match random.random_range(0..6u32) {
                0 => vec![number as u8],
                1 => (number as u16).to_le_bytes().to_vec(),
                2 => (number as u32).to_le_bytes().to_vec(),
                3 => (number as u32).to_be_bytes().to_vec(),
                4 => number.to_le_bytes().to_vec(),
                _ => varint(number),
            };
            let end = (at + bytes.len()).min(input.len());
            input.splice(at..end, bytes);
        }
        10 => {
            // Digits are numbers in text.
            if let Some(digit) = input[at..].iter().position(u8::is_ascii_digit) {
                let text = match random.random_range(0..4u32) {
                    0 => number(random).to_string(),
                    1 => (number(random) as i64).to_string(),
                    2 => format!("{:e}", f64::from_bits(random.random())),
                    _ => random.random_range(0..100u32).to_string(),
                };
                input.splice(at + digit..at + digit + 1, text.bytes());
            }
        }
        11 => {
            let other = &corpus[random.random_range(0..corpus.len())];
            let from = place(random, other.len());
            let taken = random.random_range(0..=(other.len() - from).min(4096));
            let end = if random.random_ratio(1, 2) { at } else { (at + taken).min(input.len()) };
            input.splice(at..end, other[from..from + taken].iter().copied());
        }
        12 => {
            let to = place(random, input.len());
            let length = length.min(input.len() - to);
            input.copy_within(at..at + length, to);
        }
        _ => {
            let bytes: Vec<u8> = (0..random.random_range(1..5)).map(|_| random.random()).collect();
            input.splice(at..at, bytes);
        }
    }
}

/// A place in an input; formats keep what matters at their beginning and at their end.
fn place(random: &mut Random, length: usize) -> usize {
    match random.random_range(0..4u32) {
        0 => random.random_range(0..=length.min(200)),
        1 => length - random.random_range(0..=length.min(600)),
        _ => random.random_range(0..=length),
    }
}

/// A number at an edge.
fn number(random: &mut Random) -> u64 {
    let edge = 1u64 << random.random_range(0..64u32);
    match random.random_range(0..6u32) {
        0 => edge,
        1 => edge - 1,
        2 => edge.wrapping_neg(),
        3 => u64::MAX,
        4 => random.random_range(0..300),
        _ => edge.wrapping_add(random.random_range(0..40)),
    }
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// The most memory that the process ever held, MB; where the kernel tells it.
fn peak_mb() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kb| kb >> 10)
}

thread_local! {
    /// Where this thread panicked last, and its words.
    static LAST: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Panics are expected in libraries behind the crate's fence, by the thousand: they are noted, not printed.
fn stay_quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let thread = std::thread::current();
            let ours = |name: &str| ["fuzz-", "polars", "rayon", "async"].iter().any(|begin| name.starts_with(begin));
            if thread.name().is_none_or(ours) {
                LAST.with_borrow_mut(|last| *last = info.to_string().replace('\n', " "));
            } else {
                loud(info);
            }
        }));
    });
}

/// Looks after the case at hand: keeps its input, and ends the process when it takes too long.
struct Watch {
    path: PathBuf,
    file: std::fs::File,
    /// When the case began, in milliseconds since the watch did; 0 between cases.
    since: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
    begun: Instant,
}

impl Watch {
    fn new(path: PathBuf) -> Self {
        let (since, over, begun) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)), Instant::now());
        let (seen, ends, shown) = (Arc::clone(&since), Arc::clone(&over), path.display().to_string());
        std::thread::spawn(move || {
            while !ends.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(200));
                let (since, now) = (seen.load(Ordering::SeqCst), begun.elapsed().as_millis() as u64);
                if since > 0 && Duration::from_millis(now.saturating_sub(since)) > LONGEST {
                    eprintln!("no end after {} s, input: {shown}", LONGEST.as_secs());
                    std::process::abort();
                }
            }
        });
        let file = std::fs::File::create(&path).expect("a file for inputs");
        Self { path, file, since, over, begun }
    }

    fn begins(&self, input: &[u8]) {
        let written =
            self.file.set_len(0).and_then(|()| (&self.file).rewind()).and_then(|()| (&self.file).write_all(input));
        written.expect("the input is kept");
        self.since.store(self.begun.elapsed().as_millis() as u64 + 1, Ordering::SeqCst);
    }

    fn ended(&self) {
        self.since.store(0, Ordering::SeqCst);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // It is there after an abort only.
        let _ = std::fs::remove_file(&self.path);
    }
}
