//! The HTTP interface: the router and what stands around every handler.
//!
//! From the outside in: the request gets an id, is logged and counted; an API key is checked where
//! keys are set; a permit is taken (none left: 429 at once) and the deadline starts; then the
//! handler runs. Every error leaves as the same JSON shape, see [`error`].
//!
//! Invariants: only this module knows axum and status codes; handlers hold no state of their own.

mod actor;
mod admin;
mod auth;
mod classify;
mod console;
mod conversations;
pub mod error;
mod extract;
mod health;
mod kb;
mod learning;
mod models;
mod observe;
mod reindex;
mod route;
mod serve;

pub use serve::serve;

use crate::app::App;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse};
use axum::{Router, middleware};
use error::{ApiError, ErrorCode};
use metrics_exporter_prometheus::PrometheusHandle;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::SwaggerUi;

/// What handlers share.
#[derive(Clone)]
pub(crate) struct Shared {
    app: Arc<App>,
    permits: Arc<Semaphore>,
    metrics: PrometheusHandle,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Fenzhen 分诊",
        description = "Understands Chinese e-commerce customer messages, decides skill group, priority \
                       and deadline by rules, answers from a knowledge base and hands the \
                       conversation to a person after three failed bot turns or on request.\n\n\
                       Errors always have the shape \
                       `{\"error\":{\"code\",\"message\",\"details\"},\"request_id\"}`; the codes are \
                       listed with `ErrorCode`."
    ),
    tags(
        (name = "understand", description = "Intent, sentiment, urgency, entities of a message"),
        (name = "route", description = "Skill group, priority, deadlines by rules"),
        (name = "conversations", description = "Turns, strikes and the hand-off"),
        (name = "knowledge base", description = "Search over versioned articles"),
        (name = "operation", description = "Health, metrics, rules, models"),
    )
)]
struct Api;

/// The whole service as one router.
pub fn router(app: Arc<App>, metrics: PrometheusHandle) -> Router {
    let http = &app.config.http;
    let (max_body_bytes, max_batch_body_bytes) = (http.max_body_bytes, http.max_batch_body_bytes);
    let permits = Arc::new(Semaphore::new(http.max_in_flight));
    let shared = Shared { app, permits, metrics };

    let batch = OpenApiRouter::new()
        .routes(routes!(classify::classify_batch))
        .layer(DefaultBodyLimit::max(max_batch_body_bytes));
    let work = OpenApiRouter::new()
        .routes(routes!(classify::classify))
        .routes(routes!(classify::classify_alias))
        .routes(routes!(route::route))
        .routes(routes!(conversations::turn))
        .routes(routes!(conversations::outcome))
        .routes(routes!(conversations::view))
        .routes(routes!(conversations::close))
        .routes(routes!(conversations::return_to_bot))
        .routes(routes!(kb::search))
        .routes(routes!(kb::article, kb::articles::save))
        .routes(routes!(kb::articles::list, kb::articles::create))
        .routes(routes!(kb::cycle::versions, kb::cycle::restore))
        .routes(routes!(kb::cycle::history))
        .routes(routes!(kb::cycle::diff))
        .routes(routes!(kb::cycle::submit))
        .routes(routes!(kb::cycle::withdraw))
        .routes(routes!(kb::cycle::approve))
        .routes(routes!(kb::cycle::reject))
        .routes(routes!(kb::cycle::publish))
        .routes(routes!(kb::cycle::archive))
        .routes(routes!(kb::publications::publications, kb::publications::pin))
        .routes(routes!(kb::lexicon::lexicon, kb::lexicon::save_lexicon))
        .routes(routes!(kb::lexicon::lexicon_history))
        .routes(routes!(kb::learning::feedback))
        .routes(routes!(kb::learning::unanswered))
        .routes(routes!(kb::learning::cases, kb::learning::keep_case))
        .routes(routes!(learning::unanswered))
        .routes(routes!(learning::suggestions))
        .routes(routes!(learning::changed))
        .routes(routes!(learning::reviews))
        .routes(routes!(reindex::reindex, reindex::jobs))
        .routes(routes!(reindex::job))
        .routes(routes!(reindex::cancel))
        .routes(routes!(admin::rules))
        .routes(routes!(admin::reload_rules))
        .layer(DefaultBodyLimit::max(max_body_bytes))
        .merge(batch)
        .layer(middleware::from_fn_with_state(shared.clone(), observe::admit))
        .layer(middleware::from_fn_with_state(shared.clone(), auth::check));
    // No deadline and no permit: a reload takes as long as it takes, and is wanted most under load.
    let models = OpenApiRouter::new()
        .routes(routes!(models::models))
        .routes(routes!(models::reload))
        .layer(DefaultBodyLimit::max(max_body_bytes))
        .layer(middleware::from_fn_with_state(shared.clone(), auth::check));
    let operation = OpenApiRouter::new()
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(health::metrics));
    let (router, api) = OpenApiRouter::with_openapi(Api::openapi())
        .merge(work)
        .merge(models)
        .merge(operation)
        .split_for_parts();
    router
        .merge(SwaggerUi::new("/docs").url("/openapi.json", api))
        .merge(console::router(&shared, max_batch_body_bytes))
        .route("/", axum::routing::get(index))
        .fallback(async || {
            ApiError::new(
                ErrorCode::NotFound,
                "there is nothing at this path; GET /docs lists what there is",
            )
        })
        .method_not_allowed_fallback(async || {
            ApiError::new(
                ErrorCode::MethodNotAllowed,
                "this path takes another method; GET /docs lists them",
            )
        })
        .layer(CatchPanicLayer::custom(|_| {
            ApiError::new(ErrorCode::Internal, "the request failed inside; it is logged")
                .into_response()
        }))
        .layer(middleware::from_fn_with_state(shared.clone(), observe::observe))
        .with_state(shared)
}

/// A plain page that leads to the others.
async fn index() -> impl IntoResponse {
    let csp = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'");
    ([(header::CONTENT_SECURITY_POLICY, csp)], Html(include_str!("http/index.html")))
}
