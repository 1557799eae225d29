//! Reads one article file.
//!
//! The TOML tree is walked by hand rather than through serde: serde stops at the first fault, and
//! an editor wants to hear of all of them, each with its line.

use super::{Article, Category, Kind, Media, MediaKind, Problem, Status};
use jiff::civil::Date;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

/// The line around front matter.
const FENCE: &str = "+++";

/// An article with the lines its faults across files are reported at.
#[derive(Debug)]
pub struct Parsed {
    /// The article.
    pub article: Article,
    /// Line of the `id`.
    pub id_line: usize,
    /// Line of the first link.
    pub links_line: usize,
    /// Line of the standard question.
    pub question_line: usize,
}

/// Reads `content`, one whole file.
///
/// # Errors
/// All faults that can be seen in this file alone, each with its line.
pub fn parse_article(content: &str) -> Result<Parsed, Vec<(usize, Problem)>> {
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
    let mut fields = Fields::new(table.into_inner(), front_matter);
    let parsed = fields.read(body);
    fields.refuse_unknown_keys();
    match parsed {
        Some(parsed) if fields.faults.is_empty() => Ok(parsed),
        _ => {
            fields.faults.sort_by_key(|(line, _)| *line);
            Err(fields.faults)
        }
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

/// A table whose keys are taken out one by one, with the faults found on the way.
struct Fields<'a> {
    table: DeTable<'a>,
    front_matter: &'a str,
    /// Prefix of key names in messages, for tables inside.
    prefix: &'static str,
    /// Where the table itself starts, for missing keys.
    line: usize,
    faults: Vec<(usize, Problem)>,
}

/// A value with the line it stands on.
struct Located<T> {
    value: T,
    line: usize,
}

impl<'a> Fields<'a> {
    fn new(table: DeTable<'a>, front_matter: &'a str) -> Self {
        Self { table, front_matter, prefix: "", line: 1, faults: Vec::new() }
    }

    /// Takes every key of an article; `None` where one of them is missing or wrong.
    fn read(&mut self, body: &str) -> Option<Parsed> {
        let id = self.text("id");
        let version = self.version();
        let status = self.word("status", &STATUSES);
        let kind = self.word("kind", &KINDS);
        let category = self.category();
        let question = self.text("question");
        let variants = self.texts("variants");
        let intents = self.texts("intents");
        let links = self.texts("links");
        let media = self.media();
        let valid_from = self.date("valid_from", true);
        let valid_until = self.date("valid_until", false);
        let updated = self.date("updated", true);
        if let Some(id) = &id {
            self.check_id(id);
        }
        if let (Some(from), Some(until)) = (&valid_from, &valid_until)
            && until.value < from.value
        {
            let problem = Problem::DatesReversed { from: from.value, until: until.value };
            self.faults.push((until.line, problem));
        }
        if body.is_empty() {
            let last = self.front_matter.lines().count() + 2;
            self.faults.push((last, Problem::Empty("body".to_owned())));
        }
        let (id, question) = (id?, question?);
        Some(Parsed {
            id_line: id.line,
            question_line: question.line,
            links_line: links.line,
            article: Article {
                id: id.value,
                version: version?,
                status: status?,
                kind: kind?,
                category: category?,
                question: question.value,
                variants: variants.value,
                intents: intents.value,
                valid_from: valid_from?.value,
                valid_until: valid_until.map(|date| date.value),
                updated: updated?.value,
                links: links.value,
                media,
                body: body.to_owned(),
            },
        })
    }

    fn check_id(&mut self, id: &Located<String>) {
        let safe = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !id.value.chars().all(safe) {
            self.faults.push((id.line, Problem::BadId(id.value.clone())));
        }
    }

    fn version(&mut self) -> Option<u32> {
        let value = self.take("version", true)?;
        let number = match &value.value {
            DeValue::Integer(number) => u32::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        let number = number.filter(|&number| number >= 1);
        if number.is_none() {
            self.wrong_type("version", "a whole number from 1", value.line);
        }
        number
    }

    fn category(&mut self) -> Option<Category> {
        let path = self.text("category")?;
        let category = Category::parse(&path.value);
        if category.is_none() {
            self.faults.push((path.line, Problem::BadCategory(path.value)));
        }
        category
    }

    /// A required text that is not blank.
    fn text(&mut self, key: &'static str) -> Option<Located<String>> {
        let value = self.take(key, true)?;
        let Some(text) = value.value.as_str() else {
            self.wrong_type(key, "a text", value.line);
            return None;
        };
        if text.trim().is_empty() {
            self.faults.push((value.line, Problem::Empty(format!("{}{key}", self.prefix))));
            return None;
        }
        Some(Located { value: text.trim().to_owned(), line: value.line })
    }

    /// An optional list of texts, none of them blank; absent means empty.
    fn texts(&mut self, key: &'static str) -> Located<Vec<String>> {
        let Some(list) = self.take(key, false) else {
            return Located { value: Vec::new(), line: self.line };
        };
        let mut texts = Vec::new();
        for item in list.value.as_array().map_or(&[][..], |items| &items[..]) {
            match item.get_ref().as_str().map(str::trim) {
                Some("") => {
                    self.faults.push((self.line_at(item.span()), Problem::Empty(key.to_owned())));
                }
                Some(text) => texts.push(text.to_owned()),
                None => self.wrong_type(key, "a list of texts", self.line_at(item.span())),
            }
        }
        if !list.value.is_array() {
            self.wrong_type(key, "a list of texts", list.line);
        }
        Located { value: texts, line: list.line }
    }

    fn date(&mut self, key: &'static str, required: bool) -> Option<Located<Date>> {
        let value = self.take(key, required)?;
        let date = match value.value.as_datetime() {
            Some(toml::value::Datetime { date: Some(date), time: None, offset: None }) => {
                // TOML has checked the ranges: year up to 9999, month, day of month.
                Date::new(date.year as i16, date.month as i8, date.day as i8).ok()
            }
            _ => None,
        };
        if date.is_none() {
            self.wrong_type(key, "a date such as 2026-07-01, without quotes", value.line);
        }
        Some(Located { value: date?, line: value.line })
    }

    /// A required word out of a list.
    fn word<T: Copy>(&mut self, key: &'static str, allowed: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let found = allowed.iter().find(|(word, _)| *word == text.value);
        if found.is_none() {
            let words: Vec<&str> = allowed.iter().map(|(word, _)| *word).collect();
            let problem = Problem::UnknownValue {
                key: format!("{}{key}", self.prefix),
                value: text.value,
                allowed: words.join(", "),
            };
            self.faults.push((text.line, problem));
        }
        found.map(|(_, value)| *value)
    }

    fn media(&mut self) -> Vec<Media> {
        let Some(list) = self.take("media", false) else { return Vec::new() };
        let DeValue::Array(items) = list.value else {
            self.wrong_type("media", "a list of tables", list.line);
            return Vec::new();
        };
        let mut media = Vec::new();
        for item in items.iter() {
            let line = self.line_at(item.span());
            let DeValue::Table(table) = item.get_ref() else {
                self.wrong_type("media", "a list of tables", line);
                continue;
            };
            let mut fields = Fields {
                table: table.clone(),
                front_matter: self.front_matter,
                prefix: "media.",
                line,
                faults: Vec::new(),
            };
            let kind = fields.word("kind", &MEDIA_KINDS);
            let (url, alt) = (fields.text("url"), fields.text("alt"));
            fields.refuse_unknown_keys();
            self.faults.append(&mut fields.faults);
            if let (Some(kind), Some(url), Some(alt)) = (kind, url, alt) {
                media.push(Media { kind, url: url.value, alt: alt.value });
            }
        }
        media
    }

    fn take(&mut self, key: &'static str, required: bool) -> Option<Located<DeValue<'a>>> {
        match self.table.remove(key) {
            Some(value) => {
                let line = self.line_at(value.span());
                Some(Located { value: value.into_inner(), line })
            }
            None if required => {
                self.faults.push((self.line, Problem::MissingKey(key)));
                None
            }
            None => None,
        }
    }

    fn refuse_unknown_keys(&mut self) {
        let unknown = self.table.iter().map(|(key, _): (&Spanned<DeString<'_>>, _)| {
            let name = format!("{}{}", self.prefix, key.get_ref());
            (self.line_at(key.span()), Problem::UnknownKey(name))
        });
        let unknown: Vec<_> = unknown.collect();
        self.faults.extend(unknown);
    }

    fn wrong_type(&mut self, key: &str, expected: &'static str, line: usize) {
        let key = format!("{}{key}", self.prefix);
        self.faults.push((line, Problem::WrongType { key, expected }));
    }

    fn line_at(&self, span: Range<usize>) -> usize {
        line_of(self.front_matter, span.start)
    }
}

const STATUSES: [(&str, Status); 5] = [
    ("draft", Status::Draft),
    ("review", Status::Review),
    ("approved", Status::Approved),
    ("published", Status::Published),
    ("archived", Status::Archived),
];

const KINDS: [(&str, Kind); 6] = [
    ("product_fact", Kind::ProductFact),
    ("trade_rule", Kind::TradeRule),
    ("service_policy", Kind::ServicePolicy),
    ("faq", Kind::Faq),
    ("process", Kind::Process),
    ("case", Kind::Case),
];

const MEDIA_KINDS: [(&str, MediaKind); 2] =
    [("image", MediaKind::Image), ("video", MediaKind::Video)];

#[cfg(test)]
mod tests {
    use super::*;

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
            &[(11, "the key `kind` is missing"), (11, "unknown key `media.typ`")],
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
    fn tells_syntax_errors_and_empty_bodies() {
        let faults = parse_article(&SOUND.replace("version = 2", "version = ")).unwrap_err();
        assert!(matches!(faults[..], [(3, Problem::Syntax(_))]), "{faults:?}");
        let (head, _) = SOUND.split_once("微信").unwrap();
        assert_eq!(parse_article(head).unwrap_err(), [(12, Problem::Empty("body".into()))]);
    }
}
