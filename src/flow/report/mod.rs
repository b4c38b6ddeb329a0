//! A profile as a file: a page for people, Markdown for a repository, JSON for programs, JUnit for CI.

mod html;
mod junit;
mod maps;
mod markdown;
mod parts;

use serde::Serialize;

use crate::data::{self, Associations, Dataset, Limits, LoadOptions, Missingness, Profile, ProfileOptions, Severity};
use crate::engine::Control;
use crate::error::Result;

/// Blocks of rows in the map of missing values.
const BLOCKS: usize = 48;

/// Everything that a report tells.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The profile; in JSON its parts stand at the top, as `profile --json` gives them.
    #[serde(flatten)]
    pub profile: Profile,
    /// Associations of the columns.
    pub associations: Associations,
    /// Where values are missing.
    pub missingness: Missingness,
    /// When it was made, in milliseconds since 1970.
    pub made_ms: i64,
    /// The version of Pilothouse that made it.
    pub pilothouse: String,
}

/// What a report is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One self-contained page.
    Html,
    /// Markdown.
    Markdown,
    /// JSON.
    Json,
    /// JUnit XML; findings at least this bad are failures.
    Junit(Severity),
}

/// Makes a report of a table.
///
/// # Errors
/// When there is no column of the target's name, or the work is cancelled.
pub fn make(dataset: &Dataset, target: Option<&str>, control: &Control) -> Result<Report> {
    if let Some(target) = target {
        dataset.spec(target)?;
    }
    of_profile(data::profile(dataset, target, control)?, dataset, control)
}

/// Makes a report of a source of any size; a large one is streamed, and what compares rows or columns with each other is
/// computed on a uniform sample of its rows.
///
/// # Errors
/// As [`make`], and when the source cannot be read.
pub fn of_source(source: &str, target: Option<&str>, limits: &Limits, control: &Control) -> Result<Report> {
    let options = ProfileOptions { target: target.map(str::to_owned), ..ProfileOptions::default() };
    let (profile, rows) = data::examine(source, &LoadOptions::default(), &options, limits, control)?;
    of_profile(profile, &rows, control)
}

/// `rows` are all rows of the table, or a uniform sample of them.
fn of_profile(profile: Profile, rows: &Dataset, control: &Control) -> Result<Report> {
    control.report("report", None, "associations");
    let associations = Associations { of: profile.rows, ..data::associations(rows, control)? };
    control.report("report", None, "missing values");
    let time = profile.time.as_deref();
    let missingness = data::missingness_of(&rows.frame, &rows.columns, time, BLOCKS, profile.rows, control)?;
    let source = data::redact(&profile.source);
    Ok(Report {
        profile: Profile { source, ..profile },
        associations,
        missingness,
        made_ms: crate::store::now_ms(),
        pilothouse: env!("CARGO_PKG_VERSION").to_owned(),
    })
}

impl Report {
    /// The report as text of a format.
    ///
    /// # Errors
    /// Never for a report made by [`make`].
    pub fn write(&self, format: Format) -> Result<String> {
        Ok(match format {
            Format::Html => html::page(self),
            Format::Markdown => markdown::page(self),
            Format::Json => data::harmless_json(&serde_json::to_string_pretty(self)?).into_owned() + "\n",
            Format::Junit(bound) => junit::suite(self, bound),
        })
    }

    /// How many findings there are of each severity, the worst first.
    fn severities(&self) -> Vec<(Severity, usize)> {
        let count = |s: Severity| self.profile.findings.iter().filter(|f| f.severity == s).count();
        Severity::ALL.into_iter().rev().map(|s| (s, count(s))).filter(|(_, n)| *n > 0).collect()
    }

    /// Share of missing cells in the whole table.
    fn missing_share(&self) -> f64 {
        let cells = self.profile.rows.saturating_mul(self.profile.columns.len() as u64).max(1);
        self.profile.columns.iter().map(|c| c.missing).sum::<u64>() as f64 / cells as f64
    }

    /// When the report was made.
    fn made(&self) -> String {
        chrono::DateTime::from_timestamp_millis(self.made_ms)
            .map(|t| t.format("%Y-%m-%d %H:%M UTC").to_string())
            .unwrap_or_default()
    }

    /// On how many rows associations were computed, in a sentence.
    fn sample_note(&self) -> String {
        let a = &self.associations;
        let examined = self.profile.examined;
        if examined.sampled_rows < examined.rows {
            format!(
                "Associations are computed on {} drawn at random (with a fixed seed) from {}, the map of missing values on {}; \
                 the figures of columns come from all rows, and a finding says when it comes from a sample.",
                data::counted(a.rows, "row"),
                data::thousands(a.of),
                data::thousands(self.missingness.blocks.iter().map(|b| b.rows).sum())
            )
        } else if a.rows == a.of {
            format!("Associations are computed on all {}.", data::counted(a.rows, "row"))
        } else {
            format!(
                "Associations are computed on {} drawn at random (with a fixed seed) from {}; everything else on all rows.",
                data::counted(a.rows, "row"),
                data::thousands(a.of)
            )
        }
    }
}

#[cfg(test)]
mod tests;
