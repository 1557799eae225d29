//! How texts become terms, the same way for index and query.
//!
//! A text is normalised first, then cut in two ways: into words by jieba in search mode, where a
//! long word also gives the words inside it, and into pairs of neighbouring characters, which still
//! match where a name is cut differently or a word is unknown. [`Analyzer`] does both; the two
//! tantivy tokenizers below are the same code behind tantivy's trait.
//!
//! Offsets are bytes of the normalised text, always on character borders, and a token's text is
//! the slice they name.

use super::concepts::{Concept, Concepts};
use crate::text::normalize::{Normalized, Normalizer};
use crate::text::segment::{Dictionary, Segment};
use std::sync::Arc;
use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

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

    /// The ideas named in a normalised text, in its order.
    pub(super) fn concepts(&self, normalized: &str) -> Vec<Concept<'_>> {
        self.concepts.find(normalized)
    }

    /// Names what terms depend on: [`Dictionary::hash`] and the hash of the list of concepts.
    #[must_use]
    pub fn dictionary_hash(&self) -> String {
        format!("{}-{}", self.dictionary.hash(), self.concepts.hash())
    }

    /// tantivy's view of [`Self::words`].
    #[must_use]
    pub fn word_tokenizer(&self) -> WordTokenizer {
        WordTokenizer { dictionary: Arc::clone(&self.dictionary) }
    }

    /// tantivy's view of the ideas in a text.
    pub(super) fn concept_tokenizer(&self) -> ConceptTokenizer {
        ConceptTokenizer { concepts: Arc::clone(&self.concepts) }
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

/// jieba in search mode as a tantivy tokenizer; input is normalised text.
#[derive(Clone)]
pub struct WordTokenizer {
    dictionary: Arc<Dictionary>,
}

/// [`Analyzer::pairs`] as a tantivy tokenizer; input is normalised text.
#[derive(Clone)]
pub struct PairTokenizer;

impl Tokenizer for WordTokenizer {
    type TokenStream<'a> = Segments<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Segments<'a> {
        let keep = |segment: &Segment<'_>| !is_blank(segment.text) && !is_stop_word(segment.text);
        Segments::new(self.dictionary.cut_for_search(text), keep)
    }
}

impl Tokenizer for PairTokenizer {
    type TokenStream<'a> = Segments<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Segments<'a> {
        Segments::new(pairs(text), |_| true)
    }
}

/// Ideas as a tantivy tokenizer; a token's text is the name of the idea, its offsets are those of
/// the phrase.
#[derive(Clone)]
pub(super) struct ConceptTokenizer {
    concepts: Arc<Concepts>,
}

impl Tokenizer for ConceptTokenizer {
    type TokenStream<'a> = Segments<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Segments<'a> {
        let segment = |concept: Concept<'a>| Segment { text: concept.name, bytes: concept.bytes };
        Segments::new(self.concepts.find(text).into_iter().map(segment).collect(), |_| true)
    }
}

/// Segments handed out as tokens. Positions count the places where segments start, dropped ones
/// included, so that 收货 and 收货地址 share a position and phrases keep their gaps.
pub struct Segments<'a> {
    segments: std::vec::IntoIter<(usize, usize, Segment<'a>)>,
    token: Token,
}

impl<'a> Segments<'a> {
    fn new(mut segments: Vec<Segment<'a>>, keep: impl Fn(&Segment<'_>) -> bool) -> Self {
        segments.sort_by_key(|segment| (segment.bytes.start, segment.bytes.end));
        let mut starts: Vec<usize> = segments.iter().map(|segment| segment.bytes.start).collect();
        starts.dedup();
        let place = |segment: Segment<'a>| {
            let first = starts.partition_point(|&start| start < segment.bytes.start);
            let last = starts.partition_point(|&start| start < segment.bytes.end);
            (first, (last - first).max(1), segment)
        };
        segments.retain(keep);
        let placed: Vec<_> = segments.into_iter().map(place).collect();
        Self { segments: placed.into_iter(), token: Token::default() }
    }
}

impl TokenStream for Segments<'_> {
    fn advance(&mut self) -> bool {
        let Some((position, position_length, segment)) = self.segments.next() else {
            return false;
        };
        self.token.position = position;
        self.token.position_length = position_length;
        self.token.offset_from = segment.bytes.start;
        self.token.offset_to = segment.bytes.end;
        self.token.text.clear();
        self.token.text.push_str(segment.text);
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
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
    fn words_inside_a_word_share_its_position() {
        let mut tokenizer = analyzer().word_tokenizer();
        let mut stream = tokenizer.token_stream("改的收货地址");
        let mut found = Vec::new();
        stream.process(&mut |t| found.push((t.text.clone(), t.position, t.position_length)));
        let expected = [("改", 0, 1), ("收货", 2, 1), ("收货地址", 2, 2), ("地址", 3, 1)];
        assert_eq!(found, expected.map(|(text, at, length)| (text.to_owned(), at, length)));
    }

    #[test]
    fn stop_words_keep_what_turns_a_question_around() {
        for word in ["怎么", "不", "没", "没有", "退", "换", "改"] {
            assert!(!is_stop_word(word), "{word}");
        }
    }

    fn check_tokens(mut tokenizer: impl Tokenizer, text: &str) -> Result<(), TestCaseError> {
        let mut stream = tokenizer.token_stream(text);
        let mut last = 0;
        while stream.advance() {
            let token = stream.token();
            prop_assert_eq!(text.get(token.offset_from..token.offset_to), Some(&*token.text));
            prop_assert!(!token.text.is_empty());
            prop_assert!(token.position >= last && token.position_length >= 1);
            last = token.position;
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn tokens_are_slices_on_character_borders(
            text in "\\PC{0,30}|[退换货地址怎么收R5t1 ,。改é́]{0,30}",
        ) {
            let normalized = analyzer().normalize(&text);
            check_tokens(analyzer().word_tokenizer(), normalized.text())?;
            check_tokens(PairTokenizer, normalized.text())?;
            check_tokens(analyzer().word_tokenizer(), &text)?;
        }
    }
}
