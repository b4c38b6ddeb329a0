//! Pieces of the screen that views are made of. They draw on a [`Ui`] and do no input or output.

mod bar;
mod chart_pane;
mod heat;
mod input;
mod list;
mod table;
mod ui;

pub use crate::places::{width, wrap};
pub use bar::bar;
pub use chart_pane::ChartPane;
pub use heat::heat;
pub use input::TextInput;
pub use list::{List, contains, matches};
pub use table::{Cell, Col, table};
pub use ui::Ui;
