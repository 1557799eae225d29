//! What an editor should look at, though nothing is wrong in form: articles that ask the same,
//! that say different numbers about the same, that nobody has looked at for too long, or that rely
//! on something that changed.
//!
//! It is advice: precision goes before recall, since a list with many false alarms is not read.
//! Pure; looks at the highest version of each article that is not archived.

use super::article::{Article, Status, plain_text};
use jiff::civil::Date;
use regex::Regex;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;
use std::sync::LazyLock;
use utoipa::ToSchema;

/// Share of character pairs (Dice) from which two questions count as the same. Of the four findings
/// in kb-index/articles (215 versions, 2026-11-22) two ask the same and one is worth a look; of the
/// two in kb-index/articles one is worth a look. At 0.7 there are six and seven, with one more
/// that is worth a look.
const SAME_QUESTION: f32 = 0.76;
/// Share of character pairs from which two clauses are about the same, their numbers left out. With
/// this bound and the next the two sets of articles under kb-index, where contradictions have been
/// settled, give no false alarm, and a number changed in a copy is found.
const SAME_CLAUSE: f32 = 0.5;
/// Share of character pairs from which the standard questions make two articles neighbours.
const NEIGHBOURS: f32 = 0.3;
/// Letters of a clause, its quantities left out, below which it says too little to compare.
const MIN_CLAUSE_LETTERS: usize = 5;

/// Something to look at.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Advice {
    /// Two articles ask (nearly) the same: the customer gets one or the other by chance.
    Duplicate {
        /// One article.
        #[schema(example = "refund-time")]
        id: String,
        /// The other one.
        #[schema(example = "refund-arrival")]
        other: String,
        /// The question in the one, standard or variant.
        #[schema(example = "退款多久到账")]
        question: String,
        /// The question in the other.
        #[schema(example = "退款多久能到账")]
        other_question: String,
        /// Share of character pairs, 1 where the letters are the same.
        #[schema(example = 0.91)]
        similarity: f32,
    },
    /// Two neighbouring articles say the same with different numbers.
    Contradiction {
        /// One article.
        #[schema(example = "return-seven-days")]
        id: String,
        /// The other one.
        #[schema(example = "return-overdue")]
        other: String,
        /// The sentence in the one.
        #[schema(example = "从签收起 7 天内可以申请无理由退货。")]
        sentence: String,
        /// The sentence in the other.
        #[schema(example = "从签收起 15 天内可以申请无理由退货。")]
        other_sentence: String,
    },
    /// The day for looking at it again has passed.
    Overdue {
        /// The article.
        #[schema(example = "return-seven-days")]
        id: String,
        /// Who answers for it.
        #[schema(example = "售后组 林晓")]
        owner: Option<String>,
        /// The day.
        #[schema(value_type = String, format = Date, example = "2026-10-01")]
        review_by: Date,
    },
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duplicate { id, other, question, other_question, similarity } => write!(
                f,
                "\"{id}\" and \"{other}\" ask nearly the same ({similarity:.2}): \
                 {question} / {other_question}"
            ),
            Self::Contradiction { id, other, sentence, other_sentence } => write!(
                f,
                "\"{id}\" and \"{other}\" may contradict each other: \
                 {sentence} / {other_sentence}"
            ),
            Self::Overdue { id, owner, review_by } => {
                let owner = owner.as_deref().unwrap_or("nobody");
                write!(f, "\"{id}\" was to be reviewed by {review_by}; {owner} answers for it")
            }
        }
    }
}

/// Everything worth a look on `today`: overdue reviews, duplicates, contradictions; each ordered
/// by id.
///
/// Takes about half a second for 400 articles in an unoptimised build.
#[must_use]
pub fn advise(articles: &[Article], today: Date) -> Vec<Advice> {
    let current = current(articles);
    let mut advice: Vec<Advice> = overdue(articles, today)
        .into_iter()
        .map(|article| Advice::Overdue {
            id: article.id.clone(),
            owner: article.owner.clone(),
            review_by: article.review_by.unwrap_or(today),
        })
        .collect();
    advice.extend(duplicates(&current));
    advice.extend(contradictions(&current));
    advice
}

/// The articles whose review was due before `today`, ordered by id.
#[must_use]
pub fn overdue(articles: &[Article], today: Date) -> Vec<&Article> {
    let due = |article: &&Article| article.review_by.is_some_and(|day| day < today);
    current(articles).into_iter().filter(due).collect()
}

