//! An article's past: who did what, its versions, what changed between two, and back to one.

use super::super::Shared;
use super::super::kb::today;
use super::editor::{by, read, revision};
use super::page::{Frame, Label, PageError, action_name, local, page};
use crate::kb::article::chinese_name;
use crate::kb::editorial::Actor;
use crate::library::{Diff, LineChange};
use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Extension, Form};
use serde::Deserialize;

/// A field that differs, as the page shows it.
pub(super) struct ShownField {
    pub(super) label: String,
    pub(super) lines: Vec<ShownLine>,
}

/// A line with its mark.
pub(super) struct ShownLine {
    pub(super) class: &'static str,
    /// What is read aloud before it.
    pub(super) mark: &'static str,
    pub(super) text: String,
}

/// A difference as the page shows it.
pub(super) fn shown_fields(diff: &Diff) -> Vec<ShownField> {
    let line = |line: &crate::library::DiffLine| {
        let (class, mark) = match line.change {
            LineChange::Same => ("same", ""),
            LineChange::Removed => ("removed", "删去："),
            LineChange::Added => ("added", "新增："),
        };
        ShownLine { class, mark, text: line.text.clone() }
    };
    let field = |field: &crate::library::FieldDiff| ShownField {
        label: chinese_name(&field.field),
        lines: field.lines.iter().map(line).collect(),
    };
    diff.fields.iter().map(field).collect()
}

struct Version {
    number: u32,
    status: Label,
    author: String,
    created_at: String,
    published_in: Option<u64>,
}

struct Entry {
    action: &'static str,
    version: u32,
    actor: String,
    at: String,
    comment: String,
}

#[derive(Template)]
#[template(path = "console/kb/history.html")]
struct HistoryPage {
    frame: Frame,
    id: String,
    revision: u64,
    versions: Vec<Version>,
    events: Vec<Entry>,
}

/// Versions and events of an article.
pub(super) async fn history(
    State(shared): State<Shared>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    let library = &shared.app.library;
    let record = library.record(&id).await?;
    let versions = record.versions.iter().rev().map(|head| Version {
        number: head.version,
        status: Label::of(head.status),
        author: head.author.to_string(),
        created_at: local(&shared, head.created_at),
        published_in: head.published_in,
    });
    let events = library.history(&id).await?.into_iter().map(|event| Entry {
        action: action_name(event.action),
        version: event.version,
        actor: event.actor.to_string(),
        at: local(&shared, event.at),
        comment: event.comment.unwrap_or_default(),
    });
    let template = HistoryPage {
        frame: Frame::new(&actor, "articles"),
        revision: record.revision,
        versions: versions.collect(),
        events: events.collect(),
        id,
    };
    Ok(page(StatusCode::OK, &template))
}

/// Which versions to compare.
#[derive(Debug, Deserialize)]
pub(super) struct DiffParams {
    from: u32,
    to: u32,
}

#[derive(Template)]
#[template(path = "console/kb/diff.html")]
struct DiffPage {
    frame: Frame,
    id: String,
    from: u32,
    to: u32,
    fields: Vec<ShownField>,
}

/// What changed between two versions.
pub(super) async fn diff(
    State(shared): State<Shared>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
    Query(DiffParams { from, to }): Query<DiffParams>,
) -> Result<Response, PageError> {
    let diff = shared.app.library.diff(&id, from, to).await?;
    let frame = Frame::new(&actor, "articles");
    let template = DiffPage { frame, id, from, to, fields: shown_fields(&diff) };
    Ok(page(StatusCode::OK, &template))
}

/// Saves an old version's content as a new draft.
pub(super) async fn restore(
    State(shared): State<Shared>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
    form: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Result<Response, PageError> {
    let typed = read(form)?;
    let version = typed.get("from").parse().unwrap_or(0);
    let mut by = by(&actor, revision(&typed)?, &typed);
    by.comment = by.comment.or_else(|| Some(format!("恢复第 {version} 版")));
    shared.app.library.restore(&id, version, today(&shared), by).await?;
    Ok(Redirect::to(&format!("/console/kb/articles/{id}?done=restored")).into_response())
}
