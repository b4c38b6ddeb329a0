//! Charts: one description, drawn as braille, plain characters or SVG, or said in words.
//!
//! A [`Chart`] says what is shown. [`cells`] draws it on a grid of terminal characters, [`svg`] as a picture, and
//! [`words()`] puts it in sentences for a screen reader. The first two run the same drawing code over two plotters
//! backends. The room knows nothing of ratatui: the console maps each [`Ink`] to a colour of its theme.
//!
//! [`kinds`] builds the charts of the house (ROC, calibration, drift, ...) from plain slices.

mod backend;
mod describe;
mod draw;
mod grid;
pub mod kinds;
mod legend;
pub mod mini;
mod number;
mod page;
mod reduce;
mod scale;
mod ticks;
mod words;

pub use describe::{At, Axis, AxisKind, Bar, Chart, Direction, Series, Tone};
pub use draw::{cells, svg};
pub use grid::{Cell, Grid, Ink, Style};
pub use number::short;
pub use words::words;

#[cfg(test)]
mod tests;
