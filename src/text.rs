//! The text path.
