//! Text columns that would be numbers but for some cells.

use std::collections::BTreeSet;

use super::{Table, View};
use crate::data::Meaning;
use crate::data::brief;
use crate::data::csv::guess::{Guess, Reading, Shape, fits, nearly, number, shape};
use crate::data::finding::{Finding, Severity, counted, percent};
use crate::error::Result;

/// Share of numbers from which the words among them are the exception.
const MOSTLY: f64 = 0.5;

/// Share of numbers in a column that names rows, from which the words among them are slips.
const SLIPS: f64 = 0.99;

/// What the evidence calls the form of the dates, in `strftime` signs.
pub(in crate::data) const DATE_FORM: &str = "form";

/// Share of the values that must be numbers under their dress.
const NEARLY_ALL: f64 = 0.95;

/// Share of dates from which the other cells are slips.
const NEARLY_DATES: f64 = 0.8;

/// The cells of a column that are not what most are.
struct Odd {
    /// The others.
    fitting: u64,
    all: u64,
    texts: Vec<String>,
    rows: Vec<usize>,
}

impl Odd {
    /// Counts the cells that are not of a reading: of a stream exactly, while it was read; else from the distinct texts.
    fn of(table: &Table<'_>, view: &View<'_>, reading: Reading) -> Option<Self> {
        let all = view.summary.present();
        if let Some(m) = table.misfits(view).filter(|m| m.reading == reading && view.summary.sketch.is_some()) {
            let rows = m.first.iter().map(|(row, _)| usize::try_from(*row).unwrap_or(usize::MAX)).collect();
            let texts = m.first.iter().map(|(_, text)| text.clone()).collect();
            return Some(Self { fitting: all.saturating_sub(m.count), all, texts, rows });
        }
        let fitting = |text: &str| fits(reading, text.trim().as_bytes());
        let (passed, texts) = split(view, fitting)?;
        let rows = table.places(view.rows_with_text(|t| !fitting(t))).collect();
        Some(Self { fitting: passed, all, texts, rows })
    }

    fn share(&self) -> f64 {
        self.fitting as f64 / self.all.max(1) as f64
    }

    fn others(&self) -> u64 {
        self.all - self.fitting
    }

    /// `form` is how the others are written. It stands before the examples, whose texts could look like it.
    fn finding(self, view: &View<'_>, what: &str, others: &str, form: Option<String>) -> Finding {
        let shown: Vec<String> = self.texts.iter().take(4).map(|w| format!("`{}`", brief(w, 24))).collect();
        let message = format!(
            "{} holds {what} in {} of its values and {others} in {}, such as {}",
            view.name(),
            percent(self.share()),
            counted(self.others(), "row"),
            shown.join(", ")
        );
        let finding = Finding::new("mixed-types", Severity::Warning, message)
            .on(&view.spec.name)
            .with(what, self.fitting)
            .with("words", self.others());
        let finding = if let Some(form) = form { finding.with(DATE_FORM, form) } else { finding };
        // A comma parts what is noted.
        let examples: Vec<String> = self.texts.iter().take(10).map(|w| brief(w, 60).replace(", ", "; ")).collect();
        finding.with("examples", examples).rows(self.rows)
    }
}

/// Numbers with a few words among them.
pub fn mixed(table: &Table<'_>) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for c in table.columns() {
        let Some(odd) = Odd::of(table, &c, Reading::Float) else { continue };
        // A number that one slip has made a text names every row, as an identifier does; codes hold more words than that.
        let least = if c.spec.meaning == Meaning::Identifier { SLIPS } else { MOSTLY };
        if odd.share() < least || odd.texts.is_empty() {
            continue;
        }
        findings.push(odd.finding(&c, "numbers", "words", None).remedy(
            "If the words mean that there is no number, name them as spellings of \"missing\" when loading; or declare the column a number",
        ));
    }
    Ok(findings)
}

/// Dates with a few cells among them that are none, so that the whole column is text.
pub fn dates(table: &Table<'_>) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for c in table.columns() {
        let Some(tally) = c.summary.values.texts().filter(|t| t.distinct() > 0) else { continue };
        table.control.check()?;
        let texts = || tally.entries().iter().map(|(text, n)| (text.as_str(), *n));
        let streamed = table.misfits(&c).map(|m| m.reading);
        let Some(reading) = streamed.or_else(|| nearly(texts()).map(|(reading, _)| reading)) else { continue };
        if !matches!(reading, Reading::Date(_) | Reading::Datetime(_)) {
            continue;
        }
        let Some(odd) = Odd::of(table, &c, reading).filter(|o| o.share() >= NEARLY_DATES) else { continue };
        if odd.texts.is_empty() {
            continue;
        }
        // How the others are written, as if they stood alone.
        let mut guess = Guess::new(false);
        texts().map(|(t, _)| t.trim().as_bytes()).filter(|t| fits(reading, t)).for_each(|t| guess.see_value(t));
        let finding = odd.finding(&c, "dates", "something else", guess.date_format());
        findings.push(finding.remedy(
            "Mend these cells where the file is made, name what they say as spellings of \"missing\" when loading, or read the column as dates and leave them missing; until then it is text",
        ));
    }
    Ok(findings)
}

