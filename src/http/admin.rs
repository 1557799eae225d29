//! `/v1/admin`: the rules in force.

use super::Shared;
use super::error::{ApiError, ErrorBody, ErrorCode};
use crate::routing::RuleError;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

/// The rules in force.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RulesView {
    /// `name@version`.
    #[schema(example = "shanque-default@2026.11.1")]
    rule_set: String,
    /// Ids of the skill groups.
    skill_groups: Vec<String>,
    /// What is odd but not wrong, with line and column.
    warnings: Vec<String>,
}

/// Which rules are in force.
#[utoipa::path(get, path = "/v1/admin/rules", tag = "operation", responses((status = OK, body = RulesView)))]
pub(super) async fn rules(State(shared): State<Shared>) -> Json<RulesView> {
    Json(view(&shared.app.triage.rules()))
}

/// Read the rule file and put its rules in force; on any fault the old ones go on.
#[utoipa::path(post, path = "/v1/admin/rules/reload", tag = "operation",
    responses((status = OK, body = RulesView), (status = UNPROCESSABLE_ENTITY, body = ErrorBody)))]
pub(super) async fn reload_rules(
    State(shared): State<Shared>,
) -> Result<Json<RulesView>, ApiError> {
    let app = shared.app.clone();
    let reloaded = tokio::task::spawn_blocking(move || app.rules.reload(&app.triage)).await;
    match reloaded {
        Ok(Ok(rule_set)) => Ok(Json(view(&rule_set))),
        Ok(Err(error)) => Err(refused(&error)),
        Err(_) => Err(ApiError::new(ErrorCode::Internal, "reading the rules failed; it is logged")),
    }
}

fn view(rule_set: &crate::routing::RuleSet) -> RulesView {
    RulesView {
        rule_set: rule_set.id().to_owned(),
        skill_groups: rule_set.groups().iter().map(|group| group.id.clone()).collect(),
        warnings: rule_set.warnings().iter().map(ToString::to_string).collect(),
    }
}

fn refused(error: &anyhow::Error) -> ApiError {
    let details = match error.downcast_ref::<RuleError>() {
        Some(RuleError::Faulty(faults)) => json!({ "faults": faults }),
        _ => json!({ "reason": format!("{error:#}") }),
    };
    ApiError::new(
        ErrorCode::RulesRefused,
        "the rule file is refused, the old rules stay in force: mend the faults listed in `details`",
    )
    .with_details(details)
}
