//! Weak segments: parts of the rows, told by one or two columns, on which the model does worse than elsewhere.
//!
//! A shallow tree of the loss of each row finds them, as Deepchecks' `WeakSegments` does. A part that was looked for among many is
//! found weak by chance, too. So the tree is grown on one half of the rows and the segments are measured on the other half, and the
//! p of the differences are corrected over all segments measured (Benjamini and Hochberg 1995).

use ndarray::{Array2, ArrayView2, Axis};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::grow::{GrowParams, grow};
use super::many::benjamini_hochberg;
use super::metrics::row_values;
use super::resample::normal_p;
use super::{Encoding, FeaturePlan, InputColumn, Prediction, Target, Tree};
use crate::engine::Control;
use crate::error::Result;

/// Columns that are looked at, those that the model rests on most.
const COLUMNS: usize = 10;
/// Smallest share of the rows that makes a segment.
const SMALLEST: f64 = 0.05;
/// Deepest level of the tree over one or two columns.
const DEPTH: usize = 3;
/// Fewest rows kept back for which it is worth looking.
pub const FEWEST: usize = 100;
/// Segments that are told.
const TOLD: usize = 8;
/// Two segments with more rows in common than this share of both are one.
const SAME: f64 = 0.7;

/// What is true of all rows of a segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// The column.
    pub column: String,
    /// In words, for example `from 0.5 to 3`, `is Oslo`, `is missing`.
    pub words: String,
}

/// A part of the rows kept back on which the model is worse.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// What its rows have in common.
    pub conditions: Vec<Condition>,
    /// Rows measured (of the half that did not choose it).
    pub rows: usize,
    /// Their share of that half.
    pub share: f64,
    /// Mean loss in the segment: log loss for classes, absolute error for numbers.
    pub loss: f64,
    /// Mean loss of the other rows.
    pub elsewhere: f64,
    /// 95 % interval of the difference (Welch).
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// Two-sided p of no difference, corrected over all segments measured.
    pub q: f64,
}

/// Loss of each row: log loss for classes, absolute error for numbers.
#[must_use]
pub fn row_losses(truth: &Target, prediction: &Prediction) -> Vec<f64> {
    let name = if matches!(truth, Target::Numbers(_)) { "mae" } else { "log_loss" };
    row_values(name, truth, prediction).unwrap_or_default()
}

/// Finds weak segments among encoded rows `x`. `important` names the columns to look at, the most important first. With `groups`
/// whole groups stand on one side, and differences are measured over groups. Empty with too few rows.
///
/// # Errors
/// When cancelled.
pub fn weak_segments(
    plan: &FeaturePlan,
    x: ArrayView2<'_, f64>,
    losses: &[f64],
    important: &[String],
    groups: Option<&[u32]>,
    seed: u64,
    control: &Control,
) -> Result<Vec<Segment>> {
    let rows = losses.len();
    if rows < FEWEST || losses.iter().any(|l| !l.is_finite()) {
        return Ok(Vec::new());
    }
    let own: Vec<u32> = (0..rows as u32).collect();
    let groups = groups.filter(|g| g.len() == rows).unwrap_or(&own);
    let (seek, measure) = halves(groups, seed);
    let columns: Vec<Block> = blocks(plan, important);
    let mut found: Vec<(Segment, Vec<usize>)> = Vec::new();
    let mut sets: Vec<Vec<&Block>> = columns.iter().map(|c| vec![c]).collect();
    for (i, a) in columns.iter().enumerate() {
        sets.extend(columns.iter().skip(i + 1).map(|b| vec![a, b]));
    }
    for set in &sets {
        control.check()?;
        let encoded = side_by_side(x, set);
        let tree = seek_tree(&encoded, losses, &seek, control)?;
        for leaf in weak_leaves(&tree) {
            let inside: Vec<usize> = measure.iter().copied().filter(|&r| tree.leaf(encoded.row(r)) == leaf).collect();
            let conditions = conditions(&tree, leaf, set);
            // A pair that parts by one column only was looked at already.
            if (inside.len() as f64) < SMALLEST / 2.0 * measure.len() as f64 || conditions.len() < set.len() {
                continue;
            }
            if let Some(segment) = measured(conditions, &inside, &measure, losses, groups) {
                found.push((segment, inside));
            }
        }
    }
    let corrected = benjamini_hochberg(&found.iter().map(|f| f.0.q).collect::<Vec<_>>());
    for (f, q) in found.iter_mut().zip(corrected) {
        f.0.q = q;
    }
    found.retain(|f| f.0.q <= 0.05 && f.0.low > 0.0);
    // The surest first; simpler ones win where the rows are nearly the same.
    found.sort_by(|a, b| b.0.low.total_cmp(&a.0.low).then_with(|| a.0.conditions.len().cmp(&b.0.conditions.len())));
    let mut told: Vec<(Segment, Vec<usize>)> = Vec::new();
    for candidate in found {
        let same = |other: &(Segment, Vec<usize>)| {
            let common = candidate.1.iter().filter(|r| other.1.binary_search(r).is_ok()).count() as f64;
            common > SAME * candidate.1.len().max(other.1.len()) as f64
        };
        if told.len() < TOLD && !told.iter().any(same) {
            told.push(candidate);
        }
    }
    Ok(told.into_iter().map(|t| t.0).collect())
}

