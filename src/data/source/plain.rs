//! Files of this machine: opened with care, and failures in words.

use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::data::display::brief;
use crate::data::samples::{sample, samples};
use crate::engine::Control;
use crate::error::{Error, Result};

/// Bytes read at a time.
pub(crate) const BLOCK: usize = 1 << 20;

/// Opens a file for reading and refuses what is not one.
pub fn open(path: &Path) -> Result<(File, Metadata)> {
    let metadata = std::fs::metadata(path).map_err(|e| read_error(path, &e))?;
    if metadata.is_dir() {
        let inside = if path.join("sample_data").is_dir() { ", for example under sample_data/" } else { "" };
        return Err(
            Error::input(format!("{} is a directory", shown(path))).hint(format!("Name one file in it{inside}"))
        );
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
    // An address that ends in a sample's name is the address's own table.
    if source == "-" || source.contains("://") || path.exists() {
        return Ok(None);
    }
    let name = path.file_name().and_then(|n| n.to_str());
    Ok(samples().iter().find(|s| Some(s.file) == name).map(|s| s.bytes()))
}

/// Hands the blocks of a stream to `take`, and the share of `expected` that was read to the progress.
///
/// # Errors
/// When reading fails, `take` fails, or the work is cancelled.
pub fn blocks(
    input: &mut dyn Read,
    name: &Path,
    what: &str,
    expected: u64,
    control: &Control,
    mut take: impl FnMut(&[u8]) -> Result<()>,
) -> Result<u64> {
    let mut buffer = vec![0u8; BLOCK];
    let mut all: u64 = 0;
    loop {
        control.check()?;
        let n = match input.read(&mut buffer) {
            Ok(0) => return Ok(all),
            Ok(n) => n,
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            Err(e) => return Err(read_error(name, &e)),
        };
        take(buffer.get(..n).unwrap_or_default())?;
        all += n as u64;
        let share = (expected > 0).then(|| (all as f64 / expected as f64).min(1.0));
        control.report(what, share, format!("{} MB", all >> 20));
    }
}

/// All bytes of a file and their SHA-256 in hex.
///
/// # Errors
/// When the file cannot be read or does not fit into memory, or the work is cancelled.
pub fn read_whole(path: &Path, control: &Control) -> Result<(Vec<u8>, String)> {
    let (mut file, metadata) = open(path)?;
    let too_large = || {
        Error::input(format!("{} does not fit into memory", shown(path)))
            .hint("Take a part of it, for example one year")
    };
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(usize::try_from(metadata.len()).map_err(|_| too_large())?).map_err(|_| too_large())?;
    let mut hash = Sha256::new();
    blocks(&mut file, path, "reading the file", metadata.len(), control, |block| {
        hash.update(block);
        bytes.try_reserve(block.len()).map_err(|_| too_large())?;
        bytes.extend_from_slice(block);
        Ok(())
    })?;
    Ok((bytes, hex(&hash.finalize())))
}

/// The SHA-256 of a file in hex, in little memory.
///
/// # Errors
/// When the file cannot be read, or the work is cancelled.
pub fn digest(path: &Path, control: &Control) -> Result<String> {
    let (mut file, metadata) = open(path)?;
    let mut hash = Sha256::new();
    blocks(&mut file, path, "reading the file", metadata.len(), control, |block| {
        hash.update(block);
        Ok(())
    })?;
    Ok(hex(&hash.finalize()))
}

/// The first bytes of a stream, at most `limit` of them.
///
/// # Errors
/// When reading fails.
pub fn head(input: &mut dyn Read, name: &Path, limit: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(limit).read_to_end(&mut bytes).map_err(|e| read_error(name, &e))?;
    Ok(bytes)
}

/// Why a file could not be read, in words.
pub fn read_error(path: &Path, error: &std::io::Error) -> Error {
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

/// A path for people.
pub fn shown(path: &Path) -> String {
    brief(&path.to_string_lossy(), 200)
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
