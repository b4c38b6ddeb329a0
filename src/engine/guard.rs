//! A fence around libraries that answer hostile bytes with a panic instead of an error.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::{Error, Result};

static INSIDE: AtomicUsize = AtomicUsize::new(0);

/// Runs `work` and turns a panic inside it into an [`Error`] of kind `Input`.
///
/// A file handed to us is hostile input, and decoders (Parquet pages, SQL expressions) have corners that panic. This
/// is the one place where such a panic is caught; our own code does not rely on it.
///
/// # Errors
/// What `work` returns, or that it panicked, with the panic's words.
pub fn guarded<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    struct Depth;
    impl Drop for Depth {
        fn drop(&mut self) {
            INSIDE.fetch_sub(1, Ordering::SeqCst);
        }
    }
    INSIDE.fetch_add(1, Ordering::SeqCst);
    let _depth = Depth;
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        let words = payload
            .downcast_ref::<&str>()
            .map(|s| (*s).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no reason given".to_owned());
        let words = words.lines().next().unwrap_or_default().to_owned();
        Err(Error::input(format!("{what}: the decoder gave up ({words})")))
    })
}

/// Whether guarded work is under way somewhere in the process: a panic hook that restores the terminal stays silent
/// then, because the panic will come back as an error.
#[must_use]
pub fn guarding() -> bool {
    INSIDE.load(Ordering::SeqCst) > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_and_an_error_stays_one() {
        let error = guarded("test", || -> Result<()> { panic!("boom {}", 7) }).unwrap_err();
        assert!(error.message.contains("boom 7"), "{error}");
        assert_eq!(guarded("test", || -> Result<()> { Err(Error::usage("no")) }).unwrap_err().message, "no");
        assert_eq!(guarded("test", || Ok(3)).unwrap(), 3);
    }
}
