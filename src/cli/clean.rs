//! Recipes: suggest one, apply one.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::output::{clear_progress, free, json, line, table};
use super::rules::give;
use super::{Answer, Call};
use crate::data::recipe::{self, Purpose, Recipe};
use crate::data::{self, LoadOptions};
use crate::error::{Error, Result};

#[derive(Debug, Args)]
pub(super) struct Clean {
    /// A file, pattern, folder or address (docs/sources.md), `-` for standard input, or `sample:NAME`.
    pub source: String,
    /// The recipe (TOML) to apply.
    #[arg(long, value_name = "FILE", required_unless_present = "suggest", conflicts_with = "suggest")]
    pub recipe: Option<PathBuf>,
    /// Write a recipe from what the profile finds, instead of applying one.
    #[arg(long)]
    pub suggest: bool,
    /// Clean new rows for a model as its training rows were cleaned: every row stays where it is, and steps on columns that are
    /// not there are passed over.
    #[arg(long, requires = "recipe")]
    pub new_rows: bool,
    /// The column that a model would predict; nothing is suggested for it.
    #[arg(long, value_name = "COLUMN", requires = "suggest")]
    pub target: Option<String>,
    /// The table to write (.csv or .parquet), `-` for CSV on standard output; with --suggest the recipe.
    #[arg(long, short, value_name = "OUT", required_unless_present = "suggest")]
    pub output: Option<PathBuf>,
    /// Write over a file that is there.
    #[arg(long)]
    pub force: bool,
}

pub(super) fn run(call: &Call, args: &Clean) -> Result<Answer> {
    let Some(path) = &args.recipe else { return suggest(call, args) };
    let recipe = Recipe::read(path)?;
    let output = args.output.clone().unwrap_or_else(|| PathBuf::from("-"));
    let standard = output.as_os_str() == "-";
    if standard && call.json {
        return Err(Error::usage("--json and the table cannot both go to standard output").hint("Name a file with -o"));
    }
    if !standard {
        data::FileType::of(&output)?;
    }
    let same = |path: &std::path::Path| path.canonicalize().ok();
    if !standard && same(&output).is_some_and(|out| same(std::path::Path::new(&args.source)) == Some(out)) {
        return Err(Error::usage(format!("{} is the table itself, which is never written over", output.display()))
            .hint("Name another file with -o"));
    }
    free(&output, args.force)?;
    let dataset = data::load(&args.source, &LoadOptions::default(), &call.control)?;
    let purpose = if args.new_rows { Purpose::Score } else { Purpose::Clean };
    let applied = recipe::apply(&dataset, &recipe, purpose, &call.control)?;
    if standard {
        clear_progress();
        data::csv_to(&applied.data, std::io::stdout().lock(), &call.control)?;
        return Ok(Answer::Yes);
    }
    let written = data::write(&applied.data, &output, &call.control)?;
    clear_progress();
    if call.json {
        json(&json!({
            "source": dataset.source,
            "fingerprint": dataset.fingerprint,
            "rows_before": dataset.rows(),
            "rows_after": applied.data.rows(),
            "columns": applied.data.columns.len(),
            "steps": applied.reports,
            "written": written,
        }))?;
    } else {
        let rows: Vec<Vec<String>> = applied
            .reports
            .iter()
            .map(|r| {
                let words =
                    [r.step.to_string(), r.action.clone(), r.rows_after.to_string(), r.cells_changed.to_string()];
                words.into_iter().chain([r.message.clone()]).collect()
            })
            .collect();
        table(&["step", "do", "rows after", "cells changed", "what happened"], &rows)?;
        line("")?;
        line(format!(
            "{} rows and {} columns written to {}",
            applied.data.rows(),
            applied.data.columns.len(),
            written.path
        ))?;
        for differing in &written.differing {
            line(format!("  reads back differently: {differing}; write .parquet to keep it"))?;
        }
    }
    Ok(Answer::Yes)
}

fn suggest(call: &Call, args: &Clean) -> Result<Answer> {
    let output = args.output.clone().unwrap_or_else(|| PathBuf::from("-"));
    free(&output, args.force)?;
    let dataset = data::load(&args.source, &LoadOptions::default(), &call.control)?;
    if let Some(target) = &args.target {
        dataset.spec(target)?;
    }
    let profile = data::profile(&dataset, args.target.as_deref(), &call.control)?;
    let steps = recipe::suggest(&dataset, &profile, &call.control)?;
    let text = recipe::to_commented_toml(&dataset.source, &steps)?;
    let facts: Vec<_> = steps.iter().map(|(finding, step)| json!({ "finding": finding, "step": step })).collect();
    give(call, &output, &text, json!({ "source": dataset.source, "suggestions": facts }))
}
