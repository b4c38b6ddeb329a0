//! Sizes that a Parquet file claims, checked before they are believed.
//!
//! The decoder sets memory aside for what the footer and the heads of pages say that there will be. A damaged or hostile
//! number would end the process where no error can be given, so the head of every page is read and compared first.

use std::io::{Cursor, Read, Seek, SeekFrom};

use polars_parquet::read::{ColumnChunkMetadata, FileMetadata};

use crate::error::{Error, Result};

/// Cells that a file may have however small it is, and for each of its bytes beyond. Columns of one value take next to no
/// room, so that a file of a kilobyte could claim all the memory there is.
const CELLS: u64 = 50_000_000;
const CELLS_A_BYTE: u64 = 4096;

/// What a page may unpack to however small it is, bytes; a larger one must have a thousandth of it as its content.
const PLAUSIBLE: u64 = 64 << 20;

/// The largest head of a page, bytes; statistics hold values of the data.
const HEAD: usize = 16 << 20;

fn damaged() -> Error {
    Error::input("this Parquet file cannot be read: it claims more than it holds")
}

/// Checks what the footer of a file of `size` bytes claims, before any of it is read.
///
/// # Errors
/// When the file is too small for so many cells.
pub fn footer(metadata: &FileMetadata, size: u64) -> Result<()> {
    let mut cells = 0u64;
    for group in &metadata.row_groups {
        cells = cells.saturating_add((group.num_rows() as u64).saturating_mul(group.n_columns() as u64));
    }
    if cells > CELLS.max(size.saturating_mul(CELLS_A_BYTE)) {
        return Err(damaged());
    }
    Ok(())
}

/// Checks the bytes of a column in one row group of `height` rows, before they are decoded.
///
/// # Errors
/// When numbers of rows, values or bytes do not fit each other.
pub fn chunk(column: &ColumnChunkMetadata, bytes: &[u8], height: u64) -> Result<()> {
    // Lists have any number of values, and are not read.
    if column.descriptor().descriptor.max_rep_level > 0 {
        return Ok(());
    }
    if u64::try_from(column.num_values()).ok() != Some(height) {
        return Err(damaged());
    }
    pages(&mut Cursor::new(bytes), 0, bytes.len() as u64, height)
}

/// Checks the pages of a column that has `height` values.
fn pages(input: &mut (impl Read + Seek), start: u64, end: u64, height: u64) -> Result<()> {
    let (mut at, mut seen) = (start, 0u64);
    while seen < height && at < end {
        let (page, length) = head(input, at, end)?;
        let number = |n: i64| u64::try_from(n).map_err(|_| damaged());
        let (packed, unpacked) = (number(page.packed)?, number(page.unpacked)?);
        if unpacked > packed.saturating_mul(1000).max(PLAUSIBLE) {
            return Err(damaged());
        }
        if let Some(values) = page.dictionary
            && number(values)? > unpacked
        {
            return Err(damaged());
        }
        if let Some(values) = page.values {
            seen = seen.checked_add(number(values)?).filter(|n| *n <= height).ok_or_else(damaged)?;
        }
        at = at.saturating_add(length as u64).saturating_add(packed);
    }
    Ok(())
}

/// What the head of a page says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Page {
    unpacked: i64,
    packed: i64,
    /// Values of a page of data.
    values: Option<i64>,
    /// Values of a dictionary.
    dictionary: Option<i64>,
}

/// The head at an offset, and how long it is.
fn head(input: &mut (impl Read + Seek), at: u64, end: u64) -> Result<(Page, usize)> {
    let mut bytes = Vec::new();
    let mut wanted = 512;
    loop {
        input.seek(SeekFrom::Start(at + bytes.len() as u64)).map_err(|_| damaged())?;
        let left = (end - at).min(wanted as u64) - bytes.len() as u64;
        if input.take(left).read_to_end(&mut bytes).map_err(|_| damaged())? == 0 {
            return Err(damaged());
        }
        let mut thrift = Thrift { bytes: &bytes, at: 0 };
        if let Some(page) = thrift.page() {
            return Ok((page, thrift.at));
        }
        if wanted >= HEAD {
            return Err(damaged());
        }
        wanted *= 16;
    }
}

