//! The hit test: what customers' words find, why, and one click to keep it for the evaluation.

use super::super::Shared;
use super::super::error::{ApiError, ErrorCode};
use super::super::kb::today;
use super::editor::read;
use super::page::{Frame, PageError, page};
use crate::kb::editorial::Actor;
use crate::kb::search::Feature;
use crate::kb::{Found, Hit, Query};
use crate::library::{CaseDraft, MAX_GRADE};
use crate::triage::MAX_TEXT_CHARS;
use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Query as Params, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Extension, Form};
use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Hits shown.
const LIMIT: usize = 10;

/// What to search for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct HitParams {
    q: String,
    category: String,
    done: Option<String>,
}

/// A hit as the page shows it.
struct ShownHit {
    hit: Hit,
    score: String,
    parts: Vec<Part>,
}

/// A part of a score.
struct Part {
    name: &'static str,
    question: String,
    log_odds: String,
}

#[derive(Template)]
#[template(path = "console/kb/hits.html")]
struct HitsPage {
    frame: Frame,
    q: String,
    category: String,
    fault: &'static str,
    threshold: String,
    /// Number of the index that answered; `None` before the first question.
    generation: Option<u64>,
    hits: Vec<ShownHit>,
}

/// Searches as a customer's message does.
pub(super) async fn test(
    State(shared): State<Shared>,
    Extension(actor): Extension<Actor>,
    Params(HitParams { q, category, done }): Params<HitParams>,
) -> Result<Response, PageError> {
    let (q, category) = (q.trim().to_owned(), category.trim().to_owned());
    let is_too_long = q.chars().count() > MAX_TEXT_CHARS;
    let found = match q.is_empty() || is_too_long {
        true => None,
        false => Some(search(&shared, q.clone(), category.clone()).await?),
    };
    let generation = found.as_ref().map(|found| found.generation);
    let hits = found.map_or(Vec::new(), |found| found.hits.into_iter().map(shown).collect());
    let template = HitsPage {
        frame: Frame::new(&actor, "hits").noticing(done.as_deref()),
        q,
        category,
        fault: if is_too_long { "最多 2000 个字，请缩短。" } else { "" },
        threshold: format!("{:.2}", shared.app.config.kb.answer_threshold),
        generation,
        hits,
    };
    let status = if is_too_long { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(page(status, &template))
}

async fn search(shared: &Shared, q: String, category: String) -> Result<Found, ApiError> {
    let (kb, as_of) = (shared.app.kb.clone(), today(shared));
    let found = tokio::task::spawn_blocking(move || {
        let category = Some(category.as_str()).filter(|category| !category.is_empty());
        kb.search(&Query { category, limit: LIMIT, explain: true, ..Query::new(&q, as_of) })
    });
    let stopped = |_| ApiError::new(ErrorCode::Internal, "the search failed; it is logged");
    Ok(found.await.map_err(stopped)??)
}

fn shown(hit: Hit) -> ShownHit {
    let parts = hit.explanation.iter().flatten().map(|part| Part {
        name: part_name(part.feature),
        question: part.question.clone().unwrap_or_default(),
        log_odds: format!("{:+.2}", part.log_odds),
    });
    ShownHit { parts: parts.collect(), score: format!("{:.2}", hit.score), hit }
}

/// What a part of a score is called.
fn part_name(feature: Option<Feature>) -> &'static str {
    match feature {
        None => "基础分",
        Some(Feature::Chars) => "字",
        Some(Feature::Pairs) => "词组",
        Some(Feature::Concepts) => "概念",
        Some(Feature::CharsMean) => "平均每字",
        Some(Feature::PairsMean) => "平均每个词组",
        Some(Feature::Question) => "与某一问法的字面相似",
        Some(Feature::Meaning) => "语义",
        Some(Feature::Intent | Feature::IntentLog) => "意图",
        Some(Feature::UnknownPairs | Feature::UnknownChars) => "问题里知识库没有的词",
        Some(Feature::Length) => "问题长度",
        Some(Feature::OutOfScope) => "超出业务范围的可能",
    }
}

/// Keeps a question with the article that answers it, or with none, as a case.
pub(super) async fn keep(
    State(shared): State<Shared>,
    Extension(actor): Extension<Actor>,
    headers: HeaderMap,
    form: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Result<Response, PageError> {
    let typed = read(form)?;
    let (query, article_id) = (typed.get("q").to_owned(), typed.get("article_id"));
    let grade = (!article_id.is_empty()).then(|| (article_id.to_owned(), MAX_GRADE));
    let relevant: BTreeMap<_, _> = grade.into_iter().collect();
    let encoded = utf8_percent_encode(&query, NON_ALPHANUMERIC).to_string();
    let draft = CaseDraft { id: None, query, relevant };
    shared.app.library.keep_case(draft, actor, Timestamp::now()).await?;
    if headers.contains_key("hx-request") {
        return Ok("已保存为评测样例".into_response());
    }
    Ok(Redirect::to(&format!("/console/kb/hits?q={encoded}&done=case")).into_response())
}
