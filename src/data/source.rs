//! Where bytes come from: a path, standard input, or a sample inside the binary.

use std::borrow::Cow;
use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::display::brief;
use super::samples::{sample, samples};
use crate::engine::Control;
use crate::error::{Error, Result};

/// The bytes of a source.
#[derive(Debug)]
pub struct Raw {
    /// All bytes.
    pub bytes: Cow<'static, [u8]>,
    /// Their SHA-256 in hex.
    pub fingerprint: String,
}

/// What kind of table the bytes hold, told by the bytes and not by the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Delimited text in UTF-8.
    Text,
    /// Delimited text in UTF-16, with a byte order mark.
    Utf16,
    /// Apache Parquet.
    Parquet,
}

/// Opens a file for reading and refuses what is not one.
pub fn open(path: &Path) -> Result<(File, Metadata)> {
    let metadata = std::fs::metadata(path).map_err(|e| read_error(path, &e))?;
    if metadata.is_dir() {
        let inside = if path.join("sample_data").is_dir() { "sample_data/" } else { "" };
        return Err(Error::input(format!("{} is a directory", shown(path))).hint(format!(
            "Name one file in it{}",
            if inside.is_empty() { "" } else { ", for example under sample_data/" }
        )));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        let kind = metadata.file_type();
        if kind.is_char_device() || kind.is_block_device() || kind.is_socket() {
            return Err(
                Error::input(format!("{} is a device, not a file", shown(path))).hint("Name a CSV or Parquet file")
            );
        }
    }
    let file = File::open(path).map_err(|e| read_error(path, &e))?;
    Ok((file, metadata))
}

/// The embedded sample that stands in for `source`: `sample:NAME`, or a path that does not exist but whose file name is
/// that of a sample, so that flows that name `sample_data/…` work from the bare binary.
pub fn embedded(source: &str) -> Result<Option<&'static [u8]>> {
    if let Some(name) = source.strip_prefix("sample:") {
        return match sample(name) {
            Some(sample) => Ok(Some(sample.bytes())),
            None => {
                let names: Vec<&str> = samples().iter().map(|s| s.name).collect();
                Err(Error::input(format!("there is no sample `{}`", brief(name, 40)))
                    .hint(format!("The samples are {}", names.join(", "))))
            }
        };
    }
    let path = Path::new(source);
    if source == "-" || path.exists() {
        return Ok(None);
    }
    let name = path.file_name().and_then(|n| n.to_str());
    Ok(samples().iter().find(|s| Some(s.file) == name).map(|s| s.bytes()))
}

/// Refuses kinds of sources that are not read yet, with a way around.
pub fn refuse_foreign(source: &str) -> Result<()> {
    if source.is_empty() {
        return Err(Error::usage("no source was named").hint("Name a CSV or Parquet file, `-` or `sample:churn`"));
    }
    match source.split_once("://") {
        Some((scheme, _)) if scheme.chars().all(|c| c.is_ascii_alphanumeric()) => {
            Err(Error::input(format!("{scheme} addresses cannot be read"))
                .hint("Download it first, or pipe it in and name `-`"))
        }
        _ => Ok(()),
    }
}

/// Reads a source whole.
///
/// # Errors
/// When it cannot be read, is not a file, or the work is cancelled.
pub fn read(source: &str, control: &Control) -> Result<Raw> {
    refuse_foreign(source)?;
    if let Some(bytes) = embedded(source)? {
        return Ok(Raw { bytes: Cow::Borrowed(bytes), fingerprint: hex(&Sha256::digest(bytes)) });
    }
    if source == "-" {
        return read_all(&mut std::io::stdin().lock(), "standard input", 0, control);
    }
    let path = Path::new(source);
    let (mut file, metadata) = open(path)?;
    read_all(&mut file, &shown(path), metadata.len(), control)
}

fn read_all(input: &mut dyn Read, name: &str, expected: u64, control: &Control) -> Result<Raw> {
    let mut bytes = Vec::new();
    let too_large =
        || Error::input(format!("{name} does not fit into memory")).hint("Take a part of it, for example one year");
    bytes.try_reserve_exact(usize::try_from(expected).map_err(|_| too_large())?).map_err(|_| too_large())?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0u8; 1 << 20];
    loop {
        control.check()?;
        let n = match input.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => n,
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            Err(e) => return Err(read_error(Path::new(name), &e)),
        };
        let block = buffer.get(..n).unwrap_or_default();
        hash.update(block);
        bytes.try_reserve(n).map_err(|_| too_large())?;
        bytes.extend_from_slice(block);
        let share = (expected > 0).then(|| (bytes.len() as f64 / expected as f64).min(1.0));
        control.report("reading the file", share, format!("{} MB", bytes.len() >> 20));
    }
    Ok(Raw { bytes: Cow::Owned(bytes), fingerprint: hex(&hash.finalize()) })
}

fn read_error(path: &Path, error: &std::io::Error) -> Error {
    let path = shown(path);
    match error.kind() {
        ErrorKind::NotFound => {
            Error::input(format!("there is no file {path}")).hint("Check the path; it may have been moved or removed")
        }
        ErrorKind::PermissionDenied => {
            Error::input(format!("{path} may not be read")).hint("Ask its owner for the right to read it")
        }
        ErrorKind::IsADirectory => Error::input(format!("{path} is a directory")).hint("Name one file in it"),
        _ => Error::input(format!("{path} cannot be read: {error}"))
            .hint("Check the disk or the network share and try again"),
    }
}

