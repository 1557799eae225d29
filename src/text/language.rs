//! Tells the language of a message: scripts first, then frequent words of Latin-script languages.
//!
//! Enough to send a cross-border customer to somebody who reads the language; tables, no model. A
//! Chinese sentence stays Chinese around foreign names: Latin words count only where they are
//! words of a language, not where they may be brands. Measured on
//! `tests/fixtures/languages.tsv` (277 short texts, 2026-11-21): 272 right, of the 58 written after
//! the tables 53. The crate whatlang 0.18, limited to these languages, has 212 and 39.

mod words;

use words::{LANGUAGES, Words};

/// What `detect` gives where there are no letters, or a language that is none of those told apart.
pub const UNDETERMINED: &str = "und";
/// Latin words read of a text: enough to tell its language, and a bound for the cost.
const MAX_WORDS: usize = 64;
/// Latin words that no table knows and that still count as English: names of brands and models.
const MAX_UNKNOWN_WORDS: usize = 3;

/// The language of a normalised text as an ISO 639-1 code: zh (pinyin included), en, ja, ko, ru,
/// th, vi, ar, es, fr or de; [`UNDETERMINED`] otherwise.
///
/// Cost: one pass, and some microseconds for each of the first `MAX_WORDS` Latin words.
#[must_use]
pub fn detect(text: &str) -> &'static str {
    let scripts = Scripts::count(text);
    if let Some(code) = scripts.other_than_han() {
        return code;
    }
    let latin = Latin::read(text);
    if scripts.han > 0 {
        // A Chinese word has two characters or so, a Latin one counts where it is no name.
        return if latin.best.1 * 2 > scripts.han { latin.best.0 } else { "zh" };
    }
    latin.code()
}

/// Whether a lower-case word is a frequent one of English.
pub(super) fn is_english(word: &str) -> bool {
    LANGUAGES.iter().any(|language| language.code == "en" && language.weight(word) > 0)
}

/// Letters of a text by script.
#[derive(Default)]
struct Scripts {
    han: usize,
    /// Kana; those that decorate Chinese text (の) or make faces, (ノ´∀`)ノ, only after another one.
    kana: usize,
    hangul: usize,
    cyrillic: usize,
    arabic: usize,
    thai: usize,
    /// Letters of other languages in one of these scripts: Ukrainian, Persian.
    foreign: usize,
}

impl Scripts {
    fn count(text: &str) -> Self {
        let mut counts = Self::default();
        let mut after_kana = false;
        for c in text.chars() {
            let is_kana = matches!(c, '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fc}');
            match c {
                'の' | 'っ' | 'つ' | 'づ' | '\u{30a1}'..='\u{30fc}' => {
                    counts.kana += usize::from(after_kana);
                }
                _ if is_kana => counts.kana += 1,
                // Forms that only Japanese has; the normaliser leaves them alone.
                '発' | '払' | '売' | '込' | '円' | '気' | '駅' | '対' | '応' | '図' | '戻'
                | '価' | '検' | '変' | '済' | '届' | '収' | '単' | '証' => {
                    counts.kana += 3;
                    counts.han += 1;
                }
                '\u{3400}'..='\u{9fff}' => counts.han += 1,
                '\u{ac00}'..='\u{d7af}' => counts.hangul += 1,
                'і' | 'ї' | 'є' | 'ґ' | 'پ' | 'چ' | 'ژ' | 'گ' => counts.foreign += 1,
                '\u{400}'..='\u{4ff}' => counts.cyrillic += 1,
                '\u{600}'..='\u{6ff}' => counts.arabic += 1,
                '\u{e00}'..='\u{e7f}' => counts.thai += 1,
                _ => {}
            }
            after_kana = is_kana;
        }
        counts
    }

    /// A script that carries more than names in a Chinese or Latin text.
    fn other_than_han(&self) -> Option<&'static str> {
        let scripts = [
            ("ja", self.kana),
            ("ko", self.hangul),
            ("ru", self.cyrillic),
            ("ar", self.arabic),
            ("th", self.thai),
        ];
        let (code, n) = scripts.into_iter().max_by_key(|&(_, n)| n)?;
        let carries = n > 1 && n * 3 > self.han;
        carries.then_some(if self.foreign > 0 { UNDETERMINED } else { code })
    }
}

