//! From a source to a dataset.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use polars::prelude::*;
use rayon::prelude::*;

use super::source::{self, Form, Local, LocalFile, Partition, Place, SchemaChanges, Verdict};
use super::stream::{self, Limits};
use super::{ColumnSpec, Dataset, Meaning, Physical};
use super::{csv, display::brief, join, meaning, parquet};
use crate::engine::Control;
use crate::error::{Error, Result};

/// What the user says about a source beyond its name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadOptions {
    /// The character between columns; found by itself when absent.
    pub delimiter: Option<u8>,
    /// Further spellings of "missing", for example `-999`.
    pub missing: Vec<String>,
    /// Corrections of what columns mean.
    pub meaning: BTreeMap<String, Meaning>,
    /// What is done when the files of one source have different columns.
    pub schema_changes: SchemaChanges,
    /// Corrections of columns that are not there are no mistake: new rows are read as older ones were.
    pub forgiving: bool,
}

/// One file as a table.
#[derive(Debug)]
pub(super) struct Part {
    /// The file's name.
    pub name: String,
    /// Its rows.
    pub frame: DataFrame,
    /// Its columns; meanings are found later, over all files.
    pub columns: Vec<ColumnSpec>,
    /// What reading it did.
    pub notes: Vec<String>,
    /// Which columns hold no value at all, when the rows at hand are only a sample.
    pub empty: Option<Vec<bool>>,
}

/// Loads a table.
///
/// `source` is a path (delimited text, Parquet, Arrow IPC, JSON or SQLite, also compressed, told by the content), a
/// pattern of paths, a folder, `-` for standard input, `sample:NAME` for an embedded sample, or an address of a web server,
/// of S3-compatible storage or of PostgreSQL; see `docs/sources.md`. A path that does not exist but ends in the file
/// name of a sample gives the embedded copy.
///
/// # Errors
/// Of kind `Input`, naming the source, the line and the column where that is known, and what to do; of kind `Remote` when
/// a server fails; of kind `Cancelled`.
pub fn load(source: &str, options: &LoadOptions, control: &Control) -> Result<Dataset> {
    load_local(source::localize(source, control)?, source, options, &Limits::default(), control)
}

/// Loads a table from files that have been brought to this machine.
///
/// # Errors
/// As [`load`].
pub(super) fn load_local(
    mut local: Local,
    source: &str,
    options: &LoadOptions,
    limits: &Limits,
    control: &Control,
) -> Result<Dataset> {
    let mut parts = Vec::with_capacity(local.files.len());
    for index in 0..local.files.len() {
        control.check()?;
        let Some(file) = local.files.get(index) else { break };
        let name = brief(&file.name, 200);
        parts.push(part(&mut local, index, options, limits, control).map_err(|e| place(e, &name))?);
    }
    let fingerprint = local.fingerprint(control)?;
    let shown = source::shown(source);
    assemble(local, parts, fingerprint, options, control).map_err(|e| place(e, &shown))
}

/// Puts the source in front of a message about its content.
fn place(error: Error, name: &str) -> Error {
    if error.kind == crate::error::Kind::Cancelled { error } else { error.at(name) }
}

/// Reads one local file.
fn part(local: &mut Local, index: usize, options: &LoadOptions, limits: &Limits, control: &Control) -> Result<Part> {
    if let Some(part) = large_text(local, index, options, limits, control)? {
        return Ok(part);
    }
    let Some(file) = local.files.get_mut(index) else { return Err(Error::input("there is no file")) };
    let (name, form) = (file.name.clone(), file.form);
    match (&file.place, form) {
        (Place::Embedded(bytes), Form::Delimited { start }) => {
            of_text(name, Cow::Borrowed(bytes), start, options, control)
        }
        (Place::Embedded(_), Form::Parquet) => Err(Error::input("there is no such sample")),
        (Place::File(path), Form::Delimited { start }) => {
            let (bytes, digest) = source::read_whole(path, control)?;
            file.digest.get_or_insert(digest);
            of_text(name, Cow::Owned(bytes), start, options, control)
        }
        (Place::File(path), Form::Parquet) => {
            let known = file.digest.take();
            let digest = || known.map_or_else(|| source::digest(path, &control.silent()), Ok);
            let (part, digest) = rayon::join(|| of_parquet(name, path, control), digest);
            let part = part?;
            file.digest = Some(digest?);
            Ok(part)
        }
    }
}

