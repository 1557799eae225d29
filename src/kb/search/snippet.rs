//! The part of an answer that is closest to the query.

use super::terms::QueryTerms;
use std::ops::Range;

/// Characters of a snippet at most, the marks for what was cut not counted.
const MAX_CHARS: usize = 80;
/// Characters kept before the first match of a sentence that is too long.
const LEAD_CHARS: usize = 16;

/// The sentence of `body`, plain text, that holds most of the query's words, the first one where none
/// holds any.
pub(super) fn snippet(body: &str, terms: &QueryTerms<'_>) -> String {
    // Words are in lower case; lowering ASCII alone moves no byte.
    let lower = body.to_ascii_lowercase();
    let mut best: Option<(Range<usize>, usize)> = None;
    for bytes in sentences(body) {
        // Longer words tell more.
        let found = terms.words().filter(|word| lower[bytes.clone()].contains(word));
        let n_chars = found.map(|word| word.chars().count()).sum();
        // Strictly greater: of equals the first stands nearer to the direct answer.
        if best.as_ref().is_none_or(|(_, most)| n_chars > *most) {
            best = Some((bytes, n_chars));
        }
    }
    let Some((bytes, _)) = best else { return String::new() };
    let first = terms.words().filter_map(|word| lower[bytes.clone()].find(word)).min();
    cut(body, bytes.clone(), bytes.start + first.unwrap_or(0))
}

/// Where the sentences of a text stand: up to a full stop or a line break, none of them empty.
fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut sentences = Vec::new();
    let mut start = 0;
    for piece in text.split_inclusive(['。', '！', '？', '；', '\n']) {
        let trimmed = piece.trim();
        let offset = start + (piece.len() - piece.trim_start().len());
        if !trimmed.is_empty() {
            sentences.push(offset..offset + trimmed.len());
        }
        start += piece.len();
    }
    sentences
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
