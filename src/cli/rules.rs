//! Data contracts: draft, check, export.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use clap::{Subcommand, ValueEnum};
use serde_json::json;

use super::args::FailOn;
use super::output::{clear_progress, json, line, table, text};
use super::{Answer, Call};
use crate::data::contract::{self, Contract, Report, Verdict};
use crate::data::{self, LoadOptions, Severity};
use crate::error::{Error, Result};

#[derive(Debug, Subcommand)]
pub(super) enum Rules {
    /// Write a first contract from a table that is believed to be right.
    Draft {
        /// A file, pattern, folder or address (docs/sources.md), `-` for standard input, or `sample:NAME`.
        source: String,
        /// The column that a model would predict.
        #[arg(long, value_name = "COLUMN")]
        target: Option<String>,
        /// The file to write, `-` for standard output.
        #[arg(long, short, value_name = "FILE", default_value = "-")]
        output: PathBuf,
    },
    /// Check a table against a contract. Exit code 1 when a rule is broken.
    Check {
        /// A file, pattern, folder or address (docs/sources.md), `-` for standard input, or `sample:NAME`.
        source: String,
        /// The contract (TOML).
        #[arg(long, value_name = "FILE")]
        rules: PathBuf,
        /// Also write the answer as JUnit XML.
        #[arg(long, value_name = "PATH")]
        junit: Option<PathBuf>,
        /// The moment against which freshness is measured, RFC 3339 [default: now].
        #[arg(long, value_name = "RFC3339")]
        now: Option<String>,
        /// Exit with 1 when a rule at least this severe is broken.
        #[arg(long, value_enum, default_value = "serious")]
        fail_on: FailOn,
    },
    /// Write a contract in another form.
    Export {
        /// The contract (TOML).
        rules: PathBuf,
        /// The form.
        #[arg(long, value_enum)]
        format: Form,
        /// The file to write, `-` for standard output.
        #[arg(long, short, value_name = "PATH", default_value = "-")]
        output: PathBuf,
    },
}

/// The forms of a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// Open Data Contract Standard, YAML.
    Odcs,
}

pub(super) fn run(call: &Call, command: Rules) -> Result<Answer> {
    match command {
        Rules::Draft { source, target, output } => draft(call, &source, target.as_deref(), &output),
        Rules::Check { source, rules, junit, now, fail_on } => {
            check(call, &source, &rules, junit.as_deref(), now.as_deref(), fail_on)
        }
        Rules::Export { rules, format: Form::Odcs, output } => {
            let contract = Contract::read(&rules)?;
            let text = contract::to_odcs(&contract)?;
            give(call, &output, &text, json!({ "contract": contract.name, "format": "odcs" }))
        }
    }
}

fn draft(call: &Call, source: &str, target: Option<&str>, output: &Path) -> Result<Answer> {
    if output.as_os_str() != "-" && output.exists() {
        return Err(Error::usage(format!("{} is there already", output.display()))
            .hint("A contract is worked on by hand and never written over: move it away, or name another file"));
    }
    let dataset = data::load(source, &LoadOptions::default(), &call.control)?;
    if let Some(target) = target {
        dataset.spec(target)?;
    }
    let profile = data::profile(&dataset, target, &call.control)?;
    let contract = contract::draft(&dataset, &profile, &call.control)?;
    let facts = json!({ "contract": contract.name, "columns": contract.columns.len(), "rows": dataset.rows() });
    give(call, output, &contract.to_toml()?, facts)
}

/// Gives a text to standard output or a file; as JSON with what it is.
pub(super) fn give(call: &Call, output: &Path, content: &str, mut facts: serde_json::Value) -> Result<Answer> {
    clear_progress();
    let standard = output.as_os_str() == "-";
    if !standard {
        save(output, content)?;
    }
    if call.json {
        if standard {
            facts["content"] = content.into();
        } else {
            facts["path"] = output.display().to_string().into();
        }
        json(&facts)?;
    } else if standard {
        text(content)?;
    } else {
        line(format!("written to {}", output.display()))?;
    }
    Ok(Answer::Yes)
}

/// Writes a small file whole or not at all.
fn save(path: &Path, content: &str) -> Result<()> {
    let place =
        |e: &dyn std::fmt::Display| Error::local(format!("{}: {e}", path.display())).hint("May you write there?");
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".pilothouse").tempfile_in(folder).map_err(|e| place(&e))?;
    file.write_all(content.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(|e| place(&e))?;
    file.persist(path).map_err(|e| place(&e.error))?;
    Ok(())
}

fn check(
    call: &Call,
    source: &str,
    rules: &Path,
    junit: Option<&Path>,
    now: Option<&str>,
    fail_on: FailOn,
) -> Result<Answer> {
    let now: DateTime<Utc> = match now {
        None => Utc::now(),
        Some(text) => DateTime::parse_from_rfc3339(text)
            .map_err(|e| {
                Error::usage(format!("--now {text}: {e}")).hint("Write it like 2026-01-31T12:00:00Z or with +01:00")
            })?
            .to_utc(),
    };
    let contract = Contract::read(rules)?;
    let dataset = data::load(source, &LoadOptions::default(), &call.control)?;
    let report = contract::check(&dataset, &contract, now, &call.control)?;
    let bound = match fail_on {
        FailOn::Never => None,
        FailOn::Note => Some(Severity::Note),
        FailOn::Warning => Some(Severity::Warning),
        FailOn::Serious => Some(Severity::Serious),
        FailOn::Blocking => Some(Severity::Blocking),
    };
    clear_progress();
    if let Some(path) = junit {
        save(path, &contract::junit(&report, bound))?;
    }
    if call.json {
        json(&report)?;
    } else {
        show(&report)?;
    }
    Ok(Answer::from(bound.is_none_or(|bound| report.broken(bound).next().is_none())))
}

fn show(report: &Report) -> Result<()> {
    let rows: Vec<Vec<String>> = report
        .rules
        .iter()
        .map(|rule| {
            let word = match rule.verdict {
                Verdict::Fail => "BROKEN",
                other => other.name(),
            };
            let severity = if rule.verdict == Verdict::Fail { rule.severity.name() } else { "" };
            vec![word.into(), rule.rule.clone(), severity.into(), rule.message.clone()]
        })
        .collect();
    table(&["", "rule", "severity", "what was found"], &rows)?;
    line("")?;
    for rule in report.rules.iter().filter(|r| r.verdict == Verdict::Fail) {
        if let Some(why) = &rule.why {
            line(format!("{}: {why}", rule.rule))?;
        }
        for example in &rule.examples {
            line(format!("{}: row {}: {}", rule.rule, example.row, example.value))?;
        }
    }
    let broken = report.broken(Severity::Note).count();
    let said = format!("{} {} against {}: ", report.contract, report.version, report.source);
    line(match (broken, report.verdict) {
        (0, _) => format!("{said}all {} rules are kept", report.rules.len()),
        (n, Verdict::Fail) => format!("{said}{n} of {} rules are broken", report.rules.len()),
        (n, _) => format!("{said}{n} of {} rules are broken, none of them serious", report.rules.len()),
    })
}
