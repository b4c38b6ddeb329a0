//! Several files as one table, streamed: the same columns as when loading, found before the rows are read and checked again
//! when the last one was.

use std::collections::HashMap;

use polars::prelude::{Column, DataFrame};

use super::csv_scan::{self, CsvScan, Sampled};
use super::gather::{Gathered, Route, Source, Taken};
use super::parquet_scan::{self, ParquetScan};
use super::{Examination, Limits, finish, frequent, known, on_disk};
use crate::data::csv::{self, Guess, Reading};
use crate::data::load::{Part, add_partition};
use crate::data::source::{self, Form, Found, Local, Partition, SchemaChanges, common, day, dtype};
use crate::data::{ColumnSpec, Dataset, LoadOptions, Physical, ProfileOptions, join};
use crate::engine::{Aggregates, Control};
use crate::error::{Error, Result};

/// Values of one column of all files together that are looked at beforehand, about.
const SEEN: usize = 1 << 18;

/// Storage of a column, and values of it: numbers and texts.
type Look = (Physical, Vec<f64>, Vec<String>);

/// What went wrong, and in which file when it did so in one.
pub struct Failed {
    /// The file's place among the source's.
    pub file: Option<usize>,
    /// What happened.
    pub error: Error,
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self { file: None, error }
    }
}

fn in_file(file: usize) -> impl Fn(Error) -> Failed {
    move |error| Failed { file: Some(file), error }
}

type Outcome<T> = std::result::Result<T, Failed>;

/// The rows of all files, read once.
struct Read {
    aggregates: Aggregates,
    /// The aggregates' columns.
    names: Vec<String>,
    /// The sampled rows of each file.
    parts: Vec<Part>,
    fingerprints: Vec<String>,
}

/// The profile of several files; `None` for what is better loaded.
///
/// # Errors
/// As loading them; the file is told when it is the cause.
pub fn profile(
    local: &mut Local,
    load: &LoadOptions,
    options: &ProfileOptions,
    limits: &Limits,
    control: &Control,
) -> Outcome<Option<Examination>> {
    let mut files = Vec::with_capacity(local.files.len());
    for file in &local.files {
        let Some((path, size)) = on_disk(file) else { return Ok(None) };
        files.push((file.name.clone(), path, size));
    }
    let parquet = local.files.iter().all(|f| f.form == Form::Parquet);
    let texts = local.files.iter().all(|f| f.form != Form::Parquet);
    let work = Work { files, partitions: &local.partitions, load, options, limits, control };
    let read = match (parquet, texts) {
        (true, _) => work.parquet()?,
        (_, true) if work.files.iter().map(|(.., size)| size).sum::<u64>() >= limits.from_bytes => work.texts()?,
        _ => None,
    };
    let Some(read) = read else { return Ok(None) };
    let Read { mut aggregates, names, parts, fingerprints } = read;
    local.files.iter_mut().zip(fingerprints).for_each(|(file, digest)| {
        file.digest.get_or_insert(digest);
    });
    let mut notes = Vec::new();
    let sizes: Vec<usize> = parts.iter().map(|p| p.frame.height()).collect();
    let (mut frame, mut columns) = join::parts(parts, load, &mut notes)?;
    for partition in &local.partitions {
        add_partition(&mut frame, &mut columns, partition, &sizes, &mut notes)?;
    }
    // The columns in the order that they have in the end.
    let mut summaries: HashMap<&String, _> =
        names.iter().zip(aggregates.columns.into_iter().zip(aggregates.shapes)).collect();
    let found: Option<Vec<_>> = columns.iter().map(|spec| summaries.remove(&spec.name)).collect();
    let Some(found) = found else { return Ok(None) };
    (aggregates.columns, aggregates.shapes) = found.into_iter().unzip();
    let data =
        Dataset { source: local.source.clone(), frame, columns, fingerprint: local.fingerprint(control)?, notes };
    Ok(finish(data, aggregates, Vec::new(), load, options, control)?)
}

struct Work<'a> {
    /// Name, path and size of each.
    files: Vec<(String, String, u64)>,
    partitions: &'a [Partition],
    load: &'a LoadOptions,
    options: &'a ProfileOptions,
    limits: &'a Limits,
    control: &'a Control,
}

/// The columns of the table: those of the files, then those of their paths.
struct Columns {
    names: Vec<String>,
    physicals: Vec<Physical>,
    routes: Vec<Route>,
}

/// What is known of a column of a file.
struct Seen<'a> {
    name: &'a str,
    physical: Physical,
    empty: bool,
}

