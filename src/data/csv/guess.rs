//! What a column of text cells could hold, narrowed cell by cell over all rows.

use super::dates::{self, Order, Style};
use super::fast;
use super::missing::{Found, Spellings};

/// How the cells of a column are turned into values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// Whole numbers.
    Integer,
    /// Numbers with a decimal point.
    Float,
    /// Numbers with a decimal comma.
    CommaFloat,
    /// `true` and `false`.
    Boolean,
    /// Dates without a time of day.
    Date(Order),
    /// Dates with a time of day.
    Datetime(Order),
    /// Anything else.
    Text,
}

/// The shape of a cell as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Digits with an optional sign, within `i64`.
    Integer,
    /// A decimal point or an exponent.
    Float,
    /// Infinite in some spelling.
    Infinite,
    /// No number, or one whose digits matter: leading zeros (`007`), or more digits than a number keeps.
    Not,
}

const INTEGER: u8 = 1;
const FLOAT: u8 = 2;
const COMMA: u8 = 4;
const BOOLEAN: u8 = 8;

/// The readings that are still possible for a column, and what was seen on the way.
#[derive(Debug, Clone)]
pub struct Guess {
    possible: u8,
    dates: u16,
    style: Style,
    values: u64,
    /// Cells that said infinity; read as missing.
    pub infinite: u64,
    /// Cells with digits that a number would lose.
    pub digits_matter: u64,
    /// Spellings of "missing".
    pub found: Found,
}

impl Guess {
    /// Nothing seen yet. `comma` allows decimal commas (impossible when the comma separates columns).
    #[must_use]
    pub fn new(comma: bool) -> Self {
        Self {
            possible: INTEGER | FLOAT | BOOLEAN | if comma { COMMA } else { 0 },
            dates: Order::ALL.iter().fold(0, |set, order| set | order.bit()),
            style: Style::default(),
            values: 0,
            infinite: 0,
            digits_matter: 0,
            found: Found::default(),
        }
    }

    /// Looks at one trimmed cell.
    pub fn see(&mut self, cell: &[u8], spellings: &Spellings) {
        match spellings.class(cell) {
            Some(class) => self.found.add(class, cell),
            None => self.see_value(cell),
        }
    }

    /// Looks at one trimmed cell that is no spelling of "missing".
    pub fn see_value(&mut self, cell: &[u8]) {
        // The commonest cells are told at a glance; the fast ways are no wider than the slow ones.
        if self.possible & (INTEGER | FLOAT) != 0 {
            if let Some((_, _, point)) = fast::number(cell, b'\n').filter(|(_, length, _)| *length == cell.len()) {
                return if point { self.saw_floats(1) } else { self.saw_integers(1) };
            }
        } else if self.possible == 0
            && self.dates & Order::YmdDash.bit() != 0
            && let Some((_, _, style)) = fast::moment(cell, b'\n').filter(|(_, length, _)| *length == cell.len())
        {
            return self.saw_dates(1, style);
        }
        self.values += 1;
        if self.is_text() {
            return;
        }
        if self.possible & (INTEGER | FLOAT | COMMA) != 0 {
            let shape = shape(cell);
            match shape {
                Shape::Integer => {}
                Shape::Float => self.possible &= !(INTEGER | COMMA),
                Shape::Infinite => {
                    self.possible &= !INTEGER;
                    self.infinite += 1;
                }
                Shape::Not => {
                    self.possible &= !(INTEGER | FLOAT);
                    self.digits_matter += u64::from(cell.iter().all(u8::is_ascii_digit));
                    if self.possible & COMMA != 0 && comma_to_point(cell).is_none() {
                        self.possible &= !COMMA;
                    }
                }
            }
        }
        if self.possible & BOOLEAN != 0 && boolean(cell).is_none() {
            self.possible &= !BOOLEAN;
        }
        if self.dates != 0 {
            for order in Order::ALL {
                if self.dates & order.bit() != 0 {
                    match dates::parse(order, cell) {
                        Some(moment) => self.style = self.style.with(moment.style),
                        None => self.dates &= !order.bit(),
                    }
                }
            }
        }
    }

