//! The handle that long work carries: it says how far it is, and asks whether it should stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result};

/// How far one piece of work has come.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// What is being worked on, for example a candidate's name or a file.
    pub what: String,
    /// Share done, 0 to 1; `None` when the end is not known.
    pub share: Option<f64>,
    /// A short remark, for example `fold 3 of 5`.
    pub note: String,
}

type Sink = dyn Fn(Progress) + Send + Sync;

/// Progress out, cancellation in. Cheap to clone; clones share the same cancel flag.
#[derive(Clone)]
pub struct Control {
    cancelled: Arc<AtomicBool>,
    sink: Arc<Sink>,
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Control").field("cancelled", &self.is_cancelled()).finish_non_exhaustive()
    }
}

impl Default for Control {
    fn default() -> Self {
        Self::new(|_| {})
    }
}

impl Control {
    /// A handle whose progress goes to `sink`.
    pub fn new(sink: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        Self { cancelled: Arc::new(AtomicBool::new(false)), sink: Arc::new(sink) }
    }

    /// The same cancel flag without a voice, for a small part of a larger work.
    #[must_use]
    pub fn silent(&self) -> Self {
        Self { cancelled: Arc::clone(&self.cancelled), sink: Arc::new(|_| {}) }
    }

    /// The same flag and voice for one part of a larger work: its share runs `from` to `to` of the whole, and `before` stands
    /// before its remarks.
    #[must_use]
    pub fn part(&self, from: f64, to: f64, before: impl Into<String>) -> Self {
        let (sink, before) = (Arc::clone(&self.sink), before.into());
        let tell = move |p: Progress| {
            let share = Some(p.share.map_or(from, |s| from + s * (to - from)));
            sink(Progress { share, note: format!("{before}, {}", p.note), ..p });
        };
        Self { cancelled: Arc::clone(&self.cancelled), sink: Arc::new(tell) }
    }

    /// Asks the work to stop at its next check.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
    }

    /// Whether the work was asked to stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }

    /// Returns early from cancelled work with `?`.
    ///
    /// # Errors
    /// [`crate::error::Kind::Cancelled`] once [`Control::cancel`] was called.
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() { Err(Error::cancelled()) } else { Ok(()) }
    }

    /// Reports how far the work is.
    pub fn report(&self, what: impl Into<String>, share: Option<f64>, note: impl Into<String>) {
        (self.sink)(Progress { what: what.into(), share, note: note.into() });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn a_part_tells_its_share_of_the_whole_and_hears_the_same_cancel() {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&heard);
        let whole = Control::new(move |p| sink.lock().unwrap().push(p));
        let part = whole.part(0.5, 0.75, "fold 3");
        part.report("model", Some(0.5), "round 1");
        part.report("model", None, "round 2");
        let heard = heard.lock().unwrap();
        assert_eq!((heard[0].share, heard[0].note.as_str()), (Some(0.625), "fold 3, round 1"));
        assert_eq!((heard[1].share, heard[1].what.as_str()), (Some(0.5), "model"));
        whole.cancel();
        assert!(part.check().is_err());
    }
}
