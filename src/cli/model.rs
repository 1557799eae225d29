//! `fenzhen model`.

use super::{Settings, exit, print_json};
use clap::Subcommand;
use fenzhen::model::{Bundle, runtime};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub(crate) enum ModelCommand {
    /// Tell what a bundle holds and whether it is sound.
    Inspect {
        /// The bundle's folder.
        dir: PathBuf,
        #[command(flatten)]
        settings: Settings,
    },
}

pub(crate) fn run(command: &ModelCommand) -> anyhow::Result<ExitCode> {
    let ModelCommand::Inspect { dir, settings } = command;
    runtime::init(settings.load()?.model.library())?;
    let report = Bundle::inspect(dir);
    if settings.json {
        print_json(&report)?;
        return Ok(exit(report.sound));
    }
    out!("{}", report.id.as_deref().unwrap_or("(no id)"));
    for file in &report.files {
        out!("  {:16} {:>10} bytes  sha256 {}", file.name, file.size_bytes, file.sha256);
    }
    for tensor in &report.inputs {
        out!("  input  {tensor:?}");
    }
    for tensor in &report.outputs {
        out!("  output {tensor:?}");
    }
    out!("  {} labels: {}", report.labels.len(), report.labels.join(", "));
    if let Some(trial) = &report.trial {
        out!(
            "  trial: {} -> {} {:.3} in {} µs",
            trial.text,
            trial.label,
            trial.score,
            trial.took_us
        );
    }
    for problem in &report.problems {
        out!("  PROBLEM: {problem}");
    }
    out!("{}", if report.sound { "sound" } else { "not sound" });
    Ok(exit(report.sound))
}
