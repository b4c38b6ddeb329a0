//! Background work: id, progress, cancel, end state.
