//! Writing an article: the form, its preview, saving, and the steps of the life cycle.

use super::super::Shared;
use super::super::error::ApiError;
use super::super::extract::invalid_field;
use super::super::kb::today;
use super::form::{AnswerRow, Fault, FieldGroup, Input, Typed, faults_of, kinds};
use super::history::{ShownField, shown_fields};
use super::page::{Frame, Label, PageError, action_name, local, page, refusal, value_of, word_of};
use crate::kb::article::{Article, Block};
use crate::kb::editorial::{Action, Actor, By, Edit};
use crate::library::{Diff, LibraryError, Opened};
use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Extension, Form};
use jiff::Timestamp;
use serde::Deserialize;

/// What a form sends.
type Sent = Result<Form<Vec<(String, String)>>, FormRejection>;

/// What the address says beside the article.
#[derive(Debug, Deserialize)]
pub(super) struct OpenParams {
    done: Option<String>,
    /// A question to begin a new article with, such as one without an answer.
    #[serde(default)]
    question: String,
}

/// Where an article stands.
struct Head {
    id: String,
    question: String,
    version: u32,
    status: Label,
    author: String,
    changed_at: String,
    published: Option<u32>,
}

/// A button of the life cycle.
struct Step {
    word: String,
    name: &'static str,
}

/// What somebody else saved meanwhile.
struct Theirs {
    author: String,
    version: u32,
    at: String,
    fields: Vec<ShownField>,
}

#[derive(Template)]
#[template(path = "console/kb/editor.html")]
struct EditorPage {
    frame: Frame,
    head: Option<Head>,
    /// The id typed for a new article.
    new_id: String,
    new_id_faults: Vec<String>,
    revision: u64,
    comment: String,
    groups: Vec<FieldGroup>,
    answers: Vec<AnswerRow>,
    answers_faults: Vec<String>,
    categories: Vec<String>,
    kinds: [Label; 6],
    blocks: Vec<Block>,
    steps: Vec<Step>,
    error: String,
    theirs: Option<Theirs>,
}

#[derive(Template)]
#[template(path = "console/kb/blocks.html")]
struct PreviewPart {
    blocks: Vec<Block>,
}

/// What a page of the editor shows beside what is stored.
#[derive(Default)]
struct Shown {
    typed: Option<Typed>,
    faults: Vec<Fault>,
    error: String,
    theirs: Option<Theirs>,
    done: Option<String>,
}

/// An empty form.
pub(super) async fn blank(
    State(shared): State<Shared>,
    Extension(actor): Extension<Actor>,
    Query(params): Query<OpenParams>,
) -> Result<Response, PageError> {
    let article = Article { question: params.question, ..Article::blank() };
    let shown = Shown { typed: Some(Typed::of(&article)), ..Shown::default() };
    show(&shared, &actor, None, shown, StatusCode::OK).await
}

/// The form of an article's latest version.
pub(super) async fn open(
    State(shared): State<Shared>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
    Query(params): Query<OpenParams>,
) -> Result<Response, PageError> {
    let opened = shared.app.library.latest(&id).await?;
    let shown = Shown { done: params.done, ..Shown::default() };
    show(&shared, &actor, Some(opened), shown, StatusCode::OK).await
}

/// The answer as a chat window shows it, while it is typed.
pub(super) async fn preview(form: Sent) -> Result<Response, PageError> {
    let typed = read(form)?;
    let (article, _) =
        typed.article("", Timestamp::UNIX_EPOCH.to_zoned(jiff::tz::TimeZone::UTC).date());
    Ok(page(StatusCode::OK, &PreviewPart { blocks: article.blocks(&article.body) }))
}

