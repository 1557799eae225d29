//! Reads one article file: TOML front matter between two lines `+++`, then the answer.

use super::{Article, Node, Problem, Read, Table, Value, read_article};
use jiff::civil::Date;
use std::collections::HashMap;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The line around front matter.
pub(super) const FENCE: &str = "+++";

/// An article with the lines its faults across files are reported at.
#[derive(Debug)]
pub struct Parsed {
    /// The article.
    pub article: Article,
    lines: HashMap<&'static str, usize>,
}

impl Parsed {
    /// Line of a key in the file, counted from 1; the first line for a key that is absent.
    #[must_use]
    pub fn line_of(&self, key: &str) -> usize {
        self.lines.get(key).copied().unwrap_or(1)
    }
}

/// Reads `content`, one whole file.
///
/// # Errors
/// All faults that can be seen in this file alone, each with its line.
pub fn parse_article(content: &str) -> Result<Parsed, Vec<(usize, Problem)>> {
    let Read { article, lines } = read_article(parse_table(content)?, 1)?;
    Ok(Parsed { article, lines })
}

/// The values of a file, its body among them, before they are looked at.
///
/// # Errors
/// Where the file is not made of front matter and body, or the front matter is not TOML.
pub(crate) fn parse_table(content: &str) -> Result<Table, Vec<(usize, Problem)>> {
    let Some((front_matter, body)) = split(content) else {
        return Err(vec![(1, Problem::NoFrontMatter)]);
    };
    let (table, errors) = DeTable::parse_recoverable(front_matter);
    if !errors.is_empty() {
        let fault = |error: &toml::de::Error| {
            let start = error.span().map_or(0, |span| span.start);
            (line_of(front_matter, start), Problem::Syntax(error.message().to_owned()))
        };
        return Err(errors.iter().map(fault).collect());
    }
    let mut table = read_table(table.into_inner(), front_matter);
    let line = front_matter.lines().count() + 2;
    let body = Node { line, value: Value::Text(body.to_owned()) };
    match table.insert("body".to_owned(), body) {
        Some(node) => Err(vec![(node.line, Problem::UnknownKey("body".to_owned()))]),
        None => Ok(table),
    }
}

/// Front matter and body; the front matter starts on line 2 of the file.
fn split(content: &str) -> Option<(&str, &str)> {
    let content = content.strip_prefix('\u{feff}').unwrap_or(content);
    let inner = content.strip_prefix(FENCE)?;
    let inner = inner.strip_prefix("\r\n").or_else(|| inner.strip_prefix('\n'))?;
    let mut offset = 0;
    for line in inner.split_inclusive('\n') {
        if line.trim_end() == FENCE {
            return Some((&inner[..offset], inner[offset + line.len()..].trim()));
        }
        offset += line.len();
    }
    None
}

/// Line in the file of a byte of the front matter.
fn line_of(front_matter: &str, offset: usize) -> usize {
    let before = front_matter.as_bytes().iter().take(offset);
    2 + before.filter(|&&byte| byte == b'\n').count()
}

fn read_table(table: DeTable<'_>, front_matter: &str) -> Table {
    let read = |(key, value): (Spanned<_>, Spanned<_>)| {
        let key: toml::de::DeString<'_> = key.into_inner();
        (key.into_owned(), read_value(value, front_matter))
    };
    table.into_iter().map(read).collect()
}

