//! Parquet and Arrow IPC, as file and as stream.

use polars::prelude::*;
use rand::Rng;

use super::cases::{BAD_INPUT, HOSTILE, Place, odd_cell, table, words};
use super::driver::{Random, Target, fuzz};

/// A column of some type, often with missing values.
fn column(random: &mut Random, name: &str, rows: usize) -> Column {
    fn few<T: Clone>(random: &mut Random, rows: usize, make: &mut dyn FnMut(&mut Random) -> T) -> Vec<Option<T>> {
        let values: Vec<T> = (0..random.random_range(1..12)).map(|_| make(random)).collect();
        let missing = [0, 0, 2, 10, 100][random.random_range(0..5)];
        (0..rows)
            .map(|_| {
                (random.random_range(0..100) >= missing).then(|| values[random.random_range(0..values.len())].clone())
            })
            .collect()
    }
    let name = PlSmallStr::from(name);
    let integers = |random: &mut Random| {
        Column::new(name.clone(), few(random, rows, &mut |r| r.random::<i64>() >> r.random_range(0..64u32)))
    };
    match random.random_range(0..16u32) {
        0 | 1 => integers(random),
        2 => Column::new(name, few(random, rows, &mut |r| f64::from_bits(r.random()))),
        3 => Column::new(name, few(random, rows, &mut |r| f64::from(r.random_range(-1000..1000i32)) / 8.0)),
        4 | 5 => Column::new(name, few(random, rows, &mut odd_cell)),
        6 => Column::new(name, few(random, rows, &mut |r| r.random::<bool>())),
        7 => {
            integers(random).cast(&DataType::Int32).unwrap_or_else(|_| Column::new_empty("x".into(), &DataType::Int32))
        }
        8 => Column::new(name, few(random, rows, &mut |r| r.random::<u64>())),
        9 => Column::new(name, few(random, rows, &mut |r| r.random::<f32>())),
        10 => Column::new(name, few(random, rows, &mut |r| r.random_range(-30_000..30_000i32)))
            .cast(&DataType::Date)
            .unwrap(),
        11 => {
            let units = [TimeUnit::Nanoseconds, TimeUnit::Microseconds, TimeUnit::Milliseconds];
            integers(random).cast(&DataType::Datetime(units[random.random_range(0..3)], None)).unwrap()
        }
        12 => integers(random).cast(&DataType::Duration(TimeUnit::Microseconds)).unwrap(),
        13 => Column::new(name, few(random, rows, &mut |r| odd_cell(r).into_bytes())),
        14 => {
            let inner = few(random, rows, &mut |r| Series::new("".into(), [r.random::<i32>(), 1]));
            Column::new(
                name,
                inner.into_iter().map(|v| v.unwrap_or_else(|| Series::new("".into(), [0i32]))).collect::<Vec<_>>(),
            )
        }
        _ => {
            let parts = [column(random, "x", rows), column(random, "y", rows)];
            StructChunked::from_columns(name, rows, &parts).unwrap().into_series().into()
        }
    }
}

fn frame(random: &mut Random) -> DataFrame {
    let rows = [0, 1, 2, 17, 64, 300][random.random_range(0..6)];
    let mut columns: Vec<Column> = Vec::new();
    for at in 0..random.random_range(1..5) {
        let name = match random.random_range(0..6u32) {
            0 => format!("{}{at}", HOSTILE[random.random_range(0..HOSTILE.len())]),
            _ => format!("{}{at}", ["a", "when", "id"][random.random_range(0..3)]),
        };
        let made = column(random, &name, rows);
        if made.len() == rows && made.name().as_str() == name {
            columns.push(made);
        }
    }
    // Often lists too, with any number of values a row, which the footer of a Parquet file counts for itself.
    if random.random_ratio(1, 3) {
        let lists: Vec<Series> =
            (0..rows).map(|_| Series::new("".into(), (0..random.random_range(0..4)).collect::<Vec<i64>>())).collect();
        let at = random.random_range(0..=columns.len());
        columns.insert(at, Column::new("lists".into(), lists));
    }
    DataFrame::new(rows, columns).unwrap()
}

fn parquet_of(random: &mut Random) -> Vec<u8> {
    use ParquetCompression as P;
    let mut bytes = Vec::new();
    let packing =
        [P::Uncompressed, P::Uncompressed, P::Snappy, P::Gzip(None), P::Brotli(None), P::Zstd(None), P::Lz4Raw];
    // A packing that is not compiled in is no file.
    let written = ParquetWriter::new(&mut bytes)
        .with_compression(packing[random.random_range(0..packing.len())])
        .with_row_group_size([None, Some(16), Some(100)][random.random_range(0..3)])
        .with_data_page_size([None, Some(64)][random.random_range(0..2)])
        .finish(&mut frame(random));
    if written.is_ok() { bytes } else { b"PAR1".to_vec() }
}

fn arrow_of(random: &mut Random, stream: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let packing = [None, None, Some(IpcCompression::LZ4), Some(IpcCompression::ZSTD(Default::default()))];
    let packing = packing[random.random_range(0..packing.len())];
    let mut frame = frame(random);
    let written = if stream {
        IpcStreamWriter::new(&mut bytes).with_compression(packing).finish(&mut frame)
    } else {
        let size = [None, Some(16)][random.random_range(0..2)];
        IpcWriter::new(&mut bytes).with_compression(packing).with_record_batch_size(size).finish(&mut frame)
    };
    if written.is_ok() { bytes } else { b"ARROW1".to_vec() }
}

/// Inputs of a writer, and a way to more of them.
fn binary(name: &'static str, tokens: &[&str], make: fn(&mut Random) -> Vec<u8>) -> Target {
    use rand::SeedableRng;
    let mut random = Random::seed_from_u64(7);
    Target {
        name,
        seeds: (0..40).map(|_| make(&mut random)).filter(|bytes| bytes.len() < 64 << 10).collect(),
        tokens: words(tokens),
        codes: BAD_INPUT,
        largest: 64 << 10,
        // Most inputs are damaged ones; a fresh file now and then.
        remake: Some(Box::new(
            move |random, base| if random.random_ratio(1, 5) { make(random) } else { base.to_vec() },
        )),
    }
}

#[test]
fn parquet() {
    let place = Place::new("t.parquet");
    let target = binary(
        "parquet",
        &["PAR1", "PARE", "schema", "ARROW:schema", "\u{15}\u{0}", "\u{4c}", "\u{19}\u{1c}"],
        parquet_of,
    );
    fuzz(target, move |bytes| table(&place, bytes));
}

#[test]
fn arrow_file() {
    let place = Place::new("t.arrow");
    let target = binary("arrow_file", &["ARROW1", "ARROW1\0\0", "\0\0\0\0"], |random| arrow_of(random, false));
    fuzz(target, move |bytes| table(&place, bytes));
}

#[test]
fn arrow_stream() {
    let place = Place::new("t.arrows");
    let target = binary("arrow_stream", &["\0\0\0\0", "\u{8}\0\0\0"], |random| arrow_of(random, true));
    fuzz(target, move |bytes| table(&place, bytes));
}
