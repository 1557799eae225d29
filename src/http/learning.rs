//! `/v1/kb/learning`, `/v1/kb/reviews`, `/v1/kb/changes`: what editors should look at next.

use super::Shared;
use super::error::{ApiError, ErrorBody, ErrorCode};
use super::extract::{Body, Params, invalid_field};
use crate::kb::advice;
use crate::kb::article::Article;
use crate::kb::editorial::{Actor, ArticleRecord};
use crate::learning::{self, QuestionGroup, VariantSuggestion};
use crate::store::learning::{ReviewRequest, Span};
use axum::Json;
use axum::extract::State;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Days looked at where the request does not say: the weekly list of requirement K7.
const DEFAULT_DAYS: i32 = 7;
/// Groups and suggestions given where the request does not say.
const DEFAULT_LIMIT: usize = 50;
/// Most given.
const MAX_LIMIT: usize = 500;
/// Longest name of what changed, and longest note, in characters.
const MAX_NAME_CHARS: usize = 100;
const MAX_NOTE_CHARS: usize = 500;

/// Which days.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct DaysParams {
    /// First day, in the shop's time; six days before the last one where absent.
    #[param(value_type = Option<String>, format = Date, example = "2026-11-16")]
    from: Option<Date>,
    /// Last day, inclusive; today where absent.
    #[param(value_type = Option<String>, format = Date, example = "2026-11-22")]
    to: Option<Date>,
    /// Entries wanted, 1 to 500.
    #[param(default = 50, minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

/// Questions without a good answer.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UnansweredList {
    /// First day.
    #[schema(value_type = String, format = Date, example = "2026-11-16")]
    from: Date,
    /// Last day.
    #[schema(value_type = String, format = Date, example = "2026-11-22")]
    to: Date,
    /// Questions in all.
    #[schema(example = 40)]
    n_questions: usize,
    /// Groups in all, also those beyond the limit.
    #[schema(example = 12)]
    n_groups: usize,
    /// The most frequent first.
    groups: Vec<QuestionGroup>,
}

/// What articles should learn.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Suggestions {
    /// First day.
    #[schema(value_type = String, format = Date, example = "2026-11-16")]
    from: Date,
    /// Last day.
    #[schema(value_type = String, format = Date, example = "2026-11-22")]
    to: Date,
    /// Wordings that articles should know, the most frequent first.
    variants: Vec<VariantSuggestion>,
}

/// Something that articles rely on has changed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeRequest {
    /// What, as in `depends_on` of the articles.
    #[schema(example = "policy:return-7d")]
    changed: String,
    /// What is new, at most 500 characters.
    #[schema(example = "退货期限改为 15 天")]
    note: String,
    /// Who says so.
    #[schema(value_type = String, example = "运营 周宁")]
    actor: Actor,
}

/// Articles that were marked.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Marked {
    /// Ids of the articles served today that rely on it; a review of each is asked for.
    #[schema(example = json!(["return-seven-days"]))]
    article_ids: Vec<String>,
}

/// Articles to look at again.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Reviews {
    /// Served articles whose day has passed, by id.
    overdue: Vec<OverdueReview>,
    /// Requests that no version saved since has answered, oldest first.
    requested: Vec<ReviewRequest>,
}

/// An article whose review is overdue.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OverdueReview {
    /// The article.
    #[schema(example = "return-seven-days")]
    article_id: String,
    /// Its standard question.
    #[schema(example = "支持七天无理由退货吗？")]
    question: String,
    /// Who answers for it.
    #[schema(example = "售后组 林晓")]
    owner: Option<String>,
    /// The day.
    #[schema(value_type = String, format = Date, example = "2026-10-01")]
    review_by: Option<Date>,
}

