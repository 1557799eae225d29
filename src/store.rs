//! Where conversations are kept.
