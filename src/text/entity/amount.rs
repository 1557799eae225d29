//! Amounts of money in yuan, in figures and in words, with ranges.

use super::{EntityKind, Found, numeral, regex};
use regex::{Captures, Regex};

pub(super) struct AmountFinder {
    marked: Regex,
    with_unit: Regex,
    thousands: Regex,
    bare: Regex,
}

impl AmountFinder {
    pub(super) fn new() -> Self {
        let figure = r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]{1,2})?|[0-9]{1,8}(?:\.[0-9]{1,2})?";
        let number = format!(
            "(?:[0-9]{{1,4}}万[0-9]{{1,4}}|{figure}|[零一二三四五六七八九十]+点[零一二三四五六七八九]{{1,2}}|[零一二两三四五六七八九十百千万]+)(?:[万千百k](?-u:\\b)?)?"
        );
        Self {
            marked: regex(&format!(r"(?:[¥$]|rmb|人民币)\s?(?P<low>{figure})(?P<scale>万)?")),
            with_unit: regex(&format!(
                r"(?:(?P<low>{number})(?:元|块)?(?:到|至|-|~))?(?P<high>{number})(?P<more>多|来|几)?\s?(?P<unit>元|块钱|块(?P<rest>[0-9]{{1,2}}|[一二两三四五六七八九])?|圆|rmb|人民币|毛钱|毛|角)"
            )),
            // 2k is also a resolution: only where money is spoken of.
            thousands: regex(
                r"(?:预算|价格?|花了?|不超过|以内)\s?(?P<low>[0-9]{1,3}(?:\.[0-9])?)(?P<scale>k)",
            ),
            // 两千八 without a unit, where no other unit follows.
            bare: regex(
                r"(?P<low>[一两二三四五六七八九]千[一二三四五六七八九](?:百[一二三四五六七八九]?)?)(?:$|[,，。!?、买卖的多左就吗呢到降])",
            ),
        }
    }

    pub(super) fn find(&self, text: &str, found: &mut Vec<Found>) {
        for captures in self.marked.captures_iter(text) {
            let scale = captures.name("scale").map_or("", |m| m.as_str());
            let value =
                captures.name("low").and_then(|m| figure(&format!("{}{scale}", m.as_str())));
            push(&captures, 0, value, found);
        }
        found.extend(self.with_unit.captures_iter(text).filter_map(|c| with_unit(text, &c)));
        for captures in self.thousands.captures_iter(text) {
            let (Some(low), Some(k)) = (captures.name("low"), captures.name("scale")) else {
                continue;
            };
            let bytes = low.start()..k.end();
            if let Some(value) = figure(&format!("{}k", low.as_str())) {
                found.push(Found { kind: EntityKind::Amount, bytes, value });
            }
        }
        for captures in self.bare.captures_iter(text) {
            let value = captures.name("low").and_then(|m| figure(m.as_str()));
            push(&captures, 1, value, found);
        }
    }
}

fn push(captures: &Captures<'_>, group: usize, value: Option<String>, found: &mut Vec<Found>) {
    if let (Some(value), Some(m)) = (value, captures.get(group)) {
        found.push(Found { kind: EntityKind::Amount, bytes: m.range(), value });
    }
}

fn with_unit(text: &str, captures: &Captures<'_>) -> Option<Found> {
    let part = |name| captures.name(name).map_or("", |m| m.as_str());
    let (low, high, unit, mut rest) = (part("low"), part("high"), part("unit"), part("rest"));
    let mut bytes = captures.get(0)?.range();
    // 块 also counts things: 一块去, 两块屏.
    let is_small_word = high.chars().count() == 1 && high != "十" && !high.starts_with(is_digit);
    let after = text[bytes.end..].chars().next();
    let ends_there = after.is_none_or(|c| !c.is_alphanumeric() || "的了包运吧吗还".contains(c));
    if unit == "块" && (high == "一" || is_small_word && !ends_there) {
        return None;
    }
    // 7块3个: three things at seven yuan.
    if after.is_some_and(|c| "个件包箱袋斤瓶条双只盒次张".contains(c)) {
        bytes.end -= rest.len();
        rest = "";
    }
    // Parts of something longer or vaguer: "4.2.1块", "no12元", 几十块.
    let before = text[..bytes.start].chars().next_back();
    if before.is_some_and(|c| c.is_ascii_alphabetic() || ".几数点".contains(c)) {
        return None;
    }
    let mut value = figure(high)?;
    if unit.starts_with(['毛', '角']) {
        value = trimmed(value.parse::<f64>().ok()? / 10.0);
    }
    if !rest.is_empty() {
        if value.contains('.') {
            return None;
        }
        let digit = |c| char::from_digit(numeral::digit(c)?, 10);
        value.push('.');
        value.extend(rest.chars().filter_map(digit));
    }
    if !low.is_empty() {
        value = format!("{}-{value}", figure(low)?);
    }
    Some(Found { kind: EntityKind::Amount, bytes, value })
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

/// A figure in plain digits: as typed where it is in digits, 12000 for 1.2万, 2800 for 两千八.
fn figure(text: &str) -> Option<String> {
    let plain = text.replace(',', "");
    // 1万2 is 12000, as 一万二 is.
    if let Some((ten_thousands, rest)) = plain.split_once('万').filter(|(_, rest)| !rest.is_empty())
        && let (Ok(ten_thousands), Ok(thousands)) =
            (ten_thousands.parse::<u32>(), rest.parse::<u32>())
    {
        let rest = if thousands < 10 { thousands * 1000 } else { thousands };
        return Some((ten_thousands * 10_000 + rest).to_string());
    }
    if let Some((whole, tenths)) = plain.split_once('点') {
        let tenths = tenths.chars().filter_map(|c| char::from_digit(numeral::digit(c)?, 10));
        return Some(format!("{}.{}", numeral::integer(whole)?.0, tenths.collect::<String>()));
    }
    let scale = match plain.chars().next_back()? {
        'k' | '千' => 1000.0,
        '万' => 10_000.0,
        '百' => 100.0,
        _ => 1.0,
    };
    if plain.starts_with(is_digit) {
        if scale == 1.0 {
            return Some(plain);
        }
        let number: f64 =
            plain[..plain.len() - plain.chars().next_back()?.len_utf8()].parse().ok()?;
        return Some(trimmed(number * scale));
    }
    let (value, len) = numeral::integer(&plain)?;
    (len == plain.len()).then(|| value.to_string())
}

/// Without zeros at the end: 0.5, 35.8, 12000.
fn trimmed(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
