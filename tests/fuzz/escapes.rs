//! What stands in data does not steer the terminal: the shipped program over a table that tries to, in every format.

use std::process::Command;

use polars::prelude::{Column, DataFrame, IpcStreamWriter, IpcWriter, ParquetWriter, SerWriter};

use super::cases::HOSTILE;
use super::driver::steers;

/// The hostile words as names of columns, as values, and among missing spellings.
fn table() -> DataFrame {
    let rows = HOSTILE.len() * 4;
    let columns: Vec<Column> = HOSTILE
        .iter()
        .enumerate()
        .map(|(i, word)| {
            let values: Vec<String> =
                (0..rows).map(|row| format!("{}{}", HOSTILE[(row + i) % HOSTILE.len()], row % 3)).collect();
            Column::new(format!("{word}{i}").into(), values)
        })
        .collect();
    DataFrame::new(rows, columns).unwrap()
}

/// The table as delimited text.
fn text(frame: &DataFrame) -> String {
    let quoted = |cell: &str| format!("\"{}\"", cell.replace('"', "\"\""));
    let line = |cells: Vec<String>| cells.join(",") + "\n";
    let mut out = line(frame.get_column_names().iter().map(|name| quoted(name)).collect());
    for row in 0..frame.height() {
        out += &line(frame.columns().iter().map(|c| quoted(c.str().unwrap().get(row).unwrap_or_default())).collect());
    }
    out
}

#[test]
fn no_output_steers_the_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let mut frame = table();
    let (mut parquet, mut arrow, mut stream) = (Vec::new(), Vec::new(), Vec::new());
    ParquetWriter::new(&mut parquet).finish(&mut frame).unwrap();
    IpcWriter::new(&mut arrow).finish(&mut frame).unwrap();
    IpcStreamWriter::new(&mut stream).finish(&mut frame).unwrap();
    let csv = text(&frame);
    let rows = |row: usize| -> serde_json::Map<String, serde_json::Value> {
        frame.columns().iter().map(|c| (c.name().to_string(), c.str().unwrap().get(row).into())).collect()
    };
    let json: Vec<String> = (0..frame.height()).map(|row| serde_json::to_string(&rows(row)).unwrap()).collect();
    let json = json.join("\n");
    let ragged = format!("{csv}\"\u{1b}]0;x\u{7}\",\u{9b}2J\n");
    let files: [(&str, &[u8]); 8] = [
        ("t.csv", csv.as_bytes()),
        ("t.parquet", &parquet),
        ("t.arrow", &arrow),
        ("t.arrows", &stream),
        ("t.json", json.as_bytes()),
        ("ragged.csv", ragged.as_bytes()),
        ("twice.csv", b"\x1b[31m,\x1b[31m\n1,2\n"),
        ("\u{1b}[31m.csv", b"a,b\n1,2\n3\n"),
    ];
    let flow = "[load]\nsource = \"t.csv\"\n[prepare]\ntarget = \"\\u001b[2J\"\n";
    std::fs::write(dir.path().join("flow.toml"), flow).unwrap();
    let mut runs = vec![vec!["run", "flow.toml"], vec!["profile", "postgres://\u{1b}[31m:x@h/d?table=\u{9b}"]];
    for (name, bytes) in &files {
        std::fs::write(dir.path().join(name), bytes).unwrap();
        runs.extend([
            vec!["profile", name],
            vec!["profile", name, "--json"],
            vec!["profile", name, "--target", "\u{1b}[31m0"],
            vec!["profile", name, "--target", "\u{1b}]0;\u{9b}"],
            vec!["rules", "draft", name],
            vec!["clean", name, "--suggest"],
            vec!["report", name, "-o", "-", "--format", "markdown"],
            vec!["report", name, "-o", "-", "--format", "html"],
            vec!["drift", "t.csv", name],
        ]);
    }
    for arguments in runs {
        let output =
            Command::new(env!("CARGO_BIN_EXE_pilothouse")).args(&arguments).current_dir(dir.path()).output().unwrap();
        for said in [output.stdout, output.stderr] {
            let said = String::from_utf8(said).unwrap();
            assert!(!said.contains("panicked"), "{arguments:?}: {said}");
            let steering: Vec<&str> =
                said.lines().filter(|line| line.replace('\t', " ").chars().any(steers)).take(3).collect();
            assert!(steering.is_empty(), "{arguments:?}: {steering:?}");
        }
    }
}
