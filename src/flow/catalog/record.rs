//! What the use cases leave in the catalog. Called by them, never by the faces.

use rand::SeedableRng as _;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;

use super::CatalogColumn;
use crate::data::{Dataset, Profile, redact};
use crate::engine::Control;
use crate::error::Result;
use crate::flow::workshop::Workshop;
use crate::health::DriftReference;
use crate::model::prepare::take_rows;
use crate::store::{EdgeRow, Seen, now_ms, sha256};

/// Rows from which a version's distribution is kept: enough to see a change that matters, and read in a moment.
const SAMPLE: usize = 20_000;

/// Share of columns that two tables of one name must have in common to be versions of one dataset.
const ALIKE: f64 = 0.5;

/// Endings that say how a table is stored and not what it is.
const ENDINGS: &[&str] = &[
    "csv", "tsv", "txt", "tab", "gz", "zst", "bz2", "parquet", "pq", "arrow", "ipc", "feather", "json", "ndjson",
    "jsonl", "db", "sqlite", "sqlite3",
];

/// A thing that data went into or came from, for the edges of lineage.
pub(in crate::flow) const VERSION: &str = "version";

/// How rows that a recipe made of a version hang on it.
pub(in crate::flow) const CLEANED: &str = "cleaned";
/// A training run.
pub(in crate::flow) const RUN: &str = "run";

/// The name that a new dataset gets from its source: the file's name without what only says how it is stored.
pub(in crate::flow) fn default_name(source: &str) -> String {
    let source = redact(source);
    let (path, query) = source.split_once('?').unwrap_or((&source, ""));
    let table = query.split(['&', '#']).find_map(|p| p.strip_prefix("table=")).filter(|t| !t.is_empty());
    if let Some(table) = table {
        return table.to_owned();
    }
    let path = path.split_once("://").map_or(path, |(_, rest)| rest);
    let path = path.strip_prefix("sample:").unwrap_or(path);
    // Of `orders/*.csv` and `orders/year=*/part-*.parquet` the folder is the name.
    let pattern = |part: &&str| part.contains(['*', '?', '[', '=']);
    let last = path.split(['/', '\\']).filter(|p| !p.is_empty()).take_while(|p| !pattern(p)).last().unwrap_or_default();
    let mut name = last;
    while let Some((stem, ending)) = name.rsplit_once('.') {
        if stem.is_empty() || !ENDINGS.contains(&ending.to_lowercase().as_str()) {
            break;
        }
        name = stem;
    }
    if name.is_empty() || name == "-" { "input".into() } else { name.to_owned() }
}

/// A source however it is written: a file's absolute path, an address without its secrets. `None` for standard input, which
/// cannot be read again.
pub(super) fn place(source: &str) -> Option<String> {
    if source == "-" {
        return None;
    }
    if source.contains("://") || source.starts_with("sample:") {
        return Some(redact(source));
    }
    if let Some(rest) = source.strip_prefix("sqlite:") {
        let (file, query) = rest.split_once('?').map_or((rest, String::new()), |(f, q)| (f, format!("?{q}")));
        let file = std::path::absolute(file).map_or_else(|_| file.to_owned(), |p| p.to_string_lossy().into_owned());
        return Some(redact(&format!("sqlite:{file}{query}")));
    }
    let path = std::path::absolute(source).map_or_else(|_| source.to_owned(), |p| p.to_string_lossy().into_owned());
    Some(redact(&path))
}

fn alike(new: &[CatalogColumn], old: &str) -> bool {
    let old: Vec<CatalogColumn> = serde_json::from_str(old).unwrap_or_default();
    let shared = new.iter().filter(|c| old.iter().any(|o| o.name == c.name)).count();
    let all = new.len() + old.len() - shared;
    all == 0 || shared as f64 >= ALIKE * all as f64
}

/// The size of a source that is a file or a sample.
fn size(source: &str) -> Option<i64> {
    let bytes = match source.strip_prefix("sample:") {
        Some(name) => crate::data::sample(name)?.bytes().len() as u64,
        None => std::fs::metadata(source).ok().filter(std::fs::Metadata::is_file)?.len(),
    };
    i64::try_from(bytes).ok()
}

/// What was read, in the catalog's terms.
struct Facts<'a> {
    source: &'a str,
    fingerprint: &'a str,
    rows: u64,
    columns: Vec<CatalogColumn>,
    corrected: bool,
    profile: Option<String>,
    distribution: Option<String>,
}

fn see(shop: &Workshop, facts: &Facts<'_>) -> Result<String> {
    let source = redact(facts.source);
    let columns = serde_json::to_string(&facts.columns)?;
    // Where a source has no fingerprint of its own, what is known of it must do.
    let fingerprint = match facts.fingerprint {
        "" => sha256(format!("{source}\n{}\n{columns}", facts.rows).as_bytes()),
        known => known.to_owned(),
    };
    shop.store()?.see(
        &Seen {
            name: &default_name(facts.source),
            source: &source,
            place: place(facts.source).as_deref(),
            fingerprint: &fingerprint,
            rows: i64::try_from(facts.rows).unwrap_or(i64::MAX),
            bytes: size(facts.source),
            columns: &columns,
            corrected: facts.corrected,
            profile: facts.profile.as_deref(),
            distribution: facts.distribution.as_deref(),
        },
        &|old| alike(&facts.columns, old),
    )?;
    Ok(fingerprint)
}

