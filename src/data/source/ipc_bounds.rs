//! Sizes that an Arrow IPC file claims, checked before they are believed.
//!
//! The decoder sets memory aside for what a message says its buffers will be. A damaged or hostile length would end the
//! process where no error can be given, so every length is compared with the file first.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use polars_arrow::io::ipc::format::ipc::planus::ReadAsRoot;
use polars_arrow::io::ipc::format::ipc::{CompressionType, MessageHeaderRef, MessageRef, RecordBatchRef};
use polars_arrow::io::ipc::read::read_file_metadata;

use super::plain;
use super::sniff::Kind;
use crate::error::{Error, Result};

/// The most memory that one batch may ask for, bytes.
const LARGEST: u64 = 4 << 30;

/// What a buffer may unpack to however small it is, bytes; a larger one must have a thousandth of it as its content.
const PLAUSIBLE: u64 = 64 << 20;

/// The largest description of a batch, bytes.
const WORDIEST: u64 = 64 << 20;

fn damaged() -> Error {
    Error::input("this Arrow IPC file cannot be read: it claims more than it holds")
        .hint("It may be cut off or damaged; write it again, or save it as Parquet")
}

fn whole(value: i64) -> Result<u64> {
    u64::try_from(value).map_err(|_| damaged())
}

/// Checks every message of a file.
///
/// # Errors
/// When a length goes beyond the file, or a batch asks for more than 4 GB.
pub fn check(path: &Path, kind: Kind) -> Result<()> {
    let (mut file, metadata) = plain::open(path)?;
    let size = metadata.len();
    let failed = |e: std::io::Error| plain::read_error(path, &e);
    if kind == Kind::ArrowFile {
        // The length of the footer stands before the closing mark.
        if size < 18 {
            return Err(damaged());
        }
        file.seek(SeekFrom::End(-10)).map_err(failed)?;
        let mut length = [0u8; 4];
        file.read_exact(&mut length).map_err(failed)?;
        if u64::try_from(i32::from_le_bytes(length)).map_or(true, |n| n > size) {
            return Err(damaged());
        }
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        let footer = read_file_metadata(&mut file).map_err(|_| damaged())?;
        for block in footer.blocks.iter().chain(footer.dictionaries.iter().flatten()) {
            let (offset, described) = (whole(block.offset)?, whole(i64::from(block.meta_data_length))?);
            let (body, _) = message(&mut file, offset, size)?.ok_or_else(damaged)?;
            // The decoder takes the footer's word for where the buffers begin, not the message's own.
            if offset.checked_add(described) != Some(body) {
                return Err(damaged());
            }
        }
        return Ok(());
    }
    let mut at = 0;
    while let Some((_, next)) = message(&mut file, at, size)? {
        at = next;
    }
    Ok(())
}

/// Checks the message at an offset, and returns where its buffers and where the next message begin; `None` at the end of a
/// stream.
fn message(file: &mut File, offset: u64, size: u64) -> Result<Option<(u64, u64)>> {
    if offset >= size {
        return Ok(None);
    }
    let number = |file: &mut File| -> Result<u32> {
        let mut four = [0u8; 4];
        file.read_exact(&mut four).map_err(|_| damaged())?;
        Ok(u32::from_le_bytes(four))
    };
    file.seek(SeekFrom::Start(offset)).map_err(|_| damaged())?;
    let (mut length, mut start) = (number(file)?, offset + 4);
    if length == u32::MAX {
        (length, start) = (number(file)?, start + 4);
    }
    let length = u64::from(length);
    if length == 0 {
        return Ok(None);
    }
    let body = start.saturating_add(length);
    if length > WORDIEST || body > size {
        return Err(damaged());
    }
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes).map_err(|_| damaged())?;
    let message = MessageRef::read_as_root(&bytes).map_err(|_| damaged())?;
    let next = body.saturating_add(whole(message.body_length().map_err(|_| damaged())?)?);
    if next > size {
        return Err(damaged());
    }
    match message.header().map_err(|_| damaged())? {
        Some(MessageHeaderRef::RecordBatch(batch)) => batch_fits(file, &batch, body, next)?,
        Some(MessageHeaderRef::DictionaryBatch(dictionary)) => {
            if let Some(batch) = dictionary.data().map_err(|_| damaged())? {
                batch_fits(file, &batch, body, next)?;
            }
        }
        _ => {}
    }
    Ok(Some((body, next)))
}

