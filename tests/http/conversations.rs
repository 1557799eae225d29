//! `/v1/conversations`: strikes, hand-off, retries.

use crate::support::{Service, Setup};
use axum::http::StatusCode;
use fenzhen::config::Config;
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::{Value, json};

const OUT_OF_SCOPE: &str = "今天天气怎么样";
const NO_ANSWER: &str = "投影仪的流明是多少";
const ANSWERED: &str = "怎么改收货地址";

fn actions(replies: &[Value]) -> Vec<(&str, u64)> {
    let pair = |reply: &Value| {
        let action = ["answer", "clarify", "transfer", "silent"]
            .into_iter()
            .find(|action| reply["action"] == *action);
        (action.unwrap(), reply["strikes"].as_u64().unwrap())
    };
    replies.iter().map(pair).collect()
}

async fn talk(service: &Service, id: &str, texts: &[&str]) -> Vec<Value> {
    let mut replies = Vec::new();
    for (i, text) in texts.iter().enumerate() {
        replies.push(service.turn(id, &format!("t{i}"), text).await);
    }
    replies
}

#[tokio::test]
async fn three_failed_turns_hand_over_once_with_everything() {
    let service = Service::new().await;
    let texts = ["你好", ANSWERED, OUT_OF_SCOPE, "没用，电话13800138000", NO_ANSWER, "发票怎么开"];
    let replies = talk(&service, "c1", &texts).await;
    let expected = [
        ("answer", 0),
        ("answer", 0),
        ("clarify", 1),
        ("clarify", 2),
        ("transfer", 3),
        ("silent", 3),
    ];
    assert_eq!(actions(&replies), expected);
    assert_eq!(replies[4]["reasons"], json!(["out_of_scope", "did_not_help", "no_answer"]));
    let packet = &replies[4]["handoff"];
    assert_eq!(packet["reason"], "three_strikes");
    assert_eq!(packet["history"].as_array().unwrap().len(), 10);
    assert_eq!(packet["intents"].as_array().unwrap().len(), 5);
    assert_eq!(packet["articles_tried"][0]["turn_id"], "t1");
    let entities = packet["entities"].as_array().unwrap();
    let phone = entities.iter().find(|entity| entity["type"] == "phone").unwrap();
    assert_eq!(phone["value"], "138****8000");
    assert!(packet["skill_group"]["id"].is_string());
    assert!(replies[5]["answer"].is_null() && replies[5]["handoff"].is_null());

    let view = service.get("/v1/conversations/c1").await.body;
    assert_eq!(view["state"], "handed_off");
    assert_eq!(view["handoff"]["id"], packet["id"]);
    assert_eq!(view["turns"].as_array().unwrap().len(), 6);
    assert!(!view.to_string().contains("13800138000"), "nothing personal is kept");
}

/// The figures are this thread's own, and a test's turns stay on its thread.
#[tokio::test]
async fn a_hand_off_is_counted_once_however_it_comes() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let figures = recorder.handle();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let counted = || {
        let lines = figures.render();
        let counts = lines.lines().filter(|line| line.starts_with("fenzhen_handoffs_total{"));
        counts.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum::<u64>()
    };
    let service = Service::new().await;
    service.turn("c1", "t1", "转人工").await;
    service.turn("c1", "t1", "转人工").await;
    assert_eq!(counted(), 1, "a retry is no second hand-off");

    talk(&service, "c2", &[OUT_OF_SCOPE, OUT_OF_SCOPE, ANSWERED]).await;
    let report = json!({ "outcome": "unresolved" });
    let reported = service.put("/v1/conversations/c2/turns/t2/outcome", report).await;
    assert_eq!(reported.body["state"], "handed_off", "{}", reported.body);
    assert_eq!(counted(), 2, "a report hands over at once");
    assert_eq!(service.turn("c2", "t3", "在吗").await["action"], "transfer");
    assert_eq!(counted(), 2, "and the turn that tells it does not again");
}

