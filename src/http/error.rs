//! Errors as clients see them: one JSON shape, stable codes, a sentence that says what to do.
//!
//! `{"error":{"code","message","details"},"request_id"}`. Codes are never renamed or reused. The
//! inner cause is logged, never sent. The body is written by `http::observe`, which knows the
//! request's id.

use super::extract::invalid_field;
use super::kb::VersionView;
use crate::kb::KbError;
use crate::kb::article::Problem;
use crate::kb::editorial::{Action, EditError};
use crate::library::{LibraryError, LineFault};
use crate::model::ModelError;
use crate::store::StoreError;
use crate::triage::TriageError;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa::ToSchema;

/// Every code a client may meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// 400: the body is not JSON in UTF-8.
    InvalidBody,
    /// 401: no known API key.
    Unauthorized,
    /// 403: somebody else has to do it: the approver wrote or submitted the version.
    SecondPersonRequired,
    /// 403: a page of another site sent the request.
    CrossSite,
    /// 404: nothing at this path.
    NotFound,
    /// 404: no such conversation.
    ConversationNotFound,
    /// 404: no such turn.
    TurnNotFound,
    /// 404: no such article, or none in force.
    ArticleNotFound,
    /// 404: the article has no such version.
    VersionNotFound,
    /// 404: this node remembers no such job.
    JobNotFound,
    /// 405: the path takes another method.
    MethodNotAllowed,
    /// 409: the turn id was used for another text.
    TurnConflict,
    /// 409: too many changes of one conversation at once; send it again.
    ConversationContended,
    /// 409: somebody else changed it meanwhile; `details.current` is what they left.
    EditConflict,
    /// 409: there is an article with this id already.
    ArticleExists,
    /// 409: the version does not stand where this step starts; `details` tells its status and the
    /// steps allowed.
    IllegalTransition,
    /// 409: the models are being replaced already; ask again when that is done.
    ReloadRunning,
    /// 413: the body is too large.
    BodyTooLarge,
    /// 415: the body must be `application/json`.
    UnsupportedMediaType,
    /// 422: a field is missing, unknown, of the wrong type or out of range.
    InvalidField,
    /// 422: nothing visible in the text.
    EmptyText,
    /// 422: the text is longer than 2000 characters.
    TextTooLong,
    /// 422: the article has faults; `details` lists them by field.
    ArticleRefused,
    /// 422: the word list has faults; `details` lists them by line.
    LexiconRefused,
    /// 422: the rule file has faults; `details` lists them.
    RulesRefused,
    /// 422: the models cannot be replaced by these; `details` lists why.
    ModelsRefused,
    /// 429: too much at once; send it again after `Retry-After` seconds.
    Overloaded,
    /// 500: a fault of ours.
    Internal,
    /// 503: the service is starting or stopping.
    NotReady,
    /// 503: the database cannot be read or written at the moment.
    StoreUnavailable,
    /// 503: the knowledge base cannot be searched at the moment.
    KbUnavailable,
    /// 504: not done within the deadline; send it again.
    DeadlineExceeded,
}

impl ErrorCode {
    /// The status that goes with it.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::InvalidBody => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::SecondPersonRequired | Self::CrossSite => StatusCode::FORBIDDEN,
            Self::NotFound
            | Self::ConversationNotFound
            | Self::TurnNotFound
            | Self::ArticleNotFound
            | Self::VersionNotFound
            | Self::JobNotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::TurnConflict
            | Self::ConversationContended
            | Self::EditConflict
            | Self::ArticleExists
            | Self::IllegalTransition
            | Self::ReloadRunning => StatusCode::CONFLICT,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::InvalidField
            | Self::EmptyText
            | Self::TextTooLong
            | Self::ArticleRefused
            | Self::LexiconRefused
            | Self::RulesRefused
            | Self::ModelsRefused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Overloaded => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::NotReady | Self::StoreUnavailable | Self::KbUnavailable => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// Seconds after which the same request may work; `None` where it will not.
    #[must_use]
    pub fn retry_after_seconds(self) -> Option<u16> {
        match self {
            Self::Overloaded | Self::ConversationContended | Self::DeadlineExceeded => Some(1),
            Self::NotReady | Self::ReloadRunning | Self::StoreUnavailable | Self::KbUnavailable => {
                Some(5)
            }
            _ => None,
        }
    }
}

