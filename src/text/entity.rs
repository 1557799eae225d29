//! Finds what an agent would otherwise ask for again, and hides what must not be kept.
//!
//! Works on normalised text, so full-width digits and traditional forms are found too; answers in
//! characters of the text as sent. Numbers are told apart by checksum, length and the words before
//! them; addresses and names by the words around them. Overlaps are resolved in favour of the kind
//! that is checked harder.

use super::{CharRange, normalize::Normalized};
use regex::Regex;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use utoipa::ToSchema;

/// What an entity is. The order is the order of precedence where two overlap.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum EntityKind {
    /// E-mail address.
    Email,
    /// Number of a Chinese identity card: 18 characters, checksum right or named as such.
    IdCard,
    /// Mobile or landline number.
    Phone,
    /// Bank card number: 16 to 19 digits, Luhn checksum right.
    BankCard,
    /// Postal address down to a street, estate or door.
    Address,
    /// Name of a person, where the words around it say so.
    Name,
    /// Number of a parcel.
    TrackingNumber,
    /// Number of an order.
    OrderNumber,
    /// Amount of money in yuan.
    Amount,
}

impl EntityKind {
    /// Whether it names a person or leads to one: masked before anything is logged or stored.
    /// Order and tracking numbers are the shop's own and stay readable for the agent.
    #[must_use]
    pub fn is_personal(self) -> bool {
        match self {
            Self::Email
            | Self::IdCard
            | Self::Phone
            | Self::BankCard
            | Self::Address
            | Self::Name => true,
            Self::TrackingNumber | Self::OrderNumber | Self::Amount => false,
        }
    }

    /// The name used in JSON and as the rule fact `entities`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::IdCard => "id_card",
            Self::Phone => "phone",
            Self::BankCard => "bank_card",
            Self::Address => "address",
            Self::Name => "name",
            Self::TrackingNumber => "tracking_number",
            Self::OrderNumber => "order_number",
            Self::Amount => "amount",
        }
    }
}

/// Something found in a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Entity {
    /// What it is.
    #[serde(rename = "type")]
    pub kind: EntityKind,
    /// As typed, for example "１３８ 0013 8000".
    pub text: String,
    /// In one form: digits without separators, amounts in yuan ("13800138000", "59.90").
    pub value: String,
    /// First character in the text as sent, counted from 0.
    pub start: usize,
    /// One past the last character.
    pub end: usize,
}

impl Entity {
    fn range(&self) -> CharRange {
        CharRange { start: self.start, end: self.end }
    }

    /// The same entity fit for storing: text and value masked where they are personal.
    #[must_use]
    pub fn masked(mut self) -> Self {
        if self.kind.is_personal() {
            self.text = mask_value(self.kind, &self.value);
            self.value.clone_from(&self.text);
        }
        self
    }
}

/// Finds entities; compiles its patterns once. Share it through an `Arc`.
pub struct EntityFinder {
    digit_run: Regex,
    email: Regex,
    amount: Regex,
    tracking: Regex,
    order: Regex,
    address: Vec<Regex>,
    address_detail: Regex,
    name: Regex,
}