    /// Whether nothing but text is possible any more: further values cannot change the reading.
    #[must_use]
    pub fn is_text(&self) -> bool {
        self.possible == 0 && self.dates == 0
    }

    /// What [`Guess::see_value`] does for `n` whole numbers without leading zeros.
    pub fn saw_integers(&mut self, n: u64) {
        if n > 0 {
            self.values += n;
            self.possible &= INTEGER | FLOAT | COMMA;
            self.dates = 0;
        }
    }

    /// What [`Guess::see_value`] does for `n` numbers with a decimal point and without an exponent.
    pub fn saw_floats(&mut self, n: u64) {
        if n > 0 {
            self.values += n;
            self.possible &= FLOAT;
            self.dates = 0;
        }
    }

    /// What [`Guess::see_value`] does for `n` dates that begin with a year of four digits and a dash, and have a day.
    pub fn saw_dates(&mut self, n: u64, style: Style) {
        if n > 0 {
            self.values += n;
            self.possible = 0;
            self.dates &= Order::YmdDash.bit();
            self.style = self.style.with(style);
        }
    }

    /// Takes in what another part of the column showed.
    pub fn merge(&mut self, other: Self) {
        self.possible &= other.possible;
        self.dates &= other.dates;
        self.style = self.style.with(other.style);
        self.values += other.values;
        self.infinite += other.infinite;
        self.digits_matter += other.digits_matter;
        self.found.merge(other.found);
    }

    /// Whether no cell is a value: all say "missing", or infinity.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        if self.values == 0 { !self.found.has_beside() } else { self.values == self.infinite }
    }

    /// The reading that fits every cell.
    #[must_use]
    pub fn reading(&self) -> Reading {
        if self.values == 0 {
            return if self.found.has_beside() { Reading::Text } else { Reading::Float };
        }
        if self.values == self.infinite {
            return Reading::Float;
        }
        if self.possible & INTEGER != 0 {
            return Reading::Integer;
        }
        if self.possible & FLOAT != 0 {
            return Reading::Float;
        }
        if self.possible & COMMA != 0 {
            return Reading::CommaFloat;
        }
        if self.possible & BOOLEAN != 0 {
            return Reading::Boolean;
        }
        let american = self.style.has(Style::HALF_DAY);
        let fits = |order: &Order| self.dates & order.bit() != 0;
        let order = [Order::MdySlash, Order::MdyDash].into_iter().filter(|_| american).chain(Order::ALL).find(fits);
        match order {
            Some(order) if self.style.has(Style::TIME) => Reading::Datetime(order),
            Some(order) => Reading::Date(order),
            None => Reading::Text,
        }
    }

    /// The `strftime` format when the column is a date.
    #[must_use]
    pub fn date_format(&self) -> Option<String> {
        match self.reading() {
            Reading::Date(order) | Reading::Datetime(order) => Some(dates::format(order, self.style)),
            _ => None,
        }
    }

    /// What a person should know about how the column's dates were read.
    #[must_use]
    pub fn date_remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        if !matches!(self.reading(), Reading::Date(_) | Reading::Datetime(_)) {
            return remarks;
        }
        for (day_first, month_first) in [(Order::DmySlash, Order::MdySlash), (Order::DmyDash, Order::MdyDash)] {
            if self.dates & day_first.bit() != 0 && self.dates & month_first.bit() != 0 {
                let order = if self.style.has(Style::HALF_DAY) { "month first" } else { "day first" };
                remarks.push(format!("no date tells whether the day or the month comes first; read with the {order}"));
            }
        }
        if self.style.has(Style::ZONE) {
            let mixed = if self.style.has(Style::NO_ZONE) || self.style.has(Style::BARE) {
                "; those without a zone were taken for UTC"
            } else {
                ""
            };
            remarks.push(format!("times with a zone were converted to UTC{mixed}"));
        }
        remarks
    }
}

