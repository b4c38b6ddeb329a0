//! JSON values as YAML in block style.
//!
//! A small subset on purpose: mappings, sequences, and scalars that every reader of YAML 1.1 and 1.2 takes for what they
//! are. Texts that could be taken for something else are quoted; quoted texts use JSON's escapes, which YAML shares.

use serde_json::Value;

/// A value as a YAML document.
pub(super) fn document(value: &Value) -> String {
    let mut out = String::new();
    block(&mut out, value, 0, false);
    out
}

/// Writes a value whose first line stands at `indent`; `inline` says that something stands before it on that line.
fn block(out: &mut String, value: &Value, indent: usize, inline: bool) {
    let pad = |out: &mut String| out.push_str(&"  ".repeat(indent));
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (i, (key, value)) in map.iter().enumerate() {
                if i > 0 || !inline {
                    pad(out);
                }
                out.push_str(&scalar(key));
                out.push(':');
                beneath(out, value, indent);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (i, item) in items.iter().enumerate() {
                if i > 0 || !inline {
                    pad(out);
                }
                out.push_str("- ");
                block(out, item, indent + 1, true);
            }
        }
        other => {
            if !inline {
                pad(out);
            }
            out.push_str(&leaf(other));
            out.push('\n');
        }
    }
}

/// Writes what belongs to a key: on its line, or below it.
fn beneath(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            out.push('\n');
            block(out, value, indent + 1, false);
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            block(out, value, indent + 1, false);
        }
        other => {
            out.push(' ');
            out.push_str(&leaf(other));
            out.push('\n');
        }
    }
}

fn leaf(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(b) => b.to_string(),
        Value::Number(n) => number(&n.to_string()),
        Value::String(text) => scalar(text),
        Value::Array(_) => "[]".to_owned(),
        Value::Object(_) => "{}".to_owned(),
    }
}

/// YAML 1.1 takes `1e21` for a text: it wants a point and a sign.
fn number(text: &str) -> String {
    let Some((mantissa, exponent)) = text.split_once('e') else { return text.to_owned() };
    let point = if mantissa.contains('.') { "" } else { ".0" };
    let sign = if exponent.starts_with(['-', '+']) { "" } else { "+" };
    format!("{mantissa}{point}e{sign}{exponent}")
}

/// A text, in quotes unless it is a plain word.
fn scalar(text: &str) -> String {
    let word = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./ ".contains(c))
        && !text.ends_with(' ');
    let lower = text.to_ascii_lowercase();
    let taken = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"].contains(&lower.as_str());
    if word && !taken {
        return text.to_owned();
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // What YAML does not take as it is: controls, the byte order mark, line separators, non-characters.
            '\0'..='\u{1f}' | '\u{7f}'..='\u{a0}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                out.push_str(&format!("\\u{:04x}", c as u32));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_document_reads_as_expected() {
        let text = document(&json!({
            "name": "a b", "on": true, "n": [1, 2.5, 1e21], "empty": [], "none": null,
            "list": [{"x": 1, "y": ["p", "no"]}, {"z": {}}],
        }));
        let expected = "name: a b\n\"on\": true\n\"n\":\n  - 1\n  - 2.5\n  - 1.0e+21\nempty: []\nnone: null\nlist:\n  \
                        - x: 1\n    \"y\":\n      - p\n      - \"no\"\n  - z: {}\n";
        assert_eq!(text, expected);
        assert_eq!(scalar("^[A-Z]\\d \"q\"\u{1b}"), "\"^[A-Z]\\\\d \\\"q\\\"\\u001b\"");
    }
}
