//! The columns of several files compared: what differs is said with the file and the column, and nothing is guessed over.

use crate::data::Physical;
use crate::data::display::brief;
use crate::error::{Error, Result};

/// What is done when files of one source have different columns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SchemaChanges {
    /// It is an error.
    #[default]
    Refuse,
    /// Columns that a file does not have are missing values in its rows. Types must agree all the same.
    Fill,
}

impl std::str::FromStr for SchemaChanges {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        match word {
            "refuse" => Ok(Self::Refuse),
            "fill" => Ok(Self::Fill),
            _ => Err(Error::usage(format!("`{}` says not what to do with schema changes", brief(word, 40)))
                .hint("Use refuse or fill")),
        }
    }
}

/// A column of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its name.
    pub name: String,
    /// How it is stored.
    pub physical: Physical,
    /// Whether it holds no value at all, so that its storage says nothing.
    pub empty: bool,
    /// Whether the user says that it is no quantity, so that whole numbers may become text.
    pub as_text: bool,
}

/// The columns of all files together.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Common {
    /// Names and storage, in the order of the first file; columns that come later stand at the end.
    pub columns: Vec<(String, Physical)>,
    /// What was harmless.
    pub notes: Vec<String>,
}

fn words(physical: Physical) -> &'static str {
    match physical {
        Physical::Float => "numbers",
        Physical::Integer => "whole numbers",
        Physical::Boolean => "true or false",
        Physical::String => "text",
        Physical::Date => "dates",
        Physical::Datetime => "moments",
    }
}

