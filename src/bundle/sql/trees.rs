//! Trees in SQL: nested `CASE`, cut into pieces that an engine can take, added up block by block.
//!
//! A native tree compares `((x - mean) / scale) as f32` with an `f32`. That is monotone in `x`, so for each node there is a
//! largest double `x` that goes left: it is found here, and the SQL compares the raw value with it. No arithmetic is left in which
//! engines could differ, and no row can take another branch.

use super::columns::Source;
use super::dialect::Dialect;
use super::query::{Computed, Query, balanced_sum};
use crate::error::{Error, Result};
use crate::model::Tree;

/// Trees whose leaf values are added up: the common view of forests and boosting.
pub(super) struct Ensemble<'a> {
    /// Each tree with the score to which the first of its leaf values is added.
    pub(super) members: Vec<(&'a Tree, usize)>,
    /// Values in a leaf.
    pub(super) values: usize,
    /// Scores: `y0`, `y1`, …
    pub(super) scores: usize,
}

/// How much an engine takes at a time.
struct Room {
    /// Nodes in one expression.
    nodes: usize,
    /// Nodes from top to bottom in one expression.
    depth: usize,
    /// Nodes in a step.
    step_nodes: usize,
    /// Trees in a step.
    step_trees: usize,
    /// Nodes in all.
    most: usize,
    /// Nodes from top to bottom of a tree.
    deepest: usize,
}

impl Room {
    fn of(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Postgres => Self {
                nodes: 20_000,
                depth: 100,
                step_nodes: 100_000,
                step_trees: 400,
                most: 1_000_000,
                deepest: usize::MAX,
            },
            // DuckDB plans a step in a time that grows with the square of its nodes.
            Dialect::DuckDb => Self {
                nodes: 1_000,
                depth: 60,
                step_nodes: 2_500,
                step_trees: 100,
                most: 1_000_000,
                deepest: usize::MAX,
            },
            // A Java method holds 64 KB. Spark puts the pieces of a tree together again, and its stack ends at a few hundred nodes.
            Dialect::Spark => {
                Self { nodes: 100, depth: 16, step_nodes: 2_000, step_trees: 100, most: 1_000_000, deepest: 64 }
            }
        }
    }
}

/// The features that the trees look at.
pub(super) fn used(features: &[Source], trees: &[Tree]) -> Vec<Source> {
    let mut looked_at = vec![false; features.len()];
    for tree in trees {
        for n in (0..tree.len()).filter(|n| !tree.is_leaf(*n)) {
            if let Some(seen) = tree.feature.get(n).and_then(|f| looked_at.get_mut(*f as usize)) {
                *seen = true;
            }
        }
    }
    features.iter().zip(looked_at).filter(|(_, seen)| *seen).map(|(s, _)| *s).collect()
}

/// Adds the steps that compute the sums of leaf values, `y0`, `y1`, …
///
/// # Errors
/// When there are more nodes than the engine takes.
pub(super) fn sums(query: &mut Query, features: &[Source], ensemble: &Ensemble<'_>) -> Result<()> {
    let room = Room::of(query.dialect);
    let nodes: usize = ensemble.members.iter().map(|(tree, _)| tree.len()).sum();
    if nodes > room.most {
        return Err(Error::input(format!(
            "the trees have {nodes} nodes, and a query for {} may have {}",
            query.dialect.title(),
            room.most
        ))
        .hint("Grow fewer or shallower trees, or use the ONNX form"));
    }
    let deepest = ensemble.members.iter().map(|(tree, _)| depth(tree)).max().unwrap_or(0);
    if deepest > room.deepest {
        return Err(Error::input(format!(
            "a tree is {deepest} nodes deep, and for {} it may be {}",
            query.dialect.title(),
            room.deepest
        ))
        .hint("Grow shallower trees (max_depth), or use the ONNX form"));
    }
    let encoded = |name: &str| name.starts_with(['k', 'v', 'm', 'c', 'y']);
    query.step((0..ensemble.scores).map(|k| (format!("y{k}"), query.dialect.double(0.0))).collect(), encoded);
    let mut from = 0;
    while from < ensemble.members.len() {
        let mut block = Block::new(query.dialect, features, ensemble.values);
        let mut nodes = 0;
        let start = from;
        while let Some((tree, first)) = ensemble.members.get(from) {
            nodes += tree.len();
            if from > start && (nodes > room.step_nodes || from - start == room.step_trees) {
                break;
            }
            block.add(tree, *first, from - start, &room);
            from += 1;
        }
        for level in block.levels {
            query.step(level, |_| true);
        }
        let totals = (0..ensemble.scores).filter_map(|k| {
            let terms = block.terms.iter().filter(|(score, _)| *score == k).map(|(_, term)| term.clone());
            let terms: Vec<String> = terms.collect();
            (!terms.is_empty()).then(|| (format!("y{k}"), format!("y{k} + ({})", balanced_sum(&terms))))
        });
        query.step(totals.collect(), encoded);
    }
    Ok(())
}

