//! Keywords of open comments: what is praised or blamed, such as 响应慢 or 态度好.
//!
//! Aspects, opinions, negations and degrees are lists in `keyword.toml`. An opinion takes the
//! aspect that stands before it with nothing but negations and degrees between (态度真的很好), or
//! after it with 的 (很好的服务). A comment without an opinion gives its first content words.

use super::normalize::Normalized;
use super::segment::Dictionary;
use super::{CharRange, entity::Entity};
use aho_corasick::{AhoCorasick, MatchKind};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::ops::Range;
use utoipa::ToSchema;

/// Content words of a comment without an opinion.
const MAX_WORDS: usize = 3;

/// A word that begins with one of these is a quantity: 三天.
const NUMERALS: [char; 13] =
    ['一', '二', '两', '三', '四', '五', '六', '七', '八', '九', '十', '几', '半'];

/// Whether a keyword praises or blames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Polarity {
    /// 态度好.
    Positive,
    /// 响应慢.
    Negative,
    /// A word of the matter, without an opinion.
    Neutral,
}

impl Polarity {
    /// The name used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Positive => "positive",
            Self::Negative => "negative",
            Self::Neutral => "neutral",
        }
    }

    fn flipped(self) -> Self {
        match self {
            Self::Positive => Self::Negative,
            Self::Negative => Self::Positive,
            Self::Neutral => Self::Neutral,
        }
    }
}

/// A phrase that carries a comment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Keyword {
    /// Aspect, negation and opinion without the words between, to be counted by.
    #[schema(example = "态度好")]
    pub phrase: String,
    /// Whether it praises or blames.
    pub polarity: Polarity,
    /// As typed.
    #[schema(example = "态度真的很好")]
    pub text: String,
    /// First character in the text as sent, counted from 0.
    pub start: usize,
    /// One past the last character.
    pub end: usize,
}

/// Finds keywords; compiles its lists once. Share it through an `Arc`.
pub struct KeywordFinder {
    automaton: AhoCorasick,
    /// What each pattern is.
    roles: Vec<Role>,
    /// Opinions that need an aspect.
    paired: HashSet<String>,
    /// Opinions that count only at the end of a clause.
    at_end: HashSet<String>,
    softened: HashSet<String>,
    stop: HashSet<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Aspect(Aspect),
    Opinion(Opinion),
    Negator,
    Degree,
    /// A filling word between.
    Link,
    /// Holds another word and says nothing.
    Hidden,
}

/// What more of an aspect means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aspect {
    Good,
    Bad,
    Plain,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opinion {
    Is(Polarity),
    More,
    Less,
}

/// A listed word in the text.
struct Token {
    role: Role,
    bytes: Range<usize>,
}

impl KeywordFinder {
    /// Compiles the lists.
    ///
    /// # Panics
    /// Never in practice: the lists are compiled in and parsed by the tests too.
    #[must_use]
    pub fn new() -> Self {
        let file: KeywordFile = toml::from_str(include_str!("keyword.toml"))
            .expect("the compiled-in lists have the form of KeywordFile");
        let KeywordFile { aspects, opinions, grammar } = &file;
        // Of the same word in two lists the first counts.
        let lists = [
            (&grammar.hidden, Role::Hidden),
            (&grammar.negators, Role::Negator),
            (&opinions.positive, Role::Opinion(Opinion::Is(Polarity::Positive))),
            (&opinions.negative, Role::Opinion(Opinion::Is(Polarity::Negative))),
            (&opinions.more, Role::Opinion(Opinion::More)),
            (&opinions.less, Role::Opinion(Opinion::Less)),
            (&grammar.degrees, Role::Degree),
            (&grammar.links, Role::Link),
            (&aspects.good, Role::Aspect(Aspect::Good)),
            (&aspects.bad, Role::Aspect(Aspect::Bad)),
            (&aspects.plain, Role::Aspect(Aspect::Plain)),
        ];
        let words = lists
            .into_iter()
            .flat_map(|(list, role)| list.split_whitespace().map(move |word| (word, role)));
        let (words, roles): (Vec<&str>, Vec<Role>) = words.unzip();
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(words)
            .expect("some hundred short words fit an automaton");
        let set = |list: &str| list.split_whitespace().map(str::to_owned).collect();
        Self {
            automaton,
            roles,
            paired: set(&grammar.paired),
            at_end: set(&grammar.at_end),
            softened: set(&grammar.softened),
            stop: set(&grammar.stop),
        }
    }

