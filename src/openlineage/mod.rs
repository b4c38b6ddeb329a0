//! Tells a lineage service what was read and what came of it, as OpenLineage events (specification 2-0-2).
//!
//! Events go out when the standard environment variables say where ([`Settings`]): to an address by HTTP, or as lines of
//! JSON into a file. They are sent by a thread of their own, so that a receiver that is slow or away neither stops nor
//! fails the work; what goes wrong is said once, at the end ([`close`]).

mod event;
mod send;
mod settings;

use std::sync::OnceLock;
use std::time::Duration;

pub use event::{ColumnQuality, Dataset, Field, Job, Quality, RunEvent, State, place, run_id};
pub use send::Line;
pub use settings::{Settings, Transport};

static LINE: OnceLock<Option<Line>> = OnceLock::new();

fn line() -> Option<&'static Line> {
    LINE.get_or_init(|| {
        let settings = Settings::read(|name| std::env::var(name).ok().filter(|v| !v.trim().is_empty()));
        Line::open(settings)
    })
    .as_ref()
}

/// Whether events are wanted; when not, none need to be made.
#[must_use]
pub fn wanted() -> bool {
    line().is_some()
}

/// Hands an event over to be sent. Returns at once.
pub fn emit(event: &RunEvent) {
    if let Some(line) = line() {
        line.emit(event);
    }
}

/// Waits until all events are sent, but no longer than `patience`, and says in a sentence what went wrong.
#[must_use]
pub fn close(patience: Duration) -> Option<String> {
    // Nothing was ever told: the environment need not be looked at.
    LINE.get().and_then(Option::as_ref).and_then(|line| line.close(patience))
}
