//! The commands that look closely at one run: evaluate and explain.

use std::path::Path;

use super::output::{figure, json, line, table};
use super::{Answer, Call};
use crate::data;
use crate::error::Result;
use crate::flow::{self, EvaluateOptions, Evaluation, ExplainOptions, ExplainedRow, Explanation};
use crate::model::explain::{Dependence, Scale, ShapMethod};
use crate::model::groups::ByGroup;
use crate::model::segments::{FEWEST, Segment};
use crate::model::threshold::{Costs, ThresholdChoice};

/// Columns that are told one by one; the rest is added up.
const TOLD: usize = 15;

fn range(low: f64, high: f64) -> String {
    if low.is_finite() && high.is_finite() { format!("{} to {}", figure(low), figure(high)) } else { "–".into() }
}

fn pair(ends: Option<(f64, f64)>) -> String {
    ends.map_or_else(|| "–".into(), |(low, high)| range(low, high))
}

/// With its sign, so that what raises and what lowers is seen at once.
fn signed(value: f64) -> String {
    if value < 0.0 { figure(value) } else { format!("+{}", figure(value)) }
}

pub(super) fn evaluate(call: &Call, run: &str, by: Option<String>, costs: Option<Costs>) -> Result<Answer> {
    let shop = call.shop()?;
    let run = shop.run(run)?;
    let found = flow::evaluate(&shop, &run, &EvaluateOptions { by, costs }, &call.control)?;
    super::output::clear_progress();
    if call.json {
        json(&found)?;
        return Ok(Answer::Yes);
    }
    let over = if found.over_groups { "groups of rows" } else { "rows" };
    line(format!("run {}, {}, on {} rows kept back; intervals over {over}", run.id, run.title, found.rows))?;
    line("")?;
    metrics(&found)?;
    if let Some(ends) = found.delong {
        line(format!("roc_auc by DeLong: {}", pair(Some(ends))))?;
    }
    if let Some(choice) = &found.threshold {
        line("")?;
        threshold(&run.id, choice)?;
    }
    line("")?;
    segments(&found.weak_segments, found.segment_rows, run.task.is_classification())?;
    if let Some(by) = &found.by {
        line("")?;
        groups(by)?;
    }
    Ok(Answer::Yes)
}

fn metrics(found: &Evaluation) -> Result<()> {
    let rows: Vec<Vec<String>> = found
        .metrics
        .iter()
        .map(|m| {
            vec![
                m.name.to_owned(),
                m.value.map_or_else(|| "–".into(), figure),
                pair(m.low.zip(m.high)),
                m.undefined.map_or_else(|| m.definition.to_owned(), |why| format!("undefined: {why}")),
            ]
        })
        .collect();
    table(&["metric", "value", "95 %", "definition"], &rows)
}

/// A threshold with what it costs, beside other ways to answer.
pub(super) fn threshold(run: &str, choice: &ThresholdChoice) -> Result<()> {
    let c = &choice.costs;
    line(format!(
        "threshold of run {run} when a false alarm costs {}, a miss {}, a hit {} and a right no {}:",
        figure(c.false_positive),
        figure(c.false_negative),
        figure(c.true_positive),
        figure(c.true_negative)
    ))?;
    line(format!(
        "  call positive from {} on ({}); cost a row {} ({})",
        figure(choice.threshold.value),
        range(choice.threshold.low, choice.threshold.high),
        figure(choice.cost.value),
        range(choice.cost.low, choice.cost.high)
    ))?;
    line(format!(
        "  hits {}, false alarms {}, misses {}, right noes {}",
        choice.true_positives, choice.false_positives, choice.false_negatives, choice.true_negatives
    ))?;
    line(format!(
        "  beside it: {} at 0.5, {} at {} (best if scores were true chances), {} with one answer for all",
        figure(choice.cost_at_half),
        figure(choice.cost_of_chances),
        figure(c.threshold_of_chances()),
        figure(choice.cost_of_one_answer)
    ))
}

fn segments(found: &[Segment], rows: usize, classes: bool) -> Result<()> {
    let loss = if classes { "log loss" } else { "absolute error" };
    if rows < FEWEST {
        return line(format!("{rows} rows are too few to look for weak segments; {FEWEST} are needed"));
    }
    if found.is_empty() {
        return line(format!("no weak segment was found on {rows} rows"));
    }
    line(format!("weak segments: found on one half of {rows} rows, measured on the other"))?;
    let lines: Vec<Vec<String>> = found
        .iter()
        .map(|s| {
            let words: Vec<String> = s
                .conditions
                .iter()
                .map(|c| format!("{} {}", data::brief(&c.column, 30), data::brief(&c.words, 60)))
                .collect();
            vec![
                words.join(" and "),
                s.rows.to_string(),
                format!("{:.0} %", s.share * 100.0),
                figure(s.loss),
                figure(s.elsewhere),
                range(s.low, s.high),
                figure(s.q),
            ]
        })
        .collect();
    table(&["rows in which", "rows", "share", loss, "elsewhere", "difference, 95 %", "q"], &lines)
}

fn name(group: Option<&String>) -> String {
    group.map_or_else(|| "(missing)".into(), |g| data::brief(g, 30))
}