/// To how many bytes one compressed byte can grow at most, by the formats: LZ4 adds a byte for 255 of a repetition, a block of
/// Zstandard of up to 128 KB takes four bytes.
fn tightest(codec: CompressionType) -> u64 {
    match codec {
        CompressionType::Lz4Frame => 255,
        CompressionType::Zstd => 1 << 15,
    }
}

fn batch_fits(file: &mut File, batch: &RecordBatchRef<'_>, body: u64, end: u64) -> Result<()> {
    let compressed = batch.compression().map_err(|_| damaged())?;
    let most = compressed.map_or(Ok(1), |c| c.codec().map(tightest)).map_err(|_| damaged())?;
    let mut memory: u64 = 0;
    for buffer in batch.buffers().map_err(|_| damaged())?.into_iter().flatten() {
        let (offset, length) = (whole(buffer.offset())?, whole(buffer.length())?);
        let from = body.checked_add(offset).ok_or_else(damaged)?;
        if from.checked_add(length).is_none_or(|to| to > end) {
            return Err(damaged());
        }
        if compressed.is_some() && length >= 8 {
            let mut eight = [0u8; 8];
            file.seek(SeekFrom::Start(from)).and_then(|_| file.read_exact(&mut eight)).map_err(|_| damaged())?;
            let unpacked = i64::from_le_bytes(eight);
            let unpacked = if unpacked == -1 { length } else { whole(unpacked)? };
            if unpacked > length.saturating_mul(most).min(length.saturating_mul(1000).max(PLAUSIBLE)) {
                return Err(damaged());
            }
            memory = memory.saturating_add(unpacked);
        } else {
            memory = memory.saturating_add(length);
        }
    }
    let rows = whole(batch.length().map_err(|_| damaged())?)?;
    // A row takes a bit at least; columns of nulls alone take nothing, and are few.
    if memory > LARGEST || rows > memory.saturating_mul(8).saturating_add(1 << 20) {
        return Err(damaged());
    }
    for node in batch.nodes().map_err(|_| damaged())?.into_iter().flatten() {
        if whole(node.length())? > memory.saturating_mul(8).saturating_add(1 << 20) {
            return Err(damaged());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::*;

    fn written(packing: Option<IpcCompression>) -> Vec<u8> {
        let values: Vec<Option<i64>> = (0..2000).map(|v| (v % 3 != 0).then_some(v)).collect();
        let mut frame = DataFrame::new(2000, vec![Column::new("a".into(), values)]).unwrap();
        let mut bytes = Vec::new();
        IpcWriter::new(&mut bytes).with_compression(packing).finish(&mut frame).unwrap();
        bytes
    }

    fn checked(bytes: &[u8]) -> Result<()> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file, bytes).unwrap();
        check(file.path(), Kind::ArrowFile)
    }

    /// The decoder looked for the buffers elsewhere, and took what it found for a length of an exabyte.
    #[test]
    fn a_footer_that_puts_the_buffers_elsewhere_is_refused() {
        let good = written(Some(IpcCompression::LZ4));
        checked(&good).unwrap();
        let footer = read_file_metadata(&mut std::io::Cursor::new(&good)).unwrap();
        let block = footer.blocks[0];
        let place = [block.offset.to_le_bytes().as_slice(), &block.meta_data_length.to_le_bytes()].concat();
        let at = good.windows(place.len()).rposition(|w| w == place).unwrap() + 8;
        let mut bad = good.clone();
        bad[at..at + 4].copy_from_slice(&(block.meta_data_length + 8).to_le_bytes());
        assert!(checked(&bad).unwrap_err().message.contains("claims more"));
    }

    #[test]
    fn a_buffer_that_would_grow_beyond_its_packing_is_refused() {
        for packing in [IpcCompression::LZ4, IpcCompression::ZSTD(Default::default())] {
            let good = written(Some(packing));
            checked(&good).unwrap();
            // The values' buffer begins with its unpacked length: 2000 numbers of eight bytes.
            let at = good.windows(8).position(|w| w == 16_000i64.to_le_bytes()).unwrap();
            let mut bad = good.clone();
            bad[at..at + 8].copy_from_slice(&1_000_000_000i64.to_le_bytes());
            assert!(checked(&bad).unwrap_err().message.contains("claims more"));
        }
        checked(&written(None)).unwrap();
    }
}
