//! A Parquet file on disk by column and rows: what is asked for is read and decoded, and nothing else is held. The file is not
//! mapped into memory, because a mapped file that somebody cuts short ends the process. It stays open, so that one put in its
//! place cannot mix with it.

use std::fs::File;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use polars::prelude::*;
use polars_buffer::Buffer;
use polars_parquet::read::{
    BasicDecompressor, ColumnChunkMetadata, FileMetadata, Filter, PageReader, RowGroupMetadata, column_iter_to_arrays,
};

use super::parquet::{damaged, explain};
use super::{parquet_bounds, source};
use crate::engine::{Control, guarded};
use crate::error::{Error, Result};

/// An open Parquet file of which the footer is known.
pub struct RowGroups {
    path: PathBuf,
    file: File,
    /// Bytes of the file.
    length: u64,
    metadata: Arc<FileMetadata>,
    schema: Arc<ArrowSchema>,
    rows: usize,
    /// How often bytes of a column were read.
    #[cfg(test)]
    reads: std::sync::atomic::AtomicUsize,
}

/// A footer that claims more rows than can be numbered.
pub const CLAIMS_TOO_MUCH: &str = "this Parquet file claims more rows than can be read";

/// The bytes of a leaf of a column in one row group.
type Chunk<'a> = (&'a ColumnChunkMetadata, Buffer<u8>);

impl RowGroups {
    /// Opens a file and reads its footer.
    ///
    /// # Errors
    /// When the file cannot be read, its footer is damaged, or it claims more rows than can be numbered.
    pub fn open(path: &Path) -> Result<Self> {
        let (file, _) = source::open(path)?;
        let unreadable = |e: std::io::Error| source::read_error(path, &e);
        let length = file.metadata().map_err(unreadable)?.len();
        let footer = file.try_clone().map_err(unreadable)?;
        let (metadata, schema) = guarded("this Parquet file cannot be read", || {
            let mut reader = ParquetReader::new(footer);
            Ok((reader.get_metadata().map_err(damaged)?.clone(), reader.schema().map_err(damaged)?))
        })
        .map_err(explain)?;
        // The footer is the file's own word: what it claims must not be believed without bounds.
        let rows = metadata.row_groups.iter().try_fold(0usize, |all, group| all.checked_add(group.num_rows()));
        let Some(rows) = rows.filter(|rows| *rows <= u32::MAX as usize) else {
            return Err(Error::input(CLAIMS_TOO_MUCH).hint("It may be damaged; write it again, or in parts"));
        };
        parquet_bounds::footer(&metadata, length)?;
        Ok(Self {
            path: path.to_owned(),
            file,
            length,
            metadata,
            schema,
            rows,
            #[cfg(test)]
            reads: Default::default(),
        })
    }

    /// The columns, nested ones among them.
    pub fn schema(&self) -> &ArrowSchema {
        &self.schema
    }

