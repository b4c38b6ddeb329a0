//! What the checks look at: the table, its aggregates, and what is known about target and time.

use polars::prelude::Column;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::data::profile::{Misfits, ProfileOptions, Whole};
use crate::data::{ColumnSpec, Dataset, Meaning, Physical, column};
use crate::engine::{Control, Summary};
use crate::error::Result;

/// One column with everything that is known about it.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// Its place in the table.
    pub index: usize,
    /// Name, storage, meaning.
    pub spec: &'a ColumnSpec,
    /// Its aggregate.
    pub summary: &'a Summary,
    /// Its values.
    pub column: &'a Column,
}

impl View<'_> {
    /// The name, safe to show and not too long.
    pub fn name(&self) -> String {
        crate::data::brief(&self.spec.name, 60)
    }

    /// Whether it is a quantity.
    pub fn is_number(&self) -> bool {
        self.spec.meaning == Meaning::Number && self.spec.physical != Physical::String
    }

    /// Whether it is stored as a date or a moment.
    pub fn is_date(&self) -> bool {
        matches!(self.spec.physical, Physical::Date | Physical::Datetime)
    }

    /// Whether it has one of a set of values.
    pub fn is_category(&self) -> bool {
        matches!(self.spec.meaning, Meaning::Category | Meaning::Boolean)
    }

    /// Values as numbers, missing as NaN; moments and dates in days since 1970.
    pub fn days(&self) -> Result<Vec<f64>> {
        let per_day = self.per_day();
        Ok(column::numbers(self.column)?.into_iter().map(|v| v / per_day).collect())
    }

    /// The first rows (at most ten) whose number passes a test; missing values are NaN.
    pub fn rows_with_number(&self, test: impl Fn(f64) -> bool) -> Result<Vec<usize>> {
        let values = column::numbers(self.column)?;
        Ok(values.into_iter().enumerate().filter(|(_, v)| test(*v)).map(|(row, _)| row).take(SHOWN_ROWS).collect())
    }

    /// The first rows (at most ten) whose text passes a test; none in a column that holds no text.
    pub fn rows_with_text(&self, test: impl Fn(&str) -> bool) -> Vec<usize> {
        let Ok(texts) = self.column.as_materialized_series().str() else { return Vec::new() };
        let rows = texts.iter().enumerate().filter(|(_, t)| t.is_some_and(&test)).map(|(row, _)| row);
        rows.take(SHOWN_ROWS).collect()
    }

    /// The first rows (at most ten) that have a value, and whether it is to be the most frequent one or another.
    pub fn rows_with_top(&self, top: bool) -> Result<Vec<usize>> {
        use crate::engine::Values;
        match &self.summary.values {
            Values::Texts(tally) => {
                let most = tally.top(1).pop().map_or_else(String::new, |(text, _)| text);
                Ok(self.rows_with_text(|text| (text == most) == top))
            }
            Values::Numbers(tally) => {
                let most = tally.top(1).pop().map_or(f64::NAN, |(value, _)| value);
                self.rows_with_number(|value| !value.is_nan() && (value == most) == top)
            }
        }
    }

    /// The first rows (at most ten) without a value.
    pub fn rows_missing(&self) -> Vec<usize> {
        let nulls = self.column.as_materialized_series().is_null();
        let rows = nulls.iter().enumerate().filter(|(_, null)| *null == Some(true)).map(|(row, _)| row);
        rows.take(SHOWN_ROWS).collect()
    }

    /// Stored units (see [`column::numbers`]) per day.
    pub fn per_day(&self) -> f64 {
        if self.spec.physical == Physical::Datetime { 86_400.0 } else { 1.0 }
    }
}

/// What kind of answer the target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetKind {
    /// One of some classes.
    Classes,
    /// A quantity.
    Number,
}

/// The table under examination.
pub struct Table<'a> {
    /// The table.
    pub data: &'a Dataset,
    /// Cancel flag and progress.
    pub control: &'a Control,
    /// Columns from which the target was derived.
    pub leaks: &'a [String],
    summaries: &'a [Summary],
    target: Option<usize>,
    time: Option<usize>,
    sample: Vec<u32>,
    whole: Option<&'a Whole>,
}

