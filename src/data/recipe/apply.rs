//! Applying a recipe: a dataset goes in, another comes out, and each step says what it did.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::spec::{Action, Failures, FillWith, Recipe, Step};
use super::{convert, hash, join, rows, values};
use crate::data::display::brief;
use crate::data::finding::{counted, thousands};
use crate::data::scalar::Scalar;
use crate::data::{Dataset, source};
use crate::engine::Control;
use crate::error::{Error, Kind, Result};

/// What the rows are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A table to be cleaned: every step is done.
    Clean,
    /// New rows to be scored by a model whose training rows were cleaned: each row must stay where it is, so steps that leave
    /// out or multiply rows are passed over, and so are columns that new rows do not have (the target, say).
    Score,
}

/// What a step did to one column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnChange {
    /// The column.
    pub column: String,
    /// Cells whose value is another one than before, exactly; a cast rewrites every cell that has a value.
    pub cells: u64,
    /// Cells among them that could not be read and became missing.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lost: u64,
    /// The value that was computed from the rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fitted: Option<Scalar>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// What one step did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepReport {
    /// Its place in the recipe, from 1.
    pub step: usize,
    /// What it is: `drop`, `fill`…
    #[serde(rename = "do")]
    pub action: String,
    /// Why it is there, in its author's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Rows before it.
    pub rows_before: u64,
    /// Rows after it.
    pub rows_after: u64,
    /// Cells whose value it changed, exactly; cells of rows or columns that it left out or added do not count.
    pub cells_changed: u64,
    /// Columns that it added.
    pub columns_added: Vec<String>,
    /// Columns that it left out.
    pub columns_removed: Vec<String>,
    /// The columns that it changed.
    pub columns: Vec<ColumnChange>,
    /// What happened, in a sentence. Safe to show on a terminal.
    pub message: String,
}

/// A recipe applied.
#[derive(Debug, Clone)]
pub struct Applied {
    /// The cleaned table.
    pub data: Dataset,
    /// What each step did.
    pub reports: Vec<StepReport>,
    /// The recipe with every computed value written down, to treat new rows with the values of these.
    pub fitted: Recipe,
}

/// A step at work.
pub(super) struct Work<'a> {
    /// The table as it is so far.
    pub data: Dataset,
    /// What the step did so far.
    pub report: StepReport,
    /// Asks whether to stop.
    pub control: &'a Control,
    /// What the step needs to be repeated with the same values; the step itself when empty.
    pub fitted: Vec<Action>,
    /// What else the result depends on: the fingerprint of a joined table.
    pub depends: String,
}

impl Work<'_> {
    /// Notes a change of a column.
    pub fn changed(&mut self, column: &str, cells: u64, lost: u64, fitted: Option<Scalar>) {
        self.report.cells_changed += cells;
        self.report.columns.push(ColumnChange { column: column.to_owned(), cells, lost, fitted });
    }

    /// `12 cells in a, b`, of the columns in which something changed.
    pub fn told(&self) -> String {
        let names: Vec<String> =
            self.report.columns.iter().filter(|c| c.cells > 0).map(|c| brief(&c.column, 40)).collect();
        let cells = counted(self.report.cells_changed, "cell");
        if names.is_empty() { cells } else { format!("{cells} in {}", list(&names)) }
    }
}

/// Names with commas, the rest counted.
pub(super) fn list(names: &[String]) -> String {
    let few: Vec<String> = names.iter().take(6).map(|n| brief(n, 40)).collect();
    let more = names.len() - few.len();
    if more > 0 { format!("{} and {more} more", few.join(", ")) } else { few.join(", ") }
}

