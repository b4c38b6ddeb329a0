//! Writing a table to a file: CSV or Parquet, whole or not at all, and read back.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use chrono::{DateTime, Timelike as _};
use polars::prelude::*;

use super::display::brief;
use super::{Dataset, LoadOptions, Physical, column, load};
use crate::engine::Control;
use crate::error::{Error, Result};

/// The file types that are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileType {
    /// Comma-separated text.
    Csv,
    /// Apache Parquet.
    Parquet,
}

impl FileType {
    /// The type that a file's ending asks for.
    ///
    /// # Errors
    /// When the ending is another one.
    pub fn of(path: &Path) -> Result<Self> {
        let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
        match ending.as_str() {
            "csv" => Ok(Self::Csv),
            "parquet" => Ok(Self::Parquet),
            _ => Err(Error::usage(format!(
                "{} ends neither in .csv nor in .parquet",
                brief(&path.to_string_lossy(), 200)
            ))
            .hint("Name the file to write like table.csv or table.parquet")),
        }
    }
}

/// What was written, and whether it reads back the same.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Written {
    /// The file.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Columns that read back as something else, with what differs. A CSV file has no types: the text "007" is safe, the text
    /// "7" reads back as a number. Empty for Parquet.
    pub differing: Vec<String>,
}

/// Writes a table. The file is there whole or not at all; what was there before is replaced.
///
/// # Errors
/// When the ending is unknown, the file cannot be written, or the work is cancelled.
pub fn write(data: &Dataset, path: &Path, control: &Control) -> Result<Written> {
    let kind = FileType::of(path)?;
    let name = path.to_string_lossy().into_owned();
    let place = |e: &dyn std::fmt::Display| {
        Error::local(format!("{} cannot be written: {e}", brief(&name, 200)))
            .hint("Is there room, and may you write there?")
    };
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(|e| place(&e))?;
    control.report("writing", None, brief(&name, 60));
    match kind {
        FileType::Csv => csv_to(data, file.as_file_mut(), control)?,
        FileType::Parquet => {
            let mut frame = data.frame.clone();
            ParquetWriter::new(file.as_file_mut()).finish(&mut frame).map_err(|e| place(&e))?;
        }
    }
    file.as_file().sync_all().map_err(|e| place(&e))?;
    readable(file.as_file()).map_err(|e| place(&e))?;
    let bytes = file.as_file().metadata().map_err(|e| place(&e))?.len();
    file.persist(path).map_err(|e| place(&e.error))?;
    control.check()?;
    let differing = if kind == FileType::Csv { differences(data, &name, control)? } else { Vec::new() };
    Ok(Written { path: name, bytes, differing })
}

