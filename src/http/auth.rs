//! API keys, where the configuration has any.

use super::Shared;
use super::error::{ApiError, ErrorCode};
use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use subtle::{Choice, ConstantTimeEq};

/// Lets requests with a known key through; all of them where there are no keys.
pub(super) async fn check(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let keys = &shared.app.config.http.api_keys;
    let given = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "))
        .unwrap_or_default();
    // Every key is compared, each in constant time: the time taken tells nothing.
    let is_known = keys
        .iter()
        .fold(Choice::from(0), |known, key| known | key.expose().as_bytes().ct_eq(given));
    if keys.is_empty() || bool::from(is_known) {
        return next.run(request).await;
    }
    ApiError::new(
        ErrorCode::Unauthorized,
        "send a known API key with the header `authorization: Bearer KEY`",
    )
    .into_response()
}
