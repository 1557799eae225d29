//! Figures of one ranked list of articles, by trec_eval's definitions.

use std::collections::{BTreeMap, BTreeSet};

/// The grades of a result list and of everything that should be in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranked {
    /// Grade of each result, best first; 0 for one not judged or useless.
    grades: Vec<u8>,
    /// Every grade above 0 of the query, descending.
    ideal: Vec<u8>,
}

impl Ranked {
    /// Grades the result ids, best first. An article found by several passages counts once, at
    /// its first place.
    pub fn new<'a>(
        results: impl IntoIterator<Item = &'a str>,
        relevant: &BTreeMap<String, u8>,
    ) -> Self {
        let mut seen = BTreeSet::new();
        let first_places = results.into_iter().filter(|id| seen.insert(*id));
        let grades = first_places.map(|id| relevant.get(id).copied().unwrap_or(0)).collect();
        let mut ideal: Vec<u8> = relevant.values().copied().filter(|grade| *grade > 0).collect();
        ideal.sort_unstable_by(|a, b| b.cmp(a));
        Self { grades, ideal }
    }

    /// Place of the first relevant result, counted from 1.
    #[must_use]
    pub fn first_relevant(&self) -> Option<usize> {
        self.grades.iter().position(|grade| *grade > 0).map(|place| place + 1)
    }

    fn found_at(&self, k: usize) -> usize {
        self.grades.iter().take(k).filter(|grade| **grade > 0).count()
    }
}

/// Share of the relevant articles among the first `k`; 0 where none is relevant.
#[must_use]
pub fn recall_at(ranked: &Ranked, k: usize) -> f64 {
    super::ratio(ranked.found_at(k), ranked.ideal.len())
}

/// 1 where any of the first `k` is relevant, else 0.
#[must_use]
pub fn hit_at(ranked: &Ranked, k: usize) -> f64 {
    f64::from(u8::from(ranked.found_at(k) > 0))
}

/// One by the place of the first relevant result; 0 where none is found.
#[must_use]
pub fn reciprocal_rank(ranked: &Ranked) -> f64 {
    ranked.first_relevant().map_or(0.0, |place| 1.0 / place as f64)
}

/// Discounted gain of the first `k` by that of the best order, gain 2^grade − 1 and discount
/// log2(place + 1) (Burges et al., ICML 2005); 0 where none is relevant.
#[must_use]
pub fn ndcg_at(ranked: &Ranked, k: usize) -> f64 {
    let dcg = |grades: &[u8]| -> f64 {
        let gain =
            |(i, grade): (usize, &u8)| (f64::from(*grade).exp2() - 1.0) / (i as f64 + 2.0).log2();
        grades.iter().take(k).enumerate().map(gain).sum()
    };
    let ideal = dcg(&ranked.ideal);
    if ideal > 0.0 { dcg(&ranked.grades) / ideal } else { 0.0 }
}

/// Mean over the relevant articles of the precision at their place, 0 for those not found.
#[must_use]
pub fn average_precision(ranked: &Ranked) -> f64 {
    let places = ranked.grades.iter().zip(1..).filter(|(grade, _)| **grade > 0);
    let sum: f64 = places.zip(1..).map(|((_, place), nth)| f64::from(nth) / f64::from(place)).sum();
    if ranked.ideal.is_empty() { 0.0 } else { sum / ranked.ideal.len() as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_by_hand() {
        let relevant = BTreeMap::from([("a".into(), 3), ("b".into(), 1), ("z".into(), 0)]);
        let ranked = Ranked::new(["z", "b", "z", "b", "a"], &relevant);
        assert_eq!(ranked.grades, [0, 1, 3]);
        assert_eq!(
            (recall_at(&ranked, 1), recall_at(&ranked, 2), recall_at(&ranked, 3)),
            (0.0, 0.5, 1.0)
        );
        assert_eq!((hit_at(&ranked, 1), hit_at(&ranked, 2)), (0.0, 1.0));
        assert_eq!(reciprocal_rank(&ranked), 0.5);
        assert!((average_precision(&ranked) - (0.5 + 2.0 / 3.0) / 2.0).abs() < 1e-12);
        let log = |x: f64| x.log2();
        let expected = (1.0 / log(3.0) + 7.0 / log(4.0)) / (7.0 + 1.0 / log(3.0));
        assert!((ndcg_at(&ranked, 5) - expected).abs() < 1e-12);
    }

    #[test]
    fn nothing_relevant_is_zero_everywhere() {
        let ranked = Ranked::new(["a"], &BTreeMap::new());
        assert_eq!(recall_at(&ranked, 5) + ndcg_at(&ranked, 5) + average_precision(&ranked), 0.0);
        assert_eq!(reciprocal_rank(&ranked), 0.0);
    }
}