fn of_parquet(name: String, path: &Path, control: &Control) -> Result<Part> {
    let (frame, physicals, notes) = parquet::read(path, control)?;
    let columns = frame
        .get_column_names()
        .iter()
        .zip(physicals)
        .map(|(name, physical)| ColumnSpec::new(name.to_string(), physical))
        .collect();
    Ok(Part { name, frame, columns, notes, empty: None })
}

fn of_text(
    name: String,
    bytes: Cow<'static, [u8]>,
    start: usize,
    options: &LoadOptions,
    control: &Control,
) -> Result<Part> {
    let mut notes = Vec::new();
    let mut bytes = bytes;
    if start == 0
        && std::str::from_utf8(&bytes).is_err()
        && let Verdict::Windows1252 { line } = source::judge(&bytes)
    {
        notes.push(source::windows_1252_note(line));
        bytes = Cow::Owned(source::from_windows_1252(&bytes).into_bytes());
    }
    let table = csv::read(bytes.get(start..).unwrap_or_default(), options, control)?;
    notes.extend(table.notes);
    Ok(Part { notes, ..of_table(name, csv::Table { notes: Vec::new(), ..table }) })
}

/// Reads a large delimited text block by block.
fn large_text(
    local: &mut Local,
    index: usize,
    options: &LoadOptions,
    limits: &Limits,
    control: &Control,
) -> Result<Option<Part>> {
    let delimited = |f: &&mut LocalFile| matches!(f.form, Form::Delimited { .. });
    let Some(file) = local.files.get_mut(index).filter(delimited) else { return Ok(None) };
    let found = match stream::load_text(file, options, limits, control) {
        // Only after the last byte is it known that a text is of another encoding.
        Err(e) if e.message.contains("UTF-8") && local.recode(index, control)? => {
            let Some(file) = local.files.get(index) else { return Ok(None) };
            stream::load_text(file, options, limits, control)?
        }
        other => other?,
    };
    let Some((table, digest)) = found else { return Ok(None) };
    let Some(file) = local.files.get_mut(index) else { return Ok(None) };
    file.digest.get_or_insert(digest);
    Ok(Some(of_table(file.name.clone(), table)))
}

fn of_table(name: String, table: csv::Table) -> Part {
    let columns = table
        .columns
        .into_iter()
        .map(|found| ColumnSpec {
            missing_spellings: found.missing_spellings,
            date_format: found.date_format,
            ..ColumnSpec::new(found.name, found.physical)
        })
        .collect();
    Part { name, frame: table.frame, columns, notes: table.notes, empty: None }
}

fn assemble(
    local: Local,
    parts: Vec<Part>,
    fingerprint: String,
    options: &LoadOptions,
    control: &Control,
) -> Result<Dataset> {
    let mut notes = local.notes.clone();
    let sizes: Vec<usize> = parts.iter().map(|p| p.frame.height()).collect();
    let (mut frame, mut columns) = join::parts(parts, options, &mut notes)?;
    for partition in &local.partitions {
        add_partition(&mut frame, &mut columns, partition, &sizes, &mut notes)?;
    }
    columns.par_iter_mut().try_for_each(|spec| {
        control.report("finding meanings", None, brief(&spec.name, 40));
        spec.meaning = meaning::find(&spec.name, spec.physical, frame.column(&spec.name)?, control)?;
        Ok::<_, Error>(())
    })?;
    correct(&mut frame, &mut columns, options, &mut notes)?;
    Ok(Dataset { source: local.source.clone(), frame, columns, fingerprint, notes })
}

