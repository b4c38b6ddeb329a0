//! Rows with types, written into the spool as Parquet: what comes from JSON, SQLite or PostgreSQL.

use polars::io::parquet::write::BatchedWriter;
use polars::prelude::*;
use sha2::{Digest, Sha256};

use super::plain::hex;
use super::spool::{Spool, SpoolFile, Spooled};
use crate::data::Physical;
use crate::error::{Error, Result};

/// Rows that are held in memory at a time, unless their texts are long.
const ROWS: usize = 1 << 16;

/// Bytes of text that are held in memory at a time.
const TEXTS: usize = 32 << 20;

/// The head of a table for a look at it: names, rows of cells, and whether there are more rows.
pub type Head = (Vec<String>, Vec<Vec<Option<String>>>, bool);

/// The value of one cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    /// No value.
    Missing,
    /// A whole number.
    Integer(i64),
    /// A number.
    Float(f64),
    /// Yes or no.
    Boolean(bool),
    /// Text.
    Text(&'a str),
    /// Days since 1970-01-01.
    Day(i32),
    /// Microseconds since 1970-01-01, UTC.
    Moment(i64),
}

enum Values {
    Integer(PrimitiveChunkedBuilder<Int64Type>),
    Float(PrimitiveChunkedBuilder<Float64Type>),
    Boolean(BooleanChunkedBuilder),
    Text(StringChunkedBuilder),
    Day(PrimitiveChunkedBuilder<Int32Type>),
    Moment(PrimitiveChunkedBuilder<Int64Type>),
}

impl Values {
    fn new(name: &str, physical: Physical) -> Self {
        let name = PlSmallStr::from(name);
        match physical {
            Physical::Integer => Self::Integer(PrimitiveChunkedBuilder::new(name, 1024)),
            Physical::Float => Self::Float(PrimitiveChunkedBuilder::new(name, 1024)),
            Physical::Boolean => Self::Boolean(BooleanChunkedBuilder::new(name, 1024)),
            Physical::String => Self::Text(StringChunkedBuilder::new(name, 1024)),
            Physical::Date => Self::Day(PrimitiveChunkedBuilder::new(name, 1024)),
            Physical::Datetime => Self::Moment(PrimitiveChunkedBuilder::new(name, 1024)),
        }
    }

    fn finish(self) -> Result<Column> {
        let series = match self {
            Self::Integer(values) => values.finish().into_series(),
            Self::Float(values) => values.finish().into_series(),
            Self::Boolean(values) => values.finish().into_series(),
            Self::Text(values) => values.finish().into_series(),
            Self::Day(values) => values.finish().into_series().cast(&DataType::Date)?,
            Self::Moment(values) => {
                values.finish().into_series().cast(&DataType::Datetime(TimeUnit::Microseconds, None))?
            }
        };
        Ok(series.into())
    }
}

/// Polars' type of a storage.
pub fn dtype(physical: Physical) -> DataType {
    match physical {
        Physical::Float => DataType::Float64,
        Physical::Integer => DataType::Int64,
        Physical::Boolean => DataType::Boolean,
        Physical::String => DataType::String,
        Physical::Date => DataType::Date,
        Physical::Datetime => DataType::Datetime(TimeUnit::Microseconds, None),
    }
}

/// A Parquet file in the spool to which frames of one schema are added.
pub struct Frames {
    writer: BatchedWriter<SpoolFile>,
    path: std::path::PathBuf,
    rows: u64,
}

impl Frames {
    /// A new file.
    ///
    /// # Errors
    /// When it cannot be made, or a type cannot be written.
    pub fn new(schema: &Schema, spool: &Spool) -> Result<Self> {
        let file = spool.file()?;
        let path = file.path().to_path_buf();
        let writer = ParquetWriter::new(file)
            .with_compression(ParquetCompression::Lz4Raw)
            .batched(schema)
            .map_err(|e| not_written(&e))?;
        Ok(Self { writer, path, rows: 0 })
    }

    /// Adds rows.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn add(&mut self, mut frame: DataFrame) -> Result<()> {
        if frame.height() == 0 {
            return Ok(());
        }
        frame.rechunk_mut();
        self.rows += frame.height() as u64;
        self.writer.write_batch(&frame).map_err(|e| not_written(&e))
    }

    /// Rows added so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Ends the file; the digest is that of the original, which the caller knows.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn finish(self, digest: String) -> Result<Spooled> {
        self.writer.finish().map_err(|e| not_written(&e))?;
        Ok(Spooled { path: self.path, digest })
    }
}

/// The one failure that Polars meets when it writes into the spool is the spool's own.
fn not_written(error: &PolarsError) -> Error {
    let words = error.to_string();
    Error::local(words.lines().next().unwrap_or_default().to_owned())
        .hint("Free room on the disk for temporary files, or name a larger one in TMPDIR")
}

/// Takes rows cell by cell.
pub struct Rows {
    names: Vec<(String, Physical)>,
    values: Vec<Values>,
    held: usize,
    texts: usize,
    frames: Frames,
    /// Over names, types and all cells: the fingerprint of a table that has no file.
    hash: Option<Sha256>,
}

