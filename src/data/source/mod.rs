//! Where tables come from, brought to this machine: paths, patterns, folders, standard input, samples, HTTP, S3-compatible
//! storage, SQLite and PostgreSQL.
//!
//! [`localize`] turns the name of a source into plain local files, each of them delimited text or Parquet, in bounded
//! memory: what is remote, compressed, or of another format or encoding is spooled to disk first. Loading and the
//! streaming profile begin there.

mod arrow;
mod compressed;
mod encoding;
mod fetch;
mod http;
mod ipc_bounds;
mod json;
mod many;
mod name;
mod nested;
mod plain;
mod postgres;
mod s3;
mod schema;
mod sniff;
mod spool;
mod sqlite;
mod table;

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

pub(super) use self::arrow::head as arrow_head;
#[cfg(test)]
use self::compressed::Packing;
pub(super) use self::encoding::{Verdict, from_windows_1252, judge, utf16_of, windows_1252_note};
pub(super) use self::json::head as json_head;
pub use self::many::Partition;
pub(super) use self::many::day;
pub(super) use self::name::{Name, Wanted, shown};
pub use self::name::{has_secret, without_secrets};
pub(super) use self::nested::{flat, twice};
pub(super) use self::plain::{digest, embedded, head, hex, open, read_error, read_whole};
pub use self::schema::SchemaChanges;
pub(super) use self::schema::{Found, common};
pub(super) use self::sniff::{Kind, sniff};
use self::spool::{Spool, Spooled};
pub(super) use self::sqlite::head as sqlite_head;
pub(super) use self::table::dtype;
use super::display::brief;
use crate::engine::Control;
use crate::error::{Error, Result};

/// Bytes by which a file is judged.
const HEAD: u64 = 256 << 10;

/// Where the bytes of a local file are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A file: the user's own, or one in the spool.
    File(PathBuf),
    /// A sample inside the binary.
    Embedded(&'static [u8]),
}

/// The two forms in which tables lie on disk once they are local.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Delimited text in UTF-8. As only the head was looked at, later bytes may still not be UTF-8: see
    /// [`Local::recode`].
    Delimited {
        /// Where the text begins, after a byte order mark.
        start: usize,
    },
    /// Parquet.
    Parquet,
}

/// One local file.
#[derive(Debug, Clone)]
pub struct LocalFile {
    /// Its name for messages: the source's own, or the path below what several files have in common.
    pub name: String,
    /// Where its bytes are.
    pub place: Place,
    /// What they hold.
    pub form: Form,
    /// SHA-256 in hex of the plain content, when it was seen on the way: of the unpacked bytes of a compressed file, of
    /// the bytes as they were sent by a server, of the rows of a database.
    pub digest: Option<String>,
}

/// A source that has been brought to this machine. Spooled files go when the value is dropped.
#[derive(Debug)]
pub struct Local {
    /// The source's name without secrets.
    pub source: String,
    /// The files, in the order of their names.
    pub files: Vec<LocalFile>,
    /// Columns that stand in the paths of the files, not in the files.
    pub partitions: Vec<Partition>,
    /// What was done on the way that a person should know.
    pub notes: Vec<String>,
    /// Whether messages about the content name the file, because there are several.
    pub several: bool,
    spool: Option<Spool>,
}

impl Local {
    /// The source's fingerprint: SHA-256 in hex of the content of one file; of several, the SHA-256 over their names and
    /// digests in the order of the names.
    ///
    /// # Errors
    /// When a file cannot be read, or the work is cancelled.
    pub fn fingerprint(&mut self, control: &Control) -> Result<String> {
        for file in &mut self.files {
            if file.digest.is_none() {
                file.digest = Some(match &file.place {
                    Place::File(path) => plain::digest(path, control)?,
                    Place::Embedded(bytes) => hex(&Sha256::digest(bytes)),
                });
            }
        }
        let digests = self.files.iter().map(|f| (f.name.as_str(), f.digest.as_deref().unwrap_or_default()));
        Ok(match self.files.as_slice() {
            [_] if !self.several => digests.map(|(_, digest)| digest.to_owned()).collect(),
            _ => {
                let mut lines: Vec<String> = digests.map(|(name, digest)| format!("{digest}  {name}\n")).collect();
                lines.sort();
                hex(&Sha256::digest(lines.concat()))
            }
        })
    }

    /// To be called when a delimited file turned out not to be UTF-8: decides over all of its bytes whether it is
    /// Windows-1252, and if so puts a UTF-8 copy in its place. `false` when it stays as it is.
    ///
    /// # Errors
    /// When the file cannot be read, the disk is full, or the work is cancelled.
    pub fn recode(&mut self, index: usize, control: &Control) -> Result<bool> {
        let Some(file) = self.files.get_mut(index) else { return Ok(false) };
        let (Place::File(path), Form::Delimited { start: 0 }) = (&file.place, file.form) else { return Ok(false) };
        let Verdict::Windows1252 { line } = encoding::judge_file(path, control)? else { return Ok(false) };
        let digest = match &file.digest {
            Some(digest) => digest.clone(),
            None => plain::digest(path, control)?,
        };
        if self.spool.is_none() {
            self.spool = Some(Spool::new()?);
        }
        let Some(spool) = &self.spool else { return Ok(false) };
        let copy = encoding::recode(path, encoding_rs::WINDOWS_1252, spool, control)?;
        file.place = Place::File(copy.path);
        file.digest = Some(digest);
        let note = windows_1252_note(line);
        self.notes.push(if self.several { format!("{}: {note}", brief(&file.name, 80)) } else { note });
        Ok(true)
    }
}

