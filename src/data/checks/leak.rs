//! Columns that give the answer away: derived from it, nearly equal to it, or known only after it.
//!
//! All are reported under one name, `leak`, and each with its reason: such columns are left out of the features.

use super::association::{auc, bins, complete, pearson, predict_by_bin, spearman};
use super::table::MISSING;
use super::{Table, TargetKind, View};
use crate::data::finding::{Finding, Severity, figure};
use crate::error::Result;

/// The name of the check.
const LEAK: &str = "leak";

/// What one column may do alone before it is suspected: area under the curve, share of errors saved, correlation.
const TOO_GOOD_AUC: f64 = 0.97;
const TOO_GOOD_GAIN: f64 = 0.95;
const TOO_GOOD_CORRELATION: f64 = 0.98;

/// Scores on fewer rows are luck.
const FEWEST: usize = 30;

/// Ends the evidence about a column from which the target was derived.
pub(in crate::data) const COMPUTED: &str = "is computed from it";

const REMEDY: &str = "Leave the column out, unless it is known at the moment of prediction";

/// Columns that the target was computed from.
pub fn derived(table: &Table<'_>) -> Result<Vec<Finding>> {
    let Some(target) = table.target() else { return Ok(Vec::new()) };
    Ok(table
        .features()
        .filter(|c| table.leaks.contains(&c.spec.name))
        .map(|c| {
            let reason = format!("{} {COMPUTED}", target.name());
            Finding::new(LEAK, Severity::Serious, format!("{} gives {} away: {reason}", c.name(), target.name()))
                .on(&c.spec.name)
                .because(reason)
                .remedy(REMEDY)
        })
        .collect())
}

/// A single column that nearly determines the target on rows it has not seen.
pub fn single_column(table: &Table<'_>) -> Result<Vec<Finding>> {
    let (Some(target), Some(kind)) = (table.target(), table.target_kind()) else { return Ok(Vec::new()) };
    if target.summary.distinct() < 2 || target.is_date() {
        return Ok(Vec::new());
    }
    let truth = Truth::of(table, &target, kind)?;
    if truth.known < FEWEST {
        return Ok(Vec::new());
    }
    let mut findings = Vec::new();
    for c in table.usable() {
        table.control.check()?;
        if let Some(reason) = truth.too_good(table, &c)? {
            findings.push(
                Finding::new(
                    LEAK,
                    Severity::Serious,
                    format!("{} alone nearly determines {}: {reason}", c.name(), target.name()),
                )
                .on(&c.spec.name)
                .because(reason)
                .remedy(REMEDY),
            );
        }
    }
    Ok(findings)
}

/// The target in the sample.
struct Truth {
    kind: TargetKind,
    numbers: Vec<f64>,
    codes: Vec<u32>,
    known: usize,
    distinct: usize,
}

impl Truth {
    fn of(table: &Table<'_>, target: &View<'_>, kind: TargetKind) -> Result<Self> {
        let codes = table.sampled_codes(target)?;
        let numbers = if kind == TargetKind::Number { table.sampled_numbers(target)? } else { Vec::new() };
        let known = match kind {
            TargetKind::Number => numbers.iter().filter(|v| !v.is_nan()).count(),
            TargetKind::Classes => codes.iter().filter(|c| **c != MISSING).count(),
        };
        Ok(Self { kind, numbers, codes, known, distinct: target.summary.distinct() })
    }

    /// The reason why a column is too good to be true.
    fn too_good(&self, table: &Table<'_>, view: &View<'_>) -> Result<Option<String>> {
        let levels =
            if view.is_category() { table.sampled_codes(view)? } else { bins(&table.sampled_numbers(view)?, 64) };
        if self.kind == TargetKind::Number {
            if !view.is_category() {
                let x = table.sampled_numbers(view)?;
                let (a, b) = complete(&x, &self.numbers);
                let r = pearson(&a, &b).unwrap_or(0.0).abs().max(spearman(&x, &self.numbers).unwrap_or(0.0).abs());
                return Ok((a.len() >= FEWEST && r > TOO_GOOD_CORRELATION)
                    .then(|| format!("their correlation is {}", figure(r))));
            }
            let (levels, y): (Vec<u32>, Vec<f64>) =
                levels.iter().zip(&self.numbers).filter(|(_, y)| !y.is_nan()).map(|(l, y)| (*l, *y)).unzip();
            let r = pearson(&predict_by_bin(&levels, &y), &y).unwrap_or(0.0);
            return Ok((r > TOO_GOOD_CORRELATION)
                .then(|| format!("its levels alone predict it with a correlation of {}", figure(r))));
        }
        let (levels, codes): (Vec<u32>, Vec<u32>) =
            levels.iter().zip(&self.codes).filter(|(_, y)| **y != MISSING).map(|(l, y)| (*l, *y)).unzip();
        let scores = |class: u32| -> (Vec<f64>, Vec<bool>) {
            let yes: Vec<bool> = codes.iter().map(|c| *c == class).collect();
            (predict_by_bin(&levels, &yes.iter().map(|y| f64::from(u8::from(*y))).collect::<Vec<_>>()), yes)
        };
        if self.distinct == 2 {
            let (scores, yes) = scores(1);
            let area = auc(&scores, &yes).unwrap_or(0.5);
            return Ok((area > TOO_GOOD_AUC)
                .then(|| format!("on its own it reaches an AUC of {} on unseen rows", figure(area))));
        }
        // Many classes: the share of the errors of "always the most frequent" that the column saves.
        let per_class: Vec<Vec<f64>> = (0..self.distinct.min(200) as u32).map(|class| scores(class).0).collect();
        let mut right = 0usize;
        for (row, truth) in codes.iter().enumerate() {
            let best = per_class.iter().enumerate().max_by(|a, b| {
                let at = |s: &Vec<f64>| s.get(row).copied().unwrap_or(0.0);
                at(a.1).total_cmp(&at(b.1)).then(b.0.cmp(&a.0))
            });
            right += usize::from(best.is_some_and(|(class, _)| class as u32 == *truth));
        }
        let n = codes.len() as f64;
        let usual =
            (0..self.distinct as u32).map(|c| codes.iter().filter(|x| **x == c).count()).max().unwrap_or(0) as f64 / n;
        let gain = if usual < 1.0 { (right as f64 / n - usual) / (1.0 - usual) } else { 0.0 };
        Ok((gain > TOO_GOOD_GAIN)
            .then(|| format!("on its own it saves {} of the errors of guessing", crate::data::finding::percent(gain))))
    }
}