impl Rows {
    /// An empty table. With `hashed` the digest is computed over its content.
    ///
    /// # Errors
    /// When the spool cannot be written.
    pub fn new(columns: &[(String, Physical)], hashed: bool, spool: &Spool) -> Result<Self> {
        let schema: Schema =
            columns.iter().map(|(name, physical)| Field::new(name.as_str().into(), dtype(*physical))).collect();
        let hash = hashed.then(|| {
            let mut hash = Sha256::new();
            hash.update(b"pilothouse table 1\n");
            for (name, physical) in columns {
                let size = (name.len() as u64).to_le_bytes();
                hash.update([&size[..], name.as_bytes(), &[*physical as u8]].concat());
            }
            hash
        });
        Ok(Self {
            names: columns.to_vec(),
            values: fresh(columns),
            held: 0,
            texts: 0,
            frames: Frames::new(&schema, spool)?,
            hash,
        })
    }

    /// Sets the next row's cell of a column. Every row sets every column once, in order.
    pub fn set(&mut self, column: usize, cell: Cell<'_>) {
        if let Some(hash) = &mut self.hash {
            match cell {
                Cell::Missing => hash.update([0]),
                Cell::Integer(v) => hash.update([&[1][..], &v.to_le_bytes()].concat()),
                Cell::Float(v) => hash.update([&[2][..], &v.to_le_bytes()].concat()),
                Cell::Boolean(v) => hash.update([3, u8::from(v)]),
                Cell::Text(v) => {
                    hash.update([&[4][..], &(v.len() as u64).to_le_bytes()].concat());
                    hash.update(v);
                }
                Cell::Day(v) => hash.update([&[5][..], &v.to_le_bytes()].concat()),
                Cell::Moment(v) => hash.update([&[6][..], &v.to_le_bytes()].concat()),
            }
        }
        match (self.values.get_mut(column), cell) {
            (Some(Values::Integer(values)), Cell::Integer(v)) => values.append_value(v),
            (Some(Values::Integer(values)), _) => values.append_null(),
            (Some(Values::Float(values)), Cell::Float(v)) => values.append_value(v),
            (Some(Values::Float(values)), Cell::Integer(v)) => values.append_value(v as f64),
            (Some(Values::Float(values)), _) => values.append_null(),
            (Some(Values::Boolean(values)), Cell::Boolean(v)) => values.append_value(v),
            (Some(Values::Boolean(values)), _) => values.append_null(),
            (Some(Values::Text(values)), Cell::Text(v)) => {
                self.texts += v.len();
                values.append_value(v);
            }
            (Some(Values::Text(values)), _) => values.append_null(),
            (Some(Values::Day(values)), Cell::Day(v)) => values.append_value(v),
            (Some(Values::Day(values)), _) => values.append_null(),
            (Some(Values::Moment(values)), Cell::Moment(v)) => values.append_value(v),
            (Some(Values::Moment(values)), _) => values.append_null(),
            (None, _) => {}
        }
    }

    /// Ends a row.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn end_row(&mut self) -> Result<()> {
        self.held += 1;
        // Many columns make rows heavy: the bound is on cells.
        if self.held * self.names.len().max(16) >= ROWS * 16 || self.texts >= TEXTS {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        let values = std::mem::replace(&mut self.values, fresh(&self.names));
        let columns = values.into_iter().map(Values::finish).collect::<Result<Vec<_>>>()?;
        let rows = std::mem::take(&mut self.held);
        self.texts = 0;
        self.frames.add(DataFrame::new(rows, columns)?)
    }

    /// Rows so far.
    pub fn rows(&self) -> u64 {
        self.frames.rows() + self.held as u64
    }

    /// Ends the table. `digest` is the original's, where there is one.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn finish(mut self, digest: Option<String>) -> Result<Spooled> {
        self.flush()?;
        let own = self.hash.take().map(|hash| hex(&hash.finalize()));
        self.frames.finish(digest.or(own).unwrap_or_default())
    }
}

fn fresh(columns: &[(String, Physical)]) -> Vec<Values> {
    columns.iter().map(|(name, physical)| Values::new(name, *physical)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_with_their_types_and_the_digest_follows_the_content() {
        let spool = Spool::new().unwrap();
        let columns = [
            ("i".to_owned(), Physical::Integer),
            ("t".to_owned(), Physical::String),
            ("d".to_owned(), Physical::Date),
            ("m".to_owned(), Physical::Datetime),
        ];
        let write = |last: i64| {
            let mut rows = Rows::new(&columns, true, &spool).unwrap();
            for i in 0..200_000 {
                rows.set(0, Cell::Integer(if i == 199_999 { last } else { i }));
                rows.set(1, if i % 2 == 0 { Cell::Text("007") } else { Cell::Missing });
                rows.set(2, Cell::Day(18_262));
                rows.set(3, Cell::Moment(1_000_000));
                rows.end_row().unwrap();
            }
            assert_eq!(rows.rows(), 200_000);
            rows.finish(None).unwrap()
        };
        let (one, two, other) = (write(7), write(7), write(8));
        assert_eq!(one.digest, two.digest);
        assert_ne!(one.digest, other.digest);
        let frame = ParquetReader::new(std::fs::File::open(&one.path).unwrap()).finish().unwrap();
        assert_eq!(frame.height(), 200_000);
        assert_eq!(frame.column("i").unwrap().i64().unwrap().get(199_999), Some(7));
        assert_eq!(frame.column("t").unwrap().null_count(), 100_000);
        assert_eq!(frame.column("d").unwrap().dtype(), &DataType::Date);
        assert_eq!(frame.column("m").unwrap().dtype(), &DataType::Datetime(TimeUnit::Microseconds, None));
    }
}
