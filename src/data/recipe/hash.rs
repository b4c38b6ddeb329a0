//! The step that puts pseudonyms in the place of values.

use polars::prelude::{IntoSeries, StringChunked};
use sha2::{Digest, Sha256};

use super::apply::{Work, known};
use crate::data::display::brief;
use crate::data::source::hex;
use crate::data::{Meaning, Physical, column};
use crate::error::{Error, Result};

/// A secret shorter than this is tried out in no time.
const SHORTEST: usize = 8;

/// Replaces each value by the SHA-256, in hexadecimal, of the secret in the environment variable followed by the value as text.
/// Equal values get equal pseudonyms, so that columns can still be joined and split by; missing values stay missing.
pub(super) fn hash(work: &mut Work<'_>, columns: &[String], variable: &str) -> Result<()> {
    known(&work.data, columns)?;
    let salt = std::env::var(variable).unwrap_or_default();
    if salt.len() < SHORTEST {
        let name = brief(variable, 60);
        return Err(Error::usage(if salt.is_empty() {
            format!("the environment variable {name}, which holds the secret for the pseudonyms, is not set")
        } else {
            format!("the secret in the environment variable {name} has fewer than {SHORTEST} characters")
        })
        .hint(format!("Set {name} to a long random text, and keep it: the same text gives the same pseudonyms")));
    }
    for name in columns {
        work.control.check()?;
        let column = column::get(&work.data.frame, name)?.clone();
        let pseudonyms: StringChunked = column::texts(&column)?
            .into_iter()
            .map(|text| text.map(|text| hex(&Sha256::new().chain_update(&salt).chain_update(text).finalize())))
            .collect();
        let cells = (column.len() - column.null_count()) as u64;
        work.data.frame.with_column(pseudonyms.into_series().with_name(name.as_str().into()).into())?;
        if let Some(spec) = work.data.columns.iter_mut().find(|c| c.name == *name) {
            spec.physical = Physical::String;
            spec.date_format = None;
            if !matches!(spec.meaning, Meaning::Category | Meaning::Boolean) {
                spec.meaning = Meaning::Identifier;
            }
        }
        work.changed(name, cells, 0, None);
    }
    // Another secret gives other pseudonyms, and so another table.
    work.depends = hex(&Sha256::new().chain_update("pseudonyms\n").chain_update(&salt).finalize());
    work.report.message = format!("{} replaced by pseudonyms", work.told());
    Ok(())
}
