//! Where a cell ends, and what stands in it.

/// The cell at the start of a text: where it stands, and how many bytes it takes up to its end mark.
pub enum Cell {
    /// As it stands, in these bytes of the text.
    Plain(usize, usize),
    /// With quotes taken off.
    Unquoted(Vec<u8>),
}

/// Finds the end of a cell, with the rules of the `csv` crate: a quote opens a quoted part only where the cell starts, two
/// quotes inside are one, and after the closing quote the cell goes on unquoted. Returns the cell and its length in the text.
#[inline]
pub fn cell(rest: &[u8], delimiter: u8) -> (Cell, usize) {
    let end = |from: usize| {
        let tail = rest.get(from..).unwrap_or_default();
        from + tail.iter().position(|b| matches!(*b, b'\n' | b'\r') || *b == delimiter).unwrap_or(tail.len())
    };
    if rest.first() != Some(&b'"') {
        let end = end(0);
        return (Cell::Plain(0, end), end);
    }
    let mut at = 1;
    let mut text: Option<Vec<u8>> = None;
    loop {
        let tail = rest.get(at..).unwrap_or_default();
        let Some(quote) = memchr::memchr(b'"', tail) else {
            // Still open at the end of the bytes; the cut into blocks refuses it before.
            let inside = text.unwrap_or_else(|| rest.get(1..at).unwrap_or_default().to_vec());
            return (Cell::Unquoted([inside.as_slice(), tail].concat()), rest.len());
        };
        let inside = tail.get(..quote).unwrap_or_default();
        let next = at + quote + 1;
        if rest.get(next) == Some(&b'"') {
            let text = text.get_or_insert_with(Vec::new);
            text.extend_from_slice(inside);
            text.push(b'"');
            at = next + 1;
            continue;
        }
        let end = end(next);
        if end == next && text.is_none() {
            return (Cell::Plain(1, next - 1), end);
        }
        let mut text = text.unwrap_or_default();
        text.extend_from_slice(inside);
        text.extend_from_slice(rest.get(next..end).unwrap_or_default());
        return (Cell::Unquoted(text), end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Cell by cell, the fast cut gives what the `csv` crate gives.
        #[test]
        fn cells_are_those_of_the_csv_crate(text in "[ab,\"]{0,30}") {
            let expected: Vec<Vec<u8>> = crate::data::csv::reader(text.as_bytes(), b',')
                .byte_records().flat_map(|r| r.unwrap().iter().map(<[u8]>::to_vec).collect::<Vec<_>>()).collect();
            let mut found = Vec::new();
            let mut at = 0;
            while !text.is_empty() {
                let rest = &text.as_bytes()[at..];
                let (cell, used) = cell(rest, b',');
                found.push(match cell { Cell::Plain(a, b) => rest[a..b].to_vec(), Cell::Unquoted(text) => text });
                at += used + 1;
                if at > text.len() { break; }
            }
            prop_assert_eq!(found, expected);
        }
    }
}
