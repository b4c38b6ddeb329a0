//! Two kept shapes against each other: drift between versions of a table whose rows are no longer at hand.

use std::collections::BTreeMap;

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::drift::{ColumnDrift, DriftOptions, DriftReport, Method, draws, settle};
use super::permutation::p_value;
use super::reference::{Bins, DriftReference, ReferenceColumn, Values};
use super::stats::{js_distance, ks, psi, wasserstein};
use crate::engine::Control;
use crate::error::{Error, Result};

/// Both columns in the same bins; the last bin holds missing values.
struct Common {
    reference: Vec<u64>,
    current: Vec<u64>,
    /// Rows of the current data with a value that the reference never had.
    unseen: u64,
}

impl DriftReference {
    /// Compares another kept shape with this one, without the rows of either.
    ///
    /// Categories are compared over the levels that have a bin of their own in both shapes, all others taken together: the
    /// counts are exact. The current numbers are spread over this shape's bins by their kept quantiles: exact up to 1,001
    /// values, and beyond that to a thousandth of the rows. `out_of_support` cannot be known and is the largest share of
    /// unseen values in one column.
    ///
    /// # Errors
    /// When either shape has no rows or no columns, or the work is cancelled.
    pub fn compare_shape(&self, current: &Self, options: &DriftOptions, control: &Control) -> Result<DriftReport> {
        if current.rows == 0 || self.columns.is_empty() {
            return Err(Error::input("there is nothing to compare").hint("Both versions need rows and columns"));
        }
        let draws = draws(options, self.columns.len());
        let mut columns = Vec::with_capacity(self.columns.len());
        for (i, column) in self.columns.iter().enumerate() {
            control.check()?;
            let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
            rng.set_stream(i as u64);
            let other = current.columns.iter().find(|c| c.name == column.name);
            columns.push(column.against(other, current.rows, draws, &mut rng, control)?);
        }
        let verdict = settle(&mut columns, options);
        Ok(DriftReport {
            verdict,
            out_of_support: columns.iter().map(|c| c.unseen).fold(0.0, f64::max),
            columns,
            rows_reference: self.rows,
            rows_current: current.rows,
        })
    }
}

impl ReferenceColumn {
    fn against(
        &self,
        other: Option<&Self>,
        rows: u64,
        draws: usize,
        rng: &mut ChaCha8Rng,
        control: &Control,
    ) -> Result<ColumnDrift> {
        let lost = || {
            let present: u64 = self.counts.iter().rev().skip(1).sum();
            Common { reference: vec![present, self.missing()], current: vec![0, rows], unseen: 0 }
        };
        let (common, problem) = match other.map(|o| self.common(o)) {
            Some(Some(common)) => (common, None),
            Some(None) => {
                (lost(), Some((Method::ChangedKind, format!("`{}` holds another kind of values", self.name))))
            }
            None => (lost(), Some((Method::Absent, format!("`{}` is absent from the current data", self.name)))),
        };
        let (p, permuted) = p_value(&common.reference, &common.current, draws, rng, control)?;
        let found = if permuted { Method::Permutation } else { Method::ChiSquare };
        let (method, message) = problem.unwrap_or((found, String::new()));
        let sketch = other.map(|o| o.sketch.as_slice()).unwrap_or_default();
        let (before, now): (u64, u64) = (common.reference.iter().sum(), common.current.iter().sum());
        let share = |n: u64, of: u64| n as f64 / of.max(1) as f64;
        Ok(ColumnDrift {
            name: self.name.clone(),
            effect: psi(&common.reference, &common.current),
            p,
            drifted: false,
            q: p,
            method,
            js: js_distance(&common.reference, &common.current),
            wasserstein: wasserstein(&self.sketch, sketch)
                .zip(self.std)
                .and_then(|(d, std)| (std > 1e-9 * self.largest()).then(|| d / std))
                .filter(|d| d.is_finite()),
            ks: ks(&self.sketch, sketch).map(|(d, _)| d),
            missing_reference: share(self.missing(), before),
            missing_current: other.map_or(1.0, |o| share(o.missing(), now)),
            unseen: share(common.unseen, now),
            only_gaps: matches!((&self.bins, other.map(|o| &o.bins)), (Bins::Presence, _) | (_, Some(Bins::Presence))),
            message,
        })
    }

