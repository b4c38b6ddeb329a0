//! How strongly every two columns belong together, as one matrix on a stated sample of rows.

use std::collections::HashMap;

use polars::prelude::*;
use rand::SeedableRng as _;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::checks::MISSING;
use super::checks::association::{complete, correlation_ratio, cramers_v, pearson, ranks};
use super::{ColumnSpec, Dataset, Meaning, Physical, column};
use crate::engine::Control;
use crate::error::Result;

/// Rows on which associations are computed.
pub const ASSOCIATION_SAMPLE: usize = 10_000;

/// Columns compared; a table with more compares its first ones.
const MOST_COLUMNS: usize = 200;

/// Levels beyond which a category is not compared: with few rows a level, association is chance.
const MOST_LEVELS: usize = 200;

/// Pairs of values below which nothing is said.
const LEAST_PAIRS: usize = 10;

/// How an association was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Spearman's rank correlation of two numbers, from -1 to 1 (`scipy.stats.spearmanr`).
    Spearman,
    /// Cramér's V of two categories with the bias correction of Bergsma (2013), from 0 to 1.
    CramersV,
    /// The correlation ratio of a category and a number, from 0 to 1: the root of the share of the variance that lies between
    /// the levels, corrected for their number (epsilon squared, Kelley 1935).
    CorrelationRatio,
}

impl Measure {
    /// The measure's name for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Spearman => "Spearman's correlation",
            Self::CramersV => "Cramér's V",
            Self::CorrelationRatio => "correlation ratio",
        }
    }
}

/// The association of two columns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Association {
    /// The earlier column.
    pub a: String,
    /// The later column.
    pub b: String,
    /// How it was measured.
    pub measure: Measure,
    /// How strong it is; the sign says the direction of two numbers.
    pub value: f64,
    /// Pearson's correlation, for two numbers.
    pub pearson: Option<f64>,
}

/// A column that is not compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotCompared {
    /// The column.
    pub column: String,
    /// Why.
    pub reason: String,
}

/// The associations of all columns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Associations {
    /// Rows on which they were computed.
    pub rows: u64,
    /// Rows of the table.
    pub of: u64,
    /// The columns compared, in the order of the table.
    pub columns: Vec<String>,
    /// Whether each of them is compared as a number; else as a category.
    pub numeric: Vec<bool>,
    /// Strengths by column and column, 1 on the diagonal; `None` where there are too few values or no spread.
    pub strength: Vec<Vec<Option<f64>>>,
    /// Pearson's correlation of two numbers, in the same places.
    pub pearson: Vec<Vec<Option<f64>>>,
    /// Columns that are not compared.
    pub not_compared: Vec<NotCompared>,
}

impl Associations {
    /// All pairs, the strongest first.
    #[must_use]
    pub fn pairs(&self) -> Vec<Association> {
        let mut pairs = Vec::new();
        let at = |m: &[Vec<Option<f64>>], i: usize, j: usize| m.get(i).and_then(|r| r.get(j)).copied().flatten();
        for (i, a) in self.columns.iter().enumerate() {
            for (j, b) in self.columns.iter().enumerate().skip(i + 1) {
                let Some(value) = at(&self.strength, i, j) else { continue };
                let measure = match (self.numeric.get(i), self.numeric.get(j)) {
                    (Some(true), Some(true)) => Measure::Spearman,
                    (Some(false), Some(false)) => Measure::CramersV,
                    _ => Measure::CorrelationRatio,
                };
                let pearson = at(&self.pearson, i, j);
                pairs.push(Association { a: a.clone(), b: b.clone(), measure, value, pearson });
            }
        }
        pairs.sort_by(|x, y| y.value.abs().total_cmp(&x.value.abs()));
        pairs
    }
}

/// A column of the sample, ready to be compared.
enum Ready {
    /// Values with NaN where missing, and their ranks when none is.
    Numbers(Vec<f64>, Option<Vec<f64>>),
    /// Numbers of levels.
    Levels(Vec<u32>),
}

/// Rows drawn without putting back and with a fixed seed: the same table gives the same sample. All rows when there are no
/// more.
#[must_use]
pub fn sample_rows(rows: usize, wanted: usize) -> Vec<u32> {
    if rows <= wanted {
        return (0..u32::try_from(rows).unwrap_or(u32::MAX)).collect();
    }
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let mut chosen: Vec<u32> =
        index::sample(&mut rng, rows, wanted).into_iter().filter_map(|i| u32::try_from(i).ok()).collect();
    chosen.sort_unstable();
    chosen
}