/// Finds the columns that the files have in common.
///
/// # Errors
/// When a column is added, missing, spelt differently or of another type from some file on; up to five differences are
/// told, each with the file and the column.
pub fn common(files: &[(String, Vec<Found>)], changes: SchemaChanges) -> Result<Common> {
    let Some((first_file, first)) = files.first() else { return Ok(Common::default()) };
    let mut common: Vec<(String, Physical, bool, String)> =
        first.iter().map(|c| (c.name.clone(), c.physical, c.empty, first_file.clone())).collect();
    let mut notes = Vec::new();
    let mut wrong: Vec<String> = Vec::new();
    // Column and the first file to which it happened.
    let mut added: Vec<(String, String)> = Vec::new();
    let mut lacking: Vec<(String, String)> = Vec::new();
    let mut reordered = None;
    for (file, columns) in files.iter().skip(1) {
        let shown = brief(file, 100);
        let order = columns.iter().filter(|c| first.iter().any(|f| f.name == c.name)).map(|c| &c.name);
        let expected = first.iter().filter(|f| columns.iter().any(|c| c.name == f.name)).map(|f| &f.name);
        if reordered.is_none() && order.ne(expected) {
            reordered = Some(shown.clone());
        }
        for column in columns {
            let name = brief(&column.name, 60);
            let Some(known) = common.iter_mut().find(|k| k.0 == column.name) else {
                let twin = first.iter().find(|f| f.name.to_lowercase() == column.name.to_lowercase());
                match twin.filter(|t| columns.iter().all(|c| c.name != t.name)) {
                    Some(twin) => {
                        let seen = format!("{shown} calls column `{}` `{name}`", brief(&twin.name, 60));
                        if !wrong.iter().any(|w| w.ends_with(&format!("`{name}`"))) {
                            wrong.push(seen);
                        }
                    }
                    None => {
                        added.push((column.name.clone(), file.clone()));
                        common.push((column.name.clone(), column.physical, column.empty, file.clone()));
                    }
                }
                continue;
            };
            match (known.1, column.physical) {
                (a, b) if a == b => known.2 &= column.empty,
                (_, _) if column.empty => {}
                (_, new) if known.2 => {
                    (known.1, known.2) = (new, false);
                    known.3.clone_from(file);
                }
                (Physical::Integer, Physical::Float) => {
                    known.1 = Physical::Float;
                    notes.push(format!(
                        "{name}: whole numbers up to {shown}, which has fractions; all are read as numbers"
                    ));
                }
                (Physical::Float, Physical::Integer) => {}
                (Physical::Date, Physical::Datetime) => {
                    known.1 = Physical::Datetime;
                    notes.push(format!("{name}: dates up to {shown}, which has times of day; all are read as moments"));
                }
                (Physical::Datetime, Physical::Date) => {}
                (Physical::String, Physical::Integer) if column.as_text => {}
                (Physical::Integer, Physical::String) if column.as_text => known.1 = Physical::String,
                (before, now) => {
                    let seen = format!(
                        "column `{name}` holds {} in {} and {} in {shown}",
                        words(before),
                        brief(&known.3, 100),
                        words(now)
                    );
                    // From one file on: the files after it would only repeat it.
                    if !wrong.iter().any(|w| w.starts_with(&format!("column `{name}` holds"))) {
                        wrong.push(seen);
                    }
                }
            }
        }
        for known in first {
            let spelt = |c: &Found| c.name.to_lowercase() == known.name.to_lowercase();
            if !columns.iter().any(spelt) && !lacking.iter().any(|(name, _)| *name == known.name) {
                lacking.push((known.name.clone(), file.clone()));
            }
        }
    }
    if let Some(file) = reordered {
        notes.push(format!("columns stand in another order from {file} on; they were matched by name"));
    }
    let said = |(name, file): &(String, String), does: &str| {
        format!("{} {does} column `{}`", brief(file, 100), brief(name, 60))
    };
    let changed: Vec<String> =
        added.iter().map(|a| said(a, "adds")).chain(lacking.iter().map(|l| said(l, "does not have"))).collect();
    match changes {
        SchemaChanges::Refuse => wrong.extend(changed),
        SchemaChanges::Fill => {
            for change in changed {
                notes.push(format!("{change}; rows without it have missing values there"));
            }
        }
    }
    if wrong.is_empty() {
        return Ok(Common {
            columns: common.into_iter().map(|(name, physical, ..)| (name, physical)).collect(),
            notes,
        });
    }
    let more = if wrong.len() > 5 { format!("; and {} more differences", wrong.len() - 5) } else { String::new() };
    wrong.truncate(5);
    let hint = if added.is_empty() && lacking.is_empty() {
        "Bring the files into one form, or name only those that agree; a column that is a code can be declared a category"
    } else {
        "Name only files that agree, or accept added and missing columns as missing values: schema_changes = \"fill\", \
         --schema-changes fill"
    };
    Err(Error::input(format!("the files do not have the same columns: {}{more}", wrong.join("; "))).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Physical::{Float, Integer, String as Text};

    fn file(name: &str, columns: &[(&str, Physical)]) -> (String, Vec<Found>) {
        let found = |(name, physical): &(&str, Physical)| Found {
            name: (*name).to_owned(),
            physical: *physical,
            empty: false,
            as_text: false,
        };
        (name.to_owned(), columns.iter().map(found).collect())
    }

    fn refused(files: &[(String, Vec<Found>)], words: &[&str]) {
        let error = common(files, SchemaChanges::Refuse).unwrap_err();
        assert_eq!(error.exit_code(), 3);
        for word in words {
            assert!(error.message.contains(word), "`{word}` is not in: {error}");
        }
    }

    #[test]
    fn differences_are_told_with_file_and_column() {
        let one = file("1.csv", &[("a", Integer), ("b", Text)]);
        let same = file("2.csv", &[("a", Integer), ("b", Text)]);
        refused(&[one.clone(), same.clone(), file("3.csv", &[("a", Integer)])], &["3.csv does not have column `b`"]);
        refused(&[one.clone(), file("3.csv", &[("a", Integer), ("b", Text), ("c", Text)])], &["3.csv adds column `c`"]);
        refused(&[one.clone(), file("3.csv", &[("A", Integer), ("b", Text)])], &["3.csv calls column `a` `A`"]);
        refused(
            &[one.clone(), file("3.csv", &[("a", Text), ("b", Text)]), file("4.csv", &[("a", Text), ("b", Text)])],
            &["column `a` holds whole numbers in 1.csv and text in 3.csv"],
        );
        let swapped = file("3.csv", &[("b", Text), ("a", Float)]);
        let found = common(&[one, swapped], SchemaChanges::Refuse).unwrap();
        assert_eq!(found.columns, [("a".to_owned(), Float), ("b".to_owned(), Text)]);
        assert_eq!(found.notes.len(), 2, "{:?}", found.notes);
    }

    #[test]
    fn added_and_missing_columns_are_filled_on_request_and_types_never() {
        let one = file("1.csv", &[("a", Integer), ("b", Text)]);
        let two = file("2.csv", &[("a", Integer), ("c", Text)]);
        let found = common(&[one.clone(), two], SchemaChanges::Fill).unwrap();
        assert_eq!(found.columns.len(), 3);
        assert!(found.notes.iter().any(|n| n.contains("2.csv adds column `c`")), "{:?}", found.notes);
        assert!(common(&[one, file("2.csv", &[("a", Text), ("b", Text)])], SchemaChanges::Fill).is_err());
    }

    #[test]
    fn columns_without_a_value_fit_everything() {
        let mut empty = file("1.csv", &[("a", Float)]);
        empty.1[0].empty = true;
        let found = common(&[empty.clone(), file("2.csv", &[("a", Text)]), empty], SchemaChanges::Refuse).unwrap();
        assert_eq!(found.columns, [("a".to_owned(), Text)]);
    }
}
