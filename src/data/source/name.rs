//! What the words that name a source mean, and how they are shown without the secrets in them.

use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;
use reqwest::Url;

use super::plain;
use crate::data::display::brief;
use crate::error::{Error, Result};

/// What to take out of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// The one table that there is.
    Only,
    /// A table or view.
    Table(String),
    /// The answer to a statement.
    Query(String),
}

/// What a source's name names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// Bytes inside the binary.
    Embedded(&'static [u8]),
    /// Standard input.
    Stdin,
    /// One file.
    File(PathBuf),
    /// All files of a folder.
    Folder(PathBuf),
    /// All files whose path fits a pattern.
    Pattern(String),
    /// A file behind `http://` or `https://`.
    Http(Url),
    /// A key, or a pattern of keys, in S3-compatible storage.
    S3 {
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
    },
    /// An SQLite file.
    Sqlite(PathBuf, Wanted),
    /// A PostgreSQL server: the address without table and query.
    Postgres(String, Wanted),
}

/// What kinds of sources there are, for hints.
const KINDS: &str = "A source is a path, a pattern such as data/*.csv, a folder, `-`, `sample:NAME`, http(s)://, s3://, \
                     sqlite:PATH or postgres://";

impl Name {
    /// Reads the name of a source.
    ///
    /// # Errors
    /// When it is empty, names an unknown sample or scheme, or an address is wrong.
    pub fn read(source: &str) -> Result<Self> {
        if source.is_empty() {
            return Err(Error::usage("no source was named").hint("Name a CSV or Parquet file, `-` or `sample:churn`"));
        }
        if source == "-" {
            return Ok(Self::Stdin);
        }
        let path = Path::new(source);
        if path.is_dir() {
            return Ok(Self::Folder(path.to_path_buf()));
        }
        if path.exists() {
            return Ok(Self::File(path.to_path_buf()));
        }
        if let Some(bytes) = plain::embedded(source)? {
            return Ok(Self::Embedded(bytes));
        }
        if let Some(rest) = source.strip_prefix("sqlite:") {
            let (path, wanted) = split_wanted(rest.strip_prefix("//").unwrap_or(rest))?;
            let path = path.strip_suffix('?').unwrap_or(&path);
            return Ok(Self::Sqlite(PathBuf::from(path), wanted));
        }
        if let Some((scheme, rest)) = source.split_once("://")
            && !scheme.is_empty()
            && scheme.chars().all(|c| c.is_ascii_alphanumeric())
        {
            return Self::address(source, &scheme.to_ascii_lowercase(), rest);
        }
        if source.contains(['*', '?', '[']) {
            return Ok(Self::Pattern(source.to_owned()));
        }
        Ok(Self::File(path.to_path_buf()))
    }

    fn address(source: &str, scheme: &str, rest: &str) -> Result<Self> {
        match scheme {
            "http" | "https" => {
                let url = Url::parse(source).ok().filter(|u| u.host_str().is_some_and(|h| !h.is_empty()));
                url.map(Self::Http).ok_or_else(|| {
                    Error::usage(format!("{} is not an address", shown(source))).hint("Write it as https://HOST/PATH")
                })
            }
            "s3" => match rest.split_once('/') {
                Some((bucket, key)) if !bucket.is_empty() && !key.is_empty() => {
                    Ok(Self::S3 { bucket: bucket.to_owned(), key: key.to_owned() })
                }
                _ => Err(Error::usage(format!("{} names no object", shown(source)))
                    .hint("Write it as s3://BUCKET/KEY; the key may hold patterns such as *.parquet")),
            },
            "postgres" | "postgresql" => {
                let (address, wanted) = split_wanted(source)?;
                Ok(Self::Postgres(address, wanted))
            }
            "file" => Err(Error::input("file addresses cannot be read").hint("Name the path alone")),
            other => Err(Error::input(format!("{} addresses cannot be read", brief(other, 40))).hint(KINDS)),
        }
    }
}

