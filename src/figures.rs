//! Numbers and times in words, the same for both faces.

use std::time::Duration;

/// A whole number with commas between thousands.
pub fn count(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// A number and its noun: `1 column`, `2 columns`.
pub fn of(n: usize, noun: &str) -> String {
    format!("{} {noun}{}", count(n), if n == 1 { "" } else { "s" })
}

/// A number with about four significant digits.
pub fn figure(v: f64) -> String {
    if !v.is_finite() {
        return "–".into();
    }
    let size = v.abs();
    if v == v.trunc() && size < 1e9 {
        let sign = if v < 0.0 { "-" } else { "" };
        return format!("{sign}{}", count(size as usize));
    }
    if !(1e-4..1e9).contains(&size) {
        return format!("{v:.2e}");
    }
    if size >= 1e4 {
        let sign = if v < 0.0 { "-" } else { "" };
        return format!("{sign}{}", count(size.round() as usize));
    }
    let decimals = (3 - size.log10().floor() as i32).clamp(0, 6) as usize;
    let text = format!("{v:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A score with a fixed number of places, so that columns stand in line: three for shares, else by size.
pub fn score(v: f64) -> String {
    match v.abs() {
        _ if !v.is_finite() => "–".into(),
        s if s < 10.0 => format!("{v:.3}"),
        s if s < 100.0 => format!("{v:.2}"),
        s if s < 1000.0 => format!("{v:.1}"),
        _ => figure(v.round()),
    }
}

/// A share as a percentage.
pub fn percent(share: f64) -> String {
    match share * 100.0 {
        p if !p.is_finite() => "–".into(),
        0.0 => "0 %".into(),
        p if p.abs() < 0.1 => "<0.1 %".into(),
        p if p.abs() < 10.0 => format!("{p:.1} %"),
        p => format!("{p:.0} %"),
    }
}

/// A p-value.
pub fn p_value(p: f64) -> String {
    match p {
        _ if !p.is_finite() => "–".into(),
        p if p < 0.001 => "<0.001".into(),
        p => format!("{p:.3}"),
    }
}

/// Seconds of work.
pub fn seconds(s: f64) -> String {
    match s {
        _ if !s.is_finite() => "–".into(),
        s if s < 0.1 => "<0.1 s".into(),
        s if s < 100.0 => format!("{s:.1} s"),
        s => elapsed(Duration::from_secs_f64(s)),
    }
}

/// Time that runs, in whole seconds.
pub fn elapsed(d: Duration) -> String {
    let s = d.as_secs();
    match s {
        0..60 => format!("{s} s"),
        60..3600 => format!("{}:{:02}", s / 60, s % 60),
        _ => format!("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60),
    }
}

/// How long ago a moment was; both in milliseconds since 1970.
pub fn ago(then: i64, now: i64) -> String {
    match now.saturating_sub(then) / 1000 {
        s if s < 60 => "just now".into(),
        s if s < 3600 => format!("{} min ago", s / 60),
        s if s < 48 * 3600 => format!("{} h ago", s / 3600),
        s => format!("{} days ago", s / 86_400),
    }
}

/// A moment in milliseconds since 1970, in local time.
pub fn moment(ms: i64) -> String {
    chrono::DateTime::from_timestamp_millis(ms)
        .map(|t| t.with_timezone(&chrono::Local).format("%Y-%m-%d %H:%M").to_string())
        .unwrap_or_default()
}

/// A size of a file.
pub fn bytes(n: u64) -> String {
    match n {
        0..1_000 => format!("{n} B"),
        1_000..1_000_000 => format!("{:.0} kB", n as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", n as f64 / 1e6),
        _ => format!("{:.1} GB", n as f64 / 1e9),
    }
}

/// A metric's name for people.
pub fn metric(name: &str) -> String {
    match name {
        "roc_auc" => "ROC AUC".into(),
        "rmse" | "mae" | "r2" | "f1" | "mcc" | "mape" => name.to_uppercase(),
        "medae" => "median AE".into(),
        other => other.replace('_', " "),
    }
}

/// The first letters of a digest.
pub fn digest(text: &str) -> String {
    let bare = text.strip_prefix("sha256:").unwrap_or(text);
    bare.chars().take(12).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([count(7), count(1234), count(1_234_567)], ["7", "1,234", "1,234,567"]);
        assert_eq!(
            [figure(0.123_456), figure(-12.0), figure(12345.6), figure(1e-7)],
            ["0.1235", "-12", "12,346", "1.00e-7"]
        );
        assert_eq!([score(0.7), score(31.234), score(f64::NAN), score(24_512.3)], ["0.700", "31.23", "–", "24,512"]);
        assert_eq!([percent(0.0), percent(0.0001), percent(0.051), percent(0.5)], ["0 %", "<0.1 %", "5.1 %", "50 %"]);
        assert_eq!([seconds(0.01), seconds(3.21), seconds(200.0)], ["<0.1 s", "3.2 s", "3:20"]);
        assert_eq!([ago(0, 5_000), ago(0, 7_200_000), ago(0, 864_000_000)], ["just now", "2 h ago", "10 days ago"]);
        assert_eq!([of(1, "row"), of(2, "row")], ["1 row", "2 rows"]);
    }
}