/// A column's place among the encoded features.
struct Block<'a> {
    input: &'a InputColumn,
    start: usize,
}

fn blocks<'a>(plan: &'a FeaturePlan, important: &[String]) -> Vec<Block<'a>> {
    let mut start = 0;
    let mut all: Vec<Block<'a>> = Vec::new();
    for input in &plan.inputs {
        all.push(Block { input, start });
        start += input.width();
    }
    let place = |b: &Block<'_>| important.iter().position(|n| *n == b.input.name).unwrap_or(usize::MAX);
    all.retain(|b| b.input.width() > 0);
    all.sort_by_key(place);
    all.truncate(COLUMNS);
    all
}

fn side_by_side(x: ArrayView2<'_, f64>, set: &[&Block<'_>]) -> Array2<f64> {
    let parts: Vec<_> =
        set.iter().map(|b| x.slice_axis(Axis(1), (b.start..b.start + b.input.width()).into())).collect();
    let width = parts.iter().map(|p| p.ncols()).sum();
    let mut out = Array2::zeros((x.nrows(), width));
    let mut at = 0;
    for part in parts {
        out.slice_axis_mut(Axis(1), (at..at + part.ncols()).into()).assign(&part);
        at += part.ncols();
    }
    // A plan may leave missing values as they are; the tree that looks for segments knows no way for them but the middle.
    out.mapv_inplace(|v| if v.is_nan() { 0.0 } else { v });
    out
}

/// The rows of either half; rows of a group stay together.
fn halves(groups: &[u32], seed: u64) -> (Vec<usize>, Vec<usize>) {
    let mut names: Vec<u32> = groups.to_vec();
    names.sort_unstable();
    names.dedup();
    names.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    names.truncate(names.len() / 2);
    names.sort_unstable();
    (0..groups.len()).partition(|&r| names.binary_search(&groups[r]).is_ok())
}

fn seek_tree(x: &Array2<f64>, losses: &[f64], rows: &[usize], control: &Control) -> Result<Tree> {
    let params = GrowParams {
        n_estimators: 1,
        max_depth: DEPTH,
        min_samples_leaf: ((SMALLEST * rows.len() as f64) as usize).max(5),
        max_features: x.ncols(),
        bootstrap: false,
    };
    let y: Vec<f64> = rows.iter().map(|&r| losses[r]).collect();
    let mean = y.iter().sum::<f64>() / y.len().max(1) as f64;
    let x = x.select(Axis(0), rows);
    Ok(grow(&x, &Target::Numbers(y), mean, &params, 1, control)?.pop().unwrap_or_default())
}

/// Leaves whose mean is above that of all rows (leaf values are distances from it), the worst first.
fn weak_leaves(tree: &Tree) -> Vec<usize> {
    let mut leaves: Vec<usize> = (0..tree.len()).filter(|&n| tree.is_leaf(n) && n > 0 && tree.value[n] > 0.0).collect();
    leaves.sort_by(|a, b| tree.value[*b].total_cmp(&tree.value[*a]));
    leaves.truncate(2);
    leaves
}