/// Whether a trimmed cell that is not missing is a number with a decimal point, or a date in the order of the reading; for
/// other readings, always.
#[must_use]
pub fn fits(reading: Reading, cell: &[u8]) -> bool {
    match reading {
        Reading::Integer | Reading::Float => matches!(shape(cell), Shape::Integer | Shape::Float),
        Reading::Date(order) | Reading::Datetime(order) => dates::parse(order, cell).is_some(),
        Reading::CommaFloat | Reading::Boolean | Reading::Text => true,
    }
}

/// What at least half of some texts (each with how often it occurs) are, numbers or dates of one order, and how many are.
/// `None` when they are neither.
#[must_use]
pub fn nearly<'a>(texts: impl Iterator<Item = (&'a str, u64)> + Clone) -> Option<(Reading, u64)> {
    let count = |reading, texts: &mut dyn Iterator<Item = (&'a str, u64)>| -> u64 {
        texts.filter(|(text, _)| fits(reading, text.trim().as_bytes())).map(|(_, n)| n).sum()
    };
    let readings = || std::iter::once(Reading::Float).chain(Order::ALL.map(Reading::Date));
    let all: u64 = texts.clone().map(|(_, n)| n).sum();
    // A few texts tell which readings are worth a look at all of them.
    let step = texts.clone().count().div_ceil(500).max(1);
    let few = || texts.clone().step_by(step);
    let few_all: u64 = few().map(|(_, n)| n).sum();
    let found = readings().filter(|r| count(*r, &mut few()) * 4 > few_all);
    // Of equals the first, as where the data cannot decide.
    let best = found
        .map(|r| (r, count(r, &mut texts.clone())))
        .fold(None, |best: Option<(Reading, u64)>, new| Some(best.filter(|(_, n)| *n >= new.1).unwrap_or(new)));
    best.filter(|(_, n)| *n > 0 && *n * 2 >= all)
}

/// Cuts ASCII blanks off both ends.
#[must_use]
pub fn trim(cell: &[u8]) -> &[u8] {
    cell.trim_ascii()
}

/// The shape of a trimmed cell.
#[must_use]
pub fn shape(cell: &[u8]) -> Shape {
    let body = match cell {
        [b'+' | b'-', rest @ ..] => rest,
        _ => cell,
    };
    let whole = body.iter().take_while(|b| b.is_ascii_digit()).count();
    let (digits, rest) = body.split_at_checked(whole).unwrap_or((b"", body));
    if whole > 1 && digits.first() == Some(&b'0') {
        return Shape::Not;
    }
    match rest {
        [] if whole > 0 => {
            if whole <= 18 || number::<i64>(cell).is_some() {
                Shape::Integer
            } else {
                Shape::Not
            }
        }
        [b'.', rest @ ..] => {
            let part = rest.iter().take_while(|b| b.is_ascii_digit()).count();
            match rest.split_at_checked(part) {
                Some((_, [])) if whole + part > 0 => Shape::Float,
                Some((_, exponent)) if whole + part > 0 && is_exponent(exponent) => finite_or_not(cell),
                _ => Shape::Not,
            }
        }
        _ if whole > 0 && is_exponent(rest) => finite_or_not(cell),
        _ if whole == 0 && [&b"inf"[..], b"infinity"].iter().any(|word| word.eq_ignore_ascii_case(rest)) => {
            Shape::Infinite
        }
        _ => Shape::Not,
    }
}

fn is_exponent(rest: &[u8]) -> bool {
    match rest {
        [b'e' | b'E', b'+' | b'-', digits @ ..] | [b'e' | b'E', digits @ ..] => {
            !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
        }
        _ => false,
    }
}

fn finite_or_not(cell: &[u8]) -> Shape {
    match number::<f64>(cell) {
        Some(v) if v.is_finite() => Shape::Float,
        Some(_) => Shape::Infinite,
        None => Shape::Not,
    }
}