/// What gathers on the way from a name to local files.
struct Gathering<'a> {
    spool: Option<Spool>,
    notes: Vec<String>,
    control: &'a Control,
}

impl Gathering<'_> {
    /// The spool, made when it is first needed.
    fn spool(&mut self) -> Result<&Spool> {
        if self.spool.is_none() {
            self.spool = Some(Spool::new()?);
        }
        self.spool.as_ref().ok_or_else(|| Error::local("there is no folder for temporary files"))
    }

    /// Brings one file into one of the two forms.
    fn settle(&mut self, name: String, place: Place, digest: Option<String>, several: bool) -> Result<LocalFile> {
        let before = self.notes.len();
        let settled = self.settle_inner(name.clone(), place, digest);
        if several {
            let shown = brief(&name, 80);
            self.notes.iter_mut().skip(before).for_each(|note| *note = format!("{shown}: {note}"));
            return settled.map_err(|e| placed(e, &shown));
        }
        settled
    }

    fn settle_inner(&mut self, name: String, place: Place, mut digest: Option<String>) -> Result<LocalFile> {
        let mut path = match place {
            Place::Embedded(bytes) => {
                return Ok(LocalFile {
                    name,
                    place: Place::Embedded(bytes),
                    form: Form::Delimited { start: 0 },
                    digest: None,
                });
            }
            Place::File(path) => path,
        };
        let control = self.control;
        if is_pipe(&path) {
            // A pipe can be read only once.
            let whole = self.drain(&mut plain::open(&path)?.0, &path)?;
            (path, digest) = (whole.path, Some(whole.digest));
        }
        let mut bytes = first_bytes(&path)?;
        if let Kind::Packed(packing) = sniff(&bytes)? {
            let unpacked = packing.unpack(&path, self.spool()?, control)?;
            self.notes.push(format!("unpacked with {}", packing.name()));
            (path, digest) = (unpacked.path, Some(unpacked.digest));
            bytes = first_bytes(&path)?;
        }
        let digest_of = |digest: Option<String>, path: &Path| match digest {
            Some(digest) => Ok(digest),
            None => plain::digest(path, control),
        };
        let converted = |spooled: Spooled, form: Form| LocalFile {
            name: name.clone(),
            place: Place::File(spooled.path),
            form,
            digest: Some(spooled.digest),
        };
        Ok(match sniff(&bytes)? {
            Kind::Parquet => LocalFile { name, place: Place::File(path), form: Form::Parquet, digest },
            Kind::Text => {
                let start = if bytes.starts_with(&[0xef, 0xbb, 0xbf]) { 3 } else { 0 };
                LocalFile { name, place: Place::File(path), form: Form::Delimited { start }, digest }
            }
            Kind::Utf16 => {
                let digest = digest_of(digest, &path)?;
                let mut copy = encoding::recode(&path, utf16_of(&bytes), self.spool()?, control)?;
                copy.digest = digest;
                self.notes.push("the file is UTF-16 and was converted".to_owned());
                converted(copy, Form::Delimited { start: 0 })
            }
            Kind::Json => {
                let digest = digest_of(digest, &path)?;
                let (copy, notes) = json::convert(&path, digest, self.spool()?, control)?;
                self.notes.extend(notes);
                converted(copy, Form::Parquet)
            }
            kind @ (Kind::ArrowFile | Kind::ArrowStream) => {
                let digest = digest_of(digest, &path)?;
                let (copy, notes) = arrow::convert(&path, kind, digest, self.spool()?, control)?;
                self.notes.extend(notes);
                converted(copy, Form::Parquet)
            }
            Kind::Sqlite => {
                let (copy, notes) = sqlite::convert(&path, &Wanted::Only, self.spool()?, control)?;
                self.notes.extend(notes);
                converted(copy, Form::Parquet)
            }
            Kind::Packed(packing) => {
                return Err(Error::input(format!("this is compressed twice; inside is {} again", packing.name()))
                    .hint("Unpack it once"));
            }
        })
    }

    /// Spools a stream to its end.
    fn drain(&mut self, input: &mut dyn std::io::Read, name: &Path) -> Result<Spooled> {
        let control = self.control;
        let mut out = self.spool()?.file()?;
        plain::blocks(input, name, "reading the input", 0, control, |block| out.add(block))?;
        out.finish()
    }
}

/// Puts where it happened in front of a message about content.
pub(super) fn placed(error: Error, name: &str) -> Error {
    let said = &error.message;
    let known = said.starts_with(name) || said.ends_with(name) || said.contains(&format!(" {name} "));
    if known || error.kind == crate::error::Kind::Cancelled { error } else { error.at(name) }
}

