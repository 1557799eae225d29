//! Figures over labelled data.
