//! The feature plan: how raw columns become the numbers that an estimator sees. Fitted on training rows only.

use std::collections::BTreeMap;

use ndarray::Array2;
use polars::frame::DataFrame;
use serde::{Deserialize, Serialize};

use crate::data::{ColumnSpec, Meaning, Physical, column};
use crate::engine::Control;
use crate::error::{Error, Result};

/// The known values of a category, in the order of their indicator features.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Levels {
    /// The column arrives as text.
    Text(Vec<String>),
    /// The column arrives as a number that is a code (a zone, a rate class).
    Number(Vec<f64>),
}

impl Levels {
    /// Number of levels.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Text(v) => v.len(),
            Self::Number(v) => v.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The levels as text.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        match self {
            Self::Text(v) => v.clone(),
            Self::Number(v) => v.iter().map(ToString::to_string).collect(),
        }
    }
}

/// What is done to one raw column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
pub enum Encoding {
    /// Missing values become `impute` (the median of the training rows), then `(x - mean) / scale`
    /// (scikit-learn's `SimpleImputer(strategy="median")` and `StandardScaler`). With `indicator`, a second feature is 1
    /// where the value was missing (`add_indicator=True`). Without `impute` they stay missing (NaN).
    Number {
        /// Stands in for missing values; none for an estimator that knows a way for them.
        impute: Option<f64>,
        /// Mean of the imputed training values.
        mean: f64,
        /// Population standard deviation of the imputed training values, 1 when that is 0.
        scale: f64,
        /// Whether a missing indicator follows.
        indicator: bool,
    },
    /// One indicator per level (`OneHotEncoder(handle_unknown="ignore")`); an unseen value is all zeros. With `missing`,
    /// the last indicator is 1 where the value is missing; without it a missing value is all zeros too.
    OneHot {
        /// The levels seen in training.
        levels: Levels,
        /// Whether missing values were seen in training.
        missing: bool,
    },
}

/// One raw column that the model reads. Numbers, booleans (0/1) and number codes arrive as `double`, all else as text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InputColumn {
    /// The column's name: also the name of the ONNX input.
    pub name: String,
    /// How it is encoded.
    pub encoding: Encoding,
}

impl InputColumn {
    /// Whether the raw value is text (otherwise it is a `double`, NaN when missing).
    #[must_use]
    pub fn is_text(&self) -> bool {
        matches!(&self.encoding, Encoding::OneHot { levels: Levels::Text(_), .. })
    }

    /// Number of features that the column becomes.
    #[must_use]
    pub fn width(&self) -> usize {
        match &self.encoding {
            Encoding::Number { indicator, .. } => 1 + usize::from(*indicator),
            Encoding::OneHot { levels, missing } => levels.len() + usize::from(*missing),
        }
    }
}

/// The fitted plan for all columns. Features stand in the order of `inputs`, each column's features side by side.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FeaturePlan {
    /// The raw columns that the model reads.
    pub inputs: Vec<InputColumn>,
}

/// Above this many levels, the rarest share the all-zero code of unseen values.
pub const MAX_LEVELS: usize = 50;

impl FeaturePlan {
    /// Fits the plan for the named columns of `frame`, which must hold training rows only.
    ///
    /// # Errors
    /// When a column is missing from the frame, or has a meaning that cannot be a feature (text, date, identifier).
    pub fn fit(frame: &DataFrame, specs: &[ColumnSpec]) -> Result<Self> {
        Self::fit_with(frame, specs, &Control::default())
    }

    /// [`FeaturePlan::fit`] that can be cancelled between columns.
    ///
    /// # Errors
    /// As [`FeaturePlan::fit`], and when cancelled.
    pub fn fit_with(frame: &DataFrame, specs: &[ColumnSpec], control: &Control) -> Result<Self> {
        let inputs = specs
            .iter()
            .map(|spec| {
                control.check()?;
                let column = column::get(frame, &spec.name)?;
                let encoding = match (spec.meaning, spec.physical) {
                    (Meaning::Number | Meaning::Boolean, p) if p != Physical::String => {
                        fit_number(&column::numbers(column)?)
                    }
                    (Meaning::Category | Meaning::Boolean, Physical::String) => {
                        fit_text_levels(&column::texts(column)?)
                    }
                    (Meaning::Category, Physical::Float | Physical::Integer | Physical::Boolean) => {
                        fit_number_levels(&column::numbers(column)?)
                    }
                    (meaning, _) => {
                        return Err(Error::usage(format!(
                            "column `{}` is {meaning} and cannot be a feature",
                            spec.name
                        ))
                        .hint("Leave it out, correct its meaning, or derive a number or a category from it"));
                    }
                };
                Ok(InputColumn { name: spec.name.clone(), encoding })
            })
            .collect::<Result<_>>()?;
        Ok(Self { inputs })
    }