/// Cuts `?table=` or `?query=`, and what follows, from an address. A query reaches to the end; it may be written as it
/// is, or percent-encoded throughout.
fn split_wanted(address: &str) -> Result<(String, Wanted)> {
    let find = |word: &str| {
        ['?', '&'].iter().filter_map(|mark| Some((address.find(&format!("{mark}{word}="))?, word.len() + 2))).min()
    };
    let decode = |text: &str| {
        if text.contains(char::is_whitespace) || !text.contains('%') {
            text.to_owned()
        } else {
            percent_decode_str(text).decode_utf8_lossy().into_owned()
        }
    };
    let (table, query) = (find("table"), find("query"));
    let (at, skip, is_query) = match (table, query) {
        (None, None) => return Ok((address.to_owned(), Wanted::Only)),
        (Some((at, skip)), None) => (at, skip, false),
        (None, Some((at, skip))) => (at, skip, true),
        (Some((t, skip_t)), Some((q, skip_q))) => {
            if t < q {
                (t, skip_t, false)
            } else {
                (q, skip_q, true)
            }
        }
    };
    let (before, value) = (address.get(..at).unwrap_or_default(), address.get(at + skip..).unwrap_or_default());
    if is_query {
        let query = decode(value);
        let query = query.trim().trim_end_matches(';').trim_end();
        if query.is_empty() {
            return Err(Error::usage("the query is empty").hint("Write ?query=SELECT … after the address"));
        }
        return Ok((before.to_owned(), Wanted::Query(query.to_owned())));
    }
    let (value, after) = value.split_once('&').unwrap_or((value, ""));
    let table = decode(value);
    if table.is_empty() {
        return Err(Error::usage("the table has no name").hint("Write ?table=NAME after the address"));
    }
    // Other settings keep their mark.
    let mark = if before.contains('?') { '&' } else { '?' };
    let rest = if after.is_empty() { String::new() } else { format!("{mark}{after}") };
    Ok((format!("{before}{rest}"), Wanted::Table(table)))
}

/// Words in the names of settings whose values are secrets.
const SECRET: [&str; 10] = ["pass", "pwd", "sig", "token", "secret", "key", "credential", "auth", "session", "code"];

/// The name of a source for people and records: without passwords, signatures and tokens, and harmless for a terminal.
#[must_use]
pub fn shown(source: &str) -> String {
    brief(&without_secrets(source), 200)
}

/// Whether a source's name holds a password, a signature or a token.
#[must_use]
pub fn has_secret(source: &str) -> bool {
    without_secrets(source) != source
}

/// The name of a source without passwords, signatures and tokens.
#[must_use]
pub fn without_secrets(source: &str) -> String {
    let Some((scheme, rest)) = source.split_once("://") else { return source.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (mut authority, mut tail) = rest.split_at(end);
    // A password with a slash in it is written wrongly, and must not be shown all the same.
    let path_end = tail.find('?').unwrap_or(tail.len());
    if !authority.contains('@')
        && let Some(at) = tail.get(..path_end).and_then(|path| path.rfind('@'))
        && authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_err())
    {
        (authority, tail) = rest.split_at(end + at + 1);
    }
    let authority = match authority.rsplit_once('@') {
        Some((user, host)) => match user.split_once(':') {
            Some((user, _)) => format!("{user}:***@{host}"),
            None => format!("{user}@{host}"),
        },
        None => authority.to_owned(),
    };
    let lower = scheme.to_ascii_lowercase();
    let tail = match tail.split_once('?') {
        Some((path, query)) if lower.starts_with("http") || lower.starts_with("postgres") => {
            let parts: Vec<String> = query.split('&').map(without_secret).collect();
            format!("{path}?{}", parts.join("&"))
        }
        _ => tail.to_owned(),
    };
    format!("{scheme}://{authority}{tail}")
}

