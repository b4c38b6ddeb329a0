//! The first three steps: load, inspect, prepare.

use crate::data::contract::{self, Contract};
use crate::data::recipe::{self, Action, Purpose, Recipe};
use crate::data::{self, Dataset, LoadOptions, Profile};
use crate::engine::Control;
use crate::error::Result;
use crate::model::Prepared;
use crate::model::leakage::check_split;
use crate::model::prepare::{Leak, prepare};

use super::catalog::note_profile;
use super::catalog::record::{note_cleaned, note_table, of_whole};
use super::record::{LoadRecord, PrepareRecord, RecipeRecord};
use super::spec::{Flow, LoadSpec};
use super::step::Step;
use super::tell;
use super::workshop::{Walk, Workshop};

/// A table as a load step says, with what was seen on the way.
pub(super) struct Reading {
    /// As it lies in its source.
    pub raw: Dataset,
    /// As the load step wants it.
    pub dataset: Dataset,
    rules: Option<contract::Report>,
    recipe: Option<RecipeRecord>,
}

/// What a table is read for.
pub(super) enum ReadFor<'a> {
    /// To learn from: it is checked against its contract and cleaned by every step of its recipe.
    Training,
    /// To be scored by a model: rows stay where they are, the recipe is the fitted one, derived columns whose ingredients are
    /// absent are left out.
    Scoring(Option<&'a Recipe>),
}

/// Reads a table as a load step says: corrections of meaning, recipe, filter, then derived columns.
///
/// # Errors
/// When the source cannot be used; the message names file, row and column.
pub fn read(
    spec: &LoadSpec,
    derive: &std::collections::BTreeMap<String, String>,
    control: &Control,
) -> Result<Dataset> {
    Ok(read_for(&ReadFor::Training, spec, derive, control)?.dataset)
}

/// How the bytes are read; meanings of columns that are only made later wait.
fn options(
    spec: &LoadSpec,
    derive: &std::collections::BTreeMap<String, String>,
    recipe: Option<&Recipe>,
    forgiving: bool,
) -> LoadOptions {
    let made = |name: &String| {
        derive.contains_key(name)
            || recipe.is_some_and(|r| {
                r.steps.iter().any(|step| match &step.action {
                    Action::Derive { column, .. } => column == name,
                    Action::Rename { columns } => columns.values().any(|new| new == name),
                    Action::Join { columns, prefix, .. } => {
                        let prefix = prefix.as_deref().unwrap_or_default();
                        columns.iter().any(|c| format!("{prefix}{c}") == *name)
                    }
                    _ => false,
                })
            })
    };
    LoadOptions {
        delimiter: spec.delimiter.and_then(|c| u8::try_from(c).ok()),
        missing: spec.missing.clone(),
        meaning: spec.meaning.iter().filter(|(name, _)| !made(name)).map(|(n, m)| (n.clone(), *m)).collect(),
        schema_changes: spec.schema_changes.unwrap_or_default(),
        forgiving,
    }
}