#[tokio::test]
async fn an_answer_fits_channel_and_customer_and_carries_actions() {
    // Scores are low among so few articles: no word is rare there.
    let configure = |config: &mut Config| {
        config.kb.answer_threshold = 0.01;
        config.conversation.follow_ups = false;
    };
    let setup =
        Setup { articles: Some("tests/fixtures/kb/targeted"), configure, ..Setup::default() };
    let service = Service::with(setup).await;
    let check = async |id: &str, channel: &str, tags: &[&str], expected: &str| {
        let customer = json!({ "tags": tags });
        let body =
            json!({ "turn_id": "t1", "text": ANSWERED, "channel": channel, "customer": customer });
        let reply = service.post(&format!("/v1/conversations/{id}/turns"), body).await.body;
        let answer = &reply["answer"];
        assert_eq!(answer["text"], expected, "{reply}");
        assert_eq!(answer["article"]["blocks"][0], json!({ "type": "text", "text": expected }));
        let action = json!({
            "id": "order.change_address", "label": "修改地址", "params": { "status": "待发货" },
        });
        assert_eq!(answer["article"]["actions"], json!([action]));
        answer["article"].clone()
    };
    let plain = "请到「我的-订单-订单详情」点「修改地址」，每单可改 1 次。";
    check("c1", "web", &["新客"], plain).await;
    check("c2", "marketplace", &[], "请在抖店订单页点「改地址」。").await;
    let article = check("c3", "marketplace", &["会员"], "会员请直接联系专属客服改地址。").await;
    let steps = json!({ "type": "steps", "items": ["打开「我的」", "点「专属客服」"] });
    assert_eq!(article["blocks"][1], steps);

    // Channel and customer told once hold for later turns, also in a retry.
    let body = json!({ "turn_id": "t2", "text": "收货地址填错了怎么改" });
    let later = service.post("/v1/conversations/c3/turns", body.clone()).await.body;
    assert_eq!(later["answer"]["article"]["body"], article["body"]);
    assert_eq!(service.post("/v1/conversations/c3/turns", body).await.body, later);
}

#[tokio::test]
async fn a_follow_up_is_answered_from_what_was_answered_before() {
    let service = Service::new().await;
    let check = async |id: &str, first: &str, text: &str, article: Value, follows: Value| {
        service.turn(id, "t1", first).await;
        let reply = service.turn(id, "t2", text).await;
        let given = &reply["answer"]["article"];
        assert_eq!((&given["article_id"], &given["follow_up_of"]), (&article, &follows), "{reply}");
        reply
    };
    let phone = json!("order-change-phone");
    let reply =
        check("c1", ANSWERED, "那手机号呢", phone.clone(), json!("order-change-address")).await;
    assert_eq!((&reply["action"], &reply["strikes"]), (&json!("answer"), &json!(0)));
    assert_eq!(service.turn("c1", "t2", "那手机号呢").await, reply, "a retry gets the same");
    // Without an answer before, the same words say nothing; another subject is left alone.
    check("c2", "你好", "那手机号呢", Value::Null, Value::Null).await;
    check("c3", ANSWERED, "投影仪的流明是多少", Value::Null, Value::Null).await;
    check("c4", ANSWERED, "今天天气怎么样", Value::Null, Value::Null).await;
    // Closing ends what can be followed.
    service.post("/v1/conversations/c1/close", json!({ "resolved": true })).await;
    assert!(service.turn("c1", "t3", "那手机号呢").await["answer"]["article"].is_null());

    let service = Service::with(Setup {
        configure: |config| config.conversation.follow_ups = false,
        ..Setup::default()
    });
    let service = service.await;
    service.turn("c1", "t1", ANSWERED).await;
    let reply = service.turn("c1", "t2", "那手机号呢").await;
    assert!(reply["answer"]["article"].is_null(), "{reply}");
}

