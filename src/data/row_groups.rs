//! A Parquet file on disk by column and rows: what is asked for is read and decoded, and nothing else is held. The file is not
//! mapped into memory, because a mapped file that somebody cuts short ends the process.

use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
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
    /// Bytes of the file.
    length: u64,
    metadata: Arc<FileMetadata>,
    schema: Arc<ArrowSchema>,
    rows: usize,
}

/// A footer that claims more rows than can be numbered.
pub const CLAIMS_TOO_MUCH: &str = "this Parquet file claims more rows than can be read";

impl RowGroups {
    /// Opens a file and reads its footer.
    ///
    /// # Errors
    /// When the file cannot be read, its footer is damaged, or it claims more rows than can be numbered.
    pub fn open(path: &Path) -> Result<Self> {
        let (file, about) = source::open(path)?;
        let (metadata, schema) = guarded("this Parquet file cannot be read", || {
            let mut reader = ParquetReader::new(file);
            Ok((reader.get_metadata().map_err(damaged)?.clone(), reader.schema().map_err(damaged)?))
        })
        .map_err(explain)?;
        // The footer is the file's own word: what it claims must not be believed without bounds.
        let rows = metadata.row_groups.iter().try_fold(0usize, |all, group| all.checked_add(group.num_rows()));
        let Some(rows) = rows.filter(|rows| *rows <= u32::MAX as usize) else {
            return Err(Error::input(CLAIMS_TOO_MUCH).hint("It may be damaged; write it again, or in parts"));
        };
        parquet_bounds::footer(&metadata, about.len())?;
        Ok(Self { path: path.to_owned(), length: about.len(), metadata, schema, rows })
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
    /// As [`RowGroups::pieces`].
    pub fn column(&self, column: usize, rows: (usize, usize), control: &Control) -> Result<Column> {
        self.pieces(column, &[rows], control)?.pop().ok_or_else(gone)
    }

    /// Several pieces of one column, each given by its first row and how many; what they share is read once.
    ///
    /// # Errors
    /// When the file is damaged or has changed, or the work is cancelled.
    pub fn pieces(&self, column: usize, pieces: &[(usize, usize)], control: &Control) -> Result<Vec<Column>> {
        let (name, field) = self.schema.get_at_index(column).ok_or_else(gone)?;
        let (mut file, _) = source::open(&self.path)?;
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
            let chunks = self.chunks(&mut file, group, name)?;
            for (piece, found) in pieces.iter().zip(&mut found) {
                let Some((from, to)) = inside(piece) else { continue };
                let part = guarded("this Parquet file cannot be read", || decode(&chunks, field, (from, to)))?;
                if part.len() != to - from {
                    return Err(Error::input("the Parquet file has fewer rows than it says").hint("Write it again"));
                }
                match found {
                    Some(all) => {
                        all.append_owned(part)?;
                    }
                    none => *none = Some(part),
                }
            }
        }
        let empty = || Series::new_empty(PlSmallStr::from(name.as_str()), &DataType::from_arrow_field(field));
        Ok(found.into_iter().map(|series| series.unwrap_or_else(empty).into()).collect())
    }

    /// The bytes of a column in one row group; a structure has several.
    fn chunks<'a>(
        &self,
        file: &mut File,
        group: &'a RowGroupMetadata,
        name: &str,
    ) -> Result<Vec<(&'a ColumnChunkMetadata, Buffer<u8>)>> {
        let columns = group.columns_under_root_iter(name).ok_or_else(gone)?;
        columns
            .map(|column| {
                let range = guarded("this Parquet file cannot be read", || Ok(column.byte_range()))?;
                let outside = || Error::input("this Parquet file cannot be read: a column lies outside of the file");
                if range.start > range.end || range.end > self.length {
                    return Err(explain(outside()));
                }
                let length = usize::try_from(range.end - range.start).map_err(|_| explain(outside()))?;
                let mut bytes = vec![0u8; length];
                file.seek(SeekFrom::Start(range.start))
                    .and_then(|_| file.read_exact(&mut bytes))
                    .map_err(|e| source::read_error(&self.path, &e))?;
                parquet_bounds::chunk(column, &bytes, group.num_rows() as u64)?;
                Ok((column, Buffer::from_vec(bytes)))
            })
            .collect()
    }
}

/// Decodes some rows of one row group; pages without any of them are passed over.
fn decode(chunks: &[(&ColumnChunkMetadata, Buffer<u8>)], field: &ArrowField, rows: (usize, usize)) -> Result<Series> {
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
