//! Checking a table against a contract: every row, exact counts.

use std::collections::HashSet;

use chrono::{DateTime, SecondsFormat, Utc};
use polars::prelude::*;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::read::regex;
use super::report::{Example, Outcome, Report, Verdict};
use super::spec::{ColumnRules, Contract, ExtraColumns, Fresh, Range, Relation, Rows, Terms, UniqueKey, ValueSet};
use crate::data::display::brief;
use crate::data::finding::{counted, percent, thousands};
use crate::data::profile::iso;
use crate::data::scalar::{Scalar, words};
use crate::data::{ColumnSpec, Dataset, Physical, Severity, column, expression, source};
use crate::engine::Control;
use crate::error::{Error, Result};

/// Examples kept per rule.
const EXAMPLES: usize = 5;

/// Rows between two looks at the cancel flag.
const STRIDE: usize = 1 << 18;

/// Checks a table against a contract. `now` is the moment against which freshness is measured.
///
/// A rule that cannot be checked (an unknown column in a relation, a range of texts) is broken, never passed over.
///
/// # Errors
/// When the contract makes no sense, or the work is cancelled. A broken rule is an answer, not an error.
pub fn check(data: &Dataset, contract: &Contract, now: DateTime<Utc>, control: &Control) -> Result<Report> {
    contract.validate()?;
    let mut rules = Vec::new();
    if let Some(rows) = &contract.rows {
        rules.push(row_count(data, rows));
    }
    if contract.extra_columns == ExtraColumns::Refuse {
        rules.push(extra_columns(data, contract));
    }
    control.report("rules", Some(0.0), "columns");
    let columns: Vec<Result<Vec<Outcome>>> =
        contract.columns.par_iter().map(|c| column_rules(data, c, now, control)).collect();
    for outcomes in columns {
        rules.extend(outcomes?);
    }
    for key in &contract.unique {
        control.check()?;
        rules.push(unique_key(data, key)?);
    }
    for relation in &contract.relations {
        control.report("rules", Some(0.8), brief(&relation.name, 40));
        rules.push(relation_holds(data, relation, control)?);
    }
    let mut report = Report {
        contract: contract.name.clone(),
        version: contract.version.clone(),
        digest: contract.digest()?,
        source: data.source.clone(),
        fingerprint: data.fingerprint.clone(),
        rows: data.rows() as u64,
        now: now.to_rfc3339_opts(SecondsFormat::Secs, true),
        verdict: Verdict::Pass,
        rules,
    };
    if report.broken(Severity::Serious).next().is_some() {
        report.verdict = Verdict::Fail;
    }
    Ok(report)
}

impl Contract {
    /// SHA-256 (hex) of what the contract says; its comments and layout do not count.
    ///
    /// # Errors
    /// Never for a contract that was read or made here.
    pub fn digest(&self) -> Result<String> {
        Ok(source::hex(&Sha256::digest(serde_json::to_vec(self)?)))
    }
}

/// A rule's outcome before anything was counted.
fn outcome(rule: String, kind: &str, column: Option<&str>, terms: Terms<'_>) -> Outcome {
    Outcome {
        rule,
        kind: kind.to_owned(),
        column: column.map(str::to_owned),
        severity: terms.severity,
        verdict: Verdict::Pass,
        checked: 0,
        failing: 0,
        share: 0.0,
        threshold: 1.0 - terms.mostly,
        examples: Vec::new(),
        message: String::new(),
        why: terms.why.map(str::to_owned),
    }
}

/// The terms of a rule about the table rather than about rows.
fn strict(severity: Severity, why: Option<&String>) -> Terms<'_> {
    Terms { mostly: 1.0, severity, why: why.map(String::as_str) }
}

impl Outcome {
    /// Says that the rule could not be checked.
    fn impossible(mut self, error: &Error) -> Self {
        self.verdict = Verdict::Fail;
        self.message = format!("cannot be checked: {error}");
        self
    }

