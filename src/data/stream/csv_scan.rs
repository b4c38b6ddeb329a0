//! The scan of a delimited text: blocks are read one after the other, cut into cells in parallel, and taken in column by
//! column in parallel, in the order of the file. The same file therefore gives the same bytes, on any number of cores.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;

use rayon::prelude::*;

use super::Limits;
use super::blocks::{BLOCK, Block, Blocks};
use super::records::{Broken, Cells, Format, MISFITS, NO_TEXT, Records};
use super::strict;
use crate::data::csv::guess::nearly;
use crate::data::csv::{self, Guess, Reading, Spellings};
use crate::data::profile::Misfits;
use crate::data::{LoadOptions, brief};
use crate::engine::{
    Aggregates, Control, Edges, Executor, NumberColumn, NumberPlan, RowHashes, RowSample, Shape, Summary, TextColumn,
    TextPlan,
};
use crate::error::{Error, Result};

/// Pieces of the file that are looked at beforehand, evenly spaced, and the bytes of each.
const PIECES: u64 = 64;
const PIECE: usize = 48 << 10;

/// Sampled records as they stand in the file, with their row numbers (from 0).
type Sampled = Vec<(u64, Box<str>)>;

/// A delimited text on disk that is about to be read once.
pub struct CsvScan {
    path: String,
    size: u64,
    options: LoadOptions,
    limits: Limits,
    /// Names of the columns.
    pub names: Vec<String>,
    delimiter: u8,
    /// Bytes before the first record.
    start: usize,
    /// Remarks about the head of the file.
    pub notes: Vec<String>,
    readings: Vec<Reading>,
    /// What all cells of each column allow, after the scan.
    pub guesses: Vec<Guess>,
    /// Of each column of text that is nearly something else, the cells that are not, after the scan.
    pub misfits: Vec<Option<Misfits>>,
    /// SHA-256 of the file, after the scan.
    pub fingerprint: String,
}

/// A column that is being taken in.
enum Taken {
    Numbers(NumberColumn),
    Texts(TextColumn),
}

/// The sample of evenly spaced pieces, by column.
struct Spread {
    readings: Vec<Reading>,
    nearly: Vec<Option<Reading>>,
    numbers: Vec<Vec<f64>>,
    texts: Vec<Vec<String>>,
    record_bytes: f64,
}

impl CsvScan {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// As [`csv::read`] for the header.
    pub fn open(path: &str, size: u64, options: &LoadOptions, limits: Limits) -> Result<Self> {
        let mut notes = Vec::new();
        let mut blocks = Blocks::new(File::open(path)?, path.to_owned(), limits.block);
        let head = blocks.head(BLOCK)?;
        let mark = if head.starts_with(&[0xef, 0xbb, 0xbf]) { 3 } else { 0 };
        let text = head.get(mark..).unwrap_or_default();
        let delimiter = csv::delimiter(text, options, &mut notes)?;
        let (names, start) = csv::header(text, delimiter, &mut notes)?;
        Ok(Self {
            path: path.to_owned(),
            size,
            options: options.clone(),
            limits,
            names,
            delimiter,
            start: mark + start,
            notes,
            readings: Vec::new(),
            guesses: Vec::new(),
            misfits: Vec::new(),
            fingerprint: String::new(),
        })
    }

    fn format(&self, readings: Vec<Reading>) -> Format {
        let spellings = Spellings::with(&self.options.missing);
        let fast = !spellings.may_be_value();
        Format { delimiter: self.delimiter, spellings, readings, nearly: Vec::new(), fast }
    }

