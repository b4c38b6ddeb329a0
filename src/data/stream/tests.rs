//! The streaming way against the exact way, against reference values of others, and against files that are broken.

use std::path::PathBuf;

use polars::prelude::{Column, DataType, ParquetCompression, ParquetWriter};

use super::*;
use crate::data::finding::Finding;
use crate::data::{Cell, ColumnProfile, samples};

/// Everything streams, in small blocks, and nothing is sketched or left out.
pub(super) fn all() -> Limits {
    Limits {
        from_bytes: 0,
        from_cells: 0,
        most_distinct: usize::MAX,
        most_counted: usize::MAX,
        sample_rows: usize::MAX >> 1,
        block: 10_000,
    }
}

/// Nothing streams.
pub(super) fn none() -> Limits {
    Limits { from_bytes: u64::MAX, from_cells: u64::MAX, ..Limits::default() }
}

struct Written {
    _dir: tempfile::TempDir,
    path: PathBuf,
}

impl Written {
    fn new(name: &str, bytes: &[u8]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        Self { path, _dir: dir }
    }

    fn profile(&self, target: Option<&str>, limits: &Limits) -> Result<Profile> {
        let options = ProfileOptions { target: target.map(str::to_owned), ..ProfileOptions::default() };
        let source = self.path.to_str().unwrap();
        profile_source_with(source, &LoadOptions::default(), &options, limits, &Control::default())
    }
}

impl Written {
    fn load(&self, limits: &Limits) -> Result<Dataset> {
        let source = self.path.to_str().unwrap();
        let control = Control::default();
        load::load_local(source::localize(source, &control)?, source, &LoadOptions::default(), limits, &control)
    }
}

/// Two tables have the same cells, bit by bit, and the same is said about them.
fn assert_same(what: &str, a: &Dataset, b: &Dataset) {
    assert_eq!((&a.columns, &a.notes, &a.fingerprint), (&b.columns, &b.notes, &b.fingerprint), "{what}");
    assert_eq!(a.frame.schema(), b.frame.schema(), "{what}");
    assert!(a.frame.equals_missing(&b.frame), "{what}: {} {}", a.frame, b.frame);
    for (x, y) in a.frame.columns().iter().zip(b.frame.columns()).filter(|(x, _)| x.dtype() == &DataType::Float64) {
        let bits = |c: &Column| c.f64().unwrap().iter().map(|v| v.map(f64::to_bits)).collect::<Vec<_>>();
        assert_eq!(bits(x), bits(y), "{what} {}", x.name());
    }
}

const NASTY: &[u8] = include_bytes!("../../../tests/profile_reference/nasty.csv");

fn tables() -> Vec<(&'static str, Written, Option<&'static str>)> {
    let targets = [("churn", "churned"), ("credit", "Status"), ("houses", "Sale_Price"), ("taxi", "fare_amount")];
    let mut all: Vec<_> = targets
        .into_iter()
        .map(|(name, target)| {
            let sample = samples().iter().find(|s| s.name == name).unwrap();
            (name, Written::new("t.csv", sample.bytes()), Some(target))
        })
        .collect();
    all.push(("nasty", Written::new("t.csv", NASTY), None));
    all
}

fn close(a: f64, b: f64, tolerance: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= tolerance * a.abs().max(b.abs())
}

/// Two profiles are equal but for the last digits of moments.
pub(super) fn assert_equal(what: &str, mut a: Profile, mut b: Profile) {
    for (x, y) in a.columns.iter_mut().zip(&mut b.columns) {
        for (name, p, q) in [
            ("mean", &mut x.mean, &mut y.mean),
            ("std", &mut x.std, &mut y.std),
            ("skewness", &mut x.skewness, &mut y.skewness),
        ] {
            match (*p, *q) {
                (Some(u), Some(v)) => {
                    assert!(close(u, v, 1e-9) || (u - v).abs() < 1e-12, "{what} {} {name}: {u} {v}", x.name)
                }
                (u, v) => assert_eq!(u, v, "{what} {} {name}", x.name),
            }
            (*p, *q) = (None, None);
        }
        assert_eq!(x, y, "{what}");
    }
    let bare = |f: &Finding| (f.check.clone(), f.column.clone(), f.severity, f.message.clone(), f.rows.clone());
    assert_eq!(
        a.findings.iter().map(bare).collect::<Vec<_>>(),
        b.findings.iter().map(bare).collect::<Vec<_>>(),
        "{what}"
    );
    assert_eq!(a.feasibility, b.feasibility, "{what}");
    assert_eq!((a.rows, &a.notes, &a.time, &a.fingerprint), (b.rows, &b.notes, &b.time, &b.fingerprint), "{what}");
}

