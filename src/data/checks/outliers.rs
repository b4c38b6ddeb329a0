//! Numbers that stand far from the others, or cannot be what their column's name says.

use super::{Table, View};
use crate::data::finding::{Finding, Severity, counted, figure, percent};
use crate::data::meaning::words;
use crate::engine::Tally;
use crate::error::Result;

/// Tukey's fence for values that are "far out": quartiles and three times their distance.
const FENCE: f64 = 3.0;

fn numbers<'a>(table: &'a Table<'_>) -> impl Iterator<Item = (View<'a>, &'a Tally<f64>)> {
    table.columns().filter(View::is_number).filter_map(|c| Some((c, c.summary.values.numbers()?)))
}

/// Lower and upper fence.
fn fences(tally: &Tally<f64>, by: f64) -> Option<(f64, f64)> {
    let [q1, q3] = tally.quantiles(&[0.25, 0.75])[..] else { return None };
    let spread = q3 - q1;
    (spread > 0.0).then_some((q1 - by * spread, q3 + by * spread))
}

/// The fences on the logarithms of positive values, brought back.
fn log_fences(tally: &Tally<f64>, by: f64) -> Option<(f64, f64)> {
    let logs = tally.entries().iter().filter(|(v, _)| *v > 0.0).map(|(v, n)| (v.ln(), *n)).collect();
    fences(&Tally::from_counts(logs), by).map(|(low, high)| (low.exp(), high.exp()))
}

/// Values beyond the fences: on the plain scale and, for what is positive and long-tailed, on the log scale as well, so
/// that the natural tail of amounts and counts is not called an outlier.
pub fn far(table: &Table<'_>) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (c, tally) in numbers(table).filter(|(_, t)| t.distinct() > 20) {
        table.control.check()?;
        let Some((low, mut high)) = fences(tally, FENCE) else { continue };
        if low < 0.0 && tally.quantile(0.01).is_some_and(|q| q >= 0.0) {
            let Some((_, above)) = log_fences(tally, FENCE) else { continue };
            high = high.max(above);
        }
        let (mut below, mut above) = (0u64, 0u64);
        for (v, n) in tally.entries() {
            below += if *v < low { *n } else { 0 };
            above += if *v > high { *n } else { 0 };
        }
        let share = (below + above) as f64 / c.summary.present() as f64;
        // More than a fiftieth are no outliers but a second kind of row.
        if below + above == 0 || share > 0.02 {
            continue;
        }
        let m = &c.summary.moments;
        let wild = m.max > high + 10.0 * (high - low) || m.min < low - 10.0 * (high - low);
        let side = match (below, above) {
            (0, _) => format!("above {}, up to {}", figure(high), figure(m.max)),
            (_, 0) => format!("below {}, down to {}", figure(low), figure(m.min)),
            _ => format!("outside {} to {}, from {} to {}", figure(low), figure(high), figure(m.min), figure(m.max)),
        };
        let n = below + above;
        let message = format!("{} has {} ({}) {side}", c.name(), counted(n, "far value"), percent(share));
        findings.push(
            Finding::new("outliers", if wild { Severity::Warning } else { Severity::Note }, message)
                .on(&c.spec.name)
                .with("below", below)
                .with("above", above)
                .with("share", share)
                .with("low", low)
                .with("high", high)
                .with("min", m.min)
                .with("max", m.max)
                .remedy("Check some of them at their source; remove wrong ones, keep right ones and prefer a model of trees")
                .rows(table.examples(&c, |v| v < low || v > high)?),
        );
    }
    Ok(findings)
}

/// A few negative numbers in a column whose name says that there can be none.
pub fn negative(table: &Table<'_>) -> Result<Vec<Finding>> {
    const NEVER: &[&str] = &[
        "amount",
        "price",
        "fare",
        "cost",
        "fee",
        "tax",
        "tip",
        "tips",
        "toll",
        "tolls",
        "surcharge",
        "salary",
        "income",
        "wage",
        "revenue",
        "sales",
        "spend",
        "total",
        "quantity",
        "qty",
        "count",
        "distance",
        "duration",
        "minutes",
        "hours",
        "seconds",
        "age",
        "weight",
        "height",
        "length",
        "width",
        "area",
        "size",
        "speed",
        "volume",
        "population",
        "orders",
        "visits",
        "clicks",
    ];
    let mut findings = Vec::new();
    for (c, tally) in numbers(table) {
        let rows: u64 = tally.entries().iter().take_while(|(v, _)| *v < 0.0).map(|(_, n)| n).sum();
        let share = rows as f64 / c.summary.present().max(1) as f64;
        if rows == 0 || share > 0.1 || !words(&c.spec.name).iter().any(|w| NEVER.contains(&w.as_str())) {
            continue;
        }
        let message = format!(
            "{} is negative in {} ({}), down to {}",
            c.name(),
            counted(rows, "row"),
            percent(share),
            figure(c.summary.moments.min)
        );
        findings.push((
            rows,
            Finding::new("negative-amounts", Severity::Warning, message)
                .on(&c.spec.name)
                .with("rows", rows)
                .with("share", share)
                .with("min", c.summary.moments.min)
                .remedy("They may be refunds or corrections of other rows: leave them out with a filter, or model them apart")
                .rows(table.examples(&c, |v| v < 0.0)?),
        ));
    }
    // The column with most of them first: a single slip should not hide a habit.
    findings.sort_by_key(|(rows, _)| std::cmp::Reverse(*rows));
    Ok(findings.into_iter().map(|(_, finding)| finding).collect())
}

