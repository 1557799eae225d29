//! `/v1/kb`.

use crate::support::Service;
use axum::http::StatusCode;

/// "怎么改收货地址", percent-encoded.
const QUERY: &str = "%E6%80%8E%E4%B9%88%E6%94%B9%E6%94%B6%E8%B4%A7%E5%9C%B0%E5%9D%80";

#[tokio::test]
async fn finds_the_right_article_first() {
    let service = Service::new().await;
    let answer = service.get(&format!("/v1/kb/search?q={QUERY}&limit=3&as_of=2026-11-21")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let hits = answer.body["hits"].as_array().unwrap();
    assert!(hits.len() <= 3);
    assert!(hits[0]["title"].as_str().unwrap().contains("地址"), "{}", hits[0]);
    let scores: Vec<f64> = hits.iter().map(|hit| hit["score"].as_f64().unwrap()).collect();
    assert!(scores.is_sorted_by(|a, b| a >= b) && scores.iter().all(|s| (0.0..=1.0).contains(s)));
    for field in ["article_id", "version", "category", "snippet", "answer", "media", "matched"] {
        assert!(!hits[0][field].is_null(), "{field}");
    }
    assert!(answer.body["generation"].as_u64().unwrap() >= 1);
    let id = hits[0]["article_id"].as_str().unwrap();
    let article = service.get(&format!("/v1/kb/articles/{id}")).await;
    assert_eq!(article.body["id"], id);
}

#[tokio::test]
async fn serves_the_version_of_the_day() {
    let service = Service::new().await;
    let version = async |as_of: &str| {
        let path = format!("/v1/kb/articles/price-protection-apply?as_of={as_of}");
        service.get(&path).await
    };
    assert_eq!(version("2026-11-21").await.body["version"], 2);
    let before = version("2020-01-01").await;
    assert_eq!(before.status, StatusCode::NOT_FOUND);
    assert_eq!(before.body["error"]["code"], "article_not_found");
}

#[tokio::test]
async fn refuses_what_it_cannot_search() {
    let service = Service::new().await;
    let paths = [
        "/v1/kb/search",
        "/v1/kb/search?q=",
        "/v1/kb/search?q=a&limit=0",
        "/v1/kb/search?q=a&limit=51",
        "/v1/kb/search?q=a&as_of=soon",
        "/v1/kb/search?q=a&page=2",
    ];
    for path in paths {
        let answer = service.get(path).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}: {}", answer.body);
        assert_eq!(answer.body["error"]["code"], "invalid_field");
    }
}
