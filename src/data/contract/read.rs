//! Reading a contract, and refusing one that could not be checked.

use std::collections::BTreeSet;
use std::path::Path;

use regex::{Regex, RegexBuilder};

use super::spec::{Contract, Terms};
use crate::data::display::brief;
use crate::data::{expression, toml_text};
use crate::error::{Error, Kind, Result};

const HINT: &str = "See docs/rules.md for what a contract can say";

/// Memory for one compiled expression, in bytes.
const REGEX_SIZE: usize = 2 << 20;

/// Compiles the regular expression of a rule.
///
/// # Errors
/// When it is no regular expression or too large.
pub(super) fn regex(pattern: &str) -> Result<Regex> {
    RegexBuilder::new(pattern).size_limit(REGEX_SIZE).dfa_size_limit(REGEX_SIZE).build().map_err(|e| {
        let said = e.to_string();
        let last = said.lines().last().unwrap_or_default();
        Error::usage(format!("`{}` is no regular expression: {}", brief(pattern, 60), brief(last, 160)))
            .hint("The syntax is that of Rust's regex crate, without look-around and back-references")
    })
}

impl Contract {
    /// Reads a contract from TOML.
    ///
    /// # Errors
    /// When the text is not TOML, says something unknown, or holds a rule that could never be checked; the message has the
    /// line and the key.
    pub fn parse(text: &str) -> Result<Self> {
        let contract: Self = toml_text::parse(text, HINT)?;
        contract.sound().map_err(|(header, n, error)| {
            match header.and_then(|h| toml_text::line_of_header(text, h, n)) {
                Some(line) => error.at(format!("line {line}")),
                None => error,
            }
        })?;
        Ok(contract)
    }

    /// Reads a contract file.
    ///
    /// # Errors
    /// As [`Contract::parse`]; the message names the file.
    pub fn read(path: &Path) -> Result<Self> {
        let text = toml_text::read(path, "Name a contract in TOML; `pilothouse rules draft` writes one")?;
        Self::parse(&text).map_err(|e| e.at(path.display()))
    }

    /// Whether every rule can be checked.
    ///
    /// # Errors
    /// When one cannot; the message names the rule.
    pub fn validate(&self) -> Result<()> {
        self.sound().map_err(|(_, _, error)| error)
    }

    /// The first rule that makes no sense, with the header under which it stands.
    fn sound(&self) -> std::result::Result<(), (Option<&'static str>, usize, Error)> {
        let refuse = |message: String| Error::usage(message).hint(HINT);
        if self.name.trim().is_empty() {
            return Err((None, 0, refuse("the contract has no name".into())));
        }
        if let Some(rows) = &self.rows {
            let bad = bounds("rows", rows.min.map(|v| v as f64), rows.max.map(|v| v as f64));
            bad.map_err(|e| (Some("[rows]"), 0, e))?;
        }
        let mut names = BTreeSet::new();
        for (i, column) in self.columns.iter().enumerate() {
            let at = |e: Error| (Some("[[column]]"), i, e.at(format!("column `{}`", brief(&column.name, 60))));
            if column.name.is_empty() || !names.insert(&column.name) {
                return Err(at(refuse("every column needs a name of its own".into())));
            }
            let terms = [
                ("not_null", column.not_null.as_ref().map(|r| r.terms())),
                ("unique", column.unique.as_ref().map(|r| r.terms())),
                ("range", column.range.as_ref().map(|r| r.terms())),
                ("values", column.values.as_ref().map(|r| r.terms())),
                ("pattern", column.pattern.as_ref().map(|r| r.terms())),
                ("length", column.length.as_ref().map(|r| r.terms())),
            ];
            for (key, terms) in terms {
                terms.map_or(Ok(()), |t| tolerable(key, t)).map_err(at)?;
            }
            if let Some(range) = &column.range {
                use crate::data::scalar::{Scalar, moment};
                let number = |bound: &Option<Scalar>| match bound {
                    None => Ok(None),
                    Some(Scalar::Number(v)) => Ok(Some(*v)),
                    Some(Scalar::Text(t)) => match moment(t) {
                        Some(micros) => Ok(Some(micros as f64)),
                        None => Err(refuse(format!("`range`: `{}` is neither a number nor a date", brief(t, 40)))),
                    },
                    Some(Scalar::Bool(_)) => Err(refuse("`range`: true and false have no order".into())),
                };
                let (min, max) = (number(&range.min).map_err(at)?, number(&range.max).map_err(at)?);
                bounds("range", min, max).map_err(at)?;
            }
            if column.values.as_ref().is_some_and(|v| v.of.is_empty()) {
                return Err(at(refuse("`values` names no value".into())));
            }
            if let Some(pattern) = &column.pattern {
                regex(&pattern.regex).map_err(at)?;
            }
            if let Some(length) = &column.length {
                bounds("length", length.min.map(|v| v as f64), length.max.map(|v| v as f64)).map_err(at)?;
            }
        }
        for (i, key) in self.unique.iter().enumerate() {
            let at = |e: Error| (Some("[[unique]]"), i, e);
            tolerable("unique", key.terms()).map_err(at)?;
            let distinct: BTreeSet<&String> = key.columns.iter().collect();
            if distinct.is_empty() || distinct.len() < key.columns.len() {
                return Err(at(refuse("`unique` needs one or several different columns".into())));
            }
        }
        let mut names = BTreeSet::new();
        for (i, relation) in self.relations.iter().enumerate() {
            let at = |e: Error| (Some("[[relation]]"), i, e.at(format!("relation `{}`", brief(&relation.name, 60))));
            tolerable("relation", relation.terms()).map_err(at)?;
            if relation.name.trim().is_empty() || !names.insert(&relation.name) {
                return Err(at(refuse("every relation needs a name of its own".into())));
            }
            expression::understood(&relation.condition).map_err(|e| at(Error { kind: Kind::Usage, ..e }))?;
        }
        Ok(())
    }
}