    /// The plan for an estimator that knows a way for missing values: numbers of which some were missing in training stay
    /// missing where they are, and lose their indicator. `None` where the plan is that already.
    #[must_use]
    pub fn without_imputing(&self) -> Option<Self> {
        let mut plan = self.clone();
        let mut changed = false;
        for input in &mut plan.inputs {
            if let Encoding::Number { impute, indicator, .. } = &mut input.encoding
                && *indicator
            {
                (*impute, *indicator, changed) = (None, false, true);
            }
        }
        changed.then_some(plan)
    }

    /// Rows that this plan encoded, as [`FeaturePlan::without_imputing`] would have encoded them.
    #[must_use]
    pub fn take_back_imputing(&self, x: &Array2<f64>) -> Array2<f64> {
        let mut columns = Vec::new();
        let mut at = 0;
        for input in &self.inputs {
            let marked = matches!(&input.encoding, Encoding::Number { indicator: true, .. });
            let last = at + input.width() - usize::from(marked);
            columns.extend((at..last).map(|column| (column, marked.then_some(last))));
            at += input.width();
        }
        Array2::from_shape_fn((x.nrows(), columns.len()), |(row, to)| {
            let (column, marker) = columns[to];
            if marker.is_some_and(|m| x[[row, m]] != 0.0) { f64::NAN } else { x[[row, column]] }
        })
    }

    /// Number of features.
    #[must_use]
    pub fn width(&self) -> usize {
        self.inputs.iter().map(InputColumn::width).sum()
    }

    /// The features' names: `column`, `column=level`, `column is missing`.
    #[must_use]
    pub fn feature_names(&self) -> Vec<String> {
        let mut names = Vec::with_capacity(self.width());
        for input in &self.inputs {
            match &input.encoding {
                Encoding::Number { indicator, .. } => {
                    names.push(input.name.clone());
                    if *indicator {
                        names.push(format!("{} is missing", input.name));
                    }
                }
                Encoding::OneHot { levels, missing } => {
                    names.extend(levels.names().iter().map(|l| format!("{}={l}", input.name)));
                    if *missing {
                        names.push(format!("{} is missing", input.name));
                    }
                }
            }
        }
        names
    }

    /// Encodes rows: an array of shape (rows, [`FeaturePlan::width`]).
    ///
    /// # Errors
    /// When a column is absent or holds text where numbers are needed.
    pub fn transform(&self, frame: &DataFrame) -> Result<Array2<f64>> {
        self.transform_with(frame, &Control::default())
    }

    /// [`FeaturePlan::transform`] that can be cancelled between columns.
    ///
    /// # Errors
    /// As [`FeaturePlan::transform`], and when cancelled.
    pub fn transform_with(&self, frame: &DataFrame, control: &Control) -> Result<Array2<f64>> {
        let mut x = Array2::zeros((frame.height(), self.width()));
        let mut at = 0;
        for input in &self.inputs {
            control.check()?;
            let column = column::get(frame, &input.name)?;
            match &input.encoding {
                Encoding::Number { impute, mean, scale, indicator } => {
                    for (row, value) in column::numbers(column)?.into_iter().enumerate() {
                        // As in the fit, what is not finite is no value.
                        let missing = !value.is_finite();
                        x[[row, at]] = (if missing { impute.unwrap_or(f64::NAN) } else { value } - mean) / scale;
                        if *indicator {
                            x[[row, at + 1]] = f64::from(u8::from(missing));
                        }
                    }
                }
                Encoding::OneHot { levels: Levels::Text(levels), missing } => {
                    let index: BTreeMap<&str, usize> =
                        levels.iter().enumerate().map(|(i, l)| (l.as_str(), i)).collect();
                    for (row, value) in column::texts(column)?.iter().enumerate() {
                        match value {
                            Some(v) => {
                                if let Some(i) = index.get(v.as_str()) {
                                    x[[row, at + i]] = 1.0;
                                }
                            }
                            None if *missing => x[[row, at + levels.len()]] = 1.0,
                            None => {}
                        }
                    }
                }
                Encoding::OneHot { levels: Levels::Number(levels), missing } => {
                    for (row, value) in column::numbers(column)?.into_iter().enumerate() {
                        if !value.is_finite() {
                            if *missing {
                                x[[row, at + levels.len()]] = 1.0;
                            }
                        } else if let Ok(i) = levels.binary_search_by(|l| l.total_cmp(&unsigned_zero(value))) {
                            x[[row, at + i]] = 1.0;
                        }
                    }
                }
            }
            at += input.width();
        }
        Ok(x)
    }
}

