//! Compressed files, told by their first bytes and unpacked as a stream.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use super::plain::{self, BLOCK};
use super::spool::{Spool, Spooled};
use crate::engine::Control;
use crate::error::{Error, Result};

/// A file of more than so many unpacked bytes must not have grown to more than so many times its size: a few kilobytes of
/// Zstandard or bzip2 can hold gigabytes of nothing.
const PLAUSIBLE: u64 = 128 << 20;
const GROWTH: u64 = 1000;

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// gzip, of one or several members.
    Gzip,
    /// Zstandard.
    Zstd,
    /// bzip2, of one or several streams.
    Bzip2,
}

impl Packing {
    /// The packing that the first bytes tell.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x1f, 0x8b, 8, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            // The size of the blocks, then the mark of the first block or of the end.
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..]
            | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, 0x50, 0x90, ..] => Some(Self::Bzip2),
            _ => None,
        }
    }

    /// The program that makes such files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "Zstandard",
            Self::Bzip2 => "bzip2",
        }
    }

    /// The unpacked bytes as a stream.
    ///
    /// # Errors
    /// When the decoder cannot be set up.
    pub fn unpacked<R: Read + 'static>(self, input: R) -> Result<Box<dyn Read>> {
        Ok(match self {
            Self::Gzip => Box::new(flate2::read::MultiGzDecoder::new(input)),
            Self::Bzip2 => Box::new(bzip2::read::MultiBzDecoder::new(input)),
            Self::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::new(input)?;
                // What `zstd -d` takes without being asked: a larger window is a demand for memory by the file.
                decoder.window_log_max(27)?;
                Box::new(decoder)
            }
        })
    }

    /// Unpacks a file into the spool, with little memory whatever it grows to.
    ///
    /// # Errors
    /// When the file is damaged or cut off, the disk is full, or the work is cancelled.
    pub fn unpack(self, path: &Path, spool: &Spool, control: &Control) -> Result<Spooled> {
        let (file, metadata) = plain::open(path)?;
        let mut input = self.unpacked(BufReader::with_capacity(BLOCK, Counted::new(file, metadata.len(), control)))?;
        let mut out = spool.file()?;
        let mut buffer = vec![0u8; BLOCK];
        loop {
            control.check()?;
            match input.read(&mut buffer) {
                Ok(0) => return out.finish(),
                Ok(n) => {
                    out.add(buffer.get(..n).unwrap_or_default())?;
                    if out.written() > PLAUSIBLE.max(metadata.len().saturating_mul(GROWTH)) {
                        return Err(Error::input(format!(
                            "the file is compressed with {} and unpacks to more than {GROWTH} times its size, as no table does",
                            self.name()
                        ))
                        .hint("Unpack it by hand and look at it, if you trust where it comes from"));
                    }
                }
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => return Err(self.damaged(&e, out.written())),
            }
        }
    }

    /// What a failure to unpack means.
    pub fn damaged(self, error: &std::io::Error, unpacked: u64) -> Error {
        let what = if error.kind() == std::io::ErrorKind::UnexpectedEof { "ends too early" } else { "is damaged" };
        Error::input(format!(
            "the file is compressed with {} and {what} after {unpacked} unpacked bytes ({error})",
            self.name()
        ))
        .hint("Fetch it again, or make it again from the original")
    }
}

/// A file that reports how much of it was read.
struct Counted {
    file: File,
    size: u64,
    read: u64,
    control: Control,
}

impl Counted {
    fn new(file: File, size: u64, control: &Control) -> Self {
        Self { file, size, read: 0, control: control.clone() }
    }
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.file.read(buffer)?;
        self.read += n as u64;
        let share = (self.size > 0).then(|| (self.read as f64 / self.size as f64).min(1.0));
        self.control.report("unpacking the file", share, format!("{} of {} MB", self.read >> 20, self.size >> 20));
        Ok(n)
    }
}
