//! Second step: how well an article fits, as a number from 0 to 1.
//!
//! BM25 is a sum over query terms: a long query scores higher than a short one, a rare word higher
//! than a common one, and no threshold holds for both. So the score is made of *shares* instead.
//! For the best of an article's questions and variants:
//!
//! - `word_recall`: weight of the query's words it holds / weight of all words of the query,
//! - `word_precision`: the same weight / weight of all words of the question,
//! - `pair_recall`, `pair_precision`: the same over pairs of characters,
//!
//! and for the article as a whole `article_recall`, the share of the query's words that stand
//! anywhere in it, and whether it names the intent. Words weigh by rarity; a word that no article
//! holds weighs most, so a query about something else keeps a low share however well its filling
//! words match. A weighted sum of the shares goes through the logistic function. Its weights are
//! fitted so that the result reads as the chance that the article answers, which makes it
//! comparable across queries, and since hits are sorted by it, it is monotone with rank.

use super::lexicon::{Lexicon, Passage, TermId};
use crate::kb::tokenizer::Analyzer;
use serde::Serialize;
use std::ops::Range;
use utoipa::ToSchema;

/// Weights of the shares and the constant.
struct Weights {
    constant: f32,
    word_recall: f32,
    word_precision: f32,
    pair_recall: f32,
    pair_precision: f32,
    article_recall: f32,
    intent: f32,
    other_intent: f32,
}

const WEIGHTS: Weights = Weights {
    constant: -5.0,
    word_recall: 3.0,
    word_precision: 2.0,
    pair_recall: 3.0,
    pair_precision: 2.0,
    article_recall: 2.0,
    intent: 1.5,
    other_intent: -0.5,
};

/// Part of a score, in log-odds: all parts and the constant add up to the logit of the score.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Contribution {
    /// What was compared: `constant`, `question_words`, `question_pairs`, `article_words` or
    /// `intent`.
    #[schema(value_type = String, example = "question_words")]
    pub field: &'static str,
    /// The question or variant it was compared with, for the two that look at one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 2)]
    pub question_idx: Option<usize>,
    /// Share of the query that was found, 0 to 1.
    #[schema(example = 0.8)]
    pub recall: f32,
    /// Share of the question that the query holds, 0 to 1.
    #[schema(example = 0.6)]
    pub precision: f32,
    /// What it adds.
    #[schema(example = 2.1)]
    pub log_odds: f32,
}

/// A query as terms, each once, in the customer's order.
pub(super) struct QueryTerms<'a> {
    words: Vec<QueryTerm<'a>>,
    pairs: Vec<QueryTerm<'a>>,
    word_weight: f32,
    pair_weight: f32,
}

struct QueryTerm<'a> {
    text: &'a str,
    /// Where it first stands in the normalised query.
    bytes: Range<usize>,
    /// Its number, where some article holds it.
    id: Option<TermId>,
    weight: f32,
}

impl<'a> QueryTerms<'a> {
    pub(super) fn new(normalized: &'a str, analyzer: &Analyzer, lexicon: &Lexicon) -> Self {
        let words = unique(analyzer.words(normalized), |text| lexicon.word(text));
        let pairs = unique(analyzer.pairs(normalized), |text| lexicon.pair(text));
        let sum = |terms: &[QueryTerm<'_>]| terms.iter().map(|term| term.weight).sum();
        Self { word_weight: sum(&words), pair_weight: sum(&pairs), words, pairs }
    }

    /// Words that some article holds.
    pub(super) fn known_words(&self) -> impl Iterator<Item = &'a str> {
        self.words.iter().filter(|word| word.id.is_some()).map(|word| word.text)
    }

    /// Pairs that some question holds.
    pub(super) fn known_pairs(&self) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(|pair| pair.id.is_some()).map(|pair| pair.text)
    }

    /// Weight of a word of this query; `None` for other words.
    pub(super) fn weight_of(&self, word: TermId) -> Option<f32> {
        self.words.iter().find(|term| term.id == Some(word)).map(|term| term.weight)
    }

    /// The words that stand in `words`, without those inside a longer one that does too.
    pub(super) fn matched(&self, words: &[TermId]) -> Vec<String> {
        let is_found =
            |term: &&QueryTerm<'_>| term.id.is_some_and(|id| words.binary_search(&id).is_ok());
        let found: Vec<&QueryTerm<'_>> = self.words.iter().filter(is_found).collect();
        let is_inside = |inner: &QueryTerm<'_>| {
            found.iter().any(|outer| {
                outer.bytes != inner.bytes
                    && outer.bytes.start <= inner.bytes.start
                    && inner.bytes.end <= outer.bytes.end
            })
        };
        found.iter().filter(|term| !is_inside(term)).map(|term| term.text.to_owned()).collect()
    }
}

