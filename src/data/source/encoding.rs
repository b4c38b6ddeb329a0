//! Text that is not UTF-8: UTF-16 with its mark, and Windows-1252 (of which Latin-1 is a part) where the bytes leave no
//! reasonable doubt.

use std::path::Path;

use encoding_rs::{CoderResult, Encoding, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::plain::{self, BLOCK};
use super::spool::{Spool, Spooled};
use crate::engine::Control;
use crate::error::{Error, Result};

/// Fewer bytes than this may be an accident.
const FEWEST: u64 = 3;

/// What the bytes of a text are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// UTF-8.
    Utf8,
    /// Text of Western Europe in one byte a character.
    Windows1252 {
        /// The line (from 1) of the first byte that is not UTF-8.
        line: u64,
    },
    /// Neither; most likely UTF-8 with broken bytes, or an encoding that cannot be told by its bytes.
    Unknown,
}

/// Looks at all bytes of a text, block by block.
///
/// The verdict is Windows-1252 only when there is no valid UTF-8 sequence of more than one byte anywhere, when at least
/// three bytes stand outside ASCII, all of them assigned, and when these stand singly among Latin letters and signs as
/// they do in Western European words. A UTF-8 file with a few broken bytes has valid sequences, Cyrillic and East
/// Asian encodings have long runs of such bytes, and the old DOS code pages use bytes that Windows-1252 leaves out.
#[derive(Debug, Default)]
pub struct Survey {
    /// Bytes of a sequence that the last block cut.
    carry: Vec<u8>,
    lines: u64,
    first_line: Option<u64>,
    multibyte: bool,
    high: u64,
    unassigned: bool,
    /// High bytes that are letters.
    letters: u64,
    /// Letters that stand beside an ASCII letter, or among such.
    in_words: u64,
    run: u64,
    longest_run: u64,
    last: u8,
    last_was_lone: bool,
}

impl Survey {
    /// Takes in the next bytes.
    pub fn feed(&mut self, block: &[u8]) {
        if self.carry.is_empty() {
            self.walk(block);
        } else {
            let mut joined = std::mem::take(&mut self.carry);
            // Only the head of the block can belong to the cut sequence.
            let (head, rest) = block.split_at(block.len().min(4));
            joined.extend_from_slice(head);
            self.walk(&joined);
            if self.carry.is_empty() || rest.is_empty() {
                self.walk(rest);
            } else {
                self.feed(rest);
            }
        }
    }

    fn walk(&mut self, mut bytes: &[u8]) {
        loop {
            match std::str::from_utf8(bytes) {
                Ok(text) => return self.good(text),
                Err(error) => {
                    let (text, rest) = bytes.split_at(error.valid_up_to());
                    self.good(std::str::from_utf8(text).unwrap_or_default());
                    if error.error_len().is_none() && rest.len() < 4 {
                        self.carry = rest.to_vec();
                        return;
                    }
                    let Some((byte, rest)) = rest.split_first() else { return };
                    self.bad(*byte);
                    bytes = rest;
                }
            }
        }
    }

    fn good(&mut self, text: &str) {
        let Some(&first) = text.as_bytes().first() else { return };
        if self.last_was_lone && first.is_ascii_alphabetic() && !self.last.is_ascii_alphabetic() {
            self.in_words += 1;
        }
        self.last_was_lone = false;
        self.run = 0;
        self.multibyte |= !text.is_ascii();
        // Lines matter only up to the first byte that is not UTF-8.
        if self.first_line.is_none() {
            self.lines += text.bytes().filter(|b| *b == b'\n').count() as u64;
        }
        self.last = text.bytes().next_back().unwrap_or_default();
    }

    fn bad(&mut self, byte: u8) {
        self.first_line.get_or_insert(self.lines + 1);
        self.high += 1;
        self.run += 1;
        self.longest_run = self.longest_run.max(self.run);
        self.unassigned |= matches!(byte, 0x81 | 0x8d | 0x8f | 0x90 | 0x9d);
        let letter =
            matches!(byte, 0xc0..=0xd6 | 0xd8..=0xf6 | 0xf8..=0xff | 0x8a | 0x8c | 0x8e | 0x9a | 0x9c | 0x9e | 0x9f);
        self.letters += u64::from(letter);
        if letter && self.last.is_ascii_alphabetic() {
            self.in_words += 1;
            self.last_was_lone = false;
        } else {
            self.last_was_lone = letter;
            if !letter {
                self.last = b' ';
            }
        }
    }

    /// The verdict over all bytes.
    pub fn verdict(mut self) -> Verdict {
        for byte in std::mem::take(&mut self.carry) {
            self.bad(byte);
        }
        let Some(line) = self.first_line else { return Verdict::Utf8 };
        let western = !self.multibyte
            && !self.unassigned
            && self.high >= FEWEST
            && self.longest_run <= 3
            && self.in_words * 10 >= self.letters * 7;
        if western { Verdict::Windows1252 { line } } else { Verdict::Unknown }
    }
}

/// The verdict over bytes at hand.
pub fn judge(bytes: &[u8]) -> Verdict {
    let mut survey = Survey::default();
    survey.feed(bytes);
    survey.verdict()
}

