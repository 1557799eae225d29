//! E-mail addresses, accounts of other platforms, travel documents and licence plates: what has a
//! fixed shape, or is found after the word that names it.

use super::{EntityKind, Found, regex};
use regex::Regex;

/// Platforms whose name alone announces an account where the account holds a digit, `_` or `-`.
const PLATFORM: &str = "微信|薇信|威信|徽信|微\u{2764}|薇\u{2764}|微心|wei信|v信|weixin|wechat|vx|wx|qq|扣扣|企鹅|\
                        q我|支付宝|旺旺|淘宝|抖音|快手|小红书|飞书|telegram|line|\
                        (?:加我?|[+➕]我?)(?:v|微|薇|qq|q|扣)\u{2764}?";
/// Words for a product of such a platform, not for an account.
const NO_ACCOUNT: [&str; 9] =
    ["iphone", "ipad", "app", "android", "windows", "mac", "pay", "http", "www."];

pub(super) struct ContactFinder {
    email: Regex,
    spelled_email: Regex,
    account: Regex,
    short_account: Regex,
    named_account: Regex,
    passport: Regex,
    permit: Regex,
    hong_kong: Regex,
    plate: Regex,
}

impl ContactFinder {
    pub(super) fn new() -> Self {
        let link = r"(?:号码?|账[号户]|帐[号户]|id|[是为搜叫]|[:\s])";
        Self {
            email: regex(r"[a-z0-9][a-z0-9._%+-]*@[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}"),
            spelled_email: regex(concat!(
                r"[a-z0-9][a-z0-9._%+-]*\s?(?:@|#|艾特|爱特|圈a|[(\[]at[)\]]|\sat\s)\s?",
                r"[\p{Han}a-z0-9-]+?\s?(?:[.。,点]|\sdot\s)\s?(?:com|cn|net|org)(?:[.点]cn)?(?-u:\b)"
            )),
            account: regex(&format!(
                r"(?:{PLATFORM})({link}{{0,4}})(@?[a-z0-9][a-z0-9_-]{{4,19}})"
            )),
            // One letter announces an account only before a colon.
            short_account: regex(
                r"(?:^|[^a-z0-9])(?:(?:v|q|扣|微)(?:号?:\s?|号)([a-z0-9][a-z0-9_-]{4,19})|扣([0-9]{7,11}))",
            ),
            named_account: regex(
                r"(?:旺旺|淘宝|抖音|快手)(?:号|账号|\s?id|名)?[:\s]([\p{Han}a-z_]{1,12}[0-9_][a-z0-9_]*)",
            ),
            passport: regex(
                r"(?:护照|passport).{0,10}?(?-u:\b)([a-z]{1,2}\s?[0-9]{4}\s?[0-9]{2,5}[a-z]?[0-9]?|[0-9]{9})(?-u:\b)",
            ),
            permit: regex(
                r"(?:通行证|回乡证|回乡卡|台胞证|港澳证|港澳的证).{0,8}?(?-u:\b)([a-z]{1,2}[0-9]{7,11}|[0-9]{8,11})(?-u:\b)",
            ),
            hong_kong: regex(r"(?-u:\b)([a-z]{1,2}[0-9]{6}\([0-9a]\))"),
            plate: regex(concat!(
                r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼]",
                r"[a-hj-np-z]([\s·•.-]?)([a-hj-np-z0-9]{4}[港澳]|[a-hj-np-z0-9]{5,6})"
            )),
        }
    }

    pub(super) fn find(&self, text: &str, found: &mut Vec<Found>) {
        // Nearly all of these hold a letter or a digit; most messages hold neither.
        if !text.bytes().any(|byte| byte.is_ascii_alphanumeric()) {
            return;
        }
        self.emails(text, found);
        self.accounts(text, found);
        for (pattern, kind) in [
            (&self.passport, EntityKind::Passport),
            (&self.permit, EntityKind::TravelPermit),
            (&self.hong_kong, EntityKind::TravelPermit),
        ] {
            for m in pattern.captures_iter(text).filter_map(|captures| captures.get(1)) {
                found.push(Found { kind, bytes: m.range(), value: compact(m.as_str()) });
            }
        }
        self.plates(text, found);
    }

    fn emails(&self, text: &str, found: &mut Vec<Found>) {
        for m in self.email.find_iter(text).chain(self.spelled_email.find_iter(text)) {
            let mut value: String = m.as_str().split_whitespace().collect::<Vec<_>>().join(" ");
            for (spelled, mark) in [
                ("艾特", "@"),
                ("爱特", "@"),
                ("圈a", "@"),
                ("(at)", "@"),
                ("[at]", "@"),
                (" at ", "@"),
                (" dot ", "."),
                ("#", "@"),
                ("点", "."),
                ("。", "."),
                (",", "."),
                (" ", ""),
            ] {
                value = value.replace(spelled, mark);
            }
            found.push(Found { kind: EntityKind::Email, bytes: m.range(), value });
        }
    }

    fn accounts(&self, text: &str, found: &mut Vec<Found>) {
        let kind = EntityKind::Account;
        for captures in self.account.captures_iter(text) {
            let (Some(all), Some(link), Some(id)) =
                (captures.get(0), captures.get(1), captures.get(2))
            else {
                continue;
            };
            let is_qq = ["qq", "扣", "企鹅", "q"].iter().any(|name| all.as_str().contains(name));
            let is_announced = !link.as_str().trim().is_empty();
            if is_account(id.as_str(), is_announced, is_qq) && ends_alone(text, id.end()) {
                found.push(Found { kind, bytes: id.range(), value: id.as_str().to_owned() });
            }
        }
        for pattern in [&self.short_account, &self.named_account] {
            let ids = pattern.captures_iter(text).map(|c| c.get(1).or(c.get(2)));
            for id in ids.flatten() {
                found.push(Found { kind, bytes: id.range(), value: id.as_str().to_owned() });
            }
        }
    }

    fn plates(&self, text: &str, found: &mut Vec<Found>) {
        for captures in self.plate.captures_iter(text) {
            let (Some(all), Some(mark), Some(rest)) =
                (captures.get(0), captures.get(1), captures.get(2))
            else {
                continue;
            };
            let n_digits = rest.as_str().bytes().filter(u8::is_ascii_digit).count();
            // 新 is also the word for new: "新a5512" is a model.
            let is_plain = !all.as_str().starts_with('新') || !mark.is_empty();
            if is_plain && n_digits >= 3 && ends_alone(text, all.end()) {
                let value = compact(all.as_str()).replace(['·', '•', '.', '-'], "");
                found.push(Found { kind: EntityKind::LicencePlate, bytes: all.range(), value });
            }
        }
    }
}

/// Whether what stands after a platform's name is an account there.
fn is_account(id: &str, is_announced: bool, is_qq: bool) -> bool {
    let bare = id.trim_start_matches('@');
    if NO_ACCOUNT.iter().any(|word| bare.starts_with(word)) {
        return false;
    }
    if bare.bytes().all(|byte| byte.is_ascii_digit()) {
        return bare.len() <= 11 && (is_qq || is_announced && bare.len() >= 6);
    }
    is_announced || bare.contains(|c: char| c.is_ascii_digit() || c == '_' || c == '-')
}

/// Whether no letter or digit, and no part of a decimal or an address, goes on at `end`.
fn ends_alone(text: &str, end: usize) -> bool {
    let mut rest = text[end..].chars();
    match rest.next() {
        Some('.' | '@') => !rest.next().is_some_and(|c| c.is_ascii_alphanumeric()),
        next => !next.is_some_and(|c| c.is_ascii_alphanumeric()),
    }
}

/// In capitals, without spaces.
fn compact(text: &str) -> String {
    text.split_whitespace().collect::<String>().to_uppercase()
}
