//! `/v1/kb/feedback`, `/v1/kb/unanswered`, `/v1/kb/cases`: what the knowledge base learns from.

use super::super::Shared;
use super::super::error::{ApiError, ErrorBody};
use super::super::extract::{Body, Params, invalid_field};
use super::editor::Editor;
use crate::kb::editorial::Actor;
use crate::library::{CaseDraft, FeedbackDraft, QuestionGroup};
use crate::store::learning::{EvalCase, Span, Verdict};
use crate::triage::MAX_TEXT_CHARS;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

/// Days looked at where the request names none: the list is read once a week (requirement K7).
const DEFAULT_DAYS: i64 = 7;
/// Groups given where the request does not say.
const DEFAULT_LIMIT: usize = 50;
/// Most groups given.
const MAX_LIMIT: usize = 500;

/// What somebody did with an answer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct FeedbackRequest {
    /// The article.
    #[schema(example = "return-seven-days")]
    article_id: String,
    /// Its version.
    #[schema(example = 2)]
    version: u32,
    /// `generation` of the search or turn that found it.
    #[schema(example = 118)]
    generation: u64,
    /// The conversation, where there is one.
    #[schema(example = "c-20261121-0042")]
    conversation_id: Option<String>,
    /// The turn, or an id of the client's.
    #[schema(example = "t-3")]
    reference: Option<String>,
    /// The question in the customer's words; masked before it is kept.
    #[schema(example = "不想要了能退吗")]
    query: String,
    /// What they did.
    verdict: Verdict,
}

/// Report what an answer was worth.
#[utoipa::path(post, path = "/v1/kb/feedback", tag = "knowledge base", request_body = FeedbackRequest,
    responses((status = NO_CONTENT), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub(in crate::http) async fn feedback(
    State(shared): State<Shared>,
    Body(request): Body<FeedbackRequest>,
) -> Result<StatusCode, ApiError> {
    let draft = FeedbackDraft {
        article_id: request.article_id,
        version: request.version,
        generation: request.generation,
        conversation_id: request.conversation_id,
        reference: request.reference,
        query: checked_query(request.query)?,
        verdict: request.verdict,
    };
    shared.app.library.give_feedback(draft, Timestamp::now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Which questions.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct UnansweredParams {
    /// First day; a week before `until` where absent.
    #[param(value_type = Option<String>, format = Date, example = "2026-11-16")]
    from: Option<Date>,
    /// Last day, inclusive; today where absent.
    #[param(value_type = Option<String>, format = Date, example = "2026-11-22")]
    until: Option<Date>,
    /// Groups wanted, 1 to 500.
    #[param(default = 50, minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

/// Questions without a good answer.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct UnansweredView {
    /// Most frequent first.
    questions: Vec<QuestionGroup>,
    /// How many groups there are.
    #[schema(example = 63)]
    total: usize,
}

/// Questions without a good answer, the same ones counted together.
#[utoipa::path(get, path = "/v1/kb/unanswered", tag = "knowledge base", params(UnansweredParams),
    responses((status = OK, body = UnansweredView), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub(in crate::http) async fn unanswered(
    State(shared): State<Shared>,
    Params(params): Params<UnansweredParams>,
) -> Result<Json<UnansweredView>, ApiError> {
    let limit = params.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(invalid_field("limit", format!("{limit} lies outside 1 to {MAX_LIMIT}")));
    }
    let until = params.until.unwrap_or_else(|| super::today(&shared));
    let from = params.from.unwrap_or_else(|| until.saturating_sub((DEFAULT_DAYS - 1).days()));
    if until < from {
        return Err(invalid_field("until", format!("{until} lies before `from` {from}")));
    }
    let time_zone = shared.app.triage.rules().time_zone().clone();
    let start_of = |day: Date, field| {
        let start = day.to_zoned(time_zone.clone()).map(|start| start.timestamp());
        start.map_err(|_| invalid_field(field, format!("{day} is no day that can be looked at")))
    };
    let day_after = until.saturating_add(1.day());
    let span = Span { from: start_of(from, "from")?, until: start_of(day_after, "until")? };
    let mut questions = shared.app.library.unanswered(span).await?;
    let total = questions.len();
    questions.truncate(limit);
    Ok(Json(UnansweredView { questions, total }))
}

/// A question with the articles that answer it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct CaseRequest {
    /// Its id; a new one where absent.
    #[schema(example = "hit-20261122-1")]
    id: Option<String>,
    /// The question in the customer's words; masked before it is kept.
    #[schema(example = "退货运费谁出")]
    query: String,
    /// Grades of articles: 3 answers it fully, 2 the main part, 1 helps, 0 is useless. None above
    /// 0: the question has no answer.
    #[schema(example = json!({"return-shipping-fee": 3, "return-how-to": 1}))]
    relevant: BTreeMap<String, u8>,
}

/// A case, in the form that `fenzhen eval retrieval` reads.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct CaseView {
    /// Its id.
    #[schema(example = "hit-20261122-1")]
    id: String,
    /// The question, masked.
    #[schema(example = "退货运费谁出")]
    query: String,
    /// Grades of articles.
    #[schema(value_type = BTreeMap<String, u8>, example = json!({"return-shipping-fee": 3}))]
    relevant: serde_json::Value,
    /// Who kept it.
    #[schema(value_type = String, example = "林晓")]
    actor: Actor,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

impl From<EvalCase> for CaseView {
    fn from(EvalCase { id, query, relevant, actor, at }: EvalCase) -> Self {
        // The library wrote it as JSON.
        Self { id, query, relevant: serde_json::from_str(&relevant).unwrap_or_default(), actor, at }
    }
}

/// The cases kept so far.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct CasesView {
    /// Oldest first.
    cases: Vec<CaseView>,
}

/// Keep a question with its right answers as a case for the evaluation of search.
#[utoipa::path(post, path = "/v1/kb/cases", tag = "knowledge base",
    params(("X-Actor" = String, Header, example = "林晓")), request_body = CaseRequest,
    responses((status = CREATED, body = CaseView), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub(in crate::http) async fn keep_case(
    State(shared): State<Shared>,
    editor: Editor,
    Body(CaseRequest { id, query, relevant }): Body<CaseRequest>,
) -> Result<(StatusCode, Json<CaseView>), ApiError> {
    let draft = CaseDraft { id, query: checked_query(query)?, relevant };
    let case = shared.app.library.keep_case(draft, editor.actor, Timestamp::now()).await?;
    Ok((StatusCode::CREATED, Json(case.into())))
}

/// The cases kept so far.
#[utoipa::path(get, path = "/v1/kb/cases", tag = "knowledge base",
    responses((status = OK, body = CasesView), (status = "5XX", body = ErrorBody)))]
pub(in crate::http) async fn cases(
    State(shared): State<Shared>,
) -> Result<Json<CasesView>, ApiError> {
    let cases = shared.app.library.cases().await?.into_iter().map(CaseView::from).collect();
    Ok(Json(CasesView { cases }))
}

/// A question of 1 to 2000 characters.
fn checked_query(query: String) -> Result<String, ApiError> {
    let chars = query.chars().count();
    if query.trim().is_empty() || chars > MAX_TEXT_CHARS {
        return Err(invalid_field(
            "query",
            format!("1 to {MAX_TEXT_CHARS} characters, {chars} given"),
        ));
    }
    Ok(query)
}
