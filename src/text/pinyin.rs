//! Reads pinyin typed in letters as the characters it spells: "wo yao tuikuan", 怎么tuikuan.
//!
//! A table of spellings with their frequencies (`pinyin.tsv`, made of this project's own utterances
//! by `training.pinyin_words`) gives the likeliest reading. Where the reading picks a wrong
//! character it is one of the same sound, which the models are trained to read. Initials (yhq)
//! stay: too many words begin alike.

use super::language;
use std::collections::HashMap;
use std::ops::Range;

const TABLE: &str = include_str!("pinyin.tsv");
/// Letters of the longest stretch read; longer ones are no typing.
const MAX_LETTERS: usize = 200;
/// Readings of a stretch beside Chinese from which it is no foreign name that chance made spellable.
const SYLLABLES_BEYOND_CHANCE: usize = 3;
/// Words that are spelled like pinyin and are none: names of brands and models, words of the trade;
/// and wei, which with 信 announces an account.
const KEPT: [&str; 20] = [
    "app", "bose", "case", "game", "honda", "line", "lite", "mate", "mini", "name", "nike", "note",
    "pure", "sale", "side", "size", "tape", "tide", "time", "wei",
];

/// What stands after a name in an address that is spelled out: 圈a for @, 点com.
const SPELLED_OUT: [&str; 5] = ["圈", "艾特", "点c", "点n", "点o"];

/// The table; immutable.
pub(super) struct Pinyin {
    /// Characters and log-probability by spelling.
    readings: HashMap<&'static str, Reading>,
    longest: usize,
}

#[derive(Clone, Copy)]
struct Reading {
    characters: &'static str,
    n_chars: usize,
    score: f32,
}

/// A stretch of letters, in characters of the text, and what it spells.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Spelled {
    /// The letters and the spaces between them.
    pub(super) range: Range<usize>,
    pub(super) characters: &'static str,
}

impl Pinyin {
    /// # Panics
    /// Never in practice: the table is compiled in, and a test reads all of it.
    pub(super) fn new() -> Self {
        let rows: Vec<(&str, &str, f32)> = TABLE
            .lines()
            .filter_map(|line| {
                let mut fields = line.split('\t');
                Some((fields.next()?, fields.next()?, fields.next()?.parse().ok()?))
            })
            .collect();
        let is_single = |characters: &str| characters.chars().nth(1).is_none();
        let total: f32 = rows.iter().filter(|row| is_single(row.1)).map(|row| row.2).sum();
        let readings = rows.iter().map(|&(spelling, characters, count)| {
            let n_chars = characters.chars().count();
            (spelling, Reading { characters, n_chars, score: (count / total).ln() })
        });
        let longest = rows.iter().map(|row| row.0.len()).max().unwrap_or_default();
        Self { readings: readings.collect(), longest }
    }

    /// The pinyin of a normalised text, from left to right, whole words at a time.
    ///
    /// Without a Chinese character around, the whole text must be Chinese by its words.
    pub(super) fn find(&self, text: &[char]) -> Vec<Spelled> {
        let mut found = Vec::new();
        let mut words = words(text).into_iter().peekable();
        if words.peek().is_none() {
            return found;
        }
        let has_han = text.iter().copied().any(is_han);
        if !has_han && language::detect(&text.iter().collect::<String>()) != "zh" {
            return found;
        }
        while let Some(first) = words.next() {
            let mut stretch = vec![first];
            // Words with one space between them are read together: "tui kuan" is one word.
            while let Some(next) = words.next_if(|next| {
                stretch
                    .last()
                    .is_some_and(|last| last.end + 1 == next.start && text[last.end] == ' ')
            }) {
                stretch.push(next);
            }
            if stretch.iter().all(|word| is_kept(&text[word.clone()])) {
                continue;
            }
            let ends = |at: Option<&char>| at.copied().is_some_and(is_han);
            let touches_han = stretch[0].start.checked_sub(1).is_some_and(|at| ends(text.get(at)))
                || stretch.last().is_some_and(|last| ends(text.get(last.end)));
            // "4070 Ti多少钱": a syllable after a number is part of a name.
            let before = text[..stretch[0].start].iter().rev().find(|c| **c != ' ');
            let after_number = before.is_some_and(char::is_ascii_digit);
            let lone_too = !after_number && (!has_han || touches_han);
            self.read_stretch(text, &stretch, lone_too, &mut found);
        }
        found
    }

    /// Reads what it can of a stretch of words. A lone syllable counts only where `lone_too`.
    fn read_stretch(
        &self,
        text: &[char],
        stretch: &[Range<usize>],
        lone_too: bool,
        found: &mut Vec<Spelled>,
    ) {
        let mut letters = String::new();
        // Where a word ends, in letters; a reading of one character never crosses it.
        let mut borders = Vec::new();
        let mut places = Vec::new();
        for word in stretch {
            letters.extend(&text[word.clone()]);
            places.extend(word.clone());
            borders.push(letters.len());
        }
        if letters.len() > MAX_LETTERS {
            return;
        }
        let Some(readings) = self.likeliest(&letters, &borders) else {
            // One word that spells nothing hides the others: each is tried alone.
            if stretch.len() > 1 {
                for word in stretch {
                    self.read_stretch(text, std::slice::from_ref(word), lone_too, found);
                }
            }
            return;
        };
        let in_words: usize =
            readings.iter().filter(|(_, r)| r.n_chars > 1).map(|(range, _)| range.len()).sum();
        let is_lone = readings.len() == 1 && letters.len() > 1;
        let by_chance = readings.len() < SYLLABLES_BEYOND_CHANCE;
        if in_words * 2 >= letters.len() || (lone_too && (is_lone || !by_chance)) {
            let mut start = places[0];
            for (range, reading) in readings {
                // The space before a reading goes with it: Chinese has none.
                let end = places[range.end - 1] + 1;
                found.push(Spelled { range: start..end, characters: reading.characters });
                start = end;
            }
        }
    }

