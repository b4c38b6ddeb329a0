//! Reading and writing recipes.

use std::path::Path;

use super::spec::{Action, FillWith, Recipe, Step};
use crate::data::{expression, toml_text};
use crate::error::{Error, Kind, Result};

const HINT: &str = "See docs/recipes.md for what a recipe can say";

impl Recipe {
    /// Reads a recipe from TOML.
    ///
    /// # Errors
    /// When the text is not TOML, says something unknown, or holds a step that could do nothing; the message has the line and
    /// the key.
    pub fn parse(text: &str) -> Result<Self> {
        let recipe: Self = toml_text::parse(text, HINT)?;
        for (i, step) in recipe.steps.iter().enumerate() {
            step.sound().map_err(|e| {
                let e = e.at(format!("step {} ({})", i + 1, step.action.name()));
                match toml_text::line_of_header(text, "[[step]]", i) {
                    Some(line) => e.at(format!("line {line}")),
                    None => e,
                }
            })?;
        }
        Ok(recipe)
    }

    /// Reads a recipe file. Tables that it joins are looked for beside it when they are not found from here.
    ///
    /// # Errors
    /// As [`Recipe::parse`]; the message names the file.
    pub fn read(path: &Path) -> Result<Self> {
        let text = toml_text::read(path, "Name a recipe in TOML; `pilothouse clean SOURCE --suggest` writes one")?;
        let mut recipe = Self::parse(&text).map_err(|e| e.at(path.display()))?;
        if let Some(folder) = path.parent() {
            recipe.beside(folder);
        }
        Ok(recipe)
    }

    /// Takes tables to join from a folder when they are there and not here.
    pub fn beside(&mut self, folder: &Path) {
        for step in &mut self.steps {
            if let Action::Join { source, .. } = &mut step.action {
                let there = folder.join(&*source);
                if !Path::new(&*source).exists() && there.exists() {
                    *source = there.display().to_string();
                }
            }
        }
    }

    /// Whether every step can be done as such, whatever the table is.
    ///
    /// # Errors
    /// When one cannot; the message names the step.
    pub fn validate(&self) -> Result<()> {
        for (i, step) in self.steps.iter().enumerate() {
            step.sound().map_err(|e| e.at(format!("step {} ({})", i + 1, step.action.name())))?;
        }
        Ok(())
    }

    /// The recipe as TOML.
    ///
    /// # Errors
    /// Never for a recipe that was read or made here.
    pub fn to_toml(&self) -> Result<String> {
        let text = toml::to_string(self).map_err(|e| Error::local(format!("the recipe cannot be written: {e}")))?;
        Ok(toml_text::harmless(text))
    }

    /// The recipe without its last step, and that step; `None` when there is none.
    #[must_use]
    pub fn undo(&self) -> Option<(Self, Step)> {
        let mut rest = self.clone();
        rest.steps.pop().map(|last| (rest, last))
    }
}

