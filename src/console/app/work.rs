//! Background work: what a job is asked to do, and what it brings home.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::chart::Chart;
use crate::console::views::Entry;
use crate::data::{self, Associations, Dataset, Finding, Missingness, Preview, Profile, RowQuery, recipe};
use crate::engine::Control;
use crate::error::{Error, Kind, Result};
use crate::flow::catalog::diff::VersionDiff;
use crate::flow::catalog::{self, Description};
use crate::flow::record::RunRecord;
use crate::flow::spec::{PushSpec, WatchSpec};
use crate::flow::view::{Desk, Held, desk, ready};
use crate::flow::{
    ColumnChart, Flow, RunChart, Step, Walk, Workshop, chosen_run, column_chart, compare_step, decide, inspect_deep,
    prepared, push_step, run_chart, test_step, train_step, watch_step,
};
use crate::team::Verdict;

use super::mend::Suggested;

/// What a job brings home.
#[derive(Debug)]
pub enum Outcome {
    /// All walks, the last changed first.
    Walks(Vec<Walk>),
    /// All datasets.
    Catalog(Vec<catalog::Entry>),
    /// Where a dataset came from and went.
    Lineage(String, Vec<String>),
    /// What changed between the last versions of a dataset.
    Diff(String, std::result::Result<Box<VersionDiff>, Error>),
    /// What is in a folder.
    Folder(PathBuf, Vec<Entry>),
    /// The first rows of a file, or why they cannot be shown.
    Preview(PathBuf, std::result::Result<Preview, Error>),
    /// A walk that was begun or taken up.
    Opened(Box<Desk>),
    /// A walk after one of its steps.
    Step(Box<Desk>, Option<Held>),
    /// A trial of a derived column: its first values, or what is wrong.
    Tried(std::result::Result<Vec<String>, Error>),
    /// A chart.
    Chart(ChartKey, Chart),
    /// A chart of a column, of the table of this key.
    Column(String, String, ColumnChart, Chart),
    /// Which columns go together, in the table of this key.
    Related(String, Associations),
    /// Where values are missing, in the table of this key.
    Gaps(String, Missingness),
    /// A step of cleaning for a finding of the table of this key, when there is one.
    Suggested(String, Option<Suggested>),
    /// Something that was done, in words.
    Said(String),
    /// Rows in an order, or what is wrong with what was asked for.
    Rows(RowQuery, std::result::Result<Vec<u32>, Error>),
    /// The place, in the rows of a query on the table of this key, of the row that contains a text.
    Found(String, RowQuery, String, Option<usize>),
}

/// Which chart of which runs.
pub type ChartKey = (RunChart, Vec<String>);

/// New choices, and those to go back to when they do not work.
#[derive(Debug, Clone)]
pub struct Change {
    /// The old ones.
    pub before: Flow,
    /// The new ones.
    pub flow: Flow,
}

/// A step's work.
#[derive(Debug, Clone)]
pub enum Order {
    /// Load, inspect and prepare as far as a step, perhaps with changed choices.
    Ready {
        /// As far as this one.
        upto: Step,
        /// This one even when it is done.
        again: Option<Step>,
        /// New choices.
        change: Option<Box<Change>>,
    },
    /// Fit models to say whether the table can carry one.
    Deeper,
    /// Fit the candidates.
    Train,
    /// Rank, and go on with a run.
    Compare(Option<String>),
    /// Ask the gates.
    Test,
    /// Record a decision.
    Decide {
        /// The decision.
        verdict: Verdict,
        /// Why.
        reason: String,
        /// Why failed gates do not stand against it.
        overriding: Option<String>,
    },
    /// Push to a registry.
    Push(PushSpec),
    /// Compare new rows with the training data.
    Watch(WatchSpec),
}

impl Order {
    /// The step that it belongs to.
    #[must_use]
    pub fn step(&self) -> Step {
        match self {
            Self::Ready { upto, .. } => *upto,
            Self::Deeper => Step::Inspect,
            Self::Train => Step::Train,
            Self::Compare(_) => Step::Compare,
            Self::Test => Step::Test,
            Self::Decide { .. } => Step::Approve,
            Self::Push(_) => Step::Push,
            Self::Watch(_) => Step::Watch,
        }
    }

    /// The choices to go back to when it fails.
    #[must_use]
    pub fn before(&self) -> Option<&Flow> {
        match self {
            Self::Ready { change: Some(change), .. } => Some(&change.before),
            _ => None,
        }
    }

    /// Whether a newer order of this sort replaces it.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        matches!(self, Self::Ready { .. })
    }
}

/// Runs that a training has finished so far.
pub type LiveRuns = Arc<Mutex<Vec<RunRecord>>>;

