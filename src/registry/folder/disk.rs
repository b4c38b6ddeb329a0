//! Files that are either old or new, never half: written aside, flushed to the disk, then renamed.

use std::fs::{self, File, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::engine::Control;
use crate::error::{Error, Result};

/// How files that are still being written are called; leftovers of a crash are recognised by it.
const ASIDE: &str = ".tmp-";
/// The lock file of the writers.
pub(super) const LOCK: &str = ".lock";
const LOCK_WAIT: Duration = Duration::from_secs(30);

/// A folder in which files are replaced as a whole.
#[derive(Debug)]
pub(super) struct Disk {
    root: PathBuf,
    /// Tests cut the power after so many steps.
    #[cfg(test)]
    pub(super) fuse: std::sync::atomic::AtomicUsize,
}

/// The right to write; given back on drop, and by the operating system when the process dies.
pub(super) struct Lock(#[allow(dead_code, reason = "held for its drop, which unlocks")] File);

impl Disk {
    pub(super) fn new(root: &Path) -> Self {
        Self {
            root: root.to_path_buf(),
            #[cfg(test)]
            fuse: std::sync::atomic::AtomicUsize::new(usize::MAX),
        }
    }

    pub(super) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    fn failed(&self, relative: &str, error: &std::io::Error) -> Error {
        Error::local(format!("{}: {error}", self.path(relative).display()))
            .hint("Check that the folder can be written and that the disk is not full")
    }

    #[cfg(not(test))]
    #[allow(clippy::unused_self, reason = "the tests' version needs it")]
    fn step(&self) -> std::io::Result<()> {
        Ok(())
    }

    #[cfg(test)]
    fn step(&self) -> std::io::Result<()> {
        use std::sync::atomic::Ordering;
        let left = self.fuse.load(Ordering::SeqCst);
        if left == 0 {
            return Err(std::io::Error::other("power cut"));
        }
        self.fuse.store(left.saturating_sub(1), Ordering::SeqCst);
        Ok(())
    }

    /// Reads a file of at most `limit` bytes; `None` when there is none.
    pub(super) fn read(&self, relative: &str, limit: u64) -> Result<Option<Vec<u8>>> {
        let file = match File::open(self.path(relative)) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed(relative, &error)),
        };
        let mut bytes = Vec::new();
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(|e| self.failed(relative, &e))?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limit {
            return Err(Error::local(format!("{}: larger than {limit} bytes", self.path(relative).display())));
        }
        Ok(Some(bytes))
    }

    /// Creates or replaces a file as a whole. After an error or a crash the old content, or none, is there.
    pub(super) fn write(&self, relative: &str, bytes: &[u8]) -> Result<()> {
        self.write_io(relative, bytes).map_err(|e| self.failed(relative, &e))
    }

    fn write_io(&self, relative: &str, bytes: &[u8]) -> std::io::Result<()> {
        let path = self.path(relative);
        let folder = path.parent().unwrap_or(&self.root);
        self.step()?;
        fs::create_dir_all(folder)?;
        self.step()?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(ASIDE);
        #[cfg(unix)]
        let shared = {
            use std::os::unix::fs::PermissionsExt;
            // As any program's new file: the umask takes its part away. Others may have to read the registry.
            fs::Permissions::from_mode(0o666)
        };
        #[cfg(unix)]
        builder.permissions(shared);
        let mut aside = builder.tempfile_in(folder)?;
        let (first, second) = bytes.split_at(bytes.len() / 2);
        aside.write_all(first)?;
        if let Err(cut) = self.step() {
            // A crash runs no destructors: the half file stays.
            let _ = aside.keep();
            return Err(cut);
        }
        aside.write_all(second)?;
        aside.as_file().sync_all()?;
        if let Err(cut) = self.step() {
            let _ = aside.keep();
            return Err(cut);
        }
        aside.persist(&path).map_err(|e| e.error)?;
        self.step()?;
        sync_folder(folder)
    }

    /// Waits for the right to write, at most half a minute.
    pub(super) fn lock(&self, control: &Control) -> Result<Lock> {
        fs::create_dir_all(&self.root).map_err(|e| self.failed("", &e))?;
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.path(LOCK))
            .map_err(|e| self.failed(LOCK, &e))?;
        let started = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Lock(file)),
                Err(TryLockError::WouldBlock) if started.elapsed() < LOCK_WAIT => {
                    control.check()?;
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::local(format!("{}: somebody else is writing here", self.root.display()))
                        .hint("Wait for the other push to end, then push again"));
                }
                Err(TryLockError::Error(error)) => return Err(self.failed(LOCK, &error)),
            }
        }
    }

    /// Removes what crashed writers left behind. Only for the holder of the lock.
    pub(super) fn sweep(&self, _held: &Lock, folders: &[&str]) {
        for folder in folders {
            let Ok(entries) = fs::read_dir(self.path(folder)) else { continue };
            for entry in entries.flatten() {
                if entry.file_name().to_string_lossy().starts_with(ASIDE) {
                    // Garbage that stays is only garbage.
                    let _ = fs::remove_file(entry.path());
                }
            }
        }
    }

    /// Whether the folder is new, empty or holds only what a push that was cut off leaves behind.
    pub(super) fn is_ours_or_empty(&self) -> Result<bool> {
        let entries = match fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(true),
            Err(error) => return Err(self.failed("", &error)),
        };
        for entry in entries {
            let name = entry.map_err(|e| self.failed("", &e))?.file_name();
            let name = name.to_string_lossy();
            if name == super::layout::LAYOUT_FILE {
                return Ok(true);
            }
            if name != LOCK && name != "blobs" && !name.starts_with(ASIDE) {
                return Ok(self.path(super::layout::LAYOUT_FILE).exists());
            }
        }
        Ok(true)
    }
}

/// Makes a rename durable. Only Unix lets a folder be flushed; elsewhere the file system does it by itself.
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}
