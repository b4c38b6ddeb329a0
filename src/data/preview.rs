//! A look at the first rows of a file, for a file picker: little memory, no waiting, no panic.

use std::borrow::Cow;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use polars::prelude::*;

use super::csv;
use super::display::{brief, display};
use super::source::{self, Kind, Verdict};
use super::{column, parquet};
use crate::error::{Error, Result};

/// The first rows of a file as text that is safe to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// Names of the columns.
    pub header: Vec<String>,
    /// Rows of cells; a ragged row has its own number of cells.
    pub rows: Vec<Vec<String>>,
    /// What the file is, in words: `CSV, comma` or `Parquet`.
    pub kind: String,
    /// Size of the file.
    pub size_bytes: u64,
    /// How many rows there are in all, when the file says so (Parquet does).
    pub total_rows: Option<u64>,
    /// Whether there are more rows than these.
    pub truncated: bool,
}

/// Bytes of a text file that are looked at.
const HEAD: u64 = 256 << 10;

/// Cells are cut to this many characters.
const CELL: usize = 120;

/// Columns beyond this number are not shown.
const WIDEST: usize = 500;

/// Reads at most `rows` rows from the head of a file. Only the first 256 KB of a text are read, so rows may be fewer.
///
/// # Errors
/// When the file cannot be read or is no table.
pub fn preview(path: impl AsRef<Path>, rows: usize) -> Result<Preview> {
    let path = path.as_ref();
    let name = path.to_string_lossy();
    if let Some(bytes) = source::embedded(&name)? {
        let cut = usize::try_from(HEAD).unwrap_or(bytes.len()).min(bytes.len());
        let head = bytes.get(..cut).unwrap_or(bytes);
        return text(Cow::Borrowed(head), cut < bytes.len(), bytes.len() as u64, rows);
    }
    let plain = std::fs::metadata(path).is_ok_and(|m| m.is_file() || m.is_dir());
    if !plain && path.exists() {
        // A pipe would make the picker wait for somebody to write into it.
        return Err(
            Error::input(format!("{} is not a plain file", brief(&name, 200))).hint("Load it without a preview")
        );
    }
    if let Some(rest) = name.strip_prefix("sqlite:")
        && !path.exists()
    {
        return preview(rest, rows);
    }
    let (mut file, metadata) = source::open(path)?;
    let mut head = source::head(&mut file, path, HEAD)?;
    let mut cut = head.len() as u64 == HEAD && metadata.len() != HEAD;
    let size = metadata.len();
    let mut packed = None;
    if let Kind::Packed(packing) = source::sniff(&head)? {
        // Only the beginning is unpacked, whatever the whole would grow to.
        let start = |e: std::io::Error| source::read_error(path, &e);
        file.seek(SeekFrom::Start(0)).map_err(start)?;
        head.clear();
        let mut unpacked = packing.unpacked(file.try_clone().map_err(start)?)?;
        let read = Read::by_ref(&mut unpacked).take(HEAD).read_to_end(&mut head);
        read.map_err(|e| packing.damaged(&e, head.len() as u64))?;
        cut = head.len() as u64 == HEAD;
        packed = Some(packing);
    }
    let kind = source::sniff(&head)?;
    let mut found = match (kind, packed) {
        (Kind::Text | Kind::Utf16, _) => text(Cow::Owned(head), cut, size, rows)?,
        (Kind::Json, packed) => {
            file.seek(SeekFrom::Start(0)).map_err(|e| source::read_error(path, &e))?;
            let (header, cells, more) = match packed {
                Some(packing) => source::json_head(packing.unpacked(file)?, rows)?,
                None => source::json_head(file, rows)?,
            };
            of_cells(header, cells, more, "JSON", size)
        }
        (_, Some(packing)) => {
            return Err(Error::input(format!(
                "a look at it takes unpacking the whole file, which is compressed with {}",
                packing.name()
            ))
            .hint("Load it without a preview"));
        }
        (Kind::Parquet, None) => of_parquet(path, size, rows)?,
        (Kind::ArrowFile | Kind::ArrowStream, None) => {
            let frame = source::arrow_head(path, kind, rows + 1)?;
            let more = frame.height() > rows;
            let (header, cells) = cells_of(&frame.head(Some(rows)));
            Preview { header, rows: cells, kind: "Arrow".into(), size_bytes: size, total_rows: None, truncated: more }
        }
        (Kind::Sqlite, None) => {
            let (header, cells, more) = source::sqlite_head(path, rows)?;
            of_cells(header, cells, more, "SQLite", size)
        }
        (Kind::Packed(_), None) => return Err(Error::input("this is compressed twice").hint("Unpack it once")),
    };
    if let Some(packing) = packed {
        found.kind = format!("{}, {}", found.kind, packing.name());
    }
    Ok(found)
}

