//! The order of the rows: does it say something about the target, and does time run forwards?

use super::association::ranks;
use super::table::{MISSING, codes};
use super::{Table, TargetKind};
use crate::data::column;
use crate::data::finding::{Finding, Severity, counted, figure};
use crate::data::profile::iso;
use crate::error::Result;

/// Correlation from which the order matters, and from which the table is plainly sorted by its target.
const MATTERS: f64 = 0.1;
const SORTED: f64 = 0.9;

/// Standard errors by which a correlation must differ from chance.
const ERRORS: f64 = 5.0;

/// The target depends on the place of the row, or neighbours are alike: rows drawn at random are then no fresh rows. Measured by
/// the correlation of the target's rank with the row number, and with the rank in the row before (serial correlation);
/// both have a standard error of one over the root of the rows when the order is chance.
pub fn row_order(table: &Table<'_>) -> Result<Vec<Finding>> {
    // The rows of a sample are no neighbours.
    if table.is_sample() {
        return Ok(Vec::new());
    }
    let (Some(target), Some(kind)) = (table.target(), table.target_kind()) else { return Ok(Vec::new()) };
    if target.summary.distinct() < 2 || target.is_date() {
        return Ok(Vec::new());
    }
    let values: Vec<f64> = match kind {
        TargetKind::Number => column::numbers(target.column)?.into_iter().filter(|v| v.is_finite()).collect(),
        TargetKind::Classes => {
            // Of several classes the most frequent against all others.
            let all = codes(&target)?;
            let counts = target.summary.values.counts();
            let most = counts.iter().enumerate().max_by_key(|(_, n)| **n).map_or(0, |(i, _)| i as u32);
            all.into_iter().filter(|c| *c != MISSING).map(|c| f64::from(u8::from(c == most))).collect()
        }
    };
    let n = values.len() as f64;
    if values.len() < 200 {
        return Ok(Vec::new());
    }
    let mut ranks = ranks(&values);
    let mean = (n + 1.0) / 2.0;
    ranks.iter_mut().for_each(|r| *r -= mean);
    let square: f64 = ranks.iter().map(|r| r * r).sum();
    if square <= 0.0 {
        return Ok(Vec::new());
    }
    let serial = ranks.windows(2).map(|w| w.iter().product::<f64>()).sum::<f64>() / square;
    let places = (n * n - 1.0) * n / 12.0;
    let trend =
        ranks.iter().enumerate().map(|(i, r)| r * (i as f64 - (n - 1.0) / 2.0)).sum::<f64>() / (square * places).sqrt();
    let matters = |r: f64| r.abs() > MATTERS && r.abs() * n.sqrt() > ERRORS;
    if !matters(serial) && !matters(trend) {
        return Ok(Vec::new());
    }
    let severity = if serial.abs().max(trend.abs()) > SORTED { Severity::Warning } else { Severity::Note };
    let what = if trend.abs() >= serial.abs() {
        format!("{} changes along the rows (correlation with the row number {})", target.name(), figure(trend))
    } else {
        format!(
            "rows that stand together have like values of {} (serial correlation {})",
            target.name(),
            figure(serial)
        )
    };
    Ok(vec![
        Finding::new("row-order", severity, format!("The order of the rows is not chance: {what}"))
            .on(&target.spec.name)
            .with("serial_correlation", serial)
            .with("trend", trend)
            .with("rows", values.len())
            .remedy(
                "If neighbours share a cause (a place, a batch, a day), split by it; never by cutting the table in two",
            ),
    ])
}

/// Rows out of place in a table that otherwise stands in the order of its time column.
pub fn time_disorder(table: &Table<'_>) -> Result<Vec<Finding>> {
    // The rows of a sample are no neighbours.
    if table.is_sample() {
        return Ok(Vec::new());
    }
    let Some(time) = table.time() else { return Ok(Vec::new()) };
    let Some(tally) = time.summary.values.numbers() else { return Ok(Vec::new()) };
    let Some([low, high]) = <[f64; 2]>::try_from(tally.quantiles(&[0.01, 0.99])).ok() else { return Ok(Vec::new()) };
    // Wrong years are a finding of their own.
    let room = ((high - low) / 2.0).max(30.0 * time.per_day());
    let values = column::numbers(time.column)?;
    let mut known = values.iter().enumerate().filter(|(_, v)| **v >= low - room && **v <= high + room);
    let Some((_, mut before)) = known.next() else { return Ok(Vec::new()) };
    let (mut rows, mut steps) = (Vec::new(), 0usize);
    for (row, value) in known {
        steps += 1;
        if value < before {
            rows.push(row);
        }
        before = value;
    }
    // In a table without that order nothing is out of place.
    if rows.is_empty() || rows.len() * 20 > steps || tally.distinct() < 10 {
        return Ok(Vec::new());
    }
    let first =
        rows.first().and_then(|row| values.get(*row)).map(|v| iso(v / time.per_day() * 86_400.0, time.per_day() > 1.0));
    let message = format!(
        "The table stands in the order of {}, but {} earlier than the one before, first at {}",
        time.name(),
        if rows.len() == 1 { "1 row is".to_owned() } else { format!("{} are", counted(rows.len() as u64, "row")) },
        first.unwrap_or_default()
    );
    Ok(vec![
        Finding::new("time-disorder", Severity::Note, message)
            .on(&time.spec.name)
            .with("rows", rows.len())
            .with("share", rows.len() as f64 / steps as f64)
            .remedy("Sort by the column before deriving anything from the row before, such as a difference or a running sum")
            .rows(rows),
    ])
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fires, noise, silent, table};
    use crate::data::Severity;

    #[test]
    fn an_order_that_tells_the_target_is_found() {
        let sorted = table("x,y", 400, |i| format!("{},{}", noise(i, 1, 50), if i < 100 { "yes" } else { "no" }));
        assert_eq!(fires("row-order", &sorted, Some("y"), Some("y")).severity, Severity::Warning);
        let blocks = table("x,y", 400, |i| format!("{},{}", noise(i, 1, 50), noise(i / 10, 2, 90) + noise(i, 3, 9)));
        assert_eq!(fires("row-order", &blocks, Some("y"), Some("y")).severity, Severity::Note);
        let chance = table("x,y", 400, |i| format!("{},{}", noise(i, 1, 50), noise(i, 2, 90)));
        silent("row-order", &chance, Some("y"));
        silent("row-order", &sorted, None);
    }

    #[test]
    fn rows_out_of_place_are_found() {
        let day = |i: usize| chrono::NaiveDate::from_ymd_opt(2019, 1, 1).unwrap() + chrono::Days::new(i as u64);
        let csv = |odd: usize| table("day,x", 200, |i| format!("{},{}", day(if i == 50 { odd } else { i }), i % 7));
        assert_eq!(fires("time-disorder", &csv(20), None, Some("day")).rows, [51]);
        silent("time-disorder", &csv(50), None);
        silent("time-disorder", &table("day,x", 200, |i| format!("{},{}", day(noise(i, 1, 300)), i % 7)), None);
    }
}
