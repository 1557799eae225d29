//! Names of people: after a word that announces one, or beside a phone number.
//!
//! Two to four Chinese characters that begin with a surname; no dictionary decides, so a name must
//! end where a sentence may go on after a name.

use super::words::{Names, Places, split};
use super::{EntityKind, Found, regex};
use regex::Regex;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// What may follow a name in one sentence.
const AFTER: &str = "电话|手机|先生|女士|小姐|身份|证件|护照|卡号|的|收|签|代|麻烦|请|帮|了|吧|吗|呢|哈|和|跟|与|，|是|不|她|他|在|就|我|要|申请|实名|上午|下午|昨天|今天|被|写|换|改|说|来|退|买|订|拿|取|确认|这|那|名下|本人|投诉|反馈|咨询|查|想|一直|没|也|地址|账号|微信|打";
/// Words that announce a name whatever else the text says.
const CUES: &str = "收件人|收货人|取件人|寄件人|发件人|联系人|签收人|投诉人|预约人|负责人|申请人|退货人|收款人|付款人|监护人|购买人|开票人|经办人|\
                    姓名|名字|户名|户主|机主|车主|卡主|持卡人|法人|我叫|本人|实名信息|实名|署名|开票给|转交|退款账户|会员|抬头个人,|个人";
/// Words that announce one only where the text is about who sends or receives.
const WEAK_CUES: &str = "改成|改为|改由|换成|写成|打成|错成|填成|填的|不是|而不是|是|由|给|找|打给|寄给|交给|退给|叫|前台|联系|写|用|收:|\
                         我(?:老公|老婆|妈妈?|爸爸?|儿子|女儿|姐姐?|哥哥?|弟弟?|妹妹?|同事|朋友|室友|邻居|对象|男朋友|女朋友)|同事|朋友";
/// Texts about who sends or receives.
const ABOUT_PEOPLE: [&str; 11] =
    ["收", "寄给", "转给", "转交", "联系人", "姓名", "名字", "实名", "退款", "支付宝", "抬头"];

pub(super) struct NameFinder {
    singles: HashSet<char>,
    doubles: Vec<String>,
    /// Words that are no names, by their first two characters.
    none: HashMap<[char; 2], Vec<String>>,
    titles: Vec<String>,
    cue: Regex,
    weak_cue: Regex,
    me: Regex,
    any_name: Regex,
    received: Regex,
    owner: Regex,
    after: Regex,
    han_run: Regex,
}

impl NameFinder {
    pub(super) fn new(names: &Names, places: &Places) -> Self {
        let owned = |list: &str| split(list).map(str::to_owned).collect::<Vec<_>>();
        let mut none: HashMap<[char; 2], Vec<String>> = HashMap::new();
        // Cities, too, begin with surnames: 秦皇岛.
        let lists = [&names.none, &places.provinces, &places.cities];
        for word in lists.into_iter().flat_map(|list| split(list)) {
            let mut chars = word.chars();
            if let (Some(first), Some(second)) = (chars.next(), chars.next()) {
                none.entry([first, second]).or_default().push(word.to_owned());
            }
        }
        Self {
            singles: names.single.chars().filter(|c| !c.is_whitespace()).collect(),
            doubles: owned(&names.double),
            none,
            titles: owned(&names.titles),
            cue: regex(&format!(
                r"(?:{CUES})(?:信息|姓名|名字|有误|写错了|是|为|叫|写成?|填的?|改成|改为|换成|:|,|\s)*"
            )),
            weak_cue: regex(&format!(r"(?:{WEAK_CUES})(?:是|为|:|\s)*")),
            me: regex(r"(?:^|[^\p{Han}]|你好|您好)我是"),
            any_name: regex(r"^([\p{Han}]{2,4}(?:·[\p{Han}]{1,6})?)(?:$|[^\p{Han}·])"),
            received: regex(r"([\p{Han}]{2,4})(?:\(收\)|代?收)(?:$|[^\p{Han}])"),
            owner: regex(
                r"(?:^|[^\p{Han}]|被)([\p{Han}]{2,3})(?:的(?:件|快递|包裹)|签了|签收|拿走|领走)",
            ),
            after: regex(&format!(r"^(?:$|[^\p{{Han}}]|{AFTER})")),
            han_run: regex(r"\p{Han}+"),
        }
    }

