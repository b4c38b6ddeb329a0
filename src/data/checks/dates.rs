//! Dates: the order of time in the table, gaps, wrong years, and pairs the wrong way round.

use super::{Table, View};
use crate::data::finding::{Finding, Severity, counted, figure, percent};
use crate::data::profile::iso;
use crate::error::Result;

/// What the evidence of far dates calls the first day that is still believed.
pub(in crate::data) const BELIEVED_FROM: &str = "believed from";
/// And the last one.
pub(in crate::data) const BELIEVED_TO: &str = "believed to";

fn day(view: &View<'_>, stored: f64) -> String {
    iso(stored / view.per_day() * 86_400.0, false)
}

/// The table has an order in time: test on later rows than those trained on.
pub fn time_column(table: &Table<'_>) -> Result<Vec<Finding>> {
    let Some(time) = table.time().filter(|t| t.summary.distinct() > 1) else { return Ok(Vec::new()) };
    let Some([low, high]) =
        time.summary.values.numbers().map(|t| t.quantiles(&[0.005, 0.995])).and_then(|q| <[f64; 2]>::try_from(q).ok())
    else {
        return Ok(Vec::new());
    };
    let message = format!(
        "{} says when a row happened; 99 % of the rows lie between {} and {}",
        time.name(),
        day(&time, low),
        day(&time, high)
    );
    Ok(vec![
        Finding::new("time-column", Severity::Note, message)
            .on(&time.spec.name)
            .with("from", day(&time, low))
            .with("to", day(&time, high))
            .with("distinct", time.summary.distinct())
            .remedy(format!(
                "Choose a split by time {} if the model will judge rows later than those it learned from: it then trains on the past and is tested on what came after",
                time.name()
            )),
    ])
}

/// Dates far outside the span of the others: wrong years, placeholders such as 1900-01-01.
pub fn far(table: &Table<'_>) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for c in table.columns().filter(|c| c.is_date() && c.summary.present() >= 50) {
        let Some(tally) = c.summary.values.numbers() else { continue };
        let Some([low, high]) = <[f64; 2]>::try_from(tally.quantiles(&[0.01, 0.99])).ok() else { continue };
        // Half the central span on both sides, but at least a month, is still believed.
        let room = ((high - low) / 2.0).max(30.0 * c.per_day());
        // Whole days, so that a step which leaves these dates out can name them.
        let per_day = c.per_day();
        let first = ((low - room) / per_day).floor() * per_day;
        let last = ((high + room) / per_day).floor() * per_day;
        let far = |v: f64| v < first || v >= last + per_day;
        let rows: u64 = tally.entries().iter().filter(|(v, _)| far(*v)).map(|(_, n)| n).sum();
        if rows == 0 {
            continue;
        }
        let mut years: Vec<String> = tally
            .entries()
            .iter()
            .filter(|(v, _)| far(*v))
            .map(|(v, _)| day(&c, *v).chars().take(4).collect())
            .collect();
        years.dedup();
        years.truncate(8);
        let message = format!(
            "{} has {} far outside of {} to {}, in {}",
            c.name(),
            counted(rows, "date"),
            day(&c, low),
            day(&c, high),
            years.join(", ")
        );
        findings.push(
            Finding::new("far-dates", Severity::Warning, message)
                .on(&c.spec.name)
                .with("rows", rows)
                .with("usual_from", day(&c, low))
                .with("usual_to", day(&c, high))
                .with(BELIEVED_FROM, day(&c, first))
                .with(BELIEVED_TO, day(&c, last))
                .with("years", years)
                .remedy("Make these dates missing, or leave the rows out with a filter; a clock was wrong, or the date stands for \"unknown\"")
                .rows(table.examples(&c, far)?),
        );
    }
    Ok(findings)
}

/// Stretches without any row in a table that otherwise has rows throughout.
pub fn gaps(table: &Table<'_>) -> Result<Vec<Finding>> {
    let Some(time) = table.time() else { return Ok(Vec::new()) };
    let Some(tally) = time.summary.values.numbers() else { return Ok(Vec::new()) };
    let Some([low, high]) = <[f64; 2]>::try_from(tally.quantiles(&[0.005, 0.995])).ok() else { return Ok(Vec::new()) };
    let per_day = time.per_day();
    let mut days: Vec<f64> = match time.summary.sketch.as_ref().map(|s| &s.days) {
        // A sketch knows which days have a row, though not every moment.
        Some(Some(days)) => {
            let (first, last) = ((low / per_day).floor(), (high / per_day).floor());
            days.iter().copied().filter(|day| *day >= first && *day <= last).collect()
        }
        Some(None) => return Ok(Vec::new()),
        None => {
            let inside = tally.entries().iter().filter(|(v, _)| *v >= low && *v <= high);
            inside.map(|(v, _)| (v / per_day).floor()).collect()
        }
    };
    days.dedup();
    let steps: Vec<(f64, f64)> = days.windows(2).filter_map(|w| Some((*w.first()?, w.last()? - w.first()?))).collect();
    let mut lengths: Vec<f64> = steps.iter().map(|(_, d)| *d).collect();
    lengths.sort_unstable_by(f64::total_cmp);
    let Some(usual) = lengths.get(lengths.len() * 9 / 10).copied().filter(|_| lengths.len() >= 20) else {
        return Ok(Vec::new());
    };
    // A gap is five times what nine of ten steps need, and more than a week: weekends and holidays are no gaps.
    let long: Vec<&(f64, f64)> = steps.iter().filter(|(_, d)| *d > (usual * 5.0).max(7.0)).collect();
    let Some((from, length)) = long.iter().max_by(|a, b| a.1.total_cmp(&b.1)) else { return Ok(Vec::new()) };
    let start = iso((from + 1.0) * 86_400.0, false);
    let message = format!(
        "There is no row for {} days from {start}{}",
        figure(length - 1.0),
        if long.len() > 1 { format!(", and {} shorter gaps", long.len() - 1) } else { String::new() }
    );
    Ok(vec![
        Finding::new("date-gaps", Severity::Warning, message)
            .on(&time.spec.name)
            .with("gaps", long.len())
            .with("longest_days", length - 1.0)
            .with("from", start)
            .with("usual_step_days", usual)
            .remedy("Find out whether the rows were lost or nothing happened"),
    ])
}