    /// Rows of the file.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Rows of each row group.
    pub fn groups(&self) -> impl Iterator<Item = usize> + '_ {
        self.metadata.row_groups.iter().map(RowGroupMetadata::num_rows)
    }

    /// Some rows (the first, and how many) of one column.
    ///
    /// # Errors
    /// As [`RowGroups::each`].
    pub fn column(&self, column: usize, rows: (usize, usize), control: &Control) -> Result<Column> {
        self.pieces(column, None, &[rows], control)?.pop().ok_or_else(gone)
    }

    /// Several pieces of one column, each given by its first row and how many; what they share is read once. `only` is one
    /// field of a structure, by the name that it has once structures are spread.
    ///
    /// # Errors
    /// As [`RowGroups::each`].
    pub fn pieces(
        &self,
        column: usize,
        only: Option<&str>,
        pieces: &[(usize, usize)],
        control: &Control,
    ) -> Result<Vec<Column>> {
        let mut found: Vec<Option<Column>> = vec![None; pieces.len()];
        self.each(column, only, pieces, control, &mut |at, piece| {
            if let Some(place) = found.get_mut(at) {
                *place = Some(piece);
            }
            Ok(true)
        })?;
        found.into_iter().map(|piece| piece.ok_or_else(gone)).collect()
    }

    /// As [`RowGroups::pieces`], but each piece (by its place among `pieces`) is handed over as soon as it is complete, so
    /// that they need not be in memory together. `take` says whether to go on.
    ///
    /// # Errors
    /// When the file is damaged, the column holds no table cells, or the work is cancelled; and as `take`.
    pub fn each(
        &self,
        column: usize,
        only: Option<&str>,
        pieces: &[(usize, usize)],
        control: &Control,
        take: &mut dyn FnMut(usize, Column) -> Result<bool>,
    ) -> Result<()> {
        let (name, field) = self.schema.get_at_index(column).ok_or_else(gone)?;
        let readable = Readable::of(field, only);
        let Some(field) = &readable.field else {
            return Err(Error::input("this column of the Parquet file holds no table cells"));
        };
        let mut found: Vec<Option<Series>> = vec![None; pieces.len()];
        let mut first = 0;
        for group in &self.metadata.row_groups {
            let rows = first..first + group.num_rows();
            first = rows.end;
            let inside = |(from, count): &(usize, usize)| {
                let (from, to) = ((*from).max(rows.start), (from.saturating_add(*count)).min(rows.end));
                (from < to).then(|| (from - rows.start, to - rows.start))
            };
            if !pieces.iter().any(|piece| inside(piece).is_some()) {
                continue;
            }
            control.check()?;
            let chunks = self.chunks(group, name, &readable)?;
            for (at, (piece, found)) in pieces.iter().zip(&mut found).enumerate() {
                let Some((from, to)) = inside(piece) else { continue };
                let part = guarded("this Parquet file cannot be read", || decode(&chunks, field, (from, to)))
                    .map_err(explain)?;
                if part.len() != to - from {
                    return Err(Error::input("the Parquet file has fewer rows than it says").hint("Write it again"));
                }
                match found {
                    Some(all) => {
                        all.append_owned(part)?;
                    }
                    None => *found = Some(part),
                }
                if piece.0.saturating_add(piece.1) <= rows.end
                    && let Some(all) = found.take()
                    && !take(at, all.into())?
                {
                    return Ok(());
                }
            }
        }
        // What ends beyond the last row, or has no row.
        for (at, (piece, found)) in pieces.iter().zip(found).enumerate() {
            let series = match found {
                Some(series) => series,
                None if piece.1 == 0 || piece.0 >= self.rows => guarded("this Parquet file cannot be read", || {
                    Ok(Series::new_empty(PlSmallStr::from(name.as_str()), &DataType::from_arrow_field(field)))
                })?,
                None => continue,
            };
            if !take(at, series.into())? {
                break;
            }
        }
        Ok(())
    }

    /// The bytes of what is read of a column in one row group; a structure has several.
    fn chunks<'a>(&self, group: &'a RowGroupMetadata, name: &str, readable: &Readable) -> Result<Vec<Chunk<'a>>> {
        let columns: Vec<_> = group.columns_under_root_iter(name).ok_or_else(gone)?.collect();
        if columns.len() != readable.all {
            return Err(explain(Error::input("this Parquet file cannot be read: its columns do not fit its schema")));
        }
        let kept = readable.leaves.iter().filter_map(|leaf| columns.get(*leaf).copied());
        kept.map(|column| {
            let range = guarded("this Parquet file cannot be read", || Ok(column.byte_range()))?;
            let outside = || Error::input("this Parquet file cannot be read: a column lies outside of the file");
            if range.start > range.end || range.end > self.length {
                return Err(explain(outside()));
            }
            let length = usize::try_from(range.end - range.start).map_err(|_| explain(outside()))?;
            let mut bytes = vec![0u8; length];
            self.read_at(&mut bytes, range.start).map_err(|e| source::read_error(&self.path, &e))?;
            parquet_bounds::chunk(column, &bytes, group.num_rows() as u64).map_err(explain)?;
            Ok((column, Buffer::from_vec(bytes)))
        })
        .collect()
    }

    #[cfg(test)]
    pub fn reads(&self) -> usize {
        self.reads.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// What the footer says how many values there are, of each leaf.
    #[cfg(test)]
    pub fn values_claimed(&self) -> impl Iterator<Item = i64> + '_ {
        self.metadata.row_groups.iter().flat_map(|group| group.parquet_columns()).map(ColumnChunkMetadata::num_values)
    }

    #[cfg(unix)]
    fn read_at(&self, bytes: &mut [u8], at: u64) -> std::io::Result<()> {
        #[cfg(test)]
        self.reads.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        std::os::unix::fs::FileExt::read_exact_at(&self.file, bytes, at)
    }

    /// Columns are read at the same time, and an open file has one place: each reading opens the file for itself.
    #[cfg(not(unix))]
    fn read_at(&self, bytes: &mut [u8], at: u64) -> std::io::Result<()> {
        use std::io::{Read, Seek, SeekFrom};
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(bytes)
    }
}