impl EntityFinder {
    /// Compiles the patterns.
    ///
    /// # Panics
    /// Never in practice: the patterns are constants, compiled by the tests too.
    #[must_use]
    pub fn new() -> Self {
        let regex = |pattern: &str| Regex::new(pattern).expect("a constant pattern");
        Self {
            digit_run: regex(r"[0-9]+"),
            email: regex(r"[a-z0-9][a-z0-9._%+-]*@[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}"),
            amount: regex(
                r"[¥$]\s?([0-9]{1,7}(?:\.[0-9]{1,2})?)|([0-9]{1,7}(?:\.[0-9]{1,2})?)\s?(?:元|块钱|块|rmb)",
            ),
            // Carriers' prefixes as customers paste them.
            tracking: regex(
                r"(?-u:\b)(?:sf|yt|jt|jd[a-z]{0,2}|zto|sto|yd|yz|db|dpk|ems|ka|fq)[0-9]{9,16}(?-u:\b)",
            ),
            // Order numbers with letters in front count only where they are called so.
            order: regex(r"订单(?:编号|号码|号)?(?:是|为|:)?\s?([a-z]{1,4}[0-9]{8,24})"),
            address: vec![
                // From a province or city that needs no other city before it.
                regex(concat!(
                    r"(?:北京|天津|上海|重庆|河北|山西|辽宁|吉林|黑龙江|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南|",
                    r"广东|海南|四川|贵州|云南|陕西|甘肃|青海|台湾|内蒙古|广西|西藏|宁夏|新疆|香港|澳门)",
                    r"(?:省|市|自治区|维吾尔自治区|壮族自治区|回族自治区|特别行政区)?[\p{Han}0-9a-z#\-]{2,50}"
                )),
                // After a word that announces one.
                regex(
                    r"(?:收货地址|新地址|地址|寄到|寄往|发到|送到|改到|改成|改为|搬到|搬去|住在|住址)(?:是|为|改成|改为|:|在)?\s?([\p{Han}0-9a-z#\-]{5,50})",
                ),
                // A street with a number anywhere.
                regex(
                    r"[\p{Han}]{2,8}(?:路|大街|街道|大道|街|巷|弄|胡同|小区|花园|家园|苑)[0-9]{1,5}(?:号|弄|栋|幢|座)[\p{Han}0-9a-z#\-]{0,24}",
                ),
            ],
            address_detail: regex(concat!(
                r"(?:路|街|大道|巷|胡同|小区|花园|家园|苑|村|镇|乡|大厦|广场|公寓|校区|大学|学校|中学|工业园|社区|新村|弄)",
                r"[\p{Han}a-z\-]{0,12}[0-9一二三四五六七八九十]{1,5}[\p{Han}a-z0-9#\-]*|",
                r"[0-9]{1,4}(?:号楼|号院|栋|幢|单元|室|弄|座)|",
                r"(?:区|县|市|镇)[\p{Han}]{2,12}(?:路|街|大道|小区|花园|苑|村|大厦|广场|公寓|校区|大学)"
            )),
            name: regex(concat!(
                r"(?:收件人|收货人|联系人|姓名|我的名字|真实姓名|我叫|名字叫|本人叫)(?:是|为|叫|改成|改为|:)*\s?",
                r"((?:欧阳|司马|上官|诸葛|[赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜谢邹喻柏窦章",
                r"苏潘葛奚范彭郎鲁韦马苗凤方俞任袁柳鲍史唐费廉岑薛雷贺倪汤滕殷罗毕郝邬安常于时傅皮卞齐康伍余元顾孟黄穆萧尹姚",
                r"邵汪祁毛狄米贝明臧计戴谈宋庞熊纪舒屈项祝董梁杜阮蓝闵席季麻强贾路娄危江童颜郭梅盛林钟徐邱骆高夏蔡田樊胡凌霍虞",
                r"万柯管卢莫房解应宗丁邓洪包左石崔吉龚程邢裴陆荣翁段侯全班仇宁温庄柴阎连习艾容向古易廖辛阚简曾关红游权聂敖",
                r"冷岳申车沙白龙叶刘])[\p{Han}]{1,2}?)(?:$|[^\p{Han}]|电话|手机|先生|女士|收|麻烦|请|帮|了)"
            )),
        }
    }

    /// All entities of a text in the order they stand, without overlaps.
    ///
    /// `original` is the text that `normalized` was made of.
    #[must_use]
    pub fn find(&self, original: &str, normalized: &Normalized) -> Vec<Entity> {
        let text = normalized.text();
        let mut found: Vec<(EntityKind, Range<usize>, String)> = Vec::new();
        let whole = |m: regex::Match<'_>| (m.range(), m.as_str().to_owned());
        found.extend(self.email.find_iter(text).map(whole).map(|(r, v)| (EntityKind::Email, r, v)));
        self.numbers(text, &mut found);
        for m in self.tracking.find_iter(text) {
            found.push((EntityKind::TrackingNumber, m.range(), m.as_str().to_uppercase()));
        }
        for captures in self.order.captures_iter(text) {
            found.extend(
                captures
                    .get(1)
                    .map(|m| (EntityKind::OrderNumber, m.range(), m.as_str().to_uppercase())),
            );
        }
        for captures in self.amount.captures_iter(text) {
            if let (Some(all), Some(n)) = (captures.get(0), captures.get(1).or(captures.get(2))) {
                found.push((EntityKind::Amount, all.range(), n.as_str().to_owned()));
            }
        }
        for captures in self.address.iter().flat_map(|pattern| pattern.captures_iter(text)) {
            if let Some(m) = captures.get(1).or(captures.get(0))
                && self.address_detail.is_match(m.as_str())
            {
                let bytes = m.start() + announced(m.as_str())..m.end();
                found.push((EntityKind::Address, bytes.clone(), text[bytes].to_owned()));
            }
        }
        for captures in self.name.captures_iter(text) {
            found.extend(captures.get(1).map(whole).map(|(r, v)| (EntityKind::Name, r, v)));
        }
        let entities = found.into_iter().map(|(kind, bytes, value)| {
            let range = normalized.original(bytes);
            let text = original[range.bytes_in(original)].to_owned();
            Entity { kind, text, value, start: range.start, end: range.end }
        });
        without_overlaps(entities.collect())
    }

