//! Behaviour of the whole knowledge base, over the fixtures and over the shop's own articles.

use super::*;
use crate::kb::testing::{analyzer, copy_of, open, package};
use proptest::prelude::*;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

const AUTUMN: Date = Date::constant(2026, 11, 21);
const SPRING: Date = Date::constant(2026, 3, 10);

/// The small fixture, shared by tests that do not change it.
static SMALL: LazyLock<(KnowledgeBase, tempfile::TempDir)> =
    LazyLock::new(|| open(package("tests/fixtures/kb/small")));

/// The shop's articles, shared.
static SHOP: LazyLock<(KnowledgeBase, tempfile::TempDir)> =
    LazyLock::new(|| open(package("kb-index/articles")));

fn ids(kb: &KnowledgeBase, query: &Query<'_>) -> Vec<(String, u32)> {
    let hits = kb.search(query).unwrap().hits;
    hits.into_iter().map(|hit| (hit.article_id, hit.version)).collect()
}

#[test]
fn the_right_article_comes_first() {
    let check = |q: &str, expected: &str| {
        let found = SHOP.0.search(&Query::new(q, AUTUMN)).unwrap();
        let first = &found.hits[0];
        assert_eq!(first.article_id, expected, "for {q:?}");
        assert!(first.score >= 0.25, "{q:?} scores {}", first.score);
    };
    check("怎么改收货地址", "order-change-address");
    check("怎麼改收貨地址？", "order-change-address");
    check("退款多久到账", "refund-arrival-time");
    check("可以货到付款吗", "payment-cod");
    check("买完降价了怎么申请价保", "price-protection-apply");
    check("怎么开专票", "invoice-special-vat");
    check("支持七天无理由退货吗", "return-seven-days");
}

#[test]
fn matters_without_an_article_stay_low() {
    let check = |q: &str| {
        let found = SHOP.0.search(&Query::new(q, AUTUMN)).unwrap();
        let score = found.hits.first().map_or(0.0, |hit| hit.score);
        // `kb.answer_threshold_unsure` of the settings.
        assert!(score < 0.75, "{q:?} scores {score} with {}", found.hits[0].title);
    };
    check("今天天气怎么样");
    check("帮我写一首诗");
    check("北京到上海的高铁几点有");
    check("你叫什么名字");
    check("asdf qwer");
    check("股票明天会涨吗");
}

#[test]
fn a_hit_carries_everything_a_bot_needs() {
    let query =
        Query { explain: true, ..Query::new("不想要了怎么退，运费谁出", AUTUMN) };
    let found = SMALL.0.search(&query).unwrap();
    let hit = &found.hits[0];
    assert_eq!((hit.article_id.as_str(), hit.version), ("return-seven-days", 2));
    assert_eq!(hit.title, "支持七天无理由退货吗？");
    assert_eq!(hit.category, "售后/退货/七天无理由");
    assert_eq!(hit.summary, "支持的。从签收起 7 天内，商品完好，就可以申请无理由退货。");
    assert!(hit.answer.starts_with("支持的。") && hit.answer.contains("[运费险]"));
    assert_eq!(hit.snippet, "运费由您承担，带运费险的最高赔 12 元。");
    assert_eq!(hit.matched, ["不", "想要", "退", "运费"]);
    assert_eq!(hit.links, ["change-address"]);
    assert_eq!(hit.media[0].alt, "申请售后入口");
    let parts = hit.explanation.as_ref().unwrap();
    let log_odds: f32 = parts.iter().map(|part| part.log_odds).sum();
    assert!((1.0 / (1.0 + (-log_odds).exp()) - hit.score).abs() < 1e-5, "{parts:?}");
    let question = parts.iter().find_map(|part| part.question.as_deref());
    assert_eq!(question, Some("不想要了能退吗"));
    assert!(found.hits.is_sorted_by(|a, b| a.score >= b.score));
}

#[test]
fn the_day_decides_which_version_is_served() {
    let check = |day: Date, expected: Option<u32>| {
        let hits = ids(&SMALL.0, &Query::new("支持七天无理由退货吗", day));
        let versions: Vec<u32> =
            hits.iter().filter(|(id, _)| id == "return-seven-days").map(|(_, v)| *v).collect();
        assert_eq!(versions, expected.into_iter().collect::<Vec<_>>(), "on {day}");
        let article = SMALL.0.article("return-seven-days", day);
        assert_eq!(article.map(|article| article.version), expected, "on {day}");
    };
    check(Date::constant(2025, 12, 31), None);
    check(Date::constant(2026, 1, 1), Some(1));
    check(Date::constant(2026, 6, 30), Some(1));
    check(Date::constant(2026, 7, 1), Some(2));
    check(AUTUMN, Some(2));
}

