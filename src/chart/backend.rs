//! A plotters backend that draws on terminal characters.
//!
//! Every character is [`CELL`] by [`CELL`] pixels. Lines become braille dots (2 by 4 in a character), filled
//! rectangles become block characters in steps of an eighth, axis lines become box lines that join, and text is
//! placed as text. These lie in layers, and what a character shows is its uppermost layer, so labels are never dotted.
//! The role ([`Ink`]) of a shape travels through plotters packed into the red and green parts of its colour.

use std::convert::Infallible;

use plotters::style::{RGBAColor, text_anchor::HPos};
use plotters_backend::{BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind};
use unicode_width::UnicodeWidthChar;

use super::grid::{Cell, Grid, Ink, Style};

/// Pixels across and down one character.
pub(super) const CELL: i32 = 8;

const UP: u8 = 1;
const DOWN: u8 = 2;
const LEFT: u8 = 4;
const RIGHT: u8 = 8;

/// Packs a role into a colour.
pub(super) fn encode(ink: Ink) -> RGBAColor {
    let (kind, index) = match ink {
        Ink::None => (0, 0),
        Ink::Series(i) => (1, i),
        Ink::Axis => (2, 0),
        Ink::Label => (3, 0),
        Ink::Title => (4, 0),
        Ink::Muted => (5, 0),
        Ink::Band(i) => (6, i),
        Ink::Rule => (7, 0),
        Ink::Good => (8, 0),
        Ink::Warn => (9, 0),
        Ink::Bad => (10, 0),
        Ink::Heat(i) => (11, i),
    };
    RGBAColor(kind, index, 0, 1.0)
}

fn decode(color: BackendColor) -> Ink {
    let (kind, index, _) = color.rgb;
    match kind {
        1 => Ink::Series(index),
        2 => Ink::Axis,
        3 => Ink::Label,
        4 => Ink::Title,
        5 => Ink::Muted,
        6 => Ink::Band(index),
        7 => Ink::Rule,
        8 => Ink::Good,
        9 => Ink::Warn,
        10 => Ink::Bad,
        11 => Ink::Heat(index),
        _ => Ink::None,
    }
}

/// What lies in one character place, from the top layer down.
#[derive(Debug, Clone, Copy, Default)]
struct Layers {
    text: Option<(char, Ink)>,
    mark: Option<Ink>,
    line: Option<(u8, Ink)>,
    dots: Option<(u8, Ink)>,
    rule: u8,
    fill: Option<(Cover, Ink)>,
    band: Option<(u8, Ink)>,
    heat: Option<u8>,
}

/// The part of a character that filled shapes cover: from left to right and from top to bottom, in pixels.
#[derive(Debug, Clone, Copy)]
struct Cover {
    left: i32,
    right: i32,
    top: i32,
    bottom: i32,
}

/// The characters being drawn on.
pub(super) struct Canvas {
    width: i32,
    height: i32,
    style: Style,
    places: Vec<Layers>,
}

impl Canvas {
    pub(super) fn new(width: u16, height: u16, style: Style) -> Self {
        let places = vec![Layers::default(); usize::from(width) * usize::from(height)];
        Self { width: i32::from(width), height: i32::from(height), style, places }
    }

    fn at(&mut self, column: i32, row: i32) -> Option<&mut Layers> {
        if column < 0 || row < 0 || column >= self.width || row >= self.height {
            return None;
        }
        self.places.get_mut((row * self.width + column) as usize)
    }

    /// The finished characters.
    pub(super) fn grid(&self) -> Grid {
        let cells = self.places.iter().map(|place| show(place, self.style)).collect();
        Grid { width: self.width as u16, height: self.height as u16, cells }
    }

    fn dot(&mut self, x: i32, y: i32, ink: Ink) {
        // Bits of the braille block: dots 1, 2, 3, 7 down the left side, 4, 5, 6, 8 down the right.
        const BITS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
        let bit = BITS[x.rem_euclid(2) as usize][y.rem_euclid(4) as usize];
        if let Some(place) = self.at(x.div_euclid(2), y.div_euclid(4)) {
            let bits = place.dots.map_or(0, |(bits, _)| bits);
            place.dots = Some((bits | bit, ink));
        }
    }

    fn dot_size(&self) -> (i32, i32) {
        match self.style {
            Style::Braille => (CELL / 2, CELL / 4),
            Style::Plain => (CELL, CELL),
        }
    }