    /// Looks at each run of digits, alone and joined with its neighbours over single separators.
    fn numbers(&self, text: &str, found: &mut Vec<(EntityKind, Range<usize>, String)>) {
        let runs: Vec<Range<usize>> = self.digit_run.find_iter(text).map(|m| m.range()).collect();
        let mut first = 0;
        while first < runs.len() {
            let last_joined = (first..runs.len().min(first + 6))
                .take_while(|&i| i == first || is_separator(&text[runs[i - 1].end..runs[i].start]))
                .last()
                .unwrap_or(first);
            let hit = (first..=last_joined).rev().find_map(|last| {
                let mut bytes = runs[first].start..runs[last].end;
                if text[bytes.end..].starts_with('x') {
                    bytes.end += 1;
                }
                let before = tail(&text[..bytes.start], 10);
                let value: String = text[bytes.clone()]
                    .chars()
                    .filter(|c| c.is_ascii_digit() || *c == 'x')
                    .collect();
                let joined = last > first;
                let touches_letter =
                    text[..bytes.start].ends_with(|c: char| c.is_ascii_alphabetic());
                number_kind(&value, before, joined, touches_letter)
                    .map(|(kind, value)| (kind, bytes, value, last))
            });
            first = match hit {
                Some((kind, bytes, value, last)) => {
                    found.push((kind, bytes, value));
                    last + 1
                }
                None => first + 1,
            };
        }
    }
}

impl Default for EntityFinder {
    fn default() -> Self {
        Self::new()
    }
}

/// `original` with every personal entity replaced by what may be kept of it.
#[must_use]
pub fn mask(original: &str, entities: &[Entity]) -> String {
    let mut masked = String::with_capacity(original.len());
    let mut copied = 0;
    for entity in entities.iter().filter(|entity| entity.kind.is_personal()) {
        let bytes = entity.range().bytes_in(original);
        masked.push_str(&original[copied..bytes.start]);
        masked.push_str(&mask_value(entity.kind, &entity.value));
        copied = bytes.end;
    }
    masked.push_str(&original[copied..]);
    masked
}

/// What may be kept of a personal value: enough for an agent to recognise it, too little to use.
fn mask_value(kind: EntityKind, value: &str) -> String {
    let chars: Vec<char> = value.chars().collect();
    let keep = |head: usize, stars: usize, tail: usize| {
        let head: String = chars.iter().take(head).collect();
        let tail: String = chars[chars.len().saturating_sub(tail)..].iter().collect();
        format!("{head}{}{tail}", "*".repeat(stars))
    };
    match kind {
        EntityKind::Phone if chars.len() >= 8 => keep(3, 4, 4),
        EntityKind::IdCard => keep(3, 11, 2),
        EntityKind::BankCard => keep(0, 4, 4),
        EntityKind::Email => match value.split_once('@') {
            Some((_, domain)) => format!("{}***@{domain}", keep(1, 0, 0)),
            None => "***".to_owned(),
        },
        EntityKind::Address => {
            let end = value.find(['区', '县', '市', '省']).map_or(0, |i| i + '区'.len_utf8());
            format!("{}***", &value[..end])
        }
        EntityKind::Name => keep(1, 2, 0),
        _ => "***".to_owned(),
    }
}

/// Where the address itself begins after words such as 改成 that a pattern took along, in bytes.
fn announced(address: &str) -> usize {
    const WORDS: [&str; 9] =
        ["改成", "改为", "改到", "送到", "寄到", "发到", "住在", "地址是", "我在"];
    let ends = WORDS.iter().filter_map(|word| address.rfind(word).map(|i| i + word.len()));
    ends.max().unwrap_or(0)
}

