//! One version of an article as search needs it: analysed once, kept in memory and in the files of
//! the generations that hold it.

use crate::kb::KbError;
use crate::kb::article::{Article, plain_text};
use crate::kb::embed::{Embed, Vector};
use crate::kb::tokenizer::Analyzer;
use serde::{Deserialize, Serialize};

/// A term as a number: a hash, so that it means the same in every generation. Of 200,000 terms some
/// five pairs share a number, which moves a score a little.
pub(crate) type TermId = u32;

/// Place of an entry in the lists of a generation. It keeps its place in the generations made from
/// that one.
pub(crate) type Slot = u32;

/// Characters of a paragraph of the answer worth a vector of its own.
const PARAGRAPH_CHARS: std::ops::RangeInclusive<usize> = 8..=120;
/// Paragraphs of an answer that get one.
const MAX_PARAGRAPHS: usize = 4;

/// Kinds of terms; each is counted for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Single characters and runs of ASCII: what is left in common where words are mistyped.
    Chars,
    /// Pairs of neighbouring characters.
    Pairs,
    /// Ideas, whatever they are called.
    Concepts,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Chars, Self::Pairs, Self::Concepts];

    /// The terms of this kind in a normalised text, sorted, each once.
    pub(crate) fn terms(self, normalized: &str, analyzer: &Analyzer) -> Vec<TermId> {
        let id = |text: &str| {
            murmurhash32::murmurhash2(text.as_bytes()) ^ (self as u32).wrapping_mul(SALT)
        };
        let mut terms: Vec<TermId> = match self {
            Self::Chars => analyzer.units(normalized).map(id).collect(),
            Self::Pairs => analyzer.pairs(normalized).iter().map(|pair| id(pair.text)).collect(),
            Self::Concepts => analyzer.concepts(normalized).iter().map(|c| id(c.name)).collect(),
        };
        terms.sort_unstable();
        terms.dedup();
        terms
    }
}

/// Keeps terms of different kinds that are written alike apart.
const SALT: u32 = 0x9E37_79B9;

/// How often terms stand in an article: in how many of its passages.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Counts {
    /// Sorted by term. A question counts [`QUESTION`], a paragraph of the answer [`PARAGRAPH`].
    terms: Vec<(TermId, u16)>,
    total: u32,
}

/// What a term in a question counts: twice as much as in the answer, which says many things that
/// nobody asks (of 0.2, 0.5 and 1 the best, measured on held-out queries).
const QUESTION: u16 = 2;
const PARAGRAPH: u16 = 1;

impl Counts {
    fn new(mut counted: Vec<(TermId, u16)>) -> Self {
        counted.sort_unstable();
        let mut terms: Vec<(TermId, u16)> = Vec::with_capacity(counted.len());
        for (term, n) in counted {
            match terms.last_mut() {
                Some((last, count)) if *last == term => *count = count.saturating_add(n),
                _ => terms.push((term, n)),
            }
        }
        terms.shrink_to_fit();
        let total = terms.iter().map(|(_, n)| u32::from(*n)).sum();
        Self { terms, total }
    }

    pub(crate) fn of(&self, term: TermId) -> u16 {
        self.terms.binary_search_by_key(&term, |(t, _)| *t).map_or(0, |at| self.terms[at].1)
    }

    /// All counts together.
    pub(crate) fn total(&self) -> u32 {
        self.total
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (TermId, u16)> {
        self.terms.iter().copied()
    }
}

/// An analysed version.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) slot: Slot,
    pub(crate) article: Article,
    /// Questions and body, normalised, each on a line of its own.
    pub(crate) text: String,
    /// The pairs of the standard question, then of the variants; each list is sorted.
    pub(crate) questions: Vec<Vec<TermId>>,
    /// By [`Kind`].
    pub(crate) counts: [Counts; 3],
    /// Of the questions in their order, then of the first paragraphs of the answer; empty without
    /// an encoder.
    pub(crate) vectors: Vec<Vector>,
}

impl Entry {
    /// Analyses one version.
    ///
    /// # Errors
    /// [`KbError::Embedding`] where the encoder fails.
    pub(crate) fn new(
        slot: Slot,
        article: Article,
        analyzer: &Analyzer,
        embed: Option<&dyn Embed>,
    ) -> Result<Self, KbError> {
        let questions: Vec<String> =
            article.questions().map(|q| analyzer.normalize(q).text().to_owned()).collect();
        let plain = plain_text(&article.body);
        let body = analyzer.normalize(&plain).text().to_owned();
        let count = |kind: Kind| {
            let passages = questions.iter().map(|question| (question.as_str(), QUESTION));
            let passages = passages.chain(body.lines().map(|line| (line, PARAGRAPH)));
            let counted = passages.flat_map(|(text, n)| {
                kind.terms(text, analyzer).into_iter().map(move |term| (term, n))
            });
            Counts::new(counted.collect())
        };
        let paragraphs = paragraphs(&plain, analyzer);
        let texts: Vec<&str> = questions.iter().chain(&paragraphs).map(String::as_str).collect();
        let vectors = match embed {
            Some(embed) => embed.embed(&texts).map_err(KbError::Embedding)?,
            None => Vec::new(),
        };
        Ok(Self {
            slot,
            counts: Kind::ALL.map(count),
            text: [&questions[..], &[body]].concat().join("\n"),
            questions: questions.iter().map(|q| Kind::Pairs.terms(q, analyzer)).collect(),
            vectors,
            article,
        })
    }
}

/// The first paragraphs of an answer that are long enough to mean something alone, normalised.
fn paragraphs(plain: &str, analyzer: &Analyzer) -> Vec<String> {
    let lines = plain.lines().filter(|line| line.chars().count() >= *PARAGRAPH_CHARS.start());
    let cut = |line: &str| line.chars().take(*PARAGRAPH_CHARS.end()).collect::<String>();
    lines
        .take(MAX_PARAGRAPHS)
        .map(|line| analyzer.normalize(&cut(line)).text().to_owned())
        .collect()
}
