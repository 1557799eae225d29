//! Ideas of the shop's business and what customers call them.
//!
//! 邮钱, 快递费 and "shipping fee" share no word with an article about 运费. `kb-index/concepts.txt`
//! says that they mean one idea; an idea found in a text is a term like its words, so a synonym
//! counts, and the article's own word counts more, since it is found twice.

use aho_corasick::{AhoCorasick, MatchKind};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::ops::Range;

/// The list compiled in.
const SHOP_CONCEPTS: &str = include_str!("../../kb-index/concepts.txt");

/// All ideas and a finder for their phrases; immutable, shared through an `Arc`.
pub(super) struct Concepts {
    names: Vec<String>,
    finder: AhoCorasick,
    /// For each phrase of the finder the places of its ideas in `names`.
    meanings: Vec<Vec<usize>>,
    hash: String,
}

/// An idea found in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Concept<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// Where its phrase stands, in bytes of the text.
    pub(super) bytes: Range<usize>,
}

impl Concepts {
    /// The shop's ideas.
    ///
    /// # Panics
    /// Never: a test reads the compiled-in list.
    pub(super) fn of_shop() -> Self {
        Self::new(SHOP_CONCEPTS).expect("the compiled-in list of concepts is tested")
    }

    /// Reads a list; the error is the line that cannot be read.
    pub(super) fn new(list: &str) -> Result<Self, usize> {
        let mut names = Vec::new();
        let mut meanings: HashMap<&str, Vec<usize>> = HashMap::new();
        for (line_idx, line) in list.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, phrases) = line.split_once(':').ok_or(line_idx + 1)?;
            for phrase in phrases.split(',').map(str::trim) {
                if phrase.is_empty() {
                    return Err(line_idx + 1);
                }
                meanings.entry(phrase).or_default().push(names.len());
            }
            names.push(name.to_owned());
        }
        let mut phrases: Vec<(&str, Vec<usize>)> = meanings.into_iter().collect();
        phrases.sort_unstable();
        let finder = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(phrases.iter().map(|(phrase, _)| phrase))
            .map_err(|_| 0_usize)?;
        let meanings = phrases.into_iter().map(|(_, meanings)| meanings).collect();
        let digest = Sha256::digest(list);
        let hash = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { names, finder, meanings, hash })
    }

    /// The ideas of a normalised text in its order; one may be found several times.
    pub(super) fn find(&self, normalized: &str) -> Vec<Concept<'_>> {
        let found = self.finder.find_iter(normalized);
        let whole = found.filter(|found| is_whole(normalized, found.range()));
        whole
            .flat_map(|found| {
                self.meanings[found.pattern().as_usize()]
                    .iter()
                    .map(move |&idx| Concept { name: &self.names[idx], bytes: found.range() })
            })
            .collect()
    }

    /// First 16 hex digits of the SHA-256 over the list.
    pub(super) fn hash(&self) -> &str {
        &self.hash
    }
}

/// Whether an ASCII phrase is not part of a longer ASCII word; Chinese has no such borders.
fn is_whole(text: &str, phrase: Range<usize>) -> bool {
    let bytes = text.as_bytes();
    let joins = |left: Option<&u8>, right: Option<&u8>| {
        left.zip(right).is_some_and(|(a, b)| a.is_ascii_alphanumeric() && b.is_ascii_alphanumeric())
    };
    let before = phrase.start.checked_sub(1).and_then(|idx| bytes.get(idx));
    let last = phrase.end.checked_sub(1).and_then(|idx| bytes.get(idx));
    !joins(before, bytes.get(phrase.start)) && !joins(last, bytes.get(phrase.end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kb::testing::analyzer;

    fn check(text: &str, expected: &[&str]) {
        let concepts = Concepts::of_shop();
        let text = analyzer().normalize(text);
        let found: Vec<_> =
            concepts.find(text.text()).into_iter().map(|found| found.name).collect();
        assert_eq!(found, expected, "in {:?}", text.text());
    }

    #[test]
    fn finds_ideas_by_any_of_their_phrases() {
        check("邮钱谁出", &["运费", "运费险"]);
        check("what is the shipping fee", &["运费"]);
        check("tuikuan duojiu daozhang", &["退款", "何时", "到账"]);
        check("codex", &[]);
        check("今天天气不错", &[]);
    }

    #[test]
    fn phrases_are_written_in_normalised_form() {
        for line in SHOP_CONCEPTS.lines().filter(|line| !line.starts_with('#')) {
            for phrase in line.split_once(':').map_or("", |(_, rest)| rest).split(',') {
                assert_eq!(analyzer().normalize(phrase).text(), phrase.trim());
            }
        }
    }

    #[test]
    fn names_the_line_that_cannot_be_read() {
        assert_eq!(Concepts::new("# 注释\n运费: 邮费\n没有冒号").err(), Some(3));
        assert_eq!(Concepts::new("运费: 邮费,,快递费").err(), Some(1));
    }
}
