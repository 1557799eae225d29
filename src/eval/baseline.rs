//! The recorded figures, and which of today's fall short of them.
//!
//! `eval-data/baseline.json` holds, for each suite, the value of each metric and how far it may
//! fall. A drop beyond that fails `make eval`; raising a value is a deliberate edit of the file,
//! reviewed with the change that earned it.

mod measured;

pub use measured::Measured;

use super::{EvalError, report::read_json};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::Path};

/// How far a label's F1 may fall where the file does not say. One row of a label with 20 moves its
/// F1 by about 0.025; four rows are more than the noise of two seeds of one training.
pub const DEFAULT_F1_TOLERANCE: f64 = 0.1;
/// How far any other metric may fall where the file does not say: a standard error of the accuracy
/// (0.9) on 1000 rows.
pub const DEFAULT_TOLERANCE: f64 = 0.01;

/// The recorded figures by suite (`intent`, `sentiment`, `retrieval`, …; any name will do).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// Figures of each suite.
    pub suites: BTreeMap<String, Suite>,
}

/// What was recorded of one suite.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// File measured, for the reader.
    #[serde(default)]
    pub data: String,
    /// By metric name, as in the report's JSON.
    pub metrics: BTreeMap<String, Expected>,
    /// F1 by label.
    #[serde(default)]
    pub per_label_f1: BTreeMap<String, f64>,
    /// How far the F1 of a label may fall.
    #[serde(default = "default_f1_tolerance")]
    pub f1_tolerance: f64,
}

/// One recorded figure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// The figure.
    pub value: f64,
    /// How much worse it may get, absolute, this much included.
    #[serde(default = "default_tolerance")]
    pub tolerance: f64,
    /// Worse is higher, as for `ece` and latencies.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lower_is_better: bool,
}

/// A figure that fell too far, or is gone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Drop {
    /// Suite.
    pub suite: String,
    /// Metric, or `f1 LABEL`.
    pub metric: String,
    /// Recorded figure.
    pub baseline: f64,
    /// Today's; `None`: not measured at all.
    pub measured: Option<f64>,
    /// How much worse it may get.
    pub tolerance: f64,
}

impl Baseline {
    /// Reads the file.
    ///
    /// # Errors
    /// It is unreadable or of another shape.
    pub fn load(path: &Path) -> Result<Self, EvalError> {
        read_json(path)
    }

    /// Sets every recorded figure of the suite to today's and adds new labels and metrics;
    /// tolerances stay.
    pub fn record(&mut self, suite: &str, measured: &Measured) {
        let suite = self
            .suites
            .entry(suite.to_owned())
            .or_insert_with(|| Suite { f1_tolerance: DEFAULT_F1_TOLERANCE, ..Suite::default() });
        suite.data.clone_from(&measured.data);
        for (name, value) in &measured.metrics {
            suite.metrics.entry(name.clone()).or_insert_with(|| Expected::new(name)).value = *value;
        }
        suite.per_label_f1.clone_from(&measured.per_label_f1);
    }
}

impl Expected {
    fn new(name: &str) -> Self {
        let lower_is_better =
            matches!(name, "ece" | "brier" | "fpr_at_95_recall" | "leaked" | "overmasked");
        Self { value: 0.0, tolerance: DEFAULT_TOLERANCE, lower_is_better }
    }

    /// Whether `measured` is worse by more than the tolerance. A billionth is allowed on top,
    /// since recorded figures have passed through decimal text.
    fn is_dropped(&self, measured: f64) -> bool {
        let worse =
            if self.lower_is_better { measured - self.value } else { self.value - measured };
        worse > self.tolerance + 1e-9
    }
}

/// The figures of the suites measured that fell too far, worst first within a suite. Suites not
/// measured are not looked at, so that one suite can be checked alone; a suite without a baseline
/// has nothing to fall from.
#[must_use]
pub fn compare(baseline: &Baseline, measured: &BTreeMap<String, Measured>) -> Vec<Drop> {
    let mut drops = Vec::new();
    for (name, measured) in measured {
        if let Some(suite) = baseline.suites.get(name) {
            drops.extend(suite_drops(name, suite, measured));
        }
    }
    drops
}

