//! `fenzhen kb reindex`: a new index generation, with a bar; Ctrl-C calls it off.

use super::{By, Place, exit, print_json, runtime};
use anyhow::bail;
use fenzhen::app::index::job::{Job, JobView};
use fenzhen::app::{Knowledge, Vocabulary};
use indicatif::{ProgressBar, ProgressStyle};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Between two looks at the job.
const TICK: Duration = Duration::from_millis(50);

#[derive(Debug, clap::Args)]
pub(crate) struct ReindexArgs {
    /// Ids of articles; everything where absent.
    ids: Vec<String>,
    /// Everything, said plainly.
    #[arg(long, conflicts_with = "ids")]
    all: bool,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(args: &ReindexArgs) -> anyhow::Result<ExitCode> {
    let config = args.place.load()?;
    let vocabulary = Vocabulary::load(&config)?;
    runtime()?.block_on(async {
        let started = Instant::now();
        // The index as it lies there: it is built anew in any case.
        let knowledge = Knowledge::connect(&config, &vocabulary).await?;
        for id in &args.ids {
            if knowledge.store.article(id).await?.is_none() {
                bail!("there is no article {id}");
            }
        }
        let ids = (!args.ids.is_empty()).then(|| args.ids.clone());
        let interrupt = signal(SignalKind::interrupt())?;
        let job = knowledge.indexer.reindex(ids, args.by.actor.clone());
        let view = watch(&job, interrupt).await?;
        if args.place.settings.json {
            print_json(&view)?;
            return Ok(exit(view.state == "done"));
        }
        match view {
            JobView { reason: Some(reason), .. } => bail!("{reason}"),
            JobView { state: "done", done, generation, .. } => out!(
                "generation {}: {done} versions in {} ms",
                generation.unwrap_or_default(),
                started.elapsed().as_millis()
            ),
            _ => out!("called off; the generation before goes on serving"),
        }
        Ok(exit(view.state == "done"))
    })
}

/// Shows a bar until the job has ended.
async fn watch(job: &Job, mut interrupt: Signal) -> anyhow::Result<JobView> {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} versions {eta}")?;
    let bar = ProgressBar::new(0).with_style(style);
    let mut ticks = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            // What was built so far is thrown away, then the job ends.
            _ = interrupt.recv() => job.cancel(),
        }
        let view = job.view();
        bar.set_length(view.total as u64);
        bar.set_position(view.done as u64);
        if view.state != "running" {
            bar.finish_and_clear();
            return Ok(view);
        }
    }
}
