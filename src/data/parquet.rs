//! Parquet: the file's types mapped onto the six that the house uses.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::NaiveDateTime;
use polars::prelude::*;
use rayon::prelude::*;

use super::Physical;
use super::display::brief;
use super::row_groups::{Readable, RowGroups};
use super::source::{flat, twice};
use crate::engine::Control;
use crate::error::{Error, Result};

/// What a column of the file became, and remarks on its shape and on its values.
type ReadColumn = (Vec<(Column, Physical)>, Vec<String>, Vec<String>);

/// Reads a Parquet file, several columns at once; of the file only the pages in hand are in memory.
///
/// # Errors
/// When the file is damaged, there is no row or no column, or the table does not fit into memory. Structures are spread over columns; lists and binary values
/// are left out with a note.
pub fn read(path: &Path, control: &Control) -> Result<(DataFrame, Vec<Physical>, Vec<String>)> {
    control.check()?;
    let file = RowGroups::open(path)?;
    let mut notes = Vec::new();
    let kept = cells(file.schema(), &mut notes)?;
    if file.rows() == 0 {
        return Err(no_row());
    }
    let leaves =
        |i: &usize| file.schema().get_at_index(*i).map_or(0, |(_, field)| Readable::of(field, None).leaves.len());
    reserve(file.rows(), kept.iter().map(leaves).sum())?;
    let (all, done) = (kept.len().max(1), AtomicUsize::new(0));
    let read: Vec<ReadColumn> = kept
        .into_par_iter()
        .map(|i| {
            let (mut shape, mut values) = (Vec::new(), Vec::new());
            let columns = flat(file.column(i, (0, file.rows()), control)?, &mut shape)?;
            let mut conformed = Vec::with_capacity(columns.len());
            for column in columns {
                control.check()?;
                let (column, physical) = one(&column, &mut values)?;
                conformed.push((finite(column, &mut values)?, physical));
            }
            let done = 1 + done.fetch_add(1, Ordering::Relaxed);
            control.report("reading values", Some(done as f64 / all as f64), format!("{done} of {all} columns"));
            Ok((conformed, shape, values))
        })
        .collect::<Result<_>>()
        .map_err(explain)?;
    let mut columns: Vec<Column> = Vec::with_capacity(read.len());
    let (mut physicals, mut remarks) = (Vec::new(), Vec::new());
    for (conformed, shape, values) in read {
        notes.extend(shape);
        remarks.extend(values);
        for (column, physical) in conformed {
            if columns.iter().any(|c| c.name() == column.name()) {
                return Err(twice(column.name()));
            }
            columns.push(column);
            physicals.push(physical);
        }
    }
    notes.extend(remarks);
    if columns.is_empty() {
        return Err(Error::input("there is no column in the file"));
    }
    Ok((DataFrame::new(file.rows(), columns)?, physicals, notes))
}

/// The error for a table without a row.
pub fn no_row() -> Error {
    Error::input("there is no row in the file").hint("Check that the export finished")
}

/// The places of the columns to read: lists, maps and binary values are not even decoded, in structures either.
///
/// # Errors
/// When none is left.
pub fn cells(schema: &ArrowSchema, notes: &mut Vec<String>) -> Result<Vec<usize>> {
    let mut kept = Vec::new();
    for (i, field) in schema.iter_values().enumerate() {
        let readable = Readable::of(field, None);
        for (name, why) in &readable.left_out {
            notes.push(format!("{}: left out; {why}, which are no table cells", brief(name, 60)));
        }
        if readable.field.is_some() {
            kept.push(i);
        }
    }
    if kept.is_empty() && !schema.is_empty() {
        return Err(Error::input("no column holds single values: all are lists or binary")
            .hint("Spread them over columns of their own when writing the file"));
    }
    Ok(kept)
}

