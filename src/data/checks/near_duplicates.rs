//! Rows that repeat an earlier row but for a trifle in one column: an entity that was entered twice.

use super::duplicates::mix;
use super::table::codes;
use super::{Table, View};
use crate::data::finding::{Finding, Severity, counted, percent};
use crate::data::{Meaning, brief, column};
use crate::engine::Values;
use crate::error::Result;

/// At most this many rows are compared: the first ones, as copies of a row mostly stand in one export.
const LOOKED_AT: usize = 100_000;

/// Numbers that differ by at most this share of the larger one differ by a trifle (rounding, one cent).
const TRIFLE: f64 = 0.005;

/// A column as the comparison sees it.
struct Compared<'a> {
    view: View<'a>,
    hashes: Vec<u64>,
    /// What two rows share by chance, in nats: minus the logarithm of the sum of the squared shares of its values.
    information: f64,
}

impl<'a> Compared<'a> {
    fn of(index: usize, view: View<'a>, rows: usize) -> Result<Self> {
        let first = view.column.head(Some(rows));
        let codes = codes(&View { column: &first, ..view })?;
        let n = (view.summary.present() + view.summary.missing).max(1) as f64;
        let missing = view.summary.missing as f64 / n;
        let equal: f64 =
            view.summary.values.counts().iter().map(|k| (*k as f64 / n).powi(2)).sum::<f64>() + missing * missing;
        let hashes = codes.into_iter().map(|code| mix(index as u64 + 1, u64::from(code))).collect();
        Ok(Self { view, hashes, information: -equal.max(f64::MIN_POSITIVE).ln() })
    }

    /// The pairs of rows (of a group that is equal in all other columns) that differ here by a trifle only.
    fn trifles(&self, rows: &[u32], texts: &[Option<&str>], numbers: &[f64]) -> Vec<(u32, u32)> {
        let mut pairs = Vec::new();
        if self.view.summary.values.texts().is_some() {
            let text = |row: u32| texts.get(row as usize).copied().flatten();
            for (i, a) in rows.iter().enumerate() {
                for b in rows.iter().skip(i + 1) {
                    let near = match (text(*a), text(*b)) {
                        (Some(x), Some(y)) => x != y && nearly_same(x, y),
                        (x, y) => x.is_some() != y.is_some(),
                    };
                    if near {
                        pairs.push((*a.min(b), *a.max(b)));
                    }
                }
            }
            return pairs;
        }
        let mut sorted: Vec<(f64, u32)> =
            rows.iter().map(|row| (numbers.get(*row as usize).copied().unwrap_or(f64::NAN), *row)).collect();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        for pair in sorted.windows(2) {
            let [(x, a), (y, b)] = pair else { continue };
            let near = match (x.is_nan(), y.is_nan()) {
                (false, false) if self.view.is_date() => (y - x) / self.view.per_day() <= 1.0 && x != y,
                (false, false) => x != y && (y - x).abs() <= TRIFLE * x.abs().max(y.abs()),
                (a, b) => a != b,
            };
            if near {
                pairs.push((*a.min(b), *a.max(b)));
            }
        }
        pairs
    }
}

/// Whether two texts differ in case, blanks and signs only, or in one letter of eight or more.
fn nearly_same(a: &str, b: &str) -> bool {
    let bare = |t: &str| t.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<Vec<char>>();
    let (a, b) = (bare(a), bare(b));
    if a == b {
        return true;
    }
    let digits = |t: &[char]| t.iter().any(char::is_ascii_digit);
    // A digit that differs is another number, not a slip of the pen.
    if a.len().min(b.len()) < 8 || a.len().abs_diff(b.len()) > 1 || digits(&a) || digits(&b) {
        return false;
    }
    let same = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let (a, b) = (a.get(same..).unwrap_or_default(), b.get(same..).unwrap_or_default());
    let rest = |t: &'_ [char], skip: usize| t.get(skip..).unwrap_or_default().to_vec();
    match a.len().cmp(&b.len()) {
        std::cmp::Ordering::Equal => rest(a, 1) == rest(b, 1),
        std::cmp::Ordering::Less => a == rest(b, 1),
        std::cmp::Ordering::Greater => rest(a, 1) == b,
    }
}