    /// Both columns in common bins; `None` when one holds numbers and the other words.
    fn common(&self, other: &Self) -> Option<Common> {
        match (&self.bins, &other.bins) {
            (Bins::Presence, _) | (_, Bins::Presence) => {
                let present = |c: &Self| c.counts.iter().rev().skip(1).sum::<u64>();
                Some(Common {
                    reference: vec![present(self), self.missing()],
                    current: vec![present(other), other.missing()],
                    unseen: 0,
                })
            }
            (Bins::Levels { .. }, Bins::Levels { .. }) => Some(self.common_levels(other)),
            _ if self.sketch.is_empty() || other.sketch.is_empty() => None,
            _ => Some(self.common_numbers(other)),
        }
    }

    /// Levels with a bin in both stand alone, the rest is one bin.
    fn common_levels(&self, other: &Self) -> Common {
        let (own, theirs) = (self.levels(), other.levels());
        let shared: Vec<&str> = own.keys().filter(|name| theirs.contains_key(*name)).copied().collect();
        let counts = |levels: &BTreeMap<&str, u64>, column: &Self| {
            let mut counts: Vec<u64> = shared.iter().filter_map(|name| levels.get(name).copied()).collect();
            let alone: u64 = counts.iter().sum();
            let present: u64 = column.counts.iter().rev().skip(1).sum();
            counts.extend([present - alone, column.missing()]);
            counts
        };
        let known = match &self.bins {
            Bins::Levels { rare, complete: true, .. } => Some(rare),
            _ => None,
        };
        let unseen = known.map_or(0, |rare| {
            theirs
                .iter()
                .filter(|(name, _)| !own.contains_key(*name) && !rare.iter().any(|r| r == *name))
                .map(|(_, n)| n)
                .sum()
        });
        Common { reference: counts(&own, self), current: counts(&theirs, other), unseen }
    }

    /// The levels that have a bin of their own, with their counts.
    fn levels(&self) -> BTreeMap<&str, u64> {
        match &self.bins {
            Bins::Levels { names, .. } => names.iter().map(String::as_str).zip(self.counts.iter().copied()).collect(),
            _ => BTreeMap::new(),
        }
    }

    /// The other's numbers in this column's bins, by its kept values.
    fn common_numbers(&self, other: &Self) -> Common {
        let kept = other.sketch.len().max(1) as f64;
        let binned = self.bins.put(Values::Numbers(other.sketch.clone()));
        let present: u64 = other.counts.iter().rev().skip(1).sum();
        // Each kept value stands for as many rows; cumulative rounding keeps the sum.
        let mut current = Vec::with_capacity(binned.counts.len());
        let (mut seen, mut given) = (0.0, 0_u64);
        for count in binned.counts.iter().take(binned.counts.len() - 1) {
            seen += *count as f64;
            let upto = (seen / kept * present as f64).round() as u64;
            current.push(upto - given);
            given = upto;
        }
        current.push(other.missing());
        let outside = binned.outside.iter().filter(|o| **o).count() as f64;
        Common { reference: self.counts.clone(), current, unseen: (outside / kept * present as f64).round() as u64 }
    }
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::super::drift::Verdict;
    use super::*;
    use crate::data::{ColumnSpec, Meaning, Physical};

    fn spec(name: &str, physical: Physical, meaning: Meaning) -> ColumnSpec {
        ColumnSpec { name: name.into(), physical, meaning, missing_spellings: Vec::new(), date_format: None }
    }

    fn specs() -> Vec<ColumnSpec> {
        vec![
            spec("n", Physical::Float, Meaning::Number),
            spec("c", Physical::String, Meaning::Category),
            spec("few", Physical::Integer, Meaning::Number),
        ]
    }