/// Inner nodes on the longest way down a tree.
fn depth(tree: &Tree) -> usize {
    let mut stack = vec![(0usize, 0usize)];
    let mut deepest = 0;
    while let Some((n, depth)) = stack.pop() {
        deepest = deepest.max(depth);
        if !tree.is_leaf(n) {
            stack.extend([(tree.left[n] as usize, depth + 1), (tree.right[n] as usize, depth + 1)]);
        }
    }
    deepest
}

/// Trees that are answered and added up together.
struct Block<'a> {
    dialect: Dialect,
    features: &'a [Source],
    values: usize,
    /// Columns by level: a level's columns use those of the levels before it.
    levels: Vec<Vec<Computed>>,
    /// A score and what is added to it.
    terms: Vec<(usize, String)>,
    /// Thresholds found so far, by feature and bits.
    known: std::collections::HashMap<(usize, u32), Way>,
}

/// Where a node's threshold sends rows.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Left,
    Right,
    /// Left up to this value.
    UpTo(f64),
    /// Left where the indicator is 0.
    Unset,
    /// Left where there is a value.
    Present,
    /// Left where there is none.
    Absent,
}

/// The text of a subtree.
struct Part {
    text: String,
    nodes: usize,
    depth: usize,
    /// The step in which it can be computed.
    level: usize,
}

impl<'a> Block<'a> {
    fn new(dialect: Dialect, features: &'a [Source], values: usize) -> Self {
        Self {
            dialect,
            features,
            values,
            levels: Vec::new(),
            terms: Vec::new(),
            known: std::collections::HashMap::new(),
        }
    }

    fn column(&mut self, level: usize, name: String, text: String) {
        while self.levels.len() <= level {
            self.levels.push(Vec::new());
        }
        if let Some(columns) = self.levels.get_mut(level) {
            columns.push((name, text));
        }
    }

    /// Appends tree number `at` of the block.
    fn add(&mut self, tree: &Tree, first: usize, at: usize, room: &Room) {
        // Children before parents, without recursion: a tree may be deeper than a stack.
        let mut order = Vec::with_capacity(tree.len());
        let mut stack = vec![0usize];
        while let Some(n) = stack.pop() {
            order.push(n);
            if !tree.is_leaf(n) {
                stack.extend([tree.left[n] as usize, tree.right[n] as usize]);
            }
        }
        let mut parts: Vec<Option<Part>> = (0..tree.len()).map(|_| None).collect();
        let mut leaves: Vec<usize> = Vec::new();
        let mut pieces = 0;
        for n in order.into_iter().rev() {
            let part = if tree.is_leaf(n) {
                let text = if self.values == 1 {
                    self.dialect.double(f64::from(tree.value[n]))
                } else {
                    leaves.push(n);
                    leaves.len().to_string()
                };
                Part { text, nodes: 0, depth: 0, level: 0 }
            } else {
                let children = (parts[tree.left[n] as usize].take(), parts[tree.right[n] as usize].take());
                let (Some(mut left), Some(mut right)) = children else { continue };
                match self.test(tree, n) {
                    (Way::Left, _) => left,
                    (Way::Right, _) => right,
                    (_, test) => {
                        while left.nodes + right.nodes >= room.nodes || left.depth.max(right.depth) >= room.depth {
                            let deep = left.depth.max(right.depth) >= room.depth;
                            let first = if deep { left.depth >= right.depth } else { left.nodes >= right.nodes };
                            let cut = if first { &mut left } else { &mut right };
                            let name = format!("s{at}_{pieces}");
                            pieces += 1;
                            let level = cut.level;
                            let whole = Part { text: name.clone(), nodes: 0, depth: 0, level: level + 1 };
                            let text = std::mem::replace(cut, whole).text;
                            self.column(level, name, text);
                        }
                        Part {
                            text: format!("CASE WHEN {test} THEN {} ELSE {} END", left.text, right.text),
                            nodes: left.nodes + right.nodes + 1,
                            depth: left.depth.max(right.depth) + 1,
                            level: left.level.max(right.level),
                        }
                    }
                }
            };
            parts[n] = Some(part);
        }
        let Some(root) = parts.first_mut().and_then(Option::take) else { return };
        let name = format!("r{at}");
        self.column(root.level, name.clone(), root.text);
        if self.values == 1 {
            self.terms.push((first, name));
            return;
        }
        for k in 0..self.values {
            let list = leaves.iter().map(|n| f64::from(tree.value[n * self.values + k]));
            self.terms.push((first + k, self.dialect.item(list, &name)));
        }
    }

