//! From the bytes of a block to columns of values, with what the cells show about their column.

use super::cells::{self, Cell};
use super::gather::Route;
use crate::data::csv::dates::{self, DAY, Order, Style};
use crate::data::csv::guess::{boolean, comma_to_point, fits, number, trim};
use crate::data::csv::missing::Missing;
use crate::data::csv::{Guess, Reading, Spellings, fast};
use crate::data::profile::Misfits;
use crate::engine::hash;

/// What has to be known to read records.
#[derive(Debug)]
pub struct Format {
    /// What stands between cells.
    pub delimiter: u8,
    /// What means "missing".
    pub spellings: Spellings,
    /// How each column is expected to read.
    pub readings: Vec<Reading>,
    /// What a column of text would be but for some cells.
    pub nearly: Vec<Option<Reading>>,
    /// Whether numbers and dates may take the fast way; not when one of them means "missing".
    pub fast: bool,
}

impl Format {
    /// A guess that has seen nothing.
    pub fn fresh(&self) -> Guess {
        Guess::new(self.delimiter != b',')
    }
}

/// The records of a block, by column.
#[derive(Debug)]
pub struct Records {
    /// Where each record starts; one more at the end.
    pub starts: Vec<u32>,
    /// The cells of each column.
    pub columns: Vec<Cells>,
    /// What the cells of each column allow it to be.
    pub guesses: Vec<Guess>,
    /// Of each column of text that is nearly something else, how many cells are not, and the first of them: the record and
    /// the range of [`Records::text`].
    pub misfits: Vec<Odd>,
    /// The hash of each row.
    pub hashes: Vec<u64>,
    /// The block, and after it the texts that had to be taken out of quotes.
    pub text: String,
}

/// The cells of one column.
#[derive(Debug)]
pub enum Cells {
    /// Numbers; missing ones are NaN.
    Numbers(Vec<f64>),
    /// Texts, as ranges of [`Records::text`]; a missing one is [`NO_TEXT`].
    Texts(Vec<(u32, u32)>),
}

/// The number of cells that are not what their column nearly is, and the first ten.
pub type Odd = (u64, Vec<(usize, (u32, u32))>);

/// The range of a missing text.
pub const NO_TEXT: (u32, u32) = (u32::MAX, 0);

impl Records {
    /// Number of records.
    pub fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// The bytes of a record with its line end.
    pub fn record(&self, row: usize) -> &str {
        match (self.starts.get(row), self.starts.get(row + 1)) {
            (Some(from), Some(to)) => self.text.get(*from as usize..*to as usize).unwrap_or_default(),
            _ => "",
        }
    }

    /// Adds the misfits of a column to those of the whole file, in which the block begins at row `first`.
    pub fn collect(&self, first: u64, odd: &Odd, all: Option<&mut Misfits>) {
        let Some(all) = all else { return };
        all.count += odd.0;
        let room = MISFITS.saturating_sub(all.first.len());
        all.first.extend(odd.1.iter().take(room).map(|(row, (from, to))| {
            let text = self.text.get(*from as usize..*to as usize).unwrap_or_default();
            (first + *row as u64, text.to_owned())
        }));
    }
}

/// Misfits of a column that are kept.
pub const MISFITS: usize = 10;

/// The bytes of a block in which something is wrong with a record; [`super::strict`] finds out what.
#[derive(Debug)]
pub struct Broken(pub Vec<u8>);

/// The cells of one column of a block, on their way in.
pub trait Sink {
    /// A number that the fast way read, of a column of numbers.
    fn number(&mut self, value: f64);

    /// A moment in microseconds since 1970 that the fast way read, of a column of dates or moments.
    fn moment(&mut self, micros: i64);

    /// Any other cell: its trimmed text, what it is when it may be a spelling of "missing", where the whole cell stands, and
    /// in which record of the block.
    fn cell(&mut self, word: &[u8], class: Option<Missing>, place: (u32, u32), row: usize);
}

/// What the profile wants of a column: numbers as floats, moments as seconds.
struct Measured {
    reading: Reading,
    /// Days are stored as moments.
    as_moment: bool,
    /// What a column of text would be but for some cells, and these.
    nearly: Option<Reading>,
    misfits: Odd,
    cells: Cells,
}

