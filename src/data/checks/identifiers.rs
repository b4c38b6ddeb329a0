//! Columns that name rows or entities, and free text: a model learns them by heart.

use super::association::{auc, bins, pearson, predict_by_bin};
use super::table::{MISSING, codes};
use super::{Table, TargetKind, View};
use crate::data::finding::{Finding, Severity, figure, thousands};
use crate::data::{Meaning, column};
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
                .remedy(format!("Split by group {}, so that all rows of one are in training or all in test", c.name()))
                // The entity with most rows, as an example.
                .rows(c.rows_with_top(true)?),
        );
    }
    Ok(findings)
}

/// How well an identifier may tell the target alone, as an area under the curve or a correlation: chance and a mild order in
/// time stay below.
const TELLS_AUC: f64 = 0.7;
const TELLS_CORRELATION: f64 = 0.5;

/// Rows from which such a score means something.
const FEWEST: usize = 200;

/// An identifier that tells the target: by the other rows of the same entity (their mean answer, the row itself left
/// out), or, where every row has its own, by the order in which identifiers were given.
pub fn tells_target(table: &Table<'_>) -> Result<Vec<Finding>> {
    let (Some(target), Some(kind)) = (table.target(), table.target_kind()) else { return Ok(Vec::new()) };
    if target.summary.distinct() < 2 || target.is_date() {
        return Ok(Vec::new());
    }
    let answers = answers(&target, kind)?;
    let mut findings = Vec::new();
    for c in identifiers(table) {
        table.control.check()?;
        let codes = codes(&c)?;
        let repeats = c.summary.distinct() as u64 * 20 < c.summary.present() * 19;
        let (scores, known): (Vec<f64>, Vec<f64>) = if repeats {
            others_of_entity(&codes, &answers, c.summary.distinct())
        } else {
            let places: Vec<f64> =
                codes.iter().map(|code| if *code == MISSING { f64::NAN } else { f64::from(*code) }).collect();
            let (places, known): (Vec<f64>, Vec<f64>) =
                places.iter().zip(&answers).filter(|(p, a)| !p.is_nan() && !a.is_nan()).unzip();
            (predict_by_bin(&bins(&places, 64), &known), known)
        };
        if known.len() < FEWEST {
            continue;
        }
        let (score, bound, measure) = if kind == TargetKind::Classes {
            let yes: Vec<bool> = known.iter().map(|a| *a > 0.5).collect();
            (auc(&scores, &yes).unwrap_or(0.5), TELLS_AUC, "AUC")
        } else {
            (pearson(&scores, &known).unwrap_or(0.0), TELLS_CORRELATION, "correlation")
        };
        if score <= bound {
            continue;
        }
        let (message, remedy) = if repeats {
            (
                format!(
                    "{} leaks {}: the other rows of the same one alone tell it with {} {}",
                    c.name(),
                    target.name(),
                    if measure == "AUC" { "an AUC of" } else { "a correlation of" },
                    figure(score)
                ),
                format!("Split by group {}: otherwise test rows are recognised by their twins in training", c.name()),
            )
        } else {
            (
                format!("the order of {} alone tells {} ({measure} {})", c.name(), target.name(), figure(score)),
                "It was given out in the order of the target, or of time: leave it out, and ask how the rows were gathered"
                    .to_owned(),
            )
        };
        findings.push(
            Finding::new("identifier-label", Severity::Warning, message)
                .on(&c.spec.name)
                .with("measure", measure)
                .with("score", score)
                .with("rows", known.len())
                .remedy(remedy),
        );
    }
    Ok(findings)
}

/// The target as numbers: itself, or whether it is the most frequent class; missing as NaN.
fn answers(target: &View<'_>, kind: TargetKind) -> Result<Vec<f64>> {
    if kind == TargetKind::Number {
        return column::numbers(target.column);
    }
    let counts = target.summary.values.counts();
    let most = counts.iter().enumerate().max_by_key(|(_, n)| **n).map_or(0, |(i, _)| i as u32);
    let answer = |code: u32| if code == MISSING { f64::NAN } else { f64::from(u8::from(code == most)) };
    Ok(codes(target)?.into_iter().map(answer).collect())
}

/// For each row whose entity has others: the mean answer of those, and the row's own.
fn others_of_entity(codes: &[u32], answers: &[f64], entities: usize) -> (Vec<f64>, Vec<f64>) {
    let mut sums = vec![(0.0, 0.0); entities];
    let rows = || codes.iter().zip(answers).filter(|(code, answer)| **code != MISSING && !answer.is_nan());
    for (code, answer) in rows() {
        if let Some((n, sum)) = sums.get_mut(*code as usize) {
            *n += 1.0;
            *sum += answer;
        }
    }
    rows()
        .filter_map(|(code, answer)| {
            let (n, sum) = sums.get(*code as usize).copied()?;
            (n > 1.0).then(|| ((sum - answer) / (n - 1.0), *answer))
        })
        .unzip()
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
    use super::super::testing::{fires, noise, silent, table};

    #[test]
    fn names_of_rows_and_entities_are_found() {
        let csv = table("customer_id,n", 200, |i| format!("{},{}", 1000 + i / 4, i % 9));
        fires("identifier", &csv, None, Some("customer_id"));
        let f = fires("repeated-entity", &csv, None, Some("customer_id"));
        assert_eq!(f.evidence, "entities 50, repeated 50, rows per entity 4, most rows 4");
        assert_eq!(f.rows, [1, 2, 3, 4]);
        let unique = table("row_id,n", 200, |i| format!("{},{}", 1000 + i, i % 9));
        fires("identifier", &unique, None, Some("row_id"));
        silent("repeated-entity", &unique, None);
        silent("identifier", &table("a,n", 200, |i| format!("{},{}", i % 50, i % 9)), None);
    }

    #[test]
    fn identifiers_that_tell_the_target_are_found() {
        // Customers of five rows each, who mostly answer alike.
        let alike = |same: usize| {
            table("customer_id,x,y", 1000, |i| {
                let of = if noise(i, 5, 10) < same { i / 5 } else { 1000 + i };
                format!("{},{},{}", 5000 + i / 5, noise(i, 1, 90), ["no", "yes"][noise(of, 2, 2)])
            })
        };
        let f = fires("identifier-label", &alike(9), Some("y"), Some("customer_id"));
        assert!(f.evidence.starts_with("measure AUC, score 0."), "{f:?}");
        silent("identifier-label", &alike(2), Some("y"));
        // Numbers given in the order of the answer.
        let ordered = |sorted: bool| {
            table("row_id,x,y", 600, |i| {
                let yes = if sorted { i >= 300 } else { noise(i, 2, 2) == 1 };
                format!("{},{},{}", 9000 + 3 * i, noise(i, 1, 90), if yes { "yes" } else { "no" })
            })
        };
        fires("identifier-label", &ordered(true), Some("y"), Some("row_id"));
        silent("identifier-label", &ordered(false), Some("y"));
        silent("identifier-label", &ordered(true), None);
    }

    #[test]
    fn prose_is_found() {
        let prose = table("remark,n", 200, |i| format!("the {i} th of many long remarks,{}", i % 9));
        fires("free-text", &prose, None, Some("remark"));
        silent("free-text", &table("c,n", 200, |i| format!("c{},{}", i % 5, i % 9)), None);
    }
}