fn shown(path: &Path) -> String {
    brief(&path.to_string_lossy(), 200)
}

/// Tells the kind of table by its first bytes.
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
    if starts(&[0xff, 0xfe]) || starts(&[0xfe, 0xff]) {
        return Ok(Kind::Utf16);
    }
    let known: [(&[u8], &str, &str); 13] = [
        (b"PK\x03\x04", "a ZIP archive or an Excel workbook", "Unpack it, or save the sheet as CSV"),
        (
            &[0x1f, 0x8b],
            "compressed with gzip",
            "Unpack it with `gunzip`, or pipe it in: `gunzip -c FILE | pilothouse … -`",
        ),
        (b"BZh", "compressed with bzip2", "Unpack it first"),
        (&[0x28, 0xb5, 0x2f, 0xfd], "compressed with Zstandard", "Unpack it first"),
        (&[0xfd, b'7', b'z', b'X', b'Z'], "compressed with xz", "Unpack it first"),
        (&[0xd0, 0xcf, 0x11, 0xe0], "an old Excel or Office file", "Save the sheet as CSV"),
        (b"SQLite format 3", "an SQLite database", "Export the table as CSV"),
        (b"ARROW1", "an Arrow IPC (Feather) file", "Save it as Parquet"),
        (b"%PDF", "a PDF document", "Export the table as CSV"),
        (b"\x89PNG", "a picture", "Name a CSV or Parquet file"),
        (b"\x7fELF", "a program", "Name a CSV or Parquet file"),
        (b"Obj\x01", "an Avro file", "Save it as Parquet"),
        (b"ORC", "an ORC file", "Save it as Parquet"),
    ];
    if let Some((_, what, hint)) =
        known.iter().find(|(magic, ..)| starts(magic) && !(*magic == b"ORC" && bytes.is_ascii()))
    {
        return Err(Error::input(format!("this is {what}, not CSV or Parquet")).hint(*hint));
    }
    let head = bytes.get(..1 << 16).unwrap_or(bytes);
    let rubbish = head.iter().filter(|b| **b < 9 || (14..32).contains(*b)).count();
    // Escape characters may stand in text (a pasted terminal log), but not NUL, and not many of them.
    if head.contains(&0) || rubbish * 20 > head.len() {
        return Err(Error::input("this is not text, and no Parquet either").hint("Name a CSV or Parquet file"));
    }
    Ok(Kind::Text)
}

/// Text of the bytes in UTF-8 without a byte order mark.
pub fn text(kind: Kind, bytes: Cow<'static, [u8]>) -> Result<(Cow<'static, [u8]>, usize)> {
    if kind == Kind::Utf16 {
        let (text, _, broken) = encoding_rs::UTF_16LE.decode(&bytes);
        if broken {
            return Err(Error::input("the file starts as UTF-16 but does not go on so").hint("Save it as UTF-8"));
        }
        return Ok((Cow::Owned(text.into_owned().into_bytes()), 0));
    }
    let mark = if bytes.starts_with(&[0xef, 0xbb, 0xbf]) { 3 } else { 0 };
    Ok((bytes, mark))
}

/// Bytes as lower-case hex digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_is_the_sha256_of_the_bytes() {
        // printf 'a,b\n1,2\n' | sha256sum
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.csv");
        std::fs::write(&path, "a,b\n1,2\n").unwrap();
        let raw = read(path.to_str().unwrap(), &Control::default()).unwrap();
        assert_eq!(raw.fingerprint, hex(&Sha256::digest(b"a,b\n1,2\n")));
        assert_eq!(raw.fingerprint.len(), 64);
    }

    #[test]
    fn kinds_are_told_by_their_bytes() {
        assert_eq!(sniff(b"PAR1....").unwrap(), Kind::Parquet);
        assert_eq!(sniff(b"a,b\n1,2\n").unwrap(), Kind::Text);
        assert_eq!(sniff(b"ORC,b\n1,2\n").unwrap(), Kind::Text);
        assert!(sniff(b"PK\x03\x04....").unwrap_err().message.contains("Excel"));
        assert!(sniff(b"\n \n").unwrap_err().message.contains("empty"));
        assert!(sniff(b"a,\0b\n").is_err());
    }

    #[test]
    fn a_lost_path_to_a_sample_finds_the_embedded_copy() {
        assert!(embedded("no/such/sample_data/retail_churn_train.csv").unwrap().is_some());
        assert!(embedded("sample:taxi").unwrap().is_some());
        assert!(embedded("no/such.csv").unwrap().is_none());
        assert!(embedded("sample:nope").unwrap_err().hint.unwrap().contains("churn"));
    }

    #[test]
    fn foreign_sources_are_refused_with_a_way_around() {
        assert!(refuse_foreign("https://example.org/x.csv").is_err());
        assert!(refuse_foreign("").is_err());
        assert!(refuse_foreign("a/b.csv").is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn endless_devices_are_refused() {
        assert!(read("/dev/zero", &Control::default()).unwrap_err().message.contains("device"));
    }
}
