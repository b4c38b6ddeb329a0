//! Several files as one table: patterns, folders and Hive partitions.

use std::path::{Path, PathBuf};

use super::plain::shown;
use crate::data::Physical;
use crate::data::csv::dates::{self, DAY, Order, Style};
use crate::data::display::brief;
use crate::engine::Control;
use crate::error::{Error, Result};

/// More files than this are refused.
const MOST: usize = 10_000;

/// A search gives up after this many entries of folders.
const FARTHEST: usize = 200_000;

/// The name that Hive and Spark give to the partition without a value.
const NO_VALUE: &str = "__HIVE_DEFAULT_PARTITION__";

/// Endings of files that are taken from a folder, and the kind they belong to.
const ENDINGS: [(&str, &str); 13] = [
    ("csv", "CSV"),
    ("tsv", "CSV"),
    ("tab", "CSV"),
    ("psv", "CSV"),
    ("parquet", "Parquet"),
    ("pq", "Parquet"),
    ("arrow", "Arrow"),
    ("arrows", "Arrow"),
    ("feather", "Arrow"),
    ("ipc", "Arrow"),
    ("json", "JSON"),
    ("ndjson", "JSON"),
    ("jsonl", "JSON"),
];

/// One of several files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its path below what all have in common, with `/` between the parts.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
}

/// The kind that a file's name tells, looking through the endings of compressed files.
fn kind_of(name: &str) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    let plain = [".gz", ".zst", ".bz2"].iter().find_map(|packed| lower.strip_suffix(packed)).unwrap_or(&lower);
    let ending = plain.rsplit_once('.')?.1;
    ENDINGS.iter().find(|(e, _)| *e == ending).map(|(_, kind)| *kind)
}

/// Whether a part of a path is hidden, as `_SUCCESS`, `_delta_log` and `.crc` files are by the custom of Hive and Spark.
fn is_hidden(part: &str) -> bool {
    part.starts_with('.') || (part.starts_with('_') && !part.contains('='))
}

/// The tables in a folder and in those below it.
///
/// # Errors
/// When there is none, there are several kinds or too many, or the folder cannot be read.
pub fn in_folder(folder: &Path, notes: &mut Vec<String>, control: &Control) -> Result<Vec<Member>> {
    let mut open = vec![folder.to_path_buf()];
    let (mut found, mut others, mut looked) = (Vec::new(), Vec::new(), 0);
    while let Some(dir) = open.pop() {
        control.check()?;
        let entries = std::fs::read_dir(&dir).map_err(|e| super::plain::read_error(&dir, &e))?;
        for entry in entries.flatten() {
            looked += 1;
            if looked > FARTHEST || found.len() > MOST {
                return Err(too_many(&shown(folder)));
            }
            let name = entry.file_name().to_string_lossy().into_owned();
            if is_hidden(&name) {
                continue;
            }
            // Links to folders are not followed: they may lead in circles.
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => open.push(entry.path()),
                Ok(_) if entry.path().is_file() => match kind_of(&name) {
                    Some(kind) => found.push((kind, member(folder, entry.path()))),
                    None => others.push(name),
                },
                _ => {}
            }
        }
    }
    let Some((first, _)) = found.first() else {
        return Err(Error::input(format!("{} is a directory without a table in it", shown(folder)))
            .hint("Name a file, or a pattern such as data/*.csv; tables in a folder are known by their endings"));
    };
    if let Some((second, other)) = found.iter().find(|(kind, _)| kind != first) {
        let count = |kind: &str| found.iter().filter(|(k, _)| *k == kind).count();
        return Err(Error::input(format!(
            "{} is a directory with tables of several kinds: {} {first} and {} {second} ({})",
            shown(folder),
            count(first),
            count(second),
            brief(&other.name, 80)
        ))
        .hint("Name those of one kind by a pattern, for example FOLDER/**/*.parquet"));
    }
    if !others.is_empty() {
        others.sort();
        let some: Vec<String> = others.iter().take(3).map(|n| brief(n, 40)).collect();
        let more = if others.len() > 3 { " and others" } else { "" };
        notes.push(format!("files that are no tables by their endings were left out: {}{more}", some.join(", ")));
    }
    let mut members: Vec<Member> = found.into_iter().map(|(_, member)| member).collect();
    members.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(members)
}

