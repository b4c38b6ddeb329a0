//! The scan of a Parquet file: row group by row group, the columns of one in parallel. Of the file only the pages in hand
//! are in memory, and each column's aggregate takes the row groups in their order.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use polars::prelude::*;
use rayon::prelude::*;

use super::Limits;
use super::gather::{Gathered, Place, Route, Source, Taken};
use crate::data::row_groups::RowGroups;
use crate::data::source::{digest, dtype, flat, twice};
use crate::data::{Physical, parquet};
use crate::engine::{Aggregates, Control, Executor, RowSample};
use crate::error::{Error, Result};

/// Evenly spaced places that are looked at beforehand.
pub const PLACES: usize = 16;

/// Rows of each.
pub const ROWS: usize = 1024;

/// Rows of a very large row group that are taken at once.
const MOST_ROWS: usize = 1 << 20;

/// A Parquet file that is about to be read once.
pub struct ParquetScan {
    path: String,
    limits: Limits,
    /// First row and number of rows of each part that is read at once.
    parts: Vec<(usize, usize)>,
    rows: usize,
    file: RowGroups,
    /// In which column of the file each column stands: a structure holds several.
    roots: Vec<usize>,
    /// Names of the columns.
    pub names: Vec<String>,
    /// How each column is stored, after the scan.
    pub physicals: Vec<Physical>,
    /// Remarks, after the scan.
    pub notes: Vec<String>,
    /// SHA-256 of the file, after the scan.
    pub fingerprint: String,
    /// A column's numbers fit into 64 bits in some parts of the file and not in others; only a whole reading helps.
    pub unsteady: bool,
}

/// What is gathered of a column of the file beside its aggregate.
#[derive(Default)]
struct Beside {
    remarks: BTreeSet<String>,
    not_finite: u64,
    values: u64,
    sampled: Option<Column>,
}

/// What a file leaves when all of its rows were taken in.
pub struct Left {
    /// The sampled rows.
    pub frame: DataFrame,
    /// Which columns hold no value at all.
    pub empty: Vec<bool>,
}

impl ParquetScan {
    /// Opens a file, reads its footer and finds its columns: structures are spread, lists and binary values left out.
    ///
    /// # Errors
    /// When the file is damaged, or no column is a table column.
    pub fn open(path: &str, limits: Limits, control: &Control) -> Result<Self> {
        let file = RowGroups::open(Path::new(path))?;
        let mut parts: Vec<(usize, usize)> = Vec::new();
        let mut rows = 0usize;
        for mut left in file.groups() {
            match parts.last_mut() {
                // Every part costs a look at the file's head: small row groups are read together.
                Some((_, part)) if *part + left <= limits.block / 8 => {
                    *part += left;
                    rows += left;
                    left = 0;
                }
                _ => {}
            }
            while left > 0 {
                let part = left.min(MOST_ROWS);
                parts.push((rows, part));
                rows += part;
                left -= part;
            }
        }
        let mut notes = Vec::new();
        let (mut names, mut roots) = (Vec::new(), Vec::new());
        for root in parquet::cells(file.schema(), &mut notes)? {
            let known = file.schema().get_at_index(root);
            let structure = known.filter(|(_, field)| matches!(field.dtype(), ArrowDataType::Struct(_)));
            let called: Vec<String> = match (known, structure) {
                (_, Some(_)) => {
                    let first = file.column(root, (0, rows.min(1)), control)?;
                    flat(first, &mut notes)?.iter().map(|c| c.name().to_string()).collect()
                }
                (Some((name, _)), None) => vec![name.to_string()],
                (None, None) => Vec::new(),
            };
            for name in called {
                if names.contains(&name) {
                    return Err(twice(&name));
                }
                names.push(name);
                roots.push(root);
            }
        }
        Ok(Self {
            path: path.to_owned(),
            limits,
            parts,
            rows,
            file,
            roots,
            names,
            physicals: Vec::new(),
            notes,
            fingerprint: String::new(),
            unsteady: false,
        })
    }

    /// Number of rows and columns.
    pub fn shape(&self) -> (usize, usize) {
        (self.rows, self.names.len())
    }