/// Parses a cell with the standard library.
#[must_use]
pub fn number<T: std::str::FromStr>(cell: &[u8]) -> Option<T> {
    std::str::from_utf8(cell).ok()?.parse().ok()
}

/// `true` and `false` in the usual capitals; `yes` and `no` stay categories.
#[must_use]
pub fn boolean(cell: &[u8]) -> Option<bool> {
    match cell {
        b"true" | b"True" | b"TRUE" => Some(true),
        b"false" | b"False" | b"FALSE" => Some(false),
        _ => None,
    }
}

/// The number in a cell with a decimal comma (`12,5`).
#[must_use]
pub fn comma_to_point(cell: &[u8]) -> Option<f64> {
    let mut text = std::str::from_utf8(cell).ok()?.to_owned();
    if let Some(at) = text.find(',') {
        if text.contains('.') {
            return None;
        }
        text.replace_range(at..=at, ".");
    }
    match shape(text.as_bytes()) {
        Shape::Integer | Shape::Float => text.parse().ok(),
        Shape::Infinite | Shape::Not => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reading(cells: &[&str]) -> Reading {
        let spellings = Spellings::with(&[]);
        let mut guess = Guess::new(true);
        cells.iter().for_each(|c| guess.see(trim(c.as_bytes()), &spellings));
        guess.reading()
    }

    #[test]
    fn readings_follow_all_cells() {
        assert_eq!(reading(&["1", "-2", "NA", ""]), Reading::Integer);
        assert_eq!(reading(&["1", "2.5", "1e5", "None"]), Reading::Float);
        assert_eq!(reading(&["1", "inf", "-Infinity"]), Reading::Float);
        assert_eq!(reading(&["1,5", "2", "?"]), Reading::CommaFloat);
        assert_eq!(reading(&["true", "FALSE", "-"]), Reading::Boolean);
        assert_eq!(reading(&["yes", "no"]), Reading::Text);
        assert_eq!(reading(&["1", "2", "three"]), Reading::Text);
        assert_eq!(reading(&["007", "010"]), Reading::Text);
        assert_eq!(reading(&["12345678901234567890", "1"]), Reading::Text);
        assert_eq!(reading(&["", "NA"]), Reading::Float);
        assert_eq!(reading(&["None", ""]), Reading::Text);
        assert_eq!(reading(&["0", "0.5", ".5", "5."]), Reading::Float);
    }

    #[test]
    fn the_data_tells_day_from_month() {
        assert_eq!(reading(&["01/02/2020", "13/02/2020"]), Reading::Date(Order::DmySlash));
        assert_eq!(reading(&["01/02/2020", "02/13/2020"]), Reading::Date(Order::MdySlash));
        assert_eq!(reading(&["01/02/2020"]), Reading::Date(Order::DmySlash));
        assert_eq!(reading(&["1/2/2020 8:26 AM"]), Reading::Datetime(Order::MdySlash));
        assert_eq!(reading(&["13/02/2020", "02/13/2020"]), Reading::Text);
        assert_eq!(reading(&["2018-01", "2018-02"]), Reading::Date(Order::YmDash));
        assert_eq!(reading(&["2018-01-05", "2018-01-06 10:00", ""]), Reading::Datetime(Order::YmdDash));
    }

    proptest! {
        #[test]
        fn what_has_the_shape_of_a_number_parses(cell in "[-+0-9.eE]{1,12}") {
            match shape(cell.as_bytes()) {
                Shape::Integer => prop_assert!(cell.parse::<i64>().is_ok()),
                Shape::Float => prop_assert!(cell.parse::<f64>().is_ok_and(f64::is_finite)),
                Shape::Infinite | Shape::Not => {}
            }
        }

        #[test]
        fn numbers_that_rust_writes_are_read(v in any::<f64>().prop_filter("finite", |v| v.is_finite())) {
            let text = v.to_string();
            let long = text.trim_start_matches('-').len() > 18 && !text.contains('.');
            prop_assert!(long || matches!(shape(text.as_bytes()), Shape::Integer | Shape::Float), "{}", text);
        }
    }
}