    /// Joins two pixels with dots (Bresenham); a rule is drawn with every other dot.
    fn trace(&mut self, from: BackendCoord, to: BackendCoord, ink: Ink) {
        let (w, h) = self.dot_size();
        let limit = |v: i32| v.clamp(-100_000, 100_000);
        let (mut x, mut y) = (limit(from.0).div_euclid(w), limit(from.1).div_euclid(h));
        let (x1, y1) = (limit(to.0).div_euclid(w), limit(to.1).div_euclid(h));
        let (dx, dy) = ((x1 - x).abs(), -(y1 - y).abs());
        let (sx, sy) = ((x1 - x).signum(), (y1 - y).signum());
        let mut error = dx + dy;
        let sparse = ink == Ink::Rule && self.style == Style::Braille;
        let mut step = 0;
        loop {
            if !sparse || step % 2 == 0 {
                match self.style {
                    Style::Braille => self.dot(x, y, ink),
                    Style::Plain => {
                        if let Some(place) = self.at(x, y) {
                            place.dots = Some((1, ink));
                        }
                    }
                }
            }
            step += 1;
            if (x, y) == (x1, y1) {
                return;
            }
            let twice = 2 * error;
            if twice >= dy {
                error += dy;
                x += sx;
            }
            if twice <= dx {
                error += dx;
                y += sy;
            }
        }
    }

    /// Adds the sides that a straight pixel line touches to the places it crosses.
    fn joined(&mut self, from: BackendCoord, to: BackendCoord, ink: Ink) {
        let across = from.1 == to.1;
        let (start, end) = if across { (from.0, to.0) } else { (from.1, to.1) };
        let (start, end) = (start.min(end), start.max(end));
        let (before, after) = if across { (LEFT, RIGHT) } else { (UP, DOWN) };
        let most = if across { self.width } else { self.height };
        for index in start.div_euclid(CELL).max(0)..=end.div_euclid(CELL).min(most - 1) {
            let (a, b) = ((start - index * CELL).max(0), (end - index * CELL).min(CELL - 1));
            let mut sides = 0;
            if a <= 1 && (b >= CELL / 2 - 1 || start < index * CELL) {
                sides |= before;
            }
            if b >= CELL - 2 && a <= CELL / 2 {
                sides |= after;
            }
            if sides == 0 {
                continue; // Too short to be seen in this place.
            }
            let place = if across { (index, from.1.div_euclid(CELL)) } else { (from.0.div_euclid(CELL), index) };
            if let Some(place) = self.at(place.0, place.1) {
                if ink == Ink::Rule {
                    place.rule |= sides;
                } else {
                    let old = place.line.map_or(0, |(sides, _)| sides);
                    place.line = Some((old | sides, ink));
                }
            }
        }
    }

    fn fill(&mut self, (x0, y0): BackendCoord, (x1, y1): BackendCoord, ink: Ink) {
        for row in y0.div_euclid(CELL).max(0)..=(y1 - 1).div_euclid(CELL).min(self.height - 1) {
            for column in x0.div_euclid(CELL).max(0)..=(x1 - 1).div_euclid(CELL).min(self.width - 1) {
                let within = |v: i32, at: i32| (v - at * CELL).clamp(0, CELL);
                let mut cover = Cover {
                    left: within(x0, column),
                    right: within(x1, column),
                    top: within(y0, row),
                    bottom: within(y1, row),
                };
                let Some(place) = self.at(column, row) else { continue };
                if let Ink::Heat(level) = ink {
                    place.heat = Some(level);
                    continue;
                }
                if let Some((old, _)) = place.fill {
                    cover = Cover {
                        left: old.left.min(cover.left),
                        right: old.right.max(cover.right),
                        top: old.top.min(cover.top),
                        bottom: old.bottom.max(cover.bottom),
                    };
                }
                place.fill = Some((cover, ink));
            }
        }
    }

    /// Strews dots over the inside of a polygon (even-odd rule).
    fn strew(&mut self, corners: &[BackendCoord], ink: Ink) {
        let (w, h) = self.dot_size();
        let (columns, rows) = (self.width * CELL / w, self.height * CELL / h);
        for y in 0..rows {
            let middle = f64::from(y * h) + f64::from(h) / 2.0;
            let mut crossings: Vec<f64> = Vec::new();
            for (i, a) in corners.iter().enumerate() {
                let Some(b) = corners.get((i + 1) % corners.len()) else { continue };
                let (ay, by) = (f64::from(a.1), f64::from(b.1));
                if (ay <= middle) != (by <= middle) {
                    crossings.push(f64::from(a.0) + (middle - ay) / (by - ay) * f64::from(b.0 - a.0));
                }
            }
            crossings.sort_by(f64::total_cmp);
            for pair in crossings.chunks_exact(2) {
                let [from, to] = pair else { continue };
                let first = ((from / f64::from(w)) as i32).max(0);
                for x in first..=((to / f64::from(w)) as i32).min(columns - 1) {
                    self.strew_at(x, y, ink);
                }
            }
        }
    }

