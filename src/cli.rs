//! One file per subcommand; this one only chooses.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing is the command line's job")]

/// `println!` that ends the process quietly where the reader has gone, as in `… | head -1`.
macro_rules! out {
    ($($arg:tt)*) => {
        $crate::cli::write_line(format_args!($($arg)*))
    };
}

mod classify;
mod eval;
mod kb;
mod model;
mod route;
mod rules;
mod serve;
mod text;

use clap::{Args, Parser, Subcommand};
use fenzhen::config::{Config, LogFormat};
use fenzhen::telemetry;
use serde::Serialize;
use std::io::Write;
use std::path::PathBuf;
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
    /// Run the service.
    Serve(serve::ServeArgs),
    /// Understand one text, or a line each from standard input.
    Classify(classify::ClassifyArgs),
    /// Decide on one message.
    Route(route::RouteArgs),
    /// Measure models, search and conversations on labelled data.
    #[command(subcommand)]
    Eval(eval::EvalCommand),
    /// The knowledge base.
    #[command(subcommand)]
    Kb(kb::KbCommand),
    /// The rule set.
    #[command(subcommand)]
    Rules(rules::RulesCommand),
    /// Model bundles.
    #[command(subcommand)]
    Model(model::ModelCommand),
    /// Run parts of the text path.
    #[command(subcommand)]
    Text(text::TextCommand),
}

/// Options that every command with settings takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Settings {
    /// Settings over the defaults; environment variables FENZHEN_SECTION__NAME go over both.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print one JSON document on standard output.
    #[arg(long)]
    json: bool,
}

impl Settings {
    /// The configuration; log lines for people at the level of warnings.
    fn load(&self) -> anyhow::Result<Config> {
        let mut config = Config::load(self.config.as_deref())?;
        config.log.format = LogFormat::Text;
        if config.log.level == "info" {
            "warn".clone_into(&mut config.log.level);
        }
        telemetry::init_logs(&config.log).map_err(anyhow::Error::msg)?;
        Ok(config)
    }
}

/// Runs the chosen command; a failure is printed once, on standard error.
pub(crate) fn run(cli: Cli) -> ExitCode {
    let result = match cli.command {
        Command::Serve(args) => serve::run(&args),
        Command::Classify(args) => classify::run(&args),
        Command::Route(args) => route::run(&args),
        Command::Eval(command) => eval::run(&command),
        Command::Kb(command) => kb::run(&command),
        Command::Rules(command) => rules::run(&command),
        Command::Model(command) => model::run(&command),
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

/// Writes one line to standard output.
fn write_line(line: std::fmt::Arguments<'_>) {
    if let Err(error) = writeln!(std::io::stdout(), "{line}") {
        let code = i32::from(error.kind() != std::io::ErrorKind::BrokenPipe);
        std::process::exit(code);
    }
}

/// An argument that is JSON.
fn json_argument<T: serde::de::DeserializeOwned>(json: &str) -> Result<T, String> {
    serde_json::from_str(json).map_err(|error| error.to_string())
}

/// One JSON document on standard output.
fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    out!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

/// Success, or 1 for a check that failed.
fn exit(passed: bool) -> ExitCode {
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A runtime for commands that wait for the model's workers.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}
