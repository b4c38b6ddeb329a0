//! The scan of a delimited text: blocks are read one after the other, cut into cells in parallel, and taken in column by
//! column in parallel, in the order of the file. The same file therefore gives the same bytes, on any number of cores.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use rayon::prelude::*;

use super::Limits;
use super::blocks::{BLOCK, Block, Blocks, LONGEST_RECORD};
use super::gather::{Gathered, Route, Source, Taken};
use super::records::{Broken, Cells, Format, NO_TEXT, Records};
use super::strict;
use crate::data::csv::guess::nearly;
use crate::data::csv::{self, Guess, Reading, Spellings};
use crate::data::profile::Misfits;
use crate::data::{LoadOptions, brief};
use crate::engine::{Aggregates, Control, Executor, RowSample};
use crate::error::{Error, Result};

/// Pieces of the file that are looked at beforehand, evenly spaced, and the bytes of each.
const PIECES: u64 = 64;
const PIECE: usize = 48 << 10;

/// Sampled records as they stand in the file, with their row numbers (from 0).
pub type Sampled = Vec<(u64, Box<str>)>;

/// A delimited text on disk that is about to be read once.
pub struct CsvScan {
    pub(super) path: String,
    pub(super) size: u64,
    pub(super) options: LoadOptions,
    limits: Limits,
    /// Names of the columns.
    pub names: Vec<String>,
    delimiter: u8,
    /// Bytes before the first record.
    start: usize,
    /// Evenly spaced pieces that are looked at beforehand, and the bytes of each.
    look: (u64, usize),
    /// Remarks about the head of the file.
    pub notes: Vec<String>,
    pub(super) readings: Vec<Reading>,
    /// What all cells of each column allow, after the scan.
    pub guesses: Vec<Guess>,
    /// What each column of text would be but for some cells; empty where these are not asked for.
    nearly: Vec<Option<Reading>>,
    /// Of each column of text that is nearly something else, the cells that are not, after the scan.
    pub misfits: Vec<Option<Misfits>>,
    /// SHA-256 of the file, after the scan.
    pub fingerprint: String,
}

/// The sample of evenly spaced pieces, by column.
pub struct Spread {
    /// What the columns seem to hold.
    pub readings: Vec<Reading>,
    /// What the cells that were seen allow.
    pub guesses: Vec<Guess>,
    /// What each column of text would be but for some cells.
    pub nearly: Vec<Option<Reading>>,
    /// Values of columns that hold no text.
    pub numbers: Vec<Vec<f64>>,
    /// Values of columns of text.
    pub texts: Vec<Vec<String>>,
    /// Mean bytes of a record; 0 when none made sense.
    pub record_bytes: f64,
}

impl CsvScan {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// As [`csv::read`] for the header.
    pub fn open(path: &str, size: u64, options: &LoadOptions, limits: Limits) -> Result<Self> {
        let mut notes = Vec::new();
        let mut blocks = Blocks::new(File::open(path)?, path.to_owned(), limits.block);
        let mut wanted = BLOCK;
        let (mark, delimiter, names, start) = loop {
            let head = blocks.head(wanted)?;
            let mark = if head.starts_with(&[0xef, 0xbb, 0xbf]) { 3 } else { 0 };
            let text = head.get(mark..).unwrap_or_default();
            notes.clear();
            let delimiter = csv::delimiter(text, options, &mut notes)?;
            let (names, start) = csv::header(text, delimiter, &mut notes)?;
            // A header that fills all of it may go on; very wide tables have one of some megabytes.
            if start < text.len() || (head.len() as u64) >= size || wanted >= LONGEST_RECORD {
                break (mark, delimiter, names, start);
            }
            wanted *= 2;
        };
        Ok(Self {
            path: path.to_owned(),
            size,
            options: options.clone(),
            limits,
            names,
            delimiter,
            start: mark + start,
            look: (PIECES, PIECE),
            notes,
            readings: Vec::new(),
            guesses: Vec::new(),
            nearly: Vec::new(),
            misfits: Vec::new(),
            fingerprint: String::new(),
        })
    }

    /// Looks at less beforehand, as one of so many files.
    pub fn one_of(mut self, files: usize) -> Self {
        let files = files.max(1);
        self.look = ((4 * PIECES / files as u64).clamp(2, PIECES), (64 * PIECE / files).clamp(1 << 12, PIECE));
        self
    }