#[test]
fn the_stream_gives_what_the_exact_way_gives() {
    for (name, file, target) in tables() {
        assert_equal(name, file.profile(target, &all()).unwrap(), file.profile(target, &none()).unwrap());
    }
}

#[test]
fn large_texts_load_block_by_block_as_they_load_at_once() {
    for (name, file, _) in tables() {
        assert_same(name, &file.load(&all()).unwrap(), &file.load(&none()).unwrap());
    }
    let many = |last: &str| {
        let rows: String = (0..3_000)
            .map(|i| format!("{i},{},2020-01-{:02},{},caf\u{e9} number {i},true\n", i as f64 / 8.0, i % 28 + 1, i % 7))
            .collect();
        format!("n,x,day,code,text,flag\n{rows}{last}\n{rows}")
    };
    let odd = [
        "1.5,,NA,?,\"a \"\"b\"\"\nc\",",
        "9007199254740993,inf,2020-02-30,007,,no",
        "-0,-0,2020-01-01 10:00:00,1e3,x,FALSE",
        "9223372036854775807,1e999,-,-,-,-",
        ",,,,,",
        "x,y,z,u,v,w",
        "1,1e-320,2020-01-01T00:00:00Z,0,\u{1f600},true",
    ];
    for last in odd {
        let text = many(last);
        let (utf8, western) = (text.as_bytes(), encoding_rs::WINDOWS_1252.encode(&text).0);
        for bytes in [utf8, &western, text.replace('\n', "\r\n").as_bytes()] {
            let file = Written::new("odd.csv", bytes);
            match (file.load(&Limits { block: 1 << 16, ..all() }), file.load(&none())) {
                (Ok(streamed), Ok(exact)) => assert_same(last, &streamed, &exact),
                (streamed, exact) => assert_eq!(streamed.err(), exact.err(), "{last}"),
            }
        }
    }
}

#[test]
fn a_header_longer_than_a_block_is_read_whole() {
    let names: Vec<String> = (0..2_000).map(|i| format!("{i} {}", "of a long name ".repeat(60))).collect();
    let row = vec!["1"; names.len()].join(",");
    let file = Written::new("wide.csv", format!("{}\n{row}\n", names.join(",")).as_bytes());
    let scan = CsvScan::open(file.path.to_str().unwrap(), 3 << 20, &LoadOptions::default(), all()).unwrap();
    assert_eq!(scan.names.len(), names.len());
}

#[test]
fn parquet_streams_as_it_loads() {
    for (name, file, target) in tables() {
        let mut data = load(file.path.to_str().unwrap(), &LoadOptions::default(), &Control::default()).unwrap();
        let mut bytes = Vec::new();
        ParquetWriter::new(&mut bytes)
            .with_row_group_size(Some(500))
            .with_compression(ParquetCompression::Snappy)
            .finish(&mut data.frame)
            .unwrap();
        let parquet = Written::new("t.parquet", &bytes);
        assert_equal(name, parquet.profile(target, &all()).unwrap(), parquet.profile(target, &none()).unwrap());
        let cut = Written::new("cut.parquet", &bytes[..bytes.len() / 2]);
        assert_eq!(cut.profile(target, &all()).unwrap_err().exit_code(), 3);
    }
}

#[test]
fn a_table_in_memory_is_seen_as_its_file_is() {
    for (name, file, target) in tables() {
        let data = load(file.path.to_str().unwrap(), &LoadOptions::default(), &Control::default()).unwrap();
        let options = ProfileOptions { target: target.map(str::to_owned), ..ProfileOptions::default() };
        let held = super::profile_held(&data, &options, &all(), &Control::default()).unwrap();
        assert_equal(name, held, file.profile(target, &none()).unwrap());
    }
}