/// Whole numbers with at most this many values are taken for classes, as the model room does.
const INTEGER_CLASSES: usize = 10;

/// Rows that a finding shows.
const SHOWN_ROWS: usize = 10;

/// Rows that pairwise and per-column scores are computed on.
pub const SAMPLE: usize = 10_000;

impl<'a> Table<'a> {
    /// Gathers what the checks need.
    ///
    /// # Errors
    /// When a named column does not exist.
    pub fn new(
        data: &'a Dataset,
        summaries: &'a [Summary],
        options: &'a ProfileOptions,
        whole: Option<&'a Whole>,
        control: &'a Control,
    ) -> Result<Self> {
        let place =
            |name: &String| data.columns.iter().position(|c| c.name == *name).ok_or_else(|| data.no_such_column(name));
        let target = options.target.as_ref().map(place).transpose()?;
        for name in &options.leaks {
            place(name)?;
        }
        let rows = data.rows();
        let mut sample: Vec<u32> = if rows <= SAMPLE {
            (0..rows as u32).collect()
        } else {
            // A fixed seed: the same table gives the same findings.
            let mut rng = ChaCha8Rng::seed_from_u64(0);
            index::sample(&mut rng, rows, SAMPLE).into_iter().map(|i| i as u32).collect()
        };
        sample.sort_unstable();
        let mut table = Self { data, control, leaks: &options.leaks, summaries, target, time: None, sample, whole };
        table.time = match &options.time {
            Some(name) => Some(place(name)?),
            None => table.find_time()?,
        };
        Ok(table)
    }

