//! `fenzhen route`.

use super::classify::PATIENCE;
use super::{Settings, json_argument, print_json, runtime};
use clap::Args;
use fenzhen::app::{Vocabulary, build_triage};
use fenzhen::routing::{Decision, RowResult, Trace};
use fenzhen::triage::classification::Classification;
use fenzhen::triage::customer::Customer;
use fenzhen::triage::{ClassifyOptions, Situation};
use jiff::Timestamp;
use serde::Serialize;
use std::process::ExitCode;
use std::time::Instant;

#[derive(Debug, Args)]
pub(crate) struct RouteArgs {
    /// The customer's words.
    #[arg(long)]
    text: String,
    /// Facts about the customer, such as '{"tags":["vip"],"vip_level":3}'.
    #[arg(long, value_name = "JSON", value_parser = json_argument::<Customer>)]
    customer: Option<Customer>,
    /// Where the customer speaks.
    #[arg(long, default_value = "unknown")]
    channel: String,
    /// Failed bot turns in a row.
    #[arg(long, default_value_t = 0)]
    strikes: u8,
    /// Another time than the present, RFC 3339.
    #[arg(long, value_name = "TIME")]
    now: Option<Timestamp>,
    /// Tell which rules matched, and which did not and why.
    #[arg(long)]
    explain: bool,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Serialize)]
struct Routed {
    decision: Decision,
    classification: Classification,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<Trace>,
}

pub(crate) fn run(args: &RouteArgs) -> anyhow::Result<ExitCode> {
    let customer = args.customer.clone().unwrap_or_default();
    let config = args.settings.load()?;
    let (triage, _) = build_triage(&config, &Vocabulary::load(&config)?)?;
    let now = args.now.unwrap_or_else(Timestamp::now);
    let deadline = Instant::now() + PATIENCE;
    let options = ClassifyOptions { top_k: 5, explain: false, now, deadline };
    let classification = runtime()?.block_on(triage.classify(&args.text, options))?;
    let situation =
        Situation { customer: &customer, channel: &args.channel, strikes: args.strikes, now };
    let (decision, trace) = triage.decide(&classification, situation, args.explain);
    if args.settings.json {
        print_json(&Routed { decision, classification, trace })?;
    } else {
        print(&decision, trace.as_ref());
    }
    Ok(ExitCode::SUCCESS)
}

fn print(decision: &Decision, trace: Option<&Trace>) {
    let score = decision.priority_score;
    out!("{} {}", decision.skill_group.id, decision.skill_group.name);
    out!(
        "{} = impact {} + urgency {} + value {} = {}",
        decision.priority,
        score.impact,
        score.urgency,
        score.value,
        score.total
    );
    out!("first reply by {}, solved by {}", decision.sla.first_reply_due, decision.sla.resolve_due);
    out!("tags: {}", decision.tags.join(", "));
    for hint in &decision.reply_hints {
        out!("- {hint}");
    }
    out!("by {} ({})", decision.rule_set, decision.matched.join(", "));
    for section in trace.iter().flat_map(|trace| &trace.sections) {
        out!("\n{}", section.section);
        for row in &section.rows {
            let why = match (&row.result, &row.failed) {
                (RowResult::PassedOver, Some(failed)) => {
                    let facts = serde_json::to_string(&failed.facts).unwrap_or_default();
                    format!("{} with {facts}", failed.condition)
                }
                _ => String::new(),
            };
            out!("  {:12} {:32} {why}", format!("{:?}", row.result), row.id);
        }
    }
}
