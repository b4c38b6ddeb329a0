//! The shapes that carry meaning beside colour, in Unicode and in ASCII.

use crate::chart;
use crate::data::Severity;
use crate::flow::StepState;

/// The characters in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glyphs {
    /// Done, passed, approved.
    pub done: &'static str,
    /// Where you are; running.
    pub here: &'static str,
    /// Not begun.
    pub open: &'static str,
    /// Refused, failed.
    pub refused: &'static str,
    /// No longer holds.
    pub stale: &'static str,
    /// The cursor's row.
    pub cursor: &'static str,
    /// A mark set by the user.
    pub mark: &'static str,
    /// Between parts of a place.
    pub into: &'static str,
    /// Between parts of a sentence.
    pub dot: &'static str,
    /// Text was cut here.
    pub cut: &'static str,
    /// A horizontal line.
    pub line: &'static str,
    /// Done part of a bar.
    pub bar_done: &'static str,
    /// The middle of a box plot.
    pub bar_middle: &'static str,
    /// Open part of a bar.
    pub bar_open: &'static str,
    /// Up and down, for hints.
    pub times: &'static str,
    /// Sorted upwards, and downwards.
    pub sorted: [&'static str; 2],
    /// A range of numbers.
    pub to: &'static str,
    /// No value.
    pub none: &'static str,
    /// A warning.
    pub warning: &'static str,
    /// A note.
    pub note: &'static str,
    /// A target.
    pub target: &'static str,
    /// Frame: corners and sides (upper left, upper right, lower left, lower right, side).
    pub frame: [&'static str; 5],
    /// How charts are drawn.
    pub chart: chart::Style,
}

/// Shapes of a UTF-8 terminal.
pub const UNICODE: Glyphs = Glyphs {
    done: "✓",
    here: "●",
    open: "○",
    refused: "✗",
    stale: "~",
    cursor: "▌",
    mark: "◆",
    into: "▸",
    dot: "·",
    cut: "…",
    line: "─",
    bar_done: "━",
    bar_middle: "┃",
    bar_open: "─",
    times: "×",
    sorted: ["▲", "▼"],
    to: "–",
    none: "–",
    warning: "▲",
    note: "·",
    target: "◎",
    frame: ["╭", "╮", "╰", "╯", "│"],
    chart: chart::Style::Braille,
};

/// Shapes for other terminals and for screen readers.
pub const PLAIN: Glyphs = Glyphs {
    done: "+",
    here: "*",
    open: ".",
    refused: "!",
    stale: "~",
    cursor: ">",
    mark: "#",
    into: ">",
    dot: "-",
    cut: "~",
    line: "-",
    bar_done: "=",
    bar_middle: "|",
    bar_open: ".",
    times: "x",
    sorted: ["^", "v"],
    to: "-",
    none: "-",
    warning: "^",
    note: "-",
    target: "@",
    frame: ["+", "+", "+", "+", "|"],
    chart: chart::Style::Plain,
};

impl Glyphs {
    /// The mark of a step's state.
    #[must_use]
    pub fn state(&self, state: StepState) -> &'static str {
        match state {
            StepState::Open => self.open,
            StepState::Done => self.done,
            StepState::Refused => self.refused,
            StepState::Stale => self.stale,
        }
    }

    /// The mark of a severity.
    #[must_use]
    pub fn severity(&self, severity: Severity) -> &'static str {
        match severity {
            Severity::Note => self.note,
            Severity::Warning => self.warning,
            Severity::Serious => self.mark,
            Severity::Blocking => self.refused,
        }
    }
}

/// Whether the locale is one of UTF-8.
pub fn is_utf8(get: impl Fn(&str) -> Option<String>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().filter_map(|n| get(n)).find(|v| !v.is_empty());
    // Without any locale (ssh into a container, cron) most terminals still are UTF-8.
    locale.is_none_or(|l| {
        let l = l.to_ascii_lowercase();
        l.contains("utf-8") || l.contains("utf8") || (l != "c" && l != "posix" && !l.contains('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locale_decides_on_unicode() {
        let env = |value: &'static str| move |name: &str| (name == "LANG").then(|| value.to_owned());
        assert!(is_utf8(env("en_US.UTF-8")) && is_utf8(env("C.utf8")) && is_utf8(|_| None));
        assert!(!is_utf8(env("C")) && !is_utf8(env("de_DE.ISO-8859-1")) && !is_utf8(env("POSIX")));
    }
}
