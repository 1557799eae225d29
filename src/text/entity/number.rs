//! Long numbers: phones, identity and bank cards, orders and parcels, told apart by checksum,
//! length and the words before them.
//!
//! Digits come plain, as Chinese numerals (幺三八…), in circles or as the letters that look like
//! them, and in groups with separators between; the value is the plain digits.

use super::checksum::{is_id_card, is_luhn, is_old_id_card};
use super::{EntityKind, Found, numeral};
use std::ops::Range;

/// Digits of one script that touch each other.
struct Run {
    bytes: Range<usize>,
    script: Script,
    n_digits: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Script {
    Ascii,
    Chinese,
    /// Letters and circled digits that stand for digits.
    LookAlike,
}

/// Most runs that are joined: a card number typed digit by digit has 19.
const MAX_RUNS: usize = 20;
/// Shortest number looked at, in digits: some order numbers and foreign phones.
const MIN_DIGITS: usize = 6;
/// Longest number looked at, in digits; payment references are longer and nobody's.
const MAX_DIGITS: usize = 24;
/// Marks that people type between groups; a soft hyphen and the frame of a key are among them.
const MARKS: &str = " -._—–~*/,\\|·•、()\u{ad}\u{20e3}";
/// Characters before a number that may say what it is.
const CONTEXT_CHARS: usize = 12;

const ORDER: &[&str] = &["订单", "单子"];
const PARCEL: &[&str] = &["运单", "快递单", "快递号", "物流单", "面单", "包裹号", "物流号"];
const CARRIERS: &[&str] = &[
    "中通",
    "圆通",
    "申通",
    "韵达",
    "极兔",
    "顺丰",
    "京东快递",
    "京东物流",
    "邮政",
    "ems",
    "德邦",
    "百世",
    "天天快递",
    "菜鸟",
];
const CARD: &[&str] = &[
    "银行卡",
    "卡号",
    "储蓄卡",
    "信用卡",
    "借记卡",
    "工资卡",
    "银行账",
    "银行帐",
    "公司账",
    "公司帐",
    "对公",
];
const BANK: &[&str] = &["银行", "工行", "农行", "建行", "中行", "招行", "交行"];
const IDENTITY: &[&str] = &["身份证", "证件号", "证号"];
const CALL: &[&str] =
    &["电话", "座机", "联系", "手机", "办公室", "传真", "号码", "tel", "phone", "whatsapp"];
/// Codes of goods and payments: as long as a card number, but nobody's.
const OTHER_CODES: &[&str] = &[
    "imei",
    "串号",
    "序列号",
    "sn:",
    "条形码",
    "条码",
    "国条码",
    "防伪",
    "流水",
    "交易",
    "税号",
    "纳税人",
    "发票号",
    "发票代码",
    "商品",
    "货号",
    "isbn",
    "书号",
    "sku",
    "商户",
    "支付单",
    "卡密",
    "激活码",
    "证书号",
    "http",
    ".html",
    "/",
];
/// Letters that carriers and shops put before digits.
const NUMBER_PREFIXES: &[&str] =
    &["sf", "yt", "jt", "jd", "zto", "sto", "yd", "yz", "db", "dpk", "ems", "ka", "fq", "cn", "dd"];

/// Looks at each run of digits, alone and joined with its neighbours over separators.
pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    let runs = runs(text);
    let mut first = 0;
    while first < runs.len() {
        let last_joined = (first..runs.len().min(first + MAX_RUNS))
            .take_while(|&i| i == first || is_separator(between(text, &runs, i)))
            .last()
            .unwrap_or(first);
        let hit = (first..=last_joined)
            .rev()
            .find_map(|last| read(text, &runs[first..=last]).map(|hit| (hit, last)));
        first = match hit {
            Some((hit, last)) => {
                found.push(hit);
                last + 1
            }
            None => first + 1,
        };
    }
}

fn between<'t>(text: &'t str, runs: &[Run], i: usize) -> &'t str {
    &text[runs[i - 1].bytes.end..runs[i].bytes.start]
}

/// All runs, split where the script changes.
fn runs(text: &str) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (at, c) in text.char_indices() {
        let Some((_, script)) = glyph(c) else { continue };
        let is_letter = script == Script::LookAlike && c.is_ascii();
        if is_letter && !stands_for_digit(text, at) {
            continue;
        }
        let end = at + c.len_utf8();
        match runs.last_mut() {
            Some(run) if run.bytes.end == at && run.script == script => {
                run.bytes.end = end;
                run.n_digits += 1;
            }
            _ => runs.push(Run { bytes: at..end, script, n_digits: 1 }),
        }
    }
    runs
}

fn glyph(c: char) -> Option<(char, Script)> {
    if c.is_ascii_digit() {
        return Some((c, Script::Ascii));
    }
    let circled = |base: char| char::from_digit(c as u32 - base as u32 + 1, 10);
    match c {
        'o' => Some(('0', Script::LookAlike)),
        'l' | 'i' => Some(('1', Script::LookAlike)),
        '❶'..='❾' => circled('❶').map(|digit| (digit, Script::LookAlike)),
        '⓿' => Some(('0', Script::LookAlike)),
        '两' => None,
        _ => {
            let digit = char::from_digit(numeral::digit(c)?, 10)?;
            Some((digit, Script::Chinese))
        }
    }
}

