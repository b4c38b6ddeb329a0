//! The column to predict: is it there, does it vary, is every class frequent enough.

use super::table::codes;
use super::{Table, TargetKind, View};
use crate::data::brief;
use crate::data::finding::{Finding, Severity, counted, percent, thousands};
use crate::data::profile::{Cell, cell};
use crate::engine::Values;
use crate::error::Result;

/// Rarest over most frequent class below which classes are unbalanced (Deepchecks' gate), and badly so.
const UNBALANCED: f64 = 0.1;
const BADLY: f64 = 0.01;

/// Fewer rows than this of a class cannot be split and validated.
const FEWEST: u64 = 20;

/// Classes with their counts, most frequent first.
pub fn classes(view: &View<'_>) -> Vec<(String, u64)> {
    match &view.summary.values {
        Values::Texts(t) => t.top(usize::MAX).into_iter().map(|(v, n)| (brief(&v, 40), n)).collect(),
        Values::Numbers(t) => t
            .top(usize::MAX)
            .into_iter()
            .map(|(v, n)| match cell(view.spec.physical, v) {
                Cell::Number(v) => (v.to_string(), n),
                Cell::Text(t) => (t, n),
            })
            .collect(),
    }
}

fn class_target<'a>(table: &'a Table<'_>) -> Option<View<'a>> {
    table.target().filter(|t| table.target_kind() == Some(TargetKind::Classes) && t.summary.present() > 0)
}

/// Rows without the target's value cannot be learned from.
pub fn missing(table: &Table<'_>) -> Result<Vec<Finding>> {
    let Some(target) = table.target().filter(|t| t.summary.missing + t.summary.infinite > 0) else {
        return Ok(Vec::new());
    };
    let missing = target.summary.missing + target.summary.infinite;
    let share = missing as f64 / target.summary.rows.max(1) as f64;
    let severity = match share {
        s if s >= 1.0 => Severity::Blocking,
        s if s > 0.2 => Severity::Serious,
        _ => Severity::Warning,
    };
    let message =
        format!("The target {} has no value in {} ({})", target.name(), counted(missing, "row"), percent(share));
    Ok(vec![
        Finding::new("target-missing", severity, message)
            .on(&target.spec.name)
            .with("missing", missing)
            .with("share", share)
            .remedy("These rows are left out of training; make sure that absence does not depend on the answer")
            .rows(target.rows_missing()),
    ])
}

/// A target with one value leaves nothing to predict.
pub fn one_class(table: &Table<'_>) -> Result<Vec<Finding>> {
    let Some(target) = table.target().filter(|t| t.summary.distinct() == 1) else { return Ok(Vec::new()) };
    Ok(vec![
        Finding::new(
            "target-one-class",
            Severity::Blocking,
            format!("The target {} has only one value", target.name()),
        )
        .on(&target.spec.name)
        .with("rows", target.summary.present())
        .remedy("Load rows with the other outcome too; a filter in the export may have removed them"),
    ])
}

/// A target that is a date, a name or free text.
pub fn unusable(table: &Table<'_>) -> Result<Vec<Finding>> {
    let Some(target) = table.target() else { return Ok(Vec::new()) };
    let distinct = target.summary.distinct() as u64;
    let many =
        table.target_kind() == Some(TargetKind::Classes) && distinct > 100 && distinct * 20 > target.summary.present();
    let (message, remedy) = if target.is_date() {
        ("is a date, which no model here predicts", "Derive a number from it, for example the days until it")
    } else if many {
        (
            "has almost as many classes as rows",
            "Choose another target, or group its values; a number read as text may be the cause",
        )
    } else {
        return Ok(Vec::new());
    };
    Ok(vec![
        Finding::new("target-unusable", Severity::Blocking, format!("The target {} {message}", target.name()))
            .on(&target.spec.name)
            .with("distinct", distinct)
            .remedy(remedy),
    ])
}

