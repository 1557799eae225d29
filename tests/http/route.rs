//! `/v1/route`.

use crate::support::Service;
use axum::http::StatusCode;
use serde_json::{Value, json};

const LATE: &str = "我的快递三天没动了，到底还送不送！";
/// A Wednesday morning in the shop: every group is open.
const OPEN: &str = "2026-11-18T10:00:00+08:00";

#[tokio::test]
async fn an_angry_vip_with_a_late_parcel_is_urgent() {
    let service = Service::new().await;
    let body = json!({
        "text": LATE, "customer": { "tags": ["vip"] }, "channel": "app", "explain": true, "now": OPEN,
    });
    let answer = service.post("/v1/route", body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let decision = &answer.body["decision"];
    let group = decision["skill_group"]["id"].as_str().unwrap();
    assert!(["vip", "logistics"].contains(&group), "{group}");
    assert!(["P0", "P1"].contains(&decision["priority"].as_str().unwrap()));
    let score = &decision["priority_score"];
    let sum = ["impact", "urgency", "value"].map(|part| score[part].as_u64().unwrap());
    assert_eq!(score["total"], json!(sum.iter().sum::<u64>()));
    for due in ["first_reply_due", "resolve_due"] {
        assert!(decision["sla"][due].as_str().unwrap().ends_with("+08:00"));
    }
    let rows: Vec<&Value> = answer.body["trace"]["sections"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|section| section["rows"].as_array().unwrap())
        .collect();
    let with = |result: &str| rows.iter().filter(|row| row["result"] == result).count();
    assert!(with("matched") >= 5 && with("passed_over") >= 5);
    let passed_over = rows.iter().filter(|row| row["result"] == "passed_over");
    for row in passed_over {
        assert!(row["failed"]["condition"].is_string(), "{row}");
        assert!(row["failed"]["facts"].is_object(), "{row}");
    }
}

#[tokio::test]
async fn a_classification_decides_as_its_text_does() {
    let service = Service::new().await;
    let classification = service.post("/v1/classify", json!({ "text": LATE })).await.body;
    let by_text = service.post("/v1/route", json!({ "text": LATE, "now": OPEN })).await;
    let body = json!({ "classification": classification, "now": OPEN });
    let by_classification = service.post("/v1/route", body).await;
    assert_eq!(by_classification.status, StatusCode::OK, "{}", by_classification.body);
    assert_eq!(by_text.body["decision"], by_classification.body["decision"]);
    assert!(by_text.body.get("trace").is_none());
}

#[tokio::test]
async fn the_same_message_is_routed_alike_on_every_channel() {
    let service = Service::new().await;
    let mut decisions = Vec::new();
    for channel in ["web", "app", "mini_program", "phone", "social", "marketplace", "video"] {
        let body = json!({ "text": LATE, "channel": channel, "now": OPEN });
        let decision = &service.post("/v1/route", body).await.body["decision"];
        decisions.push((
            decision["skill_group"].clone(),
            decision["priority"].clone(),
            decision["sla"]["resolve_due"].clone(),
        ));
    }
    assert!(decisions.windows(2).all(|pair| pair[0] == pair[1]), "{decisions:?}");
}

#[tokio::test]
async fn at_night_a_group_that_is_open_takes_over() {
    let service = Service::new().await;
    let body = json!({ "text": "发票怎么开", "now": "2026-11-18T03:00:00+08:00" });
    let decision = &service.post("/v1/route", body).await.body["decision"];
    assert_eq!(decision["skill_group"]["id"], "general");
    assert!(decision["wanted_group"]["id"].is_string());
    assert!(decision["tags"].as_array().unwrap().contains(&json!("after_hours")));
}

#[tokio::test]
async fn the_strikes_of_a_conversation_count() {
    let service = Service::new().await;
    for turn in ["t1", "t2"] {
        service.turn("c1", turn, "今天天气怎么样").await;
    }
    let route = async |conversation_id: &str| {
        let body = json!({ "text": LATE, "conversation_id": conversation_id, "explain": true });
        service.post("/v1/route", body).await.body["trace"]["facts"]["strikes"].clone()
    };
    assert_eq!(route("c1").await, json!(2));
    assert_eq!(route("unknown").await, json!(0));
}

#[tokio::test]
async fn refuses_what_it_cannot_decide_on() {
    let service = Service::new().await;
    let table = [
        (json!({}), "text"),
        (json!({ "text": LATE, "channel": "fax" }), "channel"),
        (json!({ "text": LATE, "now": "yesterday" }), "now"),
        (json!({ "text": LATE, "customer": { "tags": "vip" } }), "customer"),
        (json!({ "text": LATE, "conversation_id": "a b" }), "conversation_id"),
    ];
    for (body, field) in table {
        let answer = service.post("/v1/route", body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.body);
        assert_eq!(answer.body["error"]["code"], "invalid_field");
        let details = answer.body["error"]["details"]["field"].as_str().unwrap();
        assert!(details.starts_with(field), "{details}");
    }
}
