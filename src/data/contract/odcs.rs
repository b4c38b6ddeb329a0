//! A contract as Open Data Contract Standard YAML, version 3.1.0 of the standard.
//!
//! Every rule becomes an entry of `quality` with its severity and reason; strict rules also become the properties that the
//! standard has for them (`required`, `unique`, `logicalTypeOptions`), so that tools which look only there see them.
//! Freshness becomes a service level. What the standard has no word for stands in `customProperties`.

use serde_json::{Map, Value, json};

use super::spec::{ColumnRules, ColumnType, Contract, ExtraColumns, Fresh, Length, Range, Rows, Terms};
use super::yaml;
use crate::data::Severity;
use crate::data::expression::quoted;
use crate::data::scalar::Scalar;
use crate::error::Result;

/// The version of the standard that is written.
const STANDARD: &str = "v3.1.0";

/// Writes a contract as Open Data Contract Standard YAML.
///
/// # Errors
/// When the contract makes no sense.
pub fn to_odcs(contract: &Contract) -> Result<String> {
    contract.validate()?;
    let mut quality = Vec::new();
    if let Some(rows) = &contract.rows {
        quality.push(row_count(rows));
    }
    for key in &contract.unique {
        let mut entry =
            library("duplicateValues", "uniqueness", &format!("unique: {}", key.columns.join(", ")), key.terms());
        entry.insert("arguments".into(), json!({ "properties": key.columns }));
        quality.push(Value::Object(entry));
    }
    for relation in &contract.relations {
        quality.push(sql(&relation.condition, "consistency", &relation.name, relation.terms()));
    }
    let mut table = object(json!({ "name": contract.name, "logicalType": "object", "physicalType": "table" }));
    put(&mut table, "description", contract.description.as_deref());
    table.insert("properties".into(), contract.columns.iter().map(property).collect());
    if !quality.is_empty() {
        table.insert("quality".into(), Value::Array(quality));
    }
    let mut document = object(json!({
        "apiVersion": STANDARD,
        "kind": "DataContract",
        "id": contract.name,
        "name": contract.name,
        "version": contract.version,
        "status": "active",
    }));
    if let Some(purpose) = &contract.description {
        document.insert("description".into(), json!({ "purpose": purpose }));
    }
    document.insert("schema".into(), json!([table]));
    let service: Vec<Value> = contract
        .columns
        .iter()
        .filter_map(|c| c.fresh.as_ref().map(|fresh| freshness(&contract.name, &c.name, fresh)))
        .collect();
    if !service.is_empty() {
        document.insert("slaProperties".into(), Value::Array(service));
    }
    let mut custom =
        vec![json!({ "property": "writtenBy", "value": concat!("pilothouse ", env!("CARGO_PKG_VERSION")) })];
    if let Some(owner) = &contract.owner {
        custom.push(json!({ "property": "owner", "value": owner }));
    }
    if contract.extra_columns == ExtraColumns::Refuse {
        custom.push(json!({ "property": "extraColumns", "value": "refuse" }));
    }
    document.insert("customProperties".into(), Value::Array(custom));
    Ok(yaml::document(&Value::Object(document)))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn put(map: &mut Map<String, Value>, key: &str, value: Option<&str>) {
    if let Some(value) = value {
        map.insert(key.into(), value.into());
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "info",
        Severity::Warning => "warning",
        Severity::Serious | Severity::Blocking => "error",
    }
}

/// What every entry of `quality` says first.
fn entry(kind: &str, dimension: &str, name: &str, terms: Terms<'_>) -> Map<String, Value> {
    let mut entry = object(json!({
        "name": name, "type": kind, "dimension": dimension, "severity": severity(terms.severity),
    }));
    put(&mut entry, "description", terms.why);
    entry
}

/// An entry that counts rows by one of the standard's own metrics.
fn library(metric: &str, dimension: &str, name: &str, terms: Terms<'_>) -> Map<String, Value> {
    let mut entry = entry("library", dimension, name, terms);
    entry.insert("metric".into(), metric.into());
    if terms.mostly == 1.0 {
        entry.insert("unit".into(), "rows".into());
        entry.insert("mustBe".into(), 0.into());
    } else {
        entry.insert("unit".into(), "percent".into());
        entry.insert("mustBeLessOrEqualTo".into(), allowed(terms.mostly).into());
    }
    entry
}

/// The percentage of rows that may break a rule, without the dust of binary fractions.
fn allowed(mostly: f64) -> f64 {
    ((1.0 - mostly) * 1e8).round() / 1e6
}

/// An entry that measures by a query: the percentage of rows that break a condition, among those for which it can be told.
fn sql(condition: &str, dimension: &str, name: &str, terms: Terms<'_>) -> Value {
    let mut entry = entry("sql", dimension, name, terms);
    let broken = format!("AVG(CASE WHEN ({condition}) THEN 0.0 WHEN NOT ({condition}) THEN 100.0 END)");
    entry.insert("query".into(), format!("SELECT COALESCE({broken}, 0.0) FROM ${{table}}").into());
    entry.insert("unit".into(), "percent".into());
    entry.insert("mustBeLessOrEqualTo".into(), allowed(terms.mostly).into());
    Value::Object(entry)
}

fn row_count(rows: &Rows) -> Value {
    let terms = Terms { mostly: 1.0, severity: rows.severity, why: rows.why.as_deref() };
    let mut entry = entry("library", "coverage", "rows", terms);
    entry.insert("metric".into(), "rowCount".into());
    let (key, value) = match (rows.min, rows.max) {
        (Some(min), Some(max)) if min == max => ("mustBe", json!(min)),
        (Some(min), Some(max)) => ("mustBeBetween", json!([min, max])),
        (Some(min), None) => ("mustBeGreaterOrEqualTo", json!(min)),
        (None, max) => ("mustBeLessOrEqualTo", json!(max.unwrap_or(u64::MAX))),
    };
    entry.insert(key.into(), value);
    Value::Object(entry)
}

fn freshness(table: &str, column: &str, fresh: &Fresh) -> Value {
    let (count, unit) = match fresh.within.unit() {
        'w' => (u64::from(fresh.within.count) * 7, "d"),
        'd' => (fresh.within.count.into(), "d"),
        'h' => (fresh.within.count.into(), "h"),
        _ => (fresh.within.count.into(), "minutes"),
    };
    let said = format!("The newest value is at most {} old", fresh.within);
    let why = fresh.why.as_ref().map_or(said.clone(), |why| format!("{said}. {why}"));
    json!({
        "property": "latency", "value": count, "unit": unit, "element": format!("{table}.{column}"), "description": why,
        "customProperties": [{ "property": "severity", "value": severity(fresh.severity) }],
    })
}

fn logical(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Number => "number",
        ColumnType::Integer => "integer",
        ColumnType::Boolean => "boolean",
        ColumnType::Text => "string",
        ColumnType::Date => "date",
        ColumnType::Datetime => "timestamp",
    }
}

