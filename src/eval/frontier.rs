//! Several models on the same rows: what accuracy costs in time and size.

use super::{
    DataInfo, LatencyUs,
    intent::{CascadeShare, IntentReport, Slice},
};
use serde::{Deserialize, Serialize};

/// Fields whose true rows are reported apart, where the set has them.
pub const PARTS: [&str; 2] = ["clear", "agreed"];

/// All models. Field names are part of the interface (`fenzhen eval frontier --json`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FrontierReport {
    /// On which rows.
    pub data: DataInfo,
    /// In the order given.
    pub models: Vec<FrontierModel>,
}

/// One model or cascade.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FrontierModel {
    /// Its id.
    pub model: String,
    /// Size of the model files, bytes.
    pub size_bytes: u64,
    /// Share of all rows predicted right.
    pub accuracy: f64,
    /// The same of the rows whose field `clear` is true.
    pub clear: Option<Slice>,
    /// The same of the rows whose field `agreed` is true.
    pub agreed: Option<Slice>,
    /// Time per message, normalising and tokenising included.
    pub latency_us: LatencyUs,
    /// Of a cascade, the share that went on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cascade: Option<CascadeShare>,
    /// Another model is at least as right and as fast (median), and better in one of the two.
    pub is_dominated: bool,
}

impl FrontierModel {
    /// The figures of a report whose slices are [`PARTS`].
    #[must_use]
    pub fn new(report: &IntentReport, size_bytes: u64) -> Self {
        let part = |field: &str| report.slices.get(field)?.get("true").copied();
        Self {
            model: report.model.clone().unwrap_or_default(),
            size_bytes,
            accuracy: report.accuracy,
            clear: part(PARTS[0]),
            agreed: part(PARTS[1]),
            latency_us: report.latency_us,
            cascade: report.cascade,
            is_dominated: false,
        }
    }

    fn dominates(&self, other: &Self) -> bool {
        let (mine, theirs) = (self.latency_us.p50, other.latency_us.p50);
        self.accuracy >= other.accuracy
            && mine <= theirs
            && (self.accuracy > other.accuracy || mine < theirs)
    }
}

/// Sets the models side by side.
#[must_use]
pub fn frontier(data: DataInfo, models: Vec<FrontierModel>) -> FrontierReport {
    let is_dominated = |model: &FrontierModel| models.iter().any(|other| other.dominates(model));
    let marked = models
        .iter()
        .map(|model| FrontierModel { is_dominated: is_dominated(model), ..model.clone() })
        .collect();
    FrontierReport { data, models: marked }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_slower_and_no_better_is_dominated() {
        let model = |model: &str, accuracy, p50| FrontierModel {
            model: model.to_owned(),
            size_bytes: 1,
            accuracy,
            clear: None,
            agreed: None,
            latency_us: LatencyUs { p50, p99: 9 },
            cascade: None,
            is_dominated: false,
        };
        let models = vec![
            model("fast", 0.8, 100),
            model("accurate", 0.9, 900),
            model("slow", 0.8, 200),
            model("worse", 0.7, 900),
            model("twin", 0.9, 900),
        ];
        let report = frontier(DataInfo::default(), models);
        let dominated: Vec<&str> =
            report.models.iter().filter(|m| m.is_dominated).map(|m| m.model.as_str()).collect();
        assert_eq!(dominated, ["slow", "worse"]);
    }
}