    /// The keywords of a text in the order they stand; none lies on personal data among `entities`.
    ///
    /// `original` is the text that `normalized` was made of.
    #[must_use]
    pub fn find(
        &self,
        original: &str,
        normalized: &Normalized,
        entities: &[Entity],
        dictionary: &Dictionary,
    ) -> Vec<Keyword> {
        let text = normalized.text();
        let mut found = self.opinions(text);
        if found.is_empty() {
            found = self.content_words(text, dictionary);
        }
        let keywords = found.into_iter().map(|(bytes, phrase, polarity)| {
            let CharRange { start, end } = normalized.original(bytes);
            let bytes = CharRange { start, end }.bytes_in(original);
            Keyword { phrase, polarity, text: original[bytes].to_owned(), start, end }
        });
        let is_personal = |keyword: &Keyword| {
            let range = CharRange { start: keyword.start, end: keyword.end };
            entities.iter().any(|e| e.kind.is_personal() && e.range().overlaps(&range))
        };
        keywords.filter(|keyword| !is_personal(keyword)).collect()
    }

    fn opinions(&self, text: &str) -> Vec<(Range<usize>, String, Polarity)> {
        let tokens: Vec<Token> = self
            .automaton
            .find_iter(text)
            .map(|m| Token { role: self.roles[m.pattern().as_usize()], bytes: m.range() })
            .collect();
        let mut found: Vec<(Range<usize>, String, Polarity)> = Vec::new();
        for (i, token) in tokens.iter().enumerate() {
            let Role::Opinion(opinion) = token.role else { continue };
            let hit = self.opinion(text, &tokens, i, opinion);
            found.extend(hit.filter(|(bytes, ..)| {
                found.last().is_none_or(|(last, ..)| last.end <= bytes.start)
            }));
        }
        found
    }

    /// The keyword that the opinion at token `i` ends, or begins where the aspect follows.
    fn opinion(
        &self,
        text: &str,
        tokens: &[Token],
        i: usize,
        opinion: Opinion,
    ) -> Option<(Range<usize>, String, Polarity)> {
        let word = &text[tokens[i].bytes.clone()];
        let after = &text[tokens[i].bytes.end..];
        let is_end = |c: char| !c.is_alphanumeric();
        let clause = &after[..after.find(is_end).unwrap_or(after.len())];
        // A question says nothing: 质量好吗, 可以退不.
        if clause.ends_with(['吗', '么', '嘛', '不']) || after.starts_with('不') {
            return None;
        }
        let rest = clause.trim_end_matches(['了', '的', '啊', '呀', '吧', '哦', '哈']);
        if self.at_end.contains(word) && !rest.is_empty() && !rest.starts_with("的") {
            return None;
        }
        let (mut start, mut negations, mut has_degree) = (tokens[i].bytes.start, Vec::new(), false);
        let mut aspect = None;
        for token in tokens[..i].iter().rev().take_while(|token| {
            let touches = token.bytes.end == start;
            start = if touches { token.bytes.start } else { start };
            touches
        }) {
            match token.role {
                Role::Negator => negations.push(token.bytes.clone()),
                Role::Degree => has_degree = true,
                Role::Link => {}
                // 好 is a degree too: 好慢.
                Role::Opinion(_) if &text[token.bytes.clone()] == "好" => has_degree = true,
                Role::Aspect(kind) => {
                    aspect = Some((kind, token.bytes.clone()));
                    break;
                }
                _ => break,
            }
        }
        let negation = negations.last().map_or("", |bytes| {
            let word = &text[bytes.clone()];
            if self.softened.contains(word) { "不" } else { word }
        });
        let polarity = |kind: Aspect| {
            let polarity = said_of(opinion, kind)?;
            Some(if negations.len() % 2 == 1 { polarity.flipped() } else { polarity })
        };
        if let Some((kind, aspect)) = aspect {
            let phrase = format!("{}{negation}{word}", &text[aspect.clone()]);
            return Some((aspect.start..tokens[i].bytes.end, phrase, polarity(kind)?));
        }
        let start = negations.last().map_or(tokens[i].bytes.start, |bytes| bytes.start);
        if let Some(rest) = after.strip_prefix('的')
            && let Some(Token { role: Role::Aspect(kind), bytes }) = tokens.get(i + 1)
            && bytes.start == text.len() - rest.len()
        {
            let phrase = format!("{}{negation}{word}", &text[bytes.clone()]);
            return Some((start..bytes.end, phrase, polarity(*kind)?));
        }
        // Alone one character says too little: 好, 快, 行.
        let is_enough =
            !self.paired.contains(word) && (word.chars().nth(1).is_some() || has_degree);
        let phrase = format!("{negation}{word}");
        is_enough.then_some(())?;
        Some((start..tokens[i].bytes.end, phrase, polarity(Aspect::Plain)?))
    }