/// Saves a new article.
pub(super) async fn create(
    State(shared): State<Shared>,
    Extension(actor): Extension<Actor>,
    form: Sent,
) -> Result<Response, PageError> {
    let typed = read(form)?;
    let (article, faults) = typed.article(typed.get("id").trim(), today(&shared));
    if !faults.is_empty() {
        let shown = Shown { typed: Some(typed), faults, ..Shown::default() };
        return show(&shared, &actor, None, shown, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    let by = by(&actor, 0, &typed);
    match shared.app.library.create(article, by).await {
        Ok(opened) => saved(&shared, &actor, opened, &typed).await,
        Err(error) => {
            let (status, sentence) = refusal(error);
            let fault = Fault { field: "id".into(), sentence };
            let shown = Shown { typed: Some(typed), faults: vec![fault], ..Shown::default() };
            show(&shared, &actor, None, shown, status).await
        }
    }
}

/// Saves another draft; where somebody else came first both texts are shown.
pub(super) async fn save(
    State(shared): State<Shared>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
    form: Sent,
) -> Result<Response, PageError> {
    let typed = read(form)?;
    let library = &shared.app.library;
    let (article, faults) = typed.article(&id, today(&shared));
    if !faults.is_empty() {
        // The revision stays the one that was read: a conflict must still be noticed.
        let opened = Opened { revision: revision(&typed)?, ..library.latest(&id).await? };
        let shown = Shown { typed: Some(typed), faults, ..Shown::default() };
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return show(&shared, &actor, Some(opened), shown, status).await;
    }
    let by = by(&actor, revision(&typed)?, &typed);
    match library.save(&id, article.clone(), by).await {
        Ok(opened) => saved(&shared, &actor, opened, &typed).await,
        Err(LibraryError::Conflict { current }) => {
            let head = &current.version.head;
            let theirs = Theirs {
                author: head.author.to_string(),
                version: head.version,
                at: local(&shared, head.created_at),
                fields: shown_fields(&Diff::between(&current.version.article, &article)),
            };
            let shown = Shown { typed: Some(typed), theirs: Some(theirs), ..Shown::default() };
            show(&shared, &actor, Some(*current), shown, StatusCode::CONFLICT).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Goes on after saving: submits where that was wanted.
async fn saved(
    shared: &Shared,
    actor: &Actor,
    opened: Opened,
    typed: &Typed,
) -> Result<Response, PageError> {
    let id = opened.version.article.id.clone();
    if typed.get("then") != "submit" {
        return Ok(to_article(&id, "saved"));
    }
    advance(shared, actor, &id, Action::Submit, by(actor, opened.revision, typed)).await
}

/// Moves an article on.
pub(super) async fn step(
    State(shared): State<Shared>,
    Extension(actor): Extension<Actor>,
    Path((id, step)): Path<(String, String)>,
    form: Sent,
) -> Result<Response, PageError> {
    let typed = read(form)?;
    let action = value_of(&step).ok_or_else(|| invalid_field("step", "no step of an article"))?;
    let by = by(&actor, revision(&typed)?, &typed);
    advance(&shared, &actor, &id, action, by).await
}

async fn advance(
    shared: &Shared,
    actor: &Actor,
    id: &str,
    action: Action,
    by: By,
) -> Result<Response, PageError> {
    let edit = match action {
        Action::Submit => Edit::Submit,
        Action::Withdraw => Edit::Withdraw,
        Action::Approve => Edit::Approve,
        Action::Reject => Edit::Reject,
        Action::Publish => Edit::Publish,
        Action::Archive => Edit::Archive,
        Action::Save | Action::Import => {
            return Err(invalid_field("step", "no step of an article").into());
        }
    };
    match shared.app.library.advance(id, edit, by).await {
        Ok(_) => Ok(to_article(id, &word_of(action))),
        Err(error) => {
            let opened = shared.app.library.latest(id).await?;
            let faults = match &error {
                LibraryError::Faulty { faults } => faults.iter().map(Fault::from).collect(),
                _ => Vec::new(),
            };
            let (status, error) = refusal(error);
            let shown = Shown { error, faults, ..Shown::default() };
            show(shared, actor, Some(opened), shown, status).await
        }
    }
}

async fn show(
    shared: &Shared,
    actor: &Actor,
    opened: Option<Opened>,
    shown: Shown,
    status: StatusCode,
) -> Result<Response, PageError> {
    let categories = shared.app.library.categories().await?;
    let Shown { typed, faults, mut error, theirs, done } = shown;
    if error.is_empty() && !faults.is_empty() {
        error = format!("有 {} 处需要修改，已标在对应的栏目下，您填写的内容都还在。", faults.len());
    }
    let revision = opened.as_ref().map_or(0, |opened| opened.revision);
    let typed = typed.unwrap_or_else(|| {
        opened.as_ref().map(|opened| Typed::of(&opened.version.article)).unwrap_or_default()
    });
    let (article, _) = typed.article("", today(shared));
    let mut answers = typed.answer_rows();
    // One more, to be filled.
    answers.push(AnswerRow { channels: String::new(), tags: String::new(), body: String::new() });
    let head = match &opened {
        Some(opened) => Some(head(shared, opened).await?),
        None => None,
    };
    let steps = opened.iter().flat_map(|opened| &opened.allowed);
    let template = EditorPage {
        frame: Frame::new(actor, if opened.is_some() { "articles" } else { "new" })
            .noticing(done.as_deref()),
        head,
        new_id: typed.get("id").to_owned(),
        new_id_faults: faults_of(&faults, "id"),
        revision,
        comment: typed.get("comment").to_owned(),
        groups: typed.groups(&faults),
        answers,
        answers_faults: faults_of(&faults, "answers"),
        categories: categories.into_iter().map(|(path, _)| path).collect(),
        kinds: kinds(),
        blocks: article.blocks(&article.body),
        steps: steps
            .map(|&action| Step { word: word_of(action), name: action_name(action) })
            .collect(),
        error,
        theirs,
    };
    Ok(page(status, &template))
}

async fn head(shared: &Shared, opened: &Opened) -> Result<Head, ApiError> {
    let head = &opened.version.head;
    let id = opened.version.article.id.clone();
    let record = shared.app.library.record(&id).await?;
    let is_published = |status| status == crate::kb::article::Status::Published;
    let published = record.versions.iter().rev().find(|head| is_published(head.status));
    Ok(Head {
        published: published.map(|head| head.version),
        id,
        question: opened.version.article.question.clone(),
        version: head.version,
        status: Label::of(head.status),
        author: head.author.to_string(),
        changed_at: local(shared, head.changed_at),
    })
}

fn to_article(id: &str, done: &str) -> Response {
    Redirect::to(&format!("/console/kb/articles/{id}?done={done}")).into_response()
}

/// Names and values of a form.
pub(super) fn read(form: Sent) -> Result<Typed, ApiError> {
    let Form(pairs) = form.map_err(|error| invalid_field("form", error.body_text()))?;
    Ok(Typed(pairs))
}

/// The revision that the page was made from.
pub(super) fn revision(typed: &Typed) -> Result<u64, ApiError> {
    let revision = typed.get("revision").parse();
    revision.map_err(|_| invalid_field("revision", "open the page again"))
}

/// Who does it now, with the comment of the form.
pub(super) fn by(actor: &Actor, revision: u64, typed: &Typed) -> By {
    let comment = Some(typed.get("comment").trim().to_owned()).filter(|text| !text.is_empty());
    By { actor: actor.clone(), at: Timestamp::now(), revision, comment }
}