fn suite_drops(name: &str, suite: &Suite, measured: &Measured) -> Vec<Drop> {
    let metrics =
        suite.metrics.iter().map(|(m, expected)| (m.clone(), *expected, measured.metrics.get(m)));
    let labels = suite.per_label_f1.iter().map(|(label, value)| {
        let expected =
            Expected { value: *value, tolerance: suite.f1_tolerance, lower_is_better: false };
        (format!("f1 {label}"), expected, measured.per_label_f1.get(label))
    });
    let mut drops: Vec<Drop> = metrics
        .chain(labels)
        .filter(|(_, expected, got)| got.is_none_or(|got| expected.is_dropped(*got)))
        .map(|(metric, expected, got)| Drop {
            suite: name.to_owned(),
            metric,
            baseline: expected.value,
            measured: got.copied(),
            tolerance: expected.tolerance,
        })
        .collect();
    let fall = |drop: &Drop| drop.measured.map_or(f64::INFINITY, |m| (m - drop.baseline).abs());
    drops.sort_by(|a, b| fall(b).total_cmp(&fall(a)));
    drops
}

fn default_tolerance() -> f64 {
    DEFAULT_TOLERANCE
}

fn default_f1_tolerance() -> f64 {
    DEFAULT_F1_TOLERANCE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn baseline() -> Baseline {
        serde_json::from_str(
            r#"{"suites":{"intent":{"metrics":{
                "accuracy":{"value":0.9,"tolerance":0.02},
                "ece":{"value":0.03,"tolerance":0.01,"lower_is_better":true}},
                "per_label_f1":{"invoice":0.95,"oos":0.8},"f1_tolerance":0.05}}}"#,
        )
        .unwrap()
    }

    fn drops(
        accuracy: f64,
        ece: f64,
        invoice: f64,
        oos: Option<f64>,
    ) -> Vec<(String, Option<f64>)> {
        let mut per_label_f1 = BTreeMap::from([("invoice".to_owned(), invoice)]);
        per_label_f1.extend(oos.map(|f1| ("oos".to_owned(), f1)));
        let metrics = BTreeMap::from([("accuracy".into(), accuracy), ("ece".into(), ece)]);
        let measured = Measured { data: "intent.jsonl".into(), metrics, per_label_f1 };
        compare(&baseline(), &BTreeMap::from([("intent".into(), measured)]))
            .into_iter()
            .map(|drop| (drop.metric, drop.measured))
            .collect()
    }

    #[test]
    fn drops_beyond_tolerance_are_listed() {
        assert_eq!(drops(0.9, 0.03, 0.95, Some(0.8)), []);
        assert_eq!(drops(0.88, 0.04, 0.90, Some(0.75)), [], "the tolerance itself is allowed");
        assert_eq!(drops(0.99, 0.0, 1.0, Some(1.0)), [], "better is no drop");
        assert_eq!(drops(0.879, 0.03, 0.95, Some(0.8)), [("accuracy".into(), Some(0.879))]);
        assert_eq!(drops(0.9, 0.041, 0.95, Some(0.8)), [("ece".into(), Some(0.041))]);
        let listed = drops(0.9, 0.03, 0.5, None);
        assert_eq!(listed, [("f1 oos".into(), None), ("f1 invoice".into(), Some(0.5))]);
    }

    #[test]
    fn suites_not_measured_are_not_looked_at() {
        assert_eq!(compare(&baseline(), &BTreeMap::new()), []);
    }

    #[test]
    fn recording_keeps_tolerances() {
        let mut recorded = baseline();
        let metrics = BTreeMap::from([("accuracy".into(), 0.95), ("brier".into(), 0.1)]);
        let per_label_f1 = BTreeMap::from([("invoice".into(), 0.97)]);
        let measured = Measured { data: "intent.jsonl".into(), metrics, per_label_f1 };
        recorded.record("intent", &measured);
        let suite = &recorded.suites["intent"];
        assert_eq!(
            (suite.metrics["accuracy"].value, suite.metrics["accuracy"].tolerance),
            (0.95, 0.02)
        );
        assert!(suite.metrics["brier"].lower_is_better);
        assert_eq!(suite.f1_tolerance, 0.05);
        assert_eq!(suite.per_label_f1, measured.per_label_f1);
    }
}
