//! Second step: how well an article fits, as a number from 0 to 1.
//!
//! BM25 is a sum over query terms: a long query scores higher than a short one, a rare word higher
//! than a common one, and no threshold holds for both. So the score is made of *shares* instead,
//! each from 0 to 1:
//!
//! - of the best of the article's questions and variants: how much of its pairs of characters the
//!   query holds, and how much of their concepts each holds of the other;
//! - of the article as a whole, body included: how much of the query's words, pairs and concepts
//!   stand anywhere in it;
//! - whether it names the intent, if the caller is sure of one.
//!
//! Terms weigh by rarity; one that no article holds weighs most, so a query about something else
//! keeps low shares however well its filling words match. The weighted sum goes through the
//! logistic function. Its weights are fitted so that the result reads as the chance that the
//! article answers; that makes it comparable across queries, and since hits are sorted by it, it is
//! monotone with rank.

use super::lexicon::{Lexicon, Passage, TermId};
use crate::kb::article::Article;
use crate::kb::tokenizer::Analyzer;
use crate::text::segment::Segment;
use serde::Serialize;
use std::ops::Range;
use utoipa::ToSchema;

/// Weights of the shares, in log-odds.
struct Weights {
    constant: f32,
    question_pairs: f32,
    concept_recall: f32,
    concept_precision: f32,
    article_words: f32,
    article_pairs: f32,
    article_concepts: f32,
    same_intent: f32,
    other_intent: f32,
}

/// Fitted 2026-11-21 with log loss over candidates plus listwise loss on the even-numbered rows of
/// eval-data/retrieval.jsonl, each without intent, with its own, and with a wrong one at a small
/// weight; on the articles' variants, each asked of an index without it (weight 0.05, so that
/// articles are told apart which the rows do not ask for); and on one variant of each article as it
/// stands (0.2, so that a known wording scores high). Shares of the best question's words, and of
/// the query in its pairs, were tried too and got weight 0.
const WEIGHTS: Weights = Weights {
    constant: -6.4,
    question_pairs: 3.5,
    concept_recall: 2.1,
    concept_precision: 4.7,
    article_words: 2.1,
    article_pairs: 2.25,
    article_concepts: 3.0,
    same_intent: 1.7,
    other_intent: -2.2,
};

/// Added to the whole of every share: about the weight of one rare term. Of 0, 2, 4 and 8 the best
/// at telling answerable rows from others on the same rows.
const SMOOTHING: f32 = 4.0;

/// Part of a score, in log-odds: the parts add up to the logit of the score.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Contribution {
    /// What was looked at: `constant`, `question_pairs`, `question_concepts`, `article_words`,
    /// `article_pairs`, `article_concepts` or `intent`.
    #[schema(value_type = String, example = "question_pairs")]
    pub field: &'static str,
    /// The question it was compared with, for the two fields that look at the best one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "地址填错了怎么改")]
    pub question: Option<String>,
    /// Share of the query that was found, 0 to 1; 0 where it was not asked for.
    #[schema(example = 0.8)]
    pub recall: f32,
    /// Share of the question that the query holds, 0 to 1; 0 where it was not asked for.
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
    concepts: Vec<QueryTerm<'a>>,
    word_weight: f32,
    pair_weight: f32,
    concept_weight: f32,
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
    pub(super) fn new(normalized: &'a str, analyzer: &'a Analyzer, lexicon: &Lexicon) -> Self {
        let words = unique(analyzer.words(normalized), |text| lexicon.word(text));
        let pairs = unique(analyzer.pairs(normalized), |text| lexicon.pair(text));
        let concepts = analyzer.concepts(normalized).into_iter();
        let concepts = concepts.map(|found| Segment { text: found.name, bytes: found.bytes });
        let concepts = unique(concepts.collect(), |name| lexicon.concept(name));
        let sum = |terms: &[QueryTerm<'_>]| terms.iter().map(|term| term.weight).sum();
        Self {
            word_weight: sum(&words),
            pair_weight: sum(&pairs),
            concept_weight: sum(&concepts),
            words,
            pairs,
            concepts,
        }
    }

    /// Whether the query holds nothing to search for, such as "？？" or "你好".
    pub(super) fn is_empty(&self) -> bool {
        self.words.is_empty() && self.concepts.is_empty()
    }

    /// Words that some article holds.
    pub(super) fn known_words(&self) -> impl Iterator<Item = &'a str> {
        self.words.iter().filter(|word| word.id.is_some()).map(|word| word.text)
    }

    /// Pairs that some article holds.
    pub(super) fn known_pairs(&self) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(|pair| pair.id.is_some()).map(|pair| pair.text)
    }

    /// Ideas that some article holds.
    pub(super) fn known_concepts(&self) -> impl Iterator<Item = &'a str> {
        self.concepts.iter().filter(|concept| concept.id.is_some()).map(|concept| concept.text)
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
    segments: Vec<Segment<'a>>,
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
struct QuestionShares {
    /// Of the question's pairs.
    pairs: f32,
    /// Of the query's concepts.
    concept_recall: f32,
    /// Of the question's concepts.
    concept_precision: f32,
}

