//! What is done with an input that is a table, and what must hold of the answer.

use std::path::PathBuf;

use pilothouse::data::{
    Dataset, Limits, LoadOptions, Meaning, Preview, ProfileOptions, Severity, load, preview, profile_source_with,
};
use pilothouse::engine::Control;
use pilothouse::error::{Error, Result};
use pilothouse::flow::report::{self, Format};

use super::driver::{Outcome, Random};

/// The exit codes of bad input: a wrong word of the user's, or a file that is no table.
pub const BAD_INPUT: &[u8] = &[2, 3];

/// Everything streams, in small blocks.
pub const STREAMED: Limits =
    Limits { from_bytes: 0, from_cells: 0, most_distinct: 200, most_counted: 2000, sample_rows: 300, block: 4096 };

/// Words that would steer a terminal, a page or a spreadsheet, and names that collide.
pub const HOSTILE: [&str; 12] = [
    "\u{1b}[31m",
    "\u{1b}]0;title\u{7}",
    "\u{1b}]52;c;cm0gLXJm\u{7}",
    "\u{9b}2J",
    "\u{202e}gpj.exe",
    "\u{200b}",
    "\r",
    "\u{8}\u{8}\u{8}",
    "<script>alert(1)</script>",
    "`'\"|\\",
    "=1+1",
    "a",
];

/// What an error comes to.
pub fn refused(error: &Error) -> Outcome {
    let texts = std::iter::once(&error.message).chain(&error.hint).cloned().collect();
    Outcome { code: Some(error.exit_code()), shape: error.message.clone(), texts }
}

/// What an answer comes to.
pub fn answered<T>(result: Result<T>, told: impl FnOnce(T) -> (String, Vec<String>)) -> Outcome {
    match result {
        Ok(value) => {
            let (shape, texts) = told(value);
            Outcome { code: None, shape, texts }
        }
        Err(error) => refused(&error),
    }
}

/// A file in a folder of its own, into which each input is written.
pub struct Place {
    _dir: tempfile::TempDir,
    pub path: PathBuf,
}

impl Place {
    pub fn new(name: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { path: dir.path().join(name), _dir: dir }
    }

    pub fn name(&self) -> &str {
        self.path.to_str().unwrap()
    }
}

/// Some number that is the same for the same bytes.
pub fn lot(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)) >> 7
}

/// Options that the bytes themselves choose: mostly none.
pub fn options(bytes: &[u8]) -> LoadOptions {
    let mut options = LoadOptions::default();
    let lot = lot(bytes);
    if lot.is_multiple_of(7) {
        options.delimiter = Some(b";\t|,"[(lot / 7 % 4) as usize]);
    }
    if lot.is_multiple_of(5) {
        options.missing = vec!["-999".to_owned(), "?".to_owned(), "\u{1b}[0m".to_owned()];
    }
    if lot.is_multiple_of(11) {
        let meaning = [Meaning::Number, Meaning::Category, Meaning::DateTime, Meaning::Text][(lot / 11 % 4) as usize];
        options.meaning.insert("a".to_owned(), meaning);
        options.forgiving = lot.is_multiple_of(2);
    }
    options
}

/// Loads, looks at, profiles and reports whatever the bytes are.
pub fn table(place: &Place, bytes: &[u8]) -> Outcome {
    std::fs::write(&place.path, bytes).unwrap();
    let control = Control::default();
    let (lot, options) = (lot(bytes), options(bytes));
    let mut seen = preview(&place.path, 1 + (lot % 40) as usize).map_or_else(|e| refused(&e).texts, looked_at);
    let loaded = load(place.name(), &options, &control);
    let streamed = if lot.is_multiple_of(3) {
        let streamed = profile_source_with(place.name(), &options, &ProfileOptions::default(), &STREAMED, &control);
        if let (Ok(data), Ok(profile)) = (&loaded, &streamed) {
            assert_eq!(data.rows() as u64, profile.rows, "rows in memory and in the stream");
            let names: Vec<&String> = profile.columns.iter().map(|c| &c.name).collect();
            assert!(data.columns.iter().map(|c| &c.name).eq(names), "columns in memory and in the stream");
        }
        Some(answered(streamed, |profile| {
            let findings =
                profile.findings.iter().flat_map(|f| [f.message.clone(), f.evidence.clone(), f.remedy.clone()]);
            (String::new(), profile.notes.iter().cloned().chain(findings).collect())
        }))
    } else {
        None
    };
    let mut outcome = answered(loaded, |data| {
        let mut texts = data.notes.clone();
        if lot.is_multiple_of(8) && data.rows() * data.columns.len() < 4000 {
            texts.extend(reported(&data, lot));
        }
        (shape(&data), texts)
    });
    outcome.texts.append(&mut seen);
    if let Some(mut streamed) = streamed {
        outcome.texts.append(&mut streamed.texts);
        if outcome.code.is_none() {
            outcome.code = streamed.code;
        }
        outcome.shape.push_str(" / ");
        outcome.shape.push_str(&streamed.shape);
    }
    outcome
}

