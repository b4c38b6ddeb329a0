//! Content-addressed files: a file's name is the SHA-256 of what is in it.

use std::io::Write as _;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::Store;
use crate::error::{Error, Result};

/// SHA-256 in hex.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

impl Store {
    fn file_path(&self, digest: &str) -> Result<PathBuf> {
        let sound = digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_hexdigit());
        if !sound {
            return Err(Error::local(format!("`{digest}` is not a SHA-256")));
        }
        Ok(self.root.join("files").join(&digest[..2]).join(&digest[2..]))
    }

    /// Keeps bytes and returns their SHA-256. The file appears whole or not at all.
    ///
    /// # Errors
    /// When the disk is full or the folder cannot be written.
    pub fn put_file(&self, bytes: &[u8]) -> Result<String> {
        let digest = sha256(bytes);
        let path = self.file_path(&digest)?;
        if path.is_file() {
            return Ok(digest);
        }
        let folder = path.parent().unwrap_or(&self.root);
        std::fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(self.root.join("tmp"))?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(&path).map_err(|e| Error::local(format!("workspace: {}", e.error)))?;
        // The new name must be on disk before a row of the database speaks of it. Where folders cannot be synchronised
        // (Windows), the system does without.
        #[cfg(unix)]
        std::fs::File::open(folder)?.sync_all()?;
        Ok(digest)
    }

    /// Whether a file is there, without reading it.
    #[must_use]
    pub fn has_file(&self, digest: &str) -> bool {
        self.file_path(digest).is_ok_and(|path| path.is_file())
    }

    /// Reads a file back and checks it against its name.
    ///
    /// # Errors
    /// When it is absent or damaged.
    pub fn get_file(&self, digest: &str) -> Result<Vec<u8>> {
        let path = self.file_path(digest)?;
        let bytes = std::fs::read(&path).map_err(|e| {
            Error::local(format!("workspace file {}: {e}", path.display())).hint("Repeat the step that made it")
        })?;
        if sha256(&bytes) != digest {
            return Err(Error::local(format!("workspace file {} is damaged", path.display()))
                .hint("Delete it and repeat the step that made it"));
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_comes_back_and_damage_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let digest = store.put_file(b"hello").unwrap();
        // SHA-256 of "hello" by coreutils' sha256sum.
        assert_eq!(digest, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
        assert_eq!(store.get_file(&digest).unwrap(), b"hello");
        assert_eq!(store.put_file(b"hello").unwrap(), digest);
        std::fs::write(store.file_path(&digest).unwrap(), b"hallo").unwrap();
        assert!(store.get_file(&digest).unwrap_err().to_string().contains("damaged"));
        assert!(store.get_file("../../etc/passwd").is_err());
    }
}