/// Whether a letter stands where only a digit makes sense: other letters neither side.
fn stands_for_digit(text: &str, at: usize) -> bool {
    let is_digit_like = |c: &char| c.is_ascii_digit() || matches!(c, 'o' | 'l' | 'i');
    let is_word = |c: char| c.is_ascii_alphabetic() && !is_digit_like(&c);
    let before: String =
        text[..at].chars().rev().take_while(is_digit_like).take(MAX_DIGITS).collect();
    let after: String = text[at..].chars().take_while(is_digit_like).take(MAX_DIGITS).collect();
    let outside =
        [text[..at - before.len()].chars().next_back(), text[at + after.len()..].chars().next()];
    let n_digits = before.chars().chain(after.chars()).filter(char::is_ascii_digit).count();
    n_digits >= 5 && !outside.into_iter().flatten().any(is_word)
}

/// Whether groups of digits on both sides may belong together.
fn is_separator(between: &str) -> bool {
    // Empty where only the script changes; several as in ")(" or " - ".
    between.chars().count() <= 3 && between.chars().all(|c| MARKS.contains(c))
}

/// A window of runs as a number, with what stands around it.
struct Number<'t> {
    /// Its digits, an x at the end of an identity card included.
    value: String,
    /// The words before it.
    before: &'t str,
    /// More than one run.
    is_joined: bool,
    /// Joined by marks other than spaces, hyphens and brackets.
    has_odd_marks: bool,
    /// Digits of each group typed.
    groups: Vec<usize>,
    /// Not in plain digits throughout.
    is_spelled: bool,
    /// In plain digits and others: a shape has to prove that they belong together.
    is_mixed: bool,
    touches_letter: bool,
    has_plus: bool,
}

impl Number<'_> {
    fn named(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.before.contains(word))
    }
}

fn read(text: &str, runs: &[Run]) -> Option<Found> {
    let (head, last) = (runs.first()?, runs.last()?);
    let n_digits = runs.iter().map(|run| run.n_digits).sum();
    if !(MIN_DIGITS..=MAX_DIGITS).contains(&n_digits) {
        return None;
    }
    let mut bytes = head.bytes.start..last.bytes.end;
    let mut value: String =
        text[bytes.clone()].chars().filter_map(|c| glyph(c).map(|(digit, _)| digit)).collect();
    if value.len() == 17
        && let Some(c @ ('x' | 'X')) = text[bytes.end..].trim_start().chars().next()
    {
        bytes.end = text.len() - text[bytes.end..].trim_start().len() + c.len_utf8();
        value.push('x');
    }
    let marks = || runs.windows(2).map(|pair| &text[pair[0].bytes.end..pair[1].bytes.start]);
    let number = Number {
        before: tail(&text[..bytes.start], CONTEXT_CHARS),
        is_joined: marks().any(|mark| !mark.is_empty()),
        has_odd_marks: marks().any(|mark| mark.contains(['.', '/', ',', '*', '、', '\\', '|'])),
        groups: groups(runs),
        is_mixed: runs.iter().any(|run| run.script != head.script),
        is_spelled: runs.iter().any(|run| run.script != Script::Ascii),
        touches_letter: text[..bytes.start].ends_with(|c: char| c.is_ascii_alphabetic()),
        has_plus: text[..bytes.start].ends_with('+'),
        value,
    };
    let (kind, value) = kind(&number)?;
    // The frame of the last digit typed as a key: 1️⃣.
    bytes.end += text[bytes.end..].len() - text[bytes.end..].trim_start_matches('\u{20e3}').len();
    if kind == EntityKind::Phone {
        bytes = with_extension(text, with_brackets(text, bytes));
    }
    Some(Found { kind, bytes, value })
}

/// Digits of the groups that separators leave.
fn groups(runs: &[Run]) -> Vec<usize> {
    let mut groups: Vec<usize> = Vec::new();
    let mut end = None;
    for run in runs {
        match groups.last_mut() {
            Some(group) if end == Some(run.bytes.start) => *group += run.n_digits,
            _ => groups.push(run.n_digits),
        }
        end = Some(run.bytes.end);
    }
    groups
}

/// Takes the plus and an opening bracket along that belong to a phone number.
fn with_brackets(text: &str, mut bytes: Range<usize>) -> Range<usize> {
    if text[..bytes.start].ends_with('+') {
        bytes.start -= 1;
    }
    let n_of = |bytes: &Range<usize>, mark| text[bytes.clone()].matches(mark).count();
    if n_of(&bytes, ')') > n_of(&bytes, '(') && text[..bytes.start].ends_with('(') {
        bytes.start -= 1;
    }
    if n_of(&bytes, '(') > n_of(&bytes, ')') && text[bytes.end..].starts_with(')') {
        bytes.end += 1;
    }
    bytes
}