#[tokio::test]
async fn a_request_for_a_person_is_met_at_once() {
    let service = Service::new().await;
    let replies = talk(&service, "c1", &["转人工", "快递呢"]).await;
    assert_eq!(actions(&replies), [("transfer", 0), ("silent", 0)]);
    assert_eq!(replies[0]["handoff"]["reason"], "requested");
    assert!(replies[0]["answer"]["text"].as_str().unwrap().contains("转接"));
}

#[tokio::test]
async fn courtesies_are_neutral_and_solved_resets() {
    let service = Service::new().await;
    let texts = [OUT_OF_SCOPE, "谢谢", OUT_OF_SCOPE, "解决了，谢谢", OUT_OF_SCOPE];
    let replies = talk(&service, "c1", &texts).await;
    let expected = [("clarify", 1), ("answer", 1), ("clarify", 2), ("answer", 0), ("clarify", 1)];
    assert_eq!(actions(&replies), expected);
}

#[tokio::test]
async fn the_same_matter_again_counts_and_two_questions_back_count_one() {
    let service = Service::new().await;
    let replies = talk(&service, "c1", &[ANSWERED, "收货地址在哪里改呀"]).await;
    assert_eq!(actions(&replies), [("answer", 0), ("answer", 1)]);
    assert_eq!(replies[1]["reasons"], json!(["same_matter"]));
    let replies = talk(&service, "c2", &["退换", "退换", "退换"]).await;
    let strikes: Vec<u64> = replies.iter().map(|r| r["strikes"].as_u64().unwrap()).collect();
    if replies[0]["action"] == "clarify" {
        assert_eq!(strikes, [0, 1, 2]);
        assert!(replies[0]["answer"]["choices"].as_array().unwrap().len() >= 2);
    }
}

