//! `/healthz`, `/readyz`, `/metrics`.

use super::Shared;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;

/// Whether the process is up.
#[derive(Serialize, ToSchema)]
pub(super) struct Health {
    /// Always `ok`.
    #[schema(example = "ok")]
    status: &'static str,
    /// Version of the program.
    version: &'static str,
}

/// Whether requests can be answered, and with what.
#[derive(Serialize, ToSchema)]
pub(super) struct Readiness {
    /// Whether every part is there.
    ready: bool,
    /// The database answers.
    store: bool,
    /// The intent bundle.
    intent_model: String,
    /// The sentiment bundle.
    sentiment_model: String,
    /// The rules in force, `name@version`.
    rule_set: String,
    /// The index generation in use.
    kb_generation: u64,
}

/// The process is up.
#[utoipa::path(get, path = "/healthz", tag = "operation", responses((status = OK, body = Health)))]
pub(super) async fn healthz() -> Json<Health> {
    Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION") })
}

/// The service can answer: models loaded, rules in force, index open, database reachable.
#[utoipa::path(get, path = "/readyz", tag = "operation",
    responses((status = OK, body = Readiness), (status = SERVICE_UNAVAILABLE, body = Readiness)))]
pub(super) async fn readyz(State(shared): State<Shared>) -> impl IntoResponse {
    let app = &shared.app;
    let store = app.store.ready().await;
    if let Err(error) = &store {
        tracing::error!(%error, "the database does not answer");
    }
    let ids = app.triage.models().readers.ids.clone();
    let readiness = Readiness {
        ready: store.is_ok(),
        store: store.is_ok(),
        intent_model: ids.intent,
        sentiment_model: ids.sentiment,
        rule_set: app.triage.rules().id().to_owned(),
        kb_generation: app.kb.generation().number,
    };
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(readiness))
}

/// Figures in the Prometheus text format.
#[utoipa::path(get, path = "/metrics", tag = "operation",
    responses((status = OK, body = String, content_type = "text/plain")))]
pub(super) async fn metrics(State(shared): State<Shared>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], shared.metrics.render())
}
