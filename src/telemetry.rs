//! Metric names and log setup.
