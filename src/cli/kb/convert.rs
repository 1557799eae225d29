//! `fenzhen kb convert`: articles from one format into another, without a service or a store.

use crate::cli::{exit, print_json};
use anyhow::{Context, bail};
use fenzhen::kb::article::Article;
use fenzhen::kb::exchange::{self, Dry, Format, Reading};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Zoned;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(crate) struct ConvertArgs {
    /// What to read; the end of the name says the format.
    #[arg(long, value_name = "FILE|DIR")]
    from: PathBuf,
    /// What to write; a folder must be new or empty, a file is replaced.
    #[arg(long, value_name = "FILE|DIR", required_unless_present = "dry_run")]
    to: Option<PathBuf>,
    /// Only list what is wrong, row by row.
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON document on standard output.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &ConvertArgs) -> anyhow::Result<ExitCode> {
    let target = match &args.to {
        Some(path) => Some((path, format_of(path)?)),
        None => None,
    };
    let dry = read(&args.from, None, &|_| false)?;
    let sound = dry.faults.is_empty();
    let (n_articles, faults) = (dry.articles.len(), dry.faults.clone());
    let mut written = None;
    if let Some((path, format)) = target.filter(|_| sound && !args.dry_run) {
        write(path, format, &dry.into_articles())?;
        written = Some(path);
    }
    if args.json {
        print_json(&json!({ "versions": n_articles, "faults": faults, "written": written }))?;
        return Ok(exit(sound));
    }
    for fault in &faults {
        out!("fault: {fault}\n       {}", fault.message_zh);
    }
    match written {
        Some(path) => out!("{n_articles} versions written to {}", path.display()),
        None => out!("{n_articles} sound versions, {} faults, nothing written", faults.len()),
    }
    Ok(exit(sound))
}

pub(super) fn format_of(path: &Path) -> anyhow::Result<Format> {
    Format::of_path(path).with_context(|| {
        format!(
            "{}: the name must end in .zip, .csv, .xlsx or .jsonl, or be a folder",
            path.display()
        )
    })
}

/// Reads a file or folder; `known` says whether an article exists outside it.
pub(super) fn read(
    path: &Path,
    format: Option<Format>,
    known: &dyn Fn(&str) -> bool,
) -> anyhow::Result<Dry> {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} rows {eta}")?;
    let bar = ProgressBar::new(0).with_style(style);
    let mut progress = |done: usize, total: usize| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    };
    let mut reading = Reading { today: Zoned::now().date(), known, progress: &mut progress };
    let dry = if path.is_dir() {
        exchange::read_dir(path, &mut reading)?
    } else {
        let format = format.map_or_else(|| format_of(path), Ok)?;
        let size = fs::metadata(path).with_context(|| path.display().to_string())?.len();
        if size > exchange::MAX_FILE_BYTES as u64 {
            bail!(
                "{}: {size} bytes, at most {} are read",
                path.display(),
                exchange::MAX_FILE_BYTES
            );
        }
        let bytes = fs::read(path).with_context(|| path.display().to_string())?;
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        exchange::read(format, &name, &bytes, &mut reading)
    };
    bar.finish_and_clear();
    Ok(dry)
}

pub(super) fn write(path: &Path, format: Format, articles: &[Article]) -> anyhow::Result<()> {
    // A name without an ending is a folder.
    if path.extension().is_none() {
        return Ok(exchange::write_dir(path, articles)?);
    }
    let bytes = exchange::write(format, articles)?;
    fs::write(path, bytes).with_context(|| path.display().to_string())
}
