//! The half of the contract about articles.

use super::n_stored;
use crate::kb::article::{Article, Category, Kind, Status};
use crate::kb::editorial::testing::{actor, after, article, at, by};
use crate::kb::editorial::{Action, ArticleRecord, Change, Edit, Policy, apply};
use crate::store::articles::{
    ArticleFilter, Committed, Page, PublicationReason, Publications, VersionRecord,
};
use crate::store::{Store, StoreError};
use jiff::civil::Date;
use std::sync::Arc;
use tokio::task::JoinSet;

pub(in crate::store) const LOOSE: Policy = Policy { require_review: false, two_person: false };

/// The change that `edit` makes of what is stored.
pub(in crate::store) async fn change(store: &dyn Store, id: &str, edit: Edit) -> Change {
    let stored = store.article(id).await.unwrap();
    let record = stored.unwrap_or_else(|| ArticleRecord::new(id, at(0)));
    apply(&record, edit, by("编辑甲", &record), LOOSE).unwrap()
}

pub(in crate::store) async fn edit(store: &dyn Store, id: &str, edit: Edit) -> Committed {
    store.commit_edit(change(store, id, edit).await).await.unwrap()
}

pub(in crate::store) fn save(question: &str) -> Edit {
    Edit::Save(Box::new(Article { question: question.into(), ..article("", 0, Status::Draft) }))
}

fn names(articles: &[Article]) -> Vec<(&str, u32)> {
    articles.iter().map(|article| (article.id.as_str(), article.version)).collect()
}

/// Panics where `store` breaks the contract; `store` must be empty.
pub(in crate::store) async fn check(store: Arc<dyn Store>) {
    nothing_is_there(&*store).await;
    a_version_walks_through_its_life(&*store).await;
    a_lost_update_is_refused_whole(&*store).await;
    of_parallel_edits_one_is_stored(&store).await;
    parallel_publications_take_numbers_in_a_row(&store).await;
    an_import_is_stored_whole_or_not(&store).await;
    publications_are_pinned(&*store).await;
    lists_filter_and_page(&*store).await;
}

async fn nothing_is_there(store: &dyn Store) {
    assert_eq!(store.article("a").await.unwrap(), None);
    assert_eq!(store.version("a", 1).await.unwrap(), None);
    assert_eq!(store.versions("a").await.unwrap(), []);
    assert_eq!(store.events("a").await.unwrap(), []);
    let nothing = Publications { latest: 0, pinned: None };
    assert_eq!(store.publications().await.unwrap(), nothing);
    assert_eq!(store.served_at(0, None, 10).await.unwrap(), []);
}

async fn a_version_walks_through_its_life(store: &dyn Store) {
    let mut record = ArticleRecord::new("a", at(0));
    let edits = [
        (save("一版？"), None),
        (Edit::Submit, None),
        (Edit::Approve, None),
        (Edit::Publish, Some(1)),
        (save("二版？"), None),
        (Edit::Publish, Some(2)),
        (Edit::Archive, Some(3)),
    ];
    for (edit, publication) in edits {
        let change = apply(&record, edit, by("编辑甲", &record), LOOSE).unwrap();
        let committed = store.commit_edit(change.clone()).await.unwrap();
        assert_eq!(committed, Committed { publication });
        record = after(&record, &change, publication.unwrap_or(0));
        assert_eq!(store.article("a").await.unwrap().as_ref(), Some(&record));
        assert_eq!(store.events("a").await.unwrap()[0], change.event);
    }
    let versions = store.versions("a").await.unwrap();
    let questions: Vec<_> = versions.iter().map(|v| v.article.question.as_str()).collect();
    assert_eq!(questions, ["二版？", "一版？"]);
    let VersionRecord { head, article } = store.version("a", 2).await.unwrap().unwrap();
    assert_eq!((head.published_in, head.archived_in), (Some(2), Some(3)));
    assert_eq!((article.status, article.version), (Status::Archived, 2));
    let actions: Vec<_> =
        store.events("a").await.unwrap().iter().rev().map(|event| event.action).collect();
    use Action::{Approve, Archive, Publish, Save, Submit};
    assert_eq!(actions, [Save, Submit, Approve, Publish, Save, Publish, Archive]);

    // What was served at a publication stays what it was.
    for (publication, expected) in
        [(0, &[][..]), (1, &[("a", 1)]), (2, &[("a", 1), ("a", 2)]), (3, &[])]
    {
        let served = store.served_at(publication, None, 10).await.unwrap();
        assert_eq!(names(&served), expected);
        assert!(served.iter().all(|article| article.status == Status::Published));
        assert_eq!(store.served_of(publication, "a").await.unwrap(), served);
    }
    let log = store.publication_log(3, 10).await.unwrap();
    let told: Vec<_> = log.iter().map(|p| (p.number, p.reason, p.article_id.as_deref())).collect();
    let edit = PublicationReason::Edit;
    assert_eq!(told, [(2, edit, Some("a")), (1, edit, Some("a"))]);
}

