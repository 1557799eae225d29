//! `fenzhen kb`: the knowledge base in its store, with or without a service that runs beside it.

mod backup;
mod check;
mod convert;
mod export;
mod features;
mod import;
mod reindex;
mod search;

use super::{Settings, exit, print_json};
use backup::{BackupArgs, RestoreArgs};
use check::CheckArgs;
use clap::Subcommand;
use convert::ConvertArgs;
use export::ExportArgs;
use features::FeaturesArgs;
use fenzhen::config::Config;
use fenzhen::kb::editorial::Actor;
use import::ImportArgs;
use reindex::ReindexArgs;
use search::SearchArgs;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::runtime::Runtime;

#[derive(Debug, Subcommand)]
pub(crate) enum KbCommand {
    /// Search the articles in force.
    Search(SearchArgs),
    /// Index articles anew; running services on the same store do so too.
    Reindex(ReindexArgs),
    /// Take articles into the store: a folder or .zip of Markdown, .csv, .xlsx, .jsonl; all or nothing.
    Import(ImportArgs),
    /// Write articles of the store to a folder or file.
    Export(ExportArgs),
    /// Check the folder of articles: every fault with file and line, then what editors should look at.
    Check(CheckArgs),
    /// Write the whole knowledge base, history included, to a zip.
    Backup(BackupArgs),
    /// Put a backup into an empty store.
    Restore(RestoreArgs),
    /// Turn articles from one format into another: a folder or .zip of Markdown, .csv, .xlsx, .jsonl.
    Convert(ConvertArgs),
    /// What ranking sees of each candidate of some queries, for fitting its weights.
    Features(FeaturesArgs),
}

/// Where the knowledge base is.
#[derive(Debug, clap::Args)]
pub(crate) struct Place {
    /// Folder for everything the service writes; database and index lie below it.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
}

impl Place {
    fn load(&self) -> anyhow::Result<Config> {
        let mut config = self.settings.load()?;
        if let Some(data_dir) = &self.data_dir {
            config.data_dir.clone_from(data_dir);
        }
        Ok(config)
    }
}

/// Who does it.
#[derive(Debug, clap::Args)]
struct By {
    /// The name that the history keeps.
    #[arg(long, value_name = "NAME", default_value = "cli", value_parser = actor)]
    actor: Actor,
}

fn actor(name: &str) -> Result<Actor, String> {
    Actor::try_from(name.to_owned()).map_err(|error| error.to_string())
}

/// A runtime for store and index.
fn runtime() -> anyhow::Result<Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

pub(crate) fn run(command: &KbCommand) -> anyhow::Result<ExitCode> {
    match command {
        KbCommand::Features(args) => features::run(args),
        KbCommand::Search(args) => search::run(args),
        KbCommand::Reindex(args) => reindex::run(args),
        KbCommand::Import(args) => import::run(args),
        KbCommand::Export(args) => export::run(args),
        KbCommand::Check(args) => check::run(args),
        KbCommand::Backup(args) => backup::backup(args),
        KbCommand::Restore(args) => backup::restore(args),
        KbCommand::Convert(args) => convert::run(args),
    }
}
