//! Articles: what the knowledge base is made of, as editors write them.
//!
//! An article is one Markdown file with TOML front matter. Several files may hold several versions
//! of one article; an id and a version together are unique. This module holds the types; reading
//! one file is in [`front_matter`](self), the checks across files in [`check_articles`].
//!
//! Invariant: an [`Article`] that was read by this module is tidy ([`Article::tidy`]) and has no
//! [`Article::problems`]: it has a question, a category under one of the three top names, dates in
//! order, and no text that a format of exchange could not carry.

mod answer;
mod blocks;
mod check;
mod fault;
mod fields;
mod front_matter;
mod markdown;
mod names;
mod problems;
mod write;

pub use answer::{Action, Attachment, TargetedAnswer};
pub use blocks::Block;
pub(super) use check::list_markdown;
pub use check::{Checked, check_articles, load_articles};
pub use fault::{ArticleFault, Problem, Shape};
pub(super) use fields::{Node, Read, Table, Value, read_article};
pub(super) use front_matter::parse_table;
pub use front_matter::{Parsed, parse_article};
pub(super) use markdown::{first_paragraph, plain_text};
pub use names::{chinese_name, chinese_word};
pub(super) use names::{english_key, english_word, keys};
pub use problems::limits;
pub use write::to_markdown;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One version of one article.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Article {
    /// Name that stays the same over all versions; lower-case letters, digits and hyphens.
    #[schema(example = "return-seven-days")]
    pub id: String,
    /// Counts from 1; with `id` unique.
    #[schema(example = 2, minimum = 1)]
    pub version: u32,
    /// Where the version stands in its life cycle; only published ones are served.
    pub status: Status,
    /// What sort of knowledge it is.
    pub kind: Kind,
    /// Path of category names, from one of the three top names down.
    #[schema(value_type = String, example = "售后/退货/七天无理由")]
    pub category: Category,
    /// The standard question, shown as title.
    #[schema(example = "支持七天无理由退货吗？")]
    pub question: String,
    /// The same question in customers' words; each counts as a short text of its own.
    #[schema(example = json!(["不想要了能退吗", "几天之内能退货"]))]
    pub variants: Vec<String>,
    /// Intents whose turns this article often answers.
    #[schema(example = json!(["aftersale.return"]))]
    pub intents: Vec<String>,
    /// First day it may be served.
    #[schema(value_type = String, format = Date, example = "2026-07-01")]
    pub valid_from: Date,
    /// Last day it may be served, inclusive; open where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Date, example = "2026-12-31")]
    pub valid_until: Option<Date>,
    /// Day of the last edit.
    #[schema(value_type = String, format = Date, example = "2026-07-01")]
    pub updated: Date,
    /// Who answers for it, a person or a department.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "售后组 林晓")]
    pub owner: Option<String>,
    /// Day by which somebody must have looked at it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Date, example = "2027-01-01")]
    pub review_by: Option<Date>,
    /// Free words to filter a search by.
    #[serde(default)]
    #[schema(example = json!(["大促", "运费"]))]
    pub tags: Vec<String>,
    /// Ids of articles that often come next.
    #[schema(example = json!(["return-how-to", "return-not-accepted"]))]
    pub links: Vec<String>,
    /// Ids of articles on neighbouring matters.
    #[serde(default)]
    #[schema(example = json!(["exchange-how-to"]))]
    pub see_also: Vec<String>,
    /// Ids of articles that this one takes the place of.
    #[serde(default)]
    #[schema(example = json!(["return-five-days"]))]
    pub replaces: Vec<String>,
    /// Products and policies it relies on, as `kind:name`; when one changes, the article is stale.
    #[serde(default)]
    #[schema(example = json!(["policy:return-7d", "product:t1"]))]
    pub depends_on: Vec<String>,
    /// Pictures and films that belong to the answer.
    pub media: Vec<Media>,
    /// Files that belong to the answer.
    #[serde(default)]
    pub attachments: Vec<Attachment>,
    /// What the customer can have done at once by the shop's own systems.
    #[serde(default)]
    pub actions: Vec<Action>,
    /// Answers for some channels or customers that take the place of `body` there.
    #[serde(default)]
    pub answers: Vec<TargetedAnswer>,
    /// The answer as Markdown; its first paragraph can be sent alone.
    #[schema(example = "支持的。从签收起 7 天内，商品完好，就可以申请无理由退货。")]
    pub body: String,
}

/// Where a version stands in its life cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Being written (草稿).
    Draft,
    /// Waiting for approval (待审核).
    Review,
    /// Found right, waiting to be published (待发布).
    Approved,
    /// Served on its valid days (已发布).
    Published,
    /// Kept for the record, never served (已归档).
    Archived,
}

/// What sort of knowledge an article holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Facts of a product (产品信息), such as 山雀手机 T1 的快充功率.
    ProductFact,
    /// Rules of trading (交易规则), such as 预售的定金.
    TradeRule,
    /// What the shop promises (服务政策), such as 七天无理由.
    ServicePolicy,
    /// A frequent question (常见问题).
    Faq,
    /// Steps to follow (流程文档), such as 寄修怎么操作.
    Process,
    /// A case that was solved (案例).
    Case,
}

/// A picture or film that belongs to an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Media {
    /// Picture or film.
    pub kind: MediaKind,
    /// Where it lies, relative to the media host.
    #[schema(example = "media/return-entry.png")]
    pub url: String,
    /// What it shows, for those who cannot see it.
    #[schema(example = "订单页「申请售后」入口示意")]
    pub alt: String,
}

/// Form of a [`Media`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MediaKind {
    /// Still picture (图片).
    Image,
    /// Film (视频).
    Video,
}