/// An error on its way to the client.
#[derive(Debug, Clone)]
pub struct ApiError {
    /// Its code.
    pub code: ErrorCode,
    message: String,
    details: Value,
    /// What went wrong inside; logged, not sent.
    source: Option<String>,
}

/// The body of an error.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorBody<'a> {
    error: ErrorDetail<'a>,
    /// The request's id, also in the header `x-request-id` and in the log.
    request_id: &'a str,
}

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
struct ErrorDetail<'a> {
    code: ErrorCode,
    /// What is wrong and what to do.
    message: &'a str,
    /// Facts that a program can use, such as the field's path; may be null.
    details: &'a Value,
}

impl ApiError {
    /// An error with a sentence for the client.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: Value::Null, source: None }
    }

    /// The same with facts.
    #[must_use]
    pub fn with_details(self, details: Value) -> Self {
        Self { details, ..self }
    }

    fn caused_by(self, source: &dyn std::error::Error) -> Self {
        let mut words = source.to_string();
        let mut cause = source.source();
        while let Some(error) = cause {
            words.push_str(": ");
            words.push_str(&error.to_string());
            cause = error.source();
        }
        Self { source: Some(words), ..self }
    }

    /// `code`, `message` and `details` alone, for an item of a batch.
    pub(super) fn detail(&self) -> Value {
        json!({ "code": self.code, "message": self.message, "details": self.details })
    }

    /// The body for the request with this id.
    pub(super) fn body<'a>(&'a self, request_id: &'a str) -> ErrorBody<'a> {
        let Self { code, message, details, .. } = self;
        ErrorBody { error: ErrorDetail { code: *code, message, details }, request_id }
    }

    /// The sentence for the client.
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// What went wrong inside.
    pub(super) fn source(&self) -> Option<&str> {
        self.source.as_deref()
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        if let Some(seconds) = self.code.retry_after_seconds() {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.code == ErrorCode::Unauthorized {
            let scheme = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

impl From<TriageError> for ApiError {
    fn from(error: TriageError) -> Self {
        let sentence = error.to_string();
        match error {
            TriageError::EmptyText => {
                Self::new(ErrorCode::EmptyText, "the text is empty: send 1 to 2000 characters")
            }
            TriageError::TextTooLong { chars } => {
                Self::new(ErrorCode::TextTooLong, format!("{sentence}: shorten or split it"))
                    .with_details(json!({ "chars": chars, "max": crate::triage::MAX_TEXT_CHARS }))
            }
            TriageError::Model(error) => error.into(),
            TriageError::Kb(error) => error.into(),
            TriageError::Store(error) => error.into(),
            TriageError::NoConversation { .. } => {
                Self::new(ErrorCode::ConversationNotFound, sentence)
            }
            TriageError::NoTurn { .. } => Self::new(ErrorCode::TurnNotFound, sentence),
            TriageError::TurnReused { .. } => Self::new(
                ErrorCode::TurnConflict,
                format!("{sentence}: give each turn an id of its own"),
            ),
            TriageError::Contended { .. } => {
                Self::new(ErrorCode::ConversationContended, format!("{sentence}: send it again"))
            }
            TriageError::BadRecord(error) => {
                Self::from(StoreError::BadRow { what: "reply", source: Box::new(error) })
            }
        }
    }
}

impl From<ModelError> for ApiError {
    fn from(error: ModelError) -> Self {
        match error {
            ModelError::Overloaded { .. } => {
                Self::new(ErrorCode::Overloaded, "too many messages are waiting: send it again")
            }
            ModelError::Deadline { .. } => deadline_exceeded(),
            ModelError::Stopped => Self::new(ErrorCode::NotReady, "the service is stopping"),
            other => {
                Self::new(ErrorCode::Internal, "the models failed; it is logged").caused_by(&other)
            }
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let (code, sentence) = match error {
            StoreError::Conflict => (
                ErrorCode::ConversationContended,
                "the conversation was changed meanwhile: send it again",
            ),
            StoreError::NotWritable { .. } => (
                ErrorCode::StoreUnavailable,
                "nothing can be stored at the moment (disk full or read-only): nothing was changed",
            ),
            StoreError::Unavailable(_) => (
                ErrorCode::StoreUnavailable,
                "the database cannot be reached at the moment: read before sending it again",
            ),
            StoreError::NoPublication { .. } => return invalid_field("pin", &error),
            StoreError::Locked(_)
            | StoreError::Failed(_)
            | StoreError::NotEmpty
            | StoreError::Transfer(_)
            | StoreError::Unusable { .. } => (
                ErrorCode::StoreUnavailable,
                "the database does not answer at the moment: nothing was changed",
            ),
            StoreError::BadRow { .. } => {
                (ErrorCode::Internal, "stored data cannot be read; it is logged")
            }
        };
        Self::new(code, sentence).caused_by(&error)
    }
}

impl From<LibraryError> for ApiError {
    fn from(error: LibraryError) -> Self {
        let sentence = error.to_string();
        match error {
            LibraryError::NoArticle { .. } => Self::new(ErrorCode::ArticleNotFound, sentence),
            LibraryError::NoVersion { .. } => Self::new(ErrorCode::VersionNotFound, sentence),
            LibraryError::Exists { .. } => Self::new(ErrorCode::ArticleExists, sentence),
            LibraryError::Conflict { current } => Self::new(ErrorCode::EditConflict, sentence)
                .with_details(json!({ "current": VersionView::from(*current) })),
            LibraryError::LexiconConflict { current } => {
                Self::new(ErrorCode::EditConflict, sentence)
                    .with_details(json!({ "current": current }))
            }
            LibraryError::Refused { error, allowed } => refused_edit(&error, &allowed),
            LibraryError::Faulty { faults } => {
                Self::new(ErrorCode::ArticleRefused, format!("{sentence}: mend the fields listed in `details`"))
                    .with_details(json!({ "faults": faults.iter().map(field_fault).collect::<Vec<_>>() }))
            }
            LibraryError::LexiconFaulty { name, faults } => {
                Self::new(ErrorCode::LexiconRefused, format!("{sentence}: mend the lines listed in `details`"))
                    .with_details(json!({ "name": name, "faults": faults.iter().map(line_fault).collect::<Vec<_>>() }))
            }
            LibraryError::BadField { field, reason } => invalid_field(field, reason),
            LibraryError::Store(error) => error.into(),
        }
    }
}

/// An edit that the life cycle forbids.
fn refused_edit(error: &EditError, allowed: &[Action]) -> ApiError {
    let sentence = error.to_string();
    match error {
        EditError::NotAllowed { version, status, action } => {
            ApiError::new(ErrorCode::IllegalTransition, sentence).with_details(json!({
                "version": version, "status": status, "action": action, "allowed": allowed,
            }))
        }
        EditError::SamePerson { version, .. } => {
            ApiError::new(ErrorCode::SecondPersonRequired, sentence)
                .with_details(json!({ "version": version }))
        }
        EditError::CommentMissing | EditError::CommentTooLong { .. } => {
            ApiError::new(ErrorCode::InvalidField, sentence)
                .with_details(json!({ "field": "comment" }))
        }
        EditError::VersionZero | EditError::VersionExists { .. } => {
            ApiError::new(ErrorCode::InvalidField, sentence)
                .with_details(json!({ "field": "version" }))
        }
        EditError::NoVersion => ApiError::new(ErrorCode::ArticleNotFound, sentence),
        EditError::Stale { current } => ApiError::new(ErrorCode::EditConflict, sentence)
            .with_details(json!({ "revision": current })),
    }
}

fn field_fault(problem: &Problem) -> Value {
    json!({
        "field": problem.key(), "code": problem.code(),
        "message": problem.to_string(), "message_zh": problem.message_zh(),
    })
}

fn line_fault(fault: &LineFault) -> Value {
    let LineFault { line, code, text } = fault;
    json!({ "line": line, "code": code, "text": text, "message": code.sentence() })
}

impl From<KbError> for ApiError {
    fn from(error: KbError) -> Self {
        Self::new(ErrorCode::KbUnavailable, "the knowledge base cannot be searched at the moment")
            .caused_by(&error)
    }
}

/// The deadline passed.
pub(super) fn deadline_exceeded() -> ApiError {
    ApiError::new(ErrorCode::DeadlineExceeded, "not done within the deadline: send it again")
}