fn groups(by: &ByGroup) -> Result<()> {
    line(format!("by {}, each group beside all other rows:", data::brief(&by.column, 40)))?;
    let mut lines = Vec::new();
    for group in &by.groups {
        if group.figures.is_empty() {
            let few = "too few rows to be judged".to_owned();
            lines.push(vec![name(group.group.as_ref()), group.rows.to_string(), few]);
        }
        for (at, f) in group.figures.iter().enumerate() {
            let (who, rows) = if at == 0 {
                (name(group.group.as_ref()), group.rows.to_string())
            } else {
                (String::new(), String::new())
            };
            lines.push(vec![
                who,
                rows,
                f.name.clone(),
                figure(f.value),
                pair(f.interval),
                signed(f.difference),
                pair(f.difference_interval),
                if f.real { "real".into() } else { String::new() },
            ]);
        }
    }
    table(&["group", "rows", "figure", "value", "95 %", "difference", "95 % of it", ""], &lines)?;
    if by.gaps.is_empty() {
        return Ok(());
    }
    line("")?;
    line("largest gaps between two groups:")?;
    let gaps: Vec<Vec<String>> = by
        .gaps
        .iter()
        .map(|g| {
            vec![
                g.name.clone(),
                figure(g.gap),
                pair(g.interval),
                figure(g.ratio),
                name(g.highest.as_ref()),
                name(g.lowest.as_ref()),
            ]
        })
        .collect();
    table(&["figure", "gap", "95 %", "ratio", "highest", "lowest"], &gaps)
}

pub(super) fn explain(call: &Call, run: &str, options: ExplainOptions, charts: Option<&Path>) -> Result<Answer> {
    let shop = call.shop()?;
    let run = shop.run(run)?;
    let found = flow::explain(&shop, &run, &options, &call.control)?;
    super::output::clear_progress();
    if let Some(folder) = charts {
        std::fs::create_dir_all(folder)?;
        for (file, chart) in flow::explain_charts(&found) {
            std::fs::write(folder.join(format!("{file}.svg")), crate::chart::svg(&chart, 900, 600)?)?;
        }
    }
    if call.json {
        json(&found)?;
        return Ok(Answer::Yes);
    }
    let what = found.class.as_ref().map_or_else(
        || data::brief(&run.target, 40),
        |class| format!("{} being {}", data::brief(&run.target, 40), data::brief(class, 40)),
    );
    line(format!("run {}, {}: what it says of {what}", run.id, run.title))?;
    line(format!("contributions {} from {}", method(found.method), found.background))?;
    if run.calibration.is_some() {
        line("they explain the scores before calibration, which keeps their order")?;
    }
    line("")?;
    columns(&found, &run.metric)?;
    if let Some(row) = &found.row {
        line("")?;
        waterfall(row, found.scale)?;
    }
    if let Some(dependence) = &found.dependence {
        line("")?;
        effect(dependence)?;
    }
    Ok(Answer::Yes)
}

fn method(method: ShapMethod) -> &'static str {
    match method {
        ShapMethod::Linear => "are exact,",
        ShapMethod::Tree => "are exact (TreeSHAP), expectations",
        ShapMethod::Sampled => "are estimated,",
    }
}

fn columns(found: &Explanation, metric: &str) -> Result<()> {
    let rows: Vec<Vec<String>> = found
        .contributions
        .iter()
        .take(TOLD)
        .map(|c| {
            let importance = found.importance.iter().find(|i| i.column == c.column);
            vec![
                data::brief(&c.column, 40),
                figure(c.mean_absolute),
                importance.map_or_else(|| "–".into(), |i| figure(i.mean)),
                importance.map_or_else(|| "–".into(), |i| range(i.low, i.high)),
            ]
        })
        .collect();
    let moves = format!("moves ({})", found.scale.unit());
    let loss = format!("loss of {metric} when shuffled");
    table(&["column", &moves, &loss, "95 %"], &rows)?;
    let left = found.contributions.len().saturating_sub(TOLD);
    if left > 0 {
        line(format!("and {left} more columns, in --json"))?;
    }
    line(format!("moves: the mean size of the contribution over {} rows kept back", found.rows))
}

fn waterfall(row: &ExplainedRow, scale: Scale) -> Result<()> {
    let truth = row.truth.as_ref().map_or_else(String::new, |t| format!(", in truth {}", data::brief(t, 40)));
    line(format!("row {} ({}): the model says {}{truth}", row.row, row.side, figure(row.answer)))?;
    let mut sum = row.explanation.base;
    let mut rows = vec![vec!["(knowing nothing)".to_owned(), String::new(), String::new(), figure(sum)]];
    let (told, rest) = row.explanation.contributions.split_at(row.explanation.contributions.len().min(TOLD));
    for (c, value) in told.iter().zip(&row.values) {
        sum += c.value;
        let error = c.error.map_or_else(String::new, |e| format!(" ± {}", figure(e)));
        rows.push(vec![
            data::brief(&c.column, 40),
            value.as_ref().map_or_else(|| "(missing)".into(), |v| data::brief(v, 24)),
            format!("{}{error}", signed(c.value)),
            figure(sum),
        ]);
    }
    if !rest.is_empty() {
        let value: f64 = rest.iter().map(|c| c.value).sum();
        rows.push(vec![format!("({} more columns)", rest.len()), String::new(), signed(value), figure(sum + value)]);
    }
    table(&["column", "its value", "adds", scale.unit()], &rows)?;
    if !row.similar.is_empty() {
        line("")?;
        line("training rows most like it:")?;
        let rows: Vec<Vec<String>> = row
            .similar
            .iter()
            .map(|s| vec![format!("row {}", s.row), figure(s.distance), data::brief(&s.truth, 40)])
            .collect();
        table(&["", "distance", "truth"], &rows)?;
    }
    Ok(())
}

fn effect(dependence: &Dependence) -> Result<()> {
    line(format!(
        "the mean answer over {} rows if {} were, for every row:",
        dependence.rows,
        data::brief(&dependence.column, 40)
    ))?;
    let rows: Vec<Vec<String>> = dependence
        .points
        .iter()
        .map(|p| vec![p.number.map_or_else(|| data::brief(&p.label, 30), figure), figure(p.mean)])
        .collect();
    table(&["value", "mean answer"], &rows)
}
