//! The part of an answer that is closest to the query.

use super::lexicon::{Body, Sentence};
use super::score::QueryTerms;
use std::ops::Range;

/// Characters of a snippet at most, the marks for what was cut not counted.
const MAX_CHARS: usize = 80;
/// Characters kept before the first match of a sentence that is too long.
const LEAD_CHARS: usize = 16;

/// The sentence that holds most of the query, the first one where none holds any.
pub(super) fn snippet(body: &Body, terms: &QueryTerms<'_>) -> String {
    let mut best: Option<(&Sentence, f32)> = None;
    for sentence in &body.sentences {
        let weight = weight(sentence, terms);
        // Strictly greater: of equals the first stands nearer to the direct answer.
        if best.is_none_or(|(_, most)| weight > most) {
            best = Some((sentence, weight));
        }
    }
    let Some((sentence, _)) = best else { return String::new() };
    let is_match = |(word, _): &&_| terms.weight_of(*word).is_some();
    let first_match = sentence.words.iter().find(is_match);
    let start = first_match.map_or(sentence.bytes.start, |(_, place)| place.start);
    cut(&body.text, sentence.bytes.clone(), start)
}

/// Weight of the query's words in a sentence, each once.
fn weight(sentence: &Sentence, terms: &QueryTerms<'_>) -> f32 {
    let words = sentence.words.iter().enumerate();
    let first = words.filter(|(idx, (word, _))| {
        sentence.words[..*idx].iter().all(|(earlier, _)| earlier != word)
    });
    first.filter_map(|(_, (word, _))| terms.weight_of(*word)).sum()
}

/// `text[bytes]` cut to [`MAX_CHARS`] so that the byte `keep` stays in.
fn cut(text: &str, bytes: Range<usize>, keep: usize) -> String {
    let sentence = &text[bytes.clone()];
    let n_chars = sentence.chars().count();
    if n_chars <= MAX_CHARS {
        return sentence.to_owned();
    }
    let before = text[bytes.start..keep].chars().count();
    let skip = before.saturating_sub(LEAD_CHARS).min(n_chars - MAX_CHARS);
    let kept: String = sentence.chars().skip(skip).take(MAX_CHARS).collect();
    let head = if skip > 0 { "…" } else { "" };
    let tail = if skip + MAX_CHARS < n_chars { "…" } else { "" };
    format!("{head}{kept}{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cuts_long_sentences_around_the_match() {
        let text = format!("{}改地址{}", "前".repeat(100), "后".repeat(100));
        let snippet = cut(&text, 0..text.len(), 300);
        assert!(snippet.starts_with("…前") && snippet.ends_with("后…"), "{snippet}");
        assert_eq!(snippet.chars().count(), MAX_CHARS + 2);
        assert!(snippet.contains("改地址"));
        assert_eq!(cut("改地址。", 0..12, 3), "改地址。");
    }

    proptest! {
        #[test]
        fn the_match_stays_in(text in "[a-z改地]{1,200}", at in 0_usize..200) {
            let places: Vec<usize> = text.char_indices().map(|(place, _)| place).collect();
            let keep = places[at % places.len()];
            let snippet = cut(&text, 0..text.len(), keep);
            let kept = snippet.trim_matches('…');
            let next = text[keep..].chars().next().unwrap();
            prop_assert!(text.contains(kept) && kept.contains(next));
            prop_assert!(kept.chars().count() <= MAX_CHARS);
        }
    }
}