fn fit_number(values: &[f64]) -> Encoding {
    let mut present: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    let indicator = present.len() < values.len();
    if present.is_empty() {
        return Encoding::Number { impute: Some(0.0), mean: 0.0, scale: 1.0, indicator: false };
    }
    present.sort_by(f64::total_cmp);
    let middle = present.len() / 2;
    let impute =
        if present.len() % 2 == 1 { present[middle] } else { f64::midpoint(present[middle - 1], present[middle]) };
    let n = values.len() as f64;
    // Squares of values beyond 1e150 are infinite: such columns are measured in units of their largest value.
    let size = present.iter().fold(0.0_f64, |a, v| a.max(v.abs()));
    let unit = if size > 1e100 { size } else { 1.0 };
    let filled = || values.iter().map(|v| if v.is_finite() { *v } else { impute } / unit);
    let mean = filled().sum::<f64>() / n;
    let deviation = (filled().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
    let scale = if deviation > 10.0 * f64::EPSILON * mean.abs() { deviation * unit } else { 1.0 };
    let mean = mean * unit;
    Encoding::Number { impute: Some(impute), mean, scale, indicator }
}

fn fit_text_levels(values: &[Option<String>]) -> Encoding {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for value in values.iter().flatten() {
        *counts.entry(value).or_default() += 1;
    }
    let missing = values.iter().any(Option::is_none);
    let kept = keep_commonest(counts.into_iter().collect());
    Encoding::OneHot { levels: Levels::Text(kept.into_iter().map(str::to_owned).collect()), missing }
}

/// Minus nought is nought: the two are one level.
fn unsigned_zero(value: f64) -> f64 {
    value + 0.0
}

fn fit_number_levels(values: &[f64]) -> Encoding {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).map(unsigned_zero).collect();
    let missing = sorted.len() < values.len();
    sorted.sort_by(f64::total_cmp);
    let counts: Vec<(f64, usize)> = sorted.chunk_by(|a, b| a == b).map(|c| (c[0], c.len())).collect();
    let mut kept = keep_commonest(counts);
    kept.sort_by(f64::total_cmp);
    Encoding::OneHot { levels: Levels::Number(kept), missing }
}

