//! Finding a dataset by words.

use serde::Serialize;

use super::{Entry, list};
use crate::error::Result;
use crate::flow::workshop::Workshop;

/// A dataset that was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hit {
    /// How well it fits; more is better.
    pub score: u32,
    /// Where the words were found, the strongest first: `name`, `tag weekly`, `column customer_id`.
    pub found: Vec<String>,
    /// The dataset.
    pub dataset: Entry,
}

/// The lower-case words of a text, split at everything that is no letter or digit.
fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_lowercase).collect()
}

/// How well one word fits a text: 3 for a whole word, 2 for its beginning, 1 for anywhere, 0 for nowhere.
fn fit(word: &str, text: &str) -> u32 {
    let words = words(text);
    if words.iter().any(|w| w == word) {
        3
    } else if words.iter().any(|w| w.starts_with(word)) {
        2
    } else {
        u32::from(text.to_lowercase().contains(word))
    }
}

/// Everything in an entry that can be found, with its weight: the name counts most, then tags, then what people wrote, then
/// columns and places.
fn places(entry: &Entry) -> Vec<(u32, String, &str)> {
    let mut places = vec![(20, "name".to_owned(), entry.name.as_str())];
    places.extend(entry.tags.iter().map(|t| (12, format!("tag {t}"), t.as_str())));
    places.push((8, "description".to_owned(), &entry.description));
    places.push((8, format!("owner {}", entry.owner), &entry.owner));
    if let Some(sensitivity) = entry.sensitivity {
        places.push((6, "sensitivity".to_owned(), sensitivity.name()));
    }
    if let Some(newest) = entry.newest() {
        places.extend(newest.columns.iter().map(|c| (6, format!("column {}", c.name), c.name.as_str())));
    }
    // A column that only an older version had still leads to the dataset.
    let old = entry.versions.iter().rev().skip(1).flat_map(|v| &v.columns);
    places.extend(old.map(|c| (2, format!("column {} (an older version)", c.name), c.name.as_str())));
    // As people wrote them: the folders above say nothing about the data.
    places.extend(entry.versions.iter().map(|v| (4, format!("source {}", v.source), v.source.as_str())));
    places
}

fn judge(entry: Entry, wanted: &[String]) -> Option<Hit> {
    let mut found: Vec<(u32, String)> = Vec::new();
    let mut score = 0;
    let places = places(&entry);
    for word in wanted {
        // Every word must be somewhere; its best place counts.
        let best = places
            .iter()
            .map(|(weight, place, text)| (weight * fit(word, text), place))
            .filter(|(score, _)| *score > 0)
            .max_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(a.1)))?;
        score += best.0;
        if !found.iter().any(|(_, place)| place == best.1) {
            found.push((best.0, best.1.clone()));
        }
    }
    found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    Some(Hit { score, found: found.into_iter().map(|(_, place)| place).collect(), dataset: entry })
}

/// Datasets in which all words are found (in the name, tags, description, owner, columns or sources), the best first. No
/// words find everything.
///
/// # Errors
/// When the workspace cannot be read.
pub fn search(shop: &Workshop, query: &str) -> Result<Vec<Hit>> {
    let wanted = words(query);
    let mut hits: Vec<Hit> = list(shop)?.into_iter().filter_map(|entry| judge(entry, &wanted)).collect();
    hits.sort_by(|a, b| b.score.cmp(&a.score).then_with(|| a.dataset.name.cmp(&b.dataset.name)));
    Ok(hits)
}

#[cfg(test)]
mod tests {
    use super::super::{CatalogColumn, Version};
    use super::*;
    use crate::data::{Meaning, Physical};

    fn entry(name: &str, tags: &[&str], description: &str, columns: &[&str]) -> Entry {
        let columns = columns
            .iter()
            .map(|c| CatalogColumn { name: (*c).into(), physical: Physical::Float, meaning: Meaning::Number })
            .collect();
        Entry {
            id: 0,
            name: name.into(),
            owner: String::new(),
            description: description.into(),
            tags: tags.iter().map(|t| (*t).to_owned()).collect(),
            sensitivity: None,
            sources: Vec::new(),
            versions: vec![Version {
                number: 1,
                fingerprint: "f".into(),
                source: format!("data/{name}.csv"),
                rows: 1,
                bytes: None,
                columns,
                profile: None,
                distribution: None,
                first_seen_ms: 0,
                last_seen_ms: 0,
            }],
            created_ms: 0,
            updated_ms: 0,
        }
    }

    fn order(query: &str) -> Vec<String> {
        let entries = [
            entry("customers", &[], "who buys", &["customer_id", "country"]),
            entry("orders", &["sales"], "what customers bought", &["order_id", "customer_id"]),
            entry("weather", &["Sales"], "", &["rain"]),
        ];
        let mut hits: Vec<Hit> = entries.into_iter().filter_map(|e| judge(e, &words(query))).collect();
        hits.sort_by_key(|h| std::cmp::Reverse(h.score));
        hits.into_iter().map(|h| h.dataset.name).collect()
    }

    #[test]
    fn a_name_weighs_more_than_a_column() {
        assert_eq!(order("customers"), ["customers", "orders"]);
        assert_eq!(order("Customer ID"), ["customers", "orders"]);
        assert_eq!(order("customer"), ["customers", "orders"]);
        assert_eq!(order("rain"), ["weather"]);
    }

    #[test]
    fn every_word_must_be_found_and_capitals_do_not_matter() {
        assert_eq!(order("SALES rain"), ["weather"]);
        assert!(order("sales moon").is_empty());
        assert_eq!(order("").len(), 3);
    }
}