    fn strew_at(&mut self, x: i32, y: i32, ink: Ink) {
        match self.style {
            Style::Braille if (y + 2 * (x & 1)) % 4 == 1 => {
                let bit = if x & 1 == 0 { 0x02 } else { 0x80 };
                if let Some(place) = self.at(x / 2, y / 4) {
                    let bits = place.band.map_or(0, |(bits, _)| bits);
                    place.band = Some((bits | bit, ink));
                }
            }
            Style::Plain if (x + y) % 2 == 0 => {
                if let Some(place) = self.at(x, y) {
                    place.band = Some((1, ink));
                }
            }
            _ => {}
        }
    }

    fn write(&mut self, text: &str, ink: Ink, (x, y): BackendCoord, anchor: HPos) {
        let clean = clean(text, self.style);
        let length: i32 = clean.iter().map(|(_, width)| width).sum();
        let mut column = x.div_euclid(CELL)
            - match anchor {
                HPos::Left => 0,
                HPos::Center => length / 2,
                HPos::Right => length,
            };
        for (ch, width) in clean {
            // A wide character that would stick out at either side is left out as a whole.
            let fits = column >= 0 && column + width <= self.width;
            for part in 0..width {
                if let (true, Some(place)) = (fits, self.at(column + part, y.div_euclid(CELL))) {
                    place.text = Some((if part == 0 { ch } else { '\0' }, ink));
                }
            }
            column += width;
        }
    }
}

/// The characters of a label with their widths: control characters made harmless, and only ASCII in the plain style.
pub(super) fn clean(text: &str, style: Style) -> Vec<(char, i32)> {
    text.chars()
        .filter_map(|ch| match (style, ch) {
            (_, ch) if ch.is_control() => Some(('?', 1)),
            (Style::Plain, '–' | '—' | '−') => Some(('-', 1)),
            (Style::Plain, '…') => Some(('~', 1)),
            (Style::Plain, ch) if !ch.is_ascii() => Some(('?', 1)),
            // Direction marks would reorder the rest of the screen's line; marks without width have no place of their own.
            (_, ch) => ch.width().filter(|w| *w > 0).map(|w| (ch, w as i32)),
        })
        .collect()
}

/// The character of a place, and its role.
fn show(place: &Layers, style: Style) -> Cell {
    let plain = style == Style::Plain;
    let (ch, ink) = if let Some(text) = place.text {
        text
    } else if let Some(ink) = place.mark {
        (mark(ink, style), ink)
    } else if let Some((sides, ink)) = place.line {
        (join(sides, plain), ink)
    } else if let Some((bits, ink)) = place.dots {
        (if plain { mark(ink, style) } else { braille(bits) }, ink)
    } else if place.rule != 0 {
        (rule(place.rule, plain), Ink::Rule)
    } else if let Some((cover, ink)) = place.fill {
        (if plain { plain_block(&cover, ink) } else { block(&cover) }, ink)
    } else if let Some((bits, ink)) = place.band {
        (if plain { '.' } else { braille(bits) }, ink)
    } else {
        (' ', Ink::None)
    };
    match place.heat {
        Some(level) => Cell { ch, ink: Ink::Heat(level) },
        None if ch == ' ' => Cell { ch, ink: Ink::None },
        None => Cell { ch, ink },
    }
}

fn braille(bits: u8) -> char {
    char::from_u32(0x2800 + u32::from(bits)).unwrap_or(' ')
}

/// The character that stands for one point of a series.
pub(super) fn mark(ink: Ink, style: Style) -> char {
    const ROUND: [char; 6] = ['●', '◆', '▲', '■', '○', '◇'];
    const PLAIN: [char; 6] = ['*', 'o', '+', 'x', '@', '%'];
    match (ink, style) {
        (Ink::Series(i), Style::Braille) => ROUND[usize::from(i) % 6],
        (Ink::Series(i), Style::Plain) => PLAIN[usize::from(i) % 6],
        (Ink::Rule, Style::Plain) => '.',
        (_, Style::Plain) => '*',
        (_, Style::Braille) => '●',
    }
}

