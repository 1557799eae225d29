//! The dialogue over time: strikes and hand-off.
