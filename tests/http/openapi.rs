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
    GET /v1/kb/articles/{id}/diff: "What changed from one version to another, field by field and line by line."
    GET /v1/kb/articles/{id}/history: "What was done to an article, when and by whom."
    GET /v1/kb/articles/{id}/versions: "The versions of an article, without their contents."
    GET /v1/kb/articles/{id}: "The version of an article in force; with `version` or `state` one that editors ask for."
    GET /v1/kb/articles: "List articles by their latest version, drafts included."
    GET /v1/kb/cases: "The cases kept so far."
    GET /v1/kb/learning/suggestions: "Wordings of customers that articles should know."
    GET /v1/kb/learning/unanswered: "Frequent questions without a good answer, gathered by wording."
    GET /v1/kb/lexicon/{name}/history: "All versions of a word list, latest first."
    GET /v1/kb/lexicon/{name}: "A word list: `synonyms` or `dictionary`."
    GET /v1/kb/publications: "Which publication is served, and what led there."
    GET /v1/kb/reindex/{id}: "Where a job stands."
    GET /v1/kb/reindex: "The last jobs of this node."
    GET /v1/kb/reviews: "Articles to look at again: overdue by their own day, or because something changed."
    GET /v1/kb/search: "Search the articles in force."
    GET /v1/kb/unanswered: "Questions without a good answer, the same ones counted together."
    POST /classify: "The same under its short, stable path."
    POST /v1/admin/models/reload: "Put other models in service without losing a request; on any fault the old ones go on."
    POST /v1/admin/rules/reload: "Read the rule file and put its rules in force; on any fault the old ones go on."
    POST /v1/classify/batch: "Understand up to 256 messages at once; results keep the order, a failed one carries `error`."
    POST /v1/classify: "Understand one message: intent, sentiment, emotion, urgency, complexity, entities, language."
    POST /v1/conversations/{id}/close: "End the conversation; the next turn opens a new episode with nothing counted."
    POST /v1/conversations/{id}/return: "Give a handed-off or closed conversation back to the bot, with nothing counted."
    POST /v1/conversations/{id}/turns: "Take one turn: answer, ask back, hand over once, or be silent."
    POST /v1/kb/articles/{id}/approve: "Find the version right; it waits to be published."
    POST /v1/kb/articles/{id}/archive: "Take the whole article from readers, drafts included."
    POST /v1/kb/articles/{id}/publish: "Bring the version to readers, on its valid days."
    POST /v1/kb/articles/{id}/reject: "Send the version back to its author; the comment says why."
    POST /v1/kb/articles/{id}/submit: "Ask for approval of the draft."
    POST /v1/kb/articles/{id}/versions: "Save the content of an old version again, as a new draft."
    POST /v1/kb/articles/{id}/withdraw: "Take the request for approval back."
    POST /v1/kb/articles: "Save the first draft of a new article."
    POST /v1/kb/cases: "Keep a question with its right answers as a case for the evaluation of search."
    POST /v1/kb/changes: "Say that something changed which articles rely on; a review of each is asked for."
    POST /v1/kb/feedback: "Report what an answer was worth."
    POST /v1/kb/publications: "Serve an earlier publication until further notice, or the latest again."
    POST /v1/kb/reindex/{id}/cancel: "Call a job off; the generation before it goes on serving. One that has ended stays as it is."
    POST /v1/kb/reindex: "Index articles anew: the answer comes at once, the job goes on; searches go on meanwhile."
    POST /v1/route: "Decide skill group, priority and deadlines for a message."
    PUT /v1/conversations/{id}/turns/{turn_id}/outcome: "Report how an earlier turn ended."
    PUT /v1/kb/articles/{id}: "Save another draft of an article; 409 where somebody else changed it meanwhile."
    PUT /v1/kb/lexicon/{name}: "Save a word list; indexes are built anew with it. A faulty one is refused with its lines."
    "#);
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for name in [
        "Classification",
        "Decision",
        "TurnReply",
        "HandoffPacket",
        "ErrorBody",
        "Trace",
        "VersionView",
        "EditAction",
        "Diff",
    ] {
        assert!(schemas.contains_key(name), "{name}");
    }
}
