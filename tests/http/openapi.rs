//! The OpenAPI document follows the code.

use crate::support::Service;

#[tokio::test]
async fn describes_every_path() {
    let service = Service::new().await;
    let document = service.get("/openapi.json").await.body;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut lines = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            lines.push(format!("{} {path}: {}", method.to_uppercase(), operation["summary"]));
        }
    }
    lines.sort();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    GET /healthz: "The process is up."
    GET /metrics: "Figures in the Prometheus text format."
    GET /readyz: "The service can answer: models loaded, rules in force, index open, database reachable."
    GET /v1/admin/models: "Which models are in service since when, and what a shadow model found."
    GET /v1/admin/rules: "Which rules are in force."
    GET /v1/conversations/{id}: "The conversation: state, strikes, turns (masked), hand-off packet."
    GET /v1/kb/articles/{id}: "The version of an article in force."
    GET /v1/kb/reindex/{id}: "Where a job stands."
    GET /v1/kb/reindex: "The last jobs of this node."
    GET /v1/kb/search: "Search the articles in force."
    POST /classify: "The same under its short, stable path."
    POST /v1/admin/models/reload: "Put other models in service without losing a request; on any fault the old ones go on."
    POST /v1/admin/rules/reload: "Read the rule file and put its rules in force; on any fault the old ones go on."
    POST /v1/classify/batch: "Understand up to 256 messages at once; results keep the order, a failed one carries `error`."
    POST /v1/classify: "Understand one message: intent, sentiment, emotion, urgency, complexity, entities, language."
    POST /v1/conversations/{id}/close: "End the conversation; the next turn opens a new episode with nothing counted."
    POST /v1/conversations/{id}/return: "Give a handed-off or closed conversation back to the bot, with nothing counted."
    POST /v1/conversations/{id}/turns: "Take one turn: answer, ask back, hand over once, or be silent."
    POST /v1/kb/reindex/{id}/cancel: "Call a job off; the generation before it goes on serving. One that has ended stays as it is."
    POST /v1/kb/reindex: "Index articles anew: the answer comes at once, the job goes on; searches go on meanwhile."
    POST /v1/route: "Decide skill group, priority and deadlines for a message."
    PUT /v1/conversations/{id}/turns/{turn_id}/outcome: "Report how an earlier turn ended."
    "#);
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for name in ["Classification", "Decision", "TurnReply", "HandoffPacket", "ErrorBody", "Trace"] {
        assert!(schemas.contains_key(name), "{name}");
    }
}