fn without_secret(part: &str) -> String {
    match part.split_once('=') {
        Some((name, value)) if !value.is_empty() && !matches!(name, "query" | "table") => {
            let lower = name.to_ascii_lowercase();
            if SECRET.iter().any(|word| lower.contains(word)) { format!("{name}=***") } else { part.to_owned() }
        }
        _ => part.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart() {
        let read = |source: &str| Name::read(source).unwrap();
        assert_eq!(read("-"), Name::Stdin);
        assert_eq!(read("no/such.csv"), Name::File("no/such.csv".into()));
        assert_eq!(read("no/2020-*.csv"), Name::Pattern("no/2020-*.csv".into()));
        assert!(matches!(read("https://example.org/a.csv?x=1"), Name::Http(_)));
        assert_eq!(read("s3://b/a/b*.csv"), Name::S3 { bucket: "b".into(), key: "a/b*.csv".into() });
        assert_eq!(read("sqlite:a.db"), Name::Sqlite("a.db".into(), Wanted::Only));
        assert_eq!(read("sqlite:a.db?table=my%20t"), Name::Sqlite("a.db".into(), Wanted::Table("my t".into())));
        assert_eq!(
            read("sqlite:a.db?query=SELECT * FROM t WHERE a LIKE '%20%' AND b = '?&table=x';"),
            Name::Sqlite(
                "a.db".into(),
                Wanted::Query("SELECT * FROM t WHERE a LIKE '%20%' AND b = '?&table=x'".into())
            )
        );
        assert_eq!(
            read("postgresql:///?table=s.t&sslmode=require"),
            Name::Postgres("postgresql:///?sslmode=require".into(), Wanted::Table("s.t".into()))
        );
        assert_eq!(
            read("postgres://u@h/d?sslmode=require&query=SELECT%201"),
            Name::Postgres("postgres://u@h/d?sslmode=require".into(), Wanted::Query("SELECT 1".into()))
        );
        for bad in ["", "http://", "s3://bucket", "s3:///key", "ftp://x/y", "file:///x", "sqlite:a.db?query= ;"] {
            assert!(Name::read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        for (source, safe) in [
            ("postgres://ana:s3cret@h:1/d?table=t", "postgres://ana:***@h:1/d?table=t"),
            ("postgres://ana:a/b@h/d", "postgres://ana:***@h/d"),
            ("postgres://ana:a@b@h/d", "postgres://ana:***@h/d"),
            ("postgres://h/d?user=u&password=x&table=t", "postgres://h/d?user=u&password=***&table=t"),
            ("https://h/a.csv?X-Amz-Signature=ab&v=1", "https://h/a.csv?X-Amz-Signature=***&v=1"),
            ("https://h/a.csv?sv=1&sig=x%3D", "https://h/a.csv?sv=1&sig=***"),
            ("https://h/a@2x.csv", "https://h/a@2x.csv"),
            ("https://h:80/a@2x.csv", "https://h:80/a@2x.csv"),
            ("s3://b/k", "s3://b/k"),
            ("a.csv", "a.csv"),
        ] {
            assert_eq!(without_secrets(source), safe);
            assert_eq!(has_secret(source), source != safe);
        }
    }

    /// Words that name a source. Nothing is opened.
    #[test]
    fn fuzz_source_names() {
        use crate::fuzz_driver::{Outcome, Target, fuzz};
        let seeds = [
            "sqlite:a.db?query=SELECT * FROM t WHERE a LIKE '%20%' AND b = '?&table=x';",
            "postgres://ana:s3cret@h:1/d?sslmode=require&table=s.t&x=1",
            "https://ana:a@b@h:8080/a.csv?X-Amz-Signature=ab&v=1#x",
            "s3://bucket/a/b*.csv",
            "sample:churn",
            "no/2020-*.csv",
        ];
        let words = [
            "://",
            "@",
            ":",
            "/",
            "?",
            "&",
            "=",
            "%",
            "%1b",
            "%ff",
            "#",
            "table=",
            "query=",
            "password=",
            "sqlite:",
            "s3://",
            "https://",
            "postgres://",
            "file:",
            "-",
            "*",
            "[",
            "\u{1b}[2J",
            "\u{202e}",
            "\u{9b}",
        ];
        let target = Target {
            name: "source_names",
            seeds: seeds.iter().map(|s| s.as_bytes().to_vec()).collect(),
            tokens: words.iter().map(|w| w.as_bytes().to_vec()).collect(),
            codes: &[2, 3],
            largest: 4 << 10,
            remake: None,
        };
        fuzz(target, |bytes| {
            let text = String::from_utf8_lossy(bytes);
            let safe = without_secrets(&text);
            assert_eq!(without_secrets(&safe), safe, "what has no secrets has none");
            let mut texts = vec![shown(&text)];
            match Name::read(&text) {
                Ok(name) => {
                    let debug = format!("{name:?}");
                    let kind = debug.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
                    let wanted = ["Table", "Query", "Only"].into_iter().find(|w| debug.contains(w)).unwrap_or_default();
                    Outcome { code: None, shape: format!("{kind} {wanted} {}", has_secret(&text)), texts }
                }
                Err(e) => {
                    texts.push(e.to_string());
                    Outcome { code: Some(e.exit_code()), shape: e.message.clone(), texts }
                }
            }
        });
    }
}
