//! `/v1/kb/reindex`.

use crate::support::{Answer, Service, Setup, json_request};
use axum::http::StatusCode;
use serde_json::{Value, json};

/// A few articles: a build takes a blink.
const SMALL: &str = "tests/fixtures/kb/small";
/// Enough articles that a build can be called off under way.
const LARGE: &str = "kb-index/articles";

async fn service(articles: &'static str) -> Service {
    Service::with(Setup { articles: Some(articles), ..Setup::default() }).await
}

async fn start(service: &Service, body: Value) -> Answer {
    service.post("/v1/kb/reindex", body).await
}

/// The job once it has ended.
async fn ended(service: &Service, id: &str) -> Value {
    loop {
        let answer = service.get(&format!("/v1/kb/reindex/{id}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        if answer.body["state"] != "running" {
            return answer.body;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_runs_to_a_new_generation() {
    let service = service(SMALL).await;
    let before = service.app.kb.generation();
    let id = service.app.store.served_at(before.number, None, 1).await.unwrap()[0].id.clone();
    for (n, body) in (1..).zip([json!({ "all": true }), json!({ "articles": [id] })]) {
        let answer = start(&service, body.clone()).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.body);
        assert_eq!(answer.body["state"], "running");
        let job = ended(&service, answer.body["id"].as_str().unwrap()).await;
        assert_eq!((&job["state"], &job["generation"]), (&json!("done"), &json!(1 + n)), "{body}");
        assert_eq!(job["done"], job["total"], "{body}");
        let now = service.app.kb.generation();
        assert_eq!((now.number, now.n_versions), (1 + n, before.n_versions), "{body}");
        // The latest comes first.
        assert_eq!(service.get("/v1/kb/reindex").await.body["jobs"][0], job);
    }
    let log = service.app.store.publication_log(u64::MAX, 1).await.unwrap();
    assert_eq!(log[0].actor.as_str(), "api");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_called_off_leaves_the_old_generation() {
    let service = service(LARGE).await;
    let before = service.app.kb.generation().number;
    let mut request = json_request("POST", "/v1/kb/reindex", r#"{"all":true}"#);
    request.headers_mut().insert("x-actor", "编辑甲".parse().unwrap());
    let started = service.send(request).await.body;
    let path = format!("/v1/kb/reindex/{}", started["id"].as_str().unwrap());
    let answer = service.post(&format!("{path}/cancel"), json!({})).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let job = ended(&service, started["id"].as_str().unwrap()).await;
    assert_eq!(job["state"], "cancelled");
    assert_eq!(service.app.kb.generation().number, before);
    let log = service.app.store.publication_log(u64::MAX, 1).await.unwrap();
    assert_eq!(log[0].actor.as_str(), "编辑甲");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_is_behind_misses_nothing() {
    use fenzhen::kb::article::Article;
    use fenzhen::kb::editorial::{Actor, ArticleRecord, By, Edit, Policy, apply};

    let service = service(SMALL).await;
    let (store, at) = (&service.app.store, jiff::Timestamp::now());
    let old = store.served_at(1, None, 1).await.unwrap().remove(0);
    // As another node would publish it: this one's index does not know yet.
    let record = ArticleRecord::new("unseen", at);
    let actor = Actor::try_from("编辑乙".to_owned()).unwrap();
    let by = By { actor, at, revision: 0, comment: None };
    let unseen = Article { id: "unseen".to_owned(), version: 1, ..old.clone() };
    let policy = Policy { require_review: true, two_person: true };
    let change = apply(&record, Edit::Import(vec![unseen]), by, policy).unwrap();
    store.commit_edit(change).await.unwrap();
    let started = start(&service, json!({ "articles": [old.id] })).await.body;
    let job = ended(&service, started["id"].as_str().unwrap()).await;
    assert_eq!((&job["state"], &job["generation"]), (&json!("done"), &json!(3)));
    assert!(service.app.kb.article("unseen", old.valid_from).is_some());
}

#[tokio::test]
async fn refuses_what_it_cannot_index() {
    let service = service(SMALL).await;
    let check = async |answer: Answer, status: StatusCode, code: &str| {
        let told = (answer.status, answer.body["error"]["code"].as_str());
        assert_eq!(told, (status, Some(code)), "{}", answer.body);
        answer.body
    };
    let field = StatusCode::UNPROCESSABLE_ENTITY;
    for body in [
        json!({}),
        json!({ "articles": [] }),
        json!({ "articles": ["a"], "all": true }),
        json!({ "articles": "a" }),
        json!({ "everything": true }),
    ] {
        check(start(&service, body).await, field, "invalid_field").await;
    }
    let mut request = json_request("POST", "/v1/kb/reindex", r#"{"all":true}"#);
    request.headers_mut().insert("x-actor", "名".repeat(65).parse().unwrap());
    check(service.send(request).await, field, "invalid_field").await;

    let answer = start(&service, json!({ "articles": ["nowhere", "moon"] })).await;
    let body = check(answer, StatusCode::NOT_FOUND, "article_not_found").await;
    assert_eq!(body["error"]["details"]["articles"], json!(["nowhere", "moon"]));
    let answer = service.get("/v1/kb/reindex/none").await;
    check(answer, StatusCode::NOT_FOUND, "job_not_found").await;
    let answer = service.post("/v1/kb/reindex/none/cancel", json!({})).await;
    check(answer, StatusCode::NOT_FOUND, "job_not_found").await;
    assert_eq!(service.get("/v1/kb/reindex").await.body, json!({ "jobs": [] }));
    assert_eq!(service.app.kb.generation().number, 1);
}