/// What a number is, and its value; `None` for quantities, years, prices and other plain numbers.
fn number_kind(
    value: &str,
    before: &str,
    joined: bool,
    touches_letter: bool,
) -> Option<(EntityKind, String)> {
    let named = |words: &[&str]| words.iter().any(|word| before.contains(word));
    let owned = |kind, value: &str| Some((kind, value.to_owned()));
    let digits = value.trim_end_matches('x');
    if value.len() == 18 && (is_id_card(value) || named(&["身份证", "证件号"])) {
        return owned(EntityKind::IdCard, value);
    }
    let national = digits.strip_prefix("86").filter(|rest| rest.len() == 11).unwrap_or(digits);
    let is_mobile = national.len() == 11
        && national.starts_with('1')
        && matches!(national.as_bytes()[1], b'3'..=b'9');
    // Also where it is called an order number: a phone in the wrong place is the likelier reading.
    if is_mobile && !named(&["运单", "快递单", "物流单"]) {
        return owned(EntityKind::Phone, national);
    }
    let is_order = named(&["订单", "单子"]);
    if !is_order
        && (16..=19).contains(&digits.len())
        && digits.starts_with(['3', '4', '5', '6', '9'])
        && is_luhn(digits)
    {
        return owned(EntityKind::BankCard, digits);
    }
    if (12..=19).contains(&digits.len()) && named(&["银行卡", "卡号", "储蓄卡", "信用卡"])
    {
        return owned(EntityKind::BankCard, digits);
    }
    if touches_letter {
        return None;
    }
    let is_landline = digits.starts_with('0') && (10..=12).contains(&digits.len());
    if is_landline && (joined || named(&["电话", "座机", "联系"])) {
        return owned(EntityKind::Phone, digits);
    }
    // Joined runs are phones, cards or landlines; "2 3 5" or dates are not order numbers.
    if joined {
        return None;
    }
    if (6..=24).contains(&digits.len()) && named(&["运单", "快递单", "快递号", "物流单"])
    {
        return owned(EntityKind::TrackingNumber, digits);
    }
    let length = if is_order || named(&["单号", "编号"]) { 6..=24 } else { 12..=24 };
    length.contains(&digits.len()).then(|| (EntityKind::OrderNumber, digits.to_owned()))
}

/// Checksum of GB 11643-1999 with a plausible birth date.
fn is_id_card(value: &str) -> bool {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    const CHECKS: &[u8; 11] = b"10x98765432";
    let bytes = value.as_bytes();
    if bytes.len() != 18 || !bytes[..17].iter().all(u8::is_ascii_digit) {
        return false;
    }
    let number = |range: Range<usize>| value[range].parse::<u32>().unwrap_or(0);
    let sum: u32 =
        bytes.iter().zip(WEIGHTS).map(|(byte, weight)| u32::from(byte - b'0') * weight).sum();
    (1900..2100).contains(&number(6..10))
        && (1..=12).contains(&number(10..12))
        && (1..=31).contains(&number(12..14))
        && bytes[17] == CHECKS[(sum % 11) as usize]
}