/// What the Latin words of a text say.
struct Latin {
    /// The language that most of the words belong to, and how many; ties in order of the table.
    best: (&'static str, usize),
    n_words: usize,
    /// Syllables, where nearly all letters are pinyin.
    pinyin: usize,
    /// A letter that English has not.
    accented: bool,
}

impl Latin {
    fn read(text: &str) -> Self {
        let mut hits = [0; LANGUAGES.len()];
        let (mut n_words, mut n_letters, mut n_pinyin, mut pinyin) = (0, 0, 0, 0);
        let mut accented = false;
        let words = text.split(|c: char| !is_latin(c)).filter(|word| !word.is_empty());
        for word in words.take(MAX_WORDS) {
            n_words += 1;
            n_letters += word.len();
            accented |= !word.is_ascii();
            let mut known = false;
            for (hit, language) in hits.iter_mut().zip(&LANGUAGES) {
                let weight = language.weight(word);
                *hit += weight;
                known |= weight > 0 && language.code != "zh";
            }
            if let Some(n) = words::syllables(word) {
                n_pinyin += word.len();
                pinyin += if known { 0 } else { n };
            }
        }
        if n_pinyin * 5 < n_letters * 4 {
            pinyin = 0;
        }
        let best = LANGUAGES.iter().zip(hits).rev().max_by_key(|&(_, n)| n);
        let best = best.map_or((UNDETERMINED, 0), |(language, n)| (language.code, n));
        Self { best, n_words, pinyin, accented }
    }

    fn code(&self) -> &'static str {
        match self.best {
            _ if self.n_words == 0 => UNDETERMINED,
            // Two syllables with a common word of Chinese among them, or several without.
            ("zh", _) if self.pinyin >= 2 => "zh",
            (_, n) if self.pinyin >= 4 && self.pinyin > 2 * n => "zh",
            (code, n) if n > 0 && code != "zh" => code,
            _ if !self.accented && self.n_words <= MAX_UNKNOWN_WORDS => "en",
            _ => UNDETERMINED,
        }
    }
}

impl Words {
    /// 2 for a letter only this language has, 1 for one of its frequent words, else 0.
    fn weight(&self, word: &str) -> usize {
        if word.chars().any(|c| self.letters.contains(c)) {
            return 2;
        }
        usize::from(self.words.split_whitespace().any(|known| known == word))
    }
}

fn is_latin(c: char) -> bool {
    c.is_ascii_alphabetic() || matches!(c, '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::normalize::Normalizer;

    /// Texts of the table that may come out wrong.
    const MAX_WRONG: usize = 5;

    #[test]
    fn tells_the_languages_of_the_table() {
        let normalizer = Normalizer::new();
        let table = include_str!("../../tests/fixtures/languages.tsv");
        let rows = table.lines().filter(|line| !line.starts_with('#'));
        let rows = rows.map(|line| line.split_once('\t').expect("a language and a text"));
        let wrong: Vec<_> = rows
            .map(|(code, text)| (code, detect(normalizer.normalize(text).text()), text))
            .filter(|(expected, found, _)| expected != found)
            .collect();
        assert!(wrong.len() <= MAX_WRONG, "{wrong:#?}");
    }

    #[test]
    fn majority_of_meaning_decides_in_mixed_text() {
        let table = [
            ("我要退 nike air max 270 react", "zh"),
            ("please ship my order today 谢谢", "en"),
            ("谢谢(ノ´∀`)ノ", "zh"),
            ("好の", "zh"),
            ("де моє замовлення, воно їде?", UNDETERMINED),
            ("", UNDETERMINED),
            ("123 !?", UNDETERMINED),
        ];
        for (text, expected) in table {
            assert_eq!(detect(text), expected, "{text}");
        }
    }
}