/// Asks for the memory of a table, which a file of a few bytes can claim to hold: refused memory ends the process where no
/// error can be given, later.
fn reserve(rows: usize, columns: usize) -> Result<()> {
    if Vec::<u8>::new().try_reserve_exact(rows.saturating_mul(columns).saturating_mul(8)).is_err() {
        return Err(Error::input("the table does not fit into memory").hint("Take a part of it, for example one year"));
    }
    Ok(())
}

/// Says what can be done about a file that Polars cannot read.
pub fn explain(error: Error) -> Error {
    // The smallest unsigned types are not compiled into our Polars.
    let small = error.message.contains("UInt8") || error.message.contains("UInt16");
    error.hint(if small {
        "Write its columns of small unsigned whole numbers (UInt8, UInt16) as Int32 or Int64"
    } else {
        "It may be cut off or damaged; write it again, or convert it to CSV"
    })
}

/// The remark about values that are no finite number.
pub fn not_finite(name: &str, count: u64) -> String {
    format!("{}: {count} values that are no finite number became missing", brief(name, 60))
}

/// Reads the first rows and columns of a Parquet file, and how many rows it has. One column after the other: the other cores
/// may be at work on the whole of it, and a look need not wait for them. In the place of lists and binary values stands that
/// they are not shown.
///
/// # Errors
/// When the file is damaged.
pub fn head(path: &Path, rows: usize, columns: usize) -> Result<(DataFrame, usize)> {
    let file = RowGroups::open(path)?;
    let rows = rows.min(file.rows());
    let read = (0..file.schema().len().min(columns))
        .map(|i| match file.schema().get_at_index(i) {
            Some((name, field)) if Readable::of(field, None).field.is_none() => {
                Ok(Column::new(name.clone(), vec!["(not shown: no single values)"; rows]))
            }
            _ => file.column(i, (0, rows), &Control::default()),
        })
        .collect::<Result<Vec<_>>>()
        .map_err(explain)?;
    Ok((DataFrame::new(rows, read)?, file.rows()))
}

/// What Polars says about a file, in one line.
pub fn damaged(error: PolarsError) -> Error {
    let text = error.to_string();
    Error::input(format!("this Parquet file cannot be read: {}", brief(text.lines().next().unwrap_or_default(), 160)))
}

/// Makes missing what is no finite number; CSV files are read in the same way.
pub fn finite(column: Column, notes: &mut Vec<String>) -> Result<Column> {
    if column.dtype() != &DataType::Float64 {
        return Ok(column);
    }
    if column.f64()?.iter().flatten().all(f64::is_finite) {
        return Ok(column);
    }
    let before = column.null_count();
    let cleaned: Float64Chunked = column.f64()?.iter().map(|v| v.filter(|v| v.is_finite())).collect();
    let lost = cleaned.null_count() - before;
    notes.push(not_finite(column.name(), lost as u64));
    Ok(cleaned.with_name(column.name().clone()).into_series().into())
}

/// Makes missing what is further away than the calendar of Polars reaches (years -262143 to 262142), where it would panic.
fn in_calendar(column: Column, notes: &mut Vec<String>) -> Result<Column> {
    let (first, last) = (NaiveDateTime::MIN.and_utc(), NaiveDateTime::MAX.and_utc());
    let micros_a_day = 86_400_000_000;
    let per_unit = if column.dtype() == &DataType::Date { micros_a_day } else { 1 };
    let (first, last) = (first.timestamp_micros() / per_unit, last.timestamp_micros() / per_unit);
    let values = column.to_physical_repr().cast(&DataType::Int64)?;
    let values = values.i64()?;
    let inside = |v: i64| (first..=last).contains(&v);
    if values.min().is_none_or(inside) && values.max().is_none_or(inside) {
        return Ok(column);
    }
    notes.push(format!("{}: moments outside of the calendar became missing", brief(column.name(), 60)));
    let kept: Int64Chunked = values.iter().map(|v| v.filter(|v| inside(*v))).collect();
    let kept = kept.with_name(column.name().clone()).into_series();
    let kept = if column.dtype() == &DataType::Date { kept.cast(&DataType::Int32)? } else { kept };
    Ok(kept.cast(column.dtype())?.into())
}