    fn answer(mut self, pass: bool, message: String) -> Self {
        self.verdict = if pass { Verdict::Pass } else { Verdict::Fail };
        self.message = message;
        self
    }

    /// Takes in what was counted. `broken` continues "12 rows …".
    fn counted(mut self, count: Count, broken: &str) -> Self {
        let Count { checked, failing, examples } = count;
        self.checked = checked;
        self.failing = failing;
        self.share = if checked == 0 { 0.0 } else { failing as f64 / checked as f64 };
        self.examples = examples;
        // A share such as 0.99 is not exact in binary; a millionth of a row makes up for it.
        let pass = failing as f64 <= self.threshold * checked as f64 + 1e-6;
        let allowed =
            if self.threshold > 0.0 { format!(", at most {} allowed", percent(self.threshold)) } else { String::new() };
        let message = match (checked, failing) {
            (0, _) => "no row has a value to check".to_owned(),
            (n, 0) => format!("holds in all {}", counted(n, "row")),
            (n, bad) => {
                format!("{} of {} ({}) {broken}{allowed}", thousands(bad), counted(n, "row"), percent(self.share))
            }
        };
        self.answer(pass, message)
    }
}

/// Rows counted for a rule.
#[derive(Default)]
struct Count {
    checked: u64,
    failing: u64,
    examples: Vec<Example>,
}

impl Count {
    /// Counts rows: `None` is not checked, `Some(false)` breaks the rule.
    fn of(
        rows: impl Iterator<Item = Option<bool>>,
        value: impl Fn(usize) -> String,
        control: &Control,
    ) -> Result<Self> {
        let mut count = Self::default();
        for (row, keeps) in rows.enumerate() {
            if row % STRIDE == 0 {
                control.check()?;
            }
            let Some(keeps) = keeps else { continue };
            count.checked += 1;
            if !keeps {
                count.failing += 1;
                if count.examples.len() < EXAMPLES {
                    count.examples.push(Example { row: row as u64 + 1, value: value(row) });
                }
            }
        }
        Ok(count)
    }
}

/// What stands in a cell, short and safe to show.
fn shown(column: &Column, row: usize) -> String {
    let cell = column.slice(row as i64, 1);
    let text = column::texts(&cell).ok().and_then(|mut t| t.pop().flatten());
    text.map_or_else(|| "(missing)".to_owned(), |t| brief(&t, 60))
}

fn row_count(data: &Dataset, rows: &Rows) -> Outcome {
    let n = data.rows() as u64;
    let wanted = match (rows.min, rows.max) {
        (Some(min), Some(max)) => format!("{} to {} are promised", thousands(min), thousands(max)),
        (Some(min), None) => format!("at least {} are promised", thousands(min)),
        (None, Some(max)) => format!("at most {} are promised", thousands(max)),
        (None, None) => String::new(),
    };
    let pass = rows.min.is_none_or(|min| n >= min) && rows.max.is_none_or(|max| n <= max);
    outcome("rows".into(), "rows", None, strict(rows.severity, rows.why.as_ref()))
        .answer(pass, format!("{}, {wanted}", counted(n, "row")))
}

fn extra_columns(data: &Dataset, contract: &Contract) -> Outcome {
    let known: HashSet<&str> = contract.columns.iter().map(|c| c.name.as_str()).collect();
    let extra: Vec<String> =
        data.columns.iter().filter(|c| !known.contains(c.name.as_str())).map(|c| brief(&c.name, 40)).collect();
    let shown = extra.iter().take(8).cloned().collect::<Vec<_>>().join(", ");
    let message = if extra.is_empty() {
        "every column is named in the contract".to_owned()
    } else {
        format!("{} not in the contract: {shown}", counted(extra.len() as u64, "column"))
    };
    outcome("extra_columns".into(), "extra_columns", None, strict(Severity::Serious, None))
        .answer(extra.is_empty(), message)
}