    pub(super) fn format(&self, readings: Vec<Reading>) -> Format {
        let spellings = Spellings::with(&self.options.missing);
        let fast = !spellings.may_be_value();
        Format { delimiter: self.delimiter, spellings, readings, nearly: Vec::new(), fast }
    }

    /// Looks at evenly spaced pieces of the file. What is found only makes the scan faster and its buckets finer: a piece
    /// may begin inside of a quoted text, and records that make no sense are passed over.
    pub(super) fn spread(&self, known: Option<Vec<Reading>>, control: &Control) -> Result<Spread> {
        let width = self.names.len();
        let format = self.format(vec![Reading::Text; width]);
        let mut file = File::open(&self.path)?;
        let (count, length) = self.look;
        let step = (self.size / count).max(length as u64);
        let mut guesses: Vec<Guess> = (0..width).map(|_| format.fresh()).collect();
        let mut pieces = Vec::new();
        let (mut bytes, mut rows) = (0usize, 0usize);
        for i in 0..count {
            control.check()?;
            let from = i * step;
            if from >= self.size {
                break;
            }
            let mut piece = Vec::with_capacity(length);
            file.seek(SeekFrom::Start(from))?;
            Read::by_ref(&mut file).take(length as u64).read_to_end(&mut piece)?;
            let begin =
                if i == 0 { self.start } else { memchr::memchr(b'\n', &piece).map_or(piece.len(), |at| at + 1) };
            let end = memchr::memrchr(b'\n', &piece).map_or(0, |at| at + 1);
            let whole = from + piece.len() as u64 >= self.size;
            let end = if whole { piece.len() } else { end };
            let Some(part) = piece.get(begin..end).filter(|p| !p.is_empty()) else { continue };
            let mut reader = csv::reader(part, self.delimiter);
            let mut record = ::csv::ByteRecord::new();
            while reader.read_byte_record(&mut record).unwrap_or(false) {
                if record.len() != width || std::str::from_utf8(record.as_slice()).is_err() {
                    continue;
                }
                rows += 1;
                bytes += record.as_slice().len() + width;
                for (guess, cell) in guesses.iter_mut().zip(&record) {
                    guess.see(cell.trim_ascii(), &format.spellings);
                }
            }
            pieces.push(part.to_vec());
        }
        let readings = known.unwrap_or_else(|| guesses.iter().map(Guess::reading).collect());
        let mut spread = Spread {
            numbers: vec![Vec::new(); width],
            texts: vec![Vec::new(); width],
            record_bytes: bytes as f64 / rows.max(1) as f64,
            nearly: Vec::new(),
            readings: readings.clone(),
            guesses,
        };
        let (format, route) = (self.format(readings), Route::straight(width));
        for records in pieces.into_iter().filter_map(|piece| format.read(piece, &route).ok()) {
            for (i, cells) in records.columns.iter().enumerate() {
                match cells {
                    Cells::Numbers(values) => {
                        spread.numbers.get_mut(i).into_iter().for_each(|all| all.extend(values));
                    }
                    Cells::Texts(ranges) => {
                        let texts = ranges.iter().filter_map(|r| records.text.get(r.0 as usize..r.1 as usize));
                        spread
                            .texts
                            .get_mut(i)
                            .into_iter()
                            .for_each(|all| all.extend(texts.clone().map(str::to_owned)));
                    }
                }
            }
        }
        spread.nearly = spread
            .texts
            .iter()
            .map(|texts| nearly(texts.iter().map(|t| (t.as_str(), 1))))
            .map(|n| n.map(|(r, _)| r))
            .collect();
        Ok(spread)
    }

    fn plan(&self, spread: &Spread) -> Vec<Taken> {
        let width = self.names.len();
        let most = (self.limits.distinct_of(width), self.limits.text_bytes_of(width));
        let seen = spread.numbers.par_iter().zip(&spread.texts);
        (spread.readings.par_iter().zip(seen))
            .map(|(reading, (numbers, texts))| {
                let frequent = super::frequent(texts.iter().map(String::as_str));
                Taken::plan(csv::physical(*reading), numbers, frequent, most)
            })
            .collect()
    }

