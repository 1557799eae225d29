//! `/v1/classify` and its batch.

use crate::support::{Service, Setup};
use axum::http::StatusCode;
use serde_json::json;

#[tokio::test]
async fn answers_the_documented_shape() {
    let service = Service::new().await;
    let text = "我的快递三天没动了，到底还送不送！电话１３８００１３８０００";
    let answer = service.post("/v1/classify", json!({ "text": text, "top_k": 2 })).await;
    assert_eq!(answer.status, StatusCode::OK);
    insta::assert_json_snapshot!(answer.body, {
        ".took_us" => "[µs]",
        ".intents[1]" => "[second]",
        ".margin" => insta::rounded_redaction(3),
        ".out_of_scope" => insta::rounded_redaction(3),
        ".intent.score" => insta::rounded_redaction(3),
        ".intents[0].score" => insta::rounded_redaction(3),
        ".sentiment.score" => insta::rounded_redaction(3),
        ".sentiment.scores.*" => insta::rounded_redaction(3),
        ".emotion.score" => insta::rounded_redaction(3),
    }, @r#"
    {
      "complaint": false,
      "complexity": "standard",
      "complexity_reasons": [],
      "emotion": {
        "evidence": [
          {
            "end": 12,
            "start": 10,
            "text": "到底"
          }
        ],
        "label": "angry",
        "score": 0.898
      },
      "entities": [
        {
          "end": 30,
          "start": 19,
          "text": "１３８００１３８０００",
          "type": "phone",
          "value": "13800138000"
        }
      ],
      "human_requested": false,
      "intent": {
        "label": "shipping.delay",
        "name": "物流延误",
        "score": 0.93
      },
      "intents": [
        {
          "label": "shipping.delay",
          "name": "物流延误",
          "score": 0.93
        },
        "[second]"
      ],
      "keywords": [
        {
          "end": 4,
          "phrase": "快递",
          "polarity": "neutral",
          "start": 2,
          "text": "快递"
        },
        {
          "end": 8,
          "phrase": "没动",
          "polarity": "neutral",
          "start": 6,
          "text": "没动"
        },
        {
          "end": 19,
          "phrase": "电话",
          "polarity": "neutral",
          "start": 17,
          "text": "电话"
        }
      ],
      "language": "zh",
      "margin": 0.929,
      "models": {
        "intent": "scripted@00000000",
        "sentiment": "scripted@00000000"
      },
      "out_of_scope": 0.001,
      "outcome": "accept",
      "sentiment": {
        "label": "negative",
        "score": 0.88,
        "scores": {
          "negative": 0.88,
          "neutral": 0.06,
          "positive": 0.06
        }
      },
      "took_us": "[µs]",
      "urgency": 2,
      "urgency_evidence": [
        {
          "end": 8,
          "start": 4,
          "text": "三天没动"
        },
        {
          "end": 13,
          "start": 10,
          "text": "到底还"
        }
      ]
    }
    "#);
    let alias = service.post("/classify", json!({ "text": text })).await;
    assert_eq!(alias.body["intent"], answer.body["intent"]);
    assert_eq!(alias.body["intents"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn explains_with_the_words_that_carried_it() {
    let service = Service::new().await;
    let body = json!({ "text": "请问发票什么时候开", "explain": true });
    let answer = service.post("/v1/classify", body).await;
    let words = answer.body["explanation"].as_array().unwrap();
    assert_eq!(words[0]["word"], "发票");
    assert_eq!((&words[0]["start"], &words[0]["end"]), (&json!(2), &json!(4)));
    assert!(words[0]["weight"].as_f64().unwrap() > 0.8);
}

#[tokio::test]
async fn a_batch_keeps_the_order_and_failed_items_stay_alone() {
    let service = Service::new().await;
    let long = "长".repeat(2001);
    let texts = json!(["发票怎么开", "", "我的快递呢", long, "你好"]);
    let answer = service.post("/v1/classify/batch", json!({ "texts": texts })).await;
    assert_eq!(answer.status, StatusCode::OK);
    let results = answer.body["results"].as_array().unwrap();
    assert_eq!(results[0]["intent"]["label"], "invoice");
    assert_eq!(results[1]["error"]["code"], "empty_text");
    assert_eq!(results[2]["intent"]["label"], "shipping.delay");
    assert_eq!(results[3]["error"]["code"], "text_too_long");
    assert_eq!(results[4]["intent"]["label"], "chat.greeting");
    let single = service.post("/v1/classify", json!({ "text": "发票怎么开" })).await;
    assert_eq!(single.body["intents"], results[0]["intents"]);
}

#[tokio::test]
async fn two_hundred_and_fifty_six_texts_are_one_batch() {
    let service = Service::new().await;
    let texts: Vec<String> = (0..256).map(|i| format!("第{i}个快递")).collect();
    let answer = service.post("/v1/classify/batch", json!({ "texts": texts })).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body["results"].as_array().unwrap().len(), 256);
    let texts = vec!["快递"; 257];
    let answer = service.post("/v1/classify/batch", json!({ "texts": texts })).await;
    assert_eq!(answer.body["error"]["details"]["field"], "texts");
}

#[tokio::test]
async fn a_model_of_emotion_is_heard_and_one_that_fails_is_named() {
    let service = Service::with(Setup { feeling_models: true, ..Setup::default() }).await;
    let sarcasm =
        service.post("/v1/classify", json!({ "text": "谢谢你们啊！马上给我退" })).await.body;
    assert_eq!(sarcasm["emotion"]["label"], "angry");
    assert_eq!(sarcasm["emotion"]["evidence"], json!([]));
    assert!((0.0..=1.0).contains(&sarcasm["emotion"]["score"].as_f64().unwrap()));
    assert_eq!((&sarcasm["urgency"], &sarcasm["degraded"]), (&json!(3), &json!(["urgency_model"])));
    let evidence = json!([{ "text": "马上", "start": 6, "end": 8 }]);
    assert_eq!(sarcasm["urgency_evidence"], evidence);
}

#[tokio::test]
async fn says_what_makes_a_matter_hard_and_hears_threats() {
    let service = Service::new().await;
    let classify =
        async |text: &str| service.post("/v1/classify", json!({ "text": text })).await.body;
    let threat = classify("快递第三次了，再不送我就打12315").await;
    assert_eq!((&threat["complexity"], &threat["complaint"]), (&json!("expert"), &json!(true)));
    assert_eq!(threat["complexity_reasons"], json!(["repeated_failure", "legal"]));
    let plain = classify("发票怎么开").await;
    assert_eq!((&plain["complexity"], &plain["complaint"]), (&json!("standard"), &json!(false)));
    assert_eq!((&plain["complexity_reasons"], &plain["urgency"]), (&json!([]), &json!(1)));
}

#[tokio::test]
async fn languages_that_the_models_do_not_read_are_rejected() {
    let service = Service::new().await;
    // The scripted model is sure of an intent for each of them.
    for (text, language, outcome) in [
        ("주문 快递 취소하고 싶어요", "ko", "reject"),
        ("発票 快递はどこですか 发票", "ja", "reject"),
        ("发票 please", "zh", "accept"),
    ] {
        let answer = service.post("/v1/classify", json!({ "text": text })).await.body;
        let found = (&answer["language"], &answer["outcome"]);
        assert_eq!(found, (&json!(language), &json!(outcome)), "{text}");
    }
    let configure = |config: &mut fenzhen::config::Config| {
        config.intents.languages.push("ko".to_owned());
    };
    let service = Service::with(Setup { configure, ..Setup::default() }).await;
    let answer = service.post("/v1/classify", json!({ "text": "주문 快递 취소하고 싶어요" })).await;
    assert_eq!(answer.body["outcome"], "accept");
}
