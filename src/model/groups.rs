//! Performance by group: each value of a column beside all other rows, with intervals of the differences.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::metrics;
use super::resample::{Units, percentile_interval, take};
use super::{Prediction, Target};
use crate::engine::Control;
use crate::error::Result;

/// Bootstrap repeats.
const REPEATS: u64 = 400;
/// A group of fewer rows is counted, but not judged: its interval would say nothing.
pub const FEWEST: usize = 30;
/// Groups that are told apart, the largest; the rest is one more.
const MOST: usize = 20;
/// What the groups beyond the largest are called together.
pub const OTHERS: &str = "(all others)";

/// One figure of a group beside the same of all other rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupFigure {
    /// A metric's name, `selection_rate` (share called positive), `positive_rate` (share that is positive), `mean_prediction` or `mean_truth`.
    pub name: String,
    /// In the group.
    #[serde(deserialize_with = "crate::engine::undefined::number")]
    pub value: f64,
    /// Ends of its 95 % interval.
    pub interval: Option<(f64, f64)>,
    /// In the group less among all other rows.
    #[serde(deserialize_with = "crate::engine::undefined::number")]
    pub difference: f64,
    /// Ends of the difference's 95 % interval.
    pub difference_interval: Option<(f64, f64)>,
    /// Whether that interval leaves out 0.
    pub real: bool,
}

/// A group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupReport {
    /// The column's value, or nothing where it is missing.
    pub group: Option<String>,
    /// Its rows.
    pub rows: usize,
    /// Its figures; empty with fewer than [`FEWEST`] rows.
    pub figures: Vec<GroupFigure>,
}

/// The largest gap between two groups in one figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gap {
    /// The figure.
    pub name: String,
    /// The group with the highest value.
    pub highest: Option<String>,
    /// The group with the lowest.
    pub lowest: Option<String>,
    /// Their difference.
    pub gap: f64,
    /// Lowest over highest: for `selection_rate` the ratio of which four fifths are often asked.
    pub ratio: f64,
    /// Ends of the 95 % interval of the difference of these two groups.
    pub interval: Option<(f64, f64)>,
}

/// All groups of a column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ByGroup {
    /// The column.
    pub column: String,
    /// Its groups, the largest first.
    pub groups: Vec<GroupReport>,
    /// The largest gaps, figure by figure; empty when fewer than two groups are judged.
    pub gaps: Vec<Gap>,
}

/// Figures beside the metrics: what is said and what is true of a group, whatever the model's skill.
const SHARES: [&str; 2] = ["selection_rate", "positive_rate"];
const MEANS: [&str; 2] = ["mean_prediction", "mean_truth"];

fn figure_names<'a>(metrics: &[&'a str], truth: &Target) -> Vec<&'a str> {
    let more: &[&'static str] = match truth {
        Target::Classes { count: 2, .. } => &SHARES,
        Target::Classes { .. } => &[],
        Target::Numbers(_) => &MEANS,
    };
    metrics.iter().copied().chain(more.iter().copied()).collect()
}

fn figures(names: &[&str], truth: &Target, prediction: &Prediction) -> Vec<f64> {
    let mean = |values: &mut dyn Iterator<Item = f64>| {
        let (sum, n) = values.fold((0.0, 0.0), |(s, n), v| (s + v, n + 1.0));
        sum / n
    };
    let mut found = metrics::several(names, truth, prediction);
    for (name, value) in names.iter().zip(&mut found) {
        let one = |b: bool| f64::from(u8::from(b));
        match (*name, truth) {
            ("selection_rate", _) => *value = mean(&mut prediction.classes().into_iter().map(|c| one(c == 1))),
            ("positive_rate", Target::Classes { codes, .. }) => *value = mean(&mut codes.iter().map(|c| one(*c == 1))),
            ("mean_prediction", _) => *value = mean(&mut prediction.column(0).into_iter()),
            ("mean_truth", Target::Numbers(y)) => *value = mean(&mut y.iter().copied()),
            _ => {}
        }
    }
    found
}

/// Rows picked out of the rows kept back, drawn anew as often as asked.
struct Part<'a> {
    index: Vec<u32>,
    units: Units,
    truth: &'a Target,
    prediction: &'a Prediction,
}

