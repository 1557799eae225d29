//! `/v1/kb/reindex`: new index generations as jobs of this node.

use super::Shared;
use super::actor::Acting;
use super::error::{ApiError, ErrorBody, ErrorCode};
use super::extract::{Body, invalid_field};
use crate::app::index::job::{Job, JobView};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

/// What to index anew: either `articles` or `all`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReindexRequest {
    /// Ids of articles; all their served versions are analysed again.
    #[serde(default)]
    #[schema(example = json!(["order-change-address"]))]
    articles: Vec<String>,
    /// Everything that is served.
    #[serde(default)]
    all: bool,
}

/// The jobs that this node remembers.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct JobList {
    /// Latest first, 100 at most.
    jobs: Vec<JobView>,
}

/// Index articles anew: the answer comes at once, the job goes on; searches go on meanwhile.
///
/// Nodes that share the store build their indexes anew as well.
#[utoipa::path(post, path = "/v1/kb/reindex", tag = "knowledge base", request_body = ReindexRequest,
    params(("x-actor" = Option<String>, Header, description = "Who asks; `api` where absent")),
    responses((status = ACCEPTED, body = JobView), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub(super) async fn reindex(
    State(shared): State<Shared>,
    Acting(actor): Acting,
    Body(request): Body<ReindexRequest>,
) -> Result<(StatusCode, Json<JobView>), ApiError> {
    let ReindexRequest { articles, all } = request;
    if all != articles.is_empty() {
        return Err(invalid_field("articles", "name articles, or send `\"all\": true` instead"));
    }
    let mut unknown = Vec::new();
    for id in &articles {
        if shared.app.store.article(id).await?.is_none() {
            unknown.push(id);
        }
    }
    if !unknown.is_empty() {
        let n_unknown = unknown.len();
        let sentence = format!("{n_unknown} of the articles are not there: `details` lists them");
        return Err(ApiError::new(ErrorCode::ArticleNotFound, sentence)
            .with_details(json!({ "articles": unknown })));
    }
    let job = shared.app.indexer.reindex((!all).then_some(articles), actor);
    Ok((StatusCode::ACCEPTED, Json(job.view())))
}

/// The last jobs of this node.
#[utoipa::path(get, path = "/v1/kb/reindex", tag = "knowledge base", responses((status = OK, body = JobList)))]
pub(super) async fn jobs(State(shared): State<Shared>) -> Json<JobList> {
    Json(JobList { jobs: shared.app.indexer.jobs().list() })
}

/// Where a job stands.
#[utoipa::path(get, path = "/v1/kb/reindex/{id}", tag = "knowledge base", params(("id" = String, Path)),
    responses((status = OK, body = JobView), (status = "4XX", body = ErrorBody)))]
pub(super) async fn job(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<JobView>, ApiError> {
    find(&shared, &id).map(|job| Json(job.view()))
}

/// Call a job off; the generation before it goes on serving. One that has ended stays as it is.
#[utoipa::path(post, path = "/v1/kb/reindex/{id}/cancel", tag = "knowledge base", params(("id" = String, Path)),
    responses((status = OK, body = JobView), (status = "4XX", body = ErrorBody)))]
pub(super) async fn cancel(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<JobView>, ApiError> {
    let job = find(&shared, &id)?;
    job.cancel();
    Ok(Json(job.view()))
}

fn find(shared: &Shared, id: &str) -> Result<Job, ApiError> {
    shared.app.indexer.jobs().get(id).ok_or_else(|| {
        let sentence =
            format!("this node remembers no job {id}: it ran on another node or long ago");
        ApiError::new(ErrorCode::JobNotFound, sentence)
    })
}
