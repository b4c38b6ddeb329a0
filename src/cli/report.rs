//! A profile as a file for people or for machines.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::json;

use super::args::FailOn;
use super::output::{json, line, text};
use super::{Answer, Call};
use crate::data::{self, Severity};
use crate::error::{Error, Result};
use crate::flow::report::{self, Format};

/// `pilothouse report`.
#[derive(Debug, Args)]
pub(super) struct Report {
    /// A table: a file, `-` for standard input, or `sample:NAME`.
    pub source: String,
    /// The column that a model would predict.
    #[arg(long, value_name = "COLUMN")]
    target: Option<String>,
    /// The file to write, `-` for standard output; its ending chooses the format (.html, .md, .json, .xml).
    #[arg(long, short, value_name = "PATH", default_value = "report.html")]
    output: PathBuf,
    /// Write over a file that is there.
    #[arg(long)]
    force: bool,
    /// The format, when the ending does not say it.
    #[arg(long, value_enum)]
    format: Option<Kind>,
    /// In JUnit, a finding at least this bad is a failure, and the exit code is 1.
    #[arg(long, value_enum)]
    fail_on: Option<FailOn>,
}

/// What `report` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// One self-contained page.
    Html,
    /// Markdown.
    #[value(alias = "md")]
    Markdown,
    /// Everything, for programs.
    Json,
    /// Findings as test cases, for CI.
    #[value(alias = "xml")]
    Junit,
}

impl Kind {
    fn of(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?.to_lowercase();
        Some(match ending.as_str() {
            "html" | "htm" => Self::Html,
            "md" | "markdown" => Self::Markdown,
            "json" => Self::Json,
            "xml" => Self::Junit,
            _ => return None,
        })
    }
}

pub(super) fn run(call: &Call, args: &Report, seen: &dyn Fn(&data::Profile)) -> Result<Answer> {
    let kind = args.format.or_else(|| Kind::of(&args.output)).ok_or_else(|| {
        Error::usage(format!("{}: the ending does not say which format", args.output.display()))
            .hint("End the name in .html, .md, .json or .xml, or name one with --format")
    })?;
    // The name that nobody has given is made anew each time.
    if args.output.as_os_str() != "report.html" {
        super::output::free(&args.output, args.force)?;
    }
    let bound = match args.fail_on {
        None | Some(FailOn::Never) => None,
        Some(FailOn::Note) => Some(Severity::Note),
        Some(FailOn::Warning) => Some(Severity::Warning),
        Some(FailOn::Serious) => Some(Severity::Serious),
        Some(FailOn::Blocking) => Some(Severity::Blocking),
    };
    let limits = data::Limits::default();
    let report = report::of_source(&args.source, args.target.as_deref(), &limits, &call.control)?;
    seen(&report.profile);
    let format = match kind {
        Kind::Html => Format::Html,
        Kind::Markdown => Format::Markdown,
        Kind::Json => Format::Json,
        Kind::Junit => Format::Junit(bound.unwrap_or(Severity::Serious)),
    };
    let written = report.write(format)?;
    super::output::clear_progress();
    if args.output == Path::new("-") {
        text(&written)?;
    } else {
        std::fs::write(&args.output, &written).map_err(|e| {
            Error::local(format!("{}: {e}", args.output.display())).hint("Choose another path with --output")
        })?;
        let findings = report.profile.findings.len();
        if call.json {
            json(&json!({
                "source": report.profile.source, "output": args.output, "bytes": written.len(), "findings": findings,
                "verdict": report.profile.feasibility.verdict,
            }))?;
        } else {
            line(format!(
                "{} written: {findings} findings in {} columns",
                args.output.display(),
                report.profile.columns.len()
            ))?;
        }
    }
    let bad = bound.is_some_and(|bound| report.profile.findings.iter().any(|f| f.severity >= bound));
    Ok(Answer::from(!bad))
}
