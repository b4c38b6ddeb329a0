//! The model card: what a person must know before using the model, as Markdown.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::folder::RECIPE_FILE;
use super::onnx::output_names;
use crate::model::{Encoding, FittedModel, Levels};

/// One metric with its interval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricFact {
    /// The metric's name.
    pub name: String,
    /// Its value on the hold-out rows.
    pub value: f64,
    /// Lower end of the 95 % interval.
    pub low: Option<f64>,
    /// Upper end of the 95 % interval.
    pub high: Option<f64>,
}

/// What one gate said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GateFact {
    /// The gate's name.
    pub name: String,
    /// Where it stands: data, model or package.
    pub stage: String,
    /// `passed`, `failed`, `overridden` and so on.
    pub verdict: String,
    /// The gate's sentence.
    pub message: String,
}

/// What the card tells beyond the model itself. Plain data; whatever is left empty is left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CardFacts {
    /// Where the training data came from, as the user wrote it.
    pub source: String,
    /// SHA-256 (hex) of the source.
    pub fingerprint: String,
    /// Rows in the source.
    pub rows: u64,
    /// Rows the model was fitted on.
    pub train_rows: u64,
    /// Rows the metrics come from.
    pub test_rows: u64,
    /// How rows were split, in words.
    pub split: String,
    /// The seed of the run.
    pub seed: Option<u64>,
    /// The estimator's parameters.
    pub parameters: Vec<(String, String)>,
    /// Metrics on rows the model never saw.
    pub metrics: Vec<MetricFact>,
    /// Inputs that are computed from other columns before scoring, with their SQL expressions.
    pub derived: Vec<(String, String)>,
    /// Columns left out, with the reason.
    pub left_out: Vec<(String, String)>,
    /// What the gates said.
    pub gates: Vec<GateFact>,
    /// What the model is for.
    pub intended_use: Vec<String>,
    /// What it must not be used for, and where it fails.
    pub limits: Vec<String>,
    /// Who trained it.
    pub trained_by: Option<String>,
    /// When, as the caller wants it written. It enters the digest.
    pub trained_at: Option<String>,
}

/// The card. `attached` names the recipe and the contract in the bundle, each with its SHA-256.
pub(super) fn card(
    model: &FittedModel,
    name: &str,
    run_id: &str,
    facts: &CardFacts,
    attached: &[(&str, String)],
) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write_card(&mut out, model, name, run_id, facts, attached);
    out
}

/// What a consumer does to new rows before the model sees them.
fn before_scoring(out: &mut String, attached: &[(&str, String)], derived: &[(String, String)]) -> std::fmt::Result {
    if attached.is_empty() && derived.is_empty() {
        return Ok(());
    }
    writeln!(out, "## Before new rows are scored\n")?;
    for (file, sum) in attached {
        if *file == RECIPE_FILE {
            writeln!(
                out,
                "- `{file}` holds the steps that cleaned the training rows, with the values that were computed from them. The \
                 model expects rows cleaned alike: `pilothouse clean new.csv --recipe {file} --new-rows -o clean.csv` (SHA-256 {sum})"
            )?;
        } else {
            writeln!(
                out,
                "- `{file}` says what the table promised as it arrived, before any cleaning: `pilothouse rules check new.csv --rules \
                 {file}` (SHA-256 {sum})"
            )?;
        }
    }
    for (name, expression) in derived {
        let (name, expression) = (code(name), code(expression));
        writeln!(
            out,
            "- `{name}` is computed from the cleaned rows: `{expression}` (SQL over the columns of one row)"
        )?;
    }
    writeln!(out)
}