/// The associations of a table's columns on at most [`ASSOCIATION_SAMPLE`] rows.
///
/// # Errors
/// When the work is cancelled.
pub fn associations(data: &Dataset, control: &Control) -> Result<Associations> {
    if data.rows() <= ASSOCIATION_SAMPLE {
        return associations_of(&data.frame, &data.columns, data.rows() as u64, control);
    }
    let rows = IdxCa::from_vec("rows".into(), sample_rows(data.rows(), ASSOCIATION_SAMPLE));
    associations_of(&data.frame.take(&rows)?, &data.columns, data.rows() as u64, control)
}

/// The associations of the columns of `sample`, which stands for a table of `of` rows. Numbers, dates and moments are
/// compared as numbers, categories and truth values as categories; identifiers and free texts are not compared.
///
/// # Errors
/// When a column is absent, or the work is cancelled.
pub fn associations_of(sample: &DataFrame, columns: &[ColumnSpec], of: u64, control: &Control) -> Result<Associations> {
    let mut names = Vec::new();
    let mut ready = Vec::new();
    let mut not_compared = Vec::new();
    for spec in columns {
        control.check()?;
        let made = match prepare(sample, spec)? {
            Ok(_) if ready.len() == MOST_COLUMNS => Err(format!("only the first {MOST_COLUMNS} columns are compared")),
            made => made,
        };
        match made {
            Ok(column) => {
                names.push(spec.name.clone());
                ready.push(column);
            }
            Err(reason) => not_compared.push(NotCompared { column: spec.name.clone(), reason }),
        }
    }
    let n = ready.len();
    let found: Vec<Vec<(Option<f64>, Option<f64>)>> = (0..n)
        .into_par_iter()
        .map(|i| {
            control.check()?;
            let later = ready.iter().skip(i + 1);
            Ok(ready.get(i).map(|a| later.map(|b| compare(a, b)).collect()).unwrap_or_default())
        })
        .collect::<Result<_>>()?;
    let mut strength = vec![vec![None; n]; n];
    let mut linear = vec![vec![None; n]; n];
    let mut put = |i: usize, j: usize, (s, p): (Option<f64>, Option<f64>)| {
        for (matrix, value) in [(&mut strength, s), (&mut linear, p)] {
            if let Some(cell) = matrix.get_mut(i).and_then(|row: &mut Vec<Option<f64>>| row.get_mut(j)) {
                *cell = value;
            }
        }
    };
    for (i, row) in found.iter().enumerate() {
        let numeric = matches!(ready.get(i), Some(Ready::Numbers(..)));
        put(i, i, (Some(1.0), numeric.then_some(1.0)));
        for (k, pair) in row.iter().enumerate() {
            put(i, i + 1 + k, *pair);
            put(i + 1 + k, i, *pair);
        }
    }
    Ok(Associations {
        rows: sample.height() as u64,
        of,
        columns: names,
        numeric: ready.iter().map(|r| matches!(r, Ready::Numbers(..))).collect(),
        strength,
        pearson: linear,
        not_compared,
    })
}

/// A column in the form in which it is compared, or why it is not.
fn prepare(sample: &DataFrame, spec: &ColumnSpec) -> Result<std::result::Result<Ready, String>> {
    let values = column::get(sample, &spec.name)?;
    let numeric = match spec.meaning {
        Meaning::Identifier => return Ok(Err("it names rows or things".into())),
        Meaning::Text => return Ok(Err("it is free text".into())),
        Meaning::Category | Meaning::Boolean => false,
        Meaning::Number | Meaning::DateTime => spec.physical != Physical::String,
    };
    if numeric {
        let numbers: Vec<f64> =
            column::numbers(values)?.into_iter().map(|v| if v.is_finite() { v } else { f64::NAN }).collect();
        let first = numbers.iter().find(|v| !v.is_nan());
        if first.is_none_or(|f| numbers.iter().all(|v| v.is_nan() || v == f)) {
            return Ok(Err("it has fewer than two values".into()));
        }
        let ranked = numbers.iter().all(|v| !v.is_nan()).then(|| ranks(&numbers));
        return Ok(Ok(Ready::Numbers(numbers, ranked)));
    }
    let texts = column::texts(values)?;
    let mut levels: HashMap<&str, u32> = HashMap::new();
    let codes: Vec<u32> = texts
        .iter()
        .map(|text| match text {
            Some(text) => {
                let next = levels.len() as u32;
                *levels.entry(text).or_insert(next)
            }
            None => MISSING,
        })
        .collect();
    Ok(match levels.len() {
        0 | 1 => Err("it has fewer than two values".into()),
        n if n > MOST_LEVELS => Err(format!("it has {n} levels, more than {MOST_LEVELS}")),
        _ => Ok(Ready::Levels(codes)),
    })
}

