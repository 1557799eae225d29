//! `/v1/kb`: what editors do.

use crate::support::{Answer, Service, Setup, json_request};
use axum::http::{HeaderValue, StatusCode};
use fenzhen::store::learning::Unanswered;
use jiff::Timestamp;
use serde_json::{Value, json};

const ARTICLES: &str = "/v1/kb/articles";
const ONE: &str = "/v1/kb/articles/return-seven-days-new";

fn content(question: &str) -> Value {
    json!({
        "id": "return-seven-days-new",
        "kind": "service_policy",
        "category": "售后/退货/七天无理由",
        "question": question,
        "variants": ["不想要了能退吗"],
        "owner": "售后组",
        "tags": ["退货"],
        "body": "支持的。\n\n从签收起 7 天内可以申请。",
    })
}

/// A request of an editor.
async fn act(service: &Service, actor: &str, method: &str, path: &str, body: Value) -> Answer {
    let mut request = json_request(method, path, body.to_string());
    let actor = HeaderValue::from_bytes(actor.as_bytes()).unwrap();
    request.headers_mut().insert("x-actor", actor);
    service.send(request).await
}

async fn post(service: &Service, path: &str, body: Value) -> Answer {
    act(service, "林晓", "POST", path, body).await
}

fn check(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.body);
    assert_eq!(answer.body["error"]["code"], code, "{}", answer.body);
    assert!(!answer.body["error"]["message"].as_str().unwrap().is_empty());
}

fn check_field(answer: &Answer, field: &str) {
    check(answer, 422, "invalid_field");
    assert_eq!(answer.body["error"]["details"]["field"], field, "{}", answer.body);
}

/// The step from revision `revision`.
async fn step(service: &Service, actor: &str, name: &str, revision: u64) -> Answer {
    act(service, actor, "POST", &format!("{ONE}/{name}"), json!({ "revision": revision })).await
}

#[tokio::test]
async fn an_article_walks_through_its_life() {
    let service = Service::new().await;
    let created = post(&service, ARTICLES, content("支持七天无理由退货吗？")).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.body);
    assert_eq!(created.headers["etag"], "\"1\"");
    assert_eq!(created.body["allowed"], json!(["submit", "archive"]));
    check(&service.get(ONE).await, 404, "article_not_found");
    let mut revision = 1;
    for (actor, name, status, allowed) in [
        ("林晓", "submit", "review", json!(["withdraw", "approve", "reject", "archive"])),
        ("林晓", "withdraw", "draft", json!(["submit", "archive"])),
        ("林晓", "submit", "review", json!(["withdraw", "approve", "reject", "archive"])),
        ("周舟", "approve", "approved", json!(["publish", "archive"])),
        ("周舟", "publish", "published", json!(["archive"])),
        ("林晓", "archive", "archived", json!([])),
    ] {
        let answer = step(&service, actor, name, revision).await;
        assert_eq!(answer.status, StatusCode::OK, "{name}: {}", answer.body);
        revision += 1;
        assert_eq!(answer.body["status"], status);
        assert_eq!(answer.body["revision"], revision);
        assert_eq!(answer.body["allowed"], allowed);
    }
    let history = service.get(&format!("{ONE}/history")).await.body;
    let told: Vec<String> = history["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| {
            format!("{} {}", event["actor"].as_str().unwrap(), event["action"].as_str().unwrap())
        })
        .collect();
    assert_eq!(
        told,
        [
            "林晓 archive",
            "周舟 publish",
            "周舟 approve",
            "林晓 submit",
            "林晓 withdraw",
            "林晓 submit",
            "林晓 save"
        ]
    );
    let latest = service.get(&format!("{ONE}?state=latest")).await.body;
    assert_eq!((&latest["published_in"], &latest["archived_in"]), (&json!(1), &json!(2)));
}

