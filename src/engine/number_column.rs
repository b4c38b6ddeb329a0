//! The aggregate of a column of numbers with bounded memory: exact while there are few distinct values, sketched beyond.

use std::sync::Arc;

use super::buckets::{Buckets, Edges};
use super::counts::Counts;
use super::distinct::Distinct;
use super::sketch::Sketch;
use super::tails::{End, Tail};
use super::value_sample::ValueSample;
use super::{Moments, Summary, Tally, Values, hash};
use crate::error::Result;

/// What is known about a column before it is read.
#[derive(Debug, Clone)]
pub struct NumberPlan {
    /// Distinct values up to which every one is counted.
    pub most_distinct: usize,
    /// Where values are counted beyond that.
    pub edges: Arc<Edges>,
    /// Stored units per day when the column holds dates (1 for days, 86,400 for seconds): days with a row are kept exactly.
    pub per_day: Option<f64>,
}

/// Distinct values of which a sample is kept once a column is sketched.
pub(super) const SAMPLED_VALUES: usize = 2048;

/// Days that are kept exactly: almost three centuries.
const MOST_DAYS: usize = 100_000;

/// Counts, moments, distinct values, quantiles and extremes of numbers. The parts of a column may be taken in any order;
/// only the last digits of the moments depend on it, as sums of floating-point numbers do.
#[derive(Debug, Clone)]
pub struct NumberColumn {
    plan: NumberPlan,
    rows: u64,
    missing: u64,
    /// Around the middle of the plan.
    moments: Moments,
    fractional: bool,
    values: State,
    low: Tail,
    high: Tail,
    days: Option<Counts>,
}

#[derive(Debug, Clone)]
enum State {
    Counted(Counts),
    Sketched(Box<Many>),
}

#[derive(Debug, Clone)]
struct Many {
    buckets: Buckets,
    distinct: Distinct,
    sample: ValueSample<f64>,
}

impl Many {
    fn add(&mut self, value: f64, times: u64) {
        let hash = hash::number(value);
        self.buckets.add(value, times);
        self.distinct.push(hash);
        self.sample.push(hash, times, || value);
    }
}

impl NumberColumn {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(plan: NumberPlan) -> Self {
        let days = plan.per_day.map(|_| Counts::default());
        Self {
            plan,
            rows: 0,
            missing: 0,
            moments: Moments::default(),
            fractional: false,
            values: State::Counted(Counts::default()),
            low: Tail::new(End::Low),
            high: Tail::new(End::High),
            days,
        }
    }

    /// Takes in the values of the rows from `first_row` on (counted from 0). NaN is missing; infinities must have been made so.
    pub fn push(&mut self, first_row: u64, values: &[f64]) {
        self.rows += values.len() as u64;
        let part = Moments::around(values, self.plan.edges.middle());
        self.missing += values.len() as u64 - part.count;
        self.moments.merge(&part);
        for (row, value) in values.iter().enumerate().filter(|(_, v)| !v.is_nan()) {
            self.low.push(*value, first_row + row as u64);
            self.high.push(*value, first_row + row as u64);
        }
        self.fractional = self.fractional || values.iter().any(|v| v.fract() != 0.0 && !v.is_nan());
        if let (Some(days), Some(per_day)) = (&mut self.days, self.plan.per_day) {
            values.iter().filter(|v| !v.is_nan()).for_each(|v| days.add((v / per_day).floor() + 0.0, 1));
            if days.len() > MOST_DAYS {
                self.days = None;
            }
        }
        let mut rest = values.iter().filter(|v| !v.is_nan()).map(|v| v + 0.0);
        if let State::Counted(counts) = &mut self.values {
            for value in rest.by_ref() {
                counts.add(value, 1);
                if counts.len() > self.plan.most_distinct {
                    break;
                }
            }
            self.sketch_if_many();
        }
        if let State::Sketched(many) = &mut self.values {
            rest.for_each(|value| many.add(value, 1));
        }
    }

    fn sketch_if_many(&mut self) {
        if let State::Counted(counts) = &self.values
            && counts.len() > self.plan.most_distinct
        {
            let mut many = self.many();
            counts.iter().for_each(|(value, n)| many.add(value, n));
            self.values = State::Sketched(Box::new(many));
        }
    }

