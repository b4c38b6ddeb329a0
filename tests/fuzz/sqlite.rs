//! SQLite files: damaged, and made by hostile statements.

use rand::Rng;
use rusqlite::Connection;

use super::cases::{BAD_INPUT, Place, odd_cell, table, words};
use super::driver::{Random, Target, fuzz};

const SCHEMES: [&str; 12] = [
    "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT, c REAL, d DATE, e BOOLEAN, f BLOB)",
    "CREATE TABLE t (a, b, c, d, e, f)",
    "CREATE TABLE t (a INT, b TEXT, c TIMESTAMP, d DATETIME, e VARCHAR(10), f DECIMAL) ",
    "CREATE TABLE t (a TEXT PRIMARY KEY, b, c, d, e, f) WITHOUT ROWID",
    "CREATE TABLE t (a, b, c, d, e, f AS (a || b) STORED)",
    "CREATE TABLE t (a, b, c, d, e, f AS (hex(a)) VIRTUAL)",
    "CREATE TABLE \"\u{1b}[31m\" (a, b, \"\u{1b}]0;x\u{7}\", d, e, f)",
    "CREATE TABLE t (a, b, c, d, e, f); CREATE TABLE u (a)",
    "CREATE VIEW v AS SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, NULL",
    "CREATE VIEW v AS SELECT 1 AS a, 1 AS a",
    "CREATE VIEW v AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 500) SELECT x, hex(x) FROM n",
    "CREATE VIEW v AS SELECT load_extension('x'), readfile('/etc/passwd') AS b",
];

fn made(random: &mut Random) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("made.db");
    let connection = Connection::open(&path).unwrap();
    let page = [512, 1024, 4096][random.random_range(0..3)];
    let utf16 = if random.random_ratio(1, 6) { "PRAGMA encoding = 'UTF-16le';" } else { "" };
    let scheme = SCHEMES[random.random_range(0..SCHEMES.len())];
    connection
        .execute_batch(&format!(
            "PRAGMA page_size = {page}; PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY; {utf16} {scheme}"
        ))
        .unwrap();
    if scheme.starts_with("CREATE TABLE t") {
        for _ in 0..random.random_range(0..30) {
            let mut cell = |_| match random.random_range(0..5u32) {
                0 => rusqlite::types::Value::Null,
                1 => rusqlite::types::Value::Integer(random.random::<i64>() >> random.random_range(0..64u32)),
                2 => rusqlite::types::Value::Real(f64::from_bits(random.random())),
                3 if random.random_ratio(1, 8) => rusqlite::types::Value::Blob(vec![0xff; random.random_range(0..9)]),
                _ => rusqlite::types::Value::Text(odd_cell(random)),
            };
            let cells: Vec<_> = (0..5).map(&mut cell).collect();
            // A row may break the table's own rules.
            let _ = connection
                .execute("INSERT INTO t (a, b, c, d, e) VALUES (?, ?, ?, ?, ?)", rusqlite::params_from_iter(cells));
        }
    }
    drop(connection);
    std::fs::read(&path).unwrap()
}

#[test]
fn sqlite() {
    use rand::SeedableRng;
    let mut random = Random::seed_from_u64(3);
    let place = Place::new("t.db");
    let target = Target {
        name: "sqlite",
        seeds: (0..40).map(|_| made(&mut random)).collect(),
        tokens: words(&[
            "CREATE TABLE t (",
            "CREATE VIEW v AS SELECT ",
            "WITH RECURSIVE ",
            " UNION ALL ",
            "sqlite_master",
            "zeroblob(1000000000)",
            "printf('%999999999d', 1)",
            "randomblob(999999999)",
            "replace(hex(zeroblob(9999)), '0', hex(zeroblob(9999)))",
            "group_concat(a)",
            " FROM t, t, t, t",
            "SQLite format 3\0",
            "table",
            "view",
            "DATE",
            "BOOL",
            "((((((((((",
            "\0\0\0\u{1}",
        ]),
        codes: BAD_INPUT,
        largest: 128 << 10,
        remake: Some(Box::new(|random, base| if random.random_ratio(1, 5) { made(random) } else { base.to_vec() })),
    };
    fuzz(target, move |bytes| table(&place, bytes));
}
