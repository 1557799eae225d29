//! `fenzhen kb export`: articles of the store to files.

use super::convert::{format_of, write};
use super::{Place, print_json, runtime};
use fenzhen::app::exchange::{Which, export};
use fenzhen::app::open_articles;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(crate) struct ExportArgs {
    /// What to write: a new folder, or a file .csv, .xlsx, .jsonl or .zip (of Markdown).
    #[arg(value_name = "DIR|FILE")]
    to: PathBuf,
    /// All versions; without it the highest of each article.
    #[arg(long, conflicts_with = "served")]
    all_versions: bool,
    /// Those that readers may get.
    #[arg(long)]
    served: bool,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(args: &ExportArgs) -> anyhow::Result<ExitCode> {
    let format = format_of(&args.to)?;
    let config = args.place.load()?;
    let which = match (args.all_versions, args.served) {
        (true, _) => Which::All,
        (_, true) => Which::Served,
        _ => Which::Latest,
    };
    let articles = runtime()?
        .block_on(async { anyhow::Ok(export(&*open_articles(&config).await?, which).await?) })?;
    write(&args.to, format, &articles)?;
    if args.place.settings.json {
        print_json(&json!({ "versions": articles.len(), "written": args.to }))?;
    } else {
        out!("{} versions written to {}", articles.len(), args.to.display());
    }
    Ok(ExitCode::SUCCESS)
}