impl Step {
    /// Whether the step makes sense by itself.
    fn sound(&self) -> Result<()> {
        let refuse = |message: &str| Err(Error::usage(message.to_owned()).hint(HINT));
        match &self.action {
            Action::Drop { columns }
            | Action::Keep { columns }
            | Action::Cast { columns, .. }
            | Action::ParseDates { columns, .. }
            | Action::Fill { columns, .. }
            | Action::Clip { columns, .. }
            | Action::Missing { columns, .. }
            | Action::Hash { columns, .. }
                if columns.is_empty() =>
            {
                refuse("`columns` names no column")
            }
            Action::Rename { columns } if columns.is_empty() => refuse("`columns` names no column"),
            Action::Rename { columns } if columns.values().any(|n| n.trim().is_empty()) => {
                refuse("`columns`: a new name is empty")
            }
            Action::Cast { decimal: Some(c), .. } if !matches!(c, '.' | ',') => {
                refuse("`decimal` must be \".\" or \",\"")
            }
            Action::Fill { with: FillWith::Constant, value: None, .. } => {
                refuse("`value` is needed for with = \"constant\"")
            }
            Action::Fill { with, value: Some(_), .. } if *with != FillWith::Constant => {
                refuse("`value` goes with with = \"constant\" only; a computed value is recorded in the report")
            }
            Action::Clip { min: None, max: None, .. } => refuse("`min` or `max` is needed"),
            Action::Map { values, .. } if values.is_empty() => refuse("`values` names no spelling"),
            Action::Map { values, .. } if values.values().any(String::is_empty) => {
                refuse("`values`: a new spelling is empty; use do = \"missing\" to make values missing")
            }
            Action::Missing { values, below: None, above: None, .. } if values.is_empty() => {
                refuse("`values` names no value, and there is neither `below` nor `above`")
            }
            Action::Hash { salt_from, .. } if salt_from.is_empty() || salt_from.contains(['=', '\0']) => {
                refuse("`salt_from` must name an environment variable")
            }
            Action::Filter { condition } => readable(condition),
            Action::Derive { expression, .. } => readable(expression),
            Action::Join { on, with, .. } => {
                if on.is_empty() {
                    return refuse("`on` names no key column");
                }
                if !with.is_empty() && with.len() != on.len() {
                    return refuse("`with` must name as many columns as `on`");
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// Whether an expression can be read; in a recipe it is the recipe that is wrong, not the data.
fn readable(expression: &str) -> Result<()> {
    expression::understood(expression).map_err(|e| Error { kind: Kind::Usage, ..e })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EVERY: &str = r#"
[[step]]
do = "drop"
columns = ["x"]
why = "constant"

[[step]]
do = "rename"
columns = { "a b" = "ab" }

[[step]]
do = "cast"
columns = ["price"]
to = "number"
strip = true
failures = "missing"

[[step]]
do = "parse_dates"
columns = ["day"]
format = "%d.%m.%Y"

[[step]]
do = "fill"
columns = ["age"]
with = "median"

[[step]]
do = "clip"
columns = ["age"]
min = 0
max = 120.5

[[step]]
do = "map"
column = "city"
values = { "zurich" = "Zürich", "ZH" = "Zürich" }

[[step]]
do = "trim"

[[step]]
do = "missing"
columns = ["n"]
values = [-999, "?"]

[[step]]
do = "missing"
columns = ["day"]
below = 2019-01-01
above = "2020-12-31"

[[step]]
do = "hash"
columns = ["email"]
salt_from = "SECRET"

[[step]]
do = "deduplicate"
keep = "last"

[[step]]
do = "filter"
condition = "age >= 18"

[[step]]
do = "derive"
column = "double"
expression = "age * 2"

[[step]]
do = "join"
source = "zones.csv"
on = ["zone"]
with = ["id"]
columns = ["borough"]

[[step]]
do = "keep"
columns = ["ab", "age"]
"#;

    fn wrong(text: &str, words: &[&str]) {
        let error = Recipe::parse(text).unwrap_err();
        assert_eq!(Recipe::parse(text).unwrap_err().to_string(), error.to_string());
        for word in words {
            assert!(error.to_string().contains(word), "`{word}` is not in: {error}");
        }
    }

    #[test]
    fn every_step_is_read_and_written() {
        let recipe = Recipe::parse(EVERY).unwrap();
        assert_eq!(recipe.steps.len(), 16);
        assert_eq!(recipe.steps[0].why.as_deref(), Some("constant"));
        assert_eq!(Recipe::parse(&recipe.to_toml().unwrap()).unwrap(), recipe);
        let json = serde_json::to_string(&recipe).unwrap();
        assert_eq!(serde_json::from_str::<Recipe>(&json).unwrap(), recipe);
        let (rest, last) = recipe.undo().unwrap();
        assert_eq!((rest.steps.len(), last.action.name()), (15, "keep"));
        assert!(Recipe::default().undo().is_none());
    }

    #[test]
    fn what_is_wrong_is_said_with_line_and_key() {
        wrong("[[step]]\ndo = 'drop'\ncolumns = ['a']\n[[step]]\ndo = 'drop'\ncolums = ['a']\n", &["line 6", "colums"]);
        wrong("[[step]]\ndo = 'drp'\n", &["line", "drp"]);
        wrong("[[step]]\ncolumns = ['a']\n", &["line 1", "do"]);
        wrong("[[stp]]\n", &["line 1", "stp"]);
        wrong("[[step]]\ndo = 'clip'\ncolumns = ['a']\n", &["line 1", "step 1 (clip)", "min"]);
        wrong("\n[[step]]\ndo = 'fill'\ncolumns = ['a']\nwith = 'constant'\n", &["line 2", "value"]);
        wrong("[[step]]\ndo = 'filter'\ncondition = 'a >='\n", &["line 1", "step 1 (filter)", "not understood"]);
        wrong("[[step]]\ndo = 'join'\nsource = 'x'\non = []\n", &["`on`"]);
    }

    // PROPTEST_CASES=100000 asks longer.
    proptest! {
        /// Any text is answered with a recipe or with words.
        #[test]
        fn any_text_is_survived(text in "[\\[\\]{}=.,'\"a-z0-9 \n#_-]{0,200}") {
            let _ = Recipe::parse(&text);
        }

        /// So is a good recipe in which a piece was changed; what is read is written and read again the same.
        #[test]
        fn any_damage_is_survived(at in 0..EVERY.len(), cut in 0usize..40, put in "[\\[\\]{}=.,'\"a-z0-9 \n-]{0,12}") {
            prop_assume!(EVERY.is_char_boundary(at) && EVERY.is_char_boundary((at + cut).min(EVERY.len())));
            let text = format!("{}{put}{}", &EVERY[..at], &EVERY[(at + cut).min(EVERY.len())..]);
            if let Ok(recipe) = Recipe::parse(&text) {
                prop_assert_eq!(Recipe::parse(&recipe.to_toml().unwrap()).unwrap(), recipe);
            }
        }
    }
}
