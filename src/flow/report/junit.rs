//! Findings as test cases, in the form that CI systems read.

use std::fmt::Write as _;

use super::Report;
use crate::chart::mini::escape;
use crate::data::{Severity, check_names};

/// One test case a finding, and one for every check that found nothing. Findings at least as bad as `bound` are failures, the
/// milder ones pass with their words as output.
pub(super) fn suite(report: &Report, bound: Severity) -> String {
    let findings = &report.profile.findings;
    let clean: Vec<&str> = check_names().filter(|name| !findings.iter().any(|f| f.check == *name)).collect();
    let failures = findings.iter().filter(|f| f.severity >= bound).count();
    let tests = findings.len() + clean.len();
    let source = escape(&report.profile.source);
    let counts = format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\" time=\"0\"");
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"pilothouse report\" {counts}>\n  \
         <testsuite name=\"{source}\" {counts}>\n"
    );
    for finding in findings {
        let column = finding.column.as_deref().map(|c| format!(": {c}")).unwrap_or_default();
        let name = escape(&format!("{}{column}", finding.check));
        let mut words = format!("{}\n{}\n{}", finding.message, finding.evidence, finding.remedy);
        if !finding.rows.is_empty() {
            let rows: Vec<String> = finding.rows.iter().map(ToString::to_string).collect();
            let _ = write!(words, "\nrows {}", rows.join(", "));
        }
        // Lines are ours and stay lines; what came from the data was made harmless before.
        let words: Vec<String> = words.lines().filter(|l| !l.is_empty()).map(escape).collect();
        let words = words.join("\n");
        let _ = writeln!(out, "    <testcase classname=\"{source}\" name=\"{name}\" time=\"0\">");
        if finding.severity >= bound {
            let _ = writeln!(
                out,
                "      <failure type=\"{}\" message=\"{}\">{words}</failure>",
                finding.severity.name(),
                escape(&finding.message)
            );
        } else {
            let _ = writeln!(out, "      <system-out>{}: {words}</system-out>", finding.severity.name());
        }
        out.push_str("    </testcase>\n");
    }
    for name in clean {
        let _ = writeln!(out, "    <testcase classname=\"{source}\" name=\"{name}\" time=\"0\"/>");
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}
