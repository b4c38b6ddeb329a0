//! The report as one page: no scripts, nothing fetched, readable on a phone, in the dark and on paper.

use super::Report;
use super::maps::{associations, missing};
use super::parts::{cell, edge, facts, verdict};
use crate::chart::mini::{escape, histogram, spread};
use crate::data::{
    Cell, ColumnProfile, FeasibilityVerdict, Finding, Meaning, Severity, brief, counted, figure, percent, thousands,
};

const STYLE: &str = include_str!("style.css");

pub(super) fn page(report: &Report) -> String {
    let p = &report.profile;
    let name = p.source.rsplit(['/', '\\']).next().filter(|n| !n.is_empty()).unwrap_or(&p.source);
    let mut body = String::new();
    for part in [
        head(report, name),
        nav(report),
        "<main id=\"main\">".to_owned(),
        feasibility(report),
        findings(report),
        columns(report),
        associations(report),
        missing(report),
        "</main>".to_owned(),
        foot(report),
    ] {
        body.push_str(&part);
    }
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"generator\" content=\"Pilothouse {}\">\n<title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n\
         <body>\n{body}</body>\n</html>\n",
        escape(&report.pilothouse),
        escape(&format!("Data report: {name}")),
    )
}

fn tile(name: &str, value: &str, more: &str) -> String {
    let more = if more.is_empty() { String::new() } else { format!("<small>{}</small>", escape(more)) };
    format!("<div class=\"tile\"><dt>{}</dt><dd>{}{more}</dd></div>", escape(name), escape(value))
}

/// How many columns of a kind there are, in words.
fn many(n: usize, kind: Meaning) -> String {
    let words = match kind {
        Meaning::Number => ("number", "numbers"),
        Meaning::Category => ("category", "categories"),
        Meaning::DateTime => ("date", "dates"),
        Meaning::Boolean => ("yes or no", "yes or no"),
        Meaning::Text => ("text", "texts"),
        Meaning::Identifier => ("identifier", "identifiers"),
    };
    format!("{n} {}", if n == 1 { words.0 } else { words.1 })
}

fn head(report: &Report, name: &str) -> String {
    let p = &report.profile;
    let kinds = |kind: Meaning| p.columns.iter().filter(|c| c.kind == kind).count();
    let of_kinds: Vec<String> =
        Meaning::ALL.into_iter().filter(|k| kinds(*k) > 0).take(3).map(|k| many(kinds(k), k)).collect();
    let severities: Vec<String> = report
        .severities()
        .into_iter()
        .map(|(s, n)| match s {
            Severity::Note | Severity::Warning => counted(n as u64, s.name()),
            Severity::Serious | Severity::Blocking => format!("{n} {s}"),
        })
        .collect();
    let with_gaps = p.columns.iter().filter(|c| c.missing > 0).count();
    let source = if name == p.source { String::new() } else { format!("{} · ", escape(&p.source)) };
    let mut tiles = tile("Rows", &thousands(p.rows), "");
    tiles += &tile("Columns", &p.columns.len().to_string(), &of_kinds.join(", "));
    tiles += &tile(
        "Missing cells",
        &percent(report.missing_share()),
        &format!("in {}", counted(with_gaps as u64, "column")),
    );
    tiles += &tile("Findings", &p.findings.len().to_string(), &severities.join(", "));
    let target = p.target.as_ref().map(|t| format!("target {}", brief(t, 24))).unwrap_or_default();
    tiles += &tile("Fit for a model?", verdict(p.feasibility.verdict), &target);
    format!(
        "<a class=\"skip\" href=\"#main\">Skip to the report</a>\n<header>\n<p class=\"brand\">Pilothouse · data report</p>\n\
         <h1>{}</h1>\n<p class=\"sub\">{source}{}</p>\n<dl class=\"tiles\">{tiles}</dl>\n</header>\n",
        escape(name),
        escape(&report.made()),
    )
}