    /// Looks at evenly spaced pieces of the file. What is found only makes the scan faster and its buckets finer: a piece
    /// may begin inside of a quoted text, and records that make no sense are passed over.
    fn spread(&self, known: Option<Vec<Reading>>, control: &Control) -> Result<Spread> {
        let width = self.names.len();
        let format = self.format(vec![Reading::Text; width]);
        let mut file = File::open(&self.path)?;
        let step = (self.size / PIECES).max(PIECE as u64);
        let mut guesses: Vec<Guess> = (0..width).map(|_| format.fresh()).collect();
        let mut pieces = Vec::new();
        let (mut bytes, mut rows) = (0usize, 0usize);
        for i in 0..PIECES {
            control.check()?;
            let from = i * step;
            if from >= self.size {
                break;
            }
            let mut piece = Vec::with_capacity(PIECE);
            file.seek(SeekFrom::Start(from))?;
            Read::by_ref(&mut file).take(PIECE as u64).read_to_end(&mut piece)?;
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
        };
        let format = self.format(readings);
        for records in pieces.into_iter().filter_map(|piece| format.read(piece).ok()) {
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
        let most_distinct = self.limits.distinct_of(self.names.len());
        let most_bytes = self.limits.text_bytes_of(self.names.len());
        spread
            .readings
            .par_iter()
            .enumerate()
            .map(|(i, reading)| {
                let per_day = match reading {
                    Reading::Date(_) => Some(1.0),
                    Reading::Datetime(_) => Some(86_400.0),
                    Reading::Text => {
                        let texts = spread.texts.get(i).map_or(&[][..], Vec::as_slice);
                        return Taken::Texts(TextColumn::new(TextPlan {
                            most_distinct,
                            most_bytes,
                            frequent: super::frequent(texts.iter().map(String::as_str)),
                        }));
                    }
                    _ => None,
                };
                let edges = Arc::new(Edges::plan(spread.numbers.get(i).map_or(&[], Vec::as_slice)));
                Taken::Numbers(NumberColumn::new(NumberPlan { most_distinct, edges, per_day }))
            })
            .collect()
    }

    /// Reads all records once with the expected readings.
    fn pass(&mut self, spread: &Spread, control: &Control) -> Result<(Aggregates, Sampled)> {
        let format = Format { nearly: spread.nearly.clone(), ..self.format(spread.readings.clone()) };
        let mut misfits: Vec<Option<Misfits>> = spread.nearly.iter().map(|n| n.map(Misfits::of)).collect();
        let mut columns = self.plan(spread);
        let mut guesses: Vec<Guess> = self.names.iter().map(|_| format.fresh()).collect();
        let mut hashes = RowHashes::default();
        let expected = (self.size as f64 / spread.record_bytes.max(1.0)) as u64;
        // Very long records make a smaller sample; half of it again is held while it is drawn.
        let fit = (super::SAMPLE_BYTES / spread.record_bytes.max(1.0)) as usize;
        let mut sample = RowSample::expecting(self.limits.sample_rows.min(fit.max(1000)), expected);
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
                "reading rows",
                Some(done as f64 / self.size.max(1) as f64 * 0.8),
                format!("{} of {} MB", done >> 20, self.size >> 20),
            );
            let (next, taken) = rayon::join(
                || blocks.take(together),
                || {
                    self.take_in(
                        &format,
                        current,
                        rows,
                        &mut columns,
                        &mut guesses,
                        &mut misfits,
                        &mut hashes,
                        &mut sample,
                        control,
                    )
                },
            );
            rows = taken?;
            current = next?;
        }
        if rows == 0 {
            return Err(Error::input("there is a header but no row under it").hint("Check that the export finished"));
        }
        self.fingerprint = blocks.fingerprint();
        self.guesses = guesses;
        self.misfits = misfits;
        control.check()?;
        let (columns, shapes): (Vec<Summary>, Vec<Option<Shape>>) = columns
            .into_par_iter()
            .map(|column| match column {
                Taken::Numbers(numbers) => (numbers.finish(), None),
                Taken::Texts(texts) => texts.finish(),
            })
            .unzip();
        control.check()?;
        let sample = sample.into_rows();
        let sampled = sample.iter().map(|(row, _)| *row).collect();
        Ok((Aggregates { rows, columns, shapes, repeated: hashes.finish(control)?, sampled }, sample))
    }

    /// Takes in some blocks; gives the number of rows up to their end.
    #[allow(clippy::too_many_arguments)]
    fn take_in(
        &self,
        format: &Format,
        blocks: Vec<Block>,
        rows: u64,
        columns: &mut [Taken],
        guesses: &mut [Guess],
        misfits: &mut [Option<Misfits>],
        hashes: &mut RowHashes,
        sample: &mut RowSample<Box<str>>,
        control: &Control,
    ) -> Result<u64> {
        let read: Vec<(u64, Result<Records, Broken>)> = blocks
            .into_par_iter()
            .map(|block| {
                control.check()?;
                Ok((block.offset, format.read(block.bytes)))
            })
            .collect::<Result<_>>()?;
        let mut parts: Vec<(u64, Records)> = Vec::with_capacity(read.len());
        let mut first = rows;
        for (offset, part) in read {
            let part = part
                .map_err(|Broken(bytes)| strict::why(&bytes, offset, first, self.delimiter, &self.names, &self.path))?;
            let next = first + part.len() as u64;
            parts.push((first, part));
            first = next;
        }
        control.check()?;
        rayon::join(
            || {
                columns.par_iter_mut().enumerate().for_each(|(i, column)| {
                    for (first, part) in &parts {
                        match (part.columns.get(i), &mut *column) {
                            (Some(Cells::Numbers(values)), Taken::Numbers(numbers)) => numbers.push(*first, values),
                            (Some(Cells::Texts(ranges)), Taken::Texts(texts)) => {
                                for range in ranges {
                                    let text = part.text.get(range.0 as usize..range.1 as usize);
                                    texts.push(text.filter(|_| *range != NO_TEXT));
                                }
                            }
                            _ => {}
                        }
                    }
                });
            },
            || {
                for (first, part) in &parts {
                    hashes.push(&part.hashes);
                    for row in 0..part.len() {
                        sample.offer(first + row as u64, || part.record(row).into());
                    }
                }
            },
        );
        for (first, part) in &parts {
            for (all, (count, odd)) in misfits.iter_mut().zip(&part.misfits) {
                let Some(all) = all else { continue };
                all.count += count;
                let room = MISFITS.saturating_sub(all.first.len());
                all.first.extend(odd.iter().take(room).map(|(row, range)| {
                    let text = part.text.get(range.0 as usize..range.1 as usize).unwrap_or_default();
                    (first + *row as u64, text.to_owned())
                }));
            }
        }
        for (_, part) in parts {
            guesses.iter_mut().zip(part.guesses).for_each(|(all, part)| all.merge(part));
        }
        Ok(first)
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

/// Whether columns read one way hold what they would hold read the other way, so that no second pass is needed.
fn same(expected: Reading, found: Reading) -> bool {
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
        if self.names.len() == 1 {
            self.notes.push(csv::ONE_COLUMN.to_owned());
        }
        for ((name, guess), reading) in self.names.iter().zip(&self.guesses).zip(&self.readings) {
            csv::describe(name, guess, *reading, &mut self.notes);
        }
        Ok(done)
    }
}
