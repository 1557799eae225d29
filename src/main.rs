//! The command line: parses arguments, calls the library, prints.
//!
//! Exit status: 0 success, 1 a failed check or run, 2 wrong use.

mod cli;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run(cli::Cli::parse())
}