/// The way from the root to a leaf, as conditions on the columns that it asks about.
fn conditions(tree: &Tree, leaf: usize, set: &[&Block<'_>]) -> Vec<Condition> {
    let mut way = Vec::new();
    let mut node = leaf;
    while let Some(parent) =
        (0..tree.len()).find(|&n| !tree.is_leaf(n) && (tree.left[n] as usize == node || tree.right[n] as usize == node))
    {
        way.push((tree.feature[parent] as usize, tree.threshold[parent], tree.left[parent] as usize == node));
        node = parent;
    }
    let mut start = 0;
    let mut all = Vec::new();
    for block in set {
        let asked: Vec<(usize, f32, bool)> = way
            .iter()
            .filter(|w| (start..start + block.input.width()).contains(&w.0))
            .map(|w| (w.0 - start, w.1, w.2))
            .collect();
        start += block.input.width();
        if !asked.is_empty() {
            all.push(Condition { column: block.input.name.clone(), words: words(block.input, &asked) });
        }
    }
    all
}

/// Answers to a tree's questions about one column (feature within it, threshold, whether at most that) in words.
fn words(input: &InputColumn, asked: &[(usize, f32, bool)]) -> String {
    let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
    let (mut is, mut is_not) = (Vec::new(), Vec::new());
    let names: Vec<String> = match &input.encoding {
        Encoding::Number { .. } => vec![String::new(), "missing".into()],
        Encoding::OneHot { levels, .. } => levels.names().into_iter().chain(["missing".to_owned()]).collect(),
    };
    for (feature, threshold, at_most) in asked {
        match &input.encoding {
            Encoding::Number { mean, scale, .. } if *feature == 0 => {
                let value = f64::from(*threshold) * scale + mean;
                if *at_most { high = high.min(value) } else { low = low.max(value) }
            }
            _ => {
                let name = names.get(*feature).cloned().unwrap_or_default();
                if *at_most { is_not.push(name) } else { is.push(name) }
            }
        }
    }
    let mut parts = Vec::new();
    match (low.is_finite(), high.is_finite()) {
        (true, true) => parts.push(format!("from {} to {}", short(low), short(high))),
        (true, false) => parts.push(format!("above {}", short(low))),
        (false, true) => parts.push(format!("at most {}", short(high))),
        (false, false) => {}
    }
    // One indicator that is set says more than others that are not.
    if let Some(level) = is.first() {
        parts.push(format!("is {level}"));
    } else if !is_not.is_empty() {
        is_not.sort_unstable();
        parts.push(format!("is not {}", is_not.join(", ")));
    }
    parts.join(", ")
}

/// Four digits that count: a threshold lies between two values, so more would say nothing.
fn short(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return "0".into();
    }
    let digits = (3 - value.abs().log10().floor() as i32).clamp(0, 12) as usize;
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Mean and variance of the mean; over groups, the linearised ones of a ratio.
fn mean_of(rows: &[usize], losses: &[f64], groups: &[u32]) -> Option<(f64, f64)> {
    let n = rows.len() as f64;
    let mean = rows.iter().map(|&r| losses[r]).sum::<f64>() / n;
    let mut by_group = std::collections::BTreeMap::<u32, f64>::new();
    for &r in rows {
        *by_group.entry(groups[r]).or_default() += losses[r] - mean;
    }
    let units = by_group.len() as f64;
    let square: f64 = by_group.values().map(|v| v * v).sum();
    (units > 1.0).then(|| (mean, square / (n * n) * units / (units - 1.0)))
}

fn measured(
    conditions: Vec<Condition>,
    inside: &[usize],
    all: &[usize],
    losses: &[f64],
    groups: &[u32],
) -> Option<Segment> {
    let outside: Vec<usize> = all.iter().copied().filter(|r| inside.binary_search(r).is_err()).collect();
    let (loss, error) = mean_of(inside, losses, groups)?;
    let (elsewhere, other) = mean_of(&outside, losses, groups)?;
    let spread = (error + other).sqrt();
    let difference = loss - elsewhere;
    let q = if spread > 0.0 { normal_p(difference / spread) } else { 1.0 };
    Some(Segment {
        conditions,
        rows: inside.len(),
        share: inside.len() as f64 / all.len() as f64,
        loss,
        elsewhere,
        low: difference - 1.959_963_984_540_054 * spread,
        high: difference + 1.959_963_984_540_054 * spread,
        q,
    })
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::*;
    use crate::model::Levels;

    fn plan() -> FeaturePlan {
        let number = |name: &str| InputColumn {
            name: name.into(),
            encoding: Encoding::Number { impute: Some(0.0), mean: 50.0, scale: 10.0, indicator: false },
        };
        let levels = Levels::Text(vec!["north".into(), "south".into(), "west".into()]);
        let city = InputColumn { name: "city".into(), encoding: Encoding::OneHot { levels, missing: false } };
        FeaturePlan { inputs: vec![number("age"), number("income"), city] }
    }

    fn rows(n: usize, seed: u64) -> (Array2<f64>, ChaCha8Rng) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut x = Array2::zeros((n, 5));
        for mut row in x.outer_iter_mut() {
            row[0] = rng.random_range(-2.0..2.0);
            row[1] = rng.random_range(-2.0..2.0);
            row[2 + rng.random_range(0..3)] = 1.0;
        }
        (x, rng)
    }

    fn find(x: &Array2<f64>, losses: &[f64], groups: Option<&[u32]>) -> Vec<Segment> {
        let names = ["age".to_owned(), "income".to_owned(), "city".to_owned()];
        weak_segments(&plan(), x.view(), losses, &names, groups, 7, &Control::default()).unwrap()
    }

    #[test]
    fn a_planted_segment_is_found_and_named() {
        let (x, mut rng) = rows(2_000, 1);
        // The old in the south: older than 60, a twelfth of the rows.
        let weak = |r: usize| x[[r, 0]] > 1.0 && x[[r, 3]] == 1.0;
        let losses: Vec<f64> =
            (0..2_000).map(|r| rng.random_range(0.0..0.4) + if weak(r) { 0.6 } else { 0.0 }).collect();
        let found = find(&x, &losses, None);
        let first = &found[0];
        let words: Vec<String> = first.conditions.iter().map(|c| format!("{} {}", c.column, c.words)).collect();
        assert!(words[0].starts_with("age above 6") || words[0].starts_with("age above 59"), "{words:?}");
        assert_eq!(words[1], "city is south");
        assert!((first.loss - 0.8).abs() < 0.05 && first.low > 0.5 && first.q < 1e-6, "{first:?}");
        assert!((first.share - 1.0 / 12.0).abs() < 0.03);
    }

    #[test]
    fn where_nothing_is_weak_nothing_is_told() {
        let mut told = 0;
        for seed in 0..40 {
            let (x, mut rng) = rows(600, 10 + seed);
            let losses: Vec<f64> = (0..600).map(|_| rng.random_range(0.0f64..1.0).powi(3)).collect();
            told += usize::from(!find(&x, &losses, None).is_empty());
        }
        // 2 of 40 are expected at most; more than 7 has a probability under 0.002.
        assert!(told <= 7, "segments are told in {told} of 40 tables without any");
    }

    #[test]
    fn one_odd_customer_with_many_rows_is_no_segment() {
        let (mut x, mut rng) = rows(1_200, 5);
        // Thirty customers of forty rows; income is the customer's, and three customers are hard to predict, by chance rich.
        let groups: Vec<u32> = (0..1_200).map(|r| r / 40).collect();
        for r in 0..1_200 {
            x[[r, 1]] = f64::from(groups[r] * 7 % 30) / 8.0 - 2.0;
        }
        let hard: Vec<f64> = (0..30).map(|_| rng.random_range(0.0..1.0)).collect();
        let losses: Vec<f64> = groups.iter().map(|g| hard[*g as usize] + rng.random_range(0.0..0.1)).collect();
        assert!(!find(&x, &losses, None).is_empty(), "rows taken for strangers call chance a segment");
        assert!(find(&x, &losses, Some(&groups)).is_empty());
    }

    #[test]
    fn few_rows_and_undefined_losses_tell_nothing() {
        let (x, _) = rows(60, 1);
        assert!(find(&x, &[1.0; 60], None).is_empty());
        let (x, _) = rows(400, 1);
        assert!(find(&x, &[f64::NAN; 400], None).is_empty());
        assert_eq!(
            (short(0.000_123_45), short(1234.5), short(-2.5), short(0.0)),
            ("0.0001234".into(), "1234".into(), "-2.5".into(), "0".into())
        );
    }
}
