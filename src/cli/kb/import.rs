//! `fenzhen kb import`: articles from files into the store.

use super::convert::read;
use super::{By, Place, exit, print_json, runtime};
use fenzhen::app::exchange::{ImportPlan, ImportSettings, known_ids};
use fenzhen::app::{editorial_policy, open_articles};
use fenzhen::kb::exchange::Format;
use jiff::Timestamp;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(crate) struct ImportArgs {
    /// What to read.
    #[arg(value_name = "FILE|DIR")]
    from: PathBuf,
    /// Its format, where the end of the name does not say it: markdown, csv, xlsx or jsonl.
    #[arg(long, value_parser = format)]
    format: Option<Format>,
    /// Only tell what would happen, with every fault by row.
    #[arg(long)]
    dry_run: bool,
    /// Bring rows whose status is `published` to readers at once; without it they become drafts.
    /// Needs `kb.require_review = false`.
    #[arg(long)]
    publish: bool,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    place: Place,
}

/// The word that HTTP uses too.
fn format(word: &str) -> Result<Format, String> {
    serde_json::from_value(word.into()).map_err(|_| "write markdown, csv, xlsx or jsonl".to_owned())
}

pub(super) fn run(args: &ImportArgs) -> anyhow::Result<ExitCode> {
    let config = args.place.load()?;
    let report = runtime()?.block_on(async {
        let store = open_articles(&config).await?;
        let known = known_ids(&*store).await?;
        let dry = read(&args.from, args.format, &|id| known.contains(id))?;
        let settings = ImportSettings {
            actor: args.by.actor.clone(),
            at: Timestamp::now(),
            publish: args.publish,
            policy: editorial_policy(&config),
        };
        let plan = ImportPlan::new(&*store, dry, &settings).await?;
        if args.dry_run {
            return anyhow::Ok(plan.report);
        }
        Ok(plan.store(&*store).await?)
    })?;
    let sound = report.faults.is_empty();
    if args.place.settings.json {
        print_json(&report)?;
        return Ok(exit(sound));
    }
    for fault in &report.faults {
        out!("fault: {fault}\n       {}", fault.message_zh);
    }
    let stored = match (report.stored, report.publication) {
        (true, Some(number)) => format!("stored as publication {number}"),
        (true, None) => "stored".to_owned(),
        (false, _) => format!("{} faults, nothing stored", report.faults.len()),
    };
    out!(
        "{} new, {} changed, {} unchanged versions; {stored}",
        report.new,
        report.changed,
        report.unchanged
    );
    Ok(exit(sound))
}