/// The articles that rely on `dependency`, such as `policy:return-7d`, ordered by id: when it
/// changes, they have to be looked at.
#[must_use]
pub fn stale<'a>(articles: &'a [Article], dependency: &str) -> Vec<&'a Article> {
    let relies = |article: &&Article| article.depends_on.iter().any(|name| name == dependency);
    current(articles).into_iter().filter(relies).collect()
}

/// The highest version of each article that is not archived, ordered by id.
fn current(articles: &[Article]) -> Vec<&Article> {
    let mut by_id: BTreeMap<&str, &Article> = BTreeMap::new();
    for article in articles.iter().filter(|article| article.status != Status::Archived) {
        let newest = by_id.entry(&article.id).or_insert(article);
        if article.version > newest.version {
            *newest = article;
        }
    }
    by_id.into_values().collect()
}

/// Pairs of neighbouring letters, marks and spaces left out.
pub(crate) type Pairs = BTreeSet<(char, char)>;

fn letters(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase)
}

pub(crate) fn pairs(text: &str) -> Pairs {
    letters(text).zip(letters(text).skip(1)).collect()
}

/// Twice the common pairs over all pairs, 0 to 1.
pub(crate) fn dice(a: &Pairs, b: &Pairs) -> f32 {
    let total = a.len() + b.len();
    if total == 0 {
        return 0.0;
    }
    2.0 * a.intersection(b).count() as f32 / total as f32
}

/// The most similar questions of each two articles, where they are similar enough.
fn duplicates(current: &[&Article]) -> Vec<Advice> {
    let questions: Vec<(usize, &str)> = current
        .iter()
        .enumerate()
        .flat_map(|(idx, article)| article.questions().map(move |question| (idx, question)))
        .collect();
    let pairs: Vec<Pairs> = questions.iter().map(|(_, question)| pairs(question)).collect();
    let mut best: BTreeMap<(usize, usize), (f32, &str, &str)> = BTreeMap::new();
    for (first, second) in candidates(&pairs, SAME_QUESTION) {
        let ((a, question), (b, other)) = (questions[first], questions[second]);
        let similarity = dice(&pairs[first], &pairs[second]);
        if a == b || similarity < SAME_QUESTION || differ_in_sense(question, other) {
            continue;
        }
        let found = best.entry((a, b)).or_insert((0.0, question, other));
        if similarity > found.0 {
            *found = (similarity, question, other);
        }
    }
    let advice = |((a, b), (similarity, question, other)): ((usize, usize), (f32, &str, &str))| {
        Advice::Duplicate {
            id: current[a].id.clone(),
            other: current[b].id.clone(),
            question: question.to_owned(),
            other_question: other.to_owned(),
            similarity,
        }
    };
    best.into_iter().map(advice).collect()
}

/// Texts, by their pairs, among which all are whose share of common pairs is at least `share`.
/// They are found through their rarest pairs, so that the cost grows with what the texts have in
/// common rather than with the square of their number.
fn candidates(texts: &[Pairs], share: f32) -> BTreeSet<(usize, usize)> {
    let mut places: HashMap<(char, char), Vec<usize>> = HashMap::new();
    for (idx, pairs) in texts.iter().enumerate() {
        for pair in pairs {
            places.entry(*pair).or_default().push(idx);
        }
    }
    let mut found = BTreeSet::new();
    for (idx, pairs) in texts.iter().enumerate() {
        let mut rarest: Vec<&Vec<usize>> = pairs.iter().map(|pair| &places[pair]).collect();
        rarest.sort_by_key(|places| places.len());
        // The shorter of two texts lacks at most this part of its pairs in the longer one, so that
        // one more than these must hit. The shorter one looks for both.
        let n_missing = (pairs.len() as f32 * (1.0 - share)) as usize;
        for other in rarest.into_iter().take(n_missing + 1).flatten() {
            found.insert((idx.min(*other), idx.max(*other)));
        }
    }
    found.retain(|(a, b)| a != b);
    found
}

/// Whether one text holds a word of contrast, or a number or Latin word, that the other lacks.
fn differ_in_sense(a: &str, b: &str) -> bool {
    const CONTRAST: [&str; 26] = [
        "不", "没", "未", "退", "换", "修", "前", "后", "买", "卖", "收", "发", "寄", "取消",
        "开通", "关", "男", "女", "大", "小", "充", "查", "改", "提前", "延", "钱",
    ];
    CONTRAST.iter().any(|word| a.contains(word) != b.contains(word)) || names(a) != names(b)
}

