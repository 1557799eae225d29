//! Chinese word segmentation with one dictionary for index, query and word finders.
//!
//! Offsets are bytes of the text given. The dictionary's hash stands in every index generation:
//! an index cut by another dictionary would miss words silently.

use jieba_rs::Jieba;
use sha2::{Digest, Sha256};
use std::ops::Range;

/// The segmenter with its dictionary: jieba's own words plus the shop's. About 30 MiB, 130 ms to
/// load; share it through an `Arc`.
pub struct Dictionary {
    jieba: Jieba,
    hash: String,
}

/// One word, borrowed from the text it was cut from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment<'a> {
    /// The word.
    pub text: &'a str,
    /// Where it stands, in bytes of the text.
    pub bytes: Range<usize>,
}

/// A line of a shop dictionary that cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("dictionary line {line}: {reason}")]
pub struct DictionaryError {
    /// Line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl Dictionary {
    /// Loads jieba's dictionary and adds `shop_words`: one word a line, optionally followed by a
    /// frequency; `#` starts a comment.
    ///
    /// # Errors
    /// [`DictionaryError`] names the first line that is neither.
    pub fn new(shop_words: &str) -> Result<Self, DictionaryError> {
        let mut jieba = Jieba::new();
        let mut hasher = Sha256::new();
        hasher.update(concat!("jieba-rs ", "0.11"));
        for (line_idx, line) in shop_words.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            let mut fields = line.split_whitespace();
            let Some(word) = fields.next() else { continue };
            let error = |reason| DictionaryError { line: line_idx + 1, reason };
            let frequency = match fields.next().map(str::parse) {
                None => None,
                Some(Ok(frequency)) => Some(frequency),
                Some(Err(_)) => return Err(error("the frequency is not a whole number")),
            };
            if fields.next().is_some() {
                return Err(error("more than a word and a frequency"));
            }
            jieba.add_word(word, frequency, None);
            hasher.update(line);
            hasher.update("\n");
        }
        let hash = hasher.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { jieba, hash })
    }

    /// First 16 hex digits of the SHA-256 over the segmenter's version and the shop's words.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Cuts `text` into words that tile it, unknown words guessed.
    #[must_use]
    pub fn cut<'a>(&self, text: &'a str) -> Vec<Segment<'a>> {
        self.jieba.cut(text, true).into_iter().map(Segment::from).collect()
    }

    /// Cuts `text` for searching: long words also give the shorter words inside them.
    #[must_use]
    pub fn cut_for_search<'a>(&self, text: &'a str) -> Vec<Segment<'a>> {
        self.jieba.cut_for_search(text, true).into_iter().map(Segment::from).collect()
    }
}

impl<'a> From<jieba_rs::Token<'a>> for Segment<'a> {
    fn from(token: jieba_rs::Token<'a>) -> Self {
        Self { text: token.word, bytes: token.byte_start..token.byte_end }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shop_words_stay_whole_and_offsets_are_bytes() {
        let dictionary = Dictionary::new("禾净扫地机器人 1000\n# 注释\n").unwrap();
        let text = "你的禾净扫地机器人R5";
        let segments = dictionary.cut(text);
        assert!(segments.iter().any(|segment| segment.text == "禾净扫地机器人"), "{segments:?}");
        assert_eq!(segments.iter().map(|s| s.text).collect::<String>(), text);
        for segment in dictionary.cut_for_search(text) {
            assert_eq!(&text[segment.bytes.clone()], segment.text);
        }
    }

    #[test]
    fn names_the_line_that_cannot_be_read() {
        let error = Dictionary::new("暖羽\n露白 很多\n").err();
        assert_eq!(
            error,
            Some(DictionaryError { line: 2, reason: "the frequency is not a whole number" })
        );
    }

    #[test]
    fn the_hash_follows_the_words() {
        let [one, two, same] = ["暖羽", "露白", "暖羽 # 羽绒服品牌"]
            .map(|words| Dictionary::new(words).unwrap().hash().to_owned());
        assert_ne!(one, two);
        assert_eq!(one, same);
    }
}
