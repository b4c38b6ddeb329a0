//! What a face needs to show a walk: everything its steps left, read at once, and the data made ready step by step.

use std::path::Path;
use std::sync::Arc;

use crate::data::{Dataset, Profile, column};
use crate::engine::Control;
use crate::error::{Error, Result};
use crate::gate::GateReport;
use crate::model::Task;
use crate::model::estimators;
use crate::team::Decision;

use super::catalog::{Since, since};
use super::record::{CompareRecord, LoadRecord, PrepareRecord, RunRecord, TrainRecord};
use super::ship_steps::{LogEntry, PushRecord};
use super::spec::Flow;
use super::step::{Step, StepState};
use super::watch_step::WatchRecord;
use super::workshop::{Walk, Workshop};
use super::{data_steps, run, samples};

/// Rows of a table that are kept as text for looking at.
const HEAD: usize = 200;
/// Different values shown as a column's examples.
const EXAMPLES: usize = 5;

/// A walk with all that its steps left and that still holds.
#[derive(Debug, Clone)]
pub struct Desk {
    /// The walk.
    pub walk: Walk,
    /// Step load.
    pub load: Option<LoadRecord>,
    /// What the table has that the version before it had not, when the catalog knows one.
    pub since: Option<Since>,
    /// Step inspect.
    pub profile: Option<Profile>,
    /// Step prepare.
    pub prepare: Option<PrepareRecord>,
    /// Step train.
    pub train: Option<TrainRecord>,
    /// The runs of step train, in the order of the candidates.
    pub runs: Vec<RunRecord>,
    /// Step compare.
    pub compare: Option<CompareRecord>,
    /// Step test.
    pub gates: Option<GateReport>,
    /// Step approve.
    pub decision: Option<Decision>,
    /// Step push.
    pub push: Option<PushRecord>,
    /// Step watch.
    pub watch: Option<WatchRecord>,
    /// The workspace's audit log, the oldest first, or why its chain does not hold.
    pub audit: Result<Vec<LogEntry>>,
}

impl Desk {
    /// The run with which the walk goes on: the chosen one, else the best.
    #[must_use]
    pub fn chosen(&self) -> Option<&RunRecord> {
        let id = match (&self.compare, &self.train) {
            (Some(compare), _) => &compare.chosen,
            (None, Some(train)) => &train.best,
            (None, None) => return None,
        };
        self.runs.iter().find(|r| r.id == *id)
    }
}

/// Reads a walk and all that it left.
///
/// # Errors
/// When there is no such walk or the workspace cannot be read.
pub fn desk(shop: &Workshop, walk: &str) -> Result<Desk> {
    let walk = shop.walk(walk)?;
    let load: Option<LoadRecord> = shop.left(&walk, Step::Load)?;
    Ok(Desk {
        since: load.as_ref().map(|l| since(shop, &l.version)).transpose()?.flatten(),
        load,
        profile: shop.left(&walk, Step::Inspect)?,
        prepare: shop.left(&walk, Step::Prepare)?,
        train: shop.left(&walk, Step::Train)?,
        runs: run::runs_of(shop, &walk)?,
        compare: shop.left(&walk, Step::Compare)?,
        gates: shop.left(&walk, Step::Test)?,
        decision: shop.left(&walk, Step::Approve)?,
        push: shop.left(&walk, Step::Push)?,
        watch: shop.left(&walk, Step::Watch)?,
        audit: shop.audit(),
        walk,
    })
}

/// A table in memory with what a person looks at first.
#[derive(Debug, Clone)]
pub struct Held {
    /// Which walk and which choices it was read by.
    pub key: String,
    /// The table.
    pub dataset: Arc<Dataset>,
    /// Missing cells of each column.
    pub missing: Vec<usize>,
    /// Some values of each column.
    pub examples: Vec<String>,
    /// The first rows as text.
    pub head: Vec<Vec<String>>,
}