fn of_cells(header: Vec<String>, cells: Vec<Vec<Option<String>>>, more: bool, kind: &str, size: u64) -> Preview {
    let harmless = |text: Option<String>| text.map(|t| brief(&t, CELL)).unwrap_or_default();
    Preview {
        header: header.iter().take(WIDEST).map(|n| brief(n, CELL)).collect(),
        rows: cells.into_iter().map(|row| row.into_iter().take(WIDEST).map(harmless).collect()).collect(),
        kind: kind.to_owned(),
        size_bytes: size,
        total_rows: None,
        truncated: more,
    }
}

fn of_parquet(path: &Path, size_bytes: u64, rows: usize) -> Result<Preview> {
    let (frame, all) = parquet::head(path, rows, WIDEST)?;
    let (header, rows) = cells_of(&frame);
    let truncated = all > frame.height();
    Ok(Preview { header, rows, kind: "Parquet".to_owned(), size_bytes, total_rows: Some(all as u64), truncated })
}

/// Names and cells of a frame, harmless for a terminal.
fn cells_of(frame: &DataFrame) -> (Vec<String>, Vec<Vec<String>>) {
    let header = frame.get_column_names().iter().take(WIDEST).map(|n| brief(n, CELL)).collect();
    let columns: Vec<Vec<Option<String>>> =
        frame.columns().iter().take(WIDEST).map(|c| column::texts(c).unwrap_or_else(|_| placeholders(c))).collect();
    let rows = (0..frame.height())
        .map(|row| {
            columns
                .iter()
                .map(|c| c.get(row).and_then(Option::as_deref).map(|t| brief(t, CELL)).unwrap_or_default())
                .collect()
        })
        .collect();
    (header, rows)
}

/// What stands in for cells of a type that has no text.
fn placeholders(column: &Column) -> Vec<Option<String>> {
    vec![Some(format!("({})", column.dtype())); column.len()]
}

fn text(head: Cow<'static, [u8]>, cut: bool, size_bytes: u64, rows: usize) -> Result<Preview> {
    let kind = source::sniff(&head)?;
    let mut head = head;
    let mut bytes: &[u8] = if kind == Kind::Utf16 {
        if head.len() % 2 == 1 {
            head.to_mut().pop();
        }
        // The cut may fall into a pair of surrogates; the damaged last character is no error here.
        head = Cow::Owned(source::utf16_of(&head).decode(&head).0.into_owned().into_bytes());
        &head
    } else {
        if matches!(source::judge(&head), Verdict::Windows1252 { .. }) {
            head = Cow::Owned(source::from_windows_1252(&head).into_bytes());
        }
        head.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(&head)
    };
    // The last record may be cut in the middle; a file without any line end is shown as it is.
    if cut && let Some(end) = bytes.iter().rposition(|b| *b == b'\n') {
        bytes = bytes.get(..=end).unwrap_or(bytes);
    }
    let delimiter = csv::find_delimiter(bytes);
    let mut records = csv::reader(bytes, delimiter).into_byte_records();
    let cells = |record: ::csv::ByteRecord| -> Vec<String> {
        record.iter().take(WIDEST).map(|cell| brief(&String::from_utf8_lossy(cell), CELL)).collect()
    };
    let header = records.next().and_then(std::result::Result::ok).map(cells).unwrap_or_default();
    let shown: Vec<Vec<String>> = records.by_ref().take(rows).filter_map(std::result::Result::ok).map(cells).collect();
    let truncated = cut || records.next().is_some();
    let kind = format!("CSV, {}", display(&csv::delimiter_name(delimiter)));
    Ok(Preview { header, rows: shown, kind, size_bytes, total_rows: None, truncated })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(bytes: &[u8], rows: usize) -> Result<Preview> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        std::fs::write(&path, bytes).unwrap();
        preview(&path, rows)
    }

    #[test]
    fn the_head_of_a_csv_is_shown() {
        let p = of(b"a;b\n1;2\n3;\x1b[31m\n5;6\n", 2).unwrap();
        assert_eq!(p.header, ["a", "b"]);
        assert_eq!(p.rows, [["1", "2"], ["3", "␛[31m"]]);
        assert_eq!(p.kind, "CSV, semicolon");
        assert!(p.truncated);
        assert!(!of(b"a;b\n1;2\n", 2).unwrap().truncated);
    }

    #[test]
    fn samples_and_bad_files_are_answered() {
        assert_eq!(preview("sample:credit", 3).unwrap().rows.len(), 3);
        assert!(preview("/", 3).is_err());
        assert!(preview("/no/such/file", 3).is_err());
        assert!(of(b"", 3).is_err());
        assert!(of(b"PAR1xxxxxxxx", 3).is_err());
    }

    #[test]
    fn parquet_says_how_many_rows_there_are() {
        let mut frame = DataFrame::new(3, vec![Column::new("a".into(), [1i64, 2, 3])]).unwrap();
        let mut bytes = Vec::new();
        ParquetWriter::new(&mut bytes).finish(&mut frame).unwrap();
        let p = of(&bytes, 2).unwrap();
        assert_eq!((p.rows.len(), p.total_rows, p.truncated), (2, Some(3), true));
        assert_eq!(p.rows[0], ["1"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = of(&bytes, 5);
        }
    }
}