/// Checksum of ISO/IEC 7812-1.
fn is_luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(i, byte)| {
            let digit = u32::from(byte - b'0');
            match (i % 2, digit * 2) {
                (0, _) => digit,
                (_, doubled) if doubled > 9 => doubled - 9,
                (_, doubled) => doubled,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

fn is_separator(between: &str) -> bool {
    matches!(between, " " | "-" | ".")
}

/// The last `n_chars` characters of `text`.
fn tail(text: &str, n_chars: usize) -> &str {
    let start = text.char_indices().rev().nth(n_chars - 1).map_or(0, |(i, _)| i);
    &text[start..]
}

/// Keeps of overlapping entities the one checked harder, then the longer one.
fn without_overlaps(mut entities: Vec<Entity>) -> Vec<Entity> {
    entities.sort_by_key(|entity| (entity.kind, entity.start, usize::MAX - entity.end));
    let mut kept: Vec<Entity> = Vec::with_capacity(entities.len());
    for entity in entities {
        if entity.start < entity.end
            && !kept.iter().any(|other| other.range().overlaps(&entity.range()))
        {
            kept.push(entity);
        }
    }
    kept.sort_by_key(|entity| entity.start);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::normalize::Normalizer;
    use EntityKind::*;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    static TOOLS: LazyLock<(EntityFinder, Normalizer)> = LazyLock::new(Default::default);

    fn find(text: &str) -> Vec<Entity> {
        TOOLS.0.find(text, &TOOLS.1.normalize(text))
    }

    fn check(text: &str, expected: &[(EntityKind, &str)]) {
        let found = find(text);
        let pairs: Vec<_> = found.iter().map(|e| (e.kind, e.value.as_str())).collect();
        assert_eq!(pairs, expected, "in {text}");
    }

    #[test]
    fn tells_numbers_apart() {
        check("我电话13800138000", &[(Phone, "13800138000")]);
        check("打１３８　００１３　８０００", &[(Phone, "13800138000")]);
        check("+86 138-0013-8000", &[(Phone, "13800138000")]);
        check("座机010-62345678", &[(Phone, "01062345678")]);
        check("身份证11010519491231002X", &[(IdCard, "11010519491231002x")]);
        check("卡号6222 0212 3456 7894 000", &[(BankCard, "6222021234567894000")]);
        check("4111111111111111", &[(BankCard, "4111111111111111")]);
        check("订单号：202611210001234", &[(OrderNumber, "202611210001234")]);
        check("订单4111111111111111", &[(OrderNumber, "4111111111111111")]);
        check("加我VX13812345678", &[(Phone, "13812345678")]);
        check("打135.1234.5671", &[(Phone, "13512345671")]);
        check("订单号：13812345678", &[(Phone, "13812345678")]);
        check("订单号DD20261118123456", &[(OrderNumber, "DD20261118123456")]);
        check("2026.11.21买的，59.90元", &[(Amount, "59.90")]);
        check("SF1234567890123到哪了", &[(TrackingNumber, "SF1234567890123")]);
        check("快递单号7712345678", &[(TrackingNumber, "7712345678")]);
        check("付了59.9元，少退我¥10", &[(Amount, "59.9"), (Amount, "10")]);
        check("2026年11月21日买了2件 3 5 8", &[]);
        check("热线400-000-1234打不通", &[]);
    }

    #[test]
    fn finds_addresses_names_and_mail() {
        check(
            "寄到浙江省杭州市西湖区文三路100号3栋201，收件人：张三丰",
            &[(Address, "浙江省杭州市西湖区文三路100号3栋201"), (Name, "张三丰")],
        );
        check("地址改成人民路58号院2单元", &[(Address, "人民路58号院2单元")]);
        check("发邮箱Li.Lei_1@qq.com谢谢", &[(Email, "li.lei_1@qq.com")]);
        check("我叫张三麻烦处理下", &[(Name, "张三")]);
        check("北京什么时候能到", &[]);
        check("地址怎么改", &[]);
        check("我叫了快递", &[]);
    }

    #[test]
    fn masks_what_is_personal_and_nothing_else() {
        let table = [
            ("电话13800138000，订单202611210001234", "电话138****8000，订单202611210001234"),
            ("我叫李雷，邮箱lilei@qq.com", "我叫李**，邮箱l***@qq.com"),
            ("送到杭州市西湖区文三路100号", "送到杭州市***"),
            ("身份证11010519491231002X", "身份证110***********2x"),
            ("什么时候发货", "什么时候发货"),
        ];
        for (text, expected) in table {
            assert_eq!(mask(text, &find(text)), expected);
        }
    }

    #[test]
    fn positions_count_characters_of_the_text_as_sent() {
        let text = "😀我的電話１３８００１３８０００啊";
        let [phone] = &find(text)[..] else { panic!("one entity") };
        assert_eq!((phone.start, phone.end), (5, 16));
        assert_eq!(phone.text, "１３８００１３８０００");
    }

    proptest! {
        #[test]
        fn masking_leaves_no_phone_behind(
            before in "[\\p{Han},。 ]{0,8}",
            phone in "1[3-9][0-9]{9}",
            after in "[\\p{Han},。]{0,8}",
        ) {
            prop_assume!(!["运单", "快递单", "物流单"].iter().any(|word| before.contains(word)));
            let text = format!("{before}{phone}{after}");
            prop_assert!(!mask(&text, &find(&text)).contains(&phone));
        }

        #[test]
        fn never_panics_and_never_overlaps(text in "\\PC{0,60}") {
            let found = find(&text);
            prop_assert!(found.windows(2).all(|pair| pair[0].end <= pair[1].start));
            let _ = mask(&text, &found);
        }
    }
}
