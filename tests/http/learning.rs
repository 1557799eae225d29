//! What turns teach the knowledge base, and what editors are told of it.

use crate::support::{Answer, Service, Setup};
use axum::http::StatusCode;
use fenzhen::store::learning::{Span, Verdict};
use jiff::Timestamp;
use serde_json::{Value, json};

const NO_ANSWER: &str = "投影仪的流明是多少";
const ANSWERED: &str = "怎么改收货地址";
const ALL: Span = Span { from: Timestamp::UNIX_EPOCH, until: Timestamp::MAX };

async fn report(service: &Service, turn: &str, outcome: &str) -> Answer {
    let path = format!("/v1/conversations/c1/turns/{turn}/outcome");
    service.put(&path, json!({ "outcome": outcome })).await
}

#[tokio::test]
async fn outcomes_become_feedback_once_a_turn() {
    let service = Service::new().await;
    let reply = service.turn("c1", "t1", ANSWERED).await;
    service.turn("c1", "t2", "你好").await;
    for (turn, outcome) in [("t1", "unresolved"), ("t1", "unresolved"), ("t2", "resolved")] {
        assert_eq!(report(&service, turn, outcome).await.status, StatusCode::OK);
    }
    let feedback = service.app.store.feedback(ALL).await.unwrap();
    assert_eq!(feedback.len(), 1, "a repeated report and a greeting teach nothing: {feedback:?}");
    let article = &reply["answer"]["article"];
    assert_eq!(feedback[0].article_id, article["article_id"].as_str().unwrap());
    assert_eq!(json!(feedback[0].generation), article["generation"]);
    assert_eq!((feedback[0].query.as_str(), feedback[0].verdict), (ANSWERED, Verdict::NotHelped));
    report(&service, "t1", "resolved").await;
    let feedback = service.app.store.feedback(ALL).await.unwrap();
    assert_eq!(feedback.iter().map(|f| f.verdict).collect::<Vec<_>>(), [Verdict::Helped]);
}

#[tokio::test]
async fn questions_without_an_answer_are_gathered() {
    let service = Service::new().await;
    service.turn("c1", "t1", NO_ANSWER).await;
    service.turn("c1", "t1", NO_ANSWER).await;
    service.turn("c2", "t1", NO_ANSWER).await;
    service.turn("c3", "t1", "今天天气怎么样").await;
    service.turn("c3", "t2", ANSWERED).await;
    let list = service.get("/v1/kb/learning/unanswered").await.body;
    assert_eq!((&list["n_questions"], &list["n_groups"]), (&json!(2), &json!(1)), "{list}");
    let group = &list["groups"][0];
    assert_eq!((&group["count"], &group["intent"]), (&json!(2), &json!("product.info")));
    let before = service.get("/v1/kb/learning/unanswered?to=2026-01-01").await.body;
    assert_eq!((&before["from"], &before["n_questions"]), (&json!("2025-12-26"), &json!(0)));
    for query in ["from=2026-01-02&to=2026-01-01", "limit=0", "week=3"] {
        let answer = service.get(&format!("/v1/kb/learning/unanswered?{query}")).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}: {}", answer.body);
    }
}

#[tokio::test]
async fn a_wording_that_helped_is_suggested() {
    let service = Service::new().await;
    let question = "我想把包裹的收货地址换成单位那边的";
    let reply = service.turn("c1", "t1", question).await;
    let article = &reply["answer"]["article"]["article_id"];
    assert!(article.is_string(), "{reply}");
    report(&service, "t1", "resolved").await;
    let suggested = service.get("/v1/kb/learning/suggestions").await.body;
    let expected = json!([{
        "article_id": article, "question": question, "count": 1, "reason": "helped",
    }]);
    assert_eq!(suggested["variants"], expected);
}

#[tokio::test]
async fn a_change_asks_for_the_review_of_what_depends_on_it() {
    let service =
        Service::with(Setup { articles: Some("tests/fixtures/kb/targeted"), ..Setup::default() })
            .await;
    let change = |changed: &str| json!({ "changed": changed, "note": "改地址不再限次数", "actor": "运营 周宁" });
    let marked = service.post("/v1/kb/changes", change("policy:address")).await.body;
    assert_eq!(marked["article_ids"], json!(["change-address"]));
    let marked = service.post("/v1/kb/changes", change("policy:other")).await.body;
    assert_eq!(marked["article_ids"], json!([]));
    let reviews = service.get("/v1/kb/reviews").await.body;
    assert_eq!(reviews["overdue"][0]["article_id"], "change-effective", "{reviews}");
    let requested = reviews["requested"].as_array().unwrap();
    assert_eq!(requested.len(), 1);
    assert_eq!(
        (&requested[0]["changed"], &requested[0]["article_id"]),
        (&json!("policy:address"), &json!("change-address"))
    );
    let faults: [(Value, &str); 3] = [
        (change("address"), "changed"),
        (json!({ "changed": "policy:a", "note": "x".repeat(501), "actor": "甲" }), "note"),
        (json!({ "changed": "policy:a", "note": "x", "actor": "" }), "actor"),
    ];
    for (body, field) in faults {
        let answer = service.post("/v1/kb/changes", body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.body);
        assert_eq!(answer.body["error"]["details"]["field"], field);
    }
}
