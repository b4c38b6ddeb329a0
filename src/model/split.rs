//! Who is trained on and who is kept back: hold-out and cross-validation folds by chance, class, group or time.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::Target;
use crate::error::{Error, Result};

/// How rows are kept apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "method")]
pub enum Split {
    /// Rows by chance.
    Random,
    /// Rows by chance, each class in its share.
    Stratified,
    /// All rows of one value of `column` on the same side.
    Group {
        /// For example a customer number.
        column: String,
    },
    /// The latest rows are kept back; folds only ever validate on rows later than those trained on.
    Time {
        /// A date or number by which rows are ordered.
        column: String,
    },
}

impl Split {
    /// In a few words, for tables and cards.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Random => "random rows".into(),
            Self::Stratified => "random rows, each class in its share".into(),
            Self::Group { column } => format!("by group `{column}`"),
            Self::Time { column } => format!("by time `{column}`, latest rows kept back"),
        }
    }
}

/// Row numbers to fit on, and row numbers to judge by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sides {
    /// Rows to fit on, ascending.
    pub train: Vec<u32>,
    /// Rows to judge by, ascending; never among `train`.
    pub test: Vec<u32>,
}

/// What a split needs to know of the rows: one key a row (group or rank of the moment), when the split has one.
#[derive(Debug, Clone)]
pub enum Keys {
    /// No column is involved.
    None,
    /// The group of each row.
    Groups(Vec<String>),
    /// The moment of each row, any ordered scale.
    Moments(Vec<f64>),
}

/// Splits `rows` into a part for fitting and a hold-out of about `share` (0 to 1) of them.
///
/// # Errors
/// When one side would be empty, for example because all rows are of one group or moment.
pub fn hold_out(split: &Split, rows: &[u32], target: &Target, keys: &Keys, share: f64, seed: u64) -> Result<Sides> {
    let wanted = ((rows.len() as f64) * share).ceil() as usize;
    let mut test: Vec<u32> = match (split, keys) {
        (Split::Group { .. }, Keys::Groups(groups)) => {
            let mut taken = Vec::new();
            for members in shuffled_groups(rows, groups, seed) {
                if taken.len() >= wanted {
                    break;
                }
                taken.extend(members);
            }
            taken
        }
        (Split::Time { .. }, Keys::Moments(moments)) => {
            let mut sorted: Vec<f64> = rows.iter().map(|&r| moments[r as usize]).collect();
            sorted.sort_by(f64::total_cmp);
            let cut = sorted.get(sorted.len().saturating_sub(wanted)).copied().unwrap_or(f64::NAN);
            rows.iter().copied().filter(|&r| moments[r as usize] >= cut).collect()
        }
        (Split::Stratified, _) => strata(rows, target, seed)
            .into_iter()
            .flat_map(|members| {
                let n = ((members.len() as f64) * share).round() as usize;
                members.into_iter().take(n).collect::<Vec<_>>()
            })
            .collect(),
        _ => shuffled(rows, seed).into_iter().take(wanted).collect(),
    };
    test.sort_unstable();
    let train: Vec<u32> = rows.iter().copied().filter(|r| test.binary_search(r).is_err()).collect();
    if train.is_empty() || test.is_empty() {
        return Err(Error::input(format!(
            "the split {} leaves no rows to {}",
            split.describe(),
            if train.is_empty() { "train on" } else { "test on" }
        ))
        .hint("Use another split, or a column with more than one value"));
    }
    Ok(Sides { train, test })
}

/// Cross-validation folds over `rows`. For a split by time the windows expand (scikit-learn's `TimeSeriesSplit`).
///
/// # Errors
/// When there are too few rows, groups or moments for `count` folds.
pub fn folds(split: &Split, rows: &[u32], target: &Target, keys: &Keys, count: usize, seed: u64) -> Result<Vec<Sides>> {
    let too_few = |what: &str| {
        Error::input(format!("too few {what} for {count} folds")).hint("Use fewer folds, or load more data")
    };
    if count < 2 {
        return Err(Error::usage("cross-validation needs at least two folds"));
    }
    let parts: Vec<Vec<u32>> = match (split, keys) {
        (Split::Group { .. }, Keys::Groups(groups)) => {
            let groups = shuffled_groups(rows, groups, seed);
            if groups.len() < count {
                return Err(too_few("groups"));
            }
            // Each group goes to the smallest fold, so that folds end up of like size.
            let mut parts = vec![Vec::new(); count];
            for members in groups {
                if let Some(smallest) = parts.iter_mut().min_by_key(|p| p.len()) {
                    smallest.extend(members);
                }
            }
            parts
        }
        (Split::Time { .. }, Keys::Moments(moments)) => {
            let mut order = rows.to_vec();
            order.sort_by(|&a, &b| moments[a as usize].total_cmp(&moments[b as usize]).then(a.cmp(&b)));
            let step = order.len() / (count + 1);
            let mut sides = Vec::new();
            for k in 1..=count {
                let Some(edge) = order.get(k * step).map(|&r| moments[r as usize]) else {
                    return Err(too_few("rows"));
                };
                let last =
                    order.get(((k + 1) * step).saturating_sub(1)).map_or(f64::INFINITY, |&r| moments[r as usize]);
                let until = if k == count { f64::INFINITY } else { last };
                let mut train: Vec<u32> = order.iter().copied().filter(|&r| moments[r as usize] < edge).collect();
                let mut test: Vec<u32> = order
                    .iter()
                    .copied()
                    .filter(|&r| moments[r as usize] >= edge && moments[r as usize] <= until)
                    .collect();
                train.sort_unstable();
                test.sort_unstable();
                if !train.is_empty() && !test.is_empty() {
                    sides.push(Sides { train, test });
                }
            }
            return if sides.is_empty() { Err(too_few("moments")) } else { Ok(sides) };
        }
        (Split::Stratified, _) => {
            let mut parts = vec![Vec::new(); count];
            let mut next = 0;
            for members in strata(rows, target, seed) {
                for row in members {
                    parts[next % count].push(row);
                    next += 1;
                }
            }
            parts
        }
        _ => {
            let mut parts = vec![Vec::new(); count];
            for (i, row) in shuffled(rows, seed).into_iter().enumerate() {
                parts[i % count].push(row);
            }
            parts
        }
    };
    if parts.iter().any(Vec::is_empty) {
        return Err(too_few("rows"));
    }
    Ok(parts
        .into_iter()
        .map(|mut test| {
            test.sort_unstable();
            let train = rows.iter().copied().filter(|r| test.binary_search(r).is_err()).collect();
            Sides { train, test }
        })
        .collect())
}