/// A category path such as `售后/退货/七天无理由`: a top name and one to three levels below it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Category(String);

/// The names every category path starts with.
const TOP_CATEGORIES: [&str; 3] = ["产品", "服务", "售后"];

impl Category {
    /// Checks `path`; `None` where it is no category path.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let names: Vec<&str> = path.split('/').collect();
        let sound = (2..=4).contains(&names.len())
            && TOP_CATEGORIES.contains(&names[0])
            && names.iter().all(|name| !name.is_empty() && name.trim() == *name);
        sound.then(|| Self(path.to_owned()))
    }

    /// The whole path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is `ancestor` or lies below it, level by level: `售后/退货` lies below `售后`,
    /// `售后/退货运费` not below `售后/退货`. A trailing slash is allowed.
    #[must_use]
    pub fn is_within(&self, ancestor: &str) -> bool {
        match self.0.strip_prefix(ancestor.trim_end_matches('/')) {
            Some(rest) => rest.is_empty() || rest.starts_with('/'),
            None => false,
        }
    }
}

impl Article {
    /// Whether this version may be served on `date`: published and valid then. A higher version
    /// that may be served too takes its place, see [`served_version`].
    #[must_use]
    pub fn is_served_at(&self, date: Date) -> bool {
        self.status == Status::Published
            && self.valid_from <= date
            && self.valid_until.is_none_or(|last| date <= last)
    }

    /// A first draft with nothing in it: what the fields hold until somebody fills them.
    #[must_use]
    pub fn blank() -> Self {
        Self {
            id: String::new(),
            version: 1,
            status: Status::Draft,
            kind: Kind::Faq,
            category: Category(String::new()),
            question: String::new(),
            variants: Vec::new(),
            intents: Vec::new(),
            valid_from: Date::ZERO,
            valid_until: None,
            updated: Date::ZERO,
            owner: None,
            review_by: None,
            tags: Vec::new(),
            links: Vec::new(),
            see_also: Vec::new(),
            replaces: Vec::new(),
            depends_on: Vec::new(),
            media: Vec::new(),
            attachments: Vec::new(),
            actions: Vec::new(),
            answers: Vec::new(),
            body: String::new(),
        }
    }

    /// Whether there is a day on which both are valid.
    #[must_use]
    pub fn valid_with(&self, other: &Self) -> bool {
        let ends_before = |a: &Self, b: &Self| a.valid_until.is_some_and(|day| day < b.valid_from);
        !ends_before(self, other) && !ends_before(other, self)
    }

    /// The lists of other articles' ids, each with its key.
    pub fn references(&self) -> [(&'static str, &[String]); 3] {
        [("links", &self.links), ("see_also", &self.see_also), ("replaces", &self.replaces)]
    }

    /// The standard question, then the variants.
    pub fn questions(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.question).chain(&self.variants).map(String::as_str)
    }
}

/// The version of one article served on `date`: the highest that is published and valid then.
pub fn served_version<'a>(
    versions: impl IntoIterator<Item = &'a Article>,
    date: Date,
) -> Option<&'a Article> {
    versions
        .into_iter()
        .filter(|article| article.is_served_at(date))
        .max_by_key(|article| article.version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_category(path: &str, sound: bool) {
        assert_eq!(Category::parse(path).is_some(), sound, "{path}");
    }

    #[test]
    fn category_paths_have_a_known_top_and_one_to_three_levels() {
        check_category("售后/退货", true);
        check_category("产品/手机/功能设置/蓝牙连接", true);
        check_category("售后", false);
        check_category("售前/咨询", false);
        check_category("售后//退货", false);
        check_category("售后/ 退货", false);
        check_category("产品/一/二/三/四", false);
        check_category("", false);
    }

    #[test]
    fn lies_within_level_by_level() {
        let category = Category::parse("售后/退款/到账时间").unwrap();
        for ancestor in ["售后", "售后/", "售后/退款", "售后/退款/到账时间"] {
            assert!(category.is_within(ancestor), "{ancestor}");
        }
        for other in ["售", "售后/退", "售后/退款/到账", "服务"] {
            assert!(!category.is_within(other), "{other}");
        }
    }

    #[test]
    fn the_highest_valid_published_version_is_served() {
        let version = |version, status, from: &str, until: Option<&str>| Article {
            version,
            status,
            valid_from: from.parse().unwrap(),
            valid_until: until.map(|date| date.parse().unwrap()),
            ..sample()
        };
        let versions = [
            version(1, Status::Published, "2026-01-01", None),
            version(2, Status::Published, "2026-06-01", Some("2026-06-30")),
            version(3, Status::Draft, "2026-01-01", None),
            version(4, Status::Archived, "2026-01-01", None),
        ];
        let check = |date: &str, expected: Option<u32>| {
            let served = served_version(&versions, date.parse().unwrap());
            assert_eq!(served.map(|article| article.version), expected, "on {date}");
        };
        check("2025-12-31", None);
        check("2026-01-01", Some(1));
        check("2026-05-31", Some(1));
        check("2026-06-01", Some(2));
        check("2026-06-30", Some(2));
        check("2026-07-01", Some(1));
    }

    fn sample() -> Article {
        Article {
            id: "return-seven-days".into(),
            version: 1,
            status: Status::Published,
            kind: Kind::Faq,
            category: Category::parse("售后/退货").unwrap(),
            question: "支持七天无理由退货吗？".into(),
            valid_from: Date::constant(2026, 1, 1),
            updated: Date::constant(2026, 1, 1),
            body: "支持的。".into(),
            ..Article::blank()
        }
    }
}