/// Lists are left out and structures spread, in the stream as when loading, with the same notes.
#[test]
fn nested_columns_do_not_keep_a_file_from_streaming() {
    use polars::prelude::{DataFrame, IntoSeries, ListChunked, NamedFrom, Series, StructChunked};
    let n = 3000usize;
    let lists: ListChunked = (0..n).map(|i| Series::new("".into(), [i as i64, 1])).collect();
    let fields = [
        Column::new("a".into(), (0..n).map(|i| i as i64 % 40).collect::<Vec<_>>()),
        Column::new("b".into(), (0..n).map(|i| format!("text {}", i % 9)).collect::<Vec<_>>()),
    ];
    let inner = StructChunked::from_columns("s".into(), n, &fields).unwrap();
    let list = lists.into_series().with_name("l".into());
    let own = Column::new("n".into(), (0..n).map(|i| i as f64 / 4.0).collect::<Vec<_>>());
    let columns = vec![list.into(), inner.into_series().into(), own];
    let mut frame = DataFrame::new(n, columns).unwrap();
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).with_row_group_size(Some(700)).finish(&mut frame).unwrap();
    let file = Written::new("nested.parquet", &bytes);
    let mut scan = ParquetScan::open(file.path.to_str().unwrap(), all(), &Control::default()).unwrap();
    assert_eq!(scan.names, ["s.a", "s.b", "n"]);
    assert_eq!(scan.aggregate(&Control::default()).unwrap().0.rows, n as u64);
    let (streamed, exact) = (file.profile(None, &all()).unwrap(), file.profile(None, &none()).unwrap());
    assert_eq!(streamed.notes.len(), 2, "{:?}", streamed.notes);
    assert_equal("nested", streamed, exact);
}

fn number(cell: &Option<Cell>) -> f64 {
    match cell {
        Some(Cell::Number(v)) => *v,
        _ => f64::NAN,
    }
}

/// `tests/profile_reference/make.py` says how the reference was made: DuckDB 2.0 for the samples, NumPy 2.4 and pandas 2.3
/// with rational numbers for the nasty table.
#[test]
fn the_figures_are_those_of_duckdb_numpy_and_pandas() {
    let reference = include_str!("../../../tests/profile_reference/reference.csv");
    let profiles: Vec<(&str, Profile)> =
        tables().into_iter().map(|(name, file, _)| (name, file.profile(None, &all()).unwrap())).collect();
    let mut compared = 0;
    for line in reference.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let profile = &profiles.iter().find(|(name, _)| *name == cells[0]).unwrap().1;
        let c = profile.columns.iter().find(|c| c.name == cells[1]).unwrap();
        let want = |i: usize| cells[i].parse::<f64>().unwrap();
        let counts = [profile.rows, c.missing, c.distinct].map(|n| n as f64);
        assert_eq!(counts, [want(2), want(3), want(4)], "{line}");
        // The square of the far column's deviation leaves the number range; then it is not said.
        let std = c.std.unwrap_or(f64::NAN);
        assert!(close(c.mean.unwrap_or(f64::NAN), want(5), 1e-12), "mean {:?}: {line}", c.mean);
        assert!(close(std, want(6), 1e-9) || !std.is_finite() || want(3) == want(2), "std {std}: {line}");
        assert_eq!(
            [number(&c.min), number(&c.max)].map(f64::to_bits),
            [want(7) + 0.0, want(8) + 0.0].map(f64::to_bits),
            "{line}"
        );
        for (i, (share, _)) in crate::data::QUANTILES.iter().enumerate() {
            let got = number(&c.quantiles.get(*share).cloned());
            assert!(close(got, want(9 + i), 1e-12), "{share}: {got}: {line}");
        }
        compared += 1;
    }
    assert!(compared > 70, "{compared}");
}

/// How far a quantile is from its place in the exact order, as a share of the rows.
fn off(sorted: &[f64], share: f64, value: f64) -> f64 {
    let n = sorted.len() as f64;
    let (low, high) =
        (sorted.partition_point(|v| *v < value) as f64 / n, sorted.partition_point(|v| *v <= value) as f64 / n);
    (low - share).max(share - high).max(0.0)
}

