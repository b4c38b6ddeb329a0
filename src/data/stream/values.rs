//! Columns that are held whole, put together block by block: each value is stored once, in the place that was set aside.

use polars::prelude::*;
use polars_arrow::array::{BooleanArray, MutableBinaryViewArray};
use polars_arrow::bitmap::{Bitmap, MutableBitmap};

use super::records::Sink;
use crate::data::csv::Reading;
use crate::data::csv::dates::{self, DAY};
use crate::data::csv::guess::{boolean, comma_to_point, number};
use crate::data::csv::missing::Missing;

/// Values of one column of a block, exactly as they are stored, and which of them are missing.
#[derive(Debug)]
pub struct Piece<T> {
    values: Vec<T>,
    missing: Vec<u32>,
}

impl<T: Default> Piece<T> {
    fn new(expected: usize) -> Self {
        Self { values: Vec::with_capacity(expected), missing: Vec::new() }
    }

    #[inline]
    fn push(&mut self, value: Option<T>) {
        if value.is_none() {
            self.missing.push(self.values.len() as u32);
        }
        self.values.push(value.unwrap_or_default());
    }
}

/// The cells of one column of a block.
#[derive(Debug)]
pub enum Values {
    /// Whole numbers, or microseconds since 1970.
    Whole(Piece<i64>),
    /// Numbers.
    Floats(Piece<f64>),
    /// True or false.
    Flags(Piece<bool>),
    /// Days since 1970.
    Days(Piece<i32>),
    /// Ranges of the block's text.
    Texts(Piece<(u32, u32)>),
    /// Not wanted.
    Nothing,
}

/// Takes in the cells of one column of a block.
#[derive(Debug)]
pub struct Exact {
    reading: Reading,
    /// What was taken in.
    pub values: Values,
}

impl Exact {
    /// For a column that reads so; `wanted` says whether its values are kept.
    pub fn new(reading: Reading, wanted: bool, expected: usize) -> Self {
        let values = match reading {
            _ if !wanted => Values::Nothing,
            Reading::Integer | Reading::Datetime(_) => Values::Whole(Piece::new(expected)),
            Reading::Float | Reading::CommaFloat => Values::Floats(Piece::new(expected)),
            Reading::Boolean => Values::Flags(Piece::new(expected)),
            Reading::Date(_) => Values::Days(Piece::new(expected)),
            Reading::Text => Values::Texts(Piece::new(expected)),
        };
        Self { reading, values }
    }
}

fn day(micros: i64) -> Option<i32> {
    i32::try_from(micros.div_euclid(DAY)).ok()
}

impl Sink for Exact {
    #[inline]
    fn number(&mut self, value: f64) {
        match &mut self.values {
            // The fast way gives at most 15 digits, which a float holds exactly. A fraction here shows that the column is no
            // column of whole numbers; it will be read again.
            Values::Whole(values) => values.push(Some(value as i64)),
            Values::Floats(values) => values.push(Some(value)),
            _ => {}
        }
    }

    #[inline]
    fn moment(&mut self, micros: i64) {
        match &mut self.values {
            Values::Whole(values) => values.push(Some(micros)),
            Values::Days(values) => values.push(day(micros)),
            _ => {}
        }
    }

    fn cell(&mut self, word: &[u8], class: Option<Missing>, place: (u32, u32), _row: usize) {
        let word = if class.is_some() { None } else { Some(word) };
        match (&mut self.values, self.reading) {
            (Values::Texts(values), _) => values.push((class != Some(Missing::Always)).then_some(place)),
            (Values::Whole(values), Reading::Datetime(order)) => {
                values.push(word.and_then(|w| dates::parse(order, w)).map(|m| m.micros));
            }
            (Values::Whole(values), _) => values.push(word.and_then(number)),
            (Values::Floats(values), Reading::CommaFloat) => {
                values.push(word.and_then(comma_to_point).filter(|v| v.is_finite()));
            }
            (Values::Floats(values), _) => values.push(word.and_then(number::<f64>).filter(|v| v.is_finite())),
            (Values::Flags(values), _) => values.push(word.and_then(boolean)),
            (Values::Days(values), Reading::Date(order)) => {
                values.push(word.and_then(|w| dates::parse(order, w)).and_then(|m| day(m.micros)));
            }
            (Values::Days(values), _) => values.push(None),
            (Values::Nothing, _) => {}
        }
    }
}

/// Which rows of a column have a value; nothing is stored while all have.
#[derive(Debug, Default)]
struct Valid {
    bits: Option<MutableBitmap>,
    rows: usize,
}

