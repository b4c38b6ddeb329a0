//! A file in blocks that start and end at records, with its fingerprint made on the way.

use std::fs::File;
use std::io::{ErrorKind, Read};

use sha2::{Digest, Sha256};

use crate::data::csv::dialect;
use crate::data::source::hex;
use crate::error::{Error, Result};

/// Bytes of a block: its cells fit into a core's cache, and a cancel takes effect after a few of them.
pub const BLOCK: usize = 1 << 20;

/// A record of more bytes than this is a lost quote.
pub const LONGEST_RECORD: usize = 64 << 20;

/// Some whole records.
#[derive(Debug)]
pub struct Block {
    /// Their bytes.
    pub bytes: Vec<u8>,
    /// Where they start in the file.
    pub offset: u64,
}

/// Reads a file from its start to its end, once.
pub struct Blocks {
    file: File,
    name: String,
    delimiter: u8,
    size: usize,
    /// Bytes read that are not in a block yet, and where they start in the file.
    rest: Vec<u8>,
    offset: u64,
    hash: Sha256,
    ended: bool,
}

impl Blocks {
    /// Starts on a file of which nothing was read yet; `name` is for messages.
    pub fn new(file: File, name: String, size: usize) -> Self {
        Self {
            file,
            name,
            delimiter: b',',
            size: size.max(1),
            rest: Vec::new(),
            offset: 0,
            hash: Sha256::new(),
            ended: false,
        }
    }

    /// Reads until at least `least` bytes wait, or the file ends.
    fn fill(&mut self, least: usize) -> Result<()> {
        while !self.ended && self.rest.len() < least {
            let from = self.rest.len();
            self.rest.resize(least.max(from + 1), 0);
            let room = self.rest.get_mut(from..).unwrap_or_default();
            let n = match self.file.read(room) {
                Ok(n) => n,
                Err(e) if e.kind() == ErrorKind::Interrupted => {
                    self.rest.truncate(from);
                    continue;
                }
                Err(e) => {
                    return Err(Error::input(format!("{} cannot be read: {e}", self.name))
                        .hint("Check the disk or the network share and try again"));
                }
            };
            self.hash.update(room.get(..n).unwrap_or_default());
            self.ended = n == 0;
            self.rest.truncate(from + n);
        }
        Ok(())
    }

    /// The first bytes of the file, which stay where they are.
    pub fn head(&mut self, length: usize) -> Result<&[u8]> {
        self.fill(length)?;
        Ok(&self.rest)
    }

    /// Passes over bytes in front (a byte order mark, the header) and says what separates columns in the rest.
    pub fn skip(&mut self, bytes: usize, delimiter: u8) {
        let bytes = bytes.min(self.rest.len());
        self.rest.drain(..bytes);
        self.offset += bytes as u64;
        self.delimiter = delimiter;
    }

    /// The next block; `None` at the end.
    ///
    /// # Errors
    /// When the file cannot be read, or a quote is never closed.
    pub fn next(&mut self) -> Result<Option<Block>> {
        let mut wanted = self.size;
        loop {
            self.fill(wanted)?;
            if self.rest.is_empty() {
                return Ok(None);
            }
            let end = match cut(&self.rest, self.delimiter) {
                // Before an open quote there are whole records; the next call finds the quote alone.
                Cut { end: Some(end), open } if open.is_some() || !self.ended => end,
                Cut { open: None, .. } if self.ended => self.rest.len(),
                Cut { open: Some(at), .. } if self.ended => return Err(self.open(at, "is never closed")),
                Cut { open, .. } if self.rest.len() >= LONGEST_RECORD => {
                    return Err(match open {
                        Some(at) => self.open(at, "is not closed within 64 MB"),
                        None => Error::input("a line is longer than 64 MB").hint("Check that this is a table"),
                    });
                }
                Cut { .. } => {
                    wanted = self.rest.len() * 2;
                    continue;
                }
            };
            let rest = self.rest.split_off(end);
            let bytes = std::mem::replace(&mut self.rest, rest);
            let offset = self.offset;
            self.offset += bytes.len() as u64;
            return Ok(Some(Block { bytes, offset }));
        }
    }

    /// At most `count` blocks; none at the end.
    pub fn take(&mut self, count: usize) -> Result<Vec<Block>> {
        let mut blocks = Vec::with_capacity(count);
        while blocks.len() < count
            && let Some(block) = self.next()?
        {
            blocks.push(block);
        }
        Ok(blocks)
    }

