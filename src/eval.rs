//! Figures over labelled data: how good the models, the search and the whole conversation are.
//!
//! [`dataset`] reads labelled rows; [`intent`] (sentiment too), [`retrieval`],
//! [`spans`] (entities, masking, keywords) and [`conversations`] run something over them and give a report; [`oos`] compares scores for what is
//! out of scope, [`thresholds`] chooses when to act by what mistakes cost, [`frontier`] sets
//! accuracy against time; [`metrics`] and [`bootstrap`] hold the definitions; [`compare`] tests two
//! reports of one data set against each other, [`baseline`] a report against the recorded figures;
//! [`report`] prints.
//!
//! Invariants: nothing here runs a model, the knowledge base or the conversation engine: what is
//! measured is passed in as a closure or a [`conversations::Driver`]. All of it is synchronous and
//! gives the same figures for the same input and seed, latencies apart. Reports hold ids, labels
//! and scores, never the text of a message.

pub mod baseline;
pub mod bootstrap;
pub mod compare;
pub mod conversations;
pub mod dataset;
pub mod error;
pub mod frontier;
pub mod intent;
pub mod metrics;
pub mod oos;
mod progress;
pub mod report;
pub mod retrieval;
pub mod spans;
pub mod thresholds;

pub use error::EvalError;

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The label of messages that belong to no intent (taxonomy of the project).
pub const OUT_OF_SCOPE: &str = "oos";

/// A two-sided 95 % confidence interval, `[low, high]`, both ends included.
pub type Interval = [f64; 2];

/// What an evaluation is to do besides its figures.
#[derive(Debug, Clone)]
pub struct Options {
    /// How the confidence intervals are resampled.
    pub bootstrap: bootstrap::Bootstrap,
    /// Show progress on standard error where that is a terminal.
    pub progress: bool,
    /// Rows given to one call of `predict`; 1, the default, keeps latencies those of single turns.
    pub batch: usize,
    /// Name of what is measured, such as `name@sha256-8`; kept in the report.
    pub model: Option<String>,
    /// Labels the model can give. Truths outside it are listed in the report; `None`: not checked.
    pub known_labels: Option<Vec<String>>,
    /// Chinese names of labels, shown beside them in tables.
    pub names: BTreeMap<String, String>,
    /// The bound of the cascade, where one is measured: the report tells the share that went on.
    pub cascade_below: Option<f32>,
    /// Fields of the rows whose values split the set into slices reported apart.
    pub slices: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            bootstrap: bootstrap::Bootstrap::default(),
            progress: true,
            batch: 1,
            model: None,
            known_labels: None,
            names: BTreeMap::new(),
            cascade_below: None,
            slices: vec!["clear".into(), "style".into()],
        }
    }
}

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