/// A number such as 999 or -1 that stands alone at the end of the range and occurs often: a stand-in for "unknown".
pub fn placeholders(table: &Table<'_>) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (c, tally) in numbers(table).filter(|(_, t)| t.distinct() > 5) {
        let entries = tally.entries();
        let ends = [
            (entries.first(), entries.get(1)),
            (entries.last(), entries.len().checked_sub(2).and_then(|i| entries.get(i))),
        ];
        let Some([q1, q3]) = <[f64; 2]>::try_from(tally.quantiles(&[0.25, 0.75])).ok() else { continue };
        for (end, next) in ends {
            let (Some(&(value, n)), Some(&(next, _))) = (end, next) else { continue };
            let far = (value - next).abs() > 3.0 * (q3 - q1).max(1.0) || (value == -1.0 && next >= 0.0);
            if !is_stand_in(value) || !far || n < 3 || n as f64 > 0.5 * c.summary.present() as f64 {
                continue;
            }
            let message = format!(
                "{} is {} in {}, far from all others: it may stand for \"unknown\"",
                c.name(),
                value,
                counted(n, "row")
            );
            findings.push(
                Finding::new("placeholder-values", Severity::Warning, message)
                    .on(&c.spec.name)
                    .with("value", value)
                    .with("rows", n)
                    .with("next", next)
                    .remedy(format!("If so, name {value} as a spelling of \"missing\" when loading"))
                    .rows(table.examples(&c, |v| v == value)?),
            );
        }
    }
    Ok(findings)
}

/// -1, or two or more nines (9999, -999).
fn is_stand_in(value: f64) -> bool {
    let text = value.abs().to_string();
    value == -1.0 || (text.len() >= 2 && text.bytes().all(|b| b == b'9'))
}

/// A distribution with a very long tail (ydata-profiling warns from 20; half of that already bends linear models).
pub fn skew(table: &Table<'_>) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (c, tally) in numbers(table).filter(|(_, t)| t.distinct() > 20) {
        let Some(skewness) = c.summary.moments.skewness().filter(|s| s.abs() > 10.0) else { continue };
        let Some([q1, q3]) = <[f64; 2]>::try_from(tally.quantiles(&[0.01, 0.99])).ok() else { continue };
        let message = format!(
            "{} has a very long tail (skewness {}): 98 % lie between {} and {}, the rest reaches {}",
            c.name(),
            figure(skewness),
            figure(q1),
            figure(q3),
            figure(if skewness > 0.0 { c.summary.moments.max } else { c.summary.moments.min })
        );
        findings.push(
            Finding::new("skew", Severity::Note, message)
                .on(&c.spec.name)
                .with("skewness", skewness)
                .remedy("For linear models derive its logarithm; trees do not mind"),
        );
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fires, noise, silent, table};

    fn amounts(odd: &str) -> String {
        table("amount,b", 500, |i| {
            format!("{},{}", if i == 77 { odd.to_owned() } else { (100 + noise(i, 1, 100)).to_string() }, i % 3)
        })
    }

    #[test]
    fn far_values_are_found_with_their_rows() {
        let f = fires("outliers", &amounts("100000"), None, Some("amount"));
        assert_eq!(f.rows, [78]);
        assert_eq!(f.severity, crate::data::Severity::Warning);
        silent("outliers", &amounts("150"), None);
    }

    #[test]
    fn the_tail_of_a_log_normal_is_no_outlier() {
        let csv = table("x,b", 1000, |i| {
            let p = (i as f64 + 0.5) / 1000.0;
            // Quantiles of a log-logistic distribution: symmetric on the log scale.
            format!("{},{}", (p / (1.0 - p)).powf(0.8), i % 3)
        });
        silent("outliers", &csv, None);
    }

    #[test]
    fn negative_amounts_are_found() {
        fires("negative-amounts", &amounts("-5"), None, Some("amount"));
        silent("negative-amounts", &amounts("5"), None);
        silent("negative-amounts", &table("balance,b", 100, |i| format!("{},{}", i as i64 - 5, i % 3)), None);
    }

    #[test]
    fn stand_ins_for_unknown_are_found() {
        let csv = |odd: &str| {
            table("x,b", 200, |i| {
                format!("{},{}", if i % 50 == 0 { odd.to_owned() } else { noise(i, 1, 40).to_string() }, i % 3)
            })
        };
        fires("placeholder-values", &csv("9999"), None, Some("x"));
        fires("placeholder-values", &csv("-1"), None, Some("x"));
        silent("placeholder-values", &csv("41"), None);
    }

    #[test]
    fn long_tails_are_found() {
        fires("skew", &amounts("100000000"), None, Some("amount"));
        silent("skew", &amounts("120"), None);
    }
}