fn nav(report: &Report) -> String {
    let n = report.profile.findings.len();
    let missing = if report.missingness.is_empty() { "" } else { "<li><a href=\"#missing\">Missing values</a></li>" };
    format!(
        "<nav aria-label=\"Parts of the report\"><ul><li><a href=\"#feasibility\">Feasibility</a></li>\
         <li><a href=\"#findings\">Findings ({n})</a></li><li><a href=\"#columns\">Columns</a></li>\
         <li><a href=\"#associations\">Associations</a></li>{missing}</ul></nav>\n"
    )
}

fn feasibility(report: &Report) -> String {
    let f = &report.profile.feasibility;
    let class = match f.verdict {
        FeasibilityVerdict::Go => "go",
        FeasibilityVerdict::Care => "care",
        FeasibilityVerdict::NotYet => "not-yet",
    };
    let about = match &report.profile.target {
        Some(target) => format!("for predicting {}", escape(target)),
        None => "without a target; name one with --target to learn more".to_owned(),
    };
    let reasons: String = f
        .reasons
        .iter()
        .map(|r| {
            let change =
                if r.change.is_empty() { String::new() } else { format!("<span>{}</span>", escape(&r.change)) };
            format!("<li class=\"{}\">{}{change}</li>", if r.ok { "yes" } else { "no" }, escape(&r.message))
        })
        .collect();
    format!(
        "<section aria-labelledby=\"feasibility\">\n<h2 id=\"feasibility\">Can these data carry a model?</h2>\n\
         <p class=\"lead\">A first verdict from counts, before anything is fitted.</p>\n\
         <div class=\"card verdict {class}\"><div class=\"word\"><strong>{}</strong>{about}</div>\
         <div><ul>{reasons}</ul></div></div>\n</section>\n",
        verdict(f.verdict),
    )
}

/// The anchor of a column's card.
fn anchor(report: &Report, column: &str) -> Option<usize> {
    report.profile.columns.iter().position(|c| c.name == column)
}

fn severity(severity: Severity) -> String {
    let mark = match severity {
        Severity::Blocking => "■",
        Severity::Serious => "▲",
        Severity::Warning => "◆",
        Severity::Note => "●",
    };
    format!("<span class=\"chip sev s-{0}\">{mark} {0}</span>", severity.name())
}

fn finding(report: &Report, f: &Finding) -> String {
    let column = f.column.as_deref().map_or_else(String::new, |name| match anchor(report, name) {
        Some(i) => format!("<a href=\"#c{i}\">{}</a>", escape(&brief(name, 60))),
        None => escape(&brief(name, 60)),
    });
    let paragraph = |class: &str, text: &str| match text {
        "" => String::new(),
        text => format!("<p class=\"{class}\">{}</p>", escape(text)),
    };
    let rows: Vec<String> = f.rows.iter().map(|r| thousands(*r)).collect();
    let rows = if rows.is_empty() { String::new() } else { format!("rows {}", rows.join(" · ")) };
    let evidence = [f.evidence.as_str(), &rows].into_iter().filter(|t| !t.is_empty()).collect::<Vec<_>>().join("; ");
    format!(
        "<article class=\"card finding s-{}\"><div class=\"meta\">{}<span>{}</span>{column}</div>{}{}{}</article>\n",
        f.severity.name(),
        severity(f.severity),
        escape(&f.check),
        paragraph("what", &f.message),
        paragraph("why", &evidence),
        paragraph("do", &f.remedy),
    )
}

fn findings(report: &Report) -> String {
    let all = &report.profile.findings;
    let (lead, list) = if all.is_empty() {
        ("Nothing was found that a person should know before a model learns from this table.".to_owned(), String::new())
    } else {
        let list: String = all.iter().map(|f| finding(report, f)).collect();
        ("What to know before a model learns from this table, the most severe first.".to_owned(), list)
    };
    format!(
        "<section aria-labelledby=\"findings\">\n<h2 id=\"findings\">Findings</h2>\n<p class=\"lead\">{lead}</p>\n\
         <div class=\"findings\">{list}</div>\n</section>\n"
    )
}

fn number(cell: Option<&Cell>) -> Option<f64> {
    match cell {
        Some(Cell::Number(v)) => Some(*v),
        _ => None,
    }
}

