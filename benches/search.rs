//! The knowledge base: searches over the shipped articles.
//!
//! Measured: one search on one thread, from the customer's words to dressed hits (normalise,
//! segment, retrieve, score, snippets), index warm in the page cache. Left out: building the index
//! and opening it, searches during a rebuild, other sizes than the shipped one.

mod support;

use anyhow::{Context, ensure};
use fenzhen::app::{Vocabulary, build_kb};
use fenzhen::config::Config;
use fenzhen::kb::{Found, Hit, KbError, Query};
use jiff::civil::{Date, date};
use std::hint::black_box;
use support::{Bench, measure};

/// A day on which every shipped article of 2026 is valid.
const DAY: Date = date(2026, 11, 21);

fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let config = Config { data_dir: folder.path().to_owned(), ..Config::load(None)? };
    let kb = build_kb(&config, &Vocabulary::load(&config)?)?;
    let n_articles = kb.generation().n_versions;

    let address = Query::new("下单后怎么改收货地址", DAY);
    ensure!(best(kb.search(&address))? == "order-change-address");
    let with_intent = Query { intents: &[("order.modify", 0.9)], ..address.clone() };
    ensure!(best(kb.search(&with_intent))? == "order-change-address");
    let spoken = Query::new(
        "你好我昨天晚上买了件羽绒服收货地址写成老家的了现在还没发货能不能帮我改到公司来",
        DAY,
    );
    ensure!(best(kb.search(&spoken))?.contains("address"));
    let foreign = Query::new("明天会下雨吗", DAY);
    let below = |hit: &Hit| hit.score < config.kb.answer_threshold;
    let unsure = kb.search(&foreign)?.hits.first().is_none_or(below);
    ensure!(unsure, "an article claims to know the weather");
    let one = Query { limit: 1, ..address.clone() };

    let mut bench = Bench::from_args();
    for (name, query) in [
        ("a plain question", address),
        ("the same with its intent", with_intent),
        ("the same, one hit", one),
        ("a long spoken one", spoken),
        ("one without an answer", foreign),
    ] {
        measure(&mut bench, &format!("search {n_articles} articles, {name}"), || {
            kb.search(black_box(&query))
        });
    }
    bench.finish();
    Ok(())
}

fn best(found: Result<Found, KbError>) -> anyhow::Result<String> {
    let hit = found?.hits.into_iter().next().context("nothing was found")?;
    Ok(hit.article_id)
}
