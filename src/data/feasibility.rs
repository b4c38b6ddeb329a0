//! Has a model a chance on this table? A first verdict from counts alone, before anything is fitted.

use serde::{Deserialize, Serialize};

use super::Meaning;
use super::checks::{Table, TargetKind, View};
use super::finding::{figure, percent, thousands};
use crate::error::Result;

/// The verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeasibilityVerdict {
    /// Nothing stands against it.
    Go,
    /// It can be tried; results will be uncertain.
    Care,
    /// Something has to change first.
    NotYet,
}

impl FeasibilityVerdict {
    /// The word used in tables and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Go => "go",
            Self::Care => "care",
            Self::NotYet => "not-yet",
        }
    }
}

/// One reason for the verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// What is looked at, in a word or two joined by dashes.
    pub name: String,
    /// What this reason alone would say.
    pub verdict: FeasibilityVerdict,
    /// Whether it speaks for going on.
    pub ok: bool,
    /// The number behind it, when there is one.
    pub number: Option<f64>,
    /// The reason as a sentence.
    pub message: String,
    /// What would have to change; empty when it is in order.
    pub change: String,
}

impl Reason {
    /// A reason. What would have to change is dropped when nothing has to; a number that is not finite is none.
    #[must_use]
    pub fn new(
        name: &str,
        verdict: FeasibilityVerdict,
        number: f64,
        message: String,
        change: impl Into<String>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            verdict,
            ok: verdict == Go,
            number: Some(number).filter(|n| n.is_finite()),
            message: super::display(&message).into_owned(),
            change: if verdict == Go { String::new() } else { change.into() },
        }
    }
}

/// The verdict with its reasons; the worst reason decides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Feasibility {
    /// The verdict.
    pub verdict: FeasibilityVerdict,
    /// The reasons, the worst first.
    pub reasons: Vec<Reason>,
}

impl Feasibility {
    /// The verdict of some reasons, the worst first; among equals their order stays.
    #[must_use]
    pub fn of(mut reasons: Vec<Reason>) -> Self {
        reasons.sort_by_key(|r| std::cmp::Reverse(r.verdict));
        let verdict = reasons.iter().map(|r| r.verdict).max().unwrap_or(Go);
        Self { verdict, reasons }
    }

    /// The verdict with more reasons, which take the place of earlier ones of the same name.
    #[must_use]
    pub fn and(&self, more: Vec<Reason>) -> Self {
        let kept = self.reasons.iter().filter(|r| more.iter().all(|m| m.name != r.name)).cloned();
        Self::of(kept.chain(more.iter().cloned()).collect())
    }
}

use FeasibilityVerdict::{Care, Go, NotYet};

/// Share of the rows that the smallest detectable change assumes for testing.
const HELD_OUT: f64 = 0.25;

/// Sum of the normal quantiles for a two-sided 5 % test with a power of 80 %: 1.960 + 0.842.
const DETECTABLE: f64 = 2.802;

fn reason(name: &str, verdict: FeasibilityVerdict, number: f64, message: String, change: &str) -> Reason {
    Reason::new(name, verdict, number, message, change)
}

/// The verdict for a number of which more is better.
fn at_least(value: f64, go: f64, care: f64) -> FeasibilityVerdict {
    if value >= go {
        Go
    } else if value >= care {
        Care
    } else {
        NotYet
    }
}

/// Gives the verdict on a table.
///
/// # Errors
/// When the work is cancelled.
pub fn assess(table: &Table<'_>) -> Result<Feasibility> {
    table.control.check()?;
    let mut reasons = vec![rows(table), usable(table)];
    reasons.extend(target(table));
    reasons.extend(missing(table));
    reasons.extend(span(table));
    Ok(Feasibility::of(reasons))
}

fn rows(table: &Table<'_>) -> Reason {
    let n = table.rows() as f64;
    let message = format!("There are {} rows", thousands(table.rows() as u64));
    reason(
        "rows",
        at_least(n, 1000.0, 50.0),
        n,
        message,
        "Collect more rows: a thousand give usable estimates, fifty are the least",
    )
}

fn usable(table: &Table<'_>) -> Reason {
    let all = table.features().count();
    let usable = table.usable().filter(|c| c.summary.missing_share() < 0.95).count();
    let share = if all == 0 { 0.0 } else { usable as f64 / all as f64 };
    let verdict = if usable == 0 { NotYet } else { at_least(share, 0.5, 0.0) };
    let message = match all {
        0 => "There is no column to learn from".to_owned(),
        _ => format!("{usable} of {all} columns can be learned from"),
    };
    reason(
        "usable-columns",
        verdict,
        share,
        message,
        "Derive numbers or categories from dates and texts, or join a table that says more",
    )
}