#[tokio::test]
async fn a_lost_update_is_told_with_the_others_text() {
    let service = Service::new().await;
    post(&service, ARTICLES, content("一")).await;
    let read = service.get(&format!("{ONE}?state=latest")).await.body;
    // What was read can be changed and sent back.
    let mut mine = read.clone();
    mine["question"] = json!("甲");
    let saved = act(&service, "甲", "PUT", ONE, mine).await;
    assert_eq!((saved.status, &saved.body["version"]), (StatusCode::OK, &json!(2)));
    let mut theirs = read;
    theirs["question"] = json!("乙");
    let late = act(&service, "乙", "PUT", ONE, theirs.clone()).await;
    check(&late, 409, "edit_conflict");
    let current = &late.body["error"]["details"]["current"];
    assert_eq!((&current["question"], &current["author"]), (&json!("甲"), &json!("甲")));
    theirs["revision"] = current["revision"].clone();
    let again = act(&service, "乙", "PUT", ONE, theirs).await;
    assert_eq!((again.status, &again.body["version"]), (StatusCode::OK, &json!(3)));
    check(&step(&service, "甲", "submit", 2).await, 409, "edit_conflict");

    // The header does as well as the field.
    let mut request = json_request("PUT", ONE, content("丙").to_string());
    request.headers_mut().insert("x-actor", "%E7%94%B2".parse().unwrap());
    request.headers_mut().insert("if-match", "\"3\"".parse().unwrap());
    let saved = service.send(request).await;
    assert_eq!((saved.status, &saved.body["author"]), (StatusCode::OK, &json!("甲")));
}

