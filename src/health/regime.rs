//! Does the model still apply? One verdict from drift and performance.

use serde::{Deserialize, Serialize};

use super::drift::DriftReport;
use super::performance::Performance;

/// Above this share of rows with values never seen, the model answers questions it was not taught.
const MOST_UNSEEN: f64 = 0.10;

/// Which world the current data come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RegimeState {
    /// The one the model was trained in.
    Same,
    /// The mix of rows changed, and the model still performs as it did (or nobody knows yet).
    MixShift,
    /// The model no longer applies: its performance broke, or the rows are of a kind it never saw.
    New,
}

/// The verdict with its reasons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Regime {
    /// The verdict.
    pub state: RegimeState,
    /// Share of current rows with an unseen value in at least one column.
    pub out_of_support: f64,
    /// Why, one sentence each.
    pub reasons: Vec<String>,
    /// What still holds and what to do.
    pub advice: String,
}

/// Puts drift and, where labels have come, performance together.
#[must_use]
pub fn regime(drift: &DriftReport, performance: Option<&Performance>) -> Regime {
    let mut reasons = Vec::new();
    let drifted = drift.drifted();
    if !drifted.is_empty() {
        let names: Vec<String> = drifted.iter().take(5).map(|c| format!("`{}`", c.name)).collect();
        let more = if drifted.len() > names.len() {
            format!(" and {} more", drifted.len() - names.len())
        } else {
            String::new()
        };
        reasons.push(format!(
            "{} of {} columns drifted: {}{more}.",
            drifted.len(),
            drift.columns.len(),
            names.join(", ")
        ));
    }
    let unseen = drift.out_of_support > MOST_UNSEEN;
    if unseen {
        reasons.push(format!("{:.0}% of rows hold values that training never saw.", drift.out_of_support * 100.0));
    }
    let broken = performance.and_then(|p| p.first_broken.and_then(|i| p.periods.get(i)));
    if let Some(period) = broken {
        reasons.push(format!("{} left the range of the hold-out in {}.", period.outside.join(", "), period.label));
    }
    let judged = performance.is_some_and(|p| p.periods.iter().any(|p| !p.immature && p.labelled > 0));
    let state = match (broken.is_some() || unseen, drifted.is_empty()) {
        (true, _) => RegimeState::New,
        (false, false) => RegimeState::MixShift,
        (false, true) => RegimeState::Same,
    };
    if reasons.is_empty() {
        let metrics = if judged { ", and no metric left its range" } else { "" };
        reasons.push(format!("No column drifted{metrics}."));
    }
    if !judged {
        reasons.push(
            "Performance could not be followed, which takes true answers and a time column: a change in what the \
             columns mean would not be seen."
                .to_owned(),
        );
    }
    let advice = match state {
        RegimeState::Same => "Keep the model.",
        RegimeState::MixShift if judged => "The model still performs as it did; look at the columns that drifted.",
        RegimeState::MixShift => {
            "Look at the columns that drifted, and get labels for some of these rows before trusting scores."
        }
        RegimeState::New => {
            "Fall back to an older model, a rule or a person for these rows; get labels for them, and retrain with recent data."
        }
    };
    Regime { state, out_of_support: drift.out_of_support, reasons, advice: advice.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::{ColumnDrift, Every, Method, Period, Verdict};

    fn report(drifted: bool, out_of_support: f64) -> DriftReport {
        let column = ColumnDrift {
            name: "fare".to_owned(),
            effect: 0.3,
            p: 0.0,
            drifted,
            q: 0.0,
            method: Method::ChiSquare,
            js: 0.2,
            wasserstein: None,
            ks: None,
            missing_reference: 0.0,
            missing_current: 0.0,
            unseen: 0.0,
            only_gaps: false,
            message: String::new(),
        };
        let verdict = if drifted { Verdict::Drift } else { Verdict::Stable };
        DriftReport { verdict, columns: vec![column], rows_reference: 10, rows_current: 10, out_of_support }
    }

    fn performance(outside: &[&str]) -> Performance {
        let period = Period {
            start: 0.0,
            end: 1.0,
            label: "2020-04".to_owned(),
            rows: 100,
            labelled: 100,
            immature: false,
            metrics: Vec::new(),
            outside: outside.iter().map(|m| (*m).to_owned()).collect(),
        };
        Performance {
            every: Every::Month,
            first_broken: (!outside.is_empty()).then_some(0),
            broken: !outside.is_empty(),
            periods: vec![period],
            bands: Vec::new(),
            notes: Vec::new(),
        }
    }

    #[test]
    fn the_verdict_follows_from_drift_and_performance() {
        let state = |d: &DriftReport, p: Option<&Performance>| regime(d, p).state;
        let (well, broken) = (performance(&[]), performance(&["mae"]));
        assert_eq!(state(&report(false, 0.0), Some(&well)), RegimeState::Same);
        assert_eq!(state(&report(true, 0.0), Some(&well)), RegimeState::MixShift);
        assert_eq!(state(&report(true, 0.3), None), RegimeState::New);
        assert_eq!(state(&report(false, 0.0), Some(&broken)), RegimeState::New);
        let blind = regime(&report(false, 0.0), None);
        assert!(blind.reasons.iter().any(|r| r.contains("could not be followed")), "{blind:?}");
        assert!(
            regime(&report(true, 0.0), Some(&broken))
                .reasons
                .join(" ")
                .contains("mae left the range of the hold-out in 2020-04")
        );
    }
}
