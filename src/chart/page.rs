//! The page that drawing code writes on: places are counted in characters, whatever the backend's pixels are.

use plotters::coord::Shift;
use plotters::coord::cartesian::Cartesian2d;
use plotters::drawing::DrawingAreaErrorKind;
use plotters::element::DashedPathElement;
use plotters::prelude::{Circle, DrawingArea, IntoFont, PathElement, Polygon, Rectangle, ShapeStyle};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{RGBAColor, TextStyle};
use plotters_backend::DrawingBackend;

use super::backend::clean;
use super::grid::{Ink, Style};
use super::scale::Scale;
use crate::error::{Error, Result};

/// How a backend's pixels relate to characters, and what it can show.
#[derive(Debug, Clone, Copy)]
pub(super) struct Metrics {
    /// Pixels across one character.
    pub across: i32,
    /// Pixels down one character.
    pub down: i32,
    /// Whether places are whole characters.
    pub characters: bool,
    /// Which characters may be used.
    pub style: Style,
    /// Radius of a point that stands for itself.
    pub mark: u32,
    /// Width of data lines.
    pub stroke: u32,
    /// Height of letters.
    pub font: f64,
}

/// The drawing area in the coordinates of a chart's two scales.
pub(super) type Plot<DB> = DrawingArea<DB, Cartesian2d<Scale, Scale>>;

/// A plotters area with metrics and a palette. Columns and rows count from the upper left corner.
pub(super) struct Page<DB: DrawingBackend> {
    pub root: DrawingArea<DB, Shift>,
    pub metrics: Metrics,
    pub columns: i32,
    pub rows: i32,
    pub color: fn(Ink) -> RGBAColor,
    pub text_color: fn(Ink) -> RGBAColor,
}

/// A rectangle in characters; `right` and `bottom` are the first places outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Area {
    pub left: i32,
    pub right: i32,
    pub top: i32,
    pub bottom: i32,
}

impl Area {
    pub(super) fn columns(&self) -> i32 {
        self.right - self.left
    }

    pub(super) fn rows(&self) -> i32 {
        self.bottom - self.top
    }
}

/// Turns a plotters error into ours.
pub(super) fn failed<E: std::error::Error + Send + Sync>(error: DrawingAreaErrorKind<E>) -> Error {
    Error::local(format!("the chart could not be drawn: {error}"))
}

impl<DB: DrawingBackend> Page<DB> {
    /// The width of a text in characters.
    pub(super) fn width(&self, text: &str) -> i32 {
        clean(text, self.metrics.style).iter().map(|(_, w)| w).sum()
    }

    /// The text cut to at most `most` characters, with a mark where it was cut.
    pub(super) fn cut(&self, text: &str, most: i32) -> String {
        if self.width(text) <= most {
            return text.to_owned();
        }
        let end = if self.metrics.style == Style::Plain { '~' } else { '…' };
        let mut out = String::new();
        let mut used = 1;
        for (ch, width) in clean(text, self.metrics.style) {
            used += width;
            if used > most {
                break;
            }
            out.push(ch);
        }
        if most > 0 {
            out.push(end);
        }
        out
    }

    /// Writes text that begins, is centred or ends at a column.
    pub(super) fn text(&self, column: i32, row: i32, anchor: HPos, text: &str, ink: Ink) -> Result<()> {
        let m = &self.metrics;
        let middle = row * m.down + m.down / 2;
        match anchor {
            HPos::Center => self.text_at((column * m.across + m.across / 2, middle), anchor, text, ink),
            HPos::Left | HPos::Right => self.text_at((column * m.across, middle), anchor, text, ink),
        }
    }

    /// Writes text at a pixel, which is in the middle of its height.
    pub(super) fn text_at(&self, at: (i32, i32), anchor: HPos, text: &str, ink: Ink) -> Result<()> {
        let m = &self.metrics;
        let text: String = clean(text, m.style).into_iter().map(|(ch, _)| ch).collect();
        let color = (self.text_color)(ink);
        let style =
            TextStyle::from(("monospace", m.font).into_font()).color(&color).pos(Pos::new(anchor, VPos::Center));
        self.root.draw_text(&text, &style, at).map_err(failed)
    }

