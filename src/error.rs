//! The one error type that crosses rooms, and the exit code that each kind of failure has.

use std::fmt;

/// What sort of failure happened; it decides the exit code of the headless face.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The command line or the flow file asks for something impossible (exit 2).
    Usage,
    /// The data or a file handed to us is not usable (exit 3).
    Input,
    /// A registry or the network failed or refused (exit 4).
    Remote,
    /// This machine failed us: disk, permissions, a broken workspace (exit 5).
    Local,
    /// The person stopped the work (exit 130).
    Cancelled,
}

/// A failure in words for a person: what went wrong and where, and what to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The sort of failure.
    pub kind: Kind,
    /// What went wrong and where (file, row, column, server), as one sentence without a full stop.
    pub message: String,
    /// What the reader can do about it.
    pub hint: Option<String>,
}

/// `Result` with the crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None }
    }

    /// A wrong command line or flow file.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// Unusable data or files.
    pub fn input(message: impl Into<String>) -> Self {
        Self::new(Kind::Input, message)
    }

    /// A remote that failed or refused.
    pub fn remote(message: impl Into<String>) -> Self {
        Self::new(Kind::Remote, message)
    }

    /// A failure of this machine or of the workspace.
    pub fn local(message: impl Into<String>) -> Self {
        Self::new(Kind::Local, message)
    }

    /// The person stopped the work.
    pub fn cancelled() -> Self {
        Self::new(Kind::Cancelled, "cancelled")
    }

    /// Adds what the reader can do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Puts where it happened in front of the message.
    #[must_use]
    pub fn at(mut self, place: impl fmt::Display) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }

    /// The exit code promised for this kind of failure.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self.kind {
            Kind::Usage => 2,
            Kind::Input => 3,
            Kind::Remote => 4,
            Kind::Local => 5,
            Kind::Cancelled => 130,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, ". {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::local(error.to_string())
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::local(format!("a stored record cannot be read: {error}"))
    }
}

impl From<polars::error::PolarsError> for Error {
    fn from(error: polars::error::PolarsError) -> Self {
        // It may quote names and values of the data.
        Self::input(crate::data::brief(&error.to_string(), 300))
    }
}
