//! What is wrong with a block that could not be read, in the words of the strict reader.

use super::blocks;
use crate::data::brief;
use crate::data::csv;
use crate::error::Error;

/// Finds the first broken record of a block. `rows` stand before the block.
pub fn why(block: &[u8], offset: u64, rows: u64, delimiter: u8, names: &[String], path: &str) -> Error {
    let mut reader = csv::reader(block, delimiter);
    let mut record = ::csv::ByteRecord::new();
    let mut row = rows;
    while reader.read_byte_record(&mut record).unwrap_or(false) {
        row += 1;
        let place = || {
            let mut at = record.position().map_or(0, |p| usize::try_from(p.byte()).unwrap_or(0));
            while matches!(block.get(at), Some(b'\n' | b'\r')) {
                at += 1;
            }
            let line = blocks::line(path, offset).unwrap_or(1) + csv::dialect::line_of(block, at) - 1;
            format!("line {line} (row {row})")
        };
        if record.len() != names.len() {
            return csv::ragged(&place(), record.len(), names.len());
        }
        if let Some(at) = record.iter().position(|cell| std::str::from_utf8(cell).is_err()) {
            let name = names.get(at).map_or("", String::as_str);
            return csv::not_utf8(&format!("{}: column `{}`", place(), brief(name, 60)));
        }
    }
    Error::input("a record cannot be read").hint("Check that the file does not change while it is read")
}
