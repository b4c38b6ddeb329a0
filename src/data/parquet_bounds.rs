//! Sizes that a Parquet file claims, checked before they are believed.
//!
//! The decoder sets memory aside for what the footer and the heads of pages say that there will be. A damaged or hostile
//! number would end the process where no error can be given, so the head of every page is read and compared first.

use polars_parquet::read::{ColumnChunkMetadata, FileMetadata};

use crate::error::{Error, Result};

/// Cells that a file may have however small it is, and for each of its bytes beyond. Columns of one value take next to no
/// room, so that a file of a kilobyte could claim all the memory there is.
const CELLS: u64 = 50_000_000;
const CELLS_A_BYTE: u64 = 4096;

/// What a page may unpack to however small it is, bytes; a larger one must have a thousandth of it as its content.
const PLAUSIBLE: u64 = 64 << 20;

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
/// When numbers of rows, values or bytes do not fit each other, or the column holds lists: they have any number of values,
/// which nothing bounds, and are not read.
pub fn chunk(column: &ColumnChunkMetadata, bytes: &[u8], height: u64) -> Result<()> {
    let repeated = column.descriptor().descriptor.max_rep_level > 0;
    if repeated || u64::try_from(column.num_values()).ok() != Some(height) {
        return Err(damaged());
    }
    pages(bytes, height)
}

/// Checks the pages of a column that has `height` values. Only their heads are looked at: the contents are stepped over.
fn pages(bytes: &[u8], height: u64) -> Result<()> {
    let (mut rest, mut seen) = (bytes, 0u64);
    while seen < height {
        let mut thrift = Thrift { bytes: rest, at: 0 };
        let page = thrift.page().ok_or_else(damaged)?;
        if page.unpacked > page.packed.saturating_mul(1000).max(PLAUSIBLE) {
            return Err(damaged());
        }
        match page.content {
            Content::Dictionary(values) if values > page.unpacked => return Err(damaged()),
            Content::Dictionary(_) => {}
            Content::Values(values) => {
                seen = seen.checked_add(values).filter(|n| *n <= height).ok_or_else(damaged)?;
            }
        }
        let content = usize::try_from(page.packed).ok().and_then(|packed| thrift.at.checked_add(packed));
        rest = content.and_then(|at| rest.get(at..)).ok_or_else(damaged)?;
    }
    Ok(())
}

/// What the head of a page says.
#[derive(Debug, PartialEq, Eq)]
struct Page {
    unpacked: u64,
    packed: u64,
    content: Content,
}

/// Number of values of a page of data, or of a dictionary.
#[derive(Debug, PartialEq, Eq)]
enum Content {
    Values(u64),
    Dictionary(u64),
}

// Types of the compact protocol of Thrift. A truth's value is in its type: 1 is true, 2 is false.
const TRUTH: u8 = 1;
const I32: u8 = 5;
const I64: u8 = 6;
const BYTES: u8 = 8;
const STRUCT: u8 = 12;

// The types of the fields 1, 2, 3 … of structures of the Parquet format.
const PAGE: &[u8] = &[I32, I32, I32, I32, STRUCT, STRUCT, STRUCT, STRUCT];
const DATA: &[u8] = &[I32, I32, I32, I32, STRUCT];
const DICTIONARY: &[u8] = &[I32, I32, TRUTH];
const DATA_V2: &[u8] = &[I32, I32, I32, I32, I32, I32, TRUTH, STRUCT];
const STATISTICS: &[u8] = &[BYTES, BYTES, I64, I64, BYTES, BYTES, TRUTH, TRUTH];