    fn many(&self) -> Many {
        Many {
            buckets: Buckets::new(Arc::clone(&self.plan.edges)),
            distinct: Distinct::default(),
            sample: ValueSample::new(SAMPLED_VALUES),
        }
    }

    /// Takes in everything that `other` has seen.
    ///
    /// # Errors
    /// When the two were planned differently.
    pub fn merge(&mut self, other: Self) -> Result<()> {
        self.rows += other.rows;
        self.missing += other.missing;
        self.moments.merge(&other.moments);
        self.fractional |= other.fractional;
        self.low.merge(&other.low);
        self.high.merge(&other.high);
        self.days = match (self.days.take(), other.days) {
            (Some(mut a), Some(b)) => {
                b.iter().for_each(|(day, n)| a.add(day, n));
                Some(a).filter(|days| days.len() <= MOST_DAYS)
            }
            _ => None,
        };
        if let (State::Counted(_), State::Sketched(_)) = (&self.values, &other.values) {
            let mut many = self.many();
            if let State::Counted(counts) = &self.values {
                counts.iter().for_each(|(value, n)| many.add(value, n));
            }
            self.values = State::Sketched(Box::new(many));
        }
        match (&mut self.values, other.values) {
            (State::Counted(a), State::Counted(b)) => {
                b.iter().for_each(|(value, n)| a.add(value, n));
                self.sketch_if_many();
            }
            (State::Sketched(many), State::Counted(b)) => b.iter().for_each(|(value, n)| many.add(value, n)),
            (State::Sketched(a), State::Sketched(b)) => {
                a.buckets.merge(&b.buckets)?;
                a.distinct.merge(&b.distinct);
                a.sample.merge(b.sample);
            }
            (State::Counted(_), State::Sketched(_)) => {}
        }
        Ok(())
    }

    /// Whether any value was no whole number.
    #[must_use]
    pub fn is_fractional(&self) -> bool {
        self.fractional
    }

    /// The summary of all that was seen.
    #[must_use]
    pub fn finish(self) -> Summary {
        let low = self.low.into_values();
        let high = self.high.into_values();
        let present = self.rows - self.missing;
        let moments = self.moments.placed(self.plan.edges.middle());
        let (values, sketch) = match self.values {
            State::Counted(counts) => (Tally::from_counts(counts.iter().collect()), None),
            State::Sketched(many) => {
                let tally = tally(&many.buckets, &low, &high, &moments, !self.fractional);
                let sample = many.sample.into_values();
                let repeated = sample.iter().filter(|(_, n)| *n > 1).count() as f64 / sample.len().max(1) as f64;
                let single = many.buckets.filled().filter(super::buckets::Bucket::is_single).map(|b| (b.from, b.count));
                let mut frequent: Vec<(f64, u64)> = single.chain(sample).collect();
                frequent.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
                frequent.dedup_by(|a, b| a.0 == b.0);
                let mut days: Option<Vec<f64>> = self.days.map(|d| d.iter().map(|(day, _)| day).collect());
                if let Some(days) = &mut days {
                    days.sort_unstable_by(f64::total_cmp);
                }
                let sketch = Sketch {
                    distinct: (many.distinct.estimate().round() as u64).clamp(self.plan.most_distinct as u64, present),
                    repeated,
                    rank_error: many.buckets.widest() as f64 / present.max(1) as f64,
                    frequent: Values::Numbers(Tally::from_counts(frequent)),
                    days,
                };
                (tally, Some(sketch))
            }
        };
        Summary {
            rows: self.rows,
            missing: self.missing,
            infinite: 0,
            moments,
            values: Values::Numbers(values),
            sketch,
            low,
            high,
        }
    }
}

/// Points that stand for the values of one bucket.
const POINTS: u64 = 4;

