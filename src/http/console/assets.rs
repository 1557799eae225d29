//! Style and scripts, embedded; the hash of the content stands in the path, so that a browser
//! keeps them for good and never mixes two releases.

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

struct Asset {
    name: &'static str,
    media_type: &'static str,
    bytes: &'static [u8],
    path: String,
}

fn asset(name: &'static str, media_type: &'static str, bytes: &'static [u8]) -> Asset {
    let hash: String = Sha256::digest(bytes).iter().take(8).map(|b| format!("{b:02x}")).collect();
    Asset { name, media_type, bytes, path: format!("/console/assets/{hash}/{name}") }
}

static ASSETS: LazyLock<[Asset; 4]> = LazyLock::new(|| {
    const SCRIPT: &str = "text/javascript; charset=utf-8";
    [
        asset(
            "console.css",
            "text/css; charset=utf-8",
            include_bytes!("../../../assets/console.css"),
        ),
        asset("console.js", SCRIPT, include_bytes!("../../../assets/console.js")),
        // htmx 4.0.1, licence 0BSD (assets/htmx.LICENSE), as published in its npm package.
        asset("htmx.js", SCRIPT, include_bytes!("../../../assets/htmx.min.js")),
        asset("icon.svg", "image/svg+xml", include_bytes!("../../../assets/icon.svg")),
    ]
});

/// Path of the stylesheet.
pub(super) fn style() -> &'static str {
    &ASSETS[0].path
}

/// Path of the icon.
pub(super) fn icon() -> &'static str {
    &ASSETS[3].path
}

/// Paths of the scripts in the order they are loaded.
pub(super) fn scripts() -> [&'static str; 2] {
    [&ASSETS[2].path, &ASSETS[1].path]
}

/// One asset, to be kept for good.
pub(super) async fn serve(Path((hash, name)): Path<(String, String)>) -> Response {
    let path = format!("/console/assets/{hash}/{name}");
    match ASSETS.iter().find(|asset| asset.name == name && asset.path == path) {
        Some(asset) => {
            let headers = [
                (header::CONTENT_TYPE, asset.media_type),
                (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
            ];
            (headers, asset.bytes).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
