//! Fast ways through the commonest cells: plain numbers and ISO dates, read while their end is being looked for. Whatever
//! looks unusual is left to the slow way, which decides what it is; the two never disagree.

use super::dates::{self, DAY, Style};

/// Powers of ten that a float holds exactly.
const TENS: [f64; 19] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18];

/// Whether a cell ends before this byte.
#[inline]
fn ends(byte: Option<&u8>, delimiter: u8) -> bool {
    match byte {
        None | Some(b'\n' | b'\r') => true,
        Some(b) => *b == delimiter,
    }
}

/// A number at the start of `rest` that fills its cell: its value, its length, and whether it has a decimal point.
///
/// At most 15 digits: then the digits and the power of ten are exact as floats, and their quotient is rounded once, so the
/// value is the nearest float (Clinger 1990), the one that the standard library finds.
#[inline]
pub fn number(rest: &[u8], delimiter: u8) -> Option<(f64, usize, bool)> {
    let negative = rest.first() == Some(&b'-');
    let start = usize::from(negative);
    let mut at = start;
    let mut digits = 0u64;
    while let Some(digit) = rest.get(at).map(|b| b.wrapping_sub(b'0')).filter(|d| *d < 10) {
        digits = digits.wrapping_mul(10).wrapping_add(u64::from(digit));
        at += 1;
    }
    let whole = at - start;
    // Zeros in front may matter; the slow way knows.
    if whole == 0 || whole > 15 || (whole > 1 && rest.get(start) == Some(&b'0')) {
        return None;
    }
    let mut value = digits as f64;
    let point = rest.get(at) == Some(&b'.');
    if point {
        at += 1;
        let from = at;
        while let Some(digit) = rest.get(at).map(|b| b.wrapping_sub(b'0')).filter(|d| *d < 10) {
            digits = digits.wrapping_mul(10).wrapping_add(u64::from(digit));
            at += 1;
        }
        let part = at - from;
        if whole + part > 15 {
            return None;
        }
        value = digits as f64 / TENS.get(part)?;
    }
    ends(rest.get(at), delimiter).then_some((if negative { -value } else { value }, at, point))
}

/// A date such as `2019-12-31` or `2019-12-31 23:59:59` at the start of `rest` that fills its cell: microseconds since
/// 1970, its length, and how it is written.
#[inline]
pub fn moment(rest: &[u8], delimiter: u8) -> Option<(i64, usize, Style)> {
    let date: &[u8; 10] = rest.first_chunk()?;
    let two = |a: u8, b: u8| -> Option<i64> {
        let (a, b) = (a.wrapping_sub(b'0'), b.wrapping_sub(b'0'));
        (a < 10 && b < 10).then(|| i64::from(a) * 10 + i64::from(b))
    };
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *date else { return None };
    let days = dates::days_from_civil(two(y1, y2)? * 100 + two(y3, y4)?, two(m1, m2)?, two(d1, d2)?)?;
    if ends(rest.get(10), delimiter) {
        return Some((days * DAY, 10, Style::BARE));
    }
    let time: &[u8; 9] = rest.get(10..)?.first_chunk()?;
    let [between @ (b' ' | b'T'), h1, h2, b':', m1, m2, b':', s1, s2] = *time else { return None };
    let (hour, minute, second) = (two(h1, h2)?, two(m1, m2)?, two(s1, s2)?);
    if hour > 23 || minute > 59 || second > 59 || !ends(rest.get(19), delimiter) {
        return None;
    }
    let style = Style::TIME.with(Style::SECONDS).with(Style::NO_ZONE);
    let style = if between == b'T' { style.with(Style::T) } else { style };
    Some((days * DAY + ((hour * 60 + minute) * 60 + second) * 1_000_000, 19, style))
}

#[cfg(test)]
mod tests {
    use super::super::dates::Order;
    use super::super::guess::{Shape, number as slow, shape};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_numbers_take_the_fast_way() {
        assert_eq!(number(b"16.3952,x", b','), Some((16.3952, 7, true)));
        assert_eq!(number(b"-7\n", b','), Some((-7.0, 2, false)));
        assert_eq!(number(b"0", b','), Some((0.0, 1, false)));
        for odd in ["", ",", "007", "1e5", "1 ", "+1", ".5", "\"1\"", "1234567890123456", "1;2", "-"] {
            assert_eq!(number(odd.as_bytes(), b','), None, "{odd}");
        }
        assert_eq!(moment(b"2020-03-15 20:16:36,", b',').unwrap().1, 19);
        for odd in ["2020-3-15", "2020-02-30", "2020-03-15 20:16", "2020-03-15 25:16:36", "2020-03-15x"] {
            assert_eq!(moment(odd.as_bytes(), b','), None, "{odd}");
        }
    }

    proptest! {
        #[test]
        fn fast_numbers_are_those_of_the_standard_library(text in "-?[0-9]{1,10}(\\.[0-9]{0,8})?") {
            if let Some((value, length, point)) = number(text.as_bytes(), b',') {
                prop_assert_eq!(length, text.len());
                prop_assert_eq!(value.to_bits(), slow::<f64>(text.as_bytes()).unwrap().to_bits());
                prop_assert_eq!(shape(text.as_bytes()), if point { Shape::Float } else { Shape::Integer });
            }
        }

        #[test]
        fn fast_dates_are_those_of_the_slow_way(text in "[0-2][0-9]{3}-[01][0-9]-[0-3][0-9]([ T][0-2][0-9]:[0-6][0-9]:[0-6][0-9])?") {
            let slow = dates::parse(Order::YmdDash, text.as_bytes());
            let fast = moment(text.as_bytes(), b',');
            prop_assert_eq!(fast.map(|(micros, _, style)| (micros, style)), slow.map(|m| (m.micros, m.style)));
        }
    }
}