async fn a_lost_update_is_refused_whole(store: &dyn Store) {
    edit(store, "lost", save("先？")).await;
    let mine = change(store, "lost", save("我的？")).await;
    let theirs = change(store, "lost", Edit::Publish).await;
    store.commit_edit(theirs.clone()).await.unwrap();
    let before = store.article("lost").await.unwrap();
    for stale in [mine, theirs] {
        let refused = store.commit_edit(stale).await;
        assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    }
    assert_eq!(store.article("lost").await.unwrap(), before);
    assert_eq!(store.events("lost").await.unwrap().len(), 2);
    let mut nowhere = change(store, "lost", Edit::Archive).await;
    nowhere.article_id = "nowhere".to_owned();
    assert!(matches!(store.commit_edit(nowhere).await, Err(StoreError::Conflict)));
}

async fn of_parallel_edits_one_is_stored(store: &Arc<dyn Store>) {
    for id in ["new", "new", "lost"] {
        let mut changes = Vec::new();
        for i in 0..8 {
            changes.push(change(&**store, id, save(&format!("{i}？"))).await);
        }
        let mut commits = JoinSet::new();
        for change in changes {
            let store = store.clone();
            commits.spawn(async move { store.commit_edit(change).await });
        }
        assert_eq!(n_stored(commits).await, 1);
        let record = store.article(id).await.unwrap().unwrap();
        assert_eq!(record.versions.len(), store.versions(id).await.unwrap().len());
        assert_eq!(record.revision, store.events(id).await.unwrap().len() as u64);
    }
}

async fn parallel_publications_take_numbers_in_a_row(store: &Arc<dyn Store>) {
    let before = store.publications().await.unwrap().latest;
    let mut commits = JoinSet::new();
    for i in 0..8 {
        let id = format!("parallel-{i}");
        edit(&**store, &id, save("并行？")).await;
        let store = store.clone();
        commits.spawn(async move { edit(&*store, &id, Edit::Publish).await.publication });
    }
    let mut numbers = commits.join_all().await;
    numbers.sort();
    assert_eq!(numbers, (before + 1..=before + 8).map(Some).collect::<Vec<_>>());
    assert_eq!(store.publications().await.unwrap().latest, before + 8);
    let changed = store.changed_between(before, before + 8).await.unwrap();
    assert_eq!(changed, (0..8).map(|i| format!("parallel-{i}")).collect::<Vec<_>>());
    assert_eq!(store.changed_between(before + 8, before).await.unwrap(), changed);
    assert_eq!(store.changed_between(before + 7, before + 8).await.unwrap().len(), 1);
    for i in 0..8 {
        edit(&**store, &format!("parallel-{i}"), Edit::Archive).await;
    }
}