/// The distribution of a table's columns, from at most [`SAMPLE`] rows drawn with a fixed seed.
pub(super) fn distribution(table: &Dataset, control: &Control) -> Result<Option<DriftReference>> {
    if table.rows() == 0 {
        return Ok(None);
    }
    let frame = if table.rows() > SAMPLE {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let mut rows: Vec<u32> =
            index::sample(&mut rng, table.rows(), SAMPLE).into_iter().map(|i| u32::try_from(i).unwrap_or(0)).collect();
        rows.sort_unstable();
        take_rows(&table.frame, &rows)?
    } else {
        table.frame.clone()
    };
    DriftReference::fit(&frame, &table.columns, &control.silent()).map(Some)
}

/// Notes a table as it was read, before any filter and without derived columns. `corrected` says that the meaning of
/// columns was set by hand. Returns the fingerprint under which the version is kept.
pub(in crate::flow) fn note_table(
    shop: &Workshop,
    raw: &Dataset,
    corrected: bool,
    control: &Control,
) -> Result<String> {
    let kept = shop.store()?.version(&raw.fingerprint)?.and_then(|v| v.distribution);
    let distribution = match kept {
        Some(_) if !corrected => None,
        _ => distribution(raw, control)?.map(|d| shop.put_json(&d)).transpose()?,
    };
    see(
        shop,
        &Facts {
            source: &raw.source,
            fingerprint: &raw.fingerprint,
            rows: raw.rows() as u64,
            columns: raw.columns.iter().map(CatalogColumn::from).collect(),
            corrected,
            profile: None,
            distribution,
        },
    )
}

/// Notes a profile of a whole table; the version is made when it is not there yet.
///
/// # Errors
/// When the workspace cannot be written.
pub fn note_profile(shop: &Workshop, profile: &Profile) -> Result<()> {
    let columns = profile
        .columns
        .iter()
        .map(|c| CatalogColumn { name: c.name.clone(), physical: c.physical, meaning: c.kind })
        .collect();
    let digest = shop.put_json(profile)?;
    see(
        shop,
        &Facts {
            source: &profile.source,
            fingerprint: &profile.fingerprint,
            rows: profile.rows,
            columns,
            corrected: false,
            profile: Some(digest),
            distribution: None,
        },
    )?;
    Ok(())
}

/// The profile of a walk's table without what the walk added to it; `None` when a filter left rows out.
pub(in crate::flow) fn of_whole(profile: &Profile, derived: &[&String], filtered: bool) -> Option<Profile> {
    if filtered {
        return None;
    }
    let mut whole = profile.clone();
    let ours = |name: &String| derived.contains(&name);
    whole.columns.retain(|c| !ours(&c.name));
    whole.findings.retain(|f| !f.column.as_ref().is_some_and(ours));
    whole.target = whole.target.filter(|t| !ours(t));
    whole.time = whole.time.filter(|t| !ours(t));
    Some(whole)
}

/// Records that a recipe made other rows of certain bytes.
///
/// # Errors
/// When the workspace cannot be written.
pub(in crate::flow) fn note_cleaned(shop: &Workshop, raw: &str, cleaned: &str) -> Result<()> {
    shop.store()?.put_edge(&EdgeRow {
        from_kind: VERSION.into(),
        from_id: raw.to_owned(),
        what: CLEANED.to_owned(),
        to_kind: VERSION.into(),
        to_id: cleaned.to_owned(),
        detail: "{}".into(),
        at_ms: now_ms(),
    })
}

/// Records that a run used certain bytes for something other than training: `watch`, `labels`.
pub(in crate::flow) fn note_use(
    shop: &Workshop,
    fingerprint: &str,
    what: &str,
    run: &str,
    detail: &serde_json::Value,
) -> Result<()> {
    shop.store()?.put_edge(&EdgeRow {
        from_kind: VERSION.into(),
        from_id: fingerprint.to_owned(),
        what: what.to_owned(),
        to_kind: RUN.into(),
        to_id: run.to_owned(),
        detail: detail.to_string(),
        at_ms: now_ms(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_gives_a_name() {
        for (source, name) in [
            ("data/orders.csv", "orders"),
            ("orders.2024.csv.gz", "orders.2024"),
            ("sample:credit", "credit"),
            ("-", "input"),
            ("s3://bucket/sales/part-*.parquet", "sales"),
            ("sales/year=2024/a.parquet", "sales"),
            ("https://host/files/x.csv?token=1", "x"),
            ("postgres://u:p@db/shop?table=public.orders", "public.orders"),
            ("*.csv", "input"),
            (".hidden", ".hidden"),
        ] {
            assert_eq!(default_name(source), name, "{source}");
        }
    }
}