/// [`read`], with what was seen on the way.
///
/// # Errors
/// As [`read`].
pub(super) fn read_for(
    purpose: &ReadFor<'_>,
    spec: &LoadSpec,
    derive: &std::collections::BTreeMap<String, String>,
    control: &Control,
) -> Result<Reading> {
    let (recipe, rows_for) = match purpose {
        ReadFor::Training => (spec.recipe()?, Purpose::Clean),
        ReadFor::Scoring(fitted) => (fitted.cloned(), Purpose::Score),
    };
    let forgiving = matches!(purpose, ReadFor::Scoring(_));
    let options = options(spec, derive, recipe.as_ref(), forgiving);
    let mut dataset = data::load(&spec.source, &options, control)?;
    // Columns are shared, not copied.
    let raw = dataset.clone();
    // A contract is about the table as it arrives.
    let rules = match (purpose, spec.rules()?) {
        (ReadFor::Training, Some(rules)) => Some(contract::check(&dataset, &rules, chrono::Utc::now(), control)?),
        _ => None,
    };
    let mut cleaned = None;
    if let Some(recipe) = recipe {
        let applied = recipe::apply(&dataset, &recipe, rows_for, control).map_err(|e| e.at("recipe"))?;
        dataset = applied.data;
        for report in &applied.reports {
            dataset.notes.push(format!("recipe, step {} ({}): {}", report.step, report.action, report.message));
        }
        cleaned = Some(RecipeRecord { steps: applied.reports, fitted: applied.fitted });
    }
    if let Some(condition) = &spec.filter {
        let before = dataset.rows();
        data::filter(&mut dataset, condition, control)?;
        dataset.notes.push(format!("{} of {before} rows kept by the filter {condition}", dataset.rows()));
    }
    for (name, expression) in derive {
        let known = || data::expression_columns(expression).iter().all(|c| dataset.spec(c).is_ok());
        if forgiving && !known() {
            continue;
        }
        data::derive(&mut dataset, name, expression, control)?;
    }
    for (name, meaning) in spec.meaning.iter().filter(|(name, _)| !options.meaning.contains_key(*name)) {
        // New rows need not have every column.
        if !forgiving || dataset.spec(name).is_ok() {
            dataset.set_meaning(name, *meaning)?;
        }
    }
    Ok(Reading { raw, dataset, rules, recipe: cleaned })
}

/// How the walk's table keeps a contract: what was seen at loading when that was this contract, else seen anew.
///
/// # Errors
/// When the table has to be read again and cannot.
pub(super) fn rules_report(
    shop: &Workshop,
    walk: &Walk,
    rules: &Contract,
    control: &Control,
) -> Result<contract::Report> {
    let digest = rules.digest()?;
    let loaded: Option<LoadRecord> = shop.left(walk, Step::Load)?;
    if let Some(report) = loaded.and_then(|l| l.rules).filter(|r| r.digest == digest) {
        return Ok(report);
    }
    let spec = &walk.flow.load;
    let options = options(spec, &walk.flow.derive, spec.recipe()?.as_ref(), false);
    let dataset = data::load(&spec.source, &options, control)?;
    contract::check(&dataset, rules, chrono::Utc::now(), control)
}

fn told_load<T>(shop: &Workshop, flow: &Flow, work: impl FnOnce() -> Result<T>, of: fn(&T) -> &Dataset) -> Result<T> {
    let name = format!("{}.load", flow.name);
    tell::told(&name, "Reads a table", &[&flow.load.source], work, |done| {
        (vec![tell::table(shop, of(done))], Vec::new())
    })
}

/// Step load: reads the table and records what it is.
///
/// # Errors
/// As [`read`].
pub fn load(shop: &Workshop, walk: &Walk, control: &Control) -> Result<Dataset> {
    let work = || {
        let reading = read_for(&ReadFor::Training, &walk.flow.load, &walk.flow.derive, control)?;
        keep_load(shop, walk, &reading, control)?;
        Ok(reading.dataset)
    };
    told_load(shop, &walk.flow, work, |dataset| dataset)
}

/// Begins a walk only after its table could be read and its choices make sense: a flow that is refused leaves an earlier
/// walk of the same name as it was.
///
/// # Errors
/// When the table cannot be read, or target, split, models or metric do not fit it.
pub fn begin_checked(shop: &Workshop, flow: &Flow, control: &Control) -> Result<(Walk, Dataset)> {
    let flow = &flow.pinned()?;
    // Before anything is fetched with it.
    flow.check_secrets()?;
    let work = || {
        let draft = shop.draft(flow);
        let reading = read_for(&ReadFor::Training, &flow.load, &flow.derive, control)?;
        let dataset = &reading.dataset;
        let prepared = prepare(dataset, &flow.prepare, &formula_leaks(flow, dataset), flow.seed)?;
        super::train_step::candidates(&draft, &prepared)?;
        super::train_step::ranking_metric(&draft, &prepared)?;
        let walk = shop.begin(flow)?;
        keep_load(shop, &walk, &reading, control)?;
        Ok((walk, reading.dataset))
    };
    told_load(shop, flow, work, |(_, dataset)| dataset)
}