/// Strict rules that matter are promises of the schema itself.
fn promised(terms: Terms<'_>) -> bool {
    terms.mostly == 1.0 && terms.severity >= Severity::Serious
}

fn property(rules: &ColumnRules) -> Value {
    let mut property = object(json!({ "name": rules.name }));
    put(&mut property, "description", rules.description.as_deref());
    put(&mut property, "logicalType", rules.kind.map(logical));
    if rules.not_null.as_ref().is_some_and(|r| promised(r.terms())) {
        property.insert("required".into(), true.into());
    }
    if rules.unique.as_ref().is_some_and(|r| promised(r.terms())) {
        property.insert("unique".into(), true.into());
    }
    let options = options(rules);
    if !options.is_empty() {
        property.insert("logicalTypeOptions".into(), Value::Object(options));
    }
    let quality = quality(rules);
    if !quality.is_empty() {
        property.insert("quality".into(), Value::Array(quality));
    }
    let mut custom = Vec::new();
    if let Some(meaning) = rules.meaning {
        custom.push(json!({ "property": "meaning", "value": meaning.name() }));
    }
    if !rules.required {
        custom.push(json!({ "property": "mayBeAbsent", "value": true }));
    }
    if !custom.is_empty() {
        property.insert("customProperties".into(), Value::Array(custom));
    }
    Value::Object(property)
}

