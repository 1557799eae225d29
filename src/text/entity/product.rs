//! Goods by the names customers use, from a file of the shop, and model codes of any maker.

use super::{EntityKind, Found, regex};
use aho_corasick::{AhoCorasick, MatchKind};
use regex::Regex;
use std::ops::Range;

/// Before a name of one character, which otherwise is part of another word (起床, 面包).
const BEFORE_SHORT: &str = "的这那个双只口张本把瓶件条床买退换款了";
/// Codes that only look like models: errors, standards, sizes, interfaces.
const NO_MODEL: [&str; 28] = [
    "ip", "wifi", "usb", "ddr", "pm", "type", "no", "e0", "v1.", "v2.", "v3.", "gb", "iso", "ipx",
    "pcie", "hdmi", "type-c", "http", "q1", "h26", "mp3", "mp4", "co2", "qq", "vx", "wx", "max",
    "pro",
];
/// What a number counts that is no model.
const COUNTED: [char; 14] =
    ['个', '斤', '箱', '块', '元', '件', '折', '天', '号', '月', '年', '点', '袋', '次'];
/// Words before a code that is no model.
const NO_MODEL_AFTER: [&str; 17] = [
    "报错",
    "错误",
    "代码",
    "故障",
    "单号",
    "编号",
    "订单",
    "验证码",
    "兑换",
    "优惠码",
    "邀请码",
    "护照",
    "通行证",
    "取件码",
    "卡密",
    "版本",
    "货号",
];

/// The names of the shop's goods.
pub struct Products {
    automaton: AhoCorasick,
    /// Canonical name of each pattern; `None` for phrases that hide names inside them.
    names: Vec<Option<String>>,
}

/// A line of a product file that cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("product line {line}: {reason}")]
pub struct ProductError {
    /// Line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl Products {
    /// No goods: for masking alone.
    #[must_use]
    pub fn none() -> Self {
        Self { automaton: AhoCorasick::new([""; 0]).expect("nothing fits"), names: Vec::new() }
    }

    /// Reads a product file: one product a line, the name an agent knows it by, then what
    /// customers write, separated by `|`. A line beginning with `-` lists phrases that are no
    /// product although one stands inside; `#` starts a comment.
    ///
    /// # Errors
    /// [`ProductError`] names the first line with an empty name or one that stands there already.
    pub fn parse(file: &str) -> Result<Self, ProductError> {
        let mut patterns: Vec<String> = Vec::new();
        let mut names: Vec<Option<String>> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for (line_idx, line) in file.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            let error = |reason| ProductError { line: line_idx + 1, reason };
            let (hides, line) = line.strip_prefix('-').map_or((false, line), |rest| (true, rest));
            let aliases: Vec<&str> = line.split('|').map(str::trim).collect();
            if aliases.iter().any(|alias| alias.is_empty()) {
                return Err(error("an empty name"));
            }
            for alias in &aliases {
                let variants = variants(alias);
                if !seen.insert(variants[0].clone()) {
                    return Err(error("a name that stands in the file already"));
                }
                for variant in variants {
                    patterns.push(variant);
                    names.push((!hides).then(|| aliases[0].to_owned()));
                }
            }
        }
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(patterns)
            .map_err(|_| ProductError { line: 0, reason: "too many names for an automaton" })?;
        Ok(Self { automaton, names })
    }

    pub(super) fn find(&self, text: &str, found: &mut Vec<Found>) {
        for m in self.automaton.find_iter(text) {
            let Some(name) = &self.names[m.pattern().as_usize()] else { continue };
            if stands_alone(text, m.range()) {
                found.push(Found {
                    kind: EntityKind::Product,
                    bytes: m.range(),
                    value: name.clone(),
                });
            }
        }
    }
}

/// A name as normalised text may hold it: without spaces, and with one between scripts.
fn variants(alias: &str) -> Vec<String> {
    let lower = alias.to_lowercase();
    let tight: String = lower.split_whitespace().collect();
    let mut spaced = String::new();
    let mut last: Option<char> = None;
    for c in tight.chars() {
        if last.is_some_and(|last: char| last.is_ascii() != c.is_ascii()) {
            spaced.push(' ');
        }
        spaced.push(c);
        last = Some(c);
    }
    let mut variants = vec![tight];
    for variant in [spaced, lower] {
        if !variants.contains(&variant) {
            variants.push(variant);
        }
    }
    variants
}