fn shuffled(rows: &[u32], seed: u64) -> Vec<u32> {
    let mut rows = rows.to_vec();
    rows.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    rows
}

fn shuffled_groups(rows: &[u32], groups: &[String], seed: u64) -> Vec<Vec<u32>> {
    let mut members: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for &row in rows {
        members.entry(&groups[row as usize]).or_default().push(row);
    }
    let mut members: Vec<Vec<u32>> = members.into_values().collect();
    members.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    members
}

/// The rows of each class, shuffled; for numbers one stratum.
fn strata(rows: &[u32], target: &Target, seed: u64) -> Vec<Vec<u32>> {
    let shuffled = shuffled(rows, seed);
    match target {
        Target::Numbers(_) => vec![shuffled],
        Target::Classes { codes, count } => {
            let mut strata = vec![Vec::new(); *count];
            for row in shuffled {
                strata[codes[row as usize]].push(row);
            }
            strata
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn classes(codes: Vec<usize>) -> Target {
        Target::Classes { codes, count: 3 }
    }

    proptest! {
        #[test]
        fn groups_never_straddle(groups in prop::collection::vec(0u8..12, 40..120), seed in 0u64..50) {
            let rows: Vec<u32> = (0..groups.len() as u32).collect();
            let keys = Keys::Groups(groups.iter().map(ToString::to_string).collect());
            let split = Split::Group { column: "g".into() };
            let target = Target::Numbers(vec![0.0; rows.len()]);
            if let Ok(sides) = hold_out(&split, &rows, &target, &keys, 0.25, seed) {
                for t in &sides.test {
                    prop_assert!(!sides.train.iter().any(|r| groups[*r as usize] == groups[*t as usize]));
                }
                prop_assert_eq!(sides.train.len() + sides.test.len(), rows.len());
            }
            if let Ok(folds) = folds(&split, &rows, &target, &keys, 3, seed) {
                for sides in folds {
                    for t in &sides.test {
                        prop_assert!(!sides.train.iter().any(|r| groups[*r as usize] == groups[*t as usize]));
                    }
                }
            }
        }

        #[test]
        fn time_never_looks_ahead(moments in prop::collection::vec(0u16..60, 30..90), seed in 0u64..5) {
            let rows: Vec<u32> = (0..moments.len() as u32).collect();
            let moments: Vec<f64> = moments.into_iter().map(f64::from).collect();
            let keys = Keys::Moments(moments.clone());
            let split = Split::Time { column: "t".into() };
            let target = Target::Numbers(vec![0.0; rows.len()]);
            let mut all = folds(&split, &rows, &target, &keys, 4, seed).unwrap_or_default();
            all.extend(hold_out(&split, &rows, &target, &keys, 0.25, seed));
            for sides in all {
                let latest = sides.train.iter().map(|&r| moments[r as usize]).fold(f64::MIN, f64::max);
                let earliest = sides.test.iter().map(|&r| moments[r as usize]).fold(f64::MAX, f64::min);
                prop_assert!(latest < earliest);
            }
        }

        #[test]
        fn strata_keep_their_shares(codes in prop::collection::vec(0usize..3, 60..200), seed in 0u64..50) {
            let rows: Vec<u32> = (0..codes.len() as u32).collect();
            let sides = hold_out(&Split::Stratified, &rows, &classes(codes.clone()), &Keys::None, 0.25, seed).unwrap();
            for class in 0..3 {
                let all = codes.iter().filter(|c| **c == class).count() as f64;
                let kept = sides.test.iter().filter(|r| codes[**r as usize] == class).count() as f64;
                prop_assert!((kept - all * 0.25).abs() <= 0.5 + 1e-9);
            }
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_rows() {
        let rows: Vec<u32> = (0..100).collect();
        let target = Target::Numbers(vec![0.0; 100]);
        let a = hold_out(&Split::Random, &rows, &target, &Keys::None, 0.25, 7).unwrap();
        assert_eq!(a, hold_out(&Split::Random, &rows, &target, &Keys::None, 0.25, 7).unwrap());
        assert_ne!(a, hold_out(&Split::Random, &rows, &target, &Keys::None, 0.25, 8).unwrap());
    }
}