fn column_rules(data: &Dataset, rules: &ColumnRules, now: DateTime<Utc>, control: &Control) -> Result<Vec<Outcome>> {
    control.check()?;
    let name = rules.name.as_str();
    let made = |kind: &str, terms: Terms<'_>| outcome(format!("{name}.{kind}"), kind, Some(name), terms);
    let spec = data.columns.iter().find(|c| c.name == name);
    let Some(spec) = spec else { return Ok(absent(rules)) };
    let column = column::get(&data.frame, name)?;
    let mut outcomes =
        vec![made("column", strict(rules.severity, None)).answer(true, "the column is there".to_owned())];
    if let Some(kind) = rules.kind {
        let empty = column.null_count() == column.len();
        let message = if empty {
            format!("no row has a value, so {} cannot be told from anything else", kind.name())
        } else {
            format!("read as {}, promised is {}", words(spec.physical), kind.name())
        };
        outcomes.push(made("type", strict(rules.severity, None)).answer(empty || kind.fits(spec.physical), message));
    }
    if let Some(meaning) = rules.meaning {
        let message = format!("taken for {}, promised is {meaning}", spec.meaning);
        outcomes.push(made("meaning", strict(Severity::Note, None)).answer(spec.meaning == meaning, message));
    }
    if let Some(rule) = &rules.not_null {
        let present = column.is_not_null();
        let count = Count::of(present.iter(), |_| "(missing)".to_owned(), control)?;
        outcomes.push(made("not_null", rule.terms()).counted(count, "have no value"));
    }
    if let Some(rule) = &rules.unique {
        let rule_outcome = made("unique", rule.terms());
        let count = repeats(data, &[name.to_owned()])?;
        outcomes.push(rule_outcome.counted(count, "repeat the value of an earlier row"));
    }
    if let Some(rule) = &rules.range {
        let blank = made("range", rule.terms());
        outcomes.push(match range(spec, column, rule, control) {
            Ok(count) => blank.counted(count, &format!("lie outside {}", interval(rule))),
            Err(e) if e.kind == crate::error::Kind::Cancelled => return Err(e),
            Err(e) => blank.impossible(&e),
        });
    }
    if let Some(rule) = &rules.values {
        let count = value_set(spec, column, rule, control)?;
        let few: Vec<String> = rule.of.iter().take(6).map(ToString::to_string).collect();
        let more = if rule.of.len() > few.len() { ", …" } else { "" };
        let broken = format!("hold something else than {}{more}", few.join(", "));
        outcomes.push(made("values", rule.terms()).counted(count, &broken));
    }
    if rules.pattern.is_some() || rules.length.is_some() {
        let texts = column::texts(column)?;
        if let Some(rule) = &rules.pattern {
            let regex = regex(&rule.regex)?;
            let rows = texts.iter().map(|t| t.as_deref().map(|t| regex.is_match(t)));
            let count = Count::of(rows, |row| shown(column, row), control)?;
            let broken = format!("do not match {}", brief(&rule.regex, 80));
            outcomes.push(made("pattern", rule.terms()).counted(count, &broken));
        }
        if let Some(rule) = &rules.length {
            let fits = |n: u64| rule.min.is_none_or(|min| n >= min) && rule.max.is_none_or(|max| n <= max);
            let rows = texts.iter().map(|t| t.as_deref().map(|t| fits(t.chars().count() as u64)));
            let count = Count::of(rows, |row| shown(column, row), control)?;
            let bounds = match (rule.min, rule.max) {
                (Some(min), Some(max)) => format!("{min} to {max}"),
                (Some(min), None) => format!("at least {min}"),
                (_, max) => format!("at most {}", max.unwrap_or_default()),
            };
            outcomes.push(made("length", rule.terms()).counted(count, &format!("do not have {bounds} characters")));
        }
    }
    if let Some(rule) = &rules.fresh {
        let blank = made("fresh", strict(rule.severity, rule.why.as_ref()));
        outcomes.push(fresh(spec, column, rule, now, blank)?);
    }
    Ok(outcomes)
}