impl QuestionShares {
    fn new(terms: &QueryTerms<'_>, question: &Passage, lexicon: &Lexicon) -> Self {
        let pairs = common(&terms.pairs, &question.pairs);
        let concepts = common(&terms.concepts, &question.concepts);
        Self {
            pairs: share(pairs, lexicon.weigh_pairs(&question.pairs)),
            concept_recall: share(concepts, terms.concept_weight),
            concept_precision: share(concepts, lexicon.weigh_concepts(&question.concepts)),
        }
    }

    fn pairs_log_odds(&self) -> f32 {
        WEIGHTS.question_pairs * self.pairs
    }

    fn concepts_log_odds(&self) -> f32 {
        WEIGHTS.concept_recall * self.concept_recall
            + WEIGHTS.concept_precision * self.concept_precision
    }

    fn log_odds(&self) -> f32 {
        self.pairs_log_odds() + self.concepts_log_odds()
    }
}

/// Shares of an article as a whole.
#[derive(Debug, Clone, Copy, PartialEq)]
struct ArticleShares {
    words: f32,
    pairs: f32,
    concepts: f32,
}

impl ArticleShares {
    fn new(terms: &QueryTerms<'_>, article_idx: usize, lexicon: &Lexicon) -> Self {
        let words = common(&terms.words, lexicon.words(article_idx));
        let pairs = common(&terms.pairs, lexicon.pairs(article_idx));
        let concepts = common(&terms.concepts, lexicon.concepts(article_idx));
        Self {
            words: share(words, terms.word_weight),
            pairs: share(pairs, terms.pair_weight),
            concepts: share(concepts, terms.concept_weight),
        }
    }

    fn log_odds(&self) -> f32 {
        WEIGHTS.article_words * self.words
            + WEIGHTS.article_pairs * self.pairs
            + WEIGHTS.article_concepts * self.concepts
    }
}

/// Weight of the query's terms among `held`, which is sorted.
fn common(terms: &[QueryTerm<'_>], held: &[TermId]) -> f32 {
    let is_held = |term: &&QueryTerm<'_>| term.id.is_some_and(|id| held.binary_search(&id).is_ok());
    terms.iter().filter(is_held).map(|term| term.weight).sum()
}

/// Share of a weight that was found. The added weight keeps a query of one common word, or a
/// question that names one broad concept, from counting as wholly covered.
fn share(part: f32, whole: f32) -> f32 {
    part / (whole + SMOOTHING)
}

/// An article with its score.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) article_idx: usize,
    /// 0 to 1.
    pub(super) score: f32,
    question_idx: usize,
    question: QuestionShares,
    article: ArticleShares,
    intent_log_odds: f32,
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
        let (question_idx, question) = questions
            .map(|question| QuestionShares::new(terms, question, lexicon))
            .enumerate()
            // Not `max_by`, which takes the last of equals: the standard question comes first.
            .min_by(|(_, a), (_, b)| b.log_odds().total_cmp(&a.log_odds()))
            .unwrap_or_default();
        let article = ArticleShares::new(terms, article_idx, lexicon);
        let intent_log_odds = match names_intent {
            None => 0.0,
            Some(true) => WEIGHTS.same_intent,
            Some(false) => WEIGHTS.other_intent,
        };
        let log_odds =
            WEIGHTS.constant + question.log_odds() + article.log_odds() + intent_log_odds;
        let score = 1.0 / (1.0 + (-log_odds).exp());
        Self { article_idx, score, question_idx, question, article, intent_log_odds }
    }

    /// What the score is made of; `source` is the article scored.
    pub(super) fn explain(&self, source: &Article) -> Vec<Contribution> {
        let part = |field, recall, log_odds| Contribution {
            field,
            question: None,
            recall,
            precision: 0.0,
            log_odds,
        };
        let best = |field, recall, precision, log_odds| Contribution {
            question: source.questions().nth(self.question_idx).map(str::to_owned),
            precision,
            ..part(field, recall, log_odds)
        };
        let QuestionShares { pairs: of_pairs, concept_recall, concept_precision } = self.question;
        let ArticleShares { words, pairs, concepts } = self.article;
        let (by_pairs, by_concepts) =
            (self.question.pairs_log_odds(), self.question.concepts_log_odds());
        let named = f32::from(u8::from(self.intent_log_odds > 0.0));
        vec![
            part("constant", 0.0, WEIGHTS.constant),
            best("question_pairs", 0.0, of_pairs, by_pairs),
            best("question_concepts", concept_recall, concept_precision, by_concepts),
            part("article_words", words, WEIGHTS.article_words * words),
            part("article_pairs", pairs, WEIGHTS.article_pairs * pairs),
            part("article_concepts", concepts, WEIGHTS.article_concepts * concepts),
            part("intent", named, self.intent_log_odds),
        ]
    }
}
