//! Untidy text: variants of one word, stray blanks, signs without words, and strange lengths.

use std::collections::BTreeMap;

use super::{Table, View};
use crate::data::finding::{Finding, Severity, counted, percent, thousands};
use crate::data::{Meaning, brief};
use crate::engine::Tally;
use crate::error::Result;

/// Columns with more distinct texts than this are not searched for variants.
const MOST_LEVELS: usize = 20_000;

fn texts<'a>(view: &View<'a>) -> Option<&'a Tally<String>> {
    view.summary.values.texts().filter(|t| t.distinct() > 0)
}

/// The text without what people vary by accident: case, blanks, dashes, underscores, a final full stop.
pub(in crate::data) fn bare(text: &str) -> String {
    let lower = text.trim().trim_end_matches('.').to_lowercase();
    lower
        .split(|c: char| c.is_whitespace() || c == '_' || c == '-')
        .filter(|w| !w.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// The same word in several writings.
pub fn variants(table: &Table<'_>) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for c in table.columns().filter(|c| c.spec.meaning == Meaning::Category) {
        let Some(tally) = texts(&c).filter(|t| t.distinct() <= MOST_LEVELS) else { continue };
        let mut groups: BTreeMap<String, Vec<(&str, u64)>> = BTreeMap::new();
        for (text, n) in tally.entries() {
            groups.entry(bare(text)).or_default().push((text, *n));
        }
        groups.retain(|key, group| group.len() > 1 && !key.is_empty());
        let Some(worst) = groups.values().max_by_key(|g| g.iter().map(|(_, n)| n).sum::<u64>()) else { continue };
        let most = worst.iter().max_by_key(|(_, n)| *n).map_or("", |(t, _)| *t);
        let shown: Vec<String> =
            worst.iter().take(4).map(|(t, n)| format!("`{}` ({})", brief(t, 24), thousands(*n))).collect();
        let message = format!(
            "{} writes {} of its values in several ways, such as {}",
            c.name(),
            groups.len(),
            shown.join(" and ")
        );
        findings.push(
            Finding::new("text-variants", Severity::Warning, message)
                .on(&c.spec.name)
                .with("groups", groups.len())
                .with(
                    "examples",
                    serde_json::json!(worst.iter().take(10).map(|(t, _)| brief(t, 60)).collect::<Vec<_>>()),
                )
                .remedy("Bring the writings to one, or the model sees different values")
                .rows(c.rows_with_text(|t| t != most && worst.iter().any(|(w, _)| *w == t))),
        );
    }
    Ok(findings)
}

/// The word before a number that was estimated from a sample of a column's texts.
fn about(view: &View<'_>) -> &'static str {
    if view.summary.sketch.is_some() { "about " } else { "" }
}

/// Blanks before or after a value.
pub fn stray_blanks(table: &Table<'_>) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for c in table.columns() {
        let Some(tally) = texts(&c) else { continue };
        let stray: Vec<&(String, u64)> = tally.entries().iter().filter(|(t, _)| t.trim() != t).collect();
        let Some((example, _)) = stray.iter().max_by_key(|(_, n)| n) else { continue };
        let rows: u64 = stray.iter().map(|(_, n)| n).sum();
        let message = format!(
            "{} has blanks around its values in {}{}, such as `{}`",
            c.name(),
            about(&c),
            counted(rows, "row"),
            brief(example, 24)
        );
        findings.push(
            Finding::new("stray-blanks", Severity::Note, message)
                .on(&c.spec.name)
                .with("rows", rows)
                .with("example", brief(example, 60))
                .remedy("Harmless while every source writes them; trim them where the file is made, and in what is scored later")
                .rows(c.rows_with_text(|t| t.trim() != t)),
        );
    }
    Ok(findings)
}

/// Values that consist of signs only (the gate of a thousandth is Deepchecks').
pub fn special(table: &Table<'_>) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for c in table.columns() {
        let Some(tally) = texts(&c) else { continue };
        let odd: Vec<&(String, u64)> =
            tally.entries().iter().filter(|(t, _)| !t.is_empty() && !t.chars().any(char::is_alphanumeric)).collect();
        let rows: u64 = odd.iter().map(|(_, n)| n).sum();
        let share = rows as f64 / c.summary.present() as f64;
        if share <= 0.001 {
            continue;
        }
        let shown: Vec<String> = odd.iter().take(4).map(|(t, _)| format!("`{}`", brief(t, 12))).collect();
        let message =
            format!("{} holds nothing but signs in {} of its values: {}", c.name(), percent(share), shown.join(", "));
        findings.push(
            Finding::new("special-characters", Severity::Note, message)
                .on(&c.spec.name)
                .with("rows", rows)
                .with("share", share)
                .remedy("If they mean that there is no value, name them as spellings of \"missing\" when loading")
                .rows(c.rows_with_text(|t| !t.is_empty() && !t.chars().any(char::is_alphanumeric))),
        );
    }
    Ok(findings)
}

/// Characters that stand for no character, controls, and UTF-8 that was read as Windows-1252 or Latin-1 (`Ã©` for `é`).
pub(in crate::data) fn garbled(text: &str) -> bool {
    // The second and third bytes of UTF-8 as Windows-1252 shows them.
    let continues = |c: char| matches!(c, '\u{80}'..='\u{BF}') || "€‚ƒ„…†‡ˆ‰Š‹Œ‘’“”•–—˜™š›œžŸŽ".contains(c);
    let mut before = ' ';
    text.chars().any(|c| {
        let odd = c == '\u{FFFD}'
            || (c.is_control() && !matches!(c, '\t' | '\n' | '\r'))
            || (matches!(before, 'Â' | 'Ã' | 'â' | 'Ä' | 'Å') && continues(c));
        before = c;
        odd
    })
}

