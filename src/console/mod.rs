//! The interactive face.
use crate::error::Result;
/// o
#[derive(Debug)]
pub struct ConsoleOptions {
    /// w
    pub workspace: std::path::PathBuf,
    /// t
    pub theme: Option<String>,
    /// p
    pub plain: bool,
    /// o
    pub open: Option<String>,
}
/// r
pub fn run(_: ConsoleOptions) -> Result<()> {
    Ok(())
}
/// k
pub fn keys_markdown() -> String {
    String::new()
}
