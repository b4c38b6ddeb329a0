//! The catalog on the command line.

use clap::{Args, Subcommand};

use super::output::{cell, figure, json, line, remark, table};
use super::{Answer, Call};
use crate::data::Profile;
use crate::error::{Error, Result};
use crate::flow;
use crate::flow::catalog::diff::{Change, Pair, VersionDiff, diff};
use crate::flow::catalog::lineage::lineage;
use crate::flow::catalog::{self, Description, Entry, Sensitivity};

/// `pilothouse catalog`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Catalog {
    #[command(subcommand)]
    what: Option<Command>,
    /// Only datasets in which all these words are found: in names, descriptions, tags, columns, sources.
    #[arg(long, value_name = "WORDS", num_args = 1..)]
    search: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// One dataset with its versions and columns.
    Show {
        /// Its name, a source that leads to it, or the beginning of a version's fingerprint.
        name: String,
    },
    /// Say something about a dataset.
    Set(Set),
    /// What changed between two versions. Exit code 1 when the schema changed or columns drifted.
    Diff {
        /// The dataset.
        name: String,
        /// The older and the newer version, by number or fingerprint [default: the last two].
        #[arg(num_args = 0..=2, value_name = "VERSION")]
        versions: Vec<String>,
    },
    /// What led to a dataset or a run, and what came of it.
    Lineage {
        /// A dataset or a run.
        name: String,
    },
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct Set {
    /// The dataset.
    #[arg(group = "which")]
    name: String,
    /// A new name.
    #[arg(long, value_name = "NAME")]
    rename: Option<String>,
    /// Who answers for it.
    #[arg(long)]
    owner: Option<String>,
    /// What it is.
    #[arg(long)]
    description: Option<String>,
    /// A tag to add; may be repeated.
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
    /// A tag to take away; may be repeated.
    #[arg(long, value_name = "TAG")]
    untag: Vec<String>,
    /// How careful to be with it: public, internal, confidential or restricted.
    #[arg(long)]
    sensitivity: Option<Sensitivity>,
    /// Another dataset whose versions belong to this one.
    #[arg(long, value_name = "OTHER")]
    merge: Option<String>,
}

pub(super) fn run(call: &Call, args: &Catalog) -> Result<Answer> {
    match &args.what {
        None => list(call, &args.search.join(" ")),
        Some(Command::Show { name }) => show(call, name),
        Some(Command::Set(args)) => set(call, args),
        Some(Command::Diff { name, versions }) => compare(call, name, versions),
        Some(Command::Lineage { name }) => descent(call, name),
    }
}

/// Does work that makes a profile, and has it noted in the catalog of a workspace where there is one.
pub(super) fn noted(
    call: &Call,
    source: &str,
    work: impl FnOnce(&dyn Fn(&Profile)) -> Result<Answer>,
) -> Result<Answer> {
    let shop = match call.kept.then(|| call.shop()) {
        Some(Ok(shop)) => Some(shop),
        // A workspace that cannot be used does not keep anybody from looking at a table.
        Some(Err(error)) => {
            remark(&format!("the catalog cannot be kept: {error}"));
            None
        }
        None => None,
    };
    let (answer, warning) = flow::told_profile(shop.as_ref(), source, work);
    if let Some(warning) = warning {
        remark(&warning);
    }
    answer
}

/// A day and a time in UTC.
fn moment(ms: i64) -> String {
    chrono::DateTime::from_timestamp_millis(ms).map(|t| t.format("%Y-%m-%d %H:%M").to_string()).unwrap_or_default()
}

fn size(bytes: Option<i64>) -> String {
    match bytes {
        None => "–".into(),
        Some(b) if b < 10_000 => format!("{b} B"),
        Some(b) if b < 10_000_000 => format!("{} kB", b / 1000),
        Some(b) => format!("{} MB", b / 1_000_000),
    }
}