/// Carries out an order and reads what the walk then left.
pub fn carry_out(
    workspace: &Path,
    walk: &str,
    order: Order,
    held: Option<Held>,
    live: &LiveRuns,
    control: &Control,
) -> Result<Outcome> {
    let shop = Workshop::open(workspace)?;
    let mut kept = None;
    match order {
        Order::Ready { upto, again, change } => {
            if let Some(change) = &change {
                shop.begin(&change.flow)?;
            }
            let made = ready(&shop, walk, upto, again, held, control);
            if let (Err(e), Some(change)) = (&made, &change)
                && e.kind != Kind::Cancelled
            {
                // A choice that cannot be carried out must not lock the walk.
                shop.begin(&change.before)?;
            }
            kept = Some(made?);
        }
        Order::Deeper => {
            let held = ready(&shop, walk, Step::Inspect, None, held, control)?;
            inspect_deep(&shop, &shop.walk(walk)?, &held.dataset, control)?;
            kept = Some(held);
        }
        Order::Train => {
            let held = ready(&shop, walk, Step::Prepare, None, held, control)?;
            let now = shop.walk(walk)?;
            let prepared = prepared(&shop, &now, &held.dataset)?;
            train_step(&shop, &now, &held.dataset, &prepared, control, &|run| {
                if let Ok(mut runs) = live.lock() {
                    runs.push(run.clone());
                }
                // Wakes the console: the run is there only now.
                control.report(run.model.clone(), Some(1.0), "recorded");
            })?;
            kept = Some(held);
        }
        Order::Compare(chosen) => {
            control.report("compare", None, "paired tests on the rows kept back");
            compare_step(&shop, &shop.walk(walk)?, chosen.as_deref(), control)?;
        }
        Order::Test => {
            let now = shop.walk(walk)?;
            test_step(&shop, &now, &chosen_run(&shop, &now)?, control)?;
        }
        Order::Decide { verdict, reason, overriding } => {
            decide(&shop, &shop.walk(walk)?, verdict, &reason, overriding.as_deref())?;
        }
        Order::Push(spec) => {
            push_step(&shop, &shop.walk(walk)?, &spec, control)?;
        }
        Order::Watch(spec) => {
            let mut now = shop.walk(walk)?;
            if now.flow.watch.as_ref() != Some(&spec) {
                let flow = Flow { watch: Some(spec.clone()), ..now.flow.clone() };
                now = shop.begin(&flow)?;
            }
            watch_step(&shop, &now, &chosen_run(&shop, &now)?, &spec, control)?;
        }
    }
    Ok(Outcome::Step(Box::new(desk(&shop, walk)?), kept))
}

/// The walks of a workspace.
pub fn walks(workspace: &Path) -> Result<Outcome> {
    Ok(Outcome::Walks(Workshop::open(workspace)?.walks()?))
}

/// The datasets of a workspace, after something was said about one of them.
pub fn catalog(workspace: &Path, say: Option<(String, Description)>) -> Result<Outcome> {
    let shop = Workshop::open(workspace)?;
    if let Some((name, say)) = say {
        catalog::set(&shop, &name, &say)?;
    }
    Ok(Outcome::Catalog(catalog::list(&shop)?))
}

/// Where a dataset came from and went, as lines of a tree.
pub fn lineage(workspace: &Path, name: String, plain: bool) -> Result<Outcome> {
    let lines = catalog::lineage::lineage(&Workshop::open(workspace)?, &name)?.tree(plain);
    Ok(Outcome::Lineage(name, lines))
}

/// What changed between two versions of a dataset, without numbers the last two.
pub fn version_diff(
    workspace: &Path,
    name: String,
    versions: Option<(i64, i64)>,
    control: &Control,
) -> Result<Outcome> {
    let versions = versions.map(|(old, new)| (old.to_string(), new.to_string()));
    let versions = versions.as_ref().map(|(old, new)| (old.as_str(), new.as_str()));
    match catalog::diff::diff(&Workshop::open(workspace)?, &name, versions, control) {
        Err(e) if e.kind == Kind::Cancelled => Err(e),
        diff => Ok(Outcome::Diff(name, diff.map(Box::new))),
    }
}

/// Begins a walk from a source, or takes it up.
pub fn open(workspace: &Path, source: &str) -> Result<Outcome> {
    let shop = Workshop::open(workspace)?;
    let walk = crate::flow::view::open(&shop, source)?;
    Ok(Outcome::Opened(Box::new(desk(&shop, &walk.id)?)))
}

/// Takes up a walk.
pub fn resume(workspace: &Path, walk: &str) -> Result<Outcome> {
    Ok(Outcome::Opened(Box::new(desk(&Workshop::open(workspace)?, walk)?)))
}

/// Draws up a chart of runs.
pub fn chart(workspace: &Path, chart: RunChart, runs: &[RunRecord]) -> Result<Outcome> {
    let key = (chart, runs.iter().map(|r| r.id.clone()).collect());
    Ok(Outcome::Chart(key, run_chart(&Workshop::open(workspace)?, chart, runs)?))
}