    /// Reads all records once with the expected readings.
    fn pass(&mut self, spread: &Spread, control: &Control) -> Result<(Aggregates, Sampled)> {
        let mut to = Gathered::new(self.plan(spread));
        let mut sample = sample(self.limits.sample_rows, spread.record_bytes, self.expected(spread));
        let route = Route::straight(self.names.len());
        self.nearly.clone_from(&spread.nearly);
        self.run(&spread.readings, &route, &mut to, &mut sample, (0.0, 0.8), control)?;
        let sample = sample.into_rows();
        let sampled = sample.iter().map(|(row, _)| *row).collect();
        Ok((to.finish(sampled, control)?, sample))
    }

    /// About how many records the file has.
    pub(super) fn expected(&self, spread: &Spread) -> u64 {
        (self.size as f64 / spread.record_bytes.max(1.0)) as u64
    }

    /// Takes in all records with these readings, as rows after those that were taken in. Afterwards the guesses and the
    /// fingerprint are known. `span` is where the file begins in the whole work, and its share of it.
    ///
    /// # Errors
    /// When the file is not well formed or has no row, or the work is cancelled.
    pub fn run(
        &mut self,
        readings: &[Reading],
        route: &Route,
        to: &mut Gathered,
        sample: &mut RowSample<Box<str>>,
        span: (f64, f64),
        control: &Control,
    ) -> Result<()> {
        let format = Format { nearly: self.nearly.clone(), ..self.format(readings.to_vec()) };
        let mut misfits: Vec<Option<Misfits>> = self.nearly.iter().map(|n| n.map(Misfits::of)).collect();
        let mut guesses: Vec<Guess> = self.names.iter().map(|_| format.fresh()).collect();
        let (rows, fingerprint) = self.each("reading rows", span, control, |blocks, rows| {
            let read = |bytes| format.read(bytes, route);
            let (parts, end) = self.in_order(blocks, rows, control, read, Records::len)?;
            control.check()?;
            take_in(&parts, route, to, sample);
            for (first, part) in &parts {
                misfits.iter_mut().zip(&part.misfits).for_each(|(all, odd)| part.collect(*first, odd, all.as_mut()));
            }
            for (_, part) in parts {
                guesses.iter_mut().zip(part.guesses).for_each(|(all, part)| all.merge(part));
            }
            Ok(end)
        })?;
        to.rows += rows;
        self.fingerprint = fingerprint;
        self.guesses = guesses;
        self.misfits = misfits;
        Ok(())
    }

    /// Hands the file to `take`, some blocks at a time, with the number of rows before them; it gives that up to their end.
    /// The next blocks are read meanwhile. Gives the number of rows and the file's SHA-256.
    pub(super) fn each(
        &self,
        what: &str,
        span: (f64, f64),
        control: &Control,
        mut take: impl FnMut(Vec<Block>, u64) -> Result<u64> + Send,
    ) -> Result<(u64, String)> {
        let mut blocks = Blocks::new(File::open(&self.path)?, self.path.clone(), self.limits.block);
        blocks.head(self.start)?;
        blocks.skip(self.start, self.delimiter);
        let together = rayon::current_num_threads().max(2) * 2;
        let mut rows = 0u64;
        let mut current = blocks.take(together)?;
        while !current.is_empty() {
            control.check()?;
            let done = blocks.offset();
            control.report(
                what,
                Some(span.0 + done as f64 / self.size.max(1) as f64 * span.1),
                format!("{} of {} MB", done >> 20, self.size >> 20),
            );
            let (next, taken) = rayon::join(|| blocks.take(together), || take(current, rows));
            rows = taken?;
            current = next?;
        }
        if rows == 0 {
            return Err(Error::input("there is a header but no row under it").hint("Check that the export finished"));
        }
        Ok((rows, blocks.fingerprint()))
    }

    /// What was read of some blocks, with the number of the row (from 0) at which each begins, and the number of rows up to
    /// their end.
    pub(super) fn in_order<T: Send>(
        &self,
        blocks: Vec<Block>,
        rows: u64,
        control: &Control,
        read: impl Fn(Vec<u8>) -> Result<T, Broken> + Sync,
        len: impl Fn(&T) -> usize,
    ) -> Result<(Vec<(u64, T)>, u64)> {
        let done: Vec<(u64, Result<T, Broken>)> = blocks
            .into_par_iter()
            .map(|block| {
                control.check()?;
                Ok((block.offset, read(block.bytes)))
            })
            .collect::<Result<_>>()?;
        let mut parts: Vec<(u64, T)> = Vec::with_capacity(done.len());
        let mut first = rows;
        for (offset, part) in done {
            let part = part
                .map_err(|Broken(bytes)| strict::why(&bytes, offset, first, self.delimiter, &self.names, &self.path))?;
            let next = first + len(&part) as u64;
            parts.push((first, part));
            first = next;
        }
        Ok((parts, first))
    }