impl Work<'_> {
    fn found(&self, files: &[Vec<Seen<'_>>]) -> Vec<(String, Vec<Found>)> {
        let of = |seen: &Seen<'_>| Found {
            name: seen.name.to_owned(),
            physical: seen.physical,
            empty: seen.empty,
            as_text: join::as_text(seen.name, self.load),
        };
        self.files.iter().zip(files).map(|((name, ..), file)| (name.clone(), file.iter().map(of).collect())).collect()
    }

    /// The table's columns and the way to them from each file. `widths` counts the files' columns, also those left out.
    /// `None` when whole numbers would have to be written as text.
    fn columns(&self, files: &[Vec<Seen<'_>>], widths: &[usize], changes: SchemaChanges) -> Result<Option<Columns>> {
        let (mut names, mut physicals): (Vec<String>, Vec<Physical>) =
            common(&self.found(files), changes)?.columns.into_iter().unzip();
        let own = names.len();
        for partition in self.partitions.iter().filter(|p| !names.contains(&p.name)).collect::<Vec<_>>() {
            names.push(partition.name.clone());
            physicals.push(partition.physical);
        }
        known(&names, self.options)?;
        let mut routes = Vec::with_capacity(files.len());
        for (index, (file, width)) in files.iter().zip(widths).enumerate() {
            let mut from = Vec::with_capacity(names.len());
            for (column, (name, physical)) in names.iter().zip(&physicals).enumerate() {
                if column >= own {
                    from.push((self.constant(name, index), false));
                    continue;
                }
                let at = file.iter().position(|seen| seen.name == name);
                let seen = at.and_then(|at| file.get(at));
                if seen.is_some_and(|s| s.physical != *physical && *physical == Physical::String && !s.empty) {
                    return Ok(None);
                }
                let as_moment = *physical == Physical::Datetime && seen.is_some_and(|s| s.physical == Physical::Date);
                from.push((at.map_or(Source::Missing, Source::Column), as_moment));
            }
            routes.push(Route::new(*width, from));
        }
        Ok(Some(Columns { names, physicals, routes }))
    }

    /// What the path of a file says.
    fn constant(&self, name: &str, file: usize) -> Source {
        let partition = self.partitions.iter().find(|p| p.name == name);
        let Some((value, physical)) = partition.and_then(|p| Some((p.values.get(file)?.as_deref()?, p.physical)))
        else {
            return Source::Missing;
        };
        let number = match physical {
            Physical::Integer => value.parse::<i64>().ok().map(|v| v as f64),
            Physical::Date => day(value).map(f64::from),
            _ => return Source::Text(value.to_owned()),
        };
        number.map_or(Source::Missing, Source::Number)
    }

    /// The plan of each column from what was seen of it in each file: numbers and texts by the file's column.
    fn plan<'s>(
        &self,
        columns: &Columns,
        seen: impl Fn(usize, usize) -> Option<(&'s [f64], &'s [String])>,
    ) -> Vec<Taken> {
        let width = columns.names.len();
        let most = (self.limits.distinct_of(width), self.limits.text_bytes_of(width));
        (columns.physicals.iter().enumerate())
            .map(|(column, physical)| {
                let (mut numbers, mut texts): (Vec<f64>, Vec<&str>) = (Vec::new(), Vec::new());
                for (file, route) in columns.routes.iter().enumerate() {
                    match route.sources.get(column) {
                        Some(Source::Column(i)) => {
                            let scale = if route.as_moment(*i) { 86_400.0 } else { 1.0 };
                            let Some((values, words)) = seen(file, *i) else { continue };
                            numbers.extend(values.iter().map(|v| v * scale));
                            texts.extend(words.iter().map(String::as_str));
                        }
                        Some(Source::Number(value)) => numbers.push(*value),
                        Some(Source::Text(text)) => texts.extend([text.as_str(); 3]),
                        Some(Source::Missing) | None => {}
                    }
                }
                Taken::plan(*physical, &numbers, frequent(texts.into_iter()), most)
            })
            .collect()
    }

    fn parquet(&self) -> Outcome<Option<Read>> {
        let mut scans = Vec::with_capacity(self.files.len());
        for (i, (_, path, _)) in self.files.iter().enumerate() {
            self.control.check()?;
            scans.push(ParquetScan::open(path, *self.limits, self.control).map_err(in_file(i))?);
        }
        let rows: u64 = scans.iter().map(|s| s.rows() as u64).sum();
        let cells: u64 = scans.iter().map(|s| s.rows() as u64 * s.names.len() as u64).sum();
        // A file without a row is refused by the loader in its words.
        if cells < self.limits.from_cells || scans.iter().any(|s| s.rows() == 0 || s.names.is_empty()) {
            return Ok(None);
        }
        let each = SEEN / scans.len().max(1);
        let places = (each / parquet_scan::ROWS).clamp(1, parquet_scan::PLACES);
        let rows_each = (each / places).clamp(64, parquet_scan::ROWS);
        let mut looks: Vec<Vec<Look>> = Vec::with_capacity(scans.len());
        for (i, scan) in scans.iter_mut().enumerate() {
            let look = (0..scan.names.len()).map(|c| scan.look(c, (places, rows_each), self.control));
            let look = look.collect::<Result<Vec<_>>>().map_err(in_file(i))?;
            scan.physicals = look.iter().map(|(physical, ..)| *physical).collect();
            looks.push(look);
        }
        let empty = |look: &Look| look.2.is_empty() && look.1.iter().all(|v| !v.is_finite());
        let seen: Vec<Vec<Seen<'_>>> = (scans.iter().zip(&looks))
            .map(|(scan, look)| {
                let columns = scan.names.iter().zip(look);
                columns.map(|(name, look)| Seen { name, physical: look.0, empty: empty(look) }).collect()
            })
            .collect();
        let widths: Vec<usize> = scans.iter().map(|s| s.names.len()).collect();
        let Some(columns) = self.columns(&seen, &widths, self.load.schema_changes)? else { return Ok(None) };
        drop(seen);
        let of = |file: usize, i: usize| {
            let (_, numbers, texts) = looks.get(file)?.get(i)?;
            Some((numbers.as_slice(), texts.as_slice()))
        };
        let mut to = Gathered::new(self.plan(&columns, of));
        let sampled = parquet_scan::sampled(rows, self.limits.sample_rows);
        let (mut parts, mut fingerprints) = (Vec::new(), Vec::new());
        for (i, (scan, route)) in scans.iter_mut().zip(&columns.routes).enumerate() {
            let path = std::path::PathBuf::from(self.files.get(i).map_or("", |(_, path, _)| path));
            let span = (to.rows as f64 / rows.max(1) as f64 * 0.8, scan.rows() as f64 / rows.max(1) as f64 * 0.8);
            let (left, digest) = rayon::join(
                || scan.run(route, &mut to, &sampled, span, self.control),
                || source::digest(&path, &self.control.silent()),
            );
            let left = match left {
                Err(_) if scan.unsteady => return Ok(None),
                other => other.map_err(in_file(i))?,
            };
            fingerprints.push(digest.map_err(in_file(i))?);
            let specs = scan.names.iter().zip(&scan.physicals).map(|(name, p)| ColumnSpec::new(name, *p)).collect();
            parts.push(Part {
                name: self.files.get(i).map(|(name, ..)| name.clone()).unwrap_or_default(),
                frame: left.frame,
                columns: specs,
                notes: std::mem::take(&mut scan.notes),
                empty: Some(left.empty),
            });
        }
        Ok(Some(Read { aggregates: to.finish(sampled, self.control)?, names: columns.names, parts, fingerprints }))
    }

    fn texts(&self) -> Outcome<Option<Read>> {
        let mut scans = Vec::with_capacity(self.files.len());
        let mut spreads = Vec::with_capacity(self.files.len());
        for (i, (_, path, size)) in self.files.iter().enumerate() {
            let scan = CsvScan::open(path, *size, self.load, *self.limits).map_err(in_file(i))?;
            let scan = scan.one_of(self.files.len());
            spreads.push(scan.spread(None, self.control).map_err(in_file(i))?);
            scans.push(scan);
        }
        let mut guesses: Vec<Vec<Guess>> = spreads.iter().map(|s| s.guesses.clone()).collect();
        let mut surveyed = false;
        for _ in 0..3 {
            let readings: Vec<Vec<Reading>> =
                guesses.iter().map(|file| file.iter().map(Guess::reading).collect()).collect();
            let seen: Vec<Vec<Seen<'_>>> = (scans.iter().zip(&guesses))
                .map(|(scan, guesses)| {
                    let kept = width(&scan.names, guesses);
                    (scan.names.iter().zip(guesses).take(kept))
                        .map(|(name, guess)| Seen {
                            name,
                            physical: csv::physical(guess.reading()),
                            empty: guess.is_empty(),
                        })
                        .collect()
                })
                .collect();
            let widths: Vec<usize> = scans.iter().map(|s| s.names.len()).collect();
            let columns = match self.columns(&seen, &widths, self.load.schema_changes) {
                // The look may have missed what makes the files agree, or what is the matter.
                Err(_) if !surveyed => None,
                other => match other? {
                    Some(columns) => Some(columns),
                    None => return Ok(None),
                },
            };
            drop(seen);
            let Some(columns) = columns else {
                for (i, scan) in scans.iter_mut().enumerate() {
                    scan.survey(self.control).map_err(in_file(i))?;
                }
                guesses = scans.iter().map(|s| s.guesses.clone()).collect();
                surveyed = true;
                continue;
            };
            for (i, (scan, (spread, readings))) in scans.iter().zip(spreads.iter_mut().zip(&readings)).enumerate() {
                if spread.readings != *readings {
                    *spread = scan.spread(Some(readings.clone()), self.control).map_err(in_file(i))?;
                }
            }
            let of = |file: usize, i: usize| {
                let spread: &csv_scan::Spread = spreads.get(file)?;
                Some((spread.numbers.get(i)?.as_slice(), spread.texts.get(i)?.as_slice()))
            };
            let mut to = Gathered::new(self.plan(&columns, of));
            let expected = scans.iter().zip(&spreads).map(|(scan, spread)| scan.expected(spread)).sum();
            let longest = spreads.iter().map(|s| s.record_bytes).fold(1.0, f64::max);
            let mut sample = csv_scan::sample(self.limits.sample_rows, longest, expected);
            let all: u64 = self.files.iter().map(|(.., size)| size).sum();
            let (mut done, mut starts) = (0, Vec::with_capacity(scans.len()));
            for (i, (scan, (route, readings))) in scans.iter_mut().zip(columns.routes.iter().zip(&readings)).enumerate()
            {
                let span = (done as f64 / all.max(1) as f64 * 0.8, scan.size as f64 / all.max(1) as f64 * 0.8);
                done += scan.size;
                scan.run(readings, route, &mut to, &mut sample, span, self.control).map_err(in_file(i))?;
                starts.push(to.rows);
            }
            let found: Vec<Vec<Guess>> = scans.iter().map(|s| s.guesses.clone()).collect();
            let right = scans.iter().zip(guesses.iter().zip(&found)).all(|(scan, (expected, found))| {
                let same = |(e, f): (&Guess, &Guess)| csv_scan::same(e.reading(), f.reading());
                width(&scan.names, expected) == width(&scan.names, found) && expected.iter().zip(found).all(same)
            });
            if right {
                return Ok(Some(self.told(scans, columns.names, to, sample.into_rows(), &starts)?));
            }
            (guesses, surveyed) = (found, true);
        }
        Ok(None)
    }

    /// What was read of texts. `ends` are the rows up to the end of each file.
    fn told(
        &self,
        scans: Vec<CsvScan>,
        names: Vec<String>,
        to: Gathered,
        sample: Sampled,
        ends: &[u64],
    ) -> Outcome<Read> {
        let sampled: Vec<u64> = sample.iter().map(|(row, _)| *row).collect();
        let (mut parts, mut fingerprints) = (Vec::new(), Vec::new());
        let mut from = 0;
        for (i, mut scan) in scans.into_iter().enumerate() {
            let end = sampled.partition_point(|row| *row < ends.get(i).copied().unwrap_or(u64::MAX));
            let records = sample.get(from..end).unwrap_or_default();
            from = end;
            let readings: Vec<Reading> = scan.guesses.iter().map(Guess::reading).collect();
            scan.readings = readings;
            scan.remark();
            let kept = width(&scan.names, &scan.guesses);
            let known = || scan.names.iter().zip(scan.guesses.iter().zip(&scan.readings)).take(kept);
            let columns: Vec<ColumnSpec> = known()
                .map(|(name, (guess, reading))| ColumnSpec {
                    missing_spellings: csv::spellings(guess, *reading),
                    date_format: guess.date_format(),
                    ..ColumnSpec::new(name, csv::physical(*reading))
                })
                .collect();
            let frame = if records.is_empty() {
                let none = columns.iter().map(|c| Column::new_empty(c.name.as_str().into(), &dtype(c.physical)));
                DataFrame::new(0, none.collect()).map_err(Error::from)?
            } else {
                let frame = scan.frame(records, self.control).map_err(in_file(i))?;
                frame.select(columns.iter().map(|c| c.name.as_str())).map_err(Error::from)?
            };
            let empty = known().map(|(_, (guess, _))| guess.is_empty()).collect();
            if kept < scan.names.len() {
                scan.notes.push(csv::TRAILING.to_owned());
            }
            parts.push(Part {
                name: self.files.get(i).map(|(name, ..)| name.clone()).unwrap_or_default(),
                frame,
                columns,
                notes: scan.notes,
                empty: Some(empty),
            });
            fingerprints.push(scan.fingerprint);
        }
        Ok(Read { aggregates: to.finish(sampled, self.control)?, names, parts, fingerprints })
    }
}

/// The columns of a file without a nameless last one that has no value: it comes from a delimiter at the end of each line.
fn width(names: &[String], guesses: &[Guess]) -> usize {
    let made = names.len() > 1 && names.last().is_some_and(|last| *last == format!("column_{}", names.len()));
    let dropped = made && guesses.last().is_some_and(Guess::is_empty);
    names.len() - usize::from(dropped)
}