impl Held {
    fn new(key: String, dataset: Dataset) -> Result<Self> {
        let rows = dataset.rows().min(HEAD);
        let head = dataset.frame.head(Some(rows));
        let mut missing = Vec::new();
        let mut examples = Vec::new();
        let mut cells: Vec<Vec<String>> = vec![Vec::new(); rows];
        for spec in &dataset.columns {
            let whole = column::get(&dataset.frame, &spec.name)?;
            missing.push(whole.null_count());
            let texts = column::texts(column::get(&head, &spec.name)?)?;
            let mut seen: Vec<String> = Vec::new();
            for text in texts.iter().flatten() {
                if seen.len() < EXAMPLES && !seen.contains(text) {
                    seen.push(text.clone());
                }
            }
            examples.push(seen.join(", "));
            for (row, text) in cells.iter_mut().zip(texts) {
                row.push(text.unwrap_or_default());
            }
        }
        Ok(Self { key, dataset: Arc::new(dataset), missing, examples, head: cells })
    }

    /// Which rows these are: the same choices may read other bytes later.
    #[must_use]
    pub fn rows_key(&self) -> String {
        format!("{} {}", self.key, self.dataset.fingerprint)
    }

    /// Whether this is the table that the walk reads now.
    #[must_use]
    pub fn is_of(&self, walk: &Walk) -> bool {
        self.key == key(walk)
    }
}

fn key(walk: &Walk) -> String {
    format!("{} {}", walk.id, Step::Load.key(&walk.flow))
}

/// Does the steps load, inspect and prepare as far as `upto`, each only when it is not done or when it is `again`.
/// A table already in memory is used when it is still the right one. Without a target it stops before prepare.
///
/// # Errors
/// When a step fails or is cancelled.
pub fn ready(
    shop: &Workshop,
    walk: &str,
    upto: Step,
    again: Option<Step>,
    held: Option<Held>,
    control: &Control,
) -> Result<Held> {
    let mut walk = shop.walk(walk)?;
    let held = match held.filter(|h| h.is_of(&walk) && again != Some(Step::Load)) {
        Some(held) if walk.state(Step::Load) == StepState::Done => held,
        _ => {
            control.report("load", None, format!("reading {}", walk.flow.load.source));
            let dataset = data_steps::load(shop, &walk, control)?;
            walk = shop.walk(&walk.id)?;
            Held::new(key(&walk), dataset)?
        }
    };
    if upto >= Step::Inspect && (walk.state(Step::Inspect) != StepState::Done || again == Some(Step::Inspect)) {
        control.report("inspect", None, "looking at every column");
        data_steps::inspect(shop, &walk, &held.dataset, control)?;
    }
    let chosen = !walk.flow.prepare.target.is_empty();
    if upto >= Step::Prepare && chosen && (walk.state(Step::Prepare) != StepState::Done || again == Some(Step::Prepare))
    {
        control.report("prepare", None, "choosing columns and rows");
        data_steps::prepare_step(shop, &walk, &held.dataset, control)?;
    }
    Ok(held)
}

/// Begins a walk from a source as a person names it: `sample:NAME` with its own flow when there is one, a flow file
/// (`.toml`), or a table. A walk over the same source is taken up as it is.
///
/// # Errors
/// When the flow file is wrong or the workspace cannot be written.
pub fn open(shop: &Workshop, source: &str) -> Result<Walk> {
    let sample = source.strip_prefix("sample:").and_then(|n| samples::sample_flow(n).ok());
    let is_flow = Path::new(source).extension().is_some_and(|e| e.eq_ignore_ascii_case("toml"));
    let flow = match sample {
        Some(sample) => Flow::parse(sample.toml)?,
        None if is_flow => Flow::read(Path::new(source))?,
        None => {
            let path = Path::new(source);
            // One file is one source, from wherever the program was started.
            let absolute = path.canonicalize().map_or_else(|_| source.to_owned(), |p| p.display().to_string());
            let name = path.file_stem().and_then(|s| s.to_str()).unwrap_or("walk").replace("sample:", "");
            let mut flow = Flow { name, ..Flow::default() };
            flow.load.source = absolute;
            flow
        }
    };
    let walks = shop.walks()?;
    let same = |w: &&Walk| w.flow.load.source == flow.load.source && (w.flow.name == flow.name || sample.is_none());
    if !is_flow && let Some(walk) = walks.iter().find(same) {
        return Ok(walk.clone());
    }
    if is_flow {
        return shop.begin(&flow);
    }
    let taken = |name: &str| walks.iter().any(|w| w.flow.name == name);
    let mut named = flow.clone();
    let mut n = 2;
    while taken(&named.name) {
        named.name = format!("{}-{n}", flow.name);
        n += 1;
    }
    shop.begin(&named)
}

