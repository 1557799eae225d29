//! `fenzhen kb backup` and `restore`.

use super::{Place, print_json, runtime};
use anyhow::Context;
use fenzhen::app::backup::{self, Manifest};
use fenzhen::app::{index_dir, open_store};
use jiff::Timestamp;
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(crate) struct BackupArgs {
    /// The zip to write; replaced once the new one is whole.
    #[arg(value_name = "FILE.zip")]
    to: PathBuf,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RestoreArgs {
    /// The backup.
    #[arg(value_name = "FILE.zip")]
    from: PathBuf,
    #[command(flatten)]
    place: Place,
}

pub(super) fn backup(args: &BackupArgs) -> anyhow::Result<ExitCode> {
    let config = args.place.load()?;
    let manifest = runtime()?.block_on(async {
        let store = open_store(&config).await?;
        anyhow::Ok(backup::write(&store, &args.to, Timestamp::now()).await?)
    })?;
    told(&args.place, &manifest)
}

pub(super) fn restore(args: &RestoreArgs) -> anyhow::Result<ExitCode> {
    let config = args.place.load()?;
    let manifest = runtime()?.block_on(async {
        // Not filled from the folder of articles, as it is for other commands.
        let store = open_store(&config).await?;
        anyhow::Ok(backup::restore(&store, &args.from).await?)
    })?;
    // An index of another store may bear the same number.
    let index = index_dir(&config);
    match fs::remove_dir_all(&index) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("remove {} yourself", index.display()))?;
        }
        _ => {}
    }
    told(&args.place, &manifest)
}

fn told(place: &Place, manifest: &Manifest) -> anyhow::Result<ExitCode> {
    if place.settings.json {
        print_json(manifest)?;
        return Ok(ExitCode::SUCCESS);
    }
    for file in &manifest.tables {
        out!("{:>8} {}", file.rows, file.table);
    }
    Ok(ExitCode::SUCCESS)
}