/// Runs of Latin letters and digits, such as the names of models.
fn names(text: &str) -> HashSet<String> {
    let runs = text.split(|c: char| !c.is_ascii_alphanumeric());
    runs.filter(|run| !run.is_empty()).map(str::to_ascii_lowercase).collect()
}

/// A part of a sentence that holds quantities.
struct Clause<'a> {
    sentence: &'a str,
    /// What it says with the quantities left out.
    pairs: Pairs,
    names: HashSet<String>,
    /// Values with their units, in order.
    quantities: Vec<(String, &'static str)>,
}

/// Units with their forms; days of the month and single years are dates, not quantities.
const UNITS: [(&str, &[&str]); 10] = [
    ("工作日", &["个工作日", "工作日"]),
    ("小时", &["个小时", "小时"]),
    ("分钟", &["分钟"]),
    ("月", &["个月"]),
    ("天", &["天"]),
    ("年", &["年"]),
    ("元", &["元", "块"]),
    ("次", &["次"]),
    ("%", &["%"]),
    ("折", &["折"]),
];

static QUANTITY: LazyLock<Regex> = LazyLock::new(|| {
    let units: Vec<&str> = UNITS.iter().flat_map(|(_, forms)| forms.iter().copied()).collect();
    let number = r"\d+(?:\.\d+)?|[一二两三四五六七八九十百]+";
    let range = format!(r"(?:{number})(?:\s*[–~～至到-]\s*(?:{number}))?");
    Regex::new(&format!(r"({range})\s*({})", units.join("|"))).expect("made of literals")
});

/// The clauses of `text` that say enough to be compared; a short one takes the one before it in
/// its sentence along, as in 订单带运费险的，最高赔 12 元.
fn clauses(text: &str) -> Vec<Clause<'_>> {
    let mut clauses = Vec::new();
    for sentence in text.split_inclusive(['。', '！', '？', '\n', '；']) {
        let mut before = "";
        for part in sentence.split(['，', '：', '（', '）', '。', '；', ',']) {
            let alone = clause(sentence, part);
            clauses.extend(alone.or_else(|| clause(sentence, &format!("{before}{part}"))));
            before = if QUANTITY.is_match(part) { "" } else { part };
        }
    }
    clauses
}

/// `None` where the part holds no quantity or says too little besides.
fn clause<'a>(sentence: &'a str, part: &str) -> Option<Clause<'a>> {
    let mut quantities = Vec::new();
    for found in QUANTITY.captures_iter(part) {
        let (value, form) = (found.get(1)?.as_str(), found.get(2)?.as_str());
        let (unit, _) = UNITS.iter().find(|(_, forms)| forms.contains(&form))?;
        let value = digits(value);
        let is_idiom = value == "1" && matches!(*unit, "次" | "天");
        let is_date = *unit == "年" && value.len() == 4;
        if !is_idiom && !is_date {
            quantities.push((value, *unit));
        }
    }
    let rest = QUANTITY.replace_all(part, "");
    let says_enough = letters(&rest).count() >= MIN_CLAUSE_LETTERS;
    (!quantities.is_empty() && says_enough).then(|| Clause {
        sentence: sentence.trim(),
        pairs: pairs(&rest),
        names: names(&rest),
        quantities,
    })
}

/// A number with Chinese digits in Arabic ones, as far as they occur before units.
fn digits(value: &str) -> String {
    const DIGITS: &str = "零一二三四五六七八九";
    let value = value.replace('两', "二").replace(['~', '～', '至', '到', '-'], "–");
    let value = value.replace([' ', '\u{a0}'], "");
    let of = |c: char| DIGITS.chars().position(|digit| digit == c);
    let plain: Vec<char> = value.chars().collect();
    match plain[..] {
        [c] if of(c).is_some() => of(c).unwrap_or_default().to_string(),
        ['十'] => "10".into(),
        ['十', c] => of(c).map_or(value, |unit| (10 + unit).to_string()),
        [c, '十'] => of(c).map_or(value, |ten| (10 * ten).to_string()),
        _ => value,
    }
}