fn tolerable(key: &str, terms: Terms<'_>) -> Result<()> {
    if terms.mostly > 0.0 && terms.mostly <= 1.0 {
        return Ok(());
    }
    Err(Error::usage(format!("`{key}`: mostly = {} is no share above 0 and at most 1", terms.mostly)).hint(HINT))
}

fn bounds(key: &str, min: Option<f64>, max: Option<f64>) -> Result<()> {
    match (min, max) {
        (None, None) => Err(Error::usage(format!("`{key}` has neither min nor max")).hint(HINT)),
        (Some(a), Some(b)) if a > b => {
            Err(Error::usage(format!("`{key}`: min is greater than max, so nothing can keep it")).hint(HINT))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A contract with one rule of every kind.
    pub(in crate::data::contract) const EVERY: &str = r#"
name = "trips"
version = "2.1.0"
description = "Taxi trips: one row a \"trip\""
owner = "data team"
extra_columns = "refuse"

[rows]
min = 10
max = 1000

[[column]]
name = "id"
type = "integer"
not_null = {}
unique = { why = "the key" }

[[column]]
name = "fare"
type = "number"
required = false
range = { min = 0, max = 250.5, mostly = 0.99, severity = "warning" }

[[column]]
name = "flag"
type = "text"
values = { of = ["Y", "N"] }
pattern = { regex = "^[YN]$" }
length = { min = 1, max = 1 }

[[column]]
name = "when"
type = "datetime"
range = { min = 2018-01-01 }
fresh = { within = "36h" }

[[unique]]
columns = ["id", "when"]

[[relation]]
name = "fares are paid"
condition = "fare >= 0 OR flag = 'N'"
mostly = 0.999
"#;

    fn wrong(text: &str, words: &[&str]) {
        let error = Contract::parse(text).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{error}");
        for word in words {
            assert!(error.to_string().contains(word), "`{word}` is not in: {error}");
        }
    }

    #[test]
    fn every_rule_is_read() {
        let contract = Contract::parse(EVERY).unwrap();
        assert_eq!((contract.columns.len(), contract.unique.len(), contract.relations.len()), (4, 1, 1));
        assert_eq!(contract.columns[1].range.as_ref().unwrap().mostly, 0.99);
        assert!(!contract.columns[1].required && contract.columns[0].required);
        // It survives JSON, in which a workspace keeps it.
        let json = serde_json::to_string(&contract).unwrap();
        assert_eq!(serde_json::from_str::<Contract>(&json).unwrap(), contract);
    }

    #[test]
    fn what_is_wrong_is_said_with_line_and_key() {
        wrong("nam = 'x'", &["line 1", "nam"]);
        wrong("name = 'x'\n[[column]]\nname = 'a'\n[[column]]\nname = 'b'\nrnge = {}\n", &["line 6", "rnge"]);
        wrong("name = 'x'\n[[column]]\nname = 'a'\nrange = { min = 2, max = 1 }\n", &["line 2", "`a`", "range", "min"]);
        wrong("name = 'x'\n[[column]]\nname = 'a'\nnot_null = { mostly = 1.5 }\n", &["`a`", "not_null", "1.5"]);
        wrong("name = 'x'\n[[column]]\nname = 'a'\npattern = { regex = '(' }\n", &["`a`", "regular expression"]);
        wrong("name = 'x'\n[[column]]\nname = 'a'\nfresh = { within = 'soon' }\n", &["line 4", "soon", "36h"]);
        wrong("name = 'x'\n[[relation]]\nname = 'r'\ncondition = 'a >='\n", &["line 2", "`r`", "not understood"]);
        wrong("name = 'x'\n[[column]]\nname = 'a'\n[[column]]\nname = 'a'\n", &["line 4", "`a`"]);
        wrong("name = 'x'\n[[unique]]\ncolumns = []\n", &["line 2", "unique"]);
        wrong("name = 'x'\n[[column]]\nname = 'a'\nvalues = { of = [] }\n", &["`a`", "values"]);
        wrong("name = 'x'\n[[column]]\nname = 'a'\nrange = { min = 'low' }\n", &["`a`", "low"]);
        wrong("name = 'x'\n[[column]]\nname = 'a'\ntype = 'numbr'\n", &["line 4", "numbr", "integer"]);
    }

    #[test]
    fn an_expression_that_would_take_too_much_memory_is_refused() {
        let error = regex(&format!("(a{{1000}}){{1000}}{}", "b")).unwrap_err();
        assert_eq!(error.exit_code(), 2);
    }

    // PROPTEST_CASES=100000 asks longer.
    proptest! {
        /// Any text is answered with a contract or with words.
        #[test]
        fn any_text_is_survived(text in "[\\[\\]{}=.,'\"a-z0-9 \n#_-]{0,200}") {
            let _ = Contract::parse(&text);
        }

        /// So is a good contract in which a piece was changed.
        #[test]
        fn any_damage_is_survived(at in 0..EVERY.len(), cut in 0usize..40, put in "[\\[\\]{}=.,'\"a-z0-9 \n\u{e9}-]{0,12}") {
            let end = (at + cut).min(EVERY.len());
            let text = format!("{}{put}{}", &EVERY[..at], &EVERY[end..]);
            if let Ok(contract) = Contract::parse(&text) {
                let again = Contract::parse(&contract.to_toml().unwrap()).unwrap();
                prop_assert_eq!(again, contract);
            }
        }
    }
}
