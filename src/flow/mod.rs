//! The walk: steps, their state, and the use cases that both faces call.
