//! `fenzhen text`: the text path on standard input, a line each; the training pipeline uses it so
//! that a model is trained on exactly what it will read.

use clap::Subcommand;
use fenzhen::text::entity::{EntityFinder, Products};
use fenzhen::text::normalize::Normalizer;
use std::io::{self, BufRead, BufWriter, Write};
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub(crate) enum TextCommand {
    /// Write each line of standard input in normalised form.
    Normalize,
    /// Write each line of standard input with personal data masked.
    Mask,
}

pub(crate) fn run(command: &TextCommand) -> anyhow::Result<ExitCode> {
    let normalizer = Normalizer::new();
    let finder = EntityFinder::new(Products::none());
    let mut out = BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let line = line?;
        let normalized = normalizer.normalize(&line);
        match command {
            TextCommand::Normalize => writeln!(out, "{}", normalized.text())?,
            TextCommand::Mask => writeln!(out, "{}", finder.mask(&line, &normalized))?,
        }
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}