/// The candidates that training a walk will fit, in order: name, and title for people.
#[must_use]
pub fn candidate_names(walk: &Walk, task: Task) -> Vec<(String, String)> {
    let mut names = walk.flow.train.models.clone();
    if names.is_empty() {
        names = estimators::names(task).iter().map(|n| (*n).to_owned()).collect();
    }
    // The baseline is always among them.
    if !names.iter().any(|n| n == "dummy") {
        names.insert(0, "dummy".into());
    }
    names.into_iter().map(|n| (n.clone(), estimators::title(&n))).collect()
}

/// Checks a derived column on a table without keeping it: its first values, or what is wrong. `again` replaces a column
/// that was derived before.
///
/// # Errors
/// When the name is taken or the expression cannot be computed.
pub fn try_derive(
    dataset: &Dataset,
    name: &str,
    expression: &str,
    again: bool,
    control: &Control,
) -> Result<Vec<String>> {
    if dataset.spec(name).is_ok() && !again {
        return Err(Error::usage(format!("there is already a column `{name}`")).hint("Choose another name"));
    }
    let mut some = dataset.clone();
    some.frame = some.frame.head(Some(50));
    if again && let Ok(rest) = some.frame.drop(name) {
        some.frame = rest;
        some.columns.retain(|c| c.name != name);
    }
    crate::data::derive(&mut some, name, expression, control)?;
    let texts = column::texts(column::get(&some.frame, name)?)?;
    Ok(texts.into_iter().take(EXAMPLES).map(Option::unwrap_or_default).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shop() -> (tempfile::TempDir, Workshop) {
        let folder = tempfile::tempdir().unwrap();
        let shop = Workshop::open(folder.path()).unwrap();
        (folder, shop)
    }

    #[test]
    fn a_sample_begins_with_its_flow_and_is_taken_up_as_it_was_left() {
        let (_folder, shop) = shop();
        let walk = open(&shop, "sample:credit").unwrap();
        assert_eq!(walk.flow.prepare.target, "Status");
        let mut changed = walk.flow.clone();
        changed.seed = 7;
        shop.begin(&changed).unwrap();
        assert_eq!(open(&shop, "sample:credit").unwrap().flow.seed, 7);
    }

    #[test]
    fn files_of_one_name_are_two_walks() {
        let (folder, shop) = shop();
        let mut walks = Vec::new();
        for sub in ["a", "b"] {
            let dir = folder.path().join(sub);
            std::fs::create_dir_all(&dir).unwrap();
            std::fs::write(dir.join("x.csv"), "p,q\n1,2\n").unwrap();
            walks.push(open(&shop, &dir.join("x.csv").display().to_string()).unwrap());
        }
        assert_eq!((walks[0].flow.name.as_str(), walks[1].flow.name.as_str()), ("x", "x-2"));
        let again = open(&shop, &folder.path().join("b/x.csv").display().to_string()).unwrap();
        assert_eq!(again.id, walks[1].id);
    }

    #[test]
    fn data_are_made_ready_once_and_only_as_far_as_asked() {
        let (_folder, shop) = shop();
        let walk = open(&shop, "sample:credit").unwrap();
        let control = Control::default();
        let held = ready(&shop, &walk.id, Step::Load, None, None, &control).unwrap();
        let left = desk(&shop, &walk.id).unwrap();
        assert!(left.load.is_some() && left.profile.is_none());
        assert_eq!(held.missing.len(), held.dataset.columns.len());
        let same = ready(&shop, &walk.id, Step::Prepare, None, Some(held.clone()), &control).unwrap();
        assert!(Arc::ptr_eq(&same.dataset, &held.dataset));
        let left = desk(&shop, &walk.id).unwrap();
        assert!(left.profile.is_some() && left.prepare.is_some() && left.chosen().is_none());
    }

    #[test]
    fn a_derived_column_is_tried_before_it_is_kept() {
        let (_folder, shop) = shop();
        let walk = open(&shop, "sample:credit").unwrap();
        let control = Control::default();
        let held = ready(&shop, &walk.id, Step::Load, None, None, &control).unwrap();
        let name = &held.dataset.columns[1].name;
        assert!(try_derive(&held.dataset, "d", &format!("\"{name}\" * 2"), false, &control).is_ok());
        assert!(try_derive(&held.dataset, name, "1", false, &control).is_err());
        assert!(try_derive(&held.dataset, "d", "no_such + 1", false, &control).is_err());
    }
}