    /// Some pieces of one column, in one of the six types of storage.
    fn read(
        &self,
        column: usize,
        pieces: &[(usize, usize)],
        notes: &mut Vec<String>,
        control: &Control,
    ) -> Result<Vec<(Column, Physical)>> {
        let gone = || Error::input("a column of the Parquet file has gone").hint("Write it again");
        let root = *self.roots.get(column).ok_or_else(gone)?;
        let found = self.file.pieces(root, pieces, control).map_err(parquet::explain)?;
        let name = self.names.get(column).map_or("", String::as_str);
        found
            .into_iter()
            .map(|piece| {
                let flat = flat(piece, &mut Vec::new())?;
                parquet::one(flat.iter().find(|c| c.name() == name).ok_or_else(gone)?, notes)
            })
            .collect()
    }

    /// Looks at evenly spaced places of a column: its storage, and values for a plan, from at most so
    /// many places of so many rows.
    pub fn look(
        &self,
        column: usize,
        (places, count): (usize, usize),
        control: &Control,
    ) -> Result<(Physical, Vec<f64>, Vec<String>)> {
        control.check()?;
        let places = places.min(self.parts.len() * 2).max(1);
        let from = |i: usize| i * self.rows / places;
        let wanted: Vec<(usize, usize)> = (0..places).map(|i| (from(i), count.min(self.rows - from(i)))).collect();
        let mut physical = Physical::Float;
        let (mut numbers, mut texts) = (Vec::new(), Vec::new());
        for (piece, found) in self.read(column, &wanted, &mut Vec::new(), control)? {
            physical = found;
            match piece.as_materialized_series().str() {
                Ok(strings) => texts.extend(strings.iter().flatten().map(str::to_owned)),
                Err(_) => numbers.extend(crate::engine::numbers(&piece)?),
            }
        }
        Ok((physical, numbers, texts))
    }

    /// Takes in one column of one part, which begins at row `first` of the table. `wanted` are the sampled rows of the part,
    /// counted from its start. `false` when the column has changed its storage.
    #[allow(clippy::too_many_arguments)]
    fn take_in(
        &self,
        (i, place): (usize, Place),
        (taken, beside): (&mut Taken, &mut Beside),
        part: (usize, usize),
        first: u64,
        wanted: &IdxCa,
        hashes: &Mutex<Vec<u64>>,
        control: &Control,
    ) -> Result<bool> {
        let mut notes = Vec::new();
        let Some((column, physical)) = self.read(i, &[part], &mut notes, control)?.pop() else { return Ok(false) };
        if self.physicals.get(i) != Some(&physical) {
            return Ok(false);
        }
        beside.remarks.extend(notes);
        let seen = taken.take(&column, place, first, hashes)?;
        beside.values += seen.values;
        beside.not_finite += seen.not_finite;
        if !wanted.is_empty() {
            let picked = column.take(wanted)?;
            match &mut beside.sampled {
                Some(all) => {
                    all.append(&picked)?;
                }
                none => *none = Some(picked),
            }
        }
        Ok(true)
    }