/// Applies a recipe. The dataset that goes in is not changed; columns that no step touches are shared between both.
///
/// # Errors
/// When a step cannot be done; the message names the step and says what to do. Or when cancelled.
pub fn apply(data: &Dataset, recipe: &Recipe, purpose: Purpose, control: &Control) -> Result<Applied> {
    recipe.validate()?;
    let mut applied = Applied { data: data.clone(), reports: Vec::new(), fitted: Recipe::default() };
    let all = recipe.steps.len().max(1);
    for (i, step) in recipe.steps.iter().enumerate() {
        control.check()?;
        control.report("recipe", Some(i as f64 / all as f64), format!("step {}: {}", i + 1, step.action.name()));
        let action = match purpose {
            Purpose::Clean => Some(step.action.clone()),
            Purpose::Score => for_new_rows(&step.action, &applied.data),
        };
        let Some(action) = action else { continue };
        let done = one(&applied.data, &action, step, i + 1, control).map_err(|e| {
            let place = format!("step {} ({})", i + 1, step.action.name());
            if e.kind == Kind::Cancelled { e } else { e.at(place) }
        })?;
        let (data, report, fitted) = done;
        applied.data = data;
        applied.reports.push(report);
        applied.fitted.steps.extend(fitted.into_iter().map(|action| Step { action, why: step.why.clone() }));
    }
    Ok(applied)
}

/// What a step does to new rows, or `None` when it does nothing to them.
fn for_new_rows(action: &Action, data: &Dataset) -> Option<Action> {
    if !action.keeps_rows() {
        return None;
    }
    let there = |name: &String| data.columns.iter().any(|c| c.name == *name);
    let mut action = action.clone();
    match &mut action {
        // An empty list means all text columns there are.
        Action::Trim { columns } if columns.is_empty() => return Some(action),
        Action::Drop { columns }
        | Action::Keep { columns }
        | Action::Cast { columns, .. }
        | Action::ParseDates { columns, .. }
        | Action::Fill { columns, .. }
        | Action::Clip { columns, .. }
        | Action::Trim { columns }
        | Action::Missing { columns, .. }
        | Action::Hash { columns, .. } => {
            columns.retain(there);
            return (!columns.is_empty()).then_some(action);
        }
        Action::Rename { columns } => {
            columns.retain(|old, _| there(old));
            return (!columns.is_empty()).then_some(action);
        }
        _ => {}
    }
    action.reads().iter().all(there).then_some(action)
}

/// Does one step on a copy of the table.
fn one(
    data: &Dataset,
    action: &Action,
    step: &Step,
    number: usize,
    control: &Control,
) -> Result<(Dataset, StepReport, Vec<Action>)> {
    let rows_before = data.rows() as u64;
    let report = StepReport {
        step: number,
        action: action.name().to_owned(),
        why: step.why.clone(),
        rows_before,
        rows_after: rows_before,
        cells_changed: 0,
        columns_added: Vec::new(),
        columns_removed: Vec::new(),
        columns: Vec::new(),
        message: String::new(),
    };
    let mut work = Work { data: data.clone(), report, control, fitted: Vec::new(), depends: String::new() };
    perform(&mut work, action)?;
    let Work { mut data, mut report, mut fitted, depends, .. } = work;
    if fitted.is_empty() {
        fitted.push(action.clone());
    }
    report.rows_after = data.rows() as u64;
    if data.columns.is_empty() {
        return Err(Error::input("no column would be left").hint("Keep at least one"));
    }
    let said = serde_json::to_string(action)?;
    data.fingerprint = source::hex(&Sha256::digest(format!("{}\n{said}\n{depends}", data.fingerprint)));
    Ok((data, report, fitted))
}

fn perform(work: &mut Work<'_>, action: &Action) -> Result<()> {
    match action {
        Action::Drop { columns } => drop(work, columns),
        Action::Keep { columns } => {
            known(&work.data, columns)?;
            let others: Vec<String> =
                work.data.columns.iter().map(|c| c.name.clone()).filter(|c| !columns.contains(c)).collect();
            drop(work, &others)
        }
        Action::Rename { columns } => rename(work, columns),
        Action::Cast { columns, to, strip, decimal, failures } => {
            let how = convert::Numbers { strip: *strip, decimal: decimal.unwrap_or('.') };
            convert::cast(work, columns, *to, how, *failures)
        }
        Action::ParseDates { columns, format, failures } => convert::parse_dates(work, columns, format, *failures),
        Action::Fill { columns, with, value } => values::fill(work, columns, *with, value.as_ref()),
        Action::Clip { columns, min, max } => values::clip(work, columns, min.as_ref(), max.as_ref()),
        Action::Map { column, values } => values::map(work, column, values),
        Action::Trim { columns } => values::trim(work, columns),
        Action::Missing { columns, values, below, above } => {
            values::missing(work, columns, values, below.as_ref(), above.as_ref())
        }
        Action::Hash { columns, salt_from } => hash::hash(work, columns, salt_from),
        Action::Deduplicate { columns, keep } => rows::deduplicate(work, columns, *keep),
        Action::Filter { condition } => rows::filter(work, condition),
        Action::Derive { column, expression } => rows::derive(work, column, expression),
        Action::Join { .. } => join::join(work, action),
    }
}