    /// Notes what a person should know about how the columns were read.
    pub(super) fn remark(&mut self) {
        if self.names.len() == 1 {
            self.notes.push(csv::ONE_COLUMN.to_owned());
        }
        for ((name, guess), reading) in self.names.iter().zip(&self.guesses).zip(&self.readings) {
            csv::describe(name, guess, *reading, &mut self.notes);
        }
    }

    /// The readings that all cells fit, after the scan.
    pub fn readings(&self) -> &[Reading] {
        &self.readings
    }

    /// The frame of some records of the file.
    ///
    /// # Errors
    /// When the work is cancelled.
    pub fn frame(&self, records: &[(u64, Box<str>)], control: &Control) -> Result<polars::prelude::DataFrame> {
        let mut text = Vec::with_capacity(records.iter().map(|(_, r)| r.len() + 1).sum());
        for (_, record) in records {
            text.extend_from_slice(record.as_bytes());
            if !record.ends_with(['\n', '\r']) {
                text.push(b'\n');
            }
        }
        let columns = csv::rows(&text, self.delimiter, &self.names, &self.readings, &self.options, control)?;
        Ok(polars::prelude::DataFrame::new(records.len(), columns)?)
    }
}

/// A sample of so many rows, or of fewer where records are very long; half of it again is held while it is drawn.
pub fn sample(rows: usize, record_bytes: f64, expected: u64) -> RowSample<Box<str>> {
    let fit = (super::SAMPLE_BYTES / record_bytes.max(1.0)) as usize;
    RowSample::expecting(rows.min(fit.max(1000)), expected)
}

/// Takes in the records of some blocks, which are given with the row (from 0) of the file at which they begin.
fn take_in(parts: &[(u64, Records)], route: &Route, to: &mut Gathered, sample: &mut RowSample<Box<str>>) {
    let Gathered { columns, hashes, rows: before } = to;
    let before = *before;
    rayon::join(
        || {
            columns.par_iter_mut().zip(&route.sources).for_each(|(taken, source)| {
                for (first, part) in parts {
                    let first = before + first;
                    let cells = if let Source::Column(i) = source { part.columns.get(*i) } else { None };
                    match (cells, &mut *taken) {
                        (Some(Cells::Numbers(values)), Taken::Numbers(numbers)) => numbers.push(first, values),
                        (Some(Cells::Texts(ranges)), Taken::Texts(texts)) => {
                            for range in ranges {
                                let text = part.text.get(range.0 as usize..range.1 as usize);
                                texts.push(text.filter(|_| *range != NO_TEXT));
                            }
                        }
                        // Numbers where the table has texts: the column seemed to be empty.
                        (_, taken) => taken.constant(first, part.len(), source),
                    }
                }
            });
        },
        || {
            for (first, part) in parts {
                hashes.push(&part.hashes);
                for row in 0..part.len() {
                    sample.offer(before + first + row as u64, || part.record(row).into());
                }
            }
        },
    );
}

/// Whether columns read one way hold what they would hold read the other way, so that no second pass is needed.
pub fn same(expected: Reading, found: Reading) -> bool {
    let number = |r| matches!(r, Reading::Integer | Reading::Float);
    expected == found || (number(expected) && number(found))
}

impl Executor for CsvScan {
    type Rows = Sampled;

    fn aggregate(&mut self, control: &Control) -> Result<(Aggregates, Self::Rows)> {
        let spread = self.spread(None, control)?;
        let mut done = self.pass(&spread, control)?;
        let found: Vec<Reading> = self.guesses.iter().map(Guess::reading).collect();
        let wrong = spread.readings.iter().zip(&found).position(|(expected, found)| !same(*expected, *found));
        if let Some(column) = wrong {
            let name = self.names.get(column).map_or("", String::as_str);
            control.report("reading rows again", Some(0.0), brief(name, 40));
            let spread = self.spread(Some(found.clone()), control)?;
            done = self.pass(&spread, control)?;
        }
        self.readings = found;
        self.remark();
        Ok(done)
    }
}
