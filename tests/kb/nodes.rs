//! Two nodes on one database, each with its own index.

#![allow(clippy::print_stderr, reason = "what a test found is told to whoever runs it")]

use super::{SMALL, Stop, TODAY, article, change};
use crate::support::{open_knowledge, with_postgres};
use fenzhen::app::Knowledge;
use fenzhen::kb::Query;
use fenzhen::kb::editorial::Edit;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Publications of one run.
const N_PUBLICATIONS: u32 = 50;
/// Time within which another node serves what was published here, most of the time.
const CONVERGENCE: Duration = Duration::from_secs(2);
/// The same on a machine that is busy with other things.
const AT_MOST: Duration = Duration::from_secs(20);
/// Between two searches of a node.
const PAUSE: Duration = Duration::from_millis(2);
/// Articles that are always changed together.
const IDS: [&str; 3] = ["giraffe-a", "giraffe-b", "giraffe-c"];

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_on_postgresql_converge_and_never_mix() {
    with_postgres(|url| async move { converge(Some(&url)).await }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_on_one_file_converge_and_never_mix() {
    converge(None).await;
}

/// Two nodes; without `url` they share the database file of the first.
async fn nodes(folder: &Path, url: Option<&str>) -> [Arc<Knowledge>; 2] {
    let (a, b) = (folder.join("a"), folder.join("b"));
    let first = open_knowledge(&a, SMALL, url).await;
    if url.is_none() {
        std::fs::create_dir(&b).unwrap();
        std::os::unix::fs::symlink(a.join("fenzhen.db"), b.join("fenzhen.db")).unwrap();
    }
    [first, open_knowledge(&b, SMALL, url).await].map(Arc::new)
}

/// Publishes on the first node while both are searched: the text of each article is the number
/// of its publication.
async fn converge(url: Option<&str>) {
    let folder = tempfile::tempdir().unwrap();
    let nodes = nodes(folder.path(), url).await;
    let followers = nodes.clone().map(|node| tokio::spawn(node.indexer.clone().run()));
    let first = nodes[0].store.publications().await.unwrap().latest + 1;
    let (stop, n_searches) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let stopper = Stop(stop.clone());
    let searchers = nodes.clone().map(|node| {
        let (stop, n_searches) = (stop.clone(), n_searches.clone());
        tokio::task::spawn_blocking(move || {
            let mut last = 0;
            while !stop.load(Ordering::Relaxed) {
                std::thread::park_timeout(PAUSE);
                last = search(&node, first, last);
                n_searches.fetch_add(1, Ordering::Relaxed);
            }
        })
    });
    let mut times = Vec::new();
    for number in (first..).take(N_PUBLICATIONS as usize) {
        let version = u32::try_from(number).unwrap();
        let mut changes = Vec::new();
        for id in IDS {
            let edit = Edit::Import(vec![article(id, version, &number.to_string())]);
            changes.extend(change(&nodes[0], id, edit).await);
        }
        let committed = nodes[0].store.import(changes).await.unwrap();
        assert_eq!(committed.publication, Some(number));
        let published = Instant::now();
        nodes[0].indexer.published();
        // The other node has to find out by itself.
        while nodes[1].kb.generation().number != number {
            assert!(published.elapsed() < AT_MOST, "{number} is not served on the other node");
            tokio::time::sleep(PAUSE).await;
        }
        times.push(published.elapsed());
    }
    drop(stopper);
    for searcher in searchers {
        searcher.await.unwrap();
    }
    followers.iter().for_each(|follower| follower.abort());
    assert!(n_searches.load(Ordering::Relaxed) > 50, "searches went on meanwhile");
    times.sort_unstable();
    let (median, slowest) = (times[times.len() / 2], times[times.len() - 1]);
    assert!(median < CONVERGENCE, "{median:?}");
    eprintln!("median {median:?}, slowest {slowest:?}");
}

/// All articles of one answer belong to its generation, which is none older than `last`.
fn search(node: &Knowledge, first: u64, last: u64) -> u64 {
    let found = node.kb.search(&Query::new("长颈鹿怎么喂养？", TODAY)).unwrap();
    assert!(found.generation >= last, "{} after {last}", found.generation);
    let texts: Vec<&str> = found
        .hits
        .iter()
        .filter(|hit| IDS.contains(&hit.article_id.as_str()))
        .map(|hit| hit.answer.as_str())
        .collect();
    let number = found.generation.to_string();
    let expected =
        if found.generation >= first { vec![number.as_str(); IDS.len()] } else { vec![] };
    assert_eq!(texts, expected, "generation {number}");
    found.generation
}
