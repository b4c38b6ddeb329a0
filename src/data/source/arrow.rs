//! Arrow IPC, as file (Feather version 2) and as stream, batch by batch.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

use polars::prelude::*;
use polars_arrow::io::ipc::read::{FileReader, StreamReader, StreamState, read_file_metadata, read_stream_metadata};

use super::nested;
use super::plain;
use super::sniff::Kind;
use super::spool::{Spool, Spooled};
use super::table::Frames;
use crate::data::display::brief;
use crate::engine::{Control, guarded};
use crate::error::{Error, Result};

const WHAT: &str = "this Arrow IPC file cannot be read";

type Batches = Box<dyn Iterator<Item = PolarsResult<DataFrame>>>;

fn damaged(error: PolarsError) -> Error {
    let text = error.to_string();
    Error::input(format!("{WHAT}: {}", brief(text.lines().next().unwrap_or_default(), 160)))
        .hint("It may be cut off or damaged; write it again, or save it as Parquet")
}

/// The batches of a file of either format.
fn batches<R: Read + Seek + 'static>(mut input: R, kind: Kind) -> Result<Batches> {
    Ok(if kind == Kind::ArrowFile {
        let metadata = read_file_metadata(&mut input).map_err(damaged)?;
        let schema = metadata.schema.clone();
        let reader = FileReader::new(input, metadata, None, None);
        Box::new(reader.map(move |batch| {
            let (height, arrays) = batch.map(|b| (b.len(), b.into_arrays()))?;
            let batch = polars_arrow::record_batch::RecordBatch::try_new(height, schema.clone(), arrays)?;
            Ok(DataFrame::from(batch))
        }))
    } else {
        let metadata = read_stream_metadata(&mut input).map_err(damaged)?;
        let schema = std::sync::Arc::new(metadata.schema.clone());
        let reader = StreamReader::new(input, metadata, None);
        Box::new(reader.map_while(move |state| match state {
            // A file does not grow while it is read.
            Ok(StreamState::Waiting) => None,
            Ok(StreamState::Some(batch)) => {
                let height = batch.len();
                let batch =
                    polars_arrow::record_batch::RecordBatch::try_new(height, schema.clone(), batch.into_arrays());
                Some(batch.map(DataFrame::from))
            }
            Err(error) => Some(Err(error)),
        }))
    })
}

/// Writes an Arrow IPC file into the spool as Parquet, with the notes of what was left out.
///
/// # Errors
/// When it is damaged, has no row, the disk is full, or the work is cancelled.
pub fn convert(
    path: &Path,
    kind: Kind,
    digest: String,
    spool: &Spool,
    control: &Control,
) -> Result<(Spooled, Vec<String>)> {
    let (file, metadata) = plain::open(path)?;
    let mut notes = Vec::new();
    let mut frames: Option<Frames> = None;
    guarded(WHAT, || {
        super::ipc_bounds::check(path, kind)?;
        for batch in batches(file, kind)? {
            control.check()?;
            let mut said = Vec::new();
            let frame = nested::flat_frame(batch.map_err(damaged)?, &mut said)?;
            let frames = match &mut frames {
                Some(frames) => frames,
                none => {
                    notes = said;
                    none.insert(Frames::new(frame.schema(), spool)?)
                }
            };
            frames.add(frame)?;
            control.report("reading values", None, format!("{} rows of {} MB", frames.rows(), metadata.len() >> 20));
        }
        Ok(())
    })?;
    match frames.filter(|f| f.rows() > 0) {
        Some(frames) => Ok((frames.finish(digest)?, notes)),
        None => Err(Error::input("there is no row in the file").hint("Check that the export finished")),
    }
}

/// The first rows of a file.
///
/// # Errors
/// When it is damaged.
pub fn head(path: &Path, kind: Kind, rows: usize) -> Result<DataFrame> {
    guarded(WHAT, || {
        super::ipc_bounds::check(path, kind)?;
        let file = File::open(path).map_err(|e| plain::read_error(path, &e))?;
        let Some(batch) = batches(file, kind)?.next() else {
            return Err(Error::input("there is no row in the file"));
        };
        nested::flat_frame(batch.map_err(damaged)?.head(Some(rows)), &mut Vec::new())
    })
}
