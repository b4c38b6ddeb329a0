//! Text from data made harmless for a terminal.

use std::borrow::Cow;

/// Replaces characters that could steer a terminal or deceive the reader by visible pictures.
///
/// Control characters become their Unicode pictures (`␛` for escape, `␊` for a line feed); the second set of controls,
/// line separators, marks that reverse the writing direction and invisible characters become `�`.
/// Everything else, in any script, stays as it is.
#[must_use]
pub fn display(text: &str) -> Cow<'_, str> {
    if text.chars().any(|c| picture(c).is_some()) {
        Cow::Owned(text.chars().map(|c| picture(c).unwrap_or(c)).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// [`display`], cut to at most `width` characters with an ellipsis, for messages.
#[must_use]
pub fn brief(text: &str, width: usize) -> String {
    let shown = display(text);
    if shown.chars().count() <= width {
        return shown.into_owned();
    }
    let mut cut: String = shown.chars().take(width.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// JSON in which those characters stand as escapes (`\\u009b`), wherever a text of the data holds them. It says the same to a
/// program, and is harmless on a terminal.
#[must_use]
pub fn harmless_json(json: &str) -> Cow<'_, str> {
    let steers = |c: char| c > '\u{1f}' && picture(c).is_some();
    if !json.chars().any(steers) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 64);
    for c in json.chars() {
        if steers(c) {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

fn picture(c: char) -> Option<char> {
    match c {
        '\0'..='\u{1f}' => char::from_u32(0x2400 + c as u32),
        '\u{7f}' => Some('\u{2421}'),
        '\u{80}'..='\u{9f}'
        | '\u{ad}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => Some('\u{fffd}'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes_become_pictures_and_words_stay() {
        assert_eq!(display("\u{1b}[31mred\u{7}\n"), "␛[31mred␇␊");
        assert_eq!(display("a\u{202e}b\u{9b}c"), "a\u{fffd}b\u{fffd}c");
        assert!(matches!(display("Zürich 東京 🚕"), Cow::Borrowed(_)));
        assert_eq!(brief("abcdef", 4), "abc…");
    }

    #[test]
    fn json_says_the_same_without_characters_that_steer() {
        let text = "\u{1b}[2J \u{9b}2J \u{202e}gpj \u{e0041} é";
        let json = serde_json::to_string_pretty(&serde_json::json!({ text: [text] })).unwrap();
        assert!(json.contains('\u{9b}'), "serde_json leaves it to us");
        let safe = harmless_json(&json);
        assert!(!safe.chars().any(|c| c != '\n' && picture(c).is_some()), "{safe}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).unwrap()[text][0], text);
        assert!(matches!(harmless_json("{\"a\": \"é\"}\n"), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn nothing_that_comes_out_is_a_control(text in any::<String>()) {
            prop_assert!(!display(&text).chars().any(char::is_control));
        }
    }
}
