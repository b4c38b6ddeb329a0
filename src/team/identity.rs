//! The person at the keyboard, as the operating system knows them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Who acts: the OS user on this host. Not proven by a key yet, and shown as such.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The OS user.
    pub user: String,
    /// The host.
    pub host: String,
}

impl Identity {
    /// The present user and host; `unknown` where the system does not say.
    #[must_use]
    pub fn current() -> Self {
        Self {
            user: whoami::username().unwrap_or_else(|_| "unknown".into()),
            host: whoami::hostname().unwrap_or_else(|_| "unknown".into()),
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.user, self.host)
    }
}