/// Letters and digits must not go on; a name of one character needs a word before it that leads
/// to a noun, or the beginning of a clause.
fn stands_alone(text: &str, bytes: Range<usize>) -> bool {
    let before = text[..bytes.start].chars().next_back();
    let after = text[bytes.end..].chars().next();
    let name = &text[bytes];
    let goes_on = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let starts_ascii = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    let ends_ascii = name.ends_with(|c: char| c.is_ascii_alphanumeric());
    if starts_ascii && goes_on(before) || ends_ascii && goes_on(after) {
        return false;
    }
    let is_short = name.chars().nth(1).is_none();
    !is_short || before.is_none_or(|c| !c.is_alphanumeric() || BEFORE_SHORT.contains(c))
}

/// Model codes: a maker's series with a number, or letters and digits as makers write them.
pub(super) struct ModelFinder {
    series: Regex,
    code: Regex,
}

impl ModelFinder {
    pub(super) fn new() -> Self {
        let suffix = "(?:\\s?(?:pro\\+?|max|plus|ultra|mini|se|air|ti|super|lite|note|fe|turbo))*";
        let number = "[a-z]?[0-9]{1,4}[a-z]{0,2}";
        Self {
            series: regex(&format!(
                "(?:(?:华为|荣耀|小米|红米|苹果|真我|一加|魅族|三星|联想|戴森|索尼|佳能|尼康|大疆|vivo|oppo|huawei|xiaomi)\
                 \\s?(?:[a-z]{{1,8}}\\s?)?{number}|\
                 (?:iphone|ipad|macbook|airpods|mate|nova|pura|magic|rtx|gtx|rx|find|reno|realme|redmi|galaxy|thinkpad|surface|kindle)\
                 (?:\\s?(?:pro|max|air|mini|note|se|plus|ultra))*\\s?{number}|\
                 airpods\\spro|ps[345]){suffix}"
            )),
            code: regex(&format!(
                r"[a-z]{{1,4}}[0-9]?-?[0-9]{{1,5}}[a-z]{{0,3}}[0-9]{{0,2}}(?:-(?:[0-9]{{1,5}}[a-z]{{0,3}}|pro|max|plus|ultra|mini|se|air|lite))?{suffix}"
            )),
        }
    }

    pub(super) fn find(&self, text: &str, found: &mut Vec<Found>) {
        if !text.bytes().any(|byte| byte.is_ascii_digit()) {
            return;
        }
        for m in self.series.find_iter(text) {
            // 苹果5斤 and 小米10元 are no phones.
            let is_counted = text[m.end()..].starts_with(COUNTED);
            if !is_counted && is_whole(text, m.range()) {
                found.push(model(text, m.range()));
            }
        }
        for m in self.code.find_iter(text) {
            let code = m.as_str();
            let n_digits = code.bytes().filter(u8::is_ascii_digit).count();
            let before = &text[..m.start()];
            let is_other = NO_MODEL.iter().any(|word| code.starts_with(word))
                || NO_MODEL_AFTER.iter().any(|word| tail(before, 5).contains(word))
                || n_digits > 6;
            // One digit is a size, a sheet of paper or a generation: A4, M码, 5G.
            if n_digits >= 2 && !is_other && is_whole(text, m.range()) {
                found.push(model(text, m.range()));
            }
        }
    }
}

fn model(text: &str, bytes: Range<usize>) -> Found {
    let value: String = text[bytes.clone()]
        .chars()
        .filter(|c| c.is_alphanumeric())
        .collect::<String>()
        .to_uppercase();
    Found { kind: EntityKind::Model, bytes, value }
}

/// Whether neither letters, digits nor marks of a longer code go on around it.
fn is_whole(text: &str, bytes: Range<usize>) -> bool {
    let before = text[..bytes.start].chars().next_back();
    let mut after = text[bytes.end..].chars();
    let goes_on = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '@' | '/');
    let next = after.next();
    let is_decimal =
        matches!(next, Some('.' | '-')) && after.next().is_some_and(|c| c.is_ascii_alphanumeric());
    !before.is_some_and(|c| goes_on(c) || c == '.' || c == '-')
        && !next.is_some_and(goes_on)
        && !is_decimal
}

fn tail(text: &str, n_chars: usize) -> &str {
    let start = text.char_indices().rev().nth(n_chars - 1).map_or(0, |(i, _)| i);
    &text[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_line_that_cannot_be_read() {
        let fault = |file| Products::parse(file).err().map(|error| error.to_string());
        assert_eq!(fault("手机|\n").as_deref(), Some("product line 1: an empty name"));
        let twice = "手机|电话机\n\n电话机\n";
        let expected = "product line 3: a name that stands in the file already";
        assert_eq!(fault(twice).as_deref(), Some(expected));
        assert_eq!(fault("# 空\n手机|智能手机 # 通称\n-手机号\n"), None);
    }
}
