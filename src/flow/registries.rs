//! Looking into registries, and writing a package to a folder.

use std::path::Path;

use crate::bundle::{self, Bundle};
use crate::error::Result;
use crate::registry::{self, RegisteredModel};

/// The models of a registry.
///
/// # Errors
/// When the registry cannot be read.
pub fn registered_models(target: &str) -> Result<Vec<RegisteredModel>> {
    registry::open(target)?.models()
}

/// Whether a registry can be reached, in one line.
///
/// # Errors
/// When it cannot.
pub fn check_registry(target: &str) -> Result<String> {
    registry::open(target)?.check()
}

/// Writes all files of a package into a folder.
///
/// # Errors
/// When the folder cannot be written.
pub fn write_package(package: &Bundle, folder: &Path) -> Result<()> {
    bundle::write(package, folder)
}
