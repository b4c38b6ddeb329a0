//! Everything that a profile needs to know about one column, as a mergeable aggregate.

use std::collections::HashMap;

use polars::prelude::*;

use super::{Control, Moments, Sketch, Tally};
use crate::error::{Error, Result};

/// The distinct values of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Numbers; booleans as 0 and 1, dates as days and moments as seconds since 1970.
    Numbers(Tally<f64>),
    /// Text.
    Texts(Tally<String>),
}

impl Values {
    /// How many distinct values there are.
    #[must_use]
    pub fn distinct(&self) -> usize {
        match self {
            Self::Numbers(t) => t.distinct(),
            Self::Texts(t) => t.distinct(),
        }
    }

    /// The tally of a column that is not text.
    #[must_use]
    pub fn numbers(&self) -> Option<&Tally<f64>> {
        match self {
            Self::Numbers(t) => Some(t),
            Self::Texts(_) => None,
        }
    }

    /// The tally of a text column.
    #[must_use]
    pub fn texts(&self) -> Option<&Tally<String>> {
        match self {
            Self::Texts(t) => Some(t),
            Self::Numbers(_) => None,
        }
    }

    /// The counts alone, in ascending order of the values.
    #[must_use]
    pub fn counts(&self) -> Vec<u64> {
        match self {
            Self::Numbers(t) => t.entries().iter().map(|(_, n)| *n).collect(),
            Self::Texts(t) => t.entries().iter().map(|(_, n)| *n).collect(),
        }
    }
}

/// One column's aggregate. Summaries of parts of a column merge into the summary of the whole, in any order.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Rows seen.
    pub rows: u64,
    /// Rows without a value (null or NaN).
    pub missing: u64,
    /// Rows with an infinite value; they are in no other number.
    pub infinite: u64,
    /// Moments of the finite values; empty for text.
    pub moments: Moments,
    /// The distinct values with their counts; representative ones when the column is sketched.
    pub values: Values,
    /// Present when the column has too many distinct values to count each: what is estimated, with its error.
    pub sketch: Option<Sketch>,
    /// The smallest numbers with their rows (from 0), the smallest first, when a streaming executor kept them.
    pub low: Vec<(f64, u64)>,
    /// The largest numbers with their rows, the largest first.
    pub high: Vec<(f64, u64)>,
}

/// Rows between two looks at the cancel flag.
const STRIDE: usize = 1 << 18;

impl Summary {
    /// Summarises a column.
    ///
    /// # Errors
    /// When the column's type is not one of the six that loading produces, or the work was cancelled.
    pub fn of(column: &Column, control: &Control) -> Result<Self> {
        let series = column.as_materialized_series();
        if let DataType::String = series.dtype() {
            return Self::of_text(series.str()?, control);
        }
        let origin = super::numbers(&column.slice(0, STRIDE))?.into_iter().find(|v| v.is_finite()).unwrap_or(0.0);
        let mut parts = Vec::new();
        let mut start = 0;
        while start < column.len() {
            control.check()?;
            parts.push(Self::of_numbers(&column.slice(start as i64, STRIDE), origin)?);
            start += STRIDE;
        }
        // Pairs of equal size are merged first, so that the sorted lists are walked log(parts) times, not parts times.
        while parts.len() > 1 {
            control.check()?;
            let mut merged = Vec::with_capacity(parts.len().div_ceil(2));
            let mut rest = parts.into_iter();
            while let Some(first) = rest.next() {
                merged.push(match rest.next() {
                    Some(second) => first.merge(second)?,
                    None => first,
                });
            }
            parts = merged;
        }
        let mut whole = parts.pop().unwrap_or_else(Self::no_numbers);
        whole.moments = whole.moments.placed(origin);
        Ok(whole)
    }

    fn no_numbers() -> Self {
        Self {
            rows: 0,
            missing: 0,
            infinite: 0,
            moments: Moments::default(),
            values: Values::Numbers(Tally::default()),
            sketch: None,
            low: Vec::new(),
            high: Vec::new(),
        }
    }

    fn of_text(column: &StringChunked, control: &Control) -> Result<Self> {
        let mut counts: HashMap<&str, u64> = HashMap::new();
        let mut missing = 0;
        for (i, value) in column.iter().enumerate() {
            if i % STRIDE == 0 {
                control.check()?;
            }
            match value {
                Some(text) => *counts.entry(text).or_default() += 1,
                None => missing += 1,
            }
        }
        let tally = Tally::from_counts(counts.into_iter().map(|(text, n)| (text.to_owned(), n)).collect());
        Ok(Self {
            rows: column.len() as u64,
            missing,
            infinite: 0,
            moments: Moments::default(),
            values: Values::Texts(tally),
            sketch: None,
            low: Vec::new(),
            high: Vec::new(),
        })
    }