#[test]
fn drafts_archived_and_expired_versions_are_never_served() {
    let check = |q: &str, day: Date, id: &str, served: bool| {
        let hits = ids(&SMALL.0, &Query::new(q, day));
        assert_eq!(hits.iter().any(|(found, _)| found == id), served, "{q} on {day}");
        assert_eq!(SMALL.0.article(id, day).is_some(), served, "{id} on {day}");
    };
    check("春季活动什么时候结束", SPRING, "promo-spring", true);
    check("春季活动什么时候结束", AUTUMN, "promo-spring", false);
    check("双11有什么优惠", AUTUMN, "promo-draft", false);
    check("可以货到付款吗", AUTUMN, "cod-archived", false);
    for (q, id) in [("双11几号开始", "promo-double11-2026"), ("618有哪些券", "promo-618-2026")]
    {
        let hits = ids(&SHOP.0, &Query::new(q, AUTUMN));
        assert!(hits.iter().all(|(found, _)| found != id), "{id} is served");
    }
    let protection = SHOP.0.article("price-protection-apply", AUTUMN).unwrap();
    assert_eq!(protection.version, 2);
    assert_eq!(SHOP.0.article("price-protection-apply", Date::constant(2026, 5, 1)), None);
}

#[test]
fn a_category_filters_its_whole_branch() {
    let check = |category: &str, expected: &[&str]| {
        let query = Query { category: Some(category), ..Query::new("地址退款退货", AUTUMN) };
        let mut found: Vec<_> = ids(&SMALL.0, &query).into_iter().map(|(id, _)| id).collect();
        found.sort();
        assert_eq!(found, expected, "in {category}");
    };
    check("售后", &["refund-time", "return-seven-days"]);
    check("售后/退款", &["refund-time"]);
    check("服务/订单", &["change-address"]);
    check("服务/账户/资料/地址簿", &["address-book"]);
    check("售后/退", &[]);
    check("没有", &[]);
}

#[test]
fn an_intent_raises_its_articles() {
    let score = |intent: Option<&str>| {
        let intents = intent.map(|intent| (intent, 0.9));
        let query = Query { intents: intents.as_slice(), ..Query::new("地址错了", AUTUMN) };
        let hits = SMALL.0.search(&query).unwrap().hits;
        hits.iter().find(|hit| hit.article_id == "change-address").unwrap().score
    };
    assert!(score(Some("order.modify")) > score(None));
    assert!(score(None) > score(Some("aftersale.refund")));
    // Shares no term with any article; the intent alone brings it in.
    let query =
        Query { intents: &[("order.modify", 0.9)], ..Query::new("move it elsewhere", AUTUMN) };
    assert_eq!(ids(&SMALL.0, &query), [("change-address".to_owned(), 1)]);
}

#[test]
fn names_match_in_any_spelling() {
    let check = |q: &str, expected: &str| {
        let hits = ids(&SMALL.0, &Query::new(q, AUTUMN));
        assert_eq!(hits.first().map(|(id, _)| id.as_str()), Some(expected), "for {q:?}");
    };
    check("t1 pro", "phone-t1");
    check("Ｔ１ ＰＲＯ 充電快嗎", "phone-t1");
    check("禾净r5", "robot-r5");
    check("禾淨R5的濾網", "robot-r5");
    check("how to change my address", "change-address");
    check("tuikuan duojiu daozhang", "refund-time");
}

#[test]
fn queries_without_words_find_nothing() {
    for q in ["", "  ", "？？！", "的", "你好", "😊"] {
        assert_eq!(
            ids(&SMALL.0, &Query { intents: &[("order.modify", 0.9)], ..Query::new(q, AUTUMN) }),
            []
        );
    }
}

#[test]
fn edited_articles_are_indexed_anew() {
    let articles = copy_of("small");
    let (kb, temp) = open(articles.path().to_owned());
    assert_eq!(kb.generation().number, 1);
    let file = articles.path().join("refund-time.md");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("钱什么时候退给我", "退款要等几个工作日")).unwrap();
    drop(kb);
    let kb = reopen(&settings(&articles, &temp));
    let info = kb.generation();
    assert_eq!((info.number, info.n_articles, info.n_versions), (2, 7, 8));
    let found = kb.search(&Query::new("退款要等几个工作日", AUTUMN)).unwrap();
    assert_eq!((found.generation, found.hits[0].article_id.as_str()), (2, "refund-time"));
    assert_eq!(found.hits.len(), 1, "no other article shares a word with it");
    drop(kb);
    assert_eq!(reopen(&settings(&articles, &temp)).generation(), info, "nothing has changed since");
}

fn settings(articles: &tempfile::TempDir, temp: &tempfile::TempDir) -> KbSettings {
    KbSettings { articles_dir: articles.path().to_owned(), index_dir: temp.path().join("index") }
}