    fn content_words(
        &self,
        text: &str,
        dictionary: &Dictionary,
    ) -> Vec<(Range<usize>, String, Polarity)> {
        let is_content = |word: &str| {
            word.chars().count() > 1
                && !word.starts_with(NUMERALS)
                && word.chars().all(|c| c.is_alphabetic())
                && !self.stop.contains(word)
        };
        let words = dictionary.cut(text).into_iter().filter(|segment| is_content(segment.text));
        words
            .take(MAX_WORDS)
            .map(|segment| (segment.bytes, segment.text.to_owned(), Polarity::Neutral))
            .collect()
    }
}

impl Default for KeywordFinder {
    fn default() -> Self {
        Self::new()
    }
}

/// What an opinion says of an aspect; `None` where size alone says nothing.
fn said_of(opinion: Opinion, aspect: Aspect) -> Option<Polarity> {
    match (opinion, aspect) {
        (Opinion::Is(polarity), _) => Some(polarity),
        (Opinion::More, Aspect::Good) | (Opinion::Less, Aspect::Bad) => Some(Polarity::Positive),
        (Opinion::More, Aspect::Bad) | (Opinion::Less, Aspect::Good) => Some(Polarity::Negative),
        (_, Aspect::Plain) => None,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeywordFile {
    aspects: AspectFile,
    opinions: OpinionFile,
    grammar: GrammarFile,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AspectFile {
    good: String,
    bad: String,
    plain: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OpinionFile {
    positive: String,
    negative: String,
    more: String,
    less: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GrammarFile {
    negators: String,
    paired: String,
    #[serde(rename = "final")]
    at_end: String,
    softened: String,
    degrees: String,
    links: String,
    hidden: String,
    stop: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::normalize::Normalizer;
    use std::sync::LazyLock;

    static TOOLS: LazyLock<(KeywordFinder, Normalizer, Dictionary)> = LazyLock::new(|| {
        let words = include_str!("../../config/dictionary.txt");
        (KeywordFinder::new(), Normalizer::new(), Dictionary::new(words).unwrap())
    });

    fn check(text: &str, expected: &[(&str, Polarity)]) {
        let (finder, normalizer, dictionary) = &*TOOLS;
        let found = finder.find(text, &normalizer.normalize(text), &[], dictionary);
        let pairs: Vec<_> = found.iter().map(|k| (k.phrase.as_str(), k.polarity)).collect();
        assert_eq!(pairs, expected, "in {text}");
    }

    #[test]
    fn pairs_aspects_with_opinions() {
        use Polarity::*;
        check("响应慢", &[("响应慢", Negative)]);
        check("态度真的很好", &[("态度好", Positive)]);
        check("態度不太好！", &[("态度不好", Negative)]);
        check("噪音大，吸力强", &[("噪音大", Negative), ("吸力强", Positive)]);
        check("很差的体验", &[("体验差", Negative)]);
        check("太慢了", &[("慢", Negative)]);
        check("质量好吗", &[("质量", Neutral)]);
        check("发票什么时候开", &[("发票", Neutral)]);
    }

    #[test]
    fn positions_are_those_of_the_text_as_sent() {
        let (finder, normalizer, dictionary) = &*TOOLS;
        let text = "😀客服態度很好";
        let found = finder.find(text, &normalizer.normalize(text), &[], dictionary);
        assert_eq!((found[0].start, found[0].end, found[0].text.as_str()), (3, 7, "態度很好"));
    }
}
