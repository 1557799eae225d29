//! The pages for editors.

use crate::support::{Answer, Service, Setup};
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use fenzhen::config::Secret;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

const KB: &str = "/console/kb";
const ONE: &str = "/console/kb/articles/return-new";

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// A page as `actor` sees it.
async fn get(service: &Service, actor: &str, path: &str) -> Answer {
    let cookie = format!("actor={}", encoded(actor));
    let request = Request::get(path).header(header::COOKIE, cookie);
    service.send(request.body(Body::empty()).unwrap()).await
}

/// A form as the browser of `actor` sends it.
async fn post(service: &Service, actor: &str, path: &str, form: &[(&str, &str)]) -> Answer {
    let pairs: Vec<_> =
        form.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    let request = Request::post(path)
        .header(header::COOKIE, format!("actor={}", encoded(actor)))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin");
    service.send(request.body(Body::from(pairs.join("&"))).unwrap()).await
}

fn form<'a>(revision: &'a str, question: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("revision", revision),
        ("id", "return-new"),
        ("question", question),
        ("variants", "不想要了能退吗\r\n几天之内能退"),
        ("kind", "service_policy"),
        ("category", "售后/退货"),
        ("owner", "售后组"),
        ("valid_from", "2026-07-01"),
        ("media", "图片 | media/a.png | 入口"),
        ("answers.channels", "douyin、app"),
        ("answers.tags", ""),
        ("answers.body", "免运费。"),
        ("body", "支持的。\r\n\r\n- 7 天内"),
    ]
}

fn html(answer: &Answer) -> &str {
    answer.body.as_str().unwrap_or_else(|| panic!("no page: {}", answer.body))
}

fn check_redirect(answer: &Answer, path: &str) {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    assert_eq!(answer.headers["location"], path);
}

fn check_has(answer: &Answer, parts: &[&str]) {
    for part in parts {
        assert!(html(answer).contains(part), "{part} in {}", html(answer));
    }
}

#[tokio::test]
async fn a_name_is_asked_once() {
    let service = Service::new().await;
    let stranger = service.get("/console/kb?q=%E9%80%80").await;
    check_redirect(&stranger, "/console/enter?next=%2Fconsole%2Fkb%3Fq%3D%25E9%2580%2580");
    let asked = service.get("/console/enter?next=/console/kb").await;
    check_has(&asked, &["请问您是", "name=\"name\"", "lang=\"zh-CN\""]);
    assert!(!html(&asked).contains("name=\"key\""));
    let entered = post(&service, "", "/console/enter", &[("name", "林晓"), ("next", KB)]).await;
    check_redirect(&entered, KB);
    let cookie = entered.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("actor=%E6%9E%97%E6%99%93;") && cookie.contains("HttpOnly"));
    let away = [("name", "林晓"), ("next", "//evil.example")];
    check_redirect(&post(&service, "", "/console/enter", &away).await, "/console");
    let nameless = post(&service, "", "/console/enter", &[("name", " "), ("next", KB)]).await;
    assert_eq!(nameless.status, StatusCode::UNPROCESSABLE_ENTITY);
    check_has(&nameless, &["aria-invalid", "1 到 64 个字"]);
}

#[tokio::test]
async fn a_key_is_asked_where_there_are_keys() {
    let configure = |config: &mut fenzhen::config::Config| {
        config.http.api_keys = vec![Secret::from("0123456789abcdef")];
    };
    let service = Service::with(Setup { configure, ..Setup::default() }).await;
    assert_eq!(get(&service, "林晓", KB).await.status, StatusCode::SEE_OTHER);
    let wrong = [("name", "林晓"), ("key", "0123456789abcdeX"), ("next", KB)];
    let refused = post(&service, "", "/console/enter", &wrong).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    check_has(&refused, &["密钥不对", "value=\"林晓\""]);
    let right = [("name", "林晓"), ("key", "0123456789abcdef"), ("next", KB)];
    let entered = post(&service, "", "/console/enter", &right).await;
    let cookies = entered.headers.get_all("set-cookie").iter();
    let cookies: Vec<_> =
        cookies.map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap()).collect();
    assert!(!cookies.join("").contains("0123456789abcdef"));
    let request = Request::get(KB).header(header::COOKIE, cookies.join("; "));
    let page = service.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(page.status, StatusCode::OK);
}