/// Clauses of neighbouring articles that are about the same, in the same units, with other values.
/// An article that knows the other's value speaks of both cases and is let pass.
fn contradictions(current: &[&Article]) -> Vec<Advice> {
    let texts: Vec<String> = current.iter().map(|article| plain_text(&article.body)).collect();
    let clauses: Vec<Vec<Clause<'_>>> = texts.iter().map(|text| clauses(text)).collect();
    let values: Vec<HashSet<(String, &'static str)>> =
        texts.iter().map(|text| values(text)).collect();
    let mut advice = Vec::new();
    for (a, b) in neighbours(current) {
        let differing = clauses[a].iter().flat_map(|x| clauses[b].iter().map(move |y| (x, y)));
        let known = |clause: &Clause<'_>, values: &HashSet<(String, &'static str)>| {
            clause.quantities.iter().all(|quantity| values.contains(quantity))
        };
        let found = differing
            .into_iter()
            .find(|(x, y)| differ(x, y) && !known(x, &values[b]) && !known(y, &values[a]));
        if let Some((x, y)) = found {
            advice.push(Advice::Contradiction {
                id: current[a].id.clone(),
                other: current[b].id.clone(),
                sentence: x.sentence.to_owned(),
                other_sentence: y.sentence.to_owned(),
            });
        }
    }
    advice
}

fn differ(x: &Clause<'_>, y: &Clause<'_>) -> bool {
    let units = |clause: &Clause<'_>| clause.quantities.iter().map(|q| q.1).collect::<Vec<_>>();
    units(x) == units(y)
        && x.quantities != y.quantities
        && x.names == y.names
        && dice(&x.pairs, &y.pairs) >= SAME_CLAUSE
}

/// All quantities of a text.
fn values(text: &str) -> HashSet<(String, &'static str)> {
    let all = QUANTITY.captures_iter(text).filter_map(|found| {
        let form = found.get(2)?.as_str();
        let (unit, _) = UNITS.iter().find(|(_, forms)| forms.contains(&form))?;
        Some((digits(found.get(1)?.as_str()), *unit))
    });
    all.collect()
}

