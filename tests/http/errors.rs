//! Every error has the documented shape and a code of its own.

use crate::support::{Answer, Service, Setup, json_request};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use fenzhen::config::Secret;
use serde_json::json;
use std::time::Duration;

fn check(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.body);
    assert_eq!(answer.body["error"]["code"], code);
    assert!(!answer.body["error"]["message"].as_str().unwrap().is_empty());
    let request_id = answer.body["request_id"].as_str().unwrap();
    assert_eq!(answer.headers["x-request-id"], request_id);
}

#[tokio::test]
async fn bodies_that_cannot_be_read() {
    let service = Service::new().await;
    let two_megabytes = format!("{{\"text\":\"{}\"}}", "字".repeat(700_000));
    let table: [(Vec<u8>, u16, &str); 9] = [
        (b"".to_vec(), 400, "invalid_body"),
        (b"{".to_vec(), 400, "invalid_body"),
        (b"{\"text\":\"a\"} x".to_vec(), 400, "invalid_body"),
        (b"{\"text\":\"\xff\xfe\"}".to_vec(), 400, "invalid_body"),
        (two_megabytes.into_bytes(), 413, "body_too_large"),
        (b"{\"text\":5}".to_vec(), 422, "invalid_field"),
        (b"{\"txt\":\"a\"}".to_vec(), 422, "invalid_field"),
        (b"{\"text\":\" \\u200b\"}".to_vec(), 422, "empty_text"),
        (b"[]".to_vec(), 422, "invalid_field"),
    ];
    for (body, status, code) in table {
        let answer = service.send(json_request("POST", "/classify", body)).await;
        check(&answer, status, code);
    }
    let long = "字".repeat(2001);
    check(&service.post("/classify", json!({ "text": long })).await, 422, "text_too_long");
    let longest = "字".repeat(2000);
    let answer = service.post("/classify", json!({ "text": longest })).await;
    assert_eq!(answer.status, StatusCode::OK);
    check(
        &service.post("/classify", json!({ "text": "a", "top_k": 0 })).await,
        422,
        "invalid_field",
    );
    let plain = Request::post("/classify").body(Body::from("{\"text\":\"你好\"}")).unwrap();
    check(&service.send(plain).await, 415, "unsupported_media_type");
}

#[tokio::test]
async fn paths_and_methods_that_are_not_there() {
    let service = Service::new().await;
    check(&service.get("/v2/classify").await, 404, "not_found");
    check(&service.get("/classify").await, 405, "method_not_allowed");
}

#[tokio::test]
async fn keys_are_wanted_where_keys_are_set() {
    let configure = |config: &mut fenzhen::config::Config| {
        config.http.api_keys =
            vec![Secret::from("0123456789abcdef"), Secret::from("fedcba9876543210")];
    };
    let service = Service::with(Setup { configure, ..Setup::default() }).await;
    let with = async |key: Option<&str>| {
        let mut request = json_request("POST", "/classify", "{\"text\":\"你好\"}");
        if let Some(key) = key {
            let value = format!("Bearer {key}").parse().unwrap();
            request.headers_mut().insert("authorization", value);
        }
        service.send(request).await
    };
    check(&with(None).await, 401, "unauthorized");
    check(&with(Some("0123456789abcdeX")).await, 401, "unauthorized");
    assert_eq!(with(Some("fedcba9876543210")).await.status, StatusCode::OK);
    assert_eq!(service.get("/healthz").await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_much_at_once_is_refused_at_once_and_too_slow_is_given_up() {
    let configure = |config: &mut fenzhen::config::Config| {
        config.http.max_in_flight = 2;
        config.http.deadline = Duration::from_millis(400);
    };
    let setup =
        Setup { configure, pause: Duration::from_millis(900), workers: 1, ..Setup::default() };
    let service = std::sync::Arc::new(Service::with(setup).await);
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let service = service.clone();
        requests.spawn(async move { service.post("/classify", json!({ "text": "你好" })).await });
    }
    let answers = requests.join_all().await;
    let (slow, refused): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer.status == StatusCode::GATEWAY_TIMEOUT);
    assert_eq!((slow.len(), refused.len()), (2, 4));
    for answer in slow {
        check(answer, 504, "deadline_exceeded");
    }
    for answer in refused {
        check(answer, 429, "overloaded");
        assert_eq!(answer.headers["retry-after"], "1");
    }
    assert_eq!(service.get("/healthz").await.status, StatusCode::OK);
}