fn write_card(
    out: &mut String,
    model: &FittedModel,
    name: &str,
    run_id: &str,
    facts: &CardFacts,
    attached: &[(&str, String)],
) -> std::fmt::Result {
    let kind = if model.task.is_classification() { "classification" } else { "regression" };
    writeln!(out, "---\nlibrary_name: onnx\npipeline_tag: tabular-{kind}\ntags:\n- tabular\n- pilothouse\n---\n")?;
    writeln!(out, "# {}\n", safe(name))?;
    write!(
        out,
        "A {} that predicts `{}` ({}",
        safe(&model.estimator.replace('_', " ")),
        code(&model.target),
        model.task
    )?;
    if model.task.is_classification() {
        let classes: Vec<String> = model.classes.iter().map(|c| format!("`{}`", code(c))).collect();
        write!(out, ": {}", classes.join(", "))?;
    }
    writeln!(out, ").\n")?;

    let mut about = vec![("Run", run_id.to_owned())];
    about.extend(facts.trained_by.iter().map(|v| ("Trained by", v.clone())));
    about.extend(facts.trained_at.iter().map(|v| ("Trained at", v.clone())));
    about.push(("Data", facts.source.clone()));
    about.push(("Data SHA-256", facts.fingerprint.clone()));
    about
        .push(("Rows", format!("{} in all, {} fitted on, {} held out", facts.rows, facts.train_rows, facts.test_rows)));
    about.push(("Split", facts.split.clone()));
    about.extend(facts.seed.map(|s| ("Seed", s.to_string())));
    table(
        out,
        &["Fact", "Value"],
        about.iter().filter(|(_, v)| !v.is_empty()).map(|(k, v)| vec![(*k).to_owned(), v.clone()]),
    )?;

    if !facts.parameters.is_empty() {
        writeln!(out, "## Parameters\n")?;
        table(out, &["Parameter", "Value"], facts.parameters.iter().map(|(k, v)| vec![k.clone(), v.clone()]))?;
    }
    writeln!(out, "## Metrics\n")?;
    if facts.metrics.is_empty() {
        writeln!(out, "None were recorded.\n")?;
    } else {
        writeln!(out, "On {} rows that the model never saw.\n", facts.test_rows)?;
        table(
            out,
            &["Metric", "Value", "95 % interval"],
            facts.metrics.iter().map(|m| {
                let interval = match (m.low, m.high) {
                    (Some(low), Some(high)) => format!("{} to {}", number(low), number(high)),
                    _ => String::from("not estimated"),
                };
                vec![m.name.clone(), number(m.value), interval]
            }),
        )?;
    }
    writeln!(out, "## Inputs\n\nOne column each; names as written.\n")?;
    table(
        out,
        &["Column", "Type", "What the model does with it"],
        model.plan.inputs.iter().map(|i| {
            vec![i.name.clone(), if i.is_text() { "string" } else { "double" }.to_owned(), handling(&i.encoding)]
        }),
    )?;
    before_scoring(out, attached, &facts.derived)?;
    writeln!(out, "## Outputs\n")?;
    let names = output_names(model);
    table(
        out,
        &["Output", "Type", "Meaning"],
        names.iter().enumerate().map(|(at, name)| {
            let (kind, meaning) = match (model.task.is_classification(), at) {
                (true, 0) => ("string", "the most probable class".to_owned()),
                (true, _) => {
                    ("double", format!("probability of {}", model.classes.get(at - 1).map_or("", |c| c.as_str())))
                }
                (false, _) => ("double", format!("{}, predicted", model.target)),
            };
            vec![name.clone(), kind.to_owned(), meaning]
        }),
    )?;
    if !facts.left_out.is_empty() {
        writeln!(out, "## Columns left out\n")?;
        table(out, &["Column", "Reason"], facts.left_out.iter().map(|(c, r)| vec![c.clone(), r.clone()]))?;
    }
    list(out, "Intended use", &facts.intended_use)?;
    list(out, "Limits", &facts.limits)?;
    if !facts.gates.is_empty() {
        writeln!(out, "## Gates\n")?;
        table(
            out,
            &["Stage", "Gate", "Verdict", "Message"],
            facts.gates.iter().map(|g| vec![g.stage.clone(), g.name.clone(), g.verdict.clone(), g.message.clone()]),
        )?;
    }
    other_forms(out, run_id)?;
    loading(out, name)
}

