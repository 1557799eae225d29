//! Processes killed while they import, publish and index: what was answered is stored, what is
//! served is whole.
//!
//! `FENZHEN_TEST_KILLS=1000 cargo test --test main kb::crash` runs a thousand rounds.

use super::{SMALL, article, served};
use crate::support::{analyzer, open_knowledge, package};
use fenzhen::kb::exchange::{Format, write};
use fenzhen::kb::{KbSettings, KnowledgeBase, RebuildReason};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const VARIABLE: &str = "FENZHEN_TEST_KILLS";
const DEFAULT_ROUNDS: u32 = 30;
/// Articles of one import, stored together or not at all.
const N_ARTICLES: usize = 20;

/// What became of the rounds.
#[derive(Debug, Default)]
struct Figures {
    killed: u32,
    ended_before: u32,
    stored_although_killed: u32,
    old_served: u32,
    new_served: u32,
}

fn kb(data_dir: &Path, config: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fenzhen"));
    command
        .current_dir(package(""))
        .arg("kb")
        .args(args)
        .arg("--data-dir")
        .arg(data_dir)
        .arg("--config")
        .arg(config)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_leaves_the_old_or_the_new() {
    let rounds =
        std::env::var(VARIABLE).ok().map_or(DEFAULT_ROUNDS, |n| n.parse().expect("a number"));
    let folder = tempfile::tempdir().unwrap();
    let (data, config) = (folder.path().join("data"), folder.path().join("config.toml"));
    let articles = package(SMALL);
    let settings =
        format!("[kb]\nencoder = \"\"\nrequire_review = false\narticles = {articles:?}\n");
    std::fs::write(&config, settings).unwrap();
    let file = folder.path().join("articles.jsonl");
    let file_arg = file.to_str().unwrap().to_owned();
    let import = ["import", &file_arg, "--publish"];
    let reindex = ["reindex", "--all"];
    // The longest a command takes is the time within which it is killed.
    let mut longest = [Duration::ZERO; 2];
    let mut random = ChaCha8Rng::seed_from_u64(u64::from(rounds));
    let (mut figures, mut stored) = (Figures::default(), 0);
    for round in 1..=rounds + 2 {
        let which = (round % 2) as usize;
        let args: &[&str] = if which == 0 { &import } else { &reindex };
        let expected = if which == 0 {
            let text = round.to_string();
            let articles: Vec<_> =
                (0..N_ARTICLES).map(|i| article(&format!("kill-{i}"), round, &text)).collect();
            std::fs::write(&file, write(Format::Jsonl, &articles).unwrap()).unwrap();
            round
        } else {
            stored
        };
        let started = Instant::now();
        let mut child = kb(&data, &config, args).spawn().unwrap();
        // The first of each is left alone and timed.
        let ended = if longest[which].is_zero() {
            let ended = child.wait().unwrap().success();
            longest[which] = started.elapsed();
            ended
        } else {
            let after = longest[which].mul_f64((random.next_u32() as f64) / f64::from(u32::MAX));
            while started.elapsed() < after && child.try_wait().unwrap().is_none() {
                std::thread::yield_now();
            }
            let gone = child.try_wait().unwrap();
            // Gone already is fine.
            let _ = child.kill();
            let _ = child.wait();
            match gone {
                Some(status) => {
                    figures.ended_before += 1;
                    status.success()
                }
                None => {
                    figures.killed += 1;
                    false
                }
            }
        };
        let found = check(&data, &mut figures).await;
        assert!(found == stored || found == expected, "round {round}: {found} after {stored}");
        assert!(!ended || found == expected, "round {round}: what was answered is lost");
        figures.stored_although_killed += u32::from(!ended && found != stored);
        stored = found;
    }
    assert!(figures.killed > rounds / 4, "{figures:?}");
    eprintln!("{rounds} rounds: {figures:?}");
}

/// Opens store and index as they were left; tells which import is the last one stored.
async fn check(data: &Path, figures: &mut Figures) -> u32 {
    let settings = KbSettings { articles_dir: package(SMALL), index_dir: data.join("kb") };
    let (kb, reason) = KnowledgeBase::open(&settings, analyzer(), None).unwrap();
    assert!(matches!(reason, None | Some(RebuildReason::NoGeneration)), "{reason:?}");
    let generation = kb.generation();
    let node = open_knowledge(data, SMALL, None).await;
    let latest = node.store.publications().await.unwrap().latest;
    assert!(generation.number <= latest, "an index of what was never published");
    if generation.number < latest {
        figures.old_served += 1
    } else {
        figures.new_served += 1
    }
    let all = node.store.served_at(generation.number, None, 10_000).await.unwrap();
    assert_eq!(generation.n_versions, all.len(), "generation {}", generation.number);
    for article in served(&node, generation.number).await {
        assert_eq!(kb.article(&article.id, super::TODAY), Some(article));
    }
    // And the next start brings the rest.
    assert_eq!(node.kb.generation().number, latest);
    let now = served(&node, latest).await;
    let ours: Vec<_> = now.iter().filter(|article| article.id.starts_with("kill-")).collect();
    assert!(ours.is_empty() || ours.len() == N_ARTICLES, "{} of an import", ours.len());
    let version = ours.first().map_or(0, |article| article.version);
    for article in ours {
        assert_eq!((article.version, &article.body), (version, &version.to_string()));
    }
    version
}