/// Draws up a chart of a column.
pub fn column(
    key: String,
    data: &Dataset,
    profile: &Profile,
    name: String,
    chart: ColumnChart,
    control: &Control,
) -> Result<Outcome> {
    let mut drawn = column_chart(data, profile, &name, chart, control)?;
    drawn.title.clear();
    Ok(Outcome::Column(key, name, chart, drawn))
}

/// Compares all columns with each other.
pub fn related(key: String, data: &Dataset, control: &Control) -> Result<Outcome> {
    Ok(Outcome::Related(key, data::associations(data, control)?))
}

/// Counts what is missing block by block.
pub fn gaps(key: String, data: &Dataset, time: Option<&str>, control: &Control) -> Result<Outcome> {
    let blocks = crate::console::views::BLOCKS;
    Ok(Outcome::Gaps(key, data::missingness(&data.frame, &data.columns, time, blocks, control)?))
}

/// Looks for the step that mends a finding, and tries it out to say what it would do.
pub fn suggest(
    key: String,
    data: &Dataset,
    profile: &Profile,
    finding: &Finding,
    control: &Control,
) -> Result<Outcome> {
    // For this finding alone: what another one asks for is no answer, also when it is about the same column.
    let alone = Profile { findings: vec![finding.clone()], ..profile.clone() };
    let steps = recipe::suggest(data, &alone, control)?;
    let Some((_, step)) = steps.first() else {
        return Ok(Outcome::Suggested(key, None));
    };
    let one = recipe::Recipe { steps: vec![step.clone()] };
    let applied = recipe::apply(data, &one, recipe::Purpose::Clean, control)?;
    let effect = applied.reports.first().map(|r| r.message.clone()).unwrap_or_default();
    let suggested = Suggested { rows: key.clone(), step: step.clone(), effect };
    Ok(Outcome::Suggested(key, Some(suggested)))
}

/// Drafts a contract of a table into a file that is not there yet.
pub fn draft_rules(data: &Dataset, profile: &Profile, path: &Path, control: &Control) -> Result<Outcome> {
    let text = data::contract::draft(data, profile, control)?.to_toml()?;
    let place = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::AlreadyExists => Error::local(format!("{} is there already", path.display()))
            .hint("An older draft is never overwritten: move it away first"),
        _ => Error::local(format!("{}: {e}", path.display())),
    };
    let mut file = std::fs::File::create_new(path).map_err(place)?;
    std::io::Write::write_all(&mut file, text.as_bytes()).map_err(place)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(Outcome::Said(format!("rules drafted into {name}; `rules = \"{name}\"` under [load] of a flow asks them")))
}

/// Puts rows in the order asked for.
pub fn order(data: &Dataset, query: RowQuery, control: &Control) -> Result<Outcome> {
    let rows = if query.is_plain() { Ok(Vec::new()) } else { data::row_order(data, &query, control) };
    match rows {
        Err(e) if e.kind == Kind::Cancelled => Err(e),
        rows => Ok(Outcome::Rows(query, rows)),
    }
}

/// What to find, and where: in the rows of a query on the table of a key, from a place on.
#[derive(Debug)]
pub struct Search {
    /// The table.
    pub key: String,
    /// The rows.
    pub query: RowQuery,
    /// The text.
    pub text: String,
    /// The place.
    pub from: usize,
    /// Onwards, or back.
    pub forward: bool,
}

/// Finds a row that contains a text.
pub fn find(data: &Dataset, order: Option<&[u32]>, search: Search, control: &Control) -> Result<Outcome> {
    let Search { key, query, text, from, forward } = search;
    let place = data::find_row(data, order, &text, from, forward, control)?;
    Ok(Outcome::Found(key, query, text, place))
}

/// Reads a folder: folders first, then files, each by name.
pub fn folder(path: &Path) -> Result<Outcome> {
    let place = |e: std::io::Error| Error::input(format!("{}: {e}", path.display()));
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(path).map_err(place)? {
        let Ok(entry) = entry else { continue };
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        // Follows links; what cannot be read is shown as an empty file.
        let about = std::fs::metadata(entry.path());
        let is_folder = about.as_ref().is_ok_and(std::fs::Metadata::is_dir);
        entries.push(Entry { name, path: entry.path(), is_folder, size: about.map_or(0, |m| m.len()) });
    }
    entries
        .sort_by(|a, b| b.is_folder.cmp(&a.is_folder).then_with(|| a.name.to_lowercase().cmp(&b.name.to_lowercase())));
    Ok(Outcome::Folder(path.to_owned(), entries))
}

/// Reads the first rows of a file.
pub fn preview(path: &Path) -> Result<Outcome> {
    Ok(Outcome::Preview(path.to_owned(), data::preview(path, 60)))
}