/// How many coefficients a model over the usable columns would have: one a number, one less than its levels a category.
fn parameters(table: &Table<'_>) -> f64 {
    let of = |c: View<'_>| if c.is_category() { (c.summary.distinct().min(51) - 1) as f64 } else { 1.0 };
    table.usable().map(of).sum()
}

fn target(table: &Table<'_>) -> Vec<Reason> {
    let (Some(target), Some(kind)) = (table.target(), table.target_kind()) else { return Vec::new() };
    let present = target.summary.present();
    if target.summary.distinct() < 2 {
        let message = format!("The target {} has {} different values", target.name(), target.summary.distinct());
        return vec![reason(
            "target",
            NotYet,
            target.summary.distinct() as f64,
            message,
            "Load rows with other outcomes too, or choose another target",
        )];
    }
    if target.is_date() || matches!(target.spec.meaning, Meaning::Text | Meaning::Identifier) {
        let message = format!("The target {} is {}, which cannot be predicted", target.name(), target.spec.meaning);
        return vec![reason(
            "target",
            NotYet,
            f64::NAN,
            message,
            "Choose another target, derive one, or correct its meaning",
        )];
    }
    let counts = target.summary.values.counts();
    let test = present as f64 * HELD_OUT;
    let (events, what) = match kind {
        TargetKind::Classes => (counts.iter().copied().min().unwrap_or(0) as f64, "of the rarest class"),
        TargetKind::Number => (present as f64, "with a target"),
    };
    let parameters = parameters(table).max(1.0);
    let ratio = events / parameters;
    // Peduzzi et al. (1996) ask for ten events a coefficient, later work for twenty; below two nothing holds.
    let message = format!(
        "{} rows {what} for {} coefficients: {} each",
        thousands(events as u64),
        thousands(parameters as u64),
        figure((ratio * 10.0).round() / 10.0)
    );
    let mut reasons = vec![reason(
        "rows-per-coefficient",
        at_least(ratio, 10.0, 1.0),
        ratio,
        message,
        "Collect more rows, or leave out columns; categories with many levels cost most. Trees and regularised models bear less than ten",
    )];
    let (change, measure, limits) = match kind {
        TargetKind::Classes if counts.len() == 2 => {
            let positives = counts.iter().copied().min().unwrap_or(0) as f64 * HELD_OUT;
            (
                DETECTABLE * auc_error(0.75, positives, test - positives),
                "a change of the AUC (around 0.75) by",
                (0.05, 0.15),
            )
        }
        TargetKind::Classes => {
            (DETECTABLE * (0.25 / test.max(1.0)).sqrt(), "a change of the accuracy by", (0.05, 0.15))
        }
        // The standard error of a root mean square of n normal errors is its value over the root of 2n.
        TargetKind::Number => (
            DETECTABLE / (2.0 * test.max(1.0)).sqrt(),
            "a change of the root mean squared error by a share of",
            (0.1, 0.3),
        ),
    };
    let verdict = at_least(-change, -limits.0, -limits.1);
    let message = format!(
        "With a quarter held out ({} rows), {measure} {} is the smallest that would be noticed",
        thousands(test as u64),
        figure((change * 1000.0).round() / 1000.0)
    );
    reasons.push(reason(
        "detectable-change",
        verdict,
        change,
        message,
        "Collect more rows, above all of the rarest class, or cross-validate",
    ));
    reasons
}

/// The standard error of an AUC by Hanley and McNeil (1982).
fn auc_error(auc: f64, positives: f64, negatives: f64) -> f64 {
    if positives < 1.0 || negatives < 1.0 {
        return 1.0;
    }
    let q1 = auc / (2.0 - auc);
    let q2 = 2.0 * auc * auc / (1.0 + auc);
    let variance = (auc * (1.0 - auc) + (positives - 1.0) * (q1 - auc * auc) + (negatives - 1.0) * (q2 - auc * auc))
        / (positives * negatives);
    variance.max(0.0).sqrt()
}

fn missing(table: &Table<'_>) -> Option<Reason> {
    let shares: Vec<f64> = table.usable().map(|c| c.summary.missing_share()).collect();
    if shares.is_empty() {
        return None;
    }
    let share = shares.iter().sum::<f64>() / shares.len() as f64;
    let message = format!("{} of the cells of these columns are missing", percent(share));
    Some(reason(
        "missing",
        if share <= 0.3 { Go } else { Care },
        share,
        message,
        "Find out why values are missing before imputing them",
    ))
}

