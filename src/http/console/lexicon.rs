//! Synonyms and the shop's own words, with faults at their lines.

use super::super::Shared;
use super::super::kb::lexicon::lexicon_name;
use super::editor::{by, read, revision};
use super::page::{Frame, PageError, local, page};
use crate::kb::editorial::Actor;
use crate::library::{LexiconText, LibraryError, LineFault, LineFaultCode};
use crate::store::learning::LexiconName;
use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Extension, Form};
use serde::Deserialize;

/// What was just done.
#[derive(Debug, Deserialize)]
pub(super) struct OpenParams {
    done: Option<String>,
}

/// A faulty line as the page shows it.
struct Faulty {
    line: usize,
    content: String,
    sentence: String,
}

#[derive(Template)]
#[template(path = "console/kb/lexicon.html")]
struct LexiconPage {
    frame: Frame,
    word: &'static str,
    title: &'static str,
    hint: &'static str,
    version: u64,
    saved_by: String,
    text: String,
    faults: Vec<Faulty>,
    /// What somebody else saved meanwhile.
    theirs: Option<String>,
}

/// The editor of a word list.
pub(super) async fn open(
    State(shared): State<Shared>,
    Extension(actor): Extension<Actor>,
    Path(name): Path<String>,
    Query(params): Query<OpenParams>,
) -> Result<Response, PageError> {
    let stored = shared.app.library.lexicon(lexicon_name(&name)?).await?;
    let text = stored.text.clone();
    let mut template = editor(&shared, &actor, stored, text);
    template.frame = template.frame.noticing(params.done.as_deref());
    Ok(page(StatusCode::OK, &template))
}

/// Saves a word list, or shows what is wrong with it.
pub(super) async fn save(
    State(shared): State<Shared>,
    Extension(actor): Extension<Actor>,
    Path(name): Path<String>,
    form: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Result<Response, PageError> {
    let list = lexicon_name(&name)?;
    let typed = read(form)?;
    let text = typed.get("text").replace("\r\n", "\n");
    let (library, version) = (&shared.app.library, revision(&typed)?);
    match library.save_lexicon(list, text.clone(), by(&actor, version, &typed)).await {
        Ok(_) => {
            let next = format!("/console/kb/lexicon/{name}?done=lexicon");
            Ok(Redirect::to(&next).into_response())
        }
        Err(LibraryError::LexiconFaulty { faults, .. }) => {
            // The version stays the one that was read: a conflict must still be noticed.
            let stored = LexiconText { version, ..library.lexicon(list).await? };
            let mut template = editor(&shared, &actor, stored, text);
            template.faults = faulty_lines(&template.text, &faults);
            Ok(page(StatusCode::UNPROCESSABLE_ENTITY, &template))
        }
        Err(LibraryError::LexiconConflict { current }) => {
            let theirs = current.text.clone();
            let mut template = editor(&shared, &actor, *current, text);
            template.theirs = Some(theirs);
            Ok(page(StatusCode::CONFLICT, &template))
        }
        Err(error) => Err(error.into()),
    }
}

fn editor(shared: &Shared, actor: &Actor, stored: LexiconText, text: String) -> LexiconPage {
    let (word, title, hint) = match stored.name {
        LexiconName::Synonyms => (
            "synonyms",
            "同义词",
            "每行一个概念：名称: 说法, 说法。客户用任何一种说法，都能找到写着其他说法的文章。# 开头是注释。",
        ),
        LexiconName::Dictionary => (
            "dictionary",
            "词典",
            "每行一个词，后面可以加词频。写在这里的商品名、品牌名不会被切开。# 之后是注释。",
        ),
    };
    let saved_by = match (&stored.actor, stored.at) {
        (Some(actor), Some(at)) => format!("{actor} 于 {} 保存", local(shared, at)),
        _ => "随服务提供，还没有人改过".to_owned(),
    };
    LexiconPage {
        frame: Frame::new(actor, word),
        word,
        title,
        hint,
        version: stored.version,
        saved_by,
        text,
        faults: Vec::new(),
        theirs: None,
    }
}

fn faulty_lines(text: &str, faults: &[LineFault]) -> Vec<Faulty> {
    let lines: Vec<&str> = text.lines().collect();
    let faulty = |fault: &LineFault| Faulty {
        line: fault.line,
        content: lines.get(fault.line - 1).copied().unwrap_or_default().to_owned(),
        sentence: sentence(fault),
    };
    faults.iter().map(faulty).collect()
}

fn sentence(LineFault { code, text, .. }: &LineFault) -> String {
    match code {
        LineFaultCode::NoColon => "缺少冒号：请写成“名称: 说法, 说法”".into(),
        LineFaultCode::NoName => "冒号前面没有名称".into(),
        LineFaultCode::EmptyPhrase => "逗号之间或冒号后面是空的，请补上说法或删去逗号".into(),
        LineFaultCode::NotNormalized => format!("这样写永远匹配不到，请改写成“{text}”"),
        LineFaultCode::Repeated => format!("“{text}”重复了，请删去一个"),
        LineFaultCode::BadFrequency => format!("词频“{text}”应是整数"),
        LineFaultCode::TooManyFields => "一行只写一个词，后面最多加一个词频".into(),
    }
}
