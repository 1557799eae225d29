//! `fenzhen rules`.

use super::{Settings, exit, json_argument, print_json};
use anyhow::Context;
use clap::Subcommand;
use fenzhen::app::load_rules;
use fenzhen::routing::case::CaseFile;
use fenzhen::routing::{Facts, RuleError};
use jiff::Timestamp;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one of it in a process")]
pub(crate) enum RulesCommand {
    /// Check a rule file: every fault with line and column.
    Check {
        /// The file; without it the one in the settings.
        file: Option<PathBuf>,
        #[command(flatten)]
        settings: Settings,
    },
    /// Decide on given facts and tell why and why not.
    Explain {
        /// The facts, such as '{"intent":"shipping.delay","sentiment":"negative"}'.
        #[arg(long, value_name = "JSON", value_parser = json_argument::<Facts>)]
        facts: Facts,
        /// Another time than the present, RFC 3339.
        #[arg(long, value_name = "TIME")]
        now: Option<Timestamp>,
        #[command(flatten)]
        settings: Settings,
    },
    /// Run rule cases: turn, expected decision, expected rows.
    Test {
        /// A file of cases.
        cases: PathBuf,
        #[command(flatten)]
        settings: Settings,
    },
}

pub(crate) fn run(command: &RulesCommand) -> anyhow::Result<ExitCode> {
    match command {
        RulesCommand::Check { file, settings } => check(file.as_ref(), settings),
        RulesCommand::Explain { facts, now, settings } => explain(facts, *now, settings),
        RulesCommand::Test { cases, settings } => test(cases, settings),
    }
}

fn check(file: Option<&PathBuf>, settings: &Settings) -> anyhow::Result<ExitCode> {
    let mut config = settings.load()?;
    if let Some(file) = file {
        config.rules.file.clone_from(file);
    }
    match load_rules(&config) {
        Ok(rule_set) => {
            if settings.json {
                print_json(&json!({
                    "rule_set": rule_set.id(), "rows": rule_set.rows().len(),
                    "skill_groups": rule_set.groups().len(), "faults": [],
                    "warnings": rule_set.warnings(),
                }))?;
            } else {
                out!(
                    "{}: {} rows, {} skill groups, no faults",
                    rule_set.id(),
                    rule_set.rows().len(),
                    rule_set.groups().len()
                );
                for warning in rule_set.warnings() {
                    out!("warning: {warning}");
                }
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            let Some(rule_error) = error.downcast_ref::<RuleError>() else { return Err(error) };
            if settings.json {
                print_json(&json!({ "faults": rule_error.faults() }))?;
            } else {
                for fault in rule_error.faults() {
                    out!("{}:{fault}", config.rules.file.display());
                }
            }
            Ok(ExitCode::FAILURE)
        }
    }
}

fn explain(facts: &Facts, now: Option<Timestamp>, settings: &Settings) -> anyhow::Result<ExitCode> {
    let rule_set = load_rules(&settings.load()?)?;
    let (decision, trace) = rule_set.explain(facts, now.unwrap_or_else(Timestamp::now));
    print_json(&json!({ "decision": decision, "trace": trace }))?;
    Ok(ExitCode::SUCCESS)
}

fn test(cases: &PathBuf, settings: &Settings) -> anyhow::Result<ExitCode> {
    let rule_set = load_rules(&settings.load()?)?;
    let path = cases.display().to_string();
    let text = std::fs::read_to_string(cases).with_context(|| path.clone())?;
    let report = CaseFile::parse(&text).with_context(|| path)?.run(&rule_set);
    if settings.json {
        print_json(&report)?;
    } else {
        for result in report.results.iter().filter(|result| !result.passed()) {
            out!("FAILED {}\n  {}", result.name, result.differences.join("\n  "));
        }
        out!("{} cases, {} failed", report.n_cases, report.n_failed);
        if !report.untried_rows.is_empty() {
            out!("rows without a case: {}", report.untried_rows.join(", "));
        }
    }
    Ok(exit(report.n_failed == 0))
}
