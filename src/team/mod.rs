//! Who you are, approvals, the audit log.