fn list(call: &Call, words: &str) -> Result<Answer> {
    let shop = call.shop()?;
    let hits = catalog::search(&shop, words)?;
    if call.json {
        if words.is_empty() {
            json(&hits.into_iter().map(|h| h.dataset).collect::<Vec<Entry>>())?;
        } else {
            json(&hits)?;
        }
        return Ok(Answer::Yes);
    }
    if hits.is_empty() {
        line(if words.is_empty() {
            "The catalog is empty. Datasets come into it when they are loaded, trained on or watched in this workspace."
                .to_owned()
        } else {
            format!("Nothing fits `{words}`.")
        })?;
        return Ok(Answer::Yes);
    }
    let mut header =
        vec!["dataset", "versions", "rows", "columns", "owner", "sensitivity", "tags", "last change (UTC)"];
    if !words.is_empty() {
        header.push("found in");
    }
    let rows: Vec<Vec<String>> = hits
        .iter()
        .map(|hit| {
            let d = &hit.dataset;
            let newest = d.newest();
            let mut row = vec![
                d.name.clone(),
                d.versions.len().to_string(),
                newest.map_or_else(|| "–".into(), |v| v.rows.to_string()),
                newest.map_or_else(|| "–".into(), |v| v.columns.len().to_string()),
                or_dash(&d.owner),
                d.sensitivity.map_or_else(|| "–".into(), |s| s.name().to_owned()),
                or_dash(&d.tags.join(", ")),
                moment(d.updated_ms),
            ];
            if !words.is_empty() {
                row.push(hit.found.join(", "));
            }
            row
        })
        .collect();
    table(&header, &rows)?;
    Ok(Answer::Yes)
}

fn or_dash(text: &str) -> String {
    if text.is_empty() { "–".into() } else { text.to_owned() }
}

fn show(call: &Call, name: &str) -> Result<Answer> {
    let entry = catalog::show(&call.shop()?, name)?;
    told(call, &entry)
}

fn told(call: &Call, entry: &Entry) -> Result<Answer> {
    if call.json {
        json(entry)?;
        return Ok(Answer::Yes);
    }
    line(&entry.name)?;
    for (what, text) in [
        ("", entry.description.clone()),
        ("owner        ", entry.owner.clone()),
        ("sensitivity  ", entry.sensitivity.map(|s| s.name().to_owned()).unwrap_or_default()),
        ("tags         ", entry.tags.join(", ")),
        ("sources      ", entry.sources.join(", ")),
    ] {
        if !text.is_empty() {
            line(format!("  {what}{text}"))?;
        }
    }
    line("")?;
    let rows: Vec<Vec<String>> = entry
        .versions
        .iter()
        .rev()
        .map(|v| {
            vec![
                v.number.to_string(),
                v.short().to_owned(),
                v.rows.to_string(),
                v.columns.len().to_string(),
                size(v.bytes),
                moment(v.first_seen_ms),
                moment(v.last_seen_ms),
                if v.profile.is_some() { "yes" } else { "no" }.to_owned(),
                v.source.clone(),
            ]
        })
        .collect();
    table(
        &["version", "fingerprint", "rows", "columns", "size", "first seen (UTC)", "last seen", "profile", "source"],
        &rows,
    )?;
    if let Some(newest) = entry.newest() {
        line("")?;
        let rows: Vec<Vec<String>> = newest
            .columns
            .iter()
            .map(|c| {
                let stored = serde_json::to_value(c.physical).ok();
                let stored = stored.as_ref().and_then(|v| v.as_str()).unwrap_or_default();
                vec![c.name.clone(), c.meaning.name().to_owned(), stored.to_owned()]
            })
            .collect();
        table(&["column", "meaning", "stored as"], &rows)?;
    }
    Ok(Answer::Yes)
}