fn other_forms(out: &mut String, run_id: &str) -> std::fmt::Result {
    writeln!(
        out,
        "## Other forms\n\nThe same model as one SQL query, preprocessing inside, for PostgreSQL, DuckDB or Spark:\n\n\
         ```\npilothouse export {} --format sql --dialect postgres -o model.sql\n```\n\n\
         The gates of this package were asked of its ONNX form; the query is no part of the package.\n",
        code(run_id)
    )
}

fn loading(out: &mut String, name: &str) -> std::fmt::Result {
    // Fences hold no line breaks or quotes from the name, so it cannot leave the code.
    let name: String = name.chars().filter(|c| !c.is_control() && !matches!(c, '"' | '`' | '\\')).collect();
    writeln!(out, "## Loading it in Python\n\n```python\nimport json\nimport mlflow\nimport pandas as pd\n")?;
    writeln!(out, "model = mlflow.pyfunc.load_model(\"models:/{name}@champion\")")?;
    writeln!(out, "rows = pd.DataFrame(**json.load(open(\"input_example.json\")))\nprint(model.predict(rows))\n```\n")?;
    writeln!(
        out,
        "A missing number is NaN and a missing text is `None`. MLflow refuses whole numbers where a `double` is declared: send \
         them as floats (`rows.astype({{\"column\": float}})`). A `double` column in which every cell is `None` must be cast too. \
         The versions with which this was tested are in `requirements.txt`; pandas must be below 3."
    )
}

fn handling(encoding: &Encoding) -> String {
    match encoding {
        Encoding::Number { impute, mean, scale, indicator } => {
            let flag = if *indicator { ", and a feature says that it was missing" } else { "" };
            let missing = match impute {
                Some(impute) => format!("missing becomes {}{flag}", number(*impute)),
                None => "missing goes a way of its own".to_owned(),
            };
            format!("{missing}; minus {}, divided by {}", number(*mean), number(*scale))
        }
        Encoding::OneHot { levels, missing } => {
            let names = match levels {
                Levels::Text(names) => names.clone(),
                Levels::Number(_) => levels.names(),
            };
            let shown: Vec<String> = names.iter().take(8).cloned().collect();
            let more = if names.len() > shown.len() {
                format!(" and {} more", names.len() - shown.len())
            } else {
                String::new()
            };
            let absent = match (missing, levels) {
                (true, Levels::Text(names)) if names.iter().any(|n| n == "None") => {
                    "missing is a value of its own and must be sent as NaN, because `None` is one of the known values"
                }
                (true, _) => "missing is a value of its own",
                (false, _) => "missing counts as unknown",
            };
            format!("one of {} known values ({}{more}); {absent}", names.len(), shown.join(", "))
        }
    }
}

/// Six significant digits, without a tail of zeros.
fn number(v: f64) -> String {
    if v == 0.0 || !v.is_finite() {
        return v.to_string();
    }
    let magnitude = v.abs().log10().floor();
    if !(-5.0..15.0).contains(&magnitude) {
        return format!("{v:.5e}");
    }
    let decimals = (5.0 - magnitude).max(0.0) as usize;
    let text = format!("{v:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn list(out: &mut String, title: &str, items: &[String]) -> std::fmt::Result {
    if items.is_empty() {
        return Ok(());
    }
    writeln!(out, "## {title}\n")?;
    for item in items {
        writeln!(out, "- {}", safe(item))?;
    }
    writeln!(out)
}

fn table(out: &mut String, head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> std::fmt::Result {
    writeln!(out, "| {} |", head.join(" | "))?;
    writeln!(out, "|{}", " --- |".repeat(head.len()))?;
    for row in rows {
        let cells: Vec<String> = row.iter().map(|c| safe(c)).collect();
        writeln!(out, "| {} |", cells.join(" | "))?;
    }
    writeln!(out)
}

/// Text from data, names or people as one line of Markdown that means only itself.
fn safe(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' => out.push(' '),
            c if c.is_control() => out.push('\u{fffd}'),
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            '|' | '\\' | '`' | '*' | '[' | ']' | '#' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

/// Text for the inside of backticks, where nothing can be escaped.
fn code(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || c == '`' { '\u{fffd}' } else { c }).collect()
}
