//! The knowledge base over store and index: several nodes, killed processes, everybody at once.

mod crash;
mod crowd;
mod nodes;

use fenzhen::app::Knowledge;
use fenzhen::kb::article::{Article, Category, Kind, Status};
use fenzhen::kb::editorial::{Actor, ArticleRecord, By, Change, Edit, Policy, apply};
use jiff::Timestamp;
use jiff::civil::Date;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Ends what goes on beside a test, also where the test fails.
struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A folder of a few articles.
const SMALL: &str = "tests/fixtures/kb/small";
/// The day asked for.
const TODAY: Date = Date::constant(2026, 11, 22);

/// A version whose whole text is `text`.
fn article(id: &str, version: u32, text: &str) -> Article {
    Article {
        id: id.to_owned(),
        version,
        status: Status::Published,
        kind: Kind::Faq,
        category: Category::parse("售后/退货").unwrap(),
        question: "长颈鹿怎么喂养？".to_owned(),
        valid_from: Date::constant(2026, 1, 1),
        updated: Date::constant(2026, 1, 1),
        body: text.to_owned(),
        ..Article::blank()
    }
}

/// The change that `edit` makes of what is stored; `None` where it is not allowed.
async fn change(knowledge: &Knowledge, id: &str, edit: Edit) -> Option<Change> {
    let at = Timestamp::now();
    let stored = knowledge.store.article(id).await.unwrap();
    let record = stored.unwrap_or_else(|| ArticleRecord::new(id, at));
    let actor = Actor::try_from("编辑甲".to_owned()).unwrap();
    let by = By { actor, at, revision: record.revision, comment: None };
    apply(&record, edit, by, Policy { require_review: false, two_person: false }).ok()
}

/// What is served at a publication: of each article the highest version valid today.
async fn served(knowledge: &Knowledge, publication: u64) -> Vec<Article> {
    let all = knowledge.store.served_at(publication, None, 10_000).await.unwrap();
    let valid = all.into_iter().filter(|article| article.is_served_at(TODAY));
    let mut served: Vec<Article> = Vec::new();
    for article in valid {
        match served.last_mut() {
            Some(lower) if lower.id == article.id => *lower = article,
            _ => served.push(article),
        }
    }
    served
}
