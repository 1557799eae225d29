//! What is gained by not acting on every prediction.

use super::ratio;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Accuracy on the surest rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CoveragePoint {
    /// Share of rows acted on, as asked for.
    pub coverage: f64,
    /// Rows acted on, ⌈coverage · n⌉.
    pub n: usize,
    /// Lowest score among them.
    pub threshold: f64,
    /// Share of them predicted right. Where the threshold is tied, its rows count by their mean,
    /// so the order of rows makes no difference.
    pub accuracy: f64,
}

/// What became of the rows with one outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct OutcomeRate {
    /// Rows.
    pub n: usize,
    /// Share of all rows.
    pub rate: f64,
    /// Share of these predicted right.
    pub accuracy: f64,
}

/// Accuracy of the surest share of (score, right) pairs, for each coverage in (0, 1].
#[must_use]
pub fn coverage_points(scored: &[(f64, bool)], coverages: &[f64]) -> Vec<CoveragePoint> {
    let mut sorted = scored.to_vec();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    coverages.iter().filter_map(|coverage| coverage_point(&sorted, *coverage)).collect()
}

/// Rate and accuracy of each outcome over (outcome, right) pairs.
pub fn outcome_rates<'a>(
    rows: impl IntoIterator<Item = (&'a str, bool)>,
) -> BTreeMap<String, OutcomeRate> {
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (outcome, right) in rows {
        let count = counts.entry(outcome).or_default();
        *count = (count.0 + 1, count.1 + usize::from(right));
    }
    let total = counts.values().map(|(n, _)| n).sum();
    let rate = |(n, right)| OutcomeRate { n, rate: ratio(n, total), accuracy: ratio(right, n) };
    counts.into_iter().map(|(outcome, count)| (outcome.to_owned(), rate(count))).collect()
}

fn coverage_point(sorted: &[(f64, bool)], coverage: f64) -> Option<CoveragePoint> {
    let n = ((coverage * sorted.len() as f64).ceil() as usize).clamp(1, sorted.len().max(1));
    let threshold = sorted.get(n - 1)?.0;
    let right = |rows: &[(f64, bool)]| rows.iter().filter(|(_, right)| *right).count();
    let n_above = sorted.iter().take_while(|(score, _)| *score > threshold).count();
    let tied = &sorted[n_above..];
    let tied = &tied[..tied.iter().take_while(|(score, _)| *score == threshold).count()];
    let expected =
        right(&sorted[..n_above]) as f64 + (n - n_above) as f64 * ratio(right(tied), tied.len());
    Some(CoveragePoint { coverage, n, threshold, accuracy: expected / n as f64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coverage_by_hand() {
        let scored = [(0.9, true), (0.8, true), (0.5, false), (0.5, true), (0.1, false)];
        let points = coverage_points(&scored, &[1.0, 0.6, 0.2]);
        let found: Vec<_> = points.iter().map(|p| (p.n, p.threshold, p.accuracy)).collect();
        assert_eq!(found, [(5, 0.1, 0.6), (3, 0.5, 2.5 / 3.0), (1, 0.9, 1.0)]);
        assert!(coverage_points(&[], &[0.8]).is_empty());
    }

    #[test]
    fn outcomes_by_hand() {
        let rates = outcome_rates([("accept", true), ("accept", false), ("reject", true)]);
        assert_eq!(rates["accept"], OutcomeRate { n: 2, rate: 2.0 / 3.0, accuracy: 0.5 });
        assert_eq!(rates["reject"].accuracy, 1.0);
    }
}
