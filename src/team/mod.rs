//! Who you are, decisions about models, and the audit log that cannot be rewritten unnoticed.
//!
//! Keys, roles and the second person come later: [`Decision`] already names the digest that a signature would cover, and
//! [`Identity`] is the one place where a person comes from.

mod audit;
mod decision;
mod identity;

pub use audit::{AuditEntry, seal, verify};
pub use decision::{Decision, Verdict};
pub use identity::Identity;