/// At most [`MAX_LEVELS`] levels, the commonest, in their original (sorted) order.
fn keep_commonest<L: Copy>(counts: Vec<(L, usize)>) -> Vec<L> {
    if counts.len() <= MAX_LEVELS {
        return counts.into_iter().map(|(l, _)| l).collect();
    }
    let mut by_count: Vec<usize> = (0..counts.len()).collect();
    by_count.sort_by_key(|&i| (std::cmp::Reverse(counts[i].1), i));
    by_count.truncate(MAX_LEVELS);
    by_count.sort_unstable();
    by_count.into_iter().map(|i| counts[i].0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use polars::prelude::{Column, NamedFrom, Series};

    fn spec(name: &str, physical: Physical, meaning: Meaning) -> ColumnSpec {
        ColumnSpec { name: name.into(), physical, meaning, missing_spellings: Vec::new(), date_format: None }
    }

    fn frame(columns: Vec<Series>) -> DataFrame {
        let rows = columns[0].len();
        DataFrame::new(rows, columns.into_iter().map(Column::from).collect()).unwrap()
    }

    #[test]
    fn numbers_are_imputed_and_scaled_by_the_training_rows_alone() {
        // By hand: present 1, 2, 6: median 2; filled 1, 2, 6, 2: mean 2.75, population variance 3.6875.
        let train = frame(vec![Series::new("x".into(), [Some(1.0), Some(2.0), Some(6.0), None])]);
        let plan = FeaturePlan::fit(&train, &[spec("x", Physical::Float, Meaning::Number)]).unwrap();
        let Encoding::Number { impute, mean, scale, indicator } = plan.inputs[0].encoding else { unreachable!() };
        assert_eq!((impute, mean, indicator), (Some(2.0), 2.75, true));
        assert!((scale - 3.6875_f64.sqrt()).abs() < 1e-15);
        let test = frame(vec![Series::new("x".into(), [Some(100.0), None, Some(f64::INFINITY)])]);
        let x = plan.transform(&test).unwrap();
        assert!((x[[0, 0]] - (100.0 - 2.75) / scale).abs() < 1e-12 && x[[0, 1]] == 0.0);
        for row in [1, 2] {
            assert!((x[[row, 0]] - (2.0 - 2.75) / scale).abs() < 1e-12 && x[[row, 1]] == 1.0, "{x}");
        }
        assert_eq!(plan.feature_names(), ["x", "x is missing"]);
    }

    #[test]
    fn imputing_taken_back_is_the_plan_without_it() {
        let train = frame(vec![
            Series::new("t".into(), [Some("b"), None, Some("a"), Some("b")]),
            Series::new("x".into(), [Some(1.0), Some(2.0), Some(6.0), None]),
            Series::new("y".into(), [4.0, 3.0, 2.0, 1.0]),
        ]);
        let number = |name| spec(name, Physical::Float, Meaning::Number);
        let specs = [spec("t", Physical::String, Meaning::Category), number("x"), number("y")];
        let plan = FeaturePlan::fit(&train, &specs).unwrap();
        let other = plan.without_imputing().unwrap();
        assert_eq!(other.feature_names(), ["t=a", "t=b", "t is missing", "x", "y"]);
        assert_eq!(other.without_imputing(), None);
        let (there, back) =
            (other.transform(&train).unwrap(), plan.take_back_imputing(&plan.transform(&train).unwrap()));
        assert!(there[[3, 3]].is_nan() && there.iter().filter(|v| v.is_nan()).count() == 1);
        assert!(there.iter().zip(&back).all(|(a, b)| a.to_bits() == b.to_bits()), "{there} {back}");
        let text = serde_json::to_string(&other).unwrap();
        assert_eq!(serde_json::from_str::<FeaturePlan>(&text).unwrap(), other);
    }

    #[test]
    fn huge_and_constant_numbers_give_finite_features() {
        for values in [[1e300, -1e300, 1e308, 0.0], [5.0, 5.0, 5.0, 5.0], [f64::MAX, f64::MAX, f64::MAX, f64::MAX]] {
            let train = frame(vec![Series::new("x".into(), values)]);
            let plan = FeaturePlan::fit(&train, &[spec("x", Physical::Float, Meaning::Number)]).unwrap();
            assert!(plan.transform(&train).unwrap().iter().all(|v| v.is_finite()), "{values:?}");
            let text = serde_json::to_string(&plan).unwrap();
            assert_eq!(serde_json::from_str::<FeaturePlan>(&text).unwrap(), plan);
        }
    }

    #[test]
    fn an_unseen_level_is_all_zeros_and_a_missing_one_is_marked() {
        let train = frame(vec![
            Series::new("t".into(), [Some("b"), Some("a"), None, Some("b")]),
            Series::new("n".into(), [Some(2i64), Some(1), Some(1), Some(-0)]),
        ]);
        let specs = [spec("t", Physical::String, Meaning::Category), spec("n", Physical::Integer, Meaning::Category)];
        let plan = FeaturePlan::fit(&train, &specs).unwrap();
        assert_eq!(plan.feature_names(), ["t=a", "t=b", "t is missing", "n=0", "n=1", "n=2"]);
        let test = frame(vec![
            Series::new("t".into(), [Some("b"), Some("new"), None]),
            Series::new("n".into(), [Some(0i64), Some(7), None]),
        ]);
        let x = plan.transform(&test).unwrap();
        assert_eq!(x.row(0).to_vec(), [0.0, 1.0, 0.0, 1.0, 0.0, 0.0]);
        assert_eq!(x.row(1).to_vec(), [0.0; 6]);
        assert_eq!(x.row(2).to_vec(), [0.0, 0.0, 1.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn the_commonest_levels_are_kept_in_order() {
        let values: Vec<String> =
            (0..80).flat_map(|k| std::iter::repeat_n(format!("v{k:02}"), if k % 2 == 0 { 1 } else { 3 })).collect();
        let train = frame(vec![Series::new("t".into(), values)]);
        let plan = FeaturePlan::fit(&train, &[spec("t", Physical::String, Meaning::Category)]).unwrap();
        let Encoding::OneHot { levels: Levels::Text(levels), missing: false } = &plan.inputs[0].encoding else {
            unreachable!()
        };
        assert_eq!(levels.len(), MAX_LEVELS);
        assert!(levels.windows(2).all(|w| w[0] < w[1]));
        assert!((0..80).filter(|k| k % 2 == 1).all(|k| levels.contains(&format!("v{k:02}"))));
    }
}