/// Pairs of rows that are equal in all columns but one (identifiers aside), where that one differs by a trifle: another
/// writing, a rounding, a day, a value that one of them lacks. Only in tables whose columns tell rows apart: the chance
/// that two rows agree in the other columns, were these independent, must lie under the chance of one pair in the whole
/// table to the power of 1.5.
pub fn rows(table: &Table<'_>) -> Result<Vec<Finding>> {
    // Of a pair a sample holds both too rarely to say anything, and sketched columns have no levels to compare.
    if table.is_sample() || table.columns().any(|c| c.summary.sketch.is_some()) {
        return Ok(Vec::new());
    }
    let looked_at = table.rows().min(LOOKED_AT);
    let columns: Vec<Compared<'_>> = table
        .columns()
        .filter(|c| c.spec.meaning != Meaning::Identifier && c.summary.distinct() > 1)
        .enumerate()
        .map(|(index, view)| Compared::of(index, view, looked_at))
        .collect::<Result<_>>()?;
    if columns.len() < 4 || looked_at < 2 {
        return Ok(Vec::new());
    }
    let mut whole = vec![0u64; looked_at];
    for c in &columns {
        for (sum, hash) in whole.iter_mut().zip(&c.hashes) {
            *sum = sum.wrapping_add(*hash);
        }
    }
    let information: f64 = columns.iter().map(|c| c.information).sum();
    let enough = 1.5 * 2.0 * (looked_at as f64).ln();
    let mut found: Vec<(u32, u32, usize)> = Vec::new();
    for (index, c) in columns.iter().enumerate() {
        table.control.check()?;
        if information - c.information < enough {
            continue;
        }
        let mut keys: Vec<(u64, u32)> =
            whole.iter().zip(&c.hashes).zip(0u32..).map(|((sum, hash), row)| (sum.wrapping_sub(*hash), row)).collect();
        keys.sort_unstable();
        let differs = |rows: &[(u64, u32)]| {
            let mut hashes = rows.iter().filter_map(|(_, row)| c.hashes.get(*row as usize));
            let first = hashes.next();
            hashes.any(|h| Some(h) != first)
        };
        let groups: Vec<Vec<u32>> = keys
            .chunk_by(|a, b| a.0 == b.0)
            .filter(|g| g.len() > 1 && g.len() <= 50 && differs(g))
            .map(|g| g.iter().map(|(_, row)| *row).collect())
            .collect();
        if groups.is_empty() {
            continue;
        }
        let series = c.view.column.as_materialized_series();
        let (texts, numbers) = match &c.view.summary.values {
            Values::Texts(_) => (series.str()?.iter().take(looked_at).collect(), Vec::new()),
            Values::Numbers(_) => (Vec::new(), column::numbers(&c.view.column.head(Some(looked_at)))?),
        };
        for group in groups {
            found.extend(c.trifles(&group, &texts, &numbers).into_iter().map(|(a, b)| (a, b, index)));
        }
    }
    found.sort_unstable();
    let Some((first, second, index)) = found.first().copied() else { return Ok(Vec::new()) };
    let mut repeats: Vec<usize> = found.iter().map(|(_, later, _)| *later as usize).collect();
    repeats.sort_unstable();
    repeats.dedup();
    let share = repeats.len() as f64 / looked_at as f64;
    let name = columns.get(index).map_or_else(String::new, |c| c.view.name());
    let severity = if share > 0.05 { Severity::Warning } else { Severity::Note };
    let message = format!(
        "{} ({}) repeat an earlier row but for a trifle in one column, such as rows {} and {} in {}",
        counted(repeats.len() as u64, "row"),
        percent(share),
        first + 1,
        second + 1,
        brief(&name, 40)
    );
    Ok(vec![
        Finding::new("near-duplicate-rows", severity, message)
            .with("rows", repeats.len())
            .with("share", share)
            .with("compared", looked_at)
            .remedy(
                "Look at some pairs: keep one of each that was entered twice, or keep both on one side of the split",
            )
            .rows(repeats),
    ])
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fires, noise, silent, table};
    use super::nearly_same;

    fn people(rows: usize, odd: &str) -> String {
        table("name,street,age,income,joined", rows, |i| {
            // The last row is the fourth once more, in other words.
            let of = if i + 1 == rows { 3 } else { i };
            let name = if i + 1 == rows { odd.to_owned() } else { format!("Person {}", noise(of, 1, 90)) };
            format!(
                "{name},Road {},{},{},2019-0{}-1{}",
                noise(of, 2, 90),
                noise(of, 3, 60),
                noise(of, 4, 90_000),
                1 + noise(of, 5, 9),
                noise(of, 6, 9)
            )
        })
    }

    #[test]
    fn an_entity_entered_twice_is_found() {
        let same = format!("PERSON  {}", noise(3, 1, 90));
        let f = fires("near-duplicate-rows", &people(200, &same), None, None);
        assert_eq!(f.rows, [200]);
        fires("near-duplicate-rows", &people(200, ""), None, None);
        silent("near-duplicate-rows", &people(200, "Somebody else"), None);
    }

    #[test]
    fn a_table_of_few_values_has_no_near_duplicates() {
        silent(
            "near-duplicate-rows",
            &table("a,b,c,d", 300, |i| format!("{},{},{},{}", i % 2, i % 3, i % 5, noise(i, 1, 900))),
            None,
        );
    }

    #[test]
    fn slips_of_the_pen_are_told_from_other_words() {
        assert!(nearly_same("Anna-Maria", "anna maria") && nearly_same("Hauptstrasse", "Hauptstrase"));
        assert!(nearly_same("Hauptstrasse", "Hauptstrabse") && !nearly_same("Hauptstrasse", "Nebenstrasse"));
        assert!(!nearly_same("New", "Now") && !nearly_same("Invoice 12345", "Invoice 12346"));
    }
}