/// The bounds that the standard keeps with the type.
fn options(rules: &ColumnRules) -> Map<String, Value> {
    let mut options = Map::new();
    let mut set = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            options.insert(key.to_owned(), value);
        }
    };
    let bound = |value: &Option<Scalar>| value.as_ref().and_then(|v| serde_json::to_value(v).ok());
    match rules.kind {
        Some(ColumnType::Number | ColumnType::Integer | ColumnType::Date | ColumnType::Datetime) => {
            if let Some(range) = rules.range.as_ref().filter(|r| promised(r.terms())) {
                set("minimum", bound(&range.min));
                set("maximum", bound(&range.max));
            }
        }
        Some(ColumnType::Text) => {
            if let Some(length) = rules.length.as_ref().filter(|r| promised(r.terms())) {
                set("minLength", length.min.map(Value::from));
                set("maxLength", length.max.map(Value::from));
            }
            if let Some(pattern) = rules.pattern.as_ref().filter(|r| promised(r.terms())) {
                set("pattern", Some(pattern.regex.clone().into()));
            }
        }
        Some(ColumnType::Boolean) | None => {}
    }
    options
}

fn quality(rules: &ColumnRules) -> Vec<Value> {
    let mut entries = Vec::new();
    let name = |rule: &str| format!("{} {rule}", rules.name);
    if let Some(rule) = &rules.not_null {
        entries.push(Value::Object(library("nullValues", "completeness", &name("not null"), rule.terms())));
    }
    if let Some(rule) = &rules.unique {
        entries.push(Value::Object(library("duplicateValues", "uniqueness", &name("unique"), rule.terms())));
    }
    if let Some(rule) = &rules.range {
        entries.push(sql(&range_condition(rules, rule), "accuracy", &name("range"), rule.terms()));
    }
    if let Some(rule) = &rules.values {
        let mut entry = library("invalidValues", "conformity", &name("values"), rule.terms());
        entry.insert("arguments".into(), json!({ "validValues": rule.of }));
        entries.push(Value::Object(entry));
    }
    if let Some(rule) = &rules.pattern {
        let mut entry = library("invalidValues", "conformity", &name("pattern"), rule.terms());
        entry.insert("arguments".into(), json!({ "pattern": rule.regex }));
        entries.push(Value::Object(entry));
    }
    if let Some(rule) = &rules.length {
        entries.push(sql(&length_condition(rules, rule), "conformity", &name("length"), rule.terms()));
    }
    entries
}

/// A value in SQL.
fn literal(value: &Scalar, kind: Option<ColumnType>) -> String {
    match value {
        Scalar::Number(v) => v.to_string(),
        Scalar::Bool(v) => v.to_string().to_uppercase(),
        Scalar::Text(text) => {
            let word = match kind {
                Some(ColumnType::Date) => "DATE ",
                Some(ColumnType::Datetime) => "TIMESTAMP ",
                _ => "",
            };
            format!("{word}'{}'", text.replace('\'', "''"))
        }
    }
}

fn between(left: &str, min: Option<String>, max: Option<String>) -> String {
    let parts = [min.map(|v| format!("{left} >= {v}")), max.map(|v| format!("{left} <= {v}"))];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" AND ")
}

fn range_condition(rules: &ColumnRules, rule: &Range) -> String {
    let bound = |value: &Option<Scalar>| value.as_ref().map(|v| literal(v, rules.kind));
    between(&quoted(&rules.name), bound(&rule.min), bound(&rule.max))
}

fn length_condition(rules: &ColumnRules, rule: &Length) -> String {
    let left = format!("LENGTH({})", quoted(&rules.name));
    between(&left, rule.min.map(|v| v.to_string()), rule.max.map(|v| v.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::contract::read::tests::EVERY;

    /// The real schema of the standard is asked in `tests/rules_and_recipes.rs`; here the shape alone.
    #[test]
    fn strict_rules_are_properties_and_tolerant_ones_percentages() {
        let text = to_odcs(&Contract::parse(EVERY).unwrap()).unwrap();
        for line in [
            "apiVersion: v3.1.0",
            "        required: true",
            "        unique: true",
            "            mustBeLessOrEqualTo: 1.0",
            "              validValues:",
            "          pattern: \"^[YN]$\"",
            "  - property: latency",
            "          - 10",
        ] {
            assert!(text.lines().any(|l| l == line), "`{line}` is not in:\n{text}");
        }
        assert_eq!(allowed(0.999), 0.1);
    }
}