/// The picture of a column: a histogram of numbers and dates, else the most frequent values.
fn picture(column: &ColumnProfile) -> String {
    let Some(h) = column.histogram.as_ref().filter(|h| h.counts.iter().any(|n| *n > 0)) else {
        return top(column);
    };
    let label = |v: f64| edge(column, v);
    let (first, last) = (h.edges.first().copied().unwrap_or(0.0), h.edges.last().copied().unwrap_or(0.0));
    let peak = h.counts.iter().enumerate().max_by_key(|(_, n)| **n).map_or(0, |(i, _)| i);
    let peak = h.edges.get(peak..=peak + 1).unwrap_or_default();
    let about = match peak {
        [from, to] => format!(
            "Histogram of {} from {} to {}; most rows lie between {} and {}",
            column.name,
            label(first),
            label(last),
            label(*from),
            label(*to)
        ),
        _ => format!("Histogram of {}", column.name),
    };
    let say = |from: f64, to: f64, n: u64| format!("{} to {}: {}", label(from), label(to), counted(n, "row"));
    let mut out = format!("<div>{}", histogram(&about, &h.edges, &h.counts, &say));
    let out_of_range = |n: u64, word: &str| if n == 0 { String::new() } else { format!(" ({} {word})", thousands(n)) };
    // The ends of the data say more than the ends of the bars.
    let end = |outside: u64, edge: f64, real: &Option<Cell>| match real {
        Some(real) if outside == 0 => cell(real),
        _ => label(edge),
    };
    out += &format!(
        "<div class=\"ends\"><span>{}{}</span><span>{}{}</span></div></div>",
        escape(&end(h.below, first, &column.min)),
        out_of_range(h.below, "below"),
        escape(&end(h.above, last, &column.max)),
        out_of_range(h.above, "above"),
    );
    let q = |share: &str| number(column.quantiles.get(share));
    if let (Some(a), Some(b), Some(c), Some(d), Some(e)) = (q("0.05"), q("0.25"), q("0.5"), q("0.75"), q("0.95")) {
        let about = format!(
            "5 % of the values lie below {}, a quarter below {}, half below {}, three quarters below {}, 95 % below {}",
            figure(a),
            figure(b),
            figure(c),
            figure(d),
            figure(e)
        );
        if let Some(line) = spread(&about, [a, b, c, d, e]) {
            out += &format!(
                "<div>{line}<div class=\"ends\"><span>5 %: {}</span><span>median {}</span><span>95 %: {}</span></div></div>",
                escape(&figure(a)),
                escape(&figure(c)),
                escape(&figure(e))
            );
        }
    }
    out
}

fn top(column: &ColumnProfile) -> String {
    let most = column.top.first().map_or(0.0, |t| t.share);
    if most == 0.0 {
        return String::new();
    }
    let shown = 7;
    let mut rows = String::new();
    for top in column.top.iter().take(shown) {
        let value = cell(&top.value);
        rows += &format!(
            "<tr><th scope=\"row\" title=\"{0}\">{0}</th><td class=\"m\"><i style=\"width:{1:.1}%\"></i></td>\
             <td class=\"n\">{2}</td></tr>",
            escape(&value),
            top.share / most * 100.0,
            percent(top.share)
        );
    }
    let shares: f64 = column.top.iter().take(shown).map(|t| t.share).sum();
    let rest = column.distinct.saturating_sub(shown as u64);
    if rest > 0 {
        rows += &format!(
            "<tr><th scope=\"row\">{} more</th><td class=\"m\"></td><td class=\"n\">{}</td></tr>",
            thousands(rest),
            percent((1.0 - shares).max(0.0))
        );
    }
    format!(
        "<table class=\"top\" aria-label=\"The most frequent values of {}\"><tbody>{rows}</tbody></table>",
        escape(&column.name)
    )
}

