//! Data about persons, told by names and by the look of values.

use super::Table;
use crate::data::finding::{Finding, Severity, percent};
use crate::data::meaning::words;
use crate::error::Result;

/// Share of the looked-at values that must have the look.
const MOSTLY: f64 = 0.5;

/// How many distinct values are looked at.
const LOOKED_AT: usize = 500;

type Test = fn(&str) -> bool;

/// Columns that hold addresses, numbers or names of persons.
pub fn personal(table: &Table<'_>) -> Result<Vec<Finding>> {
    let looks: [(&str, Test); 5] = [
        ("e-mail addresses", is_email),
        ("phone numbers", is_phone),
        ("bank accounts (IBAN)", is_iban),
        ("card numbers", is_card),
        ("network addresses", is_ip),
    ];
    let mut findings = Vec::new();
    for c in table.columns() {
        let by_value = c.summary.values.texts().filter(|t| t.distinct() > 0).and_then(|tally| {
            let step = tally.distinct().div_ceil(LOOKED_AT);
            let values: Vec<&str> = tally.entries().iter().step_by(step).map(|(t, _)| t.trim()).collect();
            looks.iter().find_map(|(what, test)| {
                let share = values.iter().filter(|v| test(v)).count() as f64 / values.len() as f64;
                (share >= MOSTLY).then(|| (*what, Some(share), c.rows_with_text(|t| test(t.trim()))))
            })
        });
        // Two values, such as yes and no, name nobody.
        let by_name =
            || by_name(&c.spec.name).filter(|_| c.summary.distinct() > 2).map(|what| (what, None, Vec::new()));
        let Some((what, share, rows)) = by_value.or_else(by_name) else { continue };
        let told = share
            .map_or_else(|| "as its name says".to_owned(), |s| format!("as {} of its values look like it", percent(s)));
        findings.push(
            Finding::new("personal-data", Severity::Warning, format!("{} seems to hold {what}, {told}", c.name()))
                .on(&c.spec.name)
                .with("kind", what)
                .with("share", share)
                .remedy(
                    "Leave the column out; if it is needed to join or split, put pseudonyms in its place (the step `hash` of a recipe)",
                )
                .rows(rows),
        );
    }
    Ok(findings)
}

fn by_name(name: &str) -> Option<&'static str> {
    let words = words(name);
    let has = |list: &[&str]| words.iter().any(|w| list.contains(&w.as_str()));
    let pair = |a: &str, b: &str| words.windows(2).any(|w| matches!(w, [x, y] if x == a && y == b));
    if has(&["email", "mail"]) {
        Some("e-mail addresses")
    } else if has(&["phone", "telephone", "mobile", "cellphone"]) {
        Some("phone numbers")
    } else if has(&["ssn", "passport"]) || pair("social", "security") || pair("national", "id") {
        Some("official numbers of persons")
    } else if has(&["iban"]) {
        Some("bank accounts (IBAN)")
    } else if has(&["surname", "firstname", "lastname", "forename", "fullname"])
        || pair("first", "name")
        || pair("last", "name")
        || pair("full", "name")
    {
        Some("names of persons")
    } else if has(&["birthdate", "birthday", "dob"]) || (has(&["birth"]) && has(&["date", "day"])) {
        Some("dates of birth")
    } else {
        None
    }
}

fn is_email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(user, host)| {
        !user.is_empty()
            && !text.contains(char::is_whitespace)
            && !host.contains('@')
            && host
                .rsplit_once('.')
                .is_some_and(|(name, top)| !name.is_empty() && top.len() >= 2 && top.chars().all(char::is_alphabetic))
    })
}

/// A leading plus or a group of separators, and nine to fifteen digits (ITU-T E.164 allows fifteen).
fn is_phone(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let dressed =
        text.starts_with('+') || text.starts_with('(') || text.bytes().filter(|b| b" -/".contains(b)).count() >= 2;
    dressed
        && (9..=15).contains(&digits)
        && text.bytes().all(|b| b.is_ascii_digit() || b"+ ()-/.".contains(&b))
        && !crate::data::csv::dates::Order::ALL
            .iter()
            .any(|o| crate::data::csv::dates::parse(*o, text.as_bytes()).is_some())
}

/// ISO 13616: moving the first four characters to the end and reading letters as 10 to 35 leaves 1 modulo 97.
fn is_iban(text: &str) -> bool {
    let bare: Vec<u8> = text.bytes().filter(|b| *b != b' ').collect();
    if !(15..=34).contains(&bare.len()) || !bare.iter().take(2).all(u8::is_ascii_uppercase) {
        return false;
    }
    let mut rest = 0u32;
    for b in bare.iter().cycle().skip(4).take(bare.len()) {
        rest = match b {
            b'0'..=b'9' => (rest * 10 + u32::from(b - b'0')) % 97,
            b'A'..=b'Z' => (rest * 100 + u32::from(b - b'A') + 10) % 97,
            _ => return false,
        };
    }
    rest == 1
}

/// Thirteen to nineteen digits that pass the check of Luhn (ISO/IEC 7812).
fn is_card(text: &str) -> bool {
    if !text.bytes().all(|b| b.is_ascii_digit() || b == b' ' || b == b'-') {
        return false;
    }
    let digits: Vec<u32> = text.bytes().filter(u8::is_ascii_digit).map(|b| u32::from(b - b'0')).collect();
    let sum: u32 =
        digits.iter().rev().enumerate().map(|(i, d)| if i % 2 == 0 { *d } else { d * 2 / 10 + d * 2 % 10 }).sum();
    (13..=19).contains(&digits.len()) && sum.is_multiple_of(10)
}

fn is_ip(text: &str) -> bool {
    text.parse::<std::net::IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fires, silent, table};
    use super::{is_card, is_email, is_iban, is_phone};

    #[test]
    fn looks_are_told_apart() {
        assert!(is_email("ana@example.org") && !is_email("a@b") && !is_email("@x.org") && !is_email("no"));
        assert!(
            is_phone("+41 44 123 45 67")
                && !is_phone("2019-01-02 10:00")
                && !is_phone("123456789")
                && !is_phone("31-12-2019")
        );
        assert!(is_iban("GB82 WEST 1234 5698 7654 32") && !is_iban("GB82 WEST 1234 5698 7654 33"));
        assert!(is_card("4111 1111 1111 1111") && !is_card("4111 1111 1111 1112"));
    }

    #[test]
    fn personal_columns_are_found() {
        let f =
            fires("personal-data", &table("contact,n", 40, |i| format!("u{i}@example.org,{i}")), None, Some("contact"));
        assert!(f.evidence.contains("kind e-mail addresses"), "{f:?}");
        fires("personal-data", &table("last_name,n", 40, |i| format!("Name{},{i}", i % 9)), None, Some("last_name"));
        silent("personal-data", &table("has_phone,n", 40, |i| format!("{},{i}", ["yes", "no"][i % 2])), None);
        silent("personal-data", &table("Street,City", 40, |i| format!("Pave,c{}", i % 4)), None);
    }
}
