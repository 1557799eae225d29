//! The text path: what can be said of a message without a model.
//!
//! [`normalize`] brings the many ways of typing to one form and keeps a map back to the text as
//! sent, [`segment`] cuts it into words, [`entity`] finds numbers, addresses and names, and
//! [`mask`](entity::mask) hides personal data among them, [`keyword`] finds what a comment praises or
//! blames, [`lexicon`] reads emotion, urgency and
//! plain requests from words, [`language`] tells the language.
//!
//! Invariants: everything here is synchronous, allocates no more than a few strings a message,
//! and knows neither models nor rules. Positions that leave this module are [`CharRange`]s of the
//! text as sent; byte offsets stay inside.

pub mod entity;
pub mod keyword;
pub mod language;
pub mod lexicon;
pub mod normalize;
mod pinyin;
pub mod segment;

use std::ops::Range;

/// A half-open range of characters (Unicode scalar values) of a text as sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CharRange {
    /// First character, counted from 0.
    pub start: usize,
    /// One past the last character.
    pub end: usize,
}

impl CharRange {
    /// Whether the two ranges share a character.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// The bytes of `text` that these characters take.
    #[must_use]
    pub fn bytes_in(&self, text: &str) -> Range<usize> {
        let mut offsets = text.char_indices().map(|(i, _)| i).chain([text.len()]);
        let start = offsets.nth(self.start).unwrap_or(text.len());
        let end = match self.end.checked_sub(self.start + 1) {
            Some(more) => offsets.nth(more).unwrap_or(text.len()),
            None => start,
        };
        start..end
    }
}