fn read_value(value: Spanned<DeValue<'_>>, front_matter: &str) -> Node {
    let line = line_of(front_matter, value.span().start);
    let value = match value.into_inner() {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(number) => {
            u32::from_str_radix(number.as_str(), number.radix()).map_or(Value::Other, Value::Count)
        }
        DeValue::Datetime(toml::value::Datetime { date: Some(date), time: None, offset: None }) => {
            // TOML has checked the ranges: year up to 9999, month, day of month.
            Date::new(date.year as i16, date.month as i8, date.day as i8)
                .map_or(Value::Other, Value::Date)
        }
        DeValue::Array(items) => {
            Value::List(items.into_iter().map(|item| read_value(item, front_matter)).collect())
        }
        DeValue::Table(table) => Value::Table(read_table(table, front_matter)),
        _ => Value::Other,
    };
    Node { line, value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kb::article::Kind;

    const SOUND: &str = r#"+++
id = "refund-arrival-time"
version = 2
status = "published"
kind = "faq"
category = "售后/退款/到账时间"
question = "退款多久到账？"
variants = ["钱什么时候退给我"]
valid_from = 2026-01-01
updated = 2026-02-01
media = [{ kind = "image", url = "media/a.png", alt = "进度" }]
+++

微信、支付宝 1–3 个工作日。

- 银行卡 3–7 个工作日
"#;

    #[test]
    fn reads_a_sound_file() {
        let article = parse_article(SOUND).unwrap().article;
        assert_eq!(article.version, 2);
        assert_eq!(article.kind, Kind::Faq);
        assert_eq!(article.valid_from, Date::constant(2026, 1, 1));
        assert_eq!(article.media[0].alt, "进度");
        assert_eq!(article.body, "微信、支付宝 1–3 个工作日。\n\n- 银行卡 3–7 个工作日");
        assert_eq!(parse_article(&SOUND.replace('\n', "\r\n")).unwrap().article.id, article.id);
    }

    /// Replaces one line of [`SOUND`] and expects exactly these faults.
    fn check(line: &str, replacement: &str, expected: &[(usize, &str)]) {
        assert!(SOUND.contains(line));
        let faults = parse_article(&SOUND.replace(line, replacement)).unwrap_err();
        let told: Vec<_> = faults.iter().map(|(line, fault)| (*line, fault.to_string())).collect();
        let told: Vec<_> = told.iter().map(|(line, fault)| (*line, fault.as_str())).collect();
        assert_eq!(told, expected, "with {replacement:?}");
    }

    #[test]
    fn names_every_fault_with_its_line() {
        check("version = 2", "version = 0", &[(3, "`version` must be a whole number from 1")]);
        check("version = 2", "", &[(1, "the key `version` is missing")]);
        check("退款多久到账？", " ", &[(7, "`question` is empty")]);
        check(
            "售后/退款/到账时间",
            "售前",
            &[(
                6,
                "the category \"售前\" must be 产品, 服务 or 售后 followed by one to three levels",
            )],
        );
        check(
            "updated",
            "valid_until = 2025-12-31\nupdated",
            &[(10, "`valid_until` 2025-12-31 lies before `valid_from` 2026-01-01")],
        );
        check(
            "updated = 2026-02-01",
            "updated = \"2026-02-01\"",
            &[(10, "`updated` must be a date such as 2026-07-01, without quotes")],
        );
        check(
            "refund-arrival-time",
            "../退款",
            &[(2, "the id \"../退款\" may hold lower-case letters, digits and hyphens only")],
        );
        check(
            "kind = \"image\", ",
            "typ = 1, ",
            &[(11, "the key `media.kind` is missing"), (11, "unknown key `media.typ`")],
        );
        check(
            "\"钱什么时候退给我\"",
            "\"\", 3",
            &[(8, "`variants` is empty"), (8, "`variants` must be a list of texts")],
        );
        check(
            "status = \"published\"\nkind = \"faq\"",
            "status = \"live\"\nautor = \"a\"",
            &[
                (1, "the key `kind` is missing"),
                (
                    4,
                    "`status` is \"live\", but must be one of draft, review, approved, published, archived",
                ),
                (5, "unknown key `autor`"),
            ],
        );
        check(
            "+++\n\n",
            "++\n\n",
            &[(1, "the file must start with a line `+++`, and the front matter end with another")],
        );
    }

    #[test]
    fn reads_everything_an_article_may_hold() {
        let more = r#"owner = "售后组"
review_by = 2027-01-01
tags = ["退款"]
see_also = ["refund-apply"]
replaces = ["refund-old"]
depends_on = ["policy:refund"]
attachments = [{ name = "表.pdf", url = "files/a.pdf" }]
[[actions]]
id = "refund.lookup"
label = "查退款"
params = { scope = "全部" }
[[answers]]
channels = ["douyin"]
tags = ["会员"]
body = """
抖音会员当天到账。
"""
+++

"#;
        let article = parse_article(&SOUND.replace("+++\n\n", more)).unwrap().article;
        assert_eq!(article.owner.as_deref(), Some("售后组"));
        assert_eq!(article.review_by, Some(Date::constant(2027, 1, 1)));
        assert_eq!((&*article.tags[0], &*article.depends_on[0]), ("退款", "policy:refund"));
        assert_eq!((&*article.see_also[0], &*article.replaces[0]), ("refund-apply", "refund-old"));
        assert_eq!(article.attachments[0].url, "files/a.pdf");
        assert_eq!(article.actions[0].params["scope"], "全部");
        assert_eq!(article.answers[0].body, "抖音会员当天到账。");
        let faulty =
            more.replace("\"policy:refund\"", "\"退款政策\"").replace("channels", "channel");
        let faults = parse_article(&SOUND.replace("+++\n\n", &faulty)).unwrap_err();
        let told: Vec<_> = faults.iter().map(|(line, fault)| (*line, fault.code())).collect();
        assert_eq!(told, [(17, "bad_dependency"), (24, "unknown_column")]);
    }

    #[test]
    fn tells_syntax_errors_and_empty_bodies() {
        let faults = parse_article(&SOUND.replace("version = 2", "version = ")).unwrap_err();
        assert!(matches!(faults[..], [(3, Problem::Syntax(_))]), "{faults:?}");
        let (head, _) = SOUND.split_once("微信").unwrap();
        assert_eq!(parse_article(head).unwrap_err(), [(12, Problem::Empty("body".into()))]);
    }
}
