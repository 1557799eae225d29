//! How texts become terms, the same way for index and query.
//!
//! A text is normalised first, then cut in two ways: into words by jieba in search mode, where a
//! long word also gives the words inside it, and into pairs of neighbouring characters, which still
//! match where a name is cut differently or a word is unknown.
//!
//! Offsets are bytes of the normalised text, always on character borders.

use super::concepts::{Concept, Concepts};
use crate::text::normalize::{Normalized, Normalizer};
use crate::text::segment::{Dictionary, Segment};
use std::sync::Arc;

/// Particles, pronouns and polite fillings that say nothing of the matter; single characters and a
/// few set phrases. Words that turn a question around (不, 没, 怎么) are not among them.
const STOP_WORDS: [&str; 48] = [
    "的", "地", "得", "了", "着", "吗", "呢", "吧", "啊", "呀", "嘛", "哦", "噢", "哈", "啦", "哎",
    "唉", "嗯", "喂", "么", "我", "你", "您", "他", "她", "它", "们", "这", "那", "是", "就", "都",
    "也", "又", "很", "个", "我们", "你们", "您好", "你好", "请问", "亲", "亲亲", "一下", "那个",
    "这个", "客服", "谢谢",
];

/// Whether a word is too common to be a term.
fn is_stop_word(word: &str) -> bool {
    STOP_WORDS.contains(&word)
}

/// Whether a piece holds nothing but marks and spaces.
fn is_blank(piece: &str) -> bool {
    !piece.chars().any(char::is_alphanumeric)
}

/// Normalises texts and cuts them. Cheap to clone: everything is shared.
#[derive(Clone)]
pub struct Analyzer {
    normalizer: Arc<Normalizer>,
    dictionary: Arc<Dictionary>,
    concepts: Arc<Concepts>,
}

impl Analyzer {
    /// Joins the shared tables.
    #[must_use]
    pub fn new(normalizer: Arc<Normalizer>, dictionary: Arc<Dictionary>) -> Self {
        Self { normalizer, dictionary, concepts: Arc::new(Concepts::of_shop()) }
    }

    /// The same with other words.
    #[must_use]
    pub fn with_dictionary(self, dictionary: Arc<Dictionary>) -> Self {
        Self { dictionary, ..self }
    }

    /// The same with other synonyms.
    ///
    /// # Errors
    /// The number of the line of `concepts` that cannot be read, from 1.
    pub fn with_synonyms(self, concepts: &str) -> Result<Self, usize> {
        Ok(Self { concepts: Arc::new(Concepts::new(concepts)?), ..self })
    }

    /// The form in which texts are indexed and queries are asked.
    #[must_use]
    pub fn normalize(&self, text: &str) -> Normalized {
        self.normalizer.normalize(text)
    }

    /// The words of a normalised text in its order, with stop words and marks dropped.
    #[must_use]
    pub fn words<'a>(&self, normalized: &'a str) -> Vec<Segment<'a>> {
        let mut words = self.dictionary.cut_for_search(normalized);
        words.retain(|word| !is_blank(word.text) && !is_stop_word(word.text));
        words.sort_by_key(|word| (word.bytes.start, word.bytes.end));
        words
    }

    /// The pairs of neighbouring characters of a normalised text. A run of ASCII letters or digits
    /// counts as one character, a character alone between marks stands for itself.
    #[must_use]
    pub fn pairs<'a>(&self, normalized: &'a str) -> Vec<Segment<'a>> {
        pairs(normalized)
    }

    /// The characters of a normalised text that count, a run of ASCII letters or digits as one.
    pub(super) fn units<'a>(&self, normalized: &'a str) -> impl Iterator<Item = &'a str> {
        units(normalized).map(move |unit| &normalized[unit.start..unit.end])
    }

    /// The ideas named in a normalised text, in its order.
    pub(super) fn concepts(&self, normalized: &str) -> Vec<Concept<'_>> {
        self.concepts.find(normalized)
    }

    /// Names what terms depend on: [`Dictionary::hash`] and the hash of the list of concepts.
    #[must_use]
    pub fn dictionary_hash(&self) -> String {
        format!("{}-{}", self.dictionary.hash(), self.concepts.hash())
    }

    /// All terms of a normalised text for retrieval, each as often as it stands there: words, pairs
    /// and ideas, the latter marked so that none is taken for a word.
    pub(super) fn terms(&self, normalized: &str) -> Vec<String> {
        let words = self.words(normalized);
        // A pair that is a word counts once.
        let is_word = |pair: &Segment<'_>| words.iter().any(|word| word.bytes == pair.bytes);
        let mut pairs = self.pairs(normalized);
        pairs.retain(|pair| !is_word(pair));
        let ideas = self.concepts(normalized).into_iter().map(|idea| format!("#{}", idea.name));
        words.iter().chain(&pairs).map(|term| term.text.to_owned()).chain(ideas).collect()
    }
}

