//! Whether a score of 0.9 is right nine times in ten.

use super::{mean, ratio};
use serde::{Deserialize, Serialize};

/// Bins of the reliability table: 15 as in Guo et al., *On Calibration of Modern Neural Networks*
/// (ICML 2017), so that figures can be set beside published ones.
pub const N_BINS: usize = 15;

/// One bin of the reliability table: the rows with `low < score <= high`, the first with 0 too.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Lower end, not included.
    pub low: f64,
    /// Upper end, included.
    pub high: f64,
    /// Rows, at least one.
    pub n: usize,
    /// Mean score of the predicted label.
    pub mean_score: f64,
    /// Share predicted right; a calibrated model has it equal to `mean_score`.
    pub accuracy: f64,
}

/// The reliability table of (score of the predicted label in [0, 1], right) pairs: [`N_BINS`] bins
/// of equal width, empty ones left out.
#[must_use]
pub fn reliability(scored: &[(f64, bool)]) -> Vec<Bin> {
    let mut sums = [(0usize, 0.0, 0usize); N_BINS];
    for (score, right) in scored {
        let sum = &mut sums[bin_of(*score)];
        *sum = (sum.0 + 1, sum.1 + score, sum.2 + usize::from(*right));
    }
    let edge = |i: usize| i as f64 / N_BINS as f64;
    (0..N_BINS)
        .zip(sums)
        .filter(|(_, (n, ..))| *n > 0)
        .map(|(i, (n, score, right))| Bin {
            low: edge(i),
            high: edge(i + 1),
            n,
            mean_score: score / n as f64,
            accuracy: ratio(right, n),
        })
        .collect()
}

/// Expected calibration error: mean over the rows of |accuracy − mean score| of their bin.
#[must_use]
pub fn ece(bins: &[Bin]) -> f64 {
    let n: usize = bins.iter().map(|bin| bin.n).sum();
    let gaps = bins.iter().map(|bin| bin.n as f64 * (bin.accuracy - bin.mean_score).abs());
    if n == 0 { 0.0 } else { gaps.sum::<f64>() / n as f64 }
}

/// Brier score over all labels as Brier defined it (1950), in [0, 2]: mean of Σ (score − truth)²
/// where truth is 1 for the true label and 0 for the others. A label not ranked has score 0, so
/// pass the whole ranking, not its head.
pub fn brier<'a>(rows: impl IntoIterator<Item = (&'a str, &'a [(String, f64)])>) -> f64 {
    mean(rows.into_iter().map(|(truth, ranked)| {
        let is_ranked = ranked.iter().any(|(label, _)| label == truth);
        let missed = if is_ranked { 0.0 } else { 1.0 };
        let of =
            |(label, score): &(String, f64)| (score - f64::from(u8::from(label == truth))).powi(2);
        missed + ranked.iter().map(of).sum::<f64>()
    }))
}

fn bin_of(score: f64) -> usize {
    // Not a product rounded up: 0.2 * 15 is a little above 3 and would leave its bin.
    (0..N_BINS).find(|i| score <= (i + 1) as f64 / N_BINS as f64).unwrap_or(N_BINS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_belong_to_the_bin_below() {
        for (score, bin) in [(0.0, 0), (1.0 / 15.0, 0), (0.2, 2), (0.200_001, 3), (1.0, 14)] {
            assert_eq!(bin_of(score), bin, "{score}");
        }
    }

    #[test]
    fn ece_by_hand() {
        // Two bins: 0.95 twice, one right (gap 0.45); 0.5 twice, both right (gap 0.5).
        let bins = reliability(&[(0.95, true), (0.95, false), (0.5, true), (0.5, true)]);
        assert_eq!(bins.len(), 2);
        assert!((ece(&bins) - 0.475).abs() < 1e-12);
        assert_eq!(ece(&[]), 0.0);
    }

    #[test]
    fn brier_counts_a_truth_not_ranked() {
        let ranked = [("a".to_owned(), 0.75), ("b".to_owned(), 0.25)];
        let at = |truth| brier([(truth, &ranked[..])]);
        assert!((at("a") - 0.125).abs() < 1e-12);
        assert!((at("c") - (0.5625 + 0.0625 + 1.0)).abs() < 1e-12);
    }
}