fn span(table: &Table<'_>) -> Option<Reason> {
    let time = table.time()?;
    let tally = time.summary.values.numbers()?;
    let [low, high] = <[f64; 2]>::try_from(tally.quantiles(&[0.005, 0.995])).ok()?;
    let days = (high - low) / time.per_day();
    let years = days / 365.25;
    // A full year less the week that the cut ends take.
    let whole = days >= 358.0;
    let message = if whole {
        format!("{} spans {} years: every season is in it", time.name(), figure((years * 10.0).round() / 10.0))
    } else {
        format!(
            "{} spans {} days: less than a year, so seasons cannot be told from trends",
            time.name(),
            figure(days.round())
        )
    };
    Some(reason(
        "time-span",
        if whole { Go } else { Care },
        days,
        message,
        "Add earlier rows until a full year is covered, or expect the model to age with the season",
    ))
}

#[cfg(test)]
mod tests {
    use super::super::checks::testing::{noise, profile_csv, table};
    use super::*;
    use crate::data::ProfileOptions;

    fn assessed(csv: &str, target: Option<&str>) -> Feasibility {
        profile_csv(csv, &ProfileOptions { target: target.map(str::to_owned), ..ProfileOptions::default() }).feasibility
    }

    fn of<'a>(f: &'a Feasibility, name: &str) -> &'a Reason {
        f.reasons.iter().find(|r| r.name == name).unwrap_or_else(|| panic!("no reason {name}: {f:#?}"))
    }

    #[test]
    fn a_good_table_may_go() {
        let csv = table("a,b,y", 4000, |i| {
            format!("{},{},{}", noise(i, 1, 100), noise(i, 2, 100), ["no", "yes"][noise(i, 3, 2)])
        });
        let f = assessed(&csv, Some("y"));
        assert_eq!(f.verdict, Go, "{f:#?}");
        assert!(f.reasons.iter().all(|r| r.ok && r.change.is_empty()));
    }

    #[test]
    fn too_little_says_not_yet_and_what_to_change() {
        let f = assessed("a,y\n1,yes\n2,no\n3,yes\n", Some("y"));
        assert_eq!(f.verdict, NotYet);
        assert!(!of(&f, "rows").change.is_empty());
        let one = assessed(&table("a,y", 2000, |i| format!("{i},yes")), Some("y"));
        assert_eq!(of(&one, "target").verdict, NotYet);
        let alone = assessed(&table("y", 2000, |i| format!("c{}", i % 2)), Some("y"));
        assert_eq!(of(&alone, "usable-columns").verdict, NotYet);
        assert_eq!(serde_json::to_value(&alone).unwrap()["verdict"], "not-yet");
    }

    #[test]
    fn the_error_of_an_auc_is_the_published_one() {
        // Hanley and McNeil (1982), table of the worked example: AUC 0.893 with 51 abnormal and 58 normal images, SE 0.032.
        assert!((auc_error(0.893, 51.0, 58.0) - 0.032).abs() < 0.001, "{}", auc_error(0.893, 51.0, 58.0));
    }

    #[test]
    fn more_reasons_replace_those_of_their_name_and_the_worst_decides() {
        let csv = table("a,b,y", 4000, |i| format!("{},{},{}", noise(i, 1, 100), i % 7, ["no", "yes"][noise(i, 3, 2)]));
        let f = assessed(&csv, Some("y"));
        let more = |verdict| vec![Reason::new("curve", verdict, 0.5, "It rises".into(), "More rows")];
        let worse = f.and(more(NotYet));
        assert_eq!((worse.verdict, worse.reasons[0].name.as_str()), (NotYet, "curve"));
        let better = worse.and(more(Go));
        assert_eq!((better.verdict, better.reasons.len()), (Go, f.reasons.len() + 1));
        assert!(of(&better, "curve").change.is_empty());
    }

    #[test]
    fn a_short_time_asks_for_care() {
        let csv = table("day,a,y", 2000, |i| {
            let date = chrono::NaiveDate::from_ymd_opt(2020, 1, 1).unwrap() + chrono::Days::new(i as u64 / 20);
            format!("{date},{},{}", noise(i, 1, 90), ["no", "yes"][noise(i, 3, 2)])
        });
        assert_eq!(of(&assessed(&csv, Some("y")), "time-span").verdict, Care);
    }
}