impl<'a> Part<'a> {
    fn new(index: Vec<u32>, truth: &'a Target, prediction: &'a Prediction, clusters: Option<&[u32]>) -> Self {
        let own: Option<Vec<u32>> =
            clusters.map(|c| index.iter().filter_map(|i| c.get(*i as usize)).copied().collect());
        let units = Units::new(index.len(), own.as_deref());
        Self { index, units, truth, prediction }
    }

    fn whole(&self, names: &[&str]) -> Vec<f64> {
        figures(names, &self.truth.take(&self.index), &take(self.prediction, &self.index))
    }

    fn repeats(&self, names: &[&str], seed: u64, control: &Control) -> Result<Vec<Vec<f64>>> {
        (0..REPEATS)
            .into_par_iter()
            .map(|repeat| {
                control.check()?;
                let drawn: Vec<u32> = self.units.draw(seed, repeat).iter().map(|i| self.index[*i as usize]).collect();
                Ok(figures(names, &self.truth.take(&drawn), &take(self.prediction, &drawn)))
            })
            .collect()
    }
}

/// What is judged: truth and prediction of the rows kept back.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a> {
    /// The truth.
    pub truth: &'a Target,
    /// What the model said.
    pub prediction: &'a Prediction,
    /// The groups that the split kept together, one number a row: they are drawn whole.
    pub clusters: Option<&'a [u32]>,
}

/// Judges each value of a column (`values`, one a row) by the named metrics.
///
/// # Errors
/// When cancelled.
pub fn by_group(
    column: &str,
    values: &[Option<String>],
    names: &[&str],
    answered: Answered<'_>,
    seed: u64,
    control: &Control,
) -> Result<ByGroup> {
    let Answered { truth, prediction, clusters } = answered;
    let names = figure_names(names, truth);
    let mut members: BTreeMap<Option<String>, Vec<u32>> = BTreeMap::new();
    for (row, value) in values.iter().enumerate().take(truth.len()) {
        members.entry(value.clone()).or_default().push(row as u32);
    }
    let mut members: Vec<(Option<String>, Vec<u32>)> = members.into_iter().collect();
    members.sort_by_key(|m| std::cmp::Reverse(m.1.len()));
    if members.len() > MOST {
        let mut others: Vec<u32> = members.split_off(MOST - 1).into_iter().flat_map(|m| m.1).collect();
        others.sort_unstable();
        members.push((Some(OTHERS.to_owned()), others));
    }
    let mut groups = Vec::new();
    let mut judged: Vec<Judged> = Vec::new();
    for (g, (group, index)) in members.into_iter().enumerate() {
        let rows = index.len();
        let rest: Vec<u32> = (0..truth.len() as u32).filter(|r| index.binary_search(r).is_err()).collect();
        if rows < FEWEST || rest.len() < FEWEST {
            groups.push(GroupReport { group, rows, figures: Vec::new() });
            continue;
        }
        let part = Part::new(index, truth, prediction, clusters);
        let rest = Part::new(rest, truth, prediction, clusters);
        // Groups and the rest are different rows, so they are drawn independently.
        let stream = seed.wrapping_add(2 * g as u64 + 1);
        let (own, other) = (part.whole(&names), rest.whole(&names));
        let drawn = part.repeats(&names, stream, control)?;
        let drawn_rest = rest.repeats(&names, stream.wrapping_add(1_000_003), control)?;
        let tail = part.units.tail();
        let figures = names
            .iter()
            .enumerate()
            .map(|(f, name)| {
                let interval = percentile_interval(drawn.iter().map(|r| r[f]).collect(), own[f], 1.0, tail);
                let differences = drawn.iter().zip(&drawn_rest).map(|(a, b)| a[f] - b[f]).collect();
                let difference = own[f] - other[f];
                let ends = percentile_interval(differences, difference, 1.0, tail);
                GroupFigure {
                    name: (*name).into(),
                    value: own[f],
                    interval,
                    difference,
                    difference_interval: ends,
                    real: ends.is_some_and(|(low, high)| low > 0.0 || high < 0.0),
                }
            })
            .collect();
        judged.push(Judged { group: group.clone(), own, drawn, tail });
        groups.push(GroupReport { group, rows, figures });
    }
    let gaps = names.iter().enumerate().filter_map(|(f, name)| gap(name, f, &judged)).collect();
    Ok(ByGroup { column: column.into(), groups, gaps })
}

/// A group's figures, and those of its resampled rows.
struct Judged {
    group: Option<String>,
    own: Vec<f64>,
    drawn: Vec<Vec<f64>>,
    tail: f64,
}

