//! A large delimited text as a table in memory, block by block: neither the file nor a second copy of the columns is held.
//! What is checked, and what comes out, is that of [`csv::read`].

use polars::prelude::*;
use rayon::prelude::*;

use super::csv_scan::CsvScan;
use super::records::Cut;
use super::values::{Exact, Whole};
use crate::data::brief;
use crate::data::csv::{self, Found, Guess, Reading, Table};
use crate::engine::Control;
use crate::error::{Error, Result};

impl CsvScan {
    /// Reads all records into columns; afterwards [`CsvScan::fingerprint`] is known.
    ///
    /// # Errors
    /// As [`csv::read`].
    pub fn load(&mut self, control: &Control) -> Result<Table> {
        let spread = self.spread(None, control)?;
        // Not fewer than a delimiter for each column, whatever the pieces showed.
        let record_bytes = spread.record_bytes.max(self.names.len() as f64);
        let expected = (self.size as f64 / record_bytes * 1.02) as usize + 64;
        let mut readings = spread.readings;
        let wanted = vec![true; readings.len()];
        let (mut columns, rows) = self.collect(&readings, &wanted, expected, control)?;
        let found: Vec<Reading> = self.guesses.iter().map(Guess::reading).collect();
        let wrong: Vec<bool> = readings.iter().zip(&found).map(|(expected, found)| expected != found).collect();
        if let Some(first) = wrong.iter().position(|wrong| *wrong) {
            let name = self.names.get(first).map_or("", String::as_str);
            control.report("reading rows again", Some(0.0), brief(name, 40));
            columns.iter_mut().zip(&wrong).filter(|(_, wrong)| **wrong).for_each(|(column, _)| *column = None);
            readings = found;
            let (again, _) = self.collect(&readings, &wrong, rows, control)?;
            columns.iter_mut().zip(again).for_each(|(column, again)| *column = column.take().or(again));
        }
        self.readings = readings;
        self.remark();
        let mut all = Vec::with_capacity(columns.len());
        let mut about = Vec::with_capacity(columns.len());
        let known = self.names.iter().zip(self.guesses.iter().zip(&self.readings));
        for ((name, (guess, reading)), column) in known.zip(columns) {
            control.check()?;
            all.push(column.ok_or_else(|| Error::input("there is no row"))?.finish(name));
            about.push(Found {
                name: name.clone(),
                physical: csv::physical(*reading),
                missing_spellings: csv::spellings(guess, *reading),
                date_format: guess.date_format(),
            });
        }
        let mut table =
            Table { frame: DataFrame::new(rows, all)?, columns: about, notes: std::mem::take(&mut self.notes) };
        csv::drop_trailing(&mut table)?;
        Ok(table)
    }

    /// Reads all records only to see what the columns hold and whether all is well formed.
    ///
    /// # Errors
    /// As [`csv::read`].
    pub fn survey(&mut self, control: &Control) -> Result<()> {
        let readings = vec![Reading::Text; self.names.len()];
        self.collect(&readings, &[], 0, control).map(|_| ())
    }

    /// One pass over the file, which keeps the wanted columns.
    fn collect(
        &mut self,
        readings: &[Reading],
        wanted: &[bool],
        rows: usize,
        control: &Control,
    ) -> Result<(Vec<Option<Whole>>, usize)> {
        let format = self.format(readings.to_vec());
        let is_wanted = |i: usize| wanted.get(i).copied().unwrap_or(false);
        let kept = readings.iter().enumerate().filter(|(i, _)| is_wanted(*i));
        let bytes = kept.map(|(_, reading)| Whole::width(*reading)).sum::<usize>().saturating_mul(rows);
        if Vec::<u8>::new().try_reserve_exact(bytes).is_err() {
            return Err(
                Error::input("the table does not fit into memory").hint("Take a part of it, for example one year")
            );
        }
        let mut columns: Vec<Option<Whole>> =
            readings.iter().enumerate().map(|(i, reading)| is_wanted(i).then(|| Whole::new(*reading, rows))).collect();
        let mut guesses: Vec<Guess> = self.names.iter().map(|_| format.fresh()).collect();
        let cut = |bytes| format.cut(bytes, |i, reading, expected| Exact::new(reading, is_wanted(i), expected));
        let (rows, fingerprint) = self.each("reading rows", (0.0, 1.0), control, |blocks, rows| {
            let (parts, end) = self.in_order(blocks, rows, control, cut, Cut::len)?;
            control.check()?;
            columns.par_iter_mut().enumerate().for_each(|(i, column)| {
                let Some(column) = column else { return };
                for (_, part) in &parts {
                    if let Some(cells) = part.columns.get(i) {
                        column.extend(&cells.values, &part.text);
                    }
                }
            });
            for (_, part) in parts {
                guesses.iter_mut().zip(part.guesses).for_each(|(all, part)| all.merge(part));
            }
            Ok(end)
        })?;
        self.fingerprint = fingerprint;
        self.guesses = guesses;
        let rows = usize::try_from(rows).map_err(|_| Error::input("there are more rows than can be read"))?;
        Ok((columns, rows))
    }
}
