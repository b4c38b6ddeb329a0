//! Runs side by side, showing only what differs.

use serde::Serialize;

use super::record::RunRecord;

/// One thing in which runs differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What: `model`, a parameter, `seed`, `data`…
    pub what: String,
    /// Its value in each run, `–` where a run has none.
    pub values: Vec<String>,
}

/// Everything but the metrics in which the runs differ, in a fixed order.
#[must_use]
pub fn differences(runs: &[RunRecord]) -> Vec<Difference> {
    let mut rows: Vec<(String, Vec<String>)> = Vec::new();
    let mut add = |what: &str, value: &dyn Fn(&RunRecord) -> String| {
        rows.push((what.to_owned(), runs.iter().map(value).collect()));
    };
    add("model", &|r| r.title.clone());
    let mut names: Vec<&String> = runs.iter().flat_map(|r| r.params.keys()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        add(name, &|r| {
            r.params.get(name).map_or_else(|| "–".into(), |v| v.as_str().map_or_else(|| v.to_string(), str::to_owned))
        });
    }
    add("calibration", &|r| r.calibration.as_ref().map_or("–", |c| c.method.name()).to_owned());
    add("target", &|r| r.target.clone());
    add("data", &|r| r.data.source.clone());
    add("fingerprint", &|r| r.data.fingerprint.chars().take(12).collect());
    add("split", &|r| r.data.split.clone());
    add("training rows", &|r| r.data.train_rows.to_string());
    add("rows kept back", &|r| r.data.test_rows.to_string());
    add("seed", &|r| r.seed.to_string());
    add("left out", &|r| r.left_out.iter().map(|l| l.column.as_str()).collect::<Vec<_>>().join(", "));
    add("by", &|r| r.by.to_string());
    rows.into_iter()
        .filter(|(_, values)| values.windows(2).any(|w| w[0] != w[1]))
        .map(|(what, values)| Difference { what, values })
        .collect()
}
