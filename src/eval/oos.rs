//! How well each score tells messages without an intent from those with one.
//!
//! The two kinds come from two files, so that the figures do not depend on how many of each a set
//! happens to hold. Every candidate is a detector of its own; none of them chooses a threshold.

use super::{
    DataInfo, EvalError, Interval,
    bootstrap::Bootstrap,
    metrics::{auroc, detection},
};
use serde::{Deserialize, Serialize};

/// All candidates side by side. Field names are part of the interface (`fenzhen eval oos --json`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OosReport {
    /// What was measured, as the caller names it.
    pub model: Option<String>,
    /// The messages with an intent.
    pub in_scope: DataInfo,
    /// The messages without.
    pub out_of_scope: DataInfo,
    /// Seed of the intervals.
    pub seed: u64,
    /// In the order given.
    pub scores: Vec<Detector>,
}

/// One score as a detector of messages out of scope.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Detector {
    /// What it is called.
    pub name: String,
    /// Chance that a message out of scope scores above one in scope, a tie counting half.
    pub auroc: f64,
    /// Percentile bootstrap over the rows of both files.
    pub auroc_ci95: Interval,
    /// Share of the messages in scope that are refused where 95 % of those out of scope are.
    pub fpr_at_95_tpr: f64,
    /// Share of the messages out of scope that pass where 95 % of those in scope do.
    pub passed_at_95_in_scope: f64,
}

/// A score of every message, those in scope first; higher is likelier out of scope.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// What it is called.
    pub name: String,
    /// One a message, finite.
    pub scores: Vec<f64>,
}

/// Measures the candidates.
///
/// # Errors
/// [`EvalError::Count`] for a candidate without one score a message, [`EvalError::Score`] for a score
/// that is not finite.
pub fn evaluate(
    model: Option<String>,
    in_scope: DataInfo,
    out_of_scope: DataInfo,
    candidates: &[Candidate],
    bootstrap: &Bootstrap,
) -> Result<OosReport, EvalError> {
    let expected = in_scope.n + out_of_scope.n;
    let mut scores = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        let got = candidate.scores.len();
        if got != expected {
            return Err(EvalError::Count { expected, got });
        }
        if let Some(index) = candidate.scores.iter().position(|score| !score.is_finite()) {
            return Err(EvalError::Score { index, score: candidate.scores[index] });
        }
        scores.push(detector(candidate, in_scope.n, bootstrap));
    }
    Ok(OosReport { model, in_scope, out_of_scope, seed: bootstrap.seed, scores })
}

fn detector(candidate: &Candidate, n_in_scope: usize, bootstrap: &Bootstrap) -> Detector {
    let scored: Vec<(f64, bool)> =
        candidate.scores.iter().enumerate().map(|(i, score)| (*score, i >= n_in_scope)).collect();
    let in_scope: Vec<(f64, bool)> = scored.iter().map(|(score, is)| (-score, !is)).collect();
    // Without rows of one kind a score tells nothing: as good as chance, refusing everything.
    let area = |scored: &[(f64, bool)]| auroc(scored).unwrap_or(0.5);
    let fpr = |scored: &[(f64, bool)]| detection(scored).fpr_at_95_recall.unwrap_or(1.0);
    Detector {
        name: candidate.name.clone(),
        auroc: area(&scored),
        auroc_ci95: bootstrap.percentile(scored.len(), |rows| {
            area(&rows.iter().map(|row| scored[*row]).collect::<Vec<_>>())
        }),
        fpr_at_95_tpr: fpr(&scored),
        passed_at_95_in_scope: fpr(&in_scope),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(n: usize) -> DataInfo {
        DataInfo { n, ..DataInfo::default() }
    }

    fn measure(n_in_scope: usize, scores: &[f64]) -> Result<OosReport, EvalError> {
        let candidate = Candidate { name: "oos".to_owned(), scores: scores.to_vec() };
        let bootstrap = Bootstrap { resamples: 200, threads: 1, ..Bootstrap::default() };
        let (inside, outside) = (info(n_in_scope), info(4));
        evaluate(None, inside, outside, &[candidate], &bootstrap)
    }

    #[test]
    fn figures_by_hand() {
        // In scope 0.1 to 0.4; out of scope 0.35, 0.6, 0.7, 0.8: 15 of 16 pairs in order.
        let report = measure(4, &[0.1, 0.2, 0.3, 0.4, 0.35, 0.6, 0.7, 0.8]).unwrap();
        let found = &report.scores[0];
        assert_eq!(found.auroc, 15.0 / 16.0);
        assert!(found.auroc_ci95[0] < found.auroc && found.auroc_ci95[1] == 1.0);
        // To find all four the bound is 0.35: one in four in scope is refused. To keep all four in
        // scope it is above 0.4: one in four out of scope passes.
        assert_eq!((found.fpr_at_95_tpr, found.passed_at_95_in_scope), (0.25, 0.25));
    }

    #[test]
    fn unusable_scores_are_refused() {
        assert!(matches!(measure(1, &[0.1; 4]), Err(EvalError::Count { expected: 5, got: 4 })));
        let scores = [0.1, 0.2, f64::NAN, 0.3, 0.4];
        assert!(matches!(measure(1, &scores), Err(EvalError::Score { index: 2, .. })));
    }
}
