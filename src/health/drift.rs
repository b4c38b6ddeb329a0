//! Which columns moved away from the reference, by how much, and whether chance explains it.

use polars::frame::DataFrame;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::permutation::p_value;
use super::reference::{Bins, DriftReference, ReferenceColumn, Values};
use super::stats::{js_distance, ks, psi, wasserstein};
use crate::data::ColumnSpec;
use crate::engine::Control;
use crate::error::{Error, Result};
use crate::model::many::benjamini_hochberg;

/// When drift is called.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DriftOptions {
    /// The share of false calls that is accepted, over all columns.
    pub alpha: f64,
    /// The least effect (PSI) worth a call: among a million rows every trifle is significant.
    pub least_effect: f64,
    /// Seed of the permutations.
    pub seed: u64,
}

impl Default for DriftOptions {
    fn default() -> Self {
        Self { alpha: 0.05, least_effect: 0.1, seed: 0 }
    }
}

/// The answer for a whole table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// At least one column drifted.
    Drift,
    /// None did.
    Stable,
}

/// How a column's p was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// The limiting chi-square distribution of PSI.
    ChiSquare,
    /// Permutations, because some bin expects few rows.
    Permutation,
    /// The column is not there: all its values count as missing.
    Absent,
    /// The column holds another kind of values: all count as missing.
    ChangedKind,
}

/// One column's comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnDrift {
    /// The column's name.
    pub name: String,
    /// Population stability index over the reference's bins, with one for missing values.
    #[serde(deserialize_with = "crate::engine::undefined::number")]
    pub effect: f64,
    /// Probability of such an effect when nothing changed.
    #[serde(deserialize_with = "crate::engine::undefined::number")]
    pub p: f64,
    /// Whether the column drifted: `q` at most alpha, and `effect` large enough to matter.
    pub drifted: bool,
    /// `p` adjusted over all columns (Benjamini and Hochberg).
    #[serde(deserialize_with = "crate::engine::undefined::number")]
    pub q: f64,
    /// How `p` was found.
    pub method: Method,
    /// Jensen-Shannon distance over the same bins, base 2, from 0 to 1.
    #[serde(deserialize_with = "crate::engine::undefined::number")]
    pub js: f64,
    /// For numbers: the Wasserstein distance in standard deviations of the reference.
    pub wasserstein: Option<f64>,
    /// For numbers: the Kolmogorov-Smirnov statistic.
    pub ks: Option<f64>,
    /// Share of missing values in the reference.
    pub missing_reference: f64,
    /// Share of missing values in the current data.
    pub missing_current: f64,
    /// Share of current rows with a value the reference never had: an unseen category, or a number outside its range.
    pub unseen: f64,
    /// Only whether values are missing was compared: dates, free texts and identifiers differ from table to table by nature.
    #[serde(default)]
    pub only_gaps: bool,
    /// What happened, in words.
    pub message: String,
}

/// The comparison of a table with its reference. Columns stand in the order of the reference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DriftReport {
    /// Whether anything drifted.
    pub verdict: Verdict,
    /// The columns.
    pub columns: Vec<ColumnDrift>,
    /// Rows of the reference.
    pub rows_reference: u64,
    /// Rows of the current data.
    pub rows_current: u64,
    /// Share of current rows with an unseen value in at least one column.
    pub out_of_support: f64,
}

impl DriftReport {
    /// The drifted columns, the strongest first.
    #[must_use]
    pub fn drifted(&self) -> Vec<&ColumnDrift> {
        let mut columns: Vec<&ColumnDrift> = self.columns.iter().filter(|c| c.drifted).collect();
        columns.sort_by(|a, b| b.effect.total_cmp(&a.effect).then_with(|| a.name.cmp(&b.name)));
        columns
    }
}

/// Compares two tables column by column. `specs` says what the columns mean and which are compared.
///
/// # Errors
/// When either table has no rows, the reference lacks a column, or the work is cancelled. A column that only the current
/// data lack is no error: it counts as drift.
pub fn drift(
    reference: &DataFrame,
    current: &DataFrame,
    specs: &[ColumnSpec],
    options: &DriftOptions,
    control: &Control,
) -> Result<DriftReport> {
    DriftReference::fit(reference, specs, control)?.compare(current, options, control)
}

/// Enough permutations that one drifted column among many can still pass the correction.
pub(super) fn draws(options: &DriftOptions, columns: usize) -> usize {
    let least_p = options.alpha / columns as f64;
    ((4.0 / least_p.max(1e-6)).ceil() as usize).clamp(999, 19_999)
}

/// Corrects the p of all columns together and says which of them drifted, in words too.
pub(super) fn settle(columns: &mut [ColumnDrift], options: &DriftOptions) -> Verdict {
    let q = benjamini_hochberg(&columns.iter().map(|c| c.p).collect::<Vec<_>>());
    for (column, q) in columns.iter_mut().zip(q) {
        column.q = q;
        let lost = matches!(column.method, Method::Absent | Method::ChangedKind);
        column.drifted = lost || (q <= options.alpha && column.effect >= options.least_effect);
        if !lost {
            column.message = describe(column, options);
        }
    }
    if columns.iter().any(|c| c.drifted) { Verdict::Drift } else { Verdict::Stable }
}