async fn an_import_is_stored_whole_or_not(store: &Arc<dyn Store>) {
    let versions = |id: &str| {
        Edit::Import(vec![
            article(id, 3, Status::Published),
            article(id, 1, Status::Archived),
            article(id, 5, Status::Review),
        ])
    };
    let mut changes = Vec::new();
    for id in ["in-2", "in-1", "lost"] {
        let edit = if id == "lost" { save("入？") } else { versions(id) };
        changes.push(change(&**store, id, edit).await);
    }
    let latest = store.publications().await.unwrap().latest;
    let mut stale = changes.clone();
    stale[2].revision -= 1;
    let refused = store.import(stale).await;
    assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    assert_eq!(store.article("in-1").await.unwrap(), None);
    assert_eq!(store.publications().await.unwrap().latest, latest);

    // Imports of the same articles at once: one is stored whole.
    let mut imports = JoinSet::new();
    for i in 0..4 {
        let (store, mut changes) = (store.clone(), changes.clone());
        changes.rotate_left(i % 3);
        imports.spawn(async move { store.import(changes).await });
    }
    assert_eq!(n_stored(imports).await, 1);
    let publication = store.publications().await.unwrap().latest;
    assert_eq!(publication, latest + 1);
    let log = store.publication_log(u64::MAX, 1).await.unwrap();
    assert_eq!((log[0].reason, &log[0].article_id), (PublicationReason::Import, &None));
    for id in ["in-1", "in-2"] {
        let record = store.article(id).await.unwrap().unwrap();
        let told: Vec<_> =
            record.versions.iter().map(|v| (v.version, v.status, v.published_in)).collect();
        assert_eq!(
            told,
            [
                (1, Status::Archived, None),
                (3, Status::Published, Some(publication)),
                (5, Status::Review, None)
            ]
        );
    }
    assert_eq!(store.import(Vec::new()).await.unwrap(), Committed { publication: None });

    // Content comes in parts, in order, each version once.
    let whole = store.served_at(publication, None, 100).await.unwrap();
    assert!(names(&whole).is_sorted() && whole.len() >= 3, "{:?}", names(&whole));
    let mut parts: Vec<Article> = Vec::new();
    loop {
        let part = store.served_at(publication, parts.last(), 2).await.unwrap();
        let is_last = part.len() < 2;
        parts.extend(part);
        if is_last {
            break;
        }
    }
    assert_eq!(parts, whole);
}

async fn publications_are_pinned(store: &dyn Store) {
    let (editor, latest) = (actor("编辑甲"), store.publications().await.unwrap().latest);
    store.pin(Some(2), &editor, at(1)).await.unwrap();
    let bumped = store.bump_publication(&editor, at(2)).await.unwrap();
    assert_eq!(bumped, latest + 1);
    let publications = store.publications().await.unwrap();
    assert_eq!(publications, Publications { latest: bumped, pinned: Some(2) });
    assert_eq!(publications.served(), 2);
    for publication in [0, bumped + 1] {
        let refused = store.pin(Some(publication), &editor, at(3)).await;
        assert!(
            matches!(refused, Err(StoreError::NoPublication { latest, .. }) if latest == bumped),
            "{refused:?}"
        );
    }
    store.pin(None, &editor, at(4)).await.unwrap();
    assert_eq!(store.publications().await.unwrap().served(), bumped);
    let log = store.publication_log(u64::MAX, 1).await.unwrap();
    assert_eq!((log[0].number, log[0].reason), (bumped, PublicationReason::Reindex));
    for (a, b, expected) in [(0, latest, false), (latest, bumped, true), (bumped, latest, true)] {
        assert_eq!(store.needs_rebuild(a, b).await.unwrap(), expected, "{a} to {b}");
    }
}