#[tokio::test]
async fn pages_render_and_load_nothing_from_outside() {
    let service = Service::new().await;
    post(&service, "林晓", "/console/kb/new", &form("0", "能退货吗？")).await;
    for (path, part) in [
        ("/console/kb", "能退货吗？"),
        ("/console/kb?status=draft&kind=service_policy&overdue=&owner=&q=&category=", "能退货吗？"),
        ("/console/kb?status=published", "没有符合条件的文章"),
        ("/console/kb/new", "新建文章"),
        ("/console/kb/review", "待审核"),
        ("/console/kb/categories", "category=%E5%94%AE%E5%90%8E/%E9%80%80%E8%B4%A7"),
        ("/console/kb/articles/return-new", "保存草稿"),
        ("/console/kb/articles/return-new/history", "第 1 版"),
        ("/console/kb/articles/return-new/diff?from=1&to=1", "内容相同"),
        ("/console/kb/lexicon/synonyms", "运费"),
        ("/console/kb/lexicon/dictionary", "词典"),
        ("/console/kb/hits", "命中测试"),
        ("/console/kb/publications", "还没有发布过"),
    ] {
        let page = get(&service, "林晓", path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.body);
        check_has(&page, &[part, "aria-label=\"主导航\"", "林晓"]);
        let csp = page.headers["content-security-policy"].to_str().unwrap();
        assert!(csp.starts_with("default-src 'self'"), "{csp}");
        for bad in ["src=\"http", "href=\"http", "<style", " style=", " onclick=", "<script>"] {
            assert!(!html(&page).contains(bad), "{bad} in {path}");
        }
        for asset in html(&page).split('"').filter(|part| part.starts_with("/console/assets/")) {
            let asset = service.get(asset).await;
            assert_eq!(asset.status, StatusCode::OK);
            assert!(asset.headers["cache-control"].to_str().unwrap().contains("immutable"));
        }
    }
    check_redirect(&get(&service, "林晓", "/console").await, KB);
    for (path, status) in [
        ("/console/kb/articles/nowhere", 404),
        ("/console/kb/lexicon/stopwords", 404),
        ("/console/kb/articles/return-new/diff?from=1&to=9", 404),
    ] {
        let page = get(&service, "林晓", path).await;
        assert_eq!(page.status.as_u16(), status, "{path}");
        check_has(&page, &["role=\"alert\""]);
    }
    assert_eq!(service.get("/console/assets/0/console.css").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_form_comes_back_as_it_was_typed() {
    let service = Service::new().await;
    let created = post(&service, "林晓", "/console/kb/new", &form("0", "能退货吗？")).await;
    check_redirect(&created, &format!("{ONE}?done=saved"));
    let page = get(&service, "林晓", &format!("{ONE}?done=saved")).await;
    check_has(
        &page,
        &[
            "已保存为新的草稿",
            "value=\"能退货吗？\"",
            "不想要了能退吗\n几天之内能退</textarea>",
            "图片 | media/a.png | 入口",
            "value=\"douyin、app\"",
            "<option value=\"service_policy\" selected>",
            "name=\"revision\" value=\"1\"",
        ],
    );
    let stored = service.get("/v1/kb/articles/return-new?state=latest").await.body;
    assert_eq!(stored["answers"][0]["channels"], serde_json::json!(["douyin", "app"]));
    assert_eq!(stored["body"], "支持的。\n\n- 7 天内");

    let mut faulty = form("1", " ");
    faulty.push(("valid_until", "明天"));
    let refused = post(&service, "林晓", ONE, &faulty).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    check_has(
        &refused,
        &[
            "有 2 处需要修改",
            "id=\"question-fault\"",
            "id=\"valid_until-fault\"",
            "几天之内能退</textarea>",
            "name=\"revision\" value=\"1\"",
        ],
    );
    let twin = post(&service, "周舟", "/console/kb/new", &form("0", "另一篇")).await;
    assert_eq!(twin.status, StatusCode::CONFLICT);
    check_has(&twin, &["已经有文章了", "value=\"另一篇\""]);
    let preview = post(&service, "林晓", "/console/kb/preview", &[("body", "1. 打开<b>\n2. 申请")]);
    check_has(&preview.await, &["<li class=\"pre\">打开&#60;b&#62;</li>"]);
}

#[tokio::test]
async fn a_conflict_shows_both_texts_and_keeps_the_typed_one() {
    let service = Service::new().await;
    post(&service, "林晓", "/console/kb/new", &form("0", "一")).await;
    post(&service, "周舟", ONE, &form("1", "周舟改的标题")).await;
    let late = post(&service, "林晓", ONE, &form("1", "林晓改的标题")).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    check_has(
        &late,
        &[
            "周舟 在您编辑时保存了第 2 版",
            "<span class=\"aloud\">删去：</span>周舟改的标题",
            "<span class=\"aloud\">新增：</span>林晓改的标题",
            "value=\"林晓改的标题\"",
            "name=\"revision\" value=\"2\"",
        ],
    );
    check_redirect(
        &post(&service, "林晓", ONE, &form("2", "林晓改的标题")).await,
        &format!("{ONE}?done=saved"),
    );
}

#[tokio::test]
async fn markup_in_stored_texts_is_shown_not_run() {
    let service = Service::new().await;
    let attack = "</textarea><script>alert(1)</script>\"><img src=x onerror=alert(1)>";
    // A name has at most 64 characters.
    let actor = "<img src=x onerror=alert(1)>";
    let mut typed = form("0", attack);
    for (name, value) in &mut typed {
        if matches!(*name, "variants" | "owner" | "body" | "answers.body" | "answers.channels") {
            *value = attack;
        }
    }
    typed.push(("comment", attack));
    check_redirect(
        &post(&service, actor, "/console/kb/new", &typed).await,
        &format!("{ONE}?done=saved"),
    );
    typed[0].1 = "1";
    typed[2].1 = "另一个标题";
    post(&service, actor, ONE, &typed).await;
    typed[2].1 = attack;
    let conflict = post(&service, actor, ONE, &typed).await;
    assert_eq!(conflict.status, StatusCode::CONFLICT);
    let mut pages = vec![conflict];
    for path in [
        KB,
        ONE,
        &format!("{ONE}/history"),
        &format!("{ONE}/diff?from=1&to=2"),
        &format!("/console/kb?q={}", encoded(attack)),
        &format!("/console/kb/hits?q={}", encoded(attack)),
        &format!("/console/kb/new?question={}", encoded(attack)),
    ] {
        pages.push(get(&service, actor, path).await);
    }
    for page in pages {
        assert!(!html(&page).contains("<script>alert"), "{}", html(&page));
        assert!(!html(&page).contains("<img"), "{}", html(&page));
    }
}

#[tokio::test]
async fn an_article_is_submitted_approved_published_and_rolled_back() {
    let service = Service::new().await;
    let mut typed = form("0", "能退货吗？");
    typed.push(("then", "submit"));
    let created = post(&service, "林晓", "/console/kb/new", &typed).await;
    check_redirect(&created, &format!("{ONE}?done=submit"));
    check_has(&get(&service, "周舟", "/console/kb/review").await, &["能退货吗？"]);
    let step = async |name: &str, revision: &str, comment: &str| {
        let form = [("revision", revision), ("comment", comment)];
        post(&service, "周舟", &format!("{ONE}/steps/{name}"), &form).await
    };
    let silent = step("reject", "2", "").await;
    assert_eq!(silent.status, StatusCode::UNPROCESSABLE_ENTITY);
    check_has(&silent, &["退回时请在说明里写清要改什么"]);
    let early = step("publish", "2", "").await;
    assert_eq!(early.status, StatusCode::CONFLICT);
    check_has(&early, &["当前状态不能这样操作"]);
    check_redirect(&step("approve", "2", "").await, &format!("{ONE}?done=approve"));
    check_redirect(&step("publish", "3", "").await, &format!("{ONE}?done=publish"));
    let stale = step("archive", "3", "").await;
    assert_eq!(stale.status, StatusCode::CONFLICT);
    check_redirect(&step("archive", "4", "不再适用").await, &format!("{ONE}?done=archive"));

    let publications = "/console/kb/publications";
    let pinned = post(&service, "周舟", publications, &[("pin", "1")]).await;
    check_redirect(&pinned, &format!("{publications}?done=pinned"));
    check_has(
        &get(&service, "周舟", publications).await,
        &["正在提供第 1 次发布的内容", "恢复为最新"],
    );
    let resumed = post(&service, "周舟", publications, &[("pin", "")]).await;
    check_redirect(&resumed, &format!("{publications}?done=resumed"));
    let form = [("revision", "5"), ("from", "1")];
    let restored = post(&service, "周舟", &format!("{ONE}/restore"), &form).await;
    check_redirect(&restored, &format!("{ONE}?done=restored"));
    let history = get(&service, "周舟", &format!("{ONE}/history")).await;
    check_has(&history, &["恢复第 1 版", "归档第 1 版", "<q>不再适用</q>"]);
}

#[tokio::test]
async fn faults_of_a_word_list_stand_with_their_lines() {
    let service = Service::new().await;
    let path = "/console/kb/lexicon/synonyms";
    let faulty = [("revision", "0"), ("text", "运费: 邮费\r\n退款 退钱")];
    let refused = post(&service, "林晓", path, &faulty).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    check_has(&refused, &["data-line=\"2\"", "缺少冒号", "运费: 邮费\n退款 退钱</textarea>"]);
    let sound = [("revision", "0"), ("text", "运费: 邮费\r\n退款: 退钱")];
    check_redirect(&post(&service, "林晓", path, &sound).await, &format!("{path}?done=lexicon"));
    let late = [("revision", "0"), ("text", "运费: 邮钱")];
    let conflict = post(&service, "周舟", path, &late).await;
    assert_eq!(conflict.status, StatusCode::CONFLICT);
    check_has(&conflict, &["<pre>运费: 邮费\n退款: 退钱</pre>", "运费: 邮钱</textarea>"]);
}

#[tokio::test]
async fn a_hit_is_explained_and_kept_as_a_case() {
    let service = Service::new().await;
    let path = format!("/console/kb/hits?q={}", encoded("怎么改收货地址"));
    let page = get(&service, "林晓", &path).await;
    check_has(&page, &["order-change-address", "<mark>", "为什么是这个分数", "<meter"]);
    let form = [("q", "怎么改收货地址"), ("article_id", "order-change-address")];
    let kept = post(&service, "林晓", "/console/kb/cases", &form).await;
    check_redirect(&kept, &format!("{path}&done=case"));
    let cases = service.get("/v1/kb/cases").await.body;
    let case = &cases["cases"][0];
    assert_eq!(case["relevant"], serde_json::json!({ "order-change-address": 3 }));
    assert_eq!(case["actor"], "林晓");
}

#[tokio::test]
async fn other_sites_cannot_write() {
    let service = Service::new().await;
    for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        let request = Request::post("/console/kb/publications")
            .header(header::HOST, "127.0.0.1:8080")
            .header(header::COOKIE, "actor=x")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(name, value);
        let refused = service.send(request.body(Body::from("pin=")).unwrap()).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{name}");
    }
    let own = Request::post("/console/kb/publications")
        .header(header::HOST, "127.0.0.1:8080")
        .header(header::ORIGIN, "http://127.0.0.1:8080")
        .header(header::COOKIE, "actor=x")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let answer = service.send(own.body(Body::from("pin=")).unwrap()).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
}