fn check_sketch(c: &ColumnProfile, exact: &ColumnProfile, sorted: &[f64]) {
    assert!(!c.precision.distinct.exact && exact.precision.distinct.exact, "{}", c.name);
    assert_eq!(
        (c.missing, &c.min, &c.max, c.zeros, c.negative),
        (exact.missing, &exact.min, &exact.max, exact.zeros, exact.negative)
    );
    let error = (c.distinct as f64 / exact.distinct as f64 - 1.0).abs();
    assert!(error < 5.0 * c.precision.distinct.error.unwrap(), "{} distinct {} {}", c.name, c.distinct, exact.distinct);
    let bound = c.precision.quantiles.error.unwrap() + 1.0 / sorted.len() as f64;
    for (name, share) in crate::data::QUANTILES {
        let value = number(&c.quantiles.get(name).cloned());
        let off = off(sorted, share, value);
        assert!(off <= bound, "{} {name}: {value} is {off} off, bound {bound}", c.name);
    }
    for top in &c.top {
        let Cell::Number(value) = &top.value else { continue };
        let n = sorted.partition_point(|v| v <= value) - sorted.partition_point(|v| v < value);
        assert_eq!(top.count, n as u64, "{} {value}", c.name);
    }
    // What stands in more rows than the stated share is in the list.
    let listed = exact.top.iter().filter(|t| t.share >= c.precision.top.error.unwrap());
    for (want, got) in listed.zip(&c.top) {
        assert_eq!((&want.value, want.count), (&got.value, got.count), "{}", c.name);
    }
}

#[test]
fn sketches_stay_within_their_bounds() {
    for (name, file, _) in tables() {
        let limits = Limits { most_distinct: 40, sample_rows: 500, ..all() };
        let (sketched, exact) = (file.profile(None, &limits).unwrap(), file.profile(None, &none()).unwrap());
        let data = load(file.path.to_str().unwrap(), &LoadOptions::default(), &Control::default()).unwrap();
        assert_eq!(sketched.examined.sampled_rows, 500);
        let mut checked = 0;
        for (c, exact) in sketched.columns.iter().zip(&exact.columns) {
            assert_eq!((&c.name, c.kind), (&exact.name, exact.kind), "{name}");
            if exact.distinct <= 40 {
                assert_eq!(
                    (c.distinct, &c.top, &c.quantiles),
                    (exact.distinct, &exact.top, &exact.quantiles),
                    "{name}"
                );
            } else if c.precision.quantiles.error.is_some() && matches!(exact.min, Some(Cell::Number(_))) {
                let values = crate::data::column::numbers(data.frame.column(&c.name).unwrap()).unwrap();
                let mut sorted: Vec<f64> = values.into_iter().filter(|v| !v.is_nan()).collect();
                sorted.sort_by(f64::total_cmp);
                check_sketch(c, exact, &sorted);
                checked += 1;
            }
        }
        assert!(checked > 0, "{name}");
    }
}

/// Orders that break sketches: sorted both ways, heavy-tailed, far from zero, in clusters, with a wild start.
#[test]
fn adversarial_orders_stay_within_the_bounds() {
    let noise = |i: usize| (crate::engine::hash::word(i as u64) >> 11) as f64 / (1u64 << 53) as f64;
    let n = 60_000;
    type Order = Box<dyn Fn(usize) -> f64>;
    let orders: [(&str, Order); 7] = [
        ("ascending", Box::new(|i| i as f64 * 0.5)),
        ("descending", Box::new(move |i| (n - i) as f64)),
        ("heavy", Box::new(move |i| (noise(i) * 60.0 - 30.0).exp())),
        ("offset", Box::new(move |i| 1e12 + noise(i))),
        ("clusters", Box::new(move |i| (i / 20_000) as f64 * 1e9 + noise(i))),
        ("wild", Box::new(move |i| if i < 100 { 1e300 * noise(i) } else { noise(i) })),
        ("spikes", Box::new(move |i| if i % 3 == 0 { 7.0 } else { (noise(i) - 0.5) * 1e6 })),
    ];
    let mut csv = orders.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(",");
    let mut values: Vec<Vec<f64>> = vec![Vec::new(); orders.len()];
    for i in 0..n {
        csv.push('\n');
        for (c, (_, value)) in orders.iter().enumerate() {
            let v = value(i);
            values[c].push(v);
            csv.push_str(&format!("{}{v:e}", if c > 0 { "," } else { "" }));
        }
    }
    let file = Written::new("orders.csv", csv.as_bytes());
    let limits = Limits { most_distinct: 1000, sample_rows: 2000, block: 1 << 17, ..all() };
    let (sketched, exact) = (file.profile(None, &limits).unwrap(), file.profile(None, &none()).unwrap());
    for ((c, exact), values) in sketched.columns.iter().zip(&exact.columns).zip(&mut values) {
        values.sort_by(f64::total_cmp);
        check_sketch(c, exact, values);
        // The bound itself is worth something: a hundredth of the rows at the very most.
        assert!(c.precision.quantiles.error.unwrap() < 0.01, "{} {:?}", c.name, c.precision);
    }
}

