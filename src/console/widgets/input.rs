//! A line of text that is being typed.

use ratatui::layout::Rect;
use unicode_width::UnicodeWidthChar;

use super::ui::Ui;
use crate::console::keys::Action;
use crate::console::theme::Role;
use crate::data::display;

/// Longest text that can be typed or pasted.
const LONGEST: usize = 4_000;

/// A text with a cursor in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextInput {
    letters: Vec<char>,
    at: usize,
}

impl TextInput {
    /// A field that holds `text`, the cursor behind it.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let letters: Vec<char> = text.chars().collect();
        Self { at: letters.len(), letters }
    }

    /// What it holds.
    #[must_use]
    pub fn text(&self) -> String {
        self.letters.iter().collect()
    }

    /// Types a character.
    pub fn insert(&mut self, c: char) {
        if self.letters.len() < LONGEST && !c.is_control() {
            self.letters.insert(self.at.min(self.letters.len()), c);
            self.at += 1;
        }
    }

    /// Pastes a text; line ends become blanks.
    pub fn paste(&mut self, text: &str) {
        for c in text.trim_end().chars() {
            self.insert(if c == '\n' || c == '\t' { ' ' } else { c });
        }
    }

    /// Edits. Whether `action` was meant for a field.
    pub fn act(&mut self, action: Action) -> bool {
        match action {
            Action::DeleteBack if self.at > 0 => {
                self.at -= 1;
                self.letters.remove(self.at);
            }
            Action::DeleteForward if self.at < self.letters.len() => {
                self.letters.remove(self.at);
            }
            Action::DeleteBack | Action::DeleteForward => {}
            Action::DeleteWord => {
                let mut start = self.at;
                while start > 0 && self.letters.get(start - 1).is_some_and(|c| c.is_whitespace()) {
                    start -= 1;
                }
                while start > 0 && self.letters.get(start - 1).is_some_and(|c| !c.is_whitespace()) {
                    start -= 1;
                }
                self.letters.drain(start..self.at);
                self.at = start;
            }
            Action::DeleteLine => {
                self.letters.drain(..self.at);
                self.at = 0;
            }
            Action::CursorLeft => self.at = self.at.saturating_sub(1),
            Action::CursorRight => self.at = (self.at + 1).min(self.letters.len()),
            Action::CursorStart => self.at = 0,
            Action::CursorEnd => self.at = self.letters.len(),
            _ => return false,
        }
        true
    }

    /// Draws the field in one row, scrolled so that the cursor is seen, and puts the real cursor there.
    pub fn draw(&self, ui: &mut Ui<'_>, area: Rect) {
        if area.width < 2 || area.height == 0 {
            return;
        }
        let place = |c: &char| u16::try_from(c.width().unwrap_or(1).max(1)).unwrap_or(1);
        let mut first = self.at;
        let mut room = area.width - 1;
        while first > 0 {
            let w = self.letters.get(first - 1).map_or(1, place);
            if w > room {
                break;
            }
            room -= w;
            first -= 1;
        }
        let before: u16 = self.letters.get(first..self.at).unwrap_or_default().iter().map(place).sum();
        let text: String = self.letters.iter().skip(first).collect();
        ui.clear(Rect { height: 1, ..area });
        ui.say(area.x, area.y, area.width, &display(&text), Role::Strong);
        ui.cursor = Some((area.x + before, area.y));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn editing_as_in_a_shell() {
        let mut input = TextInput::new("one two");
        input.act(Action::DeleteWord);
        assert_eq!(input.text(), "one ");
        input.paste("x\ny\u{1b}[31m\n");
        assert_eq!(input.text(), "one x y[31m");
        input.act(Action::CursorStart);
        input.act(Action::DeleteForward);
        input.act(Action::DeleteBack);
        assert_eq!(input.text(), "ne x y[31m");
        input.act(Action::CursorEnd);
        input.act(Action::DeleteLine);
        assert_eq!(input.text(), "");
        input.act(Action::CursorLeft);
        input.insert('ß');
        assert_eq!(input.text(), "ß");
        assert!(!input.act(Action::Quit));
    }
}