/// Adds a column that stands in the paths of the files.
pub(super) fn add_partition(
    frame: &mut DataFrame,
    columns: &mut Vec<ColumnSpec>,
    partition: &Partition,
    sizes: &[usize],
    notes: &mut Vec<String>,
) -> Result<()> {
    let name = partition.name.as_str();
    if columns.iter().any(|c| c.name == name) {
        notes.push(format!("{}: stands in the files and in their paths; the files' was taken", brief(name, 60)));
        return Ok(());
    }
    let rows =
        sizes.iter().zip(&partition.values).flat_map(|(size, value)| std::iter::repeat_n(value.as_deref(), *size));
    let series = match partition.physical {
        Physical::Integer => {
            rows.map(|v| v.and_then(|v| v.parse::<i64>().ok())).collect::<Int64Chunked>().into_series()
        }
        Physical::Date => {
            let days: Int32Chunked = rows.map(|v| v.and_then(source::day)).collect();
            days.into_series().cast(&DataType::Date)?
        }
        _ => rows.collect::<StringChunked>().into_series(),
    };
    frame.with_column(series.with_name(name.into()).into())?;
    columns.push(ColumnSpec::new(name, partition.physical));
    Ok(())
}

/// Applies the user's corrections of meanings. Text that is said to be a number becomes one; what cannot be one is missing.
fn correct(
    frame: &mut DataFrame,
    columns: &mut [ColumnSpec],
    options: &LoadOptions,
    notes: &mut Vec<String>,
) -> Result<()> {
    for (name, meaning) in &options.meaning {
        let names: Vec<String> = columns.iter().map(|c| brief(&c.name, 40)).take(12).collect();
        let Some(spec) = columns.iter_mut().find(|c| c.name == *name) else {
            if options.forgiving {
                continue;
            }
            return Err(Error::input(format!("there is no column `{}`, whose meaning was corrected", brief(name, 60)))
                .hint(format!("The columns begin with {}", names.join(", "))));
        };
        match (meaning, spec.physical) {
            (Meaning::Number, Physical::String) => {
                let column = frame.column(name)?;
                let texts = column.as_materialized_series().str()?;
                let numbers: Float64Chunked = texts
                    .iter()
                    .map(|text| {
                        text.and_then(|t| csv::guess::number::<f64>(t.trim().as_bytes())).filter(|v| v.is_finite())
                    })
                    .collect();
                let lost = numbers.null_count() - column.null_count();
                if lost > 0 {
                    notes.push(format!("{}: {lost} texts that are no numbers became missing", brief(name, 60)));
                }
                frame.with_column(numbers.with_name(name.as_str().into()).into_series().into())?;
                spec.physical = Physical::Float;
            }
            (Meaning::DateTime, Physical::String) => {
                let Some((column, physical, format)) = moments(frame.column(name)?)? else {
                    return Err(Error::input(format!("column `{}` cannot be read as a date", brief(name, 60))).hint(
                        "Its texts have no one form of a date; a recipe's step parse_dates reads the form that you name",
                    ));
                };
                frame.with_column(column)?;
                spec.physical = physical;
                spec.date_format = format;
            }
            (Meaning::DateTime, physical) if !matches!(physical, Physical::Date | Physical::Datetime) => {
                return Err(Error::input(format!("column `{}` cannot be read as a date", brief(name, 60))).hint(
                    "Write its values like 2019-12-31 or 2019-12-31 23:59:00; every row must have the same form",
                ));
            }
            (Meaning::Number, Physical::Date | Physical::Datetime) => {
                return Err(Error::input(format!("column `{}` holds dates, which are no numbers", brief(name, 60)))
                    .hint("Derive a number from it, for example EXTRACT(HOUR FROM column)"));
            }
            _ => {}
        }
        spec.meaning = *meaning;
    }
    Ok(())
}

