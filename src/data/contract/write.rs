//! A contract as TOML that a person likes to read: one rule a line, with the comments of its draft.

use std::fmt::Write as _;

use serde::Serialize;

use super::spec::{ColumnRules, Contract};
use crate::data::Severity;
use crate::error::{Error, Result};

/// Writes `key = value` on one line.
fn line<T: Serialize + ?Sized>(out: &mut String, key: &str, value: &T) -> Result<()> {
    let mut text = String::new();
    value
        .serialize(toml::ser::ValueSerializer::new(&mut text))
        .map_err(|e| Error::local(format!("the contract cannot be written: {e}")))?;
    let _ = writeln!(out, "{key} = {text}");
    Ok(())
}

fn maybe<T: Serialize>(out: &mut String, key: &str, value: Option<&T>) -> Result<()> {
    value.map_or(Ok(()), |value| line(out, key, value))
}

/// Comments; line breaks in them would end them.
fn remarks(out: &mut String, remarks: &[String]) {
    for remark in remarks {
        let _ = writeln!(out, "# {}", crate::data::display(remark));
    }
}

impl Contract {
    /// The contract as TOML, with its remarks as comments.
    ///
    /// # Errors
    /// Never for a contract that was read or made here.
    pub fn to_toml(&self) -> Result<String> {
        let mut out = String::new();
        remarks(&mut out, &self.remarks);
        line(&mut out, "name", &self.name)?;
        line(&mut out, "version", &self.version)?;
        maybe(&mut out, "description", self.description.as_ref())?;
        maybe(&mut out, "owner", self.owner.as_ref())?;
        line(&mut out, "extra_columns", &self.extra_columns)?;
        if let Some(rows) = &self.rows {
            out.push_str("\n[rows]\n");
            maybe(&mut out, "min", rows.min.as_ref())?;
            maybe(&mut out, "max", rows.max.as_ref())?;
            terms(&mut out, 1.0, rows.severity, rows.why.as_ref())?;
        }
        for column in &self.columns {
            of_column(&mut out, column)?;
        }
        for key in &self.unique {
            out.push_str("\n[[unique]]\n");
            line(&mut out, "columns", &key.columns)?;
            terms(&mut out, key.mostly, key.severity, key.why.as_ref())?;
        }
        for relation in &self.relations {
            out.push_str("\n[[relation]]\n");
            line(&mut out, "name", &relation.name)?;
            line(&mut out, "condition", &relation.condition)?;
            terms(&mut out, relation.mostly, relation.severity, relation.why.as_ref())?;
        }
        Ok(crate::data::toml_text::harmless(out))
    }
}

fn terms(out: &mut String, mostly: f64, severity: Severity, why: Option<&String>) -> Result<()> {
    if mostly != 1.0 {
        line(out, "mostly", &mostly)?;
    }
    if severity != Severity::Serious {
        line(out, "severity", &severity)?;
    }
    maybe(out, "why", why)
}

fn of_column(out: &mut String, column: &ColumnRules) -> Result<()> {
    out.push_str("\n[[column]]\n");
    remarks(out, &column.remarks);
    line(out, "name", &column.name)?;
    maybe(out, "description", column.description.as_ref())?;
    maybe(out, "type", column.kind.as_ref())?;
    maybe(out, "meaning", column.meaning.as_ref())?;
    if !column.required {
        line(out, "required", &false)?;
    }
    if column.severity != Severity::Serious {
        line(out, "severity", &column.severity)?;
    }
    maybe(out, "not_null", column.not_null.as_ref())?;
    maybe(out, "unique", column.unique.as_ref())?;
    maybe(out, "range", column.range.as_ref())?;
    maybe(out, "values", column.values.as_ref())?;
    maybe(out, "pattern", column.pattern.as_ref())?;
    maybe(out, "length", column.length.as_ref())?;
    maybe(out, "fresh", column.fresh.as_ref())
}
