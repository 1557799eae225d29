//! Whole requests in process: from the JSON body through router, models, rules, knowledge base and
//! database to the JSON reply.
//!
//! Measured: one request at a time, made and answered on the calling thread; the pool, the runtime
//! and SQLite use threads of their own as in service, figures are counted as in service. A turn
//! begins a new conversation and is on disk when it is answered, so it depends on the disk of the
//! folder for temporary files. Left out: sockets and HTTP parsing, log lines (no subscriber is
//! installed), requests side by side; for those run `make load`.

mod support;
#[path = "support/texts.rs"]
mod texts;

use anyhow::ensure;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Request, StatusCode, header};
use fenzhen::app::App;
use fenzhen::config::Config;
use fenzhen::{http, telemetry};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::sync::Arc;
use support::{Bench, measure};
use texts::TEXTS;
use tokio::runtime::Runtime;
use tower::ServiceExt;

/// Texts of a batch request.
const BATCH: usize = 64;

/// The service without its socket.
struct Service {
    runtime: Runtime,
    router: Router,
}

impl Service {
    fn new(config: Config) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let app = runtime.block_on(App::build(config))?;
        let router = http::router(Arc::new(app), telemetry::metrics()?);
        Ok(Self { runtime, router })
    }

    /// Posts a body; the reply must be 200.
    fn post(&self, path: &str, body: &str) -> anyhow::Result<Bytes> {
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_owned()))?;
        self.runtime.block_on(async {
            let response = self.router.clone().oneshot(request).await?;
            let status = response.status();
            let body = response.into_body().collect().await?.to_bytes();
            ensure!(status == StatusCode::OK, "{status}: {}", String::from_utf8_lossy(&body));
            Ok(body)
        })
    }

    fn json(&self, path: &str, body: &str) -> anyhow::Result<Value> {
        Ok(serde_json::from_slice(&self.post(path, body)?)?)
    }

    /// Measures a request whose path is made anew for every call.
    fn measure(&self, bench: &mut Bench, name: &str, path: impl Fn(u64) -> String, body: &str) {
        let mut n_calls = 0;
        measure(bench, name, || {
            n_calls += 1;
            self.post(&path(n_calls), body).expect("what was answered once is answered again")
        });
    }
}

fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let service =
        Service::new(Config { data_dir: folder.path().to_owned(), ..Config::load(None)? })?;
    let mut bench = Bench::from_args();

    for (chars, text) in TEXTS {
        let body = json!({ "text": text }).to_string();
        let reply = service.json("/classify", &body)?;
        ensure!(reply["intent"]["label"] == "shipping.delay", "{reply}");
        ensure!(reply["sentiment"]["label"] == "negative", "{reply}");
        let name = format!("/classify, {chars} characters");
        service.measure(&mut bench, &name, |_| "/classify".to_owned(), &body);
    }

    let texts: Vec<_> = TEXTS.iter().cycle().take(BATCH).map(|(_, text)| text).collect();
    let body = json!({ "texts": texts }).to_string();
    let reply = service.json("/v1/classify/batch", &body)?;
    ensure!(reply["results"][BATCH - 1]["intent"]["label"] == "shipping.delay", "{reply}");
    let name = format!("/v1/classify/batch, {BATCH} texts");
    service.measure(&mut bench, &name, |_| "/v1/classify/batch".to_owned(), &body);

    let body = json!({
        "text": TEXTS[0].1,
        "channel": "app",
        "customer": { "vip_level": 1, "region": "新疆" },
        "now": "2026-11-21T10:00:00+08:00",
    })
    .to_string();
    let reply = service.json("/v1/route", &body)?;
    ensure!(reply["decision"]["skill_group"]["id"] == "logistics", "{reply}");
    let name = "/v1/route, 16 characters";
    service.measure(&mut bench, name, |_| "/v1/route".to_owned(), &body);

    for (name, text, action) in [
        ("turn, answered from an article", "怎么改收货地址", "answer"),
        ("turn, handed to a person", "转人工", "transfer"),
    ] {
        let body = json!({ "turn_id": "t-1", "text": text, "channel": "app" }).to_string();
        let path = |n_calls| format!("/v1/conversations/bench-{action}-{n_calls}/turns");
        let reply = service.json(&path(0), &body)?;
        ensure!(reply["action"] == action, "{reply}");
        service.measure(&mut bench, name, path, &body);
        let name = format!("{name}, sent again");
        service.measure(&mut bench, &name, |_| path(0), &body);
    }
    bench.finish();
    Ok(())
}