fn unique<'a>(
    segments: Vec<crate::text::segment::Segment<'a>>,
    look_up: impl Fn(&str) -> (Option<TermId>, f32),
) -> Vec<QueryTerm<'a>> {
    let mut terms: Vec<QueryTerm<'a>> = Vec::with_capacity(segments.len());
    for segment in segments {
        // Queries are short: looking through the list beats hashing.
        if terms.iter().all(|term| term.text != segment.text) {
            let (id, weight) = look_up(segment.text);
            terms.push(QueryTerm { text: segment.text, bytes: segment.bytes, id, weight });
        }
    }
    terms
}

/// Shares of one question or variant.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Shares {
    pub(super) word_recall: f32,
    pub(super) word_precision: f32,
    pub(super) pair_recall: f32,
    pub(super) pair_precision: f32,
}

impl Shares {
    fn new(terms: &QueryTerms<'_>, question: &Passage, lexicon: &Lexicon) -> Self {
        let words = common(&terms.words, &question.words);
        let pairs = common(&terms.pairs, &question.pairs);
        Self {
            word_recall: share(words, terms.word_weight),
            word_precision: share(words, lexicon.weigh_words(&question.words)),
            pair_recall: share(pairs, terms.pair_weight),
            pair_precision: share(pairs, lexicon.weigh_pairs(&question.pairs)),
        }
    }

    fn words_log_odds(&self) -> f32 {
        WEIGHTS.word_recall * self.word_recall + WEIGHTS.word_precision * self.word_precision
    }

    fn pairs_log_odds(&self) -> f32 {
        WEIGHTS.pair_recall * self.pair_recall + WEIGHTS.pair_precision * self.pair_precision
    }

    fn log_odds(&self) -> f32 {
        self.words_log_odds() + self.pairs_log_odds()
    }
}

/// Weight of the query's terms among `held`, which is sorted.
fn common(terms: &[QueryTerm<'_>], held: &[TermId]) -> f32 {
    let is_held = |term: &&QueryTerm<'_>| term.id.is_some_and(|id| held.binary_search(&id).is_ok());
    terms.iter().filter(is_held).map(|term| term.weight).sum()
}

fn share(part: f32, whole: f32) -> f32 {
    if whole > 0.0 { (part / whole).min(1.0) } else { 0.0 }
}

/// An article with its score.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) article_idx: usize,
    /// 0 to 1.
    pub(super) score: f32,
    question_idx: usize,
    pub(super) shares: Shares,
    pub(super) article_recall: f32,
    pub(super) names_intent: Option<bool>,
}

impl Candidate {
    /// Scores one article. `names_intent`: whether it names the query's intent, if there is one.
    pub(super) fn new(
        article_idx: usize,
        terms: &QueryTerms<'_>,
        names_intent: Option<bool>,
        lexicon: &Lexicon,
    ) -> Self {
        let questions = lexicon.questions(article_idx).iter();
        let (question_idx, shares) = questions
            .map(|question| Shares::new(terms, question, lexicon))
            .enumerate()
            .max_by(|(_, a), (_, b)| a.log_odds().total_cmp(&b.log_odds()))
            .unwrap_or_default();
        let found = common(&terms.words, lexicon.words(article_idx));
        let article_recall = share(found, terms.word_weight);
        let mut candidate =
            Self { article_idx, score: 0.0, question_idx, shares, article_recall, names_intent };
        let log_odds = WEIGHTS.constant
            + shares.log_odds()
            + WEIGHTS.article_recall * article_recall
            + candidate.intent_log_odds();
        candidate.score = 1.0 / (1.0 + (-log_odds).exp());
        candidate
    }

    fn intent_log_odds(&self) -> f32 {
        match self.names_intent {
            None => 0.0,
            Some(true) => WEIGHTS.intent,
            Some(false) => WEIGHTS.other_intent,
        }
    }

    /// What the score is made of.
    pub(super) fn explain(&self) -> Vec<Contribution> {
        let Shares { word_recall, word_precision, pair_recall, pair_precision } = self.shares;
        let part = |field, question_idx, recall, precision, log_odds| Contribution {
            field,
            question_idx,
            recall,
            precision,
            log_odds,
        };
        let best = Some(self.question_idx);
        let words = self.shares.words_log_odds();
        let pairs = self.shares.pairs_log_odds();
        let article = WEIGHTS.article_recall * self.article_recall;
        let intent = if self.names_intent == Some(true) { 1.0 } else { 0.0 };
        vec![
            part("constant", None, 0.0, 0.0, WEIGHTS.constant),
            part("question_words", best, word_recall, word_precision, words),
            part("question_pairs", best, pair_recall, pair_precision, pairs),
            part("article_words", None, self.article_recall, 0.0, article),
            part("intent", None, intent, 0.0, self.intent_log_odds()),
        ]
    }
}
