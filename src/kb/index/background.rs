//! How common terms are among all articles: what a match is worth.

use super::entry::{Entry, Kind, TermId};
use rustc_hash::FxHashMap;

/// Counts of all articles together, by the entry of each article's highest version: keeping old
/// versions changes no score.
#[derive(Debug, Default, Clone)]
pub(crate) struct Background {
    counts: FxHashMap<TermId, u32>,
    totals: [u64; 3],
}

impl Background {
    /// Counts the terms of an article.
    pub(crate) fn add(&mut self, entry: &Entry) {
        for (counts, total) in entry.counts.iter().zip(&mut self.totals) {
            *total += u64::from(counts.total());
            for (term, n) in counts.iter() {
                *self.counts.entry(term).or_default() += u32::from(n);
            }
        }
    }

    /// Share of a term among all of its kind; `None` where no article holds it.
    pub(crate) fn share(&self, kind: Kind, term: TermId) -> Option<f32> {
        let n = *self.counts.get(&term)?;
        Some(n as f32 / self.totals[kind as usize] as f32)
    }
}
