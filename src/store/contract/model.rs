//! Random edits against a plain model in memory: what was served at a publication never changes.

use super::articles::{LOOSE, save};
use crate::kb::article::{Article, Status};
use crate::kb::editorial::testing::{actor, after, article, at, by};
use crate::kb::editorial::{ArticleRecord, Change, Edit, apply};
use crate::store::articles::Publications;
use crate::store::{Store, StoreError};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Few, so that edits meet.
const IDS: [&str; 3] = ["a", "b", "c"];

/// What somebody does.
#[derive(Debug, Clone)]
pub(in crate::store) enum Op {
    Save(usize),
    Submit(usize),
    Approve(usize),
    Publish(usize),
    Archive(usize),
    /// Takes in versions of all articles whose numbers are that much above the latest.
    Import(u32),
    /// Sends the last change of the article again.
    Repeat(usize),
    Pin(Option<u64>),
    Bump,
}

pub(in crate::store) fn ops() -> impl Strategy<Value = Vec<Op>> {
    let id = 0..IDS.len();
    let op = prop_oneof![
        3 => id.clone().prop_map(Op::Save),
        1 => id.clone().prop_map(Op::Submit),
        1 => id.clone().prop_map(Op::Approve),
        3 => id.clone().prop_map(Op::Publish),
        2 => id.clone().prop_map(Op::Archive),
        1 => (1..4_u32).prop_map(Op::Import),
        1 => id.prop_map(Op::Repeat),
        1 => prop::option::of(1..20_u64).prop_map(Op::Pin),
        1 => Just(Op::Bump),
    ];
    prop::collection::vec(op, 1..40)
}

#[derive(Default)]
struct Model {
    records: BTreeMap<&'static str, ArticleRecord>,
    contents: BTreeMap<(String, u32), Article>,
    last: BTreeMap<&'static str, Change>,
    /// What was served at each publication, the first being 0.
    served: Vec<Vec<Article>>,
    pinned: Option<u64>,
}

impl Model {
    fn latest(&self) -> u64 {
        self.served.len() as u64 - 1
    }

    fn record(&self, id: &str) -> ArticleRecord {
        self.records.get(id).cloned().unwrap_or_else(|| ArticleRecord::new(id, at(0)))
    }

    fn take(&mut self, id: &'static str, change: Change) {
        for article in &change.created {
            self.contents.insert((id.to_owned(), article.version), article.clone());
        }
        let record = after(&self.record(id), &change, self.latest() + 1);
        self.records.insert(id, record);
        self.last.insert(id, change);
    }

    fn publish(&mut self) {
        let published = self.records.values().flat_map(|record| {
            let heads = record.versions.iter().filter(|head| head.status == Status::Published);
            heads.map(|head| (record.id.clone(), head.version))
        });
        let published = published
            .map(|key| Article { status: Status::Published, ..self.contents[&key].clone() });
        self.served.push(published.collect());
    }
}

/// Does the same to `store`, which must be empty, and to the model; panics where they differ.
pub(in crate::store) async fn run(store: &dyn Store, ops: Vec<Op>) {
    let mut model = Model { served: vec![Vec::new()], ..Model::default() };
    for op in ops {
        step(store, &mut model, op).await;
        let publications = store.publications().await.unwrap();
        assert_eq!(publications, Publications { latest: model.latest(), pinned: model.pinned });
    }
    for id in IDS {
        assert_eq!(store.article(id).await.unwrap().as_ref(), model.records.get(id));
    }
    for (publication, served) in (0..).zip(&model.served) {
        let stored = store.served_at(publication, None, 1000).await.unwrap();
        assert_eq!(&stored, served, "at publication {publication}");
    }
    for (a, before) in (0..).zip(&model.served) {
        let changed = store.changed_between(a, model.latest()).await.unwrap();
        let now = &model.served[model.served.len() - 1];
        for id in IDS {
            let of = |articles: &[Article]| -> Vec<u32> {
                articles.iter().filter(|x| x.id == id).map(|x| x.version).collect()
            };
            let differs = of(before) != of(now);
            assert!(!differs || changed.iter().any(|changed| changed == id), "{id} since {a}");
        }
    }
}

async fn step(store: &dyn Store, model: &mut Model, op: Op) {
    let (id, edit) = match op {
        Op::Save(i) => (IDS[i], save(&format!("第 {} 次？", model.contents.len()))),
        Op::Submit(i) => (IDS[i], Edit::Submit),
        Op::Approve(i) => (IDS[i], Edit::Approve),
        Op::Publish(i) => (IDS[i], Edit::Publish),
        Op::Archive(i) => (IDS[i], Edit::Archive),
        Op::Import(gap) => return import(store, model, gap).await,
        Op::Repeat(i) => {
            if let Some(change) = model.last.get(IDS[i]) {
                let refused = store.commit_edit(change.clone()).await;
                assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
            }
            return;
        }
        Op::Pin(publication) => {
            let exists = publication.is_none_or(|number| number <= model.latest());
            let pinned = store.pin(publication, &actor("编辑甲"), at(0)).await;
            assert_eq!(pinned.is_ok(), exists, "{pinned:?}");
            model.pinned = if exists { publication } else { model.pinned };
            return;
        }
        Op::Bump => {
            let number = store.bump_publication(&actor("编辑甲"), at(0)).await.unwrap();
            assert_eq!(number, model.latest() + 1);
            return model.publish();
        }
    };
    let record = model.record(id);
    let Ok(change) = apply(&record, edit, by("编辑甲", &record), LOOSE) else { return };
    let committed = store.commit_edit(change.clone()).await.unwrap();
    let expected = change.touches_readers().then(|| model.latest() + 1);
    assert_eq!(committed.publication, expected);
    model.take(id, change);
    if expected.is_some() {
        model.publish();
    }
}

async fn import(store: &dyn Store, model: &mut Model, gap: u32) {
    let mut changes = Vec::new();
    for id in IDS {
        let record = model.record(id);
        let latest = record.latest().map_or(0, |head| head.version);
        let articles = [(gap, Status::Published), (gap + 1, Status::Draft)];
        let articles = articles.map(|(above, status)| article(id, latest + above, status));
        let edit = Edit::Import(articles.to_vec());
        changes.push((id, apply(&record, edit, by("编辑甲", &record), LOOSE).unwrap()));
    }
    let committed = store.import(changes.iter().map(|(_, change)| change.clone()).collect()).await;
    assert_eq!(committed.unwrap().publication, Some(model.latest() + 1));
    for (id, change) in changes {
        model.take(id, change);
    }
    model.publish();
}
