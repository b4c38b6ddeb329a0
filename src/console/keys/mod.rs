//! Keys: one table of bindings feeds dispatch, footer, help, palette and the printed list.

mod action;
mod chord;
mod keymap;
mod table;

pub use action::Action;
pub use chord::{Chord, Key};
pub use keymap::{Context, Found, Keymap, Resolved, keys_markdown};
pub use table::{Binding, TABLE};