    /// Adds the names; `personal` is where other personal data stands.
    pub(super) fn find(&self, text: &str, personal: &[Range<usize>], found: &mut Vec<Found>) {
        let mut names: Vec<Range<usize>> = Vec::new();
        for m in self.cue.find_iter(text) {
            names.extend(self.name_at(text, m.end()));
            let is_field = ["姓名", "收", "联系人"].iter().any(|field| m.as_str().contains(field));
            if is_field && (m.as_str().ends_with([':', ' ', ',']) || !personal.is_empty()) {
                names.extend(self.any_name_at(text, m.end()));
            }
        }
        for m in self.me.find_iter(text) {
            let is_end = |name: &Range<usize>| !text[name.end..].starts_with(is_han);
            names.extend(self.name_at(text, m.end()).filter(is_end));
        }
        if !personal.is_empty() {
            names.extend(self.names_alone(text));
        }
        let is_about_people = !personal.is_empty()
            || !names.is_empty()
            || ABOUT_PEOPLE.iter().any(|word| text.contains(word));
        if is_about_people {
            for m in self.weak_cue.find_iter(text) {
                names.extend(self.name_at(text, m.end()));
            }
            for pattern in [&self.received, &self.owner] {
                for m in pattern.captures_iter(text).filter_map(|captures| captures.get(1)) {
                    names.extend(self.name_ending(text, m.range()));
                }
            }
        }
        found.extend(names.into_iter().map(|bytes| Found {
            kind: EntityKind::Name,
            value: text[bytes.clone()].to_owned(),
            bytes,
        }));
    }

    /// The shortest name that begins at `at` and ends where a sentence may go on.
    fn name_at(&self, text: &str, at: usize) -> Option<Range<usize>> {
        let rest = &text[at..];
        let surname = self.surname(rest)?;
        let mut end = surname;
        // Four characters at most, a double surname included.
        let n_given = if rest[..surname].chars().nth(1).is_some() { 2 } else { 3 };
        for c in rest[surname..].chars().take(n_given) {
            if !is_han(c) {
                return None;
            }
            end += c.len_utf8();
            if self.after.is_match(&rest[end..]) && !self.is_title(&rest[surname..end]) {
                return Some(at..at + end);
            }
        }
        None
    }

    /// Whatever stands alone after "姓名：", for names that begin with no frequent surname.
    fn any_name_at(&self, text: &str, at: usize) -> Option<Range<usize>> {
        let name = self.any_name.captures(&text[at..])?.get(1)?;
        let name_text = name.as_str();
        let is_name = !self.is_none(name_text)
            && !name_text.ends_with(['了', '吗', '呢', '的', '错'])
            && !self.titles.iter().any(|title| name_text.ends_with(title.as_str()));
        is_name.then(|| at + name.start()..at + name.end())
    }

    /// A name that ends at the end of `range`, which holds two to four characters.
    fn name_ending(&self, text: &str, range: Range<usize>) -> Option<Range<usize>> {
        let starts = text[range.clone()].char_indices().map(|(i, _)| range.start + i);
        starts.clone().find_map(|start| {
            let name = &text[start..range.end];
            let n_chars = name.chars().count();
            let surname = self.surname(name)?;
            let is_name = (2..=4).contains(&n_chars)
                && (n_chars <= 3 || surname > '王'.len_utf8())
                && !self.is_title(&name[surname..])
                && !name.ends_with(['签', '代', '接', '查', '验', '拒', '退', '没', '的'])
                // The whole word, or after a word that hands something over.
                && (start == 0 || text[..start].ends_with(|c: char| !is_han(c) || "是给由找写叫人被".contains(c)));
            is_name.then_some(start..range.end)
        })
    }

    /// Runs of Chinese characters that are a name from end to end, perhaps with 收 behind it.
    fn names_alone(&self, text: &str) -> Vec<Range<usize>> {
        let runs = self
            .han_run
            .find_iter(text)
            .map(|run| run.start()..run.start() + run.as_str().trim_end_matches('收').len());
        let is_name = |run: &Range<usize>| {
            let name = &text[run.clone()];
            self.surname(name).is_some_and(|surname| {
                let given = &name[surname..];
                (1..=2).contains(&given.chars().count())
                    && !given.ends_with(['的', '了', '吗'])
                    && !self.is_title(given)
            })
        };
        runs.filter(is_name).collect()
    }

    /// Length in bytes of the surname that `text` begins with, unless it begins another word.
    fn surname(&self, text: &str) -> Option<usize> {
        if self.is_none(text) {
            return None;
        }
        if let Some(double) = self.doubles.iter().find(|double| text.starts_with(double.as_str())) {
            return Some(double.len());
        }
        let first = text.chars().next()?;
        self.singles.contains(&first).then(|| first.len_utf8())
    }

    fn is_none(&self, text: &str) -> bool {
        let mut chars = text.chars();
        let (Some(first), Some(second)) = (chars.next(), chars.next()) else { return false };
        let words = self.none.get(&[first, second]);
        words.is_some_and(|words| words.iter().any(|word| text.starts_with(word.as_str())))
    }

    /// Whether what follows a surname is a form of address, as in 王先生.
    fn is_title(&self, given: &str) -> bool {
        self.titles.iter().any(|title| given.starts_with(title.as_str()))
            || given.starts_with(['女', '先']) && given.chars().count() == 1
    }
}

fn is_han(c: char) -> bool {
    matches!(c, '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}')
}
