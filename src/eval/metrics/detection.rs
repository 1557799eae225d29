//! How well a score tells two kinds of rows apart: out of scope or not, answerable or not.

use super::ratio;
use serde::{Deserialize, Serialize};

/// Thresholds in the table at most; a reader needs no more, and a plot is smooth with them.
const MAX_POINTS: usize = 20;

/// What a threshold on the score gives: rows at or above it are taken for positive.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Operating {
    /// The lowest score taken for positive.
    pub threshold: f64,
    /// Share of the positive rows found.
    pub recall: f64,
    /// Share of the rows found that are positive.
    pub precision: f64,
    /// Share of the negative rows taken for positive.
    pub false_positive_rate: f64,
}

/// A score as a detector.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Detection {
    /// See [`auroc`].
    pub auroc: Option<f64>,
    /// Lowest false positive rate among the thresholds that find 95 % of the positives, the
    /// figure of Hendrycks and Gimpel's protocol (ICLR 2017).
    pub fpr_at_95_recall: Option<f64>,
    /// The threshold with the highest recall − false positive rate (Youden's J), the lowest such.
    pub best: Option<Operating>,
    /// At most 20 thresholds, evenly over the distinct scores, ascending.
    pub sweep: Vec<Operating>,
}

/// Area under the ROC curve of (score, is positive) pairs: the chance that a positive row scores
/// above a negative one, a tie counting half. `None` where one of the kinds is absent.
#[must_use]
pub fn auroc(scored: &[(f64, bool)]) -> Option<f64> {
    let n_positive = scored.iter().filter(|(_, positive)| *positive).count();
    let n_negative = scored.len() - n_positive;
    if n_positive == 0 || n_negative == 0 {
        return None;
    }
    // Walking down the scores: each tied group adds its negatives times the positives above them.
    let (mut above, mut twice_area) = (0usize, 0usize);
    for group in tied_groups(&descending(scored)) {
        let positives = group.iter().filter(|(_, positive)| *positive).count();
        twice_area += (group.len() - positives) * (2 * above + positives);
        above += positives;
    }
    Some(twice_area as f64 / (2 * n_positive * n_negative) as f64)
}

/// Everything about (score, is positive) pairs; empty where one of the kinds is absent.
#[must_use]
pub fn detection(scored: &[(f64, bool)]) -> Detection {
    let auroc = auroc(scored);
    if auroc.is_none() {
        return Detection::default();
    }
    let points = operating_points(scored);
    let youden = |p: &Operating| p.recall - p.false_positive_rate;
    Detection {
        auroc,
        fpr_at_95_recall: points.iter().find(|p| p.recall >= 0.95).map(|p| p.false_positive_rate),
        best: points.iter().max_by(|a, b| youden(a).total_cmp(&youden(b))).copied(),
        sweep: thinned(&points),
    }
}

/// One point for each distinct score, descending.
fn operating_points(scored: &[(f64, bool)]) -> Vec<Operating> {
    let n_positive = scored.iter().filter(|(_, positive)| *positive).count();
    let n_negative = scored.len() - n_positive;
    let (mut found, mut taken) = (0, 0);
    tied_groups(&descending(scored))
        .map(|group| {
            found += group.iter().filter(|(_, positive)| *positive).count();
            taken += group.len();
            Operating {
                threshold: group[0].0,
                recall: ratio(found, n_positive),
                precision: ratio(found, taken),
                false_positive_rate: ratio(taken - found, n_negative),
            }
        })
        .collect()
}

fn thinned(points: &[Operating]) -> Vec<Operating> {
    let n = points.len().min(MAX_POINTS);
    let place = |i: usize| if n < 2 { 0 } else { i * (points.len() - 1) / (n - 1) };
    (0..n).rev().map(|i| points[place(i)]).collect()
}

fn descending(scored: &[(f64, bool)]) -> Vec<(f64, bool)> {
    let mut sorted = scored.to_vec();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    sorted
}

fn tied_groups(sorted: &[(f64, bool)]) -> impl Iterator<Item = &[(f64, bool)]> {
    sorted.chunk_by(|a, b| a.0 == b.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auroc_by_hand() {
        let cases = [
            (vec![(0.9, true), (0.1, false)], Some(1.0)),
            (vec![(0.9, false), (0.1, true)], Some(0.0)),
            (vec![(0.5, false), (0.5, true)], Some(0.5)),
            (vec![(0.1, false), (0.4, false), (0.35, true), (0.8, true)], Some(0.75)),
            (vec![(0.5, true)], None),
        ];
        for (scored, expected) in cases {
            assert_eq!(auroc(&scored), expected);
        }
    }

    #[test]
    fn the_best_threshold_separates() {
        let scored = [(0.9, true), (0.7, true), (0.6, false), (0.2, false)];
        let detection = detection(&scored);
        let best = detection.best.unwrap();
        assert_eq!((best.threshold, best.recall, best.false_positive_rate), (0.7, 1.0, 0.0));
        assert_eq!(detection.fpr_at_95_recall, Some(0.0));
        let thresholds: Vec<f64> = detection.sweep.iter().map(|p| p.threshold).collect();
        assert_eq!(thresholds, [0.2, 0.6, 0.7, 0.9]);
    }

    #[test]
    fn a_long_sweep_keeps_both_ends() {
        let scored: Vec<_> = (0..1000).map(|i| (f64::from(i) / 999.0, i % 3 == 0)).collect();
        let sweep = detection(&scored).sweep;
        assert_eq!((sweep.len(), sweep[0].threshold, sweep[19].threshold), (20, 0.0, 1.0));
    }
}
