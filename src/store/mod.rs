//! The workspace: SQLite and content-addressed files.