fn keep_load(shop: &Workshop, walk: &Walk, reading: &Reading, control: &Control) -> Result<()> {
    let dataset = &reading.dataset;
    let raw = note_table(shop, &reading.raw, !walk.flow.load.meaning.is_empty(), control)?;
    if raw != dataset.fingerprint {
        note_cleaned(shop, &raw, &dataset.fingerprint)?;
    }
    let before: Option<LoadRecord> = shop.left(walk, Step::Load)?;
    let record = LoadRecord {
        source: dataset.source.clone(),
        fingerprint: dataset.fingerprint.clone(),
        version: raw,
        rows: dataset.rows(),
        columns: dataset.columns.clone(),
        notes: dataset.notes.clone(),
        rules: reading.rules.clone(),
        recipe: reading.recipe.clone(),
    };
    let verdict = |r: &LoadRecord| r.rules.as_ref().map(|r| r.verdict);
    if before.as_ref().is_some_and(|b| verdict(b) != verdict(&record)) {
        // The same rows may grow too old for their contract.
        shop.forget(walk, &[Step::Test])?;
    }
    if before.is_some_and(|b| b.fingerprint != record.fingerprint) {
        // The file changed under the same name: what was found and trained belongs to the old rows.
        let later: Vec<Step> = Step::ALL.into_iter().filter(|s| *s > Step::Load).collect();
        shop.forget(walk, &later)?;
    }
    shop.keep(walk, Step::Load, false, &record)
}

/// Step inspect: profile, findings and feasibility.
///
/// # Errors
/// When the target does not exist, or when cancelled.
pub fn inspect(shop: &Workshop, walk: &Walk, dataset: &Dataset, control: &Control) -> Result<Profile> {
    let target = Some(walk.flow.prepare.target.as_str()).filter(|t| !t.is_empty());
    let options = data::ProfileOptions {
        target: target.map(str::to_owned),
        leaks: formula_leaks(&walk.flow, dataset).into_iter().map(|l| l.column).collect(),
        time: walk.flow.watch.as_ref().and_then(|w| w.time.clone()).filter(|t| dataset.spec(t).is_ok()),
    };
    let work = || {
        let profile = data::profile_with(dataset, &options, control)?;
        let derived: Vec<&String> = walk.flow.derive.keys().collect();
        // Cleaned rows are not the version that lies in the source.
        let changed = walk.flow.load.filter.is_some() || walk.flow.load.recipe.is_some();
        if let Some(whole) = of_whole(&profile, &derived, changed) {
            note_profile(shop, &whole)?;
        }
        shop.keep(walk, Step::Inspect, false, &profile)?;
        Ok(profile)
    };
    let name = format!("{}.profile", walk.flow.name);
    tell::told(&name, "Profiles a table", &[&dataset.source], work, |p| {
        (vec![tell::profiled(Some(shop), p)], Vec::new())
    })
}

/// The columns from which the walk's derived target is computed, and those from which they are.
fn ingredients(flow: &Flow) -> Vec<String> {
    let target = &flow.prepare.target;
    let mut used: Vec<String> = Vec::new();
    let mut open = vec![target.clone()];
    while let Some(name) = open.pop() {
        let Some(expression) = flow.derive.get(&name) else { continue };
        for column in data::expression_columns(expression) {
            if column != *target && !used.contains(&column) {
                used.push(column.clone());
                open.push(column);
            }
        }
    }
    used
}

/// The columns of the source that are known only when the answer is: the target and what it is computed from, by the names
/// that they have before the recipe.
pub(super) fn known_later(flow: &Flow) -> Result<Vec<String>> {
    let mut later = ingredients(flow);
    later.push(flow.prepare.target.clone());
    for step in flow.load.recipe()?.unwrap_or_default().steps.iter().rev() {
        let before: Vec<String> = match &step.action {
            Action::Rename { columns } => {
                columns.iter().filter(|(_, new)| later.contains(new)).map(|(old, _)| old.clone()).collect()
            }
            Action::Derive { column, expression } if later.contains(column) => data::expression_columns(expression),
            _ => Vec::new(),
        };
        later.extend(before);
    }
    Ok(later)
}