/// The outcomes for a column that is not there.
fn absent(rules: &ColumnRules) -> Vec<Outcome> {
    let name = rules.name.as_str();
    let terms = strict(rules.severity, None);
    let there = outcome(format!("{name}.column"), "column", Some(name), terms);
    if rules.required {
        return vec![there.answer(false, "the column is not there".to_owned())];
    }
    let mut skipped = there.answer(true, "the column is not there, and need not be".to_owned());
    skipped.verdict = Verdict::Skipped;
    vec![skipped]
}

/// Rows that repeat the key of an earlier row; rows that lack a part of it are not checked.
fn repeats(data: &Dataset, columns: &[String]) -> Result<Count> {
    let keys = data.frame.select(columns)?;
    let mut complete = BooleanChunked::full("".into(), true, keys.height());
    for column in keys.columns() {
        complete = &complete & &column.is_not_null();
    }
    let rows = IdxCa::from_vec("__pilothouse_row".into(), (0..keys.height() as IdxSize).collect());
    let mut numbered = keys.clone();
    numbered.with_column(rows.into_series().into())?;
    let numbered = numbered.filter(&complete)?;
    let first = numbered.unique_stable(Some(columns), UniqueKeepStrategy::First, None)?;
    let mut kept = first.column("__pilothouse_row")?.idx()?.into_no_null_iter().peekable();
    let mut count = Count { checked: numbered.height() as u64, failing: 0, examples: Vec::new() };
    count.failing = (numbered.height() - first.height()) as u64;
    // The rows kept are in order, so one walk beside them finds the others.
    for row in numbered.column("__pilothouse_row")?.idx()?.into_no_null_iter() {
        if kept.next_if_eq(&row).is_none() {
            let value: Vec<String> = keys.columns().iter().map(|c| shown(c, row as usize)).collect();
            count.examples.push(Example { row: u64::from(row) + 1, value: value.join(", ") });
            if count.examples.len() == EXAMPLES {
                break;
            }
        }
    }
    Ok(count)
}

fn unique_key(data: &Dataset, key: &UniqueKey) -> Result<Outcome> {
    let names: Vec<String> = key.columns.iter().map(|c| brief(c, 40)).collect();
    let blank = outcome(format!("unique({})", names.join(", ")), "unique", None, key.terms());
    if let Some(missing) = key.columns.iter().find(|c| data.spec(c).is_err()) {
        return Ok(blank.impossible(&data.no_such_column(missing)));
    }
    Ok(blank.counted(repeats(data, &key.columns)?, "repeat the values of an earlier row"))
}

/// A bound of a range as it is stored in the column; `other` when there is none.
fn bound(value: Option<&Scalar>, spec: &ColumnSpec, other: f64) -> Result<f64> {
    value.map_or(Ok(other), |v| v.number_in(spec))
}

fn range(spec: &ColumnSpec, column: &Column, rule: &Range, control: &Control) -> Result<Count> {
    let low = bound(rule.min.as_ref(), spec, f64::NEG_INFINITY)?;
    let high = rule.max.as_ref().map_or(Ok(f64::INFINITY), |v| v.greatest_in(spec))?;
    let numbers = column::numbers(column).map_err(|_| {
        Error::input(format!("column `{}` holds text, which has no range", brief(&spec.name, 60)))
            .hint("Ask for its type as well, or clean it with a recipe first")
    })?;
    let rows = numbers.iter().map(|v| (!v.is_nan()).then_some(*v >= low && *v <= high));
    Count::of(rows, |row| shown(column, row), control)
}

fn interval(rule: &Range) -> String {
    match (&rule.min, &rule.max) {
        (Some(min), Some(max)) => format!("{min} to {max}"),
        (Some(min), None) => format!("{min} and above"),
        (_, Some(max)) => format!("{max} and below"),
        (None, None) => String::new(),
    }
}

