//! The definitions behind every figure of a report.
//!
//! All pure functions over labels and scores. A quotient without cases is 0 (as scikit-learn's
//! `zero_division=0`) where a number is needed, `None` where it would mislead.

mod calibration;
mod classification;
mod detection;
mod ordinal;
mod ranking;
mod selective;

pub use calibration::{Bin, N_BINS, brier, ece, reliability};
pub use classification::{Coded, Confusion, Counts, LabelScores, top_k_accuracy};
pub use detection::{Detection, Operating, auroc, detection};
pub use ordinal::{Ordinal, ordinal};
pub use ranking::{Ranked, average_precision, hit_at, ndcg_at, recall_at, reciprocal_rank};
pub use selective::{CoveragePoint, OutcomeRate, coverage_points, outcome_rates};

use super::LatencyUs;
use std::time::Duration;

/// `part / whole`, 0 where `whole` is 0.
#[must_use]
pub fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Mean, 0 of nothing.
pub fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let (sum, n) = values.into_iter().fold((0.0, 0usize), |(sum, n), v| (sum + v, n + 1));
    if n == 0 { 0.0 } else { sum / n as f64 }
}

/// Median and 99th percentile by nearest rank: the value at place ⌈p·n⌉ of the sorted times.
#[must_use]
pub fn latency_us(mut times: Vec<Duration>) -> LatencyUs {
    times.sort_unstable();
    let at = |percent: usize| {
        let place = (percent * times.len()).div_ceil(100).max(1) - 1;
        times.get(place).map_or(0, |t| u64::try_from(t.as_micros()).unwrap_or(u64::MAX))
    };
    LatencyUs { p50: at(50), p99: at(99) }
}

#[cfg(test)]
mod tests;