fn join(sides: u8, plain: bool) -> char {
    const BOX: [char; 16] = ['·', '│', '│', '│', '─', '┘', '┐', '┤', '─', '└', '┌', '├', '─', '┴', '┬', '┼'];
    if plain {
        return match (sides & (UP | DOWN) != 0, sides & (LEFT | RIGHT) != 0) {
            (true, true) => '+',
            (false, true) => '-',
            _ => '|',
        };
    }
    BOX[usize::from(sides & 15)]
}

fn rule(sides: u8, plain: bool) -> char {
    match (sides & (UP | DOWN) != 0, sides & (LEFT | RIGHT) != 0, plain) {
        (true, true, false) => '┼',
        (false, _, false) => '╌',
        (true, false, false) => '╎',
        (true, true, true) => '+',
        (false, _, true) => '-',
        (true, false, true) => ':',
    }
}

fn block(cover: &Cover) -> char {
    const LOWER: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    const LEFTS: [char; 9] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];
    let (width, height) = (cover.right - cover.left, cover.bottom - cover.top);
    let pick = |of: &[char; 9], n: i32| of.get(n.clamp(0, 8) as usize).copied().unwrap_or(' ');
    if height >= CELL {
        match (cover.left, width) {
            (0, w) => pick(&LEFTS, w),
            (_, 6..) => '█',
            (_, 3..=5) => '▐',
            _ => '▕',
        }
    } else if width < CELL / 2 {
        ' '
    } else {
        match (cover.bottom, height) {
            (CELL, h) => pick(&LOWER, h),
            (_, 6..) => '█',
            (_, 3..=5) => '▀',
            _ => '▔',
        }
    }
}

fn plain_block(cover: &Cover, ink: Ink) -> char {
    if (cover.right - cover.left) * (cover.bottom - cover.top) < CELL * CELL / 2 {
        return ' ';
    }
    match ink {
        Ink::Series(i) => ['#', '=', '%', '&', '$', '~'][usize::from(i) % 6],
        Ink::Muted => '-',
        Ink::Warn => '+',
        Ink::Bad => 'X',
        _ => '#',
    }
}

/// The canvas as plotters sees it.
pub(super) struct CellBackend<'a>(pub &'a mut Canvas);

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

impl DrawingBackend for CellBackend<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        ((self.0.width * CELL) as u32, (self.0.height * CELL) as u32)
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, point: BackendCoord, color: BackendColor) -> Drawn {
        self.0.trace(point, point, decode(color));
        Ok(())
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        let ink = decode(style.color());
        let straight = from.0 == to.0 || from.1 == to.1;
        match ink {
            Ink::Axis | Ink::Label | Ink::Muted | Ink::Rule if straight => self.0.joined(from, to, ink),
            _ => self.0.trace(from, to, ink),
        }
        Ok(())
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        upper_left: BackendCoord,
        lower_right: BackendCoord,
        style: &S,
        _: bool,
    ) -> Drawn {
        match decode(style.color()) {
            ink @ Ink::Band(_) => {
                let ((x0, y0), (x1, y1)) = (upper_left, lower_right);
                self.0.strew(&[(x0, y0), (x1, y0), (x1, y1), (x0, y1)], ink);
            }
            ink => self.0.fill(upper_left, lower_right, ink),
        }
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Drawn {
        let mut before: Option<BackendCoord> = None;
        for point in path {
            self.draw_line(before.unwrap_or(point), point, style)?;
            before = Some(point);
        }
        Ok(())
    }

    /// A circle of radius 2 or more is a mark of its own; a smaller one is a dot.
    fn draw_circle<S: BackendStyle>(&mut self, center: BackendCoord, radius: u32, style: &S, _: bool) -> Drawn {
        let ink = decode(style.color());
        if radius < 2 {
            self.0.trace(center, center, ink);
        } else if let Some(place) = self.0.at(center.0.div_euclid(CELL), center.1.div_euclid(CELL)) {
            place.mark = Some(ink);
        }
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, vert: I, style: &S) -> Drawn {
        let corners: Vec<BackendCoord> = vert.into_iter().collect();
        self.0.strew(&corners, decode(style.color()));
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, pos: BackendCoord) -> Drawn {
        self.0.write(text, decode(style.color()), pos, style.anchor().h_pos);
        Ok(())
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        _: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        let length: i32 = clean(text, self.0.style).iter().map(|(_, width)| width).sum();
        Ok(((length * CELL) as u32, CELL as u32))
    }
}
