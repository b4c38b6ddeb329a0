//! A cursor over a list that may be longer than the screen.

use std::cell::Cell;

use crate::console::keys::Action;

/// A cursor and the part of the list that is seen. Drawing tells it the height; moving uses it.
#[derive(Debug, Clone, Default)]
pub struct List {
    /// The row of the cursor, counted within the rows that pass the filter.
    pub cursor: usize,
    /// What the rows must contain.
    pub filter: String,
    offset: Cell<usize>,
    height: Cell<usize>,
}

impl List {
    /// The first row to draw of `count`, when `height` rows fit. Keeps the cursor in sight and moves no more than needed.
    pub fn window(&self, count: usize, height: u16) -> usize {
        let height = usize::from(height).max(1);
        self.height.set(height);
        let cursor = self.cursor.min(count.saturating_sub(1));
        let mut offset = self.offset.get().min(count.saturating_sub(height));
        if cursor < offset {
            offset = cursor;
        }
        if cursor >= offset + height {
            offset = cursor + 1 - height;
        }
        self.offset.set(offset);
        offset
    }

    /// The cursor's row, within `count`.
    #[must_use]
    pub fn at(&self, count: usize) -> usize {
        self.cursor.min(count.saturating_sub(1))
    }

    /// Moves as `action` says in a list of `count` rows. Whether it was a movement.
    pub fn act(&mut self, action: Action, count: usize) -> bool {
        let page = self.height.get().max(2);
        let last = count.saturating_sub(1);
        let now = self.at(count);
        self.cursor = match action {
            Action::Up => now.saturating_sub(1),
            Action::Down => now + 1,
            Action::Top => 0,
            Action::Bottom => last,
            Action::HalfUp => now.saturating_sub(page / 2),
            Action::HalfDown => now + page / 2,
            Action::PageUp => now.saturating_sub(page - 1),
            Action::PageDown => now + page - 1,
            _ => return false,
        }
        .min(last);
        true
    }

    /// The rows that pass the filter.
    pub fn filtered<T>(&self, rows: &[T], text: impl Fn(&T) -> String) -> Vec<usize> {
        if self.filter.is_empty() {
            return (0..rows.len()).collect();
        }
        rows.iter().enumerate().filter(|(_, row)| contains(&text(row), &self.filter)).map(|(i, _)| i).collect()
    }
}

/// Whether a text holds every word of `filter`, in any order and case.
#[must_use]
pub fn contains(text: &str, filter: &str) -> bool {
    let text = text.to_lowercase();
    filter.to_lowercase().split_whitespace().all(|word| text.contains(word))
}

/// How well `query` fits `text` when its letters need only stand in order; `None` when they do not. Higher is better.
#[must_use]
pub fn matches(query: &str, text: &str) -> Option<i64> {
    let text: Vec<char> = text.to_lowercase().chars().collect();
    let mut at = 0;
    let mut score = 0;
    let mut last: Option<usize> = None;
    for wanted in query.to_lowercase().chars().filter(|c| !c.is_whitespace()) {
        let found = (at..text.len()).find(|i| text.get(*i) == Some(&wanted))?;
        let starts_word = found == 0 || text.get(found - 1).is_some_and(|c| !c.is_alphanumeric());
        score += 1;
        if last == found.checked_sub(1) && last.is_some() {
            score += 4;
        }
        if starts_word {
            score += 3;
        }
        last = Some(found);
        at = found + 1;
    }
    if contains(&text.iter().collect::<String>(), query) {
        score += 20;
    }
    Some(score * 64 - i64::try_from(text.len()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_follows_the_cursor() {
        let mut list = List::default();
        assert_eq!(list.window(100, 10), 0);
        list.act(Action::Bottom, 100);
        assert_eq!((list.cursor, list.window(100, 10)), (99, 90));
        list.act(Action::HalfUp, 100);
        assert_eq!((list.cursor, list.window(100, 10)), (94, 90));
        list.act(Action::PageUp, 100);
        assert_eq!((list.cursor, list.window(100, 10)), (85, 85));
        assert_eq!(list.window(3, 10), 0, "the list shrank");
        assert_eq!(list.at(0), 0);
        assert!(!list.act(Action::Quit, 3));
    }

    #[test]
    fn fuzzy_letters_in_order_fit() {
        assert!(matches("gt", "go to train").is_some());
        assert!(matches("xyz", "go to train").is_none());
        assert!(matches("train", "go to train") > matches("train", "to rain again in"));
        assert!(matches("", "anything").is_some());
    }

    #[test]
    fn a_filter_is_a_set_of_words() {
        let list = List { filter: "b A".into(), ..List::default() };
        assert_eq!(list.filtered(&["ab", "b", "a b"], |s| (*s).to_owned()), [0, 2]);
    }
}
