//! `/v1/conversations`: turns, reports about them, closing.

use super::Shared;
use super::classify::record;
use super::error::{ApiError, ErrorBody};
use super::extract::{Body, invalid_field};
use super::observe::Deadline;
use super::route::{checked_channel, record_decision};
use crate::conversation::{ClientId, ConversationId, TurnId, TurnOutcome};
use crate::telemetry::TURNS;
use crate::triage::customer::Customer;
use crate::triage::dialogue::TurnInput;
use crate::triage::reply::{ConversationView, TurnReply};
use axum::extract::{Path, State};
use axum::{Extension, Json};
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::ToSchema;

/// Longest reason taken with a report, in characters.
const MAX_REASON_CHARS: usize = 500;

/// One turn of the customer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TurnRequest {
    /// Chosen by the client, unique in the conversation; the same again is a retry and gets the
    /// same reply.
    #[schema(example = "t-1")]
    turn_id: String,
    /// The customer's words, 1 to 2000 characters.
    #[schema(example = "怎么改收货地址", min_length = 1, max_length = 2000)]
    text: String,
    /// Where the customer speaks; absent: as before.
    #[serde(default)]
    #[schema(example = "app")]
    channel: Option<String>,
    /// What the shop knows of the customer; absent: as told before.
    #[serde(default)]
    customer: Option<Customer>,
}

/// How a turn ended.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OutcomeRequest {
    /// As the bot or the customer's thumb says.
    outcome: TurnOutcome,
    /// Why, at most 500 characters.
    #[serde(default)]
    #[schema(example = "点了没帮到")]
    reason: Option<String>,
}

/// How the conversation ended.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CloseRequest {
    /// Whether the matter is solved.
    resolved: bool,
    /// Stars, 1 to 5.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 5)]
    rating: Option<u8>,
}

/// Take one turn: answer, ask back, hand over once, or be silent.
#[utoipa::path(post, path = "/v1/conversations/{id}/turns", tag = "conversations",
    params(("id" = String, Path, description = "Chosen by the client, the same on every channel")),
    request_body = TurnRequest,
    responses((status = OK, body = TurnReply), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub(super) async fn turn(
    State(shared): State<Shared>,
    Extension(deadline): Extension<Deadline>,
    Path(id): Path<String>,
    Body(request): Body<TurnRequest>,
) -> Result<Json<TurnReply>, ApiError> {
    let id = conversation_id(id)?;
    let input = TurnInput {
        turn_id: turn_id(request.turn_id)?,
        text: request.text,
        channel: checked_channel(request.channel)?,
        customer: request.customer,
    };
    let reply = shared.app.desk.turn(&id, input, Timestamp::now(), deadline.0).await?;
    record(&reply.classification);
    metrics::counter!(TURNS, "action" => format!("{:?}", reply.action)).increment(1);
    record_decision(&reply.decision);
    Ok(Json(reply))
}

/// Report how an earlier turn ended.
#[utoipa::path(put, path = "/v1/conversations/{id}/turns/{turn_id}/outcome", tag = "conversations",
    params(("id" = String, Path), ("turn_id" = String, Path)), request_body = OutcomeRequest,
    responses((status = OK, body = ConversationView), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub(super) async fn outcome(
    State(shared): State<Shared>,
    Path((id, turn)): Path<(String, String)>,
    Body(request): Body<OutcomeRequest>,
) -> Result<Json<ConversationView>, ApiError> {
    let (id, turn) = (conversation_id(id)?, turn_id(turn)?);
    if let Some(reason) = &request.reason
        && reason.chars().count() > MAX_REASON_CHARS
    {
        return Err(invalid_field("reason", format!("at most {MAX_REASON_CHARS} characters")));
    }
    let desk = &shared.app.desk;
    let view = desk.outcome(&id, &turn, request.outcome, request.reason, Timestamp::now()).await?;
    Ok(Json(view))
}

/// The conversation: state, strikes, turns (masked), hand-off packet.
#[utoipa::path(get, path = "/v1/conversations/{id}", tag = "conversations",
    params(("id" = String, Path)),
    responses((status = OK, body = ConversationView), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub(super) async fn view(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<ConversationView>, ApiError> {
    Ok(Json(shared.app.desk.view(&conversation_id(id)?).await?))
}

/// End the conversation; the next turn opens a new episode with nothing counted.
#[utoipa::path(post, path = "/v1/conversations/{id}/close", tag = "conversations",
    params(("id" = String, Path)), request_body = CloseRequest,
    responses((status = OK, body = ConversationView), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub(super) async fn close(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    Body(request): Body<CloseRequest>,
) -> Result<Json<ConversationView>, ApiError> {
    if request.rating.is_some_and(|rating| !(1..=5).contains(&rating)) {
        return Err(invalid_field("rating", "1 to 5 stars"));
    }
    let id = conversation_id(id)?;
    let desk = &shared.app.desk;
    Ok(Json(desk.close(&id, request.resolved, request.rating, Timestamp::now()).await?))
}

/// Give a handed-off or closed conversation back to the bot, with nothing counted.
#[utoipa::path(post, path = "/v1/conversations/{id}/return", tag = "conversations",
    params(("id" = String, Path)),
    responses((status = OK, body = ConversationView), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub(super) async fn return_to_bot(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<ConversationView>, ApiError> {
    Ok(Json(shared.app.desk.return_to_bot(&conversation_id(id)?, Timestamp::now()).await?))
}

fn conversation_id(id: String) -> Result<ConversationId, ApiError> {
    ClientId::try_from(id).map_err(|error| invalid_field("id", error))
}

fn turn_id(id: String) -> Result<TurnId, ApiError> {
    ClientId::try_from(id).map_err(|error| invalid_field("turn_id", error))
}
