//! Second step: how well an entry fits, as a number from 0 to 1.
//!
//! BM25 finds the passages worth a look among however many there are, but its sums mean nothing on
//! their own. Here an article is asked as a whole: how much likelier would its readers be to use
//! these characters, pairs and ideas than anybody, how near is its nearest question in meaning, and
//! how likely are the intents it names? [`Feature`] is the list. The weighted sum goes through the
//! logistic function; its weights are fitted (`models/training/ranking.py`) so that the result reads as the
//! chance that the article answers. That makes it comparable across queries, and since hits are
//! sorted by it, it is monotone with rank.

use super::retrieve::nearest;
use super::terms::{KindTerms, QueryTerms, weight};
use crate::kb::embed::Vector;
use crate::kb::index::{Background, Entry, Kind, TermId};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use utoipa::ToSchema;

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Feature {
    /// Log-likelihood ratio of the query's characters, in units of 20 nats.
    Chars,
    /// The same of its pairs of characters.
    Pairs,
    /// The same of its ideas, in units of 10 nats.
    Concepts,
    /// Mean log-likelihood ratio of a character.
    CharsMean,
    /// Mean log-likelihood ratio of a pair.
    PairsMean,
    /// Agreement of the query's pairs with one question of the article, the best one: harmonic
    /// mean of both shares.
    Question,
    /// Cosine between the meanings of the query and of the article's nearest question or paragraph.
    Meaning,
    /// Probability of the intents that the article names.
    Intent,
    /// Its logarithm.
    IntentLog,
    /// Of the query: share of its pairs that no article holds.
    UnknownPairs,
    /// Of the query: share of its characters that no article holds.
    UnknownChars,
    /// Of the query: logarithm of the number of characters.
    Length,
    /// Of the query: probability that it belongs to no intent.
    OutOfScope,
}

/// Number of [`Feature`]s.
pub(super) const N_FEATURES: usize = 13;

impl Feature {
    /// All of them, in the order of [`Features`].
    pub const ALL: [Self; N_FEATURES] = [
        Self::Chars,
        Self::Pairs,
        Self::Concepts,
        Self::CharsMean,
        Self::PairsMean,
        Self::Question,
        Self::Meaning,
        Self::Intent,
        Self::IntentLog,
        Self::UnknownPairs,
        Self::UnknownChars,
        Self::Length,
        Self::OutOfScope,
    ];

    /// Its name in answers and in `ranking.toml`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Chars => "chars",
            Self::Pairs => "pairs",
            Self::Concepts => "concepts",
            Self::CharsMean => "chars_mean",
            Self::PairsMean => "pairs_mean",
            Self::Question => "question",
            Self::Meaning => "meaning",
            Self::Intent => "intent",
            Self::IntentLog => "intent_log",
            Self::UnknownPairs => "unknown_pairs",
            Self::UnknownChars => "unknown_chars",
            Self::Length => "length",
            Self::OutOfScope => "out_of_scope",
        }
    }
}

/// The value of each feature.
pub type Features = [f32; N_FEATURES];

/// Log-odds of the logistic function.
#[derive(Debug)]
struct Weights {
    constant: f32,
    features: Features,
}

/// The weights of a query that has a vector and of one that has none.
static RANKING: LazyLock<[Weights; 2]> = LazyLock::new(|| {
    read_ranking(include_str!("ranking.toml")).expect("the compiled-in weights are tested")
});

/// Reads the tables `with_meaning` and `by_words`: a constant and a number for each feature.
fn read_ranking(text: &str) -> Result<[Weights; 2], String> {
    let tables: BTreeMap<String, BTreeMap<String, f32>> =
        toml::from_str(text).map_err(|error| error.to_string())?;
    let table = |name: &str| {
        let table = tables.get(name).ok_or_else(|| format!("there is no table {name}"))?;
        let weight =
            |key: &str| table.get(key).copied().ok_or_else(|| format!("{name}.{key} is missing"));
        let mut features = [0.0; N_FEATURES];
        for (to, feature) in features.iter_mut().zip(Feature::ALL) {
            *to = weight(feature.name())?;
        }
        Ok::<Weights, String>(Weights { constant: weight("constant")?, features })
    };
    Ok([table("with_meaning")?, table("by_words")?])
}

/// Weight of all articles in the model of one, in counts of [`crate::kb::index::Counts`]: of 100 to
/// 10,000 the best on held-out queries, and flat around it.
const MU: f32 = 600.0;

/// Added to the whole of the shares: keeps a query or a question of one common pair from counting as
/// wholly covered.
const SMOOTHING: f32 = 6.0;

/// Probability of the article's intents where the caller knows nothing of them.
const UNKNOWN_INTENT: f32 = 0.2;
/// Keeps the logarithm of a probability finite.
const INTENT_FLOOR: f32 = 0.001;

