//! `/v1/kb`: search, single articles, and in the folder beside what editors do.

pub(super) mod articles;
pub(super) mod cycle;
pub(super) mod editor;
pub(super) mod learning;
pub(super) mod lexicon;
pub(super) mod publications;

pub(super) use articles::VersionView;

use super::Shared;
use super::error::{ApiError, ErrorBody, ErrorCode};
use super::extract::{Params, invalid_field};
use crate::kb::article::Article;
use crate::kb::{Found, Query};
use crate::triage::MAX_TEXT_CHARS;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Hits given where the request does not say.
const DEFAULT_LIMIT: usize = 5;
/// Most hits given.
const MAX_LIMIT: usize = 50;

/// What to search for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchParams {
    /// The customer's words, 1 to 2000 characters.
    #[param(example = "怎么改收货地址")]
    q: String,
    /// Only articles in this category or below.
    #[param(example = "售后/退款")]
    category: Option<String>,
    /// Hits wanted, 1 to 50.
    #[param(default = 5, minimum = 1, maximum = 50)]
    limit: Option<usize>,
    /// The day whose valid versions are searched; today where absent.
    #[param(value_type = Option<String>, format = Date, example = "2026-11-21")]
    as_of: Option<Date>,
    /// Whether hits tell what their score is made of.
    #[serde(default)]
    explain: bool,
}

/// Which version of an article: the one in force on a day, or one that editors ask for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ArticleParams {
    /// The day whose valid version is given; today where absent.
    #[param(value_type = Option<String>, format = Date, example = "2026-11-21")]
    as_of: Option<Date>,
    /// For editors: the version with this number, whatever its status.
    #[param(example = 3)]
    version: Option<u32>,
    /// For editors: `latest`, the version with the highest number.
    state: Option<StateWanted>,
}

/// The version that editors ask for without its number.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum StateWanted {
    /// The one with the highest number.
    Latest,
}

/// An article for readers, or a version for editors.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes the answer of two kinds in the OpenAPI document")]
pub(super) enum ArticleView {
    /// The version in force.
    Served(Article),
    /// With `version` or `state`.
    Stored(VersionView),
}

/// Search the articles in force.
#[utoipa::path(get, path = "/v1/kb/search", tag = "knowledge base", params(SearchParams),
    responses((status = OK, body = Found), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub(super) async fn search(
    State(shared): State<Shared>,
    Params(params): Params<SearchParams>,
) -> Result<Json<Found>, ApiError> {
    let chars = params.q.chars().count();
    if params.q.trim().is_empty() || chars > MAX_TEXT_CHARS {
        return Err(invalid_field("q", format!("1 to {MAX_TEXT_CHARS} characters, {chars} given")));
    }
    let limit = params.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(invalid_field("limit", format!("{limit} lies outside 1 to {MAX_LIMIT}")));
    }
    let as_of = params.as_of.unwrap_or_else(|| today(&shared));
    let kb = shared.app.kb.clone();
    let found = tokio::task::spawn_blocking(move || {
        let query = Query {
            category: params.category.as_deref(),
            limit,
            explain: params.explain,
            ..Query::new(&params.q, as_of)
        };
        kb.search(&query)
    });
    let stopped = |_| ApiError::new(ErrorCode::Internal, "the search failed; it is logged");
    Ok(Json(found.await.map_err(stopped)??))
}

/// The version of an article in force; with `version` or `state` one that editors ask for.
#[utoipa::path(get, path = "/v1/kb/articles/{id}", tag = "knowledge base",
    params(("id" = String, Path, example = "order-change-address"), ArticleParams),
    responses((status = OK, body = ArticleView), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub(super) async fn article(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    Params(params): Params<ArticleParams>,
) -> Result<Response, ApiError> {
    let library = &shared.app.library;
    let opened = match params {
        ArticleParams { as_of, version: None, state: None } => {
            let as_of = as_of.unwrap_or_else(|| today(&shared));
            return Ok(Json(served(&shared, &id, as_of)?).into_response());
        }
        ArticleParams { as_of: None, version: Some(version), state: None } => {
            library.version(&id, version).await?
        }
        ArticleParams { as_of: None, version: None, state: Some(StateWanted::Latest) } => {
            library.latest(&id).await?
        }
        _ => return Err(invalid_field("version", "give one of as_of, version and state")),
    };
    Ok(VersionView::from(opened).response(StatusCode::OK))
}

fn served(shared: &Shared, id: &str, as_of: Date) -> Result<Article, ApiError> {
    shared.app.kb.article(id, as_of).ok_or_else(|| {
        ApiError::new(
            ErrorCode::ArticleNotFound,
            format!("no version of the article {id} is published and valid on {as_of}"),
        )
    })
}

/// The day it is in the shop.
pub(super) fn today(shared: &Shared) -> Date {
    Timestamp::now().to_zoned(shared.app.triage.rules().time_zone().clone()).date()
}
