//! Dates as people write them. All orders of day, month and year are tried over all rows; the data decides.

/// The orders and separators of a calendar date that are recognised. The number is the bit in a set of candidates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Order {
    /// `2019-12-31`
    YmdDash,
    /// `2019/12/31`
    YmdSlash,
    /// `31/12/2019`
    DmySlash,
    /// `12/31/2019`
    MdySlash,
    /// `31.12.2019`
    DmyDot,
    /// `31-12-2019`
    DmyDash,
    /// `12-31-2019`
    MdyDash,
    /// `2019-12`, the first of the month is meant
    YmDash,
    /// `31-Dec-2019`
    DayNameDash,
    /// `31 Dec 2019`
    DayNameSpace,
}

impl Order {
    /// All orders, in the order in which they win when the data cannot decide.
    pub const ALL: [Self; 10] = [
        Self::YmdDash,
        Self::YmdSlash,
        Self::DmySlash,
        Self::MdySlash,
        Self::DmyDot,
        Self::DmyDash,
        Self::MdyDash,
        Self::YmDash,
        Self::DayNameDash,
        Self::DayNameSpace,
    ];

    /// The bit of this order in a set.
    #[must_use]
    pub fn bit(self) -> u16 {
        1 << self as u8
    }

    fn format(self) -> &'static str {
        match self {
            Self::YmdDash => "%Y-%m-%d",
            Self::YmdSlash => "%Y/%m/%d",
            Self::DmySlash => "%d/%m/%Y",
            Self::MdySlash => "%m/%d/%Y",
            Self::DmyDot => "%d.%m.%Y",
            Self::DmyDash => "%d-%m-%Y",
            Self::MdyDash => "%m-%d-%Y",
            Self::YmDash => "%Y-%m",
            Self::DayNameDash => "%d-%b-%Y",
            Self::DayNameSpace => "%d %b %Y",
        }
    }
}

/// How the time of day was written, as flags that are united over the rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style(u8);

impl Style {
    /// A time of day follows the date.
    pub const TIME: Self = Self(1);
    /// `T` stands between date and time.
    pub const T: Self = Self(2);
    /// Seconds are written.
    pub const SECONDS: Self = Self(4);
    /// Fractions of a second are written.
    pub const FRACTION: Self = Self(8);
    /// A zone is written.
    pub const ZONE: Self = Self(16);
    /// AM or PM is written.
    pub const HALF_DAY: Self = Self(32);
    /// The value has no time of day.
    pub const BARE: Self = Self(64);
    /// The time has no zone.
    pub const NO_ZONE: Self = Self(128);

    /// Both sets of flags.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all flags of `other` are set.
    #[must_use]
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// A parsed date: microseconds since 1970 in UTC, and how it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Microseconds since 1970-01-01 00:00 UTC.
    pub micros: i64,
    /// How the time was written.
    pub style: Style,
}

/// Microseconds per day.
pub const DAY: i64 = 86_400_000_000;

/// The `strftime` format of a column.
#[must_use]
pub fn format(order: Order, style: Style) -> String {
    let mut format = order.format().to_owned();
    if style.has(Style::TIME) {
        format.push(if style.has(Style::T) { 'T' } else { ' ' });
        format.push_str(match (style.has(Style::HALF_DAY), style.has(Style::SECONDS)) {
            (false, false) => "%H:%M",
            (false, true) => "%H:%M:%S",
            (true, false) => "%I:%M",
            (true, true) => "%I:%M:%S",
        });
        if style.has(Style::FRACTION) {
            format.push_str("%.f");
        }
        if style.has(Style::HALF_DAY) {
            format.push_str(" %p");
        }
        if style.has(Style::ZONE) {
            format.push_str("%z");
        }
    }
    format
}

/// Reads a cell in one order; `None` when it is not such a date.
#[must_use]
pub fn parse(order: Order, cell: &[u8]) -> Option<Moment> {
    let mut c = Cursor(cell);
    let (y, m, d) = match order {
        Order::YmdDash => c.ymd(b'-')?,
        Order::YmdSlash => c.ymd(b'/')?,
        Order::DmySlash => c.small_first(b'/', false)?,
        Order::MdySlash => c.small_first(b'/', true)?,
        Order::DmyDot => c.small_first(b'.', false)?,
        Order::DmyDash => c.small_first(b'-', false)?,
        Order::MdyDash => c.small_first(b'-', true)?,
        Order::YmDash => {
            let y = c.digits(4, 4)?;
            c.eat(b'-')?;
            let m = c.digits(2, 2)?;
            // Codes such as 4711-08 have this shape too; years far from ours are not believed.
            if !c.0.is_empty() || !(1500..2500).contains(&y) {
                return None;
            }
            (y, m, 1)
        }
        Order::DayNameDash => c.named(b'-')?,
        Order::DayNameSpace => c.named(b' ')?,
    };
    let days = days_from_civil(y, m, d)?;
    let (within, style) = c.time()?;
    Some(Moment { micros: days * DAY + within, style })
}

struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn digits(&mut self, least: usize, most: usize) -> Option<i64> {
        let n = self.0.iter().take(most).take_while(|b| b.is_ascii_digit()).count();
        if n < least {
            return None;
        }
        let (word, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(word.iter().fold(0, |sum, b| sum * 10 + i64::from(b - b'0')))
    }

    fn eat(&mut self, byte: u8) -> Option<()> {
        let (first, rest) = self.0.split_first()?;
        (*first == byte).then(|| self.0 = rest)
    }

    fn ymd(&mut self, separator: u8) -> Option<(i64, i64, i64)> {
        let y = self.digits(4, 4)?;
        self.eat(separator)?;
        let m = self.digits(1, 2)?;
        self.eat(separator)?;
        Some((y, m, self.digits(1, 2)?))
    }

    fn small_first(&mut self, separator: u8, month_first: bool) -> Option<(i64, i64, i64)> {
        let a = self.digits(1, 2)?;
        self.eat(separator)?;
        let b = self.digits(1, 2)?;
        self.eat(separator)?;
        let y = self.digits(4, 4)?;
        Some(if month_first { (y, a, b) } else { (y, b, a) })
    }

    fn named(&mut self, separator: u8) -> Option<(i64, i64, i64)> {
        const MONTHS: [&[u8]; 12] =
            [b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"];
        let d = self.digits(1, 2)?;
        self.eat(separator)?;
        let (word, rest) = self.0.split_at_checked(3)?;
        let m = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(word))? as i64 + 1;
        self.0 = rest;
        self.eat(separator)?;
        Some((self.digits(4, 4)?, m, d))
    }

    /// The rest of the cell as a time of day with its zone; nothing at all is midnight.
    fn time(&mut self) -> Option<(i64, Style)> {
        if self.0.is_empty() {
            return Some((0, Style::BARE));
        }
        let mut style = Style::TIME;
        if self.eat(b'T').is_some() {
            style = style.with(Style::T);
        } else {
            self.eat(b' ')?;
        }
        let mut hour = self.digits(1, 2)?;
        self.eat(b':')?;
        let minute = self.digits(2, 2)?;
        let (mut second, mut micros) = (0, 0);
        if self.eat(b':').is_some() {
            style = style.with(Style::SECONDS);
            second = self.digits(2, 2)?;
            if self.eat(b'.').is_some() || self.eat(b',').is_some() {
                style = style.with(Style::FRACTION);
                let before = self.0.len();
                micros = self.digits(1, 6)?;
                for _ in (before - self.0.len())..6 {
                    micros *= 10;
                }
                // Digits beyond the microsecond are cut off.
                while self.digits(1, 6).is_some() {}
            }
        }
        let (word, rest) = match self.0 {
            [b' ', rest @ ..] if matches!(rest.first(), Some(b'A' | b'P' | b'a' | b'p')) => rest.split_at_checked(2)?,
            _ => self.0.split_at_checked(2).unwrap_or((b"", self.0)),
        };
        if word.eq_ignore_ascii_case(b"am") || word.eq_ignore_ascii_case(b"pm") {
            if !(1..=12).contains(&hour) {
                return None;
            }
            style = style.with(Style::HALF_DAY);
            hour = hour % 12 + if word.eq_ignore_ascii_case(b"pm") { 12 } else { 0 };
            self.0 = rest;
        }
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let (offset, zone) = self.zone()?;
        style = style.with(if zone { Style::ZONE } else { Style::NO_ZONE });
        Some((((hour * 60 + minute) * 60 + second) * 1_000_000 + micros - offset * 60_000_000, style))
    }

    /// Minutes east of UTC, and whether a zone was written.
    fn zone(&mut self) -> Option<(i64, bool)> {
        if let [b' ', rest @ ..] = self.0
            && matches!(rest.first(), Some(b'+' | b'-' | b'Z' | b'U'))
        {
            self.0 = rest;
        }
        match self.0 {
            b"" => Some((0, false)),
            b"Z" | b"UTC" => Some((0, true)),
            [sign @ (b'+' | b'-'), rest @ ..] => {
                let mut c = Cursor(rest);
                let hours = c.digits(2, 2)?;
                let _ = c.eat(b':');
                let minutes = if c.0.is_empty() { 0 } else { c.digits(2, 2)? };
                if !c.0.is_empty() || hours > 15 || minutes > 59 {
                    return None;
                }
                let east = hours * 60 + minutes;
                Some((if *sign == b'-' { -east } else { east }, true))
            }
            _ => None,
        }
    }
}

