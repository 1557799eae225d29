//! Finds what an agent would otherwise ask for again, and hides what must not be kept.
//!
//! Works on normalised text, so full-width digits and traditional forms are found too; answers in
//! characters of the text as sent. Each kind has a finder of its own below; overlaps are resolved
//! in favour of the kind that is checked harder. Word lists are data: `entity/words.toml`, and for
//! goods a file of the shop.

mod address;
mod amount;
mod checksum;
mod contact;
mod date;
mod name;
mod number;
mod numeral;
mod phrase;
mod product;
mod words;

pub use product::{ProductError, Products};

use super::{CharRange, normalize::Normalized};
use address::AddressFinder;
use amount::AmountFinder;
use contact::ContactFinder;
use jiff::civil::DateTime;
use name::NameFinder;
use phrase::{CarrierFinder, FaultFinder};
use product::ModelFinder;
use regex::Regex;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use utoipa::ToSchema;
use words::Words;

/// What an entity is. The order is the order of precedence where two overlap.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum EntityKind {
    /// E-mail address, also with the sign spelled out (艾特).
    Email,
    /// Number of a Chinese identity card: 18 characters, checksum right or named as such, or 15
    /// digits.
    IdCard,
    /// Mobile or landline number, also in Chinese digits.
    Phone,
    /// Bank card number: 16 to 19 digits, Luhn checksum right, or named as such.
    BankCard,
    /// Number of a passport, after that word.
    Passport,
    /// Number of a permit for Hong Kong, Macao or Taiwan, or of an identity card from there.
    TravelPermit,
    /// Number plate of a car.
    LicencePlate,
    /// Account on another platform, after its name: WeChat, QQ, Alipay.
    Account,
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
    /// Day, time or span of days.
    Date,
    /// Company that carries parcels.
    Carrier,
    /// What is broken: part and symptom.
    Fault,
    /// Goods by a name of the shop's product file.
    Product,
    /// Model code of any maker.
    Model,
}

impl EntityKind {
    /// Whether it names a person or leads to one: masked before anything is logged or stored.
    /// Order and tracking numbers are the shop's own and stay readable for the agent.
    #[must_use]
    pub fn is_personal(self) -> bool {
        // Kinds that name persons come first in the order of precedence.
        self <= Self::Name
    }

    /// The name used in JSON and as the rule fact `entities`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::IdCard => "id_card",
            Self::Phone => "phone",
            Self::BankCard => "bank_card",
            Self::Passport => "passport",
            Self::TravelPermit => "travel_permit",
            Self::LicencePlate => "licence_plate",
            Self::Account => "account",
            Self::Address => "address",
            Self::Name => "name",
            Self::TrackingNumber => "tracking_number",
            Self::OrderNumber => "order_number",
            Self::Amount => "amount",
            Self::Date => "date",
            Self::Carrier => "carrier",
            Self::Fault => "fault",
            Self::Product => "product",
            Self::Model => "model",
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
    /// In one form: digits without separators, amounts in yuan ("59.90", "100-200"), dates in ISO
    /// 8601 on Chinese clocks ("2026-11-20", "2026-11-20T20:00", "2026-11-16/2026-11-22"),
    /// carriers and goods by their names, models in capitals, faults as part and symptom
    /// ("屏幕划痕").
    pub value: String,
    /// First character in the text as sent, counted from 0.
    pub start: usize,
    /// One past the last character.
    pub end: usize,
}