    /// All columns.
    pub fn columns(&self) -> impl Iterator<Item = View<'_>> {
        self.data.columns.iter().zip(self.summaries).enumerate().filter_map(|(index, (spec, summary))| {
            Some(View { index, spec, summary, column: self.data.frame.columns().get(index)? })
        })
    }

    /// All columns but the target.
    pub fn features(&self) -> impl Iterator<Item = View<'_>> {
        self.columns().filter(|c| Some(c.index) != self.target)
    }

    /// Features from which a model could learn: no identifiers, free texts, dates, or columns without two values.
    pub fn usable(&self) -> impl Iterator<Item = View<'_>> {
        self.features().filter(|c| (c.is_number() || c.is_category()) && c.summary.distinct() > 1)
    }

    /// The column at a place.
    pub fn at(&self, index: usize) -> Option<View<'_>> {
        self.columns().nth(index)
    }

    /// The target.
    pub fn target(&self) -> Option<View<'_>> {
        self.at(self.target?)
    }

    /// The kind of the target.
    pub fn target_kind(&self) -> Option<TargetKind> {
        let target = self.target()?;
        Some(match target.spec.physical {
            Physical::String | Physical::Boolean => TargetKind::Classes,
            Physical::Date | Physical::Datetime => TargetKind::Number,
            _ if target.is_category() => TargetKind::Classes,
            Physical::Integer if target.summary.distinct() <= INTEGER_CLASSES => TargetKind::Classes,
            Physical::Float if target.summary.distinct() <= 2 => TargetKind::Classes,
            Physical::Integer | Physical::Float => TargetKind::Number,
        })
    }

    /// The column that says when a row happened.
    pub fn time(&self) -> Option<View<'_>> {
        self.at(self.time?)
    }

    /// Rows that scores are computed on: all, or a fixed random choice of [`SAMPLE`].
    pub fn sample(&self) -> &[u32] {
        &self.sample
    }

    /// Number of rows of the table; [`Table::data`] may hold fewer of them.
    pub fn rows(&self) -> usize {
        self.whole.map_or(self.data.rows(), |w| usize::try_from(w.rows).unwrap_or(usize::MAX))
    }

    /// What is known of all rows when `data` holds a sample of them.
    pub fn whole(&self) -> Option<&Whole> {
        self.whole
    }

    /// Whether `data` holds fewer rows than the table has.
    pub fn is_sample(&self) -> bool {
        self.whole.is_some_and(|w| (w.sampled.len() as u64) < w.rows)
    }

    /// The numbers (from 0) in the whole table of rows of `data`.
    pub fn places(&self, rows: impl IntoIterator<Item = usize>) -> impl Iterator<Item = usize> {
        rows.into_iter().map(|row| {
            let place = self.whole.and_then(|w| w.sampled.get(row));
            place.map_or(row, |place| usize::try_from(*place).unwrap_or(usize::MAX))
        })
    }

    /// The cells because of which a streamed column is text.
    pub fn misfits(&self, view: &View<'_>) -> Option<&Misfits> {
        self.whole?.misfits.get(view.index)?.as_ref()
    }

    /// At most ten rows of the whole table whose number passes a test: of the extremes that a streaming executor kept, or
    /// else of the rows at hand.
    ///
    /// # Errors
    /// When the column holds no numbers.
    pub fn examples(&self, view: &View<'_>, test: impl Fn(f64) -> bool) -> Result<Vec<usize>> {
        let ends = view.summary.low.iter().chain(&view.summary.high).filter(|(v, _)| test(*v));
        let mut rows: Vec<usize> = ends.map(|(_, row)| usize::try_from(*row).unwrap_or(usize::MAX)).collect();
        if rows.is_empty() {
            let values = column::numbers(view.column)?;
            let found = values.into_iter().enumerate().filter(|(_, v)| test(*v)).map(|(row, _)| row);
            rows = self.places(found.take(10)).collect();
        }
        rows.sort_unstable();
        rows.dedup();
        rows.truncate(10);
        Ok(rows)
    }

    /// The values of a column in the sample, as numbers.
    pub fn sampled_numbers(&self, view: &View<'_>) -> Result<Vec<f64>> {
        let all = column::numbers(view.column)?;
        Ok(self.pick(&all, f64::NAN))
    }

    /// The values of a column in the sample, as numbers of levels (`u32::MAX` when missing).
    pub fn sampled_codes(&self, view: &View<'_>) -> Result<Vec<u32>> {
        Ok(self.pick(&codes(view)?, MISSING))
    }

    fn pick<T: Copy>(&self, all: &[T], missing: T) -> Vec<T> {
        self.sample.iter().map(|row| all.get(*row as usize).copied().unwrap_or(missing)).collect()
    }

    /// The date column whose rows stand in order (a log, a series of snapshots); of several the one with the most
    /// distinct values, the first among nearly equal ones. If none is in order, the first without gaps.
    fn find_time(&self) -> Result<Option<usize>> {
        let mut best: Option<(bool, usize, usize)> = None;
        for view in self.features().filter(|c| c.is_date() && c.summary.distinct() > 1) {
            self.control.check()?;
            if view.summary.missing_share() > 0.05 || self.leaks.contains(&view.spec.name) {
                continue;
            }
            let days = view.days()?;
            let pairs = days.windows(2).filter(|w| matches!(w, [a, b] if !a.is_nan() && !b.is_nan())).count();
            let falling = days.windows(2).filter(|w| matches!(w, [a, b] if a > b)).count();
            let ordered = pairs > 0 && falling * 20 <= pairs;
            let distinct = view.summary.distinct();
            let better = match best {
                None => true,
                Some((was_ordered, most, _)) if was_ordered == ordered => ordered && distinct > most * 2,
                Some((was_ordered, ..)) => ordered && !was_ordered,
            };
            if better {
                best = Some((ordered, distinct, view.index));
            }
        }
        Ok(best.map(|(_, _, index)| index))
    }
}

/// The code of a missing value.
pub const MISSING: u32 = u32::MAX;

/// Each row's level, numbered in ascending order of the levels.
pub fn codes(view: &View<'_>) -> Result<Vec<u32>> {
    use crate::engine::Values;
    Ok(match &view.summary.values {
        Values::Texts(tally) => {
            let numbers: std::collections::HashMap<&str, u32> =
                tally.entries().iter().enumerate().map(|(i, (text, _))| (text.as_str(), i as u32)).collect();
            let texts = view.column.as_materialized_series().str()?;
            texts.iter().map(|t| t.and_then(|t| numbers.get(t)).copied().unwrap_or(MISSING)).collect()
        }
        Values::Numbers(tally) => {
            let entries = tally.entries();
            column::numbers(view.column)?
                .into_iter()
                .map(|v| entries.binary_search_by(|(e, _)| e.total_cmp(&(v + 0.0))).map_or(MISSING, |i| i as u32))
                .collect()
        }
    })
}
