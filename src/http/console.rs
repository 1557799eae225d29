//! The console: pages for people, in Chinese, below `/console`.
//!
//! Pages are rendered on the server and work without scripts; htmx adds the preview while typing and
//! hits without a new page. What is typed comes back with every refusal. The knowledge base is its
//! first part; others add a line to [`page::Frame`]'s navigation and routes here.
//!
//! Invariants: nothing is loaded from outside, no script or style stands in a page, and all text
//! is escaped by the templates. Writing needs a request of our own pages ([`entrance`]).

mod articles;
mod assets;
mod editor;
mod entrance;
mod form;
mod history;
mod hits;
mod lexicon;
mod page;
mod publications;

use super::{Shared, observe};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{from_fn, from_fn_with_state, map_response};
use axum::response::{Redirect, Response};
use axum::routing::{get, post};

/// Where the knowledge base's pages start.
const KB: &str = "/console/kb";

/// All pages. A form is larger than the article in it: three bytes a Chinese character, each
/// percent-encoded; `max_body_bytes` is that of a batch.
pub(super) fn router(shared: &Shared, max_body_bytes: usize) -> Router<Shared> {
    let pages = Router::new()
        .route("/console", get(async || Redirect::to(KB)))
        .route("/console/kb", get(articles::list))
        .route("/console/kb/categories", get(articles::categories))
        .route("/console/kb/review", get(articles::review))
        .route("/console/kb/new", get(editor::blank).post(editor::create))
        .route("/console/kb/preview", post(editor::preview))
        .route("/console/kb/articles/{id}", get(editor::open).post(editor::save))
        .route("/console/kb/articles/{id}/steps/{step}", post(editor::step))
        .route("/console/kb/articles/{id}/history", get(history::history))
        .route("/console/kb/articles/{id}/diff", get(history::diff))
        .route("/console/kb/articles/{id}/restore", post(history::restore))
        .route("/console/kb/lexicon/{name}", get(lexicon::open).post(lexicon::save))
        .route("/console/kb/hits", get(hits::test))
        .route("/console/kb/cases", post(hits::keep))
        .route("/console/kb/publications", get(publications::list).post(publications::pin))
        .layer(DefaultBodyLimit::max(max_body_bytes))
        .layer(from_fn_with_state(shared.clone(), observe::admit))
        .layer(from_fn_with_state(shared.clone(), entrance::guard));
    let open = Router::new()
        .route("/console/enter", get(entrance::form).post(entrance::enter))
        .route("/console/assets/{hash}/{name}", get(assets::serve));
    pages.merge(open).layer(from_fn(entrance::same_origin)).layer(map_response(guarded))
}

/// A page may load what this service serves and nothing else.
async fn guarded(mut response: Response) -> Response {
    const HEADERS: [(HeaderName, &str); 4] = [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::VARY, "cookie"),
    ];
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