impl Measured {
    fn day(&self, micros: i64) -> f64 {
        let day = micros.div_euclid(DAY) as f64;
        if self.as_moment { day * 86_400.0 } else { day }
    }
}

impl Sink for Measured {
    #[inline]
    fn number(&mut self, value: f64) {
        if let Cells::Numbers(cells) = &mut self.cells {
            cells.push(value + 0.0);
        }
    }

    #[inline]
    fn moment(&mut self, micros: i64) {
        let value = match self.reading {
            Reading::Date(_) => self.day(micros),
            _ => micros as f64 / 1e6,
        };
        if let Cells::Numbers(cells) = &mut self.cells {
            cells.push(value);
        }
    }

    fn cell(&mut self, word: &[u8], class: Option<Missing>, place: (u32, u32), row: usize) {
        if class != Some(Missing::Always) && self.nearly.is_some_and(|reading| !fits(reading, word)) {
            self.misfits.0 += 1;
            if self.misfits.1.len() < MISFITS {
                self.misfits.1.push((row, place));
            }
        }
        let value = match self.reading {
            _ if class.is_some() => None,
            Reading::Integer | Reading::Float => number(word),
            Reading::CommaFloat => comma_to_point(word),
            Reading::Boolean => boolean(word).map(|yes| f64::from(u8::from(yes))),
            Reading::Date(order) => dates::parse(order, word).map(|m| self.day(m.micros)),
            Reading::Datetime(order) => dates::parse(order, word).map(|m| m.micros as f64 / 1e6),
            Reading::Text => None,
        };
        match &mut self.cells {
            Cells::Texts(cells) => cells.push(if class == Some(Missing::Always) { NO_TEXT } else { place }),
            Cells::Numbers(cells) => cells.push(value.filter(|v| v.is_finite()).map_or(f64::NAN, |v| v + 0.0)),
        }
    }
}

/// The records of a block, cut into cells.
#[derive(Debug)]
pub struct Cut<S> {
    /// Where each record starts; one more at the end.
    pub starts: Vec<u32>,
    /// The cells of each column.
    pub columns: Vec<S>,
    /// What the cells of each column allow it to be.
    pub guesses: Vec<Guess>,
    /// The block, and after it the texts that had to be taken out of quotes.
    pub text: String,
}

impl<S> Cut<S> {
    /// Number of records.
    pub fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }
}

struct Column<'a, S> {
    reading: Reading,
    spellings: &'a Spellings,
    guess: Guess,
    sink: S,
    integers: u64,
    floats: u64,
    dates: (u64, Style),
}

impl<S: Sink> Column<'_, S> {
    /// Takes in a cell by the slow way.
    fn slow(&mut self, cell: &[u8], place: (u32, u32), row: usize) {
        let word = trim(cell);
        let class = self.spellings.class(word);
        match class {
            Some(class) => self.guess.found.add(class, word),
            None => self.guess.see_value(word),
        }
        self.sink.cell(word, class, place, row);
    }

    /// Takes in the cell at the start of `rest` by a fast way and gives its length.
    #[inline]
    fn fast(&mut self, rest: &[u8], delimiter: u8) -> Option<usize> {
        match self.reading {
            Reading::Integer | Reading::Float => {
                let (value, used, float) = fast::number(rest, delimiter)?;
                self.integers += u64::from(!float);
                self.floats += u64::from(float);
                self.sink.number(value);
                Some(used)
            }
            Reading::Date(Order::YmdDash) | Reading::Datetime(Order::YmdDash) => {
                let (micros, used, style) = fast::moment(rest, delimiter)?;
                self.dates = (self.dates.0 + 1, self.dates.1.with(style));
                self.sink.moment(micros);
                Some(used)
            }
            _ => None,
        }
    }
}