fn is_pipe(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|m| !m.is_file() && !m.is_dir())
}

fn first_bytes(path: &Path) -> Result<Vec<u8>> {
    let (mut file, _) = plain::open(path)?;
    plain::head(&mut file, path, HEAD)
}

/// Brings a source to this machine: local files of delimited text or Parquet, in bounded memory.
///
/// # Errors
/// Of kind `Usage` when the name is wrong; `Input` when a file is missing, damaged or no table; `Remote` when a server
/// fails or refuses, saying how far it got; `Local` when the disk is full; `Cancelled`.
pub fn localize(source: &str, control: &Control) -> Result<Local> {
    let name = Name::read(source)?;
    let safe = without_secrets(source);
    let mut gathering = Gathering { spool: None, notes: Vec::new(), control };
    let (files, partitions, several) = gather(source, name, &mut gathering).map_err(|e| placed(e, &shown(source)))?;
    let Gathering { spool, notes, .. } = gathering;
    Ok(Local { source: safe, files, partitions, notes, several, spool })
}

type Gathered = (Vec<LocalFile>, Vec<Partition>, bool);

fn gather(source: &str, name: Name, to: &mut Gathering<'_>) -> Result<Gathered> {
    let control = to.control;
    let single = |file: LocalFile| -> Gathered { (vec![file], Vec::new(), false) };
    let of_rows = |(spooled, notes): (Spooled, Vec<String>), to: &mut Gathering<'_>| -> Gathered {
        to.notes.extend(notes);
        let file = LocalFile {
            name: shown(source),
            place: Place::File(spooled.path),
            form: Form::Parquet,
            digest: Some(spooled.digest),
        };
        (vec![file], Vec::new(), false)
    };
    Ok(match name {
        Name::Embedded(bytes) => single(to.settle(source.to_owned(), Place::Embedded(bytes), None, false)?),
        Name::Stdin => {
            let whole = to.drain(&mut std::io::stdin().lock(), Path::new("standard input"))?;
            single(to.settle(source.to_owned(), Place::File(whole.path), Some(whole.digest), false)?)
        }
        Name::File(path) => single(to.settle(source.to_owned(), Place::File(path), None, false)?),
        Name::Folder(folder) => {
            let members = many::in_folder(&folder, &mut to.notes, control)?;
            let paths: Vec<String> = members.iter().map(|m| m.name.clone()).collect();
            several(to, members.into_iter().map(|m| (m.name, m.path, None)).collect(), &paths)?
        }
        Name::Pattern(pattern) => {
            let members = many::by_pattern(&pattern, control)?;
            let fixed = many::fixed_part(&pattern).to_owned();
            let paths: Vec<String> = members.iter().map(|m| format!("{fixed}{}", m.name)).collect();
            several(to, members.into_iter().map(|m| (m.name, m.path, None)).collect(), &paths)?
        }
        Name::Http(url) => {
            let (fetched, notes) = http::get(&url, to.spool()?, control)?;
            to.notes.extend(notes);
            single(to.settle(shown(source), Place::File(fetched.path), Some(fetched.digest), false)?)
        }
        Name::S3 { bucket, key } => {
            let objects = s3::get(&bucket, &key, to.spool()?, control)?;
            to.notes.extend(objects.notes);
            let many = objects.several;
            let files: Vec<_> = objects.files.into_iter().map(|(n, s)| (n, s.path, Some(s.digest))).collect();
            if many {
                let fixed = many::fixed_part(&key).to_owned();
                let paths: Vec<String> = files.iter().map(|(name, ..)| format!("{fixed}{name}")).collect();
                several(to, files, &paths)?
            } else {
                let (_, path, digest) = files.into_iter().next().ok_or_else(|| Error::remote("nothing was fetched"))?;
                single(to.settle(source.to_owned(), Place::File(path), digest, false)?)
            }
        }
        Name::Sqlite(path, wanted) => of_rows(sqlite::convert(&path, &wanted, to.spool()?, control)?, to),
        Name::Postgres(address, wanted) => of_rows(postgres::convert(&address, &wanted, to.spool()?, control)?, to),
    })
}

fn several(
    to: &mut Gathering<'_>,
    files: Vec<(String, PathBuf, Option<String>)>,
    paths: &[String],
) -> Result<Gathered> {
    let partitions = many::partitions(paths)?;
    let mut settled = Vec::with_capacity(files.len());
    let all = files.len();
    for (at, (name, path, digest)) in files.into_iter().enumerate() {
        to.control.check()?;
        to.control.report("opening files", Some(at as f64 / all as f64), format!("{} of {all}", at + 1));
        settled.push(to.settle(name, Place::File(path), digest, true)?);
    }
    if all > 1 {
        // One note for what was done to each of many files.
        let unpacked = to.notes.iter().filter(|n| n.contains(": unpacked with ")).count();
        if unpacked > 3 {
            to.notes.retain(|n| !n.contains(": unpacked with "));
            to.notes.push(format!("{unpacked} files were unpacked"));
        }
        to.notes.push(format!("{all} files were read as one table"));
    }
    Ok((settled, partitions, true))
}

#[cfg(test)]
mod tests;
