//! Small pictures for pages, as SVG without colours of its own: every shape has a class, and the page's style sheet says
//! what it looks like by day, by night and on paper.

use std::fmt::Write as _;

/// Text for SVG and HTML: markup escaped, control characters shown harmless.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for ch in crate::data::display(text).chars() {
        match ch {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // No XML may hold these.
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// Writing into a string cannot fail.
macro_rules! put {
    ($out:expr, $($arg:tt)*) => { let _ = write!($out, $($arg)*); };
}

/// Upright bars between edges, side by side over the whole width. `say` names the values of a bar for the pointer.
///
/// Classes: `bars` for the picture, `bar` for a bar.
#[must_use]
pub fn histogram(about: &str, edges: &[f64], counts: &[u64], say: &dyn Fn(f64, f64, u64) -> String) -> String {
    const WIDTH: f64 = 300.0;
    const HEIGHT: f64 = 72.0;
    let most = counts.iter().copied().max().unwrap_or(0).max(1) as f64;
    let (first, last) = (edges.first().copied().unwrap_or(0.0), edges.last().copied().unwrap_or(1.0));
    let scale = WIDTH / (last - first);
    let mut out = format!(
        "<svg class=\"bars\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">",
        escape(about)
    );
    for (edge, count) in edges.windows(2).zip(counts) {
        let &[from, to] = edge else { continue };
        let (x, width) = ((from - first) * scale, (to - from) * scale);
        if !(x.is_finite() && width.is_finite()) {
            continue;
        }
        // A bar of one row must still be seen.
        let height = if *count == 0 { 0.0 } else { (*count as f64 / most * (HEIGHT - 2.0)).max(1.5) };
        put!(
            out,
            "<rect class=\"bar\" x=\"{x:.2}\" y=\"{:.2}\" width=\"{:.2}\" height=\"{height:.2}\"><title>{}</title></rect>",
            HEIGHT - height,
            (width - (width * 0.08).min(1.0)).max(0.2),
            escape(&say(from, to, *count))
        );
    }
    out.push_str("</svg>");
    out
}

/// The spread of numbers on one line: a thin line from the 5th to the 95th hundredth, a box for the middle half, a mark for the
/// median. `None` when the numbers have no spread.
///
/// Classes: `spread`, `whisker`, `box`, `median`.
#[must_use]
pub fn spread(about: &str, [q05, q25, q50, q75, q95]: [f64; 5]) -> Option<String> {
    const WIDTH: f64 = 300.0;
    let scale = (WIDTH - 4.0) / (q95 - q05);
    if !scale.is_finite() || q95 <= q05 {
        return None;
    }
    let x = |q: f64| 2.0 + (q - q05) * scale;
    Some(format!(
        "<svg class=\"spread\" viewBox=\"0 0 {WIDTH} 14\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">\
         <rect class=\"whisker\" x=\"2\" y=\"6\" width=\"{:.2}\" height=\"2\"/>\
         <rect class=\"box\" x=\"{:.2}\" y=\"2\" width=\"{:.2}\" height=\"10\" rx=\"2\"/>\
         <rect class=\"median\" x=\"{:.2}\" y=\"1\" width=\"3\" height=\"12\"/></svg>",
        escape(about),
        WIDTH - 4.0,
        x(q25),
        (x(q75) - x(q25)).max(1.0),
        x(q50) - 1.5,
    ))
}

/// A cell of a [`heat`] map.
#[derive(Debug, Clone, PartialEq)]
pub struct HeatCell {
    /// How strong, from -1 to 1; `None` is an empty cell.
    pub value: Option<f64>,
    /// What the pointer is told.
    pub say: String,
}

/// The longest name that is written beside a heat map, in characters.
const NAME: usize = 22;

/// A table of coloured cells with names on the left and, turned, on top. `side` is the width and height of a cell.
///
/// Classes: `heat`, `name`, and for cells `p0` to `p8` for strengths from 0 up, `n1` to `n8` for those below, `none` for empty
/// ones.
#[must_use]
pub fn heat(about: &str, rows: &[String], columns: &[String], cells: &[Vec<HeatCell>], side: (u32, u32)) -> String {
    let (wide, high) = (f64::from(side.0), f64::from(side.1));
    let longest = |names: &[String]| names.iter().map(|n| n.chars().count().min(NAME)).max().unwrap_or(0) as f64;
    // Letters of 11 pixels are about 6.7 wide.
    let left = longest(rows) * 6.7 + 8.0;
    let top = longest(columns) * 5.2 + 10.0;
    // The last turned name hangs over to the right.
    let over = longest(columns) * 4.6;
    let (width, height) = (left + wide * columns.len() as f64 + over, top + high * rows.len() as f64 + 2.0);
    let mut out = format!(
        "<svg class=\"heat\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" role=\"img\" \
         aria-label=\"{}\">",
        escape(about)
    );
    for (i, name) in columns.iter().enumerate() {
        let x = left + (i as f64 + 0.5) * wide + 3.0;
        put!(
            out,
            "<text class=\"name\" transform=\"translate({x:.1} {:.1}) rotate(-50)\">{}</text>",
            top - 5.0,
            escape(&crate::data::brief(name, NAME))
        );
    }
    for (r, name) in rows.iter().enumerate() {
        let y = top + r as f64 * high;
        put!(
            out,
            "<text class=\"name\" text-anchor=\"end\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            left - 6.0,
            y + high / 2.0 + 3.8,
            escape(&crate::data::brief(name, NAME))
        );
        for (c, cell) in cells.get(r).into_iter().flatten().enumerate() {
            put!(
                out,
                "<rect class=\"{}\" x=\"{:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\"><title>{}</title></rect>",
                level(cell.value),
                left + c as f64 * wide,
                wide - if wide > 6.0 { 1.0 } else { 0.0 },
                high - 1.0,
                escape(&cell.say)
            );
        }
    }
    out.push_str("</svg>");
    out
}

/// The class of a strength.
fn level(value: Option<f64>) -> String {
    match value.filter(|v| v.is_finite()) {
        None => "none".into(),
        Some(v) => {
            let step = (v.abs().min(1.0) * 8.0).round() as u8;
            // What is there at all must not look like nothing.
            let step = if v != 0.0 { step.max(1) } else { 0 };
            format!("{}{step}", if v < 0.0 { 'n' } else { 'p' })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_hold_no_markup_from_data() {
        let evil = "</svg><script>alert(1)</script>\u{1b}[2J\"'";
        let heat = heat(
            evil,
            &[evil.into()],
            &[evil.into()],
            &[vec![HeatCell { value: Some(0.5), say: evil.into() }]],
            (10, 10),
        );
        let bars = histogram(evil, &[0.0, 1.0, 2.0], &[3, 0], &|_, _, _| evil.into());
        let line = spread(evil, [0.0, 1.0, 2.0, 3.0, 4.0]).unwrap();
        for picture in [heat, bars, line] {
            assert!(!picture.contains("<script") && !picture.contains('\u{1b}'), "{picture}");
            assert_eq!(picture.matches("</svg>").count(), 1);
        }
    }

    #[test]
    fn strengths_become_classes() {
        for (value, class) in [
            (Some(0.0), "p0"),
            (Some(1.0), "p8"),
            (Some(-0.5), "n4"),
            (Some(0.001), "p1"),
            (None, "none"),
            (Some(f64::NAN), "none"),
        ] {
            assert_eq!(level(value), class);
        }
    }

    #[test]
    fn bars_fill_the_width_and_keep_their_proportion() {
        let picture = histogram("x", &[0.0, 1.0, 3.0], &[10, 5], &|from, to, n| format!("{from} {to} {n}"));
        assert!(picture.contains("x=\"0.00\" y=\"2.00\" width=\"99.00\" height=\"70.00\""), "{picture}");
        assert!(picture.contains("x=\"100.00\" y=\"37.00\" width=\"199.00\" height=\"35.00\""), "{picture}");
        assert_eq!(spread("x", [1.0; 5]), None);
    }
}