/// A temporary file is its owner's alone; a table that was asked for by name follows the usual habit.
#[cfg(unix)]
fn readable(file: &File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable(_: &File) -> std::io::Result<()> {
    Ok(())
}

/// Rows turned into text at a time.
const CHUNK: usize = 50_000;

/// Writes a table as CSV: commas, quotes where they are needed, missing values as empty cells, dates in ISO 8601. What
/// stands in texts is written as it is.
///
/// # Errors
/// When the writer fails, or the work is cancelled.
pub fn csv_to(data: &Dataset, out: impl Write, control: &Control) -> Result<()> {
    let failed = |e: ::csv::Error| match e.into_kind() {
        ::csv::ErrorKind::Io(e) => Error::local(format!("the table cannot be written: {e}")),
        other => Error::local(format!("the table cannot be written: {other:?}")),
    };
    // Beside a broken number whole ones need no point to be read as numbers of the same kind.
    let pointless: Vec<bool> = data
        .columns
        .iter()
        .map(|spec| {
            let values = column::get(&data.frame, &spec.name)?.as_materialized_series();
            let broken = |v: f64| v.is_finite() && v.fract() != 0.0;
            Ok(spec.physical == Physical::Float && values.f64()?.iter().flatten().any(broken))
        })
        .collect::<Result<_>>()?;
    let mut writer = ::csv::WriterBuilder::new().from_writer(out);
    writer.write_record(data.columns.iter().map(|c| c.name.as_str())).map_err(failed)?;
    let mut start = 0;
    while start < data.rows() {
        control.check()?;
        let frame = data.frame.slice(start as i64, CHUNK);
        let mut columns = Vec::with_capacity(data.columns.len());
        for (spec, pointless) in data.columns.iter().zip(&pointless) {
            let mut cells = texts(column::get(&frame, &spec.name)?, spec.physical)?;
            if *pointless {
                cells.iter_mut().flatten().for_each(|cell| {
                    if let Some(whole) = cell.strip_suffix(".0") {
                        cell.truncate(whole.len());
                    }
                });
            }
            columns.push(cells.into_iter());
        }
        for _ in 0..frame.height() {
            for cells in &mut columns {
                writer.write_field(cells.next().flatten().unwrap_or_default()).map_err(failed)?;
            }
            writer.write_record(None::<&[u8]>).map_err(failed)?;
        }
        start += CHUNK;
    }
    writer.flush()?;
    Ok(())
}

/// The cells of a column as they are written: numbers in their shortest form that reads back the same, dates in ISO 8601.
///
/// # Errors
/// When the column's type is not what `physical` says.
pub(super) fn texts(column: &Column, physical: Physical) -> Result<Vec<Option<String>>> {
    let series = column.as_materialized_series();
    let day = |d: i64| Some(DateTime::from_timestamp(d.checked_mul(86_400)?, 0)?.format("%Y-%m-%d").to_string());
    let moment = |micros: i64| {
        let moment = DateTime::from_timestamp_micros(micros)?;
        let form = if moment.nanosecond() == 0 { "%Y-%m-%d %H:%M:%S" } else { "%Y-%m-%d %H:%M:%S%.6f" };
        Some(moment.format(form).to_string())
    };
    Ok(match physical {
        // `{:?}` keeps the point of whole numbers (`2.0`) and gives very large ones an exponent.
        Physical::Float => {
            series.f64()?.iter().map(|v| v.filter(|v| v.is_finite()).map(|v| format!("{v:?}"))).collect()
        }
        Physical::Date => {
            let days = series.to_physical_repr();
            days.i32()?.iter().map(|v| v.and_then(|d| day(i64::from(d)))).collect()
        }
        Physical::Datetime => {
            let micros = series.to_physical_repr();
            micros.i64()?.iter().map(|v| v.and_then(moment)).collect()
        }
        Physical::Integer | Physical::Boolean | Physical::String => column::texts(column)?,
    })
}

/// The columns of a written CSV file that do not read back as they were, and what differs.
fn differences(data: &Dataset, path: &str, control: &Control) -> Result<Vec<String>> {
    let back = match load(path, &LoadOptions { delimiter: Some(b','), ..LoadOptions::default() }, &control.silent()) {
        Ok(back) => back,
        Err(e) if e.kind == crate::error::Kind::Cancelled => return Err(e),
        Err(e) => return Ok(vec![format!("the file does not read back: {}", e.message)]),
    };
    if back.rows() != data.rows() {
        return Ok(vec![format!("{} rows were written and {} read back", data.rows(), back.rows())]);
    }
    let mut differing = Vec::new();
    for spec in &data.columns {
        let name = brief(&spec.name, 60);
        let (Ok(read), Ok(after)) = (back.spec(&spec.name), back.frame.column(&spec.name)) else {
            differing.push(format!("{name}: reads back under another name"));
            continue;
        };
        let before = column::get(&data.frame, &spec.name)?;
        let empty = before.null_count() == before.len() && after.null_count() == after.len();
        if empty {
            continue;
        }
        if read.physical != spec.physical {
            let (was, is) = (super::scalar::words(spec.physical), super::scalar::words(read.physical));
            differing.push(format!("{name}: was {was}, reads back as {is}"));
        } else if !before.equals_missing(after) {
            differing.push(format!("{name}: some values read back as others"));
        }
    }
    Ok(differing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn back(csv: &str) -> (Dataset, Dataset, Written) {
        let dir = tempfile::tempdir().unwrap();
        let (first, second) = (dir.path().join("a.csv"), dir.path().join("b.csv"));
        std::fs::write(&first, csv).unwrap();
        let options = LoadOptions { delimiter: Some(b','), ..LoadOptions::default() };
        let data = load(first.to_str().unwrap(), &options, &Control::default()).unwrap();
        let written = write(&data, &second, &Control::default()).unwrap();
        let again = load(second.to_str().unwrap(), &options, &Control::default()).unwrap();
        (data, again, written)
    }

    #[test]
    fn quoting_missing_values_and_dates_read_back() {
        let csv = "id,text,day,at,n,x,yes,code\n\
                   1,\"a \"\"quoted\"\", word\",2020-02-29,2020-01-01 00:00:00,1.5,3,true,007\n\
                   2,\"two\nlines\",,2020-01-01 12:30:00.25,,4,false,010\n\
                   3,\u{1b}[31mred,1969-12-31,,1e300,,,\n\
                   4,'; DROP,2020-03-01,2020-01-02 00:00:00,-0.0000001,5,true,1\n";
        let (data, again, written) = back(csv);
        assert_eq!(written.differing, Vec::<String>::new());
        assert!(data.frame.equals_missing(&again.frame));
        assert_eq!(data.columns, again.columns);
        assert_eq!(again.frame.column("text").unwrap().str().unwrap().get(2), Some("\u{1b}[31mred"));
    }

    #[test]
    fn whole_numbers_beside_broken_ones_have_no_point() {
        let (data, _, _) = back("a,b,c\n10,2.0,1\n2.5,3.0,\n,1e20,2\n");
        let mut out = Vec::new();
        csv_to(&data, &mut out, &Control::default()).unwrap();
        // Column b would read back as whole numbers without its points.
        assert_eq!(String::from_utf8(out).unwrap(), "a,b,c\n10,2.0,1\n2.5,3.0,\n,1e20,2\n");
    }

    #[test]
    fn the_samples_read_back() {
        for name in ["credit", "taxi", "churn", "houses"] {
            let dir = tempfile::tempdir().unwrap();
            let data = load(&format!("sample:{name}"), &LoadOptions::default(), &Control::default()).unwrap();
            for ending in ["csv", "parquet"] {
                let path = dir.path().join(format!("t.{ending}"));
                let written = write(&data, &path, &Control::default()).unwrap();
                assert_eq!(written.differing, Vec::<String>::new(), "{name}");
                let again = load(path.to_str().unwrap(), &LoadOptions::default(), &Control::default()).unwrap();
                if ending == "parquet" || name != "taxi" {
                    assert!(data.frame.equals_missing(&again.frame), "{name}.{ending}");
                }
            }
        }
    }

    #[test]
    fn what_a_csv_cannot_say_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let (path, parquet) = (dir.path().join("t.csv"), dir.path().join("t.parquet"));
        let (mut data, _, _) = back("a,b\n1,x\n2,y\n");
        let texts = Column::new("a".into(), ["1", "2"]);
        data.frame.with_column(texts).unwrap();
        data.columns[0].physical = Physical::String;
        let written = write(&data, &path, &Control::default()).unwrap();
        assert_eq!(written.differing.len(), 1);
        assert!(written.differing[0].contains("a: was text"), "{:?}", written.differing);
        assert!(write(&data, &parquet, &Control::default()).unwrap().differing.is_empty());
        assert_eq!(write(&data, &dir.path().join("t.xls"), &Control::default()).unwrap_err().exit_code(), 2);
    }

    #[test]
    fn a_single_column_with_gaps_reads_back() {
        let (data, again, written) = back("a\n1\n\"\"\n3\n");
        assert_eq!(data.rows(), 3);
        assert!(data.frame.equals_missing(&again.frame) && written.differing.is_empty(), "{written:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(150))]
        /// What was read from a CSV and written reads back the same, or the difference is told.
        #[test]
        fn any_table_reads_back_or_it_is_said(
            cells in prop::collection::vec(("[ -~\n\u{e9}]{0,8}", "-?[0-9]{0,5}(\\.[0-9]{1,4})?", "(20[0-9]{2}-0[1-9]-1[0-9])?"), 1..30),
        ) {
            let mut csv = ::csv::Writer::from_writer(Vec::new());
            csv.write_record(["t", "n", "d"]).unwrap();
            for (a, b, c) in &cells {
                csv.write_record([a, b, c]).unwrap();
            }
            let text = String::from_utf8(csv.into_inner().unwrap()).unwrap();
            let (data, again, written) = back(&text);
            prop_assert!(written.differing.is_empty() == data.frame.equals_missing(&again.frame), "{:?}", written.differing);
            // A table that came from a CSV file has nothing that a CSV file could not say.
            prop_assert!(written.differing.is_empty(), "{:?}\n{}", written.differing, text);
        }
    }
}