/// Refuses names of columns that are not there.
pub(super) fn known(data: &Dataset, columns: &[String]) -> Result<()> {
    columns.iter().try_for_each(|name| data.spec(name).map(|_| ()))
}

fn drop(work: &mut Work<'_>, columns: &[String]) -> Result<()> {
    known(&work.data, columns)?;
    let rest: Vec<String> = work.data.columns.iter().map(|c| c.name.clone()).filter(|c| !columns.contains(c)).collect();
    work.data.frame = work.data.frame.select(&rest)?;
    work.data.columns.retain(|c| rest.contains(&c.name));
    let mut named = std::collections::BTreeSet::new();
    let gone: Vec<String> = columns.iter().filter(|c| named.insert(c.as_str())).cloned().collect();
    work.report.message = if gone.is_empty() {
        "no column had to be left out".to_owned()
    } else {
        format!("{} left out: {}", counted(gone.len() as u64, "column"), list(&gone))
    };
    work.report.columns_removed = gone;
    Ok(())
}

fn rename(work: &mut Work<'_>, columns: &std::collections::BTreeMap<String, String>) -> Result<()> {
    known(&work.data, &columns.keys().cloned().collect::<Vec<_>>())?;
    let mut names = std::collections::BTreeSet::new();
    let renamed = |name: &str| columns.get(name).map_or(name, |new| new.trim()).to_owned();
    for spec in &work.data.columns {
        let name = renamed(&spec.name);
        if !names.insert(name.clone()) {
            return Err(Error::input(format!("two columns would be called `{}`", brief(&name, 60)))
                .hint("Give each a name of its own, or drop one first"));
        }
    }
    let height = work.data.rows();
    let frame: Vec<_> = work
        .data
        .frame
        .columns()
        .iter()
        .map(|column| column.clone().with_name(renamed(column.name()).into()))
        .collect();
    work.data.frame = polars::frame::DataFrame::new(height, frame)?;
    for spec in &mut work.data.columns {
        spec.name = renamed(&spec.name);
    }
    let told: Vec<String> =
        columns.iter().map(|(old, new)| format!("{} is now {}", brief(old, 30), brief(new, 30))).collect();
    work.report.message = list(&told);
    Ok(())
}

/// A value that cannot be read, and what happens to it.
pub(super) struct Failed {
    failures: Failures,
    /// How many there are.
    pub count: u64,
    first: Option<(usize, String)>,
}

impl Failed {
    pub fn new(failures: Failures) -> Self {
        Self { failures, count: 0, first: None }
    }

    /// Notes a value that could not be read.
    pub fn note(&mut self, row: usize, value: &str) {
        self.count += 1;
        if self.first.is_none() {
            self.first = Some((row, brief(value, 40)));
        }
    }

    /// Refuses the step when it was to be refused.
    pub fn check(&self, column: &str, what: &str) -> Result<()> {
        match (&self.first, self.failures) {
            (Some((row, value)), Failures::Refuse) => Err(Error::input(format!(
                "column `{}`, row {}: `{value}` is no {what} ({} in all)",
                brief(column, 60),
                row + 1,
                thousands(self.count)
            ))
            .hint("Mend these values in an earlier step, or write failures = \"missing\" to make them missing")),
            _ => Ok(()),
        }
    }
}

/// The remark that belongs to whatever is computed from all rows.
pub(super) fn leak_remark(with: FillWith) -> &'static str {
    match with {
        FillWith::Mean | FillWith::Median | FillWith::MostFrequent => {
            "; it was computed over all rows, also those kept back for testing: where a model follows, prefer its own imputation"
        }
        FillWith::Constant | FillWith::Forward => "",
    }
}

#[cfg(test)]
mod tests;
