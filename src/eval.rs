//! Figures over labelled data: how good the models, the search and the whole conversation are.
//!
//! [`dataset`] reads labelled rows, [`metrics`] defines the figures.
//!
//! Invariants: nothing here knows a model, the knowledge base or the conversation engine: what is
//! measured is passed in as a closure or a [`conversations::Driver`]. All of it is synchronous and
//! gives the same figures for the same input and seed, latencies apart. Reports hold ids, labels
//! and scores, never the text of a message.

pub mod dataset;
pub mod error;
pub mod metrics;

pub use error::EvalError;

use serde::{Deserialize, Serialize};

/// The label of messages that belong to no intent (taxonomy of the project).
pub const OUT_OF_SCOPE: &str = "oos";

/// A two-sided 95 % confidence interval, `[low, high]`, both ends included.
pub type Interval = [f64; 2];

/// Which rows a report is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataInfo {
    /// File name without its folders, e.g. `intent.jsonl`.
    pub name: String,
    /// Rows measured.
    pub n: usize,
    /// Boolean fields that had to be true for a row to count (`--only`).
    #[serde(default)]
    pub only: Vec<String>,
}

/// Median and tail of the time taken, nearest rank, in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LatencyUs {
    /// Half of the calls took no longer.
    pub p50: u64,
    /// 99 of 100 calls took no longer.
    pub p99: u64,
}