/// Structures within structures are followed this far.
const DEEPEST: usize = 32;

/// What can be read of a column of the file. Lists are not even decoded: they hold any number of values, and the decoder would
/// set memory aside for as many as the file claims.
pub struct Readable {
    /// The column without them; nothing when nothing is left.
    pub field: Option<ArrowField>,
    /// What was left out, and why.
    pub left_out: Vec<(String, &'static str)>,
    /// The places of the leaves that are read, among all leaves of the column.
    pub leaves: Vec<usize>,
    /// Number of all leaves.
    all: usize,
}

impl Readable {
    /// Of a field of the schema, or `only` of one field of a structure.
    pub fn of(field: &ArrowField, only: Option<&str>) -> Self {
        let mut readable = Self { field: None, left_out: Vec::new(), leaves: Vec::new(), all: 0 };
        readable.field = readable.pruned(field.name().to_string(), field, only, 0);
        readable
    }

    fn pruned(&mut self, name: String, field: &ArrowField, only: Option<&str>, depth: usize) -> Option<ArrowField> {
        if let ArrowDataType::Struct(fields) = field.dtype()
            && !fields.is_empty()
            && depth < DEEPEST
        {
            let inner = |inner: &ArrowField| self.pruned(format!("{name}.{}", inner.name()), inner, only, depth + 1);
            let kept: Vec<ArrowField> = fields.iter().filter_map(inner).collect();
            return (!kept.is_empty()).then(|| field.with_dtype(ArrowDataType::Struct(kept)));
        }
        let first = self.all;
        self.all += leaves(field.dtype());
        if let Some(why) = no_cell(field.dtype()) {
            self.left_out.push((name, why));
            return None;
        }
        if only.is_some_and(|only| only != name) {
            return None;
        }
        self.leaves.extend(first..self.all);
        Some(field.clone())
    }
}

/// How many leaves a type has in a Parquet file.
fn leaves(dtype: &ArrowDataType) -> usize {
    use ArrowDataType as A;
    match dtype {
        A::List(inner) | A::LargeList(inner) | A::FixedSizeList(inner, _) | A::Map(inner, _) => leaves(inner.dtype()),
        // One without fields is written as one leaf without values.
        A::Struct(fields) => fields.iter().map(|inner| leaves(inner.dtype())).sum::<usize>().max(1),
        A::Extension(of) => leaves(&of.inner),
        _ => 1,
    }
}

/// Why values of a type are no table cells.
fn no_cell(dtype: &ArrowDataType) -> Option<&'static str> {
    use ArrowDataType as A;
    match dtype {
        A::Binary | A::LargeBinary | A::BinaryView | A::FixedSizeBinary(_) => Some("its values are binary"),
        A::List(_) | A::LargeList(_) | A::FixedSizeList(..) | A::Map(..) => Some("its cells are lists"),
        A::Struct(fields) if fields.is_empty() => Some("its cells are structures without a field"),
        A::Struct(_) | A::Union(_) => Some("its cells are structures that cannot be spread"),
        A::Extension(of) => no_cell(&of.inner),
        _ => None,
    }
}

/// Decodes some rows of one row group; pages without any of them are passed over.
fn decode(chunks: &[Chunk], field: &ArrowField, rows: (usize, usize)) -> Result<Series> {
    let (pages, types): (Vec<_>, Vec<_>) = chunks
        .iter()
        .map(|(column, bytes)| {
            let pages = PageReader::new(Cursor::new(bytes.clone()), column, Vec::new(), usize::MAX);
            (BasicDecompressor::new(pages, Vec::new()), &column.descriptor().descriptor.primitive_type)
        })
        .unzip();
    let filter = Some(Filter::new_ranged(rows.0, rows.1));
    let (arrays, _) = column_iter_to_arrays(pages, types, field.clone(), filter).map_err(damaged)?;
    Series::try_from((field, arrays)).map_err(damaged)
}

fn gone() -> Error {
    Error::input("a column of the Parquet file has gone").hint("Check that the file does not change while it is read")
}
