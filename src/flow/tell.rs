//! Lineage events around the use cases: a start before the work, and its end with what went in and what came out.

use crate::data::{Cell, Dataset as Table, Profile};
use crate::error::{Kind, Result};
use crate::openlineage::{self, ColumnQuality, Dataset, Field, Job, Quality, RunEvent, State};

use super::catalog::{self, CatalogColumn};
use super::record::{RunRecord, RunStatus};
use super::ship_steps::PushRecord;
use super::workshop::Workshop;

/// Inputs and outputs of work that is done.
type Ends = (Vec<Dataset>, Vec<Dataset>);

/// Does the work between two events; `ends` says what went in and out. Without a receiver it only does the work. What goes
/// wrong with the events never touches the work.
pub(super) fn told<T>(
    name: &str,
    about: &str,
    inputs: &[&str],
    work: impl FnOnce() -> Result<T>,
    ends: impl FnOnce(&T) -> Ends,
) -> Result<T> {
    if !openlineage::wanted() {
        return work();
    }
    let job = Job { name: name.to_owned(), about: about.to_owned() };
    let inputs: Vec<Dataset> = inputs.iter().map(|source| Dataset::at(source)).collect();
    let run = openlineage::run_id();
    let event =
        |state, inputs, outputs, error| RunEvent { state, run: run.clone(), job: job.clone(), inputs, outputs, error };
    openlineage::emit(&event(State::Start, inputs.clone(), Vec::new(), None));
    let result = work();
    let end = match &result {
        Ok(done) => {
            let (inputs, outputs) = ends(done);
            event(State::Complete, inputs, outputs, None)
        }
        Err(error) if error.kind == Kind::Cancelled => event(State::Abort, inputs, Vec::new(), None),
        Err(error) => event(State::Fail, inputs, Vec::new(), Some(error.message.clone())),
    };
    openlineage::emit(&end);
    result
}

/// What the catalog knows of certain bytes, as a lineage service wants it.
fn described(shop: Option<&Workshop>, source: &str, fingerprint: &str) -> Dataset {
    let mut dataset = Dataset { version: Some(fingerprint.to_owned()), ..Dataset::at(source) };
    // A catalog that cannot be read has been complained about elsewhere.
    if let Some(Ok(Some((entry, version)))) = shop.map(|shop| catalog::of_fingerprint(shop, fingerprint)) {
        dataset.fields = fields(&version.columns);
        dataset.catalog = Some(entry.name);
        dataset.description = entry.description;
        dataset.owner = entry.owner;
        dataset.tags = entry.tags.into_iter().map(|t| (t, "true".to_owned())).collect();
        dataset.tags.extend(entry.sensitivity.map(|s| ("sensitivity".to_owned(), s.name().to_owned())));
    }
    dataset
}

fn fields(columns: &[CatalogColumn]) -> Vec<Field> {
    let stored = |c: &CatalogColumn| serde_json::to_value(c.physical).ok()?.as_str().map(str::to_owned);
    columns
        .iter()
        .map(|c| Field {
            name: c.name.clone(),
            stored: stored(c).unwrap_or_default(),
            about: c.meaning.name().to_owned(),
        })
        .collect()
}

/// A table that was read; its rows are all that is known of its quality.
pub(super) fn table(shop: &Workshop, table: &Table) -> Dataset {
    let mut dataset = described(Some(shop), &table.source, &table.fingerprint);
    if dataset.fields.is_empty() {
        dataset.fields = fields(&table.columns.iter().map(CatalogColumn::from).collect::<Vec<_>>());
    }
    dataset.quality = Some(Quality { rows: table.rows() as u64, ..Quality::default() });
    dataset
}

/// A table with its profile.
pub(super) fn profiled(shop: Option<&Workshop>, profile: &Profile) -> Dataset {
    let mut dataset = described(shop, &profile.source, &profile.fingerprint);
    if dataset.fields.is_empty() {
        let columns = profile.columns.iter();
        let columns = columns.map(|c| CatalogColumn { name: c.name.clone(), physical: c.physical, meaning: c.kind });
        dataset.fields = fields(&columns.collect::<Vec<_>>());
    }
    let number = |cell: Option<&Cell>| match cell {
        Some(Cell::Number(v)) => Some(*v),
        _ => None,
    };
    let columns = profile.columns.iter().map(|c| {
        let count = profile.rows.saturating_sub(c.missing);
        let quality = ColumnQuality {
            missing: c.missing,
            count,
            distinct: c.distinct,
            sum: c.std.and(c.mean).map(|m| m * count.saturating_sub(c.infinite) as f64),
            min: number(c.min.as_ref()),
            max: number(c.max.as_ref()),
            quantiles: c.quantiles.iter().filter_map(|(q, v)| Some((q.clone(), number(Some(v))?))).collect(),
        };
        (c.name.clone(), quality)
    });
    dataset.quality = Some(Quality { rows: profile.rows, bytes: None, columns: columns.collect() });
    dataset
}

/// The bytes that a run was trained on.
pub(super) fn data_of(shop: &Workshop, run: &RunRecord) -> Dataset {
    described(Some(shop), &run.data.source, &run.data.fingerprint)
}

/// The model that a run made; nothing for a failed one.
pub(super) fn model_of(run: &RunRecord) -> Option<Dataset> {
    (run.status == RunStatus::Done).then(|| Dataset {
        namespace: "pilothouse".into(),
        name: format!("run/{}", run.id),
        kind: "MODEL",
        version: Some(run.files.model.clone()),
        description: format!("{} predicting {}", run.title, run.target),
        owner: run.by.to_string(),
        ..Dataset::default()
    })
}

/// A version of a model in a registry.
pub(super) fn registered(push: &PushRecord) -> Dataset {
    let (namespace, _) = openlineage::place(&push.registry);
    let namespace = if namespace == "file" { "pilothouse".to_owned() } else { namespace };
    Dataset {
        namespace,
        name: format!("model/{}", push.name),
        kind: "MODEL",
        version: Some(push.version.clone()),
        description: push.uri.clone(),
        ..Dataset::default()
    }
}

/// Profiles a table for a face that keeps no walk: tells of it, and notes it in the catalog of a workspace where there is
/// one. `work` hands over the profile as soon as it is made. What cannot be noted comes back as a warning; it does not fail
/// the work.
///
/// # Errors
/// As `work`.
pub fn told_profile<T>(
    shop: Option<&Workshop>,
    source: &str,
    work: impl FnOnce(&dyn Fn(&Profile)) -> Result<T>,
) -> (Result<T>, Option<String>) {
    let made = std::cell::RefCell::new(None);
    let warning = std::cell::RefCell::new(None);
    let result = told(
        &format!("{}.profile", catalog::default_name(source)),
        "Profiles a table",
        &[source],
        || {
            work(&|profile| {
                if let Some(Err(error)) = shop.map(|shop| catalog::note_profile(shop, profile)) {
                    warning.replace(Some(format!("the catalog could not be kept: {error}")));
                }
                if openlineage::wanted() {
                    made.replace(Some(profiled(shop, profile)));
                }
            })
        },
        |_| (made.take().into_iter().collect(), Vec::new()),
    );
    (result, warning.into_inner())
}