/// Brings one column to one of the six storage types.
///
/// # Errors
/// When its type is no table cell, or whole numbers do not fit.
pub fn one(column: &Column, notes: &mut Vec<String>) -> Result<(Column, Physical)> {
    use DataType as D;
    let name = column.name().as_str();
    let cast = |to: D| column.cast(&to).map_err(|e| Error::input(format!("column `{}`: {e}", brief(name, 60))));
    Ok(match column.dtype() {
        D::Float64 => (column.clone(), Physical::Float),
        D::Int64 => (column.clone(), Physical::Integer),
        D::Boolean => (column.clone(), Physical::Boolean),
        D::String => (column.clone(), Physical::String),
        D::Date => (in_calendar(column.clone(), notes)?, Physical::Date),
        D::Datetime(TimeUnit::Microseconds, None) => (in_calendar(column.clone(), notes)?, Physical::Datetime),
        D::Datetime(_, zone) => {
            if zone.is_some() {
                notes.push(format!("{}: times with a zone were converted to UTC", brief(name, 60)));
            }
            // Zoned moments are stored as UTC; naming no zone keeps that instant.
            let micros = cast(D::Datetime(TimeUnit::Microseconds, zone.clone()))?;
            let bare = micros.to_physical_repr().cast(&D::Datetime(TimeUnit::Microseconds, None))?;
            (in_calendar(bare, notes)?, Physical::Datetime)
        }
        D::Int8 | D::Int16 | D::Int32 | D::UInt8 | D::UInt16 | D::UInt32 => (cast(D::Int64)?, Physical::Integer),
        D::UInt64 | D::Int128 => {
            let whole = cast(D::Int64)?;
            if whole.null_count() > column.null_count() {
                notes.push(format!("{}: numbers too large for 64 bits were kept as text", brief(name, 60)));
                (cast(D::String)?, Physical::String)
            } else {
                (whole, Physical::Integer)
            }
        }
        D::Float32 | D::Decimal(..) | D::Null => (cast(D::Float64)?, Physical::Float),
        D::Duration(unit) => {
            let per_second = match unit {
                TimeUnit::Nanoseconds => 1e9,
                TimeUnit::Microseconds => 1e6,
                TimeUnit::Milliseconds => 1e3,
            };
            notes.push(format!("{}: durations became seconds", brief(name, 60)));
            let units = column.to_physical_repr().cast(&D::Float64)?;
            (&units / per_second, Physical::Float)
        }
        D::Categorical(..) | D::Enum(..) => (cast(D::String)?, Physical::String),
        D::Time => {
            notes.push(format!("{}: times of day became hours since midnight", brief(name, 60)));
            let nanos = column.to_physical_repr().cast(&D::Float64)?;
            (&nanos / 3.6e12, Physical::Float)
        }
        other => {
            return Err(Error::input(format!(
                "column `{}` has the type {other}, which is no table cell",
                brief(name, 60)
            ))
            .hint("Leave it out when writing the file, or spread it over columns of its own"));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(mut frame: DataFrame) -> Vec<u8> {
        let mut bytes = Vec::new();
        ParquetWriter::new(&mut bytes).finish(&mut frame).unwrap();
        bytes
    }

    fn of(bytes: &[u8]) -> Result<(DataFrame, Vec<Physical>, Vec<String>)> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.parquet");
        std::fs::write(&path, bytes).unwrap();
        read(&path, &Control::default())
    }

    fn back(frame: DataFrame) -> Result<(DataFrame, Vec<Physical>, Vec<String>)> {
        of(&written(frame))
    }

    #[test]
    fn the_types_become_six() {
        let seconds = Column::new("t".into(), [0i64, 1_500_000]);
        let frame = DataFrame::new(
            2,
            vec![
                Column::new("i32".into(), [1i32, 2]),
                Column::new("u64".into(), [1u64, 2]),
                Column::new("big".into(), [1u64, u64::MAX]),
                Column::new("f32".into(), [Some(0.5f32), None]),
                Column::new("s".into(), ["a", "b"]),
                Column::new("b".into(), [true, false]),
                seconds.cast(&DataType::Datetime(TimeUnit::Milliseconds, None)).unwrap().with_name("ms".into()),
                seconds.cast(&DataType::Duration(TimeUnit::Microseconds)).unwrap().with_name("dur".into()),
            ],
        )
        .unwrap();
        let (frame, physicals, notes) = back(frame).unwrap();
        use Physical::{Boolean, Datetime, Float, Integer, String};
        assert_eq!(physicals, [Integer, Integer, String, Float, String, Boolean, Datetime, Float]);
        assert_eq!(frame.column("f32").unwrap().null_count(), 1);
        assert_eq!(frame.column("dur").unwrap().f64().unwrap().get(1), Some(1.5));
        assert_eq!(frame.column("ms").unwrap().dtype(), &DataType::Datetime(TimeUnit::Microseconds, None));
        assert_eq!(notes.len(), 2, "{notes:?}");
    }

    #[test]
    fn lists_are_left_out_and_structures_spread_with_notes() {
        let lists = Series::new("l".into(), [Series::new("".into(), [1i64, 2])]);
        assert!(back(DataFrame::new(1, vec![lists.clone().into()]).unwrap()).unwrap_err().message.contains("lists"));
        let inner = StructChunked::from_columns("b".into(), 1, &[Column::new("c".into(), ["x"])]).unwrap();
        let parts = [Column::new("a".into(), [1i32]), inner.into_series().into(), lists.clone().into()];
        let outer = StructChunked::from_columns("s".into(), 1, &parts).unwrap();
        let frame = DataFrame::new(1, vec![outer.into_series().into(), lists.into()]).unwrap();
        let (frame, physicals, notes) = back(frame).unwrap();
        assert_eq!(frame.get_column_names(), ["s.a", "s.b.c"]);
        assert_eq!(physicals, [Physical::Integer, Physical::String]);
        assert!(notes.iter().any(|n| n.starts_with("l: left out")), "{notes:?}");
        assert!(notes.iter().any(|n| n.starts_with("s.l: left out")), "{notes:?}");
    }

    /// Pieces across row groups, also of structures, are what a slice of the whole is.
    #[test]
    fn any_rows_of_a_column_can_be_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.parquet");
        let whole: Vec<Option<i64>> = (0..1000).map(|i| (i % 7 > 0).then_some(i)).collect();
        let texts: Vec<String> = (0..1000).map(|i| format!("a text of some length {}", i % 13)).collect();
        let parts = [Column::new("i".into(), &whole), Column::new("t".into(), &texts)];
        let inner = StructChunked::from_columns("s".into(), 1000, &parts).unwrap();
        let [number, text] = parts;
        let mut frame = DataFrame::new(1000, vec![number, text, inner.into_series().into()]).unwrap();
        ParquetWriter::new(std::fs::File::create(&path).unwrap())
            .with_row_group_size(Some(90))
            .finish(&mut frame)
            .unwrap();
        let file = RowGroups::open(&path).unwrap();
        assert!(file.groups().count() > 5);
        let slices = [(0, 1), (85, 200), (0, 1000), (999, 1), (500, 0)];
        for (i, column) in frame.columns().iter().enumerate() {
            let pieces = file.pieces(i, None, &slices, &Control::default()).unwrap();
            for (piece, (from, count)) in pieces.iter().zip(slices) {
                let wanted = column.slice(from as i64, count);
                assert!(piece.as_materialized_series().equals_missing(wanted.as_materialized_series()), "{i} {from}");
            }
        }
        let (head, rows) = head(&path, 5, 2).unwrap();
        assert_eq!((rows, head.shape()), (1000, (5, 2)));
    }

    /// A file whose footer says that a leaf of lists has 2^45 values. It has 3000.
    fn claiming(frame: DataFrame) -> Vec<u8> {
        let mut bytes = written(frame);
        let end = bytes.len() - 8;
        let length = u32::from_le_bytes(bytes[end..end + 4].try_into().unwrap()) as usize;
        // Field 5 of `ColumnMetaData`, a number of 64 bits: twice the value, seven bits a byte.
        let claim = |values: u64| {
            let mut left = values << 1;
            let mut field = vec![0x16];
            while left > 0x7f {
                field.push(left as u8 | 0x80);
                left >>= 7;
            }
            field.push(left as u8);
            field
        };
        let (true_one, claimed) = (claim(3000), claim(1 << 45));
        let found = bytes[end - length..end].windows(true_one.len()).position(|w| w == true_one);
        let at = found.expect("the number of values must be in the footer") + end - length;
        bytes.splice(at..at + true_one.len(), claimed.iter().copied());
        let end = bytes.len() - 8;
        let length = (length + claimed.len() - true_one.len()) as u32;
        bytes[end..end + 4].copy_from_slice(&length.to_le_bytes());
        bytes
    }

    /// The decoder asks for memory for all values that the footer claims for a list: none are decoded.
    #[test]
    fn lists_that_claim_too_much_do_no_harm() {
        let lists = Column::new("l".into(), [Series::new("".into(), vec![7i64; 3000])]);
        let parts = [Column::new("a".into(), [1i32]), lists.clone()];
        let structure: Column = StructChunked::from_columns("s".into(), 1, &parts).unwrap().into_series().into();
        for column in [lists, structure] {
            let bytes = claiming(DataFrame::new(1, vec![column, Column::new("n".into(), [5i64])]).unwrap());
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("t.parquet");
            std::fs::write(&path, &bytes).unwrap();
            let claimed = RowGroups::open(&path).unwrap();
            assert!(claimed.values_claimed().any(|n| n == 1 << 45));
            let (shown, _) = head(&path, 5, 5).unwrap();
            assert_eq!(shown.shape(), (1, 2));
            let (frame, _, notes) = of(&bytes).unwrap();
            assert_eq!(frame.column("n").unwrap().i64().unwrap().get(0), Some(5));
            assert_eq!(notes.iter().filter(|n| n.contains("l: left out; its cells are lists")).count(), 1, "{notes:?}");
        }
    }

    #[test]
    fn a_look_says_where_lists_are() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.parquet");
        let lists = Column::new("l".into(), [Series::new("".into(), [1i64, 2])]);
        let binary = Column::new("b".into(), [b"x".as_slice()]);
        std::fs::write(&path, written(DataFrame::new(1, vec![lists, binary]).unwrap())).unwrap();
        let (shown, rows) = head(&path, 5, 5).unwrap();
        assert_eq!(
            (shown.get_column_names(), rows),
            (vec!["l", "b"].into_iter().map(Into::into).collect::<Vec<PlSmallStr>>().iter().collect(), 1)
        );
        for column in shown.columns() {
            assert!(column.str().unwrap().get(0).unwrap().contains("not shown"));
        }
    }

    #[test]
    fn a_table_that_does_not_fit_is_refused() {
        // More than the address space of a process, on any machine.
        let error = reserve(u32::MAX as usize, 1 << 30).unwrap_err();
        assert!(error.message.contains("does not fit into memory"));
        reserve(1000, 10).unwrap();
    }

    /// Another file in the place of the one that is read does not mix with it.
    #[cfg(unix)]
    #[test]
    fn the_open_file_stays() {
        let dir = tempfile::tempdir().unwrap();
        let (path, other) = (dir.path().join("t.parquet"), dir.path().join("other"));
        let of = |value: i64| written(DataFrame::new(3, vec![Column::new("a".into(), [value; 3])]).unwrap());
        std::fs::write(&path, of(1)).unwrap();
        std::fs::write(&other, of(2)).unwrap();
        let file = RowGroups::open(&path).unwrap();
        std::fs::rename(&other, &path).unwrap();
        let column = file.column(0, (0, 3), &Control::default()).unwrap();
        assert_eq!(column.i64().unwrap().get(0), Some(1));
    }

    /// Pieces of one row group share its bytes, and of a structure only the field that is asked for is read.
    #[test]
    fn bytes_are_read_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.parquet");
        let values: Vec<Option<i64>> = (0..100).map(|i| (i % 7 > 0).then_some(i)).collect();
        let other: Vec<i64> = (0..100).collect();
        let lists = Column::new("l".into(), vec![Series::new("".into(), [1i64, 2]); 100]);
        let inner = [Column::new("c".into(), &values), Column::new("d".into(), &other)];
        let inner = StructChunked::from_columns("b".into(), 100, &inner).unwrap();
        let parts = [Column::new("a".into(), &other), lists, inner.into_series().into()];
        let outer = StructChunked::from_columns("s".into(), 100, &parts).unwrap();
        std::fs::write(&path, written(DataFrame::new(100, vec![outer.into_series().into()]).unwrap())).unwrap();
        let file = RowGroups::open(&path).unwrap();
        let mut seen = Vec::new();
        file.each(0, Some("s.b.c"), &[(0, 40), (40, 40), (80, 20)], &Control::default(), &mut |at, piece| {
            let columns = flat(piece, &mut Vec::new())?;
            assert_eq!((seen.len(), columns.len(), columns[0].name().as_str()), (at, 1, "s.b.c"));
            seen.push(columns[0].i64()?.iter().collect::<Vec<_>>());
            Ok(true)
        })
        .unwrap();
        assert_eq!(seen.concat(), values);
        assert_eq!(file.reads(), 1);
        assert!(file.pieces(0, Some("s.l"), &[(0, 1)], &Control::default()).is_err());
    }

    #[test]
    fn moments_outside_of_the_calendar_are_missing() {
        let days = Column::new("d".into(), [Some(0i32), Some(i32::MAX), Some(i32::MIN), None]);
        let micros = Column::new("t".into(), [i64::MIN, 0, i64::MAX, 1]);
        let frame = DataFrame::new(
            4,
            vec![
                days.cast(&DataType::Date).unwrap(),
                micros.cast(&DataType::Datetime(TimeUnit::Microseconds, None)).unwrap(),
                micros.cast(&DataType::Datetime(TimeUnit::Milliseconds, None)).unwrap().with_name("ms".into()),
            ],
        );
        let (frame, _, notes) = back(frame.unwrap()).unwrap();
        assert_eq!(frame.column("d").unwrap().null_count(), 3);
        assert_eq!(frame.column("t").unwrap().null_count(), 2);
        assert!(notes.iter().any(|n| n.starts_with("t: moments outside")), "{notes:?}");
        for column in frame.columns() {
            crate::data::column::texts(column).unwrap();
        }
    }

    #[test]
    fn no_rows_and_damage_are_errors() {
        let empty = DataFrame::new(0, vec![Column::new("a".into(), Vec::<i64>::new())]).unwrap();
        assert!(back(empty).unwrap_err().message.contains("no row"));
        let good = written(DataFrame::new(3, vec![Column::new("a".into(), [1i64, 2, 3])]).unwrap());
        for cut in [4, 8, good.len() / 2, good.len() - 1] {
            assert!(of(&good[..cut]).is_err());
        }
        // Any single damaged byte gives an error or a frame, never a panic.
        for at in 4..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0xff;
            let _ = of(&bad);
        }
    }
}
