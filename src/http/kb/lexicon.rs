//! `/v1/kb/lexicon`: synonyms and the shop's own words.

use super::super::Shared;
use super::super::error::{ApiError, ErrorBody, ErrorCode};
use super::super::extract::Body;
use super::editor::Editor;
use crate::library::LexiconText;
use crate::store::learning::LexiconName;
use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A word list to be saved.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct LexiconRequest {
    /// The version that was read, 0 for the shipped list; may be sent as `If-Match` instead.
    #[schema(example = 3)]
    version: Option<u64>,
    /// The whole list: for `synonyms` lines `name: phrase, phrase`, for `dictionary` lines with a
    /// word and optionally its frequency; `#` starts a comment.
    #[schema(example = "运费: 运费,邮费,邮钱,快递费\n退款: 退款,退钱")]
    text: String,
}

/// All versions of a word list.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct LexiconHistory {
    /// Latest first, the shipped list last.
    versions: Vec<LexiconText>,
}

/// A word list: `synonyms` or `dictionary`.
#[utoipa::path(get, path = "/v1/kb/lexicon/{name}", tag = "knowledge base", params(("name" = LexiconName, Path)),
    responses((status = OK, body = LexiconText), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub(in crate::http) async fn lexicon(
    State(shared): State<Shared>,
    Path(name): Path<String>,
) -> Result<Json<LexiconText>, ApiError> {
    Ok(Json(shared.app.library.lexicon(lexicon_name(&name)?).await?))
}

/// Save a word list; indexes are built anew with it. A faulty one is refused with its lines.
#[utoipa::path(put, path = "/v1/kb/lexicon/{name}", tag = "knowledge base",
    params(("name" = LexiconName, Path), ("X-Actor" = String, Header, example = "林晓")), request_body = LexiconRequest,
    responses((status = OK, body = LexiconText), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub(in crate::http) async fn save_lexicon(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    editor: Editor,
    Body(LexiconRequest { version, text }): Body<LexiconRequest>,
) -> Result<Json<LexiconText>, ApiError> {
    let name = lexicon_name(&name)?;
    let by = editor.by_version(version)?;
    Ok(Json(shared.app.library.save_lexicon(name, text, by).await?))
}

/// All versions of a word list, latest first.
#[utoipa::path(get, path = "/v1/kb/lexicon/{name}/history", tag = "knowledge base", params(("name" = LexiconName, Path)),
    responses((status = OK, body = LexiconHistory), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub(in crate::http) async fn lexicon_history(
    State(shared): State<Shared>,
    Path(name): Path<String>,
) -> Result<Json<LexiconHistory>, ApiError> {
    let versions = shared.app.library.lexicon_history(lexicon_name(&name)?).await?;
    Ok(Json(LexiconHistory { versions }))
}

/// The list meant by a part of a path.
pub(in crate::http) fn lexicon_name(name: &str) -> Result<LexiconName, ApiError> {
    match name {
        "synonyms" => Ok(LexiconName::Synonyms),
        "dictionary" => Ok(LexiconName::Dictionary),
        _ => Err(ApiError::new(
            ErrorCode::NotFound,
            "the word lists are `synonyms` and `dictionary`",
        )),
    }
}