/// Two dates of which one comes first in nearly all rows, but not in some.
pub fn order(table: &Table<'_>) -> Result<Vec<Finding>> {
    let dates: Vec<(View<'_>, Vec<f64>)> = table
        .columns()
        .filter(|c| c.is_date() && c.summary.distinct() > 2)
        .take(8)
        .map(|c| Ok((c, c.days()?)))
        .collect::<Result<_>>()?;
    let mut findings = Vec::new();
    for (i, (first, a)) in dates.iter().enumerate() {
        for (second, b) in dates.iter().skip(i + 1) {
            table.control.check()?;
            // A date without a time of day is its whole day: compare days then.
            let whole = first.per_day() == 1.0 || second.per_day() == 1.0;
            let between = |(a, b): (&f64, &f64)| if whole { b.floor() - a.floor() } else { b - a };
            let both = a.iter().zip(b).filter(|(a, b)| !a.is_nan() && !b.is_nan());
            let (mut later, mut earlier, mut n) = (0usize, 0usize, 0usize);
            for pair in both {
                let d = between(pair);
                later += usize::from(d > 0.0);
                earlier += usize::from(d < 0.0);
                n += 1;
            }
            let wrong = later.min(earlier);
            if n < 50 || wrong == 0 || wrong * 50 > n {
                continue;
            }
            let (start, end) = if later >= earlier { (first, second) } else { (second, first) };
            let sign = if later >= earlier { 1.0 } else { -1.0 };
            let share = wrong as f64 / n as f64;
            let message = format!(
                "{} is before {} in {} ({})",
                end.name(),
                start.name(),
                counted(wrong as u64, "row"),
                percent(share)
            );
            let rows = a.iter().zip(b).enumerate().filter(|(_, pair)| between(*pair) * sign < 0.0).map(|(row, _)| row);
            findings.push(
                Finding::new("date-order", Severity::Warning, message)
                    .on(&end.spec.name)
                    .with("after", start.spec.name.clone())
                    .with("rows", wrong)
                    .with("share", share)
                    .remedy("Leave these rows out with a filter, after looking at some of them")
                    .rows(table.places(rows)),
            );
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fires, noise, silent, table};

    fn date(i: usize) -> chrono::NaiveDate {
        chrono::NaiveDate::from_ymd_opt(2019, 1, 1).unwrap() + chrono::Days::new(i as u64)
    }

    #[test]
    fn the_order_of_time_is_found() {
        fires(
            "time-column",
            &table("day,born,x", 100, |i| format!("{},{},{}", date(i), date(noise(i, 1, 5000)), i % 7)),
            None,
            Some("day"),
        );
        silent("time-column", &table("day,x", 100, |i| format!("2019-01-01,{}", i % 7)), None);
    }

    #[test]
    fn wrong_years_are_found() {
        let csv = |odd: &str| {
            table("day,x", 200, |i| format!("{},{}", if i == 5 { odd.to_owned() } else { date(i).to_string() }, i % 7))
        };
        let f = fires("far-dates", &csv("2091-01-05"), None, Some("day"));
        assert_eq!(f.rows, [6]);
        silent("far-dates", &csv("2019-03-03"), None);
    }

    #[test]
    fn gaps_are_found() {
        let csv =
            |gap: usize| table("day,x", 200, |i| format!("{},{}", date(if i < 100 { i } else { i + gap }), i % 7));
        let f = fires("date-gaps", &csv(40), None, Some("day"));
        assert!(f.evidence.contains("longest days 40"), "{f:?}");
        silent("date-gaps", &csv(2), None);
    }

    #[test]
    fn pairs_the_wrong_way_round_are_found() {
        let csv = |odd: bool| {
            table("start,end,x", 200, |i| {
                let back = usize::from(odd && i == 11) * 9;
                format!(
                    "{},{},{}",
                    date(i + 10),
                    date(i + 12 + noise(i, 1, 9) - back.min(9) - usize::from(back > 0) * 3),
                    i % 7
                )
            })
        };
        let f = fires("date-order", &csv(true), None, Some("end"));
        assert_eq!(f.rows, [12]);
        silent("date-order", &csv(false), None);
    }
}