fn member(root: &Path, path: PathBuf) -> Member {
    let below = path.strip_prefix(root).unwrap_or(&path);
    let parts: Vec<String> = below.components().map(|c| c.as_os_str().to_string_lossy().into_owned()).collect();
    Member { name: parts.join("/"), path }
}

fn too_many(what: &str) -> Error {
    Error::input(format!("{what} holds more than {MOST} files, or more entries than are searched"))
        .hint("Name a smaller part, for example one year")
}

/// The files that fit a pattern with `*`, `?`, `[…]` and `**`.
///
/// # Errors
/// When the pattern is none, nothing fits, or too much does.
pub fn by_pattern(pattern: &str, control: &Control) -> Result<Vec<Member>> {
    let options = options();
    let paths = glob::glob_with(pattern, options).map_err(|e| {
        Error::usage(format!("{} is not a pattern: {}", brief(pattern, 120), e.msg))
            .hint("`*` stands for any part of a name, `?` for one character, `**` for any folders")
    })?;
    let root = PathBuf::from(fixed_part(pattern));
    let mut members = Vec::new();
    for (looked, path) in paths.enumerate() {
        if looked % 256 == 0 {
            control.check()?;
        }
        let Ok(path) = path else { continue };
        let below: Vec<String> = path
            .strip_prefix(&root)
            .unwrap_or(&path)
            .components()
            .map(|c| c.as_os_str().to_string_lossy().into_owned())
            .collect();
        if path.is_file() && !below.iter().any(|part| is_hidden(part)) {
            members.push(member(&root, path));
        }
        if members.len() > MOST || looked > FARTHEST {
            return Err(too_many(&brief(pattern, 120)));
        }
    }
    if members.is_empty() {
        return Err(Error::input(format!("no file fits {}", brief(pattern, 120)))
            .hint("Check the path; `*` does not reach into folders, `**` does"));
    }
    members.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(members)
}

/// How patterns are matched, on disk and over keys.
pub fn options() -> glob::MatchOptions {
    glob::MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true }
}

/// The folders of a pattern that hold no pattern themselves, with the last `/`.
pub fn fixed_part(pattern: &str) -> &str {
    let wild = pattern.find(['*', '?', '[']).unwrap_or(pattern.len());
    let end = pattern.get(..wild).and_then(|p| p.rfind('/')).map_or(0, |at| at + 1);
    pattern.get(..end).unwrap_or_default()
}

/// A column that stands in the paths: `year=2020/…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// The column's name.
    pub name: String,
    /// How it is stored.
    pub physical: Physical,
    /// Its value per file; `None` is missing.
    pub values: Vec<Option<String>>,
}

/// The partitions that the paths of files tell. The paths as the user named them count, too: `data/year=2020/x.parquet`.
///
/// # Errors
/// When only some of the files lie in a partition, or in different ones.
pub fn partitions(paths: &[String]) -> Result<Vec<Partition>> {
    let keys = |path: &str| -> Vec<(String, Option<String>)> {
        let folders = path.rsplit_once('/').map_or("", |(folders, _)| folders);
        folders
            .split('/')
            .filter_map(|part| part.split_once('='))
            .filter(|(name, _)| !name.is_empty())
            .map(|(name, value)| {
                let decode = |t: &str| percent_encoding::percent_decode_str(t).decode_utf8_lossy().into_owned();
                (decode(name), (value != NO_VALUE && !value.is_empty()).then(|| decode(value)))
            })
            .collect()
    };
    let Some(first) = paths.first() else { return Ok(Vec::new()) };
    let wanted: Vec<String> = keys(first).into_iter().map(|(name, _)| name).collect();
    let mut found: Vec<Vec<Option<String>>> = vec![Vec::with_capacity(paths.len()); wanted.len()];
    for path in paths {
        let own = keys(path);
        if own.iter().map(|(name, _)| name).ne(wanted.iter()) {
            let list = |names: Vec<&String>| {
                if names.is_empty() {
                    "none".to_owned()
                } else {
                    brief(&names.iter().map(|n| n.as_str()).collect::<Vec<_>>().join(", "), 80)
                }
            };
            return Err(Error::input(format!(
                "{}: its folders name the partitions {}, those of {} name {}",
                brief(path, 120),
                list(own.iter().map(|(n, _)| n).collect()),
                brief(first, 120),
                list(wanted.iter().collect())
            ))
            .hint("All files must lie equally deep in folders such as year=2020/month=01"));
        }
        found.iter_mut().zip(own).for_each(|(values, (_, value))| values.push(value));
    }
    Ok(wanted
        .into_iter()
        .zip(found)
        .map(|(name, values)| {
            let physical = physical(&name, &values);
            Partition { name, physical, values }
        })
        .collect())
}

