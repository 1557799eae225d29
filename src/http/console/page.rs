//! What all pages share: the frame, errors, words and times as people read them.

use super::super::Shared;
use super::super::error::{ApiError, ErrorCode};
use super::assets;
use crate::kb::article::chinese_word;
use crate::kb::editorial::{Action, Actor};
use crate::library::LibraryError;
use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The frame around each page.
pub(super) struct Frame {
    /// Who looks; empty at the entrance.
    pub(super) actor: String,
    /// The entry of the navigation that is open.
    pub(super) section: &'static str,
    /// What was just done.
    pub(super) notice: &'static str,
}

impl Frame {
    pub(super) fn new(actor: &Actor, section: &'static str) -> Self {
        Self { actor: actor.to_string(), section, notice: "" }
    }

    /// With a sentence about what was just done, named by the word in the address.
    pub(super) fn noticing(self, done: Option<&str>) -> Self {
        let notice = match done {
            Some("saved") => "已保存为新的草稿。",
            Some("submit") => "已提交审核。",
            Some("withdraw") => "已撤回，仍是草稿。",
            Some("approve") => "已通过，等待发布。",
            Some("reject") => "已退回给作者。",
            Some("publish") => "已发布，几秒内生效。",
            Some("archive") => "已归档，不再提供给客户。",
            Some("restored") => "已用旧版内容生成新的草稿。",
            Some("pinned") => "已退回到所选的发布，几秒内生效。",
            Some("resumed") => "已恢复为最新的发布，几秒内生效。",
            Some("lexicon") => "词表已保存，索引会随之重建。",
            Some("case") => "已保存为评测样例。",
            _ => "",
        };
        Self { notice, ..self }
    }

    /// Entries of the navigation: section, address, name.
    pub(super) fn sections(&self) -> [(&'static str, &'static str, &'static str); 8] {
        [
            ("articles", "/console/kb", "文章"),
            ("review", "/console/kb/review", "审核"),
            ("categories", "/console/kb/categories", "分类"),
            ("synonyms", "/console/kb/lexicon/synonyms", "同义词"),
            ("dictionary", "/console/kb/lexicon/dictionary", "词典"),
            ("hits", "/console/kb/hits", "命中测试"),
            ("publications", "/console/kb/publications", "发布记录"),
            ("new", "/console/kb/new", "新建文章"),
        ]
    }

    pub(super) fn style(&self) -> &'static str {
        assets::style()
    }

    pub(super) fn icon(&self) -> &'static str {
        assets::icon()
    }

    pub(super) fn scripts(&self) -> [&'static str; 2] {
        assets::scripts()
    }
}

/// A rendered page.
pub(super) fn page(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => (status, Html(html)).into_response(),
        // Writing to a string does not fail.
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// An error as a page.
pub(super) struct PageError(pub(super) ApiError);

#[derive(Template)]
#[template(path = "console/error.html")]
struct ErrorPage {
    frame: Frame,
    sentence: String,
}

impl<E: Into<ApiError>> From<E> for PageError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let frame = Frame { actor: String::new(), section: "", notice: "" };
        let template = ErrorPage { frame, sentence: sentence(&self.0) };
        let mut response = page(self.0.code.status(), &template);
        // Its cause is logged with the request's id.
        response.extensions_mut().insert(std::sync::Arc::new(self.0));
        response
    }
}

/// An error in the editors' language.
pub(super) fn sentence(error: &ApiError) -> String {
    match error.code {
        ErrorCode::NotFound => "这里没有内容，请从上方的导航进入。".into(),
        ErrorCode::ArticleNotFound => "没有这篇文章，可能编号写错了。".into(),
        ErrorCode::VersionNotFound => "这篇文章没有这个版本。".into(),
        ErrorCode::ArticleExists => "这个编号已经有文章了，请换一个，或打开那一篇修改。".into(),
        ErrorCode::EditConflict => "其他人刚刚改过，请看过对方的内容后再操作。".into(),
        ErrorCode::IllegalTransition => "当前状态不能这样操作，请按下面可用的按钮继续。".into(),
        ErrorCode::SecondPersonRequired => "这个版本由您撰写或提交，需要另一个人来通过。".into(),
        ErrorCode::ArticleRefused => "文章有需要修改的地方。".into(),
        ErrorCode::LexiconRefused => "词表有需要修改的行。".into(),
        ErrorCode::StoreUnavailable => "数据库暂时不可用，什么都没有改动，请稍后再试。".into(),
        ErrorCode::KbUnavailable => "知识库暂时不能搜索，请稍后再试。".into(),
        ErrorCode::Overloaded | ErrorCode::DeadlineExceeded => "现在太忙，请稍后再试。".into(),
        ErrorCode::BodyTooLarge => "内容太长，请缩短后再保存。".into(),
        ErrorCode::InvalidField => format!("填写有误：{}", error.message()),
        _ => "出错了，已经记录，请稍后再试。".into(),
    }
}

/// What stopped an editor, in their language.
pub(super) fn refusal(error: LibraryError) -> (StatusCode, String) {
    if let LibraryError::Faulty { faults } = &error {
        let told: Vec<_> = faults.iter().map(|fault| fault.message_zh()).collect();
        return (StatusCode::UNPROCESSABLE_ENTITY, told.join("；"));
    }
    let comment = matches!(
        &error,
        LibraryError::Refused { error: crate::kb::editorial::EditError::CommentMissing, .. }
    );
    let error = ApiError::from(error);
    let sentence = if comment {
        "退回时请在说明里写清要改什么。".into()
    } else {
        sentence(&error)
    };
    (error.code.status(), sentence)
}

/// A word as it is written in JSON.
pub(super) fn word_of(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}

/// The value meant by a word.
pub(super) fn value_of<T: DeserializeOwned>(word: &str) -> Option<T> {
    serde_json::from_value(Value::String(word.to_owned())).ok()
}

/// A word of status or kind with its Chinese name.
pub(super) struct Label {
    pub(super) word: String,
    pub(super) name: &'static str,
}

impl Label {
    pub(super) fn of(value: impl Serialize) -> Self {
        let word = word_of(value);
        let name = chinese_word(&word).unwrap_or("");
        Self { word, name }
    }
}

/// What an action is called on a button and in the history.
pub(super) fn action_name(action: Action) -> &'static str {
    match action {
        Action::Save => "保存",
        Action::Import => "导入",
        Action::Submit => "提交审核",
        Action::Withdraw => "撤回",
        Action::Approve => "通过",
        Action::Reject => "退回",
        Action::Publish => "发布",
        Action::Archive => "归档",
    }
}

/// A moment on the shop's clock.
pub(super) fn local(shared: &Shared, at: Timestamp) -> String {
    let time_zone = shared.app.triage.rules().time_zone().clone();
    at.to_zoned(time_zone).strftime("%Y-%m-%d %H:%M").to_string()
}