/// Columns from which the target is computed, directly or by way of other derived columns, and what is derived from
/// them. Where the formula speaks of two moments or more, the earliest is harmless: it is the start from which the target
/// is measured.
#[must_use]
pub fn formula_leaks(flow: &Flow, dataset: &Dataset) -> Vec<Leak> {
    let target = &flow.prepare.target;
    if !flow.derive.contains_key(target) {
        return Vec::new();
    }
    let used = ingredients(flow);
    let middle = |name: &str| -> Option<f64> {
        let spec = dataset.spec(name).ok()?;
        if spec.meaning != data::Meaning::DateTime {
            return None;
        }
        let column = data::column::get(&dataset.frame, name).ok()?;
        let day = if spec.physical == data::Physical::Date { 86_400.0 } else { 1.0 };
        let mut values: Vec<f64> =
            data::column::numbers(column).ok()?.into_iter().filter(|v| v.is_finite()).map(|v| v * day).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    };
    let moments: Vec<(f64, &String)> = used.iter().filter_map(|name| Some((middle(name)?, name))).collect();
    let start = moments
        .iter()
        .filter(|_| moments.len() > 1)
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| (*name).clone());
    let leaks = used
        .iter()
        .filter(|name| Some(*name) != start.as_ref())
        .map(|name| Leak {
            column: name.clone(),
            reason: match &start {
                Some(start) => format!("`{target}` is computed from it, and it is known only after `{start}`"),
                None => format!("`{target}` is computed from it"),
            },
        })
        .collect();
    with_derived(flow, leaks)
}

/// What is derived from a leak leaks as well.
fn with_derived(flow: &Flow, mut leaks: Vec<Leak>) -> Vec<Leak> {
    // Expressions are evaluated in the order of their names, so one pass in that order follows every chain.
    for (name, expression) in flow.derive.iter().filter(|(name, _)| **name != flow.prepare.target) {
        if leaks.iter().any(|l| l.column == *name) {
            continue;
        }
        if let Some(from) = data::expression_columns(expression).iter().find(|c| leaks.iter().any(|l| l.column == **c))
        {
            leaks.push(Leak { column: name.clone(), reason: format!("it is computed from `{from}`, which leaks") });
        }
    }
    leaks
}

/// The name under which columns that give the target away are reported.
pub const LEAK: &str = "leak";

/// All leaks known so far: by formula, and by the findings of an inspection.
pub(super) fn leaks(flow: &Flow, dataset: &Dataset, profile: Option<&Profile>) -> Vec<Leak> {
    let mut leaks = formula_leaks(flow, dataset);
    for finding in profile.into_iter().flat_map(|p| &p.findings).filter(|f| f.check == LEAK) {
        if let Some(column) = &finding.column
            && !leaks.iter().any(|l| l.column == *column)
        {
            leaks.push(Leak { column: column.clone(), reason: finding.evidence.clone() });
        }
    }
    with_derived(flow, leaks)
}

/// The leaks that an inspection found, and what is derived from them.
pub(super) fn found_leaks(flow: &Flow, profile: &Profile) -> Vec<String> {
    let found = profile.findings.iter().filter(|f| f.check == LEAK);
    let leaks = found.filter_map(|f| Some(Leak { column: f.column.clone()?, reason: f.evidence.clone() })).collect();
    with_derived(flow, leaks).into_iter().map(|l| l.column).collect()
}

/// The columns found to leak that the model would use all the same because they were kept by hand.
#[must_use]
pub fn leaks_used(flow: &Flow, dataset: &Dataset, profile: Option<&Profile>, prepared: &PrepareRecord) -> Vec<String> {
    leaks(flow, dataset, profile).into_iter().map(|l| l.column).filter(|c| prepared.features.contains(c)).collect()
}

