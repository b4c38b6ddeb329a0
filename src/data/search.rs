//! Words in cells, in any case. Made for millions of rows: a column whose values cannot be written with the letters of a
//! word is not looked at, texts are not copied, and numbers are written into one buffer.

use std::fmt::Write as _;

use polars::prelude::*;
use regex::{Regex, RegexBuilder};

use super::column;
use crate::error::{Error, Result};

/// The words of a row are a set of so many bits.
const MOST_WORDS: usize = 64;

/// What a cell or a row must contain.
pub(super) struct Words(Vec<Word>);

struct Word {
    lower: String,
    pattern: Regex,
}

impl Words {
    /// Each word of a text by itself; a row may have them in different cells.
    ///
    /// # Errors
    /// When there are too many words, or one is longer than any that can be looked for.
    pub fn each(text: &str) -> Result<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        if words.len() > MOST_WORDS {
            return Err(Error::usage(format!(
                "these are {} words; at most {MOST_WORDS} can be looked for",
                words.len()
            ))
            .hint("Name fewer words, or write a condition"));
        }
        Ok(Self(words.into_iter().map(Word::new).collect::<Result<_>>()?))
    }

    /// A text as a whole, which one cell must contain.
    ///
    /// # Errors
    /// When it is longer than any that can be looked for.
    pub fn whole(text: &str) -> Result<Self> {
        Ok(Self(vec![Word::new(text)?]))
    }

    /// The set of all words.
    pub fn all(&self) -> u64 {
        (0..self.0.len()).fold(0, |set, i| set | 1 << i)
    }

    /// Whether any of the words could stand in a cell of this column.
    pub fn may_stand_in(&self, column: &Column) -> bool {
        self.0.iter().any(|w| w.may_stand_in(column.dtype()))
    }

    /// Adds to the set of each row the words that its cell of this column contains.
    ///
    /// # Errors
    /// When the column has no text form.
    pub fn mark(&self, column: &Column, sets: &mut [u64]) -> Result<()> {
        let words: Vec<(u64, &Word)> = self
            .0
            .iter()
            .enumerate()
            .filter(|(_, w)| w.may_stand_in(column.dtype()))
            .map(|(i, w)| (1 << i, w))
            .collect();
        let wanted = words.iter().fold(0, |all, (bit, _)| all | bit);
        if wanted == 0 {
            return Ok(());
        }
        let series = column.as_materialized_series();
        let mut buffer = String::new();
        match series.dtype() {
            DataType::String => {
                for (set, text) in sets.iter_mut().zip(series.str()?.iter()) {
                    let Some(text) = text.filter(|_| *set & wanted != wanted) else { continue };
                    for (bit, word) in &words {
                        if *set & bit == 0 && word.pattern.is_match(text) {
                            *set |= bit;
                        }
                    }
                }
            }
            DataType::Int64 => {
                for (set, value) in sets.iter_mut().zip(series.i64()?.iter()) {
                    let Some(value) = value.filter(|_| *set & wanted != wanted) else { continue };
                    mark_number(set, &words, value < 0, &mut buffer, |b| _ = write!(b, "{value}"));
                }
            }
            DataType::Float64 => {
                for (set, value) in sets.iter_mut().zip(series.f64()?.iter()) {
                    let Some(value) = value.filter(|v| !v.is_nan() && *set & wanted != wanted) else { continue };
                    mark_number(set, &words, value.is_sign_negative(), &mut buffer, |b| _ = write!(b, "{value}"));
                }
            }
            _ => {
                for (set, text) in sets.iter_mut().zip(column::texts(column)?) {
                    let Some(text) = text else { continue };
                    for (bit, word) in &words {
                        if text.contains(&word.lower) {
                            *set |= bit;
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

/// Marks the words that stand in a number. Writing it is the dear part: words with a sign need it for negative ones only.
fn mark_number(set: &mut u64, words: &[(u64, &Word)], negative: bool, buffer: &mut String, put: impl Fn(&mut String)) {
    let open = |word: &Word| negative || !word.lower.starts_with('-');
    if !words.iter().any(|(bit, word)| *set & bit == 0 && open(word)) {
        return;
    }
    buffer.clear();
    put(buffer);
    for (bit, word) in words {
        if buffer.contains(&word.lower) {
            *set |= bit;
        }
    }
}

impl Word {
    fn new(text: &str) -> Result<Self> {
        let pattern = RegexBuilder::new(&regex::escape(text))
            .case_insensitive(true)
            .build()
            .map_err(|_| Error::usage("this text is too long to be looked for").hint("Look for a part of it"))?;
        Ok(Self { lower: text.to_lowercase(), pattern })
    }

    /// Whether a value of this type could have the word in its text, judged by its letters alone.
    fn may_stand_in(&self, of: &DataType) -> bool {
        let word = self.lower.as_str();
        let unsigned = word.strip_prefix('-').unwrap_or(word);
        let made_of = |text: &str, more: &[char]| text.chars().all(|c| c.is_ascii_digit() || more.contains(&c));
        match of {
            DataType::Int64 => made_of(unsigned, &[]),
            DataType::Float64 => made_of(unsigned, &['.']) || "inf".contains(unsigned),
            DataType::Boolean => "true".contains(word) || "false".contains(word),
            DataType::Date => made_of(word, &['-']),
            DataType::Datetime(..) => made_of(word, &['-', ':', '.', ' ']),
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looking at letters and signs first finds what looking at every cell's text finds.
    #[test]
    fn nothing_that_a_cell_shows_is_missed() {
        let moments = Int64Chunked::new("at".into(), [Some(1_584_303_396_000_000i64), Some(-1_500_000), None]);
        let columns: Vec<Column> = vec![
            Column::new("text".into(), [Some("Größe 12"), Some("a.b (c) -5"), None]),
            Column::new("int".into(), [Some(-5i64), Some(12), None]),
            Column::new("float".into(), [Some(-0.0f64), Some(12.5), Some(1e21)]),
            Column::new("yes".into(), [Some(true), Some(false), None]),
            moments.into_series().cast(&DataType::Datetime(TimeUnit::Microseconds, None)).unwrap().into(),
            Int32Chunked::new("day".into(), [Some(18_336), Some(-400), None])
                .into_series()
                .cast(&DataType::Date)
                .unwrap()
                .into(),
        ];
        let mut words: Vec<String> =
            ["gröSSe", "GRÖßE", ".b", "(C)", "-", "-0", "1000", "e", "r", "20:", " 2", "1969-12-31", ".5"]
                .map(str::to_owned)
                .to_vec();
        for column in &columns {
            for text in column::texts(column).unwrap().into_iter().flatten() {
                let letters: Vec<char> = text.chars().collect();
                for start in 0..letters.len() {
                    words.extend((start + 1..=letters.len()).map(|end| letters[start..end].iter().collect::<String>()));
                }
            }
        }
        for word in words {
            for column in &columns {
                let wanted: Vec<bool> = column::texts(column)
                    .unwrap()
                    .into_iter()
                    .map(|t| t.is_some_and(|t| t.to_lowercase().contains(&word.to_lowercase())))
                    .collect();
                let mut sets = vec![0; 3];
                Words::whole(&word).unwrap().mark(column, &mut sets).unwrap();
                let found: Vec<bool> = sets.iter().map(|s| *s == 1).collect();
                assert_eq!(found, wanted, "`{word}` in {}", column.name());
            }
        }
    }
}
