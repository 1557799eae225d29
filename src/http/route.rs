//! `/v1/route`: from a message or a classification to a decision.

use super::Shared;
use super::classify::record;
use super::error::{ApiError, ErrorBody};
use super::extract::{Body, invalid_field};
use super::observe::Deadline;
use crate::conversation::ConversationId;
use crate::routing::{Decision, Trace, built_in_facts};
use crate::telemetry::DECISIONS;
use crate::triage::classification::Classification;
use crate::triage::customer::Customer;
use crate::triage::{ClassifyOptions, Situation};
use axum::extract::State;
use axum::{Extension, Json};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What to decide on: either `text` or `classification`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RouteRequest {
    /// The customer's words, 1 to 2000 characters.
    #[serde(default)]
    #[schema(example = "我的快递三天没动了，到底还送不送！")]
    text: Option<String>,
    /// What `/v1/classify` answered before.
    #[serde(default)]
    classification: Option<Classification>,
    /// What the shop knows of the customer.
    #[serde(default)]
    customer: Customer,
    /// Where the customer speaks: web, app, mini_program, phone, official_account, social,
    /// community, email, marketplace, video.
    #[serde(default)]
    #[schema(example = "app")]
    channel: Option<String>,
    /// The conversation whose strikes count; without it none do.
    #[serde(default)]
    conversation_id: Option<String>,
    /// Whether to tell which rules matched, and which did not and why.
    #[serde(default)]
    explain: bool,
    /// Another time than the present, for simulation.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-11-21T02:30:00+08:00")]
    now: Option<Timestamp>,
}

/// The decision and what it was made on.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RouteResponse {
    decision: Decision,
    classification: Classification,
    /// Which rules matched and which did not; with `explain` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<Trace>,
}

/// Decide skill group, priority and deadlines for a message.
#[utoipa::path(post, path = "/v1/route", tag = "route", request_body = RouteRequest,
    responses((status = OK, body = RouteResponse), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub(super) async fn route(
    State(shared): State<Shared>,
    Extension(deadline): Extension<Deadline>,
    Body(request): Body<RouteRequest>,
) -> Result<Json<RouteResponse>, ApiError> {
    let triage = &shared.app.triage;
    let channel = checked_channel(request.channel)?.unwrap_or_else(|| "unknown".to_owned());
    let now = request.now.unwrap_or_else(Timestamp::now);
    let classification = match (request.text, request.classification) {
        (Some(text), None) => {
            let deadline = deadline.0;
            let options = ClassifyOptions { top_k: 5, explain: false, now, deadline };
            let classification = triage.classify(&text, options).await?;
            record(&classification);
            classification
        }
        (None, Some(classification)) => classification,
        (Some(_), Some(_)) => {
            return Err(invalid_field(
                "classification",
                "send `text` or `classification`, not both",
            ));
        }
        (None, None) => return Err(invalid_field("text", "send `text` or `classification`")),
    };
    let strikes = match request.conversation_id {
        None => 0,
        Some(id) => {
            let id = ConversationId::try_from(id)
                .map_err(|error| invalid_field("conversation_id", error))?;
            let conversation = shared.app.store.conversation(&id).await?;
            conversation.map_or(0, |conversation| conversation.state.strikes())
        }
    };
    let situation = Situation { customer: &request.customer, channel: &channel, strikes, now };
    let (mut decision, trace) = triage.decide(&classification, situation, request.explain);
    // The limit is a setting of the conversation, which rules do not know.
    decision.handoff |= strikes >= shared.app.config.conversation.max_strikes;
    record_decision(&decision);
    Ok(Json(RouteResponse { decision, classification, trace }))
}

/// Counts what was decided.
pub(super) fn record_decision(decision: &Decision) {
    let skill_group = decision.skill_group.id.clone();
    let priority = format!("{:?}", decision.priority);
    metrics::counter!(DECISIONS, "skill_group" => skill_group, "priority" => priority).increment(1);
}

/// A channel the rules know.
pub(super) fn checked_channel(channel: Option<String>) -> Result<Option<String>, ApiError> {
    let def = built_in_facts().find(|def| def.name == "channel");
    let known = def.map_or(&[][..], |def| def.values);
    match channel {
        Some(channel) if !known.contains(&channel.as_str()) => {
            Err(invalid_field("channel", format!("{channel:?} is none of {}", known.join(", "))))
        }
        channel => Ok(channel),
    }
}
