//! Health, metrics, rules, docs.

use crate::support::{Service, package};
use axum::http::StatusCode;
use serde_json::json;

#[tokio::test]
async fn tells_health_readiness_and_figures() {
    let service = Service::new().await;
    assert_eq!(service.get("/healthz").await.body["status"], "ok");
    let ready = service.get("/readyz").await;
    assert_eq!((ready.status, &ready.body["ready"]), (StatusCode::OK, &json!(true)));
    service.post("/classify", json!({ "text": "我的快递呢，电话13800138000" })).await;
    let metrics = service.get("/metrics").await;
    let text = metrics.body.as_str().unwrap();
    for name in [
        "fenzhen_http_requests_total{",
        "fenzhen_http_request_duration_seconds_bucket{",
        "fenzhen_classifications_total{",
        "fenzhen_model_queue_seconds",
    ] {
        assert!(text.contains(name), "{name} in {text}");
    }
    assert!(!text.contains("13800138000"));
}

#[tokio::test]
async fn the_pages_need_nothing_from_outside() {
    let service = Service::new().await;
    for path in ["/", "/docs/"] {
        let page = service.get(path).await;
        assert_eq!(page.status, StatusCode::OK);
        let html = page.body.as_str().unwrap();
        assert!(!html.contains("src=\"http") && !html.contains("href=\"http"), "{html}");
    }
}

#[tokio::test]
async fn faulty_rules_are_refused_and_the_old_ones_stay() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::new().await;
    let before = service.get("/v1/admin/rules").await.body;
    let reloaded = service.post("/v1/admin/rules/reload", json!({})).await;
    assert_eq!((reloaded.status, &reloaded.body), (StatusCode::OK, &before));

    let shipped = std::fs::read_to_string(package("config/rules.toml")).unwrap();
    let broken = shipped.replacen("skill_group = \"logistics\"", "skill_group = \"moon\"", 1);
    assert_ne!(shipped, broken);
    let path = folder.path().join("rules.toml");
    std::fs::write(&path, broken).unwrap();
    let file = fenzhen::app::rules::RuleFile::new(path);
    let error = format!("{:#}", file.reload(&service.app.triage).unwrap_err());
    assert!(error.contains("moon"), "{error}");
    assert_eq!(service.get("/v1/admin/rules").await.body, before);
}