fn value_set(spec: &ColumnSpec, column: &Column, rule: &ValueSet, control: &Control) -> Result<Count> {
    let value = |row: usize| shown(column, row);
    let numbers: Result<Vec<f64>> = rule.of.iter().map(|v| v.number_in(spec)).collect();
    if let Ok(mut allowed) = numbers {
        allowed.sort_by(f64::total_cmp);
        let values = column::numbers(column)?;
        let known = |v: f64| allowed.binary_search_by(|a| a.total_cmp(&(v + 0.0))).is_ok();
        return Count::of(values.iter().map(|v| (!v.is_nan()).then(|| known(*v))), value, control);
    }
    // A value and a column of different kinds meet as texts: the code `7` is the text "7".
    let allowed: HashSet<String> = rule.of.iter().map(Scalar::in_text).collect();
    if spec.physical == Physical::String {
        let texts = column.as_materialized_series().str()?;
        return Count::of(texts.iter().map(|t| t.map(|t| allowed.contains(t))), value, control);
    }
    let texts = column::texts(column)?;
    Count::of(texts.iter().map(|t| t.as_ref().map(|t| allowed.contains(t))), value, control)
}

fn fresh(spec: &ColumnSpec, column: &Column, rule: &Fresh, now: DateTime<Utc>, blank: Outcome) -> Result<Outcome> {
    if !matches!(spec.physical, Physical::Date | Physical::Datetime) {
        let error = Error::input(format!("column `{}` holds {}", brief(&spec.name, 60), words(spec.physical)))
            .hint("Freshness is measured on dates");
        return Ok(blank.impossible(&error));
    }
    let day = spec.physical == Physical::Date;
    let values = column::numbers(column)?;
    let checked = values.iter().filter(|v| !v.is_nan()).count() as u64;
    let newest = values.into_iter().filter(|v| !v.is_nan()).fold(f64::NEG_INFINITY, f64::max);
    if newest.is_infinite() {
        return Ok(blank.answer(false, "no row has a date".to_owned()));
    }
    // A date without a time of day lasts until its end.
    let end = if day { (newest + 1.0) * 86_400.0 } else { newest };
    let age = now.timestamp_micros() as f64 / 1e6 - end;
    let told = iso(if day { newest * 86_400.0 } else { newest }, !day);
    let message = if age < 0.0 {
        format!("the newest value is {told}, at most {} old is promised", rule.within)
    } else {
        format!("the newest value is {told}, {} old; at most {} is promised", in_words(age), rule.within)
    };
    let mut outcome = blank.answer(age <= rule.within.seconds() as f64, message);
    outcome.checked = checked;
    Ok(outcome)
}

fn in_words(seconds: f64) -> String {
    match seconds {
        s if s < 7200.0 => format!("{:.0} minutes", (s / 60.0).floor()),
        s if s < 172_800.0 => format!("{:.0} hours", (s / 3600.0).floor()),
        s => format!("{:.0} days", (s / 86_400.0).floor()),
    }
}

fn relation_holds(data: &Dataset, relation: &Relation, control: &Control) -> Result<Outcome> {
    let blank = outcome(relation.name.clone(), "relation", None, relation.terms());
    let holds = match expression::condition(data, &relation.condition, control) {
        Ok(holds) => holds,
        Err(e) if e.kind == crate::error::Kind::Cancelled => return Err(e),
        Err(e) => return Ok(blank.impossible(&e)),
    };
    let used = expression::expression_columns(&relation.condition);
    let value = |row: usize| {
        let cells = used.iter().filter_map(|name| {
            let column = data.frame.column(name).ok()?;
            Some(format!("{} {}", brief(name, 40), shown(column, row)))
        });
        cells.collect::<Vec<_>>().join(", ")
    };
    let count = Count::of(holds.iter(), value, control)?;
    Ok(blank.counted(count, &format!("break {}", brief(&relation.condition, 120))))
}
