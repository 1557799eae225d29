//! Brings the many ways of typing Chinese to one form, with a map back to the text as sent.
//!
//! In order: HTML entities of copied text decoded, NFKC (full width, compatibility forms), case
//! folded, traditional characters simplified, invisible characters dropped, white space and
//! repeated characters cut short, faces of one feeling merged, pinyin in letters read. Models, index
//! and lexicons all read the result; only this module produces it, also for training
//! (`fenzhen text normalize`).

use super::CharRange;
use super::pinyin::Pinyin;
use ferrous_opencc::{OpenCC, config::BuiltinConfig};
use std::ops::Range;
use unicode_normalization::{UnicodeNormalization, char::canonical_combining_class};

/// How often a mark may follow itself: "！！" and "！！！！！" mean the same, "！" less.
const MAX_MARK_RUN: usize = 2;
/// How often another character may follow itself: keeps 哈哈哈 and cuts 啊啊啊啊啊啊.
const MAX_CHAR_RUN: usize = 3;
/// Chinese digits: like others they may follow themselves, as in 五五五五.
const NUMERALS: &str = "零〇一二三四五六七八九幺";
/// Ideographs that a simplified form may exist for: extension A and the unified block.
const IDEOGRAPHS: Range<u32> = 0x3400..0xA000;

/// The normaliser; holds the table of simplified forms. Cheap to share, immutable.
pub struct Normalizer {
    /// Simplified form of each code point of [`IDEOGRAPHS`], itself where there is none.
    simplified: Vec<char>,
    pinyin: Pinyin,
}

/// A normalised text that knows where each of its characters came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Normalized {
    text: String,
    /// For each character of `text` the characters of the original it stands for.
    origins: Vec<CharRange>,
}

impl Normalizer {
    /// Builds the table; takes some milliseconds.
    ///
    /// # Panics
    /// Never in practice: the conversion tables are compiled into the executable.
    #[must_use]
    pub fn new() -> Self {
        let opencc = OpenCC::from_config(BuiltinConfig::T2s)
            .expect("the traditional-to-simplified table is compiled in");
        // One conversion of all characters, kept apart by line breaks, is a thousand times faster
        // than one each, and the breaks keep the converter from matching words.
        let all: String = IDEOGRAPHS.filter_map(char::from_u32).flat_map(|c| [c, '\n']).collect();
        let simplified = opencc
            .convert(&all)
            .lines()
            .zip(IDEOGRAPHS.filter_map(char::from_u32))
            .map(|(line, original)| {
                let mut chars = line.chars();
                match (chars.next(), chars.next()) {
                    (Some(c), None) => c,
                    _ => original,
                }
            })
            .collect();
        Self { simplified, pinyin: Pinyin::new() }
    }

    /// Normalises one text. Cost: about 50 ns a character (`benches/text.rs`).
    #[must_use]
    pub fn normalize(&self, original: &str) -> Normalized {
        let mut writer = Writer::with_capacity(original.len());
        let chars: Vec<char> = original.chars().collect();
        let mut idx = 0;
        while idx < chars.len() {
            let start = idx;
            if let Some((replacement, len)) = html_entity(&chars[idx..]) {
                idx += len;
                writer.push(replacement, CharRange { start, end: idx });
                continue;
            }
            idx += 1;
            if chars[start].is_ascii() {
                writer.push(chars[start].to_ascii_lowercase(), CharRange { start, end: idx });
                continue;
            }
            while idx < chars.len() && canonical_combining_class(chars[idx]) != 0 {
                idx += 1;
            }
            let range = CharRange { start, end: idx };
            for composed in chars[start..idx].iter().copied().nfkc() {
                for lower in composed.to_lowercase() {
                    writer.push(merge_face(self.simplify(lower)), range);
                }
            }
        }
        self.read_pinyin(writer.finish())
    }

    /// Puts characters in the place of pinyin; each stands for all the letters of its reading.
    fn read_pinyin(&self, normalized: Normalized) -> Normalized {
        if !normalized.text.bytes().any(|byte| byte.is_ascii_lowercase()) {
            return normalized;
        }
        let chars: Vec<char> = normalized.text.chars().collect();
        let spelled = self.pinyin.find(&chars);
        if spelled.is_empty() {
            return normalized;
        }
        let mut result = Normalized { text: String::new(), origins: Vec::new() };
        let mut at = 0;
        for reading in spelled {
            result.text.extend(&chars[at..reading.range.start]);
            result.origins.extend(&normalized.origins[at..reading.range.start]);
            let letters = &normalized.origins[reading.range.clone()];
            let range = CharRange { start: letters[0].start, end: letters[letters.len() - 1].end };
            result.text.push_str(reading.characters);
            result.origins.extend(reading.characters.chars().map(|_| range));
            at = reading.range.end;
        }
        result.text.extend(&chars[at..]);
        result.origins.extend(&normalized.origins[at..]);
        result
    }

    fn simplify(&self, c: char) -> char {
        match (c as u32).checked_sub(IDEOGRAPHS.start) {
            Some(offset) => self.simplified.get(offset as usize).copied().unwrap_or(c),
            None => c,
        }
    }
}

impl Default for Normalizer {
    fn default() -> Self {
        Self::new()
    }
}

