//! Spooled data: what comes from a network, a database or a compressed file lies in a folder of its own, readable only
//! by its owner, until the table is loaded.
//!
//! A folder goes when its value is dropped. A process that was killed leaves its folder behind; the next one that spools
//! finds it by its lock, which the dead process no longer holds, and removes it.

use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Once;

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::plain::{hex, shown};
use crate::error::{Error, Result};

const PREFIX: &str = "pilothouse-spool-";
const LOCK: &str = "lock";

/// Spooling stops while this much of the disk is still free, bytes: a decompression bomb must not take the last of it.
const RESERVE: u64 = 256 << 20;

/// Bytes written between two looks at the free room.
const STRIDE: u64 = 32 << 20;

/// A folder for spooled files.
#[derive(Debug)]
pub struct Spool {
    dir: TempDir,
    _lock: File,
}

impl Spool {
    /// A new folder below the system's folder for temporary files (`TMPDIR`).
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new() -> Result<Self> {
        static SWEPT: Once = Once::new();
        SWEPT.call_once(|| sweep(&std::env::temp_dir()));
        let made = || -> std::io::Result<Self> {
            let mut builder = tempfile::Builder::new();
            builder.prefix(PREFIX);
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt;
                builder.permissions(std::fs::Permissions::from_mode(0o700));
            }
            let dir = builder.tempdir()?;
            // Locked before it has its name, so that no other process can find it unlocked.
            let unnamed = dir.path().join("lock.new");
            let lock = File::create(&unnamed)?;
            lock.lock()?;
            std::fs::rename(&unnamed, dir.path().join(LOCK))?;
            Ok(Self { dir, _lock: lock })
        };
        made().map_err(|e| write_error(&std::env::temp_dir(), 0, &e))
    }

    /// A new file in it.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn file(&self) -> Result<SpoolFile> {
        let made = tempfile::Builder::new().prefix("part-").tempfile_in(self.dir.path()).and_then(|f| Ok(f.keep()?));
        let (file, path) = made.map_err(|e| write_error(self.dir.path(), 0, &e))?;
        Ok(SpoolFile { path, file, hash: Sha256::new(), written: 0, looked: 0 })
    }
}

/// Removes folders whose process is gone. Nothing here is worth an error: what cannot be removed stays.
fn sweep(parent: &Path) {
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        let Ok(lock) = File::open(entry.path().join(LOCK)) else { continue };
        match lock.try_lock() {
            Ok(()) => drop(std::fs::remove_dir_all(entry.path())),
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => {}
        }
    }
}

/// A spooled file that is being written, with the SHA-256 of its bytes.
#[derive(Debug)]
pub struct SpoolFile {
    path: PathBuf,
    file: File,
    hash: Sha256,
    written: u64,
    looked: u64,
}

/// A spooled file that is whole.
#[derive(Debug)]
pub struct Spooled {
    /// Where it lies.
    pub path: PathBuf,
    /// SHA-256 of its bytes, in hex.
    pub digest: String,
}

impl SpoolFile {
    /// Bytes written so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// Of kind `Local` when the disk is full, or nearly so.
    pub fn add(&mut self, bytes: &[u8]) -> Result<()> {
        if self.written >= self.looked {
            self.looked = self.written + STRIDE;
            enough_room(&self.path, self.written, fs4::available_space(&self.path).ok(), RESERVE)?;
        }
        self.file.write_all(bytes).map_err(|e| write_error(&self.path, self.written, &e))?;
        self.hash.update(bytes);
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// Forgets what was written.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn restart(&mut self) -> Result<()> {
        self.file
            .set_len(0)
            .and_then(|()| self.file.seek(SeekFrom::Start(0)))
            .map_err(|e| write_error(&self.path, 0, &e))?;
        (self.hash, self.written, self.looked) = (Sha256::new(), 0, 0);
        Ok(())
    }

    /// Ends the writing.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn finish(mut self) -> Result<Spooled> {
        self.file.flush().map_err(|e| write_error(&self.path, self.written, &e))?;
        Ok(Spooled { path: self.path, digest: hex(&self.hash.finalize()) })
    }
}

/// Writers of other libraries take the disk's own errors.
impl Write for SpoolFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.add(bytes).map_err(|e| std::io::Error::other(e.message))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

fn enough_room(path: &Path, written: u64, free: Option<u64>, reserve: u64) -> Result<()> {
    match free {
        Some(free) if free < reserve => Err(full(path, written, Some(free))),
        _ => Ok(()),
    }
}

fn full(path: &Path, written: u64, free: Option<u64>) -> Error {
    let left = free.map_or_else(String::new, |free| format!(" ({} MB are left, which stay free)", free >> 20));
    let folder = path.parent().unwrap_or(path);
    Error::local(format!(
        "the disk that holds {} is full{left}; {} MB of unpacked or fetched data were written and are removed again",
        shown(folder),
        written >> 20
    ))
    .hint("Free room there, name a larger disk in TMPDIR, or take a part of the data")
}

fn write_error(path: &Path, written: u64, error: &std::io::Error) -> Error {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => full(path, written, None),
        _ => Error::local(format!("{} cannot be written: {error}", shown(path)))
            .hint("Check the rights of the folder for temporary files, or name another in TMPDIR"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_there_with_its_digest_and_goes_with_the_spool() {
        let spool = Spool::new().unwrap();
        let mut file = spool.file().unwrap();
        file.add(b"rubbish").unwrap();
        file.restart().unwrap();
        file.add(b"a,b\n").unwrap();
        file.add(b"1,2\n").unwrap();
        assert_eq!(file.written(), 8);
        let done = file.finish().unwrap();
        assert_eq!(std::fs::read(&done.path).unwrap(), b"a,b\n1,2\n");
        assert_eq!(done.digest, hex(&Sha256::digest(b"a,b\n1,2\n")));
        drop(spool);
        assert!(!done.path.exists());
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_look_into_it() {
        use std::os::unix::fs::PermissionsExt;
        let spool = Spool::new().unwrap();
        assert_eq!(std::fs::metadata(spool.dir.path()).unwrap().permissions().mode() & 0o077, 0);
    }

    #[test]
    fn a_full_disk_is_said() {
        let error = enough_room(Path::new("/tmp/x/y"), 5 << 20, Some(1 << 20), 2 << 20).unwrap_err();
        assert_eq!(error.exit_code(), 5);
        assert!(error.message.contains("full") && error.message.contains("5 MB"), "{error}");
        assert!(enough_room(Path::new("/tmp/x/y"), 0, Some(3 << 20), 2 << 20).is_ok());
        let error = write_error(Path::new("/tmp/x/y"), 0, &std::io::Error::from(ErrorKind::StorageFull));
        assert!(error.message.contains("full"), "{error}");
    }

    #[test]
    fn only_folders_of_the_dead_are_swept() {
        let parent = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            let dir = parent.path().join(format!("{PREFIX}{name}"));
            std::fs::create_dir(&dir).unwrap();
            (File::create(dir.join(LOCK)).unwrap(), dir)
        };
        let (_, dead) = make("dead");
        let (held, living) = make("living");
        held.lock().unwrap();
        let other = parent.path().join("other");
        std::fs::create_dir(&other).unwrap();
        sweep(parent.path());
        assert!(!dead.exists() && living.exists() && other.exists());
    }
}
