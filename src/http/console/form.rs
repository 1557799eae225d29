//! The editor's form: an article as texts that can be typed, and back.
//!
//! What was typed is kept as typed: a page that refuses it shows it again, faults beside it.

use super::page::{Label, value_of, word_of};
use crate::kb::article::{
    Action, Article, Attachment, Kind, Media, MediaKind, Problem, Shape, TargetedAnswer,
    chinese_name,
};
use jiff::civil::Date;

/// Names and values of a form in the order of its fields.
#[derive(Debug, Clone, Default)]
pub(super) struct Typed(pub(super) Vec<(String, String)>);

/// A fault with the field that it is shown at.
pub(super) struct Fault {
    pub(super) field: String,
    pub(super) sentence: String,
}

impl From<&Problem> for Fault {
    fn from(problem: &Problem) -> Self {
        let key = problem.key().unwrap_or_default();
        let field = key.split('.').next().unwrap_or_default().to_owned();
        Self { field, sentence: problem.message_zh() }
    }
}

/// How a field is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    /// One line.
    Line,
    /// One line, with the categories in use offered.
    Category,
    /// An item a line.
    Lines,
    /// A day.
    Date,
    /// One of the kinds.
    Kind,
    /// Markdown with a preview.
    Body,
}

/// Fields with how they are typed, whether they must be, and a hint, by groups.
type Group = (&'static str, &'static [(&'static str, Input, bool, &'static str)]);
const GROUPS: [Group; 4] = [
    (
        "问与答",
        &[
            ("question", Input::Line, true, "客户会看到的标题，最多 200 字"),
            ("variants", Input::Lines, false, "客户的其他说法，每行一条"),
            ("body", Input::Body, true, "支持 Markdown；第一段会单独作为简短回答发送"),
        ],
    ),
    (
        "归类与有效期",
        &[
            ("kind", Input::Kind, true, ""),
            ("category", Input::Category, true, "产品、服务 或 售后 开头，下面一到三级，用 / 隔开"),
            ("intents", Input::Lines, false, "每行一个意图，例如 aftersale.return"),
            ("tags", Input::Lines, false, "每行一个"),
            ("owner", Input::Line, false, "人或部门"),
            ("valid_from", Input::Date, false, "不填则从今天起"),
            ("valid_until", Input::Date, false, "最后一天，不填则一直有效"),
            ("review_by", Input::Date, false, "到期前要有人再看一遍"),
        ],
    ),
    (
        "关联",
        &[
            ("links", Input::Lines, false, "客户接着常问的文章编号，每行一个"),
            ("see_also", Input::Lines, false, "相邻主题的文章编号，每行一个"),
            ("replaces", Input::Lines, false, "被这篇取代的文章编号，每行一个"),
            ("depends_on", Input::Lines, false, "类别:名称，例如 policy:return-7d，每行一个"),
        ],
    ),
    (
        "图片、附件与操作",
        &[
            ("media", Input::Lines, false, "图片 或 视频 | 地址 | 说明，每行一个"),
            ("attachments", Input::Lines, false, "名称 | 地址，每行一个"),
            ("actions", Input::Lines, false, "操作编号 | 按钮文字 | 参数=值; 参数=值，每行一个"),
        ],
    ),
];

/// A field as the page shows it.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) label: String,
    pub(super) hint: &'static str,
    pub(super) input: Input,
    pub(super) is_required: bool,
    pub(super) value: String,
    pub(super) faults: Vec<String>,
}

impl Field {
    /// Ids of the hint and the faults that there are.
    pub(super) fn described_by(&self) -> String {
        let hint = (!self.hint.is_empty()).then(|| format!("{}-hint", self.name));
        let fault = (!self.faults.is_empty()).then(|| format!("{}-fault", self.name));
        hint.into_iter().chain(fault).collect::<Vec<_>>().join(" ")
    }

    /// Whether it takes the whole width: texts of customers and for them.
    pub(super) fn is_wide(&self) -> bool {
        matches!(self.name, "question" | "variants" | "body")
    }
}

/// Fields under one heading.
pub(super) struct FieldGroup {
    pub(super) title: &'static str,
    pub(super) fields: Vec<Field>,
}

/// An answer for some as it is typed.
pub(super) struct AnswerRow {
    pub(super) channels: String,
    pub(super) tags: String,
    pub(super) body: String,
}

/// The kinds to choose from.
pub(super) fn kinds() -> [Label; 6] {
    [Kind::Faq, Kind::ProductFact, Kind::TradeRule, Kind::ServicePolicy, Kind::Process, Kind::Case]
        .map(Label::of)
}

impl Typed {
    /// The first value of a field; empty where there is none.
    pub(super) fn get(&self, name: &str) -> &str {
        let field = self.0.iter().find(|(key, _)| key == name);
        field.map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn lines(&self, name: &str) -> Vec<String> {
        self.get(name).lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned).collect()
    }