fn set(call: &Call, args: &Set) -> Result<Answer> {
    let say = Description {
        name: args.rename.clone(),
        owner: args.owner.clone(),
        description: args.description.clone(),
        tags: args.tag.clone(),
        untag: args.untag.clone(),
        sensitivity: args.sensitivity,
    };
    if say == Description::default() && args.merge.is_none() {
        return Err(Error::usage("nothing was said about the dataset")
            .hint("Use --owner, --description, --tag, --untag, --sensitivity, --rename or --merge"));
    }
    let shop = call.shop()?;
    let mut entry = catalog::show(&shop, &args.name)?;
    if let Some(other) = &args.merge {
        entry = catalog::merge(&shop, &entry.name, other)?;
    }
    if say != Description::default() {
        entry = catalog::set(&shop, &entry.name, &say)?;
    }
    told(call, &entry)
}

fn compare(call: &Call, name: &str, versions: &[String]) -> Result<Answer> {
    let shop = call.shop()?;
    let newest;
    let pair = match versions {
        [] => None,
        [old] => {
            let entry = catalog::show(&shop, name)?;
            newest = entry.newest().map(|v| v.number.to_string()).unwrap_or_default();
            Some((old.as_str(), newest.as_str()))
        }
        [old, new, ..] => Some((old.as_str(), new.as_str())),
    };
    let diff = diff(&shop, name, pair, &call.control)?;
    super::output::clear_progress();
    if call.json {
        json(&diff)?;
    } else {
        differences(&diff)?;
    }
    Ok(Answer::from(!diff.differs))
}

fn differences(diff: &VersionDiff) -> Result<()> {
    line(format!("{}: version {} against version {}", diff.dataset, diff.to.version, diff.from.version))?;
    line(format!("  {} rows, {} before ({:+})", diff.to.rows, diff.from.rows, diff.to.rows - diff.from.rows))?;
    line("")?;
    if diff.schema.is_empty() {
        line("The columns are the same.")?;
    } else {
        let rows: Vec<Vec<String>> = diff
            .schema
            .iter()
            .map(|c| {
                let word = match c.change {
                    Change::Added => "added",
                    Change::Removed => "removed",
                    Change::Type => "stored differently",
                    Change::Meaning => "means something else",
                };
                let text = |t: &Option<String>| t.clone().unwrap_or_else(|| "–".into());
                vec![c.column.clone(), word.into(), text(&c.from), text(&c.to)]
            })
            .collect();
        table(&["column", "change", "before", "now"], &rows)?;
    }
    line("")?;
    match &diff.columns_missing {
        Some(why) => line(format!("Numbers cannot be compared: {why}"))?,
        None => numbers(diff)?,
    }
    line("")?;
    match &diff.drift {
        None => line(format!("Drift cannot be told: {}", diff.drift_from)),
        Some(drift) => {
            let drifted = drift.drifted();
            for column in &drifted {
                line(format!("  DRIFTED  {}", column.message))?;
            }
            line(format!("{} of {} columns drifted, {}", drifted.len(), drift.columns.len(), diff.drift_from))
        }
    }
}

fn numbers(diff: &VersionDiff) -> Result<()> {
    let number =
        |p: &Option<Pair<f64>>| p.as_ref().map_or_else(|| "–".into(), |p| both(&figure(p.from), &figure(p.to)));
    let rows: Vec<Vec<String>> = diff
        .columns
        .iter()
        .map(|c| {
            vec![
                c.column.clone(),
                both(&percent(c.missing_share.from), &percent(c.missing_share.to)),
                both(&c.distinct.from.to_string(), &c.distinct.to.to_string()),
                number(&c.mean),
                c.quantiles.get("0.5").map_or_else(|| "–".into(), |q| both(&cell(&q.from), &cell(&q.to))),
                number(&c.std),
            ]
        })
        .collect();
    table(&["column", "missing", "distinct", "mean", "median", "std"], &rows)
}

fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

/// What was and what is; once when nothing changed.
fn both(from: &str, to: &str) -> String {
    if from == to { from.to_owned() } else { format!("{from} → {to}") }
}

fn descent(call: &Call, name: &str) -> Result<Answer> {
    let lineage = lineage(&call.shop()?, name)?;
    if call.json {
        json(&lineage)?;
    } else {
        for text in lineage.tree(call.plain) {
            line(text)?;
        }
    }
    Ok(Answer::Yes)
}