/// Five negative fares among very many rows are found, counted and named by row.
#[test]
fn a_rare_event_is_found_to_the_row() {
    let mut csv = "fare_amount,day\n".to_owned();
    let rows = [7usize, 20_001, 33_333, 59_990, 60_000];
    for i in 1..=60_000usize {
        let fare = crate::engine::hash::word(i as u64) as f64 / u64::MAX as f64 * 50.0;
        let sign = if rows.contains(&i) { "-" } else { "" };
        csv.push_str(&format!("{sign}{:.6},{}\n", fare + 0.5, i % 7));
    }
    let file = Written::new("rare.csv", csv.as_bytes());
    let limits = Limits { most_distinct: 1000, sample_rows: 1000, ..all() };
    let profile = file.profile(None, &limits).unwrap();
    assert_eq!(profile.columns[0].negative, Some(5));
    let finding = profile.findings.iter().find(|f| f.check == "negative-amounts").unwrap();
    assert!(finding.message.contains("5 rows"), "{finding:?}");
    assert_eq!(finding.rows, rows.map(|r| r as u64));
    assert!(
        profile.notes.iter().any(|n| n.contains("60,000 rows were read") && n.contains("1,000")),
        "{:?}",
        profile.notes
    );
}

/// Slips in very many dates and numbers are found, counted and named by row, wherever they stand.
#[test]
fn slips_are_found_to_the_row() {
    let rows = [40_000usize, 77_777];
    let mut csv = "at,n\n".to_owned();
    for i in 1..=80_000usize {
        let at = format!("2020-{:02}-{:02} {:02}:{:02}:{:02}", i % 12 + 1, i % 28 + 1, i % 24, i % 60, i / 60 % 60);
        let slip = rows.contains(&i);
        let (at, n) = if slip { ("2020-13-01", "about 5".to_owned()) } else { (at.as_str(), format!("{i}.5")) };
        csv.push_str(&format!("{at},{n}\n"));
    }
    let file = Written::new("slips.csv", csv.as_bytes());
    let limits = Limits { most_distinct: 1000, sample_rows: 1000, ..all() };
    let profile = file.profile(None, &limits).unwrap();
    for (column, what) in [("at", "dates 79998, words 2"), ("n", "numbers 79998, words 2")] {
        let of = |f: &&Finding| f.check == "mixed-types" && f.column.as_deref() == Some(column);
        let finding = profile.findings.iter().find(of).unwrap();
        assert!(finding.evidence.starts_with(what), "{finding:?}");
        assert_eq!(finding.rows, rows.map(|r| r as u64), "{column}");
    }
}

#[test]
fn duplicates_are_counted_over_all_rows() {
    let csv: String = std::iter::once("a,b\n".to_owned())
        .chain((0..30_000).map(|i| format!("{},{}\n", i % 29_997, i % 29_997 % 5)))
        .collect();
    let profile = Written::new("d.csv", csv.as_bytes()).profile(None, &Limits { sample_rows: 100, ..all() }).unwrap();
    let finding = profile.findings.iter().find(|f| f.check == "duplicate-rows").unwrap();
    assert!(finding.message.starts_with("3 rows"), "{finding:?}");
    assert_eq!(finding.rows, [29_998, 29_999, 30_000]);
}

/// Between the pieces that are looked at beforehand stands a word among numbers, and a time of day among dates.
#[test]
fn what_the_look_beforehand_missed_is_read_again() {
    let line = |i: usize| format!("{:08},{i:06},2020-01-{:02}\n", i % 90_000_000 + 10_000_000, i % 28 + 1);
    let mut csv = "n,m,day\n".to_owned();
    (0..300_000).for_each(|i| csv.push_str(&line(i)));
    let at = csv.len() / 2 + 60_000;
    let at = at + csv[at..].find('\n').unwrap() + 1;
    let end = at + csv[at..].find('\n').unwrap();
    csv.replace_range(at..end, "about,000001,2020-01-01 10:00:00");
    let file = Written::new("late.csv", csv.as_bytes());
    let (streamed, exact) =
        (file.profile(None, &Limits { block: 1 << 20, ..all() }).unwrap(), file.profile(None, &none()).unwrap());
    assert_eq!(streamed.columns[0].physical, Physical::String);
    assert_eq!(streamed.columns[2].physical, Physical::Datetime);
    assert_equal("late", streamed, exact);
}