#[tokio::test]
async fn a_retry_gets_the_first_reply_and_counts_nothing() {
    let service = Service::new().await;
    let first = service.turn("c1", "t1", OUT_OF_SCOPE).await;
    let again = service.turn("c1", "t1", OUT_OF_SCOPE).await;
    assert_eq!(first, again);
    let body = json!({ "turn_id": "t1", "text": "另一句话" });
    let other = service.post("/v1/conversations/c1/turns", body).await;
    assert_eq!(other.status, StatusCode::CONFLICT);
    assert_eq!(other.body["error"]["code"], "turn_conflict");
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_parallel_retries_of_the_third_turn_are_one_handoff() {
    let service = std::sync::Arc::new(Service::new().await);
    talk(&service, "c1", &[OUT_OF_SCOPE, OUT_OF_SCOPE]).await;
    let mut retries = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let service = service.clone();
        retries.spawn(async move { service.turn("c1", "third", OUT_OF_SCOPE).await });
    }
    let replies = retries.join_all().await;
    assert!(replies.iter().all(|reply| *reply == replies[0]));
    assert_eq!(replies[0]["action"], "transfer");
    let view = service.get("/v1/conversations/c1").await.body;
    assert_eq!(view["turns"].as_array().unwrap().len(), 3);
    assert_eq!(view["handoff"]["id"], replies[0]["handoff"]["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_turns_line_up() {
    let service = std::sync::Arc::new(Service::new().await);
    let mut turns = tokio::task::JoinSet::new();
    for i in 0..12 {
        let service = service.clone();
        turns.spawn(async move { service.turn("c1", &format!("t{i}"), OUT_OF_SCOPE).await });
    }
    let replies = turns.join_all().await;
    let count = |action: &str| replies.iter().filter(|reply| reply["action"] == action).count();
    assert_eq!((count("clarify"), count("transfer"), count("silent")), (2, 1, 9));
    let view = service.get("/v1/conversations/c1").await.body;
    let seqs: Vec<u64> =
        view["turns"].as_array().unwrap().iter().map(|t| t["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (0..12).collect::<Vec<u64>>());
}

#[tokio::test]
async fn reports_count_once_and_the_third_hands_over() {
    let service = Service::new().await;
    talk(&service, "c1", &[ANSWERED, "发票怎么开", "你好"]).await;
    let report = async |turn: &str, outcome: &str| {
        let path = format!("/v1/conversations/c1/turns/{turn}/outcome");
        let body = json!({ "outcome": outcome, "reason": "客户电话13800138000说没用" });
        service.put(&path, body).await
    };
    assert_eq!(report("t0", "unresolved").await.body["strikes"], 1);
    assert_eq!(report("t0", "unresolved").await.body["strikes"], 1);
    assert_eq!(report("t1", "resolved").await.body["strikes"], 0);
    assert_eq!(report("t0", "resolved").await.body["strikes"], 0);
    let missing = report("nowhere", "resolved").await;
    assert_eq!(missing.body["error"]["code"], "turn_not_found");

    talk(&service, "c2", &[ANSWERED, "发票怎么开", "退货怎么退"]).await;
    for (turn, strikes, state) in [("t0", 1, "bot"), ("t1", 2, "bot"), ("t2", 3, "handed_off")] {
        let path = format!("/v1/conversations/c2/turns/{turn}/outcome");
        let view = service.put(&path, json!({ "outcome": "unresolved" })).await.body;
        assert_eq!((&view["strikes"], &view["state"]), (&json!(strikes), &json!(state)));
    }
    let told = service.turn("c2", "t9", "在吗").await;
    assert_eq!(told["action"], "transfer");
    let view = service.get("/v1/conversations/c2").await.body;
    assert_eq!(view["handoff"]["id"], told["handoff"]["id"]);
    assert_eq!(service.turn("c2", "t10", "在吗").await["action"], "silent");
    let view = service.get("/v1/conversations/c1").await.body;
    assert!(!view.to_string().contains("13800138000"));
}

#[tokio::test]
async fn closing_and_returning_start_the_count_again() {
    let service = Service::new().await;
    talk(&service, "c1", &[OUT_OF_SCOPE, "转人工"]).await;
    let view = service.post("/v1/conversations/c1/return", json!({})).await.body;
    assert_eq!((&view["state"], &view["strikes"]), (&json!("bot"), &json!(0)));
    assert_eq!(service.turn("c1", "t5", OUT_OF_SCOPE).await["strikes"], 1);
    let body = json!({ "resolved": true, "rating": 5 });
    let view = service.post("/v1/conversations/c1/close", body).await.body;
    assert_eq!((&view["state"], &view["rating"]), (&json!("closed"), &json!(5)));
    let reply = service.turn("c1", "t6", OUT_OF_SCOPE).await;
    assert_eq!((&reply["action"], &reply["strikes"]), (&json!("clarify"), &json!(1)));
}

#[tokio::test]
async fn what_does_not_exist_and_what_is_out_of_range_is_refused() {
    let service = Service::new().await;
    let missing = service.get("/v1/conversations/nowhere").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert_eq!(missing.body["error"]["code"], "conversation_not_found");
    let close = json!({ "resolved": true });
    let missing = service.post("/v1/conversations/nowhere/close", close).await;
    assert_eq!(missing.body["error"]["code"], "conversation_not_found");
    service.turn("c1", "t1", "你好").await;
    let table = [
        (json!({ "resolved": true, "rating": 6 }), "rating"),
        (json!({ "resolved": "yes" }), "resolved"),
        (json!({ "resolved": true, "stars": 5 }), "body"),
    ];
    for (body, field) in table {
        let answer = service.post("/v1/conversations/c1/close", body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.body);
        let at = answer.body["error"]["details"]["field"].as_str().unwrap();
        assert!(at == field || at == "stars", "{at}");
    }
    let body = json!({ "turn_id": "", "text": "你好" });
    let answer = service.post("/v1/conversations/c1/turns", body).await;
    assert_eq!(answer.body["error"]["details"]["field"], "turn_id");
}