impl Normalized {
    /// The normalised text; never starts or ends with a space.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The characters of the original that `bytes` of the normalised text stand for.
    ///
    /// # Panics
    /// Where `bytes` is not a range of [`Self::text`] on character borders.
    #[must_use]
    pub fn original(&self, bytes: Range<usize>) -> CharRange {
        let first = self.text[..bytes.start].chars().count();
        let n_chars = self.text[bytes].chars().count();
        match self.origins.get(first..first + n_chars) {
            Some([only]) => *only,
            Some([head, .., tail]) => CharRange { start: head.start, end: tail.end },
            _ => {
                let start = self.origins.get(first).map_or(0, |range| range.start);
                CharRange { start, end: start }
            }
        }
    }
}

/// Collects output characters and applies the rules that look at the one before.
struct Writer {
    text: String,
    origins: Vec<CharRange>,
    last: Option<char>,
    run: usize,
}

impl Writer {
    fn with_capacity(n_bytes: usize) -> Self {
        Self {
            text: String::with_capacity(n_bytes),
            origins: Vec::with_capacity(n_bytes / 3),
            last: None,
            run: 0,
        }
    }

    fn push(&mut self, c: char, range: CharRange) {
        let c = if c.is_whitespace() { ' ' } else { c };
        if is_invisible(c) || (c == ' ' && matches!(self.last, None | Some(' '))) {
            return;
        }
        self.run = if self.last == Some(c) { self.run + 1 } else { 1 };
        let max_run = match c {
            _ if c.is_numeric() || NUMERALS.contains(c) => usize::MAX,
            _ if c.is_alphanumeric() => MAX_CHAR_RUN,
            _ => MAX_MARK_RUN,
        };
        self.last = Some(c);
        if self.run <= max_run {
            self.text.push(c);
            self.origins.push(range);
        } else if let Some(kept) = self.origins.last_mut() {
            kept.end = range.end;
        }
    }

    fn finish(mut self) -> Normalized {
        if self.text.ends_with(' ') {
            self.text.pop();
            self.origins.pop();
        }
        Normalized { text: self.text, origins: self.origins }
    }
}

/// Control characters, joiners, variation selectors and skin tones: they change how a text looks,
/// not what it says.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{2064}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{fffd}'
                | '\u{1f3fb}'..='\u{1f3ff}'
        )
}

/// Decodes the entities that copied web pages leave in messages; returns the length in characters.
fn html_entity(chars: &[char]) -> Option<(char, usize)> {
    const ENTITIES: [(&str, char); 5] =
        [("&nbsp;", ' '), ("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>'), ("&quot;", '"')];
    if chars.first() != Some(&'&') {
        return None;
    }
    ENTITIES.iter().find_map(|&(name, c)| {
        let len = name.len();
        (chars.len() >= len && name.chars().eq(chars[..len].iter().copied())).then_some((c, len))
    })
}

/// One face for each feeling, so that rare faces count as much as frequent ones.
fn merge_face(c: char) -> char {
    match c {
        '😠' | '😤' | '🤬' | '👿' | '💢' | '🖕' => '😡',
        '😢' | '🥺' | '😥' | '😿' | '😩' | '😫' | '😖' | '😣' => '😭',
        '😀'..='😆' | '😉'..='😋' | '😍' | '🙂' | '🤗' | '🥰' | '😘' | '🌹' | '💐' => {
            '😊'
        }
        '👎' => '👎',
        '👌' | '💯' | '💪' => '👍',
        '\u{2665}' | '💕' | '💖' | '💗' | '😻' | '🧡' | '💛' => '\u{2764}',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    static NORMALIZER: LazyLock<Normalizer> = LazyLock::new(Normalizer::new);

    fn check(original: &str, expected: &str) {
        assert_eq!(NORMALIZER.normalize(original).text(), expected, "of {original:?}");
    }

    #[test]
    fn brings_ways_of_typing_to_one_form() {
        check("我的快递三天没动了，到底还送不送！", "我的快递三天没动了,到底还送不送!");
        check("請問什麼時候發貨", "请问什么时候发货");
        check("ＡＢＣ１２３　快递", "abc123 快递");
        check("气死了！！！！！！", "气死了!!");
        check("啊啊啊啊啊啊", "啊啊啊");
        check("订单1000000000", "订单1000000000");
        check("\u{feff}你\u{200b}好\r\n\t 在吗  ", "你好 在吗");
        check("😤😠🤬🤬", "😡😡");
        check("❤\u{fe0f}👍🏽", "❤👍");
        check("&nbsp; 我发现", "我发现");
        check("①号店", "1号店");
        check("", "");
        check("   ", "");
    }

    #[test]
    fn maps_back_to_the_text_as_sent() {
        let original = "【請問】　１３８ 單號";
        let normalized = NORMALIZER.normalize(original);
        let start = normalized.text().find("138").unwrap();
        let range = normalized.original(start..start + 3);
        assert_eq!(&original[range.bytes_in(original)], "１３８");
        let whole = normalized.original(0..normalized.text().len());
        assert_eq!(whole, CharRange { start: 0, end: original.chars().count() });
    }

    proptest! {
        #[test]
        fn ranges_lie_inside_in_order(original in "\\PC{0,40}") {
            let once = NORMALIZER.normalize(&original);
            let n_chars = original.chars().count();
            prop_assert_eq!(once.origins.len(), once.text.chars().count());
            prop_assert!(once.origins.iter().all(|r| r.start < r.end && r.end <= n_chars));
            prop_assert!(once.origins.is_sorted_by_key(|r| r.start));
        }
    }
}