/// Numbers dressed with a currency, a percent sign, thousands separators or one unit.
pub fn disguised(table: &Table<'_>) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for c in table.columns() {
        let Some((plain, _)) = split(&c, is_number) else { continue };
        let all = c.summary.present() as f64;
        let mut dresses = BTreeSet::new();
        let dress = |text: &str| undressed(text).map(|(_, dress)| dresses.insert(dress)).is_some();
        let Some((dressed, _)) = split(&c, dress) else { continue };
        // Codes such as `12ab` have a unit each; a quantity has few.
        if (dressed as f64) < NEARLY_ALL * all
            || plain as f64 > MOSTLY * all
            || c.summary.distinct() < 3
            || dresses.len() > 4
        {
            continue;
        }
        let example =
            c.summary.values.texts().and_then(|t| t.top(1).pop()).map_or_else(String::new, |(t, _)| brief(&t, 24));
        let message = format!("{} holds numbers written as text, such as `{example}`", c.name());
        findings.push(
            Finding::new("disguised-numbers", Severity::Warning, message)
                .on(&c.spec.name)
                .with("share", dressed as f64 / all)
                .with("example", example)
                .remedy("Strip the sign or unit and the thousands separators where the file is made, so that the column is a number"),
        );
    }
    Ok(findings)
}

/// Rows whose text passes the test, and the texts that do not, most frequent first. `None` for columns without text.
fn split(view: &View<'_>, mut test: impl FnMut(&str) -> bool) -> Option<(u64, Vec<String>)> {
    let tally = view.summary.values.texts().filter(|t| t.distinct() > 0)?;
    let (mut passed, mut others) = (0, Vec::new());
    for (text, n) in tally.entries() {
        if test(text.trim()) {
            passed += n;
        } else {
            others.push((*n, text));
        }
    }
    others.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    Some((passed, others.into_iter().take(10).map(|(_, t)| t.clone()).collect()))
}

fn is_number(text: &str) -> bool {
    matches!(shape(text.as_bytes()), Shape::Integer | Shape::Float)
}

/// The number under currency signs, percent signs, thousands separators and a unit, and what it wore.
fn undressed(text: &str) -> Option<(f64, String)> {
    let bare = text.trim_start_matches(['$', '€', '£', '¥', '+', ' ']);
    let sign = text.strip_suffix(bare).unwrap_or_default();
    let end = bare.find(|c: char| !(c.is_ascii_digit() || ".,' -".contains(c))).unwrap_or(bare.len());
    let (digits, unit) = bare.split_at_checked(end)?;
    let unit = unit.trim();
    if unit.chars().count() > 4 || unit.chars().any(|c| c.is_ascii_digit()) {
        return None;
    }
    let digits: String = digits.trim().chars().filter(|c| !",' ".contains(*c)).collect();
    // Zeros in front make it a code, not a quantity.
    match shape(digits.as_bytes()) {
        Shape::Integer | Shape::Float => Some((number(digits.as_bytes())?, format!("{sign}{unit}"))),
        Shape::Infinite | Shape::Not => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fires, silent, table};
    use super::undressed;

    #[test]
    fn a_few_words_among_numbers_are_found() {
        let csv = table("a,b", 50, |i| {
            format!("{},{}", if i == 7 { "about 5".to_owned() } else { (i % 20).to_string() }, i % 3)
        });
        let f = fires("mixed-types", &csv, None, Some("a"));
        assert!(f.evidence.contains("words 1"), "{f:?}");
        silent("mixed-types", &table("a", 50, |i| format!("c{}", i % 5)), None);
    }

    #[test]
    fn a_few_slips_among_dates_are_found() {
        let csv = |odd: &str, every: usize| {
            table("day,n", 200, |i| {
                let day = format!("{:02}.{:02}.2020", i % 28 + 1, i % 12 + 1);
                format!("{},{i}", if i % every == 7 { odd } else { &day })
            })
        };
        let f = fires("mixed-types", &csv("31.02.2020\u{1b}[2J", 1000), None, Some("day"));
        assert_eq!(f.rows, [8]);
        assert!(f.message.contains("`31.02.2020␛[2J`") && f.evidence.contains("words 1, form %d.%m.%Y, "), "{f:?}");
        let f = fires("mixed-types", &csv("soon", 10), None, Some("day"));
        assert!(f.evidence.starts_with("dates 180, words 20"), "{f:?}");
        silent("mixed-types", &csv("soon", 1), None);
        silent("mixed-types", &csv("01.03.2020", 10), None);
        silent("mixed-types", &csv("NA", 10), None);
        silent("mixed-types", &table("code", 200, |i| format!("A-{i:04}")), None);
    }

    #[test]
    fn dressed_numbers_are_found() {
        fires("disguised-numbers", &table("p;q", 50, |i| format!("${},{:03}.50;{}", i + 1, i, i % 3)), None, Some("p"));
        silent("disguised-numbers", &table("p", 50, |i| format!("c{}", i % 5)), None);
        silent(
            "disguised-numbers",
            &table("p,q", 50, |i| {
                format!("{}{}{},{i}", i + 10, (b'a' + (i % 7) as u8) as char, (b'a' + (i % 11) as u8) as char)
            }),
            None,
        );
        assert_eq!(undressed("€ 1'200.5").map(|u| u.0), Some(1200.5));
        assert_eq!(undressed("12 km"), Some((12.0, "km".to_owned())));
        assert_eq!(undressed("12-b5"), None);
    }
}