#[tokio::test]
async fn versions_are_compared_and_restored() {
    let service = Service::new().await;
    post(&service, ARTICLES, content("一")).await;
    let mut second = content("一");
    second["revision"] = json!(1);
    second["body"] = json!("支持的。\n\n从签收起 15 天内可以申请。");
    second["owner"] = Value::Null;
    act(&service, "林晓", "PUT", ONE, second).await;
    let diff = service.get(&format!("{ONE}/diff?from=1&to=2")).await.body;
    assert_eq!(
        diff["fields"],
        json!([
            { "field": "body", "lines": [
                { "change": "same", "text": "支持的。" },
                { "change": "same", "text": "" },
                { "change": "removed", "text": "从签收起 7 天内可以申请。" },
                { "change": "added", "text": "从签收起 15 天内可以申请。" },
            ]},
            { "field": "owner", "lines": [{ "change": "removed", "text": "售后组" }] },
        ])
    );
    let body = json!({ "from": 1, "revision": 2 });
    let restored = post(&service, &format!("{ONE}/versions"), body).await;
    assert_eq!((restored.status, &restored.body["version"]), (StatusCode::CREATED, &json!(3)));
    assert_eq!(restored.body["owner"], "售后组");
    let diff = service.get(&format!("{ONE}/diff?from=1&to=3")).await.body;
    assert_eq!(diff["fields"], json!([]));
    let versions = service.get(&format!("{ONE}/versions")).await.body;
    let statuses: Vec<_> = versions["versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|head| (head["version"].as_u64().unwrap(), head["status"].as_str().unwrap()))
        .collect();
    assert_eq!(statuses, [(3, "draft"), (2, "archived"), (1, "archived")]);
    assert_eq!(service.get(&format!("{ONE}?version=2")).await.body["owner"], Value::Null);
}

#[tokio::test]
async fn lists_are_filtered_and_paged() {
    let service = Service::new().await;
    for (id, question, category, owner) in [
        ("a", "退货运费谁出", "售后/退货", "售后组"),
        ("b", "怎么开发票", "服务/发票", "财务组"),
        ("c", "发票抬头能改吗", "服务/发票/抬头", "财务组"),
    ] {
        let mut article = content(question);
        article["id"] = json!(id);
        article["category"] = json!(category);
        article["owner"] = json!(owner);
        article["review_by"] = json!(if id == "a" { "2020-01-01" } else { "2099-01-01" });
        assert_eq!(post(&service, ARTICLES, article).await.status, StatusCode::CREATED);
    }
    let ids = async |query: &str| {
        let answer = service.get(&format!("{ARTICLES}?{query}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{query}: {}", answer.body);
        let articles = answer.body["articles"].as_array().unwrap();
        let ids: String = articles.iter().map(|article| article["id"].as_str().unwrap()).collect();
        (ids, answer.body["next"].as_str().map(str::to_owned))
    };
    assert_eq!(ids("").await.0, "cba");
    assert_eq!(ids("status=draft&kind=service_policy").await.0, "cba");
    assert_eq!(ids("status=published").await.0, "");
    // 服务/发票, 财务组, 发票
    assert_eq!(ids("category=%E6%9C%8D%E5%8A%A1/%E5%8F%91%E7%A5%A8").await.0, "cb");
    assert_eq!(ids("owner=%E8%B4%A2%E5%8A%A1%E7%BB%84").await.0, "cb");
    assert_eq!(ids("q=%E5%8F%91%E7%A5%A8").await.0, "cb");
    assert_eq!(ids("overdue=true").await.0, "a");
    let (first, next) = ids("limit=2").await;
    let (second, end) = ids(&format!("limit=2&cursor={}", next.unwrap())).await;
    assert_eq!((&*first, &*second, end), ("cb", "a", None));
    for query in ["limit=0", "limit=201", "cursor=x", "status=live", "page=2"] {
        check(&service.get(&format!("{ARTICLES}?{query}")).await, 422, "invalid_field");
    }
}

#[tokio::test]
async fn faults_are_told_by_field() {
    let service = Service::new().await;
    let mut article = content("一");
    article["category"] = json!("退货");
    article["id"] = json!("Return");
    article["valid_from"] = json!("2026-07-01");
    article["valid_until"] = json!("2026-06-01");
    article["body"] = json!(" ");
    let answer = post(&service, ARTICLES, article).await;
    check(&answer, 422, "article_refused");
    let faults = answer.body["error"]["details"]["faults"].as_array().unwrap();
    let told: Vec<_> = faults
        .iter()
        .map(|fault| (fault["field"].as_str().unwrap(), fault["code"].as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ("id", "bad_id"),
            ("category", "bad_category"),
            ("valid_until", "dates_reversed"),
            ("body", "empty")
        ]
    );
    assert!(faults.iter().all(|fault| fault["message_zh"].as_str().unwrap().contains(['“', '期'])));

    let mut unknown = content("一");
    unknown["titel"] = json!("x");
    check(&post(&service, ARTICLES, unknown).await, 422, "invalid_field");
    let mut dangling = content("一");
    dangling["see_also"] = json!(["nowhere"]);
    post(&service, ARTICLES, dangling).await;
    let answer = step(&service, "林晓", "submit", 1).await;
    check(&answer, 422, "article_refused");
    assert_eq!(answer.body["error"]["details"]["faults"][0]["code"], "dangling_link");
    let mut unnamed = content("没有编号的文章");
    unnamed.as_object_mut().unwrap().remove("id");
    let created = post(&service, ARTICLES, unnamed).await;
    assert!(created.body["id"].as_str().unwrap().starts_with("kb-"), "{}", created.body);
}

#[tokio::test]
async fn what_may_not_be_done_is_refused_with_its_own_code() {
    let configure = |config: &mut fenzhen::config::Config| config.kb.two_person = true;
    let service = Service::with(Setup { configure, ..Setup::default() }).await;
    check_field(&service.post(ARTICLES, content("一")).await, "X-Actor");
    let blank = act(&service, " ", "POST", ARTICLES, content("一")).await;
    check_field(&blank, "X-Actor");
    post(&service, ARTICLES, content("一")).await;
    check(&post(&service, ARTICLES, content("一")).await, 409, "article_exists");
    check_field(&post(&service, &format!("{ONE}/submit"), json!({})).await, "revision");
    let early = step(&service, "林晓", "publish", 1).await;
    check(&early, 409, "illegal_transition");
    assert_eq!(
        early.body["error"]["details"],
        json!({ "version": 1, "status": "draft", "action": "publish", "allowed": ["submit", "archive"] })
    );
    step(&service, "林晓", "submit", 1).await;
    check(&step(&service, "林晓", "approve", 2).await, 403, "second_person_required");
    check_field(&step(&service, "周舟", "reject", 2).await, "comment");
    let body = json!({ "revision": 2, "comment": "运费由谁承担没有写清楚" });
    let rejected = post(&service, &format!("{ONE}/reject"), body).await;
    assert_eq!(rejected.body["status"], "draft");
    let long = json!({ "revision": 3, "comment": "长".repeat(1001) });
    check_field(&post(&service, &format!("{ONE}/submit"), long).await, "comment");

    let mut renamed = content("一");
    renamed["id"] = json!("other");
    renamed["revision"] = json!(3);
    check_field(&act(&service, "林晓", "PUT", ONE, renamed).await, "id");
    let nowhere = "/v1/kb/articles/nowhere";
    for path in ["?state=latest", "?version=1", "/versions", "/history", "/diff?from=1&to=2"] {
        check(&service.get(&format!("{nowhere}{path}")).await, 404, "article_not_found");
    }
    for name in ["submit", "withdraw", "approve", "reject", "publish", "archive"] {
        let path = format!("{nowhere}/{name}");
        let body = json!({ "revision": 1, "comment": "x" });
        check(&post(&service, &path, body).await, 404, "article_not_found");
    }
    let mut missing = content("一");
    missing["id"] = json!("nowhere");
    missing["revision"] = json!(1);
    check(&act(&service, "林晓", "PUT", nowhere, missing).await, 404, "article_not_found");
    check(&service.get(&format!("{ONE}?version=9")).await, 404, "version_not_found");
    check(&service.get(&format!("{ONE}/diff?from=1&to=9")).await, 404, "version_not_found");
    let body = json!({ "from": 9, "revision": 3 });
    check(&post(&service, &format!("{ONE}/versions"), body).await, 404, "version_not_found");
    check_field(&service.get(&format!("{ONE}?version=1&state=latest")).await, "version");
}

#[tokio::test]
async fn an_earlier_publication_is_pinned_and_released() {
    let service = Service::new().await;
    let path = "/v1/kb/publications";
    post(&service, ARTICLES, content("一")).await;
    for (revision, name) in [(1, "submit"), (2, "approve"), (3, "publish"), (4, "archive")] {
        step(&service, "林晓", name, revision).await;
    }
    let told = service.get(path).await.body;
    assert_eq!(
        (&told["latest"], &told["pinned"], &told["served"]),
        (&json!(2), &Value::Null, &json!(2))
    );
    assert_eq!(told["log"][0]["reason"], "edit");
    assert_eq!(
        service.get(&format!("{path}?before=2&limit=5")).await.body["log"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let pinned = post(&service, path, json!({ "pin": 1 })).await;
    assert_eq!(pinned.body, json!({ "latest": 2, "pinned": 1, "served": 1 }));
    let released = post(&service, path, json!({ "pin": null })).await;
    assert_eq!(released.body, json!({ "latest": 2, "pinned": null, "served": 2 }));
    check_field(&post(&service, path, json!({ "pin": 3 })).await, "pin");
    check(&post(&service, path, json!({})).await, 422, "invalid_field");
    check_field(&service.post(path, json!({ "pin": 1 })).await, "X-Actor");
    check_field(&service.get(&format!("{path}?limit=0")).await, "limit");
}

#[tokio::test]
async fn word_lists_are_edited() {
    let service = Service::new().await;
    let path = "/v1/kb/lexicon/synonyms";
    let shipped = service.get(path).await.body;
    assert_eq!((&shipped["version"], &shipped["actor"]), (&json!(0), &Value::Null));
    assert!(shipped["text"].as_str().unwrap().contains("运费"));
    let put = async |path: &str, body: Value| act(&service, "林晓", "PUT", path, body).await;
    let faulty = put(path, json!({ "version": 0, "text": "运费 邮费\n退款: 退钱" })).await;
    check(&faulty, 422, "lexicon_refused");
    let fault = &faulty.body["error"]["details"]["faults"][0];
    assert_eq!((&fault["line"], &fault["code"]), (&json!(1), &json!("no_colon")));
    let body = json!({ "version": 0, "text": "运费: 邮费,快递费" });
    assert_eq!(put(path, body.clone()).await.body["version"], 1);
    let late = put(path, body).await;
    check(&late, 409, "edit_conflict");
    assert_eq!(late.body["error"]["details"]["current"]["version"], 1);
    let history = service.get(&format!("{path}/history")).await.body;
    assert_eq!(history["versions"].as_array().unwrap().len(), 2);
    check_field(&put(path, json!({ "text": "运费: 邮费" })).await, "version");
    assert_eq!(service.get("/v1/kb/lexicon/dictionary").await.status, StatusCode::OK);
    check(&service.get("/v1/kb/lexicon/stopwords").await, 404, "not_found");
    assert_eq!(service.get("/v1/kb/publications").await.body["log"][0]["reason"], "lexicon");
}

#[tokio::test]
async fn what_readers_tell_is_kept_masked() {
    let service = Service::new().await;
    let feedback = json!({
        "article_id": "a", "version": 1, "generation": 1, "reference": "t-1",
        "query": "我的电话13800138000没人接", "verdict": "not_helped",
    });
    let kept = service.post("/v1/kb/feedback", feedback.clone()).await;
    assert_eq!(kept.status, StatusCode::NO_CONTENT, "{}", kept.body);
    let span =
        fenzhen::store::learning::Span { from: Timestamp::UNIX_EPOCH, until: Timestamp::MAX };
    let stored = service.app.store.feedback(span).await.unwrap();
    assert_eq!(stored.len(), 1);
    assert!(!stored[0].query.contains("13800138000"), "{}", stored[0].query);
    let mut wrong = feedback.clone();
    wrong["verdict"] = json!("liked");
    check_field(&service.post("/v1/kb/feedback", wrong).await, "verdict");
    let mut empty = feedback;
    empty["query"] = json!("");
    check_field(&service.post("/v1/kb/feedback", empty).await, "query");

    for query in ["可以货到付款吗", "可以貨到付款嗎"] {
        let question = Unanswered {
            conversation_id: None,
            reference: None,
            query: query.into(),
            intent: None,
            top_article: None,
            score: None,
            at: Timestamp::now(),
        };
        service.app.store.add_unanswered(question).await.unwrap();
    }
    let told = service.get("/v1/kb/unanswered").await.body;
    assert_eq!((&told["total"], &told["questions"][0]["count"]), (&json!(1), &json!(2)));
    let before = service.get("/v1/kb/unanswered?from=2020-01-01&until=2020-01-07").await.body;
    assert_eq!(before["questions"], json!([]));
    for query in ["limit=0", "from=soon", "from=2026-02-01&until=2026-01-01"] {
        check(&service.get(&format!("/v1/kb/unanswered?{query}")).await, 422, "invalid_field");
    }

    let case = json!({ "id": "1", "query": "打13800138000问退货", "relevant": { "a": 3 } });
    let kept = post(&service, "/v1/kb/cases", case.clone()).await;
    assert_eq!(kept.status, StatusCode::CREATED, "{}", kept.body);
    assert!(!kept.body.to_string().contains("13800138000"));
    check_field(&post(&service, "/v1/kb/cases", case.clone()).await, "id");
    check_field(&service.post("/v1/kb/cases", case).await, "X-Actor");
    let graded = json!({ "query": "退货", "relevant": { "a": 4 } });
    check_field(&post(&service, "/v1/kb/cases", graded).await, "relevant");
    let cases = service.get("/v1/kb/cases").await.body;
    assert_eq!(cases["cases"][0]["relevant"], json!({ "a": 3 }));
}
