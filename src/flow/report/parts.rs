//! Words and figures that the page and the Markdown share.

use crate::data::{Cell, ColumnProfile, FeasibilityVerdict, Profile, brief, figure, percent, thousands};

/// A value, short.
pub(super) fn cell(value: &Cell) -> String {
    match value {
        Cell::Number(v) => figure(*v),
        Cell::Text(text) if text.is_empty() => "(empty)".into(),
        Cell::Text(text) => brief(text, 48),
    }
}

/// The verdict as a headline.
pub(super) fn verdict(verdict: FeasibilityVerdict) -> &'static str {
    match verdict {
        FeasibilityVerdict::Go => "Go",
        FeasibilityVerdict::Care => "Go, with care",
        FeasibilityVerdict::NotYet => "Not yet",
    }
}

/// The facts of a column as name and value, the most telling first.
pub(super) fn facts(profile: &Profile, column: &ColumnProfile) -> Vec<(&'static str, String)> {
    let share = column.missing as f64 / profile.rows.max(1) as f64;
    let mut facts = vec![("distinct", thousands(column.distinct))];
    let missing = if column.missing == 0 {
        "none".to_owned()
    } else {
        format!("{} ({})", thousands(column.missing), percent(share))
    };
    facts.push(("missing", missing));
    let number = |v: Option<f64>| v.map(figure);
    for (name, value) in [
        ("mean", number(column.mean)),
        ("std", number(column.std)),
        ("min", column.min.as_ref().map(cell)),
        ("median", column.quantiles.get("0.5").map(cell)),
        ("max", column.max.as_ref().map(cell)),
        ("skewness", number(column.skewness)),
        ("zeros", column.zeros.filter(|n| *n > 0).map(thousands)),
        ("negative", column.negative.filter(|n| *n > 0).map(thousands)),
        ("infinite", Some(column.infinite).filter(|n| *n > 0).map(thousands)),
        ("written as", column.format.clone()),
    ] {
        facts.extend(value.map(|v| (name, v)));
    }
    if !column.missing_spellings.is_empty() {
        let spellings: Vec<String> = column
            .missing_spellings
            .iter()
            .take(4)
            .map(|(text, n)| {
                let text = if text.is_empty() { "empty cell".to_owned() } else { format!("“{}”", brief(text, 16)) };
                format!("{text} {}", thousands(*n))
            })
            .collect();
        facts.push(("missing as", spellings.join(", ")));
    }
    facts
}

/// A number of a histogram's edge: dates as days.
pub(super) fn edge(column: &ColumnProfile, value: f64) -> String {
    use crate::data::Physical;
    let day = |seconds: f64| {
        chrono::DateTime::from_timestamp(seconds as i64, 0)
            .map(|t| t.format("%Y-%m-%d").to_string())
            .unwrap_or_default()
    };
    match column.physical {
        Physical::Date => day(value * 86_400.0),
        Physical::Datetime => day(value),
        _ => figure(value),
    }
}
