//! A finding: something about the table that a person should know before a model learns from it.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know; nothing has to be done.
    Note,
    /// May cost quality; look at it.
    Warning,
    /// Makes results wrong or misleading unless it is dealt with.
    Serious,
    /// Nothing can be learned until it is dealt with.
    Blocking,
}

impl Severity {
    /// All severities, the mildest first.
    pub const ALL: [Self; 4] = [Self::Note, Self::Warning, Self::Serious, Self::Blocking];

    /// The word used in files, tables and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Serious => "serious",
            Self::Blocking => "blocking",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Severity {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|s| s.name() == word).ok_or_else(|| {
            Error::usage(format!("`{word}` is not a severity")).hint("Use note, warning, serious or blocking")
        })
    }
}

/// One finding of one check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The check's name, in words joined by dashes.
    pub check: Cow<'static, str>,
    /// The column that it is about; `None` for the table as a whole.
    pub column: Option<String>,
    /// How much it matters.
    pub severity: Severity,
    /// What was found, as one sentence in plain words. Safe to show on a terminal.
    pub message: String,
    /// The numbers and values behind it: `share 0.42, missing 120`. Safe to show on a terminal.
    pub evidence: String,
    /// What to do about it.
    pub remedy: String,
    /// Some rows that show it, counted from 1 without the header.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<u64>,
}

impl Finding {
    /// A finding about the table as a whole.
    #[must_use]
    pub fn new(check: &'static str, severity: Severity, message: impl Into<String>) -> Self {
        Self {
            check: Cow::Borrowed(check),
            column: None,
            severity,
            message: super::display(&message.into()).into_owned(),
            evidence: String::new(),
            remedy: String::new(),
            rows: Vec::new(),
        }
    }

    /// Says which column it is about.
    #[must_use]
    pub fn on(mut self, column: &str) -> Self {
        self.column = Some(column.to_owned());
        self
    }

    /// Adds a number or value behind it. What is null or not finite is left out.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        let words = in_words(&value.into());
        if !words.is_empty() {
            if !self.evidence.is_empty() {
                self.evidence.push_str(", ");
            }
            self.evidence.push_str(&super::display(&format!("{} {words}", key.replace('_', " "))));
        }
        self
    }

    /// What [`Finding::with`] wrote down under a key, in words.
    #[must_use]
    pub fn noted(&self, key: &str) -> Option<&str> {
        let words = |part: &'_ str| part.strip_prefix(key).is_some_and(|rest| rest.starts_with(' '));
        self.evidence.split(", ").find(|part| words(part)).and_then(|part| part.get(key.len() + 1..))
    }

    /// Says in words why it is so, in place of numbers.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.evidence = super::display(&reason.into()).into_owned();
        self
    }

    /// Says that it was found on a sample of the rows.
    pub fn sampled(&mut self, rows: u64, of: u64) {
        let words = format!("in a sample of {} of {} rows", thousands(rows), thousands(of));
        self.evidence = if self.evidence.is_empty() { words } else { format!("{}, {words}", self.evidence) };
    }

    /// Says what to do about it.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = super::display(&remedy.into()).into_owned();
        self
    }

    /// Adds example rows, counted from 0 in the frame.
    #[must_use]
    pub fn rows(mut self, rows: impl IntoIterator<Item = usize>) -> Self {
        self.rows = rows.into_iter().take(10).map(|r| r as u64 + 1).collect();
        self
    }
}

fn in_words(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(b) => b.to_string(),
        Value::Number(n) if n.is_f64() => n.as_f64().map(figure).unwrap_or_default(),
        Value::Number(n) => n.to_string(),
        Value::String(s) => s.clone(),
        Value::Array(values) => values.iter().map(in_words).collect::<Vec<_>>().join(" | "),
        Value::Object(map) => map.iter().map(|(k, v)| format!("{k} {}", in_words(v))).collect::<Vec<_>>().join(" | "),
    }
}

/// A share as a percentage in words: `12 %`, `0.3 %`, `under 0.01 %`.
#[must_use]
pub fn percent(share: f64) -> String {
    let p = share * 100.0;
    if p == 0.0 {
        "0 %".to_owned()
    } else if p < 0.01 {
        "under 0.01 %".to_owned()
    } else if share < 1.0 && p > 99.9 {
        "over 99.9 %".to_owned()
    } else if p < 1.0 {
        format!("{p:.2} %")
    } else if p < 10.0 || (p > 99.0 && p < 100.0) {
        format!("{p:.1} %")
    } else {
        format!("{p:.0} %")
    }
}

/// A whole number with commas between thousands.
#[must_use]
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(c);
    }
    text
}

/// A count with its noun: `1 row`, `1,200 rows`.
#[must_use]
pub fn counted(n: u64, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{} {noun}s", thousands(n)) }
}

/// A number for a sentence: at most four significant digits.
#[must_use]
pub fn figure(v: f64) -> String {
    if v == 0.0 {
        return "0".to_owned();
    }
    let size = v.abs();
    if (v.fract() == 0.0 || size >= 1000.0) && size < 1e15 {
        let whole = thousands(size.round() as u64);
        return if v < 0.0 { format!("-{whole}") } else { whole };
    }
    if !(1e-4..1000.0).contains(&size) {
        return format!("{v:.3e}");
    }
    let decimals = (3 - size.log10().floor() as i32).clamp(0, 8) as usize;
    let text = format!("{v:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(percent(0.123), "12 %");
        assert_eq!(percent(0.00001), "under 0.01 %");
        assert_eq!(percent(0.99999), "over 99.9 %");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(thousands(12), "12");
        assert_eq!((counted(1, "row"), counted(2000, "row")), ("1 row".to_owned(), "2,000 rows".to_owned()));
        assert_eq!((percent(0.9969), percent(1.0)), ("99.7 %".to_owned(), "100 %".to_owned()));
        assert_eq!(figure(-1234.0), "-1,234");
        assert_eq!(figure(0.123_456), "0.1235");
        assert_eq!(figure(1234.6), "1,235");
        assert_eq!(figure(3e-9), "3.000e-9");
    }

    #[test]
    fn messages_are_safe_and_json_keeps_its_shape() {
        let f = Finding::new("x-y", Severity::Serious, "a \u{1b}[2J")
            .on("c")
            .with("share", 0.5)
            .with("nan", f64::NAN)
            .rows([0, 4]);
        let json = serde_json::to_value(&f).unwrap();
        assert_eq!(json["severity"], "serious");
        assert_eq!(json["message"], "a ␛[2J");
        assert_eq!(json["evidence"], "share 0.5");
        assert_eq!(json["rows"], serde_json::json!([1, 5]));
        assert_eq!(serde_json::from_value::<Finding>(json).unwrap(), f);
    }
}
