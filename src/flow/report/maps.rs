//! The maps of the page: how columns hang together, and where values are missing.

use super::Report;
use crate::chart::mini::{HeatCell, escape, heat};
use crate::data::{counted, percent};

/// Columns on a map; of more, those that have most to tell.
const MAPPED: usize = 60;

/// Associations below this are drawn as none.
const FAINT: f64 = 0.06;

/// Pairs in the table under the map.
const PAIRS: usize = 20;

/// The places of the columns that a map shows: all, or those with the greatest weight, in the order of the table.
fn mapped(weights: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by(|a, b| {
        let at = |i: &usize| weights.get(*i).copied().unwrap_or(0.0);
        at(b).total_cmp(&at(a)).then(a.cmp(b))
    });
    order.truncate(MAPPED);
    order.sort_unstable();
    order
}

fn legend(classes: &[&str], low: &str, high: &str) -> String {
    let cells: String = classes
        .iter()
        .enumerate()
        .map(|(i, class)| format!("<rect class=\"{class}\" x=\"{}\" width=\"13\" height=\"12\"/>", i * 14))
        .collect();
    format!(
        "<div class=\"legend\" aria-hidden=\"true\"><span>{low}</span><svg width=\"{}\" height=\"12\">{cells}</svg><span>{high}</span></div>",
        classes.len() * 14
    )
}

pub(super) fn associations(report: &Report) -> String {
    let a = &report.associations;
    let strength = |i: usize, j: usize| a.strength.get(i).and_then(|r| r.get(j)).copied().flatten();
    let others = |i: usize| (0..a.columns.len()).filter(move |j| *j != i).filter_map(move |j| strength(i, j));
    let weights: Vec<f64> = (0..a.columns.len()).map(|i| others(i).map(f64::abs).fold(0.0, f64::max)).collect();
    let shown = mapped(&weights);
    let name = |i: &usize| a.columns.get(*i).cloned().unwrap_or_default();
    let names: Vec<String> = shown.iter().map(name).collect();
    let pairs = a.pairs();
    let numeric = |i: usize| a.numeric.get(i).copied().unwrap_or(false);
    let measure = |i: usize, j: usize| match (numeric(i), numeric(j)) {
        (true, true) => "Spearman",
        (false, false) => "Cramér's V",
        _ => "correlation ratio",
    };
    let cells: Vec<Vec<HeatCell>> = shown
        .iter()
        .map(|i| {
            shown
                .iter()
                .map(|j| HeatCell {
                    // What chance alone gives must not look like something.
                    value: strength(*i, *j).map(|v| if v.abs() < FAINT { 0.0 } else { v }),
                    say: match strength(*i, *j) {
                        _ if i == j => name(i),
                        Some(v) => format!("{} and {}: {} {v:.3}", name(i), name(j), measure(*i, *j)),
                        None => format!("{} and {}: too few values", name(i), name(j)),
                    },
                })
                .collect()
        })
        .collect();
    let side = (880 / shown.len().max(1) as u32).clamp(14, 30);
    let rows: String = pairs
        .iter()
        .take(PAIRS)
        .map(|pair| {
            format!(
                "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td class=\"n\">{:.3}</td><td class=\"n\">{}</td></tr>",
                escape(&pair.a),
                escape(&pair.b),
                pair.measure.title(),
                pair.value,
                pair.pearson.map(|r| format!("{r:.3}")).unwrap_or_default()
            )
        })
        .collect();
    let body = if shown.len() < 2 {
        "<p>There are no two columns to compare.</p>".to_owned()
    } else {
        let more = if shown.len() < a.columns.len() {
            format!(
                "<p class=\"lead\">The {MAPPED} columns with the strongest associations of {}.</p>",
                a.columns.len()
            )
        } else {
            String::new()
        };
        let about = format!("Associations of {} columns; the strongest pairs stand in the table below", shown.len());
        format!(
            "{more}{}<div class=\"card scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Map of associations\">{}</div>\
             <div class=\"scroll\" style=\"padding:.6rem 0 0\"><table><caption>The strongest pairs</caption><thead><tr>\
             <th scope=\"col\">Column</th><th scope=\"col\">and</th><th scope=\"col\">Measure</th>\
             <th scope=\"col\" class=\"n\">Value</th><th scope=\"col\" class=\"n\">Pearson</th></tr></thead>\
             <tbody>{rows}</tbody></table></div>",
            legend(
                &["n8", "n6", "n4", "n2", "p0", "p2", "p4", "p6", "p8"],
                "−1 against each other",
                "1 together; 0 unrelated"
            ),
            heat(&about, &names, &names, &cells, (side, side))
        )
    };
    let left: Vec<String> =
        a.not_compared.iter().map(|n| format!("{} ({})", escape(&n.column), escape(&n.reason))).collect();
    let left = if left.is_empty() {
        String::new()
    } else {
        format!(
            "<details><summary>{} not compared</summary><p>{}</p></details>",
            counted(left.len() as u64, "column"),
            left.join("; ")
        )
    };
    format!(
        "<section aria-labelledby=\"associations\">\n<h2 id=\"associations\">Associations</h2>\n<p class=\"lead\">Spearman's \
         correlation of two numbers, bias-corrected Cramér's V of two categories, the correlation ratio of one of each. {}</p>\n\
         {body}{left}\n</section>\n",
        escape(&report.sample_note())
    )
}

pub(super) fn missing(report: &Report) -> String {
    let m = &report.missingness;
    if m.is_empty() {
        return String::new();
    }
    let at = |shares: &[f64]| shares.iter().sum::<f64>();
    let weights: Vec<f64> = m.shares.iter().map(|s| at(s)).collect();
    let shown: Vec<usize> =
        mapped(&weights).into_iter().filter(|i| weights.get(*i).is_some_and(|w| *w > 0.0)).collect();
    let names: Vec<String> = shown.iter().filter_map(|i| m.columns.get(*i).cloned()).collect();
    // Every sixth block or so is named, the others by the pointer.
    let every = m.blocks.len().div_ceil(12).max(1);
    let labels: Vec<String> = m
        .blocks
        .iter()
        .enumerate()
        .map(|(i, b)| if i % every == 0 || b.label == "no date" { b.label.clone() } else { String::new() })
        .collect();
    let cells: Vec<Vec<HeatCell>> = shown
        .iter()
        .filter_map(|i| Some((m.columns.get(*i)?, m.shares.get(*i)?)))
        .map(|(name, shares)| {
            let blocks = shares.iter().zip(&m.blocks);
            blocks
                .map(|(share, block)| HeatCell {
                    value: Some(*share),
                    say: format!(
                        "{name}, {}: {} of {} missing",
                        block.label,
                        percent(*share),
                        counted(block.rows, "row")
                    ),
                })
                .collect()
        })
        .collect();
    let by = match &m.by {
        Some(column) => format!("by the time in {}", escape(column)),
        None => "in the order of the rows".to_owned(),
    };
    let wide = (720 / m.blocks.len().max(1) as u32).clamp(8, 34);
    let about = format!("Share of missing values of {} columns {by}", shown.len());
    format!(
        "<section aria-labelledby=\"missing\">\n<h2 id=\"missing\">Missing values</h2>\n<p class=\"lead\">The share of missing \
         cells {by}, in {}; columns without gaps are left out.</p>\n<div class=\"missing\">{}\
         <div class=\"card scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Map of missing values\">{}</div></div>\n</section>\n",
        counted(m.blocks.len() as u64, "block"),
        legend(&["p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8"], "none", "all missing"),
        heat(&about, &names, &labels, &cells, (wide, 18))
    )
}