    /// Rows with numbers around `middle`, and `a` with a share of `share` of ten.
    fn table(rows: usize, middle: f64, share: usize, seed: usize) -> DataFrame {
        let noise = |i: usize, salt: usize| {
            let mut x = ((i + seed * 7_919) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (salt as u64 * 0xd1b5_4a32);
            x ^= x >> 29;
            x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
            (x >> 11) as f64 / (1_u64 << 53) as f64
        };
        let numbers: Vec<Option<f64>> = (0..rows)
            .map(|i| (noise(i, 1) > 0.1).then(|| middle + (0..6).map(|k| noise(i, k + 2)).sum::<f64>()))
            .collect();
        let words: Vec<&str> = (0..rows).map(|i| if noise(i, 9) * 10.0 < share as f64 { "a" } else { "b" }).collect();
        let few: Vec<i64> = (0..rows).map(|i| (noise(i, 10) * 5.0) as i64).collect();
        DataFrame::new(
            rows,
            vec![Column::new("n".into(), numbers), Column::new("c".into(), words), Column::new("few".into(), few)],
        )
        .unwrap()
    }

    fn both(a: &DataFrame, b: &DataFrame) -> (DriftReport, DriftReport) {
        let (control, options) = (Control::default(), DriftOptions::default());
        let fit = |frame: &DataFrame| DriftReference::fit(frame, &specs(), &control).unwrap();
        (fit(a).compare(b, &options, &control).unwrap(), fit(a).compare_shape(&fit(b), &options, &control).unwrap())
    }

    #[test]
    fn small_shapes_say_exactly_what_their_rows_say() {
        for (b, verdict) in [(table(900, 0.0, 5, 2), Verdict::Stable), (table(900, 0.6, 8, 2), Verdict::Drift)] {
            let (rows, shapes) = both(&table(1_000, 0.0, 5, 1), &b);
            assert_eq!((rows.verdict, shapes.verdict), (verdict, verdict));
            for (r, s) in rows.columns.iter().zip(&shapes.columns) {
                assert!((r.effect - s.effect).abs() < 1e-12 && r.drifted == s.drifted, "{r:?}\n{s:?}");
                assert_eq!((r.missing_current, r.unseen), (s.missing_current, s.unseen));
            }
        }
    }

    #[test]
    fn large_shapes_come_close_and_raise_no_false_alarm() {
        let (rows, shapes) = both(&table(30_000, 0.0, 5, 1), &table(20_000, 0.0, 5, 3));
        assert_eq!((rows.verdict, shapes.verdict), (Verdict::Stable, Verdict::Stable));
        let (rows, shapes) = both(&table(30_000, 0.0, 5, 1), &table(20_000, 0.4, 5, 3));
        assert!(rows.columns[0].drifted && shapes.columns[0].drifted);
        let close = (rows.columns[0].effect - shapes.columns[0].effect).abs() / rows.columns[0].effect;
        assert!(close < 0.05, "{close}");
        assert!(!shapes.columns[1].drifted && !shapes.columns[2].drifted);
    }

    #[test]
    fn lost_and_changed_columns_are_drift() {
        let (a, control) = (table(500, 0.0, 5, 1), Control::default());
        let mut b = a.clone();
        b.drop_in_place("n").unwrap();
        let fit = |frame: &DataFrame, specs: &[ColumnSpec]| DriftReference::fit(frame, specs, &control).unwrap();
        let current = fit(&b, &specs()[1..]);
        let report = fit(&a, &specs()).compare_shape(&current, &DriftOptions::default(), &control).unwrap();
        assert_eq!((report.columns[0].method, report.columns[0].drifted), (Method::Absent, true));
        let words = a.column("c").unwrap().clone().with_name("n".into());
        b.with_column(words).unwrap();
        let changed = [spec("n", Physical::String, Meaning::Category)];
        let report = fit(&a, &specs()).compare_shape(&fit(&b, &changed), &DriftOptions::default(), &control).unwrap();
        assert_eq!(report.columns[0].method, Method::ChangedKind);
    }
}