/// A tally that has the buckets' counts: the kept ends and single values as they are, the values between spread evenly
/// over their bucket.
fn tally(buckets: &Buckets, low: &[(f64, u64)], high: &[(f64, u64)], moments: &Moments, whole: bool) -> Tally<f64> {
    // Of the last kept value there may be more that were not kept; what lies beyond it is complete.
    let from = low.last().map_or(moments.min, |(v, _)| *v);
    let to = high.last().map_or(moments.max, |(v, _)| *v);
    let ends = low.iter().filter(|(v, _)| *v < from).chain(high.iter().filter(|(v, _)| *v > to && *v >= from));
    let mut exact: Vec<f64> = ends.map(|(v, _)| *v).collect();
    exact.sort_unstable_by(f64::total_cmp);
    let mut entries: Vec<(f64, u64)> = exact.iter().map(|v| (*v, 1)).collect();
    for bucket in buckets.filled() {
        let inside = |v: &&f64| **v >= bucket.from && **v < bucket.to;
        let known = exact.partition_point(|v| *v < bucket.to) - exact.partition_point(|v| *v < bucket.from);
        let rest = bucket.count.saturating_sub(known as u64);
        if rest == 0 {
            continue;
        }
        let (start, end) = (bucket.from.max(from), bucket.to.next_down().min(to));
        if bucket.is_single() || start >= end {
            entries.push((start.min(to), rest));
            continue;
        }
        debug_assert!(known == exact.iter().filter(inside).count());
        let points = rest.min(POINTS);
        for i in 0..points {
            let share = (i as f64 + 0.5) / points as f64;
            // Halves first: the span of a bucket may be larger than the largest number.
            let value = start * (1.0 - share) + end * share;
            let value = if whole { value.round().max(start.ceil()).min(end.floor()) } else { value };
            let n = rest / points + u64::from(i < rest % points);
            entries.push((value + 0.0, n));
        }
    }
    Tally::from_repeated(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plan(sample: &[f64]) -> NumberPlan {
        NumberPlan { most_distinct: 20, edges: Arc::new(Edges::plan(sample)), per_day: Some(1.0) }
    }

    fn of(plan: &NumberPlan, first: u64, values: &[f64]) -> NumberColumn {
        let mut column = NumberColumn::new(plan.clone());
        column.push(first, values);
        column
    }

    #[test]
    fn few_values_are_exact() {
        let s = of(&plan(&[]), 0, &[1.0, f64::NAN, -0.0, 0.0, 2.5]).finish();
        assert_eq!((s.rows, s.missing, s.distinct(), s.sketch), (5, 1, 3, None));
        assert_eq!(s.low[0], (0.0, 2));
        assert_eq!(s.values.numbers().unwrap().entries(), [(0.0, 2), (1.0, 1), (2.5, 1)]);
    }

    #[test]
    fn a_sketch_loses_no_row() {
        let values: Vec<f64> = (0..50_000).map(|i| (hash::word(i) % 1_000_003) as f64 - 500.0).collect();
        let s = of(&plan(&values[..2000]), 0, &values).finish();
        let tally = s.values.numbers().unwrap();
        assert_eq!(tally.total(), 50_000);
        assert!(tally.entries().iter().all(|(v, _)| v.fract() == 0.0), "whole numbers stay whole");
        let negative: u64 = tally.entries().iter().filter(|(v, _)| *v < 0.0).map(|(_, n)| n).sum();
        assert_eq!(negative, values.iter().filter(|v| **v < 0.0).count() as u64);
        let mut days = values.clone();
        days.sort_by(f64::total_cmp);
        days.dedup();
        assert_eq!(s.sketch.unwrap().days.unwrap(), days);
    }

    proptest! {
        #[test]
        fn merging_in_any_order_gives_the_same(
            a in prop::collection::vec(prop::option::of(-50i32..50), 0..80),
            b in prop::collection::vec(prop::option::of(-9000i32..9000), 0..80),
        ) {
            let numbers = |v: &[Option<i32>]| v.iter().map(|x| x.map_or(f64::NAN, f64::from)).collect::<Vec<_>>();
            let (a, b) = (numbers(&a), numbers(&b));
            let plan = plan(&a);
            let whole = of(&plan, 0, &[a.clone(), b.clone()].concat()).finish();
            let (mut ab, mut ba) = (of(&plan, 0, &a), of(&plan, a.len() as u64, &b));
            ab.merge(of(&plan, a.len() as u64, &b)).unwrap();
            ba.merge(of(&plan, 0, &a)).unwrap();
            for mut merged in [ab.finish(), ba.finish()] {
                prop_assert!((merged.moments.mean - whole.moments.mean).abs() < 1e-6);
                prop_assert!((merged.moments.m2 - whole.moments.m2).abs() <= 1e-9 * whole.moments.m2);
                merged.moments = whole.moments;
                prop_assert_eq!(&merged, &whole);
            }
        }
    }
}