/// The compact protocol of Thrift, as far as heads of pages need it. `None` is the end of the bytes, or nonsense.
///
/// It must never understand something else than the decoder, which knows a field by its number alone, whatever type the
/// bytes give it, and cuts numbers to their size. Hence a known field of another type and a number out of range are
/// nonsense here.
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

    /// A number without a sign, of at most so many bits.
    fn varint(&mut self, bits: u32) -> Option<u64> {
        let mut value = 0u64;
        for place in 0..bits.div_ceil(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << (7 * place);
            if byte < 0x80 {
                return (bits == 64 || value >> bits == 0).then_some(value);
            }
        }
        None
    }

    /// A number with a sign, of at most so many bits.
    fn number(&mut self, bits: u32) -> Option<i64> {
        let value = self.varint(bits)?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    fn pass(&mut self, bytes: u64) -> Option<()> {
        self.at = self.at.checked_add(usize::try_from(bytes).ok()?).filter(|at| *at <= self.bytes.len())?;
        Some(())
    }

    /// The fields of a structure; `take` reads those with a known type, by number and type, the others are passed over.
    fn fields(
        &mut self,
        known: &[u8],
        depth: u8,
        take: &mut dyn FnMut(&mut Self, i64, u8) -> Option<()>,
    ) -> Option<()> {
        let mut id = 0i64;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Some(());
            }
            let kind = head & 15;
            id = if head >> 4 == 0 { self.number(16)? } else { id + i64::from(head >> 4) };
            if id > i64::from(i16::MAX) {
                return None;
            }
            let wanted = usize::try_from(id).ok().and_then(|id| known.get(id.checked_sub(1)?));
            match wanted {
                Some(wanted) if *wanted == kind || (*wanted, kind) == (TRUTH, 2) => take(self, id, kind)?,
                Some(_) => return None,
                None => self.skip(kind, depth)?,
            }
        }
    }

    fn skip(&mut self, kind: u8, depth: u8) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match kind {
            TRUTH | 2 => Some(()),
            3 => self.pass(1),
            4 => self.number(16).map(|_| ()),
            I32 => self.number(32).map(|_| ()),
            I64 => self.number(64).map(|_| ()),
            7 => self.pass(8),
            BYTES => {
                let length = self.varint(32)?;
                self.pass(length)
            }
            9 | 10 => {
                let head = self.byte()?;
                let count = if head >> 4 == 15 { self.varint(32)? } else { u64::from(head >> 4) };
                (0..count).try_for_each(|_| match head & 15 {
                    // In a list, a truth is a byte.
                    TRUTH => self.byte().filter(|byte| matches!(byte, 1 | 2)).map(|_| ()),
                    2 => None,
                    kind => self.skip(kind, depth),
                })
            }
            STRUCT => self.fields(&[], depth, &mut |_, _, _| None),
            _ => None,
        }
    }

    /// The head of a page: `PageHeader` of the Parquet format.
    fn page(&mut self) -> Option<Page> {
        let (mut kind, mut unpacked, mut packed) = (None, None, None);
        let (mut data, mut dictionary, mut data_v2) = (None, None, None);
        self.fields(PAGE, 8, &mut |thrift, id, wire| {
            match id {
                1 => kind = Some(thrift.number(32)?),
                2 => unpacked = Some(thrift.number(32)?),
                3 => packed = Some(thrift.number(32)?),
                5 => data = Some(thrift.values(DATA)?),
                7 => dictionary = Some(thrift.values(DICTIONARY)?),
                8 => data_v2 = Some(thrift.values(DATA_V2)?),
                _ => thrift.skip(wire, 7)?,
            }
            Some(())
        })?;
        let number = |n: Option<i64>| u64::try_from(n?).ok();
        let content = match kind? {
            0 => Content::Values(number(data)?),
            2 => Content::Dictionary(number(dictionary)?),
            3 => Content::Values(number(data_v2)?),
            _ => return None,
        };
        Some(Page { unpacked: number(unpacked)?, packed: number(packed)?, content })
    }

    /// The number of values, which every structure within the head of a page has as its first field.
    fn values(&mut self, known: &[u8]) -> Option<i64> {
        let mut values = None;
        self.fields(known, 7, &mut |thrift, id, wire| match (id, wire) {
            (1, _) => {
                values = Some(thrift.number(32)?);
                Some(())
            }
            (_, STRUCT) => thrift.fields(STATISTICS, 6, &mut |thrift, _, wire| thrift.skip(wire, 5)),
            (_, wire) => thrift.skip(wire, 6),
        })?;
        values
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

    /// Made by hand after the format: type 0, unpacked 100, packed 50, a page of 10 values with statistics.
    const HEAD: [u8; 24] = [
        0x15, 0x00, 0x15, 0xc8, 0x01, 0x15, 0x64, 0x2c, 0x15, 0x14, 0x15, 0x00, 0x15, 0x06, 0x15, 0x06, 0x1c, 0x18,
        0x02, b'a', b'b', 0x00, 0x00, 0x00,
    ];

    fn page(bytes: &[u8]) -> Option<Page> {
        Thrift { bytes, at: 0 }.page()
    }

    #[test]
    fn heads_of_pages_are_read() {
        let mut thrift = Thrift { bytes: &HEAD, at: 0 };
        let found = Page { unpacked: 100, packed: 50, content: Content::Values(10) };
        assert_eq!((thrift.page(), thrift.at), (Some(found), HEAD.len()));
        for cut in 0..HEAD.len() {
            assert_eq!(page(&HEAD[..cut]), None);
        }
    }

    /// The decoder (polars-parquet-format) goes by the number of a field alone and cuts numbers to 32 bits.
    #[test]
    fn heads_that_the_decoder_reads_otherwise_are_nonsense() {
        let with = |at: usize, old: usize, new: &[u8]| {
            let mut bytes = HEAD.to_vec();
            bytes.splice(at..at + old, new.iter().copied());
            page(&bytes)
        };
        assert_eq!(with(8, 2, &[0x16, 0x14]), None, "ten values as a number of 64 bits");
        assert_eq!(with(8, 2, &[0x16, 0x01]), None, "minus one value as a number of 64 bits");
        assert_eq!(with(2, 1, &[0x16]), None, "another type of the unpacked size");
        assert_eq!(with(14, 1, &[0x11]), None, "a truth where an encoding is");
        // 2^32 + 10 values, which the decoder takes as ten; the largest number that fits.
        assert_eq!(with(9, 1, &[0x94, 0x80, 0x80, 0x80, 0x20]), None);
        let most = Page { unpacked: 100, packed: 50, content: Content::Values(i32::MAX as u64) };
        assert_eq!(with(9, 1, &[0xfe, 0xff, 0xff, 0xff, 0x0f]), Some(most));
        assert_eq!(with(17, 4, &[0x75, 0x02]), None, "a number where a truth of the statistics is");
        assert!(with(17, 4, &[0x71]).is_some(), "true");
        assert!(with(17, 4, &[0x72]).is_some(), "false");
        assert_eq!(with(1, 1, &[0x02]), None, "an index page");
        assert_eq!(with(1, 1, &[0x04]), None, "a dictionary without its own head");
    }

    /// A page that claims minus one value made the decoder ask for two exabytes, which ends the process.
    #[test]
    fn pages_that_claim_too_much_are_refused() {
        let good = written(10);
        let mut reader = ParquetReader::new(Cursor::new(&good));
        let metadata = reader.get_metadata().unwrap().clone();
        let column = &metadata.row_groups[0].parquet_columns()[0];
        let start = column.data_page_offset() as usize;
        let mut thrift = Thrift { bytes: &good[start..], at: 0 };
        assert_eq!(thrift.page().unwrap().content, Content::Values(10));
        let length = thrift.at;
        let at = good[start..start + length].windows(2).position(|w| w == [0x15, 20]).unwrap() + start;
        let mut bad = good.clone();
        bad[at + 1] = 1;
        assert!(checked(&bad).unwrap_err().message.contains("claims more"), "minus one value");
        bad[at] = 0x16;
        assert!(checked(&bad).unwrap_err().message.contains("claims more"), "minus one value of another type");
        bad[at] = 0x15;
        bad[at + 1] = 22;
        assert!(checked(&bad).is_err(), "more values than rows");
        bad[at + 1] = 18;
        assert!(checked(&bad).is_err(), "fewer values than rows");
        assert!(checked(&good).is_ok());
    }

    #[test]
    fn all_values_of_a_column_must_be_there() {
        let good = written(5000);
        let metadata = ParquetReader::new(Cursor::new(&good)).get_metadata().unwrap().clone();
        let group = &metadata.row_groups[0];
        let (column, rows) = (&group.parquet_columns()[0], group.num_rows() as u64);
        let range = column.byte_range();
        let bytes = &good[range.start as usize..range.end as usize];
        let mut thrift = Thrift { bytes, at: 0 };
        let first = thrift.page().unwrap();
        let end = thrift.at + first.packed as usize;
        assert!(end < bytes.len(), "there must be several pages");
        chunk(column, bytes, rows).unwrap();
        assert!(chunk(column, &bytes[..end], rows).is_err(), "cut after a page");
        assert!(chunk(column, &bytes[..bytes.len() - 1], rows).is_err(), "cut within a page");
    }

    #[test]
    fn lists_are_not_decoded() {
        let lists = Series::new("l".into(), [Series::new("".into(), [1i64]), Series::new("".into(), [2i64])]);
        let mut frame = DataFrame::new(2, vec![lists.into()]).unwrap();
        let mut bytes = Vec::new();
        ParquetWriter::new(&mut bytes).finish(&mut frame).unwrap();
        assert!(checked(&bytes).unwrap_err().message.contains("claims more"));
    }
}
