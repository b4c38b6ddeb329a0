//! What bytes are, told by the bytes and not by the name.

use super::compressed::Packing;
use crate::error::{Error, Result};

/// What the first bytes of a file say that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Delimited text, in UTF-8 as far as its first bytes tell.
    Text,
    /// Delimited text in UTF-16, with a byte order mark.
    Utf16,
    /// Apache Parquet.
    Parquet,
    /// Arrow IPC, the file format (Feather version 2).
    ArrowFile,
    /// Arrow IPC, the stream format.
    ArrowStream,
    /// JSON: an array of objects, or objects one after the other (NDJSON).
    Json,
    /// An SQLite database.
    Sqlite,
    /// Something else inside a compressed file.
    Packed(Packing),
}

/// The files that are known and are no tables: first bytes, what they are, and what to do.
const FOREIGN: [(&[u8], &str, &str); 10] = [
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook", "Unpack it, or save the sheet as CSV"),
    (&[0xfd, b'7', b'z', b'X', b'Z'], "compressed with xz", "Unpack it first, or compress it with gzip or Zstandard"),
    (&[0xd0, 0xcf, 0x11, 0xe0], "an old Excel or Office file", "Save the sheet as CSV"),
    (b"FEA1", "a Feather file of version 1", "Write it as Feather version 2 (Arrow IPC) or Parquet"),
    (b"%PDF", "a PDF document", "Export the table as CSV"),
    (b"\x89PNG", "a picture", "Name a CSV or Parquet file"),
    (b"\x7fELF", "a program", "Name a CSV or Parquet file"),
    (b"Obj\x01", "an Avro file", "Save it as Parquet"),
    (b"ORC", "an ORC file", "Save it as Parquet"),
    (b"\x04\x22\x4d\x18", "compressed with LZ4", "Unpack it first, or compress it with gzip or Zstandard"),
];

/// Tells the kind of a file by its first bytes.
///
/// # Errors
/// When there are no bytes, or they are of a known or unknown kind that is not a table.
pub fn sniff(bytes: &[u8]) -> Result<Kind> {
    if bytes.iter().take(4096).all(|b| b.is_ascii_whitespace()) {
        return Err(Error::input("the file is empty").hint("Check that the export finished"));
    }
    let starts = |magic: &[u8]| bytes.starts_with(magic);
    if starts(b"PAR1") {
        return Ok(Kind::Parquet);
    }
    if starts(b"ARROW1") {
        return Ok(Kind::ArrowFile);
    }
    // A stream begins with a continuation mark and the length of the schema, which is small and a multiple of eight.
    if let [0xff, 0xff, 0xff, 0xff, a, b, c, 0, ..] = bytes
        && *a & 7 == 0
        && (*a, *b, *c) != (0, 0, 0)
    {
        return Ok(Kind::ArrowStream);
    }
    if starts(&[0xff, 0xfe]) || starts(&[0xfe, 0xff]) {
        return Ok(Kind::Utf16);
    }
    if starts(b"SQLite format 3\0") {
        return Ok(Kind::Sqlite);
    }
    if let Some(packing) = Packing::of(bytes) {
        return Ok(Kind::Packed(packing));
    }
    if let Some((_, what, hint)) =
        FOREIGN.iter().find(|(magic, ..)| starts(magic) && !(*magic == b"ORC" && bytes.is_ascii()))
    {
        return Err(Error::input(format!("this is {what}, not a table that can be read")).hint(*hint));
    }
    let head = bytes.get(..1 << 16).unwrap_or(bytes);
    let rubbish = head.iter().filter(|b| **b < 9 || (14..32).contains(*b)).count();
    // Escape characters may stand in text (a pasted terminal log), but not NUL, and not many of them.
    if head.contains(&0) || rubbish * 20 > head.len() {
        return Err(Error::input("this is not text, and no Parquet either").hint("Name a CSV or Parquet file"));
    }
    let words = head.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(head).trim_ascii_start();
    let lower: Vec<u8> = words.iter().take(32).map(u8::to_ascii_lowercase).collect();
    if lower.starts_with(b"<!doctype html") || lower.starts_with(b"<html") {
        return Err(Error::input("this is a web page, not a table")
            .hint("Check the address; the server may want a login, or name a page instead of the file behind it"));
    }
    if lower.starts_with(b"<?xml") {
        return Err(Error::input("this is XML, not a table").hint("Export the table as CSV or Parquet"));
    }
    Ok(if is_json(words) { Kind::Json } else { Kind::Text })
}

/// Whether text begins as JSON objects or an array of them do; a CSV header in braces or brackets does not.
fn is_json(words: &[u8]) -> bool {
    let object = |rest: &[u8]| matches!(rest.trim_ascii_start().first(), None | Some(b'"' | b'}'));
    match words.split_first() {
        Some((b'{', rest)) => object(rest),
        Some((b'[', rest)) => match rest.trim_ascii_start().split_first() {
            None | Some((b']', _)) => true,
            Some((b'{', rest)) => object(rest),
            Some((b'[' | b'"' | b'0'..=b'9' | b'-', _)) => {
                serde_json::from_slice::<serde::de::IgnoredAny>(words).is_ok()
            }
            _ => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_their_bytes() {
        for (bytes, kind) in [
            (&b"PAR1...."[..], Kind::Parquet),
            (b"a,b\n1,2\n", Kind::Text),
            (b"ORC,b\n1,2\n", Kind::Text),
            (b"BZh,b\n1,2\n", Kind::Text),
            (b"{a},b\n1,2\n", Kind::Text),
            (b"[a],[b]\n1,2\n", Kind::Text),
            (b"\"[\",b\n1,2\n", Kind::Text),
            (b"[{\"a\":1}]", Kind::Json),
            (b" [\n {\"a\":1}]", Kind::Json),
            (b"\xef\xbb\xbf{\"a\":1}\n{\"a\":2}", Kind::Json),
            (b"[[1,2],[3,4]]", Kind::Json),
            (b"ARROW1\0\0", Kind::ArrowFile),
            (b"\xff\xff\xff\xff\x80\0\0\0", Kind::ArrowStream),
            (b"\xff\xfea\0", Kind::Utf16),
            (b"SQLite format 3\0", Kind::Sqlite),
            (b"BZh91AY&SY", Kind::Packed(Packing::Bzip2)),
            (b"\x1f\x8b\x08\0", Kind::Packed(Packing::Gzip)),
            (b"\x28\xb5\x2f\xfd\0", Kind::Packed(Packing::Zstd)),
        ] {
            assert_eq!(sniff(bytes).unwrap(), kind, "{}", bytes.escape_ascii());
        }
        for (bytes, word) in [
            (&b"PK\x03\x04...."[..], "Excel"),
            (b"\n \n", "empty"),
            (b"<!DOCTYPE html><html>", "web page"),
            (b"ORC\x08\x03\xff", "ORC"),
        ] {
            let error = sniff(bytes).unwrap_err();
            assert!(error.message.contains(word) && error.hint.is_some(), "{error}");
        }
    }
}