    fn open(&self, at: usize, how: &str) -> Error {
        Error::input(format!(
            "line {}: a quote opens here and {how}",
            line(&self.name, self.offset).unwrap_or(1) + dialect::line_of(&self.rest, at) - 1
        ))
        .hint("Close the quote, or write a quote inside a quoted field twice")
    }

    /// Where the bytes start that are not in a block yet.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The SHA-256 of the whole file in hex; to be asked after the last block.
    pub fn fingerprint(self) -> String {
        hex(&self.hash.finalize())
    }
}

/// The line (from 1) on which a byte of a file stands. It reads the file once more, for a message.
pub fn line(path: &str, offset: u64) -> Option<usize> {
    let mut file = File::open(path).ok()?.take(offset);
    let mut buffer = vec![0u8; BLOCK];
    let mut lines = 1;
    loop {
        match file.read(&mut buffer).ok()? {
            0 => return Some(lines),
            n => lines += memchr::memchr_iter(b'\n', buffer.get(..n)?).count(),
        }
    }
}

struct Cut {
    /// Where the last whole record ends.
    end: Option<usize>,
    /// Where a quote opens that is still open at the end.
    open: Option<usize>,
}

/// Finds the end of the last whole record in bytes that start at one (see [`dialect::split`] for the rules of quotes).
fn cut(bytes: &[u8], delimiter: u8) -> Cut {
    if memchr::memchr(b'"', bytes).is_none() {
        let end = memchr::memrchr(b'\n', bytes).map(|at| at + 1);
        return Cut { end: end.or_else(|| old_line_end(bytes)), open: None };
    }
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        FieldStart,
        Plain,
        Quoted,
        QuoteInQuoted,
    }
    let mut state = State::FieldStart;
    let (mut opened, mut end) = (0, None);
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        state = match (state, byte) {
            (State::Quoted, b'"') => State::QuoteInQuoted,
            (State::Quoted, _) => {
                // Inside quotes only the next quote matters.
                let Some(next) = bytes.get(at..).and_then(|rest| memchr::memchr(b'"', rest)) else { break };
                at += next;
                continue;
            }
            (State::QuoteInQuoted, b'"') => State::Quoted,
            (State::FieldStart, b'"') => {
                opened = at;
                State::Quoted
            }
            (_, b'\n') => {
                end = Some(at + 1);
                State::FieldStart
            }
            (_, b'\r') => State::FieldStart,
            (_, b) if b == delimiter => State::FieldStart,
            _ => State::Plain,
        };
        at += 1;
    }
    Cut { end, open: (state == State::Quoted).then_some(opened) }
}

/// Files of old Macintoshes end their lines with a carriage return alone. One at the very end may be half of `\r\n`.
fn old_line_end(bytes: &[u8]) -> Option<usize> {
    let inner = bytes.len().checked_sub(1).and_then(|n| bytes.get(..n))?;
    memchr::memrchr(b'\r', inner).map(|at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::csv::reader;
    use proptest::prelude::*;

    fn blocks(text: &[u8], size: usize) -> Result<(Vec<Block>, String)> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.csv");
        std::fs::write(&path, text).unwrap();
        let mut blocks = Blocks::new(File::open(&path).unwrap(), path.to_str().unwrap().to_owned(), size);
        let mut all = Vec::new();
        while let Some(block) = blocks.next()? {
            all.push(block);
        }
        Ok((all, blocks.fingerprint()))
    }

    #[test]
    fn an_open_quote_is_named_with_its_line() {
        let error = blocks(b"a,b\n1,2\n1,\"x\n2,y\n", 4).unwrap_err();
        assert!(error.message.contains("line 3"), "{error}");
    }

    proptest! {
        /// Cutting must not change what the reader sees, whatever quotes and line ends there are; no byte gets lost.
        #[test]
        fn records_survive_the_cut(text in "[ab,\"\n\r]{0,80}", size in 1usize..20) {
            let all = |bytes: &[u8]| -> Vec<csv::ByteRecord> { reader(bytes, b',').byte_records().map(|r| r.unwrap()).collect() };
            if dialect::split(text.as_bytes(), b',', 1000).is_ok() {
                let (found, fingerprint) = blocks(text.as_bytes(), size).unwrap();
                let parts: Vec<_> = found.iter().flat_map(|b| all(&b.bytes)).collect();
                prop_assert_eq!(parts, all(text.as_bytes()));
                prop_assert_eq!(found.iter().flat_map(|b| b.bytes.clone()).collect::<Vec<_>>(), text.as_bytes());
                prop_assert_eq!(fingerprint, hex(&Sha256::digest(text.as_bytes())));
            } else {
                prop_assert!(blocks(text.as_bytes(), size).is_err());
            }
        }
    }
}
