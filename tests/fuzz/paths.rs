//! Folders, patterns and Hive partitions: names of files that hold anything a file system lets them.

use std::collections::BTreeSet;
use std::path::Path;

use pilothouse::data::source::{has_secret, without_secrets};
use pilothouse::data::{LoadOptions, SchemaChanges, load};
use pilothouse::engine::Control;
use rand::Rng;

use super::cases::{BAD_INPUT, answered, lot, shape, words};
use super::driver::{Outcome, Random, Target, fuzz};

const PARTS: [&str; 22] = [
    "year=2020",
    "year=2021",
    "month=01",
    "day=2020-01-31",
    "k=",
    "=v",
    "k=a%20b",
    "k=%1b%5b31m",
    "k=%ff%fe",
    "k=__HIVE_DEFAULT_PARTITION__",
    "k=99999999999999999999",
    "k=-0",
    "_SUCCESS",
    ".hidden",
    "_tmp",
    "x.csv",
    "y.csv",
    "z.csv.gz",
    "t.parquet",
    "t.json",
    "README",
    "a=1",
];

const PATTERNS: [&str; 16] =
    ["*", "**", "?", "[", "]", "[!", "[a-", "**/*.csv", "*/*", "*.csv", "***", "a**", "[]", "{a,b}", "/", "\\"];

/// The first line is a pattern, each other a file.
fn made(random: &mut Random) -> Vec<u8> {
    let part = |random: &mut Random| PARTS[random.random_range(0..PARTS.len())];
    let mut lines = vec![
        (0..random.random_range(1..4))
            .map(|_| PATTERNS[random.random_range(0..PATTERNS.len())])
            .collect::<Vec<_>>()
            .join(["", "/"][random.random_range(0..2)]),
    ];
    let depth = random.random_range(0..4);
    for _ in 0..random.random_range(1..6) {
        let mut path: Vec<&str> = (0..depth).map(|_| part(random)).collect();
        path.push(["x.csv", "y.csv", "z.csv"][random.random_range(0..3)]);
        lines.push(path.join("/"));
    }
    lines.join("\n").into_bytes()
}

/// Whether a name stays below the folder it is put into.
fn stays(name: &str) -> bool {
    !name.starts_with('/')
        && !name.contains('\0')
        && name.len() < 400
        && name.split('/').all(|p| p != ".." && p.len() < 120)
}

fn case(bytes: &[u8]) -> Outcome {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.split('\n');
    let pattern = lines.next().unwrap_or_default().to_owned();
    let safe = without_secrets(&pattern);
    assert_eq!(without_secrets(&safe), safe, "a name without secrets has none");
    assert!(!has_secret(&safe));
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for name in lines.filter(|name| stays(name)).take(8).collect::<BTreeSet<_>>() {
        let path = root.join(name);
        let Some(parent) = path.parent() else { continue };
        // A name may be taken by a folder, or a folder's by a file.
        let rows = ["a,b\n1,2\n", "a,c\n1.5,x\n2,y\n", "b,a\nx,1\n"][(lot(name.as_bytes()) % 3) as usize];
        let _ = std::fs::create_dir_all(parent).and_then(|()| std::fs::write(&path, rows));
    }
    let mut options = LoadOptions::default();
    if lot(bytes).is_multiple_of(2) {
        options.schema_changes = SchemaChanges::Fill;
    }
    let read = |source: &Path| {
        let name = source.to_string_lossy().into_owned();
        let mut outcome =
            answered(load(&name, &options, &Control::default()), |data| (shape(&data), data.notes.clone()));
        outcome.shape = outcome.shape.replace(root.to_str().unwrap(), "");
        outcome
    };
    let mut outcome = read(root);
    if stays(&pattern) {
        let by_pattern = read(&root.join(pattern));
        outcome.code = outcome.code.max(by_pattern.code);
        outcome.shape.push_str(&by_pattern.shape);
        outcome.texts.extend(by_pattern.texts);
    }
    outcome
}

#[test]
fn paths() {
    let target = Target {
        name: "paths",
        seeds: vec![
            b"*.csv\nx.csv\ny.csv".to_vec(),
            b"**/*.csv\nyear=2020/month=01/x.csv\nyear=2021/month=02/y.csv".to_vec(),
            b"postgres://ana:s3cret@h:1/d?table=t\na/x.csv".to_vec(),
            b"https://h/a.csv?X-Amz-Signature=ab&v=1\nk=a%20b/x.csv\nk=__HIVE_DEFAULT_PARTITION__/x.csv".to_vec(),
        ],
        tokens: words(&[&PARTS[..], &PATTERNS[..], &["\n", "://", "@", ":", "?password=", "&sig="]].concat()),
        codes: BAD_INPUT,
        largest: 4 << 10,
        remake: Some(Box::new(|random, _| made(random))),
    };
    fuzz(target, case);
}