/// The strength of two columns' association, and Pearson's correlation of two numbers.
fn compare(a: &Ready, b: &Ready) -> (Option<f64>, Option<f64>) {
    match (a, b) {
        (Ready::Numbers(x, Some(rank_x)), Ready::Numbers(y, Some(rank_y))) if x.len() >= LEAST_PAIRS => {
            (pearson(rank_x, rank_y), pearson(x, y))
        }
        (Ready::Numbers(x, _), Ready::Numbers(y, _)) => {
            let (x, y) = complete(x, y);
            if x.len() < LEAST_PAIRS {
                return (None, None);
            }
            (pearson(&ranks(&x), &ranks(&y)), pearson(&x, &y))
        }
        (Ready::Levels(x), Ready::Levels(y)) => (cramers_v(x, y), None),
        (Ready::Levels(levels), Ready::Numbers(values, _)) | (Ready::Numbers(values, _), Ready::Levels(levels)) => {
            (correlation_ratio(levels, values), None)
        }
    }
}

#[cfg(test)]
#[allow(clippy::unreadable_literal)]
mod tests {
    use super::*;

    fn spec(name: &str, physical: Physical, meaning: Meaning) -> ColumnSpec {
        ColumnSpec { name: name.into(), physical, meaning, missing_spellings: Vec::new(), date_format: None }
    }

    /// Sixty rows that `tests/python/associations.py` builds by the same formulas.
    fn table() -> (DataFrame, Vec<ColumnSpec>) {
        let a: Vec<f64> = (0..60).map(|i| f64::from((i * 37) % 101)).collect();
        let b: Vec<Option<f64>> = (0..60)
            .map(|i| (i % 7 != 3).then(|| f64::from((i * 37) % 101).powi(2) / 50.0 + f64::from((i * 13) % 29)))
            .collect();
        let c: Vec<String> = (0..60).map(|i| format!("c{}", ((i * 37) % 101) / 30)).collect();
        let d: Vec<Option<String>> = (0..60)
            .map(|i| (i % 11 != 5).then(|| format!("d{}", (((i * 37) % 101) / 30 + i32::from(i % 5 == 0)) % 3)))
            .collect();
        let id: Vec<String> = (0..60).map(|i| format!("id{i}")).collect();
        let frame = DataFrame::new(
            60,
            vec![
                Column::new("a".into(), a),
                Column::new("b".into(), b),
                Column::new("c".into(), c),
                Column::new("d".into(), d),
                Column::new("id".into(), id),
                Column::new("same".into(), vec![1.0; 60]),
            ],
        )
        .unwrap();
        let specs = vec![
            spec("a", Physical::Float, Meaning::Number),
            spec("b", Physical::Float, Meaning::Number),
            spec("c", Physical::String, Meaning::Category),
            spec("d", Physical::String, Meaning::Category),
            spec("id", Physical::String, Meaning::Identifier),
            spec("same", Physical::Float, Meaning::Number),
        ];
        (frame, specs)
    }

    #[test]
    fn every_measure_equals_scipy() {
        let (frame, specs) = table();
        let found = associations_of(&frame, &specs, 60, &Control::default()).unwrap();
        assert_eq!(found.columns, ["a", "b", "c", "d"]);
        let near = |got: Option<f64>, want: f64| {
            let got = got.unwrap();
            assert!((got - want).abs() < 1e-9, "{got} is not {want}");
        };
        // SciPy 1.17 and pandas 2.3 on the same rows, see tests/python/associations.py.
        near(found.pearson[0][1], PEARSON_AB);
        near(found.strength[0][1], SPEARMAN_AB);
        near(found.strength[2][3], CRAMER_CD);
        near(found.strength[0][2], RATIO_AC);
        near(found.strength[1][3], RATIO_BD);
        // The matrix is the same from both sides, and pairs are sorted.
        assert_eq!(found.strength[3][1], found.strength[1][3]);
        assert_eq!(found.pearson[0][2], None);
        let pairs = found.pairs();
        assert_eq!(pairs.len(), 6);
        assert!(pairs.windows(2).all(|w| w[0].value.abs() >= w[1].value.abs()));
        let left: Vec<&str> = found.not_compared.iter().map(|n| n.column.as_str()).collect();
        assert_eq!(left, ["id", "same"]);
    }

    #[test]
    fn a_sample_is_stated_and_repeats() {
        assert_eq!(sample_rows(5, 10), [0, 1, 2, 3, 4]);
        let rows = sample_rows(1_000, 10);
        assert!(rows.len() == 10 && rows.windows(2).all(|w| w[0] < w[1]) && rows == sample_rows(1_000, 10));
        let (frame, specs) = table();
        assert_eq!(associations_of(&frame, &specs, 9_999, &Control::default()).unwrap().of, 9_999);
    }

    const PEARSON_AB: f64 = 0.9558224973839813;
    const SPEARMAN_AB: f64 = 0.9733031674208145;
    const CRAMER_CD: f64 = 0.6962151570253228;
    const RATIO_AC: f64 = 0.9557811272246831;
    const RATIO_BD: f64 = 0.36072057740325275;
}