impl Entity {
    /// The characters it takes in the text as sent.
    #[must_use]
    pub fn range(&self) -> CharRange {
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

/// What a finder found in the normalised text.
struct Found {
    kind: EntityKind,
    bytes: Range<usize>,
    value: String,
}

/// Finds entities; compiles its patterns once. Share it through an `Arc`.
pub struct EntityFinder {
    contact: ContactFinder,
    address: AddressFinder,
    name: NameFinder,
    amount: AmountFinder,
    tracking: Regex,
    order: Regex,
    carrier: CarrierFinder,
    fault: FaultFinder,
    products: Products,
    model: ModelFinder,
}

impl EntityFinder {
    /// Compiles the patterns; takes some milliseconds.
    ///
    /// # Panics
    /// Never in practice: patterns and word lists are constants, compiled by the tests too.
    #[must_use]
    pub fn new(products: Products) -> Self {
        let words = Words::compiled_in();
        Self {
            contact: ContactFinder::new(),
            address: AddressFinder::new(&words.places),
            name: NameFinder::new(&words.names, &words.places),
            amount: AmountFinder::new(),
            // Carriers' prefixes as customers paste them, and the form of the Universal Postal Union.
            tracking: regex(concat!(
                r"(?-u:\b)(?:(?:sf|yt|jt|jd[a-z]{0,2}|zto|sto|yd|yz|db|dpk|ems|ka|fq|cn)[0-9]{9,16}",
                r"|[a-z]{2}[0-9]{9}cn)(?-u:\b)"
            )),
            // Order numbers with letters in front count only where they are called so.
            order: regex(
                r"(?:订单|售后单|退款单|退货单|换货单)(?:编号|号码|号)?(?:是|为|:)?\s?([a-z]{1,4}[0-9]{8,24})",
            ),
            carrier: CarrierFinder::new(&words.carriers),
            fault: FaultFinder::new(&words.fault),
            products,
            model: ModelFinder::new(),
        }
    }

    /// All entities of a text in the order they stand, without overlaps; `now`, on Chinese clocks,
    /// is what 昨天 and 8点 are counted from.
    ///
    /// `original` is the text that `normalized` was made of.
    #[must_use]
    pub fn find(&self, original: &str, normalized: &Normalized, now: DateTime) -> Vec<Entity> {
        let text = normalized.text();
        let mut found = self.find_personal(text);
        for m in self.tracking.find_iter(text) {
            let value = m.as_str().to_uppercase();
            found.push(Found { kind: EntityKind::TrackingNumber, bytes: m.range(), value });
        }
        for m in self.order.captures_iter(text).filter_map(|captures| captures.get(1)) {
            let value = m.as_str().to_uppercase();
            found.push(Found { kind: EntityKind::OrderNumber, bytes: m.range(), value });
        }
        self.amount.find(text, &mut found);
        date::find(text, now, &mut found);
        self.carrier.find(text, &mut found);
        self.fault.find(text, &mut found);
        self.products.find(text, &mut found);
        self.model.find(text, &mut found);
        entities(original, normalized, found)
    }

    /// `original` with every personal entity replaced by what may be kept of it; nothing else is
    /// looked for.
    #[must_use]
    pub fn mask(&self, original: &str, normalized: &Normalized) -> String {
        mask(original, &entities(original, normalized, self.find_personal(normalized.text())))
    }

    /// What is personal, and the long numbers that only a look at all of them tells apart.
    fn find_personal(&self, text: &str) -> Vec<Found> {
        let mut found = Vec::new();
        number::find(text, &mut found);
        self.contact.find(text, &mut found);
        self.address.find(text, &mut found);
        let is_personal = |found: &&Found| found.kind.is_personal();
        let personal: Vec<_> = found.iter().filter(is_personal).map(|f| f.bytes.clone()).collect();
        self.name.find(text, &personal, &mut found);
        found
    }
}

/// Brings what was found to the text as sent and keeps of overlapping entities the one checked
/// harder, then the longer one.
fn entities(original: &str, normalized: &Normalized, mut found: Vec<Found>) -> Vec<Entity> {
    found.sort_by_key(|f| (f.kind, f.bytes.start, usize::MAX - f.bytes.end));
    let mut kept: Vec<Entity> = Vec::with_capacity(found.len());
    for Found { kind, bytes, value } in found {
        // Compared as sent: "(1)" in normalised text may be one character there.
        let range = normalized.original(bytes);
        if range.start < range.end && !kept.iter().any(|other| other.range().overlaps(&range)) {
            let text = original[range.bytes_in(original)].to_owned();
            kept.push(Entity { kind, text, value, start: range.start, end: range.end });
        }
    }
    kept.sort_by_key(|entity| entity.start);
    kept
}

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant pattern")
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
        EntityKind::Passport | EntityKind::TravelPermit => keep(1, 5, 2),
        EntityKind::LicencePlate => keep(2, 4, 1),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::normalize::Normalizer;
    use EntityKind::*;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    /// Noon of a Saturday.
    const NOW: DateTime = jiff::civil::date(2026, 11, 21).at(12, 0, 0, 0);

    static TOOLS: LazyLock<(EntityFinder, Normalizer)> = LazyLock::new(|| {
        let products = Products::parse(include_str!("../../config/products.txt")).unwrap();
        (EntityFinder::new(products), Normalizer::new())
    });

    fn find(text: &str) -> Vec<Entity> {
        TOOLS.0.find(text, &TOOLS.1.normalize(text), NOW)
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
        check("2026.11.21买的，59.90元", &[(Date, "2026-11-21"), (Amount, "59.90")]);
        check("SF1234567890123到哪了", &[(TrackingNumber, "SF1234567890123")]);
        check("快递单号7712345678", &[(TrackingNumber, "7712345678")]);
        check("付了59.9元，少退我¥10", &[(Amount, "59.9"), (Amount, "10")]);
        check("2026年11月21日买了2件 3 5 8", &[(Date, "2026-11-21")]);
        check("热线400-000-1234打不通", &[]);
    }

    #[test]
    fn hears_numbers_however_they_are_typed() {
        check("幺三八零零幺三八零零零", &[(Phone, "13800138000")]);
        check("1️⃣3️⃣8️⃣0️⃣0️⃣1️⃣3️⃣8️⃣0️⃣0️⃣0️⃣", &[(Phone, "13800138000")]);
        check("后台192.168.31.100", &[]);
        check("前台010-62345678转8012", &[(Phone, "01062345678")]);
        check("卡6222021234567894001", &[(BankCard, "6222021234567894001")]);
        check("我是15位的110101610215012", &[(IdCard, "110101610215012")]);
    }

    #[test]
    fn times_are_counted_from_now() {
        check("前天下午买的", &[(Date, "2026-11-19T12:00/2026-11-19T18:00")]);
        check("晚上8点半", &[(Date, "2026-11-21T20:30")]);
        check("上周五到本周日", &[(Date, "2026-11-13"), (Date, "2026-11-22")]);
        check("1月5号", &[(Date, "2027-01-05")]);
        check("半小时前", &[(Date, "2026-11-21T11:30")]);
        check("这个月底", &[(Date, "2026-11-30")]);
        check("等了3天，7天无理由，便宜一点", &[]);
    }

    #[test]
    fn finds_goods_and_what_is_wrong_with_them() {
        check("禾净R5的边刷断了", &[(Product, "禾净扫地机器人 R5"), (Fault, "边刷断裂")]);
        check("手机号换了", &[]);
        check("没有坏，会掉色吗", &[]);
        check("iPhone 15 Pro充不进电", &[(Model, "IPHONE15PRO"), (Fault, "无法充电")]);
        check("预算2k左右，一百五十块也行", &[(Amount, "2000"), (Amount, "150")]);
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
