//! Gates on what the model does with rows that it never saw.

use super::{Gate, Stage, Thresholds};

/// What is known of the model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelFacts {
    /// The ranking metric.
    pub metric: String,
    /// Whether more of it is better.
    pub higher_is_better: bool,
    /// Its value on the rows kept back.
    pub value: f64,
    /// Its value on the training rows.
    pub train_value: f64,
    /// The baseline's value on the rows kept back.
    pub baseline: f64,
    /// The metric's value for a perfect model.
    pub perfect: f64,
    /// Interval of the difference to the baseline by the paired test, when there was one.
    pub over_baseline: Option<(f64, f64)>,
    /// Mean distance between predicted and observed probability (classes only).
    pub calibration_error: Option<f64>,
    /// All metrics: name, value, whether more is better.
    pub metrics: Vec<(String, f64, bool)>,
}

/// The model stage.
#[must_use]
pub fn model_gates(facts: &ModelFacts, t: &Thresholds) -> Vec<Gate> {
    let gate = |name: &str, pass, value, threshold, message, evidence| {
        Gate::new(name, Stage::Model, pass, value, threshold, message, evidence)
    };
    let metric = &facts.metric;
    let sign = if facts.higher_is_better { 1.0 } else { -1.0 };
    let (low, high) = facts.over_baseline.unwrap_or((f64::NAN, f64::NAN));
    let better = if facts.higher_is_better { low > 0.0 } else { high < 0.0 };
    // A baseline that is perfect already leaves no way to go: the share is then undefined, and so not enough.
    let gain = Some((facts.value - facts.baseline) / (facts.perfect - facts.baseline))
        .filter(|g| g.is_finite())
        .unwrap_or(f64::NAN);
    // How much of the training rows' lead is lost on fresh rows, relative to the lead over the baseline.
    let lead = sign * (facts.train_value - facts.baseline);
    let gap = if lead > 0.0 {
        sign * (facts.train_value - facts.value) / lead
    } else if lead.is_nan() || facts.value.is_nan() {
        f64::NAN
    } else {
        0.0
    };
    let mut gates = vec![
        gate(
            "beats_baseline",
            better,
            facts.value,
            facts.baseline,
            if better {
                format!("{metric} {:.4} is really better than the baseline's {:.4}", facts.value, facts.baseline)
            } else {
                format!("{metric} {:.4} is not clearly better than the baseline's {:.4}", facts.value, facts.baseline)
            },
            format!("paired bootstrap on the rows kept back: difference {low:.4} to {high:.4}"),
        ),
        gate(
            "gain",
            gain >= t.min_gain,
            gain,
            t.min_gain,
            if gain.is_nan() {
                format!("the way from the baseline to perfection cannot be measured by {metric} on these rows")
            } else {
                format!(
                    "{:.0} % of the way from the baseline to perfection, at least {:.0} % asked for",
                    100.0 * gain,
                    100.0 * t.min_gain
                )
            },
            format!("{metric}: baseline {:.4}, model {:.4}, perfect {}", facts.baseline, facts.value, facts.perfect),
        ),
        gate(
            "train_gap",
            gap <= t.max_train_gap,
            gap,
            t.max_train_gap,
            if gap.is_nan() {
                format!("{metric} is undefined on the training rows or on those kept back")
            } else {
                format!(
                    "{:.0} % of the lead on training rows is lost on fresh ones, at most {:.0} % allowed",
                    100.0 * gap,
                    100.0 * t.max_train_gap
                )
            },
            format!("{metric}: {:.4} on training rows, {:.4} on rows kept back", facts.train_value, facts.value),
        ),
    ];
    if let Some(error) = facts.calibration_error {
        gates.push(gate(
            "calibration",
            error <= t.max_calibration_error,
            error,
            t.max_calibration_error,
            format!(
                "probabilities are off by {:.1} points on average, at most {:.1} allowed",
                100.0 * error,
                100.0 * t.max_calibration_error
            ),
            "expected calibration error, ten bins of equal width, rows kept back".into(),
        ));
    }
    for (name, bound) in &t.metrics {
        let found = facts.metrics.iter().find(|m| m.0 == *name);
        let (value, higher) = found.map_or((f64::NAN, true), |m| (m.1, m.2));
        // A bias is bounded on both sides.
        let measured = if name == "mean_error" { value.abs() } else { value };
        let pass = if higher { measured >= *bound } else { measured <= *bound };
        let message = match found {
            None => format!("{name} is not a metric of this task"),
            Some(_) if value.is_nan() => format!("{name} is undefined on the rows kept back, so it cannot pass"),
            Some(_) => format!("{name} {value:.4}, {} {bound} asked for", if higher { "at least" } else { "at most" }),
        };
        gates.push(gate(name, pass, value, *bound, message, "rows kept back".into()));
    }
    gates
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::Verdict;

    fn facts() -> ModelFacts {
        ModelFacts {
            metric: "roc_auc".into(),
            higher_is_better: true,
            value: 0.75,
            train_value: 0.8,
            baseline: 0.5,
            perfect: 1.0,
            over_baseline: Some((0.2, 0.3)),
            calibration_error: Some(0.02),
            metrics: vec![("roc_auc".into(), 0.75, true), ("mean_error".into(), -3.0, false)],
        }
    }

    fn verdict(facts: &ModelFacts, t: &Thresholds, name: &str) -> Verdict {
        model_gates(facts, t).into_iter().find(|g| g.name == name).unwrap().verdict
    }

    #[test]
    fn gain_and_gap_are_shares_of_the_lead() {
        let gates = model_gates(&facts(), &Thresholds::default());
        let value = |name: &str| gates.iter().find(|g| g.name == name).unwrap().value;
        assert!((value("gain") - 0.5).abs() < 1e-12);
        assert!((value("train_gap") - 0.05 / 0.3).abs() < 1e-12);
        assert!(gates.iter().all(|g| g.verdict == Verdict::Pass));
        // The same for a metric of which less is better.
        let facts = ModelFacts {
            metric: "mae".into(),
            higher_is_better: false,
            value: 5.0,
            train_value: 4.0,
            baseline: 10.0,
            perfect: 0.0,
            over_baseline: Some((-6.0, -4.0)),
            calibration_error: None,
            metrics: Vec::new(),
        };
        let gates = model_gates(&facts, &Thresholds::default());
        assert!(gates.iter().all(|g| g.verdict == Verdict::Pass), "{gates:?}");
        assert!((gates[1].value - 0.5).abs() < 1e-12 && (gates[2].value - 1.0 / 6.0).abs() < 1e-12);
    }

    #[test]
    fn what_is_undefined_never_passes() {
        let t = Thresholds::default();
        for undefined in [
            ModelFacts { value: f64::NAN, ..facts() },
            ModelFacts { train_value: f64::NAN, ..facts() },
            ModelFacts { baseline: f64::NAN, ..facts() },
        ] {
            assert_eq!(verdict(&undefined, &t, "train_gap"), Verdict::Fail);
        }
        assert_eq!(verdict(&ModelFacts { value: f64::NAN, ..facts() }, &t, "gain"), Verdict::Fail);
        assert_eq!(verdict(&ModelFacts { over_baseline: None, ..facts() }, &t, "beats_baseline"), Verdict::Fail);
        assert_eq!(
            verdict(&ModelFacts { calibration_error: Some(f64::NAN), ..facts() }, &t, "calibration"),
            Verdict::Fail
        );
        // A baseline without error cannot be beaten, and dividing by it must not look like a triumph.
        let flawless = ModelFacts { higher_is_better: false, baseline: 0.0, perfect: 0.0, value: 0.1, ..facts() };
        assert_eq!(verdict(&flawless, &t, "gain"), Verdict::Fail);
    }

    #[test]
    fn bounds_by_name_hold_on_the_right_side() {
        let t = |name: &str, bound| Thresholds { metrics: [(name.to_owned(), bound)].into(), ..Thresholds::default() };
        assert_eq!(verdict(&facts(), &t("roc_auc", 0.75), "roc_auc"), Verdict::Pass);
        assert_eq!(verdict(&facts(), &t("roc_auc", 0.76), "roc_auc"), Verdict::Fail);
        assert_eq!(verdict(&facts(), &t("mean_error", 2.0), "mean_error"), Verdict::Fail);
        assert_eq!(verdict(&facts(), &t("mean_error", 3.0), "mean_error"), Verdict::Pass);
        assert_eq!(verdict(&facts(), &t("nonsense", 0.0), "nonsense"), Verdict::Fail);
    }
}