    /// An article as it is typed.
    pub(super) fn of(article: &Article) -> Self {
        let date = |date: Option<Date>| date.map(|date| date.to_string()).unwrap_or_default();
        let media = article.media.iter().map(|Media { kind, url, alt }| {
            let kind = if *kind == MediaKind::Video { "视频" } else { "图片" };
            format!("{kind} | {url} | {alt}")
        });
        let attachments = article.attachments.iter().map(|a| format!("{} | {}", a.name, a.url));
        let actions = article.actions.iter().map(|Action { id, label, params }| {
            let params: Vec<_> =
                params.iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!("{id} | {label} | {}", params.join("; "))
                .trim_end_matches([' ', '|'])
                .to_owned()
        });
        let lines = |items: &mut dyn Iterator<Item = String>| items.collect::<Vec<_>>().join("\n");
        let mut typed = vec![
            ("id", article.id.clone()),
            ("question", article.question.clone()),
            ("variants", article.variants.join("\n")),
            ("body", article.body.clone()),
            ("kind", word_of(article.kind)),
            ("category", article.category.as_str().to_owned()),
            ("intents", article.intents.join("\n")),
            ("tags", article.tags.join("\n")),
            ("owner", article.owner.clone().unwrap_or_default()),
            ("valid_from", date(Some(article.valid_from).filter(|day| *day != Date::ZERO))),
            ("valid_until", date(article.valid_until)),
            ("review_by", date(article.review_by)),
            ("links", article.links.join("\n")),
            ("see_also", article.see_also.join("\n")),
            ("replaces", article.replaces.join("\n")),
            ("depends_on", article.depends_on.join("\n")),
            ("media", lines(&mut media.into_iter())),
            ("attachments", lines(&mut attachments.into_iter())),
            ("actions", lines(&mut actions.into_iter())),
        ];
        for answer in &article.answers {
            typed.push(("answers.channels", answer.channels.join("、")));
            typed.push(("answers.tags", answer.tags.join("、")));
            typed.push(("answers.body", answer.body.clone()));
        }
        Self(typed.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// The article that was typed, with every fault.
    pub(super) fn article(&self, id: &str, today: Date) -> (Article, Vec<Fault>) {
        let mut faults = Vec::new();
        let mut date = |key: &str| {
            let text = self.get(key).trim();
            let date = (!text.is_empty()).then(|| text.parse::<Date>());
            date.and_then(|date| {
                date.map_err(|_| {
                    let problem = Problem::WrongType { key: key.into(), expected: Shape::Date };
                    faults.push(Fault::from(&problem));
                })
                .ok()
            })
        };
        let (valid_from, valid_until, review_by) =
            (date("valid_from"), date("valid_until"), date("review_by"));
        let article = Article {
            id: id.to_owned(),
            kind: value_of(self.get("kind")).unwrap_or(Kind::Faq),
            category: value_of(self.get("category").trim()).unwrap_or(Article::blank().category),
            question: self.get("question").to_owned(),
            variants: self.lines("variants"),
            intents: self.lines("intents"),
            valid_from: valid_from.unwrap_or(today),
            valid_until,
            updated: today,
            owner: Some(self.get("owner").to_owned()),
            review_by,
            tags: self.lines("tags"),
            links: self.lines("links"),
            see_also: self.lines("see_also"),
            replaces: self.lines("replaces"),
            depends_on: self.lines("depends_on"),
            media: self.parts("media", "图片 或 视频 | 地址 | 说明", media, &mut faults),
            attachments: self.parts("attachments", "名称 | 地址", attachment, &mut faults),
            actions: self.parts("actions", "操作编号 | 按钮文字 | 参数=值", action, &mut faults),
            answers: self.answers(),
            body: self.get("body").to_owned(),
            ..Article::blank()
        }
        .tidy();
        // A new article without an id gets one from its question.
        let problems = article.problems();
        let named = |problem: &&Problem| !(id.is_empty() && problem.key() == Some("id"));
        faults.extend(problems.iter().filter(named).map(Fault::from));
        (article, faults)
    }

    /// Items of several parts between bars, one a line.
    fn parts<T>(
        &self,
        key: &str,
        form: &str,
        read: impl Fn(&[&str]) -> Option<T>,
        faults: &mut Vec<Fault>,
    ) -> Vec<T> {
        let mut items = Vec::new();
        for line in self.lines(key) {
            let parts: Vec<&str> = line.split(['|', '｜']).map(str::trim).collect();
            match read(&parts) {
                Some(item) => items.push(item),
                None => faults.push(Fault {
                    field: key.to_owned(),
                    sentence: format!("“{line}”应写成：{form}"),
                }),
            }
        }
        items
    }

    fn answers(&self) -> Vec<TargetedAnswer> {
        let words = |text: &str| {
            let words =
                text.split(['、', ',', '，']).map(str::trim).filter(|word| !word.is_empty());
            words.map(str::to_owned).collect()
        };
        self.answer_rows()
            .into_iter()
            .map(|row| TargetedAnswer {
                channels: words(&row.channels),
                tags: words(&row.tags),
                body: row.body,
            })
            .collect()
    }

    /// The answers for some, as typed, without empty ones.
    pub(super) fn answer_rows(&self) -> Vec<AnswerRow> {
        let own = |text: &str| text.trim().to_owned();
        self.all("answers.channels")
            .zip(self.all("answers.tags"))
            .zip(self.all("answers.body"))
            .map(|((channels, tags), body)| AnswerRow {
                channels: own(channels),
                tags: own(tags),
                body: own(body),
            })
            .filter(|row| !(row.channels.is_empty() && row.tags.is_empty() && row.body.is_empty()))
            .collect()
    }

    /// The fields as the page shows them.
    pub(super) fn groups(&self, faults: &[Fault]) -> Vec<FieldGroup> {
        let field = |&(name, input, is_required, hint): &(&'static str, _, _, _)| Field {
            name,
            label: chinese_name(name),
            hint,
            input,
            is_required,
            value: self.get(name).to_owned(),
            faults: faults_of(faults, name),
        };
        GROUPS
            .iter()
            .map(|(title, fields)| FieldGroup { title, fields: fields.iter().map(field).collect() })
            .collect()
    }
}

/// What is wrong with one field.
pub(super) fn faults_of(faults: &[Fault], name: &str) -> Vec<String> {
    let of_field = faults.iter().filter(|fault| fault.field == name);
    of_field.map(|fault| fault.sentence.clone()).collect()
}

fn media(parts: &[&str]) -> Option<Media> {
    let [kind, url, alt] = parts else { return None };
    let kind = match *kind {
        "图片" | "image" => MediaKind::Image,
        "视频" | "video" => MediaKind::Video,
        _ => return None,
    };
    Some(Media { kind, url: (*url).to_owned(), alt: (*alt).to_owned() })
}

fn attachment(parts: &[&str]) -> Option<Attachment> {
    let [name, url] = parts else { return None };
    Some(Attachment { name: (*name).to_owned(), url: (*url).to_owned() })
}

fn action(parts: &[&str]) -> Option<Action> {
    let (id, label, params) = match parts {
        [id, label] => (id, label, ""),
        [id, label, params] => (id, label, *params),
        _ => return None,
    };
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        Some((name.trim().to_owned(), value.trim().to_owned()))
    };
    let pairs = params.split([';', '；']).map(str::trim).filter(|pair| !pair.is_empty());
    let params = pairs.map(pair).collect::<Option<_>>()?;
    Some(Action { id: (*id).to_owned(), label: (*label).to_owned(), params })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Article {
        Article {
            id: "a".into(),
            question: "支持退货吗？".into(),
            variants: vec!["能退吗".into(), "不想要了".into()],
            category: value_of("售后/退货").unwrap(),
            valid_from: Date::constant(2026, 7, 1),
            updated: Date::constant(2026, 11, 22),
            owner: Some("售后组".into()),
            media: vec![media(&["视频", "a.mp4", "演示"]).unwrap()],
            attachments: vec![attachment(&["申请表.pdf", "files/a.pdf"]).unwrap()],
            actions: vec![action(&["order.lookup", "查订单", "status=待发货; x=1"]).unwrap()],
            answers: vec![TargetedAnswer {
                channels: vec!["douyin".into(), "app".into()],
                tags: Vec::new(),
                body: "免运费。".into(),
            }],
            body: "支持的。\n\n- 7 天内".into(),
            ..Article::blank()
        }
    }

    #[test]
    fn an_article_comes_back_as_it_was() {
        let (article, faults) = Typed::of(&full()).article("a", full().updated);
        assert_eq!(faults.len(), 0);
        assert_eq!(article, full());
    }

    #[test]
    fn faults_stand_at_their_fields() {
        let mut typed = Typed::of(&full());
        for (name, value) in &mut typed.0 {
            match name.as_str() {
                "question" => value.clear(),
                "valid_until" => *value = "明天".into(),
                "media" => *value = "图片 | a.png".into(),
                "actions" => *value = "order.lookup | 查订单 | x".into(),
                "answers.channels" => value.clear(),
                _ => {}
            }
        }
        let (_, faults) = typed.article("a", full().updated);
        let fields: Vec<_> = faults.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["valid_until", "media", "actions", "question", "answers"]);
    }
}