impl Valid {
    fn extend(&mut self, rows: usize, missing: &[u32]) {
        if !missing.is_empty() || self.bits.is_some() {
            let before = self.rows;
            let bits = self.bits.get_or_insert_with(|| {
                let mut bits = MutableBitmap::with_capacity(before + rows);
                bits.extend_constant(before, true);
                bits
            });
            let mut at = 0;
            for row in missing.iter().map(|row| *row as usize) {
                bits.extend_constant(row.saturating_sub(at), true);
                bits.push(false);
                at = row + 1;
            }
            bits.extend_constant(rows.saturating_sub(at), true);
        }
        self.rows += rows;
    }

    fn finish(self) -> Option<Bitmap> {
        self.bits.map(MutableBitmap::freeze)
    }
}

/// One column of the whole table.
pub struct Whole {
    reading: Reading,
    store: Store,
    valid: Valid,
}

enum Store {
    Whole(Vec<i64>),
    Floats(Vec<f64>),
    Flags(MutableBitmap),
    Days(Vec<i32>),
    Texts(MutableBinaryViewArray<str>),
}

impl Whole {
    /// Sets room aside for about so many rows; what is not used of it costs no memory.
    pub fn new(reading: Reading, rows: usize) -> Self {
        let store = match reading {
            Reading::Integer | Reading::Datetime(_) => Store::Whole(Vec::with_capacity(rows)),
            Reading::Float | Reading::CommaFloat => Store::Floats(Vec::with_capacity(rows)),
            Reading::Boolean => Store::Flags(MutableBitmap::with_capacity(rows)),
            Reading::Date(_) => Store::Days(Vec::with_capacity(rows)),
            Reading::Text => Store::Texts(MutableBinaryViewArray::with_capacity(rows)),
        };
        Self { reading, store, valid: Valid::default() }
    }

    /// Bytes that a row of such a column takes, without long texts.
    pub fn width(reading: Reading) -> usize {
        match reading {
            Reading::Text => 16,
            _ => 8,
        }
    }

    /// Takes in the next block, whose text is `text`.
    pub fn extend(&mut self, values: &Values, text: &str) {
        let (rows, missing) = match (&mut self.store, values) {
            (Store::Whole(all), Values::Whole(piece)) => {
                all.extend_from_slice(&piece.values);
                (piece.values.len(), &piece.missing)
            }
            (Store::Floats(all), Values::Floats(piece)) => {
                all.extend_from_slice(&piece.values);
                (piece.values.len(), &piece.missing)
            }
            (Store::Days(all), Values::Days(piece)) => {
                all.extend_from_slice(&piece.values);
                (piece.values.len(), &piece.missing)
            }
            (Store::Flags(all), Values::Flags(piece)) => {
                piece.values.iter().for_each(|flag| all.push(*flag));
                (piece.values.len(), &piece.missing)
            }
            (Store::Texts(all), Values::Texts(piece)) => {
                // A missing text stands as the range (0, 0): empty, as Polars stores it.
                for range in &piece.values {
                    all.push_value_ignore_validity(text.get(range.0 as usize..range.1 as usize).unwrap_or_default());
                }
                (piece.values.len(), &piece.missing)
            }
            _ => return,
        };
        self.valid.extend(rows, missing);
    }

    /// The column.
    pub fn finish(self, name: &str) -> Column {
        let name = PlSmallStr::from(name);
        let valid = self.valid.finish();
        match self.store {
            Store::Whole(mut values) => {
                values.shrink_to_fit();
                let whole = Int64Chunked::from_vec_validity(name, values, valid);
                match self.reading {
                    Reading::Datetime(_) => whole.into_datetime(TimeUnit::Microseconds, None).into_series(),
                    _ => whole.into_series(),
                }
            }
            Store::Floats(mut values) => {
                values.shrink_to_fit();
                Float64Chunked::from_vec_validity(name, values, valid).into_series()
            }
            Store::Days(mut values) => {
                values.shrink_to_fit();
                Int32Chunked::from_vec_validity(name, values, valid).into_date().into_series()
            }
            Store::Flags(values) => {
                let array = BooleanArray::new(ArrowDataType::Boolean, values.freeze(), valid);
                BooleanChunked::with_chunk(name, array).into_series()
            }
            Store::Texts(values) => StringChunked::with_chunk(name, values.freeze().with_validity(valid)).into_series(),
        }
        .into()
    }
}
