//! A query as terms, each once, in the customer's order.

use crate::kb::index::{Background, Counts, Kind, TermId};
use crate::kb::tokenizer::Analyzer;
use crate::text::segment::Segment;

/// What is asked, in the forms that are compared with articles.
pub(super) struct QueryTerms<'a> {
    words: Vec<Segment<'a>>,
    /// By [`Kind`].
    pub(super) of_kind: [KindTerms; 3],
    retrieval: Vec<String>,
}

/// The terms of one kind.
pub(super) struct KindTerms {
    /// Sorted by term, each with its share among the terms of all articles.
    known: Vec<(TermId, f32)>,
    /// Terms in all; those that no article holds are counted alone.
    n: usize,
}

impl KindTerms {
    fn new(kind: Kind, normalized: &str, analyzer: &Analyzer, background: &Background) -> Self {
        let terms = kind.terms(normalized, analyzer);
        let n = terms.len();
        let share = |term: TermId| Some((term, background.share(kind, term)?));
        Self { known: terms.into_iter().filter_map(share).collect(), n }
    }

    /// How much likelier an article is to be asked about in these terms than any article: the
    /// logarithm of the ratio under a multinomial model of the article, smoothed by all articles with
    /// the weight `mu` (Zhai & Lafferty 2001, Dirichlet prior). Grows with the number of terms.
    pub(super) fn log_likelihood(&self, counts: &Counts, mu: f32) -> f32 {
        let found = self.known.iter().filter_map(|&(term, share)| {
            let n = counts.of(term);
            (n > 0).then(|| (1.0 + f32::from(n) / (mu * share)).ln())
        });
        found.sum::<f32>() + self.n as f32 * (mu / (counts.total() as f32 + mu)).ln()
    }

    /// Weights of the terms that `held`, which is sorted, has too.
    pub(super) fn common(&self, held: &[TermId]) -> f32 {
        let is_held = |(term, _): &&(TermId, f32)| held.binary_search(term).is_ok();
        self.known.iter().filter(is_held).map(|(_, share)| weight(*share)).sum()
    }

    /// Weight of all terms.
    pub(super) fn weight(&self) -> f32 {
        let known: f32 = self.known.iter().map(|(_, share)| weight(*share)).sum();
        known + (self.n - self.known.len()) as f32 * weight(0.0)
    }

    /// Terms in all.
    pub(super) fn n(&self) -> usize {
        self.n
    }

    /// Share of the terms that no article holds, 0 of none.
    pub(super) fn unknown(&self) -> f32 {
        (self.n - self.known.len()) as f32 / self.n.max(1) as f32
    }
}

/// How much a term tells: its surprise in nats, up to that of a term seen once among some ten
/// thousand.
pub(super) fn weight(share: f32) -> f32 {
    -share.max(1e-4).ln()
}

impl<'a> QueryTerms<'a> {
    pub(super) fn new(normalized: &'a str, analyzer: &Analyzer, background: &Background) -> Self {
        let mut words: Vec<Segment<'a>> = Vec::new();
        for word in analyzer.words(normalized) {
            // Queries are short: looking through the list beats hashing.
            if words.iter().all(|known| known.text != word.text) {
                words.push(word);
            }
        }
        let mut retrieval = analyzer.terms(normalized);
        retrieval.sort_unstable();
        retrieval.dedup();
        Self {
            words,
            of_kind: Kind::ALL.map(|kind| KindTerms::new(kind, normalized, analyzer, background)),
            retrieval,
        }
    }

    /// Whether the query holds nothing to search for, such as "？？" or "你好".
    pub(super) fn is_empty(&self) -> bool {
        self.words.is_empty() && self.of_kind[Kind::Concepts as usize].n == 0
    }

    /// What tantivy is asked for.
    pub(super) fn retrieval(&self) -> &[String] {
        &self.retrieval
    }

    /// The words in the order of the query.
    pub(super) fn words(&self) -> impl Iterator<Item = &'a str> {
        self.words.iter().map(|word| word.text)
    }

    /// The words that stand in `text`, without those inside a longer one that does too.
    pub(super) fn matched(&self, text: &str) -> Vec<String> {
        let found: Vec<&Segment<'_>> =
            self.words.iter().filter(|word| text.contains(word.text)).collect();
        let is_inside = |inner: &Segment<'_>| {
            found.iter().any(|outer| {
                outer.bytes != inner.bytes
                    && outer.bytes.start <= inner.bytes.start
                    && inner.bytes.end <= outer.bytes.end
            })
        };
        found.iter().filter(|word| !is_inside(word)).map(|word| word.text.to_owned()).collect()
    }
}