/// Frequent questions without a good answer, gathered by wording.
#[utoipa::path(get, path = "/v1/kb/learning/unanswered", tag = "knowledge base", params(DaysParams),
    responses((status = OK, body = UnansweredList), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub(super) async fn unanswered(
    State(shared): State<Shared>,
    Params(params): Params<DaysParams>,
) -> Result<Json<UnansweredList>, ApiError> {
    let Days { from, to, span, limit } = days(&shared, &params)?;
    let questions = shared.app.store.unanswered(span).await?;
    let n_questions = questions.len();
    let mut groups = compute(move || learning::group(&questions)).await?;
    let n_groups = groups.len();
    groups.truncate(limit);
    Ok(Json(UnansweredList { from, to, n_questions, n_groups, groups }))
}

/// Wordings of customers that articles should know.
#[utoipa::path(get, path = "/v1/kb/learning/suggestions", tag = "knowledge base", params(DaysParams),
    responses((status = OK, body = Suggestions), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub(super) async fn suggestions(
    State(shared): State<Shared>,
    Params(params): Params<DaysParams>,
) -> Result<Json<Suggestions>, ApiError> {
    let Days { from, to, span, limit } = days(&shared, &params)?;
    let questions = shared.app.store.unanswered(span).await?;
    let feedback = shared.app.store.feedback(span).await?;
    let (kb, today) = (shared.app.kb.clone(), shared.app.triage.today(Timestamp::now()));
    let mut variants = compute(move || {
        let groups = learning::group(&questions);
        learning::suggest_variants(&kb.articles(today), &feedback, &groups)
    })
    .await?;
    variants.truncate(limit);
    Ok(Json(Suggestions { from, to, variants }))
}

/// Say that something changed which articles rely on; a review of each is asked for.
#[utoipa::path(post, path = "/v1/kb/changes", tag = "knowledge base", request_body = ChangeRequest,
    responses((status = OK, body = Marked), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub(super) async fn changed(
    State(shared): State<Shared>,
    Body(request): Body<ChangeRequest>,
) -> Result<Json<Marked>, ApiError> {
    let ChangeRequest { changed, note, actor } = request;
    if !changed.contains(':') || changed.chars().count() > MAX_NAME_CHARS {
        let form = "kind and name as in `depends_on`, such as policy:return-7d";
        return Err(invalid_field("changed", form));
    }
    if note.chars().count() > MAX_NOTE_CHARS {
        return Err(invalid_field("note", format!("at most {MAX_NOTE_CHARS} characters")));
    }
    let at = Timestamp::now();
    let articles = served(&shared, at).await?;
    let stale = advice::stale(&articles, &changed);
    let article_ids: Vec<String> = stale.iter().map(|article| article.id.clone()).collect();
    let request = |article_id: &String| ReviewRequest {
        article_id: article_id.clone(),
        changed: changed.clone(),
        note: note.clone(),
        actor: actor.clone(),
        at,
    };
    shared.app.store.request_reviews(article_ids.iter().map(request).collect()).await?;
    Ok(Json(Marked { article_ids }))
}

/// Articles to look at again: overdue by their own day, or because something changed.
#[utoipa::path(get, path = "/v1/kb/reviews", tag = "knowledge base",
    responses((status = OK, body = Reviews), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub(super) async fn reviews(State(shared): State<Shared>) -> Result<Json<Reviews>, ApiError> {
    let now = Timestamp::now();
    let articles = served(&shared, now).await?;
    let overdue = advice::overdue(&articles, shared.app.triage.today(now));
    let overdue = overdue.into_iter().map(|article| OverdueReview {
        article_id: article.id.clone(),
        question: article.question.clone(),
        owner: article.owner.clone(),
        review_by: article.review_by,
    });
    let all = Span { from: Timestamp::UNIX_EPOCH, until: Timestamp::MAX };
    let mut requested = Vec::new();
    for request in shared.app.store.review_requests(all).await? {
        let record = shared.app.store.article(&request.article_id).await?;
        if record.is_none_or(|record| !has_version_since(&record, request.at)) {
            requested.push(request);
        }
    }
    Ok(Json(Reviews { overdue: overdue.collect(), requested }))
}

fn has_version_since(record: &ArticleRecord, at: Timestamp) -> bool {
    record.versions.iter().any(|version| version.created_at > at)
}

struct Days {
    from: Date,
    to: Date,
    span: Span,
    limit: usize,
}

fn days(shared: &Shared, params: &DaysParams) -> Result<Days, ApiError> {
    let to = params.to.unwrap_or_else(|| shared.app.triage.today(Timestamp::now()));
    let from = params.from.unwrap_or_else(|| to.saturating_sub((DEFAULT_DAYS - 1).days()));
    if from > to {
        return Err(invalid_field("from", format!("{from} lies after `to`, {to}")));
    }
    let limit = params.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(invalid_field("limit", format!("{limit} lies outside 1 to {MAX_LIMIT}")));
    }
    let zone = shared.app.triage.rules().time_zone().clone();
    let midnight = |day: Date| day.to_zoned(zone.clone()).map(|start| start.timestamp());
    let until = to.saturating_add(1.days());
    let (Ok(start), Ok(end)) = (midnight(from), midnight(until)) else {
        return Err(invalid_field("from", "a day that the calendar can hold"));
    };
    Ok(Days { from, to, span: Span { from: start, until: end }, limit })
}

/// The articles in force, read off the executor: they may be many.
async fn served(shared: &Shared, at: Timestamp) -> Result<Vec<Article>, ApiError> {
    let (kb, today) = (shared.app.kb.clone(), shared.app.triage.today(at));
    compute(move || kb.articles(today)).await
}

async fn compute<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    let stopped = |_| ApiError::new(ErrorCode::Internal, "the computation failed; it is logged");
    tokio::task::spawn_blocking(work).await.map_err(stopped)
}
