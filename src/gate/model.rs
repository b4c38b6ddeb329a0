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
    let gain = (facts.value - facts.baseline) / (facts.perfect - facts.baseline);
    // How much of the training rows' lead is lost on fresh rows, relative to the lead over the baseline.
    let lead = sign * (facts.train_value - facts.baseline);
    let gap = if lead > 0.0 { sign * (facts.train_value - facts.value) / lead } else { 0.0 };
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
            format!(
                "{:.0} % of the way from the baseline to perfection, at least {:.0} % asked for",
                100.0 * gain,
                100.0 * t.min_gain
            ),
            format!("{metric}: baseline {:.4}, model {:.4}, perfect {}", facts.baseline, facts.value, facts.perfect),
        ),
        gate(
            "train_gap",
            gap <= t.max_train_gap,
            gap,
            t.max_train_gap,
            format!(
                "{:.0} % of the lead on training rows is lost on fresh ones, at most {:.0} % allowed",
                100.0 * gap,
                100.0 * t.max_train_gap
            ),
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
        let pass = if higher { value >= *bound } else { value <= *bound };
        let message = match found {
            None => format!("{name} is not a metric of this task"),
            Some(_) => format!("{name} {value:.4}, {} {bound} asked for", if higher { "at least" } else { "at most" }),
        };
        gates.push(gate(name, pass, value, *bound, message, "rows kept back".into()));
    }
    gates
}
