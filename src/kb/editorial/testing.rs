//! A record with a change applied in memory: what a store must show afterwards.

use super::{Actor, ArticleRecord, By, Change, VersionHead};
use crate::kb::article::{Article, Category, Kind, Status};
use jiff::Timestamp;
use jiff::civil::Date;

pub(crate) fn actor(name: &str) -> Actor {
    Actor::try_from(name.to_owned()).unwrap()
}

pub(crate) fn at(second: u64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + i64::try_from(second).unwrap()).unwrap()
}

/// An editor who has `record` before them; the clock moves with the revision.
pub(crate) fn by(name: &str, record: &ArticleRecord) -> By {
    let (revision, at) = (record.revision, at(record.revision));
    By { actor: actor(name), at, revision, comment: Some("说明".to_owned()) }
}

pub(crate) fn article(id: &str, version: u32, status: Status) -> Article {
    Article {
        id: id.to_owned(),
        version,
        status,
        kind: Kind::Faq,
        category: Category::parse("售后/退货").unwrap(),
        question: format!("{id} 的第 {version} 版？"),
        variants: vec!["能退吗".to_owned()],
        valid_from: Date::constant(2026, 1, 1),
        updated: Date::constant(2026, 1, 1),
        body: "支持的。".to_owned(),
        ..Article::blank()
    }
}

/// `record` after `change`, which took the number `publication` where it touches readers.
pub(crate) fn after(record: &ArticleRecord, change: &Change, publication: u64) -> ArticleRecord {
    let at = change.event.at;
    let mut versions = record.versions.clone();
    for m in &change.moves {
        let head = versions.iter_mut().find(|head| head.version == m.version).unwrap();
        assert_eq!(head.status, m.from);
        head.status = m.to;
        head.changed_at = at;
        match (m.from, m.to) {
            (_, Status::Review) => head.submitted_by = Some(change.event.actor.clone()),
            (_, Status::Published) => head.published_in = Some(publication),
            (Status::Published, _) => head.archived_in = Some(publication),
            _ => {}
        }
    }
    versions.extend(change.created.iter().map(|article| VersionHead {
        version: article.version,
        status: article.status,
        author: change.event.actor.clone(),
        submitted_by: None,
        published_in: (article.status == Status::Published).then_some(publication),
        archived_in: None,
        created_at: at,
        changed_at: at,
    }));
    versions.sort_by_key(|head| head.version);
    let created_at = if record.revision == 0 { at } else { record.created_at };
    let revision = record.revision + 1;
    ArticleRecord { id: record.id.clone(), revision, versions, created_at, updated_at: at }
}