fn gap(name: &str, f: usize, judged: &[Judged]) -> Option<Gap> {
    let defined = || judged.iter().filter(|g| g.own[f].is_finite());
    let highest = defined().max_by(|a, b| a.own[f].total_cmp(&b.own[f]))?;
    let lowest = defined().min_by(|a, b| a.own[f].total_cmp(&b.own[f]))?;
    if highest.group == lowest.group {
        return None;
    }
    let gap = highest.own[f] - lowest.own[f];
    let differences = highest.drawn.iter().zip(&lowest.drawn).map(|(a, b)| a[f] - b[f]).collect();
    Some(Gap {
        name: name.into(),
        highest: highest.group.clone(),
        lowest: lowest.group.clone(),
        gap,
        ratio: lowest.own[f] / highest.own[f],
        interval: percentile_interval(differences, gap, 1.0, highest.tail.min(lowest.tail)),
    })
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Two groups of rows; the model knows nothing of the second.
    fn rows(n: usize, seed: u64, blind: bool) -> (Vec<Option<String>>, Target, Prediction) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let groups: Vec<Option<String>> = (0..n).map(|i| Some(if i % 3 == 0 { "b" } else { "a" }.to_owned())).collect();
        let p: Vec<f64> = (0..n).map(|_| rng.random_range(0.05..0.95)).collect();
        let codes: Vec<usize> = groups
            .iter()
            .zip(&p)
            .map(|(g, p)| {
                let chance = if blind && g.as_deref() == Some("b") { 0.5 } else { *p };
                usize::from(rng.random_bool(chance))
            })
            .collect();
        let scores = Array2::from_shape_fn((n, 2), |(i, k)| if k == 1 { p[i] } else { 1.0 - p[i] });
        (groups, Target::Classes { codes, count: 2 }, Prediction { scores })
    }

    fn judge(n: usize, seed: u64, blind: bool) -> ByGroup {
        let (groups, truth, prediction) = rows(n, seed, blind);
        let answered = Answered { truth: &truth, prediction: &prediction, clusters: None };
        by_group("g", &groups, &["roc_auc", "log_loss"], answered, seed, &Control::default()).unwrap()
    }

    #[test]
    fn a_group_that_the_model_does_not_know_is_told() {
        let found = judge(900, 1, true);
        assert_eq!(found.groups.iter().map(|g| g.rows).collect::<Vec<_>>(), [600, 300]);
        let auc = &found.groups[1].figures[0];
        assert!(auc.real && auc.difference < -0.1 && (auc.value - 0.5).abs() < 0.1, "{auc:?}");
        // What is said of the groups does not differ, only how well.
        let selected = found.groups[1].figures.iter().find(|f| f.name == "selection_rate").unwrap();
        assert!(!selected.real, "{selected:?}");
        let gap = found.gaps.iter().find(|g| g.name == "roc_auc").unwrap();
        assert_eq!((gap.highest.as_deref(), gap.lowest.as_deref()), (Some("a"), Some("b")));
        assert!((gap.gap + auc.difference).abs() < 1e-12 && gap.interval.unwrap().0 > 0.0);
    }

    #[test]
    fn equal_groups_are_rarely_told_apart() {
        let called: usize =
            (0..60).map(|seed| usize::from(judge(300, 100 + seed, false).groups[0].figures[1].real)).sum();
        // 3 of 60 are expected; more than 9 has a probability under 0.001 (binomial).
        assert!(called <= 9, "{called} false calls of 60");
    }

    #[test]
    fn small_groups_are_counted_and_not_judged() {
        let (mut groups, truth, prediction) = rows(200, 3, false);
        for g in groups.iter_mut().take(10) {
            *g = None;
        }
        let answered = Answered { truth: &truth, prediction: &prediction, clusters: None };
        let found = by_group("g", &groups, &["accuracy"], answered, 3, &Control::default()).unwrap();
        let missing = found.groups.iter().find(|g| g.group.is_none()).unwrap();
        assert!(missing.rows == 10 && missing.figures.is_empty());
        let many: Vec<Option<String>> = (0..200).map(|i| Some(format!("v{}", i % 40))).collect();
        let found = by_group("g", &many, &["accuracy"], answered, 3, &Control::default()).unwrap();
        assert_eq!(found.groups.len(), MOST);
        assert_eq!(found.groups[MOST - 1].rows, 200 - 19 * 5);
    }
}
