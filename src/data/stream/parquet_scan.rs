//! The scan of a Parquet file: row group by row group, the columns of one in parallel. Of the file only the pages in hand
//! are in memory, and each column's aggregate takes the row groups in their order.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use polars::prelude::*;
use rayon::prelude::*;

use super::Limits;
use crate::data::source::digest;
use crate::data::{Physical, parquet, parquet_bounds};
use crate::engine::{
    Aggregates, Control, Edges, Executor, NumberColumn, NumberPlan, RowHashes, RowSample, Shape, Summary, TextColumn,
    TextPlan, guarded, hash,
};
use crate::error::{Error, Result};

/// Evenly spaced places that are looked at beforehand, and the rows of each.
const PLACES: usize = 16;
const ROWS: usize = 1024;

/// Rows of a very large row group that are taken at once.
const MOST_ROWS: usize = 1 << 20;

/// A Parquet file that is about to be read once.
pub struct ParquetScan {
    path: String,
    limits: Limits,
    /// First row and number of rows of each part that is read at once.
    parts: Vec<(usize, usize)>,
    rows: usize,
    metadata: polars::io::parquet::metadata::FileMetadataRef,
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

enum Taken {
    Numbers(NumberColumn),
    Texts(TextColumn),
}

struct ColumnScan {
    physical: Physical,
    taken: Taken,
    remarks: BTreeSet<String>,
    not_finite: u64,
    sampled: Option<Column>,
}

/// A footer that claims more rows than can be numbered.
pub const CLAIMS_TOO_MUCH: &str = "this Parquet file claims more rows than can be read";

impl ParquetScan {
    /// Opens a file and reads its footer.
    ///
    /// # Errors
    /// When the file is damaged, or has no row or no column.
    pub fn open(path: &str, limits: Limits) -> Result<Self> {
        let file = File::open(path)?;
        let (metadata, names) = guarded("this Parquet file cannot be read", || {
            let mut file = file;
            let metadata = ParquetReader::new(&mut file).get_metadata().map_err(parquet::damaged)?.clone();
            parquet_bounds::check(&mut file, &metadata, usize::MAX)?;
            let mut reader = ParquetReader::new(file);
            let schema = reader.schema().map_err(parquet::damaged)?;
            if schema.iter_values().any(|field| !parquet::is_cell(field.dtype())) {
                return Err(Error::input("columns of lists, structures or binary values are read in memory only"));
            }
            Ok((metadata, schema.iter_names().map(ToString::to_string).collect::<Vec<_>>()))
        })?;
        let mut parts: Vec<(usize, usize)> = Vec::new();
        let mut rows = 0usize;
        for group in &metadata.row_groups {
            let mut left = group.num_rows();
            // The footer is the file's own word: what it claims must not be believed without bounds.
            if rows.checked_add(left).is_none_or(|all| all > u32::MAX as usize) {
                return Err(Error::input(CLAIMS_TOO_MUCH).hint("It may be damaged; write it again, or in parts"));
            }
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
        Ok(Self {
            path: path.to_owned(),
            limits,
            parts,
            rows,
            metadata,
            names,
            physicals: Vec::new(),
            notes: Vec::new(),
            fingerprint: String::new(),
            unsteady: false,
        })
    }

    /// Number of rows and columns.
    pub fn shape(&self) -> (usize, usize) {
        (self.rows, self.names.len())
    }

    /// Some rows of one column, in one of the six types of storage.
    fn read(&self, column: usize, rows: (usize, usize), notes: &mut Vec<String>) -> Result<(Column, Physical)> {
        let frame = guarded("this Parquet file cannot be read", || {
            let mut reader = ParquetReader::new(File::open(&self.path)?);
            reader.set_metadata(Arc::clone(&self.metadata));
            reader
                .with_projection(Some(vec![column]))
                .with_slice(Some(rows))
                // The other strategies decode every row group up to the wanted one.
                .read_parallel(ParallelStrategy::RowGroups)
                .finish()
                .map_err(parquet::damaged)
        })
        .map_err(parquet::explain)?;
        let found = frame.columns().first().ok_or_else(|| Error::input("a column of the Parquet file has gone"))?;
        if found.len() != rows.1 {
            return Err(Error::input("the Parquet file has fewer rows than it says").hint("Write it again"));
        }
        parquet::one(found, notes)
    }

    fn plan(&self, column: usize, control: &Control) -> Result<ColumnScan> {
        let mut pieces: Vec<Column> = Vec::new();
        let mut physical = Physical::Float;
        let mut notes = Vec::new();
        let places = PLACES.min(self.parts.len() * 2).max(1);
        for i in 0..places {
            control.check()?;
            let from = i * self.rows / places;
            let (piece, found) = self.read(column, (from, ROWS.min(self.rows - from)), &mut notes)?;
            physical = found;
            pieces.push(piece);
        }
        let most_distinct = self.limits.distinct_of(self.names.len());
        let most_bytes = self.limits.text_bytes_of(self.names.len());
        let taken = if physical == Physical::String {
            let mut texts = Vec::new();
            for piece in &pieces {
                if let Ok(strings) = piece.as_materialized_series().str() {
                    texts.extend(strings.iter().flatten());
                }
            }
            Taken::Texts(TextColumn::new(TextPlan {
                most_distinct,
                most_bytes,
                frequent: super::frequent(texts.into_iter()),
            }))
        } else {
            let mut numbers = Vec::new();
            for piece in pieces.iter().filter(|p| p.dtype() != &DataType::String) {
                numbers.extend(crate::engine::numbers(piece)?);
            }
            let per_day = match physical {
                Physical::Date => Some(1.0),
                Physical::Datetime => Some(86_400.0),
                _ => None,
            };
            let edges = Arc::new(Edges::plan(&numbers));
            Taken::Numbers(NumberColumn::new(NumberPlan { most_distinct, edges, per_day }))
        };
        Ok(ColumnScan { physical, taken, remarks: BTreeSet::new(), not_finite: 0, sampled: None })
    }

    /// Takes in one column of one part. `wanted` are the sampled rows of the part, counted from its start.
    fn take_in(
        &self,
        i: usize,
        scan: &mut ColumnScan,
        part: (usize, usize),
        wanted: &IdxCa,
        hashes: &Mutex<Vec<u64>>,
    ) -> Result<bool> {
        let mut notes = Vec::new();
        let (column, physical) = self.read(i, part, &mut notes)?;
        if physical != scan.physical {
            return Ok(false);
        }
        scan.remarks.extend(notes);
        let add = |values: &mut dyn Iterator<Item = u64>| {
            let mut hashes = hashes.lock().unwrap_or_else(PoisonError::into_inner);
            hashes.iter_mut().zip(values).for_each(|(hash, v)| *hash = hash.wrapping_add(hash::cell(i, v)));
        };
        match &mut scan.taken {
            Taken::Numbers(numbers) => {
                let mut values = crate::engine::numbers(&column)?;
                let nulls = column.null_count() as u64;
                let mut missing = 0;
                for value in &mut values {
                    // Infinite values are missing, as `parquet::finite` makes them; minus zero is zero.
                    *value = if value.is_finite() { *value + 0.0 } else { f64::NAN };
                    missing += u64::from(value.is_nan());
                }
                scan.not_finite += missing.saturating_sub(nulls);
                numbers.push(part.0 as u64, &values);
                let of = |v: &f64| if v.is_nan() { hash::MISSING } else { hash::number(*v) };
                add(&mut values.iter().map(of));
            }
            Taken::Texts(texts) => {
                let strings = column.as_materialized_series().str()?;
                strings.iter().for_each(|text| texts.push(text));
                let of = |t: Option<&str>| t.map_or(hash::MISSING, |t| hash::bytes(t.as_bytes()));
                add(&mut strings.iter().map(of));
            }
        }
        if !wanted.is_empty() {
            let picked = column.take(wanted)?;
            match &mut scan.sampled {
                Some(all) => {
                    all.append(&picked)?;
                }
                none => *none = Some(picked),
            }
        }
        Ok(true)
    }

    fn pass(&mut self, control: &Control) -> Result<(Aggregates, DataFrame)> {
        let mut columns: Vec<ColumnScan> =
            (0..self.names.len()).into_par_iter().map(|i| self.plan(i, control)).collect::<Result<_>>()?;
        let mut sample = RowSample::new(self.limits.sample_rows);
        (0..self.rows as u64).for_each(|row| sample.offer(row, || ()));
        let sampled: Vec<u64> = sample.into_rows().into_iter().map(|(row, ())| row).collect();
        let mut hashes = RowHashes::default();
        for part in self.parts.clone() {
            control.check()?;
            let share = part.0 as f64 / self.rows.max(1) as f64;
            control.report("reading rows", Some(share * 0.8), format!("{} of {}", part.0, self.rows));
            let from = sampled.partition_point(|row| *row < part.0 as u64);
            let to = sampled.partition_point(|row| *row < (part.0 + part.1) as u64);
            let inside = sampled.get(from..to).unwrap_or_default();
            let wanted: IdxCa = inside.iter().map(|row| Some((*row - part.0 as u64) as IdxSize)).collect();
            let part_hashes = Mutex::new(vec![0u64; part.1]);
            let this = &*self;
            let steady = columns
                .par_iter_mut()
                .enumerate()
                .map(|(i, scan)| {
                    control.check()?;
                    this.take_in(i, scan, part, &wanted, &part_hashes)
                })
                .collect::<Result<Vec<bool>>>()?;
            if steady.contains(&false) {
                self.unsteady = true;
                return Err(Error::input("a column of the Parquet file changes its type"));
            }
            hashes.push(&part_hashes.into_inner().unwrap_or_else(PoisonError::into_inner));
        }
        control.check()?;
        let mut frame = Vec::with_capacity(columns.len());
        let mut taken = Vec::with_capacity(columns.len());
        for (name, mut scan) in self.names.iter().zip(columns) {
            self.physicals.push(scan.physical);
            self.notes.extend(scan.remarks);
            if scan.not_finite > 0 {
                self.notes.push(parquet::not_finite(name, scan.not_finite));
            }
            if let Some(column) = scan.sampled.take() {
                frame.push(parquet::finite(column.rechunk(), &mut Vec::new())?);
            }
            taken.push(scan.taken);
        }
        let (columns, shapes): (Vec<Summary>, Vec<Option<Shape>>) = taken
            .into_par_iter()
            .map(|taken| match taken {
                Taken::Numbers(numbers) => (numbers.finish(), None),
                Taken::Texts(texts) => texts.finish(),
            })
            .unzip();
        let frame = DataFrame::new(sampled.len(), frame)?;
        Ok((Aggregates { rows: self.rows as u64, columns, shapes, repeated: hashes.finish(control)?, sampled }, frame))
    }
}

impl Executor for ParquetScan {
    type Rows = DataFrame;

    fn aggregate(&mut self, control: &Control) -> Result<(Aggregates, DataFrame)> {
        if self.rows == 0 {
            return Err(Error::input("there is no row in the file").hint("Check that the export finished"));
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
