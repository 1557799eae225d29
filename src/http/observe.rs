//! What happens to every request: an id, a log line, figures, a permit, a deadline.

use super::Shared;
use super::error::{ApiError, ErrorCode, deadline_exceeded};
use crate::telemetry::{HTTP_IN_FLIGHT, HTTP_REQUESTS, HTTP_SECONDS};
use axum::Json;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use std::time::Instant;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest request id taken from a client, in bytes.
const MAX_REQUEST_ID_BYTES: usize = 128;

/// When the request is no longer wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline(pub(super) Instant);

/// The request's id, for handlers.
#[derive(Debug, Clone)]
pub(super) struct RequestId(pub(super) Arc<str>);

/// Gives the request an id, writes the body of errors, logs and counts.
pub(super) async fn observe(mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let request_id: Arc<str> = request_id(&request).into();
    request.extensions_mut().insert(RequestId(request_id.clone()));
    let method = request.method().clone();
    let path = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    let mut response = write_error(next.run(request).await, &request_id);
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let status = response.status().as_u16();
    let took = started.elapsed();
    let labels =
        [("method", method.to_string()), ("path", path.clone()), ("status", status.to_string())];
    metrics::counter!(HTTP_REQUESTS, &labels).increment(1);
    metrics::histogram!(HTTP_SECONDS, &labels[..2]).record(took);
    tracing::info!(
        request_id = &*request_id,
        %method,
        path,
        status,
        duration_ms = took.as_secs_f64() * 1e3,
        "{method} {path} {status}"
    );
    response
}

/// Takes a permit and starts the deadline.
pub(super) async fn admit(
    State(shared): State<Shared>,
    mut request: Request,
    next: Next,
) -> Response {
    let Ok(_permit) = shared.permits.try_acquire() else {
        return ApiError::new(ErrorCode::Overloaded, "too many requests at once: send it again")
            .into_response();
    };
    let _in_flight = InFlight::enter();
    let limit = shared.app.config.http.deadline;
    request.extensions_mut().insert(Deadline(Instant::now() + limit));
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => deadline_exceeded().into_response(),
    }
}

/// Counts down also where the client goes away in the middle.
struct InFlight;

impl InFlight {
    fn enter() -> Self {
        metrics::gauge!(HTTP_IN_FLIGHT).increment(1.0);
        Self
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        metrics::gauge!(HTTP_IN_FLIGHT).decrement(1.0);
    }
}

/// The client's id where it is fit for a log line, otherwise a new one.
fn request_id(request: &Request) -> String {
    let given = request.headers().get(&REQUEST_ID).and_then(|value| value.to_str().ok());
    match given {
        Some(id)
            if (1..=MAX_REQUEST_ID_BYTES).contains(&id.len())
                && id.bytes().all(|byte| byte.is_ascii_graphic()) =>
        {
            id.to_owned()
        }
        _ => uuid::Uuid::now_v7().to_string(),
    }
}

/// Writes the body of our own errors, and turns the framework's into ours. Pages have theirs.
fn write_error(response: Response, request_id: &str) -> Response {
    let ours = response.extensions().get::<Arc<ApiError>>().cloned();
    if has_type(&response, "text/html") {
        if let Some(error) = ours {
            log_cause(&error, request_id);
        }
        return response;
    }
    let error = match (ours, response.status()) {
        (Some(error), _) => error,
        (None, status) if !status.is_client_error() && !status.is_server_error() => {
            return response;
        }
        (None, _) if has_type(&response, "application/json") => {
            return response;
        }
        (None, StatusCode::PAYLOAD_TOO_LARGE) => {
            Arc::new(ApiError::new(ErrorCode::BodyTooLarge, "the body is too large"))
        }
        (None, StatusCode::NOT_FOUND) => {
            Arc::new(ApiError::new(ErrorCode::NotFound, "there is nothing at this path"))
        }
        (None, status) if status.is_client_error() => Arc::new(ApiError::new(
            ErrorCode::InvalidBody,
            format!("the request cannot be read ({status})"),
        )),
        (None, _) => Arc::new(ApiError::new(ErrorCode::Internal, "the request failed inside")),
    };
    log_cause(&error, request_id);
    let mut written = (error.code.status(), Json(error.body(request_id))).into_response();
    for name in [header::RETRY_AFTER, header::WWW_AUTHENTICATE, header::ALLOW] {
        if let Some(value) = response.headers().get(&name) {
            written.headers_mut().insert(name, value.clone());
        }
    }
    written
}

fn log_cause(error: &ApiError, request_id: &str) {
    if let Some(source) = error.source() {
        tracing::error!(request_id, code = ?error.code, source, "a request failed");
    }
}

fn has_type(response: &Response, media_type: &str) -> bool {
    let given = response.headers().get(header::CONTENT_TYPE);
    given.is_some_and(|value| value.as_bytes().starts_with(media_type.as_bytes()))
}