impl DriftReference {
    /// Compares `current` with this reference.
    ///
    /// # Errors
    /// When there are no rows or nothing to compare, or the work is cancelled.
    pub fn compare(&self, current: &DataFrame, options: &DriftOptions, control: &Control) -> Result<DriftReport> {
        if current.height() == 0 {
            return Err(Error::input("the current data have no rows").hint("Compare a file with at least one row"));
        }
        if self.columns.is_empty() {
            return Err(Error::input("there is no column to compare")
                .hint("Keep at least one column whose meaning is number, category or boolean"));
        }
        let draws = draws(options, self.columns.len());
        let mut outside = vec![false; current.height()];
        let mut columns = Vec::with_capacity(self.columns.len());
        for (i, column) in self.columns.iter().enumerate() {
            control.check()?;
            control.report(format!("drift of {}", column.name), Some(i as f64 / self.columns.len() as f64), "");
            let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
            rng.set_stream(i as u64);
            columns.push(column.compare(current, draws, &mut rng, &mut outside, control)?);
        }
        let verdict = settle(&mut columns, options);
        let unseen = outside.iter().filter(|o| **o).count();
        Ok(DriftReport {
            verdict,
            columns,
            rows_reference: self.rows,
            rows_current: current.height() as u64,
            out_of_support: unseen as f64 / current.height() as f64,
        })
    }
}

impl ReferenceColumn {
    /// The largest size of the numbers that it has seen.
    pub(super) fn largest(&self) -> f64 {
        self.sketch.iter().fold(0.0, |most, v| v.abs().max(most))
    }

    fn compare(
        &self,
        current: &DataFrame,
        draws: usize,
        rng: &mut ChaCha8Rng,
        outside: &mut [bool],
        control: &Control,
    ) -> Result<ColumnDrift> {
        let found = current.column(&self.name).ok();
        let (values, problem) = match found.map(|c| self.read(c)) {
            Some(Some(values)) => (values, None),
            Some(None) => {
                let message = format!("`{}` holds text where the reference holds numbers", self.name);
                (Values::Present(vec![false; current.height()]), Some((Method::ChangedKind, message)))
            }
            None => {
                let message = format!("`{}` is absent from the current data", self.name);
                (Values::Present(vec![false; current.height()]), Some((Method::Absent, message)))
            }
        };
        let binned = self.bins.put(values);
        for (row, out) in outside.iter_mut().zip(&binned.outside) {
            *row |= out;
        }
        let (p, permuted) = p_value(&self.counts, &binned.counts, draws, rng, control)?;
        let by_numbers = if permuted { Method::Permutation } else { Method::ChiSquare };
        let (method, message) = problem.unwrap_or((by_numbers, String::new()));
        let rows = current.height() as f64;
        let all: u64 = self.counts.iter().sum();
        let distance = wasserstein(&self.sketch, &binned.sorted);
        Ok(ColumnDrift {
            name: self.name.clone(),
            effect: psi(&self.counts, &binned.counts),
            p,
            drifted: false,
            q: p,
            method,
            js: js_distance(&self.counts, &binned.counts),
            wasserstein: distance
                .zip(self.std)
                // Of a column that is all but constant the deviation is rounding, and so would be the quotient.
                .and_then(|(d, std)| (std > 1e-9 * self.largest()).then(|| d / std))
                .filter(|d| d.is_finite()),
            ks: ks(&self.sketch, &binned.sorted).map(|(d, _)| d),
            missing_reference: self.missing() as f64 / all.max(1) as f64,
            missing_current: binned.counts.last().copied().unwrap_or(0) as f64 / rows,
            unseen: binned.outside.iter().filter(|o| **o).count() as f64 / rows,
            only_gaps: matches!(self.bins, Bins::Presence),
            message,
        })
    }
}

fn describe(column: &ColumnDrift, options: &DriftOptions) -> String {
    let mut parts = Vec::new();
    if (column.missing_current - column.missing_reference).abs() >= 0.05 {
        let share = |v: f64| format!("{:.0}%", v * 100.0);
        parts.push(format!("missing {} instead of {}", share(column.missing_current), share(column.missing_reference)));
    }
    if column.unseen >= 0.01 {
        parts.push(format!("{:.0}% of rows hold values never seen", column.unseen * 100.0));
    }
    if let Some(w) = column.wasserstein.filter(|w| *w >= 0.1) {
        parts.push(format!("values moved by {w:.2} standard deviations"));
    }
    let verdict = if column.drifted {
        "drifted"
    } else if column.q <= options.alpha {
        "moved, but too little to matter"
    } else if column.effect >= options.least_effect {
        "looks different, but chance explains it"
    } else if column.only_gaps {
        "has its values and gaps as before; of dates, texts and identifiers only the gaps are compared"
    } else {
        "is stable"
    };
    let more = if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) };
    format!("`{}` {verdict} (effect {:.3}, q {}){more}", column.name, column.effect, small(column.q))
}

fn small(p: f64) -> String {
    if p < 0.001 { "< 0.001".to_owned() } else { format!("{p:.3}") }
}

#[cfg(test)]
mod tests;