/// Parts of a date are numbers though they are written with leading zeros.
const DATE_PARTS: [&str; 9] = ["year", "quarter", "month", "week", "day", "hour", "minute", "yyyy", "mm"];

fn physical(name: &str, values: &[Option<String>]) -> Physical {
    let mut values = values.iter().flatten().peekable();
    if values.peek().is_none() {
        return Physical::String;
    }
    let values: Vec<&String> = values.collect();
    let date_part = DATE_PARTS.contains(&name.to_ascii_lowercase().as_str());
    let whole = |text: &&String| {
        let digits = text.strip_prefix('-').unwrap_or(text);
        text.parse::<i64>().is_ok()
            && !text.starts_with('+')
            && (date_part || digits == "0" || !digits.starts_with('0'))
    };
    if values.iter().all(whole) {
        return Physical::Integer;
    }
    let date = |text: &&String| {
        dates::parse(Order::YmdDash, text.as_bytes()).is_some_and(|moment| !moment.style.has(Style::TIME))
    };
    if values.iter().all(date) { Physical::Date } else { Physical::String }
}

/// The day (since 1970-01-01) of a partition's value.
pub fn day(value: &str) -> Option<i32> {
    dates::parse(Order::YmdDash, value.as_bytes()).and_then(|m| i32::try_from(m.micros.div_euclid(DAY)).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(root: &Path, name: &str) {
        let path = root.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "a\n1\n").unwrap();
    }

    fn names(members: Vec<Member>) -> Vec<String> {
        members.into_iter().map(|m| m.name).collect()
    }

    #[test]
    fn folders_and_patterns_find_their_files() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.csv", "a.csv.gz", "sub/c.csv", "README.md", "_SUCCESS", ".hidden.csv", "_tmp/x.csv"] {
            touch(dir.path(), name);
        }
        let control = Control::default();
        let mut notes = Vec::new();
        let all = in_folder(dir.path(), &mut notes, &control).unwrap();
        assert_eq!(names(all), ["a.csv.gz", "b.csv", "sub/c.csv"]);
        assert!(notes[0].contains("README.md") && notes.len() == 1, "{notes:?}");
        let root = dir.path().display();
        assert_eq!(names(by_pattern(&format!("{root}/*.csv"), &control).unwrap()), ["b.csv"]);
        assert_eq!(names(by_pattern(&format!("{root}/**/*.csv"), &control).unwrap()), ["b.csv", "sub/c.csv"]);
        assert!(by_pattern(&format!("{root}/*.parquet"), &control).unwrap_err().message.contains("no file fits"));
        assert_eq!(by_pattern(&format!("{root}/[.csv"), &control).unwrap_err().exit_code(), 2);
        touch(dir.path(), "sub/d.parquet");
        let error = in_folder(dir.path(), &mut notes, &control).unwrap_err();
        assert!(
            error.message.contains("3 CSV and 1 Parquet") || error.message.contains("1 Parquet and 3 CSV"),
            "{error}"
        );
    }

    #[test]
    fn partitions_are_columns() {
        let of = |paths: &[&str]| partitions(&paths.iter().map(|p| (*p).to_owned()).collect::<Vec<_>>());
        let found = of(&[
            "year=2020/month=01/code=007/when=2020-01-01/who=a%20b/x.csv",
            "year=2021/month=12/code=12/when=2020-01-02/who=__HIVE_DEFAULT_PARTITION__/x.csv",
        ])
        .unwrap();
        let told: Vec<_> = found.iter().map(|p| (p.name.as_str(), p.physical)).collect();
        use Physical::{Date, Integer, String};
        assert_eq!(told, [("year", Integer), ("month", Integer), ("code", String), ("when", Date), ("who", String)]);
        assert_eq!(found[4].values, [Some("a b".to_owned()), None]);
        assert!(of(&["x.csv", "y=1/x.csv"]).unwrap_err().message.contains("y=1/x.csv"));
        assert!(of(&["x=1.csv"]).unwrap().is_empty());
    }
}
