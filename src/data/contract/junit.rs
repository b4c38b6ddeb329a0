//! A report as JUnit XML, which every CI server shows.

use std::fmt::Write as _;

use super::report::{Outcome, Report, Verdict};
use crate::data::Severity;

/// The report as JUnit XML: one test case a rule. A broken rule is a failure when it matters at least as much as `fail_on`
/// (`None`: never); otherwise its message stands in the case's output.
#[must_use]
pub fn junit(report: &Report, fail_on: Option<Severity>) -> String {
    let fails = |rule: &Outcome| rule.verdict == Verdict::Fail && fail_on.is_some_and(|at| rule.severity >= at);
    let failures = report.rules.iter().filter(|r| fails(r)).count();
    let skipped = report.rules.iter().filter(|r| r.verdict == Verdict::Skipped).count();
    let counts = format!("tests=\"{}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\"", report.rules.len());
    let name = escaped(&report.contract);
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(out, "<testsuites name=\"pilothouse rules\" {counts}>");
    let _ = writeln!(out, "  <testsuite name=\"{name}\" {counts} timestamp=\"{}\">", escaped(&report.now));
    let _ = writeln!(out, "    <properties>");
    for (key, value) in [("source", &report.source), ("fingerprint", &report.fingerprint), ("version", &report.version)]
    {
        let _ = writeln!(out, "      <property name=\"{key}\" value=\"{}\"/>", escaped(value));
    }
    let _ = writeln!(out, "    </properties>");
    for rule in &report.rules {
        let _ = write!(out, "    <testcase classname=\"{name}\" name=\"{}\"", escaped(&rule.rule));
        let message = escaped(&rule.message);
        match rule.verdict {
            Verdict::Pass => out.push_str("/>\n"),
            Verdict::Skipped => {
                let _ = writeln!(out, ">\n      <skipped message=\"{message}\"/>\n    </testcase>");
            }
            Verdict::Fail if fails(rule) => {
                let _ = writeln!(
                    out,
                    ">\n      <failure type=\"{}\" message=\"{message}\">{}</failure>\n    </testcase>",
                    rule.severity,
                    escaped(&details(rule))
                );
            }
            Verdict::Fail => {
                let text = escaped(&format!("{}: {}", rule.severity, rule.message));
                let _ = writeln!(out, ">\n      <system-out>{text}</system-out>\n    </testcase>");
            }
        }
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}

fn details(rule: &Outcome) -> String {
    let mut text = rule.message.clone();
    if let Some(why) = &rule.why {
        let _ = write!(text, " | why: {why}");
    }
    for example in &rule.examples {
        let _ = write!(text, " | row {}: {}", example.row, example.value);
    }
    text
}

/// Text for XML: its own signs as entities, and what XML cannot hold as visible pictures.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in crate::data::display(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