/// The compact protocol of Thrift, as far as heads of pages need it. `None` is the end of the bytes, or nonsense.
struct Thrift<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Thrift<'_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn number(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    fn pass(&mut self, bytes: u64) -> Option<()> {
        self.at = self.at.checked_add(usize::try_from(bytes).ok()?).filter(|at| *at <= self.bytes.len())?;
        Some(())
    }

    /// The fields of a structure; `take` reads those that it knows, by number and type, and says whether it did.
    fn fields(&mut self, depth: u8, take: &mut dyn FnMut(&mut Self, i64, u8) -> Option<bool>) -> Option<()> {
        let mut id = 0i64;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Some(());
            }
            let kind = head & 15;
            id = if head >> 4 == 0 { self.number()? } else { id.checked_add(i64::from(head >> 4))? };
            if !take(self, id, kind)? {
                self.skip(kind, depth)?;
            }
        }
    }

    fn skip(&mut self, kind: u8, depth: u8) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match kind {
            // True and false are in the type.
            1 | 2 => Some(()),
            3 => self.pass(1),
            4..=6 => self.varint().map(|_| ()),
            7 => self.pass(8),
            8 => {
                let length = self.varint()?;
                self.pass(length)
            }
            9 | 10 => {
                let head = self.byte()?;
                let count = if head >> 4 == 15 { self.varint()? } else { u64::from(head >> 4) };
                (0..count).try_for_each(|_| match head & 15 {
                    1 | 2 => self.pass(1),
                    kind => self.skip(kind, depth),
                })
            }
            12 => self.fields(depth, &mut |_, _, _| Some(false)),
            _ => None,
        }
    }

    /// The head of a page: `PageHeader` of the Parquet format.
    fn page(&mut self) -> Option<Page> {
        const NUMBER: u8 = 5;
        const STRUCT: u8 = 12;
        let mut page = Page::default();
        self.fields(8, &mut |thrift, id, kind| {
            let inner = |thrift: &mut Self, to: &mut Option<i64>| {
                thrift.fields(7, &mut |thrift, id, kind| {
                    if (id, kind) != (1, NUMBER) {
                        return Some(false);
                    }
                    *to = Some(thrift.number()?);
                    Some(true)
                })
            };
            match (id, kind) {
                (2, NUMBER) => page.unpacked = thrift.number()?,
                (3, NUMBER) => page.packed = thrift.number()?,
                (5 | 8, STRUCT) => inner(thrift, &mut page.values)?,
                (7, STRUCT) => inner(thrift, &mut page.dictionary)?,
                _ => return Some(false),
            }
            Some(true)
        })?;
        Some(page)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use polars::prelude::*;

    use super::*;

    fn written(rows: i64) -> Vec<u8> {
        let values: Vec<Option<i64>> = (0..rows).map(|v| (v % 7 != 0).then_some(v)).collect();
        let texts: Vec<String> = (0..rows).map(|v| format!("text {}", v % 10)).collect();
        let columns = vec![Column::new("a".into(), values), Column::new("s".into(), texts)];
        let mut frame = DataFrame::new(rows as usize, columns).unwrap();
        let mut bytes = Vec::new();
        let writer = ParquetWriter::new(&mut bytes).with_row_group_size(Some(1000)).with_data_page_size(Some(500));
        writer.finish(&mut frame).unwrap();
        bytes
    }

    fn checked(bytes: &[u8]) -> Result<()> {
        let mut reader = ParquetReader::new(Cursor::new(bytes));
        let metadata = reader.get_metadata().unwrap().clone();
        footer(&metadata, bytes.len() as u64)?;
        for group in &metadata.row_groups {
            for column in group.parquet_columns() {
                let range = column.byte_range();
                chunk(column, &bytes[range.start as usize..range.end as usize], group.num_rows() as u64)?;
            }
        }
        Ok(())
    }

    #[test]
    fn good_files_pass() {
        checked(&written(1)).unwrap();
        checked(&written(5000)).unwrap();
    }

    #[test]
    fn heads_of_pages_are_read() {
        // Made by hand after the format: type 0, unpacked 100, packed 50, a page of 10 values with statistics.
        let bytes = [
            0x15, 0x00, 0x15, 0xc8, 0x01, 0x15, 0x64, 0x2c, 0x15, 0x14, 0x15, 0x00, 0x15, 0x06, 0x15, 0x06, 0x1c, 0x18,
            0x02, b'a', b'b', 0x00, 0x00, 0x00,
        ];
        let mut thrift = Thrift { bytes: &bytes, at: 0 };
        let page = Page { unpacked: 100, packed: 50, values: Some(10), dictionary: None };
        assert_eq!((thrift.page(), thrift.at), (Some(page), bytes.len()));
        for cut in 0..bytes.len() {
            assert_eq!(Thrift { bytes: &bytes[..cut], at: 0 }.page(), None);
        }
    }

    /// A page that claims minus one value made the decoder ask for two exabytes, which ends the process.
    #[test]
    fn pages_that_claim_too_much_are_refused() {
        let good = written(10);
        let mut reader = ParquetReader::new(Cursor::new(&good));
        let metadata = reader.get_metadata().unwrap().clone();
        let column = &metadata.row_groups[0].parquet_columns()[0];
        let start = column.data_page_offset() as usize;
        let (page, length) = head(&mut Cursor::new(&good), start as u64, good.len() as u64).unwrap();
        assert_eq!(page.values, Some(10));
        let at = good[start..start + length].windows(2).position(|w| w == [0x15, 20]).unwrap() + start;
        let mut bad = good.clone();
        bad[at + 1] = 1;
        assert!(checked(&bad).unwrap_err().message.contains("claims more"), "minus one value");
        bad[at + 1] = 22;
        assert!(checked(&bad).is_err(), "more values than rows");
        assert!(checked(&good).is_ok());
    }
}
