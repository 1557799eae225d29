//! Who asks, as the header `x-actor` says; whoever has a key is trusted with the name.

use super::error::ApiError;
use super::extract::invalid_field;
use crate::kb::editorial::Actor;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;

const HEADER: &str = "x-actor";
/// Who it was where the header does not say.
const NAMELESS: &str = "api";

/// The name in `x-actor`, in UTF-8; `api` without the header.
pub(super) struct Acting(pub(super) Actor);

impl<S: Send + Sync> FromRequestParts<S> for Acting {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let given = parts.headers.get(HEADER).map_or(NAMELESS.as_bytes(), |name| name.as_bytes());
        let name = str::from_utf8(given)
            .map_err(|_| invalid_field(HEADER, "the name must be UTF-8 or plain ASCII"))?;
        let actor = Actor::try_from(name.to_owned());
        actor.map(Self).map_err(|error| invalid_field(HEADER, error))
    }
}