fn card(report: &Report, i: usize, column: &ColumnProfile) -> String {
    let p = &report.profile;
    let role = |is: bool, word: &str| if is { format!("<span class=\"chip\">{word}</span>") } else { String::new() };
    let mut worst: Vec<Severity> =
        p.findings.iter().filter(|f| f.column.as_deref() == Some(&column.name)).map(|f| f.severity).collect();
    worst.sort_unstable_by(|a, b| b.cmp(a));
    let worst = worst.first().map(|s| severity(*s)).unwrap_or_default();
    let share = column.missing as f64 / p.rows.max(1) as f64;
    let gap = if column.missing == 0 {
        String::new()
    } else {
        format!(
            "<div class=\"void\" role=\"img\" aria-label=\"{0} missing\" title=\"{0} missing\"><i style=\"width:{1:.1}%\"></i></div>",
            escape(&percent(share)),
            (share * 100.0).max(0.7)
        )
    };
    let facts: String = facts(p, column)
        .into_iter()
        .map(|(name, value)| {
            let wide = if matches!(name, "missing as" | "written as") || value.chars().count() > 14 {
                " class=\"wide\""
            } else {
                ""
            };
            format!("<div{wide}><dt>{name}</dt><dd>{}</dd></div>", escape(&value))
        })
        .collect();
    format!(
        "<article class=\"card column\" id=\"c{i}\"><header><h3>{}</h3><span class=\"chip\">{}</span>{}{}{worst}</header>\
         {}{gap}<dl>{facts}</dl></article>\n",
        escape(&column.name),
        column.kind,
        role(p.target.as_ref() == Some(&column.name), "target"),
        role(p.time.as_ref() == Some(&column.name), "time"),
        picture(column),
    )
}

fn columns(report: &Report) -> String {
    let p = &report.profile;
    let cards: String = p.columns.iter().enumerate().map(|(i, c)| card(report, i, c)).collect();
    let mut rows = String::new();
    for (i, c) in p.columns.iter().enumerate() {
        let number = |v: Option<f64>| v.map(figure).unwrap_or_default();
        let text = |v: Option<&Cell>| v.map(cell).unwrap_or_default();
        rows += &format!("<tr><th scope=\"row\"><a href=\"#c{i}\">{}</a></th><td>{}</td>", escape(&c.name), c.kind);
        for value in [
            percent(c.missing as f64 / p.rows.max(1) as f64),
            thousands(c.distinct),
            number(c.mean),
            number(c.std),
            text(c.min.as_ref()),
            text(c.quantiles.get("0.5")),
            text(c.max.as_ref()),
        ] {
            rows += &format!("<td class=\"n\">{}</td>", escape(&value));
        }
        rows += "</tr>";
    }
    let names = ["Missing", "Distinct", "Mean", "Std", "Min", "Median", "Max"];
    let heads: String = names.iter().map(|n| format!("<th scope=\"col\" class=\"n\">{n}</th>")).collect();
    format!(
        "<section aria-labelledby=\"columns\">\n<h2 id=\"columns\">Columns</h2>\n\
         <p class=\"lead\">All {}; counts, means and quantiles are of all rows.</p>\n<div class=\"columns\">{cards}</div>\n\
         <details><summary>The same as a table</summary><div class=\"card scroll\" tabindex=\"0\" role=\"region\" \
         aria-label=\"Table of columns\"><table><caption>The columns of {}</caption><thead><tr><th scope=\"col\">Column</th>\
         <th scope=\"col\">Kind</th>{heads}</tr></thead><tbody>{rows}</tbody></table></div></details>\n</section>\n",
        counted(p.columns.len() as u64, "column"),
        escape(&p.source),
    )
}

fn foot(report: &Report) -> String {
    let p = &report.profile;
    let notes: String = p.notes.iter().map(|n| format!("<li>{}</li>", escape(&brief(n, 400)))).collect();
    let notes = if notes.is_empty() { String::new() } else { format!("<p>On loading:</p><ul>{notes}</ul>") };
    format!(
        "<footer>{notes}<p>Made by Pilothouse {} on {}. SHA-256 of the source <code>{}</code>. {}</p></footer>\n",
        escape(&report.pilothouse),
        escape(&report.made()),
        escape(&p.fingerprint),
        escape(&report.sample_note())
    )
}
