//! One file per subcommand; this one only chooses.

mod text;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Fenzhen (分诊): triage and routing of Chinese customer messages.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run parts of the text path.
    #[command(subcommand)]
    Text(text::TextCommand),
}

/// Runs the chosen command; a failure is printed once, on standard error.
pub(crate) fn run(cli: Cli) -> ExitCode {
    let result = match cli.command {
        Command::Text(command) => text::run(&command),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("fenzhen: {error:#}");
            ExitCode::FAILURE
        }
    }
}