/// Articles that are valid on a common day and rely on the same, lie in the same category or ask
/// alike.
fn neighbours(current: &[&Article]) -> BTreeSet<(usize, usize)> {
    let questions: Vec<Pairs> = current.iter().map(|article| pairs(&article.question)).collect();
    let mut found = candidates(&questions, NEIGHBOURS);
    found.retain(|(a, b)| dice(&questions[*a], &questions[*b]) >= NEIGHBOURS);
    let mut groups: HashMap<&str, Vec<usize>> = HashMap::new();
    for (idx, article) in current.iter().enumerate() {
        let names = article.depends_on.iter().map(String::as_str);
        for name in names.chain([article.category.as_str()]) {
            groups.entry(name).or_default().push(idx);
        }
    }
    for group in groups.values() {
        for (n, a) in group.iter().enumerate() {
            found.extend(group[n + 1..].iter().map(|b| (*a, *b)));
        }
    }
    found.retain(|(a, b)| current[*a].valid_with(current[*b]));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kb::article::{Category, load_articles};
    use crate::kb::testing::package;
    use proptest::prelude::*;

    const TODAY: Date = Date::constant(2026, 11, 22);

    fn article(id: &str, question: &str, body: &str) -> Article {
        Article {
            id: id.into(),
            category: Category::parse("售后/退货").unwrap(),
            question: question.into(),
            body: body.into(),
            ..Article::blank()
        }
    }

    fn check_questions(one: &str, other: &str, is_duplicate: bool) {
        let advice = advise(&[article("a", one, "甲"), article("b", other, "乙")], TODAY);
        assert_eq!(advice.len(), usize::from(is_duplicate), "{one} / {other}: {advice:?}");
    }

    #[test]
    fn tells_of_questions_asked_twice() {
        check_questions("退款多久到账？", "退款多久到账", true);
        check_questions("优惠券过期了能补吗", "券过期了能补吗", true);
        check_questions("怎么只收到一部分", "怎么只收到一半", true);
        check_questions("T1 怎么恢复出厂设置", "T2 怎么恢复出厂设置", false);
        check_questions("七天无理由退货怎么申请", "七天无理由退货不能申请", false);
        check_questions("发货前怎么改收货地址", "发货后怎么改收货地址", false);
        check_questions("运费谁出", "保修多久", false);
    }

    fn check_bodies(one: &str, other: &str, contradict: bool) {
        let advice = advise(&[article("a", "能退吗", one), article("b", "运费谁出", other)], TODAY);
        assert_eq!(advice.len(), usize::from(contradict), "{one} / {other}: {advice:?}");
    }

    #[test]
    fn tells_of_other_numbers_about_the_same() {
        let seven = "支持的。从签收起 7 天内可以申请无理由退货。";
        check_bodies(seven, "签收后 15 天内可申请无理由退货，运费自理。", true);
        check_bodies(seven, "签收后七天内可申请无理由退货。", false);
        check_bodies(seven, "签收后 15 小时内可申请无理由退货。", false);
        check_bodies(seven, "寄回后 15 天内还没退款请联系客服。", false);
        check_bodies(seven, "7 天无理由，质量问题从签收起 15 天内可以申请退货。", false);
        check_bodies("订单运费险最高赔付 12 元。", "订单运费险最高赔付 15 元。", true);
        check_bodies("1–3 个工作日到账银行卡。", "3-7 个工作日到账银行卡。", true);
    }

    #[test]
    fn only_neighbours_valid_on_a_common_day_contradict() {
        let articles = |change: &dyn Fn(&mut Article)| {
            let mut other = article("b", "运费谁出", "订单运费险最高赔付 15 元。");
            change(&mut other);
            [article("a", "能退吗", "订单运费险最高赔付 12 元。"), other]
        };
        let elsewhere = |a: &mut Article| a.category = Category::parse("服务/配送").unwrap();
        assert_eq!(advise(&articles(&|_| {}), TODAY).len(), 1);
        assert_eq!(advise(&articles(&elsewhere), TODAY), []);
        assert_eq!(advise(&articles(&|a| a.status = Status::Archived), TODAY), []);
        let mut bound = articles(&elsewhere);
        for article in &mut bound {
            article.depends_on = vec!["policy:freight".into()];
        }
        assert_eq!(advise(&bound, TODAY).len(), 1);
        bound[0].valid_until = Some(Date::constant(2026, 1, 1));
        bound[1].valid_from = Date::constant(2026, 1, 2);
        assert_eq!(advise(&bound, TODAY), []);
    }

    #[test]
    fn overdue_and_stale_look_at_the_newest_version() {
        let version = |version, review_by: Option<&str>, policy: &str| Article {
            version,
            review_by: review_by.map(|day| day.parse().unwrap()),
            depends_on: vec![policy.into()],
            ..article("a", "能退吗", "能。")
        };
        let old = version(1, Some("2026-11-21"), "policy:old");
        let due = version(2, Some("2026-11-21"), "policy:new");
        assert_eq!(overdue(&[due.clone(), old.clone()], TODAY), [&due]);
        assert_eq!(
            overdue(&[version(2, Some("2026-11-22"), "policy:new"), old.clone()], TODAY),
            [] as [&Article; 0]
        );
        assert_eq!(stale(&[due.clone(), old.clone()], "policy:new"), [&due]);
        assert_eq!(stale(&[due, old], "policy:old"), [] as [&Article; 0]);
    }

    /// The shop's own articles have been reviewed: whatever is told of their numbers is a false
    /// alarm. A copy with one number changed is not.
    #[test]
    fn finds_a_changed_number_among_the_shops_articles() {
        let articles = load_articles(&package("kb-index/articles")).unwrap();
        let contradictions = |articles: &[Article]| {
            let advice = advise(articles, TODAY).into_iter();
            advice
                .filter(|advice| matches!(advice, Advice::Contradiction { .. }))
                .collect::<Vec<_>>()
        };
        assert_eq!(contradictions(&articles), []);
        let original = articles.iter().rfind(|article| article.id == "return-seven-days").unwrap();
        let copy = Article {
            id: "return-copy".into(),
            body: original.body.replace("最高赔 12 元", "最高赔 13 元"),
            ..original.clone()
        };
        assert_ne!(copy.body, original.body);
        let found = contradictions(&[articles, vec![copy]].concat());
        assert!(
            matches!(&found[..], [Advice::Contradiction { id, other, sentence, .. }, ..]
                if id == "return-copy" && other == "return-seven-days" && sentence.contains("13")),
            "{found:?}"
        );
    }

    proptest! {
        #[test]
        fn no_similar_text_is_missed(texts in prop::collection::vec("[甲乙丙丁]{0,8}", 0..12)) {
            let pairs: Vec<Pairs> = texts.iter().map(|text| pairs(text)).collect();
            for share in [SAME_QUESTION, NEIGHBOURS] {
                let found = candidates(&pairs, share);
                for b in 0..pairs.len() {
                    for a in 0..b {
                        prop_assert!(dice(&pairs[a], &pairs[b]) < share || found.contains(&(a, b)));
                    }
                }
            }
        }
    }
}