    /// What sends a row left at node `n`.
    fn test(&mut self, tree: &Tree, n: usize) -> (Way, String) {
        let feature = tree.feature[n] as usize;
        let threshold = tree.threshold[n];
        let Some(source) = self.features.get(feature) else { return (Way::Right, String::new()) };
        let way = *self.known.entry((feature, threshold.to_bits())).or_insert_with(|| way(*source, threshold));
        let name = source.name();
        // A comparison with NULL is not true: what is missing goes right, unless the node says otherwise.
        let gaps = matches!(source, Source::Value { gaps: true, .. });
        let missing_left = tree.missing_goes_left(n);
        let way = match way {
            Way::Left if gaps && !missing_left => Way::Present,
            Way::Right if gaps && missing_left => Way::Absent,
            way => way,
        };
        let test = match (way, source) {
            (Way::UpTo(most), _) if gaps && missing_left => {
                format!("({name} <= {} OR {name} IS NULL)", self.dialect.double(most))
            }
            (Way::UpTo(most), _) => format!("{name} <= {}", self.dialect.double(most)),
            (Way::Present, _) => format!("{name} IS NOT NULL"),
            (Way::Absent, _) => format!("{name} IS NULL"),
            (Way::Unset, Source::Level { code, .. }) => format!("{name} <> {code}"),
            (Way::Unset, _) => format!("{name} = 0"),
            _ => String::new(),
        };
        (way, test)
    }
}

fn way(source: Source, threshold: f32) -> Way {
    match source {
        Source::Value { mean, scale, .. } => largest(|x| ((x - mean) / scale) as f32 <= threshold),
        Source::Missing { .. } | Source::Level { .. } => match (0.0 <= threshold, 1.0 <= threshold) {
            (_, true) => Way::Left,
            (true, false) => Way::Unset,
            (false, _) => Way::Right,
        },
    }
}

/// The largest finite double for which `goes_left` holds; it must hold for all below, and for none above.
fn largest(goes_left: impl Fn(f64) -> bool) -> Way {
    if goes_left(f64::MAX) {
        return Way::Left;
    }
    if !goes_left(f64::MIN) {
        return Way::Right;
    }
    // Doubles in their order are integers in theirs.
    let (mut low, mut high) = (ordinal(f64::MIN), ordinal(f64::MAX));
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if goes_left(from_ordinal(middle)) { low = middle } else { high = middle }
    }
    Way::UpTo(from_ordinal(low))
}

fn ordinal(value: f64) -> i128 {
    let bits = value.to_bits() as i64;
    i128::from(if bits < 0 { bits ^ i64::MAX } else { bits })
}

fn from_ordinal(ordinal: i128) -> f64 {
    let bits = ordinal as i64;
    f64::from_bits((if bits < 0 { bits ^ i64::MAX } else { bits }) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_raw_threshold_parts_rows_as_the_tree_does(
            threshold in prop_oneof![-3f32..3.0, any::<f32>().prop_filter("finite", |t| t.is_finite())],
            mean in prop_oneof![-1e3..1e3, Just(0.0), -1e300..1e300],
            scale in prop_oneof![1e-9..1e9, Just(1.0), 1e-300..1e-200, 1e200..1e300],
            x in any::<f64>().prop_filter("finite", |x| x.is_finite()),
        ) {
            let native = |x: f64| ((x - mean) / scale) as f32 <= threshold;
            let sent = way(Source::Value { column: 0, mean, scale, gaps: false }, threshold);
            let sql = |x: f64| match sent {
                Way::Left => true,
                Way::UpTo(most) => x <= most,
                _ => false,
            };
            prop_assert_eq!(sql(x), native(x));
            if let Way::UpTo(most) = sent {
                prop_assert!(native(most) && !native(most.next_up()));
            }
            // Where the two sides meet in the encoded numbers.
            for near in [threshold.next_down(), threshold, threshold.next_up()] {
                let x = f64::from(near) * scale + mean;
                if x.is_finite() {
                    for x in [x.next_down().next_down(), x.next_down(), x, x.next_up(), x.next_up().next_up()] {
                        if x.is_finite() {
                            prop_assert_eq!(sql(x), native(x));
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn indicators_part_between_nought_and_one() {
        let flag = Source::Missing { column: 0 };
        let ways = [-0.5, 0.0, 0.5, 1.0, 2.0].map(|t| way(flag, t));
        assert_eq!(ways, [Way::Right, Way::Unset, Way::Unset, Way::Left, Way::Left]);
    }
}
