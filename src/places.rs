//! Texts in the places of a terminal: how many they take, cut, and broken into lines.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The number of places a text takes.
#[must_use]
pub fn width(text: &str) -> u16 {
    u16::try_from(text.width()).unwrap_or(u16::MAX)
}

/// A text cut to `most` places, ending in `cut` when something is missing.
#[must_use]
pub fn fit(text: &str, most: u16, cut: &str) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let room = most.saturating_sub(width(cut));
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let w = u16::try_from(c.width().unwrap_or(0)).unwrap_or(0);
        if used + w > room {
            break;
        }
        used += w;
        out.push(c);
    }
    if most > 0 {
        out.push_str(cut);
    }
    out
}

/// A text broken into lines of at most `most` places, at blanks where it can be.
#[must_use]
pub fn wrap(text: &str, most: u16) -> Vec<String> {
    let most = most.max(1);
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            let mut word = word.to_owned();
            if !line.is_empty() && width(&line) + 1 + width(&word) > most {
                lines.push(std::mem::take(&mut line));
            }
            while width(&word) > most {
                let mut head = String::new();
                while let Some(c) = word.chars().next() {
                    if width(&head) + u16::try_from(c.width().unwrap_or(0)).unwrap_or(0) > most {
                        break;
                    }
                    head.push(c);
                    word.remove(0);
                }
                if head.is_empty() {
                    // A character wider than the line: it cannot be shown.
                    word.remove(0);
                    continue;
                }
                if !line.is_empty() {
                    lines.push(std::mem::take(&mut line));
                }
                lines.push(head);
            }
            if word.is_empty() {
                continue;
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&word);
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_and_wrapped_by_places_not_by_letters() {
        assert_eq!(fit("東京タワー", 5, "…"), "東京…");
        assert_eq!(fit("abc", 3, "…"), "abc");
        assert_eq!(fit("abcd", 3, "…"), "ab…");
        assert_eq!(fit("abcd", 0, "…"), "");
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh i", 3), ["abc", "def", "gh", "i"]);
        assert_eq!(wrap("東京", 1), [""]);
        assert_eq!(wrap("a\nb", 9), ["a", "b"]);
    }
}
