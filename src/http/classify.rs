//! `/v1/classify` and its batch.

use super::Shared;
use super::error::{ApiError, ErrorBody};
use super::extract::{Body, invalid_field};
use super::observe::{Deadline, RequestId};
use crate::config::MAX_BATCH_TEXTS;
use crate::telemetry::{CLASSIFICATIONS, DEGRADED};
use crate::triage::ClassifyOptions;
use crate::triage::classification::Classification;
use axum::extract::State;
use axum::{Extension, Json};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// Ranked intents given where the request does not say.
const DEFAULT_TOP_K: usize = 5;
/// Most ranked intents given: more than any label set in sight.
const MAX_TOP_K: usize = 100;

/// A message to understand.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ClassifyRequest {
    /// The customer's words, 1 to 2000 characters.
    #[schema(example = "我的快递三天没动了，到底还送不送！", min_length = 1, max_length = 2000)]
    text: String,
    /// Ranked intents wanted, 1 to 100.
    #[serde(default = "default_top_k")]
    #[schema(default = 5, minimum = 1, maximum = 100)]
    top_k: usize,
    /// The conversation it belongs to; for the caller's own records, nothing is stored.
    #[serde(default)]
    conversation_id: Option<String>,
    /// Whether to tell the words that carried the intent; costs one more run of the model a word.
    #[serde(default)]
    explain: bool,
}

/// Messages to understand.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BatchRequest {
    /// 1 to 256 texts of 1 to 2000 characters.
    #[schema(min_items = 1, max_items = 256)]
    texts: Vec<String>,
    /// Ranked intents wanted, 1 to 100.
    #[serde(default = "default_top_k")]
    #[schema(default = 5, minimum = 1, maximum = 100)]
    top_k: usize,
}

/// What was understood, in the order of the texts.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BatchResponse {
    /// One result a text.
    results: Vec<BatchItem>,
}

/// The result for one text.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum BatchItem {
    /// Understood.
    Classification(Box<Classification>),
    /// Failed; the others are not touched by it.
    Error {
        /// `code`, `message`, `details` as in an error's body.
        #[schema(value_type = Object)]
        error: Value,
    },
}

fn default_top_k() -> usize {
    DEFAULT_TOP_K
}

/// Understand one message: intent, sentiment, emotion, urgency, complexity, entities, language.
#[utoipa::path(post, path = "/v1/classify", tag = "understand", request_body = ClassifyRequest,
    responses((status = OK, body = Classification), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub(super) async fn classify(
    State(shared): State<Shared>,
    Extension(deadline): Extension<Deadline>,
    Extension(request_id): Extension<RequestId>,
    Body(request): Body<ClassifyRequest>,
) -> Result<Json<Classification>, ApiError> {
    let options = ClassifyOptions {
        top_k: checked_top_k(request.top_k)?,
        explain: request.explain,
        now: Timestamp::now(),
        deadline: deadline.0,
        subject: Some(&request_id.0),
    };
    let classification = shared.app.triage.classify(&request.text, options).await?;
    record(&classification);
    tracing::debug!(
        conversation_id = request.conversation_id,
        intent = classification.intent.label,
        "classified"
    );
    Ok(Json(classification))
}

/// The same under its short, stable path.
#[utoipa::path(post, path = "/classify", tag = "understand", request_body = ClassifyRequest,
    responses((status = OK, body = Classification), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub(super) async fn classify_alias(
    shared: State<Shared>,
    deadline: Extension<Deadline>,
    request_id: Extension<RequestId>,
    body: Body<ClassifyRequest>,
) -> Result<Json<Classification>, ApiError> {
    classify(shared, deadline, request_id, body).await
}

/// Understand up to 256 messages at once; results keep the order, a failed one carries `error`.
#[utoipa::path(post, path = "/v1/classify/batch", tag = "understand", request_body = BatchRequest,
    responses((status = OK, body = BatchResponse), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub(super) async fn classify_batch(
    State(shared): State<Shared>,
    Extension(deadline): Extension<Deadline>,
    Extension(request_id): Extension<RequestId>,
    Body(request): Body<BatchRequest>,
) -> Result<Json<BatchResponse>, ApiError> {
    let n_texts = request.texts.len();
    if !(1..=MAX_BATCH_TEXTS).contains(&n_texts) {
        let sentence = format!("{n_texts} texts given, 1 to {MAX_BATCH_TEXTS} are taken");
        return Err(invalid_field("texts", sentence));
    }
    let options = ClassifyOptions {
        top_k: checked_top_k(request.top_k)?,
        explain: false,
        now: Timestamp::now(),
        deadline: deadline.0,
        subject: Some(&request_id.0),
    };
    let results = shared.app.triage.classify_many(&request.texts, options).await?;
    let results = results.into_iter().map(|result| match result {
        Ok(classification) => {
            record(&classification);
            BatchItem::Classification(Box::new(classification))
        }
        Err(error) => BatchItem::Error { error: ApiError::from(error).detail() },
    });
    Ok(Json(BatchResponse { results: results.collect() }))
}

fn checked_top_k(top_k: usize) -> Result<usize, ApiError> {
    if (1..=MAX_TOP_K).contains(&top_k) {
        Ok(top_k)
    } else {
        Err(invalid_field("top_k", format!("{top_k} lies outside 1 to {MAX_TOP_K}")))
    }
}

/// Counts what was understood.
pub(super) fn record(classification: &Classification) {
    let outcome = classification.outcome.as_str();
    let intent = classification.intent.label.clone();
    metrics::counter!(CLASSIFICATIONS, "intent" => intent, "outcome" => outcome).increment(1);
    for part in &classification.degraded {
        metrics::counter!(DEGRADED, "part" => format!("{part:?}")).increment(1);
    }
}
