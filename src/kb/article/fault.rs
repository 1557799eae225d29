//! What can be wrong with an article, told to its editor.

use super::names::{chinese_name, chinese_word};
use jiff::civil::Date;
use std::fmt;
use std::path::PathBuf;

/// One fault of one article file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ArticleFault {
    /// The file, relative to the folder of articles.
    pub file: PathBuf,
    /// Line in the file, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub problem: Problem,
}

impl fmt::Display for ArticleFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.problem)
    }
}

/// What is wrong with an article; its `Display` is a sentence for the editor,
/// [`Self::message_zh`] the same in Chinese. Keys of tables inside are written `answers.body`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The file is not UTF-8 or cannot be opened.
    #[error("the file cannot be read: {0}")]
    Unreadable(String),
    /// The `+++` lines are missing.
    #[error("the file must start with a line `+++`, and the front matter end with another")]
    NoFrontMatter,
    /// The front matter is not TOML.
    #[error("the front matter is not valid TOML: {0}")]
    Syntax(String),
    /// A key nobody reads: most likely a typing error.
    #[error("unknown key `{0}`")]
    UnknownKey(String),
    /// A required key is missing.
    #[error("the key `{0}` is missing")]
    MissingKey(String),
    /// A key holds a value of another type.
    #[error("`{key}` must be {expected}")]
    WrongType {
        /// The key.
        key: String,
        /// What it must be.
        expected: Shape,
    },
    /// A key holds a word outside its list.
    #[error("`{key}` is \"{value}\", but must be one of {allowed}")]
    UnknownValue {
        /// The key.
        key: String,
        /// What it holds.
        value: String,
        /// The list, joined.
        allowed: String,
    },
    /// A text is empty or blank.
    #[error("`{0}` is empty")]
    Empty(String),
    /// A text is longer than its limit.
    #[error("`{key}` has {chars} characters, at most {max} are allowed")]
    TooLong {
        /// The key.
        key: String,
        /// Characters of the text.
        chars: usize,
        /// Most characters allowed.
        max: usize,
    },
    /// A list has more items than its limit.
    #[error("`{key}` has {n} items, at most {max} are allowed")]
    TooMany {
        /// The key.
        key: String,
        /// Items of the list.
        n: usize,
        /// Most items allowed.
        max: usize,
    },
    /// A text of one line holds a line break, or any text a control character.
    #[error("`{0}` holds a line break or another character that is not allowed there")]
    BadCharacter(String),
    /// The id has other characters than the ones that are safe in paths.
    #[error("the id \"{0}\" may hold lower-case letters, digits and hyphens only")]
    BadId(String),
    /// The id of an action is none.
    #[error(
        "the action \"{0}\" must be lower-case words with dots or underscores, such as order.lookup"
    )]
    BadActionId(String),
    /// A dependency is not written as `kind:name`.
    #[error(
        "\"{0}\" must be a kind and a name of lower-case letters, digits and hyphens, such as policy:return-7d"
    )]
    BadDependency(String),
    /// An answer for some says not for whom.
    #[error("each of `answers` must name at least one of `channels` and `tags`")]
    Untargeted,
    /// The category is no path under the three top names.
    #[error("the category \"{0}\" must be 产品, 服务 or 售后 followed by one to three levels")]
    BadCategory(String),
    /// `valid_until` lies before `valid_from`.
    #[error("`valid_until` {until} lies before `valid_from` {from}")]
    DatesReversed {
        /// First valid day.
        from: Date,
        /// Last valid day.
        until: Date,
    },
    /// Two files or rows hold the same version of one article.
    #[error("version {version} of \"{id}\" is already in {other}")]
    DuplicateVersion {
        /// The article.
        id: String,
        /// The version both hold.
        version: u32,
        /// The file or row read first.
        other: String,
    },
    /// Two rows are both to become the next version of one article.
    #[error("\"{id}\" without a version is already in {other}")]
    DuplicateNext {
        /// The article.
        id: String,
        /// The row read first.
        other: String,
    },
    /// A cell that holds JSON does not.
    #[error("`{key}` is not valid JSON: {message}")]
    BadJson {
        /// The key.
        key: String,
        /// What the parser says.
        message: String,
    },
    /// A link names an article that does not exist.
    #[error("the {} \"{id}\" names no article", singular(key))]
    DanglingLink {
        /// The list it stands in: `links`, `see_also` or `replaces`.
        key: &'static str,
        /// The id that nobody has.
        id: String,
    },
    /// Two served articles ask the same thing; a warning, since one of them may be meant narrower.
    #[error("the question \"{question}\" also stands in \"{other}\"")]
    DuplicateQuestion {
        /// The question as written here.
        question: String,
        /// The id of the other article.
        other: String,
    },
}

fn singular(key: &str) -> &str {
    if key == "links" { "link" } else { key }
}

/// What a value must be; its `Display` comes with the article.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A text.
    Text,
    /// A list of texts.
    Texts,
    /// A list of tables.
    Tables,
    /// A table of texts.
    TextTable,
    /// A whole number from 1.
    Count,
    /// A date.
    Date,
    /// A date in TOML, where it was written as a text.
    BareDate,
}

impl Shape {
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Text => ("a text", "文字"),
            Self::Texts => ("a list of texts", "文字列表"),
            Self::Tables => ("a list of tables", "对象列表（JSON 数组）"),
            Self::TextTable => ("a table of texts", "名称和文字的对照表（JSON 对象）"),
            Self::Count => ("a whole number from 1", "从 1 开始的整数"),
            Self::Date => ("a date such as 2026-07-01", "日期，例如 2026-07-01"),
            Self::BareDate => {
                ("a date such as 2026-07-01, without quotes", "不带引号的日期，例如 2026-07-01")
            }
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words().0)
    }
}

