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

/// Rows of a very large row group that are taken at once. In tests a thousandth, so that a small file has such groups.
const MOST_ROWS: usize = if cfg!(test) { 1 << 10 } else { 1 << 20 };

/// Parts of a very large row group for which the bytes of a column are read and checked once. Each costs eight bytes a row for
/// the hashes of its rows.
const MOST_PARTS: usize = 8;

/// A Parquet file that is about to be read once.
pub struct ParquetScan {
    path: String,
    limits: Limits,
    /// First row and number of rows of each part that is taken in at once; parts of one row group are together.
    parts: Vec<Vec<(usize, usize)>>,
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

/// A part of the file that is taken in at once.
struct Part {
    /// First row in the file, and number of rows.
    rows: (usize, usize),
    /// First row in the table.
    first: u64,
    /// The sampled rows, counted from the first of the part.
    wanted: IdxCa,
    hashes: Mutex<Vec<u64>>,
}

/// Divides row groups: small ones are read together (every part costs a look at the file's head), very large ones piece by
/// piece. Also the number of rows.
fn parts(groups: impl Iterator<Item = usize>, small: usize) -> (Vec<Vec<(usize, usize)>>, usize) {
    let mut parts: Vec<Vec<(usize, usize)>> = Vec::new();
    let mut rows = 0usize;
    for group in groups {
        if let Some((_, part)) = parts.last_mut().and_then(|together| together.last_mut())
            && *part + group <= small
        {
            *part += group;
            rows += group;
            continue;
        }
        let end = rows + group;
        while rows < end {
            let mut together = Vec::new();
            while rows < end && together.len() < MOST_PARTS {
                let part = (end - rows).min(MOST_ROWS);
                together.push((rows, part));
                rows += part;
            }
            parts.push(together);
        }
    }
    (parts, rows)
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
        let (parts, rows) = parts(file.groups(), limits.block / 8);
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

    /// A piece of a column, in one of the six types of storage.
    fn cell(&self, column: usize, piece: Column, notes: &mut Vec<String>) -> Result<(Column, Physical)> {
        let name = self.names.get(column).map_or("", String::as_str);
        let flat = flat(piece, &mut Vec::new())?;
        parquet::one(flat.iter().find(|c| c.name() == name).ok_or_else(gone)?, notes)
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
        let parts = self.parts.iter().map(Vec::len).sum::<usize>();
        let places = places.min(parts * 2).max(1);
        let from = |i: usize| i * self.rows / places;
        let wanted: Vec<(usize, usize)> = (0..places).map(|i| (from(i), count.min(self.rows - from(i)))).collect();
        let mut physical = Physical::Float;
        let (mut numbers, mut texts) = (Vec::new(), Vec::new());
        let (root, name) = self.place(column)?;
        for piece in self.file.pieces(root, Some(name), &wanted, control).map_err(parquet::explain)? {
            let (piece, found) = self.cell(column, piece, &mut Vec::new())?;
            physical = found;
            match piece.as_materialized_series().str() {
                Ok(strings) => texts.extend(strings.iter().flatten().map(str::to_owned)),
                Err(_) => numbers.extend(crate::engine::numbers(&piece)?),
            }
        }
        Ok((physical, numbers, texts))
    }

    /// In which column of the file a column stands, and its name.
    fn place(&self, column: usize) -> Result<(usize, &str)> {
        let (root, name) = self.roots.get(column).zip(self.names.get(column)).ok_or_else(gone)?;
        Ok((*root, name))
    }

    /// Takes in one column of some parts, the bytes of which are read once. `false` when the column has changed its storage.
    fn take_in(
        &self,
        (i, place): (usize, Place),
        (taken, beside): (&mut Taken, &mut Beside),
        parts: &[Part],
        control: &Control,
    ) -> Result<bool> {
        let (root, name) = self.place(i)?;
        let spans: Vec<(usize, usize)> = parts.iter().map(|part| part.rows).collect();
        let mut steady = true;
        self.file.each(root, Some(name), &spans, control, &mut |at, piece| {
            control.check()?;
            let Some(part) = parts.get(at) else { return Ok(false) };
            let mut notes = Vec::new();
            let (column, physical) = self.cell(i, piece, &mut notes)?;
            if self.physicals.get(i) != Some(&physical) {
                steady = false;
                return Ok(false);
            }
            beside.remarks.extend(notes);
            let seen = taken.take(&column, place, part.first, &part.hashes)?;
            beside.values += seen.values;
            beside.not_finite += seen.not_finite;
            if !part.wanted.is_empty() {
                let picked = column.take(&part.wanted)?;
                match &mut beside.sampled {
                    Some(all) => {
                        all.append(&picked)?;
                    }
                    none => *none = Some(picked),
                }
            }
            Ok(true)
        })?;
        Ok(steady)
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
        for together in self.parts.clone() {
            control.check()?;
            let begin = together.first().map_or(0, |part| part.0);
            let share = begin as f64 / self.rows.max(1) as f64;
            control.report("reading rows", Some(span.0 + share * span.1), format!("{begin} of {}", self.rows));
            let part = |rows: (usize, usize)| {
                let first = before + rows.0 as u64;
                let wanted = rows_of(first, rows.1).iter().map(|row| Some((*row - first) as IdxSize)).collect();
                Part { rows, first, wanted, hashes: Mutex::new(vec![route.base; rows.1]) }
            };
            let parts: Vec<Part> = together.into_iter().map(part).collect();
            let this = &*self;
            let steady = (to.columns.par_iter_mut().zip(&mut beside).zip(&route.sources))
                .map(|((taken, beside), source)| {
                    control.check()?;
                    let place = |i: usize| route.places.get(i).copied().flatten();
                    match source {
                        Source::Column(i) => match place(*i) {
                            Some(place) => {
                                let to = (taken, beside);
                                this.take_in((*i, place), to, &parts, control)
                            }
                            None => Ok(false),
                        },
                        source => {
                            parts.iter().for_each(|part| taken.constant(part.first, part.rows.1, source));
                            Ok(true)
                        }
                    }
                })
                .collect::<Result<Vec<bool>>>()?;
            if steady.contains(&false) {
                self.unsteady = true;
                return Err(Error::input("a column of the Parquet file changes its type"));
            }
            for part in parts {
                to.hashes.push(&part.hashes.into_inner().unwrap_or_else(PoisonError::into_inner));
            }
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

fn gone() -> Error {
    Error::input("a column of the Parquet file has gone").hint("Write it again")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::stream::profile_source_with;
    use crate::data::stream::tests::{all, assert_equal, none};
    use crate::data::{LoadOptions, ProfileOptions};

    /// A row group of several batches of parts, with a structure, streams as it loads: every row in its place, once.
    #[test]
    fn a_very_large_row_group_streams_as_it_loads() {
        let rows = MOST_ROWS * (MOST_PARTS + 2) - 7;
        let numbers: Vec<Option<i64>> = (0..rows as i64).map(|i| (i % 11 > 0).then_some(i % 6000)).collect();
        let texts: Vec<String> = (0..rows).map(|i| format!("text {}", i % 6000 % 40)).collect();
        let parts = [Column::new("a".into(), &numbers), Column::new("b".into(), &texts)];
        let inner = StructChunked::from_columns("s".into(), rows, &parts).unwrap();
        let [number, _] = parts;
        let mut frame = DataFrame::new(rows, vec![number.with_name("n".into()), inner.into_series().into()]).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.parquet");
        let file = std::fs::File::create(&path).unwrap();
        ParquetWriter::new(file).with_row_group_size(Some(rows)).finish(&mut frame).unwrap();
        let path = path.to_str().unwrap();
        let scan = ParquetScan::open(path, all(), &Control::default()).unwrap();
        assert_eq!(scan.parts.iter().map(Vec::len).collect::<Vec<_>>(), [MOST_PARTS, 2]);
        let (load, options) = (LoadOptions::default(), ProfileOptions::default());
        let of = |limits| profile_source_with(path, &load, &options, &limits, &Control::default()).unwrap();
        assert_equal("large group", of(all()), of(none()));
    }

    #[test]
    fn small_row_groups_go_together_and_the_parts_of_large_ones_too() {
        assert_eq!(
            parts([10, 20, 100, 0, 7].into_iter(), 40),
            (vec![vec![(0, 30)], vec![(30, 100)], vec![(130, 7)]], 137)
        );
        let (most, large) = (MOST_ROWS, MOST_ROWS * MOST_PARTS);
        let (found, rows) = parts([large + most + 5, 3].into_iter(), 4);
        assert_eq!(rows, large + most + 8);
        assert_eq!(found.len(), 3);
        assert_eq!(found[0], (0..MOST_PARTS).map(|i| (i * most, most)).collect::<Vec<_>>());
        assert_eq!(found[1..], [vec![(large, most), (large + most, 5)], vec![(large + most + 5, 3)]]);
    }
}
