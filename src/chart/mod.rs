//! Charts: one description, drawn as braille, plain characters or SVG.