    /// The mean is counted from `origin`.
    fn of_numbers(column: &Column, origin: f64) -> Result<Self> {
        let mut summary = Self::no_numbers();
        let mut finite = Vec::with_capacity(column.len());
        for value in crate::engine::numbers(column)? {
            summary.rows += 1;
            if value.is_nan() {
                summary.missing += 1;
            } else if value.is_infinite() {
                summary.infinite += 1;
            } else {
                // Minus zero is zero; as two values it would be counted twice among the distinct.
                finite.push(value + 0.0);
            }
        }
        summary.moments = Moments::around(&finite, origin);
        summary.values = Values::Numbers(Tally::from_unsorted(finite));
        Ok(summary)
    }

    /// The summary of both parts together.
    ///
    /// # Errors
    /// When one part is text and the other is not, or one is sketched: sketches merge before they become summaries
    /// ([`super::NumberColumn::merge`], [`super::TextColumn::merge`]).
    pub fn merge(self, other: Self) -> Result<Self> {
        if self.sketch.is_some() || other.sketch.is_some() {
            return Err(Error::input("finished sketches have no common summary"));
        }
        let values = match (self.values, other.values) {
            (Values::Numbers(a), Values::Numbers(b)) => Values::Numbers(a.merge(b)),
            (Values::Texts(a), Values::Texts(b)) => Values::Texts(a.merge(b)),
            _ => return Err(Error::input("parts of one column are text and number; they have no common summary")),
        };
        let mut moments = self.moments;
        moments.merge(&other.moments);
        Ok(Self {
            rows: self.rows + other.rows,
            missing: self.missing + other.missing,
            infinite: self.infinite + other.infinite,
            moments,
            values,
            sketch: None,
            low: Vec::new(),
            high: Vec::new(),
        })
    }

    /// Rows that have a finite value or a text.
    #[must_use]
    pub fn present(&self) -> u64 {
        self.rows - self.missing - self.infinite
    }

    /// Share of rows without a value, 0 to 1.
    #[must_use]
    pub fn missing_share(&self) -> f64 {
        if self.rows == 0 { 0.0 } else { self.missing as f64 / self.rows as f64 }
    }

    /// How many distinct values there are; about how many when the column is sketched.
    #[must_use]
    pub fn distinct(&self) -> usize {
        self.sketch
            .as_ref()
            .map_or_else(|| self.values.distinct(), |s| usize::try_from(s.distinct).unwrap_or(usize::MAX))
    }

    /// The values that are known with their exact counts: all, or the frequent ones and a sample when the column is sketched.
    #[must_use]
    pub fn known(&self) -> &Values {
        self.sketch.as_ref().map_or(&self.values, |s| &s.frequent)
    }

    /// The count of the most frequent value.
    #[must_use]
    pub fn top_count(&self) -> u64 {
        self.known().counts().into_iter().max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn summary(values: &[Option<f64>]) -> Summary {
        Summary::of(&Column::new("x".into(), values), &Control::default()).unwrap()
    }

    #[test]
    fn counts_are_exact() {
        let s = summary(&[Some(1.0), None, Some(f64::NAN), Some(f64::INFINITY), Some(-0.0), Some(0.0)]);
        assert_eq!((s.rows, s.missing, s.infinite, s.present(), s.distinct()), (6, 2, 1, 3, 2));
        let words = Column::new("w".into(), [Some("b"), None, Some("a"), Some("b")]);
        let s = Summary::of(&words, &Control::default()).unwrap();
        assert_eq!((s.missing, s.distinct(), s.top_count()), (1, 2, 2));
    }

    #[test]
    fn cancelled_work_stops() {
        let control = Control::default();
        control.cancel();
        assert!(Summary::of(&Column::new("x".into(), [1.0]), &control).is_err());
    }

    proptest! {
        #[test]
        fn merging_in_any_order_gives_the_same(
            a in prop::collection::vec(prop::option::of(-50f64..50.0), 1..40),
            b in prop::collection::vec(prop::option::of(-50f64..50.0), 1..40),
        ) {
            let both: Vec<_> = a.iter().chain(&b).copied().collect();
            let whole = summary(&both);
            for merged in [summary(&a).merge(summary(&b)).unwrap(), summary(&b).merge(summary(&a)).unwrap()] {
                prop_assert_eq!((merged.rows, merged.missing, &merged.values), (whole.rows, whole.missing, &whole.values));
                prop_assert!((merged.moments.mean - whole.moments.mean).abs() < 1e-9);
                prop_assert!((merged.moments.m2 - whole.moments.m2).abs() < 1e-6);
            }
        }
    }
}