#[test]
fn broken_files_are_refused_in_the_same_words() {
    let long: String = (0..3000).map(|i| format!("{i},x\n")).collect();
    let cases: [Vec<u8>; 7] = [
        b"a,b\n1,2\n3\n".to_vec(),
        format!("a,b\n{long}3,4,5\n1,2\n").into_bytes(),
        format!("a,b\n{long}\n\n7\n").into_bytes(),
        [format!("name,b\n{long}").as_bytes(), b"Z\xfcrich,2\n"].concat(),
        format!("a,b\n{long}1,\"2\n3,4\n").into_bytes(),
        b"a,b\n\"x\ny\",1\n2\n".to_vec(),
        b"a,b\n".to_vec(),
    ];
    for case in cases {
        let file = Written::new("bad.csv", &case);
        assert_eq!(file.load(&all()).unwrap_err(), file.load(&none()).unwrap_err());
        let (streamed, exact) = (file.profile(None, &all()).unwrap_err(), file.profile(None, &none()).unwrap_err());
        assert_eq!(streamed, exact);
    }
}

#[test]
fn the_same_file_gives_the_same_bytes_on_any_number_of_threads() {
    let sample = samples().iter().find(|s| s.name == "taxi").unwrap();
    let file = Written::new("t.csv", sample.bytes());
    let limits = Limits { most_distinct: 500, sample_rows: 3000, ..all() };
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| serde_json::to_string(&file.profile(Some("fare_amount"), &limits).unwrap()).unwrap())
    };
    let one = on(1);
    assert_eq!(one, on(3));
    let profile: Profile = serde_json::from_str(&one).unwrap();
    assert!(profile.findings.iter().any(|f| f.evidence.contains("in a sample of 3,000 of 18,000 rows")));
}

#[test]
fn cancelled_work_stops_and_unknown_columns_are_refused_at_once() {
    let sample = samples().iter().find(|s| s.name == "taxi").unwrap();
    let file = Written::new("t.csv", sample.bytes());
    let control = Control::default();
    control.cancel();
    let source = file.path.to_str().unwrap();
    let cancelled =
        profile_source_with(source, &LoadOptions::default(), &ProfileOptions::default(), &all(), &control).unwrap_err();
    assert_eq!(cancelled.kind, ErrorKind::Cancelled);
    let unknown = file.profile(Some("nope"), &all()).unwrap_err();
    assert!(unknown.message.contains("`nope`") && unknown.hint.unwrap().contains("vendor_id"));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(150))]
    /// Whatever stands in a file, both ways say the same about it.
    #[test]
    fn any_text_is_read_alike(body in "[ab190.,;\"\r\n: /\\-TNAé]{0,160}", block in 1usize..40) {
        let file = Written::new("any.csv", format!("x,y\n{body}").as_bytes());
        match (file.profile(None, &Limits { block, ..all() }), file.profile(None, &none())) {
            (Ok(streamed), Ok(exact)) => assert_equal("any", streamed, exact),
            // The exact way looks for open quotes first, the stream finds what comes first.
            (Err(_), Err(exact)) if exact.message.contains("quote opens") => {}
            (Err(streamed), Err(exact)) => proptest::prop_assert_eq!(streamed, exact),
            (streamed, exact) => proptest::prop_assert!(false, "{:?} {:?}", streamed.map(|p| p.rows), exact.map(|p| p.rows)),
        }
    }
    /// Whatever stands in a file, both ways of loading give the same table.
    #[test]
    fn any_text_loads_alike(body in "[ab190.,;\"\r\n: /\\-TNAé]{0,160}", block in 1usize..40) {
        let file = Written::new("any.csv", format!("x,y\n{body}").as_bytes());
        match (file.load(&Limits { block, ..all() }), file.load(&none())) {
            (Ok(streamed), Ok(exact)) => assert_same("any", &streamed, &exact),
            (Err(_), Err(exact)) if exact.message.contains("quote opens") => {}
            (Err(streamed), Err(exact)) => proptest::prop_assert_eq!(streamed, exact),
            (streamed, exact) => proptest::prop_assert!(false, "{:?} {:?}", streamed.map(|p| p.rows()), exact.map(|p| p.rows())),
        }
    }
}
