//! The pipeline from a message to a decision.
