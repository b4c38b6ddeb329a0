//! The aggregate of a column of text with bounded memory: exact while there are few distinct values, sketched beyond.

use std::collections::HashMap;

use super::distinct::Distinct;
use super::hash::{self, Quick};
use super::number_column::SAMPLED_VALUES;
use super::sketch::Sketch;
use super::value_sample::ValueSample;
use super::{Moments, Summary, Tally, Values};

/// What is known about a column before it is read.
#[derive(Debug, Clone, Default)]
pub struct TextPlan {
    /// Distinct values up to which every one is counted.
    pub most_distinct: usize,
    /// Bytes of distinct texts beyond which a column is sketched, however few they are.
    pub most_bytes: usize,
    /// Texts that were frequent in a sample: they are counted exactly whatever comes.
    pub frequent: Vec<String>,
}

/// Of longer texts a sample keeps the beginning only.
const LONGEST_SAMPLED: usize = 2048;

/// Counts, shapes and distinct values of texts. The parts of a column may be taken in any order.
#[derive(Debug, Clone)]
pub struct TextColumn {
    plan: TextPlan,
    rows: u64,
    missing: u64,
    shape: Shape,
    values: State,
}

/// Lengths and looks of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Characters of the shortest text.
    pub shortest: u64,
    /// Characters of the longest text.
    pub longest: u64,
    /// Characters of all texts together.
    pub characters: u64,
    /// Blanks inside of them, not at their ends.
    pub blanks: u64,
    /// Texts with a character beyond ASCII.
    pub non_ascii: u64,
}

impl Default for Shape {
    fn default() -> Self {
        Self { shortest: u64::MAX, longest: 0, characters: 0, blanks: 0, non_ascii: 0 }
    }
}

impl Shape {
    /// Takes in a text that occurs `times` times.
    pub fn push(&mut self, text: &str, times: u64) {
        let ascii = text.is_ascii();
        let length = if ascii { text.len() } else { text.chars().count() } as u64;
        self.shortest = self.shortest.min(length);
        self.longest = self.longest.max(length);
        self.characters += length * times;
        self.blanks += text.trim().bytes().filter(|b| *b == b' ').count() as u64 * times;
        self.non_ascii += u64::from(!ascii) * times;
    }

    fn merge(&mut self, other: &Self) {
        self.shortest = self.shortest.min(other.shortest);
        self.longest = self.longest.max(other.longest);
        self.characters += other.characters;
        self.blanks += other.blanks;
        self.non_ascii += other.non_ascii;
    }
}

#[derive(Debug, Clone)]
enum State {
    Counted { counts: HashMap<Box<str>, u64, Quick>, bytes: usize },
    Sketched(Box<Many>),
}

#[derive(Debug, Clone)]
struct Many {
    frequent: HashMap<Box<str>, u64, Quick>,
    distinct: Distinct,
    sample: ValueSample<Box<str>>,
}

impl Many {
    fn new(plan: &TextPlan) -> Self {
        Self {
            frequent: plan.frequent.iter().map(|text| (text.as_str().into(), 0)).collect(),
            distinct: Distinct::default(),
            sample: ValueSample::new(SAMPLED_VALUES),
        }
    }

    fn add(&mut self, text: &str, times: u64) {
        let hash = hash::bytes(text.as_bytes());
        self.distinct.push(hash);
        self.sample.push(hash, times, || text.get(..text.floor_char_boundary(LONGEST_SAMPLED)).unwrap_or(text).into());
        if let Some(n) = self.frequent.get_mut(text) {
            *n += times;
        }
    }
}

impl TextColumn {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(plan: TextPlan) -> Self {
        let values = State::Counted { counts: HashMap::default(), bytes: 0 };
        Self { plan, rows: 0, missing: 0, shape: Shape::default(), values }
    }

