//! Several files streamed against the same files loaded.

use polars::prelude::{DataFrame, ParquetWriter};

use super::tests::{all, assert_equal, none};
use super::*;
use crate::data::{SchemaChanges, samples};

struct Folder {
    dir: tempfile::TempDir,
    options: LoadOptions,
}

impl Folder {
    fn new(files: &[(&str, &[u8])]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        Self { dir, options: LoadOptions::default() }
    }

    fn fill(mut self) -> Self {
        self.options.schema_changes = SchemaChanges::Fill;
        self
    }

    fn local(&self) -> Local {
        source::localize(self.dir.path().to_str().unwrap(), &Control::default()).unwrap()
    }

    fn profile(&self, limits: &Limits) -> Result<Profile> {
        let source = self.dir.path().to_str().unwrap();
        profile_source_with(source, &self.options, &ProfileOptions::default(), limits, &Control::default())
    }

    /// Streamed and loaded, the files say the same; and they do stream.
    fn alike(&self, what: &str) -> Profile {
        let options = ProfileOptions::default();
        let streamed = several(&mut self.local(), &self.options, &options, &all(), &Control::default());
        assert!(streamed.is_ok_and(|found| found.is_some()), "{what} is not streamed");
        let (streamed, exact) = (self.profile(&all()).unwrap(), self.profile(&none()).unwrap());
        assert_equal(what, streamed.clone(), exact);
        streamed
    }
}

fn parquet(mut frame: DataFrame) -> Vec<u8> {
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).with_row_group_size(Some(300)).finish(&mut frame).unwrap();
    bytes
}

fn taxi() -> (String, Vec<String>) {
    let sample = samples().iter().find(|s| s.name == "taxi").unwrap();
    let text = std::str::from_utf8(sample.bytes()).unwrap();
    let mut lines = text.lines().map(str::to_owned);
    (lines.next().unwrap(), lines.collect())
}

#[test]
fn parts_of_a_table_are_the_table() {
    let (header, lines) = taxi();
    let part = |from: usize, to: usize| format!("{header}\n{}\n", lines[from..to].join("\n"));
    let parts = [part(0, 5000), part(5000, 5001), part(5001, 12_000)];
    let names = ["month=01/a.csv", "month=01/b.csv", "month=02/a.csv"];
    let files: Vec<(&str, &[u8])> = names.into_iter().zip(parts.iter().map(String::as_bytes)).collect();
    let profile = Folder::new(&files).alike("texts");
    assert_eq!((profile.rows, profile.columns.last().unwrap().name.as_str()), (12_000, "month"));
    let dir = tempfile::tempdir().unwrap();
    let tables: Vec<Vec<u8>> = parts
        .iter()
        .map(|part| {
            let path = dir.path().join("t.csv");
            std::fs::write(&path, part).unwrap();
            let data = load::load(path.to_str().unwrap(), &LoadOptions::default(), &Control::default()).unwrap();
            parquet(data.frame)
        })
        .collect();
    let names = ["day=2020-01-01/a.parquet", "day=2020-01-02/a.parquet", "day=__HIVE_DEFAULT_PARTITION__/a.parquet"];
    let files: Vec<(&str, &[u8])> = names.into_iter().zip(tables.iter().map(Vec::as_slice)).collect();
    let profile = Folder::new(&files).alike("Parquet");
    assert_eq!(profile.columns.last().unwrap().missing, 6999);
}

#[test]
fn columns_in_other_orders_and_types_that_agree_are_one() {
    let rows = |line: fn(usize) -> String| (0..700).map(line).collect::<String>();
    let one = format!("n,day,t,e,x\n{}", rows(|i| format!("{i},2020-01-{:02},a{},,1\n", i % 28 + 1, i % 5)));
    let two = format!("t,n,e,day,x\n{}", rows(|i| format!("a{},{}.5,7,2020-02-01 10:{:02}:00,1\n", i % 3, i, i % 60)));
    // Dates that agree, whole numbers, and every line ends with a delimiter.
    let three = format!("n,day,t,e,x,\n{}", rows(|i| format!("{i},2020-03-{:02},a{},,1,\n", i % 28 + 1, i % 5)));
    let folder = Folder::new(&[("1.csv", one.as_bytes()), ("2.csv", two.as_bytes()), ("3.csv", three.as_bytes())]);
    let profile = folder.alike("orders");
    assert_eq!(profile.columns[1].physical, Physical::Datetime);
    assert_eq!(profile.columns[3].missing, 1400);
    assert!(profile.notes.iter().any(|n| n.contains("another order from 2.csv")), "{:?}", profile.notes);
    // The same rows again in one more file: each is a repeated row, also across the two forms of dates.
    let again =
        format!("n,day,t,e,x\n{}", rows(|i| format!("{i}.0,2020-01-{:02} 00:00:00,a{},,1\n", i % 28 + 1, i % 5)));
    let folder = Folder::new(&[("1.csv", one.as_bytes()), ("2.csv", again.as_bytes())]);
    assert!(folder.alike("again").findings.iter().any(|f| f.check == "duplicate-rows" && f.message.contains("700")));
}

#[test]
fn schema_changes_are_told_as_when_loading() {
    let one: &[u8] = b"a,b\n1,x\n2,y\n";
    let cases: [(&[u8], bool); 6] = [
        (b"a\n1\n2\n", true),
        (b"a,b,c\n1,x,z\n2,y,z\n", true),
        (b"a,B\n1,x\n", false),
        (b"a,b\nx,x\ny,y\n", false),
        (b"a,b\n1,x\n2\n", false),
        (b"a,b\n", false),
    ];
    for (two, filled) in cases {
        let folder = Folder::new(&[("1.csv", one), ("2.csv", two)]);
        assert_eq!(folder.profile(&all()).unwrap_err(), folder.profile(&none()).unwrap_err());
        if filled {
            folder.fill().alike("filled");
        }
    }
    let long: String = (0..20_000).map(|i| format!("{i},x\n")).collect();
    // What makes a column text stands where nobody looked beforehand; in the other file it is text anyway.
    let late = format!("a,b\n{long}about 7,x\n{long}");
    let folder = Folder::new(&[("1.csv", late.as_bytes()), ("2.csv", b"a,b\nz,y\n")]);
    assert_eq!(folder.alike("late").columns[0].physical, Physical::String);
    let folder = Folder::new(&[("1.csv", late.as_bytes()), ("2.csv", b"a,b\n3,y\n")]);
    assert_eq!(folder.profile(&all()).unwrap_err(), folder.profile(&none()).unwrap_err());
}

#[test]
fn one_of_the_files_may_be_of_another_encoding() {
    let western =
        encoding_rs::WINDOWS_1252.encode("a,b\n1,Z\u{fc}rich\n2,Gen\u{e8}ve\n3,Neuch\u{e2}tel\n").0.into_owned();
    let long: String = (0..30_000).map(|i| format!("{i},x\n")).collect();
    let late = [format!("a,b\n{long}").as_bytes(), western.strip_prefix(b"a,b\n").unwrap()].concat();
    let folder = Folder::new(&[("1.csv", b"a,b\n1,x\n"), ("2.csv", &late)]);
    let (mut streamed, exact) = (folder.profile(&all()).unwrap(), folder.profile(&none()).unwrap());
    assert!(streamed.notes.iter().any(|n| n.contains("2.csv") && n.contains("Windows-1252")), "{:?}", streamed.notes);
    streamed.notes.clone_from(&exact.notes);
    assert_equal("encoding", streamed, exact);
}