/// Texts whose characters were lost or doubled by a wrong encoding.
pub fn broken(table: &Table<'_>) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for c in table.columns() {
        let Some(tally) = texts(&c) else { continue };
        let odd: Vec<&(String, u64)> = tally.entries().iter().filter(|(t, _)| garbled(t)).collect();
        let Some((example, _)) = odd.iter().max_by_key(|(_, n)| n) else { continue };
        let rows: u64 = odd.iter().map(|(_, n)| n).sum();
        let message = format!(
            "{} has broken characters in {}{}, such as `{}`: text was read in a wrong encoding",
            c.name(),
            about(&c),
            counted(rows, "row"),
            brief(example, 24)
        );
        findings.push(
            Finding::new("broken-characters", Severity::Warning, message)
                .on(&c.spec.name)
                .with("rows", rows)
                .with("share", rows as f64 / c.summary.present() as f64)
                .with("example", brief(example, 60))
                .remedy("Export again as UTF-8; whole and broken writings of one word count as two values")
                .rows(c.rows_with_text(garbled)),
        );
    }
    Ok(findings)
}

/// Texts that are far shorter or longer than the others: outside four times the spread of the inner 94 % (Deepchecks' rule).
pub fn length(table: &Table<'_>) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for c in table.columns() {
        let Some(tally) = texts(&c).filter(|t| t.distinct() > 20) else { continue };
        let counts = tally.entries().iter().map(|(t, n)| (t.chars().count(), *n));
        let mut by_length: BTreeMap<usize, u64> = BTreeMap::new();
        for (length, n) in counts {
            *by_length.entry(length).or_default() += n;
        }
        let lengths = Tally::from_counts(by_length.into_iter().map(|(l, n)| (l as f64, n)).collect());
        let [low, high] = lengths.quantiles(&[0.03, 0.97])[..] else { continue };
        let spread = (high - low).max(1.0) * 4.0;
        let far = |l: f64| l < low - spread || l > high + spread;
        let rows: u64 = lengths.entries().iter().filter(|(l, _)| far(*l)).map(|(_, n)| n).sum();
        let Some((longest, _)) = lengths.entries().iter().rev().find(|(l, _)| far(*l)) else { continue };
        let message = format!(
            "{} has {}{} of a strange length: up to {longest} characters where most have {low} to {high}",
            c.name(),
            about(&c),
            counted(rows, "value")
        );
        findings.push(
            Finding::new("text-length", Severity::Note, message)
                .on(&c.spec.name)
                .with("rows", rows)
                .with("longest", *longest)
                .with("usual_low", low)
                .with("usual_high", high)
                .remedy("Look at them: a lost quote or delimiter may have glued cells together")
                .rows(c.rows_with_text(|t| far(t.chars().count() as f64))),
        );
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fires, silent, table};

    #[test]
    fn variants_of_a_word_are_found() {
        let csv = table("c,n", 40, |i| format!("{},{i}", ["New York", "new-york", "Boston", "Paris"][i % 4]));
        let f = fires("text-variants", &csv, None, Some("c"));
        assert!(f.evidence.contains("groups 1"), "{f:?}");
        silent("text-variants", &table("c,n", 40, |i| format!("{},{i}", ["A1", "A2", "B"][i % 3])), None);
    }

    #[test]
    fn stray_blanks_are_found() {
        fires("stray-blanks", &table("c,n", 20, |i| format!("{},{i}", ["WD ", "New"][i % 2])), None, Some("c"));
        silent("stray-blanks", &table("c,n", 20, |i| format!("{},{i}", ["WD", "New"][i % 2])), None);
    }

    #[test]
    fn signs_without_words_are_found() {
        fires("special-characters", &table("c,n", 20, |i| format!("{},{i}", ["???", "New"][i % 2])), None, Some("c"));
        silent("special-characters", &table("c,n", 20, |i| format!("{},{i}", ["C++", "C#"][i % 2])), None);
    }

    #[test]
    fn broken_characters_are_found() {
        let csv = |odd: &str| {
            table("c,n", 40, |i| format!("{},{i}", if i == 7 { odd } else { ["Zürich", "São Paulo"][i % 2] }))
        };
        let f = fires("broken-characters", &csv("ZÃ¼rich"), None, Some("c"));
        assert_eq!(f.rows, [8]);
        fires("broken-characters", &csv("Z\u{FFFD}rich"), None, Some("c"));
        fires("broken-characters", &csv("donâ€™t"), None, Some("c"));
        silent("broken-characters", &csv("SÃO PAULO Âge Ärger"), None);
    }

    #[test]
    fn glued_cells_are_found_by_their_length() {
        let long = "x".repeat(300);
        let csv =
            table("c,n", 200, |i| format!("{},{i}", if i == 9 { long.clone() } else { format!("word{}", i % 60) }));
        fires("text-length", &csv, None, Some("c"));
        silent("text-length", &table("c,n", 200, |i| format!("word{},{i}", i % 60)), None);
    }
}
