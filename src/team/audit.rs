//! The hash chain over the audit log.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// The parts of an entry that its hash covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditEntry<'a> {
    /// Position, from 1.
    pub seq: i64,
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// `user@host`.
    pub who: &'a str,
    /// One word.
    pub action: &'a str,
    /// A digest or a run id.
    pub subject: &'a str,
    /// JSON.
    pub detail: &'a str,
    /// Hash of the entry before.
    pub previous: &'a str,
}

/// The entry's hash: SHA-256 over its fields, each preceded by its length so that no two entries share a text.
#[must_use]
pub fn seal(entry: &AuditEntry<'_>) -> String {
    let mut hasher = Sha256::new();
    let (seq, at) = (entry.seq.to_string(), entry.at_ms.to_string());
    for field in [&seq, &at, entry.who, entry.action, entry.subject, entry.detail, entry.previous] {
        hasher.update((field.len() as u64).to_le_bytes());
        hasher.update(field.as_bytes());
    }
    hasher.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

/// Checks a whole log, the oldest entry first.
///
/// # Errors
/// Names the first entry that was changed, removed or slipped in.
pub fn verify<'a>(log: impl IntoIterator<Item = (AuditEntry<'a>, &'a str)>) -> Result<usize> {
    let mut previous = String::new();
    let mut count = 0;
    for (entry, hash) in log {
        count += 1;
        if entry.seq != count || entry.previous != previous || seal(&entry) != hash {
            return Err(Error::local(format!("the audit log does not hold at entry {count}"))
                .hint("It was changed outside Pilothouse: compare it with a backup"));
        }
        previous = hash.to_owned();
    }
    Ok(usize::try_from(count).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry<'a>(seq: i64, detail: &'a str, previous: &'a str) -> AuditEntry<'a> {
        AuditEntry { seq, at_ms: 5, who: "ana@box", action: "approve", subject: "d", detail, previous }
    }

    #[test]
    fn a_changed_or_removed_entry_breaks_the_chain() {
        let first = seal(&entry(1, "a", ""));
        let second = seal(&entry(2, "b", &first));
        assert_eq!(verify([(entry(1, "a", ""), &*first), (entry(2, "b", &first), &*second)]).unwrap(), 2);
        assert!(verify([(entry(1, "x", ""), &*first), (entry(2, "b", &first), &*second)]).is_err());
        assert!(verify([(entry(2, "b", &first), &*second)]).is_err());
    }
}