/// Texts as dates or moments, when all of them have one form, and that form.
fn moments(column: &Column) -> Result<Option<(Column, Physical, Option<String>)>> {
    let texts = column.as_materialized_series().str()?;
    let mut guess = csv::Guess::new(false);
    texts.iter().flatten().for_each(|text| guess.see_value(text.trim().as_bytes()));
    let micros = |order| {
        let read = move |text: &str| csv::dates::parse(order, text.trim().as_bytes()).map(|m| m.micros);
        texts.iter().map(move |text| text.and_then(read))
    };
    let (series, dtype, physical) = match guess.reading() {
        csv::Reading::Date(order) => {
            let days: Int32Chunked =
                micros(order).map(|v| v.and_then(|v| i32::try_from(v.div_euclid(csv::dates::DAY)).ok())).collect();
            (days.into_series(), DataType::Date, Physical::Date)
        }
        csv::Reading::Datetime(order) => {
            let moments: Int64Chunked = micros(order).collect();
            (moments.into_series(), DataType::Datetime(TimeUnit::Microseconds, None), Physical::Datetime)
        }
        _ => return Ok(None),
    };
    let column = series.with_name(column.name().clone()).cast(&dtype)?.into();
    Ok(Some((column, physical, guess.date_format())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind as ErrorKind;

    fn file(content: &[u8]) -> (tempfile::TempDir, String) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("table.csv");
        std::fs::write(&path, content).unwrap();
        let name = path.to_str().unwrap().to_owned();
        (dir, name)
    }

    fn try_load(content: &[u8]) -> Result<Dataset> {
        let (_dir, name) = file(content);
        load(&name, &LoadOptions::default(), &Control::default())
    }

    fn refused(content: &[u8], words: &[&str]) {
        let error = try_load(content).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Input, "{error}");
        for word in words {
            assert!(error.to_string().contains(word), "`{word}` is not in: {error}");
        }
        assert!(error.hint.is_some(), "no hint: {error}");
    }

    #[test]
    fn bad_input_is_refused_in_words() {
        refused(b"", &["empty"]);
        refused(b"\n\n", &["empty"]);
        refused(b"a,b\n", &["no row"]);
        refused(b"a,b\n1,2\n3\n", &["line 3", "1 field", "2"]);
        refused(b"a,b\n1,2\n\n3,4,5\n", &["line 4", "3 fields"]);
        refused(b"name,b\nZ\xfcrich,2\n", &["line 2", "`name`", "UTF-8"]);
        refused(b"na\xefve,b\n1,2\n", &["line 1", "UTF-8"]);
        refused(b"a,b\n1,\"2\n", &["line 2", "quote"]);
        refused(b"\x00\x01\x02\x03\x04", &["not text"]);
        refused(b"PAR1 but not really", &["Parquet"]);
        refused(b"PK\x03\x04rest", &["Excel"]);
    }

    /// As pandas 2.3 names them: `pd.read_csv(io.StringIO("a,a,a.1,a\\n1,2,3,4\\n")).columns` has a, a.2, a.1, a.3.
    #[test]
    fn names_that_come_twice_are_told_apart() {
        let data = try_load(b"a,a,a.1,a\n1,2,3,4\n").unwrap();
        let names: Vec<&str> = data.columns.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["a", "a.2", "a.1", "a.3"]);
        // Very many of them cost no more than others, and are not told one by one.
        let wide = vec!["a"; 20_000].join(",") + "\n" + &vec!["1"; 20_000].join(",") + "\n";
        let many = try_load(wide.as_bytes()).unwrap();
        assert_eq!(many.columns.last().unwrap().name, "a.19999");
        assert!(many.notes.len() < 30, "{}", many.notes.len());
        assert!(data.notes.iter().any(|n| n.contains("columns 1 and 2") && n.contains("`a.2`")), "{:?}", data.notes);
    }

    #[test]
    fn a_ragged_row_is_found_after_line_breaks_in_quotes() {
        refused(b"a,b\n\"x\ny\",1\n2\n", &["line 4", "row 2"]);
    }

    #[test]
    fn paths_that_are_no_files_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().to_str().unwrap();
        for (source, word) in [(path.to_owned(), "directory"), (format!("{path}/gone.csv"), "no file")] {
            let error = load(&source, &LoadOptions::default(), &Control::default()).unwrap_err();
            assert_eq!(error.exit_code(), 3);
            assert!(error.message.contains(word), "{error}");
        }
    }

    #[test]
    fn a_cancelled_load_stops() {
        let control = Control::default();
        control.cancel();
        let error = load("sample:taxi", &LoadOptions::default(), &control).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Cancelled);
    }

    #[test]
    fn odd_but_good_files_load() {
        let one = try_load(b"a\n1\n2\n").unwrap();
        assert_eq!((one.rows(), one.columns.len()), (2, 1));
        assert!(one.notes.iter().any(|n| n.contains("one column")));

        let marked = try_load(b"\xef\xbb\xbfa;b\r\n1,5;x\r\n;y\r\n").unwrap();
        assert_eq!(marked.columns[0].name, "a");
        assert_eq!(marked.columns[0].physical, Physical::Float);
        assert_eq!(marked.frame.column("a").unwrap().f64().unwrap().get(0), Some(1.5));

        let trailing = try_load(b"a,b,\n1,2,\n3,4,\n").unwrap();
        assert_eq!(trailing.columns.len(), 2);

        let utf16: Vec<u8> =
            [0xff, 0xfe].into_iter().chain("a,b\n1,\u{fc}\n".encode_utf16().flat_map(u16::to_le_bytes)).collect();
        assert_eq!(try_load(&utf16).unwrap().frame.column("b").unwrap().str().unwrap().get(0), Some("ü"));

        let quoted = try_load(b"a,b\n\"x, \"\"y\"\"\n\",1\nz,2").unwrap();
        assert_eq!(quoted.frame.column("a").unwrap().str().unwrap().get(0), Some("x, \"y\"\n"));
        assert_eq!(quoted.rows(), 2);
    }

    #[test]
    fn missing_and_infinite_values_are_read_as_missing() {
        let data = try_load(b"all,n,t,d\n,1,None,2020-01-31\nNA,inf,NA,-\n,?,x,2020-02-29\n").unwrap();
        let nulls = |name: &str| data.frame.column(name).unwrap().null_count();
        assert_eq!([nulls("all"), nulls("n"), nulls("t"), nulls("d")], [3, 2, 1, 1]);
        assert_eq!(data.spec("all").unwrap().physical, Physical::Float);
        assert_eq!(data.spec("n").unwrap().missing_spellings, [("?".to_owned(), 1), ("inf".to_owned(), 1)]);
        assert_eq!(data.spec("t").unwrap().missing_spellings, [("NA".to_owned(), 1)]);
        assert_eq!(data.spec("d").unwrap().date_format.as_deref(), Some("%Y-%m-%d"));
        assert!(data.notes.iter().any(|n| n.contains("1 infinite")), "{:?}", data.notes);
    }

    #[test]
    fn the_user_corrects_meanings() {
        let (_dir, name) = file(b"code,n,amount\n1,1,12\n2,0,about 5\n1,1,7\n");
        let mut options = LoadOptions { missing: vec!["0".to_owned()], ..LoadOptions::default() };
        options.meaning.insert("n".to_owned(), Meaning::Category);
        options.meaning.insert("amount".to_owned(), Meaning::Number);
        let data = load(&name, &options, &Control::default()).unwrap();
        assert_eq!(data.spec("n").unwrap().meaning, Meaning::Category);
        assert_eq!(data.frame.column("n").unwrap().null_count(), 1);
        assert_eq!(data.frame.column("amount").unwrap().f64().unwrap().get(2), Some(7.0));
        assert_eq!(data.frame.column("amount").unwrap().null_count(), 1);
        options.meaning.insert("nope".to_owned(), Meaning::Text);
        assert!(load(&name, &options, &Control::default()).unwrap_err().message.contains("nope"));
    }

    /// A format that says that its texts are texts is believed, until the user knows better.
    #[test]
    fn texts_of_a_typed_file_become_moments_when_the_user_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.parquet");
        let at = Column::new("at".into(), [Some("2020-02-29 10:00:00"), None, Some("2021-01-01 00:00:01")]);
        let other = Column::new("other".into(), [Some("2020-02-29"), Some("soon"), None]);
        let mut frame = DataFrame::new(3, vec![at, other]).unwrap();
        ParquetWriter::new(std::fs::File::create(&path).unwrap()).finish(&mut frame).unwrap();
        let read = |name: &str| {
            let meaning = BTreeMap::from([(name.to_owned(), Meaning::DateTime)]);
            load(path.to_str().unwrap(), &LoadOptions { meaning, ..LoadOptions::default() }, &Control::default())
        };
        let data = read("at").unwrap();
        assert_eq!(data.spec("at").unwrap().physical, Physical::Datetime);
        let shown = crate::data::column::texts(data.frame.column("at").unwrap()).unwrap();
        assert!(shown[0].as_ref().unwrap().starts_with("2020-02-29 10:00:00") && shown[1].is_none(), "{shown:?}");
        let error = read("other").unwrap_err();
        assert!(error.hint.unwrap().contains("parse_dates"));
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(300))]
        /// Whatever stands in a file, loading and profiling it end in a table or in words.
        #[test]
        fn any_text_is_survived(body in "[ab1290.,;\"\r\n: /\\-TNAeé$]{0,160}", wide in proptest::prelude::any::<bool>()) {
            let text = if wide { format!("x,y\n{body}") } else { body };
            if let Ok(data) = try_load(text.as_bytes()) {
                proptest::prop_assert_eq!(data.frame.width(), data.columns.len());
                for spec in &data.columns {
                    crate::data::profile(&data, Some(&spec.name), &Control::default()).unwrap();
                }
            }
        }
    }

    #[test]
    fn a_delimiter_that_cannot_be_one_is_refused() {
        let options = LoadOptions { delimiter: Some(b'"'), ..LoadOptions::default() };
        assert_eq!(load("sample:credit", &options, &Control::default()).unwrap_err().exit_code(), 2);
    }

    /// Row counts, missing counts and storage as pandas finds them (`read_csv(...).isna().sum()`).
    #[test]
    fn the_samples_load_as_pandas_reads_them() {
        let get = |name: &str| load(&format!("sample:{name}"), &LoadOptions::default(), &Control::default()).unwrap();
        let churn = get("churn");
        assert_eq!((churn.rows(), churn.columns.len()), (11_085, 18));
        let meaning = |data: &Dataset, name: &str| data.spec(name).unwrap().meaning;
        assert_eq!(meaning(&churn, "customer_id"), Meaning::Identifier);
        assert_eq!(meaning(&churn, "snapshot_date"), Meaning::DateTime);
        assert_eq!(meaning(&churn, "orders_180d"), Meaning::Number);
        assert_eq!(meaning(&churn, "country"), Meaning::Category);
        assert_eq!(meaning(&churn, "churned"), Meaning::Category);

        let taxi = get("taxi");
        assert_eq!(taxi.rows(), 18_000);
        for code in [
            "vendor_id",
            "rate_code_id",
            "pickup_location_id",
            "dropoff_location_id",
            "payment_type",
            "store_and_fwd_flag",
        ] {
            assert_eq!(meaning(&taxi, code), Meaning::Category, "{code}");
        }
        assert_eq!(taxi.spec("source_month").unwrap().date_format.as_deref(), Some("%Y-%m"));
        assert_eq!(taxi.spec("pickup_datetime").unwrap().physical, Physical::Datetime);
        assert_eq!(meaning(&taxi, "fare_amount"), Meaning::Number);

        let houses = get("houses");
        assert!(
            houses.columns.iter().filter(|c| c.physical == Physical::String).all(|c| c.meaning == Meaning::Category)
        );
        assert_eq!(houses.columns.iter().filter(|c| c.physical == Physical::String).count(), 40);
        assert_eq!(meaning(&houses, "Year_Built"), Meaning::Number);
        let veneer = houses.frame.column("Mas_Vnr_Type").unwrap();
        assert_eq!(veneer.null_count(), 0, "`None` is a kind of veneer, not a missing value");

        let credit = get("credit");
        assert_eq!(credit.frame.column("Income").unwrap().null_count(), 381);
        assert_eq!(meaning(&get("churn-live"), "prediction_id"), Meaning::Identifier);
    }
}