/// The verdict over a file.
///
/// # Errors
/// When it cannot be read, or the work is cancelled.
pub fn judge_file(path: &Path, control: &Control) -> Result<Verdict> {
    let (mut file, metadata) = plain::open(path)?;
    let mut survey = Survey::default();
    plain::blocks(&mut file, path, "looking at the encoding", metadata.len(), control, |block| {
        survey.feed(block);
        Ok(())
    })?;
    Ok(survey.verdict())
}

/// What is said about a file read as Windows-1252.
pub fn windows_1252_note(line: u64) -> String {
    format!(
        "the file is not UTF-8 (the first such byte stands on line {line}); it was read as Windows-1252, the usual \
         encoding of Western European text"
    )
}

/// Bytes of Windows-1252 as UTF-8.
pub fn from_windows_1252(bytes: &[u8]) -> String {
    WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned()
}

/// The encoding that the mark at the start of UTF-16 text tells.
pub fn utf16_of(bytes: &[u8]) -> &'static Encoding {
    if bytes.starts_with(&[0xfe, 0xff]) { UTF_16BE } else { UTF_16LE }
}

/// Writes a file of another encoding into the spool as UTF-8, without a mark.
///
/// # Errors
/// When the bytes are not of that encoding, the disk is full, or the work is cancelled.
pub fn recode(path: &Path, encoding: &'static Encoding, spool: &Spool, control: &Control) -> Result<Spooled> {
    let (mut file, metadata) = plain::open(path)?;
    let mut out = spool.file()?;
    let mut decoder = encoding.new_decoder_with_bom_removal();
    let mut text = String::with_capacity(4 * BLOCK);
    let mut broken = false;
    let mut convert = |block: &[u8], last: bool, out: &mut super::spool::SpoolFile| -> Result<()> {
        let mut rest = block;
        loop {
            text.clear();
            let (result, read, replaced) = decoder.decode_to_string(rest, &mut text, last);
            broken |= replaced;
            // The decoder takes one mark away; who converts twice writes two.
            let fresh = if out.written() == 0 { text.trim_start_matches('\u{feff}') } else { &text };
            out.add(fresh.as_bytes())?;
            rest = rest.get(read..).unwrap_or_default();
            if result == CoderResult::InputEmpty {
                return Ok(());
            }
        }
    };
    plain::blocks(&mut file, path, "converting to UTF-8", metadata.len(), control, |block| {
        convert(block, false, &mut out)
    })?;
    convert(&[], true, &mut out)?;
    if broken {
        return Err(Error::input(format!("the file starts as {} but does not go on so", encoding.name()))
            .hint("Save it as UTF-8"));
    }
    out.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn western_text_is_told_from_damage() {
        let western = b"name,city\nM\xfcller,Z\xfcrich\nS\xf8ren,\xc5rhus\n";
        assert_eq!(judge(western), Verdict::Windows1252 { line: 2 });
        assert_eq!(judge(b"id,price\n1,10 \x80\n2,20 \x80\n3,caf\xe9 30 \x80\n"), Verdict::Windows1252 { line: 2 });
        assert_eq!(judge("name\nZürich\n".as_bytes()), Verdict::Utf8);
        // One valid sequence of UTF-8 is enough for doubt, and so are too few bytes.
        assert_eq!(judge(b"a\nM\xfcller\nS\xf8ren\n\xc5rhus\nZ\xc3\xbcrich\n"), Verdict::Unknown);
        assert_eq!(judge(b"a\nM\xfcller\n"), Verdict::Unknown);
        // `M\u{81}ller` is code page 850; Cyrillic (Windows-1251) and Japanese (Shift-JIS) stand in runs.
        assert_eq!(judge(b"a\nM\x81ller\nS\x81d\nT\x81r\n"), Verdict::Unknown);
        let cyrillic = encoding_rs::WINDOWS_1251.encode("имя\nМосква\nСанкт-Петербург\n").0.into_owned();
        assert_eq!(judge(&cyrillic), Verdict::Unknown);
        let japanese = encoding_rs::SHIFT_JIS.encode("名前\n東京\n大阪\n京都市\n").0.into_owned();
        assert_eq!(judge(&japanese), Verdict::Unknown);
    }

    proptest! {
        /// Blocks may be cut anywhere.
        #[test]
        fn cuts_do_not_change_the_verdict(text in "[a-zäöüß€\n,]{0,60}", latin in any::<bool>(), cut in 0usize..60) {
            let bytes = if latin { WINDOWS_1252.encode(&text).0.into_owned() } else { text.into_bytes() };
            let (a, b) = bytes.split_at(cut.min(bytes.len()));
            let mut survey = Survey::default();
            survey.feed(a);
            survey.feed(b);
            prop_assert_eq!(survey.verdict(), judge(&bytes));
        }

        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200), size in 1usize..9) {
            let mut survey = Survey::default();
            bytes.chunks(size).for_each(|block| survey.feed(block));
            let _ = survey.verdict();
        }

        #[test]
        fn utf16_is_converted(text in "[a-zäß東🚕\n,]{0,200}", big in any::<bool>()) {
            let units = std::iter::once(0xfeff).chain(text.encode_utf16());
            let bytes: Vec<u8> = units.flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() }).collect();
            let spool = Spool::new().unwrap();
            let mut file = spool.file().unwrap();
            file.add(&bytes).unwrap();
            let raw = file.finish().unwrap();
            let done = recode(&raw.path, utf16_of(&bytes), &spool, &Control::default()).unwrap();
            prop_assert_eq!(std::fs::read(done.path).unwrap(), text.into_bytes());
        }
    }
}
