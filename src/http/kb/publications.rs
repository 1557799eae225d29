//! `/v1/kb/publications`: what is served, and back to what was.

use super::super::Shared;
use super::super::error::{ApiError, ErrorBody};
use super::super::extract::{Body, Params, invalid_field};
use super::editor::Editor;
use crate::store::articles::{Publication, Publications};
use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Publications given where the request does not say.
const DEFAULT_LIMIT: u32 = 20;
/// Most publications given at once.
const MAX_LIMIT: u32 = 200;

/// Which publications.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct LogParams {
    /// Only those before this number.
    #[param(example = 118)]
    before: Option<u64>,
    /// Publications wanted, 1 to 200.
    #[param(default = 20, minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// What is served.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct PublicationsView {
    /// The latest publication; 0: nothing was published yet.
    #[schema(example = 131)]
    latest: u64,
    /// The earlier one that is served instead.
    #[schema(example = 118)]
    pinned: Option<u64>,
    /// The one that is served.
    #[schema(example = 118)]
    served: u64,
}

impl From<Publications> for PublicationsView {
    fn from(publications: Publications) -> Self {
        let Publications { latest, pinned } = publications;
        Self { latest, pinned, served: publications.served() }
    }
}

/// What is served, and the publications that led there.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct LogView {
    #[serde(flatten)]
    publications: PublicationsView,
    /// Latest first.
    log: Vec<Publication>,
}

/// The publication to serve.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct PinRequest {
    /// Its number; null: the latest again.
    // Read explicitly, since leaving it out must not mean null.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(example = 118)]
    pin: Option<u64>,
}

/// Which publication is served, and what led there.
#[utoipa::path(get, path = "/v1/kb/publications", tag = "knowledge base", params(LogParams),
    responses((status = OK, body = LogView), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub(in crate::http) async fn publications(
    State(shared): State<Shared>,
    Params(params): Params<LogParams>,
) -> Result<Json<LogView>, ApiError> {
    let limit = params.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(invalid_field("limit", format!("{limit} lies outside 1 to {MAX_LIMIT}")));
    }
    let library = &shared.app.library;
    let publications = library.publications().await?.into();
    let log = library.publication_log(params.before, limit).await?;
    Ok(Json(LogView { publications, log }))
}

/// Serve an earlier publication until further notice, or the latest again.
#[utoipa::path(post, path = "/v1/kb/publications", tag = "knowledge base",
    params(("X-Actor" = String, Header, example = "林晓")), request_body = PinRequest,
    responses((status = OK, body = PublicationsView), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub(in crate::http) async fn pin(
    State(shared): State<Shared>,
    editor: Editor,
    Body(PinRequest { pin }): Body<PinRequest>,
) -> Result<Json<PublicationsView>, ApiError> {
    let publications = shared.app.library.pin(pin, &editor.actor, Timestamp::now()).await?;
    Ok(Json(publications.into()))
}