    fn shape(&self, ink: Ink) -> ShapeStyle {
        let data = matches!(ink, Ink::Series(_) | Ink::Good | Ink::Warn | Ink::Bad);
        ShapeStyle::from((self.color)(ink)).stroke_width(if data { self.metrics.stroke } else { 1 })
    }

    /// The style of filled shapes.
    fn filled(&self, ink: Ink) -> ShapeStyle {
        self.shape(ink).filled()
    }

    /// The pixels of a plot area: left, right, top and bottom, all inside.
    pub(super) fn pixels(&self, area: &Area) -> (i32, i32, i32, i32) {
        let m = &self.metrics;
        (area.left * m.across, area.right * m.across - 1, area.top * m.down, area.bottom * m.down - 1)
    }

    /// Lays two scales over an area.
    pub(super) fn plot(&self, area: &Area, x: Scale, y: Scale) -> Plot<DB> {
        let (left, right, top, bottom) = self.pixels(area);
        self.root.apply_coord_spec(Cartesian2d::new(x, y, (left..right, bottom..top)))
    }

    /// A straight line between pixels.
    pub(super) fn line(&self, from: (i32, i32), to: (i32, i32), ink: Ink) -> Result<()> {
        if ink == Ink::Rule && !self.metrics.characters {
            let dashes = DashedPathElement::new(vec![from, to], 4, 4, self.shape(ink));
            return self.root.draw(&dashes).map_err(failed);
        }
        self.root.draw(&PathElement::new(vec![from, to], self.shape(ink))).map_err(failed)
    }

    /// A filled rectangle between pixels, half open to the right and below.
    pub(super) fn block(&self, upper_left: (i32, i32), lower_right: (i32, i32), ink: Ink) -> Result<()> {
        self.root.draw(&Rectangle::new([upper_left, lower_right], self.filled(ink))).map_err(failed)
    }

    /// A filled shape with corners at these pixels.
    pub(super) fn polygon(&self, corners: Vec<(i32, i32)>, ink: Ink) -> Result<()> {
        self.root.draw(&Polygon::new(corners, self.filled(ink))).map_err(failed)
    }

    /// A round mark at a pixel.
    pub(super) fn mark(&self, at: (i32, i32), radius: u32, ink: Ink) -> Result<()> {
        self.root.draw(&Circle::new(at, radius, self.filled(ink))).map_err(failed)
    }

    /// A path in the plot's coordinates, in the line pattern of series `number`.
    pub(super) fn path(&self, plot: &Plot<DB>, points: Vec<(f64, f64)>, ink: Ink, number: usize) -> Result<()> {
        let pixels: Vec<(i32, i32)> = points.iter().map(|p| plot.map_coordinate(p)).collect();
        self.pattern(pixels, ink, number)
    }

    /// A path of pixels: solid, dashed, dotted or finely dashed, so that lines differ without colour too.
    pub(super) fn pattern(&self, mut pixels: Vec<(i32, i32)>, ink: Ink, number: usize) -> Result<()> {
        let plain = self.metrics.characters && self.metrics.style == Style::Plain;
        let (on, off) = match number % 4 {
            1 => (14, 10),
            2 => (2, 8),
            3 => (6, 6),
            _ => (0, 0),
        };
        pixels.dedup();
        let style = self.shape(ink);
        if on == 0 || plain || pixels.len() < 2 {
            if let [only] = pixels[..] {
                pixels.push(only);
            }
            return self.root.draw(&PathElement::new(pixels, style)).map_err(failed);
        }
        self.root.draw(&DashedPathElement::new(pixels, on, off, style)).map_err(failed)
    }

    /// The centre pixel of a character.
    pub(super) fn centre(&self, column: i32, row: i32) -> (i32, i32) {
        let m = &self.metrics;
        (column * m.across + m.across / 2, row * m.down + m.down / 2)
    }

    /// The column and row in which a pixel lies.
    pub(super) fn place(&self, (x, y): (i32, i32)) -> (i32, i32) {
        (x.div_euclid(self.metrics.across), y.div_euclid(self.metrics.down))
    }

    /// Moves a pixel column to the edge of a character where places are whole characters.
    pub(super) fn snap(&self, x: i32) -> i32 {
        let across = self.metrics.across;
        if self.metrics.characters { (x + across / 2).div_euclid(across) * across } else { x }
    }
}