/// All versions of one article of the small fixture, `change` applied to its highest.
fn versions(id: &str, change: impl Fn(&mut Article)) -> Vec<Article> {
    let mut versions = load_articles(&package("tests/fixtures/kb/small")).unwrap();
    versions.retain(|article| article.id == id);
    change(versions.last_mut().unwrap());
    versions
}

#[test]
fn a_change_of_some_articles_gives_what_a_whole_build_gives() {
    let (changed, _temp) = open(package("tests/fixtures/kb/small"));
    let ids = ["refund-time", "promo-spring", "new"].map(str::to_owned);
    let mut articles = versions("refund-time", |a| a.variants = vec!["退款要等几个工作日".into()]);
    articles.extend(versions("robot-r5", |a| a.id = "new".into()));
    let content = Content::Changed { ids: &ids, articles: articles.clone() };
    let report = changed.build(9, content, None, &|_| true).unwrap();

    let mut all = load_articles(&package("tests/fixtures/kb/small")).unwrap();
    all.retain(|article| !ids.contains(&article.id));
    all.extend(articles);
    let (whole, _other) = open(package("tests/fixtures/kb/small"));
    let expected = whole.build_all(all).unwrap();
    assert_eq!(
        (report.n_articles, report.n_versions, report.n_passages),
        (expected.n_articles, expected.n_versions, expected.n_passages)
    );
    for q in ["退款要等几个工作日", "春季活动什么时候结束", "禾净R5的滤网", "地址填错了"]
    {
        for day in [SPRING, AUTUMN] {
            let query = Query { limit: 50, explain: true, ..Query::new(q, day) };
            let [a, b] = [&changed, &whole].map(|kb| kb.search(&query).unwrap().hits);
            assert_eq!(a, b, "for {q}");
        }
    }
}

#[test]
fn many_small_changes_leave_a_sound_index() {
    let (kb, temp) = open(package("tests/fixtures/kb/small"));
    for number in 2..50 {
        let articles = versions("refund-time", |a| a.question = format!("第{number}版怎么退款"));
        let content = Content::Changed { ids: &["refund-time".to_owned()], articles };
        assert_eq!(kb.build(number, content, None, &|_| true).unwrap().n_articles, 7);
    }
    let info = kb.generation();
    drop(kb);
    let settings = KbSettings {
        articles_dir: package("tests/fixtures/kb/small"),
        index_dir: temp.path().join("index"),
    };
    let (kb, reason) = KnowledgeBase::open(&settings, analyzer(), None).unwrap();
    assert_eq!((kb.generation(), reason), (info, None));
    let found = kb.search(&Query::new("第49版怎么退款", AUTUMN)).unwrap();
    assert_eq!(found.hits[0].title, "第49版怎么退款");
}

#[test]
fn goes_back_to_a_kept_generation() {
    let (kb, _temp) = open(package("tests/fixtures/kb/small"));
    let articles = versions("refund-time", |a| a.question = "新问题".into());
    let ids = ["refund-time".to_owned()];
    kb.build(2, Content::Changed { ids: &ids, articles }, None, &|_| true).unwrap();
    let title = |kb: &KnowledgeBase| kb.article("refund-time", AUTUMN).unwrap().question;
    assert_eq!(title(&kb), "新问题");
    assert!(kb.go_to(1).unwrap());
    assert_eq!((kb.generation().number, title(&kb) == "新问题"), (1, false));
    assert!(!kb.go_to(77).unwrap());
    assert!(kb.go_to(2).unwrap());
    assert_eq!(title(&kb), "新问题");
}

#[test]
fn a_build_can_be_called_off() {
    let (kb, _temp) = open(package("tests/fixtures/kb/small"));
    let mut articles =
        load_articles(&package("tests/fixtures/kb/small")).unwrap().into_iter().map(Ok);
    let result = kb.build(2, Content::All(&mut articles), None, &|_| false);
    assert!(matches!(result, Err(KbError::Cancelled)), "{result:?}");
    assert_eq!(kb.search(&Query::new("退款", AUTUMN)).unwrap().generation, 1);
}

#[test]
fn faulty_articles_leave_the_old_generation_serving() {
    let articles = copy_of("small");
    let (kb, temp) = open(articles.path().to_owned());
    fs::write(articles.path().join("broken.md"), "没有抬头").unwrap();
    let result = KnowledgeBase::open_or_build(&settings(&articles, &temp), analyzer(), None);
    assert!(matches!(result.err(), Some(KbError::Faulty { faults }) if faults.len() == 1));
    assert_eq!(kb.search(&Query::new("退款", AUTUMN)).unwrap().generation, 1);
    assert_eq!(kb.refresh(), Ok(false));
}