/// Step prepare, without recording it: the same dataset, choices and findings always give the same result.
///
/// # Errors
/// When the target cannot be predicted, no feature is left, or the split fails.
pub fn prepared(shop: &Workshop, walk: &Walk, dataset: &Dataset) -> Result<Prepared> {
    let profile: Option<Profile> = shop.left(walk, Step::Inspect)?;
    prepare(dataset, &walk.flow.prepare, &leaks(&walk.flow, dataset, profile.as_ref()), walk.flow.seed)
}

/// Step prepare: decides target, columns and split, looks at what the sides share, and records it all.
///
/// # Errors
/// As [`prepared`], and when cancelled.
pub fn prepare_step(
    shop: &Workshop,
    walk: &Walk,
    dataset: &Dataset,
    control: &Control,
) -> Result<(Prepared, PrepareRecord)> {
    let prepared = prepared(shop, walk, dataset)?;
    let mut missing = 0;
    for feature in &prepared.features {
        missing += data::column::get(&dataset.frame, &feature.name)?.null_count();
    }
    let cells = (dataset.rows() * prepared.features.len()).max(1);
    let time = shop.left::<Profile>(walk, Step::Inspect)?.and_then(|p| p.time);
    let findings = check_split(dataset, &prepared, time.as_deref(), control)?;
    let record = PrepareRecord {
        target: prepared.target_name.clone(),
        task: prepared.task,
        classes: prepared.classes.clone(),
        features: prepared.features.iter().map(|f| f.name.clone()).collect(),
        left_out: prepared.left_out.clone(),
        split: prepared.split.describe(),
        split_reason: prepared.split_reason.clone(),
        train_rows: prepared.sides.train.len(),
        test_rows: prepared.sides.test.len(),
        without_target: prepared.without_target,
        unused: prepared.unused,
        missing_share: missing as f64 / cells as f64,
        findings,
    };
    shop.keep(walk, Step::Prepare, false, &record)?;
    Ok((prepared, record))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::LoadOptions;

    fn leaks_of(derive: &[(&str, &str)]) -> Vec<String> {
        let mut flow = Flow::default();
        flow.prepare.target = "target".into();
        flow.derive = derive.iter().map(|(n, e)| ((*n).to_owned(), (*e).to_owned())).collect();
        let mut dataset = data::load("sample:taxi", &LoadOptions::default(), &Control::default()).unwrap();
        for (name, expression) in &flow.derive {
            data::derive(&mut dataset, name, expression, &Control::default()).unwrap();
        }
        let mut leaks: Vec<String> = formula_leaks(&flow, &dataset).into_iter().map(|l| l.column).collect();
        leaks.sort();
        leaks
    }

    #[test]
    fn the_start_is_harmless_and_what_comes_after_is_not() {
        let minutes = ("target", "EXTRACT(EPOCH FROM dropoff_datetime - pickup_datetime) / 60");
        let hour = ("hour", "EXTRACT(HOUR FROM pickup_datetime)");
        let late = ("late", "EXTRACT(HOUR FROM dropoff_datetime)");
        assert_eq!(leaks_of(&[minutes, hour, late]), ["dropoff_datetime", "late"]);
    }

    #[test]
    fn a_formula_is_followed_through_other_derived_columns() {
        let parts = ("paid", "fare_amount + tip_amount");
        let target = ("target", "paid > 20");
        assert_eq!(leaks_of(&[parts, target]), ["fare_amount", "paid", "tip_amount"]);
    }

    #[test]
    fn a_single_moment_is_no_start() {
        let hour = ("target", "EXTRACT(HOUR FROM pickup_datetime)");
        let minute = ("minute", "EXTRACT(HOUR FROM pickup_datetime) * 60 + EXTRACT(MINUTE FROM pickup_datetime)");
        assert_eq!(leaks_of(&[hour, minute]), ["minute", "pickup_datetime"]);
    }
}
