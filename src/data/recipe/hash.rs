//! The step that puts pseudonyms in the place of values.

use hmac::{Hmac, Mac as _};
use polars::prelude::{IntoSeries, StringChunked};
use sha2::Sha256;

use super::apply::{Work, known};
use crate::data::display::brief;
use crate::data::source::hex;
use crate::data::{Meaning, Physical, column};
use crate::error::{Error, Result};

/// A secret shorter than this is tried out in no time.
const SHORTEST: usize = 16;

/// HMAC-SHA-256 (RFC 2104) of a text, in hexadecimal.
fn pseudonym(secret: &str, parts: &[&str]) -> Result<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
        .map_err(|_| Error::usage("the secret for the pseudonyms cannot be used").hint("Set a long random text"))?;
    parts.iter().for_each(|part| mac.update(part.as_bytes()));
    Ok(hex(&mac.finalize().into_bytes()))
}

/// Replaces each value by the HMAC-SHA-256, in hexadecimal, of the value as text under the secret in the environment variable.
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
            .map(|text| text.map(|text| pseudonym(&salt, &[&text])).transpose())
            .collect::<Result<_>>()?;
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
    work.depends = pseudonym(&salt, &["pseudonyms\n", &work.data.fingerprint])?;
    work.report.message = format!("{} replaced by pseudonyms", work.told());
    Ok(())
}