/// What tells one table from another.
pub fn shape(data: &Dataset) -> String {
    assert_eq!(data.frame.width(), data.columns.len(), "each column has a description");
    let rows = data.rows().checked_ilog2().map_or(' ', |n| char::from(b'a' + n as u8));
    let mut kinds: Vec<String> =
        data.columns.iter().take(20).map(|c| format!("{:?}{:?}", c.physical, c.meaning)).collect();
    kinds.sort();
    kinds.dedup();
    format!("{rows} {} {}", kinds.join(" "), data.notes.join("; "))
}

fn looked_at(preview: Preview) -> Vec<String> {
    preview.header.into_iter().chain(preview.rows.into_iter().flatten()).chain([preview.kind]).collect()
}

/// The reports of a table, as texts without what is theirs: line ends and indentation.
fn reported(data: &Dataset, lot: u64) -> Vec<String> {
    let target = data.columns.get((lot / 8) as usize % (data.columns.len() + 1)).map(|c| c.name.as_str());
    let made = report::make(data, target, &Control::default());
    let report = match made {
        Ok(report) => report,
        Err(error) => return refused(&error).texts,
    };
    let findings =
        report.profile.findings.iter().flat_map(|f| [f.message.clone(), f.evidence.clone(), f.remedy.clone()]);
    let mut texts: Vec<String> = findings.collect();
    let page = report.write(Format::Html).unwrap();
    // Data must not become script: the page has none of its own with these words.
    assert!(!page.contains("<script>alert"), "markup of the data stands in the page");
    texts.push(page);
    for format in [Format::Markdown, Format::Json, Format::Junit(Severity::Warning)] {
        texts.push(report.write(format).unwrap());
    }
    texts.into_iter().map(|text| text.replace(['\n', '\t'], " ")).collect()
}

/// A cell of delimited text or JSON, often an odd one.
pub fn odd_cell(random: &mut Random) -> String {
    use rand::Rng;
    match random.random_range(0..14u32) {
        0 => String::new(),
        1 => random.random_range(-5..100i32).to_string(),
        2 => random.random::<i64>().to_string(),
        3 => format!("{:e}", f64::from_bits(random.random())),
        4 => format!("{}.{}", random.random_range(0..1000u32), random.random_range(0..1000u32)),
        5 => format!(
            "20{:02}-{:02}-{:02}",
            random.random_range(0..30u32),
            random.random_range(0..14u32),
            random.random_range(0..33u32)
        ),
        6 => format!(
            "2020-01-{:02}T{:02}:{:02}:{:02}Z",
            random.random_range(0..33u32),
            random.random_range(0..26u32),
            random.random_range(0..62u32),
            random.random_range(0..62u32)
        ),
        7 => ["true", "false", "yes", "no", "0", "1"][random.random_range(0..6)].to_owned(),
        8 => ["NA", "null", "NaN", "inf", "-inf", "?", "-", "None", "-999"][random.random_range(0..9)].to_owned(),
        9 => HOSTILE[random.random_range(0..HOSTILE.len())].to_owned(),
        10 => format!("1,{}", random.random_range(0..100u32)),
        11 => "x".repeat(random.random_range(1..300)),
        12 => ["Zürich", "東京", "🚕", "e\u{301}", "\u{0}"][random.random_range(0..5)].to_owned(),
        _ => ["a", "b", "c"][random.random_range(0..3)].to_owned(),
    }
}

/// Words as bytes.
pub fn words(words: &[&str]) -> Vec<Vec<u8>> {
    words.iter().chain(&HOSTILE).map(|word| word.as_bytes().to_vec()).collect()
}