/// Days since 1970-01-01 of a date in the proleptic Gregorian calendar, or `None` when there is no such day.
///
/// Years start in March here, so that the leap day is the last day of a year and months have a linear formula.
pub fn days_from_civil(y: i64, m: i64, d: i64) -> Option<i64> {
    let leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
    let length = match m {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(leap),
        _ => return None,
    };
    if d < 1 || d > length || y < 1 {
        return None;
    }
    let year = if m <= 2 { y - 1 } else { y };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (m + if m > 2 { -3 } else { 9 }) + 2) / 5 + d - 1;
    Some(era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{Datelike, NaiveDate, NaiveDateTime};
    use proptest::prelude::*;

    fn micros(text: &str) -> i64 {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").unwrap().and_utc().timestamp_micros()
    }

    fn read(order: Order, cell: &str) -> Option<i64> {
        parse(order, cell.as_bytes()).map(|m| m.micros)
    }

    #[test]
    fn common_writings_are_read() {
        let noon = Some(micros("2019-12-31 12:05:07"));
        assert_eq!(read(Order::YmdDash, "2019-12-31 12:05:07"), noon);
        assert_eq!(read(Order::YmdDash, "2019-12-31T12:05:07Z"), noon);
        assert_eq!(read(Order::YmdDash, "2019-12-31T14:05:07+02:00"), noon);
        assert_eq!(read(Order::YmdDash, "2019-12-31 06:05:07-0600"), noon);
        assert_eq!(read(Order::MdySlash, "12/31/2019 12:05:07 PM"), noon);
        assert_eq!(read(Order::DmySlash, "31/12/2019 12:05:07"), noon);
        assert_eq!(read(Order::DmyDot, "31.12.2019 12:05:07"), noon);
        assert_eq!(read(Order::DayNameDash, "31-Dec-2019 12:05:07"), noon);
        assert_eq!(read(Order::YmdSlash, "2019/12/31"), Some(micros("2019-12-31 00:00:00")));
        assert_eq!(read(Order::YmDash, "2019-12"), Some(micros("2019-12-01 00:00:00")));
        assert_eq!(read(Order::YmdDash, "2019-12-31 12:05:07.123456789"), Some(micros("2019-12-31 12:05:07.123456")));
        assert_eq!(read(Order::YmdDash, "2019-12-31 12:05:07.5"), Some(micros("2019-12-31 12:05:07.5")));
        assert_eq!(read(Order::MdySlash, "1/2/2019 12:05 am"), Some(micros("2019-01-02 00:05:00")));
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for cell in [
            "2019-02-29",
            "2019-13-01",
            "2019-1",
            "2019-01-01x",
            "2019-01-01 25:00",
            "20190101",
            "-",
            "2019-01-01 10:00+99",
        ] {
            assert_eq!(read(Order::YmdDash, cell), None, "{cell}");
        }
        assert_eq!(read(Order::DmySlash, "12/31/2019"), None);
        assert_eq!(read(Order::YmDash, "4711-08"), None);
    }

    #[test]
    fn the_format_says_how_it_was_written() {
        let m = parse(Order::YmdDash, b"2018-01-01T00:19:53.5Z").unwrap();
        assert_eq!(format(Order::YmdDash, m.style), "%Y-%m-%dT%H:%M:%S%.f%z");
        assert_eq!(format(Order::YmDash, Style::BARE), "%Y-%m");
    }

    proptest! {
        #[test]
        fn days_equal_chrono(days in -700_000i32..2_900_000) {
            let date = NaiveDate::from_num_days_from_ce_opt(719_163 + days);
            if let Some(date) = date.filter(|d| (1..=9999).contains(&d.year())) {
                prop_assert_eq!(days_from_civil(i64::from(date.year()), i64::from(date.month()), i64::from(date.day())), Some(i64::from(days)));
            }
        }

        #[test]
        fn any_bytes_are_survived(cell in prop::collection::vec(any::<u8>(), 0..40)) {
            for order in Order::ALL {
                let _ = parse(order, &cell);
            }
        }
    }
}
