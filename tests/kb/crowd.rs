//! Ten thousand edits, publications, pins and searches side by side, compared with a plain model:
//! readers only ever see published, valid versions of one generation.

use super::{SMALL, Stop, TODAY, article, change};
use crate::support::open_knowledge;
use fenzhen::app::Knowledge;
use fenzhen::kb::Query;
use fenzhen::kb::article::{Article, Status};
use fenzhen::kb::editorial::{Actor, Change, Edit};
use fenzhen::store::StoreError;
use jiff::Timestamp;
use jiff::civil::Date;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const N_EDITORS: u64 = 4;
const N_EDITS: usize = 400;
const N_SEARCHERS: usize = 3;
const N_SEARCHES: usize = 2_800;
/// Few, so that editors meet.
const N_ARTICLES: u64 = 6;

/// What a search saw: the generation, and of each of our articles version and text.
type Seen = (u64, Vec<(String, u32, String)>);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_see_published_versions_of_one_generation() {
    let folder = tempfile::tempdir().unwrap();
    let node = Arc::new(open_knowledge(folder.path(), SMALL, None).await);
    let before = node.store.publications().await.unwrap().latest;
    let follower = tokio::spawn(node.indexer.clone().run());
    let editors: Vec<_> =
        (0..N_EDITORS).map(|seed| tokio::spawn(editor(node.clone(), seed, before))).collect();
    let done = Arc::new(AtomicBool::new(false));
    let stopper = Stop(done.clone());
    let searchers = [(); N_SEARCHERS].map(|()| {
        let (node, done) = (node.clone(), done.clone());
        tokio::task::spawn_blocking(move || {
            // As many as promised, and until the last edit.
            let go_on = |n: &usize| *n < N_SEARCHES || !done.load(Ordering::Relaxed);
            (0..).take_while(go_on).map(|_| search(&node)).collect::<Vec<Seen>>()
        })
    });
    let mut changes = BTreeMap::new();
    let mut texts = BTreeMap::new();
    for editor in editors {
        let edited = editor.await.unwrap();
        changes.extend(edited.published);
        texts.extend(edited.texts);
    }
    drop(stopper);
    let model = replay(before, &changes, &texts);
    let (mut n_searches, mut generations) = (0, std::collections::BTreeSet::new());
    for searcher in searchers {
        for (generation, seen) in searcher.await.unwrap() {
            n_searches += 1;
            generations.insert(generation);
            let served = &model[usize::try_from(generation - before).unwrap()];
            let mut seen = seen;
            seen.sort();
            assert_eq!(&seen, served, "generation {generation}");
        }
    }
    follower.abort();
    let n_edits = N_EDITS * usize::try_from(N_EDITORS).unwrap();
    assert!(n_edits + n_searches >= 10_000, "{n_edits} edits, {n_searches} searches");
    assert!(generations.len() > 10, "readers saw {} generations", generations.len());
    assert!(changes.len() > n_edits / 10, "{} publications", changes.len());
    eprintln!(
        "{n_edits} edits, {} publications, {n_searches} searches, {} generations seen",
        changes.len(),
        generations.len()
    );
}

#[derive(Default)]
struct Edited {
    /// The changes that took a publication number.
    published: BTreeMap<u64, Option<Change>>,
    /// Each version that was saved.
    texts: BTreeMap<(String, u32), Article>,
}

/// Edits what comes, as others do at the same time; who comes second has lost the edit.
async fn editor(node: Arc<Knowledge>, seed: u64, before: u64) -> Edited {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut edited = Edited::default();
    let actor = Actor::try_from(format!("编辑{seed}")).unwrap();
    for n in 0..N_EDITS {
        let id = format!("crowd-{}", random.next_u64() % N_ARTICLES);
        let edit = match random.next_u64() % 20 {
            0..8 => {
                let mut article = article(&id, 1, &format!("第 {seed} 位的第 {n} 次"));
                // Some are over already, some are still to come.
                match random.next_u64() % 8 {
                    0 => article.valid_until = Some(Date::constant(2026, 2, 1)),
                    1 => article.valid_from = Date::constant(2027, 1, 1),
                    _ => {}
                }
                Edit::Save(Box::new(article))
            }
            8..16 => Edit::Publish,
            16 => Edit::Archive,
            17 => {
                let latest = node.store.publications().await.unwrap().latest;
                let number = before + random.next_u64() % (latest - before + 1);
                // Where two editors meet in SQLite, one may be too late.
                let _ = node.store.pin(Some(number), &actor, Timestamp::now()).await;
                node.indexer.published();
                continue;
            }
            _ => {
                let _ = node.store.pin(None, &actor, Timestamp::now()).await;
                node.indexer.published();
                continue;
            }
        };
        let Some(change) = change(&node, &id, edit).await else { continue };
        match node.store.commit_edit(change.clone()).await {
            Ok(committed) => {
                for article in &change.created {
                    edited.texts.insert((id.clone(), article.version), article.clone());
                }
                if let Some(number) = committed.publication {
                    edited.published.insert(number, Some(change));
                    node.indexer.published();
                    // Now and then somebody waits to see it, so that readers get to see many.
                    if n % 30 == 0 {
                        // A process that another test forks holds the lock until it runs its program.
                        let _ = node.indexer.follow().await;
                    }
                }
            }
            Err(StoreError::Conflict) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    edited
}

fn search(node: &Knowledge) -> Seen {
    let query = Query { limit: 50, ..Query::new("长颈鹿怎么喂养？", TODAY) };
    let found = node.kb.search(&query).unwrap();
    let ours = found.hits.into_iter().filter(|hit| hit.article_id.starts_with("crowd-"));
    let seen = ours.map(|hit| (hit.article_id, hit.version, hit.answer)).collect();
    (found.generation, seen)
}

/// What readers get at each publication from `before` on.
fn replay(
    before: u64,
    changes: &BTreeMap<u64, Option<Change>>,
    texts: &BTreeMap<(String, u32), Article>,
) -> Vec<Vec<(String, u32, String)>> {
    let mut published: BTreeMap<(String, u32), &Article> = BTreeMap::new();
    let mut model = vec![Vec::new()];
    for (number, (publication, change)) in (before + 1..).zip(changes) {
        assert_eq!(number, *publication, "numbers come in a row");
        let change = change.as_ref().unwrap();
        for m in &change.moves {
            let key = (change.article_id.clone(), m.version);
            match (m.from, m.to) {
                (_, Status::Published) => drop(published.insert(key.clone(), &texts[&key])),
                (Status::Published, _) => drop(published.remove(&key)),
                _ => {}
            }
        }
        let mut highest: BTreeMap<&str, &Article> = BTreeMap::new();
        for ((id, _), &article) in &published {
            let until = article.valid_until.is_none_or(|day| TODAY <= day);
            if article.valid_from <= TODAY && until {
                highest.insert(id, article);
            }
        }
        let seen = highest.into_values();
        model.push(seen.map(|a| (a.id.clone(), a.version, a.body.clone())).collect());
    }
    model
}
