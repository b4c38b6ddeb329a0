//! The report as Markdown, to be read in a repository or a merge request.

use std::fmt::Write as _;

use super::Report;
use super::parts::{cell, verdict};
use crate::data::{brief, counted, display, figure, percent, thousands};

/// Text that Markdown takes as it is, also within a table.
fn plain(text: &str) -> String {
    let mut out = String::new();
    for ch in display(text).chars() {
        match ch {
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '#' | '|' | '~' | '!' => {
                out.push('\\');
                out.push(ch);
            }
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            c => out.push(c),
        }
    }
    out
}

fn row(out: &mut String, cells: &[String]) {
    let _ = writeln!(out, "| {} |", cells.join(" | "));
}

fn head(out: &mut String, names: &[&str], numbers_from: usize) {
    let _ = writeln!(out, "| {} |", names.join(" | "));
    let lines: Vec<&str> = (0..names.len()).map(|i| if i >= numbers_from { "---:" } else { "---" }).collect();
    let _ = writeln!(out, "| {} |", lines.join(" | "));
}

pub(super) fn page(report: &Report) -> String {
    let p = &report.profile;
    let mut out = format!("# Data report: {}\n\n", plain(&p.source));
    let _ = writeln!(
        out,
        "{}, {}, {} of all cells missing. Made {} by Pilothouse {}. Fingerprint `{}`.\n",
        counted(p.rows, "row"),
        counted(p.columns.len() as u64, "column"),
        percent(report.missing_share()),
        report.made(),
        report.pilothouse,
        p.fingerprint
    );
    let _ = writeln!(out, "## Feasibility: {}\n", verdict(p.feasibility.verdict));
    if let Some(target) = &p.target {
        let _ = writeln!(out, "Target: {}\n", plain(target));
    }
    for reason in &p.feasibility.reasons {
        let change = if reason.change.is_empty() { String::new() } else { format!(" {}.", plain(&reason.change)) };
        let _ = writeln!(out, "- {} {}.{change}", if reason.ok { "✓" } else { "✗" }, plain(&reason.message));
    }
    let _ = writeln!(out, "\n## Findings\n");
    if p.findings.is_empty() {
        let _ = writeln!(out, "Nothing was found.");
    } else {
        head(&mut out, &["severity", "check", "column", "what", "remedy"], usize::MAX);
        for f in &p.findings {
            let evidence = if f.evidence.is_empty() { String::new() } else { format!(" ({})", plain(&f.evidence)) };
            row(
                &mut out,
                &[
                    f.severity.name().to_owned(),
                    f.check.to_string(),
                    f.column.as_deref().map(plain).unwrap_or_default(),
                    format!("{}{evidence}", plain(&f.message)),
                    plain(&f.remedy),
                ],
            );
        }
    }
    let _ = writeln!(out, "\n## Columns\n");
    head(&mut out, &["column", "kind", "commonest", "missing", "distinct", "mean", "std", "min", "median", "max"], 3);
    for c in &p.columns {
        let number = |v: Option<f64>| v.map(figure).unwrap_or_default();
        let text = |v: Option<&crate::data::Cell>| v.map(|v| plain(&cell(v))).unwrap_or_default();
        let top = c.top.first().map(|t| format!("{} ({})", plain(&cell(&t.value)), percent(t.share)));
        row(
            &mut out,
            &[
                plain(&c.name),
                c.kind.to_string(),
                top.unwrap_or_default(),
                percent(c.missing as f64 / p.rows.max(1) as f64),
                thousands(c.distinct),
                number(c.mean),
                number(c.std),
                text(c.min.as_ref()),
                text(c.quantiles.get("0.5")),
                text(c.max.as_ref()),
            ],
        );
    }
    let _ = writeln!(out, "\n## Associations\n\n{}\n", report.sample_note());
    let pairs = report.associations.pairs();
    if pairs.is_empty() {
        let _ = writeln!(out, "There are no two columns to compare.");
    } else {
        head(&mut out, &["column", "column", "measure", "value", "Pearson"], 3);
        for pair in pairs.iter().take(20) {
            row(
                &mut out,
                &[
                    plain(&pair.a),
                    plain(&pair.b),
                    pair.measure.title().to_owned(),
                    format!("{:.3}", pair.value),
                    pair.pearson.map(|r| format!("{r:.3}")).unwrap_or_default(),
                ],
            );
        }
    }
    if !report.missingness.is_empty() {
        let by = report.missingness.by.as_deref().map_or_else(|| "order of the rows".to_owned(), plain);
        let _ = writeln!(out, "\n## Missing values by {by}\n");
        head(&mut out, &["column", "least", "where", "most", "where"], usize::MAX);
        for (name, shares) in report.missingness.columns.iter().zip(&report.missingness.shares) {
            let label = |i: usize| report.missingness.blocks.get(i).map(|b| plain(&b.label)).unwrap_or_default();
            let order = |a: &(usize, &f64), b: &(usize, &f64)| a.1.total_cmp(b.1);
            let (Some((low, least)), Some((high, most))) =
                (shares.iter().enumerate().min_by(order), shares.iter().enumerate().max_by(order))
            else {
                continue;
            };
            if *most > 0.0 {
                row(&mut out, &[plain(name), percent(*least), label(low), percent(*most), label(high)]);
            }
        }
    }
    if !p.notes.is_empty() {
        let _ = writeln!(out, "\n## Notes on loading\n");
        for note in &p.notes {
            let _ = writeln!(out, "- {}", plain(&brief(note, 400)));
        }
    }
    out
}
