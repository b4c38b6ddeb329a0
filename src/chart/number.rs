//! Writing numbers short and readable, for ticks and sentences.

/// A number for a sentence: about three significant digits, thousands separated.
pub fn short(value: f64) -> String {
    if value.is_nan() {
        return "unknown".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "infinity" } else { "minus infinity" }.to_owned();
    }
    let size = value.abs();
    if size == 0.0 {
        "0".to_owned()
    } else if !(1e-4..1e15).contains(&size) {
        format!("{value:.2e}")
    } else if size >= 1000.0 {
        grouped(value)
    } else if size >= 100.0 {
        trimmed(format!("{value:.1}"))
    } else if size >= 10.0 {
        trimmed(format!("{value:.2}"))
    } else if size >= 0.01 {
        trimmed(format!("{value:.3}"))
    } else {
        trimmed(format!("{value:.5}"))
    }
}

/// A score between 0 and 1 with three decimals.
pub(super) fn score(value: f64) -> String {
    if value.is_finite() { format!("{value:.3}") } else { "unknown".to_owned() }
}

/// A share as a whole percentage.
pub(super) fn percent(value: f64) -> String {
    if value.is_finite() { format!("{:.0}%", value * 100.0) } else { "unknown".to_owned() }
}

/// A whole number with separated thousands.
pub(super) fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    if value < 0.0 && digits != "0" { format!("-{out}") } else { out }
}

/// The labels of evenly spaced ticks, with the same number of decimals and the same unit (k, M, G, T).
pub(super) fn tick_labels(values: &[f64], step: f64) -> Vec<String> {
    let largest = values.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    if largest == 0.0 {
        return values.iter().map(|_| "0".to_owned()).collect();
    }
    if !(1e-4..1e15).contains(&largest) || step < largest * 1e-9 {
        return values.iter().map(|v| if *v == 0.0 { "0".to_owned() } else { short_exponent(*v) }).collect();
    }
    let (divisor, unit) = match largest {
        l if l >= 1e12 => (1e12, "T"),
        l if l >= 1e9 => (1e9, "G"),
        l if l >= 1e6 => (1e6, "M"),
        l if l >= 1e4 => (1e3, "k"),
        _ => (1.0, ""),
    };
    let decimals = decimals_for(step / divisor);
    values
        .iter()
        .map(|v| {
            let text = format!("{:.decimals$}", v / divisor);
            let zero = text.chars().all(|c| matches!(c, '0' | '.' | '-'));
            let text = if zero { text.trim_start_matches('-') } else { &text };
            if zero && !unit.is_empty() { "0".to_owned() } else { format!("{text}{unit}") }
        })
        .collect()
}

/// The fewest decimals that write multiples of `step` exactly (steps are 1, 2, 2.5 or 5 times a power of ten).
fn decimals_for(step: f64) -> usize {
    (0..12)
        .find(|d| {
            let scaled = step * 10f64.powi(*d);
            (scaled - scaled.round()).abs() < 1e-6 * scaled.abs().max(1e-300)
        })
        .map_or(12, |d| d as usize)
}

fn short_exponent(value: f64) -> String {
    let text = format!("{value:.2e}");
    match text.split_once('e') {
        Some((mantissa, exponent)) => format!("{}e{exponent}", trimmed(mantissa.to_owned())),
        None => text,
    }
}

/// Without the zeros at the end of the decimals.
fn trimmed(text: String) -> String {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_readable() {
        let cases = [
            (0.0, "0"),
            (0.7421, "0.742"),
            (12.5, "12.5"),
            (1234.4, "1,234"),
            (-1_234_567.0, "-1,234,567"),
            (0.000_05, "5.00e-5"),
            (0.0042, "0.0042"),
            (f64::NAN, "unknown"),
            (999.96, "1000"),
            (1e18, "1.00e18"),
        ];
        for (value, text) in cases {
            assert_eq!(short(value), text);
        }
    }

    #[test]
    fn ticks_share_decimals_and_unit() {
        assert_eq!(tick_labels(&[0.0, 0.5, 1.0], 0.5), ["0.0", "0.5", "1.0"]);
        assert_eq!(tick_labels(&[0.0, 5000.0, 10000.0], 5000.0), ["0", "5k", "10k"]);
        assert_eq!(tick_labels(&[-0.25, -0.0, 0.25], 0.25), ["-0.25", "0.00", "0.25"]);
        assert_eq!(tick_labels(&[1e20, 2e20], 1e20), ["1e20", "2e20"]);
    }
}