    /// The likeliest readings of `letters` that cover all of them.
    fn likeliest(&self, letters: &str, borders: &[usize]) -> Option<Vec<(Range<usize>, Reading)>> {
        let mut best: Vec<Option<(f32, Range<usize>, Reading)>> = vec![None; letters.len() + 1];
        for end in 1..=letters.len() {
            for start in end.saturating_sub(self.longest)..end {
                let before = match (&best[start], start) {
                    (_, 0) => 0.0,
                    (Some((score, ..)), _) => *score,
                    (None, _) => continue,
                };
                let Some(&reading) = self.readings.get(&letters[start..end]) else { continue };
                if reading.n_chars == 1 && borders.iter().any(|b| (start + 1..end).contains(b)) {
                    continue;
                }
                let score = before + reading.score;
                if best[end].as_ref().is_none_or(|(known, ..)| score > *known) {
                    best[end] = Some((score, start..end, reading));
                }
            }
        }
        let mut readings = Vec::new();
        let mut end = letters.len();
        while end > 0 {
            let (_, range, reading) = best[end].take()?;
            end = range.start;
            readings.push((range, reading));
        }
        readings.reverse();
        Some(readings)
    }
}

/// Whether a word by itself is no pinyin; among syllables of pinyin it is one of them (shen me).
fn is_kept(word: &[char]) -> bool {
    let word: String = word.iter().collect();
    KEPT.contains(&word.as_str()) || language::is_english(&word)
}

/// Runs of letters that may be pinyin: no part of a number, a name with digits, an address of the net.
fn words(text: &[char]) -> Vec<Range<usize>> {
    let is_letter = |at: usize| text.get(at).is_some_and(char::is_ascii_lowercase);
    let joins = |c: char| c.is_ascii_digit() || "@/_-:#%&=+".contains(c);
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        if !is_letter(at) {
            at += 1;
            continue;
        }
        let start = at;
        while is_letter(at) {
            at += 1;
        }
        let before = start.checked_sub(1).map(|at| text[at]);
        let is_dotted = |dot: usize, next: Option<&char>| {
            text.get(dot) == Some(&'.') && next.is_some_and(char::is_ascii_alphanumeric)
        };
        let is_part = before.is_some_and(joins)
            || text.get(at).copied().is_some_and(joins)
            || is_dotted(at, text.get(at + 1))
            || start >= 2 && is_dotted(start - 1, text.get(start - 2));
        let follows = |sign: &str| {
            sign.chars().enumerate().all(|(offset, c)| text.get(at + offset) == Some(&c))
        };
        if !is_part && !SPELLED_OUT.iter().any(|sign| follows(sign)) {
            found.push(start..at);
        }
    }
    found
}

fn is_han(c: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::normalize::Normalizer;
    use std::sync::LazyLock;

    static NORMALIZER: LazyLock<Normalizer> = LazyLock::new(Normalizer::new);

    fn read(text: &str) -> String {
        NORMALIZER.normalize(text).text().to_owned()
    }

    #[test]
    fn reads_pinyin() {
        let table = [
            ("wo yao tuikuan", "我要退款"),
            ("wodekuaididaonalile", "我的快递到哪里了"),
            ("shen me shi hou fa huo", "什么时候发货"),
            ("怎么tuikuan", "怎么退款"),
            ("我要tui huo", "我要退货"),
            ("运费xianchuxianduo少", "运费现出现多少"),
            ("youhuiquan zenme yong", "优惠券怎么用"),
        ];
        for (typed, expected) in table {
            assert_eq!(read(typed), expected, "{typed}");
        }
    }

    #[test]
    fn leaves_everything_else() {
        let table = [
            "where is my order",
            "can i change the size",
            "iphone 15 pro max",
            "我的app打不开",
            "ok 谢谢",
            "发到wangxiaoming@qq.com",
            "www.taobao.com打不开",
            "型号hua-wei2",
            "mate 60 有货吗",
            "yhq怎么用",
            "邮箱kefu艾特shop点cn",
            "wei信ttt_9876",
            "rtx 4070 ti多少钱",
            "",
        ];
        for text in table {
            assert_eq!(read(text), text);
        }
    }

    #[test]
    fn the_table_is_whole() {
        for line in TABLE.lines() {
            let fields: Vec<&str> = line.split('\t').collect();
            let [spelling, characters, count] = fields[..] else { panic!("{line}") };
            assert!(spelling.bytes().all(|b| b.is_ascii_lowercase()), "{line}");
            assert!(characters.chars().all(is_han), "{line}");
            assert!(count.parse::<u32>().is_ok_and(|count| count > 0), "{line}");
        }
    }
}
