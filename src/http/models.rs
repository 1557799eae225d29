//! `/v1/admin/models`: the models in service, and others in their place.

use super::Shared;
use super::error::{ApiError, ErrorBody, ErrorCode};
use super::extract::{OptionalBody, invalid_field};
use crate::app::ModelFaults;
use crate::app::models::{ModelChange, ModelSwapError};
use crate::model::shadow::ShadowFigures;
use crate::routing::RuleError;
use crate::triage::classification::ModelIds;
use crate::triage::models::BundleInfo;
use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;
use utoipa::ToSchema;

/// The models in service.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ModelsView {
    /// The bundles, by role.
    bundles: Vec<BundleInfo>,
    /// Since when they are in service together.
    #[schema(value_type = String, example = "2026-11-21T08:30:00Z")]
    since: Timestamp,
    /// What the shadow model found since then; null without one.
    shadow: Option<ShadowFigures>,
}

/// Other folders; what is left out stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReloadRequest {
    /// Folder of the intent bundle, below `model.root`.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "models/intent-next")]
    intent: Option<PathBuf>,
    /// Folder of the accurate intent bundle, likewise; null ends the cascade.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    intent_accurate: Option<Option<PathBuf>>,
    /// Folder of the sentiment bundle, likewise.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    sentiment: Option<PathBuf>,
    /// Folder of the shadow bundle, likewise; null ends the shadow.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    shadow: Option<Option<PathBuf>>,
}

/// A swap that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReloadResponse {
    /// The bundles until now.
    before: ModelIds,
    /// The bundles from now on.
    after: ModelIds,
    /// Milliseconds for reading, checking and starting the new ones; the old ones answered meanwhile.
    #[schema(example = 518.0)]
    load_ms: f64,
    /// Milliseconds until the last request of the old ones was answered and their threads had ended.
    #[schema(example = 10.0)]
    drain_ms: f64,
}

/// Which models are in service since when, and what a shadow model found.
#[utoipa::path(get, path = "/v1/admin/models", tag = "operation", responses((status = OK, body = ModelsView)))]
pub(super) async fn models(State(shared): State<Shared>) -> Json<ModelsView> {
    let models = shared.app.triage.models();
    Json(ModelsView {
        bundles: models.bundles.clone(),
        since: models.since,
        shadow: models.shadow.as_ref().map(|shadow| shadow.figures()),
    })
}

/// Put other models in service without losing a request; on any fault the old ones go on.
///
/// Reads the folders in force again, or those named. One reload at a time: a second is answered 409.
/// A reload under way is finished also where the client goes away.
#[utoipa::path(post, path = "/v1/admin/models/reload", tag = "operation", request_body = ReloadRequest,
    responses((status = OK, body = ReloadResponse), (status = CONFLICT, body = ErrorBody),
        (status = UNPROCESSABLE_ENTITY, body = ErrorBody)))]
pub(super) async fn reload(
    State(shared): State<Shared>,
    OptionalBody(request): OptionalBody<ReloadRequest>,
) -> Result<Json<ReloadResponse>, ApiError> {
    let ReloadRequest { intent, intent_accurate, sentiment, shadow } = request;
    let app = shared.app.clone();
    let swap = app.models.begin(ModelChange { intent, intent_accurate, sentiment, shadow })?;
    let now = Timestamp::now();
    let swap = tokio::task::spawn_blocking(move || swap.run(&app.triage, &app.rules, now)).await;
    let swap = swap.map_err(|_| {
        ApiError::new(ErrorCode::Internal, "replacing the models failed; it is logged")
    })??;
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    Ok(Json(ReloadResponse {
        before: swap.before,
        after: swap.after,
        load_ms: millis(swap.load_time),
        drain_ms: millis(swap.drain_time),
    }))
}

/// Tells null from a field that is left out.
fn given<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<PathBuf>>, D::Error> {
    Option::deserialize(value).map(Some)
}

impl From<ModelSwapError> for ApiError {
    fn from(error: ModelSwapError) -> Self {
        let details = match &error {
            ModelSwapError::Running => {
                return Self::new(
                    ErrorCode::ReloadRunning,
                    "the models are being replaced already: ask again when that is done",
                );
            }
            ModelSwapError::Outside { field, .. } => {
                return invalid_field(field, &error);
            }
            ModelSwapError::Faulty(ModelFaults(faults)) => {
                json!({ "faults": faults.iter().map(ToString::to_string).collect::<Vec<_>>() })
            }
            ModelSwapError::Rules(RuleError::Faulty(faults)) => json!({ "rule_faults": faults }),
        };
        Self::new(
            ErrorCode::ModelsRefused,
            "the bundles are refused, the old models go on: mend what `details` lists",
        )
        .with_details(details)
    }
}