    /// Takes in all rows, as rows after those that were taken in; the storage of the columns must be known
    /// ([`ParquetScan::look`]). `sampled` are the sampled rows of the table, `span` is where the file begins in the whole
    /// work, and its share of it.
    ///
    /// # Errors
    /// When the file is damaged, or the work is cancelled.
    pub fn run(
        &mut self,
        route: &Route,
        to: &mut Gathered,
        sampled: &[u64],
        span: (f64, f64),
        control: &Control,
    ) -> Result<Left> {
        let mut beside: Vec<Beside> = route.sources.iter().map(|_| Beside::default()).collect();
        let rows_of = |from: u64, count: usize| {
            let begin = sampled.partition_point(|row| *row < from);
            let end = sampled.partition_point(|row| *row < from + count as u64);
            sampled.get(begin..end).unwrap_or_default()
        };
        let before = to.rows;
        for part in self.parts.clone() {
            control.check()?;
            let share = part.0 as f64 / self.rows.max(1) as f64;
            control.report("reading rows", Some(span.0 + share * span.1), format!("{} of {}", part.0, self.rows));
            let first = before + part.0 as u64;
            let wanted: IdxCa = rows_of(first, part.1).iter().map(|row| Some((*row - first) as IdxSize)).collect();
            let part_hashes = Mutex::new(vec![route.base; part.1]);
            let this = &*self;
            let steady = (to.columns.par_iter_mut().zip(&mut beside).zip(&route.sources))
                .map(|((taken, beside), source)| {
                    control.check()?;
                    let place = |i: usize| route.places.get(i).copied().flatten();
                    match source {
                        Source::Column(i) => match place(*i) {
                            Some(place) => {
                                let to = (taken, beside);
                                this.take_in((*i, place), to, part, first, &wanted, &part_hashes, control)
                            }
                            None => Ok(false),
                        },
                        source => {
                            taken.constant(first, part.1, source);
                            Ok(true)
                        }
                    }
                })
                .collect::<Result<Vec<bool>>>()?;
            if steady.contains(&false) {
                self.unsteady = true;
                return Err(Error::input("a column of the Parquet file changes its type"));
            }
            to.hashes.push(&part_hashes.into_inner().unwrap_or_else(PoisonError::into_inner));
        }
        to.rows += self.rows as u64;
        control.check()?;
        let picked = rows_of(before, self.rows).len();
        let mut by_column: Vec<Option<Beside>> = self.names.iter().map(|_| None).collect();
        for (beside, source) in beside.into_iter().zip(&route.sources) {
            if let Source::Column(i) = source
                && let Some(place) = by_column.get_mut(*i)
            {
                *place = Some(beside);
            }
        }
        let mut frame = Vec::with_capacity(self.names.len());
        let mut empty = Vec::with_capacity(self.names.len());
        for ((name, physical), beside) in self.names.iter().zip(&self.physicals).zip(by_column) {
            let Beside { remarks, not_finite, values, sampled } = beside.unwrap_or_default();
            self.notes.extend(remarks);
            if not_finite > 0 {
                self.notes.push(parquet::not_finite(name, not_finite));
            }
            empty.push(values == 0);
            frame.push(match sampled {
                Some(column) => parquet::finite(column.rechunk(), &mut Vec::new())?,
                None => Column::full_null(name.as_str().into(), picked, &dtype(*physical)),
            });
        }
        Ok(Left { frame: DataFrame::new(picked, frame)?, empty })
    }

    fn pass(&mut self, control: &Control) -> Result<(Aggregates, DataFrame)> {
        let width = self.names.len();
        let most = (self.limits.distinct_of(width), self.limits.text_bytes_of(width));
        let (physicals, columns): (Vec<Physical>, Vec<Taken>) = (0..width)
            .into_par_iter()
            .map(|i| {
                let (physical, numbers, texts) = self.look(i, (PLACES, ROWS), control)?;
                let frequent = super::frequent(texts.iter().map(String::as_str));
                Ok((physical, Taken::plan(physical, &numbers, frequent, most)))
            })
            .collect::<Result<Vec<_>>>()?
            .into_iter()
            .unzip();
        self.physicals = physicals;
        let mut to = Gathered::new(columns);
        let sampled = sampled(self.rows as u64, self.limits.sample_rows);
        let left = self.run(&Route::straight(width), &mut to, &sampled, (0.0, 0.8), control)?;
        Ok((to.finish(sampled, control)?, left.frame))
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }
}

/// The numbers of the rows in the sample of a table with so many rows.
pub fn sampled(rows: u64, most: usize) -> Vec<u64> {
    let mut sample = RowSample::new(most);
    (0..rows).for_each(|row| sample.offer(row, || ()));
    sample.into_rows().into_iter().map(|(row, ())| row).collect()
}

impl Executor for ParquetScan {
    type Rows = DataFrame;

    fn aggregate(&mut self, control: &Control) -> Result<(Aggregates, DataFrame)> {
        if self.rows == 0 {
            return Err(parquet::no_row());
        }
        if self.names.is_empty() {
            return Err(Error::input("there is no column in the file"));
        }
        let path = self.path.clone();
        let (done, fingerprint) = rayon::join(|| self.pass(control), || digest(Path::new(&path), &control.silent()));
        let done = done?;
        self.fingerprint = fingerprint?;
        Ok(done)
    }
}