async fn lists_filter_and_page(store: &dyn Store) {
    let listed = |id: &str, category: &str, kind: Kind, question: &str| Article {
        category: Category::parse(category).unwrap(),
        kind,
        question: question.to_owned(),
        ..article(id, 1, Status::Published)
    };
    for article in [
        listed("list-1", "产品/手机", Kind::ProductFact, "T1 支持 NFC 吗？"),
        listed("list-2", "产品/手机/充电", Kind::Faq, "100% 要充多久？"),
        listed("list-3", "产品/手机壳", Kind::Faq, "a_b 是什么？"),
    ] {
        edit(store, &article.id.clone(), Edit::Import(vec![article])).await;
    }
    edit(store, "list-3", save("草稿？")).await;
    let check = async |filter: ArticleFilter, expected: &[&str]| {
        let list = store.list(&filter, &Page { after: None, limit: 100 }).await.unwrap();
        let mut ids: Vec<_> = list.articles.iter().map(|a| a.id.as_str()).collect();
        ids.retain(|id| id.starts_with("list-"));
        ids.sort_unstable();
        assert_eq!(ids, expected, "{filter:?}");
        assert_eq!(list.total, list.articles.len() as u64, "{filter:?}");
        assert_eq!(list.next, None);
    };
    let all = ArticleFilter::default;
    let text = |text: &str| ArticleFilter { text: Some(text.to_owned()), ..all() };
    let category = |path: &str| ArticleFilter { category: Some(path.to_owned()), ..all() };
    check(all(), &["list-1", "list-2", "list-3"]).await;
    check(ArticleFilter { status: Some(Status::Draft), ..all() }, &["list-3"]).await;
    check(ArticleFilter { status: Some(Status::Published), ..all() }, &["list-1", "list-2"]).await;
    check(ArticleFilter { published: Some(false), ..all() }, &[]).await;
    check(ArticleFilter { published: Some(true), ..all() }, &["list-1", "list-2", "list-3"]).await;
    check(ArticleFilter { kind: Some(Kind::ProductFact), ..all() }, &["list-1"]).await;
    check(category("产品/手机"), &["list-1", "list-2"]).await;
    check(category("产品/手机/"), &["list-1", "list-2"]).await;
    check(category("产品"), &["list-1", "list-2"]).await;
    check(text("nfc"), &["list-1"]).await;
    check(text("100%"), &["list-2"]).await;
    check(text("0_"), &[]).await;
    check(text("LIST-2"), &["list-2"]).await;
    check(ArticleFilter { owner: Some("某人".to_owned()), ..all() }, &[]).await;
    let day = Date::constant(2999, 1, 1);
    check(ArticleFilter { review_before: Some(day), ..all() }, &[]).await;
    let mut counted = store.categories().await.unwrap();
    assert!(counted.is_sorted(), "{counted:?}");
    counted.retain(|(path, _)| path.starts_with("产品"));
    assert_eq!(counted, [("产品/手机".to_owned(), 1), ("产品/手机/充电".to_owned(), 1)]);

    // Parts follow each other without a gap, latest change first.
    let everything = store.list(&all(), &Page { after: None, limit: 100 }).await.unwrap();
    let keys: Vec<_> = everything.articles.iter().map(|a| (a.updated_at, a.id.clone())).collect();
    assert!(keys.is_sorted_by(|a, b| a > b), "{keys:?}");
    let (mut parts, mut next) = (Vec::new(), None);
    loop {
        let list = store.list(&all(), &Page { after: next, limit: 3 }).await.unwrap();
        assert_eq!(list.total, everything.total);
        parts.extend(list.articles);
        next = list.next;
        if next.is_none() {
            break;
        }
    }
    assert_eq!(parts, everything.articles);

    let (mut parts, mut after) = (Vec::new(), None);
    loop {
        let page = store.versions_after(after.as_ref(), 2).await.unwrap();
        let n = page.len();
        parts.extend(page);
        after = parts.last().map(|record| record.article.clone());
        if n < 2 {
            break;
        }
    }
    assert_eq!(parts, store.versions_after(None, 1000).await.unwrap());
    let keys: Vec<_> = parts.iter().map(|part| (&part.article.id, part.head.version)).collect();
    assert!(keys.is_sorted_by(|a, b| a < b), "{keys:?}");
    for part in &parts {
        let alone = store.version(&part.article.id, part.head.version).await.unwrap();
        assert_eq!(alone.as_ref(), Some(part));
    }
}