/// Some class is much rarer than another.
pub fn imbalance(table: &Table<'_>) -> Result<Vec<Finding>> {
    let Some(target) = class_target(table) else { return Ok(Vec::new()) };
    let classes = classes(&target);
    let (Some((most, n_most)), Some((least, n_least))) = (classes.first(), classes.last()) else {
        return Ok(Vec::new());
    };
    let ratio = *n_least as f64 / *n_most as f64;
    if classes.len() < 2 || ratio >= UNBALANCED {
        return Ok(Vec::new());
    }
    let severity = if ratio < BADLY { Severity::Serious } else { Severity::Warning };
    let message = format!(
        "The classes of {} are unbalanced: {} rows are `{most}`, {} are `{least}`",
        target.name(),
        thousands(*n_most),
        thousands(*n_least)
    );
    Ok(vec![
        Finding::new("class-imbalance", severity, message)
            .on(&target.spec.name)
            .with("ratio", ratio)
            .with("rarest", *n_least)
            .with("most_frequent", *n_most)
            .remedy("Judge by AUC, average precision or recall of the rare class, not by accuracy; split stratified"),
    ])
}

/// A class with too few rows to learn and to judge it.
pub fn rare_class(table: &Table<'_>) -> Result<Vec<Finding>> {
    let Some(target) = class_target(table) else { return Ok(Vec::new()) };
    let classes = classes(&target);
    let rare: Vec<&(String, u64)> = classes.iter().filter(|(_, n)| *n < FEWEST).collect();
    let Some((name, n)) = rare.last().filter(|_| classes.len() > 1) else { return Ok(Vec::new()) };
    let codes = codes(&target)?;
    let mut counts = vec![0u64; target.summary.distinct()];
    for code in &codes {
        if let Some(count) = counts.get_mut(*code as usize) {
            *count += 1;
        }
    }
    let is_rare = |code: &u32| counts.get(*code as usize).is_some_and(|n| *n < FEWEST);
    let rows = codes.iter().enumerate().filter(|(_, code)| is_rare(code)).map(|(row, _)| row);
    let others =
        if rare.len() > 1 { format!(", and {} more classes are as rare", rare.len() - 1) } else { String::new() };
    let message = format!("The class `{name}` of {} has only {}{others}", target.name(), counted(*n, "row"));
    Ok(vec![
        Finding::new("rare-class", Severity::Serious, message)
            .on(&target.spec.name)
            .with("rarest", *n)
            .with("classes", rare.len())
            .remedy("Collect more of them, join rare classes into one, or leave these rows out")
            .rows(rows),
    ])
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fires, silent, table};

    #[test]
    fn targets_that_cannot_be_learned_are_found() {
        let csv = table("x,y", 60, |i| format!("{},{}", i % 7, if i < 30 { "" } else { "yes" }));
        fires("target-missing", &csv, Some("y"), Some("y"));
        fires("target-one-class", &csv, Some("y"), Some("y"));
        fires(
            "target-unusable",
            &table("x,y", 60, |i| format!("{},2020-01-{:02}", i % 7, i % 28 + 1)),
            Some("y"),
            Some("y"),
        );
    }

    #[test]
    fn rare_classes_are_found() {
        let csv = table("x,y", 400, |i| format!("{},{}", i % 7, if i % 40 == 0 { "yes" } else { "no" }));
        let f = fires("class-imbalance", &csv, Some("y"), Some("y"));
        assert!(f.evidence.contains("rarest 10"), "{f:?}");
        fires("rare-class", &csv, Some("y"), Some("y"));
    }

    #[test]
    fn a_good_target_is_left_alone() {
        let csv = table("x,y", 100, |i| format!("{},{}", i % 7, ["yes", "no"][i % 2]));
        for check in ["target-missing", "target-one-class", "target-unusable", "class-imbalance", "rare-class"] {
            silent(check, &csv, Some("y"));
            silent(check, &csv, None);
        }
    }
}