/// Takes 转8012 along.
fn with_extension(text: &str, bytes: Range<usize>) -> Range<usize> {
    let rest = text[bytes.end..].trim_start_matches([' ', '-']);
    let Some(extension) = rest.strip_prefix('转').or(rest.strip_prefix("分机")) else {
        return bytes;
    };
    let n_digits = extension.bytes().take_while(u8::is_ascii_digit).count();
    let end = text.len() - extension.len() + n_digits;
    if (1..=5).contains(&n_digits) { bytes.start..end } else { bytes }
}

/// What a number is, and its value; `None` for quantities, years, prices and other plain numbers.
fn kind(number: &Number<'_>) -> Option<(EntityKind, String)> {
    let value = number.value.as_str();
    let owned = |kind, value: &str| Some((kind, value.to_owned()));
    let digits = value.trim_end_matches('x');
    let is_order = number.named(ORDER);
    let is_parcel = number.named(PARCEL);
    let is_other = number.named(OTHER_CODES);
    if value.len() == 18 && number.named(&["居住证", "通行证"]) {
        return owned(EntityKind::TravelPermit, value);
    }
    if value.len() == 18 && (is_id_card(value) || value.ends_with('x') || number.named(IDENTITY)) {
        return owned(EntityKind::IdCard, value);
    }
    let is_identity = number.named(IDENTITY);
    if digits.len() == 15
        && (is_identity && !number.is_mixed
            || (is_old_id_card(digits) && !is_order && !is_parcel && !is_other))
    {
        return owned(EntityKind::IdCard, digits);
    }
    if let Some(phone) = mobile(number, digits)
        && !is_parcel
    {
        return owned(EntityKind::Phone, phone);
    }
    if !is_order
        && !is_other
        && (16..=19).contains(&digits.len())
        && digits.starts_with(['3', '4', '5', '6', '9'])
        && is_luhn(digits)
    {
        return owned(EntityKind::BankCard, digits);
    }
    let is_card = number.named(CARD)
        || number.before.trim_end_matches([' ', ':', '是']).ends_with('卡')
        || digits.len() >= 16 && number.named(BANK);
    if (12..=21).contains(&digits.len()) && is_card && !number.is_mixed {
        return owned(EntityKind::BankCard, digits);
    }
    if number.touches_letter && !number.named(CALL) {
        return None;
    }
    if let Some(phone) = landline(number, digits) {
        return owned(EntityKind::Phone, phone);
    }
    // Joined runs are phones, cards or landlines; "2 3 5" or dates are not order numbers.
    if number.is_joined || number.is_spelled || number.touches_letter || is_other {
        return None;
    }
    let is_carrier = number.named(CARRIERS) && (10..=18).contains(&digits.len());
    if is_carrier && !is_order || is_parcel {
        return owned(EntityKind::TrackingNumber, digits);
    }
    let min = if is_order || number.named(&["单号", "编号"]) { 6 } else { 12 };
    (digits.len() >= min).then(|| (EntityKind::OrderNumber, digits.to_owned()))
}

/// A mobile number without its country code. Also where it is called an order number: a phone in
/// the wrong place is the likelier reading.
fn mobile<'v>(number: &Number<'_>, digits: &'v str) -> Option<&'v str> {
    let stripped = ["0086", "086", "86"].iter().find_map(|code| digits.strip_prefix(code));
    let national = stripped.filter(|rest| rest.len() == 11).unwrap_or(digits);
    let is_mobile = national.len() == 11
        && national.starts_with('1')
        && matches!(national.as_bytes()[1], b'3'..=b'9');
    // "192.168.31.100" and "1380*1900*150" are eleven digits too.
    let is_grouped = !number.has_odd_marks
        || number.groups.ends_with(&[3, 4, 4])
        || number.groups.iter().all(|&n_digits| n_digits == 1);
    let is_number_of_shop = number.touches_letter
        && NUMBER_PREFIXES.iter().any(|prefix| number.before.ends_with(prefix));
    (is_mobile && is_grouped && !is_number_of_shop).then_some(national)
}

/// A landline with area code and perhaps an extension, or a number abroad.
fn landline<'v>(number: &Number<'_>, digits: &'v str) -> Option<&'v str> {
    let has_code = digits.starts_with("00") && !digits.starts_with("000");
    let is_abroad =
        (number.has_plus || number.is_joined && has_code) && (8..=15).contains(&digits.len());
    let area = digits.starts_with('0') && !digits.starts_with("00");
    let is_called = number.is_joined || number.named(CALL);
    let is_landline = area && (10..=12).contains(&digits.len()) && is_called;
    let has_extension = area
        && (13..=16).contains(&digits.len())
        && number.groups.len() == 3
        && number.groups[2] <= 4;
    let is_number = is_abroad || (is_landline || has_extension) && !number.has_odd_marks;
    is_number.then_some(digits)
}

/// The last `n_chars` characters of `text`.
fn tail(text: &str, n_chars: usize) -> &str {
    let start = text.char_indices().rev().nth(n_chars - 1).map_or(0, |(i, _)| i);
    &text[start..]
}