impl Problem {
    /// The key it is about, such as `valid_until` or `answers.body`; `None` for the whole file.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Unreadable(_) | Self::NoFrontMatter | Self::Syntax(_) => None,
            Self::UnknownKey(key)
            | Self::MissingKey(key)
            | Self::Empty(key)
            | Self::BadCharacter(key)
            | Self::WrongType { key, .. }
            | Self::UnknownValue { key, .. }
            | Self::TooLong { key, .. }
            | Self::TooMany { key, .. }
            | Self::BadJson { key, .. } => Some(key),
            Self::BadId(_) | Self::DuplicateNext { .. } => Some("id"),
            Self::BadActionId(_) => Some("actions.id"),
            Self::BadDependency(_) => Some("depends_on"),
            Self::Untargeted => Some("answers"),
            Self::BadCategory(_) => Some("category"),
            Self::DatesReversed { .. } => Some("valid_until"),
            Self::DuplicateVersion { .. } => Some("version"),
            Self::DanglingLink { key, .. } => Some(key),
            Self::DuplicateQuestion { .. } => Some("question"),
        }
    }

    /// A stable word that programs match on.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable",
            Self::NoFrontMatter => "no_front_matter",
            Self::Syntax(_) => "syntax",
            Self::UnknownKey(_) => "unknown_column",
            Self::MissingKey(_) => "missing",
            Self::WrongType { .. } => "wrong_type",
            Self::UnknownValue { .. } => "unknown_value",
            Self::Empty(_) => "empty",
            Self::TooLong { .. } => "too_long",
            Self::TooMany { .. } => "too_many_items",
            Self::BadCharacter(_) => "bad_character",
            Self::BadId(_) => "bad_id",
            Self::BadActionId(_) => "bad_action_id",
            Self::BadDependency(_) => "bad_dependency",
            Self::Untargeted => "untargeted_answer",
            Self::BadCategory(_) => "bad_category",
            Self::DatesReversed { .. } => "dates_reversed",
            Self::DuplicateVersion { .. } => "duplicate_version",
            Self::DuplicateNext { .. } => "duplicate_id",
            Self::BadJson { .. } => "bad_json",
            Self::DanglingLink { .. } => "dangling_link",
            Self::DuplicateQuestion { .. } => "duplicate_question",
        }
    }

    /// The sentence in Chinese, for editors.
    #[must_use]
    pub fn message_zh(&self) -> String {
        let name = self.key().map(chinese_name).unwrap_or_default();
        match self {
            Self::Unreadable(_) => "文件无法读取，请确认它没有损坏，并以 UTF-8 保存".into(),
            Self::NoFrontMatter => "文件必须以一行 +++ 开头，属性部分以另一行 +++ 结束".into(),
            Self::Syntax(_) => "属性部分不是有效的 TOML，请检查引号、逗号和括号".into(),
            Self::UnknownKey(_) => format!("不认识“{name}”，请检查名称是否写错，或删去"),
            Self::MissingKey(_) => format!("缺少“{name}”，请填写"),
            Self::WrongType { expected, .. } => format!("“{name}”必须是{}", expected.words().1),
            Self::UnknownValue { value, allowed, .. } => {
                let words = allowed.split(", ").map(|word| chinese_word(word).unwrap_or(word));
                let words = words.collect::<Vec<_>>().join("、");
                format!("“{name}”填的是“{value}”，只能是：{words}")
            }
            Self::Empty(_) => format!("“{name}”是空的，请填写"),
            Self::TooLong { chars, max, .. } => {
                format!("“{name}”有 {chars} 个字，最多 {max} 个，请缩短")
            }
            Self::TooMany { n, max, .. } => format!("“{name}”有 {n} 项，最多 {max} 项，请删减"),
            Self::BadCharacter(_) => format!("“{name}”里有换行或不允许的控制字符，请删去"),
            Self::BadId(id) => format!("编号“{id}”只能用小写字母、数字和连字符"),
            Self::BadActionId(id) => {
                format!("操作编号“{id}”只能用小写字母单词，以点或下划线连接，例如 order.lookup")
            }
            Self::BadDependency(text) => {
                format!("“{text}”应写成 类别:名称，用小写字母、数字和连字符，例如 policy:return-7d")
            }
            Self::Untargeted => "每条专用答案都要填写渠道或客户标签".into(),
            Self::BadCategory(path) => {
                format!("分类“{path}”应以 产品、服务 或 售后 开头，下面再分一到三级，用 / 隔开")
            }
            Self::DatesReversed { from, until } => format!("失效日期 {until} 早于生效日期 {from}"),
            Self::DuplicateVersion { id, version, other } => {
                format!("“{id}”的第 {version} 版已经在 {other}，请删去一个或改版本号")
            }
            Self::DuplicateNext { id, other } => {
                format!("“{id}”已经在 {other}，两行都没有版本号，请删去一行或填写版本号")
            }
            Self::BadJson { .. } => format!("“{name}”不是有效的 JSON，请检查引号、逗号和括号"),
            Self::DanglingLink { id, .. } => format!("“{name}”里的“{id}”没有对应的文章"),
            Self::DuplicateQuestion { question, other } => {
                format!("问题“{question}”在“{other}”里也有")
            }
        }
    }
}