#[test]
fn a_rebuild_elsewhere_is_refused_here_and_can_be_followed() {
    let articles = copy_of("small");
    let (kb, temp) = open(articles.path().to_owned());
    let rebuild = |kb: &KnowledgeBase| kb.build_all(load_articles(articles.path()).unwrap());
    let folder = Folder::new(&temp.path().join("index"));
    let lock = folder.lock().unwrap();
    assert!(matches!(rebuild(&kb), Err(KbError::Locked { path }) if path.ends_with("LOCK")));
    assert_eq!(kb.search(&Query::new("退款", AUTUMN)).unwrap().generation, 1);
    drop(lock);
    rebuild(&reopen(&settings(&articles, &temp))).unwrap();
    assert_eq!(kb.refresh(), Ok(true));
    assert_eq!(kb.refresh(), Ok(false));
    assert_eq!(kb.generation().number, 2);
}

fn reopen(settings: &KbSettings) -> KnowledgeBase {
    KnowledgeBase::open_or_build(settings, analyzer(), None).unwrap()
}

#[test]
fn opens_the_generation_on_disk_or_builds_where_it_cannot() {
    let (kb, temp) = open(package("tests/fixtures/kb/small"));
    let index = temp.path().join("index");
    let settings =
        KbSettings { articles_dir: package("tests/fixtures/kb/small"), index_dir: index.clone() };
    drop(kb);
    assert_eq!(reopen(&settings).generation().number, 1, "a sound index is used as it is");

    let check = |damage: &dyn Fn(&Path), expected: u64| {
        damage(&index);
        let kb = reopen(&settings);
        assert_eq!(kb.generation().number, expected);
        assert_eq!(kb.search(&Query::new("退款", AUTUMN)).unwrap().generation, expected);
    };
    let generation = |number: u64| index.join("generations").join(number.to_string());
    check(&|index| fs::write(index.join("CURRENT"), "三\n").unwrap(), 2);
    check(&|index| fs::write(index.join("CURRENT"), "77").unwrap(), 3);
    check(&|_| fs::remove_dir_all(generation(3)).unwrap(), 3);
    check(&|_| fs::write(generation(3).join("generation.toml"), "number = 3").unwrap(), 4);
    check(&|_| fs::write(generation(4).join("entries-0.bin"), "[]").unwrap(), 5);
    check(&|_| truncate_segments(&generation(5).join("tantivy")), 6);
    check(&|_| replace(&generation(6), "schema_version = ", "schema_version = 9"), 7);
    check(&|_| replace(&generation(7), "dictionary_hash = \"", "dictionary_hash = \"0"), 8);
    check(&|_| (), 8);
}

fn truncate_segments(dir: &Path) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "idx") {
            fs::write(path, b"").unwrap();
        }
    }
}

fn replace(generation: &Path, from: &str, to: &str) {
    let path = generation.join("generation.toml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from));
    fs::write(path, text.replace(from, to)).unwrap();
}

/// Every generation holds one wording of an article; a search that mixed two would show the
/// wording of one with the number of another.
#[test]
fn searches_during_rebuilds_see_one_generation_each() {
    const N_REBUILDS: u64 = 20;
    let (kb, _temp) = open(package("tests/fixtures/kb/small"));
    let ids = ["refund-time".to_owned()];
    let build = |number: u64| {
        let articles = versions("refund-time", |a| a.body = format!("第{number}版"));
        kb.build(number, Content::Changed { ids: &ids, articles }, None, &|_| true).unwrap()
    };
    build(2);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let searcher = || {
            let mut seen = 0;
            while !stop.load(Ordering::Relaxed) {
                let found = kb.search(&Query::new("退款多久到账", AUTUMN)).unwrap();
                let expected = format!("第{}版", found.generation);
                assert!(found.hits[0].answer.contains(&expected), "{}", found.hits[0].answer);
                assert!(found.generation >= seen, "went back to an older generation");
                seen = found.generation;
            }
        };
        let searchers = [scope.spawn(searcher), scope.spawn(searcher)];
        for generation in 3..=2 + N_REBUILDS {
            assert_eq!(build(generation).generation, generation);
        }
        stop.store(true, Ordering::Relaxed);
        for searcher in searchers {
            searcher.join().unwrap();
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_text_can_be_searched(
        q in "\\PC{0,40}|[退换货地址怎么收R5t1 ,。改é́\u{0}\n\"*:()]{0,40}",
        category in proptest::option::of("售后|服务/订单|[/售后]{0,4}"),
        limit in 0_usize..100,
    ) {
        let query = Query {
            category: category.as_deref(),
            limit,
            explain: true,
            ..Query::new(&q, AUTUMN)
        };
        for hit in SMALL.0.search(&query).unwrap().hits {
            prop_assert!((0.0..=1.0).contains(&hit.score));
            prop_assert!(!hit.snippet.is_empty() && !hit.title.is_empty());
        }
    }
}