/// A date that together with another gives the target: the target is the time between the two.
pub fn dates(table: &Table<'_>) -> Result<Vec<Finding>> {
    let Some(target) = table.target().filter(|_| table.target_kind() == Some(TargetKind::Number)) else {
        return Ok(Vec::new());
    };
    if target.is_date() {
        return Ok(Vec::new());
    }
    let y = table.sampled_numbers(&target)?;
    let dates: Vec<(View<'_>, Vec<f64>)> = table
        .features()
        .filter(|c| c.is_date() && c.summary.distinct() > 1)
        .take(8)
        .map(|c| Ok((c, table.sampled_numbers(&c)?.into_iter().map(|v| v / c.per_day()).collect())))
        .collect::<Result<_>>()?;
    let mut findings = Vec::new();
    for (i, (first, a)) in dates.iter().enumerate() {
        for (second, b) in dates.iter().skip(i + 1) {
            table.control.check()?;
            let between: Vec<f64> = a.iter().zip(b).map(|(a, b)| b - a).collect();
            let Some(r) = spearman(&between, &y).filter(|r| r.abs() > TOO_GOOD_CORRELATION) else { continue };
            // The earlier of the two is where the target is measured from; the later one is known only with it.
            let falling = between.iter().filter(|d| **d < 0.0).count() * 2 > between.len();
            let (start, end) = if falling { (second, first) } else { (first, second) };
            let reason = format!(
                "it is known only with {}: the time since {} orders the rows as the target does (rank correlation {})",
                target.name(),
                start.name(),
                figure(r.abs())
            );
            findings.push(
                Finding::new(LEAK, Severity::Serious, format!("{} gives {} away: {reason}", end.name(), target.name()))
                    .on(&end.spec.name)
                    .because(reason)
                    .remedy("Leave the column out, and what is derived from it"),
            );
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{findings, fires, noise, profile_csv, silent, table};
    use crate::data::ProfileOptions;

    #[test]
    fn a_copy_of_the_target_is_found() {
        let csv = table("a,code,y", 400, |i| {
            let y = noise(i, 1, 2);
            format!("{},{},{}", noise(i, 2, 50), if i == 3 { "z" } else { ["p", "q"][y] }, ["no", "yes"][y])
        });
        let f = fires("leak", &csv, Some("y"), Some("code"));
        assert!(f.evidence.contains("AUC"), "{f:?}");
    }

    #[test]
    fn a_rescaled_target_is_found_among_numbers_and_classes() {
        let csv = table("a,b,y", 400, |i| {
            format!("{},{},{}", noise(i, 2, 50), noise(i, 1, 900) * 3 + noise(i, 3, 2), noise(i, 1, 900))
        });
        fires("leak", &csv, Some("y"), Some("b"));
        let csv = table("a,b,y", 600, |i| format!("{},{},c{}", noise(i, 2, 50), noise(i, 1, 5) * 10, noise(i, 1, 5)));
        fires("leak", &csv, Some("y"), Some("b"));
    }

    #[test]
    fn good_and_chance_columns_are_left_alone() {
        let csv = table("good,noise,city,y", 400, |i| {
            let y = noise(i, 1, 2);
            format!("{},{},c{},{}", y * 10 + noise(i, 4, 20), noise(i, 2, 50), noise(i, 3, 150), ["no", "yes"][y])
        });
        silent("leak", &csv, Some("y"));
        silent("leak", &csv, None);
    }

    fn trips() -> String {
        table("start,end,km,minutes", 300, |i| {
            let start = chrono::DateTime::from_timestamp(1_600_000_000 + i as i64 * 7000, 0).unwrap();
            let seconds = 120 + noise(i, 1, 4000) as i64;
            let end = start + chrono::TimeDelta::seconds(seconds);
            format!(
                "{},{},{},{}",
                start.format("%F %T"),
                end.format("%F %T"),
                seconds / 60 + noise(i, 2, 30) as i64,
                seconds as f64 / 60.0
            )
        })
    }

    #[test]
    fn the_later_of_two_dates_is_found() {
        fires("leak", &trips(), Some("minutes"), Some("end"));
        silent("leak", &trips(), Some("km"));
    }

    #[test]
    fn what_the_target_was_derived_from_is_reported_once() {
        let options = ProfileOptions { target: Some("minutes".into()), leaks: vec!["end".into()], time: None };
        let p = profile_csv(&trips(), &options);
        let leaks: Vec<_> = p.findings.iter().filter(|f| f.check == "leak").collect();
        assert_eq!(leaks.len(), 1);
        assert!(leaks[0].evidence.contains("computed"), "{leaks:?}");
        assert_eq!(findings("leak", &trips(), Some("minutes")).len(), 1);
    }
}
