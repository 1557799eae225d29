//! What is served, what led there, and back to an earlier state.

use super::super::Shared;
use super::super::extract::invalid_field;
use super::editor::read;
use super::page::{Frame, PageError, local, page};
use crate::kb::editorial::Actor;
use crate::store::articles::{PublicationReason, Publications};
use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Extension, Form};
use jiff::Timestamp;
use serde::Deserialize;

/// Publications on a page.
const PAGE: u32 = 50;

/// Which part of the list.
#[derive(Debug, Deserialize)]
pub(super) struct ListParams {
    before: Option<u64>,
    done: Option<String>,
}

struct Row {
    number: u64,
    reason: &'static str,
    article_id: String,
    actor: String,
    at: String,
    is_served: bool,
}

#[derive(Template)]
#[template(path = "console/kb/publications.html")]
struct PublicationsPage {
    frame: Frame,
    publications: Publications,
    served: u64,
    rows: Vec<Row>,
    /// Where the next part starts.
    next: Option<u64>,
}

/// Publications, latest first.
pub(super) async fn list(
    State(shared): State<Shared>,
    Extension(actor): Extension<Actor>,
    Query(ListParams { before, done }): Query<ListParams>,
) -> Result<Response, PageError> {
    let library = &shared.app.library;
    let publications = library.publications().await?;
    let served = publications.served();
    let log = library.publication_log(before, PAGE).await?;
    let next = log.last().map(|last| last.number).filter(|number| *number > 1);
    let rows = log.into_iter().map(|publication| Row {
        number: publication.number,
        reason: match publication.reason {
            PublicationReason::Edit => "文章改动",
            PublicationReason::Import => "导入",
            PublicationReason::Lexicon => "词表改动",
            PublicationReason::Reindex => "重建索引",
        },
        article_id: publication.article_id.unwrap_or_default(),
        actor: publication.actor.to_string(),
        at: local(&shared, publication.at),
        is_served: publication.number == served,
    });
    let template = PublicationsPage {
        frame: Frame::new(&actor, "publications").noticing(done.as_deref()),
        publications,
        served,
        rows: rows.collect(),
        next,
    };
    Ok(page(StatusCode::OK, &template))
}

/// Serves an earlier publication, or the latest again.
pub(super) async fn pin(
    State(shared): State<Shared>,
    Extension(actor): Extension<Actor>,
    form: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Result<Response, PageError> {
    let typed = read(form)?;
    let (pin, done) = match typed.get("pin") {
        "" => (None, "resumed"),
        number => {
            let number = number.parse().map_err(|_| invalid_field("pin", "no publication"))?;
            (Some(number), "pinned")
        }
    };
    shared.app.library.pin(pin, &actor, Timestamp::now()).await?;
    Ok(Redirect::to(&format!("/console/kb/publications?done={done}")).into_response())
}
