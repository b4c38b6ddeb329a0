//! Names in the query: the table, the columns handed through, and the answers.

use std::collections::BTreeSet;

use super::dialect::Dialect;
use crate::bundle::onnx::output_names;
use crate::error::{Error, Result};
use crate::model::FittedModel;

/// The names of the answers: those of the ONNX form, unless the engine would take two of them for one. A name that is taken gets
/// `_2`, `_3` and so on.
pub(super) fn answers(dialect: Dialect, model: &FittedModel, handed_through: &[String]) -> Vec<String> {
    let mut taken: BTreeSet<String> = handed_through.iter().map(|name| dialect.folded(name)).collect();
    output_names(model).into_iter().map(|name| claim(dialect, &mut taken, &name)).collect()
}

fn claim(dialect: Dialect, taken: &mut BTreeSet<String>, name: &str) -> String {
    let numbered = (2u64..).map(|n| {
        let suffix = format!("_{n}");
        // The engine would cut the number off.
        let mut base = name;
        while dialect.kept(&format!("{base}{suffix}")).len() < base.len() + suffix.len() {
            base = base.char_indices().next_back().map_or("", |(at, _)| base.get(..at).unwrap_or(""));
        }
        format!("{base}{suffix}")
    });
    let free = std::iter::once(dialect.kept(name).to_owned())
        .chain(numbered)
        .find(|candidate| !taken.contains(&dialect.folded(candidate)))
        .unwrap_or_default();
    taken.insert(dialect.folded(&free));
    free
}

/// A table's name as written by a user (`orders`, `shop.orders`), quoted part by part.
///
/// # Errors
/// When a part is empty or cannot be a name.
pub(super) fn table(dialect: Dialect, name: &str) -> Result<String> {
    if name.split('.').any(|part| part.trim().is_empty()) {
        return Err(Error::usage(format!("`{}` is not the name of a table", crate::data::brief(name, 60)))
            .hint("Write it as table, schema.table or catalog.schema.table, without quotes"));
    }
    let parts = name.split('.').map(|part| dialect.identifier(part)).collect::<Result<Vec<_>>>()?;
    Ok(parts.join("."))
}

/// Refuses columns that are one column to the engine.
///
/// # Errors
/// Names both.
pub(super) fn distinct<'a>(dialect: Dialect, names: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut seen = std::collections::BTreeMap::new();
    for name in names {
        if let Some(before) = seen.insert(dialect.folded(name), name)
            && before != name
        {
            return Err(Error::input(format!(
                "the columns `{}` and `{}` are one column to {}",
                crate::data::brief(before, 70),
                crate::data::brief(name, 70),
                dialect.title()
            ))
            .hint("Rename one and train again, or use the ONNX form"));
        }
    }
    Ok(())
}

/// What the steps' names begin with: not what the table's name does.
pub(super) fn prefix(table: &str) -> String {
    let mut prefix = "pilothouse".to_owned();
    while table.to_lowercase().contains(&prefix) {
        prefix.push('x');
    }
    prefix
}
