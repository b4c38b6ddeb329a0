//! Columns that name rows or entities, and free text: a model learns them by heart.

use super::{Table, View};
use crate::data::Meaning;
use crate::data::finding::{Finding, Severity, figure, thousands};
use crate::error::Result;

fn identifiers<'a>(table: &'a Table<'_>) -> impl Iterator<Item = View<'a>> {
    table.features().filter(|c| c.spec.meaning == Meaning::Identifier && c.summary.distinct() > 1)
}

/// An identifier is no feature.
pub fn identifier(table: &Table<'_>) -> Result<Vec<Finding>> {
    Ok(identifiers(table)
        .map(|c| {
            let distinct = c.summary.distinct() as u64;
            let message = format!(
                "{} names {} ({} different values); a model would learn them by heart",
                c.name(),
                if distinct == c.summary.present() {
                    "every row"
                } else if c.summary.sketch.as_ref().is_some_and(|s| s.repeated == 0.0) {
                    "every row, or nearly every one"
                } else {
                    "entities"
                },
                thousands(distinct)
            );
            Finding::new("identifier", Severity::Note, message)
                .on(&c.spec.name)
                .with("distinct", distinct)
                .remedy("It is left out of the features by itself; keep it for joining and splitting")
        })
        .collect())
}

/// An entity that stands in several rows must stand on one side of the split.
pub fn repeated(table: &Table<'_>) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for c in identifiers(table) {
        let distinct = c.summary.distinct() as u64;
        let several = match &c.summary.sketch {
            Some(sketch) => (sketch.repeated * distinct as f64).round() as u64,
            None => c.summary.values.counts().iter().filter(|n| **n > 1).count() as u64,
        };
        let mean = c.summary.present() as f64 / distinct as f64;
        // A handful of repeated names among unique ones are duplicates, not entities that return.
        if several * 20 < distinct {
            continue;
        }
        let about = if c.summary.sketch.is_some() { "About " } else { "" };
        let message = format!(
            "{about}{} of {} values of {} appear in more than one row ({} rows each on average); rows split at random would let the model recognise them",
            thousands(several),
            thousands(distinct),
            c.name(),
            figure(mean)
        );
        findings.push(
            Finding::new("repeated-entity", Severity::Warning, message)
                .on(&c.spec.name)
                .with("entities", distinct)
                .with("repeated", several)
                .with("rows_per_entity", mean)
                .with("most_rows", c.summary.top_count())
                .remedy(format!("Split by group {}, so that all rows of one are in training or all in test", c.name())),
        );
    }
    Ok(findings)
}

/// Free text is not turned into features.
pub fn free_text(table: &Table<'_>) -> Result<Vec<Finding>> {
    let texts = table.features().filter(|c| c.spec.meaning == Meaning::Text);
    Ok(texts
        .map(|c| {
            Finding::new(
                "free-text",
                Severity::Note,
                format!("{} holds free text, from which no feature is made", c.name()),
            )
            .on(&c.spec.name)
            .with("distinct", c.summary.distinct())
            .remedy("Derive what matters (its length, whether a word occurs), or declare it a category if it is one")
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fires, silent, table};

    #[test]
    fn names_of_rows_and_entities_are_found() {
        let csv = table("customer_id,n", 200, |i| format!("{},{}", 1000 + i / 4, i % 9));
        fires("identifier", &csv, None, Some("customer_id"));
        let f = fires("repeated-entity", &csv, None, Some("customer_id"));
        assert_eq!(f.evidence, "entities 50, repeated 50, rows per entity 4, most rows 4");
        let unique = table("row_id,n", 200, |i| format!("{},{}", 1000 + i, i % 9));
        fires("identifier", &unique, None, Some("row_id"));
        silent("repeated-entity", &unique, None);
        silent("identifier", &table("a,n", 200, |i| format!("{},{}", i % 50, i % 9)), None);
    }

    #[test]
    fn prose_is_found() {
        let prose = table("remark,n", 200, |i| format!("the {i} th of many long remarks,{}", i % 9));
        fires("free-text", &prose, None, Some("remark"));
        silent("free-text", &table("c,n", 200, |i| format!("c{},{}", i % 5, i % 9)), None);
    }
}