impl Format {
    /// Cuts the records of a block into cells. `sink` makes what takes in a column: its place, its reading, and how many
    /// records to expect.
    ///
    /// # Errors
    /// When a record has more or fewer cells than there are columns, or the bytes are not UTF-8.
    pub fn cut<S: Sink>(&self, bytes: Vec<u8>, sink: impl Fn(usize, Reading, usize) -> S) -> Result<Cut<S>, Broken> {
        let mut text = String::from_utf8(bytes).map_err(|e| Broken(e.into_bytes()))?;
        let bytes = text.as_bytes();
        let width = self.readings.len();
        let expected = bytes.len() / (width * 4).max(8);
        let mut columns: Vec<Column<'_, S>> = self
            .readings
            .iter()
            .enumerate()
            .map(|(i, reading)| Column {
                reading: *reading,
                spellings: &self.spellings,
                guess: self.fresh(),
                sink: sink(i, *reading, expected),
                integers: 0,
                floats: 0,
                dates: (0, Style::default()),
            })
            .collect();
        let mut starts = Vec::with_capacity(expected);
        let mut unquoted = String::new();
        let mut at = 0;
        loop {
            // Empty lines are no records, as in the `csv` crate.
            while matches!(bytes.get(at), Some(b'\n' | b'\r')) {
                at += 1;
            }
            if at >= bytes.len() {
                break;
            }
            let row = starts.len();
            starts.push(at as u32);
            for (i, column) in columns.iter_mut().enumerate() {
                let rest = bytes.get(at..).unwrap_or_default();
                let used = match self.fast.then(|| column.fast(rest, self.delimiter)).flatten() {
                    Some(used) => used,
                    None => {
                        let (cell, used) = cells::cell(rest, self.delimiter);
                        match cell {
                            Cell::Plain(from, to) => {
                                let place = ((at + from) as u32, (at + to) as u32);
                                column.slow(rest.get(from..to).unwrap_or_default(), place, row);
                            }
                            Cell::Unquoted(cell) => {
                                let from = bytes.len() + unquoted.len();
                                // Only quotes were taken out, so it still is UTF-8.
                                unquoted.push_str(&String::from_utf8_lossy(&cell));
                                column.slow(&cell, (from as u32, (from + cell.len()) as u32), row);
                            }
                        }
                        used
                    }
                };
                at += used;
                let last = i + 1 == width;
                match bytes.get(at) {
                    Some(b'\n' | b'\r') | None if last => {}
                    Some(b) if !last && *b == self.delimiter => at += 1,
                    _ => return Err(Broken(text.into_bytes())),
                }
            }
        }
        starts.push(bytes.len() as u32);
        let mut guesses = Vec::with_capacity(width);
        let mut sinks = Vec::with_capacity(width);
        for mut column in columns {
            column.guess.saw_integers(column.integers);
            column.guess.saw_floats(column.floats);
            column.guess.saw_dates(column.dates.0, column.dates.1);
            guesses.push(column.guess);
            sinks.push(column.sink);
        }
        text.push_str(&unquoted);
        Ok(Cut { starts, columns: sinks, guesses, text })
    }

    /// Reads the records of a block for the profile, on their way into the table.
    ///
    /// # Errors
    /// As [`Format::cut`].
    pub fn read(&self, bytes: Vec<u8>, route: &Route) -> Result<Records, Broken> {
        let measured = |i, reading, expected| Measured {
            reading,
            as_moment: route.as_moment(i),
            nearly: self.nearly.get(i).copied().flatten(),
            misfits: Odd::default(),
            cells: match reading {
                Reading::Text => Cells::Texts(Vec::with_capacity(expected)),
                _ => Cells::Numbers(Vec::with_capacity(expected)),
            },
        };
        let cut = self.cut(bytes, measured)?;
        let mut hashes = vec![route.base; cut.len()];
        let Cut { starts, columns, guesses, text } = cut;
        let (cells, misfits): (Vec<Cells>, Vec<Odd>) = columns.into_iter().map(|c| (c.cells, c.misfits)).unzip();
        for (cells, place) in cells.iter().zip(&route.places) {
            let Some(place) = place else { continue };
            let i = place.column;
            match cells {
                Cells::Numbers(values) => hashes.iter_mut().zip(values).for_each(|(hash, value)| {
                    let value = if value.is_nan() { hash::MISSING } else { hash::number(*value) };
                    *hash = hash.wrapping_add(hash::cell(i, value));
                }),
                Cells::Texts(ranges) => hashes.iter_mut().zip(ranges).for_each(|(hash, range)| {
                    let value = match text.get(range.0 as usize..range.1 as usize) {
                        Some(text) => hash::bytes(text.as_bytes()),
                        None => hash::MISSING,
                    };
                    *hash = hash.wrapping_add(hash::cell(i, value));
                }),
            }
        }
        Ok(Records { starts, columns: cells, guesses, misfits, hashes, text })
    }
}
