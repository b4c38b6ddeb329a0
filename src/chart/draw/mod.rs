//! Drawing a chart: which layout it gets, and the two backends it is drawn on.

mod axes;
mod bars;
mod heat;
mod rows;
mod xy;

use plotters::prelude::{IntoDrawingArea, SVGBackend};
use plotters::style::text_anchor::HPos;
use plotters::style::{Color, RGBAColor, RGBColor};
use plotters_backend::DrawingBackend;

use super::backend::{CELL, Canvas, CellBackend, encode};
use super::describe::{Chart, Direction, Series};
use super::grid::{Grid, Ink, Style};
use super::page::{Metrics, Page, failed};
use crate::error::Result;

/// Below this width or height a chart cannot be read.
const LEAST: (i32, i32) = (16, 4);

/// Draws a chart on `width` by `height` characters.
#[must_use]
pub fn cells(chart: &Chart, width: u16, height: u16, style: Style) -> Grid {
    let mut canvas = Canvas::new(width, height, style);
    if width > 0 && height > 0 {
        let metrics = Metrics { across: CELL, down: CELL, characters: true, style, mark: 2, stroke: 1, font: 8.0 };
        let page = Page {
            root: CellBackend(&mut canvas).into_drawing_area(),
            metrics,
            columns: i32::from(width),
            rows: i32::from(height),
            color: encode,
            text_color: encode,
        };
        // The cell backend cannot fail; were a layout to fail, what is drawn so far still stands.
        let _ = draw(&page, chart);
    }
    canvas.grid()
}

/// Draws a chart as an SVG picture of `width` by `height` pixels, with the title and [`super::words()`] inside it for
/// screen readers.
///
/// # Errors
/// When plotters refuses to draw.
pub fn svg(chart: &Chart, width: u32, height: u32) -> Result<String> {
    let (width, height) = (width.clamp(1, 20_000), height.clamp(1, 20_000));
    let mut out = String::new();
    {
        let metrics =
            Metrics { across: 7, down: 17, characters: false, style: Style::Braille, mark: 4, stroke: 2, font: 11.6 };
        let root = SVGBackend::with_string(&mut out, (width, height)).into_drawing_area();
        root.fill(&RGBColor(255, 255, 255)).map_err(failed)?;
        // One character of margin on every side.
        let (columns, rows) = (width as i32 / metrics.across - 2, height as i32 / metrics.down - 1);
        let inner = root.margin(metrics.down / 2, metrics.down / 2, metrics.across, metrics.across);
        let page = Page { root: inner, metrics, columns, rows, color: paint, text_color: text_paint };
        draw(&page, chart)?;
        root.present().map_err(failed)?;
    }
    let about =
        format!(" role=\"img\"><title>{}</title><desc>{}</desc>\n", escape(&chart.title), escape(&super::words(chart)));
    Ok(match out.find('>') {
        Some(end) => format!("{}{about}{}", &out[..end], &out[end + 1..]),
        None => out,
    })
}

/// Text for XML: markup escaped, characters that XML does not know left out.
fn escape(text: &str) -> String {
    let mut out = String::new();
    for ch in text.chars() {
        match ch {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\n' => out.push('\n'),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => out.push(c),
        }
    }
    out
}

/// The colours of pictures: the palette of Okabe and Ito, which people with any colour vision can tell apart.
fn paint(ink: Ink) -> RGBAColor {
    const SERIES: [RGBColor; 6] = [
        RGBColor(0, 114, 178),
        RGBColor(213, 94, 0),
        RGBColor(0, 158, 115),
        RGBColor(204, 121, 167),
        RGBColor(230, 159, 0),
        RGBColor(86, 180, 233),
    ];
    match ink {
        Ink::Series(i) => SERIES[usize::from(i) % 6].to_rgba(),
        Ink::Band(i) => SERIES[usize::from(i) % 6].mix(0.18),
        Ink::Axis => RGBColor(110, 110, 110).to_rgba(),
        Ink::Label => RGBColor(50, 50, 50).to_rgba(),
        Ink::Title => RGBColor(20, 20, 20).to_rgba(),
        Ink::Muted => RGBColor(130, 130, 130).to_rgba(),
        Ink::Rule => RGBColor(140, 140, 140).to_rgba(),
        Ink::Good => RGBColor(0, 158, 115).to_rgba(),
        Ink::Warn => RGBColor(230, 159, 0).to_rgba(),
        Ink::Bad => RGBColor(192, 57, 43).to_rgba(),
        Ink::Heat(level) => RGBColor(0, 114, 178).mix(0.06 + 0.11 * f64::from(level.min(8))),
        Ink::None => RGBAColor(0, 0, 0, 0.0),
    }
}

/// The colours of text: on the cells of a table, black on light and white on dark.
fn text_paint(ink: Ink) -> RGBAColor {
    match ink {
        Ink::Heat(0..=4) => RGBColor(20, 20, 20).to_rgba(),
        Ink::Heat(_) => RGBColor(255, 255, 255).to_rgba(),
        other => paint(other),
    }
}

fn draw<DB: DrawingBackend>(page: &Page<DB>, chart: &Chart) -> Result<()> {
    if page.columns < LEAST.0 || page.rows < LEAST.1 {
        let text = page.cut("too small", page.columns);
        return page.text(0, (page.rows - 1).max(0) / 2, HPos::Left, &text, Ink::Muted);
    }
    if !chart.has_data() {
        page.text(0, 0, HPos::Left, &page.cut(&chart.title, page.columns), Ink::Title)?;
        return page.text(page.columns / 2, page.rows / 2, HPos::Center, "no data", Ink::Muted);
    }
    let heat = chart.series.iter().find(|s| matches!(s, Series::Heat { .. }));
    if let Some(Series::Heat { rows, columns, values, text }) = heat {
        return heat::draw(page, chart, &heat::Table { rows, columns, values, text });
    }
    let sideways = |s: &Series| matches!(s, Series::Bars { direction: Direction::Horizontal, .. });
    if chart.series.iter().any(sideways) { rows::draw(page, chart) } else { xy::draw(page, chart) }
}
