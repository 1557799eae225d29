//! Who is at the console: a name asked once, and a key where the service has keys.

use super::super::Shared;
use super::super::error::{ApiError, ErrorCode};
use super::super::extract::invalid_field;
use super::page::{Frame, PageError, page};
use crate::kb::editorial::Actor;
use askama::Template;
use axum::Form;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

const ACTOR_COOKIE: &str = "actor";
const KEY_COOKIE: &str = "console_key";
/// A year: the name is asked once on each device.
const COOKIE_SECONDS: u32 = 31_536_000;

/// Lets in who has given a name, and a known key where there are keys; others are led to the
/// entrance. Handlers find the [`Actor`] among the extensions.
pub(super) async fn guard(
    State(shared): State<Shared>,
    mut request: Request,
    next: Next,
) -> Response {
    let actor = cookie(request.headers(), ACTOR_COOKIE).and_then(|name| Actor::try_from(name).ok());
    let key = cookie(request.headers(), KEY_COOKIE).unwrap_or_default();
    match actor {
        Some(actor) if is_known(&shared, &key) => {
            request.extensions_mut().insert(actor);
            next.run(request).await
        }
        _ => {
            let path = request.uri().path_and_query().map_or("/console", |path| path.as_str());
            let path = if request.method() == Method::GET { path } else { "/console" };
            let next = utf8_percent_encode(path, NON_ALPHANUMERIC);
            Redirect::to(&format!("/console/enter?next={next}")).into_response()
        }
    }
}

/// Refuses writes that another site's page has sent with our cookies. Browsers say where a request
/// comes from; what says nothing is no browser and was lured by no page.
pub(super) async fn same_origin(request: Request, next: Next) -> Response {
    if request.method().is_safe() || is_same_origin(request.headers()) {
        return next.run(request).await;
    }
    let error = ApiError::new(ErrorCode::CrossSite, "send writes from the console's own pages");
    PageError(error).into_response()
}

fn is_same_origin(headers: &HeaderMap) -> bool {
    const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
    if let Some(site) = headers.get(FETCH_SITE) {
        return site == "same-origin" || site == "none";
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    matches!((origin, host), (Some((_, origin)), Some(host)) if origin == host)
}

/// Where to go after the entrance.
#[derive(Debug, Deserialize)]
pub(super) struct EnterParams {
    #[serde(default)]
    next: String,
}

/// A name and a key.
#[derive(Debug, Deserialize)]
pub(super) struct EnterForm {
    name: String,
    #[serde(default)]
    key: String,
    #[serde(default)]
    next: String,
}

#[derive(Template)]
#[template(path = "console/enter.html")]
struct EnterPage {
    frame: Frame,
    asks_key: bool,
    name: String,
    next: String,
    name_fault: &'static str,
    key_fault: &'static str,
}

/// Asks for a name.
pub(super) async fn form(
    State(shared): State<Shared>,
    Query(EnterParams { next }): Query<EnterParams>,
    headers: HeaderMap,
) -> Response {
    let name = cookie(&headers, ACTOR_COOKIE).unwrap_or_default();
    page(StatusCode::OK, &entrance(&shared, name, next))
}

fn entrance(shared: &Shared, name: String, next: String) -> EnterPage {
    EnterPage {
        frame: Frame { actor: String::new(), section: "", notice: "" },
        asks_key: !shared.app.config.http.api_keys.is_empty(),
        name,
        next,
        name_fault: "",
        key_fault: "",
    }
}

/// Keeps the name in a cookie.
pub(super) async fn enter(
    State(shared): State<Shared>,
    form: Result<Form<EnterForm>, axum::extract::rejection::FormRejection>,
) -> Result<Response, PageError> {
    let Form(EnterForm { name, key, next }) =
        form.map_err(|error| invalid_field("name", error.body_text()))?;
    let key = digest(&key);
    let actor = Actor::try_from(name.clone());
    let mut asked = entrance(&shared, name, next);
    if actor.is_err() {
        asked.name_fault = "请填写 1 到 64 个字的姓名。";
    }
    if !is_known(&shared, &key) {
        asked.key_fault = "密钥不对，请向管理员确认。";
    }
    let (Ok(actor), "") = (actor, asked.key_fault) else {
        return Ok(page(StatusCode::UNPROCESSABLE_ENTITY, &asked));
    };
    // Only to a page of ours: "//host" is another site.
    let next = if asked.next.starts_with("/console") { &asked.next } else { "/console" };
    let set = |name: &str, value: &str| {
        let value = utf8_percent_encode(value, NON_ALPHANUMERIC);
        let value = format!(
            "{name}={value}; Path=/console; Max-Age={COOKIE_SECONDS}; HttpOnly; SameSite=Lax"
        );
        (header::SET_COOKIE, value)
    };
    let cookies = AppendHeaders([set(ACTOR_COOKIE, actor.as_str()), set(KEY_COOKIE, &key)]);
    Ok((cookies, Redirect::to(next)).into_response())
}

/// Whether a digest is that of a key, or there are no keys.
fn is_known(shared: &Shared, given: &str) -> bool {
    let keys = &shared.app.config.http.api_keys;
    let known = keys.iter().fold(Choice::from(0), |known, key| {
        known | digest(key.expose()).as_bytes().ct_eq(given.as_bytes())
    });
    keys.is_empty() || bool::from(known)
}

/// The cookie holds a digest, so that who reads a cookie cannot call the interface with it.
fn digest(key: &str) -> String {
    Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';'));
    let value = pairs.find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))?;
    percent_decode_str(value).decode_utf8().ok().map(String::from)
}