/// Part of a score, in log-odds: the parts add up to the logit of the score.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Contribution {
    /// What was looked at; absent for the constant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feature: Option<Feature>,
    /// The question it was compared with, for [`Feature::Question`].
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "地址填错了怎么改")]
    pub question: Option<String>,
    /// What was found.
    #[schema(example = 0.8)]
    pub value: f32,
    /// What it adds.
    #[schema(example = 2.1)]
    pub log_odds: f32,
}

/// Everything known of a query.
pub(super) struct Asked<'a> {
    pub(super) terms: &'a QueryTerms<'a>,
    pub(super) vector: Option<&'a Vector>,
    /// Labels with their probabilities; empty where nothing is known.
    pub(super) intents: &'a [(&'a str, f32)],
    pub(super) out_of_scope: Option<f32>,
}

/// An entry with its score.
pub(super) struct Scored<'a> {
    pub(super) entry: &'a Entry,
    /// 0 to 1.
    pub(super) score: f32,
    pub(super) features: Features,
    question_idx: usize,
    weights: &'static Weights,
}

impl<'a> Scored<'a> {
    pub(super) fn new(entry: &'a Entry, asked: &Asked<'_>, background: &Background) -> Self {
        let Asked { terms, vector, intents, out_of_scope } = asked;
        let [chars, pairs, concepts] = Kind::ALL.map(|kind| {
            let kind = kind as usize;
            terms.of_kind[kind].log_likelihood(&entry.counts[kind], MU)
        });
        let of_chars = &terms.of_kind[Kind::Chars as usize];
        let of_pairs = &terms.of_kind[Kind::Pairs as usize];
        let (question_idx, question) = best_question(of_pairs, &entry.questions, background);
        let intent = match intents {
            [] => UNKNOWN_INTENT,
            known => {
                let named =
                    |(label, _): &&(&str, f32)| entry.article.intents.iter().any(|i| i == label);
                known.iter().filter(named).map(|(_, score)| score).sum()
            }
        };
        let features = [
            chars / 20.0,
            pairs / 20.0,
            concepts / 10.0,
            chars / of_chars.n().max(1) as f32,
            pairs / of_pairs.n().max(1) as f32,
            question,
            vector.map_or(0.0, |vector| nearest(&entry.vectors, vector)),
            intent,
            (intent + INTENT_FLOOR).ln(),
            of_pairs.unknown(),
            of_chars.unknown(),
            (of_chars.n().max(1) as f32).ln(),
            out_of_scope.unwrap_or(UNKNOWN_INTENT),
        ];
        let weights = &RANKING[usize::from(vector.is_none())];
        let sum: f32 = weights.features.iter().zip(&features).map(|(w, f)| w * f).sum();
        let score = 1.0 / (1.0 + (-(weights.constant + sum)).exp());
        Self { entry, score, features, question_idx, weights }
    }

    /// What the score is made of.
    pub(super) fn explain(&self) -> Vec<Contribution> {
        let constant = Contribution {
            feature: None,
            question: None,
            value: 1.0,
            log_odds: self.weights.constant,
        };
        let best = self.entry.article.questions().nth(self.question_idx);
        let part = |(idx, feature): (usize, Feature)| Contribution {
            feature: Some(feature),
            question: (feature == Feature::Question).then(|| best.map(str::to_owned)).flatten(),
            value: self.features[idx],
            log_odds: self.weights.features[idx] * self.features[idx],
        };
        let parts = Feature::ALL.into_iter().enumerate().map(part);
        std::iter::once(constant).chain(parts.filter(|part| part.log_odds != 0.0)).collect()
    }
}

/// The question that agrees best with the query, the first of equals, since the standard question
/// comes first; and how well it does.
fn best_question(
    terms: &KindTerms,
    questions: &[Vec<TermId>],
    background: &Background,
) -> (usize, f32) {
    let whole = terms.weight();
    let mut best = (0, 0.0);
    for (idx, question) in questions.iter().enumerate() {
        let common = terms.common(question);
        // Most questions share nothing with a query.
        if common == 0.0 {
            continue;
        }
        let share = |term: &TermId| background.share(Kind::Pairs, *term).unwrap_or(0.0);
        let of_question: f32 = question.iter().map(|term| weight(share(term))).sum();
        let agreement = 2.0 * common / (whole + of_question + 2.0 * SMOOTHING);
        if agreement > best.1 {
            best = (idx, agreement);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiled_in_weights_are_whole() {
        let weights = read_ranking(include_str!("ranking.toml")).unwrap();
        assert!(weights.iter().all(|w| w.features.iter().all(|weight| weight.is_finite())));
        let error = read_ranking("[with_meaning]\nconstant = 1.0").unwrap_err();
        assert_eq!(error, "with_meaning.chars is missing");
    }

    #[test]
    fn features_are_named_as_in_answers() {
        for feature in Feature::ALL {
            assert_eq!(serde_json::to_value(feature).unwrap(), feature.name());
        }
    }
}
