//! Which spellings mean that a value is missing.

use std::collections::BTreeMap;

/// Spellings that mean "missing" in any column.
const ALWAYS: &[&str] = &["", "NA", "N/A", "n/a", "<NA>", "null", "NULL", "NaN", "nan", "#N/A"];

/// Spellings that mean "missing" only where numbers or dates stand: as text, `None` or `-` may be a category of its own.
const BESIDE_VALUES: &[&str] = &[
    "None", "none", "NONE", "Null", "NAN", "na", "-", "--", "?", ".", "#NA", "#NULL!", "#DIV/0!", "#VALUE!", "#REF!",
    "#NAME?", "#NUM!", "-nan", "-NaN", "1.#QNAN", "nil", "missing", "unknown",
];

/// How a cell counts when it may be a spelling of "missing".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Missing whatever the column holds.
    Always,
    /// Missing among numbers, dates and booleans; a value among text.
    BesideValues,
}

/// The spellings in force for one load.
#[derive(Debug, Clone, Default)]
pub struct Spellings {
    extra: Vec<String>,
    longest: usize,
    /// Per first byte the lengths of the spellings that begin with it, as bits (the last for all that are longer).
    lengths: Vec<u32>,
}

impl Spellings {
    /// The built-in spellings and those the user adds (compared after trimming).
    #[must_use]
    pub fn with(extra: &[String]) -> Self {
        let extra: Vec<String> = extra.iter().map(|s| s.trim().to_owned()).collect();
        let longest = extra.iter().map(String::len).chain([8]).max().unwrap_or(8);
        let mut lengths = vec![0u32; 256];
        for word in extra.iter().map(String::as_str).chain(ALWAYS.iter().copied()).chain(BESIDE_VALUES.iter().copied())
        {
            if let Some(set) = word.as_bytes().first().and_then(|b| lengths.get_mut(usize::from(*b))) {
                *set |= 1 << word.len().min(31);
            }
        }
        Self { extra, longest, lengths }
    }

    /// Whether the user named a number or a date as a spelling.
    #[must_use]
    pub fn may_be_value(&self) -> bool {
        self.extra.iter().any(|s| s.bytes().any(|b| b.is_ascii_digit()))
    }

    /// Whether a trimmed cell is a spelling of "missing".
    #[must_use]
    pub fn class(&self, cell: &[u8]) -> Option<Missing> {
        let Some(first) = cell.first() else { return Some(Missing::Always) };
        // Nearly all cells end here: no spelling begins so and is as long.
        let lengths = self.lengths.get(usize::from(*first)).copied().unwrap_or(u32::MAX);
        if cell.len() > self.longest || lengths >> cell.len().min(31) & 1 == 0 {
            return None;
        }
        if self.extra.iter().any(|s| s.as_bytes() == cell) {
            return Some(Missing::Always);
        }
        if ALWAYS.iter().any(|s| s.as_bytes() == cell) {
            return Some(Missing::Always);
        }
        BESIDE_VALUES.iter().any(|s| s.as_bytes() == cell).then_some(Missing::BesideValues)
    }
}

/// Counts of the spellings that occurred in one column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    always: BTreeMap<String, u64>,
    beside: BTreeMap<String, u64>,
    empty: u64,
}

impl Found {
    /// Counts one spelling.
    pub fn add(&mut self, class: Missing, cell: &[u8]) {
        if cell.is_empty() {
            self.empty += 1;
            return;
        }
        let map = match class {
            Missing::Always => &mut self.always,
            Missing::BesideValues => &mut self.beside,
        };
        let word = String::from_utf8_lossy(cell);
        match map.get_mut(word.as_ref()) {
            Some(n) => *n += 1,
            None => {
                map.insert(word.into_owned(), 1);
            }
        }
    }

    /// Takes in the counts of another part of the column.
    pub fn merge(&mut self, other: Self) {
        self.empty += other.empty;
        for (word, n) in other.always {
            *self.always.entry(word).or_default() += n;
        }
        for (word, n) in other.beside {
            *self.beside.entry(word).or_default() += n;
        }
    }

    /// The spellings that count as missing, most frequent first. `text` says that the column holds text.
    #[must_use]
    pub fn spellings(&self, text: bool) -> Vec<(String, u64)> {
        let mut all: Vec<(String, u64)> = self.always.iter().map(|(w, n)| (w.clone(), *n)).collect();
        if !text {
            all.extend(self.beside.iter().map(|(w, n)| (w.clone(), *n)));
        }
        if self.empty > 0 {
            all.push((String::new(), self.empty));
        }
        all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        all
    }

    /// Whether a spelling occurred that is a value in a text column.
    #[must_use]
    pub fn has_beside(&self) -> bool {
        !self.beside.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_is_missing_among_numbers_only() {
        let s = Spellings::with(&["-999".to_owned()]);
        assert_eq!(s.class(b""), Some(Missing::Always));
        assert_eq!(s.class(b"NA"), Some(Missing::Always));
        assert_eq!(s.class(b"None"), Some(Missing::BesideValues));
        assert_eq!(s.class(b"-999"), Some(Missing::Always));
        assert_eq!(s.class(b"12"), None);
        assert_eq!(s.class(b"Nancy"), None);
    }
}
