//! Who edits, and which revision they saw.

use super::super::error::ApiError;
use super::super::extract::invalid_field;
use crate::kb::editorial::{Actor, By};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use jiff::Timestamp;
use percent_encoding::percent_decode;

const ACTOR: &str = "x-actor";

/// The person named in the header `X-Actor`, in UTF-8, percent-encoded where a client cannot send
/// that, with what they saw.
pub(in crate::http) struct Editor {
    /// Who.
    pub(super) actor: Actor,
    if_match: Option<u64>,
}

impl<S: Send + Sync> FromRequestParts<S> for Editor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let name = parts.headers.get(ACTOR).map(|value| percent_decode(value.as_bytes()));
        let name = name.map(|name| name.decode_utf8().map(String::from));
        let Some(Ok(name)) = name else {
            return Err(invalid_field(
                "X-Actor",
                "name the person who edits in this header, in UTF-8 or percent-encoded",
            ));
        };
        let actor = Actor::try_from(name).map_err(|error| invalid_field("X-Actor", error))?;
        Ok(Self { actor, if_match: if_match(&parts.headers)? })
    }
}

impl Editor {
    /// This person, now, with the revision of the body or else of the header `If-Match`.
    pub(super) fn by(self, revision: Option<u64>, comment: Option<String>) -> Result<By, ApiError> {
        let revision = revision.or(self.if_match).ok_or_else(|| missing("revision"))?;
        Ok(By { actor: self.actor, at: Timestamp::now(), revision, comment })
    }

    /// The same with the version of a word list.
    pub(super) fn by_version(self, version: Option<u64>) -> Result<By, ApiError> {
        let revision = version.or(self.if_match).ok_or_else(|| missing("version"))?;
        Ok(By { actor: self.actor, at: Timestamp::now(), revision, comment: None })
    }
}

fn missing(field: &str) -> ApiError {
    invalid_field(field, format!("send the {field} that was read, here or in the header If-Match"))
}

/// The revision in the header `If-Match`, as in the `ETag` that came with the article.
fn if_match(headers: &HeaderMap) -> Result<Option<u64>, ApiError> {
    let Some(tag) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let revision = tag.to_str().ok().and_then(|tag| tag.trim().trim_matches('"').parse().ok());
    let bad =
        || invalid_field("If-Match", "one revision such as \"4\", as the ETag of the article");
    revision.map(Some).ok_or_else(bad)
}
