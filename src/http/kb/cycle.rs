//! `/v1/kb/articles/{id}/…`: versions, history, and the steps of the life cycle.

use super::super::Shared;
use super::super::error::{ApiError, ErrorBody};
use super::super::extract::{Body, OptionalBody, Params};
use super::articles::VersionView;
use super::editor::Editor;
use crate::kb::editorial::{Edit, Event, VersionHead};
use crate::library::Diff;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// What a step is based on.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct StepRequest {
    /// The revision that was read; may be sent as `If-Match` instead.
    #[schema(example = 5)]
    revision: Option<u64>,
    /// Why, for the history; a rejection must have one.
    #[schema(example = "运费由谁承担没有写清楚")]
    comment: Option<String>,
}

/// The version to go back to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct RestoreRequest {
    /// Its number.
    #[schema(example = 2)]
    from: u32,
    /// The revision that was read; may be sent as `If-Match` instead.
    #[schema(example = 7)]
    revision: Option<u64>,
    /// Why, for the history.
    #[schema(example = "新规暂缓执行")]
    comment: Option<String>,
}

/// Which versions to compare.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct DiffParams {
    /// The version compared with.
    #[param(example = 1)]
    from: u32,
    /// The version compared.
    #[param(example = 2)]
    to: u32,
}

/// The versions of an article without their contents.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct VersionsView {
    /// The article's revision.
    #[schema(example = 7)]
    revision: u64,
    /// Highest number first.
    versions: Vec<VersionHead>,
}

/// What happened to an article.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct HistoryView {
    /// Latest first.
    events: Vec<Event>,
}

/// The versions of an article, without their contents.
#[utoipa::path(get, path = "/v1/kb/articles/{id}/versions", tag = "knowledge base", params(("id" = String, Path)),
    responses((status = OK, body = VersionsView), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub(in crate::http) async fn versions(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<VersionsView>, ApiError> {
    let record = shared.app.library.record(&id).await?;
    let versions = record.versions.into_iter().rev().collect();
    Ok(Json(VersionsView { revision: record.revision, versions }))
}

/// Save the content of an old version again, as a new draft.
#[utoipa::path(post, path = "/v1/kb/articles/{id}/versions", tag = "knowledge base",
    params(("id" = String, Path), ("X-Actor" = String, Header, example = "林晓")), request_body = RestoreRequest,
    responses((status = CREATED, body = VersionView), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub(in crate::http) async fn restore(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    editor: Editor,
    Body(request): Body<RestoreRequest>,
) -> Result<Response, ApiError> {
    let by = editor.by(request.revision, request.comment)?;
    let opened = shared.app.library.restore(&id, request.from, super::today(&shared), by).await?;
    Ok(VersionView::from(opened).response(StatusCode::CREATED))
}

/// What was done to an article, when and by whom.
#[utoipa::path(get, path = "/v1/kb/articles/{id}/history", tag = "knowledge base", params(("id" = String, Path)),
    responses((status = OK, body = HistoryView), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub(in crate::http) async fn history(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<HistoryView>, ApiError> {
    Ok(Json(HistoryView { events: shared.app.library.history(&id).await? }))
}

/// What changed from one version to another, field by field and line by line.
#[utoipa::path(get, path = "/v1/kb/articles/{id}/diff", tag = "knowledge base",
    params(("id" = String, Path), DiffParams),
    responses((status = OK, body = Diff), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub(in crate::http) async fn diff(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    Params(DiffParams { from, to }): Params<DiffParams>,
) -> Result<Json<Diff>, ApiError> {
    Ok(Json(shared.app.library.diff(&id, from, to).await?))
}

/// One handler a step: the paths differ, what they do does not.
macro_rules! step {
    ($name:ident, $path:literal, $edit:expr, $summary:literal) => {
        #[doc = $summary]
        #[utoipa::path(post, path = $path, tag = "knowledge base",
            params(("id" = String, Path, example = "return-seven-days"), ("X-Actor" = String, Header, example = "林晓"),
                ("If-Match" = Option<String>, Header, description = "The revision, where the body has none")),
            request_body = StepRequest,
            responses((status = OK, body = VersionView), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
        pub(in crate::http) async fn $name(
            State(shared): State<Shared>,
            Path(id): Path<String>,
            editor: Editor,
            OptionalBody(request): OptionalBody<StepRequest>,
        ) -> Result<Response, ApiError> {
            advance(&shared, &id, editor, request, $edit).await
        }
    };
}

step!(submit, "/v1/kb/articles/{id}/submit", Edit::Submit, "Ask for approval of the draft.");
step!(
    withdraw,
    "/v1/kb/articles/{id}/withdraw",
    Edit::Withdraw,
    "Take the request for approval back."
);
step!(
    approve,
    "/v1/kb/articles/{id}/approve",
    Edit::Approve,
    "Find the version right; it waits to be published."
);
step!(
    reject,
    "/v1/kb/articles/{id}/reject",
    Edit::Reject,
    "Send the version back to its author; the comment says why."
);
step!(
    publish,
    "/v1/kb/articles/{id}/publish",
    Edit::Publish,
    "Bring the version to readers, on its valid days."
);
step!(
    archive,
    "/v1/kb/articles/{id}/archive",
    Edit::Archive,
    "Take the whole article from readers, drafts included."
);

async fn advance(
    shared: &Shared,
    id: &str,
    editor: Editor,
    request: StepRequest,
    edit: Edit,
) -> Result<Response, ApiError> {
    let by = editor.by(request.revision, request.comment)?;
    let opened = shared.app.library.advance(id, edit, by).await?;
    Ok(VersionView::from(opened).response(StatusCode::OK))
}