fn pairs(text: &str) -> Vec<Segment<'_>> {
    let units: Vec<Unit> = units(text).collect();
    let adjoin = |left: usize| {
        units.get(left).zip(units.get(left + 1)).is_some_and(|(a, b)| a.end == b.start)
    };
    let segment = |start, end| Segment { text: &text[start..end], bytes: start..end };
    let mut pairs = Vec::with_capacity(units.len());
    for (idx, unit) in units.iter().enumerate() {
        let before = idx.checked_sub(1).filter(|&left| adjoin(left));
        if let Some(left) = before {
            pairs.push(segment(units[left].start, unit.end));
        }
        if unit.is_run || (before.is_none() && !adjoin(idx)) {
            pairs.push(segment(unit.start, unit.end));
        }
    }
    pairs
}

/// A character that counts, or a run of ASCII letters and digits.
struct Unit {
    start: usize,
    end: usize,
    is_run: bool,
}

fn units(text: &str) -> impl Iterator<Item = Unit> {
    let mut rest = text.char_indices().peekable();
    std::iter::from_fn(move || {
        let (start, c) = rest.find(|(_, c)| c.is_alphanumeric())?;
        let mut end = start + c.len_utf8();
        if c.is_ascii() {
            while let Some((offset, _)) = rest.next_if(|(_, c)| c.is_ascii_alphanumeric()) {
                end = offset + 1;
            }
        }
        Some(Unit { start, end, is_run: end - start > c.len_utf8() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kb::testing::analyzer;
    use proptest::prelude::*;

    fn check(text: &str, words: &[&str]) {
        let normalized = analyzer().normalize(text);
        let found: Vec<_> = analyzer().words(normalized.text()).iter().map(|w| w.text).collect();
        assert_eq!(found, words, "of {text:?}");
    }

    #[test]
    fn cuts_into_words_for_searching() {
        check("怎么改收货地址", &["怎么", "改", "收货", "收货地址", "地址"]);
        check("我的快递呢？", &["快递"]);
        check("T1 Pro 支持快充嗎", &["t1", "pro", "支持", "快充"]);
        check(
            "禾净扫地机器人R5",
            &["禾净", "扫地", "扫地机", "扫地机器人", "地机", "机器", "机器人", "r5"],
        );
        check("不想要了，没退货", &["不", "想要", "没", "退货"]);
        check("！！？", &[]);
        check("", &[]);
    }

    fn check_pairs(text: &str, expected: &[&str]) {
        let found: Vec<_> = pairs(text).iter().map(|pair| pair.text).collect();
        assert_eq!(found, expected, "of {text:?}");
    }

    #[test]
    fn pairs_neighbouring_characters() {
        check_pairs("收货地址", &["收货", "货地", "地址"]);
        check_pairs("退,换货", &["退", "换货"]);
        check_pairs("禾净r5滤网", &["禾净", "净r5", "r5", "r5滤", "滤网"]);
        check_pairs("t1 pro", &["t1", "pro"]);
        check_pairs("换", &["换"]);
        check_pairs("", &[]);
    }

    #[test]
    fn terms_are_words_pairs_and_marked_ideas() {
        let normalized = analyzer().normalize("邮钱谁出");
        let mut terms = analyzer().terms(normalized.text());
        terms.sort_unstable();
        assert_eq!(terms, ["#运费", "#运费险", "出", "谁", "谁出", "邮钱", "钱谁"]);
    }

    #[test]
    fn stop_words_keep_what_turns_a_question_around() {
        for word in ["怎么", "不", "没", "没有", "退", "换", "改"] {
            assert!(!is_stop_word(word), "{word}");
        }
    }

    proptest! {
        #[test]
        fn segments_are_slices_on_character_borders(
            text in "\\PC{0,30}|[退换货地址怎么收R5t1 ,。改é́]{0,30}",
        ) {
            let normalized = analyzer().normalize(&text);
            let text = normalized.text();
            for segment in analyzer().words(text).into_iter().chain(analyzer().pairs(text)) {
                prop_assert_eq!(text.get(segment.bytes), Some(segment.text));
                prop_assert!(!segment.text.is_empty());
            }
        }
    }
}