    /// Takes in a row; `None` is missing.
    #[inline]
    pub fn push(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.add(text, 1),
            None => self.missing += 1,
        }
        self.rows += 1;
    }

    fn add(&mut self, text: &str, times: u64) {
        match &mut self.values {
            State::Counted { counts, bytes } => {
                if let Some(n) = counts.get_mut(text) {
                    *n += times;
                    return;
                }
                *bytes += text.len();
                counts.insert(text.into(), times);
                if counts.len() > self.plan.most_distinct || *bytes > self.plan.most_bytes {
                    self.sketch();
                }
            }
            State::Sketched(many) => {
                self.shape.push(text, times);
                many.add(text, times);
            }
        }
    }

    fn sketch(&mut self) {
        if let State::Counted { counts, .. } = &self.values {
            let mut many = Many::new(&self.plan);
            for (text, n) in counts {
                self.shape.push(text, *n);
                many.add(text, *n);
            }
            self.values = State::Sketched(Box::new(many));
        }
    }

    /// Takes in everything that `other` has seen. The two must have been planned alike.
    pub fn merge(&mut self, other: Self) {
        self.rows += other.rows;
        self.missing += other.missing;
        if let State::Sketched(_) = &other.values {
            self.sketch();
        }
        match (&mut self.values, other.values) {
            (_, State::Counted { counts, .. }) => counts.into_iter().for_each(|(text, n)| self.add(&text, n)),
            (State::Sketched(a), State::Sketched(b)) => {
                a.distinct.merge(&b.distinct);
                a.sample.merge(b.sample);
                for (text, n) in b.frequent {
                    *a.frequent.entry(text).or_default() += n;
                }
                self.shape.merge(&other.shape);
            }
            (State::Counted { .. }, State::Sketched(_)) => {}
        }
    }

    /// The summary of all that was seen, and the shape of the texts (`None` without any).
    ///
    /// When the column is sketched, its tally holds the frequent texts with their exact counts and stands for all others
    /// by a sample of the distinct ones, counted so that the total is right.
    #[must_use]
    pub fn finish(self) -> (Summary, Option<Shape>) {
        let present = self.rows - self.missing;
        let mut shape = self.shape;
        let (tally, sketch) = match self.values {
            State::Counted { counts, .. } => {
                counts.iter().for_each(|(text, n)| shape.push(text, *n));
                (Tally::from_counts(counts.into_iter().map(|(text, n)| (text.into(), n)).collect()), None)
            }
            State::Sketched(many) => {
                let sample: Vec<(String, u64)> =
                    many.sample.into_values().into_iter().map(|(text, n)| (text.into(), n)).collect();
                let repeated = sample.iter().filter(|(_, n)| *n > 1).count() as f64 / sample.len().max(1) as f64;
                let exact: Vec<(String, u64)> =
                    many.frequent.iter().filter(|(_, n)| **n > 0).map(|(text, n)| (text.to_string(), *n)).collect();
                let mut others: Vec<(String, u64)> =
                    sample.iter().filter(|(text, _)| !many.frequent.contains_key(text.as_str())).cloned().collect();
                let rest = present - exact.iter().map(|(_, n)| n).sum::<u64>();
                let seen = others.iter().map(|(_, n)| n).sum::<u64>().max(1);
                others.iter_mut().for_each(|(_, n)| {
                    *n = ((*n as f64 * (rest as f64 / seen as f64)).round() as u64).max(1);
                });
                let mut frequent: Vec<(String, u64)> = exact.iter().cloned().chain(sample).collect();
                frequent.sort_unstable();
                frequent.dedup_by(|a, b| a.0 == b.0);
                let sketch = Sketch {
                    distinct: (many.distinct.estimate().round() as u64).clamp(1, present),
                    repeated,
                    rank_error: 0.0,
                    frequent: Values::Texts(Tally::from_counts(frequent)),
                    days: None,
                };
                (Tally::from_counts(exact.into_iter().chain(others).collect()), Some(sketch))
            }
        };
        let summary = Summary {
            rows: self.rows,
            missing: self.missing,
            infinite: 0,
            moments: Moments::default(),
            values: Values::Texts(tally),
            sketch,
            low: Vec::new(),
            high: Vec::new(),
        };
        (summary, (present > 0).then_some(shape))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(most_distinct: usize, texts: &[Option<String>]) -> TextColumn {
        let mut column =
            TextColumn::new(TextPlan { most_distinct, most_bytes: 1 << 20, frequent: vec!["often".to_owned()] });
        texts.iter().for_each(|t| column.push(t.as_deref()));
        column
    }

    #[test]
    fn a_sketch_keeps_totals_and_frequent_texts() {
        let texts: Vec<Option<String>> = (0..30_000)
            .map(|i| match i % 10 {
                0 => None,
                1..=3 => Some("often".to_owned()),
                _ => Some(format!("name {i} ü")),
            })
            .collect();
        let (s, shape) = of(100, &texts).finish();
        let shape = shape.unwrap();
        assert_eq!((s.rows, s.missing, shape.non_ascii, shape.shortest), (30_000, 3000, 18_000, 5));
        assert_eq!(shape.blanks, 36_000);
        assert_eq!(s.known().texts().unwrap().top(1), [("often".to_owned(), 9000)]);
        let total = s.values.texts().unwrap().total() as f64;
        assert!((total / 27_000.0 - 1.0).abs() < 0.05, "{total}");
        assert!((s.distinct() as f64 / 18_001.0 - 1.0).abs() < 0.05, "{}", s.distinct());
        assert!(s.sketch.unwrap().repeated < 0.01);
    }

    proptest! {
        #[test]
        fn merging_in_any_order_gives_the_same(
            a in prop::collection::vec(prop::option::of("[a-c]{1,3}"), 0..60),
            b in prop::collection::vec(prop::option::of("[a-c]{1,3}"), 0..60),
            most in 1usize..30,
        ) {
            let whole = of(most, &[a.clone(), b.clone()].concat()).finish();
            let (mut ab, mut ba) = (of(most, &a), of(most, &b));
            ab.merge(of(most, &b));
            ba.merge(of(most, &a));
            prop_assert_eq!(&ab.finish(), &whole);
            prop_assert_eq!(&ba.finish(), &whole);
        }
    }
}
